//! The gradient map: depth by time, with log10 ‖g‖ of every layer with parameters as colour, and the output layer on
//! top; or another number of the layers, whose newest values are beside the rows. Draws the view model; requests
//! nothing.

use super::{Context, PaneRequests, PaneWidget};
use crate::number::LayerNumber;
use crate::telemetry::{LayerMeasure, Phase};
use crate::ui::diagnosis::flow::{Flow, FlowChange};
use crate::ui::diagnosis::{first_step, health, word_of};
use crate::ui::keymap::Action;
use crate::ui::theme::{Glyphs, Theme};
use crate::ui::widget::colour::Map;
use crate::ui::widget::heat::{self, Pixel};
use crate::ui::widget::scale::{self, AxisScale};
use crate::ui::widget::text;
use crate::view::LaneView;
use crate::view::history::MapColumn;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use std::ops::Range;

mod colours;

use colours::ColourScale;

/// The quantity shown by the colours and beside each row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum MapQuantity {
    #[default]
    Gradient,
    Signal,
    Update,
    Weights,
    Units,
}

/// The state of the gradient map.
#[derive(Clone, Debug, Default)]
pub struct GradientMap {
    beside: MapQuantity,
}

/// A layer with parameters, with the flat units of the layers up to the next one.
struct LayerGroup<'a> {
    measure: &'a LayerMeasure,
    label: String,
    saturated: Option<f32>,
    silent: Option<f32>,
    dead: Option<f32>,
}

/// A layer's label in fewer characters: `Dense 32` for `Dense(units: 32)`.
fn brief(label: &str) -> String {
    let (kind, rest) = label.split_once('(').unwrap_or((label, ""));
    let first = rest.trim_end_matches(')').split(',').next().unwrap_or_default();
    let first = first.rsplit(':').next().unwrap_or_default().trim();
    if first.is_empty() { kind.to_owned() } else { format!("{kind} {first}") }
}

fn rows(lane: &LaneView) -> Vec<LayerGroup<'_>> {
    let mut rows: Vec<LayerGroup<'_>> = Vec::new();
    for m in &lane.layers {
        if m.get(LayerNumber::GradNorm).is_some() {
            let label = lane.info.layers.get(m.layer).map_or("", |l| l.label.as_str());
            rows.push(LayerGroup {
                measure: m,
                label: brief(label),
                saturated: None,
                silent: None,
                dead: None,
            });
        }
        if let Some(row) = rows.last_mut() {
            row.saturated = greater(row.saturated, m.get(LayerNumber::Saturated));
            row.silent = greater(row.silent, m.get(LayerNumber::Silent));
            row.dead = greater(row.dead, health::dead(lane, m.layer));
        }
    }
    rows
}

/// The distribution of layers over lines: pixel rows from the top, each with its layers.
struct Share {
    layers: usize,
    pixels: usize,
    per_line: usize,
    lines: usize,
}

impl Share {
    fn new(layers: usize, lines: usize, theme: &Theme) -> Self {
        if layers <= lines {
            let each = (lines / layers.max(1)).clamp(1, 8);
            return Self { layers, pixels: layers * each, per_line: 1, lines: layers * each };
        }
        let per_line = usize::from(heat::rows_per_line(theme));
        let pixels = layers.min(lines * per_line);
        Self { layers, pixels, per_line, lines: pixels.div_ceil(per_line) }
    }

    /// The layers of a pixel row, 0 being nearest to the input.
    fn of_pixel(&self, pixel: usize) -> Range<usize> {
        let below = self.pixels - 1 - pixel.min(self.pixels - 1);
        let start = below * self.layers / self.pixels;
        start..((below + 1) * self.layers / self.pixels).max(start + 1)
    }

    fn of_line(&self, line: usize) -> Range<usize> {
        let upper = self.of_pixel(line * self.per_line);
        self.of_pixel((line * self.per_line + self.per_line - 1).min(self.pixels - 1)).start..upper.end
    }
}

/// The geometric mean of the existing values; NaN if one is not finite, 0 if one is 0.
fn typical(values: &[Option<f32>]) -> Option<f32> {
    let there = || values.iter().flatten().copied();
    match there().count() {
        0 => None,
        1 => there().next(),
        _ if there().any(|v| !v.is_finite()) => Some(f32::NAN),
        n => Some(libm::powf(10.0, there().map(libm::log10f).sum::<f32>() / n as f32)),
    }
}

/// The greatest of the existing values.
fn worst(values: &[Option<f32>]) -> Option<f32> {
    values.iter().copied().fold(None, greater)
}

fn word_style(word: FlowChange, theme: &Theme) -> Style {
    match word {
        FlowChange::Even => theme.good,
        FlowChange::Uneven => theme.text,
        FlowChange::Vanishing => theme.warn,
        FlowChange::Vanished => theme.warn.patch(theme.strong),
        FlowChange::Exploded | FlowChange::Exploding | FlowChange::Nothing => theme.bad,
    }
}

fn percent(share: Option<f32>, name: &str) -> Option<String> {
    share.map(|s| format!("{name} {:.0}%", s * 100.0))
}

fn norm_name(glyphs: Glyphs) -> &'static str {
    text::pick(glyphs, "‖g‖", "|g|")
}

impl GradientMap {
    /// Why there is no map.
    fn missing(&self, lane: &LaneView, glyphs: Glyphs) -> String {
        match self.beside {
            _ if lane.step == 0 => format!("no gradient yet: {}", first_step(lane)),
            _ if lane.maps.is_empty() && lane.info.foreign.is_some() => {
                "no step of the log has the gradient norms of all layers".into()
            }
            _ if lane.maps.is_empty() && matches!(lane.phase, Phase::Diverged(_)) => {
                "diverged in its first step: no gradient to show".into()
            }
            MapQuantity::Gradient => "no gradient measured yet".into(),
            _ => format!("no {} measured", self.beside_name(glyphs)),
        }
    }

    /// The line above the map. The line of the diagnosis tells a median, so these numbers name their step.
    fn summary(
        &self,
        lane: &LaneView,
        rows: &[LayerGroup<'_>],
        step: u64,
        theme: &Theme,
    ) -> Vec<(String, Style)> {
        let mut pieces = vec![(format!("step {} ", scale::count(step as f64)), theme.faint)];
        let shown = self.beside == MapQuantity::Gradient;
        if let Some(flow) = Flow::of(&lane.layers).filter(|_| shown) {
            let ratio = flow.ratio().map_or_else(|| "-".into(), |r| scale::number(f64::from(r)));
            pieces.push((format!(" first:last {ratio} "), theme.text));
            if let Some((word, weight)) = word_of(lane, &flow) {
                let style = if word == FlowChange::Even.text() { theme.good } else { weight.style(theme) };
                pieces.push((format!(" {word} "), style));
            }
        }
        if let Some(words) = units(rows) {
            pieces.push((format!(" worst {words} "), theme.faint));
        }
        // One batch says less about a unit than an evaluation, so the word differs.
        let silent = rows.iter().map(|r| r.silent).fold(None, greater).filter(|s| *s > 0.0);
        if let Some(words) = percent(silent, "silent in this batch") {
            pieces.push((format!(" {words} "), theme.faint));
        }
        pieces
    }

    /// The text beside a line of the map: its number, and a word if it is remarkable.
    fn beside(&self, rows: &[LayerGroup<'_>], greatest: f32) -> (String, Option<FlowChange>) {
        let of = |n: LayerNumber| {
            let values: Vec<Option<f32>> = rows.iter().map(|r| r.measure.get(n)).collect();
            typical(&values)
        };
        let number = |v: Option<f32>| v.map_or_else(|| "-".into(), |v| scale::number(f64::from(v)));
        match self.beside {
            MapQuantity::Gradient | MapQuantity::Signal => {
                let norm = of(self.norm());
                (number(norm), norm.and_then(|g| FlowChange::of_layer(g, greatest)))
            }
            MapQuantity::Update => (number(of(LayerNumber::UpdateRatio)), None),
            MapQuantity::Weights => (number(of(LayerNumber::WeightNorm)), None),
            MapQuantity::Units => (units(rows).unwrap_or_else(|| "-".into()), None),
        }
    }

    /// The number that the colours show.
    fn number(&self) -> LayerNumber {
        match self.beside {
            MapQuantity::Gradient => LayerNumber::GradNorm,
            MapQuantity::Signal => LayerNumber::SignalNorm,
            MapQuantity::Update => LayerNumber::UpdateRatio,
            MapQuantity::Weights => LayerNumber::WeightNorm,
            MapQuantity::Units => LayerNumber::Saturated,
        }
    }

    /// The norm to which the words beside the rows refer.
    fn norm(&self) -> LayerNumber {
        if self.beside == MapQuantity::Signal { LayerNumber::SignalNorm } else { LayerNumber::GradNorm }
    }

    fn beside_name(&self, glyphs: Glyphs) -> &'static str {
        match self.beside {
            MapQuantity::Gradient => norm_name(glyphs),
            MapQuantity::Signal => text::pick(glyphs, LayerNumber::SignalNorm.row().label, "|dL/da|"),
            MapQuantity::Update => "update:weight",
            MapQuantity::Weights => text::pick(glyphs, "‖w‖", "|w|"),
            MapQuantity::Units => "flat units",
        }
    }
}

/// Shares of units that pass no gradient, the worst of some layers: saturated outputs of this batch, and dead units,
/// whose gradient is zero for every sample of the last evaluation.
fn units(rows: &[LayerGroup<'_>]) -> Option<String> {
    let worst = |f: fn(&LayerGroup<'_>) -> Option<f32>| rows.iter().map(f).fold(None, greater);
    let parts = [percent(worst(|r| r.saturated), "sat"), percent(worst(|r| r.dead), "dead")];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

/// The greater of two optional numbers.
fn greater(a: Option<f32>, b: Option<f32>) -> Option<f32> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.max(b)),
        (a, b) => a.or(b),
    }
}

/// The number and the name of a line's layer, or the numbers of its first and last layer.
fn line_label(rows: &[LayerGroup<'_>], layers: Range<usize>) -> (String, String) {
    let number = |i: usize| rows[i].measure.layer + 1;
    if layers.len() > 1 {
        return (format!("{}-{}", number(layers.start), number(layers.end - 1)), String::new());
    }
    (number(layers.start).to_string(), rows[layers.start].label.clone())
}

/// The axis of steps below a map of this width. If the cells of a step are wide, its number is below their middle.
fn draw_steps(x: AxisScale, width: u16, row: Rect, theme: &Theme, buf: &mut Buffer) {
    let column = |v: f64| x.at(v).map_or(0.0, |p| p * f64::from(width));
    let wide = column(1.0) - column(0.0) >= 2.0;
    for (v, _) in x.ticks(usize::from(width / 9).max(2)).into_iter().filter(|(v, _)| v.fract() == 0.0) {
        let v = if wide { v.max(1.0) } else { v };
        let words = scale::count(v);
        let middle = column(if wide { v - 0.5 } else { v });
        let half = if v > 0.0 { text::width(&words) / 2 } else { 0 };
        let start = (if wide { middle.floor() } else { middle.round() } as u16).saturating_sub(half);
        if start + text::width(&words) <= width {
            text::put(buf, row, start, 0, &words, theme.faint);
        }
    }
}

impl PaneWidget for GradientMap {
    fn title<'a>(&self, cx: Context<'a>) -> Line<'a> {
        let mut line = Line::styled("Gradient map", cx.theme.strong);
        if let Some(lane) = cx.view.lane(cx.front) {
            let style = Style::new().fg(cx.theme.lane(lane.id)).patch(cx.theme.strong);
            line.push_span(Span::styled(format!("  lane {}", lane.letter()), style));
        }
        let what = match self.beside {
            MapQuantity::Units => "  saturated units".into(),
            _ => format!("  log10 {}", self.beside_name(cx.theme.glyphs)),
        };
        line.push_span(Span::styled(what, cx.theme.text));
        let axes = text::pick(cx.theme.glyphs, "  depth × steps", "  depth x steps");
        line.push_span(Span::styled(axes, cx.theme.faint));
        line
    }

    fn draw(&self, cx: Context<'_>, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        let theme = cx.theme;
        let Some(lane) = cx.view.lane(cx.front) else {
            return text::put_message(buf, area, "no lane yet", theme.faint);
        };
        let rows = rows(lane);
        let map = lane.maps.get(&self.number());
        let columns = map.map_or(&[][..], |map| map.columns());
        let (Some(newest), Some(map), false) = (columns.last(), map, rows.is_empty()) else {
            return text::put_message(buf, area, &self.missing(lane, theme.glyphs), theme.faint);
        };
        let began = map.first();
        if area.width < 2 || area.height == 0 {
            return;
        }

        let shares = self.beside == MapQuantity::Units;
        let colours = ColourScale::of(columns, shares);

        let head = u16::from(area.height >= 4);
        let foot = u16::from(area.height >= 5) + u16::from(area.height >= 8);
        let lines = usize::from(area.height - head - foot);
        let share = Share::new(rows.len(), lines, theme);
        let body = text::part(area, 0, head, area.width, share.lines as u16);

        // The texts on both sides, limited to half of the width.
        let greatest = rows
            .iter()
            .filter_map(|r| r.measure.get(self.norm()))
            .filter(|g| g.is_finite())
            .fold(0.0, f32::max);
        let label = |line: usize| line_label(&rows, share.of_line(line));
        let wide = area.width >= 46;
        let digits = (0..share.lines).map(|l| text::width(&label(l).0)).max().unwrap_or(0);
        let names = (0..share.lines).map(|l| text::width(&label(l).1)).max().unwrap_or(0);
        let names = if wide { names.min((area.width / 6).max(9)) } else { 0 };
        let left = if area.width >= 16 { digits + 1 + names + u16::from(names > 0) } else { 0 };
        let side: Vec<(String, Option<FlowChange>, String)> = (0..share.lines)
            .map(|l| {
                let rows = &rows[share.of_line(l)];
                let (number, word) = self.beside(rows, greatest);
                let units = if self.beside == MapQuantity::Units { None } else { units(rows) };
                (number, word, units.unwrap_or_default())
            })
            .collect();
        let column =
            |f: fn(&(String, Option<FlowChange>, String)) -> u16| side.iter().map(f).max().unwrap_or(0);
        let numbers = column(|s| text::width(&s.0));
        let words = column(|s| s.1.map_or(0, |w| text::width(w.text())));
        let flats = column(|s| text::width(&s.2));
        let with = |w: u16| if w > 0 { w + 1 } else { 0 };
        let mut right = if area.width >= 22 { with(numbers) } else { 0 };
        let fits = |more: u16, right: u16| more > 0 && left + right + with(more) + 30 <= area.width;
        let words = if right > 0 && fits(words, right) { words } else { 0 };
        right += with(words);
        let flats = if right > 0 && fits(flats, right) { flats } else { 0 };
        right += with(flats);
        let map = text::part(body, left, 0, area.width - left - right, body.height);

        // The picture. A column of history covers the steps since the previous column, and a cell shows the newest
        // column that begins in it. So a lane with three steps is three columns wide, and the last cell belongs to the
        // step of the numbers.
        let (begin, end) = (began.saturating_sub(1) as f64, newest.step as f64);
        let x = match lane.present().phase {
            Phase::Running | Phase::Paused => AxisScale::whole(end),
            // The map of a lane that has ended fills the width.
            _ => AxisScale::between(0.0, end.max(1.0)),
        };
        let edge = |column: u16| x.value(f64::from(column) / f64::from(map.width.max(1)));
        let at = |column: u16| {
            let (left, right) = (edge(column), edge(column + 1).min(end));
            let covers = |c: &MapColumn| (c.step as f64) < right - 1e-9 * end;
            let known = left < end && right > begin;
            known.then(|| columns.get(columns.partition_point(covers)))?
        };
        let mut broken = Vec::new();
        heat::raster(buf, map, theme, share.per_line as u16, |column, pixel| {
            let values = at(column)?.values.get(share.of_pixel(usize::from(pixel)))?;
            if usize::from(pixel) >= share.pixels {
                return None;
            }
            let v = if shares { worst(values) } else { typical(values) }?;
            if !v.is_finite() {
                broken.push((column, pixel / share.per_line as u16));
                return None;
            }
            Some(Pixel::of(colours.place(v), Map::Sequential, theme))
        });
        let cross = if theme.glyphs == Glyphs::Unicode { '×' } else { '!' };
        for (column, line) in broken {
            text::cell(buf, map.x + column, map.y + line, cross, theme.bad);
        }

        // The column of the past step that is shown.
        if let Some(step) = cx.past {
            let column = (0..map.width).find(|c| edge(c + 1) >= step as f64).unwrap_or(0);
            let sign = if theme.glyphs == Glyphs::Unicode { '│' } else { '|' };
            for at in text::part(map, column, 0, 1, map.height).positions() {
                buf[at].reset();
                text::cell(buf, at.x, at.y, sign, theme.strong);
            }
        }

        // The sides. The label of a layer with several lines is on the middle one.
        let each =
            if share.per_line == 1 { share.lines / share.layers.clamp(1, share.lines.max(1)) } else { 1 };
        for (line, (number, word, flat)) in side.iter().enumerate() {
            if each > 1 && line % each != each / 2 {
                continue;
            }
            let y = line as u16;
            let (digits_text, name) = label(line);
            if left > 0 {
                text::put_right(
                    buf,
                    text::part(body, 0, 0, digits, body.height),
                    y,
                    &digits_text,
                    theme.strong,
                );
                let name = text::by_words(&name, usize::from(names), theme.glyphs);
                text::put(buf, body, digits + 1, y, &name, theme.faint);
            }
            if right > 0 {
                let start = area.width - right;
                let room = text::part(body, start, 0, numbers + 1, body.height);
                text::put_right(buf, room, y, number, theme.text);
                if let Some(word) = word.filter(|_| words > 0) {
                    text::put(buf, body, start + 1 + numbers + 1, y, word.text(), word_style(word, theme));
                }
                if flats > 0 {
                    text::put_right(buf, body, y, flat, theme.faint);
                }
            }
        }

        if head == 1 {
            let step = cx.past.unwrap_or(newest.step);
            text::put_pieces(buf, area, 0, &self.summary(lane, &rows, step, theme));
        }
        if foot >= 1 {
            let y = head + share.lines as u16;
            let title = self.beside_name(theme.glyphs);
            if foot == 2 {
                let row = text::part(area, left, y, area.width - left, 1);
                draw_steps(x, map.width, row, theme, buf);
                if right >= text::width(title) {
                    text::put(buf, area, area.width - right + 1, y, title, theme.faint);
                }
            }
            let (low, name) = colours.legend(title, theme.glyphs);
            let row = text::part(area, left, y + foot - 1, (area.width - left).min(46), 1);
            heat::legend(buf, row, theme, Map::Sequential, &low, &name);
        }
    }

    fn act(&mut self, action: Action, _: Context<'_>) -> PaneRequests {
        use MapQuantity::{Gradient, Signal, Units, Update, Weights};
        let order = [Gradient, Signal, Update, Weights, Units];
        let place = order.iter().position(|b| *b == self.beside).unwrap_or(0);
        match action {
            Action::NextMetric | Action::Down => self.beside = order[(place + 1) % order.len()],
            Action::PreviousMetric | Action::Up => {
                self.beside = order[(place + order.len() - 1) % order.len()];
            }
            _ => {}
        }
        PaneRequests::new()
    }
}
