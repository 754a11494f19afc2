//! The journal of a lane: edits are noted when they happen, or made when their step comes, and written to the log once
//! a step was trained with them.

use super::{LanePlace, Run};
use crate::lab::lane::LogLine;
use crate::scenario::{Carry, Edit, edit};
use crate::telemetry::{Event, LaneId, LaneInfo};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

impl LanePlace {
    /// Stores the description of the lane after a change.
    pub(super) fn changed(&mut self, mut info: LaneInfo) {
        let mut edits = std::mem::take(&mut self.info.edits);
        if info.name != self.info.name {
            edits.iter_mut().chain(&mut self.pending).for_each(|e| e.lane.clone_from(&info.name));
        }
        edit::note(&mut edits, &info.name, self.step, &self.info.recipe, &info.recipe);
        info.edits = edits;
        info.fork = self.info.fork.take();
        self.info = info;
    }

    /// Starts the journal anew with the present settings: their difference from the written ones is an edit before the
    /// first step.
    pub(super) fn begin_journal(&mut self) {
        (self.logged, self.before) = (0, None);
        self.info.edits.clear();
        edit::note(&mut self.info.edits, &self.info.name, 0, &self.written, &self.info.recipe);
    }

    /// The next edit that is due, if the lane is not in a turn and trains for itself.
    fn due(&mut self) -> Option<Edit> {
        let step = self.step;
        self.lane.as_ref().filter(|_| self.begun())?;
        self.next_if(|e| e.step <= step)
    }

    /// Takes the next pending edit, if it satisfies `wanted`.
    fn next_if(&mut self, wanted: impl Fn(&Edit) -> bool) -> Option<Edit> {
        if wanted(self.pending.front()?) { self.pending.pop_front() } else { None }
    }

    /// Makes the edits before this step on a lane that is about to be moved to it.
    ///
    /// # Errors
    /// The reason why one of them cannot be made.
    pub(super) fn changed_before(&mut self, step: u64) -> Result<(), String> {
        let mut recipe = self.info.recipe.clone();
        while let Some(edit) = self.next_if(|e| e.step < step) {
            if !edit.empties() {
                recipe.set_at(&edit.field, &edit.to)?;
            }
            self.info.edits.push(edit);
        }
        self.logged = self.trained_with(step);
        if let Some(lane) = &mut self.lane
            && recipe != self.info.recipe
        {
            lane.set(&recipe).map_err(|fault| fault.to_string())?;
            self.info.cost = recipe.defence.cost(self.info.outputs.size());
            self.info.recipe = recipe;
        }
        Ok(())
    }

    /// Makes the edits at the step to which a lane was moved, even if it does not train there.
    ///
    /// # Errors
    /// The reason why one of them cannot be made.
    pub(super) fn changed_there(&mut self) -> Result<(), String> {
        let (mut recipe, step) = (self.info.recipe.clone(), self.step);
        if step == 0 || self.pending.front().is_none_or(|e| e.step != step) {
            return Ok(());
        }
        self.keep_untouched();
        let mut carry = Carry::All;
        while let Some(edit) = self.next_if(|e| e.step == step) {
            if edit.empties() {
                carry = Carry::Weights;
            } else {
                recipe.set_at(&edit.field, &edit.to)?;
            }
            self.info.edits.push(edit);
        }
        let (Some((_, start)), Some(lane)) = (&mut self.before, &mut self.lane) else { return Ok(()) };
        start.carry = carry;
        lane.begin(start, &recipe)?;
        self.info.cost = recipe.defence.cost(self.info.outputs.size());
        self.info.recipe = recipe;
        Ok(())
    }

    /// The number of edits with which a lane at this step has trained.
    pub(super) fn trained_with(&self, step: u64) -> usize {
        self.info.edits.partition_point(|e| e.step < step)
    }

    /// Log lines for edits with which the lane has begun to train since the last call. `tried`: the last step that it
    /// began; it may have diverged there.
    pub(super) fn unlogged(&mut self, id: LaneId, tried: u64) -> impl Iterator<Item = LogLine> {
        let now = self.trained_with(tried);
        let known = std::mem::replace(&mut self.logged, now);
        let new = self.info.edits.get(known..self.logged).unwrap_or_default();
        new.iter().map(move |edit| LogLine { step: edit.step + 1, lane: id, text: line(edit) })
    }
}

/// An edit in the log with all its fields, including those that a scenario may leave out.
#[derive(Serialize, Deserialize)]
struct EditRow<'a> {
    step: u64,
    lane: Cow<'a, str>,
    field: Cow<'a, str>,
    from: Cow<'a, str>,
    to: Cow<'a, str>,
}

/// An edit as a line of the log.
pub fn line(edit: &Edit) -> String {
    let Edit { step, lane, field, from, to } = edit;
    let [lane, field, from, to] = [lane, field, from, to].map(|text| Cow::from(text.as_str()));
    serde_json::to_string(&EditRow { step: *step, lane, field, from, to }).unwrap_or_default()
}

/// The edit in a line of the log, if it contains one.
pub fn read(line: &[u8]) -> Option<Edit> {
    let EditRow { step, lane, field, from, to } = serde_json::from_slice(line).ok()?;
    let [lane, field, from, to] = [lane, field, from, to].map(Cow::into_owned);
    Some(Edit { step, lane, field, from, to })
}

/// A verdict in the log.
#[derive(Serialize, Deserialize)]
struct JudgedEdit<'a> {
    step: u64,
    lane: Cow<'a, str>,
    cure_of: Cow<'a, str>,
    verdict: Cow<'a, str>,
}

/// The lane of a cure, the sick lane and the verdict, if a line of the log contains one.
pub fn read_verdict(line: &[u8]) -> Option<[String; 3]> {
    let JudgedEdit { lane, cure_of, verdict, .. } = serde_json::from_slice(line).ok()?;
    Some([lane, cure_of, verdict].map(Cow::into_owned))
}

impl Run {
    /// Logs the verdict on a cure.
    pub(super) fn note_verdict(&mut self, id: LaneId, of: LaneId, text: &str) {
        let at = |id: LaneId| self.places.get(id)?.as_ref().map(|p| (p.step, p.info.name.as_str()));
        let (Some((step, lane)), Some((_, sick))) = (at(id), at(of)) else { return };
        let verdict = JudgedEdit { step, lane: lane.into(), cure_of: sick.into(), verdict: text.into() };
        let text = serde_json::to_string(&verdict).unwrap_or_default();
        self.lines.extend(self.log.then_some(LogLine { step, lane: id, text }));
    }

    /// Makes the scenario's edits that are due.
    pub(super) fn make_pending_changes(&mut self) {
        for id in 0..self.places.len() {
            while let Some(place) = self.places[id].as_mut()
                && let Some(edit) = place.due()
            {
                if edit.empties() {
                    self.empty_memory(id, edit);
                    continue;
                }
                let (name, mut recipe) = (place.info.name.clone(), place.info.recipe.clone());
                // The scenario was checked: all its edits can be made.
                if recipe.set_at(&edit.field, &edit.to).is_ok() {
                    self.set(id, name, recipe);
                }
            }
        }
    }

    /// Empties the memory of a lane's optimizer at its present step, as this edit demands.
    fn empty_memory(&mut self, id: LaneId, edit: Edit) {
        let Some(place) = self.places[id].as_mut() else { return };
        place.keep_untouched();
        if let (Some((step, start)), Some(lane)) = (&mut place.before, &mut place.lane) {
            start.carry = Carry::Weights;
            // The start is the lane's own, so it fits.
            let _ = lane.begin(start, &place.info.recipe);
            place.changes += 1;
            place.info.edits.push(edit);
            let (info, step) = (Box::new(place.info.clone()), *step);
            self.events.push(Event::Changed { lane: id, info, step });
        }
    }
}
