//! The lab without a terminal, for measurements: its app, its frames at the lab's own rates, and their bytes. The
//! caller provides the clock.

use super::app::App;
use super::config::DrawingCharacters;
use super::frames::Frames;
use super::message::{Effect, Message};
use super::terminal::encode::encode;
use super::theme::{Depth, Scheme, Theme};
use crate::scenario::Scenario;
use crate::telemetry::{Command, Event};
use ratatui::buffer::Buffer;
use std::time::Duration;

/// The lab on a simulated screen.
pub struct Rehearsal {
    app: App,
    frames: Frames,
    /// The frame that the screen would show.
    shown: Option<Buffer>,
    out: Vec<u8>,
}

impl Rehearsal {
    /// The lab in training, in the dark theme with all colours, on a screen of this many columns and rows.
    pub fn new(scenario: Scenario, (width, height): (u16, u16)) -> Self {
        let theme = Theme::new(Scheme::Dark, Depth::True, DrawingCharacters::Braille.glyphs());
        let app = App::new(scenario, Box::new(Vec::new), theme, (width, height).into(), true);
        Self { app, frames: Frames::default(), shown: None, out: Vec::new() }
    }

    /// Handles events from training, and passes the resulting commands to `send`.
    pub fn on_events(&mut self, events: Vec<Event>, now: Duration, send: &mut dyn FnMut(Command)) {
        if !events.is_empty() {
            self.frames.news(now);
        }
        for message in events.into_iter().map(Message::Event).chain([Message::Tick(now)]) {
            for effect in self.app.update(message) {
                if let Effect::Command(command) = effect {
                    send(command);
                }
            }
        }
    }

    /// Acts as if a key had been pressed: the next frame is due at once, with every pane redrawn.
    pub fn touch(&mut self) {
        self.frames.touch();
    }

    /// Whether a frame is due.
    pub fn due(&self, now: Duration) -> bool {
        self.frames.due(now, false)
    }

    /// Draws the next frame; returns the number of bytes that a terminal would receive.
    pub fn draw(&mut self, now: Duration) -> usize {
        let picture = self.frames.draw(&self.app, now);
        self.out.clear();
        encode(self.shown.as_ref(), picture, DrawingCharacters::Braille, &mut self.out);
        self.shown.get_or_insert_with(|| picture.clone()).clone_from(picture);
        self.out.len()
    }

    /// Sum of the steps of all lanes, as far as the lab knows them.
    pub fn steps(&self) -> u64 {
        self.app.view.lanes.iter().map(|lane| lane.step).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_costs_bytes_only_where_it_changes() {
        let mut lab = Rehearsal::new(Scenario::default(), (80, 24));
        let now = Duration::from_secs(1);
        assert!(lab.due(now), "the first picture");
        assert!(lab.draw(now) > 1000, "all of it");
        lab.touch();
        assert_eq!(lab.draw(now), 0, "the same once more");
        let mut orders = Vec::new();
        lab.on_events(vec![Event::Notice("news".into())], now, &mut |order| orders.push(order));
        let bytes = lab.draw(now + Duration::from_secs(1));
        assert!((1..500).contains(&bytes), "{bytes} bytes for a line");
        assert_eq!(lab.steps(), 0);
    }
}
