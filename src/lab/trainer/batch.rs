//! Gathers samples into a batch, and counts right answers. Knows no network.

use crate::engine::data::{Labels, Samples};
use crate::engine::loss::Targets;
use crate::engine::team::Team;
use std::ops::Range;

/// Batches with at least this many numbers are copied by two threads.
const SHARED: usize = 1 << 15;

/// The targets of one batch, in memory that is allocated once.
#[derive(Clone, Debug)]
pub enum BatchTargets {
    /// Classes, one per row of outputs.
    Classes(Vec<u32>),
    /// Values, one per output.
    Values(Vec<f32>),
    /// Shares of the classes for each row of outputs, if samples are mixed.
    Mixed {
        /// The class of each row; after mixing, the class with the greatest share.
        classes: Vec<u32>,
        /// The shares.
        shares: Vec<f32>,
        /// Number of classes.
        width: usize,
    },
}

impl BatchTargets {
    /// Memory for the targets of this many samples.
    pub fn new(samples: &Samples, rows: usize) -> Self {
        match &samples.labels {
            Labels::Classes { .. } => Self::Classes(Vec::with_capacity(rows)),
            Labels::StepClasses { .. } => Self::Classes(Vec::with_capacity(rows * samples.shape.rows_of().0)),
            Labels::Values { shape, .. } => Self::Values(Vec::with_capacity(rows * shape.size())),
        }
    }

    /// Memory for the mixed targets of this many samples.
    pub fn mixed(samples: &Samples, rows: usize) -> Self {
        match Self::new(samples, rows) {
            Self::Classes(classes) => {
                let outputs = samples.outputs();
                Self::Mixed { shares: vec![0.0; rows * outputs.size()], classes, width: outputs.rows_of().1 }
            }
            other => other,
        }
    }

    /// Targets that can be mixed, sample by sample; empty unless the batch was made for mixing.
    pub fn mixable(&mut self) -> &mut [f32] {
        match self {
            Self::Classes(_) => &mut [],
            Self::Values(of) => of,
            Self::Mixed { shares, .. } => shares,
        }
    }

    /// Updates the classes after mixing: the class of a row is the one with its greatest share.
    pub fn settle(&mut self) {
        if let Self::Mixed { classes, shares, width } = self {
            for (class, shares) in classes.iter_mut().zip(shares.chunks_exact(*width)) {
                *class = argmax(shares).map_or(*class, |c| c as u32);
            }
        }
    }

    /// Copies the samples of these indices into `inputs`, with large copies shared by the team, and their labels into
    /// the batch.
    pub fn fill(
        &mut self,
        samples: &Samples,
        indices: impl Iterator<Item = usize> + Clone + Sync,
        inputs: &mut [f32],
        team: &dyn Team,
    ) {
        let size = samples.shape.size();
        let copy = |from: usize, inputs: &mut [f32]| {
            for (row, i) in inputs.chunks_exact_mut(size).zip(indices.clone().skip(from)) {
                row.copy_from_slice(samples.input(i));
            }
        };
        if inputs.len() < SHARED {
            copy(0, inputs);
        } else {
            let middle = (inputs.len() / size).div_ceil(2);
            let (upper, lower) = inputs.split_at_mut(middle * size);
            team.join(&mut || copy(0, upper), &mut || copy(middle, lower));
        }
        match (&mut *self, &samples.labels) {
            (Self::Classes(out) | Self::Mixed { classes: out, .. }, Labels::Classes { of, .. }) => {
                out.clear();
                out.extend(indices.map(|i| of[i]));
            }
            (Self::Classes(out) | Self::Mixed { classes: out, .. }, Labels::StepClasses { of, .. }) => {
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
        if let Self::Mixed { classes, shares, width } = self {
            shares.fill(0.0);
            for (class, shares) in classes.iter().zip(shares.chunks_exact_mut(*width)) {
                shares[*class as usize] = 1.0;
            }
        }
    }

    /// The classes, mutable; empty for regressions.
    pub fn classes_mut(&mut self) -> &mut [u32] {
        match self {
            Self::Classes(of) | Self::Mixed { classes: of, .. } => of,
            Self::Values(_) => &mut [],
        }
    }

    /// The targets in the form that a loss takes.
    pub fn targets(&self) -> Targets<'_> {
        match self {
            Self::Classes(of) => Targets::Classes(of),
            Self::Values(of) => Targets::Values(of),
            Self::Mixed { shares, .. } => Targets::Values(shares),
        }
    }

    /// The targets of a range of samples, out of `of` samples, in the form that a loss takes.
    pub fn part(&self, samples: Range<usize>, of: usize) -> Targets<'_> {
        let cut = |len: usize| samples.start * (len / of)..samples.end * (len / of);
        match self.targets() {
            Targets::Classes(all) => Targets::Classes(&all[cut(all.len())]),
            Targets::Values(all) => Targets::Values(&all[cut(all.len())]),
        }
    }

    /// The class of every row of outputs, if there are classes.
    pub fn classes(&self) -> Option<&[u32]> {
        match self {
            Self::Classes(of) | Self::Mixed { classes: of, .. } => Some(of),
            Self::Values(_) => None,
        }
    }
}

/// Number of rows whose largest output is that of their class; on ties the first output counts, a NaN never.
pub fn hits(output: &[f32], width: usize, classes: &[u32]) -> usize {
    output
        .chunks_exact(width)
        .zip(classes)
        .filter(|(row, class)| argmax(row) == Some(**class as usize))
        .count()
}

/// Index of the largest number, the first on ties; `None` if there is a NaN.
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
