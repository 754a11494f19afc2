//! The report on a divergence: its step, the first tensor that was not finite, and the numbers that led to it.

use serde::Serialize;

/// The part of a step in which a tensor is computed, in the order of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StepStage {
    /// The optimizer's update of the step before.
    Update,
    /// The computation from the input to the output.
    Forward,
    /// The loss of the output.
    Loss,
    /// The gradients, from the loss back to the parameters.
    Backward,
}

impl StepStage {
    /// All stages, in the order of a step.
    pub const ALL: [Self; 4] = [Self::Update, Self::Forward, Self::Loss, Self::Backward];
}

/// The first tensor of a step that is not finite, in the order in which a step computes its tensors.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DivergenceOrigin {
    /// The part of the step that produced it.
    pub stage: StepStage,
    /// Its name within its layer: `output`, `weight`, `gradient of weight`.
    pub tensor: String,
    /// Whether the first number in it that is not finite is a NaN; otherwise it is an infinity.
    pub nan: bool,
    /// Count of its numbers that are not finite.
    pub bad: u64,
    /// Count of all its numbers.
    pub size: u64,
    /// The largest magnitude among the finite numbers from which it was computed; 0 if there are none.
    pub reach: f32,
    /// Count of later tensors that are not finite either, because they depend on this one.
    pub carriers: u64,
}

/// The report on a lane that diverged.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Divergence {
    /// The step whose loss or gradient was not finite, or exceeded the limit.
    pub step: u64,
    /// The layer of the first tensor that was not finite (label with its number), or the layer with the largest
    /// gradient.
    pub layer: String,
    /// Norm of the last finite gradient.
    pub last_grad_norm: f32,
    /// The reason as text.
    pub what: String,
    /// The tensor in which the divergence began; `None` if all numbers were finite, or if
    /// another program's log does not say.
    pub origin: Option<DivergenceOrigin>,
}
