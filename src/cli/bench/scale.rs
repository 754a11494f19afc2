//! The growth of the cost of training: with lanes, threads, batch, parameters, depth, and the length of a run.

use super::clock::seconds;
use super::race::side_by_side;
use crate::engine::data::NoFiles;
use crate::engine::layer::LayerConfig;
use crate::engine::team::Team;
use crate::lab::experiment::{Data, Experiment};
use crate::lab::run::Run;
use crate::lab::runner::Runner;
use crate::lab::runner::crew::Crew;
use crate::lab::trainer::Trainer;
use crate::registry::SettingValue as _;
use crate::scenario::{Lane, Recipe, Scenario};
use crate::telemetry::Command;
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;

/// Seconds for each row.
const BUDGET: f64 = 0.5;
/// Steps of the longest run.
const LONGEST: usize = 10_000_000;

/// One row of the table.
#[derive(Clone, Debug, Serialize)]
pub struct ScaleRow {
    /// The quantity that grows.
    pub what: &'static str,
    /// The value of that quantity.
    pub size: usize,
    /// Trainable numbers of one lane.
    pub parameters: usize,
    /// Steps a second, of all lanes together.
    pub steps_per_second: f64,
    /// Samples a second, of all lanes together.
    pub samples_per_second: f64,
    /// Floating-point operations per second in the matrix products, in 10⁹.
    pub gflops: f64,
    /// Memory of the process afterwards, in MiB, if the system reports it.
    pub resident: Option<f64>,
}

/// Two hidden layers of 64.
const SMALL: &str = "[Dense(units: 64), Tanh(), Dense(units: 64), Tanh()]";

/// Measures all rows, and calls `report` with each one as soon as it is measured.
///
/// # Errors
/// If `report` fails, or the system cannot start a thread.
pub fn table(threads: usize, report: &mut dyn FnMut(&ScaleRow) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let crew = Arc::new(Crew::new(threads, || ())?);
    for lanes in [1, 2, 4, 8] {
        report(&measured("lanes", lanes, lanes, SMALL, 32, threads, &crew)?)?;
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    for threads in (0..).map(|i| 1 << i).take_while(|&t| t <= cores) {
        let crew = Arc::new(Crew::new(threads, || ())?);
        report(&measured("threads", threads, 8, SMALL, 32, threads, &crew)?)?;
    }
    for batch in [1, 4, 16, 64, 256, 1024] {
        report(&measured("batch", batch, 1, SMALL, batch, threads, &crew)?)?;
    }
    // Two hidden layers: 3 u + u² + u + 2 u + 2 parameters in all.
    for (size, units) in [(1_000, 28), (10_000, 97), (100_000, 313), (1_000_000, 997), (10_000_000, 3159)] {
        let layers = format!("[Dense(units: {units}), Relu(), Dense(units: {units}), Relu()]");
        report(&measured("parameters", size, 1, &layers, 32, threads, &crew)?)?;
    }
    for depth in [1, 10, 30, 100] {
        let layers = format!("[Repeat(times: {depth}, layers: [Dense(units: 64), Relu()])]");
        report(&measured("depth", depth, 1, &layers, 32, threads, &crew)?)?;
    }
    long_run(threads, report)
}

fn recipe(layers: &str, batch: usize) -> Recipe {
    Recipe {
        network: Vec::<LayerConfig>::parse(layers).expect("valid RON"),
        batch,
        ..Scenario::default().base()
    }
}

fn data() -> anyhow::Result<Data> {
    let scenario = Scenario {
        data: crate::engine::data::DataConfig::parse("Moons(samples: 4000)").expect("valid RON"),
        ..Scenario::default()
    };
    Ok(scenario.prepare(&NoFiles)?)
}

fn measured(
    what: &'static str,
    size: usize,
    lanes: usize,
    layers: &str,
    batch: usize,
    threads: usize,
    crew: &Arc<Crew>,
) -> anyhow::Result<ScaleRow> {
    /// Forward multiply-adds between two readings of the clock: some milliseconds, so that the time to start threads is
    /// negligible.
    const TOGETHER: usize = 200_000_000;
    let data = Arc::new(data()?);
    let team: Arc<dyn Team> = Arc::<Crew>::clone(crew);
    let lane = |_| Trainer::new(&data, recipe(layers, batch), 1, 1_000_000);
    let mut lanes = (0..lanes).map(lane).collect::<Result<Vec<_>, _>>()?;
    for lane in &mut lanes {
        lane.work_with(&team);
    }
    let network = Arc::clone(lanes[0].network());
    let together = (TOGETHER / network.work().saturating_mul(batch).max(1)).clamp(1, 4096);
    let each = seconds(BUDGET, || side_by_side(&mut lanes, together, threads, crew));
    let rate = (together * lanes.len()) as f64 / each;
    Ok(row(what, size, rate, batch, &network))
}

/// One lane from the first step to the last under a runner whose events are read and dropped, as in the lab.
fn long_run(threads: usize, report: &mut dyn FnMut(&ScaleRow) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let batch = 32;
    let lane = Lane { name: "long".into(), ..Lane::default() };
    let scenario = Scenario {
        network: Vec::parse("[Dense(units: 16), Tanh(), Dense(units: 16), Tanh()]").expect("valid RON"),
        evaluate_every: 10_000,
        steps: LONGEST,
        batch,
        lanes: vec![lane],
        ..Scenario::default()
    };
    let faults = |faults: Vec<crate::lab::experiment::BuildFault>| anyhow::anyhow!("{}", faults[0]);
    let experiment = Experiment::new(scenario, &NoFiles).map_err(faults)?;
    let network = Arc::clone(&experiment.lanes[0].network);
    let runner = Runner::start(Run::new(experiment, None, Arc::new(NoFiles)), Some(threads), None, false)?;
    let mut view = crate::view::RunView::default();
    runner.send(Command::Run);
    let (begun, mut next) = (std::time::Instant::now(), 10_000);
    loop {
        runner.wait(Duration::from_millis(50));
        for event in runner.drain() {
            view.apply(event);
        }
        let step = view.lanes.first().map_or(0, |lane| lane.step) as usize;
        while next <= LONGEST && step >= next {
            report(&row("steps", next, step as f64 / begun.elapsed().as_secs_f64(), batch, &network))?;
            next *= 10;
        }
        if next > LONGEST {
            return Ok(());
        }
    }
}

fn row(
    what: &'static str,
    size: usize,
    rate: f64,
    batch: usize,
    network: &crate::engine::network::Network,
) -> ScaleRow {
    ScaleRow {
        what,
        size,
        parameters: network.param_count(),
        steps_per_second: rate,
        samples_per_second: rate * batch as f64,
        // Forward, and backward to the parameters and to the input.
        gflops: rate * batch as f64 * 6.0 * network.work() as f64 / 1e9,
        resident: resident(),
    }
}

/// Memory of this process in MiB, if the system reports it.
fn resident() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"))?;
    Some(line.split_whitespace().next()?.parse::<f64>().ok()? / 1024.0)
}
