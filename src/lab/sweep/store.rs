//! A sweep on disk: its definition, and the results of every process that takes part.
//!
//! `sweep.json` has the sweep and its scenario; it is only replaced as a whole. Each process writes its own file
//! `cells-N.jsonl`, with a line for every training that ended, and never appends to the file of another process. So no
//! lock is needed, a process that is killed loses at most the line that it was writing, and the directory may be on
//! NFS. A reader reads complete lines only. Interrupted trainings are in the same directory, see [`super::shelf`].

use super::Slice;
use super::cell::TrainingRecord;
use super::shelf::{Shelf, is_left};
use crate::lab::run_dir::{DirError, plain};
use crate::lab::store::{self, Dir};
use crate::limits;
use crate::scenario::sweep::{SweepPlan, plan};
use crate::scenario::{self};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// The file that defines the sweep.
const HEAD: &str = "sweep.json";
/// The largest size of this file, in bytes.
const HEAD_BYTES: u64 = 4 * limits::SCENARIO_BYTES;
/// Time between two syncs to the disk.
const SYNC: Duration = Duration::from_secs(1);

/// The beginning of the names of files that say which task took which part.
const TAKEN: &str = "part-";

/// A task of a job array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskName {
    /// The name of the job.
    pub job: String,
    /// Its number in the job.
    pub id: u64,
}

/// The definition of a sweep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepDefinition {
    /// Version of the program.
    pub gradtui: String,
    /// The sweep as written.
    pub sweep: String,
    /// The scenario that it names, as written.
    pub scenario: String,
    /// The directory to which paths in the scenario are relative.
    pub base: PathBuf,
    /// Checksum of the training samples of the first seed.
    pub samples: u32,
}

impl SweepDefinition {
    /// The settings to train.
    ///
    /// # Errors
    /// The reason why it can no longer be read.
    pub fn plan(&self) -> Result<SweepPlan, String> {
        let open = |_: &str| scenario::read(&self.scenario).map_err(|faults| faults[0].to_string());
        plan(&self.sweep, &open)
            .map_err(|faults| faults.first().map_or_else(|| "no sweep".into(), ToString::to_string))
    }
}

/// The directory of a sweep, open to add results.
#[derive(Debug)]
pub struct ResultsStore {
    path: PathBuf,
    dir: Dir,
    slice: Slice,
    file: Option<File>,
    synced: Instant,
    shelf: Arc<Shelf>,
}

impl ResultsStore {
    /// Opens or makes the directory of a sweep; also returns the results that are there already.
    ///
    /// # Errors
    /// If it holds something else, or cannot be read or written.
    pub fn open(
        path: &Path,
        head: &SweepDefinition,
        plan: &SweepPlan,
        slice: Slice,
    ) -> Result<(Self, Vec<TrainingRecord>), DirError> {
        let fault = |what: String| DirError { path: path.into(), what };
        let io = |e: io::Error| fault(plain(&e));
        let dir = Dir::make(path).map_err(|e| {
            fault(if e.kind() == io::ErrorKind::AlreadyExists { "not a directory".into() } else { plain(&e) })
        })?;
        let mut known = Vec::new();
        match read_head(&dir) {
            Ok(None) => {
                let foreign = |n: &String| !ours(n);
                let names = dir.names().map_err(io)?.into_iter().map(|n| n.to_string_lossy().into_owned());
                if let Some(name) = names.into_iter().find(foreign) {
                    let name = crate::text::excerpt(&name, 80);
                    return Err(fault(format!(
                        "not empty and no sweep of gradtui (there is {name}); name an empty or a new directory"
                    )));
                }
            }
            Ok(Some(old)) => {
                known = ResultsReader::new(path).map_err(&fault)?.poll().map_err(io)?;
                if (&old.gradtui, old.samples) != (&head.gradtui, head.samples) && !known.is_empty() {
                    let what = if old.gradtui == head.gradtui {
                        "the data of the scenario have".to_string()
                    } else {
                        format!("gradtui was {} and has", crate::text::excerpt(&old.gradtui, 20))
                    };
                    return Err(fault(format!(
                        "{what} changed since these results were made; name another directory"
                    )));
                }
                let keys: HashSet<u64> = plan.settings.iter().map(|s| s.key).collect();
                if !known.is_empty() && !known.iter().any(|r| keys.contains(&r.cell)) {
                    return Err(fault("holds the results of another sweep; name another directory".into()));
                }
            }
            Err(what) => return Err(fault(what)),
        }
        let shelf = Arc::new(Shelf::open(&dir).map_err(io)?);
        let store = Self { path: path.into(), dir, slice, file: None, synced: Instant::now(), shelf };
        store.write_head(head).map_err(io)?;
        // One process may have interrupted a training that another one finished later: its saved state is removed.
        let steps: HashMap<u64, u64> = plan.settings.iter().map(|s| (s.key, plan.steps(s))).collect();
        for record in known.iter().filter(|r| steps.get(&r.cell).is_some_and(|&all| r.done(all))) {
            store.shelf.clear(record.cell, record.seed).map_err(io)?;
        }
        Ok((store, known))
    }

    /// Takes one of `count` parts that no other task of the job has; a task that starts again gets the one that it had.
    ///
    /// # Errors
    /// If other tasks have taken all of them, or the directory cannot be written.
    pub fn take_part(&mut self, task: &TaskName, count: usize) -> Result<Slice, DirError> {
        let io = |e: io::Error| DirError { path: self.path.clone(), what: plain(&e) };
        let job: String = task.job.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        let name = |index: usize| format!("{TAKEN}{job}-{}of{count}", index + 1);
        // The file gets its name by a link, so that no other task sees it without its content.
        let (id, new) = (task.id.to_string(), format!("{TAKEN}{job}-task{}.new", task.id));
        self.dir.remove(&new).map_err(io)?;
        let mine =
            |index: &usize| self.dir.read_all(&name(*index), 64).is_ok_and(|owner| owner == id.as_bytes());
        let mut part = (0..count).find(mine);
        if part.is_none() {
            self.dir.put(&new, id.as_bytes()).map_err(io)?;
            for index in 0..count {
                match self.dir.link(&new, &name(index)) {
                    Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                    taken => {
                        taken.map_err(io)?;
                        part = Some(index);
                        break;
                    }
                }
            }
            self.dir.remove(&new).map_err(io)?;
        }
        let Some(index) = part else {
            let what = format!(
                "all {count} parts are taken by other tasks of this job; --tasks is the number of its tasks"
            );
            return Err(DirError { path: self.path.clone(), what });
        };
        self.slice = Slice { index, count };
        Ok(self.slice)
    }

    /// Writes the head, unless the same head is there already.
    fn write_head(&self, head: &SweepDefinition) -> io::Result<()> {
        let text = serde_json::to_string_pretty(head)? + "\n";
        if self.dir.read_all(HEAD, HEAD_BYTES).is_ok_and(|old| old == text.as_bytes()) {
            return Ok(());
        }
        // The name is unique to this process, because others may be writing the same file.
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_nanos());
        let new = format!("{HEAD}.{}-{now}.new", std::process::id());
        self.dir.remove(&new)?;
        self.dir.put(&new, text.as_bytes())?;
        self.dir.rename(&new, HEAD)?;
        self.dir.sync()
    }

    /// Adds a result; it is kept even if this process is killed afterwards.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn add(&mut self, record: &TrainingRecord) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            empty => empty.insert(create(&self.dir, self.slice)?),
        };
        store::write(file, record.line().as_bytes())?;
        self.shelf.clear(record.cell, record.seed)?;
        if self.synced.elapsed() >= SYNC {
            file.sync_data()?;
            self.synced = Instant::now();
        }
        Ok(())
    }

    /// Waits until all results are on the disk.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn close(self) -> io::Result<()> {
        match &self.file {
            Some(file) => store::sync(file).and_then(|()| self.dir.sync()),
            None => Ok(()),
        }
    }

    /// The interrupted trainings.
    pub fn shelf(&self) -> &Arc<Shelf> {
        &self.shelf
    }

    /// The path of the directory.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Creates a results file that no other process uses.
fn create(dir: &Dir, slice: Slice) -> io::Result<File> {
    let task =
        if slice.count == 1 { String::new() } else { format!("{}of{}-", slice.index + 1, slice.count) };
    for n in 1.. {
        match dir.create(format!("cells-{task}{n}.jsonl")) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            made => return made,
        }
    }
    unreachable!("a directory has fewer files")
}

fn ours(name: &str) -> bool {
    name.starts_with(HEAD) || name.starts_with(TAKEN) || is_results(name) || is_left(name)
}

fn is_results(name: &str) -> bool {
    name.starts_with("cells-") && Path::new(name).extension().is_some_and(|e| e == "jsonl")
}

fn read_head(dir: &Dir) -> Result<Option<SweepDefinition>, String> {
    let bytes = match dir.read_all(HEAD, HEAD_BYTES) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(format!("{HEAD}: {}", plain(&e))),
        Ok(bytes) => bytes,
    };
    serde_json::from_slice(&bytes).map(Some).map_err(|e| format!("{HEAD} cannot be read: {e}"))
}

/// Whether a directory holds a sweep.
pub fn is_sweep(path: &Path) -> bool {
    Dir::open(path).is_ok_and(|dir| matches!(dir.kind(HEAD), Ok(Some(_))))
}

/// Reads the results in the directory of a sweep as they grow; it writes nothing.
#[derive(Debug)]
pub struct ResultsReader {
    /// The definition of the sweep.
    pub head: SweepDefinition,
    dir: Dir,
    /// Number of bytes of each file that were read.
    read: BTreeMap<String, u64>,
}

impl ResultsReader {
    /// A reader of this directory.
    ///
    /// # Errors
    /// If it holds no sweep.
    pub fn new(path: &Path) -> Result<Self, String> {
        let dir = Dir::open(path).map_err(|e| plain(&e))?;
        let head = read_head(&dir)?.ok_or("no sweep of gradtui")?;
        Ok(Self { head, dir, read: BTreeMap::new() })
    }

    /// The results that were not read yet.
    ///
    /// # Errors
    /// If the directory cannot be read.
    pub fn poll(&mut self) -> io::Result<Vec<TrainingRecord>> {
        let mut names: Vec<String> = self
            .dir
            .names()?
            .into_iter()
            .filter_map(|n| n.into_string().ok())
            .filter(|n| is_results(n))
            .collect();
        names.sort();
        let mut records = Vec::new();
        for name in names {
            let read = self.read.entry(name.clone()).or_default();
            let mut file = self.dir.read(&name)?;
            if file.metadata()?.len() <= *read {
                continue;
            }
            file.seek(SeekFrom::Start(*read))?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            let whole = bytes.iter().rposition(|&b| b == b'\n').map_or(0, |i| i + 1);
            *read += whole as u64;
            // A damaged line counts as absent, and its training is repeated.
            let lines = bytes[..whole].split(|&b| b == b'\n').filter(|l| !l.is_empty());
            records.extend(lines.filter_map(|line| serde_json::from_slice::<TrainingRecord>(line).ok()));
        }
        Ok(records)
    }
}
