//! The report on reading the data, and predicted numbers beside the targets. Draws; requests nothing.

use super::sample_words;
use crate::ui::theme::Theme;
use crate::ui::widget::{scale, text};
use crate::view::Probe;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use std::cell::Cell;

/// Predicted numbers beside the targets.
pub(super) fn numbers(
    probe: &Probe,
    answer: &[f32],
    target: &[f32],
    theme: &Theme,
    area: Rect,
    buf: &mut Buffer,
) {
    let listed =
        |values: &[f32]| values.iter().map(|&v| scale::number(f64::from(v))).collect::<Vec<_>>().join(", ");
    let pieces = [
        (format!("answers {}", listed(answer)), theme.strong),
        (format!("  is {}", listed(target)), theme.text),
        (format!("  sample {}", sample_words(probe)), theme.faint),
    ];
    text::put_pieces(buf, area, 0, &pieces);
}

/// The report on reading the data, line by line, from the line `top` on; a mark shows that more follows.
pub(super) fn draw(lines: &[String], top: &Cell<usize>, theme: &Theme, area: Rect, buf: &mut Buffer) {
    if lines.is_empty() {
        return text::put_message(buf, area, "nothing is known of these data", theme.faint);
    }
    let style = |line: &str| if line.starts_with("warning: ") { theme.warn } else { theme.text };
    let width = area.width.saturating_sub(2);
    let wrapped =
        lines.iter().flat_map(|line| text::lines(line, width, "").into_iter().map(|l| (l, style(line))));
    let wrapped: Vec<(String, Style)> = wrapped.collect();
    let height = usize::from(area.height);
    top.set(top.get().min(wrapped.len().saturating_sub(height)));
    for (y, (line, style)) in (0..area.height).zip(wrapped.iter().skip(top.get())) {
        text::put(buf, area, 0, y, line, *style);
    }
    if wrapped.len() > top.get() + height {
        text::put_right(buf, area, area.height - 1, text::pick(theme.glyphs, "↓", "v"), theme.key());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::theme::{Depth, Glyphs};

    #[test]
    fn a_long_report_says_that_more_follows_and_can_be_read_to_its_end() {
        let lines: Vec<String> = (1..=9).map(|i| format!("line {i} of the report, which is long")).collect();
        let (top, area) = (Cell::new(0), Rect::new(0, 0, 24, 5));
        let theme = Theme::dark(Depth::Mono, Glyphs::Unicode);
        let shown = || {
            let mut buf = Buffer::empty(area);
            draw(&lines, &top, &theme, area, &mut buf);
            buf.content.iter().map(ratatui::buffer::Cell::symbol).collect::<String>()
        };
        assert!(shown().contains("line 1") && shown().contains('↓'));
        top.set(usize::MAX / 2);
        let end = shown();
        assert!(end.contains("line 9") && !end.contains('↓') && top.get() == 13, "{end} {}", top.get());
    }
}
