//! The part of a lane's place that concerns forks: its start, and its state before it was changed.

use super::{ForkStage, LaneOrigin, LanePlace, changed_at};
use crate::lab::experiment::Branch;
use crate::lab::lane::{Start, TurnResult};
use crate::lab::trainer::RecipeEffect;
use crate::scenario::{Carry, Lane, Recipe};
use crate::telemetry::ForkOrigin;

impl LaneOrigin {
    /// The origin of a lane that begins with this recipe.
    pub(in crate::lab::run) fn new(branch: Branch, recipe: &Recipe) -> Self {
        let mut origin = Self { branch, stage: ForkStage::Anew };
        origin.stage = origin.first(recipe);
        origin
    }

    /// Its first stage, if it begins with this recipe.
    pub(super) fn first(&self, recipe: &Recipe) -> ForkStage {
        if self.branch.carried(recipe).is_some() { ForkStage::Waits } else { ForkStage::Anew }
    }

    /// The step of its parent at which it begins.
    pub(super) fn step(&self) -> u64 {
        self.branch.overrides.at as u64
    }

    /// The description of the fork for a lane with this recipe.
    pub(in crate::lab::run) fn fork_origin(&self, recipe: &Recipe) -> ForkOrigin {
        self.branch.fork_origin(recipe, matches!(self.stage, ForkStage::Begun(_) | ForkStage::Anew))
    }
}

impl LanePlace {
    /// The step at which the lane begins.
    pub(in crate::lab::run) fn first_step(&self) -> u64 {
        self.origin.as_ref().map_or(0, |o| if matches!(o.stage, ForkStage::Anew) { 0 } else { o.step() })
    }

    /// Whether it trains for itself: it is not a fork that still has to reach its first step.
    pub(in crate::lab::run) fn begun(&self) -> bool {
        self.origin.as_ref().is_none_or(|o| matches!(o.stage, ForkStage::Begun(_) | ForkStage::Anew))
    }

    /// Whether it is a fork whose parent has not reached its step yet.
    pub(in crate::lab::run) fn waits(&self) -> bool {
        self.origin.as_ref().is_some_and(|o| matches!(o.stage, ForkStage::Waits))
    }

    /// Its branch, if it is forked from another lane.
    pub(in crate::lab::run) fn branch(&self) -> Option<&Branch> {
        self.origin.as_ref().map(|o| &o.branch)
    }

    /// Whether it is a fork that repeats its parent's training.
    pub(in crate::lab::run) fn retraces(&self) -> bool {
        self.origin.as_ref().is_some_and(|o| matches!(o.stage, ForkStage::Retraces(..)))
    }

    /// The next step at which such a fork has to stop: for a change, or for its start.
    pub(in crate::lab::run) fn retraces_to(&self) -> Option<u64> {
        let origin = self.origin.as_ref()?;
        let ForkStage::Retraces(_, made) = origin.stage else { return None };
        let next = origin.branch.line.edits.get(made).map_or(u64::MAX, |e| e.step);
        Some(next.min(origin.step()))
    }

    /// The reason why a fork that repeats its parent's training cannot be changed.
    pub(in crate::lab::run) fn on_its_way(&self) -> String {
        format!("{} is on its way to step {}; wait until it has begun.", self.info.name, self.first_step())
    }

    /// Makes the changes of the parent's history that are due.
    pub(super) fn retrace_on(&mut self) -> Result<(), String> {
        let step = self.step;
        let (Some(origin), Some(lane)) = (&mut self.origin, &mut self.lane) else { return Ok(()) };
        let end = origin.step();
        let ForkStage::Retraces(recipe, made) = &mut origin.stage else { return Ok(()) };
        let later = &origin.branch.line.edits[*made..];
        if step >= end || later.first().is_none_or(|e| e.step > step) {
            return Ok(());
        }
        let (count, empties) = changed_at(later, step, recipe)?;
        *made += count;
        lane.set(recipe).map_err(|fault| fault.to_string())?;
        if empties {
            lane.empty_memory();
        }
        Ok(())
    }

    /// Removes results of steps before the lane's first step: they are its parent's.
    pub(in crate::lab::run) fn hush(&self, news: &mut TurnResult) {
        if !self.begun() {
            *news = TurnResult::default();
        }
    }

    /// Lets a fork restored from a checkpoint continue from there; the state with which it began is not kept.
    pub(in crate::lab::run) fn begin_at_once(&mut self) {
        if let Some(origin) = self.origin.as_mut().filter(|o| matches!(o.stage, ForkStage::Waits)) {
            origin.stage = ForkStage::Begun(None);
            self.info.fork = Some(origin.fork_origin(&self.written));
        }
    }

    /// Stores the differences of the lane with this recipe from its parent.
    pub(super) fn overrides(&mut self, recipe: &Recipe) {
        let Some(origin) = &mut self.origin else { return };
        let Lane { from, at, carry, .. } = origin.branch.overrides.clone();
        let own = Lane::from_recipe(&self.info.name, recipe, &origin.branch.ground);
        origin.branch.overrides = Lane { from, at, carry, ..own };
        self.info.fork = Some(origin.fork_origin(recipe));
    }

    /// The settings before any change at this step.
    pub(super) fn settings_before(&self, step: u64) -> Recipe {
        let mut recipe = self.written.clone();
        for edit in self.info.edits.iter().filter(|e| e.step < step && !e.empties()) {
            // The edit was made before, so it can be made again.
            let _ = recipe.set_at(&edit.field, &edit.to);
        }
        recipe
    }

    /// The lane's state before any change at its present step.
    pub(in crate::lab::run) fn untouched(&self) -> Option<Start> {
        match &self.before {
            Some((step, start)) if *step == self.step => Some((**start).clone()),
            _ => {
                let (state, recipe) = (self.lane.as_ref()?.state(), self.info.recipe.clone());
                Some(Start { state, recipe, carry: Carry::All })
            }
        }
    }

    /// Keeps the state before the first change at the present step.
    pub(in crate::lab::run) fn keep_untouched(&mut self) {
        if self.before.as_ref().is_none_or(|(step, _)| *step != self.step) {
            self.before = self.untouched().map(|start| (self.step, Box::new(start)));
        }
    }

    /// Forgets the state before a change once a step was trained with the change.
    pub(in crate::lab::run) fn went_on(&mut self) {
        let step = self.step;
        self.before.take_if(|(at, _)| *at != step);
    }

    /// Trains with another recipe from the present step on. Earlier changes at this step no longer count, so that the
    /// state depends on the combined change alone.
    ///
    /// # Errors
    /// The reason why it cannot.
    pub(in crate::lab::run) fn set(&mut self, recipe: &Recipe) -> Result<RecipeEffect, String> {
        if *recipe == self.info.recipe {
            return Ok(RecipeEffect::Live);
        }
        self.keep_untouched();
        let (Some((_, start)), Some(lane)) = (&self.before, &mut self.lane) else {
            return Ok(RecipeEffect::Live);
        };
        lane.begin(start, recipe)
    }
}
