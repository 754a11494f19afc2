//! Goes back to a step of a lane: from the nearest state that was kept, the steps after it are made once more in a copy of the
//! lane. Training hears nothing of it. Knows no thread and no clock.

use super::{Data, LaneId, Peek, Place, Run, Stamp};
use crate::engine::data::picture::Fitted;
use crate::engine::network::Network;
use crate::lab::lane::past::{Course, Shared, open};
use crate::lab::lane::{Lane, Pace, Plan};
use crate::lab::preview::KEYFRAMES;
use crate::lab::trainer::Trainer;
use crate::telemetry::{Event, LaneInfo, Phase, View};
use std::sync::Arc;

/// Steps up to which the path of a lane over a test function is drawn from its beginning.
const PATH: u64 = 200_000;
/// Floats of a lane that is kept ready for the next step that is looked at; a larger one is made anew.
const READY: usize = 4 << 20;

/// A step that was shown: of which lane and of which state, and by which views.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    lane: LaneId,
    stamp: Stamp,
    views: Vec<View>,
}

impl Seen {
    /// The lane.
    pub fn lane(&self) -> LaneId {
        self.lane
    }
}

/// The order to show a step of a lane.
#[derive(Debug)]
pub struct Recall {
    /// The moment that is shown by it.
    pub seen: Seen,
    network: Arc<Network>,
    data: Arc<Data>,
    others: Vec<Arc<Data>>,
    seed: u64,
    own: Option<Arc<Fitted>>,
    past: Shared,
    course: Course,
    info: LaneInfo,
}

/// Copies of lanes, ready to go on from where they are.
#[derive(Debug, Default)]
pub struct Reruns {
    ready: Vec<Rerun>,
}

/// A copy of a lane somewhere in its past.
#[derive(Debug)]
struct Rerun {
    lane: Box<Lane>,
    /// How often an order had changed the lane when it was copied.
    changes: u64,
    /// Whether it was put anywhere yet.
    placed: bool,
    /// The probes for which the last step was kept.
    watched: Vec<&'static str>,
}

impl Reruns {
    /// Forgets all copies.
    pub fn clear(&mut self) {
        self.ready.clear();
    }

    fn take(&mut self, of: &Recall) -> Option<Rerun> {
        let at = self.ready.iter().position(|r| r.lane.id == of.seen.lane)?;
        let found = self.ready.swap_remove(at);
        let same = found.changes == of.seen.stamp.0 && Arc::ptr_eq(found.lane.trainer.network(), &of.network);
        same.then_some(found)
    }

    fn put(&mut self, rerun: Rerun) {
        let trainer = &rerun.lane.trainer;
        let floats = trainer.network().workspace_floats(trainer.recipe().batch) + trainer.live().bytes() / 4;
        if floats <= READY {
            self.ready.push(rerun);
        }
    }
}

impl Rerun {
    fn new(of: &Recall) -> Self {
        let (recipe, network, total) =
            (of.info.recipe.clone(), Arc::clone(&of.network), of.course.plan.total);
        let trainer = Trainer::with_network(&of.data, network, recipe, of.seed, total);
        let lane = Lane::new(of.seen.lane, of.info.name.clone(), trainer);
        let lane = Box::new(lane.with_seeds(&of.others, of.seed, total));
        Self { lane, changes: of.seen.stamp.0, placed: false, watched: Vec::new() }
    }
}

impl Recall {
    /// Makes the step once more: the lane as it was then, and what it told. `None` if the pace ended it before.
    ///
    /// # Errors
    /// Why it cannot be made.
    pub fn make(
        &self,
        reruns: &mut Reruns,
        pace: &mut dyn Pace,
    ) -> Result<Option<(Peek, Vec<Event>)>, String> {
        let step = self.seen.stamp.1;
        let watched: Vec<&'static str> = self.course.plan.watched.iter().map(|p| p.name).collect();
        let peek =
            |lane: &Lane| Peek::of(lane, self.seen.stamp, &self.seen.views, self.seed, self.own.clone());
        let mut rerun = reruns.take(self).unwrap_or_else(|| Rerun::new(self));
        let at = rerun.lane.trainer.steps();
        if rerun.placed && at == step && watched.iter().all(|w| rerun.watched.contains(w)) {
            // Only a view has changed.
            let peek = peek(&rerun.lane);
            reruns.put(rerun);
            return Ok(Some((peek, Vec::new())));
        }
        // The step itself is measured, and compared with the one before it: two steps at least are made.
        let mut frame = open(&self.past).before(step.saturating_sub(2));
        if rerun.lane.trail.is_some() && step <= PATH {
            // The path is drawn from its beginning.
            frame = None;
        }
        let on_the_way = rerun.placed && at < step && frame.as_ref().is_none_or(|f| f.step <= at);
        if !on_the_way {
            rerun.lane.take_up(frame.as_deref(), &self.course)?;
        }
        rerun.placed = true;
        let told = rerun.lane.retrace(step, &self.course, pace)?;
        let made = told.map(|mut told| {
            told.insert(0, Event::Changed { lane: self.seen.lane, info: Box::new(self.info.clone()), step });
            (peek(&rerun.lane), told)
        });
        rerun.watched = watched;
        reruns.put(rerun);
        Ok(made)
    }

    /// The views of the step.
    pub fn views(&self) -> &[View] {
        &self.seen.views
    }

    /// An event of that step, marked as such.
    pub fn told(&self, told: Vec<Event>) -> Event {
        Event::Recalled { lane: self.seen.lane, step: self.seen.stamp.1, told }
    }
}

impl Run {
    /// Lets states of all lanes take so many bytes, to look back at them.
    pub fn remember(&mut self, bytes: usize) {
        self.budget = bytes;
        self.share_out();
    }

    /// Has every lane keep to its share, as when there is one lane more.
    pub(super) fn share_out(&mut self) {
        let share = self.share();
        self.present().for_each(|(_, p)| open(&p.past).fit(share));
    }

    /// Bytes that states of one lane may take.
    pub(super) fn share(&self) -> usize {
        self.budget / self.present().count().max(1)
    }

    /// Bytes that states of all lanes take.
    pub fn kept_bytes(&self) -> usize {
        self.present().map(|(_, p)| open(&p.past).bytes()).sum()
    }

    /// The step that is looked at instead of the present.
    pub fn looking(&self) -> Option<u64> {
        self.looking
    }

    /// The next order for the step that is looked at and was not `seen`: lanes in view first, then the others.
    pub fn recall(&self, seen: &[Seen]) -> Option<Recall> {
        let step = self.looking?;
        let wanted = |&(id, place): &(LaneId, &Place)| {
            // A lane that has not come as far shows where it is; one that diverged, the step that went wrong.
            let now = if let Phase::Diverged(account) = &place.phase { account.step } else { place.step };
            let views = self.views_of(id);
            let this = Seen { lane: id, stamp: (place.changes, step), views };
            (place.begun() && step < now && !seen.contains(&this)).then_some((id, this))
        };
        let mut all: Vec<(LaneId, Seen)> = self.present().filter_map(|p| wanted(&p)).collect();
        all.sort_by_key(|(id, seen)| (seen.views.is_empty(), *id));
        let (id, seen) = all.into_iter().next()?;
        let place = self.places[id].as_ref()?;
        let plan = Plan {
            total: self.scenario.steps as u64,
            evaluate_every: self.scenario.evaluate_every.max(1) as u64,
            watched: self.watched(id),
            ..Plan::default()
        };
        let course = Course { line: self.lineage(id, u64::MAX)?, plan };
        let mut info = place.info.clone();
        info.recipe = course.recipe_of(step).unwrap_or(info.recipe);
        info.edits.retain(|e| e.step == 0 || e.step < step);
        info.cost = info.recipe.defence.cost(info.outputs.size());
        Some(Recall {
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
    fn views_of(&self, id: LaneId) -> Vec<View> {
        self.views.iter().filter(|v| v.lane == id && v.probe != KEYFRAMES.name).cloned().collect()
    }
}

#[cfg(test)]
mod tests;
