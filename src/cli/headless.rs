//! A run without a screen: progress, log, signals and results.

mod beside;

use super::opening::with_past;
use super::signals::Signals;
use super::{BadInput, Ended, print, tell};
use crate::engine::data::Files;
use crate::lab::expect::Expectation;
use crate::lab::experiment::Experiment;
use crate::lab::outcome::{Standing, Standings};
use crate::lab::run::Run;
use crate::lab::run_dir::RunDir;
use crate::lab::runner::Runner;
use crate::number::Number;
use crate::scenario::Scenario;
use crate::telemetry::{Band, Command, Event, LaneId, Measure, Phase, Spread};
use beside::Beside;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Time between two lines of progress without a terminal.
const LINE: Duration = Duration::from_secs(5);

/// A run and its settings for output.
pub struct Headless {
    /// The run, ready to go.
    pub run: Run,
    /// Where to write it.
    pub dir: Option<RunDir>,
    /// Steps at which it ends.
    pub end: u64,
    /// Workers.
    pub threads: Option<usize>,
    /// Whether the log goes to standard output as well.
    pub json: bool,
    /// The expectations to judge at the end.
    pub expect: Vec<Expectation>,
    /// The scenario with each of the other seeds over which that is judged.
    pub others: Vec<Scenario>,
    /// Where their data come from.
    pub files: Arc<dyn Files + Send + Sync>,
    /// The directory whose log tells what happened before, for a run that is taken up again.
    pub past: Option<PathBuf>,
}

/// The expectations to judge at the end: the scenario's own, which are left out if the run is shorter than the scenario, and
/// `more` from the command line.
///
/// # Errors
/// Everything that is wrong with `more`.
pub fn judged(
    own: Vec<Expectation>,
    scenario: &Scenario,
    more: &[String],
    end: u64,
) -> Result<Vec<Expectation>, BadInput> {
    let mut expect = own;
    if end < scenario.steps as u64 && !expect.is_empty() {
        tell(&format!(
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
        // Where nothing is expected there is nothing to judge on other seeds.
        let others = if expect.is_empty() { Vec::new() } else { others };
        let clocks = run.clocks();
        let past = past.map(|dir| (dir, clocks));
        let signals = Signals::listen()?;
        let beside = Beside::of(&run);
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
            return Err(Ended(1, format!("not everything is saved: {error}")).into());
        }
        let mut faults: Vec<String> = standings.lanes.iter().filter_map(failure).collect();
        let (first, all) = (others.first().map_or(0, |s| s.seed.wrapping_sub(1)), others.len() + 1);
        let mut seeds = vec![(first, standings)];
        for (k, scenario) in (2..).zip(others) {
            let seed = scenario.seed;
            tell(&format!("seed {seed}, {k} of {all}\n"));
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
        if faults.is_empty() { Ok(()) } else { Err(Ended(1, faults.join("\n")).into()) }
    }
}

/// The directory whose log tells of a run's past, and seconds and steps of every lane so far.
type Past = (PathBuf, BTreeMap<LaneId, (f64, u64)>);

/// Trains all lanes to their end; how they stand there, the lines of the log that nobody has printed, and why the disk
/// has not got everything, if so.
fn train(
    runner: Runner,
    mut past: Option<Past>,
    signals: &Signals,
    end: u64,
    json: bool,
) -> anyhow::Result<(Standings, Vec<String>, Option<String>)> {
    let (mut standings, mut progress) = (Standings::default(), Progress::new(end, json));
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
            // A closed standard output ends the run; it is saved first.
            stopped = lines(runner.take_lines()).err();
        }
        if let Some(code) = signals.exit_code() {
            stopped = Some(Ended(code, "interrupted".into()).into());
        } else if let Some(error) = runner.disk_error() {
            stopped = Some(Ended(1, format!("stopped, since nothing can be saved: {error}")).into());
        } else if standings.over() {
            break;
        }
    }
    let (events, rest, disk) = runner.finish();
    take(&events, &mut standings, &mut progress);
    progress.end(&standings);
    stopped.map_or(Ok((standings, rest, disk)), Err)
}

fn take(events: &[Event], standings: &mut Standings, progress: &mut Progress) {
    for event in events {
        standings.apply(event);
        progress.hear(event, standings);
    }
    progress.show(standings);
}

fn lines(lines: Vec<String>) -> anyhow::Result<()> {
    let text: String = lines.into_iter().map(|l| l + "\n").collect();
    if text.is_empty() { Ok(()) } else { print(&text) }
}

fn failure(lane: &Standing) -> Option<String> {
    match &lane.phase {
        Phase::Failed(what) => Some(format!("lane {}: {what}", lane.name)),
        _ => None,
    }
}

/// Whether standard output is a terminal on which colours are wanted.
fn colours() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty());
    let plain = set("NO_COLOR") || std::env::var_os("TERM").is_none_or(|t| t == "dumb");
    std::io::stdout().is_terminal() && !plain
}

/// A number with four decimals, or as 2.010e11 where these would say nothing or too much.
fn numeral(x: f32) -> String {
    let plain = x == 0.0 || !x.is_finite() || (1e-3..1e6).contains(&x.abs());
    if plain { format!("{x:.4}") } else { format!("{x:.3e}") }
}

/// A number of a measurement, if both are there.
fn single(measure: Option<&Measure>, number: Number) -> Option<f32> {
    Some(measure?.get(number)? as f32)
}

/// The range of the newest validation over the lane's seeds, where there are several.
fn spread(lane: &Standing) -> Option<Spread> {
    lane.validation?.spread
}

/// A lane's end in words; with `red`, failed trust checks are in red.
fn summary(lane: &Standing, red: bool) -> String {
    let number = |x: Option<f32>| x.map_or_else(|| "-".into(), numeral);
    let end = match &lane.phase {
        Phase::Diverged(account) => format!("diverged at step {}. {}", account.step, account.what),
        Phase::Failed(what) | Phase::Stopped(what) => what.clone(),
        _ => format!(
            "step {}   loss {}   val loss {}   val accuracy {}",
            lane.step,
            number(single(lane.last.as_ref(), Number::Loss)),
            number(single(lane.validation.as_ref(), Number::ValLoss)),
            number(single(lane.validation.as_ref(), Number::ValAccuracy))
        ),
    };
    // A comparison states the cost of a defence or an optimizer.
    let each = lane.last.map_or(1.0, |m| m.evaluations as f64 / m.step.max(1) as f64);
    let cost = if each > 1.0 { format!("   {each:.1} gradients a step") } else { String::new() };
    let mut out = format!("{:<20} {end}{cost}\n", lane.name);
    for edit in &lane.edits {
        let belied = if edit.belies(&lane.name) { "; its name no longer says what it is" } else { "" };
        let _ = writeln!(out, "{:<20} changed at step {}: {edit}{belied}", "", edit.step);
    }
    out.push_str(&beside::scores(lane));
    if let Some(known) = &lane.robustness {
        for [eps, clean, noise, fgsm, pgd] in known.sizes() {
            let shares = [("clean", clean), ("noise", noise), ("FGSM", fgsm), ("PGD", pgd)];
            let shares = shares.map(|(name, share)| format!("{name} {:.1} %", 100.0 * share)).join("   ");
            let _ = writeln!(out, "{:<20} eps {eps}: {shares}", "");
        }
        let share = 100.0 * known.share;
        let _ = writeln!(out, "{:<20} measuring that took {share:.0} % of the gradients of training", "");
        for why in &known.distrust {
            let (on, off) = if red { ("\x1b[31m", "\x1b[0m") } else { ("", "") };
            let _ = writeln!(out, "{:<20} {on}not to be trusted: {why}{off}", "");
        }
    }
    out + &spread(lane).map_or_else(String::new, |s| ranges(&s))
}

/// Names the lanes that differ by more than their seeds do, if they ran over several.
fn beyond_seeds(lanes: &[Standing]) -> String {
    let Some(seeds) = lanes.iter().find_map(spread).map(|s| s.seeds) else { return String::new() };
    let (mut beyond, mut within) = (Vec::new(), Vec::new());
    for (i, a) in lanes.iter().enumerate() {
        for b in &lanes[i + 1..] {
            let (Some(x), Some(y)) = (spread(a), spread(b)) else { continue };
            let (Some((by, mine)), Some((_, theirs))) = (x.judged_by(), y.judged_by()) else { continue };
            if !x.apart(&y) {
                within.push(format!("{} ~ {}", a.name, b.name));
                continue;
            }
            let first = (mine.min > theirs.max) == by.is_share();
            let (better, worse) = if first { (a, b) } else { (b, a) };
            beyond.push(format!("{} > {}", better.name, worse.name));
        }
    }
    let list = |what: &str, pairs: &[String]| match pairs {
        [] => String::new(),
        some => format!("{what} {}\n", some.join("; ")),
    };
    list(&format!("beyond the spread of {seeds} seeds:"), &beyond)
        + &list("not farther apart than their seeds:", &within)
}

/// The range of a lane's validation over its seeds, in words.
fn ranges(s: &Spread) -> String {
    let of = |b: Band| format!("{} ({} to {})", numeral(b.median), numeral(b.min), numeral(b.max));
    let mut out = format!("{:<20} {} seeds", "", s.seeds);
    for (number, band) in Number::ALL.into_iter().filter_map(|n| Some((n, s.band(n)?))) {
        let _ = write!(out, "   {} {}", number.row().label, of(band));
    }
    let lost = if s.lost > 0 { format!("   {} lost", s.lost) } else { String::new() };
    out + &lost + "\n"
}

/// How an expectation was judged, as a JSON line.
fn verdict(expect: &str, holds: bool, why: &str) -> String {
    serde_json::json!({ "expect": expect, "holds": holds, "why": why }).to_string()
}

/// A lane's end as a JSON line.
fn ending(lane: &Standing) -> String {
    let (phase, what) = match &lane.phase {
        Phase::Diverged(account) => ("diverged", account.what.as_str()),
        Phase::Failed(what) => ("failed", what.as_str()),
        Phase::Stopped(what) => ("stopped", what.as_str()),
        _ => ("finished", ""),
    };
    let end = Ending {
        step: lane.step,
        lane: &lane.name,
        end: phase,
        what,
        loss: single(lane.last.as_ref(), Number::Loss),
        val_loss: single(lane.validation.as_ref(), Number::ValLoss),
        val_accuracy: single(lane.validation.as_ref(), Number::ValAccuracy),
        more: beside::numbers(lane),
        classes: beside::classes(lane),
        edits: lane.edits.iter().map(|e| format!("step {}: {e}", e.step)).collect(),
        robustness: lane.robustness.as_ref().map(|known| Robustness {
            accuracies: known
                .sizes()
                .iter()
                .map(|[eps, clean, noise, fgsm, pgd]| Accuracies {
                    eps: *eps,
                    clean: *clean,
                    noise: *noise,
                    fgsm: *fgsm,
                    pgd: *pgd,
                })
                .collect(),
            share: known.share,
            distrust: &known.distrust,
        }),
        seeds: spread(lane).map(|s| s.seeds),
        seeds_lost: spread(lane).map(|s| s.lost),
        val_loss_spread: spread(lane).and_then(|s| s.band(Number::ValLoss)),
        val_accuracy_spread: spread(lane).and_then(|s| s.band(Number::ValAccuracy)),
    };
    serde_json::to_string(&end).unwrap_or_default()
}

/// The last line of a lane.
#[derive(serde::Serialize)]
struct Ending<'a> {
    step: u64,
    lane: &'a str,
    end: &'a str,
    what: &'a str,
    loss: Option<f32>,
    val_loss: Option<f32>,
    val_accuracy: Option<f32>,
    /// The other numbers of the last validation under their names: val_recall, val_mae, val_r2 ...
    #[serde(flatten)]
    more: BTreeMap<&'static str, f64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    classes: Vec<serde_json::Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    edits: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    robustness: Option<Robustness<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seeds: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seeds_lost: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    val_loss_spread: Option<Band>,
    #[serde(skip_serializing_if = "Option::is_none")]
    val_accuracy_spread: Option<Band>,
}

/// The robustness of a lane at its end.
#[derive(serde::Serialize)]
struct Robustness<'a> {
    accuracies: Vec<Accuracies>,
    /// Cost of measuring, as a share of training's gradient evaluations.
    share: f64,
    distrust: &'a [String],
}

/// Accuracies at one size.
#[derive(serde::Serialize)]
struct Accuracies {
    eps: f64,
    clean: f64,
    noise: f64,
    fgsm: f64,
    pgd: f64,
}

/// Progress on standard error: a bar a lane on a terminal, a line now and then otherwise.
struct Progress {
    all: MultiProgress,
    bars: Vec<(usize, ProgressBar)>,
    terminal: bool,
    end: u64,
    last: Instant,
    quiet: bool,
}

impl Progress {
    fn new(end: u64, json: bool) -> Self {
        let terminal =
            std::io::stderr().is_terminal() && std::env::var_os("TERM").is_some_and(|t| t != "dumb");
        // If both streams go to one terminal, progress bars would break up the lines of the log.
        let quiet = json && terminal && std::io::stdout().is_terminal();
        Self { all: MultiProgress::new(), bars: Vec::new(), terminal, end, last: Instant::now(), quiet }
    }

    fn hear(&mut self, event: &Event, standings: &Standings) {
        if let Event::Notice(text) = event {
            self.say(&format!("{text}\n"));
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

    fn say(&self, text: &str) {
        if self.bars.is_empty() { tell(text) } else { self.all.suspend(|| tell(text)) }
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
            tell(&(lanes.collect::<Vec<_>>().join("   ") + "\n"));
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
fn brief(lane: &Standing) -> String {
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

#[cfg(test)]
mod tests {
    use super::numeral;

    #[test]
    fn numbers_of_any_size_are_read_at_a_glance() {
        let all = [0.0, 0.5, -12.25, 999_999.0, 2.01e11, 3.2e-7, f32::NAN, f32::INFINITY].map(numeral);
        assert_eq!(
            all,
            ["0.0000", "0.5000", "-12.2500", "999999.0000", "2.010e11", "3.200e-7", "NaN", "inf"]
        );
    }
}
