//! Recurrent layers: the code that RNN, LSTM and GRU share, which is everything except one step of one sample.
//!
//! The input of a step is one row z = [h, 1, x] for every sample, so its gates are one product with V = [W_hh, b,
//! W_ih]ᵀ and their gradients one product with z. Backward computes the latter for several steps at once, as many as
//! fit into one block of a product's sum, so that their rows stay in the processor's cache.
//!
//! The cache begins with blocks of (rows of the workspace) x units that survive a pass: the initial state h₀ and the
//! gradient dL/dh₀ that backward writes; with a memory cell h₀, c₀, dL/dc_T given by the caller, dL/dh₀, dL/dc₀, c_T. A
//! new workspace holds zeros, and only a caller ever writes h₀, c₀ or dL/dc_T.

use super::{Backward, Fill, Forward, Layer, SlotSpec};
use crate::engine::kernel::{self, CancelCheck, First, Strided, product};
use crate::engine::shape::Shape;
use cell::{CellStep, RecurrentCell, RowBack};
use tape::RecurrentCache;

mod cell;
pub mod gru;
pub mod lstm;
pub mod rnn;
mod tape;

/// A cell run over a sequence from the initial state.
///
/// # Shapes
/// `[steps, features]` to `[units]` (the last state), or `[steps, units]` with `all`.
#[derive(Debug)]
struct Recurrent<const G: usize, C> {
    cell: C,
    features: usize,
    units: usize,
    steps: usize,
    all: bool,
    /// Whether the recurrent product has its own bias; if not, the slot for it is absent.
    bias_hh: bool,
}

/// Makes the layer for a sequence.
fn build<const G: usize, C: RecurrentCell<G>>(
    who: &str,
    cell: C,
    units: usize,
    all: bool,
    bias_hh: bool,
    input: Shape,
) -> Result<Box<dyn Layer>, String> {
    match input {
        // The rows of a one-channel image are its time steps: arrays [samples, steps, features] are loaded as such
        // images.
        Shape::Sequence { steps, features }
        | Shape::Image { channels: 1, height: steps, width: features } => {
            Ok(Box::new(Recurrent { cell, features, units, steps, all, bias_hh }))
        }
        other => {
            Err(format!("{who} needs a sequence, {other} goes in; an Embedding turns whole numbers into one"))
        }
    }
}

impl<const G: usize, C: RecurrentCell<G>> Recurrent<G, C> {
    /// Length of all gates of one step.
    fn gates(&self) -> usize {
        G * self.units
    }

    /// Length of the input of a step, z.
    fn width(&self) -> usize {
        self.units + 1 + self.features
    }

    /// Time steps whose gradients are computed by one product.
    fn together(&self, rows: usize) -> usize {
        (kernel::K_BLOCK / rows.max(1)).clamp(1, self.steps)
    }

    /// `weight_ih`, `weight_hh`, `bias_ih`, `bias_hh`; the last one may be empty.
    fn split<'a>(&self, params: &'a [f32]) -> [&'a [f32]; 4] {
        let (w_ih, rest) = params.split_at(self.gates() * self.features);
        let (w_hh, rest) = rest.split_at(self.gates() * self.units);
        let (b_ih, b_hh) = rest.split_at(self.gates());
        [w_ih, w_hh, b_ih, b_hh]
    }

    /// V: W_hhᵀ, the bias and W_ihᵀ stacked; if the cell needs both products separately, the two biases b_hh and b_ih.
    fn lay_weights(&self, params: &[f32], v: &mut [f32]) {
        let [w_ih, w_hh, b_ih, b_hh] = self.split(params);
        let (hidden, v) = v.split_at_mut(w_hh.len());
        kernel::transpose(w_hh, self.units, hidden);
        let (biases, inputs) = v.split_at_mut(v.len() - w_ih.len());
        kernel::transpose(w_ih, self.features, inputs);
        let (first, last) = biases.split_at_mut(biases.len() - self.gates());
        last.copy_from_slice(b_ih);
        if C::APART {
            first.copy_from_slice(b_hh);
        } else if self.bias_hh {
            kernel::add(b_hh, last);
        }
    }

    /// Fills the rows z of every step, except for the states, which the steps themselves write.
    fn lay_inputs(&self, x: &[f32], h0: &[f32], z: &mut [f32], rows: usize) {
        let (n, w) = (self.units, self.width());
        for (i, z) in z.chunks_exact_mut(w).enumerate().take(rows * self.steps) {
            let (step, row) = (i / rows, i % rows);
            z[n] = 1.0;
            z[n + 1..].copy_from_slice(&x[(row * self.steps + step) * self.features..][..self.features]);
        }
        for (z, h0) in z.chunks_exact_mut(w).zip(h0.chunks_exact(n)).take(rows) {
            z[..n].copy_from_slice(h0);
        }
    }

    /// gi and gh of one step from its rows z.
    fn products(&self, z: &[f32], v: &[f32], gi: &mut [f32], gh: &mut [f32], left: CancelCheck<'_>) {
        let (n, w, g) = (self.units, self.width(), self.gates());
        let rows = gi.len() / g;
        let z = Strided::rows(z, w);
        if C::APART {
            // gh = W_hh h + b_hh, gi = b_ih + W_ih x
            let (hidden, inputs) = v.split_at((n + 1) * g);
            let (hidden, inputs) = (Strided::rows(hidden, g), Strided::rows(inputs, g));
            product(left, (rows, g, n + 1), z, hidden, First::Zero, gh, g);
            product(left, (rows, g, w - n), z.from_column(n), inputs, First::Zero, gi, g);
        } else {
            // gi = W_hh h + b + W_ih x
            product(left, (rows, g, w), z, Strided::rows(v, g), First::Zero, gi, g);
        }
    }

    /// Adds the steps from `first` on to the gradient of the weights: dV = Σₜ zₜᵀ dgateₜ.
    fn weights_back(
        &self,
        t: &mut RecurrentCache<'_>,
        first: usize,
        rows: usize,
        start: First<'_>,
        grad_w_hh: &mut [f32],
        left: CancelCheck<'_>,
    ) {
        let (n, w, g) = (self.units, self.width(), self.gates());
        let k = rows * self.together(rows).min(self.steps - first);
        let z = Strided::rows(&t.z[first * rows * w..][..k * w], w);
        let dgi = Strided::rows(&t.dgi[..k * g], g);
        let dgh = if C::APART { Strided::rows(&t.dgh[..k * g], g) } else { dgi };
        // With few inputs the matrix is narrow; computing its transpose is faster.
        product(left, (w - n, g, k), z.from_column(n).t(), dgi, start, t.grad_inputs, g);
        product(left, (g, n, k), dgh.t(), z, start, grad_w_hh, n);
        if C::APART {
            product(left, (1, g, k), z.from_column(n).t(), dgh, start, t.grad_b_hh, g);
        }
    }

    /// dL/dx of the steps from `first` on.
    fn inputs_back(
        &self,
        t: &mut RecurrentCache<'_>,
        first: usize,
        rows: usize,
        w_ih: &[f32],
        grad_input: &mut [f32],
        left: CancelCheck<'_>,
    ) {
        let (f, g) = (self.features, self.gates());
        let k = rows * self.together(rows).min(self.steps - first);
        let (dgi, w_ih) = (Strided::rows(t.dgi, g), Strided::rows(w_ih, f));
        product(left, (k, f, g), dgi, w_ih, First::Zero, t.dx, f);
        for (i, dx) in t.dx[..k * f].chunks_exact(f).enumerate() {
            let (step, row) = (first + i / rows, i % rows);
            grad_input[(row * self.steps + step) * f..][..f].copy_from_slice(dx);
        }
    }
}

impl<const G: usize, C: RecurrentCell<G>> Layer for Recurrent<G, C> {
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
            // Each gate is a separate linear map.
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
        let (rows, n, w, g) = (f.pass.rows, self.units, self.width(), self.gates());
        let t = self.tape(f.cache, rows);
        self.lay_weights(f.params, t.v);
        self.lay_inputs(f.x, t.head.h0, t.z, rows);
        let memory = usize::from(C::MEMORY) * n;
        let apart = usize::from(C::APART) * g;
        t.c[..rows * memory].copy_from_slice(&t.head.c0[..rows * memory]);
        let left = || f.team.left();
        for (step, gi) in t.gi.chunks_exact_mut(rows * g).enumerate() {
            if left() {
                return;
            }
            let gh = &mut t.gh[step * rows * apart..(step + 1) * rows * apart];
            let (before, after) = t.z[step * rows * w..].split_at_mut(rows * w);
            let (c_before, c_after) = t.c[step * rows * memory..].split_at_mut(rows * memory);
            self.products(before, t.v, gi, gh, &left);
            kernel::simd(
                #[inline(always)]
                || {
                    for row in 0..rows {
                        let row = CellStep {
                            gi: &mut gi[row * g..(row + 1) * g],
                            gh: &gh[row * apart..(row + 1) * apart],
                            h_prev: &before[row * w..][..n],
                            h: &mut after[row * w..][..n],
                            c_prev: &c_before[row * memory..(row + 1) * memory],
                            c: &mut c_after[row * memory..(row + 1) * memory],
                        };
                        cell::forward(&self.cell, row);
                    }
                },
            );
        }
        t.head.c_last[..rows * memory].copy_from_slice(&t.c[self.steps * rows * memory..]);
        // y = h₁ .. h_T of every sample, or h_T
        let first = if self.all { 0 } else { self.steps - 1 };
        for (i, y) in f.y.chunks_exact_mut(n).enumerate() {
            let (row, step) = (i / (self.steps - first), first + i % (self.steps - first));
            y.copy_from_slice(&t.z[((step + 1) * rows + row) * w..][..n]);
        }
    }

    fn backward(&self, b: Backward<'_>) {
        let (rows, n, w, g) = (b.pass.rows, self.units, self.width(), self.gates());
        let [w_ih, w_hh, ..] = self.split(b.params);
        let mut t = self.tape(b.cache, rows);
        let memory = usize::from(C::MEMORY) * n;
        let apart = usize::from(C::APART) * g;
        let together = self.together(rows);
        let (mut start, left) = (First::Zero, || b.team.left());
        let (mut grad_params, mut grad_input) = (b.grad_params, b.grad_input);
        t.dc.copy_from_slice(&t.head.dc_last[..rows * memory]);
        t.dh[self.steps * rows * n..].fill(0.0);
        for step in (0..self.steps).rev() {
            if left() {
                return;
            }
            let (dh_before, dh_after) = t.dh[step * rows * n..].split_at_mut(rows * n);
            // If this step has an output, the output's gradient is added to dL/dh.
            if self.all || step + 1 == self.steps {
                let (every, at) = if self.all { (self.steps, step) } else { (1, 0) };
                for (row, dh) in dh_after[..rows * n].chunks_exact_mut(n).enumerate() {
                    let gy = &b.grad_output[(row * every + at) * n..][..n];
                    dh.iter_mut().zip(gy).for_each(|(d, &g)| *d += g);
                }
            }
            let (gi, gh) =
                (&t.gi[step * rows * g..][..rows * g], &t.gh[step * rows * apart..][..rows * apart]);
            let at = step % together * rows;
            let (dgi, dgh) = (&mut t.dgi[at * g..][..rows * g], &mut t.dgh[at * apart..][..rows * apart]);
            let (before, after) = t.z[step * rows * w..].split_at(rows * w);
            let (c_before, c_after) = t.c[step * rows * memory..].split_at(rows * memory);
            let dc = &mut *t.dc;
            kernel::simd(
                #[inline(always)]
                || {
                    for row in 0..rows {
                        let (units, mem) = (row * n..(row + 1) * n, row * memory..(row + 1) * memory);
                        let gates = row * g..(row + 1) * g;
                        let gates_h = row * apart..(row + 1) * apart;
                        let pass = if C::APART { units.clone() } else { 0..0 };
                        let row = RowBack {
                            gi: &gi[gates.clone()],
                            gh: &gh[gates_h.clone()],
                            h_prev: &before[row * w..][..n],
                            h: &after[row * w..][..n],
                            c_prev: &c_before[mem.clone()],
                            c: &c_after[mem.clone()],
                            dh: &dh_after[units.clone()],
                            dc: &mut dc[mem],
                            dgi: &mut dgi[gates],
                            dgh: &mut dgh[gates_h],
                            dh_prev: &mut dh_before[pass],
                        };
                        cell::backward(&self.cell, row);
                    }
                },
            );
            // dh of the step before: through W_hh h, added to the part that bypasses the gates
            let (through, keep) = if C::APART { (dgh, First::Scaled(1.0)) } else { (dgi, First::Zero) };
            let (through, w_hh) = (Strided::rows(through, g), Strided::rows(w_hh, n));
            product(&left, (rows, n, g), through, w_hh, keep, dh_before, n);
            if step % together == 0 {
                if let Some(grad_params) = grad_params.as_deref_mut() {
                    let grad_w_hh = &mut grad_params[w_ih.len()..][..g * n];
                    self.weights_back(&mut t, step, rows, start, grad_w_hh, &left);
                    start = First::Scaled(1.0);
                }
                if let Some(grad_input) = grad_input.as_deref_mut() {
                    self.inputs_back(&mut t, step, rows, w_ih, grad_input, &left);
                }
            }
        }
        t.head.dh0[..rows * n].copy_from_slice(&t.dh[..rows * n]);
        t.head.dc0[..rows * memory].copy_from_slice(t.dc);
        if let Some(grad_params) = grad_params {
            let (grad_w_ih, rest) = grad_params.split_at_mut(w_ih.len());
            let (grad_b_ih, grad_b_hh) = rest[g * n..].split_at_mut(g);
            let (grad_b, grad_w) = t.grad_inputs.split_at(g);
            grad_b_ih.copy_from_slice(grad_b);
            if self.bias_hh {
                grad_b_hh.copy_from_slice(if C::APART { t.grad_b_hh } else { grad_b });
            }
            kernel::transpose(grad_w, g, grad_w_ih);
        }
    }

    fn through_time(&self, cache: &[f32], rows: usize) -> Option<Vec<f32>> {
        let state = rows * self.units;
        let dh = &cache[self.head_len(cache.len())..][state..(self.steps + 1) * state];
        Some(dh.chunks_exact(state).map(|dh| kernel::sum_sq_f64(dh).sqrt() as f32).collect())
    }
}
