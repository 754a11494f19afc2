//! Turns a data set into training and validation samples: split, limit, missing values, scaling. Knows no file and no
//! network.

use super::fill::fill;
use super::leak::leak;
use super::reading::DataWarning;
use super::scale::{Scaling, affine, apply, feature, observed, scale_targets};
use super::{Dataset, Labels, Reading, SampleOrder, Samples, SourceError, doubt};
use crate::engine::init::from::Weights;
use crate::engine::loss::LossConfig;
use crate::engine::rng::{Purpose, Stream};
use crate::engine::team::{SingleThread, Team};
use crate::registry::plain_values;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// With fewer samples than this, all are used for training, unless the user sets a share to validate on.
const FEW: usize = 10;
/// The default share to validate on.
const SHARE: f64 = 0.2;

/// How validation samples are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Split {
    /// At random, with the same share of every class.
    #[default]
    Stratified,
    /// At random from all samples.
    Random,
    /// The last ones in the file.
    Time,
}
plain_values!(Split);

/// How a data set is prepared.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SplitPlan {
    /// Share of the samples to validate on; 0: validate on the training samples; `None`: the default share.
    pub share: Option<f64>,
    /// How samples are divided into training and validation.
    pub split: Split,
    /// How inputs are scaled.
    pub scaling: Scaling,
    /// How targets are scaled.
    pub target_scaling: Scaling,
    /// Most training samples that are kept.
    pub limit: Option<usize>,
    /// The seed of the split.
    pub seed: u64,
    /// Whether a loss weighs the classes.
    pub weighted: bool,
    /// Number of seeds over which lanes are trained; 0 counts as 1.
    pub seeds: usize,
}

/// Samples ready for training.
#[derive(Clone, Debug, PartialEq)]
pub struct Prepared {
    /// The samples on which lanes are trained.
    pub train: Samples,
    /// The samples on which lanes are evaluated.
    pub validation: Samples,
    /// The valid range of every number of an input sample, after scaling; attacks clamp to it.
    pub range: Vec<(f32, f32)>,
    /// Shift and factor with which each feature of an input was scaled: x ← (x - shift) · factor. Empty if inputs were
    /// not scaled.
    pub inputs: Vec<(f32, f32)>,
    /// Shift and factor with which each target was scaled: y ← (y - shift) · factor. Empty if targets were not scaled.
    pub targets: Vec<(f32, f32)>,
    /// How inputs, and targets, were scaled.
    pub scaling: (Scaling, Scaling),
    /// The loss by which all lanes are compared in validation, whatever loss they train with; `None`: each by its own.
    pub judge: Option<LossConfig>,
    /// The report of the reading.
    pub reading: Reading,
    /// The files of weights that the scenario names, loaded.
    pub weights: Arc<[Weights]>,
}

impl Prepared {
    /// Converts the i-th output or target of a sample to the unit of the data.
    pub fn in_unit(&self, i: usize, y: f32) -> f32 {
        match self.targets.len() {
            0 => y,
            n => {
                let (shift, factor) = self.targets[i % n];
                y / factor + shift
            }
        }
    }

    /// Converts all outputs or targets of a sample to the unit of the data.
    pub fn all_in_unit(&self, values: &[f32]) -> Vec<f32> {
        values.iter().enumerate().map(|(i, &y)| self.in_unit(i, y)).collect()
    }

    /// Converts an error of the i-th output to the unit of the data.
    pub fn error_in_unit(&self, i: usize, error: f32) -> f32 {
        if self.targets.is_empty() { error } else { error / self.targets[i % self.targets.len()].1 }
    }
}

/// Splits, limits, fills and scales a data set.
///
/// The split is drawn from the seed alone, or made by time. A source's own split is kept. Fill values and scaling
/// statistics come from the training samples.
///
/// # Errors
/// If one of the two parts would be empty, or a setting does not fit the data. The message begins with the setting's
/// name.
pub fn prepare(data: Dataset, plan: &SplitPlan) -> Result<Prepared, SourceError> {
    prepare_by(data, plan, &SingleThread)
}

/// The same, by a team.
///
/// # Errors
/// As for [`prepare`].
pub fn prepare_by(data: Dataset, plan: &SplitPlan, team: &dyn Team) -> Result<Prepared, SourceError> {
    let Dataset { samples: mut train, validation, range, order: time, missing, mut reading } = data;
    let all = train.len();
    let gap = match time {
        SampleOrder::Time { gap } => Some(gap),
        SampleOrder::Any => (plan.split == Split::Time).then_some(0),
    };
    if let Some(own) = validation.as_ref().filter(|_| reading.summary.is_empty()) {
        reading.doubts.extend(unused(plan));
        reading.doubts.extend(leak(&train, own));
    }
    if gap.is_none() {
        train.shuffle(&mut Stream::new(plan.seed, Purpose::Split, 0, 0), team);
    }
    let few = all < FEW && plan.share.is_none() && validation.is_none() && reading.summary.is_empty();
    let share = plan.share.unwrap_or(if few { 0.0 } else { SHARE });
    let (held, how) = match (validation, gap) {
        (Some(own), _) => (Some(own), ", a set of their own"),
        _ if share == 0.0 => (None, ", the same ones"),
        (None, Some(gap)) => {
            let held = train.take(&last(all, share));
            train.truncate(train.len().saturating_sub(gap).max(train.len().min(1)));
            (Some(held), ", the last in time")
        }
        (None, None) => {
            let classes = plan.split == Split::Stratified && matches!(train.labels, Labels::Classes { .. });
            let held = train.take(&drawn(&train, share, plan.split));
            (Some(held), if classes { ", drawn from each class" } else { ", drawn" })
        }
    };
    train.truncate(plan.limit.unwrap_or(usize::MAX));
    let mut validation = held.unwrap_or_else(|| train.clone());
    if train.is_empty() || validation.is_empty() {
        let what = format!(
            "{all} samples are too few for a training and a validation part; validation: 0 trains on all and validates on them"
        );
        return Err(SourceError::new(what));
    }
    fill(&mut train, &mut validation, missing, &reading)?;
    let ends = observed(&train);
    if reading.summary.is_empty() {
        reading.describe(&train, &validation, &ends, how);
        doubt::about(&train, &validation, &ends, plan, few, &mut reading);
    }
    let targets = scale_targets(&mut train, &mut validation, plan.target_scaling)?;
    reading.describe_scaling(plan.target_scaling, &targets);
    let mut range = match range {
        Some(range) => vec![range; train.shape.size()],
        None => ends,
    };
    let mut inputs = Vec::new();
    if plan.scaling != Scaling::None {
        let affine = affine(&train, plan.scaling);
        apply(&mut train, &affine);
        apply(&mut validation, &affine);
        for (i, (low, high)) in range.iter_mut().enumerate() {
            let (shift, factor) = affine[feature(train.shape, i)];
            (*low, *high) = ((*low - shift) * factor, (*high - shift) * factor);
        }
        inputs = affine;
    }
    let scaling = (plan.scaling, plan.target_scaling);
    Ok(Prepared {
        train,
        validation,
        range,
        inputs,
        targets,
        scaling,
        judge: None,
        reading,
        weights: Arc::new([]),
    })
}

/// A warning for every setting that has no effect, because the data have a validation set.
fn unused(plan: &SplitPlan) -> Vec<DataWarning> {
    let given = [("validation", plan.share.is_some()), ("split", plan.split != Split::default())];
    let warning = |(at, _): (&'static str, bool)| DataWarning {
        at,
        what: format!("{at} has no effect, since these data bring a validation set; leave it out"),
    };
    given.into_iter().filter(|(_, given)| *given).map(warning).collect()
}

/// Marks the last samples.
fn last(samples: usize, share: f64) -> Vec<bool> {
    let held = ((samples as f64 * share).round() as usize).clamp(1, samples.max(2) - 1);
    let cut = samples - held.min(samples);
    (0..samples).map(|i| i >= cut).collect()
}

/// Marks the validation samples: the first ones, of each class its share if the split is stratified.
///
/// If all classes have only one sample, a stratified split is impossible; then classes do not count.
fn drawn(samples: &Samples, share: f64, by: Split) -> Vec<bool> {
    let (class_of, classes): (&dyn Fn(usize) -> usize, usize) = match &samples.labels {
        Labels::Classes { of, names } if by == Split::Stratified => (&|i| of[i] as usize, names.len().max(1)),
        _ => (&|_| 0, 1),
    };
    let mut counts = vec![0usize; classes];
    for i in 0..samples.len() {
        counts[class_of(i)] += 1;
    }
    // A class with one sample is used for training; a larger class gives at least one sample to each part.
    let mut wanted: Vec<usize> = counts
        .iter()
        .map(|&n| if n < 2 { 0 } else { ((n as f64 * share).round() as usize).clamp(1, n - 1) })
        .collect();
    if wanted.iter().all(|&n| n == 0) && by == Split::Stratified {
        return drawn(samples, share, Split::Random);
    }
    let mark = |i| {
        let left = &mut wanted[class_of(i)];
        let held = *left > 0;
        *left -= usize::from(held);
        held
    };
    (0..samples.len()).map(mark).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::shape::Shape;

    fn plan(share: Option<f64>, scaling: Scaling, limit: Option<usize>, seed: u64) -> SplitPlan {
        SplitPlan { share, scaling, limit, seed, ..SplitPlan::default() }
    }

    fn data(n: usize) -> Dataset {
        let inputs = (0..n).flat_map(|i| [i as f32, 7.0, -2.0 * i as f32]).collect();
        let of = (0..n).map(|i| u32::from(i % 4 == 0)).collect();
        let labels = Labels::Classes { of, names: vec!["a".into(), "b".into()] };
        Samples { shape: Shape::Flat(3), inputs, labels }.into()
    }

    #[test]
    fn every_sample_lands_in_one_part_and_every_class_gives_its_share() {
        let p = prepare(data(100), &plan(Some(0.2), Scaling::None, None, 3)).unwrap();
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
        let of = |seed, scaling| prepare(data(60), &plan(Some(0.3), scaling, None, seed)).unwrap();
        assert_eq!(of(1, Scaling::None), of(1, Scaling::None));
        assert_ne!(of(1, Scaling::None).train, of(2, Scaling::None).train);
        assert_eq!(of(1, Scaling::None).train.labels, of(1, Scaling::Unit).train.labels);
    }

    #[test]
    fn scaling_takes_its_numbers_from_the_training_part() {
        let p = prepare(data(50), &plan(Some(0.4), Scaling::Standard, None, 5)).unwrap();
        let column = |f: usize| p.train.inputs.iter().skip(f).step_by(3).map(|&x| f64::from(x));
        for f in [0, 2] {
            let mean = column(f).sum::<f64>() / 30.0;
            let variance = column(f).map(|x| x * x).sum::<f64>() / 30.0;
            assert!(mean.abs() < 1e-6 && (variance - 1.0).abs() < 1e-5, "{mean} {variance}");
        }
        assert!(column(1).all(|x| x == 0.0), "a constant feature is only shifted");
        let p = prepare(data(50), &plan(Some(0.4), Scaling::Unit, Some(20), 5)).unwrap();
        assert_eq!(p.train.len(), 20);
        assert_eq!((p.range[0], p.range[2]), ((0.0, 1.0), (0.0, 1.0)));
    }

    #[test]
    fn a_single_sample_cannot_be_split() {
        assert!(prepare(data(1), &plan(Some(0.5), Scaling::None, None, 1)).is_err());
    }

    #[test]
    fn few_samples_or_a_share_of_zero_are_validated_on_what_is_trained_on() {
        let p = prepare(data(9), &SplitPlan::default()).unwrap();
        assert_eq!((p.train.len(), &p.train), (9, &p.validation));
        assert!(p.reading.doubts.iter().any(|d| d.what.contains("validation: 0")), "{:?}", p.reading.doubts);
        let p = prepare(data(100), &plan(Some(0.0), Scaling::None, Some(10), 1)).unwrap();
        assert_eq!((p.train.len(), &p.train), (10, &p.validation));
        assert_eq!(prepare(data(10), &SplitPlan::default()).unwrap().train.len(), 8, "a share of each class");
    }

    #[test]
    fn by_time_the_last_samples_validate_and_nothing_is_shuffled() {
        let p = prepare(data(20), &SplitPlan { split: Split::Time, ..SplitPlan::default() }).unwrap();
        let times = |s: &Samples| s.inputs.chunks_exact(3).map(|x| x[0] as usize).collect::<Vec<_>>();
        assert_eq!(times(&p.train), (0..16).collect::<Vec<_>>());
        assert_eq!(times(&p.validation), (16..20).collect::<Vec<_>>());
        let gap = Dataset { order: SampleOrder::Time { gap: 2 }, ..data(20) };
        assert_eq!(times(&prepare(gap, &SplitPlan::default()).unwrap().train), (0..14).collect::<Vec<_>>());
    }

    #[test]
    fn classes_of_one_sample_each_are_split_all_the_same() {
        let mut data = data(60);
        data.samples.labels =
            Labels::Classes { of: (0..60).collect(), names: (0..60).map(|i| i.to_string()).collect() };
        let p = prepare(data, &SplitPlan::default()).unwrap();
        assert_eq!((p.train.len(), p.validation.len()), (48, 12));
    }
}
