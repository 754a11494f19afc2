//! The input of probes: what they need to know of a lane, copied between two turns.

use super::{Taken, probe};
use crate::engine::data::picture::FittedPicture;
use crate::engine::network::Network;
use crate::engine::robust::prediction::PredictionConfig;
use crate::lab::experiment::Data;
use crate::lab::lane::TrainingLane;
use crate::telemetry::{LaneId, ProbeRequest};
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
    pub(in crate::lab) fn of(
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

    /// The stamp of [`Run::stamp_of`](crate::lab::run::Run::stamp_of) for a view of this state.
    pub fn stamp_of(&self, view: &ProbeRequest) -> Option<LaneStamp> {
        Some(probe(view.probe)?.seen_by(self.stamp, self.moving))
    }

    /// The data that the probe of a view copied from the lane.
    pub fn taken<T: 'static>(&self, view: &ProbeRequest) -> Option<&T> {
        self.taken.iter().find(|(of, _)| of == view)?.1.downcast_ref()
    }
}
