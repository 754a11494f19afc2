//! The report on reading the data, and predicted numbers beside the targets. Draws; requests nothing.

use super::sample_words;
use crate::ui::keymap::Action;
use crate::ui::overlay::more;
use crate::ui::theme::Theme;
use crate::ui::widget::{scale, text};
use crate::view::ProbeResult;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use std::cell::Cell;

/// Predicted numbers beside the targets.
pub(super) fn numbers(
    probe: &ProbeResult,
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

/// The report on reading the data, and how far it is scrolled.
#[derive(Clone, Debug, Default)]
pub(super) struct ReadingReport {
    /// The first visible line; drawing limits it to the report.
    first: Cell<usize>,
    /// The number of visible lines when it was last drawn.
    page: Cell<usize>,
}

impl ReadingReport {
    /// Draws the report line by line; marks at the right edge show that there is more above or below.
    pub fn draw(&self, report: &[String], theme: &Theme, area: Rect, buf: &mut Buffer) {
        if report.is_empty() {
            return text::put_message(buf, area, "nothing is known of these data", theme.faint);
        }
        let style = |line: &str| if line.starts_with("warning: ") { theme.warn } else { theme.text };
        let width = area.width.saturating_sub(2);
        let wrapped = report.iter().flat_map(|line| {
            let style = style(line);
            text::lines(line, width, "").into_iter().map(move |piece| (piece, style))
        });
        let lines: Vec<(String, Style)> = wrapped.collect();
        let page = usize::from(area.height);
        let first = self.first.get().min(lines.len().saturating_sub(page));
        self.first.set(first);
        self.page.set(page);
        for (y, (line, style)) in (0..area.height).zip(&lines[first..]) {
            text::put(buf, area, 0, y, line, *style);
        }
        more(first, lines.len(), area, theme, buf);
    }

    /// Scrolls by a line or a page, or to an end.
    pub fn scroll(&self, action: Action) {
        let (first, page) = (self.first.get(), self.page.get().max(2) - 1);
        self.first.set(match action {
            Action::NextSample | Action::Down => first + 1,
            Action::PreviousSample | Action::Up => first.saturating_sub(1),
            Action::PageDown => first + page,
            Action::PageUp => first.saturating_sub(page),
            Action::First => 0,
            Action::Last => usize::MAX / 2,
            _ => first,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::theme::{Depth, Glyphs};

    #[test]
    fn a_long_report_says_that_more_follows_and_can_be_read_to_its_end() {
        let lines: Vec<String> = (1..=9).map(|i| format!("line {i} of the report, which is long")).collect();
        let (report, area) = (ReadingReport::default(), Rect::new(0, 0, 24, 5));
        let theme = Theme::dark(Depth::Mono, Glyphs::Unicode);
        let shown = || {
            let mut buf = Buffer::empty(area);
            report.draw(&lines, &theme, area, &mut buf);
            buf.content.iter().map(ratatui::buffer::Cell::symbol).collect::<String>()
        };
        let start = shown();
        assert!(start.contains("line 1") && start.contains('↓') && !start.contains('↑'), "{start}");
        report.scroll(Action::PageDown);
        shown();
        assert_eq!(report.first.get(), 4, "the last visible line is now the first");
        report.scroll(Action::Last);
        let end = shown();
        assert!(end.contains("line 9") && end.contains('↑') && !end.contains('↓'), "{end}");
        assert_eq!(report.first.get(), 13);
        report.scroll(Action::Up);
        shown();
        assert_eq!(report.first.get(), 12);
    }
}
