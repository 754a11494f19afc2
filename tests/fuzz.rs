//! Random input to the lab: keys, mouse, pastes and sizes over all presets, with a real run behind it. Nothing may
//! panic, every message must be answered within a second, and quitting must not take longer. A run must not take more
//! memory than it declares, and must be freed when it is replaced: the same preset takes as much memory afterwards as
//! before. `GRADTUI_EVENTS=1000000 cargo test --release --test fuzz` plays more events than an ordinary test run, and
//! allows at most a second for quitting.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use gradtui::engine::data::NoFiles;
use gradtui::engine::rng::{Purpose, Stream};
use gradtui::lab::experiment::{Data, Experiment};
use gradtui::lab::preset;
use gradtui::lab::preview::PROBES;
use gradtui::lab::run::Run;
use gradtui::lab::runner::Runner;
use gradtui::limits;
use gradtui::scenario::Carry;
use gradtui::telemetry::{Command, Event, Phase, ProbeRequest};
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
/// Bytes for looking back. The usual budget would take a while to be filled, and hide what is not counted.
const LOOK_BACK: usize = 4 << 20;
/// Time after which a replaced run's memory has been released.
const LET_GO: Duration = Duration::from_secs(4);

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
        let mut run = Run::new(experiment, None, Arc::new(NoFiles));
        run.remember(LOOK_BACK);
        let runner = Runner::start(run, Some(2), None, false).expect("threads");
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

    /// The memory that the lab keeps once replaced runs are released. A preview of a former run may still be in progress,
    /// so the measurement is repeated until it is small enough, or for some time.
    fn memory(&mut self, enough: u64) -> u64 {
        self.settle();
        let begun = Instant::now();
        let mut least = u64::MAX;
        while least > enough && begun.elapsed() < 4 * LET_GO || begun.elapsed() < LET_GO {
            self.runner.wait(Duration::from_millis(50));
            self.look();
            let now = memory();
            least = if begun.elapsed() < LET_GO { now } else { least.min(now) };
            if enough == 0 && begun.elapsed() > LET_GO + LET_GO / 4 {
                break;
            }
        }
        least
    }

    /// Waits until the run takes at most what it declares beside `base`; returns by how much it exceeds that.
    fn excess(&mut self, base: u64) -> u64 {
        let deadline = Instant::now() + 2 * LET_GO;
        loop {
            let over = memory().saturating_sub(base + self.runner.declared());
            if over <= GROWTH || Instant::now() > deadline {
                return over;
            }
            self.runner.wait(Duration::from_millis(50));
            self.look();
        }
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
    let mut data = 0;
    for preset in preset::ALL {
        lab.load(preset);
        let Experiment { data: one, others, .. } =
            Experiment::new(preset.scenario(), &NoFiles).expect("a preset");
        let floats = |d: &Data| (d.train.inputs.len() + d.validation.inputs.len()) as u64;
        data = data.max(4 * (floats(&one) + others.iter().map(|d| floats(d)).sum::<u64>()));
    }
    lab.load(&preset::ALL[0]);
    let first = lab.memory(0);
    for (round, preset) in (0..).zip(preset::ALL) {
        lab.load(preset);
        let mut draws = Stream::new(11, Purpose::Noise, round, 0);
        let (mut most, mut over) = (0, 0);
        for n in 1..=each {
            let (width, height) = lab.size;
            lab.dispatch(event(&mut draws, width, height));
            if n % 16 == 0 {
                lab.look();
            }
            if n % 64 == 0 {
                lab.settle();
                most = most.max(memory());
                over = over.max(lab.excess(first + data));
            }
            // At a random moment, whatever is in progress.
            if n == each || draws.below(1000) == 0 {
                leave(lab, leaving);
                lab = Lab::new();
                lab.load(preset);
            }
        }
        lab.dispatch(Message::Resize((120, 40).into()));
        lab.load(&preset::ALL[0]);
        let last = lab.memory(first + GROWTH);
        let name = preset.name;
        println!("{name}: {} MiB before, at most {}, {} afterwards", first >> 20, most >> 20, last >> 20);
        assert!(over <= GROWTH, "{name}: {} MiB more than it declares", over >> 20);
        assert!(
            last <= first + GROWTH,
            "{name}: {} MiB at first, {} MiB afterwards",
            first >> 20,
            last >> 20
        );
    }
    leave(lab, leaving);
}

/// A user action that the test repeats: its name, and a function that takes the number of the round.
type Action<'a> = (&'static str, Box<dyn Fn(&mut Lab, u64) + 'a>);

/// An action that is made and undone many times leaves no memory allocated.
#[test]
fn the_same_actions_again_take_no_more_memory() {
    gradtui::arena::share();
    let rounds = if std::env::var_os("GRADTUI_EVENTS").is_some() { 100 } else { 12 };
    let mut lab = Lab::new();
    let find = |name: &str| preset::ALL.iter().find(|p| p.name == name).expect("a preset");
    let (pictures, other) = (find("is-it-a-sneaker"), find("recurrent-adding"));
    let recipe = {
        let scenario = pictures.scenario();
        Box::new(scenario.recipe(&scenario.lanes[0]))
    };
    let fork = |n: u64| Command::Fork {
        parent: 0,
        at: None,
        name: format!("fork {n}"),
        recipe: recipe.clone(),
        carry: Carry::All,
    };
    let newest = |lab: &Lab| lab.app.view.lanes.iter().map(|l| l.id).max().unwrap_or(0);
    let lanes = pictures.scenario().lanes.len();
    let probes = move || {
        let of = |name: &'static str| (0..lanes).map(move |lane| ProbeRequest::of(name, lane));
        PROBES.iter().flat_map(|probe| of(probe.name)).collect::<Vec<_>>()
    };
    let send = |lab: &mut Lab, command: Command| {
        lab.runner.send(command);
        lab.settle();
    };
    let actions: [Action<'_>; 6] = [
        (
            "a fork, undone",
            Box::new(|lab, n| {
                send(lab, fork(n));
                send(lab, Command::Undo);
            }),
        ),
        (
            "a fork, removed",
            Box::new(|lab, n| {
                send(lab, fork(n));
                let id = newest(lab);
                send(lab, Command::Remove(id));
            }),
        ),
        (
            "looking back",
            Box::new(|lab, _| {
                let step = lab.app.view.lanes.iter().map(|l| l.present().step).min().unwrap_or(0);
                send(lab, Command::Watch(probes()));
                send(lab, Command::Look(Some(step / 2)));
                send(lab, Command::Look(None));
            }),
        ),
        (
            "going back",
            Box::new(|lab, _| {
                let step = lab.app.view.lanes.iter().map(|l| l.present().step).min().unwrap_or(0);
                send(lab, Command::Rewind { lane: None, step: step / 2 });
            }),
        ),
        (
            "panes, opened and closed",
            Box::new(|lab, _| {
                send(lab, Command::Watch(probes()));
                send(lab, Command::Watch(Vec::new()));
            }),
        ),
        (
            "another preset and back",
            Box::new(|lab, _| {
                lab.load(other);
                lab.load(pictures);
            }),
        ),
    ];
    for (name, act) in &actions {
        lab.load(pictures);
        let some = |lab: &mut Lab, rounds: std::ops::Range<u64>| {
            rounds.for_each(|n| act(lab, n));
            lab.memory(0)
        };
        let first = some(&mut lab, 0..rounds / 4);
        let last = some(&mut lab, rounds / 4..rounds);
        println!("{name}: {} MiB, then {} MiB", first >> 20, last >> 20);
        // The states of removed lanes have a budget that is filled with time.
        let budget = if name.ends_with("removed") { limits::REMOVED as u64 } else { 0 };
        assert!(
            last <= first + budget + GROWTH,
            "{name}: {} MiB at first, {} MiB afterwards",
            first >> 20,
            last >> 20
        );
    }
    leave(lab, Duration::from_secs(4));
}
