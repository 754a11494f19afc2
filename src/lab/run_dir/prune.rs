//! The oldest runs of a directory of runs go, so that it does not grow for ever. Touches only what this program wrote.

use super::{NAMES, lock};
use crate::lab::store::Dir;
use std::io;
use std::path::Path;

/// Removes the oldest runs in a directory of runs, so that the newest `keep` stay.
///
/// A run that is in use, holds a recording or anything else besides its own files stays, and so does whatever is no run.
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
        let Ok(dir) = Dir::open(path) else { continue };
        if dir.names()?.iter().any(|name| !NAMES.iter().any(|n| name == n)) {
            continue;
        }
        // As long as the lock is held nobody takes the run up; its file goes last.
        let Ok(_lock) = lock::claim(&dir) else { continue };
        NAMES.iter().rev().try_for_each(|name| dir.remove(name))?;
        std::fs::remove_dir(path)?;
    }
    Ok(())
}
