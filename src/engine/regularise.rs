//! Regularisation beside the loss: gradient noise, weight averaging, early stopping. Settings and pure functions of
//! buffers; the trainer keeps their state.

pub mod average;
pub mod noise;
pub mod stopping;

pub use average::WeightAverage;
pub use noise::GradientNoise;
pub use stopping::EarlyStopping;
