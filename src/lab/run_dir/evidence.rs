//! The files of a run directory, read for `verify` even if a checksum shows that they were changed. Only reads.

use super::checkpoint::{Checkpoint, CheckpointHead};
use super::{DirError, marks, newest, open_run, plain};
use crate::lab::store::Dir;
use crate::limits;
use std::io::Read as _;
use std::path::Path;

/// The longest log that is compared, in bytes.
const LOG: u64 = 1 << 30;

/// The contents of a run directory, even if they do not belong together.
#[derive(Debug)]
pub struct Evidence {
    /// The text of scenario.ron.
    pub scenario: String,
    /// The complete lines of metrics.jsonl.
    pub log: String,
    /// The number of its bytes that the newest checkpoint covers, if these are unchanged; a killed run has more.
    pub known: Option<usize>,
    /// The checkpoints, the newest first.
    pub checkpoints: Vec<FoundCheckpoint>,
    /// Faults of whole files: the file and its fault.
    pub faults: Vec<(&'static str, String)>,
}

/// A checkpoint.
#[derive(Debug)]
pub struct FoundCheckpoint {
    /// The name of its file.
    pub name: &'static str,
    /// Its contents.
    pub checkpoint: Checkpoint<'static>,
    /// Whether its checksum holds.
    pub whole: bool,
}

impl Evidence {
    /// Reads a run directory.
    ///
    /// # Errors
    /// If there is no run, or it lacks a scenario or a log.
    pub fn read(path: &Path) -> Result<Self, DirError> {
        let fault = |what: String| DirError { path: path.into(), what };
        let dir = open_run(path, "`gradtui run --out` makes one").map_err(fault)?;
        let text = |name: &str, limit: u64| {
            let bytes = dir.read_all(name, limit).map_err(|e| fault(format!("{name}: {}", plain(&e))))?;
            String::from_utf8(bytes).map_err(|_| fault(format!("{name} is not UTF-8")))
        };
        let scenario = text("scenario.ron", 4 * limits::SCENARIO_BYTES)?;
        let mut log = text("metrics.jsonl", LOG)?;
        // The last line of a killed run may be incomplete.
        log.truncate(log.rfind('\n').map_or(0, |end| end + 1));
        let (mut checkpoints, mut faults) = (Vec::new(), Vec::new());
        for name in ["checkpoint", "checkpoint.previous"] {
            match unproved(&dir, name) {
                Ok(None) => {}
                Ok(Some((checkpoint, None))) => {
                    checkpoints.push(FoundCheckpoint { name, checkpoint, whole: true });
                }
                Ok(Some((checkpoint, Some(what)))) => {
                    checkpoints.push(FoundCheckpoint { name, checkpoint, whole: false });
                    faults.push((name, what));
                }
                Err(what) => faults.push((name, format!("{what}; nothing of it can be compared"))),
            }
        }
        let mut known = None;
        if let Some(FoundCheckpoint { checkpoint, .. }) = checkpoints.first().filter(|found| found.whole) {
            if !checkpoint.scenarios.contains(&crc32fast::hash(scenario.as_bytes())) {
                faults.push(("scenario.ron", "it is not the scenario of the checkpoint".into()));
            }
            let file = dir.read("metrics.jsonl").map_err(|e| fault(plain(&e)))?;
            match marks::marked(&file, &checkpoint.logs) {
                Ok(mark) => known = Some(mark.bytes as usize),
                Err(_) => faults.push(("metrics.jsonl", "it is not the log of the checkpoint".into())),
            }
        }
        Ok(Self { scenario, log, known, checkpoints, faults })
    }
}

/// A checkpoint, and a description of the fault if its checksum is wrong.
///
/// # Errors
/// The reason why it cannot be read at all.
fn unproved(dir: &Dir, name: &str) -> Result<Option<(Checkpoint<'static>, Option<String>)>, String> {
    let mut file = match dir.read(name) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(|e| plain(&e))?,
    };
    let len = file.metadata().map_err(|e| plain(&e))?.len();
    let mut bytes = Vec::new();
    file.by_ref().take(CheckpointHead::BYTES).read_to_end(&mut bytes).map_err(|e| plain(&e))?;
    let told = CheckpointHead::decode(&bytes).map_or(newest::at_most("", Path::new("")), |head| head.bytes);
    if len > told {
        return Err(format!("it has {len} bytes instead of {told}"));
    }
    file.take(len - bytes.len() as u64).read_to_end(&mut bytes).map_err(|e| plain(&e))?;
    Checkpoint::decode_unproved(&bytes).map(Some)
}
