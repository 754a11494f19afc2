//! Losses that require a margin, and binary cross-entropy on logits.

use super::{Loss, Targets};
use crate::engine::kernel::math;
use crate::registry::settings;

settings! {
    /// Binary cross-entropy on logits: (1-t) x + (1 + (w-1) t) softplus(-x). Two classes are one logit, x = x₂ - x₁.
    pub struct Bce {
        /// weight w of the positive answers; of two classes, of the second one
        pos_weight: f64 = 1.0, 0.0..=1e6;
    }
}

impl Loss for Bce {
    /// # Notes
    /// Two classes have two outputs. Their difference is the logit that PyTorch's `BCEWithLogitsLoss` takes: the second
    /// output is greater exactly if that logit is positive. Each of the two outputs counts the row's loss once, so the
    /// mean over outputs is PyTorch's mean over rows.
    fn eval(
        &self,
        input: &[f32],
        width: usize,
        targets: Targets<'_>,
        scale: f32,
        mut grad: Option<&mut [f32]>,
        mut each: Option<&mut [f32]>,
    ) -> f64 {
        let w = self.pos_weight as f32;
        let term = move |x: f32, t: f32| {
            let weight = 1.0 + (w - 1.0) * t;
            let loss = (1.0 - t) * x + weight * math::softplus(-x);
            (loss, (1.0 - t) - weight * math::sigmoid(-x))
        };
        let Targets::Classes(classes) = targets else {
            return super::entrywise::eval(input, width, targets, scale, grad, each, term);
        };
        if width != 2 {
            return super::entrywise::eval(input, width, targets, scale, grad, each, term);
        }
        let mut total = 0.0;
        for (row, (x, &class)) in input.chunks_exact(2).zip(classes).enumerate() {
            let (loss, slope) = term(x[1] - x[0], class as f32);
            total += 2.0 * f64::from(loss);
            if let Some(each) = each.as_deref_mut() {
                each[2 * row..2 * row + 2].fill(loss);
            }
            if let Some(grad) = grad.as_deref_mut() {
                let slope = 2.0 * scale * slope;
                grad[2 * row..2 * row + 2].copy_from_slice(&[-slope, slope]);
            }
        }
        total
    }

    fn terms(&self, input: &[f32], _: usize) -> usize {
        input.len()
    }

    fn classifies(&self) -> bool {
        false
    }
}

settings! {
    /// Hinge loss max(0, 1 - t x) of support vector machines, t = ±1 (or classes: 1 for the class, -1 for others).
    pub struct Hinge {}
}

impl Loss for Hinge {
    fn eval(
        &self,
        input: &[f32],
        width: usize,
        targets: Targets<'_>,
        scale: f32,
        grad: Option<&mut [f32]>,
        each: Option<&mut [f32]>,
    ) -> f64 {
        let classes = matches!(targets, Targets::Classes(_));
        super::entrywise::eval(input, width, targets, scale, grad, each, |x, t| {
            let t = if classes { 2.0 * t - 1.0 } else { t };
            let short = 1.0 - t * x;
            // This form passes NaN on.
            if short <= 0.0 { (0.0, 0.0) } else { (short, -t) }
        })
    }
    fn terms(&self, input: &[f32], _: usize) -> usize {
        input.len()
    }
    fn classifies(&self) -> bool {
        false
    }
    fn takes_shares(&self) -> bool {
        false
    }
}

settings! {
    /// Multi-class margin Σ_{j≠y} max(0, margin - x_y + x_j)^p / K. Crammer & Singer 2001; Weston & Watkins 1999.
    pub struct MultiMargin {
        /// by how much the class must lead
        margin: f64 = 1.0, 0.0..=1e6;
        /// power: 1 or 2
        p: usize = 1, 1..=2;
    }
}

impl Loss for MultiMargin {
    fn eval(
        &self,
        input: &[f32],
        width: usize,
        targets: Targets<'_>,
        scale: f32,
        mut grad: Option<&mut [f32]>,
        mut each: Option<&mut [f32]>,
    ) -> f64 {
        let (margin, share) = (self.margin as f32, 1.0 / width as f32);
        let mut total = 0.0;
        for (row, x) in input.chunks_exact(width).enumerate() {
            let class = class_of(targets, row, width);
            let mut loss = 0.0;
            let mut pull = 0.0;
            for (j, &v) in x.iter().enumerate() {
                let short = margin - x[class] + v;
                let (term, slope) = match self.p {
                    _ if j == class || short <= 0.0 => (0.0, 0.0),
                    1 => (short, 1.0),
                    _ => (short * short, 2.0 * short),
                };
                loss += term;
                pull += slope;
                if let Some(grad) = grad.as_deref_mut() {
                    grad[row * width + j] = scale * slope * share;
                }
            }
            if let Some(grad) = grad.as_deref_mut() {
                grad[row * width + class] = -scale * pull * share;
            }
            let loss = loss * share;
            total += f64::from(loss);
            if let Some(each) = each.as_deref_mut() {
                each[row] = loss;
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

    fn takes_shares(&self) -> bool {
        false
    }
}

/// The class of a row; for a distribution, the most probable class.
fn class_of(targets: Targets<'_>, row: usize, width: usize) -> usize {
    match targets {
        Targets::Classes(y) => y[row] as usize,
        Targets::Values(q) => {
            let q = &q[row * width..(row + 1) * width];
            (1..width).fold(0, |best, j| if q[j] > q[best] { j } else { best })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean loss and its gradient.
    fn mean(loss: &Bce, x: &[f32], targets: Targets<'_>, width: usize) -> (f64, Vec<f32>) {
        let mut grad = vec![0.0; x.len()];
        let terms = loss.terms(x, width) as f64;
        let sum = loss.eval(x, width, targets, (1.0 / terms) as f32, Some(&mut grad), None);
        (sum / terms, grad)
    }

    #[test]
    fn two_classes_are_one_logit() {
        let loss = Bce { pos_weight: 49.0 };
        let (pairs, logits) = ([0.5, -0.25, 1.0, 3.0, -2.0, 0.5f32], [-0.75, 2.0, 2.5f32]);
        let (a, ga) = mean(&loss, &pairs, Targets::Classes(&[1, 0, 1]), 2);
        let (b, gb) = mean(&loss, &logits, Targets::Values(&[1.0, 0.0, 1.0]), 1);
        assert!((a - b).abs() < 1e-6 * b, "{a} {b}");
        for (pair, single) in ga.chunks(2).zip(gb) {
            assert!((pair[1] - single).abs() < 1e-5 && pair[0] == -pair[1], "{pair:?} {single}");
        }
    }
}
