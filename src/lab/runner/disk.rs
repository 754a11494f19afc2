//! The writer thread: lines and checkpoints are queued for it, so that a slow disk does not delay training.

use super::{Shared, lock};
use crate::lab::lane::Line;
use crate::lab::run::{Forgotten, Run, Saved};
use crate::lab::run_dir::{RunDir, checkpoint::Gone};
use crate::lab::store::Meter;
use crate::scenario::Scenario;
use crate::telemetry::Event;
use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Least time between two checkpoints.
const BETWEEN: Duration = Duration::from_secs(1);
/// Interval at which lines are written.
const LINES: Duration = Duration::from_millis(200);
/// Time until the next attempt after a failed write.
const RETRY: Duration = Duration::from_secs(2);

/// The queue of the writer thread.
#[derive(Debug)]
pub(super) struct Desk {
    state: Mutex<State>,
    filled: Condvar,
    meter: Arc<Meter>,
}

#[derive(Debug, Default)]
struct State {
    /// Lines since the newest waiting checkpoint.
    lines: Vec<Line>,
    told: u64,
    forgotten: Vec<Forgotten>,
    save: Option<Save>,
    /// A checkpoint that will not be written, because a newer one replaces it; its lines are still needed.
    older: Option<Save>,
    end: bool,
    error: Option<String>,
    /// Duration of the last checkpoint.
    took: Duration,
}

/// A waiting checkpoint, with the lines that precede it.
#[derive(Debug)]
struct Save {
    scenario: Scenario,
    saved: Vec<Saved>,
    samples: Option<u32>,
    lines: Vec<Line>,
    told: u64,
    forgotten: Vec<Forgotten>,
}

impl Save {
    /// Takes over the lines of an older waiting checkpoint.
    fn after(mut self, older: Option<Save>) -> Self {
        if let Some(mut older) = older {
            for gone in &mut self.forgotten {
                gone.take(&mut older.lines);
            }
            older.lines.append(&mut self.lines);
            older.forgotten.append(&mut self.forgotten);
            (self.lines, self.forgotten) = (older.lines, older.forgotten);
        }
        self
    }
}

impl Desk {
    /// An empty queue; `meter` measures the progress of writing a checkpoint.
    pub(super) fn new(meter: Arc<Meter>) -> Self {
        Self { state: Mutex::default(), filled: Condvar::new(), meter }
    }

    /// Bytes written of a checkpoint, and its total.
    pub(super) fn progress(&self) -> Option<(u64, u64)> {
        self.meter.read()
    }

    /// Frees the state of the waiting checkpoint, which a newer one is about to replace.
    pub(super) fn forget(&self) {
        let mut state = lock(&self.state);
        if let Some(mut waiting) = state.save.take() {
            waiting.saved = Vec::new();
            let older = state.older.take();
            state.older = Some(waiting.after(older));
        }
    }

    /// Queues the run's lines and checkpoint.
    pub(super) fn hand(&self, run: &mut Run, lines: Vec<Line>) {
        let mut state = lock(&self.state);
        let mut forgotten = run.take_forgotten();
        for gone in &mut forgotten {
            gone.take(&mut state.lines);
        }
        state.forgotten.extend(forgotten);
        state.lines.extend(lines);
        state.told = run.told();
    }

    /// Queues a checkpoint; it replaces a waiting one.
    pub(super) fn save(&self, scenario: Scenario, saved: Vec<Saved>, samples: Option<u32>) {
        let mut state = lock(&self.state);
        let (lines, forgotten) = (std::mem::take(&mut state.lines), std::mem::take(&mut state.forgotten));
        let save = Save { scenario, saved, samples, lines, told: state.told, forgotten };
        let (waiting, older) = (state.save.take(), state.older.take());
        state.save = Some(save.after(waiting).after(older));
        drop(state);
        self.filled.notify_all();
    }

    /// Closes the queue.
    pub(super) fn end(&self) {
        lock(&self.state).end = true;
        self.filled.notify_all();
    }

    /// The reason why writing fails at present, if it does.
    pub(super) fn error(&self) -> Option<String> {
        lock(&self.state).error.clone()
    }

    /// Time until the next checkpoint: writing takes at most a twentieth of the time.
    pub(super) fn pause(&self) -> Duration {
        BETWEEN.max(lock(&self.state).took * 20)
    }
}

impl Shared {
    /// The loop of the writer thread.
    pub(super) fn keep(&self, mut dir: RunDir) {
        let Some(desk) = &self.desk else { return };
        let (mut pending, mut later, mut wait) = (None, Vec::new(), LINES);
        loop {
            let state = lock(&desk.state);
            let idle = |s: &mut State| s.save.is_none() && !s.end;
            let waited = desk.filled.wait_timeout_while(state, wait, idle);
            let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
            if let Some(mut save) = state.save.take() {
                // Lines that followed a checkpoint that could not be written belong before the next one.
                later.append(&mut save.lines);
                save.lines = std::mem::take(&mut later);
                pending = Some(save.after(pending));
            }
            let (told, end) = (state.told, state.end);
            later.append(&mut state.lines);
            drop(state);

            let begun = Instant::now();
            let saving = pending.is_some();
            let mut result = write(&mut dir, &mut pending, &mut later, told);
            if result.is_err() {
                // One more attempt: some disk faults are transient.
                result = write(&mut dir, &mut pending, &mut later, told);
            }
            match result {
                Ok(()) => {
                    wait = LINES;
                    if saving {
                        lock(&desk.state).took = begun.elapsed();
                    }
                    if lock(&desk.state).error.take().is_some() {
                        self.tell(Event::Unsaved(false));
                        self.tell(Event::Notice("The disk takes data again; everything is written.".into()));
                    }
                }
                Err(e) => {
                    wait = RETRY;
                    self.complain(desk, &dir, &e);
                }
            }
            if end {
                return;
            }
        }
    }

    /// Reports once that nothing can be written.
    fn complain(&self, desk: &Desk, dir: &RunDir, error: &io::Error) {
        let what = crate::lab::run_dir::plain(error);
        let what = format!("{}: {what}", crate::text::escaped(&dir.path().display().to_string()));
        if lock(&desk.state).error.replace(what.clone()).is_none() {
            self.tell(Event::Unsaved(true));
            self.tell(Event::Notice(format!("Nothing can be saved: {what}.")));
        }
    }
}

/// Writes the queue: the checkpoint with the lines before it, then the lines after it. Removes the written parts.
fn write(dir: &mut RunDir, pending: &mut Option<Save>, later: &mut Vec<Line>, told: u64) -> io::Result<()> {
    if let Some(save) = pending {
        for gone in &mut save.forgotten {
            if let (Some(to), Some(lane)) = (&gone.to, gone.lane) {
                dir.relabel_waiting(lane, &gone.name, to);
                continue;
            }
            let aside = std::mem::take(&mut gone.lines).into_iter().map(|line| line.text);
            let waited = dir.drop_waiting(|lane, step| gone.lane == Some(lane) && step > gone.after);
            if gone.after > 0 {
                dir.put_aside(&gone.name, gone.after, waited.into_iter().chain(aside));
            }
        }
        dir.append(std::mem::take(&mut save.lines));
        dir.flush(save.told)?;
        let gone = |f: &Forgotten| Gone {
            lane: f.name.clone(),
            after: f.after,
            to: f.to.clone().unwrap_or_default(),
        };
        let forgotten: Vec<Gone> = save.forgotten.iter().map(gone).collect();
        dir.checkpoint(&save.scenario, &save.saved, save.samples, &forgotten)?;
        *pending = None;
    }
    dir.append(std::mem::take(later));
    dir.flush(told)
}
