//! The result of an attack as pictures: printed on the terminal, or written to files. Knows no network.

use super::AttackOutcome;
use crate::cli::display::Display;
use crate::cli::{BadInput, CommandEnd};
use crate::engine::shape::Shape;
use crate::lab::files;
use crate::limits;
use crate::text::excerpt;
use crate::ui::print::{Captioned, beside};
use crate::ui::theme::Theme;
use image::{GrayImage, RgbImage};
use std::fmt::Write as _;
use std::io::Cursor;
use std::path::{Path, PathBuf};

/// The names of the three files.
pub(super) fn paths(out: &Path) -> [PathBuf; 3] {
    let stem = out.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let beside = |what: &str| out.with_file_name(format!("{stem}-{what}.png"));
    [out.to_path_buf(), beside("perturbation"), beside("all")]
}

/// The three pictures in [0, 1], the perturbation amplified to fill [-1, 1].
pub(super) struct AttackPictures {
    channels: usize,
    width: usize,
    clean: Vec<f32>,
    change: Vec<f32>,
    adversarial: Vec<f32>,
    /// The factor by which the perturbation is amplified.
    times: f32,
}

/// Least pixels of the longer side of the picture that contains all three.
const SIDE: usize = 192;

/// Refuses a file extension of another format than the one that is written.
pub(super) fn is_png(out: &Path) -> Result<(), BadInput> {
    let Some(ending) = out.extension().map(|e| e.to_string_lossy().to_lowercase()) else { return Ok(()) };
    if ending == "png" {
        return Ok(());
    }
    let shown = excerpt(&out.to_string_lossy(), limits::NAME_CHARS);
    let png = excerpt(&out.with_extension("png").to_string_lossy(), limits::NAME_CHARS);
    let why = if ["jpg", "jpeg", "webp", "gif"].contains(&&ending[..]) {
        "; its compression could undo the perturbation"
    } else {
        ""
    };
    Err(BadInput::new(format!(
        "--out {shown}: only PNG files are written, not .{}{why}; write --out {png}",
        excerpt(&ending, 20)
    )))
}

impl AttackPictures {
    /// The pictures of an attack on an image of this shape, whose features have these ranges.
    pub(super) fn of(outcome: &AttackOutcome, shape: Shape, range: &[(f32, f32)]) -> Self {
        let (channels, width) = match shape {
            Shape::Image { channels, width, .. } => (channels, width),
            _ => (1, 1),
        };
        let unit = |of: &[f32]| -> Vec<f32> {
            let each = of.iter().zip(range);
            each.map(|(x, (low, high))| if high > low { (x - low) / (high - low) } else { 0.0 }).collect()
        };
        let (clean, adversarial) = (unit(&outcome.clean), unit(&outcome.adversarial));
        let mut change: Vec<f32> = adversarial.iter().zip(&clean).map(|(a, b)| a - b).collect();
        let most = change.iter().fold(0.0f32, |m, c| m.max(c.abs()));
        let times = if most > 0.0 { 1.0 / most } else { 1.0 };
        for c in &mut change {
            *c *= times;
        }
        Self { channels, width, clean, change, adversarial, times }
    }

    fn height(&self) -> usize {
        self.clean.len() / (self.channels * self.width).max(1)
    }

    /// All three as text for the terminal.
    pub(super) fn printed(&self, display: &Display) -> anyhow::Result<String> {
        let chosen = display.choose()?.chosen;
        let theme = Theme::new(chosen.scheme.what, chosen.depth.what, chosen.drawing.what.glyphs());
        let caption = format!("change x{:.0}", self.times);
        let of = |pixels, signed, caption| Captioned {
            channels: self.channels,
            width: self.width,
            pixels,
            signed,
            caption,
        };
        let three = [
            of(&self.clean, false, "image"),
            of(&self.change, true, &caption),
            of(&self.adversarial, false, "adversarial"),
        ];
        Ok(beside(&three, &theme, 96, 16))
    }

    /// The colour of one pixel of one of the pictures.
    fn pixel(&self, of: &[f32], signed: bool, x: usize, y: usize) -> [u8; 3] {
        let plane = self.width * self.height();
        let byte = |v: f32| (v.clamp(0.0, 1.0) * 255.0 + 0.5) as u8;
        let at = |channel: usize| of[channel.min(self.channels - 1) * plane + y * self.width + x];
        // Grey means no change; brighter is more, darker is less.
        [0, 1, 2].map(|c| byte(if signed { 0.5 + 0.5 * at(c) } else { at(c) }))
    }

    fn one(&self, of: &[f32], signed: bool) -> image::DynamicImage {
        let (w, h) = (self.width as u32, self.height() as u32);
        let rgb = RgbImage::from_fn(w, h, |x, y| image::Rgb(self.pixel(of, signed, x as usize, y as usize)));
        if self.channels > 1 {
            return rgb.into();
        }
        GrayImage::from_fn(w, h, |x, y| image::Luma([rgb.get_pixel(x, y).0[0]])).into()
    }

    fn all(&self) -> image::DynamicImage {
        let (w, h) = (self.width, self.height());
        let times = SIDE.div_ceil(w.max(h).max(1)).max(1);
        let gap = 8;
        let (width, height) = ((3 * w * times + 2 * gap) as u32, (h * times) as u32);
        let three = [(&self.clean, false), (&self.change, true), (&self.adversarial, false)];
        RgbImage::from_fn(width, height, |x, y| {
            let (which, inside) = (x as usize / (w * times + gap), x as usize % (w * times + gap));
            let (of, signed) = three[which.min(2)];
            if inside >= w * times {
                return image::Rgb([255; 3]);
            }
            image::Rgb(self.pixel(of, signed, inside / times, y as usize / times))
        })
        .into()
    }

    /// Writes the three files; returns a message.
    pub(super) fn write(&self, out: &Path) -> anyhow::Result<String> {
        let caption = format!("the change, x{:.0} about grey", self.times);
        let [first, second, third] = paths(out);
        let all = [
            (first, self.one(&self.adversarial, false), "the adversarial image"),
            (second, self.one(&self.change, true), &caption),
            (third, self.all(), "image, change and adversarial image side by side"),
        ];
        let (mut words, mut encoded) = (String::new(), Vec::new());
        for (path, picture, what) in &all {
            let mut bytes = Cursor::new(Vec::new());
            picture.write_to(&mut bytes, image::ImageFormat::Png)?;
            encoded.push((path.as_path(), bytes.into_inner()));
            let _ = writeln!(words, "wrote {}: {what}", excerpt(&path.to_string_lossy(), limits::NAME_CHARS));
        }
        let files: Vec<(&Path, &[u8])> = encoded.iter().map(|(path, bytes)| (*path, &bytes[..])).collect();
        files::write(&files).map_err(|e| CommandEnd(1, e.to_string()))?;
        Ok(words)
    }
}
