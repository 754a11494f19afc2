//! Opens the lab on a terminal and connects it to a run with its threads. Chooses neither the run nor the display
//! settings.

use super::display::ChosenDisplay;
use super::saving::CheckpointWait;
use super::state_dir::own_directory;
use super::{BadInput, CommandEnd, OpenedText, print_err};
use crate::engine::data::{Files, NoFiles};
use crate::lab::experiment::Experiment;
use crate::lab::follow::{LaneDetails, abandoned, history};
use crate::lab::lesson::of_scenario;
use crate::lab::preset;
use crate::lab::run::Run;
use crate::lab::run_dir::{Home, RunDir, checkpoint::checksum};
use crate::lab::runner::Runner;
use crate::scenario::{Scenario, read_with_data};
use crate::telemetry::{Command, Event, LaneId};
use crate::text::escaped;
use crate::ui::app::{GalleryPreset, comfortable};
use crate::ui::record::tape::RecordingFile;
use crate::ui::session::{self, Session, Teaching};
use crate::ui::terminal::TerminalError;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// The effect of a lost connection on training.
#[derive(Debug, clap::Args)]
pub struct HangupOptions {
    /// When the terminal goes away: save and leave, or train on to the end without it
    #[arg(long, value_name = "WHAT", value_enum, default_value_t)]
    on_hangup: OnHangup,
}

/// The effect of a closed terminal on a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum OnHangup {
    /// It is saved and ends.
    #[default]
    Leave,
    /// It goes on to its end.
    Detach,
}

/// A run to train on the screen.
#[derive(Debug)]
pub struct OpenedRun {
    /// The experiment to train.
    pub scenario: Scenario,
    /// The run, paused at its first step to train.
    pub run: Run,
    /// The directory to which it is written.
    pub dir: Option<RunDir>,
    /// Workers.
    pub threads: Option<usize>,
    /// The display settings.
    pub shown: ChosenDisplay,
    /// A notice for the user at the start.
    pub notices: Vec<String>,
    /// The scenario's name in a recorded script; `None` for a resumed run.
    pub script_of: Option<String>,
    /// The course, and the lesson to start with.
    pub lesson: Option<Teaching<'static>>,
}

impl OpenedRun {
    /// Trains until the user leaves, and reports where the run was left.
    ///
    /// # Errors
    /// If the session or the run ended with an error.
    pub fn show(self, line: &HangupOptions) -> anyhow::Result<()> {
        let Self { scenario, mut run, dir, threads, shown, mut notices, script_of, lesson } = self;
        run.remember(shown.look_back);
        let read = |p: &preset::Preset| GalleryPreset { name: p.name.into(), scenario: p.scenario() };
        let place = dir.as_ref().map(|d| escaped(&d.path().display().to_string()).into_owned());
        let detach = line.on_hangup == OnHangup::Detach;
        if let (true, Some(place)) = (detach, &place) {
            notices.push(format!("without its line the run goes on; then `gradtui watch {place}` shows it"));
        }
        let home = dir.as_ref().map(RunDir::home);
        let scripted = script_of.is_some();
        let mut unsaved = dir.is_none();
        // The events in a resumed run's log, passed on once.
        let mut past = home.as_ref().map(|h| h.path().to_path_buf()).filter(|_| run.foremost() > 0);
        let clocks = run.clocks();
        let runner = Runner::start(run, threads, dir, false)?;
        runner.send(Command::Pace(Some(comfortable(scenario.steps))));
        // A lesson begins with a text, so nothing trains yet.
        let running = lesson.as_ref().is_none_or(|l| l.taught.is_none());
        if running {
            runner.send(Command::Run);
        }
        let ended = session::run(Session {
            scenario,
            presets: Box::new(move || preset::ALL.iter().map(read).collect()),
            chosen: shown.chosen,
            keymap: shown.keymap,
            running,
            lesson,
            watching: false,
            detach,
            notices,
            scripted,
            reels: &mut || reel(home.as_ref(), script_of.as_deref()),
            send: &mut |command| runner.send(command),
            drain: &mut || {
                let mut events = runner.drain();
                if std::mem::take(&mut unsaved) {
                    events.push(Event::Unsaved(true));
                }
                match past.take() {
                    Some(run) => with_past(events, &run, &clocks),
                    None => events,
                }
            },
        });
        let mut saving = CheckpointWait::new();
        let (_, _, disk) = runner.finish(&mut |done, all| saving.show(done, all));
        drop(saving);
        if let Some(why) = disk {
            self::ended(ended)?;
            let what = format!("the end of the run could not be saved: {}", escaped(&why));
            return Err(CommandEnd(1, what).into());
        } else if let Some(place) = place {
            print_err(&if home.is_some_and(|home| home.is_in_place()) {
                format!("saved; `gradtui resume {place}` goes on\n")
            } else {
                format!("saved, but {place} was moved meanwhile: `gradtui resume` goes on where it is now\n")
            });
        }
        self::ended(ended)
    }
}

/// Inserts the events of the log between the start of the lanes and their present state.
pub(super) fn with_past(
    mut events: Vec<Event>,
    run: &Path,
    clocks: &BTreeMap<LaneId, (f64, u64)>,
) -> Vec<Event> {
    let Some(last) = events.iter().rposition(|e| matches!(e, Event::Started { .. })) else { return events };
    let lanes = events.iter().filter_map(|e| match e {
        Event::Started { lane, info, .. } => {
            let (seconds, steps) = clocks.get(lane).copied().unwrap_or_default();
            let teller = LaneDetails::new(*lane, info, seconds, steps);
            Some((info.name.clone(), (teller, (**info).clone())))
        }
        _ => None,
    });
    let lanes = lanes.collect();
    let ghosts = abandoned(run, &lanes);
    let past = history(run, &lanes.into_iter().map(|(name, (teller, _))| (name, teller)).collect());
    events.splice(last + 1..=last, past);
    // Going back resets the phase of a lane, so the abandoned steps are inserted between its start and its phase.
    let mut all = Vec::with_capacity(events.len() + ghosts.len());
    for event in events {
        let started = if let Event::Started { lane, .. } = &event { Some(*lane) } else { None };
        all.push(event);
        if started.is_some() {
            all.extend(ghosts.iter().filter(|ghost| ghost.lane() == started).cloned());
        }
    }
    all
}

/// The result of a session as that of the command.
///
/// # Errors
/// If the session ended with an error.
pub fn ended(ended: Result<u8, TerminalError>) -> anyhow::Result<()> {
    match ended {
        Ok(0) => Ok(()),
        Ok(code) => Err(CommandEnd(code, "ended by a signal".into()).into()),
        Err(e) => Err(unfit(&e)),
    }
}

/// A new recording in the run's directory.
fn reel(home: Option<&Home>, scenario: Option<&str>) -> Result<RecordingFile, String> {
    let home = home.cloned().ok_or("this run has no directory to record to; name one by --out")?;
    let (file, path) = home.recording().map_err(|e| e.to_string())?;
    let script = path.with_extension("ron");
    let shown = |path: &Path| escaped(&path.display().to_string()).into_owned();
    let file_name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let note = format!(
        "A session in the lab, as it was played. Again, to the same bytes each time:\n\
         gradtui record {} --script {} --out {}",
        escaped(scenario.unwrap_or("SCENARIO")),
        file_name(&script),
        file_name(&path),
    );
    let save = Box::new(move |text: &str| {
        home.write(&file_name(&script), text.as_bytes()).map_err(|e| e.to_string())?;
        Ok(file_name(&script))
    });
    Ok(RecordingFile { cast: Box::new(file), name: shown(&path), note, save })
}

/// The reason why the lab cannot open on this terminal, as an error of the command line.
pub fn unfit(why: &TerminalError) -> anyhow::Error {
    match why {
        TerminalError::System(_) => CommandEnd(1, why.to_string()).into(),
        TerminalError::NoTerminal | TerminalError::Dumb(_) => BadInput::new(format!("gradtui: {why}")).into(),
    }
}

/// A new run of a scenario, ready to be shown, in a new directory unless `out` names one.
///
/// # Errors
/// The fault in the scenario, its data or the directory.
pub fn prepare(
    opened: OpenedText,
    out: Option<&Path>,
    threads: Option<u64>,
    shown: ChosenDisplay,
) -> anyhow::Result<OpenedRun> {
    let (scenario, data) =
        read_with_data(&opened.text, opened.files()).map_err(|faults| opened.faults(&faults))?;
    of_scenario(&opened.text, &scenario).map_err(|faults| opened.faults(&faults))?;
    let files: Arc<dyn Files + Send + Sync> = match &opened.disk {
        Some(disk) => Arc::new(disk.clone()),
        None => Arc::new(NoFiles),
    };
    let base = opened.base()?;
    let samples = checksum(&data.train.inputs);
    let experiment = Experiment::with_data(scenario.clone(), Arc::new(data), &*files)
        .map_err(|faults| BadInput(faults.iter().map(|f| format!("{}: {f}", opened.name)).collect()))?;
    let mut notices = Vec::new();
    let dir = match out {
        Some(out) => {
            let made = RunDir::create(out, &scenario, &base, samples);
            Some(made.map_err(|e| BadInput::new(e.to_string()))?)
        }
        None => match own_directory(&opened.name)
            .and_then(|path| RunDir::create(&path, &scenario, &base, samples).map_err(|e| e.to_string()))
        {
            Ok(dir) => Some(dir),
            Err(why) => {
                notices.push(format!("this run is not saved: {why}"));
                None
            }
        },
    };
    let run = Run::new(experiment, None, files);
    let threads = threads.map(|n| n as usize);
    let script_of = Some(opened.name);
    Ok(OpenedRun { scenario, run, dir, threads, shown, notices, script_of, lesson: None })
}
