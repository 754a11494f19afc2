//! Records the live screen: frames go to a cast, keys to a script. Opens no file itself.

use super::cast::{Cast, CastVersion};
use super::log::SessionLog;
use super::script::{SIZES, fits};
use crate::ui::app::App;
use crate::ui::theme::Scheme;
use ratatui::buffer::Buffer;
use std::io::Write;
use std::time::Duration;

/// Saves the text of a script; returns its name, or the reason why it cannot.
pub type SaveScript = Box<dyn FnOnce(&str) -> Result<String, String>>;

/// The destination of a recording.
pub struct RecordingFile {
    /// The asciicast file.
    pub cast: Box<dyn Write>,
    /// Its name.
    pub name: String,
    /// The comment in the script's first lines.
    pub note: String,
    /// Saves the script.
    pub save: SaveScript,
}

/// Creates a new reel, or returns the reason why it cannot.
pub type CreateRecording<'a> = &'a mut dyn FnMut() -> Result<RecordingFile, String>;

/// The comment of a script that is not exact.
const INEXACT: &str =
    "Lanes were changed while they went as fast as they could, one step apart: some numbers may differ.";

/// A recording in progress.
struct Rolling {
    cast: Cast<Box<dyn Write>>,
    begun: Duration,
    name: String,
    note: String,
    save: SaveScript,
}

/// A recorder, which may be off.
#[derive(Default)]
pub struct SessionRecorder {
    rolling: Option<Rolling>,
}

impl SessionRecorder {
    /// Whether it records.
    pub fn on(&self) -> bool {
        self.rolling.is_some()
    }

    /// Starts recording.
    ///
    /// # Errors
    /// If recording is not possible.
    pub fn begin(
        &mut self,
        reels: CreateRecording<'_>,
        app: &App,
        log: &mut SessionLog,
        now: Duration,
    ) -> Result<String, String> {
        let RecordingFile { cast, name, note, save } = reels()?;
        let cast = Cast::begin(
            cast,
            CastVersion::Two,
            app.size,
            &app.scenario.title,
            app.theme.scheme == Scheme::Light,
        )
        .map_err(|e| format!("{name}: {e}"))?;
        log.show(true, app, now);
        let notice = format!("recording to {name}");
        self.rolling = Some(Rolling { cast, begun: now, name, note, save });
        Ok(notice)
    }

    /// Records a frame; returns the reason if recording stopped.
    pub fn show(&mut self, picture: &Buffer, now: Duration) -> Option<String> {
        let rolling = self.rolling.as_mut()?;
        let error = rolling.cast.show(now.saturating_sub(rolling.begun), picture).err()?;
        let name = self.rolling.take().map(|r| r.name).unwrap_or_default();
        Some(format!("recording stopped: {name}: {error}"))
    }

    /// Stops recording; returns a message about the result.
    pub fn end(&mut self, app: &App, log: &mut SessionLog, now: Duration) -> Option<String> {
        let Rolling { cast, begun, name, note, save } = self.rolling.take()?;
        log.show(false, app, now);
        if let Err(error) = cast.end(now.saturating_sub(begun)) {
            return Some(format!("recording stopped: {name}: {error}"));
        }
        let size = (app.size.width, app.size.height);
        let script = match log.script(&app.scenario.title, size) {
            None => Err("this session cannot be written as a script".into()),
            Some(_) if !fits(size.0, size.1) => Err(format!("no script of this size; {SIZES}")),
            Some((script, true)) => save(&script.to_ron(&note)),
            Some((script, false)) => save(&script.to_ron(&format!("{note}\n{INEXACT}"))),
        };
        Some(match script {
            Ok(script) => format!("recorded to {name}, its script to {script}"),
            Err(why) => format!("recorded to {name}; {why}"),
        })
    }
}
