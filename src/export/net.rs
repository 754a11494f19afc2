//! A network in the form that exports to other libraries need: its layers in order, and its tensors under PyTorch's
//! names.

use crate::engine::layer::LayerConfig;
use crate::engine::layer::structure::Inner;
use crate::engine::network::{Network, NetworkNode};
use crate::engine::shape::Shape;

/// A built layer with its settings; without settings it is the sum at the end of a residual block.
pub struct ExportedLayer<'a> {
    /// The layer in the network.
    pub node: &'a NetworkNode,
    /// Its settings.
    pub config: Option<&'a LayerConfig>,
}

impl ExportedLayer<'_> {
    /// Features of one vector of its input.
    pub fn features(&self) -> usize {
        self.node.input.rows_of().1
    }

    /// Whether it runs over the time steps of its input.
    pub fn recurs(&self) -> bool {
        matches!(self.config, Some(LayerConfig::Rnn(_) | LayerConfig::Lstm(_) | LayerConfig::Gru(_)))
    }

    /// Channels of its input, as batch norm and convolutions count them.
    pub fn channels(&self) -> usize {
        if let Shape::Image { channels, .. } = self.node.input { channels } else { self.features() }
    }
}

/// The layers in execution order, without those that only contain other layers.
fn flat<'a>(layers: &'a [LayerConfig], out: &mut Vec<&'a LayerConfig>) {
    for layer in layers {
        match layer.inner() {
            Some(Inner::Repeat(times, inner)) => (0..times).for_each(|_| flat(inner, out)),
            Some(Inner::Residual(inner)) => flat(inner, out),
            None => out.push(layer),
        }
    }
}

/// The parts of a network that was built from these layers.
pub fn parts<'a>(layers: &'a [LayerConfig], network: &'a Network) -> Vec<ExportedLayer<'a>> {
    let mut configs = Vec::new();
    flat(layers, &mut configs);
    let mut configs = configs.into_iter();
    let of = |node: &'a NetworkNode| ExportedLayer {
        node,
        config: if node.add.is_empty() { configs.next() } else { None },
    };
    network.nodes().iter().map(of).collect()
}

/// A tensor under the name that PyTorch gives it in a list of modules: `0.weight`.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedTensor {
    /// Its name.
    pub name: String,
    /// Its shape, row-major.
    pub shape: Vec<usize>,
    /// Its numbers.
    pub values: Vec<f32>,
}

/// Parameters and running statistics of a network, under PyTorch's names and in PyTorch's order of gates.
///
/// A recurrent layer without a second bias gets a zero bias, since PyTorch has two biases or none.
pub fn tensors(
    parts: &[ExportedLayer<'_>],
    network: &Network,
    params: &[f32],
    state: &[f32],
) -> Vec<NamedTensor> {
    let mut out = Vec::new();
    for (i, part) in parts.iter().enumerate() {
        let slots = network.slots().iter().filter(|s| s.layer == i);
        for slot in slots.clone() {
            let name = slot.pytorch();
            out.push(NamedTensor {
                name,
                shape: slot.shape.clone(),
                values: params[slot.range.clone()].to_vec(),
            });
        }
        if part.recurs() && !slots.clone().any(|s| s.name == "bias_hh") {
            let gates = slots.clone().find(|s| s.name == "bias_ih").map_or(0, |s| s.range.len());
            out.push(NamedTensor {
                name: format!("{i}.bias_hh_l0"),
                shape: vec![gates],
                values: vec![0.0; gates],
            });
        }
        if matches!(part.config, Some(LayerConfig::BatchNorm(_))) {
            let (mean, variance) = state[part.node.state.clone()].split_at(part.channels());
            for (name, values) in [("running_mean", mean), ("running_var", &variance[..part.channels()])] {
                let name = format!("{i}.{name}");
                out.push(NamedTensor { name, shape: vec![values.len()], values: values.to_vec() });
            }
        }
    }
    out
}
