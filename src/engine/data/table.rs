//! Tables as CSV: one sample per line; one column is the label, or several are targets. Faults name their line.
//!
//! The crate `csv` splits lines into cells; this module decides on the format, the kinds of columns and the treatment
//! of missing cells.

use super::{Dataset, Files, Source, SourceError};
use crate::engine::team::{SingleThread, Team};
use crate::limits;
use crate::text::excerpt;
use std::io::Read;

mod bytes;
mod cell;
mod column;
mod decoration;
mod form;
mod kinds;
mod look;
mod numeral;
mod pieces;
mod read_column;
mod records;
mod rows;
mod samples;
mod separator;
mod series;
mod settings;
#[cfg(test)]
mod tests;

pub use column::{Column, Columns};
pub use separator::Separator;
pub use settings::{Csv, Missing, Series, Texts};

use read_column::Role;
use rows::{ReadTable, TableHead};

/// A fault and its line, if known.
type TableFault = (Option<u64>, String);

/// Opens a file at its beginning; a table is read more than once, and never held whole.
type OpenFile<'a> = &'a dyn Fn() -> Result<Box<dyn Read + 'a>, String>;

/// A table's file, and the threads that read it.
#[derive(Clone, Copy)]
struct TableSource<'a> {
    open: OpenFile<'a>,
    team: &'a dyn Team,
    /// Bytes that one thread reads at once.
    piece: usize,
}

impl<'a> TableSource<'a> {
    fn new(open: OpenFile<'a>, team: &'a dyn Team) -> Self {
        Self { open, team, piece: pieces::PIECE }
    }
}

impl Source for Csv {
    fn files(&self) -> Vec<&str> {
        [&self.path, &self.test].into_iter().map(String::as_str).filter(|p| !p.is_empty()).collect()
    }

    fn load(&self, files: &dyn Files, _: u64) -> Result<Dataset, SourceError> {
        if self.path.is_empty() {
            return Err(SourceError::new("Csv(path: \"..\") names a file"));
        }
        let file = || open(files, &self.path);
        let table = self.table(TableSource::new(&file, files.team()));
        let mut table = table.map_err(placed(&self.path))?;
        let train = table.rows;
        if !self.test.is_empty() {
            let test = || open(files, &self.test);
            let source = TableSource::new(&test, files.team());
            table.append(source, &self.form()).map_err(placed(&self.test))?;
        }
        samples::dataset(table, self, train).map_err(placed(&self.path))
    }
}

impl Csv {
    /// Reads one table.
    fn table(&self, source: TableSource<'_>) -> Result<ReadTable, TableFault> {
        ReadTable::read(source, &self.form(), &|head| self.roles(head))
    }

    /// The role of each column.
    fn roles(&self, head: &TableHead<'_>) -> Result<Vec<Role>, String> {
        let &TableHead { names, headings, vacant, .. } = head;
        let mut roles = vec![Role::Input; names.len()];
        if !self.columns.0.is_empty() {
            roles.fill(Role::Skip);
            for i in self.columns.places(names, headings).map_err(|what| format!("columns: {what}"))? {
                roles[i] = Role::Input;
            }
        }
        for i in self.drop.places(names, headings).map_err(|what| format!("drop: {what}"))? {
            roles[i] = Role::Skip;
        }
        if self.targets.0.is_empty() {
            // An empty column is no label, unless it is named.
            let may_be = |i: &usize| !vacant[*i] && (roles[*i] == Role::Input || !self.columns.0.is_empty());
            let label = match &self.label {
                Some(label) => label.place(names, headings)?,
                None => (0..names.len()).rev().find(may_be).unwrap_or(names.len() - 1),
            };
            roles[label] = if self.regression { Role::Target } else { Role::Class };
        } else if self.label.is_some() {
            return Err("label names a class, targets the numbers to predict: give one of the two".into());
        } else {
            for i in self.targets.places(names, headings).map_err(|what| format!("targets: {what}"))? {
                roles[i] = Role::Target;
            }
        }
        for i in self.categories.places(names, headings).map_err(|what| format!("categories: {what}"))? {
            if roles[i] != Role::Input {
                return Err(format!("categories: {} is no input", excerpt(&names[i], 40)));
            }
        }
        if roles.contains(&Role::Input) {
            return Ok(roles);
        }
        Err("no column is left to predict from: columns, drop and the label take all of them".into())
    }
}

/// Reads a table whose last column is the class.
///
/// # Errors
/// The fault and its line.
pub fn read(bytes: &[u8]) -> Result<Dataset, TableFault> {
    let csv = Csv::default();
    let table = csv.table(TableSource::new(&|| Ok(Box::new(bytes)), &SingleThread))?;
    let rows = table.rows;
    samples::dataset(table, &csv, rows)
}

fn open<'a>(files: &'a dyn Files, path: &str) -> Result<Box<dyn Read + 'a>, String> {
    files.open(path, limits::DATA_FILE_BYTES)
}

fn placed(path: &str) -> impl Fn(TableFault) -> SourceError + '_ {
    move |(line, what)| SourceError { file: Some(path.into()), line, what }
}
