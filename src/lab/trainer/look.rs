//! Measurements during a step. They only read, so training's numbers stay the same.
//!
//! This file keeps the values that the step overwrites; the table in [`crate::number`] defines the numbers computed
//! from them.

use super::batch::hits;
use super::part::LastBatch;
use super::{LOSS_LIMIT, Trainer};
use crate::engine::clip;
use crate::engine::kernel::{distance_sq_f64, sum_sq_f64};
use crate::engine::layer::{Health, Pass};
use crate::engine::network::Workspace;
use crate::number::{
    LayerNumber, LayerSeen, Number, NumberSource, NumberValues, PartGradient, Squares, StepInputs,
    StepResult, norm,
};
use crate::telemetry::Measure;
use std::ops::Range;

/// Values of a step that are taken before its update.
#[derive(Clone, Debug, Default)]
pub(super) struct BeforeUpdate {
    accuracy: Option<f32>,
    clipped_norm: f32,
    clip_angle: f32,
    /// Shares of saturated units, layer by layer.
    health: Vec<Option<Health>>,
    /// ‖∂L/∂a‖, layer by layer.
    signals: Vec<Option<f32>>,
    /// The parameters, if the step has rarely measured numbers.
    params: Option<Vec<f32>>,
}

/// Memory for numbers that compare steps, or parts of a batch.
#[derive(Debug)]
pub(super) struct ComparisonMemory {
    initial: Vec<f32>,
    /// The step count after which the gradient was kept, and the gradient.
    gradient: (Option<u64>, Vec<f32>),
    parts: Option<Workspace>,
}

impl ComparisonMemory {
    fn keep(&mut self, step: u64, gradient: &[f32]) {
        self.gradient.0 = Some(step);
        self.gradient.1.clear();
        self.gradient.1.extend_from_slice(gradient);
    }

    /// Whether its gradient is that of this step.
    pub(super) fn is_of(&self, step: u64) -> bool {
        self.gradient.0 == Some(step)
    }

    /// Forgets the gradient, because training continues from another state.
    pub(super) fn forget(&mut self) {
        self.gradient.0 = None;
    }
}

impl Trainer {
    /// Sets whether the next step's expensive numbers are needed, and whether the step after it may be measured.
    pub fn attend(&mut self, rare: bool, before_measured: bool) {
        (self.rare, self.keeps) = (rare, before_measured);
        self.kept.get_or_insert_with(|| ComparisonMemory {
            initial: self.recipe.start(&self.data, &self.network, self.seed).0,
            gradient: (None, Vec::new()),
            parts: None,
        });
    }

    /// Sets whether the next measured step includes the costly numbers of layers; it does unless this is called.
    pub fn look_at_all(&mut self, whole: bool) {
        self.whole = whole;
    }

    /// Keeps the gradient before clipping for the next step, if that step may be measured.
    pub(super) fn keep_gradient(&mut self) {
        if let Some(kept) = &mut self.kept {
            kept.keep(self.last.step, &self.grads);
        }
    }

    /// Measures the buffers that the update will overwrite.
    pub(super) fn look_before(&mut self) {
        self.halfway.params = self.rare.then(|| self.live.params.clone());
        self.before.copy_from_slice(&self.live.params);
        self.unclipped.copy_from_slice(&self.grads);
        let output = self.ws.output(self.rows);
        let width = self.network.output().rows_of().1;
        self.halfway.accuracy =
            self.batch.classes().map(|of| hits(output, width, of) as f32 / of.len().max(1) as f32);
        self.halfway.health = self.network.health(&self.ws, self.rows);
        self.halfway.signals = self.network.signals(&self.ws, self.rows);
    }

    /// Measures the effect of clipping.
    pub(super) fn look_at_clip(&mut self) {
        (self.halfway.clipped_norm, self.halfway.clip_angle) = (self.last.grad_norm, 0.0);
        if self.last.clipped {
            self.halfway.clipped_norm = norm(&self.grads);
            self.halfway.clip_angle = clip::angle(&self.unclipped, &self.grads) as f32;
        }
    }

    /// Measures the update, and computes every number of the step.
    pub(super) fn look_after(&mut self) {
        let epoch = self.epoch();
        let (initial, gradient, own) = match &mut self.kept {
            Some(kept) => (&kept.initial[..], Some(&kept.gradient), Some(&mut kept.parts)),
            None => (&[][..], None, None),
        };
        let params = self.halfway.params.take();
        let mut parts = params.as_deref().zip(own).map(|(params, own)| LastBatch {
            network: &self.network,
            recipe: &self.recipe,
            ws: &self.ws,
            batch: &self.batch,
            pass: Pass::train(self.rows, self.seed, self.last.step - 1),
            params,
            own,
        });
        // With batch statistics, the gradient of a batch is not the mean over its rows.
        let alike = self.live.state.is_empty();
        let mut part =
            parts.as_mut().filter(|_| alike).map(|p| |range, out: &mut [f32]| p.gradient(range, out));
        let before = self.last.step.checked_sub(1);
        let mut seen = StepInputs {
            step: self.last,
            accuracy: self.halfway.accuracy,
            clipped_norm: self.halfway.clipped_norm,
            clip_angle: self.halfway.clip_angle,
            clip_share: self.live.clipped as f32 / self.live.step.max(1) as f32,
            gradient: &self.unclipped,
            squares: Squares::default(),
            params: &self.live.params,
            initial,
            previous: gradient.filter(|(step, _)| *step == before).map(|(_, g)| &g[..]),
            rows: self.rows,
            part: part.as_mut().map(|f| f as PartGradient<'_>),
        };
        let of = |range: Range<usize>| Squares {
            gradient: sum_sq_f64(&self.unclipped[range.clone()]),
            params: sum_sq_f64(&self.live.params[range.clone()]),
            update: distance_sq_f64(&self.live.params[range.clone()], &self.before[range]),
        };
        let slots = self.network.slots();
        let known = self.halfway.health.iter().zip(&self.halfway.signals);
        for ((node, (health, signal)), layer) in self.network.nodes().iter().zip(known).zip(&mut self.layers)
        {
            let matrix = slots.iter().find(|s| s.layer == layer.layer && s.shape.len() > 1);
            let this = LayerSeen {
                range: node.params.clone(),
                squares: of(node.params.clone()),
                units: matrix.map(|s| (s.range.clone(), s.shape[0])),
                saturated: health.map(|h| h.saturated),
                silent: health.map(|h| h.silent),
                signal: *signal,
            };
            seen.squares += this.squares;
            for number in LayerNumber::ALL {
                let row = number.row();
                let value = if row.costly && !self.whole { None } else { (row.of)(&seen, &this) };
                layer.values.set(number, value);
            }
        }
        self.looked = Measure {
            step: self.last.step,
            epoch,
            evaluations: self.live.evaluations,
            values: values(&mut seen),
            ..Measure::default()
        };
        if let Some(kept) = self.kept.as_mut().filter(|_| self.keeps) {
            kept.keep(self.last.step, &self.unclipped);
        }
    }

    /// Passes over the training samples so far.
    fn epoch(&self) -> f64 {
        let usable = self.steps_per_epoch() * self.rows as u64;
        self.live.epoch as f64 + self.live.position as f64 / usable as f64
    }

    /// The numbers of the failed step: its update was not made, so it is NaN.
    pub fn gap(&mut self) -> Measure {
        let last = self.last;
        // A loss beyond the limit is not drawn or compared either.
        let loss = if last.loss <= LOSS_LIMIT { last.loss } else { f32::NAN };
        let clip_share = self.looked.get(Number::ClipShare).unwrap_or_default() as f32;
        let params = sum_sq_f64(&self.live.params);
        let mut seen = StepInputs {
            step: StepResult { loss, ..last },
            accuracy: None,
            clipped_norm: last.grad_norm,
            clip_angle: 0.0,
            clip_share,
            gradient: &self.grads,
            squares: Squares { gradient: f64::NAN, params, update: f64::NAN },
            params: &self.live.params,
            initial: &[],
            previous: None,
            rows: self.rows,
            part: None,
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

/// Computes every number of the table for a step.
fn values(seen: &mut StepInputs<'_>) -> NumberValues {
    let mut values = NumberValues::default();
    for number in Number::ALL {
        match number.row().source {
            NumberSource::Step(of) => values.set(number, of(seen)),
            NumberSource::Rare(of) if seen.part.is_some() => values.set(number, of(seen)),
            _ => {}
        }
    }
    values
}
