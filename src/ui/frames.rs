//! Decides when each part of the screen is redrawn: counters ten times a second, every pane at its own rate, less often
//! if more of it changes, and everything at once after a key. Time is an argument, so terminal and recording behave
//! alike.

use super::app::App;
use super::screen;
use crate::scenario::view::Pane;
use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::style::Color;
use std::collections::BTreeMap;
use std::time::Duration;

/// Time between two frames while numbers change.
const COUNTERS: Duration = Duration::from_millis(100);
/// Longest time from a key press to its frame while keys keep coming.
pub const KEYS: Duration = Duration::from_millis(16);
/// Longest wait for a frame that the terminal has not accepted.
const STUCK: Duration = Duration::from_secs(1);

/// Approximate bytes sent for a changed cell: without and with its own background, as in half blocks.
const BYTES: [f64; 2] = [8.0, 20.0];
/// Bytes a second allowed for one pane: six panes and the counters stay below ten kilobytes.
const SHARE: f64 = 2000.0;
/// A pane is drawn at least this often, however much of it changes.
const LAZIEST: Duration = Duration::from_millis(1500);

/// When a pane was drawn, and how long it stays without a key press.
#[derive(Clone, Copy, Debug)]
struct DrawnFrame {
    at: Duration,
    lasts: Duration,
}

/// The last frame, and the time at which each part was drawn.
#[derive(Debug)]
pub struct Frames {
    buffer: Buffer,
    before: Buffer,
    any: Option<Duration>,
    panes: BTreeMap<Pane, DrawnFrame>,
    /// Whether the user changed something, so that everything must be drawn now.
    hand: bool,
    /// Whether numbers changed.
    numbers: bool,
    /// Time of the last change of numbers: a pane drawn before is out of date.
    news: Option<Duration>,
    /// Factor on the time between two frames without a key press.
    slower: f64,
}

impl Default for Frames {
    fn default() -> Self {
        Self {
            buffer: Buffer::empty(Rect::ZERO),
            before: Buffer::empty(Rect::ZERO),
            any: None,
            panes: BTreeMap::new(),
            hand: true,
            numbers: false,
            news: None,
            slower: 1.0,
        }
    }
}

impl Frames {
    /// Notes the use of a key or the mouse: the next frame is due at once and complete.
    pub fn touch(&mut self) {
        self.hand = true;
    }

    /// Whether an input still waits for its frame.
    pub fn touched(&self) -> bool {
        self.hand
    }

    /// Notes that numbers changed at this time.
    pub fn news(&mut self, now: Duration) {
        self.numbers = true;
        self.news = Some(now);
    }

    /// Limits the frames a second, except those after a key; slower panes scale with it.
    pub fn rate(&mut self, fps: f64) {
        self.slower = 1.0 / (COUNTERS.as_secs_f64() * fps.clamp(0.1, 100.0));
    }

    /// The time until a frame for changed numbers may be due; zero if one is due already.
    pub fn rests(&self, now: Duration) -> Duration {
        self.any.map_or(Duration::ZERO, |t| (t + self.between()).saturating_sub(now))
    }

    /// Time between two frames without user input.
    fn between(&self) -> Duration {
        COUNTERS.mul_f64(self.slower)
    }

    /// Whether any part of the screen is out of date.
    pub fn behind(&self) -> bool {
        self.numbers || self.stale().next().is_some()
    }

    /// The panes that were drawn before the last news.
    fn stale(&self) -> impl Iterator<Item = DrawnFrame> {
        let news = self.news;
        self.panes.values().copied().filter(move |d| news.is_some_and(|news| d.at < news))
    }

    /// Whether a frame is due. `busy`: the last one was not completely sent.
    pub fn due(&self, now: Duration, busy: bool) -> bool {
        let since = self.any.map_or(Duration::MAX, |t| now.saturating_sub(t));
        if self.hand {
            return since >= KEYS;
        }
        let old = |d: DrawnFrame| now.saturating_sub(d.at) >= d.lasts;
        let wanted = since >= self.between() && (self.numbers || self.stale().any(old));
        wanted && (!busy || since >= STUCK)
    }

    /// The last frame.
    pub fn picture(&self) -> &Buffer {
        &self.buffer
    }

    /// Draws the parts that are due, and returns the frame.
    pub fn draw(&mut self, app: &App, now: Duration) -> &Buffer {
        let Size { width, height } = app.size;
        let area = Rect::new(0, 0, width, height);
        if self.buffer.area != area {
            self.buffer = Buffer::empty(area);
            self.hand = true;
        }
        if self.hand {
            self.buffer.reset();
        }
        // A window covers panes, which must be redrawn.
        let all = self.hand || app.overlay.is_some();
        let fresh = |id: Pane| all || self.panes.get(&id).is_none_or(|d| now.saturating_sub(d.at) >= d.lasts);
        let painted: Vec<_> = Pane::ALL.iter().copied().filter(|&id| fresh(id)).collect();
        self.before.clone_from(&self.buffer);
        screen::draw(app, |id| painted.contains(&id), &mut self.buffer);
        let places = app.places().map(|p| p.panes).unwrap_or_default();
        for id in painted {
            let changed = |&(_, r): &(Pane, Rect)| changed(&self.before, &self.buffer, r);
            // The amount of change after a key does not predict the changes caused by training.
            let bytes = places.iter().find(|(p, _)| *p == id && !all).map_or(0.0, changed);
            let dear = Duration::from_secs_f64(bytes / SHARE).min(LAZIEST);
            self.panes.insert(id, DrawnFrame { at: now, lasts: id.lasts().max(dear).mul_f64(self.slower) });
        }
        self.any = Some(now);
        self.hand = false;
        self.numbers = false;
        &self.buffer
    }
}

/// Approximate bytes for the changed cells in a rectangle.
fn changed(before: &Buffer, now: &Buffer, r: Rect) -> f64 {
    let r = r.intersection(now.area).intersection(before.area);
    let cells = r.positions().filter(|&at| before[at] != now[at]);
    cells.map(|at| BYTES[usize::from(now[at].bg != Color::Reset)]).sum()
}
