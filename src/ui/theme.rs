//! Colours by meaning and characters by what the terminal can show. The one place where either is chosen.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};

/// What the terminal can show besides ASCII.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Glyphs {
    /// Braille plots, half blocks, box drawing.
    Unicode,
    /// Nothing but ASCII.
    Ascii,
}

/// How many colours the terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// None: attributes only.
    Mono,
    /// The sixteen of the terminal's palette.
    Sixteen,
    /// The 6x6x6 cube and greys.
    Indexed,
    /// 24 bits.
    True,
}

/// Which colours mean what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
pub enum Scheme {
    /// Light text on dark ground.
    #[default]
    Dark,
    /// Dark text on light ground.
    Light,
    /// Nothing faint, every colour strong, on dark ground.
    HighContrast,
    /// No colour at all: bold, dim and reversed.
    Mono,
}

/// Styles by meaning.
#[derive(Clone, Debug)]
pub struct Theme {
    /// Which colours.
    pub scheme: Scheme,
    /// Colours that can be shown.
    pub depth: Depth,
    /// Characters that can be shown.
    pub glyphs: Glyphs,
    /// Plain text.
    pub text: Style,
    /// Text of less weight: units, hints.
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
    /// Something to look at.
    pub warn: Style,
    /// Something wrong.
    pub bad: Style,
    /// One colour a lane (Okabe & Ito 2008); a letter always goes with it.
    pub lanes: [Color; 8],
}

impl Theme {
    /// The styles of a scheme, in the colours that the terminal can show.
    pub fn new(scheme: Scheme, depth: Depth, glyphs: Glyphs) -> Self {
        let depth = if scheme == Scheme::Mono { Depth::Mono } else { depth };
        let colours = match scheme {
            Scheme::Light => &LIGHT,
            Scheme::HighContrast => &STRONG,
            Scheme::Dark | Scheme::Mono => &DARK,
        };
        let colour = |(rgb, basic): (u32, Color)| {
            let [_, r, g, b] = rgb.to_be_bytes();
            match depth {
                Depth::Mono => Color::Reset,
                Depth::Sixteen => basic,
                Depth::Indexed => Color::Indexed(cube(r, g, b)),
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

    /// Light text on dark ground.
    pub fn dark(depth: Depth, glyphs: Glyphs) -> Self {
        Self::new(Scheme::Dark, depth, glyphs)
    }

    /// The ground that the scheme is made for, for colours that are mixed with it.
    pub fn ground(&self) -> [u8; 3] {
        if self.scheme == Scheme::Light { [250, 250, 248] } else { [24, 24, 30] }
    }

    /// Marks cells as selected, whatever their colours were.
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

/// A colour as 0xRRGGBB, and the one of sixteen that stands for it.
type Named = (u32, Color);

/// The colours of a scheme.
struct Colours {
    faint: Named,
    border: Named,
    focus: Named,
    good: Named,
    warn: Named,
    bad: Named,
    lanes: [Named; 8],
}

const DARK: Colours = Colours {
    faint: (0x8a_8a_94, Color::DarkGray),
    border: (0x58_5c_68, Color::DarkGray),
    focus: (0x56_b4_e9, Color::Cyan),
    good: (0x00_9e_73, Color::Green),
    warn: (0xe6_9f_00, Color::Yellow),
    bad: (0xd5_5e_00, Color::Red),
    lanes: [
        (0x56_b4_e9, Color::LightBlue),
        (0xe6_9f_00, Color::Yellow),
        (0x00_9e_73, Color::Green),
        (0xcc_79_a7, Color::Magenta),
        (0xf0_e4_42, Color::LightYellow),
        (0xd5_5e_00, Color::Red),
        (0x00_72_b2, Color::Blue),
        (0xbe_be_be, Color::Gray),
    ],
};

/// The same hues, dark enough to be read on white.
const LIGHT: Colours = Colours {
    faint: (0x6a_6a_74, Color::DarkGray),
    border: (0xa8_ac_b6, Color::Gray),
    focus: (0x00_5f_a0, Color::Blue),
    good: (0x00_70_50, Color::Green),
    warn: (0x94_62_00, Color::Magenta),
    bad: (0xb0_40_00, Color::Red),
    lanes: [
        (0x00_6f_b4, Color::Blue),
        (0xa8_6e_00, Color::Magenta),
        (0x00_7d_58, Color::Green),
        (0xa8_48_80, Color::LightMagenta),
        (0x7d_74_00, Color::Cyan),
        (0xb8_46_00, Color::Red),
        (0x00_3f_80, Color::LightBlue),
        (0x5a_5a_5a, Color::DarkGray),
    ],
};

const STRONG: Colours = Colours {
    faint: (0xff_ff_ff, Color::Reset),
    border: (0xd0_d0_d0, Color::Gray),
    focus: (0xff_ff_00, Color::LightYellow),
    good: (0x50_ff_a0, Color::LightGreen),
    warn: (0xff_d0_40, Color::LightYellow),
    bad: (0xff_80_40, Color::LightRed),
    lanes: [
        (0x80_d0_ff, Color::LightCyan),
        (0xff_c0_30, Color::LightYellow),
        (0x40_ff_b0, Color::LightGreen),
        (0xff_a0_e0, Color::LightMagenta),
        (0xff_ff_60, Color::Yellow),
        (0xff_90_50, Color::LightRed),
        (0x60_a0_ff, Color::LightBlue),
        (0xff_ff_ff, Color::White),
    ],
};

/// The nearest colour of the 6x6x6 cube.
pub fn cube(r: u8, g: u8, b: u8) -> u8 {
    let level = |v: u8| {
        if v < 48 {
            0
        } else if v < 115 {
            1
        } else {
            (v - 35) / 40
        }
    };
    16 + 36 * level(r) + 6 * level(g) + level(b)
}
