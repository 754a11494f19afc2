//! The bytes of a table as a stream: decompressed and bounded. Also finds the line of a fault.

use super::{OpenFile, TableFault};
use crate::engine::data::unpack;
use crate::limits;
use std::io::{self, Read};

/// The message about a file with a NUL byte.
pub(super) const NUL: &str = "a NUL byte: this is no plain text; save the table as CSV in UTF-8";

/// The byte order mark of UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// The reason why the stream stopped.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
struct StreamStop {
    at: u64,
    what: String,
}

/// A reader that stops at input that cannot be a table: a line or quoted text of more than [`limits::CSV_LINE`] bytes,
/// a quote that is never closed, a NUL byte, or a file beyond the size limit.
pub(super) struct GuardedReader<R> {
    inner: R,
    /// Whether tabs count as spaces.
    tabs_are_blanks: bool,
    at: u64,
    line_begins: u64,
    last_quote: u64,
    /// Whether a quote is open.
    open: bool,
}

impl<R: Read> GuardedReader<R> {
    pub(super) fn new(inner: R, tabs_are_blanks: bool) -> Self {
        Self { inner, tabs_are_blanks, at: 0, line_begins: 0, last_quote: 0, open: false }
    }

    /// A fault at this place if the line is too long.
    fn long(&self, at: u64) -> io::Result<()> {
        if at - self.line_begins <= limits::CSV_LINE as u64 {
            return Ok(());
        }
        Err(if self.open { self.unclosed() } else { self.too_long() })
    }

    fn too_long(&self) -> io::Error {
        let most = limits::CSV_LINE;
        let what =
            format!("a line of more than {most} bytes, the limit; each sample stands on a line of its own");
        io::Error::other(StreamStop { at: self.line_begins, what })
    }

    fn unclosed(&self) -> io::Error {
        let what = "a quote is opened and never closed".into();
        io::Error::other(StreamStop { at: self.last_quote, what })
    }
}

impl<R: Read> Read for GuardedReader<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        if n == 0 && self.open {
            return Err(self.unclosed());
        }
        if let Some(i) = memchr::memchr(0, &buf[..n]) {
            return Err(io::Error::other(StreamStop { at: self.at + i as u64, what: NUL.into() }));
        }
        for i in memchr::memchr3_iter(b'\n', b'\r', b'"', &buf[..n]) {
            let at = self.at + i as u64;
            self.long(at)?;
            if buf[i] == b'"' {
                (self.open, self.last_quote) = (!self.open, at);
            } else if !self.open {
                self.line_begins = at + 1;
            }
        }
        self.at += n as u64;
        self.long(self.at)?;
        if self.at > limits::DATA_FILE_BYTES {
            let what = format!("more than {} MiB once decoded", limits::DATA_FILE_BYTES >> 20);
            return Err(io::Error::other(StreamStop { at: 0, what }));
        }
        if self.tabs_are_blanks {
            for b in buf[..n].iter_mut().filter(|b| **b == b'\t') {
                *b = b' ';
            }
        }
        Ok(n)
    }
}

/// The decompressed bytes of a table, without the byte order mark that Excel writes before UTF-8.
///
/// # Errors
/// If the file cannot be opened or its first bytes cannot be read.
pub(super) fn stream<'a>(open: OpenFile<'a>) -> Result<Box<dyn Read + 'a>, String> {
    let mut bytes = unpack::open(open()?)?;
    let mut first = Vec::new();
    bytes.by_ref().take(MARK.len() as u64).read_to_end(&mut first).map_err(|e| unpack::damaged(&e))?;
    if first == MARK {
        first.clear();
    }
    Ok(Box::new(io::Cursor::new(first).chain(bytes)))
}

/// The number (from 1) of the line of the first record at or after this offset of the decompressed bytes.
pub(super) fn line_at(open: OpenFile<'_>, offset: u64) -> Option<u64> {
    let (mut line, mut at, mut carriage) = (1, 0, false);
    for byte in io::BufReader::new(stream(open).ok()?).bytes().map_while(Result::ok) {
        // The crate `csv` reports a record as beginning at the empty lines before it.
        if at >= offset && !matches!(byte, b'\r' | b'\n') {
            break;
        }
        if carriage && byte != b'\n' {
            line += 1;
        }
        carriage = byte == b'\r';
        line += u64::from(byte == b'\n');
        at += 1;
    }
    Some(line + u64::from(carriage))
}

/// Converts a read error to a fault with its line.
pub(super) fn fault(open: OpenFile<'_>, error: &csv::Error) -> TableFault {
    if let csv::ErrorKind::Io(io) = error.kind() {
        return match io.get_ref().and_then(|e| e.downcast_ref::<StreamStop>()) {
            Some(stopped) => (line_at(open, stopped.at), stopped.what.clone()),
            None => (None, unpack::damaged(io)),
        };
    }
    (error.position().and_then(|p| line_at(open, p.byte())), error.to_string())
}
