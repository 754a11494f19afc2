//! A made-up run for the tests of the panes: curves of the right shapes without any training.

use crate::number::{LayerNumber, Number, NumberValues};
use crate::scenario::{Recipe, Shape};
use crate::telemetry::{Data, Divergence, Event, LaneInfo, LayerInfo, LayerMeasure, Measure, Phase};
use crate::ui::fixture::evaluated;
use crate::view::RunView;

/// Repeatable noise in [-1, 1].
fn noise(i: u64) -> f32 {
    let mut z = i.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 40) as f32 / 8_388_608.0 - 1.0
}

fn info(name: &str, depth: usize) -> Box<LaneInfo> {
    let layers = (0..2 * depth).map(|i| LayerInfo {
        label: if i % 2 == 0 { "Dense 32".into() } else { "Sigmoid".into() },
        input: "64".into(),
        output: "32".into(),
        params: if i % 2 == 0 { 1056 } else { 0 },
        keeps: None,
        saturates: i % 2 == 1,
    });
    Box::new(LaneInfo {
        name: name.into(),
        recipe: Recipe::default(),
        input: Shape::Image { channels: 1, height: 8, width: 8 },
        outputs: Shape::Flat(10),
        layers: layers.collect(),
        params: 1056 * depth,
        steps_per_epoch: 45.0,
        cost: 1.0,
        edits: Vec::new(),
        foreign: None,
        fork: None,
        read: [
            "1438 samples to train, 359 to validate".to_string(),
            "a table, cells separated by `;`".into(),
        ]
        .into(),
        total: 5000,
        data: None,
    })
}

/// The behaviour of a lane of the run.
struct LaneBehaviour {
    name: &'static str,
    /// Final loss.
    loss: f32,
    /// Steps in which it approaches the final loss.
    time: f32,
    /// Factor of the gradient from layer to layer, towards the input.
    decay: f32,
    /// The step at which it diverges.
    end: u64,
}

const KINDS: [LaneBehaviour; 4] = [
    LaneBehaviour { name: "SGD", loss: 0.9, time: 900.0, decay: 0.21, end: u64::MAX },
    LaneBehaviour { name: "Momentum", loss: 0.25, time: 450.0, decay: 0.25, end: u64::MAX },
    LaneBehaviour { name: "Adam", loss: 0.02, time: 220.0, decay: 0.8, end: u64::MAX },
    LaneBehaviour { name: "SGD lr 50", loss: 4.0, time: 300.0, decay: 2.5, end: 132 },
];

/// A run of four lanes on a deep sigmoid network, measured every second step up to `steps`: A's gradient vanishes
/// towards the input, C's does not, D diverges at step 132.
pub fn run(steps: u64, depth: usize) -> RunView {
    let mut view = RunView::default();
    for (lane, kind) in KINDS.iter().enumerate() {
        view.apply(Event::Started { lane, info: info(kind.name, depth), step: 0 });
        view.apply(Event::Phase { lane, step: 0, phase: Phase::Running });
        for step in (2..=steps.min(kind.end)).step_by(2) {
            measure(&mut view, lane, kind, step, depth);
        }
        if steps >= kind.end {
            let account = Divergence {
                step: kind.end,
                layer: "3 Dense 32".into(),
                last_grad_norm: 4.1e7,
                origin: None,
                what: "loss is not finite".into(),
            };
            view.apply(Event::Phase { lane, step: kind.end, phase: Phase::Diverged(account) });
        }
    }
    view
}

fn measure(view: &mut RunView, lane: usize, kind: &LaneBehaviour, step: u64, depth: usize) {
    let t = step as f32;
    let wobble = noise(step * 31 + lane as u64);
    let broken = step + 2 > kind.end;
    let rise = if kind.end < u64::MAX { (t / 14.0).exp().min(1e9) } else { 1.0 };
    let level = (kind.loss + (2.31 - kind.loss) * (-t / kind.time).exp()) * rise;
    let loss = if broken { f32::NAN } else { level * (1.0 + 0.22 * wobble) };
    let hit = |w: f32| (1.0 - level / 2.6 + 0.05 * w).clamp(0.08, 1.0);
    let top = 0.6 * (-t / kind.time / 3.0).exp() + 0.01;
    let norm = |i: usize| top * rise * kind.decay.powi((depth - 1 - i) as i32) * (1.0 + 0.3 * wobble);
    let m = Measure {
        step,
        epoch: step as f64 / 45.0,
        seconds: step as f64 / 4100.0,
        evaluations: step,
        least: NumberValues::default().with(Number::Loss, f64::from(level * 0.8)),
        greatest: NumberValues::default().with(Number::Loss, f64::from(level * 1.25)),
        ..Measure::default()
    };
    let m = m
        .with(Number::Loss, loss)
        .with(Number::Accuracy, hit(wobble))
        .with(Number::Lr, 0.1 * (1.0 + (f64::from(t) / 2000.0).cos()))
        .with(Number::GradNorm, norm(depth - 1) * 1.2)
        .with(Number::GradNormClipped, norm(depth - 1).min(1.0))
        .with(Number::ClipRate, (0.5 - t / 4000.0).max(0.0))
        .with(Number::ClipShare, 0.25)
        .with(Number::ClipAngle, 12.0)
        .with(Number::UpdateRatio, 1e-3 * (1.0 + 0.4 * wobble) * (-t / 3000.0).exp());
    let layers = (0..2 * depth).map(|layer| {
        let measure = LayerMeasure::of(layer);
        if layer % 2 == 0 {
            return measure
                .with(LayerNumber::GradNorm, norm(layer / 2))
                .with(LayerNumber::WeightNorm, 3.0 + layer as f32 * 0.1)
                .with(LayerNumber::UpdateRatio, norm(layer / 2) * 0.01);
        }
        let flat = measure.with(LayerNumber::Saturated, (0.2 + 0.05 * layer as f32).min(0.95));
        if layer == 3 { flat.with(LayerNumber::Silent, 0.12) } else { flat }
    });
    view.apply(Event::Measured { lane, measure: Box::new(m), layers: layers.collect() });
    if step.is_multiple_of(50) {
        let loss = level * 1.15 + 0.05;
        view.apply(evaluated(lane, step, loss, Some(hit(0.0) * 0.96)));
    }
}

/// An eight by eight seven.
pub fn seven() -> Vec<f32> {
    let rows =
        ["........", ".######.", ".....##.", "....##..", "...##...", "...##...", "..##....", "........"];
    rows.concat().chars().map(|c| if c == '#' { 0.95 } else { 0.05 }).collect()
}

fn table(columns: &[&str], rows: Vec<(String, Vec<f32>)>) -> Data {
    Data::Table { columns: columns.iter().map(|c| (*c).into()).collect(), rows }
}

fn grey(pixels: Vec<f32>) -> Data {
    Data::Image { channels: 1, width: 8, pixels }
}

fn probed(view: &mut RunView, name: &'static str, parts: Vec<(&str, Data)>) {
    let parts = parts.into_iter().map(|(n, d)| (n.to_owned(), d)).collect();
    view.apply(Event::Probed { lane: 0, step: 1200, name, parts });
}

/// Predictions for an image, a confusion matrix and an attack, for lane 0.
pub fn add_images(view: &mut RunView) {
    let before = [0.002, 0.003, 0.010, 0.004, 0.001, 0.002, 0.001, 0.961, 0.004, 0.012];
    let after = [0.004, 0.012, 0.612, 0.051, 0.002, 0.009, 0.001, 0.251, 0.008, 0.050];
    let class = |i: usize| i.to_string();
    let one = before.iter().enumerate().map(|(i, p)| (class(i), vec![*p])).collect();
    let parts = vec![
        ("image", grey(seven())),
        ("probabilities", table(&["probability"], one)),
        ("label", Data::Scalar(7.0)),
        ("predicted", Data::Scalar(7.0)),
        ("sample", Data::Scalar(12.0)),
        ("samples", Data::Scalar(360.0)),
    ];
    probed(view, "prediction", parts);
    let turned = |i: usize| seven().into_iter().rev().skip(i).chain(std::iter::repeat_n(0.0, i)).collect();
    let parts = vec![
        ("image", grey(seven())),
        ("draw 0", grey(turned(1))),
        ("draw 1", grey(turned(2))),
        ("sample", Data::Scalar(12.0)),
        ("samples", Data::Scalar(360.0)),
    ];
    probed(view, "augmented", parts);

    let count = |i: usize, j: usize| {
        if i == j {
            30.0 + i as f32
        } else if (i * 7 + j * 3).is_multiple_of(11) {
            4.0
        } else {
            0.0
        }
    };
    let rows = (0..10).map(|i| (class(i), (0..10).map(|j| count(i, j)).collect())).collect();
    probed(
        view,
        "confusion",
        vec![("matrix", table(&["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"], rows))],
    );

    let change: Vec<f32> = (0..64).map(|i| 0.1 * noise(i).signum()).collect();
    let image = seven();
    let spoilt = image.iter().zip(&change).map(|(a, b)| (a + b).clamp(0.0, 1.0)).collect();
    let both = (0..10).map(|i| (class(i), vec![before[i], after[i]])).collect();
    let parts = vec![
        ("image", grey(image)),
        ("perturbation", grey(change)),
        ("adversarial", grey(spoilt)),
        ("probabilities", table(&["before", "after"], both)),
        ("label", Data::Scalar(7.0)),
        ("before", Data::Scalar(7.0)),
        ("after", Data::Scalar(2.0)),
        ("eps", Data::Scalar(0.1)),
        ("linf", Data::Scalar(0.1)),
        ("l2", Data::Scalar(0.8)),
        ("l0", Data::Scalar(60.0)),
        ("features", Data::Scalar(64.0)),
        ("least", Data::Scalar(0.043)),
        ("sample", Data::Scalar(12.0)),
        ("samples", Data::Scalar(360.0)),
    ];
    probed(view, "adversarial", parts);
}

/// Robustness over time: lane 0 loses its own, the others keep more the later they come.
pub fn add_attacked(view: &mut RunView) {
    for lane in 0..view.lanes.len() {
        for i in 0..=8u32 {
            let share = f64::from(i) / 8.0;
            let pgd = 0.9 - [0.8, 0.6, 0.4, 0.2][lane] * if lane == 2 { 1.0 } else { share };
            let scalars =
                [("eps", 0.1), ("clean", 0.9), ("noise", 0.88), ("fgsm", pgd.midpoint(0.9)), ("pgd", pgd)];
            let parts = scalars.map(|(name, x)| (name.to_string(), Data::Scalar(x))).into();
            let step = u64::from(i) * 150;
            view.apply(Event::Probed { lane, step, name: "robustness", parts });
        }
    }
}

/// The newest attack of lane 0 for all lanes, accuracy against size for all, and numbers of lane 1 that cannot be
/// trusted.
pub fn add_bench(view: &mut RunView) {
    let attack = view.lane(0).and_then(|l| l.probes.get("adversarial")).map(|p| p.parts.clone());
    let lanes: Vec<_> = view.lanes.iter().map(|l| l.id).collect();
    for lane in lanes {
        if let Some(parts) = attack.clone() {
            view.apply(Event::Probed { lane, step: 1200, name: "adversarial", parts });
        }
        let left = |eps: f32| (-eps * (8.0 + 3.0 * lane as f32)).exp();
        let sizes = [0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5];
        let rows = sizes.map(|eps| (format!("{eps}"), vec![eps, left(eps), 1.0 - 0.2 * eps]));
        let curve = table(&["eps", "attack", "noise"], rows.into());
        view.apply(Event::Probed { lane, step: 1200, name: "sizes", parts: vec![("curve".into(), curve)] });
        let masked = "gradients not masked: 88 % of the samples have an input gradient of exactly zero";
        let why = if lane == 1 {
            (masked.to_string(), vec![0.0])
        } else {
            ("gradients not masked".into(), vec![1.0])
        };
        let mut parts = vec![("checks".to_string(), table(&["holds"], vec![why]))];
        let scalars = [("eps", 0.1), ("clean", 0.97), ("noise", 0.95), ("fgsm", 0.4), ("pgd", 0.3)];
        parts.extend(scalars.map(|(name, x)| (name.to_string(), Data::Scalar(x))));
        view.apply(Event::Probed { lane, step: 1200, name: "robustness", parts });
    }
}

/// The boundary of a classifier on a plane and an attack there, for lane 0; `classes` of 2 or more.
pub fn add_plane(view: &mut RunView, classes: usize) {
    let (width, height) = (48, 24);
    let value = |i: usize| {
        let (x, y) = ((i % width) as f32 / width as f32 - 0.5, 0.5 - (i / width) as f32 / height as f32);
        if classes == 2 {
            1.0 / (1.0 + (-14.0 * (x * x + y * y - 0.09)).exp())
        } else {
            let turn = (y.atan2(x) / std::f32::consts::TAU + 1.0).fract();
            (turn * classes as f32).floor()
        }
    };
    let boundary = Data::Grid {
        width,
        values: (0..width * height).map(value).collect(),
        extent: [-5.0, 5.0, -5.0, 5.0],
    };
    let points = (0..80u64).map(|i| {
        let (x, y) = (4.8 * noise(i * 3), 4.8 * noise(i * 3 + 1));
        let class = if classes == 2 { u32::from(x * x + y * y > 9.0) } else { i as u32 % classes as u32 };
        (x, y, class)
    });
    let parts = vec![
        ("boundary", boundary.clone()),
        ("classes", Data::Scalar(classes as f64)),
        ("points", Data::Points(points.collect())),
    ];
    probed(view, "prediction", parts);
    let parts = vec![
        ("boundary", boundary),
        ("arrow", Data::Series(vec![1.5, 1.0, 3.2, 2.4])),
        ("label", Data::Scalar(0.0)),
        ("before", Data::Scalar(0.0)),
        ("after", Data::Scalar(1.0)),
        ("eps", Data::Scalar(1.5)),
        ("linf", Data::Scalar(1.5)),
        ("l2", Data::Scalar(2.1)),
        (
            "probabilities",
            table(&["before", "after"], vec![("in".into(), vec![0.8, 0.3]), ("out".into(), vec![0.2, 0.7])]),
        ),
    ];
    probed(view, "adversarial", parts);
}

/// A sequence of lane 0: symbols with a class at every step, or numbers of which two are marked and one answer.
pub fn add_sequence(view: &mut RunView, symbols: bool) {
    let row = |name: &str, values: Vec<f32>| (name.to_owned(), values);
    let mut parts = if symbols {
        let names = ["blank", "1", "2"].map(|n| row(n, Vec::new()));
        let on = |class: usize| [1, 2, 0, 3, 0, 0].map(|c| f32::from(u8::from(c == class))).to_vec();
        let inputs = (0..4).map(|class| row("x", on(class))).collect();
        vec![
            ("inputs", table(&[], inputs)),
            ("names", table(&[], names.to_vec())),
            ("target", Data::Series(vec![0.0, 0.0, 0.0, 0.0, 1.0, 2.0])),
            ("answer", Data::Series(vec![0.0, 0.0, 0.0, 0.0, 1.0, f32::NAN])),
        ]
    } else {
        let values = (0..60).map(|t| 0.5 + 0.5 * noise(t)).collect();
        let marks = (0..60).map(|t| f32::from(u8::from(t == 9 || t == 59))).collect();
        vec![
            ("inputs", table(&[], vec![row("x1", values), row("x2", marks)])),
            ("target", Data::Series(vec![1.25])),
            ("answer", Data::Series(vec![1.0])),
        ]
    };
    parts.extend([("sample", Data::Scalar(3.0)), ("samples", Data::Scalar(400.0))]);
    probed(view, "prediction", parts);
}

/// A sequence of lane 0 with a number wanted at every step, some of its numbers odd.
pub fn add_echo(view: &mut RunView) {
    let wave = |late: usize| (0..40).map(move |t| if t < late { 0.0 } else { noise((t - late) as u64) });
    let mut answer: Vec<f32> = wave(5).map(|v| 0.5 * v).collect();
    answer[7] = f32::NAN;
    answer[9] = f32::INFINITY;
    answer[20] = 3e38;
    let inputs = vec![("x1".to_string(), wave(0).collect())];
    let parts = vec![
        ("inputs", table(&[], inputs)),
        ("target", Data::Series(wave(5).collect())),
        ("answer", Data::Series(answer)),
    ];
    probed(view, "prediction", parts);
}
