//! Findings about a lane from its numbers, in words. Draws nothing and judges no optimizer.

pub mod flow;
pub mod health;

use super::theme::Theme;
use super::widget::scale::number;
use crate::number::{LayerNumber, Number};
use crate::telemetry::Phase;
use crate::telemetry::finding::Diagnosis;
use crate::view::LaneView;
use flow::{Flow, Word};
use ratatui::style::Style;
use std::borrow::Cow;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// The lane is lost, or does not learn.
    Bad,
    /// Worth a look.
    Warn,
    /// As it should be.
    Plain,
}

impl Weight {
    /// Its looks.
    pub fn style(self, theme: &Theme) -> Style {
        match self {
            Self::Bad => theme.bad,
            Self::Warn => theme.warn,
            Self::Plain => theme.faint,
        }
    }
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub weight: Weight,
    /// In words.
    pub text: String,
}

/// The findings that are known about a lane: those of its examination.
pub fn known(lane: &LaneView) -> Cow<'_, Diagnosis> {
    lane.examination.as_ref().map_or_else(Cow::default, |e| Cow::Borrowed(&e.diagnosis))
}

/// How a lane ended, if it did not come to its end.
pub fn account(lane: &LaneView) -> Option<Finding> {
    let (weight, text) = match &lane.phase {
        // An account that names the layer tells of the step and the gradient as well.
        Phase::Diverged(d) if d.what.contains(&d.layer) => {
            (Weight::Bad, format!("diverged{}: {}", cause(lane, d.step), d.what))
        }
        Phase::Diverged(d) => {
            let (step, cause, norm) = (thousands(d.step), cause(lane, d.step), real(d.last_grad_norm));
            let text = format!("diverged at step {step}{cause} in {} after ‖g‖ {norm}: {}", d.layer, d.what);
            (Weight::Bad, text)
        }
        Phase::Failed(what) => (Weight::Bad, format!("failed: {what}")),
        Phase::Stopped(why) => (Weight::Warn, format!("stopped: {why}")),
        Phase::Running | Phase::Paused | Phase::Finished => return None,
    };
    Some(Finding { weight, text })
}

/// The findings about a lane, the most important first.
pub fn findings(lane: &LaneView) -> Vec<Finding> {
    let mut out: Vec<Finding> = account(lane).into_iter().collect();
    let mut say = |weight, text: String| out.push(Finding { weight, text });
    flow(lane, &mut say);
    units(lane, &mut say);
    let m = &lane.last;
    if m.step > 0 {
        let (clipped, moved) = (m.single(Number::ClipShare), m.single(Number::UpdateRatio));
        if clipped > 0.0 {
            let weight = if clipped > 0.5 { Weight::Warn } else { Weight::Plain };
            say(weight, format!("{} of all steps were clipped", percent(clipped)));
        }
        if moved > 0.1 {
            say(Weight::Warn, format!("a step moves the weights by {} of their size", percent(moved)));
        } else if (0.0..1e-6).contains(&moved) {
            say(Weight::Warn, format!("a step moves the weights by {} of their size only", real(moved)));
        }
    }
    if out.is_empty() && m.step > 0 {
        let text = format!(
            "loss {}, gradient of norm {}",
            real(m.single(Number::Loss)),
            real(m.single(Number::GradNorm))
        );
        out.push(Finding { weight: Weight::Plain, text });
    }
    out.sort_by_key(|f| f.weight);
    out
}

/// The last change by hand before this step, if there was one: it comes before any symptom.
fn cause(lane: &LaneView, step: u64) -> String {
    let edit = lane.info.edits.iter().rfind(|e| 0 < e.step && e.step < step);
    edit.map_or_else(String::new, |e| format!(" since {e} at step {}", thousands(e.step)))
}

/// How the gradient changes from the last layer to the first.
fn flow(lane: &LaneView, say: &mut impl FnMut(Weight, String)) {
    let Some(flow) = Flow::of(&lane.layers) else { return };
    // A lane that is lost says itself at which step and why; what its last gradient was like is beside the point.
    let weight = match flow.word {
        Word::Even => Weight::Plain,
        Word::Vanished | Word::Vanishing if matches!(lane.phase, Phase::Diverged(_)) => Weight::Plain,
        _ => Weight::Bad,
    };
    if let Some(sentence) = flow.sentence() {
        say(weight, sentence);
    }
}

/// Units that pass no gradient on: a note where enough of it gets through all the same.
fn units(lane: &LaneView, say: &mut impl FnMut(Weight, String)) {
    let name = |layer: usize| {
        let label = lane.info.layers.get(layer).map_or("", |l| l.label.as_str());
        format!("layer {} {}", layer + 1, label.split([' ', '(']).next().unwrap_or_default())
    };
    if let Some(class) = health::constant(lane) {
        say(Weight::Warn, format!("it answers {class} to every validation sample"));
    }
    let harm = Flow::of(&lane.layers).is_some_and(|f| f.word != Word::Even);
    if let Some((layer, dead)) = health::deadest(lane).filter(|(_, dead)| *dead >= 0.01) {
        let (weight, words) = match dead {
            d if d > 0.999 => {
                (Weight::Bad, format!("all units of {} are dead: nothing gets through", name(layer)))
            }
            d => {
                let weight = if harm || d >= 0.5 { Weight::Warn } else { Weight::Plain };
                (weight, format!("{} of the units of {} are dead", percent(d), name(layer)))
            }
        };
        say(weight, words);
    }
    // A rectifier is flat on one side by design: only what is flat on both sides has come to an edge.
    let rectifies = |layer: usize| lane.info.layers.get(layer).is_some_and(|l| l.label.contains("elu"));
    let saturated = lane.layers.iter().filter_map(|l| Some((l.layer, l.get(LayerNumber::Saturated)?)));
    let worst = saturated.filter(|(l, v)| *v >= 0.3 && !rectifies(*l)).max_by(|a, b| a.1.total_cmp(&b.1));
    if let Some((layer, v)) = worst {
        let weight = if harm { Weight::Warn } else { Weight::Plain };
        say(weight, format!("{} of {} is saturated", percent(v), name(layer)));
    }
}

/// How a lane that has made no step comes to its first one.
pub fn first_step(lane: &LaneView) -> String {
    match &lane.info.fork {
        Some(fork) if !fork.begun => {
            format!("the lane waits for {} to come to step {}", fork.from, thousands(fork.at))
        }
        _ => "space runs the lanes, n makes a step".into(),
    }
}

/// The words in place of the numbers of a lane that has none any more.
pub fn no_numbers(lane: &LaneView) -> Option<String> {
    match &lane.phase {
        Phase::Diverged(d) => Some(format!("no numbers: diverged at step {}", thousands(d.step))),
        Phase::Failed(_) => Some("no numbers: failed".into()),
        _ => None,
    }
}

fn real(v: f32) -> String {
    number(f64::from(v))
}

fn percent(share: f32) -> String {
    format!("{:.0} %", 100.0 * share)
}

/// A count with its thousands set apart: 1,240.
pub fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::{Divergence, LayerMeasure, Measure};
    use crate::ui::fixture;

    #[test]
    fn a_vanishing_gradient_is_named_first() {
        let mut lane = fixture::lane(0, "deep");
        lane.last = Measure { step: 10, ..Measure::default() }
            .with(Number::ClipShare, 0.2)
            .with(Number::UpdateRatio, 1e-3);
        lane.layers = vec![
            LayerMeasure::of(0).with(LayerNumber::GradNorm, 3e-8),
            LayerMeasure::of(1).with(LayerNumber::Saturated, 0.71),
            LayerMeasure::of(2).with(LayerNumber::GradNorm, 0.1),
        ];
        let found = findings(&lane);
        assert_eq!(found[0].weight, Weight::Bad);
        assert!(found[0].text.starts_with("vanished: layer 1 gets 3"), "{}", found[0].text);
        assert!(found[1].text.starts_with("71 % of layer 2"), "{}", found[1].text);
        assert_eq!(found[2].text, "20 % of all steps were clipped");
    }

    #[test]
    fn a_divergence_gives_its_account() {
        let mut lane = fixture::lane(0, "wild");
        lane.phase = Phase::Diverged(Divergence {
            step: 1132,
            layer: "3 Dense 64".into(),
            last_grad_norm: 1e9,
            what: "the loss is not a number".into(),
        });
        assert!(findings(&lane)[0].text.starts_with("diverged at step 1,132 in 3 Dense 64 after"));
        let what = "The output of layer 3 Dense 64 overflowed at step 1132".to_string();
        lane.phase = Phase::Diverged(Divergence {
            step: 1132,
            layer: "layer 3 Dense 64".into(),
            last_grad_norm: 1e9,
            what: what.clone(),
        });
        assert_eq!(findings(&lane)[0].text, format!("diverged: {what}"), "nothing is said twice");
    }

    #[test]
    fn a_lane_that_an_edit_blew_up_names_the_edit_first() {
        use crate::scenario::Edit;
        let mut lane = fixture::lane(0, "wild");
        let edit = |step, from: &str, to: &str| Edit {
            step,
            lane: "wild".into(),
            field: "optimizer.lr".into(),
            from: from.into(),
            to: to.into(),
        };
        lane.info.edits = vec![edit(49, "0.01", "1000"), edit(60, "1000", "0.01")];
        lane.phase = Phase::Diverged(Divergence {
            step: 52,
            layer: "layer 3 Dense".into(),
            last_grad_norm: 1e9,
            what: "The output of layer 3 Dense overflowed".into(),
        });
        let first = &findings(&lane)[0].text;
        assert!(first.starts_with("diverged since lr 0.01 → 1000 at step 49: The output"), "{first}");
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!([0, 999, 1000, 1_234_567].map(thousands), ["0", "999", "1,000", "1,234,567"]);
    }
}
