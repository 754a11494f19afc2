//! `gradtui play`: plays an asciicast file on this terminal.

use super::opening::unfit;
use super::{BadInput, CommandEnd};
use crate::engine::data::unpack;
use crate::lab::files;
use crate::ui::record::{player, recording};
use crate::ui::terminal::{TerminalError, fit, size};
use std::path::PathBuf;
use std::time::Duration;

/// Arguments of `play`. Keys: space pauses, left and right go by five seconds, up and down change the speed, n and p go by
/// chapters, q leaves. It ends by itself two seconds after the last picture; a key then keeps it open.
#[derive(Debug, clap::Args)]
pub struct PlayArgs {
    /// The recording: an asciicast file of version 1, 2 or 3, gzipped or not
    #[arg(value_name = "X.cast")]
    file: PathBuf,
    /// Speed as a multiple of the recording's
    #[arg(long, short, value_name = "N", default_value_t = 1.0, value_parser = times)]
    speed: f64,
    /// No pause longer than this many seconds; without it, as the recording says
    #[arg(long = "idle-time-limit", short, visible_alias = "idle", value_name = "S", value_parser = seconds)]
    idle: Option<Duration>,
}

/// Most bytes of a recording.
const BYTES: u64 = 256 << 20;

fn times(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|x| (0.05..=100.0).contains(x)).ok_or_else(|| "a number from 0.05 to 100".into())
}

fn seconds(text: &str) -> Result<Duration, String> {
    let found = text.parse().ok().filter(|x| (0.0..=3600.0).contains(x)).map(Duration::from_secs_f64);
    found.ok_or_else(|| "a number from 0 to 3600".into())
}

impl PlayArgs {
    /// Plays it.
    pub fn run(self) -> anyhow::Result<()> {
        let name = self.file.display().to_string();
        let bytes = files::read(&self.file, BYTES)
            .and_then(|bytes| unpack::all(bytes, BYTES))
            .map_err(|what| BadInput::new(format!("{name}: {what}")))?;
        let text = String::from_utf8_lossy(&bytes);
        let recording =
            recording::read(&text).map_err(|(line, what)| BadInput::new(format!("{name}:{line}: {what}")))?;
        fit().map_err(|e| needs(&e))?;
        let (needed, has) = (recording.size, size());
        if has.0 < needed.width || has.1 < needed.height {
            return Err(BadInput::new(format!(
                "{name}: needs a terminal of {}x{}, this one has {}x{}",
                needed.width, needed.height, has.0, has.1
            ))
            .into());
        }
        match player::play(&recording, self.speed, self.idle) {
            Ok(0) => Ok(()),
            Ok(code) => Err(CommandEnd(code, "ended by a signal".into()).into()),
            Err(e) => Err(needs(&e)),
        }
    }
}

/// The reason why a recording cannot be played here.
fn needs(why: &TerminalError) -> anyhow::Error {
    match why {
        TerminalError::NoTerminal => {
            BadInput::new("gradtui: play needs a terminal for its input and output").into()
        }
        TerminalError::Dumb(term) => BadInput::new(format!(
            "gradtui: play cannot draw on TERM={term:?}; set TERM to what your terminal is"
        ))
        .into(),
        TerminalError::System(_) => unfit(why),
    }
}
