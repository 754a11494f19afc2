//! The hash of a lane's parameters, as it is sent, logged and read back. Computes none.

use serde::{Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// A hash of all parameters of a lane at one step: 32 bytes, written as 64 hexadecimal digits. Two runs with the same
/// hash at a step have the same parameters there, bit for bit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ParameterHash(pub [u8; 32]);

impl ParameterHash {
    /// Digits of the short form.
    pub const SHORT: usize = 12;

    /// The first digits, to be compared by eye.
    pub fn short(&self) -> String {
        let mut text = self.to_string();
        text.truncate(Self::SHORT);
        text
    }
}

impl fmt::Display for ParameterHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ParameterHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ParameterHash {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fault = || format!("{text:?} is no hash: it has 64 hexadecimal digits");
        let digits: Vec<u8> = text.chars().filter_map(|c| Some(c.to_digit(16)? as u8)).collect();
        let (pairs, rest) = digits.as_chunks::<2>();
        if !rest.is_empty() || digits.len() != text.len() {
            return Err(fault());
        }
        let bytes: Vec<u8> = pairs.iter().map(|[high, low]| high << 4 | low).collect();
        bytes.try_into().map(Self).map_err(|_| fault())
    }
}

impl Serialize for ParameterHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_read_back_and_other_text_is_refused() {
        let hash = ParameterHash(std::array::from_fn(|i| (i * 37) as u8));
        let text = hash.to_string();
        assert_eq!((text.len(), text.parse()), (64, Ok(hash)));
        assert!(text.starts_with(&hash.short()) && hash.short().len() == ParameterHash::SHORT);
        for wrong in
            ["", "00", &text[1..], &format!("{text}0"), &text.replace('0', "é"), &text.replace('0', "g")]
        {
            assert!(wrong.parse::<ParameterHash>().is_err(), "{wrong}");
        }
    }
}
