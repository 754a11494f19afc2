//! Measures a lane's robustness: attacks its present parameters with the same samples and draws as in every other lane.
//! Has no effect on training.

use super::Trainer;
use super::guard::Span;
use crate::engine::attack::{AttackScratch, AttackTask, RandomKey, Victim};
use crate::engine::data::Labels;
use crate::engine::robust::{Robustness, trust};
use crate::lab::exam::ExamReport;
use crate::scenario::memory::ATTACK_ROWS;

/// Separates the draws of measurements from those of steps and votes.
const EXAM: u64 = u64::MAX - 1;

/// Memory for measurements, allocated at the first one.
#[derive(Debug)]
pub(super) struct Room {
    scratch: AttackScratch,
    span: Span,
    adv: Vec<f32>,
}

impl Trainer {
    /// Measures accuracy under noise and attacks, and whether it can be trusted; with `whole`, at every size.
    ///
    /// `None` for data without classes.
    pub fn measure_robustness(
        &mut self,
        settings: &Robustness,
        share: f64,
        whole: bool,
    ) -> Option<ExamReport> {
        let samples = &self.data.validation;
        let Labels::Classes { of, .. } = &samples.labels else { return None };
        let count = settings.samples.min(samples.len());
        let room = self.room.get_or_insert_with(|| Room {
            scratch: AttackScratch::new(&self.network, count.min(ATTACK_ROWS)),
            span: Span::of(&self.data),
            adv: Vec::new(),
        });
        room.scratch.work_with(&self.team);
        let params = self.recipe.optimizer.eval_params(&self.live.optim).unwrap_or(&self.live.params);
        let key = RandomKey { seed: self.seed, step: EXAM, first: 0 };
        let victim = Victim::new(&self.network, params, &self.live.state, &mut room.scratch).ok()?;
        let mut victim = victim.answering(&self.recipe.prediction, key);
        let task = AttackTask {
            x: &samples.inputs[..count * samples.shape.size()],
            classes: &of[..count],
            targeted: false,
            valid: room.span.valid(),
            key,
        };
        let (accuracies, checks) = trust::examine(settings, &mut victim, &task, &mut room.adv);
        let sizes = if whole { settings.all_sizes() } else { Vec::new() };
        let mut at = |eps: f64| {
            let known = eps == settings.eps;
            if known { accuracies } else { settings.at(eps).measure(&mut victim, &task, &mut room.adv) }
        };
        let curve = sizes.into_iter().map(|eps| (eps, at(eps))).collect();
        Some(ExamReport { eps: settings.eps, accuracies, checks, curve, share })
    }
}

#[cfg(test)]
mod tests;
