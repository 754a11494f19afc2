//! Tests that the microscope shows the step that training made.

use crate::engine::optim::OptimizerConfig;
use crate::lab::experiment::prepare;
use crate::lab::trainer::Trainer;
use crate::registry::SettingValue as _;
use crate::scenario::{Recipe, Scenario};
use std::sync::Arc;

fn trainer(change: impl FnOnce(&mut Recipe)) -> Trainer {
    let network = Vec::parse("[Dense(units: 8), Tanh()]").unwrap();
    let scenario = Scenario { network, ..Scenario::default() };
    let mut recipe = scenario.base();
    change(&mut recipe);
    let data = Arc::new(prepare(&scenario, &crate::engine::data::NoFiles).unwrap());
    Trainer::new(&data, recipe, 1, 100).unwrap()
}

fn bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|x| x.to_bits()).collect()
}

/// The step computed from the microscope's terms, for optimizers that treat every weight separately.
fn resulting(name: &str, term: &dyn Fn(&str) -> f64) -> Option<f64> {
    let lr = term("lr");
    let sign = |x: f64| if x == 0.0 { 0.0 } else { x.signum() };
    Some(match name {
        "Sgd" => -lr * term("g"),
        "Momentum" => -lr * term("b"),
        "Nesterov" => -lr * term("g + μb"),
        "Adagrad" => -term("lr of this step") * term("g") / term("√G + eps"),
        "Adadelta" => -lr * term("d"),
        "RmsProp" => -lr * term("u"),
        "Adam" | "Yogi" => -lr * term("m̂") / term("√v̂ + eps"),
        "AdamW" => -lr * (term("m̂") / term("√v̂ + eps") + term("λθ")),
        "Adamax" => -lr * term("m̂") / term("u"),
        "AdaBelief" => -lr * term("m̂") / term("√ŝ + eps"),
        "NovoGrad" | "MisprintedMomentum" => -lr * term("m"),
        "SignSgd" => -lr * sign(term("g")),
        "Lars" => term("b"),
        "Lamb" => -lr * term("‖θ‖/‖d‖") * term("d"),
        _ => return None,
    })
}

#[test]
fn the_numbers_under_the_microscope_are_those_of_the_step() {
    let mut checked = 0;
    for optimizer in OptimizerConfig::all() {
        let name = optimizer.name();
        let make = || {
            trainer(|r| {
                r.optimizer = optimizer.clone();
                r.clip = crate::engine::clip::ClipConfig::parse("Norm(0.05)").unwrap();
                r.schedule = crate::engine::schedule::ScheduleConfig::parse("Cosine()").unwrap();
            })
        };
        let (mut plain, mut t) = (make(), make());
        assert_eq!(t.examine(0), None);
        for step in 1..=5 {
            let from = t.live.params.clone();
            t.aim(true);
            plain.step(false).unwrap();
            let done = t.step(true).unwrap();
            assert_eq!(bits(&plain.live.params), bits(&t.live.params), "{name}: looking changes nothing");
            let (mut gradient, mut moved) = (0f32, 0f32);
            for (i, &from) in from.iter().enumerate() {
                let e = t.examine(i).expect("a step");
                let term = |wanted: &str| {
                    let found = e.terms.iter().find(|(n, _)| *n == wanted);
                    found.unwrap_or_else(|| panic!("{name} has no {wanted}: {:?}", e.terms)).1
                };
                let step_of_i = f64::from(t.live.params[i]) - f64::from(from);
                assert_eq!((e.step, e.from, e.to), (step, from, t.live.params[i]), "{name}");
                assert_eq!((term("Δθ"), term("lr")), (step_of_i, done.lr), "{name}");
                assert!(f64::from(e.raw).abs() >= term("g").abs(), "{name}: the clip shortens");
                assert!(done.grad_norm <= 0.05 || e.raw == 0.0 || term("g") != f64::from(e.raw), "{name}");
                (gradient, moved) = (gradient.max(e.raw.abs()), moved.max((e.to - e.from).abs()));
                if let Some(expected) = resulting(name, &term) {
                    let slack =
                        2e-5 * expected.abs() + 2.0 * f64::from(f32::EPSILON) * f64::from(e.from.abs());
                    assert!(
                        (expected - step_of_i).abs() <= slack,
                        "{name} {i}: {expected} {step_of_i} {e:?}"
                    );
                    checked += 1;
                }
            }
            let e = t.examine(0).expect("a step");
            assert_eq!(t.examine(e.largest_gradient).map(|e| e.raw.abs()), Some(gradient), "{name}");
            assert_eq!(t.examine(e.largest_step).map(|e| (e.to - e.from).abs()), Some(moved), "{name}");
        }
        t.put_scope_away();
        assert_eq!(t.examine(0), None);
    }
    assert!(checked > 2000, "{checked} weights");
}
