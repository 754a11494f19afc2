//! The NPY format: a header with type, order and sizes, then the numbers.
//!
//! Parsed here and not by the crate `npyz`, which allocates as much memory as a header promises (up to 4 GiB) before it
//! checks that the bytes exist, parses headers of any nesting, and does not know bfloat16.

use crate::engine::data::idx::{count, wide};
use crate::engine::data::magic::other_format;
use crate::engine::data::reading::Rounding;
use crate::text::excerpt;

/// The contents of an array.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum NpyValues {
    /// Numbers; NaN marks a missing one.
    Numbers(Vec<f32>),
    /// Texts.
    Texts(Vec<String>),
}

/// An array read from a file, row-major.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct NpyArray {
    /// Sizes, the number of samples first.
    pub(super) sizes: Vec<usize>,
    /// Its contents.
    pub(super) values: NpyValues,
    /// The loss of precision for each number of a sample; empty if the file stores at most 32 bits.
    pub(super) losses: Vec<RoundingLoss>,
}

/// The precision that some numbers lost when they were rounded to 32 bits.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct RoundingLoss {
    pub(super) rounding: Rounding,
    /// A whole number that became another one.
    pub(super) whole: Option<i128>,
}

/// The most numbers of a sample whose losses are measured separately; those of a larger sample share one measurement.
const COLUMNS: usize = 4096;

/// Measures the loss of precision in a file, separately for each number of a sample.
fn losses(letter: u8, width: usize, body: &[u8], sizes: &[usize], by_columns: bool) -> Vec<RoundingLoss> {
    if width < 4 || !matches!((letter, width), (b'i' | b'u', 4 | 8) | (b'f', 8)) {
        return Vec::new();
    }
    let each = sizes[1..].iter().product::<usize>().max(1);
    let columns = if each > COLUMNS { 1 } else { each };
    let mut losses = vec![RoundingLoss::default(); columns];
    for (i, bytes) in body.chunks_exact(width).enumerate() {
        let low = |n: usize| bytes[..n].iter().rev().fold(0_u64, |all, b| all << 8 | u64::from(*b));
        let whole = match (letter, width) {
            (b'i', 4) => Some(i128::from(low(4) as u32 as i32)),
            (b'i', _) => Some(i128::from(low(8) as i64)),
            (b'u', n) => Some(i128::from(low(n))),
            _ => Some(f64::from_bits(low(8))).filter(|x| x.fract() == 0.0).map(|x| x as i128),
        };
        let x = if letter == b'f' { f64::from_bits(low(8)) } else { whole.unwrap_or_default() as f64 };
        // In column order, the samples run fastest.
        let column = if by_columns { i / sizes[0].max(1) } else { i };
        let loss = &mut losses[column % columns];
        if x.is_finite() {
            loss.rounding.add(x);
        }
        if loss.whole.is_none() {
            loss.whole = whole.filter(|whole| *whole as f32 as i128 != *whole);
        }
    }
    losses
}

impl NpyArray {
    /// Keeps the rows for which `keep` is set.
    pub(super) fn keep(&mut self, keep: &[bool]) {
        fn kept<T: Clone>(values: &mut Vec<T>, each: usize, keep: &[bool]) {
            let rows = values.chunks_exact(each.max(1)).zip(keep).filter(|(_, keep)| **keep);
            *values = rows.flat_map(|(row, _)| row.iter().cloned()).collect();
        }
        let each = self.sizes[1..].iter().product();
        match &mut self.values {
            NpyValues::Numbers(values) => kept(values, each, keep),
            NpyValues::Texts(values) => kept(values, each, keep),
        }
        self.sizes[0] = keep.iter().filter(|keep| **keep).count();
    }
}

/// Most bytes of a header that are read.
const HEADER: usize = 65_536;

/// Reads an NPY file.
///
/// # Errors
/// If the bytes are not a readable array.
pub(super) fn array(bytes: &[u8]) -> Result<NpyArray, String> {
    let rest = bytes.strip_prefix(b"\x93NUMPY").ok_or_else(|| match other_format(bytes) {
        Some(remedy) => remedy.into(),
        None => "no NPY file: it does not begin with \\x93NUMPY; a table wants Csv(..)".to_string(),
    })?;
    let (length, rest) = match rest {
        [1, _, a, b, rest @ ..] => (usize::from(u16::from_le_bytes([*a, *b])), rest),
        [2 | 3, _, a, b, c, d, rest @ ..] => (u32::from_le_bytes([*a, *b, *c, *d]) as usize, rest),
        _ => return Err("the file ends within its header, or is of an unknown version".into()),
    };
    if length > rest.len().min(HEADER) {
        return Err(format!("a header of {length} bytes is promised; {} bytes are there", rest.len()));
    }
    let (header, body) = rest.split_at(length);
    let header = std::str::from_utf8(header).map_err(|_| "a header that is no text")?;
    let after = |key: &str| {
        let found = header.find(&format!("'{key}'")).map(|i| header[i + key.len() + 2..].trim_start());
        found.and_then(|rest| rest.strip_prefix(':')).map(str::trim_start)
    };
    let kind = after("descr").and_then(|d| d.strip_prefix('\'')).and_then(|d| d.split('\'').next());
    let kind = kind.ok_or("a header without a plain type of numbers")?;
    let sizes: Option<Vec<usize>> = after("shape").and_then(|s| s.strip_prefix('(')).and_then(|s| {
        let parts = s.split(')').next()?.split(',').map(str::trim).filter(|p| !p.is_empty());
        parts.map(|p| p.parse().ok()).collect()
    });
    let sizes = sizes.ok_or("a header without a shape")?;
    if !(1..=4).contains(&sizes.len()) {
        return Err(format!("{} dimensions; 1 to 4 can be used", sizes.len()));
    }
    let by_columns = after("fortran_order").is_some_and(|f| f.starts_with("True"));
    let width = width(kind).ok_or_else(|| {
        let kind = excerpt(kind, 20);
        if kind.ends_with('O') {
            return "Python objects; save y.astype(str) of texts, x.astype('float32') of numbers".into();
        }
        format!("numbers of type {kind} cannot be read; save x.astype('float32')")
    })?;
    let wanted = count(&sizes)?.saturating_mul(width);
    if body.len() != wanted {
        return Err(format!("{wanted} bytes of numbers are promised, {} are there", body.len()));
    }
    let (values, losses) =
        values(kind, width, body, &|letter, body| losses(letter, width, body, &sizes, by_columns))?;
    let values = match values {
        NpyValues::Numbers(values) if by_columns => NpyValues::Numbers(by_rows(&values, &sizes)),
        NpyValues::Texts(values) if by_columns => NpyValues::Texts(by_rows(&values, &sizes)),
        values => values,
    };
    Ok(NpyArray { sizes, values, losses })
}

/// Bytes of one value of this type; `None` for a type that cannot be read.
fn width(kind: &str) -> Option<usize> {
    let (order, kind) = kind.split_at_checked(1)?;
    let order_fits = matches!(order, "<" | ">" | "=" | "|");
    let (letter, size) = kind.split_at_checked(1)?;
    let size: usize = size.parse().ok().filter(|&n| n > 0)?;
    let width = match (letter, size) {
        ("b", 1) | ("i" | "u", 1 | 2 | 4 | 8) | ("f", 2 | 4 | 8) | ("V", 2) | ("S", _) => size,
        ("U", _) => size.checked_mul(4)?,
        _ => return None,
    };
    (order_fits && (order != "|" || width == 1 || matches!(letter, "V" | "S"))).then_some(width)
}

/// The values in the body of a file, and what `lost` says of its little-endian bytes.
fn values(
    kind: &str,
    width: usize,
    body: &[u8],
    lost: &dyn Fn(u8, &[u8]) -> Vec<RoundingLoss>,
) -> Result<(NpyValues, Vec<RoundingLoss>), String> {
    let big = kind.starts_with('>');
    // The code below expects little-endian bytes.
    let turned;
    let letter = kind.as_bytes()[1];
    let unit = if letter == b'U' { 4 } else { width };
    let body = if big && unit > 1 && letter != b'S' {
        turned = body.chunks_exact(unit).flat_map(|v| v.iter().rev()).copied().collect::<Vec<u8>>();
        &turned[..]
    } else {
        body
    };
    let losses = lost(letter, body);
    let numbers = match (letter, width) {
        (b'S', _) => {
            let text = |v: &[u8]| Some(String::from_utf8_lossy(v).into());
            return Ok((texts(body.chunks_exact(width).map(text))?, Vec::new()));
        }
        (b'U', _) => {
            let text = |v: &[u8]| -> Option<String> {
                v.as_chunks::<4>().0.iter().map(|&c| char::from_u32(u32::from_le_bytes(c))).collect()
            };
            return Ok((texts(body.chunks_exact(width).map(text))?, Vec::new()));
        }
        (b'i', 1) => body.iter().map(|&b| f32::from(b as i8)).collect(),
        (b'i', 2) => wide(body, |b| f32::from(i16::from_le_bytes(b))),
        (b'i', 4) => wide(body, |b| i32::from_le_bytes(b) as f32),
        (b'i', _) => wide(body, |b| i64::from_le_bytes(b) as f32),
        (b'u', 2) => wide(body, |b| f32::from(u16::from_le_bytes(b))),
        (b'u', 4) => wide(body, |b| u32::from_le_bytes(b) as f32),
        (b'u', 8) => wide(body, |b| u64::from_le_bytes(b) as f32),
        (b'f', 2) => wide(body, |b| half(u16::from_le_bytes(b))),
        (b'f', 4) => wide(body, f32::from_le_bytes),
        (b'f', _) => wide(body, |b| f64::from_le_bytes(b) as f32),
        // NumPy has no type name for bfloat16: it saves untyped values of two bytes.
        (b'V', _) => wide(body, |b| f32::from_bits(u32::from(u16::from_le_bytes(b)) << 16)),
        _ => body.iter().map(|&b| f32::from(b)).collect(),
    };
    Ok((NpyValues::Numbers(numbers), losses))
}

fn texts(values: impl Iterator<Item = Option<String>>) -> Result<NpyValues, String> {
    let all: Option<Vec<String>> =
        values.map(|v| v.map(|text| text.trim_end_matches('\0').to_string())).collect();
    all.map(NpyValues::Texts).ok_or_else(|| "a text that is no Unicode".into())
}

/// An IEEE half: 1 bit of sign, 5 of exponent, 10 of fraction.
fn half(bits: u16) -> f32 {
    let (sign, exponent, fraction) = (u32::from(bits >> 15) << 31, (bits >> 10) & 31, u32::from(bits & 1023));
    let size = match exponent {
        0 => return f32::from_bits(sign | (fraction as f32 / 16_777_216.0).to_bits()),
        31 => 0x7f80_0000 | (fraction << 13),
        e => (u32::from(e) + 112) << 23 | (fraction << 13),
    };
    f32::from_bits(sign | size)
}

/// From column order (the first index runs fastest) to row order.
fn by_rows<T: Clone>(values: &[T], sizes: &[usize]) -> Vec<T> {
    let mut index = vec![0; sizes.len()];
    let mut out = Vec::with_capacity(values.len());
    for _ in 0..values.len() {
        let at = index.iter().zip(sizes).rev().fold(0, |at, (&i, &n)| at * n + i);
        out.push(values[at].clone());
        for axis in (0..sizes.len()).rev() {
            index[axis] += 1;
            if index[axis] < sizes[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
    out
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An NPY file.
    pub(in super::super) fn npy(kind: &str, by_columns: bool, shape: &str, body: &[u8]) -> Vec<u8> {
        let order = if by_columns { "True" } else { "False" };
        let header = format!("{{'descr': '{kind}', 'fortran_order': {order}, 'shape': {shape}, }}\n");
        let mut out = b"\x93NUMPY\x01\x00".to_vec();
        out.extend((header.len() as u16).to_le_bytes());
        out.extend(header.as_bytes());
        out.extend(body);
        out
    }

    #[test]
    fn every_type_and_both_orders_give_the_same_numbers() {
        for (kind, body) in [
            ("<i2", &[1u8, 0, 254, 255][..]),
            (">i2", &[0, 1, 255, 254]),
            ("|i1", &[1, 254]),
            ("<f2", &[0, 0x3c, 0, 0xc0]),
            (">f2", &[0x3c, 0, 0xc0, 0]),
            ("|V2", &[0x80, 0x3f, 0, 0xc0]),
            ("<f4", &[0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0]),
            (">f4", &[0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0]),
            (">i8", &[0, 0, 0, 0, 0, 0, 0, 1, 255, 255, 255, 255, 255, 255, 255, 254]),
        ] {
            let read = array(&npy(kind, false, "(2,)", body)).unwrap();
            assert_eq!(read.values, NpyValues::Numbers(vec![1.0, -2.0]), "{kind}");
        }
        assert_eq!([half(1), half(0x7bff), half(0x0400)], [5.960_464_5e-8, 65504.0, 6.103_515_6e-5]);
        assert!(half(0x7e00).is_nan() && half(0xfc00) == f32::NEG_INFINITY);
        let texts = |kind, body: &[u8]| array(&npy(kind, false, "(2,)", body)).unwrap().values;
        let wanted = NpyValues::Texts(vec!["a".into(), "bc".into()]);
        assert_eq!(texts("|S2", b"a\0bc"), wanted);
        assert_eq!(texts("<U2", b"a\0\0\0\0\0\0\0b\0\0\0c\0\0\0"), wanted);
        assert_eq!(texts(">U2", b"\0\0\0a\0\0\0\0\0\0\0b\0\0\0c"), wanted);
        let columns = array(&npy("|u1", true, "(2, 3)", &[1, 4, 2, 5, 3, 6])).unwrap();
        assert_eq!(columns, array(&npy("|u1", false, "(2, 3)", &[1, 2, 3, 4, 5, 6])).unwrap());
    }

    #[test]
    fn numbers_that_32_bits_cannot_hold_are_found_by_column() {
        let body: Vec<u8> = [1_i64, 16_777_217, 2, 16_777_216].iter().flat_map(|x| x.to_le_bytes()).collect();
        let wholes = |by_columns| {
            let read = array(&npy("<i8", by_columns, "(2, 2)", &body)).expect("an array");
            read.losses.iter().map(|l| l.whole).collect::<Vec<_>>()
        };
        assert_eq!(wholes(false), [None, Some(16_777_217)]);
        assert_eq!(wholes(true), [Some(16_777_217), None]);
        let close: Vec<u8> = [1.6e9, 1.6e9 + 5.0].iter().flat_map(|x: &f64| x.to_be_bytes()).collect();
        let read = array(&npy(">f8", false, "(2,)", &close)).expect("an array");
        let words = read.losses[0].rounding.words("x");
        assert!(words.is_some_and(|w| w.contains("from 1600000000 to 1600000005")), "{:?}", read.losses);
        assert_eq!(read.losses[0].whole, Some(1_600_000_005), "labels may be saved as floats");
        assert_eq!(array(&npy("<i2", false, "(2,)", &[1, 0, 2, 0])).expect("an array").losses, []);
    }

    #[test]
    fn promises_are_compared_with_what_is_there() {
        let good = npy("<f4", false, "(2,)", &[0; 8]);
        for cut in 0..good.len() {
            assert!(array(&good[..cut]).is_err(), "cut at {cut}");
        }
        for (kind, shape) in [
            ("<f4", "(4294967296, 4294967296)"),
            ("<f4", "(99999999999999999999,)"),
            ("<f4", "(3,)"),
            ("<f4", "()"),
            ("|O", "(2,)"),
            ("|S18446744073709551615", "(2,)"),
            ("<U9223372036854775807", "(2,)"),
            ("<S0", "(2,)"),
            ("<c8", "(1,)"),
            ("é4", "(2,)"),
            ("<f4", "(-1,)"),
            ("<f4", "(0,)"),
        ] {
            assert!(array(&npy(kind, false, shape, &[0; 8])).is_err(), "{kind} {shape}");
        }
        assert!(array(b"\x93NUMPY\x02\x00\xff\xff\xff\xff{}").unwrap_err().contains("4294967295"));
        let nested = format!("{{'shape': {}", "(".repeat(60_000));
        assert!(
            array(
                &[&b"\x93NUMPY\x01\x00"[..], &(nested.len() as u16).to_le_bytes(), nested.as_bytes()]
                    .concat()
            )
            .is_err()
        );
    }
}
