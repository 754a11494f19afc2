//! The app while the timeline is open: it requests steps and knows which moment is on the screen.

use super::App;
use crate::limits;
use crate::scenario::{Carry, Recipe};
use crate::telemetry::{Command, LaneId, Phase};
use crate::ui::diagnosis::thousands;
use crate::ui::keymap::Action;
use crate::ui::message::{Effect, Effects};
use crate::ui::overlay::Overlay;
use crate::ui::overlay::form::{FormSubject, SettingsForm};
use crate::ui::timeline::Timeline;
use crate::view::LaneView;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Rect;

impl App {
    /// The step of the lane in front that is shown instead of the present.
    pub fn past(&self) -> Option<u64> {
        self.view.lane(self.front).filter(|l| l.is_past()).map(|l| l.step)
    }

    /// The requested step that is not shown yet.
    pub fn awaited_step(&self) -> Option<u64> {
        let lane = self.view.lane(self.front)?;
        let at = self.timeline.as_ref()?.at()?;
        (at < lane.present().step && at != lane.step).then_some(at)
    }

    /// Opens the timeline, or closes it and returns to the present.
    pub(super) fn toggle_timeline(&mut self) -> Effects {
        match self.timeline.take() {
            None => {
                self.timeline = Some(Timeline::default());
                Effects::new()
            }
            Some(before) => self.turned_to(before.at(), None),
        }
    }

    /// Handles a key of the timeline.
    pub(super) fn scrub(&mut self, action: Action) -> Effects {
        let Some(mut timeline) = self.timeline.take() else { return Effects::new() };
        if action == Action::Fork {
            self.timeline = Some(timeline);
            return self.fork_form();
        }
        if let Action::Rewind | Action::RewindLane = action {
            self.timeline = Some(timeline);
            return self.rewind(action == Action::Rewind);
        }
        if action == Action::Cancel {
            if timeline.forget() {
                self.timeline = Some(timeline);
                return Effects::new();
            }
            return self.turned_to(timeline.at(), None);
        }
        let before = timeline.at();
        if let Some(front) = self.view.lane(self.front) {
            timeline.act(action, &self.view, front);
        }
        let now = timeline.at();
        self.timeline = Some(timeline);
        self.turned_to(before, now)
    }

    /// Makes the lane in front, or all lanes, continue from the shown step.
    fn rewind(&mut self, all: bool) -> Effects {
        let before = self.timeline.as_ref().and_then(Timeline::at);
        let Some(step) = before else {
            self.notify("this is the present; go to the step first from which to go on".into());
            return Effects::new();
        };
        if let Some(timeline) = &mut self.timeline {
            *timeline = Timeline::default();
        }
        // The notice may describe a change that going back removes, so it goes.
        self.notice = None;
        let mut effects = self.turned_to(before, None);
        let lane = (!all).then_some(self.front);
        effects.push(Effect::Command(Command::Rewind { lane, step }));
        effects
    }

    /// Opens the form of a lane that is forked from the lane in front at the shown step.
    fn fork_form(&mut self) -> Effects {
        let Some(lane) = self.view.lane(self.front) else { return Effects::new() };
        if self.view.lanes.len() >= limits::LANES {
            self.notify(format!("at most {} lanes", limits::LANES));
            return Effects::new();
        }
        // A diverged lane is forked from its last finite step.
        let at = match &lane.phase {
            Phase::Diverged(account) => account.step.saturating_sub(1),
            _ => lane.step,
        };
        let stem = format!("{} at {at}", lane.info.name);
        let free = |name: &String| self.view.lanes.iter().all(|l| l.info.name != *name);
        let others = (2..limits::LANES + 3).map(|n| format!("{stem}, {n}"));
        let name = std::iter::once(stem.clone()).chain(others).find(free).unwrap_or_default();
        let recipe = Box::new(lane.info.recipe.clone());
        let form = FormSubject::Fork {
            from: (lane.letter(), at),
            ground: recipe.clone(),
            carry: Carry::All,
            lane: Box::new(FormSubject::Lane { id: lane.id, name, recipe }),
        };
        self.open(Overlay::Form(Box::new(SettingsForm::new(form))))
    }

    /// Adds a lane that begins at a step of another one, and returns to the present to show both.
    pub(super) fn fork(
        &mut self,
        parent: LaneId,
        at: u64,
        name: String,
        recipe: Box<Recipe>,
        carry: Carry,
    ) -> Effects {
        let before = self.timeline.as_ref().and_then(Timeline::at);
        if let Some(timeline) = &mut self.timeline {
            *timeline = Timeline::default();
        }
        let mut effects = self.turned_to(before, None);
        let ground = self.view.lane(parent).map(|lane| lane.present().info.settings_at(Some(at)));
        let anew = ground.is_some_and(|ground| Carry::between(&ground, &recipe, carry).is_none());
        self.notify(if anew {
            format!("new lane {name}; it {}", Carry::words(None))
        } else {
            format!("new lane {name}, forked at step {}", thousands(at))
        });
        self.awaited = Some(name.clone());
        effects.push(Effect::Command(Command::Fork { parent, at: Some(at), name, recipe, carry }));
        effects
    }

    /// The row of the timeline, while the pointer drags the position on it.
    pub fn dragged_row(&self) -> Option<u16> {
        let timeline = self.timeline.as_ref().filter(|timeline| timeline.dragged);
        timeline.and_then(|_| Some(self.places()?.timeline.y))
    }

    /// Handles a mouse press on the timeline, or a movement with the button held since then.
    pub(super) fn drag_timeline(&mut self, column: u16, area: Rect) -> Effects {
        let steps = self.scenario.steps as u64;
        let (Some(timeline), Some(front)) = (&mut self.timeline, self.view.lane(self.front)) else {
            return Effects::new();
        };
        let before = timeline.at();
        timeline.click(column, area, front, steps);
        let now = timeline.at();
        self.turned_to(before, now)
    }

    /// Requests a step if it differs from the previous one.
    pub(super) fn turned_to(&mut self, before: Option<u64>, now: Option<u64>) -> Effects {
        self.view.look(now);
        if before == now { Effects::new() } else { vec![Effect::Command(Command::Look(now))] }
    }

    /// Appends a digit to the typed step number, or deletes one; returns whether it did.
    pub(super) fn typed_on_timeline(&mut self, event: KeyEvent) -> bool {
        let Some(timeline) = &mut self.timeline else { return false };
        match event.code {
            KeyCode::Char(c @ '0'..='9') if (event.modifiers - KeyModifiers::SHIFT).is_empty() => {
                timeline.typed(c);
                true
            }
            KeyCode::Backspace => timeline.erase(),
            _ => false,
        }
    }

    /// Whether settings cannot be changed because the screen shows the past; if so, the user is told.
    pub(super) fn only_looks(&mut self) -> bool {
        let shown = self.view.lanes.iter().find(|l| l.is_past()).map(|l: &LaneView| l.step);
        if let Some(step) = shown {
            self.notify(format!(
                "step {} is past, and its settings stay as they were: f forks a lane there, End returns to the present",
                thousands(step)
            ));
        }
        shown.is_some()
    }
}
