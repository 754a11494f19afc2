//! Compares the estimate of a run's memory, by which runs are refused, with the measurements of a counting allocator.

// The trait of allocators has unsafe functions, and counting allocations requires one.
#![allow(unsafe_code)]

use gradtui::engine::data::NoFiles;
use gradtui::lab::experiment::Experiment;
use gradtui::lab::run::Run;
use gradtui::lab::stepped::SteppedRun;
use gradtui::scenario::check;
use gradtui::telemetry::Command;
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

struct Counting;

fn more(bytes: usize) {
    let now = LIVE.fetch_add(bytes, Ordering::Relaxed) + bytes;
    PEAK.fetch_max(now, Ordering::Relaxed);
}

unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        more(layout.size());
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, p: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(p, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The most bytes of a run beside its data, from its start to its last checkpoint; and the estimate.
fn measured(settings: &str) -> (u64, u64) {
    let text = format!(r#"(title: "m", steps: 12, evaluate_every: 4, {settings})"#);
    let scenario = check::read(&text).unwrap_or_else(|f| panic!("{settings}: {}", f[0].what));
    let seeds = scenario.seeds;
    let experiment = Experiment::new(scenario, &NoFiles).unwrap_or_else(|f| panic!("{settings}: {}", f[0]));
    let attacked = experiment.scenario.robustness.is_some();
    let need = |lane: &gradtui::lab::experiment::Contender| {
        lane.recipe.memory(&lane.network, &experiment.data, attacked).over(seeds)
    };
    let estimate = experiment.lanes.iter().map(need).sum();
    let before = LIVE.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    let mut run = SteppedRun::new(Run::new(experiment, None, Arc::new(NoFiles)));
    run.send(Command::Run);
    while !run.run().over() {
        run.advance(1);
        run.drain();
    }
    // The copies before a long step, waiting for the disk, and being written.
    let copies: Vec<_> = (0..3).map(|_| run.run_mut().save()).collect();
    let peak = PEAK.load(Ordering::Relaxed) - before;
    drop(copies);
    (estimate, peak as u64)
}

#[test]
fn the_estimate_is_close_to_what_is_taken() {
    const DENSE: &str = "network: [Dense(256), Relu(), Dense(256), Relu()]";
    const SMALL: &str = "network: [Dense(64), Relu(), Dense(64), Relu()]";
    const CONV: &str =
        "network: [Conv2d(16, 3, padding: 1), BatchNorm(), Relu(), MaxPool2d(2), Conv2d(32, 3), Flatten()]";
    let eight: Vec<String> = (0..8).map(|i| format!("(name: \"{i}\")")).collect();
    let eight = format!("lanes: [{}]", eight.join(","));
    let shapes = [
        ("a plain descent", format!("data: Digits(), {DENSE}, optimizer: Sgd(0.01)")),
        ("with a clip", format!("data: Digits(), {DENSE}, optimizer: Momentum(0.01), clip: Norm(1.0)")),
        ("Adam", format!("data: Digits(), {DENSE}, optimizer: Adam(0.001)")),
        ("Muon", format!("data: Digits(), {DENSE}, optimizer: Muon(0.001)")),
        ("a large batch", format!("data: Digits(), {DENSE}, optimizer: Adam(0.001), batch: 1000")),
        ("L-BFGS", format!("data: Digits(), {DENSE}, optimizer: Lbfgs(0.1), batch: 100")),
        ("a convolution", format!("data: FashionMnist(), {CONV}, optimizer: Adam(0.001), batch: 50")),
        (
            "an LSTM",
            "data: Adding(samples: 500, length: 40), loss: Mse(), network: [Lstm(64)], optimizer: Adam(0.001)".into(),
        ),
        (
            "a GRU over a large batch",
            "data: Adding(samples: 500, length: 40), loss: Mse(), network: [Gru(32)], optimizer: Sgd(0.01), batch: 200"
                .into(),
        ),
        (
            "eight lanes, four seeds",
            format!("data: Digits(), {SMALL}, optimizer: Adam(0.001), seeds: 4, {eight}"),
        ),
        (
            "averaged weights",
            format!("data: Digits(), {DENSE}, optimizer: Adam(0.001), weight_average: (decay: 0.9)"),
        ),
        (
            "early stopping",
            format!(
                "data: Digits(), {DENSE}, optimizer: Adam(0.001), early_stopping: (patience: 9, restore_best: true)"
            ),
        ),
        (
            "adversarial training, measured under attack",
            format!(
                "data: Digits(), {DENSE}, optimizer: Adam(0.001), defence: AdversarialTraining(Fgsm(0.1)), \
                 robustness: (eps: 0.1, sizes: [0.05], samples: 100, every: 4)"
            ),
        ),
        (
            "free adversarial training",
            format!(
                "data: Digits(), {DENSE}, optimizer: Sgd(0.01), defence: FreeAdversarialTraining(eps: 0.1, replays: 2)"
            ),
        ),
    ];
    let mut wrong = Vec::new();
    for (name, settings) in shapes {
        let (estimate, taken) = measured(&settings);
        let off = 100.0 * (estimate as f64 / taken as f64 - 1.0);
        println!("{name}: {:.2} MiB taken, {off:+.1} % estimated", taken as f64 / f64::from(1 << 20));
        if !(-5.0..=30.0).contains(&off) {
            wrong.push(format!("{name}: {estimate} bytes instead of {taken}, {off:+.1} %"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
