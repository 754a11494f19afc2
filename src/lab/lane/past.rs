//! Earlier states of a lane: whole states kept at some of its steps, in bounded memory, and later steps trained again
//! from them.
//!
//! Training is a pure function of state, recipe and step, so a step that is trained again gives the same bits. The
//! choice of kept states decides only how long that takes. Knows no thread and no clock.

use super::{LaneState, NumberRanges, Pace, TrainingLane, TurnLimits};
use crate::scenario::{Edit, Lineage, Recipe};
use crate::telemetry::Event;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Most states that a lane keeps; more would save no noticeable time.
const MOST: usize = 512;
/// Largest share of training time spent on copying states.
const SHARE: f64 = 0.0025;
/// Least seconds of training between two states. The steps between them can be trained again before a key is released.
const BETWEEN: f64 = 0.024;
/// Bytes copied per second if neither source nor target is in a cache.
const COPIED: f64 = 2e9;
/// Steps between two states as long as the duration of a step is unknown.
const STEPS: u64 = 16;

/// A kept state.
#[derive(Debug, Default)]
pub struct Keyframe {
    /// Steps done, before any change of settings at that step.
    pub step: u64,
    state: LaneState,
    bytes: usize,
}

impl Keyframe {
    /// The parameters of the first seed.
    pub fn params(&self) -> &[f32] {
        &self.state.first.params
    }
}

/// The kept states of a lane, oldest first, within a budget of bytes.
#[derive(Debug, Default)]
pub struct PastStates {
    frames: Vec<Arc<Keyframe>>,
    /// Bytes of all of them.
    bytes: usize,
    /// The step from which on the next state is due.
    due: u64,
    /// Memory of a dropped state, for reuse.
    spare: Option<Keyframe>,
}

/// The kept states, shared by the lane, the run and the code that looks back.
pub type SharedPast = Arc<Mutex<PastStates>>;

/// Locks the kept states.
pub fn open(past: &SharedPast) -> MutexGuard<'_, PastStates> {
    // No function in this file panics in the middle of a change.
    past.lock().unwrap_or_else(PoisonError::into_inner)
}

impl PastStates {
    /// Drops all states, because the lane starts anew.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Drops the states after a step, because the lane trains differently from there.
    pub fn cut(&mut self, step: u64) {
        self.frames.retain(|f| f.step <= step);
        self.bytes = self.frames.iter().map(|f| f.bytes).sum();
        self.due = step;
    }

    /// Takes over the states of another lane up to a step: until then both lanes have the same history.
    pub fn follow(&mut self, other: &Self, step: u64) {
        self.frames = other.frames.iter().filter(|f| f.step <= step).cloned().collect();
        self.bytes = self.frames.iter().map(|f| f.bytes).sum();
        self.due = step;
    }

    /// The steps with a kept state.
    pub fn steps(&self) -> impl ExactSizeIterator<Item = u64> {
        self.frames.iter().map(|f| f.step)
    }

    /// The kept states, oldest first.
    pub fn frames(&self) -> &[Arc<Keyframe>] {
        &self.frames
    }

    /// Bytes of all states.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The newest state at or before this step.
    pub fn before(&self, step: u64) -> Option<Arc<Keyframe>> {
        self.frames.iter().rev().find(|f| f.step <= step).cloned()
    }

    /// The step from which on the next state is due.
    pub(super) fn due(&self) -> u64 {
        self.due
    }

    /// Keeps the present state of a lane, within a budget of bytes.
    pub(super) fn keep(&mut self, lane: &TrainingLane, budget: usize) {
        let step = lane.trainer.steps();
        if self.frames.last().is_some_and(|f| f.step >= step) {
            return;
        }
        let like = self.frames.last().map_or(0, |f| f.bytes);
        while self.frames.len() >= MOST || (self.bytes + like > budget && !self.frames.is_empty()) {
            self.thin(step);
        }
        let mut frame = self.spare.take().unwrap_or_default();
        frame.state.copy_from(lane);
        (frame.step, frame.bytes) = (step, frame.state.bytes());
        self.due = step + distance(frame.bytes, lane.cost);
        while self.bytes + frame.bytes > budget && !self.frames.is_empty() {
            self.thin(step);
        }
        if frame.bytes <= budget {
            self.bytes += frame.bytes;
            self.frames.push(Arc::new(frame));
        } else {
            // Not even one state fits: looking back starts at step 0.
            self.due = u64::MAX;
        }
    }

    /// Drops states until the rest fits into this many bytes.
    pub fn fit(&mut self, budget: usize) {
        let now = self.frames.last().map_or(0, |f| f.step);
        while self.bytes > budget && !self.frames.is_empty() {
            self.thin(now);
        }
        self.spare = None;
    }

    /// Drops the state that is needed least. Gaps grow with the square root of their age: older steps take longer to
    /// reach than recent ones, but not without bound.
    fn thin(&mut self, now: u64) {
        let at = |i: usize| self.frames[i].step;
        let lost = |i: usize| {
            let before = if i == 0 { 0 } else { at(i - 1) };
            let after = if i + 1 < self.frames.len() { at(i + 1) } else { now };
            let gap = (after - before) as f64;
            gap * gap / (now - before).max(1) as f64
        };
        let least = (0..self.frames.len()).min_by(|&a, &b| lost(a).total_cmp(&lost(b)));
        let Some(frame) = least.map(|i| self.frames.remove(i)) else { return };
        self.bytes -= frame.bytes;
        self.spare = Arc::try_unwrap(frame).ok().or(self.spare.take());
    }
}

/// Steps between two states, for states of this many bytes and steps of this many seconds.
fn distance(bytes: usize, cost: f64) -> u64 {
    if cost <= 0.0 {
        return STEPS;
    }
    let copy = 1e-6 + bytes as f64 / COPIED;
    (BETWEEN.max(copy / SHARE) / cost).ceil().clamp(1.0, 1e9) as u64
}

/// The history of a lane, for training its steps again.
#[derive(Clone, Debug)]
pub struct LaneHistory {
    /// Its settings, from step 0 on.
    pub line: Lineage,
    /// The limits of its turns.
    pub plan: TurnLimits,
}

impl LaneHistory {
    /// The number of edits with which the steps up to this one were trained; edits at step 0 were made before training.
    pub fn edits_before(&self, step: u64) -> usize {
        self.line.edits.partition_point(|e| e.step == 0 || e.step < step)
    }

    /// The recipe after this many edits.
    fn recipe(&self, edits: usize) -> Result<Recipe, String> {
        let mut recipe = self.line.root.clone();
        for edit in self.line.edits[..edits].iter().filter(|e| !e.empties()) {
            recipe.set_at(&edit.field, &edit.to)?;
        }
        Ok(recipe)
    }

    /// The recipe with which this step was trained.
    ///
    /// # Errors
    /// If an edit cannot be made.
    pub fn recipe_of(&self, step: u64) -> Result<Recipe, String> {
        self.recipe(self.edits_before(step))
    }
}

impl TrainingLane {
    /// Whether an evaluation affects later steps.
    pub(super) fn listens(&self) -> bool {
        let recipe = self.trainer.recipe();
        recipe.early_stopping.patience > 0 || recipe.schedule.listens()
    }

    /// Restores a state with the recipe with which it was trained; without a state, the one before the first step.
    ///
    /// # Errors
    /// If an edit cannot be made, or a recipe does not fit.
    pub fn take_up(&mut self, frame: Option<&Keyframe>, course: &LaneHistory) -> Result<(), String> {
        let recipe = course.recipe_of(frame.map_or(0, |f| f.step))?;
        self.set(&recipe).map_err(|fault| fault.to_string())?;
        match frame {
            Some(frame) => self.go_to(&frame.state)?,
            None => self.reset(),
        }
        self.restarted();
        Ok(())
    }

    /// Trains on to a step and makes the edits of its history at their steps; edits at the last step itself are left
    /// for the next one. Returns the events of the last step, or `None` if the pace ended the turn before.
    ///
    /// # Errors
    /// If an edit cannot be made, or a recipe does not fit.
    pub fn retrace(
        &mut self,
        until: u64,
        course: &LaneHistory,
        pace: &mut dyn Pace,
    ) -> Result<Option<Vec<Event>>, String> {
        // Until a step has turned out to be long, steps do not count as long.
        self.took(0.0, Some(0.0));
        loop {
            let step = self.trainer.steps();
            if step >= until {
                return Ok(Some(Vec::new()));
            }
            let (before, due) = (course.edits_before(step), course.edits_before(step + 1));
            if due > before {
                self.set(&course.recipe(due)?).map_err(|fault| fault.to_string())?;
                if course.line.edits[before..due].iter().any(Edit::empties) {
                    self.empty_memory();
                }
                self.took(0.0, Some(0.0));
            }
            let next = course.line.edits.get(due).map_or(until, |e| e.step.min(until));
            // The last step is measured in a separate turn, so that the steps before it are not shown.
            let next = if step + 1 < until { next.min(until - 1) } else { next };
            if next == until {
                self.since = NumberRanges::default();
            }
            let plan = TurnLimits { until: next, goal: until, end: until, past: true, ..course.plan.clone() };
            let news = self.play(&plan, pace);
            let now = self.trainer.steps();
            if now >= until || (now < next && news.end.is_some()) {
                return Ok(Some(news.events));
            }
            if now < next {
                return Ok(None);
            }
        }
    }
}
