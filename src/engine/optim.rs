//! Optimizers: the table, and what one row has to know. An optimizer sees buffers and slots, no network and no data.
//!
//! Settings and state are apart: a step is a pure function of (settings, state, gradient, step number), so a snapshot
//! is a copy and a setting can change between two steps.

use crate::engine::network::Slot;
use crate::registry::registry;

pub mod adam;
pub mod sgd;

/// What an optimizer remembers from step to step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// Buffers of the length of the parameters, in the order of [`Optimizer::buffers`].
    pub vectors: Vec<Vec<f32>>,
    /// Single numbers.
    pub scalars: Vec<f64>,
}

/// The gradient somewhere else on the same batch, for optimizers that look around before they step.
pub trait Oracle {
    /// Writes the gradient at `params` (regularised as in training, not clipped) and returns the loss.
    fn gradient(&mut self, params: &[f32], grads: &mut [f32]) -> f32;
}

/// One update.
pub struct Update<'a> {
    /// Number of this step, from 1.
    pub step: u64,
    /// Learning rate after the schedule.
    pub lr: f64,
    /// Parameters, to be moved.
    pub params: &'a mut [f32],
    /// Gradient at the parameters, after clipping; may be used as scratch.
    pub grads: &'a mut [f32],
    /// The tensors inside both buffers.
    pub slots: &'a [Slot],
    /// The gradient elsewhere.
    pub oracle: &'a mut dyn Oracle,
}

/// A rule that moves parameters along gradients.
pub trait Optimizer: Send + Sync {
    /// The base learning rate.
    fn lr(&self) -> f64;

    /// Sets the base learning rate.
    fn set_lr(&mut self, lr: f64);

    /// Names of the buffers it keeps, as its formula calls them.
    fn buffers(&self) -> &'static [&'static str] {
        &[]
    }

    /// State before the first step.
    fn init(&self, params: &[f32]) -> State {
        State { vectors: vec![vec![0.0; params.len()]; self.buffers().len()], scalars: Vec::new() }
    }

    /// Moves the parameters. Allocates nothing.
    fn step(&self, state: &mut State, update: Update<'_>);

    /// The point at which the method is to be evaluated, where that is not the parameters.
    fn eval_params<'a>(&self, _state: &'a State) -> Option<&'a [f32]> {
        None
    }

    /// Gradient evaluations that one step takes.
    fn evaluations(&self) -> u64 {
        1
    }

    /// The update as a formula in plain Unicode, its letters being those of [`Optimizer::buffers`].
    fn formula(&self) -> &'static str;
}

registry! {
    /// Every optimizer that a scenario can name.
    pub enum OptimizerConfig: dyn Optimizer {
        Sgd(sgd::Sgd),
        Adam(adam::Adam),
    }
}
