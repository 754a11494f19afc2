//! The training workloads for comparisons with other programs: exact data, initial weights and settings.
//!
//! All data come from one hash function, so no file is needed, and a check loss shows whether two programs compute the
//! same. This module defines the training in terms of a scenario, and uses no clocks and no threads.

use crate::engine::data::{Labels, Prepared, Reading, Samples};
use crate::engine::layer::{Fill, LayerConfig};
use crate::engine::network::Network;
use crate::engine::optim::{OptimizerConfig, adam::Adam};
use crate::engine::shape::Shape;
use crate::lab::trainer::{Snapshot, Trainer};
use crate::scenario::Recipe;
use std::sync::Arc;

/// Lanes of the sweep.
const RATES: usize = 64;

/// The task of the workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkloadKind {
    /// The network is trained.
    Train,
    /// The network is trained, and every step is measured in the same way as shown steps in the lab.
    Watch,
    /// The network is trained with many learning rates at once: one step is an update of every lane.
    Sweep,
    /// The network is attacked in evaluation mode, with its weights frozen.
    Attack,
}

/// One workload.
#[derive(Clone, Copy, Debug)]
pub struct Workload {
    /// The name, W1 to W12.
    pub name: &'static str,
    /// A short description.
    pub about: &'static str,
    /// Number of the workload in its random streams.
    stream: u32,
    /// Hidden layers in RON.
    layers: &'static str,
    input: Shape,
    outputs: usize,
    /// Samples of one batch.
    pub rows: usize,
    /// Minibatches, which are used in a cycle.
    pub batches: usize,
    /// The optimizers, one lane each.
    optimizers: &'static [&'static str],
    clip: &'static str,
    /// Steps after which the last check loss is taken.
    pub check_steps: usize,
    /// The meaning of a step.
    pub kind: WorkloadKind,
}

const CNN: &str = "[Conv2d(filters: 16, padding: 1, bias: false), BatchNorm(), Relu(), MaxPool2d(),
    Conv2d(filters: 32, padding: 1, bias: false), BatchNorm(), Relu(), MaxPool2d()]";
const TINY: &str = "[Dense(units: 16), Tanh(), Dense(units: 16), Tanh()]";
const MLP: &str = "[Dense(units: 256), Relu(), Dense(units: 128), Relu()]";
const IMAGE: Shape = Shape::Image { channels: 1, height: 28, width: 28 };
const ADDING: Shape = Shape::Sequence { steps: 50, features: 2 };

/// All workloads.
pub const ALL: [Workload; 12] = [
    Workload {
        name: "W1",
        about: "MLP 2-16-16-2, tanh, Adam",
        stream: 1000,
        layers: TINY,
        input: Shape::Flat(2),
        outputs: 2,
        rows: 32,
        batches: 16,
        optimizers: &["Adam(lr: 0.001)"],
        clip: "Off()",
        check_steps: 100,
        kind: WorkloadKind::Train,
    },
    Workload {
        name: "W2",
        about: "MLP 20 x 64, momentum, clip",
        stream: 2000,
        layers: "[Repeat(times: 20, layers: [Dense(units: 64), Relu()])]",
        input: Shape::Flat(64),
        outputs: 10,
        rows: 64,
        batches: 16,
        optimizers: &["Momentum(lr: 0.001)"],
        clip: "Norm(max_norm: 1.0)",
        check_steps: 100,
        kind: WorkloadKind::Train,
    },
    Workload {
        name: "W3",
        about: "MLP 784-256-128-10, Adam",
        stream: 3000,
        layers: MLP,
        input: Shape::Flat(784),
        outputs: 10,
        rows: 128,
        batches: 16,
        optimizers: &["Adam(lr: 0.001)"],
        clip: "Off()",
        check_steps: 100,
        kind: WorkloadKind::Train,
    },
    Workload {
        name: "W4",
        about: "CNN with batch norm, Adam",
        stream: 4000,
        layers: CNN,
        input: IMAGE,
        outputs: 10,
        rows: 64,
        batches: 16,
        optimizers: &["Adam(lr: 0.001)"],
        clip: "Off()",
        check_steps: 20,
        kind: WorkloadKind::Train,
    },
    Workload {
        name: "W5",
        about: "RNN 64, 50 steps, clip",
        stream: 5000,
        layers: "[Rnn(units: 64, bias_hh: false)]",
        input: ADDING,
        outputs: 1,
        rows: 32,
        batches: 16,
        optimizers: &["Sgd(lr: 0.001)"],
        clip: "Norm(max_norm: 1.0)",
        check_steps: 100,
        kind: WorkloadKind::Train,
    },
    Workload {
        name: "W6",
        about: "LSTM 64, 50 steps, clip",
        stream: 6000,
        layers: "[Lstm(units: 64, bias_hh: false)]",
        input: ADDING,
        outputs: 1,
        rows: 32,
        batches: 16,
        optimizers: &["Sgd(lr: 0.001)"],
        clip: "Norm(max_norm: 1.0)",
        check_steps: 100,
        kind: WorkloadKind::Train,
    },
    Workload {
        name: "W7",
        about: "four optimizers on W3's network",
        stream: 3000,
        layers: MLP,
        input: Shape::Flat(784),
        outputs: 10,
        rows: 128,
        batches: 16,
        optimizers: &["Sgd(lr: 0.01)", "Momentum(lr: 0.01)", "Nesterov(lr: 0.01)", "Adam(lr: 0.001)"],
        clip: "Off()",
        check_steps: 100,
        kind: WorkloadKind::Train,
    },
    Workload {
        name: "W8",
        about: "10-step PGD on W4's network",
        stream: 4000,
        layers: CNN,
        input: IMAGE,
        outputs: 10,
        rows: 64,
        batches: 16,
        optimizers: &["Adam(lr: 0.001)"],
        clip: "Off()",
        check_steps: 1,
        kind: WorkloadKind::Attack,
    },
    Workload {
        name: "W9",
        about: "64 rates on W1's network",
        stream: 1000,
        layers: TINY,
        input: Shape::Flat(2),
        outputs: 2,
        rows: 32,
        batches: 16,
        optimizers: &[],
        clip: "Off()",
        check_steps: 100,
        kind: WorkloadKind::Sweep,
    },
    Workload {
        name: "W10",
        about: "MLP 4-32-16-4, full batch",
        stream: 10_000,
        layers: "[Dense(units: 32), Tanh(), Dense(units: 16), Tanh()]",
        input: Shape::Flat(4),
        outputs: 4,
        rows: 10_000,
        batches: 1,
        optimizers: &["Adam(lr: 0.001)"],
        clip: "Off()",
        check_steps: 100,
        kind: WorkloadKind::Train,
    },
    Workload {
        name: "W11",
        about: "LeNet-5, Adam",
        stream: 11_000,
        layers: "[Conv2d(filters: 6, kernel: 5), Relu(), MaxPool2d(), Conv2d(filters: 16, kernel: 5), Relu(), MaxPool2d(),
            Flatten(), Dense(units: 120), Relu(), Dense(units: 84), Relu()]",
        input: IMAGE,
        outputs: 10,
        rows: 128,
        batches: 16,
        optimizers: &["Adam(lr: 0.001)"],
        clip: "Off()",
        check_steps: 20,
        kind: WorkloadKind::Train,
    },
    Workload {
        name: "W12",
        about: "W3, every step measured",
        stream: 3000,
        layers: MLP,
        input: Shape::Flat(784),
        outputs: 10,
        rows: 128,
        batches: 16,
        optimizers: &["Adam(lr: 0.001)"],
        clip: "Off()",
        check_steps: 100,
        kind: WorkloadKind::Watch,
    },
];

/// The workload of this name.
pub fn find(name: &str) -> Option<&'static Workload> {
    ALL.iter().find(|w| w.name.eq_ignore_ascii_case(name))
}

/// The finaliser of MurmurHash3.
fn fmix(h: u32) -> u32 {
    let h = (h ^ (h >> 16)).wrapping_mul(0x85EB_CA6B);
    let h = (h ^ (h >> 13)).wrapping_mul(0xC2B2_AE35);
    h ^ (h >> 16)
}

/// Number i of a stream, in [0, 1).
fn unit(stream: u32, i: usize) -> f32 {
    let h = (i as u32).wrapping_mul(0x9E37_79B9).wrapping_add(fmix(stream));
    (fmix(h) >> 8) as f32 * (1.0 / 16_777_216.0)
}

/// The exponential of the matrix [[x₀, x₁], [x₂, x₃]]. With s = (x₀ + x₃)/2, h = (x₀ - x₃)/2 and q = h² + x₁x₂ it is
/// eˢ (C I + S [[h, x₁], [x₂, -h]]), where C = Σ qⁿ/(2n)! and S = Σ qⁿ/(2n+1)!.
fn exponential([a, b, c, d]: [f64; 4]) -> [f32; 4] {
    let (s, h) = (f64::midpoint(a, d), (a - d) / 2.0);
    let q = h * h + b * c;
    let (mut even, mut odd, mut term) = (0.0, 0.0, 1.0);
    for n in 0..16 {
        even += term;
        odd += term / f64::from(2 * n + 1);
        term *= q / f64::from((2 * n + 1) * (2 * n + 2));
    }
    let scale = libm::exp(s);
    [even + odd * h, odd * b, odd * c, even - odd * h].map(|y| (scale * y) as f32)
}

fn written<T: crate::registry::SettingValue>(ron: &str) -> T {
    T::parse(ron).expect("a workload is written in valid RON")
}

impl Workload {
    /// The lanes before their first step.
    pub fn lanes(&self) -> Vec<Trainer> {
        let data = Arc::new(self.data());
        let lane = |optimizer: OptimizerConfig| {
            let mut lane = Trainer::new(&data, self.recipe(optimizer), 1, 1)
                .expect("a workload's network fits its data");
            let params = self.params(lane.network());
            let start = Snapshot { params, ..lane.snapshot() };
            lane.restore(&start).expect("as many parameters as before");
            lane.keep_order();
            lane
        };
        self.optimizers().into_iter().map(lane).collect()
    }

    /// The optimizer of each lane. The sweep's rates are 10^(-4 + 3 i/63), rounded to f32.
    fn optimizers(&self) -> Vec<OptimizerConfig> {
        if self.kind == WorkloadKind::Sweep {
            let rate = |i| libm::pow(10.0, -4.0 + 3.0 * i as f64 / (RATES - 1) as f64) as f32;
            let adam = |i| Adam { lr: f64::from(rate(i)), ..Adam::default() };
            return (0..RATES).map(|i| adam(i).into()).collect();
        }
        self.optimizers.iter().map(|ron| written(ron)).collect()
    }

    /// Whether the workload is a regression.
    fn regresses(&self) -> bool {
        self.batches == 1 || self.outputs == 1
    }

    fn recipe(&self, optimizer: OptimizerConfig) -> Recipe {
        Recipe {
            network: written::<Vec<LayerConfig>>(self.layers),
            loss: written(if self.regresses() { "Mse()" } else { "CrossEntropy()" }),
            optimizer,
            clip: written(self.clip),
            batch: self.rows,
            ..Recipe::default()
        }
    }

    /// The parameters as defined for the workload, where matrices are written as [in, out].
    fn params(&self, network: &Network) -> Vec<f32> {
        let mut params = vec![0.0; network.param_count()];
        let tensors: Vec<_> =
            network.slots().iter().filter(|s| matches!(s.fill, Fill::Init { .. })).collect();
        for slot in network.slots() {
            let out = &mut params[slot.range.clone()];
            let fan_in = match slot.fill {
                Fill::Constant(c) => {
                    out.fill(c);
                    continue;
                }
                Fill::Pair(..) => unreachable!("no workload has a surface"),
                Fill::Init { fan_in, .. } => fan_in,
            };
            let t = tensors.iter().position(|other| other.range == slot.range).expect("one of the tensors");
            let tanh = self.layers.contains("Tanh");
            let gain = if tanh || t + 1 == tensors.len() { 3.0 } else { 6.0 };
            let bound = if self.outputs == 1 { 0.125 } else { (gain / fan_in as f64).sqrt() } as f32;
            let (rows, columns) = match slot.shape[..] {
                [rows, columns] => (rows, columns),
                _ => (1, out.len()),
            };
            for (i, w) in out.iter_mut().enumerate() {
                let transposed = i % columns * rows + i / columns;
                *w = 2.0f32.mul_add(unit(self.stream + t as u32, transposed), -1.0) * bound;
            }
        }
        params
    }

    fn data(&self) -> Prepared {
        let n = self.batches * self.rows;
        let (inputs, label) = (self.stream + 500, self.stream + 501);
        let classes =
            |of: Vec<u32>| Labels::Classes { of, names: (0..self.outputs).map(|c| c.to_string()).collect() };
        let train = if let Shape::Sequence { steps, features } = self.input {
            let mut x = vec![0.0; n * steps * features];
            let mut sums = vec![0.0; n];
            for (r, (x, sum)) in x.chunks_exact_mut(steps * features).zip(&mut sums).enumerate() {
                for (t, x) in x.chunks_exact_mut(features).enumerate() {
                    x[0] = unit(inputs, steps * r + t);
                }
                for (k, from) in [(0, 0), (1, 25)] {
                    let at = (from + (25.0 * unit(label, 2 * r + k)) as usize) * features;
                    x[at + 1] = 1.0;
                    *sum += x[at];
                }
            }
            let labels = Labels::Values { of: sums, shape: Shape::Flat(1) };
            Samples { shape: self.input, inputs: x, labels }
        } else {
            let size = self.input.size();
            let symmetric = matches!(self.input, Shape::Flat(2 | 4 | 64));
            let number = |i| if symmetric { 2.0f32.mul_add(unit(inputs, i), -1.0) } else { unit(inputs, i) };
            let x: Vec<f32> = (0..n * size).map(number).collect();
            let of = (0..n).map(|i| match self.outputs {
                2 => u32::from(x[2 * i] * x[2 * i + 1] > 0.0),
                _ => (10.0 * unit(label, i)) as u32,
            });
            let labels = if self.regresses() {
                let of = x.as_chunks().0.iter().flat_map(|x| exponential(x.map(f64::from))).collect();
                Labels::Values { of, shape: Shape::Flat(4) }
            } else {
                classes(of.collect())
            };
            Samples { shape: self.input, labels, inputs: x }
        };
        Prepared {
            validation: train.clone(),
            range: vec![(0.0, 1.0); train.shape.size()],
            train,
            inputs: Vec::new(),
            targets: Vec::new(),
            scaling: Default::default(),
            judge: None,
            reading: Reading::default(),
            weights: Arc::new([]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check losses of the definition: the first one to its last digit, and the one after a few steps if it is
    /// cheap.
    #[test]
    fn every_workload_begins_with_the_loss_of_its_definition() {
        let first = [
            ("W1", 0.798_474),
            ("W2", 2.336_19),
            ("W3", 2.463_595),
            ("W4", 2.872_78),
            ("W5", 1.389_475),
            ("W6", 1.218_976),
            ("W7", 2.463_595),
            ("W9", 0.798_474),
            ("W10", 1.272_677),
            ("W11", 2.664_398),
            ("W12", 2.463_595),
        ];
        for (name, expected) in first {
            for lane in &mut find(name).expect("a workload").lanes() {
                let loss = lane.step(false).expect("no divergence").loss;
                assert!((loss - expected).abs() < 1e-4 * expected, "{name}: {loss}, not {expected}");
            }
        }
    }

    #[test]
    fn the_smallest_ends_with_the_loss_of_its_definition() {
        for (name, expected) in [("W1", 0.662_358), ("W9", 0.420_846)] {
            let mut lanes = find(name).expect("a workload").lanes();
            let count = lanes.len() as f32;
            let end =
                |lane: &mut Trainer| (0..100).map(|_| lane.step(false).expect("no divergence").loss).last();
            let last = lanes.iter_mut().filter_map(end).sum::<f32>() / count;
            assert!((last - expected).abs() < 1e-4 * expected, "{name}: {last}");
        }
    }
}
