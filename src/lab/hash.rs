//! The hash of parameters. Knows no lane and allocates nothing.

use crate::telemetry::ParameterHash;

/// Numbers hashed at a time: enough for the hash to use vector instructions.
const PIECE: usize = 4096;

/// BLAKE3 of the parameters as little-endian f32, in the order of their slots. Every NaN counts as `0x7fc00000`,
/// because processors produce NaNs with different bits.
///
/// # Reference
/// O'Connor, Aumasson, Neves, Wilcox-O'Hearn, BLAKE3: one function, fast everywhere, 2020.
pub fn parameter_hash(params: &[f32]) -> ParameterHash {
    let mut hasher = blake3::Hasher::new();
    let mut piece = [0; 4 * PIECE];
    for numbers in params.chunks(PIECE) {
        let bytes = &mut piece[..4 * numbers.len()];
        for (to, x) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(numbers) {
            *to = if x.is_nan() { 0x7fc0_0000 } else { x.to_bits() }.to_le_bytes();
        }
        hasher.update(bytes);
    }
    ParameterHash(*hasher.finalize().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_that_of_the_bytes() {
        let x: Vec<f32> = (0..10_001).map(|i| (i as f32 - 5000.0) * 0.37).collect();
        let bytes: Vec<u8> = x.iter().flat_map(|x| x.to_le_bytes()).collect();
        let whole = ParameterHash(*blake3::hash(&bytes).as_bytes());
        assert_eq!(parameter_hash(&x), whole);
        // The hash of no bytes, from BLAKE3's test vectors.
        let none = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";
        assert_eq!(parameter_hash(&[]).to_string(), none);
    }

    #[test]
    fn one_bit_makes_another_hash_and_no_kind_of_nan_does() {
        let mut x = vec![0.5_f32; 100];
        let before = parameter_hash(&x);
        x[99] = f32::from_bits(x[99].to_bits() ^ 1);
        assert_ne!(parameter_hash(&x), before);
        x[99] = f32::NAN;
        let nan = parameter_hash(&x);
        x[99] = -f32::NAN;
        assert_eq!(parameter_hash(&x), nan);
    }
}
