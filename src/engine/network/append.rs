//! Appends the layers of a description to a network, each with its ranges in the buffers. Computes nothing.

use super::{Network, NetworkNode, ShapeError, Slot};
use crate::engine::layer::structure::{self, Inner};
use crate::engine::layer::{LayerConfig, SlotSpec};
use crate::limits;

impl Network {
    /// Appends layers; `at` is the path of their list.
    pub(super) fn append(&mut self, layers: &[LayerConfig], at: &str) -> Result<(), ShapeError> {
        for (i, config) in layers.iter().enumerate() {
            let at = format!("{at}[{i}]");
            match config.inner() {
                Some(Inner::Repeat(times, inner)) => {
                    let before = self.nodes.len();
                    for _ in 0..times {
                        self.append(inner, &format!("{at}.layers"))?;
                        // Without this check, nested empty lists would be repeated without end.
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
    /// The sum is a separate node, because the layer before it may read its own output in backward.
    fn append_sum(&mut self, first: usize, at: String) -> Result<(), ShapeError> {
        if self.nodes.last().is_none_or(|n| n.add.is_empty()) {
            self.has_room(&at)?;
            let (params, state) = (self.param_count(), self.state.len());
            self.nodes.push(NetworkNode {
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
        self.nodes.push(NetworkNode {
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
}
