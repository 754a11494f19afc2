//! Figures of a run as SVG: text stays text, no scripts, white background, at most one point per pixel.

use super::Subject;
use crate::number::{Axis, LayerNumber, Number};
use crate::text::xml;
use std::fmt::Write as _;

/// Colours of lanes, each with a contrast of at least 4.5 on white; dashes distinguish further lanes.
const COLOURS: [&str; 6] = ["#0b62a8", "#b03a00", "#00715a", "#8a3a8f", "#6b5b00", "#444444"];
const DASHES: [&str; 3] = ["", "7 3", "2 3"];

/// Width and height, and the room left, right, above and below the axes, in pixels.
const SIZE: (f64, f64) = (720.0, 420.0);
const EDGE: (f64, f64, f64, f64) = (70.0, 20.0, 40.0, 50.0);

/// A figure that can be made.
pub struct Figure {
    /// Its name on the command line.
    pub name: &'static str,
    /// Its meaning in one line.
    pub about: &'static str,
    /// Draws a number of a lane.
    pub draw: fn(&Subject, Number, usize) -> Result<String, String>,
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
pub fn points(subject: &Subject, lane: &str, number: Number) -> Vec<(f64, f64)> {
    let of = |read: &crate::lab::lane::log::Read| {
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
struct Scale {
    low: f64,
    high: f64,
    log: bool,
    from: f64,
    to: f64,
}

impl Scale {
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
        if self.log {
            let (span, first) = (self.high - self.low, self.low.floor() as i32);
            // If the axis covers few powers of ten, 2 and 5 are marked as well.
            let marks: &[f64] = if span < 3.0 { &[1.0, 2.0, 5.0] } else { &[1.0] };
            let every = (span / 6.0).ceil().max(1.0) as usize;
            let powers = (first..=self.high.ceil() as i32).step_by(every);
            let all = powers.flat_map(|e| marks.iter().map(move |m| m * 10f64.powi(e)));
            return all.filter(|x| (self.low..=self.high).contains(&x.log10())).collect();
        }
        let rough = (self.high - self.low) / 5.0;
        let size = 10f64.powi(rough.log10().floor() as i32);
        let step = [1.0, 2.0, 5.0, 10.0].map(|m| m * size).into_iter().find(|s| *s >= rough).unwrap_or(size);
        let first = (self.low / step).ceil();
        let all = (0..12).map(|i| (first + f64::from(i)) * step);
        all.take_while(|x| *x <= self.high + 1e-9 * step).collect()
    }
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

fn head(title: &str) -> String {
    let (width, height) = SIZE;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         role=\"img\" font-family=\"sans-serif\" font-size=\"13\">\n<title>{0}</title>\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n\
         <text x=\"{1}\" y=\"24\" font-size=\"15\" fill=\"#111111\">{0}</text>\n",
        xml(title),
        EDGE.0
    )
}

/// The ticks and the names of both axes.
fn axes(out: &mut String, x: &Scale, y: Option<&Scale>, names: (&str, &str)) {
    let height = SIZE.1;
    let (left, right, top, bottom) = (EDGE.0, x.to, EDGE.2, height - EDGE.3);
    let _ = writeln!(out, "<g stroke=\"#d5d5d5\" fill=\"#333333\">");
    for tick in x.ticks() {
        let Some(at) = x.at(tick) else { continue };
        let _ = writeln!(
            out,
            "<path d=\"M{at:.1} {bottom}v5\"/><text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\" stroke=\"none\">{}</text>",
            bottom + 19.0,
            label(tick)
        );
    }
    for (tick, scale) in y.iter().flat_map(|y| y.ticks().into_iter().map(move |t| (t, y))) {
        let Some(at) = scale.at(tick) else { continue };
        let _ = writeln!(
            out,
            "<path d=\"M{left} {at:.1}H{right}\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\" stroke=\"none\">{}</text>",
            left - 6.0,
            at + 4.0,
            label(tick)
        );
    }
    let (middle, side) = (f64::midpoint(left, right), f64::midpoint(top, bottom));
    let _ = writeln!(
        out,
        "</g>\n<path d=\"M{left} {top}V{bottom}H{right}\" fill=\"none\" stroke=\"#333333\"/>\n\
         <text x=\"{middle}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#333333\">{}</text>\n\
         <text transform=\"translate(16 {side}) rotate(-90)\" text-anchor=\"middle\" fill=\"#333333\">{}</text>",
        height - 12.0,
        xml(names.0),
        xml(names.1)
    );
}

/// Whether a number has a logarithmic axis.
fn by_log(number: Number) -> bool {
    number.row().axis == Axis::Log
}

/// A number of every lane over the steps.
///
/// # Errors
/// If no lane has the number.
pub fn curves(subject: &Subject, number: Number) -> Result<String, String> {
    let (width, height) = SIZE;
    let lanes: Vec<(&str, Vec<(f64, f64)>)> = subject
        .experiment
        .lanes
        .iter()
        .map(|l| (l.name.as_str(), thinned(&points(subject, &l.name, number), width as usize)))
        .collect();
    let all = || lanes.iter().flat_map(|l| &l.1);
    let log = by_log(number);
    let x = Scale::new(all().map(|p| p.0), false, (EDGE.0, width - EDGE.1));
    let y = Scale::new(all().map(|p| p.1), log, (height - EDGE.3, EDGE.2));
    let (Some(x), Some(y)) = (x, y) else {
        return Err(format!("no lane has a finite {}", number.row().key));
    };
    let row = number.row();
    let unit = if row.unit.is_empty() { String::new() } else { format!(", {}", row.unit) };
    let mut out = head(&format!("{}: {}", subject.scenario.title.trim(), row.label));
    axes(
        &mut out,
        &x,
        Some(&y),
        ("step", &format!("{}{unit}{}", row.label, if log { " (log)" } else { "" })),
    );
    for (i, (name, points)) in lanes.iter().enumerate() {
        let (colour, dash) = (COLOURS[i % COLOURS.len()], DASHES[i / COLOURS.len() % DASHES.len()]);
        let mut path = String::new();
        let mut pen = 'M';
        for (step, value) in points {
            match (x.at(*step), y.at(*value)) {
                (Some(x), Some(y)) => {
                    let _ = write!(path, "{pen}{x:.1} {y:.1}");
                    pen = 'L';
                }
                // The curve has a gap where the number is not finite.
                _ => pen = 'M',
            }
        }
        let dash = if dash.is_empty() { String::new() } else { format!(" stroke-dasharray=\"{dash}\"") };
        let top = EDGE.2 + 16.0 * (i as f64 + 1.0);
        let right = width - EDGE.1 - 8.0;
        let _ = writeln!(
            out,
            "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.6\" stroke-linejoin=\"round\"{dash}/>\n\
             <text x=\"{right}\" y=\"{top}\" text-anchor=\"end\" fill=\"{colour}\" stroke=\"#ffffff\" stroke-width=\"3\" \
             paint-order=\"stroke\">{}</text>",
            xml(name)
        );
    }
    out.push_str("</svg>\n");
    Ok(out)
}

/// From dark to light, with perceptually even steps of lightness.
fn shade(share: f64) -> String {
    let [r, g, b] = colorous::VIRIDIS.eval_continuous(share.clamp(0.0, 1.0)).as_array();
    format!("#{r:02x}{g:02x}{b:02x}")
}

/// The gradient norm of every layer of a lane over the steps, on a logarithmic scale.
///
/// # Errors
/// If the lane has not measured it.
pub fn map(subject: &Subject, lane: usize) -> Result<String, String> {
    /// Most columns of the map.
    const COLUMNS: usize = 120;
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
            let told = r.layers(&lists);
            let of = |l: &usize| told.iter().find(|t| t.layer == *l)?.get(LayerNumber::GradNorm);
            (r.step, indices.iter().map(|l| of(l).map_or(f64::NAN, f64::from)).collect())
        })
        .filter(|(_, norms): &(u64, Vec<f64>)| norms.iter().any(|x| !x.is_nan()))
        .collect();
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
        return Err(format!("{} has measured no gradient", contender.name));
    };
    let right = width - EDGE.1 - 70.0;
    let scale = Scale::new(rows.iter().flat_map(|r| r.1.iter().copied()), true, (0.0, 1.0))
        .ok_or_else(|| format!("no gradient of {} is finite and above 0", contender.name))?;
    let columns = COLUMNS.min(rows.len());
    let x = Scale {
        low: first.0 as f64,
        high: (last.0.max(first.0 + 1)) as f64,
        log: false,
        from: EDGE.0,
        to: right,
    };
    let mut out = head(&format!("{}: gradient norms of {}", subject.scenario.title.trim(), contender.name));
    let (cell, line) =
        ((right - EDGE.0) / columns as f64, (height - EDGE.2 - EDGE.3) / layers.len().max(1) as f64);
    for (k, (_, label)) in layers.iter().enumerate() {
        // The input side is at the bottom, as on the screen.
        let top = height - EDGE.3 - (k + 1) as f64 * line;
        for column in 0..columns {
            // The last measured step is always drawn.
            let row = if column + 1 == columns { rows.len() - 1 } else { column * rows.len() / columns };
            let norm = rows[row].1[k];
            let colour = match scale.at(norm) {
                Some(share) => shade(share),
                None if norm == 0.0 => shade(0.0),
                None => "#cc0000".into(),
            };
            let left = EDGE.0 + column as f64 * cell;
            let _ = writeln!(
                out,
                "<path fill=\"{colour}\" d=\"M{left:.1} {top:.1}h{:.1}v{:.1}h-{:.1}z\"/>",
                cell + 0.3,
                line - 0.5,
                cell + 0.3
            );
        }
        if line >= 11.0 || k % (11.0 / line).ceil() as usize == 0 {
            let _ = writeln!(
                out,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\" font-size=\"11\" fill=\"#333333\">{}</text>",
                EDGE.0 - 4.0,
                top + line / 2.0 + 4.0,
                xml(&label.chars().take(10).collect::<String>())
            );
        }
    }
    axes(&mut out, &x, None, ("step", ""));
    let (bar, low, high) = (right + 14.0, height - EDGE.3, EDGE.2);
    for i in 0..40 {
        let part = (low - high) / 40.0;
        let _ = writeln!(
            out,
            "<path fill=\"{}\" d=\"M{bar} {:.1}h14v{:.1}h-14z\"/>",
            shade((f64::from(i) + 0.5) / 40.0),
            low - f64::from(i + 1) * part,
            part + 0.3
        );
    }
    for (share, at) in [(0.0, low), (0.5, f64::midpoint(low, high) + 4.0), (1.0, high + 10.0)] {
        let x = 10f64.powf(scale.low + share * (scale.high - scale.low));
        // Two digits are enough beside a colour.
        let x = format!("{x:.1e}").parse().unwrap_or(x);
        let _ = writeln!(
            out,
            "<text x=\"{}\" y=\"{at:.1}\" font-size=\"11\" fill=\"#333333\">{}</text>",
            bar + 18.0,
            label(x)
        );
    }
    let _ = writeln!(
        out,
        "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\" font-size=\"11\" fill=\"#333333\">‖∂L/∂W‖ of the weights; red: not \
         finite</text>",
        width - 8.0,
        height - 12.0
    );
    out.push_str("</svg>\n");
    Ok(out)
}
