//! The gradient of the parameters where a batch was cut in two: each half of the parameters for itself, which two threads
//! can do at once. Where they are cut depends on the layers alone.

use super::Network;
use crate::engine::kernel::{self, Rows};

impl Network {
    /// Where the parameters of layers whose gradient is had apart are cut into two halves, or all where there are none.
    pub(super) fn find_middle(&self) -> usize {
        let apart = || self.nodes.iter().filter_map(|n| n.layer.apart().map(|layer| (layer, &n.params)));
        let mut left = apart().map(|(_, params)| params.len()).sum::<usize>() / 2;
        for (layer, params) in apart() {
            if left <= params.len() {
                return params.start + layer.cut(left);
            }
            left -= params.len();
        }
        self.param_count() / 2
    }

    /// Whether cutting a batch changes no number.
    pub(super) fn find_by_rows(&self) -> bool {
        let alone =
            |n: &super::Node| n.layer.totals() == 0 && (n.params.is_empty() || n.layer.apart().is_some());
        self.nodes.iter().all(alone)
    }

    /// Parameters up to the end of the last layer that the second half of a batch has a gradient of its own for.
    pub(super) fn summed(&self) -> usize {
        self.nodes.iter().rfind(|n| n.layer.apart().is_none()).map_or(0, |n| n.params.end)
    }

    /// Completes the gradient of the parameters from `from` on: what is had apart is computed over the whole batch,
    /// to the rest, which is that of the first half of the batch, `other` is added.
    pub(super) fn finish(
        &self,
        rows: usize,
        values: &Rows,
        slopes: &Rows,
        other: &[f32],
        from: usize,
        out: &mut [f32],
    ) {
        let until = from + out.len();
        for (i, node) in self.nodes.iter().enumerate() {
            let (start, end) = (node.params.start.max(from), node.params.end.min(until));
            if start >= end {
                continue;
            }
            let out = &mut out[start - from..end - from];
            match node.layer.apart() {
                Some(layer) => {
                    layer.gradient(rows, values.get(i), slopes.get(i + 1), start - node.params.start, out);
                }
                None => kernel::add(&other[start..end], out),
            }
        }
    }
}
