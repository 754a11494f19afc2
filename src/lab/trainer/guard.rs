//! Runs a lane's defence and its vote; holds their memory, which is allocated once. Knows none of their formulas.

use super::Trainer;
use crate::engine::attack::{AttackScratch, RandomKey, ValidRange, Victim};
use crate::engine::data::Labels;
use crate::engine::defence::BatchBeforeStep;
use crate::engine::network::Network;
use crate::engine::team::Team;
use crate::lab::experiment::Data;
use crate::scenario::Recipe;
use crate::scenario::memory::ATTACK_ROWS;
use std::sync::Arc;

/// Separates the draws of votes from those of steps.
const VOTE: u64 = u64::MAX;

/// The memory of a defence beside that of training.
#[derive(Debug)]
pub(super) struct DefenceMemory {
    pub(super) scratch: AttackScratch,
    spare: Vec<f32>,
    range: Span,
}

/// The valid range of the inputs in the form that attacks take.
#[derive(Clone, Debug)]
pub(super) struct Span {
    low: Vec<f32>,
    high: Vec<f32>,
}

impl Span {
    pub(super) fn of(data: &Data) -> Self {
        let (low, high) = data.range.iter().copied().unzip();
        Self { low, high }
    }

    pub(super) fn valid(&self) -> ValidRange<'_> {
        ValidRange::Each { low: &self.low, high: &self.high }
    }
}

impl DefenceMemory {
    /// Memory for the recipe's defence, if it has one.
    pub(super) fn of(recipe: &Recipe, network: &Network, data: &Data, rows: usize) -> Option<Self> {
        recipe.defence.active().then(|| Self {
            scratch: AttackScratch::new(network, rows),
            spare: Vec::with_capacity(rows * network.input().size()),
            range: Span::of(data),
        })
    }
}

impl Trainer {
    /// Lets the defence change the batch in the workspace; returns the number of gradient evaluations.
    pub(super) fn expose(&mut self) -> u64 {
        let Some(DefenceMemory { scratch, spare, range }) = &mut self.guard else { return 0 };
        scratch.work_with(&self.team);
        let (step, defence) = (self.live.step, &self.recipe.defence);
        defence.expose(BatchBeforeStep {
            network: &self.network,
            params: &self.live.params,
            state: &self.live.state,
            x: self.ws.input_mut(self.rows),
            labels: self.batch.classes_mut(),
            valid: range.valid(),
            key: RandomKey { seed: self.seed, step, first: 0 },
            memory: &self.live.defence,
            scratch,
            spare,
        });
        // A part of a batch counts as a fraction of an evaluation, so the sum over steps is right.
        let per_step = defence.exposure(self.network.output().size());
        let until = |step: u64| (step as f64 * per_step) as u64;
        until(step + 1) - until(step)
    }
}

/// Memory of a vote.
#[derive(Debug)]
pub(super) struct VoteMemory(AttackScratch);

impl VoteMemory {
    /// The number of validation samples that a vote classifies right. The draws are the same at every evaluation and in
    /// every lane.
    pub(super) fn hits(
        memory: &mut Option<Self>,
        recipe: &Recipe,
        network: &Network,
        params: &[f32],
        state: &[f32],
        data: &Data,
        seed: u64,
        team: &Arc<dyn Team>,
    ) -> usize {
        let samples = &data.validation;
        let Self(scratch) = memory.get_or_insert_with(|| Self(AttackScratch::new(network, ATTACK_ROWS)));
        scratch.work_with(team);
        let (Labels::Classes { of, .. }, Ok(victim)) =
            (&samples.labels, Victim::new(network, params, state, scratch))
        else {
            return 0;
        };
        let mut victim = victim.answering(&recipe.prediction, RandomKey { seed, step: VOTE, first: 0 });
        victim.answers(&samples.inputs, 0).iter().zip(of).filter(|(a, of)| **a == Some(**of)).count()
    }
}
