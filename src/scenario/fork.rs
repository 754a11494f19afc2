//! Lanes that are forked from a step of another one: the state that they take over, and their settings. Trains nothing.
//!
//! A fork at step `at` starts from the state that the parent had reached after `at` steps, before any change of
//! settings at that step: the parent's edits at earlier steps count, those at this step and later do not.

use super::{Edit, Lane, Recipe, Scenario};
use crate::limits;
use crate::registry::plain_values;
use serde::{Deserialize, Serialize};

/// The field of an [`Edit`] that empties the optimizer's memory, as a fork with `carry: Weights` does.
pub const CARRY: &str = "carry";

/// The part of its parent's state that a fork takes over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Carry {
    /// The whole state, if the optimizer is the same.
    #[default]
    All,
    /// The weights and the position in the data, but not the optimizer's memory.
    Weights,
    /// Nothing: it starts at step 0, with its parent's settings.
    Nothing,
}
plain_values!(Carry);

impl Carry {
    /// The most of `wanted` that a lane with recipe `to` can take over from one with recipe `from`; `None`: nothing.
    pub fn between(from: &Recipe, to: &Recipe, wanted: Self) -> Option<Self> {
        if from.restarts(to) || wanted == Self::Nothing {
            None
        } else if to.optimizer.keeps_memory_of(&from.optimizer) {
            Some(wanted)
        } else {
            Some(Self::Weights)
        }
    }

    /// The carried state, in words.
    pub fn words(carried: Option<Self>) -> &'static str {
        match carried {
            Some(Self::All) => "weights, optimizer state, batch order and random draws continue",
            Some(Self::Weights) => "weights are kept, the optimizer's memory starts empty",
            Some(Self::Nothing) | None => "starts at step 0 from the same seed",
        }
    }
}

impl Edit {
    /// The change that empties the optimizer's memory at a step.
    pub fn emptying(lane: &str, step: u64) -> Self {
        let (from, to) = ("All".into(), "Weights".into());
        Self { step, lane: lane.into(), field: CARRY.into(), from, to }
    }

    /// Whether this edit empties the optimizer's memory instead of changing a setting.
    pub fn empties(&self) -> bool {
        self.field == CARRY
    }
}

impl Lane {
    /// The step of its parent at which it begins; `None` unless it is a fork.
    pub fn begins(&self) -> Option<u64> {
        self.from.as_ref().map(|_| self.at as u64)
    }
}

/// The history of a state: the settings at step 0, and the changes since, without names of lanes.
#[derive(Clone, Debug, PartialEq)]
pub struct Lineage {
    /// The settings at step 0.
    pub root: Recipe,
    /// The changes, in order.
    pub edits: Vec<Edit>,
}

impl Lineage {
    /// Continues the history in a fork: at this step the lane with the settings `from` becomes one with `to`.
    pub fn fork(&mut self, at: u64, from: &Recipe, to: &Recipe, carry: Carry) {
        let edit = |(field, from, to)| Edit { step: at, field, from, to, ..Edit::default() };
        self.edits.extend(from.changes(to).into_iter().map(edit));
        if carry == Carry::Weights {
            self.edits.push(Edit::emptying("", at));
        }
    }

    /// Adds those of a lane's edits that come before a step.
    pub fn edit(&mut self, edits: &[Edit], before: u64) {
        let own = edits.iter().filter(|e| e.step < before).cloned();
        self.edits.extend(own.map(|e| Edit { lane: String::new(), ..e }));
    }
}

impl Scenario {
    /// The history of a lane's state after this many steps, before any change at that step.
    pub fn lineage(&self, lane: &Lane, before: u64) -> Lineage {
        self.lineage_within(lane, before, limits::LANES)
    }

    fn lineage_within(&self, lane: &Lane, before: u64, generations: usize) -> Lineage {
        let mut line = match self.parent(lane) {
            Some(parent) if lane.at > 0 && generations > 0 => {
                let at = lane.at as u64;
                let mut line = self.lineage_within(parent, at, generations - 1);
                line.fork(at, &self.ground(lane), &self.recipe(lane), lane.carry);
                line
            }
            _ => Lineage { root: self.recipe(lane), edits: Vec::new() },
        };
        line.edit(&self.journal(&lane.name), before);
        line
    }

    /// The scenario with one of its lanes alone. The history of a fork up to its first step becomes part of its edits.
    #[must_use]
    pub fn alone(&self, lane: usize) -> Self {
        let lane = &self.lanes[lane];
        let own = self.recipe(lane);
        let carries = Carry::between(&self.ground(lane), &own, lane.carry).is_some();
        let line = if carries {
            self.lineage(lane, u64::MAX)
        } else {
            Lineage { root: own, edits: self.journal(&lane.name) }
        };
        let edits = line.edits.into_iter().map(|e| Edit { lane: lane.name.clone(), ..e }).collect();
        let lanes = vec![Lane::from_recipe(&lane.name, &line.root, &self.base())];
        Self { lanes, edits, expect: Vec::new(), ..self.clone() }
    }

    /// The lane from which another one is forked.
    pub fn parent(&self, lane: &Lane) -> Option<&Lane> {
        let name = lane.from.as_ref()?.trim();
        self.lanes.iter().find(|l| l.name.trim() == name)
    }

    /// The settings that a lane overrides: the scenario's, or those of its parent if it is forked.
    pub fn ground(&self, lane: &Lane) -> Recipe {
        self.ground_within(lane, limits::LANES)
    }

    /// The same, followed through at most this many generations: in an unchecked scenario, lanes may descend from each
    /// other.
    fn ground_within(&self, lane: &Lane, generations: usize) -> Recipe {
        match self.parent(lane) {
            Some(parent) if generations > 0 => {
                let mut recipe = parent.over(self.ground_within(parent, generations - 1));
                for edit in self.journal(&parent.name).iter().filter(|e| e.step < lane.at as u64) {
                    // An edit that cannot be made is reported as a fault elsewhere.
                    let _ = recipe.set_at(&edit.field, &edit.to);
                }
                recipe
            }
            _ => self.base(),
        }
    }
}
