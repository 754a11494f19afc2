//! Lines of text that fit: pieces in order of importance, cut at the edge. Knows nothing of the meaning of the text.

mod numeral;

pub use numeral::numerals;
#[cfg(test)]
pub use numeral::recorded;

use super::scale;
use crate::ui::theme::Glyphs;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use std::borrow::Cow;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr as _};

/// Columns of a text.
pub fn width(text: &str) -> u16 {
    text.width().min(usize::from(u16::MAX)) as u16
}

/// Writes into one line of `area`, at `x` and `y` from its corner, cut at its edge, but never inside a number, because
/// that would change the number. Returns the column after the text.
pub fn put(buf: &mut Buffer, area: Rect, x: u16, y: u16, text: &str, style: Style) -> u16 {
    let area = area.intersection(buf.area);
    if x >= area.width || y >= area.height {
        return x;
    }
    let room = usize::from(area.width - x);
    #[cfg(test)]
    numeral::record(area.x + x, area.y + y, text);
    let text = if text.width() > room { whole(text, room) } else { text };
    let (end, _) = buf.set_stringn(area.x + x, area.y + y, text, room, style);
    end - area.x
}

/// The longest beginning of a text of at most this many columns that does not end inside a number.
fn whole(text: &str, room: usize) -> &str {
    let mut columns = 0;
    let fits = |c: char| {
        columns += UnicodeWidthChar::width(c).unwrap_or(0);
        columns <= room
    };
    let end = text.len() - text.trim_start_matches(fits).len();
    let cut = numerals(text).find(|n| n.start < end && end < n.end);
    &text[..cut.map_or(end, |n| n.start)]
}

/// Writes a number at the right edge of `area`, with as many digits as fit, or the mark for omitted text.
pub fn put_number(buf: &mut Buffer, area: Rect, y: u16, v: f64, glyphs: Glyphs, style: Style) {
    put_right(buf, area, y, &scale::fitted(v, usize::from(area.width), glyphs), style);
}

/// Writes a text that ends at the right edge of `area`; a longer text begins at the left edge and is cut at the right.
pub fn put_right(buf: &mut Buffer, area: Rect, y: u16, text: &str, style: Style) {
    put(buf, area, area.width.saturating_sub(width(text)), y, text, style);
}

/// Writes a text in the middle of a line.
pub fn put_centred(buf: &mut Buffer, area: Rect, y: u16, text: &str, style: Style) {
    put(buf, area, area.width.saturating_sub(width(text)) / 2, y, text, style);
}

/// Writes pieces one after another as long as they fit completely; the others are left out. The first one is cut if
/// necessary.
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

/// Writes pieces as [`put_pieces`] does, but uses up to `most` lines for pieces that do not fit into the first; returns
/// the number of lines used.
pub fn put_pieces_over(buf: &mut Buffer, area: Rect, most: u16, pieces: &[(String, Style)]) -> u16 {
    let (mut x, mut y) = (0, 0);
    for (piece, style) in pieces {
        if x > 0 && x + width(piece.trim_end()) > area.width {
            if y + 1 >= most {
                break;
            }
            (x, y) = (0, y + 1);
        }
        let piece = if x == 0 { piece.trim_start_matches([' ', ',']) } else { piece };
        x = put(buf, area, x, y, piece, *style);
    }
    y + 1
}

/// A text of several words, shortened by dropping words at its end: `Conv2d 8…` for `Conv2d 8 padding 1`.
pub fn by_words(text: &str, most: usize, glyphs: Glyphs) -> String {
    if text.width() <= most {
        return text.to_owned();
    }
    let mut words = text;
    while let Some((before, _)) = words.rsplit_once(' ') {
        words = before;
        if words.width() <= most {
            let mark = if words.width() < most { glyphs.left_out() } else { "" };
            return format!("{words}{mark}");
        }
    }
    shorten(words, most, glyphs)
}

/// Writes words that continue over the lines of `area` from a position in it, with `lead` before them unless they begin
/// a line. Returns the position after them, and whether all were written. If they do not fit, nothing is written,
/// unless they are required: then omitted text is marked. `free`: columns at the end of the last line that stay free.
pub fn put_flowing(
    buf: &mut Buffer,
    area: Rect,
    at: (u16, u16),
    lead: &str,
    words: &str,
    style: Style,
    glyphs: Glyphs,
    must: bool,
    free: u16,
) -> Option<((u16, u16), bool)> {
    let edge = |y: u16| area.width.saturating_sub(if y + 1 >= area.height { free } else { 0 });
    // A share and its sign stay together.
    let joined = words.replace(" %", "\u{a0}%");
    let ((mut x, mut y), indent) = (at, at.0.min(4));
    let mut pieces: Vec<(u16, u16, String)> = Vec::new();
    let mut fits = true;
    for (i, word) in joined.split(' ').enumerate() {
        let word = word.replace('\u{a0}', " ");
        let mut piece = if i == 0 { format!("{lead}{word}") } else { format!(" {word}") };
        if x + width(&piece) >= edge(y) {
            (x, y, piece) = (indent, y + 1, word);
        }
        if y >= area.height {
            fits = false;
            break;
        }
        let end = x + width(&piece);
        pieces.push((x, y, piece));
        x = end;
    }
    if !fits && !must {
        return None;
    }
    for (x, y, piece) in &pieces {
        put(buf, area, *x, *y, piece, style);
    }
    if !fits {
        let (x, y, piece) = pieces.last()?;
        let end = (x + width(piece)).min(edge(*y).saturating_sub(1));
        put(buf, area, end, *y, glyphs.left_out(), style);
        return Some(((edge(*y), *y), false));
    }
    Some(((x, y), true))
}

/// Words wrapped into lines in the middle of `area`: the message of an empty pane.
pub fn put_message(buf: &mut Buffer, area: Rect, text: &str, style: Style) {
    let area = area.intersection(buf.area);
    if area.is_empty() {
        return;
    }
    let lines = lines(text, area.width.saturating_sub(2), "");
    let top = area.height.saturating_sub(lines.len() as u16) / 2;
    for (y, line) in (top..area.height).zip(&lines) {
        put_centred(buf, area, y, line, style);
    }
}

/// Words in lines of at most this many columns; a longer word gets its own line. Continuation lines begin with
/// `indent`.
pub fn lines(words: &str, most: u16, indent: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for word in words.split(' ') {
        match out.last_mut() {
            Some(line) if width(line) + 1 + width(word) <= most => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) => out.push(format!("{indent}{word}")),
            None => out.push(word.into()),
        }
    }
    out
}

/// A text shortened to at most `most` columns; omitted text is marked, and no number is cut.
pub fn shorten(text: &str, most: usize, glyphs: Glyphs) -> String {
    if text.width() <= most {
        return text.to_owned();
    }
    let Some(room) = most.checked_sub(1) else { return String::new() };
    format!("{}{}", whole(text, room), glyphs.left_out())
}

/// One of two spellings.
pub fn pick<'a>(glyphs: Glyphs, unicode: &'a str, ascii: &'a str) -> &'a str {
    match glyphs {
        Glyphs::Unicode => unicode,
        Glyphs::Ascii => ascii,
    }
}

/// Running text with the characters that there are: in ASCII, signs of formulas and Greek letters are spelt.
pub fn spelt(glyphs: Glyphs, words: &str) -> Cow<'_, str> {
    const SPELT: [(char, &str); 10] = [
        ('²', "^2"),
        ('√', "sqrt "),
        ('×', "*"),
        ('‖', "|"),
        ('Δ', "d"),
        ('ε', "epsilon"),
        ('θ', "theta"),
        ('λ', "lambda"),
        ('è', "e"),
        ('é', "e"),
    ];
    if glyphs == Glyphs::Unicode {
        return Cow::Borrowed(words);
    }
    let one = |c: char| match SPELT.iter().find(|(sign, _)| *sign == c) {
        Some((_, ascii)) => (*ascii).to_string(),
        None => c.to_string(),
    };
    let mut spelt: String = words.chars().map(one).collect();
    // A text that explains a letter would say its name twice.
    for name in ["epsilon", "theta", "lambda"] {
        spelt = spelt.replace(&format!("{name} ({name})"), name);
    }
    Cow::Owned(spelt)
}

/// Changes a cell, if it is on the screen.
pub fn cell(buf: &mut Buffer, x: u16, y: u16, symbol: char, style: Style) {
    if let Some(c) = buf.cell_mut(Position::new(x, y)) {
        c.set_char(symbol).set_style(style);
    }
}

/// A part of `area`: `x`, `y`, `w`, `h` from its corner, clipped to the area.
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
        assert_eq!(shorten("step 1234 of 5", 8, Glyphs::Unicode), "step …", "never step 12");
        assert_eq!(shorten("94 % of them", 4, Glyphs::Ascii), "~");
        for (room, words) in [
            (18, "Conv2d 8 padding 1"),
            (17, "Conv2d 8 padding…"),
            (9, "Conv2d 8…"),
            (8, "Conv2d 8"),
            (4, "Con…"),
        ] {
            assert_eq!(by_words("Conv2d 8 padding 1", room, Glyphs::Unicode), words);
        }
        let area = Rect::new(0, 0, 8, 1);
        let mut buf = Buffer::empty(area);
        let pieces = ["one", " two", " three"].map(|p| (p.to_owned(), Style::new()));
        assert_eq!(put_pieces(&mut buf, area, 0, &pieces), 7);
        assert_eq!(buf, Buffer::with_lines(["one two "]));
        let area = Rect::new(0, 0, 8, 2);
        let mut buf = Buffer::empty(area);
        assert_eq!(put_pieces_over(&mut buf, area, 2, &pieces), 2);
        assert_eq!(buf, Buffer::with_lines(["one two ", "three   "]));
    }

    #[test]
    fn lessons_can_be_read_in_ascii() {
        assert_eq!(spelt(Glyphs::Ascii, "x² = √v, ‖Δθ‖ × ε"), "x^2 = sqrt v, |dtheta| * epsilon");
        assert_eq!(spelt(Glyphs::Unicode, "x²"), "x²");
        for (_, name, text) in crate::lab::lesson::course::SHIPPED {
            let left: String = spelt(Glyphs::Ascii, text).chars().filter(|c| !c.is_ascii()).collect();
            assert!(left.is_empty(), "{name}: {left}");
        }
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
