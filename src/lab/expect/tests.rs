//! Tests of reading, judging and refusing expectations.

use super::*;
use crate::lab::exam::PROBE;
use crate::number::{LayerNumber, Number};
use crate::telemetry::{Data, Event, LayerMeasure, Measure};

/// Two lanes after one step: `plain` and `a.b`, with these accuracies and NaN losses.
fn standings(accuracies: [f32; 2]) -> Standings {
    let mut standings = Standings::default();
    for ((id, name), accuracy) in ["plain", "a.b"].into_iter().enumerate().zip(accuracies) {
        standings.enter(id, name.into(), 0);
        let layers = [1e-3, 2.0].map(|n| LayerMeasure::default().with(LayerNumber::GradNorm, n)).to_vec();
        let measure = Measure { step: 1, ..Measure::default() };
        let stepped = measure.with(Number::Loss, f32::NAN);
        let evaluated = measure.with(Number::ValLoss, 1.0).with(Number::ValAccuracy, accuracy);
        standings.apply(&Event::Measured { lane: id, measure: Box::new(stepped), layers });
        standings.apply(&Event::Evaluated { lane: id, measure: Box::new(evaluated) });
    }
    standings
}

const LANES: [&str; 2] = ["plain", "a.b"];

#[test]
fn flags_stand_alone_and_findings_are_named() {
    let mut standings = standings([0.5, 0.75]);
    let info = crate::lab::outcome::tests::moons("plain");
    standings.apply(&Event::Started { lane: 0, info: Box::new(info), step: 0 });
    let ask = |text: &str| Expectation::parse(text, &LANES).unwrap().check(&standings);
    assert_eq!(ask("plain.healthy"), Ok("1 against 1".into()));
    assert_eq!(ask("plain.finding(vanishing-gradient) == 0"), Ok("0 against 0".into()));
    assert!(ask("plain.finding(vanishing-gradient)").is_err() && ask("a.b.diverged").is_err());
    assert!(ask("share(plain.healthy) == 1").is_ok());
    let wrong = |text: &str| Expectation::parse(text, &LANES).unwrap_err();
    let hint = wrong("plain.finding(vanishing-gradeint) == 1");
    assert!(hint.contains("did you mean finding(vanishing-gradient)?"), "{hint}");
    let hint = wrong("plain.finding(vanishing-gradeint)");
    assert!(hint.contains("did you mean finding(vanishing-gradient)?"), "{hint}");
    assert!(wrong("plain.loss").contains("no comparison"), "a number does not stand alone");
}

#[test]
fn expectations_compare_metrics_with_numbers_and_with_each_other() {
    let standings = standings([0.5, 0.75]);
    let holds = |text: &str| Expectation::parse(text, &LANES).unwrap().check(&standings);
    assert_eq!(holds("a.b.val_accuracy>0.7"), Ok("0.75 against 0.7".into()));
    assert_eq!(holds("plain.val_accuracy < a.b.val_accuracy"), Ok("0.5 against 0.75".into()));
    assert_eq!(holds("plain.grad_ratio <= 1e-3"), Ok("5.000e-4 against 0.001".into()));
    assert_eq!(holds("plain.diverged == 0"), Ok("0 against 0".into()));
    assert!(holds("plain.grad_ratio == 0.0005").is_ok());
    assert!(holds("median(plain.val_accuracy) == 0.5").is_ok(), "of one seed, the number itself");
    assert!(holds("share(plain.val_accuracy < 1) == 1").is_ok());
    for decided in ["1 < 2", "share(plain.loss < 1) > 2", "-1 < share(plain.loss < 1)", "share(1 < 2) > 0.5"]
    {
        assert!(Expectation::parse(decided, &LANES).is_err(), "no run decides {decided}");
    }
    assert!(holds("plain.val_accuracy >= 0.51").unwrap_err().contains("0.5 against 0.51"));
    for text in ["plain.loss < 1", "plain.loss > 1", "plain.loss != 1", "plain.loss == plain.loss"] {
        assert!(holds(text).is_err(), "nothing holds of NaN: {text}");
    }
}

#[test]
fn medians_and_shares_are_taken_over_seeds_and_all_else_holds_on_each() {
    let runs = [[0.5, 0.6], [0.9, 0.7], [0.25, 0.75]].map(standings);
    let seeds: Vec<SeedStandings<'_>> = (7..).zip(&runs).collect();
    let judge = |text: &str| Expectation::parse(text, &LANES).unwrap().judge(&seeds);
    assert_eq!(judge("median(plain.val_accuracy) == 0.5"), Ok("0.5 against 0.5".into()));
    assert!(judge("median( a.b.val_accuracy ) > median(plain.val_accuracy)").is_ok());
    assert!(judge("share(plain.val_accuracy < a.b.val_accuracy) > 0.6").is_ok(), "two of three");
    assert_eq!(
        judge("share(plain.val_accuracy < a.b.val_accuracy) >= 0.8").unwrap_err(),
        "share(plain.val_accuracy < a.b.val_accuracy) >= 0.8 does not hold: 0.666667 against 0.8"
    );
    assert!(judge("a.b.val_accuracy > 0.55").is_ok(), "on every seed");
    assert_eq!(
        judge("plain.val_accuracy < a.b.val_accuracy").unwrap_err(),
        "plain.val_accuracy < a.b.val_accuracy does not hold on seed 8 (2 of 3 seeds hold): 0.9 against 0.7"
    );
    assert!(judge("share(plain.loss < 1) == 0").is_ok(), "nothing holds of NaN");
    assert!(judge("median(plain.loss) > 0").is_err(), "nor of its median");
}

#[test]
fn a_seed_that_ran_away_counts_as_the_greatest() {
    assert_eq!(median(vec![f64::NAN, 1.0, 2.0]), 2.0);
    assert_eq!(median(vec![-f64::NAN, 1.0, 2.0, 3.0, 4.0]), 3.0);
    assert_eq!(median(vec![4.0, 1.0]), 2.5);
    assert!(median(vec![f64::NAN, f64::NAN, 0.0]).is_nan());
}

#[test]
fn names_with_brackets_and_signs_are_read_as_far_as_that_is_possible() {
    let lanes = ["N(0, 0.01)", "lr > 3", "median(x)"];
    let read = |text: &str| Expectation::parse(text, &lanes).unwrap();
    assert!(
        matches!(&read("N(0, 0.01).loss < 1").comparison.left, ComparisonSide::Metric(m) if m.lane == lanes[0])
    );
    let share = read("share(N(0, 0.01).loss < median(x).loss) >= 0.8");
    assert!(matches!(share.comparison.left, ComparisonSide::Share(_)));
    assert!(share.over_seeds() && !read("N(0, 0.01).loss < 1").over_seeds());
    let median = read("1 > median(N(0, 0.01).loss)").comparison.right;
    assert!(matches!(median, ComparisonSide::Median(m) if m.lane == lanes[0]));
}

#[test]
fn accuracies_under_attack_are_asked_for_by_size() {
    let mut standings = standings([0.5, 0.75]);
    let ask = |text: &str| Expectation::parse(text, &LANES).unwrap();
    assert_eq!(ask("plain.loss < a.b.val_accuracy").sizes(), None);
    assert_eq!(ask("plain.distrust == 0").sizes(), Some(vec![]));
    assert_eq!(ask("plain.pgd_accuracy@0.1 < a.b.fgsm_accuracy @ 2").sizes(), Some(vec![0.1, 2.0]));
    assert_eq!(ask("share(median(plain.pgd_accuracy@0.1) < 1) > 0").sizes(), Some(vec![0.1]));
    assert!(ask("plain.pgd_accuracy < 1").check(&standings).unwrap_err().contains("has no pgd_accuracy"));
    let scalars = [("eps", 0.1), ("clean", 0.9), ("noise", 0.8), ("fgsm", 0.5), ("pgd", 0.25)];
    let mut parts: Vec<_> = scalars.map(|(n, x)| (n.to_string(), Data::Scalar(x))).into();
    let row = |eps: f32| (String::new(), vec![eps, 0.9, 0.7, 0.3, 0.125]);
    parts.push(("curve".into(), Data::Table { columns: Vec::new(), rows: vec![row(0.2)] }));
    let why = ("masked: all of it".to_string(), vec![0.0]);
    parts.push((
        "checks".into(),
        Data::Table { columns: Vec::new(), rows: vec![why, ("x".into(), vec![1.0])] },
    ));
    standings.apply(&Event::Probed { lane: 0, step: 9, name: PROBE, parts });
    for holds in [
        "plain.pgd_accuracy == 0.25",
        "plain.pgd_accuracy@0.1 == 0.25",
        "plain.pgd_accuracy@0.2 == 0.125",
        "plain.noise_accuracy@0.2 > plain.fgsm_accuracy@0.1",
        "plain.clean_accuracy == 0.9",
        "plain.distrust == 1",
    ] {
        assert!(ask(holds).check(&standings).is_ok(), "{holds}");
    }
    assert!(ask("plain.pgd_accuracy@0.3 < 1").check(&standings).is_err(), "nobody measured it");
    let wrong = |text: &str| Expectation::parse(text, &["plain"]).unwrap_err();
    assert!(wrong("plain.pgd_accuracy@much < 1").contains("size of an attack"));
    assert!(wrong("plain.loss@0.1 < 1").contains("has no size"));
    assert!(wrong("plain.pgd_acuracy@0.1 < 1").contains("did you mean pgd_accuracy"));
}

#[test]
fn a_scenario_s_own_are_refused_at_their_places() {
    let text =
        "(data: Moons(), lanes: [(name: \"plain\")],\n expect: [\"plain.loss < 1\",\n  \"plian.loss < 1\",
  \"plain.los < 1\", \"plain.loss\", \"median(plain.loss) < 1\"])";
    let scenario = crate::scenario::read(text).unwrap();
    let faults = crate::lab::lesson::of_scenario(text, &scenario).unwrap_err();
    let found: Vec<_> = faults.iter().map(|f| (f.line, f.column)).collect();
    assert_eq!(found, [(3, 3), (4, 3), (4, 20), (4, 34)], "{faults:?}");
    assert!(faults[0].what.contains("did you mean plain?") && faults[1].what.contains("mean loss?"));
    assert!(faults[2].what.contains("no comparison") && faults[3].what.contains("expect_seeds"));
}

#[test]
fn wrong_expectations_are_refused_with_a_hint() {
    let ask = |text: &str| Expectation::parse(text, &["plain", "clip"]).unwrap_err();
    assert!(ask("plain.val_acuracy > 0.9").contains("did you mean val_accuracy"));
    assert!(ask("plian.loss > 0.9").contains("did you mean plain"));
    assert!(ask("median(plian.loss) > 0.9").contains("did you mean plain"));
    assert!(ask("share(plain.loss) > 0.9").contains("comparison"));
    assert!(ask("plain.loss").contains("comparison"));
    assert!(ask("loss > 1").contains("lane.metric"));
    assert!(ask("plain.loss > NaN").contains("not a number"));
}

#[test]
fn an_expectation_follows_a_lane_that_is_renamed() {
    let lanes = ["clip", "no clip", "1"];
    for (text, new) in [
        ("clip.loss < 1", "fast.loss < 1"),
        ("no clip.loss > clip.loss", "no clip.loss > fast.loss"),
        ("share(clip.loss < no clip.loss) >= 0.8", "share(fast.loss < no clip.loss) >= 0.8"),
        ("median(clip.finding(clip-dominates)) == 1", "median(fast.finding(clip-dominates)) == 1"),
    ] {
        assert_eq!(Expectation::renamed(text, "clip", "fast", &lanes), new);
    }
}
