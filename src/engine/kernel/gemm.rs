//! Matrix products in one fixed order of operations. Knows two operands and a result, but no layers.
//!
//! # The order of operations
//! `C = β C + A B` with `A (m × k)`, `B (k × n)`, `C (m × n)`. The k products of an element are taken in blocks of
//! [`K_BLOCK`]; within a block they are fused one after the other, in increasing index, onto a sum that starts at 0,
//! and the sums of the blocks are fused onto the result in increasing order:
//! ```text
//! for each block b:  s = 0;  for p in block b:  s = fma(A[i,p], B[p,j], s)
//!                    C[i,j] = fma(C[i,j], β if b = 0 else 1, s)      (b = 0 and β = 0: C[i,j] = s)
//! ```
//! Every element follows this rule by itself, so its bits depend neither on the vector width nor on how rows and
//! columns are cut into tiles, nor on the strides of the operands, nor on how many rows are computed at a time. The
//! blocks keep the rounding error of a long sum at that of a sum of about 256 + k / 256 terms.
//!
//! # How it is computed
//! A tile of a few rows by two vectors of columns stays in registers while a block of k is worked off. `A` is read in
//! place when one of its strides is 1; `B` is read in place when its columns are adjacent and few rows use it, else a
//! panel of it is copied to the stack in the order in which it will be read.

use std::cell::RefCell;
use std::ops::Range;

use ndarray::{ArrayView2, ArrayViewMut2, s};
use pulp::{Simd, WithSimd};

pub use operand::Strided;
use operand::{Matrix, Panel, ProductTarget};

mod operand;

/// Number of products after which a sum is added to the result (see the order of operations above).
pub const K_BLOCK: usize = 256;
/// Columns of a panel with the widest instruction set: two vectors of 16.
const WIDTH: usize = 32;
/// Rows of a tile on a machine with 32 vector registers.
const HEIGHT: usize = 8;
/// With at most this many rows of C, copying a `B` that can be read in place is not worth it.
const DIRECT_ROWS: usize = 4 * HEIGHT;
/// A block of B that lies within this many floats (half of a small first-level cache) is not copied either.
const DIRECT_SPAN: usize = 4096;

/// Unrolls a loop over the rows of a tile by hand: the compiler keeps an array in registers only if it sees constant
/// indices early, and it unrolls loops of this length too late. Each line costs compile time in every instance of the
/// kernel, so there are only as many lines as the tallest tile has rows.
macro_rules! unroll_rows {
    ($i:ident < $n:ident: $body:block) => { unroll_rows!(@ $i, $n, $body, 0 1 2 3 4 5 6 7) };
    (@ $i:ident, $n:ident, $body:block, $($index:literal)*) => {$(
        if $index < $n {
            let $i = $index;
            $body
        }
    )*};
}

/// The same over the one or two vectors of a panel.
macro_rules! unroll_vectors {
    ($i:ident < $n:ident: $body:block) => {
        let $i = 0;
        $body
        if $n > 1 {
            let $i = 1;
            $body
        }
    };
}

/// `C = β C + A B`. `β = 0` overwrites C, even if it holds NaN; `β = 1` accumulates.
///
/// # Shapes
/// `a (m × k)`, `b (k × n)` in any strides; `c (m × n)`, whose rows have to be contiguous. Fastest if whole operands
/// are contiguous in either order; for blocks of a larger buffer see [`matmul_slices`].
///
/// # Panics
/// If the shapes do not fit together or a row of `c` is not contiguous.
pub fn matmul(a: ArrayView2<f32>, b: ArrayView2<f32>, beta: f32, c: ArrayViewMut2<f32>) {
    let ((m, k), (k_b, n)) = (a.dim(), b.dim());
    assert!(k == k_b && c.dim() == (m, n), "matmul of {:?} by {:?} into {:?}", a.dim(), b.dim(), c.dim());
    start(m, n, k, &Matrix::view(a), &Matrix::view(b), First::scaled(beta), ProductTarget::view(c));
}

/// [`matmul`] on slices with explicit strides; rows of `c` are `c_row` apart and n long.
///
/// # Panics
/// If a slice is too short for its matrix.
pub fn matmul_slices(
    m: usize,
    n: usize,
    k: usize,
    a: Strided,
    b: Strided,
    beta: f32,
    c: &mut [f32],
    c_row: usize,
) {
    start(
        m,
        n,
        k,
        &Matrix::strided(a, m, k),
        &Matrix::strided(b, k, n),
        First::scaled(beta),
        ProductTarget::Slice(c, c_row),
    );
}

/// The value from which a result starts, before the products are added.
#[derive(Clone, Copy, Debug)]
pub enum First<'a> {
    /// 0; the old content of the result is ignored.
    Zero,
    /// The numbers in the result, times this.
    Scaled(f32),
    /// The same row everywhere: a layer's bias.
    Row(&'a [f32]),
}

impl First<'_> {
    fn scaled(beta: f32) -> Self {
        if beta == 0.0 { Self::Zero } else { Self::Scaled(beta) }
    }
}

/// Multiplications of a part of a [`product`]: a fraction of a second on a slow machine.
const PART: usize = 1 << 31;

/// Whether the work in progress is cancelled.
pub type CancelCheck<'a> = &'a dyn Fn() -> bool;

/// [`matmul_slices`] of any size and with any start. A large product is computed in parts of a few panels of columns
/// each, and `left` is asked between them: once it returns true, the rest of the result is not written. The numbers do
/// not depend on the parts.
///
/// # Panics
/// If a slice is too short for its matrix, or a start row is not as long as a row of the result.
pub fn product(
    left: CancelCheck<'_>,
    (m, n, k): (usize, usize, usize),
    a: Strided,
    b: Strided,
    first: First,
    c: &mut [f32],
    c_row: usize,
) {
    in_parts(left, (m, n, k), &Matrix::strided(a, m, k), b, first, c, c_row);
}

/// [`product`] with an `A` whose row i is the k numbers of `data` from `starts[i]` on; rows may overlap, as in an
/// unfolded image.
///
/// # Panics
/// If a slice is too short for its matrix.
pub fn product_of_starts(
    left: CancelCheck<'_>,
    (n, k): (usize, usize),
    (data, starts): (&[f32], &[usize]),
    b: Strided,
    first: First,
    c: &mut [f32],
    c_row: usize,
) {
    in_parts(left, (starts.len(), n, k), &Matrix::Starts(data, starts), b, first, c, c_row);
}

#[inline]
fn in_parts(
    left: CancelCheck<'_>,
    (m, n, k): (usize, usize, usize),
    a: &Matrix,
    b: Strided,
    first: First,
    c: &mut [f32],
    c_row: usize,
) {
    if let First::Row(row) = first {
        assert_eq!(row.len(), n, "a number to start from for each column");
    }
    let whole = m.saturating_mul(n).saturating_mul(k) <= PART;
    let columns = if whole { n } else { (PART / (m * k)).next_multiple_of(WIDTH) };
    for j in (0..n).step_by(columns.max(1)) {
        if j > 0 && left() {
            return;
        }
        let part = columns.min(n - j);
        let first = if let First::Row(row) = first { First::Row(&row[j..j + part]) } else { first };
        let b = Matrix::strided(b.from_column(j), k, part);
        start(m, part, k, a, &b, first, ProductTarget::Slice(&mut c[j..], c_row));
    }
}

struct Product<'p, 'a, 'b, 'c> {
    m: usize,
    n: usize,
    k: usize,
    a: &'p Matrix<'a>,
    b: &'p Matrix<'b>,
    first: First<'p>,
    c: &'p mut ProductTarget<'c>,
    scratch: &'p mut [f32],
}

/// Stack memory for a panel and a tile, aligned to a cache line.
#[repr(align(64))]
struct TileScratch([f32; K_BLOCK * (WIDTH + HEIGHT)]);

thread_local! {
    /// The memory into which panels are copied. It is always written before it is read, so products do not clear it.
    static SCRATCH: RefCell<TileScratch> = const { RefCell::new(TileScratch([0.0; K_BLOCK * (WIDTH + HEIGHT)])) };
}

#[inline]
fn start(m: usize, n: usize, k: usize, a: &Matrix, b: &Matrix, first: First, mut c: ProductTarget) {
    SCRATCH.with_borrow_mut(|TileScratch(scratch)| {
        pulp::Arch::new().dispatch(Product { m, n, k, a, b, first, c: &mut c, scratch });
    });
}

impl WithSimd for Product<'_, '_, '_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        if self.k == 0 {
            for i in 0..self.m {
                let row = self.c.row(i, 0, self.n);
                match self.first {
                    First::Zero => row.fill(0.0),
                    First::Row(bias) => row.copy_from_slice(bias),
                    First::Scaled(beta) => row.iter_mut().for_each(|c| *c *= beta),
                }
            }
            return;
        }
        let mut j = 0;
        while j < self.n {
            if self.n - j > S::F32_LANES {
                self.panel::<S, 2>(simd, j);
                j += 2 * S::F32_LANES;
            } else {
                self.panel::<S, 1>(simd, j);
                j += S::F32_LANES;
            }
        }
    }
}

impl Product<'_, '_, '_, '_> {
    /// NV vectors of columns from column j on.
    #[inline(always)]
    fn panel<S: Simd, const NV: usize>(&mut self, simd: S, j: usize) {
        let stride = NV * S::F32_LANES;
        let width = stride.min(self.n - j);
        let mut bias = [0.0; WIDTH];
        if let First::Row(row) = self.first {
            bias[..width].copy_from_slice(&row[j..j + width]);
        }
        for start in (0..self.k).step_by(K_BLOCK) {
            let block = start..self.k.min(start + K_BLOCK);
            let first = if start == 0 { self.first } else { First::Scaled(1.0) };
            let (panel, tile) = self.scratch.split_at_mut(block.len() * stride);
            // Copying is not worth it if the panel stays in the cache anyway, or is read only a few times.
            let in_place = |b_stride| self.m <= DIRECT_ROWS || b_stride * block.len() <= DIRECT_SPAN;
            let (b, b_stride, b_at) = match self.b.direct(block.clone()) {
                // The rows of a one-row matrix may lie closer together than their length.
                Some((rows, b_stride)) if width == stride && j + width <= b_stride && in_place(b_stride) => {
                    (rows, b_stride, j)
                }
                _ => {
                    let mut panel = Panel { data: panel, stride, columns: width };
                    self.b.pack(block.clone(), j..j + width, &mut panel);
                    (&*panel.data, stride, 0)
                }
            };
            let mut tiles = PanelTiles::<S, NV> {
                simd,
                a: self.a,
                p: block,
                b,
                b_stride,
                b_at,
                first,
                bias: &bias,
                c: self.c,
                j,
                width,
                scratch: tile,
            };
            // Only a few tile heights are compiled, to limit compile time: a remainder of 7 rows runs as 4 + 3.
            let mut i = 0;
            while i < self.m {
                let rows = match self.m - i {
                    8.. if S::REGISTER_COUNT >= 32 => 8,
                    6.. if S::REGISTER_COUNT < 32 => 6,
                    rest => rest.min(4),
                };
                match rows {
                    8 => tiles.tile::<8>(i),
                    6 => tiles.tile::<6>(i),
                    4 => tiles.tile::<4>(i),
                    3 => tiles.tile::<3>(i),
                    2 => tiles.tile::<2>(i),
                    _ => tiles.tile::<1>(i),
                }
                i += rows;
            }
        }
    }
}

/// The tiles of one panel and one block of k.
struct PanelTiles<'t, 'a, 'c, S: Simd, const NV: usize> {
    simd: S,
    a: &'t Matrix<'a>,
    p: Range<usize>,
    /// Whole rows of B or of its copy, as many as the block has.
    b: &'t [f32],
    b_stride: usize,
    /// The panel's first column in them.
    b_at: usize,
    first: First<'t>,
    /// This panel's part of the row from which C starts, if it starts from one.
    bias: &'t [f32; WIDTH],
    c: &'t mut ProductTarget<'c>,
    j: usize,
    width: usize,
    scratch: &'t mut [f32],
}

/// The rows of A that belong to a tile, read down the block of k one column at a time.
trait LeftOperand {
    type Column: Copy;
    /// Column q of the tile.
    fn column(&self, q: usize) -> Self::Column;
    /// The number of a column in row r.
    fn number(&self, column: Self::Column, r: usize) -> f32;
}

struct ByRows<'a, const MR: usize>([&'a [f32]; MR]);

impl<const MR: usize> LeftOperand for ByRows<'_, MR> {
    type Column = usize;
    #[inline(always)]
    fn column(&self, q: usize) -> usize {
        q
    }
    #[inline(always)]
    fn number(&self, q: usize, r: usize) -> f32 {
        self.0[r][q]
    }
}

struct ByColumns<'a, const MR: usize>(&'a [f32], usize);

impl<'a, const MR: usize> LeftOperand for ByColumns<'a, MR> {
    type Column = &'a [f32; MR];
    #[inline(always)]
    fn column(&self, q: usize) -> &'a [f32; MR] {
        self.0[q * self.1..].first_chunk().expect("a column of the tile")
    }
    #[inline(always)]
    fn number(&self, column: &'a [f32; MR], r: usize) -> f32 {
        column[r]
    }
}

impl<S: Simd, const NV: usize> PanelTiles<'_, '_, '_, S, NV> {
    /// MR rows from row i on.
    #[inline(always)]
    fn tile<const MR: usize>(&mut self, i: usize) {
        let (p, depth) = (self.p.start, self.p.len());
        match self.a {
            // The separate branch lets the compiler see the distance between rows; every dense layer takes it.
            Matrix::Rows(data, stride) => {
                let mut rows = [&data[..0]; MR];
                unroll_rows!(r < MR: { rows[r] = &data[(i + r) * stride + p..][..depth]; });
                self.multiply::<MR>(i, ByRows(rows));
            }
            Matrix::Starts(data, starts) => {
                let mut rows = [&data[..0]; MR];
                unroll_rows!(r < MR: { rows[r] = &data[starts[i + r] + p..][..depth]; });
                self.multiply::<MR>(i, ByRows(rows));
            }
            Matrix::Columns(data, stride) => {
                self.multiply::<MR>(i, ByColumns::<MR>(&data[p * stride + i..], *stride));
            }
            Matrix::Any(view) => {
                let scratch = std::mem::take(&mut self.scratch);
                let tile = view.slice(s![i..i + MR, self.p.clone()]);
                for (column, a) in scratch.chunks_exact_mut(MR).zip(tile.columns()) {
                    for (x, &a) in column.iter_mut().zip(a) {
                        *x = a;
                    }
                }
                self.multiply::<MR>(i, ByColumns::<MR>(scratch, MR));
                self.scratch = scratch;
            }
        }
    }

    /// The products of a tile over the block of k. Each sum is stored where it is computed, with constant indices, so
    /// that it never leaves its register.
    #[inline(always)]
    fn multiply<const MR: usize>(&mut self, i: usize, a: impl LeftOperand) {
        let simd = self.simd;
        let mut sums = [[simd.splat_f32s(0.0); NV]; MR];
        // The range is checked once here, so that the loop needs no checks.
        let columns = self.b_at..self.b_at + NV * S::F32_LANES;
        assert!(columns.end <= self.b_stride, "a panel within the rows of B");
        for (q, row) in (0..self.p.len()).zip(self.b.chunks_exact(self.b_stride)) {
            let b = S::as_simd_f32s(&row[columns.clone()]).0;
            let column = a.column(q);
            unroll_rows!(r < MR: {
                let a = simd.splat_f32s(a.number(column, r));
                unroll_vectors!(v < NV: {
                    sums[r][v] = simd.mul_add_f32s(a, b[v], sums[r][v]);
                });
            });
        }
        let (first, bias) = (self.first, S::as_simd_f32s(self.bias).0);
        unroll_rows!(r < MR: {
            let row = self.c.row(i + r, self.j, self.width);
            if row.len() == NV * S::F32_LANES {
                let c = S::as_mut_simd_f32s(row).0;
                unroll_vectors!(v < NV: {
                    c[v] = arrive(simd, first, c[v], bias[v], sums[r][v]);
                });
            } else {
                unroll_vectors!(v < NV: {
                    let end = row.len().min((v + 1) * S::F32_LANES);
                    let c = &mut row[v * S::F32_LANES..end];
                    simd.partial_store_f32s(c, arrive(simd, first, simd.partial_load_f32s(c), bias[v], sums[r][v]));
                });
            }
        });
    }
}

/// Combines the sum of a block with C.
#[inline(always)]
fn arrive<S: Simd>(simd: S, first: First, c: S::f32s, bias: S::f32s, sum: S::f32s) -> S::f32s {
    match first {
        First::Zero => sum,
        First::Row(_) => simd.add_f32s(bias, sum),
        First::Scaled(beta) => simd.mul_add_f32s(c, simd.splat_f32s(beta), sum),
    }
}

#[cfg(test)]
mod tests;
