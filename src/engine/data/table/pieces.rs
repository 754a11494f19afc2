//! Cuts a table into pieces at the ends of records, so that several threads can read it at the same time.

use super::bytes::GuardedReader;
use super::numeral::short_at;
use super::separator::Separator;
use std::io::{self, Read};

/// Bytes of a piece; it is longer by at most a line.
pub(super) const PIECE: usize = 1 << 20;
/// Bytes that are read at once.
const BUFFER: usize = 256 << 10;
/// The same for the crate `csv`.
const CSV_BUFFER: usize = 64 << 10;

/// Some records of a table, all of them complete.
#[derive(Debug, Default)]
pub(super) struct TablePiece {
    /// Where it begins in the table.
    pub(super) at: u64,
    bytes: Vec<u8>,
    /// Whether there is a quote in it.
    quotes: bool,
}

/// A table of which one piece is taken after another.
pub(super) struct TablePieces<R> {
    source: GuardedReader<R>,
    size: usize,
    at: u64,
    /// The bytes behind the last piece.
    rest: Vec<u8>,
    ended: bool,
    /// Why no more pieces come, if it is not the end of the table.
    pub(super) fault: Option<io::Error>,
}

impl<R: Read> TablePieces<R> {
    /// TablePieces of this size.
    pub(super) fn new(source: GuardedReader<R>, size: usize) -> Self {
        Self { source, size, at: 0, rest: Vec::new(), ended: false, fault: None }
    }

    /// Fills a piece with the next records, and says whether there were any.
    pub(super) fn next(&mut self, piece: &mut TablePiece) -> bool {
        piece.at = self.at;
        std::mem::swap(&mut piece.bytes, &mut self.rest);
        self.rest.clear();
        while !self.ended && (piece.bytes.len() < self.size || self.source.record_end() <= self.at) {
            let len = piece.bytes.len();
            piece.bytes.resize(len + BUFFER.min(self.size), 0);
            let read = self.source.read(&mut piece.bytes[len..]);
            piece.bytes.truncate(len + *read.as_ref().unwrap_or(&0));
            self.ended = !matches!(read, Ok(1..));
            self.fault = read.err();
        }
        let all = self.ended && self.fault.is_none();
        let end = if all { piece.bytes.len() } else { (self.source.record_end() - self.at) as usize };
        self.rest.extend_from_slice(&piece.bytes[end..]);
        piece.bytes.truncate(end);
        piece.quotes = memchr::memchr(b'"', &piece.bytes).is_some();
        self.at += end as u64;
        end > 0
    }
}

impl TablePiece {
    /// Calls `row` with the place in the piece and the cells of each record from a place on, until `row` says no.
    /// Empty lines are no records.
    pub(super) fn records(
        &self,
        from: usize,
        separator: Separator,
        mut row: impl FnMut(usize, &mut RecordCells<'_>) -> bool,
    ) {
        let blanks = separator == Separator::Blanks;
        let bytes = self.bytes.get(from..).unwrap_or_default();
        if self.quotes {
            // The crate leaves out a byte order mark, but only if it is the first thing that it sees.
            let mut lines = csv_reader((&b"\n"[..]).chain(bytes), separator);
            let mut record = csv::ByteRecord::new();
            while lines.read_byte_record(&mut record).is_ok_and(|more| more) {
                let place = record.position().map_or(0, csv::Position::byte) as usize;
                let mut cells = RecordCells::of(&record, separator);
                if !row(from + place.saturating_sub(1), &mut cells) {
                    return;
                }
            }
            return;
        }
        let mut plain = PlainCells { bytes, at: 0, separator: separator.byte(), ended: false };
        while plain.at < bytes.len() {
            if matches!(bytes[plain.at], b'\n' | b'\r') {
                plain.at += 1;
                continue;
            }
            let at = from + plain.at;
            let mut cells = RecordCells { kind: CellsKind::Plain(plain), blanks };
            if !row(at, &mut cells) {
                return;
            }
            cells.by_ref().for_each(drop);
            let CellsKind::Plain(done) = cells.kind else { return };
            plain = PlainCells { ended: false, ..done };
        }
    }
}

/// The cells of a record, without blanks around them. With blanks as separator, empty cells are skipped.
pub(super) struct RecordCells<'a> {
    kind: CellsKind<'a>,
    blanks: bool,
}

enum CellsKind<'a> {
    Plain(PlainCells<'a>),
    Quoted(csv::ByteRecordIter<'a>),
}

impl<'a> RecordCells<'a> {
    /// The cells of a record of the crate `csv`.
    pub(super) fn of(record: &'a csv::ByteRecord, separator: Separator) -> Self {
        Self { kind: CellsKind::Quoted(record.iter()), blanks: separator == Separator::Blanks }
    }
}

impl<'a> RecordCells<'a> {
    /// The next cell, if it is a short number that is easily read.
    pub(super) fn number(&mut self, mark: u8) -> Option<(&'a [u8], f64)> {
        let CellsKind::Plain(cells) = &mut self.kind else { return None };
        let rest = cells.bytes.get(cells.at..).filter(|_| !cells.ended && mark != cells.separator)?;
        let (x, len) = short_at(rest, mark)?;
        let end = rest.get(len);
        if end.is_some_and(|b| *b != cells.separator && !matches!(b, b'\n' | b'\r')) {
            return None;
        }
        cells.ended = end != Some(&cells.separator);
        cells.at += len + usize::from(end.is_some());
        Some((&rest[..len], x))
    }
}

impl<'a> Iterator for RecordCells<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            let cell = match &mut self.kind {
                CellsKind::Plain(cells) => cells.next(),
                CellsKind::Quoted(cells) => cells.next(),
            };
            let cell = cell?.trim_ascii();
            if !self.blanks || !cell.is_empty() {
                return Some(cell);
            }
        }
    }
}

/// The cells of a record without quotes.
struct PlainCells<'a> {
    /// The piece, and the place of the next cell in it.
    bytes: &'a [u8],
    at: usize,
    separator: u8,
    ended: bool,
}

impl<'a> PlainCells<'a> {
    fn next(&mut self) -> Option<&'a [u8]> {
        if self.ended {
            return None;
        }
        let rest = &self.bytes[self.at..];
        let ends = |b: &u8| *b == self.separator || *b == b'\n' || *b == b'\r';
        let len = rest.iter().position(ends).unwrap_or(rest.len());
        self.ended = rest.get(len) != Some(&self.separator);
        self.at += (len + 1).min(rest.len());
        Some(&rest[..len])
    }
}

/// A reader of the crate `csv` for these bytes.
pub(super) fn csv_reader<R: Read>(bytes: R, separator: Separator) -> csv::Reader<R> {
    csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(separator.byte())
        .buffer_capacity(CSV_BUFFER)
        .from_reader(bytes)
}
