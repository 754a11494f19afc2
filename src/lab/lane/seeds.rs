//! The other seeds of a lane: the same recipe with the data, weights and random draws of seed + 1, seed + 2 ..., in
//! step with the first seed, and the range of their measurements. Knows no thread and no screen.

use super::TrainingLane;
use super::leave::LongWork;
use crate::lab::experiment::{BuildFault, Data};
use crate::lab::trainer::{Evaluation, EvaluationReport, RecipeEffect, Snapshot, Trainer};
use crate::number::{Number, NumberValues};
use crate::scenario::Recipe;
use crate::telemetry::{Band, Phase, Spread};
use std::sync::Arc;

/// One more seed of a lane.
#[derive(Debug)]
pub struct Replica {
    /// Its trainer.
    pub trainer: Trainer,
    /// The reason why it ended before the lane: it diverged, or stopped early.
    pub end: Option<Phase>,
    /// Its newest evaluation.
    pub(super) evaluation: Option<Evaluation>,
}

/// A replica as stored in a checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct SavedReplica {
    /// Its state.
    pub snapshot: Snapshot,
    /// The phase in which it ended, or `Paused`.
    pub phase: Phase,
}

impl TrainingLane {
    /// Adds more seeds to the lane at step 0, each with its own data.
    #[must_use]
    pub fn with_seeds(mut self, data: &[Arc<Data>], first_seed: u64, total: u64) -> Self {
        let replica = |(k, data): (u64, &Arc<Data>)| {
            let (network, recipe) = (Arc::clone(self.trainer.network()), self.trainer.recipe().clone());
            let trainer = Trainer::with_network(data, network, recipe, first_seed.wrapping_add(k), total);
            Replica { trainer, end: None, evaluation: None }
        };
        self.replicas = (1..).zip(data).map(replica).collect();
        self
    }

    /// Trains all seeds with another recipe from the next step on.
    ///
    /// # Errors
    /// The reason why the recipe does not fit; the lane is then unchanged.
    pub fn set(&mut self, recipe: &Recipe) -> Result<RecipeEffect, BuildFault> {
        let change = self.trainer.set(recipe.clone())?;
        (self.long, self.back) = (LongWork::default(), None);
        for replica in &mut self.replicas {
            // The data of all seeds have the same shapes, so a recipe that fits the first fits the others.
            replica.trainer.set(recipe.clone())?;
            if change == RecipeEffect::Restarted {
                (replica.end, replica.evaluation) = (None, None);
            }
        }
        Ok(change)
    }

    /// Resets all seeds to step 0.
    pub fn reset(&mut self) {
        (self.long, self.back) = (LongWork::default(), None);
        self.trainer.reset();
        for replica in &mut self.replicas {
            replica.trainer.reset();
            (replica.end, replica.evaluation) = (None, None);
        }
    }

    /// The state of the other seeds, for saving.
    pub fn save_seeds(&self) -> Vec<SavedReplica> {
        let saved = |r: &Replica| SavedReplica {
            snapshot: r.trainer.snapshot(),
            phase: r.end.clone().unwrap_or(Phase::Paused),
        };
        self.replicas.iter().map(saved).collect()
    }

    /// Restores the other seeds from saved states.
    ///
    /// # Errors
    /// The part that does not fit.
    pub fn restore_seeds(&mut self, saved: &[SavedReplica]) -> Result<(), String> {
        if saved.len() != self.replicas.len() {
            return Err(format!(
                "{} seeds do not fit a lane with {}",
                saved.len() + 1,
                self.replicas.len() + 1
            ));
        }
        for (replica, saved) in self.replicas.iter_mut().zip(saved) {
            replica.trainer.restore(&saved.snapshot)?;
            replica.end =
                matches!(saved.phase, Phase::Diverged(_) | Phase::Stopped(_)).then(|| saved.phase.clone());
            // A seed that has ended keeps its last evaluation.
            replica.evaluation = matches!(saved.phase, Phase::Stopped(_)).then(|| replica.trainer.evaluate());
        }
        Ok(())
    }

    /// Makes one step of the other seeds; reports in words those that ended.
    pub(super) fn step_seeds(&mut self, look: bool, say: &mut dyn FnMut(String)) {
        for (k, replica) in (2..).zip(&mut self.replicas) {
            if replica.end.is_none()
                && let Err(account) = replica.trainer.step(look)
            {
                say(format!("{}, seed {k}: diverged at step {}. {}", self.name, account.step, account.what));
                replica.end = Some(Phase::Diverged(*account));
            }
        }
    }

    /// Evaluates the other seeds; with `report`, the results go to their schedules and stopping rules.
    pub(super) fn evaluate_seeds(&mut self, report: bool, say: &mut dyn FnMut(String)) {
        for (k, replica) in (2..).zip(&mut self.replicas) {
            if replica.end.is_some() {
                continue;
            }
            if !report {
                replica.evaluation = Some(replica.trainer.evaluate());
                continue;
            }
            let EvaluationReport { evaluation, stop } = replica.trainer.evaluate_and_report();
            replica.evaluation = Some(evaluation);
            if let Some(stop) = stop {
                say(format!("{}, seed {k}: {}", self.name, stop.words));
                replica.evaluation = stop.restored.or(replica.evaluation);
                replica.end = Some(Phase::Stopped(stop.words));
            }
        }
    }

    /// The range of the last step over all seeds; `None` with one seed.
    pub(super) fn spread(&self) -> Option<Spread> {
        let going = self.replicas.iter().filter(|r| r.end.is_none()).map(|r| &r.trainer);
        let all = std::iter::once(&self.trainer).chain(going);
        self.range(&all.map(|t| t.measure().0.values).collect::<Vec<_>>())
    }

    /// The range of the newest evaluation over all seeds, of which `first` is the first.
    pub(super) fn judged(&self, first: Evaluation) -> Option<Spread> {
        let lost = |r: &&Replica| matches!(r.end, Some(Phase::Diverged(_)));
        let others = self.replicas.iter().filter(|r| !lost(r)).filter_map(|r| r.evaluation);
        self.range(&std::iter::once(first).chain(others).map(Evaluation::values).collect::<Vec<_>>())
    }

    /// The bands of these values, one entry per seed, for every number that has a band.
    fn range(&self, all: &[NumberValues]) -> Option<Spread> {
        if self.replicas.is_empty() {
            return None;
        }
        let lost = self.replicas.iter().filter(|r| matches!(r.end, Some(Phase::Diverged(_)))).count();
        let mut spread = Spread::new(self.replicas.len() as u32 + 1, lost as u32);
        for number in Number::ALL.into_iter().filter(|n| n.row().band) {
            let of = all.iter().filter_map(|values| values.get(number));
            spread.set(number, Band::of(of.map(|x| x as f32)));
        }
        Some(spread)
    }
}

#[cfg(test)]
mod tests;
