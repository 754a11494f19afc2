//! Sums and maxima over slices in one fixed order. Knows no shapes.
//!
//! Every reduction runs in [`LANES`] virtual lanes: lane l takes elements l, l + 16, l + 32, ... in increasing order,
//! elements after the last full group of 16 go to lanes 0, 1, ... in the same way, and the lanes are then added
//! pairwise (l + (l + 8), then + 4, + 2, + 1). The rounding error of a sum of n numbers is thus bounded by about (n /
//! 16 + 4) units in the last place of Σ|xᵢ|; the `_f64` forms add in f64, in twice as many lanes, with a negligible
//! error.

use super::simd;

/// The virtual vector width of the reductions.
pub const LANES: usize = 16;
/// The virtual vector width of sums in f64; with fewer lanes each addition would wait for the one before it.
const WIDE: usize = 32;

/// A reduction: `step` folds an element into its lane, `join` joins two lanes.
///
/// `widen` converts a whole group first. If numbers were converted one by one between the additions in f64, the
/// compiler would vectorise neither, and the sum would take five times as long.
#[inline(always)]
fn fold<const N: usize, T: Copy, A: Copy>(
    x: &[f32],
    zero: A,
    widen: impl Fn(f32) -> T,
    step: impl Fn(A, T) -> A,
    join: impl Fn(A, A) -> A,
) -> A {
    let mut lanes = [zero; N];
    let (groups, tail) = x.as_chunks::<N>();
    for group in groups {
        let group = group.map(&widen);
        for l in 0..N {
            lanes[l] = step(lanes[l], group[l]);
        }
    }
    for (lane, &x) in lanes.iter_mut().zip(tail) {
        *lane = step(*lane, widen(x));
    }
    join_lanes(lanes, join)
}

/// A reduction over two slices of the same length.
#[inline(always)]
fn fold2<const N: usize, T: Copy, A: Copy>(
    x: &[f32],
    y: &[f32],
    zero: A,
    widen: impl Fn(f32) -> T,
    step: impl Fn(A, T, T) -> A,
    join: impl Fn(A, A) -> A,
) -> A {
    assert_eq!(x.len(), y.len(), "reduction over slices of lengths {} and {}", x.len(), y.len());
    let mut lanes = [zero; N];
    let ((xs, x_tail), (ys, y_tail)) = (x.as_chunks::<N>(), y.as_chunks::<N>());
    for (x, y) in xs.iter().zip(ys) {
        let (x, y) = (x.map(&widen), y.map(&widen));
        for l in 0..N {
            lanes[l] = step(lanes[l], x[l], y[l]);
        }
    }
    for ((lane, &x), &y) in lanes.iter_mut().zip(x_tail).zip(y_tail) {
        *lane = step(*lane, widen(x), widen(y));
    }
    join_lanes(lanes, join)
}

#[inline(always)]
fn join_lanes<const N: usize, A: Copy>(mut lanes: [A; N], join: impl Fn(A, A) -> A) -> A {
    let mut half = N / 2;
    while half > 0 {
        for l in 0..half {
            lanes[l] = join(lanes[l], lanes[l + half]);
        }
        half /= 2;
    }
    lanes[0]
}

/// `Σ xᵢ yᵢ`, each product fused into the sum of its lane.
///
/// # Panics
/// If the lengths differ.
pub fn dot(x: &[f32], y: &[f32]) -> f32 {
    simd(
        #[inline(always)]
        || fold2::<LANES, _, _>(x, y, 0.0, |x| x, |s, x: f32, y| x.mul_add(y, s), |s, t| s + t),
    )
}

/// `Σ xᵢ yᵢ` in f64, with exact products.
///
/// # Panics
/// If the lengths differ.
pub fn dot_f64(x: &[f32], y: &[f32]) -> f64 {
    simd(
        #[inline(always)]
        || fold2::<WIDE, _, _>(x, y, 0.0, f64::from, |s, x: f64, y| x.mul_add(y, s), |s, t| s + t),
    )
}

/// `Σ (xᵢ - yᵢ)²` in f64.
///
/// # Panics
/// If the lengths differ.
pub fn distance_sq_f64(x: &[f32], y: &[f32]) -> f64 {
    simd(
        #[inline(always)]
        || fold2::<WIDE, _, _>(x, y, 0.0, f64::from, |s, x: f64, y| (x - y).mul_add(x - y, s), |s, t| s + t),
    )
}

/// `Σ (xᵢ - m)²` and `Σ (xᵢ - m)⁴` in f64.
pub fn central_sums_f64(x: &[f32], m: f64) -> (f64, f64) {
    let square = |x: f64| (x - m) * (x - m);
    simd(
        #[inline(always)]
        || {
            let second = fold::<WIDE, _, _>(x, 0.0, f64::from, |s, x: f64| s + square(x), |s, t| s + t);
            let fourth = fold::<WIDE, _, _>(
                x,
                0.0,
                f64::from,
                |s, x: f64| square(x).mul_add(square(x), s),
                |s, t| s + t,
            );
            (second, fourth)
        },
    )
}

/// `Σ xᵢ`.
pub fn sum(x: &[f32]) -> f32 {
    simd(
        #[inline(always)]
        || fold::<LANES, _, _>(x, 0.0, |x| x, |s, x| s + x, |s, t| s + t),
    )
}

/// `Σ xᵢ` in f64.
pub fn sum_f64(x: &[f32]) -> f64 {
    simd(
        #[inline(always)]
        || fold::<WIDE, _, _>(x, 0.0, f64::from, |s, x: f64| s + x, |s, t| s + t),
    )
}

/// `Σ |xᵢ|` in f64.
pub fn sum_abs_f64(x: &[f32]) -> f64 {
    simd(
        #[inline(always)]
        || fold::<WIDE, _, _>(x, 0.0, f64::from, |s, x: f64| s + x.abs(), |s, t| s + t),
    )
}

/// `Σ xᵢ²`.
pub fn sum_sq(x: &[f32]) -> f32 {
    simd(
        #[inline(always)]
        || fold::<LANES, _, _>(x, 0.0, |x| x, |s, x: f32| x.mul_add(x, s), |s, t| s + t),
    )
}

/// `Σ xᵢ²` in f64: neither overflows nor underflows for any finite f32, so norms are computed from it.
pub fn sum_sq_f64(x: &[f32]) -> f64 {
    simd(
        #[inline(always)]
        || fold::<WIDE, _, _>(x, 0.0, f64::from, |s, x: f64| x.mul_add(x, s), |s, t| s + t),
    )
}

/// `max |xᵢ|`, 0 for an empty slice, NaN if any element is NaN.
pub fn max_abs(x: &[f32]) -> f32 {
    // Bit patterns of non-negative floats are ordered like the floats, with NaN above infinity, so an integer maximum
    // works.
    let bits = simd(
        #[inline(always)]
        || fold::<LANES, _, _>(x, 0u32, |x| x.to_bits() & 0x7fff_ffff, |m: u32, x| m.max(x), Ord::max),
    );
    f32::from_bits(bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(n: usize) -> Vec<f32> {
        let mut state = 1u32;
        (0..n)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as f32 / 8_388_608.0 - 1.0
            })
            .collect()
    }

    /// The order stated in the module's documentation, one element at a time.
    fn plain(n: usize, mut step: impl FnMut(f32, usize) -> f32) -> f32 {
        let mut lanes = [0.0f32; 16];
        for i in 0..n {
            lanes[i % 16] = step(lanes[i % 16], i);
        }
        for half in [8, 4, 2, 1] {
            for l in 0..half {
                lanes[l] += lanes[l + half];
            }
        }
        lanes[0]
    }

    #[test]
    fn sums_follow_the_stated_order_bit_for_bit() {
        for n in [0, 1, 2, 15, 16, 17, 31, 33, 100, 1000, 4099] {
            let (x, y) = (numbers(n), numbers(2 * n)[n..].to_vec());
            assert_eq!(sum(&x).to_bits(), plain(n, |s, i| s + x[i]).to_bits());
            assert_eq!(sum_sq(&x).to_bits(), plain(n, |s, i| x[i].mul_add(x[i], s)).to_bits());
            assert_eq!(dot(&x, &y).to_bits(), plain(n, |s, i| x[i].mul_add(y[i], s)).to_bits());
        }
    }

    #[test]
    fn wide_sums_are_exact_where_narrow_ones_cannot_be() {
        let huge = vec![1e30f32; 1000];
        assert!(sum_sq(&huge).is_infinite());
        assert!((sum_sq_f64(&huge) / 1e63 - 1.0).abs() < 1e-6);
        assert!((dot_f64(&huge, &huge) / 1e63 - 1.0).abs() < 1e-6);
        let tiny = vec![1e-30f32; 1000];
        assert_eq!(sum_sq(&tiny), 0.0);
        assert!((sum_sq_f64(&tiny) / 1e-57 - 1.0).abs() < 1e-6);
        let x = numbers(100_003);
        let exact: f64 = x.iter().map(|&x| f64::from(x)).sum();
        assert!((sum_f64(&x) - exact).abs() < 1e-9);
    }

    #[test]
    fn max_abs_sees_every_place_and_keeps_nan() {
        assert_eq!(max_abs(&[]), 0.0);
        for i in 0..40 {
            let mut x = numbers(40);
            x[i] = -7.0;
            assert_eq!(max_abs(&x), 7.0);
            x[i] = f32::NEG_INFINITY;
            assert_eq!(max_abs(&x), f32::INFINITY);
            x[i] = f32::NAN;
            assert!(max_abs(&x).is_nan());
        }
    }
}
