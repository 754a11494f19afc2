//! The threads: workers that train, one that carries out orders, and one each for previews and the disk.
//!
//! A worker takes the least advanced lane, trains it for some milliseconds and gives it back. Commands wait for one
//! turn at most; events never wait. Numbers do not depend on which thread trains which lane.

use crate::faults::ordered;
use crate::lab::lane::{Pace, TrainingLane, TurnResult};
use crate::lab::outbox::Outbox;
use crate::lab::run::{Run, SavedLane, Turn};
use crate::lab::run_dir::RunDir;
use crate::telemetry::{Command, Event, LaneId};
use crew::{Crew, Seat};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, Once, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Seconds of a turn.
const TURN: f64 = 0.006;
/// Seconds between two measurements of a lane.
const SHOW: f64 = 0.04;
/// The longest sleep of a worker while a pace is set.
const BEAT: Duration = Duration::from_millis(10);
/// How long an order to quit waits for orders given before it.
const PATIENCE: Duration = Duration::from_millis(300);
/// Time after the end of a lane by which all threads have released its memory.
const LET_GO: Duration = Duration::from_secs(3);
/// Seconds between two readings of the clock.
const LOOK: f64 = 0.0003;

/// A run with its own threads.
#[derive(Debug)]
pub struct Runner {
    shared: Arc<RunnerState>,
    orders: Sender<Command>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct RunnerState {
    run: Mutex<Run>,
    /// Signals that there may be a lane to train.
    work: Condvar,
    /// Signals that a lane came back, or an order was carried out.
    changed: Condvar,
    outbox: Mutex<Outbox>,
    /// Signals that there are events.
    news: Condvar,
    /// Signals that there may be something to preview.
    look: Condvar,
    /// Time of the last update of the pace.
    paced: Mutex<Instant>,
    /// Time of the last measurement of each lane.
    shown: Mutex<BTreeMap<LaneId, Instant>>,
    /// Number of requests so far to show another step.
    looks: AtomicU64,
    /// Whether a command waits, so that turns end early.
    hurry: AtomicBool,
    ended: AtomicBool,
    /// Times at which freed memory is returned to the system.
    trims: Mutex<Vec<Instant>>,
    /// Time at which the run was ordered to end, before that order is carried out.
    leaving: Mutex<Option<Instant>>,
    /// The threads with which lanes share their work; none if there is only one worker.
    crew: Option<Arc<Crew>>,
    desk: Option<disk::WriterQueue>,
    tap: Option<Mutex<LogTap>>,
}

/// Lines of the log for the caller instead of the disk.
#[derive(Debug, Default)]
struct LogTap {
    waiting: BTreeMap<(u64, LaneId), Vec<String>>,
    complete: u64,
}

impl Runner {
    /// Starts the threads; the run stays paused until ordered otherwise. `threads` is the number of workers; the
    /// default is one per core, but at most the number of lanes allowed. Results are written to `dir`, if given; with
    /// `lines`, [`Runner::take_lines`] also returns the lines of the log.
    ///
    /// # Errors
    /// If the system cannot start a thread.
    pub fn start(
        mut run: Run,
        threads: Option<usize>,
        dir: Option<RunDir>,
        lines: bool,
    ) -> std::io::Result<Self> {
        keep_workers_quiet();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let workers = threads.unwrap_or(cores).clamp(1, crate::limits::LANES);
        run.log(dir.is_some() || lines);
        let crew = if workers > 1 { Some(Arc::new(Crew::new(workers, || QUIET.set(true))?)) } else { None };
        let shared = Arc::new(RunnerState {
            crew,
            run: Mutex::new(run),
            work: Condvar::new(),
            changed: Condvar::new(),
            outbox: Mutex::new(Outbox::default()),
            news: Condvar::new(),
            look: Condvar::new(),
            paced: Mutex::new(Instant::now()),
            shown: Mutex::default(),
            looks: AtomicU64::new(0),
            hurry: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            trims: Mutex::default(),
            leaving: Mutex::default(),
            desk: dir.as_ref().map(|dir| disk::WriterQueue::new(dir.meter())),
            tap: lines.then(Mutex::default),
        });
        shared.publish(&mut shared.lock());
        let (orders, received) = channel();
        let mut runner = Self { shared, orders, threads: Vec::new() };
        for i in 0..workers {
            runner.spawn(&format!("worker {i}"), RunnerState::train)?;
        }
        if let Some(dir) = dir {
            runner.spawn("disk", move |shared| shared.keep(dir))?;
        }
        // The end of this thread is not awaited: a preview may take long, and its result is not kept.
        runner.spawn("previews", RunnerState::preview)?;
        runner.threads.pop();
        runner.spawn("past", RunnerState::look_back)?;
        runner.threads.pop();
        runner.spawn("clinic", RunnerState::examine)?;
        runner.threads.pop();
        runner.spawn("orders", move |shared| shared.obey(&received))?;
        Ok(runner)
    }

    fn spawn(&mut self, name: &str, body: impl FnOnce(&RunnerState) + Send + 'static) -> std::io::Result<()> {
        let shared = Arc::clone(&self.shared);
        let thread = std::thread::Builder::new().name(name.into()).spawn(move || body(&shared))?;
        self.threads.push(thread);
        Ok(())
    }

    /// Sends a command; returns at once.
    pub fn send(&self, command: Command) {
        if command == Command::Quit {
            lock(&self.shared.leaving).get_or_insert_with(Instant::now);
        }
        match command {
            // Turns go on, and the thread that looks back changes to the new step at once.
            Command::Look(_) => {
                self.shared.looks.fetch_add(1, Ordering::Relaxed);
            }
            _ => self.shared.hurry.store(true, Ordering::Relaxed),
        }
        // After `Quit` the receiver no longer exists, and commands have no effect.
        let _ = self.orders.send(command);
    }

    /// Events since the last call.
    pub fn drain(&self) -> Vec<Event> {
        let (now, mut trims) = (Instant::now(), lock(&self.shared.trims));
        let planned = trims.len();
        trims.retain(|&at| at > now);
        if trims.len() < planned {
            crate::arena::trim();
        }
        let events = lock(&self.shared.outbox).drain();
        let ends = |e: &Event| matches!(e, Event::Removed { .. } | Event::Started { .. });
        if events.iter().any(ends) {
            // By the next call the reader has released the memory of ended lanes, and later the threads that look at
            // lanes have done so too.
            *trims = vec![now, now + LET_GO];
        }
        events
    }

    /// Waits for events, at most this long; returns whether there are any.
    pub fn wait(&self, at_most: Duration) -> bool {
        let outbox = lock(&self.shared.outbox);
        let waited = self.shared.news.wait_timeout_while(outbox, at_most, |o| o.is_empty());
        let (outbox, _) = waited.unwrap_or_else(PoisonError::into_inner);
        !outbox.is_empty()
    }

    /// Lines of the log since the last call, in the order of steps and lanes.
    pub fn take_lines(&self) -> Vec<String> {
        let Some(tap) = &self.shared.tap else { return Vec::new() };
        let mut tap = lock(tap);
        let later = tap.complete.checked_add(1).map(|next| tap.waiting.split_off(&(next, 0)));
        std::mem::replace(&mut tap.waiting, later.unwrap_or_default()).into_values().flatten().collect()
    }

    /// The states captured since the last call: see [`Run::capture`].
    pub fn captured(&self) -> Vec<SavedLane> {
        self.shared.lock().take_captured()
    }

    /// The most bytes that the run takes with its present lanes: see [`Run::declared`].
    pub fn declared(&self) -> u64 {
        self.shared.lock().declared()
    }

    /// The reason why writing fails at present, if it does.
    pub fn disk_error(&self) -> Option<String> {
        self.shared.desk.as_ref().and_then(disk::WriterQueue::error)
    }

    /// Saves, ends all threads and waits for them; returns the last events, the last lines of the log, and the reason
    /// if the disk did not accept everything. In the meantime `waits` receives the bytes written of the last
    /// checkpoint, and their total.
    pub fn finish(mut self, waits: &mut dyn FnMut(u64, u64)) -> (Vec<Event>, Vec<String>, Option<String>) {
        self.send(Command::Quit);
        while self.threads.iter().any(|thread| !thread.is_finished()) {
            std::thread::sleep(Duration::from_millis(5));
            if let Some((done, all)) = self.shared.desk.as_ref().and_then(disk::WriterQueue::progress) {
                waits(done, all);
            }
        }
        self.end();
        (self.drain(), self.take_lines(), self.disk_error())
    }

    fn end(&mut self) {
        self.send(Command::Quit);
        for thread in self.threads.drain(..) {
            // A thread that panicked was reported already.
            let _ = thread.join();
        }
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        if !self.threads.is_empty() {
            self.end();
        }
    }
}

impl RunnerState {
    fn lock(&self) -> MutexGuard<'_, Run> {
        lock(&self.run)
    }

    /// Passes on the events of the run.
    fn publish(&self, run: &mut Run) {
        let events = run.take_events();
        if !events.is_empty() {
            let mut outbox = lock(&self.outbox);
            for event in events {
                outbox.push(event);
            }
            self.news.notify_all();
        }
        self.pass_lines(run);
        self.changed.notify_all();
    }

    /// Adds an event of the runner itself.
    fn emit(&self, event: Event) {
        lock(&self.outbox).push(event);
        self.news.notify_all();
    }

    /// Passes on the lines of the log.
    fn pass_lines(&self, run: &mut Run) {
        let lines = run.take_lines();
        if let Some(tap) = &self.tap {
            let mut tap = lock(tap);
            for line in &lines {
                tap.waiting.entry((line.step, line.lane)).or_default().push(line.text.clone());
            }
            tap.complete = run.complete_step();
        }
        if let Some(desk) = &self.desk {
            desk.queue(run, lines);
        }
    }

    /// Whether the order to quit has waited long enough for the orders before it.
    fn late(&self) -> bool {
        lock(&self.leaving).is_some_and(|at| at.elapsed() > PATIENCE)
    }

    fn ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// The loop of a worker.
    fn train(&self) {
        let mut run = self.lock();
        while !self.ended() {
            let passed = std::mem::replace(&mut *lock(&self.paced), Instant::now()).elapsed();
            let paced = run.pace(passed.as_secs_f64());
            let Some(turn) = run.take() else {
                run = if paced {
                    let waited = self.work.wait_timeout(run, BEAT);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                } else {
                    self.work.wait(run).unwrap_or_else(PoisonError::into_inner)
                };
                continue;
            };
            // There may be another lane to train.
            self.work.notify_one();
            drop(run);
            let id = turn.lane.id;
            let played = self.play(turn);
            run = self.lock();
            match played {
                Ok((lane, news)) => run.give_back(lane, news),
                Err(message) => run.failed(id, &message),
            }
            self.publish(&mut run);
            self.work.notify_all();
        }
    }

    /// Plays one turn; a panic in it ends the lane, not the program.
    fn play(&self, turn: Turn) -> Result<(Box<TrainingLane>, TurnResult), String> {
        let Turn { mut lane, plan } = turn;
        let id = lane.id;
        let shown = lock(&self.shown).get(&lane.id).copied();
        let mut clock = RunnerClock::new(&lane, &self.hurry, shown);
        QUIET.set(true);
        let played = catch_unwind(AssertUnwindSafe(|| {
            let step = lane.trainer.steps();
            assert!(step == 0 || !ordered(&format!("panic-worker:{id}")), "on order at step {step}");
            lane.work_with(|leave| Arc::new(Seat::new(self.crew.clone(), leave)));
            let news = match &self.crew {
                None => lane.play(&plan, &mut clock),
                Some(crew) => crew.run(|| lane.play(&plan, &mut clock)),
            };
            (lane, news)
        }));
        QUIET.set(false);
        if let Some(shown) = clock.shown {
            lock(&self.shown).insert(id, shown);
        }
        played.map_err(|payload| {
            let text = payload.downcast_ref::<&str>().map(ToString::to_string);
            text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "unknown".into())
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Only a bug in this file could panic while holding the lock; between two calls the data are consistent.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The pace of a turn by a real clock, read rarely enough to cost almost nothing.
struct RunnerClock<'a> {
    start: Instant,
    hurry: &'a AtomicBool,
    every: u32,
    left: u32,
    now: f64,
    due: f64,
    /// The time of the lane's last measurement; it includes pauses between turns, because a lane with a slow pace
    /// trains little.
    shown: Option<Instant>,
}

impl<'a> RunnerClock<'a> {
    fn new(lane: &TrainingLane, hurry: &'a AtomicBool, shown: Option<Instant>) -> Self {
        let every = if lane.cost > 0.0 { (LOOK / lane.cost).clamp(1.0, 1000.0) as u32 } else { 1 };
        let due = shown.map_or(0.0, |at| SHOW - at.elapsed().as_secs_f64()).max(0.0);
        Self { start: Instant::now(), hurry, every, left: every, now: 0.0, due, shown }
    }
}

impl Pace for RunnerClock<'_> {
    fn step(&mut self) {
        self.left -= 1;
        if self.left == 0 {
            self.left = self.every;
            self.now = self.start.elapsed().as_secs_f64();
        }
    }
    fn due(&mut self) -> bool {
        self.now >= self.due
    }
    fn soon(&self) -> bool {
        // The clock is read after the next step.
        self.left == 1
    }
    fn shown(&mut self) {
        self.due = self.now + SHOW;
        self.shown = Some(Instant::now());
    }
    fn over(&self) -> bool {
        self.now >= TURN || self.hurry.load(Ordering::Relaxed)
    }
    fn seconds(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }
}

thread_local! {
    /// Whether a panic of this thread is caught and reported by its caller.
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Silences the panic hook for panics that become a lane's [`Phase::Failed`](crate::telemetry::Phase::Failed).
fn keep_workers_quiet() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                before(info);
            }
        }));
    });
}

mod clinic;
pub mod crew;
mod disk;
pub mod halves;
mod look;
mod orders;
mod past;

#[cfg(test)]
mod tests;
