//! `gradtui play`: an asciicast file on this terminal.

use super::opening::unfit;
use super::{BadInput, Ended};
use crate::lab::files;
use crate::ui::record::{cast, player};
use crate::ui::terminal::{fit, size};
use std::path::PathBuf;
use std::time::Duration;

/// Arguments of `play`. Keys: space pauses, left and right go by five seconds, n and p by chapters, q leaves.
#[derive(Debug, clap::Args)]
pub struct Play {
    /// The recording: an asciicast file of version 2 or 3
    #[arg(value_name = "X.cast")]
    file: PathBuf,
    /// So many times as fast
    #[arg(long, value_name = "N", default_value_t = 1.0, value_parser = times)]
    speed: f64,
    /// No pause longer than so many seconds
    #[arg(long, value_name = "S", value_parser = seconds)]
    idle: Option<Duration>,
}

/// Bytes that a recording may have.
const BYTES: u64 = 256 << 20;

fn times(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|x| (0.05..=100.0).contains(x)).ok_or_else(|| "a number from 0.05 to 100".into())
}

fn seconds(text: &str) -> Result<Duration, String> {
    let found = text.parse().ok().filter(|x| (0.0..=3600.0).contains(x)).map(Duration::from_secs_f64);
    found.ok_or_else(|| "a number from 0 to 3600".into())
}

impl Play {
    /// Plays it.
    pub fn run(self) -> anyhow::Result<()> {
        let name = self.file.display().to_string();
        let bytes =
            files::read(&self.file, BYTES).map_err(|what| BadInput::new(format!("{name}: {what}")))?;
        let text = String::from_utf8_lossy(&bytes);
        let recording =
            cast::read(&text).map_err(|(line, what)| BadInput::new(format!("{name}:{line}: {what}")))?;
        fit().map_err(|e| unfit(&e))?;
        let (needs, has) = (recording.size, size());
        if has.0 < needs.width || has.1 < needs.height {
            return Err(BadInput::new(format!(
                "{name}: needs a terminal of {}x{}, this one has {}x{}",
                needs.width, needs.height, has.0, has.1
            ))
            .into());
        }
        match player::play(&recording, self.speed, self.idle) {
            Ok(0) => Ok(()),
            Ok(code) => Err(Ended(code, "ended by a signal".into()).into()),
            Err(e) => Err(unfit(&e)),
        }
    }
}
