//! Files in a directory that is held open: created without following links, replaced completely or not at all. Knows no
//! contents.
//!
//! Every name is looked up in the open directory and not by its path, so that nothing is written to another directory
//! that has replaced the path in the meantime.

use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use std::ffi::{OsStr, OsString};
use std::fs::{DirBuilder, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Writes the content of a file.
pub type Content<'a> = &'a mut dyn FnMut(&mut File) -> io::Result<()>;

/// The progress of writing a large file to the disk.
#[derive(Debug, Default)]
pub struct WriteMeter {
    done: AtomicU64,
    all: AtomicU64,
    /// Whether the file is no longer wanted.
    stop: AtomicBool,
}

impl WriteMeter {
    /// Starts the progress of a file of this many bytes.
    pub fn begin(&self, all: u64) {
        self.done.store(0, Ordering::Relaxed);
        self.all.store(all, Ordering::Relaxed);
    }

    /// Ends the progress.
    pub fn end(&self) {
        self.begin(0);
    }

    /// Whether the file that is being written should be given up, because a newer one waits.
    pub fn give_up(&self, stop: bool) {
        self.stop.store(stop, Ordering::Relaxed);
    }

    /// Whether it should be given up.
    pub fn is_given_up(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Bytes on the disk, and the total, while a file is written.
    pub fn read(&self) -> Option<(u64, u64)> {
        let (done, all) = (self.done.load(Ordering::Relaxed), self.all.load(Ordering::Relaxed));
        (all > 0).then_some((done.min(all), all))
    }
}

/// A file that is written piece by piece, with a meter of the bytes that have reached the disk.
#[derive(Debug)]
pub struct Metered<'a> {
    file: &'a mut File,
    meter: &'a WriteMeter,
    fresh: u64,
}

impl<'a> Metered<'a> {
    /// Bytes between two syncs.
    const PIECE: u64 = 32 << 20;

    /// Wraps this file.
    pub fn new(file: &'a mut File, meter: &'a WriteMeter) -> Self {
        Self { file, meter, fresh: 0 }
    }
}

impl io::Write for Metered<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.meter.is_given_up() {
            return Err(io::Error::other("given up for a newer checkpoint"));
        }
        let n = self.file.write(bytes)?;
        self.fresh += n as u64;
        if self.fresh >= Self::PIECE {
            self.file.sync_data()?;
            self.meter.done.fetch_add(std::mem::take(&mut self.fresh), Ordering::Relaxed);
        }
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A directory that is held open. Clones share it.
#[derive(Clone, Debug)]
pub struct Dir(Arc<File>);

impl Dir {
    /// Opens a directory.
    pub fn open(path: &Path) -> io::Result<Self> {
        step()?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self(Arc::new(rustix::fs::open(path, flags, Mode::empty())?.into())))
    }

    /// Opens a directory, and creates it and missing parents, for their owner alone.
    pub fn make(path: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        Self::open(path)
    }

    /// Whether a path leads to this directory.
    pub fn is_at(&self, path: &Path) -> bool {
        let same = |a: std::fs::Metadata, b: std::fs::Metadata| (a.dev(), a.ino()) == (b.dev(), b.ino());
        path.metadata().is_ok_and(|there| self.0.metadata().is_ok_and(|here| same(here, there)))
    }

    /// Whether a name in it still leads to this open file.
    pub fn leads_to(&self, name: &str, file: &File) -> io::Result<bool> {
        step()?;
        match rustix::fs::statat(&*self.0, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) => {
                let held = rustix::fs::fstat(file)?;
                Ok((found.st_dev, found.st_ino) == (held.st_dev, held.st_ino))
            }
            Err(rustix::io::Errno::NOENT) => Ok(false),
            Err(e) => Err(e.into()),
        }
    }

    /// The kind of file under a name; `None` if there is none. Links are not followed.
    pub fn kind(&self, name: impl AsRef<OsStr>) -> io::Result<Option<FileType>> {
        match rustix::fs::statat(&*self.0, name.as_ref(), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) => Ok(Some(FileType::from_raw_mode(found.st_mode))),
            Err(rustix::io::Errno::NOENT) => Ok(None),
            Err(e) => Err(e.into()),
        }
    }

    /// The names in it.
    pub fn names(&self) -> io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&*self.0)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                names.push(OsStr::from_bytes(name).to_owned());
            }
        }
        Ok(names)
    }

    /// Opens a name in it: never through a link, and only a plain file with a single name.
    fn open_file(&self, name: impl AsRef<OsStr>, flags: OFlags) -> io::Result<File> {
        step()?;
        // Without NONBLOCK, opening a pipe would block until its other end is opened.
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let file: File = rustix::fs::openat(&*self.0, name.as_ref(), flags, Mode::RUSR | Mode::WUSR)?.into();
        let meta = file.metadata()?;
        if !meta.is_file() || meta.nlink() > 1 {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a plain file with one name"));
        }
        Ok(file)
    }

    /// Opens a file for reading.
    pub fn read(&self, name: &str) -> io::Result<File> {
        self.open_file(name, OFlags::RDONLY)
    }

    /// Opens a file for reading and writing, and creates it if necessary.
    pub fn read_write(&self, name: &str) -> io::Result<File> {
        self.open_file(name, OFlags::RDWR | OFlags::CREATE)
    }

    /// Creates a new file.
    pub fn create(&self, name: impl AsRef<OsStr>) -> io::Result<File> {
        self.open_file(name, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL)
    }

    /// Reads a whole file of at most `limit` bytes.
    pub fn read_all(&self, name: &str, limit: u64) -> io::Result<Vec<u8>> {
        let file = self.read(name)?;
        if file.metadata()?.len() > limit {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("larger than {limit} bytes")));
        }
        let mut bytes = Vec::new();
        step()?;
        file.take(limit + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Waits until its entries are on the disk.
    pub fn sync(&self) -> io::Result<()> {
        sync(&self.0)
    }

    /// Removes a name, if it exists.
    pub fn remove(&self, name: impl AsRef<OsStr>) -> io::Result<()> {
        step()?;
        match rustix::fs::unlinkat(&*self.0, name.as_ref(), AtFlags::empty()) {
            Err(e) if e != rustix::io::Errno::NOENT => Err(e.into()),
            _ => Ok(()),
        }
    }

    /// Gives a file a second name; fails if the name is taken, also over NFS.
    pub fn link(&self, from: &str, to: &str) -> io::Result<()> {
        step()?;
        Ok(rustix::fs::linkat(&*self.0, from, &*self.0, to, AtFlags::empty())?)
    }

    /// Renames a file in it.
    pub fn rename(&self, from: impl AsRef<OsStr>, to: impl AsRef<OsStr>) -> io::Result<()> {
        step()?;
        Ok(rustix::fs::renameat(&*self.0, from.as_ref(), &*self.0, to.as_ref())?)
    }

    /// Writes a file under a free name; it is on the disk when this returns.
    pub fn put(&self, name: impl AsRef<OsStr>, bytes: &[u8]) -> io::Result<()> {
        self.fill(name, &mut |file| file.write_all(bytes))
    }

    /// The same with content written by `content`.
    fn fill(&self, name: impl AsRef<OsStr>, content: Content<'_>) -> io::Result<()> {
        let mut file = self.create(&name)?;
        let written = step().and_then(|()| content(&mut file)).and_then(|()| sync(&file));
        if written.is_err() {
            // An incomplete file is useless, and may be what fills the disk.
            let _ = self.remove(&name);
        }
        written
    }

    /// Writes a temporary file beside `name` and returns its name; [`Dir::rename`] moves it into place.
    pub fn beside(&self, name: &str, content: Content<'_>) -> io::Result<String> {
        let new = format!("{name}.new");
        self.remove(&new)?;
        self.fill(&new, content)?;
        Ok(new)
    }

    /// Replaces a file by its own first bytes, which are copied from `from` piece by piece.
    pub fn shorten(&self, name: &str, mut from: &File, bytes: u64) -> io::Result<()> {
        let new = format!("{name}.new");
        self.remove(&new)?;
        let mut file = self.create(&new)?;
        from.seek(SeekFrom::Start(0))?;
        step()?;
        io::copy(&mut from.take(bytes), &mut file)?;
        sync(&file)?;
        self.rename(&new, name)?;
        self.sync()
    }

    /// Replaces a file atomically: after an interruption it has either the old or the new content.
    pub fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.replace_by(name, &mut |file| file.write_all(bytes))
    }

    /// The same with content written by `content`.
    pub fn replace_by(&self, name: &str, content: Content<'_>) -> io::Result<()> {
        let new = self.beside(name, content)?;
        self.rename(&new, name)?;
        self.sync()
    }
}

/// Writes to an open file.
pub fn write(file: &mut File, bytes: &[u8]) -> io::Result<()> {
    step()?;
    file.write_all(bytes)
}

/// Truncates an open file.
pub fn cut(file: &File, len: u64) -> io::Result<()> {
    step()?;
    file.set_len(len)
}

/// Waits until a file is on the disk.
pub fn sync(file: &File) -> io::Result<()> {
    step()?;
    file.sync_all()
}

#[cfg(not(test))]
#[expect(clippy::unnecessary_wraps, reason = "tests fail here")]
fn step() -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
pub use crash::step;

/// Injected faults: every operation from the n-th on fails (a kill), or only the n-th (a disk fault).
#[cfg(test)]
pub mod crash {
    use std::cell::Cell;
    use std::io;

    thread_local! {
        static LEFT: Cell<Option<u64>> = const { Cell::new(None) };
        static LASTING: Cell<bool> = const { Cell::new(true) };
    }

    /// Lets operations of this thread fail after this many; `None`: never.
    pub fn after(operations: Option<u64>, lasting: bool) {
        LEFT.set(operations);
        LASTING.set(lasting);
    }

    /// Counts an operation, and fails if it should.
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
