//! The curves pane: one metric of all lanes large, and others small below it if there is room. Draws the view model;
//! asks nothing of training except for probes.

mod cursor;

use super::{Context, PaneRequests, PaneWidget};
use crate::number::{Number, NumberAxis, NumberSource};
use crate::scenario::view::{Axis as Along, Opening};
use crate::telemetry::{self, Data, Phase};
use crate::ui::keymap::Action;
use crate::ui::theme::Glyphs;
use crate::ui::widget::colour;
use crate::ui::widget::plot::{self, Curve, Plot, XAxis};
use crate::ui::widget::scale::{self, AxisScale};
use crate::ui::widget::text;
use crate::view::LaneView;
use crate::view::history::{Bucket, History};
use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Words with their styles.
type Pieces = Vec<(String, Style)>;

/// Length of the smoothing window of the main line, as shares of the shown range.
const SMOOTHING: [f64; 5] = [0.0, 0.005, 0.015, 0.04, 0.1];

/// The state of the curves pane: metric, axes, and cursor.
#[derive(Clone, Debug)]
pub struct Curves {
    metric: Number,
    /// Whether the axis is logarithmic, for metrics whose default was changed.
    log: BTreeMap<Number, bool>,
    smoothing: usize,
    axis: XAxis,
    recent: bool,
    /// Position of the cursor on the x axis.
    cursor: Option<f64>,
}

impl Default for Curves {
    fn default() -> Self {
        let (metric, axis) = (Number::Loss, XAxis::Steps);
        Self { metric, log: BTreeMap::new(), smoothing: 3, axis, recent: false, cursor: None }
    }
}

/// The metric that is drawn dashed together with another one, and the name of the dashed line.
fn companion(metric: Number) -> Option<(Number, &'static str)> {
    match metric {
        Number::Loss => Some((Number::ValLoss, "val")),
        Number::Accuracy => Some((Number::ValAccuracy, "val")),
        Number::GradNorm => Some((Number::GradNormClipped, "clipped")),
        Number::Sharpness => Some((Number::SharpnessLimit, "limit")),
        _ => None,
    }
}

/// The mark for lanes for which a legend has no room.
fn unnamed(lanes: usize) -> String {
    format!("+{lanes}")
}

/// The probe that computes a number while it is viewed.
fn probe(metric: Number) -> Option<&'static str> {
    match metric.row().source {
        NumberSource::Probe(name, _) => Some(name),
        _ => None,
    }
}

/// The age of a probe of the lane in front, and its remark beside the numbers.
fn probed(cx: Context<'_>, name: &str) -> Option<String> {
    let lane = cx.view.lane(cx.front)?;
    let probe = lane.probes.get(name)?;
    let age = match lane.step.saturating_sub(probe.step) {
        0 => "of this step".to_string(),
        1 => "1 step old".to_string(),
        steps => format!("{} steps old", scale::count(steps as f64)),
    };
    let why = match probe.part("why") {
        Some(Data::Table { rows, .. }) => rows.first().map(|row| row.0.clone()),
        _ => None,
    };
    Some(why.map_or_else(|| age.clone(), |why| format!("{age}; {why}")))
}

fn points(history: &History, recent: bool) -> Cow<'_, [Bucket]> {
    if recent { Cow::Owned(history.recent().copied().collect()) } else { Cow::Borrowed(history.whole()) }
}

/// A number's label in the characters of the terminal.
fn name(number: Number, glyphs: Glyphs) -> &'static str {
    let row = number.row();
    text::pick(glyphs, row.label, row.ascii)
}

impl Curves {
    fn is_log(&self, metric: Number, cx: Context<'_>) -> bool {
        // A logarithmic axis has no place for negative numbers.
        let negative = |l: &LaneView| l.curve(metric).is_some_and(|c| c.whole().iter().any(|b| b.min < 0.0));
        let usual = || metric.row().axis == NumberAxis::Log && !cx.view.lanes.iter().any(negative);
        self.log.get(&metric).copied().unwrap_or_else(usual)
    }

    /// The visible part of the x axis: the whole run on an axis that grows in steps, or its newest page.
    fn x_scale(&self, cx: Context<'_>) -> AxisScale {
        // The axis keeps room for abandoned curves.
        let newest = |l: &LaneView| {
            let curves = l.curve(Number::Loss).into_iter().chain(l.ghosts.get(&Number::Loss));
            curves.filter_map(History::last).map(|b| self.axis.of(b.at)).max_by(f64::total_cmp)
        };
        let end = cx.view.lanes.iter().filter_map(newest).filter(|x| x.is_finite()).fold(0.0, f64::max);
        if !self.recent {
            return AxisScale::whole(end);
        }
        // A page holds about 500 measurements of the lane in front, its length is a power of two, and it advances by
        // halves, so the axis rarely moves.
        let back = cx.view.lane(cx.front).and_then(|l| l.curve(Number::Loss)).and_then(|h| {
            let old = h.recent().rev().nth(511).or_else(|| h.recent().next())?;
            Some(end - self.axis.of(old.at))
        });
        let back = back.filter(|b| *b > 0.0).unwrap_or(end).max(1e-6);
        let page = libm::exp2(libm::log2(back).ceil());
        let turned = ((end / page * 2.0).ceil() * page / 2.0).max(page);
        AxisScale::between(turned - page, turned)
    }

    /// The plot of a metric; a small plot shows a share on a fixed axis, so that it can be compared at a glance.
    fn plot<'a>(&self, metric: Number, cx: Context<'a>, x: AxisScale, small: bool) -> Plot<'a> {
        let mut curves = Vec::new();
        for (lane, ghost) in cx.view.lanes.iter().filter_map(|l| Some((l, l.ghosts.get(&metric)?))) {
            let faint = colour::faint(cx.theme.lane(lane.id), cx.theme);
            curves.push(Curve {
                points: points(ghost, self.recent),
                letter: lane.letter(),
                color: faint.fg.unwrap_or(cx.theme.lane(lane.id)),
                front: false,
                dashed: true,
                broken: false,
                breaks: Vec::new(),
            });
        }
        for lane in &cx.view.lanes {
            for (metric, dashed) in [(companion(metric).map(|c| c.0), true), (Some(metric), false)] {
                let Some(history) = metric.and_then(|m| lane.curve(m)) else { continue };
                curves.push(Curve {
                    points: points(history, self.recent),
                    letter: lane.letter(),
                    color: cx.theme.lane(lane.id),
                    front: lane.id == cx.front,
                    dashed,
                    broken: matches!(lane.present().phase, Phase::Diverged(_) | Phase::Failed(_)),
                    breaks: lane.info.edits.iter().filter_map(|e| self.place(lane, e)).collect(),
                });
            }
        }
        // A schedule has no noise to smooth.
        let smoothing = if metric == Number::Lr { 0.0 } else { SMOOTHING[self.smoothing] };
        let log = self.is_log(metric, cx);
        // The large plot must distinguish the last percents of an accuracy; accuracies under attack may have any value.
        let whole = !log && metric.is_share() && (small || metric.attacked());
        let y = whole.then(|| AxisScale::between(0.0, 1.0));
        Plot { curves, axis: self.axis, x, log, y, smoothing, cursor: self.cursor(cx) }
    }

    /// A lane's value at the cursor, or its newest value.
    fn value(&self, lane: &LaneView, metric: Number, cx: Context<'_>) -> Option<f32> {
        let history = lane.curve(metric)?;
        if lane.is_past()
            && let Some(value) = lane.last.drawn(metric).or_else(|| lane.validation?.drawn(metric))
        {
            // The exact value at that step, not that of a bucket of the curve.
            return Some(value as f32);
        }
        // A fork has no value before its first step.
        let begins = lane.info.fork.as_ref().and_then(|_| Some(self.axis.of(history.whole().first()?.at)));
        match self.cursor(cx) {
            Some(x) if begins.is_some_and(|begins| x < begins) => None,
            Some(x) => plot::at(&points(history, self.recent), self.axis, x).map(|b| b.last),
            None => history.last().map(|b| b.last),
        }
    }

    /// The legend of one lane: letter, value, and optionally its name and validation value.
    fn lane_words(
        &self,
        lane: &LaneView,
        metric: Number,
        cx: Context<'_>,
        names: bool,
        both: bool,
    ) -> Pieces {
        let (theme, glyphs) = (cx.theme, cx.theme.glyphs);
        let number = |v: Option<f32>| v.map_or_else(|| "-".into(), |v| scale::number(f64::from(v)));
        let front = lane.id == cx.front;
        let arrow = if front { text::pick(glyphs, "▸", ">") } else { "" };
        let style = Style::new().fg(theme.lane(lane.id)).add_modifier(Modifier::BOLD);
        let mut pieces = vec![(format!("{arrow}{}", lane.letter()), style)];
        if names {
            let name = text::shorten(&lane.title(), 14, glyphs);
            pieces.push((format!(" {name}"), if front { theme.strong } else { theme.text }));
        }
        let value = self.value(lane, metric, cx);
        let shown = self.cursor(cx).is_some() && value.is_some_and(f32::is_finite);
        if matches!(lane.phase, Phase::Diverged(_)) && !shown {
            pieces.push((text::pick(glyphs, " × diverged", " ! diverged").into(), theme.bad));
        } else {
            pieces.push((format!(" {}", number(value)), theme.text));
            if let Some((v, word)) = companion(metric)
                .filter(|_| both)
                .and_then(|(m, word)| Some((self.value(lane, m, cx)?, word)))
            {
                pieces.push((format!(" {word} {}", scale::number(f64::from(v))), theme.faint));
            }
        }
        pieces.push(("  ".into(), theme.text));
        pieces
    }

    /// The line above a plot: every lane's letter and value, with names and validation values if there is room; if
    /// there is not enough room for all lanes, the one in front comes first.
    fn legend(&self, metric: Number, cx: Context<'_>, area: Rect, title: bool, buf: &mut Buffer) {
        let wide = |pieces: &Pieces| pieces.iter().map(|p| text::width(&p.0)).sum::<u16>();
        let mut line = Pieces::new();
        if title {
            // The lane in front, and the number of lanes without room, come before the whole name.
            let front =
                cx.view.lane(cx.front).map_or(0, |l| wide(&self.lane_words(l, metric, cx, false, false)));
            let others = cx.view.lanes.len().saturating_sub(1);
            let rest = front + if others > 0 { text::width(&unnamed(others)) } else { 0 };
            let most = usize::from(area.width.saturating_sub(rest + 2));
            let words = text::shorten(name(metric, cx.theme.glyphs), most, cx.theme.glyphs);
            line.push((format!("{words}  "), cx.theme.strong));
        } else if let Some(x) = self.cursor(cx) {
            // The step whose numbers are shown: not every step is kept.
            let front = cx.view.lane(cx.front).filter(|lane| !lane.is_past()).and_then(|l| l.curve(metric));
            let kept = front.map(|history| points(history, self.recent));
            let x = kept.and_then(|p| Some(self.axis.of(plot::at(&p, self.axis, x)?.at))).unwrap_or(x);
            let x = if self.axis == XAxis::Steps { x.round() } else { x };
            line.push((format!("at {} {}  ", scale::count(x), self.axis.label()), cx.theme.strong));
        }
        let room = (area.width + 2).saturating_sub(wide(&line));
        let mut lanes: Vec<Pieces> = Vec::new();
        for (names, both) in [(true, true), (true, false), (false, true), (false, false)] {
            let words = |l: &LaneView| self.lane_words(l, metric, cx, names, both);
            lanes = cx.view.lanes.iter().map(words).collect();
            if lanes.iter().map(wide).sum::<u16>() <= room {
                break;
            }
        }
        if lanes.iter().map(wide).sum::<u16>() > room
            && let Some(front) = cx.view.lanes.iter().position(|l| l.id == cx.front)
        {
            lanes[..=front].rotate_right(1);
        }
        let count = lanes.len();
        let mut left = count;
        for lane in lanes {
            // Lanes without room are marked; only the gap after the last lane may be cut.
            let end = if left == 1 || left == count && !title {
                area.width + 2
            } else {
                area.width.saturating_sub(text::width(&unnamed(left - 1)))
            };
            if wide(&line) + wide(&lane) > end {
                break;
            }
            line.extend(lane);
            left -= 1;
        }
        if left > 0 {
            line.push((unnamed(left), cx.theme.warn));
        }
        text::put_pieces(buf, area, 0, &line);
    }

    /// The metrics below the large one, by importance, without those that have no values.
    fn small(&self, cx: Context<'_>) -> Vec<Number> {
        let known = |m: &Number| cx.view.lanes.iter().any(|l| l.curve(*m).is_some());
        [
            Number::PgdAccuracy,
            Number::Accuracy,
            Number::FgsmAccuracy,
            Number::GradNorm,
            Number::NoiseAccuracy,
            Number::UpdateRatio,
            Number::Loss,
            Number::ClipRate,
            Number::Lr,
        ]
        .into_iter()
        .filter(|m| *m != self.metric && companion(*m).is_none_or(|c| c.0 != self.metric) && known(m))
        .collect()
    }
}

impl PaneWidget for Curves {
    fn open(&mut self, opening: &Opening) {
        self.metric = Number::of_key(&opening.curve).unwrap_or(self.metric);
        if let Some(axis) = opening.x_axis {
            self.axis = match axis {
                Along::Steps => XAxis::Steps,
                Along::Epochs => XAxis::Epochs,
                Along::Seconds => XAxis::Seconds,
                Along::Evaluations => XAxis::Evaluations,
            };
        }
        if let Some(log) = opening.log {
            self.log.insert(self.metric, log);
        }
    }

    fn title<'a>(&self, cx: Context<'a>) -> Line<'a> {
        let glyphs = cx.theme.glyphs;
        let mut line = Line::styled("Curves  ", cx.theme.strong);
        line.push_span(Span::styled(name(self.metric, glyphs), cx.theme.strong));
        let mut losses = cx.view.lanes.iter().map(|l| &l.info.recipe.loss);
        let first = losses.next();
        if self.metric == Number::Loss && losses.any(|loss| Some(loss) != first) {
            // Smoothed, weighted and squared losses have no common scale; the validation loss is the same for all
            // lanes.
            line.push_span(Span::styled("  of different kinds: compare val loss", cx.theme.warn));
        }
        line.push_span(cx.measured());
        if let Some((metric, word)) = companion(self.metric) {
            // The dashed lines, with small letters at their ends.
            let with = cx.view.lanes.iter().filter(|l| l.curve(metric).is_some());
            let letters: String = with.map(|l| l.letter().to_ascii_lowercase()).collect();
            if !letters.is_empty() {
                let dash = text::pick(glyphs, "╌", "-");
                line.push_span(Span::styled(format!("  {dash} {letters}: {word}"), cx.theme.text));
            }
        }
        let scale = if self.is_log(self.metric, cx) { "  log" } else { "  linear" };
        line.push_span(Span::styled(scale, cx.theme.faint));
        let smooth = if self.metric == Number::Lr { 0.0 } else { SMOOTHING[self.smoothing] * 100.0 };
        if smooth > 0.0 {
            line.push_span(Span::styled(format!("  smooth {smooth}%"), cx.theme.faint));
        }
        if self.recent {
            line.push_span(Span::styled("  recent", cx.theme.faint));
        }
        if cx.view.has_ghosts() {
            line.push_span(Span::styled("  faint: before going back", cx.theme.faint));
        }
        if let Some(words) = probe(self.metric).and_then(|name| probed(cx, name)) {
            line.push_span(Span::styled(format!("  {words}"), cx.theme.faint));
        }
        line
    }

    fn watch(&self, cx: Context<'_>, _: Size) -> Vec<telemetry::ProbeRequest> {
        let Some(name) = probe(self.metric) else { return Vec::new() };
        cx.view.lanes.iter().map(|l| telemetry::ProbeRequest::of(name, l.id)).collect()
    }

    fn draw(&self, cx: Context<'_>, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        if cx.view.lanes.is_empty() {
            return text::put_message(buf, area, "no lanes yet", cx.theme.faint);
        }
        if cx.view.lanes.iter().all(|l| l.curves.is_empty() && l.ghosts.is_empty()) {
            return text::put_message(
                buf,
                area,
                "nothing measured yet: space runs the lanes",
                cx.theme.faint,
            );
        }
        let x = self.x_scale(cx);
        let mut large = area;
        let small = if area.width >= 44 && area.height >= 15 { self.small(cx) } else { Vec::new() };
        if !small.is_empty() {
            let across = small.len().min(usize::from(area.width / 26)).max(1) as u16;
            let down = if area.height >= 40 && small.len() > usize::from(across) { 2 } else { 1 };
            let height = if down == 2 { area.height / 4 } else { area.height * 2 / 5 };
            large.height -= height * down;
            for (i, metric) in small.into_iter().take(usize::from(across * down)).enumerate() {
                let (column, row) = (i as u16 % across, i as u16 / across);
                let left = area.width * column / across;
                let right = area.width * (column + 1) / across - u16::from(column + 1 < across);
                let part = text::part(area, left, large.height + height * row, right - left, height);
                // The next legend begins beside it, so there is some space between them.
                let between = if column + 1 < across { 2 } else { 0 };
                self.legend(metric, cx, text::part(part, 0, 0, part.width - between, 1), true, buf);
                let body = text::part(part, 0, 1, part.width, height - 1);
                self.plot(metric, cx, x, true).draw(cx.theme, body, buf);
            }
        }
        let head = u16::from(large.height >= 3);
        if head == 1 {
            self.legend(self.metric, cx, large, false, buf);
        }
        let body = text::part(large, 0, head, large.width, large.height - head);
        if cx.view.lanes.iter().all(|l| l.curve(self.metric).is_none()) {
            let words = format!("no lane has a {} yet", name(self.metric, cx.theme.glyphs));
            return text::put_message(buf, body, &words, cx.theme.faint);
        }
        self.plot(self.metric, cx, x, false).draw(cx.theme, body, buf);
        let changes = self.changes_at_cursor(cx, x);
        if !changes.is_empty() && body.height > 2 {
            let wide = changes.iter().map(|c| text::width(&c.0)).sum::<u16>().min(body.width);
            text::put_pieces(buf, text::part(body, body.width - wide, 0, wide, 1), 0, &changes);
        }
    }

    fn act(&mut self, action: Action, cx: Context<'_>) -> PaneRequests {
        // Metrics of attacks or of certain labels are listed only if a lane has them; a limit is drawn together with
        // its number.
        let measured = |m: &Number| cx.view.lanes.iter().any(|l| l.curve(*m).is_some());
        let always = |m: &Number| {
            let row = m.row();
            !m.attacked() && (row.band || !matches!(row.source, NumberSource::Evaluation))
        };
        let there = |m: &Number| *m != Number::SharpnessLimit && (always(m) || measured(m));
        let metrics: Vec<Number> = Number::ALL.into_iter().filter(there).collect();
        let all = metrics.len();
        let place = metrics.iter().position(|m| *m == self.metric).unwrap_or(0);
        match action {
            Action::NextMetric | Action::Down => self.metric = metrics[(place + 1) % all],
            Action::PreviousMetric | Action::Up => self.metric = metrics[(place + all - 1) % all],
            Action::ToggleLog => {
                self.log.insert(self.metric, !self.is_log(self.metric, cx));
            }
            Action::NextXAxis => {
                self.axis = self.axis.next();
                self.cursor = None;
            }
            Action::Smoother => self.smoothing = (self.smoothing + 1).min(SMOOTHING.len() - 1),
            Action::Rougher => self.smoothing = self.smoothing.saturating_sub(1),
            Action::ToggleWindow => {
                self.recent = !self.recent;
                self.cursor = None;
            }
            Action::Left => self.move_cursor(-cursor::STRIDE, cx),
            Action::Right => self.move_cursor(cursor::STRIDE, cx),
            Action::PageUp => self.move_cursor(-0.1, cx),
            Action::PageDown => self.move_cursor(0.1, cx),
            Action::First => self.cursor = Some(self.x_scale(cx).value(0.0)),
            Action::Last => self.cursor = None,
            _ => {}
        }
        PaneRequests::new()
    }
}
