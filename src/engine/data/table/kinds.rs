//! Decides from the first rows what the cells of each column are: numbers, texts or nothing, with a decimal point or a
//! decimal comma.

use super::cell::Grammar;
use super::decoration::{groups_or_decimals, ungrouped};
use super::numeral::number;
use super::separator::Separator;
use csv::ByteRecord;
use std::collections::BTreeSet;

/// With at most so many different words, those beside numbers stand for no value; with at most so many different
/// values, all of them are categories.
const MARKS: usize = 3;
const CATEGORIES: usize = 10;

/// The cells of a column in the first rows, counted by kind.
#[derive(Debug, Default)]
pub(super) struct Counts<'a> {
    /// Cells with a value.
    pub(super) values: usize,
    numbers: usize,
    /// Cells with a letter that are no numbers, and the different ones, as far as they count.
    words: usize,
    different_words: BTreeSet<&'a [u8]>,
    different_numbers: BTreeSet<&'a [u8]>,
}

impl<'a> Counts<'a> {
    pub(super) fn of(records: &'a [ByteRecord], column: usize, grammar: &Grammar) -> Self {
        let mut counts = Self::default();
        let add = |set: &mut BTreeSet<&'a [u8]>, cell| {
            if set.len() <= CATEGORIES {
                set.insert(cell);
            }
        };
        for cell in records.iter().filter_map(|r| r.get(column)).filter(|cell| !grammar.missing(cell)) {
            counts.values += 1;
            if number(cell, grammar.decimal_comma).is_some() {
                counts.numbers += 1;
                add(&mut counts.different_numbers, cell);
            } else if cell.iter().any(|b| b.is_ascii_alphabetic() || !b.is_ascii()) || signs_only(cell) {
                counts.words += 1;
                add(&mut counts.different_words, cell);
            }
        }
        counts
    }

    /// Whether it is a column of texts. Numbers with a few different words in between are not: the words probably stand
    /// for missing values.
    pub(super) fn texts(&self) -> bool {
        let (words, numbers) = (self.different_words.len(), self.different_numbers.len());
        let marks = words <= MARKS;
        let others = self.values - self.numbers;
        if 2 * others > self.values {
            return !(marks && others == self.words && numbers > CATEGORIES);
        }
        10 * self.words >= self.values && (!marks || (words > 1 && words + numbers <= CATEGORIES))
    }

    /// A text that makes a column of mostly numbers one of texts.
    pub(super) fn among_numbers(&self) -> Option<String> {
        let word = self.different_words.first().filter(|_| 2 * self.numbers >= self.values)?;
        Some(String::from_utf8_lossy(word).into_owned())
    }
}

/// Whether a cell has neither letters nor digits, such as `-`.
fn signs_only(cell: &[u8]) -> bool {
    !cell.iter().any(u8::is_ascii_digit)
}

/// The decimal mark of a table.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Decimals {
    pub(super) comma: bool,
    /// A warning, if a mark has two meanings.
    pub(super) doubt: Option<String>,
}

/// The numbers of a column by their marks.
#[derive(Default)]
struct Marked {
    commas: usize,
    points: usize,
    plain: usize,
    others: usize,
    /// Whether a comma cannot group thousands; a number whose comma can, and one whose point can.
    clear: bool,
    unclear: Option<String>,
    thousands: Option<String>,
    /// Whether a comma stands between thousands, and a point begins the decimals.
    grouped: bool,
}

/// The decimal mark: a comma, if some cells are numbers only with it, and no column has numbers with a point as well.
pub(super) fn decimals(records: &[ByteRecord], separator: Separator) -> Decimals {
    let width = records.first().map_or(0, ByteRecord::len);
    let columns: Vec<Marked> = (0..width).map(|c| marked(records, c)).collect();
    // A column of mostly texts says nothing of numbers.
    let numbers = || columns.iter().filter(|m| m.commas + m.points + m.plain >= m.others);
    let mixed = |m: &Marked| m.grouped || (m.commas > 0 && m.points > 0);
    let (clear, points) = (numbers().any(|m| m.clear), numbers().any(|m| m.points > 0));
    let unclear = numbers().filter(|m| !m.clear).find_map(|m| m.unclear.clone());
    let commas = numbers().any(|m| m.commas > 0);
    // Between quotes in a table with commas, or beside points, a comma before three digits may group thousands.
    let refused = !clear && (points || separator == Separator::Comma);
    let strange = separator == Separator::Comma && unclear.is_some();
    if !commas || refused || strange || numbers().any(mixed) {
        return Decimals::default();
    }
    let doubt = match unclear.filter(|_| !clear) {
        Some(cell) => Some(format!(
            "{cell} is read with a decimal comma; if the comma groups thousands, delete it; if not, decimal_comma: true \
             says so"
        )),
        None => numbers().find_map(|m| m.thousands.as_ref()).map(|cell| {
            format!(
                "{cell} is read with a decimal point, though other columns have a decimal comma; if the point groups \
                 thousands, delete it"
            )
        }),
    };
    Decimals { comma: true, doubt }
}

fn marked(records: &[ByteRecord], column: usize) -> Marked {
    let mut marked = Marked::default();
    let mut all_thousands = true;
    for cell in records.iter().filter_map(|r| r.get(column)).filter(|cell| !cell.is_empty()) {
        let text = || String::from_utf8_lossy(cell);
        match (number(cell, false), number(cell, true)) {
            (None, Some(_)) => {
                marked.commas += 1;
                if groups_or_decimals(&text()) {
                    marked.unclear.get_or_insert_with(|| text().into_owned());
                } else {
                    marked.clear = true;
                }
            }
            (Some(_), _) if cell.contains(&b'.') => {
                marked.points += 1;
                all_thousands &= groups_or_decimals(&text().replace('.', ","));
                if all_thousands {
                    marked.thousands.get_or_insert_with(|| text().into_owned());
                }
            }
            (Some(_), _) => marked.plain += 1,
            (None, None) => {
                marked.others += 1;
                let both = || cell.contains(&b'.') && cell.contains(&b',');
                marked.grouped |= cell.len() <= 40 && both() && ungrouped(&text(), '.').is_some();
            }
        }
    }
    marked.thousands = marked.thousands.filter(|_| all_thousands);
    marked
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(rows: &[&[&str]]) -> Vec<ByteRecord> {
        rows.iter().map(|row| ByteRecord::from(row.to_vec())).collect()
    }

    fn texts(cells: &[&str], rows: usize) -> bool {
        let grammar = Grammar::new(Separator::Comma, false, None, true, &[]);
        let rows: Vec<ByteRecord> =
            (0..rows).map(|i| ByteRecord::from(vec![cells[i % cells.len()].to_string()])).collect();
        Counts::of(&rows, 0, &grammar).texts()
    }

    #[test]
    fn kinds_are_decided_from_many_rows() {
        let numbers: Vec<String> = (0..40).map(|i| format!("0.{i}")).collect();
        let with = |more: &[&'static str]| {
            let mut cells: Vec<&str> = more.to_vec();
            cells.extend(numbers.iter().map(String::as_str));
            texts(&cells, 200)
        };
        assert!(!with(&[]) && !with(&["missing"]) && !with(&["-", "unknown"]));
        assert!(!with(&["missing"; 60]), "a mark may be more frequent than numbers");
        assert!(!with(&["0.1*", "0.2*", "0.3*", "0.4*", "0.5*", "0.6*"]), "numbers with a sign are no words");
        assert!(with(&["A 1", "A 2", "A 3", "B 4", "B 5", "B 6", "C 7"]));
        assert!(texts(&["1", "2", "3a", "3b", "4"], 200) && texts(&["red", "blue"], 10));
        assert!(texts(&["x", "1"], 3), "one number of three");
        assert!(!texts(&["", "NA"], 10));
    }

    #[test]
    fn a_decimal_comma_is_found_where_nothing_speaks_against_it() {
        let found = |rows: &[&[&str]], separator| {
            let Decimals { comma, doubt } = decimals(&records(rows), separator);
            (comma, doubt.is_some())
        };
        let semicolon = Separator::Semicolon;
        assert_eq!(found(&[&["a", "b"], &["1,5", "2"]], semicolon), (true, false));
        assert_eq!(found(&[&["1.5", "2,5"], &["1.5", "2,5"]], semicolon), (true, false), "a column each");
        assert_eq!(found(&[&["1.5", "x"], &["2,5", "x"]], semicolon), (false, false), "both in one column");
        assert_eq!(found(&[&["10,346", "x"], &["11,200", "x"]], semicolon), (true, true));
        assert_eq!(found(&[&["1,345.58"], &["1,345"]], semicolon), (false, false));
        assert_eq!(found(&[&["1,5", "1.440"], &["2,5", "2.000"]], semicolon), (true, true));
        assert_eq!(found(&[&["439,90", "1.5"]], Separator::Comma), (true, false));
        assert_eq!(found(&[&["1,440", "1.5"]], Separator::Comma), (false, false));
        assert_eq!(found(&[&["one, two", "1.5"]], Separator::Comma), (false, false));
    }
}
