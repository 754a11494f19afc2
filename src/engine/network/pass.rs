//! Forward and backward through all layers; a large batch is cut in two parts. The cut depends on the work alone, so
//! the numbers do not depend on the number of threads.

use super::workspace::{BatchPart, Workspace};
use super::{Network, NetworkNode, Unit};
use crate::engine::kernel::{self, RowsMut};
use crate::engine::layer::{Backward, Forward, Health, Pass};
use crate::engine::team::{SingleThread, Team};
use std::ops::Range;

/// A pass with at least this many rows and multiply-adds is cut in two.
const SHARED_ROWS: usize = 16;
const SHARED_WORK: usize = 1 << 20;

impl Network {
    /// The row at which a pass is cut in two, or the number of rows if it is not. It depends on the work alone, not on
    /// the team, unless cutting changes no number.
    fn cut_for(&self, rows: usize, team: &dyn Team) -> usize {
        if self.by_rows && !team.free() { rows } else { self.cut(rows) }
    }

    /// The row at which a pass is cut for a team with an idle thread.
    pub(super) fn cut(&self, rows: usize) -> usize {
        let shared = rows >= SHARED_ROWS && rows.saturating_mul(self.work) >= SHARED_WORK;
        if shared { rows.div_ceil(2) } else { rows }
    }

    /// Runs the batch in `ws.input_mut()` through all layers; the result is `ws.output(rows)`.
    pub fn forward(&self, params: &[f32], state: &[f32], pass: Pass, ws: &mut Workspace) {
        assert!(pass.rows <= ws.rows, "{} rows in a workspace for {}", pass.rows, ws.rows);
        let Workspace { values, places, parts: [first, second], totals, team, cut, .. } = ws;
        *cut = self.cut_for(pass.rows, &**team);
        let cut = *cut;
        let (mut upper, mut lower) = RowsMut::new(values, places, pass.rows).split(cut);
        let (upper_pass, lower_pass) = pass.split(cut);
        let gathers = |i: &usize| pass.training && self.layer(&self.units[*i]).totals() > 0;
        let count = self.units.len();
        let (mut at, mut end) = (0, (0..count).find(gathers).unwrap_or(count));
        loop {
            // Between two layers that need totals over the batch, rows are independent.
            let stage = |pass: Pass, values: &mut RowsMut, part: &mut BatchPart, totals: &[f64]| {
                for unit in &self.units[at..end] {
                    if team.left() {
                        return;
                    }
                    let cache = &mut part.caches[unit.nodes.start];
                    self.forward_one(unit, params, state, pass, values, cache, (totals, &**team));
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
        values: &mut RowsMut,
        cache: &mut [f32],
        (totals, team): (&[f64], &dyn Team),
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
            team,
        });
        for &from in &node.add {
            let (x, y) = values.pair(from, end);
            kernel::add(x, y);
        }
    }

    /// Writes the activations between fused layers, which the last forward pass did not store. Call it before
    /// [`Network::health`].
    pub fn reveal(&self, params: &[f32], state: &[f32], pass: Pass, ws: &mut Workspace) {
        let mut values = RowsMut::new(&mut ws.values, &ws.places, pass.rows);
        for unit in &self.units {
            let Some(fused) = &unit.fused else { continue };
            // Values of the whole batch are the same in both parts.
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
                        team: &SingleThread,
                    });
                }
            }
        }
    }

    /// Propagates dL/d(output) from `ws.output_grad_mut(rows)` back through all layers of the last forward pass.
    ///
    /// Writes the gradient of the parameters to `grads` (`None`: it is not needed) and that of every activation to the
    /// workspace. The gradient of the input is computed only if `input_grad` is set; without it, nothing before the
    /// first layer with parameters is computed.
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
        let (upper, lower) = RowsMut::new(values, places, pass.rows).split(cut);
        let (mut upper_grads, mut lower_grads) = RowsMut::new(slopes, places, pass.rows).split(cut);
        let (upper_pass, lower_pass) = pass.split(cut);
        let wanted = grads.is_some();
        let mut own = std::mem::take(&mut second.grads);
        let gathers = |i: &usize| (pass.training || wanted) && self.layer(&self.units[*i]).totals() > 0;
        let (mut end, mut below) = (count, count);
        loop {
            let stop = (begin..below).rev().find(gathers);
            let from = stop.map_or(begin, |i| i + 1);
            let stage = |pass: Pass,
                         x: &RowsMut,
                         g: &mut RowsMut,
                         part: &mut BatchPart,
                         mut out: Option<&mut [f32]>,
                         totals: &[f64]| {
                for i in (from..end).rev() {
                    if team.left() {
                        return;
                    }
                    let unit = &self.units[i];
                    let BatchPart { caches, totals: own, .. } = part;
                    let cache = &mut caches[unit.nodes.start];
                    // Gradients that are computed over the whole batch come after both halves.
                    let now = cut == rows || self.layer(unit).apart().is_none();
                    let grads = out.as_deref_mut().filter(|_| now).map(|g| &mut g[params_of(unit)]);
                    let wanted = i > begin || input_grad;
                    let totals = (&own[..], totals, &**team);
                    self.backward_one(unit, params, state, pass, x, g, cache, grads, totals, wanted);
                }
                if let Some(i) = stop {
                    let (layer, BatchPart { caches, totals, .. }) = (self.layer(&self.units[i]), part);
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
        if let Some(grads) = grads.filter(|_| cut < rows && !team.left()) {
            let (x, g) = (RowsMut::new(values, places, rows), RowsMut::new(slopes, places, rows));
            let (below, above) = grads.split_at_mut(self.middle);
            team.join(&mut || self.finish(rows, &x, &g, &own, 0, below, &**team), &mut || {
                self.finish(rows, &x, &g, &own, self.middle, above, &**team);
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
        values: &RowsMut,
        slopes: &mut RowsMut,
        cache: &mut [f32],
        grad_params: Option<&mut [f32]>,
        (own, totals, team): (&[f64], &[f64], &dyn Team),
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
            totals: (own, totals),
            team,
        });
        if wanted {
            for &end in &node.join {
                let (from, to) = slopes.pair(end, start);
                kernel::add(from, to);
            }
        }
    }

    /// Updates the running statistics after a training pass.
    pub fn update_state(&self, state: &mut [f32], ws: &Workspace, rows: usize) {
        // Values of the whole batch are the same in both parts.
        for unit in &self.units {
            let first = unit.nodes.start;
            let state = &mut state[self.nodes[first].state.clone()];
            self.layer(unit).update_state(state, &ws.parts[0].caches[first], rows);
        }
    }

    /// ‖dL/dh_t‖ over the batch for t = 1 .. T of every recurrent layer, after backward.
    pub fn through_time(&self, ws: &Workspace, rows: usize) -> Vec<(usize, Vec<f32>)> {
        let cut = self.cut(rows);
        let norms = |(i, node): (usize, &NetworkNode)| {
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

    /// Saturated and silent shares of every layer that can saturate, after a forward pass.
    pub fn health(&self, ws: &Workspace, rows: usize) -> Vec<Option<Health>> {
        let health = |(i, n): (usize, &NetworkNode)| n.layer.health(ws.activation(i + 1, rows), rows);
        self.nodes.iter().enumerate().map(health).collect()
    }

    /// ‖dL/da‖ over the batch for every layer with parameters, after backward: a is the input of the next such layer,
    /// or the network's output. It shows how the signal changes on its way back, even where the gradients of the
    /// weights, which are products with the layers' inputs, are all of the same size.
    pub fn signals(&self, ws: &Workspace, rows: usize) -> Vec<Option<f32>> {
        let learns = |i: usize| !self.nodes[i].params.is_empty();
        let next = |i: usize| (i + 1..self.nodes.len()).find(|j| learns(*j)).unwrap_or(self.nodes.len());
        let norm = |i: usize| kernel::sum_sq_f64(ws.activation_grad(next(i), rows)).sqrt() as f32;
        (0..self.nodes.len()).map(|i| learns(i).then(|| norm(i))).collect()
    }

    /// A flag for each unit that may become silent, layer by layer, all unset.
    pub fn asleep(&self) -> Vec<Vec<bool>> {
        self.nodes.iter().map(|n| vec![false; n.layer.units()]).collect()
    }

    /// Marks the units of every layer that pass a gradient for one of the rows of the last forward pass, after
    /// [`Network::reveal`].
    pub fn wake(&self, ws: &Workspace, rows: usize, awake: &mut [Vec<bool>]) {
        for (i, (node, awake)) in self.nodes.iter().zip(awake).enumerate().filter(|(_, (_, a))| !a.is_empty())
        {
            node.layer.wake(ws.activation(i + 1, rows), awake);
        }
    }
}

/// The totals of all parts, added in order.
fn add_up(parts: [Option<&BatchPart>; 2], totals: &mut [f64]) {
    totals.fill(0.0);
    for part in parts.into_iter().flatten() {
        totals.iter_mut().zip(&part.totals).for_each(|(total, own)| *total += own);
    }
}
