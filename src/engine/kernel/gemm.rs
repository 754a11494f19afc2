//! Matrix products in one fixed order of operations. Knows two operands and a result, and nothing of layers.
//!
//! # The order of operations
//! `C = β C + A B` with `A (m × k)`, `B (k × n)`, `C (m × n)`. The k products of an element are taken in blocks of
//! [`K_BLOCK`]; within a block they are fused one after the other, in increasing index, onto a sum that starts at
//! 0, and the sums of the blocks are fused onto the result in increasing order:
//! ```text
//! for each block b:  s = 0;  for p in block b:  s = fma(A[i,p], B[p,j], s)
//!                    C[i,j] = fma(C[i,j], β if b = 0 else 1, s)      (b = 0 and β = 0: C[i,j] = s)
//! ```
//! Every element follows this rule by itself, so its bits depend neither on the vector width nor on how rows and
//! columns are cut into tiles, nor on the strides of the operands, nor on how many rows are computed at a time.
//! The blocks keep the rounding error of a long sum at that of a sum of about 256 + k / 256 terms.
//!
//! # How it is computed
//! A tile of a few rows by two vectors of columns stays in registers while a block of k is worked off. `A` is read
//! in place when one of its strides is 1; `B` is read in place when its columns are adjacent and few rows use it,
//! else a panel of it is copied to the stack in the order in which it will be read.

use std::ops::Range;

use ndarray::{ArrayView2, ArrayViewMut2, s};
use pulp::{Simd, WithSimd};

use super::transpose::transpose;

/// The number of products after which a sum is added to the result (see the order of operations above).
pub const K_BLOCK: usize = 256;
/// Columns of a panel on the widest machine: two vectors of 16.
const WIDTH: usize = 32;
/// Rows of a tile on a machine with 32 vector registers.
const HEIGHT: usize = 8;
/// Up to this many rows of C it does not pay to copy a `B` that can be read in place.
const DIRECT_ROWS: usize = 4 * HEIGHT;
/// Nor if the block of B lies within this many floats, half of a small first-level cache.
const DIRECT_SPAN: usize = 4096;

/// A loop over the rows of a tile, written out: the compiler keeps an array in registers only if it sees constant
/// indices early, and loops as long as a tile it unrolls too late. Each line costs compile time in every instance
/// of the kernel, so there are no more of them than the tallest tile has rows.
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

/// A matrix inside a slice: element (i, j) is `data[i * row + j * col]`.
#[derive(Clone, Copy, Debug)]
pub struct Strided<'a> {
    /// The slice.
    pub data: &'a [f32],
    /// Distance between rows.
    pub row: usize,
    /// Distance between columns.
    pub col: usize,
}

impl<'a> Strided<'a> {
    /// Rows of length `columns`, one behind the other.
    #[inline]
    pub fn rows(data: &'a [f32], columns: usize) -> Self {
        Self { data, row: columns, col: 1 }
    }

    /// The transpose: rows become columns.
    #[inline]
    #[must_use]
    pub fn t(self) -> Self {
        Self { data: self.data, row: self.col, col: self.row }
    }
}

/// A block of `B` to be filled by the caller of [`matmul_packed`].
#[derive(Debug)]
pub struct Panel<'a> {
    data: &'a mut [f32],
    /// Distance between rows; at least `columns`.
    stride: usize,
    columns: usize,
}

impl Panel<'_> {
    /// Row p of the block (counted from the start of its k range), one element for each column of its j range.
    /// What it holds at first is unspecified: every element has to be written.
    #[inline(always)]
    pub fn row(&mut self, p: usize) -> &mut [f32] {
        &mut self.data[p * self.stride..][..self.columns]
    }
}

/// `C = β C + A B`. `β = 0` overwrites C whatever it holds, NaN too; `β = 1` accumulates.
///
/// # Shapes
/// `a (m × k)`, `b (k × n)` in any strides; `c (m × n)`, whose rows have to be contiguous. Fastest where a whole
/// operand is contiguous in either order; for blocks of a larger buffer see [`matmul_slices`].
///
/// # Panics
/// If the shapes do not fit together or a row of `c` is not contiguous.
pub fn matmul(a: ArrayView2<f32>, b: ArrayView2<f32>, beta: f32, c: ArrayViewMut2<f32>) {
    let ((m, k), (k_b, n)) = (a.dim(), b.dim());
    assert!(k == k_b && c.dim() == (m, n), "matmul of {:?} by {:?} into {:?}", a.dim(), b.dim(), c.dim());
    start(m, n, k, Matrix::view(a), Operand(Matrix::view(b)), beta, Target::view(c));
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
        Matrix::strided(a, m, k),
        Operand(Matrix::strided(b, k, n)),
        beta,
        Target::Slice(c, c_row),
    );
}

/// [`matmul`] with a `B` that exists only as blocks: `pack(k range, j range, panel)` has to write row p - k.start
/// of the panel with `B[p, j]` for p and j in the ranges. Each element of B is asked for exactly once, in an order
/// of blocks that depends on the machine; the result does not.
///
/// # Panics
/// If the shapes do not fit together or a row of `c` is not contiguous.
pub fn matmul_packed(
    a: ArrayView2<f32>,
    pack: impl FnMut(Range<usize>, Range<usize>, &mut Panel),
    beta: f32,
    c: ArrayViewMut2<f32>,
) {
    let ((m, k), n) = (a.dim(), c.ncols());
    assert_eq!(c.nrows(), m, "matmul of {:?} into {:?}", a.dim(), c.dim());
    start(m, n, k, Matrix::view(a), Packer(pack), beta, Target::view(c));
}

/// A left or right operand by the way in which it can be read.
enum Matrix<'a> {
    /// Rows contiguous, this far apart.
    Rows(&'a [f32], usize),
    /// Columns contiguous, this far apart.
    Columns(&'a [f32], usize),
    /// Anything else.
    Any(ArrayView2<'a, f32>),
}

impl<'a> Matrix<'a> {
    #[inline]
    fn view(view: ArrayView2<'a, f32>) -> Self {
        let (rows, columns) = view.dim();
        if let Some(data) = view.to_slice() {
            Self::Rows(data, columns)
        } else if let Some(data) = view.reversed_axes().to_slice() {
            Self::Columns(data, rows)
        } else {
            Self::Any(view)
        }
    }

    #[inline]
    fn strided(m: Strided<'a>, rows: usize, columns: usize) -> Self {
        if rows == 0 || columns == 0 {
            return Self::Rows(&[], 0);
        }
        let last = (rows - 1) * m.row + (columns - 1) * m.col;
        assert!(last < m.data.len(), "{rows} x {columns} matrix in a slice of {}", m.data.len());
        if m.col == 1 {
            Self::Rows(m.data, m.row)
        } else if m.row == 1 {
            Self::Columns(m.data, m.col)
        } else {
            let shape = ndarray::ShapeBuilder::strides((rows, columns), (m.row, m.col));
            Self::Any(ArrayView2::from_shape(shape, m.data).expect("checked above"))
        }
    }
}

/// Where the result goes.
enum Target<'a> {
    Slice(&'a mut [f32], usize),
    View(ArrayViewMut2<'a, f32>),
}

impl<'a> Target<'a> {
    #[inline]
    fn view(view: ArrayViewMut2<'a, f32>) -> Self {
        let columns = view.ncols();
        if view.is_standard_layout() {
            Self::Slice(view.into_slice().expect("standard layout"), columns)
        } else {
            Self::View(view)
        }
    }

    #[inline(always)]
    fn row(&mut self, i: usize, j: usize, width: usize) -> &mut [f32] {
        match self {
            Self::Slice(data, stride) => &mut data[i * *stride + j..][..width],
            Self::View(view) => {
                let row =
                    view.row_mut(i).into_slice().expect("the rows of a product's result are contiguous");
                &mut row[j..][..width]
            }
        }
    }
}

/// The right operand of the inner loops.
trait Right {
    /// The block as rows of adjacent columns, if it can be read in place: data and distance between rows.
    fn direct(&self, p: usize, j: usize) -> Option<(&[f32], usize)>;
    /// Copies the block.
    fn pack(&mut self, p: Range<usize>, j: Range<usize>, panel: &mut Panel);
}

struct Operand<'a>(Matrix<'a>);

impl Right for Operand<'_> {
    #[inline(always)]
    fn direct(&self, p: usize, j: usize) -> Option<(&[f32], usize)> {
        match self.0 {
            Matrix::Rows(data, stride) => Some((&data[p * stride + j..], stride)),
            _ => None,
        }
    }

    #[inline(always)]
    fn pack(&mut self, p: Range<usize>, j: Range<usize>, panel: &mut Panel) {
        match self.0 {
            Matrix::Rows(data, stride) => {
                for (row, p) in p.enumerate() {
                    panel.row(row).copy_from_slice(&data[p * stride + j.start..][..j.len()]);
                }
            }
            Matrix::Columns(data, stride) => {
                let from = &data[j.start * stride + p.start..];
                transpose(from, stride, p.len(), j.len(), panel.data, panel.stride);
            }
            Matrix::Any(view) => {
                for (row, p) in p.enumerate() {
                    for (x, &b) in panel.row(row).iter_mut().zip(view.slice(s![p, j.clone()])) {
                        *x = b;
                    }
                }
            }
        }
    }
}

struct Packer<F>(F);

impl<F: FnMut(Range<usize>, Range<usize>, &mut Panel)> Right for Packer<F> {
    #[inline(always)]
    fn direct(&self, _: usize, _: usize) -> Option<(&[f32], usize)> {
        None
    }

    #[inline(always)]
    fn pack(&mut self, p: Range<usize>, j: Range<usize>, panel: &mut Panel) {
        (self.0)(p, j, panel);
    }
}

struct Product<'p, 'a, 'c, R> {
    m: usize,
    n: usize,
    k: usize,
    a: &'p Matrix<'a>,
    b: R,
    beta: f32,
    c: &'p mut Target<'c>,
    scratch: &'p mut [f32],
}

/// Chooses a scratch no larger than needed (clearing it costs more than a tiny product) and runs the product.
// 40 KB of stack at most, in place of an allocation in every training step.
#[allow(clippy::large_stack_arrays)]
#[inline]
fn start<R: Right>(m: usize, n: usize, k: usize, a: Matrix, b: R, beta: f32, mut c: Target) {
    let in_place = match a {
        Matrix::Any(_) => K_BLOCK + 1,
        _ => k,
    };
    let run = |scratch: &mut [f32]| {
        pulp::Arch::new().dispatch(Product { m, n, k, a: &a, b, beta, c: &mut c, scratch });
    };
    match in_place {
        0..=16 => run(&mut [0.0; 16 * WIDTH]),
        17..=64 => run(&mut [0.0; 64 * WIDTH]),
        65..=K_BLOCK => run(&mut [0.0; K_BLOCK * WIDTH]),
        _ => run(&mut [0.0; K_BLOCK * (WIDTH + HEIGHT)]),
    }
}

impl<R: Right> WithSimd for Product<'_, '_, '_, R> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        if self.k == 0 {
            for i in 0..self.m {
                for c in self.c.row(i, 0, self.n) {
                    *c = if self.beta == 0.0 { 0.0 } else { *c * self.beta };
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

impl<R: Right> Product<'_, '_, '_, R> {
    /// NV vectors of columns from column j on.
    #[inline(always)]
    fn panel<S: Simd, const NV: usize>(&mut self, simd: S, j: usize) {
        let stride = NV * S::F32_LANES;
        let width = stride.min(self.n - j);
        for start in (0..self.k).step_by(K_BLOCK) {
            let block = start..self.k.min(start + K_BLOCK);
            let beta = if start == 0 { self.beta } else { 1.0 };
            let (panel, tile) = self.scratch.split_at_mut(block.len() * stride);
            // A panel that stays in the cache anyway, or is read a few times only, is not worth a copy.
            let in_place = |b_stride| self.m <= DIRECT_ROWS || b_stride * block.len() <= DIRECT_SPAN;
            let (b, b_stride) = match self.b.direct(start, j) {
                Some(direct) if width == stride && in_place(direct.1) => direct,
                _ => {
                    let mut panel = Panel { data: panel, stride, columns: width };
                    self.b.pack(block.clone(), j..j + width, &mut panel);
                    (&*panel.data, stride)
                }
            };
            let mut tiles = Tiles::<S, NV> {
                simd,
                a: self.a,
                p: block,
                b,
                b_stride,
                beta,
                c: self.c,
                j,
                width,
                scratch: tile,
            };
            // Few heights, for the sake of the compile time: a rest of 7 rows runs as 4 + 2 + 1.
            let mut i = 0;
            while i < self.m {
                let rows = match self.m - i {
                    8.. if S::REGISTER_COUNT >= 32 => 8,
                    6.. if S::REGISTER_COUNT < 32 => 6,
                    4.. => 4,
                    2.. => 2,
                    _ => 1,
                };
                match rows {
                    8 => tiles.tile::<8>(i),
                    6 => tiles.tile::<6>(i),
                    4 => tiles.tile::<4>(i),
                    2 => tiles.tile::<2>(i),
                    _ => tiles.tile::<1>(i),
                }
                i += rows;
            }
        }
    }
}

/// The tiles of one panel and one block of k.
struct Tiles<'t, 'a, 'c, S: Simd, const NV: usize> {
    simd: S,
    a: &'t Matrix<'a>,
    p: Range<usize>,
    b: &'t [f32],
    b_stride: usize,
    beta: f32,
    c: &'t mut Target<'c>,
    j: usize,
    width: usize,
    scratch: &'t mut [f32],
}

impl<S: Simd, const NV: usize> Tiles<'_, '_, '_, S, NV> {
    /// MR rows from row i on.
    #[inline(always)]
    fn tile<const MR: usize>(&mut self, i: usize) {
        let (p, depth) = (self.p.start, self.p.len());
        if let Matrix::Columns(data, stride) = self.a {
            let data = &data[p * stride + i..];
            return self.multiply::<MR>(
                i,
                #[inline(always)]
                |q| data[q * stride..][..MR].try_into().expect("a column of the tile"),
            );
        }
        let scratch = std::mem::take(&mut self.scratch);
        if let Matrix::Any(view) = self.a {
            for r in 0..MR {
                let row = view.slice(s![i + r, self.p.clone()]);
                for (x, &a) in scratch[r * depth..].iter_mut().zip(row) {
                    *x = a;
                }
            }
        }
        let rows: [&[f32]; MR] = std::array::from_fn(|r| match self.a {
            Matrix::Rows(data, stride) => &data[(i + r) * stride + p..][..depth],
            _ => &scratch[r * depth..][..depth],
        });
        self.multiply::<MR>(
            i,
            #[inline(always)]
            |q| std::array::from_fn(|r| rows[r][q]),
        );
        self.scratch = scratch;
    }

    /// The products of a tile over the block of k; `a(q)` gives the column of A that belongs to row q of the block.
    /// The sums are stored where they arise, and by constant indices, so that they never leave the registers.
    #[inline(always)]
    fn multiply<const MR: usize>(&mut self, i: usize, a: impl Fn(usize) -> [f32; MR]) {
        let simd = self.simd;
        let mut sums = [[simd.splat_f32s(0.0); NV]; MR];
        for q in 0..self.p.len() {
            let b = S::as_simd_f32s(&self.b[q * self.b_stride..][..NV * S::F32_LANES]).0;
            let a = a(q);
            unroll_rows!(r < MR: {
                let a = simd.splat_f32s(a[r]);
                unroll_vectors!(v < NV: {
                    sums[r][v] = simd.mul_add_f32s(a, b[v], sums[r][v]);
                });
            });
        }
        let beta = simd.splat_f32s(self.beta);
        let overwrite = self.beta == 0.0;
        unroll_rows!(r < MR: {
            let row = self.c.row(i + r, self.j, self.width);
            if row.len() == NV * S::F32_LANES {
                let c = S::as_mut_simd_f32s(row).0;
                unroll_vectors!(v < NV: {
                    let sum = sums[r][v];
                    c[v] = if overwrite { sum } else { simd.mul_add_f32s(c[v], beta, sum) };
                });
            } else {
                unroll_vectors!(v < NV: {
                    let end = row.len().min((v + 1) * S::F32_LANES);
                    let (c, sum) = (&mut row[v * S::F32_LANES..end], sums[r][v]);
                    let sum =
                        if overwrite { sum } else { simd.mul_add_f32s(simd.partial_load_f32s(c), beta, sum) };
                    simd.partial_store_f32s(c, sum);
                });
            }
        });
    }
}

#[cfg(test)]
mod tests;
