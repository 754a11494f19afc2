//! Random input to the lab: keys, mouse, pastes and sizes over all presets, with a real run behind it. Nothing may
//! panic, every message must be answered within a second, and quitting must not take longer. Replaced runs must be
//! freed: the same preset takes as much memory afterwards as before. `GRADTUI_EVENTS=1000000 cargo test --release
//! --test fuzz` plays more events than an ordinary test run, and allows at most a second for quitting.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use gradtui::engine::data::NoFiles;
use gradtui::engine::rng::{Purpose, Stream};
use gradtui::lab::experiment::Experiment;
use gradtui::lab::preset;
use gradtui::lab::run::Run;
use gradtui::lab::runner::Runner;
use gradtui::telemetry::{Command, Event, Phase};
use gradtui::ui::app::{App, GalleryPreset};
use gradtui::ui::frames::Frames;
use gradtui::ui::message::{Effect, Message};
use gradtui::ui::theme::{Depth, Glyphs, Scheme, Theme};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Number of events by default.
const FEW: u64 = 4000;
/// The longest time to handle a message.
const ANSWER: Duration = Duration::from_secs(1);
/// A file that does not exist.
const NOWHERE: &str = "/no/such/picture.png";
/// Allowed growth of the memory, in bytes.
const GROWTH: u64 = 16 << 20;

/// Processor time of this thread, so that other programs on a busy machine do not count.
fn worked() -> Duration {
    let at = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(at.tv_sec.unsigned_abs(), u32::try_from(at.tv_nsec).unwrap_or(0))
}

/// Bytes of memory in use.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"));
    line.and_then(|l| l.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) << 10
}

/// A random input event.
fn event(draws: &mut Stream, width: u16, height: u16) -> Message {
    let any = |draws: &mut Stream, n: u32| draws.below(n);
    match any(draws, 100) {
        0..80 => {
            let code = match any(draws, 24) {
                0 => KeyCode::Enter,
                1 => KeyCode::Esc,
                2 => KeyCode::Tab,
                3 => KeyCode::BackTab,
                4 => KeyCode::Left,
                5 => KeyCode::Right,
                6 => KeyCode::Up,
                7 => KeyCode::Down,
                8 => KeyCode::Backspace,
                9 => KeyCode::Delete,
                10 => KeyCode::PageDown,
                _ => KeyCode::Char(char::from(b' ' + any(draws, 95) as u8)),
            };
            let control = any(draws, 20) == 0;
            let with = if control { KeyModifiers::CONTROL } else { KeyModifiers::NONE };
            Message::Key(KeyEvent::new(code, with))
        }
        80..94 => {
            let kind = match any(draws, 5) {
                0 => MouseEventKind::Down(MouseButton::Left),
                1 => MouseEventKind::Up(MouseButton::Left),
                2 => MouseEventKind::Drag(MouseButton::Left),
                3 => MouseEventKind::ScrollDown,
                _ => MouseEventKind::ScrollUp,
            };
            let (column, row) = (any(draws, u32::from(width)) as u16, any(draws, u32::from(height)) as u16);
            Message::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE })
        }
        94..97 => {
            Message::Paste("0.01 Adam(lr: 1e-3)\u{1b}[31m".chars().take(any(draws, 24) as usize).collect())
        }
        97 => Message::Repaint,
        _ => Message::Resize((any(draws, 200) as u16 + 1, any(draws, 60) as u16 + 1).into()),
    }
}

/// The lab with its run.
struct Lab {
    app: App,
    frames: Frames,
    runner: Runner,
    start: Instant,
    size: (u16, u16),
}

impl Lab {
    fn new() -> Self {
        let scenario = preset::ALL[0].scenario();
        let experiment = Experiment::new(scenario.clone(), &NoFiles).expect("a preset");
        let runner = Runner::start(Run::new(experiment, None, Arc::new(NoFiles)), Some(2), None, false);
        let runner = runner.expect("threads");
        let read = |p: &preset::Preset| GalleryPreset { name: p.name.into(), scenario: p.scenario() };
        let presets = Box::new(move || preset::ALL.iter().map(read).collect());
        let theme = Theme::new(Scheme::Dark, Depth::True, Glyphs::Unicode);
        let app = App::new(scenario, presets, theme, (120, 40).into(), true);
        runner.send(Command::Run);
        Self { app, frames: Frames::default(), runner, start: Instant::now(), size: (120, 40) }
    }

    fn dispatch(&mut self, message: Message) {
        if let Message::Resize(size) = &message {
            self.size = (size.width, size.height);
        }
        let begun = worked();
        let shown = format!("{message:?}");
        for effect in self.app.update(message) {
            // Quitting and suspending have no effect here, no picture is read and no scenario written.
            match effect {
                Effect::Command(Command::Picture(_) | Command::Write(_)) => {}
                Effect::Command(command) => self.runner.send(command),
                _ => {}
            }
        }
        let took = worked().saturating_sub(begun);
        assert!(took < ANSWER, "{shown} took {took:?}");
    }

    /// Handles the events so far, and draws.
    fn look(&mut self) -> Vec<Event> {
        let events = self.runner.drain();
        for event in &events {
            self.dispatch(Message::Event(event.clone()));
        }
        let now = self.start.elapsed();
        self.dispatch(Message::Tick(now));
        self.frames.touch();
        let begun = worked();
        self.frames.draw(&self.app, now);
        let took = worked().saturating_sub(begun);
        assert!(took < ANSWER, "a picture took {took:?}");
        events
    }

    /// Waits until all orders so far are carried out: a user is slower than this loop.
    fn settle(&mut self) {
        self.runner.send(Command::Picture(NOWHERE.into()));
        let deadline = Instant::now() + Duration::from_secs(120);
        let answer = |e: &Event| matches!(e, Event::Notice(words) if words.contains(NOWHERE));
        while !self.look().iter().any(answer) {
            assert!(Instant::now() < deadline, "an order is never carried out");
            self.runner.wait(Duration::from_millis(20));
        }
    }

    /// The memory that the lab keeps. A preview of a former run may still be in progress, so the measurement is
    /// repeated until it is small enough, or for some time.
    fn memory(&mut self, enough: u64) -> u64 {
        self.settle();
        let deadline = Instant::now() + Duration::from_secs(if enough > 0 { 20 } else { 2 });
        let mut least = u64::MAX;
        while least > enough && Instant::now() < deadline {
            self.runner.wait(Duration::from_millis(50));
            self.look();
            least = least.min(memory());
        }
        least
    }

    /// Loads a preset and waits until its first lane trains.
    fn load(&mut self, preset: &preset::Preset) {
        self.runner.send(Command::Load(Box::new(preset.scenario())));
        self.runner.send(Command::Run);
        let mut loaded = false;
        let deadline = Instant::now() + Duration::from_secs(120);
        loop {
            assert!(Instant::now() < deadline, "{} never trains", preset.name);
            self.runner.wait(Duration::from_millis(50));
            for event in self.look() {
                loaded |= matches!(event, Event::Started { .. });
                let trains =
                    matches!(event, Event::Measured { .. } | Event::Phase { phase: Phase::Running, .. });
                if loaded && trains {
                    return;
                }
            }
        }
    }
}

/// Quits the lab, which must not take longer than this.
fn leave(lab: Lab, at_most: Duration) {
    let begun = Instant::now();
    lab.runner.finish(&mut |_, _| {});
    assert!(begun.elapsed() < at_most, "leaving took {:?}", begun.elapsed());
}

#[test]
fn random_input_breaks_nothing_and_is_answered() {
    gradtui::arena::share();
    let asked = std::env::var("GRADTUI_EVENTS").ok().and_then(|n| n.parse().ok());
    let count: u64 = asked.unwrap_or(FEW);
    // One second, if the machine has nothing else to do.
    let leaving = Duration::from_secs(if asked.is_some() { 1 } else { 4 });
    let each = count.div_ceil(preset::ALL.len() as u64);
    let mut lab = Lab::new();
    // Opens every preset once, so that one-time allocations have been made.
    for preset in preset::ALL {
        lab.load(preset);
    }
    lab.load(&preset::ALL[0]);
    let first = lab.memory(0);
    for (round, preset) in (0..).zip(preset::ALL) {
        lab.load(preset);
        let mut draws = Stream::new(11, Purpose::Noise, round, 0);
        for n in 1..=each {
            let (width, height) = lab.size;
            lab.dispatch(event(&mut draws, width, height));
            if n % 16 == 0 {
                lab.look();
            }
            if n % 64 == 0 {
                lab.settle();
            }
            // At a random moment, whatever is in progress.
            if n == each || draws.below(1000) == 0 {
                leave(lab, leaving);
                lab = Lab::new();
                lab.load(preset);
            }
        }
    }
    lab.dispatch(Message::Resize((120, 40).into()));
    lab.load(&preset::ALL[0]);
    let last = lab.memory(first + GROWTH);
    assert!(last <= first + GROWTH, "{} MiB at first, {} MiB after {count} events", first >> 20, last >> 20);
    leave(lab, leaving);
}
