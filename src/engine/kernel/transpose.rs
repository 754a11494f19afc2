//! Transposition of 8 x 8 blocks in vector registers. Moves numbers and computes nothing.
//!
//! The compiler turns the plain loop into one load and one store per number, which would cost more than half of
//! the time of a product of medium size. On x86 the block goes through three rounds of shuffles instead.

/// The side of a block.
pub(super) const SIDE: usize = 8;
type Block = [[f32; SIDE]; SIDE];

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
#[inline(always)]
pub(super) fn transpose(
    from: &[f32],
    stride: usize,
    rows: usize,
    columns: usize,
    to: &mut [f32],
    to_stride: usize,
) {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    if rows >= SIDE
        && columns >= SIDE
        && let Some(simd) = pulp::x86::V3::try_new()
    {
        blocks(
            from,
            stride,
            rows,
            columns,
            to,
            to_stride,
            #[inline(always)]
            |block| shuffle(simd, block),
        );
        return;
    }
    blocks(from, stride, rows, columns, to, to_stride, plain);
}

#[inline(always)]
fn blocks(
    from: &[f32],
    stride: usize,
    rows: usize,
    columns: usize,
    to: &mut [f32],
    to_stride: usize,
    turn: impl Fn(Block) -> Block,
) {
    let mut c = 0;
    while c + SIDE <= columns {
        let source: [&[f32]; SIDE] = std::array::from_fn(|i| &from[(c + i) * stride..][..rows]);
        let mut p = 0;
        while p + SIDE <= rows {
            let block =
                std::array::from_fn(|i| source[i][p..][..SIDE].try_into().expect("as long as asked for"));
            for (r, row) in turn(block).iter().enumerate() {
                to[(p + r) * to_stride + c..][..SIDE].copy_from_slice(row);
            }
            p += SIDE;
        }
        for p in p..rows {
            let row = &mut to[p * to_stride + c..][..SIDE];
            for i in 0..SIDE {
                row[i] = source[i][p];
            }
        }
        c += SIDE;
    }
    for c in c..columns {
        for (p, &x) in from[c * stride..][..rows].iter().enumerate() {
            to[p * to_stride + c] = x;
        }
    }
}

#[inline(always)]
fn plain(block: Block) -> Block {
    std::array::from_fn(|r| std::array::from_fn(|c| block[c][r]))
}

/// Pairs of rows, then pairs of pairs, then the two halves of the registers.
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
#[inline(always)]
fn shuffle(simd: pulp::x86::V3, block: Block) -> Block {
    #[cfg(target_arch = "x86")]
    use std::arch::x86::__m256;
    #[cfg(target_arch = "x86_64")]
    use std::arch::x86_64::__m256;

    let avx = simd.avx;
    let [a, b, c, d, e, f, g, h]: [__m256; SIDE] = pulp::cast(block);
    let (ab, ab_high) = (avx._mm256_unpacklo_ps(a, b), avx._mm256_unpackhi_ps(a, b));
    let (cd, cd_high) = (avx._mm256_unpacklo_ps(c, d), avx._mm256_unpackhi_ps(c, d));
    let (ef, ef_high) = (avx._mm256_unpacklo_ps(e, f), avx._mm256_unpackhi_ps(e, f));
    let (gh, gh_high) = (avx._mm256_unpacklo_ps(g, h), avx._mm256_unpackhi_ps(g, h));
    // Columns 0, 1, 2, 3 in the lower halves and 4, 5, 6, 7 in the upper ones: of rows a to d, then of e to h.
    let left = [
        avx._mm256_shuffle_ps::<0x44>(ab, cd),
        avx._mm256_shuffle_ps::<0xEE>(ab, cd),
        avx._mm256_shuffle_ps::<0x44>(ab_high, cd_high),
        avx._mm256_shuffle_ps::<0xEE>(ab_high, cd_high),
    ];
    let right = [
        avx._mm256_shuffle_ps::<0x44>(ef, gh),
        avx._mm256_shuffle_ps::<0xEE>(ef, gh),
        avx._mm256_shuffle_ps::<0x44>(ef_high, gh_high),
        avx._mm256_shuffle_ps::<0xEE>(ef_high, gh_high),
    ];
    pulp::cast([
        avx._mm256_permute2f128_ps::<0x20>(left[0], right[0]),
        avx._mm256_permute2f128_ps::<0x20>(left[1], right[1]),
        avx._mm256_permute2f128_ps::<0x20>(left[2], right[2]),
        avx._mm256_permute2f128_ps::<0x20>(left[3], right[3]),
        avx._mm256_permute2f128_ps::<0x31>(left[0], right[0]),
        avx._mm256_permute2f128_ps::<0x31>(left[1], right[1]),
        avx._mm256_permute2f128_ps::<0x31>(left[2], right[2]),
        avx._mm256_permute2f128_ps::<0x31>(left[3], right[3]),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_arrives() {
        for (rows, columns) in [(1, 1), (8, 8), (7, 9), (9, 7), (16, 24), (30, 13), (8, 3), (3, 8)] {
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
            let mut to = vec![-1.0; rows * to_stride];
            blocks(&from, stride, rows, columns, &mut to, to_stride, plain);
            expected(&to);
        }
    }
}
