//! All lanes of a run and the orders to them: who trains next, how far, and what became of it.
//!
//! A lane is handed out for a turn and given back. The one with the fewest steps goes first and none runs far ahead, so
//! lanes stay side by side. Knows no thread, no clock and no file; results depend on none of its choices.

use crate::engine::data::Files;
use crate::engine::data::picture::Fitted;
use crate::engine::network::Network;
use crate::lab::exam::Exam;
use crate::lab::experiment::{self, Contender, Data, Experiment};
use crate::lab::lane::{Lane, Line, News, Plan, SavedReplica};
use crate::lab::trainer::{Snapshot, Trainer};
use crate::scenario::{self, Recipe, Scenario};
use crate::telemetry::{Event, LaneId, LaneInfo, Phase, View};
use std::collections::BTreeMap;
use std::sync::Arc;

mod orders;
mod peek;

pub use peek::{Peek, Stamp};

/// Seconds of the slowest lane's work by which another lane may be ahead.
const AHEAD: f64 = 0.020;
/// Steps by which another lane may be ahead at least.
const AHEAD_STEPS: u64 = 4;

/// A lane's place in the run.
#[derive(Debug)]
struct Place {
    /// The lane; `None` while it has its turn.
    lane: Option<Box<Lane>>,
    info: LaneInfo,
    step: u64,
    cost: f64,
    phase: Phase,
    /// Where it stops while the run is paused.
    target: u64,
    /// How often it was changed from outside.
    changes: u64,
}

/// A lane as a checkpoint keeps it.
#[derive(Clone, Debug, PartialEq)]
pub struct Saved {
    /// Its index, for the order of the log.
    pub id: LaneId,
    /// Its name.
    pub name: String,
    /// Its state.
    pub snapshot: Snapshot,
    /// Its other seeds.
    pub seeds: Vec<SavedReplica>,
    /// Seconds of training.
    pub seconds: f64,
    /// What it was doing.
    pub phase: Phase,
}

/// Lines that the log should forget. Until a checkpoint knows of it, no lane trains on: so lines and checkpoints always tell
/// of the same lanes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forgotten {
    /// The lane that began anew, whose lines must not be written any more.
    pub lane: Option<LaneId>,
    /// The name under which its lines stand, or under which those of another lane once stood.
    pub name: String,
}

/// A lane's turn.
#[derive(Debug)]
pub struct Turn {
    /// The lane.
    pub lane: Box<Lane>,
    /// What it may do.
    pub plan: Plan,
}

/// A run in progress.
pub struct Run {
    scenario: Scenario,
    data: Arc<Data>,
    /// The data of the other seeds.
    others: Vec<Arc<Data>>,
    files: Arc<dyn Files + Send + Sync>,
    places: Vec<Option<Place>>,
    running: bool,
    /// Whether lanes that stopped apart from one another still have to meet.
    levelling: bool,
    /// Steps by which a lane was ever allowed to be ahead.
    widest: u64,
    solo: Option<LaneId>,
    /// Steps a second that somebody wants to watch.
    pace: Option<f64>,
    /// Steps that the pace allows by now.
    allowed: f64,
    end: u64,
    /// What is measured under attack, if anything.
    exam: Option<Arc<Exam>>,
    /// Sizes of attacks that somebody wants measured besides the scenario's.
    sizes: Option<Vec<f64>>,
    /// A picture that somebody brought.
    own: Option<Arc<Fitted>>,
    show_every: Option<u64>,
    views: Vec<View>,
    log: bool,
    lines: Vec<Line>,
    quit: bool,
    save: bool,
    /// Lanes that may not be handed out, since an order waits for them.
    held: Vec<LaneId>,
    /// Lines that the log should forget.
    forgotten: Vec<Forgotten>,
    /// Checksum of the training samples, where others were loaded.
    samples: Option<u32>,
    events: Vec<Event>,
    /// Lanes that ever entered, so that stamps differ after another scenario was loaded.
    entered: u64,
    /// Lanes that somebody wants to look at as soon as they are in hand.
    wanted: Vec<LaneId>,
    peeks: Vec<Peek>,
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run")
            .field("places", &self.places)
            .field("running", &self.running)
            .finish_non_exhaustive()
    }
}

impl Run {
    /// A paused run at step 0; it ends after `steps` (the scenario's own number, if `None`).
    pub fn new(experiment: Experiment, steps: Option<u64>, files: Arc<dyn Files + Send + Sync>) -> Self {
        let Experiment { scenario, data, others, lanes } = experiment;
        let end = steps.unwrap_or(scenario.steps as u64);
        let mut run = Self {
            scenario,
            data,
            others,
            files,
            places: Vec::new(),
            running: false,
            levelling: false,
            widest: AHEAD_STEPS,
            solo: None,
            pace: None,
            allowed: 0.0,
            end,
            exam: None,
            sizes: None,
            own: None,
            show_every: None,
            views: Vec::new(),
            log: false,
            lines: Vec::new(),
            quit: false,
            save: false,
            held: Vec::new(),
            forgotten: Vec::new(),
            samples: None,
            events: Vec::new(),
            entered: 0,
            wanted: Vec::new(),
            peeks: Vec::new(),
        };
        for contender in lanes {
            run.enter(contender);
        }
        run.plan_exams();
        run
    }

    /// Has lanes measured under attacks of these sizes too when they end, whether the scenario asks for it or not.
    pub fn examine_at(&mut self, sizes: &[f64]) {
        self.sizes.get_or_insert_default().extend_from_slice(sizes);
        self.plan_exams();
    }

    fn plan_exams(&mut self) {
        let classes = self.data.train.outputs().size();
        self.exam = Exam::of(&self.scenario, classes, self.sizes.as_deref()).map(Arc::new);
    }

    /// Puts lanes where a checkpoint left them.
    ///
    /// # Errors
    /// What does not fit.
    pub fn restore(&mut self, saved: &[Saved]) -> Result<(), String> {
        let end = self.end;
        for old in saved {
            let place = self.places.iter_mut().flatten().find(|p| p.info.name == old.name);
            let place = place.ok_or_else(|| format!("the scenario has no lane {}", old.name))?;
            let lane = place.lane.as_mut().ok_or("the run is under way")?;
            if !matches!(old.phase, Phase::Failed(_)) {
                let restored = lane.trainer.restore(&old.snapshot);
                restored
                    .and_then(|()| lane.restore_seeds(&old.seeds))
                    .map_err(|e| format!("lane {}: {e}", old.name))?;
            }
            lane.seconds = old.seconds;
            lane.begin_trail();
            (place.step, place.target) = (old.snapshot.step, old.snapshot.step);
            place.phase = match &old.phase {
                _ if terminal(&old.phase) && old.phase != Phase::Finished => old.phase.clone(),
                _ if place.step >= end => Phase::Finished,
                _ => Phase::Paused,
            };
            let (id, step) = (lane.id, place.step);
            self.events.push(Event::Started { lane: id, info: Box::new(place.info.clone()), step });
            self.events.push(Event::Phase { lane: id, step, phase: place.phase.clone() });
        }
        Ok(())
    }

    fn enter(&mut self, contender: Contender) -> LaneId {
        let Contender { name, recipe, network } = contender;
        let id = self.places.len();
        self.entered += 1;
        let info = experiment::info(&name, &recipe, &network, &self.data);
        let place = Place {
            lane: Some(self.lane_of(id, name, recipe, network)),
            info: info.clone(),
            step: 0,
            cost: 0.0,
            phase: if self.running { Phase::Running } else { Phase::Paused },
            target: 0,
            changes: self.entered << 32,
        };
        self.events.push(Event::Started { lane: id, info: Box::new(info), step: 0 });
        self.events.push(Event::Phase { lane: id, step: 0, phase: place.phase.clone() });
        self.places.push(Some(place));
        id
    }

    /// A lane over all seeds, before its first step.
    fn lane_of(&self, id: LaneId, name: String, recipe: Recipe, network: Arc<Network>) -> Box<Lane> {
        let (seed, total) = (self.scenario.seed, self.scenario.steps as u64);
        let trainer = Trainer::with_network(&self.data, network, recipe, seed, total);
        Box::new(Lane::new(id, name, trainer).with_seeds(&self.others, seed, total))
    }

    /// Whether lines for the disk are wanted.
    pub fn log(&mut self, wanted: bool) {
        self.log = wanted;
    }

    /// Whether the run was told to end.
    pub fn quitting(&self) -> bool {
        self.quit
    }

    /// Whether lanes were told to train on.
    pub fn running(&self) -> bool {
        self.running
    }

    /// Whether no lane will train before another order comes.
    pub fn idle(&self) -> bool {
        self.present().all(|(_, p)| p.lane.is_some()) && !self.present().any(|(id, p)| self.wants(id, p))
    }

    /// Whether every lane stands where the orders so far want it.
    fn resting(&self) -> bool {
        self.at_rest() && !self.present().any(|(id, p)| self.wants(id, p))
    }

    /// Whether every lane came to its end, good or bad.
    pub fn over(&self) -> bool {
        self.present().all(|(_, p)| terminal(&p.phase))
    }

    /// Steps of the foremost lane.
    pub fn foremost(&self) -> u64 {
        self.present().map(|(_, p)| p.step).max().unwrap_or(0)
    }

    /// Seconds of training and steps of every lane in hand.
    pub fn clocks(&self) -> BTreeMap<LaneId, (f64, u64)> {
        self.present().filter_map(|(id, p)| Some((id, (p.lane.as_ref()?.seconds, p.step)))).collect()
    }

    /// Steps of a lane.
    pub fn step_of(&self, id: LaneId) -> Option<u64> {
        Some(self.places.get(id)?.as_ref()?.step)
    }

    /// Steps of the hindmost lane that has steps to make.
    pub fn hindmost(&self) -> Option<u64> {
        self.present().filter(|(id, p)| self.wants(*id, p)).map(|(_, p)| p.step).min()
    }

    /// What the screen wants to look at.
    pub fn views(&self) -> &[View] {
        &self.views
    }

    /// The step up to which all lanes have told the disk everything.
    pub fn told(&self) -> u64 {
        let of = self.present().filter(|(_, p)| !terminal(&p.phase) || p.lane.is_none());
        of.map(|(_, p)| p.step).min().unwrap_or(u64::MAX)
    }

    /// Lines for the disk since the last call.
    pub fn take_lines(&mut self) -> Vec<Line> {
        std::mem::take(&mut self.lines)
    }

    /// Lines that the log should forget.
    pub fn take_forgotten(&mut self) -> Vec<Forgotten> {
        std::mem::take(&mut self.forgotten)
    }

    /// Checksum of the training samples, if another scenario was loaded since the start.
    pub fn samples(&self) -> Option<u32> {
        self.samples
    }

    /// Events since the last call.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Asks for a checkpoint.
    pub fn want_save(&mut self) {
        self.save = true;
    }

    /// Steps of all lanes together, to see whether anything happened.
    pub fn total_steps(&self) -> u64 {
        self.present().map(|(_, p)| p.step).sum()
    }

    /// Whether a checkpoint was ordered. Until [`Run::save`] no lane is handed out.
    pub fn saving(&self) -> bool {
        self.save
    }

    fn present(&self) -> impl Iterator<Item = (LaneId, &Place)> {
        self.places.iter().enumerate().filter_map(|(id, p)| Some((id, p.as_ref()?)))
    }

    /// Whether a lane has steps to make under the present orders.
    fn wants(&self, id: LaneId, place: &Place) -> bool {
        !terminal(&place.phase) && self.solo.is_none_or(|s| s == id) && place.step < self.goal(place)
    }

    fn goal(&self, place: &Place) -> u64 {
        if self.running { self.end } else { place.target.min(self.end) }
    }

    /// Lets `seconds` of the pace pass; whether lanes are to be held back by one at all.
    ///
    /// A tenth of a second's steps is saved up at most, so that nothing rushes after a rest.
    pub fn pace(&mut self, seconds: f64) -> bool {
        let Some(rate) = self.pace.filter(|_| self.running) else { return false };
        let active = self.present().filter(|(id, p)| self.wants(*id, p)).map(|(_, p)| p.step);
        let Some(last) = active.min() else { return false };
        self.allowed = (self.allowed + rate * seconds).clamp(last as f64, last as f64 + 1.0 + 0.1 * rate);
        true
    }

    /// Hands out the lane that should train now.
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
        let watched = |which: fn(&View) -> bool| self.watched(id, which);
        let (magnify, through_time) = (
            watched(|v| matches!(v, View::Microscope { .. })),
            watched(|v| matches!(v, View::ThroughTime { .. })),
        );
        let place = self.places[id].as_mut()?;
        let goal = if self.running { self.end } else { place.target.min(self.end) };
        let plan = Plan {
            until: limit.min(goal),
            goal,
            end: self.end,
            total: self.scenario.steps as u64,
            evaluate_every: self.scenario.evaluate_every.max(1) as u64,
            exam: self.exam.clone(),
            show_every: self.show_every,
            log: self.log,
            magnify,
            through_time,
        };
        Some(Turn { lane: place.lane.take()?, plan })
    }

    /// Takes a lane back with what its turn brought.
    pub fn give_back(&mut self, lane: Box<Lane>, news: News) {
        let id = lane.id;
        self.lines.extend(news.lines);
        self.events.extend(news.events);
        let Some(place) = self.places[id].as_mut() else { return };
        place.step = lane.trainer.steps();
        place.target = place.target.max(place.step);
        place.cost = lane.cost;
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

    /// A lane's turn ended in a fault of the program; the lane is lost, the others go on.
    pub fn failed(&mut self, id: LaneId, message: &str) {
        self.phase(id, Phase::Failed(format!("a fault of the program: {message}")));
        self.settle();
    }

    fn phase(&mut self, id: LaneId, phase: Phase) {
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

    /// Lets lanes that stopped apart meet at the step of the foremost, and tells which lanes wait or train.
    fn settle(&mut self) {
        if !self.running
            && self.levelling
            && self.present().all(|(_, p)| p.lane.is_some() || terminal(&p.phase))
        {
            self.levelling = false;
            let going =
                || self.present().filter(|(id, p)| !terminal(&p.phase) && self.solo.is_none_or(|s| s == *id));
            let front = going().map(|(_, p)| p.target).max().unwrap_or(0);
            // A lane that is further behind joined later; it need not catch up before a pause.
            let near = self.widest * 2;
            let solo = self.solo;
            for (id, place) in self.places.iter_mut().enumerate() {
                if let Some(p) = place
                    && solo.is_none_or(|s| s == id)
                    && front - p.target.min(front) <= near
                {
                    p.target = front;
                }
            }
        }
        for id in 0..self.places.len() {
            let Some(place) = &self.places[id] else { continue };
            if !terminal(&place.phase) {
                // A lane that may have to catch up with the others has not come to rest.
                let phase = if self.wants(id, place) || place.lane.is_none() || self.levelling {
                    Phase::Running
                } else {
                    Phase::Paused
                };
                self.phase(id, phase);
            }
        }
    }

    fn notice(&mut self, text: String) {
        self.events.push(Event::Notice(text));
    }

    /// The scenario with its lanes as they are now.
    pub fn scenario(&self) -> Scenario {
        let base = self.scenario.base();
        let lanes =
            self.present().map(|(_, p)| scenario::Lane::from_recipe(&p.info.name, &p.info.recipe, &base));
        Scenario { lanes: lanes.collect(), ..self.scenario.clone() }
    }

    /// Whether all lanes are in hand, so that [`Run::save`] sees one moment of all of them.
    pub fn at_rest(&self) -> bool {
        self.present().all(|(_, p)| p.lane.is_some() || terminal(&p.phase))
    }

    /// The state of every lane, all of one moment; lanes are handed out again afterwards.
    ///
    /// # Panics
    /// Unless the run is [at rest](Run::at_rest).
    pub fn save(&mut self) -> Vec<Saved> {
        assert!(self.at_rest(), "a lane is still under way");
        self.save = false;
        let each = self.present().map(|(id, p)| Saved {
            id,
            name: p.info.name.clone(),
            snapshot: p.lane.as_ref().map_or_else(
                // A failed lane has no state left but the number of its steps.
                || Snapshot { step: p.step, ..Snapshot::default() },
                |lane| lane.trainer.snapshot(),
            ),
            seeds: p.lane.as_ref().map_or_else(Vec::new, |lane| lane.save_seeds()),
            seconds: p.lane.as_ref().map_or(0.0, |lane| lane.seconds),
            phase: p.phase.clone(),
        });
        each.collect()
    }

    /// The lane of this index, if it is in hand.
    pub fn lane(&self, id: LaneId) -> Option<&Lane> {
        self.places.get(id)?.as_ref()?.lane.as_deref()
    }
}

/// Whether a lane will not go on by itself.
fn terminal(phase: &Phase) -> bool {
    !matches!(phase, Phase::Running | Phase::Paused)
}
