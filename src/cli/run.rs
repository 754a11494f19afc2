//! `gradtui run`: trains a scenario without a screen, as a test or in a batch job.

use super::headless::{Headless, examine, judged, other_seeds};
use super::{BadInput, open, print_err};
use crate::engine::data::{Files, NoFiles};
use crate::lab::experiment::Experiment;
use crate::lab::lesson::of_scenario;
use crate::lab::run::Run as Lanes;
use crate::lab::run_dir::{RunDir, checkpoint::checksum};
use crate::limits;
use crate::scenario::{Checked, inspect};
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

/// Arguments of `run`.
#[derive(Debug, clap::Args)]
pub struct RunArgs {
    /// A preset or a file
    #[arg(value_name = "SCENARIO")]
    scenario: OsString,
    /// Stop after this many steps; schedules still decay over the scenario's own number
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=limits::STEPS as u64))]
    steps: Option<u64>,
    /// Another seed
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Workers; results do not depend on it
    #[arg(long, value_name = "T", value_parser = clap::value_parser!(u64).range(1..=64))]
    threads: Option<u64>,
    /// Write scenario, log and checkpoints to this new or empty directory
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write the log to standard output, one JSON object per line
    #[arg(long)]
    json: bool,
    /// An expectation about the end, such as 'adam.val_accuracy > 0.9'; if it does not hold, the exit code is 1
    #[arg(long, value_name = "EXPR")]
    expect: Vec<String>,
    /// Seeds over which that is judged, instead of the scenario's own number: from the scenario's seed, or --seed, on
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=limits::SEEDS as u64))]
    expect_seeds: Option<u64>,
}

impl RunArgs {
    /// Trains it to the end.
    pub fn run(self) -> anyhow::Result<()> {
        let opened = open(&self.scenario)?;
        let Checked { mut scenario, mut data, warnings } =
            inspect(&opened.text, opened.files()).map_err(|faults| opened.faults(&faults))?;
        for line in data.reading.lines().map(str::to_string).chain(opened.warnings(&warnings)) {
            print_err(&(line + "\n"));
        }
        let files: Arc<dyn Files + Send + Sync> = match &opened.disk {
            Some(disk) => Arc::new(disk.clone()),
            None => Arc::new(NoFiles),
        };
        if let Some(seed) = self.seed {
            scenario.seed = seed;
            data = scenario.prepare(&*files).map_err(|e| BadInput::new(format!("{}: {e}", opened.name)))?;
        }
        scenario.expect_seeds = self.expect_seeds.map_or(scenario.expect_seeds, |n| n as usize);
        let end = self.steps.unwrap_or(scenario.steps as u64);
        let own = of_scenario(&opened.text, &scenario).map_err(|faults| opened.faults(&faults))?;
        let expect = judged(own, &scenario, &self.expect, end)?;
        let others = other_seeds(&scenario);
        let samples = checksum(&data.train.inputs);
        let experiment = Experiment::with_data(scenario, Arc::new(data), &*files)
            .map_err(|faults| BadInput(faults.iter().map(|f| format!("{}: {f}", opened.name)).collect()))?;
        let dir = match &self.out {
            None => None,
            Some(out) => {
                let made = RunDir::create(out, &experiment.scenario, &opened.base()?, samples);
                Some(made.map_err(|e| BadInput::new(e.to_string()))?)
            }
        };
        let mut run = Lanes::new(experiment, Some(end), Arc::clone(&files));
        examine(&mut run, &expect);
        let threads = self.threads.map(|n| n as usize);
        Headless { run, dir, end, threads, json: self.json, expect, others, files, past: None }.go()
    }
}
