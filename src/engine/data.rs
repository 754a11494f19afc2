//! Data sets in memory: the table of sources, and what one row has to know.
//!
//! A source turns bytes (from the binary or from files that somebody else opens, see [`Files`]) and a seed into
//! samples. It opens nothing itself.

use crate::engine::layer::LayerConfig;
use crate::engine::loss::{LossConfig, Targets};
use crate::engine::shape::Shape;
use crate::limits;
use crate::registry::registry;

pub mod bitmap;
mod choose;
mod doubt;
pub mod embedded;
mod fill;
pub mod folder;
pub mod idx;
pub mod npy;
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
pub use reading::{Doubt, Reading};
pub use scale::Scaling;
pub use split::{Plan, Prepared, Split, prepare};

/// The right answers to the samples.
#[derive(Clone, Debug, PartialEq)]
pub enum Labels {
    /// One class a sample.
    Classes {
        /// The class of every sample.
        of: Vec<u32>,
        /// The names of the classes.
        names: Vec<String>,
    },
    /// One class a time step of every sample.
    StepClasses {
        /// Classes, samples x steps.
        of: Vec<u32>,
        /// The names of the classes.
        names: Vec<String>,
    },
    /// So many numbers a sample (for a sequence target: steps x numbers).
    Values {
        /// The numbers.
        of: Vec<f32>,
        /// The shape of one sample's numbers.
        shape: Shape,
    },
}

impl Labels {
    /// Two classes or more by number, called after it.
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

/// Refuses a data set of more numbers than allowed, before memory is taken.
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
    /// In which order samples come.
    pub order: Order,
    /// The treatment of inputs that are NaN because their file has no value.
    pub missing: table::Missing,
    /// The report of the source about its reading.
    pub reading: Reading,
}

/// In which order the samples of a source come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// In none that matters.
    #[default]
    Any,
    /// In time: the last ones validate, and so many before them are left out, since they reach into them.
    Time {
        /// How many.
        gap: usize,
    },
}

impl From<Samples> for Dataset {
    fn from(samples: Samples) -> Self {
        Self {
            samples,
            validation: None,
            range: None,
            order: Order::Any,
            missing: table::Missing::Refuse,
            reading: Reading::default(),
        }
    }
}

/// Access to files, given to a source: the engine opens nothing itself, and a test needs no disk.
pub trait Files {
    /// The bytes of a file, refused beyond `limit` bytes.
    ///
    /// # Errors
    /// Why it cannot be read, without its name.
    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, String>;

    /// The entries of a directory in the order of their names.
    ///
    /// # Errors
    /// Why it cannot be listed, without its name.
    fn list(&self, path: &str) -> Result<Vec<Entry>, String>;

    /// The directory to which paths are relative, where there is one.
    fn base(&self) -> Option<&std::path::Path> {
        None
    }
}

/// An entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name, without the directory's.
    pub name: String,
    /// Whether it is a directory itself.
    pub directory: bool,
}

/// No files at all: enough for data sets that are inside the binary or generated.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _: &str, _: u64) -> Result<Vec<u8>, String> {
        Err("no files can be read here".into())
    }
    fn list(&self, _: &str) -> Result<Vec<Entry>, String> {
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
    /// The file, the place in it and the fault.
    fn load(&self, files: &dyn Files, seed: u64) -> Result<Dataset, SourceError>;

    /// The network and the loss that the source itself stands for, where it is a problem and not data.
    fn problem(&self) -> Option<(Vec<LayerConfig>, LossConfig)> {
        None
    }
}

/// Why there is no data set.
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
    /// A fault of no file.
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
