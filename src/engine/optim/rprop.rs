//! Resilient propagation.

use super::{Optimizer, OptimizerState, Update, WeightUpdate, sign};
use crate::registry::settings;

settings! {
    /// Only the sign of the gradient counts; each weight has a step of its own. For full batches. Riedmiller & Braun 1993, doi:10.1109/ICNN.1993.298623. PyTorch's form.
    pub struct Rprop {
        /// first step of every weight
        lr: f64 = 0.01, 0.0..=1e6;
        /// factors of the step where the gradient changed its sign and where it kept it
        etas: (f64, f64) = (0.5, 1.2), 0.0..=10.0;
        /// the smallest and the largest step
        step_sizes: (f64, f64) = (1e-6, 50.0), 0.0..=1e6;
    }
}

impl Rprop {
    /// The current learning rate divided by the one at the first step.
    fn ratio(lr: f64, state: &OptimizerState) -> f64 {
        let first = state.scalars[0];
        if first > 0.0 { lr / first } else { 0.0 }
    }
}

impl Optimizer for Rprop {
    lr_field!();
    fn buffers(&self) -> &'static [&'static str] {
        &["s", "g′"]
    }
    /// The only scalar is the learning rate at the first step.
    fn init(&self, params: &[f32]) -> OptimizerState {
        OptimizerState {
            vectors: vec![vec![self.lr as f32; params.len()], vec![0.0; params.len()]],
            scalars: vec![self.lr],
        }
    }
    /// # Notes
    /// PyTorch uses the learning rate only for the first steps; here a schedule and a later change of the rate scale
    /// the steps (whose adaptation does not see the scale). With a constant rate both are the same.
    fn step(&self, state: &mut OptimizerState, u: Update<'_>) {
        let ratio = Self::ratio(u.lr, state) as f32;
        let [s, previous] = &mut state.vectors[..] else { unreachable!("Rprop keeps 2 buffers") };
        let (minus, plus) = (self.etas.0 as f32, self.etas.1 as f32);
        let (least, most) = (self.step_sizes.0 as f32, self.step_sizes.1 as f32);
        u.team.update3(
            u.params,
            s,
            previous,
            u.grads,
            #[inline(always)]
            move |p, s, previous, g| {
                let turn = sign(g) * sign(previous);
                let s = s * if turn > 0.0 {
                    plus
                } else if turn < 0.0 {
                    minus
                } else {
                    1.0
                };
                let s = if s < least { least } else { s };
                let s = if s > most { most } else { s };
                let g = if turn < 0.0 { 0.0 } else { g };
                ((-sign(g)).mul_add(ratio * s, p), s, g)
            },
        );
    }
    fn derived(&self, look: &WeightUpdate<'_>) -> Vec<(&'static str, f64)> {
        vec![("g′ before", look.old(1)), ("s before", look.old(0))]
    }
    fn formula(&self) -> &'static str {
        "s ← s·η₊ if g·g′ > 0, s·η₋ if g·g′ < 0 (then g = 0)   θ ← θ - sign(g)·s   g′ ← g"
    }
}
