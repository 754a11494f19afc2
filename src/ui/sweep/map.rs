//! The heat map: one cell for each setting; better settings are brighter.

use super::{Board, Focus};
use crate::ui::theme::Theme;
use crate::ui::widget::colour::Map;
use crate::ui::widget::heat::{self, Pixel};
use crate::ui::widget::{scale, text};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// The mapping of values to a row of cells: several cells per value, or several values per cell.
#[derive(Clone, Copy)]
struct Stretch {
    values: usize,
    cells: usize,
}

impl Stretch {
    fn new(values: usize, room: u16, most: usize) -> Self {
        let room = usize::from(room);
        let cells = if values <= room { values * (room / values.max(1)).min(most) } else { room };
        Self { values, cells }
    }

    /// The values of a cell.
    fn of(self, cell: usize) -> std::ops::Range<usize> {
        let (values, cells) = (self.values, self.cells.max(1));
        let first = cell * values / cells;
        first..((cell + 1) * values).div_ceil(cells).clamp(first + 1, values.max(first + 1))
    }

    /// The cells of a value.
    fn cells(self, value: usize) -> std::ops::Range<usize> {
        let (values, cells) = (self.values.max(1), self.cells);
        let first = value * cells / values;
        first..((value + 1) * cells / values).max(first + 1)
    }
}

impl Board<'_> {
    pub(super) fn draw_map(&self, theme: &Theme, area: Rect, buf: &mut Buffer) {
        let (x, y) = self.axes;
        let (along, down) = (&self.fields[x], &self.fields[y]);
        let mut words = format!("{} by {}", along.name, down.name);
        for (f, field) in self.fields.iter().enumerate().filter(|(f, _)| *f != x && *f != y) {
            if field.values.len() > 1 {
                words.extend([", ", &field.name, " ", &field.values[self.fixed[f]]]);
            }
        }
        self.heading(theme, area, buf, &words, Some(Focus::Map));
        if area.height < 4 || area.width < 12 {
            return;
        }
        let widest = down.values.iter().map(|v| text::width(v)).max().unwrap_or(0).clamp(1, area.width / 3);
        let ground = text::part(area, widest + 1, 1, area.width - widest - 1, area.height - 3);
        // Cells about twice as wide as they are high look square.
        let columns = Stretch::new(along.values.len(), ground.width, 12);
        let rows = Stretch::new(down.values.len(), ground.height, 4);
        for row in 0..rows.cells {
            for column in 0..columns.cells {
                self.draw_cell(theme, ground, buf, (column, columns), (row, rows));
            }
        }
        let at = |f: usize| self.fields[f].of[self.selected];
        if let (Some(column), Some(row)) = (at(x), at(y)) {
            let (across, over) = (columns.cells(column), rows.cells(row));
            let (w, h) = (across.len() as u16, over.len() as u16);
            theme.select(text::part(ground, across.start as u16, over.start as u16, w, h), buf);
        }
        self.labels(theme, area, buf, widest, columns, rows);
        if let Some((best, poor)) = self.ends {
            let foot = text::part(area, 1, area.height - 1, area.width - 1, 1);
            let name = self.results.compared();
            let end = text::put(buf, foot, 0, 0, &name, theme.faint);
            let bar = text::part(foot, end + 1, 0, foot.width.saturating_sub(end + 1).min(30), 1);
            heat::legend(buf, bar, theme, Map::Sequential, &scale::number(poor), &scale::number(best));
        }
    }

    /// A character of the map: the best setting in its cell.
    fn draw_cell(
        &self,
        theme: &Theme,
        ground: Rect,
        buf: &mut Buffer,
        (column, columns): (usize, Stretch),
        (row, rows): (usize, Stretch),
    ) {
        let mut found: Option<usize> = None;
        for y in rows.of(row) {
            for x in columns.of(column) {
                let Some(s) = self.grid.get(y * columns.values + x).copied().flatten() else { continue };
                let seen = self.scores[s].seeds > 0;
                let better = |old: usize| seen && (self.scores[old].seeds == 0 || self.better(s, old));
                if found.is_none_or(better) {
                    found = Some(s);
                }
            }
        }
        let Some(s) = found else { return };
        let place = text::part(ground, column as u16, row as u16, 1, 1);
        if place.is_empty() {
            return;
        }
        let score = &self.scores[s];
        match score.median {
            _ if score.seeds == 0 => {
                text::put(buf, place, 0, 0, text::pick(theme.glyphs, "·", "."), theme.faint);
            }
            None => {
                text::put(buf, place, 0, 0, text::pick(theme.glyphs, "×", "x"), theme.bad);
            }
            Some(median) => {
                let t = self.goodness(f64::from(median));
                heat::raster(buf, place, theme, 1, |_, _| Some(Pixel::of(t, Map::Sequential, theme)));
            }
        }
    }

    /// The values beside and below the map.
    fn labels(
        &self,
        theme: &Theme,
        area: Rect,
        buf: &mut Buffer,
        widest: u16,
        columns: Stretch,
        rows: Stretch,
    ) {
        let (along, down) = (&self.fields[self.axes.0], &self.fields[self.axes.1]);
        let chosen = |f: usize, value: usize| self.fields[f].of[self.selected] == Some(value);
        let mut last = None;
        for value in 0..down.values.len() {
            let line = rows.cells(value).start;
            // The selected value is labelled before its neighbours.
            if last == Some(line) && !chosen(self.axes.1, value) {
                continue;
            }
            last = Some(line);
            let style = if chosen(self.axes.1, value) { theme.strong } else { theme.faint };
            let place = text::part(area, 0, 1 + line as u16, widest, 1);
            buf.set_style(place, theme.text);
            let words = text::shorten(&down.values[value], usize::from(widest), theme.glyphs);
            text::put(buf, place, 0, 0, &format!("{words:<w$}", w = usize::from(widest)), style);
        }
        // Directly below the map, however much room is left.
        let below = 1 + rows.cells as u16;
        let line = text::part(area, widest + 1, below, area.width - widest - 1, 1);
        let (first, end) = (0, along.values.len().saturating_sub(1));
        let selected = self.fields[self.axes.0].of[self.selected].unwrap_or(0);
        let mut taken: Vec<(u16, u16)> = Vec::new();
        for value in [selected, first, end] {
            let words = &along.values[value];
            let wide = text::width(words).min(line.width);
            let at = (columns.cells(value).start as u16).min(line.width - wide);
            if taken.iter().any(|(from, to)| at <= *to && at + wide >= *from) {
                continue;
            }
            taken.push((at, at + wide));
            let style = if value == selected { theme.strong } else { theme.faint };
            text::put(buf, line, at, 0, words, style);
        }
    }
}
