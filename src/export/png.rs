//! Draws a drawing as PNG, with two pixels per unit of the SVG and a font of its own, so that every machine makes the
//! same bytes.

use super::drawing::{Anchor, Colour, Drawing, DrawingPart, DrawingText, LineGroup, Rect, TEXT_EDGE};
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder as _};
use std::collections::BTreeSet;
use tiny_skia::{FillRule, LineJoin, Paint, Path, PathBuilder, Pixmap, Stroke, StrokeDash, Transform};
use ttf_parser::{Face, GlyphId, OutlineBuilder};

/// DejaVu Sans, reduced to the letters, signs and symbols of the languages written in Latin, Greek and Cyrillic; its
/// licence lies beside it.
const FONT: &[u8] = include_bytes!("../../assets/fonts/DejaVuSans-subset.ttf");

/// Pixels per unit of the drawing.
const SCALE: f32 = 2.0;

/// A length to a tenth, as the SVG has it: what the logarithms of two machines differ by does not reach the pixels.
fn tenth(x: f64) -> f32 {
    ((x * 10.0).round() / 10.0) as f32
}

fn paint(colour: Colour) -> Paint<'static> {
    let mut paint = Paint::default();
    let [r, g, b] = colour;
    paint.set_color_rgba8(r, g, b, 255);
    paint
}

/// Adds the outline of a glyph to a path, at a size and behind the letters before it.
struct GlyphPen {
    path: PathBuilder,
    size: f32,
    left: f32,
}

impl GlyphPen {
    /// A point of the glyph; its font's vertical axis points upwards.
    fn at(&self, x: f32, y: f32) -> (f32, f32) {
        (self.left + x * self.size, -y * self.size)
    }
}

impl OutlineBuilder for GlyphPen {
    fn move_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.path.move_to(x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.path.line_to(x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let ((x1, y1), (x, y)) = (self.at(x1, y1), self.at(x, y));
        self.path.quad_to(x1, y1, x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let ((x1, y1), (x2, y2), (x, y)) = (self.at(x1, y1), self.at(x2, y2), self.at(x, y));
        self.path.cubic_to(x1, y1, x2, y2, x, y);
    }

    fn close(&mut self) {
        self.path.close();
    }
}

/// The outlines of a text whose baseline begins at the origin, and its width. The text has no outlines if it is blank.
fn outlines(face: &Face, words: &str, size: f64) -> (Option<Path>, f32) {
    let size = size as f32 / f32::from(face.units_per_em());
    let mut pen = GlyphPen { path: PathBuilder::new(), size, left: 0.0 };
    for c in words.chars() {
        // Glyph 0 is the box for characters that the font does not have.
        let glyph = face.glyph_index(c).unwrap_or(GlyphId(0));
        face.outline_glyph(glyph, &mut pen);
        pen.left += f32::from(face.glyph_hor_advance(glyph).unwrap_or(0)) * size;
    }
    let width = pen.left;
    (pen.path.finish(), width)
}

fn draw_lines(map: &mut Pixmap, lines: &LineGroup) {
    let mut path = PathBuilder::new();
    for part in &lines.parts {
        for (i, &(x, y)) in part.iter().enumerate() {
            let (x, y) = (tenth(x), tenth(y));
            if i == 0 { path.move_to(x, y) } else { path.line_to(x, y) }
        }
    }
    let dash = lines.dash.and_then(|(dash, gap)| StrokeDash::new(vec![dash as f32, gap as f32], 0.0));
    let stroke = Stroke { width: lines.width as f32, line_join: LineJoin::Round, dash, ..Stroke::default() };
    if let Some(path) = path.finish() {
        map.stroke_path(&path, &paint(lines.colour), &stroke, Transform::from_scale(SCALE, SCALE), None);
    }
}

fn draw_rects(map: &mut Pixmap, colour: Colour, rects: &[Rect]) {
    let mut path = PathBuilder::new();
    for &(x, y, w, h) in rects {
        if let Some(rect) = tiny_skia::Rect::from_xywh(tenth(x), tenth(y), tenth(w), tenth(h)) {
            path.push_rect(rect);
        }
    }
    if let Some(path) = path.finish() {
        let scale = Transform::from_scale(SCALE, SCALE);
        map.fill_path(&path, &paint(colour), FillRule::Winding, scale, None);
    }
}

fn draw_text(map: &mut Pixmap, face: &Face, text: &DrawingText) {
    let (path, width) = outlines(face, &text.words, text.size);
    let Some(path) = path else { return };
    let back = match text.anchor {
        Anchor::Start => 0.0,
        Anchor::Middle => width / 2.0,
        Anchor::End => width,
    };
    let (x, y) = (SCALE * tenth(text.at.0), SCALE * tenth(text.at.1));
    let place = if text.upwards {
        Transform::from_row(0.0, -SCALE, SCALE, 0.0, x, y)
    } else {
        Transform::from_row(SCALE, 0.0, 0.0, SCALE, x, y)
    };
    let place = place.pre_translate(-back, 0.0);
    if text.edged {
        let edge = Stroke { width: TEXT_EDGE as f32, line_join: LineJoin::Round, ..Stroke::default() };
        map.stroke_path(&path, &paint([255; 3]), &edge, place, None);
    }
    map.fill_path(&path, &paint(text.colour), FillRule::Winding, place, None);
}

/// A picture, and the characters for which it shows boxes because the font does not have them.
pub struct Png {
    /// The file.
    pub bytes: Vec<u8>,
    /// The characters, each once.
    pub missing: BTreeSet<char>,
}

/// Draws the drawing.
///
/// # Errors
/// If it is too large.
///
/// # Panics
/// If the font inside the program is damaged.
pub fn png(drawing: &Drawing) -> Result<Png, String> {
    let face = Face::parse(FONT, 0).expect("the font inside the program is whole");
    let [width, height] = [drawing.size.0, drawing.size.1].map(|x| x as u32 * SCALE as u32);
    let mut map = Pixmap::new(width, height).ok_or("the figure is too large for a picture")?;
    map.fill(tiny_skia::Color::WHITE);
    let mut missing = BTreeSet::new();
    for mark in &drawing.marks {
        match mark {
            DrawingPart::Lines(lines) => draw_lines(&mut map, lines),
            DrawingPart::Rects(colours) => {
                for (colour, rects) in colours {
                    draw_rects(&mut map, *colour, rects);
                }
            }
            DrawingPart::Text(text) => {
                missing.extend(text.words.chars().filter(|c| face.glyph_index(*c).is_none()));
                draw_text(&mut map, &face, text);
            }
        }
    }
    // Every pixel is opaque, because the ground is.
    let pixels: Vec<u8> = map.pixels().iter().flat_map(|p| [p.red(), p.green(), p.blue()]).collect();
    let mut bytes = Vec::new();
    PngEncoder::new_with_quality(&mut bytes, CompressionType::Best, FilterType::Adaptive)
        .write_image(&pixels, width, height, ExtendedColorType::Rgb8)
        .map_err(|e| e.to_string())?;
    Ok(Png { bytes, missing })
}
