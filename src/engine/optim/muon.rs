//! Muon.

use super::{Optimizer, OptimizerState, Update, WeightUpdate, adamw::AdamW, correction};
use crate::engine::kernel::{self, CancelCheck, First, Strided};
use crate::engine::network::Slot;
use crate::registry::{plain_values, settings};
use serde::{Deserialize, Serialize};

/// The implementation that the step follows. They differ in the momentum and in the numbers of the iteration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Form {
    /// optax 0.2.8: the momentum is corrected for its start at 0, and the iteration runs in f32 and starts at e/(‖e‖ +
    /// eps).
    #[default]
    Optax,
    /// `torch.optim.Muon` of PyTorch 2.15: no correction, and the iteration runs in bfloat16 and starts at e/max(‖e‖,
    /// eps). PyTorch has other defaults (lr 0.001, eps 1e-7, weight_decay 0.1), and accepts only matrices.
    Torch,
}
plain_values!(Form);

/// The factor on the learning rate of a matrix; PyTorch's names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum AdjustLr {
    /// √max(1, rows/columns): Jordan et al.
    #[default]
    Original,
    /// 0.2·√max(rows, columns), which makes steps as long as those of AdamW: Liu et al. 2025, arXiv:2502.16982.
    MatchRmsAdamw,
    /// √(rows/columns): Bernstein & Newhouse 2024, arXiv:2409.20325.
    SpectralUnclamped,
}
plain_values!(AdjustLr);

impl AdjustLr {
    fn factor(self, rows: usize, columns: usize) -> f64 {
        let (rows, columns) = (rows as f64, columns as f64);
        match self {
            Self::Original => (rows / columns).max(1.0).sqrt(),
            Self::MatchRmsAdamw => 0.2 * rows.max(columns).sqrt(),
            Self::SpectralUnclamped => (rows / columns).sqrt(),
        }
    }
}

settings! {
    /// Momentum made orthogonal, for matrices and kernels; all other tensors go to an AdamW. Jordan et al. 2024 (kellerjordan.github.io/posts/muon). The form of optax, or with `form: Torch` PyTorch's.
    pub struct Muon {
        /// learning rate of the matrices
        lr: f64 = 0.02, 0.0..=1e6;
        /// decay rate of the momentum
        beta: f64 = 0.95, 0.0..1.0;
        /// whether the momentum looks one step ahead
        nesterov: bool = true;
        /// iterations of Newton and Schulz that make the step orthogonal
        ns_steps: usize = 5, 0..=50;
        /// coefficients (a, b, c) of an iteration X ← aX + (bA + cA²)X with A = XXᵀ
        ns_coeffs: (f64, f64, f64) = (3.4445, -4.775, 2.0315), -100.0..=100.0;
        /// added to the norm by which the iteration starts
        eps: f64 = 1e-8, 0.0..=1.0;
        /// share of the matrices taken away at each step, times the learning rate
        weight_decay: f64 = 0.0, 0.0..=100.0;
        /// whose form of the step: Optax, or Torch (PyTorch's)
        form: Form = Form::Optax;
        /// factor on the rate of a matrix: Original, MatchRmsAdamw or SpectralUnclamped
        adjust_lr_fn: AdjustLr = AdjustLr::Original;
        /// optimizer of biases, gains and all other tensors that are no matrices; the schedule scales its rate too
        others: AdamW = AdamW::default();
    }
}

/// Rows and columns of a tensor that counts as a matrix: a kernel [out, in, h, w] is the matrix [out, in h w].
fn matrix_of(slot: &Slot) -> Option<(usize, usize)> {
    let rows = slot.shape[0];
    (slot.shape.len() >= 2 && !slot.range.is_empty()).then(|| (rows, slot.range.len() / rows))
}

impl Muon {
    /// The number by which the momentum is divided at step t.
    fn correction(&self, t: u64) -> f64 {
        match self.form {
            Form::Optax => correction(self.beta, t),
            Form::Torch => 1.0,
        }
    }
}

impl Optimizer for Muon {
    lr_field!();
    fn buffers(&self) -> &'static [&'static str] {
        &["m", "X"]
    }
    /// After the buffers: the second moment of the other tensors, and two scratch buffers of the iteration.
    fn init(&self, params: &[f32]) -> OptimizerState {
        OptimizerState { vectors: vec![vec![0.0; params.len()]; 5], scalars: Vec::new() }
    }
    fn step(&self, state: &mut OptimizerState, u: Update<'_>) {
        let [m, x, v, a, b] = &mut state.vectors[..] else { unreachable!("Muon keeps 5 buffers") };
        let t = u.step;
        let others_lr = if self.lr > 0.0 { u.lr / self.lr * self.others.lr } else { 0.0 };
        let (beta, fresh) = (self.beta as f32, (1.0 - self.beta) as f32);
        // e = by_m m + by_g g
        let (by_m, by_g) = if self.nesterov {
            (self.beta / self.correction(t + 1), (1.0 - self.beta) / self.correction(t))
        } else {
            (1.0 / self.correction(t), 0.0)
        };
        let (by_m, by_g) = (by_m as f32, by_g as f32);
        for slot in u.slots {
            let r = slot.range.clone();
            let (p, g) = (&mut u.params[r.clone()], &mut u.grads[r.clone()]);
            let m = &mut m[r.clone()];
            let Some((rows, columns)) = matrix_of(slot) else {
                self.others.update(u.team, t, others_lr, p, m, &mut v[r], g);
                continue;
            };
            let x = &mut x[r.clone()];
            u.team.update2(
                x,
                m,
                g,
                #[inline(always)]
                move |_, m, g| {
                    let m = beta.mul_add(m, fresh * g);
                    (by_m.mul_add(m, by_g * g), m)
                },
            );
            let scratch = [&mut a[r.clone()], &mut b[r], g];
            let (size, left) = ((rows, columns), || u.team.left());
            orthogonalise(x, size, self.ns_coeffs, self.ns_steps, self.eps, self.form, scratch, &left);
            if left() {
                return;
            }
            let rate = u.lr * self.adjust_lr_fn.factor(rows, columns);
            let keep = (1.0 - u.lr * self.weight_decay) as f32;
            u.team.update1(
                p,
                x,
                #[inline(always)]
                move |p, x| (-rate as f32).mul_add(x, keep * p),
            );
        }
    }
    fn leaves_traces(&self) -> bool {
        true
    }
    fn derived(&self, look: &WeightUpdate<'_>) -> Vec<(&'static str, f64)> {
        vec![("m̂", look.now(0) / self.correction(look.step))]
    }
    fn formula(&self) -> &'static str {
        "m ← βm + (1-β)g   X = NewtonSchulz(m̂, looking ahead)   θ ← θ - lr·(factor(rows, columns)·X + λθ) for matrices; AdamW for the rest"
    }
}

/// Moves the matrix x close to the nearest matrix with orthonormal rows (or columns): `steps` iterations of X ← aX +
/// (bA + cA²)X, A = XXᵀ, on X/(‖X‖ + eps), transposed if it is taller than wide. PyTorch's form starts at X/max(‖X‖,
/// eps) and rounds the result of every operation to bfloat16.
///
/// `scratch` has three times the length of x. Once `left` returns true, the rest is not computed.
#[expect(clippy::too_many_arguments, reason = "the settings of one iteration, each used once")]
pub fn orthogonalise(
    x: &mut [f32],
    (rows, columns): (usize, usize),
    (a, b, c): (f64, f64, f64),
    steps: usize,
    eps: f64,
    form: Form,
    scratch: [&mut [f32]; 3],
    left: CancelCheck<'_>,
) {
    let round = |x: &mut [f32]| {
        if form == Form::Torch {
            for x in x {
                *x = bfloat16(*x);
            }
        }
    };
    round(x);
    let norm = kernel::sum_sq_f64(x).sqrt();
    let norm = match form {
        Form::Optax => norm + eps,
        Form::Torch => f64::from(bfloat16(norm as f32)).max(eps),
    };
    if norm == 0.0 {
        return;
    }
    let [square, polynomial, next] = scratch;
    match form {
        Form::Optax => kernel::scale(x, (1.0 / norm) as f32),
        Form::Torch => {
            for x in &mut *x {
                *x = bfloat16(*x / norm as f32);
            }
        }
    }
    let tall = rows > columns;
    let (n, wide) = if tall { (columns, rows) } else { (rows, columns) };
    let (a, b, c) = (a as f32, b as f32, c as f32);
    let (square, polynomial) = (&mut square[..n * n], &mut polynomial[..n * n]);
    for _ in 0..steps {
        // For a transposed matrix: XᵀX and X(bA + cA²), where A is symmetric.
        let view = Strided::rows(x, columns);
        let flat = if tall { view.t() } else { view };
        kernel::product(left, (n, n, wide), flat, flat.t(), First::Zero, square, n);
        if left() {
            return;
        }
        round(square);
        let gram = Strided::rows(square, n);
        kernel::product(left, (n, n, n), gram, gram, First::Zero, polynomial, n);
        kernel::update1(
            polynomial,
            square,
            #[inline(always)]
            move |squared, gram| b.mul_add(gram, c * squared),
        );
        round(polynomial);
        let factor = Strided::rows(polynomial, n);
        let (size, one, other) =
            if tall { ((rows, columns, n), view, factor) } else { ((rows, columns, n), factor, view) };
        kernel::product(left, size, one, other, First::Zero, next, columns);
        kernel::update1(
            x,
            next,
            #[inline(always)]
            move |x, moved| a.mul_add(x, moved),
        );
        round(x);
    }
}

/// The nearest number with eight significant bits, as in bfloat16; ties go to the even one.
fn bfloat16(x: f32) -> f32 {
    let bits = x.to_bits();
    if x.is_finite() { f32::from_bits(bits.wrapping_add(0x7fff + (bits >> 16 & 1)) & 0xffff_0000) } else { x }
}
