//! Opens the scenario that the user named, by a preset's name or a path.

use super::BadInput;
use crate::engine::data::{Files, NoFiles};
use crate::lab::files::{self, Disk};
use crate::lab::preset;
use crate::limits;
use crate::scenario::{ScenarioFault, decode};
use crate::text::{did_you_mean, excerpt};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// A scenario's text and its origin.
#[derive(Debug)]
pub struct OpenedText {
    /// The preset's name or the path, with which messages begin.
    pub name: String,
    /// The document.
    pub text: String,
    /// Access to its data files; `None` for a preset, which has none.
    pub disk: Option<Disk>,
}

impl OpenedText {
    /// The reader of its data files.
    pub fn files(&self) -> &dyn Files {
        match &self.disk {
            Some(disk) => disk,
            None => &NoFiles,
        }
    }

    /// The directory to which paths in the scenario are relative, absolute; empty for a preset.
    ///
    /// # Errors
    /// If the working directory no longer exists.
    pub fn base(&self) -> std::io::Result<PathBuf> {
        match &self.disk {
            None => Ok(PathBuf::new()),
            // The path of a file in the working directory has no parent directory.
            Some(disk) => std::path::absolute(Path::new(".").join(&disk.base)),
        }
    }

    /// The faults as messages.
    pub fn faults(&self, faults: &[ScenarioFault]) -> BadInput {
        BadInput(faults.iter().map(|f| f.in_file(&self.name)).collect())
    }

    /// The warnings as messages.
    pub fn warnings<'a>(&'a self, warnings: &'a [ScenarioFault]) -> impl Iterator<Item = String> + 'a {
        warnings.iter().map(|w| w.warning_in_file(&self.name))
    }
}

/// Opens a scenario by a preset's name or a path. A name without `/` and `.ron` is looked up among the presets first.
///
/// # Errors
/// The fault, beginning with its name.
pub fn open(name: &OsStr) -> Result<OpenedText, BadInput> {
    if let Some(preset) = name.to_str().and_then(preset::find) {
        return Ok(OpenedText { name: preset.name.into(), text: preset.text.into(), disk: None });
    }
    let shown = excerpt(&name.to_string_lossy(), limits::NAME_CHARS);
    let path = Path::new(name);
    let bytes = files::read(path, limits::SCENARIO_BYTES).map_err(|what| {
        let plain = !shown.contains(['/', '.']) && !path.exists();
        if plain && !shown.is_empty() {
            BadInput::from(Unknown(&shown))
        } else {
            BadInput::new(format!("{shown}: {what}"))
        }
    })?;
    let text = decode(&bytes).map_err(|fault| BadInput::new(fault.in_file(&shown)))?.to_string();
    Ok(OpenedText { name: shown, text, disk: Some(Disk::beside(path)) })
}

/// The message for an unknown preset.
#[derive(Debug)]
pub struct Unknown<'a>(pub &'a str);

impl From<Unknown<'_>> for BadInput {
    fn from(Unknown(name): Unknown<'_>) -> Self {
        let names = preset::ALL.iter().map(|p| p.name);
        let near = match did_you_mean(name, names) {
            Some(near) => format!("did you mean {near}?"),
            None => "`gradtui list` shows them all".into(),
        };
        Self::new(format!(
            "{}: no preset of this name, and no file; {near}",
            excerpt(name, limits::NAME_CHARS)
        ))
    }
}
