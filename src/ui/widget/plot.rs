//! Curves over time: a strong smoothed line over the faint range of the measurements, any number of lanes in one
//! picture. Knows buckets and axes; nothing of metrics, training or keys.

use super::canvas::{Canvas, Pen, PenStyle};
use super::colour;
use super::scale::{self, AxisScale};
use super::text;
use crate::ui::theme::{Depth, Glyphs, Theme};
use crate::view::history::{AxisPosition, Bucket};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use std::borrow::Cow;

mod axes;
mod letters;

/// The quantity on the x axis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum XAxis {
    /// Updates.
    #[default]
    Steps,
    /// Passes over the training samples.
    Epochs,
    /// Seconds of training.
    Seconds,
    /// Gradient evaluations: fair to optimizers that need several per step.
    Evaluations,
    /// Time steps of a sequence.
    Time,
    /// Sizes of an attack, in units of the inputs.
    Sizes,
    /// Learning rates.
    Rates,
}

impl XAxis {
    /// The next one.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::Steps => Self::Epochs,
            Self::Epochs => Self::Seconds,
            Self::Seconds => Self::Evaluations,
            Self::Evaluations | Self::Sizes => Self::Steps,
            Self::Time | Self::Rates => self,
        }
    }

    /// The label beside the axis.
    pub fn label(self) -> &'static str {
        match self {
            Self::Steps => "steps",
            Self::Epochs => "epochs",
            Self::Seconds => "seconds",
            Self::Evaluations => "evaluations",
            Self::Time => "time steps",
            Self::Sizes => "eps",
            Self::Rates => "rate",
        }
    }

    /// The coordinate of a measurement on it.
    pub fn of(self, at: AxisPosition) -> f64 {
        match self {
            Self::Steps | Self::Time | Self::Sizes | Self::Rates => at.step,
            Self::Epochs => at.epoch,
            Self::Seconds => at.seconds,
            Self::Evaluations => at.evaluations,
        }
    }
}

/// One line of the plot.
#[derive(Clone, Debug)]
pub struct Curve<'a> {
    /// The points, oldest first.
    pub points: Cow<'a, [Bucket]>,
    /// The letter at its end.
    pub letter: char,
    /// Its colour.
    pub color: Color,
    /// Whether it is drawn above the others, and heavier.
    pub front: bool,
    /// Whether it is drawn dashed and without its range: it accompanies another line.
    pub dashed: bool,
    /// Whether the lane diverged or failed; the end is then marked.
    pub broken: bool,
    /// The positions on the x axis at which its settings were changed, in order: the line starts anew there, with a
    /// tick.
    pub breaks: Vec<f64>,
}

/// Several lines over one pair of axes.
#[derive(Clone, Debug)]
pub struct Plot<'a> {
    /// The lines.
    pub curves: Vec<Curve<'a>>,
    /// The quantity along x.
    pub axis: XAxis,
    /// The visible part of the x axis.
    pub x: AxisScale,
    /// Whether the y axis is logarithmic.
    pub log: bool,
    /// The y axis, if it does not follow the visible values.
    pub y: Option<AxisScale>,
    /// Length of the smoothing of the strong line, as a share of the x axis; 0 draws the measurements.
    pub smoothing: f64,
    /// The position of the cursor on the x axis.
    pub cursor: Option<f64>,
}

/// The measurement at a position of the x axis: the first one at or after it, or the last one if the position is
/// shortly before the end.
pub fn at(points: &[Bucket], axis: XAxis, x: f64) -> Option<&Bucket> {
    points.get(points.partition_point(|b| axis.of(b.at) < x))
}

const NONE: Option<(usize, usize)> = None;

impl Plot<'_> {
    /// The y axis for the visible values, and the greatest value if it lies beyond the end of the axis.
    fn y_scale(&self) -> (AxisScale, Option<f64>) {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        let mut highs = Vec::with_capacity(1024);
        for curve in &self.curves {
            let every = (curve.points.len() / 128).max(1);
            for (i, b) in curve.points.iter().enumerate() {
                if !self.shows(b) || b.min > b.max {
                    continue;
                }
                let (min, max) = (f64::from(b.min), f64::from(b.max));
                let bottom = if !self.log || min > 0.0 { min } else { max };
                if self.log && bottom <= 0.0 {
                    continue;
                }
                low = low.min(bottom);
                high = high.max(max);
                if i % every == 0 {
                    highs.push(max);
                }
            }
        }
        // A diverging lane must not flatten the others, so the axis ends above most of the values.
        let at = highs.len() * 9 / 10;
        if highs.len() >= 20 {
            let (_, &mut most, _) = highs.select_nth_unstable_by(at, f64::total_cmp);
            let inner = |v: f64| if self.log { libm::log10(v) } else { v };
            let usual = inner(most) - inner(low);
            let factor = if self.log { 3.0 } else { 8.0 };
            if usual > 0.0 && inner(high) - inner(low) > factor * usual {
                let end = inner(low) + 1.5 * usual;
                let end = if self.log { libm::pow(10.0, end) } else { end };
                return (AxisScale::fit(low, end, self.log), Some(high));
            }
        }
        (AxisScale::fit(low, high, self.log), None)
    }

    fn shows(&self, b: &Bucket) -> bool {
        let place = self.x.place(self.x.inner(self.axis.of(b.at)));
        (0.0..=1.0).contains(&place)
    }

    /// Draws it, for any size.
    pub fn draw(&self, theme: &Theme, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        if area.width < 2 || area.height == 0 {
            return;
        }
        let (y, beyond) = self.y.map_or_else(|| self.y_scale(), |y| (y, None));
        let foot = u16::from(area.height >= 4) + u16::from(area.height >= 9);
        let rows = area.height - foot;
        let ticks = y.ticks(usize::from(if rows > 8 { rows / 3 } else { rows.div_ceil(2) }).max(1));
        let widest = ticks.iter().map(|t| text::width(&t.1)).max().unwrap_or(0);
        let gutter = if area.width >= widest + 12 && rows >= 2 { widest + 1 } else { 0 };
        // A column between the lines and their letters, and room for half of the letters in one row.
        let lines = self.curves.iter().filter(|c| !c.dashed).count() as u16;
        let abreast = if area.width >= gutter + 24 { lines.div_ceil(2).max(1) } else { 1 };
        let tail = if area.width >= gutter + 8 { 1 + abreast } else { 1 };
        let inside = text::part(area, gutter, 0, area.width - gutter - tail, rows);

        Self::draw_y_axis(theme, area, inside, y, &ticks, buf);
        self.draw_x_axis(theme, area, inside, foot, buf);
        if let Some(place) = self.cursor.and_then(|c| self.x.at(c)).filter(|p| (0.0..=1.0).contains(p)) {
            let column = (place * f64::from(inside.width.saturating_sub(1))).round() as u16;
            let mark = if theme.glyphs == Glyphs::Unicode { '┊' } else { ':' };
            for row in 0..inside.height {
                text::cell(buf, inside.x + column, inside.y + row, mark, theme.strong);
            }
        }
        self.draw_breaks(theme, inside, buf);
        self.draw_curves(theme, area, inside, (y, abreast), buf);
        if let Some(high) = beyond {
            let words =
                format!("{}{}", text::pick(theme.glyphs, "↑ up to ", "^ up to "), scale::number(high));
            text::put_right(buf, inside, 0, &words, theme.faint);
        }
    }

    /// Draws ticks where settings were changed: over the whole height for the curve in front, at both ends for the
    /// others.
    fn draw_breaks(&self, theme: &Theme, inside: Rect, buf: &mut Buffer) {
        let mark = if theme.glyphs == Glyphs::Unicode { '╎' } else { '|' };
        let mut curves: Vec<&Curve<'_>> = self.curves.iter().filter(|c| !c.dashed).collect();
        curves.sort_by_key(|c| c.front);
        for curve in curves {
            let places =
                curve.breaks.iter().filter_map(|x| self.x.at(*x)).filter(|p| (0.0..=1.0).contains(p));
            for place in places {
                let x = inside.x + (place * f64::from(inside.width.saturating_sub(1))).round() as u16;
                let ends = [0, inside.height.saturating_sub(1)];
                for row in (0..inside.height).filter(|row| curve.front || ends.contains(row)) {
                    text::cell(buf, x, inside.y + row, mark, Style::new().fg(curve.color));
                }
            }
        }
    }

    fn draw_curves(
        &self,
        theme: &Theme,
        area: Rect,
        inside: Rect,
        (y, abreast): (AxisScale, u16),
        buf: &mut Buffer,
    ) {
        if inside.is_empty() {
            return;
        }
        let mut canvas = Canvas::new(inside.width, inside.height, theme.glyphs);
        let mut looks = Vec::with_capacity(2 * self.curves.len());
        let mut ends = Vec::with_capacity(self.curves.len());
        let mut order: Vec<&Curve<'_>> = self.curves.iter().collect();
        order.sort_by_key(|c| (c.front, !c.dashed));
        for curve in order {
            let look = looks.len() as u8;
            let mut style = Style::new().fg(curve.color);
            if curve.front {
                style = style.add_modifier(Modifier::BOLD);
            }
            looks.push(PenStyle { style: colour::faint(curve.color, theme), ascii: '.' });
            let ascii = if curve.dashed { curve.letter.to_ascii_lowercase() } else { curve.letter };
            looks.push(PenStyle { style, ascii });
            let rank = match (curve.dashed, curve.front) {
                (true, false) => 2,
                (true, true) => 4,
                (false, false) => 3,
                (false, true) => 5,
            };
            let band = Pen { look, rank: u8::from(!curve.dashed) };
            let end = self.draw_curve(curve, y, &mut canvas, Pen { look: look + 1, rank }, band);
            if let Some(((x, y), value)) = end {
                ends.push((canvas.cell(x, y), value, curve));
            }
        }
        canvas.draw(inside, buf, &looks);
        if theme.depth == Depth::Mono && theme.glyphs == Glyphs::Unicode {
            // Without colours only its letter identifies a line, so the letter is repeated along the line. (In ASCII
            // the line consists of letters.)
            self.letter_the_lines(inside, y, buf);
        }
        Self::put_letters(theme, area, inside, abreast, ends, buf);
    }

    /// Draws one line and returns its end: the dot, and the value on the axis.
    fn draw_curve(
        &self,
        curve: &Curve<'_>,
        y: AxisScale,
        canvas: &mut Canvas,
        pen: Pen,
        band: Pen,
    ) -> Option<((usize, usize), f64)> {
        let (width, height) = (canvas.width(), canvas.height());
        let y_of =
            |inner: f64| ((1.0 - y.place(inner).clamp(0.0, 1.0)) * (height - 1) as f64).round() as usize;
        let floor = y.inner(y.value(0.0));
        let points = &curve.points;
        let begin = points.partition_point(|b| self.x.place(self.x.inner(self.axis.of(b.at))) < 0.0);
        let shown = &points[begin..];
        let weight = self.weight(shown);
        let dash = if curve.dashed {
            if width > canvas.cell(width - 1, 0).0 as usize + 1 { 3 } else { 1 }
        } else {
            0
        };

        let (mut sum, mut mass) = (0.0, 0.0);
        let mut column: Option<DotColumn> = None;
        let (mut line, mut raw) = (NONE, NONE);
        let mut end = None;
        // Column, top and bottom of the last range: a band is drawn between two of them.
        let mut ranged: Option<(usize, usize, usize)> = None;
        let mut flush = |column: Option<DotColumn>, joined: bool, canvas: &mut Canvas| {
            let Some(c) = column else { return (NONE, NONE, 0.0) };
            let mean = c.sum / f64::from(c.count);
            let (strong, last) = (y_of(mean), y_of(c.raw));
            if c.min <= c.max {
                let inner = |v: f32| y.inner(f64::from(v)).max(floor);
                let (top, bottom) = (y_of(inner(c.max)), y_of(inner(c.min)));
                if let Some((from, above, below)) = ranged.filter(|_| joined) {
                    for x in from + 1..c.x {
                        let share = (x - from) as f64 / (c.x - from) as f64;
                        let mix =
                            |a: usize, b: usize| (a as f64 + share * (b as f64 - a as f64)).round() as usize;
                        canvas.vertical(x, mix(above, top), mix(below, bottom), band);
                    }
                }
                canvas.vertical(c.x, top, bottom, band);
                ranged = Some((c.x, top, bottom));
            }
            (Some((c.x, strong)), Some((c.x, last)), if curve.broken { c.raw } else { mean })
        };
        let thick = curve.front && !curve.dashed && height >= 24;
        let mut join = |c: Option<DotColumn>,
                        line: &mut Option<(usize, usize)>,
                        raw: &mut Option<(usize, usize)>,
                        canvas: &mut Canvas| {
            let (to, to_raw, value) = flush(c, raw.is_some(), canvas);
            if let Some(to) = to {
                let from = line.unwrap_or(to);
                canvas.line(from, to, dash, pen);
                if thick {
                    canvas.line((from.0, from.1 + 1), (to.0, to.1 + 1), dash, pen);
                }
                end = if curve.broken { to_raw } else { Some(to) }.map(|dot| (dot, value));
            }
            if let (Some(from), Some(to)) = (*raw, to_raw) {
                canvas.line(from, to, 0, band);
            }
            (*line, *raw) = (to.or(*line), to_raw.or(*raw));
        };
        let mut breaks = curve.breaks.iter().copied().peekable();
        for b in shown {
            let place = self.x.place(self.x.inner(self.axis.of(b.at)));
            if place > 1.0 {
                break;
            }
            let mut anew = false;
            while breaks.next_if(|x| *x < self.axis.of(b.at)).is_some() {
                anew = true;
            }
            if anew {
                // Neither the line nor the mean connects one setting with the other.
                join(column.take(), &mut line, &mut raw, canvas);
                (line, raw) = (NONE, NONE);
                (sum, mass) = (0.0, 0.0);
            }
            let x = (place * (width - 1) as f64).round() as usize;
            if !b.last.is_finite() {
                join(column.take(), &mut line, &mut raw, canvas);
                (line, raw) = (NONE, NONE);
                continue;
            }
            let v = if self.log && b.last > 0.0 {
                f64::from(libm::log10f(b.last))
            } else {
                y.inner(f64::from(b.last))
            };
            let v = v.max(floor);
            sum = sum * (1.0 - weight) + v * weight;
            mass = mass * (1.0 - weight) + weight;
            match &mut column {
                Some(c) if c.x == x => c.add(sum / mass, v, b),
                _ => {
                    join(column.take(), &mut line, &mut raw, canvas);
                    let mut c = DotColumn {
                        x,
                        sum: 0.0,
                        count: 0,
                        raw: v,
                        min: f32::INFINITY,
                        max: f32::NEG_INFINITY,
                    };
                    c.add(sum / mass, v, b);
                    column = Some(c);
                }
            }
        }
        join(column, &mut line, &mut raw, canvas);
        end
    }

    /// The weight of one measurement in the exponential mean.
    fn weight(&self, shown: &[Bucket]) -> f64 {
        let (Some(first), Some(last)) = (shown.first(), shown.last()) else { return 1.0 };
        let span = self.x.value(1.0) - self.x.value(0.0);
        let apart = (self.axis.of(last.at) - self.axis.of(first.at)) / (shown.len() - 1).max(1) as f64;
        let back = self.smoothing * span;
        if back > 0.0 && apart > 0.0 { 1.0 - libm::exp(-apart / back) } else { 1.0 }
    }
}

/// All measurements in one column of dots.
struct DotColumn {
    x: usize,
    sum: f64,
    count: u32,
    raw: f64,
    min: f32,
    max: f32,
}

impl DotColumn {
    fn add(&mut self, smooth: f64, raw: f64, b: &Bucket) {
        self.sum += smooth;
        self.count += 1;
        self.raw = raw;
        self.min = self.min.min(b.min);
        self.max = self.max.max(b.max);
    }
}

#[cfg(test)]
mod tests;
