//! Softmax and its logarithm over the features of a sample (of each time step of a sequence).

use crate::engine::kernel::math;
use crate::engine::layer::{Backward, Build, Forward, Layer};
use crate::engine::shape::Shape;
use crate::registry::settings;

settings! {
    /// Softmax yᵢ = e^(xᵢ)/Σ e^(xⱼ) over the features, shifted by the maximum. Losses here take logits: no softmax before them.
    pub struct Softmax {}
}

settings! {
    /// ln softmax(x) over the features, without underflow.
    pub struct LogSoftmax {}
}

impl Build for Softmax {
    fn build(&self, input: Shape) -> Result<Box<dyn Layer>, String> {
        Ok(Box::new(SoftmaxRows { shape: input, log: false }))
    }
}

impl Build for LogSoftmax {
    fn build(&self, input: Shape) -> Result<Box<dyn Layer>, String> {
        Ok(Box::new(SoftmaxRows { shape: input, log: true }))
    }
}

#[derive(Debug)]
struct SoftmaxRows {
    shape: Shape,
    log: bool,
}

impl Layer for SoftmaxRows {
    fn output(&self) -> Shape {
        self.shape
    }

    fn forward(&self, f: Forward<'_>) {
        let width = self.shape.rows_of().1;
        for (x, y) in f.x.chunks_exact(width).zip(f.y.chunks_exact_mut(width)) {
            let max = x.iter().fold(f32::NEG_INFINITY, |m, &v| if v > m || v.is_nan() { v } else { m });
            let mut sum = 0.0;
            for (y, &x) in y.iter_mut().zip(x) {
                *y = math::exp(x - max);
                sum += *y;
            }
            if self.log {
                let log_sum = math::ln(sum);
                y.iter_mut().zip(x).for_each(|(y, &x)| *y = (x - max) - log_sum);
            } else {
                for y in y {
                    *y /= sum;
                }
            }
        }
    }

    fn backward(&self, b: Backward<'_>) {
        let Some(grad_input) = b.grad_input else { return };
        let width = self.shape.rows_of().1;
        let rows = b.y.chunks_exact(width).zip(b.grad_output.chunks_exact(width));
        for ((y, g), gx) in rows.zip(grad_input.chunks_exact_mut(width)) {
            if self.log {
                // dx = g - softmax(x) Σ g
                let sum: f64 = g.iter().map(|&g| f64::from(g)).sum();
                for ((gx, &g), &y) in gx.iter_mut().zip(g).zip(y) {
                    *gx = g - math::exp(y) * sum as f32;
                }
            } else {
                // dx = y (g - Σ g y); the difference cancels, so it is taken in f64
                let dot: f64 = g.iter().zip(y).map(|(&g, &y)| f64::from(g) * f64::from(y)).sum();
                for ((gx, &g), &y) in gx.iter_mut().zip(g).zip(y) {
                    *gx = (f64::from(y) * (f64::from(g) - dot)) as f32;
                }
            }
        }
    }
}
