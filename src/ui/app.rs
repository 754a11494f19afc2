//! The app: a fold of messages. Keys change it, events reach its view model, and what shall be done comes back as effects.
//! Opens no terminal, starts no thread, reads no clock.

use super::keymap::{self, Action, Key};
use super::layout::{Places, Wish, arrange};
use super::message::{Effect, Effects, Message};
use super::overlay::form::{Form, Subject};
use super::overlay::menu::{Item, Menu, Pick};
use super::overlay::{Answer, Overlay, frame, keys};
use super::pane::adversarial::Adversarial;
use super::pane::curves::Curves;
use super::pane::gradient_map::GradientMap;
use super::pane::lanes::Lanes;
use super::pane::network::NetworkPane;
use super::pane::prediction::Prediction;
use super::pane::{Context, Pane, PaneId};
use super::theme::Theme;
use crate::engine::layer::LayerConfig;
use crate::limits;
use crate::scenario::{Recipe, Scenario};
use crate::telemetry::{self, Command, Event, LaneId, Phase};
use crate::view::View;
use crossterm::event::{KeyEvent, KeyEventKind, MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect, Size};
use std::collections::BTreeMap;
use std::time::Duration;

/// A scenario that can be opened from the gallery.
#[derive(Clone, Debug)]
pub struct Preset {
    /// By which it is opened.
    pub name: String,
    /// The scenario.
    pub scenario: Scenario,
}

/// Reads the presets; asked when the gallery is opened for the first time, since that takes longer than a first picture.
pub type Presets = Box<dyn Fn() -> Vec<Preset>>;

/// How fast a lane trains, smoothed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Speed {
    at: Duration,
    step: u64,
    /// Steps a second.
    pub rate: f64,
}

/// How long a notice stays.
const NOTICE: Duration = Duration::from_secs(6);

/// Everything that the screen depends on.
pub struct App {
    /// What happened so far.
    pub view: View,
    /// What is being trained.
    pub scenario: Scenario,
    /// Colours and characters.
    pub theme: Theme,
    /// Size of the screen.
    pub size: Size,
    /// The pane with the focus.
    pub focus: PaneId,
    /// The lane in front.
    pub front: LaneId,
    /// The window over the panes.
    pub overlay: Option<Overlay>,
    /// Steps a second of every lane.
    pub speeds: BTreeMap<LaneId, Speed>,
    /// The only lane that trains, if one does.
    pub solo: Option<LaneId>,
    /// Steps a second at which the lanes are held for whoever watches; `None`: as fast as they go.
    pub pace: Option<f64>,
    /// How long the line to the terminal takes.
    pub link: Option<Duration>,
    /// Time since the start.
    pub now: Duration,
    source: Presets,
    presets: Vec<Preset>,
    zoom: bool,
    side: PaneId,
    main: PaneId,
    running: bool,
    notice: Option<(Duration, String)>,
    notices_seen: usize,
    watched: Vec<telemetry::View>,
    network: NetworkPane,
    lanes: Lanes,
    others: BTreeMap<PaneId, Box<dyn Pane>>,
}

/// The panes that need nothing of the app but the context: one row each.
fn others() -> BTreeMap<PaneId, Box<dyn Pane>> {
    BTreeMap::from([
        (PaneId::Curves, Box::<Curves>::default() as Box<dyn Pane>),
        (PaneId::GradientMap, Box::<GradientMap>::default()),
        (PaneId::Prediction, Box::<Prediction>::default()),
        (PaneId::Adversarial, Box::<Adversarial>::default()),
    ])
}

/// Steps a second at which a run takes about a minute: slow enough to watch, whatever the machine could do.
pub fn comfortable(steps: usize) -> f64 {
    (steps as f64 / 60.0).max(1.0)
}

impl App {
    /// An app that shows this scenario; `running`: whether training was told to begin.
    pub fn new(scenario: Scenario, source: Presets, theme: Theme, size: Size, running: bool) -> Self {
        let steps = scenario.steps;
        Self {
            view: View::default(),
            scenario,
            theme,
            size,
            focus: PaneId::Lanes,
            front: 0,
            overlay: None,
            speeds: BTreeMap::new(),
            solo: None,
            pace: Some(comfortable(steps)),
            link: None,
            now: Duration::ZERO,
            source,
            presets: Vec::new(),
            zoom: false,
            side: PaneId::Lanes,
            main: PaneId::Curves,
            running,
            notice: None,
            notices_seen: 0,
            watched: Vec::new(),
            network: NetworkPane::default(),
            lanes: Lanes,
            others: others(),
        }
    }

    /// The pane of this name.
    pub fn pane(&self, id: PaneId) -> Option<&dyn Pane> {
        match id {
            PaneId::Network => Some(&self.network),
            PaneId::Lanes => Some(&self.lanes),
            other => self.others.get(&other).map(|p| &**p),
        }
    }

    /// A pane to act on and what it may look at.
    fn pane_mut(&mut self, id: PaneId) -> Option<(&mut dyn Pane, Context<'_>)> {
        let cx =
            Context { view: &self.view, front: self.front, theme: &self.theme, focused: self.focus == id };
        let pane: &mut dyn Pane = match id {
            PaneId::Network => &mut self.network,
            PaneId::Lanes => &mut self.lanes,
            other => &mut **self.others.get_mut(&other)?,
        };
        Some((pane, cx))
    }

    /// What a pane may look at.
    pub fn context(&self, id: PaneId) -> Context<'_> {
        Context {
            view: &self.view,
            front: self.front,
            theme: &self.theme,
            focused: self.focus == id && self.overlay.is_none(),
        }
    }

    /// Where everything lies; `None` on a screen that is too small.
    pub fn places(&self) -> Option<Places> {
        let area = Rect::new(0, 0, self.size.width, self.size.height);
        let wish = Wish { focus: self.focus, zoom: self.zoom, side: self.side, main: self.main };
        arrange(area, wish)
    }

    /// Whether lanes are training, or would be if there was anything left to train.
    pub fn training(&self) -> bool {
        self.running && self.view.lanes.iter().any(|l| l.phase == Phase::Running)
    }

    /// Whether training was told to go on.
    pub fn running(&self) -> bool {
        self.running
    }

    /// Whether every lane has come to its end.
    pub fn done(&self) -> bool {
        !self.view.lanes.is_empty()
            && self.view.lanes.iter().all(|l| !matches!(l.phase, Phase::Running | Phase::Paused))
    }

    /// The notice to show now.
    pub fn notice(&self) -> Option<&str> {
        self.notice.as_ref().filter(|(until, _)| self.now < *until).map(|(_, text)| text.as_str())
    }

    /// Takes a message in; gives what shall be done, in order.
    pub fn update(&mut self, message: Message) -> Effects {
        let mut effects = match message {
            Message::Key(key) => self.key(key),
            Message::Paste(text) => {
                if let Some(overlay) = &mut self.overlay {
                    overlay.paste(&text);
                }
                Effects::new()
            }
            Message::Mouse(mouse) => self.mouse(mouse),
            Message::Resize(size) => {
                self.size = size;
                Effects::new()
            }
            Message::Event(event) => {
                self.event(event);
                Effects::new()
            }
            Message::Tick(now) => {
                self.tick(now);
                Effects::new()
            }
            Message::Link(time) => {
                self.link = time;
                Effects::new()
            }
            Message::Repaint => vec![Effect::Repaint],
            Message::Terminate(code) => vec![Effect::Quit(code)],
        };
        let watch = self.watch();
        if watch != self.watched {
            self.watched.clone_from(&watch);
            effects.push(Effect::Command(Command::Watch(watch)));
        }
        effects
    }

    /// What the panes on the screen want computed.
    fn watch(&self) -> Vec<telemetry::View> {
        let Some(places) = self.places() else { return Vec::new() };
        let inside = |r: Rect| Size::new(r.width.saturating_sub(2), r.height.saturating_sub(2));
        places.panes.iter().filter_map(|&(id, r)| self.pane(id)?.watch(self.context(id), inside(r))).collect()
    }

    fn event(&mut self, event: Event) {
        self.view.apply(event);
        if self.view.lane(self.front).is_none()
            && let Some(first) = self.view.lanes.first()
        {
            self.front = first.id;
        }
        if self.view.notices.len() != self.notices_seen {
            self.notices_seen = self.view.notices.len();
            if let Some(text) = self.view.notices.last().cloned() {
                self.notify(text);
            }
        }
    }

    fn notify(&mut self, text: String) {
        self.notice = Some((self.now + NOTICE, text));
    }

    fn tick(&mut self, now: Duration) {
        self.now = now;
        for lane in &self.view.lanes {
            let speed = self.speeds.entry(lane.id).or_insert(Speed { at: now, step: lane.step, rate: 0.0 });
            let time = now.saturating_sub(speed.at).as_secs_f64();
            if lane.step < speed.step {
                *speed = Speed { at: now, step: lane.step, rate: 0.0 };
            } else if time >= if lane.step > speed.step { 0.5 } else { 5.0 } {
                // A lane of slow steps is not standing still between two of them.
                let fresh = (lane.step - speed.step) as f64 / time;
                let rate = if speed.rate > 0.0 && fresh > 0.0 { 0.5 * (speed.rate + fresh) } else { fresh };
                *speed = Speed { at: now, step: lane.step, rate };
            }
        }
        self.speeds.retain(|id, _| self.view.lanes.iter().any(|l| l.id == *id));
    }

    fn key(&mut self, event: KeyEvent) -> Effects {
        if event.kind == KeyEventKind::Release {
            return Effects::new();
        }
        let key = Key::from(event);
        let Some(overlay) = &mut self.overlay else {
            let action = keymap::find(key, &keymap::pane_scopes(self.focus));
            return action.map_or_else(Effects::new, |a| self.act(a));
        };
        let answer = match keymap::find(key, &[overlay.scope()]) {
            Some(action) => overlay.act(action),
            None => overlay.typed(event),
        };
        match answer {
            Answer::Nothing => Effects::new(),
            Answer::Close => {
                self.overlay = None;
                Effects::new()
            }
            Answer::Take(pick) => {
                self.overlay = None;
                self.take(pick)
            }
            Answer::Changed(subject) => self.changed(subject),
        }
    }

    fn take(&mut self, pick: Pick) -> Effects {
        match pick {
            Pick::Action(action) => self.act(action),
            Pick::Leave => vec![Effect::Quit(0)],
            Pick::Preset(i) => {
                let Some(scenario) = self.presets.get(i).map(|p| p.scenario.clone()) else {
                    return Effects::new();
                };
                self.view = View::default();
                self.speeds.clear();
                (self.front, self.solo, self.running, self.notices_seen) = (0, None, true, 0);
                self.network.discard();
                self.notify(format!("opened {}", scenario.title));
                self.scenario = scenario.clone();
                self.pace = Some(comfortable(scenario.steps));
                [Command::Pace(self.pace), Command::Load(Box::new(scenario)), Command::Run]
                    .map(Effect::Command)
                    .into()
            }
            Pick::Layer { after, layer } => {
                let (Some(layer), Some(lane)) =
                    (LayerConfig::all().into_iter().nth(layer), self.view.lane(self.front))
                else {
                    return Effects::new();
                };
                let path = self.network.path(lane, after).unwrap_or_default();
                let editable = !layer.settings().fields().is_empty();
                let mut inserted = Vec::new();
                self.network.change(lane, |d| inserted = d.insert(&path, layer.clone()));
                self.network.select(lane, &inserted);
                if editable {
                    self.overlay =
                        Some(Overlay::Form(Box::new(Form::new(Subject::Layer { path: inserted, layer }))));
                }
                Effects::new()
            }
        }
    }

    fn changed(&mut self, subject: Subject) -> Effects {
        match subject {
            Subject::Lane { id, name, recipe } => self.set_lane(id, name, recipe),
            Subject::Layer { path, layer } => {
                if let Some(lane) = self.view.lane(self.front) {
                    self.network.change(lane, |d| d.replace(&path, layer));
                }
                Effects::new()
            }
            Subject::Init(init) => {
                if let Some(lane) = self.view.lane(self.front) {
                    self.network.change(lane, |d| d.init = init);
                }
                Effects::new()
            }
        }
    }

    /// Changes a lane, on the screen at once and in the run as soon as it hears of it.
    fn set_lane(&mut self, id: LaneId, name: String, recipe: Box<Recipe>) -> Effects {
        if let Some(lane) = self.view.lanes.iter_mut().find(|l| l.id == id) {
            lane.info.name.clone_from(&name);
            lane.info.recipe = (*recipe).clone();
        }
        vec![Effect::Command(Command::Set { lane: id, name, recipe })]
    }

    fn act(&mut self, action: Action) -> Effects {
        let command = |c| vec![Effect::Command(c)];
        match action {
            Action::TogglePause => {
                self.running = !self.running;
                command(if self.running { Command::Run } else { Command::Pause })
            }
            Action::Step | Action::StepTen => {
                self.running = false;
                command(Command::Step(if action == Action::Step { 1 } else { 10 }))
            }
            Action::NextPane => self.refocus(1),
            Action::PreviousPane => self.refocus(PaneId::ALL.len() - 1),
            Action::Zoom => {
                self.zoom = !self.zoom;
                Effects::new()
            }
            Action::Help => self.open(Overlay::Help(0)),
            Action::Palette => {
                let overlay = Overlay::Menu(palette(self.focus));
                self.open(overlay)
            }
            Action::Presets => {
                let overlay = Overlay::Menu(self.gallery());
                self.open(overlay)
            }
            Action::Quit if self.training() => self.open(Overlay::Confirm),
            Action::Quit => vec![Effect::Quit(0)],
            Action::Suspend => vec![Effect::Suspend],
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
            Action::ResetLane => command(Command::Reset(Some(self.front))),
            Action::ResetAll => command(Command::Reset(None)),
            Action::LrUp => self.scale_lr(2.0),
            Action::LrDown => self.scale_lr(0.5),
            Action::Add | Action::Duplicate | Action::Remove if self.focus == PaneId::Lanes => {
                self.lane_list(action)
            }
            other => {
                let effects =
                    self.pane_mut(self.focus).map_or_else(Effects::new, |(pane, cx)| pane.act(other, cx));
                self.perform(effects)
            }
        }
    }

    fn open(&mut self, overlay: Overlay) -> Effects {
        self.overlay = Some(overlay);
        Effects::new()
    }

    fn refocus(&mut self, by: usize) -> Effects {
        let at = PaneId::ALL.iter().position(|p| *p == self.focus).unwrap_or(0);
        self.focus_on(PaneId::ALL[(at + by) % PaneId::ALL.len()]);
        Effects::new()
    }

    fn focus_on(&mut self, pane: PaneId) {
        self.focus = pane;
        match pane {
            PaneId::Network | PaneId::Lanes => self.side = pane,
            other => self.main = other,
        }
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
        self.notify(format!("lane {}: lr {}", lane.letter(), super::widget::scale::number(lr)));
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

    /// Does what a pane asked for, as far as it concerns the app itself; gives the rest.
    fn perform(&mut self, effects: Effects) -> Effects {
        let mut rest = Effects::new();
        for effect in effects {
            match effect {
                Effect::Front(id) => self.front = id,
                Effect::Notice(text) => self.notify(text),
                Effect::EditLane(id) => {
                    if let Some(lane) = self.view.lane(id) {
                        let recipe = Box::new(lane.info.recipe.clone());
                        let subject = Subject::Lane { id, name: lane.info.name.clone(), recipe };
                        self.overlay = Some(Overlay::Form(Box::new(Form::new(subject))));
                    }
                }
                Effect::EditLayer(row) => {
                    let found = self.view.lane(self.front).and_then(|lane| {
                        let path = self.network.path(lane, row)?;
                        let layer = self.network.draft(lane).layer(&path)?.clone();
                        Some(Subject::Layer { path, layer })
                    });
                    if let Some(subject) = found {
                        self.overlay = Some(Overlay::Form(Box::new(Form::new(subject))));
                    }
                }
                Effect::ChooseLayer(after) => self.overlay = Some(Overlay::Menu(layers(after))),
                Effect::ChooseInit => {
                    if let Some(lane) = self.view.lane(self.front) {
                        let subject = Subject::Init(self.network.draft(lane).init);
                        self.overlay = Some(Overlay::Form(Box::new(Form::new(subject))));
                    }
                }
                other => rest.push(other),
            }
        }
        rest
    }

    fn mouse(&mut self, mouse: MouseEvent) -> Effects {
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
            if let Some(id) = super::screen::tab_at(self, at.x) {
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
                let inside =
                    frame(ratatui::text::Line::default(), self.theme.border, &self.theme).inner(area);
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

    fn gallery(&mut self) -> Menu {
        if self.presets.is_empty() {
            self.presets = (self.source)();
        }
        let item = |(i, p): (usize, &Preset)| Item {
            label: p.name.clone(),
            about: match p.scenario.about.trim() {
                "" => p.scenario.title.clone(),
                about => format!("{}\n{about}", p.scenario.title),
            },
            right: String::new(),
            pick: Pick::Preset(i),
        };
        let here = self.presets.iter().position(|p| p.scenario.title == self.scenario.title).unwrap_or(0);
        Menu::new("Presets", self.presets.iter().enumerate().map(item).collect(), false, here)
    }
}

/// Everything that can be done now, to be found by name.
fn palette(focus: PaneId) -> Menu {
    let scopes = keymap::pane_scopes(focus);
    let rows =
        keymap::KEYMAP.iter().filter(|b| scopes.contains(&b.scope) && b.scope != keymap::Scope::AnyPane);
    let item = |b: &keymap::Binding| Item {
        label: b.help.into(),
        about: String::new(),
        right: keys(b.keys),
        pick: Pick::Action(b.action),
    };
    Menu::new("Commands", rows.map(item).collect(), true, 0)
}

/// Every layer that can be inserted after a row of the model builder.
fn layers(after: usize) -> Menu {
    let item = |(layer, l): (usize, &LayerConfig)| Item {
        label: l.name().into(),
        about: l.settings().about().into(),
        right: String::new(),
        pick: Pick::Layer { after, layer },
    };
    Menu::new("Add a layer", LayerConfig::all().iter().enumerate().map(item).collect(), false, 0)
}
