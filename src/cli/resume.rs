//! `gradtui resume`: continues a run from its newest checkpoint, bit for bit, in the lab or without a screen.

use super::display::Display;
use super::headless::{Headless, examine, judged, other_seeds};
use super::opening::{HangupOptions, OpenedRun};
use super::{BadInput, print_err};
use crate::engine::data::Files;
use crate::lab::experiment::Experiment;
use crate::lab::files::Disk;
use crate::lab::lesson::of_scenario;
use crate::lab::run::Run as Lanes;
use crate::lab::run_dir::{RunDir, checkpoint::checksum};
use crate::limits;
use crate::scenario::{Scenario, read_with_data};
use crate::ui::terminal::fit;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Arguments of `resume`.
#[derive(Debug, clap::Args)]
pub struct ResumeArgs {
    /// The directory that `run --out` wrote
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Without a screen, up to this many steps in all (without a terminal: to the end of the scenario)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=limits::STEPS as u64))]
    steps: Option<u64>,
    /// Workers; results do not depend on it
    #[arg(long, value_name = "T", value_parser = clap::value_parser!(u64).range(1..=64))]
    threads: Option<u64>,
    /// Without a screen; write the log to standard output, one JSON object per line
    #[arg(long)]
    json: bool,
    /// Without a screen; what must hold at the end
    #[arg(long, value_name = "EXPR")]
    expect: Vec<String>,
    #[command(flatten)]
    display: Display,
    #[command(flatten)]
    line: HangupOptions,
}

/// A run restored from its newest checkpoint.
pub struct RestoredRun {
    /// Its scenario.
    pub scenario: Scenario,
    /// Its lanes, paused at the checkpoint.
    pub run: Lanes,
    /// Its directory.
    pub dir: RunDir,
    /// The step at which it ends.
    pub end: u64,
    /// The files with its data.
    pub files: Arc<dyn Files + Send + Sync>,
    /// Warnings for the user.
    pub warnings: Vec<String>,
}

/// The experiment that a run's scenario builds.
fn build(text: &str, base: &Path) -> Result<Experiment, BadInput> {
    let files = Disk { base: base.into() };
    let (scenario, data) = read_with_data(text, &files)
        .map_err(|faults| BadInput(faults.iter().map(|f| f.in_file("scenario.ron")).collect()))?;
    Experiment::with_data(scenario, Arc::new(data), &files)
        .map_err(|faults| BadInput(faults.iter().map(ToString::to_string).collect()))
}

/// Opens a run directory to continue the run.
///
/// # Errors
/// The reason why the run cannot be resumed.
pub fn reopen(path: &Path, steps: Option<u64>) -> Result<RestoredRun, BadInput> {
    let bad = |what: String| BadInput::new(format!("{}: {what}", path.display()));
    // Before a checkpoint is read, its size is compared with the most that its scenario needs.
    let mut built = None;
    let mut need = |text: &str, base: &Path| {
        let (_, built) = built.insert(((text.to_string(), base.to_path_buf()), build(text, base)));
        built.as_ref().map_or(limits::MEMORY, Experiment::checkpoint_bytes)
    };
    let (dir, mut resumed) = RunDir::resume(path, &mut need).map_err(|e| BadInput::new(e.to_string()))?;
    let of = (resumed.scenario.clone(), resumed.base.clone());
    let built = built.filter(|(which, _)| *which == of).map(|(_, built)| built);
    let experiment = built.unwrap_or_else(|| build(&of.0, &of.1))?;
    let scenario = experiment.scenario.clone();
    if checksum(&experiment.data.train.inputs) != resumed.data {
        resumed.warnings.push("the data are others than when the run began".into());
    }
    let files: Arc<dyn Files + Send + Sync> = Arc::new(Disk { base: resumed.base.clone() });
    let end = steps.unwrap_or(scenario.steps as u64);
    let mut run = Lanes::new(experiment, Some(end), Arc::clone(&files));
    run.restore(&resumed.lanes).map_err(bad)?;
    Ok(RestoredRun { scenario, run, dir, end, files, warnings: resumed.warnings })
}

impl ResumeArgs {
    /// Continues training.
    pub fn run(self) -> anyhow::Result<()> {
        let RestoredRun { scenario, mut run, dir, end, files, warnings } = reopen(&self.dir, self.steps)?;
        let threads = self.threads.map(|n| n as usize);
        if self.steps.is_none() && !self.json && self.expect.is_empty() && fit().is_ok() {
            let (dir, notices) = (Some(dir), warnings);
            let shown = self.display.choose()?;
            return OpenedRun { scenario, run, dir, threads, shown, notices, script_of: None, lesson: None }
                .show(&self.line);
        }
        for warning in warnings {
            print_err(&format!(
                "gradtui: {}: {warning}\n",
                crate::text::escaped(&self.dir.display().to_string())
            ));
        }
        let own = of_scenario(&scenario.to_ron(), &scenario)
            .map_err(|faults| BadInput(faults.iter().map(|f| f.in_file("scenario.ron")).collect()))?;
        let over = run.over();
        if over {
            let place = crate::text::escaped(&self.dir.display().to_string()).into_owned();
            print_err(&format!("{place}: finished; `gradtui resume {place} --steps N` goes on beyond\n"));
        }
        // A finished run was judged when it ended.
        let own = if over { Vec::new() } else { own };
        let expect = judged(own, &scenario, &self.expect, end)?;
        let others = other_seeds(&scenario);
        examine(&mut run, &expect);
        Headless {
            run,
            dir: Some(dir),
            end,
            threads,
            json: self.json,
            expect,
            others,
            files,
            past: Some(self.dir),
        }
        .go()
    }
}
