//! When which part of the screen is drawn again: counters ten times a second, every pane at the rate at which it is read,
//! everything at once after a key. Time is an argument; the same for a terminal and for a recording.

use super::app::App;
use super::pane::PaneId;
use super::screen;
use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use std::collections::BTreeMap;
use std::time::Duration;

/// Between two pictures while numbers change.
const COUNTERS: Duration = Duration::from_millis(100);
/// Between a pressed key and its picture, at most, while keys keep coming.
pub const KEYS: Duration = Duration::from_millis(16);
/// How old a picture may grow that the terminal has not even taken.
const STUCK: Duration = Duration::from_secs(1);

/// The picture and when which part of it was drawn last.
#[derive(Debug)]
pub struct Frames {
    buffer: Buffer,
    any: Option<Duration>,
    panes: BTreeMap<PaneId, Duration>,
    /// Something changed by hand: everything must be drawn now.
    hand: bool,
    /// Numbers changed.
    numbers: bool,
    /// When numbers changed last: a pane drawn before is out of date.
    news: Option<Duration>,
    /// Times as long between two pictures that nobody asked for.
    slower: f64,
}

impl Default for Frames {
    fn default() -> Self {
        Self {
            buffer: Buffer::empty(Rect::ZERO),
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
    /// Somebody touched a key, or the like: the next picture is due at once and whole.
    pub fn touch(&mut self) {
        self.hand = true;
    }

    /// Whether a touch waits for its picture.
    pub fn touched(&self) -> bool {
        self.hand
    }

    /// Numbers changed at this time.
    pub fn news(&mut self, now: Duration) {
        self.numbers = true;
        self.news = Some(now);
    }

    /// So many pictures a second at most that nobody asked for by a key; panes that are read more slowly keep in step.
    pub fn rate(&mut self, fps: f64) {
        self.slower = 1.0 / (COUNTERS.as_secs_f64() * fps.clamp(0.1, 100.0));
    }

    /// Whether anything on the screen is older than what is known.
    pub fn behind(&self) -> bool {
        self.numbers || self.stale().next().is_some()
    }

    /// The panes that were drawn before the last news.
    fn stale(&self) -> impl Iterator<Item = (PaneId, Duration)> {
        let news = self.news;
        let old = move |at: Duration| news.is_some_and(|news| at < news);
        self.panes.iter().map(|(id, at)| (*id, *at)).filter(move |&(_, at)| old(at))
    }

    /// Whether it is time for a picture. `busy`: the last one has not even been sent.
    pub fn due(&self, now: Duration, busy: bool) -> bool {
        let since = self.any.map_or(Duration::MAX, |t| now.saturating_sub(t));
        if self.hand {
            return since >= KEYS;
        }
        let old = |(id, at): (PaneId, Duration)| now.saturating_sub(at) >= id.lasts().mul_f64(self.slower);
        let wanted = since >= COUNTERS.mul_f64(self.slower) && (self.numbers || self.stale().any(old));
        wanted && (!busy || since >= STUCK)
    }

    /// The picture as it was drawn last.
    pub fn picture(&self) -> &Buffer {
        &self.buffer
    }

    /// Draws what is due; the picture.
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
        // A window lies over the panes: what it covered must be drawn again.
        let all = self.hand || app.overlay.is_some();
        let fresh = |id: PaneId| {
            let lasts = id.lasts().mul_f64(self.slower);
            all || self.panes.get(&id).is_none_or(|&at| now.saturating_sub(at) >= lasts)
        };
        let painted: Vec<_> = PaneId::ALL.iter().copied().filter(|&id| fresh(id)).collect();
        screen::draw(app, |id| painted.contains(&id), &mut self.buffer);
        self.panes.extend(painted.into_iter().map(|id| (id, now)));
        self.any = Some(now);
        self.hand = false;
        self.numbers = false;
        &self.buffer
    }
}
