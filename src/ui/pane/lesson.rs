//! The lesson pane: the subject of the scenario, the state of its expectations, and the lesson in full. Judges nothing.

mod guided;

use super::{Context, PaneRequests, PaneWidget};
use crate::ui::diagnosis::thousands;
use crate::ui::guide::Guide;
use crate::ui::keymap::Action;
use crate::ui::lesson::ExpectationState;
use crate::ui::overlay::more;
use crate::ui::widget::text;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use std::cell::Cell;

/// The state of the lesson pane.
#[derive(Clone, Debug, Default)]
pub struct LessonPane {
    /// The first visible line; `None`: the line at which the news begin.
    first: Option<usize>,
    /// The page and its number of lines when it was scrolled: news reset the scrolling.
    of: Cell<(usize, usize)>,
    /// The largest possible first line when the pane was last drawn.
    last: Cell<usize>,
    /// The first visible line then.
    shown: Cell<usize>,
    /// Number of visible lines then.
    page: Cell<usize>,
}

impl LessonPane {
    /// Draws the page of the lesson in progress: its foot at the bottom, and above it as much as fits.
    fn draw_page(&self, guide: &Guide, cx: Context<'_>, inside: Rect, area: Rect, buf: &mut Buffer) {
        let page = guided::lines(guide, cx.theme, inside.width);
        let foot = text::lines(&page.foot, inside.width, "");
        let low = (foot.len() as u16).min(inside.height);
        let room = text::part(inside, 0, 0, inside.width, inside.height - low);
        let height = usize::from(room.height);
        self.last.set(page.body.len().saturating_sub(height));
        self.page.set(height);
        let news = page.news.min(self.last.get());
        let of = (guide.page, page.body.len());
        let first = self.first.filter(|_| self.of.get() == of).unwrap_or(news).min(self.last.get());
        self.of.set(of);
        self.shown.set(first);
        for (y, words) in (0..room.height).zip(page.body.iter().skip(first)) {
            let mut x = 0;
            for (word, style) in words {
                x = text::put(buf, room, x, y, word, *style);
            }
        }
        for (y, line) in (room.height..inside.height).zip(&foot) {
            text::put(buf, inside, 0, y, line, cx.theme.key());
        }
        more(first, page.body.len(), text::part(area, 0, 0, area.width, room.height), cx.theme, buf);
    }
}

/// A line: words with their styles.
type Words = Vec<(String, Style)>;

/// Adds a text after an empty line, wrapped at this width.
fn paragraphs(out: &mut Vec<Words>, what: &str, width: u16, style: Style) {
    if !out.is_empty() && !what.is_empty() {
        out.push(Vec::new());
    }
    for paragraph in what.lines() {
        out.extend(text::lines(paragraph, width, "").into_iter().map(|l| vec![(l, style)]));
    }
}

/// The present step, while panes show an earlier one.
fn present_beside_the_past(cx: Context<'_>) -> Option<u64> {
    cx.view.lanes.iter().filter(|lane| lane.is_past()).map(|lane| lane.present().step).max()
}

/// The whole text, in lines of this width.
fn lines(cx: Context<'_>, width: u16) -> Vec<Words> {
    let (lesson, theme) = (cx.lesson, cx.theme);
    let mut out: Vec<Words> = Vec::new();
    paragraphs(&mut out, &lesson.about, width, theme.text);
    if !lesson.verdicts.is_empty() {
        let heading = match (lesson.over(), present_beside_the_past(cx)) {
            (true, _) => "Expected, at the end:".to_string(),
            (false, None) => "Expected at the end, so far:".to_string(),
            (false, Some(step)) => {
                format!("Expected at the end, judged at the present, step {}:", thousands(step))
            }
        };
        paragraphs(&mut out, &heading, width, theme.strong);
        for verdict in &lesson.verdicts {
            let (unicode, ascii, style) = match verdict.state {
                ExpectationState::Open => ("○", "-", theme.faint),
                ExpectationState::Holds => ("✓", "+", theme.good),
                ExpectationState::Fails => ("✗", "x", if lesson.over() { theme.bad } else { theme.warn }),
            };
            let mark = text::pick(theme.glyphs, unicode, ascii);
            let room = width.saturating_sub(2);
            // The numbers are behind the expectation if both fit into the line, otherwise below it.
            let together = format!("{}  {}", verdict.text, verdict.why);
            let beside = text::width(&together) <= room;
            for (i, line) in text::lines(&verdict.text, room, "").into_iter().enumerate() {
                let mut words = vec![(if i == 0 { format!("{mark} ") } else { "  ".into() }, style)];
                words.push((line, theme.text));
                if beside {
                    words.push((format!("  {}", verdict.why), theme.faint));
                }
                out.push(words);
            }
            if !beside {
                let below = text::lines(&verdict.why, room, "").into_iter();
                out.extend(below.map(|l| vec![(format!("  {l}"), theme.faint)]));
            }
        }
    }
    paragraphs(&mut out, &lesson.text, width, theme.text);
    out
}

impl PaneWidget for LessonPane {
    fn title<'a>(&self, cx: Context<'a>) -> Line<'a> {
        let mut line = Line::styled("Lesson", cx.theme.strong);
        if let Some(guide) = cx.guide {
            let ((place, all), pages) = (guide.taught.place, guide.work.len());
            if all > 0 {
                line.push_span(Span::styled(format!(" {place} of {all}"), cx.theme.strong));
            }
            let page = (guide.page + 1).min(pages);
            let words =
                if guide.page < pages { format!("  page {page} of {pages}") } else { "  done".into() };
            line.push_span(Span::styled(words, cx.theme.faint));
            return line;
        }
        let (holds, all) = cx.lesson.score();
        let fails = cx.lesson.verdicts.iter().any(|v| v.state == ExpectationState::Fails);
        if all > 0 {
            let style = match (cx.lesson.over(), holds == all) {
                (_, true) => cx.theme.good,
                (true, false) if fails => cx.theme.bad,
                (_, false) => cx.theme.faint,
            };
            let on_seed = cx.lesson.on_seed();
            let so_far = if cx.lesson.over() { &on_seed } else { " so far" };
            line.push_span(Span::styled(format!("  {holds} of {all} hold{so_far}"), style));
        }
        line
    }

    fn draw(&self, cx: Context<'_>, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        if area.is_empty() {
            return;
        }
        // One column stays free on either side; the right one is for scroll marks.
        let inside = text::part(area, 1, 0, area.width.saturating_sub(2), area.height);
        if let Some(guide) = cx.guide {
            return self.draw_page(guide, cx, inside, area, buf);
        }
        let lines = lines(cx, inside.width);
        if lines.is_empty() {
            return text::put_message(buf, area, "this scenario says nothing about itself", cx.theme.faint);
        }
        let height = usize::from(area.height);
        self.last.set(lines.len().saturating_sub(height));
        self.page.set(height);
        let first = self.first.unwrap_or(0).min(self.last.get());
        for (y, words) in (0..inside.height).zip(lines.iter().skip(first)) {
            let mut x = 0;
            for (word, style) in words {
                x = text::put(buf, inside, x, y, word, *style);
            }
        }
        more(first, lines.len(), area, cx.theme, buf);
    }

    fn act(&mut self, action: Action, _cx: Context<'_>) -> PaneRequests {
        let (last, page) = (self.last.get(), self.page.get().max(2) - 1);
        let first = self.first.unwrap_or(self.shown.get()).min(last);
        let to = match action {
            Action::Up => first.saturating_sub(1),
            Action::Down => first + 1,
            Action::PageUp => first.saturating_sub(page),
            Action::PageDown => first + page,
            Action::First => 0,
            Action::Last => last,
            _ => first,
        };
        self.first = Some(to.min(last));
        PaneRequests::new()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{context, drawn, text, unicode};
    use super::*;
    use crate::scenario::read;
    use crate::telemetry::Event;
    use crate::ui::{fixture, lesson};
    use crate::view::RunView;

    #[test]
    fn any_size_is_survived() {
        let scenario = read("// Words.\n(data: Digits(), expect: [\"Sgd.loss < 1\"])").expect("a scenario");
        let (lesson, view, theme) = (lesson::LessonState::new(&scenario), RunView::default(), unicode());
        let cx = Context { lesson: &lesson, ..context(&view, &theme) };
        for (w, h) in (0..40).flat_map(|w| (0..10).map(move |h| (w, h))) {
            drawn(&LessonPane::default(), cx, w, h);
        }
    }

    /// A median or a share over several seeds cannot fail on the one seed of the lab.
    #[test]
    fn what_is_judged_over_seeds_does_not_fail_on_one() {
        let scenario = read(
            "(data: Digits(), lanes: [(name: \"SGD\")], expect_seeds: 5, seed: 3,
              expect: [\"median(SGD.loss) > 1e9\", \"share(SGD.loss > 1e9) >= 0.8\",
                \"median(SGD.val_accuracy) > 0.9\", \"SGD.loss > 1e9\"])",
        )
        .expect("a scenario");
        let mut lesson = lesson::LessonState::new(&scenario);
        for event in &fixture::events(40) {
            lesson.on_event(event);
        }
        lesson.judge();
        let found: Vec<_> = lesson.verdicts.iter().map(|v| (v.state, v.why.as_str())).collect();
        let [open, share, holds, fails] = found[..] else { panic!("{found:?}") };
        assert!(
            open.0 == ExpectationState::Open && open.1.starts_with("not on seed 3, one of 5: "),
            "{open:?}"
        );
        assert!(share.0 == ExpectationState::Open && share.1.ends_with("against 1.000e9"), "{share:?}");
        assert!(holds.0 == ExpectationState::Holds && holds.1.ends_with("on seed 3, one of 5"), "{holds:?}");
        assert_eq!(fails.0, ExpectationState::Fails);
    }

    #[test]
    fn the_lesson_is_read_to_its_end_and_expectations_are_ticked() {
        let scenario = read(
            "// A lesson of many words that go over several lines of a narrow pane.\n//\n// The last words.\n\
             (data: Digits(), about: \"Look here.\", lanes: [(name: \"SGD\"), (name: \"Too fast\")],
              expect: [\"SGD.val_accuracy > 0.9\", \"SGD.loss > 1e9\", \"SGD.pgd_accuracy < 1\"])",
        )
        .expect("a scenario");
        let mut lesson = lesson::LessonState::new(&scenario);
        assert!(lesson.verdicts.iter().all(|v| v.state == ExpectationState::Open));
        for event in fixture::events(40).iter().filter(|e| !matches!(e, Event::Started { lane: 1 | 2, .. })) {
            lesson.on_event(event);
        }
        lesson.judge();
        let states: Vec<_> = lesson.verdicts.iter().map(|v| v.state).collect();
        assert_eq!(states, [ExpectationState::Holds, ExpectationState::Fails, ExpectationState::Open]);
        assert_eq!(lesson.score(), (1, 3));
        let (view, theme) = (RunView::default(), unicode());
        let cx = Context { lesson: &lesson, ..context(&view, &theme) };
        let mut pane = LessonPane::default();
        let words = text(&drawn(&pane, cx, 44, 8));
        assert!(words.contains("Look here.") && words.contains("✓ SGD.val_accuracy > 0.9"), "{words}");
        assert!(words.contains("✗ SGD.loss > 1e9") && words.contains("○ SGD.pgd_accuracy < 1"), "{words}");
        assert!(!words.contains("The last words.") && words.contains('↓'), "{words}");
        for _ in 0..30 {
            pane.act(Action::PageDown, cx);
        }
        let words = text(&drawn(&pane, cx, 44, 8));
        assert!(words.contains("The last words.") && words.contains('↑'), "{words}");
        let mut view = RunView::default();
        for event in fixture::events(40) {
            view.apply(event);
        }
        let events = Vec::new();
        view.apply(Event::Recalled { lane: 0, step: 3, events });
        let cx = Context { view: &view, ..cx };
        let words = text(&drawn(&LessonPane::default(), cx, 80, 8));
        let present = view.lanes[0].present().step;
        assert!(words.contains(&format!("judged at the present, step {}:", thousands(present))), "{words}");
        pane.act(Action::Up, cx);
        assert!(!text(&drawn(&pane, cx, 44, 8)).contains("The last words."), "one line up at once");
    }
}
