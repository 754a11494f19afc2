//! Pictures printed as lines of half blocks on a terminal that shows no screen of the lab. Opens nothing.

use super::theme::Theme;
use super::widget::image::{Picture, PictureRange};
use super::widget::text;
use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use ratatui::style::Color;
use std::fmt::Write as _;

/// A picture and its caption.
#[derive(Clone, Copy, Debug)]
pub struct Captioned<'a> {
    /// 1 or 3.
    pub channels: usize,
    /// Columns.
    pub width: usize,
    /// The numbers, in [0, 1]; with `signed`, from -1 to 1.
    pub pixels: &'a [f32],
    /// Whether it is a difference rather than an image.
    pub signed: bool,
    /// A caption of a word or two.
    pub caption: &'a str,
}

fn picture<'a>(c: &Captioned<'a>) -> Picture<'a> {
    let range = if c.signed { PictureRange::Signed(1.0) } else { PictureRange::Between(0.0, 1.0) };
    Picture { channels: c.channels, width: c.width, pixels: c.pixels, range }
}

/// Pictures side by side as lines of at most `width` columns and `height` rows, with their captions.
pub fn beside(pictures: &[Captioned<'_>], theme: &Theme, width: u16, height: u16) -> String {
    let count = (pictures.len() as u16).max(1);
    let each = (width / count).saturating_sub(2);
    let most = Rect::new(0, 0, each, height);
    let place = |c: &Captioned<'_>| picture(c).place(most);
    let wide = pictures.iter().map(|c| place(c).width.max(text::width(c.caption))).max().unwrap_or(0) + 2;
    let high = pictures.iter().map(|c| place(c).height).max().unwrap_or(0);
    let mut buf = Buffer::empty(Rect::new(0, 0, (wide * count).min(width), high + 1));
    for (i, c) in (0..).zip(pictures) {
        let area = text::part(buf.area, i * wide, 0, wide.saturating_sub(2), high + 1);
        picture(c).draw(theme, text::part(area, 0, 0, area.width, high), &mut buf);
        text::put_centred(&mut buf, area, high, c.caption, theme.faint);
    }
    lines(&buf)
}

/// The cells row by row; each row ends with a reset of colours.
fn lines(buf: &Buffer) -> String {
    let mut out = String::new();
    for y in 0..buf.area.height {
        let row: Vec<&Cell> = (0..buf.area.width).map(|x| &buf[(x, y)]).collect();
        let used = row.iter().rposition(|c| c.symbol() != " " || c.bg != Color::Reset).map_or(0, |i| i + 1);
        let mut pen = (Color::Reset, Color::Reset);
        for cell in &row[..used] {
            if pen != (cell.fg, cell.bg) {
                pen = (cell.fg, cell.bg);
                let _ = write!(out, "\x1b[0{}{}m", sgr(cell.fg, 30), sgr(cell.bg, 40));
            }
            out.push_str(cell.symbol());
        }
        if pen != (Color::Reset, Color::Reset) {
            out.push_str("\x1b[0m");
        }
        out.push('\n');
    }
    out
}

/// A colour as part of a control sequence; `base` is 30 for the foreground, 40 for the background.
fn sgr(color: Color, base: u8) -> String {
    let basic = |n: u8| format!(";{}", base + n);
    let bright = |n: u8| format!(";{}", base + 60 + n);
    match color {
        Color::Reset => String::new(),
        Color::Black => basic(0),
        Color::Red => basic(1),
        Color::Green => basic(2),
        Color::Yellow => basic(3),
        Color::Blue => basic(4),
        Color::Magenta => basic(5),
        Color::Cyan => basic(6),
        Color::Gray => basic(7),
        Color::DarkGray => bright(0),
        Color::LightRed => bright(1),
        Color::LightGreen => bright(2),
        Color::LightYellow => bright(3),
        Color::LightBlue => bright(4),
        Color::LightMagenta => bright(5),
        Color::LightCyan => bright(6),
        Color::White => bright(7),
        Color::Indexed(i) => format!(";{};5;{i}", base + 8),
        Color::Rgb(r, g, b) => format!(";{};2;{r};{g};{b}", base + 8),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::theme::{Depth, Glyphs};

    fn printed(depth: Depth, glyphs: Glyphs) -> String {
        let image = Captioned {
            channels: 1,
            width: 2,
            pixels: &[0.0, 1.0, 1.0, 0.0],
            signed: false,
            caption: "image",
        };
        let change = Captioned { pixels: &[-1.0, 0.0, 0.0, 1.0], signed: true, caption: "change", ..image };
        beside(&[image, change], &Theme::dark(depth, glyphs), 40, 4)
    }

    #[test]
    fn pictures_are_lines_that_end_in_plain_colours() {
        for depth in [Depth::True, Depth::Indexed, Depth::Sixteen] {
            let out = printed(depth, Glyphs::Unicode);
            assert!(out.contains("\x1b[0;") && out.contains("image") && out.contains("change"), "{out:?}");
            for line in out.lines().filter(|l| l.contains('\x1b')) {
                assert!(line.ends_with("\x1b[0m"), "{line:?}");
            }
        }
    }

    #[test]
    fn without_colours_there_are_no_control_sequences() {
        let out = printed(Depth::Mono, Glyphs::Ascii);
        assert!(out.is_ascii() && !out.contains('\x1b') && out.lines().count() >= 2, "{out:?}");
    }
}
