//! The colours of the gradient map: from the numbers of all layers and steps to a range of decades, and its legend.

use crate::ui::theme::Glyphs;
use crate::ui::widget::{scale, text};
use crate::view::history::MapColumn;

/// Least and greatest number of decades in the colour scale.
const DECADES: (f32, f32) = (3.0, 16.0);

/// How values become places in the range of colours: whole decades around all values so far; shares from 0 to 1.
pub(super) struct ColourScale {
    /// The decades of the first and of the last colour.
    low: f32,
    high: f32,
    /// The decade of the least value; below `low`, if the numbers span more than the colours.
    least: f32,
    shares: bool,
}

impl ColourScale {
    pub(super) fn of(columns: &[MapColumn], shares: bool) -> Self {
        let seen =
            columns.iter().flat_map(|c| &c.values).flatten().copied().filter(|v| v.is_finite() && *v > 0.0);
        let (low, high) = seen.fold((f32::INFINITY, 0f32), |(a, b), v| (a.min(v), b.max(v)));
        let high = if high > 0.0 { libm::log10f(high).ceil() } else { 0.0 };
        let low = if low.is_finite() { libm::log10f(low).floor() } else { high };
        let least = low.min(high - DECADES.0);
        Self { low: least.max(high - DECADES.1), high, least, shares }
    }

    pub(super) fn place(&self, v: f32) -> f64 {
        match v {
            v if self.shares => f64::from(v),
            v if v > 0.0 => f64::from((libm::log10f(v) - self.low) / (self.high - self.low)),
            _ => 0.0,
        }
    }

    /// The texts at both ends of the legend; `name` is the name of the quantity.
    pub(super) fn legend(&self, name: &str, glyphs: Glyphs) -> (String, String) {
        if self.shares {
            return ("0%".into(), "100% saturated".into());
        }
        let end = |decade: f32| scale::number(libm::pow(10.0, f64::from(decade)));
        // If the numbers span more than the colours, the darkest colour stands for everything below.
        let below = if self.least < self.low { text::pick(glyphs, "≤", "<=") } else { "" };
        (format!("{below}{}", end(self.low)), format!("{} {name}", end(self.high)))
    }
}
