//! Elementwise loops and sums over long slices, shared with a team.
//!
//! An elementwise loop may be cut anywhere; a sum is cut at a position that depends on its length alone, and its two
//! halves are added. So the numbers are the same for every team. Knows no formula.

use super::Team;
use crate::engine::kernel;

/// Slices shorter than this are not shared: waking a thread would cost more than it saves.
const SHARED: usize = 1 << 15;

/// The position at which a slice of this length is cut: its middle, or its end.
fn cut(len: usize) -> usize {
    if len < SHARED { len } else { (len / 2).next_multiple_of(kernel::LANES) }
}

/// The updates of optimizers, one for each number of buffers beside the parameters.
macro_rules! updates {
    ($($name:ident($($buffer:ident),*): [$($formula:tt)+],)+) => {
        impl dyn Team + '_ {$(
            #[doc = concat!("[`kernel::", stringify!($name), "`], by two where it is long.")]
            pub fn $name(
                &self,
                p: &mut [f32],
                $($buffer: &mut [f32],)*
                g: &[f32],
                f: impl $($formula)+ + Copy + Sync,
            ) {
                let at = cut(p.len());
                if at == p.len() {
                    return kernel::$name(p, $($buffer,)* g, f);
                }
                let (p, g) = (p.split_at_mut(at), g.split_at(at));
                $(let $buffer = $buffer.split_at_mut(at);)*
                self.join(&mut || kernel::$name(p.0, $($buffer.0,)* g.0, f), &mut || {
                    kernel::$name(p.1, $($buffer.1,)* g.1, f);
                });
            }
        )+}
    };
}

updates! {
    update1(): [Fn(f32, f32) -> f32],
    update2(a): [Fn(f32, f32, f32) -> (f32, f32)],
    update3(a, b): [Fn(f32, f32, f32, f32) -> (f32, f32, f32)],
    update4(a, b, c): [Fn(f32, f32, f32, f32, f32) -> (f32, f32, f32, f32)],
    update5(a, b, c, d): [Fn(f32, f32, f32, f32, f32, f32) -> (f32, f32, f32, f32, f32)],
}

impl dyn Team + '_ {
    /// x *= factor.
    pub fn scale(&self, x: &mut [f32], factor: f32) {
        let (x, rest) = x.split_at_mut(cut(x.len()));
        if rest.is_empty() {
            return kernel::scale(x, factor);
        }
        self.join(&mut || kernel::scale(x, factor), &mut || kernel::scale(rest, factor));
    }

    /// The Euclidean norm, summed in f64 so that squares neither overflow nor underflow.
    pub fn norm(&self, x: &[f32]) -> f32 {
        let (x, rest) = x.split_at(cut(x.len()));
        let (mut sum, mut other) = (0.0, 0.0);
        if rest.is_empty() {
            sum = kernel::sum_sq_f64(x);
        } else {
            self.join(&mut || sum = kernel::sum_sq_f64(x), &mut || other = kernel::sum_sq_f64(rest));
        }
        (sum + other).sqrt() as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::team::SingleThread;

    /// A team of two threads, like a crew's.
    #[derive(Debug)]
    struct Two;

    impl Team for Two {
        fn join(&self, a: &mut (dyn FnMut() + Send), b: &mut (dyn FnMut() + Send)) {
            std::thread::scope(|scope| {
                scope.spawn(b);
                a();
            });
        }
    }

    fn numbers(n: usize, shift: f32) -> Vec<f32> {
        (0..n).map(|i| ((i * 7919 % 10_007) as f32 - 5003.0) * 1e-3 + shift).collect()
    }

    #[test]
    fn every_loop_gives_the_bits_of_one_thread_and_of_the_kernel() {
        for n in [0, 1, 100, SHARED - 1, SHARED, SHARED + 17, 3 * SHARED + 5] {
            let run = |team: &dyn Team| {
                let g = numbers(n, 0.5);
                let mut x: [Vec<f32>; 5] = std::array::from_fn(|i| numbers(n, i as f32));
                let [p, a, b, c, d] = &mut x;
                team.update1(p, &g, move |p, g| 0.9f32.mul_add(p, g));
                team.update2(p, a, &g, move |p, a, g| (p - a * g, a + g));
                team.update3(p, a, b, &g, move |p, a, b, g| (p - b / (a.abs() + 1.0), a * 0.5 + g, b * g));
                team.update4(p, a, b, c, &g, move |p, a, b, c, g| (c + g, p, a, b));
                team.update5(p, a, b, c, d, &g, move |p, a, b, c, d, g| (d, p * g, a, b, c));
                team.scale(p, 0.3);
                let norm = team.norm(p);
                (x, norm)
            };
            let (alone, two) = (run(&SingleThread), run(&Two));
            assert_eq!(alone.1.to_bits(), two.1.to_bits(), "norm of {n}");
            assert!(alone == two, "{n} numbers");
            let exact = kernel::sum_sq_f64(&alone.0[0]).sqrt();
            assert!((f64::from(alone.1) - exact).abs() <= 1e-7 * exact, "{n}: {} {exact}", alone.1);
        }
    }

    /// The norm of a vanishing or exploding gradient neither underflows nor overflows.
    #[test]
    fn the_norm_of_tiny_and_of_huge_numbers_is_right() {
        for size in [1e-40f32, 1e-25, 1e-3, 1e15, 1e30] {
            let x = vec![size; 2 * SHARED];
            let wanted = f64::from(size) * (2.0 * SHARED as f64).sqrt();
            let found = f64::from((&SingleThread as &dyn Team).norm(&x));
            assert!((found / wanted - 1.0).abs() < 1e-6, "{size}: {found} {wanted}");
        }
    }
}
