//! The formula of one step of one unit, and the loop that applies it to a row of them. Knows neither time nor weights.

// Arrays of lanes filled by index: only in this form does the compiler keep them in registers.
#![allow(clippy::needless_range_loop)]

use crate::engine::kernel::math::snap;

/// The inputs of one unit at one step, forward.
#[derive(Clone, Copy)]
pub(super) struct UnitInputs<const GATES: usize> {
    /// W_ih x + b_ih + W_hh h_prev + b_hh of each gate, or only the first two terms if the cell takes the products
    /// separately. In backward: the values that forward stored in their place.
    pub gi: [f32; GATES],
    /// W_hh h_prev + b_hh of each gate, for cells that take it separately.
    pub gh: [f32; GATES],
    pub h_prev: f32,
    /// Memory before the step, for cells that have one.
    pub c_prev: f32,
}

/// The outputs of one unit at one step.
pub(super) struct UnitOutputs<const GATES: usize> {
    /// The values that backward reads in place of `gi`.
    pub gates: [f32; GATES],
    pub h: f32,
    pub c: f32,
}

/// The gradients of one unit at one step, given those with respect to its h and c.
pub(super) struct Slopes<const GATES: usize> {
    /// dL/d(gi).
    pub dgi: [f32; GATES],
    /// dL/d(gh), for cells that take it separately.
    pub dgh: [f32; GATES],
    /// The part of dL/dh_prev that bypasses the gates.
    pub dh_prev: f32,
    pub dc_prev: f32,
}

/// The formula of one step.
pub(super) trait RecurrentCell<const GATES: usize>: Send + Sync + std::fmt::Debug + 'static {
    /// Whether there is a memory c beside the state h.
    const MEMORY: bool;
    /// Whether the gates need the products with x and with h separately instead of their sum.
    const APART: bool = false;
    fn forward(&self, s: UnitInputs<GATES>) -> UnitOutputs<GATES>;
    /// `h` and `c` are the values that forward computed.
    fn backward(&self, s: UnitInputs<GATES>, h: f32, c: f32, dh: f32, dc: f32) -> Slopes<GATES>;
}

/// Units that are computed together: the width of the widest vector.
const LANES: usize = 16;
type UnitGroup = [f32; LANES];

/// Loads the numbers of some units: `LANES` of them if `WHOLE`, otherwise the remaining ones padded with zeros. An
/// empty array gives zeros.
#[inline(always)]
fn load<const WHOLE: bool>(x: &[f32], at: usize, end: usize) -> UnitGroup {
    let mut lanes = [0.0; LANES];
    if WHOLE && !x.is_empty() {
        lanes.copy_from_slice(&x[at..][..LANES]);
    } else if !x.is_empty() {
        lanes.iter_mut().zip(&x[at..end]).for_each(|(lane, &x)| *lane = x);
    }
    lanes
}

#[inline(always)]
fn store<const WHOLE: bool>(x: &mut [f32], at: usize, end: usize, lanes: &UnitGroup) {
    if WHOLE && !x.is_empty() {
        x[at..][..LANES].copy_from_slice(lanes);
    } else if !x.is_empty() {
        x[at..end].iter_mut().zip(lanes).for_each(|(x, &lane)| *x = lane);
    }
}

/// One time step of one sample: rows of `units` numbers; the rows of the gates follow one another.
pub(super) struct CellStep<'a> {
    pub gi: &'a mut [f32],
    pub gh: &'a [f32],
    pub h_prev: &'a [f32],
    pub h: &'a mut [f32],
    pub c_prev: &'a [f32],
    pub c: &'a mut [f32],
}

/// Runs all units of a row forward.
#[inline(always)]
pub(super) fn forward<const G: usize, C: RecurrentCell<G>>(cell: &C, mut row: CellStep<'_>) {
    let n = row.h.len();
    let whole = n - n % LANES;
    for at in (0..whole).step_by(LANES) {
        units::<G, C, true>(cell, &mut row, at);
    }
    if whole < n {
        units::<G, C, false>(cell, &mut row, whole);
    }
}

#[inline(always)]
fn units<const G: usize, C: RecurrentCell<G>, const WHOLE: bool>(
    cell: &C,
    row: &mut CellStep<'_>,
    at: usize,
) {
    let n = row.h.len();
    let (mut gi, mut gh) = ([[0.0; LANES]; G], [[0.0; LANES]; G]);
    for k in 0..G {
        gi[k] = load::<WHOLE>(row.gi, k * n + at, (k + 1) * n);
        if C::APART {
            gh[k] = load::<WHOLE>(row.gh, k * n + at, (k + 1) * n);
        }
    }
    let h_prev = load::<WHOLE>(row.h_prev, at, n);
    let c_prev = if C::MEMORY { load::<WHOLE>(row.c_prev, at, n) } else { [0.0; LANES] };
    let (mut h, mut c) = ([0.0; LANES], [0.0; LANES]);
    for l in 0..LANES {
        let (mut gi_l, mut gh_l) = ([0.0; G], [0.0; G]);
        for k in 0..G {
            (gi_l[k], gh_l[k]) = (gi[k][l], gh[k][l]);
        }
        let made = cell.forward(UnitInputs { gi: gi_l, gh: gh_l, h_prev: h_prev[l], c_prev: c_prev[l] });
        for k in 0..G {
            gi[k][l] = made.gates[k];
        }
        (h[l], c[l]) = (made.h, made.c);
    }
    for k in 0..G {
        store::<WHOLE>(row.gi, k * n + at, (k + 1) * n, &gi[k]);
    }
    store::<WHOLE>(row.h, at, n, &h);
    if C::MEMORY {
        store::<WHOLE>(row.c, at, n, &c);
    }
}

/// One time step of one sample in backward; gates and states hold the values that forward stored.
pub(super) struct RowBack<'a> {
    pub gi: &'a [f32],
    pub gh: &'a [f32],
    pub h_prev: &'a [f32],
    pub h: &'a [f32],
    pub c_prev: &'a [f32],
    pub c: &'a [f32],
    /// dL/dh of this step.
    pub dh: &'a [f32],
    /// In: dL/dc of this step. Out: dL/dc of the step before.
    pub dc: &'a mut [f32],
    pub dgi: &'a mut [f32],
    pub dgh: &'a mut [f32],
    /// The gradient that bypasses the gates; empty for cells without such a path.
    pub dh_prev: &'a mut [f32],
}

/// Runs all units of a row backward.
#[inline(always)]
pub(super) fn backward<const G: usize, C: RecurrentCell<G>>(cell: &C, mut row: RowBack<'_>) {
    let n = row.dh.len();
    let whole = n - n % LANES;
    for at in (0..whole).step_by(LANES) {
        units_back::<G, C, true>(cell, &mut row, at);
    }
    if whole < n {
        units_back::<G, C, false>(cell, &mut row, whole);
    }
}

#[inline(always)]
fn units_back<const G: usize, C: RecurrentCell<G>, const WHOLE: bool>(
    cell: &C,
    row: &mut RowBack<'_>,
    at: usize,
) {
    let n = row.dh.len();
    let (mut gi, mut gh) = ([[0.0; LANES]; G], [[0.0; LANES]; G]);
    for k in 0..G {
        gi[k] = load::<WHOLE>(row.gi, k * n + at, (k + 1) * n);
        if C::APART {
            gh[k] = load::<WHOLE>(row.gh, k * n + at, (k + 1) * n);
        }
    }
    let (h_prev, h) = (load::<WHOLE>(row.h_prev, at, n), load::<WHOLE>(row.h, at, n));
    let (mut c_prev, mut c, mut dc) = ([0.0; LANES], [0.0; LANES], [0.0; LANES]);
    if C::MEMORY {
        c_prev = load::<WHOLE>(row.c_prev, at, n);
        c = load::<WHOLE>(row.c, at, n);
        dc = load::<WHOLE>(row.dc, at, n);
    }
    let dh = load::<WHOLE>(row.dh, at, n);
    let mut dh_prev = [0.0; LANES];
    for l in 0..LANES {
        let (mut gi_l, mut gh_l) = ([0.0; G], [0.0; G]);
        for k in 0..G {
            (gi_l[k], gh_l[k]) = (gi[k][l], gh[k][l]);
        }
        let seen = UnitInputs { gi: gi_l, gh: gh_l, h_prev: h_prev[l], c_prev: c_prev[l] };
        let slopes = cell.backward(seen, h[l], c[l], dh[l], dc[l]);
        for k in 0..G {
            (gi[k][l], gh[k][l]) = (snap(slopes.dgi[k]), snap(slopes.dgh[k]));
        }
        // A gradient that vanishes over time would otherwise become subnormal.
        (dh_prev[l], dc[l]) = (snap(slopes.dh_prev), snap(slopes.dc_prev));
    }
    for k in 0..G {
        store::<WHOLE>(row.dgi, k * n + at, (k + 1) * n, &gi[k]);
        if C::APART {
            store::<WHOLE>(row.dgh, k * n + at, (k + 1) * n, &gh[k]);
        }
    }
    if C::APART {
        store::<WHOLE>(row.dh_prev, at, n, &dh_prev);
    }
    if C::MEMORY {
        store::<WHOLE>(row.dc, at, n, &dc);
    }
}
