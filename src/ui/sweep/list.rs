//! The table of all settings, sorted by any of its columns.

use super::{Board, Focus, letter};
use crate::ui::theme::Theme;
use crate::ui::widget::{scale, text};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use std::cmp::Ordering;

/// The column of the compared number; the columns of the fields come last.
pub(super) const MEASURE: usize = 1;
/// Columns before those of the fields: contender, median, least, greatest, seeds, lost, rank.
const OWN: usize = 7;

impl Board<'_> {
    /// The number of columns by which the table can be sorted.
    pub(super) fn columns(&self) -> usize {
        OWN + self.fields.len() - 1
    }

    pub(super) fn sort(&mut self) {
        let mut order: Vec<usize> = (0..self.plan.settings.len()).collect();
        let (column, reverse) = self.sort;
        let less = self.results.less_is_better();
        // A missing number comes last in both directions.
        let number = |v: Option<f32>, down: bool| {
            let v = v.map_or(f64::INFINITY, f64::from);
            if down && v.is_finite() { -v } else { v }
        };
        let key = |s: usize| -> f64 {
            let score = &self.scores[s];
            match column {
                0 => self.plan.settings[s].contender as f64,
                MEASURE => number(score.median, !less),
                2 => number(score.band.map(|b| b.min), !less),
                3 => number(score.band.map(|b| b.max), !less),
                4 => -(score.seeds as f64),
                5 => -(score.lost as f64),
                6 => self.ranks[s].map_or(f64::INFINITY, |rank| rank as f64),
                _ => self.fields[column - OWN + 1].of[s].map_or(f64::INFINITY, |at| at as f64),
            }
        };
        let keys: Vec<f64> = order.iter().map(|&s| key(s)).collect();
        order.sort_by(|&a, &b| {
            let plain = keys[a].total_cmp(&keys[b]);
            let known = keys[a].is_finite() && keys[b].is_finite();
            let sorted = if reverse && known { plain.reverse() } else { plain };
            if sorted == Ordering::Equal { a.cmp(&b) } else { sorted }
        });
        self.order = order;
    }

    pub(super) fn draw_table(&self, theme: &Theme, area: Rect, buf: &mut Buffer) {
        if area.height < 2 {
            return;
        }
        let names = self.column_names();
        let sorted = &names[self.sort.0];
        let way = if self.sort.1 { ", the other way round" } else { "" };
        let words = format!("settings by {sorted}{way}");
        self.heading(theme, area, buf, &words, Some(Focus::Table));
        let widths = self.widths(&names);
        let head = text::part(area, 2, 1, area.width.saturating_sub(2), 1);
        self.line(theme, head, buf, &widths, &|c| {
            (shown(&names[c], widths[c]), if c == self.sort.0 { theme.strong } else { theme.faint })
        });
        let lines = usize::from(area.height - 2);
        let at = self.order.iter().position(|&s| s == self.selected).unwrap_or(0);
        let first = at.saturating_sub(lines / 2).min(self.order.len().saturating_sub(lines));
        for (y, &s) in (2..).zip(self.order[first..].iter().take(lines)) {
            let row = text::part(area, 0, y, area.width, 1);
            let contender = self.plan.settings[s].contender;
            let colour = Style::new().fg(theme.lane(contender));
            text::put(buf, row, 0, 0, &letter(contender).to_string(), colour);
            let cells = text::part(row, 2, 0, row.width.saturating_sub(2), 1);
            self.line(theme, cells, buf, &widths, &|c| self.cell_text(theme, s, c, widths[c]));
            if s == self.selected {
                theme.select(row, buf);
            }
        }
    }

    fn column_names(&self) -> Vec<String> {
        let compared = self.results.compared();
        let own = ["contender", &compared, "least", "greatest", "seeds", "lost", "rank"];
        let fields = self.fields[1..].iter().map(|f| f.name.clone());
        own.iter().map(ToString::to_string).chain(fields).collect()
    }

    /// The order of the displayed columns: the contender, its settings, its numbers.
    fn standing(&self) -> impl Iterator<Item = usize> {
        std::iter::once(0).chain(OWN..self.columns()).chain(1..OWN)
    }

    fn widths(&self, names: &[String]) -> Vec<u16> {
        let width = |c: usize| match c {
            0 => self.plan.contenders.iter().map(|v| text::width(v)).max().unwrap_or(0).clamp(9, 20),
            1..=3 => text::width(&names[c]).clamp(8, 14),
            4..=6 => 5,
            _ => {
                let field = &self.fields[c - OWN + 1];
                let widest = field.values.iter().map(|v| text::width(v)).max().unwrap_or(0);
                widest.max(text::width(short(&names[c]))).clamp(4, 16)
            }
        };
        (0..names.len()).map(width).collect()
    }

    fn line(
        &self,
        theme: &Theme,
        area: Rect,
        buf: &mut Buffer,
        widths: &[u16],
        cell: &dyn Fn(usize) -> (String, Style),
    ) {
        let mut x = 0;
        for c in self.standing() {
            let place = text::part(area, x, 0, widths[c], 1);
            let (words, style) = cell(c);
            let words = text::shorten(&words, usize::from(widths[c]), theme.glyphs);
            if place.width == widths[c] {
                if (1..OWN).contains(&c) {
                    text::put_right(buf, place, 0, &words, style);
                } else {
                    text::put(buf, place, 0, 0, &words, style);
                }
            }
            x += widths[c] + 2;
        }
    }

    fn cell_text(&self, theme: &Theme, s: usize, column: usize, width: u16) -> (String, Style) {
        let score = &self.scores[s];
        let number = |v: Option<f32>| {
            v.map_or_else(|| "-".into(), |v| scale::fitted(f64::from(v), usize::from(width), theme.glyphs))
        };
        match column {
            0 => (self.plan.contenders[self.plan.settings[s].contender].clone(), theme.text),
            MEASURE if score.median.is_none() && score.seeds > 0 => ("lost".into(), theme.bad),
            MEASURE => (number(score.median), theme.strong),
            2 => (number(score.band.map(|b| b.min)), theme.text),
            3 => (number(score.band.map(|b| b.max)), theme.text),
            4 => (score.seeds.to_string(), theme.text),
            6 => (self.ranks[s].map_or_else(|| "-".into(), |rank| rank.to_string()), theme.text),
            5 => (score.lost.to_string(), if score.lost > 0 { theme.bad } else { theme.text }),
            _ => {
                let field = &self.fields[column - OWN + 1];
                (field.of[s].map_or_else(|| "-".into(), |at| field.values[at].clone()), theme.text)
            }
        }
    }
}

/// The last part of a field's name: `lr` of `optimizer.lr`.
pub(super) fn short(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

/// A heading cut to this many columns.
fn shown(name: &str, width: u16) -> String {
    if text::width(name) > width { short(name).into() } else { name.into() }
}
