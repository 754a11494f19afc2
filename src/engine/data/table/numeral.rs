//! Reads a cell as a number.

/// A cell as a number.
pub(super) fn number(cell: &[u8], decimal_comma: bool) -> Option<f64> {
    if let Some(x) = short(cell, if decimal_comma { b',' } else { b'.' }) {
        return Some(x);
    }
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

/// A number of few digits without an exponent, such as -12.5, in a fraction of the time that the standard library
/// takes.
fn short(cell: &[u8], mark: u8) -> Option<f64> {
    let (x, len) = short_at(cell, mark)?;
    (len == cell.len()).then_some(x)
}

/// The short number with which these bytes begin, and its length. Both halves of the quotient are exact, so it is
/// rounded once and equals that of the standard library.
pub(super) fn short_at(bytes: &[u8], mark: u8) -> Option<(f64, usize)> {
    let digits = bytes.strip_prefix(b"-").unwrap_or(bytes);
    let (mut whole, mut point, mut len) = (0_u64, None, 0);
    // No more digits than 2^53 has.
    for &byte in digits.iter().take(17) {
        let digit = byte.wrapping_sub(b'0');
        if digit < 10 {
            whole = whole * 10 + u64::from(digit);
        } else if byte == mark && point.is_none() && len > 0 {
            point = Some(len);
        } else {
            break;
        }
        len += 1;
    }
    if len == 0 || len > 16 || whole >= 1 << 53 {
        return None;
    }
    let mut x = whole as f64;
    if let Some(point) = point {
        x /= POWERS[len - point - 1];
    }
    let minus = bytes.len() > digits.len();
    Some(if minus { (-x, len + 1) } else { (x, len) })
}

/// The powers of ten up to the digits that a short number has; all of them are exact.
const POWERS: [f64; 16] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::sample::Index;
    use proptest::test_runner::{Config, RngSeed, TestRunner};

    #[test]
    fn short_numbers_are_those_of_the_standard_library() {
        let same = |text: &str| {
            let (ours, std) = (number(text.as_bytes(), false), text.parse::<f64>().ok());
            assert_eq!(ours.map(f64::to_bits), std.map(f64::to_bits), "{text}");
        };
        for text in [
            "",
            "-",
            ".",
            "-.",
            "0",
            "-0",
            "-0.0",
            "5.",
            ".5",
            "1.2.3",
            "1e5",
            "+3",
            "--1",
            "1,5",
            "inf",
            "0x1",
            "9007199254740991",
            "9007199254740992",
            "9007199254740993",
            "9999999999999999",
            "12345678901234567",
            "0.00000000000001",
            "999999999999.995",
        ] {
            same(text);
        }
        let seed = RngSeed::Fixed(1);
        let config = Config { cases: 20_000, failure_persistence: None, rng_seed: seed, ..Config::default() };
        let numbers = (any::<u64>(), 0..64u32, any::<Index>());
        let read = TestRunner::new(config).run(&numbers, |(digits, shorter, point)| {
            let mut text = (digits >> shorter).to_string();
            text.insert(point.index(text.len() + 1), '.');
            same(&text);
            same(&format!("-{text}"));
            Ok(())
        });
        read.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!([number(b"-1,5", true), number(b"1.5", true)], [Some(-1.5), Some(1.5)]);
    }
}
