//! The letters of lines: at their ends, in the order of the lines, and along the lines if there is no colour to
//! identify them.

use super::{AxisScale, Curve, Plot, at, text};
use crate::ui::theme::{Glyphs, Theme};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};

impl Plot<'_> {
    /// Writes a letter beside the end of every line; an end is a cell, a value and a line. Letters of lines that end in
    /// the same row stand beside each other, up to `abreast`, in the order of their lines.
    pub(super) fn put_letters(
        theme: &Theme,
        area: Rect,
        inside: Rect,
        abreast: u16,
        mut ends: Vec<((u16, u16), f64, &Curve<'_>)>,
        buf: &mut Buffer,
    ) {
        let last = area.right() - inside.x - 1;
        let beside = |column: u16| (column + 1).min(last);
        for ((column, row), _, _) in ends.iter().filter(|(_, _, c)| c.broken && !c.dashed) {
            let cross = if theme.glyphs == Glyphs::Unicode { '×' } else { '!' };
            text::cell(buf, inside.x + column, inside.y + row, cross, theme.bad);
        }
        // By value, not by row: lines may differ by less than a dot.
        let place = |e: &((u16, u16), f64, &Curve<'_>)| (e.2.dashed, beside(e.0.0));
        ends.sort_by(|a, b| place(a).cmp(&place(b)).then(b.1.total_cmp(&a.1)));
        let bold = |c: Color| Style::new().fg(c).add_modifier(Modifier::BOLD);
        let mut taken: Vec<(u16, u16)> = Vec::new();
        let lines = ends.partition_point(|(_, _, curve)| !curve.dashed);
        for group in ends[..lines].chunk_by(|a, b| beside(a.0.0) == beside(b.0.0)) {
            let wanted: Vec<u16> = group.iter().map(|((_, row), _, _)| *row).collect();
            for ((row, nth), ((column, _), _, curve)) in
                slots(&wanted, inside.height, abreast).into_iter().zip(group)
            {
                let mut x = (beside(*column) + nth).min(last);
                if taken.contains(&(x, row)) {
                    // Lines that ended earlier may have letters here.
                    x = x.saturating_sub(1);
                }
                taken.push((x, row));
                text::cell(buf, inside.x + x, inside.y + row, curve.letter, bold(curve.color));
            }
        }
        // The letter of a dashed line is placed where there is room for it, or not at all.
        for ((column, row), _, curve) in &ends[lines..] {
            let place = (beside(*column), *row);
            if !taken.contains(&place) {
                taken.push(place);
                let letter = curve.letter.to_ascii_lowercase();
                text::cell(buf, inside.x + place.0, inside.y + place.1, letter, bold(curve.color));
            }
        }
    }

    /// Writes the letter of every line once along the line, to identify it without colours.
    pub(super) fn letter_the_lines(&self, inside: Rect, y: AxisScale, buf: &mut Buffer) {
        for (i, curve) in self.curves.iter().enumerate() {
            let (Some(first), Some(last)) = (curve.points.first(), curve.points.last()) else { continue };
            let share = (i as f64 + 0.5) / self.curves.len() as f64;
            let (from, to) = (self.axis.of(first.at).max(self.x.value(0.0)), self.axis.of(last.at));
            let Some(b) = at(&curve.points, self.axis, from + (to - from) * share) else { continue };
            let place = self.x.place(self.x.inner(self.axis.of(b.at)));
            let row = y.at(f64::from(b.last)).and_then(|p| row_of(p, inside.height));
            if let (true, Some(row)) = ((0.0..=1.0).contains(&place), row) {
                let column = (place * f64::from(inside.width - 1)).round() as u16;
                let letter = if curve.dashed { curve.letter.to_ascii_lowercase() } else { curve.letter };
                let weight = if curve.front { Modifier::BOLD } else { Modifier::empty() };
                text::cell(buf, inside.x + column, inside.y + row, letter, Style::new().add_modifier(weight));
            }
        }
    }
}

/// Rows and columns for letters that want these rows, in their order from the top down: up to `abreast` letters share a
/// row, so that none is far from the end of its line. More are abreast only if the rows do not suffice.
pub(super) fn slots(wanted: &[u16], rows: u16, abreast: u16) -> Vec<(u16, u16)> {
    let abreast = abreast.max((wanted.len() as u16).div_ceil(rows.max(1)));
    let mut places: Vec<u16> = Vec::with_capacity(wanted.len());
    for &row in wanted {
        let full = |row: u16| places.iter().filter(|p| **p == row).count() == usize::from(abreast);
        let row = row.max(places.last().copied().unwrap_or(0));
        places.push(if full(row) { row + 1 } else { row });
    }
    // Those below the last row push the ones above them up.
    let (mut free, mut there) = (rows.saturating_sub(1), 0);
    for place in places.iter_mut().rev() {
        if there == abreast {
            (free, there) = (free.saturating_sub(1), 0);
        }
        if *place < free {
            (free, there) = (*place, 0);
        }
        *place = free;
        there += 1;
    }
    let column = |i: usize| places[..i].iter().rev().take_while(|p| **p == places[i]).count() as u16;
    (0..places.len()).map(|i| (places[i], column(i))).collect()
}

/// The row of a position on the y axis, from the top; `None` outside.
pub(super) fn row_of(place: f64, rows: u16) -> Option<u16> {
    let inside = (-0.001..=1.001).contains(&place) && rows > 0;
    inside.then(|| ((1.0 - place.clamp(0.0, 1.0)) * f64::from(rows - 1)).round() as u16)
}
