//! Loops over slices that read like the formula they apply.

use super::simd;

/// y = f(x), elementwise.
pub fn map(x: &[f32], y: &mut [f32], f: impl Fn(f32) -> f32) {
    assert_eq!(x.len(), y.len());
    simd(
        #[inline(always)]
        || {
            for (y, &x) in y.iter_mut().zip(x) {
                *y = f(x);
            }
        },
    );
}

/// out = f(a, b, c), elementwise.
pub fn map3(a: &[f32], b: &[f32], c: &[f32], out: &mut [f32], f: impl Fn(f32, f32, f32) -> f32) {
    assert!(a.len() == out.len() && b.len() == out.len() && c.len() == out.len());
    simd(
        #[inline(always)]
        || {
            for (((out, &a), &b), &c) in out.iter_mut().zip(a).zip(b).zip(c) {
                *out = f(a, b, c);
            }
        },
    );
}

/// y += x.
pub fn add(x: &[f32], y: &mut [f32]) {
    assert_eq!(x.len(), y.len());
    simd(
        #[inline(always)]
        || {
            for (y, &x) in y.iter_mut().zip(x) {
                *y += x;
            }
        },
    );
}

/// x *= factor.
pub fn scale(x: &mut [f32], factor: f32) {
    simd(
        #[inline(always)]
        || {
            for x in x {
                *x *= factor;
            }
        },
    );
}

/// out = Σ rows of x; the length of `out` is the width of a row.
pub fn sum_rows(x: &[f32], out: &mut [f32]) {
    out.fill(0.0);
    if out.is_empty() {
        return;
    }
    simd(
        #[inline(always)]
        || {
            for row in x.chunks_exact(out.len()) {
                for (o, &x) in out.iter_mut().zip(row) {
                    *o += x;
                }
            }
        },
    );
}

/// p = f(p, g): an optimizer without memory.
pub fn update1(p: &mut [f32], g: &[f32], f: impl Fn(f32, f32) -> f32) {
    assert_eq!(p.len(), g.len());
    simd(
        #[inline(always)]
        || {
            for (p, &g) in p.iter_mut().zip(g) {
                *p = f(*p, g);
            }
        },
    );
}

/// (p, a) = f(p, a, g): an optimizer with one buffer.
pub fn update2(p: &mut [f32], a: &mut [f32], g: &[f32], f: impl Fn(f32, f32, f32) -> (f32, f32)) {
    assert!(p.len() == g.len() && a.len() == g.len());
    simd(
        #[inline(always)]
        || {
            for ((p, a), &g) in p.iter_mut().zip(a).zip(g) {
                (*p, *a) = f(*p, *a, g);
            }
        },
    );
}

/// (p, a, b) = f(p, a, b, g): an optimizer with two buffers.
pub fn update3(
    p: &mut [f32],
    a: &mut [f32],
    b: &mut [f32],
    g: &[f32],
    f: impl Fn(f32, f32, f32, f32) -> (f32, f32, f32),
) {
    assert!(p.len() == g.len() && a.len() == g.len() && b.len() == g.len());
    simd(
        #[inline(always)]
        || {
            for (((p, a), b), &g) in p.iter_mut().zip(a).zip(b).zip(g) {
                (*p, *a, *b) = f(*p, *a, *b, g);
            }
        },
    );
}

/// (p, a, b, c) = f(p, a, b, c, g): an optimizer with three buffers.
pub fn update4(
    p: &mut [f32],
    a: &mut [f32],
    b: &mut [f32],
    c: &mut [f32],
    g: &[f32],
    f: impl Fn(f32, f32, f32, f32, f32) -> (f32, f32, f32, f32),
) {
    assert!(p.len() == g.len() && a.len() == g.len() && b.len() == g.len() && c.len() == g.len());
    simd(
        #[inline(always)]
        || {
            for ((((p, a), b), c), &g) in p.iter_mut().zip(a).zip(b).zip(c).zip(g) {
                (*p, *a, *b, *c) = f(*p, *a, *b, *c, g);
            }
        },
    );
}
