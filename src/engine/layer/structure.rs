//! Layers that compute nothing of their own: flattening, repetition, the residual connection.

use super::{Backward, Build, Forward, Layer, LayerConfig};
use crate::engine::shape::Shape;
use crate::registry::settings;

/// Layers inside a layer.
#[derive(Clone, Copy, Debug)]
pub enum Inner<'a> {
    /// The list, repeated this many times with separate weights.
    Repeat(usize, &'a [LayerConfig]),
    /// x + list(x).
    Residual(&'a [LayerConfig]),
}

settings! {
    /// Reads a sample as one vector.
    pub struct Flatten {}
}

impl Build for Flatten {
    fn build(&self, input: Shape) -> Result<Box<dyn Layer>, String> {
        Ok(Box::new(Reshaped { output: Shape::Flat(input.size()) }))
    }
}

settings! {
    /// Repeats a list of layers, each time with weights of its own.
    pub struct Repeat {
        /// how many times
        times: usize = 2, 1..=crate::limits::LAYERS;
        /// the layers to repeat
        layers: Vec<LayerConfig> = Vec::new();
    }
}

impl Build for Repeat {
    fn build(&self, _: Shape) -> Result<Box<dyn Layer>, String> {
        Err("a Repeat is expanded before anything is built".into())
    }
    fn inner(&self) -> Option<Inner<'_>> {
        Some(Inner::Repeat(self.times, &self.layers))
    }
}

settings! {
    /// Residual connection y = x + layers(x); keeps a path of slope 1. He et al. 2016, arXiv:1512.03385.
    pub struct Residual {
        /// the layers beside the connection; their output has the shape of their input
        layers: Vec<LayerConfig> = Vec::new();
    }
}

impl Build for Residual {
    fn build(&self, _: Shape) -> Result<Box<dyn Layer>, String> {
        Err("a Residual is expanded before anything is built".into())
    }
    fn inner(&self) -> Option<Inner<'_>> {
        Some(Inner::Residual(&self.layers))
    }
}

/// The position at which a residual block is summed: y = x, to which the network adds the input of the block.
pub(in crate::engine) fn sum(shape: Shape) -> Box<dyn Layer> {
    Box::new(Reshaped { output: shape })
}

/// y = x with another shape.
#[derive(Debug)]
struct Reshaped {
    output: Shape,
}

impl Layer for Reshaped {
    fn output(&self) -> Shape {
        self.output
    }
    fn forward(&self, f: Forward<'_>) {
        f.y.copy_from_slice(f.x);
    }
    fn backward(&self, b: Backward<'_>) {
        if let Some(grad_input) = b.grad_input {
            grad_input.copy_from_slice(b.grad_output);
        }
    }
}
