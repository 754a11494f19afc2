//! Cancels a long step halfway, so that an order for the lane need not wait for the end of the step. The lane is then
//! as if the step had never begun; completed steps do not depend on cancelled ones. Knows no thread and no clock.

use super::{NumberRanges, TrainingLane};
use crate::engine::team::Team;
use crate::lab::trainer::{Evaluation, Snapshot};
use crate::telemetry::Phase;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A step, or an evaluation, is long from this many seconds on. Shorter ones are completed.
pub(super) const LONG: f64 = 0.4;

/// Tells a lane to cancel its current step.
#[derive(Debug, Default)]
pub struct CancelSignal {
    wanted: AtomicBool,
    allowed: AtomicBool,
}

impl CancelSignal {
    /// Asks the lane to cancel a long step, or withdraws the request.
    pub fn want(&self, wanted: bool) {
        self.wanted.store(wanted, Ordering::Relaxed);
    }

    /// Whether cancelling is requested.
    pub fn wanted(&self) -> bool {
        self.wanted.load(Ordering::Relaxed)
    }

    /// Sets whether passes may be cancelled from now on.
    pub fn allow(&self, allowed: bool) {
        self.allowed.store(allowed, Ordering::Relaxed);
    }

    /// Whether passes are cancelled now.
    pub fn now(&self) -> bool {
        self.wanted() && self.allowed.load(Ordering::Relaxed)
    }
}

/// Whether a step, or an evaluation, was long.
#[derive(Clone, Copy, Debug)]
pub(super) struct LongWork {
    step: bool,
    look: bool,
}

impl Default for LongWork {
    /// Before the first measurement of time, any step may be long.
    fn default() -> Self {
        Self { step: true, look: true }
    }
}

/// The state of a lane before a step.
#[derive(Debug, Default)]
pub(super) struct StepBackup {
    first: Snapshot,
    others: Vec<(Snapshot, Option<Phase>, Option<Evaluation>)>,
    since: NumberRanges,
}

impl TrainingLane {
    /// Shares the work of passes with a team, which is created at the first call and gets the requests to cancel.
    pub fn work_with(&mut self, team: impl FnOnce(Arc<CancelSignal>) -> Arc<dyn Team>) {
        let team = self.team.get_or_insert_with(|| team(Arc::clone(&self.leave)));
        self.trainer.work_with(team);
        self.replicas.iter_mut().for_each(|r| r.trainer.work_with(team));
    }

    /// Called before a step; decides whether it may be cancelled. `looks`: whether an evaluation or a measurement
    /// follows it.
    ///
    /// A gradient can be cancelled without a trace; for every other part of a long step, the state before it is stored.
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

    /// Called after the gradient of a step that has changed nothing yet; returns whether the step was cancelled.
    pub(super) fn left_at_once(&mut self, before: u64) -> bool {
        if self.keeps {
            return false;
        }
        self.leave.allow(false);
        self.trainer.steps() == before
    }

    /// Called during a step and the evaluations after it; returns whether it was cancelled, in which case the lane's
    /// state is restored.
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

    /// Called at the end of a turn; takes the duration of its steps and of the evaluations after them, if there were
    /// any. A turn ends with the first long step.
    pub(super) fn took(&mut self, steps: f64, looks: Option<f64>) {
        self.leave.allow(false);
        self.long.step = steps >= LONG;
        if let Some(looks) = looks {
            self.long.look = looks >= LONG;
        }
        if !(self.long.step || self.long.look) {
            // A lane with short steps needs no copy of its state before each step.
            self.back = None;
        }
    }
}

#[cfg(test)]
mod tests;
