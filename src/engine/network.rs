//! A list of layers as one function, and the memory that a pass through it needs.
//!
//! The network itself never changes: parameters, running statistics and workspace come from the caller, so attacks and
//! previews can run on a snapshot while training goes on.

use crate::engine::init::Init;
use crate::engine::kernel;
use crate::engine::layer::structure::{self, Inner};
use crate::engine::layer::{Backward, Fill, Forward, Health, Layer, LayerConfig, Pass, SlotSpec};
use crate::engine::rng::{self, Purpose, Stream};
use crate::engine::shape::Shape;
use crate::limits;
use std::ops::Range;

/// One parameter tensor inside the contiguous buffer.
#[derive(Clone, Debug, PartialEq)]
pub struct Slot {
    /// Index of its layer in the network.
    pub layer: usize,
    /// PyTorch's name within the layer.
    pub name: &'static str,
    /// Row-major shape, [out, in, ..].
    pub shape: Vec<usize>,
    /// Where it lies in the buffer.
    pub range: Range<usize>,
    /// How it is filled before training.
    pub fill: Fill,
}

/// A layer in its place.
#[derive(Debug)]
pub struct Node {
    /// The layer.
    pub layer: Box<dyn Layer>,
    /// In a few words: `Dense 64`; `+` is the sum at the end of a residual block.
    pub label: String,
    /// Shape of its input.
    pub input: Shape,
    /// Where its parameters lie.
    pub params: Range<usize>,
    /// Where its running statistics lie.
    pub state: Range<usize>,
    /// Activations that are added to its output: of a sum, what entered the residual blocks that end here.
    pub add: Vec<usize>,
    /// Activations whose gradient joins that of its input: the beginnings of residual blocks.
    join: Vec<usize>,
}

/// Why a list of layers is no network.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{what}")]
pub struct ShapeError {
    /// Path below the list, such as `[3].layers[0]`.
    pub at: String,
    /// What is wrong and what would be right.
    pub what: String,
}

/// A network: layers, and where their numbers lie.
#[derive(Debug)]
pub struct Network {
    nodes: Vec<Node>,
    slots: Vec<Slot>,
    input: Shape,
    output: Shape,
    state: Vec<f32>,
}

impl Network {
    /// Builds the layers one after another for inputs of this shape.
    ///
    /// # Errors
    /// The first layer that does not fit, with its path, or the limit that is exceeded.
    pub fn new(input: Shape, layers: &[LayerConfig]) -> Result<Self, ShapeError> {
        let mut network =
            Self { nodes: Vec::new(), slots: Vec::new(), input, output: input, state: Vec::new() };
        network.append(layers, "")?;
        Ok(network)
    }

    fn append(&mut self, layers: &[LayerConfig], at: &str) -> Result<(), ShapeError> {
        for (i, config) in layers.iter().enumerate() {
            let at = format!("{at}[{i}]");
            match config.inner() {
                Some(Inner::Repeat(times, inner)) => {
                    let before = self.nodes.len();
                    for _ in 0..times {
                        self.append(inner, &format!("{at}.layers"))?;
                        // Else empty lists, nested, would be repeated for ever.
                        if self.nodes.len() == before {
                            let what = "a Repeat needs at least one layer inside".into();
                            return Err(ShapeError { at, what });
                        }
                    }
                }
                Some(Inner::Residual(inner)) => self.append_residual(inner, at)?,
                None => self.append_one(config, at)?,
            }
        }
        Ok(())
    }

    fn append_residual(&mut self, inner: &[LayerConfig], at: String) -> Result<(), ShapeError> {
        let (first, before) = (self.nodes.len(), self.output);
        self.append(inner, &format!("{at}.layers"))?;
        let what = if self.nodes.len() == first {
            "a residual block needs at least one layer inside".to_string()
        } else if self.output == before {
            return self.append_sum(first, at);
        } else {
            format!("a residual block must keep its shape; {before} goes in, {} comes out", self.output)
        };
        Err(ShapeError { at, what })
    }

    /// Ends the residual block that began at node `first`.
    ///
    /// The sum is a node of its own, since the layer before it may read its own output in backward.
    fn append_sum(&mut self, first: usize, at: String) -> Result<(), ShapeError> {
        if self.nodes.last().is_none_or(|n| n.add.is_empty()) {
            self.has_room(&at)?;
            let (params, state) = (self.param_count(), self.state.len());
            self.nodes.push(Node {
                layer: structure::sum(self.output),
                label: "+".into(),
                input: self.output,
                params: params..params,
                state: state..state,
                add: Vec::new(),
                join: Vec::new(),
            });
        }
        let end = self.nodes.len();
        self.nodes[end - 1].add.push(first);
        self.nodes[first].join.push(end);
        Ok(())
    }

    fn has_room(&self, at: &str) -> Result<(), ShapeError> {
        if self.nodes.len() < limits::LAYERS {
            return Ok(());
        }
        Err(ShapeError { at: at.to_string(), what: format!("more than {} layers", limits::LAYERS) })
    }

    fn append_one(&mut self, config: &LayerConfig, at: String) -> Result<(), ShapeError> {
        self.has_room(&at)?;
        let layer = config.build(self.output).map_err(|what| ShapeError { at: at.clone(), what })?;
        let first = self.param_count();
        let mut end = first;
        for SlotSpec { name, shape, fill } in layer.slots() {
            let size = shape.iter().try_fold(1usize, |a, &b| a.checked_mul(b)).unwrap_or(usize::MAX);
            if end.saturating_add(size) > limits::PARAMETERS {
                let what = format!("more than {} parameters in all", limits::PARAMETERS);
                return Err(ShapeError { at, what });
            }
            let range = end..end + size;
            end = range.end;
            self.slots.push(Slot { layer: self.nodes.len(), name, shape, range, fill });
        }
        let state = layer.state();
        let state_range = self.state.len()..self.state.len() + state.len();
        self.state.extend(state);
        let input = std::mem::replace(&mut self.output, layer.output());
        self.nodes.push(Node {
            layer,
            label: config.label(),
            input,
            params: first..end,
            state: state_range,
            add: Vec::new(),
            join: Vec::new(),
        });
        Ok(())
    }

    /// The layers in their places.
    pub fn nodes(&self) -> &[Node] {
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

    /// Running statistics before training.
    pub fn initial_state(&self) -> Vec<f32> {
        self.state.clone()
    }

    /// Parameters before training.
    ///
    /// The n-th tensor of a shape gets the n-th stream of that shape, so two networks share the initial weights wherever
    /// shapes agree, whatever stands between.
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

    /// Floats that a workspace for so many rows takes.
    pub fn workspace_len(&self, rows: usize) -> usize {
        let sizes = self.nodes.iter().map(|n| {
            n.layer
                .output()
                .size()
                .saturating_mul(2)
                .saturating_mul(rows)
                .saturating_add(n.layer.cache_len(rows))
        });
        sizes.fold(self.input.size().saturating_mul(2 * rows), usize::saturating_add)
    }

    /// Memory for passes of up to `rows` samples.
    pub fn workspace(&self, rows: usize) -> Workspace {
        let sizes: Vec<usize> = std::iter::once(self.input.size())
            .chain(self.nodes.iter().map(|n| n.layer.output().size()))
            .collect();
        Workspace {
            rows,
            values: sizes.iter().map(|n| vec![0.0; n * rows]).collect(),
            grads: sizes.iter().map(|n| vec![0.0; n * rows]).collect(),
            caches: self.nodes.iter().map(|n| vec![0.0; n.layer.cache_len(rows)]).collect(),
            sizes,
        }
    }

    /// Runs the batch in `ws.input_mut()` through all layers; the result is `ws.output(rows)`.
    pub fn forward(&self, params: &[f32], state: &[f32], pass: Pass, ws: &mut Workspace) {
        assert!(pass.rows <= ws.rows, "{} rows in a workspace for {}", pass.rows, ws.rows);
        for (i, node) in self.nodes.iter().enumerate() {
            let (before, after) = ws.values.split_at_mut(i + 1);
            let y = &mut after[0][..ws.sizes[i + 1] * pass.rows];
            node.layer.forward(Forward {
                pass,
                layer: i,
                params: &params[node.params.clone()],
                state: &state[node.state.clone()],
                x: &before[i][..ws.sizes[i] * pass.rows],
                y,
                cache: &mut ws.caches[i],
            });
            for &from in &node.add {
                kernel::add(&before[from][..y.len()], y);
            }
        }
    }

    /// Takes dL/d(output) from `ws.output_grad_mut(rows)` back through all layers of the last forward pass.
    ///
    /// Writes the gradient of the parameters to `grads` (`None`: nobody wants it) and that of every activation to the
    /// workspace; that of the input only if `input_grad`, without which nothing is computed that lies before the first
    /// layer with parameters.
    pub fn backward(
        &self,
        params: &[f32],
        state: &[f32],
        pass: Pass,
        ws: &mut Workspace,
        mut grads: Option<&mut [f32]>,
        input_grad: bool,
    ) {
        let learns = || self.nodes.iter().position(|n| !n.params.is_empty()).unwrap_or(self.nodes.len());
        let first = if input_grad { 0 } else { learns() };
        for (i, node) in self.nodes.iter().enumerate().skip(first).rev() {
            let (before, after) = ws.grads.split_at_mut(i + 1);
            let wanted = i > first || input_grad;
            let (rows_in, rows_out) = (ws.sizes[i] * pass.rows, ws.sizes[i + 1] * pass.rows);
            node.layer.backward(Backward {
                pass,
                layer: i,
                params: &params[node.params.clone()],
                state: &state[node.state.clone()],
                x: &ws.values[i][..rows_in],
                y: &ws.values[i + 1][..rows_out],
                cache: &mut ws.caches[i],
                grad_output: &after[0][..rows_out],
                grad_input: wanted.then_some(&mut before[i][..rows_in]),
                grad_params: grads.as_deref_mut().map(|g| &mut g[node.params.clone()]),
            });
            if wanted {
                for &end in &node.join {
                    kernel::add(&after[end - i - 1][..rows_in], &mut before[i][..rows_in]);
                }
            }
        }
    }

    /// Brings the running statistics up to date after a training pass.
    pub fn update_state(&self, state: &mut [f32], ws: &Workspace, rows: usize) {
        for (node, cache) in self.nodes.iter().zip(&ws.caches) {
            node.layer.update_state(&mut state[node.state.clone()], cache, rows);
        }
    }

    /// Saturated and dead shares of every layer that can saturate, after a forward pass.
    pub fn health(&self, ws: &Workspace, rows: usize) -> Vec<Option<Health>> {
        let outputs = ws.values[1..].iter().zip(&ws.sizes[1..]);
        self.nodes.iter().zip(outputs).map(|(n, (y, size))| n.layer.health(&y[..size * rows], rows)).collect()
    }
}

/// What a pass writes: every activation, its gradient, and what layers keep between forward and backward.
#[derive(Clone, Debug)]
pub struct Workspace {
    rows: usize,
    sizes: Vec<usize>,
    values: Vec<Vec<f32>>,
    grads: Vec<Vec<f32>>,
    caches: Vec<Vec<f32>>,
}

impl Workspace {
    /// The most rows that a pass may have.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The input batch, to be filled before forward.
    pub fn input_mut(&mut self, rows: usize) -> &mut [f32] {
        &mut self.values[0][..self.sizes[0] * rows]
    }

    /// The result of forward.
    pub fn output(&self, rows: usize) -> &[f32] {
        self.activation(self.values.len() - 1, rows)
    }

    /// Activation `i`: 0 is the input, i + 1 the output of layer i.
    pub fn activation(&self, i: usize, rows: usize) -> &[f32] {
        &self.values[i][..self.sizes[i] * rows]
    }

    /// The result of forward, and where backward expects dL/d(output).
    pub fn output_and_grad(&mut self, rows: usize) -> (&[f32], &mut [f32]) {
        let last = self.values.len() - 1;
        let n = self.sizes[last] * rows;
        (&self.values[last][..n], &mut self.grads[last][..n])
    }

    /// dL/d(activation i) after backward.
    pub fn activation_grad(&self, i: usize, rows: usize) -> &[f32] {
        &self.grads[i][..self.sizes[i] * rows]
    }

    /// What layer `i` kept between forward and backward.
    pub fn cache(&self, i: usize) -> &[f32] {
        &self.caches[i]
    }

    /// What layer `i` kept, to be written: the initial state of a recurrent layer stands at its head.
    pub fn cache_mut(&mut self, i: usize) -> &mut [f32] {
        &mut self.caches[i]
    }

    /// The first activation with a number that is not finite: 0 is the input, i + 1 the output of layer i.
    pub fn first_non_finite(&self, rows: usize) -> Option<usize> {
        let bad = |(values, size): (&Vec<f32>, &usize)| values[..size * rows].iter().any(|v| !v.is_finite());
        self.values.iter().zip(&self.sizes).position(bad)
    }
}
