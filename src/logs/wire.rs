//! The wire format of protocol buffers, as far as logs need it: a sequence of numbered fields.

/// The value of a field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum WireValue<'a> {
    /// A whole number.
    Varint(u64),
    /// Eight bytes.
    Eight([u8; 8]),
    /// Four bytes.
    Four([u8; 4]),
    /// A text, a message, or numbers packed together.
    Bytes(&'a [u8]),
}

impl<'a> WireValue<'a> {
    /// The value as bytes.
    pub fn bytes(self) -> Option<&'a [u8]> {
        if let Self::Bytes(bytes) = self { Some(bytes) } else { None }
    }

    /// The value as a text.
    pub fn text(self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    /// The value as a signed whole number.
    pub fn whole(self) -> Option<i64> {
        if let Self::Varint(x) = self { Some(x.cast_signed()) } else { None }
    }

    /// The value as a floating-point number.
    pub fn float(self) -> Option<f64> {
        match self {
            Self::Eight(bytes) => Some(f64::from_le_bytes(bytes)),
            Self::Four(bytes) => Some(f32::from_le_bytes(bytes).into()),
            _ => None,
        }
    }
}

/// The fields of a message; the iterator ends at damage.
#[derive(Clone, Debug)]
pub struct WireFields<'a>(pub &'a [u8]);

/// Reads a variable-length whole number from the front of these bytes.
pub fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut x = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        x |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(x);
        }
    }
    None
}

impl<'a> Iterator for WireFields<'a> {
    type Item = (u64, WireValue<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = &mut self.0;
        let key = varint(rest)?;
        let value = match key & 7 {
            0 => WireValue::Varint(varint(rest)?),
            1 => {
                let (bytes, after) = rest.split_first_chunk::<8>()?;
                *rest = after;
                WireValue::Eight(*bytes)
            }
            2 => {
                let length = usize::try_from(varint(rest)?).ok()?;
                let (bytes, after) = rest.split_at_checked(length)?;
                *rest = after;
                WireValue::Bytes(bytes)
            }
            5 => {
                let (bytes, after) = rest.split_first_chunk::<4>()?;
                *rest = after;
                WireValue::Four(*bytes)
            }
            _ => return None,
        };
        Some((key >> 3, value))
    }
}

/// Eight-byte numbers, packed or one by one.
pub fn doubles<'a>(values: impl Iterator<Item = WireValue<'a>>) -> Vec<f64> {
    values
        .flat_map(|value| match value {
            WireValue::Bytes(packed) => {
                packed.chunks_exact(8).map(|c| f64::from_le_bytes(c.try_into().unwrap_or_default())).collect()
            }
            other => other.float().into_iter().collect::<Vec<_>>(),
        })
        .collect()
}
