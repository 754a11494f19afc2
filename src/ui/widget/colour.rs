//! Colours for numbers, within the terminal's abilities, and characters for numbers if it has no colours.

use crate::ui::palette::{self, BASIC};
use crate::ui::theme::{Depth, Glyphs, Scheme, Theme};
use ratatui::style::{Color, Modifier, Style};

pub use crate::ui::palette::Rgb;

/// A mapping from numbers in [0, 1] to colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Map {
    /// Dark to bright, perceptually even and suitable for any kind of colour vision (viridis; van der Walt and Smith,
    /// 2015).
    Sequential,
    /// Blue below, dark in the middle, orange above: for signed numbers, with zero at 0.5.
    Diverging,
    /// Black to white.
    Grey,
}

/// The colours of two signs and of two classes: sky blue and orange (Okabe and Ito, 2008), never red against green.
const NEGATIVE: Rgb = [86, 180, 233];
const POSITIVE: Rgb = [230, 159, 0];
/// The colour of zero for signed numbers.
const MIDDLE: Rgb = [24, 24, 30];

/// A mixture: `a` at 0, `b` at 1.
pub fn mix(a: Rgb, b: Rgb, t: f64) -> Rgb {
    let t = if t.is_finite() { t.clamp(0.0, 1.0) } else { 0.0 };
    std::array::from_fn(|i| (f64::from(a[i]) * (1.0 - t) + f64::from(b[i]) * t).round() as u8)
}

/// Perceived brightness, 0 to 255.
pub fn brightness(c: Rgb) -> f64 {
    0.2126 * f64::from(c[0]) + 0.7152 * f64::from(c[1]) + 0.0722 * f64::from(c[2])
}

impl Map {
    /// The colour of `t`, which is clamped to [0, 1].
    pub fn rgb(self, t: f64) -> Rgb {
        let t = if t.is_finite() { t.clamp(0.0, 1.0) } else { 0.0 };
        match self {
            Self::Sequential => {
                let c = colorous::VIRIDIS.eval_continuous(t);
                [c.r, c.g, c.b]
            }
            Self::Diverging if t < 0.5 => mix(MIDDLE, NEGATIVE, 1.0 - 2.0 * t),
            Self::Diverging => mix(MIDDLE, POSITIVE, 2.0 * t - 1.0),
            Self::Grey => [(t * 255.0).round() as u8; 3],
        }
    }

    /// The colour of `t` in the terminal's depth.
    pub fn color(self, t: f64, depth: Depth) -> Color {
        let t = if t.is_finite() { t.clamp(0.0, 1.0) } else { 0.0 };
        let indexed = |ramp: &[u8]| Color::Indexed(palette::step(ramp, t));
        match (self, depth) {
            (Self::Sequential, Depth::Indexed) => indexed(&palette::SEQUENTIAL),
            (Self::Diverging, Depth::Indexed) => indexed(&palette::DIVERGING),
            (Self::Sequential, Depth::Sixteen) => palette::step(&palette::SEQUENTIAL_16, t),
            (Self::Diverging, Depth::Sixteen) => palette::step(&palette::DIVERGING_16, t),
            (Self::Grey, Depth::Sixteen) => palette::step(&palette::GREY_16, t),
            _ => of_rgb(self.rgb(t), depth),
        }
    }
}

/// A colour in the terminal's depth; the default colour if there are no colours.
pub fn of_rgb(c: Rgb, depth: Depth) -> Color {
    match depth {
        Depth::Mono => Color::Reset,
        Depth::Sixteen => {
            let far = |a: Rgb| (0..3).map(|i| (i32::from(a[i]) - i32::from(c[i])).pow(2)).sum::<i32>();
            BASIC.iter().min_by_key(|b| far(b.1)).map_or(Color::Reset, |b| b.0)
        }
        Depth::Indexed => Color::Indexed(palette::nearest(c)),
        Depth::True => Color::Rgb(c[0], c[1], c[2]),
    }
}

/// The RGB values of a colour, if it has fixed ones.
pub fn to_rgb(color: Color) -> Option<Rgb> {
    match color {
        Color::Rgb(r, g, b) => Some([r, g, b]),
        Color::Indexed(i @ 16..) => palette::look(i),
        other => BASIC.iter().find(|b| b.0 == other).map(|b| b.1),
    }
}

/// A style for something less important than text in this colour.
pub fn faint(color: Color, theme: &Theme) -> Style {
    match (theme.depth, to_rgb(color)) {
        (Depth::True | Depth::Indexed, Some(c)) => {
            let toward = if theme.scheme == Scheme::Light { [205, 206, 210] } else { [70, 72, 80] };
            Style::new().fg(of_rgb(mix(c, toward, 0.62), theme.depth))
        }
        (Depth::Mono, _) => Style::new().add_modifier(Modifier::DIM),
        _ => Style::new().fg(color).add_modifier(Modifier::DIM),
    }
}

/// Black or white, whichever is readable on this background.
pub fn readable_on(ground: Color) -> Color {
    match to_rgb(ground) {
        Some(c) if brightness(c) > 120.0 => Color::Black,
        Some(_) => Color::White,
        None => Color::Reset,
    }
}

/// A character that is darker the closer `t` is to 1, for terminals without colours.
pub fn shade(t: f64, glyphs: Glyphs) -> char {
    let ramp: &[char] = match glyphs {
        Glyphs::Unicode => &[' ', '░', '▒', '▓', '█'],
        Glyphs::Ascii => &[' ', '.', ':', '-', '=', '+', '*', '#', '%', '@'],
    };
    let t = if t.is_finite() { t.clamp(0.0, 1.0) } else { 0.0 };
    ramp[((t * ramp.len() as f64) as usize).min(ramp.len() - 1)]
}

/// A character for a signed number in [-1, 1]: minus or plus, or a neutral one near zero.
pub fn sign(v: f64) -> char {
    match v {
        v if v <= -0.5 => '=',
        v if v < -0.1 => '-',
        v if v >= 0.5 => '#',
        v if v > 0.1 => '+',
        _ => ' ',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_map_changes_its_lightness_one_way_in_every_depth() {
        for depth in [Depth::True, Depth::Indexed, Depth::Sixteen] {
            let light = |map: Map, t: f64| to_rgb(map.color(t, depth)).map_or(-1.0, |c| palette::oklab(c)[0]);
            for i in 0..100 {
                let (a, b) = (f64::from(i) / 100.0, f64::from(i + 1) / 100.0);
                for map in [Map::Sequential, Map::Grey] {
                    assert!(light(map, b) >= light(map, a), "{map:?} at {b} with {depth:?}");
                }
                let away =
                    |t: f64| (light(Map::Diverging, 0.5 - t / 2.0), light(Map::Diverging, 0.5 + t / 2.0));
                assert!(away(b).0 >= away(a).0 && away(b).1 >= away(a).1, "at {b} with {depth:?}");
            }
            assert!(light(Map::Sequential, 0.0) < 0.4 && light(Map::Sequential, 1.0) > 0.8, "{depth:?}");
        }
        assert_eq!(Map::Sequential.color(0.0, Depth::Sixteen), Color::Black);
        assert_eq!(Map::Sequential.color(1.0, Depth::Sixteen), Color::White);
        assert_eq!(Map::Sequential.color(0.7, Depth::Mono), Color::Reset);
    }

    #[test]
    fn signs_have_different_colours_and_characters() {
        for depth in [Depth::True, Depth::Indexed, Depth::Sixteen] {
            let colors = [0.0, 0.5, 1.0].map(|t| Map::Diverging.color(t, depth));
            assert!(colors[0] != colors[2] && colors[0] != colors[1] && colors[1] != colors[2]);
        }
        assert_eq!([-0.9, -0.2, 0.0, 0.2, 0.9].map(sign), ['=', '-', ' ', '+', '#']);
    }

    #[test]
    fn greys_come_from_the_ramp_of_greys() {
        assert_eq!(of_rgb([0, 0, 0], Depth::Indexed), Color::Indexed(16));
        assert_eq!(of_rgb([255, 255, 255], Depth::Indexed), Color::Indexed(231));
        assert_eq!(of_rgb([128, 128, 128], Depth::Indexed), Color::Indexed(244));
        assert_eq!(of_rgb([128, 128, 128], Depth::Sixteen), Color::DarkGray);
        assert_eq!(shade(f64::NAN, Glyphs::Ascii), ' ');
        assert_eq!((shade(0.0, Glyphs::Unicode), shade(1.0, Glyphs::Unicode)), (' ', '█'));
    }

    #[test]
    fn writing_is_read_on_every_ground() {
        assert_eq!(readable_on(Color::Rgb(253, 231, 37)), Color::Black);
        assert_eq!(readable_on(Color::Rgb(68, 1, 84)), Color::White);
        assert_eq!(readable_on(Color::Reset), Color::Reset);
    }
}
