//! Reads the lines of a table, once and as a stream, into one row of numbers per line. Faults name their line; texts
//! are numbered.

use super::bytes::{GuardedReader, fault, line_at, stream};
use super::cell::Grammar;
use super::form;
use super::kinds::{Counts, Decimals, decimals};
use super::pieces::{RecordCells, csv_reader};
use super::read_column::{ReadColumn, Role};
use super::separator::Separator;
use super::settings::TableSettings;
use super::{OpenFile, TableFault, TableSource};
use crate::engine::data::reading::counted;
use crate::engine::data::unpack;
use crate::limits;
use crate::text::excerpt;
use std::io::{self, Read};

/// Lines, and bytes, that are inspected before anything is decided.
const HEAD: usize = 1000;
const HEAD_BYTES: u64 = 256 * 1024;

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
    /// Number of columns without a value in the first rows that turned out to hold texts.
    pub(super) turned: usize,
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
        source: TableSource<'_>,
        form: &TableSettings,
        roles: Roles<'_>,
    ) -> Result<Self, TableFault> {
        let mut table = Self::begin(source.open, form, roles)?;
        table.take(source, form)?;
        Ok(table)
    }

    /// Reads another table of the same format, and appends its rows.
    pub(super) fn append(&mut self, source: TableSource<'_>, form: &TableSettings) -> Result<(), TableFault> {
        let roles = |head: &TableHead<'_>| Ok(vec![Role::Skip; head.names.len()]);
        let other = Self::begin(source.open, form, &roles)?;
        let names = |table: &Self| table.columns.iter().map(|c| c.name.clone()).collect::<Vec<_>>();
        if names(self) != names(&other) {
            let of = |table| crate::engine::data::reading::listed(&names(table));
            let what = format!("columns {} where the first table has {}", of(&other), of(self));
            return Err((Some(1), what));
        }
        (self.headings, self.grammar.separator) = (other.headings, other.grammar.separator);
        self.grammar.decimal_comma |= other.grammar.decimal_comma;
        for column in &mut self.columns {
            column.tally.first_missing = None;
        }
        self.take(source, form)
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
            turned: 0,
        })
    }

    /// Reports the first missing cell, the number of missing cells, and the remedies.
    pub(super) fn refuse_missing(&self, open: OpenFile<'_>, series: bool) -> Result<(), TableFault> {
        // A column of inputs without any value is left out.
        let empty = |c: &ReadColumn| c.role == Role::Input && c.tally.missing == self.rows;
        let with = self.columns.iter().filter(|c| c.tally.first_missing.is_some() && !empty(c));
        let Some(column) = with.clone().min_by_key(|c| c.tally.first_missing.as_ref().map(|f| f.0)) else {
            return Ok(());
        };
        let Some((at, mark)) = &column.tally.first_missing else { return Ok(()) };
        let word = if mark.is_empty() { "empty".into() } else { format!("`{}`", excerpt(mark, 20)) };
        // Texts such as NA may be names.
        let is_name = column.texts.is_some() && !mark.is_empty();
        let keep = if is_name { "; usual_marks: false reads it as a text" } else { "" };
        let is = if column.tally.missing == 1 { "cells is" } else { "cells are" };
        let name = excerpt(&column.name, 40);
        let others = match with.count() - 1 {
            0 => String::new(),
            n => format!(", and some of {}", counted(n, "more column")),
        };
        let policies = if series && column.tally.missing < self.rows {
            "missing: Drop leaves out the windows that hold one; Mean, Median or MostFrequent fills in the values to \
             predict from, and leaves out only the windows that would predict one; if the previous value is meant, fill it \
             in in the file: a value between both neighbours would know the future"
        } else if column.role == Role::Input {
            "missing: Drop leaves their rows out; Mean, Median or MostFrequent fills in from the training rows"
        } else if column.tally.missing == self.rows {
            "name another column to predict"
        } else {
            "missing: Drop leaves their rows out"
        };
        let what = format!(
            "{name}: {} of {} {is} {word}{others}; {policies}{keep}",
            column.tally.missing, self.rows
        );
        Err((line_at(open, *at), what))
    }
}

/// The error of the stream; a reader of bytes with lines of any length knows no other.
fn io(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

/// The first records, their cells without blanks around them.
fn first_records(open: OpenFile<'_>, separator: Separator) -> Result<Vec<csv::ByteRecord>, TableFault> {
    let source = stream(open).map_err(|what| (None, what))?;
    let mut lines = csv_reader(GuardedReader::new(source, separator), separator);
    let (mut records, mut size) = (Vec::new(), 0);
    let mut record = csv::ByteRecord::new();
    while records.len() < HEAD && size < HEAD_BYTES as usize {
        if !lines.read_byte_record(&mut record).map_err(|e| fault(open, &io(e)))? {
            break;
        }
        size += record.as_slice().len();
        let mut trimmed = csv::ByteRecord::new();
        trimmed.set_position(record.position().cloned());
        RecordCells::of(&record, separator).for_each(|cell| trimmed.push_field(cell));
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
