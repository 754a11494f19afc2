//! `gradtui [SCENARIO]`: opens the lab on a new run, and chooses the directory of such runs.

use super::display::{ChosenDisplay, Display};
use super::opening::{HangupOptions, OpenedRun, unfit};
use super::{BadInput, OpenedText, open, plain};
use crate::engine::data::{Files, NoFiles};
use crate::lab::expect::of_scenario;
use crate::lab::experiment::Experiment;
use crate::lab::preset;
use crate::lab::run::Run;
use crate::lab::run_dir::{self, RunDir, checkpoint::checksum};
use crate::scenario::read_with_data;
use crate::ui::terminal::fit;
use etcetera::BaseStrategy as _;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Arguments of the lab.
#[derive(Debug, clap::Args)]
pub struct LabArgs {
    /// A preset or a file; the first preset without
    #[arg(value_name = "SCENARIO")]
    scenario: Option<OsString>,
    /// Workers; results do not depend on it
    #[arg(long, value_name = "T", value_parser = clap::value_parser!(u64).range(1..=64))]
    threads: Option<u64>,
    /// Write the run to this new or empty directory instead of one of its own
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    display: Display,
    /// Line by line, commands typed: for screen readers, pipes and terminals that cannot draw
    #[arg(long)]
    plain: bool,
    #[command(flatten)]
    line: HangupOptions,
}

impl LabArgs {
    /// Opens the lab.
    pub fn run(self) -> anyhow::Result<()> {
        if !self.plain {
            fit().map_err(|e| unfit(&e))?;
        }
        let shown = self.display.choose()?;
        let opened = open(self.scenario.as_deref().unwrap_or(preset::ALL[0].name.as_ref()))?;
        let mut opening = prepare(opened, self.out.as_deref(), self.threads, shown)?;
        if self.scenario.is_none() {
            opening.notices.extend(super::learn::offer(self.plain));
        }
        opening.lesson = super::learn::shipped();
        if self.plain { plain::show(opening) } else { opening.show(&self.line) }
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

/// The directory of runs without `--out`.
///
/// # Errors
/// If there is no home directory.
pub fn runs() -> Result<PathBuf, String> {
    let strategy = etcetera::choose_base_strategy().map_err(|e| e.to_string())?;
    absolute(strategy.state_dir().unwrap_or_else(|| strategy.data_dir()))
        .map(|s| s.join("gradtui").join("runs"))
}

/// A directory of the user's that does not depend on the working directory.
///
/// # Errors
/// If HOME, or the variable that names it, is relative.
fn absolute(dir: PathBuf) -> Result<PathBuf, String> {
    if dir.is_absolute() {
        return Ok(dir);
    }
    let shown = crate::text::escaped(&dir.display().to_string()).into_owned();
    Err(format!("{shown} is no absolute path; set HOME (or XDG_STATE_HOME) to one"))
}

/// Number of newest runs kept in the state directory.
const KEPT: usize = 20;

/// A new directory among the user's runs; if there are more than [`KEPT`], the oldest are removed.
fn own_directory(scenario: &str) -> Result<PathBuf, String> {
    let runs = runs()?;
    let fresh = fresh(&runs, scenario)?;
    // If an old run cannot be removed, the new one is started anyway.
    let _ = run_dir::prune(&runs, KEPT);
    Ok(fresh)
}

/// Creates the directory with the first free number: `spiral-1`.
fn fresh(runs: &Path, scenario: &str) -> Result<PathBuf, String> {
    let stem = Path::new(scenario).file_stem().map_or("run".into(), |s| s.to_string_lossy());
    let name: String = stem.chars().filter(|c| c.is_alphanumeric() || *c == '-').take(40).collect();
    let mut builder = std::fs::DirBuilder::new();
    builder.mode(0o700);
    let fault = |path: &Path, e: &std::io::Error| format!("{}: {e}", path.display());
    builder.recursive(true).create(runs).map_err(|e| fault(runs, &e))?;
    builder.recursive(false);
    for n in 1..100_000 {
        let path = runs.join(format!("{name}-{n}"));
        match builder.create(&path) {
            Ok(()) => return Ok(path),
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
            Err(e) => return Err(fault(&path, &e)),
        }
    }
    Err(format!("{} is full of runs", runs.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_home_is_not_written_to() {
        assert!(absolute("home/.local/state".into()).is_err_and(|e| e.contains("set HOME")));
        assert_eq!(absolute("/home/x".into()), Ok("/home/x".into()));
    }

    #[test]
    fn every_run_gets_a_directory_of_its_own() {
        let place = tempfile::TempDir::with_prefix("gradtui-").expect("a directory");
        let runs = place.path().join("runs");
        let a = fresh(&runs, "../some/spiral.ron").expect("a directory");
        let b = fresh(&runs, "../some/spiral.ron").expect("another");
        assert_eq!((a, b), (runs.join("spiral-1"), runs.join("spiral-2")));
    }
}
