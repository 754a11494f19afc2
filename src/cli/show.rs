//! `gradtui show`: prints a preset or a built-in sweep as written.

use super::{BadInput, Unknown, print};
use crate::lab::preset;
use crate::lab::sweep::preset as sweep;
use std::ffi::OsString;

/// Arguments of `show`.
#[derive(Debug, clap::Args)]
pub struct ShowArgs {
    /// Name of the preset, or of a sweep that ships
    #[arg(value_name = "PRESET")]
    preset: OsString,
}

impl ShowArgs {
    /// Prints it.
    pub fn run(self) -> anyhow::Result<()> {
        let name = self.preset.to_string_lossy();
        match preset::find(&name) {
            Some(preset) => print(preset.text),
            None if sweep::find(&name).is_some() => print(sweep::find(&name).unwrap_or_default()),
            None => Err(BadInput::from(Unknown(&name)).into()),
        }
    }
}
