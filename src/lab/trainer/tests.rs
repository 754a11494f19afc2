//! What a trainer promises: pure steps, whole snapshots, quiet measurements, live changes, an account of divergence.

use super::task::{penalise, penalty};
use super::*;
use crate::engine::layer::LayerConfig;
use crate::lab::experiment::prepare;
use crate::registry::Value;
use crate::scenario::{Regularisation, Scenario};

fn scenario() -> Scenario {
    Scenario {
        network: Vec::<LayerConfig>::parse("[Dense(units: 8), Tanh()]").unwrap(),
        ..Scenario::default()
    }
}

fn data(scenario: &Scenario) -> Arc<Data> {
    Arc::new(prepare(scenario, &crate::engine::data::NoFiles).unwrap())
}

fn trainer(change: impl FnOnce(&mut Recipe)) -> Trainer {
    let scenario = scenario();
    let mut recipe = scenario.base();
    change(&mut recipe);
    Trainer::new(&data(&scenario), recipe, 1, 100).unwrap()
}

fn run(t: &mut Trainer, steps: u64) {
    for _ in 0..steps {
        t.step(false).unwrap();
    }
}

#[test]
fn a_run_equals_a_snapshot_and_the_rest_for_every_optimizer() {
    for optimizer in crate::engine::optim::OptimizerConfig::all() {
        let make = || trainer(|r| r.optimizer = optimizer.clone());
        let mut whole = make();
        run(&mut whole, 40);
        let mut first = make();
        run(&mut first, 17);
        let half = first.snapshot();
        let mut second = make();
        second.restore(&half).unwrap();
        run(&mut second, 23);
        assert_eq!(bits(&whole.live.params), bits(&second.live.params), "{}", optimizer.name());
        assert_eq!(whole.live, second.live, "{}", optimizer.name());
    }
}

fn bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|x| x.to_bits()).collect()
}

#[test]
fn looking_and_evaluating_change_no_bit() {
    let (mut plain, mut watched) = (trainer(|_| ()), trainer(|_| ()));
    run(&mut plain, 30);
    for _ in 0..30 {
        watched.step(true).unwrap();
        watched.evaluate();
    }
    assert_eq!(bits(&plain.live.params), bits(&watched.live.params));
}

#[test]
fn a_snapshot_of_another_network_is_refused() {
    let wide = trainer(|r| r.network = Vec::parse("[Dense(units: 9)]").unwrap()).snapshot();
    let mut t = trainer(|_| ());
    let before = t.snapshot();
    assert!(t.restore(&wide).unwrap_err().contains("parameters"));
    assert_eq!(before, t.snapshot());
}

#[test]
fn every_epoch_shows_other_samples_and_none_twice() {
    let mut t = trainer(|r| r.batch = 32);
    let mut epochs = Vec::new();
    for _ in 0..2 {
        let mut seen = Vec::new();
        for _ in 0..t.steps_per_epoch() {
            t.step(false).unwrap();
            let start = t.live.position as usize - 32;
            seen.extend_from_slice(&t.order[start..start + 32]);
        }
        let mut sorted = seen.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), seen.len());
        epochs.push(seen);
    }
    assert_ne!(epochs[0], epochs[1]);
}

#[test]
fn a_batch_larger_than_the_data_is_all_of_them() {
    let mut t = trainer(|r| r.batch = 5000);
    t.step(true).unwrap();
    assert_eq!(t.rows, t.data.train.len());
    assert_eq!(t.measure().0.epoch, 1.0);
}

#[test]
fn the_learning_rate_changes_live_and_the_memory_stays() {
    let adam =
        |lr: f64| move |r: &mut Recipe| r.optimizer = Value::parse(&format!("Adam(lr: {lr})")).unwrap();
    let mut t = trainer(adam(0.01));
    run(&mut t, 10);
    let before = t.snapshot();
    let mut recipe = t.recipe().clone();
    adam(0.02)(&mut recipe);
    assert_eq!(t.set(recipe.clone()), Ok(Change::Live));
    assert_eq!(t.live, before);
    recipe.optimizer = Value::parse("Sgd(lr: 0.1)").unwrap();
    assert_eq!(t.set(recipe.clone()), Ok(Change::Live));
    assert_eq!(t.live.params, before.params);
    assert!(t.live.optim.vectors.is_empty());
    recipe.network = Vec::parse("[Dense(units: 3)]").unwrap();
    assert_eq!(t.set(recipe), Ok(Change::Restarted));
    assert_eq!(t.steps(), 0);
}

#[test]
fn another_batch_size_goes_on_from_the_same_place() {
    let mut t = trainer(|_| ());
    run(&mut t, 5);
    let before = t.live.params.clone();
    let recipe = Recipe { batch: 64, ..t.recipe().clone() };
    assert_eq!(t.set(recipe), Ok(Change::Live));
    assert_eq!(t.live.params, before);
    run(&mut t, 5);
    assert_eq!(t.steps(), 10);
}

#[test]
fn penalties_fall_on_weights_only_and_zero_has_no_sign() {
    let (weights, params) = ([1..3, 3..4], [5.0, 2.0, 0.0, -2.0, 5.0]);
    let mut grads = [0.0; 5];
    let by = Regularisation { l1: 0.5, l2: 0.25 };
    penalise(&by, &weights, &params, &mut grads);
    assert_eq!(grads, [0.0, 1.0, 0.0, -1.0, 0.0]);
    assert_eq!(penalty(&by, &weights, &params), 3.0);
}

#[test]
fn a_lane_that_runs_away_says_where() {
    let mut t = trainer(|r| {
        r.loss = Value::parse("Mse()").unwrap();
        r.network = Vec::parse("[Dense(units: 8), Relu()]").unwrap();
        r.optimizer = Value::parse("Sgd(lr: 1000.0)").unwrap();
    });
    let account = loop {
        if let Err(account) = t.step(false) {
            break account;
        }
        assert!(t.steps() < 1000, "it should have diverged");
    };
    assert_eq!(account.step, t.steps() + 1);
    assert!(account.layer.contains("Dense"), "{account:?}");
    assert!(account.last_grad_norm.is_finite() && account.last_grad_norm > 1.0, "{account:?}");
    assert!(account.what.contains("learning rate"), "{account:?}");
    assert!(t.live.params.iter().all(|p| p.is_finite()) || account.what.contains("thrown"), "{account:?}");
}

#[test]
fn training_learns_and_the_measure_tells() {
    let mut t = trainer(|r| r.optimizer = Value::parse("Adam(lr: 0.01)").unwrap());
    t.step(true).unwrap();
    let (first, _) = t.measure();
    run(&mut t, 1500);
    t.step(true).unwrap();
    let (last, layers) = t.measure();
    assert_eq!(last.step, 1502);
    assert!(last.loss < first.loss, "{first:?} {last:?}");
    assert!(last.update_ratio > 0.0 && last.update_ratio < 0.1);
    let all: f32 = layers.iter().filter_map(|l| l.grad_norm).map(|n| n * n).sum();
    assert!((all.sqrt() - last.grad_norm).abs() < 1e-5 * last.grad_norm);
    let evaluation = t.evaluate();
    assert!(evaluation.accuracy.unwrap() > 0.5, "{evaluation:?}");
}
