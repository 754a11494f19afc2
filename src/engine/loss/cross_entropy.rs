//! Softmax cross-entropy on logits.

use super::{Loss, Targets};
use crate::engine::kernel::{self, math};
use crate::registry::{plain_values, settings};
use serde::{Deserialize, Serialize};

/// The weight of the samples of each class.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum ClassWeights {
    /// Equal weights.
    #[default]
    Equal,
    /// N / (K Nc) for samples of class c, with N samples, K classes, and Nc samples of class c. Every class then has
    /// the same total weight.
    Balanced,
    /// These weights, in the order of the classes.
    Each(Vec<f64>),
}
plain_values!(ClassWeights);

impl ClassWeights {
    /// The same with `Balanced` replaced by its values for samples of these classes.
    #[must_use]
    pub fn among(&self, of: &[u32], classes: usize) -> Self {
        if *self != Self::Balanced {
            return self.clone();
        }
        let mut counts = vec![0usize; classes];
        for &class in of {
            counts[class as usize] += 1;
        }
        let weight = |&n: &usize| of.len() as f64 / (classes * n.max(1)) as f64;
        Self::Each(counts.iter().map(weight).collect())
    }

    fn of(&self, class: usize) -> f32 {
        match self {
            Self::Each(weights) => weights.get(class).map_or(1.0, |w| *w as f32),
            Self::Equal | Self::Balanced => 1.0,
        }
    }
}

settings! {
    /// Softmax cross-entropy on logits, -Σ q ln softmax(z), q the class smoothed by `label_smoothing`.
    pub struct CrossEntropy {
        /// share s of the probability spread over all classes: q = (1 - s) onehot + s/K
        label_smoothing: f64 = 0.0, 0.0..1.0;
        /// how much samples of each class count: Equal, Balanced, Each([1, 29]); as in Keras the mean divides by the samples
        class_weights: ClassWeights = ClassWeights::Equal;
    }
}

impl Loss for CrossEntropy {
    fn eval(
        &self,
        input: &[f32],
        width: usize,
        targets: Targets<'_>,
        scale: f32,
        mut grad: Option<&mut [f32]>,
        mut each: Option<&mut [f32]>,
    ) -> f64 {
        let smooth = self.label_smoothing as f32;
        // As many rows at a time as fit into a small buffer, so that exponentials and logarithms are vectorised even if
        // rows are short.
        let rows = (BLOCK / width).clamp(1, ROWS);
        let mut buffer = [0.0; BLOCK];
        let mut total = 0.0;
        for (i, z) in input.chunks(rows * width).enumerate() {
            let first = i * rows;
            let at = first * width..first * width + z.len();
            let block = Block {
                z,
                width,
                smooth,
                weights: &self.class_weights,
                scale,
                grad: grad.as_deref_mut().map(|g| &mut g[at.clone()]),
                each: each.as_deref_mut().map(|e| &mut e[first..first + z.len() / width]),
            };
            let targets = match targets {
                Targets::Classes(y) => Targets::Classes(&y[first..first + z.len() / width]),
                Targets::Values(q) => Targets::Values(&q[at]),
            };
            if z.len() <= BLOCK {
                total += block.eval(targets, &mut buffer[..z.len()]);
            } else {
                total += block.eval(targets, &mut vec![0.0; z.len()]);
            }
        }
        total
    }

    fn terms(&self, input: &[f32], width: usize) -> usize {
        input.len() / width
    }

    fn classifies(&self) -> bool {
        true
    }
}

/// Numbers of a block of rows.
const BLOCK: usize = 1024;
/// Rows of a block.
const ROWS: usize = 64;

/// Some rows of logits, and the destinations of their results.
struct Block<'a> {
    z: &'a [f32],
    width: usize,
    smooth: f32,
    weights: &'a ClassWeights,
    scale: f32,
    grad: Option<&'a mut [f32]>,
    each: Option<&'a mut [f32]>,
}

impl Block<'_> {
    /// The sum of the losses; `e` is scratch memory as long as the logits.
    fn eval(self, targets: Targets<'_>, e: &mut [f32]) -> f64 {
        let Self { z, width, smooth, weights, scale, mut grad, mut each } = self;
        let (mut shifts, mut sums, mut logs) = ([0.0; ROWS], [1.0; ROWS], [0.0; ROWS]);
        let share = smooth / width as f32;
        kernel::simd(
            #[inline(always)]
            || {
                let rows = z.len() / width;
                for ((z, e), shift) in z.chunks_exact(width).zip(e.chunks_exact_mut(width)).zip(&mut shifts) {
                    *shift = maximum(z);
                    e.iter_mut().zip(z).for_each(|(e, &z)| *e = z - *shift);
                }
                for e in e.iter_mut() {
                    *e = math::exp(*e);
                }
                for (e, sum) in e.chunks_exact(width).zip(&mut sums) {
                    *sum = sum_of(e);
                }
                logs.iter_mut().zip(&sums).for_each(|(log, &sum)| *log = math::ln(sum));
                let mut total = 0.0;
                for row in 0..rows {
                    let at = row * width..(row + 1) * width;
                    let (z, e) = (&z[at.clone()], &e[at.clone()]);
                    let grad = grad.as_deref_mut().map(|g| &mut g[at.clone()]);
                    let scale = scale * weight(weights, targets, row, width);
                    let log_sum = f64::from(logs[row]);
                    let term = |z: f32| log_sum - f64::from(z - shifts[row]);
                    let loss = match targets {
                        // The usual case: one class, perhaps smoothed. dz = softmax(z) - q
                        Targets::Classes(y) => {
                            let class = y[row] as usize;
                            if let Some(grad) = grad {
                                let factor = 1.0 / sums[row];
                                for (g, &e) in grad.iter_mut().zip(e) {
                                    *g = scale * (e * factor - share);
                                }
                                grad[class] -= scale * (1.0 - smooth);
                            }
                            if smooth == 0.0 {
                                term(z[class])
                            } else {
                                let all: f64 = z.iter().map(|&z| term(z)).sum();
                                f64::from(1.0 - smooth) * term(z[class]) + f64::from(share) * all
                            }
                        }
                        // A distribution, which `label_smoothing` mixes with the uniform one as in PyTorch. dz =
                        // softmax(z) Σq - q, because the targets may not sum to 1
                        Targets::Values(q) => {
                            let q = q[at].iter().map(|&q| (1.0 - smooth) * q + share);
                            if let Some(grad) = grad {
                                let factor = q.clone().sum::<f32>() / sums[row];
                                for ((g, &e), q) in grad.iter_mut().zip(e).zip(q.clone()) {
                                    *g = scale * (e * factor - q);
                                }
                            }
                            q.zip(z).map(|(q, &z)| f64::from(q) * term(z)).sum()
                        }
                    };
                    let loss = loss * f64::from(weight(weights, targets, row, width));
                    total += loss;
                    if let Some(each) = each.as_deref_mut() {
                        each[row] = loss as f32;
                    }
                }
                total
            },
        )
    }
}

/// The weight of a row: that of its class, or the mean over the classes in which it has shares.
#[inline(always)]
fn weight(weights: &ClassWeights, targets: Targets<'_>, row: usize, width: usize) -> f32 {
    match targets {
        _ if *weights == ClassWeights::Equal => 1.0,
        Targets::Classes(y) => weights.of(y[row] as usize),
        Targets::Values(q) => (0..width).map(|class| q[row * width + class] * weights.of(class)).sum(),
    }
}

/// The largest logit, or NaN if there is one.
#[inline(always)]
fn maximum(z: &[f32]) -> f32 {
    z.iter().fold(f32::NEG_INFINITY, |m, &v| if v > m || v.is_nan() { v } else { m })
}

/// The sum in eight partial sums, so that a long row is vectorised.
#[inline(always)]
fn sum_of(e: &[f32]) -> f32 {
    if e.len() < 8 {
        return e.iter().sum();
    }
    let mut lanes = [0.0f32; 8];
    for part in e.chunks(8) {
        for (lane, &e) in lanes.iter_mut().zip(part) {
            *lane += e;
        }
    }
    lanes.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loss(z: &[f32], targets: Targets<'_>, smooth: f64) -> (f64, Vec<f32>) {
        let mut grad = vec![f32::NAN; z.len()];
        let config = CrossEntropy { label_smoothing: smooth, ..CrossEntropy::default() };
        (config.eval(z, z.len(), targets, 1.0, Some(&mut grad), None), grad)
    }

    #[test]
    fn a_class_is_the_distribution_that_has_it_alone() {
        let z = [0.5, -1.25, 3.0, 0.0, 1.0, -2.0, 0.25, 4.0, -0.5];
        let mut q = [0.0; 9];
        q[2] = 1.0;
        for smooth in [0.0, 0.2] {
            let (a, ga) = loss(&z, Targets::Classes(&[2]), smooth);
            let (b, gb) = loss(&z, Targets::Values(&q), smooth);
            assert!((a - b).abs() < 1e-6, "{a} {b}");
            assert!(ga.iter().zip(&gb).all(|(a, b)| (a - b).abs() < 1e-6), "{ga:?} {gb:?}");
        }
    }

    #[test]
    fn huge_logits_give_finite_numbers_and_nan_gives_nan() {
        let (l, g) = loss(&[1e4, -1e4, 0.0], Targets::Classes(&[1]), 0.1);
        assert!(l.is_finite() && g.iter().all(|g| g.is_finite()), "{l} {g:?}");
        let (l, _) = loss(&[f32::NAN, 1.0], Targets::Classes(&[1]), 0.0);
        assert!(l.is_nan());
    }

    #[test]
    fn classes_count_as_their_weights_say() {
        let z = [0.5, -1.25, 2.0, 0.0, 1.0, -2.0];
        let classes = [0, 1, 1];
        let eval = |class_weights: ClassWeights| {
            let loss = CrossEntropy { class_weights, ..CrossEntropy::default() };
            let (mut grad, mut each) = (vec![0.0; 6], vec![0.0; 3]);
            let sum = loss.eval(&z, 2, Targets::Classes(&classes), 1.0, Some(&mut grad), Some(&mut each));
            (sum, grad, each)
        };
        let (_, grad, each) = eval(ClassWeights::Equal);
        let balanced = ClassWeights::Balanced.among(&classes, 2);
        assert_eq!(balanced, ClassWeights::Each(vec![1.5, 0.75]));
        let (sum, weighted, of) = eval(balanced);
        let weights = [1.5, 0.75, 0.75];
        for row in 0..3 {
            assert!((of[row] - weights[row] * each[row]).abs() < 1e-6);
            assert!((weighted[2 * row] - weights[row] * grad[2 * row]).abs() < 1e-6);
        }
        assert!((sum - of.iter().map(|&l| f64::from(l)).sum::<f64>()).abs() < 1e-6);
        // The weight of a mixed sample is the mean of its classes' weights, by its shares.
        let loss =
            CrossEntropy { class_weights: ClassWeights::Each(vec![2.0, 4.0]), ..CrossEntropy::default() };
        let mixed = loss.eval(&[0.0, 0.0], 2, Targets::Values(&[0.5, 0.5]), 1.0, None, None);
        assert!((mixed - 3.0 * 2f64.ln()).abs() < 1e-6, "{mixed}");
    }
}
