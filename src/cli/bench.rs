//! `gradtui bench`: how fast this machine trains, where the time goes, and how the cost grows.

mod anatomy;
mod clock;
mod judging;
mod past;
mod peer;
mod race;
mod scale;
mod screen;
mod turns;
mod workload;

use super::{BadInput, open, print};
use crate::lab::experiment::Experiment;
use crate::lab::preset;
use crate::lab::runner::crew::Crew;
use crate::scenario::read_with_data;
use anatomy::StageSpeed;
use std::ffi::OsString;
use std::sync::Arc;

/// Arguments of `bench`.
#[derive(Debug, clap::Args)]
pub struct BenchArgs {
    /// Presets or files; the first preset if there is none
    #[arg(value_name = "SCENARIO")]
    scenarios: Vec<OsString>,
    /// Threads: one, and with a screen as many as the lab takes
    #[arg(long, value_name = "T", value_parser = clap::value_parser!(u64).range(1..=64))]
    threads: Option<u64>,
    /// One JSON object per line
    #[arg(long)]
    json: bool,
    /// How the cost grows with lanes, threads, batch, parameters, depth and steps
    #[arg(long, conflicts_with = "scenarios")]
    scale: bool,
    /// The cost of the screen: time and bytes of a picture, and the training that it slows down
    #[arg(long, conflicts_with = "scale")]
    screen: bool,
    /// The cost of looking back: keeping states of the run, and making a step of it again
    #[arg(long, conflicts_with_all = ["scale", "screen"])]
    past: bool,
    /// The cost of the diagnosis: the rules beside training
    #[arg(long, conflicts_with_all = ["scale", "screen", "past"])]
    diagnosis: bool,
    /// With --past: steps of the run that is looked back at, instead of the scenario's
    #[arg(long, value_name = "N", requires = "past", value_parser = clap::value_parser!(u64).range(1..))]
    steps: Option<u64>,
    /// Serve a workload (W1 to W12) for a program that times several side by side
    #[arg(long, value_name = "WORKLOAD", conflicts_with_all = ["scenarios", "scale", "screen", "past", "diagnosis", "json"])]
    peer: Option<String>,
}

impl BenchArgs {
    /// Runs the measurements and prints them.
    pub fn run(self) -> anyhow::Result<()> {
        let asked = self.threads.map(|n| n as usize);
        let threads = asked.unwrap_or(1);
        if let Some(name) = &self.peer {
            let Some(workload) = workload::find(name) else {
                let names = workload::ALL.map(|w| format!("{} ({})", w.name, w.about)).join(", ");
                return Err(BadInput::new(format!("no workload is called {name}; there are {names}")).into());
            };
            return peer::serve(workload, threads);
        }
        if self.scale {
            return self.grow(threads);
        }
        let names = match &self.scenarios[..] {
            [] => vec![OsString::from(preset::ALL[0].name)],
            names => names.to_vec(),
        };
        let crew = Arc::new(Crew::new(threads, || ())?);
        if !self.json {
            print(match () {
                () if self.screen => SCREEN_HEADING,
                () if self.past => PAST_HEADING,
                () if self.diagnosis => JUDGING_HEADING,
                () => HEADING,
            })?;
        }
        for name in &names {
            let opened = open(name)?;
            let (scenario, data) =
                read_with_data(&opened.text, opened.files()).map_err(|faults| opened.faults(&faults))?;
            let data = Arc::new(data);
            let experiment = || {
                Experiment::with_data(scenario.clone(), Arc::clone(&data), opened.files()).map_err(|faults| {
                    BadInput(faults.iter().map(|f| format!("{}: {f}", opened.name)).collect()).into()
                })
            };
            if self.screen {
                for size in screen::SIZES {
                    let cost = screen::of(&opened.name, &experiment, size, asked)?;
                    print(&if self.json { serde_json::to_string(&cost)? + "\n" } else { shown(&cost) })?;
                }
                continue;
            }
            if self.past {
                let cost = past::of(&opened.name, &experiment, self.steps)?;
                print(&if self.json { serde_json::to_string(&cost)? + "\n" } else { recalled(&cost) })?;
                continue;
            }
            if self.diagnosis {
                let cost = judging::of(&opened.name, &experiment)?;
                print(&if self.json { serde_json::to_string(&cost)? + "\n" } else { judged(&cost) })?;
                continue;
            }
            let experiment = experiment()?;
            for contender in &experiment.lanes {
                let speed = anatomy::of(&opened.name, &experiment, contender, &crew);
                print(&if self.json { serde_json::to_string(&speed)? + "\n" } else { line(&speed) })?;
            }
        }
        Ok(())
    }

    fn grow(&self, threads: usize) -> anyhow::Result<()> {
        if !self.json {
            print(SCALE_HEADING)?;
        }
        let mut last = "";
        scale::table(threads, &mut |row| {
            if self.json {
                return print(&(serde_json::to_string(row)? + "\n"));
            }
            let gap = if last.is_empty() || last == row.what { "" } else { "\n" };
            last = row.what;
            print(&format!("{gap}{}", grown(row)))
        })
    }
}

const HEADING: &str = "\
scenario             lane           weights  batch   steps/s  samples/s   forward backward  update  rest   measuring  evaluation  robustness
";

/// A lane's speed as a line of the table.
fn line(s: &StageSpeed) -> String {
    let robustness = s.robustness.map_or_else(|| "-".into(), |r| format!("{r:.1} %"));
    format!(
        "{:<20} {:<14} {:>7} {:>6} {:>9.0} {:>10.0}   {:>5.0} % {:>6.0} % {:>5.0} % {:>3.0} % {:>9.1} % {:>9.1} % {robustness:>11}\n",
        s.scenario,
        s.lane,
        s.parameters,
        s.batch,
        s.steps_per_second,
        s.samples_per_second,
        s.forward,
        s.backward,
        s.optimizer,
        s.rest,
        s.measuring,
        s.evaluation,
    )
}

const SCREEN_HEADING: &str = "\
scenario             size      ms of CPU a picture  every pane anew   pictures/s    kB/s   steps/s alone    watched     cost
";

/// The cost of a screen as a line of the table.
fn shown(c: &screen::ScreenCost) -> String {
    format!(
        "{:<20} {:<8} {:>20.2} {:>16.2} {:>12.1} {:>7.1} {:>15.0} {:>10.0} {:>6.1} %\n",
        c.scenario,
        format!("{}x{}", c.width, c.height),
        c.frame_ms,
        c.whole_ms,
        c.pictures_per_second,
        c.kilobytes_per_second,
        c.alone,
        c.watched,
        c.percent,
    )
}

const PAST_HEADING: &str = "\
scenario               steps/s  keeping       steps     MiB   a lane at any step, ms: median  worst   all lanes: median  worst
";

/// The cost of looking back as a line of the table.
fn recalled(c: &past::PastCost) -> String {
    format!(
        "{:<20} {:>9.0} {:>6.1} % {:>11} {:>7.1} {:>30.1} {:>6.1} {:>19.1} {:>6.1}\n",
        c.scenario,
        c.steps_per_second,
        c.percent,
        c.steps,
        c.mebibytes,
        c.one_ms,
        c.one_worst_ms,
        c.all_ms,
        c.all_worst_ms,
    )
}

const JUDGING_HEADING: &str = "\
scenario               steps/s  judging   measured steps   us each   judgements   us each
";

/// The cost of judging a run as a line of the table.
fn judged(c: &judging::JudgingCost) -> String {
    format!(
        "{:<20} {:>9.0} {:>6.1} % {:>16} {:>9.1} {:>12} {:>9.1}\n",
        c.scenario, c.steps_per_second, c.percent, c.measured, c.step_us, c.judged, c.judged_us,
    )
}

const SCALE_HEADING: &str = "\
what              size     weights      steps/s    samples/s  GFLOP/s  memory MiB  samples/s, a bar for every factor of 2
";

/// A row of the scale table, with a bar on a logarithmic scale.
fn grown(row: &scale::ScaleRow) -> String {
    let bars = row.samples_per_second.max(1.0).log2().round() as usize;
    let memory = row.resident.map_or_else(|| "-".into(), |m| format!("{m:.1}"));
    format!(
        "{:<11} {:>10} {:>11} {:>12.0} {:>12.0} {:>8.1} {memory:>11}  {}\n",
        row.what,
        row.size,
        row.parameters,
        row.steps_per_second,
        row.samples_per_second,
        row.gflops,
        "▇".repeat(bars),
    )
}
