//! Lists the pictures of a directory by class and by training or validation, and the files that are not pictures.

use crate::engine::data::bitmap::named;
use crate::engine::data::reading::listed;
use crate::engine::data::{Files, SourceError};
use crate::limits;
use std::collections::BTreeMap;

/// Names of the directories with the classes to train on and to validate on; the first existing one is used.
const TRAIN: [&str; 2] = ["train", "training"];
const HELD: [&str; 5] = ["val", "valid", "validation", "test", "testing"];

/// Pictures by their paths, each with its class.
pub(super) type Pictures = Vec<(String, usize)>;

/// The contents of a directory.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The classes.
    pub(super) names: Vec<String>,
    /// All pictures, or the training pictures if there is a directory for them.
    pub(super) train: Pictures,
    /// The validation pictures, if there is a directory for them.
    pub(super) held: Option<Pictures>,
    /// Remarks in words.
    pub(super) notes: Vec<String>,
}

/// Lists a directory of classes, or one that contains `train` and `test`.
///
/// # Errors
/// If there are no classes, or no pictures where they should be.
pub(super) fn walk(files: &dyn Files, path: &str) -> Result<Found, SourceError> {
    let mut walk = Walk { files, skipped: BTreeMap::new() };
    let inside = walk.directories(path)?;
    let called = |names: &[&str]| {
        names.iter().find_map(|name| inside.iter().find(|d| d.to_lowercase() == **name)).cloned()
    };
    let mut found = Found::default();
    if let Some(train) = called(&TRAIN) {
        let below = format!("{path}/{train}");
        found.names = walk.directories(&below)?;
        found.train = walk.pictures(&below, &found.names)?;
        let held = called(&HELD);
        if let Some(held) = &held {
            let below = format!("{path}/{held}");
            let names = walk.directories(&below)?;
            if let Some(new) = names.iter().find(|n| !found.names.contains(n)) {
                let what = format!("class {new} is not among those of {train}: {}", listed(&found.names));
                return Err(SourceError::in_file(&below, what));
            }
            let known: Vec<String> = found.names.iter().filter(|n| names.contains(n)).cloned().collect();
            let mut pictures = walk.pictures(&below, &known)?;
            for (_, class) in &mut pictures {
                *class = found.names.iter().position(|n| *n == known[*class]).unwrap_or(0);
            }
            found.held = Some(pictures);
        }
        let rest: Vec<String> =
            inside.iter().filter(|d| **d != train && Some(*d) != held.as_ref()).cloned().collect();
        let held = held.map_or_else(String::new, |held| format!(", {held} to validate on"));
        let rest = if rest.is_empty() { String::new() } else { format!("; not read: {}", listed(&rest)) };
        found.notes.push(format!("{train} to train on{held}{rest}"));
    } else {
        found.train = walk.pictures(path, &inside)?;
        found.names = inside;
    }
    if !walk.skipped.is_empty() {
        let each: Vec<String> = walk.skipped.iter().map(|(ending, n)| format!("{n} {ending}")).collect();
        found.notes.push(format!("files that are no pictures, by their endings: {}", each.join(", ")));
    }
    Ok(found)
}

struct Walk<'a> {
    files: &'a dyn Files,
    /// Number of files that are not pictures, by extension.
    skipped: BTreeMap<String, usize>,
}

impl Walk<'_> {
    fn list(&self, path: &str) -> Result<Vec<crate::engine::data::Entry>, SourceError> {
        let mut entries = self.files.list(path).map_err(|what| SourceError::in_file(path, what))?;
        entries.retain(|e| !e.name.starts_with('.'));
        Ok(entries)
    }

    fn directories(&self, path: &str) -> Result<Vec<String>, SourceError> {
        Ok(self.list(path)?.into_iter().filter(|e| e.directory).map(|e| e.name).collect())
    }

    /// The pictures of these classes, each of which is a directory below `path`.
    fn pictures(&mut self, path: &str, names: &[String]) -> Result<Pictures, SourceError> {
        if !(2..=limits::CLASSES).contains(&names.len()) {
            let what =
                format!("{} directories in it; one for every class, at least 2, is needed", names.len());
            return Err(SourceError::in_file(path, what));
        }
        let mut pictures = Vec::new();
        for (class, name) in names.iter().enumerate() {
            let (directory, before) = (format!("{path}/{name}"), pictures.len());
            let mut deeper = Vec::new();
            for entry in self.list(&directory)? {
                if entry.directory {
                    deeper.push(entry.name);
                } else if named(&entry.name) {
                    pictures.push((format!("{directory}/{}", entry.name), class));
                } else {
                    let ending = entry.name.rsplit_once('.').map_or("none", |(_, ending)| ending);
                    *self.skipped.entry(crate::text::excerpt(&ending.to_lowercase(), 12)).or_default() += 1;
                }
            }
            if pictures.len() == before && !deeper.is_empty() {
                let what = format!(
                    "no picture in it, but directories: {}. Classes stand directly below Folder(path: ..), or below \
                     train and test in it",
                    listed(&deeper)
                );
                return Err(SourceError::in_file(&directory, what));
            }
        }
        Ok(pictures)
    }
}
