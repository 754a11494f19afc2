//! Fits a picture of the user's to the shape and the range of a data set's samples, and reports the changes made.

use super::Samples;
use super::bitmap::{decode, push};
use super::subject::{self, Area};
use crate::engine::shape::Shape;
use image::{DynamicImage, imageops};

/// A picture in the form that a network takes.
#[derive(Clone, Debug, PartialEq)]
pub struct FittedPicture {
    /// One input sample.
    pub inputs: Vec<f32>,
    /// The changes made to the picture, in words.
    pub how: String,
}

/// Samples that are inspected to learn how these data usually look.
const LOOKS: usize = 200;
/// A pixel belongs to the subject if it differs from the background by at least this much.
const APART: f32 = 0.25;
/// The picture is cropped if its subject fills less than this share of the usual size in these data.
const SMALL: f32 = 0.7;

/// Decodes a picture file and fits it to samples like these, whose numbers lie in `range`.
///
/// If the data show one subject on an even background, the picture is cropped to its own subject, unless `whole` is
/// set, and its brightness is stretched to that of the data. If the aspect ratio differs, the picture is padded in the
/// colour of its own edge. It is inverted if its edge is bright and that of the data dark (ink on paper, while the data
/// are white digits on black), or the reverse.
///
/// # Errors
/// If the file is faulty, or the data are not pictures.
pub fn fit(
    bytes: &[u8],
    samples: &Samples,
    range: &[(f32, f32)],
    whole: bool,
) -> Result<FittedPicture, String> {
    let Shape::Image { channels, height, width } = samples.shape else {
        return Err(format!("a picture is no sample of these data, which are {}", samples.shape));
    };
    let mut picture = decode(bytes)?;
    let usual = TypicalSample::of(samples, range, width, height);
    let (mut w, mut h) = (picture.width(), picture.height());
    let colour = if picture.color().has_color() { "colour" } else { "grey" };
    let mut how = vec![format!("{w}x{h} in {colour}")];
    let found = if whole || !usual.even { None } else { subject::find(&picture) };
    let window = found.and_then(|area| usual.window(area, (w, h), (width, height)));
    if let Some(window) = window {
        picture = cut(&picture, window);
        (w, h) = (picture.width(), picture.height());
        how.push(format!("cropped to its subject, {w}x{h}"));
    }
    let (padded, size) = pad(picture, width as u32, height as u32);
    if size != (w, h) {
        how.push(format!("padded to {}x{}", size.0, size.1));
    }
    let mut pixels = Vec::new();
    push(&padded, (height, width), channels == 1, &mut pixels);
    let brought = if channels == 1 { "grey" } else { "colour" };
    if size != (width as u32, height as u32) || colour != brought {
        how.push(format!("brought to {width}x{height} {brought}"));
    }
    let own = edge(&pixels, width, height);
    if (usual.edge < 0.5) != (own < 0.5) && (usual.edge - own).abs() > APART {
        for p in &mut pixels {
            *p = 1.0 - *p;
        }
        let is = if usual.edge < 0.5 { "dark" } else { "bright" };
        how.push(format!("inverted, since these data are {is} at the edge"));
    }
    if window.is_some() && usual.stretch(&mut pixels, width, height) {
        how.push("brightness stretched to that of these data".into());
    }
    let (low, high) =
        range.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(a, b), r| (a.min(r.0), b.max(r.1)));
    how.push(format!("pixels in {low} to {high}"));
    let inputs = pixels.iter().zip(range).map(|(p, (low, high))| low + p * (high - low)).collect();
    Ok(FittedPicture { inputs, how: how.join(", ") })
}

/// The usual look of samples, with their numbers scaled to [0, 1].
struct TypicalSample {
    /// Mean brightness at the edge.
    edge: f32,
    /// Whether they show a subject on an even background.
    even: bool,
    /// The brightness of that background, and the brightness farthest from it.
    levels: (f32, f32),
    /// Share of the picture's side that the subject takes.
    fill: f32,
}

impl TypicalSample {
    fn of(samples: &Samples, range: &[(f32, f32)], width: usize, height: usize) -> Self {
        let unit = |(&x, &(low, high)): (&f32, &(f32, f32))| {
            if high > low { (x - low) / (high - low) } else { 0.0 }
        };
        let mut sums = [0.0f32; 5];
        let seen = samples.len().clamp(1, LOOKS);
        for s in 0..seen {
            let sample: Vec<f32> = samples.input(s).iter().zip(range).map(unit).collect();
            let mut rim: Vec<f32> =
                (0..sample.len()).filter(|i| outermost(*i, width, height)).map(|i| sample[i]).collect();
            rim.sort_by(f32::total_cmp);
            let ground = rim[rim.len() / 2];
            let apart = |p: f32| (p - ground).abs() > APART;
            let uneven = rim.iter().filter(|p| apart(**p)).count() as f32 / rim.len() as f32;
            let far = sample
                .iter()
                .copied()
                .fold(ground, |f, p| if (p - ground).abs() > (f - ground).abs() { p } else { f });
            let of = |place: &dyn Fn(usize) -> usize, side: usize| {
                let there = (0..sample.len()).filter(|i| apart(sample[*i])).map(place);
                let (low, high) = there.fold((side, 0), |(a, b), i| (a.min(i), b.max(i + 1)));
                high.saturating_sub(low) as f32 / side as f32
            };
            let fill = of(&|i| i % width, width).max(of(&|i| i / width % height, height));
            let each = [edge(&sample, width, height), uneven, ground, far, fill];
            sums.iter_mut().zip(each).for_each(|(sum, x)| *sum += x);
        }
        let [edge, uneven, ground, far, fill] = sums.map(|sum| sum / seen as f32);
        Self { edge, even: uneven < APART && fill > 0.0, levels: (ground, far), fill }
    }

    /// The part of a picture of this size in which its subject is as large as usual in samples of `width` x `height`;
    /// `None` if it is about that large already. The part may extend beyond the picture.
    fn window(
        &self,
        area: Area,
        size: (u32, u32),
        (width, height): (usize, usize),
    ) -> Option<(i64, i64, Area)> {
        let per = |w: u32, h: u32| (w as f32 / width as f32).max(h as f32 / height as f32);
        let scale = per(area.width, area.height) / self.fill;
        if scale > SMALL * per(size.0, size.1) {
            return None;
        }
        let side = |n: usize| ((n as f32 * scale).ceil() as u32).max(1);
        let (w, h) = (side(width), side(height));
        let x = i64::from(area.x) + (i64::from(area.width) - i64::from(w)) / 2;
        let y = i64::from(area.y) + (i64::from(area.height) - i64::from(h)) / 2;
        Some((x, y, Area { x: 0, y: 0, width: w, height: h }))
    }

    /// Stretches the brightness so that the background and the value farthest from it are as usual; returns whether
    /// that changed anything.
    fn stretch(&self, pixels: &mut [f32], width: usize, height: usize) -> bool {
        let ground = edge(pixels, width, height);
        let far = pixels
            .iter()
            .copied()
            .fold(ground, |f, p| if (p - ground).abs() > (f - ground).abs() { p } else { f });
        let (to, end) = self.levels;
        let factor = (end - to) / (far - ground);
        if !factor.is_finite() || factor <= 0.0 || (to - ground).abs() + (end - far).abs() < 0.05 {
            return false;
        }
        for p in pixels {
            *p = (to + (*p - ground) * factor).clamp(0.0, 1.0);
        }
        true
    }
}

/// A part of a picture. Where it extends beyond the picture, it has the colour of the picture's edge.
fn cut(picture: &DynamicImage, (x, y, area): (i64, i64, Area)) -> DynamicImage {
    let rgb = picture.to_rgb8();
    let mut out = image::RgbImage::from_pixel(area.width, area.height, rim(&rgb));
    imageops::overlay(&mut out, &rgb, -x, -y);
    DynamicImage::ImageRgb8(out)
}

/// Mean colour of the outermost pixels.
fn rim(rgb: &image::RgbImage) -> image::Rgb<u8> {
    let (w, h) = rgb.dimensions();
    let rim = rgb.enumerate_pixels().filter(|(x, y, _)| *x == 0 || *y == 0 || *x + 1 == w || *y + 1 == h);
    let (mut sum, mut count) = ([0u64; 3], 0);
    for (.., p) in rim {
        sum.iter_mut().zip(p.0).for_each(|(s, p)| *s += u64::from(p));
        count += 1;
    }
    image::Rgb(sum.map(|s| (s / count.max(1)) as u8))
}

/// The picture centred in a larger one with the aspect ratio of `width` x `height`, and the new size.
fn pad(picture: DynamicImage, width: u32, height: u32) -> (DynamicImage, (u32, u32)) {
    let (w, h) = (picture.width(), picture.height());
    let wide = (u64::from(h) * u64::from(width)).div_ceil(u64::from(height)) as u32;
    let high = (u64::from(w) * u64::from(height)).div_ceil(u64::from(width)) as u32;
    let size = (w.max(wide), h.max(high));
    // A difference of a pixel or two is lost in rounding anyway.
    if size.0 - w <= w / 50 && size.1 - h <= h / 50 {
        return (picture, (w, h));
    }
    let rgb = picture.to_rgb8();
    let mut out = image::RgbImage::from_pixel(size.0, size.1, rim(&rgb));
    imageops::overlay(&mut out, &rgb, i64::from((size.0 - w) / 2), i64::from((size.1 - h) / 2));
    (DynamicImage::ImageRgb8(out), size)
}

/// Whether a number of a sample is a pixel at the edge.
fn outermost(i: usize, width: usize, height: usize) -> bool {
    let (x, y) = (i % width, i / width % height);
    x == 0 || y == 0 || x + 1 == width || y + 1 == height
}

/// Mean of the outermost pixels.
fn edge(pixels: &[f32], width: usize, height: usize) -> f32 {
    let at = (0..pixels.len()).filter(|i| outermost(*i, width, height));
    let (sum, count) = at.fold((0.0, 0), |(s, n), i| (s + pixels[i], n + 1));
    sum / count.max(1) as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::data::embedded::Digits;
    use crate::engine::data::{NoFiles, Source as _};
    use std::io::Cursor;

    fn png(picture: &DynamicImage) -> Vec<u8> {
        let mut out = Cursor::new(Vec::new());
        picture.write_to(&mut out, image::ImageFormat::Png).expect("encoded");
        out.into_inner()
    }

    #[test]
    fn a_sample_of_the_data_comes_back_as_it_is() {
        let digits = Digits {}.load(&NoFiles, 1).expect("embedded").samples;
        let range = vec![(0.0, 1.0); 64];
        let pixels = digits.input(3).iter().map(|p| (p * 255.0).round() as u8).collect();
        let image = image::GrayImage::from_raw(8, 8, pixels).expect("a picture");
        let fitted = fit(&png(&image.into()), &digits, &range, false).expect("it fits");
        assert!(fitted.inputs.iter().zip(digits.input(3)).all(|(a, b)| (a - b).abs() < 0.003));
        assert_eq!(fitted.how, "8x8 in grey, pixels in 0 to 1");
    }

    #[test]
    fn ink_on_paper_is_padded_shrunk_inverted_and_scaled_and_says_so() {
        let digits = Digits {}.load(&NoFiles, 1).expect("embedded").samples;
        let mut paper = image::RgbImage::from_pixel(60, 90, image::Rgb([250, 250, 250]));
        for (x, y) in (28..34).flat_map(|x| (10..80).map(move |y| (x, y))) {
            paper.put_pixel(x, y, image::Rgb([10, 10, 60]));
        }
        let fitted = fit(&png(&paper.into()), &digits, &[(-1.0, 3.0); 64], true).expect("it fits");
        for part in
            ["60x90 in colour", "padded to 90x90", "8x8 grey", "inverted", "dark at the edge", "-1 to 3"]
        {
            assert!(fitted.how.contains(part), "{}", fitted.how);
        }
        let (corner, stroke) = (fitted.inputs[0], fitted.inputs[3 * 8 + 3].max(fitted.inputs[3 * 8 + 4]));
        assert!(corner < -0.9 && stroke > 0.0, "{:?}", fitted.inputs);
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        let digits = Digits {}.load(&NoFiles, 1).expect("embedded").samples;
        assert!(fit(b"no picture", &digits, &[(0.0, 1.0); 64], false).is_err());
        let table = Samples { shape: Shape::Flat(2), inputs: vec![0.0; 4], labels: digits.labels };
        assert!(fit(b"", &table, &[(0.0, 1.0); 2], false).unwrap_err().contains("no sample of these data"));
    }

    #[test]
    fn a_small_subject_is_cut_out_and_its_brightness_is_that_of_the_data() {
        let digits = Digits {}.load(&NoFiles, 1).expect("embedded").samples;
        // A digit of the data, drawn in grey ink on grey paper; it covers a ninth of the picture and lies off its
        // centre.
        let sample = digits.input(3);
        let paper = image::RgbImage::from_fn(480, 360, |x, y| {
            let (x, y) = (x as usize, y as usize);
            let inside = (300..420).contains(&x) && (60..180).contains(&y);
            let ink = if inside { sample[(y - 60) / 15 * 8 + (x - 300) / 15] } else { 0.0 };
            let light = 200.0 - x as f32 / 12.0;
            image::Rgb([(light * (1.0 - 0.7 * ink)) as u8; 3])
        });
        let file = png(&paper.into());
        let range = [(0.0, 1.0); 64];
        let off = |inputs: &[f32]| {
            inputs.iter().zip(sample).map(|(a, b)| (a - b).abs()).sum::<f32>() / sample.len() as f32
        };
        let fitted = fit(&file, &digits, &range, false).expect("it fits");
        for part in ["cropped to its subject", "inverted", "brightness stretched"] {
            assert!(fitted.how.contains(part), "{}", fitted.how);
        }
        let whole = fit(&file, &digits, &range, true).expect("it fits");
        assert!(!whole.how.contains("cropped"), "{}", whole.how);
        assert!(
            off(&fitted.inputs) < 0.12 && off(&whole.inputs) > 0.25,
            "{} {}",
            off(&fitted.inputs),
            off(&whole.inputs)
        );
    }
}
