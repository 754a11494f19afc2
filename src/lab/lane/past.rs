//! The past of a lane: whole states kept at some of its steps, in bounded memory, and steps made once more from them.
//!
//! Training is a pure function of state, recipe and step, so a step that is made again gives the same bits. Which states
//! are kept decides only how long that takes. Knows no thread and no clock.

use super::{Lane, Pace, Plan, Since, State};
use crate::scenario::{Edit, Lineage, Recipe};
use crate::telemetry::Event;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// States that a lane keeps at most; more would save no time that anybody notices.
const MOST: usize = 512;
/// Share of training that copying states may take.
const SHARE: f64 = 0.0025;
/// Seconds of training between two states at least: what lies between them is made again before a key is released.
const BETWEEN: f64 = 0.012;
/// Bytes that are copied in a second, where neither the source nor the target is in a cache.
const COPIED: f64 = 2e9;
/// Steps between two states as long as nobody knows what a step costs.
const STEPS: u64 = 16;

/// A state that is kept.
#[derive(Debug, Default)]
pub struct Keyframe {
    /// Steps done; no setting was changed there yet.
    pub step: u64,
    state: State,
    bytes: usize,
}

/// The states that are kept of a lane, the oldest first, within a budget of bytes.
#[derive(Debug, Default)]
pub struct Past {
    frames: Vec<Arc<Keyframe>>,
    /// Bytes of all of them.
    bytes: usize,
    /// The step from which on the next one is due.
    due: u64,
    /// Memory of one that was dropped.
    spare: Option<Keyframe>,
}

/// The past of a lane as lane, run and those who look back share it.
pub type Shared = Arc<Mutex<Past>>;

/// The past, for a moment.
pub fn open(past: &Shared) -> MutexGuard<'_, Past> {
    // Nothing in this file panics halfway through a change.
    past.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Past {
    /// Forgets everything: the lane begins anew.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Forgets the states after a step: the lane goes another way from there.
    pub fn cut(&mut self, step: u64) {
        self.frames.retain(|f| f.step <= step);
        self.bytes = self.frames.iter().map(|f| f.bytes).sum();
        self.due = step;
    }

    /// Takes over the states of another lane up to a step: the way to there is the same.
    pub fn follow(&mut self, other: &Self, step: u64) {
        self.frames = other.frames.iter().filter(|f| f.step <= step).cloned().collect();
        self.bytes = self.frames.iter().map(|f| f.bytes).sum();
        self.due = step;
    }

    /// The steps at which there are states.
    pub fn steps(&self) -> impl ExactSizeIterator<Item = u64> {
        self.frames.iter().map(|f| f.step)
    }

    /// Bytes of all states.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The newest state of at most so many steps.
    pub fn before(&self, step: u64) -> Option<Arc<Keyframe>> {
        self.frames.iter().rev().find(|f| f.step <= step).cloned()
    }

    /// The step from which on the next state is due.
    pub(super) fn due(&self) -> u64 {
        self.due
    }

    /// Keeps the state of a lane, within a budget of bytes.
    pub(super) fn keep(&mut self, lane: &Lane, budget: usize) {
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
            // Not even one fits: looking back begins at the start.
            self.due = u64::MAX;
        }
    }

    /// Drops states until they take no more than so many bytes.
    pub fn fit(&mut self, budget: usize) {
        let now = self.frames.last().map_or(0, |f| f.step);
        while self.bytes > budget && !self.frames.is_empty() {
            self.thin(now);
        }
        self.spare = None;
    }

    /// Drops the state that is missed least. Gaps grow with the square root of their age: a step long past takes longer
    /// than a recent one, but not without bound.
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

/// Steps from one state to the next, for a state of so many bytes where a step takes so many seconds.
fn distance(bytes: usize, cost: f64) -> u64 {
    if cost <= 0.0 {
        return STEPS;
    }
    let copy = 1e-6 + bytes as f64 / COPIED;
    (BETWEEN.max(copy / SHARE) / cost).ceil().clamp(1.0, 1e9) as u64
}

/// The way of a lane, to go through its steps once more.
#[derive(Clone, Debug)]
pub struct Course {
    /// Its settings, from step 0 on.
    pub line: Lineage,
    /// The limits of its turns.
    pub plan: Plan,
}

impl Course {
    /// How many edits the steps up to this one were trained with; those at step 0 were made before any.
    pub fn edits_before(&self, step: u64) -> usize {
        self.line.edits.partition_point(|e| e.step == 0 || e.step < step)
    }

    /// The recipe after so many edits.
    fn recipe(&self, edits: usize) -> Result<Recipe, String> {
        let mut recipe = self.line.root.clone();
        for edit in self.line.edits[..edits].iter().filter(|e| !e.empties()) {
            recipe.set_at(&edit.field, &edit.to)?;
        }
        Ok(recipe)
    }

    /// The recipe that this step was trained with.
    ///
    /// # Errors
    /// An edit that cannot be made.
    pub fn recipe_of(&self, step: u64) -> Result<Recipe, String> {
        self.recipe(self.edits_before(step))
    }
}

impl Lane {
    /// Whether an evaluation changes what comes after it.
    pub(super) fn listens(&self) -> bool {
        let recipe = self.trainer.recipe();
        recipe.early_stopping.patience > 0 || recipe.schedule.listens()
    }

    /// Takes up a state with the recipe that it was trained with; without one, the state before the first step.
    ///
    /// # Errors
    /// An edit that cannot be made, or a recipe that does not fit.
    pub fn take_up(&mut self, frame: Option<&Keyframe>, course: &Course) -> Result<(), String> {
        let recipe = course.recipe_of(frame.map_or(0, |f| f.step))?;
        self.set(&recipe).map_err(|fault| fault.to_string())?;
        match frame {
            Some(frame) => self.go_to(&frame.state)?,
            None => self.reset(),
        }
        self.restarted();
        Ok(())
    }

    /// Trains on to a step, with the edits of its way at their steps; those at that step itself are left for the one after
    /// it. The events of the last step; `None` if the pace ended it before.
    ///
    /// # Errors
    /// An edit that cannot be made, or a recipe that does not fit.
    pub fn retrace(
        &mut self,
        until: u64,
        course: &Course,
        pace: &mut dyn Pace,
    ) -> Result<Option<Vec<Event>>, String> {
        // Its steps are not long before one of them was seen to be.
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
            // The last step is measured by itself, not with those that are made again before it.
            let next = if step + 1 < until { next.min(until - 1) } else { next };
            if next == until {
                self.since = Since::default();
            }
            let plan = Plan { until: next, goal: until, end: until, past: true, ..course.plan.clone() };
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
