//! Colours by meaning, and characters by the terminal's abilities. Only this module chooses them.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};

/// The characters that the terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Glyphs {
    /// Braille plots, half blocks, box drawing.
    Unicode,
    /// ASCII only.
    Ascii,
}

impl Glyphs {
    /// The mark for omitted text.
    pub fn left_out(self) -> &'static str {
        if self == Self::Ascii { "~" } else { "…" }
    }
}

/// The number of colours of the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// No colours, only attributes.
    Mono,
    /// The sixteen colours of the terminal's palette.
    Sixteen,
    /// The 6x6x6 cube and greys.
    Indexed,
    /// 24-bit colours.
    True,
}

/// A colour scheme.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
pub enum Scheme {
    /// Light text on a dark background.
    #[default]
    Dark,
    /// Dark text on a light background.
    Light,
    /// No faint text and only strong colours, on a dark background.
    HighContrast,
    /// No colour at all: bold, dim and reversed.
    Mono,
}

/// Styles by meaning.
#[derive(Clone, Debug)]
pub struct Theme {
    /// The colours.
    pub scheme: Scheme,
    /// Available colours.
    pub depth: Depth,
    /// Available characters.
    pub glyphs: Glyphs,
    /// Plain text.
    pub text: Style,
    /// Less important text: units, hints.
    pub faint: Style,
    /// Headings.
    pub strong: Style,
    /// Frame of a pane.
    pub border: Style,
    /// Frame of the pane with the focus.
    pub border_focused: Style,
    /// The selected row or field.
    pub selected: Style,
    /// Something good.
    pub good: Style,
    /// Something to check.
    pub warn: Style,
    /// Something wrong.
    pub bad: Style,
    /// One colour per lane (Okabe & Ito 2008); a letter always accompanies it.
    pub lanes: [Color; 8],
}

impl Theme {
    /// The styles of a scheme, in the terminal's colours.
    pub fn new(scheme: Scheme, depth: Depth, glyphs: Glyphs) -> Self {
        let depth = if scheme == Scheme::Mono { Depth::Mono } else { depth };
        let colours = match scheme {
            Scheme::Light => &LIGHT,
            Scheme::HighContrast => &STRONG,
            Scheme::Dark | Scheme::Mono => &DARK,
        };
        let colour = |(rgb, indexed, basic): ColourFallbacks| {
            let [_, r, g, b] = rgb.to_be_bytes();
            match depth {
                Depth::Mono => Color::Reset,
                Depth::Sixteen => basic,
                Depth::Indexed => Color::Indexed(indexed),
                Depth::True => Color::Rgb(r, g, b),
            }
        };
        let plain = Style::new();
        let faint = match (depth, scheme) {
            (_, Scheme::HighContrast) => plain,
            (Depth::Mono, _) => plain.add_modifier(Modifier::DIM),
            _ => plain.fg(colour(colours.faint)),
        };
        Self {
            scheme,
            depth,
            glyphs,
            text: plain,
            faint,
            strong: plain.add_modifier(Modifier::BOLD),
            border: plain.fg(colour(colours.border)),
            border_focused: plain.fg(colour(colours.focus)).add_modifier(Modifier::BOLD),
            selected: plain.add_modifier(Modifier::REVERSED),
            good: plain.fg(colour(colours.good)),
            warn: plain.fg(colour(colours.warn)),
            bad: plain.fg(colour(colours.bad)).add_modifier(Modifier::BOLD),
            lanes: colours.lanes.map(colour),
        }
    }

    /// Light text on a dark background.
    pub fn dark(depth: Depth, glyphs: Glyphs) -> Self {
        Self::new(Scheme::Dark, depth, glyphs)
    }

    /// The background for which the scheme is made; colours are mixed with it.
    pub fn ground(&self) -> [u8; 3] {
        if self.scheme == Scheme::Light { [250, 250, 248] } else { [24, 24, 30] }
    }

    /// Marks cells as selected, whatever their colours are.
    pub fn select(&self, area: Rect, buf: &mut Buffer) {
        let plain = Style::new().fg(Color::Reset).bg(Color::Reset).remove_modifier(Modifier::DIM);
        buf.set_style(area.intersection(buf.area), plain.patch(self.selected));
    }

    /// Keys in running text.
    pub fn key(&self) -> Style {
        self.border_focused
    }

    /// The colour of a lane.
    pub fn lane(&self, id: usize) -> Color {
        self.lanes[id % self.lanes.len()]
    }
}

/// A colour as 0xRRGGBB, and its replacements among 256 and among sixteen colours.
type ColourFallbacks = (u32, u8, Color);

/// The colours of a scheme.
struct Colours {
    faint: ColourFallbacks,
    border: ColourFallbacks,
    focus: ColourFallbacks,
    good: ColourFallbacks,
    warn: ColourFallbacks,
    bad: ColourFallbacks,
    lanes: [ColourFallbacks; 8],
}

const DARK: Colours = Colours {
    // The dark grey of sixteen colours is too dark for text on most terminals.
    faint: (0x8a_8a_94, 245, Color::Gray),
    border: (0x58_5c_68, 240, Color::DarkGray),
    focus: (0x56_b4_e9, 74, Color::Cyan),
    good: (0x00_9e_73, 36, Color::Green),
    warn: (0xe6_9f_00, 214, Color::Yellow),
    bad: (0xd5_5e_00, 166, Color::LightRed),
    lanes: [
        (0x56_b4_e9, 74, Color::LightCyan),
        (0xe6_9f_00, 214, Color::Yellow),
        (0x00_9e_73, 36, Color::Green),
        (0xcc_79_a7, 175, Color::LightMagenta),
        (0xf0_e4_42, 227, Color::LightYellow),
        (0xd5_5e_00, 166, Color::LightRed),
        (0x5f_8b_ff, 69, Color::LightBlue),
        (0xbe_be_be, 250, Color::Gray),
    ],
};

/// The same hues, dark enough to be readable on white. Of the sixteen colours only blue, magenta, red and black are.
const LIGHT: Colours = Colours {
    faint: (0x6a_6a_74, 242, Color::DarkGray),
    border: (0xa8_ac_b6, 248, Color::Gray),
    focus: (0x00_5f_a0, 25, Color::Blue),
    good: (0x00_70_50, 29, Color::Green),
    warn: (0x94_62_00, 94, Color::Magenta),
    bad: (0xb0_40_00, 130, Color::Red),
    lanes: [
        (0x00_6f_b4, 25, Color::Blue),
        (0x94_60_00, 94, Color::Magenta),
        (0x00_7d_58, 29, Color::Black),
        (0xa8_48_80, 126, Color::Red),
        (0x6e_66_00, 58, Color::LightBlue),
        (0xb8_46_00, 130, Color::LightRed),
        (0x00_3f_80, 18, Color::DarkGray),
        (0x5a_5a_5a, 240, Color::LightMagenta),
    ],
};

const STRONG: Colours = Colours {
    faint: (0xff_ff_ff, 231, Color::Reset),
    border: (0xd0_d0_d0, 252, Color::Gray),
    focus: (0xff_ff_00, 226, Color::LightYellow),
    good: (0x50_ff_a0, 85, Color::LightGreen),
    warn: (0xff_d0_40, 221, Color::LightYellow),
    bad: (0xff_80_40, 209, Color::LightRed),
    lanes: [
        (0x80_d0_ff, 117, Color::LightCyan),
        (0xff_c0_30, 214, Color::LightYellow),
        (0x40_ff_b0, 49, Color::LightGreen),
        (0xff_a0_e0, 218, Color::LightMagenta),
        (0xff_ff_60, 227, Color::Yellow),
        (0xff_90_50, 209, Color::LightRed),
        (0x60_a0_ff, 75, Color::LightBlue),
        (0xff_ff_ff, 231, Color::White),
    ],
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::palette::contrast;
    use crate::ui::widget::colour::to_rgb;
    use std::collections::HashSet;

    #[test]
    fn lanes_are_read_on_their_ground_and_told_apart_in_every_depth() {
        for (scheme, ground) in [(Scheme::Dark, 0), (Scheme::HighContrast, 0), (Scheme::Light, 255)] {
            for depth in [Depth::True, Depth::Indexed, Depth::Sixteen] {
                let theme = Theme::new(scheme, depth, Glyphs::Unicode);
                // xterm has four dark colours among its sixteen, but there are eight lanes.
                let least = match (scheme, depth) {
                    (Scheme::Light, Depth::Sixteen) => 3.0,
                    (_, Depth::Sixteen) => 4.4,
                    _ => 4.5,
                };
                for lane in theme.lanes {
                    let contrast = contrast(to_rgb(lane).expect("a colour"), [ground; 3]);
                    assert!(contrast >= least, "{lane} on {ground} with {scheme:?}: {contrast:.2}");
                }
                if let Some(faint) = theme.faint.fg {
                    let contrast = contrast(to_rgb(faint).expect("a colour"), [ground; 3]);
                    assert!(contrast >= least, "{faint} on {ground} with {scheme:?}: {contrast:.2}");
                }
                assert_eq!(theme.lanes.iter().collect::<HashSet<_>>().len(), 8, "{scheme:?} {depth:?}");
            }
        }
    }
}
