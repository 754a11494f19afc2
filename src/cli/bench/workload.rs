//! The training workloads for comparisons with other programs: exact data, initial weights and settings.
//!
//! Everything follows from one hash function, so no file is needed and a check loss tells whether two programs compute
//! the same thing. Says what is trained, in the words of a scenario; knows no clock and no thread.

use crate::engine::data::{Labels, Prepared, Reading, Samples};
use crate::engine::layer::{Fill, LayerConfig};
use crate::engine::network::Network;
use crate::engine::shape::Shape;
use crate::lab::trainer::{Snapshot, Trainer};
use crate::scenario::Recipe;
use std::sync::Arc;

/// Minibatches that are cycled over.
pub const BATCHES: usize = 16;

/// The task of the workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Trained.
    Train,
    /// Attacked in evaluation mode, its weights frozen.
    Attack,
}

/// One workload.
#[derive(Clone, Copy, Debug)]
pub struct Workload {
    /// Its name, W1 to W8.
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
    /// The optimizers, one lane each.
    optimizers: &'static [&'static str],
    clip: &'static str,
    /// Steps after which the last check loss is taken.
    pub check_steps: usize,
    /// The meaning of a step.
    pub kind: Kind,
}

const CNN: &str = "[Conv2d(filters: 16, padding: 1, bias: false), BatchNorm(), Relu(), MaxPool2d(),
    Conv2d(filters: 32, padding: 1, bias: false), BatchNorm(), Relu(), MaxPool2d()]";
const MLP: &str = "[Dense(units: 256), Relu(), Dense(units: 128), Relu()]";
const IMAGE: Shape = Shape::Image { channels: 1, height: 28, width: 28 };
const ADDING: Shape = Shape::Sequence { steps: 50, features: 2 };

/// All of them.
pub const ALL: [Workload; 8] = [
    Workload {
        name: "W1",
        about: "MLP 2-16-16-2, tanh, Adam",
        stream: 1000,
        layers: "[Dense(units: 16), Tanh(), Dense(units: 16), Tanh()]",
        input: Shape::Flat(2),
        outputs: 2,
        rows: 32,
        optimizers: &["Adam(lr: 0.001)"],
        clip: "Off()",
        check_steps: 100,
        kind: Kind::Train,
    },
    Workload {
        name: "W2",
        about: "MLP 20 x 64, momentum, clip",
        stream: 2000,
        layers: "[Repeat(times: 20, layers: [Dense(units: 64), Relu()])]",
        input: Shape::Flat(64),
        outputs: 10,
        rows: 64,
        optimizers: &["Momentum(lr: 0.001)"],
        clip: "Norm(max_norm: 1.0)",
        check_steps: 100,
        kind: Kind::Train,
    },
    Workload {
        name: "W3",
        about: "MLP 784-256-128-10, Adam",
        stream: 3000,
        layers: MLP,
        input: Shape::Flat(784),
        outputs: 10,
        rows: 128,
        optimizers: &["Adam(lr: 0.001)"],
        clip: "Off()",
        check_steps: 100,
        kind: Kind::Train,
    },
    Workload {
        name: "W4",
        about: "CNN with batch norm, Adam",
        stream: 4000,
        layers: CNN,
        input: IMAGE,
        outputs: 10,
        rows: 64,
        optimizers: &["Adam(lr: 0.001)"],
        clip: "Off()",
        check_steps: 20,
        kind: Kind::Train,
    },
    Workload {
        name: "W5",
        about: "RNN 64, 50 steps, clip",
        stream: 5000,
        layers: "[Rnn(units: 64, bias_hh: false)]",
        input: ADDING,
        outputs: 1,
        rows: 32,
        optimizers: &["Sgd(lr: 0.001)"],
        clip: "Norm(max_norm: 1.0)",
        check_steps: 100,
        kind: Kind::Train,
    },
    Workload {
        name: "W6",
        about: "LSTM 64, 50 steps, clip",
        stream: 6000,
        layers: "[Lstm(units: 64, bias_hh: false)]",
        input: ADDING,
        outputs: 1,
        rows: 32,
        optimizers: &["Sgd(lr: 0.001)"],
        clip: "Norm(max_norm: 1.0)",
        check_steps: 100,
        kind: Kind::Train,
    },
    Workload {
        name: "W7",
        about: "four optimizers on W3's network",
        stream: 3000,
        layers: MLP,
        input: Shape::Flat(784),
        outputs: 10,
        rows: 128,
        optimizers: &["Sgd(lr: 0.01)", "Momentum(lr: 0.01)", "Nesterov(lr: 0.01)", "Adam(lr: 0.001)"],
        clip: "Off()",
        check_steps: 100,
        kind: Kind::Train,
    },
    Workload {
        name: "W8",
        about: "10-step PGD on W4's network",
        stream: 4000,
        layers: CNN,
        input: IMAGE,
        outputs: 10,
        rows: 64,
        optimizers: &["Adam(lr: 0.001)"],
        clip: "Off()",
        check_steps: 1,
        kind: Kind::Attack,
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

impl Workload {
    /// The lanes before their first step.
    pub fn lanes(&self) -> Vec<Trainer> {
        let data = Arc::new(self.data());
        let lane = |optimizer: &&str| {
            let mut lane = Trainer::new(&data, self.recipe(optimizer), 1, 1)
                .expect("a workload's network fits its data");
            let params = self.params(lane.network());
            let start = Snapshot { params, ..lane.snapshot() };
            lane.restore(&start).expect("as many parameters as before");
            lane.keep_order();
            lane
        };
        self.optimizers.iter().map(lane).collect()
    }

    fn recipe(&self, optimizer: &str) -> Recipe {
        fn written<T: crate::registry::Value>(ron: &str) -> T {
            T::parse(ron).expect("a workload is written in valid RON")
        }
        Recipe {
            network: written::<Vec<LayerConfig>>(self.layers),
            loss: written(if self.outputs == 1 { "Mse()" } else { "CrossEntropy()" }),
            optimizer: written(optimizer),
            clip: written(self.clip),
            batch: self.rows,
            ..Recipe::default()
        }
    }

    /// The parameters as the definition has them: matrices are written there as [in, out].
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
            let gain = if self.name == "W1" || t + 1 == tensors.len() { 3.0 } else { 6.0 };
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
        let n = BATCHES * self.rows;
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
            let symmetric = matches!(self.input, Shape::Flat(2 | 64));
            let number = |i| if symmetric { 2.0f32.mul_add(unit(inputs, i), -1.0) } else { unit(inputs, i) };
            let x: Vec<f32> = (0..n * size).map(number).collect();
            let of = (0..n).map(|i| match self.outputs {
                2 => u32::from(x[2 * i] * x[2 * i + 1] > 0.0),
                _ => (10.0 * unit(label, i)) as u32,
            });
            Samples { shape: self.input, labels: classes(of.collect()), inputs: x }
        };
        Prepared {
            validation: train.clone(),
            range: vec![(0.0, 1.0); train.shape.size()],
            train,
            targets: Vec::new(),
            judge: None,
            reading: Reading::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check losses of the definition: the first one to its last digit, that after a few steps where it is cheap.
    #[test]
    fn every_workload_begins_with_the_loss_of_its_definition() {
        let first = [0.798_474, 2.336_19, 2.463_595, 2.872_78, 1.389_475, 1.218_976, 2.463_595];
        for (workload, expected) in ALL.iter().zip(first) {
            for lane in &mut workload.lanes() {
                let loss = lane.step(false).expect("no divergence").loss;
                assert!(
                    (loss - expected).abs() < 1e-4 * expected,
                    "{}: {loss}, not {expected}",
                    workload.name
                );
            }
        }
    }

    #[test]
    fn the_smallest_ends_with_the_loss_of_its_definition() {
        let lane = &mut ALL[0].lanes()[0];
        let last = (0..100).map(|_| lane.step(false).expect("no divergence").loss).last();
        assert!(last.is_some_and(|l| (l - 0.662_358).abs() < 1e-4 * 0.66), "{last:?}");
    }
}
