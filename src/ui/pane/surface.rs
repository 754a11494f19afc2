//! The surface pane: the contours of a test function, with the paths of all lanes over it. Draws the newest probes and
//! requests them; can move the starting point of the lanes.

use super::{Context, PaneRequest, PaneRequests, PaneWidget};
use crate::engine::layer::LayerConfig;
use crate::engine::layer::surface::Surface as Settings;
use crate::engine::surface;
use crate::telemetry::{self, Data, Phase};
use crate::ui::keymap::Action;
use crate::ui::theme::Glyphs;
use crate::ui::widget::paths::{self, PathsOverPlane, PlaneAreas, PlanePath};
use crate::ui::widget::scale;
use crate::ui::widget::text;
use crate::view::{LaneView, RunView};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect, Size};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

/// Strengths of the noise through which the key steps.
const NOISE: [f64; 7] = [0.0, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0];
/// The state of the surface pane: the visible part of the plane, if it is not the default part.
#[derive(Clone, Debug, Default)]
pub struct SurfacePane {
    extent: Option<[f64; 4]>,
}

/// The test function of a lane.
fn settings(lane: &LaneView) -> Option<&Settings> {
    match lane.info.recipe.network.first() {
        Some(LayerConfig::Surface(s)) => Some(s),
        _ => None,
    }
}

/// The test function of the lanes.
fn present(view: &RunView) -> Option<&Settings> {
    view.lanes.iter().find_map(settings)
}

/// The points of a lane's path.
fn points(lane: &LaneView) -> impl Iterator<Item = (f64, f64)> {
    let points: &[f32] = match lane.probes.get("path").and_then(|p| p.part("points")) {
        Some(Data::Series(points)) => points,
        _ => &[],
    };
    points.chunks_exact(2).map(|p| (f64::from(p[0]), f64::from(p[1])))
}

fn number(lane: &LaneView, name: &str) -> Option<f64> {
    lane.probes.get("path").and_then(|p| super::prediction::scalar(p, name))
}

/// A coordinate with as many digits as are visible in a window of this size.
fn coordinate(v: f64, span: f64) -> String {
    let decimals = (3.0 - libm::log10(span).floor()).clamp(0.0, 12.0) as usize;
    let text = format!("{v:.decimals$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".into() } else { text.into() }
}

impl SurfacePane {
    /// The window: the user's choice, or the default part of the plane, enlarged to contain the starting point of the
    /// lanes.
    fn window(&self, settings: &Settings) -> [f64; 4] {
        self.extent.unwrap_or_else(|| {
            let [left, right, bottom, top] = settings.function.domain();
            let (x, y) = settings.start;
            let margin = (0.05 * (right - left), 0.05 * (top - bottom));
            [left.min(x - margin.0), right.max(x + margin.0), bottom.min(y - margin.1), top.max(y + margin.1)]
        })
    }

    /// Zooms by this factor around the lane in front.
    fn zoom(&mut self, factor: f64, cx: Context<'_>) {
        let Some(settings) = present(cx.view) else { return };
        let [left, right, bottom, top] = self.window(settings);
        let middle = (f64::midpoint(left, right), f64::midpoint(bottom, top));
        let inside = |p: &(f64, f64)| (left..=right).contains(&p.0) && (bottom..=top).contains(&p.1);
        let front = cx.view.lane(cx.front).and_then(|l| points(l).last()).filter(inside);
        let (x, y) = if factor < 1.0 { front.unwrap_or(middle) } else { middle };
        let (w, h) = ((right - left) * factor / 2.0, (top - bottom) * factor / 2.0);
        if (1e-4..1e4).contains(&w.min(h)) {
            self.extent = Some([x - w, x + w, y - h, y + h]);
        }
    }

    fn pan(&mut self, (dx, dy): (f64, f64), cx: Context<'_>) {
        let Some(settings) = present(cx.view) else { return };
        let [left, right, bottom, top] = self.window(settings);
        let (dx, dy) = (dx * (right - left), dy * (top - bottom));
        self.extent = Some([left + dx, right + dx, bottom + dy, top + dy]);
    }

    fn start(&self, (x, y): (f64, f64), settings: &Settings) -> PaneRequests {
        let [left, right, bottom, top] = self.window(settings);
        let (x, y) = (coordinate(x, right - left), coordinate(y, top - bottom));
        vec![PaneRequest::Data(vec![("start", format!("({x}, {y})"))])]
    }

    /// Moves the starting point by shares of the window.
    fn shift(&self, (dx, dy): (f64, f64), settings: &Settings) -> PaneRequests {
        let [left, right, bottom, top] = self.window(settings);
        let (x, y) = settings.start;
        self.start((x + dx * (right - left), y + dy * (top - bottom)), settings)
    }

    /// Changes to another function, with a starting point near its edge.
    fn turn(&mut self, forward: bool, settings: &Settings) -> PaneRequests {
        let all = surface::Surface::ALL;
        let at = all.iter().position(|f| *f == settings.function).unwrap_or(0);
        let next = all[(at + if forward { 1 } else { all.len() - 1 }) % all.len()];
        self.extent = None;
        let [left, right, bottom, top] = next.domain();
        let start = (coordinate(left * 0.8 + right * 0.2, 10.0), coordinate(top * 0.8 + bottom * 0.2, 10.0));
        vec![PaneRequest::Data(vec![
            ("function", next.name().into()),
            ("start", format!("({}, {})", start.0, start.1)),
        ])]
    }

    fn draw_plane(&self, cx: Context<'_>, settings: &Settings, area: Rect, buf: &mut Buffer) {
        let (theme, extent) = (cx.theme, self.window(settings));
        let cross = text::pick(theme.glyphs, "×", "+").chars().next().unwrap_or('+');
        // All lanes have the same function, so the heights of any lane are used.
        let heights = cx.view.lanes.iter().find_map(|l| l.probes.get("landscape")?.part("heights"));
        let heights = match heights {
            // Heights of another window would be wrong here.
            Some(Data::Grid { width, values, extent: of })
                if of.iter().zip(extent).all(|(a, b)| *a == b as f32) =>
            {
                Some((*width, &values[..]))
            }
            _ => None,
        };
        let mut marks: Vec<_> = settings.function.critical_points().iter().map(|&p| (p, cross)).collect();
        marks.push((settings.start, paths::ring(theme)));
        let all: Vec<PlanePath> = cx.view.lanes.iter().map(|l| cx.path(l, points(l).collect())).collect();
        PathsOverPlane { extent, heights, marks: &marks, paths: &all }.draw(theme, area, buf);
    }

    /// The present value, slope and position of a lane.
    fn words(lane: &LaneView, cx: Context<'_>, short: bool) -> Vec<(String, Style)> {
        let theme = cx.theme;
        let mut pieces = cx.lane_label(lane, short);
        if matches!(lane.phase, Phase::Diverged(_)) {
            pieces.push((text::pick(theme.glyphs, " × diverged", " ! diverged").into(), theme.bad));
            return pieces;
        }
        let of = |name| number(lane, name).map_or_else(|| "-".into(), scale::number);
        if short {
            pieces.push((format!(" {} ", of("value")), theme.text));
            return pieces;
        }
        pieces.push((format!(" f {:<7}", of("value")), theme.text));
        let slope = text::pick(theme.glyphs, "‖∇f‖", "|df|");
        pieces.push((format!(" {slope} {:<7}", of("slope")), theme.text));
        if let Some((x, y)) = points(lane).last() {
            pieces.push((format!(" {}, {}", scale::number(x), scale::number(y)), theme.faint));
        }
        pieces
    }
}

impl PaneWidget for SurfacePane {
    fn title<'a>(&self, cx: Context<'a>) -> Line<'a> {
        let mut line = Line::styled("Surface", cx.theme.strong);
        line.spans.extend(cx.age_of("path"));
        if let Some(s) = present(cx.view) {
            line.push_span(Span::styled(format!("  {}", s.function.name()), cx.theme.strong));
            if s.noise > 0.0 {
                let noise = format!("  noise {} on the gradient", scale::number(s.noise));
                line.push_span(Span::styled(noise, cx.theme.warn));
            }
            if cx.theme.glyphs == Glyphs::Unicode {
                line.push_span(Span::styled(format!("  {}", s.function.formula()), cx.theme.faint));
            }
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
        let Some(settings) = present(cx.view) else {
            let words = "no lane moves over a test function yet: these lanes train networks on data";
            return text::put_message(buf, area, words, cx.theme.faint);
        };
        let (lanes, areas) = (&cx.view.lanes, PlaneAreas::of(area, cx.view.lanes.len()));
        self.draw_plane(cx, settings, areas.plane, buf);
        areas.draw_axes(cx.theme, self.window(settings), "y  x", area, buf);
        areas.draw_words(buf, lanes.len(), |i, short| Self::words(&lanes[i], cx, short));
    }

    fn act(&mut self, action: Action, cx: Context<'_>) -> PaneRequests {
        let Some(settings) = present(cx.view) else { return PaneRequests::new() };
        match action {
            Action::Left => return self.shift((-0.025, 0.0), settings),
            Action::Right => return self.shift((0.025, 0.0), settings),
            Action::Up => return self.shift((0.0, 0.025), settings),
            Action::Down => return self.shift((0.0, -0.025), settings),
            Action::ZoomIn => self.zoom(0.5, cx),
            Action::ZoomOut => self.zoom(2.0, cx),
            Action::PanLeft => self.pan((-0.2, 0.0), cx),
            Action::PanRight => self.pan((0.2, 0.0), cx),
            Action::PanUp => self.pan((0.0, 0.2), cx),
            Action::PanDown => self.pan((0.0, -0.2), cx),
            Action::ToggleWindow => self.extent = None,
            Action::NextFunction => return self.turn(true, settings),
            Action::PreviousFunction => return self.turn(false, settings),
            Action::Noise => {
                let next = NOISE.into_iter().find(|n| *n > settings.noise * 1.001).unwrap_or(0.0);
                return vec![PaneRequest::Data(vec![("noise", format!("{next}"))])];
            }
            Action::Edit => return vec![PaneRequest::EditData],
            _ => {}
        }
        PaneRequests::new()
    }

    fn watch(&self, cx: Context<'_>, inside: Size) -> Vec<telemetry::ProbeRequest> {
        let mut on = cx.view.lanes.iter().filter(|l| settings(l).is_some()).peekable();
        let (Some(first), Some(settings)) = (on.peek(), present(cx.view)) else { return Vec::new() };
        let areas = PlaneAreas::of(Rect::new(0, 0, inside.width, inside.height), cx.view.lanes.len());
        let grid = areas.dots(cx.theme.glyphs);
        let extent = self.window(settings).map(|v| v as f32);
        let landscape =
            telemetry::ProbeRequest { grid, extent, ..telemetry::ProbeRequest::of("landscape", first.id) };
        let paths = on.map(|l| telemetry::ProbeRequest::of("path", l.id));
        paths.chain([landscape]).collect()
    }

    fn click(&mut self, at: Position, area: Rect, cx: Context<'_>) -> PaneRequests {
        let Some(settings) = present(cx.view) else { return PaneRequests::new() };
        let plane = PlaneAreas::of(area, cx.view.lanes.len()).plane;
        if !plane.contains(at) {
            return PaneRequests::new();
        }
        let [left, right, bottom, top] = self.window(settings);
        let x = (f64::from(at.x - plane.x) + 0.5) / f64::from(plane.width);
        let y = (f64::from(at.y - plane.y) + 0.5) / f64::from(plane.height);
        self.start((left + x * (right - left), top - y * (top - bottom)), settings)
    }
}
