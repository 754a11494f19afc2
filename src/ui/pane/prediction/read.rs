//! The report on reading the data, and predicted numbers beside the targets. Draws; requests nothing.

use super::sample_words;
use crate::ui::theme::Theme;
use crate::ui::widget::{scale, text};
use crate::view::Probe;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Paragraph, Widget as _, Wrap};

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

/// The report on reading the data, line by line.
pub(super) fn draw(lines: &[String], theme: &Theme, area: Rect, buf: &mut Buffer) {
    if lines.is_empty() {
        return text::put_message(buf, area, "nothing is known of these data", theme.faint);
    }
    let style = |line: &str| if line.starts_with("warning: ") { theme.warn } else { theme.text };
    let lines: Vec<Line<'_>> = lines.iter().map(|line| Line::styled(&line[..], style(line))).collect();
    Paragraph::new(lines).wrap(Wrap { trim: true }).render(area, buf);
}
