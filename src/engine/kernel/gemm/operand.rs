//! The memory layouts of a product's operands. Knows no arithmetic.

use std::ops::Range;

use ndarray::{ArrayView2, ArrayViewMut2, s};

use super::super::{simd, transpose::transpose};

/// A strided matrix inside a slice: element (i, j) is `data[i * row + j * col]`.
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
    /// Rows of length `columns`, stored one after another.
    #[inline]
    pub fn rows(data: &'a [f32], columns: usize) -> Self {
        Self { data, row: columns, col: 1 }
    }

    /// The matrix from column j on.
    #[inline]
    #[must_use]
    pub fn from_column(self, j: usize) -> Self {
        Self { data: &self.data[j * self.col..], ..self }
    }

    /// The transpose: rows become columns.
    #[inline]
    #[must_use]
    pub fn t(self) -> Self {
        Self { data: self.data, row: self.col, col: self.row }
    }
}

/// A block of the right operand, copied in the order in which it is read.
pub(super) struct Panel<'a> {
    pub(super) data: &'a mut [f32],
    /// Distance between rows; at least `columns`.
    pub(super) stride: usize,
    pub(super) columns: usize,
}

impl Panel<'_> {
    /// Row p of the block, counted from its start.
    #[inline(always)]
    pub fn row(&mut self, p: usize) -> &mut [f32] {
        &mut self.data[p * self.stride..][..self.columns]
    }
}

/// The memory layout of an operand, which decides the loop that reads it.
pub(super) enum Matrix<'a> {
    /// Rows contiguous, this far apart.
    Rows(&'a [f32], usize),
    /// Rows contiguous, each with its own start.
    Starts(&'a [f32], &'a [usize]),
    /// Columns contiguous, this far apart.
    Columns(&'a [f32], usize),
    /// Anything else.
    Any(ArrayView2<'a, f32>),
}

impl<'a> Matrix<'a> {
    #[inline]
    pub fn view(view: ArrayView2<'a, f32>) -> Self {
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
    pub fn strided(m: Strided<'a>, rows: usize, columns: usize) -> Self {
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

/// The destination of the result.
pub(super) enum ProductTarget<'a> {
    Slice(&'a mut [f32], usize),
    View(ArrayViewMut2<'a, f32>),
}

impl<'a> ProductTarget<'a> {
    #[inline]
    pub fn view(view: ArrayViewMut2<'a, f32>) -> Self {
        let columns = view.ncols();
        if view.is_standard_layout() {
            Self::Slice(view.into_slice().expect("standard layout"), columns)
        } else {
            Self::View(view)
        }
    }

    #[inline(always)]
    pub fn row(&mut self, i: usize, j: usize, width: usize) -> &mut [f32] {
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

/// The right operand of the inner loops; these functions are called once per block, never per number.
impl Matrix<'_> {
    /// Rows p in place, with their length, if all of them are contiguous.
    pub fn direct(&self, p: Range<usize>) -> Option<(&[f32], usize)> {
        match self {
            Self::Rows(data, stride) => Some((data.get(p.start * stride..p.end * stride)?, *stride)),
            _ => None,
        }
    }

    /// Copies the block. The function must not be inlined: that would change how the tiles around it are compiled.
    #[inline(never)]
    pub fn pack(&self, p: Range<usize>, j: Range<usize>, panel: &mut Panel) {
        simd(
            #[inline(always)]
            || match *self {
                Self::Rows(data, stride) => {
                    for (row, p) in p.enumerate() {
                        panel.row(row).copy_from_slice(&data[p * stride + j.start..][..j.len()]);
                    }
                }
                Self::Starts(data, starts) => {
                    for (row, p) in p.enumerate() {
                        panel.row(row).copy_from_slice(&data[starts[p] + j.start..][..j.len()]);
                    }
                }
                Self::Columns(data, stride) => {
                    let from = &data[j.start * stride + p.start..];
                    transpose(from, stride, p.len(), j.len(), panel.data, panel.stride);
                }
                Self::Any(view) => {
                    for (row, p) in p.enumerate() {
                        for (x, &b) in panel.row(row).iter_mut().zip(view.slice(s![p, j.clone()])) {
                            *x = b;
                        }
                    }
                }
            },
        );
    }
}
