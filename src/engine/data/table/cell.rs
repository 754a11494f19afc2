//! One cell: a number, a text, or missing.

use super::form::Separator;
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
    /// The user's marks of a missing value, each with its number if it is one.
    marks: Option<Vec<(String, Option<f64>)>>,
}

impl Grammar {
    pub(super) fn new(
        separator: Separator,
        decimal_comma: bool,
        headings: Option<bool>,
        marks: &[String],
    ) -> Self {
        let one = |mark: &String| (mark.trim().to_string(), number(mark.trim().as_bytes(), decimal_comma));
        let marks = (!marks.is_empty()).then(|| marks.iter().map(one).collect());
        Self { separator, decimal_comma, headings, marks }
    }

    /// Whether a cell marks a missing value.
    pub(super) fn missing(&self, cell: &[u8]) -> bool {
        cell.is_empty()
            || match &self.marks {
                None => cell.len() <= 4 && MARKS.iter().any(|m| m.as_bytes() == cell),
                Some(marks) => marks.iter().any(|(m, _)| m.as_bytes() == cell),
            }
    }

    /// Whether a number marks a missing value: -200.0 if -200 is a mark.
    pub(super) fn missing_number(&self, x: f64) -> bool {
        self.marks.as_ref().is_some_and(|marks| marks.iter().any(|(_, n)| *n == Some(x)))
    }
}

/// A cell as a number.
pub(super) fn number(cell: &[u8], decimal_comma: bool) -> Option<f64> {
    let parse = |cell: &[u8]| std::str::from_utf8(cell).ok()?.parse().ok();
    if !decimal_comma || !cell.contains(&b',') {
        return parse(cell);
    }
    if cell.contains(&b'.') || cell.len() > 40 {
        return None;
    }
    let point: Vec<u8> = cell.iter().map(|&b| if b == b',' { b'.' } else { b }).collect();
    parse(&point)
}

/// Texts in order of first appearance, each with its number.
#[derive(Debug, Default)]
pub(super) struct Texts {
    of: HashMap<String, u32>,
}

impl Texts {
    /// The number of a text. A new text gets the next number, unless there are `most` texts already.
    pub(super) fn number(&mut self, text: &str, most: usize) -> Option<u32> {
        if let Some(&known) = self.of.get(text) {
            return Some(known);
        }
        let new = self.of.len();
        (new < most).then(|| {
            self.of.insert(text.into(), new as u32);
            new as u32
        })
    }

    pub(super) fn len(&self) -> usize {
        self.of.len()
    }

    /// The texts sorted, numbers by value; and for each old number the new one.
    pub(super) fn sorted(&self, decimal_comma: bool) -> (Vec<String>, Vec<u32>) {
        let value = |text: &str| number(text.as_bytes(), decimal_comma).filter(|x| x.is_finite());
        let mut all: Vec<(&str, u32)> = self.of.iter().map(|(text, &n)| (text.as_str(), n)).collect();
        all.sort_unstable();
        if all.iter().all(|(text, _)| value(text).is_some()) {
            all.sort_by(|a, b| value(a.0).partial_cmp(&value(b.0)).unwrap_or(std::cmp::Ordering::Equal));
        }
        let mut new = vec![0; all.len()];
        for (i, (_, old)) in all.iter().enumerate() {
            new[*old as usize] = i as u32;
        }
        (all.iter().map(|(text, _)| (*text).to_string()).collect(), new)
    }

    /// Whether all texts are numbers, and whether one has a fraction.
    pub(super) fn numbers(&self, decimal_comma: bool) -> (bool, bool) {
        let mut values = self.of.keys().map(|text| number(text.as_bytes(), decimal_comma));
        let mut fraction = false;
        let all = values.all(|x| {
            fraction |= x.is_some_and(|x| x.fract() != 0.0);
            x.is_some_and(f64::is_finite)
        });
        (all, fraction)
    }
}
