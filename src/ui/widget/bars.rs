//! Shares as horizontal bars with names and numbers. Knows no meaning of the shares.

use super::{scale, text};
use crate::ui::theme::{Glyphs, Theme};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// One bar.
#[derive(Clone, Copy, Debug)]
pub struct Bar<'a> {
    /// The text at its left.
    pub label: &'a str,
    /// Its length, in [0, 1].
    pub value: f32,
    /// Whether it is the true one, which is marked by a star.
    pub marked: bool,
    /// Whether it is the chosen one, which is marked by an arrow and bold.
    pub chosen: bool,
}

/// From this many lines on, the last line counts the hidden bars.
const ROOM_TO_COUNT: u16 = 4;

/// The number of bars that fit into this many lines, out of `bars`; one line is reserved for the number of the others
/// if possible.
pub fn room(bars: usize, lines: u16) -> usize {
    let all = usize::from(lines);
    if bars > all && lines >= ROOM_TO_COUNT { all - 1 } else { bars.min(all) }
}

/// Bars from top to bottom. If there are more bars than lines, the marked, the chosen and the longest are shown.
/// `hidden`: bars already left out, which the last line counts as well.
pub fn draw(bars: &[Bar<'_>], hidden: usize, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let area = area.intersection(buf.area);
    if area.is_empty() {
        return;
    }
    let lines = usize::from(area.height);
    if hidden > 0 && bars.len() < lines {
        text::put(buf, area, 1, bars.len() as u16, &format!("+{hidden} more"), theme.faint);
    }
    let mut shown: Vec<usize> = (0..bars.len()).collect();
    let size = |b: &Bar<'_>| if b.value.is_finite() { b.value } else { -1.0 };
    if bars.len() > lines {
        shown.sort_by(|&a, &b| {
            let weight = |i: usize| (bars[i].chosen, bars[i].marked);
            weight(b).cmp(&weight(a)).then(size(&bars[b]).total_cmp(&size(&bars[a])))
        });
        shown.truncate(lines);
        shown.sort_unstable();
    }
    let unicode = theme.glyphs == Glyphs::Unicode;
    let longest = shown.iter().map(|&i| text::width(bars[i].label)).max().unwrap_or(0);
    // Names are written in full if they and the numbers fit: a bar only repeats its number.
    let label = if longest + 7 <= area.width { longest } else { longest.min((area.width / 3).max(2)) };
    for (y, &i) in shown.iter().enumerate() {
        let (bar, y) = (&bars[i], y as u16);
        let style = match (bar.chosen, bar.marked) {
            (true, true) => theme.good.patch(theme.strong),
            (true, false) => theme.bad,
            (false, true) => theme.strong,
            (false, false) => theme.text,
        };
        let arrow = if bar.chosen { text::pick(theme.glyphs, "▸", ">") } else { " " };
        text::put(buf, area, 0, y, arrow, style);
        let name = text::shorten(bar.label, usize::from(label), theme.glyphs);
        text::put_right(buf, text::part(area, 0, 0, 1 + label, area.height), y, &name, style);
        if bar.marked {
            text::put(buf, area, 1 + label, y, "*", style);
        }
        let start = label + 3;
        let room = area.width.saturating_sub(start + 5);
        if area.width >= start + 4 {
            let number = scale::share(f64::from(bar.value), 4, theme.glyphs);
            text::put_right(buf, area, y, &number, style);
        }
        let eighths = (f64::from(size(bar).clamp(0.0, 1.0)) * f64::from(room) * 8.0).round() as u16;
        let fill = if bar.chosen { style } else { Style::new().fg(theme.lanes[0]) };
        for x in 0..room {
            let part = eighths.saturating_sub(8 * x).min(8);
            let symbol = match (part, unicode) {
                (0, _) => break,
                (8, true) => '█',
                (p, true) => char::from_u32(0x2590 - u32::from(p)).unwrap_or('█'),
                (5.., false) => '#',
                (_, false) => '-',
            };
            text::cell(buf, area.x + start + x, area.y + y, symbol, fill);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::theme::Depth;

    fn bars() -> Vec<Bar<'static>> {
        let of = |label, value| Bar { label, value, marked: label == "7", chosen: label == "2" };
        vec![of("1", 0.02), of("2", 0.61), of("7", 0.25), of("9", 0.0)]
    }

    fn drawn(w: u16, h: u16, glyphs: Glyphs) -> Buffer {
        let area = Rect::new(0, 0, w, h);
        let mut buf = Buffer::empty(area);
        draw(&bars(), 0, &Theme::dark(Depth::Mono, glyphs), area, &mut buf);
        buf
    }

    fn lines(buf: &Buffer) -> Vec<String> {
        let row = |y| (0..buf.area.width).map(|x| buf[(x, y)].symbol()).collect::<String>();
        (0..buf.area.height).map(row).collect()
    }

    #[test]
    fn true_and_chosen_are_marked_by_characters() {
        let rows = lines(&drawn(19, 4, Glyphs::Ascii));
        assert_eq!(rows[1], ">2  ######-     61%");
        assert_eq!(rows[2], " 7* ##-         25%");
        assert!(rows[3].starts_with(" 9   ") && rows[3].ends_with(" 0%"), "{rows:?}");
        assert!(lines(&drawn(19, 4, Glyphs::Unicode))[1].starts_with("▸2  ██████"));
    }

    #[test]
    fn the_ones_that_matter_stay_when_lines_are_few() {
        let lines = lines(&drawn(19, 2, Glyphs::Ascii));
        assert!(lines[0].starts_with(">2") && lines[1].starts_with(" 7*"), "{lines:?}");
    }

    #[test]
    fn bars_without_room_are_counted_and_names_come_before_bars() {
        let area = Rect::new(0, 0, 18, 5);
        let labels = ["pullover0", "pullover4", "pullover8", "pullover9"];
        let of = |(i, label)| Bar { label, value: 0.2, marked: i == 0, chosen: i == 3 };
        let bars: Vec<_> = labels.into_iter().enumerate().map(of).collect();
        assert_eq!([room(10, 5), room(5, 5), room(10, 3), room(2, 5)], [4, 5, 3, 2]);
        let mut buf = Buffer::empty(area);
        draw(&bars, 6, &Theme::dark(Depth::Mono, Glyphs::Ascii), area, &mut buf);
        let lines = lines(&buf);
        assert_eq!(lines[4].trim(), "+6 more", "{lines:?}");
        assert!(
            lines[0].contains("pullover0*") && lines[3].contains(">pullover9") && lines[3].ends_with("20%")
        );
    }

    #[test]
    fn no_size_is_too_small() {
        for w in 0..40 {
            for h in 0..6 {
                drawn(w, h, Glyphs::Unicode);
            }
        }
    }
}
