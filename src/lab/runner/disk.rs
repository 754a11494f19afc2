//! The thread that writes: lines and checkpoints wait on a desk for it, so that no slow disk holds up training.

use super::{Shared, lock};
use crate::lab::lane::Line;
use crate::lab::run::{Run, Saved};
use crate::lab::run_dir::RunDir;
use crate::scenario::Scenario;
use crate::telemetry::{Event, LaneId};
use std::io;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Time between two checkpoints at least.
const BETWEEN: Duration = Duration::from_secs(1);
/// How often lines are written.
const LINES: Duration = Duration::from_millis(200);
/// How soon it is tried again when the disk takes nothing.
const RETRY: Duration = Duration::from_secs(2);

/// What waits to be written.
#[derive(Debug, Default)]
pub(super) struct Desk {
    state: Mutex<State>,
    filled: Condvar,
}

#[derive(Debug, Default)]
struct State {
    lines: Vec<Line>,
    told: u64,
    forgotten: Vec<(LaneId, String)>,
    save: Option<(Scenario, Vec<Saved>)>,
    end: bool,
    error: Option<String>,
    /// How long the last checkpoint took.
    took: Duration,
}

impl Desk {
    /// Takes what the run has for the disk.
    pub(super) fn hand(&self, run: &mut Run, lines: Vec<Line>) {
        let mut state = lock(&self.state);
        let forgotten = run.take_forgotten();
        state.lines.retain(|l| !forgotten.iter().any(|(id, _)| *id == l.lane));
        state.forgotten.extend(forgotten);
        state.lines.extend(lines);
        state.told = run.told();
    }

    /// Takes a checkpoint; one that still waits is replaced.
    pub(super) fn save(&self, scenario: Scenario, saved: Vec<Saved>) {
        lock(&self.state).save = Some((scenario, saved));
        self.filled.notify_all();
    }

    /// Nothing more will come.
    pub(super) fn end(&self) {
        lock(&self.state).end = true;
        self.filled.notify_all();
    }

    /// Why the disk takes nothing at present, if so.
    pub(super) fn error(&self) -> Option<String> {
        lock(&self.state).error.clone()
    }

    /// Time to the next checkpoint: writing them costs a twentieth of the time at most.
    pub(super) fn pause(&self) -> Duration {
        BETWEEN.max(lock(&self.state).took * 20)
    }
}

impl Shared {
    /// The life of the thread that writes.
    pub(super) fn keep(&self, mut dir: RunDir) {
        let Some(desk) = &self.desk else { return };
        let (mut pending, mut wait) = (None, LINES);
        loop {
            let state = lock(&desk.state);
            let idle = |s: &mut State| s.save.is_none() && !s.end;
            let waited = desk.filled.wait_timeout_while(state, wait, idle);
            let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
            let (lines, told, end) = (std::mem::take(&mut state.lines), state.told, state.end);
            let forgotten = std::mem::take(&mut state.forgotten);
            pending = state.save.take().or(pending);
            drop(state);

            let begun = Instant::now();
            if let Err(e) = forget(&mut dir, forgotten) {
                self.complain(desk, &dir, &e);
            }
            dir.append(lines);
            let mut result = write(&mut dir, told, pending.as_ref());
            if result.is_err() {
                // Once more: not every fault of a disk lasts.
                result = write(&mut dir, told, pending.as_ref());
            }
            match result {
                Ok(()) => {
                    wait = LINES;
                    if pending.take().is_some() {
                        lock(&desk.state).took = begun.elapsed();
                    }
                    if lock(&desk.state).error.take().is_some() {
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

    /// Tells once that nothing can be written.
    fn complain(&self, desk: &Desk, dir: &RunDir, error: &io::Error) {
        let what = crate::lab::run_dir::plain(error);
        let what = format!("{}: {what}", crate::text::escaped(&dir.path().display().to_string()));
        if lock(&desk.state).error.replace(what.clone()).is_none() {
            self.tell(Event::Notice(format!("Nothing can be saved: {what}.")));
        }
    }
}

fn forget(dir: &mut RunDir, lanes: Vec<(LaneId, String)>) -> io::Result<()> {
    if lanes.is_empty() {
        return Ok(());
    }
    let (ids, names): (Vec<_>, Vec<_>) = lanes.into_iter().unzip();
    dir.forget(&names, &ids)
}

fn write(dir: &mut RunDir, told: u64, save: Option<&(Scenario, Vec<Saved>)>) -> io::Result<()> {
    dir.flush(told)?;
    match save {
        Some((scenario, saved)) => dir.checkpoint(scenario, saved),
        None => Ok(()),
    }
}
