//! A batch as a function of the parameters: the loss, the penalties on the weights, and the gradient of both.

use super::batch::BatchTargets;
use super::guard::DefenceMemory;
use crate::engine::defence::BackwardBatch;
use crate::engine::layer::Pass;
use crate::engine::network::{Network, Workspace};
use crate::engine::optim::Oracle;
use crate::engine::team::Team;
use crate::scenario::{Recipe, Regularisation};
use std::ops::Range;

/// A batch as a function of the parameters: the loss, its penalties, and the gradient of both.
pub(super) struct BatchFunction<'a> {
    pub(super) network: &'a Network,
    pub(super) state: &'a [f32],
    pub(super) recipe: &'a Recipe,
    pub(super) weights: &'a [Range<usize>],
    pub(super) batch: &'a BatchTargets,
    pub(super) pass: Pass,
    pub(super) ws: &'a mut Workspace,
    pub(super) guard: Option<&'a mut DefenceMemory>,
    /// Stream keys of the gradient noise, one for each tensor.
    pub(super) noise: &'a [u64],
    /// The team that shares the work.
    pub(super) team: &'a dyn Team,
    /// Gradient evaluations so far.
    pub(super) calls: u64,
}

impl BatchFunction<'_> {
    /// Mean loss without penalties; writes the gradient of the loss with penalties to `grads`.
    pub(super) fn gradient_at(&mut self, params: &[f32], grads: &mut [f32]) -> f32 {
        self.losses_at(params, grads).0
    }

    /// Mean loss, and the defence's addition to it.
    fn losses_at(&mut self, params: &[f32], grads: &mut [f32]) -> (f32, f32) {
        let (rows, width) = (self.pass.rows, self.network.output().rows_of().1);
        self.network.forward(params, self.state, self.pass, self.ws);
        let (output, grad) = self.ws.output_and_grad(rows);
        let loss = &self.recipe.loss;
        let scale = 1.0 / loss.terms(output, width).max(1) as f64;
        let sum = loss.eval(output, width, self.batch.targets(), scale as f32, Some(grad), None);
        let defence = &self.recipe.defence;
        let learns = defence.memory(1) > 0;
        self.network.backward(params, self.state, self.pass, self.ws, Some(grads), learns);
        self.calls += 1;
        let mut added = 0.0;
        if let Some(guard) = &mut self.guard {
            let slope = BackwardBatch {
                network: self.network,
                params,
                state: self.state,
                pass: self.pass,
                loss: &**loss,
                x: self.ws.activation(0, rows),
                targets: self.batch.targets(),
                scratch: &mut guard.scratch,
            };
            if let Some(penalty) = defence.penalise(slope, grads) {
                added = penalty as f32;
                self.calls += defence.cost(width) as u64 - 1;
            }
        }
        penalise(&self.recipe.regularisation, self.weights, params, grads);
        ((sum * scale) as f32, added)
    }
}

impl Oracle for BatchFunction<'_> {
    fn gradient(&mut self, params: &[f32], grads: &mut [f32]) -> f32 {
        let (loss, added) = self.losses_at(params, grads);
        loss + added + penalty(&self.recipe.regularisation, self.weights, params)
    }

    fn seed(&self) -> u64 {
        self.pass.seed
    }

    fn clip(&mut self, grads: &mut [f32], params: &[f32]) {
        let norm = self.team.norm(grads);
        let slots = self.network.slots();
        self.recipe.clip.clip(grads, norm, params, slots, self.team);
        self.recipe.gradient_noise.add(grads, slots, self.noise, self.pass.seed, self.pass.step);
    }
}

/// g += l1 sign(w) + l2 w, with sign(0) = 0.
pub(super) fn penalise(by: &Regularisation, weights: &[Range<usize>], params: &[f32], grads: &mut [f32]) {
    if by.l1 == 0.0 && by.l2 == 0.0 {
        return;
    }
    let (l1, l2) = (by.l1 as f32, by.l2 as f32);
    for range in weights {
        for (g, &w) in grads[range.clone()].iter_mut().zip(&params[range.clone()]) {
            let sign = f32::from(u8::from(w > 0.0)) - f32::from(u8::from(w < 0.0));
            *g += l2.mul_add(w, l1 * sign);
        }
    }
}

/// l1 Σ|w| + l2 Σw²/2.
pub(super) fn penalty(by: &Regularisation, weights: &[Range<usize>], params: &[f32]) -> f32 {
    if by.l1 == 0.0 && by.l2 == 0.0 {
        return 0.0;
    }
    let each = |&w: &f32| by.l1 * f64::from(w.abs()) + by.l2 / 2.0 * f64::from(w) * f64::from(w);
    weights.iter().flat_map(|r| &params[r.clone()]).map(each).sum::<f64>() as f32
}
