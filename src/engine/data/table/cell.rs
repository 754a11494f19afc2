//! One cell: a number, a text, or missing.

use super::decoration::{Decoration, common};
use super::numeral::number;
use super::separator::Separator;
use crate::engine::data::by_value;
use std::collections::HashMap;

/// Cells that mark a missing value, as in pandas, and the `?` of UCI's tables.
const MARKS: &[&str] =
    &["?", "NA", "N/A", "#N/A", "NaN", "nan", "null", "NULL", "None", "n/a", "<NA>", "-nan", "-NaN"];

/// The format of the cells of a table.
#[derive(Clone, Debug)]
pub(super) struct Grammar {
    pub(super) separator: Separator,
    pub(super) decimal_comma: bool,
    pub(super) headings: Option<bool>,
    /// Whether the usual marks of a missing value count.
    usual: bool,
    /// The user's marks of a missing value, each with its number if it is one.
    marks: Vec<(String, Option<f64>)>,
}

impl Grammar {
    pub(super) fn new(
        separator: Separator,
        decimal_comma: bool,
        headings: Option<bool>,
        usual: bool,
        marks: &[String],
    ) -> Self {
        let one = |mark: &String| (mark.trim().to_string(), number(mark.trim().as_bytes(), decimal_comma));
        Self { separator, decimal_comma, headings, usual, marks: marks.iter().map(one).collect() }
    }

    /// The decimal mark.
    pub(super) fn decimal_mark(&self) -> u8 {
        if self.decimal_comma { b',' } else { b'.' }
    }

    /// Whether a cell marks a missing value.
    pub(super) fn missing(&self, cell: &[u8]) -> bool {
        cell.is_empty()
            || self.usual && cell.len() <= 4 && MARKS.iter().any(|m| m.as_bytes() == cell)
            || self.marks.iter().any(|(m, _)| m.as_bytes() == cell)
    }

    /// Whether a number marks a missing value: -200.0 if -200 is a mark.
    pub(super) fn missing_number(&self, x: f64) -> bool {
        self.marks.iter().any(|(_, n)| *n == Some(x))
    }
}

/// Texts in order of first appearance, each with its number. A fast hash is safe, since their number is limited.
#[derive(Debug, Default)]
pub(super) struct TextNumbers {
    of: HashMap<Box<[u8]>, u32, foldhash::fast::FixedState>,
}

impl TextNumbers {
    /// The number of a text, if it is known.
    pub(super) fn known(&self, text: &[u8]) -> Option<u32> {
        self.of.get(text).copied()
    }

    /// Gives the next number to a new text, unless there are `most` texts already.
    pub(super) fn add(&mut self, text: &str, most: usize) -> Option<u32> {
        let new = self.of.len();
        (new < most).then(|| {
            self.of.insert(text.as_bytes().into(), new as u32);
            new as u32
        })
    }

    fn all(&self) -> impl Iterator<Item = (&str, u32)> {
        self.of.iter().map(|(text, &n)| (std::str::from_utf8(text).unwrap_or_default(), n))
    }

    pub(super) fn len(&self) -> usize {
        self.of.len()
    }

    /// The texts sorted, numbers by value; and for each old number the new one.
    pub(super) fn sorted(&self, decimal_comma: bool) -> (Vec<String>, Vec<u32>) {
        let mut all: Vec<(&str, u32)> = self.all().collect();
        all.sort_unstable();
        by_value(&mut all, |(text, _)| number(text.as_bytes(), decimal_comma));
        let mut new = vec![0; all.len()];
        for (i, (_, old)) in all.iter().enumerate() {
            new[*old as usize] = i as u32;
        }
        (all.iter().map(|(text, _)| (*text).to_string()).collect(), new)
    }

    /// A text in which numbers are decorated, if nearly all texts are numbers.
    pub(super) fn decoration(&self, decimal_comma: bool) -> Option<(&str, Decoration)> {
        common(self.all().map(|(text, _)| text), decimal_comma)
    }

    /// Whether all texts are numbers, and whether one has a fraction.
    pub(super) fn numbers(&self, decimal_comma: bool) -> (bool, bool) {
        let mut values = self.all().map(|(text, _)| number(text.as_bytes(), decimal_comma));
        let mut fraction = false;
        let all = values.all(|x| {
            fraction |= x.is_some_and(|x| x.fract() != 0.0);
            x.is_some_and(f64::is_finite)
        });
        (all, fraction)
    }
}
