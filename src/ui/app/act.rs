//! The actions of keys and mouse on the app. Opens no window by itself.

use super::App;
use crate::limits;
use crate::scenario::Recipe;
use crate::scenario::view::Pane;
use crate::telemetry::{Command, LaneId, Phase};
use crate::ui::diagnosis::thousands;
use crate::ui::keymap::{Action, KeyScope};
use crate::ui::message::{Effect, Effects};
use crate::ui::overlay::menu::Pick;
use crate::ui::overlay::page::TextWindow;
use crate::ui::overlay::trial::{Test, Trial};
use crate::ui::overlay::{Answer, Overlay, Question, frame};
use crate::ui::pane::PaneRequests;
use crate::ui::screen;
use crate::view::LaneView;
use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position;
use ratatui::text::Line;
use std::fmt::Write as _;

/// Seeds for every lane after the key for several seeds.
const SEEDS: usize = 5;
/// Seconds of training of a lane that are soon made again.
const YOUNG: f64 = 60.0;

impl App {
    pub(super) fn act(&mut self, action: Action) -> Effects {
        let command = |c| vec![Effect::Command(c)];
        if let Some(request) = Self::request_of(action) {
            return self.request(request);
        }
        let led = match action {
            Action::TogglePause => self.led(None),
            Action::Step => self.led(Some(1)),
            Action::StepTen => self.led(Some(10)),
            _ => None,
        };
        if let Some(effects) = led {
            return effects;
        }
        match action {
            Action::TogglePause | Action::Step | Action::StepTen if self.done() => {
                let overlay = Overlay::Menu(self.finished());
                self.open(overlay)
            }
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
            Action::Lesson => self.turn_to(Pane::Lesson),
            Action::Diagnosis => self.turn_to(Pane::Diagnosis),
            Action::Zoom => {
                self.zoom = !self.zoom;
                Effects::new()
            }
            Action::Help => {
                let page = TextWindow::help(&self.keymap, self.watching);
                self.open(Overlay::Text(page))
            }
            Action::RangeTest | Action::OneBatch => {
                let test = if action == Action::RangeTest { Test::Rates } else { Test::Batch };
                self.open(Overlay::Trial(Trial { test, lane: self.front }))
            }
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
            Action::Lessons => {
                let overlay = self.course();
                overlay.map_or_else(Effects::new, |menu| self.open(Overlay::Menu(menu)))
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
                // A pace above the lane's own speed has no effect.
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
                let n = if several { 1 } else { SEEDS };
                if let Some(asks) = self.asks(&format!("{n} seeds?"), None, Pick::Action(action)) {
                    return asks;
                }
                command(Command::Seeds(n))
            }
            Action::ResetLane if self.locked(&Command::Reset(Some(self.front))) => Effects::new(),
            Action::ResetAll if self.locked(&Command::Reset(None)) => Effects::new(),
            Action::ResetLane => {
                let asks = self.asks("Start anew?", Some(self.front), Pick::Action(action));
                asks.unwrap_or_else(|| command(Command::Reset(Some(self.front))))
            }
            Action::ResetAll => {
                let asks = self.asks("Start all anew?", None, Pick::Action(action));
                asks.unwrap_or_else(|| command(Command::Reset(None)))
            }
            Action::Undo | Action::Redo => self.undo(action == Action::Redo),
            Action::Changes => {
                let page = TextWindow::of("Changes", &self.view.changes());
                self.open(Overlay::Text(page))
            }
            Action::Write | Action::Picture => {
                let mut menu = self.palette();
                let words = self.scenario.title.split(|c: char| !c.is_ascii_alphanumeric());
                let count = if action == Action::Write { 4 } else { 2 };
                let stem: Vec<&str> = words.filter(|w| !w.is_empty()).take(count).collect();
                let stem = if stem.is_empty() { "experiment".into() } else { stem.join("-").to_lowercase() };
                menu.fill(&if action == Action::Write {
                    format!("save {stem}.ron")
                } else {
                    let step = self.view.lane(self.front).map_or(0, |l| l.step);
                    format!("picture {stem}-{step}.svg")
                });
                self.offer(&mut menu);
                self.open(Overlay::Menu(menu))
            }
            Action::Dismiss => {
                self.view.dismiss_ghosts();
                Effects::new()
            }
            Action::Timeline => self.toggle_timeline(),
            Action::LrUp => self.scale_lr(2.0),
            Action::LrDown => self.scale_lr(0.5),
            Action::Add | Action::Duplicate | Action::Remove if self.focus() == Pane::Lanes => {
                self.lane_list(action)
            }
            other => {
                let pane = self.pane_mut(self.focus());
                let requests = pane.map_or_else(PaneRequests::new, |(pane, cx)| pane.act(other, cx));
                self.perform(requests)
            }
        }
    }

    pub(super) fn open(&mut self, overlay: Overlay) -> Effects {
        self.overlay = Some(overlay);
        Effects::new()
    }

    /// Whether the run is young and nothing in it was changed by hand: it is made again in no time, and nothing is lost with it.
    pub(super) fn only_watched(&self) -> bool {
        let untouched = |l: &LaneView| l.info.edits.is_empty() && l.info.fork.is_none();
        self.view.lanes.iter().all(|l| untouched(l) && l.present().last.seconds < YOUNG)
    }

    /// Asks before steps of these lanes are lost (`None`: of all lanes), unless the user has already confirmed or there
    /// are no steps to lose.
    pub(super) fn asks(&mut self, title: &str, lane: Option<LaneId>, pick: Pick) -> Option<Effects> {
        // In a lesson, lanes are restarted often.
        if std::mem::take(&mut self.sure) || self.guide.is_some() {
            return None;
        }
        let lost = |l: &&LaneView| matches!(l.present().phase, Phase::Diverged(_) | Phase::Failed(_));
        let lanes = self.view.lanes.iter().filter(|l| lane.is_none_or(|id| id == l.id) && !lost(l));
        let (count, steps) = lanes.fold((0, 0), |(n, steps), l| (n + 1, l.present().step.max(steps)));
        if steps == 0 {
            return None;
        }
        let whose = match lane.and_then(|id| self.view.lane(id)) {
            Some(lane) => format!("lane {} {}", lane.letter(), lane.info.name),
            None if count == 1 => "the lane".into(),
            None => format!("all {count} lanes"),
        };
        let plural = if steps == 1 { "step" } else { "steps" };
        let text = format!("{} {plural} of {whose} would be lost.", thousands(steps));
        Some(self.open(Overlay::Sure(Question { title: title.into(), text, pick })))
    }

    /// Undoes or redoes the last change; in the model builder, changes of the draft first.
    fn undo(&mut self, again: bool) -> Effects {
        if self.focus() == Pane::Network
            && let Some(lane) = self.view.lane(self.front)
            && self.network.undo(lane, again)
        {
            return Effects::new();
        }
        if self.only_looks() {
            return Effects::new();
        }
        // The notice describes the change that is undone, so it goes.
        self.notice = None;
        vec![Effect::Command(if again { Command::Redo } else { Command::Undo })]
    }

    /// Focuses a pane; if it already has the focus, focuses the previous pane.
    fn turn_to(&mut self, pane: Pane) -> Effects {
        if self.focus() == pane {
            self.order.retain(|p| *p != pane);
            self.order.push(pane);
        } else {
            self.focus_on(pane);
        }
        Effects::new()
    }

    fn refocus(&mut self, forward: bool) -> Effects {
        let panes: Vec<Pane> = Pane::of(self.kind).collect();
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
        self.change_lane(id, name, Box::new(recipe))
    }

    /// Changes a lane, and tells the user the effect.
    pub(super) fn change_lane(&mut self, id: LaneId, name: String, recipe: Box<Recipe>) -> Effects {
        if self.only_looks() {
            return Effects::new();
        }
        let wanted = Command::Set { lane: id, name: name.clone(), recipe: recipe.clone() };
        if self.locked(&wanted) {
            return Effects::new();
        }
        let Some(lane) = self.view.lane(id) else { return Effects::new() };
        let before = &lane.info.recipe;
        let mut words = format!("lane {}: {}", lane.letter(), before.changes_in_words(&recipe).join(", "));
        if before == &*recipe {
            words = format!("lane {} is called {name} now", lane.letter());
        }
        let key =
            |action| self.keymap.of(KeyScope::Global).find(|r| r.of.action == action).map(|r| r.keys[0]);
        match (&lane.phase, key(Action::ResetLane), key(Action::Undo)) {
            _ if before.restarts(&recipe) => words += "; it starts anew",
            (Phase::Diverged(_), Some(reset), _) => {
                let _ = write!(words, "; the lane had diverged: {reset} starts it anew");
            }
            (_, _, Some(undo)) => {
                let _ = write!(words, "; {undo} undoes it");
            }
            _ => {}
        }
        self.notify(words);
        self.set_lane(id, name, recipe)
    }

    /// Removes the lane in front.
    pub(super) fn remove_lane(&mut self) -> Effects {
        if self.view.lanes.len() < 2 {
            self.notify("the last lane stays".into());
            return Effects::new();
        }
        let id = self.front;
        if self.locked(&Command::Remove(id)) {
            return Effects::new();
        }
        if let Some(asks) = self.asks("Remove the lane?", Some(id), Pick::Action(Action::Remove)) {
            // The confirmed action comes back as the key, which belongs to the lanes pane.
            self.focus_on(Pane::Lanes);
            return asks;
        }
        if self.solo == Some(id) {
            self.solo = None;
        }
        let _ = self.bring(1);
        vec![Effect::Command(Command::Remove(id))]
    }

    /// Adds, copies or removes a lane.
    fn lane_list(&mut self, action: Action) -> Effects {
        if action == Action::Remove {
            return self.remove_lane();
        }
        if action == Action::Duplicate && self.only_looks() {
            return Effects::new();
        }
        let front = self.view.lane(self.front);
        if self.view.lanes.len() >= limits::LANES {
            self.notify(format!("at most {} lanes", limits::LANES));
            return Effects::new();
        }
        let (stem, recipe) = match front.filter(|_| action == Action::Duplicate) {
            Some(lane) => (lane.info.name.clone(), lane.info.recipe.clone()),
            None => ("new".into(), self.scenario.base()),
        };
        // There is one name more than lanes, so at least one is free.
        let free = |name: &String| self.view.lanes.iter().all(|l| l.info.name != *name);
        let first = (action == Action::Add).then(|| stem.clone());
        let others = (2..limits::LANES + 3).map(|n| format!("{stem} {n}"));
        let name = first.into_iter().chain(others).find(free).unwrap_or_default();
        if self.locked(&Command::Add { name: name.clone(), recipe: Box::new(recipe.clone()) }) {
            return Effects::new();
        }
        self.notify(format!("added lane {name}; Enter edits it"));
        self.awaited = Some(name.clone());
        vec![Effect::Command(Command::Add { name, recipe: Box::new(recipe) })]
    }

    pub(super) fn mouse(&mut self, mouse: MouseEvent) -> Effects {
        // A terminal may report positions outside of the screen.
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
                    Answer::Changed(_)
                    | Answer::Take(_)
                    | Answer::Close
                    | Answer::Nothing
                    | Answer::Ignored => {}
                }
            }
            return Effects::new();
        }
        let Some(places) = self.places() else { return Effects::new() };
        if let Some(timeline) = &mut self.timeline {
            timeline.dragged = match mouse.kind {
                MouseEventKind::Down(MouseButton::Left) => places.timeline.contains(at),
                MouseEventKind::Drag(MouseButton::Left) => timeline.dragged,
                _ => false,
            };
            if timeline.dragged {
                return self.drag_timeline(at.x, places.timeline);
            }
        }
        if mouse.kind == MouseEventKind::Down(MouseButton::Left) && places.tabs.contains(at) {
            if let Some(id) = screen::tab_at(self, at.x) {
                self.focus_on(id);
            }
            return Effects::new();
        }
        let Some(&(id, area)) = places.panes.iter().find(|(_, r)| r.contains(at)) else {
            return Effects::new();
        };
        let requests = match (mouse.kind, wheel) {
            (MouseEventKind::Down(MouseButton::Left), _) => {
                self.focus_on(id);
                let inside = frame(Line::default(), self.theme.border, &self.theme).inner(area);
                match self.pane_mut(id) {
                    Some((pane, cx)) if inside.contains(at) => pane.click(at, inside, cx),
                    _ => PaneRequests::new(),
                }
            }
            (_, Some(action)) => {
                self.pane_mut(id).map_or_else(PaneRequests::new, |(pane, cx)| pane.act(action, cx))
            }
            _ => PaneRequests::new(),
        };
        self.perform(requests)
    }
}
