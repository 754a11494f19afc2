//! The thread that carries out orders. Slow work, such as reading data, is done in a separate thread, so that quitting
//! need not wait for it. Trains nothing.

use super::disk;
use super::{PATIENCE, QUIET, RunnerState};
use crate::telemetry::{Command, Event};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// After this time the user is told that an order takes long.
const LONG: Duration = Duration::from_millis(700);

impl RunnerState {
    /// Does work in a separate thread. If the run is to end in the meantime, the thread is abandoned and its result
    /// ignored.
    ///
    /// # Errors
    /// The reason why it was not done, in words; `None`: the run ends.
    fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Option<String>> {
        let (done, made) = channel();
        let body = move || {
            QUIET.set(true);
            // If the run has ended, there is no receiver.
            let _ = done.send(work());
        };
        let thread = std::thread::Builder::new().name("data".into()).spawn(body);
        thread.map_err(|e| format!("The data cannot be read: {e}"))?;
        // Lanes continue to train in the meantime.
        self.hurry.store(false, Ordering::Relaxed);
        let (begun, mut said) = (Instant::now(), false);
        loop {
            match made.recv_timeout(Duration::from_millis(20)) {
                Ok(made) => {
                    self.hurry.store(true, Ordering::Relaxed);
                    return Ok(made);
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Some("The data cannot be read: a fault of the program".into()));
                }
                Err(RecvTimeoutError::Timeout) if self.late() => return Err(None),
                Err(RecvTimeoutError::Timeout) if begun.elapsed() > LONG && !said => {
                    said = true;
                    self.emit(Event::Notice("Reading the data …".into()));
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// The loop of the thread that carries out commands.
    pub(super) fn obey(&self, orders: &Receiver<Command>) {
        // The first checkpoint is written at once, so that the run can be resumed from now on.
        let (mut pause, mut saved) = (Duration::ZERO, None);
        loop {
            let mut command = match orders.recv_timeout(pause) {
                Ok(_) if self.late() => Command::Quit,
                Ok(command) => command,
                Err(RecvTimeoutError::Timeout) => {
                    pause = self.desk.as_ref().map_or(Duration::from_secs(3600), disk::WriterQueue::pause);
                    let steps = self.lock().total_steps();
                    if self.desk.is_none() || saved.replace(steps) == Some(steps) {
                        continue;
                    }
                    Command::Save
                }
                Err(RecvTimeoutError::Disconnected) => Command::Quit,
            };
            let work = self.lock().work_for(&command);
            let made = match work.map(|work| self.aside(work)) {
                None => None,
                Some(Ok(made)) => Some(made),
                Some(Err(None)) => {
                    command = Command::Quit;
                    None
                }
                Some(Err(Some(what))) => {
                    self.emit(Event::Notice(what));
                    continue;
                }
            };
            let mut run = self.lock();
            while !run.ready(&command) {
                run.call_back();
                run = self.changed.wait_timeout(run, PATIENCE).unwrap_or_else(PoisonError::into_inner).0;
                if self.late() {
                    command = Command::Quit;
                }
            }
            run.carry_out(command, made);
            self.hurry.store(false, Ordering::Relaxed);
            while run.saving() {
                if run.at_rest() {
                    // The waiting state is freed before the new one is copied.
                    self.desk.iter().for_each(disk::WriterQueue::forget);
                    let saved = run.save();
                    self.pass_lines(&mut run);
                    if let Some(desk) = &self.desk {
                        desk.save(run.scenario(), saved, run.samples(), run.quitting());
                    }
                } else {
                    run.call_back();
                    run = self.changed.wait_timeout(run, PATIENCE).unwrap_or_else(PoisonError::into_inner).0;
                    // A checkpoint waits for the end of a step; an order to quit cancels the step.
                    if self.late() {
                        run.carry_out(Command::Quit, None);
                    }
                }
            }
            let quit = run.quitting();
            self.ended.store(quit, Ordering::Relaxed);
            self.publish(&mut run);
            self.work.notify_all();
            self.look.notify_all();
            if quit {
                if let Some(desk) = &self.desk {
                    desk.end();
                }
                return;
            }
        }
    }
}
