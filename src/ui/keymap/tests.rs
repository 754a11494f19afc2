//! Tests of the table of keys.

use super::*;
use crossterm::event::{KeyEvent, KeyModifiers};
use std::collections::HashSet;

#[test]
fn no_key_means_two_things_in_one_scope() {
    for scope in KeyScope::all() {
        let mut seen = HashSet::new();
        for b in KEYMAP.iter().filter(|b| b.scope == scope) {
            for k in b.keys {
                assert!(seen.insert(k), "{k} twice in {scope:?}");
            }
        }
    }
}

#[test]
fn every_key_is_read_as_it_is_written() {
    for key in KEYMAP.iter().flat_map(|b| b.keys) {
        assert_eq!(key.to_string().parse(), Ok(*key), "{key}");
    }
    assert_eq!("Ctrl-r".parse(), Ok(KeyPress::ctrl('r')));
    assert_eq!("enter".parse(), Ok(KeyPress::of(KeyCode::Enter)));
    assert_eq!("-".parse(), Ok(KeyPress::ch('-')));
    for text in ["", "Entr", "F13", "Ctrl-", "ab", "\u{1b}"] {
        assert!(text.parse::<KeyPress>().is_err(), "{text:?}");
    }
}

#[test]
fn no_pane_takes_a_global_key_away() {
    let global: HashSet<_> =
        KEYMAP.iter().filter(|b| b.scope == KeyScope::Global).flat_map(|b| b.keys).collect();
    for b in KEYMAP.iter().filter(|b| matches!(b.scope, KeyScope::AnyPane | KeyScope::Pane(_))) {
        for k in b.keys {
            assert!(!global.contains(k), "{k} in {:?} hides a global key", b.scope);
        }
    }
}

#[test]
fn keys_that_stay_are_there() {
    let scopes = pane_scopes(Pane::Curves);
    let press =
        |code, modifiers| custom::Keymap::default().find(KeyEvent::new(code, modifiers).into(), &scopes);
    assert_eq!(press(C::Char(' '), KeyModifiers::NONE), Some(A::TogglePause));
    assert_eq!(press(C::Char('?'), KeyModifiers::SHIFT), Some(A::Help));
    assert_eq!(press(C::BackTab, KeyModifiers::SHIFT), Some(A::PreviousPane));
    assert_eq!(press(C::Char('z'), KeyModifiers::CONTROL), Some(A::Suspend));
    assert_eq!(press(C::Char('j'), KeyModifiers::NONE), Some(A::Down));
}
