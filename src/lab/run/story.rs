//! The history of a lane, and changing a lane to another history: the common part is kept, and the rest is trained
//! again. Undo, redo and rewind are all this one operation. Knows no thread and no file.

use super::save::SavedLane;
use super::{LaneId, LanePlace, Run, open};
use crate::lab::experiment::{self, Branch, BuildFault, Contender};
use crate::lab::lane::past::LaneHistory;
use crate::lab::lane::{EndlessTurn, LaneState, Start, TurnLimits};
use crate::scenario::{Carry, Edit, Lineage, Recipe};
use crate::telemetry::{Event, Phase};
use std::sync::Arc;

/// Everything that determines a lane's states, together with the data and the seed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct StateSettings {
    pub(super) name: String,
    written: Recipe,
    branch: Option<Branch>,
    /// The edits that were made, and those still to come.
    edits: Vec<Edit>,
    /// The lane's present step; if it diverged, the step that it could not make.
    pub(super) step: u64,
    /// The state of a removed lane, so that it need not be trained again.
    pub(super) state: Option<Box<SavedLane>>,
}

impl StateSettings {
    /// Whether two lanes have the same states at every step that both have made.
    pub(super) fn same_states(&self, other: &Self) -> bool {
        (&self.name, &self.written, &self.branch) == (&other.name, &other.written, &other.branch)
            && self.edits.len() == other.edits.len()
            && self.edits.iter().zip(&other.edits).all(|(a, b)| alike(a, b))
    }

    /// The history without the changes after a step.
    pub(super) fn until(mut self, step: u64) -> Self {
        let now = self.step;
        // The scenario's edits at later steps are still to come.
        self.edits.retain(|e| e.step < step || e.step == 0 || e.step > now);
        self.step = step;
        self
    }

    /// The settings in which the two histories differ, in words.
    pub(super) fn changes_to(&self, other: &Self) -> Vec<String> {
        let (mut from, mut to) = (self.recipe(u64::MAX), other.recipe(u64::MAX));
        if self.branch.is_none() != other.branch.is_none() {
            (from, to) = (self.written.clone(), other.written.clone());
        }
        let mut words = from.changes_in_words(&to);
        if self.name != other.name {
            words.push(format!("called {}", other.name));
        }
        words
    }

    /// The step at which it begins.
    pub(super) fn first(&self) -> u64 {
        let carries = |b: &&Branch| b.carried(&self.written).is_some();
        self.branch.as_ref().filter(carries).map_or(0, |b| b.overrides.at as u64)
    }

    /// Its settings after the changes before this step, including those at step 0.
    fn recipe(&self, step: u64) -> Recipe {
        let mut recipe = self.written.clone();
        for edit in self.edits.iter().filter(|e| (e.step < step || e.step == 0) && !e.empties()) {
            // The edit was made before, so it can be made again.
            let _ = recipe.set_at(&edit.field, &edit.to);
        }
        recipe
    }

    /// The history of its states.
    fn line(&self) -> Lineage {
        let mut line = match &self.branch {
            Some(branch) if self.first() > 0 => {
                let mut line = branch.line.clone();
                line.fork(self.first(), &branch.ground, &self.written, branch.overrides.carry);
                line
            }
            _ => Lineage { root: self.written.clone(), edits: Vec::new() },
        };
        line.edit(&self.edits, u64::MAX);
        line
    }

    /// The step up to which a lane with this history has the same states as another one; `None` if not even the first
    /// state is the same.
    fn common(&self, other: &Self) -> Option<u64> {
        let (a, b) = (self.line(), other.line());
        let same = a.edits.iter().zip(&b.edits).take_while(|(x, y)| alike(x, y)).count();
        let next = a.edits.get(same).into_iter().chain(b.edits.get(same)).map(|e| e.step).min();
        let until = next.unwrap_or(u64::MAX);
        (a.root == b.root && until > 0).then_some(until)
    }
}

/// Whether two edits make the same change at the same step.
fn alike(a: &Edit, b: &Edit) -> bool {
    (a.step, &a.field, &a.to) == (b.step, &b.field, &b.to)
}

impl Run {
    /// The history of a lane, if it exists.
    pub(super) fn story(&self, id: LaneId) -> Option<StateSettings> {
        let place = self.places.get(id)?.as_ref()?;
        Some(StateSettings {
            name: place.info.name.clone(),
            written: place.written.clone(),
            branch: place.branch().cloned(),
            edits: place.info.edits.iter().chain(&place.pending).cloned().collect(),
            step: if let Phase::Diverged(account) = &place.phase { account.step } else { place.step },
            state: None,
        })
    }

    /// The history of a lane that is about to be removed, with its state.
    pub(super) fn last_story(&self, id: LaneId) -> Option<StateSettings> {
        let place = self.places.get(id)?.as_ref()?;
        let saved = place.lane.as_ref().filter(|_| place.begun()).map(|_| Box::new(Self::saved(id, place)));
        Some(StateSettings { state: saved, ..self.story(id)? })
    }

    /// Changes a lane to another history. The lane is then at the history's step, or on the way there; steps that its
    /// present history does not share are trained again. Returns the step from which it trains again.
    ///
    /// # Errors
    /// The reason why it cannot; the lane is then unchanged.
    pub(super) fn retell(&mut self, id: LaneId, story: &StateSettings, goal: u64) -> Result<u64, String> {
        let contender = self.contender(story)?;
        if let Some(other) = self.named(&story.name).filter(|&other| other != id) {
            let letter = char::from(b'A' + (other % 26) as u8);
            return Err(format!("lane {letter} is called {} by now", story.name));
        }
        let need =
            self.need(&contender.recipe, &contender.network, &self.data).forked(story.branch.is_some());
        self.room_for(Some(id), need)?;
        let now = self.story(id);
        if self.places.get(id).and_then(Option::as_ref).is_some_and(LanePlace::retraces) {
            return Err(format!("{} is on its way to its first step; wait until it has begun", story.name));
        }
        let (first, mark) = (story.first(), self.events.len());
        let begun =
            self.places.get(id).and_then(Option::as_ref).is_some_and(|p| p.begun() && p.lane.is_some());
        let shared = now.as_ref().filter(|_| begun).and_then(|now| Some(now.common(story)?.min(now.step)));
        let back = shared.map(|until| until.min(goal)).filter(|back| *back > 0 && *back >= first);
        let (mut start, mut replayed, mut past) = (None, Vec::new(), None);
        if let Some(back) = back {
            let (state, events) = self.state_at(id, back)?;
            (start, replayed) = (Some(state), events);
            past = self.places.get(id).and_then(Option::as_ref).map(|p| Arc::clone(&p.past));
        }
        let kept = now.is_none().then(|| story.state.clone()).flatten();
        let (name, seconds) = (story.name.clone(), self.seconds_of(id));
        let before = self.places.get_mut(id).and_then(Option::take).and_then(|place| place.lane);
        let looks = before.map(|mut lane| lane.take_looks()).unwrap_or_default();
        self.enter_as(Some(id), contender);
        let back = if let Some(start) = start {
            let back = back.unwrap_or(0);
            if let Some(past) = past {
                open(&past).cut(back);
                if let Some(place) = self.places[id].as_mut() {
                    place.lane.iter_mut().for_each(|lane| lane.past = Arc::clone(&past));
                    place.past = past;
                }
            }
            if first > 0 && back == first {
                let carry = story.branch.as_ref().map_or(Carry::All, |b| b.overrides.carry);
                self.start_fork(id, Start { carry, ..start })?;
            } else {
                let LaneState { first, others } = start.state;
                self.restore(&[SavedLane {
                    id,
                    name: name.clone(),
                    snapshot: first,
                    seeds: others,
                    seconds,
                    phase: Phase::Paused,
                }])?;
                let lane = self.places[id].as_mut().and_then(|place| place.lane.as_mut());
                if let Some(lane) = lane {
                    lane.put_looks(looks);
                }
            }
            back
        } else if let Some(saved) = kept {
            let step = saved.snapshot.step;
            self.restore(std::slice::from_ref(&*saved))?;
            step
        } else if first > 0 && goal >= first {
            self.retrace(id)?;
            first
        } else {
            0
        };
        // It is the same lane at an earlier step; its curves are kept.
        if let Some(now) = now {
            let later = self.events.split_off(mark);
            let own = |e: &Event| match e {
                Event::Started { lane, .. } | Event::Changed { lane, .. } | Event::Phase { lane, .. } => {
                    *lane == id
                }
                _ => false,
            };
            self.events.extend(later.into_iter().filter(|e| !own(e)));
            let Some(place) = self.places[id].as_ref() else { return Ok(back) };
            let (info, phase, step) = (Box::new(place.info.clone()), place.phase.clone(), place.step);
            // If it stays at its step, none of its numbers is outdated.
            let stays = back == now.step;
            self.events.push(if stays {
                Event::Changed { lane: id, info, step }
            } else {
                Event::Rewound { lane: id, info, step }
            });
            self.events.extend(replayed.into_iter().filter(|_| back > first));
            self.events.push(Event::Phase { lane: id, step, phase });
            if back < now.step || name != now.name {
                self.forget_after(id, &now.name, back);
            }
            if name != now.name {
                self.follow_name(id, &now.name, &name);
            }
        }
        if let Some(place) = self.places[id].as_mut() {
            place.target = place.target.max(goal);
        }
        Ok(back)
    }

    fn seconds_of(&self, id: LaneId) -> f64 {
        self.places.get(id).and_then(Option::as_ref).and_then(|p| p.lane.as_ref()).map_or(0.0, |l| l.seconds)
    }

    /// A lane as a new contender.
    fn contender(&self, story: &StateSettings) -> Result<Contender, String> {
        let recipe = if story.branch.is_some() { story.written.clone() } else { story.recipe(0) };
        let network = experiment::build(&self.data, &recipe)
            .map_err(|BuildFault { at, what }| format!("{at}: {what}"))?;
        Ok(Contender {
            name: story.name.clone(),
            recipe,
            written: story.written.clone(),
            journal: story.edits.clone(),
            network: Arc::new(network),
            branch: story.branch.clone(),
        })
    }

    /// The state that a lane had at this step, before any change there, and the events of that step. Moves the lane
    /// itself there.
    fn state_at(&mut self, id: LaneId, step: u64) -> Result<(Start, Vec<Event>), String> {
        let gone = || "the lane is gone".to_string();
        let plan = TurnLimits {
            total: self.scenario.steps as u64,
            evaluate_every: self.scenario.evaluate_every.max(1) as u64,
            hooks: self.hooks(id),
            ..TurnLimits::default()
        };
        let course = LaneHistory { line: self.lineage(id, u64::MAX).ok_or_else(gone)?, plan };
        let place = self.places[id].as_mut().ok_or_else(gone)?;
        // A fork at its first step may have changed settings, but its start is the state before them.
        if place.step == step && step > place.first_step() {
            return Ok((place.untouched().ok_or_else(gone)?, Vec::new()));
        }
        // The step itself is trained again for the probes, and the one before it, with which it is compared.
        let frame = open(&place.past).before(step.saturating_sub(2));
        let lane = place.lane.as_mut().ok_or_else(gone)?;
        lane.take_up(frame.as_deref(), &course)?;
        let replayed = lane.retrace(step, &course, &mut EndlessTurn)?.unwrap_or_default();
        let start = Start { state: lane.state(), recipe: course.recipe_of(step)?, carry: Carry::All };
        Ok((start, replayed))
    }
}
