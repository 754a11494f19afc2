//! What is measured of a step on its way: read-only, so that the numbers of training stay as they are.

use super::batch::hits;
use super::{Trainer, norm};
use crate::engine::clip;
use crate::scenario::Recipe;
use crate::telemetry::Measure;

impl Trainer {
    /// Measures what the update will overwrite.
    pub(super) fn look_before(&mut self) {
        self.before.copy_from_slice(&self.live.params);
        let output = self.ws.output(self.rows);
        let width = self.network.output().rows_of().1;
        self.looked.accuracy =
            self.batch.classes().map(|of| hits(output, width, of) as f32 / of.len().max(1) as f32);
        let health = self.network.health(&self.ws, self.rows);
        for ((node, health), layer) in self.network.nodes().iter().zip(health).zip(&mut self.layers) {
            layer.grad_norm = (!node.params.is_empty()).then(|| norm(&self.grads[node.params.clone()]));
            layer.saturated = health.map(|h| h.saturated);
            layer.dead = health.map(|h| h.dead);
        }
    }

    /// Measures what the clip has done.
    pub(super) fn look_at_clip(&mut self) {
        (self.looked.grad_norm_clipped, self.looked.clip_angle) = (self.last.grad_norm, 0.0);
        if self.last.clipped {
            self.looked.grad_norm_clipped = norm(&self.grads);
            self.looked.clip_angle = clip::angle(&self.unclipped, &self.grads) as f32;
        }
    }

    /// Measures the update.
    pub(super) fn look_after(&mut self) {
        for (new, old) in self.before.iter_mut().zip(&self.live.params) {
            *new = old - *new;
        }
        for (node, layer) in self.network.nodes().iter().zip(&mut self.layers) {
            if !node.params.is_empty() {
                let weights = norm(&self.live.params[node.params.clone()]);
                layer.weight_norm = Some(weights);
                layer.update_ratio = Some(ratio(norm(&self.before[node.params.clone()]), weights));
            }
        }
        let usable = self.steps_per_epoch() * self.rows as u64;
        self.looked = Measure {
            step: self.last.step,
            epoch: self.live.epoch as f64 + self.live.position as f64 / usable as f64,
            seconds: 0.0,
            evaluations: self.live.evaluations,
            loss: self.last.loss,
            loss_min: self.last.loss,
            loss_max: self.last.loss,
            accuracy: self.looked.accuracy,
            lr: self.last.lr,
            grad_norm: self.last.grad_norm,
            grad_norm_clipped: self.looked.grad_norm_clipped,
            clip_rate: f32::from(u8::from(self.last.clipped)),
            clip_share: self.live.clipped as f32 / self.live.step.max(1) as f32,
            clip_angle: self.looked.clip_angle,
            update_ratio: ratio(norm(&self.before), norm(&self.live.params)),
            spread: None,
        };
    }
}

/// Room for the gradient before clipping, where there is a clip.
pub(super) fn unclipped(recipe: &Recipe, params: usize) -> Vec<f32> {
    if recipe.clips() { vec![0.0; params] } else { Vec::new() }
}

fn ratio(a: f32, b: f32) -> f32 {
    if a == 0.0 { 0.0 } else { a / b }
}
