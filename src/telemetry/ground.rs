//! The input of a diagnosis: whole measured steps, and a summary of the data against which a lane's numbers are judged.

use super::LayerMeasure;
use crate::number::{LayerNumber, Number, NumberValues};
use crate::scenario::Scaling;

/// A measured step, or an evaluation.
#[derive(Clone, Debug, PartialEq)]
pub struct MeasuredStep {
    /// Steps done.
    pub step: u64,
    /// The values of the whole lane.
    pub values: NumberValues,
    /// The values of its layers; empty for an evaluation.
    pub layers: Vec<LayerMeasure>,
}

impl MeasuredStep {
    /// A value of the lane.
    pub fn get(&self, number: Number) -> Option<f64> {
        self.values.get(number)
    }

    /// A value of a layer by its index.
    pub fn of_layer(&self, layer: usize, number: LayerNumber) -> Option<f64> {
        self.layers.iter().find(|l| l.layer == layer)?.get(number).map(f64::from)
    }
}

/// The result of a lane at one moment: loss, and accuracy if there are classes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LaneScore {
    /// Mean loss.
    pub loss: f64,
    /// Share of right answers.
    pub accuracy: Option<f64>,
}

/// A summary of the data.
#[derive(Clone, Debug, PartialEq)]
pub struct DataFacts {
    /// How inputs were scaled.
    pub scaling: Scaling,
    /// How the targets of a regression were scaled.
    pub target_scaling: Scaling,
    /// The largest |x| of the inspected inputs, after scaling.
    pub largest: f64,
    /// The least and the largest standard deviation of a feature that varies.
    pub spread: (f64, f64),
    /// The root mean square of the targets, for regressions.
    pub targets: Option<f64>,
    /// The score of the best constant answer.
    pub chance: LaneScore,
    /// Share of the most frequent class.
    pub majority: Option<f64>,
    /// Training samples.
    pub samples: usize,
}
