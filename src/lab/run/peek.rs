//! Looks at lanes for previews: copies of what is needed, taken when a lane is in hand. Computes nothing.

use super::{Data, LaneId, Network, Run, terminal};
use crate::engine::augment::AugmentConfig;
use crate::engine::data::picture::Fitted;
use crate::engine::layer::LayerConfig;
use crate::engine::robust::prediction::PredictionConfig;
use crate::engine::surface::Surface;
use crate::lab::preview::lane_of;
use crate::lab::trail::Trail;
use crate::lab::trainer::Examined;
use crate::telemetry::{Phase, View};
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
    /// Whether it goes on training, so that what is seen will soon be old.
    pub moving: bool,
    /// Seed of the experiment.
    pub seed: u64,
    /// Its layers.
    pub network: Arc<Network>,
    /// Its data.
    pub data: Arc<Data>,
    /// The point by which it wants to be judged.
    pub params: Vec<f32>,
    /// Its augmentations, where somebody looks at them.
    pub augment: Vec<AugmentConfig>,
    /// Running statistics.
    pub state: Vec<f32>,
    /// How it answers when it is evaluated.
    pub prediction: PredictionConfig,
    /// A picture that somebody brought, as its data want it.
    pub own: Option<Arc<Fitted>>,
    /// The test function that it moves over, if it does.
    pub surface: Option<Surface>,
    /// Its way over that function, where somebody watches it: x, y, x, y ...
    pub trail: Vec<f32>,
    /// How the gradient of its last step came back through time, layer by layer, where somebody watches it.
    pub through_time: Vec<(usize, Vec<f32>)>,
    /// A weight of the last step that was looked at, where somebody watches it.
    pub examined: Option<Examined>,
}

impl Peek {
    /// What [`Run::stamp_of`] says of a view of this state.
    pub fn stamp_of(&self, view: &View) -> Stamp {
        seen_by(view, self.stamp, self.moving)
    }
}

/// As much of a lane's stamp as a view depends on.
fn seen_by(view: &View, (changes, step): Stamp, moving: bool) -> Stamp {
    let of = match view {
        View::Landscape { .. } | View::Augmented { .. } => 0,
        // What is only followed while a lane trains is sought anew where it halts.
        View::Adversarial { .. } => 2 * step + u64::from(moving),
        _ => step,
    };
    (changes, of)
}

impl Run {
    /// Asks for a look at these lanes, as soon as each is in hand.
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

    /// The same for a view: what does not change with the steps of its lane is not computed anew for each.
    pub fn stamp_of(&self, view: &View) -> Option<Stamp> {
        let id = lane_of(view);
        Some(seen_by(view, self.stamp(id)?, self.moving(id)))
    }

    /// Whether a lane is training.
    fn moving(&self, id: LaneId) -> bool {
        let place = self.places.get(id).and_then(Option::as_ref);
        place.is_some_and(|p| matches!(p.phase, Phase::Running))
    }

    /// Whether somebody looks at a lane in such a way.
    pub(super) fn watched(&self, id: LaneId, which: fn(&View) -> bool) -> bool {
        self.views.iter().any(|v| lane_of(v) == id && which(v))
    }

    pub(super) fn peek(&self, id: LaneId) -> Option<Peek> {
        let lane = self.lane(id)?;
        let trainer = &lane.trainer;
        let surface = match trainer.recipe().network.first() {
            Some(LayerConfig::Surface(s)) => Some(s.function),
            _ => None,
        };
        let way = self.watched(id, |v| matches!(v, View::Path { .. }));
        let through_time = if !self.watched(id, |v| matches!(v, View::ThroughTime { .. })) {
            Vec::new()
        } else if lane.through_time.is_empty() {
            trainer.through_time()
        } else {
            lane.through_time.clone()
        };
        let weight = self.views.iter().find_map(|v| match v {
            View::Microscope { lane, weight } if *lane == id => Some(*weight),
            _ => None,
        });
        let live = trainer.live();
        let params = live.point(trainer.recipe()).to_vec();
        Some(Peek {
            id,
            stamp: self.stamp(id)?,
            step: live.step,
            moving: self.moving(id),
            seed: self.scenario.seed,
            network: Arc::clone(trainer.network()),
            data: Arc::clone(trainer.data()),
            params,
            state: live.state.clone(),
            prediction: trainer.recipe().prediction.clone(),
            own: self.own.clone(),
            surface,
            trail: lane.trail.as_ref().filter(|_| way).map_or_else(Vec::new, Trail::points),
            through_time,
            augment: if self.watched(id, |v| matches!(v, View::Augmented { .. })) {
                trainer.recipe().augment.clone()
            } else {
                Vec::new()
            },
            examined: weight.and_then(|w| trainer.examine(w)),
        })
    }
}
