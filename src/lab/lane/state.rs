//! The state of a lane over all its seeds: copied, restored, and continued with other settings.

use super::{SavedReplica, TrainingLane};
use crate::lab::experiment::BuildFault;
use crate::lab::trainer::{RecipeEffect, Snapshot};
use crate::scenario::{Carry, Recipe};
use crate::telemetry::Phase;

/// All seeds of a lane at one step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LaneState {
    /// The first seed.
    pub first: Snapshot,
    /// The other seeds.
    pub others: Vec<SavedReplica>,
}

impl LaneState {
    /// Copies the state of this lane into existing memory.
    pub fn copy_from(&mut self, lane: &TrainingLane) {
        self.first.copy_from(lane.trainer.live());
        let blank = || SavedReplica { snapshot: Snapshot::default(), phase: Phase::Paused };
        self.others.resize_with(lane.replicas.len(), blank);
        for (kept, replica) in self.others.iter_mut().zip(&lane.replicas) {
            kept.snapshot.copy_from(replica.trainer.live());
            kept.phase = replica.end.clone().unwrap_or(Phase::Paused);
        }
    }

    /// Bytes of its numbers.
    pub fn bytes(&self) -> usize {
        self.first.bytes() + self.others.iter().map(|o| o.snapshot.bytes() + size_of_val(o)).sum::<usize>()
    }
}

/// A state and the recipe with which a lane goes on from it: the same start and settings give the same bits.
#[derive(Clone, Debug)]
pub struct Start {
    /// The state, before any change of settings at its step.
    pub state: LaneState,
    /// The recipe up to that step.
    pub recipe: Recipe,
    /// The part of the state that is taken over.
    pub carry: Carry,
}

impl TrainingLane {
    /// A copy of the present state.
    pub fn state(&self) -> LaneState {
        LaneState { first: self.trainer.snapshot(), others: self.save_seeds() }
    }

    /// Restores a state of a lane with the same network and optimizer.
    ///
    /// # Errors
    /// The part that does not fit.
    pub fn go_to(&mut self, state: &LaneState) -> Result<(), String> {
        self.trainer.restore(&state.first)?;
        self.restore_seeds(&state.others)
    }

    /// Restores a start, and trains on from there with this recipe.
    ///
    /// # Errors
    /// The part that does not fit.
    pub fn begin(&mut self, start: &Start, recipe: &Recipe) -> Result<RecipeEffect, String> {
        let words = |fault: BuildFault| fault.to_string();
        self.set(&start.recipe).map_err(words)?;
        self.go_to(&start.state)?;
        let change = self.set(recipe).map_err(words)?;
        if start.carry == Carry::Weights {
            self.empty_memory();
        }
        Ok(change)
    }

    /// Empties the optimizer's memory in all seeds.
    pub fn empty_memory(&mut self) {
        self.trainer.empty_memory();
        self.replicas.iter_mut().for_each(|r| r.trainer.empty_memory());
    }
}
