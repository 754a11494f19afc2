//! The table of rules: one file and one row each. Cures are tried in the order of the table.

use super::{EvidenceKind, Facts, Fix, Judgement, Level, Rule, Suspicion, facts};
use Judgement::{Clear, Skipped};

mod adam;
mod attack_overfit;
mod bad_edit;
mod batch_norm;
mod capacity;
mod clip;
mod dead;
mod decay;
mod dropout;
mod exploding;
mod imbalance;
mod init;
mod inputs;
mod labels;
mod momentum;
mod overfitting;
mod rate;
mod rnn;
mod saturated;
mod schedule;
mod softmax;
mod squared;
mod symmetric;
mod targets;
mod uniform;
mod vanishing;

pub use attack_overfit::size as attack_size;
pub use dead::BORN;
pub use labels::{BEGUN, predicted as labels_predicted};
pub use rate::tested as tested_rate;
pub use vanishing::vanished;

const fn rule(
    id: &'static str,
    kind: EvidenceKind,
    judge: fn(&Facts) -> Judgement,
    about: &'static str,
) -> Rule {
    Rule { id, about, kind, judge }
}

use EvidenceKind::{General, Last, Measured, Setting, Symptom};

/// All rules, in the order in which cures are tried.
pub const RULES: &[Rule] = &[
    rule("bad-edit", Setting, bad_edit::judge, "a change by hand after which it went wrong"),
    rule("softmax-twice", Setting, softmax::judge, "a softmax before a loss that applies softmax"),
    rule("mse-saturation", Setting, squared::judge, "a squared error behind units that saturate"),
    rule("unscaled-inputs", Setting, inputs::judge, "features of very different or very large size"),
    rule("symmetric-init", Setting, symmetric::judge, "units of a layer that start alike and stay alike"),
    rule("init-too-small", Setting, init::small, "initial weights that shrink the signal at every layer"),
    rule("init-too-large", Setting, init::large, "initial weights that blow the signal up"),
    rule("batch-norm-batch", Setting, batch_norm::judge, "batch statistics of a few samples"),
    rule("weight-decay-too-strong", Setting, decay::judge, "a penalty that outweighs the task"),
    rule("dropout-too-strong", Setting, dropout::judge, "noise that outweighs the task"),
    rule("clip-too-small", Setting, clip::judge, "a threshold far below the usual gradient"),
    rule(
        "momentum-too-high",
        Setting,
        momentum::judge,
        "a memory so long that it overshoots or never arrives",
    ),
    rule("adam-eps-or-beta2", Setting, adam::judge, "a constant of Adam that makes it spike late, or crawl"),
    rule(
        "schedule-ends-too-early",
        Setting,
        schedule::judge,
        "a rate that is gone long before the run is over",
    ),
    rule("rnn-forgets", Setting, rnn::forgets, "a gradient through time that vanishes"),
    rule("unscaled-targets", Setting, targets::judge, "numbers to predict that are very large or very small"),
    rule("class-imbalance", Setting, imbalance::judge, "the frequent class is the answer to everything"),
    rule(
        "vanishing-gradient",
        Symptom,
        vanishing::judge,
        "the first layers get a vanishing part of the gradient",
    ),
    rule("exploding-gradient", Symptom, exploding::judge, "a gradient larger by orders than it should be"),
    rule("rnn-explodes", Symptom, rnn::explodes, "a gradient through time that grows without bound"),
    rule("dead-units", Symptom, dead::judge, "rectifiers that are off for every sample"),
    rule(
        "saturated-units",
        Symptom,
        saturated::judge,
        "sigmoids and the like that are flat for nearly every sample",
    ),
    rule("clip-dominates", Symptom, clip::dominates, "nearly every step is clipped"),
    rule("lr-too-high", General, rate::high, "a smaller rate alone repairs it"),
    rule("lr-too-low", General, rate::low, "a larger rate alone repairs it"),
    rule("underfitting-capacity", Last, capacity::judge, "the network cannot express it"),
    rule("overfitting", Measured, overfitting::judge, "training goes on falling, validation has turned"),
    rule(
        "label-noise-or-shuffled-labels",
        Measured,
        labels::judge,
        "labels that are learnt by heart and tell nothing of other samples",
    ),
    rule("attack-overfit", Measured, attack_overfit::judge, "it withstands FGSM and nothing else"),
    rule("uniform-output", Measured, uniform::judge, "the answer is the same for every sample"),
];

/// Whether a finding is reported beside the confirmed ones, `others`; one that follows from them is a note at most.
pub fn beside(id: &str, others: &[&str]) -> bool {
    let any = |ids: &[&str]| ids.iter().any(|i| others.contains(i));
    let own = others.contains(&id);
    match id {
        "init-too-small" | "init-too-large" => !any(&["symmetric-init"]),
        "vanishing-gradient" => {
            let elsewhere = [
                "symmetric-init",
                "unscaled-inputs",
                "lr-too-high",
                "bad-edit",
                "momentum-too-high",
                "weight-decay-too-strong",
                "dropout-too-strong",
                "batch-norm-batch",
                "init-too-large",
                "exploding-gradient",
            ];
            any(&["init-too-small"]) || (own && !any(&elsewhere))
        }
        "exploding-gradient" | "rnn-explodes" => {
            any(&["init-too-large", "unscaled-targets"])
                || (own && !any(&["unscaled-inputs", "batch-norm-batch"]))
        }
        "dead-units" => {
            let elsewhere = [
                "init-too-small",
                "symmetric-init",
                "vanishing-gradient",
                "unscaled-inputs",
                "weight-decay-too-strong",
            ];
            any(&["lr-too-high", "momentum-too-high", "bad-edit"]) || (own && !any(&elsewhere))
        }
        "clip-dominates" => any(&["clip-too-small"]),
        "lr-too-high" | "lr-too-low" => !any(&["bad-edit"]) || own,
        _ => true,
    }
}

/// A number for a sentence, with two or three significant digits: 0.012, 3.4e7.
pub fn number(x: f64) -> String {
    if x == 0.0 {
        return "0".into();
    }
    if !x.is_finite() {
        return format!("{x}");
    }
    if (1e-3..1e5).contains(&x.abs()) {
        let digits = (2 - libm::log10(x.abs()).floor() as i32).clamp(0, 5) as usize;
        let text = format!("{x:.digits$}");
        return if text.contains('.') {
            text.trim_end_matches('0').trim_end_matches('.').into()
        } else {
            text
        };
    }
    format!("{x:.1e}").replace(".0e", "e")
}

/// A number in the notation of a scenario, with two significant digits.
pub(super) fn two(x: f64) -> String {
    use crate::registry::SettingValue as _;
    let text = format!("{x:.1e}");
    text.parse::<f64>().map_or(text, |x| x.text())
}

fn percent(x: f64) -> String {
    if x > 0.0 && x < 0.01 { format!("{} %", two(100.0 * x)) } else { format!("{:.0} %", 100.0 * x) }
}

/// A cure that multiplies the learning rate by a factor.
fn rate_times(f: &Facts, factor: f64, why: &str) -> Option<Fix> {
    let lr = f.recipe.optimizer.lr() * factor;
    Fix::set(f, format!("rate {}{why}", two(lr)), &[("optimizer.lr", two(lr))])
}

/// The init that keeps the scale of a signal through this network's activations, and the second choice.
fn sensible_init(f: &Facts) -> (&'static str, &'static str) {
    let rectifies = f.layers.iter().any(|l| {
        ["Relu", "LeakyRelu", "Elu", "Gelu", "Silu", "Mish", "HardSwish", "Relu6", "Softplus"]
            .iter()
            .any(|n| l.label.split(' ').next() == Some(n))
    });
    if rectifies { ("HeNormal()", "XavierNormal()") } else { ("XavierNormal()", "HeNormal()") }
}

fn init_fixes(f: &Facts, why: &str) -> Vec<Fix> {
    let (first, second) = sensible_init(f);
    let of = |name: &str| {
        let bare = name.trim_end_matches("()");
        Fix::set(f, format!("init {bare}: {why}"), &[("init", name.to_string())])
    };
    let orthogonal = of("Orthogonal()");
    let all = if f.recurs() {
        [of("XavierNormal()"), orthogonal, of(first)]
    } else {
        [of(first), of(second), None]
    };
    let mut fixes: Vec<Fix> = Vec::new();
    for fix in all.into_iter().flatten() {
        if !fixes.contains(&fix) {
            fixes.push(fix);
        }
    }
    fixes
}
