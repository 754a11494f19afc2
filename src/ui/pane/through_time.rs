//! Gradient through time: ‖∂L/∂h_t‖ of the last step's batch over t for every lane with a recurrent layer, and the
//! spectral radius of its recurrent matrix. Draws the newest probes and requests them; can change the length of the
//! sequences.

use super::prediction::rows;
use super::{Context, PaneRequest, PaneRequests, PaneWidget};
use crate::scenario::Shape;
use crate::telemetry::{self, Phase};
use crate::ui::keymap::Action;
use crate::ui::theme::{Glyphs, Theme};
use crate::ui::widget::plot::{Curve, Plot, XAxis};
use crate::ui::widget::scale::{self, AxisScale};
use crate::ui::widget::text;
use crate::view::LaneView;
use crate::view::history::{AxisPosition, Bucket};
use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

/// If the first time step's gradient is below this share of the last one's, it has vanished, ...
const DIED: f32 = 1e-3;
/// ... and above this multiple of it, it has exploded.
const EXPLODED: f32 = 1e2;
/// Differences below this share of the largest gradient are not worth showing.
const FLOOR: f32 = 1e-14;

/// The state of the pane: the chosen recurrent layer, counted from the input.
#[derive(Clone, Debug, Default)]
pub struct ThroughTime {
    layer: usize,
}

/// A recurrent layer of a lane: its label, norms from the first time step on, and the spectral radius of every gate.
struct RecurrentNorms<'a> {
    lane: &'a LaneView,
    label: &'a str,
    norms: &'a [f32],
    radius: &'a [f32],
}

impl RecurrentNorms<'_> {
    /// The change of the gradient from the last time step to the first, in a word.
    fn verdict(&self, theme: &Theme) -> (String, Style) {
        let (Some(first), Some(last)) = (self.norms.first(), self.norms.last()) else {
            return ("no sequence".into(), theme.faint);
        };
        let ratio = first / last;
        if !(first.is_finite() && last.is_finite()) || self.norms.iter().any(|n| !n.is_finite()) {
            ("beyond numbers".into(), theme.bad)
        } else if *last == 0.0 {
            ("no gradient".into(), theme.bad)
        } else if ratio < DIED {
            (format!("dies {}", scale::number(f64::from(ratio))), theme.bad)
        } else if ratio > EXPLODED {
            (format!("explodes {}", scale::number(f64::from(ratio))), theme.bad)
        } else {
            (format!("arrives {}", scale::number(f64::from(ratio))), theme.good)
        }
    }

    /// The reason why the gradient does not follow the spectral radius of the recurrent matrix, if it does not. The
    /// radius describes the matrix alone. Back through a step, the gradient is also multiplied by the slope of the
    /// activation, which for tanh is below 1 for every unit that is not at zero.
    fn against_the_matrix(&self) -> Option<&'static str> {
        let ([radius], [first, .., last]) = (self.radius, self.norms) else { return None };
        let ratio = first / last;
        if *radius > 1.0 && ratio < DIED {
            Some("dies although ρ > 1: the slopes of the activation are flat and shrink it more")
        } else if *radius < 1.0 && ratio > EXPLODED {
            Some("explodes although ρ < 1: over a few steps the matrix stretches all the same")
        } else {
            None
        }
    }

    /// The names of the gates, in the order of the recurrent matrix.
    fn gates(&self) -> &'static [&'static str] {
        match self.radius.len() {
            3 => &["r", "z", "n"],
            4 => &["i", "f", "g", "o"],
            _ => &[""],
        }
    }

    fn words(&self, cx: Context<'_>, room: usize) -> Vec<(String, Style)> {
        let (theme, front) = (cx.theme, self.lane.id == cx.front);
        let colour = Style::new().fg(theme.lane(self.lane.id)).add_modifier(Modifier::BOLD);
        let arrow = if front { text::pick(theme.glyphs, "▸", ">") } else { " " };
        let name = text::shorten(&self.lane.info.name, room, theme.glyphs);
        let mut pieces = vec![
            (format!("{arrow}{}", self.lane.letter()), colour),
            (format!(" {name:<room$} "), if front { theme.strong } else { theme.text }),
        ];
        let (verdict, style) = self.verdict(theme);
        pieces.push((format!("{verdict:<15}"), style));
        let rho = text::pick(theme.glyphs, "ρ", "rho");
        let radii = self.radius.iter().zip(self.gates());
        let radii: Vec<_> = radii
            .map(|(r, gate)| {
                format!("{gate}{}{}", if gate.is_empty() { "" } else { " " }, scale::number(f64::from(*r)))
            })
            .collect();
        if !radii.is_empty() {
            pieces.push((format!(" {rho} {}", radii.join("  ")), theme.text));
        }
        if matches!(self.lane.phase, Phase::Diverged(_)) {
            pieces.push(("  diverged".into(), theme.bad));
        }
        pieces
    }
}

/// Lines that explain verdicts which contradict the spectral radius, with the letters of their lanes.
fn explained(ways: &[RecurrentNorms<'_>], glyphs: Glyphs, width: u16) -> Vec<String> {
    let mut reasons: Vec<(&str, String)> = Vec::new();
    for way in ways {
        let Some(why) = way.against_the_matrix() else { continue };
        match reasons.iter_mut().find(|(known, _)| *known == why) {
            Some((_, letters)) => letters.push(way.lane.letter()),
            None => reasons.push((why, way.lane.letter().into())),
        }
    }
    let rho = text::pick(glyphs, "ρ", "rho");
    let words = reasons.iter().map(|(why, letters)| format!("{letters} {}", why.replace('ρ', rho)));
    words.flat_map(|words| text::lines(&words, width, "  ")).collect()
}

impl ThroughTime {
    /// The chosen layer of every lane that has recurrent layers; a lane with fewer layers shows its last one.
    fn ways<'a>(&self, cx: Context<'a>) -> Vec<RecurrentNorms<'a>> {
        let way = |lane: &'a LaneView| {
            let probe = lane.probes.get("through_time")?;
            let all = rows(probe, "norms");
            let (label, norms) = &all[self.layer.min(all.len().checked_sub(1)?)];
            let radius = rows(probe, "radius").iter().find(|r| r.0 == *label);
            Some(RecurrentNorms { lane, label, norms, radius: radius.map_or(&[], |r| &r.1) })
        };
        cx.view.lanes.iter().filter_map(way).collect()
    }

    /// The largest number of recurrent layers of a lane.
    fn layers(cx: Context<'_>) -> usize {
        let of = |l: &LaneView| l.probes.get("through_time").map_or(0, |p| rows(p, "norms").len());
        cx.view.lanes.iter().map(of).max().unwrap_or(0)
    }

    /// Time steps of a sequence.
    fn length(cx: Context<'_>) -> Option<usize> {
        match cx.view.lane(cx.front).or(cx.view.lanes.first())?.info.input {
            // For a recurrent layer, the rows of an image are time steps.
            Shape::Sequence { steps, .. } | Shape::Image { channels: 1, height: steps, .. } => Some(steps),
            _ => None,
        }
    }

    fn plot<'a>(ways: &[RecurrentNorms<'_>], cx: Context<'_>) -> Plot<'a> {
        let finite = ways.iter().flat_map(|w| w.norms).filter(|v| v.is_finite());
        let floor = finite.fold(0f32, |m, v| m.max(*v)) * FLOOR;
        let bucket = |(t, v): (f64, &f32)| {
            let last = if v.is_finite() { v.max(floor) } else { *v };
            let (min, max) = if v.is_finite() { (last, last) } else { (f32::INFINITY, f32::NEG_INFINITY) };
            Bucket { at: AxisPosition { step: t, ..AxisPosition::default() }, min, max, last }
        };
        let times = || (1..).map(f64::from);
        let curves = ways.iter().map(|way| Curve {
            points: times().zip(way.norms).map(bucket).collect::<Vec<_>>().into(),
            letter: way.lane.letter(),
            color: cx.theme.lane(way.lane.id),
            front: way.lane.id == cx.front,
            dashed: false,
            broken: false,
            breaks: Vec::new(),
        });
        let longest = ways.iter().map(|w| w.norms.len()).max().unwrap_or(1).max(2);
        let x = AxisScale::between(1.0, longest as f64);
        Plot {
            curves: curves.collect(),
            axis: XAxis::Time,
            x,
            log: true,
            y: None,
            smoothing: 0.0,
            cursor: None,
        }
    }
}

impl PaneWidget for ThroughTime {
    fn title<'a>(&self, cx: Context<'a>) -> Line<'a> {
        let norm = text::pick(cx.theme.glyphs, "  ‖∂L/∂h‖ over t", "  |dL/dh| over t");
        let mut line = Line::styled("Gradient through time", cx.theme.strong);
        line.push_span(Span::styled(norm, cx.theme.text));
        if let Some(length) = Self::length(cx) {
            line.push_span(Span::styled(format!("  {length} time steps"), cx.theme.text));
        }
        line.spans.extend(cx.age_of("through_time"));
        let layers = Self::layers(cx);
        if layers > 1 {
            let at = self.layer.min(layers - 1) + 1;
            line.push_span(Span::styled(format!("  recurrent layer {at} of {layers}"), cx.theme.faint));
        }
        line
    }

    fn draw(&self, cx: Context<'_>, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        if area.is_empty() {
            return;
        }
        if cx.view.lanes.is_empty() {
            return text::put_message(buf, area, "no lanes yet", cx.theme.faint);
        }
        let ways = self.ways(cx);
        if ways.is_empty() {
            let words = if cx.watching {
                cx.missing("gradient through time")
            } else {
                "no gradient has come back through time yet: space runs the lanes, n makes a step".into()
            };
            return text::put_message(buf, area, &words, cx.theme.faint);
        }
        let rows = ways.len() as u16;
        let words = if area.height >= rows + 6 { rows } else { u16::from(area.height >= 4) };
        let why = explained(&ways, cx.theme.glyphs, area.width);
        let why = if area.height >= rows + why.len() as u16 + 8 { why } else { Vec::new() };
        let area = Rect { height: area.height - why.len() as u16, ..area };
        for (y, line) in (area.bottom()..).zip(&why) {
            text::put(buf, Rect { y, height: 1, ..area }, 0, 0, line, cx.theme.faint);
        }
        Self::plot(&ways, cx).draw(cx.theme, text::part(area, 0, 0, area.width, area.height - words), buf);
        let foot = text::part(area, 0, area.height - words, area.width, words);
        let first =
            if words < rows { ways.iter().position(|w| w.lane.id == cx.front).unwrap_or(0) } else { 0 };
        let same = ways.iter().all(|w| w.label == ways[0].label);
        let longest = ways.iter().map(|w| text::width(&w.lane.info.name)).max().unwrap_or(0);
        let names = longest.min(if area.width >= 60 { 20 } else { 13 });
        for (y, way) in (0..words).zip(ways.iter().skip(first)) {
            let mut pieces = way.words(cx, usize::from(names));
            if !same {
                pieces.push((format!("  {}", way.label), cx.theme.faint));
            }
            text::put_pieces(buf, foot, y, &pieces);
        }
    }

    fn act(&mut self, action: Action, cx: Context<'_>) -> PaneRequests {
        let layers = Self::layers(cx).max(1);
        let at = self.layer.min(layers - 1);
        let by = Self::length(cx).map_or(1, |n| (n / 5).max(1)) as i64;
        match action {
            Action::NextMetric | Action::Down => self.layer = (at + 1) % layers,
            Action::Up => self.layer = (at + layers - 1) % layers,
            Action::Longer | Action::Right => return vec![PaneRequest::Longer(by)],
            Action::Shorter | Action::Left => return vec![PaneRequest::Longer(-by)],
            Action::Edit => return vec![PaneRequest::EditData],
            _ => {}
        }
        PaneRequests::new()
    }

    fn watch(&self, cx: Context<'_>, _: Size) -> Vec<telemetry::ProbeRequest> {
        cx.view.lanes.iter().map(|l| telemetry::ProbeRequest::of("through_time", l.id)).collect()
    }
}
