//! What a pane is. A pane draws the view model and holds only what concerns its own looks (cursor, axis, zoom).

use crate::telemetry::LaneId;
use crate::ui::theme::Theme;
use crate::view::View;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
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

/// A pane: title, picture, and what its own keys do. `A` is the app's action, `E` what the app shall do for it.
pub trait Pane<A, E> {
    /// Its title, drawn into the frame around it by the app.
    fn title<'a>(&self, cx: Context<'a>) -> Line<'a>;

    /// Draws the inside; any size down to 0x0.
    fn draw(&self, cx: Context<'_>, area: Rect, buf: &mut Buffer);

    /// Acts on one of its own keys.
    fn act(&mut self, action: A, cx: Context<'_>) -> Option<E>;
}
