//! Facts about a lane before training, from data and network alone: a summary of the data, and the expected size of
//! initial weights.

use crate::engine::data::{Labels, Prepared as Data};
use crate::engine::loss::{LossConfig, Targets};
use crate::engine::network::{Network, Slot};
use crate::scenario::Shape;
use crate::telemetry::{DataFacts, LaneScore};

/// About this many samples, evenly spread, are inspected for the size of the inputs.
const LOOKED_AT: usize = 4096;

/// The range of root mean squares within which a matrix keeps a signal's size: from Xavier's to He's initialisation.
pub fn keeps(network: &Network, slot: &Slot) -> (f64, f64) {
    let (count, units) = (slot.range.len().max(1) as f64, slot.shape[0].max(1) as f64);
    let rest: usize = slot.shape.iter().skip(2).product();
    let (fan_in, fan_out) = (count / units, units * rest.max(1) as f64);
    // A recurrent layer multiplies the gradient at every time step.
    let label = &network.nodes()[slot.layer].label;
    let recurs = ["Rnn", "Lstm", "Gru"].iter().any(|n| label.starts_with(n));
    let least = (2.0 / (fan_in + fan_out)).sqrt().min((1.0 / fan_in).sqrt());
    (least, (if recurs { 1.0 } else { 2.0 } / fan_in).sqrt())
}

/// The range of the joint norm of a layer's matrices within which they keep a signal's size; `None` without a matrix.
pub fn keeps_norm(network: &Network, layer: usize) -> Option<(f32, f32)> {
    let slots = network.slots().iter().filter(|s| s.layer == layer && s.shape.len() > 1);
    let squares = slots.map(|slot| {
        let ((least, most), count) = (keeps(network, slot), slot.range.len() as f64);
        (count * least * least, count * most * most)
    });
    let (least, most) = squares.reduce(|a, b| (a.0 + b.0, a.1 + b.1))?;
    Some((least.sqrt() as f32, most.sqrt() as f32))
}

/// The summary of the data.
pub fn data_facts(data: &Data, own: &LossConfig) -> DataFacts {
    let train = &data.train;
    let size = train.shape.size().max(1);
    let features = match train.shape {
        Shape::Flat(n) => n,
        Shape::Sequence { features, .. } => features,
        Shape::Image { channels, .. } => channels,
    };
    let feature = |i: usize| match train.shape {
        Shape::Flat(_) => i,
        Shape::Sequence { features, .. } => i % features,
        Shape::Image { height, width, .. } => i / (height * width),
    };
    let mut sums = vec![(0.0f64, 0.0f64, 0.0f64); features];
    let mut largest = 0.0f64;
    for row in train.inputs.chunks_exact(size).step_by((train.len() / LOOKED_AT).max(1)) {
        for (i, &x) in row.iter().enumerate() {
            let x = f64::from(x);
            largest = largest.max(x.abs());
            let s = &mut sums[feature(i)];
            *s = (s.0 + 1.0, s.1 + x, s.2 + x * x);
        }
    }
    let deviations = sums.iter().filter_map(|(n, sum, squares)| {
        let mean = sum / n;
        let variance = (squares / n - mean * mean).max(0.0);
        (variance > 1e-12 * (squares / n).max(1e-300)).then(|| variance.sqrt())
    });
    let spread = deviations.fold((f64::INFINITY, 0.0f64), |(a, b), s| (a.min(s), b.max(s)));
    let spread = if spread.0.is_finite() { spread } else { (0.0, 0.0) };
    let loss = data.judge.as_ref().unwrap_or(own);
    let width = train.outputs().rows_of().1.max(1);
    let (constant, majority, targets) = match &train.labels {
        Labels::Classes { of, .. } | Labels::StepClasses { of, .. } => {
            let mut counts = vec![0usize; width];
            for &c in of {
                counts[(c as usize).min(width - 1)] += 1;
            }
            let share = |n: usize| (n as f64 / of.len().max(1) as f64).max(1e-6);
            let most = counts.iter().copied().max().unwrap_or(0);
            let logits: Vec<f32> = counts.iter().map(|&n| libm::log(share(n)) as f32).collect();
            (logits, Some(share(most)), None)
        }
        Labels::Values { of, .. } => {
            let mut mean = vec![0.0f64; width];
            let rows = (of.len() / width).max(1) as f64;
            for row in of.chunks_exact(width) {
                mean.iter_mut().zip(row).for_each(|(m, &y)| *m += f64::from(y) / rows);
            }
            let square =
                of.iter().map(|&y| f64::from(y) * f64::from(y)).sum::<f64>() / of.len().max(1) as f64;
            (mean.iter().map(|&m| m as f32).collect(), None, Some(square.sqrt()))
        }
    };
    let validation = &data.validation;
    let count = validation.len();
    let targets_of = validation.targets(0..count);
    let rows = match &targets_of {
        Targets::Classes(c) => c.len(),
        Targets::Values(v) => v.len() / width,
    };
    // For a squared error on one-hot classes, the best constant answer is the class shares.
    let squared = matches!(
        loss,
        LossConfig::Mse(_) | LossConfig::Mae(_) | LossConfig::Huber(_) | LossConfig::SmoothL1(_)
    );
    let row: Vec<f32> = match majority {
        Some(_) if squared => constant.iter().map(|&l| libm::expf(l)).collect(),
        _ => constant.clone(),
    };
    let output: Vec<f32> = row.iter().copied().cycle().take(rows * width).collect();
    let accuracy = match &targets_of {
        Targets::Classes(of) => {
            let best = constant.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).map_or(0, |b| b.0);
            Some(of.iter().filter(|&&c| c as usize == best).count() as f64 / of.len().max(1) as f64)
        }
        Targets::Values(_) => None,
    };
    let sum = loss.eval(&output, width, targets_of, 0.0, None, None);
    let terms = loss.terms(&output, width).max(1);
    DataFacts {
        scaling: data.scaling.0,
        target_scaling: data.scaling.1,
        largest,
        spread,
        targets,
        chance: LaneScore { loss: sum / terms as f64, accuracy },
        majority,
        samples: train.len(),
    }
}
