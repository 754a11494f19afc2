//! Reads a file that another program writes, piece by piece as it grows, and notices if it was replaced, rewritten or
//! rotated.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::{DirEntryExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

/// Bytes that are read at once.
pub const PIECE: usize = 4 << 20;
/// Bytes at the beginning, and before the position reached, that are compared to recognise the file.
const KNOWN: usize = 4096;
/// A longer line is taken for damage.
const LINE: usize = 64 << 20;

/// A file and how far it was read.
#[derive(Debug)]
pub struct Tail {
    path: PathBuf,
    inode: u64,
    read: u64,
    head: Vec<u8>,
    near: Vec<u8>,
    /// Length, and modification time, at the last read.
    seen: Option<(u64, i64, i64)>,
    half: Vec<u8>,
    /// Bytes of a hole that were skipped and not yet reported.
    hole: u64,
}

/// The next bytes of a file.
#[derive(Debug)]
pub struct Piece {
    /// Whether another file begins here: the log was replaced, rewritten or rotated.
    pub anew: bool,
    /// The bytes; empty if there is nothing new.
    pub bytes: Vec<u8>,
    /// Bytes of a hole that were skipped before them.
    hole: u64,
    /// Whether there is more to read at once.
    pub more: bool,
}

impl Tail {
    /// A reader of this path, from its beginning.
    pub fn new(path: &Path) -> Self {
        let (head, near, half) = (Vec::new(), Vec::new(), Vec::new());
        Self { path: path.into(), inode: 0, read: 0, head, near, seen: None, half, hole: 0 }
    }

    /// The path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The next bytes, at most [`PIECE`] of them.
    ///
    /// # Errors
    /// If the file is gone or cannot be read.
    pub fn next(&mut self) -> io::Result<Piece> {
        self.piece(false)
    }

    /// The same. In a text, large holes are skipped, because nothing was ever written there.
    fn piece(&mut self, text: bool) -> io::Result<Piece> {
        let nothing = Piece { anew: false, bytes: Vec::new(), hole: 0, more: false };
        let mut file = File::open(&self.path)?;
        let found = file.metadata()?;
        let state = (found.len(), found.mtime(), found.mtime_nsec());
        if self.seen == Some(state) && self.inode == found.ino() && self.read == found.len() {
            return Ok(nothing);
        }
        if self.read > 0
            && self.inode != found.ino()
            && let Some(mut old) = self.renamed()
        {
            let bytes = self.take(&mut old)?;
            if !bytes.is_empty() {
                return Ok(Piece { anew: false, bytes, hole: 0, more: true });
            }
        }
        let anew = self.read > 0
            && (self.inode != found.ino() || found.len() < self.read || !self.known(&mut file)?);
        if anew {
            *self = Self::new(&self.path);
        }
        self.inode = found.ino();
        let hole = if text { self.skip_hole(&file, found.len()) } else { 0 };
        let bytes = self.take(&mut file)?;
        self.seen = Some(state);
        let more = bytes.len() == PIECE;
        Ok(Piece { anew, bytes, hole, more })
    }

    /// The file that was read until now, if it has another name in its folder by now, as after a rotation.
    fn renamed(&self) -> Option<File> {
        let folder = self.path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut all = std::fs::read_dir(folder).ok()?.filter_map(Result::ok);
        let there = all.find(|entry| entry.ino() == self.inode)?;
        File::open(there.path()).ok().filter(|file| file.metadata().is_ok_and(|m| m.is_file()))
    }

    /// Reads on in a file.
    fn take(&mut self, file: &mut File) -> io::Result<Vec<u8>> {
        file.seek(SeekFrom::Start(self.read))?;
        let left = file.metadata()?.len().saturating_sub(self.read);
        let mut bytes = Vec::with_capacity(PIECE.min(left as usize));
        file.take(PIECE as u64).read_to_end(&mut bytes)?;
        let missing = KNOWN.saturating_sub(self.head.len()).min(bytes.len());
        if self.read < KNOWN as u64 {
            self.head.extend_from_slice(&bytes[..missing]);
        }
        self.near.extend_from_slice(&bytes[bytes.len().saturating_sub(KNOWN)..]);
        self.near.drain(..self.near.len().saturating_sub(KNOWN));
        self.read += bytes.len() as u64;
        Ok(bytes)
    }

    /// Goes on behind a large hole, if one begins at the position reached; returns its bytes, which are all zero.
    fn skip_hole(&mut self, file: &File, len: u64) -> u64 {
        let hole = data_from(file, self.read, len).saturating_sub(self.read);
        if hole < PIECE as u64 {
            return 0;
        }
        self.read += hole;
        self.near = vec![0; KNOWN];
        hole
    }

    /// Whether the file still holds the bytes that were read.
    fn known(&self, file: &mut File) -> io::Result<bool> {
        let mut there = vec![0; self.head.len()];
        file.seek(SeekFrom::Start(0))?;
        file.read_exact(&mut there)?;
        if there != self.head {
            return Ok(false);
        }
        there.resize(self.near.len(), 0);
        file.seek(SeekFrom::Start(self.read - self.near.len() as u64))?;
        file.read_exact(&mut there)?;
        Ok(there == self.near)
    }

    /// Passes on the next complete lines, and [`TailLine::Anew`] first if another file begins. A large hole counts as
    /// one zero byte of its line. Returns `false` if there are no more for now.
    ///
    /// # Errors
    /// If the file is gone or cannot be read.
    pub fn lines(&mut self, mut each: impl FnMut(TailLine<'_>)) -> io::Result<bool> {
        let Piece { anew, bytes, hole, more } = self.piece(true)?;
        if anew {
            each(TailLine::Anew);
        }
        // Not every file system says where its holes are.
        let unwritten = bytes.len() == PIECE && zeros(&bytes);
        let skipped = if unwritten { hole + PIECE as u64 } else { hole };
        self.hole += skipped;
        let mut half = std::mem::take(&mut self.half);
        if skipped > 0 && half.last() != Some(&0) {
            half.push(0);
        }
        if !unwritten && self.hole > 0 {
            each(TailLine::Hole(std::mem::take(&mut self.hole)));
        }
        let (mut from, new) = (0, half.len());
        if !unwritten {
            half.extend_from_slice(&bytes);
        }
        for end in memchr::memchr_iter(b'\n', &half[new..]) {
            each(TailLine::Text(trimmed(&half[from..new + end])));
            from = new + end + 1;
        }
        half.drain(..from);
        if half.len() > LINE {
            half.clear();
        }
        self.half = half;
        Ok(more)
    }

    /// The last line without a line end, for a file that does not grow any more. Zeros at its end were not written yet.
    pub fn last_line(&mut self) -> Vec<u8> {
        let mut last = std::mem::take(&mut self.half);
        last.truncate(last.iter().rposition(|b| *b != 0).map_or(0, |end| end + 1));
        last
    }
}

/// A line, or the news that another file begins.
#[derive(Debug)]
pub enum TailLine<'a> {
    /// The file was replaced, rewritten or rotated; the lines of the new one follow.
    Anew,
    /// A line without its line end.
    Text(&'a [u8]),
    /// This many bytes were skipped: a hole in the file.
    Hole(u64),
}

/// A remark about a hole.
pub fn hole(bytes: u64) -> String {
    format!("{} MiB of the file hold only zeros: they were never written, and were skipped", bytes >> 20)
}

/// Whether all bytes are zero.
fn zeros(bytes: &[u8]) -> bool {
    bytes.chunks(4096).all(|chunk| chunk.iter().fold(0, |all, b| all | b) == 0)
}

/// The first position from `at` on with data that were written to this file; the file's length if there are none. A file
/// system that does not know holds data everywhere.
pub fn data_from(file: &File, at: u64, len: u64) -> u64 {
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    match rustix::fs::seek(file, rustix::fs::SeekFrom::Data(at)) {
        Ok(data) => return data,
        Err(rustix::io::Errno::NXIO) => return len,
        Err(_) => {}
    }
    at
}

/// The line without byte order mark and trailing carriage return.
pub fn trimmed(line: &[u8]) -> &[u8] {
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}
