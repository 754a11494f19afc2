//! The table of keys with the user's own bindings: the same rows with other keys. Performs no action.

use super::{Action, Binding, KEYMAP, KeyPress, KeyScope};
use crossterm::event::{KeyCode, KeyModifiers};

/// A row of the table with its present keys.
#[derive(Clone, Debug)]
pub struct KeymapRow {
    /// The keys; the first one is shown.
    pub keys: Vec<KeyPress>,
    /// The row of the table.
    pub of: &'static Binding,
}

/// The table of keys in use.
#[derive(Clone, Debug)]
pub struct Keymap {
    rows: Vec<KeymapRow>,
}

impl Default for Keymap {
    fn default() -> Self {
        Self { rows: KEYMAP.iter().map(|of| KeymapRow { keys: of.keys.to_vec(), of }).collect() }
    }
}

impl Keymap {
    /// The rows of a scope, in the order of the table.
    pub fn of(&self, scope: KeyScope) -> impl Iterator<Item = &KeymapRow> {
        self.rows.iter().filter(move |r| r.of.scope == scope)
    }

    /// The action of a key in these scopes, the most specific first.
    pub fn find(&self, key: KeyPress, scopes: &[KeyScope]) -> Option<Action> {
        self.row(key, scopes).map(|r| r.action)
    }

    /// The row of a key in these scopes, the most specific first.
    pub fn row(&self, key: KeyPress, scopes: &[KeyScope]) -> Option<&'static Binding> {
        scopes.iter().find_map(|&s| self.of(s).find(|r| r.keys.contains(&key)).map(|r| r.of))
    }

    /// Replaces the keys of an action in every scope where it has keys. A form accepts only keys that type no
    /// character, and keeps its old keys if there are none.
    ///
    /// # Errors
    /// The conflict, in words.
    pub fn rebind(&mut self, action: Action, keys: &[KeyPress]) -> Result<(), String> {
        if keys.is_empty() {
            return Err("an action needs a key".into());
        }
        if action == Action::Quit {
            // Pressing the quit key again confirms it.
            let old: Vec<KeyPress> =
                self.rows.iter().filter(|r| r.of.action == action).flat_map(|r| r.keys.clone()).collect();
            let sure = |r: &&mut KeymapRow| (r.of.scope, r.of.action) == (KeyScope::Confirm, Action::Accept);
            for row in self.rows.iter_mut().filter(sure) {
                row.keys.retain(|k| !old.contains(k) && !keys.contains(k));
                row.keys.extend(keys);
            }
        }
        for row in self.rows.iter_mut().filter(|r| r.of.action == action) {
            let fits = |k: &&KeyPress| row.of.scope != KeyScope::Form || !types(**k);
            let own: Vec<KeyPress> = keys.iter().filter(fits).copied().collect();
            if !own.is_empty() {
                row.keys = own;
            }
        }
        Ok(())
    }

    /// The first key with two meanings in the same place, in words.
    pub fn conflict(&self) -> Option<String> {
        let near = |scope: KeyScope| match scope {
            KeyScope::Pane(_) | KeyScope::AnyPane => vec![scope, KeyScope::Global],
            other => vec![other],
        };
        self.rows.iter().enumerate().find_map(|(i, row)| {
            let scopes = near(row.of.scope);
            let others =
                self.rows.iter().enumerate().filter(|(j, r)| *j != i && scopes.contains(&r.of.scope));
            others.into_iter().find_map(|(_, other)| {
                let key = row.keys.iter().find(|k| other.keys.contains(k))?;
                Some(format!("{key} would mean two things: {} and {}", row.of.help, other.of.help))
            })
        })
    }
}

/// Whether a key types a character.
fn types(key: KeyPress) -> bool {
    matches!(key.code, KeyCode::Char(_)) && (key.modifiers - KeyModifiers::SHIFT).is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::view::Pane;
    use crate::ui::keymap::pane_scopes;

    #[test]
    fn another_key_takes_over_and_the_old_one_is_free() {
        let mut keymap = Keymap::default();
        let free: KeyPress = "F9".parse().expect("a key");
        assert_eq!(keymap.conflict(), None);
        let scopes = pane_scopes(Pane::Curves);
        keymap.rebind(Action::TogglePause, &[free]).expect("free");
        assert_eq!(keymap.find(free, &scopes), Some(Action::TogglePause));
        assert_eq!(keymap.find(KeyPress::of_char(' '), &scopes), None);
        assert_eq!(keymap.conflict(), None);
        keymap.rebind(Action::Zoom, &[free]).expect("told by the conflict");
        assert!(keymap.conflict().expect("a conflict").starts_with("F9 would mean two things"));
        assert!(keymap.rebind(Action::Zoom, &[]).is_err());
    }

    #[test]
    fn the_key_to_leave_leaves_when_it_is_pressed_again() {
        let mut keymap = Keymap::default();
        let f10: KeyPress = "F10".parse().expect("a key");
        keymap.rebind(Action::Quit, &[f10]).expect("free");
        assert_eq!(keymap.find(f10, &[KeyScope::Confirm]), Some(Action::Accept));
        assert_eq!(keymap.find(KeyPress::of_char('q'), &[KeyScope::Confirm]), None);
        assert_eq!(keymap.find(KeyPress::of_char('y'), &[KeyScope::Confirm]), Some(Action::Accept));
        assert_eq!(keymap.conflict(), None);
        keymap.rebind(Action::Quit, &[KeyPress::of_char('n')]).expect("told by the conflict");
        assert!(keymap.conflict().is_some(), "n stays");
    }

    #[test]
    fn a_form_is_never_robbed_of_a_character() {
        let mut keymap = Keymap::default();
        keymap.rebind(Action::Down, &[KeyPress::of_char('e')]).expect("words");
        assert_eq!(keymap.find(KeyPress::of_char('e'), &[KeyScope::List]), Some(Action::Down));
        assert_eq!(keymap.find(KeyPress::of_char('e'), &[KeyScope::Form]), None);
        assert_eq!(keymap.find("Down".parse().expect("a key"), &[KeyScope::Form]), Some(Action::Down));
    }
}
