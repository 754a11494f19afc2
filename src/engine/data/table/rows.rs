//! Reads the lines of a table, once and as a stream, into one row of numbers per line. Faults name their line; texts
//! are numbered.

use super::bytes::{GuardedReader, fault, line_at, stream};
use super::cell::{Grammar, TextNumbers, number};
use super::decoration::{Decoration, decoration};
use super::form::{self, Separator};
use super::kinds::{Counts, Decimals, decimals};
use super::settings::{Missing, TableSettings};
use super::{OpenFile, TableFault};
use crate::engine::data::reading::{Rounding, counted};
use crate::engine::data::unpack;
use crate::limits;
use crate::text::excerpt;
use std::io::Read;

/// Lines, and bytes, that are inspected before anything is decided.
const HEAD: usize = 1000;
const HEAD_BYTES: u64 = 256 * 1024;
/// Bytes that are read at once.
const BUFFER: usize = 64 * 1024;
/// Most different texts of an input that are distinguished.
const TEXTS: usize = 1000;

/// The role of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// None; its cells are not read.
    Skip,
    /// An input.
    Input,
    /// A number to predict.
    Target,
    /// The class to predict.
    Class,
}

/// A column during reading.
#[derive(Debug)]
pub(super) struct ReadColumn {
    pub(super) name: String,
    pub(super) role: Role,
    /// Its texts, if it is a column of texts.
    pub(super) texts: Option<TextNumbers>,
    /// Whether the settings say that it holds texts.
    pub(super) stated: bool,
    /// Whether no cell in the first rows has a value.
    vacant: bool,
    /// A text for which a column with many numbers is one of texts.
    pub(super) among_numbers: Option<String>,
    /// Whether its texts are too many or too long to be distinguished.
    pub(super) overflow: bool,
    /// Number of missing cells, and the offset and the content of the first one.
    pub(super) missing: usize,
    first_missing: Option<(u64, String)>,
    /// Number of numbers so far, the last one, and whether each was one more than the previous.
    numbers: usize,
    last: f64,
    pub(super) counts_rows: bool,
    /// The range of its numbers, and the largest change when they became 32-bit numbers.
    rounding: Rounding,
    /// A number that begins with 0, as codes do.
    code: Option<String>,
}

/// A table after reading.
#[derive(Debug)]
pub(super) struct ReadTable {
    pub(super) grammar: Grammar,
    pub(super) headings: bool,
    /// Whether the heading line may be a sample.
    pub(super) headings_doubted: bool,
    /// Warnings about what was determined from the first lines.
    pub(super) doubts: Vec<String>,
    /// Empty columns at the end, which are left out.
    pub(super) trailing: usize,
    pub(super) columns: Vec<ReadColumn>,
    /// Numbers of all rows, one for each input column; NaN if missing. A text is given by its number.
    pub(super) inputs: Vec<f32>,
    /// Targets, one for each target column.
    pub(super) targets: Vec<f32>,
    /// Classes by the number of their text; `u32::MAX` if missing.
    pub(super) classes: Vec<u32>,
    pub(super) rows: usize,
}

type LineReader<'a> = csv::Reader<GuardedReader<Box<dyn Read + 'a>>>;

fn lines(open: OpenFile<'_>, separator: Separator) -> Result<LineReader<'_>, TableFault> {
    let blanks = separator == Separator::Blanks;
    let source = stream(open).map_err(|what| (None, what))?;
    Ok(csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(separator.byte())
        .buffer_capacity(BUFFER)
        .from_reader(GuardedReader::new(source, blanks)))
}

/// The cells of a record. With spaces as separator, empty cells are skipped.
fn cells(record: &csv::ByteRecord, separator: Separator) -> impl Iterator<Item = &[u8]> {
    let blanks = separator == Separator::Blanks;
    record.iter().map(<[u8]>::trim_ascii).filter(move |cell| !blanks || !cell.is_empty())
}

/// The columns as the first lines show them, before their cells are read.
pub(super) struct TableHead<'a> {
    pub(super) names: &'a [String],
    /// Whether the names come from the file.
    pub(super) headings: bool,
    /// Whether no cell of a column in the first rows has a value.
    pub(super) vacant: &'a [bool],
    /// The first rows.
    pub(super) rows: &'a [csv::ByteRecord],
}

/// Decides the role of each column.
pub(super) type Roles<'a> = &'a dyn Fn(&TableHead<'_>) -> Result<Vec<Role>, String>;

impl ReadTable {
    /// Reads the whole table.
    pub(super) fn read(
        open: OpenFile<'_>,
        form: &TableSettings,
        roles: Roles<'_>,
    ) -> Result<Self, TableFault> {
        let mut table = Self::begin(open, form, roles)?;
        table.take(open, form.missing)?;
        Ok(table)
    }

    /// Reads another table of the same format, and appends its rows.
    pub(super) fn append(&mut self, open: OpenFile<'_>, form: &TableSettings) -> Result<(), TableFault> {
        let roles = |head: &TableHead<'_>| Ok(vec![Role::Skip; head.names.len()]);
        let other = Self::begin(open, form, &roles)?;
        let names = |table: &Self| table.columns.iter().map(|c| c.name.clone()).collect::<Vec<_>>();
        if names(self) != names(&other) {
            let of = |table| crate::engine::data::reading::listed(&names(table));
            let what = format!("columns {} where the first table has {}", of(&other), of(self));
            return Err((Some(1), what));
        }
        (self.headings, self.grammar.separator) = (other.headings, other.grammar.separator);
        self.grammar.decimal_comma |= other.grammar.decimal_comma;
        for column in &mut self.columns {
            column.first_missing = None;
        }
        self.take(open, form.missing)
    }

    /// Inspects the first lines, and decides the role of each column.
    fn begin(open: OpenFile<'_>, form: &TableSettings<'_>, roles: Roles<'_>) -> Result<Self, TableFault> {
        let mut head = Vec::new();
        let bytes = stream(open).map_err(|what| (None, what))?;
        bytes.take(HEAD_BYTES).read_to_end(&mut head).map_err(|e| (None, unpack::damaged(&e)))?;
        let whole = (head.len() as u64) < HEAD_BYTES;
        form::text(&head)?;
        form::preamble(&head, whole)?;
        let found = form::separator(&head, whole);
        let separator = if form.separator == Separator::Found { found } else { form.separator };
        let records = first_records(open, separator)?;
        let Some(first) = records.first() else { return Err((None, "no line in it".into())) };
        let line = || line_at(open, first.position().map_or(0, csv::Position::byte));
        if first.len() > limits::CSV_COLUMNS {
            let what = format!("{} columns; at most {} are allowed", first.len(), limits::CSV_COLUMNS);
            return Err((line(), what));
        }
        let decimals = match form.decimal_comma {
            Some(comma) => Decimals { comma, doubt: None },
            None => decimals(&records, separator),
        };
        let grammar =
            Grammar::new(separator, decimals.comma, form.headings, form.usual_marks, form.missing_values);
        let (headings, headings_doubted) = form::headings(&records, &grammar, &form.named);
        let trailing = trailing(&records, separator);
        let width = first.len() - trailing;
        if width < 2 && !form.single {
            return Err((line(), one_column(form.separator, found, form::splits(&head, whole, found))));
        }
        let name = |(i, cell): (usize, &[u8])| match String::from_utf8_lossy(cell).into_owned() {
            name if headings && !name.is_empty() => name,
            _ => format!("column {i}"),
        };
        let names: Vec<String> = first.iter().take(width).enumerate().map(name).collect();
        let body = &records[usize::from(headings)..];
        let counts: Vec<Counts<'_>> = (0..width).map(|i| Counts::of(body, i, &grammar)).collect();
        let vacant: Vec<bool> = counts.iter().map(|c| c.values == 0).collect();
        let roles = roles(&TableHead { names: &names, headings, vacant: &vacant, rows: body });
        let roles = roles.map_err(|what| (line(), what))?;
        let stated: Vec<usize> =
            form.categories.iter().filter_map(|c| c.place(&names, headings).ok()).collect();
        let columns = names.into_iter().zip(roles).zip(&counts).enumerate();
        let columns = columns
            .map(|(i, ((name, role), counts))| ReadColumn::new(name, role, stated.contains(&i), counts))
            .collect();
        let mut doubts: Vec<String> = decimals.doubt.into_iter().collect();
        if headings && first.iter().any(|cell| std::str::from_utf8(cell).is_err()) {
            doubts
                .push("the headings are not UTF-8, so some letters are lost; save the file as UTF-8".into());
        }
        Ok(Self {
            columns,
            grammar,
            headings,
            headings_doubted,
            doubts,
            trailing,
            inputs: Vec::new(),
            targets: Vec::new(),
            classes: Vec::new(),
            rows: 0,
        })
    }

    /// Reads every line below the headings.
    fn take(&mut self, open: OpenFile<'_>, missing: Missing) -> Result<(), TableFault> {
        let mut lines = lines(open, self.grammar.separator)?;
        let (mut record, mut first, before) = (csv::ByteRecord::new(), self.headings, self.rows);
        while lines.read_byte_record(&mut record).map_err(|e| fault(open, &e))? {
            if std::mem::take(&mut first) {
                continue;
            }
            let at = record.position().map_or(0, csv::Position::byte);
            self.push(&record, at).map_err(|what| (line_at(open, at), what))?;
        }
        if self.rows == before {
            return Err((Some(1), "no line of numbers in it".into()));
        }
        if missing == Missing::Refuse {
            self.refuse_missing(open)?;
        }
        Ok(())
    }

    /// Reports the first missing cell, the number of missing cells, and the remedies.
    fn refuse_missing(&self, open: OpenFile<'_>) -> Result<(), TableFault> {
        // A column of inputs without any value is left out.
        let empty = |c: &ReadColumn| c.role == Role::Input && c.missing == self.rows;
        let with = self.columns.iter().filter(|c| c.first_missing.is_some() && !empty(c));
        let Some(column) = with.clone().min_by_key(|c| c.first_missing.as_ref().map(|f| f.0)) else {
            return Ok(());
        };
        let Some((at, mark)) = &column.first_missing else { return Ok(()) };
        let word = if mark.is_empty() { "empty".into() } else { format!("`{}`", excerpt(mark, 20)) };
        // Texts such as NA may be names.
        let is_name = column.texts.is_some() && !mark.is_empty();
        let keep = if is_name { "; usual_marks: false reads it as a text" } else { "" };
        let is = if column.missing == 1 { "cells is" } else { "cells are" };
        let name = excerpt(&column.name, 40);
        let others = match with.count() - 1 {
            0 => String::new(),
            n => format!(", and some of {}", counted(n, "more column")),
        };
        let policies = if column.role == Role::Input {
            "missing: Drop leaves their rows out; Mean, Median or MostFrequent fills in from the training rows"
        } else if column.missing == self.rows {
            "name another column to predict"
        } else {
            "missing: Drop leaves their rows out"
        };
        let what =
            format!("{name}: {} of {} {is} {word}{others}; {policies}{keep}", column.missing, self.rows);
        Err((line_at(open, *at), what))
    }

    /// Appends a line to the rows.
    fn push(&mut self, record: &csv::ByteRecord, at: u64) -> Result<(), String> {
        if self.inputs.len() + record.len() > limits::DATA_NUMBERS {
            return Err(format!("more than {} numbers in all", limits::DATA_NUMBERS));
        }
        let mut cells = cells(record, self.grammar.separator);
        for column in &mut self.columns {
            let Some(cell) = cells.next() else { return Err(self.width_differs(record)) };
            match column.role {
                Role::Skip => {}
                Role::Class => self.classes.push(column.class(cell, at, &self.grammar)?),
                Role::Input => self.inputs.push(column.input(cell, at, self.rows, &self.grammar)?),
                Role::Target => self.targets.push(column.number(cell, at, self.rows, &self.grammar)?),
            }
        }
        // A separator at the end of the line does not start another column.
        let mut more = cells.enumerate();
        if more.any(|(i, cell)| i >= self.trailing.max(1) || !cell.is_empty()) {
            return Err(self.width_differs(record));
        }
        self.rows += 1;
        Ok(())
    }

    fn width_differs(&self, record: &csv::ByteRecord) -> String {
        let n = cells(record, self.grammar.separator).count();
        if self.headings && self.rows == 0 && n == self.columns.len() + 1 {
            return format!(
                "{} below {} headings; if the first column has none, as where R and pandas print the names of rows, write \
                 one before the others, such as `row`, and drop: [\"row\"]",
                counted(n, "column"),
                self.columns.len()
            );
        }
        format!("{} where the lines before have {}", counted(n, "column"), self.columns.len())
    }
}

/// The first records, their cells without blanks around them.
fn first_records(open: OpenFile<'_>, separator: Separator) -> Result<Vec<csv::ByteRecord>, TableFault> {
    let (mut lines, mut records, mut size) = (lines(open, separator)?, Vec::new(), 0);
    let mut record = csv::ByteRecord::new();
    while records.len() < HEAD && size < HEAD_BYTES as usize {
        if !lines.read_byte_record(&mut record).map_err(|e| fault(open, &e))? {
            break;
        }
        size += record.as_slice().len();
        let mut trimmed = csv::ByteRecord::new();
        trimmed.set_position(record.position().cloned());
        cells(&record, separator).for_each(|cell| trimmed.push_field(cell));
        records.push(trimmed);
    }
    Ok(records)
}

/// The number of columns at the end that are empty in every line, headings included.
fn trailing(records: &[csv::ByteRecord], separator: Separator) -> usize {
    let width = records.first().map_or(0, csv::ByteRecord::len);
    let empty = |&i: &usize| records.iter().all(|r| r.get(i).is_none_or(<[u8]>::is_empty));
    if separator == Separator::Blanks { 0 } else { (2..width).rev().take_while(empty).count() }
}

/// The message about lines of one cell, with the separator that would split them.
fn one_column(set: Separator, found: Separator, splits: bool) -> String {
    let hint = match set {
        Separator::Found => String::new(),
        set if set != found && splits => {
            format!("; no {} in it, but {}: separator: {found:?}", set.words(), found.words())
        }
        set => format!("; no {} in it: leave separator out", set.words()),
    };
    format!("one column only; samples need at least one number and a label{hint}")
}

impl ReadColumn {
    fn new(name: String, role: Role, stated: bool, counts: &Counts<'_>) -> Self {
        let of_texts = role == Role::Input && (stated || counts.texts());
        Self {
            name,
            role,
            texts: (role == Role::Class || of_texts).then(TextNumbers::default),
            stated,
            vacant: counts.values == 0,
            among_numbers: counts.among_numbers().filter(|_| of_texts),
            overflow: false,
            missing: 0,
            first_missing: None,
            numbers: 0,
            last: 0.0,
            counts_rows: true,
            rounding: Rounding::default(),
            code: None,
        }
    }

    fn is_missing(&mut self, cell: &[u8], at: u64) -> f32 {
        self.missing += 1;
        if self.first_missing.is_none() {
            self.first_missing = Some((at, String::from_utf8_lossy(cell).into_owned()));
        }
        f32::NAN
    }

    fn input(&mut self, cell: &[u8], at: u64, row: usize, grammar: &Grammar) -> Result<f32, String> {
        if self.texts.is_none() {
            return self.number(cell, at, row, grammar);
        }
        if let Some(known) = self.known(cell) {
            return Ok(known as f32);
        }
        if grammar.missing(cell) {
            return Ok(self.is_missing(cell, at));
        }
        let Ok(text) = std::str::from_utf8(cell) else {
            return Err(self.wrong(cell, "is not UTF-8; save the file as UTF-8"));
        };
        let fits = text.len() <= limits::NAME_CHARS && !self.overflow;
        let number = self.texts.as_mut().filter(|_| fits).and_then(|texts| texts.add(text, TEXTS));
        self.overflow |= number.is_none();
        Ok(number.map_or(0.0, |n| n as f32))
    }

    fn number(&mut self, cell: &[u8], at: u64, row: usize, grammar: &Grammar) -> Result<f32, String> {
        match number(cell, grammar.decimal_comma) {
            Some(x) if (x as f32).is_finite() && !grammar.missing_number(x) => {
                // A column that begins with a year may be one.
                let begins = || x.fract() == 0.0 && !(1500.0..2200.0).contains(&x);
                self.counts_rows = self.counts_rows && if row == 0 { begins() } else { x == self.last + 1.0 };
                (self.last, self.numbers) = (x, self.numbers + 1);
                self.rounding.add(x);
                if let [b'0', _, _, ..] = cell
                    && self.code.is_none()
                    && cell.iter().all(u8::is_ascii_digit)
                {
                    self.code = Some(String::from_utf8_lossy(cell).into_owned());
                }
                Ok(x as f32)
            }
            Some(x) if grammar.missing(cell) || grammar.missing_number(x) => Ok(self.is_missing(cell, at)),
            Some(x) if x.is_finite() => Err(self
                .wrong(cell, "is beyond 3.4e38, the largest 32-bit number; divide the column in the file")),
            Some(_) => Err(self.wrong(cell, "is not a finite number")),
            None if grammar.missing(cell) => Ok(self.is_missing(cell, at)),
            None if self.vacant && self.numbers == 0 && self.role == Role::Input => {
                self.texts = Some(TextNumbers::default());
                self.input(cell, at, row, grammar)
            }
            None => Err(self.no_number(cell, row, grammar)),
        }
    }

    /// The number of a text that this column has had before.
    fn known(&self, cell: &[u8]) -> Option<u32> {
        self.texts.as_ref()?.known(cell)
    }

    fn class(&mut self, cell: &[u8], at: u64, grammar: &Grammar) -> Result<u32, String> {
        if let Some(known) = self.known(cell) {
            return Ok(known);
        }
        if grammar.missing(cell)
            || number(cell, grammar.decimal_comma).is_some_and(|x| grammar.missing_number(x))
        {
            self.is_missing(cell, at);
            return Ok(u32::MAX);
        }
        let Ok(text) = std::str::from_utf8(cell) else {
            return Err(self.wrong(cell, "is not UTF-8; save the file as UTF-8"));
        };
        if text.len() > limits::NAME_CHARS {
            return Err(format!("a label of {} bytes; 1 to {}", text.len(), limits::NAME_CHARS));
        }
        let texts = self.texts.get_or_insert_default();
        texts.add(text, limits::CLASSES).ok_or_else(|| {
            format!(
                "the label column {} holds more than {} different values, too many for classes; for numbers to predict \
                 write regression: true",
                excerpt(&self.name, 40),
                limits::CLASSES
            )
        })
    }

    /// The fault of a cell that should be a number, with what would be right.
    fn no_number(&self, cell: &[u8], row: usize, grammar: &Grammar) -> String {
        let text = String::from_utf8_lossy(cell);
        if let Some(Decoration { seen, remedy }) = decoration(&text, grammar.decimal_comma) {
            return self.wrong(cell, &format!("is no number, since it has {seen}; {remedy}"));
        }
        if text == self.name.as_str() {
            return self.wrong(cell, "is the heading once more; delete this line");
        }
        if self.role == Role::Target && self.numbers == 0 {
            let what =
                "is no number to predict; name another column, or for classes leave regression: true out";
            return self.wrong(cell, what);
        }
        let headings =
            if row == 0 { "; if this line belongs to the headings, delete it" } else { Default::default() };
        let mark = excerpt(&text, 40);
        let hint = format!("if it stands for no value: missing_values: [\"{mark}\"]{headings}");
        self.wrong(cell, &format!("is no number; {hint}"))
    }

    /// A warning about numbers that are probably codes, or that 32-bit numbers cannot tell apart; `list` names the column
    /// in a setting.
    pub(super) fn doubt(&self, list: &str) -> Option<String> {
        let name = excerpt(&self.name, 40);
        if let Some(rounded) = self.rounding.words(&name) {
            return Some(rounded);
        }
        let code = self.code.as_ref().filter(|_| self.role == Role::Input)?;
        let code = excerpt(code, 40);
        Some(format!(
            "{name} is read as numbers, though {code} begins with 0 as a code does; if they are codes: categories: {list}"
        ))
    }

    fn wrong(&self, cell: &[u8], what: &str) -> String {
        let cell = excerpt(&String::from_utf8_lossy(&cell[..cell.len().min(200)]), 40);
        format!("{}: {cell} {what}", excerpt(&self.name, 40))
    }
}
