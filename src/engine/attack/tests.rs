//! Properties that every attack of the table must have, tested on a small classifier with known gradients.

use super::*;
use crate::engine::layer::{LayerConfig, activation, dense};
use crate::engine::network::Network;
use crate::engine::shape::Shape;

/// Two features, three classes, a tanh layer between; the weights make every class reachable.
pub(crate) fn small() -> (Network, Vec<f32>) {
    let layers = [
        LayerConfig::Dense(dense::Dense { units: 4, bias: true }),
        LayerConfig::Tanh(activation::Tanh {}),
        LayerConfig::Dense(dense::Dense { units: 3, bias: true }),
    ];
    let network = Network::new(Shape::Flat(2), &layers).expect("fits");
    let params = vec![
        1.5, -1.0, -0.5, 2.0, 1.0, 1.0, -2.0, 0.5, // first weights
        0.1, -0.2, 0.3, 0.0, // first biases
        1.0, -1.0, 0.5, 0.2, -0.5, 1.5, 0.3, -1.0, 0.4, 0.2, -1.2, 1.1, // second weights
        0.0, 0.1, -0.1, // second biases
    ];
    assert_eq!(params.len(), network.param_count());
    (network, params)
}

/// Eleven samples in the unit square and the classes that the network gives them.
pub(crate) fn samples(network: &Network, params: &[f32]) -> (Vec<f32>, Vec<u32>) {
    let x: Vec<f32> = (0..22).map(|i| ((i * 7 + 3) % 23) as f32 / 23.0).collect();
    let mut scratch = AttackScratch::new(network, 11);
    let mut victim = Victim::new(network, params, &[], &mut scratch).expect("classifies");
    let labels = victim.logits(&x).chunks_exact(3).map(|z| predicted(z).expect("a number")).collect();
    (x, labels)
}

fn run(attack: &AttackConfig, rows: usize, targeted: bool) -> Vec<f32> {
    let (network, params) = small();
    let (x, labels) = samples(&network, &params);
    let mut scratch = AttackScratch::new(&network, rows);
    let mut victim = Victim::new(&network, &params, &[], &mut scratch).expect("classifies");
    let targets: Vec<u32> = labels.iter().map(|l| (l + 1) % 3).collect();
    let classes = if targeted { &targets } else { &labels };
    let key = RandomKey { seed: 3, step: 5, first: 100 };
    let task = AttackTask { x: &x, classes, targeted, valid: ValidRange::All(0.0, 1.0), key };
    let mut out = vec![0.0; x.len()];
    attack.perturb(&mut victim, &task, &mut out);
    out
}

#[test]
fn results_do_not_depend_on_the_batch() {
    for attack in AttackConfig::all() {
        for targeted in [false, true] {
            let whole = run(&attack, 11, targeted);
            for rows in [1, 2, 5] {
                let parts = run(&attack, rows, targeted);
                let worst = whole.iter().zip(&parts).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                assert!(worst < 1e-6, "{} in batches of {rows} differs by {worst}", attack.name());
            }
            assert_eq!(whole, run(&attack, 11, targeted), "{} twice", attack.name());
        }
    }
}

#[test]
fn inputs_stay_in_range_and_perturbations_in_their_ball() {
    let (network, params) = small();
    let (x, _) = samples(&network, &params);
    for attack in AttackConfig::all() {
        for targeted in [false, true] {
            let out = run(&attack, 11, targeted);
            assert_eq!(ValidRange::All(0.0, 1.0).excess(&out, 2), 0.0, "{}", attack.name());
            assert_ne!(out, x, "{} changes something", attack.name());
            let Some(eps) = attack.eps() else { continue };
            for (clean, out) in x.chunks_exact(2).zip(out.chunks_exact(2)) {
                let d = distance(clean, out);
                let size = if attack.norm() == PerturbationNorm::Linf { d.linf } else { d.l2 };
                assert!(f64::from(size) <= eps + 1e-6, "{}: {size} for eps {eps}", attack.name());
            }
        }
    }
}

#[test]
fn size_zero_changes_nothing() {
    let (network, params) = small();
    let (x, _) = samples(&network, &params);
    for name in AttackConfig::NAMES {
        let attack = AttackConfig::named(name, 0.0).expect("a row");
        if attack.eps().is_some() {
            assert_eq!(run(&attack, 4, false), x, "{name}");
        }
    }
    assert_eq!(AttackConfig::named("Fgsm", 0.25).and_then(|a| a.eps()), Some(0.25));
    assert_eq!(AttackConfig::named("Fgsn", 0.25), None);
    assert_eq!(AttackConfig::named("Fgsm", -0.25), None);
}

#[test]
fn a_targeted_step_lowers_the_loss_of_the_target_and_an_untargeted_one_raises_that_of_the_label() {
    let (network, params) = small();
    let (x, labels) = samples(&network, &params);
    let targets: Vec<u32> = labels.iter().map(|l| (l + 1) % 3).collect();
    let mut scratch = AttackScratch::new(&network, 11);
    let mut victim = Victim::new(&network, &params, &[], &mut scratch).expect("classifies");
    let mut margins = |x: &[f32], classes: &[u32], targeted| -> Vec<f32> {
        let rows = victim.logits(x).chunks_exact(3).zip(classes);
        rows.map(|(z, &c)| margin(z, c, targeted)).collect()
    };
    let attack = AttackConfig::named("Fgsm", 0.01).expect("a row");
    for (classes, targeted) in [(&labels, false), (&targets, true)] {
        let before = margins(&x, classes, targeted);
        let after = margins(&run(&attack, 11, targeted), classes, targeted);
        let better = before.iter().zip(&after).filter(|(b, a)| a > b).count();
        assert!(better >= 10, "{better} of 11 come nearer to the goal (targeted: {targeted})");
    }
}

#[test]
fn a_zero_gradient_moves_nothing() {
    assert_eq!([sign(0.0), sign(-0.0), sign(f32::NAN), sign(1e-30), sign(-2.0)], [0.0, 0.0, 0.0, 1.0, -1.0]);
    let (network, mut params) = small();
    let (x, labels) = samples(&network, &params);
    // The first feature has no influence.
    for weight in params[..8].iter_mut().step_by(2) {
        *weight = 0.0;
    }
    let mut scratch = AttackScratch::new(&network, 11);
    let mut victim = Victim::new(&network, &params, &[], &mut scratch).expect("classifies");
    let task = AttackTask {
        x: &x,
        classes: &labels,
        targeted: false,
        valid: ValidRange::All(0.0, 1.0),
        key: RandomKey::default(),
    };
    let mut out = vec![0.0; x.len()];
    AttackConfig::named("Fgsm", 0.1).expect("a row").perturb(&mut victim, &task, &mut out);
    assert!(x.iter().zip(&out).step_by(2).all(|(a, b)| a == b));
    assert!(x.iter().zip(&out).skip(1).step_by(2).all(|(a, b)| a != b));
}

#[test]
fn every_feature_has_its_own_range() {
    let (low, high) = feature_range(&[0.0, 5.0, -1.0, 7.0, 2.0, 6.0], 2);
    assert_eq!((low.as_slice(), high.as_slice()), (&[-1.0, 5.0][..], &[2.0, 7.0][..]));
    let valid = ValidRange::Each { low: &low, high: &high };
    assert_eq!([valid.clamp(0, 3.0), valid.clamp(1, 3.0)], [2.0, 5.0]);
    assert_eq!(valid.excess(&[2.5, 6.0, 0.0, 4.0], 2), 1.0);
    assert_eq!(valid.excess(&[f32::NAN, 6.0], 2), f32::INFINITY);
}

#[test]
fn success_is_reaching_the_target_or_leaving_the_label() {
    let z = [1.0, 3.0, 2.0];
    assert!(fooled(&z, 0, false) && !fooled(&z, 1, false));
    assert!(fooled(&z, 1, true) && !fooled(&z, 0, true));
    assert_eq!([margin(&z, 0, false), margin(&z, 1, false), margin(&z, 1, true)], [2.0, -1.0, 1.0]);
    assert_eq!(predicted(&[2.0, 2.0]), Some(0));
    assert!(fooled(&[f32::NAN, 0.0], 0, false) && !fooled(&[f32::NAN, 0.0], 0, true));
}
