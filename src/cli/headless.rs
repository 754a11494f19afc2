//! A run without a screen: progress, log, signals and results.

mod beside;
mod table;

use super::opening::with_past;
use super::saving::CheckpointWait;
use super::signals::Signals;
use super::{BadInput, CommandEnd, print, print_err};
use crate::engine::data::Files;
use crate::lab::expect::Expectation;
use crate::lab::experiment::Experiment;
use crate::lab::outcome::{LaneStanding, Standings};
use crate::lab::run::Run;
use crate::lab::run_dir::RunDir;
use crate::lab::runner::Runner;
use crate::number::{Number, numeral};
use crate::scenario::Scenario;
use crate::telemetry::{Command, Event, LaneId, Phase};
use beside::RunFacts;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use table::{beyond_seeds, ending, single, summary, verdict};

/// Time between two lines of progress without a terminal.
const LINE: Duration = Duration::from_secs(5);

/// A run and its settings for output.
pub struct Headless {
    /// The run, ready to train.
    pub run: Run,
    /// The directory to which it is written.
    pub dir: Option<RunDir>,
    /// The step at which it ends.
    pub end: u64,
    /// Workers.
    pub threads: Option<usize>,
    /// Whether the log goes to standard output as well.
    pub json: bool,
    /// The expectations to judge at the end.
    pub expect: Vec<Expectation>,
    /// The scenario with each of the other seeds over which they are judged.
    pub others: Vec<Scenario>,
    /// The files with their data.
    pub files: Arc<dyn Files + Send + Sync>,
    /// The directory whose log contains the earlier events of a resumed run.
    pub past: Option<PathBuf>,
}

/// The expectations to judge at the end: the scenario's own, unless the run is shorter than the scenario, and `more`
/// from the command line.
///
/// # Errors
/// All faults of `more`.
pub fn judged(
    own: Vec<Expectation>,
    scenario: &Scenario,
    more: &[String],
    end: u64,
) -> Result<Vec<Expectation>, BadInput> {
    let mut expect = own;
    if end < scenario.steps as u64 && !expect.is_empty() {
        print_err(&format!(
            "not judged: the scenario expects {} of its {} steps, and this run ends after {end}\n",
            if expect.len() == 1 { "something".into() } else { format!("{} things", expect.len()) },
            scenario.steps,
        ));
        expect.clear();
    }
    let mut faults = Vec::new();
    for text in more {
        match Expectation::of(text, scenario) {
            Ok(expectation) => expect.push(expectation),
            Err(what) => faults.push(format!("--expect {what}")),
        }
    }
    if faults.is_empty() { Ok(expect) } else { Err(BadInput(faults)) }
}

/// The scenario with each of the other seeds over which it is judged.
pub fn other_seeds(scenario: &Scenario) -> Vec<Scenario> {
    let with = |k| Scenario { seed: scenario.seed.wrapping_add(k), ..scenario.clone() };
    (1..scenario.expect_seeds as u64).map(with).collect()
}

/// Adds the measurements under attack that the expectations need.
pub fn examine(run: &mut Run, expect: &[Expectation]) {
    let sizes: Vec<_> = expect.iter().filter_map(Expectation::sizes).collect();
    if !sizes.is_empty() {
        run.examine_at(&sizes.concat());
    }
}

impl Headless {
    /// Trains to the end, or until a signal or the disk stops it.
    ///
    /// # Errors
    /// If it did not end with exit code 0.
    pub fn go(self) -> anyhow::Result<()> {
        let Self { run, dir, end, threads, json, expect, others, files, past } = self;
        // Without expectations, no other seeds need to be trained.
        let others = if expect.is_empty() { Vec::new() } else { others };
        let clocks = run.clocks();
        let past = past.map(|dir| (dir, clocks));
        let signals = Signals::listen()?;
        let beside = RunFacts::of(&run);
        let runner = Runner::start(run, threads, dir, json)?;
        let (standings, rest, disk) = train(runner, past, &signals, end, json)?;
        if json {
            lines(rest)?;
            lines(standings.lanes.iter().map(ending).chain(beside.json()).collect())?;
        } else {
            let red = colours();
            let lanes = standings.lanes.iter().map(|l| summary(l, red)).collect::<String>();
            print(&(lanes + &beyond_seeds(&standings.lanes) + &beside.lines(&standings.lanes)))?;
        }
        if let Some(error) = disk {
            return Err(CommandEnd(1, format!("not everything is saved: {error}")).into());
        }
        let mut faults: Vec<String> = standings.lanes.iter().filter_map(failure).collect();
        let (first, all) = (others.first().map_or(0, |s| s.seed.wrapping_sub(1)), others.len() + 1);
        let mut seeds = vec![(first, standings)];
        for (k, scenario) in (2..).zip(others) {
            let seed = scenario.seed;
            print_err(&format!("seed {seed}, {k} of {all}\n"));
            let experiment = Experiment::new(scenario, &*files)
                .map_err(|faults| BadInput(faults.iter().map(ToString::to_string).collect()))?;
            let mut run = Run::new(experiment, Some(end), Arc::clone(&files));
            examine(&mut run, &expect);
            let (standings, ..) =
                train(Runner::start(run, threads, None, false)?, None, &signals, end, json)?;
            let failed = standings.lanes.iter().filter_map(failure);
            faults.extend(failed.map(|what| format!("seed {seed}, {what}")));
            seeds.push((seed, standings));
        }
        let seeds: Vec<_> = seeds.iter().map(|(seed, standings)| (*seed, standings)).collect();
        let mut held = String::new();
        for expectation in &expect {
            let text = expectation.text();
            match expectation.judge(&seeds) {
                Ok(why) if json => lines(vec![verdict(text, true, &why)])?,
                Ok(why) => held.extend(["holds: ", text, "   ", &why, "\n"]),
                Err(why) => {
                    if json {
                        lines(vec![verdict(text, false, &why)])?;
                    }
                    faults.push(why);
                }
            }
        }
        print(&held)?;
        if faults.is_empty() { Ok(()) } else { Err(CommandEnd(1, faults.join("\n")).into()) }
    }
}

/// The directory with the log of a run's earlier events, and seconds and steps of every lane so far.
type EarlierRun = (PathBuf, BTreeMap<LaneId, (f64, u64)>);

/// Trains all lanes to their end; returns their final standings, the log lines that were not printed, and the reason if
/// the disk does not have everything.
fn train(
    runner: Runner,
    mut past: Option<EarlierRun>,
    signals: &Signals,
    end: u64,
    json: bool,
) -> anyhow::Result<(Standings, Vec<String>, Option<String>)> {
    let (mut standings, mut progress) = (Standings::default(), RunProgress::new(end, json));
    runner.send(Command::Run);
    let mut stopped = None;
    while stopped.is_none() {
        runner.wait(Duration::from_millis(100));
        let mut events = runner.drain();
        if let Some((dir, clocks)) = past.take_if(|_| !events.is_empty()) {
            events = with_past(events, &dir, &clocks);
        }
        take(&events, &mut standings, &mut progress);
        if json {
            // A closed standard output ends the run, which is saved first.
            stopped = lines(runner.take_lines()).err();
        }
        if let Some(code) = signals.exit_code() {
            stopped = Some(CommandEnd(code, "interrupted".into()).into());
        } else if let Some(error) = runner.disk_error() {
            stopped = Some(CommandEnd(1, format!("stopped, since nothing can be saved: {error}")).into());
        } else if standings.over() {
            break;
        }
    }
    let mut saving = CheckpointWait::new();
    let (events, rest, disk) = runner.finish(&mut |done, all| saving.show(done, all));
    drop(saving);
    take(&events, &mut standings, &mut progress);
    progress.end(&standings);
    stopped.map_or(Ok((standings, rest, disk)), Err)
}

fn take(events: &[Event], standings: &mut Standings, progress: &mut RunProgress) {
    for event in events {
        standings.apply(event);
        progress.on_event(event, standings);
    }
    progress.show(standings);
}

fn lines(lines: Vec<String>) -> anyhow::Result<()> {
    let text: String = lines.into_iter().map(|l| l + "\n").collect();
    if text.is_empty() { Ok(()) } else { print(&text) }
}

fn failure(lane: &LaneStanding) -> Option<String> {
    match &lane.phase {
        Phase::Failed(what) => Some(format!("lane {}: {what}", lane.name)),
        _ => None,
    }
}

/// Whether standard output is a terminal that should show colours.
fn colours() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty());
    let plain = set("NO_COLOR") || std::env::var_os("TERM").is_none_or(|t| t == "dumb");
    std::io::stdout().is_terminal() && !plain
}

/// Progress on standard error: one bar per lane on a terminal, otherwise a line from time to time.
struct RunProgress {
    all: MultiProgress,
    bars: Vec<(usize, ProgressBar)>,
    terminal: bool,
    end: u64,
    last: Instant,
    quiet: bool,
}

impl RunProgress {
    fn new(end: u64, json: bool) -> Self {
        let terminal =
            std::io::stderr().is_terminal() && std::env::var_os("TERM").is_some_and(|t| t != "dumb");
        // If both streams go to one terminal, progress bars would break up the lines of the log.
        let quiet = json && terminal && std::io::stdout().is_terminal();
        Self { all: MultiProgress::new(), bars: Vec::new(), terminal, end, last: Instant::now(), quiet }
    }

    fn on_event(&mut self, event: &Event, standings: &Standings) {
        if let Event::Notice(text) = event {
            self.print(&format!("{text}\n"));
        }
        if let Event::Started { lane, .. } = event
            && self.terminal
            && !self.quiet
            && !self.bars.iter().any(|(id, _)| id == lane)
            && let Some(standing) = standings.lanes.iter().find(|l| l.id == *lane)
        {
            let bar = self.all.add(ProgressBar::new(self.end));
            if let Ok(style) = ProgressStyle::with_template("{prefix:16} {bar:24} {pos:>7}/{len} {msg}") {
                bar.set_style(style);
            }
            bar.set_prefix(standing.name.clone());
            self.bars.push((*lane, bar));
        }
    }

    fn print(&self, text: &str) {
        if self.bars.is_empty() { print_err(text) } else { self.all.suspend(|| print_err(text)) }
    }

    fn show(&mut self, standings: &Standings) {
        for (id, bar) in &self.bars {
            if let Some(lane) = standings.lanes.iter().find(|l| l.id == *id) {
                bar.set_position(lane.step);
                bar.set_message(brief(lane));
            }
        }
        if !self.terminal && !self.quiet && self.last.elapsed() >= LINE {
            self.last = Instant::now();
            let lanes = standings.lanes.iter().map(|l| format!("{} step {} {}", l.name, l.step, brief(l)));
            print_err(&(lanes.collect::<Vec<_>>().join("   ") + "\n"));
        }
    }

    fn end(&mut self, standings: &Standings) {
        self.show(standings);
        for (_, bar) in self.bars.drain(..) {
            bar.abandon();
        }
    }
}

/// A lane in a few words.
fn brief(lane: &LaneStanding) -> String {
    let text = match &lane.phase {
        Phase::Diverged(_) => return "diverged".into(),
        Phase::Failed(_) => return "failed".into(),
        _ => lane.last.map_or_else(String::new, |m| format!("loss {}", numeral(m.single(Number::Loss)))),
    };
    match single(lane.validation.as_ref(), Number::ValAccuracy) {
        Some(accuracy) => format!("{text} val {:.1} %", 100.0 * accuracy),
        None => text,
    }
}
