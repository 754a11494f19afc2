//! Determines the format of a table from its first lines: the separator, and whether there is a heading line.

use super::TableFault;
use super::bytes::NUL;
use super::cell::Grammar;
use super::numeral::number;
use super::separator::Separator;
use crate::engine::data::magic::other_format;
use csv::ByteRecord;
use std::collections::BTreeSet;

/// With fewer rows below it, numbers in the first line are not taken for headings by comparison.
const ROWS: usize = 10;

/// The first lines that are complete and not empty.
fn lines(head: &[u8], whole: bool) -> Vec<&[u8]> {
    let mut lines: Vec<&[u8]> = head.split(|b| matches!(b, b'\n' | b'\r')).collect();
    if !whole && lines.len() > 1 {
        lines.pop();
    }
    lines.retain(|line| !line.trim_ascii().is_empty());
    lines.truncate(100);
    lines
}

/// The cells of a line, with quotes respected.
fn cells(line: &[u8], separator: Separator) -> Vec<&[u8]> {
    let blanks = separator == Separator::Blanks;
    let (mut out, mut begin, mut open) = (Vec::new(), 0, false);
    for (i, &byte) in line.iter().enumerate() {
        open ^= byte == b'"';
        let splits = byte == separator.byte() || (blanks && byte == b'\t');
        if splits && !open {
            out.push(&line[begin..i]);
            begin = i + 1;
        }
    }
    out.push(&line[begin..]);
    if blanks {
        out.retain(|cell| !cell.is_empty());
    } else if out.len() > 1 && out.last().is_some_and(|cell| cell.trim_ascii().is_empty()) {
        out.pop();
    }
    out
}

/// The separator on which the first lines agree; a comma if they agree on none.
pub fn separator(head: &[u8], whole: bool) -> Separator {
    let lines = lines(head, whole);
    let columns = |s: Separator| {
        let mut counts = lines.iter().map(|line| cells(line, s).len());
        let first = counts.next().unwrap_or(0);
        (first >= 2 && counts.all(|n| n == first)).then_some(first)
    };
    let plain = [Separator::Semicolon, Separator::Tab, Separator::Comma, Separator::Bar];
    let agreed = plain.into_iter().find(|&s| columns(s).is_some());
    // If spaces split the cells further, numbers are separated by spaces and the separator found only precedes a final
    // text.
    let blanks = columns(Separator::Blanks).is_some_and(|n| n > agreed.and_then(columns).unwrap_or(1));
    let numbers_inside = || {
        let within = |cell: &&[u8]| {
            let parts = cells(cell, Separator::Blanks);
            parts.len() > 1 && parts.iter().all(|p| number(p, false).is_some())
        };
        agreed.is_none_or(|s| lines.last().is_some_and(|line| cells(line, s).iter().any(within)))
    };
    let most = |&s: &Separator| lines.first().map_or(0, |line| cells(line, s).len());
    match agreed {
        _ if blanks && numbers_inside() => Separator::Blanks,
        Some(separator) => separator,
        // If lines differ in length, the separator that splits the first line most is used; the faulty lines are
        // reported later.
        None => plain.into_iter().rev().filter(|s| most(s) > 1).max_by_key(most).unwrap_or(Separator::Comma),
    }
}

/// Whether this separator occurs in the first line.
pub(super) fn splits(head: &[u8], whole: bool, separator: Separator) -> bool {
    lines(head, whole).first().is_some_and(|line| cells(line, separator).len() > 1)
}

/// Whether the first record is the heading line, and whether that is doubtful.
pub(super) fn headings(records: &[ByteRecord], grammar: &Grammar, named: &[&str]) -> (bool, bool) {
    let Some((first, body)) = records.split_first() else { return (false, false) };
    if let Some(set) = grammar.headings {
        return (set, false);
    }
    if named.iter().any(|name| first.iter().any(|cell| cell == name.as_bytes())) {
        return (true, false);
    }
    let is_number = |cell: &[u8]| number(cell, grammar.decimal_comma).is_some();
    let is_text = |cell: &[u8]| !is_number(cell) && !grammar.missing(cell);
    let numbers = first.iter().filter(|cell| is_number(cell)).count();
    if numbers == 0 && body.is_empty() {
        return (true, false);
    }
    let over_numbers = |(c, cell): (usize, &[u8])| {
        let below = body.iter().filter_map(|row| row.get(c)).filter(|cell| !grammar.missing(cell));
        let (mut all, mut of_them) = (0, 0);
        below.for_each(|cell| (all, of_them) = (all + 1, of_them + usize::from(is_number(cell))));
        is_text(cell) && of_them * 2 > all
    };
    // If headings contain numbers, they are whole and distinct, as when pandas numbers columns.
    let whole: Vec<&[u8]> = first.iter().filter(|cell| is_number(cell)).collect();
    let counts = whole
        .iter()
        .enumerate()
        .all(|(i, cell)| cell.iter().all(u8::is_ascii_digit) && !whole[..i].contains(cell));
    if counts && first.iter().enumerate().any(over_numbers) {
        return (true, numbers > 0);
    }
    // pandas leaves the heading of its index empty, and numbers columns without names.
    let indexed = first.len() > 2
        && first.get(0).is_some_and(<[u8]>::is_empty)
        && first.iter().skip(1).enumerate().all(|(i, cell)| cell == i.to_string().as_bytes())
        && body.iter().all(|row| row.get(0).is_some_and(|cell| !cell.is_empty()));
    if indexed {
        return (true, false);
    }
    if numbers == 0 {
        let again = |(c, cell): (usize, &[u8])| body.iter().any(|row| row.get(c) == Some(cell));
        return (!first.iter().enumerate().any(again), false);
    }
    let running = first.iter().enumerate().all(|(i, cell)| cell == i.to_string().as_bytes());
    if running && first.len() > 2 {
        return (true, true);
    }
    let texts = numbers < first.len() && over_categories(first, body, grammar);
    (counts && texts, counts && (texts || far_from_column(first, body, grammar)))
}

/// Whether no cell of a line occurs again in its column, and its texts stand over texts that are repeated: `kind` over
/// `red` and `blue`.
fn over_categories(first: &ByteRecord, body: &[ByteRecord], grammar: &Grammar) -> bool {
    let unlike = |(c, cell): (usize, &[u8])| {
        let below = || body.iter().filter_map(|row| row.get(c));
        let repeated = || below().collect::<BTreeSet<_>>().len() * 2 <= body.len();
        below().all(|other| other != cell)
            && (number(cell, grammar.decimal_comma).is_some() || grammar.missing(cell) || repeated())
    };
    body.len() >= ROWS && first.iter().enumerate().all(unlike)
}

/// Whether a line of numbers lies far outside the range of the numbers below each of them.
fn far_from_column(first: &ByteRecord, body: &[ByteRecord], grammar: &Grammar) -> bool {
    let far = |(c, cell): (usize, &[u8])| {
        let value = |cell| number(cell, grammar.decimal_comma);
        let below = body.iter().filter_map(|row| row.get(c)).filter_map(value);
        let (low, high) = below.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), x| (x.min(l), x.max(h)));
        value(cell).is_some_and(|x| x < low - (high - low) || x > high + (high - low))
    };
    body.len() >= ROWS && first.iter().enumerate().all(far)
}

/// Refuses a first line that is no part of the table: Excel's `sep=;`, or a comment.
pub(super) fn preamble(head: &[u8], whole: bool) -> Result<(), TableFault> {
    let lines = lines(head, whole);
    let Some(first) = lines.first() else { return Ok(()) };
    let line = Some(1);
    if first.len() < 8 && first.to_ascii_lowercase().starts_with(b"sep=") {
        let what = "this line tells Excel the separator and is no part of the table; delete it";
        return Err((line, what.into()));
    }
    // Headings may begin with # as well, but then they have the cells of the line below.
    let separator = separator(&lines[usize::from(lines.len() > 1)..].join(&b'\n'), true);
    let below = lines.iter().find(|line| !line.starts_with(b"#"));
    let differs = below.is_none_or(|below| cells(first, separator).len() != cells(below, separator).len());
    if first.starts_with(b"#") && differs {
        return Err((line, "a comment; delete the lines that begin with #".into()));
    }
    Ok(())
}

/// Refuses a file that is not text, by its first bytes.
pub(super) fn text(head: &[u8]) -> Result<(), TableFault> {
    if let Some(remedy) = other_format(head) {
        return Err((None, remedy.into()));
    }
    if let Some(at) = memchr::memchr(0, head) {
        let line = memchr::memchr_iter(b'\n', &head[..at]).count() as u64 + 1;
        return Err((Some(line), NUL.into()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_separator_that_all_lines_agree_on_is_found() {
        for (text, wanted) in [
            ("a,b\n1,2\n", Separator::Comma),
            ("a;b\n1,5;2\n3,5;4\n", Separator::Semicolon),
            ("1,5;2,5;0\n1,5;2,5;1\n", Separator::Semicolon),
            ("a\tb\nNew York\t2\n", Separator::Tab),
            ("John Smith\t2\nAnn Lee\t3\n", Separator::Tab),
            ("a|b\n1|2\n", Separator::Bar),
            (
                " 18.0   8  307.0\t\"chevrolet malibu\"\n 15.0   8  350.0\t\"buick skylark 320\"\n",
                Separator::Blanks,
            ),
            ("2 1 530101 38.50 \n1 1 534817 ? \n", Separator::Blanks),
            ("\"x;y\",b\n1,2\n", Separator::Comma),
            ("1,2,0\n1,2\n", Separator::Comma),
            ("a,b,\n1,2,\n", Separator::Comma),
            ("1\n2\n", Separator::Comma),
        ] {
            assert_eq!(separator(text.as_bytes(), true), wanted, "{text:?}");
        }
    }

    #[test]
    fn lines_before_the_table_are_refused_with_a_remedy() {
        let fault = |text: &str| preamble(text.as_bytes(), true).err().map_or_else(String::new, |f| f.1);
        assert!(fault("sep=;\na;b\n1;2\n").contains("delete it"));
        assert!(fault("# made 2020\na,b\n1,2\n").contains("begin with #"));
        assert!(fault("# 1, 2, and 3\n# more\na,b\n1,2\n").contains("begin with #"));
        assert_eq!(fault("#id,b\n1,2\n"), "");
        assert_eq!(fault("a,b\n#1,2\n"), "");
    }
}
