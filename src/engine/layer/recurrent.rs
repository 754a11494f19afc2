//! Recurrent layers: what RNN, LSTM and GRU share, which is everything but one step of one sample.
//!
//! The cache begins with blocks of (rows of the workspace) x units that survive a pass: the initial state h₀ and the
//! gradient dL/dh₀ that backward leaves; with a memory cell h₀, c₀, dL/dc_T from outside, dL/dh₀, dL/dc₀, c_T. A new
//! workspace holds zeros, and only a caller ever writes h₀, c₀ or dL/dc_T.

use super::dense::{matrix, matrix_mut};
use super::{Backward, Fill, Forward, Layer, SlotSpec};
use crate::engine::{kernel, shape::Shape};

pub mod gru;
pub mod lstm;
pub mod rnn;

/// One time step of one sample forward: blocks of `units` numbers a gate.
struct StepForward<'a> {
    /// In: W_ih x + b_ih + W_hh h_prev + b_hh of each gate; without the last two where the cell wants them apart.
    /// Out: what backward wants to see of it.
    gi: &'a mut [f32],
    /// W_hh h_prev + b_hh for cells that want it apart; else empty.
    gh: &'a [f32],
    h_prev: &'a [f32],
    h: &'a mut [f32],
    /// Memory before the step; empty for cells without.
    c_prev: &'a [f32],
    c: &'a mut [f32],
}

/// One time step of one sample backward; `gi`, `gh` and the states are as forward left them.
struct StepBackward<'a> {
    gi: &'a [f32],
    gh: &'a [f32],
    h_prev: &'a [f32],
    h: &'a [f32],
    c_prev: &'a [f32],
    c: &'a [f32],
    /// dL/dh of this step.
    dh: &'a [f32],
    /// In: dL/dc of this step. Out: of the step before.
    dc: &'a mut [f32],
    /// dL/d(gi), to be overwritten.
    dgi: &'a mut [f32],
    /// dL/d(gh) for cells that want it apart, to be overwritten; else empty, being the same as dL/d(gi).
    dgh: &'a mut [f32],
    /// dL/dh of the step before as far as it does not go through the gates: 0, to which the cell may add.
    dh_prev: &'a mut [f32],
}

/// The formula of one step.
trait Cell: Send + Sync + std::fmt::Debug + 'static {
    /// Blocks of `units` rows in the weights.
    const GATES: usize;
    /// Whether there is a memory c beside the state h.
    const MEMORY: bool;
    /// Whether the gates want the products of x and of h apart, not their sum.
    const APART: bool = false;
    fn forward(&self, s: StepForward<'_>);
    fn backward(&self, s: StepBackward<'_>);
}

/// A cell run over a sequence from the initial state.
///
/// # Shapes
/// `[steps, features]` to `[units]` (the last state), or `[steps, units]` with `all`.
#[derive(Debug)]
struct Recurrent<C> {
    cell: C,
    features: usize,
    units: usize,
    steps: usize,
    all: bool,
    /// Whether the recurrent product has a bias of its own; if not, its slot is not there.
    bias_hh: bool,
}

/// Makes the layer for a sequence.
fn build<C: Cell>(
    who: &str,
    cell: C,
    units: usize,
    all: bool,
    bias_hh: bool,
    input: Shape,
) -> Result<Box<dyn Layer>, String> {
    match input {
        // The rows of an image of one channel are its time steps: how arrays [samples, steps, features] come in.
        Shape::Sequence { steps, features }
        | Shape::Image { channels: 1, height: steps, width: features } => {
            Ok(Box::new(Recurrent { cell, features, units, steps, all, bias_hh }))
        }
        other => {
            Err(format!("{who} needs a sequence, {other} goes in; an Embedding turns whole numbers into one"))
        }
    }
}

/// The cache, cut into its buffers. All but the head are time-major: [steps, rows, numbers].
struct Tape<'a> {
    head: Head<'a>,
    dh: &'a mut [f32],
    h: &'a mut [f32],
    c: &'a mut [f32],
    dc: &'a mut [f32],
    x: &'a mut [f32],
    dx: &'a mut [f32],
    gi: &'a mut [f32],
    gh: &'a mut [f32],
    dgi: &'a mut [f32],
    dgh: &'a mut [f32],
    /// W_hhᵀ, which every step of forward reads.
    w_hh_t: &'a mut [f32],
    /// What the gates of every step start from.
    bias: &'a mut [f32],
}

/// The blocks at the head of the cache; those of the memory are empty without one.
struct Head<'a> {
    h0: &'a mut [f32],
    c0: &'a mut [f32],
    dc_last: &'a mut [f32],
    dh0: &'a mut [f32],
    dc0: &'a mut [f32],
    c_last: &'a mut [f32],
}

impl<C: Cell> Recurrent<C> {
    /// Numbers of all gates of one step.
    fn gates(&self) -> usize {
        C::GATES * self.units
    }

    /// Blocks at the head of the cache.
    const HEAD: usize = if C::MEMORY { 6 } else { 2 };

    /// Floats of the cache for one row.
    fn per_row(&self) -> usize {
        let memory = if C::MEMORY { self.steps + 2 } else { 0 };
        let states = (Self::HEAD + 2 * (self.steps + 1) + memory).saturating_mul(self.units);
        let gates = self.gates().saturating_mul(if C::APART { 4 } else { 2 } * self.steps);
        states.saturating_add(gates).saturating_add(self.features.saturating_mul(2 * self.steps))
    }

    /// Floats of the head: its blocks have room for as many rows as the workspace.
    fn head_len(&self, cache: usize) -> usize {
        Self::HEAD * self.units * self.room(cache)
    }

    /// Floats of the cache that no row has to itself: W_hhᵀ and a bias.
    fn shared(&self) -> usize {
        self.gates().saturating_mul(self.units + 1)
    }

    /// Rows that a cache of this length was made for.
    fn room(&self, cache: usize) -> usize {
        (cache - self.shared()) / self.per_row()
    }

    fn tape<'a>(&self, cache: &'a mut [f32], rows: usize) -> Tape<'a> {
        let block = self.units * self.room(cache.len());
        let mut rest = cache;
        let mut take = |n: usize| {
            let (first, after) = std::mem::take(&mut rest).split_at_mut(n);
            rest = after;
            first
        };
        let (memory, apart) = (usize::from(C::MEMORY), usize::from(C::APART));
        let (state, all) = (self.units * rows, self.units * rows * (self.steps + 1));
        let (inputs, gates) = (self.features * rows * self.steps, self.gates() * rows * self.steps);
        let h0 = take(block);
        let (c0, dc_last) = (take(block * memory), take(block * memory));
        let dh0 = take(block);
        let (dc0, c_last) = (take(block * memory), take(block * memory));
        Tape {
            head: Head { h0, c0, dc_last, dh0, dc0, c_last },
            dh: take(all),
            h: take(all),
            c: take(all * memory),
            dc: take(state * memory),
            x: take(inputs),
            dx: take(inputs),
            gi: take(gates),
            gh: take(gates * apart),
            dgi: take(gates),
            dgh: take(gates * apart),
            w_hh_t: take(self.gates() * self.units),
            bias: take(self.gates()),
        }
    }

    /// `weight_ih`, `weight_hh`, `bias_ih`, `bias_hh`; the last one may be empty.
    fn split<'a>(&self, params: &'a [f32]) -> [&'a [f32]; 4] {
        let (w_ih, rest) = params.split_at(self.gates() * self.features);
        let (w_hh, rest) = rest.split_at(self.gates() * self.units);
        let (b_ih, b_hh) = rest.split_at(self.gates());
        [w_ih, w_hh, b_ih, b_hh]
    }

    /// y = h₁ .. h_T of every sample, or h_T; visits the matching places of y and of the states.
    fn outputs(&self, rows: usize, mut visit: impl FnMut(std::ops::Range<usize>, std::ops::Range<usize>)) {
        let n = self.units;
        let first = if self.all { 0 } else { self.steps - 1 };
        for (t, row) in (first..self.steps).flat_map(|t| (0..rows).map(move |row| (t, row))) {
            let y = (row * (self.steps - first) + t - first) * n;
            let h = ((t + 1) * rows + row) * n;
            visit(y..y + n, h..h + n);
        }
    }
}

impl<C: Cell> Layer for Recurrent<C> {
    fn output(&self) -> Shape {
        if self.all {
            Shape::Sequence { steps: self.steps, features: self.units }
        } else {
            Shape::Flat(self.units)
        }
    }

    fn slots(&self) -> Vec<SlotSpec> {
        let matrix = |name, fan_in| SlotSpec {
            name,
            shape: vec![self.gates(), fan_in],
            // Each gate is a map of its own.
            fill: Fill::Init { fan_in, fan_out: self.units },
        };
        let bias = |name| SlotSpec { name, shape: vec![self.gates()], fill: Fill::Constant(0.0) };
        let mut slots =
            vec![matrix("weight_ih", self.features), matrix("weight_hh", self.units), bias("bias_ih")];
        slots.extend(self.bias_hh.then(|| bias("bias_hh")));
        slots
    }

    fn cache_len(&self, rows: usize) -> usize {
        self.per_row().saturating_mul(rows).saturating_add(self.shared())
    }

    fn work(&self) -> usize {
        self.steps * self.gates() * (self.features + self.units)
    }

    fn forward(&self, f: Forward<'_>) {
        let (rows, n, g) = (f.pass.rows, self.units, self.gates());
        let [w_ih, w_hh, b_ih, b_hh] = self.split(f.params);
        let t = self.tape(f.cache, rows);
        transpose(f.x, t.x, rows, self.steps, self.features);
        // gi = W_ih x + b_ih for all steps at once; b_hh joins it unless the cell wants it apart
        t.bias.copy_from_slice(b_ih);
        if !C::APART && self.bias_hh {
            kernel::add(b_hh, t.bias);
        }
        let x = matrix(t.x, rows * self.steps, self.features);
        let w = matrix(w_ih, g, self.features);
        kernel::matmul_bias(x, w.t(), t.bias, matrix_mut(t.gi, rows * self.steps, g));
        kernel::transpose(w_hh, n, t.w_hh_t);
        let w_hh_t = matrix(t.w_hh_t, n, g);
        t.h[..rows * n].copy_from_slice(&t.head.h0[..rows * n]);
        if C::MEMORY {
            t.c[..rows * n].copy_from_slice(&t.head.c0[..rows * n]);
        }
        let memory = usize::from(C::MEMORY) * n;
        let apart = usize::from(C::APART) * g;
        for (step, gi) in t.gi.chunks_exact_mut(rows * g).enumerate() {
            let gh = &mut t.gh[step * rows * apart..(step + 1) * rows * apart];
            let (before, after) = t.h[step * rows * n..].split_at_mut(rows * n);
            let (c_before, c_after) = t.c[step * rows * memory..].split_at_mut(rows * memory);
            let h = matrix(before, rows, n);
            if C::APART {
                // gh = W_hh h + b_hh
                kernel::matmul_bias(h, w_hh_t, b_hh, matrix_mut(gh, rows, g));
            } else {
                // gi + W_hh h
                kernel::matmul(h, w_hh_t, 1.0, matrix_mut(gi, rows, g));
            }
            kernel::simd(
                #[inline(always)]
                || {
                    for row in 0..rows {
                        self.cell.forward(StepForward {
                            gi: &mut gi[row * g..(row + 1) * g],
                            gh: &gh[row * apart..(row + 1) * apart],
                            h_prev: &before[row * n..(row + 1) * n],
                            h: &mut after[row * n..(row + 1) * n],
                            c_prev: &c_before[row * memory..(row + 1) * memory],
                            c: &mut c_after[row * memory..(row + 1) * memory],
                        });
                    }
                },
            );
        }
        if C::MEMORY {
            t.head.c_last[..rows * n].copy_from_slice(&t.c[self.steps * rows * n..]);
        }
        let (h, y) = (t.h, f.y);
        self.outputs(rows, |to, from| y[to].copy_from_slice(&h[from]));
    }

    fn backward(&self, b: Backward<'_>) {
        let (rows, n, g) = (b.pass.rows, self.units, self.gates());
        let [w_ih, w_hh, ..] = self.split(b.params);
        let t = self.tape(b.cache, rows);
        let memory = usize::from(C::MEMORY) * n;
        let apart = usize::from(C::APART) * g;
        if C::MEMORY {
            t.dc.copy_from_slice(&t.head.dc_last[..rows * n]);
        }
        t.dh[self.steps * rows * n..].fill(0.0);
        for step in (0..self.steps).rev() {
            let (dh_before, dh_after) = t.dh[step * rows * n..].split_at_mut(rows * n);
            // What the output of this step adds to dL/dh.
            if self.all || step + 1 == self.steps {
                let (every, at) = if self.all { (self.steps, step) } else { (1, 0) };
                for (row, dh) in dh_after[..rows * n].chunks_exact_mut(n).enumerate() {
                    let gy = &b.grad_output[(row * every + at) * n..][..n];
                    dh.iter_mut().zip(gy).for_each(|(d, &g)| *d += g);
                }
            }
            let gates = step * rows * g..(step + 1) * rows * g;
            let gates_h = step * rows * apart..(step + 1) * rows * apart;
            let (gi, gh) = (&t.gi[gates.clone()], &t.gh[gates_h.clone()]);
            let (dgi, dgh) = (&mut t.dgi[gates], &mut t.dgh[gates_h]);
            if C::APART {
                dh_before.fill(0.0);
            }
            let (h_before, h_after) = t.h[step * rows * n..].split_at(rows * n);
            let (c_before, c_after) = t.c[step * rows * memory..].split_at(rows * memory);
            let dc = &mut *t.dc;
            kernel::simd(
                #[inline(always)]
                || {
                    for row in 0..rows {
                        let (units, mem) = (row * n..(row + 1) * n, row * memory..(row + 1) * memory);
                        let gates = row * g..(row + 1) * g;
                        let gates_h = row * apart..(row + 1) * apart;
                        self.cell.backward(StepBackward {
                            gi: &gi[gates.clone()],
                            gh: &gh[gates_h.clone()],
                            h_prev: &h_before[units.clone()],
                            h: &h_after[units.clone()],
                            c_prev: &c_before[mem.clone()],
                            c: &c_after[mem.clone()],
                            dh: &dh_after[units.clone()],
                            dc: &mut dc[mem],
                            dgi: &mut dgi[gates],
                            dgh: &mut dgh[gates_h],
                            dh_prev: &mut dh_before[units],
                        });
                    }
                },
            );
            // dh of the step before: through W_hh h, besides what the cell let pass
            let through = matrix(if C::APART { dgh } else { dgi }, rows, g);
            let beta = if C::APART { 1.0 } else { 0.0 };
            kernel::matmul(through, matrix(w_hh, g, n), beta, matrix_mut(dh_before, rows, n));
        }
        t.head.dh0[..rows * n].copy_from_slice(&t.dh[..rows * n]);
        if C::MEMORY {
            t.head.dc0[..rows * n].copy_from_slice(t.dc);
        }
        // dW = Σₜ dgateₜᵀ inputₜ, db = Σₜ dgateₜ
        let all = rows * self.steps;
        let dgi = matrix(t.dgi, all, g);
        if let Some(grad_params) = b.grad_params {
            let (grad_w_ih, rest) = grad_params.split_at_mut(g * self.features);
            let (grad_w_hh, rest) = rest.split_at_mut(g * n);
            let (grad_b_ih, grad_b_hh) = rest.split_at_mut(g);
            let dgh = if C::APART { &*t.dgh } else { &*t.dgi };
            let x = matrix(t.x, all, self.features);
            kernel::matmul(dgi.t(), x, 0.0, matrix_mut(grad_w_ih, g, self.features));
            kernel::matmul(matrix(dgh, all, g).t(), matrix(t.h, all, n), 0.0, matrix_mut(grad_w_hh, g, n));
            kernel::sum_rows(t.dgi, grad_b_ih);
            if C::APART {
                kernel::sum_rows(dgh, grad_b_hh);
            } else if self.bias_hh {
                grad_b_hh.copy_from_slice(grad_b_ih);
            }
        }
        if let Some(grad_input) = b.grad_input {
            let w = matrix(w_ih, g, self.features);
            kernel::matmul(dgi, w, 0.0, matrix_mut(t.dx, all, self.features));
            transpose(t.dx, grad_input, self.steps, rows, self.features);
        }
    }

    fn through_time(&self, cache: &[f32], rows: usize) -> Option<Vec<f32>> {
        let state = rows * self.units;
        let dh = &cache[self.head_len(cache.len())..][state..(self.steps + 1) * state];
        Some(dh.chunks_exact(state).map(|dh| kernel::sum_sq_f64(dh).sqrt() as f32).collect())
    }
}

/// [a, b, n] to [b, a, n].
fn transpose(from: &[f32], to: &mut [f32], a: usize, b: usize, n: usize) {
    for (i, slab) in from.chunks_exact(b * n).enumerate() {
        for (j, numbers) in slab.chunks_exact(n).enumerate() {
            to[(j * a + i) * n..][..n].copy_from_slice(numbers);
        }
    }
}

/// The blocks of `units` numbers of a row of gates.
#[inline(always)]
fn blocks<const G: usize>(gates: &[f32], units: usize) -> [&[f32]; G] {
    std::array::from_fn(|k| &gates[k * units..(k + 1) * units])
}

/// The blocks of a row of gates, to be written.
#[inline(always)]
fn blocks_mut<const G: usize>(gates: &mut [f32], units: usize) -> [&mut [f32]; G] {
    let mut blocks = gates.chunks_exact_mut(units);
    std::array::from_fn(|_| blocks.next().expect("a block for each gate"))
}
