//! The fully connected layer.

use super::{Apart, Backward, Build, Fill, Forward, Layer, SlotSpec};
use crate::engine::kernel::{self, Strided};
use crate::engine::shape::Shape;
use crate::limits;
use crate::registry::settings;
use ndarray::{ArrayView2, ArrayViewMut2};

settings! {
    /// Fully connected layer y = x Wᵀ + b; on a sequence, the same at every time step; an image counts as one vector.
    pub struct Dense {
        /// output features
        units: usize = 32, 1..=limits::UNITS;
        /// whether b is there
        bias: bool = true;
    }
}

impl Build for Dense {
    fn build(&self, input: Shape) -> Result<Box<dyn Layer>, String> {
        let (repeat, inputs) = input.rows_of();
        Ok(Box::new(Affine {
            inputs,
            units: self.units,
            bias: self.bias,
            repeat,
            output: input.with_features(self.units),
        }))
    }
}

/// y = x Wᵀ + b on `repeat` vectors a sample.
#[derive(Debug)]
struct Affine {
    inputs: usize,
    units: usize,
    bias: bool,
    repeat: usize,
    output: Shape,
}

impl Layer for Affine {
    fn output(&self) -> Shape {
        self.output
    }

    fn slots(&self) -> Vec<SlotSpec> {
        let fill = Fill::Init { fan_in: self.inputs, fan_out: self.units };
        let mut slots = vec![SlotSpec { name: "weight", shape: vec![self.units, self.inputs], fill }];
        if self.bias {
            slots.push(SlotSpec { name: "bias", shape: vec![self.units], fill: Fill::Constant(0.0) });
        }
        slots
    }

    fn work(&self) -> usize {
        self.repeat * self.inputs * self.units
    }

    fn forward(&self, f: Forward<'_>) {
        let rows = f.pass.rows * self.repeat;
        let (weight, bias) = f.params.split_at(self.units * self.inputs);
        let x = matrix(f.x, rows, self.inputs);
        let w = matrix(weight, self.units, self.inputs);
        // y = x Wᵀ + b
        let y = matrix_mut(f.y, rows, self.units);
        if self.bias {
            kernel::matmul_bias(x, w.t(), bias, y);
        } else {
            kernel::matmul(x, w.t(), 0.0, y);
        }
    }

    fn backward(&self, b: Backward<'_>) {
        let rows = b.pass.rows * self.repeat;
        // dW = dyᵀ x, db = Σ dy, dx = dy W
        if let Some(grad_params) = b.grad_params {
            self.gradient(b.pass.rows, b.x, b.grad_output, 0, grad_params);
        }
        if let Some(grad_input) = b.grad_input {
            let gy = matrix(b.grad_output, rows, self.units);
            let w = matrix(b.params, self.units, self.inputs);
            kernel::matmul(gy, w, 0.0, matrix_mut(grad_input, rows, self.inputs));
        }
    }

    fn apart(&self) -> Option<&dyn Apart> {
        Some(self)
    }
}

impl Apart for Affine {
    /// Cuts between two units; in large layers at a multiple of a tile, so that the product has whole tiles only.
    fn cut(&self, at: usize) -> usize {
        let step = if self.units < 64 { 1 } else { 8 };
        let unit = (at + self.inputs * step / 2) / (self.inputs * step) * step;
        unit.min(self.units) * self.inputs
    }

    fn gradient(&self, rows: usize, x: &[f32], grad_output: &[f32], from: usize, out: &mut [f32]) {
        let rows = rows * self.repeat;
        let weights = (self.units * self.inputs).saturating_sub(from).min(out.len());
        let (grad_weight, grad_bias) = out.split_at_mut(weights);
        let (first, units) = (from / self.inputs, weights / self.inputs);
        // dW = dyᵀ x, the rows of these units; db = Σ dy
        if units > 0 {
            let gy = Strided { data: &grad_output[first..], row: 1, col: self.units };
            let x = Strided::rows(x, self.inputs);
            kernel::matmul_slices(units, self.inputs, rows, gy, x, 0.0, grad_weight, self.inputs);
        }
        kernel::sum_rows(grad_output, grad_bias);
    }
}

/// A row-major matrix over the beginning of a slice.
pub(super) fn matrix(data: &[f32], rows: usize, columns: usize) -> ArrayView2<'_, f32> {
    ArrayView2::from_shape((rows, columns), &data[..rows * columns]).expect("rows x columns numbers")
}

/// A row-major matrix over the beginning of a slice, to write.
pub(super) fn matrix_mut(data: &mut [f32], rows: usize, columns: usize) -> ArrayViewMut2<'_, f32> {
    ArrayViewMut2::from_shape((rows, columns), &mut data[..rows * columns]).expect("rows x columns numbers")
}
