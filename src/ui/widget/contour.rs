//! Heights of a plane as contour lines over bands of colour, with levels evenly spaced on a logarithmic scale. Knows
//! numbers, not what they mean.

use super::canvas::{Canvas, Pen};
use super::colour::{self, Map};
use super::heat::{self, Pixel};
use crate::ui::theme::{Depth, Theme};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Heights divided into bands.
#[derive(Clone, Debug)]
pub struct Contour<'a> {
    width: usize,
    heights: &'a [f32],
    /// Number of bands between the lowest and the highest point.
    bands: u8,
    low: f64,
    /// Height above the lowest point from which on bands grow by factors.
    grain: f64,
    /// Logarithm of the highest point.
    most: f64,
}

impl<'a> Contour<'a> {
    /// Heights row by row from the top, divided into this many bands; `None` if no height is finite.
    pub fn new(width: usize, heights: &'a [f32], bands: u8) -> Option<Self> {
        let every = (heights.len() / 2000).max(1);
        let finite = |v: &&f32| v.is_finite();
        let low = heights.iter().filter(finite).fold(f32::INFINITY, |m, v| m.min(*v));
        let high = heights.iter().filter(finite).fold(f32::NEG_INFINITY, |m, v| m.max(*v));
        if width == 0 || low > high {
            return None;
        }
        let (low, high) = (f64::from(low), f64::from(high));
        let mut some: Vec<f32> = heights.iter().filter(finite).step_by(every).copied().collect();
        let at = some.len() / 20;
        let (_, fifth, _) = some.select_nth_unstable_by(at, f32::total_cmp);
        let span = high - low;
        let grain = (f64::from(*fifth) - low).max(span * 1e-6).max(f64::MIN_POSITIVE);
        Some(Self { width, heights, bands: bands.max(2), low, grain, most: libm::log1p(span / grain) })
    }

    fn height(&self) -> usize {
        self.heights.len() / self.width
    }

    /// The band at a position in [0, 1] x [0, 1] from the top left.
    fn band(&self, x: f64, y: f64) -> Option<u8> {
        let at = |t: f64, n: usize| ((t * n as f64) as usize).min(n.saturating_sub(1));
        let v = *self.heights.get(at(y, self.height()) * self.width + at(x, self.width))?;
        let level = libm::log1p((f64::from(v) - self.low) / self.grain) / self.most.max(f64::MIN_POSITIVE);
        v.is_finite().then(|| ((level * f64::from(self.bands)) as u8).min(self.bands - 1))
    }

    /// Fills an area with the colours of the bands, if there are enough colours.
    pub fn shade(&self, theme: &Theme, area: Rect, buf: &mut Buffer) {
        if !matches!(theme.depth, Depth::True | Depth::Indexed) {
            return;
        }
        let (w, h) = (f64::from(area.width), f64::from(area.height));
        heat::raster(buf, area, theme, 1, |x, y| {
            let band = self.band((f64::from(x) + 0.5) / w, (f64::from(y) + 0.5) / h)?;
            let t = f64::from(band) / f64::from(self.bands - 1);
            // Mixed with the background, so that the content drawn over them stays readable.
            let rgb = colour::mix(theme.ground(), Map::Sequential.rgb(t), 0.4);
            // The 256 colours contain no dark hues, so greys of the same lightness are used.
            let grey = colour::brightness(rgb).round() as u8;
            let rgb = if theme.depth == Depth::Indexed { [grey; 3] } else { rgb };
            let color = colour::of_rgb(rgb, theme.depth);
            Some(Pixel { color, shade: t })
        });
    }

    /// Draws a dot wherever two bands meet.
    pub fn lines(&self, canvas: &mut Canvas, pen: Pen) {
        let (w, h) = (canvas.width(), canvas.height());
        let band = |x: usize, y: usize| self.band((x as f64 + 0.5) / w as f64, (y as f64 + 0.5) / h as f64);
        let mut above: Vec<Option<u8>> = (0..w).map(|x| band(x, 0)).collect();
        for y in 0..h {
            for x in 0..w {
                let here = band(x, y);
                let left = if x > 0 { above[x - 1] } else { here };
                if here.is_some() && (here != left || here != above[x]) {
                    canvas.dot(x, y, pen);
                }
                above[x] = here;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::theme::Glyphs;
    use crate::ui::widget::canvas::PenStyle;
    use ratatui::style::Style;

    fn bowl(n: usize) -> Vec<f32> {
        let at = |i: usize| (i as f32 + 0.5) / n as f32 * 2.0 - 1.0;
        (0..n * n).map(|i| 100.0 * (at(i % n).powi(2) + at(i / n).powi(2))).collect()
    }

    #[test]
    fn a_bowl_has_bands_that_rise_outwards_and_closed_lines_between_them() {
        let heights = bowl(80);
        let contour = Contour::new(80, &heights, 12).expect("heights");
        let bands: Vec<u8> = (0..40).filter_map(|i| contour.band(0.5 + f64::from(i) / 80.0, 0.5)).collect();
        assert!(bands.len() == 40 && bands.windows(2).all(|w| w[1] >= w[0]), "{bands:?}");
        assert!(bands[0] == 0 && bands[39] >= 9, "{bands:?}");
        let mut canvas = Canvas::new(20, 10, Glyphs::Unicode);
        contour.lines(&mut canvas, Pen { look: 0, rank: 1 });
        let area = Rect::new(0, 0, 20, 10);
        let mut buf = Buffer::empty(area);
        canvas.draw(area, &mut buf, &[PenStyle { style: Style::new(), ascii: '.' }]);
        let dotted = buf.content.iter().filter(|c| c.symbol() != " ").count();
        assert!((40..200).contains(&dotted), "{dotted}");
    }

    #[test]
    fn odd_heights_do_no_harm() {
        for heights in [vec![], vec![f32::NAN; 4], vec![1.0; 4], vec![f32::MAX, f32::MIN, f32::INFINITY, 0.0]]
        {
            let Some(contour) = Contour::new(2, &heights, 12) else { continue };
            let mut canvas = Canvas::new(3, 3, Glyphs::Ascii);
            contour.lines(&mut canvas, Pen { look: 0, rank: 1 });
            assert!(contour.band(2.0, -1.0).is_none_or(|b| b < 12));
        }
        assert!(Contour::new(0, &[1.0], 12).is_none());
    }
}
