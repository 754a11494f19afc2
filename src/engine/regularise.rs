//! Regularisation beside the loss: noise on the gradient, averaged weights, an early end. Settings and pure functions of
//! buffers; the trainer keeps what they remember.

pub mod average;
pub mod noise;
pub mod stopping;

pub use average::WeightAverage;
pub use noise::GradientNoise;
pub use stopping::EarlyStopping;
