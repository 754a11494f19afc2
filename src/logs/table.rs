//! Tables with a header line: CSV as people, Lightning and Keras write it. Handles separators, decimal commas,
//! comments, repeated header lines, empty cells, and tables with one value per row.

use super::rising::RisingStep;
use super::tail::{Tail, TailLine, hole};
use super::value::number;
use super::{BATCHES, LAYERS, LogReader, LogSink, STEPS, of_layer};
use std::path::Path;

/// Names of the column that holds the name of a row's series, and of the column that holds its value.
const NAMED: [&str; 6] = ["metric", "name", "key", "tag", "series", "variable"];
const VALUES: [&str; 2] = ["value", "val"];

/// The reader of a table that may grow.
#[derive(Debug)]
pub struct TableReader {
    tail: Tail,
    form: Option<TableColumns>,
    /// The columns of the file before this one.
    before: Option<TableColumns>,
    row: u64,
    short: u64,
    /// The last cell of the newest row.
    last: String,
}

/// The columns of a table.
#[derive(Debug)]
struct TableColumns {
    separator: u8,
    headings: Vec<String>,
    /// The column of the step; `None`: rows are counted.
    step: Option<usize>,
    /// The columns of name and value, if each row has one value.
    long: Option<(usize, usize)>,
    /// The column of the epoch, if that of the step is another one.
    epoch: Option<usize>,
    /// Whether the step is the number of a batch within its epoch.
    batch: bool,
    /// The column of the layer, if each row has the numbers of one.
    layer: Option<usize>,
    rising: RisingStep,
}

/// The cells of a line.
pub fn cells(line: &str, separator: u8) -> Vec<String> {
    if line.contains('"') {
        let mut reader =
            csv::ReaderBuilder::new().has_headers(false).delimiter(separator).from_reader(line.as_bytes());
        let first = reader.records().next().and_then(Result::ok);
        return first.iter().flatten().map(|cell| cell.trim().to_string()).collect();
    }
    if separator == b' ' {
        return line.split_ascii_whitespace().map(String::from).collect();
    }
    line.split(separator as char).map(|cell| cell.trim().to_string()).collect()
}

/// The separator of a header line: the most frequent one.
pub fn separator(heading: &str) -> Option<u8> {
    let count = |s: u8| heading.bytes().filter(|b| *b == s).count();
    let best = [b',', b';', b'\t', b'|'].into_iter().max_by_key(|s| (count(*s), *s == b','));
    best.filter(|s| count(*s) > 0)
}

/// Whether a line has data: it is neither empty nor a comment.
pub fn counts(line: &str) -> bool {
    let line = line.trim();
    !line.is_empty() && !line.starts_with('#')
}

impl TableColumns {
    fn new(heading: &str) -> Self {
        let separator = separator(heading).unwrap_or(b',');
        let mut headings = cells(heading, separator);
        if headings.iter().all(|cell| number(cell).is_some()) {
            headings = (0..headings.len()).map(|i| format!("column {i}")).collect();
        }
        let place = |names: &[&str]| {
            let is = |name: &str| headings.iter().position(|h| h.eq_ignore_ascii_case(name));
            names.iter().find_map(|name| is(name))
        };
        let epoch = place(&["epoch"]);
        let step = place(&STEPS);
        let batch = place(&BATCHES).filter(|_| step.is_some() && step == epoch);
        let step = batch.or(step);
        let long = place(&NAMED).zip(place(&VALUES));
        let layer = place(&LAYERS);
        let epoch = epoch.filter(|_| step != epoch);
        let rising = RisingStep::default();
        Self { separator, headings, step, long, epoch, batch: batch.is_some(), layer, rising }
    }

    /// The number in a cell: if the comma is not the separator, it is the decimal point.
    fn number(&self, cell: &str) -> Option<f64> {
        let decimal = || number(&cell.replace('.', "").replace(',', "."));
        match self.separator {
            _ if !cell.contains(',') => number(cell),
            b',' => number(cell).or_else(decimal),
            _ => decimal(),
        }
    }

    /// Whether these cells are a row of numbers below this heading.
    fn is_row(&self, cells: &[String]) -> bool {
        cells.len() == self.headings.len()
            && cells.iter().all(|cell| cell.is_empty() || self.number(cell).is_some())
            && cells.iter().any(|cell| !cell.is_empty())
    }

    /// Whether these cells are another heading: names only, and that of the step among them.
    fn is_heading(&self, cells: &[String]) -> bool {
        let named = |cell: &String| STEPS.iter().any(|name| cell.eq_ignore_ascii_case(name));
        cells.iter().any(named) && cells.iter().all(|cell| !cell.is_empty() && self.number(cell).is_none())
    }
}

impl TableReader {
    /// A reader of this file.
    pub fn new(path: &Path) -> Self {
        Self { tail: Tail::new(path), form: None, before: None, row: 0, short: 0, last: String::new() }
    }
}

/// Sends the numbers of a row; returns whether the row is complete.
fn send(form: &mut Option<TableColumns>, row: &mut u64, line: &str, out: &mut dyn LogSink) -> bool {
    if !counts(line) {
        return true;
    }
    let Some(form) = form else {
        let found = TableColumns::new(line);
        let first = found.headings.first().is_some_and(|h| h == "column 0");
        *form = Some(found);
        return !first || send(form, row, line, out);
    };
    let cells = cells(line, form.separator);
    if cells == form.headings {
        return true;
    }
    if form.is_heading(&cells) {
        *form = TableColumns::new(line);
        return true;
    }
    // A separator at the end of the line does not start another cell.
    let whole = cells.len() == form.headings.len()
        || (cells.len() == form.headings.len() + 1 && cells.last().is_some_and(String::is_empty));
    if !whole {
        return false;
    }
    let count = *row as f64;
    *row += 1;
    let Some(step) = form.step.map_or(Some(count), |i| form.number(&cells[i])) else { return true };
    let epoch = form.epoch.and_then(|i| form.number(&cells[i]));
    let step = form.rising.at(epoch, step, form.batch);
    if let Some((name, value)) = form.long {
        if let Some(x) = form.number(&cells[value]) {
            out.point(&of_layer(&cells[name], form.layer.map(|i| &cells[i][..])), step, x);
        }
        return true;
    }
    for (i, (heading, cell)) in form.headings.iter().zip(&cells).enumerate() {
        if Some(i) != form.step
            && Some(i) != form.layer
            && !heading.is_empty()
            && let Some(x) = form.number(cell)
        {
            out.point(&of_layer(heading, form.layer.map(|i| &cells[i][..])), step, x);
        }
    }
    true
}

/// The last cell of a line.
fn end(form: Option<&TableColumns>, line: &str) -> Option<String> {
    cells(line, form?.separator).pop()
}

impl LogReader for TableReader {
    fn read(&mut self, out: &mut dyn LogSink) -> Result<bool, String> {
        let Self { tail, form, before: old, row, short, last } = self;
        let before = *short;
        let more = tail.lines(|line| match line {
            TailLine::Hole(bytes) => out.remark(hole(bytes)),
            TailLine::Anew => {
                (*old, *row, *short) = (form.take(), 0, 0);
                out.renew();
            }
            TailLine::Text(text) => {
                let text = String::from_utf8_lossy(text);
                // The next file of a rotated log may have no headings.
                let goes_on = |old: &mut TableColumns| old.is_row(&cells(&text, old.separator));
                if form.is_none() && counts(&text) {
                    *form = old.take_if(goes_on);
                }
                *short += u64::from(!send(form, row, &text, out));
                *last = end(form.as_ref(), &text).unwrap_or_default();
            }
        });
        if *short > before {
            out.remark(format!("{} rows have not as many cells as the heading and were left out", *short));
        }
        more.map_err(|e| e.to_string())
    }

    fn close(&mut self, out: &mut dyn LogSink) {
        let last = self.tail.last_line();
        let half = end(self.form.as_ref(), &String::from_utf8_lossy(&last)).is_some_and(|cell| {
            let decimals = self.last.contains(['.', ',']) && self.last.len() >= cell.len() + 3;
            let begun = cell.starts_with(|c: char| c.is_ascii_digit() || c == '-');
            begun && cell.ends_with(['.', ',', 'e', '+', '-'])
                || decimals && number(&cell).is_some() && !cell.contains(['.', ',', 'e'])
        });
        if half || !send(&mut self.form, &mut self.row, &String::from_utf8_lossy(&last), out) {
            out.remark("the last row is half written and was left out".into());
        }
    }
}
