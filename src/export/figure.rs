//! Figures of a run: white background, at most one point per pixel. They become SVG or PNG.

use super::RunContent;
use super::drawing::{Anchor, Colour, Drawing, DrawingPart, DrawingText, LineGroup, Rect};
use crate::number::{LayerNumber, Number, NumberAxis};
use crate::text::excerpt;
use std::collections::BTreeMap;

/// Colours of lanes, each with a contrast of at least 4.5 on white; dashes distinguish further lanes.
const COLOURS: [Colour; 6] = [
    [0x0b, 0x62, 0xa8],
    [0xb0, 0x3a, 0x00],
    [0x00, 0x71, 0x5a],
    [0x8a, 0x3a, 0x8f],
    [0x6b, 0x5b, 0x00],
    [0x44, 0x44, 0x44],
];
const DASHES: [Option<(f64, f64)>; 3] = [None, Some((7.0, 3.0)), Some((2.0, 3.0))];

/// Colours of axes and their texts, of lines behind the curves, of titles, and of what is not finite.
const INK: Colour = [0x33; 3];
const GRID: Colour = [0xd5; 3];
const TITLE: Colour = [0x11; 3];
const LOST: Colour = [0xcc, 0, 0];

/// Width and height, and the room left, right, above and below the axes, in pixels.
const SIZE: (f64, f64) = (720.0, 420.0);
const EDGE: (f64, f64, f64, f64) = (80.0, 20.0, 40.0, 50.0);

/// A figure that can be made.
pub struct Figure {
    /// Its name on the command line.
    pub name: &'static str,
    /// Its meaning in one line.
    pub about: &'static str,
    /// Draws a number of a lane.
    pub draw: fn(&RunContent, Number, usize) -> Result<Drawing, String>,
}

/// All figures.
pub const FIGURES: &[Figure] = &[
    Figure { name: "curves", about: "a number of every lane over the steps", draw: |s, n, _| curves(s, n) },
    Figure {
        name: "gradients",
        about: "the gradient norm of every layer of a lane over the steps",
        draw: |s, _, l| map(s, l),
    },
];

/// The points of a number of a lane: step and value.
pub fn points(subject: &RunContent, lane: &str, number: Number) -> Vec<(f64, f64)> {
    let of = |read: &crate::lab::lane::log::ParsedLine| {
        let measure = read.measure(0.0);
        let x = measure.get(number).or_else(|| read.evaluation(0.0)?.get(number))?;
        Some((read.step as f64, number.decimal(x)))
    };
    subject.rows.iter().filter(|r| r.lane == lane).filter_map(of).collect()
}

/// At most `most` points that keep the extremes: the least and the greatest point of each part of the steps.
pub fn thinned(points: &[(f64, f64)], most: usize) -> Vec<(f64, f64)> {
    if points.len() <= most.max(4) {
        return points.to_vec();
    }
    let part = points.len().div_ceil(most / 2);
    let mut out = Vec::new();
    for part in points.chunks(part) {
        let least = part.iter().enumerate().min_by(|a, b| a.1.1.total_cmp(&b.1.1)).map_or(0, |p| p.0);
        let most = part.iter().enumerate().max_by(|a, b| a.1.1.total_cmp(&b.1.1)).map_or(0, |p| p.0);
        let (first, last) = (least.min(most), least.max(most));
        out.push(part[first]);
        if last != first {
            out.push(part[last]);
        }
    }
    out
}

/// An axis: its range, linear or logarithmic.
struct FigureAxis {
    low: f64,
    high: f64,
    log: bool,
    from: f64,
    to: f64,
}

impl FigureAxis {
    fn new(values: impl Iterator<Item = f64>, log: bool, (from, to): (f64, f64)) -> Option<Self> {
        let fits = |x: &f64| x.is_finite() && (!log || *x > 0.0);
        let (low, high) = values
            .filter(fits)
            .map(|x| if log { x.log10() } else { x })
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), x| (l.min(x), h.max(x)));
        if low > high {
            return None;
        }
        let (low, high) = if high > low { (low, high) } else { (low - 0.5, high + 0.5) };
        Some(Self { low, high, log, from, to })
    }

    fn at(&self, x: f64) -> Option<f64> {
        let x = if self.log { x.log10() } else { x };
        x.is_finite().then(|| self.from + (x - self.low) / (self.high - self.low) * (self.to - self.from))
    }

    /// Round values on the axis: about five.
    fn ticks(&self) -> Vec<f64> {
        if !self.log {
            return round_values(self.low, self.high);
        }
        let (span, first) = (self.high - self.low, self.low.floor() as i32);
        // If the axis covers few powers of ten, 2 and 5 are marked as well.
        let marks: &[f64] = if span < 3.0 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let every = (span / 6.0).ceil().max(1.0) as usize;
        let powers = (first..=self.high.ceil() as i32).step_by(every);
        let all = powers.flat_map(|e| marks.iter().map(move |m| m * 10f64.powi(e)));
        let all: Vec<f64> = all.filter(|x| (self.low..=self.high).contains(&x.log10())).collect();
        // Within less than a power of ten these may be too few to read the axis by.
        if all.len() < 3 { round_values(10f64.powf(self.low), 10f64.powf(self.high)) } else { all }
    }
}

/// About five round values of a range, evenly spaced.
fn round_values(low: f64, high: f64) -> Vec<f64> {
    let rough = (high - low) / 5.0;
    let size = 10f64.powi(rough.log10().floor() as i32);
    let step = [1.0, 2.0, 5.0, 10.0].map(|m| m * size).into_iter().find(|s| *s >= rough).unwrap_or(size);
    let first = (low / step).ceil();
    let all = (0..12).map(|i| (first + f64::from(i)) * step);
    all.take_while(|x| *x <= high + 1e-9 * step).collect()
}

/// A number on an axis.
fn label(x: f64) -> String {
    let size = x.abs();
    if x == 0.0 || (1e-3..1e6).contains(&size) {
        let text = format!("{x:.6}");
        return text.trim_end_matches('0').trim_end_matches('.').into();
    }
    format!("{x:.1e}").replace(".0e", "e")
}

/// A drawing with the scenario's title and what it shows, and nothing else. A long title is cut to leave room for that.
fn titled(subject: &RunContent, what: &str) -> Drawing {
    /// Characters that fit.
    const ROOM: usize = 76;
    let what = excerpt(what, ROOM * 2 / 3);
    let title = format!("{}: {what}", excerpt(subject.title(), ROOM - 2 - what.chars().count()));
    let words = title.clone();
    let text = DrawingText { at: (EDGE.0, 24.0), words, size: 15.0, colour: TITLE, ..DrawingText::default() };
    Drawing { size: SIZE, title, marks: vec![DrawingPart::Text(text)] }
}

/// Lines of the width of an axis.
fn thin(parts: Vec<Vec<(f64, f64)>>, colour: Colour) -> DrawingPart {
    DrawingPart::Lines(LineGroup { parts, colour, width: 1.0, dash: None })
}

/// The ticks and the names of both axes.
fn axes(out: &mut Drawing, x: &FigureAxis, y: Option<&FigureAxis>, names: (&str, &str)) {
    let height = SIZE.1;
    let (left, right, top, bottom) = (EDGE.0, x.to, EDGE.2, height - EDGE.3);
    let (mut ticks, mut texts) = (Vec::new(), Vec::new());
    for tick in x.ticks() {
        let Some(at) = x.at(tick) else { continue };
        ticks.push(vec![(at, bottom), (at, bottom + 5.0)]);
        let (at, words) = ((at, bottom + 19.0), label(tick));
        texts.push(DrawingText { at, words, anchor: Anchor::Middle, ..DrawingText::default() });
    }
    for (tick, scale) in y.iter().flat_map(|y| y.ticks().into_iter().map(move |t| (t, y))) {
        let Some(at) = scale.at(tick) else { continue };
        ticks.push(vec![(left, at), (right, at)]);
        let (at, words) = ((left - 6.0, at + 4.0), label(tick));
        texts.push(DrawingText { at, words, anchor: Anchor::End, ..DrawingText::default() });
    }
    let (middle, side) = (f64::midpoint(left, right), f64::midpoint(top, bottom));
    texts.push(DrawingText {
        at: (middle, height - 12.0),
        words: names.0.into(),
        anchor: Anchor::Middle,
        ..DrawingText::default()
    });
    texts.push(DrawingText {
        at: (16.0, side),
        words: names.1.into(),
        anchor: Anchor::Middle,
        upwards: true,
        ..DrawingText::default()
    });
    out.marks.push(thin(ticks, GRID));
    out.marks.push(thin(vec![vec![(left, top), (left, bottom), (right, bottom)]], INK));
    out.marks.extend(texts.into_iter().map(DrawingPart::Text));
}

/// Whether a number has a logarithmic axis.
fn by_log(number: Number) -> bool {
    number.row().axis == NumberAxis::Log
}

/// The parts of a curve between which the number is not finite.
fn pieces(points: &[(f64, f64)], x: &FigureAxis, y: &FigureAxis) -> Vec<Vec<(f64, f64)>> {
    let placed = points.iter().map(|(step, value)| x.at(*step).zip(y.at(*value))).collect::<Vec<_>>();
    let parts = placed.split(Option::is_none).filter(|part| !part.is_empty());
    parts
        .map(|part| match part {
            // A lone point becomes a short line.
            [Some((x, y))] => vec![(x - 4.0, *y), (x + 4.0, *y)],
            several => several.iter().copied().flatten().collect(),
        })
        .collect()
}

/// A number of every lane over the steps.
///
/// # Errors
/// If no lane has the number.
pub fn curves(subject: &RunContent, number: Number) -> Result<Drawing, String> {
    let (width, height) = SIZE;
    let lanes: Vec<(&str, Vec<(f64, f64)>)> = subject
        .experiment
        .lanes
        .iter()
        .map(|l| (l.name.as_str(), thinned(&points(subject, &l.name, number), width as usize)))
        .collect();
    let all = || lanes.iter().flat_map(|l| &l.1);
    let log = by_log(number);
    let x = FigureAxis::new(all().map(|p| p.0), false, (EDGE.0, width - EDGE.1));
    let y = FigureAxis::new(all().map(|p| p.1), log, (height - EDGE.3, EDGE.2));
    let (Some(x), Some(y)) = (x, y) else {
        return Err(format!("no lane has a finite {}", number.row().key));
    };
    let row = number.row();
    let unit = if row.unit.is_empty() { String::new() } else { format!(", {}", row.unit) };
    let mut out = titled(subject, row.label);
    axes(
        &mut out,
        &x,
        Some(&y),
        ("step", &format!("{}{unit}{}", row.label, if log { " (log)" } else { "" })),
    );
    let mut names = Vec::new();
    for (i, (name, points)) in lanes.iter().enumerate() {
        let (colour, dash) = (COLOURS[i % COLOURS.len()], DASHES[i / COLOURS.len() % DASHES.len()]);
        out.marks.push(DrawingPart::Lines(LineGroup {
            parts: pieces(points, &x, &y),
            colour,
            width: 1.6,
            dash,
        }));
        names.push(DrawingPart::Text(DrawingText {
            at: (width - EDGE.1 - 8.0, EDGE.2 + 16.0 * (i as f64 + 1.0)),
            words: (*name).into(),
            colour,
            anchor: Anchor::End,
            edged: true,
            ..DrawingText::default()
        }));
    }
    out.marks.extend(names);
    Ok(out)
}

/// From dark to light in 64 shades, with perceptually even steps of lightness.
fn shade(share: f64) -> Colour {
    const SHADES: f64 = 63.0;
    colorous::VIRIDIS.eval_continuous((share.clamp(0.0, 1.0) * SHADES).round() / SHADES).as_array()
}

/// The rectangles of a row of colours between two heights, one for each run of the same colour.
fn strip(
    colours: &[Colour],
    x: &FigureAxis,
    (top, height): (f64, f64),
    out: &mut BTreeMap<Colour, Vec<Rect>>,
) {
    let mut column = 0;
    for run in colours.chunk_by(|a, b| a == b) {
        // Whole pixels, so that there are no seams.
        let edge = |column: usize| (x.from + (x.to - x.from) * column as f64 / colours.len() as f64).round();
        let (left, right) = (edge(column), edge(column + run.len()));
        out.entry(run[0]).or_default().push((left, top, right - left, height));
        column += run.len();
    }
}

/// A layer's number, and the words of its label for which there is room: at least its first, cut if need be.
fn first_words(layer: usize, label: &str) -> String {
    const ROOM: usize = 12;
    let mut out = (layer + 1).to_string();
    for (i, word) in label.split_whitespace().enumerate() {
        let room = ROOM.saturating_sub(out.chars().count() + 1);
        if i > 0 && word.chars().count() > room {
            break;
        }
        out.push(' ');
        out.extend(word.chars().take(room));
    }
    out
}

/// The gradient norm of every layer of a lane over the steps, on a logarithmic scale.
///
/// # Errors
/// If the lane has not measured it.
pub fn map(subject: &RunContent, lane: usize) -> Result<Drawing, String> {
    /// Columns of the map, of which the first are taken that need at most so many rectangles.
    const COLUMNS: [usize; 6] = [120, 80, 60, 40, 25, 15];
    const RECTS: usize = 4600;
    let (width, height) = SIZE;
    let contender = &subject.experiment.lanes[lane];
    let layers = subject.layers(lane);
    let indices: Vec<usize> = layers.iter().map(|l| l.0).collect();
    let lists = subject.lists(lane);
    let rows: Vec<(u64, Vec<f64>)> = subject
        .rows
        .iter()
        .filter(|r| r.lane == contender.name)
        .map(|r| {
            let lists_of = r.layers(&lists);
            let of = |l: &usize| lists_of.iter().find(|t| t.layer == *l)?.get(LayerNumber::GradNorm);
            (r.step, indices.iter().map(|l| of(l).map_or(f64::NAN, f64::from)).collect())
        })
        .filter(|(_, norms): &(u64, Vec<f64>)| norms.iter().any(|x| !x.is_nan()))
        .collect();
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
        return Err(format!("{} has measured no gradient", contender.name));
    };
    let right = width - EDGE.1 - 70.0;
    let scale = FigureAxis::new(rows.iter().flat_map(|r| r.1.iter().copied()), true, (0.0, 1.0))
        .ok_or_else(|| format!("no gradient of {} is finite and above 0", contender.name))?;
    let x = FigureAxis {
        low: first.0 as f64,
        high: (last.0.max(first.0 + 1)) as f64,
        log: false,
        from: EDGE.0,
        to: right,
    };
    let mut out = titled(subject, &format!("gradient norms of {}", contender.name));
    let line = (height - EDGE.2 - EDGE.3) / layers.len().max(1) as f64;
    // The input side is at the bottom, as on the screen.
    let top = |k: usize| height - EDGE.3 - (k + 1) as f64 * line;
    // Rows end at whole pixels, so that there are no seams; between wide ones there is a gap.
    let row_at = |k: usize| {
        let (from, to) = (top(k).round(), (top(k) + line).round());
        (from, to - from - if line > 12.0 { 1.0 } else { 0.0 })
    };
    let colour = |norm: f64| match scale.at(norm) {
        Some(share) => shade(share),
        None if norm == 0.0 => shade(0.0),
        None => LOST,
    };
    let cells = |columns: usize| {
        let columns = columns.min(rows.len());
        // The last measured step is always drawn.
        let row = |c: usize| if c + 1 == columns { rows.len() - 1 } else { c * rows.len() / columns };
        let mut cells = BTreeMap::new();
        for k in 0..layers.len() {
            let colours: Vec<Colour> = (0..columns).map(|c| colour(rows[row(c)].1[k])).collect();
            strip(&colours, &x, row_at(k), &mut cells);
        }
        cells
    };
    let fits = |cells: &BTreeMap<_, Vec<Rect>>| cells.values().map(Vec::len).sum::<usize>() <= RECTS;
    let drawn = COLUMNS.into_iter().map(cells).find(fits).unwrap_or_else(|| cells(1));
    out.marks.push(DrawingPart::Rects(drawn));
    let small = |at, words: String, anchor| {
        DrawingPart::Text(DrawingText { at, words, size: 11.0, anchor, ..DrawingText::default() })
    };
    let every = (11.0 / line).ceil().max(1.0) as usize;
    for (k, (layer, label)) in layers.iter().enumerate().step_by(every) {
        let at = (EDGE.0 - 4.0, top(k) + line / 2.0 + 4.0);
        out.marks.push(small(at, first_words(*layer, label), Anchor::End));
    }
    axes(&mut out, &x, None, ("step", ""));
    let (bar, low, high) = (right + 14.0, height - EDGE.3, EDGE.2);
    let mut shades: BTreeMap<Colour, Vec<Rect>> = BTreeMap::new();
    for i in 0..40 {
        let part = (low - high) / 40.0;
        let rect = (bar, low - f64::from(i + 1) * part, 14.0, part + 0.3);
        shades.entry(shade((f64::from(i) + 0.5) / 40.0)).or_default().push(rect);
    }
    out.marks.push(DrawingPart::Rects(shades));
    for (share, at) in [(0.0, low), (0.5, f64::midpoint(low, high) + 4.0), (1.0, high + 10.0)] {
        let x = 10f64.powf(scale.low + share * (scale.high - scale.low));
        // Two digits are enough beside a colour.
        let x = format!("{x:.1e}").parse().unwrap_or(x);
        out.marks.push(small((bar + 18.0, at), label(x), Anchor::Start));
    }
    let about = "‖∂L/∂W‖ of the weights; red: not finite";
    out.marks.push(small((width - 8.0, height - 12.0), about.into(), Anchor::End));
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_has_enough_ticks_to_be_read() {
        for (low, high) in [(1.5, 3.9), (2.0, 2.2), (0.4, 3.4), (1e-6, 0.6), (1e-30, 1e30)] {
            let scale = FigureAxis::new([low, high].into_iter(), true, (0.0, 1.0)).expect("a range");
            let ticks = scale.ticks();
            assert!((3..=12).contains(&ticks.len()), "{low} to {high}: {ticks:?}");
            assert!(ticks.iter().all(|t| (low * 0.999..=high * 1.001).contains(t)), "{ticks:?}");
        }
    }

    #[test]
    fn labels_of_layers_are_cut_between_words() {
        assert_eq!(first_words(0, "Conv2d 4 padding 1 bias false"), "1 Conv2d 4");
        assert_eq!(first_words(1, "BatchNorm 0.1"), "2 BatchNorm");
        assert_eq!(first_words(11, "Dense 1024"), "12 Dense");
        assert_eq!(first_words(99, "Dense 8"), "100 Dense 8");
    }
}
