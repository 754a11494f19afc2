//! The app: a fold over messages. Keys change its state, events update its view model, and each message returns effects
//! to carry out. Opens no terminal, starts no thread, reads no clock.

mod act;
mod cures;
mod key;
#[cfg(test)]
mod key_tests;
mod order;
mod teach;
#[cfg(test)]
mod tests;
mod travel;
mod window;

use super::guide::{Guide, TaughtLesson};
use super::keymap::custom::Keymap;
use super::layout::{LayoutInputs, ScreenAreas, arrange};
use super::lesson::LessonState;
use super::message::{Effect, Effects, Link, Message};
use super::overlay::{Answer, Overlay};
use super::pane::network::NetworkPane;
use super::pane::{Context, PaneWidget, ScenarioKind};
use super::theme::Theme;
use super::timeline::Timeline;
use crate::scenario::view::Pane;
use crate::scenario::{Recipe, Scenario};
use crate::telemetry::{self, Command, Event, LaneId, Phase};
use crate::view::RunView;
use ratatui::layout::{Rect, Size};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

/// A scenario in the gallery.
#[derive(Clone, Debug)]
pub struct GalleryPreset {
    /// Its name.
    pub name: String,
    /// The scenario.
    pub scenario: Scenario,
}

/// Reads the presets. Called when the gallery is first opened, because reading takes longer than a frame.
pub type Presets = Box<dyn Fn() -> Vec<GalleryPreset>>;

/// Returns the lesson at this position in the course (from 1), with the learner's work in it.
pub type Lessons = Box<dyn Fn(usize) -> Option<TaughtLesson>>;

/// The training speed of a lane, smoothed.
#[derive(Clone, Copy, Debug, Default)]
pub struct LaneSpeed {
    at: Duration,
    step: u64,
    /// Steps a second.
    pub rate: f64,
}

/// The notice for a key that would change the run, in `watch`.
const WATCHING: &str = "watching only; `gradtui resume` takes a run over once nobody trains it";
/// How long a notice stays.
const NOTICE: Duration = Duration::from_secs(6);
/// How long a notice stays at least while others wait, and how many may wait.
const READ: Duration = Duration::from_secs(2);
const WAITING: usize = 8;

/// The state that the screen depends on.
pub struct App {
    /// The view model.
    pub view: RunView,
    /// The scenario being trained.
    pub scenario: Scenario,
    /// Colours and characters.
    pub theme: Theme,
    /// The key bindings.
    pub keymap: Keymap,
    /// Size of the screen.
    pub size: Size,
    /// The kind of scenario, which decides the panes.
    pub kind: ScenarioKind,
    /// The lane in front.
    pub front: LaneId,
    /// The open window, if there is one.
    pub overlay: Option<Overlay>,
    /// Steps a second of every lane.
    pub speeds: BTreeMap<LaneId, LaneSpeed>,
    /// The only lane that trains, if one does.
    pub solo: Option<LaneId>,
    /// The pace of the lanes in steps a second; `None`: as fast as possible.
    pub pace: Option<f64>,
    /// Whether saving the run fails at present.
    pub unsaved: bool,
    /// Whether the screen is being recorded.
    pub recording: bool,
    /// The state of the connection to the terminal.
    pub link: Option<Link>,
    /// Time since the start.
    pub now: Duration,
    /// The lesson of the scenario.
    pub lesson: LessonState,
    /// The guide through the lesson, if one is in progress.
    pub guide: Option<Guide>,
    /// The timeline, while it is open.
    pub timeline: Option<Timeline>,
    /// The name of the lane that comes to the front as soon as it has started: the scenario's choice, or an added lane.
    awaited: Option<String>,
    /// The lessons of the course.
    lessons: Option<Lessons>,
    /// The step at which the run was ordered to pause by itself.
    until: Option<u64>,
    source: Presets,
    presets: Vec<GalleryPreset>,
    zoom: bool,
    /// All panes: the focused one first, then the others by how recently they had the focus.
    order: Vec<Pane>,
    running: bool,
    watching: bool,
    /// Whether the user has already confirmed the present action.
    sure: bool,
    /// Time of the last change of the data.
    exchanged: Option<Duration>,
    /// The reason why the last key had no effect, if it had none.
    idle: Option<String>,
    notice: Option<(Duration, String)>,
    /// Notices that wait until the present one has been shown long enough.
    waiting: VecDeque<String>,
    /// Lanes of cures whose verdict was reported.
    judged: BTreeSet<LaneId>,
    /// Changes of lanes that the run has not confirmed yet.
    underway: BTreeMap<LaneId, VecDeque<(String, Recipe)>>,
    watched: Vec<telemetry::ProbeRequest>,
    /// The model builder, which the app's windows edit; for other panes the context is enough.
    network: NetworkPane,
    others: BTreeMap<Pane, Box<dyn PaneWidget>>,
}

/// All panes in an order in which `focus` has the focus and the lanes pane had it before.
fn order(focus: Pane) -> Vec<Pane> {
    let mut order = vec![focus];
    let others = std::iter::once(Pane::Lanes).chain(Pane::ALL.iter().copied());
    for pane in others {
        if !order.contains(&pane) {
            order.push(pane);
        }
    }
    order
}

/// All panes except the network's, in their initial state.
fn others() -> BTreeMap<Pane, Box<dyn PaneWidget>> {
    let others = Pane::ALL.iter().filter(|id| **id != Pane::Network);
    others.map(|&id| (id, id.make())).collect()
}

/// Steps a second at which a run takes about a minute: slow enough to watch, however fast the machine is.
pub fn comfortable(steps: usize) -> f64 {
    (steps as f64 / 60.0).max(1.0)
}

impl App {
    /// An app that shows this scenario; `running`: whether training was ordered to start.
    pub fn new(scenario: Scenario, source: Presets, theme: Theme, size: Size, running: bool) -> Self {
        let steps = scenario.steps;
        let mut app = Self {
            view: RunView::default(),
            scenario,
            theme,
            keymap: Keymap::default(),
            size,
            kind: ScenarioKind::Samples,
            front: 0,
            overlay: None,
            speeds: BTreeMap::new(),
            solo: None,
            pace: Some(comfortable(steps)),
            unsaved: false,
            recording: false,
            link: None,
            now: Duration::ZERO,
            source,
            presets: Vec::new(),
            zoom: false,
            order: order(Pane::Lanes),
            running,
            watching: false,
            sure: false,
            exchanged: None,
            idle: None,
            notice: None,
            waiting: VecDeque::new(),
            judged: BTreeSet::new(),
            underway: BTreeMap::new(),
            watched: Vec::new(),
            network: NetworkPane::default(),
            others: others(),
            lesson: LessonState::default(),
            guide: None,
            lessons: None,
            until: None,
            timeline: None,
            awaited: None,
        };
        app.recognise();
        app.open_view();
        app
    }

    /// Shows the scenario's opening view.
    fn open_view(&mut self) {
        let view = &self.scenario.view;
        self.lesson = LessonState::new(&self.scenario);
        self.others = others();
        self.others.values_mut().for_each(|pane| pane.open(view));
        self.order = order(view.pane.unwrap_or(Pane::Lanes));
        self.zoom = view.zoom;
        self.awaited = (!view.lane.is_empty()).then(|| view.lane.clone());
    }

    /// Updates the kind of scenario from the scenario and its lanes.
    fn recognise(&mut self) {
        let written = self.scenario.base().network;
        let lanes = self.view.lanes.iter().map(|l| &l.info.recipe.network[..]);
        let overrides = self.scenario.lanes.iter().filter_map(|l| l.network.as_deref());
        self.kind = if self.view.lanes.is_empty() {
            ScenarioKind::of(overrides.chain([&written[..]]))
        } else {
            ScenarioKind::of(lanes)
        };
    }

    /// The pane with the focus.
    pub fn focus(&self) -> Pane {
        let shown = |p: &Pane| p.home(self.kind).is_some();
        self.order.iter().copied().find(shown).unwrap_or(Pane::Lanes)
    }

    /// Moves the focus to a pane.
    pub fn focus_on(&mut self, pane: Pane) {
        self.order.retain(|p| *p != pane);
        self.order.insert(0, pane);
    }

    /// Sets whether another process trains the run: actions that would change it are then refused, and quitting loses
    /// nothing.
    pub fn watch_only(&mut self, watching: bool) {
        self.watching = watching;
        if watching {
            self.pace = None;
        }
    }

    /// The pane with this id.
    pub fn pane(&self, id: Pane) -> Option<&dyn PaneWidget> {
        match id {
            Pane::Network => Some(&self.network),
            other => self.others.get(&other).map(|p| &**p),
        }
    }

    /// A pane and its context, mutable.
    fn pane_mut(&mut self, id: Pane) -> Option<(&mut dyn PaneWidget, Context<'_>)> {
        let cx = Context {
            view: &self.view,
            front: self.front,
            theme: &self.theme,
            focused: self.focus() == id,
            watching: self.watching,
            lesson: &self.lesson,
            guide: self.guide.as_ref(),
            past: self.past(),
        };
        let pane: &mut dyn PaneWidget = match id {
            Pane::Network => &mut self.network,
            other => &mut **self.others.get_mut(&other)?,
        };
        Some((pane, cx))
    }

    /// The context of a pane.
    pub fn context(&self, id: Pane) -> Context<'_> {
        Context {
            view: &self.view,
            front: self.front,
            theme: &self.theme,
            focused: self.focus() == id && self.overlay.is_none(),
            watching: self.watching,
            lesson: &self.lesson,
            guide: self.guide.as_ref(),
            past: self.past(),
        }
    }

    /// The layout; `None` on a screen that is too small.
    pub fn places(&self) -> Option<ScreenAreas> {
        let area = Rect::new(0, 0, self.size.width, self.size.height);
        let homes: Vec<_> = self.order.iter().filter_map(|p| Some((*p, p.home(self.kind)?))).collect();
        let (timeline, guided) = (self.timeline.is_some(), self.guide.is_some());
        arrange(area, LayoutInputs { homes: &homes, zoom: self.zoom, timeline, guided })
    }

    /// Whether training was started and not paused.
    pub fn training(&self) -> bool {
        self.running && self.view.lanes.iter().any(|l| l.present().phase == Phase::Running)
    }

    /// Whether another process trains the run.
    pub fn watching(&self) -> bool {
        self.watching
    }

    /// Whether training was ordered to continue or, in a watched run, whether the other process trains.
    pub fn running(&self) -> bool {
        if self.watching { self.training() } else { self.running }
    }

    /// Whether every lane has ended.
    pub fn done(&self) -> bool {
        let lanes = &self.view.lanes;
        let unfinished = |phase: &Phase| matches!(phase, Phase::Running | Phase::Paused | Phase::Killed);
        !lanes.is_empty() && !lanes.iter().any(|lane| unfinished(&lane.present().phase))
    }

    /// Whether a watched run's process was killed before its lanes ended.
    pub fn killed(&self) -> bool {
        self.view.lanes.iter().any(|l| l.present().phase == Phase::Killed)
    }

    /// The notice to show now.
    pub fn notice(&self) -> Option<&str> {
        self.notice.as_ref().filter(|(until, _)| self.now < *until).map(|(_, text)| text.as_str())
    }

    /// Handles a message; returns the effects to carry out, in order.
    pub fn update(&mut self, message: Message) -> Effects {
        let mut effects = match message {
            Message::Key(key) => {
                // A key acts on the lane in front, so after a key an added lane no longer comes to the front by itself.
                if !self.view.lanes.is_empty() {
                    self.awaited = None;
                }
                // A notice that could be read goes with the next key, so that the keys of the pane can be read again.
                self.notice.take_if(|(until, _)| self.now + NOTICE >= *until + READ);
                self.key(key)
            }
            Message::Paste(text) => {
                if let Some(overlay) = &mut self.overlay {
                    overlay.paste(&text);
                }
                self.answered(Answer::Nothing)
            }
            Message::Mouse(mouse) => self.mouse(mouse),
            Message::Resize(size) => {
                self.size = size;
                Effects::new()
            }
            Message::Event(event) => {
                if let Event::Started { lane, .. } = &event {
                    self.judged.remove(lane);
                }
                let rests = matches!(event, Event::Phase { .. });
                self.event(event);
                if rests && !self.watching { self.judge_cures() } else { Effects::new() }
            }
            Message::Tick(now) => {
                self.tick(now);
                Effects::new()
            }
            Message::Link(link) => {
                self.link = link;
                Effects::new()
            }
            Message::Repaint => vec![Effect::Repaint],
            Message::Terminate(code) => vec![Effect::Quit(code)],
        };
        self.guard(&mut effects);
        let watch = self.watch();
        if watch != self.watched {
            self.watched.clone_from(&watch);
            effects.push(Effect::Command(Command::Watch(watch)));
        }
        effects
    }

    /// The probes that the visible panes need.
    fn watch(&self) -> Vec<telemetry::ProbeRequest> {
        let Some(places) = self.places() else { return Vec::new() };
        let inside = |r: Rect| Size::new(r.width.saturating_sub(2), r.height.saturating_sub(2));
        let of = |&(id, r): &(Pane, Rect)| Some(self.pane(id)?.watch(self.context(id), inside(r)));
        let kept = self.timeline.is_some().then(|| telemetry::ProbeRequest::of("keyframes", self.front));
        let tried = match &self.overlay {
            Some(Overlay::Trial(trial)) => Some(telemetry::ProbeRequest::of(trial.probe(), trial.lane)),
            _ => None,
        };
        places.panes.iter().filter_map(of).flatten().chain(kept).chain(tried).collect()
    }

    /// Whether an added lane will come to the front unless a key is pressed before.
    pub fn awaits_lane(&self) -> bool {
        self.awaited.is_some()
    }

    fn event(&mut self, event: Event) {
        let lanes = matches!(
            event,
            Event::Started { .. } | Event::Changed { .. } | Event::Removed { .. } | Event::Rewound { .. }
        );
        let settled = match &event {
            Event::Changed { lane, .. } => Some((*lane, false)),
            Event::Started { lane, .. } | Event::Removed { lane } | Event::Rewound { lane, .. } => {
                Some((*lane, true))
            }
            _ => None,
        };
        match &event {
            Event::Notice(text) => {
                // If too many wait, the oldest is dropped.
                if self.waiting.len() == WAITING {
                    self.waiting.pop_front();
                }
                self.waiting.push_back(text.clone());
                self.next_notice();
            }
            Event::Unsaved(unsaved) => self.unsaved = *unsaved,
            _ => {}
        }
        self.lesson.on_event(&event);
        if let Some(guide) = &mut self.guide {
            guide.on_event(&event);
        }
        if let Event::Started { lane, info, .. } = &event
            && self.awaited.as_ref() == Some(&info.name)
        {
            self.awaited = None;
            self.front = *lane;
        }
        self.view.apply(event);
        if let Some((lane, all)) = settled {
            self.settle(lane, all);
        }
        if lanes {
            self.recognise();
        }
        if self.view.lane(self.front).is_none()
            && let Some(first) = self.view.lanes.first()
        {
            self.front = first.id;
        }
    }

    /// The run has confirmed one change of a lane, or forgotten all. Changes not yet confirmed stay on the screen, so
    /// that the next key starts from them and not from the run's earlier state.
    fn settle(&mut self, id: LaneId, all: bool) {
        let Some(changes) = self.underway.get_mut(&id) else { return };
        changes.pop_front();
        match (changes.back(), self.view.lanes.iter_mut().find(|l| l.id == id)) {
            (Some((name, recipe)), Some(lane)) if !all => {
                let info = &mut lane.present_mut().info;
                info.name.clone_from(name);
                info.recipe.clone_from(recipe);
            }
            _ => {
                self.underway.remove(&id);
            }
        }
    }

    /// Shows a notice for some seconds.
    pub fn notify(&mut self, text: String) {
        self.notice = Some((self.now + NOTICE, text));
    }

    /// Shows the next waiting notice, if the present one was shown long enough.
    fn next_notice(&mut self) {
        let read = self.notice.as_ref().is_none_or(|(until, _)| self.now + NOTICE >= *until + READ);
        if read && let Some(text) = self.waiting.pop_front() {
            self.notify(text);
        }
    }

    fn tick(&mut self, now: Duration) {
        self.attend(now.saturating_sub(self.now));
        self.now = now;
        self.next_notice();
        self.accompany();
        self.lesson.judge();
        for lane in &self.view.lanes {
            let step = lane.present().step;
            let speed = self.speeds.entry(lane.id).or_insert(LaneSpeed { at: now, step, rate: 0.0 });
            let time = now.saturating_sub(speed.at).as_secs_f64();
            if step < speed.step {
                *speed = LaneSpeed { at: now, step, rate: 0.0 };
            } else if time >= if step > speed.step { 0.5 } else { 5.0 } {
                // A lane with slow steps is not idle between two steps.
                let fresh = (step - speed.step) as f64 / time;
                let rate = if speed.rate > 0.0 && fresh > 0.0 { 0.5 * (speed.rate + fresh) } else { fresh };
                *speed = LaneSpeed { at: now, step, rate };
            }
        }
        self.speeds.retain(|id, _| self.view.lanes.iter().any(|l| l.id == *id));
    }
}
