//! The adversarial bench: a sample, the perturbation, the perturbed sample, and the lanes' predictions for both; or
//! accuracy against the size of the attack. Draws the newest probes and requests an attack.

mod one;
mod sizes;

use super::prediction::{class_name, rows, scalar, turn};
use super::{Context, PaneRequest, PaneRequests, PaneWidget};
use crate::engine::attack::AttackConfig;
use crate::registry::SettingValue as _;
use crate::scenario::Shape;
use crate::scenario::view::Opening;
use crate::telemetry::{self, LaneId, Sample};
use crate::ui::keymap::Action;
use crate::ui::overlay::form::FormSubject;
use crate::ui::theme::{Glyphs, Theme};
use crate::ui::widget::{scale, text};
use crate::view::{LaneView, ProbeResult};
use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

/// The sizes of a perturbation through which keys step, in input units.
const EPS: [f64; 19] =
    [0.0, 0.005, 0.01, 0.02, 0.03, 0.05, 0.08, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0];

/// Columns of a lane when several are side by side.
const BESIDE: u16 = 30;
/// The least width for lanes side by side.
const WIDE: u16 = 76;

/// The state of the pane: the requested attack.
#[derive(Clone, Debug)]
pub struct Adversarial {
    sample: Sample,
    attack: AttackConfig,
    target: Option<u32>,
    /// Whether accuracy against size is shown.
    sizes: bool,
}

impl Default for Adversarial {
    fn default() -> Self {
        let attack = AttackConfig::all().swap_remove(0);
        Self { sample: Sample::Number(0), attack, target: None, sizes: false }
    }
}

/// The newest attack on the lane in front.
fn front(cx: Context<'_>) -> Option<&ProbeResult> {
    cx.view.lane(cx.front)?.probes.get("adversarial")
}

/// The reason why a lane cannot be attacked at all, if it cannot: it does not predict one class for a whole sample.
fn immune(lane: &LaneView) -> Option<&'static str> {
    if lane.info.foreign.is_some() {
        return Some("nothing to attack: a log holds numbers, no network");
    }
    match lane.info.outputs {
        Shape::Flat(0 | 1) => Some("nothing to attack: it predicts a number, not a class"),
        Shape::Flat(_) => None,
        _ => Some("nothing to attack: a label per step, no class per sample"),
    }
}

/// The usual spelling of an attack's name: FGSM, PGD; DeepFool.
fn name(attack: &AttackConfig) -> String {
    let name = attack.name();
    if name.len() <= 6 { name.to_uppercase() } else { name.into() }
}

impl Adversarial {
    /// The size of the attack, if it has one.
    fn eps(&self) -> Option<f64> {
        let fields = self.attack.settings().fields();
        fields.iter().find(|f| ["eps", "std"].contains(&f.name))?.value.parse().ok()
    }

    /// The request in words: attack, size, target.
    fn request(&self, probe: Option<&ProbeResult>, theme: &Theme, focused: bool) -> Vec<(String, Style)> {
        let (left, right) = match (focused, theme.glyphs) {
            (false, _) => ("", ""),
            (true, Glyphs::Unicode) => ("◀ ", " ▶"),
            (true, Glyphs::Ascii) => ("< ", " >"),
        };
        let mut pieces = vec![(name(&self.attack), theme.strong)];
        if let Some(eps) = self.eps() {
            pieces.push((format!("  eps {left}{}{right}", scale::number(eps)), theme.text));
            let shown = probe.and_then(|p| scalar(p, "eps"));
            if shown.is_some_and(|e| (e - eps).abs() > 1e-6) {
                pieces.push(("  computing".into(), theme.warn));
            }
        }
        if let Some(t) = self.target {
            let name = probe.map_or_else(|| t.to_string(), |p| class_name(p, f64::from(t)));
            pieces.push((format!("  aims at {name}"), theme.text));
        }
        pieces.push((format!("  {}", self.attack.norm()), theme.faint));
        let fields = self.attack.settings().fields();
        if let Some(steps) = fields.iter().find(|f| f.name == "steps") {
            pieces.push((format!("  {} steps", steps.value), theme.faint));
        }
        if self.sample == Sample::Hardest {
            pieces.push(("  hardest".into(), theme.warn));
        }
        pieces
    }

    /// The lanes that are side by side in an inside of this width: all lanes, or only the one in front.
    fn lanes(cx: Context<'_>, width: u16) -> Vec<LaneId> {
        let all = || cx.view.lanes.iter().map(|l| l.id);
        let room = usize::from(width / BESIDE);
        if width < WIDE || room < 2 || cx.view.lanes.len() < 2 {
            return vec![cx.front];
        }
        // If there are too many, those around the one in front.
        let at = all().position(|id| id == cx.front).unwrap_or(0);
        let first = (at + 1).saturating_sub(room);
        all().skip(first).take(room).collect()
    }

    /// The number of the sample that is shown.
    fn shown(&self, probe: Option<&ProbeResult>) -> usize {
        match self.sample {
            Sample::Number(n) => n,
            Sample::Hardest | Sample::Own => {
                probe.and_then(|p| scalar(p, "sample")).map_or(0, |n| n as usize)
            }
        }
    }

    /// Changes to the next size up or down the list, or says why it cannot.
    fn resize(&mut self, up: bool) -> PaneRequests {
        let Some(now) = self.eps() else {
            let words = format!("{} has no epsilon: it looks for the least perturbation", name(&self.attack));
            return vec![PaneRequest::Notice(words)];
        };
        let next = if up {
            EPS.into_iter().find(|e| *e > now + 1e-9)
        } else {
            EPS.into_iter().rev().find(|e| *e < now - 1e-9)
        };
        if let Some(attack) = next.and_then(|eps| self.attack.clone().with_eps(eps)) {
            self.attack = attack;
        }
        PaneRequests::new()
    }

    /// Changes to the next attack of the table, with the same size if possible.
    fn next_attack(&mut self) {
        let all = AttackConfig::all();
        let at = all.iter().position(|a| a.name() == self.attack.name()).unwrap_or(0);
        let next = all[(at + 1) % all.len()].clone();
        let sized = self.eps().and_then(|eps| next.clone().with_eps(eps));
        self.attack = sized.unwrap_or(next);
    }
}

impl PaneWidget for Adversarial {
    fn open(&mut self, opening: &Opening) {
        self.sample = Sample::Number(opening.sample);
        if let Some(attack) = &opening.attack {
            self.attack.clone_from(attack);
        }
        self.sizes = opening.sizes;
    }

    fn title<'a>(&self, cx: Context<'a>) -> Line<'a> {
        let mut line = Line::styled("Adversarial", cx.theme.strong);
        if let Some(lane) = cx.view.lane(cx.front) {
            let style = Style::new().fg(cx.theme.lane(lane.id)).patch(cx.theme.strong);
            line.push_span(Span::styled(format!("  lane {}", lane.letter()), style));
            line.spans.extend(cx.age_of("adversarial"));
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
            return text::put_message(buf, area, "no lane yet", theme.faint);
        };
        if let Some(why) = immune(lane) {
            return text::put_message(buf, area, why, theme.faint);
        }
        if self.sizes {
            return sizes::draw(cx, &name(&self.attack), area, buf);
        }
        let Some(probe) = lane.probes.get("adversarial") else {
            if area.height >= 3 {
                text::put_pieces(buf, area, 0, &self.request(None, theme, cx.focused));
            }
            let words = cx.missing(&format!("attack on lane {}", lane.letter()));
            return text::put_message(buf, area, &words, theme.faint);
        };
        let asked = self.request(Some(probe), theme, cx.focused);
        let lanes = Self::lanes(cx, area.width);
        if lanes.len() < 2 || area.height < 8 {
            return one::draw(lane, probe, &asked, theme, area, buf);
        }
        text::put_pieces(buf, area, 0, &asked);
        let count = lanes.len() as u16;
        for (i, id) in (0..).zip(lanes) {
            let Some(lane) = cx.view.lane(id) else { continue };
            // All have the same width, so that equal pictures have the same size.
            let each = (area.width + 3) / count;
            let place = text::part(area, each * i, 1, each - 3, area.height - 1);
            let mut style = Style::new().fg(theme.lane(id)).add_modifier(Modifier::BOLD);
            if id == cx.front {
                style = style.add_modifier(Modifier::REVERSED);
            }
            let x = text::put(buf, place, 0, 0, &format!(" {} ", lane.letter()), style);
            let room = usize::from(place.width.saturating_sub(x + 1));
            text::put(
                buf,
                place,
                x + 1,
                0,
                &text::shorten(&lane.info.name, room, theme.glyphs),
                theme.strong,
            );
            let below = text::part(place, 0, 1, place.width, place.height - 1);
            match lane.probes.get("adversarial") {
                Some(probe) => one::draw(lane, probe, &[], theme, below, buf),
                None => text::put_message(buf, below, "computing", theme.faint),
            }
        }
    }

    fn act(&mut self, action: Action, cx: Context<'_>) -> PaneRequests {
        let probe = front(cx);
        let classes = probe.map_or(&[][..], |p| rows(p, "probabilities"));
        match action {
            Action::EpsUp | Action::Right => return self.resize(true),
            Action::EpsDown | Action::Left => return self.resize(false),
            Action::NextSample | Action::Down => {
                self.sample = Sample::Number(turn(self.shown(probe), true, probe));
            }
            Action::PreviousSample | Action::Up => {
                self.sample = Sample::Number(turn(self.shown(probe), false, probe));
            }
            Action::First => self.sample = Sample::Number(0),
            Action::HardestSample => self.sample = Sample::Hardest,
            Action::NextTarget => {
                let next = self.target.map_or(0, |t| t + 1);
                self.target = (next < classes.len() as u32).then_some(next);
            }
            Action::NextAttack => self.next_attack(),
            Action::ToggleSizes => self.sizes = !self.sizes,
            Action::Edit => {
                let classes = classes.iter().map(|(name, _)| name.clone()).collect();
                let subject =
                    FormSubject::Attack { attack: self.attack.clone(), target: self.target, classes };
                return vec![PaneRequest::Edit(Box::new(subject))];
            }
            Action::OwnPicture => {
                return vec![PaneRequest::Edit(Box::new(FormSubject::Picture(String::new())))];
            }
            _ => {}
        }
        PaneRequests::new()
    }

    fn watch(&self, cx: Context<'_>, inside: Size) -> Vec<telemetry::ProbeRequest> {
        let attack = self.attack.text();
        if self.sizes {
            let each = cx.view.lanes.iter().map(|l| telemetry::ProbeRequest {
                attack: attack.clone(),
                ..telemetry::ProbeRequest::of("sizes", l.id)
            });
            return each.collect();
        }
        // Each lane has another hardest sample, so all show that of the lane in front.
        let same = |lane: LaneId| match self.sample {
            Sample::Hardest if lane != cx.front => Sample::Number(self.shown(front(cx))),
            sample => sample,
        };
        let each = Self::lanes(cx, inside.width).into_iter().map(|lane| telemetry::ProbeRequest {
            sample: same(lane),
            attack: attack.clone(),
            target: self.target,
            ..telemetry::ProbeRequest::of("adversarial", lane)
        });
        each.collect()
    }

    fn edited(&mut self, subject: &FormSubject) {
        match subject {
            FormSubject::Attack { attack, target, .. } => {
                self.attack.clone_from(attack);
                self.target = *target;
            }
            FormSubject::Picture(_) => self.sample = Sample::Own,
            _ => {}
        }
    }
}
