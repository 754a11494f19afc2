//! A drawing of lines, rectangles and text, from which the SVG and the PNG of a figure are made. Knows no run.

use crate::text::xml;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Red, green and blue.
pub type Colour = [u8; 3];

/// The point of a text that lies at its position.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// Its beginning.
    Start,
    /// Its middle.
    Middle,
    /// Its end.
    End,
}

/// Lines of the same look.
pub struct LineGroup {
    /// Every line with its points.
    pub parts: Vec<Vec<(f64, f64)>>,
    /// Their colour.
    pub colour: Colour,
    /// Their width.
    pub width: f64,
    /// Lengths of a dash and of the gap behind it; `None` if they are solid.
    pub dash: Option<(f64, f64)>,
}

/// A filled rectangle: left, top, width, height.
pub type Rect = (f64, f64, f64, f64);

/// A text of one line.
pub struct DrawingText {
    /// Its position: of the anchor, on the baseline.
    pub at: (f64, f64),
    /// The words, in one line.
    pub words: String,
    /// The size of its font.
    pub size: f64,
    /// Its colour.
    pub colour: Colour,
    /// The point at `at`.
    pub anchor: Anchor,
    /// Whether it reads upwards.
    pub upwards: bool,
    /// Whether it has a white edge, to be readable on lines.
    pub edged: bool,
}

impl Default for DrawingText {
    fn default() -> Self {
        Self {
            at: (0.0, 0.0),
            words: String::new(),
            size: SIZE,
            colour: [0x33; 3],
            anchor: Anchor::Start,
            upwards: false,
            edged: false,
        }
    }
}

/// The usual size of a font.
pub const SIZE: f64 = 13.0;

/// The width of a text's white edge, half of which lies outside the letters.
pub const TEXT_EDGE: f64 = 3.0;

/// A part of a drawing. Later ones cover earlier ones.
pub enum DrawingPart {
    /// Lines.
    Lines(LineGroup),
    /// Rectangles, by colour.
    Rects(BTreeMap<Colour, Vec<Rect>>),
    /// A text.
    Text(DrawingText),
}

/// A drawing on white.
pub struct Drawing {
    /// Width and height in pixels.
    pub size: (f64, f64),
    /// Its title, for readers that do not show it.
    pub title: String,
    /// Its parts.
    pub marks: Vec<DrawingPart>,
}

/// A length with at most one digit behind the point.
fn short(x: f64) -> String {
    let text = format!("{x:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

fn hex([r, g, b]: Colour) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

fn svg_lines(lines: &LineGroup, out: &mut String) {
    let mut path = String::new();
    for part in &lines.parts {
        for (i, (x, y)) in part.iter().enumerate() {
            let _ = write!(path, "{}{} {}", if i == 0 { 'M' } else { 'L' }, short(*x), short(*y));
        }
    }
    let _ = write!(
        out,
        "<path d=\"{path}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{}\" stroke-linejoin=\"round\"",
        hex(lines.colour),
        short(lines.width)
    );
    if let Some((dash, gap)) = lines.dash {
        let _ = write!(out, " stroke-dasharray=\"{} {}\"", short(dash), short(gap));
    }
    out.push_str("/>\n");
}

fn svg_text(text: &DrawingText, out: &mut String) {
    let (x, y) = (short(text.at.0), short(text.at.1));
    if text.upwards {
        let _ = write!(out, "<text transform=\"translate({x} {y}) rotate(-90)\"");
    } else {
        let _ = write!(out, "<text x=\"{x}\" y=\"{y}\"");
    }
    match text.anchor {
        Anchor::Start => {}
        Anchor::Middle => out.push_str(" text-anchor=\"middle\""),
        Anchor::End => out.push_str(" text-anchor=\"end\""),
    }
    if text.size != SIZE {
        let _ = write!(out, " font-size=\"{}\"", short(text.size));
    }
    if text.edged {
        let width = short(TEXT_EDGE);
        let _ = write!(
            out,
            " stroke=\"#ffffff\" stroke-width=\"{width}\" stroke-linejoin=\"round\" paint-order=\"stroke\""
        );
    }
    let _ = writeln!(out, " fill=\"{}\">{}</text>", hex(text.colour), xml(&text.words));
}

impl Drawing {
    /// The drawing as SVG: text stays text, no scripts.
    pub fn svg(&self) -> String {
        let (width, height) = self.size;
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
             role=\"img\" font-family=\"sans-serif\" font-size=\"{SIZE}\">\n<title>{}</title>\n\
             <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n",
            xml(&self.title)
        );
        for mark in &self.marks {
            match mark {
                DrawingPart::Lines(lines) => svg_lines(lines, &mut out),
                DrawingPart::Text(text) => svg_text(text, &mut out),
                DrawingPart::Rects(colours) => {
                    for (colour, rects) in colours {
                        let _ = write!(out, "<path fill=\"{}\" d=\"", hex(*colour));
                        for (x, y, w, h) in rects {
                            let (left, top) = (short(*x), short(*y));
                            let _ = write!(out, "M{left} {top}h{}v{}H{left}z", short(*w), short(*h));
                        }
                        out.push_str("\"/>\n");
                    }
                }
            }
        }
        out.push_str("</svg>\n");
        out
    }
}
