//! Transposition in vector registers. Moves numbers and computes nothing.
//!
//! The compiler turns the plain loop into one load and one store per number, which would cost more than half of the
//! time of a product of medium size. On x86, four rows of 16 or 8 columns at a time are assembled from groups of four
//! numbers of each column, which are then transposed inside registers.

// Pointers instead of slices: a bounds check for every group would cost more than the transposition.
#![cfg_attr(any(target_arch = "x86", target_arch = "x86_64"), allow(unsafe_code))]

/// The transpose of a matrix whose rows have `columns` numbers.
///
/// # Panics
/// If the lengths differ.
pub fn transpose_into(from: &[f32], columns: usize, to: &mut [f32]) {
    assert_eq!(from.len(), to.len(), "a transpose has as many numbers");
    let rows = from.len() / columns.max(1);
    super::simd(
        #[inline(always)]
        || transpose(from, columns, columns, rows, to, rows),
    );
}

/// Writes column c of the source (contiguous, columns `stride` apart) to column c of the target, whose rows are
/// `to_stride` apart: `to[p * to_stride + c] = from[c * stride + p]` for p below `rows`, c below `columns`.
///
/// # Panics
/// If a slice is too short for its matrix.
#[inline(always)]
pub(super) fn transpose(
    from: &[f32],
    stride: usize,
    rows: usize,
    columns: usize,
    to: &mut [f32],
    to_stride: usize,
) {
    if rows == 0 || columns == 0 {
        return;
    }
    assert!((columns - 1) * stride + rows <= from.len(), "{columns} columns of {rows} in {}", from.len());
    assert!((rows - 1) * to_stride + columns <= to.len(), "{rows} rows of {columns} in {}", to.len());
    let done = blocks(from, stride, rows, columns, to, to_stride);
    for c in done..columns {
        for (p, &x) in from[c * stride..][..rows].iter().enumerate() {
            to[p * to_stride + c] = x;
        }
    }
}

/// Transposes the columns that fill whole registers and returns their number. The slices are long enough.
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
#[inline(always)]
fn blocks(
    from: &[f32],
    stride: usize,
    rows: usize,
    columns: usize,
    to: &mut [f32],
    to_stride: usize,
) -> usize {
    let mut c = 0;
    if let Some(simd) = pulp::x86::V4::try_new() {
        while c + 16 <= columns {
            for p in (0..rows & !3).step_by(4) {
                // Safety: the caller checked that both matrices lie inside their slices; these 4 rows of 16 columns lie
                // inside the matrices.
                unsafe {
                    let (from, to) =
                        (from.as_ptr().add(c * stride + p), to.as_mut_ptr().add(p * to_stride + c));
                    four_by_16(simd, from, stride, to, to_stride);
                }
            }
            c += 16;
        }
    }
    if let Some(simd) = pulp::x86::V3::try_new() {
        while c + 8 <= columns {
            for p in (0..rows & !3).step_by(4) {
                // Safety: as above, 8 columns.
                unsafe {
                    let (from, to) =
                        (from.as_ptr().add(c * stride + p), to.as_mut_ptr().add(p * to_stride + c));
                    four_by_8(simd, from, stride, to, to_stride);
                }
            }
            c += 8;
        }
    }
    for p in rows & !3..rows {
        for (c, to) in to[p * to_stride..][..c].iter_mut().enumerate() {
            *to = from[c * stride + p];
        }
    }
    c
}

/// On other processors nothing is transposed in registers, so no column is done.
#[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
fn blocks(_: &[f32], _: usize, _: usize, _: usize, _: &mut [f32], _: usize) -> usize {
    0
}

/// Four rows of 16 columns: register i holds columns i, i + 4, i + 8 and i + 12.
///
/// # Safety
/// 4 numbers can be read from each of 16 columns, 16 written to each of 4 rows.
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
#[inline(always)]
unsafe fn four_by_16(simd: pulp::x86::V4, from: *const f32, stride: usize, to: *mut f32, to_stride: usize) {
    let (sse, avx) = (simd.sse, simd.avx512f);
    // Safety: guaranteed by the caller.
    unsafe {
        let quarter = |column: usize| sse._mm_loadu_ps(from.add(column * stride));
        let columns = |i: usize| {
            let all = avx._mm512_castps128_ps512(quarter(i));
            let all = avx._mm512_insertf32x4::<1>(all, quarter(i + 4));
            let all = avx._mm512_insertf32x4::<2>(all, quarter(i + 8));
            avx._mm512_insertf32x4::<3>(all, quarter(i + 12))
        };
        let (a, b, c, d) = (columns(0), columns(1), columns(2), columns(3));
        let (ab, cd) = (avx._mm512_unpacklo_ps(a, b), avx._mm512_unpacklo_ps(c, d));
        avx._mm512_storeu_ps(to, avx._mm512_shuffle_ps::<0x44>(ab, cd));
        avx._mm512_storeu_ps(to.add(to_stride), avx._mm512_shuffle_ps::<0xEE>(ab, cd));
        let (ab, cd) = (avx._mm512_unpackhi_ps(a, b), avx._mm512_unpackhi_ps(c, d));
        avx._mm512_storeu_ps(to.add(2 * to_stride), avx._mm512_shuffle_ps::<0x44>(ab, cd));
        avx._mm512_storeu_ps(to.add(3 * to_stride), avx._mm512_shuffle_ps::<0xEE>(ab, cd));
    }
}

/// Four rows of 8 columns: register i holds columns i and i + 4.
///
/// # Safety
/// 4 numbers can be read from each of 8 columns, 8 written to each of 4 rows.
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
#[inline(always)]
unsafe fn four_by_8(simd: pulp::x86::V3, from: *const f32, stride: usize, to: *mut f32, to_stride: usize) {
    let (sse, avx) = (simd.sse, simd.avx);
    // Safety: guaranteed by the caller.
    unsafe {
        let quarter = |column: usize| sse._mm_loadu_ps(from.add(column * stride));
        let columns =
            |i: usize| avx._mm256_insertf128_ps::<1>(avx._mm256_castps128_ps256(quarter(i)), quarter(i + 4));
        let (a, b, c, d) = (columns(0), columns(1), columns(2), columns(3));
        let (ab, cd) = (avx._mm256_unpacklo_ps(a, b), avx._mm256_unpacklo_ps(c, d));
        avx._mm256_storeu_ps(to, avx._mm256_shuffle_ps::<0x44>(ab, cd));
        avx._mm256_storeu_ps(to.add(to_stride), avx._mm256_shuffle_ps::<0xEE>(ab, cd));
        let (ab, cd) = (avx._mm256_unpackhi_ps(a, b), avx._mm256_unpackhi_ps(c, d));
        avx._mm256_storeu_ps(to.add(2 * to_stride), avx._mm256_shuffle_ps::<0x44>(ab, cd));
        avx._mm256_storeu_ps(to.add(3 * to_stride), avx._mm256_shuffle_ps::<0xEE>(ab, cd));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_arrives() {
        for (rows, columns) in
            [(1, 1), (8, 8), (7, 9), (9, 7), (16, 24), (30, 13), (8, 3), (3, 8), (21, 45), (4, 16)]
        {
            let (stride, to_stride) = (rows + 3, columns + 2);
            let from: Vec<f32> = (0..columns * stride).map(|i| i as f32).collect();
            let expected = |turned: &[f32]| {
                for (i, &x) in turned.iter().enumerate() {
                    let (p, c) = (i / to_stride, i % to_stride);
                    let x_expected = if c < columns { from[c * stride + p] } else { -1.0 };
                    assert_eq!(x, x_expected, "{rows} x {columns} at row {p}, column {c}");
                }
            };
            let mut to = vec![-1.0; rows * to_stride];
            transpose(&from, stride, rows, columns, &mut to, to_stride);
            expected(&to);
        }
    }

    #[test]
    #[should_panic(expected = "rows of")]
    fn a_target_that_is_too_short_is_a_bug() {
        transpose(&[0.0; 64], 8, 8, 8, &mut [0.0; 63], 8);
    }
}
