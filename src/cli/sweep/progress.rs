//! Progress of a sweep on standard error: a bar on a terminal, otherwise a line from time to time.

use crate::cli::print_err;
use crate::lab::sweep::Slice;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

/// Time between two lines without a terminal.
const LINE: Duration = Duration::from_secs(5);
/// Time between two frames of the bar.
const PICTURE: Duration = Duration::from_millis(100);

/// Progress of the trainings of this process.
pub struct SweepProgress {
    slice: Slice,
    bar: Option<ProgressBar>,
    begun: Instant,
    last: Instant,
    done: usize,
    left: usize,
}

impl SweepProgress {
    /// Nothing is shown if the bar would break up the lines on standard output.
    pub fn new(slice: Slice, json: bool) -> Self {
        let terminal =
            std::io::stderr().is_terminal() && std::env::var_os("TERM").is_some_and(|t| t != "dumb");
        let bar = (terminal && !(json && std::io::stdout().is_terminal())).then(|| {
            let bar = ProgressBar::new(0);
            if let Ok(style) = ProgressStyle::with_template("{prefix} {bar:30} {pos:>6}/{len} {msg}") {
                bar.set_style(style);
            }
            bar
        });
        let now = Instant::now();
        Self { slice, bar, begun: now, last: now, done: 0, left: 0 }
    }

    /// Starts, with this many trainings to be done.
    pub fn begin(&mut self, left: usize) {
        self.left = left;
        if let Some(bar) = &self.bar {
            let part = if self.slice.count > 1 {
                format!("part {} of {}", self.slice.index + 1, self.slice.count)
            } else {
                "sweep".into()
            };
            bar.set_prefix(part);
        }
        self.show();
    }

    /// Notes that one training is done.
    pub fn done(&mut self, left: usize) {
        self.done += 1;
        self.left = left;
        self.idle();
    }

    /// Updates the time.
    pub fn idle(&mut self) {
        let pause = if self.bar.is_some() { PICTURE } else { LINE };
        if self.last.elapsed() >= pause {
            self.show();
        }
    }

    fn show(&mut self) {
        self.last = Instant::now();
        let seconds = self.begun.elapsed().as_secs_f64();
        let words = if self.done == 0 {
            String::new()
        } else {
            let left = seconds / self.done as f64 * self.left as f64;
            format!("{:.0} a second, {} left", self.done as f64 / seconds.max(1e-3), time(left))
        };
        let all = self.done + self.left;
        match &self.bar {
            Some(bar) => {
                bar.set_length(all as u64);
                bar.set_position(self.done as u64);
                bar.set_message(words);
            }
            None if self.done > 0 => print_err(&format!("{} of {all} trainings, {words}\n", self.done)),
            None => {}
        }
    }

    /// Ends the display.
    pub fn end(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

/// A duration in words: `40 s`, `3 min`, `2.5 h`.
pub fn time(seconds: f64) -> String {
    match seconds {
        s if s < 1.0 => "under 1 s".into(),
        s if s < 100.0 => format!("{s:.0} s"),
        s if s < 6000.0 => format!("{:.0} min", s / 60.0),
        s if s < 172_800.0 => format!("{:.1} h", s / 3600.0),
        s => format!("{:.1} days", s / 86_400.0),
    }
}
