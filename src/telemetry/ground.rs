//! The numbers that a diagnosis goes by: measured steps, whole, and the data in a few numbers by which those of a lane are judged.

use super::LayerMeasure;
use crate::number::{LayerNumber, Number, Values};
use crate::scenario::Scaling;

/// A measured step, or an evaluation.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    /// Steps done.
    pub step: u64,
    /// The whole lane.
    pub values: Values,
    /// Its layers; empty for an evaluation.
    pub layers: Vec<LayerMeasure>,
}

impl Mark {
    /// A value of the lane.
    pub fn get(&self, number: Number) -> Option<f64> {
        self.values.get(number)
    }

    /// A value of a layer by its index.
    pub fn of_layer(&self, layer: usize, number: LayerNumber) -> Option<f64> {
        self.layers.iter().find(|l| l.layer == layer)?.get(number).map(f64::from)
    }
}

/// How a lane does at one moment: loss, and share of hits where there are classes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// Mean loss.
    pub loss: f64,
    /// Share of hits.
    pub accuracy: Option<f64>,
}

/// The data in a few numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct DataFacts {
    /// How inputs were scaled.
    pub scaling: Scaling,
    /// How numbers to predict were scaled.
    pub target_scaling: Scaling,
    /// The largest |x| of the inputs that were looked at, after scaling.
    pub largest: f64,
    /// The least and the largest standard deviation of a feature that varies.
    pub spread: (f64, f64),
    /// The root mean square of the numbers to predict, for regressions.
    pub targets: Option<f64>,
    /// How the best constant answer does.
    pub chance: Score,
    /// Share of the most frequent class.
    pub majority: Option<f64>,
    /// Training samples.
    pub samples: usize,
}
