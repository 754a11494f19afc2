//! Data sets in memory: the table of sources, and the trait of its rows.
//!
//! A source turns bytes (from the binary, or from files that its caller opens, see [`Files`]) and a seed into samples.
//! It opens nothing itself.

use crate::engine::layer::LayerConfig;
use crate::engine::loss::{LossConfig, Targets, cross_entropy::CrossEntropy};
use crate::engine::shape::Shape;
use crate::engine::team::{SingleThread, Team};
use crate::limits;
use crate::registry::registry;
use std::cmp::Ordering;
use std::io::{self, Read};

pub mod bitmap;
mod choose;
mod doubt;
pub mod embedded;
mod fill;
pub mod folder;
pub mod idx;
mod leak;
mod magic;
pub mod npy;
mod part;
pub mod picture;
pub mod reading;
mod scale;
pub mod sequence;
pub mod shapes;
pub mod split;
mod subject;
pub mod surface;
pub mod table;
pub mod toy;
pub mod unpack;

pub use choose::choose;
pub use reading::{DataWarning, Reading};
pub use scale::Scaling;
pub use split::{Prepared, Split, SplitPlan, prepare, prepare_by};

/// The labels of the samples.
#[derive(Clone, Debug, PartialEq)]
pub enum Labels {
    /// One class per sample.
    Classes {
        /// The class of every sample.
        of: Vec<u32>,
        /// The names of the classes.
        names: Vec<String>,
    },
    /// One class per time step of every sample.
    StepClasses {
        /// Classes, samples x steps.
        of: Vec<u32>,
        /// The names of the classes.
        names: Vec<String>,
    },
    /// A fixed number of values per sample (for a sequence target: steps x values).
    Values {
        /// The numbers.
        of: Vec<f32>,
        /// The shape of one sample's numbers.
        shape: Shape,
    },
}

impl Labels {
    /// A loss over these labels, with balanced class weights replaced by their values.
    #[must_use]
    pub fn weighted(&self, loss: &LossConfig) -> LossConfig {
        match (loss, self) {
            (
                LossConfig::CrossEntropy(loss),
                Self::Classes { of, names } | Self::StepClasses { of, names },
            ) => {
                let class_weights = loss.class_weights.among(of, names.len());
                CrossEntropy { class_weights, ..loss.clone() }.into()
            }
            _ => loss.clone(),
        }
    }

    /// Two or more numbered classes, named by their numbers.
    ///
    /// # Errors
    /// If a class is beyond the limit.
    pub fn numbered(of: Vec<u32>) -> Result<Self, String> {
        let classes = of.iter().max().map_or(0, |&c| c as usize + 1);
        if classes > limits::CLASSES {
            return Err(format!(
                "class {} is too high; classes go from 0 to {}",
                classes - 1,
                limits::CLASSES - 1
            ));
        }
        Ok(Self::Classes { of, names: (0..classes.max(2)).map(|c| c.to_string()).collect() })
    }
}

/// Sorts the names of classes by value if all of them are numbers, and says whether they are.
fn by_value<T>(all: &mut [T], value: impl Fn(&T) -> Option<f64>) -> bool {
    let numbers = all.iter().all(|name| value(name).is_some_and(f64::is_finite));
    if numbers {
        all.sort_by(|a, b| value(a).partial_cmp(&value(b)).unwrap_or(Ordering::Equal));
    }
    numbers
}

/// Refuses a data set with more numbers than allowed before memory is allocated.
fn budget(samples: usize, numbers: usize) -> Result<(), SourceError> {
    match samples.checked_mul(numbers) {
        Some(n) if n <= limits::DATA_NUMBERS => Ok(()),
        _ => Err(SourceError::new(format!(
            "{samples} samples of {numbers} numbers are too many; at most {} numbers in all ({} MiB)",
            limits::DATA_NUMBERS,
            limits::DATA_BYTES >> 20
        ))),
    }
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
    /// The number of samples.
    pub fn len(&self) -> usize {
        self.inputs.len() / self.shape.size().max(1)
    }

    /// Whether there are no samples.
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

    /// The labels of a range of samples in the form that a loss takes.
    pub fn targets(&self, range: std::ops::Range<usize>) -> Targets<'_> {
        let each = |n: usize| range.start * n..range.end * n;
        match &self.labels {
            Labels::Classes { of, .. } => Targets::Classes(&of[range]),
            Labels::StepClasses { of, .. } => Targets::Classes(&of[each(self.shape.rows_of().0)]),
            Labels::Values { of, shape } => Targets::Values(&of[each(shape.size())]),
        }
    }
}

/// A data set as its source returns it.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// All samples, or the training samples if the source has its own split.
    pub samples: Samples,
    /// Validation samples, if the source has its own split.
    pub validation: Option<Samples>,
    /// The valid range of every input number (attacks clamp to it): [0, 1] for pixels; `None`: determined from the
    /// data.
    pub range: Option<(f32, f32)>,
    /// The order of the samples.
    pub order: SampleOrder,
    /// The treatment of inputs that are NaN because their file has no value.
    pub missing: table::Missing,
    /// The source's report on its reading.
    pub reading: Reading,
}

/// The order of the samples of a source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SampleOrder {
    /// The order has no meaning.
    #[default]
    Any,
    /// In time: the last samples validate, and this many before them are left out, because their windows overlap with
    /// them.
    Time {
        /// Number of samples left out.
        gap: usize,
    },
}

impl From<Samples> for Dataset {
    fn from(samples: Samples) -> Self {
        Self {
            samples,
            validation: None,
            range: None,
            order: SampleOrder::Any,
            missing: table::Missing::Refuse,
            reading: Reading::default(),
        }
    }
}

/// Access to files, provided to a source: the engine opens nothing itself, and tests need no disk.
pub trait Files {
    /// The content of a file; a file of more than `limit` bytes is refused.
    ///
    /// # Errors
    /// The reason why it cannot be read, without the file's name.
    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, String>;

    /// The same as a stream, so that a large file is never held whole.
    ///
    /// # Errors
    /// As for `read`.
    fn open(&self, path: &str, limit: u64) -> Result<Box<dyn Read + '_>, String> {
        Ok(Box::new(io::Cursor::new(self.read(path, limit)?)))
    }

    /// The entries of a directory, sorted by name.
    ///
    /// # Errors
    /// The reason why it cannot be listed, without the directory's name.
    fn list(&self, path: &str) -> Result<Vec<DirectoryEntry>, String>;

    /// The threads that share the reading of a large file.
    fn team(&self) -> &dyn Team {
        &SingleThread
    }

    /// The directory to which paths are relative, if there is one.
    fn base(&self) -> Option<&std::path::Path> {
        None
    }
}

/// An entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryEntry {
    /// Its name, without the directory's.
    pub name: String,
    /// Whether it is a directory itself.
    pub directory: bool,
}

/// No files: enough for data sets that are part of the binary or generated.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _: &str, _: u64) -> Result<Vec<u8>, String> {
        Err("no files can be read here".into())
    }
    fn list(&self, _: &str) -> Result<Vec<DirectoryEntry>, String> {
        Err("no files can be read here".into())
    }
}

/// Settings of a data set.
pub trait Source: Send + Sync {
    /// Files and directories that it reads, relative to the scenario.
    fn files(&self) -> Vec<&str> {
        Vec::new()
    }

    /// Makes the data set.
    ///
    /// # Errors
    /// The fault, with the file and the place in it.
    fn load(&self, files: &dyn Files, seed: u64) -> Result<Dataset, SourceError>;

    /// The network and the loss that the source itself defines, if it is a problem rather than data.
    fn problem(&self) -> Option<(Vec<LayerConfig>, LossConfig)> {
        None
    }
}

/// The reason why there is no data set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct SourceError {
    /// The file at fault, as the scenario names it.
    pub file: Option<String>,
    /// Line in that file, from 1.
    pub line: Option<u64>,
    /// The fault and its remedy.
    pub what: String,
}

impl SourceError {
    /// A fault without a file.
    pub fn new(what: impl Into<String>) -> Self {
        Self { file: None, line: None, what: what.into() }
    }

    /// A fault in a file.
    pub fn in_file(file: &str, what: impl Into<String>) -> Self {
        Self { file: Some(file.into()), line: None, what: what.into() }
    }
}

impl std::fmt::Display for SourceError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.file, self.line) {
            (Some(file), Some(line)) => write!(f, "{file}, line {line}: {}", self.what),
            (Some(file), None) => write!(f, "{file}: {}", self.what),
            _ => f.write_str(&self.what),
        }
    }
}

registry! {
    /// Every data set that a scenario can name.
    pub enum DataConfig: dyn Source {
        Spiral(toy::Spiral),
        Surface(surface::Surface),
        Xor(toy::Xor),
        Circle(toy::Circle),
        Gauss(toy::Gauss),
        Moons(shapes::Moons),
        Circles(shapes::Circles),
        Blobs(shapes::Blobs),
        Digits(embedded::Digits),
        FashionMnist(embedded::FashionMnist),
        Iris(embedded::Iris),
        Wine(embedded::Wine),
        BreastCancer(embedded::BreastCancer),
        Adding(sequence::Adding),
        Copy(sequence::Copy),
        Parity(sequence::Parity),
        DelayedEcho(sequence::DelayedEcho),
        Csv(table::Csv),
        Series(table::Series),
        Idx(idx::Idx),
        Npy(npy::Npy),
        Folder(folder::Folder),
    }
}
