//! The two axes of a plot with their numbers. Knows no curve.

use super::letters::row_of;
use super::{Plot, XAxis};
use crate::ui::theme::{Glyphs, Theme};
use crate::ui::widget::scale::{self, AxisScale};
use crate::ui::widget::text;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

impl Plot<'_> {
    /// Draws the y axis at the left of the inside, with as many numbers as there are rows for.
    pub(super) fn draw_y_axis(
        theme: &Theme,
        area: Rect,
        inside: Rect,
        y: AxisScale,
        ticks: &[(f64, String)],
        buf: &mut Buffer,
    ) {
        let gutter = inside.x - area.x;
        if gutter == 0 {
            return;
        }
        let (line, tick) = if theme.glyphs == Glyphs::Unicode { ('│', '┤') } else { ('|', '+') };
        for row in 0..inside.height {
            text::cell(buf, inside.x - 1, inside.y + row, line, theme.border);
        }
        let labels = Rect { width: gutter - 1, ..area };
        let mut free = u16::MAX;
        for (v, label) in ticks {
            let Some(row) = y.at(*v).and_then(|p| row_of(p, inside.height)) else { continue };
            // From the bottom up: row numbers decrease, and two labels never share a row.
            if row < free {
                text::put_right(buf, labels, row, label, theme.faint);
                text::cell(buf, inside.x - 1, inside.y + row, tick, theme.border);
                free = row;
            }
        }
    }

    /// Draws the x axis in the `foot` rows below the inside, with its name.
    pub(super) fn draw_x_axis(&self, theme: &Theme, area: Rect, inside: Rect, foot: u16, buf: &mut Buffer) {
        if foot == 0 || inside.width < 2 {
            return;
        }
        let unicode = theme.glyphs == Glyphs::Unicode;
        if foot == 2 {
            let (corner, line) = if unicode { ('└', '─') } else { ('+', '-') };
            for x in 0..inside.width {
                text::cell(buf, inside.x + x, inside.bottom(), line, theme.border);
            }
            if inside.x > area.x {
                text::cell(buf, inside.x - 1, inside.bottom(), corner, theme.border);
            }
        }
        let row = area.height - 1;
        let left = inside.x - area.x;
        // The name follows the first number, if there is room before the second.
        let mut name = None;
        let mut free = 0;
        let counted = matches!(self.axis, XAxis::Steps | XAxis::Time | XAxis::Evaluations);
        for (v, words) in self.x.ticks(usize::from(inside.width / 9).max(2)) {
            if counted && v.fract() != 0.0 {
                continue;
            }
            let Some(place) = self.x.at(v) else { continue };
            let column = left + (place * f64::from(inside.width - 1)).round() as u16;
            let label = if self.x.is_log() { words } else { scale::count(v) };
            let wide = text::width(&label);
            let start = column.saturating_sub(wide / 2).max(left).min(area.width.saturating_sub(wide));
            if start < free {
                continue;
            }
            text::put(buf, area, start, row, &label, theme.faint);
            if foot == 2 && column > left {
                text::cell(
                    buf,
                    area.x + column,
                    inside.bottom(),
                    if unicode { '┬' } else { '+' },
                    theme.border,
                );
            }
            name = match name {
                None => Some((start + wide + 1, area.width)),
                Some((from, end)) => Some((from, end.min(start))),
            };
            free = start + wide + 2;
        }
        if let Some((from, end)) = name {
            let words = self.axis.label();
            if from + text::width(words) < end {
                text::put(buf, area, from, row, words, theme.faint);
            }
        }
    }
}
