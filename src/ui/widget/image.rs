//! Small images in half blocks, enlarged by whole factors or shrunk to fit. Knows pixels, not their meaning.

use super::colour::{self, Map};
use super::heat::{self, Pixel};
use super::text;
use crate::ui::theme::{Depth, Theme};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Pixels, channel by channel and row by row.
#[derive(Clone, Copy, Debug)]
pub struct Picture<'a> {
    /// Number of channels: 1 or 3.
    pub channels: usize,
    /// Columns.
    pub width: usize,
    /// The numbers.
    pub pixels: &'a [f32],
    /// The range of the numbers.
    pub range: PictureRange,
}

/// The range of a picture's numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PictureRange {
    /// From dark to bright between these two.
    Between(f32, f32),
    /// Symmetric around zero, up to this absolute value: in two colours, or as signs.
    Signed(f32),
}

impl Picture<'_> {
    /// Rows of pixels.
    pub fn height(&self) -> usize {
        self.pixels.len() / (self.width.max(1) * self.channels.max(1))
    }

    /// The part of `area` that it covers: centred at the upper edge.
    pub fn place(&self, area: Rect) -> Rect {
        let (width, height) = (self.width, self.height());
        if width == 0 || height == 0 || area.is_empty() {
            return Rect { width: 0, height: 0, ..area };
        }
        let (w, h) = self.enlarged(area);
        let columns = (w as u16).min(area.width);
        text::part(area, (area.width - columns) / 2, 0, columns, (h as u16).div_ceil(2))
    }

    /// Whether every pixel has a separate field there.
    pub fn whole(&self, area: Rect) -> bool {
        let (width, height) = (self.width, self.height());
        (1..=usize::from(area.width)).contains(&width) && (1..=2 * usize::from(area.height)).contains(&height)
    }

    /// Its size in half lines.
    fn enlarged(&self, area: Rect) -> (usize, usize) {
        let (width, height) = (self.width, self.height());
        let (columns, rows) = (usize::from(area.width), 2 * usize::from(area.height));
        let times = (columns / width).min(rows / height);
        if times >= 1 {
            return (width * times, height * times);
        }
        let share = (columns as f64 / width as f64).min(rows as f64 / height as f64);
        let fit = |n: usize| ((n as f64 * share) as usize).max(1);
        (fit(width), fit(height))
    }

    /// The mean of the pixels under one of `w` x `h` fields, one number per channel.
    fn mean(&self, x: usize, y: usize, w: usize, h: usize) -> [f32; 3] {
        let (width, height) = (self.width, self.height());
        let span = |i: usize, n: usize, all: usize| {
            let start = i * all / n;
            start..((i + 1) * all / n).max(start + 1).min(all)
        };
        let mut out = [0.0; 3];
        for (c, sum) in out.iter_mut().enumerate() {
            let plane = if c < self.channels { c } else { 0 } * width * height;
            let mut count = 0;
            for row in span(y, h, height) {
                for column in span(x, w, width) {
                    let v = self.pixels[plane + row * width + column];
                    *sum += if v.is_finite() { v } else { 0.0 };
                    count += 1;
                }
            }
            *sum /= count.max(1) as f32;
        }
        out
    }

    /// Draws it and returns the covered area.
    pub fn draw(&self, theme: &Theme, area: Rect, buf: &mut Buffer) -> Rect {
        let place = self.place(area.intersection(buf.area));
        if place.is_empty() {
            return place;
        }
        let (w, h) = self.enlarged(area.intersection(buf.area));
        let per_line = heat::rows_per_line(theme);
        let unit = |v: f32| match self.range {
            PictureRange::Between(low, high) if high > low => f64::from((v - low) / (high - low)),
            PictureRange::Between(..) => 0.0,
            PictureRange::Signed(most) if most > 0.0 => f64::from(0.5 + 0.5 * v / most),
            PictureRange::Signed(_) => 0.5,
        };
        // A field of the picture: one half line if there are half blocks, otherwise the mean of two half lines.
        let field = |x: u16, y: u16| {
            let (x, y) = (usize::from(x), usize::from(y));
            if per_line == 2 {
                return (y < h).then(|| self.mean(x, y, w, h));
            }
            let (a, b) = (self.mean(x, 2 * y, w, h), self.mean(x, (2 * y + 1).min(h - 1), w, h));
            Some(std::array::from_fn(|c| f32::midpoint(a[c], b[c])))
        };
        let signed = matches!(self.range, PictureRange::Signed(_));
        if signed && theme.depth == Depth::Mono {
            for y in 0..place.height {
                for x in 0..place.width {
                    let v = field(x, y).map_or(0.5, |v| unit(v[0]));
                    text::cell(buf, place.x + x, place.y + y, colour::sign(2.0 * v - 1.0), Style::new());
                }
            }
            return place;
        }
        heat::raster(buf, place, theme, per_line, |x, y| {
            let v: [f64; 3] = field(x, y)?.map(unit);
            Some(if signed {
                Pixel::of(v[0], Map::Diverging, theme)
            } else if self.channels == 3 {
                let rgb = v.map(|t| (t.clamp(0.0, 1.0) * 255.0).round() as u8);
                Pixel { color: colour::of_rgb(rgb, theme.depth), shade: colour::brightness(rgb) / 255.0 }
            } else {
                Pixel::of(v[0], Map::Grey, theme)
            })
        });
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::theme::Glyphs;
    use ratatui::style::Color;

    fn picture(pixels: &[f32], width: usize, range: PictureRange) -> Picture<'_> {
        Picture { channels: 1, width, pixels, range }
    }

    #[test]
    fn it_is_enlarged_by_whole_numbers_and_put_in_the_middle() {
        let p = picture(&[0.0; 64], 8, PictureRange::Between(0.0, 1.0));
        assert_eq!(p.place(Rect::new(0, 0, 20, 9)), Rect::new(2, 0, 16, 8));
        assert_eq!(p.place(Rect::new(0, 0, 8, 4)), Rect::new(0, 0, 8, 4));
        assert_eq!(p.place(Rect::new(0, 0, 4, 4)), Rect::new(0, 0, 4, 2));
        assert!(p.place(Rect::new(0, 0, 0, 4)).is_empty());
    }

    #[test]
    fn dark_and_bright_share_a_cell() {
        let theme = Theme::dark(Depth::True, Glyphs::Unicode);
        let area = Rect::new(0, 0, 1, 1);
        let mut buf = Buffer::empty(area);
        picture(&[0.0, 1.0], 1, PictureRange::Between(0.0, 1.0)).draw(&theme, area, &mut buf);
        let cell = &buf[(0, 0)];
        assert_eq!((cell.symbol(), cell.fg, cell.bg), ("▀", Color::Rgb(0, 0, 0), Color::Rgb(255, 255, 255)));
    }

    #[test]
    fn signs_are_told_apart_without_colour() {
        let theme = Theme::dark(Depth::Mono, Glyphs::Ascii);
        let area = Rect::new(0, 0, 3, 1);
        let mut buf = Buffer::empty(area);
        let pixels = [-0.1, 0.0, 0.1, -0.1, 0.0, 0.1];
        picture(&pixels, 3, PictureRange::Signed(0.1)).draw(&theme, area, &mut buf);
        assert_eq!(buf, Buffer::with_lines(["= #"]));
    }

    #[test]
    fn three_channels_are_a_colour() {
        let theme = Theme::dark(Depth::True, Glyphs::Unicode);
        let area = Rect::new(0, 0, 1, 1);
        let mut buf = Buffer::empty(area);
        let range = PictureRange::Between(0.0, 1.0);
        Picture { channels: 3, width: 1, pixels: &[1.0, 0.5, 0.0], range }.draw(&theme, area, &mut buf);
        assert_eq!(buf[(0, 0)].fg, Color::Rgb(255, 128, 0));
    }

    #[test]
    fn odd_pixels_and_sizes_do_no_harm() {
        for depth in [Depth::Mono, Depth::Sixteen, Depth::Indexed, Depth::True] {
            let theme = Theme::dark(depth, Glyphs::Unicode);
            for (w, h) in [(0, 0), (1, 1), (3, 7), (40, 2), (200, 60)] {
                let area = Rect::new(0, 0, w, h);
                let mut buf = Buffer::empty(area);
                for range in [
                    PictureRange::Between(0.0, 0.0),
                    PictureRange::Between(0.0, 1.0),
                    PictureRange::Signed(0.0),
                ] {
                    picture(&[f32::NAN, f32::INFINITY, -1e30, 0.5], 2, range).draw(&theme, area, &mut buf);
                    picture(&[], 0, range).draw(&theme, area, &mut buf);
                }
            }
        }
    }
}
