//! One column during reading: what its cells are, and what they add up to.
//!
//! Most cells are read without a change of the column, by several threads at the same time: into a tally, which is then
//! added to the column. The others, such as a new text or a fault, wait for a decision that follows the order of rows.

use super::cell::{Grammar, TextNumbers};
use super::decoration::{Decoration, decoration};
use super::kinds::Counts;
use super::look::{truth, unseen, visible};
use super::numeral::number;
use super::pieces::RecordCells;
use crate::engine::data::reading::Rounding;
use crate::limits;
use crate::text::excerpt;

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
    /// All cells so far.
    pub(super) tally: ColumnTally,
}

/// Counts and sums over some cells of a column. Threads fill one each, and they are added in the order of the file.
#[derive(Clone, Debug)]
pub(super) struct ColumnTally {
    /// Number of missing cells, and the offset and the content of the first one.
    pub(super) missing: usize,
    pub(super) first_missing: Option<(u64, String)>,
    /// Number of numbers, the first and the last one, and whether each is one more than the previous.
    numbers: usize,
    first: f64,
    last: f64,
    counts: bool,
    /// The range of its numbers, and the largest change when they became 32-bit numbers.
    rounding: Rounding,
    /// A number that begins with 0, as codes do.
    code: Option<String>,
}

impl Default for ColumnTally {
    fn default() -> Self {
        Self {
            missing: 0,
            first_missing: None,
            numbers: 0,
            first: 0.0,
            last: 0.0,
            counts: true,
            rounding: Rounding::default(),
            code: None,
        }
    }
}

impl ColumnTally {
    fn missing(&mut self, cell: &[u8], at: u64) -> f32 {
        self.missing += 1;
        if self.first_missing.is_none() {
            self.first_missing = Some((at, String::from_utf8_lossy(cell).into_owned()));
        }
        f32::NAN
    }

    fn number(&mut self, x: f64, cell: &[u8]) -> f32 {
        if self.numbers == 0 {
            self.first = x;
        } else {
            self.counts &= x == self.last + 1.0;
        }
        (self.last, self.numbers) = (x, self.numbers + 1);
        self.rounding.add(x);
        if let [b'0', _, _, ..] = cell
            && self.code.is_none()
            && cell.iter().all(u8::is_ascii_digit)
        {
            self.code = Some(String::from_utf8_lossy(cell).into_owned());
        }
        x as f32
    }

    /// Adds the cells that follow.
    pub(super) fn add(&mut self, next: Self) {
        self.missing += next.missing;
        self.first_missing = self.first_missing.take().or(next.first_missing);
        if next.numbers > 0 {
            self.counts &= next.counts && (self.numbers == 0 || next.first == self.last + 1.0);
            if self.numbers == 0 {
                self.first = next.first;
            }
            (self.last, self.numbers) = (next.last, self.numbers + next.numbers);
        }
        self.rounding.join(&next.rounding);
        self.code = self.code.take().or(next.code);
    }

    /// Whether each number is one more than the previous one; a column that begins with a year may be one of years.
    pub(super) fn counts_rows(&self) -> bool {
        self.counts && self.first.fract() == 0.0 && !(1500.0..2200.0).contains(&self.first)
    }
}

impl ReadColumn {
    pub(super) fn new(name: String, role: Role, stated: bool, counts: &Counts<'_>) -> Self {
        let of_texts = role == Role::Input && (stated || counts.texts());
        Self {
            name,
            role,
            texts: (role == Role::Class || of_texts).then(TextNumbers::default),
            stated,
            vacant: counts.values == 0,
            among_numbers: counts.among_numbers().filter(|_| of_texts),
            overflow: false,
            tally: ColumnTally::default(),
        }
    }

    /// The number of an input or a target; `None` if there is no cell, or if [`Self::decide`] must come first.
    pub(super) fn value(
        &self,
        cells: &mut RecordCells<'_>,
        at: u64,
        grammar: &Grammar,
        tally: &mut ColumnTally,
    ) -> Option<f32> {
        if self.texts.is_none()
            && let Some((cell, x)) = cells.number(grammar.decimal_mark())
        {
            let missing = grammar.missing_number(x);
            return Some(if missing { tally.missing(cell, at) } else { tally.number(x, cell) });
        }
        let cell = cells.next()?;
        if let Some(texts) = &self.texts {
            return match texts.known(cell) {
                Some(known) => Some(known as f32),
                None if grammar.missing(cell) => Some(tally.missing(cell, at)),
                None => (self.overflow && std::str::from_utf8(cell).is_ok()).then_some(0.0),
            };
        }
        match number(cell, grammar.decimal_comma) {
            Some(x) if (x as f32).is_finite() && !grammar.missing_number(x) => Some(tally.number(x, cell)),
            Some(x) if grammar.missing_number(x) => Some(tally.missing(cell, at)),
            _ => grammar.missing(cell).then(|| tally.missing(cell, at)),
        }
    }

    /// The number of a class; `None` if [`Self::decide`] must come first.
    pub(super) fn class(
        &self,
        cell: &[u8],
        at: u64,
        grammar: &Grammar,
        tally: &mut ColumnTally,
    ) -> Option<u32> {
        if let Some(known) = self.texts.as_ref().and_then(|texts| texts.known(cell)) {
            return Some(known);
        }
        let number = || number(cell, grammar.decimal_comma).is_some_and(|x| grammar.missing_number(x));
        (grammar.missing(cell) || number()).then(|| {
            tally.missing(cell, at);
            u32::MAX
        })
    }

    /// Decides about a cell that has no number: it is a new text, or a fault. `row` is the number of rows before.
    pub(super) fn decide(&mut self, cell: &[u8], row: usize, grammar: &Grammar) -> Result<(), String> {
        // An earlier piece may have brought it in the meantime.
        if self.texts.as_ref().is_some_and(|texts| texts.known(cell).is_some()) {
            return Ok(());
        }
        if self.texts.is_none() && self.role != Role::Class {
            if let Some(x) = number(cell, grammar.decimal_comma) {
                let what = if x.is_finite() {
                    "is beyond 3.4e38, the largest 32-bit number; divide the column in the file"
                } else {
                    "is not a finite number"
                };
                return Err(self.wrong(cell, what));
            }
            if !self.vacant || self.tally.numbers > 0 || self.role != Role::Input {
                return Err(self.no_number(cell, row, grammar));
            }
        }
        let Ok(text) = std::str::from_utf8(cell) else {
            return Err(self.wrong(cell, "is not UTF-8; save the file as UTF-8"));
        };
        let (long, texts) = (text.len() > limits::NAME_CHARS, self.texts.get_or_insert_default());
        if self.role != Role::Class {
            self.overflow = self.overflow || long || texts.add(text, TEXTS).is_none();
            return Ok(());
        }
        if long {
            return Err(format!("a label of {} bytes; 1 to {}", text.len(), limits::NAME_CHARS));
        }
        texts.add(text, limits::CLASSES).map(|_| ()).ok_or_else(|| {
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
        if let Some(name) = unseen(&text)
            && number(visible(&text).as_bytes(), grammar.decimal_comma).is_some()
        {
            return self.wrong(cell, &format!("is no number, since it holds {name}; delete it in the file"));
        }
        if truth(&text).is_some() {
            return self.wrong(cell, "is no number; write 1 for True and 0 for False in the whole column");
        }
        if text == self.name.as_str() {
            return self.wrong(cell, "is the heading once more; delete this line");
        }
        if self.role == Role::Target && self.tally.numbers == 0 {
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
        if let Some(rounded) = self.tally.rounding.words(&name) {
            return Some(rounded);
        }
        let code = self.tally.code.as_ref().filter(|_| self.role == Role::Input)?;
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
