//! Snapshots of lanes for probes, taken between two turns. Computes nothing.

use super::{Data, LaneId, Network, Run, terminal};
use crate::engine::data::picture::FittedPicture;
use crate::engine::robust::prediction::PredictionConfig;
use crate::lab::lane::TrainingLane;
use crate::lab::preview::{PROBES, Probe, Taken, probe};
use crate::telemetry::{Phase, ProbeRequest};
use std::sync::Arc;

/// Identifies a lane's state: how often commands changed it, and its steps.
pub type LaneStamp = (u64, u64);

/// The data of a lane that probes need.
#[derive(Clone, Debug)]
pub struct ProbeInput {
    /// The index of the lane.
    pub id: LaneId,
    /// Its state's stamp.
    pub stamp: LaneStamp,
    /// Its steps.
    pub step: u64,
    /// Whether it continues to train, so that the result will soon be out of date.
    pub moving: bool,
    /// Seed of the experiment.
    pub seed: u64,
    /// Its layers.
    pub network: Arc<Network>,
    /// Its data.
    pub data: Arc<Data>,
    /// The parameters at which it is evaluated.
    pub params: Vec<f32>,
    /// Running statistics.
    pub state: Vec<f32>,
    /// Its way of predicting in evaluations.
    pub prediction: PredictionConfig,
    /// The user's own picture, converted to the shape and scale of its data.
    pub own: Option<Arc<FittedPicture>>,
    /// Data that the watched probes copied from it.
    pub taken: Vec<(ProbeRequest, Taken)>,
}

impl ProbeInput {
    /// Copies from a paused lane the data that these views need.
    pub(super) fn of(
        lane: &TrainingLane,
        stamp: LaneStamp,
        views: &[ProbeRequest],
        seed: u64,
        own: Option<Arc<FittedPicture>>,
    ) -> Self {
        let trainer = &lane.trainer;
        let live = trainer.live();
        let taken = views.iter().filter_map(|v| Some((v.clone(), (probe(v.probe)?.take)(lane, v)?)));
        Self {
            id: lane.id,
            stamp,
            step: live.step,
            moving: false,
            seed,
            network: Arc::clone(trainer.network()),
            data: Arc::clone(trainer.data()),
            params: live.point(trainer.recipe()).to_vec(),
            state: live.state.clone(),
            prediction: trainer.recipe().prediction.clone(),
            own,
            taken: taken.collect(),
        }
    }

    /// The stamp of [`Run::stamp_of`] for a view of this state.
    pub fn stamp_of(&self, view: &ProbeRequest) -> Option<LaneStamp> {
        Some(probe(view.probe)?.seen_by(self.stamp, self.moving))
    }

    /// The data that the probe of a view copied from the lane.
    pub fn taken<T: 'static>(&self, view: &ProbeRequest) -> Option<&T> {
        self.taken.iter().find(|(of, _)| of == view)?.1.downcast_ref()
    }
}

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

    /// The probes through which a lane is watched, each once.
    pub(super) fn watched(&self, id: LaneId) -> Vec<&'static Probe> {
        let watched = |p: &&Probe| self.views.iter().any(|v| v.lane == id && v.probe == p.name);
        PROBES.iter().filter(watched).collect()
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
