//! The memory layout of a recurrent layer's cache between forward and backward. Computes nothing.

use super::{Recurrent, RecurrentCell};
use crate::engine::kernel;

/// The cache, divided into its buffers. Buffers over time are time-major: [steps, rows, numbers].
pub(super) struct RecurrentCache<'a> {
    pub head: CacheHead<'a>,
    /// dL/dh₀ .. dL/dh_T.
    pub dh: &'a mut [f32],
    /// The rows z = [h, 1, x] that enter the steps, and one more for h_T.
    pub z: &'a mut [f32],
    /// c₀ .. c_T.
    pub c: &'a mut [f32],
    pub dc: &'a mut [f32],
    pub gi: &'a mut [f32],
    pub gh: &'a mut [f32],
    /// Gradients of the steps that are handled by one product.
    pub dgi: &'a mut [f32],
    pub dgh: &'a mut [f32],
    pub dx: &'a mut [f32],
    /// W_hhᵀ, biases, W_ihᵀ.
    pub v: &'a mut [f32],
    /// Gradient of the bias and of W_ihᵀ.
    pub grad_inputs: &'a mut [f32],
    pub grad_b_hh: &'a mut [f32],
}

/// The blocks at the head of the cache; the blocks of the memory cell are empty for cells without one.
pub(super) struct CacheHead<'a> {
    pub h0: &'a mut [f32],
    pub c0: &'a mut [f32],
    pub dc_last: &'a mut [f32],
    pub dh0: &'a mut [f32],
    pub dc0: &'a mut [f32],
    pub c_last: &'a mut [f32],
}

impl<const G: usize, C: RecurrentCell<G>> Recurrent<G, C> {
    /// Blocks at the head of the cache.
    const HEAD: usize = if C::MEMORY { 6 } else { 2 };
    /// Gate buffers of one step: two if the cell needs the products with x and h separately, otherwise one.
    const PRODUCTS: usize = if C::APART { 2 } else { 1 };

    /// Floats of the cache for one row.
    pub(super) fn per_row(&self) -> usize {
        let memory = if C::MEMORY { self.steps + 2 } else { 0 };
        let states = (Self::HEAD + self.steps + 1 + memory).saturating_mul(self.units);
        let gates = self.gates().saturating_mul(Self::PRODUCTS * (self.steps + 1));
        let z = self.width().saturating_mul(self.steps + 1);
        states.saturating_add(gates).saturating_add(z).saturating_add(self.features)
    }

    /// Floats of the cache that do not depend on the number of rows.
    pub(super) fn shared(&self) -> usize {
        let weights = self.gates().saturating_mul(2 * (self.width() + Self::PRODUCTS));
        let steps = Self::PRODUCTS * self.gates() + self.features;
        weights.saturating_add(steps.saturating_mul(kernel::K_BLOCK))
    }

    /// Floats of the head: each block has room for all rows of the workspace.
    pub(super) fn head_len(&self, cache: usize) -> usize {
        Self::HEAD * self.units * self.room(cache)
    }

    /// The number of rows for which a cache of this length was made.
    fn room(&self, cache: usize) -> usize {
        (cache - self.shared()) / self.per_row()
    }

    pub(super) fn tape<'a>(&self, cache: &'a mut [f32], rows: usize) -> RecurrentCache<'a> {
        let block = self.units * self.room(cache.len());
        let mut rest = cache;
        let mut take = |n: usize| {
            let (first, after) = std::mem::take(&mut rest).split_at_mut(n);
            rest = after;
            first
        };
        let (memory, apart) = (usize::from(C::MEMORY), usize::from(C::APART));
        let (state, all) = (self.units * rows, self.units * rows * (self.steps + 1));
        let (g, together) = (self.gates(), rows * self.together(rows));
        let h0 = take(block);
        let (c0, dc_last) = (take(block * memory), take(block * memory));
        let dh0 = take(block);
        let (dc0, c_last) = (take(block * memory), take(block * memory));
        RecurrentCache {
            head: CacheHead { h0, c0, dc_last, dh0, dc0, c_last },
            dh: take(all),
            gi: take(g * rows * self.steps),
            gh: take(g * rows * self.steps * apart),
            dgi: take(g * together),
            dgh: take(g * together * apart),
            v: take(g * (self.width() + apart)),
            grad_inputs: take(g * (1 + self.features)),
            grad_b_hh: take(g * apart),
            c: take(all * memory),
            dc: take(state * memory),
            z: take(self.width() * rows * (self.steps + 1)),
            dx: take(self.features * together),
        }
    }
}
