//! What a pane is. A pane draws the view model and holds only what concerns its own looks (cursor, axis, zoom).

pub mod adversarial;
pub mod curves;
#[cfg(test)]
pub mod fixture;
pub mod gradient_map;
pub mod lanes;
pub mod network;
pub mod prediction;
#[cfg(test)]
mod tests;

use crate::telemetry::{self, LaneId};
use crate::ui::keymap::Action;
use crate::ui::message::Effects;
use crate::ui::theme::Theme;
use crate::view::View;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect, Size};
use ratatui::text::Line;

/// The panes of the lab, in the order of Tab.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PaneId {
    /// The model builder.
    Network,
    /// The lanes and their optimizer settings.
    Lanes,
    /// Loss, accuracy, gradient norm ... over time.
    Curves,
    /// Gradient norm of every layer over time.
    GradientMap,
    /// Decision boundary, predictions, confusion matrix.
    Prediction,
    /// The adversarial preview.
    Adversarial,
}

impl PaneId {
    /// All, in the order of Tab.
    pub const ALL: [Self; 6] =
        [Self::Network, Self::Lanes, Self::Curves, Self::GradientMap, Self::Prediction, Self::Adversarial];

    /// Its name in the help and on a tab.
    pub fn name(self) -> &'static str {
        match self {
            Self::Network => "Network",
            Self::Lanes => "Lanes",
            Self::Curves => "Curves",
            Self::GradientMap => "Gradient map",
            Self::Prediction => "Data",
            Self::Adversarial => "Adversarial",
        }
    }
}

/// What a pane may look at while it draws or acts.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// What happened so far.
    pub view: &'a View,
    /// The lane in front.
    pub front: LaneId,
    /// Colours and characters.
    pub theme: &'a Theme,
    /// Whether this pane has the focus.
    pub focused: bool,
}

/// A pane: title, picture, what it wants computed, and what its own keys do.
pub trait Pane {
    /// Its title, drawn into the frame around it by the app.
    fn title<'a>(&self, cx: Context<'a>) -> Line<'a>;

    /// Draws the inside; any size down to 0x0.
    fn draw(&self, cx: Context<'_>, area: Rect, buf: &mut Buffer);

    /// Acts on one of its own keys, or on a movement while it has the focus; actions of others are left alone.
    fn act(&mut self, action: Action, cx: Context<'_>) -> Effects;

    /// What it wants computed for an inside of this size; asked for as long as the pane is on the screen.
    fn watch(&self, _cx: Context<'_>, _inside: Size) -> Option<telemetry::View> {
        None
    }

    /// A click into its inside (`area`), at a place that lies within it.
    fn click(&mut self, _at: Position, _area: Rect, _cx: Context<'_>) -> Effects {
        Effects::new()
    }
}
