//! Maximum over tiles of 2 x 2, from pairs of neighbours in rows, and the way back for gradients. Knows no image, only
//! rows of pairs.
//!
//! Rows of an image are often shorter than a vector, so a plain loop over a row would not be vectorised. Here a vector
//! that is longer than its row continues into the next row, which is then overwritten.

use pulp::{Simd, WithSimd};

/// Whether the first of two numbers wins the maximum: it does if it is greater, equal or NaN.
#[inline(always)]
pub fn stays(a: f32, b: f32) -> bool {
    b <= a || a.is_nan()
}

/// The maximum of every two neighbours, with its side (0 or 1) and a number that belongs to it.
#[derive(Debug)]
pub struct Pairs<'a> {
    /// The maxima.
    pub values: &'a [f32],
    /// The side of each.
    pub sides: &'a [f32],
    /// A number that accompanies each maximum.
    pub marks: &'a [f32],
}

/// The same for tiles.
#[derive(Debug)]
pub struct Tiles<'a> {
    /// The maxima.
    pub values: &'a mut [f32],
    /// The position of each: 0, 1 above and 2, 3 below; [`NOWHERE`] if the maximum is not above zero.
    pub places: &'a mut [f32],
    /// The accompanying number of each.
    pub marks: &'a mut [f32],
}

/// The position of a maximum that is not above zero: it gets no gradient.
pub const NOWHERE: f32 = 4.0;

/// The maximum of every two rows of `width` pairs, which lie one above the other.
///
/// # Panics
/// If the lengths do not fit together.
pub fn join_rows(pairs: &Pairs, width: usize, out: Tiles) {
    let n = out.values.len();
    assert!(width > 0 && n.is_multiple_of(width), "{n} tiles in rows of {width}");
    assert_eq!(
        [pairs.values.len(), pairs.sides.len(), pairs.marks.len()],
        [2 * n; 3],
        "two pairs for each tile"
    );
    assert_eq!([out.places.len(), out.marks.len()], [n; 2], "a place for each tile");
    pulp::Arch::new().dispatch(Join { pairs, width, out });
}

struct Join<'p, 'a> {
    pairs: &'p Pairs<'p>,
    width: usize,
    out: Tiles<'a>,
}

impl WithSimd for Join<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let n = self.out.values.len();
        for row in 0..n / self.width {
            for j in (0..self.width).step_by(S::F32_LANES) {
                let (above, to) = (2 * row * self.width + j, row * self.width + j);
                if to + S::F32_LANES <= n && above + self.width + S::F32_LANES <= 2 * n {
                    self.vector::<S, true>(simd, above, to, S::F32_LANES);
                } else {
                    self.vector::<S, false>(simd, above, to, S::F32_LANES.min(self.width - j));
                }
            }
        }
    }
}

impl Join<'_, '_> {
    #[inline(always)]
    fn vector<S: Simd, const WHOLE: bool>(&mut self, simd: S, above: usize, to: usize, n: usize) {
        let Pairs { values, sides, marks } = self.pairs;
        let below = above + self.width;
        let load = |x: &[f32], at: usize| load::<S, WHOLE>(simd, &x[at..][..n]);
        let (upper, lower) = (load(values, above), load(values, below));
        // As in [`stays`].
        let no_number = simd.not_m32s(simd.equal_f32s(upper, upper));
        let stays = simd.or_m32s(simd.less_than_or_equal_f32s(lower, upper), no_number);
        let value = simd.select_f32s(stays, upper, lower);
        let side_below = simd.add_f32s(load(sides, below), simd.splat_f32s(2.0));
        let place = simd.select_f32s(stays, load(sides, above), side_below);
        let counts = simd.less_than_f32s(simd.splat_f32s(0.0), value);
        let place = simd.select_f32s(counts, place, simd.splat_f32s(NOWHERE));
        let mark = simd.select_f32s(stays, load(marks, above), load(marks, below));
        store::<S, WHOLE>(simd, &mut self.out.values[to..][..n], value);
        store::<S, WHOLE>(simd, &mut self.out.places[to..][..n], place);
        store::<S, WHOLE>(simd, &mut self.out.marks[to..][..n], mark);
    }
}

/// Loads a whole vector, or a shorter one at the end of the slice.
#[inline(always)]
fn load<S: Simd, const WHOLE: bool>(simd: S, x: &[f32]) -> S::f32s {
    if WHOLE { S::as_simd_f32s(x).0[0] } else { simd.partial_load_f32s(x) }
}

#[inline(always)]
fn store<S: Simd, const WHOLE: bool>(simd: S, to: &mut [f32], x: S::f32s) {
    if WHOLE {
        S::as_mut_simd_f32s(to).0[0] = x;
    } else {
        simd.partial_store_f32s(to, x);
    }
}

/// The way back: for every pair its tile's number, and the position within the pair that receives it, if it is 0 or 1.
///
/// # Panics
/// If the lengths do not fit together.
pub fn part_rows(numbers: &[f32], places: &[f32], width: usize, pairs: &mut [f32], sides: &mut [f32]) {
    let n = numbers.len();
    assert!(width > 0 && n.is_multiple_of(width), "{n} tiles in rows of {width}");
    assert_eq!([places.len(), pairs.len(), sides.len()], [n, 2 * n, 2 * n], "two pairs for each tile");
    pulp::Arch::new().dispatch(Part { numbers, places, width, pairs, sides });
}

struct Part<'a> {
    numbers: &'a [f32],
    places: &'a [f32],
    width: usize,
    pairs: &'a mut [f32],
    sides: &'a mut [f32],
}

impl WithSimd for Part<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let n = self.numbers.len();
        for row in 0..2 * n / self.width {
            let above = simd.splat_f32s(2.0 * (row % 2) as f32);
            for j in (0..self.width).step_by(S::F32_LANES) {
                let (from, to) = (row / 2 * self.width + j, row * self.width + j);
                if from + S::F32_LANES <= n && to + S::F32_LANES <= 2 * n {
                    self.vector::<S, true>(simd, above, from, to, S::F32_LANES);
                } else {
                    self.vector::<S, false>(simd, above, from, to, S::F32_LANES.min(self.width - j));
                }
            }
        }
    }
}

impl Part<'_> {
    #[inline(always)]
    fn vector<S: Simd, const WHOLE: bool>(
        &mut self,
        simd: S,
        above: S::f32s,
        from: usize,
        to: usize,
        n: usize,
    ) {
        let number = load::<S, WHOLE>(simd, &self.numbers[from..][..n]);
        let place = load::<S, WHOLE>(simd, &self.places[from..][..n]);
        store::<S, WHOLE>(simd, &mut self.pairs[to..][..n], number);
        store::<S, WHOLE>(simd, &mut self.sides[to..][..n], simd.sub_f32s(place, above));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::kernel::Machine;

    /// One tile at a time, for rows shorter and longer than a vector, with ties, zeros and NaN.
    #[test]
    fn rows_of_every_length_join_and_part() {
        let sizes = [(1, 1), (3, 5), (7, 7), (8, 2), (14, 14), (16, 3), (17, 4), (40, 2)];
        for ((width, rows), machine) in
            sizes.iter().flat_map(|&size| Machine::ALL.map(|machine| (size, machine)))
        {
            let n = width * rows;
            let value = |i: usize| match i * 7919 % 11 {
                0 => f32::NAN,
                k => (k % 5) as f32 - 1.5,
            };
            let values: Vec<f32> = (0..2 * n).map(value).collect();
            let sides: Vec<f32> = (0..2 * n).map(|i| (i % 2) as f32).collect();
            let marks: Vec<f32> = (0..2 * n).map(|i| i as f32).collect();
            let mut out = [(); 3].map(|()| vec![-1.0; n]);
            let [best, places, marked] = &mut out;
            let tiles = Tiles { values: best, places, marks: marked };
            let joined = Pairs { values: &values, sides: &sides, marks: &marks };
            machine.run(Join { pairs: &joined, width, out: tiles });
            let [best, places, marked] = out;
            for i in 0..n {
                let above = i / width * 2 * width + i % width;
                let first = stays(values[above], values[above + width]);
                let at = if first { above } else { above + width };
                assert_eq!(best[i].to_bits(), values[at].to_bits(), "{width} x {rows}, tile {i}");
                assert_eq!(marked[i], marks[at]);
                let place = sides[at] + if first { 0.0 } else { 2.0 };
                assert_eq!(places[i], if values[at] > 0.0 { place } else { NOWHERE });
            }
            let (mut pairs, mut parted) = (vec![0.0; 2 * n], vec![0.0; 2 * n]);
            let (numbers, places) = (&marked[..], &places[..]);
            machine.run(Part { numbers, places, width, pairs: &mut pairs, sides: &mut parted });
            for i in 0..2 * n {
                let (row, tile) = (i / width, i / (2 * width) * width + i % width);
                assert_eq!(pairs[i], marked[tile], "{width} x {rows}, pair {i}");
                assert_eq!(parted[i], places[tile] - 2.0 * (row % 2) as f32);
            }
        }
    }
}
