//! The memory of passes through a network: activations, their gradients, and the layers' caches between forward and
//! backward.

use super::Network;
use crate::engine::kernel::{Buffer, TableRanges};
use crate::engine::team::{SingleThread, Team};
use std::sync::Arc;

impl Network {
    /// Floats of a workspace for this many rows.
    pub fn workspace_len(&self, rows: usize) -> usize {
        let values =
            self.nodes.iter().map(|n| n.layer.output().size().saturating_mul(2).saturating_mul(rows));
        let caches = self.units.iter().map(|u| self.layer(u).cache_len(rows));
        values.chain(caches).fold(self.input.size().saturating_mul(2 * rows), usize::saturating_add)
    }

    /// Floats of a workspace for this many rows, including those for a second half of the batch.
    pub fn workspace_floats(&self, rows: usize) -> usize {
        let cut = self.cut(rows);
        let second = if cut < rows {
            let caches = self.units.iter().map(|u| self.layer(u).cache_len(rows - cut));
            caches.fold(self.summed(), usize::saturating_add)
        } else {
            0
        };
        self.workspace_len(rows).saturating_add(second)
    }

    /// A cache for each layer; fused layers share the cache of the first of them.
    fn caches(&self, rows: usize) -> Vec<Buffer> {
        let mut caches = vec![Buffer::default(); self.nodes.len()];
        for unit in &self.units {
            caches[unit.nodes.start] = Buffer::zeros(self.layer(unit).cache_len(rows));
        }
        caches
    }

    /// Memory for passes of up to `rows` samples.
    pub fn workspace(&self, rows: usize) -> Workspace {
        let outputs = self.nodes.iter().map(|n| n.layer.output().size());
        let places = TableRanges::new(std::iter::once(self.input.size()).chain(outputs), rows);
        let totals = self.units.iter().map(|u| self.layer(u).totals()).max().unwrap_or(0);
        let part = |rows: usize, params: usize| BatchPart {
            caches: self.caches(rows),
            totals: vec![0.0; totals],
            grads: Buffer::zeros(params),
        };
        let cut = self.cut(rows);
        // The first part has room for all rows, because a smaller batch may not be cut.
        let second = if cut < rows { part(rows - cut, self.summed()) } else { BatchPart::default() };
        Workspace {
            rows,
            values: Buffer::zeros(places.len()),
            grads: Buffer::zeros(places.len()),
            places,
            parts: [part(rows, 0), second],
            totals: vec![0.0; totals],
            team: Arc::new(SingleThread),
            cut: rows,
        }
    }
}

/// The memory of one part of a batch.
#[derive(Clone, Debug, Default)]
pub(super) struct BatchPart {
    pub(super) caches: Vec<Buffer>,
    pub(super) totals: Vec<f64>,
    /// Its share of the parameters' gradient; the first part writes to the caller's buffer.
    pub(super) grads: Buffer,
}

/// The memory to which passes write: every activation, its gradient, and the layers' caches between forward and
/// backward.
#[derive(Clone, Debug)]
pub struct Workspace {
    pub(super) rows: usize,
    pub(super) places: TableRanges,
    pub(super) values: Buffer,
    pub(super) grads: Buffer,
    pub(super) parts: [BatchPart; 2],
    pub(super) totals: Vec<f64>,
    pub(super) team: Arc<dyn Team>,
    /// The row at which the last forward pass was cut in two.
    pub(super) cut: usize,
}

impl Workspace {
    /// Shares the work of large passes with this team; the numbers stay the same.
    pub fn set_team(&mut self, team: &Arc<dyn Team>) {
        self.team = Arc::clone(team);
    }

    /// Whether passes are cancelled now.
    pub fn left(&self) -> bool {
        self.team.left()
    }

    /// The most rows of a pass.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The input batch, to be filled before forward.
    pub fn input_mut(&mut self, rows: usize) -> &mut [f32] {
        let place = self.places.of(0, rows);
        &mut self.values[place]
    }

    /// The result of forward.
    pub fn output(&self, rows: usize) -> &[f32] {
        self.activation(self.places.count() - 1, rows)
    }

    /// Activation `i`: 0 is the input, i + 1 the output of layer i. Activations between fused layers are valid only
    /// after [`Network::reveal`].
    pub fn activation(&self, i: usize, rows: usize) -> &[f32] {
        &self.values[self.places.of(i, rows)]
    }

    /// The result of forward, and the buffer in which backward expects dL/d(output).
    pub fn output_and_grad(&mut self, rows: usize) -> (&[f32], &mut [f32]) {
        let place = self.places.of(self.places.count() - 1, rows);
        (&self.values[place.clone()], &mut self.grads[place])
    }

    /// dL/d(activation i) after backward; not valid between fused layers.
    pub fn activation_grad(&self, i: usize, rows: usize) -> &[f32] {
        &self.grads[self.places.of(i, rows)]
    }

    /// The cache of layer `i`; if the pass was cut in two, the cache of the first half's rows.
    pub fn cache(&self, i: usize) -> &[f32] {
        &self.parts[0].caches[i]
    }

    /// The mutable cache of layer `i`: the initial state of a recurrent layer is at its head.
    pub fn cache_mut(&mut self, i: usize) -> &mut [f32] {
        &mut self.parts[0].caches[i]
    }
}
