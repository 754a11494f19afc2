//! The Diagnosis pane: the faults of the lane in front, since when they exist, their evidence in numbers, and the cures
//! that were tried on copies of it. A cure becomes a lane beside the sick one. Judges nothing itself.

pub mod cure;

use super::{Context, PaneRequest, PaneRequests, PaneWidget};
use crate::lab::run::DIAGNOSIS;
use crate::limits;
use crate::number::{LayerNumber, Number};
use crate::telemetry::finding::{CureOutcome, Diagnosis, Examination, Finding, Fix, Level};
use crate::telemetry::{self, Command};
use crate::ui::diagnosis::{account, thousands};
use crate::ui::guide::Guide;
use crate::ui::keymap::Action;
use crate::ui::overlay::more;
use crate::ui::theme::Theme;
use crate::ui::widget::{scale, sparkline, text};
use crate::view::LaneView;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect, Size};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use std::cell::Cell;

/// The state of the pane.
#[derive(Clone, Debug, Default)]
pub struct DiagnosisPane {
    /// The chosen cure, by its index.
    chosen: usize,
    /// The first line that is shown.
    first: Cell<usize>,
    /// Whether the user scrolled, so that the chosen cure need not be visible.
    moved: bool,
    /// The largest possible first line when the pane was last drawn.
    last: Cell<usize>,
    /// Number of lines shown then.
    page: Cell<usize>,
}

/// A line of the pane: words with their styles, and the cure to which it belongs.
struct DiagnosisLine {
    words: Vec<(String, Style)>,
    cure: Option<usize>,
}

/// The style of a level.
fn style_of(level: Level, theme: &Theme) -> Style {
    match level {
        Level::Bad => theme.bad,
        Level::Warn => theme.warn,
        Level::Note => theme.faint,
    }
}

/// The style of a verdict.
fn style_for(verdict: CureOutcome, theme: &Theme) -> Style {
    match verdict {
        CureOutcome::Repaired | CureOutcome::Better => theme.good,
        CureOutcome::Same => theme.faint,
        CureOutcome::Worse => theme.bad,
    }
}

/// The progress of the examination, in one line.
fn state(cx: Context<'_>, lane: &LaneView) -> String {
    let tried = |e: &Examination| match e.tried.len() {
        0 => String::new(),
        1 => "; 1 cure was tried on a copy".into(),
        n => format!("; {n} cures were tried on copies"),
    };
    match &lane.examination {
        _ if cx.watching => "from the log alone: gradtui diagnose DIR trains copies and tries cures".into(),
        None if !samples(lane) => {
            "from its own numbers: a test function has no samples to try cures by".into()
        }
        None => "a copy is trained to the end of the run, to judge the whole of it".into(),
        Some(e) => match &e.trying {
            Some(what) => format!("trying on a copy: {what}{}", tried(e)),
            None => format!("judged over {} steps{}", thousands(e.steps), tried(e)),
        },
    }
}

/// Whether a lane is trained on samples rather than on a test function.
fn samples(lane: &LaneView) -> bool {
    super::ScenarioKind::of([&lane.info.recipe.network[..]]) != super::ScenarioKind::Surface
}

/// The history of a finding's number: the gradient of its layer, or the validation loss, or the training loss.
fn history(lane: &LaneView, finding: &Finding, width: usize, theme: &Theme) -> Option<(String, String)> {
    let drawn = |values: Vec<f32>, log| sparkline::sparkline(values.into_iter(), width, log, theme.glyphs);
    let layer = finding.layer.as_ref().and_then(|name| {
        let number: usize = name.strip_prefix("layer ")?.split(' ').next()?.parse().ok()?;
        // The map has a row for each layer with parameters.
        let row = lane.info.layers.iter().take(number.checked_sub(1)?).filter(|l| l.params > 0).count();
        lane.info.layers.get(number - 1).filter(|l| l.params > 0)?;
        let columns = lane.maps.get(&LayerNumber::GradNorm)?.columns();
        let values: Vec<f32> = columns.iter().filter_map(|c| *c.values.get(row)?).collect();
        (values.len() > 1).then(|| (format!("gradient of layer {number}"), drawn(values, true)))
    });
    layer.or_else(|| {
        let of = |number: Number, name: &str| {
            let curve = lane.curve(number)?.whole();
            (curve.len() > 1)
                .then(|| (name.to_string(), drawn(curve.iter().map(|b| b.last).collect(), false)))
        };
        of(Number::ValLoss, "val loss").or_else(|| of(Number::Loss, "loss"))
    })
}

impl DiagnosisPane {
    /// Everything about the lane in front, in lines of this width.
    fn rows(&self, cx: Context<'_>, width: u16) -> Vec<DiagnosisLine> {
        let theme = cx.theme;
        let Some(lane) = cx.view.lane(cx.front) else { return Vec::new() };
        let mut out: Vec<DiagnosisLine> = Vec::new();
        let mut add = |what: &str, indent: &str, style: Style, cure: Option<usize>| {
            let lines = text::lines(what, width.saturating_sub(text::width(indent)), "");
            out.extend(
                lines
                    .into_iter()
                    .map(|l| DiagnosisLine { words: vec![(format!("{indent}{l}"), style)], cure }),
            );
        };
        add(&state(cx, lane), "", theme.faint, None);
        if let Some(account) = account(lane) {
            add(&account.text, "", account.weight.style(theme), None);
        }
        // Where no lane can be added, Enter trains nothing.
        let closed = cx.watching || cx.guide.is_some_and(Guide::locks_lanes);
        let judged = lane.diagnosis();
        let reported = judged.reported().count();
        if reported == 0 && lane.last.step > 0 && account(lane).is_none() {
            let rules = judged.checked.len() + judged.findings.len();
            add(&format!("nothing is wrong: {rules} rules looked at it"), "", theme.good, None);
        }
        let cures = judged.cures();
        for finding in &judged.findings {
            let style = style_of(finding.level, theme);
            let since = match finding.step {
                0 => "from the start".to_string(),
                step if step > lane.step => format!("in the copy, since step {}", thousands(step)),
                step => format!("since step {}", thousands(step)),
            };
            add(&format!("{} {}, {since}", finding.level.text(), finding.id), "", style, None);
            add(&finding.text, "  ", theme.text, None);
            if finding.level > Level::Note {
                let shown = finding.evidence.iter().map(|(name, x)| format!("{name} {}", scale::number(*x)));
                add(&shown.collect::<Vec<_>>().join(", "), "  ", theme.faint, None);
                let room = usize::from(width).saturating_sub(24).min(40);
                if let Some((name, drawn)) = history(lane, finding, room, theme) {
                    add(&format!("{name} {drawn}"), "  ", theme.faint, None);
                }
            }
            let own = finding.fixes.iter().filter(|_| finding.level > Level::Note);
            for fix in own {
                let Some(at) = cures.iter().position(|(_, f)| f.patch == fix.patch) else { continue };
                // A cure that several findings offer is tried and listed once.
                if cures[at].0.id != finding.id {
                    add(&format!("cure {} above", at + 1), "    ", theme.faint, None);
                    continue;
                }
                let arrow = if at == self.chosen { text::pick(theme.glyphs, "▸", ">") } else { " " };
                let more = if fix.single() { "" } else { " (several changes)" };
                add(&format!("{arrow} {} {}{more}", at + 1, fix.text), "  ", theme.strong, Some(at));
                if let Some(tried) = lane.examination.as_ref().and_then(|e| e.outcome(fix)) {
                    let words = format!("{} on a copy: {}", tried.verdict.text(), tried.words);
                    add(&words, "      ", style_for(tried.verdict, theme), Some(at));
                }
                if let Some(other) = cure::lane_of(cx.view, lane, fix) {
                    let compared = cure::compared(lane, other);
                    let style = compared.as_ref().map_or(theme.faint, |c| style_for(c.0, theme));
                    let words = compared.map_or_else(|| "not evaluated yet".into(), |c| c.1);
                    add(&format!("{} beside it: {words}", other.letter()), "      ", style, Some(at));
                } else if at == self.chosen && !closed && !fix.of_data() {
                    let words = match cure::begins(lane, finding, fix) {
                        0 => "Enter trains it beside this lane from step 0".to_string(),
                        step => format!("Enter trains it beside this lane from step {}", thousands(step)),
                    };
                    add(&words, "      ", theme.faint, Some(at));
                }
            }
        }
        if !judged.checked.is_empty() {
            add(&format!("in order: {}", judged.checked.join(", ")), "", theme.faint, None);
        }
        for (ids, why) in judged.skipped_by_reason() {
            add(&format!("not judged: {why}: {}", ids.join(", ")), "", theme.faint, None);
        }
        out
    }

    /// The order that adds lanes for these cures, as one change.
    fn order(cx: Context<'_>, lane: &LaneView, cures: &[(usize, &Finding, &Fix)]) -> PaneRequests {
        let mut taken: Vec<String> = cx.view.lanes.iter().map(|l| l.info.name.clone()).collect();
        let free = limits::LANES.saturating_sub(cx.view.lanes.len());
        let (mut orders, mut refused) = (Vec::new(), Vec::new());
        for (number, finding, fix) in cures {
            if cure::lane_of(cx.view, lane, fix).is_some() {
                refused.push(format!("cure {number} is trained already"));
            } else if orders.len() == free {
                refused.push(format!("at most {} lanes", limits::LANES));
                break;
            } else {
                match cure::order(lane, finding, fix, *number, &mut taken) {
                    Ok(order) => orders.push(order),
                    Err(why) => refused.push(format!("cure {number}: {why}")),
                }
            }
        }
        let words = match orders.len() {
            0 if refused.is_empty() => "no cure is offered".into(),
            0 => refused.join("; "),
            1 => "the cure is a lane of its own now; the verdict follows here".into(),
            n => format!("{n} cures are lanes of their own now; verdicts follow here"),
        };
        let order = if orders.len() == 1 { orders.pop() } else { Some(Command::Together(orders)) };
        let order = order.filter(|o| *o != Command::Together(Vec::new()));
        order.map(PaneRequest::Command).into_iter().chain([PaneRequest::Notice(words)]).collect()
    }

    /// The cures to choose from, numbered from 1.
    fn cures(judged: &Diagnosis) -> Vec<(usize, &Finding, &Fix)> {
        judged.cures().into_iter().enumerate().map(|(i, (finding, fix))| (i + 1, finding, fix)).collect()
    }
}

impl PaneWidget for DiagnosisPane {
    fn title<'a>(&self, cx: Context<'a>) -> Line<'a> {
        let mut line = Line::styled("Diagnosis", cx.theme.strong);
        let Some(lane) = cx.view.lane(cx.front) else { return line };
        let colour = Style::new().fg(cx.theme.lane(lane.id));
        line.push_span(Span::styled(format!("  {} {}", lane.letter(), lane.title()), colour));
        let judged = lane.diagnosis();
        let worst = judged.reported().map(|f| f.level).max();
        let words = match judged.reported().count() {
            _ if lane.last.step == 0 => String::new(),
            0 => "  in order".to_string(),
            1 => "  1 finding".into(),
            n => format!("  {n} findings"),
        };
        line.push_span(Span::styled(words, worst.map_or(cx.theme.good, |l| style_of(l, cx.theme))));
        line
    }

    fn draw(&self, cx: Context<'_>, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        if area.is_empty() {
            return;
        }
        // One column stays free on either side; the right one is for scroll marks.
        let inside = text::part(area, 1, 0, area.width.saturating_sub(2), area.height);
        let rows = self.rows(cx, inside.width);
        let height = usize::from(inside.height);
        self.last.set(rows.len().saturating_sub(height));
        self.page.set(height);
        let mut first = self.first.get();
        if !self.moved {
            // The chosen cure is visible, with as many lines above it as there is room for.
            let low = rows.iter().rposition(|row| row.cure == Some(self.chosen));
            first = low.map_or(0, |low| (low + 1).saturating_sub(height));
        }
        let first = first.min(self.last.get());
        self.first.set(first);
        for (y, row) in (0..inside.height).zip(rows.iter().skip(first)) {
            let mut x = 0;
            for (words, style) in &row.words {
                x = text::put(buf, inside, x, y, words, *style);
            }
        }
        more(first, rows.len(), area, cx.theme, buf);
    }

    fn act(&mut self, action: Action, cx: Context<'_>) -> PaneRequests {
        let Some(lane) = cx.view.lane(cx.front) else { return PaneRequests::new() };
        let judged = lane.diagnosis();
        let cures = Self::cures(judged);
        self.chosen = self.chosen.min(cures.len().saturating_sub(1));
        match action {
            Action::Up | Action::Down if !cures.is_empty() => {
                let step = |n: usize| if action == Action::Up { n.saturating_sub(1) } else { n + 1 };
                (self.chosen, self.moved) = (step(self.chosen).min(cures.len() - 1), false);
            }
            Action::Up | Action::Down | Action::PageUp | Action::PageDown | Action::First | Action::Last => {
                let (first, last, page) = (self.first.get(), self.last.get(), self.page.get().max(1));
                self.moved = true;
                self.first.set(match action {
                    Action::Up => first.saturating_sub(1),
                    Action::Down => (first + 1).min(last),
                    Action::PageUp => first.saturating_sub(page),
                    Action::PageDown => (first + page).min(last),
                    Action::First => 0,
                    _ => last,
                });
            }
            Action::Cure => {
                let chosen = cures.get(self.chosen..=self.chosen).unwrap_or_default();
                return Self::order(cx, lane, chosen);
            }
            Action::CureAll => return Self::order(cx, lane, &cures),
            _ => {}
        }
        PaneRequests::new()
    }

    fn watch(&self, cx: Context<'_>, _inside: Size) -> Vec<telemetry::ProbeRequest> {
        let Some(lane) = cx.view.lane(cx.front) else { return Vec::new() };
        let known = lane.examination.as_ref().is_some_and(|e| e.trying.is_none());
        // A lane without steps may still be changed; a completely examined lane needs no further examination.
        let wanted = !cx.watching && !known && lane.present().step > 0;
        wanted.then(|| telemetry::ProbeRequest::of(DIAGNOSIS, lane.id)).into_iter().collect()
    }

    fn click(&mut self, at: Position, area: Rect, cx: Context<'_>) -> PaneRequests {
        let inside = text::part(area, 1, 0, area.width.saturating_sub(2), area.height);
        let row = usize::from(at.y.saturating_sub(inside.y)) + self.first.get();
        if let Some(cure) = self.rows(cx, inside.width).get(row).and_then(|r| r.cure) {
            (self.chosen, self.moved) = (cure, false);
        }
        PaneRequests::new()
    }
}
