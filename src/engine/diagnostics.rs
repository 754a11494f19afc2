//! Measurements of a network beyond its gradient: curvature, gradient noise, the Jacobian. For probes, so they may
//! allocate.
//!
//! Knows networks and gradients, no lane and no screen. All reductions are in f64 and in a fixed order.

use crate::engine::kernel::dot_f64;
use crate::engine::layer::Pass;
use crate::engine::network::Network;

/// Writes the gradient at the given parameters; curvature is measured through it.
pub type Gradient<'a> = &'a mut dyn FnMut(&[f32], &mut [f32]);

/// Hessian times v by central differences of the gradient, (g(θ + hv) - g(θ - hv))/2h.
///
/// h moves a parameter by about 4e-3 of the parameters' root mean square plus one: at this length the errors from f32
/// rounding and from the third derivative are equally small (about 1e-4 of the result on smooth networks).
///
/// # Reference
/// Pearlmutter, Fast exact multiplication by the Hessian, 1994 (the exact method that this approximates).
pub fn hessian_vector(gradient: Gradient<'_>, params: &[f32], v: &[f32]) -> Vec<f32> {
    assert_eq!(params.len(), v.len(), "a direction for each parameter");
    let size = rms(v);
    if size == 0.0 {
        return vec![0.0; v.len()];
    }
    let h = (4e-3 * (1.0 + rms(params)) / size) as f32;
    let moved = |h: f32| params.iter().zip(v).map(|(&p, &v)| h.mul_add(v, p)).collect::<Vec<f32>>();
    let (mut ahead, mut behind) = (vec![0.0; v.len()], vec![0.0; v.len()]);
    gradient(&moved(h), &mut ahead);
    gradient(&moved(-h), &mut behind);
    ahead.iter().zip(&behind).map(|(a, b)| (a - b) / (2.0 * h)).collect()
}

/// The eigenvalue of the Hessian with the largest absolute value, and its eigenvector, by power iteration.
///
/// `start` must not be zero. The eigenvalue is the Rayleigh quotient vᵀHv of the last v.
pub fn dominant_eigenvalue(
    gradient: Gradient<'_>,
    params: &[f32],
    start: &[f32],
    iterations: usize,
) -> (f64, Vec<f32>) {
    let mut v = unit(start);
    let mut value = 0.0;
    for _ in 0..iterations {
        let hv = hessian_vector(gradient, params, &v);
        value = dot_f64(&v, &hv);
        if dot_f64(&hv, &hv) == 0.0 {
            break;
        }
        v = unit(&hv);
    }
    (value, v)
}

/// The largest |eigenvalue| of a square matrix with this many rows: the long-run growth factor of h ← W h.
///
/// ‖Aᵏ‖^(1/k) for k = 2¹⁶, with the power by repeated squaring and the Frobenius norm. Unlike power iteration it needs
/// no dominant eigenvalue, so complex pairs and several eigenvalues of the same size are allowed. The error is below
/// n·10⁻⁴ of the result even for defective matrices. `None` beyond 256 rows, where it would take seconds, and for
/// numbers that are not finite.
///
/// # Reference
/// Gelfand's formula (1941).
pub fn spectral_radius(matrix: &[f32], rows: usize) -> Option<f64> {
    const SQUARINGS: i32 = 16;
    assert_eq!(matrix.len(), rows * rows, "a square matrix");
    if rows == 0 || rows > 256 || matrix.iter().any(|x| !x.is_finite()) {
        return None;
    }
    let mut power: Vec<f64> = matrix.iter().map(|&x| f64::from(x)).collect();
    let mut square = vec![0.0; power.len()];
    // ln of the factors that were divided out of the power, as a share of k.
    let (mut log, mut share) = (0.0, 1.0);
    for squaring in 0..=SQUARINGS {
        let norm = power.iter().map(|x| x * x).sum::<f64>().sqrt();
        if norm == 0.0 {
            return Some(0.0);
        }
        log += share * libm::log(norm);
        if squaring == SQUARINGS {
            break;
        }
        for x in &mut power {
            *x /= norm;
        }
        for (row, out) in power.chunks_exact(rows).zip(square.chunks_exact_mut(rows)) {
            out.fill(0.0);
            for (&x, other) in row.iter().zip(power.chunks_exact(rows)) {
                out.iter_mut().zip(other).for_each(|(o, y)| *o += x * y);
            }
        }
        std::mem::swap(&mut power, &mut square);
        share /= 2.0;
    }
    Some(libm::exp(log))
}

/// The noise of the gradients of single samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NoiseScale {
    /// |G|², G the mean gradient.
    pub sq_norm: f64,
    /// tr(Σ), Σ the unbiased covariance of the gradients of single samples.
    pub trace: f64,
    /// tr(Σ)/|G|²: below this batch size noise dominates, far above it samples are wasted.
    pub simple: f64,
}

/// The simple noise scale of per-sample gradients [samples, parameters], at least two.
///
/// # Reference
/// `McCandlish` et al., An empirical model of large-batch training, 2018, arXiv:1812.06162.
pub fn noise_scale(gradients: &[f32], parameters: usize) -> NoiseScale {
    let samples = gradients.len() / parameters;
    assert!(samples >= 2, "{samples} samples have no covariance");
    let mut mean = vec![0.0; parameters];
    for row in gradients.chunks_exact(parameters) {
        mean.iter_mut().zip(row).for_each(|(m, &g)| *m += f64::from(g) / samples as f64);
    }
    let spread: f64 = gradients
        .chunks_exact(parameters)
        .map(|row| row.iter().zip(&mean).map(|(&g, m)| (f64::from(g) - m) * (f64::from(g) - m)).sum::<f64>())
        .sum();
    let sq_norm = mean.iter().map(|m| m * m).sum();
    let trace = spread / (samples - 1) as f64;
    NoiseScale { sq_norm, trace, simple: trace / sq_norm }
}

/// The noise scale from the squared norms of gradients over a small and a big batch, without per-sample gradients.
///
/// With g the small and G the big batch's gradient of b and B samples, both (B|G|² - b|g|²)/(B - b) for the squared
/// norm and (|g|² - |G|²)/(1/b - 1/B) for the trace are unbiased; either may be negative in a single estimate, so
/// average both over steps before dividing.
///
/// # Reference
/// `McCandlish` et al. 2018, arXiv:1812.06162, appendix A.1.
pub fn two_batch_noise_scale(small: (usize, f64), big: (usize, f64)) -> NoiseScale {
    let (b, g_b) = (small.0 as f64, small.1);
    let (big_b, g_big) = (big.0 as f64, big.1);
    assert!(b < big_b, "a small and a big batch, not {b} and {big_b}");
    let sq_norm = (big_b * g_big - b * g_b) / (big_b - b);
    let trace = (g_b - g_big) / (1.0 / b - 1.0 / big_b);
    NoiseScale { sq_norm, trace, simple: trace / sq_norm }
}

/// d(output)/d(input) of one sample in evaluation mode, [outputs, inputs].
pub fn jacobian(network: &Network, params: &[f32], state: &[f32], x: &[f32]) -> Vec<f32> {
    // The sample is repeated once per output, each time with another unit vector as the output's gradient.
    let outputs = network.output().size();
    let mut ws = network.workspace(outputs);
    let pass = Pass::eval(outputs);
    ws.input_mut(outputs).chunks_exact_mut(x.len()).for_each(|row| row.copy_from_slice(x));
    network.forward(params, state, pass, &mut ws);
    let grad = ws.output_and_grad(outputs).1;
    grad.fill(0.0);
    grad.iter_mut().step_by(outputs + 1).for_each(|g| *g = 1.0);
    network.backward(params, state, pass, &mut ws, None, true);
    ws.activation_grad(0, outputs).to_vec()
}

/// Singular values of a matrix [rows, columns], largest first: all near 1 is dynamical isometry.
///
/// # Reference
/// Hestenes 1958 (one-sided Jacobi rotations); Saxe et al. 2014, arXiv:1312.6120 (isometry).
pub fn singular_values(matrix: &[f32], rows: usize, columns: usize) -> Vec<f64> {
    assert_eq!(matrix.len(), rows * columns, "rows x columns numbers");
    // Rotate the shorter side's vectors until they are orthogonal; their lengths are the singular values.
    let (count, length) = (rows.min(columns), rows.max(columns));
    let at = |v: usize, k: usize| if rows <= columns { v * columns + k } else { k * columns + v };
    let mut vectors: Vec<Vec<f64>> =
        (0..count).map(|v| (0..length).map(|k| f64::from(matrix[at(v, k)])).collect()).collect();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    // Converges quadratically; a dozen sweeps are ample.
    for _ in 0..30 {
        let mut rotated = false;
        for i in 0..count {
            let (head, tail) = vectors.split_at_mut(i + 1);
            let a = &mut head[i];
            for b in tail {
                let (aa, bb, ab) = (dot(a, a), dot(b, b), dot(a, b));
                if ab.abs() <= 1e-15 * (aa * bb).sqrt() {
                    continue;
                }
                rotated = true;
                let zeta = (bb - aa) / (2.0 * ab);
                let t = (if zeta < 0.0 { -1.0 } else { 1.0 }) / (zeta.abs() + (1.0 + zeta * zeta).sqrt());
                let cos = 1.0 / (1.0 + t * t).sqrt();
                for (a, b) in a.iter_mut().zip(b.iter_mut()) {
                    (*a, *b) = (cos * (*a - t * *b), cos * (*b + t * *a));
                }
            }
        }
        if !rotated {
            break;
        }
    }
    let mut values: Vec<f64> = vectors.iter().map(|v| dot(v, v).sqrt()).collect();
    values.sort_by(|a, b| b.total_cmp(a));
    values
}

fn rms(x: &[f32]) -> f64 {
    (dot_f64(x, x) / x.len().max(1) as f64).sqrt()
}

fn unit(x: &[f32]) -> Vec<f32> {
    let norm = dot_f64(x, x).sqrt();
    x.iter().map(|&x| (f64::from(x) / norm) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn near(matrix: &[f32], rows: usize, radius: f64) {
        let found = spectral_radius(matrix, rows).expect("a radius");
        assert!((found - radius).abs() <= 3e-4 * radius + 1e-12, "{found} for {radius}");
    }

    #[test]
    fn the_spectral_radius_of_known_matrices() {
        near(&[3.0], 1, 3.0);
        near(&[-2.0, 0.0, 0.0, 1.0], 2, 2.0);
        // A rotation by 90 degrees, scaled: a complex pair ±1.6i, on which power iteration never converges.
        near(&[0.0, -1.6, 1.6, 0.0], 2, 1.6);
        // [[1, -2], [3, 1]]: 1 ± i√6, size √7; with a smaller real eigenvalue beside it.
        near(&[1.0, -2.0, 0.0, 3.0, 1.0, 0.0, 0.0, 0.0, 2.5], 3, 7f64.sqrt());
        // +2 and -2: no dominant eigenvalue.
        near(&[2.0, 0.0, 0.0, -2.0], 2, 2.0);
        // Far from normal, and defective: the norm is 100, the radius 0.5.
        near(&[0.5, 100.0, 0.0, 0.5], 2, 0.5);
        // Nilpotent.
        near(&[0.0, 1.0, 0.0, 0.0], 2, 0.0);
        // Huge and tiny.
        near(&[1e30, 0.0, 0.0, 1.0], 2, f64::from(1e30f32));
        near(&[1e-30, 0.0, 0.0, 0.0], 2, f64::from(1e-30f32));
        // A companion matrix of (x - 0.9)(x² + x + 1.21): |pair| = 1.1.
        near(&[0.9 - 1.0, 0.9 - 1.21, 0.9 * 1.21, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0], 3, 1.1);
        assert_eq!(spectral_radius(&[f32::NAN], 1), None);
        assert_eq!(spectral_radius(&vec![0.0; 257 * 257], 257), None);
    }
}
