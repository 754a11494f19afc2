//! The lock of a run directory, held as long as a run lasts. Knows the other files only by name.

use super::{NAMES, home::is_recording, plain};
use crate::lab::store::{self, Dir};
use std::fs::{File, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

/// The first line of a lock file.
pub(super) const OWNER: &str = "gradtui run, process ";

/// The last line of a lock file whose process left the run with everything saved.
const LEFT: &str = "left\n";

/// Whether a process holds the lock of a run. The test takes the lock for a moment, so a process that resumes the run
/// may have to retry.
pub(in crate::lab) fn in_use(path: &Path) -> bool {
    let lock = Dir::open(path).and_then(|dir| dir.read("run.lock"));
    lock.is_ok_and(|f| matches!(f.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// Whether the last process of a run left it with everything saved. A copy of a run may lack the lock: it tells nothing.
pub(in crate::lab) fn was_left(path: &Path) -> bool {
    let lock = Dir::open(path).and_then(|dir| dir.read_all("run.lock", 4096));
    lock.map_or(true, |text| text.ends_with(LEFT.as_bytes()) || !text.starts_with(OWNER.as_bytes()))
}

/// Takes a lock; retries, because another process may hold it for a moment to test it.
fn take(lock: &File) -> Result<(), TryLockError> {
    for _ in 0..3 {
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(std::time::Duration::from_millis(15)),
            other => return other,
        }
    }
    lock.try_lock()
}

/// The first name in a directory that is not a file of a run.
pub(super) fn foreign(dir: &Dir) -> io::Result<Option<String>> {
    let ours = |name: &str| NAMES.contains(&name) || is_recording(name);
    let names = dir.names()?.into_iter().map(|n| n.to_string_lossy().into_owned());
    Ok(names.into_iter().find(|name| !ours(name)))
}

/// Takes the lock of a directory for a new run; the directory must be empty or hold a run without results.
pub(super) fn claim_new(dir: &Dir) -> Result<File, String> {
    let begun = dir.kind("run.lock").map_err(|e| plain(&e))?.is_some();
    let stranger = if begun { foreign(dir) } else { dir.names().map(|n| first(&n)) };
    if let Some(name) = stranger.map_err(|e| plain(&e))? {
        return Err(format!(
            "not empty and no run of gradtui (there is {}); name an empty or a new directory",
            crate::text::excerpt(&name, 80)
        ));
    }
    claim(dir)
}

fn first(names: &[std::ffi::OsString]) -> Option<String> {
    Some(names.first()?.to_string_lossy().into_owned())
}

/// Takes the lock of a run without writing to it.
pub(super) fn claim(dir: &Dir) -> Result<File, String> {
    let mut lock = dir.read_write("run.lock").map_err(|e| format!("run.lock: {}", plain(&e)))?;
    let mut owner = String::new();
    lock.by_ref().take(200).read_to_string(&mut owner).map_err(|e| format!("run.lock: {}", plain(&e)))?;
    if !owner.is_empty() && !owner.starts_with(OWNER) && !OWNER.starts_with(&owner) {
        return Err("not empty and no run of gradtui (run.lock is somebody else's)".into());
    }
    match take(&lock) {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => {
            let who =
                owner.strip_prefix(OWNER).and_then(|rest| rest.lines().next()).unwrap_or("unknown").trim();
            Err(format!("in use by another gradtui, process {}", crate::text::excerpt(who, 40)))
        }
        Err(TryLockError::Error(e)) => Err(format!("run.lock: {}", plain(&e))),
    }
}

/// Writes the owner into a lock file.
pub(super) fn sign(lock: &mut File) -> io::Result<()> {
    let text = format!("{OWNER}{}\n", std::process::id());
    store::cut(lock, 0)?;
    lock.seek(SeekFrom::Start(0))?;
    store::write(lock, text.as_bytes())
}

/// Writes into a lock file that its owner leaves the run.
pub(super) fn leave(lock: &mut File) -> io::Result<()> {
    lock.seek(SeekFrom::End(0))?;
    store::write(lock, LEFT.as_bytes())
}
