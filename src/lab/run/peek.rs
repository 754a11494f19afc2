//! Looks at lanes for previews: copies of what is needed, taken when a lane is in hand. Computes nothing.

use super::{Data, LaneId, Network, Run, terminal};
use std::sync::Arc;

/// What a lane's state can be told apart by: how often it was changed from outside, and its steps.
pub type Stamp = (u64, u64);

/// What a preview needs of a lane.
#[derive(Clone, Debug)]
pub struct Peek {
    /// Which.
    pub id: LaneId,
    /// Its state's stamp.
    pub stamp: Stamp,
    /// Its steps.
    pub step: u64,
    /// Seed of the experiment.
    pub seed: u64,
    /// Its layers.
    pub network: Arc<Network>,
    /// Its data.
    pub data: Arc<Data>,
    /// The point by which it wants to be judged.
    pub params: Vec<f32>,
    /// Running statistics.
    pub state: Vec<f32>,
}

impl Run {
    /// Asks for a look at these lanes, as soon as each is in hand.
    pub fn want_peeks(&mut self, lanes: Vec<LaneId>) {
        self.wanted = lanes;
        for id in std::mem::take(&mut self.wanted) {
            match self.peek(id) {
                Some(peek) => self.peeks.push(peek),
                None => self.wanted.push(id),
            }
        }
    }

    /// The looks that were asked for, once all are there.
    pub fn take_peeks(&mut self) -> Option<Vec<Peek>> {
        let gone =
            |id: &LaneId| self.places.get(*id).and_then(Option::as_ref).is_none_or(|p| terminal(&p.phase));
        let waiting = self.wanted.iter().any(|id| !gone(id));
        (!waiting).then(|| {
            self.wanted.clear();
            std::mem::take(&mut self.peeks)
        })
    }

    /// What a lane's state can be told apart by, if there is such a lane.
    pub fn stamp(&self, id: LaneId) -> Option<Stamp> {
        let place = self.places.get(id)?.as_ref()?;
        Some((place.changes, place.step))
    }

    pub(super) fn peek(&self, id: LaneId) -> Option<Peek> {
        let trainer = &self.lane(id)?.trainer;
        let live = trainer.live();
        let params = trainer.recipe().optimizer.eval_params(&live.optim).unwrap_or(&live.params).to_vec();
        Some(Peek {
            id,
            stamp: self.stamp(id)?,
            step: live.step,
            seed: self.scenario.seed,
            network: Arc::clone(trainer.network()),
            data: Arc::clone(trainer.data()),
            params,
            state: live.state.clone(),
        })
    }
}
