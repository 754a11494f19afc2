//! The bytes of a table as a stream: decompressed and bounded. Also finds the line of a fault.

use super::separator::Separator;
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
/// a quote that is never closed, a NUL byte, or a file beyond the size limit. All bytes before are read first.
pub(super) struct GuardedReader<R> {
    inner: R,
    separator: Separator,
    at: u64,
    /// The end of the last record that is complete.
    record_end: u64,
    last_quote: u64,
    quote: Quote,
    /// The last byte.
    last: u8,
    stop: Option<StreamStop>,
}

/// Whether the next byte is inside quotes.
#[derive(Clone, Copy, PartialEq)]
enum Quote {
    Closed,
    Open,
    /// After a quote inside quotes: another one stands for a quote, anything else is outside.
    Closing,
}

impl<R: Read> GuardedReader<R> {
    pub(super) fn new(inner: R, separator: Separator) -> Self {
        Self {
            inner,
            separator,
            at: 0,
            record_end: 0,
            last_quote: 0,
            quote: Quote::Closed,
            last: b'\n',
            stop: None,
        }
    }

    /// Where the last complete record of the bytes read so far ends.
    pub(super) fn record_end(&self) -> u64 {
        self.record_end
    }

    /// A fault at this place if the line is too long.
    fn long(&self, at: u64) -> Result<(), StreamStop> {
        if at - self.record_end <= limits::CSV_LINE as u64 {
            return Ok(());
        }
        if self.quote == Quote::Open {
            return Err(self.unclosed());
        }
        let most = limits::CSV_LINE;
        let what =
            format!("a line of more than {most} bytes, the limit; each sample stands on a line of its own");
        Err(StreamStop { at: self.record_end, what })
    }

    fn unclosed(&self) -> StreamStop {
        StreamStop { at: self.last_quote, what: "a quote is opened and never closed".into() }
    }

    /// Finds the ends of records among the next bytes; at most [`limits::CSV_LINE`] of them.
    fn scan(&mut self, bytes: &[u8]) -> Result<(), StreamStop> {
        let end = self.at + bytes.len() as u64;
        if self.quote == Quote::Closed && memchr::memchr(b'"', bytes).is_none() {
            if let Some(i) = memchr::memchr2(b'\n', b'\r', bytes) {
                self.long(self.at + i as u64)?;
                let last = memchr::memrchr2(b'\n', b'\r', bytes).unwrap_or(i);
                self.record_end = self.at + last as u64 + 1;
            }
        } else {
            self.scan_quotes(bytes)?;
        }
        self.long(end)?;
        self.last = bytes.last().copied().unwrap_or(self.last);
        self.at = end;
        Ok(())
    }

    fn scan_quotes(&mut self, bytes: &[u8]) -> Result<(), StreamStop> {
        for i in memchr::memchr3_iter(b'\n', b'\r', b'"', bytes) {
            let (at, before) = (self.at + i as u64, if i > 0 { bytes[i - 1] } else { self.last });
            if self.quote == Quote::Closing && !(bytes[i] == b'"' && self.last_quote + 1 == at) {
                self.quote = Quote::Closed;
            }
            self.long(at)?;
            match (self.quote, bytes[i]) {
                (Quote::Open, b'"') => (self.quote, self.last_quote) = (Quote::Closing, at),
                (Quote::Closing, _) => (self.quote, self.last_quote) = (Quote::Open, at),
                // A quote inside a cell is a character like others.
                (Quote::Closed, b'"') if self.begins_cell(before) => {
                    (self.quote, self.last_quote) = (Quote::Open, at);
                }
                (Quote::Closed, b'\n' | b'\r') => self.record_end = at + 1,
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether a cell begins after this byte.
    fn begins_cell(&self, before: u8) -> bool {
        let tab = self.separator == Separator::Blanks && before == b'\t';
        tab || before == self.separator.byte() || matches!(before, b'\n' | b'\r')
    }

    /// The next bytes, up to a fault.
    fn next(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let left = limits::DATA_FILE_BYTES + 1 - self.at;
        let most = buf.len().min(limits::CSV_LINE).min(left as usize);
        let mut n = self.inner.read(&mut buf[..most])?;
        if n == 0 && self.quote == Quote::Open {
            self.stop = Some(self.unclosed());
        }
        if n as u64 == left {
            let what = format!("more than {} MiB once decoded", limits::DATA_FILE_BYTES >> 20);
            self.stop = Some(StreamStop { at: 0, what });
            n -= 1;
        }
        if let Some(i) = memchr::memchr(0, &buf[..n]) {
            self.stop = Some(StreamStop { at: self.at + i as u64, what: NUL.into() });
            n = i;
        }
        if let Err(stop) = self.scan(&buf[..n]) {
            self.stop = Some(stop);
        }
        Ok(n)
    }
}

impl<R: Read> Read for GuardedReader<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = if self.stop.is_none() { self.next(buf)? } else { 0 };
        if n == 0
            && let Some(stop) = self.stop.take()
        {
            return Err(io::Error::other(stop));
        }
        if self.separator == Separator::Blanks {
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
    loop {
        bytes.by_ref().take(MARK.len() as u64).read_to_end(&mut first).map_err(|e| unpack::damaged(&e))?;
        if first != MARK {
            break;
        }
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
pub(super) fn fault(open: OpenFile<'_>, error: &io::Error) -> TableFault {
    match error.get_ref().and_then(|e| e.downcast_ref::<StreamStop>()) {
        Some(stopped) => (line_at(open, stopped.at), stopped.what.clone()),
        None => (None, unpack::damaged(error)),
    }
}
