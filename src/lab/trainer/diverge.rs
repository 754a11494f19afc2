//! The report of a divergence: its step, its layer, and the last finite gradient norm, in plain words.

use super::{LOSS_LIMIT, Trainer, norm};
use crate::telemetry::Divergence;

impl Trainer {
    /// Finds in the workspace where the failed step diverged.
    pub(super) fn account(&self) -> Divergence {
        let (step, last) = (self.last.step, self.live.last_grad_norm);
        let label = |i: usize| format!("layer {} {}", i + 1, self.network.nodes()[i].label);
        let history = if step == 1 {
            "already at the first step".to_string()
        } else {
            format!("at step {step}; the gradient before had the norm {last:.3e}")
        };
        let (layer, what) = match self.ws.first_non_finite(self.rows) {
            Some(0) => {
                ("input".to_string(), format!("The data hold a number that is not finite, {history}."))
            }
            Some(i) => {
                let node = &self.network.nodes()[i - 1];
                let weights = norm(&self.live.params[node.params.clone()]);
                let why = if weights.is_finite() {
                    format!("its weights, of norm {weights:.3e}, blew its inputs up")
                } else {
                    "the update before had thrown its weights out of the range of numbers".to_string()
                };
                (label(i - 1), format!("The output of {} overflowed {history}: {why}.", label(i - 1)))
            }
            None if self.last.loss <= LOSS_LIMIT => {
                let i = self.steepest();
                (label(i), format!("The gradient of {} overflowed {history}.", label(i)))
            }
            None => {
                let i = self.steepest();
                let loss = self.last.loss;
                let what = format!(
                    "The loss reached {loss:.3e} {history}; {} gets the largest gradient of all layers.",
                    label(i)
                );
                (label(i), what)
            }
        };
        let advice = if step == 1 {
            " Smaller initial weights or scaled inputs would help."
        } else {
            " A smaller learning rate or clipping would help."
        };
        Divergence { step, layer, last_grad_norm: last, what: what + advice }
    }

    /// The layer whose gradient is not finite, the one nearest to the output first, or else the largest.
    fn steepest(&self) -> usize {
        let nodes = self.network.nodes();
        let norms = nodes.iter().map(|n| norm(&self.grads[n.params.clone()])).enumerate();
        let worst = norms.rev().fold(None, |best: Option<(usize, f32)>, (i, n)| match best {
            Some((_, b)) if !(b.is_finite() && (n > b || !n.is_finite())) => best,
            _ => Some((i, n)),
        });
        worst.map_or(0, |(i, _)| i)
    }
}
