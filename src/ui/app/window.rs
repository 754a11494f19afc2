//! The windows that the app opens, and the effects of the user's choices in them.

use super::{App, GalleryPreset, comfortable};
use crate::engine::layer::LayerConfig;
use crate::scenario::view::Pane;
use crate::scenario::{DataConfig, Recipe};
use crate::telemetry::{Command, LaneId};
use crate::ui::diagnosis::thousands;
use crate::ui::keymap::Action;
use crate::ui::message::{Effect, Effects};
use crate::ui::overlay::Overlay;
use crate::ui::overlay::form::curve::CurveSoFar;
use crate::ui::overlay::form::{FormSubject, SettingsForm};
use crate::ui::overlay::menu::{Menu, MenuItem, Pick};
use crate::ui::overlay::trial::{Test, Trial};
use crate::ui::pane::{PaneRequest, PaneRequests};
use crate::view::RunView;
use std::time::Duration;

/// A change of the data within this time after another one belongs to it.
const SAME_CHANGE: Duration = Duration::from_secs(10);

impl App {
    pub(super) fn take(&mut self, pick: Pick) -> Effects {
        match pick {
            Pick::Action(action) => self.act(action),
            Pick::Pane(id) => {
                self.focus_on(id);
                Effects::new()
            }
            Pick::Leave => vec![Effect::Quit(0)],
            Pick::Sure(pick) => {
                self.sure = true;
                let effects = self.take(*pick);
                self.sure = false;
                effects
            }
            Pick::Line(line) => self.obey(&line).unwrap_or_else(|what| {
                self.notify(what);
                Effects::new()
            }),
            Pick::Rate(id) => {
                let trial = Trial { test: Test::Rates, lane: id };
                let found = self.view.lane(id).and_then(|l| Some((l.letter(), trial.suggested(l)?)));
                found.map_or_else(Effects::new, |(lane, rate)| {
                    self.take(Pick::Line(format!("set {lane} lr {rate:e}")))
                })
            }
            Pick::Data(data) => self.exchange(*data),
            Pick::Further(steps) => {
                self.running = true;
                [Command::Further(steps), Command::Run].map(Effect::Command).into()
            }
            Pick::Preset(i) => {
                let Some(GalleryPreset { name, scenario }) = self.presets.get(i).cloned() else {
                    return Effects::new();
                };
                if let Some(asks) = self.asks(&format!("Open {name}?"), None, Pick::Preset(i)) {
                    return asks;
                }
                self.timeline = None;
                self.view = RunView::default();
                self.speeds.clear();
                (self.front, self.solo, self.running) = (0, None, true);
                self.network.discard();
                // The new run has no probes yet.
                self.watched.clear();
                self.guide = None;
                self.notify(format!("opened {}", scenario.title));
                self.scenario = scenario.clone();
                self.recognise();
                self.open_view();
                self.pace = Some(comfortable(scenario.steps));
                [Command::Pace(self.pace), Command::Load(Box::new(scenario)), Command::Run]
                    .map(Effect::Command)
                    .into()
            }
            Pick::Lesson(place) => {
                if !self.only_watched()
                    && let Some(asks) = self.asks("Open the lesson?", None, Pick::Lesson(place))
                {
                    return asks;
                }
                self.open_lesson(place)
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
                    self.overlay = Some(Overlay::Form(Box::new(SettingsForm::new(FormSubject::Layer {
                        path: inserted,
                        layer,
                    }))));
                }
                Effects::new()
            }
        }
    }

    pub(super) fn changed(&mut self, subject: FormSubject) -> Effects {
        match subject {
            FormSubject::Lane { id, name, recipe } => self.change_lane(id, name, recipe),
            FormSubject::Fork { from, carry, lane, .. } => {
                let FormSubject::Lane { id, name, recipe } = *lane else { return Effects::new() };
                self.fork(id, from.1, name, recipe, carry)
            }
            FormSubject::Layer { path, layer } => {
                if let Some(lane) = self.view.lane(self.front) {
                    self.network.change(lane, |d| d.replace(&path, layer));
                }
                Effects::new()
            }
            FormSubject::Data(data) => self.exchange(data),
            FormSubject::Question { guess, reason, .. } => {
                let effects =
                    self.guide.as_mut().zip(guess).map(|(guide, guess)| guide.answer(guess, &reason));
                effects.map_or_else(Effects::new, |effects| self.apply_effects(effects))
            }
            FormSubject::Weight { weight, .. } => {
                if let Some(pane) = self.others.get_mut(&Pane::Microscope) {
                    pane.number(weight);
                }
                Effects::new()
            }
            FormSubject::Attack { .. } | FormSubject::Picture(_) => {
                if let Some(pane) = self.others.get_mut(&Pane::Adversarial) {
                    pane.edited(&subject);
                }
                let FormSubject::Picture(path) = subject else { return Effects::new() };
                self.overlay = None;
                vec![Effect::Command(Command::Picture(path))]
            }
            FormSubject::Init(init) => {
                if let Some(lane) = self.view.lane(self.front) {
                    self.network.change(lane, |d| d.init = init);
                }
                Effects::new()
            }
        }
    }

    /// Changes a lane: at once on the screen, and in the run as soon as it handles the command.
    pub(super) fn set_lane(&mut self, id: LaneId, name: String, recipe: Box<Recipe>) -> Effects {
        if let Some(lane) = self.view.lanes.iter_mut().find(|l| l.id == id) {
            let info = &mut lane.present_mut().info;
            info.name.clone_from(&name);
            info.recipe = (*recipe).clone();
            self.underway.entry(id).or_default().push_back((name.clone(), (*recipe).clone()));
        }
        vec![Effect::Command(Command::Set { lane: id, name, recipe })]
    }

    /// Carries out the requests of a pane.
    pub(super) fn perform(&mut self, requests: PaneRequests) -> Effects {
        let mut rest = Effects::new();
        for request in requests {
            match request {
                PaneRequest::Command(command) => rest.push(Effect::Command(command)),
                PaneRequest::Front(id) => self.front = id,
                PaneRequest::Notice(text) => self.notify(text),
                PaneRequest::EditLane(_)
                | PaneRequest::EditLayer(_)
                | PaneRequest::ChooseLayer(_)
                | PaneRequest::ChooseInit
                | PaneRequest::EditData
                | PaneRequest::Data(_)
                | PaneRequest::Longer(_)
                    if self.only_looks() => {}
                PaneRequest::EditLane(id) => {
                    if let Some(lane) = self.view.lane(id) {
                        let recipe = Box::new(lane.info.recipe.clone());
                        let subject = FormSubject::Lane { id, name: lane.info.name.clone(), recipe };
                        let way = CurveSoFar { step: lane.step, total: self.scenario.steps as u64 };
                        self.overlay =
                            Some(Overlay::Form(Box::new(SettingsForm::new(subject).on_the_way(way))));
                    }
                }
                PaneRequest::EditLayer(row) => {
                    let found = self.view.lane(self.front).and_then(|lane| {
                        let path = self.network.path(lane, row)?;
                        let layer = self.network.draft(lane).layer(&path)?.clone();
                        Some(FormSubject::Layer { path, layer })
                    });
                    if let Some(subject) = found {
                        self.overlay = Some(Overlay::Form(Box::new(SettingsForm::new(subject))));
                    }
                }
                PaneRequest::ChooseLayer(after) => self.overlay = Some(Overlay::Menu(layers(after))),
                PaneRequest::Edit(subject) => {
                    self.overlay = Some(Overlay::Form(Box::new(SettingsForm::new(*subject))));
                }
                PaneRequest::ChooseInit => {
                    if let Some(lane) = self.view.lane(self.front) {
                        let subject = FormSubject::Init(self.network.draft(lane).init);
                        self.overlay = Some(Overlay::Form(Box::new(SettingsForm::new(subject))));
                    }
                }
                PaneRequest::EditData => {
                    let subject = FormSubject::Data(self.scenario.data.clone());
                    self.overlay = Some(Overlay::Form(Box::new(SettingsForm::new(subject))));
                }
                PaneRequest::Data(fields) => rest.extend(self.set_data(fields)),
                PaneRequest::Longer(steps) => {
                    // The field with the length of a sequence, and the field that grows with it.
                    let fields = self.scenario.data.settings().fields();
                    let found = ["length", "delay"]
                        .into_iter()
                        .find_map(|name| fields.iter().find(|f| f.name == name));
                    if let Some(field) = found
                        && let Ok(present) = field.value.parse::<i64>()
                    {
                        let least = field.bounds.map_or(1, |b| b.min as i64);
                        let wanted = present.saturating_add(steps).max(least);
                        rest.extend(self.set_data(vec![(field.name, wanted.to_string())]));
                    } else {
                        self.notify("these data have no length to set".into());
                    }
                }
            }
        }
        rest
    }

    /// Updates the lane's present step in an open form.
    pub(super) fn accompany(&mut self) {
        let total = self.scenario.steps as u64;
        if let Some(Overlay::Form(form)) = &mut self.overlay {
            form.follow(|id| Some(CurveSoFar { step: self.view.lane(id)?.present().step, total }));
        }
    }

    /// Sets fields of the data, or reports why it cannot.
    fn set_data(&mut self, fields: Vec<(&'static str, String)>) -> Effects {
        let mut data = self.scenario.data.clone();
        for (name, text) in fields {
            if let Err(fault) = data.settings_mut().set(name, &text) {
                self.notify(format!("{name}: {fault}"));
                return Effects::new();
            }
        }
        self.exchange(data)
    }

    /// Trains all lanes on other data with the same seed. A change soon after another one belongs to it and is not
    /// asked about again.
    fn exchange(&mut self, data: DataConfig) -> Effects {
        let goes_on = self.exchanged.is_some_and(|at| self.now.saturating_sub(at) < SAME_CHANGE);
        if !goes_on && let Some(asks) = self.asks("Other data?", None, Pick::Data(Box::new(data.clone()))) {
            return asks;
        }
        if self.locked(&Command::Data(Box::new(data.clone()))) {
            return Effects::new();
        }
        self.exchanged = Some(self.now);
        self.scenario.data = data.clone();
        vec![Effect::Command(Command::Data(Box::new(data)))]
    }

    /// The menu of the scenario's panes.
    pub(super) fn panes(&self) -> Menu {
        let item = |id: Pane| MenuItem {
            label: id.name().into(),
            about: String::new(),
            right: String::new(),
            pick: Pick::Pane(id),
        };
        let here = Pane::of(self.kind).position(|p| p == self.focus()).unwrap_or(0);
        Menu::new("Panes", Pane::of(self.kind).map(item).collect(), here)
    }

    pub(super) fn gallery(&mut self) -> Menu {
        self.read_presets();
        let item = |(i, p): (usize, &GalleryPreset)| MenuItem {
            label: p.name.clone(),
            about: match p.scenario.about.trim() {
                "" => p.scenario.title.clone(),
                about => format!("{}\n{about}", p.scenario.title),
            },
            right: String::new(),
            pick: Pick::Preset(i),
        };
        let here = self.presets.iter().position(|p| p.scenario.title == self.scenario.title).unwrap_or(0);
        Menu::new("Presets", self.presets.iter().enumerate().map(item).collect(), here)
    }

    pub(super) fn read_presets(&mut self) {
        if self.presets.is_empty() {
            self.presets = (self.source)();
        }
    }

    /// The menu that opens when all lanes have ended.
    pub(super) fn finished(&mut self) -> Menu {
        self.read_presets();
        let item = |label: String, about: &str, pick| MenuItem {
            label,
            about: about.into(),
            right: String::new(),
            pick,
        };
        let more = (self.scenario.steps as u64 / 2).max(1);
        let mut items = vec![
            item(
                format!("{} steps further", thousands(more)),
                "the lanes that finished go on; schedules stay at their end",
                Pick::Further(more),
            ),
            item("again".into(), "all lanes from the same start", Pick::Action(Action::ResetAll)),
            item("the lanes side by side".into(), "what came of it", Pick::Pane(Pane::Lanes)),
        ];
        let here = self.presets.iter().position(|p| p.scenario.title == self.scenario.title);
        if let Some((i, next)) = here.and_then(|i| Some((i + 1, self.presets.get(i + 1)?))) {
            items.push(item(
                format!("the next preset: {}", next.name),
                &next.scenario.title,
                Pick::Preset(i),
            ));
        }
        items.push(item("another preset".into(), "all of them", Pick::Action(Action::Presets)));
        items.push(item("leave".into(), "the run is saved", Pick::Action(Action::Quit)));
        let title = format!(
            "Finished at step {}",
            thousands(self.view.lanes.iter().map(|l| l.present().step).max().unwrap_or(0))
        );
        Menu::new(&title, items, 0)
    }
}

/// Every layer that can be inserted after a row of the model builder.
fn layers(after: usize) -> Menu {
    let item = |(layer, l): (usize, &LayerConfig)| MenuItem {
        label: l.name().into(),
        about: l.settings().about().into(),
        right: String::new(),
        pick: Pick::Layer { after, layer },
    };
    Menu::new("Add a layer", LayerConfig::all().iter().enumerate().map(item).collect(), 0)
}
