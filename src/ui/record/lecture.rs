//! The script for recording a lesson: its pages one after another, questions answered right, goals reached by their
//! solutions, with captions. Plays nothing.

use super::script::{Cue, RecordingScript};
use crate::scenario::Scenario;
use crate::scenario::lesson::{Page, PageTask, Predict};

/// Columns and rows of such a recording.
const SIZE: (u16, u16) = (100, 32);
/// Seconds for the training of a page: those of the lab's pace for it, and some more.
const TRAINS: f64 = 9.5;
/// Seconds for which a line of text is shown.
const READS: f64 = 1.5;

/// The first sentence of a text, without its backquotes.
fn sentence(text: &str) -> String {
    let first = text.split_inclusive(". ").next().unwrap_or(text);
    first.lines().next().unwrap_or_default().trim().replace('`', "")
}

/// Seconds for reading a text.
fn reading(text: &str) -> f64 {
    1.0 + READS * (text.len() as f64 / 90.0).ceil()
}

fn cue(press: &str, wait: f64) -> Cue {
    Cue { press: Some(press.into()), wait: Some(wait), ..Cue::default() }
}

/// The cues that enter the right answer into the open form and accept it.
fn answer(predict: &Predict) -> Vec<Cue> {
    let mut cues = vec![cue("Enter", 1.0)];
    if predict.choices.is_empty() {
        cues.push(Cue { typed: Some(format!("{}", predict.answer)), wait: Some(1.0), ..Cue::default() });
    } else {
        for _ in 1..predict.right {
            cues.push(cue("Right", 0.5));
        }
    }
    cues.extend([cue("Enter", 1.0), cue("space", TRAINS)]);
    cues
}

/// The cues for one page, up to the key that leaves it.
fn walk(page: &Page) -> Vec<Cue> {
    let mut cues = vec![Cue {
        marker: Some(sentence(&page.text)),
        caption: Some(sentence(&page.text)),
        wait: Some(reading(&page.text)),
        ..Cue::default()
    }];
    match (page.task(), &page.predict) {
        (PageTask::Predict, Some(predict)) => {
            cues.extend(answer(predict));
            cues.push(Cue {
                caption: Some(sentence(&predict.because)),
                wait: Some(reading(&predict.because)),
                ..Cue::default()
            });
        }
        (PageTask::Watch, _) => cues.push(cue("space", TRAINS)),
        (PageTask::Goal, _) => {
            cues.push(Cue { caption: Some(sentence(&page.why)), ..cue("s", TRAINS) });
            cues.push(Cue { wait: Some(reading(&page.why)), ..Cue::default() });
        }
        _ => {}
    }
    cues.push(cue("Enter", 1.0));
    cues
}

/// The script of a scenario's lesson.
pub fn script(scenario: &Scenario) -> RecordingScript {
    let mut cues: Vec<Cue> = scenario.lesson.pages.iter().flat_map(walk).collect();
    cues.push(Cue { caption: Some(String::new()), wait: Some(4.0), ..Cue::default() });
    RecordingScript {
        size: Some(SIZE),
        fps: 4,
        show_keys: true,
        paused: true,
        cues,
        ..RecordingScript::default()
    }
}
