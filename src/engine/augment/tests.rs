//! Properties that every augmentation must have (identity at strength 0, finite numbers, draws that belong to the
//! sample), and exact results where they are known.

use super::*;
use crate::registry::SettingValue as _;

const IMAGE: Shape = Shape::Image { channels: 2, height: 5, width: 4 };
const SIZE: usize = 40;
const CLASSES: usize = 3;
const BLACK: [f32; SIZE] = [-1.0; SIZE];

fn row(text: &str) -> AugmentConfig {
    AugmentConfig::parse(text).unwrap()
}

fn inputs(rows: usize) -> Vec<f32> {
    (0..rows * SIZE).map(|i| (i * 37 % 101) as f32 / 101.0).collect()
}

fn targets(rows: usize) -> Vec<f32> {
    (0..rows * CLASSES).map(|i| f32::from(u8::from(i % CLASSES == i / CLASSES % CLASSES))).collect()
}

/// The samples with these numbers, augmented as in this epoch.
fn augmented(list: &[AugmentConfig], samples: &[u32], seed: u64, epoch: u64) -> (Vec<f32>, Vec<f32>) {
    let all = inputs(16);
    let mut x: Vec<f32> =
        samples.iter().flat_map(|&s| all[s as usize * SIZE..(s as usize + 1) * SIZE].to_vec()).collect();
    let mut t = targets(samples.len());
    let mut scratch = vec![f32::NAN; SIZE.max(CLASSES)];
    apply(
        list,
        &mut AugmentBatch {
            shape: IMAGE,
            inputs: &mut x,
            targets: &mut t,
            outside: &BLACK,
            scratch: &mut scratch,
            samples,
            seed,
            epoch,
            salt: 0,
        },
    );
    (x, t)
}

#[test]
fn strength_zero_changes_no_bit() {
    let nothing = [
        "Rotation(degrees: 0)",
        "Scale(factors: (1, 1))",
        "Shift(pixels: 0)",
        "Flip(p: 0)",
        "Noise(std: 0)",
        "Cutout(size: 0)",
        "Mixup(alpha: 0)",
    ];
    for (text, name) in nothing.iter().zip(AugmentConfig::NAMES) {
        assert!(text.starts_with(name), "{name} is not tested");
        let (x, t) = augmented(&[row(text)], &[0, 1, 2, 3], 1, 0);
        assert_eq!(x, inputs(4), "{text}");
        assert_eq!(t, targets(4), "{text}");
    }
}

#[test]
fn every_row_changes_samples_and_leaves_finite_numbers() {
    for augment in AugmentConfig::all() {
        assert_eq!(augment.fits(IMAGE), Ok(()));
        for seed in 0..20 {
            let (x, t) = augmented(std::slice::from_ref(&augment), &[0, 1, 2, 3, 4, 5, 6, 7], seed, 3);
            assert!(x.iter().chain(&t).all(|v| v.is_finite()), "{}", augment.name());
            assert!(x != inputs(8), "{} does nothing", augment.name());
        }
    }
}

/// A sample's draws do not depend on its neighbours, the batch or other augmentations in the list.
#[test]
fn draws_belong_to_sample_epoch_and_kind() {
    for augment in AugmentConfig::all().into_iter().filter(|a| !a.mixes()) {
        let one = [augment.clone()];
        let (whole, _) = augmented(&one, &[3, 4, 5, 6], 1, 2);
        let (part, _) = augmented(&one, &[5, 6], 1, 2);
        assert_eq!(part, whole[2 * SIZE..], "{}: another batch size", augment.name());
        let other: Vec<Vec<f32>> = (0..8).map(|epoch| augmented(&one, &[3, 4, 5, 6], 1, epoch).0).collect();
        assert!(other.iter().any(|x| *x != whole), "{}: every epoch alike", augment.name());
        // An augmentation of strength 0 placed before it uses none of its draws.
        let quiet = if augment.name() == "Noise" { "Rotation(degrees: 0)" } else { "Noise(std: 0)" };
        assert_eq!(augmented(&[row(quiet), augment.clone()], &[3, 4, 5, 6], 1, 2).0, whole);
        let twice = augmented(&[augment.clone(), augment.clone()], &[3, 4, 5, 6], 1, 2).0;
        assert!(twice != whole, "{}: the second of a kind has draws of its own", augment.name());
    }
}

#[test]
fn a_quarter_turn_moves_every_pixel_to_its_place() {
    let (side, black) = (3, [9.0; 9]);
    let image: Vec<f32> = (0..9).map(|i| i as f32).collect();
    let turned = |degrees: f64| {
        let (mut x, mut scratch) = (image.clone(), vec![0.0; 9]);
        rotation::turn(degrees, &mut x, (side, side), &black, &mut scratch);
        x
    };
    // 0 1 2        2 5 8
    // 3 4 5   →    1 4 7
    // 6 7 8        0 3 6
    assert_eq!(turned(90.0), [2.0, 5.0, 8.0, 1.0, 4.0, 7.0, 0.0, 3.0, 6.0]);
    assert_eq!(turned(-270.0), turned(90.0));
    assert_eq!(turned(180.0), image.iter().rev().copied().collect::<Vec<_>>());
    assert_eq!(turned(-90.0), turned(90.0).into_iter().rev().collect::<Vec<_>>());
    assert_eq!(turned(360.0), image);
    let mut four = image.clone();
    for _ in 0..4 {
        let mut scratch = vec![0.0; 9];
        rotation::turn(90.0, &mut four, (side, side), &black, &mut scratch);
    }
    assert_eq!(four, image);
}

/// An image whose brightness is linear in position is known exactly after a rotation, because bilinear interpolation is
/// exact on it.
#[test]
fn a_slope_turns_into_the_turned_slope() {
    let (n, degrees) = (9usize, 30.0f64);
    let (c, s) = (libm::cos(degrees.to_radians()), libm::sin(degrees.to_radians()));
    let mut x: Vec<f32> = (0..n * n).map(|i| (i % n) as f32 - 4.0).collect();
    let (black, mut scratch) = (vec![0.0; n * n], vec![0.0; n * n]);
    rotation::turn(degrees, &mut x, (n, n), &black, &mut scratch);
    for row in 2..7 {
        for column in 2..7 {
            let expected = c * (column as f64 - 4.0) - s * (row as f64 - 4.0);
            let found = f64::from(x[row * n + column]);
            assert!((found - expected).abs() < 1e-5, "{row} {column}: {found} {expected}");
        }
    }
}

#[test]
fn turning_and_scaling_keep_the_mean_of_what_stays_inside() {
    let n = 16usize;
    let bump = |i: usize| {
        let (y, x) = ((i / n) as f32 - 7.5, (i % n) as f32 - 7.5);
        (9.0 - 0.5 * (x * x + y * y)).max(0.0)
    };
    let image: Vec<f32> = (0..n * n).map(bump).collect();
    let sum = |x: &[f32]| x.iter().map(|&v| f64::from(v)).sum::<f64>();
    let (black, mut scratch) = (vec![0.0; n * n], vec![0.0; n * n]);
    for degrees in [-33.0, 7.0, 45.0, 71.0] {
        let mut x = image.clone();
        rotation::turn(degrees, &mut x, (n, n), &black, &mut scratch);
        assert!((sum(&x) / sum(&image) - 1.0).abs() < 0.02, "{degrees}: {}", sum(&x));
    }
    for factor in [0.8, 1.2] {
        let mut x = image.clone();
        scale::enlarge(factor, &mut x, (n, n), &black, &mut scratch);
        // The area grows with the square of the factor, and so does the sum.
        assert!((sum(&x) / sum(&image) / (factor * factor) - 1.0).abs() < 0.03, "{factor}: {}", sum(&x));
    }
}

#[test]
fn twice_as_large_shows_the_middle_and_half_as_large_a_black_frame() {
    let image: Vec<f32> = (0..25).map(|i| i as f32).collect();
    let (black, mut scratch) = (vec![-7.0; 25], vec![0.0; 25]);
    let mut x = image.clone();
    scale::enlarge(2.0, &mut x, (5, 5), &black, &mut scratch);
    assert_eq!((x[0], x[2], x[12], x[24]), (6.0, 7.0, 12.0, 18.0));
    x.copy_from_slice(&image);
    scale::enlarge(0.5, &mut x, (5, 5), &black, &mut scratch);
    assert_eq!((x[0], x[6], x[12], x[18]), (-7.0, 0.0, 12.0, 24.0));
}

#[test]
fn a_shift_moves_all_channels_and_fills_with_black() {
    let image: Vec<f32> = (0..SIZE).map(|i| i as f32).collect();
    let (mut x, mut scratch) = (image.clone(), vec![0.0; SIZE]);
    shift::displace((1, -2), &mut x, (5, 4), &BLACK, &mut scratch);
    for (i, &found) in x.iter().enumerate() {
        let (plane, row, column) = (i / 20, i / 4 % 5, i % 4);
        let expected =
            if row + 2 < 5 && column >= 1 { (plane * 20 + (row + 2) * 4 + column - 1) as f32 } else { -1.0 };
        assert_eq!(found, expected, "{i}");
    }
}

#[test]
fn a_flip_is_a_mirror_and_its_own_inverse() {
    let (x, _) = augmented(&[row("Flip(p: 1)")], &[2], 1, 0);
    let image = &inputs(3)[2 * SIZE..];
    assert_eq!(x[..4], [image[3], image[2], image[1], image[0]]);
    assert_eq!(augmented(&[row("Flip(p: 1)"), row("Flip(p: 1)")], &[2], 1, 0).0, image);
    let flipped = (0..400).filter(|&seed| augmented(&[row("Flip()")], &[2], seed, 0).0 != image).count();
    assert!((150..250).contains(&flipped), "{flipped} of 400");
}

#[test]
fn noise_has_its_mean_and_deviation() {
    let samples: Vec<u32> = (0..16).collect();
    let (mut sum, mut square, mut n) = (0.0f64, 0.0f64, 0.0);
    for seed in 0..50 {
        let (x, _) = augmented(&[row("Noise(std: 0.5)")], &samples, seed, 0);
        for (a, b) in x.iter().zip(inputs(16)) {
            let e = f64::from(a - b);
            sum += e;
            square += e * e;
            n += 1.0;
        }
    }
    // Five standard errors.
    assert!((sum / n).abs() < 5.0 * 0.5 / n.sqrt(), "mean {}", sum / n);
    assert!((square / n - 0.25).abs() < 5.0 * 0.25 * (2.0 / n).sqrt(), "variance {}", square / n);
}

#[test]
fn a_cutout_is_one_black_rectangle_no_larger_than_asked_for() {
    let image = &inputs(2)[SIZE..];
    for seed in 0..100 {
        let (x, _) = augmented(&[row("Cutout(size: 3)")], &[1], seed, 0);
        for plane in 0..2 {
            let gone: Vec<usize> = (0..20).filter(|i| x[plane * 20 + i] == -1.0).collect();
            let columns = gone.iter().map(|i| i % 4).collect::<std::collections::BTreeSet<_>>().len();
            let rows = gone.iter().map(|i| i / 4).collect::<std::collections::BTreeSet<_>>().len();
            assert!(
                (1..=9).contains(&gone.len()) && gone.len() == rows * columns && rows <= 3 && columns <= 3
            );
            assert!((0..20).all(|i| gone.contains(&i) || x[plane * 20 + i] == image[plane * 20 + i]));
        }
    }
}

#[test]
fn mixup_mixes_targets_as_it_mixes_inputs() {
    let samples: Vec<u32> = (0..16).collect();
    let (x, t) = augmented(&[row("Mixup(alpha: 1)")], &samples, 1, 0);
    let (x0, t0) = (inputs(16), targets(16));
    for row in 0..16 {
        let next = (row + 1) % 16;
        let whole: f32 = t[row * CLASSES..(row + 1) * CLASSES].iter().sum();
        assert!((whole - 1.0).abs() < 1e-6, "shares add up to {whole}");
        let share = t[row * CLASSES + row % CLASSES];
        // Samples 15 and 0 have the same class, so their share cannot be determined from the target.
        if t0[row * CLASSES..][..CLASSES] != t0[next * CLASSES..][..CLASSES] {
            for i in 0..SIZE {
                let expected = share * x0[row * SIZE + i] + (1.0 - share) * x0[next * SIZE + i];
                assert!((x[row * SIZE + i] - expected).abs() < 1e-6);
            }
        }
    }
}

#[test]
fn shares_of_mixup_follow_the_beta_distribution() {
    for alpha in [0.05, 0.2, 1.0, 4.0] {
        let mut draws = Stream::new(1, Purpose::Augment, 0, 0);
        let n = 20_000;
        let (mut sum, mut square) = (0.0, 0.0);
        for _ in 0..n {
            let share = mixup::beta(&mut draws, alpha);
            assert!((0.0..=1.0).contains(&share));
            sum += share - 0.5;
            square += (share - 0.5) * (share - 0.5);
        }
        let n = f64::from(n);
        let variance = 1.0 / (4.0 * (2.0 * alpha + 1.0));
        assert!((sum / n).abs() < 5.0 * (variance / n).sqrt(), "{alpha}: mean {}", sum / n);
        assert!((square / n / variance - 1.0).abs() < 0.05, "{alpha}: variance {}", square / n);
    }
}

#[test]
fn what_is_for_images_says_so_elsewhere() {
    for augment in AugmentConfig::all() {
        let general = matches!(augment.name(), "Noise" | "Mixup");
        for shape in [Shape::Flat(5), Shape::Sequence { steps: 3, features: 2 }] {
            let fits = augment.fits(shape);
            assert_eq!(fits.is_ok(), general, "{}", augment.name());
            assert!(fits.err().is_none_or(|what| what.contains("images")));
        }
    }
    assert!(row("Scale(factors: (2, 1))").fits(IMAGE).unwrap_err().contains("lesser"));
}
