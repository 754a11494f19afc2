//! A run on disk: the scenario as run, the log, checkpoints, the lock. Knows no thread and trains nothing.
//!
//! Whatever operation is cut off, the directory holds a checkpoint that was whole (the newest or the one before) and a
//! log that can be brought to it. Names are never followed as links; files are 0600 in a directory of 0700.

use crate::lab::lane::Line;
use crate::lab::run::Saved;
use crate::scenario::Scenario;
use checkpoint::Checkpoint;
use std::collections::{BTreeMap, HashMap};
use std::fs::{DirBuilder, File};
use std::io::{self, Seek as _, SeekFrom};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

pub mod checkpoint;
mod lock;
mod store;

use lock::claim;
pub(super) use lock::in_use;

/// Bytes that a checkpoint or a log may have.
pub(super) const FILE_BYTES: u64 = 4 << 30;
/// Files that a run directory holds; the `.new` ones only if something was cut off.
const NAMES: [&str; 9] = [
    "run.lock",
    "scenario.ron",
    "scenario.ron.new",
    "metrics.jsonl",
    "metrics.jsonl.new",
    "checkpoint",
    "checkpoint.new",
    "checkpoint.previous",
    "checkpoint.previous.new",
];

/// Why there is no run directory to work with.
#[derive(Debug, thiserror::Error)]
#[error("{}: {what}", crate::text::escaped(&path.display().to_string()))]
pub struct DirError {
    /// The directory.
    pub path: PathBuf,
    /// What is wrong, and what would be right.
    pub what: String,
}

/// A run directory in our hands: nobody else writes to it.
#[derive(Debug)]
pub struct RunDir {
    path: PathBuf,
    /// Held locked as long as the run lasts; the system unlocks it however the process ends.
    _lock: File,
    base: String,
    data: u32,
    metrics: File,
    /// Bytes of the log that are whole lines.
    written: u64,
    waiting: BTreeMap<(u64, usize), String>,
    scenario: String,
}

/// What a run directory was left with.
#[derive(Debug)]
pub struct Resumed {
    /// The scenario with its lanes as they were.
    pub scenario: String,
    /// The directory to which paths in the scenario are relative.
    pub base: PathBuf,
    /// Checksum of the training samples.
    pub data: u32,
    /// The lanes.
    pub lanes: Vec<Saved>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

impl RunDir {
    /// Makes a directory for a new run. `base` is where paths in the scenario are relative to, `data` the checksum of
    /// the training samples.
    ///
    /// # Errors
    /// When it belongs to somebody else, is in use, holds a run already, or cannot be written.
    pub fn create(path: &Path, scenario: &Scenario, base: &Path, data: u32) -> Result<Self, DirError> {
        let fault = |what: String| DirError { path: path.into(), what };
        let io = |e: io::Error| fault(plain(&e));
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|e| {
            fault(if e.kind() == io::ErrorKind::AlreadyExists { "not a directory".into() } else { plain(&e) })
        })?;
        let lock = claim(path).map_err(&fault)?;
        for name in ["checkpoint", "checkpoint.previous"] {
            if path.join(name).symlink_metadata().is_ok() {
                return Err(fault(
                    "holds a run already; go on with it by `gradtui resume`, or name another directory"
                        .into(),
                ));
            }
        }
        let log = path.join("metrics.jsonl");
        // What a run left that never came to a checkpoint.
        store::remove(&log).map_err(io)?;
        let scenario = scenario.to_ron();
        store::replace(&path.join("scenario.ron"), scenario.as_bytes()).map_err(io)?;
        let metrics = store::create(&log).map_err(io)?;
        store::sync_dir(path).map_err(io)?;
        Ok(Self {
            path: path.into(),
            _lock: lock,
            base: base.to_string_lossy().into_owned(),
            data,
            metrics,
            written: 0,
            waiting: BTreeMap::new(),
            scenario,
        })
    }

    /// Takes up a run where its newest good checkpoint left it; the log loses the lines after it.
    ///
    /// # Errors
    /// When there is no run, nobody has saved one, it is in use, or every checkpoint is damaged.
    pub fn resume(path: &Path) -> Result<(Self, Resumed), DirError> {
        let fault = |what: String| DirError { path: path.into(), what };
        let io = |e: io::Error| fault(plain(&e));
        if !path.is_dir() {
            return Err(fault("no run directory".into()));
        }
        if path.join("run.lock").symlink_metadata().is_err() {
            return Err(fault("no run of gradtui; there is nothing to resume".into()));
        }
        let lock = claim(path).map_err(&fault)?;
        let (mut checkpoint, warnings) = newest(path).map_err(&fault)?;
        // Lanes are numbered anew, without those that were removed.
        for (id, lane) in checkpoint.lanes.iter_mut().enumerate() {
            checkpoint.lines.iter_mut().filter(|l| l.lane == lane.id).for_each(|l| l.lane = id);
            lane.id = id;
        }
        let log = path.join("metrics.jsonl");
        let (lines, waiting) = sift(&log, &checkpoint).map_err(io)?;
        store::replace(&log, lines.as_bytes()).map_err(io)?;
        let mut metrics = store::read_write(&log).map_err(io)?;
        metrics.seek(SeekFrom::End(0)).map_err(io)?;
        let dir = Self {
            path: path.into(),
            _lock: lock,
            base: checkpoint.base.clone(),
            data: checkpoint.data,
            metrics,
            written: lines.len() as u64,
            waiting,
            scenario: checkpoint.scenario.clone(),
        };
        let resumed = Resumed {
            scenario: checkpoint.scenario,
            base: checkpoint.base.into(),
            data: checkpoint.data,
            lanes: checkpoint.lanes,
            warnings,
        };
        Ok((dir, resumed))
    }

    /// What a run was left with, without touching it: it may even be in progress.
    ///
    /// # Errors
    /// When there is no run, nobody has saved one, or every checkpoint is damaged.
    pub fn look(path: &Path) -> Result<Resumed, DirError> {
        let fault = |what: String| DirError { path: path.into(), what };
        if path.join("run.lock").symlink_metadata().is_err() {
            return Err(fault("no run of gradtui; `gradtui run --out` makes one".into()));
        }
        let (checkpoint, warnings) = newest(path).map_err(fault)?;
        Ok(Resumed {
            scenario: checkpoint.scenario,
            base: checkpoint.base.into(),
            data: checkpoint.data,
            lanes: checkpoint.lanes,
            warnings,
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes lines for the log; [`RunDir::flush`] writes them.
    pub fn append(&mut self, lines: Vec<Line>) {
        for Line { step, lane, text } in lines {
            self.waiting.insert((step, lane), text);
        }
    }

    /// Writes the lines up to this step, which no lane will add to any more: so the log is in the order of steps.
    ///
    /// # Errors
    /// Why the disk takes no more; the lines wait for the next call.
    pub fn flush(&mut self, told: u64) -> io::Result<()> {
        let mut ready = String::new();
        let later = match told.checked_add(1) {
            Some(next) => self.waiting.split_off(&(next, 0)),
            None => BTreeMap::new(),
        };
        let now = std::mem::replace(&mut self.waiting, later);
        for text in now.values() {
            ready.push_str(text);
            ready.push('\n');
        }
        if ready.is_empty() {
            return Ok(());
        }
        let end = SeekFrom::Start(self.written);
        let written = self.metrics.seek(end).and_then(|_| store::write(&mut self.metrics, ready.as_bytes()));
        if let Err(e) = written {
            // Half a line must not stay in front of the next attempt.
            let _ = store::cut(&self.metrics, self.written);
            self.waiting.extend(now);
            return Err(e);
        }
        self.written += ready.len() as u64;
        Ok(())
    }

    /// Drops lines that were not written yet.
    pub fn drop_waiting(&mut self, of: impl Fn(usize) -> bool) {
        self.waiting.retain(|(_, lane), _| !of(*lane));
    }

    /// Removes the lines of lanes that began anew, of which the newest checkpoint must know already. That checkpoint takes the
    /// place of the one before it as well, to which the log could not be brought any more.
    ///
    /// # Errors
    /// Why the disk does not take it; it can be tried again.
    pub fn forget(&mut self, named: impl Fn(&str) -> bool) -> io::Result<()> {
        let newest = store::read_all(&self.path.join("checkpoint"), FILE_BYTES)?;
        store::replace(&self.path.join("checkpoint.previous"), &newest)?;
        let log = self.path.join("metrics.jsonl");
        let text = store::read_all(&log, FILE_BYTES)?;
        let text = String::from_utf8_lossy(&text[..text.len().min(self.written as usize)]).into_owned();
        let stays = |line: &&str| mark(line).is_none_or(|(_, lane)| !named(&lane));
        let kept: String = text.lines().filter(stays).flat_map(|l| [l, "\n"]).collect();
        store::replace(&log, kept.as_bytes())?;
        self.metrics = store::read_write(&log)?;
        self.written = kept.len() as u64;
        Ok(())
    }

    /// Saves the state of all lanes, of one moment; the checkpoint before stays beside it. `samples` is the checksum of the
    /// training samples, where they are others by now.
    ///
    /// # Errors
    /// Why the disk does not take it; the older checkpoint is then still good.
    pub fn checkpoint(
        &mut self,
        scenario: &Scenario,
        saved: &[Saved],
        samples: Option<u32>,
    ) -> io::Result<()> {
        self.data = samples.unwrap_or(self.data);
        let text = scenario.to_ron();
        let line = |(&(step, lane), text): (&(u64, usize), &String)| Line { step, lane, text: text.clone() };
        let checkpoint = Checkpoint {
            scenario: text.clone(),
            base: self.base.clone(),
            data: self.data,
            lanes: saved.to_vec(),
            lines: self.waiting.iter().map(line).collect(),
        };
        // The log first: a checkpoint must not know of lines that a crash takes away.
        store::sync(&self.metrics)?;
        if text != self.scenario {
            store::replace(&self.path.join("scenario.ron"), text.as_bytes())?;
            self.scenario = text;
        }
        let (newest, previous) = (self.path.join("checkpoint"), self.path.join("checkpoint.previous"));
        let new = store::beside(&newest, &checkpoint.encode())?;
        match store::rename(&newest, &previous) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        store::rename(&new, &newest)?;
        store::sync_dir(&self.path)
    }
}

/// Begins a recording in a run directory, under the first number that is free.
///
/// # Errors
/// Why no file can be made there.
pub fn recording(dir: &Path) -> Result<(File, PathBuf), DirError> {
    for n in 1..1000 {
        let path = dir.join(format!("recording-{n}.cast"));
        match store::create(&path) {
            Ok(file) => return Ok((file, path)),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(DirError { path, what: plain(&e) }),
        }
    }
    Err(DirError { path: dir.into(), what: "full of recordings".into() })
}

/// Whether this is the name of a recording or of its script.
fn is_recording(name: &str) -> bool {
    name.strip_prefix("recording-").and_then(|rest| rest.split_once('.')).is_some_and(|(n, kind)| {
        n.bytes().all(|b| b.is_ascii_digit()) && ["cast", "ron", "ron.new"].contains(&kind)
    })
}

/// The newest checkpoint that is whole, and what is wrong with the others.
fn newest(path: &Path) -> Result<(Checkpoint, Vec<String>), String> {
    let mut warnings = Vec::new();
    for name in ["checkpoint", "checkpoint.previous"] {
        let read = store::read_all(&path.join(name), FILE_BYTES);
        match read
            .map_err(|e| (e.kind(), plain(&e)))
            .and_then(|bytes| Checkpoint::decode(&bytes).map_err(|what| (io::ErrorKind::InvalidData, what)))
        {
            Ok(checkpoint) => return Ok((checkpoint, warnings)),
            Err((io::ErrorKind::NotFound, _)) => {}
            Err((_, what)) => warnings.push(format!("{name} cannot be used: {what}")),
        }
    }
    Err(if warnings.is_empty() {
        "nothing to resume: the run ended before its first checkpoint".into()
    } else {
        format!("nothing to resume: {}", warnings.join("; "))
    })
}

/// Writes a file that somebody asked for: whole or not at all, for its owner alone, never through a link.
///
/// # Errors
/// Why it cannot be written, or that something else than a file has this name.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), DirError> {
    let fault = |what: String| DirError { path: path.into(), what };
    let whole = std::path::absolute(path).map_err(|e| fault(plain(&e)))?;
    match whole.symlink_metadata() {
        Ok(found) if !found.is_file() => Err(fault("something else than a file has this name".into())),
        _ => store::replace(&whole, bytes).map_err(|e| fault(plain(&e))),
    }
}

/// Removes the oldest runs in a directory of runs, so that the newest `keep` stay.
///
/// Only what this program wrote is touched: a run that is in use, holds a recording or anything else besides its own files
/// stays, and so does whatever is no run.
///
/// # Errors
/// When the directory of runs cannot be listed.
pub fn prune(runs: &Path, keep: usize) -> io::Result<()> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(runs)? {
        let entry = entry?;
        let lock = entry.path().join("run.lock");
        // A link is not followed: what it leads to is not ours to remove.
        if entry.file_type()?.is_dir()
            && let Ok(lock) = lock.symlink_metadata()
        {
            let log = entry.path().join("metrics.jsonl").symlink_metadata();
            let touched = log.and_then(|l| l.modified()).or_else(|_| lock.modified())?;
            found.push((touched, entry.path()));
        }
    }
    found.sort();
    let surplus = found.len().saturating_sub(keep);
    for (_, path) in &found[..surplus] {
        let foreign =
            |e: io::Result<std::fs::DirEntry>| e.is_ok_and(|e| !NAMES.iter().any(|n| e.file_name() == *n));
        if std::fs::read_dir(path)?.any(foreign) {
            continue;
        }
        // As long as the lock is held nobody takes the run up; its file goes last.
        let Ok(_lock) = claim(path) else { continue };
        NAMES.iter().rev().try_for_each(|name| store::remove(&path.join(name)))?;
        std::fs::remove_dir(path)?;
    }
    Ok(())
}

/// Step and lane of a line of the log.
fn mark(line: &str) -> Option<(u64, String)> {
    #[derive(serde::Deserialize)]
    struct Mark {
        step: u64,
        lane: String,
    }
    serde_json::from_str::<Mark>(line).ok().map(|m| (m.step, m.lane))
}

/// Lines waiting to be written, by step and lane.
type Waiting = BTreeMap<(u64, usize), String>;

/// The log as it was at the checkpoint: whole lines, none after it, none twice; and those that waited for other lanes.
fn sift(log: &Path, checkpoint: &Checkpoint) -> io::Result<(String, Waiting)> {
    let bytes = match store::read_all(log, FILE_BYTES) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Vec::new(),
        other => other?,
    };
    let text = String::from_utf8_lossy(&bytes);
    let lanes: HashMap<&str, &Saved> = checkpoint.lanes.iter().map(|l| (l.name.as_str(), l)).collect();
    let mut all: BTreeMap<(u64, usize, String), String> = BTreeMap::new();
    let ids = |name: &str| lanes.get(name).map_or(usize::MAX, |l| l.id);
    for line in text.lines().chain(checkpoint.lines.iter().map(|l| l.text.as_str())) {
        let Some((step, lane)) = mark(line) else { continue };
        if lanes.get(lane.as_str()).is_none_or(|l| step <= last_step(l)) {
            all.insert((step, ids(&lane), lane), line.to_string());
        }
    }
    let going = checkpoint.lanes.iter().filter(|l| l.phase == crate::telemetry::Phase::Paused);
    let told = going.map(|l| l.snapshot.step).min().unwrap_or(u64::MAX);
    let (mut lines, mut waiting) = (String::new(), BTreeMap::new());
    for ((step, id, _), text) in all {
        if step <= told || id == usize::MAX {
            lines.push_str(&text);
            lines.push('\n');
        } else {
            waiting.insert((step, id), text);
        }
    }
    Ok((lines, waiting))
}

/// The last step of which the log of a lane tells: of a diverged one, the step that went wrong.
fn last_step(lane: &Saved) -> u64 {
    match &lane.phase {
        crate::telemetry::Phase::Diverged(d) => d.step,
        _ => lane.snapshot.step,
    }
}

/// An error of the system in words that say what to do.
pub(super) fn plain(e: &io::Error) -> String {
    match e.kind() {
        io::ErrorKind::StorageFull => "no space left on the disk".into(),
        io::ErrorKind::PermissionDenied => "permission denied".into(),
        io::ErrorKind::FileTooLarge => "the file-size limit is reached".into(),
        io::ErrorKind::NotADirectory => "not a directory".into(),
        _ => e.to_string(),
    }
}

#[cfg(test)]
mod tests;
