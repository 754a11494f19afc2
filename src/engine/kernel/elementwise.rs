//! Elementwise loops that read like the formula that they apply. Knows slices of equal length, not their meaning.
//!
//! The closure is compiled into the vectorised loop, so it should be free of branches with side effects and call
//! nothing but `#[inline(always)]` functions such as those of [`super::math`]. All functions of this file panic if the
//! lengths differ.
//!
//! The updates of optimizers snap their results to 0 below [`super::math::LEAST`]: otherwise moments, velocities and
//! decayed weights without a gradient would become subnormal numbers.
//!
//! A closure with settings has to be a `move` closure. If it held references, the compiler would have to assume that
//! the loop may overwrite the settings, and would not vectorise it.

use super::math::snap;
use super::simd;

#[inline(always)]
fn same<const N: usize>(expected: usize, found: [usize; N]) {
    assert_eq!([expected; N], found, "elementwise loop over slices of different lengths");
}

/// y = f(x), elementwise.
#[inline]
pub fn map(x: &[f32], y: &mut [f32], f: impl Fn(f32) -> f32) {
    same(y.len(), [x.len()]);
    simd(
        #[inline(always)]
        move || {
            for (y, &x) in y.iter_mut().zip(x) {
                *y = f(x);
            }
        },
    );
}

/// x = f(x), elementwise.
#[inline]
pub fn map_inplace(x: &mut [f32], f: impl Fn(f32) -> f32) {
    simd(
        #[inline(always)]
        move || {
            for x in x.iter_mut() {
                *x = f(*x);
            }
        },
    );
}

/// out = f(a, b), elementwise.
#[inline]
pub fn map2(a: &[f32], b: &[f32], out: &mut [f32], f: impl Fn(f32, f32) -> f32) {
    same(out.len(), [a.len(), b.len()]);
    simd(
        #[inline(always)]
        move || {
            for ((out, &a), &b) in out.iter_mut().zip(a).zip(b) {
                *out = f(a, b);
            }
        },
    );
}

/// out = f(a, b, c), elementwise.
#[inline]
pub fn map3(a: &[f32], b: &[f32], c: &[f32], out: &mut [f32], f: impl Fn(f32, f32, f32) -> f32) {
    same(out.len(), [a.len(), b.len(), c.len()]);
    simd(
        #[inline(always)]
        move || {
            for (((out, &a), &b), &c) in out.iter_mut().zip(a).zip(b).zip(c) {
                *out = f(a, b, c);
            }
        },
    );
}

/// y += x.
#[inline]
pub fn add(x: &[f32], y: &mut [f32]) {
    same(y.len(), [x.len()]);
    simd(
        #[inline(always)]
        move || {
            for (y, &x) in y.iter_mut().zip(x) {
                *y += x;
            }
        },
    );
}

/// y += a x, fused.
#[inline]
pub fn axpy(a: f32, x: &[f32], y: &mut [f32]) {
    same(y.len(), [x.len()]);
    simd(
        #[inline(always)]
        move || {
            for (y, &x) in y.iter_mut().zip(x) {
                *y = a.mul_add(x, *y);
            }
        },
    );
}

/// x *= factor.
#[inline]
pub fn scale(x: &mut [f32], factor: f32) {
    simd(
        #[inline(always)]
        move || {
            for x in x {
                *x *= factor;
            }
        },
    );
}

/// out = Σ rows of x, added from the first to the last; the length of `out` is the width of a row.
#[inline]
pub fn sum_rows(x: &[f32], out: &mut [f32]) {
    simd(
        #[inline(always)]
        move || {
            let done = sum_columns::<32>(x, out, 0);
            let done = sum_columns::<16>(x, out, done);
            let done = sum_columns::<4>(x, out, done);
            sum_columns::<1>(x, out, done);
        },
    );
}

/// Sums the blocks of N columns from column `done` on and returns how many columns are done. The sums stay in
/// registers; in memory each addition would wait for the write of the row before.
#[inline(always)]
fn sum_columns<const N: usize>(x: &[f32], out: &mut [f32], mut done: usize) -> usize {
    let width = out.len();
    while done + N <= width {
        let mut sums = [0.0; N];
        for row in x.chunks_exact(width) {
            for (sum, x) in sums.iter_mut().zip(&row[done..done + N]) {
                *sum += x;
            }
        }
        out[done..done + N].copy_from_slice(&sums);
        done += N;
    }
    done
}

/// Copies rows of `width` numbers, `from_pitch` apart in the source and `to_pitch` apart in the target, until either
/// ends. The rows of an image are too short for one call of `copy_from_slice` each.
///
/// # Panics
/// If rows overlap, or one of them is incomplete.
pub fn copy_rows(from: &[f32], from_pitch: usize, width: usize, to: &mut [f32], to_pitch: usize) {
    assert!(width <= from_pitch && width <= to_pitch, "rows of {width}, {from_pitch} and {to_pitch} apart");
    simd(
        #[inline(always)]
        || match width {
            0 => {}
            16.. => copy_pieces::<16>(from, from_pitch, width, to, to_pitch),
            8.. => copy_pieces::<8>(from, from_pitch, width, to, to_pitch),
            4.. => copy_pieces::<4>(from, from_pitch, width, to, to_pitch),
            _ => copy_pieces::<1>(from, from_pitch, width, to, to_pitch),
        },
    );
}

/// Copies in pieces of one vector; the last piece may overlap the one before. Most rows have at most two pieces.
#[inline(always)]
fn copy_pieces<const N: usize>(
    from: &[f32],
    from_pitch: usize,
    width: usize,
    to: &mut [f32],
    to_pitch: usize,
) {
    for (from, to) in from.chunks(from_pitch).zip(to.chunks_mut(to_pitch)) {
        let (from, to) = (&from[..width], &mut to[..width]);
        if width > 2 * N {
            for (from, to) in from.as_chunks::<N>().0.iter().zip(to.as_chunks_mut::<N>().0) {
                *to = *from;
            }
        } else if let (Some(from), Some(to)) = (from.first_chunk::<N>(), to.first_chunk_mut::<N>()) {
            *to = *from;
        }
        if let (Some(from), Some(to)) = (from.last_chunk::<N>(), to.last_chunk_mut::<N>()) {
            *to = *from;
        }
    }
}

/// p = f(p, g): an optimizer without buffers.
#[inline]
pub fn update1(p: &mut [f32], g: &[f32], f: impl Fn(f32, f32) -> f32) {
    same(p.len(), [g.len()]);
    simd(
        #[inline(always)]
        move || {
            for (p, &g) in p.iter_mut().zip(g) {
                *p = snap(f(*p, g));
            }
        },
    );
}

/// (p, a) = f(p, a, g): an optimizer with one buffer.
#[inline]
pub fn update2(p: &mut [f32], a: &mut [f32], g: &[f32], f: impl Fn(f32, f32, f32) -> (f32, f32)) {
    same(p.len(), [a.len(), g.len()]);
    simd(
        #[inline(always)]
        move || {
            for ((p, a), &g) in p.iter_mut().zip(a).zip(g) {
                let new = f(*p, *a, g);
                (*p, *a) = (snap(new.0), snap(new.1));
            }
        },
    );
}

/// (p, a, b) = f(p, a, b, g): an optimizer with two buffers.
#[inline]
pub fn update3(
    p: &mut [f32],
    a: &mut [f32],
    b: &mut [f32],
    g: &[f32],
    f: impl Fn(f32, f32, f32, f32) -> (f32, f32, f32),
) {
    same(p.len(), [a.len(), b.len(), g.len()]);
    simd(
        #[inline(always)]
        move || {
            for (((p, a), b), &g) in p.iter_mut().zip(a).zip(b).zip(g) {
                let new = f(*p, *a, *b, g);
                (*p, *a, *b) = (snap(new.0), snap(new.1), snap(new.2));
            }
        },
    );
}

/// (p, a, b, c) = f(p, a, b, c, g): an optimizer with three buffers.
#[inline]
pub fn update4(
    p: &mut [f32],
    a: &mut [f32],
    b: &mut [f32],
    c: &mut [f32],
    g: &[f32],
    f: impl Fn(f32, f32, f32, f32, f32) -> (f32, f32, f32, f32),
) {
    same(p.len(), [a.len(), b.len(), c.len(), g.len()]);
    simd(
        #[inline(always)]
        move || {
            for ((((p, a), b), c), &g) in p.iter_mut().zip(a).zip(b).zip(c).zip(g) {
                let new = f(*p, *a, *b, *c, g);
                (*p, *a, *b, *c) = (snap(new.0), snap(new.1), snap(new.2), snap(new.3));
            }
        },
    );
}

/// (p, a, b, c, d) = f(p, a, b, c, d, g): an optimizer with four buffers.
#[inline]
pub fn update5(
    p: &mut [f32],
    a: &mut [f32],
    b: &mut [f32],
    c: &mut [f32],
    d: &mut [f32],
    g: &[f32],
    f: impl Fn(f32, f32, f32, f32, f32, f32) -> (f32, f32, f32, f32, f32),
) {
    same(p.len(), [a.len(), b.len(), c.len(), d.len(), g.len()]);
    simd(
        #[inline(always)]
        move || {
            for (((((p, a), b), c), d), &g) in p.iter_mut().zip(a).zip(b).zip(c).zip(d).zip(g) {
                let new = f(*p, *a, *b, *c, *d, g);
                (*p, *a, *b, *c, *d) = (snap(new.0), snap(new.1), snap(new.2), snap(new.3), snap(new.4));
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use super::super::math;
    use super::*;

    /// The vectorised loop gives the bits of the closure applied to one number at a time, for every tail length.
    #[test]
    fn dispatched_loops_give_the_scalar_bits() {
        for n in 0..70 {
            let x: Vec<f32> = (0..n).map(|i| (i as f32 - 30.0) * 0.37).collect();
            let z: Vec<f32> = (0..n).map(|i| (i as f32).mul_add(-0.11, 2.0)).collect();
            let mut y = vec![f32::NAN; n];
            map(&x, &mut y, |x| math::tanh(x) + math::exp(x));
            for (y, &x) in y.iter().zip(&x) {
                assert_eq!(y.to_bits(), (math::tanh(x) + math::exp(x)).to_bits());
            }
            let (mut w, mut m, mut v) = (x.clone(), z.clone(), z.clone());
            let adam = |w: f32, m: f32, v: f32, g: f32| {
                let m = 0.9f32.mul_add(m, 0.1 * g);
                let v = 0.999f32.mul_add(v, 0.001 * g * g);
                (w - 0.01 * m / (v.abs().sqrt() + 1e-8), m, v)
            };
            update3(&mut w, &mut m, &mut v, &y, adam);
            for i in 0..n {
                let (wi, mi, vi) = adam(x[i], z[i], z[i], y[i]);
                assert_eq!([wi, mi, vi].map(f32::to_bits), [w[i], m[i], v[i]].map(f32::to_bits));
            }
        }
    }

    #[test]
    fn loops_read_their_operands_in_order() {
        let (a, b, c) = ([1.0, 2.0], [10.0, 20.0], [100.0, 200.0]);
        let mut y = [0.0; 2];
        map2(&a, &b, &mut y, |a, b| a - b);
        assert_eq!(y, [-9.0, -18.0]);
        map3(&a, &b, &c, &mut y, |a, b, c| (a - b) / c);
        assert_eq!(y, [-0.09, -0.09]);
        update1(&mut y, &c, |_, c| c);
        map_inplace(&mut y, |y| -y);
        assert_eq!(y, [-100.0, -200.0]);
        let (mut s, mut t, mut u) = (b, c, a);
        update2(&mut y, &mut s, &a, |y, s, x| (y + x, s - x));
        assert_eq!((y, s), ([-99.0, -198.0], [9.0, 18.0]));
        update4(&mut y, &mut s, &mut t, &mut u, &b, |y, s, t, u, x| (s, t, u, y + x));
        assert_eq!((y, s, t, u), ([9.0, 18.0], c, a, [-89.0, -178.0]));
        sum_rows(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &mut y);
        assert_eq!(y, [9.0, 12.0]);
        sum_rows(&[1.0; 4], &mut []);
    }

    #[test]
    fn rows_are_added_from_the_first_to_the_last_whatever_their_width() {
        for width in [1, 3, 4, 7, 16, 23, 32, 64, 85] {
            let x: Vec<f32> = (0..5 * width).map(|i| 1.0 / (i as f32 + 1.5)).collect();
            let mut out = vec![f32::NAN; width];
            sum_rows(&x, &mut out);
            for (j, out) in out.iter().enumerate() {
                let sum = (0..5).fold(0.0, |sum: f32, row| sum + x[row * width + j]);
                assert_eq!(out.to_bits(), sum.to_bits(), "column {j} of {width}");
            }
        }
    }

    #[test]
    fn rows_are_copied_and_what_is_between_them_stays() {
        for width in 0..40 {
            let (from_pitch, to_pitch) = (width + 3, width + 1);
            let from: Vec<f32> = (1..=4 * from_pitch).map(|i| i as f32).collect();
            let mut to = vec![0.0; 3 * to_pitch];
            copy_rows(&from, from_pitch, width, &mut to, to_pitch);
            for (i, &x) in to.iter().enumerate() {
                let (row, column) = (i / to_pitch, i % to_pitch);
                assert_eq!(x, if column < width { from[row * from_pitch + column] } else { 0.0 }, "{width}");
            }
        }
    }

    #[test]
    fn short_vector_operations() {
        let x: Vec<f32> = (0..37).map(|i| i as f32 * 0.3 - 5.0).collect();
        let before: Vec<f32> = x.iter().map(|x| 1.0 - x * x).collect();
        let mut y = before.clone();
        axpy(0.3, &x, &mut y);
        add(&x, &mut y);
        scale(&mut y, -2.0);
        for i in 0..37 {
            assert_eq!(y[i].to_bits(), (-2.0 * (0.3f32.mul_add(x[i], before[i]) + x[i])).to_bits());
        }
    }

    #[test]
    #[should_panic(expected = "different lengths")]
    fn unequal_lengths_are_a_bug() {
        let mut y = [0.0; 3];
        map2(&[0.0; 3], &[0.0; 2], &mut y, |a, _| a);
    }
}
