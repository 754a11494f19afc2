//! A lesson line by line: its pages as text, its keys as words.

use super::{PlainLab, say};
use crate::scenario::lesson::PageTask;
use crate::telemetry::Command;
use crate::text::escaped;
use crate::ui::command::spoken;
use crate::ui::guide::{Guide, GuideEffects, LearnerRequest};
use crate::view::RunView;

/// The commands of a lesson, each with its meaning.
const WORDS: [(&str, &str); 8] = [
    ("on", "go on: train, or turn to the next page"),
    ("answer NUMBER [because ...]", "answer the question; a choice by its number"),
    ("hint", "the next hint"),
    ("skip", "show the solution, or leave out a question"),
    ("again", "this page from its beginning"),
    ("back", "the page before"),
    ("free", "play freely, or go back to the lesson"),
    ("page", "read this page again"),
];

impl PlainLab<'_> {
    /// Prints the present page.
    pub(super) fn page(&self) -> anyhow::Result<()> {
        let Some(guide) = &self.guide else { return Ok(()) };
        let mut text: Vec<String> = Vec::new();
        let lesson = &guide.taught.scenario.lesson;
        let Some((page, work)) = guide.page().zip(guide.done()) else {
            text.push("The end of this lesson. You have learnt:".into());
            text.extend(lesson.learnt.iter().map(|l| format!("  {l}")));
            text.push("To read on:".into());
            text.extend(lesson.read.iter().map(|l| format!("  {l}")));
            return say(&escaped_text(&text.join("\n")));
        };
        text.push(format!("Page {} of {}.\n{}", guide.page + 1, guide.work.len(), page.text));
        if let Some(predict) = &page.predict {
            text.push(format!("Question: {}", predict.ask));
            for (k, choice) in predict.choices.iter().enumerate() {
                text.push(format!("  {}: {}", k + 1, choice.text));
            }
            if let Some(guess) = work.guess {
                text.push(format!("You say: {}.", predict.words(guess)));
            }
            if guide.arrived && guide.complete() {
                text.push(format!("The run says: {}. {}", predict.truth(), predict.because));
            }
        }
        for (what, holds, numbers) in guide.verdicts() {
            let stands = match holds {
                Some(true) => "holds",
                _ => "does not hold yet",
            };
            text.push(format!("Goal, by step {}: {what} {stands}, {numbers}.", page.within));
        }
        if page.task() == PageTask::Goal {
            let may = page.may_words();
            text.push(format!(
                "You may change: {may}. Type set, a setting and its new value; help lists the words."
            ));
        }
        text.extend(page.hints.iter().take(work.hints).map(|hint| format!("Hint: {hint}")));
        if work.skipped && page.task() == PageTask::Goal {
            text.push(format!("The solution changes {}. {}", guide.solution().join("; "), page.why));
        } else if work.reached.is_some() {
            text.push(page.why.clone());
        }
        let now = match page.task() {
            _ if guide.complete() => "on turns the page.",
            PageTask::Predict if work.guess.is_none() => "answer NUMBER answers, skip leaves it out.",
            PageTask::Read => "on turns the page.",
            _ => "on trains; hint and skip help.",
        };
        text.push(now.into());
        say(&escaped_text(&text.join("\n")))
    }

    /// Carries out a command of the lesson; returns whether the line was one.
    pub(super) fn taught(&mut self, line: &str) -> anyhow::Result<bool> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let request = match word {
            "on" => LearnerRequest::On,
            "hint" => LearnerRequest::Hint,
            "skip" => LearnerRequest::Skip,
            "again" => LearnerRequest::Again,
            "back" => LearnerRequest::Back,
            "free" => LearnerRequest::Free,
            _ => {
                if self.guide.is_none() {
                    return Ok(false);
                }
                match word {
                    "page" => self.page()?,
                    "answer" => self.answer(rest)?,
                    "help" | "?" => {
                        for (word, what) in WORDS {
                            say(&format!("  {word}: {what}\n"))?;
                        }
                        return Ok(false);
                    }
                    _ => return Ok(false),
                }
                return Ok(true);
            }
        };
        let Some(guide) = &mut self.guide else { return Ok(false) };
        let told = guide.request(request, &self.view);
        let shown =
            told.turned || matches!(request, LearnerRequest::Hint | LearnerRequest::Skip) || told.next;
        if told.next {
            say("That was the last page; gradtui learn opens the next lesson.\n")?;
        }
        if told.ask {
            self.page()?;
        }
        self.apply_effects(told)?;
        if shown {
            self.page()?;
        }
        Ok(true)
    }

    fn answer(&mut self, rest: &str) -> anyhow::Result<()> {
        let (number, reason) = rest.split_once("because").unwrap_or((rest, ""));
        let Some(guide) = &mut self.guide else { return Ok(()) };
        if let Some((guess, predict)) = guide.done().and_then(|work| work.guess).zip(guide.question()) {
            return say(&format!("You have answered already: {}.\n", spoken(&predict.words(guess))));
        }
        let Some(choices) = guide.question().map(|q| q.choices.len()) else {
            return say("This page asks nothing.\n");
        };
        let guess = number.trim().replace(',', ".").parse::<f64>().ok().filter(|x| x.is_finite());
        let fits = |x: &f64| choices == 0 || (1..=choices).any(|k| *x == k as f64);
        match guess.filter(fits) {
            Some(guess) => {
                guide.answer(guess, reason);
                self.keep()?;
                say("Now let the run answer: type on.\n")
            }
            None if choices > 0 => say(&format!("Type answer and a number from 1 to {choices}.\n")),
            None => say("Type answer and a number, such as answer 0.25.\n"),
        }
    }

    /// Carries out the results from the guide.
    pub(super) fn apply_effects(&mut self, told: GuideEffects) -> anyhow::Result<()> {
        if let Some(scenario) = told.load {
            self.view = RunView::default();
            self.announced.clear();
            self.steps = scenario.steps as u64;
            for command in [Command::Pause, Command::Until(None), Command::Load(scenario)] {
                self.runner.send(command);
            }
        }
        for command in told.commands {
            self.waiting |= command == Command::Run;
            self.runner.send(command);
        }
        if let Some(notice) = told.notice {
            say(&format!("{}.\n", spoken(notice.trim_end_matches('.'))))?;
        }
        self.keep()
    }

    /// Checks the progress of the page's run.
    pub(super) fn attend(&mut self) -> anyhow::Result<()> {
        let Some(guide) = &mut self.guide else { return Ok(()) };
        let (complete, arrived) = (guide.complete(), guide.arrived);
        let news = guide.look(&self.view);
        // The run answers a question that was left out, too.
        let answers = guide.task() == PageTask::Predict && guide.arrived && !arrived;
        let complete = guide.complete() && (!complete || answers);
        if guide.arrived || guide.free.is_some() {
            self.waiting = false;
        }
        if let Some(news) = &news {
            say(&format!("{}\n", spoken(news)))?;
        }
        if complete {
            self.page()?;
        }
        self.keep()
    }

    /// The reason why a page does not allow an order, if it does not.
    pub(super) fn refused(&self, command: &Command) -> Option<String> {
        let before = match command {
            Command::Set { lane, .. } => self.view.lane(*lane).map(|l| (&l.info.name[..], &l.info.recipe)),
            _ => None,
        };
        self.guide.as_ref()?.refuses(command, before)
    }

    fn keep(&mut self) -> anyhow::Result<()> {
        let record = self.guide.as_mut().and_then(Guide::record);
        match record.zip(self.keep.as_mut()).and_then(|(record, keep)| keep(record).err()) {
            Some(why) => say(&format!("Progress is not kept: {}.\n", escaped(&why))),
            None => Ok(()),
        }
    }
}

fn escaped_text(text: &str) -> String {
    let lines = text.lines().map(|line| spoken(line).replace('`', "") + "\n");
    lines.collect()
}
