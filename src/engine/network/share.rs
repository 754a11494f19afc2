//! The parameters' gradient of a batch that was cut in two. It is computed for two halves of the parameters, in two
//! threads if available. The cut depends on the layers alone.

use super::{Network, Unit};
use crate::engine::kernel::{self, RowsMut};
use crate::engine::team::Team;

impl Network {
    /// The parameter at which the layers with a separate gradient are cut into two halves; the middle of all parameters
    /// if there are no such layers.
    pub(super) fn find_middle(&self) -> usize {
        let apart = || {
            let params = |unit: &Unit| self.nodes[unit.nodes.start].params.clone();
            self.units.iter().filter_map(move |u| self.layer(u).apart().map(|layer| (layer, params(u))))
        };
        let mut left = apart().map(|(_, params)| params.len()).sum::<usize>() / 2;
        for (layer, params) in apart() {
            if left <= params.len() {
                return params.start + layer.cut(left);
            }
            left -= params.len();
        }
        self.param_count() / 2
    }

    /// Whether cutting a batch leaves all numbers the same.
    pub(super) fn find_by_rows(&self) -> bool {
        self.units.iter().all(|unit| {
            let (layer, params) = (self.layer(unit), &self.nodes[unit.nodes.start].params);
            layer.totals() == 0 && (params.is_empty() || layer.apart().is_some())
        })
    }

    /// The number of parameters up to the end of the last layer whose gradient is computed separately for the second
    /// half of a batch.
    pub(super) fn summed(&self) -> usize {
        let last = self.units.iter().rfind(|u| self.layer(u).apart().is_none());
        last.map_or(0, |u| self.nodes[u.nodes.start].params.end)
    }

    /// Completes the gradient of the parameters from `from` on. Separate gradients are computed over the whole batch;
    /// the others hold the first half's gradient, to which `other` is added.
    pub(super) fn finish(
        &self,
        rows: usize,
        values: &RowsMut,
        slopes: &RowsMut,
        other: &[f32],
        from: usize,
        out: &mut [f32],
        team: &dyn Team,
    ) {
        let until = from + out.len();
        for unit in &self.units {
            let params = &self.nodes[unit.nodes.start].params;
            let (start, end) = (params.start.max(from), params.end.min(until));
            if start >= end {
                continue;
            }
            let out = &mut out[start - from..end - from];
            match self.layer(unit).apart() {
                Some(layer) => {
                    let (x, grad_output) = (values.get(unit.nodes.start), slopes.get(unit.nodes.end));
                    layer.gradient(rows, x, grad_output, start - params.start, out, team);
                }
                None => kernel::add(&other[start..end], out),
            }
        }
    }
}
