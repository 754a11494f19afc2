//! The adversarial preview: a sample, what an attack adds to it, what becomes of it, and what the lane in front takes both
//! for. Draws the newest probe and says which attack it wants.

use super::prediction::{boundary, class_name, draw_bars, picture, range, rows, sample_words, scalar, turn};
use super::{Context, Pane};
use crate::telemetry::{self, Data};
use crate::ui::keymap::Action;
use crate::ui::message::Effects;
use crate::ui::theme::{Depth, Glyphs, Theme};
use crate::ui::widget::image::Range;
use crate::ui::widget::plane::{self, Plane};
use crate::ui::widget::{colour, scale, text};
use crate::view::Probe;
use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::style::{Color, Style};
use ratatui::text::{Line, Span};

/// The sizes of a perturbation that the keys go through, in input units.
const EPS: [f32; 19] =
    [0.0, 0.005, 0.01, 0.02, 0.03, 0.05, 0.08, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0];

/// What the adversarial pane remembers: the attack it asks for.
#[derive(Clone, Debug)]
pub struct Adversarial {
    sample: usize,
    eps: usize,
    attack: String,
    target: Option<u32>,
}

impl Default for Adversarial {
    fn default() -> Self {
        Self { sample: 0, eps: 7, attack: "Fgsm".into(), target: None }
    }
}

/// What came of the attack, in words: `7 -> 2 fooled`.
fn verdict(probe: &Probe, theme: &Theme) -> Vec<(String, Style)> {
    let (Some(before), Some(after)) = (scalar(probe, "before"), scalar(probe, "after")) else {
        return vec![("no prediction".into(), theme.faint)];
    };
    let arrow = text::pick(theme.glyphs, "→", "->");
    let (from, to) = (class_name(probe, before), class_name(probe, after));
    let mut pieces = vec![(format!("{from} {arrow} {to} "), theme.strong)];
    let label = scalar(probe, "label");
    pieces.push(if label.is_some_and(|l| l != before) {
        ("wrong before the attack".into(), theme.warn)
    } else if before == after {
        ("holds".into(), theme.good)
    } else {
        ("fooled".into(), theme.bad)
    });
    if let Some(l) = label.filter(|l| *l != before) {
        pieces.push((format!(", is {}", class_name(probe, l)), theme.text));
    }
    pieces
}

/// The greatest change of a pixel: what the full colour of the perturbation stands for.
fn amplitude(probe: &Probe) -> f32 {
    let Some(Data::Image { pixels, .. }) = probe.part("perturbation") else { return 0.0 };
    pixels.iter().filter(|v| v.is_finite()).fold(0.0, |m, v| m.max(v.abs()))
}

impl Adversarial {
    /// What was asked for: attack, size, target.
    fn request(&self, probe: Option<&Probe>, theme: &Theme, focused: bool) -> Vec<(String, Style)> {
        let (left, right) = match (focused, theme.glyphs) {
            (false, _) => ("", ""),
            (true, Glyphs::Unicode) => ("◀ ", " ▶"),
            (true, Glyphs::Ascii) => ("< ", " >"),
        };
        let eps = scale::number(f64::from(EPS[self.eps]));
        let mut pieces = vec![
            (self.attack.to_uppercase(), theme.strong),
            (format!("  eps {left}{eps}{right}"), theme.text),
        ];
        if let Some(t) = self.target {
            let name = probe.map_or_else(|| t.to_string(), |p| class_name(p, f64::from(t)));
            pieces.push((format!("  aims at {name}"), theme.text));
        }
        let shown = probe.and_then(|p| scalar(p, "eps"));
        if shown.is_some_and(|e| (e - f64::from(EPS[self.eps])).abs() > 1e-6) {
            pieces.push(("  computing".into(), theme.warn));
        }
        pieces
    }

    fn norms(probe: &Probe, theme: &Theme) -> Vec<(String, Style)> {
        let mut pieces = Vec::new();
        let names = [("linf", text::pick(theme.glyphs, "L∞", "Linf")), ("l2", "L2")];
        for (part, name) in names {
            if let Some(v) = scalar(probe, part) {
                pieces.push((format!("{name} {}  ", scale::number(v)), theme.text));
            }
        }
        if probe.part("sample").is_some() {
            pieces.push((format!("sample {}", sample_words(probe)), theme.faint));
        }
        pieces
    }

    fn draw_images(probe: &Probe, theme: &Theme, area: Rect, buf: &mut Buffer) {
        let caption = u16::from(area.height >= 3);
        let most = amplitude(probe);
        let signed = scale::number(f64::from(most));
        let columns = if area.width >= 15 { 3 } else { 1 };
        let plain = range(probe, "image");
        let shown = [
            ("image", "image".to_owned(), plain),
            ("perturbation", format!("{}{signed}", text::pick(theme.glyphs, "±", "+-")), Range::Signed(most)),
            ("adversarial", "adversarial".to_owned(), plain),
        ];
        let shown = if columns == 3 { &shown[..] } else { &shown[2..] };
        for (i, (part, name, range)) in shown.iter().enumerate() {
            let i = i as u16;
            let left = area.width * i / columns;
            let right = area.width * (i + 1) / columns - u16::from(i + 1 < columns);
            let place = text::part(area, left, 0, right - left, area.height);
            let Some(p) = picture(probe, part, *range) else { continue };
            let below =
                p.draw(theme, text::part(place, 0, 0, place.width, place.height - caption), buf).height;
            if caption == 1 {
                let mut words = name.clone();
                if *part == "perturbation" && text::width(&words) + 9 <= place.width {
                    words.insert_str(0, "perturb. ");
                }
                let words = text::shorten(&words, usize::from(place.width), theme.glyphs);
                text::put_centred(buf, place, below, &words, theme.faint);
            }
        }
    }

    fn draw_arrow(probe: &Probe, plane: Plane<'_>, theme: &Theme, area: Rect, buf: &mut Buffer) {
        plane.draw(theme, area, buf);
        let Some(Data::Series(ends)) = probe.part("arrow") else { return };
        let [x0, y0, x1, y1] = ends[..] else { return };
        let light = match theme.depth {
            Depth::Mono => Color::Reset,
            Depth::Sixteen => Color::White,
            depth => colour::of_rgb([255; 3], depth),
        };
        let unicode = theme.glyphs == Glyphs::Unicode;
        let mut last = None;
        for i in 0..=64 {
            let t = i as f32 / 64.0;
            let at = plane.cell(area, x0 + (x1 - x0) * t, y0 + (y1 - y0) * t);
            if let Some(at) = at.filter(|a| Some(*a) != last) {
                plane.put(theme, area, at, if unicode { '•' } else { '.' }, light, buf);
                last = Some(at);
            }
        }
        // On its head the direction, on its foot the sample.
        let head = match ((x1 - x0).abs() * 1.5 > (y1 - y0).abs(), x1 > x0, y1 > y0, unicode) {
            (true, true, _, true) => '▶',
            (true, false, _, true) => '◀',
            (false, _, true, true) => '▲',
            (false, _, false, true) => '▼',
            (true, true, _, false) => '>',
            (true, false, _, false) => '<',
            (false, _, true, false) => '^',
            (false, _, false, false) => 'v',
        };
        if let Some(at) = plane.cell(area, x1, y1) {
            plane.put(theme, area, at, head, light, buf);
        }
        if let Some(at) = plane.cell(area, x0, y0) {
            let class = scalar(probe, "label").unwrap_or(0.0) as u32;
            plane.put(theme, area, at, plane::mark(class, theme.glyphs), light, buf);
        }
    }

    /// The features of a table before and after, those that changed most.
    fn draw_features(probe: &Probe, theme: &Theme, area: Rect, buf: &mut Buffer) {
        let change = |v: &[f32]| match v {
            [a, b, ..] => (b - a).abs(),
            _ => 0.0,
        };
        let mut features: Vec<_> = rows(probe, "features").iter().collect();
        features.sort_by(|a, b| change(&b.1).total_cmp(&change(&a.1)));
        let arrow = text::pick(theme.glyphs, "→", "->");
        let name = usize::from(area.width / 2);
        for (y, (label, values)) in features.iter().take(usize::from(area.height)).enumerate() {
            let [before, after, ..] = values[..] else { continue };
            let number = |v: f32| scale::number(f64::from(v));
            let words = format!("{} {arrow} {}", number(before), number(after));
            text::put(buf, area, 0, y as u16, &text::shorten(label, name, theme.glyphs), theme.faint);
            text::put_right(buf, area, y as u16, &words, theme.text);
        }
    }
}

impl Pane for Adversarial {
    fn title<'a>(&self, cx: Context<'a>) -> Line<'a> {
        let mut line = Line::styled("Adversarial", cx.theme.strong);
        if let Some(lane) = cx.view.lane(cx.front) {
            let style = Style::new().fg(cx.theme.lane(lane.id)).patch(cx.theme.strong);
            line.push_span(Span::styled(format!("  lane {}", lane.letter()), style));
            if let Some(p) = lane.probes.get("adversarial") {
                let step = format!("  step {}", scale::count(p.step as f64));
                line.push_span(Span::styled(step, cx.theme.faint));
            }
        }
        line
    }

    fn draw(&self, cx: Context<'_>, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        let theme = cx.theme;
        if area.is_empty() {
            return;
        }
        let Some(lane) = cx.view.lane(cx.front) else {
            return text::put_message(buf, area, "no lane in front", theme.faint);
        };
        let Some(probe) = lane.probes.get("adversarial") else {
            if area.height >= 3 {
                text::put_pieces(buf, area, 0, &self.request(None, theme, cx.focused));
            }
            let words = format!("no attack on lane {} computed yet", lane.letter());
            return text::put_message(buf, area, &words, theme.faint);
        };

        // By weight: what came of it, the pictures, what was asked for, the bars, the norms.
        let (h, w) = (area.height, area.width);
        text::put_pieces(buf, area, 0, &verdict(probe, theme));
        if h < 2 {
            return;
        }
        let asked = self.request(Some(probe), theme, cx.focused);
        let request = u16::from(h >= 5);
        let norms = u16::from(h >= 8);
        if request == 1 {
            text::put_pieces(buf, area, 1, &asked);
        }
        if norms == 1 {
            let row = text::part(area, 0, h - 1, w, 1);
            text::put_pieces(buf, row, 0, &Self::norms(probe, theme));
        }
        let body = text::part(area, 0, 1 + request, w, h - 1 - request - norms);
        let classes = rows(probe, "probabilities").len() as u16;
        let images = probe.part("image").is_some();
        let mut bars = if body.height >= 8 { classes.min(body.height / 2).min(12) } else { 0 };
        if images && bars > 0 {
            // What the pictures cannot use goes to the bars.
            let most = text::part(body, 0, 0, w / 3, body.height - bars - 1);
            if let Some(p) = picture(probe, "image", Range::Between(0.0, 1.0)) {
                bars = classes.min(body.height - p.place(most).height - 1);
            }
        }
        let top = text::part(body, 0, 0, w, body.height - bars);
        if let Some(plane) = boundary(probe) {
            Self::draw_arrow(probe, plane, theme, top, buf);
        } else if images {
            Self::draw_images(probe, theme, top, buf);
        } else if !rows(probe, "features").is_empty() {
            Self::draw_features(probe, theme, top, buf);
        } else {
            text::put_message(buf, top, "nothing to show for these data", theme.faint);
        }
        if bars > 0 {
            let place = text::part(body, 0, body.height - bars, w, bars);
            let (before, after) = (scalar(probe, "before"), scalar(probe, "after"));
            if w >= 28 {
                let half = w / 2;
                draw_bars(probe, 0, before, theme, text::part(place, 0, 0, half - 1, bars), buf);
                draw_bars(probe, 1, after, theme, text::part(place, half, 0, w - half, bars), buf);
            } else {
                draw_bars(probe, 1, after, theme, place, buf);
            }
        }
    }

    fn act(&mut self, action: Action, cx: Context<'_>) -> Effects {
        let probe = cx.view.lane(cx.front).and_then(|l| l.probes.get("adversarial"));
        let classes = probe.map_or(0, |p| rows(p, "probabilities").len() as u32);
        match action {
            Action::EpsUp | Action::Right => self.eps = (self.eps + 1).min(EPS.len() - 1),
            Action::EpsDown | Action::Left => self.eps = self.eps.saturating_sub(1),
            Action::NextSample | Action::Down => self.sample = turn(self.sample, true, probe),
            Action::PreviousSample | Action::Up => self.sample = turn(self.sample, false, probe),
            Action::First => self.sample = 0,
            Action::NextTarget => {
                let next = self.target.map_or(0, |t| t + 1);
                self.target = (next < classes).then_some(next);
            }
            _ => {}
        }
        Effects::new()
    }

    fn watch(&self, cx: Context<'_>, _: Size) -> Vec<telemetry::View> {
        vec![telemetry::View::Adversarial {
            lane: cx.front,
            sample: self.sample,
            eps: EPS[self.eps],
            attack: self.attack.clone(),
            target: self.target,
        }]
    }
}
