//! The loss plane: the loss on a plane through the weights of lanes, with their paths on it. Draws the newest probe and
//! requests it.

use super::{Context, PaneRequests, PaneWidget};
use crate::telemetry::{Data, LaneId, ProbeRequest};
use crate::ui::keymap::Action;
use crate::ui::widget::paths::{self, PathsOverPlane, PlaneAreas, PlanePath};
use crate::ui::widget::scale;
use crate::ui::widget::text;
use crate::view::{LaneView, ProbeResult};
use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

/// The loss plane, which has no state of its own.
#[derive(Clone, Debug, Default)]
pub struct LossPlane;

/// The plane of the lane in front.
fn plane(cx: Context<'_>) -> Option<&ProbeResult> {
    cx.view
        .lane(cx.front)?
        .probes
        .get("plane")
        .filter(|p| p.part("loss").is_some() || p.part("why").is_some())
}

/// The rows of a table.
fn rows<'a>(probe: &'a ProbeResult, part: &str) -> &'a [(String, Vec<f32>)] {
    match probe.part(part) {
        Some(Data::Table { rows, .. }) => rows,
        _ => &[],
    }
}

/// The row of a lane, which is named by its index.
fn row_of(rows: &[(String, Vec<f32>)], lane: LaneId) -> Option<&[f32]> {
    let row = rows.iter().find(|(name, _)| name.parse() == Ok(lane))?;
    Some(&row.1)
}

/// How far a lane went, and how far from the plane it is now.
fn words(lane: &LaneView, of: Option<&[f32]>, cx: Context<'_>, short: bool) -> Vec<(String, Style)> {
    let theme = cx.theme;
    let mut pieces = cx.lane_label(lane, short);
    let (said, style) = match of {
        Some(&[away, way]) if short => (format!(" {:.0} % off ", share(away, way)), theme.text),
        Some(&[away, way]) => {
            let way_words = scale::number(f64::from(way));
            (format!(" moved {way_words}, {:.0} % off the plane", share(away, way)), theme.text)
        }
        _ => (if short { " no " } else { " other layers or no numbers" }.into(), theme.faint),
    };
    pieces.push((said, style));
    pieces
}

/// A distance from the plane in per cent of a distance from the start.
fn share(away: f32, way: f32) -> f32 {
    if way > 0.0 { 100.0 * away / way } else { 0.0 }
}

impl PaneWidget for LossPlane {
    fn title<'a>(&self, cx: Context<'a>) -> Line<'a> {
        let mut line = Line::styled("Loss plane", cx.theme.strong);
        line.spans.extend(cx.age_of("plane"));
        let Some(probe) = plane(cx).filter(|p| p.part("loss").is_some()) else { return line };
        let letter = |id: LaneId| cx.view.lane(id).map(LaneView::letter);
        let third = rows(probe, "third").first().and_then(|(name, _)| letter(name.parse().ok()?));
        if let Some(front) = letter(cx.front) {
            let through = match third {
                Some(other) => format!("  {front}'s start, {front}, {other}"),
                None => format!("  {front}'s start, way, end"),
            };
            line.push_span(Span::styled(through, cx.theme.text));
        }
        if let Some(samples) = super::prediction::scalar(probe, "samples") {
            let of = format!("  training loss of {} samples", scale::count(samples));
            line.push_span(Span::styled(of, cx.theme.faint));
        }
        line
    }

    fn draw(&self, cx: Context<'_>, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        if area.is_empty() {
            return;
        }
        let Some(probe) = plane(cx) else {
            return text::put_message(buf, area, &cx.missing("plane"), cx.theme.faint);
        };
        let Some(Data::Grid { width, values, extent }) = probe.part("loss") else {
            let why = rows(probe, "why").first().map_or("no plane", |(why, _)| why);
            return text::put_message(buf, area, why, cx.theme.faint);
        };
        let (lanes, extent) = (&cx.view.lanes, extent.map(f64::from));
        let (points, distances) = (rows(probe, "paths"), rows(probe, "lanes"));
        let path = |lane: &LaneView| {
            let points = row_of(points, lane.id)?.chunks_exact(2);
            Some(cx.path(lane, points.map(|p| (f64::from(p[0]), f64::from(p[1]))).collect()))
        };
        let all: Vec<PlanePath> = lanes.iter().filter_map(path).collect();
        let marks = [((0.0, 0.0), paths::ring(cx.theme))];
        let areas = PlaneAreas::of(area, lanes.len());
        let heights = Some((*width, &values[..]));
        PathsOverPlane { extent, heights, marks: &marks, paths: &all }.draw(cx.theme, areas.plane, buf);
        let corner = text::pick(cx.theme.glyphs, "‖Δθ‖", "|dw|");
        areas.draw_axes(cx.theme, extent, corner, area, buf);
        areas.draw_words(buf, lanes.len(), |i, short| {
            words(&lanes[i], row_of(distances, lanes[i].id), cx, short)
        });
    }

    fn act(&mut self, _: Action, _: Context<'_>) -> PaneRequests {
        PaneRequests::new()
    }

    fn watch(&self, cx: Context<'_>, inside: Size) -> Vec<ProbeRequest> {
        let areas = PlaneAreas::of(Rect::new(0, 0, inside.width, inside.height), cx.view.lanes.len());
        let grid = areas.dots(cx.theme.glyphs);
        // The lane in front comes last, so that the paths of the others are known by then.
        let others = cx.view.lanes.iter().filter(|l| l.id != cx.front);
        let paths = others.map(|l| ProbeRequest::of("plane", l.id));
        paths.chain([ProbeRequest { grid, ..ProbeRequest::of("plane", cx.front) }]).collect()
    }
}
