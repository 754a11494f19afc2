//! Findings about a lane from its numbers, in words. Draws nothing and judges no optimizer.

pub mod flow;
pub mod health;

use super::theme::Theme;
use super::widget::scale::number;
use crate::number::{LayerNumber, Number};
use crate::telemetry::Phase;
use crate::telemetry::finding::Level;
use crate::view::LaneView;
use flow::{Flow, FlowChange};
use ratatui::style::Style;

/// The report of a lane whose process was killed.
const KILLED: &str = "the process that trained it ended without leaving the run: it was killed, or the machine stopped; \
    gradtui resume goes on from the last checkpoint";

/// The importance of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// The lane has diverged, or does not learn.
    Bad,
    /// Worth a look.
    Warn,
    /// Normal.
    Plain,
}

impl Weight {
    /// Its colour.
    pub fn style(self, theme: &Theme) -> Style {
        match self {
            Self::Bad => theme.bad,
            Self::Warn => theme.warn,
            Self::Plain => theme.faint,
        }
    }
}

impl From<Level> for Weight {
    fn from(level: Level) -> Self {
        match level {
            Level::Bad => Self::Bad,
            Level::Warn => Self::Warn,
            Level::Note => Self::Plain,
        }
    }
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindingLine {
    /// How much it matters.
    pub weight: Weight,
    /// The finding in words.
    pub text: String,
}

/// The report of a lane's end, if it ended early.
pub fn account(lane: &LaneView) -> Option<FindingLine> {
    let (weight, text) = match &lane.phase {
        // A report that names the layer also contains the step and the gradient.
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
        Phase::Killed => (Weight::Warn, KILLED.into()),
        Phase::Running | Phase::Paused | Phase::Finished => return None,
    };
    Some(FindingLine { weight, text })
}

/// Everything to report about a lane, the most important first: its end, the findings, and plain facts.
pub fn findings(lane: &LaneView) -> Vec<FindingLine> {
    let mut out: Vec<FindingLine> = account(lane).into_iter().collect();
    for finding in lane.diagnosis().reported() {
        // A copy that was trained to the end may show what the lane itself has not reached.
        let ahead = finding.step > lane.step;
        let from = if ahead {
            format!("in a copy trained ahead, from step {} on: ", thousands(finding.step))
        } else {
            String::new()
        };
        let text = format!("{}: {from}{}", finding.id, finding.text);
        out.push(FindingLine { weight: finding.level.into(), text });
    }
    let mut say = |text: String| out.push(FindingLine { weight: Weight::Plain, text });
    if let Some(flow) = Flow::of(&lane.layers)
        && flow_finding(lane).is_none()
        && let Some(words) = if word_of(lane, &flow).is_some() { flow.sentence() } else { flow.fact() }
    {
        say(words);
    }
    units(lane, &mut say);
    let m = &lane.last;
    if m.step > 0 {
        let (clipped, moved) = (m.single(Number::ClipShare), m.single(Number::UpdateRatio));
        if clipped > 0.0 {
            say(format!("{} of all steps were clipped", percent(clipped)));
        }
        if moved > 0.1 {
            say(format!("a step moves the weights by {} of their size", percent(moved)));
        } else if (0.0..1e-6).contains(&moved) {
            say(format!("a step moves the weights by {} of their size only", real(moved)));
        }
    }
    if out.is_empty() && m.step > 0 {
        let named = [(Number::Loss, "loss"), (Number::GradNorm, "gradient of norm")];
        let known = named.iter().filter_map(|(number, name)| Some((name, m.drawn(*number)? as f32)));
        let text = known.map(|(name, x)| format!("{name} {}", real(x))).collect::<Vec<_>>().join(", ");
        out.extend((!text.is_empty()).then_some(FindingLine { weight: Weight::Plain, text }));
    }
    out
}

/// The finding about the change of the gradient from layer to layer, as one word, if there is one.
fn flow_finding(lane: &LaneView) -> Option<(&'static str, Weight)> {
    let words = [("vanishing-gradient", "vanishing"), ("exploding-gradient", "exploding")];
    let reported = |(id, word)| {
        let finding = lane.diagnosis().reported().find(|f| f.id == id)?;
        Some((word, finding.level.into()))
    };
    words.into_iter().find_map(reported)
}

/// The word for the change of a lane's gradient from layer to layer, from the same source as the findings. `None` if a
/// ratio is unusual but not a fault.
pub fn word_of(lane: &LaneView, flow: &Flow) -> Option<(&'static str, Weight)> {
    match flow.word {
        FlowChange::Exploded | FlowChange::Nothing => Some((flow.word.text(), Weight::Bad)),
        word => flow_finding(lane).or((word == FlowChange::Even).then_some((word.text(), Weight::Plain))),
    }
}

/// The user's last change that could have an effect at this step, if there was one: it is reported before any symptom.
fn cause(lane: &LaneView, step: u64) -> String {
    let edit = lane.edits().iter().rfind(|e| 0 < e.step && e.acts_at() <= step);
    edit.map_or_else(String::new, |e| format!(" since {e} at step {}", thousands(e.step)))
}

/// Reports units that pass no gradient, and a prediction that is always the same.
fn units(lane: &LaneView, say: &mut impl FnMut(String)) {
    let name = |layer: usize| {
        let label = lane.info.layers.get(layer).map_or("", |l| l.label.as_str());
        format!("layer {} {}", layer + 1, label.split([' ', '(']).next().unwrap_or_default())
    };
    let reported = |id: &str| lane.diagnosis().reported().any(|f| f.id == id);
    if let Some(class) = health::constant(lane) {
        say(format!("it answers {class} to every validation sample"));
    }
    if let Some((layer, dead)) = health::deadest(lane).filter(|(_, dead)| *dead >= 0.01)
        && !reported("dead-units")
    {
        say(match dead {
            d if d > 0.999 => format!("all units of {} are dead: nothing gets through", name(layer)),
            d => format!("{} of the units of {} are dead", percent(d), name(layer)),
        });
    }
    // A rectifier is flat on one side by design; only an activation that is flat on both sides can saturate.
    let rectifies = |layer: usize| lane.info.layers.get(layer).is_some_and(|l| l.label.contains("elu"));
    let saturated = lane.layers.iter().filter_map(|l| Some((l.layer, l.get(LayerNumber::Saturated)?)));
    let worst = saturated.filter(|(l, v)| *v >= 0.3 && !rectifies(*l)).max_by(|a, b| a.1.total_cmp(&b.1));
    if let Some((layer, v)) = worst.filter(|_| !reported("saturated-units")) {
        say(format!("{} of {} is saturated", percent(v), name(layer)));
    }
}

/// How a lane without steps can make its first one, in words.
pub fn first_step(lane: &LaneView) -> String {
    match &lane.info.fork {
        Some(fork) if !fork.begun => {
            format!("the lane waits for {} to come to step {}", fork.from, thousands(fork.at))
        }
        _ => "space runs the lanes, n makes a step".into(),
    }
}

/// The words in place of the numbers of a lane whose numbers are no longer finite.
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

/// A count with thousands separators: 1,240.
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
    use crate::view::RunView;

    /// A lane of two Dense layers whose first one gets this share of the last one's gradient at every step.
    fn shared(share: f32) -> LaneView {
        use crate::number::NumberValues;
        use crate::telemetry::{Event, MeasuredStep};
        let mut view = RunView::default();
        view.lanes.push(fixture::lane(0, "deep"));
        for step in 1..=20 {
            let layers: Vec<LayerMeasure> = [(0, 0.1 * share), (2, 0.03), (4, 0.1)]
                .map(|(layer, norm)| LayerMeasure::of(layer).with(LayerNumber::GradNorm, norm))
                .into();
            let measure = Measure { step, ..Measure::default() }
                .with(Number::ClipShare, 0.2)
                .with(Number::UpdateRatio, 1e-3);
            let values = NumberValues::default().with(Number::Loss, 2.3).with(Number::UpdateRatio, 1e-3);
            let mark = MeasuredStep { step, values, layers: layers.clone() };
            view.apply(Event::Measured { lane: 0, measure: Box::new(measure), layers });
            view.apply(Event::Marked { lane: 0, mark: mark.into() });
        }
        view.lanes.remove(0)
    }

    #[test]
    fn line_map_and_pane_speak_of_one_gradient() {
        let sick = shared(3e-8);
        let (found, flow) = (findings(&sick), Flow::of(&sick.layers).expect("layers"));
        let reported: Vec<_> = sick.diagnosis().reported().map(|f| f.id).collect();
        assert!(reported.contains(&"vanishing-gradient"), "{reported:?}");
        assert!(found[0].text.starts_with("vanishing-gradient: layer 1 "), "{}", found[0].text);
        assert_eq!(word_of(&sick, &flow), Some(("vanishing", found[0].weight)));
        assert!(
            found.iter().any(|f| f.text == "20 % of all steps were clipped" && f.weight == Weight::Plain)
        );
        assert!(!found.iter().any(|f| f.text.starts_with("vanished")), "nothing is said twice");
        let well = shared(0.5);
        let flow = Flow::of(&well.layers).expect("layers");
        assert_eq!(word_of(&well, &flow), Some(("even", Weight::Plain)));
        assert!(findings(&well)[0].text.starts_with("even: layer 1 gets 0.5"), "{}", findings(&well)[0].text);
    }

    #[test]
    fn a_number_that_a_log_lacks_is_not_told() {
        let mut lane = fixture::lane(0, "log");
        lane.layers.clear();
        lane.last = Measure { step: 5, ..Measure::default() }.with(Number::Loss, 2.0);
        let texts = |lane: &LaneView| findings(lane).into_iter().map(|f| f.text).collect::<Vec<_>>();
        assert_eq!(texts(&lane), ["loss 2"]);
        lane.last = lane.last.with(Number::GradNorm, 0.5);
        assert_eq!(texts(&lane), ["loss 2, gradient of norm 0.5"]);
    }

    #[test]
    fn a_divergence_gives_its_account() {
        let mut lane = fixture::lane(0, "wild");
        lane.phase = Phase::Diverged(Divergence {
            step: 1132,
            layer: "3 Dense 64".into(),
            last_grad_norm: 1e9,
            origin: None,
            what: "the loss is not a number".into(),
        });
        assert!(findings(&lane)[0].text.starts_with("diverged at step 1,132 in 3 Dense 64 after"));
        let what = "The output of layer 3 Dense 64 overflowed at step 1132".to_string();
        lane.phase = Phase::Diverged(Divergence {
            step: 1132,
            layer: "layer 3 Dense 64".into(),
            last_grad_norm: 1e9,
            origin: None,
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
            origin: None,
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
