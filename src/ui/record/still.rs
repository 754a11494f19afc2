//! A picture of the screen as SVG: text stays text; blocks, braille and frames become shapes, so that it looks the same
//! with any font.

use crate::lab::files;
use crate::limits;
use crate::text::{excerpt, xml};
use crate::ui::app::App;
use crate::ui::screen::draw;
use crate::ui::theme::Scheme;
use crate::ui::widget::colour::{Rgb, to_rgb};
use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::{Position, Rect};
use ratatui::style::{Color, Modifier};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use unicode_width::UnicodeWidthStr as _;

/// Width and height of a cell, and the margin around the picture.
const CELL: (u32, u32) = (8, 17);
const EDGE: u32 = 12;
/// The baseline of text in a cell, from the top.
const BASE: u32 = 13;
/// Background and foreground in place of the terminal's own colours, for a dark and for a light terminal.
pub const OWN: [(Rgb, Rgb); 2] =
    [([0x16, 0x18, 0x1d], [0xd6, 0xd8, 0xde]), ([0xfb, 0xfb, 0xf8], [0x1c, 0x1e, 0x24])];

/// The colours and attributes of a cell.
#[derive(Clone, Copy, PartialEq, Eq)]
struct CellPaint {
    fg: Rgb,
    bg: Rgb,
    bold: bool,
}

fn paint(cell: &Cell, (ground, writing): (Rgb, Rgb)) -> CellPaint {
    let own = |c: Color, default: Rgb| if c == Color::Reset { default } else { to_rgb(c).unwrap_or(default) };
    let (mut fg, mut bg) = (own(cell.fg, writing), own(cell.bg, ground));
    if cell.modifier.contains(Modifier::REVERSED) {
        (fg, bg) = (bg, fg);
    }
    if cell.modifier.contains(Modifier::DIM) {
        fg = crate::ui::widget::colour::mix(fg, bg, 0.45);
    }
    CellPaint { fg, bg, bold: cell.modifier.contains(Modifier::BOLD) }
}

fn hex([r, g, b]: Rgb) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

/// Shapes with the same colour.
#[derive(Default)]
struct Shapes {
    filled: String,
    lines: String,
}

/// The picture as a document, on a dark or on a light background.
pub fn svg(picture: &Buffer, title: &str, light: bool) -> String {
    let own = OWN[usize::from(light)];
    let paint = |cell: &Cell| paint(cell, own);
    let (columns, rows) = (u32::from(picture.area.width), u32::from(picture.area.height));
    let (width, height) = (columns * CELL.0 + 2 * EDGE, rows * CELL.1 + 2 * EDGE);
    let mut grounds: BTreeMap<Rgb, String> = BTreeMap::new();
    let mut shapes: BTreeMap<Rgb, Shapes> = BTreeMap::new();
    let mut texts: BTreeMap<(Rgb, bool), String> = BTreeMap::new();
    for (y, row) in picture.content.chunks(columns.max(1) as usize).enumerate() {
        let top = EDGE + y as u32 * CELL.1;
        let mut x = 0;
        while x < row.len() {
            let (cell, look) = (&row[x], paint(&row[x]));
            let left = EDGE + x as u32 * CELL.0;
            if look.bg != own.0 && (x == 0 || paint(&row[x - 1]).bg != look.bg) {
                let same = row[x..].iter().take_while(|c| paint(c).bg == look.bg).count() as u32;
                rect(grounds.entry(look.bg).or_default(), left, top, same * CELL.0, CELL.1);
            }
            let symbol = cell.symbol();
            let c = symbol.chars().next().unwrap_or(' ');
            if shape(c, left, top, shapes.entry(look.fg).or_default()) || c == ' ' {
                x += 1;
                continue;
            }
            // Words with the same style are joined, including single spaces between them.
            let (mut end, mut last, mut words, mut kept) = (x, x, String::new(), 0);
            while end < row.len() {
                let (next, s) = (&row[end], row[end].symbol());
                let n = s.chars().next().unwrap_or(' ');
                let fits = n == ' ' || (paint(next) == look && !shape(n, 0, 0, &mut Shapes::default()));
                if !fits || (n == ' ' && end > last) {
                    break;
                }
                words.push_str(s);
                // A wide character covers the next cell too, whatever that contains.
                end += s.width().max(1);
                if n != ' ' {
                    (last, kept) = (end, words.len());
                }
            }
            words.truncate(kept);
            let length = words.width() as u32 * CELL.0;
            let _ = writeln!(
                texts.entry((look.fg, look.bold)).or_default(),
                r#"<text x="{left}" y="{}" textLength="{length}">{}</text>"#,
                top + BASE,
                xml(&words)
            );
            x = last.max(x + 1);
        }
    }
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         role=\"img\">\n<title>{}</title>\n<rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"{}\"/>\n",
        xml(title),
        hex(own.0)
    );
    for (colour, path) in grounds {
        let _ = writeln!(out, r#"<path fill="{}" d="{path}"/>"#, hex(colour));
    }
    for (colour, Shapes { filled, lines }) in shapes {
        if !filled.is_empty() {
            let _ = writeln!(out, r#"<path fill="{}" d="{filled}"/>"#, hex(colour));
        }
        if !lines.is_empty() {
            let _ = writeln!(
                out,
                r#"<path fill="none" stroke="{}" stroke-width="1.2" d="{lines}"/>"#,
                hex(colour)
            );
        }
    }
    out.push_str("<g font-family=\"ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace\" font-size=\"13\">\n");
    for ((colour, bold), text) in texts {
        let weight = if bold { " font-weight=\"bold\"" } else { "" };
        let _ = writeln!(out, "<g fill=\"{}\"{weight}>\n{text}</g>", hex(colour));
    }
    out.push_str("</g>\n</svg>\n");
    out
}

/// Writes the present screen, without any window over it, to a new file; returns a message.
pub fn take(app: &App, path: &str) -> String {
    let shown = excerpt(path, limits::NAME_CHARS);
    let target = Path::new(path);
    if target.symlink_metadata().is_ok() {
        return format!("{shown} is there already; name another file.");
    }
    let mut picture = Buffer::empty(Rect::from((Position::ORIGIN, app.size)));
    draw(app, |_| true, &mut picture);
    let drawn = svg(&picture, &app.scenario.title, app.theme.scheme == Scheme::Light);
    match files::write(&[(target, drawn.as_bytes())]) {
        Ok(()) => format!("saved as {shown}"),
        Err(e) => format!("not saved: {e}"),
    }
}

fn rect(path: &mut String, x: u32, y: u32, width: u32, height: u32) {
    let _ = write!(path, "M{x} {y}h{width}v{height}h-{width}z");
}

/// Adds a character that is drawn as a shape; returns false if it is not one.
fn shape(c: char, x: u32, y: u32, out: &mut Shapes) -> bool {
    let (w, h) = CELL;
    let code = u32::from(c);
    // In sixteenths of the cell: left, top, width, height.
    let part = |path: &mut String, l: u32, t: u32, pw: u32, ph: u32| {
        let (x0, y0) = (x + l * w / 16, y + t * h / 16);
        rect(path, x0, y0, (x + (l + pw) * w / 16) - x0, (y + (t + ph) * h / 16) - y0);
    };
    match code {
        0x2580 => part(&mut out.filled, 0, 0, 16, 8),
        0x2581..=0x2588 => {
            let eighths = 2 * (code - 0x2580);
            part(&mut out.filled, 0, 16 - eighths, 16, eighths);
        }
        0x2589..=0x258f => part(&mut out.filled, 0, 0, 2 * (0x2590 - code), 16),
        0x2590 => part(&mut out.filled, 8, 0, 8, 16),
        // Shades are drawn as dots of increasing density.
        0x2591..=0x2593 => {
            let step = [4, 3, 2][(code - 0x2591) as usize];
            for dy in (0..h).step_by(step) {
                for dx in ((dy / step as u32 % 2)..w).step_by(step) {
                    rect(&mut out.filled, x + dx, y + dy, 1, 1);
                }
            }
        }
        0x2596..=0x259f => {
            // The quarters: upper left, upper right, lower left, lower right.
            let quarters = [4, 8, 1, 13, 9, 7, 11, 2, 6, 14][(code - 0x2596) as usize];
            for (bit, l, t) in [(1, 0, 0), (2, 8, 0), (4, 0, 8), (8, 8, 8)] {
                if quarters & bit != 0 {
                    part(&mut out.filled, l, t, 8, 8);
                }
            }
        }
        0x2801..=0x28ff => {
            let bits = [
                (0x01, 0, 0),
                (0x02, 0, 1),
                (0x04, 0, 2),
                (0x40, 0, 3),
                (0x08, 1, 0),
                (0x10, 1, 1),
                (0x20, 1, 2),
                (0x80, 1, 3),
            ];
            for (bit, column, line) in bits {
                if code & bit != 0 {
                    rect(&mut out.filled, x + 1 + 4 * column, y + 1 + 4 * line + line / 3, 2, 2);
                }
            }
        }
        _ => return frame(c, x, y, &mut out.lines),
    }
    true
}

/// Adds a part of a frame: half lines from the centre to the edges that it reaches.
fn frame(c: char, x: u32, y: u32, path: &mut String) -> bool {
    // Left, right, up, down.
    let [left, right, up, down] = match c {
        '─' | '━' | '╌' | '┄' | '┈' => [true, true, false, false],
        '│' | '┃' | '┆' | '╎' | '┊' => [false, false, true, true],
        '┌' => [false, true, false, true],
        '┐' => [true, false, false, true],
        '└' => [false, true, true, false],
        '┘' => [true, false, true, false],
        '├' => [false, true, true, true],
        '┤' => [true, false, true, true],
        '┬' => [true, true, false, true],
        '┴' => [true, true, true, false],
        '┼' => [true; 4],
        '╭' | '╮' | '╰' | '╯' => {
            let (w, h) = CELL;
            let (mx, my) = (x + w / 2, y + h / 2);
            let side = if matches!(c, '╭' | '╰') { x + w } else { x };
            let end = if matches!(c, '╭' | '╮') { y + h } else { y };
            let _ = write!(path, "M{side} {my}Q{mx} {my} {mx} {end}");
            return true;
        }
        _ => return false,
    };
    let (w, h) = CELL;
    let (mx, my) = (x + w / 2, y + h / 2);
    if left || right {
        let (from, to) = (if left { x } else { mx }, if right { x + w } else { mx });
        let _ = write!(path, "M{from} {my}H{to}");
    }
    if up || down {
        let (from, to) = (if up { y } else { my }, if down { y + h } else { my });
        let _ = write!(path, "M{mx} {from}V{to}");
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::style::Style;

    #[test]
    fn text_is_text_and_shapes_are_shapes() {
        let mut b = Buffer::empty(Rect::new(0, 0, 12, 2));
        b.set_string(0, 0, "a <b> ⣿▄╭", Style::new().fg(Color::Rgb(1, 2, 3)));
        b.set_string(0, 1, "x  日", Style::new().add_modifier(Modifier::REVERSED));
        let svg = svg(&b, "t & u", false);
        assert!(svg.contains(">a &lt;b&gt;</text>") && svg.contains("<title>t &amp; u</title>"), "{svg}");
        assert!(
            svg.contains("fill=\"#010203\"")
                && !svg.contains('⣿')
                && !svg.contains('▄')
                && !svg.contains('╭')
        );
        assert!(svg.contains(">x</text>") && svg.contains(">日</text>"), "{svg}");
        assert_eq!(svg.matches("<svg").count(), 1);
    }
}
