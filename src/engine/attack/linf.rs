//! Parts shared by the L-inf attacks: random starts, signed steps with projection, restarts. Knows no attack by name.

use super::{AttackTask, ValidRange, Victim, margin, sign};
use crate::engine::kernel;
use crate::engine::rng::Purpose;

/// Writes a uniformly random point of the L-inf ball of radius eps about each sample, clamped; `nth` distinguishes
/// restarts.
pub(super) fn random_start(size: usize, task: &AttackTask<'_>, eps: f32, nth: usize, out: &mut [f32]) {
    for (row, (out, x0)) in out.chunks_exact_mut(size).zip(task.x.chunks_exact(size)).enumerate() {
        let mut draw = task.key.stream(Purpose::Attack, row);
        draw.seek((nth * size) as u64);
        for (i, (out, &x0)) in out.iter_mut().zip(x0).enumerate() {
            *out = task.valid.clamp(i, x0 + draw.uniform(-eps, eps));
        }
    }
}

/// x ← clamp(clip(x ± alpha·sign(∇ₓL), x0 - eps, x0 + eps)) for all samples of the task.
pub(super) fn step(victim: &mut Victim<'_>, task: &AttackTask<'_>, eps: f32, alpha: f32, x: &mut [f32]) {
    let (_, grad) = victim.loss_gradient(x, task.classes, 1.0);
    move_along(task, eps, alpha, grad, x);
}

/// The same step along the sign of a given direction.
pub(super) fn move_along(task: &AttackTask<'_>, eps: f32, alpha: f32, direction: &[f32], x: &mut [f32]) {
    let step = task.direction() * alpha;
    let moved = move |x: f32, x0: f32, g: f32| (x + step * sign(g)).max(x0 - eps).min(x0 + eps);
    kernel::simd(
        #[inline(always)]
        || match task.valid {
            ValidRange::All(low, high) => {
                for ((x, &x0), &g) in x.iter_mut().zip(task.x).zip(direction) {
                    *x = moved(*x, x0, g).max(low).min(high);
                }
            }
            ValidRange::Each { low, high } => {
                let size = low.len().max(1);
                let rows = x.chunks_exact_mut(size).zip(task.x.chunks_exact(size));
                for ((x, x0), g) in rows.zip(direction.chunks_exact(size)) {
                    for ((x, (&x0, &g)), (&low, &high)) in
                        x.iter_mut().zip(x0.iter().zip(g)).zip(low.iter().zip(high))
                    {
                        *x = moved(*x, x0, g).max(low).min(high);
                    }
                }
            }
        },
    );
}

/// The length of a step: the given one, or 2.5 eps/steps, which is enough to reach any point of the ball and return
/// (Madry et al. 2018).
pub(super) fn step_length(alpha: Option<f64>, eps: f64, steps: usize) -> f32 {
    alpha.unwrap_or(2.5 * eps / steps as f64) as f32
}

/// Runs an attack this many times and keeps, for each sample, the attempt with the greatest margin.
pub(super) fn best_of(
    restarts: usize,
    victim: &mut Victim<'_>,
    task: &AttackTask<'_>,
    out: &mut [f32],
    attempt: impl Fn(&mut Victim<'_>, usize, &mut [f32]),
) {
    attempt(victim, 0, out);
    if restarts <= 1 {
        return;
    }
    let (size, classes) = (victim.size(), victim.classes());
    let judge = |row: usize, logits: &[f32]| {
        margin(&logits[row * classes..(row + 1) * classes], task.classes[row], task.targeted)
    };
    let mut spare = victim.borrow(out.len() + task.classes.len());
    let (trial, best) = spare.split_at_mut(out.len());
    let logits = victim.logits(out);
    for (row, best) in best.iter_mut().enumerate() {
        *best = judge(row, logits);
    }
    for nth in 1..restarts {
        attempt(victim, nth, trial);
        let logits = victim.logits(trial);
        for (row, best) in best.iter_mut().enumerate() {
            let reached = judge(row, logits);
            if reached > *best {
                *best = reached;
                let numbers = row * size..(row + 1) * size;
                out[numbers.clone()].copy_from_slice(&trial[numbers]);
            }
        }
    }
    victim.restore(spare);
}
