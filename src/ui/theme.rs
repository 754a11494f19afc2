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

/// Styles by meaning.
#[derive(Clone, Debug)]
pub struct Theme {
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
    /// Light text on dark ground.
    pub fn dark(depth: Depth, glyphs: Glyphs) -> Self {
        let rgb = |r: u8, g: u8, b: u8, basic: Color| match depth {
            Depth::Mono => Color::Reset,
            Depth::Sixteen => basic,
            Depth::Indexed => Color::Indexed(cube(r, g, b)),
            Depth::True => Color::Rgb(r, g, b),
        };
        let plain = Style::new();
        Self {
            depth,
            glyphs,
            text: plain,
            faint: if depth == Depth::Mono {
                plain.add_modifier(Modifier::DIM)
            } else {
                plain.fg(rgb(138, 138, 148, Color::DarkGray))
            },
            strong: plain.add_modifier(Modifier::BOLD),
            border: plain.fg(rgb(88, 92, 104, Color::DarkGray)),
            border_focused: plain.fg(rgb(86, 180, 233, Color::Cyan)).add_modifier(Modifier::BOLD),
            selected: plain.add_modifier(Modifier::REVERSED),
            good: plain.fg(rgb(0, 158, 115, Color::Green)),
            warn: plain.fg(rgb(230, 159, 0, Color::Yellow)),
            bad: plain.fg(rgb(213, 94, 0, Color::Red)).add_modifier(Modifier::BOLD),
            lanes: [
                rgb(86, 180, 233, Color::LightBlue),
                rgb(230, 159, 0, Color::Yellow),
                rgb(0, 158, 115, Color::Green),
                rgb(204, 121, 167, Color::Magenta),
                rgb(240, 228, 66, Color::LightYellow),
                rgb(213, 94, 0, Color::Red),
                rgb(0, 114, 178, Color::Blue),
                rgb(190, 190, 190, Color::Gray),
            ],
        }
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
