//! The surface pane: the contours of a test function, with the paths of all lanes over it. Draws the newest probes and
//! requests them; can move the starting point of the lanes.

use super::{Context, PaneWidget};
use crate::engine::layer::LayerConfig;
use crate::engine::layer::surface::Surface as Settings;
use crate::engine::surface;
use crate::telemetry::{self, Data, Phase};
use crate::ui::keymap::Action;
use crate::ui::message::{Effect, Effects};
use crate::ui::theme::{Glyphs, Theme};
use crate::ui::widget::canvas::{Canvas, Pen, PenStyle};
use crate::ui::widget::contour::Contour;
use crate::ui::widget::scale::{self, AxisScale};
use crate::ui::widget::text;
use crate::view::{LaneView, RunView};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect, Size};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};

/// Strengths of the noise through which the key steps.
const NOISE: [f64; 7] = [0.0, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0];
/// Columns of a lane's words.
const ENTRY: u16 = 50;

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

/// The part of a line between two points of [0, 1] x [0, 1] that lies in that square (Liang and Barsky 1984).
fn clip(from: (f64, f64), to: (f64, f64)) -> Option<((f64, f64), (f64, f64))> {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let (mut enter, mut leave) = (0f64, 1f64);
    for (d, room) in [(-dx, from.0), (dx, 1.0 - from.0), (-dy, from.1), (dy, 1.0 - from.1)] {
        if d == 0.0 && room < 0.0 {
            return None;
        }
        let t = room / d;
        if d < 0.0 {
            enter = enter.max(t);
        } else if d > 0.0 {
            leave = leave.min(t);
        }
    }
    let at = |t: f64| (from.0 + t * dx, from.1 + t * dy);
    (enter <= leave).then(|| (at(enter), at(leave)))
}

/// The position of a point in a window: from the top left, inside for [0, 1].
fn place([left, right, bottom, top]: [f64; 4], (x, y): (f64, f64)) -> Option<(f64, f64)> {
    let at = ((x - left) / (right - left), (top - y) / (top - bottom));
    (at.0.is_finite() && at.1.is_finite()).then_some(at)
}

/// The cell of a point, if it is inside.
fn cell(extent: [f64; 4], area: Rect, point: (f64, f64)) -> Option<(u16, u16)> {
    let (x, y) = place(extent, point)?;
    let inside = (0.0..=1.0).contains(&x) && (0.0..=1.0).contains(&y) && !area.is_empty();
    let at = |t: f64, n: u16| ((t * f64::from(n)) as u16).min(n - 1);
    inside.then(|| (area.x + at(x, area.width), area.y + at(y, area.height)))
}

/// How the pane is divided.
struct SurfaceAreas {
    plane: Rect,
    lanes: Rect,
    gutter: u16,
}

fn parts(area: Rect, lanes: usize) -> SurfaceAreas {
    let across = (area.width / ENTRY).max(1) as usize;
    let rows = lanes.div_ceil(across) as u16;
    let words = if area.height >= rows + 10 { rows } else { u16::from(area.height >= 6) };
    let axis = u16::from(area.height >= 6);
    let gutter = if area.width >= 30 && axis == 1 { 6 } else { 0 };
    let height = area.height - words - axis;
    SurfaceAreas {
        plane: text::part(area, gutter, 0, area.width - gutter, height),
        lanes: text::part(area, 0, height + axis, area.width, words),
        gutter,
    }
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

    fn start(&self, (x, y): (f64, f64), settings: &Settings) -> Effects {
        let [left, right, bottom, top] = self.window(settings);
        let (x, y) = (coordinate(x, right - left), coordinate(y, top - bottom));
        vec![Effect::Data(vec![("start", format!("({x}, {y})"))])]
    }

    /// Moves the starting point by shares of the window.
    fn shift(&self, (dx, dy): (f64, f64), settings: &Settings) -> Effects {
        let [left, right, bottom, top] = self.window(settings);
        let (x, y) = settings.start;
        self.start((x + dx * (right - left), y + dy * (top - bottom)), settings)
    }

    /// Changes to another function, with a starting point near its edge.
    fn turn(&mut self, forward: bool, settings: &Settings) -> Effects {
        let all = surface::Surface::ALL;
        let at = all.iter().position(|f| *f == settings.function).unwrap_or(0);
        let next = all[(at + if forward { 1 } else { all.len() - 1 }) % all.len()];
        self.extent = None;
        let [left, right, bottom, top] = next.domain();
        let start = (coordinate(left * 0.8 + right * 0.2, 10.0), coordinate(top * 0.8 + bottom * 0.2, 10.0));
        vec![Effect::Data(vec![
            ("function", next.name().into()),
            ("start", format!("({}, {})", start.0, start.1)),
        ])]
    }

    fn draw_plane(&self, cx: Context<'_>, settings: &Settings, area: Rect, buf: &mut Buffer) {
        let (theme, extent) = (cx.theme, self.window(settings));
        let cross = text::pick(theme.glyphs, "×", "+").chars().next().unwrap_or('+');
        let mut canvas = Canvas::new(area.width, area.height, theme.glyphs);
        let mut looks = vec![PenStyle { style: theme.border, ascii: '.' }];
        // More bands than this would be too narrow.
        let bands = (area.height / 3).clamp(6, 12) as u8;
        // All lanes have the same function, so the heights of any lane are used.
        let heights = cx.view.lanes.iter().find_map(|l| l.probes.get("landscape")?.part("heights"));
        if let Some(Data::Grid { width, values, extent: of }) = heights {
            // Heights of another window would be wrong here.
            let same = of.iter().zip(extent).all(|(a, b)| *a == b as f32);
            if let Some(contour) = Contour::new(*width, values, bands).filter(|_| same) {
                contour.shade(theme, area, buf);
                contour.lines(&mut canvas, Pen { look: 0, rank: 1 });
            }
        }
        for lane in &cx.view.lanes {
            let front = lane.id == cx.front;
            let weight = if front { Modifier::BOLD } else { Modifier::empty() };
            let style = Style::new().fg(theme.lane(lane.id)).add_modifier(weight);
            looks.push(PenStyle { style, ascii: lane.letter().to_ascii_lowercase() });
            let pen = Pen { look: (looks.len() - 1) as u8, rank: if front { 3 } else { 2 } };
            let (w, h) = (canvas.width().saturating_sub(1) as f64, canvas.height().saturating_sub(1) as f64);
            let dot = |p: (f64, f64)| ((p.0 * w).round() as usize, (p.1 * h).round() as usize);
            let mut before = None;
            for point in points(lane) {
                let here = place(extent, point);
                if let (Some(a), Some(b)) = (before, here)
                    && let Some((from, to)) = clip(a, b)
                {
                    let (from, to) = (dot(from), dot(to));
                    canvas.line(from, to, 0, pen);
                    if theme.glyphs == Glyphs::Unicode {
                        // Two dots wide, so that it stands out from the contours.
                        canvas.line((from.0 + 1, from.1), (to.0 + 1, to.1), 0, pen);
                    }
                }
                before = here;
            }
        }
        canvas.draw(area, buf, &looks);
        let mut mark = |point, symbol, style: Style| {
            if let Some((x, y)) = cell(extent, area, point) {
                text::cell(buf, x, y, symbol, style);
            }
        };
        let plain = theme.strong.fg(Color::Reset);
        for &point in settings.function.critical_points() {
            mark(point, cross, plain);
        }
        let ring = if theme.glyphs == Glyphs::Unicode { '◎' } else { '@' };
        mark(settings.start, ring, plain);
        // The lane in front is drawn last, so that its letter is on top.
        let mut lanes: Vec<&LaneView> = cx.view.lanes.iter().collect();
        lanes.sort_by_key(|l| l.id == cx.front);
        for lane in lanes {
            if let Some(point) = points(lane).last() {
                let style = Style::new().fg(theme.lane(lane.id)).add_modifier(Modifier::BOLD);
                mark(point, lane.letter(), style);
            }
        }
    }

    fn draw_axes(
        &self,
        theme: &Theme,
        settings: &Settings,
        area: Rect,
        parts: &SurfaceAreas,
        buf: &mut Buffer,
    ) {
        let ([left, right, bottom, top], plane) = (self.window(settings), parts.plane);
        if parts.gutter == 0 || plane.is_empty() {
            return;
        }
        let labels = text::part(area, 0, 0, parts.gutter - 1, plane.height);
        let y = AxisScale::between(bottom, top);
        let mut free = u16::MAX;
        for (v, label) in y.ticks(usize::from(plane.height / 4).max(2)) {
            let Some(t) = y.at(v) else { continue };
            let row = ((1.0 - t) * f64::from(plane.height - 1)).round() as u16;
            if row < free {
                text::put_right(buf, labels, row, &label, theme.faint);
                free = row;
            }
        }
        text::put(buf, area, 0, plane.height, "y  x", theme.faint);
        let x = AxisScale::between(left, right);
        let mut end = 0;
        for (v, label) in x.ticks(usize::from(plane.width / 8).max(2)) {
            let Some(t) = x.at(v) else { continue };
            let width = text::width(&label);
            let column = (t * f64::from(plane.width - 1)).round() as u16;
            let from = column.saturating_sub(width / 2).min(plane.width.saturating_sub(width));
            if from >= end {
                text::put(buf, area, parts.gutter + from, plane.height, &label, theme.faint);
                end = from + width + 2;
            }
        }
    }

    /// The present value, slope and position of a lane.
    fn words(lane: &LaneView, cx: Context<'_>, short: bool) -> Vec<(String, Style)> {
        let (theme, front) = (cx.theme, lane.id == cx.front);
        let colour = Style::new().fg(theme.lane(lane.id)).add_modifier(Modifier::BOLD);
        let arrow = if front { text::pick(theme.glyphs, "▸", ">") } else { " " };
        let mut pieces = vec![(format!("{arrow}{}", lane.letter()), colour)];
        if !short {
            let name = text::shorten(&lane.info.name, 12, theme.glyphs);
            let style = if front { theme.strong } else { theme.text };
            pieces.push((format!(" {name:<12}"), style));
        }
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
        let parts = parts(area, cx.view.lanes.len());
        self.draw_plane(cx, settings, parts.plane, buf);
        self.draw_axes(cx.theme, settings, area, &parts, buf);
        let across = (area.width / ENTRY).max(1);
        let one = parts.lanes.height == 1 && cx.view.lanes.len() > usize::from(across);
        let mut x = 0;
        for (i, lane) in (0u16..).zip(&cx.view.lanes) {
            let words = Self::words(lane, cx, one);
            if one {
                let room = text::part(parts.lanes, x, 0, parts.lanes.width, 1);
                x += text::put_pieces(buf, room, 0, &words);
            } else {
                let width = parts.lanes.width / across;
                let place = text::part(parts.lanes, i % across * width, i / across, width, 1);
                text::put_pieces(buf, place, 0, &words);
            }
        }
    }

    fn act(&mut self, action: Action, cx: Context<'_>) -> Effects {
        let Some(settings) = present(cx.view) else { return Effects::new() };
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
                return vec![Effect::Data(vec![("noise", format!("{next}"))])];
            }
            Action::Edit => return vec![Effect::EditData],
            _ => {}
        }
        Effects::new()
    }

    fn watch(&self, cx: Context<'_>, inside: Size) -> Vec<telemetry::ProbeRequest> {
        let mut on = cx.view.lanes.iter().filter(|l| settings(l).is_some()).peekable();
        let (Some(first), Some(settings)) = (on.peek(), present(cx.view)) else { return Vec::new() };
        let plane = parts(Rect::new(0, 0, inside.width, inside.height), cx.view.lanes.len()).plane;
        let dots = |n: u16, each| usize::from(n.max(1)) * each;
        let grid = match cx.theme.glyphs {
            Glyphs::Unicode => (dots(plane.width, 2), dots(plane.height, 4)),
            Glyphs::Ascii => (dots(plane.width, 1), dots(plane.height, 1)),
        };
        let extent = self.window(settings).map(|v| v as f32);
        let landscape =
            telemetry::ProbeRequest { grid, extent, ..telemetry::ProbeRequest::of("landscape", first.id) };
        let paths = on.map(|l| telemetry::ProbeRequest::of("path", l.id));
        paths.chain([landscape]).collect()
    }

    fn click(&mut self, at: Position, area: Rect, cx: Context<'_>) -> Effects {
        let Some(settings) = present(cx.view) else { return Effects::new() };
        let plane = parts(area, cx.view.lanes.len()).plane;
        if !plane.contains(at) {
            return Effects::new();
        }
        let [left, right, bottom, top] = self.window(settings);
        let x = (f64::from(at.x - plane.x) + 0.5) / f64::from(plane.width);
        let y = (f64::from(at.y - plane.y) + 0.5) / f64::from(plane.height);
        self.start((left + x * (right - left), top - y * (top - bottom)), settings)
    }
}
