//! Shows an earlier step of a lane: a copy of the lane trains again from the nearest kept state to that step. Training
//! is not affected. Knows no thread and no clock.

use super::{Data, LaneId, LanePlace, LaneStamp, ProbeInput, Run};
use crate::engine::data::picture::FittedPicture;
use crate::engine::network::Network;
use crate::lab::lane::past::{LaneHistory, SharedPast, open};
use crate::lab::lane::{Pace, TrainingLane, TurnLimits};
use crate::lab::preview::KEYFRAMES;
use crate::lab::trainer::Trainer;
use crate::limits;
use crate::telemetry::{Event, LaneInfo, Phase, ProbeRequest};
use std::sync::Arc;

/// A lane's path over a test function is drawn from its start only up to this many steps.
const PATH: u64 = 200_000;

/// A step that was shown: its lane, the lane's state, and the views.
#[derive(Clone, Debug, PartialEq)]
pub struct ShownStep {
    lane: LaneId,
    stamp: LaneStamp,
    views: Vec<ProbeRequest>,
}

impl ShownStep {
    /// The lane.
    pub fn lane(&self) -> LaneId {
        self.lane
    }
}

/// An order to show a step of a lane.
#[derive(Debug)]
pub struct ShowStep {
    /// The moment that it shows.
    pub seen: ShownStep,
    network: Arc<Network>,
    data: Arc<Data>,
    others: Vec<Arc<Data>>,
    seed: u64,
    own: Option<Arc<FittedPicture>>,
    past: SharedPast,
    course: LaneHistory,
    info: LaneInfo,
}

/// Copies of lanes, each ready to continue from its position.
#[derive(Debug, Default)]
pub struct Reruns {
    ready: Vec<Rerun>,
}

/// A copy of a lane at one of its earlier steps.
#[derive(Debug)]
struct Rerun {
    lane: Box<TrainingLane>,
    /// How often orders had changed the lane when it was copied.
    changes: u64,
    /// Whether it has been moved to a step yet.
    placed: bool,
    /// The probes whose data were kept at the last step.
    watched: Vec<&'static str>,
}

impl Reruns {
    /// Forgets all copies.
    pub fn clear(&mut self) {
        self.ready.clear();
    }

    fn take(&mut self, of: &ShowStep) -> Option<Rerun> {
        let at = self.ready.iter().position(|r| r.lane.id == of.seen.lane)?;
        let found = self.ready.swap_remove(at);
        let same = found.changes == of.seen.stamp.0 && Arc::ptr_eq(found.lane.trainer.network(), &of.network);
        same.then_some(found)
    }

    /// Keeps a copy for the next step, as far as the limit allows. The copy of a lane in view replaces those of others;
    /// a copy that is not kept is made anew.
    fn put(&mut self, rerun: Rerun, in_view: bool) {
        let all = |ready: &[Rerun]| rerun.floats() + ready.iter().map(Rerun::floats).sum::<usize>();
        while in_view && all(&self.ready) > limits::RERUNS && !self.ready.is_empty() {
            self.ready.remove(0);
        }
        if all(&self.ready) <= limits::RERUNS {
            self.ready.push(rerun);
        }
    }

    /// Floats of all copies.
    pub fn floats(&self) -> usize {
        self.ready.iter().map(Rerun::floats).sum()
    }
}

impl Rerun {
    /// Floats of its passes and its state, over all seeds.
    fn floats(&self) -> usize {
        let trainer = &self.lane.trainer;
        let one = trainer.network().workspace_floats(trainer.recipe().batch) + trainer.live().bytes() / 4;
        one * (1 + self.lane.replicas.len())
    }

    fn new(of: &ShowStep) -> Self {
        let (recipe, network, total) =
            (of.info.recipe.clone(), Arc::clone(&of.network), of.course.plan.total);
        let trainer = Trainer::with_network(&of.data, network, recipe, of.seed, total);
        let lane = TrainingLane::new(of.seen.lane, of.info.name.clone(), trainer);
        let lane = Box::new(lane.with_seeds(&of.others, of.seed, total));
        Self { lane, changes: of.seen.stamp.0, placed: false, watched: Vec::new() }
    }
}

impl ShowStep {
    /// Trains the step again; returns the lane as it was then, and the events of that step. `None` if the pace ended
    /// the turn before.
    ///
    /// # Errors
    /// The reason why it cannot be trained.
    pub fn make(
        &self,
        reruns: &mut Reruns,
        pace: &mut dyn Pace,
    ) -> Result<Option<(ProbeInput, Vec<Event>)>, String> {
        let step = self.seen.stamp.1;
        let watched: Vec<&'static str> = self.seen.views.iter().map(|v| v.probe).collect();
        let peek = |lane: &TrainingLane| {
            ProbeInput::of(lane, self.seen.stamp, &self.seen.views, self.seed, self.own.clone())
        };
        let mut rerun = reruns.take(self).unwrap_or_else(|| Rerun::new(self));
        let at = rerun.lane.trainer.steps();
        if rerun.placed && at == step && watched.iter().all(|w| rerun.watched.contains(w)) {
            // Only a view has changed.
            let peek = peek(&rerun.lane);
            reruns.put(rerun, !self.seen.views.is_empty());
            return Ok(Some((peek, Vec::new())));
        }
        // The step itself is measured, and compared with the previous one, so at least two steps are trained.
        let mut frame = open(&self.past).before(step.saturating_sub(2));
        if rerun.lane.trail.is_some() && step <= PATH {
            // The path is drawn from the start.
            frame = None;
        }
        let on_the_way = rerun.placed && at < step && frame.as_ref().is_none_or(|f| f.step <= at);
        if !on_the_way {
            rerun.lane.take_up(frame.as_deref(), &self.course)?;
        }
        rerun.placed = true;
        let events = rerun.lane.retrace(step, &self.course, pace)?;
        let made = events.map(|mut events| {
            events
                .insert(0, Event::Changed { lane: self.seen.lane, info: Box::new(self.info.clone()), step });
            (peek(&rerun.lane), events)
        });
        rerun.watched = watched;
        reruns.put(rerun, !self.seen.views.is_empty());
        Ok(made)
    }

    /// The views of the step.
    pub fn views(&self) -> &[ProbeRequest] {
        &self.seen.views
    }

    /// The events of that step, as a [`Event::Recalled`].
    pub fn event(&self, events: Vec<Event>) -> Event {
        Event::Recalled { lane: self.seen.lane, step: self.seen.stamp.1, events }
    }
}

impl Run {
    /// Sets the number of bytes for earlier states of all lanes.
    pub fn remember(&mut self, bytes: usize) {
        self.budget = bytes;
        self.share_out();
    }

    /// Makes every lane keep to its share, for example after a lane was added.
    pub(super) fn share_out(&mut self) {
        let share = self.share();
        self.present().for_each(|(_, p)| open(&p.past).fit(share));
    }

    /// Bytes for earlier states of one lane.
    pub(super) fn share(&self) -> usize {
        self.budget / self.present().count().max(1)
    }

    /// Bytes that the kept states of all lanes take.
    pub fn kept_bytes(&self) -> usize {
        self.present().map(|(_, p)| open(&p.past).bytes()).sum()
    }

    /// The step that is looked at instead of the present.
    pub fn looking(&self) -> Option<u64> {
        self.looking
    }

    /// The next order for the step that is looked at and not in `seen`: lanes in view first, then the others.
    pub fn recall(&self, seen: &[ShownStep]) -> Option<ShowStep> {
        let step = self.looking?;
        let wanted = |&(id, place): &(LaneId, &LanePlace)| {
            // A lane that has not reached the step shows its present; a diverged lane shows the failed step.
            let now = if let Phase::Diverged(account) = &place.phase { account.step } else { place.step };
            let views = self.views_of(id);
            let this = ShownStep { lane: id, stamp: (place.changes, step), views };
            (place.begun() && step < now && !seen.contains(&this)).then_some((id, this))
        };
        let mut all: Vec<(LaneId, ShownStep)> = self.present().filter_map(|p| wanted(&p)).collect();
        all.sort_by_key(|(id, seen)| (seen.views.is_empty(), *id));
        let (id, seen) = all.into_iter().next()?;
        let place = self.places[id].as_ref()?;
        let plan = TurnLimits {
            total: self.scenario.steps as u64,
            evaluate_every: self.scenario.evaluate_every.max(1) as u64,
            hooks: self.hooks(id),
            ..TurnLimits::default()
        };
        let course = LaneHistory { line: self.lineage(id, u64::MAX)?, plan };
        let mut info = place.info.clone();
        info.recipe = course.recipe_of(step).unwrap_or(info.recipe);
        info.edits.retain(|e| e.step == 0 || e.step < step);
        info.cost = info.recipe.defence.cost(info.outputs.size());
        Some(ShowStep {
            seen,
            network: Arc::clone(&place.network),
            data: Arc::clone(&self.data),
            others: self.others.clone(),
            seed: self.scenario.seed,
            own: self.own.clone(),
            past: Arc::clone(&place.past),
            course,
            info,
        })
    }

    /// The views of a lane that depend on its state.
    fn views_of(&self, id: LaneId) -> Vec<ProbeRequest> {
        self.views.iter().filter(|v| v.lane == id && v.probe != KEYFRAMES.name).cloned().collect()
    }
}

#[cfg(test)]
mod tests;
