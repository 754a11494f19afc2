//! Dispatches a key: to the open window, to the focused pane, or, with a notice, to nothing. Does nothing else itself.

use super::{App, WATCHING};
use crate::ui::keymap::{self, Action, KeyPress};
use crate::ui::message::Effects;
use crate::ui::overlay::{Answer, Overlay};
use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

impl App {
    /// Handles a key while no window is open.
    pub fn means(&self, key: KeyEvent) -> Option<Action> {
        self.overlay.is_none().then(|| self.keymap.find(key.into(), &self.scopes()))?
    }

    /// The scopes that apply while no window is open, the most specific first.
    fn scopes(&self) -> Vec<keymap::KeyScope> {
        match &self.timeline {
            Some(_) => keymap::timeline_scopes(self.focus()).to_vec(),
            None => keymap::pane_scopes(self.focus()).to_vec(),
        }
    }

    /// The reason why the last key had no effect, in words; `None` if it had one.
    pub fn idle_key(&self) -> Option<&str> {
        self.idle.as_deref()
    }

    pub(super) fn key(&mut self, event: KeyEvent) -> Effects {
        if event.kind == KeyEventKind::Release {
            return Effects::new();
        }
        self.idle = None;
        let key = KeyPress::from(event);
        let scopes = match &self.overlay {
            Some(overlay) => vec![overlay.scope()],
            None => self.scopes(),
        };
        if self.overlay.is_none() && self.typed_on_timeline(event) {
            return Effects::new();
        }
        let row = self.keymap.row(key, &scopes);
        if row.is_none() && event.modifiers.contains(KeyModifiers::ALT) {
            // A terminal sends Alt with a key as Esc followed by the key, and so do two fast key presses. If the key
            // with Alt has no meaning, two key presses were meant.
            let mut effects = self.key(KeyEvent::from(KeyCode::Esc));
            effects.extend(self.key(KeyEvent::new(event.code, event.modifiers - KeyModifiers::ALT)));
            return effects;
        }
        let Some(overlay) = &mut self.overlay else {
            match row {
                Some(row) if self.watching && row.own => {
                    self.idle = Some(WATCHING.into());
                    self.notify(WATCHING.into());
                }
                Some(row) if row.scope == keymap::KeyScope::Timeline => return self.scrub(row.action),
                Some(row) => return self.act(row.action),
                None => self.idle = Some(format!("{key} means nothing in the pane {}", self.focus().name())),
            }
            return Effects::new();
        };
        let answer = match row {
            Some(row) => overlay.act(row.action),
            None => overlay.typed(event),
        };
        if answer == Answer::Ignored {
            self.idle = Some(format!("an open window takes no {key}"));
        }
        self.answered(answer)
    }

    /// Carries out the answer of a window.
    pub(super) fn answered(&mut self, answer: Answer) -> Effects {
        match answer {
            Answer::Ignored => Effects::new(),
            Answer::Nothing => {
                if let Some(Overlay::Menu(mut menu)) = self.overlay.take_if(|o| matches!(o, Overlay::Menu(_)))
                {
                    if menu.line().is_some() {
                        self.offer(&mut menu);
                    }
                    self.overlay = Some(Overlay::Menu(menu));
                }
                Effects::new()
            }
            Answer::Close => {
                self.overlay = None;
                Effects::new()
            }
            Answer::Take(pick) => {
                self.overlay = None;
                self.take(pick)
            }
            Answer::Changed(subject) => {
                self.overlay = None;
                self.changed(*subject)
            }
        }
    }
}
