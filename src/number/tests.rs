//! Tests of the numbers on cases with exactly known values, and of the promises of the table.

use super::*;
use std::collections::BTreeSet;

/// A step with these gradients and parameters; all other fields are empty.
fn seen<'a>(gradient: &'a [f32], params: &'a [f32]) -> StepInputs<'a> {
    StepInputs {
        step: StepResult::default(),
        accuracy: None,
        clipped_norm: 0.0,
        clip_angle: 0.0,
        clip_share: 0.0,
        gradient,
        squares: Squares::default(),
        params,
        initial: &[],
        previous: None,
        rows: 0,
        part: None,
    }
}

#[test]
fn every_key_is_one_word_and_one_of_a_kind() {
    let keys: Vec<&str> = Number::ALL.iter().map(|n| n.row().key).collect();
    assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), keys.len());
    for number in Number::ALL {
        let row = number.row();
        assert!(
            row.key.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'),
            "{}",
            row.key
        );
        assert!(row.ascii.is_ascii() && !row.about.is_empty(), "{}", row.key);
        assert_eq!(Number::of_key(row.key), Some(number));
    }
    for number in LayerNumber::ALL {
        assert_eq!(LayerNumber::of_key(number.row().key), Some(number));
    }
}

/// Gradient descent on x²/2 + 2y², whose gradient (x, 4y) and steps are known: with lr 0.4, x shrinks by 0.6 and y by
/// -0.6.
#[test]
fn on_a_quadratic_agreement_and_distance_are_exact() {
    let (start, lr) = ([1.0f32, 1.0], 0.4f32);
    let gradient = |p: [f32; 2]| [p[0], 4.0 * p[1]];
    let step = |p: [f32; 2]| [p[0] - lr * gradient(p)[0], p[1] - lr * gradient(p)[1]];
    let here = step(start);
    let (before, now) = (gradient(start), gradient(here));
    let there = step(here);
    let mut s = seen(&now, &there);
    s.initial = &start;
    s.previous = Some(&before);
    // (1, 4) and (0.6, -2.4): the product is 0.6 - 9.6, the norms are √17 and 0.6 √17.
    let agreement = agreement::agreement(&mut s).unwrap();
    assert!((agreement - -9.0 / (0.6 * 17.0)).abs() < 1e-6, "{agreement}");
    // 0.36 of each coordinate is left, so both moved by 0.64 of it.
    let distance = distance::distance(&mut s).unwrap();
    assert!((distance - 0.64 * 2f64.sqrt()).abs() < 1e-6, "{distance}");
    s.previous = None;
    assert_eq!(agreement::agreement(&mut s), None);
    s.initial = &[];
    assert_eq!(distance::distance(&mut s), None);
}

/// The loss of row i is (θ - cᵢ)²/2, its gradient θ - cᵢ: |G|² and tr(Σ) are those of the targets.
#[test]
fn on_a_quadratic_the_noise_scale_is_that_of_its_targets() {
    let targets = [1.0f32, 2.0, 3.0, 6.0, 4.0, 1.0, 3.0, 4.0];
    let theta = [10.0f32];
    let mut part = |rows: Range<usize>, out: &mut [f32]| {
        let count = rows.len() as f32;
        out[0] = rows.map(|i| theta[0] - targets[i]).sum::<f32>() / count;
    };
    let mut s = seen(&[0.0], &theta);
    s.rows = 8;
    s.part = Some(&mut part);
    let found = noise_scale::noise_scale(&mut s).unwrap();
    // The mean gradient is 7, the unbiased variance of the targets 20/7; the estimate of |G|² is 49 less 1/8 of it.
    let variance = 20.0 / 7.0;
    assert!((found - variance / (49.0 - variance / 8.0)).abs() < 1e-6, "{found}");
    s.rows = 1;
    assert_eq!(noise_scale::noise_scale(&mut s), None, "one row has no variance");
    let mut noise =
        |rows: Range<usize>, out: &mut [f32]| out[0] = if rows.start.is_multiple_of(2) { 1.0 } else { -1.0 };
    s.rows = 8;
    s.part = Some(&mut noise);
    assert_eq!(noise_scale::noise_scale(&mut s), None, "the gradient is hidden");
}

fn layer(units: Option<(Range<usize>, usize)>, params: usize) -> LayerSeen {
    LayerSeen {
        range: 0..params,
        squares: Squares::default(),
        units,
        saturated: None,
        silent: None,
        signal: None,
    }
}

#[test]
fn the_kurtosis_of_known_gradients() {
    let of = |g: &[f32]| kurtosis::kurtosis(&seen(g, g), &layer(None, g.len()));
    assert_eq!(of(&[1.0, -1.0, 1.0, -1.0]), Some(1.0), "two points: the least there is");
    // One weight of n carries everything: n - 2 + 1/(n - 1).
    let one = [0.0, 0.0, 0.0, 0.0, 3.0];
    assert!((of(&one).unwrap() - 3.25).abs() < 1e-5);
    assert_eq!(of(&[2.0, 2.0]), None);
    assert_eq!(of(&[]), None, "a layer without parameters");
}

#[test]
fn units_that_are_alike_have_no_distance() {
    let of = |w: &[f32], units: usize| {
        symmetry::symmetry(&seen(&[], w), &layer(Some((0..w.len(), units)), w.len()))
    };
    assert_eq!(of(&[3.0, 4.0, 0.0, 5.0, 3.0, 4.0], 3), Some(0.0), "the first and the third");
    // Lengths 5 and 5, √2 · 5 apart.
    assert!((of(&[5.0, 0.0, 0.0, 5.0], 2).unwrap() - 2f32.sqrt()).abs() < 1e-6);
    assert_eq!(of(&[0.0; 6], 3), Some(0.0), "all zero");
    assert_eq!(of(&[1.0, 2.0], 1), None, "one unit has nobody to differ from");
}
