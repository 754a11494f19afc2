//! Finds the checkpoint to go on from. Compares the size of each with what its scenario can need before reading it.

use super::checkpoint::{Checkpoint, Head};
use super::{marks, plain};
use crate::lab::store::Dir;
use crate::limits;
use std::io::{self, Read as _};
use std::path::Path;

/// The most bytes that a checkpoint of this scenario can have; the path is where its data files lie.
pub type Need<'a> = &'a mut dyn FnMut(&str, &Path) -> u64;

/// A [`Need`] where the scenario's networks are not known: whatever a run may have in memory.
pub(super) fn at_most(_: &str, _: &Path) -> u64 {
    limits::MEMORY
}

/// The newest checkpoint that is whole, if there is one.
pub(in crate::lab) fn any(dir: &Dir) -> Option<Checkpoint<'static>> {
    newest(dir, &mut at_most).ok().map(|(checkpoint, _)| checkpoint)
}

/// The newest checkpoint that is whole, what is wrong with the others, and why scenario or log beside it are not its own, if so.
/// Another process may train the run meanwhile.
///
/// # Errors
/// Why there is none.
pub(in crate::lab) fn bound(dir: &Dir) -> Result<(Checkpoint<'static>, Vec<String>, Option<String>), String> {
    let mut before = None;
    loop {
        let (checkpoint, warnings) = newest(dir, &mut at_most)?;
        let Err(what) = marks::fit(dir, &checkpoint) else { return Ok((checkpoint, warnings, None)) };
        // A checkpoint is in place before what it knows of stands beside it, so a newer one may fit.
        let seen = (checkpoint.scenarios.clone(), checkpoint.logs.clone());
        if before.as_ref() == Some(&seen) {
            return Ok((checkpoint, warnings, Some(what)));
        }
        before = Some(seen);
    }
}

/// The newest checkpoint that is whole, and what is wrong with the others.
///
/// # Errors
/// Why there is none.
pub(super) fn newest(dir: &Dir, need: Need<'_>) -> Result<(Checkpoint<'static>, Vec<String>), String> {
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

/// One of them; no error in words if it is not there.
fn read(dir: &Dir, name: &str, need: Need<'_>) -> Result<Checkpoint<'static>, Option<String>> {
    let fault = |e: io::Error| (e.kind() != io::ErrorKind::NotFound).then(|| plain(&e));
    let mut file = dir.read(name).map_err(fault)?;
    let len = file.metadata().map_err(fault)?.len();
    let mut bytes = Vec::new();
    file.by_ref().take(Head::BYTES).read_to_end(&mut bytes).map_err(fault)?;
    let Head { scenario, base, bytes: told } = Head::decode(&bytes).map_err(Some)?;
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
