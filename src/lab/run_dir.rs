//! A run on disk: the scenario as run, the log, checkpoints, the lock. Knows no thread and trains nothing.
//!
//! Whenever an operation is interrupted, the directory holds at least one complete checkpoint (the newest or the one
//! before) and a log that can be cut to it. A checkpoint names the scenario and the log beside it by their checksums,
//! so that files of two runs are never mixed. The directory is held open: names are looked up in it and not by its
//! path, and links are never followed. Files have mode 0600, the directory 0700.

use crate::lab::lane::LogLine;
use crate::lab::run::SavedLane;
use crate::lab::store::{self, Dir, Metered, WriteMeter};
use crate::scenario::Scenario;
use checkpoint::LogMark;
use checkpoint::{Checkpoint, LineRemoval};
use marks::Tally;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub mod archive;
pub mod checkpoint;
pub mod evidence;
mod home;
mod lock;
mod marks;
mod newest;
mod prune;
mod rewrite;

pub use home::Home;
pub(super) use lock::{in_use, was_left};
pub use newest::CheckpointLimit;
use newest::newest;
pub(super) use newest::{any, bound};
pub use prune::prune;
pub(super) use rewrite::went_back;
use rewrite::{place_of, rewound, without};

/// Files of a run directory; the `.new` ones exist only after an interruption.
const NAMES: [&str; 10] = [
    "run.lock",
    "ghosts.jsonl",
    "scenario.ron",
    "scenario.ron.new",
    "metrics.jsonl",
    "metrics.jsonl.new",
    "checkpoint",
    "checkpoint.new",
    "checkpoint.previous",
    "checkpoint.previous.new",
];

/// The reason why a run directory cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}: {what}", crate::text::escaped(&path.display().to_string()))]
pub struct DirError {
    /// The directory.
    pub path: PathBuf,
    /// The fault and its remedy.
    pub what: String,
}

/// Lines waiting to be written, by step and lane: first the changes before the step, then its measurement.
type WaitingLines = BTreeMap<(u64, usize), Vec<String>>;

/// A run directory that this process has locked: no other process writes to it.
#[derive(Debug)]
pub struct RunDir {
    path: PathBuf,
    dir: Dir,
    /// Locked as long as the run lasts; the system unlocks it however the process ends.
    lock: File,
    base: String,
    data: u32,
    metrics: File,
    /// The complete lines of the log.
    written: Tally,
    waiting: WaitingLines,
    /// Lines for `ghosts.jsonl` that were never in the log.
    aside: String,
    /// The text of scenario.ron.
    scenario: String,
    /// The progress of writing a checkpoint.
    meter: Arc<WriteMeter>,
    /// Length and checksum of the newest checkpoint that was written.
    saved: Option<(u64, u32)>,
}

/// The contents of a run directory from which a run resumes.
#[derive(Debug)]
pub struct Resumed {
    /// The scenario with its lanes at the checkpoint.
    pub scenario: String,
    /// The directory to which paths in the scenario are relative.
    pub base: PathBuf,
    /// Checksum of the training samples.
    pub data: u32,
    /// The lanes.
    pub lanes: Vec<SavedLane>,
    /// Warnings for the user.
    pub warnings: Vec<String>,
}

impl RunDir {
    /// Creates a directory for a new run. Paths in the scenario are relative to `base`; `data` is the checksum of the
    /// training samples.
    ///
    /// # Errors
    /// If it belongs to another program, is in use, already holds a run, or cannot be written.
    pub fn create(path: &Path, scenario: &Scenario, base: &Path, data: u32) -> Result<Self, DirError> {
        let fault = |what: String| DirError { path: path.into(), what };
        let io = |e: io::Error| fault(plain(&e));
        let dir = Dir::make(path).map_err(|e| {
            fault(if e.kind() == io::ErrorKind::AlreadyExists { "not a directory".into() } else { plain(&e) })
        })?;
        let mut lock = lock::claim_new(&dir).map_err(&fault)?;
        for name in ["checkpoint", "checkpoint.previous"] {
            if dir.kind(name).map_err(io)?.is_some() {
                return Err(fault(
                    "holds a run already; go on with it by `gradtui resume`, or name another directory"
                        .into(),
                ));
            }
        }
        lock::sign(&mut lock).map_err(io)?;
        // A run that ended before its first checkpoint may have left a log.
        dir.remove("metrics.jsonl").map_err(io)?;
        let scenario = scenario.to_ron();
        dir.replace("scenario.ron", scenario.as_bytes()).map_err(io)?;
        let metrics = dir.read_write("metrics.jsonl").map_err(io)?;
        dir.sync().map_err(io)?;
        Ok(Self {
            path: path.into(),
            dir,
            lock,
            base: base.to_string_lossy().into_owned(),
            data,
            metrics,
            written: Tally::default(),
            waiting: BTreeMap::new(),
            aside: String::new(),
            scenario,
            meter: Arc::default(),
            saved: None,
        })
    }

    /// Resumes a run from its newest good checkpoint; later lines are removed from the log. `need` computes the largest
    /// possible checkpoint of a scenario.
    ///
    /// # Errors
    /// If there is no run, it was never saved, it is in use, every checkpoint is damaged, or the scenario or the log
    /// are not those of the checkpoint. Nothing is changed then.
    pub fn resume(path: &Path, need: CheckpointLimit<'_>) -> Result<(Self, Resumed), DirError> {
        let fault = |what: String| DirError { path: path.into(), what };
        let io = |e: io::Error| fault(plain(&e));
        let dir = open_run(path, "there is nothing to resume").map_err(&fault)?;
        let mut lock = lock::claim(&dir).map_err(&fault)?;
        let (checkpoint, warnings) = newest(&dir, need).map_err(&fault)?;
        let scenario = marks::scenario_beside(&dir, &checkpoint.scenarios).map_err(&fault)?;
        let (metrics, mark) = marks::log_beside(&dir, &checkpoint.logs).map_err(&fault)?;

        lock::sign(&mut lock).map_err(io)?;
        if mark == checkpoint.logs[0] && !checkpoint.forgotten.is_empty() {
            // The run was killed before the lines of restarted lanes were removed from the log.
            let (log, _) = without(&metrics, mark.bytes, &checkpoint.forgotten).map_err(io)?;
            dir.replace("metrics.jsonl", &log).map_err(io)?;
        } else {
            dir.shorten("metrics.jsonl", &metrics, mark.bytes).map_err(io)?;
        }
        let metrics = dir.read_write("metrics.jsonl").map_err(io)?;
        let written = Tally::of(&metrics, metrics.metadata().map_err(io)?.len()).map_err(io)?;
        // Lanes are renumbered without the removed ones; a line of a removed lane is sorted after all others.
        let names: Vec<String> = checkpoint.lanes.iter().map(|l| l.name.clone()).collect();
        let id = |line: &LogLine| {
            let of = place_of(&line.text).and_then(|(lane, _)| names.iter().position(|n| *n == lane));
            of.unwrap_or(usize::MAX - line.lane)
        };
        let mut waiting = WaitingLines::new();
        for line in &checkpoint.lines {
            waiting.entry((line.step, id(line))).or_default().push(line.text.clone());
        }
        let mut lanes = checkpoint.lanes.into_owned();
        lanes.iter_mut().enumerate().for_each(|(id, lane)| lane.id = id);
        let run = Self {
            path: path.into(),
            dir,
            lock,
            base: checkpoint.base.clone(),
            data: checkpoint.data,
            metrics,
            written,
            waiting,
            aside: String::new(),
            scenario,
            meter: Arc::default(),
            saved: None,
        };
        let resumed = Resumed {
            scenario: checkpoint.scenario,
            base: checkpoint.base.into(),
            data: checkpoint.data,
            lanes,
            warnings,
        };
        Ok((run, resumed))
    }

    /// Reads the state of a run without changing it; the run may even be in progress.
    ///
    /// # Errors
    /// If there is no run, it was never saved, every checkpoint is damaged, or the scenario or the log are not those of
    /// the checkpoint.
    pub fn look(path: &Path) -> Result<Resumed, DirError> {
        let fault = |what: String| DirError { path: path.into(), what };
        let dir = open_run(path, "`gradtui run --out` makes one").map_err(fault)?;
        let (checkpoint, warnings, misfit) = bound(&dir).map_err(fault)?;
        if let Some(what) = misfit {
            return Err(fault(what));
        }
        Ok(Resumed {
            scenario: checkpoint.scenario,
            base: checkpoint.base.into(),
            data: checkpoint.data,
            lanes: checkpoint.lanes.into_owned(),
            warnings,
        })
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The meter of checkpoint writing.
    pub fn meter(&self) -> Arc<WriteMeter> {
        Arc::clone(&self.meter)
    }

    /// The directory, for recordings of the run.
    pub fn home(&self) -> Home {
        Home::new(self.dir.clone(), self.path.clone())
    }

    /// Takes lines for the log; [`RunDir::flush`] writes them.
    pub fn append(&mut self, lines: Vec<LogLine>) {
        for LogLine { step, lane, text } in lines {
            self.waiting.entry((step, lane)).or_default().push(text);
        }
    }

    /// Checks that the directory still is this run's: its files may have been removed, and another run started there.
    fn ours(&self) -> io::Result<()> {
        if self.dir.leads_to("run.lock", &self.lock)? {
            return Ok(());
        }
        Err(io::Error::other(
            "its directory was removed or emptied while it ran; nothing is written there any more",
        ))
    }

    /// Writes the lines up to this step. All lanes have passed it, so the log stays in the order of steps.
    ///
    /// # Errors
    /// If the disk accepts no more; the lines wait for the next call.
    pub fn flush(&mut self, complete: u64) -> io::Result<()> {
        let mut ready = String::new();
        let later = match complete.checked_add(1) {
            Some(next) => self.waiting.split_off(&(next, 0)),
            None => BTreeMap::new(),
        };
        let now = std::mem::replace(&mut self.waiting, later);
        for text in now.values().flatten() {
            ready.push_str(text);
            ready.push('\n');
        }
        if ready.is_empty() {
            return Ok(());
        }
        let end = SeekFrom::Start(self.written.bytes);
        let written = self
            .ours()
            .and_then(|()| self.metrics.seek(end))
            .and_then(|_| store::write(&mut self.metrics, ready.as_bytes()));
        if let Err(e) = written {
            // An incomplete line must not stay in the file before the next attempt.
            let _ = store::cut(&self.metrics, self.written.bytes);
            self.waiting.extend(now);
            return Err(e);
        }
        self.written.add(ready.as_bytes());
        Ok(())
    }

    /// Removes waiting lines and returns them.
    pub fn drop_waiting(&mut self, of: impl Fn(usize, u64) -> bool) -> Vec<String> {
        let mut dropped = Vec::new();
        self.waiting.retain(|(step, lane), lines| {
            let goes = of(*lane, *step);
            if goes {
                dropped.append(lines);
            }
            !goes
        });
        dropped
    }

    /// Renames a lane in the waiting lines.
    pub fn relabel_waiting(&mut self, lane: usize, from: &str, to: &str) {
        for (_, lines) in self.waiting.iter_mut().filter(|((_, of), _)| *of == lane) {
            for text in lines {
                *text = LogLine::relabelled(text, from, to);
            }
        }
    }

    /// Stores for `ghosts.jsonl` the lines of a lane that went back to a step, if they are not in the log.
    pub fn put_aside(&mut self, lane: &str, after: u64, lines: impl Iterator<Item = String>) {
        let mut lines = lines.peekable();
        if lines.peek().is_some() {
            self.aside.push_str(&rewound(lane, after));
            lines.for_each(|line| self.aside.extend([&line, "\n"]));
        }
    }

    /// Saves the state of all lanes at one moment; the previous checkpoint is kept beside it. `samples` is the checksum
    /// of the training samples, if they have changed. The lines of the lanes in `forgotten`, which were restarted or
    /// went back to a step, are removed from the log; later lines of lanes that went back are moved to `ghosts.jsonl`.
    ///
    /// # Errors
    /// If the disk does not accept it; the older checkpoint is then still valid, and saving can be tried again.
    pub fn checkpoint(
        &mut self,
        scenario: &Scenario,
        saved: &[SavedLane],
        samples: Option<u32>,
        forgotten: &[LineRemoval],
    ) -> io::Result<()> {
        let written = self.save(scenario, saved, samples, forgotten);
        self.meter.end();
        written
    }

    /// Notes that this process leaves the run with everything saved, so that a reader can tell it from a killed one.
    ///
    /// # Errors
    /// If the disk does not accept it.
    pub fn leave(&mut self) -> io::Result<()> {
        self.ours()?;
        lock::leave(&mut self.lock)
    }

    /// Renames a lane in `ghosts.jsonl`.
    fn rename_ghosts(&self, gone: &LineRemoval) -> io::Result<()> {
        let Ok(old) = self.dir.read_all("ghosts.jsonl", u64::MAX / 2) else { return Ok(()) };
        let renamed = |line: &str| match went_back(line.as_bytes()) {
            Some((lane, step)) if lane == gone.lane => rewound(&gone.to, step),
            _ => LogLine::relabelled(line, &gone.lane, &gone.to) + "\n",
        };
        let new: String = String::from_utf8_lossy(&old).lines().map(renamed).collect();
        if new.as_bytes() == old { Ok(()) } else { self.dir.replace("ghosts.jsonl", new.as_bytes()) }
    }

    fn save(
        &mut self,
        scenario: &Scenario,
        saved: &[SavedLane],
        samples: Option<u32>,
        forgotten: &[LineRemoval],
    ) -> io::Result<()> {
        self.ours()?;
        self.data = samples.unwrap_or(self.data);
        let text = scenario.to_ron();
        let log = if forgotten.is_empty() {
            None
        } else {
            let (log, mut ghosts) = without(&self.metrics, self.written.bytes, forgotten)?;
            ghosts.extend(self.aside.bytes());
            // They are written before they are removed from the log: lines in both files are better than lines in none.
            if !ghosts.is_empty() {
                let mut file = self.dir.read_write("ghosts.jsonl")?;
                file.seek(SeekFrom::End(0))?;
                store::write(&mut file, &ghosts)?;
                store::sync(&file)?;
                self.aside.clear();
            }
            Some(log)
        };
        for gone in forgotten.iter().filter(|gone| !gone.to.is_empty()) {
            self.rename_ghosts(gone)?;
        }
        let lines = |(&(step, lane), texts): (&(u64, usize), &Vec<String>)| {
            texts.iter().map(|text| LogLine { step, lane, text: text.clone() }).collect::<Vec<_>>()
        };
        // The checkpoint names the present and the future state of the files beside it: a kill between the two writes
        // must not separate them.
        let checkpoint = Checkpoint {
            scenario: text.clone(),
            base: self.base.clone(),
            data: self.data,
            scenarios: [&self.scenario, &text].map(|t| crc32fast::hash(t.as_bytes())).to_vec(),
            logs: [Some(self.written.mark()), log.as_deref().map(LogMark::of)]
                .into_iter()
                .flatten()
                .collect(),
            forgotten: forgotten.to_vec(),
            lanes: saved.into(),
            lines: self.waiting.iter().flat_map(lines).collect(),
        };
        // The log is synced first: a checkpoint must not count lines that a crash may remove.
        store::sync(&self.metrics)?;
        let again = text != self.scenario || log.is_some();
        let meter = &*self.meter;
        let mut content = |file: &mut File| {
            let mut out = BufWriter::with_capacity(1 << 20, Metered::new(file, meter));
            checkpoint.write(&mut out)?;
            out.flush()
        };
        let sum = checkpoint.sum();
        if !again && self.saved == Some(sum) && self.dir.kind("checkpoint")?.is_some() {
            // Nothing has changed since, as at the end of a paused run.
            return Ok(());
        }
        self.saved = None;
        meter.begin(sum.0 * if again { 2 } else { 1 });
        let new = self.dir.beside("checkpoint", &mut content)?;
        match self.dir.rename("checkpoint", "checkpoint.previous") {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        self.dir.rename(&new, "checkpoint")?;
        self.dir.sync()?;
        if !again {
            self.saved = Some(sum);
            return Ok(());
        }
        // The previous checkpoint does not know the future files beside it.
        self.dir.replace_by("checkpoint.previous", &mut content)?;
        if let Some(log) = log {
            self.dir.replace("metrics.jsonl", &log)?;
            self.metrics = self.dir.read_write("metrics.jsonl")?;
            self.written = Tally::default();
            self.written.add(&log);
        }
        if text != self.scenario {
            self.dir.replace("scenario.ron", text.as_bytes())?;
            self.scenario = text;
        }
        Ok(())
    }
}

/// Opens the directory of a run; `instead`: what the user should do if there is none.
fn open_run(path: &Path, instead: &str) -> Result<Dir, String> {
    let dir = Dir::open(path).map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => "no run directory".into(),
        _ => plain(&e),
    })?;
    // A copy of a run may lack the lock, which holds nothing.
    for name in ["run.lock", "checkpoint"] {
        if dir.kind(name).map_err(|e| plain(&e))?.is_some() {
            return Ok(dir);
        }
    }
    Err(format!("no run of gradtui; {instead}"))
}

/// A system error in words that suggest a remedy.
pub(crate) fn plain(e: &io::Error) -> String {
    match e.kind() {
        io::ErrorKind::NotFound => "there is no such file or directory".into(),
        io::ErrorKind::StorageFull => "no space left on the disk".into(),
        io::ErrorKind::PermissionDenied => "permission denied".into(),
        io::ErrorKind::FileTooLarge => "the file-size limit is reached".into(),
        io::ErrorKind::NotADirectory => "not a directory".into(),
        _ => e.to_string(),
    }
}

#[cfg(test)]
mod tests;
