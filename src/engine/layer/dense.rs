//! The fully connected layer.

use super::{Backward, Build, Fill, Forward, Layer, ParameterGradient, SlotSpec};
use crate::engine::kernel::{self, First, Strided};
use crate::engine::shape::Shape;
use crate::engine::team::Team;
use crate::limits;
use crate::registry::settings;

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

/// y = x Wᵀ + b on `repeat` vectors per sample.
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
        let x = Strided::rows(f.x, self.inputs);
        let w = Strided::rows(weight, self.inputs);
        // y = x Wᵀ + b
        let first = if self.bias { First::Row(bias) } else { First::Zero };
        let size = (rows, self.units, self.inputs);
        kernel::product(&|| f.team.left(), size, x, w.t(), first, f.y, self.units);
    }

    fn backward(&self, b: Backward<'_>) {
        let rows = b.pass.rows * self.repeat;
        // dW = dyᵀ x, db = Σ dy, dx = dy W
        if let Some(grad_params) = b.grad_params {
            self.gradient(b.pass.rows, b.x, b.grad_output, 0, grad_params, b.team);
        }
        if let Some(grad_input) = b.grad_input {
            let gy = Strided::rows(b.grad_output, self.units);
            let w = Strided::rows(b.params, self.inputs);
            let size = (rows, self.inputs, self.units);
            kernel::product(&|| b.team.left(), size, gy, w, First::Zero, grad_input, self.inputs);
        }
    }

    fn apart(&self) -> Option<&dyn ParameterGradient> {
        Some(self)
    }
}

impl ParameterGradient for Affine {
    /// Cuts between two units; in large layers at a multiple of a tile, so that the product has only whole tiles.
    fn cut(&self, at: usize) -> usize {
        let step = if self.units < 64 { 1 } else { 8 };
        let unit = (at + self.inputs * step / 2) / (self.inputs * step) * step;
        unit.min(self.units) * self.inputs
    }

    fn gradient(
        &self,
        rows: usize,
        x: &[f32],
        grad_output: &[f32],
        from: usize,
        out: &mut [f32],
        team: &dyn Team,
    ) {
        let rows = rows * self.repeat;
        let weights = (self.units * self.inputs).saturating_sub(from).min(out.len());
        let (grad_weight, grad_bias) = out.split_at_mut(weights);
        let (first, units) = (from / self.inputs, weights / self.inputs);
        // dW = dyᵀ x, the rows of these units; db = Σ dy
        if units > 0 {
            let gy = Strided { data: &grad_output[first..], row: 1, col: self.units };
            let x = Strided::rows(x, self.inputs);
            let size = (units, self.inputs, rows);
            kernel::product(&|| team.left(), size, gy, x, First::Zero, grad_weight, self.inputs);
        }
        kernel::sum_rows(grad_output, grad_bias);
    }
}
