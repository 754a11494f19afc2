//! A list to choose from, with a line about the selected item, and a filter for long lists.

use super::{Answer, draw_input, more, open};
use crate::scenario::DataConfig;
use crate::scenario::view::Pane;
use crate::telemetry::LaneId;
use crate::ui::keymap::Action;
use crate::ui::theme::Theme;
use crate::ui::widget::text;
use crossterm::event::{Event, KeyCode, KeyEvent};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use tui_input::Input;
use tui_input::backend::crossterm::EventHandler as _;

/// The meaning of a chosen item.
#[derive(Clone, Debug, PartialEq)]
pub enum Pick {
    /// Perform the action, as if its key had been pressed.
    Action(Action),
    /// Move the focus to this pane.
    Pane(Pane),
    /// Open the preset of this index.
    Preset(usize),
    /// Start the lesson at this position in the course, from 1.
    Lesson(usize),
    /// Insert this layer of the table after this row of the model builder.
    Layer {
        /// Row of the model builder.
        after: usize,
        /// Row of the table.
        layer: usize,
    },
    /// Quit the lab.
    Leave,
    /// Carry out the confirmed action without asking again.
    Sure(Box<Pick>),
    /// A command as words; one that needs more words ends with a space.
    Line(String),
    /// Train this lane at the rate suggested by its test.
    Rate(LaneId),
    /// Train all lanes this many steps further than planned.
    Further(u64),
    /// Train all lanes on these data from step 0.
    Data(Box<DataConfig>),
}

/// One line of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct MenuItem {
    /// Its text.
    pub label: String,
    /// More about it.
    pub about: String,
    /// Text at the right edge: a key.
    pub right: String,
    /// Its meaning.
    pub pick: Pick,
}

/// A list to choose from.
#[derive(Clone, Debug)]
pub struct Menu {
    title: String,
    items: Vec<MenuItem>,
    filter: Input,
    /// Whether a command is typed: its items are computed for every letter, and are not filtered.
    commands: bool,
    /// The fault of the typed text.
    note: String,
    selected: usize,
}

impl Menu {
    /// A list that typing filters.
    pub fn new(title: &str, items: Vec<MenuItem>, selected: usize) -> Self {
        let (filter, note) = (Input::default(), String::new());
        Self { title: title.into(), items, filter, commands: false, note, selected }
    }

    /// A line to type a command into.
    pub fn commands() -> Self {
        Self { commands: true, ..Self::new("Commands", Vec::new(), 0) }
    }

    /// The typed text, if it is a command.
    pub fn line(&self) -> Option<&str> {
        self.commands.then(|| self.filter.value())
    }

    /// The matches for the typed text, and its fault if there are none.
    pub fn offer(&mut self, items: Vec<MenuItem>, note: String) {
        (self.items, self.note) = (items, note);
        self.selected = self.selected.min(self.items.len().saturating_sub(1));
    }

    /// The items that match the typed text.
    fn shown(&self) -> Vec<&MenuItem> {
        if self.commands {
            return self.items.iter().collect();
        }
        narrowed(&self.items, self.filter.value())
    }

    /// Puts this into the typed line.
    pub fn fill(&mut self, line: &str) {
        self.filter = Input::new(line.into());
        self.selected = 0;
    }

    /// Acts on a key.
    pub fn act(&mut self, action: Action) -> Answer {
        let last = self.shown().len().saturating_sub(1);
        self.selected = match action {
            Action::Left => return self.typed(KeyEvent::from(KeyCode::Left)),
            Action::Right => return self.typed(KeyEvent::from(KeyCode::Right)),
            Action::Complete if self.commands => {
                if let Some(MenuItem { pick: Pick::Line(line), .. }) = self.items.get(self.selected) {
                    let line = line.clone();
                    self.fill(&line);
                }
                return Answer::Nothing;
            }
            Action::Up => self.selected.saturating_sub(1),
            Action::Down | Action::Complete => self.selected + 1,
            Action::PageUp => self.selected.saturating_sub(8),
            Action::PageDown => self.selected + 8,
            Action::First => 0,
            Action::Last => last,
            Action::Cancel => return Answer::Close,
            Action::Accept => {
                let pick = self.shown().get(self.selected).map(|i| i.pick.clone());
                match pick {
                    // It needs more words.
                    Some(Pick::Line(line)) if line.ends_with(' ') => self.fill(&line),
                    Some(pick) => return Answer::Take(pick),
                    None => {}
                }
                return Answer::Nothing;
            }
            _ => self.selected,
        }
        .min(last);
        Answer::Nothing
    }

    /// Types into the filter.
    pub fn typed(&mut self, key: KeyEvent) -> Answer {
        match self.filter.handle_event(&Event::Key(key)) {
            None => return Answer::Ignored,
            Some(change) if change.value => self.selected = 0,
            Some(_) => {}
        }
        Answer::Nothing
    }

    /// Pastes into the filter.
    pub fn paste(&mut self, line: &str) {
        let line = format!("{}{line}", self.filter.value());
        self.fill(&line);
    }

    /// Draws it.
    pub fn draw(&self, theme: &Theme, area: Rect, buf: &mut Buffer) {
        let shown = self.shown();
        let head = 2;
        let height = (self.items.len() as u16).saturating_add(head + 6).min(area.height.saturating_sub(2));
        let inside = open(Line::styled(self.title.as_str(), theme.strong), 80, height, theme, area, buf);
        let sign = if self.commands { ":" } else { "/" };
        text::put(buf, inside, 1, 0, sign, theme.strong);
        let line = text::part(inside, 3, 0, inside.width.saturating_sub(4), 1);
        draw_input(&self.filter, theme.text, theme, line, buf);
        if self.filter.value().is_empty() && !self.commands {
            text::put(buf, line, 2, 0, "type to find", theme.faint);
        }
        // Below the list: an empty line, and three lines about the selected item.
        let foot = if inside.height > head + 8 { 4 } else { 0 };
        let list = text::part(inside, 0, head, inside.width, inside.height.saturating_sub(head + foot));
        let room = usize::from(list.height).max(1);
        let first = (self.selected + 1).saturating_sub(room);
        let label_width =
            self.items.iter().map(|i| text::width(&i.label)).max().unwrap_or(0).min(list.width / 2);
        for (y, item) in (0..list.height).zip(shown.iter().skip(first)) {
            let line = text::part(list, 1, y, list.width.saturating_sub(2), 1);
            let label = text::shorten(&item.label, usize::from(line.width), theme.glyphs);
            text::put(buf, line, 0, 0, &label, theme.text);
            text::put_right(buf, line, 0, &item.right, theme.faint);
            let about = item.about.lines().next().unwrap_or_default();
            let used = label_width + 2;
            let room = line.width.saturating_sub(used + text::width(&item.right) + 1);
            text::put(
                buf,
                line,
                used,
                0,
                &text::shorten(about, usize::from(room), theme.glyphs),
                theme.faint,
            );
            if first + usize::from(y) == self.selected {
                theme.select(line, buf);
            }
        }
        if shown.is_empty() {
            let note = if self.note.is_empty() { "nothing of that name" } else { &self.note };
            wrapped(note, theme, text::part(list, 1, 0, list.width.saturating_sub(2), list.height), buf);
        }
        more(first, shown.len(), list, theme, buf);
        if let Some(item) = shown.get(self.selected).filter(|_| foot > 0) {
            let about = text::part(inside, 2, inside.height - 3, inside.width.saturating_sub(4), 3);
            wrapped(&item.about, theme, about, buf);
        }
    }
}

/// The items that contain all words; items whose label begins with them come first.
pub fn narrowed<'i>(items: &'i [MenuItem], words: &str) -> Vec<&'i MenuItem> {
    let words = words.trim().to_lowercase();
    let fits = |i: &&MenuItem| {
        let all = format!("{} {} {}", i.label, i.about, i.right).to_lowercase();
        words.split_whitespace().all(|w| all.contains(w))
    };
    let mut found: Vec<&MenuItem> = items.iter().filter(fits).collect();
    let label = |i: &MenuItem| i.label.to_lowercase();
    if !words.is_empty() {
        found.sort_by_key(|i| (!label(i).starts_with(&words), !label(i).contains(&words)));
    }
    found
}

/// Draws a text in as many lines as there is room for.
pub fn wrapped(what: &str, theme: &Theme, area: Rect, buf: &mut Buffer) {
    use ratatui::widgets::{Paragraph, Widget as _, Wrap};
    Paragraph::new(what)
        .style(theme.faint)
        .wrap(Wrap { trim: true })
        .render(area.intersection(buf.area), buf);
}
