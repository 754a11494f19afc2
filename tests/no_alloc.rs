//! Tests that the training step allocates nothing: a counting allocator watches forward, every loss and backward of a
//! network that contains every layer of the table.

// The trait of allocators has unsafe functions, and counting allocations requires one.
#![allow(unsafe_code)]

use gradtui::engine::attack::AttackConfig;
use gradtui::engine::augment::AugmentConfig;
use gradtui::engine::data::NoFiles;
use gradtui::engine::defence::{AdversarialTraining, DefenceConfig};
use gradtui::engine::init::InitConfig;
use gradtui::engine::layer::{LayerConfig, Pass};
use gradtui::engine::loss::{LossConfig, Targets};
use gradtui::engine::network::Network;
use gradtui::engine::shape::Shape;
use gradtui::lab::trainer::Trainer;
use gradtui::registry::SettingValue;
use gradtui::scenario::{Recipe, Scenario};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|n| n.set(n.get() + 1));
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, p: *mut u8, layout: Layout) {
        unsafe { System.dealloc(p, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// An image becomes a list of whole numbers, the list a sequence, the sequence a vector.
const EVERY_LAYER: &str = "[
    Conv2d(filters: 8, kernel: 3, padding: 1), BatchNorm(), Relu(), MaxPool2d(), GroupNorm(),
    Residual(layers: [Conv2d(filters: 8, kernel: 3, padding: 1), LeakyRelu(), Elu(), Selu(), Gelu()]),
    AvgPool2d(), Hardtanh(), Relu6(), HardSigmoid(), HardSwish(), Flatten(), Identity(),
    Embedding(num_embeddings: 10, dim: 6), Rnn(units: 7, all: true), Lstm(units: 6, all: true), LayerNorm(),
    Gru(units: 5, all: true), GlobalAvgPool(), Dropout(p: 0.2), Repeat(times: 2, layers: [Dense(units: 9), Tanh()]),
    Silu(), Mish(), Softplus(), Softsign(), LogSigmoid(), Softmax(), Sigmoid(), Surface(), Dense(units: 4), LogSoftmax(),
]";

#[test]
fn a_pass_through_every_layer_and_every_loss_allocates_nothing() {
    for name in LayerConfig::NAMES {
        assert!(EVERY_LAYER.contains(&format!("{name}(")), "{name} is not in the network of this test");
    }
    let layers = Vec::<LayerConfig>::parse(EVERY_LAYER).expect("layers");
    let image = Shape::Image { channels: 2, height: 8, width: 8 };
    let network = Network::new(image, &layers).unwrap_or_else(|e| panic!("{} {e}", e.at));
    let params = network.initial_params(&*InitConfig::all()[0], 1);
    let mut state = network.initial_state();
    let (rows, width) = (6, network.output().size());
    let mut ws = network.workspace(rows);
    let mut grads = vec![0.0; params.len()];
    let classes: Vec<u32> = (0..rows as u32).map(|i| i % width as u32).collect();
    let losses = LossConfig::all();
    let mut step = |number: u64| {
        let pass = Pass::train(rows, 1, number);
        ws.input_mut(rows).iter_mut().enumerate().for_each(|(i, x)| *x = (i % 13) as f32 - 6.0);
        network.forward(&params, &state, pass, &mut ws);
        for loss in &losses {
            let (output, grad) = ws.output_and_grad(rows);
            loss.eval(output, width, Targets::Classes(&classes), 1.0, Some(grad), None);
        }
        network.backward(&params, &state, pass, &mut ws, Some(&mut grads), true);
        network.update_state(&mut state, &ws, rows);
    };
    // The first pass may allocate memory that a thread keeps permanently.
    step(0);
    let before = ALLOCATIONS.get();
    step(1);
    step(2);
    assert_eq!(ALLOCATIONS.get() - before, 0, "allocations in two training passes");
    // Shows that the counter counts.
    let kept = std::hint::black_box(vec![1u8; 100]);
    assert!(ALLOCATIONS.get() > before, "{} bytes came from nowhere", kept.len());
}

#[test]
fn a_step_of_a_lane_allocates_nothing_from_one_shuffle_to_the_next() {
    let scenario = Scenario {
        network: Vec::parse("[Dense(units: 8), BatchNorm(), Dropout(), Tanh()]").expect("layers"),
        clip: SettingValue::parse("Norm(max_norm: 0.5)").expect("a clip"),
        ..Scenario::default()
    };
    let data = std::sync::Arc::new(scenario.prepare(&NoFiles).expect("data"));
    let mut defences = DefenceConfig::all();
    defences.extend(
        AttackConfig::all()
            .into_iter()
            .map(|attack| AdversarialTraining { attack, ..AdversarialTraining::default() }.into()),
    );
    for defence in defences {
        let mut recipe = Recipe { defence, ..scenario.base() };
        recipe.regularisation.l2 = 0.01;
        recipe.prediction = SettingValue::parse("Smoothing(draws: 3)").expect("a vote");
        let what = recipe.defence.text();
        let slow = what.contains("Carlini") || what.contains("DeepFool");
        let mut trainer = Trainer::new(&data, recipe, 1, 1000).unwrap_or_else(|e| panic!("{e}"));
        let epochs = |trainer: &mut Trainer, n: u64| {
            for _ in 0..if slow { 2 } else { n * trainer.steps_per_epoch() } {
                trainer.step(false).unwrap_or_else(|e| panic!("{e:?}"));
            }
            trainer.evaluate();
        };
        epochs(&mut trainer, 1);
        let before = ALLOCATIONS.get();
        epochs(&mut trainer, 3);
        assert_eq!(ALLOCATIONS.get() - before, 0, "allocations in three epochs and an evaluation: {what}");
    }
}

#[test]
fn no_augmentation_allocates() {
    let scenario = Scenario {
        data: SettingValue::parse("Digits()").expect("data"),
        augment: AugmentConfig::all(),
        network: Vec::parse("[Dense(units: 8)]").expect("layers"),
        ..Scenario::default()
    };
    let data = std::sync::Arc::new(scenario.prepare(&NoFiles).expect("data"));
    let mut trainer = Trainer::new(&data, scenario.base(), 1, 1000).unwrap_or_else(|e| panic!("{e}"));
    trainer.step(false).unwrap_or_else(|e| panic!("{e:?}"));
    let before = ALLOCATIONS.get();
    for _ in 0..20 {
        trainer.step(false).unwrap_or_else(|e| panic!("{e:?}"));
    }
    assert_eq!(ALLOCATIONS.get() - before, 0, "allocations in steps with every augmentation");
}

#[test]
fn the_hash_of_parameters_allocates_nothing() {
    let params = vec![0.5; 10_000];
    let before = ALLOCATIONS.get();
    std::hint::black_box(gradtui::lab::hash::parameter_hash(&params));
    assert_eq!(ALLOCATIONS.get() - before, 0);
}
