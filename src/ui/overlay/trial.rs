//! The window of a short training of a copy of a lane: loss against rate, or the loss of a single batch, with the
//! result in words. Draws the newest probe; trains nothing.

use super::{Answer, open};
use crate::telemetry::{Data, LaneId};
use crate::ui::diagnosis::thousands;
use crate::ui::keymap::Action;
use crate::ui::overlay::menu::Pick;
use crate::ui::pane::prediction::scalar;
use crate::ui::theme::Theme;
use crate::ui::widget::plot::{Curve, Plot, XAxis};
use crate::ui::widget::scale::{self, AxisScale};
use crate::ui::widget::text;
use crate::view::history::{AxisPosition, Bucket};
use crate::view::{LaneView, ProbeResult};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use std::borrow::Cow;

/// Columns and rows of the window.
const SIZE: (u16, u16) = (100, 28);
/// Losses are drawn up to this multiple of the first one.
const SHOWN: f32 = 4.0;

/// A test started by a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Test {
    /// The range test.
    Rates,
    /// The test whether one batch can be fitted.
    Batch,
}

/// The window of a test of a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trial {
    /// The test.
    pub test: Test,
    /// The lane whose copy is trained.
    pub lane: LaneId,
}

fn series<'p>(probe: &'p ProbeResult, name: &str) -> &'p [f32] {
    match probe.part(name) {
        Some(Data::Series(all)) => all,
        _ => &[],
    }
}

impl Trial {
    /// The probe that it shows.
    pub fn probe(self) -> &'static str {
        match self.test {
            Test::Rates => "rates",
            Test::Batch => "one batch",
        }
    }

    /// The rate suggested for the lane.
    pub fn suggested(self, lane: &LaneView) -> Option<f64> {
        scalar(lane.probes.get(self.probe())?, "suggested")
    }

    /// Acts on a key.
    pub(super) fn act(self, action: Action) -> Answer {
        match action {
            Action::Accept if self.test == Test::Rates => Answer::Take(Pick::Rate(self.lane)),
            Action::Cancel | Action::Accept => Answer::Close,
            _ => Answer::Nothing,
        }
    }

    /// The result in sentences.
    fn words(self, lane: &LaneView, probe: &ProbeResult) -> String {
        let get = |name: &str| scalar(probe, name).unwrap_or(f64::NAN);
        let number = |name: &str| scale::number(get(name));
        match self.test {
            Test::Rates => {
                let first = match scalar(probe, "suggested") {
                    Some(rate) => format!(
                        "Suggested: lr {}, a tenth of {}, the largest rate after which the mean loss was as low as it got ({}, from \
                         {}): room for a loss that bends more later. Enter sets it.",
                        scale::number(rate),
                        number("least"),
                        number("mean"),
                        number("first"),
                    ),
                    None => format!(
                        "No rate brought the mean loss below {} by more than 2% and the noise of batches, so none is suggested; \
                         key O asks whether it learns a single batch.",
                        number("first"),
                    ),
                };
                let away = match scalar(probe, "away") {
                    Some(rate) => format!("At {} the loss ran away.", scale::number(rate)),
                    None => "At no rate did the loss run away.".into(),
                };
                let now = scale::number(lane.info.recipe.optimizer.lr());
                format!("{first} {away} It has lr {now} now.")
            }
            Test::Batch => {
                let losses = series(probe, "losses");
                let (first, last) = (losses.first(), losses.last());
                let loss = |x: Option<&f32>| scale::number(x.map_or(f64::NAN, |&x| f64::from(x)));
                let (from, to, steps) = (loss(first), loss(last), thousands(losses.len() as u64));
                let samples = thousands(get("samples") as u64);
                if probe.part("learnt").is_some() {
                    return format!(
                        "Learnt by heart: in {steps} steps the loss of these {samples} samples fell from {from} to {to}, to 1%. \
                         Network, loss and gradients fit together; what is left is a matter of data, rate and time."
                    );
                }
                if last.is_some_and(|x| !x.is_finite()) {
                    return format!(
                        "The loss of these {samples} samples ran away in {steps} steps: try a smaller rate."
                    );
                }
                let fell = first.zip(last).is_some_and(|(a, b)| *b < 0.5 * *a);
                let verdict = if fell { "On its way" } else { "Not learnt" };
                let more = if fell {
                    "it fell by more than half, and not to 1% yet"
                } else {
                    "a network that can learn its data learns one batch: look at the rate, the gradient map, and what the \
                     labels have to do with the inputs"
                };
                format!(
                    "{verdict}: in {steps} steps the loss of these {samples} samples went from {from} to {to}; {more}."
                )
            }
        }
    }

    /// Draws it over the present content.
    pub fn draw(self, lane: Option<&LaneView>, theme: &Theme, area: Rect, buf: &mut Buffer) {
        let what = match self.test {
            Test::Rates => "Range test of rates",
            Test::Batch => "One batch by heart",
        };
        let name = lane.map_or_else(String::new, |l| format!("  lane {} {}", l.letter(), l.info.name));
        let probe = lane.and_then(|l| l.probes.get(self.probe()));
        let age = probe.map_or_else(String::new, |p| format!("  from step {}", thousands(p.step)));
        let title = Line::from(vec![
            ratatui::text::Span::styled(what, theme.strong),
            ratatui::text::Span::styled(text::shorten(&(name + &age), 60, theme.glyphs), theme.faint),
        ]);
        let (width, height) = (SIZE.0.min(area.width), SIZE.1.min(area.height.saturating_sub(2)));
        let inside = open(title, width, height, theme, area, buf);
        let (Some(lane), Some(probe)) = (lane, probe) else {
            let words = "a copy of the lane is training; it goes on undisturbed meanwhile";
            return text::put_message(buf, inside, words, theme.faint);
        };
        let room = text::part(inside, 1, 0, inside.width.saturating_sub(2), inside.height);
        let words = text::lines(&self.words(lane, probe), room.width, "");
        let below = (words.len() as u16).min(room.height / 2);
        for (y, line) in (room.height - below..).zip(words.iter().take(usize::from(below))) {
            text::put(buf, room, 0, y, line, theme.text);
        }
        self.plot(lane, probe, theme, text::part(room, 0, 0, room.width, room.height - below), buf);
    }

    fn plot(self, lane: &LaneView, probe: &ProbeResult, theme: &Theme, area: Rect, buf: &mut Buffer) {
        if area.height < 4 {
            return;
        }
        let colour = theme.lane(lane.id);
        let curve = |at: &dyn Fn(usize) -> f64, values: &[f32], front: bool| {
            let first = values.first().map_or(1.0, |x| x.abs());
            let points = values.iter().enumerate().map(|(i, &v)| {
                // Diverged losses would flatten all others.
                let v = if v > SHOWN * first { f32::NAN } else { v };
                Bucket {
                    at: AxisPosition { step: at(i), ..AxisPosition::default() },
                    min: v,
                    max: v,
                    last: v,
                }
            });
            Curve {
                points: Cow::Owned(points.collect()),
                letter: lane.letter(),
                color: colour,
                front,
                dashed: !front,
                broken: false,
                breaks: Vec::new(),
            }
        };
        let losses = series(probe, "losses");
        let (curves, x, axis, cursor, words) = match self.test {
            Test::Rates => {
                let rates = series(probe, "rates");
                let at = |i: usize| rates.get(i).map_or(0.0, |&r| f64::from(r));
                let (low, high) = (at(0), at(rates.len().saturating_sub(1)));
                let curves = vec![curve(&at, losses, false), curve(&at, series(probe, "means"), true)];
                let marks = text::pick(
                    theme.glyphs,
                    "mean, ╌ of each batch; ┊ suggested",
                    "mean, - of each batch; : suggested",
                );
                (
                    curves,
                    AxisScale::fit(low, high, true),
                    XAxis::Rates,
                    self.suggested(lane),
                    format!("loss: {marks}"),
                )
            }
            Test::Batch => {
                let at = |i: usize| (i + 1) as f64;
                let (x, words) = (AxisScale::whole(losses.len() as f64), "loss of the batch".to_string());
                (vec![curve(&at, losses, true)], x, XAxis::Steps, None, words)
            }
        };
        text::put(buf, area, 0, 0, &words, theme.faint);
        let log = self.test == Test::Batch && losses.iter().all(|l| *l > 0.0);
        let plot = Plot { curves, axis, x, log, y: None, smoothing: 0.0, cursor };
        plot.draw(theme, text::part(area, 0, 1, area.width, area.height - 1), buf);
    }
}
