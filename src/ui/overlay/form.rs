//! A form: the fields of some settings, one per row, checked while they are typed. Knows rows, not their meaning.

pub mod curve;
mod row;
mod subject;
#[cfg(test)]
mod tests;

pub use subject::{FormSubject, TensorChoice};

use super::menu::wrapped;
use super::{Answer, draw_input, more, open};
use crate::scenario::Carry;
use crate::telemetry::LaneId;
use crate::ui::keymap::Action;
use crate::ui::theme::Theme;
use crate::ui::widget::text;
use crossterm::event::{Event, KeyCode, KeyEvent};
use curve::CurveSoFar;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use row::{FormRow, FormRowKind};
use tui_input::backend::crossterm::EventHandler as _;
use tui_input::{Input, InputRequest};

/// A form over some settings. Nothing changes until Enter accepts it; Esc discards it.
#[derive(Clone, Debug)]
pub struct SettingsForm {
    subject: FormSubject,
    /// The settings when the form was opened.
    before: FormSubject,
    rows: Vec<FormRow>,
    selected: usize,
    /// Whether the next typed character replaces the text of the selected row.
    fresh: bool,
    /// The prefix typed to find a choice of the selected row.
    find: String,
    /// The progress of the edited lane.
    way: Option<CurveSoFar>,
}

impl SettingsForm {
    /// A form with its first choice or number selected.
    pub fn new(subject: FormSubject) -> Self {
        let before = subject.clone();
        let mut form = Self {
            rows: Vec::new(),
            selected: 0,
            fresh: true,
            find: String::new(),
            way: None,
            subject,
            before,
        };
        form.refresh();
        // The name of a lane, the carried state and the network of a fork are rarely changed.
        form.selected = match form.subject {
            FormSubject::Fork { .. } => 3,
            FormSubject::Lane { .. } => 1,
            _ => 0,
        };
        form
    }

    /// A form with its lane's progress, which it marks on the schedule.
    #[must_use]
    pub fn on_the_way(mut self, way: CurveSoFar) -> Self {
        self.way = Some(way);
        self
    }

    /// The progress of the edited lane, if it is known.
    pub fn way(&self) -> Option<CurveSoFar> {
        self.way
    }

    /// Updates the progress of the edited lane, if the form edits one.
    pub fn follow(&mut self, way: impl Fn(LaneId) -> Option<CurveSoFar>) {
        if let (FormSubject::Lane { id, .. }, Some(now)) = (&self.subject, &mut self.way) {
            *now = way(*id).unwrap_or(*now);
        }
    }

    /// Rebuilds the rows from the subject.
    fn refresh(&mut self) {
        self.rows = self.subject.rows();
        self.selected = self.selected.min(self.rows.len().saturating_sub(1));
        self.fresh = true;
    }

    /// The fault in the text of the selected row.
    fn fault(&self) -> Option<String> {
        let row = self.rows.get(self.selected)?;
        let typed = row.typed();
        if typed == row.value {
            return None;
        }
        self.subject.clone().set(&row.path, &typed).err()
    }

    /// Writes the selected row's text into the subject; returns whether that was possible.
    fn commit(&mut self) -> bool {
        let Some(row) = self.rows.get(self.selected) else { return true };
        let typed = row.typed();
        if typed == row.value {
            return true;
        }
        let path = row.path.clone();
        let fits = self.subject.set(&path, &typed).is_ok();
        if fits {
            self.refresh();
        }
        fits
    }

    /// Changes a row of choices to this choice.
    fn choose(&mut self, choice: impl Fn(&[String], usize) -> Option<usize>) {
        if let Some(FormRowKind::Choice(names, at)) = self.rows.get_mut(self.selected).map(|r| &mut r.kind)
            && let Some(to) = choice(names, *at)
        {
            *at = to;
            self.commit();
        }
    }

    fn go(&mut self, to: usize) {
        // An invalid value is neither accepted nor lost: the row stays selected.
        if self.commit() {
            self.selected = to.min(self.rows.len().saturating_sub(1));
            self.fresh = true;
            self.find.clear();
        }
    }

    /// Handles an action.
    pub fn act(&mut self, action: Action) -> Answer {
        match action {
            Action::Up => self.go(self.selected.saturating_sub(1)),
            Action::Down => self.go(self.selected + 1),
            Action::PageUp => self.go(self.selected.saturating_sub(8)),
            Action::PageDown => self.go(self.selected + 8),
            Action::Left | Action::Right => {
                let forward = action == Action::Right;
                self.find.clear();
                if let Some(FormRowKind::Text(input)) = self.rows.get_mut(self.selected).map(|r| &mut r.kind)
                {
                    self.fresh = false;
                    input.handle(if forward {
                        InputRequest::GoToNextChar
                    } else {
                        InputRequest::GoToPrevChar
                    });
                } else {
                    self.choose(|names, at| {
                        let n = names.len().max(1);
                        Some((at + if forward { 1 } else { n - 1 }) % n)
                    });
                }
            }
            Action::Accept if !self.commit() => {}
            Action::Accept
                if self.subject == self.before
                    && !matches!(self.subject, FormSubject::Fork { .. } | FormSubject::Question { .. }) =>
            {
                return Answer::Close;
            }
            Action::Accept => return self.taken(),
            Action::Cancel => return Answer::Close,
            _ => {}
        }
        Answer::Nothing
    }

    /// The answer of the form; an untouched question is answered by the choice that is shown.
    fn taken(&mut self) -> Answer {
        if let FormSubject::Question { question, guess: guess @ None, .. } = &mut self.subject {
            if question.choices.is_empty() {
                self.selected = 0;
                return Answer::Nothing;
            }
            *guess = Some(1.0);
        }
        Answer::Changed(Box::new(self.subject.clone()))
    }

    /// The choices of a row that begin with the typed text or, if none does, those that contain it.
    fn matching(&self, names: &[String]) -> Vec<usize> {
        let wanted = self.find.to_lowercase();
        let those = |fits: fn(&str, &str) -> bool| -> Vec<usize> {
            (0..names.len()).filter(|&i| fits(&names[i].to_lowercase(), &wanted)).collect()
        };
        let begin = those(|name, wanted| name.starts_with(wanted));
        if begin.is_empty() { those(|name, wanted| name.contains(wanted)) } else { begin }
    }

    /// Types into the selected row: the first character replaces its text; in a choice, the beginning of a name is
    /// typed.
    pub fn typed(&mut self, key: KeyEvent) -> Answer {
        let before = (self.find.clone(), self.rows.get(self.selected).map(FormRow::typed), self.fresh);
        match self.rows.get_mut(self.selected).map(|r| &mut r.kind) {
            Some(FormRowKind::Text(input)) => {
                let replaces = matches!(key.code, KeyCode::Char(_) | KeyCode::Backspace | KeyCode::Delete);
                if std::mem::take(&mut self.fresh) && replaces {
                    *input = Input::default();
                }
                input.handle_event(&Event::Key(key));
            }
            Some(FormRowKind::Choice(names, _)) => {
                let names = names.clone();
                // The pane of a lesson numbers the answers.
                let digit = if let KeyCode::Char(c) = key.code { c.to_digit(10) } else { None };
                let number = digit.map(|n| n as usize).filter(|n| (1..=names.len()).contains(n));
                if let (FormSubject::Question { .. }, Some(n)) = (&self.subject, number) {
                    self.choose(|_, _| Some(n - 1));
                    return Answer::Nothing;
                }
                match key.code {
                    KeyCode::Char(c) => self.find.push(c),
                    KeyCode::Backspace => {
                        self.find.pop();
                    }
                    _ => return Answer::Ignored,
                }
                let found = self.matching(&names);
                match found.first() {
                    Some(&first) => self.choose(|_, _| Some(first)),
                    // A letter without a match is not kept.
                    None => self.find.clone_from(&before.0),
                }
            }
            None => {}
        }
        let after = (self.find.clone(), self.rows.get(self.selected).map(FormRow::typed), self.fresh);
        if before == after { Answer::Ignored } else { Answer::Nothing }
    }

    /// Pastes into the selected row.
    pub fn paste(&mut self, line: &str) {
        if let Some(FormRowKind::Text(input)) = self.rows.get_mut(self.selected).map(|r| &mut r.kind) {
            let before = if std::mem::take(&mut self.fresh) { "" } else { input.value() };
            *input = Input::new(format!("{before}{line}"));
        }
    }

    /// The effect of accepting the form, other than changing settings.
    fn warning(&self) -> &'static str {
        // The text of the selected row counts already, if it is valid.
        let mut subject = self.subject.clone();
        if let Some(row) = self.rows.get(self.selected).filter(|row| row.typed() != row.value) {
            let _ = subject.set(&row.path, &row.typed());
        }
        if let FormSubject::Fork { ground, carry, lane, .. } = &subject
            && let FormSubject::Lane { recipe, .. } = &**lane
        {
            return Carry::words(Carry::between(ground, recipe, *carry));
        }
        match (&subject, &self.before) {
            (FormSubject::Lane { recipe: now, .. }, FormSubject::Lane { recipe: before, .. })
                if before.restarts(now) =>
            {
                "  Enter starts the lane anew with it"
            }
            (FormSubject::Data(_), _) => "  Enter starts all lanes anew with them",
            (FormSubject::Layer { .. } | FormSubject::Init(_), _) => "  a draft; w trains it",
            _ => "",
        }
    }

    /// Draws the form.
    pub fn draw(&self, theme: &Theme, area: Rect, buf: &mut Buffer) {
        let mut title = Line::styled(self.subject.title(), theme.strong);
        let what = self.warning();
        // Words that do not fit into the title have a line of their own.
        let what = what.trim_start();
        let below = u16::from(title.width() as u16 + 2 + text::width(what) + 6 > area.width.min(72));
        if below == 0 {
            title.push_span(Span::styled(format!("  {what}"), theme.faint));
        }
        let about_rows: u16 = if self.way.is_some() { 4 } else { 3 };
        let height = (self.rows.len() as u16)
            .saturating_add(about_rows + 4 + below)
            .min(area.height.saturating_sub(2));
        // The page of a lesson, which is at the bottom, has the numbers that its question needs.
        let area = match self.subject {
            FormSubject::Question { .. } => text::part(area, 0, 1, area.width, height),
            _ => area,
        };
        let mut inside = open(title, 72, height, theme, area, buf);
        if below == 1 {
            text::put(
                buf,
                text::part(inside, 1, 0, inside.width.saturating_sub(2), 1),
                0,
                0,
                what,
                theme.faint,
            );
            inside = text::part(inside, 0, 1, inside.width, inside.height.saturating_sub(1));
        }
        let list = text::part(inside, 0, 0, inside.width, inside.height.saturating_sub(about_rows + 1));
        let room = usize::from(list.height).max(1);
        let first = (self.selected + 1).saturating_sub(room);
        // Values are aligned in one column, to the right of the longest name.
        let names = self.rows.iter().map(|r| r.indent + text::width(&r.label) + 2).max().unwrap_or(0);
        let column = names.clamp(18, (list.width / 2).max(18));
        for (y, (i, row)) in (0..list.height).zip(self.rows.iter().enumerate().skip(first)) {
            let selected = i == self.selected;
            let line = text::part(list, 1, y, list.width.saturating_sub(2), 1);
            let style = if selected { theme.strong } else { theme.text };
            let label = text::shorten(&row.label, usize::from(column - row.indent - 1), theme.glyphs);
            text::put(buf, line, row.indent, 0, &label, style);
            let value = text::part(line, column, 0, line.width.saturating_sub(column), 1);
            match &row.kind {
                FormRowKind::Text(input) if selected && self.fresh && !input.value().is_empty() => {
                    let shown = text::shorten(input.value(), usize::from(value.width), theme.glyphs);
                    text::put(buf, value, 0, 0, &shown, theme.selected);
                }
                FormRowKind::Text(input) if selected => draw_input(input, theme.strong, theme, value, buf),
                FormRowKind::Text(input) => {
                    text::put(
                        buf,
                        value,
                        0,
                        0,
                        &text::shorten(input.value(), usize::from(value.width), theme.glyphs),
                        theme.text,
                    );
                }
                FormRowKind::Choice(_, _) => {
                    let (left, right) =
                        (text::pick(theme.glyphs, "◀ ", "< "), text::pick(theme.glyphs, " ▶", " >"));
                    let arrows = if selected { theme.key() } else { theme.border };
                    let x = text::put(buf, value, 0, 0, left, arrows);
                    let shown = if selected { theme.strong } else { theme.text };
                    let x = text::put(buf, value, x, 0, &row.typed(), shown);
                    text::put(buf, value, x, 0, right, arrows);
                }
            }
            if let Some(default) = row.default.as_ref().filter(|d| **d != row.value) {
                let words = format!("default {default}");
                // Beside a long value there is no room for it.
                if text::width(&row.typed()) + text::width(&words) + 6 <= value.width {
                    text::put_right(buf, line, 0, &words, theme.faint);
                }
            }
            if selected {
                let mark = text::pick(theme.glyphs, "▸", ">");
                text::put(buf, list, 0, y, mark, theme.key());
            }
        }
        if self.rows.is_empty() {
            text::put(buf, list, 1, 0, "nothing to set", theme.faint);
        }
        more(first, self.rows.len(), list, theme, buf);
        let mut foot = text::part(
            inside,
            2,
            inside.height.saturating_sub(about_rows),
            inside.width.saturating_sub(4),
            about_rows,
        );
        let of_rate = |r: &FormRow| r.path.starts_with("schedule") || r.path == "optimizer.lr";
        if let (FormSubject::Lane { recipe, .. }, Some(way)) = (&self.subject, self.way)
            && self.rows.get(self.selected).is_some_and(of_rate)
            && foot.width >= 50
        {
            let left = foot.width - 30;
            let place = text::part(foot, left, 0, 30, foot.height);
            curve::draw(&recipe.schedule, recipe.optimizer.lr(), way, theme, place, buf);
            foot.width = left - 2;
        }
        match (self.fault(), self.rows.get(self.selected)) {
            (Some(fault), _) => {
                text::put(
                    buf,
                    foot,
                    0,
                    0,
                    &text::shorten(&fault, usize::from(foot.width), theme.glyphs),
                    theme.bad,
                );
            }
            (None, Some(FormRow { kind: FormRowKind::Choice(names, _), .. })) if !self.find.is_empty() => {
                let found: Vec<&str> = self.matching(names).into_iter().map(|i| &names[i][..]).collect();
                wrapped(&format!("{}: {}", self.find, found.join(", ")), theme, foot, buf);
            }
            (None, Some(row)) => {
                let mut about = row.about.clone();
                if let Some(b) = row.bounds {
                    about = format!("{about}; {b}");
                }
                wrapped(&about, theme, foot, buf);
            }
            (None, None) => wrapped(&self.subject.about(), theme, foot, buf),
        }
    }
}
