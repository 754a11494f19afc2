//! Finds the checkpoint from which to continue. Before reading one, compares its size with the most that its scenario
//! can need.

use super::checkpoint::{Checkpoint, CheckpointHead};
use super::{marks, plain};
use crate::lab::store::Dir;
use crate::limits;
use std::io::{self, Read as _};
use std::path::Path;

/// The largest size in bytes of a checkpoint of this scenario; the path is the directory of its data files.
pub type CheckpointLimit<'a> = &'a mut dyn FnMut(&str, &Path) -> u64;

/// A [`CheckpointLimit`] if the scenario's networks are not known: the memory limit of a run.
pub(super) fn at_most(_: &str, _: &Path) -> u64 {
    limits::MEMORY
}

/// The newest complete checkpoint, if there is one.
pub(in crate::lab) fn any(dir: &Dir) -> Option<Checkpoint<'static>> {
    newest(dir, &mut at_most).ok().map(|(checkpoint, _)| checkpoint)
}

/// The newest complete checkpoint, the faults of the others, and the reason why scenario or log beside it are not its
/// own, if they are not. Another process may be training the run.
///
/// # Errors
/// The reason why there is none.
pub(in crate::lab) fn bound(dir: &Dir) -> Result<(Checkpoint<'static>, Vec<String>, Option<String>), String> {
    let mut before = None;
    loop {
        let (checkpoint, warnings) = newest(dir, &mut at_most)?;
        let Err(what) = marks::fit(dir, &checkpoint) else { return Ok((checkpoint, warnings, None)) };
        // A checkpoint is written before the files that it names, so a newer one may fit.
        let seen = (checkpoint.scenarios.clone(), checkpoint.logs.clone());
        if before.as_ref() == Some(&seen) {
            return Ok((checkpoint, warnings, Some(what)));
        }
        before = Some(seen);
    }
}

/// The newest complete checkpoint, and the faults of the others.
///
/// # Errors
/// The reason why there is none.
pub(super) fn newest(
    dir: &Dir,
    need: CheckpointLimit<'_>,
) -> Result<(Checkpoint<'static>, Vec<String>), String> {
    let mut warnings = Vec::new();
    for name in ["checkpoint", "checkpoint.previous"] {
        match read(dir, name, need) {
            Ok(checkpoint) => return Ok((checkpoint, warnings)),
            Err(None) => {}
            Err(Some(what)) => warnings.push(format!("{name} cannot be used: {what}")),
        }
    }
    Err(if warnings.is_empty() {
        "nothing to resume: the run ended before its first checkpoint".into()
    } else {
        format!("nothing to resume: {}", warnings.join("; "))
    })
}

/// Reads one checkpoint; the error is `None` if the file does not exist.
fn read(dir: &Dir, name: &str, need: CheckpointLimit<'_>) -> Result<Checkpoint<'static>, Option<String>> {
    let fault = |e: io::Error| (e.kind() != io::ErrorKind::NotFound).then(|| plain(&e));
    let mut file = dir.read(name).map_err(fault)?;
    let len = file.metadata().map_err(fault)?.len();
    let mut bytes = Vec::new();
    file.by_ref().take(CheckpointHead::BYTES).read_to_end(&mut bytes).map_err(fault)?;
    let CheckpointHead { scenario, base, bytes: told } = CheckpointHead::decode(&bytes).map_err(Some)?;
    if told != len {
        return Err(Some(format!("it has {len} bytes instead of {told}")));
    }
    let most = need(&scenario, Path::new(&base));
    if len > most {
        return Err(Some(format!("it has {len} bytes, and its scenario needs {most} at most")));
    }
    file.take(len - bytes.len() as u64).read_to_end(&mut bytes).map_err(fault)?;
    Checkpoint::decode(&bytes).map_err(Some)
}
