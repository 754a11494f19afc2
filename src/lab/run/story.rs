//! How a lane came to be what it is, and lanes brought to another such story: the way that both have in common is kept, what lies
//! behind it is trained again. Undoing, redoing and rewinding are this one operation. Knows no thread and no file.

use super::save::Saved;
use super::{LaneId, Place, Run, open};
use crate::lab::experiment::{self, Branch, Contender, Fault};
use crate::lab::lane::past::Course;
use crate::lab::lane::{Endless, Plan, Start, State};
use crate::scenario::{Carry, Edit, Lineage, Recipe};
use crate::telemetry::{Event, Phase};
use std::sync::Arc;

/// Everything by which a lane's states follow from the data and the seed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Story {
    pub(super) name: String,
    written: Recipe,
    branch: Option<Branch>,
    /// The changes that were made, and those whose step has not come yet.
    edits: Vec<Edit>,
    /// The step at which it stands.
    pub(super) step: u64,
    /// The state of a lane that has left, so that it need not be trained again.
    state: Option<Box<Saved>>,
}

impl Story {
    /// Whether two lanes are the same at every step that both have made.
    pub(super) fn tells_the_same(&self, other: &Self) -> bool {
        (&self.name, &self.written, &self.branch) == (&other.name, &other.written, &other.branch)
            && self.edits.len() == other.edits.len()
            && self.edits.iter().zip(&other.edits).all(|(a, b)| alike(a, b))
    }

    /// The changes that come after so many steps are left out.
    pub(super) fn until(mut self, step: u64) -> Self {
        let now = self.step;
        // The scenario's edits at later steps are still to come.
        self.edits.retain(|e| e.step < step || e.step == 0 || e.step > now);
        self.step = step;
        self
    }

    /// The settings in which the two stories differ, in words.
    pub(super) fn changes_to(&self, other: &Self) -> Vec<String> {
        let (mut from, mut to) = (self.recipe(u64::MAX), other.recipe(u64::MAX));
        if self.branch.is_none() != other.branch.is_none() {
            (from, to) = (self.written.clone(), other.written.clone());
        }
        let edit = |(field, from, to)| Edit { field, from, to, ..Edit::default() }.to_string();
        let mut words: Vec<String> = from.changes(&to).into_iter().map(edit).collect();
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

    /// Its settings after the changes before this step, those at step 0 among them.
    fn recipe(&self, step: u64) -> Recipe {
        let mut recipe = self.written.clone();
        for edit in self.edits.iter().filter(|e| (e.step < step || e.step == 0) && !e.empties()) {
            // It was made once before.
            let _ = recipe.set_at(&edit.field, &edit.to);
        }
        recipe
    }

    /// How its states come about.
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

    /// Up to which step a lane of this story has the states of another one; `None`: not even the first.
    fn common(&self, other: &Self) -> Option<u64> {
        let (a, b) = (self.line(), other.line());
        let same = a.edits.iter().zip(&b.edits).take_while(|(x, y)| alike(x, y)).count();
        let next = a.edits.get(same).into_iter().chain(b.edits.get(same)).map(|e| e.step).min();
        let until = next.unwrap_or(u64::MAX);
        (a.root == b.root && until > 0).then_some(until)
    }
}

/// Whether two changes do the same at the same step.
fn alike(a: &Edit, b: &Edit) -> bool {
    (a.step, &a.field, &a.to) == (b.step, &b.field, &b.to)
}

impl Run {
    /// The story of a lane, if it is there.
    pub(super) fn story(&self, id: LaneId) -> Option<Story> {
        let place = self.places.get(id)?.as_ref()?;
        Some(Story {
            name: place.info.name.clone(),
            written: place.written.clone(),
            branch: place.branch().cloned(),
            edits: place.info.edits.iter().chain(&place.pending).cloned().collect(),
            step: place.step,
            state: None,
        })
    }

    /// The story of a lane that is about to leave, with its state.
    pub(super) fn last_story(&self, id: LaneId) -> Option<Story> {
        let place = self.places.get(id)?.as_ref()?;
        let saved = place.lane.as_ref().filter(|_| place.begun()).map(|_| Box::new(Self::saved(id, place)));
        Some(Story { state: saved, ..self.story(id)? })
    }

    /// Brings a lane to a story; it stands at the story's step then, or on the way there. Where it is to have made more steps, it
    /// makes those that it has not in common with its present story. The step from which on it is trained again.
    ///
    /// # Errors
    /// Why it cannot; it is then as it was.
    pub(super) fn retell(&mut self, id: LaneId, story: &Story, goal: u64) -> Result<u64, String> {
        let contender = self.contender(story)?;
        if let Some(other) = self.named(&story.name).filter(|&other| other != id) {
            let letter = char::from(b'A' + (other % 26) as u8);
            return Err(format!("lane {letter} is called {} by now", story.name));
        }
        let need =
            self.need(&contender.recipe, &contender.network, &self.data).forked(story.branch.is_some());
        self.room_for(Some(id), need)?;
        let now = self.story(id);
        if self.places.get(id).and_then(Option::as_ref).is_some_and(Place::retraces) {
            return Err(format!("{} is on its way to its first step; wait until it has begun", story.name));
        }
        let (first, mark) = (story.first(), self.events.len());
        let begun =
            self.places.get(id).and_then(Option::as_ref).is_some_and(|p| p.begun() && p.lane.is_some());
        let shared = now.as_ref().filter(|_| begun).and_then(|now| Some(now.common(story)?.min(now.step)));
        let back = shared.map(|until| until.min(goal)).filter(|back| *back > 0 && *back >= first);
        let (mut start, mut told, mut past) = (None, Vec::new(), None);
        if let Some(back) = back {
            let (state, events) = self.state_at(id, back)?;
            (start, told) = (Some(state), events);
            past = self.places.get(id).and_then(Option::as_ref).map(|p| Arc::clone(&p.past));
        }
        let kept = now.is_none().then(|| story.state.clone()).flatten();
        let (name, seconds) = (story.name.clone(), self.seconds_of(id));
        if let Some(place) = self.places.get_mut(id) {
            *place = None;
        }
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
                let State { first, others } = start.state;
                self.restore(&[Saved {
                    id,
                    name: name.clone(),
                    snapshot: first,
                    seeds: others,
                    seconds,
                    phase: Phase::Paused,
                }])?;
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
        // It is the same lane, gone back; its curves are not begun anew.
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
            // Where it stays at its step, no number of it is past.
            let stays = back == now.step;
            self.events.push(if stays {
                Event::Changed { lane: id, info, step }
            } else {
                Event::Rewound { lane: id, info, step }
            });
            self.events.extend(told.into_iter().filter(|_| back > first));
            self.events.push(Event::Phase { lane: id, step, phase });
            if back < now.step || name != now.name {
                self.forget_after(id, &now.name, back);
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

    /// A lane as one that enters.
    fn contender(&self, story: &Story) -> Result<Contender, String> {
        let recipe = if story.branch.is_some() { story.written.clone() } else { story.recipe(0) };
        let network =
            experiment::build(&self.data, &recipe).map_err(|Fault { at, what }| format!("{at}: {what}"))?;
        Ok(Contender {
            name: story.name.clone(),
            recipe,
            written: story.written.clone(),
            journal: story.edits.clone(),
            network: Arc::new(network),
            branch: story.branch.clone(),
        })
    }

    /// The state that a lane had after so many steps, before any change there, and what it told of that step. The lane itself
    /// goes there.
    fn state_at(&mut self, id: LaneId, step: u64) -> Result<(Start, Vec<Event>), String> {
        let gone = || "the lane is gone".to_string();
        let plan = Plan {
            total: self.scenario.steps as u64,
            evaluate_every: self.scenario.evaluate_every.max(1) as u64,
            ..Plan::default()
        };
        let course = Course { line: self.lineage(id, u64::MAX).ok_or_else(gone)?, plan };
        let place = self.places[id].as_mut().ok_or_else(gone)?;
        // A fork at its first step has its own settings by now, and its start is what it was before.
        if place.step == step && step > place.first_step() {
            return Ok((place.untouched().ok_or_else(gone)?, Vec::new()));
        }
        let frame = open(&place.past).before(step);
        let lane = place.lane.as_mut().ok_or_else(gone)?;
        lane.take_up(frame.as_deref(), &course)?;
        let told = lane.retrace(step, &course, &mut Endless)?.unwrap_or_default();
        let start = Start { state: lane.state(), recipe: course.recipe_of(step)?, carry: Carry::All };
        Ok((start, told))
    }
}
