//! `gradtui watch`: the lab's screen for runs that other processes train, and for logs of other programs. Reads their
//! files, writes nothing.

mod board;
mod json;

use super::display::Display;
use super::opening;
use super::{BadInput, print, print_err};
use crate::lab::follow::{Follower, Numbers};
use crate::lab::foreign::Foreign;
use crate::lab::sweep::store::is_sweep;
use crate::limits;
use crate::logs::layers::LayerOrder;
use crate::logs::{self, RunLog};
use crate::scenario::Scenario;
use crate::telemetry::Event;
use crate::text::{escaped, escaped_lines};
use crate::ui::session::{self, Session};
use crate::ui::terminal::fit;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Time between two readings of the directories.
const LOOK: Duration = Duration::from_millis(200);

/// Arguments of `watch`.
#[derive(Debug, clap::Args)]
pub struct WatchArgs {
    /// Run directories, the directory of a sweep, or logs of other programs: JSON lines, CSV, trainer_state.json, TensorBoard, W&B, MLflow, DVCLive,
    /// Trackio, text; what they hold is shown side by side
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// How lines of a text read: {loss} is a number, {step} the step, {} anything; may be given several times
    #[arg(long, value_name = "PATTERN")]
    pattern: Vec<String>,
    /// The order of layers in logs of other programs, if it is not the one that was found
    #[arg(long, value_name = "ORDER")]
    layers: Option<LayerSorting>,
    /// Whether their gradient norms are those before or after clipping; most logs do not say
    #[arg(long, value_name = "WHICH")]
    norms: Option<Norms>,
    /// Print what the logs hold as one JSON object, and end
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    display: Display,
}

/// An order of layers.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum LayerSorting {
    /// As they appear in the log
    Log,
    /// The other way round
    Reversed,
    /// By the numbers in their names
    Natural,
}

/// Gradient norms with respect to clipping.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Norms {
    /// Before clipping
    Before,
    /// After clipping
    After,
}

impl WatchArgs {
    /// The logs of other programs at a path, with the user's information about them.
    fn logs(&self, path: &Path) -> Result<Vec<RunLog>, String> {
        let mut found = logs::open(path, &self.pattern)?;
        for log in &mut found {
            log.order = self.layers.map(|order| match order {
                LayerSorting::Log => LayerOrder::Appearance,
                LayerSorting::Reversed => LayerOrder::Reversed,
                LayerSorting::Natural => LayerOrder::Natural,
            });
            log.clipped = self.norms.map(|norms| matches!(norms, Norms::After));
        }
        Ok(found)
    }

    /// Watches until the user leaves.
    pub fn run(self) -> anyhow::Result<()> {
        if self.json {
            return print(&json::of(&self.read()?));
        }
        if let [path] = &self.paths[..]
            && is_sweep(path)
        {
            return board::watch(path, &self.display.choose()?);
        }
        fit().map_err(|e| opening::unfit(&e))?;
        let shown = self.display.choose()?;
        let mut numbers = Numbers::default();
        let (followers, scenario) = self.wait(&mut numbers)?;
        let events = Arc::new(Mutex::new(Vec::new()));
        let (stop, stopped) = channel::<()>();
        let shared = Arc::clone(&events);
        let thread = std::thread::Builder::new()
            .name("follower".into())
            .spawn(move || follow(followers, numbers, &shared, &stopped))?;
        let ended = session::run(Session {
            lesson: None,
            scenario,
            presets: Box::new(Vec::new),
            chosen: shown.chosen,
            keymap: shown.keymap,
            running: true,
            watching: true,
            detach: false,
            notices: Vec::new(),
            scripted: false,
            reels: &mut || Err("watching only; a recording belongs to a run of one's own".into()),
            send: &mut |_| {},
            drain: &mut || std::mem::take(&mut *events.lock().unwrap_or_else(PoisonError::into_inner)),
        });
        drop(stop);
        // A thread that panicked was reported already.
        let _ = thread.join();
        opening::ended(ended)
    }
}

impl WatchArgs {
    /// All logs, read to their end.
    fn read(&self) -> Result<Vec<(String, RunLog)>, BadInput> {
        let (mut all, mut faults) = (Vec::new(), Vec::new());
        for (path, prefix) in self.paths.iter().zip(prefixes(&self.paths)) {
            match self.logs(path) {
                Err(what) => faults.push(format!("{}: {what}", escaped(&path.display().to_string()))),
                Ok(found) => {
                    let several = found.len() > 1;
                    for mut log in found {
                        log.read_to_end();
                        let name = named(prefix.as_deref(), &log, several);
                        all.push((name, log));
                    }
                }
            }
        }
        if faults.is_empty() { Ok(all) } else { Err(BadInput(faults)) }
    }
}

/// A watched source.
enum WatchedSource {
    /// A run of the lab.
    Run(Follower),
    /// A log of another program.
    Log(Box<Foreign>),
}

impl WatchArgs {
    /// The sources at the paths, and a scenario for the screen; waits until there is something.
    fn wait(&self, numbers: &mut Numbers) -> Result<(Vec<WatchedSource>, Scenario), BadInput> {
        let mut said = false;
        loop {
            // A path without a file may still become a run or a log.
            let followers = self.followers(numbers)?;
            match first(&self.paths, &followers) {
                Ok(scenario) => return misfit(&followers).map_or(Ok((followers, scenario)), Err),
                Err(_) if said => {}
                Err(waiting) => {
                    let waiting = escaped_lines(&waiting);
                    print_err(&format!(
                        "{waiting}\nwaiting for a run or a log to begin there; Ctrl-C leaves\n"
                    ));
                    said = true;
                }
            }
            std::thread::sleep(LOOK);
        }
    }

    /// The sources at the paths: runs of the lab, including those that may begin there, and logs of other programs.
    fn followers(&self, numbers: &mut Numbers) -> Result<Vec<WatchedSource>, BadInput> {
        let (mut all, mut faults) = (Vec::new(), Vec::new());
        for (path, prefix) in self.paths.iter().zip(prefixes(&self.paths)) {
            if logs::is_own(path) || (self.pattern.is_empty() && may_begin(path)) {
                all.push(WatchedSource::Run(Follower::new(path.clone(), prefix)));
                continue;
            }
            match self.logs(path) {
                Err(what) => faults.push(format!("{}: {what}", escaped(&path.display().to_string()))),
                Ok(found) => {
                    let several = found.len() > 1;
                    for log in found {
                        let name = named(prefix.as_deref(), &log, several);
                        let id = numbers.of(path, &log.run);
                        all.push(WatchedSource::Log(Box::new(Foreign::new(log, id, name))));
                    }
                }
            }
        }
        if all.len() > limits::LANES {
            print_err(&format!("{} logs; the first {} are shown\n", all.len(), limits::LANES));
            all.truncate(limits::LANES);
        }
        if faults.is_empty() { Ok(all) } else { Err(BadInput(faults)) }
    }
}

/// The reason why a run cannot be watched, if its scenario or log are not those of its checkpoint.
fn misfit(followers: &[WatchedSource]) -> Option<BadInput> {
    followers.iter().find_map(|watched| {
        let WatchedSource::Run(follower) = watched else { return None };
        let path = escaped(&follower.path().display().to_string()).into_owned();
        follower.misfit().map(|what| BadInput::new(format!("{path}: {what}")))
    })
}

/// The name of a lane: from the path if there are several paths, and from the run if the path has several runs.
fn named(prefix: Option<&str>, log: &RunLog, several: bool) -> String {
    let run = escaped(&log.run);
    match prefix {
        Some(prefix) if several => format!("{prefix}/{run}"),
        Some(prefix) => prefix.into(),
        None => run.into_owned(),
    }
}

/// Prefixes for the lanes of several runs: the last part of their paths that is not equal in all.
fn prefixes(paths: &[PathBuf]) -> Vec<Option<String>> {
    let parts = |p: &PathBuf| p.iter().map(|part| part.to_string_lossy().into_owned()).collect::<Vec<_>>();
    let mut all: Vec<Vec<String>> = paths.iter().map(parts).collect();
    let same = |all: &[Vec<String>]| all.windows(2).all(|w| w[0].last() == w[1].last());
    while all.iter().all(|p| p.len() > 1) && same(&all) {
        for path in &mut all {
            path.pop();
        }
    }
    let name = |i: usize| {
        let alone = all.iter().filter(|p| p.last() == all[i].last()).count() == 1;
        let last = all[i].last().filter(|_| alone).cloned();
        escaped(&last.unwrap_or_else(|| paths[i].display().to_string())).into_owned()
    };
    (0..paths.len()).map(|i| (paths.len() > 1).then(|| name(i))).collect()
}

/// Whether a run or a log may still begin there: nothing exists, or only an empty file or directory, or a run's lock.
fn may_begin(path: &Path) -> bool {
    let Ok(found) = path.metadata() else { return path.symlink_metadata().is_err() };
    let empty = || std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
    let locked = || path.join("run.lock").symlink_metadata().is_ok();
    if found.is_dir() { empty() || locked() } else { found.is_file() && found.len() == 0 }
}

/// The scenario of the first existing run, or a placeholder for logs of other programs; if there is neither, the names
/// of the awaited paths.
fn first(paths: &[PathBuf], followers: &[WatchedSource]) -> Result<Scenario, String> {
    let mut waiting = Vec::new();
    for watched in followers {
        let WatchedSource::Run(follower) = watched else { continue };
        match follower.scenario() {
            Ok(scenario) => return Ok(scenario),
            Err(what) => waiting.push(format!("{}: {what}", follower.path().display())),
        }
    }
    if followers.iter().any(|f| matches!(f, WatchedSource::Log(_))) {
        let path = |p: &PathBuf| escaped(&p.display().to_string()).into_owned();
        let names = prefixes(paths).into_iter().zip(paths);
        let names: Vec<_> = names.map(|(name, p)| name.unwrap_or_else(|| path(p))).collect();
        return Ok(Scenario { title: names.join(", "), steps: 0, ..Scenario::default() });
    }
    Err(waiting.join("\n"))
}

/// The loop of the reading thread.
fn follow(
    mut followers: Vec<WatchedSource>,
    mut numbers: Numbers,
    shared: &Mutex<Vec<Event>>,
    stopped: &Receiver<()>,
) {
    let start = Instant::now();
    loop {
        for watched in &mut followers {
            let news = match watched {
                WatchedSource::Run(follower) => follower.poll(start.elapsed(), &mut numbers),
                WatchedSource::Log(log) => log.poll(start.elapsed()),
            };
            shared.lock().unwrap_or_else(PoisonError::into_inner).extend(news);
        }
        if stopped.recv_timeout(LOOK) != Err(RecvTimeoutError::Timeout) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_of_several_paths_are_named_by_what_differs_in_them() {
        let names = |paths: &[&str]| {
            let paths: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
            prefixes(&paths).into_iter().map(Option::unwrap_or_default).collect::<Vec<_>>()
        };
        assert_eq!(names(&["a/log"]), [""]);
        assert_eq!(names(&["runs/a/log", "runs/b/log"]), ["a", "b"]);
        assert_eq!(names(&["a/x", "b/x", "c/y"]), ["a/x", "b/x", "y"]);
        assert_eq!(names(&["x", "x"]), ["x", "x"]);
    }

    #[test]
    fn a_run_may_begin_where_nothing_is_and_in_no_directory_with_other_files() {
        let place = tempfile::TempDir::with_prefix("gradtui-").expect("a directory");
        let dir = place.path().join("run");
        assert!(may_begin(&dir), "nothing is there yet");
        std::fs::create_dir_all(&dir).expect("a directory");
        assert!(may_begin(&dir), "an empty directory");
        std::fs::write(dir.join("empty.jsonl"), "").expect("a file");
        assert!(may_begin(&dir.join("empty.jsonl")) && !may_begin(&dir));
        std::fs::remove_file(dir.join("empty.jsonl")).expect("removed");
        std::fs::write(dir.join("notes.txt"), "mine").expect("a file");
        assert!(!may_begin(&dir));
        std::fs::write(dir.join("run.lock"), "").expect("a file");
        assert!(may_begin(&dir));
    }
}
