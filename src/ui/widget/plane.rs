//! A plane divided into classes, with points on it. Knows numbers and classes, not their origin.

use super::colour::{self, Rgb};
use super::heat::{self, Pixel};
use super::text;
use crate::ui::palette;
use crate::ui::theme::{Depth, Glyphs, Scheme, Theme};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};

/// A classifier's predictions on a grid over a plane.
#[derive(Clone, Copy, Debug)]
pub struct Plane<'a> {
    /// Columns.
    pub width: usize,
    /// Row by row from the top: for two classes the probability of class 1, for more the number of the winning class.
    pub values: &'a [f32],
    /// x and y of the left, right, bottom and top edge.
    pub extent: [f32; 4],
    /// Number of classes.
    pub classes: usize,
}

/// The colours of classes: Okabe and Ito (2008); the first two differ most.
const COLOURS: [Rgb; 8] = [
    [230, 159, 0],
    [86, 180, 233],
    [0, 158, 115],
    [204, 121, 167],
    [240, 228, 66],
    [213, 94, 0],
    [0, 114, 178],
    [190, 190, 190],
];
const BASIC: [Color; 8] = [
    Color::Yellow,
    Color::Cyan,
    Color::Green,
    Color::Magenta,
    Color::LightYellow,
    Color::Red,
    Color::Blue,
    Color::Gray,
];

/// The character of a class's points.
pub fn mark(class: u32, glyphs: Glyphs) -> char {
    let marks = match glyphs {
        Glyphs::Unicode => ['●', '○', '▲', '△', '■', '□', '◆', '◇'],
        Glyphs::Ascii => ['o', 'x', '+', '*', '#', '@', '%', '&'],
    };
    marks[class as usize % marks.len()]
}

/// The colour of a class's points.
pub fn color(class: u32, theme: &Theme) -> Color {
    let i = class as usize % COLOURS.len();
    match theme.depth {
        Depth::Mono => Color::Reset,
        Depth::Sixteen => BASIC[i],
        Depth::Indexed => Color::Indexed(palette::POINTS[ground(theme)][i]),
        // Mixed away from the background, which has the same hue for the class.
        Depth::True => {
            let away = if theme.scheme == Scheme::Light { ([0; 3], 0.4) } else { ([255; 3], 0.25) };
            colour::of_rgb(colour::mix(COLOURS[i], away.0, away.1), theme.depth)
        }
    }
}

/// The row of the palette's tables: for a dark or a light background.
fn ground(theme: &Theme) -> usize {
    usize::from(theme.scheme == Scheme::Light)
}

impl Plane<'_> {
    fn height(&self) -> usize {
        self.values.len() / self.width.max(1)
    }

    /// The winning class for a number, and the certainty of its win, in [0, 1].
    fn verdict(&self, v: f32) -> Option<(u32, f64)> {
        if !v.is_finite() {
            return None;
        }
        Some(if self.classes <= 2 {
            (u32::from(v > 0.5), f64::from((2.0 * v - 1.0).abs().min(1.0)))
        } else {
            (v.max(0.0).round() as u32, 0.8)
        })
    }

    fn pixel(&self, v: f32, theme: &Theme) -> Option<Pixel> {
        let (class, sure) = self.verdict(v)?;
        let i = class as usize % COLOURS.len();
        let color = match theme.depth {
            Depth::Mono => Color::Reset,
            // If the prediction is uncertain, the terminal's own background stays.
            Depth::Sixteen if sure < 0.3 => return None,
            Depth::Sixteen => BASIC[i],
            Depth::Indexed => Color::Indexed(palette::step(&palette::CLASSES[ground(theme)][i], sure)),
            // In eight steps: the slope is still visible, and a frame with few colours needs a fraction of the bytes.
            Depth::True => {
                let sure = (8.0 * sure).round() / 8.0;
                colour::of_rgb(colour::mix(theme.ground(), COLOURS[i], 0.12 + 0.5 * sure), theme.depth)
            }
        };
        // Without colours the darkness of the character identifies the class.
        let shade = if self.classes <= 2 {
            f64::from(v) * 0.55
        } else {
            (i as f64 + 0.5) / (self.classes as f64 + 1.0)
        };
        Some(Pixel { color, shade })
    }

    /// The cell of a point, from the corner of `area`; `None` outside.
    pub fn cell(&self, area: Rect, x: f32, y: f32) -> Option<(u16, u16)> {
        let [left, right, bottom, top] = self.extent;
        let place = |v: f32, from: f32, to: f32, cells: u16| {
            let t = (v - from) / (to - from);
            ((0.0..=1.0).contains(&t) && cells > 0).then(|| ((t * f32::from(cells)) as u16).min(cells - 1))
        };
        Some((place(x, left, right, area.width)?, place(y, top, bottom, area.height)?))
    }

    /// Fills the area.
    pub fn draw(&self, theme: &Theme, area: Rect, buf: &mut Buffer) {
        let (width, height) = (self.width, self.height());
        if width == 0 || height == 0 {
            return;
        }
        let per_line = heat::rows_per_line(theme);
        let rows = usize::from(area.height * per_line);
        heat::raster(buf, area, theme, per_line, |x, y| {
            let column = usize::from(x) * width / usize::from(area.width);
            let row = usize::from(y) * height / rows;
            self.pixel(self.values[row * width + column], theme)
        });
    }

    /// Draws points over it; of several points in a cell, the last one is shown.
    pub fn draw_points(&self, points: &[(f32, f32, u32)], theme: &Theme, area: Rect, buf: &mut Buffer) {
        for &(x, y, class) in points {
            let Some((column, row)) = self.cell(area, x, y) else { continue };
            self.put(theme, area, (column, row), mark(class, theme.glyphs), color(class, theme), buf);
        }
    }

    /// Writes a character on top of a cell, whose two colours become one.
    pub fn put(
        &self,
        theme: &Theme,
        area: Rect,
        at: (u16, u16),
        symbol: char,
        color: Color,
        buf: &mut Buffer,
    ) {
        let (x, y) = (area.x + at.0, area.y + at.1);
        let Some(cell) = buf.cell((x, y)) else { return };
        let ground = if cell.symbol() == "▀" { cell.fg } else { cell.bg };
        let color = if theme.depth == Depth::Sixteen && ground == color { Color::Black } else { color };
        let style = Style::new().fg(color).bg(ground).add_modifier(Modifier::BOLD);
        text::cell(buf, x, y, symbol, style);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_lie_where_their_numbers_say() {
        let plane = Plane { width: 1, values: &[0.5], extent: [-1.0, 1.0, -1.0, 1.0], classes: 2 };
        let area = Rect::new(5, 5, 10, 4);
        assert_eq!(plane.cell(area, -1.0, 1.0), Some((0, 0)));
        assert_eq!(plane.cell(area, 1.0, -1.0), Some((9, 3)));
        assert_eq!(plane.cell(area, 2.0, 0.0), None);
        assert_eq!(plane.cell(Rect::new(0, 0, 0, 0), 0.0, 0.0), None);
        assert_eq!(plane.cell(area, f32::NAN, 0.0), None);
    }

    #[test]
    fn classes_have_colours_and_characters_of_their_own() {
        let depths = [Depth::True, Depth::Indexed, Depth::Sixteen];
        for (scheme, depth) in [Scheme::Dark, Scheme::Light].into_iter().flat_map(|s| depths.map(|d| (s, d)))
        {
            let theme = Theme::new(scheme, depth, Glyphs::Unicode);
            let plane = Plane { width: 2, values: &[0.02, 0.98], extent: [0.0, 1.0, 0.0, 1.0], classes: 2 };
            let area = Rect::new(0, 0, 2, 1);
            let mut buf = Buffer::empty(area);
            plane.draw(&theme, area, &mut buf);
            assert_ne!(buf[(0, 0)].bg, buf[(1, 0)].bg, "{depth:?}");
            plane.draw_points(&[(0.1, 0.5, 0), (0.9, 0.5, 1)], &theme, area, &mut buf);
            assert_eq!((buf[(0, 0)].symbol(), buf[(1, 0)].symbol()), ("●", "○"));
            assert!(buf[(0, 0)].fg != buf[(0, 0)].bg && buf[(1, 0)].fg != buf[(1, 0)].bg, "{depth:?}");
        }
    }

    #[test]
    fn where_nothing_is_certain_the_ground_is_that_of_the_theme() {
        let plane = Plane { width: 1, values: &[0.5], extent: [0.0, 1.0, 0.0, 1.0], classes: 2 };
        let area = Rect::new(0, 0, 1, 1);
        let brightness = |scheme| {
            let mut buf = Buffer::empty(area);
            plane.draw(&Theme::new(scheme, Depth::True, Glyphs::Unicode), area, &mut buf);
            colour::to_rgb(buf[(0, 0)].bg).map(colour::brightness).expect("a colour")
        };
        assert!(brightness(Scheme::Dark) < 80.0 && brightness(Scheme::Light) > 180.0);
    }
}
