//! Whose a run directory is: its lock, taken for as long as a run lasts. Knows nothing of what else the directory holds but
//! the names.

use super::{NAMES, is_recording, plain, store};
use std::fs::{File, TryLockError};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

/// What the lock file of a run begins with.
pub(super) const OWNER: &str = "gradtui run, process ";

/// Whether somebody holds a run; looks so briefly that one who takes it up at that moment only has to look twice.
pub(in crate::lab) fn in_use(path: &Path) -> bool {
    let lock = store::read(&path.join("run.lock"));
    lock.is_ok_and(|f| matches!(f.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// Takes a lock, at the second or third try where somebody had only looked at it.
fn take(lock: &File) -> Result<(), TryLockError> {
    for _ in 0..3 {
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(std::time::Duration::from_millis(15)),
            other => return other,
        }
    }
    lock.try_lock()
}

/// Takes the lock of a directory that is ours or empty.
pub(super) fn claim(path: &Path) -> Result<File, String> {
    let name = path.join("run.lock");
    let ours = name.symlink_metadata().is_ok();
    let entries = std::fs::read_dir(path).map_err(|e| plain(&e))?;
    for entry in entries {
        let entry = entry.map_err(|e| plain(&e))?.file_name();
        if !(ours && (NAMES.iter().any(|n| entry == *n) || is_recording(&entry.to_string_lossy()))) {
            return Err(format!(
                "not empty and no run of gradtui (there is {}); name an empty or a new directory",
                crate::text::excerpt(&entry.to_string_lossy(), 80)
            ));
        }
    }
    let mut lock = store::read_write(&name).map_err(|e| format!("run.lock: {}", plain(&e)))?;
    let mut owner = String::new();
    lock.by_ref().take(200).read_to_string(&mut owner).map_err(|e| format!("run.lock: {}", plain(&e)))?;
    if !owner.is_empty() && !owner.starts_with(OWNER) && !OWNER.starts_with(&owner) {
        return Err("not empty and no run of gradtui (run.lock is somebody else's)".into());
    }
    match take(&lock) {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let who = owner.strip_prefix(OWNER).unwrap_or("unknown").trim();
            return Err(format!("in use by another gradtui, process {}", crate::text::excerpt(who, 40)));
        }
        Err(TryLockError::Error(e)) => return Err(format!("run.lock: {}", plain(&e))),
    }
    let text = format!("{OWNER}{}\n", std::process::id());
    let written = store::cut(&lock, 0)
        .and_then(|()| lock.seek(SeekFrom::Start(0)))
        .and_then(|_| store::write(&mut lock, text.as_bytes()));
    written.map_err(|e| format!("run.lock: {}", plain(&e)))?;
    Ok(lock)
}
