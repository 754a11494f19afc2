//! A long step can be left inside, so that whoever wants the lane back need not wait for its end: it is then as if the step
//! had not been begun. Steps that are finished do not depend on it. Knows no thread and no clock.

use super::{Lane, Since};
use crate::engine::team::Team;
use crate::lab::trainer::{Evaluation, Snapshot};
use crate::telemetry::Phase;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Seconds from which on a step, or an evaluation, is long. Shorter ones are waited for.
pub(super) const LONG: f64 = 0.4;

/// Word to a lane that it is to leave the step it is in.
#[derive(Debug, Default)]
pub struct Leave {
    wanted: AtomicBool,
    allowed: AtomicBool,
}

impl Leave {
    /// Asks the lane to leave a long step, or takes that back.
    pub fn want(&self, wanted: bool) {
        self.wanted.store(wanted, Ordering::Relaxed);
    }

    /// Whether it is asked for.
    pub fn wanted(&self) -> bool {
        self.wanted.load(Ordering::Relaxed)
    }

    /// Whether passes may be left from now on.
    pub fn allow(&self, allowed: bool) {
        self.allowed.store(allowed, Ordering::Relaxed);
    }

    /// Whether passes are to be left just now.
    pub fn now(&self) -> bool {
        self.wanted() && self.allowed.load(Ordering::Relaxed)
    }
}

/// Estimate of the duration of a step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Long {
    step: bool,
    look: bool,
}

impl Default for Long {
    /// Nothing yet: any step may be long.
    fn default() -> Self {
        Self { step: true, look: true }
    }
}

/// A lane as it was before a step.
#[derive(Debug, Default)]
pub(super) struct Back {
    first: Snapshot,
    others: Vec<(Snapshot, Option<Phase>, Option<Evaluation>)>,
    since: Since,
}

impl Lane {
    /// Has passes share their work with a team, which is made at the first call and hears when the lane is to leave a step.
    pub fn work_with(&mut self, team: impl FnOnce(Arc<Leave>) -> Arc<dyn Team>) {
        let team = self.team.get_or_insert_with(|| team(Arc::clone(&self.leave)));
        self.trainer.work_with(team);
        self.replicas.iter_mut().for_each(|r| r.trainer.work_with(team));
    }

    /// Before a step: whether it may be left. `looks`: whether an evaluation or a measurement follows it.
    ///
    /// A gradient can be left without a trace; whatever else a long step does needs the state before it.
    pub(super) fn may_leave(&mut self, looks: bool) {
        let long = self.long.step || looks && self.long.look;
        let traces = || looks || !self.replicas.is_empty() || self.trainer.recipe().optimizer.leaves_traces();
        self.keeps = long && traces();
        if self.keeps {
            let back = self.back.get_or_insert_default();
            back.first.copy_from(self.trainer.live());
            back.others.resize_with(self.replicas.len(), Default::default);
            for (back, replica) in back.others.iter_mut().zip(&self.replicas) {
                back.0.copy_from(replica.trainer.live());
                (back.1, back.2) = (replica.end.clone(), replica.evaluation);
            }
            back.since.clone_from(&self.since);
        }
        self.leave.allow(long);
    }

    /// After the gradient of a step that left no trace so far: whether the step was left.
    pub(super) fn left_at_once(&mut self, before: u64) -> bool {
        if self.keeps {
            return false;
        }
        self.leave.allow(false);
        self.trainer.steps() == before
    }

    /// Within a step and what follows it: whether it was left, and the lane is back before it.
    pub(super) fn left_inside(&mut self) -> bool {
        let left = self.keeps && self.trainer.left();
        if let Some(back) = self.back.as_ref().filter(|_| left) {
            self.trainer.go_back(&back.first);
            for (replica, back) in self.replicas.iter_mut().zip(&back.others) {
                replica.trainer.go_back(&back.0);
                (replica.end, replica.evaluation) = (back.1.clone(), back.2);
            }
            self.since.clone_from(&back.since);
        }
        left
    }

    /// At the end of a turn: notes how long its steps took, and the looks after them, if there were any. A turn ends with
    /// the first long step.
    pub(super) fn took(&mut self, steps: f64, looks: Option<f64>) {
        self.leave.allow(false);
        self.long.step = steps >= LONG;
        if let Some(looks) = looks {
            self.long.look = looks >= LONG;
        }
        if !(self.long.step || self.long.look) {
            // A lane with short steps needs no copy of the state before each.
            self.back = None;
        }
    }
}

#[cfg(test)]
mod tests;
