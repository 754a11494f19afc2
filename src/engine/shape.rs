//! The shape of one sample between two layers. The batch is not part of it.

/// The shape of one sample; its numbers are stored row-major in the order of the fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A vector of features.
    Flat(usize),
    /// Channels x height x width.
    Image {
        /// Channels.
        channels: usize,
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
    },
    /// Time steps x features.
    Sequence {
        /// Time steps.
        steps: usize,
        /// Features of one time step.
        features: usize,
    },
}

impl Shape {
    /// Numbers in one sample.
    pub fn size(self) -> usize {
        match self {
            Self::Flat(n) => n,
            Self::Image { channels, height, width } => channels * height * width,
            Self::Sequence { steps, features } => steps * features,
        }
    }

    /// The number of vectors and their length, as seen by a layer that works on vectors: each time step of a sequence
    /// is a vector.
    ///
    /// An image counts as one vector.
    pub fn rows_of(self) -> (usize, usize) {
        match self {
            Self::Sequence { steps, features } => (steps, features),
            other => (1, other.size()),
        }
    }

    /// The same shape with another number of features; an image becomes a vector.
    #[must_use]
    pub fn with_features(self, features: usize) -> Self {
        match self {
            Self::Sequence { steps, .. } => Self::Sequence { steps, features },
            _ => Self::Flat(features),
        }
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Flat(n) => write!(f, "{n}"),
            Self::Image { channels, height, width } => write!(f, "{channels}x{height}x{width}"),
            Self::Sequence { steps, features } => write!(f, "{steps} steps x {features}"),
        }
    }
}
