//! Compares the product with the triple loop that states its order, bit for bit.

use ndarray::{Array2, ArrayView2, s};

use super::*;

fn matrix(rows: usize, columns: usize, seed: u32) -> Array2<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9) | 1;
    Array2::from_shape_fn((rows, columns), |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 8_388_608.0 - 1.0
    })
}

/// The order of operations as stated in the module's documentation.
fn plain(a: ArrayView2<f32>, b: ArrayView2<f32>, beta: f32, c: &mut Array2<f32>) {
    for ((i, j), c) in c.indexed_iter_mut() {
        for start in (0..a.ncols().max(1)).step_by(K_BLOCK) {
            let mut sum = 0.0f32;
            for p in start..a.ncols().min(start + K_BLOCK) {
                sum = a[[i, p]].mul_add(b[[p, j]], sum);
            }
            let beta = if start == 0 { beta } else { 1.0 };
            *c = if beta == 0.0 { sum } else { c.mul_add(beta, sum) };
        }
    }
}

fn assert_same_bits(found: &Array2<f32>, expected: &Array2<f32>, what: &str) {
    assert_eq!(found.dim(), expected.dim());
    for (at, expected) in expected.indexed_iter() {
        let found = found[at];
        assert_eq!(found.to_bits(), expected.to_bits(), "{what} at {at:?}: {found} instead of {expected}");
    }
}

const SIZES: [(usize, usize, usize); 21] = [
    (1, 1, 1),
    (2, 3, 4),
    (32, 16, 2),
    (32, 2, 16),
    (7, 17, 5),
    (8, 32, 64),
    (13, 33, 65),
    (6, 15, 257),
    (33, 31, 100),
    (40, 70, 300),
    (5, 48, 513),
    (64, 64, 64),
    (16, 784, 9),
    (32, 196, 144),
    (128, 10, 256),
    (3, 5, 0),
    (0, 4, 3),
    (4, 0, 3),
    (41, 16, 16),
    (49, 24, 24),
    (3, 70, 1),
];

#[test]
fn every_layout_gives_the_bits_of_the_triple_loop() {
    for (m, n, k) in SIZES {
        for beta in [0.0, 1.0, -0.5] {
            let (a, b, c) = (matrix(m, k, 1), matrix(k, n, 2), matrix(m, n, 3));
            let mut expected = c.clone();
            plain(a.view(), b.view(), beta, &mut expected);

            let (at, bt) = (a.t().as_standard_layout().into_owned(), b.t().as_standard_layout().into_owned());
            // Operands inside a larger buffer, and every second element of one, backwards.
            let (mut a_block, mut b_block) = (matrix(m + 2, k + 3, 4), matrix(k + 1, n + 2, 5));
            a_block.slice_mut(s![1..=m, 2..k + 2]).assign(&a);
            b_block.slice_mut(s![1.., 1..=n]).assign(&b);
            let (mut a_odd, mut b_odd) = (matrix(2 * m, 3 * k, 6), matrix(2 * k, 2 * n, 7));
            a_odd.slice_mut(s![..;-2, ..;3]).assign(&a);
            b_odd.slice_mut(s![..;2, ..;-2]).assign(&b);

            let lefts = [a.view(), at.t(), a_block.slice(s![1..=m, 2..k + 2]), a_odd.slice(s![..;-2, ..;3])];
            let rights = [b.view(), bt.t(), b_block.slice(s![1.., 1..=n]), b_odd.slice(s![..;2, ..;-2])];
            for (l, left) in lefts.iter().enumerate() {
                for (r, right) in rights.iter().enumerate() {
                    let what = format!("{m} x {n} x {k}, beta {beta}, layouts {l}, {r}");
                    let mut found = c.clone();
                    matmul(left.view(), right.view(), beta, found.view_mut());
                    assert_same_bits(&found, &expected, &what);
                    // A result inside a larger buffer, whose other numbers must not change.
                    let mut wide = Array2::from_elem((m + 1, n + 5), 7.0);
                    wide.slice_mut(s![..m, 3..n + 3]).assign(&c);
                    matmul(left.view(), right.view(), beta, wide.slice_mut(s![..m, 3..n + 3]));
                    assert_same_bits(&wide.slice(s![..m, 3..n + 3]).to_owned(), &expected, &what);
                    wide.slice_mut(s![..m, 3..n + 3]).fill(7.0);
                    assert!(wide.iter().all(|&x| x == 7.0), "{what}: wrote outside of the result");
                }
            }
        }
    }
}

#[test]
fn slices_with_explicit_strides() {
    for (m, n, k) in SIZES {
        let (a, b) = (matrix(m, k, 1), matrix(k, n, 2));
        let mut expected = matrix(m, n, 3);
        let mut c = expected.clone().into_raw_vec_and_offset().0;
        plain(a.view(), b.view(), 1.0, &mut expected);
        let bt = b.t().as_standard_layout().into_owned();
        let (a, bt) = (a.as_slice().unwrap(), bt.as_slice().unwrap());
        matmul_slices(m, n, k, Strided::rows(a, k), Strided::rows(bt, k).t(), 1.0, &mut c, n);
        assert_same_bits(&Array2::from_shape_vec((m, n), c).unwrap(), &expected, "slices");
        // Both strides larger than one.
        let spread: Vec<f32> = a.iter().flat_map(|&x| [x, f32::NAN]).collect();
        let mut c = matrix(m, n, 3).into_raw_vec_and_offset().0;
        let spread = Strided { data: &spread, row: 2 * k, col: 2 };
        matmul_slices(m, n, k, spread, Strided::rows(bt, k).t(), 1.0, &mut c, n);
        assert_same_bits(&Array2::from_shape_vec((m, n), c).unwrap(), &expected, "spread slices");
    }
}

/// The widest vectors of this machine, narrower ones, and none.
#[test]
fn every_instruction_set_gives_the_same_bits() {
    for (m, n, k) in SIZES {
        let (a, b, c) = (matrix(m, k, 1), matrix(n, k, 2), matrix(m, n, 3));
        let mut dispatched = c.clone();
        matmul(a.view(), b.t(), 1.0, dispatched.view_mut());
        let left = Matrix::view(a.view());
        let with = |run: &dyn Fn(Product)| {
            let mut found = c.clone();
            let mut scratch = vec![0.0; K_BLOCK * (WIDTH + HEIGHT)];
            let (a, b, c) = (&left, &Matrix::view(b.t()), &mut ProductTarget::view(found.view_mut()));
            run(Product { m, n, k, a, b, first: First::Scaled(1.0), c, scratch: &mut scratch });
            found
        };
        assert_same_bits(&with(&|product| product.with_simd(pulp::Scalar)), &dispatched, "scalar");
        #[cfg(target_arch = "x86_64")]
        if let Some(avx2) = pulp::x86::V3::try_new() {
            assert_same_bits(&with(&|product| pulp::Simd::vectorize(avx2, product)), &dispatched, "AVX2");
        }
    }
}

#[test]
fn beta_zero_overwrites_nan_and_nan_operands_spread() {
    let (mut a, b) = (matrix(9, 20, 1), matrix(20, 37, 2));
    let mut c = Array2::from_elem((9, 37), f32::NAN);
    matmul(a.view(), b.view(), 0.0, c.view_mut());
    assert!(c.iter().all(|x| x.is_finite()));
    a[[4, 7]] = f32::NAN;
    matmul(a.view(), b.view(), 0.0, c.view_mut());
    for ((i, _), x) in c.indexed_iter() {
        assert_eq!(x.is_nan(), i == 4);
    }
    matmul(a.slice(s![.., ..0]), b.slice(s![..0, ..]), 0.0, c.view_mut());
    assert!(c.iter().all(|&x| x == 0.0));
}

#[test]
#[should_panic(expected = "matmul of (2, 3) by (4, 5) into (2, 5)")]
fn shapes_that_do_not_fit_are_named() {
    matmul(matrix(2, 3, 1).view(), matrix(4, 5, 2).view(), 0.0, matrix(2, 5, 3).view_mut());
}

#[test]
#[should_panic(expected = "3 x 4 matrix in a slice of 11")]
fn short_slices_are_named() {
    matmul_slices(3, 1, 4, Strided::rows(&[0.0; 11], 4), Strided::rows(&[0.0; 4], 1), 0.0, &mut [0.0; 3], 1);
}

/// Products with a bias row, or with rows that begin anywhere, equal the same products written plainly.
#[test]
fn a_bias_and_overlapping_rows_give_the_bits_of_plain_operands() {
    for (m, n, k) in SIZES.into_iter().filter(|s| s.0 * s.1 * s.2 > 0) {
        let (a, b) = (matrix(m, k, 1), matrix(k, n, 2));
        let bias = matrix(1, n, 3).into_raw_vec_and_offset().0;
        let mut expected = Array2::from_shape_fn((m, n), |(_, j)| bias[j]);
        matmul(a.view(), b.view(), 1.0, expected.view_mut());
        let mut found = Array2::from_elem((m, n), f32::NAN);
        let slice = |x: &Array2<f32>| x.as_slice().expect("row-major").to_vec();
        let (x, y) = (slice(&a), slice(&b));
        let (x, y) = (Strided::rows(&x, k), Strided::rows(&y, n));
        product(&|| false, (m, n, k), x, y, First::Row(&bias), found.as_slice_mut().expect("whole"), n);
        assert_same_bits(&found, &expected, &format!("{m} x {n} x {k} from a bias"));

        let data = matrix(1, m + k, 4).into_raw_vec_and_offset().0;
        let starts: Vec<usize> = (0..m).map(|i| (7 * i) % (m + 1)).collect();
        let overlapping = Array2::from_shape_fn((m, k), |(i, p)| data[starts[i] + p]);
        let mut expected = Array2::zeros((m, n));
        matmul(overlapping.view(), b.view(), 0.0, expected.view_mut());
        let mut found = Array2::from_elem((m, n), f32::NAN);
        let flat = b.as_slice().expect("row-major");
        product_of_starts(
            &|| false,
            (n, k),
            (&data, &starts),
            Strided::rows(flat, n),
            First::Zero,
            found.as_slice_mut().expect("whole"),
            n,
        );
        assert_same_bits(&found, &expected, &format!("{m} x {n} x {k} from overlapping rows"));
    }
}

/// A large product is computed in parts, and stops between two of them when it is cancelled.
#[test]
fn a_product_in_parts_has_the_bits_of_a_whole_one_and_can_be_left() {
    let (m, n, k) = (2048, 1100, 1024);
    let (a, b) = (matrix(m, k, 1), matrix(k, n, 2));
    let mut expected = Array2::zeros((m, n));
    matmul(a.view(), b.view(), 0.0, expected.view_mut());
    let slices = (a.as_slice().expect("row-major"), b.as_slice().expect("row-major"));
    let (x, y) = (Strided::rows(slices.0, k), Strided::rows(slices.1, n));
    let compute = |leave: bool| {
        let mut found = Array2::from_elem((m, n), f32::NAN);
        let asked = std::cell::Cell::new(0);
        let left = || {
            asked.set(asked.get() + 1);
            leave
        };
        product(&left, (m, n, k), x, y, First::Zero, found.as_slice_mut().expect("whole"), n);
        (found, asked.get())
    };
    let (whole, asked) = compute(false);
    assert_eq!(asked, 1, "in two parts");
    assert_same_bits(&whole, &expected, "in parts");
    let (half, asked) = compute(true);
    assert_eq!(asked, 1, "asked no more");
    assert!(half[[m - 1, 0]].is_finite() && half[[0, n - 1]].is_nan(), "the rest is not computed");
}
