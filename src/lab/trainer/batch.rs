//! Gathering samples into a batch, and counting hits. Knows no network.

use crate::engine::data::{Labels, Samples};
use crate::engine::loss::Targets;

/// The targets of one batch, in memory made once.
#[derive(Clone, Debug)]
pub enum Batch {
    /// Classes, one a row of outputs.
    Classes(Vec<u32>),
    /// Numbers, one an output.
    Values(Vec<f32>),
}

impl Batch {
    /// Room for the targets of so many samples.
    pub fn new(samples: &Samples, rows: usize) -> Self {
        match &samples.labels {
            Labels::Classes { .. } => Self::Classes(Vec::with_capacity(rows)),
            Labels::StepClasses { .. } => Self::Classes(Vec::with_capacity(rows * samples.shape.rows_of().0)),
            Labels::Values { shape, .. } => Self::Values(Vec::with_capacity(rows * shape.size())),
        }
    }

    /// Copies the samples of these indices into `inputs`, their labels into the batch.
    pub fn fill(
        &mut self,
        samples: &Samples,
        indices: impl Iterator<Item = usize> + Clone,
        inputs: &mut [f32],
    ) {
        for (row, i) in inputs.chunks_exact_mut(samples.shape.size()).zip(indices.clone()) {
            row.copy_from_slice(samples.input(i));
        }
        match (self, &samples.labels) {
            (Self::Classes(out), Labels::Classes { of, .. }) => {
                out.clear();
                out.extend(indices.map(|i| of[i]));
            }
            (Self::Classes(out), Labels::StepClasses { of, .. }) => {
                let n = samples.shape.rows_of().0;
                out.clear();
                indices.for_each(|i| out.extend_from_slice(&of[i * n..(i + 1) * n]));
            }
            (Self::Values(out), Labels::Values { of, shape }) => {
                let n = shape.size();
                out.clear();
                indices.for_each(|i| out.extend_from_slice(&of[i * n..(i + 1) * n]));
            }
            (batch, labels) => unreachable!("{batch:?} was not made for {labels:?}"),
        }
    }

    /// The classes, to be changed; none where the targets are numbers.
    pub fn classes_mut(&mut self) -> &mut [u32] {
        match self {
            Self::Classes(of) => of,
            Self::Values(_) => &mut [],
        }
    }

    /// The targets as a loss wants them.
    pub fn targets(&self) -> Targets<'_> {
        match self {
            Self::Classes(of) => Targets::Classes(of),
            Self::Values(of) => Targets::Values(of),
        }
    }
}

/// Rows whose largest output is that of their class; the first of equals counts, a NaN never.
pub fn hits(output: &[f32], width: usize, classes: &[u32]) -> usize {
    output
        .chunks_exact(width)
        .zip(classes)
        .filter(|(row, class)| argmax(row) == Some(**class as usize))
        .count()
}

/// Index of the largest number, the first of equals; `None` if there is a NaN.
pub fn argmax(row: &[f32]) -> Option<usize> {
    let mut best = 0;
    for (i, &x) in row.iter().enumerate() {
        if x.is_nan() {
            return None;
        }
        if x > row[best] {
            best = i;
        }
    }
    (!row.is_empty()).then_some(best)
}
