//! The report at the end of a run: a few lines for each lane, or one JSON object. Trains nothing.

use super::beside;
use crate::cli::diagnose;
use crate::diagnosis::Diagnosis;
use crate::lab::outcome::LaneStanding;
use crate::number::{Number, numeral};
use crate::scenario::Carry;
use crate::telemetry::{Band, DivergenceOrigin, Measure, ParameterHash, Phase, Spread};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// A number of a measurement, if both exist.
pub(super) fn single(measure: Option<&Measure>, number: Number) -> Option<f32> {
    Some(measure?.get(number)? as f32)
}

/// The range of the newest validation over the lane's seeds, if it has several.
fn spread(lane: &LaneStanding) -> Option<Spread> {
    lane.validation?.spread
}

/// A lane's final result in words; with `red`, failed trust checks are in red.
pub(super) fn summary(lane: &LaneStanding, red: bool) -> String {
    let number = |x: Option<f32>| x.map_or_else(|| "-".into(), numeral);
    let end = match &lane.phase {
        Phase::Diverged(account) => format!("diverged at step {}. {}", account.step, account.what),
        Phase::Failed(what) | Phase::Stopped(what) => what.clone(),
        _ => format!(
            "step {}   loss {}   val loss {}   val accuracy {}",
            lane.step,
            number(single(lane.last.as_ref(), Number::Loss)),
            number(single(lane.validation.as_ref(), Number::ValLoss)),
            number(single(lane.validation.as_ref(), Number::ValAccuracy))
        ),
    };
    // A fair comparison needs the cost of a defence or an optimizer.
    let each = lane.last.map_or(1.0, |m| m.evaluations as f64 / m.step.max(1) as f64);
    let cost = if each > 1.0 { format!("   {each:.1} gradients a step") } else { String::new() };
    let mut out = format!("{:<20} {end}{cost}{}\n", lane.name, hash(lane));
    if let Some(fork) = &lane.fork {
        let differs = match &lane.differs[..] {
            [] => String::new(),
            names => format!("; differs by {}", names.join(", ")),
        };
        let _ = writeln!(out, "{:<20} {fork}: {}{differs}", "", Carry::words(fork.carried));
    }
    for edit in &lane.edits {
        let belied = if edit.belies(&lane.name) { "; its name no longer says what it is" } else { "" };
        let _ = writeln!(out, "{:<20} changed at step {}: {edit}{belied}", "", edit.step);
    }
    for finding in lane.diagnosis().iter().flat_map(Diagnosis::reported) {
        let _ = writeln!(out, "{:<20} {}", "", finding.line());
    }
    out.push_str(&beside::scores(lane));
    if let Some(known) = &lane.robustness {
        for [eps, clean, noise, fgsm, pgd] in known.sizes() {
            let shares = [("clean", clean), ("noise", noise), ("FGSM", fgsm), ("PGD", pgd)];
            let shares = shares.map(|(name, share)| format!("{name} {:.1} %", 100.0 * share)).join("   ");
            let _ = writeln!(out, "{:<20} eps {eps}: {shares}", "");
        }
        let share = 100.0 * known.share;
        let _ = writeln!(out, "{:<20} measuring that took {share:.0} % of the gradients of training", "");
        for why in &known.distrust {
            let (on, off) = if red { ("\x1b[31m", "\x1b[0m") } else { ("", "") };
            let _ = writeln!(out, "{:<20} {on}not to be trusted: {why}{off}", "");
        }
    }
    out + &spread(lane).map_or_else(String::new, |s| ranges(&s))
}

/// The hash of a lane's parameters at its last evaluation, and the step, unless it was the last one.
fn hash(lane: &LaneStanding) -> String {
    let Some((measure, hash)) = lane.validation.and_then(|v| Some((v, v.hash?))) else {
        return String::new();
    };
    let at = if measure.step == lane.step { String::new() } else { format!(" at step {}", measure.step) };
    format!("   hash {}{at}", hash.short())
}

/// Names the lanes that differ by more than their seeds do, if they have several seeds.
pub(super) fn beyond_seeds(lanes: &[LaneStanding]) -> String {
    let Some(seeds) = lanes.iter().find_map(spread).map(|s| s.seeds) else { return String::new() };
    let (mut beyond, mut within, mut judged) = (Vec::new(), Vec::new(), "");
    for (i, a) in lanes.iter().enumerate() {
        for b in &lanes[i + 1..] {
            let (Some(x), Some(y)) = (spread(a), spread(b)) else { continue };
            let (Some((by, mine)), Some((_, theirs))) = (x.judged_by(), y.judged_by()) else { continue };
            judged = by.row().label;
            if !x.apart(&y) {
                within.push(format!("{} ~ {}", a.name, b.name));
                continue;
            }
            let first = (mine.min > theirs.max) == by.is_share();
            let (better, worse) = if first { (a, b) } else { (b, a) };
            beyond.push(format!("{} > {}", better.name, worse.name));
        }
    }
    let list = |what: &str, pairs: &[String]| match pairs {
        [] => String::new(),
        some => format!("{what} {}\n", some.join("; ")),
    };
    list(&format!("beyond the spread of {seeds} seeds, by {judged}:"), &beyond)
        + &list(&format!("not farther apart than their seeds, by {judged}:"), &within)
}

/// The range of a lane's validation over its seeds, in words.
fn ranges(s: &Spread) -> String {
    let of = |b: Band| format!("{} ({} to {})", numeral(b.median), numeral(b.min), numeral(b.max));
    let mut out = format!("{:<20} {} seeds", "", s.seeds);
    for (number, band) in Number::ALL.into_iter().filter_map(|n| Some((n, s.band(n)?))) {
        let _ = write!(out, "   {} {}", number.row().label, of(band));
    }
    let lost = if s.lost > 0 { format!("   {} lost", s.lost) } else { String::new() };
    out + &lost + "\n"
}

/// The verdict on an expectation, as a JSON line.
pub(super) fn verdict(expect: &str, holds: bool, why: &str) -> String {
    serde_json::json!({ "expect": expect, "holds": holds, "why": why }).to_string()
}

/// A lane's final result as a JSON line.
pub(super) fn ending(lane: &LaneStanding) -> String {
    let (phase, what) = match &lane.phase {
        Phase::Diverged(account) => ("diverged", account.what.as_str()),
        Phase::Failed(what) => ("failed", what.as_str()),
        Phase::Stopped(what) => ("stopped", what.as_str()),
        _ => ("finished", ""),
    };
    let end = LaneEnding {
        step: lane.step,
        lane: &lane.name,
        end: phase,
        what,
        origin: match &lane.phase {
            Phase::Diverged(account) => account.origin.as_ref(),
            _ => None,
        },
        loss: single(lane.last.as_ref(), Number::Loss),
        val_loss: single(lane.validation.as_ref(), Number::ValLoss),
        val_accuracy: single(lane.validation.as_ref(), Number::ValAccuracy),
        hash: lane.validation.and_then(|v| v.hash),
        more: beside::numbers(lane),
        classes: beside::classes(lane),
        targets: beside::targets(lane),
        edits: lane.edits.iter().map(|e| format!("step {}: {e}", e.step)).collect(),
        fork: lane.fork.as_ref().map(|f| format!("{f}: {}", Carry::words(f.carried))),
        findings: lane.diagnosis().iter().flat_map(Diagnosis::reported).map(diagnose::untried).collect(),
        robustness: lane.robustness.as_ref().map(|known| FinalRobustness {
            accuracies: known
                .sizes()
                .iter()
                .map(|[eps, clean, noise, fgsm, pgd]| SizeAccuracies {
                    eps: *eps,
                    clean: *clean,
                    noise: *noise,
                    fgsm: *fgsm,
                    pgd: *pgd,
                })
                .collect(),
            share: known.share,
            distrust: &known.distrust,
        }),
        seeds: spread(lane).map(|s| s.seeds),
        seeds_lost: spread(lane).map(|s| s.lost),
        val_loss_spread: spread(lane).and_then(|s| s.band(Number::ValLoss)),
        val_accuracy_spread: spread(lane).and_then(|s| s.band(Number::ValAccuracy)),
    };
    serde_json::to_string(&end).unwrap_or_default()
}

/// The last line of a lane.
#[derive(serde::Serialize)]
struct LaneEnding<'a> {
    step: u64,
    lane: &'a str,
    end: &'a str,
    what: &'a str,
    /// The tensor in which a divergence began.
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<&'a DivergenceOrigin>,
    loss: Option<f32>,
    val_loss: Option<f32>,
    val_accuracy: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hash: Option<ParameterHash>,
    /// The other numbers of the last validation under their names: val_recall, val_mae, val_r2 ...
    #[serde(flatten)]
    more: BTreeMap<&'static str, f64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    classes: Vec<serde_json::Value>,
    /// The errors of each of several targets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    targets: Vec<serde_json::Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    edits: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fork: Option<String>,
    /// The findings from its signals, at the levels warn and bad.
    findings: Vec<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    robustness: Option<FinalRobustness<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seeds: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seeds_lost: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    val_loss_spread: Option<Band>,
    #[serde(skip_serializing_if = "Option::is_none")]
    val_accuracy_spread: Option<Band>,
}

/// The robustness of a lane at its end.
#[derive(serde::Serialize)]
struct FinalRobustness<'a> {
    accuracies: Vec<SizeAccuracies>,
    /// Cost of measuring, as a share of training's gradient evaluations.
    share: f64,
    distrust: &'a [String],
}

/// Accuracies at one size.
#[derive(serde::Serialize)]
struct SizeAccuracies {
    eps: f64,
    clean: f64,
    noise: f64,
    fgsm: f64,
    pgd: f64,
}

#[cfg(test)]
mod tests {
    use super::numeral;

    #[test]
    fn numbers_of_any_size_are_read_at_a_glance() {
        let all = [0.0, 0.5, -12.25, 999_999.0, 2.01e11, 3.2e-7, f32::NAN, f32::INFINITY].map(numeral);
        assert_eq!(
            all,
            ["0.0000", "0.5000", "-12.2500", "999999.0000", "2.010e11", "3.200e-7", "NaN", "inf"]
        );
    }
}
