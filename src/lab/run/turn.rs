//! Gives turns to lanes and limits them: lanes stay side by side, keep to the pace, and stop at the same step.
//!
//! Knows no clock: the caller passes the elapsed time.

use super::{LanePlace, Run, terminal};
use crate::lab::lane::{TrainingLane, TurnLimits, TurnResult};
use crate::telemetry::{Event, LaneId, Phase};
use std::sync::Arc;

/// Lead of a lane, in seconds of work of the slowest lane.
const AHEAD: f64 = 0.020;
/// Least lead in steps that a lane is always allowed.
pub(super) const AHEAD_STEPS: u64 = 4;

/// A lane's turn.
#[derive(Debug)]
pub struct Turn {
    /// The lane.
    pub lane: Box<TrainingLane>,
    /// Its limits.
    pub plan: TurnLimits,
}

impl LanePlace {
    /// The step at which it ended, or to which it will train.
    fn reached(&self) -> u64 {
        match &self.phase {
            Phase::Diverged(account) => account.step,
            phase if terminal(phase) => self.step,
            _ => self.target,
        }
    }
}

impl Run {
    /// Whether a lane has steps to make under the present orders.
    pub(super) fn wants(&self, id: LaneId, place: &LanePlace) -> bool {
        !terminal(&place.phase)
            && !place.waits()
            && self.solo.is_none_or(|s| self.leads_to(id, s))
            && place.step < self.goal(place)
    }

    pub(super) fn goal(&self, place: &LanePlace) -> u64 {
        if self.running {
            self.halt.map_or(self.end, |halt| halt.min(self.end))
        } else {
            place.target.min(self.end)
        }
    }

    /// Pauses once all training lanes have reached the ordered step.
    fn halt(&mut self) {
        let Some(halt) = self.halt.filter(|_| self.running) else { return };
        let there = |(id, p): (LaneId, &LanePlace)| {
            let idle = terminal(&p.phase) || p.waits() || self.solo.is_some_and(|s| !self.leads_to(id, s));
            p.lane.is_some() && (idle || p.step >= halt)
        };
        if self.present().all(there) {
            self.halt = None;
            self.pause();
        }
    }

    /// Advances the pace by `seconds`; returns whether a pace is set.
    ///
    /// At most the steps of a tenth of a second accumulate, so that lanes do not rush after a pause.
    pub fn pace(&mut self, seconds: f64) -> bool {
        let Some(rate) = self.pace.filter(|_| self.running) else { return false };
        let active = self.present().filter(|(id, p)| self.wants(*id, p)).map(|(_, p)| p.step);
        let Some(last) = active.min() else { return false };
        self.allowed = (self.allowed + rate * seconds).clamp(last as f64, last as f64 + 1.0 + 0.1 * rate);
        true
    }

    /// Starts a turn of the lane that should train next.
    pub fn take(&mut self) -> Option<Turn> {
        if self.quit || self.save {
            return None;
        }
        let active: Vec<_> = self.present().filter(|(id, p)| self.wants(*id, p)).collect();
        let last = active.iter().map(|(_, p)| p.step).min()?;
        let slowest = active.iter().map(|(_, p)| p.cost).fold(0.0, f64::max);
        let ahead = if slowest > 0.0 { (AHEAD / slowest) as u64 } else { 0 };
        let mut limit = last + ahead.max(AHEAD_STEPS);
        if self.pace.is_some() && self.running {
            limit = limit.min(self.allowed as u64);
        }
        let free =
            active.iter().filter(|(id, p)| p.lane.is_some() && p.step < limit && !self.held.contains(id));
        let &(id, _) = free.min_by_key(|(id, p)| (p.step, *id))?;
        self.widest = self.widest.max(ahead);
        let (hooks, awaited) = (self.hooks(id), self.awaited(id));
        let captured = self.step_of(id).and_then(|now| self.capture_at(id, now));
        let budget = self.share();
        let goal = self.places[id].as_ref().map(|p| self.goal(p))?;
        let place = self.places[id].as_mut()?;
        for stop in awaited.into_iter().chain(captured).chain(place.retraces_to()) {
            limit = limit.min(stop);
        }
        if let Some(next) = place.pending.front() {
            limit = limit.min(next.step);
        }
        let plan = TurnLimits {
            until: limit.min(goal),
            goal,
            end: self.end,
            total: self.scenario.steps as u64,
            evaluate_every: self.scenario.evaluate_every.max(1) as u64,
            exam: self.exam.clone(),
            show_every: self.show_every,
            log: self.log,
            hooks,
            // A fork that repeats its parent's training uses the parent's kept states.
            budget: if place.begun() { budget } else { 0 },
            past: false,
        };
        let lane = place.lane.take()?;
        place.leave = Arc::clone(&lane.leave);
        Some(Turn { lane, plan })
    }

    /// Takes a lane back, with the results of its turn.
    pub fn give_back(&mut self, lane: Box<TrainingLane>, mut news: TurnResult) {
        let id = lane.id;
        if let Some(place) = self.places[id].as_ref() {
            place.hush(&mut news);
        }
        self.events.extend(news.events);
        let Some(place) = self.places[id].as_mut() else { return self.lines.extend(news.lines) };
        place.step = lane.trainer.steps();
        place.went_on();
        // An edit is logged before the first step that was trained with it.
        let tried = if let Some(Phase::Diverged(d)) = &news.end { d.step } else { place.step };
        self.lines.extend(place.unlogged(id, tried).filter(|_| self.log));
        self.lines.extend(news.lines);
        place.target = place.target.max(place.step);
        place.cost = lane.cost;
        place.leave.want(false);
        place.lane = Some(lane);
        if let Some(end) = news.end {
            self.phase(id, end);
        }
        if let Some(i) = self.wanted.iter().position(|&w| w == id) {
            self.wanted.swap_remove(i);
            self.peeks.extend(self.peek(id));
        }
        self.settle();
    }

    /// Handles a panic in a lane's turn: the lane fails, the others continue.
    pub fn failed(&mut self, id: LaneId, message: &str) {
        self.phase(id, Phase::Failed(format!("a fault of the program: {message}")));
        self.settle();
    }

    pub(super) fn phase(&mut self, id: LaneId, phase: Phase) {
        let Some(place) = self.places[id].as_mut() else { return };
        if place.phase != phase {
            place.phase = phase.clone();
            let step = match &phase {
                Phase::Diverged(account) => account.step,
                _ => place.step,
            };
            self.events.push(Event::Phase { lane: id, step, phase });
        }
    }

    /// Lets lanes that stopped at different steps catch up with the most advanced one, and reports which lanes wait or
    /// train.
    pub(super) fn settle(&mut self) {
        self.begin_forks();
        self.capture_states();
        self.make_pending_changes();
        self.halt();
        if self.present().all(|(_, p)| p.step == 0) {
            // At the start, all lanes are at step 0.
            self.places.iter_mut().flatten().for_each(|p| p.follows = 0);
        }
        if !self.running
            && self.levelling
            && self.present().all(|(_, p)| p.lane.is_some() || terminal(&p.phase))
        {
            self.levelling = false;
            let solo = self.solo;
            let front = |ended: bool| {
                let concerned = self.present().filter(|(id, _)| solo.is_none_or(|s| s == *id));
                concerned.filter(|(_, p)| ended || !terminal(&p.phase)).map(|(_, p)| p.reached()).max()
            };
            // A finished lane counts too: the others have to reach its step, unless they were added later.
            let (going, all) = (front(false).unwrap_or(0), front(true).unwrap_or(0));
            // A lane that is further behind was added later; a pause does not wait for it to catch up.
            let near = self.widest * 2;
            for (id, place) in self.places.iter_mut().enumerate() {
                if let Some(p) = place
                    && solo.is_none_or(|s| s == id)
                {
                    let front = if p.step < p.follows { going } else { all };
                    if front - p.target.min(front) <= near {
                        p.target = front;
                    }
                }
            }
        }
        for id in 0..self.places.len() {
            let Some(place) = &self.places[id] else { continue };
            if !terminal(&place.phase) {
                // A lane that may still have to catch up is not paused.
                let stays = place.waits() && self.running;
                let phase = if self.wants(id, place) || place.lane.is_none() || self.levelling || stays {
                    Phase::Running
                } else {
                    Phase::Paused
                };
                self.phase(id, phase);
            }
        }
        if !self.running && self.resting() {
            let rests = std::mem::take(&mut self.unrested);
            self.events.extend(std::iter::repeat_n(Event::Rested, rests));
        }
    }
}
