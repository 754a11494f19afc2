//! Predictions of a lane: over the plane, for one sample, and for all samples together. Pure functions of a snapshot.

use super::{
    DataShape, Probe, ProbeInput, ProbeMemory, ProbeParts, class, image, outputs, scalar, sequence, softmax,
};
use crate::engine::data::{Labels, Samples};
use crate::engine::shape::Shape as Sample;
use crate::lab::trainer::batch::argmax;
use crate::telemetry::Data;

/// Most samples counted by a confusion matrix.
const COUNTED: usize = 2000;
/// Most points shown on a plane.
const POINTS: usize = 500;

/// Decision boundary over 2-D data, or the prediction for one sample.
///
/// Over 2-D data its parts are `boundary`, a grid with the probability of class 1 for two classes, or the number of the
/// winning class for more (`classes`, a scalar, is their number); `points`, validation samples; and `names`, a table
/// whose rows have no numbers and are named after the classes, if there are any. Otherwise `image` (images only),
/// `probabilities` (a table: a row for each class name, one column), and the scalars `label` and `predicted` (class
/// numbers), `sample` and `samples` (its number, and the number of samples).
///
/// A sequence whose target is a sequence of values, or a class at every step, has `inputs` (a table: a row for each
/// feature, a number for each step) and the series `target` and `answer`: values, or class numbers, whose names are the
/// rows of `names` (a table without numbers).
pub(super) const PREDICTION: Probe = Probe::new(
    "prediction",
    "decision boundary over `grid`, or the answer for validation sample `sample`",
    "a forward pass for every point of the grid, or one",
    &[
        DataShape::Grid,
        DataShape::Points,
        DataShape::Image,
        DataShape::Table,
        DataShape::Series,
        DataShape::Scalar,
    ],
    |peek, view, memory| {
        Some(if planar(peek) {
            plane(peek, view.grid, memory)
        } else {
            prediction(peek, view.index(), memory)
        })
    },
);

/// Confusion matrix on the validation samples. Its part `matrix` is a table of counts: a row for each true class, a
/// column for each predicted one.
pub(super) const CONFUSION: Probe = Probe::new(
    "confusion",
    "confusion matrix on the validation samples",
    "a forward pass over at most 2000 samples",
    &[DataShape::Table],
    |peek, _, memory| confusion(peek, memory),
);

/// Whether the data have two features, so that they lie on a plane.
pub(super) fn planar(peek: &ProbeInput) -> bool {
    peek.data.train.shape == Sample::Flat(2)
}

/// The plane with the network's decision at every point, and samples on it.
pub(super) fn plane(
    peek: &ProbeInput,
    (columns, rows): (usize, usize),
    memory: &mut ProbeMemory,
) -> ProbeParts {
    let samples = &peek.data.validation;
    let extent = extent(&peek.data.train);
    let (columns, rows) = (columns.clamp(1, 400), rows.clamp(1, 400));
    let mut inputs = Vec::with_capacity(columns * rows * 2);
    for row in 0..rows {
        for column in 0..columns {
            let across = (column as f32 + 0.5) / columns as f32;
            let down = (row as f32 + 0.5) / rows as f32;
            inputs.push(extent[0] + across * (extent[1] - extent[0]));
            inputs.push(extent[3] - down * (extent[3] - extent[2]));
        }
    }
    let classes = peek.network.output().size();
    let mut values = Vec::with_capacity(columns * rows);
    outputs(peek, memory, &inputs, |_, out| {
        values.push(match out.len() {
            // For a regression, the value itself.
            1 => out[0],
            2 => softmax(out)[1],
            _ => argmax(out).map_or(f32::NAN, |c| c as f32),
        });
    });
    let points = (0..samples.len().min(POINTS)).map(|i| {
        let x = samples.input(i);
        (x[0], x[1], class(samples, i).map_or(0, |(c, _)| c))
    });
    let mut parts = vec![
        ("boundary".into(), Data::Grid { width: columns, values, extent }),
        ("points".into(), Data::Points(points.collect())),
        scalar("classes", classes as f64),
    ];
    if let Some((_, names)) = class(samples, 0) {
        let rows = names.iter().map(|name| (name.clone(), Vec::new())).collect();
        parts.push(("names".into(), Data::Table { columns: Vec::new(), rows }));
    }
    parts
}

/// Left, right, bottom and top of the samples, with a margin.
fn extent(samples: &Samples) -> [f32; 4] {
    let axis = |k: usize| {
        let values = samples.inputs.iter().skip(k).step_by(2);
        let (low, high) = values.fold((f32::INFINITY, f32::NEG_INFINITY), |(a, b), &x| (a.min(x), b.max(x)));
        let margin = 0.08 * (high - low).max(1e-6);
        (low - margin, high + margin)
    };
    let ((left, right), (bottom, top)) = (axis(0), axis(1));
    [left, right, bottom, top]
}

fn prediction(peek: &ProbeInput, sample: usize, memory: &mut ProbeMemory) -> ProbeParts {
    let samples = &peek.data.validation;
    let sample = sample % samples.len().max(1);
    let x = samples.input(sample);
    let mut parts: ProbeParts = image(peek, x, false).map(|i| ("image".into(), i)).into_iter().collect();
    if let Some((label, names)) = class(samples, sample) {
        let mut logits = Vec::new();
        outputs(peek, memory, x, |_, out| logits = out.to_vec());
        let rows = names.iter().cloned().zip(softmax(&logits).iter().map(|&p| vec![p])).collect();
        parts.push(("probabilities".into(), Data::Table { columns: vec!["probability".into()], rows }));
        parts.push(scalar("label", f64::from(label)));
        parts.push(scalar("predicted", argmax(&logits).map_or(f64::NAN, |c| c as f64)));
    }
    parts.extend(sequence::sequence(peek, sample, memory).into_iter().flatten());
    if let (Labels::Values { of, shape }, false) = (&samples.labels, parts.iter().any(|p| p.0 == "answer")) {
        let (each, mut answer) = (shape.size(), Vec::new());
        outputs(peek, memory, x, |_, out| answer = peek.data.all_in_unit(out));
        let target = peek.data.all_in_unit(&of[sample * each..][..each]);
        parts.extend([("target".into(), Data::Series(target)), ("answer".into(), Data::Series(answer))]);
    }
    parts.push(scalar("sample", sample as f64));
    parts.push(scalar("samples", samples.len() as f64));
    parts
}

fn confusion(peek: &ProbeInput, memory: &mut ProbeMemory) -> Option<ProbeParts> {
    let samples = &peek.data.validation;
    let (_, names) = class(samples, 0)?;
    let n = names.len();
    let counted = samples.len().min(COUNTED);
    let mut counts = vec![vec![0.0; n]; n];
    outputs(peek, memory, &samples.inputs[..counted * samples.shape.size()], |row, out| {
        if let (Some(predicted), Some((label, _))) = (argmax(out), class(samples, row))
            && let Some(count) = counts[label as usize].get_mut(predicted)
        {
            *count += 1.0;
        }
    });
    let rows = names.iter().cloned().zip(counts).collect();
    Some(vec![("matrix".into(), Data::Table { columns: names.to_vec(), rows })])
}
