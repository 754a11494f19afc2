//! The trait of panes, and the table of all panes. A pane draws the view model and holds only its own display state
//! (cursor, axis, zoom). To add a pane, write a file, a row of the table and rows of the keymap.

pub mod adversarial;
#[cfg(test)]
mod attack_tests;
pub mod curves;
pub mod diagnosis;
#[cfg(test)]
pub mod fixture;
pub mod gradient_map;
#[cfg(test)]
pub mod inside_fixture;
#[cfg(test)]
mod inside_tests;
#[cfg(test)]
mod journal_tests;
pub mod lanes;
pub mod lesson;
pub mod loss_plane;
pub mod microscope;
pub mod network;
#[cfg(test)]
mod number_tests;
pub mod prediction;
pub mod surface;
#[cfg(test)]
mod tests;
pub mod through_time;

use crate::engine::layer::LayerConfig;
use crate::engine::layer::structure::Inner;
use crate::scenario::view::{Opening, Pane};
use crate::telemetry::{self, Command, LaneId};
use crate::ui::guide::Guide;
use crate::ui::keymap::Action;
use crate::ui::layout::PaneSlot;
use crate::ui::lesson::LessonState;
use crate::ui::overlay::form::FormSubject;
use crate::ui::theme::Theme;
use crate::ui::widget::paths::PlanePath;
use crate::ui::widget::{scale, text};
use crate::view::{LaneView, RunView};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect, Size};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use std::time::Duration;

/// The kind of scenario, which decides its panes and their places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScenarioKind {
    /// Samples with labels.
    Samples,
    /// Sequences through recurrent layers.
    Sequences,
    /// A test function of the plane.
    Surface,
}

impl ScenarioKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Samples, Self::Sequences, Self::Surface];

    /// The kind of scenario for these networks.
    pub fn of<'a>(networks: impl IntoIterator<Item = &'a [LayerConfig]>) -> Self {
        fn of(layers: &[LayerConfig]) -> ScenarioKind {
            let kinds = layers.iter().map(|layer| match layer {
                LayerConfig::Surface(_) => ScenarioKind::Surface,
                LayerConfig::Rnn(_) | LayerConfig::Lstm(_) | LayerConfig::Gru(_) => ScenarioKind::Sequences,
                other => match other.inner() {
                    Some(Inner::Repeat(_, inner) | Inner::Residual(inner)) => of(inner),
                    None => ScenarioKind::Samples,
                },
            });
            kinds.into_iter().find(|k| *k != ScenarioKind::Samples).unwrap_or(ScenarioKind::Samples)
        }
        networks.into_iter().map(of).find(|k| *k != Self::Samples).unwrap_or(Self::Samples)
    }
}

/// The table of panes: the type, how long it stays without redrawing (in milliseconds), and its slots for samples,
/// sequences and surfaces, if it has one.
macro_rules! panes {
    ($( $id:ident($pane:ty): $lasts:literal, [$samples:expr, $sequences:expr, $surface:expr]; )*) => {
        impl Pane {
            /// How long it stays without redrawing if no key is pressed: slow panes save bytes on the connection.
            pub fn lasts(self) -> Duration {
                Duration::from_millis(match self { $( Self::$id => $lasts, )* })
            }

            /// Its slot; `None` if it has nothing to show for this kind of scenario.
            pub fn home(self, kind: ScenarioKind) -> Option<PaneSlot> {
                let homes = match self { $( Self::$id => [$samples, $sequences, $surface], )* };
                homes[kind as usize]
            }

            /// A new pane in its initial state.
            pub fn make(self) -> Box<dyn PaneWidget> {
                match self { $( Self::$id => Box::<$pane>::default(), )* }
            }
        }
    };
}

use PaneSlot as S;

panes! {
    Network(network::NetworkPane): 100, [Some(S::LeftTop), Some(S::LeftTop), None];
    Lanes(lanes::LanesPane): 250, [Some(S::LeftMiddle), Some(S::LeftMiddle), Some(S::LeftMiddle)];
    Surface(surface::SurfacePane): 250, [None, None, Some(S::MiddleTop)];
    Curves(curves::Curves): 250, [Some(S::MiddleTop), Some(S::MiddleTop), Some(S::RightTop)];
    ThroughTime(through_time::ThroughTime): 450, [None, Some(S::Middle), None];
    GradientMap(gradient_map::GradientMap): 250, [Some(S::Middle), Some(S::RightTop), None];
    Microscope(microscope::Microscope): 450, [Some(S::LeftBottom), Some(S::RightMiddle), Some(S::RightMiddle)];
    Prediction(prediction::DataPane): 450, [Some(S::RightMiddle), Some(S::RightBottom), None];
    Adversarial(adversarial::Adversarial): 450, [Some(S::RightTop), Some(S::RightBottom), None];
    Diagnosis(diagnosis::DiagnosisPane): 450, [Some(S::MiddleBottom), Some(S::MiddleBottom), Some(S::MiddleBottom)];
    Lesson(lesson::LessonPane): 450, [Some(S::MiddleBottom), Some(S::MiddleBottom), Some(S::MiddleBottom)];
    LossPlane(loss_plane::LossPlane): 450, [Some(S::MiddleBottom), Some(S::MiddleBottom), None];
}

impl Pane {
    /// The panes of a scenario, in the order of Tab.
    pub fn of(kind: ScenarioKind) -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(move |p| p.home(kind).is_some())
    }
}

/// The context of a pane while it draws or acts.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The view model.
    pub view: &'a RunView,
    /// The lane in front.
    pub front: LaneId,
    /// Colours and characters.
    pub theme: &'a Theme,
    /// Whether this pane has the focus.
    pub focused: bool,
    /// Whether another process trains the run, so that only its log is known.
    pub watching: bool,
    /// The lesson of the scenario.
    pub lesson: &'a LessonState,
    /// The guide through the lesson, if it is in progress.
    pub guide: Option<&'a Guide>,
    /// The step of the lane in front that is shown instead of the present.
    pub past: Option<u64>,
}

impl Context<'_> {
    /// A lane's letter, marked if it is in front, and its name in 12 columns unless it is `short`.
    pub fn lane_label(&self, lane: &LaneView, short: bool) -> Vec<(String, Style)> {
        let (theme, front) = (self.theme, lane.id == self.front);
        let colour = Style::new().fg(theme.lane(lane.id)).add_modifier(Modifier::BOLD);
        let arrow = if front { text::pick(theme.glyphs, "▸", ">") } else { " " };
        let mut pieces = vec![(format!("{arrow}{}", lane.letter()), colour)];
        if !short {
            let name = text::shorten(&lane.info.name, 12, theme.glyphs);
            pieces.push((format!(" {name:<12}"), if front { theme.strong } else { theme.text }));
        }
        pieces
    }

    /// The path of a lane over a plane, in its colour.
    pub fn path(&self, lane: &LaneView, points: Vec<(f64, f64)>) -> PlanePath {
        let (color, letter) = (self.theme.lane(lane.id), lane.letter());
        PlanePath { points, color, letter, front: lane.id == self.front }
    }

    /// The step of a result, and whether the lane has gone further since, as part of a title.
    pub fn age(&self, lane: &LaneView, step: u64) -> Span<'static> {
        let stale = if step == lane.step { "" } else { ", stale" };
        Span::styled(format!("  step {}{stale}", scale::count(step as f64)), self.theme.faint)
    }

    /// The same for the newest result of a probe of the lane in front.
    pub fn age_of(&self, probe: &str) -> Option<Span<'static>> {
        let lane = self.view.lane(self.front)?;
        Some(self.age(lane, lane.probes.get(probe)?.step))
    }

    /// The steps of the newest numbers of all lanes, as part of a title: a pane that is drawn less often than
    /// the header must show how old its numbers are.
    pub fn measured(&self) -> Span<'static> {
        let steps = || self.view.lanes.iter().map(|l| l.last.step);
        let (least, most) = (steps().min().unwrap_or(0), steps().max().unwrap_or(0));
        let [from, to] = [least, most].map(|step| scale::count(step as f64));
        let words = match most {
            0 => String::new(),
            _ if least == most => format!("  step {to}"),
            _ => format!("  steps {from} to {to}"),
        };
        Span::styled(words, self.theme.faint)
    }

    /// The reason why a probe has no result, in words.
    pub fn missing(&self, what: &str) -> String {
        if self.watching {
            format!("no {what}: the log of a run that is watched holds numbers, no network")
        } else {
            format!("no {what} computed yet")
        }
    }
}

/// A request of a pane to the app.
#[derive(Clone, Debug, PartialEq)]
pub enum PaneRequest {
    /// A command to the run.
    Command(Command),
    /// Bring this lane to the front.
    Front(LaneId),
    /// A message for the user, shown for some seconds.
    Notice(String),
    /// Open the form of a lane's settings.
    EditLane(LaneId),
    /// Open the form of one layer in the model builder's draft.
    EditLayer(usize),
    /// Open the choice of a layer to insert at this position of the draft.
    ChooseLayer(usize),
    /// Open a form of the pane's own settings.
    Edit(Box<FormSubject>),
    /// Open the choice of an initialiser for the draft.
    ChooseInit,
    /// Set these fields of the data, as in a scenario; all lanes restart.
    Data(Vec<(&'static str, String)>),
    /// Make the sequences longer (or shorter, if negative) by this many time steps.
    Longer(i64),
    /// Open the form of the data.
    EditData,
}

/// The requests of a pane after a key or a click, in order.
pub type PaneRequests = Vec<PaneRequest>;

/// A pane: title, content, probes and the actions of its own keys.
pub trait PaneWidget {
    /// Its title, which the app draws into the pane's frame.
    fn title<'a>(&self, cx: Context<'a>) -> Line<'a>;

    /// Draws the inside; any size down to 0x0.
    fn draw(&self, cx: Context<'_>, area: Rect, buf: &mut Buffer);

    /// Handles one of its own actions, or a movement while it has the focus; other actions are ignored.
    fn act(&mut self, action: Action, cx: Context<'_>) -> PaneRequests;

    /// The probes that it needs for an inside of this size; called as long as the pane is on the screen.
    fn watch(&self, _cx: Context<'_>, _inside: Size) -> Vec<telemetry::ProbeRequest> {
        Vec::new()
    }

    /// Applies the scenario's opening view.
    fn open(&mut self, _opening: &Opening) {}

    /// Handles the result of a form that it opened.
    fn edited(&mut self, _subject: &FormSubject) {}

    /// Handles a click inside it; `at` lies within `area`.
    fn click(&mut self, _at: Position, _area: Rect, _cx: Context<'_>) -> PaneRequests {
        PaneRequests::new()
    }

    /// Handles a number that was typed for it in a window.
    fn number(&mut self, _number: usize) {}
}
