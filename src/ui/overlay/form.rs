//! A form: the fields of some settings, one a row, checked while they are typed. Knows the tables' forms, not what they mean.

use super::menu::wrapped;
use super::{Answer, draw_input, more, open};
use crate::engine::clip::ClipConfig;
use crate::engine::init::InitConfig;
use crate::engine::layer::LayerConfig;
use crate::engine::loss::LossConfig;
use crate::engine::optim::OptimizerConfig;
use crate::engine::schedule::ScheduleConfig;
use crate::limits;
use crate::registry::{Bounds, Field, Settings};
use crate::scenario::Recipe;
use crate::telemetry::LaneId;
use crate::ui::keymap::Action;
use crate::ui::theme::Theme;
use crate::ui::widget::text;
use crossterm::event::{Event, KeyCode, KeyEvent};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use tui_input::backend::crossterm::EventHandler as _;
use tui_input::{Input, InputRequest};

/// What is edited.
#[derive(Clone, Debug, PartialEq)]
pub enum Subject {
    /// A lane: every change is trained from the next step on.
    Lane {
        /// Which.
        id: LaneId,
        /// Its name.
        name: String,
        /// What it trains with.
        recipe: Box<Recipe>,
    },
    /// A layer of the draft.
    Layer {
        /// Its place in the draft.
        path: Vec<usize>,
        /// The layer.
        layer: LayerConfig,
    },
    /// The initial weights of the draft.
    Init(InitConfig),
}

/// The table rows and settings inside a lane's recipe, under the names that a scenario gives them.
macro_rules! tables {
    ($recipe:expr, $see:expr) => {{
        let r = $recipe;
        $see(
            "optimizer",
            "how the weights move",
            r.optimizer.name(),
            OptimizerConfig::NAMES,
            r.optimizer.settings(),
        );
        $see(
            "schedule",
            "the learning rate over time",
            r.schedule.name(),
            ScheduleConfig::NAMES,
            r.schedule.settings(),
        );
        $see("clip", "what bounds the gradient", r.clip.name(), ClipConfig::NAMES, r.clip.settings());
        $see(
            "init",
            "initial weights; a change starts the lane anew",
            r.init.name(),
            InitConfig::NAMES,
            r.init.settings(),
        );
        $see(
            "loss",
            "what is minimised; a change starts the lane anew",
            r.loss.name(),
            LossConfig::NAMES,
            r.loss.settings(),
        );
    }};
}

/// Sets a row of a table by name, or a field of the present row.
macro_rules! set_table {
    ($place:expr, $table:ty, $field:expr, $text:expr) => {
        match $field {
            None => <$table>::all()
                .into_iter()
                .find(|t| t.name() == $text)
                .map(|t| $place = t)
                .ok_or_else(|| format!("there is no {}", $text)),
            Some(field) => $place.settings_mut().set(field, $text),
        }
    };
}

impl Subject {
    fn title(&self) -> String {
        match self {
            Self::Lane { name, .. } => format!("Lane {name}"),
            Self::Layer { layer, .. } => layer.name().into(),
            Self::Init(_) => "Initial weights".into(),
        }
    }

    fn about(&self) -> String {
        match self {
            Self::Lane { .. } => String::new(),
            Self::Layer { layer, .. } => layer.settings().about().into(),
            Self::Init(init) => init.settings().about().into(),
        }
    }

    fn rows(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        let fields = |rows: &mut Vec<Row>, prefix: &str, settings: &dyn Settings| {
            rows.extend(settings.fields().into_iter().map(|f| Row::field(prefix, f)));
        };
        match self {
            Self::Lane { name, recipe, .. } => {
                rows.push(Row::text("name", "name", "what the lane is called", name));
                tables!(&**recipe, |key: &str,
                                    about: &str,
                                    name: &str,
                                    names: &'static [&'static str],
                                    s: &dyn Settings| {
                    rows.push(Row::choice(key, &format!("{about}. {}", s.about()), name, names));
                    fields(&mut rows, key, s);
                });
                let penalties = recipe.regularisation.fields().into_iter();
                rows.extend(penalties.map(|f| Row { indent: 0, ..Row::field("regularisation", f) }));
                let batch = recipe.fields().into_iter().filter(|f| f.name == "batch");
                rows.extend(batch.map(|f| Row { indent: 0, ..Row::field("", f) }));
            }
            Self::Layer { layer, .. } => fields(&mut rows, "", layer.settings()),
            Self::Init(init) => {
                rows.push(Row::choice("init", init.settings().about(), init.name(), InitConfig::NAMES));
                fields(&mut rows, "init", init.settings());
            }
        }
        rows
    }

    /// Sets a row from text.
    fn set(&mut self, path: &str, text: &str) -> Result<(), String> {
        let (head, field) = match path.split_once('.') {
            Some((head, field)) => (head, Some(field)),
            None => (path, None),
        };
        match self {
            Self::Lane { name, recipe, .. } => match head {
                "name" => {
                    let text = crate::text::escaped(text.trim()).into_owned();
                    if text.is_empty() || text.chars().count() > limits::NAME_CHARS {
                        return Err(format!("a name has 1 to {} characters", limits::NAME_CHARS));
                    }
                    *name = text;
                    Ok(())
                }
                "optimizer" => set_table!(recipe.optimizer, OptimizerConfig, field, text),
                "schedule" => set_table!(recipe.schedule, ScheduleConfig, field, text),
                "clip" => set_table!(recipe.clip, ClipConfig, field, text),
                "init" => set_table!(recipe.init, InitConfig, field, text),
                "loss" => set_table!(recipe.loss, LossConfig, field, text),
                "regularisation" => recipe.regularisation.set(field.unwrap_or_default(), text),
                other => recipe.set(other, text),
            },
            Self::Layer { layer, .. } => layer.settings_mut().set(path, text),
            Self::Init(init) => set_table!(*init, InitConfig, field, text),
        }
    }
}

#[derive(Clone, Debug)]
enum Kind {
    Text(Input),
    Choice(Vec<String>, usize),
}

/// One row.
#[derive(Clone, Debug)]
struct Row {
    path: String,
    label: String,
    about: String,
    bounds: Option<Bounds>,
    default: Option<String>,
    indent: u16,
    kind: Kind,
    /// As it is now in the subject.
    value: String,
}

impl Row {
    fn text(path: &str, label: &str, about: &str, value: &str) -> Self {
        Self {
            path: path.into(),
            label: label.into(),
            about: about.into(),
            bounds: None,
            default: None,
            indent: 0,
            kind: Kind::Text(Input::new(value.into())),
            value: value.into(),
        }
    }

    fn choice(path: &str, about: &str, value: &str, names: &[&str]) -> Self {
        let at = names.iter().position(|n| *n == value).unwrap_or(0);
        let names = names.iter().map(ToString::to_string).collect();
        Self { kind: Kind::Choice(names, at), ..Self::text(path, path, about, value) }
    }

    fn field(prefix: &str, f: Field) -> Self {
        let path = crate::registry::join(prefix, f.name);
        let row = if matches!(&f.default[..], "true" | "false") {
            Self::choice(&path, f.about, &f.value, &["false", "true"])
        } else {
            Self::text(&path, "", f.about, &f.value)
        };
        Self { label: f.name.into(), bounds: f.bounds, default: Some(f.default), indent: 2, ..row }
    }

    fn typed(&self) -> String {
        match &self.kind {
            Kind::Text(input) => input.value().into(),
            Kind::Choice(names, at) => names.get(*at).cloned().unwrap_or_default(),
        }
    }
}

/// A form over some settings.
#[derive(Clone, Debug)]
pub struct Form {
    subject: Subject,
    rows: Vec<Row>,
    selected: usize,
}

impl Form {
    /// A form whose first row is selected.
    pub fn new(subject: Subject) -> Self {
        let mut form = Self { rows: Vec::new(), selected: 0, subject };
        form.refresh();
        form
    }

    /// Makes the rows anew from the subject.
    fn refresh(&mut self) {
        self.rows = self.subject.rows();
        self.selected = self.selected.min(self.rows.len().saturating_sub(1));
    }

    /// What is wrong with the text of the selected row.
    fn fault(&self) -> Option<String> {
        let row = self.rows.get(self.selected)?;
        let typed = row.typed();
        if typed == row.value {
            return None;
        }
        self.subject.clone().set(&row.path, &typed).err()
    }

    /// Takes the selected row's text into the subject.
    fn commit(&mut self) -> Answer {
        let Some(row) = self.rows.get(self.selected) else { return Answer::Nothing };
        let typed = row.typed();
        if typed == row.value {
            return Answer::Nothing;
        }
        let path = row.path.clone();
        match self.subject.set(&path, &typed) {
            Ok(()) => {
                self.refresh();
                Answer::Changed(self.subject.clone())
            }
            Err(_) => Answer::Nothing,
        }
    }

    /// The next or the previous choice of the selected row.
    fn turn(&mut self, forward: bool) -> Answer {
        if let Some(Kind::Choice(names, at)) = self.rows.get_mut(self.selected).map(|r| &mut r.kind) {
            let n = names.len().max(1);
            *at = (*at + if forward { 1 } else { n - 1 }) % n;
            return self.commit();
        }
        Answer::Nothing
    }

    fn go(&mut self, to: usize) -> Answer {
        // Leaving a row takes what stands there; what is wrong is forgotten.
        let answer = self.commit();
        if answer == Answer::Nothing {
            let keep = self.selected;
            self.refresh();
            self.selected = keep;
        }
        self.selected = to.min(self.rows.len().saturating_sub(1));
        answer
    }

    /// Acts on a key.
    pub fn act(&mut self, action: Action) -> Answer {
        match action {
            Action::Up => self.go(self.selected.saturating_sub(1)),
            Action::Down => self.go(self.selected + 1),
            Action::PageUp => self.go(self.selected.saturating_sub(8)),
            Action::PageDown => self.go(self.selected + 8),
            Action::Left | Action::Right => {
                let forward = action == Action::Right;
                match self.rows.get_mut(self.selected).map(|r| &mut r.kind) {
                    Some(Kind::Text(input)) => {
                        input.handle(if forward {
                            InputRequest::GoToNextChar
                        } else {
                            InputRequest::GoToPrevChar
                        });
                        Answer::Nothing
                    }
                    _ => self.turn(forward),
                }
            }
            Action::Accept if self.fault().is_some() => Answer::Nothing,
            Action::Accept => match self.rows.get(self.selected) {
                Some(r) if r.typed() != r.value => self.commit(),
                _ => self.go(self.selected + 1),
            },
            Action::Cancel => {
                let changed = self.rows.get(self.selected).is_some_and(|r| r.typed() != r.value);
                if changed {
                    self.refresh();
                    return Answer::Nothing;
                }
                Answer::Close
            }
            _ => Answer::Nothing,
        }
    }

    /// Types into the selected row; on a choice, space turns to the next one and a letter to the next one with it.
    pub fn typed(&mut self, key: KeyEvent) -> Answer {
        match self.rows.get_mut(self.selected).map(|r| &mut r.kind) {
            Some(Kind::Text(input)) => {
                input.handle_event(&Event::Key(key));
                Answer::Nothing
            }
            Some(Kind::Choice(names, at)) => match key.code {
                KeyCode::Char(' ') => self.turn(true),
                KeyCode::Char(c) => {
                    let starts = |n: &String| n.to_lowercase().starts_with(c.to_ascii_lowercase());
                    let n = names.len();
                    let next = (1..=n).map(|k| (*at + k) % n).find(|&i| starts(&names[i]));
                    match next {
                        Some(i) if i != *at => {
                            *at = i;
                            self.commit()
                        }
                        _ => Answer::Nothing,
                    }
                }
                _ => Answer::Nothing,
            },
            None => Answer::Nothing,
        }
    }

    /// Pastes into the selected row.
    pub fn paste(&mut self, line: &str) {
        if let Some(Kind::Text(input)) = self.rows.get_mut(self.selected).map(|r| &mut r.kind) {
            *input = Input::new(format!("{}{line}", input.value()));
        }
    }

    /// Draws it.
    pub fn draw(&self, theme: &Theme, area: Rect, buf: &mut Buffer) {
        let mut title = Line::styled(self.subject.title(), theme.strong);
        if matches!(self.subject, Subject::Lane { .. }) {
            title.push_span(Span::styled("  changes are trained at once", theme.faint));
        }
        let about_rows: u16 = 3;
        let height =
            (self.rows.len() as u16).saturating_add(about_rows + 4).min(area.height.saturating_sub(2));
        let inside = open(title, 72, height, theme, area, buf);
        let list = text::part(inside, 0, 0, inside.width, inside.height.saturating_sub(about_rows + 1));
        let room = usize::from(list.height).max(1);
        let first = (self.selected + 1).saturating_sub(room);
        for (y, (i, row)) in (0..list.height).zip(self.rows.iter().enumerate().skip(first)) {
            let selected = i == self.selected;
            let line = text::part(list, 1, y, list.width.saturating_sub(2), 1);
            let style = if selected { theme.strong } else { theme.text };
            text::put(buf, line, row.indent, 0, &row.label, style);
            let value = text::part(line, 18, 0, line.width.saturating_sub(18), 1);
            match &row.kind {
                Kind::Text(input) if selected => draw_input(input, theme.strong, theme, value, buf),
                Kind::Text(input) => {
                    text::put(
                        buf,
                        value,
                        0,
                        0,
                        &text::shorten(input.value(), usize::from(value.width), theme.glyphs),
                        theme.text,
                    );
                }
                Kind::Choice(_, _) => {
                    let (left, right) =
                        (text::pick(theme.glyphs, "◀ ", "< "), text::pick(theme.glyphs, " ▶", " >"));
                    let arrows = if selected { theme.key() } else { theme.border };
                    let x = text::put(buf, value, 0, 0, left, arrows);
                    let shown = if selected { theme.strong } else { theme.text };
                    let x = text::put(buf, value, x, 0, &row.typed(), shown);
                    text::put(buf, value, x, 0, right, arrows);
                }
            }
            if let Some(default) = row.default.as_ref().filter(|d| **d != row.value && d.len() < 16) {
                text::put_right(buf, line, 0, &format!("default {default}"), theme.faint);
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
        let foot = text::part(
            inside,
            2,
            inside.height.saturating_sub(about_rows),
            inside.width.saturating_sub(4),
            about_rows,
        );
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

#[cfg(test)]
mod tests {
    use super::*;
    use crossterm::event::KeyModifiers;

    fn lane() -> Form {
        Form::new(Subject::Lane { id: 0, name: "A".into(), recipe: Box::new(Recipe::default()) })
    }

    fn write(form: &mut Form, text: &str) {
        while form.rows[form.selected].typed() != "" {
            form.typed(KeyEvent::new(KeyCode::Backspace, KeyModifiers::NONE));
        }
        for c in text.chars() {
            form.typed(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE));
        }
    }

    fn select(form: &mut Form, path: &str) {
        form.selected = form.rows.iter().position(|r| r.path == path).expect("a row of this path");
    }

    #[test]
    fn a_number_is_taken_only_when_it_is_in_range() {
        let mut form = lane();
        select(&mut form, "optimizer.lr");
        write(&mut form, "-1");
        assert!(form.fault().is_some_and(|f| f.contains("out of range")));
        assert_eq!(form.act(Action::Accept), Answer::Nothing);
        write(&mut form, "0.25");
        assert_eq!(form.fault(), None);
        let Answer::Changed(Subject::Lane { recipe, .. }) = form.act(Action::Accept) else {
            panic!("not taken")
        };
        assert_eq!(recipe.optimizer.lr(), 0.25);
        write(&mut form, "abc");
        assert_eq!(form.act(Action::Cancel), Answer::Nothing, "the first Esc restores the row");
        assert_eq!(form.rows[form.selected].typed(), "0.25");
        assert_eq!(form.act(Action::Cancel), Answer::Close);
    }

    #[test]
    fn another_optimizer_brings_its_own_fields() {
        let mut form = lane();
        select(&mut form, "optimizer");
        form.typed(KeyEvent::new(KeyCode::Char('a'), KeyModifiers::NONE));
        let Subject::Lane { recipe, .. } = &form.subject else { panic!() };
        assert!(recipe.optimizer.name().starts_with('A'));
        for _ in 0..OptimizerConfig::NAMES.len() {
            assert!(matches!(form.act(Action::Right), Answer::Changed(_)));
            let Subject::Lane { recipe, .. } = &form.subject else { panic!() };
            let want: Vec<_> = recipe
                .optimizer
                .settings()
                .fields()
                .iter()
                .map(|f| format!("optimizer.{}", f.name))
                .collect();
            let have: Vec<_> = form
                .rows
                .iter()
                .filter(|r| r.path.starts_with("optimizer."))
                .map(|r| r.path.clone())
                .collect();
            assert_eq!(want, have);
        }
    }

    #[test]
    fn every_field_of_every_table_accepts_its_own_value() {
        let mut subjects = vec![lane().subject];
        subjects.extend(LayerConfig::all().into_iter().map(|layer| Subject::Layer { path: vec![0], layer }));
        subjects.extend(InitConfig::all().into_iter().map(Subject::Init));
        for optimizer in OptimizerConfig::all() {
            let recipe = Box::new(Recipe { optimizer, ..Recipe::default() });
            subjects.push(Subject::Lane { id: 0, name: "x".into(), recipe });
        }
        for subject in subjects {
            for row in subject.rows() {
                let mut same = subject.clone();
                assert_eq!(same.set(&row.path, &row.value), Ok(()), "{} {}", subject.title(), row.path);
                assert_eq!(same, subject, "{} {}", subject.title(), row.path);
            }
        }
    }
}
