//! Finds the numbers in a text. A number cut in the middle is another number: `-5.9e-10` would read `-5.9e-1`.

use std::ops::Range;

/// The numbers of a text, as ranges of bytes: digits with sign, point, thousands, exponent, and a unit without a space
/// before it (`12k`, `31%`); also `12.5 %`, because without its sign it would be another quantity.
pub fn numerals(text: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        let first = at + text[at..].find(|c: char| c.is_ascii_digit())?;
        let bytes = text.as_bytes();
        let digit = |i: usize| bytes.get(i).is_some_and(u8::is_ascii_digit);
        // A sign belongs to the number unless it connects two words or numbers, as in 1-2.
        let signed = first > at && matches!(bytes[first - 1], b'-' | b'+');
        let joins = first >= 2 && (bytes[first - 2].is_ascii_alphanumeric() || bytes[first - 2] == b'%');
        let start = if signed && !joins { first - 1 } else { first };
        let mut end = first;
        while digit(end) || matches!(bytes.get(end), Some(b'.' | b',')) && digit(end + 1) {
            end += 1;
        }
        if matches!(bytes.get(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(bytes.get(end + 1), Some(b'-' | b'+')));
            if digit(end + 1 + sign) {
                end += 1 + sign;
                while digit(end) {
                    end += 1;
                }
            }
        }
        let rest = &text[end..];
        let unit = [" %", "%", "k", "M", "G"].into_iter().find(|unit| {
            let after = rest.strip_prefix(unit).map(|r| r.starts_with(|c: char| c.is_ascii_alphanumeric()));
            after == Some(false)
        });
        end += unit.map_or(0, str::len);
        at = end;
        Some(start..end)
    })
}

#[cfg(test)]
pub use log::{record, recorded};

/// Records each written number with its position, so that a test can read every number of a picture back.
#[cfg(test)]
mod log {
    use std::cell::RefCell;

    /// Column, row and whole text of something written.
    pub type Written = (u16, u16, String);

    thread_local! {
        static LOG: RefCell<Option<Vec<Written>>> = const { RefCell::new(None) };
    }

    /// Records a text before anything is cut.
    pub fn record(x: u16, y: u16, text: &str) {
        LOG.with_borrow_mut(|log| {
            if let Some(log) = log {
                log.push((x, y, text.to_owned()));
            }
        });
    }

    /// Everything written while `draw` ran.
    pub fn recorded(draw: impl FnOnce()) -> Vec<Written> {
        LOG.set(Some(Vec::new()));
        draw();
        LOG.take().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<&str> {
        numerals(text).map(|r| &text[r]).collect()
    }

    #[test]
    fn numbers_are_found_with_their_signs_exponents_and_units() {
        assert_eq!(found("Δθ -5.9e-10"), ["-5.9e-10"]);
        assert_eq!(found("step 1,240 of 12k, 31% or 94 % of all"), ["1,240", "12k", "31%", "94 %"]);
        assert_eq!(found("96.4-97.2% 8x8 L2 1.5 kernel"), ["96.4", "97.2%", "8", "8", "2", "1.5"]);
        assert_eq!(found("1e5x, 3.e2 nan - 4"), ["1e5", "3", "2", "4"]);
        assert_eq!(found("no number"), [""; 0]);
    }
}
