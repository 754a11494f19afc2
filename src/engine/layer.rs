//! Layers: their trait and the table of all of them. A layer knows its shapes and its formula, but no batch, no
//! neighbours and no state.

use crate::engine::team::Team;
use crate::engine::{rng, shape::Shape};
use crate::registry::registry;

pub mod activation;
pub mod conv;
pub mod dense;
pub mod dropout;
pub mod embedding;
pub mod fused;
pub mod norm;
pub mod pool;
pub mod recurrent;
pub mod structure;
pub mod surface;
mod window;

/// A parameter tensor that a layer needs.
#[derive(Clone, Debug, PartialEq)]
pub struct SlotSpec {
    /// PyTorch's name: `weight`, `bias`, `weight_hh` ...
    pub name: &'static str,
    /// Row-major shape; matrices are [out, in], kernels [out, in, height, width].
    pub shape: Vec<usize>,
    /// How it is filled before training.
    pub fill: Fill,
}

/// How a parameter is filled before training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fill {
    /// By the experiment's initialiser, scaled by these fans.
    Init {
        /// The number of inputs of one unit.
        fan_in: usize,
        /// The number of outputs of one input.
        fan_out: usize,
    },
    /// With one constant: biases 0, gains 1.
    Constant(f32),
    /// With two numbers: the coordinates of a point.
    Pair(f32, f32),
}

/// The settings of one pass, shared by all layers.
#[derive(Clone, Copy, Debug)]
pub struct Pass {
    /// Samples in this pass.
    pub rows: usize,
    /// Training (batch statistics, dropout) or evaluation.
    pub training: bool,
    /// Seed of the experiment, for dropout.
    pub seed: u64,
    /// The step, for dropout.
    pub step: u64,
    /// Index of the first sample within the whole batch, for dropout on a part of it.
    pub first_row: usize,
}

impl Pass {
    /// An evaluation pass over `rows` samples.
    pub fn eval(rows: usize) -> Self {
        Self { rows, training: false, seed: 0, step: 0, first_row: 0 }
    }

    /// The passes over the first `at` rows and over the others.
    pub fn split(self, at: usize) -> (Self, Self) {
        let at = at.min(self.rows);
        (Self { rows: at, ..self }, Self { rows: self.rows - at, first_row: self.first_row + at, ..self })
    }

    /// A training pass over a whole batch.
    pub fn train(rows: usize, seed: u64, step: u64) -> Self {
        Self { rows, training: true, seed, step, first_row: 0 }
    }
}

/// The arguments of forward. `x` and `y` hold `pass.rows` samples, one after another.
#[derive(Debug)]
pub struct Forward<'a> {
    /// Rows, mode and random key.
    pub pass: Pass,
    /// Index of the layer in its network, for its random key.
    pub layer: usize,
    /// The layer's parameters, its slots one after another.
    pub params: &'a [f32],
    /// The layer's running statistics.
    pub state: &'a [f32],
    /// Input.
    pub x: &'a [f32],
    /// Output, to be overwritten.
    pub y: &'a mut [f32],
    /// Values that backward will read.
    pub cache: &'a mut [f32],
    /// The totals of [`Layer::gather`] over the whole batch, of which this pass may be a part.
    pub totals: &'a [f64],
    /// Asked by long passes, between two samples, whether the work is cancelled.
    pub team: &'a dyn Team,
}

/// The arguments of backward: those of forward and the gradient of the loss with respect to the output.
#[derive(Debug)]
pub struct Backward<'a> {
    /// Rows and mode, as in forward.
    pub pass: Pass,
    /// Index of the layer in its network.
    pub layer: usize,
    /// The layer's parameters.
    pub params: &'a [f32],
    /// The layer's running statistics.
    pub state: &'a [f32],
    /// Input of forward.
    pub x: &'a [f32],
    /// Output of forward.
    pub y: &'a [f32],
    /// The values that forward stored.
    pub cache: &'a mut [f32],
    /// dL/dy.
    pub grad_output: &'a [f32],
    /// dL/dx, to be overwritten; `None` if it is not needed.
    pub grad_input: Option<&'a mut [f32]>,
    /// dL/d(parameters), to be overwritten; `None` if it is not needed (attacks need only the input's gradient).
    pub grad_params: Option<&'a mut [f32]>,
    /// The totals of [`Layer::gather_back`] over these rows, and over the whole batch.
    pub totals: (&'a [f64], &'a [f64]),
    /// Asked by long passes, between two samples, whether the work is cancelled.
    pub team: &'a dyn Team,
}

/// Shares of units that pass no gradient, in [0, 1].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Health {
    /// Share of (unit, sample) pairs in the flat part of the activation.
    pub saturated: f32,
    /// Share of units that are flat for every sample of the batch.
    pub silent: f32,
}

/// The role of a layer in a fused pass: see [`fused`].
#[derive(Clone, Debug)]
pub enum LayerKind {
    /// Batch normalisation.
    Normalise(norm::batch::Normalise),
    /// max(x, 0).
    Rectifier,
    /// The maximum of tiles of 2 x 2.
    Tiles,
    /// Any other layer: never fused.
    Other,
}

/// A differentiable function of a batch with parameters: forward and backward by hand.
pub trait Layer: Send + Sync + std::fmt::Debug {
    /// Shape of one output sample.
    fn output(&self) -> Shape;

    /// Its parameters.
    fn slots(&self) -> Vec<SlotSpec> {
        Vec::new()
    }

    /// Initial running statistics: numbers that change in training, but not by a gradient.
    fn state(&self) -> Vec<f32> {
        Vec::new()
    }

    /// Length of the cache between forward and backward for this many rows.
    fn cache_len(&self, _rows: usize) -> usize {
        0
    }

    /// Multiply-adds of one sample forward; large passes are shared by two threads.
    fn work(&self) -> usize {
        self.output().size()
    }

    /// Number of totals over the whole batch that this layer needs: 0 if rows are independent.
    ///
    /// In training they are computed before `forward` and again before `backward`; for the parameters' gradients the
    /// latter are computed in evaluation mode too.
    fn totals(&self) -> usize {
        0
    }

    /// Writes the contribution of these rows to the totals before forward.
    fn gather(&self, _rows: usize, _state: &[f32], _x: &[f32], _totals: &mut [f64]) {}

    /// Writes the contribution of these rows to the totals before backward; `cache` holds the values that forward
    /// stored.
    fn gather_back(&self, _x: &[f32], _y: &[f32], _cache: &[f32], _grad_output: &[f32], _totals: &mut [f64]) {
    }

    /// y = f(x; params).
    fn forward(&self, f: Forward<'_>);

    /// The gradients of the formula in forward, given dL/dy.
    fn backward(&self, b: Backward<'_>);

    /// The layer itself, if it can compute the gradient of its parameters separately from that of its input. If a batch
    /// is cut in two, `backward` then omits the former.
    fn apart(&self) -> Option<&dyn ParameterGradient> {
        None
    }

    /// Updates the running statistics after a training pass.
    fn update_state(&self, _state: &mut [f32], _cache: &[f32], _rows: usize) {}

    /// The share of units that pass no gradient, computed from the outputs; `None` for layers that cannot saturate.
    fn health(&self, _y: &[f32], _rows: usize) -> Option<Health> {
        None
    }

    /// Number of units that may become silent: channels of an image, features of a sequence; 0 for layers that cannot
    /// saturate.
    fn units(&self) -> usize {
        0
    }

    /// Marks the units that pass a gradient for at least one of these rows, judged by the outputs; `awake` has a flag
    /// for each unit.
    fn wake(&self, _y: &[f32], _awake: &mut [bool]) {}

    /// The role of the layer in a fused pass.
    fn kind(&self) -> LayerKind {
        LayerKind::Other
    }

    /// ‖dL/dh_t‖ over the batch for t = 1 .. T after backward; `None` for layers that are not recurrent.
    fn through_time(&self, _cache: &[f32], _rows: usize) -> Option<Vec<f32>> {
        None
    }
}

/// A layer whose parameters' gradient follows from x and dL/dy alone. It is computed over a whole batch at once, even
/// if the passes were cut, and each part of the parameters separately.
pub trait ParameterGradient {
    /// The position nearest to `at` at which its parameters can be cut.
    fn cut(&self, at: usize) -> usize;

    /// Writes dL/d(parameters), for the parameters from `from` on, to all of `out`, unless the work is cancelled; `x`
    /// and `grad_output` have this many samples.
    fn gradient(
        &self,
        rows: usize,
        x: &[f32],
        grad_output: &[f32],
        from: usize,
        out: &mut [f32],
        team: &dyn Team,
    );
}

/// Settings of a layer that can be built for an input.
pub trait Build {
    /// Makes the layer for inputs of this shape.
    ///
    /// # Errors
    /// The reason why the shape does not fit, and a shape that would.
    fn build(&self, input: Shape) -> Result<Box<dyn Layer>, String>;

    /// Layers inside this one, in execution order, for `Repeat` and `Residual`.
    fn inner(&self) -> Option<structure::Inner<'_>> {
        None
    }
}

registry! {
    /// Every layer that a scenario can name.
    pub enum LayerConfig: dyn Build {
        Dense(dense::Dense),
        Conv2d(conv::Conv2d),
        MaxPool2d(pool::MaxPool2d),
        AvgPool2d(pool::AvgPool2d),
        GlobalAvgPool(pool::GlobalAvgPool),
        BatchNorm(norm::batch::BatchNorm),
        LayerNorm(norm::group::LayerNorm),
        GroupNorm(norm::group::GroupNorm),
        Dropout(dropout::Dropout),
        Embedding(embedding::Embedding),
        Rnn(recurrent::rnn::Rnn),
        Lstm(recurrent::lstm::Lstm),
        Gru(recurrent::gru::Gru),
        Sigmoid(activation::Sigmoid),
        Tanh(activation::Tanh),
        Relu(activation::piecewise::Relu),
        LeakyRelu(activation::piecewise::LeakyRelu),
        Elu(activation::exponential::Elu),
        Selu(activation::exponential::Selu),
        Gelu(activation::gated::Gelu),
        Silu(activation::gated::Silu),
        Mish(activation::gated::Mish),
        Softplus(activation::exponential::Softplus),
        Softsign(activation::exponential::Softsign),
        Hardtanh(activation::piecewise::Hardtanh),
        Relu6(activation::piecewise::Relu6),
        HardSigmoid(activation::piecewise::HardSigmoid),
        HardSwish(activation::piecewise::HardSwish),
        LogSigmoid(activation::exponential::LogSigmoid),
        Softmax(activation::softmax::Softmax),
        LogSoftmax(activation::softmax::LogSoftmax),
        Identity(activation::piecewise::Identity),
        Flatten(structure::Flatten),
        Residual(structure::Residual),
        Repeat(structure::Repeat),
        Surface(surface::Surface),
    }
}

impl LayerConfig {
    /// A short description of the layer: its name, its first number, and the settings that differ from the defaults:
    /// `Dense 64`.
    pub fn label(&self) -> String {
        let mut out = self.name().to_string();
        for (i, f) in self.settings().fields().iter().enumerate() {
            if f.value.starts_with('[') {
                continue;
            }
            if i == 0 && f.value.starts_with(|c: char| c.is_ascii_digit()) {
                out = format!("{out} {}", f.value);
            } else if f.value != f.default {
                out = format!("{out} {} {}", f.name, f.value);
            }
        }
        out
    }
}

/// The random stream of one layer in one pass; draw number `row * width + column` belongs to that output.
pub fn stream(pass: Pass, purpose: rng::Purpose, layer: usize) -> rng::Stream {
    rng::Stream::new(pass.seed, purpose, pass.step, layer as u64)
}
