//! `gradtui watch`: the lab's screen on runs that other processes train. Reads their directories, writes nothing.

use super::display::Display;
use super::opening;
use super::{BadInput, tell};
use crate::lab::follow::{Follower, Numbers};
use crate::scenario::Scenario;
use crate::telemetry::Event;
use crate::text::escaped;
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
pub struct Watch {
    /// Run directories; their lanes are shown side by side
    #[arg(value_name = "DIR", required = true)]
    dirs: Vec<PathBuf>,
    #[command(flatten)]
    display: Display,
}

impl Watch {
    /// Watches until the user leaves.
    pub fn run(self) -> anyhow::Result<()> {
        fit().map_err(|e| opening::unfit(&e))?;
        let shown = self.display.choose()?;
        let followers: Vec<Follower> = self.dirs.iter().zip(prefixes(&self.dirs)).map(follower).collect();
        let scenario = first(&self.dirs, &followers)?;
        let events = Arc::new(Mutex::new(Vec::new()));
        let (stop, stopped) = channel::<()>();
        let told = Arc::clone(&events);
        let thread = std::thread::Builder::new()
            .name("follower".into())
            .spawn(move || follow(followers, &told, &stopped))?;
        let ended = session::run(Session {
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

fn follower((dir, prefix): (&PathBuf, Option<String>)) -> Follower {
    Follower::new(dir.clone(), prefix)
}

/// Prefixes for the lanes of several runs: the last names of their directories.
fn prefixes(dirs: &[PathBuf]) -> Vec<Option<String>> {
    let name =
        |d: &PathBuf| d.file_name().map_or_else(|| d.to_string_lossy(), |n| n.to_string_lossy()).into_owned();
    dirs.iter().map(|d| (dirs.len() > 1).then(|| escaped(&name(d)).into_owned())).collect()
}

/// Whether a directory holds something that is no run: a run makes its lock before anything else.
fn foreign(dir: &Path) -> bool {
    let some = std::fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some());
    some && dir.join("run.lock").symlink_metadata().is_err()
}

/// The scenario of the first run that is there; waits for one.
fn first(dirs: &[PathBuf], followers: &[Follower]) -> Result<Scenario, BadInput> {
    let mut said = false;
    loop {
        let mut waiting = Vec::new();
        for (dir, follower) in dirs.iter().zip(followers) {
            match follower.scenario() {
                Ok(scenario) => return Ok(scenario),
                // Something else lies there and will not become a run.
                Err(what) if dir.exists() && !dir.is_dir() => {
                    return Err(BadInput::new(format!("{}: {what}", dir.display())));
                }
                Err(_) if foreign(dir) => {
                    let dir = escaped(&dir.display().to_string()).into_owned();
                    let what =
                        "no run of gradtui (it has files, but no run.lock); `gradtui runs` lists yours";
                    return Err(BadInput::new(format!("{dir}: {what}")));
                }
                Err(what) => waiting.push(format!("{}: {what}", escaped(&dir.display().to_string()))),
            }
        }
        if !std::mem::replace(&mut said, true) {
            tell(&format!("{}\nwaiting for a run to begin there; Ctrl-C leaves\n", waiting.join("\n")));
        }
        std::thread::sleep(LOOK);
    }
}

/// The loop of the thread that reads the directories.
fn follow(mut followers: Vec<Follower>, told: &Mutex<Vec<Event>>, stopped: &Receiver<()>) {
    let (start, mut numbers) = (Instant::now(), Numbers::default());
    loop {
        let news: Vec<Event> =
            followers.iter_mut().flat_map(|f| f.poll(start.elapsed(), &mut numbers)).collect();
        told.lock().unwrap_or_else(PoisonError::into_inner).extend(news);
        if stopped.recv_timeout(LOOK) != Err(RecvTimeoutError::Timeout) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_with_other_files_is_foreign_and_one_where_a_run_may_begin_is_not() {
        let dir = std::env::temp_dir().join(format!("gradtui-watch-{}", std::process::id()));
        assert!(!foreign(&dir), "nothing is there yet");
        std::fs::create_dir_all(&dir).expect("a directory");
        assert!(!foreign(&dir), "a run may begin in an empty directory");
        std::fs::write(dir.join("notes.txt"), "mine").expect("a file");
        assert!(foreign(&dir));
        std::fs::write(dir.join("run.lock"), "").expect("a file");
        assert!(!foreign(&dir));
        std::fs::remove_dir_all(&dir).expect("removed");
    }
}
