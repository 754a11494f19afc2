//! A picture of one's own, brought to the shape and the range of a data set's samples, with an account of how.

use super::Samples;
use super::folder::{decode, push};
use crate::engine::shape::Shape;
use image::{DynamicImage, imageops};

/// A picture as a network takes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Fitted {
    /// One input sample.
    pub inputs: Vec<f32>,
    /// What was done to the picture, in words.
    pub how: String,
}

/// Samples that are looked at to learn how bright the edge of these data is.
const LOOKS: usize = 200;

/// Decodes a PNG or JPEG file and fits it to samples like these, whose numbers lie in `range`.
///
/// Another aspect is padded in the colour of the picture's own edge. A picture whose edge is bright where that of the data
/// is dark (ink on paper among digits in white on black), or the other way round, is inverted.
///
/// # Errors
/// What is wrong with the file, or that these data are no pictures.
pub fn fit(bytes: &[u8], samples: &Samples, range: &[(f32, f32)]) -> Result<Fitted, String> {
    let Shape::Image { channels, height, width } = samples.shape else {
        return Err(format!("a picture is no sample of these data, which are {}", samples.shape));
    };
    let picture = decode(bytes)?;
    let (w, h) = (picture.width(), picture.height());
    let colour = if picture.color().has_color() { "colour" } else { "grey" };
    let mut how = vec![format!("{w}x{h} in {colour}")];
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
    // The data in [0, 1], as pixels are.
    let unit = |i: usize, x: f32| {
        let (low, high) = range[i];
        if high > low { (x - low) / (high - low) } else { 0.0 }
    };
    let seen = samples.len().clamp(1, LOOKS);
    let means = (0..seen).map(|s| {
        let sample: Vec<f32> = samples.input(s).iter().enumerate().map(|(i, &x)| unit(i, x)).collect();
        edge(&sample, width, height)
    });
    let (data, own) = (means.sum::<f32>() / seen as f32, edge(&pixels, width, height));
    if (data < 0.5) != (own < 0.5) && (data - own).abs() > 0.25 {
        for p in &mut pixels {
            *p = 1.0 - *p;
        }
        let is = if data < 0.5 { "dark" } else { "bright" };
        how.push(format!("inverted, since these data are {is} at the edge"));
    }
    let (low, high) =
        range.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(a, b), r| (a.min(r.0), b.max(r.1)));
    how.push(format!("pixels in {low} to {high}"));
    let inputs = pixels.iter().zip(range).map(|(p, (low, high))| low + p * (high - low)).collect();
    Ok(Fitted { inputs, how: how.join(", ") })
}

/// The picture in the middle of a larger one of the same aspect as `width` x `height`, and its size.
fn pad(picture: DynamicImage, width: u32, height: u32) -> (DynamicImage, (u32, u32)) {
    let (w, h) = (picture.width(), picture.height());
    let wide = (u64::from(h) * u64::from(width)).div_ceil(u64::from(height)) as u32;
    let high = (u64::from(w) * u64::from(height)).div_ceil(u64::from(width)) as u32;
    let size = (w.max(wide), h.max(high));
    // A pixel or two are lost in rounding anyway.
    if size.0 - w <= w / 50 && size.1 - h <= h / 50 {
        return (picture, (w, h));
    }
    let rgb = picture.to_rgb8();
    let rim = rgb.enumerate_pixels().filter(|(x, y, _)| *x == 0 || *y == 0 || *x + 1 == w || *y + 1 == h);
    let (mut sum, mut count) = ([0u64; 3], 0);
    for (.., p) in rim {
        sum.iter_mut().zip(p.0).for_each(|(s, p)| *s += u64::from(p));
        count += 1;
    }
    let mean = sum.map(|s| (s / count.max(1)) as u8);
    let mut out = image::RgbImage::from_pixel(size.0, size.1, image::Rgb(mean));
    imageops::overlay(&mut out, &rgb, i64::from((size.0 - w) / 2), i64::from((size.1 - h) / 2));
    (DynamicImage::ImageRgb8(out), size)
}

/// Mean of the outermost pixels.
fn edge(pixels: &[f32], width: usize, height: usize) -> f32 {
    let outermost = |i: &usize| {
        let (x, y) = (i % width, i / width % height);
        x == 0 || y == 0 || x + 1 == width || y + 1 == height
    };
    let (sum, count) = (0..pixels.len()).filter(outermost).fold((0.0, 0), |(s, n), i| (s + pixels[i], n + 1));
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
        let fitted = fit(&png(&image.into()), &digits, &range).expect("it fits");
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
        let fitted = fit(&png(&paper.into()), &digits, &[(-1.0, 3.0); 64]).expect("it fits");
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
        assert!(fit(b"no picture", &digits, &[(0.0, 1.0); 64]).is_err());
        let table = Samples { shape: Shape::Flat(2), inputs: vec![0.0; 4], labels: digits.labels };
        assert!(fit(b"", &table, &[(0.0, 1.0); 2]).unwrap_err().contains("no sample of these data"));
    }
}
