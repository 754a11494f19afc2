//! The thread that computes probes from snapshots, a few times a second, with a small share of the processor time.

use super::RunnerState;
use crate::lab::preview::LaneStamp;
use crate::lab::preview::{self, ProbeMemory};
use crate::telemetry::ProbeRequest;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

/// Least time between two rounds.
const BETWEEN: Duration = Duration::from_millis(250);
/// Pause after a round, as a multiple of its duration: probes take at most a twentieth of one core.
const REST: u32 = 19;

/// Processor time of this thread. Wall time is not suitable: while training keeps every core busy, a round lasts
/// several times its processor time.
fn worked() -> Duration {
    let at = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(at.tv_sec.unsigned_abs(), u32::try_from(at.tv_nsec).unwrap_or(0))
}

impl RunnerState {
    /// The loop of the thread that computes probes.
    pub(super) fn preview(&self) {
        let mut memory = ProbeMemory::default();
        let mut shown: Vec<(ProbeRequest, LaneStamp)> = Vec::new();
        let mut rested = Instant::now();
        let mut run = self.lock();
        while !self.ended() {
            memory.free(run.views());
            let stale: Vec<(ProbeRequest, LaneStamp)> = run
                .views()
                .iter()
                .filter_map(|view| Some((view.clone(), run.stamp_of(view)?)))
                .filter(|seen| !shown.contains(seen))
                .collect();
            let rest = rested.saturating_duration_since(Instant::now());
            // The user has just opened this view, so it must not wait.
            let fresh = stale.iter().any(|(view, _)| !shown.iter().any(|(known, _)| known == view));
            if stale.is_empty() && run.idle() {
                run = self.look.wait(run).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            if stale.is_empty() || !(fresh || rest.is_zero()) {
                let rest = rest.max(Duration::from_millis(20));
                run = self.look.wait_timeout(run, rest).unwrap_or_else(PoisonError::into_inner).0;
                continue;
            }
            run.want_peeks(stale.iter().map(|(view, _)| view.lane).collect());
            let peeks = loop {
                if self.ended() {
                    return;
                }
                match run.take_peeks() {
                    Some(peeks) => break peeks,
                    None => run = self.changed.wait(run).unwrap_or_else(PoisonError::into_inner),
                }
            };
            drop(run);
            let begun = worked();
            for (view, stamp) in stale {
                let peek = peeks.iter().find(|p| p.id == view.lane);
                if let Some(event) = peek.and_then(|p| preview::look(p, &view, &mut memory)) {
                    self.emit(event);
                }
                shown.retain(|(known, _)| *known != view);
                let stamp = peek.and_then(|p| p.stamp_of(&view)).unwrap_or(stamp);
                shown.push((view, stamp));
            }
            rested = Instant::now() + BETWEEN.max(worked().saturating_sub(begun) * REST);
            run = self.lock();
            shown.retain(|(view, _)| run.views().contains(view));
        }
    }
}
