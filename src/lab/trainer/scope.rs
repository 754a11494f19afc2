//! One whole step kept for the microscope: the buffers that the optimizer read and wrote. Does not affect training.

use super::{Snapshot, Trainer};
use crate::engine::optim::{OptimizerConfig, OptimizerState, WeightUpdate};

/// A step, before and after.
#[derive(Clone, Debug, Default)]
pub struct StepScope {
    /// Steps done, including this one.
    step: u64,
    /// The optimizer that made it; `None` if there was none.
    optimizer: Option<OptimizerConfig>,
    optim_step: u64,
    lr: f64,
    raw: Vec<f32>,
    clipped: Vec<f32>,
    from: Vec<f32>,
    to: Vec<f32>,
    before: OptimizerState,
    after: OptimizerState,
}

/// One weight of one step.
#[derive(Clone, Debug, PartialEq)]
pub struct WeightStep {
    /// Steps done, including this one.
    pub step: u64,
    /// Its gradient before clipping.
    pub raw: f32,
    /// Its value before the step.
    pub from: f32,
    /// Its value after the step.
    pub to: f32,
    /// The formula, number by number.
    pub terms: Vec<(&'static str, f64)>,
    /// The weight with the largest gradient.
    pub largest_gradient: usize,
    /// The weight that moved furthest.
    pub largest_step: usize,
}

fn copy(to: &mut OptimizerState, from: &OptimizerState) {
    to.vectors.clone_from(&from.vectors);
    to.scalars.clone_from(&from.scalars);
}

/// Index of the largest number, the first on ties; NaN never wins.
fn largest(sizes: impl Iterator<Item = f32>) -> usize {
    let mut best = (0, f32::NEG_INFINITY);
    for (i, size) in sizes.enumerate() {
        if size > best.1 {
            best = (i, size);
        }
    }
    best.0
}

impl StepScope {
    /// Copies the buffers that clipping and update will overwrite.
    pub(super) fn before(&mut self, grads: &[f32], live: &Snapshot, optimizer: &OptimizerConfig) {
        if self.optimizer.as_ref() != Some(optimizer) {
            self.optimizer = Some(optimizer.clone());
        }
        self.raw.clear();
        self.raw.extend_from_slice(grads);
        self.from.clone_from(&live.params);
        copy(&mut self.before, &live.optim);
    }

    /// Copies the gradient that the optimizer gets.
    pub(super) fn clipped(&mut self, grads: &[f32]) {
        self.clipped.clear();
        self.clipped.extend_from_slice(grads);
    }

    /// Copies the buffers after the update.
    pub(super) fn after(&mut self, live: &Snapshot, lr: f64) {
        (self.step, self.optim_step, self.lr) = (live.step, live.optim_step, lr);
        self.to.clone_from(&live.params);
        copy(&mut self.after, &live.optim);
    }
}

impl Trainer {
    /// Sets whether the next measured step is kept for the microscope.
    pub fn aim(&mut self, on: bool) {
        self.aimed = on;
        if on && self.scope.is_none() {
            self.scope = Some(Box::default());
        }
    }

    /// Drops the kept step.
    pub fn put_scope_away(&mut self) {
        (self.aimed, self.scope) = (false, None);
    }

    /// Takes the kept step out of the trainer.
    pub fn take_scope(&mut self) -> Option<Box<StepScope>> {
        self.scope.take()
    }

    /// Puts a step into the trainer that another one kept of the same network.
    pub fn put_scope(&mut self, scope: Option<Box<StepScope>>) {
        self.scope = scope;
    }

    /// One weight of the kept step; `None` if there is none.
    pub fn examine(&self, weight: usize) -> Option<WeightStep> {
        let scope = self.scope.as_ref()?;
        let optimizer = scope.optimizer.as_ref()?;
        let i = weight;
        let (from, to) = (*scope.from.get(i)?, scope.to[i]);
        let look = WeightUpdate {
            i,
            step: scope.optim_step,
            lr: scope.lr,
            grad: scope.clipped[i],
            from,
            to,
            before: &scope.before,
            after: &scope.after,
        };
        let steps = scope.from.iter().zip(&scope.to).map(|(a, b)| (b - a).abs());
        Some(WeightStep {
            step: scope.step,
            raw: scope.raw[i],
            from,
            to,
            terms: optimizer.explain(&look),
            largest_gradient: largest(scope.raw.iter().map(|g| g.abs())),
            largest_step: largest(steps),
        })
    }

    /// ‖∂L/∂h_t‖ of the last step's batch for t = 1 .. T, for every recurrent layer; empty before the first step.
    pub fn through_time(&self) -> Vec<(usize, Vec<f32>)> {
        if self.last.step == 0 {
            return Vec::new();
        }
        self.network.through_time(&self.ws, self.rows)
    }
}

#[cfg(test)]
mod tests;
