//! The thread that examines the lane in front for the Diagnosis pane. Its priority is low: training comes first.

use super::RunnerState;
use crate::lab::run::LaneToExamine;
use crate::telemetry::LaneId;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Nice value added to this thread's priority.
const NICE: i32 = 10;
/// Time between two checks whether the lane is still the one to examine.
const LOOK: Duration = Duration::from_millis(50);

impl RunnerState {
    /// The loop of the thread.
    pub(super) fn examine(&self) {
        // Only Linux has a priority per thread; elsewhere the whole program would be affected.
        #[cfg(target_os = "linux")]
        let _ = rustix::process::setpriority_process(None, NICE);
        let mut known: Option<(LaneId, u64)> = None;
        let mut run = self.lock();
        while !self.ended() {
            let Some(examined) = run.lane_to_examine(known) else {
                run = self.look.wait(run).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            drop(run);
            known = Some(examined.stamp);
            super::QUIET.set(true);
            // A panic ends the examination, not the program.
            let _ = catch_unwind(AssertUnwindSafe(|| self.examine_lane(&examined)));
            super::QUIET.set(false);
            run = self.lock();
        }
    }

    fn examine_lane(&self, lane: &LaneToExamine) {
        let looked = Mutex::new((Instant::now(), true));
        lane.examine(&|event| self.emit(event), &|| {
            let mut looked = super::lock(&looked);
            if looked.0.elapsed() >= LOOK {
                let other = self.lock().lane_to_examine(Some(lane.stamp));
                *looked = (Instant::now(), other.is_none() && !self.ended());
            }
            looked.1
        });
    }
}
