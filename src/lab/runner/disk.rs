//! The writer thread: lines and checkpoints are queued for it, so that a slow disk does not delay training.

use super::{RunnerState, lock};
use crate::lab::lane::LogLine;
use crate::lab::run::{LogRemovals, Run, SavedLane};
use crate::lab::run_dir::{RunDir, checkpoint::LineRemoval};
use crate::lab::store::WriteMeter;
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
pub(super) struct WriterQueue {
    state: Mutex<QueueState>,
    filled: Condvar,
    meter: Arc<WriteMeter>,
}

#[derive(Debug, Default)]
struct QueueState {
    /// Since the waiting checkpoint.
    newest: QueuedLines,
    complete: u64,
    save: Option<PendingCheckpoint>,
    end: bool,
    error: Option<String>,
    /// Duration of the last checkpoint.
    took: Duration,
}

impl QueueState {
    /// Adds lines and removals; the lines up to the step `complete` are complete.
    fn put(&mut self, mut queued: QueuedLines, complete: u64) {
        queued.after(std::mem::take(&mut self.newest));
        (self.newest, self.complete) = (queued, complete);
    }

    /// Gives up the waiting checkpoint, because a newer one will replace it; its lines are still needed.
    fn reopen(&mut self) {
        if let Some(older) = self.save.take() {
            self.newest.after(older.queued);
        }
    }

    /// Moves the lines that are ready for the log behind `later`, and returns the step up to which they are complete.
    fn take_lines(&mut self, later: &mut Vec<LogLine>) -> Option<u64> {
        // A removal is carried out with the next checkpoint, and applies to all lines in the log at that time. So lines
        // that were trained after it have to wait for that checkpoint.
        self.newest.forgotten.is_empty().then(|| {
            later.append(&mut self.newest.lines);
            self.complete
        })
    }
}

/// Lines for the log, and the removals of lines that came before them.
#[derive(Debug, Default)]
struct QueuedLines {
    lines: Vec<LogLine>,
    forgotten: Vec<LogRemovals>,
}

impl QueuedLines {
    /// Puts older entries in front, without the lines that were removed since.
    fn after(&mut self, mut older: Self) {
        for gone in &mut self.forgotten {
            gone.take(&mut older.lines);
        }
        older.lines.append(&mut self.lines);
        older.forgotten.append(&mut self.forgotten);
        *self = older;
    }
}

/// A waiting checkpoint, with the lines that precede it.
#[derive(Debug)]
struct PendingCheckpoint {
    scenario: Scenario,
    saved: Vec<SavedLane>,
    samples: Option<u32>,
    queued: QueuedLines,
    complete: u64,
}

impl WriterQueue {
    /// An empty queue; `meter` measures the progress of writing a checkpoint.
    pub(super) fn new(meter: Arc<WriteMeter>) -> Self {
        Self { state: Mutex::default(), filled: Condvar::new(), meter }
    }

    /// Bytes written of a checkpoint, and its total.
    pub(super) fn progress(&self) -> Option<(u64, u64)> {
        self.meter.read()
    }

    /// Frees the state of the waiting checkpoint, which a newer one is about to replace.
    pub(super) fn forget(&self) {
        lock(&self.state).reopen();
    }

    /// Queues the run's lines and removals.
    pub(super) fn queue(&self, run: &mut Run, lines: Vec<LogLine>) {
        let queued = QueuedLines { lines, forgotten: run.take_forgotten() };
        lock(&self.state).put(queued, run.complete_step());
    }

    /// Queues a checkpoint; it replaces a waiting one. `last`: the one being written is given up too, because the user
    /// waits for the end of the run.
    pub(super) fn save(&self, scenario: Scenario, saved: Vec<SavedLane>, samples: Option<u32>, last: bool) {
        let mut state = lock(&self.state);
        self.meter.give_up(last);
        state.reopen();
        let queued = std::mem::take(&mut state.newest);
        state.save = Some(PendingCheckpoint { scenario, saved, samples, queued, complete: state.complete });
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

impl RunnerState {
    /// The loop of the writer thread.
    pub(super) fn keep(&self, mut dir: RunDir) {
        let Some(desk) = &self.desk else { return };
        let (mut pending, mut later, mut complete, mut wait) =
            (None::<PendingCheckpoint>, Vec::new(), 0, LINES);
        loop {
            let state = lock(&desk.state);
            let idle = |s: &mut QueueState| s.save.is_none() && !s.end;
            let waited = desk.filled.wait_timeout_while(state, wait, idle);
            let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
            desk.meter.give_up(false);
            if let Some(mut save) = state.save.take() {
                // Lines that followed a checkpoint that could not be written belong before the next one.
                save.queued.after(QueuedLines { lines: std::mem::take(&mut later), forgotten: Vec::new() });
                if let Some(unwritten) = pending {
                    save.queued.after(unwritten.queued);
                }
                pending = Some(save);
            }
            complete = state.take_lines(&mut later).unwrap_or(complete);
            let end = state.end;
            drop(state);

            let begun = Instant::now();
            let saving = pending.is_some();
            let mut result = write(&mut dir, &mut pending, &mut later, complete);
            if result.is_err() && desk.meter.is_given_up() {
                continue;
            }
            if result.is_err() {
                // One more attempt: some disk faults are transient.
                result = write(&mut dir, &mut pending, &mut later, complete);
            }
            match result {
                Ok(()) => {
                    wait = LINES;
                    if saving {
                        lock(&desk.state).took = begun.elapsed();
                    }
                    if lock(&desk.state).error.take().is_some() {
                        self.emit(Event::Unsaved(false));
                        self.emit(Event::Notice("The disk takes data again; everything is written.".into()));
                    }
                }
                Err(e) => {
                    wait = RETRY;
                    self.complain(desk, &dir, &e);
                }
            }
            if end {
                if pending.is_none() && later.is_empty() {
                    // Without it the run only looks killed to a reader.
                    let _ = dir.leave();
                }
                return;
            }
        }
    }

    /// Reports once that nothing can be written.
    fn complain(&self, desk: &WriterQueue, dir: &RunDir, error: &io::Error) {
        let what = crate::lab::run_dir::plain(error);
        let what = format!("{}: {what}", crate::text::escaped(&dir.path().display().to_string()));
        if lock(&desk.state).error.replace(what.clone()).is_none() {
            self.emit(Event::Unsaved(true));
            self.emit(Event::Notice(format!("Nothing can be saved: {what}.")));
        }
    }
}

/// Writes the queue: the checkpoint with the lines before it, then the lines after it. Removes the written parts.
fn write(
    dir: &mut RunDir,
    pending: &mut Option<PendingCheckpoint>,
    later: &mut Vec<LogLine>,
    complete: u64,
) -> io::Result<()> {
    if let Some(save) = pending {
        for gone in &mut save.queued.forgotten {
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
        dir.append(std::mem::take(&mut save.queued.lines));
        dir.flush(save.complete)?;
        let gone = |f: &LogRemovals| LineRemoval {
            lane: f.name.clone(),
            after: f.after,
            to: f.to.clone().unwrap_or_default(),
        };
        let forgotten: Vec<LineRemoval> = save.queued.forgotten.iter().map(gone).collect();
        dir.checkpoint(&save.scenario, &save.saved, save.samples, &forgotten)?;
        *pending = None;
    }
    dir.append(std::mem::take(later));
    dir.flush(complete)
}

#[cfg(test)]
mod tests {
    use super::{WriterQueue, lock};
    use crate::lab::lane::LogLine;
    use crate::lab::run::LogRemovals;
    use crate::scenario::Scenario;

    fn lines(steps: std::ops::RangeInclusive<u64>) -> Vec<LogLine> {
        steps.map(|step| LogLine { step, lane: 0, text: String::new() }).collect()
    }

    #[test]
    fn lines_trained_after_a_removal_are_not_written_before_it() {
        let desk = WriterQueue::new(std::sync::Arc::default());
        let save = || desk.save(Scenario::default(), Vec::new(), None, false);
        let queue = |forgotten, lines| lock(&desk.state).put(super::QueuedLines { lines, forgotten }, 35);
        let rewind = LogRemovals { lane: Some(0), name: "a".into(), after: 31, to: None, lines: Vec::new() };
        queue(Vec::new(), lines(30..=45));
        queue(vec![rewind], Vec::new());
        save();
        // The lane has trained on, and a newer checkpoint is about to replace the waiting one.
        queue(Vec::new(), lines(32..=35));
        desk.forget();
        let mut written = Vec::new();
        assert_eq!(lock(&desk.state).take_lines(&mut written), None);
        assert!(written.is_empty());
        save();
        let saved = lock(&desk.state).save.take().expect("a checkpoint").queued;
        assert_eq!(saved.lines, [lines(30..=31), lines(32..=35)].concat());
        assert_eq!(saved.forgotten[0].lines, lines(32..=45));
        queue(Vec::new(), lines(36..=36));
        assert_eq!(lock(&desk.state).take_lines(&mut written), Some(35));
        assert_eq!(written, lines(36..=36));
    }
}
