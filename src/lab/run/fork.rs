//! Lanes that begin at a step of another one: they wait for it, or repeat its training out of sight, and take over its
//! state.

mod place;
mod written;

use super::{LanePlace, Run};
use crate::lab::experiment::{self, Branch, BuildFault, Contender};
use crate::lab::lane::past::{LaneHistory, open};
use crate::lab::lane::{LaneState, Start, TurnLimits};
use crate::limits;
use crate::scenario::{Carry, Edit, Lane, Lineage, Recipe};
use crate::telemetry::{Event, LaneId, Phase};
use std::sync::Arc;

/// A lane to add that begins at a step of another one.
#[derive(Clone, Debug)]
pub struct ForkRequest {
    /// The other lane.
    pub parent: LaneId,
    /// After this many steps of the other lane; `None`: at its current step.
    pub at: Option<u64>,
    /// Its name.
    pub name: String,
    /// Its recipe.
    pub recipe: Recipe,
    /// The part of the state to take over.
    pub carry: Carry,
    /// The state of the other lane at that step, before any change of settings there, if available.
    pub state: Option<LaneState>,
}

/// The origin of a lane.
#[derive(Clone, Debug)]
pub(super) struct LaneOrigin {
    branch: Branch,
    stage: ForkStage,
}

/// The progress of a fork.
#[derive(Clone, Debug)]
enum ForkStage {
    /// Its parent has not reached its step yet.
    Waits,
    /// It repeats the parent's training up to its step, out of sight: the settings there, and the number of changes
    /// made so far.
    Retraces(Box<Recipe>, usize),
    /// It has begun, with this start if it is still in memory.
    Begun(Option<Box<Start>>),
    /// It takes over nothing and has begun at step 0.
    Anew,
}

impl Run {
    /// Starts forks whose parent has reached their step, and reports the state of forks that cannot start.
    pub(super) fn begin_forks(&mut self) {
        for id in 0..self.places.len() {
            if let Some(place) = self.places[id].as_mut()
                && let Err(what) = place.retrace_on()
            {
                self.phase(id, Phase::Failed(what));
            }
        }
        while let Some(id) = (0..self.places.len()).find(|&id| self.can_begin(id)) {
            if let Err(what) = self.begin_fork(id) {
                self.phase(id, Phase::Failed(what));
            }
        }
        for id in 0..self.places.len() {
            if let Some(why) = self.cannot_begin(id) {
                self.phase(id, Phase::Stopped(why));
            } else if let Some(place) = self.places[id].as_mut()
                && place.waits()
                && matches!(place.phase, Phase::Stopped(_))
            {
                // Its parent continues after all.
                place.phase = Phase::Paused;
            }
        }
    }

    fn at(&self, id: LaneId) -> Option<&LanePlace> {
        self.places.get(id)?.as_ref()
    }

    /// The parent of a fork, if it still exists.
    fn parent(&self, place: &LanePlace) -> Option<&LanePlace> {
        self.at(place.origin.as_ref()?.branch.parent)
    }

    fn can_begin(&self, id: LaneId) -> bool {
        let Some(place) = self.at(id).filter(|p| !matches!(p.phase, Phase::Failed(_))) else { return false };
        let Some(origin) = &place.origin else { return false };
        match origin.stage {
            ForkStage::Waits => {
                self.parent(place).is_some_and(|p| p.lane.is_some() && p.step >= origin.step() && p.begun())
            }
            ForkStage::Retraces(..) => place.lane.is_some() && place.step == origin.step(),
            ForkStage::Begun(_) | ForkStage::Anew => false,
        }
    }

    /// The reason why a fork cannot begin at present.
    fn cannot_begin(&self, id: LaneId) -> Option<String> {
        let place = self.at(id).filter(|p| p.waits())?;
        let (parent, at) = (self.parent(place)?, place.origin.as_ref()?.step());
        let name = &parent.info.name;
        let why = match &parent.phase {
            Phase::Diverged(account) => format!("{name} diverged at step {}", account.step),
            Phase::Stopped(_) if parent.waits() => format!("{name} has not begun either"),
            Phase::Stopped(_) => format!("{name} stopped early at step {}", parent.step),
            Phase::Failed(_) => format!("{name} failed at step {}", parent.step),
            Phase::Finished => format!("the run ended at step {}", parent.step),
            Phase::Running | Phase::Paused | Phase::Killed => return None,
        };
        Some(format!("Not begun: {why}, and this lane would begin from {name} at step {at}."))
    }

    /// Starts a fork, or makes it repeat its parent's training if the parent is already past its step.
    fn begin_fork(&mut self, id: LaneId) -> Result<(), String> {
        let gone = || "the lane from which it comes is gone".to_string();
        let place = self.at(id).ok_or_else(gone)?;
        let origin = place.origin.as_ref().ok_or_else(gone)?;
        let (step, from) = (origin.step(), origin.branch.parent);
        if matches!(origin.stage, ForkStage::Retraces(..)) {
            let state = place.lane.as_ref().ok_or_else(gone)?.state();
            let recipe = origin.branch.ground.clone();
            return self.start_fork(id, Start { state, recipe, carry: origin.branch.overrides.carry });
        }
        let line = self.lineage(from, step).ok_or_else(gone)?;
        let parent = self.parent(place).ok_or_else(gone)?;
        if parent.step > step {
            return self.retrace(id);
        }
        let start = parent.untouched().ok_or_else(gone)?;
        if let Some(origin) = self.places[id].as_mut().and_then(|p| p.origin.as_mut()) {
            (origin.branch.ground, origin.branch.line) = (start.recipe.clone(), line);
            let carry = origin.branch.overrides.carry;
            return self.start_fork(id, Start { carry, ..start });
        }
        Ok(())
    }

    /// Starts a fork from this state.
    pub(super) fn start_fork(&mut self, id: LaneId, start: Start) -> Result<(), String> {
        let (data, share) = (Arc::clone(&self.data), self.share());
        let total = self.scenario.steps as u64;
        let (running, end, foremost) = (self.running, self.end, self.foremost());
        let parent = self.at(id).and_then(|p| self.parent(p));
        let (target, from) = (parent.map_or(0, |p| p.target), parent.map(|p| p.info.name.clone()));
        // Up to its first step, its earlier states are its parent's, unless the parent has started anew since.
        let past = self.at(id).and_then(|p| p.origin.as_ref()).and_then(|origin| {
            let now = self.lineage(origin.branch.parent, origin.step())?;
            let parent = self.at(origin.branch.parent)?;
            (now == origin.branch.line).then(|| Arc::clone(&parent.past))
        });
        let Some(place) = self.places[id].as_mut() else { return Ok(()) };
        let (Some(origin), Some(lane)) = (place.origin.as_mut(), place.lane.as_mut()) else { return Ok(()) };
        origin.branch.overrides.from = from.or(origin.branch.overrides.from.take());
        let (written, at) = (origin.branch.overrides.over(start.recipe.clone()), origin.step());
        lane.begin(&start, &written)?;
        lane.restarted();
        lane.past = Arc::clone(&place.past);
        place.network = Arc::clone(lane.trainer.network());
        let mut own = open(&place.past);
        own.clear();
        if let Some(past) = past {
            own.follow(&open(&past), at);
        }
        own.fit(share);
        drop(own);
        origin.stage = ForkStage::Begun(Some(Box::new(start)));
        let mut info = experiment::info(&place.info.name, &written, lane.trainer.network(), &data, total);
        info.fork = Some(origin.fork_origin(&written));
        (place.info, place.written, place.logged, place.before) = (info, written, 0, None);
        (place.step, place.target, place.follows) = (at, at.max(target), foremost);
        place.changes += 1;
        place.phase = match (at >= end, running) {
            (true, _) => Phase::Finished,
            (_, true) => Phase::Running,
            _ => Phase::Paused,
        };
        let (info, phase) = (Box::new(place.info.clone()), place.phase.clone());
        self.lines.retain(|l| l.lane != id);
        self.events.push(Event::Started { lane: id, info, step: at });
        self.events.push(Event::Phase { lane: id, step: at, phase });
        Ok(())
    }

    /// Puts a fork at step 0, to repeat the training that leads to its first step.
    pub(super) fn retrace(&mut self, id: LaneId) -> Result<(), String> {
        let Some(place) = self.at(id) else { return Ok(()) };
        let Some(origin) = &place.origin else { return Ok(()) };
        let (name, root) = (place.info.name.clone(), origin.branch.line.root.clone());
        let network = experiment::build(&self.data, &root).map_err(|fault| fault.to_string())?;
        let mut lane = self.lane_of(id, name, root.clone(), Arc::new(network));
        // It starts from the nearest state that its parent keeps, if the parent still has the same history.
        let (at, line, from) = (origin.step(), origin.branch.line.clone(), origin.branch.parent);
        let same = self.lineage(from, at).is_some_and(|now| now == line);
        let near = self.at(from).filter(|_| same).and_then(|p| open(&p.past).before(at));
        let course = LaneHistory { line, plan: TurnLimits::default() };
        let begin = match near {
            Some(frame) => {
                lane.take_up(Some(&frame), &course)?;
                (frame.step, course.recipe_of(frame.step)?, course.edits_before(frame.step))
            }
            None => (0, root, 0),
        };
        let Some(place) = self.places[id].as_mut() else { return Ok(()) };
        let Some(origin) = place.origin.as_mut() else { return Ok(()) };
        origin.stage = ForkStage::Retraces(Box::new(begin.1), begin.2);
        (place.step, place.target, place.lane) = (begin.0, origin.step(), Some(lane));
        place.phase = Phase::Paused;
        place.changes += 1;
        place.retrace_on()
    }

    /// Returns a lane to its start: step 0, or for a fork its first step. Its present settings become changes at that
    /// step.
    pub(super) fn begin_anew(&mut self, id: LaneId) {
        let Some(place) = self.at(id) else { return };
        let stage = place.origin.as_ref().map(|o| o.stage.clone());
        let (name, recipe, written) =
            (place.info.name.clone(), place.info.recipe.clone(), place.written.clone());
        match stage {
            None | Some(ForkStage::Anew) => self.reset(id),
            Some(ForkStage::Waits | ForkStage::Retraces(..)) => {}
            Some(ForkStage::Begun(None)) => {
                if let Some(place) = self.places[id].as_mut() {
                    place.overrides(&recipe);
                }
                self.forget(Some(id), name);
                if let Err(what) = self.retrace(id) {
                    self.notice(what);
                }
            }
            Some(ForkStage::Begun(Some(start))) => {
                if place.lane.is_none() {
                    let Ok(network) = experiment::build(&self.data, &written) else { return };
                    let lane = self.lane_of(id, name.clone(), written, Arc::new(network));
                    if let Some(place) = self.places[id].as_mut() {
                        place.lane = Some(lane);
                    }
                }
                self.forget(Some(id), name.clone());
                match self.start_fork(id, *start) {
                    Ok(()) if self.at(id).is_some_and(|p| p.info.recipe != recipe) => {
                        self.set(id, name, recipe);
                    }
                    Ok(()) => {}
                    Err(what) => self.notice(what),
                }
            }
        }
    }

    /// Makes a fork wait for its parent, which has gone back to step 0, with the present settings of both. Without a
    /// parent it becomes an ordinary lane.
    pub(super) fn wait_again(&mut self, id: LaneId) {
        let Some(place) = self.at(id) else { return };
        let parent = self.parent(place).map(|p| (p.info.name.clone(), p.info.recipe.clone()));
        let Some(place) = self.places[id].as_mut().filter(|p| p.origin.is_some()) else { return };
        place.written = place.info.recipe.clone();
        place.info.edits.clear();
        let Some((name, ground)) = parent else {
            (place.origin, place.info.fork) = (None, None);
            return;
        };
        let recipe = place.info.recipe.clone();
        if let Some(origin) = place.origin.as_mut() {
            (origin.branch.ground, origin.branch.overrides.from) = (ground, Some(name));
            origin.stage = origin.first(&recipe);
        }
        place.overrides(&recipe);
    }

    /// Changes the settings with which a waiting fork will begin.
    pub(super) fn set_waiting(&mut self, id: LaneId, name: String, recipe: Recipe) -> Result<(), String> {
        let network = experiment::build(&self.data, &recipe);
        let network =
            network.map_err(|BuildFault { at, what }| format!("{at}: {what}; the lane is unchanged."))?;
        let info = experiment::info(&name, &recipe, &network, &self.data, self.scenario.steps as u64);
        let lane = self.lane_of(id, name.clone(), recipe.clone(), Arc::new(network));
        let Some(place) = self.places[id].as_mut() else { return Ok(()) };
        place.pending.iter_mut().for_each(|e| e.lane.clone_from(&name));
        (place.info, place.written, place.lane) = (info, recipe.clone(), Some(lane));
        if let Some(origin) = &mut place.origin {
            origin.stage = origin.first(&recipe);
        }
        place.overrides(&recipe);
        place.changes += 1;
        let info = Box::new(place.info.clone());
        self.events.push(Event::Changed { lane: id, info, step: 0 });
        Ok(())
    }

    /// Adds a lane that begins at a step of another one: with the given state, with the state that the other lane has
    /// there, or by repeating its training.
    ///
    /// # Errors
    /// The reason why this is not possible now.
    pub fn fork(&mut self, order: ForkRequest) -> Result<LaneId, String> {
        let ForkRequest { parent, at, name, recipe, carry, state } = order;
        let gone = "The lane to fork from is gone.";
        let place = self.at(parent).ok_or(gone)?;
        let from = place.info.name.clone();
        let at = at.unwrap_or(place.step);
        if self.present().count() >= limits::LANES {
            return Err(format!("A run has at most {} lanes; remove one first.", limits::LANES));
        } else if self.named(&name).is_some() {
            return Err(format!("There is a lane called {name} already; every lane needs its own name."));
        } else if at < place.first_step() || !place.begun() {
            return Err(format!("{from} begins at step {}; fork it from there on.", place.first_step()));
        } else if at > place.step {
            return Err(format!("{from} is at step {}, and has not come to step {at} yet.", place.step));
        }
        let line = self.lineage(parent, at).ok_or(gone)?;
        let ground = place.settings_before(at);
        let here = if place.step == at { place.untouched() } else { None };
        let network = experiment::build(&self.data, &recipe);
        let network =
            Arc::new(network.map_err(|BuildFault { at, what }| format!("{at}: {what}; no lane was added."))?);
        let need = self.need(&recipe, &network, &self.data).forked(true);
        self.room_for(None, need).map_err(|what| format!("{what}; no lane was added."))?;
        let start = match state {
            Some(state) if state.first.step == at => Some(Start { state, recipe: ground.clone(), carry }),
            _ => here.map(|start| Start { carry, ..start }),
        };
        let carries = Carry::between(&ground, &recipe, carry).is_some();
        // A lane that starts at step 0 differs from its parent's first settings, without the parent's later edits.
        let (at, ground) = if carries { (at, ground) } else { (0, place.settings_before(0)) };
        let mut overrides = Lane::from_recipe(&name, &recipe, &ground);
        (overrides.from, overrides.at, overrides.carry) = (Some(from), at as usize, carry);
        let branch = Some(Branch { parent, overrides, ground, line });
        self.forget(None, name.clone());
        let (written, journal) = (recipe.clone(), Vec::new());
        let id = self.enter(Contender { name, recipe, written, journal, network, branch });
        match start {
            _ if at == 0 || !carries => {}
            Some(start) => self.start_fork(id, start)?,
            None => self.retrace(id)?,
        }
        Ok(id)
    }

    /// The step at which a lane has to stop, because a fork waits for it.
    pub(super) fn awaited(&self, id: LaneId) -> Option<u64> {
        let now = self.at(id)?.step;
        let waits = |p: &&LanePlace| p.waits() && p.origin.as_ref().is_some_and(|o| o.branch.parent == id);
        let steps =
            self.places.iter().flatten().filter(waits).filter_map(|p| Some(p.origin.as_ref()?.step()));
        steps.filter(|&at| at > now).min()
    }

    /// The name of a fork that waits for this lane.
    pub(super) fn awaiting(&self, id: LaneId) -> Option<String> {
        let waits = |p: &&LanePlace| p.waits() && p.origin.as_ref().is_some_and(|o| o.branch.parent == id);
        self.places.iter().flatten().find(waits).map(|p| p.info.name.clone())
    }

    /// Whether a lane has to train so that `goal` trains: it is `goal`, or a lane for which `goal` waits.
    pub(super) fn leads_to(&self, id: LaneId, goal: LaneId) -> bool {
        let mut now = goal;
        // A fork waits only for lanes older than itself, so the loop ends.
        for _ in 0..limits::LANES {
            if now == id {
                return true;
            }
            match self.at(now).filter(|p| p.waits()).and_then(|p| p.origin.as_ref()) {
                Some(origin) => now = origin.branch.parent,
                None => return false,
            }
        }
        false
    }

    /// The history of a lane's state at this step, before any change there.
    pub(super) fn lineage(&self, id: LaneId, before: u64) -> Option<Lineage> {
        let place = self.at(id)?;
        let mut line = match &place.origin {
            Some(LaneOrigin { stage: ForkStage::Begun(_), branch }) => {
                let mut line = branch.line.clone();
                line.fork(branch.overrides.at as u64, &branch.ground, &place.written, branch.overrides.carry);
                line
            }
            _ => Lineage { root: place.written.clone(), edits: Vec::new() },
        };
        line.edit(&place.info.edits, before);
        Some(line)
    }
}

/// Applies the edits at one step to a recipe; returns their number, and whether the optimizer's memory is emptied.
fn changed_at(edits: &[Edit], step: u64, recipe: &mut Recipe) -> Result<(usize, bool), String> {
    let here = edits.iter().take_while(|e| e.step <= step);
    let (mut count, mut empties) = (0, false);
    for edit in here {
        count += 1;
        if edit.empties() {
            empties = true;
        } else {
            recipe.set_at(&edit.field, &edit.to)?;
        }
    }
    Ok((count, empties))
}
