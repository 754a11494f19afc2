//! A list of layers as one function: the ranges of its parameters, and the layers that run fused.
//!
//! The network itself never changes: parameters, running statistics and workspace come from the caller, so attacks and
//! previews can run on a snapshot while training goes on.

use crate::engine::init::Init;
use crate::engine::layer::fused::Fused;
use crate::engine::layer::{Fill, Layer, LayerConfig};
use crate::engine::rng::{self, Purpose, Stream};
use crate::engine::shape::Shape;
use std::ops::Range;

mod append;
mod pass;
mod share;
mod workspace;

pub use workspace::Workspace;

/// One parameter tensor inside the contiguous buffer.
#[derive(Clone, Debug, PartialEq)]
pub struct Slot {
    /// Index of its layer in the network.
    pub layer: usize,
    /// PyTorch's name within the layer.
    pub name: &'static str,
    /// Row-major shape, [out, in, ..].
    pub shape: Vec<usize>,
    /// Its range in the buffer.
    pub range: Range<usize>,
    /// How it is filled before training.
    pub fill: Fill,
}

impl Slot {
    /// Its name in PyTorch, in a list of all layers: `0.weight`, `3.weight_ih_l0`.
    pub fn pytorch(&self) -> String {
        let end = if self.name.ends_with("_ih") || self.name.ends_with("_hh") { "_l0" } else { "" };
        format!("{}.{}{end}", self.layer, self.name)
    }
}

/// A layer and its position in the network.
#[derive(Debug)]
pub struct NetworkNode {
    /// The layer.
    pub layer: Box<dyn Layer>,
    /// A short description: `Dense 64`; `+` is the sum at the end of a residual block.
    pub label: String,
    /// Shape of its input.
    pub input: Shape,
    /// The range of its parameters.
    pub params: Range<usize>,
    /// The range of its running statistics.
    pub state: Range<usize>,
    /// Activations that are added to its output: for a sum, the inputs of the residual blocks that end here.
    pub add: Vec<usize>,
    /// Activations whose gradient is added to that of its input: the inputs of residual blocks.
    join: Vec<usize>,
}

/// Layers that run in one pass over memory: usually a single one.
#[derive(Debug)]
struct Unit {
    nodes: Range<usize>,
    /// The fused layer that replaces them, if there are several.
    fused: Option<Fused>,
}

/// The reason why a list of layers is not a network.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{what}")]
pub struct ShapeError {
    /// Path below the list, such as `[3].layers[0]`.
    pub at: String,
    /// The fault and its remedy.
    pub what: String,
}

/// A network: layers, and the ranges of their numbers.
///
/// # Example
/// A batch of two samples through two layers, and the gradient of the mean cross-entropy:
/// ```
/// use gradtui::engine::{
///     init::InitConfig, layer::{LayerConfig, Pass}, loss::{Loss, LossConfig, Targets}, network::Network, shape::Shape,
/// };
/// use gradtui::registry::SettingValue;
///
/// let layers = Vec::<LayerConfig>::parse("[Dense(8), Tanh(), Dense(3)]").unwrap();
/// let network = Network::new(Shape::Flat(2), &layers).unwrap();
/// let params = network.initial_params(&*InitConfig::all()[0], 1);
/// let state = network.initial_state();
/// let mut ws = network.workspace(2);
///
/// ws.input_mut(2).copy_from_slice(&[0.1, -0.4, 0.7, 0.2]);
/// network.forward(&params, &state, Pass::train(2, 1, 0), &mut ws);
/// let (logits, grad) = ws.output_and_grad(2);
/// let loss = LossConfig::parse("CrossEntropy()").unwrap();
/// let sum = loss.eval(logits, 3, Targets::Classes(&[0, 2]), 0.5, Some(grad), None);
/// assert!((sum / 2.0 - 3_f64.ln()).abs() < 1.0);
///
/// let mut grads = vec![0.0; network.param_count()];
/// network.backward(&params, &state, Pass::train(2, 1, 0), &mut ws, Some(&mut grads), false);
/// assert!(grads.iter().any(|&g| g != 0.0));
/// ```
#[derive(Debug)]
pub struct Network {
    nodes: Vec<NetworkNode>,
    units: Vec<Unit>,
    slots: Vec<Slot>,
    input: Shape,
    output: Shape,
    state: Vec<f32>,
    /// Multiply-adds of one sample forward.
    work: usize,
    /// The parameter at which the gradient of a batch that was cut is divided between two threads.
    middle: usize,
    /// Whether rows are independent and every parameter gradient is computed separately, so that cutting a batch
    /// changes no number.
    by_rows: bool,
}

impl Network {
    /// Builds the layers one after another for inputs of this shape.
    ///
    /// # Errors
    /// If a layer does not fit, with its path, or a limit is exceeded.
    pub fn new(input: Shape, layers: &[LayerConfig]) -> Result<Self, ShapeError> {
        let mut network = Self {
            nodes: Vec::new(),
            units: Vec::new(),
            slots: Vec::new(),
            input,
            output: input,
            state: Vec::new(),
            work: 0,
            middle: 0,
            by_rows: false,
        };
        network.append(layers, "")?;
        network.fuse();
        network.work = network.nodes.iter().map(|n| n.layer.work()).fold(0, usize::saturating_add);
        network.middle = network.find_middle();
        network.by_rows = network.find_by_rows();
        Ok(network)
    }

    /// Finds the layers that can be fused: no other layer reads the activations between them.
    fn fuse(&mut self) {
        let mut first = 0;
        while let Some(node) = self.nodes.get(first) {
            let inside = self.nodes[first + 1..].iter().take_while(|n| n.join.is_empty());
            let run = std::iter::once(node).chain(inside).map(|n| &*n.layer);
            let (fused, count) = Fused::first_of(run).map_or((None, 1), |(fused, n)| (Some(fused), n));
            self.units.push(Unit { nodes: first..first + count, fused });
            first += count;
        }
    }

    fn layer<'a>(&'a self, unit: &'a Unit) -> &'a dyn Layer {
        unit.fused.as_ref().map_or(&*self.nodes[unit.nodes.start].layer, |fused| fused)
    }

    /// Whether backward writes the gradient of activation `i`; it does not for those between fused layers.
    pub fn has_activation_grad(&self, i: usize) -> bool {
        self.units.iter().any(|u| u.nodes.start == i || u.nodes.end == i)
    }

    /// The layers with their positions.
    pub fn nodes(&self) -> &[NetworkNode] {
        &self.nodes
    }

    /// The parameter tensors, in the order of the buffer.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// Shape of one input sample.
    pub fn input(&self) -> Shape {
        self.input
    }

    /// Shape of one output sample.
    pub fn output(&self) -> Shape {
        self.output
    }

    /// Length of the parameter buffer.
    pub fn param_count(&self) -> usize {
        self.slots.last().map_or(0, |s| s.range.end)
    }

    /// Initial running statistics.
    pub fn initial_state(&self) -> Vec<f32> {
        self.state.clone()
    }

    /// Initial parameters.
    ///
    /// The n-th tensor of a shape gets the n-th random stream of that shape, so two networks have the same initial
    /// weights in tensors of the same shape, whatever the layers between them.
    pub fn initial_params(&self, init: &dyn Init, seed: u64) -> Vec<f32> {
        let mut params = vec![0.0; self.param_count()];
        for (i, slot) in self.slots.iter().enumerate() {
            let out = &mut params[slot.range.clone()];
            match slot.fill {
                Fill::Constant(c) => out.fill(c),
                Fill::Pair(a, b) => out.copy_from_slice(&[a, b]),
                Fill::Init { fan_in, fan_out } => {
                    let same = |s: &&Slot| s.shape == slot.shape && matches!(s.fill, Fill::Init { .. });
                    let nth = self.slots[..i].iter().filter(same).count() as u64;
                    let shape = rng::hash(slot.shape.iter().map(|&n| n as u64));
                    init.fill(
                        out,
                        &slot.shape,
                        fan_in,
                        fan_out,
                        &mut Stream::new(seed, Purpose::Init, nth, shape),
                    );
                }
            }
        }
        params
    }

    /// Multiply-adds of one sample forward.
    pub fn work(&self) -> usize {
        self.work
    }
}
