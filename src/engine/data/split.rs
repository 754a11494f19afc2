//! From a data set to what lanes train on: the split, the cut, the scaling. Knows no file and no network.

use super::{Dataset, Labels, Reading, Samples, SourceError};
use crate::engine::rng::{Purpose, Stream};
use crate::engine::shape::Shape;
use crate::registry::plain_values;
use serde::{Deserialize, Serialize};

/// How inputs are brought to a common scale, with numbers taken from the training samples only.
///
/// A feature is an entry of a vector, a channel of an image, or a feature of a sequence at all its steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scaling {
    /// As the source gives them.
    #[default]
    None,
    /// Every feature to mean 0 and standard deviation 1.
    Standard,
    /// Every feature to [0, 1].
    Unit,
}
plain_values!(Scaling);

/// Samples ready for training.
#[derive(Clone, Debug, PartialEq)]
pub struct Prepared {
    /// What lanes train on.
    pub train: Samples,
    /// What they are evaluated on.
    pub validation: Samples,
    /// The valid range of every number of one input sample, after scaling; attacks clamp to it.
    pub range: Vec<(f32, f32)>,
    /// What was read.
    pub reading: Reading,
}

/// Splits, cuts and scales a data set.
///
/// The split is drawn from `seed` alone; with one class a sample, every class gives the same share. A source's own
/// split is kept. `limit` keeps so many training samples.
///
/// # Errors
/// If one of the two parts would be empty.
pub fn prepare(
    data: Dataset,
    share: f64,
    scaling: Scaling,
    limit: Option<usize>,
    seed: u64,
) -> Result<Prepared, SourceError> {
    let Dataset { samples, validation, range, mut reading } = data;
    let mut order: Vec<usize> = (0..samples.len()).collect();
    Stream::new(seed, Purpose::Split, 0, 0).shuffle(&mut order);
    let (mut first, mut validation) = if let Some(own) = validation {
        (order, own)
    } else {
        let (train, held) = split(&samples, &order, share);
        (train, samples.pick(&held))
    };
    first.truncate(limit.unwrap_or(usize::MAX));
    let mut train = samples.pick(&first);
    if train.is_empty() || validation.is_empty() {
        return Err(SourceError::new(format!(
            "{} samples are too few for a training and a validation part",
            samples.len()
        )));
    }
    if reading.summary.is_empty() {
        reading.describe(&train, &validation, "");
    }
    let affine = affine(&train, scaling);
    let mut range = match range {
        Some(range) => vec![range; train.shape.size()],
        None => observed(&train),
    };
    if scaling != Scaling::None {
        apply(&mut train, &affine);
        apply(&mut validation, &affine);
        for (i, (low, high)) in range.iter_mut().enumerate() {
            let (shift, factor) = affine[feature(train.shape, i)];
            (*low, *high) = ((*low - shift) * factor, (*high - shift) * factor);
        }
    }
    Ok(Prepared { train, validation, range, reading })
}

/// Indices of the training and of the validation samples, each in the given order.
fn split(samples: &Samples, order: &[usize], share: f64) -> (Vec<usize>, Vec<usize>) {
    let (class_of, classes): (&dyn Fn(usize) -> usize, usize) = match &samples.labels {
        Labels::Classes { of, names } => (&|i| of[i] as usize, names.len().max(1)),
        _ => (&|_| 0, 1),
    };
    let mut counts = vec![0usize; classes];
    for &i in order {
        counts[class_of(i)] += 1;
    }
    // A class with one sample trains; with more, each part gets at least one.
    let mut wanted: Vec<usize> = counts
        .iter()
        .map(|&n| if n < 2 { 0 } else { ((n as f64 * share).round() as usize).clamp(1, n - 1) })
        .collect();
    let (mut train, mut held) = (Vec::new(), Vec::new());
    for &i in order {
        let left = &mut wanted[class_of(i)];
        if *left > 0 {
            *left -= 1;
            held.push(i);
        } else {
            train.push(i);
        }
    }
    (train, held)
}

/// The feature that the i-th number of a sample belongs to.
fn feature(shape: Shape, i: usize) -> usize {
    match shape {
        Shape::Flat(_) => i,
        Shape::Image { height, width, .. } => i / (height * width),
        Shape::Sequence { features, .. } => i % features,
    }
}

/// Shift and factor of every feature: x ← (x - shift) · factor.
fn affine(train: &Samples, scaling: Scaling) -> Vec<(f32, f32)> {
    let size = train.shape.size();
    let features = (0..size).map(|i| feature(train.shape, i)).max().map_or(0, |f| f + 1);
    // Count, sum and sum of squares in f64 about the first value, so that nothing cancels.
    let mut about = vec![0.0f64; features];
    let mut sums = vec![(0.0f64, 0.0f64, 0.0f64); features];
    let mut ends = vec![(f32::INFINITY, f32::NEG_INFINITY); features];
    for (i, &x) in train.inputs[..size].iter().enumerate().rev() {
        about[feature(train.shape, i)] = f64::from(x);
    }
    for sample in train.inputs.chunks_exact(size) {
        for (i, &x) in sample.iter().enumerate() {
            let f = feature(train.shape, i);
            let d = f64::from(x) - about[f];
            sums[f] = (sums[f].0 + 1.0, sums[f].1 + d, sums[f].2 + d * d);
            ends[f] = (ends[f].0.min(x), ends[f].1.max(x));
        }
    }
    // A constant feature is only shifted.
    let inverse = |width: f64| if width > 0.0 { (1.0 / width) as f32 } else { 1.0 };
    (0..features)
        .map(|f| match scaling {
            Scaling::None => (0.0, 1.0),
            Scaling::Unit => (ends[f].0, inverse(f64::from(ends[f].1) - f64::from(ends[f].0))),
            Scaling::Standard => {
                let (n, sum, square) = sums[f];
                let mean = sum / n;
                let variance = (square / n - mean * mean).max(0.0);
                ((about[f] + mean) as f32, inverse(variance.sqrt()))
            }
        })
        .collect()
}

fn apply(samples: &mut Samples, affine: &[(f32, f32)]) {
    let shape = samples.shape;
    for sample in samples.inputs.chunks_exact_mut(shape.size()) {
        for (i, x) in sample.iter_mut().enumerate() {
            let (shift, factor) = affine[feature(shape, i)];
            *x = (*x - shift) * factor;
        }
    }
}

/// The least and the greatest value of every number of a sample.
fn observed(samples: &Samples) -> Vec<(f32, f32)> {
    let mut ends = vec![(f32::INFINITY, f32::NEG_INFINITY); samples.shape.size()];
    for sample in samples.inputs.chunks_exact(ends.len()) {
        for (end, &x) in ends.iter_mut().zip(sample) {
            *end = (end.0.min(x), end.1.max(x));
        }
    }
    ends
}

impl Samples {
    /// These samples, in this order.
    #[must_use]
    pub fn pick(&self, which: &[usize]) -> Self {
        let rows =
            |of: &[u32], n: usize| which.iter().flat_map(|&i| of[i * n..(i + 1) * n].to_vec()).collect();
        let labels = match &self.labels {
            Labels::Classes { of, names } => Labels::Classes { of: rows(of, 1), names: names.clone() },
            Labels::StepClasses { of, names } => {
                Labels::StepClasses { of: rows(of, self.shape.rows_of().0), names: names.clone() }
            }
            Labels::Values { of, shape } => {
                let n = shape.size();
                let of = which.iter().flat_map(|&i| of[i * n..(i + 1) * n].iter().copied()).collect();
                Labels::Values { of, shape: *shape }
            }
        };
        let inputs = which.iter().flat_map(|&i| self.input(i).iter().copied()).collect();
        Self { shape: self.shape, inputs, labels }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(n: usize) -> Dataset {
        let inputs = (0..n).flat_map(|i| [i as f32, 7.0, -2.0 * i as f32]).collect();
        let of = (0..n).map(|i| u32::from(i % 4 == 0)).collect();
        let labels = Labels::Classes { of, names: vec!["a".into(), "b".into()] };
        Samples { shape: Shape::Flat(3), inputs, labels }.into()
    }

    #[test]
    fn every_sample_lands_in_one_part_and_every_class_gives_its_share() {
        let p = prepare(data(100), 0.2, Scaling::None, None, 3).unwrap();
        let mut seen: Vec<i32> = [&p.train, &p.validation]
            .iter()
            .flat_map(|s| s.inputs.chunks_exact(3).map(|x| x[0] as i32))
            .collect();
        seen.sort_unstable();
        assert_eq!(seen, (0..100).collect::<Vec<_>>());
        let Labels::Classes { of, .. } = &p.validation.labels else { panic!("classes") };
        assert_eq!((of.len(), of.iter().sum::<u32>()), (20, 5));
        for (x, &y) in p.validation.inputs.chunks_exact(3).zip(of) {
            assert_eq!(y == 1, x[0] as i32 % 4 == 0, "labels go with their samples");
        }
    }

    #[test]
    fn the_split_depends_on_the_seed_only() {
        let of = |seed, scaling| prepare(data(60), 0.3, scaling, None, seed).unwrap();
        assert_eq!(of(1, Scaling::None), of(1, Scaling::None));
        assert_ne!(of(1, Scaling::None).train, of(2, Scaling::None).train);
        assert_eq!(of(1, Scaling::None).train.labels, of(1, Scaling::Unit).train.labels);
    }

    #[test]
    fn scaling_takes_its_numbers_from_the_training_part() {
        let p = prepare(data(50), 0.4, Scaling::Standard, None, 5).unwrap();
        let column = |f: usize| p.train.inputs.iter().skip(f).step_by(3).map(|&x| f64::from(x));
        for f in [0, 2] {
            let mean = column(f).sum::<f64>() / 30.0;
            let variance = column(f).map(|x| x * x).sum::<f64>() / 30.0;
            assert!(mean.abs() < 1e-6 && (variance - 1.0).abs() < 1e-5, "{mean} {variance}");
        }
        assert!(column(1).all(|x| x == 0.0), "a constant feature is only shifted");
        let p = prepare(data(50), 0.4, Scaling::Unit, Some(20), 5).unwrap();
        assert_eq!(p.train.len(), 20);
        assert_eq!((p.range[0], p.range[2]), ((0.0, 1.0), (0.0, 1.0)));
    }

    #[test]
    fn a_single_sample_cannot_be_split() {
        assert!(prepare(data(1), 0.5, Scaling::None, None, 1).is_err());
    }
}
