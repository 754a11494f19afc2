//! Snapshots of lanes for probes, taken between two turns. Computes nothing.

use super::{LaneId, Run, terminal};
use crate::lab::lane::ProbeHooks;
use crate::lab::preview::{LaneStamp, PROBES, ProbeInput, probe};
use crate::telemetry::{Phase, ProbeRequest};

impl Run {
    /// Requests snapshots of these lanes, to be taken when each has ended its turn.
    pub fn want_peeks(&mut self, lanes: Vec<LaneId>) {
        self.wanted = lanes;
        self.wanted.sort_unstable();
        self.wanted.dedup();
        for id in std::mem::take(&mut self.wanted) {
            match self.peek(id) {
                Some(peek) => self.peeks.push(peek),
                None => self.wanted.push(id),
            }
        }
    }

    /// The requested snapshots, once all have been taken.
    pub fn take_peeks(&mut self) -> Option<Vec<ProbeInput>> {
        let gone =
            |id: &LaneId| self.places.get(*id).and_then(Option::as_ref).is_none_or(|p| terminal(&p.phase));
        let waiting = self.wanted.iter().any(|id| !gone(id));
        (!waiting).then(|| {
            self.wanted.clear();
            std::mem::take(&mut self.peeks)
        })
    }

    /// The stamp of a lane's state, if the lane exists.
    pub fn stamp(&self, id: LaneId) -> Option<LaneStamp> {
        let place = self.places.get(id)?.as_ref()?;
        Some((place.changes, place.step))
    }

    /// The same for a view. A probe that does not depend on the lane's steps is not computed again for each step.
    pub fn stamp_of(&self, view: &ProbeRequest) -> Option<LaneStamp> {
        Some(probe(view.probe)?.seen_by(self.stamp(view.lane)?, self.moving(view.lane)))
    }

    /// Whether a lane is training.
    fn moving(&self, id: LaneId) -> bool {
        let place = self.places.get(id).and_then(Option::as_ref);
        place.is_some_and(|p| matches!(p.phase, Phase::Running))
    }

    /// The hooks of the probes through which a lane is watched, and of all others.
    pub(super) fn hooks(&self, id: LaneId) -> ProbeHooks {
        let watched = |name: &str| self.views.iter().any(|v| v.lane == id && v.probe == name);
        let mut hooks = ProbeHooks::default();
        for probe in &PROBES {
            let list = if watched(probe.name) { &mut hooks.watched } else { &mut hooks.unwatched };
            list.push(probe.hooks);
        }
        hooks
    }

    pub(super) fn peek(&self, id: LaneId) -> Option<ProbeInput> {
        let views: Vec<ProbeRequest> = self.views.iter().filter(|v| v.lane == id).cloned().collect();
        let stamp = self.stamp(id)?;
        Some(ProbeInput {
            moving: self.moving(id),
            ..ProbeInput::of(self.lane(id)?, stamp, &views, self.scenario.seed, self.own.clone())
        })
    }
}
