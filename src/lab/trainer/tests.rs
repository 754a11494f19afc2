//! Tests of the guarantees of a trainer: pure steps, complete snapshots, measurements without effect, live changes,
//! divergence reports.

use super::task::{penalise, penalty};
use super::*;
use crate::engine::augment::AugmentConfig;
use crate::engine::defence::DefenceConfig;
use crate::engine::layer::LayerConfig;
use crate::lab::experiment::prepare;
use crate::number::{LayerNumber, Number};
use crate::registry::SettingValue;
use crate::scenario::{Regularisation, Scenario};
use crate::telemetry::StepStage;

mod regular;
mod shared;

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

/// A trainer on images, with this recipe.
fn images(change: impl FnOnce(&mut Recipe)) -> Trainer {
    let data_of = SettingValue::parse("Digits()").unwrap();
    let scenario = Scenario { data: data_of, train_samples: Some(120), ..scenario() };
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
    let adam = |lr: f64| {
        move |r: &mut Recipe| r.optimizer = SettingValue::parse(&format!("Adam(lr: {lr})")).unwrap()
    };
    let mut t = trainer(adam(0.01));
    run(&mut t, 10);
    let before = t.snapshot();
    let mut recipe = t.recipe().clone();
    adam(0.02)(&mut recipe);
    assert_eq!(t.set(recipe.clone()), Ok(RecipeEffect::Live));
    assert_eq!(t.live, before);
    recipe.optimizer = SettingValue::parse("Sgd(lr: 0.1)").unwrap();
    assert_eq!(t.set(recipe.clone()), Ok(RecipeEffect::Live));
    assert_eq!(t.live.params, before.params);
    assert!(t.live.optim.vectors.is_empty());
    recipe.network = Vec::parse("[Dense(units: 3)]").unwrap();
    assert_eq!(t.set(recipe), Ok(RecipeEffect::Restarted));
    assert_eq!(t.steps(), 0);
}

#[test]
fn another_batch_size_goes_on_from_the_same_place() {
    let mut t = trainer(|_| ());
    run(&mut t, 5);
    let before = t.live.params.clone();
    let recipe = Recipe { batch: 64, ..t.recipe().clone() };
    assert_eq!(t.set(recipe), Ok(RecipeEffect::Live));
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
        r.loss = SettingValue::parse("Mse()").unwrap();
        r.network = Vec::parse("[Dense(units: 8), Relu()]").unwrap();
        r.optimizer = SettingValue::parse("Sgd(lr: 1000.0)").unwrap();
    });
    let account = loop {
        if let Err(account) = t.step(false) {
            break account;
        }
        assert!(t.steps() < 1000, "it should have diverged");
    };
    assert_eq!(account.step, t.steps() + 1);
    // The outputs are finite, and their squares are not.
    assert_eq!(account.layer, "loss", "{account:?}");
    assert!(account.last_grad_norm.is_finite() && account.last_grad_norm > 1.0, "{account:?}");
    assert!(account.what.contains("learning rate"), "{account:?}");
    assert!(t.live.params.iter().all(|p| p.is_finite()) || account.what.contains("thrown"), "{account:?}");
}

#[test]
fn the_tensor_in_which_a_divergence_began_is_told_apart_from_its_carriers() {
    let net = |r: &mut Recipe| {
        r.loss = SettingValue::parse("Mse()").unwrap();
        r.network = Vec::parse("[Dense(units: 8), Relu(), Dense(units: 8), Relu()]").unwrap();
    };
    let diverge = |change: &dyn Fn(&mut Trainer)| {
        let mut t = trainer(net);
        run(&mut t, 3);
        change(&mut t);
        let account = t.step(false).unwrap_err();
        assert_eq!(account.step, 4);
        let origin = account.origin.unwrap();
        assert!(account.what.contains(&origin.tensor) && account.what.contains(&account.layer));
        (account.layer, origin)
    };
    // A weight of the second Dense layer: its update produced the value, and everything after it carries the value on.
    let slot =
        |t: &Trainer, layer| t.network.slots().iter().find(|s| s.layer == layer).unwrap().range.clone();
    let (layer, origin) = diverge(&|t| {
        let range = slot(t, 2);
        t.live.params[range][5] = f32::NAN;
    });
    assert_eq!(
        (layer.as_str(), origin.stage, origin.tensor.as_str()),
        ("layer 3 Dense 8", StepStage::Update, "weight")
    );
    assert_eq!((origin.nan, origin.bad, origin.size), (true, 1, 64));
    // The outputs of layers 3, 4 and 5, the loss, and the gradients.
    assert!(origin.carriers > 6, "{origin:?}");
    // Weights that are finite, but too large for their products: the output of their layer is the first bad tensor.
    let (layer, origin) = diverge(&|t| {
        let range = slot(t, 2);
        t.live.params[range].fill(f32::MAX);
    });
    assert_eq!(
        (layer.as_str(), origin.stage, origin.tensor.as_str()),
        ("layer 3 Dense 8", StepStage::Forward, "output")
    );
    assert_eq!(origin.reach, f32::MAX);
    // The outputs are finite, but their squares are not.
    let (layer, origin) = diverge(&|t| {
        let range = slot(t, 4);
        t.live.params[range].fill(1e25);
    });
    assert_eq!((layer.as_str(), origin.stage, origin.nan), ("loss", StepStage::Loss, false));
    assert!(origin.reach > 1e24, "{origin:?}");
    // A number of the data that is not finite.
    let (layer, origin) = diverge(&|t| {
        let mut data = (*t.data).clone();
        data.train.inputs.fill(f32::INFINITY);
        t.data = Arc::new(data);
    });
    assert_eq!((layer.as_str(), origin.tensor.as_str(), origin.nan), ("input", "input", false));
}

#[test]
fn training_learns_and_the_measure_tells() {
    let mut t = trainer(|r| r.optimizer = SettingValue::parse("Adam(lr: 0.01)").unwrap());
    t.step(true).unwrap();
    let (first, _) = t.measure();
    run(&mut t, 1500);
    t.step(true).unwrap();
    let (last, layers) = t.measure();
    assert_eq!(last.step, 1502);
    assert!(last.single(Number::Loss) < first.single(Number::Loss), "{first:?} {last:?}");
    let moved = last.single(Number::UpdateRatio);
    assert!(moved > 0.0 && moved < 0.1);
    let (all, norm) =
        (layers.iter().filter_map(|l| l.get(LayerNumber::GradNorm)), last.single(Number::GradNorm));
    let all: f32 = all.map(|n| n * n).sum();
    assert!((all.sqrt() - norm).abs() < 1e-5 * norm);
    let evaluation = t.evaluate();
    assert!(evaluation.accuracy.unwrap() > 0.5, "{evaluation:?}");
}

#[test]
fn a_run_equals_a_snapshot_and_the_rest_under_every_defence() {
    for defence in DefenceConfig::all() {
        let make = || {
            trainer(|r| {
                r.defence = defence.clone();
                r.optimizer = SettingValue::parse("Sam(Momentum(0.05))").unwrap();
            })
        };
        let mut whole = make();
        run(&mut whole, 41);
        let mut first = make();
        run(&mut first, 18);
        let mut second = make();
        second.restore(&first.snapshot()).unwrap();
        run(&mut second, 23);
        assert_eq!(bits(&whole.live.params), bits(&second.live.params), "{}", defence.name());
        assert_eq!(whole.live, second.live, "{}", defence.name());
        let mut plain = trainer(|r| r.optimizer = SettingValue::parse("Sam(Momentum(0.05))").unwrap());
        run(&mut plain, 41);
        let same = bits(&whole.live.params) == bits(&plain.live.params);
        assert_eq!(same, !defence.active(), "{} changes training", defence.name());
    }
}

#[test]
fn a_step_counts_the_gradients_that_its_defence_takes() {
    for (defence, after_ten) in [
        ("Off()", 10),
        ("AdversarialTraining()", 20),
        ("AdversarialTraining(ratio: 0.25)", 12),
        ("AdversarialTraining(Pgd(steps: 7))", 80),
        ("FreeAdversarialTraining()", 10),
        ("InputNoise()", 10),
        ("InputGradientPenalty()", 40),
        ("UnrelatedLabels()", 10),
    ] {
        let mut t = trainer(|r| r.defence = SettingValue::parse(defence).unwrap());
        run(&mut t, 10);
        assert_eq!(t.live.evaluations, after_ten, "{defence}");
    }
}

#[test]
fn free_training_uses_a_batch_several_times_and_remembers_its_perturbation() {
    let mut t = trainer(|r| {
        r.defence = SettingValue::parse("FreeAdversarialTraining(eps: 0.3, replays: 4)").unwrap();
    });
    let mut labels = Vec::new();
    for step in 1..=9u64 {
        run(&mut t, 1);
        labels.push(t.batch.clone());
        assert_eq!(t.live.position, 32 * step.div_ceil(4), "step {step}");
        let most = t.live.defence.iter().fold(0f32, |m, d| m.max(d.abs()));
        assert_eq!(most, 0.3);
    }
    let same = |a: usize, b: usize| format!("{:?}", labels[a]) == format!("{:?}", labels[b]);
    assert!(same(0, 3) && same(4, 7) && !same(3, 4) && !same(7, 8));
}

#[test]
fn a_vote_is_what_a_lane_is_judged_by_and_draws_the_same_noise_every_time() {
    let mut plain = trainer(|r| r.optimizer = SettingValue::parse("Adam(lr: 0.01)").unwrap());
    run(&mut plain, 600);
    let state = plain.snapshot();
    let judged = |prediction: &str| {
        let mut t = trainer(|r| {
            r.optimizer = SettingValue::parse("Adam(lr: 0.01)").unwrap();
            r.prediction = SettingValue::parse(prediction).unwrap();
        });
        t.restore(&state).unwrap();
        let (first, second) = (t.evaluate(), t.evaluate());
        assert_eq!(first, second);
        first
    };
    assert_eq!(judged("Plain()"), plain.evaluate());
    let (quiet, own) = (judged("Smoothing(std: 0.0)"), plain.evaluate());
    assert_eq!((quiet.loss, quiet.accuracy), (own.loss, own.accuracy), "without noise all looks agree");
    assert_eq!(quiet.recall, None, "the classes of votes are not counted one by one");
    let drowned = judged("Smoothing(std: 100.0, draws: 8)");
    assert!(drowned.accuracy < plain.evaluate().accuracy, "{drowned:?}");
    assert_eq!(drowned.loss, plain.evaluate().loss, "a vote has no loss of its own");
}

#[test]
fn another_defence_begins_live_and_takes_its_memory_along() {
    let with = |t: &Trainer, defence: &str| Recipe {
        defence: SettingValue::parse(defence).unwrap(),
        ..t.recipe().clone()
    };
    let mut t = trainer(|_| ());
    run(&mut t, 5);
    assert_eq!(t.set(with(&t, "FreeAdversarialTraining()")), Ok(RecipeEffect::Live));
    run(&mut t, 5);
    assert!(t.live.defence.iter().any(|d| *d != 0.0));
    let larger = Recipe { batch: 64, ..t.recipe().clone() };
    assert_eq!(t.set(larger), Ok(RecipeEffect::Live));
    assert_eq!(t.live.defence, vec![0.0; 128]);
    run(&mut t, 5);
    assert_eq!(t.set(with(&t, "InputNoise()")), Ok(RecipeEffect::Live));
    run(&mut t, 5);
    assert!(t.live.defence.is_empty() && t.steps() == 20);
}

#[test]
fn a_defence_that_makes_no_sense_is_refused_with_its_reason() {
    for (data, network, setting, part) in [
        ("Adding()", "[Rnn(units: 4)]", "defence: InputNoise(), loss: Mse()", "class per sample"),
        ("Adding()", "[Rnn(units: 4)]", "prediction: Smoothing(), loss: Mse()", "class per sample"),
    ] {
        let text =
            format!("(data: {data}, network: {network}, steps: 3,\n lanes: [(name: \"a\", {setting})])");
        let faults = crate::scenario::read(&text).unwrap_err();
        assert!(faults[0].what.contains(part), "{faults:?}");
        assert_eq!(faults[0].line, 2, "{faults:?}");
    }
}

const EVERY_AUGMENTATION: &str = "[Rotation(), Scale(), Shift(), Flip(), Noise(std: 0.2), Cutout(), Mixup(alpha: 0.4), Rotation(degrees: 5)]";

/// The inputs as which each training sample of the first epoch was shown.
fn shown(t: &mut Trainer) -> Vec<Vec<u32>> {
    let size = t.data.train.shape.size();
    let mut all = vec![Vec::new(); t.data.train.len()];
    for _ in 0..t.steps_per_epoch() {
        t.step(false).unwrap();
        let (start, rows) = (t.live.position as usize - t.rows, t.rows);
        for (row, &sample) in t.ws.input_mut(rows).chunks_exact(size).zip(&t.order[start..start + rows]) {
            all[sample as usize] = bits(row);
        }
    }
    all
}

#[test]
fn every_lane_sees_the_same_augmented_samples_whatever_else_it_does() {
    // Mixup's partner comes from the batch, so it differs between batch sizes.
    let list = Vec::<AugmentConfig>::parse(EVERY_AUGMENTATION).unwrap();
    let unmixed: Vec<_> = list.iter().filter(|a| !a.mixes()).cloned().collect();
    let plain = shown(&mut images(|r| r.augment.clone_from(&unmixed)));
    let other = shown(&mut images(|r| {
        r.augment.clone_from(&unmixed);
        r.batch = 24;
        r.optimizer = SettingValue::parse("Adam(lr: 0.1)").unwrap();
        r.network = Vec::parse("[Dropout(), Dense(units: 3)]").unwrap();
    }));
    let both = plain.iter().zip(&other).filter(|(a, b)| !a.is_empty() && !b.is_empty());
    assert!(both.clone().count() > 60);
    assert!(both.clone().all(|(a, b)| a == b));
    let mixed = shown(&mut images(|r| r.augment.clone_from(&list)));
    assert!(mixed != plain && mixed == shown(&mut images(|r| r.augment.clone_from(&list))));
}

#[test]
fn augmentation_is_for_training_alone_and_survives_a_snapshot() {
    let augmented = |r: &mut Recipe| r.augment = Vec::parse(EVERY_AUGMENTATION).unwrap();
    let (mut plain, mut whole) = (images(|_| ()), images(augmented));
    assert_eq!(plain.evaluate(), whole.evaluate());
    run(&mut plain, 9);
    run(&mut whole, 9);
    assert_ne!(plain.live.params, whole.live.params);
    let half = whole.snapshot();
    run(&mut whole, 9);
    let mut rest = images(augmented);
    rest.restore(&half).unwrap();
    run(&mut rest, 9);
    assert_eq!(bits(&whole.live.params), bits(&rest.live.params));
}

#[test]
fn an_augmentation_of_strength_zero_changes_no_bit_of_training() {
    let nothing =
        "[Rotation(degrees: 0), Scale(factors: (1, 1)), Shift(pixels: 0), Flip(p: 0), Cutout(size: 0)]";
    let (mut plain, mut still) = (images(|_| ()), images(|r| r.augment = Vec::parse(nothing).unwrap()));
    run(&mut plain, 10);
    run(&mut still, 10);
    assert_eq!(bits(&plain.live.params), bits(&still.live.params));
}

#[test]
fn augmentations_that_do_not_fit_are_refused_with_their_place() {
    let fault = |data_of: &str, augment: &str, change: fn(&mut Recipe)| {
        let scenario = Scenario { data: SettingValue::parse(data_of).unwrap(), ..scenario() };
        let mut recipe = scenario.base();
        recipe.augment = Vec::parse(augment).unwrap();
        change(&mut recipe);
        Trainer::new(&data(&scenario), recipe, 1, 100).err().map(|f| f.to_string()).unwrap_or_default()
    };
    assert!(
        fault("Spiral()", "[Noise(), Rotation()]", |_| ())
            .starts_with("augment[1]: Rotation: it is for images")
    );
    assert!(
        fault("Spiral()", "[Mixup()]", |r| r.loss = SettingValue::parse("Hinge()").unwrap())
            .contains("CrossEntropy")
    );
    assert_eq!(fault("Spiral()", "[Mixup(), Noise()]", |_| ()), "");
}
