//! The gradient over a part of the last batch, for numbers that compare parts. Read-only for training.

use super::batch::BatchTargets;
use crate::engine::layer::Pass;
use crate::engine::network::{Network, Workspace};
use crate::scenario::Recipe;
use std::ops::Range;

/// The last training batch, and the parameters before its update.
pub(super) struct LastBatch<'a> {
    pub(super) network: &'a Network,
    pub(super) recipe: &'a Recipe,
    /// Holds the inputs.
    pub(super) ws: &'a Workspace,
    pub(super) batch: &'a BatchTargets,
    /// The pass of the whole batch, so that each row keeps its dropout mask.
    pub(super) pass: Pass,
    pub(super) params: &'a [f32],
    /// Memory for a part, allocated at the first call.
    pub(super) own: &'a mut Option<Workspace>,
}

impl LastBatch<'_> {
    /// Writes the mean gradient over these rows, without penalties. All calls must have the same number of rows.
    pub(super) fn gradient(&mut self, range: Range<usize>, out: &mut [f32]) {
        let (rows, size) = (range.len(), self.network.input().size());
        let own = self.own.get_or_insert_with(|| self.network.workspace(rows));
        if own.rows() != rows {
            *own = self.network.workspace(rows);
        }
        let pass = Pass { rows, first_row: range.start, ..self.pass };
        let inputs = self.ws.activation(0, self.pass.rows);
        own.input_mut(rows).copy_from_slice(&inputs[range.start * size..range.end * size]);
        self.network.forward(self.params, &[], pass, own);
        let (output, grad) = own.output_and_grad(rows);
        let (loss, width) = (&self.recipe.loss, self.network.output().rows_of().1);
        let scale = 1.0 / loss.terms(output, width).max(1) as f64;
        loss.eval(output, width, self.batch.part(range, self.pass.rows), scale as f32, Some(grad), None);
        self.network.backward(self.params, &[], pass, own, Some(out), false);
    }
}
