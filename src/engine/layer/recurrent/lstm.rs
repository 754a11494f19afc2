//! The long short-term memory cell.

// A step reads several blocks at one index.
#![allow(clippy::needless_range_loop)]

use super::{Cell, StepBackward, StepForward, blocks, blocks_mut};
use crate::engine::kernel::math;
use crate::engine::layer::{Build, Layer};
use crate::engine::shape::Shape;
use crate::limits;
use crate::registry::settings;

settings! {
    /// Long short-term memory: a gated sum carries the gradient through time. Hochreiter & Schmidhuber 1997.
    pub struct Lstm {
        /// numbers in the state, and in the memory
        units: usize = 32, 1..=limits::UNITS;
        /// give the state of every time step instead of the last one
        all: bool = false;
        /// whether b_hh is there; beside b_ih it adds nothing, but PyTorch has both
        bias_hh: bool = true;
    }
}

impl Build for Lstm {
    fn build(&self, input: Shape) -> Result<Box<dyn Layer>, String> {
        super::build("Lstm", LstmCell, self.units, self.all, self.bias_hh, input)
    }
}

/// Gates in the order i, f, g, o: c = f c + i g, h = o tanh(c).
#[derive(Debug)]
struct LstmCell;

impl Cell for LstmCell {
    const GATES: usize = 4;
    const MEMORY: bool = true;

    #[inline(always)]
    fn forward(&self, s: StepForward<'_>) {
        let n = s.h_prev.len();
        let [i, f, g, o] = blocks_mut::<4>(s.gi, n);
        let (c_prev, c, h) = (&s.c_prev[..n], &mut s.c[..n], &mut s.h[..n]);
        for j in 0..n {
            i[j] = math::sigmoid(i[j]);
            f[j] = math::sigmoid(f[j]);
            g[j] = math::tanh(g[j]);
            o[j] = math::sigmoid(o[j]);
            c[j] = f[j].mul_add(c_prev[j], i[j] * g[j]);
            h[j] = o[j] * math::tanh(c[j]);
        }
    }

    #[inline(always)]
    fn backward(&self, s: StepBackward<'_>) {
        let n = s.h.len();
        let [i, f, g, o] = blocks::<4>(s.gi, n);
        let [di, df, dg, do_] = blocks_mut::<4>(s.dgi, n);
        let (c, c_prev, dh, dc) = (&s.c[..n], &s.c_prev[..n], &s.dh[..n], &mut s.dc[..n]);
        for j in 0..n {
            // h = o tanh(c)
            let tanh_c = math::tanh(c[j]);
            let dc_now = (dh[j] * o[j]).mul_add(1.0 - tanh_c * tanh_c, dc[j]);
            do_[j] = dh[j] * tanh_c * o[j] * (1.0 - o[j]);
            // c = f c_prev + i g
            di[j] = dc_now * g[j] * i[j] * (1.0 - i[j]);
            df[j] = dc_now * c_prev[j] * f[j] * (1.0 - f[j]);
            dg[j] = dc_now * i[j] * (1.0 - g[j] * g[j]);
            dc[j] = dc_now * f[j];
        }
    }
}
