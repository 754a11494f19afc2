//! Fills in missing values, which arrive as NaN, with values from the training samples.

use super::reading::{InputKind, InputReport, Reading};
use super::scale::feature;
use super::table::Missing;
use super::{Samples, SourceError};
use crate::engine::shape::Shape;

/// Numbers of a sample that are filled in together.
struct Group<'a> {
    name: &'a str,
    places: Vec<usize>,
    kind: &'a InputKind,
}

/// Fills every NaN among the inputs of both parts.
///
/// # Errors
/// If no training sample has a value to fill in.
pub(super) fn fill(
    train: &mut Samples,
    validation: &mut Samples,
    how: Missing,
    reading: &Reading,
) -> Result<(), SourceError> {
    if !train.inputs.iter().chain(&validation.inputs).any(|x| x.is_nan()) {
        return Ok(());
    }
    let size = train.shape.size();
    for group in groups(train.shape, &reading.inputs) {
        let holes = |samples: &Samples| {
            let mut rows = samples.inputs.chunks_exact(size);
            rows.any(|row| group.places.iter().any(|&p| row[p].is_nan()))
        };
        if !holes(train) && !holes(validation) {
            continue;
        }
        let Some(values) = values(train, &group, how) else {
            let what = format!("no training row has a value of {}; drop it", group.name);
            return Err(SourceError::new(what));
        };
        for samples in [&mut *train, &mut *validation] {
            for row in samples.inputs.chunks_exact_mut(size) {
                for (&place, &value) in group.places.iter().zip(&values) {
                    if row[place].is_nan() {
                        row[place] = value;
                    }
                }
            }
        }
    }
    Ok(())
}

/// The named inputs, or the features of the shape.
fn groups(shape: Shape, inputs: &[InputReport]) -> Vec<Group<'_>> {
    let width: usize = inputs.iter().map(InputReport::width).sum();
    if width == shape.size() && !inputs.is_empty() {
        let mut at = 0;
        let one = |input: &'_ InputReport| {
            at += input.width();
            (at - input.width()..at).collect()
        };
        let places: Vec<Vec<usize>> = inputs.iter().map(one).collect();
        let named = inputs.iter().zip(places);
        return named.map(|(i, places)| Group { name: &i.name, places, kind: &i.kind }).collect();
    }
    let features = (0..shape.size()).map(|i| feature(shape, i)).max().map_or(0, |f| f + 1);
    let of = |f: usize| (0..shape.size()).filter(|&i| feature(shape, i) == f).collect();
    (0..features).map(|f| Group { name: "an input", places: of(f), kind: &InputKind::Number }).collect()
}

/// The values that fill the gaps of a group.
fn values(train: &Samples, group: &Group<'_>, how: Missing) -> Option<Vec<f32>> {
    let rows = train.inputs.chunks_exact(train.shape.size());
    if let InputKind::OneHot(texts) = group.kind {
        let mut counts = vec![0f64; texts.len()];
        for row in rows.filter(|row| !row[group.places[0]].is_nan()) {
            for (count, &place) in counts.iter_mut().zip(&group.places) {
                *count += f64::from(row[place]);
            }
        }
        let most = counts.iter().copied().fold(0.0, f64::max);
        let chosen = counts.iter().position(|&n| n == most && n > 0.0)?;
        return Some((0..texts.len()).map(|i| f32::from(u8::from(i == chosen))).collect());
    }
    let mut known: Vec<f32> =
        rows.flat_map(|row| group.places.iter().map(|&p| row[p])).filter(|x| !x.is_nan()).collect();
    if known.is_empty() {
        return None;
    }
    let value = match how {
        Missing::Mean if *group.kind == InputKind::Number => {
            super::reading::moments(known.iter().copied()).0 as f32
        }
        Missing::Median if *group.kind == InputKind::Number => {
            known.sort_unstable_by(f32::total_cmp);
            let half = known.len() / 2;
            if known.len() % 2 == 1 { known[half] } else { f32::midpoint(known[half - 1], known[half]) }
        }
        _ => most_frequent(&mut known),
    };
    Some(vec![value; group.places.len()])
}

/// The most frequent of some numbers; on ties, the smallest.
fn most_frequent(values: &mut [f32]) -> f32 {
    values.sort_unstable_by(f32::total_cmp);
    let runs = values.chunk_by(|a, b| a == b);
    runs.fold((0, f32::NAN), |best, run| if run.len() > best.0 { (run.len(), run[0]) } else { best }).1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::data::Labels;

    fn samples(inputs: &[f32]) -> Samples {
        let n = inputs.len() / 3;
        let labels = Labels::Values { of: vec![0.0; n], shape: Shape::Flat(1) };
        Samples { shape: Shape::Flat(3), inputs: inputs.to_vec(), labels }
    }

    #[test]
    fn values_come_from_the_training_samples_only() {
        let no = f32::NAN;
        let reading = Reading {
            inputs: vec![
                InputReport { name: "size".into(), kind: InputKind::Number },
                InputReport {
                    name: "colour".into(),
                    kind: InputKind::OneHot(vec!["red".into(), "blue".into()]),
                },
            ],
            ..Reading::default()
        };
        for (how, size) in [(Missing::Mean, 4.0), (Missing::Median, 2.0), (Missing::MostFrequent, 1.0)] {
            let mut train =
                samples(&[1.0, 0.0, 1.0, 1.0, no, no, 3.0, 0.0, 1.0, 11.0, 1.0, 0.0, no, 0.0, 1.0]);
            let mut validation = samples(&[no, no, no, 500.0, 1.0, 0.0]);
            fill(&mut train, &mut validation, how, &reading).unwrap();
            assert_eq!(validation.inputs[..3], [size, 0.0, 1.0], "{how:?}");
            assert_eq!((train.inputs[12], &train.inputs[4..6]), (size, &[0.0, 1.0][..]), "{how:?}");
        }
        let mut train = samples(&[no, 0.0, 1.0]);
        let error = fill(&mut train.clone(), &mut train, Missing::Mean, &reading).unwrap_err();
        assert!(error.what.contains("size"));
    }
}
