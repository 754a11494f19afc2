//! Tests of the robustness of lanes: a sound one is trusted, and each trust check fails on a lane built for that.

use super::*;
use crate::lab::exam::{Exam, LaneRobustness};
use crate::lab::experiment::{Data, prepare};
use crate::registry::SettingValue;
use crate::scenario::Scenario;
use std::sync::Arc;

fn scenario(network: &str, init: &str) -> Scenario {
    Scenario {
        data: SettingValue::parse("Digits()").unwrap(),
        train_samples: Some(600),
        network: SettingValue::parse(network).unwrap(),
        init: SettingValue::parse(init).unwrap(),
        optimizer: SettingValue::parse("Adam(0.003)").unwrap(),
        ..Scenario::default()
    }
}

const NETWORK: &str = "[Flatten(), Dense(24), Tanh()]";

fn lane(scenario: &Scenario, change: impl FnOnce(&mut Data), steps: u64) -> Trainer {
    let mut data = prepare(scenario, &crate::engine::data::NoFiles).unwrap();
    change(&mut data);
    let mut trainer = Trainer::new(&Arc::new(data), scenario.base(), 1, 1000).unwrap();
    for _ in 0..steps {
        trainer.step(false).unwrap();
    }
    trainer
}

fn examined(trainer: &mut Trainer) -> ExamReport {
    let settings = Robustness { sizes: vec![0.2], samples: 150, ..Robustness::default() };
    trainer.measure_robustness(&settings, 0.25, true).expect("classes")
}

fn failed(report: &ExamReport) -> Vec<&'static str> {
    report.checks.iter().filter(|c| c.failure.is_some()).map(|c| c.name).collect()
}

#[test]
fn an_honest_lane_is_trusted_and_its_probe_says_what_was_measured() {
    let mut trainer = lane(&scenario(NETWORK, "XavierUniform()"), |_| (), 300);
    let before = trainer.snapshot();
    let report = examined(&mut trainer);
    assert_eq!(failed(&report), Vec::<&str>::new(), "{report:?}");
    assert_eq!(trainer.snapshot(), before, "an examination changes nothing");
    assert_eq!(examined(&mut trainer), report, "and draws the same every time");
    let a = report.accuracies;
    assert!(a.clean > 0.9 && a.pgd < a.fgsm && a.fgsm < a.noise, "{a:?}");
    let known = LaneRobustness::read(&report.parts());
    assert_eq!(known.accuracy("pgd", None), Some(a.pgd));
    assert_eq!(known.sizes().len(), 2);
    let larger = known.accuracy("fgsm", Some(0.2)).expect("measured");
    assert!(larger < a.fgsm && known.accuracy("fgsm", Some(0.3)).is_none());
    assert_eq!((known.share, known.distrust.len()), (0.25, 0));
}

#[test]
fn a_lane_of_saturated_units_masks_its_gradients() {
    // With such large weights, nearly every unit is saturated.
    let failed = failed(&examined(&mut lane(&scenario(NETWORK, "Normal(100.0)"), |_| (), 300)));
    assert_eq!(failed[..2], ["gradients not masked", "PGD ≥ FGSM ≥ noise"]);
    // With such large logits the softmax is exactly 1, which looks robust.
    let optimizer = SettingValue::parse("Sgd(5000)").unwrap();
    let saturated = Scenario { optimizer, ..scenario("[Flatten()]", "XavierUniform()") };
    let report = examined(&mut lane(&saturated, |_| (), 300));
    assert!(report.accuracies.pgd > 0.8, "{report:?}");
    let failed = self::failed(&report);
    assert_eq!(failed[0], "gradients not masked", "{report:?}");
    assert!(failed.contains(&"falls to chance"), "{report:?}");
    let told = LaneRobustness::read(&report.parts()).distrust;
    assert!(told[0].starts_with("gradients not masked: ") && told.len() == failed.len(), "{told:?}");
}

#[test]
fn a_lane_whose_samples_lie_outside_their_range_is_not_trusted() {
    let narrow = |data: &mut Data| data.range.iter_mut().for_each(|r| *r = (0.3, 0.6));
    let report = examined(&mut lane(&scenario(NETWORK, "XavierUniform()"), narrow, 300));
    let failed = failed(&report);
    assert!(failed.contains(&"eps 0 is clean") && failed.contains(&"inputs in range"), "{report:?}");
}

#[test]
fn a_lane_without_numbers_is_not_trusted() {
    let mut trainer = lane(&scenario(NETWORK, "XavierUniform()"), |_| (), 1);
    trainer.live.params.fill(f32::NAN);
    assert!(failed(&examined(&mut trainer)).contains(&"evaluation mode"));
}

#[test]
fn how_often_is_measured_follows_from_the_budget() {
    let mut scenario = scenario(NETWORK, "XavierUniform()");
    assert_eq!(Exam::of(&scenario, 10, None), None);
    let asked = Exam::of(&scenario, 10, Some(&[0.3, 0.1])).expect("asked for");
    assert_eq!(asked.settings.sizes, [0.1, 0.3]);
    scenario.robustness = Some(Robustness { budget: 0.5, ..Robustness::default() });
    let exam = Exam::of(&scenario, 10, None).expect("asked for");
    assert!(exam.share <= 0.5 && exam.share > 0.49, "{exam:?}");
    scenario.batch *= 2;
    assert_eq!(Exam::of(&scenario, 10, None).expect("asked for").every, exam.every / 2);
    scenario.robustness = Some(Robustness { every: Some(7), ..Robustness::default() });
    assert_eq!(Exam::of(&scenario, 10, None).expect("asked for").every, 7);
}
