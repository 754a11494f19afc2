//! Numbers as spreadsheets print them: with a currency sign, a per cent sign, marks between thousands or a decimal
//! comma. They are not converted, since `1,440` has two meanings; messages name what was seen and the repair.

use super::numeral::number;

/// Signs that stand before or after a number.
const CURRENCIES: &[&str] = &["US$", "$", "€", "£", "¥", "₹", "USD", "EUR", "GBP", "CHF"];
const FOOTNOTES: &[char] = &['*', '†', '‡', '<', '>', '~', '≈', '#'];
/// Marks between groups of three digits.
const MARKS: &[char] = &[',', '.', ' ', '\'', '’', '_', '\u{a0}', '\u{2009}', '\u{202f}'];
/// A longer cell is a text.
const LONGEST: usize = 40;

/// The signs because of which a cell cannot be read as a number, and the remedy.
#[derive(Debug, PartialEq)]
pub(super) struct Decoration {
    /// The signs seen, such as `a currency sign`.
    pub(super) seen: String,
    /// The text to save instead, or the setting with which the cell can be read.
    pub(super) remedy: String,
}

/// The decoration of a number; `None` if the cell is a plain number or none at all.
pub(super) fn decoration(cell: &str, decimal_comma: bool) -> Option<Decoration> {
    if cell.len() > LONGEST || !cell.contains(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let (bare, mut seen) = bare_number(cell);
    let save = |plain: &str| format!("save it as {plain}");
    let is_number = |comma| number(bare.as_bytes(), comma).is_some();
    let own = if decimal_comma { ',' } else { '.' };
    let remedy = if is_number(decimal_comma) {
        save(&bare)
    } else if let Some(plain) = ungrouped(&bare, own) {
        if groups_or_decimals(&bare) {
            seen.push("a comma");
            format!(
                "if it groups thousands, {}; if it begins the decimals, write decimal_comma: true",
                save(&plain)
            )
        } else {
            seen.push("marks between thousands");
            save(&plain)
        }
    } else if !decimal_comma && is_number(true) {
        let also = if seen.is_empty() { String::new() } else { save(&bare) + " and " };
        seen.push("a decimal comma");
        format!("{also}write decimal_comma: true")
    } else {
        let plain = ungrouped(&bare, ',')?;
        seen.push("marks between thousands");
        save(&plain.replace(',', if decimal_comma { "," } else { "." }))
    };
    (!seen.is_empty()).then(|| Decoration { seen: seen.join(" and "), remedy })
}

/// The decoration of most of these texts, with an example, if nearly all of them are numbers.
pub(super) fn common<'a>(texts: impl Iterator<Item = &'a str>, comma: bool) -> Option<(&'a str, Decoration)> {
    let (mut all, mut numbers, mut found) = (0, 0, Vec::new());
    for text in texts {
        all += 1;
        match decoration(text, comma) {
            Some(decoration) => found.push((text, decoration)),
            None => numbers += usize::from(number(text.as_bytes(), comma).is_some()),
        }
    }
    if 10 * (numbers + found.len()) < 9 * all {
        return None;
    }
    // The longest description names every sign; equal ones are chosen by text, since texts come in no order.
    found.into_iter().max_by(|a, b| a.1.seen.len().cmp(&b.1.seen.len()).then_with(|| b.0.cmp(a.0)))
}

/// Whether the only mark of a number is a comma before three digits, so that it may group thousands or begin decimals.
pub(super) fn groups_or_decimals(cell: &str) -> bool {
    let digits = cell.trim_start_matches(['-', '+']);
    !digits.starts_with('0')
        && digits.split_once(',').is_some_and(|(whole, rest)| {
            let is_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
            (1..=3).contains(&whole.len()) && rest.len() == 3 && is_digits(whole) && is_digits(rest)
        })
}

/// The cell without signs around its number, and the signs removed.
fn bare_number(cell: &str) -> (String, Vec<&'static str>) {
    let (mut seen, mut minus, mut rest) = (Vec::new(), "", cell.trim());
    loop {
        if let Some(tail) = rest.strip_prefix(['-', '−']) {
            if rest.starts_with('−') {
                seen.push("a minus sign that is no hyphen");
            }
            (minus, rest) = ("-", tail.trim_start());
        } else if let Some(tail) = rest.strip_suffix(['-', '−']) {
            seen.push("a minus sign at its end");
            (minus, rest) = ("-", tail.trim_end());
        } else if let Some(inside) = rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
            seen.push("parentheses");
            (minus, rest) = ("-", inside.trim());
        } else if let Some(tail) =
            CURRENCIES.iter().find_map(|c| rest.strip_prefix(c).or_else(|| rest.strip_suffix(c)))
        {
            seen.push("a currency sign");
            rest = tail.trim();
        } else if let Some(tail) = rest.strip_suffix('%') {
            seen.push("a per cent sign");
            rest = tail.trim_end();
        } else if let Some(tail) = rest.strip_prefix(FOOTNOTES).or_else(|| rest.strip_suffix(FOOTNOTES)) {
            seen.push("a sign that is no part of a number");
            rest = tail.trim();
        } else {
            seen.dedup();
            return (format!("{minus}{rest}"), seen);
        }
    }
}

/// A number without the marks between its thousands; `None` if it has none.
pub(super) fn ungrouped(cell: &str, decimal: char) -> Option<String> {
    let digits = cell.trim_start_matches(['-', '+']);
    let (whole, fraction) = digits.split_once(decimal).map_or((digits, None), |(w, f)| (w, Some(f)));
    let mark = whole.chars().find(|c| !c.is_ascii_digit())?;
    let groups: Vec<&str> = whole.split(mark).collect();
    let is_digits = |text: &&str| text.bytes().all(|b| b.is_ascii_digit());
    let right = MARKS.contains(&mark)
        && mark != decimal
        && (1..=3).contains(&groups[0].len())
        && !(groups[0].starts_with('0'))
        && groups[1..].iter().all(|group| group.len() == 3)
        && groups.iter().all(is_digits)
        && fraction.as_ref().is_none_or(is_digits);
    let sign = &cell[..cell.len() - digits.len()];
    let fraction = fraction.map_or_else(String::new, |f| format!("{decimal}{f}"));
    right.then(|| format!("{sign}{}{fraction}", groups.concat()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_around_numbers_are_named_with_a_repair() {
        for (cell, comma, seen, remedy) in [
            ("$439.90", false, "a currency sign", "save it as 439.90"),
            ("-$5", false, "a currency sign", "save it as -5"),
            ("−0.28", false, "a minus sign that is no hyphen", "save it as -0.28"),
            ("1.09-", false, "a minus sign at its end", "save it as -1.09"),
            ("(1.09)", false, "parentheses", "save it as -1.09"),
            ("38 €", false, "a currency sign", "save it as 38"),
            ("42%", false, "a per cent sign", "save it as 42"),
            ("12.3*", false, "a sign that is no part of a number", "save it as 12.3"),
            ("1,234.56", false, "marks between thousands", "save it as 1234.56"),
            ("1 234,5", true, "marks between thousands", "save it as 1234,5"),
            ("1.439,90", true, "marks between thousands", "save it as 1439,90"),
            ("1.439,90", false, "marks between thousands", "save it as 1439.90"),
            ("439,90", false, "a decimal comma", "write decimal_comma: true"),
            ("0,346", false, "a decimal comma", "write decimal_comma: true"),
            ("$1,440.50", false, "a currency sign and marks between thousands", "save it as 1440.50"),
            (
                "1,440",
                false,
                "a comma",
                "if it groups thousands, save it as 1440; if it begins the decimals, write decimal_comma: true",
            ),
        ] {
            let wanted = Decoration { seen: seen.into(), remedy: remedy.into() };
            assert_eq!(decoration(cell, comma), Some(wanted), "{cell}");
        }
        for cell in
            ["12.5", "-3", "1e5", "missing", "3a", "A*", "2020-01-03", "10:30", "1.2.3", "$", "", "1,23,456"]
        {
            assert_eq!(decoration(cell, false), None, "{cell}");
        }
    }

    #[test]
    fn a_column_is_decorated_if_nearly_all_of_it_is() {
        let of = |texts: &[&'static str]| common(texts.iter().copied(), false).map(|(text, _)| text);
        assert_eq!(of(&["0", "$2", "$1", "$1,000.5"]), Some("$1,000.5"));
        assert_eq!(of(&["red", "$2", "$1"]), None);
        assert_eq!(of(&["1", "2"]), None);
    }
}
