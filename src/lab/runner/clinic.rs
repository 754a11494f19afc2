//! The thread that examines the lane in front of the Diagnosis pane. Its priority is low: training comes first.

use super::Shared;
use crate::lab::run::Patient;
use crate::telemetry::LaneId;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How much lower the priority of this thread is.
const NICE: i32 = 10;
/// Time between two looks at whether the lane is still the one to examine.
const LOOK: Duration = Duration::from_millis(50);

impl Shared {
    /// The loop of the thread.
    pub(super) fn examine(&self) {
        // A thread has a priority of its own on Linux alone; elsewhere the whole program would get it.
        #[cfg(target_os = "linux")]
        let _ = rustix::process::setpriority_process(None, NICE);
        let mut known: Option<(LaneId, u64)> = None;
        let mut run = self.lock();
        while !self.ended() {
            let Some(patient) = run.patient(known) else {
                run = self.look.wait(run).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            drop(run);
            known = Some(patient.stamp);
            super::QUIET.set(true);
            // A panic ends the examination, not the program.
            let _ = catch_unwind(AssertUnwindSafe(|| self.treat(&patient)));
            super::QUIET.set(false);
            run = self.lock();
        }
    }

    fn treat(&self, patient: &Patient) {
        let looked = Mutex::new((Instant::now(), true));
        patient.examine(&|event| self.tell(event), &|| {
            let mut looked = super::lock(&looked);
            if looked.0.elapsed() >= LOOK {
                let other = self.lock().patient(Some(patient.stamp));
                *looked = (Instant::now(), other.is_none() && !self.ended());
            }
            looked.1
        });
    }
}
