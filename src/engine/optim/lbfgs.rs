//! Limited-memory BFGS.

use super::{Optimizer, OptimizerState, Update, WeightUpdate};
use crate::engine::kernel;
use crate::registry::{plain_values, settings};
use serde::{Deserialize, Serialize};

pub mod wolfe;

/// How L-BFGS chooses the length of its step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum LineSearch {
    /// Always lr.
    None,
    /// A length that satisfies the strong Wolfe conditions, found by more evaluations on the same batch; lr is the
    /// first trial.
    #[default]
    StrongWolfe,
}
plain_values!(LineSearch);

settings! {
    /// Newton's method with a Hessian guessed from the last gradients; for full batches. Liu & Nocedal 1989, doi:10.1007/BF01589116. PyTorch's form.
    pub struct Lbfgs {
        /// length of the step, or of the first trial of the line search
        lr: f64 = 1.0, 0.0..=1e6;
        /// pairs of steps and gradient differences that are kept
        history_size: usize = 10, 1..=100;
        /// how far it goes along the direction
        line_search: LineSearch = LineSearch::StrongWolfe;
        /// evaluations that one line search may take
        max_eval: usize = 20, 1..=1000;
    }
}

/// Indices of the scalars.
const PAIRS: usize = 0;
const NEXT: usize = 1;
const LENGTH: usize = 2;
const GAMMA: usize = 3;
const ALPHA: usize = 4;
/// Number of buffers before the history: d, g′, a point and its gradient.
const FIXED: usize = 4;

impl Optimizer for Lbfgs {
    lr_field!();
    fn buffers(&self) -> &'static [&'static str] {
        &["d", "g′"]
    }
    /// After the fixed buffers: two for the line search, then the history of s and of y, both as rings. Scalars: pairs
    /// kept, the next index in the ring, the length of the last step, γ, and one α per pair.
    fn init(&self, params: &[f32]) -> OptimizerState {
        let mut scalars = vec![0.0; ALPHA + self.history_size];
        scalars[GAMMA] = 1.0;
        OptimizerState { vectors: vec![vec![0.0; params.len()]; FIXED + 2 * self.history_size], scalars }
    }
    /// # Notes
    /// Without a line search the first step is min(1, 1/‖g‖₁) lr long, as in PyTorch. A pair is kept if s·y > 1e-10, so
    /// the Hessian estimate stays positive definite; if the direction still leads uphill, the history is dropped.
    fn step(&self, state: &mut OptimizerState, u: Update<'_>) {
        let OptimizerState { vectors, scalars } = state;
        let (fixed, history) = vectors.split_at_mut(FIXED);
        let [d, previous, point, gradient] = fixed else { unreachable!("Lbfgs keeps 4 buffers") };
        let size = history.len() / 2;
        let (s, y) = history.split_at_mut(size);
        if u.step > 1 {
            // The pair of the previous step: s = t d, y = g - g′.
            let length = scalars[LENGTH];
            kernel::map2(
                u.grads,
                previous,
                gradient,
                #[inline(always)]
                move |g, old| g - old,
            );
            let curvature = length * kernel::dot_f64(gradient, d);
            if curvature > 1e-10 {
                let next = scalars[NEXT] as usize;
                kernel::map(
                    d,
                    &mut s[next],
                    #[inline(always)]
                    move |d| length as f32 * d,
                );
                y[next].copy_from_slice(gradient);
                scalars[GAMMA] = curvature / kernel::sum_sq_f64(gradient);
                scalars[NEXT] = ((next + 1) % size) as f64;
                scalars[PAIRS] = (scalars[PAIRS] + 1.0).min(size as f64);
            }
        }
        previous.copy_from_slice(u.grads);
        d.copy_from_slice(u.grads);
        let (state, alpha) = scalars.split_at_mut(ALPHA);
        precondition(d, s, y, state[PAIRS] as usize, state[NEXT] as usize, state[GAMMA], alpha);
        kernel::scale(d, -1.0);
        let cautious = (1.0 / kernel::sum_abs_f64(u.grads)).min(1.0);
        let mut length = if u.step == 1 { cautious * u.lr } else { u.lr };
        if kernel::dot_f64(d, u.grads) >= 0.0 {
            (state[PAIRS], state[NEXT], state[GAMMA]) = (0.0, 0.0, 1.0);
            kernel::map(
                u.grads,
                d,
                #[inline(always)]
                move |g| -g,
            );
            length = cautious * u.lr;
        }
        if self.line_search == LineSearch::StrongWolfe {
            let (params, oracle) = (&*u.params, u.oracle);
            let evaluate = |length: f64| {
                point.copy_from_slice(params);
                kernel::axpy(length as f32, d, point);
                let loss = f64::from(oracle.gradient(point, gradient));
                wolfe::LinePoint { at: length, loss, slope: kernel::dot_f64(gradient, d) }
            };
            length = wolfe::search(evaluate, length, self.max_eval);
        }
        state[LENGTH] = length;
        kernel::axpy(length as f32, d, u.params);
    }
    fn leaves_traces(&self) -> bool {
        self.line_search != LineSearch::None
    }
    fn derived(&self, look: &WeightUpdate<'_>) -> Vec<(&'static str, f64)> {
        let scalars = &look.after.scalars;
        vec![("pairs", scalars[PAIRS]), ("γ", scalars[GAMMA]), ("t", scalars[LENGTH])]
    }
    fn formula(&self) -> &'static str {
        "s = t·d   y = g - g′   d = -H·g, H from the last pairs (s, y), beginning with γ = s·y/y·y   θ ← θ + t·d"
    }
}

/// d ← H d by the two-loop recursion over a ring of pairs whose next free index is `next`.
///
/// H starts as γ times the identity; `alpha` is scratch memory with one number per pair. Nocedal 1980,
/// doi:10.2307/2006193.
pub fn precondition(
    d: &mut [f32],
    s: &[Vec<f32>],
    y: &[Vec<f32>],
    pairs: usize,
    next: usize,
    gamma: f64,
    alpha: &mut [f64],
) {
    let newest_first = |i: usize| (next + s.len() - 1 - i) % s.len();
    for i in (0..pairs).map(newest_first) {
        alpha[i] = kernel::dot_f64(&s[i], d) / kernel::dot_f64(&s[i], &y[i]);
        kernel::axpy(-alpha[i] as f32, &y[i], d);
    }
    kernel::scale(d, gamma as f32);
    for i in (0..pairs).rev().map(newest_first) {
        let beta = kernel::dot_f64(&y[i], d) / kernel::dot_f64(&s[i], &y[i]);
        kernel::axpy((alpha[i] - beta) as f32, &s[i], d);
    }
}
