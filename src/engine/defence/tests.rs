//! Tests of the defences on the small classifier of the attacks' tests.

use super::*;
use crate::engine::attack::tests::{samples, small};
use crate::engine::loss::cross_entropy::CrossEntropy;

const KEY: RandomKey = RandomKey { seed: 1, step: 4, first: 0 };

#[test]
fn the_stated_share_of_a_batch_is_perturbed_and_gets_harder() {
    let (network, params) = small();
    let (x, labels) = samples(&network, &params);
    let mut scratch = AttackScratch::new(&network, 11);
    let mut victim = Victim::new(&network, &params, &[], &mut scratch).expect("classifies");
    let task =
        AttackTask { x: &x, classes: &labels, targeted: false, valid: ValidRange::All(0.0, 1.0), key: KEY };
    let mut out = vec![0.0; x.len()];
    for (ratio, rows) in [(0.0, 0), (0.5, 6), (1.0, 11)] {
        let defence = AdversarialTraining { ratio, ..AdversarialTraining::default() };
        defence.perturb(&mut victim, &task, &mut out);
        assert_eq!(defence.perturbed_rows(11), rows);
        assert!(x[..2 * rows].chunks(2).zip(out.chunks(2)).all(|(a, b)| a != b), "ratio {ratio}");
        assert_eq!(x[2 * rows..], out[2 * rows..], "ratio {ratio}");
        assert_eq!(defence.cost(3), 1.0 + ratio);
    }
    let mut loss = |x: &[f32]| {
        let z = victim.logits(x).to_vec();
        CrossEntropy::default().eval(&z, 3, Targets::Classes(&labels), 1.0, None, None)
    };
    assert!(loss(&out) > loss(&x));
}

#[test]
fn the_free_perturbation_grows_and_stays_in_its_ball_and_range() {
    let free = FreeAdversarialTraining { eps: 0.25, replays: 2 };
    let mut delta = [0.0, 0.25, 0.0, -0.25];
    free.update(&mut delta, &[3.0, 1.0, 0.0, 1e-9]);
    assert_eq!(delta, [0.25, 0.25, 0.0, 0.0]);
    let mut out = [0.0; 4];
    FreeAdversarialTraining::apply(&[0.5, 0.875, 0.5, 0.0], &delta, ValidRange::All(0.0, 1.0), 2, &mut out);
    assert_eq!(out, [0.75, 1.0, 0.5, 0.0]);
}

#[test]
fn the_gradient_of_the_penalty_agrees_with_its_differences() {
    let (network, params) = small();
    let (x, labels) = samples(&network, &params);
    let mut scratch = AttackScratch::new(&network, 11);
    let penalty = InputGradientPenalty { factor: 0.5, ..InputGradientPenalty::default() };
    let mut at = |params: &[f32], grads: &mut [f32]| {
        let targets = Targets::Classes(&labels);
        let loss = CrossEntropy::default();
        penalty.add_gradient(&network, params, &[], Pass::eval(11), &loss, &x, targets, &mut scratch, grads)
    };
    // The penalty's gradient is added to the existing one.
    let mut grads = vec![1.0; params.len()];
    let value = at(&params, &mut grads);
    assert!(value > 0.1, "{value}");
    let mut unused = vec![0.0; params.len()];
    let mut worst = 0.0f64;
    let mut greatest = 0.0f64;
    for i in 0..params.len() {
        let mut moved = |by: f32| {
            let mut params = params.clone();
            params[i] += by;
            at(&params, &mut unused)
        };
        let difference = (moved(1e-2) - moved(-1e-2)) / 2e-2;
        worst = worst.max((f64::from(grads[i]) - 1.0 - difference).abs());
        greatest = greatest.max(difference.abs());
    }
    assert!(worst < 2e-3 * greatest, "error {worst} of {greatest}");
}

#[test]
fn labels_are_redrawn_by_sample() {
    let redraw = |share: f64, range: std::ops::Range<usize>| {
        let mut labels: Vec<u32> = vec![7; range.len()];
        UnrelatedLabels { share }.apply(&mut labels, 5, RandomKey { first: range.start as u64, ..KEY });
        labels
    };
    assert_eq!(redraw(0.0, 0..1000), vec![7; 1000]);
    let all = redraw(1.0, 0..1000);
    for class in 0..5 {
        // Five standard errors around 200.
        assert!(all.iter().filter(|&&l| l == class).count().abs_diff(200) < 64);
    }
    let part = redraw(0.3, 0..1000);
    assert!(part.iter().filter(|&&l| l != 7).count().abs_diff(300) < 73);
    assert_eq!(part[400..], redraw(0.3, 400..1000), "whatever the batch");
}
