//! Data sets in memory: the table of sources, and what one row has to know.
//!
//! A source turns bytes (from the binary or from files that somebody else opened) and a seed into samples. It opens
//! nothing itself.

use crate::engine::loss::Targets;
use crate::engine::shape::Shape;
use crate::registry::registry;

pub mod toy;

/// What the samples should be answered with.
#[derive(Clone, Debug, PartialEq)]
pub enum Labels {
    /// One class a sample.
    Classes {
        /// The class of every sample.
        of: Vec<u32>,
        /// What the classes are called.
        names: Vec<String>,
    },
    /// One class a time step of every sample.
    StepClasses {
        /// Classes, samples x steps.
        of: Vec<u32>,
        /// What the classes are called.
        names: Vec<String>,
    },
    /// So many numbers a sample (for a sequence target: steps x numbers).
    Values {
        /// The numbers.
        of: Vec<f32>,
        /// What one sample's numbers look like.
        shape: Shape,
    },
}

/// Samples and their labels, row-major, one sample after another.
#[derive(Clone, Debug, PartialEq)]
pub struct Samples {
    /// Shape of one sample.
    pub shape: Shape,
    /// The inputs.
    pub inputs: Vec<f32>,
    /// The labels.
    pub labels: Labels,
}

impl Samples {
    /// How many.
    pub fn len(&self) -> usize {
        self.inputs.len() / self.shape.size().max(1)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Outputs that a network needs for these labels.
    pub fn outputs(&self) -> Shape {
        match &self.labels {
            Labels::Classes { names, .. } => Shape::Flat(names.len()),
            Labels::StepClasses { names, .. } => self.shape.with_features(names.len()),
            Labels::Values { shape, .. } => *shape,
        }
    }

    /// The input of one sample.
    pub fn input(&self, i: usize) -> &[f32] {
        let n = self.shape.size();
        &self.inputs[i * n..(i + 1) * n]
    }

    /// The labels of a range of samples as a loss wants them.
    pub fn targets(&self, range: std::ops::Range<usize>) -> Targets<'_> {
        let each = |n: usize| range.start * n..range.end * n;
        match &self.labels {
            Labels::Classes { of, .. } => Targets::Classes(&of[range]),
            Labels::StepClasses { of, .. } => Targets::Classes(&of[each(self.shape.rows_of().0)]),
            Labels::Values { of, shape } => Targets::Values(&of[each(shape.size())]),
        }
    }
}

/// A data set as its source gives it.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// All samples, or the training samples where the source has a split of its own.
    pub samples: Samples,
    /// Validation samples, where the source has a split of its own.
    pub validation: Option<Samples>,
    /// The valid range of every input number (attacks clamp to it): [0, 1] for pixels; `None`: taken from the data.
    pub range: Option<(f32, f32)>,
}

/// Settings of a data set.
pub trait Source: Send + Sync {
    /// Files that it needs, relative to the scenario, in the order in which `load` takes their bytes.
    fn files(&self) -> Vec<&str> {
        Vec::new()
    }

    /// Makes the data set.
    ///
    /// # Errors
    /// What is wrong with which file (its index) and where.
    fn load(&self, files: &[Vec<u8>], seed: u64) -> Result<Dataset, SourceError>;
}

/// Why there is no data set.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{what}")]
pub struct SourceError {
    /// Index into [`Source::files`], if a file is at fault.
    pub file: Option<usize>,
    /// Line in that file, from 1.
    pub line: Option<u64>,
    /// What is wrong, and what would be right.
    pub what: String,
}

registry! {
    /// Every data set that a scenario can name.
    pub enum DataConfig: dyn Source {
        Spiral(toy::Spiral),
    }
}
