//! One record of an event file: its step, its scalars in every encoding, and its histograms as norms.

use crate::logs::wire::{WireFields, WireValue, doubles};
use std::collections::HashMap;

/// A record.
#[derive(Debug, Default)]
pub struct EventRecord<'a> {
    /// Its step.
    pub step: i64,
    /// Whether a session starts here, so that earlier records from this step on are void.
    pub start: bool,
    summary: &'a [u8],
}

/// The value of a summary.
pub enum SummaryValue {
    /// A scalar.
    Number(f64),
    /// The L2 norm of the numbers in a histogram, and whether it is exact.
    Norm(f64, bool),
}

/// Properties of tags that only their first summary holds.
#[derive(Debug, Default)]
pub struct TagProperties {
    plugins: HashMap<String, Plugin>,
}

/// The TensorBoard plugin that a tag belongs to.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Plugin {
    Scalars,
    Histograms,
    Other,
}

impl<'a> EventRecord<'a> {
    /// Decodes a record; damaged parts are left out.
    pub fn read(payload: &'a [u8]) -> Self {
        let mut event = Self::default();
        for (number, field) in WireFields(payload) {
            match (number, field) {
                (2, WireValue::Varint(step)) => event.step = step.cast_signed(),
                (5, WireValue::Bytes(summary)) => event.summary = summary,
                (7, WireValue::Bytes(log)) => {
                    event.start = WireFields(log).any(|f| f == (1, WireValue::Varint(1)));
                }
                _ => {}
            }
        }
        event
    }

    /// Its summaries.
    pub fn summaries(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        WireFields(self.summary).filter(|(number, _)| *number == 1).filter_map(|(_, field)| field.bytes())
    }
}

impl TagProperties {
    /// Passes on the number in a summary.
    pub fn summary(&mut self, summary: &[u8], see: &mut dyn FnMut(&str, SummaryValue)) {
        let (mut tag, mut simple, mut tensor, mut histogram, mut plugin) = ("", None, None, None, None);
        for (number, field) in WireFields(summary) {
            match number {
                1 => tag = field.text().unwrap_or_default(),
                2 => simple = field.float(),
                5 => histogram = field.bytes(),
                8 => tensor = field.bytes(),
                9 => plugin = field.bytes().and_then(of_metadata),
                _ => {}
            }
        }
        if let Some(x) = simple {
            return see(tag, SummaryValue::Number(x));
        }
        if let Some(histogram) = histogram {
            if let Some(x) = norm(histogram) {
                see(tag, SummaryValue::Norm(x, true));
            }
            return;
        }
        let Some(tensor) = tensor else { return };
        let plugin = match (plugin, self.plugins.get(tag)) {
            (Some(plugin), _) => {
                self.plugins.insert(tag.to_string(), plugin);
                plugin
            }
            (None, Some(plugin)) => *plugin,
            (None, None) => Plugin::Other,
        };
        let values = numbers(tensor);
        match (plugin, &values[..]) {
            (Plugin::Scalars, [x, ..]) => see(tag, SummaryValue::Number(*x)),
            // Bins as rows: left, right, count. The numbers of a bin are assumed to lie in its middle.
            (Plugin::Histograms, [_, ..]) => {
                let squares = values.chunks_exact(3).map(|b| b[2] * (0.5 * (b[0] + b[1])).powi(2));
                see(tag, SummaryValue::Norm(squares.sum::<f64>().sqrt(), false));
            }
            _ => {}
        }
    }
}

/// The plugin that a summary's metadata names.
fn of_metadata(metadata: &[u8]) -> Option<Plugin> {
    let data = WireFields(metadata).find(|f| f.0 == 1)?.1.bytes()?;
    match WireFields(data).find(|f| f.0 == 1)?.1.text()? {
        "scalars" => Some(Plugin::Scalars),
        "histograms" => Some(Plugin::Histograms),
        _ => Some(Plugin::Other),
    }
}

/// The norm of the numbers of a histogram: the root of the stored sum of squares.
fn norm(histogram: &[u8]) -> Option<f64> {
    WireFields(histogram).find(|f| f.0 == 5)?.1.float().map(f64::sqrt)
}

/// The numbers of a tensor, from whichever field holds them.
fn numbers(tensor: &[u8]) -> Vec<f64> {
    let kind = WireFields(tensor).find(|f| f.0 == 1).and_then(|f| f.1.whole()).unwrap_or(0);
    let of = |number: u64| WireFields(tensor).filter(move |f| f.0 == number).map(|f| f.1);
    if let Some(content) = of(4).find_map(WireValue::bytes).filter(|content| !content.is_empty()) {
        return raw(content, kind);
    }
    let floats = |value: WireValue<'_>| match value {
        WireValue::Bytes(packed) => raw(packed, 1),
        other => other.float().into_iter().collect(),
    };
    match kind {
        1 => of(5).flat_map(floats).collect(),
        2 => doubles(of(6)),
        3 | 9 => {
            let whole = |value: WireValue<'_>| match value {
                WireValue::Bytes(mut packed) => {
                    std::iter::from_fn(|| crate::logs::wire::varint(&mut packed)).collect::<Vec<_>>()
                }
                WireValue::Varint(x) => vec![x],
                _ => Vec::new(),
            };
            of(if kind == 3 { 7 } else { 10 }).flat_map(whole).map(|x| x.cast_signed() as f64).collect()
        }
        _ => Vec::new(),
    }
}

/// Numbers in their raw byte form; `kind` is TensorFlow's `DataType`.
fn raw(bytes: &[u8], kind: i64) -> Vec<f64> {
    let four = || bytes.chunks_exact(4).map(|c| <[u8; 4]>::try_from(c).unwrap_or_default());
    let eight = || bytes.chunks_exact(8).map(|c| <[u8; 8]>::try_from(c).unwrap_or_default());
    let two = || bytes.chunks_exact(2).map(|c| u16::from_le_bytes([c[0], c[1]]));
    match kind {
        1 => four().map(|c| f32::from_le_bytes(c).into()).collect(),
        2 => eight().map(f64::from_le_bytes).collect(),
        3 => four().map(|c| i32::from_le_bytes(c).into()).collect(),
        9 => eight().map(|c| i64::from_le_bytes(c) as f64).collect(),
        14 => two().map(|c| f32::from_bits(u32::from(c) << 16).into()).collect(),
        19 => two().map(half).collect(),
        _ => Vec::new(),
    }
}

/// A half-precision number: 1 bit sign, 5 bits exponent, 10 bits mantissa.
fn half(bits: u16) -> f64 {
    let (sign, exponent) = (if bits >> 15 == 1 { -1.0 } else { 1.0 }, i32::from(bits >> 10 & 31));
    let fraction = f64::from(bits & 1023) / 1024.0;
    sign * match exponent {
        0 => fraction * 2f64.powi(-14),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        e => (1.0 + fraction) * 2f64.powi(e - 15),
    }
}

#[cfg(test)]
mod tests {
    use super::half;

    #[test]
    fn short_floats_are_read() {
        assert_eq!([half(0x3c00), half(0xc000), half(0x7bff), half(1)], [1.0, -2.0, 65504.0, 2f64.powi(-24)]);
        assert!(half(0x7c00).is_infinite() && half(0x7e00).is_nan());
    }
}
