//! Optimizers in the form of libraries that the reference cases do not cover: PyTorch's Muon and prodigyopt, step by
//! step.
//!
//! `own/muon_prodigy.py` computed the numbers with those libraries.

use crate::harness::{Check, Tol, list, numbers, text};
use crate::optimizers::{Nobody, slots};
use gradtui::engine::optim::{OptimizerConfig, Update};
use gradtui::engine::team::SingleThread;
use gradtui::registry::SettingValue as _;
use serde_json::Value;

/// The gradient of step t at entry i of k: multiples of 1/16, exact in any format.
fn gradient(t: i64, i: i64, k: i64) -> f32 {
    ((7 * i + 5 * t * (k + 1) + i * i * (t + 2)) % 33 - 16) as f32 / 16.0
}

/// The optimizer of a case in a scenario's syntax.
fn optimizer(case: &Value) -> OptimizerConfig {
    let config = if text(&case["optimizer"]) == "Prodigy" {
        format!("Prodigy(bias_correction: {})", case["bias_correction"])
    } else {
        let adjust = match text(&case["adjust_lr_fn"]) {
            "original" => "Original",
            "match_rms_adamw" => "MatchRmsAdamw",
            _ => "SpectralUnclamped",
        };
        let nesterov = &case["nesterov"];
        format!(
            "Muon(0.02, form: Torch, beta: 0.9, eps: 1e-7, weight_decay: 0.1, nesterov: {nesterov}, adjust_lr_fn: {adjust})"
        )
    };
    OptimizerConfig::parse(&config).expect("an optimizer")
}

/// The largest distance from the library's weights over all steps.
fn distance(case: &Value, optimizer: &OptimizerConfig) -> f64 {
    let shape: Vec<usize> = numbers(&case["shape"]).iter().map(|&n| n as usize).collect();
    let k = shape.iter().product::<usize>() as i64;
    let mut params: Vec<f32> = (0..k).map(|i| (3 * i % 17 - 8) as f32 / 8.0).collect();
    let (slots, mut state, mut worst) = (slots(&[shape]), optimizer.init(&params), 0.0_f64);
    for (t, want) in (1..).zip(list(&case["params"])) {
        let mut grads: Vec<f32> = (0..k).map(|i| gradient(t, i, k)).collect();
        optimizer.step(
            &mut state,
            Update {
                step: t as u64,
                lr: optimizer.lr(),
                params: &mut params,
                grads: &mut grads,
                slots: &slots,
                oracle: &mut Nobody,
                team: &SingleThread,
            },
        );
        let far = params.iter().zip(numbers(want)).map(|(a, b)| (f64::from(*a) - b).abs());
        worst = far.fold(worst, f64::max);
    }
    worst
}

#[test]
fn reference_libraries() {
    let cases: Value = serde_json::from_str(include_str!("own/muon_prodigy.json")).expect("the cases");
    for case in list(&cases) {
        let optimizer = optimizer(case);
        let mut check = Check::default();
        // Half a millionth: two roundings of a weight near 1. A step is 3e-6 with prodigyopt, 1e-2 with Muon.
        check.tensor64("params", &[distance(case, &optimizer)], &[0.0], Tol::Absolute(5e-7));
        assert!(check.faults().is_empty(), "{}: {:?}", optimizer.text(), check.faults());
    }
}

#[test]
fn reference_libraries_differ_from_the_other_form() {
    let cases: Value = serde_json::from_str(include_str!("own/muon_prodigy.json")).expect("the cases");
    for case in list(&cases) {
        let text = optimizer(case).text();
        let other = match text.contains("form: Torch") {
            true => text.replace("form: Torch", "form: Optax"),
            false if text.contains("bias_correction: false") => "Prodigy()".into(),
            false => "Prodigy(bias_correction: false)".into(),
        };
        let other = OptimizerConfig::parse(&other).expect("an optimizer");
        assert!(distance(case, &other) > 1e-6, "{}", other.text());
    }
}
