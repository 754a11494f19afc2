//! What the keys and the mouse do to the app. Opens no window by itself.

use super::App;
use crate::limits;
use crate::telemetry::{Command, LaneId};
use crate::ui::keymap::Action;
use crate::ui::message::{Effect, Effects};
use crate::ui::overlay::{Answer, Overlay, frame};
use crate::ui::pane::PaneId;
use crate::ui::screen;
use crate::ui::widget::scale;
use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position;
use ratatui::text::Line;

/// Seeds over which a key lets every lane run.
const SEEDS: usize = 5;

impl App {
    pub(super) fn act(&mut self, action: Action) -> Effects {
        let command = |c| vec![Effect::Command(c)];
        if self.watching && !harmless(action) {
            self.notify("watching only; `gradtui resume` takes a run over once nobody trains it".into());
            return Effects::new();
        }
        match action {
            Action::TogglePause => {
                self.running = !self.running;
                command(if self.running { Command::Run } else { Command::Pause })
            }
            Action::Step | Action::StepTen => {
                self.running = false;
                command(Command::Step(if action == Action::Step { 1 } else { 10 }))
            }
            Action::NextPane => self.refocus(true),
            Action::PreviousPane => self.refocus(false),
            Action::Lesson => {
                if self.focus() == PaneId::Lesson {
                    // Back to the pane before it.
                    self.order.retain(|p| *p != PaneId::Lesson);
                    self.order.push(PaneId::Lesson);
                } else {
                    self.focus_on(PaneId::Lesson);
                }
                Effects::new()
            }
            Action::Zoom => {
                self.zoom = !self.zoom;
                Effects::new()
            }
            Action::Help => self.open(Overlay::Help(0)),
            Action::Palette => {
                let overlay = Overlay::Menu(self.palette());
                self.open(overlay)
            }
            Action::Panes => {
                let overlay = Overlay::Menu(self.panes());
                self.open(overlay)
            }
            Action::Presets => {
                let overlay = Overlay::Menu(self.gallery());
                self.open(overlay)
            }
            Action::Quit if self.training() && !self.watching => self.open(Overlay::Confirm),
            Action::Quit => vec![Effect::Quit(0)],
            Action::Suspend => vec![Effect::Suspend],
            Action::Record => vec![Effect::Record],
            Action::Repaint => vec![Effect::Repaint],
            Action::NextLane => self.bring(1),
            Action::PreviousLane => self.bring(self.view.lanes.len().max(1) - 1),
            Action::Lane(n) => {
                let id = LaneId::from(n);
                if self.view.lane(id).is_some() {
                    self.front = id;
                }
                Effects::new()
            }
            Action::Solo => {
                self.solo = if self.solo == Some(self.front) { None } else { Some(self.front) };
                command(Command::Solo(self.solo))
            }
            Action::Faster => {
                // Beyond what a lane makes anyway, a pace means nothing any more.
                let fastest = self.speeds.values().map(|s| s.rate).fold(0.0, f64::max);
                self.pace = self.pace.map(|p| p * 2.0).filter(|p| *p <= 4.0 * fastest.max(1.0));
                command(Command::Pace(self.pace))
            }
            Action::Slower => {
                let fastest = self.speeds.values().map(|s| s.rate).fold(1.0, f64::max);
                self.pace = Some((self.pace.unwrap_or(fastest) / 2.0).max(0.5));
                command(Command::Pace(self.pace))
            }
            Action::Seeds => {
                let several = self.view.lanes.iter().any(|l| l.last.spread.is_some());
                command(Command::Seeds(if several { 1 } else { SEEDS }))
            }
            Action::ResetLane => command(Command::Reset(Some(self.front))),
            Action::ResetAll => command(Command::Reset(None)),
            Action::LrUp => self.scale_lr(2.0),
            Action::LrDown => self.scale_lr(0.5),
            Action::Add | Action::Duplicate | Action::Remove if self.focus() == PaneId::Lanes => {
                self.lane_list(action)
            }
            other => {
                let effects =
                    self.pane_mut(self.focus()).map_or_else(Effects::new, |(pane, cx)| pane.act(other, cx));
                self.perform(effects)
            }
        }
    }

    fn open(&mut self, overlay: Overlay) -> Effects {
        self.overlay = Some(overlay);
        Effects::new()
    }

    fn refocus(&mut self, forward: bool) -> Effects {
        let panes: Vec<PaneId> = PaneId::of(self.kind).collect();
        let at = panes.iter().position(|p| *p == self.focus()).unwrap_or(0);
        self.focus_on(panes[if forward { at + 1 } else { at + panes.len() - 1 } % panes.len()]);
        Effects::new()
    }

    fn bring(&mut self, by: usize) -> Effects {
        let lanes = &self.view.lanes;
        if let Some(at) = lanes.iter().position(|l| l.id == self.front) {
            self.front = lanes[(at + by) % lanes.len()].id;
        }
        Effects::new()
    }

    fn scale_lr(&mut self, factor: f64) -> Effects {
        let Some(lane) = self.view.lane(self.front) else { return Effects::new() };
        let (id, name, mut recipe) = (lane.id, lane.info.name.clone(), lane.info.recipe.clone());
        let lr = recipe.optimizer.lr() * factor;
        let mut settings = recipe.optimizer.clone();
        // `set` checks the range that `set_lr` does not know.
        if let Err(fault) = settings.settings_mut().set("lr", &format!("{lr:e}")) {
            self.notify(format!("lr {lr}: {fault}"));
            return Effects::new();
        }
        recipe.optimizer = settings;
        self.notify(format!("lane {}: lr {}", lane.letter(), scale::number(lr)));
        self.set_lane(id, name, Box::new(recipe))
    }

    /// Adds, copies or removes a lane.
    fn lane_list(&mut self, action: Action) -> Effects {
        let front = self.view.lane(self.front);
        if action == Action::Remove {
            if self.view.lanes.len() < 2 {
                self.notify("the last lane stays".into());
                return Effects::new();
            }
            let id = self.front;
            if self.solo == Some(id) {
                self.solo = None;
            }
            let _ = self.bring(1);
            return vec![Effect::Command(Command::Remove(id))];
        }
        if self.view.lanes.len() >= limits::LANES {
            self.notify(format!("at most {} lanes", limits::LANES));
            return Effects::new();
        }
        let (name, recipe) = match front.filter(|_| action == Action::Duplicate) {
            Some(lane) => (format!("{} 2", lane.info.name), lane.info.recipe.clone()),
            None => ("new".into(), self.scenario.base()),
        };
        self.notify(format!("added lane {name}; Enter edits it"));
        vec![Effect::Command(Command::Add { name, recipe: Box::new(recipe) })]
    }

    pub(super) fn mouse(&mut self, mouse: MouseEvent) -> Effects {
        // A terminal may report places outside of the screen.
        let at = Position::new(
            mouse.column.min(self.size.width.saturating_sub(1)),
            mouse.row.min(self.size.height.saturating_sub(1)),
        );
        let wheel = match mouse.kind {
            MouseEventKind::ScrollUp => Some(Action::Up),
            MouseEventKind::ScrollDown => Some(Action::Down),
            _ => None,
        };
        if let Some(overlay) = &mut self.overlay {
            if let Some(action) = wheel {
                match overlay.act(action) {
                    Answer::Changed(subject) => return self.changed(subject),
                    Answer::Take(_) | Answer::Close | Answer::Nothing => {}
                }
            }
            return Effects::new();
        }
        let Some(places) = self.places() else { return Effects::new() };
        if mouse.kind == MouseEventKind::Down(MouseButton::Left) && places.tabs.contains(at) {
            if let Some(id) = screen::tab_at(self, at.x) {
                self.focus_on(id);
            }
            return Effects::new();
        }
        let Some(&(id, area)) = places.panes.iter().find(|(_, r)| r.contains(at)) else {
            return Effects::new();
        };
        let effects = match (mouse.kind, wheel) {
            (MouseEventKind::Down(MouseButton::Left), _) => {
                self.focus_on(id);
                let inside = frame(Line::default(), self.theme.border, &self.theme).inner(area);
                match self.pane_mut(id) {
                    Some((pane, cx)) if inside.contains(at) => pane.click(at, inside, cx),
                    _ => Effects::new(),
                }
            }
            (_, Some(action)) => {
                self.pane_mut(id).map_or_else(Effects::new, |(pane, cx)| pane.act(action, cx))
            }
            _ => Effects::new(),
        };
        self.perform(effects)
    }
}

/// Whether a key changes no more than what is seen of a run.
fn harmless(action: Action) -> bool {
    use Action as A;
    !matches!(
        action,
        A::TogglePause
            | A::Step
            | A::StepTen
            | A::Presets
            | A::Solo
            | A::Faster
            | A::Slower
            | A::ResetLane
            | A::ResetAll
            | A::LrUp
            | A::LrDown
            | A::Edit
            | A::Add
            | A::Duplicate
            | A::Remove
            | A::MoveUp
            | A::MoveDown
            | A::Init
            | A::Target
            | A::Apply
            | A::Discard
    )
}
