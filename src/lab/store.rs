//! Files of a run directory: made without following links, replaced whole or not at all. Knows no contents.

use rustix::fs::OFlags;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

/// Opens with these options, never through a link, never anything but a plain file with one name.
fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    step()?;
    // Without NONBLOCK a pipe under this name would keep us waiting for its other end.
    let flags = OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = options.mode(0o600).custom_flags(flags.bits().cast_signed()).open(path)?;
    let meta = file.metadata()?;
    if !meta.is_file() || meta.nlink() > 1 {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a plain file with one name"));
    }
    Ok(file)
}

/// Opens a file to read.
pub fn read(path: &Path) -> io::Result<File> {
    open(path, OpenOptions::new().read(true))
}

/// Opens a file to read and write, and makes it where it is not there.
pub fn read_write(path: &Path) -> io::Result<File> {
    open(path, OpenOptions::new().read(true).write(true).create(true).truncate(false))
}

/// Makes a file that is not there yet.
pub fn create(path: &Path) -> io::Result<File> {
    open(path, OpenOptions::new().write(true).create_new(true))
}

/// Reads a whole file of at most `limit` bytes.
pub fn read_all(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = read(path)?;
    if file.metadata()?.len() > limit {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("larger than {limit} bytes")));
    }
    let mut bytes = Vec::new();
    step()?;
    file.take(limit + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Writes to an open file.
pub fn write(file: &mut File, bytes: &[u8]) -> io::Result<()> {
    step()?;
    file.write_all(bytes)
}

/// Cuts an open file.
pub fn cut(file: &File, len: u64) -> io::Result<()> {
    step()?;
    file.set_len(len)
}

/// Waits until a file is on the disk.
pub fn sync(file: &File) -> io::Result<()> {
    step()?;
    file.sync_all()
}

/// Waits until the names in a directory are on the disk.
pub fn sync_dir(path: &Path) -> io::Result<()> {
    step()?;
    File::open(path)?.sync_all()
}

/// Removes a name, if it is there.
pub fn remove(path: &Path) -> io::Result<()> {
    step()?;
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

/// Gives a file another name.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    step()?;
    std::fs::rename(from, to)
}

/// Writes a new file beside `path`, on the disk when this returns; [`rename`] puts it in place.
pub fn beside(path: &Path, bytes: &[u8]) -> io::Result<std::path::PathBuf> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let new = std::path::PathBuf::from(name);
    remove(&new)?;
    let mut file = create(&new)?;
    let written = write(&mut file, bytes).and_then(|()| sync(&file));
    if let Err(e) = written {
        // What was written of it helps nobody and may be what fills the disk.
        let _ = remove(&new);
        return Err(e);
    }
    Ok(new)
}

/// Replaces a file by these bytes: afterwards it is the old one or the new one, whatever happens between.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = beside(path, bytes)?;
    rename(&new, path)?;
    sync_dir(path.parent().unwrap_or(Path::new(".")))
}

#[cfg(not(test))]
#[expect(clippy::unnecessary_wraps, reason = "tests fail here")]
fn step() -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
pub use crash::step;

/// Crashes on order: every operation from the n-th on fails (a kill), or the n-th alone (a fault of the disk).
#[cfg(test)]
pub mod crash {
    use std::cell::Cell;
    use std::io;

    thread_local! {
        static LEFT: Cell<Option<u64>> = const { Cell::new(None) };
        static LASTING: Cell<bool> = const { Cell::new(true) };
    }

    /// Fails after so many operations of this thread; `None`: never.
    pub fn after(operations: Option<u64>, lasting: bool) {
        LEFT.set(operations);
        LASTING.set(lasting);
    }

    /// An operation is about to be made.
    pub fn step() -> io::Result<()> {
        match LEFT.get() {
            None => Ok(()),
            Some(0) => {
                if !LASTING.get() {
                    LEFT.set(None);
                }
                Err(io::Error::new(io::ErrorKind::StorageFull, "no space, as ordered"))
            }
            Some(n) => {
                LEFT.set(Some(n - 1));
                Ok(())
            }
        }
    }
}
