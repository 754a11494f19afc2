//! The lab line by line, for screen readers, terminals that cannot draw, and pipes: a status from time to time, and
//! typed commands. The output contains only plain text.

mod teach;

use super::opening::OpenedRun;
use super::saving::CheckpointWait;
use super::signals::Signals;
use super::{CommandEnd, print};
use crate::lab::runner::Runner;
use crate::telemetry::{Command, Event, LaneId, Phase};
use crate::text::escaped;
use crate::ui::app::comfortable;
use crate::ui::command::{LaneNames, ParsedCommand, sentence, spoken};
use crate::ui::guide::Guide;
use crate::ui::session::SaveProgress;
use crate::view::{LaneView, RunView};
use std::io::{BufRead as _, IsTerminal as _};
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::time::{Duration, Instant};

/// Trains a run and reports line by line until the user leaves or, without a keyboard, until the run ends.
///
/// # Errors
/// If the run ended with an error.
pub fn show(opening: OpenedRun) -> anyhow::Result<()> {
    let OpenedRun { scenario, mut run, dir, threads, notices, shown, lesson, .. } = opening;
    run.remember(shown.look_back);
    let signals = Signals::listen()?;
    let typed = lines()?;
    let runner = Runner::start(run, threads, dir, false)?;
    runner.send(Command::Pace(Some(comfortable(scenario.steps))));
    let (taught, keep) = lesson.map_or((None, None), |l| (l.taught, Some(l.keep)));
    if taught.is_some() {
        runner.send(Command::Pace(None));
    } else {
        runner.send(Command::Run);
    }
    let mut lab = PlainLab {
        runner: &runner,
        view: RunView::default(),
        steps: scenario.steps as u64,
        every: Some(EVERY),
        said: Instant::now(),
        announced: Vec::new(),
        resting: true,
        guide: taught.map(Guide::typed),
        keep,
        waiting: false,
        piped: !std::io::stdin().is_terminal(),
        unrested: 0,
    };
    say(&format!("{}. help lists the commands.\n", escaped(scenario.title.trim())))?;
    for notice in notices {
        say(&format!("{}\n", escaped(&notice)))?;
    }
    lab.page()?;
    let ended = lab.go(&typed, &signals);
    let mut saving = CheckpointWait::new();
    let (_, _, disk) = runner.finish(&mut |done, all| saving.show(done, all));
    drop(saving);
    ended?;
    match disk {
        Some(why) => {
            Err(CommandEnd(1, format!("the end of the run could not be saved: {}", escaped(&why))).into())
        }
        None => Ok(()),
    }
}

/// Seconds between two status lines.
const EVERY: Duration = Duration::from_secs(5);

/// Receives the typed lines; ends when standard input is closed.
fn lines() -> std::io::Result<Receiver<String>> {
    let (sender, typed) = sync_channel(16);
    std::thread::Builder::new().name("commands".into()).spawn(move || {
        let mut input = std::io::stdin().lock();
        let mut line = Vec::new();
        // A line beyond the limit is read in pieces, none of which is a command.
        while let Ok(1..) = std::io::Read::take(&mut input, 4096).read_until(b'\n', &mut line) {
            if sender.send(String::from_utf8_lossy(&line).trim().to_string()).is_err() {
                break;
            }
            line.clear();
        }
    })?;
    Ok(typed)
}

fn say(text: &str) -> anyhow::Result<()> {
    print(text)
}

/// The lab with line output.
struct PlainLab<'a> {
    runner: &'a Runner,
    view: RunView,
    steps: u64,
    every: Option<Duration>,
    said: Instant,
    /// Lanes whose end was reported.
    announced: Vec<LaneId>,
    /// Whether the last report was that no lane trains.
    resting: bool,
    /// The guide through a lesson, if there is one.
    guide: Option<Guide>,
    keep: Option<SaveProgress<'static>>,
    /// Whether input waits until the lanes have trained as far as the page asks.
    waiting: bool,
    /// Whether the lines come from a file or a program. Then each line waits until the steps that were ordered before it
    /// have been made; a user can leave in the middle of them.
    piped: bool,
    /// Orders to step or to pause after which the lanes have not come to rest yet.
    unrested: usize,
}

impl PlainLab<'_> {
    /// Whether the next line may be carried out.
    fn listens(&self) -> bool {
        // Lanes that were just restarted have to report first.
        let early = self.guide.is_some() && self.view.lanes.is_empty();
        !(self.waiting || early || self.piped && self.unrested > 0)
    }

    fn go(&mut self, typed: &Receiver<String>, signals: &Signals) -> anyhow::Result<()> {
        let mut alone = false;
        loop {
            self.runner.wait(Duration::from_millis(50));
            for event in self.runner.drain() {
                if let Some(guide) = &mut self.guide {
                    guide.on_event(&event);
                }
                self.on_event(event)?;
            }
            self.attend()?;
            if let Some(code) = signals.exit_code() {
                return Err(CommandEnd(code, "interrupted".into()).into());
            }
            while !alone && self.listens() {
                match typed.try_recv() {
                    Ok(line) if self.obey(&line)? => return Ok(()),
                    Ok(_) => {}
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => alone = true,
                }
            }
            let over = |l: &LaneView| !matches!(l.phase, Phase::Running | Phase::Paused);
            if alone && self.guide.is_some() && !self.waiting {
                return Ok(());
            }
            if alone && !self.view.lanes.is_empty() && self.view.lanes.iter().all(over) {
                return Ok(());
            }
            let training = self.view.lanes.iter().any(|l| l.phase == Phase::Running);
            if training && self.every.is_some_and(|every| self.said.elapsed() >= every) {
                self.status()?;
            }
        }
    }

    fn on_event(&mut self, event: Event) -> anyhow::Result<()> {
        // A lane that starts anew with other settings starts; others change.
        if let Event::Changed { lane, info, .. } | Event::Started { lane, info, .. } = &event {
            let changes =
                self.view.lane(*lane).map(|l| info.recipe.differences(&l.info.recipe)).unwrap_or_default();
            for (name, value) in changes {
                say(&format!("{}: {name} is {} now.\n", escaped(&info.name), escaped(&value)))?;
            }
        }
        if event == Event::Rested {
            self.unrested = self.unrested.saturating_sub(1);
        }
        if let Event::Rewound { lane, info, step } = &event {
            let letter = self.view.lane(*lane).map_or('?', LaneView::letter);
            say(&format!("{letter} {} goes on from step {step}.\n", escaped(&info.name)))?;
        }
        let (lane, began) = match &event {
            Event::Phase { lane, .. } => (Some(*lane), None),
            Event::Started { lane, .. } | Event::Rewound { lane, .. } => (None, Some(*lane)),
            Event::Notice(text) => return say(&format!("{}\n", spoken(text))),
            _ => (None, None),
        };
        self.view.apply(event);
        self.announced.retain(|id| began != Some(*id));
        let resting = !self.view.lanes.iter().any(|l| l.phase == Phase::Running);
        if resting != self.resting && self.view.lanes.iter().any(|l| l.phase != Phase::Finished) {
            self.resting = resting;
            let step = self.view.lanes.iter().map(|l| l.step).max().unwrap_or(0);
            say(&if resting { format!("Paused at step {step}.\n") } else { "Training.\n".into() })?;
        }
        let Some(lane) = lane.and_then(|id| self.view.lane(id)) else { return Ok(()) };
        if matches!(lane.phase, Phase::Running | Phase::Paused) || self.announced.contains(&lane.id) {
            return Ok(());
        }
        let (id, line) = (lane.id, sentence(lane));
        self.announced.push(id);
        say(&line)
    }

    fn status(&mut self) -> anyhow::Result<()> {
        self.said = Instant::now();
        let step = self.view.lanes.iter().map(|l| l.step).max().unwrap_or(0);
        let lanes: String = self.view.lanes.iter().map(sentence).collect();
        say(&format!("Step {step} of {}.\n{lanes}", self.steps))
    }

    /// Carries out a line; returns whether the user quits.
    fn obey(&mut self, line: &str) -> anyhow::Result<bool> {
        if self.taught(line)? {
            return Ok(false);
        }
        match (LaneNames { view: &self.view, front: None }).read(line) {
            Ok(ParsedCommand::Nothing) => {}
            Ok(ParsedCommand::Quit) => return Ok(true),
            Ok(ParsedCommand::Picture(_)) => say("there is no screen here to take a picture of\n")?,
            Ok(ParsedCommand::Say(text)) => say(&text)?,
            Ok(ParsedCommand::Order(Command::Run)) if self.guide.is_some() => {
                self.taught("on")?;
            }
            Ok(ParsedCommand::Order(command)) => {
                if let Some(why) = self.refused(&command) {
                    say(&format!("{}.\n", escaped(&why)))?;
                } else {
                    self.unrested += usize::from(matches!(command, Command::Step(_) | Command::Pause));
                    self.runner.send(command);
                }
            }
            Ok(ParsedCommand::Status) => self.status()?,
            Ok(ParsedCommand::Every(every)) => self.every = every,
            Err(what) => say(&format!("{}\n", escaped(&what)))?,
        }
        Ok(false)
    }
}
