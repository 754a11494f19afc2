//! Areas of coloured cells, two per character if the terminal allows it, and their legend. Knows colours and positions,
//! not the meaning of the numbers.

use super::colour::{self, Map};
use super::text;
use crate::ui::theme::{Depth, Glyphs, Theme};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};

/// One cell of a field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pixel {
    /// Its colour.
    pub color: Color,
    /// Its shade in [0, 1], for terminals without colours.
    pub shade: f64,
}

impl Pixel {
    /// The colour and shade of a number in [0, 1].
    pub fn of(t: f64, map: Map, theme: &Theme) -> Self {
        let shade = match map {
            Map::Diverging => (2.0 * t - 1.0).abs(),
            // Even the least number must differ from an empty cell.
            Map::Sequential => 0.2 + 0.8 * t,
            Map::Grey => t,
        };
        Self { color: map.color(t, theme.depth), shade }
    }
}

/// Rows of pixels per line of characters.
pub fn rows_per_line(theme: &Theme) -> u16 {
    if theme.glyphs == Glyphs::Unicode && theme.depth != Depth::Mono { 2 } else { 1 }
}

/// Fills `area` with pixels, `rows` (1, or [`rows_per_line`]) per line; `pixel` is called with column and row from the
/// top left. If it returns none, the background stays.
pub fn raster(
    buf: &mut Buffer,
    area: Rect,
    theme: &Theme,
    rows: u16,
    mut pixel: impl FnMut(u16, u16) -> Option<Pixel>,
) {
    let area = area.intersection(buf.area);
    for y in 0..area.height {
        for x in 0..area.width {
            let upper = pixel(x, y * rows);
            let lower = if rows == 2 { pixel(x, y * rows + 1) } else { upper };
            let (symbol, style) = match (upper, lower) {
                (None, None) => continue,
                (Some(p), _) | (None, Some(p)) if theme.depth == Depth::Mono => {
                    (colour::shade(p.shade, theme.glyphs), Style::new())
                }
                (Some(a), Some(b)) if a.color == b.color => (' ', Style::new().bg(a.color)),
                (Some(a), Some(b)) => ('▀', Style::new().fg(a.color).bg(b.color)),
                (Some(a), None) => ('▀', Style::new().fg(a.color)),
                (None, Some(b)) => ('▄', Style::new().fg(b.color)),
            };
            text::cell(buf, area.x + x, area.y + y, symbol, style);
        }
    }
}

/// A line that shows the colour map between its two ends: `1e-8 ▒▒▒▒▒▒ 1`.
pub fn legend(buf: &mut Buffer, area: Rect, theme: &Theme, map: Map, low: &str, high: &str) {
    let area = Rect { height: area.height.min(1), ..area };
    let words = text::width(low) + text::width(high) + 2;
    let room = area.width.saturating_sub(words);
    if area.is_empty() || room < 3 {
        return;
    }
    let x = text::put(buf, area, 0, 0, low, theme.faint) + 1;
    let bar = text::part(area, x, 0, room, 1);
    raster(buf, bar, theme, 1, |x, _| Some(Pixel::of(f64::from(x) / f64::from(room - 1), map, theme)));
    text::put(buf, area, x + room + 1, 0, high, theme.faint);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(depth: Depth, glyphs: Glyphs, values: [[f64; 2]; 2]) -> Buffer {
        let theme = Theme::dark(depth, glyphs);
        let rows = rows_per_line(&theme);
        let area = Rect::new(0, 0, 2, 2 / rows);
        let mut buf = Buffer::empty(area);
        raster(&mut buf, area, &theme, rows, |x, y| {
            Some(Pixel::of(values[usize::from(y)][usize::from(x)], Map::Sequential, &theme))
        });
        buf
    }

    #[test]
    fn two_rows_share_a_line_where_there_are_half_blocks() {
        let buf = drawn(Depth::True, Glyphs::Unicode, [[0.0, 1.0], [1.0, 1.0]]);
        assert_eq!((buf[(0, 0)].symbol(), buf[(1, 0)].symbol()), ("▀", " "));
        assert_eq!(buf[(0, 0)].bg, buf[(1, 0)].bg);
        assert_ne!(buf[(0, 0)].fg, buf[(0, 0)].bg);
    }

    #[test]
    fn without_colour_numbers_become_shades() {
        let buf = drawn(Depth::Mono, Glyphs::Unicode, [[0.0, 0.5], [0.7, 1.0]]);
        assert_eq!(buf, Buffer::with_lines(["░▓", "▓█"]));
        let buf = drawn(Depth::Mono, Glyphs::Ascii, [[0.0, 0.5], [0.7, 1.0]]);
        assert_eq!(buf, Buffer::with_lines([":*", "#@"]));
    }

    #[test]
    fn the_legend_names_both_ends_or_stays_away() {
        let theme = Theme::dark(Depth::Mono, Glyphs::Ascii);
        let area = Rect::new(0, 0, 12, 1);
        let mut buf = Buffer::empty(area);
        legend(&mut buf, area, &theme, Map::Sequential, "1e-8", "1");
        let text: String = buf.content.iter().map(ratatui::buffer::Cell::symbol).collect();
        assert_eq!(text, "1e-8 :=*%@ 1");
        let mut buf = Buffer::empty(area);
        legend(&mut buf, Rect::new(0, 0, 7, 1), &theme, Map::Sequential, "1e-8", "1");
        assert_eq!(buf, Buffer::empty(area));
    }
}
