//! Undo and redo of the changes made by orders, and rewinding lanes to earlier steps. Knows no thread and no file.

use super::save::SavedLane;
use super::story::StateSettings;
use super::{LaneId, Run};
use crate::lab::experiment::Experiment;
use crate::limits;
use crate::scenario::Scenario;
use crate::telemetry::{Command, Event, OLDER};

/// Most changes that are kept.
const MOST: usize = 100;

/// A lane before and after a change; `None`: it did not exist.
type Pair = (LaneId, Option<StateSettings>, Option<StateSettings>);

/// A change that can be undone.
#[derive(Clone, Debug)]
struct UndoableChange {
    words: String,
    of: ChangedState,
}

#[derive(Clone, Debug)]
enum ChangedState {
    /// Lanes; `back`: they were moved to an earlier step, so that redoing it does not train the missing steps.
    Lanes { pairs: Vec<Pair>, back: bool },
    /// The whole run: scenarios with their edits, and the lanes with their steps.
    All { before: Box<WholeRun>, after: Box<WholeRun> },
}

/// A run as a whole.
#[derive(Clone, Debug)]
pub(super) struct WholeRun {
    scenario: Scenario,
    lanes: Vec<(LaneId, u64)>,
}

/// The changes that can be undone, and those that were undone, the newest last.
#[derive(Debug, Default)]
pub(super) struct Changes {
    made: Vec<UndoableChange>,
    undone: Vec<UndoableChange>,
}

impl Changes {
    /// The states of removed lanes: by their nearness to the present in each direction, 0 for the next undo and redo.
    fn states(&mut self) -> impl Iterator<Item = (usize, &mut Option<Box<SavedLane>>)> {
        [&mut self.made, &mut self.undone]
            .into_iter()
            .flat_map(|list| list.iter_mut().rev().enumerate())
            .flat_map(|(n, change)| {
                let pairs = match &mut change.of {
                    ChangedState::Lanes { pairs, .. } => &mut pairs[..],
                    ChangedState::All { .. } => &mut [],
                };
                let sides = pairs.iter_mut().flat_map(|(_, before, after)| [before, after]);
                sides.flatten().map(move |story| (n, &mut story.state))
            })
            .filter(|(_, state)| state.is_some())
    }

    /// Drops states of removed lanes until the rest fits into the limit, those that are needed last first. Their lanes
    /// can still be had back: they train their way again.
    fn fit(&mut self) {
        let mut left = limits::REMOVED;
        for (n, state) in self.states() {
            let bytes = state.as_ref().map_or(0, |saved| saved.bytes());
            if n > 0 && bytes > left {
                *state = None;
            } else {
                left = left.saturating_sub(bytes);
            }
        }
    }
}

/// The run before an order, to find its changes.
pub(super) enum RunBefore {
    Lanes(Vec<(LaneId, Option<StateSettings>)>, usize),
    All(Box<WholeRun>),
    Nothing,
}

impl Run {
    /// Stores everything that an order may change.
    pub(super) fn before(&self, command: &Command) -> RunBefore {
        let lane = |id: LaneId| RunBefore::Lanes(vec![(id, self.story(id))], self.places.len());
        match command {
            // A lane that is removed is kept with its state.
            Command::Remove(id) => RunBefore::Lanes(vec![(*id, self.last_story(*id))], self.places.len()),
            Command::Set { lane: id, .. }
            | Command::Reset(Some(id))
            | Command::Rewind { lane: Some(id), .. } => lane(*id),
            Command::Add { .. } | Command::Fork { .. } => RunBefore::Lanes(Vec::new(), self.places.len()),
            Command::Reset(None) | Command::Rewind { lane: None, .. } | Command::Together(_) => {
                let all = (0..self.places.len()).map(|id| (id, self.story(id))).collect();
                RunBefore::Lanes(all, self.places.len())
            }
            Command::Data(_) | Command::Seeds(_) => RunBefore::All(Box::new(self.whole())),
            _ => RunBefore::Nothing,
        }
    }

    fn whole(&self) -> WholeRun {
        let lanes = self.present().map(|(id, p)| (id, p.step)).collect();
        WholeRun { scenario: self.scenario(), lanes }
    }

    /// Stores the changes of an order, so that they can be undone.
    pub(super) fn after(&mut self, command: &Command, before: RunBefore) {
        let change = match before {
            RunBefore::Nothing => None,
            RunBefore::All(before) => {
                let after = Box::new(self.whole());
                let words = before.scenario.differences(&after.scenario).first().map(ToString::to_string);
                words.map(|words| UndoableChange { words, of: ChangedState::All { before, after } })
            }
            RunBefore::Lanes(before, places) => {
                let entered = (places..self.places.len()).map(|id| (id, None));
                let pairs: Vec<Pair> =
                    before.into_iter().chain(entered).map(|(id, b)| (id, b, self.story(id))).collect();
                let back = matches!(command, Command::Rewind { .. } | Command::Reset(_));
                let changed = |(_, a, b): &Pair| match (a, b) {
                    (Some(a), Some(b)) => !a.same_states(b) || back && a.step != b.step,
                    (a, b) => a.is_some() != b.is_some(),
                };
                let pairs: Vec<Pair> = pairs.into_iter().filter(changed).collect();
                (!pairs.is_empty()).then(|| UndoableChange {
                    words: words(command, &pairs),
                    of: ChangedState::Lanes { pairs, back },
                })
            }
        };
        if let Some(change) = change {
            if matches!(command, Command::Rewind { .. }) {
                self.notice(format!("Rewound: {}.", change.words));
            }
            self.changes.undone.clear();
            self.changes.made.push(change);
            if self.changes.made.len() > MOST {
                self.changes.made.remove(0);
            }
            self.changes.fit();
            self.emit_changes();
        }
    }

    /// Forgets all changes, after another scenario was loaded.
    pub(super) fn forget_changes(&mut self) {
        self.changes = Changes::default();
        self.emit_changes();
    }

    /// Bytes of the states of removed lanes.
    pub fn removed_bytes(&mut self) -> usize {
        self.changes.states().filter_map(|(_, state)| Some(state.as_ref()?.bytes())).sum()
    }

    fn emit_changes(&mut self) {
        let words = |of: &[UndoableChange]| of.iter().map(|c| c.words.clone()).collect();
        let (made, undone) = (words(&self.changes.made), words(&self.changes.undone));
        self.events.push(Event::Changes { made, undone });
    }

    /// The lanes that must have ended their turn before a change can be undone (or redone), unless it concerns all
    /// lanes.
    pub(super) fn undo_concerns(&self, again: bool) -> Vec<LaneId> {
        let list = if again { &self.changes.undone } else { &self.changes.made };
        match list.last().map(|c| &c.of) {
            Some(ChangedState::Lanes { pairs, .. }) => pairs.iter().map(|(id, ..)| *id).collect(),
            Some(ChangedState::All { .. }) => (0..self.places.len()).collect(),
            None => Vec::new(),
        }
    }

    /// The scenario that has to be built to undo (or redo) the last change, if it concerns the whole run.
    pub(super) fn undo_builds(&self, again: bool) -> Option<Scenario> {
        let list = if again { &self.changes.undone } else { &self.changes.made };
        match &list.last()?.of {
            ChangedState::All { after, .. } if again => Some(after.scenario.clone()),
            ChangedState::All { before, .. } => Some(before.scenario.clone()),
            ChangedState::Lanes { .. } => None,
        }
    }

    /// Undoes the last change, or redoes the last undone one; reports the result.
    pub(super) fn undo(&mut self, again: bool, built: Option<Experiment>) {
        let list = if again { &mut self.changes.undone } else { &mut self.changes.made };
        let Some(mut change) = list.pop() else {
            let stays = !again && self.present().any(|(_, place)| !place.info.edits.is_empty());
            return self.notice(match again {
                true => "There is no undone change to make again.".into(),
                false if stays => format!("There is no change to undo; {OLDER}."),
                false => "There is no change to undo.".into(),
            });
        };
        let done = match &mut change.of {
            ChangedState::Lanes { pairs, back } => self.undo_lanes(pairs, again, *back),
            ChangedState::All { before, after } => {
                let (to, from) = if again { (after, before) } else { (before, after) };
                **from = self.whole();
                match built {
                    Some(built) => {
                        self.load_as(built, &to.lanes);
                        Ok("; all lanes train their way again".to_string())
                    }
                    None => Err("its data cannot be had any more".into()),
                }
            }
        };
        let word = if again { "Made again" } else { "Undone" };
        match done {
            Ok(how) => {
                self.notice(format!("{word}: {}{how}.", change.words));
                let list = if again { &mut self.changes.made } else { &mut self.changes.undone };
                list.push(change);
                self.changes.fit();
            }
            Err(what) => {
                self.notice(format!("Not {}: {}: {what}.", word.to_lowercase(), change.words));
                let list = if again { &mut self.changes.undone } else { &mut self.changes.made };
                list.push(change);
            }
        }
        self.emit_changes();
    }

    fn undo_lanes(&mut self, pairs: &mut [Pair], again: bool, back: bool) -> Result<String, String> {
        let mut from = Vec::new();
        for (id, before, after) in pairs {
            let (to, other) = if again { (after, before) } else { (before, after) };
            let now = if to.is_none() { self.last_story(*id) } else { self.story(*id) };
            match to {
                Some(story) => {
                    // Lanes stay side by side: steps that others have trained since are caught up.
                    let here = now.as_ref().map_or(0, |now| now.step);
                    let goal = if again && back { story.step } else { story.step.max(here) };
                    let start = self.retell(*id, story, goal)?;
                    if start < goal {
                        from.push((char::from(b'A' + (*id % 26) as u8), start));
                    }
                }
                None => self.remove(*id)?,
            }
            *other = now;
        }
        let steps: Vec<String> =
            from.into_iter().map(|(letter, step)| format!("{letter} from step {step}")).collect();
        if steps.is_empty() {
            return Ok("; exact, nothing is trained again".into());
        }
        Ok(format!("; trained again: {}", steps.join(", ")))
    }

    /// Removes a lane.
    ///
    /// # Errors
    /// If a fork waits for it.
    pub(super) fn remove(&mut self, lane: LaneId) -> Result<(), String> {
        if let Some(child) = self.awaiting(lane) {
            return Err(format!("{child} has yet to begin from this lane; remove that one first"));
        }
        if self.places.get(lane).is_some_and(Option::is_some) {
            self.places[lane] = None;
            self.solo = self.solo.filter(|&s| s != lane);
            self.events.push(Event::Removed { lane });
        }
        Ok(())
    }

    /// Moves one lane, or all lanes, to an earlier step, from which they continue.
    pub(super) fn rewind(&mut self, lane: Option<LaneId>, step: u64) {
        let all: Vec<LaneId> = match lane {
            Some(id) => vec![id],
            None => self.present().map(|(id, _)| id).collect(),
        };
        for id in all {
            let Some(place) = self.places.get(id).and_then(Option::as_ref) else { continue };
            if place.step <= step || !place.begun() {
                continue;
            }
            let (name, first) = (place.info.name.clone(), place.first_step());
            if step < first {
                if lane.is_none() {
                    // The fork begins again when its parent reaches its step.
                    self.wait_again(id);
                    self.reset(id);
                } else {
                    self.notice(format!("{name} begins at step {first}; it can go back to there."));
                }
                continue;
            }
            let Some(story) = self.story(id) else { continue };
            if let Err(what) = self.retell(id, &story.until(step), step) {
                self.notice(format!("{name} stays where it is: {what}."));
            }
        }
    }
}

/// The changes made by an order, in words.
fn words(command: &Command, pairs: &[Pair]) -> String {
    let letter = |id: &LaneId| char::from(b'A' + (*id % 26) as u8);
    let to = match command {
        Command::Rewind { step, .. } => Some(format!("to step {step}")),
        Command::Reset(_) => Some("to their start".to_string()),
        _ => None,
    };
    if let Some(to) = to.filter(|_| pairs.len() > 1) {
        let letters: String = pairs.iter().map(|(id, ..)| letter(id)).collect();
        let from = pairs.iter().filter_map(|(_, before, _)| Some(before.as_ref()?.step)).max();
        let undone: Vec<String> = pairs
            .iter()
            .filter_map(|(id, before, after)| {
                let changes = before.as_ref()?.changes_to(after.as_ref()?);
                (!changes.is_empty()).then(|| format!("; {}: {}", letter(id), changes.join(", ")))
            })
            .collect();
        return format!("lanes {letters} back from step {} {to}{}", from.unwrap_or(0), undone.concat());
    }
    let each: Vec<String> = pairs
        .iter()
        .filter_map(|(id, before, after)| {
            let lane = letter(id);
            Some(match (before, after) {
                (Some(a), None) => format!("lane {lane} {} removed", a.name),
                (None, Some(b)) => match command {
                    Command::Fork { .. } => format!("lane {lane} {} forked at step {}", b.name, b.first()),
                    _ => format!("lane {lane} {} added", b.name),
                },
                (Some(a), Some(b)) => match command {
                    Command::Rewind { step, .. } => {
                        format!("lane {lane} back from step {} to step {step}", a.step)
                    }
                    Command::Reset(_) => format!("lane {lane} back from step {} to its start", a.step),
                    _ => format!("lane {lane}: {} at step {}", a.changes_to(b).join(", "), a.step),
                },
                (None, None) => return None,
            })
        })
        .collect();
    each.join("; ")
}
