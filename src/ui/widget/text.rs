//! Lines of text that fit: pieces in order of weight, cut where the room ends. Knows nothing of what they say.

use crate::ui::theme::Glyphs;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use unicode_width::UnicodeWidthStr as _;

/// Columns that a text takes.
pub fn width(text: &str) -> u16 {
    text.width().min(usize::from(u16::MAX)) as u16
}

/// Writes into one line of `area`, `x` and `y` from its corner, cut at its edge. Gives the column after the text.
pub fn put(buf: &mut Buffer, area: Rect, x: u16, y: u16, text: &str, style: Style) -> u16 {
    let area = area.intersection(buf.area);
    if x >= area.width || y >= area.height {
        return x;
    }
    let (end, _) = buf.set_stringn(area.x + x, area.y + y, text, usize::from(area.width - x), style);
    end - area.x
}

/// Writes a text that ends at the right edge of `area`; cut at the left if need be.
pub fn put_right(buf: &mut Buffer, area: Rect, y: u16, text: &str, style: Style) {
    put(buf, area, area.width.saturating_sub(width(text)), y, text, style);
}

/// Writes a text in the middle of a line.
pub fn put_centred(buf: &mut Buffer, area: Rect, y: u16, text: &str, style: Style) {
    put(buf, area, area.width.saturating_sub(width(text)) / 2, y, text, style);
}

/// Writes pieces one after the other as long as they fit whole; the rest is left out. The first is cut if it must be.
pub fn put_pieces(buf: &mut Buffer, area: Rect, y: u16, pieces: &[(String, Style)]) -> u16 {
    let mut x = 0;
    for (i, (piece, style)) in pieces.iter().enumerate() {
        if i > 0 && x + width(piece) > area.width {
            break;
        }
        x = put(buf, area, x, y, piece, *style);
    }
    x
}

/// Words broken into lines in the middle of `area`: what an empty pane says.
pub fn put_message(buf: &mut Buffer, area: Rect, text: &str, style: Style) {
    let area = area.intersection(buf.area);
    if area.is_empty() {
        return;
    }
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let room = usize::from(area.width.saturating_sub(2).max(1));
        let line = lines.last().map_or(0, |l| l.width());
        if line > 0 && line + 1 + word.width() > room {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    let top = area.height.saturating_sub(lines.len() as u16) / 2;
    for (y, line) in (top..area.height).zip(&lines) {
        put_centred(buf, area, y, line, style);
    }
}

/// A short text of at most `most` columns; what is left out is marked.
pub fn shorten(text: &str, most: usize, glyphs: Glyphs) -> String {
    if text.width() <= most {
        return text.to_owned();
    }
    let mark = if glyphs == Glyphs::Unicode { "…" } else { "~" };
    let mut out = String::new();
    for c in text.chars() {
        let mut next = out.clone();
        next.push(c);
        if next.width() + 1 > most {
            break;
        }
        out = next;
    }
    if most > 0 {
        out.push_str(mark);
    }
    out
}

/// One of two writings.
pub fn pick<'a>(glyphs: Glyphs, unicode: &'a str, ascii: &'a str) -> &'a str {
    match glyphs {
        Glyphs::Unicode => unicode,
        Glyphs::Ascii => ascii,
    }
}

/// Changes a cell, if it is on the screen.
pub fn cell(buf: &mut Buffer, x: u16, y: u16, symbol: char, style: Style) {
    if let Some(c) = buf.cell_mut(Position::new(x, y)) {
        c.set_char(symbol).set_style(style);
    }
}

/// A part of `area`: `x`, `y`, `w`, `h` from its corner, cut to what is there.
pub fn part(area: Rect, x: u16, y: u16, w: u16, h: u16) -> Rect {
    Rect::new(area.x.saturating_add(x), area.y.saturating_add(y), w, h).intersection(area)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_left_out_or_marked() {
        assert_eq!(shorten("sigmoid", 4, Glyphs::Unicode), "sig…");
        assert_eq!(shorten("sigmoid", 7, Glyphs::Ascii), "sigmoid");
        assert_eq!(shorten("sigmoid", 0, Glyphs::Ascii), "");
        let area = Rect::new(0, 0, 8, 1);
        let mut buf = Buffer::empty(area);
        let pieces = ["one", " two", " three"].map(|p| (p.to_owned(), Style::new()));
        assert_eq!(put_pieces(&mut buf, area, 0, &pieces), 7);
        assert_eq!(buf, Buffer::with_lines(["one two "]));
    }

    #[test]
    fn a_message_is_broken_into_lines_and_never_leaves_its_area() {
        let area = Rect::new(0, 0, 10, 3);
        let mut buf = Buffer::empty(area);
        put_message(&mut buf, area, "no lane in front yet", Style::new());
        assert_eq!(buf, Buffer::with_lines([" no lane  ", " in front ", "   yet    "]));
        for (w, h) in [(0, 0), (1, 1), (3, 1), (2, 9)] {
            put_message(&mut buf, Rect::new(0, 0, w, h), "a message of several words", Style::new());
        }
    }
}
