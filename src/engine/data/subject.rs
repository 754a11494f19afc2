//! Finds the subject of a picture: the part that differs from an even background. Knows no data set.

use image::{DynamicImage, imageops::FilterType};

/// The longer side to which a picture is reduced before the search.
const SIDE: u32 = 128;
/// The least contrast with the background, as a share of full brightness.
const CONTRAST: f32 = 0.1;

/// A rectangle of pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    /// Column of its left edge.
    pub x: u32,
    /// Row of its top edge.
    pub y: u32,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

/// The rectangle around the part that differs from the background; `None` if the background is not even, or nothing
/// differs.
///
/// The background is a plane fitted to the brightness at the rim, channel by channel, so that a shadow across the paper
/// is not taken for the subject. Small specks are ignored.
pub fn find(picture: &DynamicImage) -> Option<Area> {
    let (width, height) = (picture.width(), picture.height());
    let most = width.max(height);
    let scale = f64::from(most.min(SIDE)) / f64::from(most);
    let small = |n: u32| ((f64::from(n) * scale).round() as u32).max(1);
    let (w, h) = (small(width), small(height));
    let pixels = picture.resize_exact(w, h, FilterType::Triangle).to_rgb8();
    let (w, h) = (w as usize, h as usize);
    let channel = |c: usize| pixels.pixels().map(move |p| f32::from(p.0[c]) / 255.0).collect::<Vec<_>>();
    let (mut out, mut noise) = (vec![0.0f32; w * h], 0.0f32);
    for c in 0..3 {
        let (differences, spread) = against_background(&channel(c), w, h);
        out.iter_mut().zip(&differences).for_each(|(o, d)| *o = o.max(*d));
        noise = noise.max(spread);
    }
    let least = CONTRAST.max(5.0 * noise).max(split(&out));
    let mask = without_specks(&out.iter().map(|d| *d > least).collect::<Vec<_>>(), w);
    let count = mask.iter().filter(|m| **m).count();
    let rim = rim(w, h);
    let touching = rim.iter().filter(|i| mask[**i]).count();
    if count == 0 || 10 * count > 7 * mask.len() || 5 * touching > rim.len() {
        return None;
    }
    let found = || mask.iter().enumerate().filter(|(_, m)| **m).map(|(i, _)| (i % w, i / w));
    let ends = |of: &dyn Fn((usize, usize)) -> usize, n: usize, all: u32| {
        let (low, high) = found().map(of).fold((n, 0), |(a, b), i| (a.min(i), b.max(i)));
        // Converts back to whole pixels of the original picture.
        let low = (low as f64 * f64::from(all) / n as f64).floor() as u32;
        let high = ((high + 1) as f64 * f64::from(all) / n as f64).ceil() as u32;
        (low, high.min(all) - low)
    };
    let (x, columns) = ends(&|(x, _)| x, w, width);
    let (y, rows) = ends(&|(_, y)| y, h, height);
    Some(Area { x, y, width: columns, height: rows })
}

/// The indices of the pixels at the rim.
fn rim(w: usize, h: usize) -> Vec<usize> {
    let thick = (w.min(h) / 20).max(1);
    let near = |i: &usize| {
        let (x, y) = (i % w, i / w);
        x < thick || y < thick || x + thick >= w || y + thick >= h
    };
    (0..w * h).filter(near).collect()
}

/// The distance of each pixel from the plane fitted to the rim, and the usual distance of the rim's own pixels.
fn against_background(pixels: &[f32], w: usize, h: usize) -> (Vec<f32>, f32) {
    let at = |i: usize| [1.0, (i % w) as f64 / w as f64 - 0.5, (i / w) as f64 / h as f64 - 0.5];
    let mut chosen = rim(w, h);
    let mut plane = [0.0f64; 3];
    let value = |plane: &[f64; 3], i: usize| at(i).iter().zip(plane).map(|(a, p)| a * p).sum::<f64>();
    let mut usual = 0.0;
    // Pixels far off the plane belong to a subject that touches the rim; the plane is fitted again without them.
    for _ in 0..4 {
        plane = fitted(chosen.iter().map(|&i| (at(i), f64::from(pixels[i]))));
        let mut off: Vec<f64> =
            chosen.iter().map(|&i| (f64::from(pixels[i]) - value(&plane, i)).abs()).collect();
        off.sort_by(f64::total_cmp);
        usual = 1.48 * off.get(off.len() / 2).copied().unwrap_or(0.0);
        let far = (3.0 * usual).max(0.02);
        let kept: Vec<usize> = chosen
            .iter()
            .copied()
            .filter(|&i| (f64::from(pixels[i]) - value(&plane, i)).abs() <= far)
            .collect();
        if kept.len() < 8 {
            break;
        }
        chosen = kept;
    }
    let differences = pixels.iter().enumerate().map(|(i, &p)| (f64::from(p) - value(&plane, i)).abs() as f32);
    (differences.collect(), usual as f32)
}

/// Coefficients of the least-squares fit of values to three numbers each; only the mean if the points do not determine
/// more.
fn fitted(points: impl Iterator<Item = ([f64; 3], f64)>) -> [f64; 3] {
    let mut m = [[0.0f64; 4]; 3];
    for (a, v) in points {
        for i in 0..3 {
            for j in 0..3 {
                m[i][j] += a[i] * a[j];
            }
            m[i][3] += a[i] * v;
        }
    }
    let mean = [m[0][3] / m[0][0].max(1.0), 0.0, 0.0];
    for i in 0..3 {
        let pivot = m[i];
        if pivot[i].abs() < 1e-9 {
            return mean;
        }
        for (j, row) in m.iter_mut().enumerate() {
            if j != i {
                let factor = row[i] / pivot[i];
                row.iter_mut().zip(pivot).for_each(|(r, p)| *r -= factor * p);
            }
        }
    }
    [0, 1, 2].map(|i| m[i][3] / m[i][i])
}

/// The value that best separates these values into two classes (N. Otsu, 1979, doi:10.1109/TSMC.1979.4310076).
fn split(values: &[f32]) -> f32 {
    const BINS: usize = 128;
    let bin = |v: f32| ((v.clamp(0.0, 1.0) * BINS as f32) as usize).min(BINS - 1);
    let mut counts = [0.0f64; BINS];
    for v in values {
        counts[bin(*v)] += 1.0;
    }
    let all: f64 = counts.iter().sum();
    let sum: f64 = counts.iter().enumerate().map(|(i, n)| i as f64 * n).sum();
    let (mut below, mut part, mut best) = (0.0, 0.0, (0.0, 0));
    for (i, n) in counts.iter().enumerate() {
        below += n;
        part += i as f64 * n;
        if below == 0.0 || below >= all {
            continue;
        }
        let apart = part / below - (sum - part) / (all - below);
        let between = below * (all - below) * apart * apart;
        if between > best.0 {
            best = (between, i + 1);
        }
    }
    // The threshold is lowered by 30 %: strokes are faint at their edges.
    best.1 as f32 / BINS as f32 * 0.7
}

/// The mask without its small connected parts.
fn without_specks(mask: &[bool], w: usize) -> Vec<bool> {
    let h = mask.len() / w.max(1);
    let (mut part, mut sizes) = (vec![0usize; mask.len()], vec![0usize]);
    for start in 0..mask.len() {
        if !mask[start] || part[start] > 0 {
            continue;
        }
        let (number, mut open) = (sizes.len(), vec![start]);
        sizes.push(0);
        part[start] = number;
        while let Some(i) = open.pop() {
            sizes[number] += 1;
            let (x, y) = (i % w, i / w);
            for ny in y.saturating_sub(1)..(y + 2).min(h) {
                for nx in x.saturating_sub(1)..(x + 2).min(w) {
                    let n = ny * w + nx;
                    if mask[n] && part[n] == 0 {
                        part[n] = number;
                        open.push(n);
                    }
                }
            }
        }
    }
    let largest = sizes.iter().max().copied().unwrap_or(0);
    part.iter().map(|p| *p > 0 && 20 * sizes[*p] >= largest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{Rgb, RgbImage};

    /// Paper under a lamp: brighter at the left, with some grain.
    fn paper(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| {
            let grain = (x * 7919 + y * 104_729) % 7;
            let light = 230 - 60 * x / width - 20 * y / height + grain;
            Rgb([light as u8, light as u8, (light - 10) as u8])
        })
    }

    #[test]
    fn ink_is_found_on_unevenly_lit_paper_and_specks_are_not() {
        let mut picture = paper(600, 400);
        for (x, y) in (350..420).flat_map(|x| (100..240).map(move |y| (x, y))) {
            picture.put_pixel(x, y, Rgb([40, 40, 60]));
        }
        for (x, y) in (30..36).flat_map(|x| (350..356).map(move |y| (x, y))) {
            picture.put_pixel(x, y, Rgb([40, 40, 60]));
        }
        let area = find(&picture.into()).expect("the ink");
        let close = |a: u32, b: u32| a.abs_diff(b) <= 8;
        assert!(
            close(area.x, 350) && close(area.y, 100) && close(area.width, 70) && close(area.height, 140),
            "{area:?}"
        );
    }

    #[test]
    fn empty_paper_and_uneven_ground_have_no_subject() {
        assert_eq!(find(&paper(300, 300).into()), None);
        let checks =
            RgbImage::from_fn(300, 300, |x, y| Rgb([if (x / 20 + y / 20) % 2 == 0 { 230 } else { 20 }; 3]));
        assert_eq!(find(&checks.into()), None);
        assert_eq!(find(&RgbImage::new(1, 1).into()), None);
    }
}
