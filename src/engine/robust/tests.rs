//! Tests of the measures on classifiers with one feature and one known boundary, at 0.5.

use super::least::smallest_eps;
use super::smoothing::Smoothing;
use super::*;
use crate::engine::attack::{AttackScratch, PerturbationNorm, RandomKey, ValidRange, bim};
use crate::engine::layer::{LayerConfig, Pass, activation, dense};
use crate::engine::network::Network;
use crate::engine::shape::Shape;
use crate::registry::SettingValue as _;

const SAMPLES: usize = 2000;

/// A classifier with class 1 above 0.5: if the slope is moderate it has useful gradients, if it is steep they vanish.
fn edge(steepness: f32) -> (Network, Vec<f32>) {
    let layers = [
        LayerConfig::Dense(dense::Dense { units: 1, bias: true }),
        LayerConfig::Tanh(activation::Tanh {}),
        LayerConfig::Dense(dense::Dense { units: 2, bias: true }),
    ];
    let network = Network::new(Shape::Flat(1), &layers).expect("fits");
    (network, vec![steepness, -0.5 * steepness, -3.0, 3.0, 0.0, 0.0])
}

const HONEST: f32 = 4.0;
const MASKED: f32 = 1e5;

fn samples() -> (Vec<f32>, Vec<u32>) {
    let x: Vec<f32> = (0..SAMPLES).map(|i| (i as f32 + 0.5) / SAMPLES as f32).collect();
    let labels = x.iter().map(|&x| u32::from(x > 0.5)).collect();
    (x, labels)
}

fn with_victim<R>(
    steepness: f32,
    rows: usize,
    valid: ValidRange<'_>,
    f: impl FnOnce(&mut Victim<'_>, &AttackTask<'_>) -> R,
) -> R {
    let (network, params) = edge(steepness);
    let (x, labels) = samples();
    let mut scratch = AttackScratch::new(&network, rows);
    let mut victim = Victim::new(&network, &params, &[], &mut scratch).expect("classifies");
    let task = AttackTask {
        x: &x,
        classes: &labels,
        targeted: false,
        valid,
        key: RandomKey { seed: 1, step: 2, first: 0 },
    };
    f(&mut victim, &task)
}

const UNIT: ValidRange<'static> = ValidRange::All(0.0, 1.0);

/// All checks at size 0.1.
fn checks(victim: &mut Victim<'_>, task: &AttackTask<'_>) -> Vec<trust::TrustCheck> {
    trust::examine(&Robustness::default(), victim, task, &mut Vec::new()).1
}

fn failures(checks: &[trust::TrustCheck]) -> Vec<&'static str> {
    checks.iter().filter(|c| c.failure.is_some()).map(|c| c.name).collect()
}

#[test]
fn accuracies_are_what_geometry_says() {
    with_victim(HONEST, 64, UNIT, |victim, task| {
        let robustness = Robustness { eps: 0.1, ..Robustness::default() };
        let got = robustness.measure(victim, task, &mut Vec::new());
        assert_eq!(got.clean, 1.0);
        // A fifth of the samples lies within eps of the boundary; noise flips a quarter of them.
        assert!((got.fgsm - 0.8).abs() < 0.002 && (got.pgd - 0.8).abs() < 0.002, "{got:?}");
        assert!((got.noise - 0.95).abs() < 0.02, "{got:?}");
        assert_eq!((got, 6), {
            let (again, checks) = trust::examine(&robustness, victim, task, &mut Vec::new());
            (again, checks.len())
        });
        assert_eq!(robustness.passes(2, 1), 11.0 + 20.0 + 1.0 + 2.0);
        // 64 samples with 34 gradients each are a tenth of the gradients of 680 batches of 32.
        assert_eq!(robustness.interval(2, 1, 32), (680, 0.1));
        let often = Robustness { every: Some(68), ..robustness.clone() };
        assert_eq!(often.interval(2, 1, 32), (68, 1.0));
        let fgsm = AttackConfig::named("Fgsm", 0.0).expect("a row");
        let points = curve(victim, task, &fgsm, &[0.0, 0.25, 0.5]);
        assert_eq!(points[0], (0.0, 1.0));
        assert!((points[1].1 - 0.5).abs() < 0.002 && points[2].1 < 0.002, "{points:?}");
    });
}

#[test]
fn the_least_size_is_found_to_the_resolution() {
    with_victim(HONEST, 4, UNIT, |victim, task| {
        // Sample 1599 lies at 0.79975, 0.29975 from the boundary.
        let far = task.part(1599..1600, 1);
        for name in ["Fgsm", "Pgd", "Bim"] {
            let attack = AttackConfig::named(name, 0.0).expect("a row");
            let least = smallest_eps(victim, &far, &attack, 1.0, 1e-3).expect("fooled");
            assert!((0.2997..0.3008).contains(&least), "{name}: {least}");
            assert_eq!(smallest_eps(victim, &far, &attack, 0.25, 1e-3), None, "{name}");
            let reached = AttackTask { classes: &[0], targeted: true, ..far };
            assert_eq!(smallest_eps(victim, &reached, &attack, 1.0, 1e-3), Some(least), "{name} targeted");
            let wrong = AttackTask { classes: &[0], ..far };
            assert_eq!(smallest_eps(victim, &wrong, &attack, 1.0, 1e-3), Some(0.0), "{name}");
        }
    });
}

#[test]
fn an_honest_classifier_passes_every_trust_check() {
    with_victim(HONEST, 64, UNIT, |victim, task| {
        let checks = self::checks(victim, task);
        assert_eq!(checks.len(), 6);
        assert_eq!(failures(&checks), Vec::<&str>::new(), "{checks:?}");
    });
}

#[test]
fn a_defence_that_only_masks_gradients_is_exposed() {
    with_victim(MASKED, 64, UNIT, |victim, task| {
        let fgsm = AttackConfig::named("Fgsm", 0.1).expect("a row");
        let apparent = accuracy_under(victim, task, &*fgsm, &mut Vec::new());
        assert_eq!(apparent, 1.0, "it looks perfectly robust");
        let checks = self::checks(victim, task);
        assert_eq!(failures(&checks), ["gradients not masked", "PGD ≥ FGSM ≥ noise", "falls to chance"]);
        assert!(checks[1].failure.as_deref().is_some_and(|why| why.starts_with("100 %")), "{checks:?}");
        assert!(
            checks[2].failure.as_deref().is_some_and(|why| why.starts_with("FGSM leaves 100 %")),
            "{checks:?}"
        );
    });
}

#[test]
fn clean_inputs_outside_their_range_are_exposed() {
    with_victim(HONEST, 64, ValidRange::All(0.6, 1.0), |victim, task| {
        let failed = failures(&checks(victim, task));
        assert!(failed.contains(&"eps 0 is clean"), "{failed:?}");
    });
}

#[test]
fn a_weak_pgd_is_exposed() {
    assert_eq!(trust::order_of_strength(0.9, 0.4, 0.3, 100).failure, None);
    assert_eq!(trust::order_of_strength(0.9, 0.4, 0.42, 100).failure, None, "two in a hundred are chance");
    let weak = trust::order_of_strength(0.9, 0.4, 0.5, 100).failure.expect("fires");
    assert!(weak.starts_with("PGD leaves 50 % right, FGSM of the same size only 40 %"), "{weak}");
}

#[test]
fn an_attack_that_leaves_range_or_ball_is_exposed() {
    with_victim(HONEST, 64, UNIT, |victim, task| {
        let mut adv = vec![0.0; task.x.len()];
        let attack = bim::Bim { eps: 0.1, ..bim::Bim::default() };
        attack.perturb(victim, task, &mut adv);
        let (range, size) = trust::excess(task, &adv, PerturbationNorm::Linf, 0.1);
        assert_eq!(trust::in_range(range, size).failure, None);
        let (range, size) = trust::excess(task, &adv, PerturbationNorm::Linf, 0.05);
        let why = trust::in_range(range, size).failure.expect("fires");
        assert!(why.contains("exceed eps by up to 0.050"), "{why}");
        let unclamped: Vec<f32> = task.x.iter().map(|x| x - 0.1).collect();
        let (range, size) = trust::excess(task, &unclamped, PerturbationNorm::Linf, 0.1);
        let why = trust::in_range(range, size).failure.expect("fires");
        assert!(why.contains("up to 0.100 outside"), "{why}");
    });
}

#[test]
fn batch_statistics_in_an_attack_are_exposed() {
    with_victim(HONEST, 64, UNIT, |victim, task| {
        let part = &task.x[..16];
        let honest = trust::batch_dependence(|x| victim.logits(x).to_vec(), part, 1);
        assert_eq!(trust::evaluation_mode(honest).failure, None);
        // Like batch norm in training mode: the mean of the batch is subtracted.
        let coupled = trust::batch_dependence(
            |x| {
                let mean = x.iter().sum::<f32>() / x.len() as f32;
                let centred: Vec<f32> = x.iter().map(|x| 0.5 + x - mean).collect();
                victim.logits(&centred).to_vec()
            },
            part,
            1,
        );
        let why = trust::evaluation_mode(coupled).failure.expect("fires");
        assert!(why.contains("training mode"), "{why}");
        assert!(trust::evaluation_mode(f64::NAN).failure.is_some());
    });
}

#[test]
fn the_victim_of_an_attack_normalises_by_running_statistics() {
    let layers = [
        LayerConfig::parse("BatchNorm()").expect("a row"),
        LayerConfig::Dense(dense::Dense { units: 2, bias: true }),
    ];
    let network = Network::new(Shape::Flat(1), &layers).expect("fits");
    let (params, state) = (vec![1.0, 0.0, -3.0, 3.0, 1.5, -1.5], network.initial_state());
    let (x, _) = samples();
    let part = &x[400..416];
    let mut scratch = AttackScratch::new(&network, 16);
    let mut victim = Victim::new(&network, &params, &state, &mut scratch).expect("classifies");
    let evaluated = trust::batch_dependence(|x| victim.logits(x).to_vec(), part, 1);
    assert_eq!(trust::evaluation_mode(evaluated).failure, None);
    // Initial running statistics are mean 0 and variance 1: the gradient of a logit is its weight.
    let (_, grad) = victim.gradient(part, |_, seed| {
        for seed in seed.chunks_exact_mut(2) {
            seed.copy_from_slice(&[0.0, 1.0]);
        }
    });
    assert!(grad.iter().all(|g| (g - 3.0).abs() < 1e-4), "{grad:?}");
    let mut ws = network.workspace(16);
    let trained = trust::batch_dependence(
        |x| {
            ws.input_mut(x.len()).copy_from_slice(x);
            network.forward(&params, &state, Pass::train(x.len(), 1, 1), &mut ws);
            ws.output(x.len()).to_vec()
        },
        part,
        1,
    );
    assert!(trust::evaluation_mode(trained).failure.is_some(), "{trained}");
}

#[test]
fn smoothing_votes_as_the_normal_distribution_says() {
    let smoothing = Smoothing { std: 0.25, draws: 1000 };
    let votes = |rows: usize| {
        with_victim(HONEST, rows, UNIT, |victim, task| {
            let mut votes = vec![0; 6];
            // 0.60025, 0.60075 and 0.60125: the normal distribution gives 0.656, 0.657, 0.657 to class 1.
            smoothing.votes(victim, &task.x[1200..1203], task.key, &mut votes);
            votes
        })
    };
    let counted = votes(64);
    for pair in counted.chunks_exact(2) {
        assert_eq!(pair[0] + pair[1], 1000);
        // Five standard errors.
        assert!(pair[1].abs_diff(656) < 75, "{counted:?}");
    }
    assert_ne!(counted[0..2], counted[2..4], "every sample has its own noise");
    assert_eq!(counted, votes(7), "whatever the batch");
    with_victim(HONEST, 64, UNIT, |victim, task| {
        let (x, labels) = (&task.x[1200..1203], &task.classes[1200..1203]);
        assert_eq!(smoothing.predict(victim, x, task.key), [Some(1); 3]);
        assert_eq!(smoothing.accuracy(victim, x, labels, task.key), 1.0);
        let silent = smoothing.predict(victim, &[f32::NAN], task.key);
        assert_eq!(silent, [None]);
    });
}
