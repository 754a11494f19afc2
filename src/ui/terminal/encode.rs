//! Encodes the difference of two frames in few bytes. Writes only to a buffer, and passes on no control character.

use crate::text::harmful;
use crate::ui::config::DrawingCharacters;
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use std::collections::HashMap;
use std::io::Write as _;
use unicode_width::UnicodeWidthStr as _;

/// The attributes that the terminal is set to.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct TerminalPen {
    fg: Color,
    bg: Color,
    modifiers: Modifier,
}

const PLAIN: TerminalPen = TerminalPen { fg: Color::Reset, bg: Color::Reset, modifiers: Modifier::empty() };

/// The terminal's cursor and attributes.
struct Encoder<'a> {
    out: &'a mut Vec<u8>,
    at: Option<(u16, u16)>,
    pen: TerminalPen,
    drawing: DrawingCharacters,
}

/// Appends the output that changes `old` to `new`; nothing if both look the same. With another size, or without `old`,
/// everything is sent.
///
/// Setting a colour costs more than moving the cursor, so cells are sent colour by colour rather than row by row. A
/// character beyond `drawing` is replaced by the most similar one within it.
pub fn encode(old: Option<&Buffer>, new: &Buffer, drawing: DrawingCharacters, out: &mut Vec<u8>) {
    let old = old.filter(|o| o.area == new.area);
    if old.is_none() {
        out.extend_from_slice(b"\x1b[m\x1b[2J");
    }
    let mut e = Encoder { out, at: None, pen: PLAIN, drawing };
    let width = usize::from(new.area.width).max(1);
    for CellChange { cell, .. } in in_order(changes(old, new)) {
        let (x, y) = (cell % width, cell / width);
        e.go(x as u16, y as u16, &new.content[y * width..(y + 1) * width]);
        let cell = &new.content[cell];
        e.draw(cell, columns(cell));
    }
    if e.pen != PLAIN {
        e.out.extend_from_slice(b"\x1b[m");
    }
}

/// A cell to send, with its colours.
struct CellChange {
    cell: usize,
    pen: TerminalPen,
    blank: bool,
    /// The position of its colours in the order of sending.
    rank: usize,
}

/// Columns of a cell on the screen.
fn columns(cell: &Cell) -> usize {
    cell.symbol().width().clamp(1, 2)
}

/// The cells of `new` that must be sent to a terminal showing `old`, row by row.
fn changes(old: Option<&Buffer>, new: &Buffer) -> Vec<CellChange> {
    let width = usize::from(new.area.width).max(1);
    let mut changes = Vec::new();
    for (y, row) in new.content.chunks(width).enumerate() {
        // Compares the visible content of each column: a cell under the right half of a wide character is hidden.
        let mut shown = vec![None; width];
        match old {
            Some(old) => {
                let row = &old.content[y * width..(y + 1) * width];
                let mut x = 0;
                while x < width {
                    shown[x] = Some(&row[x]);
                    x += columns(&row[x]);
                }
            }
            None => shown.fill(Some(&Cell::EMPTY)),
        }
        let mut x = 0;
        while x < row.len() {
            let cell = &row[x];
            if !shown[x].is_some_and(|old| same(cell, old)) {
                changes.push(CellChange {
                    cell: y * width + x,
                    pen: pen(cell),
                    blank: !foreground_matters(cell),
                    rank: 0,
                });
            }
            x += columns(cell);
        }
    }
    changes
}

/// The changes colour by colour, in the order in which the colours first occur; an empty cell is sent with its
/// neighbour.
fn in_order(mut changes: Vec<CellChange>) -> Vec<CellChange> {
    let adopt = |changes: &mut [CellChange], i: usize, neighbour: usize| {
        let (own, other) = (changes[i].pen, changes[neighbour].pen);
        let next = changes[i].cell.abs_diff(changes[neighbour].cell) == 1;
        if changes[i].blank && next && own.bg == other.bg && !other.modifiers.intersects(SEEN_ON_BLANKS) {
            (changes[i].pen, changes[i].blank) = (other, false);
        }
    };
    for i in 1..changes.len() {
        adopt(&mut changes, i, i - 1);
    }
    for i in (1..changes.len()).rev() {
        adopt(&mut changes, i - 1, i);
    }
    let mut ranks: HashMap<TerminalPen, usize> = HashMap::new();
    let mut last = (PLAIN, None);
    for change in &mut changes {
        let next = ranks.len();
        // Neighbours usually have the same colour.
        let rank = last.1.filter(|_| last.0 == change.pen);
        change.rank = rank.unwrap_or_else(|| *ranks.entry(change.pen).or_insert(next));
        last = (change.pen, Some(change.rank));
    }
    changes.sort_by_key(|c| c.rank);
    changes
}

/// Attributes that are visible on an empty cell.
const SEEN_ON_BLANKS: Modifier = Modifier::REVERSED.union(Modifier::UNDERLINED).union(Modifier::CROSSED_OUT);

/// Whether the foreground of an empty cell is visible.
fn foreground_matters(cell: &Cell) -> bool {
    cell.symbol() != " " || cell.modifier.intersects(SEEN_ON_BLANKS)
}

/// The terminal's attributes for a cell.
fn pen(cell: &Cell) -> TerminalPen {
    if foreground_matters(cell) {
        TerminalPen { fg: cell.fg, bg: cell.bg, modifiers: cell.modifier }
    } else {
        TerminalPen { bg: cell.bg, ..PLAIN }
    }
}

/// Whether two cells look the same.
fn same(a: &Cell, b: &Cell) -> bool {
    a.symbol() == b.symbol() && pen(a) == pen(b)
}

impl Encoder<'_> {
    /// Moves the cursor to a cell with the fewest bytes.
    fn go(&mut self, x: u16, y: u16, row: &[Cell]) {
        if self.at == Some((x, y)) {
            return;
        }
        let mut best = Vec::with_capacity(12);
        let _ =
            if x == 0 { write!(best, "\x1b[{}H", y + 1) } else { write!(best, "\x1b[{};{}H", y + 1, x + 1) };
        // After the last column the cursor's position differs between terminals.
        if let Some((from, line)) = self.at.filter(|&(column, _)| usize::from(column) < row.len()) {
            if line == y && from < x {
                let between = &row[usize::from(from)..usize::from(x)];
                if between.len() <= 4 && between.iter().all(|c| c.symbol().len() == 1 && self.fits(c)) {
                    for cell in between {
                        self.symbol(cell.symbol());
                    }
                    self.at = Some((x, y));
                    return;
                }
            }
            let mut relative = Vec::with_capacity(12);
            match y.checked_sub(line) {
                // In raw mode a line feed moves straight down.
                Some(down @ 0..=3) => relative.extend(std::iter::repeat_n(b'\n', usize::from(down))),
                Some(down) => put(&mut relative, format_args!("\x1b[{down}B")),
                None if line - y == 1 => relative.extend_from_slice(b"\x1b[A"),
                None => put(&mut relative, format_args!("\x1b[{}A", line - y)),
            }
            match x.checked_sub(from) {
                Some(0) => {}
                _ if x == 0 => relative.push(b'\r'),
                Some(1) => relative.extend_from_slice(b"\x1b[C"),
                Some(right) => put(&mut relative, format_args!("\x1b[{right}C")),
                None if from - x <= 4 => relative.extend(std::iter::repeat_n(8, usize::from(from - x))),
                None => put(&mut relative, format_args!("\x1b[{}D", from - x)),
            }
            if relative.len() < best.len() {
                best = relative;
            }
        }
        self.out.extend_from_slice(&best);
        self.at = Some((x, y));
    }

    /// Whether a cell can be drawn with the present attributes.
    fn fits(&self, cell: &Cell) -> bool {
        let want = pen(cell);
        want == self.pen
            || (!foreground_matters(cell)
                && want.bg == self.pen.bg
                && !self.pen.modifiers.intersects(SEEN_ON_BLANKS))
    }

    fn draw(&mut self, cell: &Cell, wide: usize) {
        if !self.fits(cell) {
            self.set(pen(cell));
        }
        self.symbol(cell.symbol());
        if let Some((x, _)) = &mut self.at {
            *x += wide as u16;
        }
    }

    fn set(&mut self, want: TerminalPen) {
        if want == PLAIN {
            self.out.extend_from_slice(b"\x1b[m");
            self.pen = PLAIN;
            return;
        }
        let mut codes = Vec::with_capacity(24);
        if !want.modifiers.contains(self.pen.modifiers) {
            codes.extend_from_slice(b"0;");
            self.pen = PLAIN;
        }
        for (flag, code) in [
            (Modifier::BOLD, 1),
            (Modifier::DIM, 2),
            (Modifier::ITALIC, 3),
            (Modifier::UNDERLINED, 4),
            (Modifier::REVERSED, 7),
            (Modifier::CROSSED_OUT, 9),
        ] {
            if want.modifiers.contains(flag) && !self.pen.modifiers.contains(flag) {
                let _ = write!(codes, "{code};");
            }
        }
        if want.fg != self.pen.fg {
            colour(&mut codes, want.fg, 30);
        }
        if want.bg != self.pen.bg {
            colour(&mut codes, want.bg, 40);
        }
        self.pen = want;
        if codes.pop().is_some() {
            self.out.extend_from_slice(b"\x1b[");
            self.out.extend_from_slice(&codes);
            self.out.push(b'm');
        }
    }

    fn symbol(&mut self, symbol: &str) {
        for c in symbol.chars() {
            let c = if harmful(c) { '?' } else { c };
            let c = if self.drawing == DrawingCharacters::Block { quarters(c) } else { c };
            if self.drawing == DrawingCharacters::Ascii && !c.is_ascii() {
                self.out.push(nearest(c));
                // A wide character still covers its two cells.
                for _ in 1..symbol.width() {
                    self.out.push(b' ');
                }
                return;
            }
            let mut bytes = [0; 4];
            self.out.extend_from_slice(c.encode_utf8(&mut bytes).as_bytes());
        }
    }
}

/// Appends formatted text to a buffer, which cannot fail.
fn put(out: &mut Vec<u8>, what: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(what);
}

/// Appends the parameters of a colour, each with a semicolon; `base` is 30 for the foreground, 40 for the background.
fn colour(out: &mut Vec<u8>, colour: Color, base: u8) {
    let plain = |n: u8| if n < 8 { base + n } else { base + 60 + n - 8 };
    let n = match colour {
        Color::Reset => base + 9,
        Color::Black => plain(0),
        Color::Red => plain(1),
        Color::Green => plain(2),
        Color::Yellow => plain(3),
        Color::Blue => plain(4),
        Color::Magenta => plain(5),
        Color::Cyan => plain(6),
        Color::Gray => plain(7),
        Color::DarkGray => plain(8),
        Color::LightRed => plain(9),
        Color::LightGreen => plain(10),
        Color::LightYellow => plain(11),
        Color::LightBlue => plain(12),
        Color::LightMagenta => plain(13),
        Color::LightCyan => plain(14),
        Color::White => plain(15),
        Color::Indexed(i) => {
            return {
                let _ = write!(out, "{};5;{i};", base + 8);
            };
        }
        Color::Rgb(r, g, b) => {
            return {
                let _ = write!(out, "{};2;{r};{g};{b};", base + 8);
            };
        }
    };
    let _ = write!(out, "{n};");
}

/// Braille dots as quarters of the cell; other characters are unchanged.
fn quarters(c: char) -> char {
    const QUARTERS: [char; 16] =
        [' ', '▘', '▝', '▀', '▖', '▌', '▞', '▛', '▗', '▚', '▐', '▜', '▄', '▙', '▟', '█'];
    let dots = u32::from(c).wrapping_sub(0x2800);
    if dots > 0xff {
        return c;
    }
    let any = |mask: u32, quarter: usize| if dots & mask == 0 { 0 } else { quarter };
    QUARTERS[any(0x03, 1) | any(0x18, 2) | any(0x44, 4) | any(0xa0, 8)]
}

/// The most similar ASCII character.
fn nearest(c: char) -> u8 {
    match c {
        '─' | '━' | '╌' | '–' | '—' | '−' | '┄' | '▃' => b'-',
        '│' | '┃' | '┆' | '‖' | '▏' | '▎' | '▕' => b'|',
        '╭' | '╮' | '╰' | '╯' | '┌' | '┐' | '└' | '┘' | '├' | '┤' | '┬' | '┴' | '┼' | '✓' => {
            b'+'
        }
        '▶' | '►' | '▸' | '→' | '›' | '≥' => b'>',
        '◀' | '◄' | '←' | '‹' | '≤' => b'<',
        '↑' | '▲' | '△' => b'^',
        '↓' | '▼' | '▽' => b'v',
        '·' | '•' | '…' | '⋯' | '▁' | '░' | '\u{2801}'..='\u{28ff}' => b'.',
        '█' | '▇' | '▓' | '■' => b'#',
        '▆' | '▅' => b'*',
        '▄' | '▀' | '▒' => b'=',
        '▂' => b':',
        '×' | '✗' => b'x',
        '±' => b'~',
        'ε' => b'e',
        'θ' => b'o',
        '\u{2800}' => b' ',
        _ => b'?',
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    fn random(state: &mut u64) -> u64 {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        *state
    }

    /// The visible content of a terminal: every cell's character and background, and if it is not empty, its colour and
    /// weight.
    fn shown(vt: &avt::Terminal) -> Vec<String> {
        let cell = |c: &avt::Cell| match (c.char(), c.pen()) {
            (' ', pen) => format!(" {:?}", pen.background()),
            (c, pen) => format!("{c}{:?}{:?}{}", pen.background(), pen.foreground(), pen.is_bold()),
        };
        let line = |y| vt.screen().line(y).expect("a line");
        (0..8).flat_map(|y| line(y).cells().iter().map(cell)).collect()
    }

    #[test]
    fn a_terminal_that_only_sees_differences_shows_the_same_as_one_that_sees_all() {
        let area = Rect::new(0, 0, 30, 8);
        let symbols = ["a", "─", "⣿", " ", "日", "z", " ", " "];
        let colours = [Color::Reset, Color::Red, Color::Indexed(99), Color::Rgb(1, 2, 3)];
        let mut state = 42;
        let mut vt = avt::Terminal::new(30, 8).expect("a size");
        let mut old: Option<Buffer> = None;
        for round in 0..300 {
            let mut new = old.clone().unwrap_or_else(|| Buffer::empty(area));
            for _ in 0..random(&mut state) % 40 {
                let (x, y) = ((random(&mut state) % 29) as u16, (random(&mut state) % 8) as u16);
                let r = random(&mut state) as usize;
                let style = Style::new()
                    .fg(colours[r % 4])
                    .bg(colours[(r >> 4) % 4])
                    .add_modifier(if r.is_multiple_of(5) { Modifier::BOLD } else { Modifier::empty() });
                new.set_string(x, y, symbols[(r >> 8) % symbols.len()], style);
            }
            let mut bytes = Vec::new();
            encode(old.as_ref(), &new, DrawingCharacters::Braille, &mut bytes);
            vt.feed([String::from_utf8(bytes).expect("whole characters").as_str()]);
            let mut whole = avt::Terminal::new(30, 8).expect("a size");
            let mut bytes = Vec::new();
            encode(None, &new, DrawingCharacters::Braille, &mut bytes);
            whole.feed([String::from_utf8(bytes).expect("whole characters").as_str()]);
            assert_eq!(shown(&vt), shown(&whole), "round {round}");
            old = Some(new);
        }
    }

    #[test]
    fn nothing_changed_is_nothing_written() {
        let mut b = Buffer::empty(Rect::new(0, 0, 20, 3));
        b.set_string(2, 1, "loss 0.25", Style::new().fg(Color::Red));
        let mut out = Vec::new();
        encode(Some(&b.clone()), &b, DrawingCharacters::Braille, &mut out);
        assert!(out.is_empty());
        let mut c = b.clone();
        c.set_string(7, 1, "0.24", Style::new().fg(Color::Red));
        encode(Some(&b), &c, DrawingCharacters::Braille, &mut out);
        assert_eq!(String::from_utf8_lossy(&out), "\x1b[2;11H\x1b[31m4\x1b[m");
    }

    #[test]
    fn no_control_character_leaves() {
        let mut b = Buffer::empty(Rect::new(0, 0, 8, 1));
        b[(0, 0)].set_symbol("\x1b]52;c;x\x07");
        b[(1, 0)].set_symbol("\u{202e}");
        let mut out = Vec::new();
        encode(None, &b, DrawingCharacters::Braille, &mut out);
        let text = String::from_utf8(out).expect("text");
        assert!(!text.contains('\x07') && !text.contains('\u{202e}') && !text.contains("\x1b]"), "{text:?}");
    }

    #[test]
    fn ascii_means_ascii() {
        let mut b = Buffer::empty(Rect::new(0, 0, 12, 1));
        b.set_string(0, 0, "╭─‖g‖⣿日é▇", Style::new());
        let mut out = Vec::new();
        encode(None, &b, DrawingCharacters::Ascii, &mut out);
        assert!(out.is_ascii(), "{out:?}");
        let mut b = Buffer::empty(Rect::new(0, 0, 4, 1));
        b.set_string(0, 0, "⣿⠁⡀─", Style::new());
        let mut out = Vec::new();
        encode(None, &b, DrawingCharacters::Block, &mut out);
        assert!(String::from_utf8_lossy(&out).contains("█▘▖─"), "{out:?}");
    }
}
