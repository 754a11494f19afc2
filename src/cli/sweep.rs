//! `gradtui sweep`: trains a scenario under many settings and seeds, in this process or as one of many tasks; and
//! prints its table.

mod progress;
mod script;
mod task;

use super::signals::Signals;
use super::{BadInput, CommandEnd, OpenedText, open, print, print_err};
use crate::engine::data::{Files, NoFiles};
use crate::lab::expect::Expectation;
use crate::lab::experiment;
use crate::lab::preset;
use crate::lab::run_dir::checkpoint::checksum;
use crate::lab::run_dir::{DirError, plain};
use crate::lab::sweep::store::{ResultsReader, ResultsStore, SweepDefinition};
use crate::lab::sweep::table::{Format, Results, print as table, print_all};
use crate::lab::sweep::work::{Job, SweepEvent, train};
use crate::lab::sweep::{self, Slice, estimate, preset as sweeps};
use crate::scenario::sweep::{SweepPlan, plan};
use crate::scenario::{self, at_paths};
use crate::text::{escaped, escaped_lines};
use progress::SweepProgress;
use std::cell::RefCell;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use task::TaskPart;

/// Arguments of `sweep`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct SweepArgs {
    #[command(subcommand)]
    act: Option<SweepAction>,
    /// A sweep that ships, or a file
    #[arg(value_name = "SWEEP", required = true)]
    name: Option<OsString>,
    /// Keep the results in this directory; the same command goes on where it stopped
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Train part I of N only; parts may run at the same time on several machines that share the directory
    #[arg(long, value_name = "I/N", conflicts_with = "tasks")]
    task: Option<task::SlicePart>,
    /// Number of parts, if the engine that started this one tells only its own number (HyperQueue, PBS, Kubernetes, GNU parallel)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    tasks: Option<u64>,
    /// The list that the engine was given, if it is not evenly spaced or does not begin at 0: --array 1,5,9-13:2
    #[arg(long, value_name = "LIST", conflicts_with_all = ["task", "tasks"])]
    array: Option<String>,
    /// Threads; results do not depend on it
    #[arg(long, value_name = "T", value_parser = clap::value_parser!(u64).range(1..=1024))]
    threads: Option<u64>,
    /// Print a script for sbatch with this many tasks (--tasks), and train nothing
    #[arg(long, requires = "out")]
    print_slurm: bool,
    /// Print the line for GNU parallel with this many tasks (--tasks), and train nothing
    #[arg(long, requires = "out")]
    print_parallel: bool,
    /// Write each result to standard output as a JSON line, in place of the table
    #[arg(long)]
    json: bool,
}

/// Actions on a sweep that was begun.
#[derive(Debug, clap::Subcommand)]
enum SweepAction {
    /// Print the best setting of each contender, from whatever is done
    Table {
        /// The sweep's directory
        #[arg(value_name = "DIR")]
        dir: PathBuf,
        /// md, csv or tex (booktabs)
        #[arg(long, value_name = "FORMAT", default_value = "md")]
        format: TableFormat,
        /// A row for every setting
        #[arg(long)]
        all: bool,
    },
    /// Print a setting as a scenario: `run` trains it to the same numbers
    Show {
        /// The sweep's directory, or a sweep
        #[arg(value_name = "SWEEP")]
        sweep: OsString,
        /// The number of the setting, as `sweep table --all` has it
        #[arg(value_name = "SETTING")]
        setting: usize,
        /// The seed; the first one, if none is given
        #[arg(long, value_name = "S")]
        seed: Option<u64>,
    },
}

/// Forms of a table.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum TableFormat {
    /// Markdown
    Md,
    /// Comma-separated values
    Csv,
    /// LaTeX with booktabs
    Tex,
}

impl From<TableFormat> for Format {
    fn from(layout: TableFormat) -> Self {
        match layout {
            TableFormat::Md => Self::Markdown,
            TableFormat::Csv => Self::Csv,
            TableFormat::Tex => Self::Latex,
        }
    }
}

/// A parsed sweep, with everything it needs.
pub(super) struct PreparedSweep {
    name: String,
    text: String,
    scenario: OpenedText,
    /// Its settings and seeds.
    pub(super) plan: SweepPlan,
}

/// Whether a name belongs to a sweep.
pub(super) fn names(name: &OsStr) -> bool {
    let ships = name.to_str().is_some_and(|n| sweeps::find(n).is_some());
    ships || open(name).is_ok_and(|opened| scenario::sweep::is_sweep(&opened.text))
}

/// Reads a sweep, by the name of a built-in one or a path, and the scenario that it names.
pub(super) fn read(name: &OsStr) -> Result<PreparedSweep, BadInput> {
    let (name, text, base) =
        if let Some((name, text)) = name.to_str().and_then(|n| Some((n, sweeps::find(n)?))) {
            (name.to_string(), text.to_string(), None)
        } else {
            let opened = open(name)?;
            let base = opened.disk.map(|disk| disk.base).unwrap_or_default();
            (opened.name, opened.text, Some(base))
        };
    let opened = RefCell::new(None);
    let scenario = |wanted: &str| {
        let path = match &base {
            Some(base) if preset::find(wanted).is_none() => base.join(wanted).into_os_string(),
            _ => wanted.into(),
        };
        let found = open(&path).map_err(|BadInput(faults)| faults.join("; "))?;
        let read = scenario::read_with_data(&found.text, found.files())
            .map_err(|faults| format!("{} (see `gradtui check`)", found.faults(&faults).0.swap_remove(0)))?;
        *opened.borrow_mut() = Some(found);
        Ok(read.0)
    };
    let located =
        |faults: Vec<scenario::ScenarioFault>| BadInput(faults.iter().map(|f| f.in_file(&name)).collect());
    let plan = plan(&text, &scenario).map_err(located)?;
    let contenders: Vec<&str> = plan.contenders.iter().map(String::as_str).collect();
    let mut faults = Vec::new();
    for (i, wanted) in plan.sweep.expect.iter().enumerate() {
        if let Err(what) = Expectation::parse(wanted, &contenders) {
            faults.push((format!("expect[{i}]"), format!("expect: {what}")));
        }
    }
    if !faults.is_empty() {
        return Err(located(at_paths(&text, faults)));
    }
    let Some(scenario) = opened.into_inner() else {
        return Err(BadInput::new(format!("{name}: no scenario")));
    };
    Ok(PreparedSweep { name, text, scenario, plan })
}

impl PreparedSweep {
    fn files(&self) -> &(dyn Files + Send + Sync) {
        match &self.scenario.disk {
            Some(disk) => disk,
            None => &NoFiles,
        }
    }

    fn head(&self) -> anyhow::Result<SweepDefinition> {
        let first = self.plan.scenario(&self.plan.settings[0], self.plan.seeds[0]);
        let data = experiment::prepare(&first, self.files())
            .map_err(|fault| BadInput::new(format!("{}: {fault}", self.name)))?;
        Ok(SweepDefinition {
            gradtui: env!("CARGO_PKG_VERSION").into(),
            sweep: self.text.clone(),
            scenario: self.scenario.text.clone(),
            base: self.scenario.base()?,
            samples: checksum(&data.train.inputs),
        })
    }

    /// Refuses settings that `run` would refuse.
    fn check(&self) -> Result<(), BadInput> {
        let named = |what: String| format!("{}: {what}", self.name);
        sweep::check::check(&self.plan, self.files())
            .map_err(|faults| BadInput(faults.into_iter().map(named).collect()))
    }

    /// Says how many of `tasks` tasks have nothing to train, and why.
    fn idle(&self, tasks: usize) -> Option<String> {
        let parts = sweep::schedule::parts(&self.plan);
        let idle = tasks.checked_sub(parts).filter(|idle| *idle > 0)?;
        let why = match &self.plan.sweep.halving {
            Some(halving) => format!(
                "halving compares the settings of a bracket in one task, and there are {parts} brackets{}; more of them: \
                 halving: (bracket: N) with a smaller N",
                if halving.bracket.is_none() { ", one for each contender" } else { "" }
            ),
            None => format!("there are {parts} trainings"),
        };
        Some(format!("{idle} of {tasks} tasks have nothing to train: {why}\n"))
    }

    /// The report of `check`: trainings, time and memory.
    pub(super) fn summary(&self) -> Result<String, BadInput> {
        let plan = &self.plan;
        self.check()?;
        let threads = threads(None);
        let estimate = estimate::estimate(plan, self.files(), threads).map_err(|faults| {
            BadInput(faults.into_iter().map(|what| format!("{}: {what}", self.name)).collect())
        })?;
        let names = plan.contenders.iter().map(String::as_str).collect::<Vec<_>>();
        let seconds = estimate.seconds / threads as f64;
        Ok(format!(
            "{}: fine, a sweep of {} trainings: {} settings, {} seeds\n  {} contenders with {} settings each: {}\n  {} steps \
             in all, {}{} on {threads} threads, {} MiB\n",
            self.name,
            plan.cells(),
            plan.settings.len(),
            plan.seeds.len(),
            names.len(),
            plan.settings.len() / names.len().max(1),
            crate::text::excerpt(&names.join(", "), 200),
            estimate.steps,
            if seconds < 1.0 { "" } else { "about " },
            progress::time(seconds),
            estimate.bytes.div_ceil(1 << 20),
        ))
    }
}

fn threads(asked: Option<u64>) -> usize {
    asked.map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), |n| n as usize)
}

impl SweepArgs {
    /// Trains the remaining part, or carries out the given action.
    pub fn run(self) -> anyhow::Result<()> {
        match self.act {
            Some(SweepAction::Table { dir, format, all }) => return print_table(&dir, format.into(), all),
            Some(SweepAction::Show { sweep, setting, seed }) => return show(&sweep, setting, seed),
            None => {}
        }
        let ready = read(self.name.as_deref().unwrap_or_default())?;
        if self.print_slurm || self.print_parallel {
            let tasks = self.tasks.unwrap_or(8);
            let (sweep, out) =
                (self.name.as_deref().unwrap_or_default(), self.out.as_deref().unwrap_or(Path::new("")));
            if let Some(words) = ready.idle(self.parts_asked(tasks)?) {
                print_err(&words);
            }
            let text = if self.print_slurm {
                let (text, warning) = script::slurm(&ready.plan, sweep, out, (tasks, self.array.as_deref()))?;
                if let Some(warning) = &warning {
                    print_err(warning);
                }
                text
            } else {
                script::parallel(sweep, out, tasks)?
            };
            return print(&text);
        }
        let asked = task::SliceOptions { task: self.task, tasks: self.tasks, array: self.array.as_deref() };
        let part = task::part(&asked, &|name| std::env::var(name).ok()).map_err(BadInput::new)?;
        if part != TaskPart::Known(Slice::ALL) && self.out.is_none() {
            return Err(BadInput::new(
                "a part of a sweep needs --out DIR, the directory that all parts share",
            )
            .into());
        }
        self.train(&ready, part)
    }

    /// Number of tasks of the script that is asked for.
    fn parts_asked(&self, tasks: u64) -> Result<usize, BadInput> {
        let ids = self.array.as_deref().map(task::ids).transpose().map_err(BadInput::new)?;
        Ok(ids.map_or(tasks as usize, |ids| ids.len()))
    }

    fn train(&self, ready: &PreparedSweep, part: TaskPart) -> anyhow::Result<()> {
        let plan = &ready.plan;
        ready.check()?;
        let head = ready.head()?;
        let fault = |e: DirError| BadInput::new(e.to_string());
        let mut slice = if let TaskPart::Known(slice) = &part { *slice } else { Slice::ALL };
        let (mut store, known) = match &self.out {
            None => (None, Vec::new()),
            Some(out) => {
                let (mut store, known) = ResultsStore::open(out, &head, plan, slice).map_err(fault)?;
                if let TaskPart::Free { count, task } = &part {
                    slice = store.take_part(task, *count).map_err(fault)?;
                }
                (Some(store), known)
            }
        };
        if let Some(words) = ready.idle(slice.count) {
            print_err(&words);
        }
        let signals = Signals::listen()?;
        let leave = AtomicBool::new(false);
        let mut progress = SweepProgress::new(slice, self.json);
        let threads = threads(self.threads);
        let shelf = store.as_ref().map(|store| Arc::clone(store.shelf()));
        let job = Job { plan, files: ready.files(), slice, known, threads, shelf };
        let trained = train(job, &leave, &mut |event| {
            match event {
                SweepEvent::Begin(left) => progress.begin(left),
                SweepEvent::Done(_, record, left) => {
                    if let Some(store) = &mut store {
                        store.add(record)?;
                    }
                    if self.json {
                        print(&record.line()).map_err(std::io::Error::other)?;
                    }
                    progress.done(left);
                }
                SweepEvent::Idle => progress.idle(),
            }
            if signals.exit_code().is_some() {
                leave.store(true, Ordering::Relaxed);
            }
            Ok(())
        });
        progress.end();
        let records =
            trained.map_err(|e| CommandEnd(1, format!("stopped, since a result cannot be kept: {e}")))?;
        let out = store.as_ref().map(|s| escaped(&s.path().display().to_string()).into_owned());
        if let Some(store) = store {
            store.close().map_err(|e| CommandEnd(1, format!("not everything is saved: {e}")))?;
        }
        if let Some(code) = signals.exit_code() {
            let kept = if out.is_some() { "; the same command goes on" } else { "" };
            return Err(CommandEnd(code, format!("interrupted{kept}")).into());
        }
        let results = Results::new(plan, records);
        if slice.count > 1 {
            let mine = format!("part {} of {} is done\n", slice.index + 1, slice.count);
            let shown = self.out.as_deref().map(|out| script::quoted(out.as_os_str(), false)).transpose();
            let out = shown.ok().flatten().unwrap_or_else(|| out.unwrap_or_default());
            print_err(&format!("{mine}the table of what is there: gradtui sweep table {out}\n"));
            return Ok(());
        }
        if !self.json {
            print(&escaped_lines(&table(&results, Format::Markdown)))?;
        }
        judge(&results)
    }
}

/// Judges the expectations of the sweep.
fn judge(results: &Results<'_>) -> anyhow::Result<()> {
    let plan = results.plan();
    let standings = results.standings();
    let seeds: Vec<_> = standings.iter().map(|(seed, standings)| (*seed, standings)).collect();
    let contenders: Vec<&str> = plan.contenders.iter().map(String::as_str).collect();
    let (mut held, mut broken) = (String::new(), Vec::new());
    for wanted in &plan.sweep.expect {
        let expectation = Expectation::parse(wanted, &contenders).map_err(BadInput::new)?;
        match expectation.judge(&seeds) {
            Ok(why) => held.extend(["holds: ", expectation.text(), "   ", &why, "\n"]),
            Err(why) => broken.push(why),
        }
    }
    print_err(&held);
    if broken.is_empty() { Ok(()) } else { Err(CommandEnd(1, broken.join("\n")).into()) }
}

/// All results in the directory of a sweep.
fn open_results(dir: &Path) -> Result<(SweepPlan, Vec<sweep::cell::TrainingRecord>), BadInput> {
    let named = |what: String| BadInput::new(format!("{}: {what}", escaped(&dir.display().to_string())));
    let mut reader = ResultsReader::new(dir).map_err(named)?;
    let plan = reader.head.plan().map_err(named)?;
    let records = reader.poll().map_err(|e| named(plain(&e)))?;
    Ok((plan, records))
}

fn print_table(dir: &Path, format: Format, all: bool) -> anyhow::Result<()> {
    let (plan, records) = open_results(dir)?;
    let known = sweep::schedule::TrainingSchedule::new(&plan, Slice::ALL, records).into_records();
    let results = Results::new(&plan, known);
    let text = if all { print_all(&results, format) } else { table(&results, format) };
    print(&escaped_lines(&text))
}

fn show(sweep: &OsStr, setting: usize, seed: Option<u64>) -> anyhow::Result<()> {
    let path = Path::new(sweep);
    let plan = if path.is_dir() { open_results(path)?.0 } else { read(sweep)?.plan };
    let Some(wanted) = setting.checked_sub(1).and_then(|s| plan.settings.get(s)) else {
        let what = format!("there is no setting {setting}; the sweep has 1 to {}", plan.settings.len());
        return Err(BadInput::new(what).into());
    };
    let seed = seed.unwrap_or(plan.seeds[0]);
    if !plan.seeds.contains(&seed) {
        let seeds: Vec<String> = plan.seeds.iter().map(u64::to_string).collect();
        let seeds = crate::text::excerpt(&seeds.join(", "), 80);
        return Err(BadInput::new(format!("--seed {seed}: the sweep has the seeds {seeds}")).into());
    }
    let mut scenario = plan.scenario(wanted, seed);
    scenario.title = crate::text::excerpt(&plan.words(wanted), crate::limits::NAME_CHARS - 1);
    print(&scenario.to_ron())
}
