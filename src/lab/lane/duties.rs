//! The tasks of a lane at one step besides training: showing, evaluating, logging. Knows no trainer.

use super::{FIRST, Pace, TurnLimits, logged, marked};
use crate::lab::exam::Exam;

/// The duties of one step.
pub(super) struct StepDuties<'a> {
    /// Whether the lane is evaluated after it.
    pub evaluate: bool,
    /// The measurement under attack, if it is due.
    pub exam: Option<&'a Exam>,
    /// Whether it gets a line of the log.
    pub log: bool,
    /// Whether it is measured for the screen.
    pub show: bool,
    /// Whether it is one of the steps by which a lane is judged.
    pub mark: bool,
    /// Whether the next step may be shown: numbers that compare two steps need the gradient of this one.
    pub before_shown: bool,
}

impl TurnLimits {
    /// The duties of a step; `deaf`: training does not depend on evaluations before the last step.
    pub(super) fn duties(&self, step: u64, deaf: bool, pace: &mut dyn Pace) -> StepDuties<'_> {
        let evaluate =
            (step.is_multiple_of(self.evaluate_every) || step == self.total) && !(deaf && step != self.goal);
        let exam = self.exam.as_deref().filter(|e| step.is_multiple_of(e.every) || step == self.total);
        let log = self.log
            && (logged(step)
                || evaluate && logged(step / self.evaluate_every)
                || exam.is_some_and(|e| step == self.total || logged(step / e.every)));
        let stop = step == self.goal || step == self.end;
        // A lane may diverge within its first steps, so each of them is reported.
        let due = self.show_every.map_or_else(|| pace.due(), |n| step.is_multiple_of(n));
        let show = stop || !self.past && (due || evaluate || step <= FIRST);
        let next = step + 1;
        let before_shown = pace.soon()
            || next <= FIRST
            || self.show_every.is_some_and(|n| next.is_multiple_of(n))
            || next.is_multiple_of(self.evaluate_every)
            || next == self.total
            || [self.goal, self.end, self.until + 1].contains(&next);
        StepDuties { evaluate, exam, log, show, mark: marked(step) && !self.past, before_shown }
    }
}
