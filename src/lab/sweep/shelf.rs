//! Interrupted trainings in the directory of a sweep: each has a file of its own, a checkpoint.
//!
//! A file is written under a temporary name and then renamed, so that a reader sees a complete file or none. The files
//! only save time: one that is damaged, or that another version wrote, counts as absent, and its
//! training starts from the beginning.

use super::cell::{CellTraining, TrainingRecord};
use crate::lab::lane::LogLine;
use crate::lab::run::SavedLane;
use crate::lab::run_dir::checkpoint::{Checkpoint, LogMark, checksum};
use crate::lab::store::Dir;
use crate::limits;
use crate::scenario::Scenario;
use crate::telemetry::Phase;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::HashSet;
use std::io::{self, Write as _};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// The beginning and the end of the file names.
const NAME: (&str, &str) = ("left-", ".state");

/// The part of a training's state that its snapshot does not contain.
#[derive(Debug, Serialize, Deserialize)]
struct ShelfEntry {
    /// Version of the program.
    gradtui: String,
    /// Number of edits that were made.
    edited: usize,
    /// The results so far.
    record: TrainingRecord,
}

/// The interrupted trainings, by setting and seed.
#[derive(Debug)]
pub struct Shelf {
    dir: Dir,
    /// The trainings with a file that this process knows of.
    there: Mutex<HashSet<(u64, u64)>>,
}

/// Whether a file name belongs to an interrupted training.
pub(super) fn is_left(name: &str) -> bool {
    name.starts_with(NAME.0) && name.contains(NAME.1)
}

fn name((setting, seed): (u64, u64)) -> String {
    format!("{}{setting:016x}-{seed}{}", NAME.0, NAME.1)
}

impl Shelf {
    /// Finds the interrupted trainings in this directory.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn open(dir: &Dir) -> io::Result<Self> {
        let key = |name: &str| {
            let (setting, seed) = name.strip_prefix(NAME.0)?.strip_suffix(NAME.1)?.split_once('-')?;
            Some((u64::from_str_radix(setting, 16).ok()?, seed.parse().ok()?))
        };
        let there = dir.names()?.iter().filter_map(|n| key(n.to_str()?)).collect();
        Ok(Self { dir: dir.clone(), there: Mutex::new(there) })
    }

    fn there(&self) -> MutexGuard<'_, HashSet<(u64, u64)>> {
        self.there.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Saves the present state of a training. `scenario`: this training as a scenario, in RON.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn put(&self, course: &mut CellTraining, scenario: String) -> io::Result<()> {
        let (record, snapshot) = (course.record().clone(), course.snapshot());
        let key = (record.cell, record.seed);
        let left = ShelfEntry { gradtui: env!("CARGO_PKG_VERSION").into(), edited: course.edited(), record };
        let lane = SavedLane {
            id: 0,
            name: String::new(),
            snapshot,
            seeds: Vec::new(),
            seconds: 0.0,
            phase: Phase::Paused,
        };
        let checkpoint = Checkpoint {
            scenario,
            data: checksum(&course.data().train.inputs),
            logs: vec![LogMark { bytes: 0, crc: 0 }],
            lanes: Cow::Owned(vec![lane]),
            lines: vec![LogLine { step: 0, lane: 0, text: serde_json::to_string(&left)? }],
            ..Checkpoint::default()
        };
        let name = name(key);
        // The name is unique to this process, because another one may be writing the same training.
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_nanos());
        let new = format!("{name}.{}-{now}.new", std::process::id());
        let mut file = self.dir.create(&new)?;
        // The file is not synced: if the machine fails, its checksum is wrong, and the
        // training starts from the beginning.
        let mut out = io::BufWriter::new(&mut file);
        let written =
            checkpoint.write(&mut out).and_then(|()| out.flush()).and_then(|()| self.dir.rename(&new, &name));
        if written.is_err() {
            let _ = self.dir.remove(&new);
        }
        written?;
        self.there().insert(key);
        course.unsaved = 0.0;
        Ok(())
    }

    /// Restores the saved state of a training; `false` if no saved state fits, and the
    /// training then starts from its beginning.
    pub fn take_up(&self, course: &mut CellTraining, scenario: &Scenario, until: u64) -> bool {
        let key = (course.record().cell, course.record().seed);
        if !self.there().contains(&key) {
            return false;
        }
        let Ok(bytes) = self.dir.read_all(&name(key), limits::MEMORY) else { return false };
        let Ok(checkpoint) = Checkpoint::decode(&bytes) else { return false };
        let ([lane], [line]) = (&checkpoint.lanes[..], &checkpoint.lines[..]) else { return false };
        let Ok(left) = serde_json::from_str::<ShelfEntry>(&line.text) else { return false };
        let same = left.gradtui == env!("CARGO_PKG_VERSION")
            && checkpoint.scenario == scenario.to_ron()
            && (left.record.cell, left.record.seed) == key
            && lane.snapshot.step <= until
            && checkpoint.data == checksum(&course.data().train.inputs);
        same && course.go_to(&lane.snapshot, left.edited, left.record)
    }

    /// Removes the saved state of a training whose result is stored.
    ///
    /// # Errors
    /// If it cannot be removed.
    pub fn clear(&self, setting: u64, seed: u64) -> io::Result<()> {
        let was = self.there().remove(&(setting, seed));
        if was { self.dir.remove(name((setting, seed))) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::cell::tests::{Fickle, course};
    use super::*;
    use std::cell::Cell;
    use std::sync::Arc;

    fn driver(at: u64) -> Fickle {
        Fickle { leave: Arc::default(), readings: Cell::new(0), at, between: true }
    }

    #[test]
    fn a_training_goes_on_from_its_file_and_from_nothing_else() {
        let place = tempfile::TempDir::with_prefix("gradtui-").expect("a directory");
        let path = place.path().join("shelf");
        let dir = Dir::make(&path).expect("a directory");
        let lane = "optimizer: Adam(0.01), early_stopping: (patience: 50, restore_best: true)";
        let begin =
            |steps| course(lane, steps, "(step: 5, lane: \"a\", field: \"optimizer\", to: \"Sgd(0.1)\")");
        let (mut whole, _) = begin(40);
        let wanted = whole.train(40, &driver(0)).expect("nobody stops it").clone();
        // Interruptions before, at and after the step of the edit.
        for at in [4, 6, 7, 30] {
            let shelf = Shelf::open(&dir).expect("it is read");
            let (mut first, scenario) = begin(40);
            assert_eq!(first.train(40, &driver(at)), None);
            let there = first.steps();
            shelf.put(&mut first, scenario.to_ron()).expect("it is written");
            // Another process finds the file by its name.
            let shelf = Shelf::open(&dir).expect("it is read");
            let (mut second, scenario) = begin(40);
            assert!(shelf.take_up(&mut second, &scenario, 40), "at step {there}");
            assert_eq!(second.steps(), there);
            assert_eq!(second.train(40, &driver(0)), Some(&wanted), "from step {there}");
            // With another scenario, a limit below the saved step, or a damaged file, the saved state is not used.
            let (mut other, theirs) = begin(50);
            assert!(!shelf.take_up(&mut other, &theirs, 50));
            let (mut third, _) = begin(40);
            assert!(!shelf.take_up(&mut third, &scenario, there - 1));
            let file = path.join(name((19, scenario.seed)));
            let mut bytes = std::fs::read(&file).expect("a file");
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            std::fs::write(&file, bytes).expect("a file");
            assert!(!shelf.take_up(&mut third, &scenario, 40));
            assert_eq!(third.train(40, &driver(0)), Some(&wanted));
            shelf.clear(19, scenario.seed).expect("it goes");
            assert_eq!(dir.names().expect("it is read").len(), 0);
        }
        let _ = std::fs::remove_dir_all(&path);
    }
}
