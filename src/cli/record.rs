//! `gradtui record`: runs the lab on a simulated clock and writes it to an asciicast file.

use super::display::parse_theme;
use super::lesson::named as lessons_named;
use super::{BadInput, CommandEnd, OpenedText, open};
use crate::engine::data::{Files, NoFiles};
use crate::lab::expect::Expectation;
use crate::lab::experiment::Experiment;
use crate::lab::files;
use crate::lab::lesson::progress::hash;
use crate::lab::outcome::Standings;
use crate::lab::preset;
use crate::lab::run::Run;
use crate::lab::stepped::SteppedRun;
use crate::limits;
use crate::scenario::{Scenario, read_with_data};
use crate::telemetry::{Command, Event, LaneId};
use crate::ui::app::GalleryPreset;
use crate::ui::guide::TaughtLesson;
use crate::ui::record::cast::{Cast, CastVersion};
use crate::ui::record::lecture;
use crate::ui::record::script::{self, Cue, RecordingScript};
use crate::ui::record::still;
use crate::ui::record::studio::{RecordedFrame, RecordedRun, RecordingError, Studio};
use crate::ui::theme::{Depth, Glyphs, Scheme, Theme};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Default columns and rows of a recording.
const SIZE: (u16, u16) = (100, 30);
/// Seconds of a recording without a script.
const UNSCRIPTED: f64 = 30.0;

/// Arguments of `record`.
#[derive(Debug, clap::Args)]
pub struct RecordArgs {
    /// A preset or a file
    #[arg(value_name = "SCENARIO", required_unless_present = "lesson")]
    scenario: Option<OsString>,
    /// A lesson, by its name or file: all pages, with their solutions and captions
    #[arg(long, value_name = "NAME", conflicts_with_all = ["scenario", "script"])]
    lesson: Option<OsString>,
    /// The recording, an asciicast file
    #[arg(long, value_name = "X.cast", required_unless_present = "svg")]
    out: Option<PathBuf>,
    /// The last picture as SVG
    #[arg(long, value_name = "X.svg")]
    svg: Option<PathBuf>,
    /// The script (RON) of times and keys; without one, half a minute of training is recorded
    #[arg(long, value_name = "S.ron")]
    script: Option<PathBuf>,
    /// Columns and rows [default: the script's, or 100x30]
    #[arg(long, value_name = "WxH", value_parser = size)]
    size: Option<(u16, u16)>,
    /// dark, light, high-contrast or mono
    #[arg(long, value_name = "NAME", value_parser = parse_theme, default_value = "dark")]
    theme: Scheme,
    /// Version of the format; 2 plays everywhere
    #[arg(long, value_name = "2|3", value_parser = clap::value_parser!(u8).range(2..=3), default_value_t = 2)]
    cast_version: u8,
}

/// Parses `100x30`.
fn size(text: &str) -> Result<(u16, u16), String> {
    let sides = text.split_once('x').and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)));
    sides.filter(|&(w, h)| script::fits(w, h)).ok_or_else(|| format!("write it as 100x30; {}", script::SIZES))
}

/// A run on a simulated clock, with the condition for which it waits.
#[derive(Debug)]
struct SimulatedLab {
    run: SteppedRun,
    standings: Standings,
    conditions: Vec<Option<Expectation>>,
}

impl RecordedRun for SimulatedLab {
    fn send(&mut self, command: Command) {
        self.run.send(command);
    }
    fn pass(&mut self, seconds: f64, stop: Option<(LaneId, u64)>) {
        self.run.pass(seconds, stop);
    }
    fn look(&mut self) {
        self.run.look();
    }
    fn drain(&mut self) -> Vec<Event> {
        let events = self.run.drain();
        for event in &events {
            self.standings.apply(event);
        }
        events
    }
    fn idle(&self) -> bool {
        self.run.run().idle()
    }
    fn holds(&self, cue: usize) -> bool {
        self.conditions.get(cue).and_then(Option::as_ref).is_none_or(|c| c.check(&self.standings).is_ok())
    }
}

/// The lesson with this name or file.
fn lesson_named(name: &OsString) -> anyhow::Result<OpenedText> {
    let found = lessons_named(name)?.into_iter().next();
    found.ok_or_else(|| BadInput::new(format!("{}: no lesson in it", name.display())).into())
}

impl RecordArgs {
    /// Records it.
    pub fn run(self) -> anyhow::Result<()> {
        let opened = match (&self.lesson, &self.scenario) {
            (Some(lesson), _) => lesson_named(lesson)?,
            (None, scenario) => open(scenario.as_deref().unwrap_or_default())?,
        };
        let (scenario, data) =
            read_with_data(&opened.text, opened.files()).map_err(|faults| opened.faults(&faults))?;
        let files: Arc<dyn Files + Send + Sync> = match &opened.disk {
            Some(disk) => Arc::new(disk.clone()),
            None => Arc::new(NoFiles),
        };
        let script = match &self.script {
            Some(path) => read_script(path, &scenario)?,
            None if self.lesson.is_some() => lecture::script(&scenario),
            None => unscripted(),
        };
        let made = [&self.out, &self.svg].into_iter().flatten().map(PathBuf::as_path);
        let kept = self.script.as_deref().into_iter().chain(self.scenario.as_deref().map(Path::new));
        files::check_outputs(made, kept).map_err(BadInput::new)?;
        let experiment = Experiment::with_data(scenario.clone(), Arc::new(data), &*files)
            .map_err(|faults| BadInput(faults.iter().map(|f| format!("{}: {f}", opened.name)).collect()))?;
        let version = if self.cast_version == 3 { CastVersion::Three } else { CastVersion::Two };
        let size = self.size.or(script.size).unwrap_or(SIZE);
        let mut run = Run::new(experiment, None, files);
        run.remember(limits::LOOK_BACK);
        let (title, mut last) = (scenario.title.clone(), None);
        let keep = |shot: &RecordedFrame<'_>| {
            if self.svg.is_some() {
                last = Some(shot.picture.clone());
            }
        };
        let taught = self.lesson.is_some().then(|| TaughtLesson {
            name: opened.name.clone(),
            hash: hash(&opened.text),
            scenario: scenario.clone(),
            ..TaughtLesson::default()
        });
        let filmed = film(scenario, taught, run, &script, size, version, self.theme, keep);
        let bytes = filmed.map_err(|e| match e {
            RecordingError::Never { cue, .. } | RecordingError::Idle { cue, .. } => {
                anyhow::Error::new(CommandEnd(1, format!("{}: {e}", self.place(cue))))
            }
            RecordingError::Write(e) => e.into(),
        })?;
        let svg = last.map(|picture| still::svg(&picture, &title, self.theme == Scheme::Light));
        let cast = self.out.as_deref().map(|out| (out, &bytes[..]));
        let svg = self.svg.as_deref().zip(svg.as_deref().map(str::as_bytes));
        let all: Vec<_> = cast.into_iter().chain(svg).collect();
        files::write(&all).map_err(|e| CommandEnd(1, e.to_string()).into())
    }

    /// The place of a cue: the script and the line. Cues count from 1.
    fn place(&self, cue: usize) -> String {
        let Some(path) = &self.script else { return String::new() };
        let text = files::read(path, limits::SCENARIO_BYTES).unwrap_or_default();
        let line = script::line(&text, cue.saturating_sub(1)).map_or_else(String::new, |n| format!(":{n}"));
        format!("{}{line}", path.display())
    }
}

/// Reads a script for this scenario.
///
/// # Errors
/// Every fault with its place.
pub fn read_script(path: &Path, scenario: &Scenario) -> Result<RecordingScript, BadInput> {
    let name = path.display().to_string();
    let bytes =
        files::read(path, limits::SCENARIO_BYTES).map_err(|what| BadInput::new(format!("{name}: {what}")))?;
    let lanes: Vec<&str> = scenario.lanes.iter().map(|l| l.name.as_str()).collect();
    let condition = |text: &str| Expectation::parse(text, &lanes).map(|_| ());
    script::read(&bytes, condition)
        .map_err(|faults| BadInput(faults.iter().map(|f| f.in_file(&name)).collect()))
}

/// The bytes of a recording; every frame also goes to `see`.
///
/// # Errors
/// If a cue never comes.
pub fn record(
    scenario: Scenario,
    run: Run,
    script: &RecordingScript,
    size: (u16, u16),
    version: CastVersion,
    scheme: Scheme,
    see: impl FnMut(&RecordedFrame<'_>),
) -> Result<Vec<u8>, RecordingError> {
    film(scenario, None, run, script, size, version, scheme, see)
}

/// A run of a scenario that needs no files, before its first step.
fn fresh(scenario: &Scenario) -> anyhow::Result<Run> {
    let experiment = Experiment::new(scenario.clone(), &NoFiles)
        .map_err(|faults| BadInput(faults.iter().map(ToString::to_string).collect()))?;
    Ok(Run::new(experiment, None, Arc::new(NoFiles)))
}

/// The recording of a built-in lesson.
///
/// # Errors
/// The reason why it cannot be recorded.
pub(super) fn lesson_film(scenario: Scenario) -> anyhow::Result<Vec<u8>> {
    let run = fresh(&scenario)?;
    Ok(record_lesson(scenario, run, Scheme::Dark, |_| ())?)
}

/// The recording of a built-in preset: half a minute of training.
///
/// # Errors
/// The reason why it cannot be recorded.
pub(super) fn preset_film(scenario: Scenario) -> anyhow::Result<Vec<u8>> {
    let run = fresh(&scenario)?;
    Ok(record(scenario, run, &unscripted(), SIZE, CastVersion::Two, Scheme::Dark, |_| ())?)
}

/// A script for half a minute of training.
fn unscripted() -> RecordingScript {
    RecordingScript {
        cues: vec![Cue { wait: Some(UNSCRIPTED), ..Cue::default() }],
        ..RecordingScript::default()
    }
}

/// The recording of a scenario's lesson, worked through with its solutions, as bytes.
///
/// # Errors
/// If a key has no effect.
pub fn record_lesson(
    scenario: Scenario,
    run: Run,
    scheme: Scheme,
    see: impl FnMut(&RecordedFrame<'_>),
) -> Result<Vec<u8>, RecordingError> {
    let script = lecture::script(&scenario);
    let taught = TaughtLesson { scenario: scenario.clone(), ..TaughtLesson::default() };
    let size = script.size.unwrap_or(SIZE);
    film(scenario, Some(taught), run, &script, size, CastVersion::Two, scheme, see)
}

fn film(
    scenario: Scenario,
    taught: Option<TaughtLesson>,
    run: Run,
    script: &RecordingScript,
    (width, height): (u16, u16),
    version: CastVersion,
    scheme: Scheme,
    mut see: impl FnMut(&RecordedFrame<'_>),
) -> Result<Vec<u8>, RecordingError> {
    let lanes: Vec<&str> = scenario.lanes.iter().map(|l| l.name.as_str()).collect();
    let condition = |cue: &Cue| cue.when.as_ref().and_then(|w| Expectation::parse(w, &lanes).ok());
    let lab = SimulatedLab {
        run: SteppedRun::new(run),
        standings: Standings::default(),
        conditions: script.cues.iter().map(condition).collect(),
    };
    let title = if script.title.is_empty() { scenario.title.clone() } else { script.title.clone() };
    let read = |p: &preset::Preset| GalleryPreset { name: p.name.into(), scenario: p.scenario() };
    let presets = Box::new(move || preset::ALL.iter().map(read).collect());
    let theme = Theme::new(scheme, Depth::True, Glyphs::Unicode);
    let size = (width, height).into();
    let mut cast = Cast::begin(Vec::new(), version, size, &title, scheme == Scheme::Light)?;
    let mut studio = Studio::new(script, scenario, presets, theme, size, lab);
    if let Some(taught) = taught {
        studio.teach(taught);
    }
    let end = studio.play(|shot| {
        see(&shot);
        cast.show(shot.at, shot.picture)?;
        shot.markers.iter().try_for_each(|m| cast.marker(shot.at, m))
    })?;
    Ok(cast.end(end)?)
}
