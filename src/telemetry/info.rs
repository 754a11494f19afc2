//! The description of a lane, its settings at any step, and its origin.

use super::{DataFacts, LaneId, LayerInfo};
use crate::scenario::{Carry, Edit, Recipe, Shape};
use std::sync::Arc;

/// The description of one lane, sent when it starts or is changed.
#[derive(Clone, Debug, PartialEq)]
pub struct LaneInfo {
    /// Its name.
    pub name: String,
    /// Its settings.
    pub recipe: Recipe,
    /// Shape of one input sample.
    pub input: Shape,
    /// Shape of one target sample; the output layer follows from it.
    pub outputs: Shape,
    /// Its layers, input side first.
    pub layers: Vec<LayerInfo>,
    /// Length of its parameter buffer.
    pub params: usize,
    /// Steps of one epoch.
    pub steps_per_epoch: f64,
    /// Gradient evaluations of one step under its defence; plain training takes 1.
    pub cost: f64,
    /// Its edits since the scenario was written, in order; those at step 0 were made before it trained.
    pub edits: Vec<Edit>,
    /// The program that trains it, if not ours. `recipe`, `input` and `outputs` then have no meaning: only its log is
    /// known.
    pub foreign: Option<&'static str>,
    /// Its origin, if it is forked from another lane.
    pub fork: Option<ForkOrigin>,
    /// The report on reading the data, one entry per line: samples, inputs, target, notes and warnings.
    pub read: Arc<[String]>,
    /// Steps of the scenario, on which its schedule is based; 0 if unknown.
    pub total: u64,
    /// A summary of its data, if available.
    pub data: Option<Arc<DataFacts>>,
}

impl LaneInfo {
    /// Its settings after this many steps, before the edits at that step; `None`: its settings now. An edit of a scenario
    /// may leave out the value that it replaced; then an earlier setting is not known, and the present one is returned.
    pub fn settings_at(&self, step: Option<u64>) -> Recipe {
        let mut recipe = self.recipe.clone();
        let later = |e: &&Edit| step.is_some_and(|step| e.step > 0 && e.step >= step) && !e.empties();
        for edit in self.edits.iter().rev().filter(later) {
            let _ = recipe.set_at(&edit.field, &edit.from);
        }
        recipe
    }
}

/// Why edits of a lane are not among the changes that can be undone.
pub const OLDER: &str =
    "edits of the scenario, and those made before a resume, stay; rewind goes back before them";

/// The origin of a forked lane. `Display` says it in words: `from plain at 340`.
#[derive(Clone, Debug, PartialEq)]
pub struct ForkOrigin {
    /// Its parent, which may have been removed since.
    pub parent: LaneId,
    /// The parent's name, or its name when the lane was forked.
    pub from: String,
    /// The step of the parent after which it begins.
    pub at: u64,
    /// The part of the parent's state that it takes over ([`Carry::words`] describes it); `None`: it starts at step 0.
    pub carried: Option<Carry>,
    /// The parent's recipe at that step: the settings to which the lane is compared.
    pub recipe: Box<Recipe>,
    /// Whether it has begun. Until then it waits for its parent, and its step is 0.
    pub begun: bool,
}

impl std::fmt::Display for ForkOrigin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "from {} at {}", self.from, self.at)
    }
}
