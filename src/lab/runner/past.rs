//! The thread that trains an earlier step of the lanes again, to show it. Its priority is low: training comes first.

use super::RunnerState;
use crate::lab::lane::Pace;
use crate::lab::preview::{self, ProbeMemory};
use crate::lab::run::{Reruns, ShowStep, ShownStep};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Nice value added to this thread's priority: with every core busy it still gets a quarter of one.
const NICE: i32 = 5;
/// Longest time that carrying out an order takes.
const OBEYED: Duration = Duration::from_millis(20);

/// The pace of a turn that runs as fast as possible until another step is requested.
struct FastPace<'a> {
    shared: &'a RunnerState,
    /// The number of requests before this one.
    looks: u64,
}

impl FastPace<'_> {
    fn outdated(&self) -> bool {
        self.shared.looks.load(Ordering::Relaxed) != self.looks || self.shared.ended()
    }
}

impl Pace for FastPace<'_> {
    fn soon(&self) -> bool {
        true
    }
    fn over(&self) -> bool {
        self.outdated()
    }
    fn seconds(&self) -> f64 {
        0.0
    }
}

impl RunnerState {
    /// The loop of the thread that looks back.
    pub(super) fn look_back(&self) {
        // Only Linux has a priority per thread; elsewhere the whole program would be affected.
        #[cfg(target_os = "linux")]
        let _ = rustix::process::setpriority_process(None, NICE);
        let (mut memory, mut reruns) = (ProbeMemory::default(), Reruns::default());
        let mut seen: Vec<ShownStep> = Vec::new();
        let mut run = self.lock();
        while !self.ended() {
            let looks = self.looks.load(Ordering::Relaxed);
            let Some(recall) = run.recall(&seen) else {
                if run.looking().is_none() {
                    // The memory for looking back is freed.
                    (memory, reruns) = (ProbeMemory::default(), Reruns::default());
                    seen.clear();
                }
                run = self.look.wait(run).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            drop(run);
            let mut pace = FastPace { shared: self, looks };
            super::QUIET.set(true);
            let shown =
                catch_unwind(AssertUnwindSafe(|| self.show(&recall, &mut reruns, &mut memory, &mut pace)));
            super::QUIET.set(false);
            seen.retain(|s| s.lane() != recall.seen.lane());
            let outdated = pace.outdated();
            if !(outdated && matches!(shown, Ok(false))) {
                // A step that cannot be trained again is not tried repeatedly.
                seen.push(recall.seen);
            }
            run = self.lock();
            if outdated {
                run = self.look.wait_timeout(run, OBEYED).unwrap_or_else(PoisonError::into_inner).0;
            }
        }
    }

    /// Shows a step with all its views; returns whether it succeeded.
    fn show(
        &self,
        recall: &ShowStep,
        reruns: &mut Reruns,
        memory: &mut ProbeMemory,
        pace: &mut FastPace<'_>,
    ) -> bool {
        let Ok(Some((peek, events))) = recall.make(reruns, pace) else { return false };
        self.emit(recall.event(events));
        for view in recall.views() {
            if pace.outdated() {
                return false;
            }
            if let Some(event) = preview::look(&peek, view, memory) {
                self.emit(recall.event(vec![event]));
            }
        }
        true
    }
}
