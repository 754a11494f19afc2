//! A window of lines to read: the keys and terms of the lab, or an answer. Decides nothing.

use super::{Answer, keys, more, open};
use crate::ui::keymap::custom::Keymap;
use crate::ui::keymap::{Action, KeyScope};
use crate::ui::theme::Theme;
use crate::ui::widget::text;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use std::cell::Cell;

/// The terms used in panes, in alphabetical order.
const WORDS: &[(&str, &str)] = &[
    ("clip rate", "share of the latest steps whose gradient was longer than the clip allows"),
    ("dead", "a unit that is flat for every validation sample: no gradient comes through it"),
    ("differs by", "the settings in which a lane is not like lane A; all else is shared, random draws too"),
    ("diverged", "loss or gradient was no finite number any more, so that the lane stopped"),
    ("draft", "a network that is edited and not trained yet"),
    ("eps", "size of a perturbation, in units of the inputs"),
    ("epoch", "one pass over all training samples"),
    (
        "first:last",
        "gradient norm of the first layer over that of the last: far below 1 vanishing, far above exploding",
    ),
    ("L-inf, L2, L0", "largest change of an input; length of the change; inputs changed"),
    ("least eps", "the smallest perturbation found that fools the lane"),
    ("lr", "learning rate: what a gradient is multiplied by before it moves a weight"),
    ("masked", "gradients that tell an attack nothing: the network looks robust and is not"),
    ("saturated", "outputs in the flat part of their activation, where the slope is almost 0"),
    ("seeds", "the same lane from other random numbers; a band is least, median and greatest of them"),
    ("silent", "a unit that is flat for every sample of this batch; it may still answer others"),
    (
        "spectral radius ρ",
        "largest growth of a state by one step through a recurrent matrix, in the long run",
    ),
    ("update:weight", "length of a step over the length of the weights; about 1e-3 is usual"),
    ("val", "measured on the validation samples, which are not trained on; written in lower-case letters"),
    ("2x a step", "a step computes twice as many gradients as one without the lane's defence"),
    ("* after a name", "a setting was changed while the lane trained; the curves have a tick there"),
    ("was ...", "the name states a setting that was changed since"),
    ("β₁, β₂", "how slowly the averages of the gradient and of its square forget, in Adam and its kin"),
    ("Δθ", "how far a step moves a weight"),
    ("μ, τ", "momentum; dampening, the share of a new gradient that does not enter the momentum"),
    ("‖g‖", "gradient norm: length of the gradient of all weights together, before the clip"),
];

/// A window of lines.
#[derive(Clone, Debug)]
pub struct TextWindow {
    title: String,
    /// A heading without a second part, or a term with its meaning.
    lines: Vec<(String, String)>,
    first: usize,
    /// The largest possible first line when the page was last drawn.
    last: Cell<usize>,
    /// The number of its rows that were visible then.
    rows: Cell<usize>,
}

impl TextWindow {
    /// Every key with its action, and the meaning of the terms. `watching`: only the keys that work in a watched run.
    pub fn help(keymap: &Keymap, watching: bool) -> Self {
        let mut lines = Vec::new();
        for scope in KeyScope::all() {
            let rows = keymap.of(scope).filter(|r| !(watching && r.of.own));
            let (lanes, rows): (Vec<_>, Vec<_>) = rows.partition(|r| matches!(r.of.action, Action::Lane(_)));
            if rows.is_empty() {
                continue;
            }
            lines.push((scope.title().to_string(), String::new()));
            lines.extend(rows.into_iter().map(|r| (keys(&r.keys), r.of.help.to_string())));
            if let (Some(first), Some(last)) = (lanes.first(), lanes.last()) {
                let range = format!("{} to {}", first.keys[0], last.keys[0]);
                lines.push((range, "bring lane A to H to the front".into()));
            }
            lines.push((String::new(), String::new()));
        }
        lines.push(("Words".into(), String::new()));
        lines.extend(WORDS.iter().map(|(word, means)| ((*word).into(), (*means).into())));
        Self::new("Keys and words", lines)
    }

    /// A page of some lines of text.
    pub fn of(title: &str, text: &str) -> Self {
        let lines = text.lines().map(|l| (String::new(), l.to_owned())).collect();
        Self::new(title, lines)
    }

    fn new(title: &str, lines: Vec<(String, String)>) -> Self {
        // Until it is drawn, any line may be the first one.
        let last = Cell::new(lines.len().saturating_sub(1));
        Self { title: title.into(), lines, first: 0, last, rows: Cell::new(1) }
    }

    /// Acts on a key.
    pub fn act(&mut self, action: Action) -> Answer {
        let last = self.last.get();
        let first = self.first.min(last);
        self.first = match action {
            Action::Up => first.saturating_sub(1),
            Action::Down => first + 1,
            Action::PageUp => first.saturating_sub(self.rows.get()),
            Action::PageDown => first + self.rows.get(),
            Action::First => 0,
            Action::Last => last,
            Action::Cancel | Action::Accept => return Answer::Close,
            _ => first,
        }
        .min(last);
        Answer::Nothing
    }

    /// Draws it.
    pub fn draw(&self, theme: &Theme, area: Rect, buf: &mut Buffer) {
        // Rows with a second part have it in a column of its own.
        let rows = self.lines.iter().filter(|l| !l.1.is_empty());
        let longest = rows.map(|l| text::width(&l.0)).max().unwrap_or(0);
        let column = if longest > 0 { longest.min(28) + 4 } else { 1 };
        let outside = 78.min(area.width);
        let width = outside.saturating_sub(column + 3);
        let rows: Vec<(&str, String)> = self
            .lines
            .iter()
            .flat_map(|(left, right)| {
                let mut parts = broken(right, usize::from(width.max(1)));
                let head = if parts.is_empty() { String::new() } else { parts.remove(0) };
                std::iter::once((&left[..], head)).chain(parts.into_iter().map(|p| ("", p)))
            })
            .collect();
        let height = (rows.len() as u16).saturating_add(2).min(area.height.saturating_sub(2));
        let title = Line::styled(self.title.as_str(), theme.strong);
        let inside = open(title, outside, height, theme, area, buf);
        self.rows.set(usize::from(inside.height.max(1)));
        self.last.set(rows.len().saturating_sub(self.rows.get()));
        let first = self.first.min(self.last.get());
        for (y, (left, right)) in (0..inside.height).zip(rows.iter().skip(first)) {
            if right.is_empty() {
                text::put(buf, inside, 1, y, left, theme.strong);
            } else {
                text::put(buf, inside, 2, y, left, theme.key());
                text::put(buf, inside, column, y, right, theme.text);
            }
        }
        more(first, rows.len(), inside, theme, buf);
    }
}

/// A text in lines of at most `width` columns, broken between words.
fn broken(what: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in what.split(' ') {
        match lines.last_mut() {
            Some(line) if usize::from(text::width(line)) + 1 + usize::from(text::width(word)) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.into()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::keymap::KEYMAP;

    #[test]
    fn the_help_lists_every_row_of_the_table_and_the_lanes_in_one() {
        let lines = TextWindow::help(&Keymap::default(), false).lines;
        let has = |left: &str, right: &str| lines.iter().any(|l| l.0 == left && l.1 == right);
        for b in KEYMAP.iter().filter(|b| !matches!(b.action, Action::Lane(_))) {
            assert!(has(&keys(b.keys), b.help), "{b:?}");
        }
        assert!(has("1 to 8", "bring lane A to H to the front"));
        assert_eq!(lines.iter().filter(|l| l.1.contains("bring lane")).count(), 1);
        assert!(lines.iter().any(|l| l.0 == "first:last"), "words are explained");
        let longest = lines.iter().filter(|l| !l.1.is_empty()).map(|l| text::width(&l.0)).max();
        assert!(longest.is_some_and(|w| w <= 28), "no key runs into its text: {longest:?}");
        let watched = TextWindow::help(&Keymap::default(), true).lines;
        assert!(KEYMAP.iter().filter(|b| b.own).all(|b| !watched.iter().any(|l| l.1 == b.help)));
    }

    #[test]
    fn a_meaning_is_broken_between_words() {
        assert_eq!(broken("one two three", 7), ["one two", "three"]);
        assert_eq!(broken("", 7), [""]);
    }
}
