//! The data pane: the decision boundary of the lane in front over 2-D data, or one sample or sequence with its
//! prediction, or the confusion matrix, or a sample under augmentations. Draws the newest probes and requests them.

use super::{Context, PaneRequests, PaneWidget};
use crate::scenario::view::Opening;
use crate::telemetry::{self, Data};
use crate::ui::diagnosis::health::no_answer;
use crate::ui::diagnosis::no_numbers;
use crate::ui::keymap::Action;
use crate::ui::theme::{Depth, Theme};
use crate::ui::widget::bars::{self, Bar};
use crate::ui::widget::colour::{self, Map};
use crate::ui::widget::image::{Picture, PictureRange};
use crate::ui::widget::plane::{self, Plane};
use crate::ui::widget::{scale, text};
use crate::view::{LaneView, ProbeResult};
use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

mod augmented;
mod read;
mod sequence;

/// The state of the data pane.
#[derive(Clone, Debug, Default)]
pub struct DataPane {
    mode: Mode,
    sample: usize,
    report: read::ReadingReport,
}

/// The content of the pane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mode {
    #[default]
    Prediction,
    Confusion,
    Augmented,
    Read,
}

impl Mode {
    /// The probe that it draws, or a name for content without a probe.
    fn probe(self) -> &'static str {
        match self {
            Self::Prediction => "prediction",
            Self::Confusion => "confusion",
            Self::Augmented => "augmented",
            Self::Read => "read",
        }
    }

    /// This mode, or predictions if it is active already.
    fn toggled(self, mode: Self) -> Self {
        if self == mode { Self::Prediction } else { mode }
    }
}

/// Number of augmented samples that are computed.
const DRAWS: usize = 31;

/// A scalar part of a probe.
pub(in crate::ui) fn scalar(probe: &ProbeResult, name: &str) -> Option<f64> {
    match probe.part(name) {
        Some(Data::Scalar(v)) if v.is_finite() => Some(*v),
        _ => None,
    }
}

/// An image part of a probe.
pub(super) fn picture<'a>(probe: &'a ProbeResult, name: &str, range: PictureRange) -> Option<Picture<'a>> {
    match probe.part(name) {
        Some(Data::Image { channels, width, pixels }) => {
            Some(Picture { channels: *channels, width: *width, pixels, range })
        }
        _ => None,
    }
}

/// The range of an image's numbers: [0, 1], or the actual range if they exceed it.
pub(super) fn range(probe: &ProbeResult, name: &str) -> PictureRange {
    let Some(Data::Image { pixels, .. }) = probe.part(name) else { return PictureRange::Between(0.0, 1.0) };
    let finite = pixels.iter().filter(|v| v.is_finite());
    let (low, high) = finite.fold((0f32, 1f32), |(a, b), &v| (a.min(v), b.max(v)));
    PictureRange::Between(low, high)
}

/// The plane part of a probe.
pub(super) fn boundary(probe: &ProbeResult) -> Option<Plane<'_>> {
    let classes = scalar(probe, "classes").map_or(2, |c| c as usize);
    match probe.part("boundary") {
        Some(Data::Grid { width, values, extent }) => {
            Some(Plane { width: *width, values, extent: *extent, classes })
        }
        _ => None,
    }
}

/// The rows of a table part.
pub(super) fn rows<'a>(probe: &'a ProbeResult, name: &str) -> &'a [(String, Vec<f32>)] {
    match probe.part(name) {
        Some(Data::Table { rows, .. }) => rows,
        _ => &[],
    }
}

/// The name of a class: from its row of probabilities, or its number.
pub(super) fn class_name(probe: &ProbeResult, class: f64) -> String {
    let row = rows(probe, "probabilities").get(class as usize);
    row.map_or_else(|| format!("{class}"), |r| r.0.clone())
}

/// The bars of one column of the table of probabilities.
pub(super) fn draw_bars(
    probe: &ProbeResult,
    column: usize,
    chosen: Option<f64>,
    theme: &Theme,
    area: Rect,
    buf: &mut Buffer,
) {
    let is = |i: usize, class: Option<f64>| class.is_some_and(|c| c as usize == i);
    let label = scalar(probe, "label");
    let rows = rows(probe, "probabilities");
    // The same classes in every column: those that matter in some column.
    let spoken = ["label", "predicted", "before", "after"].map(|n| scalar(probe, n));
    let weight = |i: &usize| {
        let named = spoken.iter().any(|c| is(*i, *c));
        let most = rows[*i].1.iter().copied().filter(|v| v.is_finite()).fold(0f32, f32::max);
        if named { 2.0 + most } else { most }
    };
    let mut shown: Vec<usize> = (0..rows.len()).collect();
    shown.sort_by(|a, b| weight(b).total_cmp(&weight(a)));
    shown.truncate(bars::room(rows.len(), area.height));
    shown.sort_unstable();
    let bars: Vec<Bar<'_>> = shown
        .into_iter()
        .map(|i| (i, &rows[i]))
        .map(|(i, (name, values))| Bar {
            label: name,
            value: values.get(column).copied().unwrap_or(f32::NAN),
            marked: is(i, label),
            chosen: is(i, chosen),
        })
        .collect();
    bars::draw(&bars, rows.len() - bars.len(), theme, area, buf);
}

/// A sample's number in words.
pub(super) fn sample_words(probe: &ProbeResult) -> String {
    match (scalar(probe, "sample"), scalar(probe, "samples")) {
        (Some(i), Some(n)) => format!("{} of {}", scale::count(i + 1.0), scale::count(n)),
        (Some(i), None) => scale::count(i + 1.0),
        _ => String::new(),
    }
}

/// The next or the previous sample, wrapping around.
pub(super) fn turn(sample: usize, forward: bool, probe: Option<&ProbeResult>) -> usize {
    let count = probe.and_then(|p| scalar(p, "samples")).map_or(usize::MAX, |n| (n as usize).max(1));
    if forward {
        (sample + 1) % count
    } else {
        sample.min(count).checked_sub(1).unwrap_or(if count == usize::MAX { 0 } else { count - 1 })
    }
}

impl DataPane {
    fn draw_plane(probe: &ProbeResult, plane: Plane<'_>, theme: &Theme, area: Rect, buf: &mut Buffer) {
        let foot = u16::from(area.height >= 4);
        let map = text::part(area, 0, 0, area.width, area.height - foot);
        plane.draw(theme, map, buf);
        if let Some(Data::Points(points)) = probe.part("points") {
            plane.draw_points(points, theme, map, buf);
        }
        if foot == 1 {
            let [left, right, bottom, top] = plane.extent.map(|v| scale::number(f64::from(v)));
            let mut pieces: Vec<(String, Style)> = (0..plane.classes.clamp(2, 8) as u32)
                .map(|c| {
                    let style = Style::new().fg(plane::color(c, theme));
                    let named = rows(probe, "names").get(c as usize);
                    let name = named.map_or_else(|| format!("class {c}"), |r| r.0.clone());
                    (format!("{} {name}  ", plane::mark(c, theme.glyphs)), style)
                })
                .collect();
            pieces.push((format!("x {left} to {right}, y {bottom} to {top}"), theme.faint));
            text::put_pieces(buf, text::part(area, 0, area.height - 1, area.width, 1), 0, &pieces);
        }
    }

    fn draw_sample(lane: &LaneView, probe: &ProbeResult, theme: &Theme, area: Rect, buf: &mut Buffer) {
        let label = scalar(probe, "label");
        let none = no_answer(lane);
        let lost = no_numbers(lane).is_some();
        let predicted = scalar(probe, "predicted").filter(|_| !lost);
        let mut body = area;
        if area.height >= 2 {
            let mut pieces = Vec::new();
            if let Some(p) = predicted {
                pieces.push((format!("taken for {}", class_name(probe, p)), theme.strong));
            }
            if let Some(words) = none {
                // Without a real prediction, a lane is neither right nor wrong.
                let style = if lost { theme.bad } else { theme.warn };
                pieces.push((format!("{}{words}", if lost { "" } else { "  " }), style));
            } else if let (Some(l), Some(p)) = (label, predicted) {
                let right = l == p;
                let words = if right {
                    text::pick(theme.glyphs, " ✓ right", " right")
                } else {
                    text::pick(theme.glyphs, " ✗ wrong", " wrong")
                };
                pieces.push((words.into(), if right { theme.good } else { theme.bad }));
                if !right {
                    pieces.push((format!(", is {}", class_name(probe, l)), theme.text));
                }
            }
            if probe.part("sample").is_some() {
                pieces.push((format!("  sample {}", sample_words(probe)), theme.faint));
            }
            text::put_pieces(buf, area, 0, &pieces);
            body = text::part(area, 0, 1, area.width, area.height - 1);
        }
        let bars = !rows(probe, "probabilities").is_empty();
        let mut left = 0;
        if let Some(p) = picture(probe, "image", range(probe, "image")) {
            let share = if bars && body.width >= 24 { body.width / 2 } else { body.width };
            let place = p.place(text::part(body, 0, 0, share, body.height));
            if body.width >= 24 || !bars {
                left = p.draw(theme, text::part(body, 0, 0, place.width.max(1), body.height), buf).width + 1;
            } else if body.height >= 10 {
                // Narrow and high: the image above, the bars below.
                let used = p.draw(theme, text::part(body, 0, 0, body.width, body.height / 2), buf).height + 1;
                body = text::part(body, 0, used, body.width, body.height - used);
            }
        }
        let side = text::part(body, left, 0, body.width.saturating_sub(left), body.height);
        if !lost {
            draw_bars(probe, 0, predicted, theme, side, buf);
        }
    }

    fn draw_confusion(probe: &ProbeResult, theme: &Theme, area: Rect, buf: &mut Buffer) {
        let Some(Data::Table { columns, rows }) = probe.part("matrix") else {
            return text::put_message(buf, area, "no confusion matrix for these data", theme.faint);
        };
        let count = |v: f32| if v.is_finite() { f64::from(v) } else { 0.0 };
        let all: f64 = rows.iter().flat_map(|r| &r.1).map(|v| count(*v)).sum();
        let hits: f64 = rows.iter().enumerate().filter_map(|(i, r)| r.1.get(i)).map(|v| count(*v)).sum();
        let head = u16::from(area.height >= 4) * 2;
        if head > 0 {
            let share = if all > 0.0 { 100.0 * hits / all } else { 0.0 };
            let first = format!("{} of {} right ({share:.1}%)", scale::count(hits), scale::count(all));
            let mut pieces = vec![(first, theme.strong)];
            pieces.push(("  rows: true, columns: taken for".into(), theme.faint));
            text::put_pieces(buf, area, 0, &pieces);
        }
        let widest = rows.iter().map(|r| text::width(&r.0)).max().unwrap_or(0).min(area.width / 4);
        let cells = columns.len().max(1) as u16;
        let each = (area.width.saturating_sub(widest + 1) / cells).min(6);
        if each == 0 {
            return text::put_message(buf, area, "too narrow for the confusion matrix: z zooms", theme.faint);
        }
        let digits = |n: f64| text::width(&scale::count(n));
        for (j, name) in columns.iter().enumerate().filter(|_| head > 0 && each > 1) {
            let place = text::part(area, widest + 1 + j as u16 * each, 1, each, 1);
            let name = text::shorten(name, usize::from(each - 1), theme.glyphs);
            text::put_right(buf, place, 0, &name, theme.faint);
        }
        for (i, (name, values)) in rows.iter().enumerate() {
            let y = head + i as u16;
            if y >= area.height {
                break;
            }
            let name = text::shorten(name, usize::from(widest), theme.glyphs);
            text::put_right(buf, text::part(area, 0, 0, widest, area.height), y, &name, theme.strong);
            let row: f64 = values.iter().map(|v| count(*v)).sum();
            for (j, v) in values.iter().enumerate() {
                let (x, v) = (widest + 1 + j as u16 * each, count(*v));
                let place = text::part(area, x, y, each, 1);
                let share = if row > 0.0 { v / row } else { 0.0 };
                let mut style = Style::new();
                if theme.depth != Depth::Mono && v > 0.0 {
                    let ground = Map::Sequential.color(0.15 + 0.85 * share, theme.depth);
                    style = style.bg(ground).fg(colour::readable_on(ground));
                } else if v == 0.0 {
                    style = theme.faint;
                }
                if i == j {
                    style = style.patch(theme.strong);
                }
                buf.set_style(place, style);
                let number = scale::count(v);
                if v == 0.0 {
                    text::put_right(buf, place, 0, text::pick(theme.glyphs, "·", "."), style);
                } else if digits(v) < each {
                    text::put_right(buf, place, 0, &number, style);
                } else {
                    text::put_right(buf, place, 0, &colour::shade(share, theme.glyphs).to_string(), style);
                }
            }
        }
    }
}

impl PaneWidget for DataPane {
    fn open(&mut self, opening: &Opening) {
        self.sample = opening.sample;
    }

    fn title<'a>(&self, cx: Context<'a>) -> Line<'a> {
        let mut line = Line::styled("Data", cx.theme.strong);
        let Some(lane) = cx.view.lane(cx.front) else { return line };
        let style = Style::new().fg(cx.theme.lane(lane.id)).patch(cx.theme.strong);
        line.push_span(Span::styled(format!("  lane {}", lane.letter()), style));
        let probe = lane.probes.get(self.mode.probe());
        let what = if self.mode != Mode::Prediction {
            ["  ", self.mode.probe()].concat()
        } else if probe.is_some_and(|p| p.part("boundary").is_some()) {
            "  decision boundary".into()
        } else {
            "  prediction".into()
        };
        line.spans.extend(cx.age_of(self.mode.probe()));
        line.push_span(Span::styled(what, cx.theme.text));
        line
    }

    fn draw(&self, cx: Context<'_>, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        if area.is_empty() {
            return;
        }
        let name = self.mode.probe();
        let Some(lane) = cx.view.lane(cx.front) else {
            return text::put_message(buf, area, "no lane yet", cx.theme.faint);
        };
        if self.mode == Mode::Read {
            return self.report.draw(&lane.info.read, cx.theme, area, buf);
        }
        let Some(probe) = lane.probes.get(name) else {
            let words = match self.mode {
                Mode::Augmented if !cx.watching => {
                    "no pictures: these data are no images, or nothing is computed yet".into()
                }
                _ => cx.missing(&format!("{name} of lane {}", lane.letter())),
            };
            return text::put_message(buf, area, &words, cx.theme.faint);
        };
        if self.mode == Mode::Confusion {
            Self::draw_confusion(probe, cx.theme, area, buf);
        } else if self.mode == Mode::Augmented {
            augmented::draw(lane, probe, cx.theme, area, buf);
        } else if let Some(plane) = boundary(probe) {
            Self::draw_plane(probe, plane, cx.theme, area, buf);
        } else if probe.part("image").is_some() || !rows(probe, "probabilities").is_empty() {
            Self::draw_sample(lane, probe, cx.theme, area, buf);
        } else if rows(probe, "inputs").is_empty()
            && let (Some(Data::Series(answer)), Some(Data::Series(target))) =
                (probe.part("answer"), probe.part("target"))
        {
            read::numbers(probe, answer, target, cx.theme, area, buf);
            let below = text::part(area, 0, 2, area.width, area.height.saturating_sub(2));
            self.report.draw(&lane.info.read, cx.theme, below, buf);
        } else if let Some(sequence) = sequence::Sequence::of(probe) {
            let colour = cx.theme.lane(lane.id);
            sequence.draw(&sample_words(probe), no_numbers(lane), colour, cx.theme, area, buf);
        } else {
            self.report.draw(&lane.info.read, cx.theme, area, buf);
        }
    }

    fn act(&mut self, action: Action, cx: Context<'_>) -> PaneRequests {
        let probes = cx.view.lane(cx.front).map(|l| &l.probes);
        let probe = probes.and_then(|p| p.get(self.mode.probe()).or_else(|| p.get("prediction")));
        if self.mode == Mode::Read {
            self.report.scroll(action);
        }
        match action {
            Action::ToggleConfusion => self.mode = self.mode.toggled(Mode::Confusion),
            Action::ToggleAugmented => self.mode = self.mode.toggled(Mode::Augmented),
            Action::ToggleRead => self.mode = self.mode.toggled(Mode::Read),
            _ if self.mode == Mode::Read => {}
            Action::NextSample | Action::Right => self.sample = turn(self.sample, true, probe),
            Action::PreviousSample | Action::Left => self.sample = turn(self.sample, false, probe),
            Action::First => self.sample = 0,
            _ => {}
        }
        PaneRequests::new()
    }

    fn watch(&self, cx: Context<'_>, inside: Size) -> Vec<telemetry::ProbeRequest> {
        match self.mode {
            Mode::Confusion => return vec![telemetry::ProbeRequest::of("confusion", cx.front)],
            Mode::Augmented => {
                let (lane, sample) = (cx.front, self.sample);
                return vec![telemetry::ProbeRequest {
                    sample: telemetry::Sample::Number(sample),
                    number: DRAWS,
                    ..telemetry::ProbeRequest::of("augmented", lane)
                }];
            }
            Mode::Read => return Vec::new(),
            Mode::Prediction => {}
        }
        // As fine as the screen shows, in steps so that a small change of size requests nothing new, and limited.
        let grid = |n: u16| usize::from(n.clamp(8, 128)).next_multiple_of(8);
        let grid = (grid(inside.width), grid(inside.height.saturating_mul(2)));
        vec![telemetry::ProbeRequest {
            sample: telemetry::Sample::Number(self.sample),
            grid,
            ..telemetry::ProbeRequest::of("prediction", cx.front)
        }]
    }
}
