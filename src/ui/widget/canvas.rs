//! A raster of dots over character cells: eight dots a cell in braille, one in ASCII. Every cell has one colour, so
//! each dot has a rank, and the highest rank colours the cell. Knows no curves.

use super::text;
use crate::ui::theme::Glyphs;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// A pen: an index for the style of a cell, and its rank against others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pen {
    /// Index into the styles passed to [`Canvas::draw`].
    pub look: u8,
    /// Rank 1 gives way to any higher rank in a cell; from 2 on, dots are merged and the highest rank sets the colour.
    /// 0 draws nothing.
    pub rank: u8,
}

/// The style of a pen's cells.
#[derive(Clone, Copy, Debug)]
pub struct PenStyle {
    /// Colour and weight.
    pub style: Style,
    /// The character in place of braille.
    pub ascii: char,
}

#[derive(Clone, Copy, Debug, Default)]
struct Dots {
    bits: u8,
    pen: Pen,
}

/// Dots, (0, 0) at the top left.
#[derive(Clone, Debug)]
pub struct Canvas {
    columns: usize,
    rows: usize,
    braille: bool,
    cells: Vec<Dots>,
}

/// Bits of a braille character: row by row, left and right.
const BITS: [[u8; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];

impl Canvas {
    /// An empty canvas of this many cells.
    pub fn new(columns: u16, rows: u16, glyphs: Glyphs) -> Self {
        let (columns, rows) = (usize::from(columns), usize::from(rows));
        let braille = glyphs == Glyphs::Unicode;
        Self { columns, rows, braille, cells: vec![Dots::default(); columns * rows] }
    }

    /// Columns of dots.
    pub fn width(&self) -> usize {
        if self.braille { self.columns * 2 } else { self.columns }
    }

    /// Rows of dots.
    pub fn height(&self) -> usize {
        if self.braille { self.rows * 4 } else { self.rows }
    }

    /// The cell of a dot: column and row.
    pub fn cell(&self, x: usize, y: usize) -> (u16, u16) {
        let (x, y) = if self.braille { (x / 2, y / 4) } else { (x, y) };
        (x as u16, y as u16)
    }

    /// Sets a dot; positions outside are ignored.
    pub fn dot(&mut self, x: usize, y: usize, pen: Pen) {
        if x >= self.width() || y >= self.height() || pen.rank == 0 {
            return;
        }
        let bit = if self.braille { BITS[y % 4][x % 2] } else { 1 };
        let (column, row) = self.cell(x, y);
        let cell = &mut self.cells[usize::from(row) * self.columns + usize::from(column)];
        if pen.rank < cell.pen.rank {
            if pen.rank > 1 {
                cell.bits |= bit;
            }
            return;
        }
        if cell.pen.rank == 1 && pen.rank > 1 {
            cell.bits = 0;
        }
        cell.bits |= bit;
        cell.pen = pen;
    }

    /// Sets the dots from `top` to `bottom` in one column, in either order.
    pub fn vertical(&mut self, x: usize, top: usize, bottom: usize, pen: Pen) {
        for y in top.min(bottom)..=top.max(bottom).min(self.height().saturating_sub(1)) {
            self.dot(x, y, pen);
        }
    }

    /// A line of dots without gaps; with `dash`, every second stretch of that many columns is left out.
    pub fn line(&mut self, from: (usize, usize), to: (usize, usize), dash: usize, pen: Pen) {
        let (x0, y0, x1, y1) = (from.0 as i64, from.1 as i64, to.0 as i64, to.1 as i64);
        let steps = (x1 - x0).abs().max((y1 - y0).abs());
        for i in 0..=steps {
            let along = |a: i64, b: i64| {
                if steps == 0 { a } else { a + ((b - a) * i * 2 + steps).div_euclid(2 * steps) }
            };
            let (x, y) = (along(x0, x1).max(0) as usize, along(y0, y1).max(0) as usize);
            if dash == 0 || (x / dash).is_multiple_of(2) {
                self.dot(x, y, pen);
            }
        }
    }

    /// Writes the dots into the buffer, `area` taking the canvas' top left corner; cells without dots stay.
    pub fn draw(&self, area: Rect, buf: &mut Buffer, looks: &[PenStyle]) {
        if self.columns == 0 {
            return;
        }
        for (i, cell) in self.cells.iter().enumerate() {
            let (column, row) = (i % self.columns, i / self.columns);
            if cell.bits == 0 || column >= usize::from(area.width) || row >= usize::from(area.height) {
                continue;
            }
            let Some(look) = looks.get(usize::from(cell.pen.look)) else { continue };
            let symbol = if self.braille {
                char::from_u32(0x2800 + u32::from(cell.bits)).unwrap_or(' ')
            } else {
                look.ascii
            };
            text::cell(buf, area.x + column as u16, area.y + row as u16, symbol, look.style);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::style::Color;

    const BAND: Pen = Pen { look: 0, rank: 1 };
    const LINE: Pen = Pen { look: 1, rank: 2 };

    fn looks() -> [PenStyle; 2] {
        [(Color::Blue, '.'), (Color::Red, 'A')]
            .map(|(c, ascii)| PenStyle { style: Style::new().fg(c), ascii })
    }

    #[test]
    fn a_line_takes_the_cell_from_the_band_whoever_comes_first() {
        let area = Rect::new(0, 0, 1, 1);
        for order in [[BAND, LINE], [LINE, BAND]] {
            let mut canvas = Canvas::new(1, 1, Glyphs::Unicode);
            for pen in order {
                let (x, y) = if pen == BAND { (1, 3) } else { (0, 0) };
                canvas.dot(x, y, pen);
            }
            let mut buf = Buffer::empty(area);
            canvas.draw(area, &mut buf, &looks());
            assert_eq!((buf[(0, 0)].symbol(), buf[(0, 0)].fg), ("⠁", Color::Red));
        }
    }

    #[test]
    fn lines_have_no_gaps_and_dashes_have() {
        let mut canvas = Canvas::new(4, 2, Glyphs::Unicode);
        canvas.line((0, 7), (7, 0), 0, LINE);
        assert_eq!(canvas.cells.iter().map(|c| c.bits.count_ones()).sum::<u32>(), 8);
        // Both ends have a dot, also on the way up.
        assert_eq!((canvas.cells[0].bits, canvas.cells[7].bits), (0, 0));
        assert!(canvas.cells[3].bits & 0x08 != 0 && canvas.cells[4].bits & 0x40 != 0, "{:?}", canvas.cells);
        let mut dashed = Canvas::new(4, 2, Glyphs::Unicode);
        dashed.line((0, 7), (7, 0), 2, LINE);
        assert_eq!(dashed.cells.iter().map(|c| c.bits.count_ones()).sum::<u32>(), 4);
    }

    #[test]
    fn ascii_has_one_dot_a_cell() {
        let mut canvas = Canvas::new(3, 1, Glyphs::Ascii);
        assert_eq!((canvas.width(), canvas.height()), (3, 1));
        canvas.line((0, 0), (2, 0), 0, LINE);
        canvas.dot(9, 9, LINE);
        let area = Rect::new(0, 0, 3, 1);
        let mut buf = Buffer::empty(area);
        canvas.draw(area, &mut buf, &looks());
        assert_eq!(buf[(2, 0)].symbol(), "A");
    }
}
