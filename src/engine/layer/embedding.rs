//! A table of vectors, looked up by number.

use super::{Backward, Build, Fill, Forward, Layer, SlotSpec};
use crate::engine::shape::Shape;
use crate::limits;
use crate::registry::settings;

settings! {
    /// Turns each whole number of a sequence into the vector of that row of a table; a vector counts as a sequence.
    pub struct Embedding {
        /// rows of the table: the inputs are 0 .. num_embeddings - 1
        num_embeddings: usize = 16, 1..=limits::UNITS;
        /// length of each vector
        dim: usize = 8, 1..=limits::UNITS;
    }
}

impl Build for Embedding {
    fn build(&self, input: Shape) -> Result<Box<dyn Layer>, String> {
        let steps = match input {
            Shape::Flat(steps) | Shape::Sequence { steps, features: 1 } => steps,
            other => {
                return Err(format!("Embedding needs one whole number a time step, {other} goes in"));
            }
        };
        Ok(Box::new(EmbeddingTable { rows: self.num_embeddings, dim: self.dim, steps }))
    }
}

/// `yₜ = W[xₜ]`.
#[derive(Debug)]
struct EmbeddingTable {
    rows: usize,
    dim: usize,
    steps: usize,
}

impl EmbeddingTable {
    /// The row for an input, rounded to the nearest existing one: noise on inputs must not stop a lane.
    fn row(&self, x: f32) -> usize {
        ((x + 0.5) as usize).min(self.rows - 1)
    }
}

impl Layer for EmbeddingTable {
    fn output(&self) -> Shape {
        Shape::Sequence { steps: self.steps, features: self.dim }
    }

    fn slots(&self) -> Vec<SlotSpec> {
        // One row is used per output, so it is scaled by its length.
        let fill = Fill::Init { fan_in: self.dim, fan_out: self.dim };
        vec![SlotSpec { name: "weight", shape: vec![self.rows, self.dim], fill }]
    }

    fn forward(&self, f: Forward<'_>) {
        for (&x, y) in f.x.iter().zip(f.y.chunks_exact_mut(self.dim)) {
            y.copy_from_slice(&f.params[self.row(x) * self.dim..][..self.dim]);
        }
    }

    fn backward(&self, b: Backward<'_>) {
        // dW[xₜ] += dyₜ: the gradients of repeated numbers are added. A whole number has no gradient.
        if let Some(grad_params) = b.grad_params {
            grad_params.fill(0.0);
            for (&x, gy) in b.x.iter().zip(b.grad_output.chunks_exact(self.dim)) {
                let row = &mut grad_params[self.row(x) * self.dim..][..self.dim];
                row.iter_mut().zip(gy).for_each(|(w, &g)| *w += g);
            }
        }
        if let Some(grad_input) = b.grad_input {
            grad_input.fill(0.0);
        }
    }
}
