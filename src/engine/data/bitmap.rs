//! A picture file as pixels: decoded within limits, rotated upright, resized. Knows no data set.

use crate::limits;
use crate::text::excerpt;
use image::{DynamicImage, ImageDecoder as _, ImageError, ImageReader, imageops::FilterType};
use std::io::Cursor;

/// Extensions of the files that are read as pictures, in lower case.
pub const ENDINGS: [&str; 6] = ["png", "jpg", "jpeg", "webp", "bmp", "gif"];

/// Whether a file of this name is read as a picture.
pub fn named(name: &str) -> bool {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_lowercase());
    ending.is_some_and(|ending| ENDINGS.contains(&&ending[..]))
}

/// Decodes a PNG, JPEG, WebP, BMP or GIF file (the first picture of an animation) and rotates it by its EXIF
/// orientation, so that a photograph appears upright.
///
/// # Errors
/// If the file cannot be decoded, or is too large; the message names size and limit.
pub fn decode(bytes: &[u8]) -> Result<DynamicImage, String> {
    let words = |e: ImageError| excerpt(&e.to_string(), 200);
    let reader = || {
        ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|e| excerpt(&e.to_string(), 200))
    };
    let unknown = |e: ImageError| match e {
        ImageError::Unsupported(_) => "no PNG, JPEG, WebP, BMP or GIF file".to_string(),
        e => words(e),
    };
    let (width, height) = reader()?.into_dimensions().map_err(unknown)?;
    let edge = limits::PICTURE_EDGE as u32;
    if width > edge || height > edge {
        return Err(format!(
            "{width}x{height} pixels; a picture has at most {edge} along an edge: make it smaller"
        ));
    }
    let mut reader = reader()?;
    let mut allowed = image::Limits::default();
    allowed.max_image_width = Some(edge);
    allowed.max_image_height = Some(edge);
    allowed.max_alloc = Some(limits::DATA_BYTES / 2);
    reader.limits(allowed);
    let mut decoder = reader.into_decoder().map_err(words)?;
    if decoder.total_bytes() > limits::DATA_BYTES / 2 {
        let (needs, most) = (decoder.total_bytes() >> 20, limits::DATA_BYTES >> 21);
        return Err(format!(
            "{width}x{height} pixels take {needs} MiB; a picture takes at most {most}: make it smaller"
        ));
    }
    let orientation = decoder.orientation().map_err(words)?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(words)?;
    picture.apply_orientation(orientation);
    Ok(picture)
}

/// Appends a picture, resized to this size, channel by channel in [0, 1].
pub fn push(picture: &DynamicImage, (height, width): (usize, usize), grey: bool, out: &mut Vec<f32>) {
    let same = (picture.height() as usize, picture.width() as usize) == (height, width);
    let resized;
    let picture = if same {
        picture
    } else {
        resized = picture.resize_exact(width as u32, height as u32, FilterType::Triangle);
        &resized
    };
    let colour = picture.color();
    let deep = colour.bytes_per_pixel() > colour.channel_count();
    match (grey, deep) {
        (true, false) => out.extend(picture.to_luma8().as_raw().iter().map(|&p| f32::from(p) / 255.0)),
        (true, true) => out.extend(picture.to_luma16().as_raw().iter().map(|&p| f32::from(p) / 65535.0)),
        (false, false) => planes(picture.to_rgb8().as_raw(), 255.0, out),
        (false, true) => planes(picture.to_rgb16().as_raw(), 65535.0, out),
    }
}

/// Appends interleaved pixels of three channels, channel by channel.
fn planes<T: Copy + Into<f32>>(pixels: &[T], largest: f32, out: &mut Vec<f32>) {
    for channel in 0..3 {
        out.extend(pixels.iter().skip(channel).step_by(3).map(|&p| p.into() / largest));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::codecs::{jpeg::JpegEncoder, png::PngEncoder};
    use image::{GrayImage, ImageEncoder, ImageFormat, Luma};

    /// Bright at the left, dark at the right.
    fn across() -> GrayImage {
        GrayImage::from_fn(16, 8, |x, _| Luma([if x < 8 { 250 } else { 10 }]))
    }

    /// EXIF data that state only the orientation.
    fn exif(orientation: u8) -> Vec<u8> {
        let mut out = b"MM\0\x2a\0\0\0\x08\0\x01".to_vec();
        out.extend([0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0]);
        out
    }

    fn with_exif<E: ImageEncoder>(mut encoder: E, orientation: u8) -> Result<(), ImageError> {
        encoder.set_exif_metadata(exif(orientation)).expect("the format has EXIF");
        let p = across();
        encoder.write_image(&p, p.width(), p.height(), image::ExtendedColorType::L8)
    }

    #[test]
    fn every_format_is_decoded() {
        for format in
            [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Bmp, ImageFormat::Gif]
        {
            let mut file = Cursor::new(Vec::new());
            DynamicImage::from(across()).to_rgb8().write_to(&mut file, format).expect("encoded");
            let picture = decode(&file.into_inner()).unwrap_or_else(|e| panic!("{format:?}: {e}")).to_luma8();
            assert_eq!(picture.dimensions(), (16, 8), "{format:?}");
            assert!(picture.get_pixel(2, 4).0[0] > 200 && picture.get_pixel(13, 4).0[0] < 60, "{format:?}");
        }
    }

    #[test]
    fn levels_of_sixteen_bits_are_kept() {
        let grey = image::ImageBuffer::from_fn(2, 1, |x, _| Luma([if x == 0 { 20_u16 } else { 200 }]));
        let mut file = Cursor::new(Vec::new());
        DynamicImage::from(grey).write_to(&mut file, ImageFormat::Png).expect("encoded");
        let picture = decode(&file.into_inner()).expect("a picture");
        let levels = [20.0 / 65535.0, 200.0 / 65535.0];
        for (grey, wanted) in [(true, levels.to_vec()), (false, [levels; 3].concat())] {
            let mut out = Vec::new();
            push(&picture, (1, 2), grey, &mut out);
            assert_eq!(out, wanted);
        }
    }

    #[test]
    fn a_photograph_is_turned_as_its_exif_says() {
        for jpeg in [true, false] {
            // 6: the camera was turned to the left, so the picture must be rotated to the right by 90 degrees.
            for (orientation, size, bright) in
                [(1, (16, 8), (2, 4)), (3, (16, 8), (13, 4)), (6, (8, 16), (4, 2))]
            {
                let mut file = Vec::new();
                let written = if jpeg {
                    with_exif(JpegEncoder::new_with_quality(&mut file, 95), orientation)
                } else {
                    with_exif(PngEncoder::new(&mut file), orientation)
                };
                written.expect("encoded");
                let picture = decode(&file).expect("a picture").to_luma8();
                assert_eq!(picture.dimensions(), size, "orientation {orientation}");
                assert!(picture.get_pixel(bright.0, bright.1).0[0] > 200, "orientation {orientation}");
            }
        }
    }

    #[test]
    fn what_is_too_large_is_refused_with_the_limit() {
        let mut file = Vec::new();
        let wide = GrayImage::new(limits::PICTURE_EDGE as u32 + 1, 1);
        PngEncoder::new(&mut file)
            .write_image(&wide, wide.width(), 1, image::ExtendedColorType::L8)
            .expect("encoded");
        let what = decode(&file).unwrap_err();
        assert!(what.contains("4097x1") && what.contains("at most 4096"), "{what}");
        assert!(decode(b"no picture").unwrap_err().contains("no PNG, JPEG, WebP, BMP or GIF"));
    }
}
