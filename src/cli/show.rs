//! `gradtui show`: a preset as it is written.

use super::{BadInput, Unknown, print};
use crate::lab::preset;
use std::ffi::OsString;

/// Arguments of `show`.
#[derive(Debug, clap::Args)]
pub struct Show {
    /// Name of the preset
    #[arg(value_name = "PRESET")]
    preset: OsString,
}

impl Show {
    /// Prints it.
    pub fn run(self) -> anyhow::Result<()> {
        let name = self.preset.to_string_lossy();
        match preset::find(&name) {
            Some(preset) => print(preset.text),
            None => Err(BadInput::from(Unknown(&name)).into()),
        }
    }
}
