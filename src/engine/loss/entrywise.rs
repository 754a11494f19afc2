//! The loop and the targets of losses that treat every output separately. Knows no formula.

use super::Targets;

/// The sum of f(x, t) over all entries; f returns the loss and its derivative with respect to x.
pub(super) fn eval(
    input: &[f32],
    width: usize,
    targets: Targets<'_>,
    scale: f32,
    mut grad: Option<&mut [f32]>,
    mut each: Option<&mut [f32]>,
    f: impl Fn(f32, f32) -> (f32, f32),
) -> f64 {
    let mut total = 0.0;
    for (i, &x) in input.iter().enumerate() {
        let (loss, slope) = f(x, target(targets, i, width));
        total += f64::from(loss);
        if let Some(each) = each.as_deref_mut() {
            each[i] = loss;
        }
        if let Some(grad) = grad.as_deref_mut() {
            grad[i] = scale * slope;
        }
    }
    total
}

/// Target of the i-th entry. Classes count as one-hot vectors or, with a single output, as the number 0, 1, ...
fn target(targets: Targets<'_>, i: usize, width: usize) -> f32 {
    match targets {
        Targets::Values(t) => t[i],
        Targets::Classes(y) if width == 1 => y[i] as f32,
        Targets::Classes(y) => f32::from(u8::from(y[i / width] as usize == i % width)),
    }
}

/// The methods of a loss that is computed entry by entry.
macro_rules! entrywise {
    ($settings:ident, |$s:pat_param| $function:expr) => {
        impl $crate::engine::loss::Loss for $settings {
            fn eval(
                &self,
                input: &[f32],
                width: usize,
                targets: $crate::engine::loss::Targets<'_>,
                scale: f32,
                grad: Option<&mut [f32]>,
                each: Option<&mut [f32]>,
            ) -> f64 {
                let $s = self;
                let function = $function;
                $crate::engine::loss::entrywise::eval(input, width, targets, scale, grad, each, function)
            }
            fn terms(&self, input: &[f32], _: usize) -> usize {
                input.len()
            }
            fn classifies(&self) -> bool {
                false
            }
        }
    };
}
pub(super) use entrywise;
