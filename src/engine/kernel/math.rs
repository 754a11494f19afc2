//! Elementary functions in f32 with the same bits on every machine: polynomials in exact IEEE operations, without
//! branches, so that a loop over them is vectorised when run under [`super::simd`]. Knows single numbers only.
//!
//! Each function states its largest error, measured by the tests below against `libm` in f64, in units in the last
//! place (ulp) of the correctly rounded result. NaN gives NaN. The polynomials interpolate the exact functions at
//! Chebyshev nodes; their own error is below a quarter of an ulp.

// Constants have eight digits, more than an f32 can hold.
#![allow(clippy::excessive_precision)]

use std::f32::consts::LOG2_E;

/// ln 2 in two parts; the first has 15 trailing zeros, so that its product with an exponent is exact.
const LN2_HI: f32 = 0.693_359_375;
const LN2_LO: f32 = -2.121_944_4e-4;
/// 1.5 · 2²³: added to a float below 2²² it leaves the nearest integer in the low bits of the sum.
const ROUND: f32 = 12_582_912.0;

/// The least absolute value that is kept of numbers that shrink from step to step or from layer to layer: 2⁻¹²⁰.
pub const LEAST: f32 = f32::from_bits((127 - 120) << 23);

/// The least x whose [`exp`] is not 0. Below it results would be subnormal.
const EXP_LEAST: f32 = -87.33;

/// x, or 0 where |x| < [`LEAST`]; NaN stays NaN.
///
/// A velocity whose gradient has become 0 decays to subnormal numbers (below 2⁻¹²⁶) and, because of rounding to
/// nearest, never reaches 0. Intel's processors take about 150 cycles for an operation on such a number, AMD's hardly
/// any. The bound is far enough above 2⁻¹²⁶ that one more product with a decay rate is still normal.
#[inline(always)]
pub fn snap(x: f32) -> f32 {
    if x.abs() < LEAST { 0.0 } else { x }
}

/// `((c₀ x + c₁) x + c₂) x + …`, each step fused.
#[inline(always)]
fn polynomial<const N: usize>(x: f32, c: [f32; N]) -> f32 {
    let mut y = c[0];
    for &c in &c[1..] {
        y = y.mul_add(x, c);
    }
    y
}

/// `2ⁿ` for -126 ≤ n ≤ 127, made from its bits.
#[inline(always)]
fn power_of_two(n: i32) -> f32 {
    f32::from_bits((n.wrapping_add(127) << 23) as u32)
}

/// Splits x (|x| < 2²⁰) into `n ln 2 + r` with |r| ≤ ln 2 / 2 and returns n and `exp(r) - 1`.
#[inline(always)]
fn reduced_exp_m1(x: f32) -> (i32, f32) {
    let shifted = x.mul_add(LOG2_E, ROUND);
    let n = (shifted.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32);
    let whole = shifted - ROUND;
    let r = whole.mul_add(-LN2_LO, whole.mul_add(-LN2_HI, x));
    let q =
        polynomial(r, [1.989_098_1e-4, 1.393_364_2e-3, 8.333_310_5e-3, 4.166_646_7e-2, 1.666_666_7e-1, 0.5]);
    (n, (r * r).mul_add(q, r))
}

/// `eˣ`. Error below 1 ulp; 0 below -87.33, so that no result is subnormal, ∞ above 88.73.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    let y = if x > 89.0 { 89.0 } else { x };
    let y = if y < EXP_LEAST { EXP_LEAST } else { y };
    let (n, e) = reduced_exp_m1(y);
    // The exponent is applied in two halves, since 2ⁿ itself may be too large.
    let half = n >> 1;
    let y = (e + 1.0) * power_of_two(half) * power_of_two(n.wrapping_sub(half));
    if x < EXP_LEAST { 0.0 } else { y }
}

/// [`exp`] of x ≤ 0: the same bits with fewer operations.
#[inline(always)]
fn exp_below_zero(x: f32) -> f32 {
    let y = if x < EXP_LEAST { EXP_LEAST } else { x };
    let (n, e) = reduced_exp_m1(y);
    let y = (e + 1.0) * power_of_two(n);
    if x < EXP_LEAST { 0.0 } else { y }
}

/// `eˣ - 1` without cancellation near 0. Error below 1.5 ulp.
#[inline(always)]
pub fn exp_m1(x: f32) -> f32 {
    let y = if x > 89.0 { 89.0 } else { x };
    let y = if y < -18.0 { -18.0 } else { y };
    let (n, e) = reduced_exp_m1(y);
    let half_scale = power_of_two(n.wrapping_sub(1));
    let y = 2.0 * e.mul_add(half_scale, half_scale - 0.5);
    if x.abs() < 1e-7 { x } else { y }
}

/// `ln x`. Error below 0.9 ulp; -∞ at 0, NaN below.
#[inline(always)]
pub fn ln(x: f32) -> f32 {
    let tiny = x < f32::MIN_POSITIVE;
    let bits = if tiny { x * 8_388_608.0 } else { x }.to_bits() as i32;
    // x = 2ᵏ (1 + f) with √½ ≤ 1 + f < √2.
    let k = bits.wrapping_sub(0x3f35_04f3) >> 23;
    let f = f32::from_bits(bits.wrapping_sub(k << 23) as u32) - 1.0;
    let k = k as f32 - if tiny { 23.0 } else { 0.0 };
    let p = polynomial(
        f,
        [
            6.971_611_8e-2,
            -1.147_973_4e-1,
            1.168_542_e-1,
            -1.242_568_7e-1,
            1.424_905_8e-1,
            -1.666_780_3e-1,
            2.000_071_6e-1,
            -2.499_999_7e-1,
            3.333_333_1e-1,
        ],
    );
    let f2 = f * f;
    let small = k.mul_add(LN2_LO, (f2 * f).mul_add(p, -0.5 * f2));
    let y = k.mul_add(LN2_HI, f + small);
    let edge = if x < 0.0 { f32::NAN } else { x };
    let edge = if x == 0.0 { f32::NEG_INFINITY } else { edge };
    if x > 0.0 && x <= f32::MAX { y } else { edge }
}

/// `ln(1 + x)` without cancellation near 0. Error below 1.6 ulp; -∞ at -1, NaN below.
#[inline(always)]
pub fn ln_1p(x: f32) -> f32 {
    let u = 1.0 + x;
    // Corrects the rounding of 1 + x to first order.
    let lost = if x < 1.0 { x - (u - 1.0) } else { 1.0 - (u - x) };
    let correction = if u > 0.0 { lost / u } else { 0.0 };
    let y = ln(u) + correction;
    let y = if x == f32::INFINITY { x } else { y };
    // Keeps the sign of -0.
    if x == 0.0 { x } else { y }
}

/// `ln(1 + eˣ)`, without overflow and with an accurate tail. Error below 2 ulp (for x > -87).
#[inline(always)]
pub fn softplus(x: f32) -> f32 {
    let positive = if x > 0.0 { x } else { 0.0 };
    let y = positive + ln_1p(exp_below_zero(-x.abs()));
    if x.is_nan() { x } else { y }
}

/// `tanh x`. Error below 2.3 ulp everywhere, so relatively accurate near 0.
#[inline(always)]
pub fn tanh(x: f32) -> f32 {
    let t = 2.0 * x.abs();
    let t = if t > 20.0 { 20.0 } else { t };
    let (n, e) = reduced_exp_m1(t);
    let scale = power_of_two(n);
    let e = e.mul_add(scale, scale - 1.0);
    (e / (e + 2.0)).copysign(x)
}

/// `1 / (1 + e⁻ˣ)`. Error below 2.5 ulp, also in the negative tail; 0 below -87.33.
#[inline(always)]
pub fn sigmoid(x: f32) -> f32 {
    let e = exp_below_zero(-x.abs());
    let numerator = if x < 0.0 { e } else { 1.0 };
    numerator / (1.0 + e)
}

/// The error function `2/√π ∫₀ˣ e^(-t²) dt`. Absolute error below 1.2e-7, relative error below 2 ulp.
#[inline(always)]
pub fn erf(x: f32) -> f32 {
    let t = x.abs();
    let s = t * t;
    let near = polynomial(
        s,
        [-5.979_258e-4, 4.991_231e-3, -2.676_556_1e-2, 1.128_179_7e-1, -3.761_249_2e-1, 1.283_791_5e-1],
    )
    .mul_add(t, t);
    // 1 - erf t = exp(t p(t)): smooth, and exact enough up to where erf rounds to 1.
    let t = if t > 4.0 { 4.0 } else { t };
    let p = polynomial(
        t,
        [
            -1.658_868_5e-5,
            3.734_478_1e-4,
            -3.831_624_5e-3,
            2.411_654_4e-2,
            -1.065_847e-1,
            -6.349_844_3e-1,
            -1.128_678_2,
        ],
    );
    let far = 1.0 - exp(t * p);
    (if t < 0.92 { near } else { far }).copysign(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All floats whose bits are a multiple of `stride`, of both signs, except the NaN.
    fn sweep(stride: usize) -> impl Iterator<Item = f32> {
        (0..=f32::INFINITY.to_bits())
            .step_by(stride)
            .flat_map(|bits| [f32::from_bits(bits), -f32::from_bits(bits)])
            .chain([f32::INFINITY, f32::NEG_INFINITY, 1.0, -1.0])
    }

    /// The unit in the last place of the f32 nearest to y.
    fn ulp(y: f64) -> f64 {
        let exponent = (libm::log2(y.abs()).floor() as i32).max(-126);
        libm::exp2(f64::from(exponent - 23))
    }

    /// The largest error of `f` in ulp over the sweep, and where.
    fn worst(f: impl Fn(f32) -> f32, exact: impl Fn(f64) -> f64) -> (f64, f32) {
        let mut worst = (0.0, 0.0);
        for x in sweep(1009) {
            let (found, expected) = (f(x), exact(f64::from(x)));
            let rounded = expected as f32;
            if !rounded.is_finite() || rounded.abs() < 1.2e-38 {
                // At the edge of the range the neighbouring value is allowed as well, and subnormal results may be 0.
                let neighbour =
                    if rounded.is_finite() { found.abs() <= 1.2e-38 } else { found.abs() >= f32::MAX };
                let same = rounded.is_nan() && found.is_nan() || found == rounded;
                assert!(
                    same || !rounded.is_nan() && neighbour,
                    "f({x:e}) = {found:e}, expected {expected:e}"
                );
                continue;
            }
            let error = (f64::from(found) - expected).abs() / ulp(expected);
            assert!(!error.is_nan(), "f({x:e}) = {found:e}, expected {expected:e}");
            if error > worst.0 {
                worst = (error, x);
            }
        }
        worst
    }

    #[test]
    fn errors_stay_below_what_the_text_says() {
        let softplus_f64 = |x: f64| if x > 700.0 { x } else { libm::log1p(libm::exp(x)) };
        let limits = [
            ("exp", worst(exp, libm::exp), 1.0),
            ("exp_m1", worst(exp_m1, libm::expm1), 1.5),
            ("ln", worst(ln, libm::log), 0.9),
            ("ln_1p", worst(ln_1p, libm::log1p), 1.6),
            ("softplus", worst(softplus, softplus_f64), 2.0),
            ("tanh", worst(tanh, libm::tanh), 2.3),
            ("sigmoid", worst(sigmoid, |x| 1.0 / (1.0 + libm::exp(-x))), 2.5),
            ("erf", worst(erf, libm::erf), 2.0),
        ];
        for (name, (error, at), limit) in limits {
            println!("{name}: {error:.3} ulp at {at:e}");
            assert!(error < limit, "{name}: {error} ulp at {at:e}, stated {limit}");
        }
    }

    #[test]
    fn exponentials_are_never_subnormal() {
        for x in sweep(1009) {
            assert!(!exp(x).is_subnormal() && !sigmoid(x).is_subnormal(), "at {x:e}");
        }
    }

    #[test]
    fn small_numbers_become_0_and_all_others_stay() {
        for x in sweep(1009) {
            let wanted = if x.abs() < LEAST { 0.0f32 } else { x };
            assert_eq!(snap(x).to_bits(), wanted.to_bits(), "at {x:e}");
        }
        assert!(snap(f32::NAN).is_nan());
        assert_eq!(f64::from(LEAST), libm::exp2(-120.0));
    }

    #[test]
    fn fewer_operations_give_the_same_bits() {
        for x in sweep(1009).filter(|&x| x <= 0.0) {
            assert_eq!(exp_below_zero(x).to_bits(), exp(x).to_bits(), "at {x:e}");
        }
    }

    #[test]
    fn absolute_error_of_erf() {
        let far =
            sweep(1009).map(|x| (f64::from(erf(x)) - libm::erf(f64::from(x))).abs()).fold(0.0, f64::max);
        assert!(far < 1.2e-7, "{far}");
    }

    #[test]
    fn edges() {
        for f in [exp, exp_m1, ln, ln_1p, softplus, tanh, sigmoid, erf] {
            assert!(f(f32::NAN).is_nan());
            assert!(f(-f32::NAN).is_nan());
        }
        assert_eq!((exp(0.0), exp(-87.34), exp(f32::NEG_INFINITY)), (1.0, 0.0, 0.0));
        assert_eq!((exp(88.73), exp(f32::INFINITY)), (f32::INFINITY, f32::INFINITY));
        assert_eq!(
            (ln(1.0), ln(0.0), ln(-0.0), ln(f32::INFINITY)),
            (0.0, f32::NEG_INFINITY, f32::NEG_INFINITY, f32::INFINITY)
        );
        assert!(ln(-1.0).is_nan() && ln_1p(-1.5).is_nan());
        assert_eq!((ln_1p(-1.0), exp_m1(f32::NEG_INFINITY)), (f32::NEG_INFINITY, -1.0));
        assert_eq!((sigmoid(f32::INFINITY), sigmoid(f32::NEG_INFINITY), sigmoid(0.0)), (1.0, 0.0, 0.5));
        assert_eq!(
            (tanh(30.0), tanh(f32::NEG_INFINITY), erf(9.0), erf(f32::NEG_INFINITY)),
            (1.0, -1.0, 1.0, -1.0)
        );
        assert_eq!((softplus(f32::INFINITY), softplus(f32::NEG_INFINITY)), (f32::INFINITY, 0.0));
        for f in [exp_m1, ln_1p, tanh, erf] {
            assert_eq!(f(-0.0).to_bits(), (-0.0f32).to_bits());
        }
    }

    /// Odd functions are odd in every bit, and tanh never leaves [-1, 1].
    #[test]
    fn symmetry() {
        for x in sweep(100_003) {
            for f in [tanh, erf] {
                assert_eq!(f(-x).to_bits(), (-f(x)).to_bits());
                assert!(f(x).abs() <= 1.0);
            }
        }
    }

    /// Vectorised and scalar evaluation give the same bits over the whole range.
    #[test]
    fn vectors_give_the_scalar_bits() {
        let x: Vec<f32> = sweep(20_011).collect();
        let mut y = vec![0.0; x.len()];
        for f in [exp, exp_m1, ln, ln_1p, softplus, tanh, sigmoid, erf] {
            let scalar: Vec<f32> = x.iter().map(|&x| std::hint::black_box(f)(x)).collect();
            super::super::map(&x, &mut y, f);
            for i in 0..x.len() {
                assert!(y[i].to_bits() == scalar[i].to_bits() || y[i].is_nan() && scalar[i].is_nan());
            }
        }
        // Calls through a function pointer are not vectorised, so the three most used functions are tested once more,
        // inlined.
        macro_rules! inlined {
            ($($f:ident)*) => {$(
                let scalar: Vec<f32> = x.iter().map(|&x| std::hint::black_box($f as fn(f32) -> f32)(x)).collect();
                super::super::map(&x, &mut y, $f);
                assert!(y.iter().zip(&scalar).all(|(y, s)| y.to_bits() == s.to_bits()));
            )*};
        }
        inlined!(exp tanh sigmoid);
    }
}
