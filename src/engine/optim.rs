//! Optimizers: the table, and the trait of its rows. An optimizer sees buffers and slots, no network and no data.
//!
//! Settings and state are apart: a step is a pure function of (settings, state, gradient, step number), so a snapshot
//! is a copy and a setting can change between two steps.

use crate::engine::network::Slot;
use crate::engine::team::Team;
use crate::registry::registry;

/// The two methods shared by all optimizers with a field `lr`.
macro_rules! lr_field {
    () => {
        fn lr(&self) -> f64 {
            self.lr
        }
        fn set_lr(&mut self, lr: f64) {
            self.lr = lr;
        }
    };
}

pub mod adabelief;
pub mod adadelta;
pub mod adagrad;
pub mod adam;
pub mod adamax;
pub mod adamw;
pub mod adan;
pub mod asgd;
pub mod lamb;
pub mod lars;
pub mod lbfgs;
pub mod lion;
pub mod misprint;
pub mod momentum;
pub mod muon;
pub mod nadam;
pub mod nesterov;
pub mod novograd;
pub mod prodigy;
pub mod radam;
pub mod rmsprop;
pub mod rprop;
pub mod sam;
pub mod schedule_free;
pub mod sgd;
pub mod sign_sgd;
pub mod sophia;
pub mod yogi;

/// The state of an optimizer between two steps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OptimizerState {
    /// Buffers of the length of the parameters, in the order of [`Optimizer::buffers`]; scratch may follow.
    pub vectors: Vec<Vec<f32>>,
    /// Single numbers.
    pub scalars: Vec<f64>,
}

/// The gradient at other parameters on the same batch, for optimizers that evaluate it more than once per step.
pub trait Oracle {
    /// Writes the gradient at `params` (regularised as in training, not clipped) and returns the loss.
    fn gradient(&mut self, params: &[f32], grads: &mut [f32]) -> f32;

    /// Seed of the experiment, for random directions.
    fn seed(&self) -> u64 {
        0
    }

    /// Clips such a gradient and adds noise to it, as training does with its own gradient, for optimizers that use it
    /// as their direction.
    fn clip(&mut self, _grads: &mut [f32], _params: &[f32]) {}
}

/// One update.
pub struct Update<'a> {
    /// Number of this step since the state was created, from 1.
    pub step: u64,
    /// Learning rate after the schedule.
    pub lr: f64,
    /// Parameters, to be updated.
    pub params: &'a mut [f32],
    /// Gradient at the parameters, after clipping; may be used as scratch.
    pub grads: &'a mut [f32],
    /// The tensors inside both buffers.
    pub slots: &'a [Slot],
    /// The gradient at other parameters.
    pub oracle: &'a mut dyn Oracle,
    /// The team that shares the work.
    pub team: &'a dyn Team,
}

/// One weight before and after one update, for the update microscope.
#[derive(Clone, Copy, Debug)]
pub struct WeightUpdate<'a> {
    /// Index of the weight in the parameter buffer.
    pub i: usize,
    /// Number of the step, as in [`Update`].
    pub step: u64,
    /// Learning rate after the schedule.
    pub lr: f64,
    /// Its gradient after clipping.
    pub grad: f32,
    /// Its value before the step.
    pub from: f32,
    /// Its value after the step.
    pub to: f32,
    /// The state before the step.
    pub before: &'a OptimizerState,
    /// The state after the step.
    pub after: &'a OptimizerState,
}

impl WeightUpdate<'_> {
    /// Entry of the k-th buffer after the step.
    pub fn now(&self, k: usize) -> f64 {
        f64::from(self.after.vectors[k][self.i])
    }

    /// Entry of the k-th buffer before the step.
    pub fn old(&self, k: usize) -> f64 {
        f64::from(self.before.vectors[k][self.i])
    }

    /// The gradient with an L2 penalty of this factor.
    pub fn decayed(&self, weight_decay: f64) -> f64 {
        weight_decay.mul_add(f64::from(self.from), f64::from(self.grad))
    }
}

/// A rule that moves parameters along gradients.
///
/// # Example
/// One step of gradient descent on f(θ) = θ²/2, whose gradient is θ:
/// ```
/// use gradtui::engine::{network::Slot, optim::{OptimizerConfig, Oracle, Update}, team::SingleThread};
/// use gradtui::registry::SettingValue;
///
/// struct Parabola;
/// impl Oracle for Parabola {
///     fn gradient(&mut self, params: &[f32], grads: &mut [f32]) -> f32 {
///         grads.copy_from_slice(params);
///         params.iter().map(|p| p * p / 2.0).sum()
///     }
/// }
///
/// let optimizer = OptimizerConfig::parse("Sgd(0.25)").unwrap();
/// let mut params = [4.0];
/// let mut grads = params;
/// let mut state = optimizer.init(&params);
/// optimizer.step(
///     &mut state,
///     Update {
///         step: 1,
///         lr: optimizer.lr(),
///         params: &mut params,
///         grads: &mut grads,
///         slots: &[],
///         oracle: &mut Parabola,
///         team: &SingleThread,
///     },
/// );
/// assert_eq!(params, [3.0]);
/// ```
pub trait Optimizer: Send + Sync {
    /// The base learning rate.
    fn lr(&self) -> f64;

    /// Sets the base learning rate.
    fn set_lr(&mut self, lr: f64);

    /// Names of its buffers, as in its formula.
    fn buffers(&self) -> &'static [&'static str] {
        &[]
    }

    /// State before the first step.
    fn init(&self, params: &[f32]) -> OptimizerState {
        OptimizerState { vectors: vec![vec![0.0; params.len()]; self.buffers().len()], scalars: Vec::new() }
    }

    /// Moves the parameters. Allocates nothing.
    fn step(&self, state: &mut OptimizerState, update: Update<'_>);

    /// The point at which the method is to be evaluated, if it is not the parameters.
    fn eval_params<'a>(&self, _state: &'a OptimizerState) -> Option<&'a [f32]> {
        None
    }

    /// The point at which the method is to be evaluated.
    fn point<'a>(&self, state: &'a OptimizerState, params: &'a [f32]) -> &'a [f32] {
        self.eval_params(state).unwrap_or(params)
    }

    /// The largest eigenvalue of the Hessian for which a step of this rate is stable: on a quadratic with a larger one
    /// the method diverges. `None` if no bound on the Hessian alone is known, as for methods that scale each
    /// parameter's step.
    fn stability(&self, _lr: f64) -> Option<f64> {
        None
    }

    /// Whether a cancelled step may already have changed parameters or optimizer state: between gradients that it asks
    /// the oracle for, or between products of its own.
    fn leaves_traces(&self) -> bool {
        false
    }

    /// The intermediate values between the buffers and the step: corrected moments, denominators.
    fn derived(&self, _look: &WeightUpdate<'_>) -> Vec<(&'static str, f64)> {
        Vec::new()
    }

    /// All values of the formula for one weight: gradient, buffers, intermediate values, learning rate and resulting
    /// step.
    fn explain(&self, look: &WeightUpdate<'_>) -> Vec<(&'static str, f64)> {
        let buffers = self.buffers().iter().enumerate().map(|(k, &name)| (name, look.now(k)));
        let mut terms = vec![("g", f64::from(look.grad))];
        terms.extend(buffers);
        terms.extend(self.derived(look));
        terms.extend([("lr", look.lr), ("Δθ", f64::from(look.to) - f64::from(look.from))]);
        terms
    }

    /// The update as a formula in plain Unicode; its letters are the names of [`Optimizer::buffers`].
    fn formula(&self) -> &'static str;
}

/// 1 - βᵗ: the total weight of a running mean that started at 0, after t steps.
pub(crate) fn correction(beta: f64, t: u64) -> f64 {
    // From here on βᵗ ≤ e^(-t(1-β)) is below half an ulp of 1, and computing the power costs as much as a small layer.
    if t as f64 * (1.0 - beta) > 40.0 { 1.0 } else { 1.0 - libm::pow(beta, t as f64) }
}

/// -1, 0 or 1; sign(0) = 0, and NaN stays NaN so that a divergence is not hidden.
#[inline(always)]
pub(crate) fn sign(x: f32) -> f32 {
    if x > 0.0 {
        1.0
    } else if x < 0.0 {
        -1.0
    } else {
        x
    }
}

/// a/b, and 0 if b is 0: a weight that never had a gradient must not move, whatever eps is.
#[inline(always)]
pub(crate) fn quotient(a: f32, b: f32) -> f32 {
    if b == 0.0 { 0.0 } else { a / b }
}

registry! {
    /// Every optimizer that a scenario can name.
    pub enum OptimizerConfig: dyn Optimizer {
        Sgd(sgd::Sgd),
        Momentum(momentum::Momentum),
        Nesterov(nesterov::Nesterov),
        Adagrad(adagrad::Adagrad),
        Adadelta(adadelta::Adadelta),
        RmsProp(rmsprop::RmsProp),
        Adam(adam::Adam),
        AdamW(adamw::AdamW),
        NAdam(nadam::NAdam),
        RAdam(radam::RAdam),
        Adamax(adamax::Adamax),
        AdaBelief(adabelief::AdaBelief),
        Adan(adan::Adan),
        Yogi(yogi::Yogi),
        NovoGrad(novograd::NovoGrad),
        Lion(lion::Lion),
        SignSgd(sign_sgd::SignSgd),
        Rprop(rprop::Rprop),
        Asgd(asgd::Asgd),
        Lamb(lamb::Lamb),
        Lars(lars::Lars),
        Muon(muon::Muon),
        ScheduleFreeSgd(schedule_free::ScheduleFreeSgd),
        ScheduleFreeAdamW(schedule_free::ScheduleFreeAdamW),
        Prodigy(prodigy::Prodigy),
        Sophia(sophia::Sophia),
        Lbfgs(lbfgs::Lbfgs),
        Sam(sam::Sam),
        MisprintedMomentum(misprint::MisprintedMomentum),
        MisprintedNesterov(misprint::MisprintedNesterov),
        MisprintedAdam(misprint::MisprintedAdam),
    }
}

impl OptimizerConfig {
    /// Whether these settings can continue with the state of `old`.
    pub fn keeps_memory_of(&self, old: &Self) -> bool {
        self.name() == old.name() && self.buffers() == old.buffers()
    }

    /// The state with which training continues when these settings replace `old`: the same state if its layout still
    /// fits, otherwise a new one (steps are then counted from 1 again). The second value states whether it is new.
    pub fn carry(&self, old: &Self, state: OptimizerState, params: &[f32]) -> (OptimizerState, bool) {
        let fresh = self.init(params);
        let alike = self.keeps_memory_of(old)
            && fresh.vectors.len() == state.vectors.len()
            && fresh.scalars.len() == state.scalars.len();
        if alike { (state, false) } else { (fresh, true) }
    }
}
