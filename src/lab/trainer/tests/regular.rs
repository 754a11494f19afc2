//! Tests of noise on gradients, averaged weights, early stopping and the effect of clipping; and that lanes with every
//! kind of layer resume.

use super::{bits, images, run, trainer};
use crate::engine::clip;
use crate::engine::layer::LayerConfig;
use crate::lab::trainer::Trainer;
use crate::number::{LayerNumber, Number, norm};
use crate::registry::SettingValue;
use crate::scenario::Recipe;
use std::fmt::Write as _;

fn set(r: &mut Recipe, field: &str, text: &str) {
    crate::registry::Settings::set(r, field, text).unwrap();
}

/// Compares a run in two parts, evaluated every ten steps, with the whole run.
#[track_caller]
fn resumes(make: impl Fn() -> Trainer) {
    let play = |t: &mut Trainer, until: u64| {
        let mut said = String::new();
        while t.steps() < until {
            t.step(false).unwrap();
            if t.steps().is_multiple_of(10) {
                let _ = write!(said, "{:?}", t.evaluate_and_report());
            }
        }
        said
    };
    let (mut whole, mut first, mut second) = (make(), make(), make());
    play(&mut whole, 17);
    play(&mut first, 17);
    second.restore(&first.snapshot()).unwrap();
    let rest = play(&mut second, 45);
    let told = play(&mut whole, 45);
    assert_eq!(bits(&whole.live.params), bits(&second.live.params));
    assert_eq!(whole.live, second.live);
    assert_eq!(told, rest);
}

#[test]
fn every_kind_of_layer_and_memory_resumes_bit_for_bit() {
    let image = "[Conv2d(filters: 4, kernel: 3), BatchNorm(), Relu(), MaxPool2d(), Dropout(p: 0.3), Flatten(), Dense(units: 8), BatchNorm(), GroupNorm(groups: 2)]";
    let everything = |r: &mut Recipe| {
        set(r, "gradient_noise", "(eta: 0.01)");
        set(r, "weight_average", "(decay: 0.9)");
        set(r, "early_stopping", "(patience: 2, restore_best: true)");
        set(r, "augment", "[Rotation(degrees: 10), Mixup()]");
        set(r, "clip", "Norm(max_norm: 0.3)");
        set(r, "schedule", "ReduceOnPlateau(patience: 0)");
    };
    for optimizer in
        ["Adam(lr: 0.02)", "Sam(Momentum(lr: 0.05))", "ScheduleFreeAdamW(lr: 0.01)", "Lbfgs(lr: 0.1)"]
    {
        resumes(|| {
            images(|r| {
                set(r, "network", image);
                everything(r);
                set(r, "optimizer", optimizer);
            })
        });
    }
    let sequences = "(data: Adding(samples: 200, length: 12), loss: Mse(), network: [], lanes: [])";
    let scenario: crate::scenario::Scenario = SettingValue::parse(sequences).unwrap();
    let data = super::data(&scenario);
    for layer in ["Rnn(units: 6)", "Lstm(units: 5)", "Gru(units: 5)"] {
        resumes(|| {
            let mut r = scenario.base();
            set(&mut r, "network", &format!("[{layer}, Dropout(p: 0.2), Dense(units: 7), BatchNorm()]"));
            set(&mut r, "optimizer", "RmsProp(lr: 0.01)");
            set(&mut r, "weight_average", "(decay: 0.99)");
            set(&mut r, "gradient_noise", "(eta: 0.001)");
            Trainer::new(&data, r, 3, 100).unwrap()
        });
    }
}

#[test]
fn noise_of_size_zero_and_averages_change_no_bit_of_training() {
    let (mut plain, mut still) = (
        trainer(|_| ()),
        trainer(|r| {
            set(r, "gradient_noise", "(eta: 0.0, gamma: 1.0)");
            set(r, "weight_average", "(decay: 0.99)");
        }),
    );
    run(&mut plain, 20);
    run(&mut still, 20);
    assert_eq!(bits(&plain.live.params), bits(&still.live.params));
    let mut noisy = trainer(|r| set(r, "gradient_noise", "(eta: 0.01)"));
    run(&mut noisy, 20);
    assert_ne!(bits(&plain.live.params), bits(&noisy.live.params));
}

#[test]
fn a_lane_is_judged_at_its_average_and_an_optimizers_own_point_is_what_is_averaged() {
    for optimizer in ["Sgd(lr: 0.5)", "ScheduleFreeSgd(lr: 0.5)"] {
        let make = |decay: &str| {
            trainer(|r| {
                set(r, "optimizer", optimizer);
                set(r, "weight_average", &format!("(decay: {decay})"));
            })
        };
        let mut t = make("0.8");
        let mut average: Vec<f64> = t.live.params.iter().map(|&p| f64::from(p)).collect();
        for step in 1..=30u32 {
            t.step(false).unwrap();
            let keep = (f64::from(1 + step) / f64::from(10 + step)).min(0.8);
            let point = t.recipe.optimizer.point(&t.live.optim, &t.live.params);
            for (a, &p) in average.iter_mut().zip(point) {
                *a = keep * *a + (1.0 - keep) * f64::from(p);
            }
        }
        for (a, b) in average.iter().zip(t.live.point(&t.recipe)) {
            assert!((a - f64::from(*b)).abs() < 1e-5, "{optimizer}: {a} {b}");
        }
        let judged = t.evaluate();
        let mut there = make("0.0");
        let params = t.live.point(&t.recipe).to_vec();
        there.live.params.clone_from(&params);
        if let Some(x) = there.live.optim.vectors.get_mut(1) {
            x.clone_from(&params);
        }
        assert_eq!(judged, there.evaluate());
        let mut plain = make("0.0");
        run(&mut plain, 30);
        assert_ne!(judged, plain.evaluate());
    }
}

#[test]
fn averaging_can_begin_and_end_while_the_lane_trains() {
    let mut t = trainer(|_| ());
    run(&mut t, 5);
    let mut recipe = t.recipe().clone();
    set(&mut recipe, "weight_average", "(decay: 0.9)");
    t.set(recipe.clone()).unwrap();
    assert_eq!(t.live.average, t.live.params);
    run(&mut t, 5);
    assert_ne!(t.live.average, t.live.params);
    set(&mut recipe, "weight_average", "(decay: 0.0)");
    t.set(recipe).unwrap();
    assert!(t.live.average.is_empty());
}

#[test]
fn a_lane_that_no_longer_improves_stops_and_takes_its_best_weights_back() {
    let mut t = trainer(|r| {
        set(r, "optimizer", "Adam(lr: 0.01)");
        set(r, "early_stopping", "(patience: 3, restore_best: true)");
    });
    let mut best = (f32::INFINITY, Vec::new(), 0);
    let stop = loop {
        if t.steps() == 100 {
            // From here on the validation loss can only rise.
            let mut recipe = t.recipe().clone();
            set(&mut recipe, "optimizer", "Adam(lr: 3.0)");
            t.set(recipe).unwrap();
        }
        run(&mut t, 10);
        let state = (t.evaluate().loss, t.live.params.clone(), t.steps());
        let report = t.evaluate_and_report();
        if state.0 < best.0 {
            best = state;
        }
        if let Some(stop) = report.stop {
            break stop;
        }
        assert!(t.steps() < 2000, "it should have stopped");
    };
    assert!(best.2 < t.steps());
    assert_eq!(t.live.params, best.1);
    assert_eq!(stop.restored.unwrap().loss, best.0);
    let words =
        [format!("at step {}", t.steps()), format!("(step {})", best.2), best.0.to_string(), "back".into()];
    assert!(words.iter().all(|w| stop.words.contains(w)), "{} wants {words:?}", stop.words);
}

#[test]
fn the_measure_tells_how_often_how_far_and_how_askew_the_clip_bites() {
    for (rule, straight) in
        [("Norm(max_norm: 0.01)", true), ("Value(clip_value: 0.001)", false), ("Off()", true)]
    {
        let mut t = trainer(|r| set(r, "clip", rule));
        for _ in 0..4 {
            t.step(true).unwrap();
        }
        run(&mut t, 4);
        t.step(true).unwrap();
        let of = |number| t.measure().0.single(number);
        let (share, angle) = (of(Number::ClipShare), of(Number::ClipAngle));
        let (before, after) = (of(Number::GradNorm), of(Number::GradNormClipped));
        if rule == "Off()" {
            assert_eq!((share, angle, after), (0.0, 0.0, before));
            continue;
        }
        assert_eq!(share, 1.0, "{rule}");
        assert!(after < before);
        assert_eq!(angle < 1e-3, straight, "{rule}: {angle} degrees");
        let expected = clip::angle(&t.unclipped, &t.grads) as f32;
        // Sgd does not change the gradient buffer.
        assert_eq!(angle, expected);
    }
}

#[test]
fn the_signal_of_a_layer_is_the_gradient_of_what_the_next_one_is_given() {
    let mut t = trainer(|_| ());
    let params = t.live.params.clone();
    t.step(true).unwrap();
    let rows = t.rows;
    let back = t.ws.activation_grad(3, rows).to_vec();
    let (weights, inputs) = (&params[t.network.slots()[2].range.clone()], 8);
    let outputs = weights.len() / inputs;
    let mut given = vec![0.0; rows * inputs];
    for (given, back) in given.chunks_exact_mut(inputs).zip(back.chunks_exact(outputs)) {
        for (weights, g) in weights.chunks_exact(inputs).zip(back) {
            given.iter_mut().zip(weights).for_each(|(x, w)| *x += g * w);
        }
    }
    let of = |layer: usize| t.measure().1[layer].get(LayerNumber::SignalNorm);
    assert!((of(0).unwrap() / norm(&given) - 1.0).abs() < 1e-5, "{:?} against {}", of(0), norm(&given));
    assert_eq!((of(1), of(2)), (None, Some(norm(&back))));
}

#[test]
fn an_evaluation_tells_of_dead_units_and_of_the_same_answer_for_all() {
    use crate::telemetry::Data as Part;
    let mut t = trainer(|r| r.network = Vec::<LayerConfig>::parse("[Dense(units: 8), Relu()]").unwrap());
    let dead = |t: &Trainer| match &t.health()[0].1 {
        Part::Table { rows, .. } => rows.clone(),
        other => panic!("{other:?}"),
    };
    t.evaluate();
    assert!(dead(&t)[0].1[0] < 1.0);
    // With zero weights and a negative bias the unit is inactive for every sample.
    let slots = t.network.slots();
    t.live.params[slots[0].range.clone()].fill(0.0);
    t.live.params[slots[1].range.clone()].fill(-1.0);
    t.evaluate();
    assert_eq!(dead(&t), [("1".to_string(), vec![1.0])]);
    assert!(t.health().iter().any(|(name, _)| name == "constant"), "{:?}", t.health());
}
