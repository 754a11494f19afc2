//! Checks that the texts of a lesson fit a screen of 80x24, and name only keys, lanes and settings that exist. Trains
//! nothing.

use super::keymap::{KEYMAP, KeyPress};
use super::widget::text;
use crate::engine::layer::LayerConfig;
use crate::lab::outcome::METRICS;
use crate::scenario::Scenario;
use crate::scenario::check::lesson::settings;
use crate::scenario::lesson::{Lesson, Page, PageTask};
use crate::scenario::view::Pane;

/// Columns of the lesson on a screen of 80x24: without its frame and margins.
pub const WIDTH: u16 = 76;
/// Lines of a text there, so that the strip shows all of it and the line with the key to press.
pub const TEXT: usize = 6;
/// Lines of the whole page there, zoomed, with its question or goal.
pub const PAGE: usize = 16;
/// Columns of an answer to choose.
const CHOICE: u16 = 48;

/// Lines of the texts of a page that can be on the screen together.
fn height(page: &Page) -> usize {
    let lines = |what: &str| text::lines(what, WIDTH - 2, "").len();
    let all = |texts: &[String]| texts.iter().map(|t| lines(t)).sum::<usize>();
    let own: usize = page.text.lines().map(lines).sum();
    let asked = page.predict.as_ref().map_or(0, |p| lines(&p.ask) + 3 + lines(&p.because));
    own + asked
        + match page.task() {
            PageTask::Goal => 1 + all(&page.goal) + all(&page.hints) + 1 + lines(&page.why),
            _ => 0,
        }
}

/// The words in backquotes of a text.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Whether a word in backquotes is a key, a pane, a lane, a number, a setting, or a value in the scenario.
fn known(word: &str, scenario: &Scenario, page: &Page) -> bool {
    let key = |k: &KeyPress| k.to_string() == word;
    // The lesson itself contains the word, so it is left out.
    let bare = Scenario { lesson: Lesson::default(), comment: String::new(), ..scenario.clone() };
    let solved = scenario.solved(page);
    KEYMAP.iter().any(|b| b.keys.iter().any(key))
        || Pane::ALL.iter().any(|p| p.name() == word)
        || solved.lanes.iter().any(|l| l.name == word || l.name.split_whitespace().any(|w| w == word))
        || METRICS.iter().any(|(name, _)| name == word)
        || settings(&scenario.base()).iter().any(|s| s == word || s.split('.').next_back() == Some(word))
        || LayerConfig::NAMES.contains(&word)
        || ["init", "loss", "optimizer", "schedule", "clip", "defence", "prediction"]
            .iter()
            .any(|field| scenario.base().rows_of(field).contains(&word))
        || page.solution.iter().any(|e| e.field == word || e.to == word)
        || word.starts_with(':')
        || word.starts_with("gradtui ")
        || bare.to_ron().contains(word)
}

/// All texts of a lesson that do not fit, or name something that does not exist, each with its path.
pub fn faults(scenario: &Scenario) -> Vec<(String, String)> {
    let mut out = Vec::new();
    for (i, page) in scenario.lesson.pages.iter().enumerate() {
        let mut fault = |field: String, what: String| out.push((format!("lesson.pages[{i}].{field}"), what));
        let own: usize = page.text.lines().map(|l| text::lines(l, WIDTH, "").len()).sum();
        if own > TEXT {
            fault(
                "text".into(),
                format!("text: {own} lines of {WIDTH} columns; the strip at 80x24 has room for {TEXT}"),
            );
        }
        let all = height(page);
        if all > PAGE {
            fault(
                "text".into(),
                format!(
                    "text: with question, goal and hints {all} lines of {WIDTH} columns; 80x24 has {PAGE}"
                ),
            );
        }
        let predict = page.predict.as_ref();
        for (k, choice) in predict.iter().flat_map(|p| p.choices.iter().enumerate()) {
            if text::width(&choice.text) > CHOICE {
                fault(
                    format!("predict.choices[{k}].text"),
                    format!("text: an answer has at most {CHOICE} columns"),
                );
            }
        }
        let hints = page.hints.iter().enumerate().map(|(k, hint)| (format!("hints[{k}]"), hint.as_str()));
        let more = predict.iter().flat_map(|p| {
            [("predict.ask".to_string(), p.ask.as_str()), ("predict.because".to_string(), p.because.as_str())]
        });
        let texts = [("text".to_string(), page.text.as_str()), ("why".to_string(), page.why.as_str())];
        for (field, what) in texts.into_iter().chain(hints).chain(more) {
            if what.matches('`').count() % 2 == 1 {
                fault(field.clone(), "a backquote without its partner".into());
            }
            for word in quoted(what).filter(|w| !known(w, scenario, page)) {
                let what = "is neither a key, a pane, a lane, a number nor a setting; leave out its backquotes or correct it";
                fault(field.clone(), format!("`{word}` {what}"));
            }
        }
        // The last hint must name something that the solution changes.
        if let Some((k, last)) = page.hints.iter().enumerate().next_back() {
            let words = |field: &str| field.split('.').map(str::to_string).collect::<Vec<_>>();
            let mut helps: Vec<String> = page.solution.iter().flat_map(|e| words(&e.field)).collect();
            helps
                .extend(page.solution.iter().map(|e| e.to.split('(').next().unwrap_or_default().to_string()));
            helps.extend(page.solution.iter().flat_map(|e| numbers(&e.to)));
            helps.extend(page.forks.iter().map(|f| f.name.clone()));
            let low = last.to_lowercase();
            if !helps.iter().any(|w| !w.is_empty() && low.contains(&w.to_lowercase())) {
                let what = format!("hints: the last one names nothing of the solution: {}", helps.join(", "));
                fault(format!("hints[{k}]"), what);
            }
        }
    }
    out
}

/// The numbers in a value.
fn numbers(value: &str) -> Vec<String> {
    let of = value.split(|c: char| !(c.is_ascii_digit() || c == '.' || c == 'e' || c == '-'));
    of.filter(|w| w.chars().any(|c| c.is_ascii_digit())).map(str::to_string).collect()
}
