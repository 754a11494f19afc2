//! Captures the states of lanes at requested steps during training, to compare them with those of another run. Knows no
//! file.

use super::save::SavedLane;
use super::{LaneId, Run};

/// The requested states, and the captured ones.
#[derive(Debug, Default)]
pub(super) struct StateCapture {
    wanted: Vec<(LaneId, u64)>,
    seen: Vec<SavedLane>,
}

impl Run {
    /// Requests the states of lanes, each after the given number of steps, before any change there.
    pub fn capture(&mut self, wanted: &[(String, u64)]) {
        let of = |(name, step): &(String, u64)| Some((self.named(name)?, *step));
        self.capture.wanted = wanted.iter().filter_map(of).collect();
        self.capture_states();
    }

    /// The states captured since the last call.
    pub fn take_captured(&mut self) -> Vec<SavedLane> {
        std::mem::take(&mut self.capture.seen)
    }

    /// The next step at which a lane has to stop so that its state can be captured.
    pub(super) fn capture_at(&self, id: LaneId, now: u64) -> Option<u64> {
        self.capture.wanted.iter().filter(|(of, step)| *of == id && *step > now).map(|(_, step)| *step).min()
    }

    /// Captures the states of lanes that are at a requested step.
    pub(super) fn capture_states(&mut self) {
        let mut wanted = std::mem::take(&mut self.capture.wanted);
        wanted.retain(|&(id, step)| {
            let place = self.places.get(id).and_then(Option::as_ref);
            let Some(place) = place.filter(|p| p.lane.is_some() && p.begun() && p.step == step) else {
                return true;
            };
            let saved = Self::saved(id, place);
            self.capture.seen.push(saved);
            false
        });
        self.capture.wanted = wanted;
    }
}
