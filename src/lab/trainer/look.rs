//! What is measured of a step on its way: read-only, so that the numbers of training stay as they are.
//!
//! Here is kept what the step overwrites; which numbers are made of it, the table in [`crate::number`] says.

use super::batch::hits;
use super::{LOSS_LIMIT, Trainer};
use crate::engine::clip;
use crate::engine::layer::Health;
use crate::number::{LayerNumber, LayerSeen, Number, Seen, Source, StepResult, Values, norm};
use crate::telemetry::Measure;

/// What is known of a step before its update.
#[derive(Clone, Debug, Default)]
pub(super) struct Halfway {
    accuracy: Option<f32>,
    clipped_norm: f32,
    clip_angle: f32,
    /// Flat units, layer by layer.
    health: Vec<Option<Health>>,
    /// ‖∂L/∂a‖, layer by layer.
    signals: Vec<Option<f32>>,
}

impl Trainer {
    /// Measures what the update will overwrite.
    pub(super) fn look_before(&mut self) {
        self.before.copy_from_slice(&self.live.params);
        self.unclipped.copy_from_slice(&self.grads);
        let output = self.ws.output(self.rows);
        let width = self.network.output().rows_of().1;
        self.halfway.accuracy =
            self.batch.classes().map(|of| hits(output, width, of) as f32 / of.len().max(1) as f32);
        self.halfway.health = self.network.health(&self.ws, self.rows);
        self.halfway.signals = self.network.signals(&self.ws, self.rows);
    }

    /// Measures what the clip has done.
    pub(super) fn look_at_clip(&mut self) {
        (self.halfway.clipped_norm, self.halfway.clip_angle) = (self.last.grad_norm, 0.0);
        if self.last.clipped {
            self.halfway.clipped_norm = norm(&self.grads);
            self.halfway.clip_angle = clip::angle(&self.unclipped, &self.grads) as f32;
        }
    }

    /// Measures the update, and makes every number of the step.
    pub(super) fn look_after(&mut self) {
        for (new, old) in self.before.iter_mut().zip(&self.live.params) {
            *new = old - *new;
        }
        let mut seen = Seen {
            step: self.last,
            accuracy: self.halfway.accuracy,
            clipped_norm: self.halfway.clipped_norm,
            clip_angle: self.halfway.clip_angle,
            clip_share: self.live.clipped as f32 / self.live.step.max(1) as f32,
            gradient: &self.unclipped,
            update: &self.before,
            params: &self.live.params,
        };
        let known = self.halfway.health.iter().zip(&self.halfway.signals);
        for ((node, (health, signal)), layer) in self.network.nodes().iter().zip(known).zip(&mut self.layers)
        {
            let this = LayerSeen {
                range: node.params.clone(),
                saturated: health.map(|h| h.saturated),
                silent: health.map(|h| h.silent),
                signal: *signal,
            };
            for number in LayerNumber::ALL {
                layer.values.set(number, (number.row().of)(&seen, &this));
            }
        }
        self.looked = Measure {
            step: self.last.step,
            epoch: self.epoch(),
            evaluations: self.live.evaluations,
            values: values(&mut seen),
            ..Measure::default()
        };
    }

    /// Passes over the training samples so far.
    fn epoch(&self) -> f64 {
        let usable = self.steps_per_epoch() * self.rows as u64;
        self.live.epoch as f64 + self.live.position as f64 / usable as f64
    }

    /// The numbers of the step that went wrong: its update, which was not made, is no number.
    pub fn gap(&mut self) -> Measure {
        let last = self.last;
        // A loss beyond the limit is no number to draw or to compare either.
        let loss = if last.loss <= LOSS_LIMIT { last.loss } else { f32::NAN };
        let clip_share = self.looked.get(Number::ClipShare).unwrap_or_default() as f32;
        self.before.fill(f32::NAN);
        let mut seen = Seen {
            step: StepResult { loss, ..last },
            accuracy: None,
            clipped_norm: last.grad_norm,
            clip_angle: 0.0,
            clip_share,
            gradient: &self.grads,
            update: &self.before,
            params: &self.live.params,
        };
        self.looked = Measure {
            step: last.step,
            epoch: self.looked.epoch,
            evaluations: self.live.evaluations,
            values: values(&mut seen),
            ..Measure::default()
        };
        self.looked
    }
}

/// Every number that the table makes of a step.
fn values(seen: &mut Seen<'_>) -> Values {
    let mut values = Values::default();
    for number in Number::ALL {
        if let Source::Step(of) = number.row().source {
            values.set(number, of(seen));
        }
    }
    values
}
