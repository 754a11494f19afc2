//! The frame of a recording: a line below the lab for captions and pressed keys. Draws; decides nothing.

use super::super::theme::Theme;
use super::super::widget::text;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// The line below the lab.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CaptionLine {
    /// The caption.
    pub caption: String,
    /// The recently pressed keys.
    pub keys: Vec<String>,
}

/// The lab's picture with the line below it, which is `rows` high.
pub fn compose(lab: &Buffer, below: &CaptionLine, rows: u16, theme: &Theme) -> Buffer {
    let area = Rect { height: lab.area.height + rows, ..lab.area };
    let mut picture = Buffer::empty(area);
    picture.content[..lab.content.len()].clone_from_slice(&lab.content);
    let band = Rect { y: lab.area.height, height: rows, ..area };
    if rows == 0 {
        return picture;
    }
    let keys: Vec<String> = below.keys.iter().map(|k| format!(" {k} ")).collect();
    let wide = keys.iter().map(|k| text::width(k) + 1).sum::<u16>();
    let mut x = area.width.saturating_sub(wide);
    for key in keys {
        x = text::put(&mut picture, band, x, rows - 1, &key, theme.selected) + 1;
    }
    let room = usize::from(area.width.saturating_sub(2));
    let lines = wrap(&below.caption, room, usize::from(rows));
    let first = rows - lines.len() as u16;
    for (y, line) in (first..).zip(&lines) {
        let last = y + 1 == rows;
        let room = if last { area.width.saturating_sub(wide) } else { area.width };
        let line = text::shorten(line, usize::from(room.saturating_sub(2)), theme.glyphs);
        let x =
            (area.width.saturating_sub(text::width(&line)) / 2).min(room.saturating_sub(text::width(&line)));
        text::put(&mut picture, band, x, y, &line, theme.strong);
    }
    picture
}

/// The text in at most `most` lines of at most `width` columns; the last line holds the rest.
fn wrap(text: &str, width: usize, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let fits = |l: &String| usize::from(text::width(l)) + 1 + usize::from(text::width(word)) <= width;
        let full = lines.len() == most;
        match lines.last_mut() {
            Some(line) if full || fits(line) => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.into()),
        }
    }
    lines
}
