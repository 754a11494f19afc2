//! Reads the records of a table into rows of numbers, several pieces at the same time. The result and the faults are
//! those of one record after the other.

use super::bytes::{GuardedReader, fault, line_at, stream};
use super::pieces::{RecordCells, TablePiece, TablePieces};
use super::read_column::{ColumnTally, Role};
use super::rows::ReadTable;
use super::settings::{Missing, TableSettings};
use super::{TableFault, TableSource};
use crate::engine::data::reading::counted;
use crate::engine::team::Team;
use crate::limits;

/// TablePieces that are read at the same time.
const AT_ONCE: usize = 4;

/// The rows of a piece, as far as they were read without a decision.
#[derive(Debug, Default)]
struct PieceRows {
    inputs: Vec<f32>,
    targets: Vec<f32>,
    classes: Vec<u32>,
    rows: usize,
    tallies: Vec<ColumnTally>,
    /// The cell that waits for a decision.
    waits: Option<WaitingCell>,
    /// Where its first record is.
    begin_at: usize,
    /// How many columns had turned into columns of texts before it was read.
    turned: usize,
}

/// A cell by its record's place in a piece and its column.
#[derive(Clone, Copy, Debug, Default)]
struct WaitingCell {
    record: usize,
    column: usize,
}

impl ReadTable {
    /// Reads every line below the headings.
    pub(super) fn take(
        &mut self,
        source: TableSource<'_>,
        form: &TableSettings<'_>,
    ) -> Result<(), TableFault> {
        let TableSource { open, team, piece } = source;
        let bytes = stream(open).map_err(|what| (None, what))?;
        let mut pieces = TablePieces::new(GuardedReader::new(bytes, self.grammar.separator), piece);
        let mut batch: [TablePiece; AT_ONCE] = Default::default();
        let mut rows: [PieceRows; AT_ONCE] = Default::default();
        let (before, mut headings) = (self.rows, self.headings);
        loop {
            let n = batch.iter_mut().map(|piece| pieces.next(piece)).take_while(|more| *more).count();
            for rows in &mut rows {
                rows.begin(self, 0);
            }
            if n > 0 && std::mem::take(&mut headings) {
                rows[0].begin(self, self.second_record(&batch[0]));
            }
            self.read_pieces(team, &batch[..n], &mut rows[..n]);
            for (piece, rows) in batch[..n].iter().zip(&mut rows) {
                self.add(piece, rows).map_err(|(at, what)| (line_at(open, at), what))?;
            }
            if n < AT_ONCE {
                break;
            }
        }
        if let Some(error) = pieces.fault {
            return Err(fault(open, &error));
        }
        if self.rows == before {
            return Err((Some(1), "no line of numbers in it".into()));
        }
        if form.missing == Missing::Refuse {
            self.refuse_missing(open, form.single)?;
        }
        Ok(())
    }

    /// The place of the second record of a piece.
    fn second_record(&self, piece: &TablePiece) -> usize {
        let (mut first, mut second) = (true, usize::MAX);
        piece.records(0, self.grammar.separator, |at, _| {
            second = if first { usize::MAX } else { at };
            std::mem::take(&mut first)
        });
        second
    }

    fn read_pieces(&self, team: &dyn Team, pieces: &[TablePiece], rows: &mut [PieceRows]) {
        if let ([piece], [rows]) = (pieces, &mut *rows) {
            return self.read_piece(piece, rows);
        }
        if pieces.is_empty() {
            return;
        }
        let (pieces, rows) = (pieces.split_at(pieces.len() / 2), rows.split_at_mut(pieces.len() / 2));
        team.join(&mut || self.read_pieces(team, pieces.0, rows.0), &mut || {
            self.read_pieces(team, pieces.1, rows.1);
        });
    }

    /// Reads a piece from the waiting cell on, until another one waits for a decision.
    fn read_piece(&self, piece: &TablePiece, rows: &mut PieceRows) {
        let Some(mut from) = rows.waits.take() else { return };
        piece.records(from.record, self.grammar.separator, |record, cells| {
            let column = std::mem::take(&mut from).column;
            let waits = self.read_record(cells, piece.at + record as u64, column, rows).err();
            rows.waits = waits.map(|column| WaitingCell { record, column });
            waits.is_none()
        });
    }

    /// Reads a record from a column on; an error is the column that needs a decision.
    fn read_record(
        &self,
        cells: &mut RecordCells<'_>,
        at: u64,
        from: usize,
        rows: &mut PieceRows,
    ) -> Result<(), usize> {
        if from == 0 && self.full(rows.inputs.len()) {
            return Err(0);
        }
        cells.take(from).for_each(drop);
        let columns = self.columns.iter().zip(&mut rows.tallies).enumerate().skip(from);
        for (i, (column, tally)) in columns {
            match column.role {
                Role::Skip => _ = cells.next().ok_or(i)?,
                Role::Class => {
                    let cell = cells.next().ok_or(i)?;
                    rows.classes.push(column.class(cell, at, &self.grammar, tally).ok_or(i)?);
                }
                Role::Input => rows.inputs.push(column.value(cells, at, &self.grammar, tally).ok_or(i)?),
                Role::Target => rows.targets.push(column.value(cells, at, &self.grammar, tally).ok_or(i)?),
            }
        }
        // A separator at the end of the line does not start another column.
        let mut more = cells.enumerate();
        if more.any(|(i, cell)| i >= self.trailing.max(1) || !cell.is_empty()) {
            return Err(self.columns.len());
        }
        rows.rows += 1;
        Ok(())
    }

    /// Whether there is no room for another row after this many inputs more.
    fn full(&self, inputs: usize) -> bool {
        self.inputs.len() + inputs + self.columns.len() > limits::DATA_NUMBERS
    }

    /// Adds the rows of a piece, and reads it to its end. A fault has its offset.
    fn add(&mut self, piece: &TablePiece, rows: &mut PieceRows) -> Result<(), (u64, String)> {
        // It was read before the pieces in front of it changed the kind of a column or filled the table.
        if rows.turned != self.turned || self.full(rows.inputs.len()) {
            let begin = rows.begin_at;
            rows.begin(self, begin);
            self.read_piece(piece, rows);
        }
        loop {
            self.inputs.append(&mut rows.inputs);
            self.targets.append(&mut rows.targets);
            self.classes.append(&mut rows.classes);
            self.rows += std::mem::take(&mut rows.rows);
            for (column, tally) in self.columns.iter_mut().zip(&mut rows.tallies) {
                column.tally.add(std::mem::take(tally));
            }
            let Some(cell) = rows.waits else { return Ok(()) };
            self.decide(piece, cell).map_err(|what| (piece.at + cell.record as u64, what))?;
            self.read_piece(piece, rows);
        }
    }

    /// Decides about a cell, so that reading can go on with it.
    fn decide(&mut self, piece: &TablePiece, waits: WaitingCell) -> Result<(), String> {
        if waits.column == 0 && self.full(0) {
            return Err(format!("more than {} numbers in all", limits::DATA_NUMBERS));
        }
        let mut decision = Ok(());
        piece.records(waits.record, self.grammar.separator, |_, cells| {
            let cells: Vec<&[u8]> = cells.collect();
            decision = match (self.columns.get_mut(waits.column), cells.get(waits.column)) {
                (Some(column), Some(cell)) => {
                    let of_texts = column.texts.is_some();
                    let decision = column.decide(cell, self.rows, &self.grammar);
                    self.turned += usize::from(column.texts.is_some() != of_texts);
                    decision
                }
                _ => Err(self.width_differs(cells.len())),
            };
            false
        });
        decision
    }

    /// The message about a record of `n` cells.
    fn width_differs(&self, n: usize) -> String {
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

impl PieceRows {
    /// Makes it ready for a piece to be read from this place on.
    fn begin(&mut self, table: &ReadTable, at: usize) {
        self.inputs.clear();
        self.targets.clear();
        self.classes.clear();
        self.tallies.clear();
        self.tallies.resize(table.columns.len(), ColumnTally::default());
        (self.rows, self.turned, self.begin_at) = (0, table.turned, at);
        self.waits = Some(WaitingCell { record: at, column: 0 });
    }
}

#[cfg(test)]
mod tests;
