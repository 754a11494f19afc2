//! Applies rows of weights to the windows of an image, which is read in place. Knows no shapes and no borders.
//!
//! Every sum takes its products in increasing order, fused, in blocks of [`K_BLOCK`] as a matrix product does. The bits
//! are those of [`super::matmul`] with a matrix whose row p begins at `starts[p]`.

use super::{CancelCheck, K_BLOCK};
use pulp::{Simd, WithSimd};

/// The number of columns must be a multiple of this: two vectors of the widest instruction set.
pub const COLUMNS: usize = 32;

/// Columns of some rows between two checks for cancellation: a multiple of every vector width.
const LOOK: usize = 1 << 12;

/// A loop over the rows or the vectors of a tile, unrolled so that the sums stay in registers.
macro_rules! unroll {
    ($i:ident < $n:ident: $body:block) => { unroll!(@ $i, $n, $body, 0 1 2 3 4 5 6 7) };
    (@ $i:ident, $n:ident, $body:block, $($index:literal)*) => {$(
        if $index < $n {
            let $i = $index;
            $body
        }
    )*};
}

/// `out[i, j] = Σₚ weight[i, p] image[starts[p] + j]` for j below `columns`. Stops when `left` returns true.
///
/// # Shapes
/// `weight` [rows, starts.len()], `out` [rows, columns].
///
/// # Panics
/// If `columns` is not a multiple of [`COLUMNS`], or a slice is too short.
pub fn correlate(
    left: CancelCheck<'_>,
    weight: &[f32],
    starts: &[usize],
    image: &[f32],
    out: &mut [f32],
    columns: usize,
) {
    assert!(columns.is_multiple_of(COLUMNS) && columns > 0, "{columns} columns");
    assert_eq!(
        weight.len() * columns,
        out.len() * starts.len(),
        "a row of weights for each row of the result"
    );
    pulp::Arch::new().dispatch(Correlation { left, weight, starts, image, out, columns });
}

struct Correlation<'a> {
    left: CancelCheck<'a>,
    weight: &'a [f32],
    starts: &'a [usize],
    image: &'a [f32],
    out: &'a mut [f32],
    columns: usize,
}

impl WithSimd for Correlation<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let rows = self.out.len() / self.columns;
        let mut i = 0;
        while i < rows {
            // With fewer rows, wider pieces of the image are taken at a time, so that there are always enough
            // independent sums to keep the multipliers busy.
            i += match rows - i {
                8.. if S::REGISTER_COUNT >= 32 => self.rows::<S, 8, 2>(simd, i),
                4.. => self.rows::<S, 4, 2>(simd, i),
                2.. => self.rows::<S, 2, 4>(simd, i),
                _ => self.rows::<S, 1, 8>(simd, i),
            };
        }
    }
}

impl Correlation<'_> {
    /// MR rows of the result from row i on, NV vectors at a time.
    #[inline(always)]
    fn rows<S: Simd, const MR: usize, const NV: usize>(&mut self, simd: S, i: usize) -> usize {
        let mut j = 0;
        while j + NV * S::F32_LANES <= self.columns {
            if j.is_multiple_of(LOOK) && (self.left)() {
                return MR;
            }
            self.tile::<S, MR, NV>(simd, i, j);
            j += NV * S::F32_LANES;
        }
        while j < self.columns {
            self.tile::<S, MR, 2>(simd, i, j);
            j += 2 * S::F32_LANES;
        }
        MR
    }

    #[inline(always)]
    fn tile<S: Simd, const MR: usize, const NV: usize>(&mut self, simd: S, i: usize, j: usize) {
        let depth = self.starts.len();
        let width = NV * S::F32_LANES;
        let image = &self.image[j..];
        for (block, starts) in self.starts.chunks(K_BLOCK).enumerate() {
            let mut rows = [&self.weight[..0]; MR];
            unroll!(r < MR: { rows[r] = &self.weight[(i + r) * depth + block * K_BLOCK..][..starts.len()]; });
            let mut sums = [[simd.splat_f32s(0.0); NV]; MR];
            for (q, &start) in starts.iter().enumerate() {
                let x = S::as_simd_f32s(&image[start..][..width]).0;
                unroll!(r < MR: {
                    let w = simd.splat_f32s(rows[r][q]);
                    unroll!(v < NV: { sums[r][v] = simd.mul_add_f32s(w, x[v], sums[r][v]); });
                });
            }
            unroll!(r < MR: {
                let out = S::as_mut_simd_f32s(&mut self.out[(i + r) * self.columns + j..][..width]).0;
                unroll!(v < NV: {
                    out[v] = if block == 0 { sums[r][v] } else { simd.add_f32s(out[v], sums[r][v]) };
                });
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::kernel::{Machine, Strided, matmul_slices};

    /// Compared with the product with an unfolded image, for every height of a tile and for sums longer than one block.
    #[test]
    fn it_is_the_product_with_overlapping_rows_bit_for_bit() {
        let number = |i: usize| ((i * 7919 + 13) % 1000) as f32 / 500.0 - 1.0;
        for (rows, depth, columns) in
            [(1, 9, 160), (2, 30, 64), (3, 9, 96), (7, 300, 32), (16, 144, 224), (29, 520, 64)]
        {
            let starts: Vec<usize> = (0..depth).map(|p| p * 5 + p % 3).collect();
            let image: Vec<f32> = (0..starts[depth - 1] + columns + 3).map(number).collect();
            let weight: Vec<f32> = (0..rows * depth).map(|i| number(3 * i + 1)).collect();
            let unfolded: Vec<f32> = starts.iter().flat_map(|&s| &image[s..s + columns]).copied().collect();
            let mut expected = vec![0.0; rows * columns];
            let (a, b) = (Strided::rows(&weight, depth), Strided::rows(&unfolded, columns));
            matmul_slices(rows, columns, depth, a, b, 0.0, &mut expected, columns);
            let bits = |x: &[f32]| x.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            for machine in Machine::ALL {
                let mut out = vec![f32::NAN; rows * columns];
                let (weight, starts, image) = (&weight[..], &starts[..], &image[..]);
                machine.run(Correlation { left: &|| false, weight, starts, image, out: &mut out, columns });
                assert_eq!(bits(&out), bits(&expected), "{rows} x {depth} x {columns}, {machine:?}");
            }
        }
    }

    #[test]
    #[should_panic(expected = "33 columns")]
    fn columns_come_in_whole_vectors() {
        correlate(&|| false, &[1.0], &[0], &[0.0; 64], &mut [0.0; 33], 33);
    }
}
