//! A page of a lesson in lines: its text, the question with its answer, the goal with its present state, hints, and the
//! key to press.

use super::{Words, paragraphs};
use crate::scenario::lesson::{Page, PageTask, Predict};
use crate::ui::diagnosis::thousands;
use crate::ui::guide::Guide;
use crate::ui::theme::Theme;
use crate::ui::widget::text;
use ratatui::style::Style;

/// A page as lines.
#[derive(Debug, Default)]
pub struct PageLines {
    /// All lines but the last.
    pub body: Vec<Words>,
    /// The line at which the news begin, which should be visible.
    pub news: usize,
    /// The key to press next, in words.
    pub foot: String,
}

/// A text in lines; words in backquotes have the colour of keys.
fn paragraph(out: &mut Vec<Words>, what: &str, width: u16, style: Style, theme: &Theme) {
    let what = text::spelt(theme.glyphs, what);
    for paragraph in what.lines() {
        let mut key = false;
        for line in text::lines(paragraph, width, "") {
            let mut words = Words::new();
            for (i, piece) in line.split('`').enumerate() {
                key ^= i > 0;
                words.push((piece.into(), if key { theme.key() } else { style }));
            }
            out.push(words);
        }
    }
}

/// A line with a mark, and its continuation lines.
fn marked(out: &mut Vec<Words>, mark: &str, style: Style, what: &str, width: u16, theme: &Theme) {
    let mut lines = Vec::new();
    paragraph(&mut lines, what, width.saturating_sub(2), theme.text, theme);
    for (i, line) in lines.into_iter().enumerate() {
        let lead = if i == 0 { format!("{mark} ") } else { "  ".into() };
        out.push(std::iter::once((lead, style)).chain(line).collect());
    }
}

/// The present page, in lines of this width.
pub fn lines(guide: &Guide, theme: &Theme, width: u16) -> PageLines {
    let mut out = PageLines::default();
    let Some((page, work)) = guide.page().zip(guide.done()) else { return end(guide, theme, width) };
    if guide.free.is_some() {
        let words = "Free play. Nothing is locked, and nothing counts for the lesson.";
        paragraphs(&mut out.body, words, width, theme.strong);
        out.foot = "f goes back to the lesson, to where you left it".into();
        return out;
    }
    paragraph(&mut out.body, &page.text, width, theme.text, theme);
    if let Some(predict) = &page.predict {
        question(&mut out, guide, predict, theme, width);
    }
    if page.task() == PageTask::Goal {
        wanted(&mut out, guide, page, theme, width);
    }
    for (i, hint) in page.hints.iter().take(work.hints).enumerate() {
        out.news = out.body.len();
        let words = format!("Hint {} of {}: {hint}", i + 1, page.hints.len());
        paragraph(&mut out.body, &words, width, theme.warn, theme);
    }
    if work.skipped && page.task() == PageTask::Goal {
        out.news = out.body.len();
        let changes = guide.solution().join("; ");
        let words = format!("The solution changes {changes}. {}", page.why);
        paragraph(&mut out.body, &words, width, theme.strong, theme);
    } else if work.reached.is_some() && page.task() == PageTask::Goal {
        out.news = out.body.len();
        paragraph(&mut out.body, &page.why, width, theme.strong, theme);
    }
    out.foot = foot(guide, page);
    out
}

fn question(out: &mut PageLines, guide: &Guide, predict: &Predict, theme: &Theme, width: u16) {
    let work = guide.done();
    let (guess, skipped) = work.map_or((None, false), |w| (w.guess, w.skipped));
    let ask = text::pick(theme.glyphs, "?", "?");
    marked(&mut out.body, ask, theme.warn, &predict.ask, width, theme);
    if guess.is_none() && !skipped {
        for (k, choice) in predict.choices.iter().enumerate() {
            marked(&mut out.body, &format!("{}", k + 1), theme.faint, &choice.text, width, theme);
        }
    }
    if let (Some(guess), Some(work)) = (guess, work) {
        out.news = out.body.len();
        let because =
            if work.reason.is_empty() { String::new() } else { format!(", because {}", work.reason) };
        let words = format!("You say: {}{because}.", Guide::guess_words(predict, guess));
        paragraph(&mut out.body, &words, width, theme.strong, theme);
    }
    if guide.arrived && (guess.is_some() || skipped) {
        let hit = guess.is_some_and(|g| predict.hits(g));
        let (unicode, ascii, style) = match guess {
            Some(_) if hit => ("✓", "+", theme.good),
            Some(_) => ("✗", "!", theme.warn),
            None => ("•", "*", theme.faint),
        };
        let mark = text::pick(theme.glyphs, unicode, ascii);
        let words = format!("The run says: {}. {}", predict.truth(), predict.because);
        marked(&mut out.body, mark, style, &words, width, theme);
    }
}

fn wanted(out: &mut PageLines, guide: &Guide, page: &Page, theme: &Theme, width: u16) {
    let reached = guide.done().and_then(|w| w.reached.as_ref());
    let heading = match reached {
        Some(trace) => format!("Goal, reached at step {}:", thousands(trace.step)),
        None => {
            format!("Goal, by step {}; you may change {}:", thousands(page.within as u64), page.may_words())
        }
    };
    paragraph(&mut out.body, &heading, width, theme.strong, theme);
    for (what, holds, numbers) in guide.verdicts() {
        let (unicode, ascii, style) = match (reached.is_some() || holds == Some(true), holds) {
            (true, _) => ("✓", "+", theme.good),
            (false, None) => ("○", "-", theme.faint),
            (false, _) => ("✗", "x", theme.warn),
        };
        let mark = text::pick(theme.glyphs, unicode, ascii);
        let numbers = if reached.is_some() { String::new() } else { format!("  now {numbers}") };
        marked(&mut out.body, mark, style, &format!("{what}{numbers}"), width, theme);
    }
}

/// The key to press on this page in its present state, in words.
fn foot(guide: &Guide, page: &Page) -> String {
    let stop = page.stop().map_or_else(String::new, thousands);
    if guide.complete() {
        return "Enter goes on".into();
    }
    match page.task() {
        PageTask::Read => "Enter goes on".into(),
        PageTask::Watch => format!("space trains to step {stop}"),
        PageTask::Predict if guide.done().is_some_and(|w| w.guess.is_none()) => {
            "Enter answers, s leaves it out".into()
        }
        PageTask::Predict => format!("space trains to step {stop}, which answers it"),
        PageTask::Goal if guide.arrived => {
            "not reached: change a setting, then R and space; h hint, s solution".into()
        }
        PageTask::Goal => format!("space trains to step {stop}; h hint, s solution"),
    }
}

/// The page after the last one.
fn end(guide: &Guide, theme: &Theme, width: u16) -> PageLines {
    let mut out = PageLines::default();
    let lesson = &guide.taught.scenario.lesson;
    paragraphs(&mut out.body, "The end of this lesson. You have learnt:", width, theme.strong);
    let mark = text::pick(theme.glyphs, "•", "*");
    for line in &lesson.learnt {
        marked(&mut out.body, mark, theme.good, line, width, theme);
    }
    if !lesson.read.is_empty() {
        paragraphs(&mut out.body, "To read on:", width, theme.strong);
        for line in &lesson.read {
            marked(&mut out.body, mark, theme.faint, line, width, theme);
        }
    }
    let (place, all) = guide.taught.place;
    out.foot = if place < all { "Enter opens the next lesson, q leaves" } else { "q leaves" }.into();
    out
}
