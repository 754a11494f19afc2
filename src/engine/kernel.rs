//! The inner loops: matrix products, elementary functions, reductions and elementwise loops over plain f32 slices.
//!
//! Two promises hold for everything in here. **The same input gives the same bits on every machine**: no
//! function of the platform's mathematical library is used, each result is a fixed expression in exact IEEE
//! operations (`+ - * /`, `sqrt`, fused `mul_add`), and every sum has a fixed order that does not depend on the
//! width of the machine's vectors. **Nothing allocates.** The one thing chosen at run time is the instruction
//! set ([`simd`]), and it changes the speed only. (The sign and payload of a NaN are not promised.)
//!
//! Knows nothing of layers, networks, batches or randomness.

// Loops over the indices of a register tile or of lanes: only in this form does the compiler keep them in registers.
#![allow(clippy::needless_range_loop)]

mod buffer;
mod correlate;
mod elementwise;
mod gemm;
pub mod math;
mod reduce;
mod rows;
mod tiles;
mod transpose;

pub use buffer::Buffer;
pub use correlate::{COLUMNS, correlate};
pub use elementwise::{
    add, axpy, copy_rows, map, map_inplace, map2, map3, scale, sum_rows, update1, update2, update3, update4,
    update5,
};
pub use gemm::{CancelCheck, First, K_BLOCK, Strided, matmul, matmul_slices, product, product_of_starts};
pub use reduce::{
    LANES, central_sums_f64, distance_sq_f64, dot, dot_f64, max_abs, sum, sum_abs_f64, sum_f64, sum_sq,
    sum_sq_f64,
};
pub use rows::{RowsMut, TableRanges};
pub use tiles::{NOWHERE, Pairs, Tiles, join_rows, part_rows, stays};
pub use transpose::transpose_into as transpose;

/// Runs a closure compiled for the widest vectors of this machine (AVX-512, AVX2 + FMA, NEON, or none).
///
/// A plain loop inside is vectorised by the compiler as if the whole program had been built for this machine, provided
/// that everything it calls is inlined: mark helper functions `#[inline(always)]`. Without hardware FMA, `mul_add`
/// becomes a call that computes the same bits slowly.
///
/// # Notes
/// To keep the bits independent of the instruction set, choose between two floats with `if a > b { a } else { b }` and
/// not with `f32::max`, whose choice between +0 and -0 is left to the machine.
#[inline]
pub fn simd<R>(f: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(f)
}

/// Instruction sets with which tests run a kernel.
#[cfg(test)]
#[derive(Clone, Copy, Debug)]
enum Machine {
    Widest,
    Avx2,
    Scalar,
}

#[cfg(test)]
impl Machine {
    const ALL: [Self; 3] = [Self::Widest, Self::Avx2, Self::Scalar];

    fn run(self, work: impl pulp::WithSimd<Output = ()>) {
        match self {
            Self::Widest => pulp::Arch::new().dispatch(work),
            Self::Scalar => work.with_simd(pulp::Scalar),
            Self::Avx2 => {
                #[cfg(target_arch = "x86_64")]
                if let Some(simd) = pulp::x86::V3::try_new() {
                    pulp::Simd::vectorize(simd, work);
                    return;
                }
                pulp::Arch::new().dispatch(work);
            }
        }
    }
}
