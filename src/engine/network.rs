//! A list of layers as one function, and the memory that a pass through it needs.
//!
//! The network itself never changes: parameters, running statistics and workspace come from the caller, so attacks and
//! previews can run on a snapshot while training goes on.

use crate::engine::init::Init;
use crate::engine::kernel::{self, Buffer, Places, Rows};
use crate::engine::layer::fused::Fused;
use crate::engine::layer::{Backward, Fill, Forward, Health, Layer, LayerConfig, Pass};
use crate::engine::rng::{self, Purpose, Stream};
use crate::engine::shape::Shape;
use crate::engine::team::{Alone, Team};
use std::ops::Range;
use std::sync::Arc;

mod append;
mod share;

/// Rows and multiply-adds of a pass from which on it is cut in two.
const SHARED_ROWS: usize = 16;
const SHARED_WORK: usize = 1 << 20;

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

/// Layers that a pass takes in one go: mostly a single one.
#[derive(Debug)]
struct Unit {
    nodes: Range<usize>,
    /// What stands for them all, where they are several.
    fused: Option<Fused>,
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
    units: Vec<Unit>,
    slots: Vec<Slot>,
    input: Shape,
    output: Shape,
    state: Vec<f32>,
    /// Multiply-adds of one sample forward.
    work: usize,
    /// Where the parameters are cut in two, to put the gradient of a cut batch together.
    middle: usize,
    /// Whether every row is by itself and every gradient of parameters is had apart: cutting a batch changes no number.
    by_rows: bool,
}

impl Network {
    /// Builds the layers one after another for inputs of this shape.
    ///
    /// # Errors
    /// The first layer that does not fit, with its path, or the limit that is exceeded.
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

    /// Finds the layers that are done at once: those of which nobody needs what is between them.
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

    /// Multiply-adds of one sample forward.
    pub fn work(&self) -> usize {
        self.work
    }

    /// Where a pass of so many rows is cut in two, if it is: a matter of the work alone, never of who is there to do it,
    /// unless the numbers are the same either way.
    fn cut_for(&self, rows: usize, team: &dyn Team) -> usize {
        if self.by_rows && !team.free() { rows } else { self.cut(rows) }
    }

    /// Where it is cut for a team that has time.
    fn cut(&self, rows: usize) -> usize {
        let shared = rows >= SHARED_ROWS && rows.saturating_mul(self.work) >= SHARED_WORK;
        if shared { rows.div_ceil(2) } else { rows }
    }

    /// Floats that a workspace for so many rows takes.
    pub fn workspace_len(&self, rows: usize) -> usize {
        let values =
            self.nodes.iter().map(|n| n.layer.output().size().saturating_mul(2).saturating_mul(rows));
        let caches = self.units.iter().map(|u| self.layer(u).cache_len(rows));
        values.chain(caches).fold(self.input.size().saturating_mul(2 * rows), usize::saturating_add)
    }

    /// A cache for each layer; that of several in one is with the first of them.
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
        let places = Places::new(std::iter::once(self.input.size()).chain(outputs), rows);
        let totals = self.units.iter().map(|u| self.layer(u).totals()).max().unwrap_or(0);
        let part = |rows: usize, params: usize| Part {
            caches: self.caches(rows),
            totals: vec![0.0; totals],
            grads: Buffer::zeros(params),
        };
        let cut = self.cut(rows);
        // The first part has room for all rows: a smaller batch may stay in one piece.
        let second = if cut < rows { part(rows - cut, self.summed()) } else { Part::default() };
        Workspace {
            rows,
            values: Buffer::zeros(places.len()),
            grads: Buffer::zeros(places.len()),
            places,
            parts: [part(rows, 0), second],
            totals: vec![0.0; totals],
            team: Arc::new(Alone),
            cut: rows,
        }
    }

    /// Runs the batch in `ws.input_mut()` through all layers; the result is `ws.output(rows)`.
    pub fn forward(&self, params: &[f32], state: &[f32], pass: Pass, ws: &mut Workspace) {
        assert!(pass.rows <= ws.rows, "{} rows in a workspace for {}", pass.rows, ws.rows);
        let Workspace { values, places, parts: [first, second], totals, team, cut, .. } = ws;
        *cut = self.cut_for(pass.rows, &**team);
        let cut = *cut;
        let (mut upper, mut lower) = Rows::new(values, places, pass.rows).split(cut);
        let (upper_pass, lower_pass) = pass.split(cut);
        let gathers = |i: &usize| pass.training && self.layer(&self.units[*i]).totals() > 0;
        let count = self.units.len();
        let (mut at, mut end) = (0, (0..count).find(gathers).unwrap_or(count));
        loop {
            // From one layer that wants totals to the next, rows are independent.
            let stage = |pass: Pass, values: &mut Rows, part: &mut Part, totals: &[f64]| {
                for unit in &self.units[at..end] {
                    let cache = &mut part.caches[unit.nodes.start];
                    self.forward_one(unit, params, state, pass, values, cache, totals);
                }
                if let Some(next) = self.units.get(end) {
                    let (layer, first) = (self.layer(next), next.nodes.start);
                    let gathered = &mut part.totals[..layer.totals()];
                    layer.gather(
                        pass.rows,
                        &state[self.nodes[first].state.clone()],
                        values.get(first),
                        gathered,
                    );
                }
            };
            if cut == pass.rows {
                stage(pass, &mut upper, first, totals);
            } else {
                team.join(&mut || stage(upper_pass, &mut upper, first, totals), &mut || {
                    stage(lower_pass, &mut lower, second, totals);
                });
            }
            if end == count {
                return;
            }
            let parts =
                if cut == pass.rows { [Some(&*first), None] } else { [Some(&*first), Some(&*second)] };
            add_up(parts, totals);
            at = end;
            end = (at + 1..count).find(gathers).unwrap_or(count);
        }
    }

    fn forward_one(
        &self,
        unit: &Unit,
        params: &[f32],
        state: &[f32],
        pass: Pass,
        values: &mut Rows,
        cache: &mut [f32],
        totals: &[f64],
    ) {
        let Range { start, end } = unit.nodes;
        let node = &self.nodes[start];
        let (x, y) = values.pair(start, end);
        self.layer(unit).forward(Forward {
            pass,
            layer: start,
            params: &params[node.params.clone()],
            state: &state[node.state.clone()],
            x,
            y,
            cache,
            totals,
        });
        for &from in &node.add {
            let (x, y) = values.pair(from, end);
            kernel::add(x, y);
        }
    }

    /// Writes the activations that the last forward pass left out, because several layers were done at once and nobody
    /// after them needed what is between: before [`Network::health`] or [`Workspace::first_non_finite`].
    pub fn reveal(&self, params: &[f32], state: &[f32], pass: Pass, ws: &mut Workspace) {
        let mut values = Rows::new(&mut ws.values, &ws.places, pass.rows);
        for unit in &self.units {
            let Some(fused) = &unit.fused else { continue };
            // What concerns the whole batch is the same in both parts.
            let cache = &mut ws.parts[0].caches[unit.nodes.start];
            for i in unit.nodes.start..unit.nodes.end - 1 {
                let node = &self.nodes[i];
                let (params, state) = (&params[node.params.clone()], &state[node.state.clone()]);
                let (x, y) = values.pair(i, i + 1);
                if i > unit.nodes.start || !fused.reveal_norm(params, cache, x, y) {
                    node.layer.forward(Forward {
                        pass,
                        layer: i,
                        params,
                        state,
                        x,
                        y,
                        cache: &mut [],
                        totals: &[],
                    });
                }
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
        let Workspace { values, grads: slopes, places, parts: [first, second], totals, team, cut, .. } = ws;
        let count = self.units.len();
        let params_of = |unit: &Unit| self.nodes[unit.nodes.start].params.clone();
        let learns = || self.units.iter().position(|u| !params_of(u).is_empty()).unwrap_or(count);
        let begin = if input_grad { 0 } else { learns() };
        let rows = pass.rows;
        let cut = (*cut).min(rows);
        let (upper, lower) = Rows::new(values, places, pass.rows).split(cut);
        let (mut upper_grads, mut lower_grads) = Rows::new(slopes, places, pass.rows).split(cut);
        let (upper_pass, lower_pass) = pass.split(cut);
        let wanted = grads.is_some();
        let mut own = std::mem::take(&mut second.grads);
        let gathers = |i: &usize| (pass.training || wanted) && self.layer(&self.units[*i]).totals() > 0;
        let (mut end, mut below) = (count, count);
        loop {
            let stop = (begin..below).rev().find(gathers);
            let from = stop.map_or(begin, |i| i + 1);
            let stage = |pass: Pass,
                         x: &Rows,
                         g: &mut Rows,
                         part: &mut Part,
                         mut out: Option<&mut [f32]>,
                         totals: &[f64]| {
                for i in (from..end).rev() {
                    let unit = &self.units[i];
                    let Part { caches, totals: own, .. } = part;
                    let cache = &mut caches[unit.nodes.start];
                    // What can be had apart waits for the whole batch.
                    let now = cut == rows || self.layer(unit).apart().is_none();
                    let grads = out.as_deref_mut().filter(|_| now).map(|g| &mut g[params_of(unit)]);
                    let wanted = i > begin || input_grad;
                    self.backward_one(unit, params, state, pass, x, g, cache, grads, (own, totals), wanted);
                }
                if let Some(i) = stop {
                    let (layer, Part { caches, totals, .. }) = (self.layer(&self.units[i]), part);
                    let Range { start, end } = self.units[i].nodes;
                    let totals = &mut totals[..layer.totals()];
                    layer.gather_back(x.get(start), x.get(end), &caches[start], g.get(end), totals);
                }
            };
            if cut == pass.rows {
                stage(pass, &upper, &mut upper_grads, first, grads.as_deref_mut(), totals);
            } else {
                let out = grads.as_deref_mut();
                let own = wanted.then_some(&mut own[..]);
                let (mut out, mut own) = (out, own);
                team.join(
                    &mut || stage(upper_pass, &upper, &mut upper_grads, first, out.as_deref_mut(), totals),
                    &mut || stage(lower_pass, &lower, &mut lower_grads, second, own.as_deref_mut(), totals),
                );
            }
            let Some(i) = stop else { break };
            let parts =
                if cut == pass.rows { [Some(&*first), None] } else { [Some(&*first), Some(&*second)] };
            add_up(parts, totals);
            (end, below) = (i + 1, i);
        }
        if let Some(grads) = grads.filter(|_| cut < rows) {
            let (x, g) = (Rows::new(values, places, rows), Rows::new(slopes, places, rows));
            let (below, above) = grads.split_at_mut(self.middle);
            team.join(&mut || self.finish(rows, &x, &g, &own, 0, below), &mut || {
                self.finish(rows, &x, &g, &own, self.middle, above);
            });
        }
        second.grads = own;
    }

    fn backward_one(
        &self,
        unit: &Unit,
        params: &[f32],
        state: &[f32],
        pass: Pass,
        values: &Rows,
        slopes: &mut Rows,
        cache: &mut [f32],
        grad_params: Option<&mut [f32]>,
        totals: (&[f64], &[f64]),
        wanted: bool,
    ) {
        let Range { start, end } = unit.nodes;
        let node = &self.nodes[start];
        let (grad_output, grad_input) = slopes.pair(end, start);
        self.layer(unit).backward(Backward {
            pass,
            layer: start,
            params: &params[node.params.clone()],
            state: &state[node.state.clone()],
            x: values.get(start),
            y: values.get(end),
            cache,
            grad_output,
            grad_input: wanted.then_some(grad_input),
            grad_params,
            totals,
        });
        if wanted {
            for &end in &node.join {
                let (from, to) = slopes.pair(end, start);
                kernel::add(from, to);
            }
        }
    }

    /// Brings the running statistics up to date after a training pass.
    pub fn update_state(&self, state: &mut [f32], ws: &Workspace, rows: usize) {
        // What concerns the whole batch is the same in both parts.
        for unit in &self.units {
            let first = unit.nodes.start;
            let state = &mut state[self.nodes[first].state.clone()];
            self.layer(unit).update_state(state, &ws.parts[0].caches[first], rows);
        }
    }

    /// ‖dL/dh_t‖ over the batch for t = 1 .. T of every layer with a state in time, after backward.
    pub fn through_time(&self, ws: &Workspace, rows: usize) -> Vec<(usize, Vec<f32>)> {
        let cut = self.cut(rows);
        let norms = |(i, node): (usize, &Node)| {
            let mut norms = node.layer.through_time(&ws.parts[0].caches[i], cut)?;
            if cut < rows {
                let others = node.layer.through_time(&ws.parts[1].caches[i], rows - cut)?;
                let whole = |(a, b): (&mut f32, f32)| *a = (a.mul_add(*a, b * b)).sqrt();
                norms.iter_mut().zip(others).for_each(whole);
            }
            Some((i, norms))
        };
        self.nodes.iter().enumerate().filter_map(norms).collect()
    }

    /// Saturated and dead shares of every layer that can saturate, after a forward pass.
    pub fn health(&self, ws: &Workspace, rows: usize) -> Vec<Option<Health>> {
        let health = |(i, n): (usize, &Node)| n.layer.health(ws.activation(i + 1, rows), rows);
        self.nodes.iter().enumerate().map(health).collect()
    }
}

/// The totals of all parts, added in their order.
fn add_up(parts: [Option<&Part>; 2], totals: &mut [f64]) {
    totals.fill(0.0);
    for part in parts.into_iter().flatten() {
        totals.iter_mut().zip(&part.totals).for_each(|(total, own)| *total += own);
    }
}

/// What one part of a batch keeps to itself.
#[derive(Clone, Debug, Default)]
struct Part {
    caches: Vec<Buffer>,
    totals: Vec<f64>,
    /// Its share in the parameters' gradient; the first part writes to the caller's.
    grads: Buffer,
}

/// What a pass writes: every activation, its gradient, and what layers keep between forward and backward.
#[derive(Clone, Debug)]
pub struct Workspace {
    rows: usize,
    places: Places,
    values: Buffer,
    grads: Buffer,
    parts: [Part; 2],
    totals: Vec<f64>,
    team: Arc<dyn Team>,
    /// Where the last pass forward was cut in two.
    cut: usize,
}

impl Workspace {
    /// Shares the work of passes that are large enough with this team; the numbers stay the same.
    pub fn set_team(&mut self, team: &Arc<dyn Team>) {
        self.team = Arc::clone(team);
    }

    /// The most rows that a pass may have.
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

    /// Activation `i`: 0 is the input, i + 1 the output of layer i.
    pub fn activation(&self, i: usize, rows: usize) -> &[f32] {
        &self.values[self.places.of(i, rows)]
    }

    /// The result of forward, and where backward expects dL/d(output).
    pub fn output_and_grad(&mut self, rows: usize) -> (&[f32], &mut [f32]) {
        let place = self.places.of(self.places.count() - 1, rows);
        (&self.values[place.clone()], &mut self.grads[place])
    }

    /// dL/d(activation i) after backward.
    pub fn activation_grad(&self, i: usize, rows: usize) -> &[f32] {
        &self.grads[self.places.of(i, rows)]
    }

    /// What layer `i` kept between forward and backward; of a pass that was cut in two, for the rows of the first half.
    pub fn cache(&self, i: usize) -> &[f32] {
        &self.parts[0].caches[i]
    }

    /// What layer `i` kept, to be written: the initial state of a recurrent layer stands at its head.
    pub fn cache_mut(&mut self, i: usize) -> &mut [f32] {
        &mut self.parts[0].caches[i]
    }

    /// The first activation with a number that is not finite: 0 is the input, i + 1 the output of layer i.
    pub fn first_non_finite(&self, rows: usize) -> Option<usize> {
        (0..self.places.count()).find(|&i| self.activation(i, rows).iter().any(|v| !v.is_finite()))
    }
}
