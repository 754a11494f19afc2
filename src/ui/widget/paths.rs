//! Paths over the contours of a plane, with its axes. Knows numbers and colours, not what they mean.

use super::canvas::{Canvas, Pen, PenStyle};
use super::contour::Contour;
use super::scale::AxisScale;
use super::text;
use crate::ui::theme::{Glyphs, Theme};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};

/// Columns of the words about a path.
pub const ENTRY: u16 = 50;

/// A path on a plane.
#[derive(Clone, Debug)]
pub struct PlanePath {
    /// Its points from the start on.
    pub points: Vec<(f64, f64)>,
    /// Its colour.
    pub color: Color,
    /// The letter at its end.
    pub letter: char,
    /// Whether it is drawn over the others.
    pub front: bool,
}

/// A plane with heights, marked points and paths.
#[derive(Clone, Copy, Debug)]
pub struct PathsOverPlane<'a> {
    /// x and y of the left, right, bottom and top edge.
    pub extent: [f64; 4],
    /// Columns of a grid of heights, and the heights row by row from the top, if they are known.
    pub heights: Option<(usize, &'a [f32])>,
    /// Points with their characters.
    pub marks: &'a [((f64, f64), char)],
    /// The paths.
    pub paths: &'a [PlanePath],
}

/// The character of a start.
pub fn ring(theme: &Theme) -> char {
    if theme.glyphs == Glyphs::Unicode { '◎' } else { '@' }
}

/// The part of a line between two points of [0, 1] x [0, 1] that lies in that square (Liang and Barsky 1984).
fn clip(from: (f64, f64), to: (f64, f64)) -> Option<((f64, f64), (f64, f64))> {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let (mut enter, mut leave) = (0f64, 1f64);
    for (d, room) in [(-dx, from.0), (dx, 1.0 - from.0), (-dy, from.1), (dy, 1.0 - from.1)] {
        if d == 0.0 && room < 0.0 {
            return None;
        }
        let t = room / d;
        if d < 0.0 {
            enter = enter.max(t);
        } else if d > 0.0 {
            leave = leave.min(t);
        }
    }
    let at = |t: f64| (from.0 + t * dx, from.1 + t * dy);
    (enter <= leave).then(|| (at(enter), at(leave)))
}

/// The position of a point in a window: from the top left, inside for [0, 1].
fn place([left, right, bottom, top]: [f64; 4], (x, y): (f64, f64)) -> Option<(f64, f64)> {
    let at = ((x - left) / (right - left), (top - y) / (top - bottom));
    (at.0.is_finite() && at.1.is_finite()).then_some(at)
}

/// The cell of a point, if it is inside.
fn cell(extent: [f64; 4], area: Rect, point: (f64, f64)) -> Option<(u16, u16)> {
    let (x, y) = place(extent, point)?;
    let inside = (0.0..=1.0).contains(&x) && (0.0..=1.0).contains(&y) && !area.is_empty();
    let at = |t: f64, n: u16| ((t * f64::from(n)) as u16).min(n - 1);
    inside.then(|| (area.x + at(x, area.width), area.y + at(y, area.height)))
}

impl PathsOverPlane<'_> {
    /// Draws them into an area.
    pub fn draw(&self, theme: &Theme, area: Rect, buf: &mut Buffer) {
        let mut canvas = Canvas::new(area.width, area.height, theme.glyphs);
        let mut looks = vec![PenStyle { style: theme.border, ascii: '.' }];
        // More bands than this would be too narrow.
        let bands = (area.height / 3).clamp(6, 12) as u8;
        if let Some(contour) = self.heights.and_then(|(width, values)| Contour::new(width, values, bands)) {
            contour.shade(theme, area, buf);
            contour.lines(&mut canvas, Pen { look: 0, rank: 1 });
        }
        for path in self.paths {
            let weight = if path.front { Modifier::BOLD } else { Modifier::empty() };
            let style = Style::new().fg(path.color).add_modifier(weight);
            looks.push(PenStyle { style, ascii: path.letter.to_ascii_lowercase() });
            let pen = Pen { look: (looks.len() - 1) as u8, rank: if path.front { 3 } else { 2 } };
            self.line(&path.points, pen, theme, &mut canvas);
        }
        canvas.draw(area, buf, &looks);
        let mut mark = |point, symbol, style: Style| {
            if let Some((x, y)) = cell(self.extent, area, point) {
                text::cell(buf, x, y, symbol, style);
            }
        };
        let plain = theme.strong.fg(Color::Reset);
        self.marks.iter().for_each(|(point, symbol)| mark(*point, *symbol, plain));
        // The path in front is drawn last, so that its letter is on top.
        let mut paths: Vec<&PlanePath> = self.paths.iter().collect();
        paths.sort_by_key(|path| path.front);
        for path in paths {
            if let Some(point) = path.points.last() {
                let style = Style::new().fg(path.color).add_modifier(Modifier::BOLD);
                mark(*point, path.letter, style);
            }
        }
    }

    fn line(&self, points: &[(f64, f64)], pen: Pen, theme: &Theme, canvas: &mut Canvas) {
        let (w, h) = (canvas.width().saturating_sub(1) as f64, canvas.height().saturating_sub(1) as f64);
        let dot = |p: (f64, f64)| ((p.0 * w).round() as usize, (p.1 * h).round() as usize);
        let mut before = None;
        for &point in points {
            let here = place(self.extent, point);
            if let (Some(a), Some(b)) = (before, here)
                && let Some((from, to)) = clip(a, b)
            {
                let (from, to) = (dot(from), dot(to));
                canvas.line(from, to, 0, pen);
                if theme.glyphs == Glyphs::Unicode {
                    // Two dots wide, so that it stands out from the contours.
                    canvas.line((from.0 + 1, from.1), (to.0 + 1, to.1), 0, pen);
                }
            }
            before = here;
        }
    }
}

/// The parts of a pane with a plane: the plane itself, its axes, and words about its paths below.
#[derive(Clone, Copy, Debug)]
pub struct PlaneAreas {
    /// The plane.
    pub plane: Rect,
    /// The words.
    pub words: Rect,
    gutter: u16,
}

impl PlaneAreas {
    /// Divides an area for this many paths.
    pub fn of(area: Rect, paths: usize) -> Self {
        let across = (area.width / ENTRY).max(1) as usize;
        let rows = paths.div_ceil(across) as u16;
        let words = if area.height >= rows + 10 { rows } else { u16::from(area.height >= 6) };
        let axis = u16::from(area.height >= 6);
        let gutter = if area.width >= 30 && axis == 1 { 6 } else { 0 };
        let height = area.height - words - axis;
        Self {
            plane: text::part(area, gutter, 0, area.width - gutter, height),
            words: text::part(area, 0, height + axis, area.width, words),
            gutter,
        }
    }

    /// The dots of the plane in both directions.
    pub fn dots(&self, glyphs: Glyphs) -> (usize, usize) {
        let dots = |n: u16, each| usize::from(n.max(1)) * each;
        match glyphs {
            Glyphs::Unicode => (dots(self.plane.width, 2), dots(self.plane.height, 4)),
            Glyphs::Ascii => (dots(self.plane.width, 1), dots(self.plane.height, 1)),
        }
    }

    /// Draws the labels of the axes; `corner` is written where they meet.
    pub fn draw_axes(
        &self,
        theme: &Theme,
        [left, right, bottom, top]: [f64; 4],
        corner: &str,
        area: Rect,
        buf: &mut Buffer,
    ) {
        let plane = self.plane;
        if self.gutter == 0 || plane.is_empty() {
            return;
        }
        let labels = text::part(area, 0, 0, self.gutter - 1, plane.height);
        let y = AxisScale::between(bottom, top);
        let mut free = u16::MAX;
        for (v, label) in y.ticks(usize::from(plane.height / 4).max(2)) {
            let Some(t) = y.at(v) else { continue };
            let row = ((1.0 - t) * f64::from(plane.height - 1)).round() as u16;
            if row < free {
                text::put_right(buf, labels, row, &label, theme.faint);
                free = row;
            }
        }
        text::put(buf, area, 0, plane.height, corner, theme.faint);
        let x = AxisScale::between(left, right);
        let mut end = 0;
        for (v, label) in x.ticks(usize::from(plane.width / 8).max(2)) {
            let Some(t) = x.at(v) else { continue };
            let width = text::width(&label);
            let column = (t * f64::from(plane.width - 1)).round() as u16;
            let from = column.saturating_sub(width / 2).min(plane.width.saturating_sub(width));
            if from >= end {
                text::put(buf, area, self.gutter + from, plane.height, &label, theme.faint);
                end = from + width + 2;
            }
        }
    }

    /// Draws the words about every path: one below the other, or all in one line if there is room for only one.
    pub fn draw_words(
        &self,
        buf: &mut Buffer,
        paths: usize,
        words: impl Fn(usize, bool) -> Vec<(String, Style)>,
    ) {
        let across = (self.words.width / ENTRY).max(1);
        let one = self.words.height == 1 && paths > usize::from(across);
        let mut x = 0;
        for i in 0..paths {
            let words = words(i, one);
            if one {
                let room = text::part(self.words, x, 0, self.words.width, 1);
                x += text::put_pieces(buf, room, 0, &words);
            } else {
                let (width, i) = (self.words.width / across, i as u16);
                let place = text::part(self.words, i % across * width, i / across, width, 1);
                text::put_pieces(buf, place, 0, &words);
            }
        }
    }
}
