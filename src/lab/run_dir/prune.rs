//! Removes the oldest runs of a directory of runs, so that it does not grow without bound. Touches only files that this
//! program wrote.

use super::{NAMES, lock};
use crate::lab::store::Dir;
use std::io;
use std::path::Path;

/// Removes the oldest runs in a directory of runs and keeps the newest `keep`.
///
/// Runs in use, runs with a recording or with other files, and directories that are not runs are kept.
///
/// # Errors
/// If the directory of runs cannot be listed.
pub fn prune(runs: &Path, keep: usize) -> io::Result<()> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(runs)? {
        let entry = entry?;
        let lock = entry.path().join("run.lock");
        // A link is not followed: its target must not be removed.
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
        // No process can resume the run while the lock is held; the lock file is removed last.
        let Ok(_lock) = lock::claim(&dir) else { continue };
        NAMES.iter().rev().try_for_each(|name| dir.remove(name))?;
        std::fs::remove_dir(path)?;
    }
    Ok(())
}
