//! Dropout.

use super::{Backward, Build, Forward, Layer, stream};
use crate::engine::rng::Purpose;
use crate::engine::{kernel, shape::Shape};
use crate::registry::settings;

settings! {
    /// Sets each number to 0 with probability p in training and scales the rest by 1/(1-p). Srivastava et al. 2014.
    pub struct Dropout {
        /// probability of dropping a number
        p: f64 = 0.5, 0.0..1.0;
    }
}

impl Build for Dropout {
    fn build(&self, input: Shape) -> Result<Box<dyn Layer>, String> {
        Ok(Box::new(Mask { shape: input, p: self.p as f32, keep: (1.0 / (1.0 - self.p)) as f32 }))
    }
}

/// y = x · mask/(1-p) in training, y = x in evaluation.
#[derive(Debug)]
struct Mask {
    shape: Shape,
    p: f32,
    keep: f32,
}

impl Layer for Mask {
    fn output(&self) -> Shape {
        self.shape
    }

    /// The mask: 1 for a number that is kept, 0 for one that is dropped.
    fn cache_len(&self, rows: usize) -> usize {
        self.shape.size() * rows
    }

    fn forward(&self, f: Forward<'_>) {
        if !f.pass.training {
            return f.y.copy_from_slice(f.x);
        }
        let mask = &mut f.cache[..f.x.len()];
        // Draw (row · size + column) belongs to that entry of the whole batch, even if this pass covers only a part of
        // it.
        let mut draws = stream(f.pass, Purpose::Dropout, f.layer);
        draws.seek(f.pass.first_row as u64 * self.shape.size() as u64);
        mask.fill_with(|| if draws.unit() < self.p { 0.0 } else { 1.0 });
        apply(mask, self.keep, f.x, f.y);
    }

    fn backward(&self, b: Backward<'_>) {
        let Some(grad_input) = b.grad_input else { return };
        if b.pass.training {
            apply(&b.cache[..grad_input.len()], self.keep, b.grad_output, grad_input);
        } else {
            grad_input.copy_from_slice(b.grad_output);
        }
    }
}

/// out = x · mask · keep, for values as well as for gradients.
fn apply(mask: &[f32], keep: f32, x: &[f32], out: &mut [f32]) {
    kernel::map2(
        x,
        mask,
        out,
        #[inline(always)]
        move |x, m| x * (m * keep),
    );
}
