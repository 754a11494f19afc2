//! The threads of a sweep: each takes the next training of the schedule. Trainings with the same data share them.

use super::cell::{CellTraining, Driver, TrainingRecord};
use super::schedule::{ScheduledTraining, TrainingSchedule};
use super::shelf::Shelf;
use super::{Slice, SweepCell};
use crate::engine::data::Files;
use crate::engine::team::Team;
use crate::lab::experiment::{self, Data};
use crate::lab::lane::CancelSignal;
use crate::lab::runner::crew::{Crew, Seat};
use crate::registry::SettingValue as _;
use crate::scenario::Scenario;
use crate::scenario::sweep::SweepPlan;
use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

/// Largest total size of the trainings that wait for the decision whether they continue, in bytes.
const PARKED: usize = 256 << 20;
/// A training that must stop is saved if it has at least this many seconds of unsaved training.
const WORTH: f64 = 0.2;
/// A training is saved after every period of this many seconds, in case the process
/// is killed without a signal to stop.
const KEPT: f64 = 60.0;

/// A part of a sweep to be trained.
pub struct Job<'a> {
    /// The sweep.
    pub plan: &'a SweepPlan,
    /// The files from which its data are read.
    pub files: &'a (dyn Files + Send + Sync),
    /// The part of it to train.
    pub slice: Slice,
    /// Results that are there already.
    pub known: Vec<TrainingRecord>,
    /// Number of threads.
    pub threads: usize,
    /// The place of interrupted trainings; `None` if they are not saved.
    pub shelf: Option<Arc<Shelf>>,
}

/// An event of a sweep in progress.
pub enum SweepEvent<'r> {
    /// The sweep begins, with the number of trainings to do; halving may add more.
    Begin(usize),
    /// A training is done, with its result and the number of trainings left.
    Done(SweepCell, &'r TrainingRecord, usize),
    /// No training ended for a short time.
    Idle,
}

/// Trains until all is done or `leave` is set, and returns all results. `report` runs on the caller's thread, in the
/// order in which trainings end; an error from it ends the work. After `leave` is set, the work ends in a
/// short time, even if a step is long.
///
/// # Errors
/// The error of `report`, or of the system if it has no thread, or no space for an interrupted training.
pub fn train(
    job: Job<'_>,
    leave: &AtomicBool,
    report: &mut dyn FnMut(SweepEvent<'_>) -> io::Result<()>,
) -> io::Result<HashMap<SweepCell, TrainingRecord>> {
    let Job { plan, files, slice, known, threads, shelf } = job;
    let schedule = TrainingSchedule::new(plan, slice, known);
    report(SweepEvent::Begin(schedule.left()))?;
    if schedule.over() {
        return Ok(schedule.into_records());
    }
    let threads = threads.clamp(1, schedule.left());
    let crew = Arc::new(Crew::new(threads, || ())?);
    let leaves: Vec<Arc<CancelSignal>> = (0..threads).map(|_| Arc::default()).collect();
    let shop = SharedWork {
        plan,
        files,
        state: Mutex::new(SweepState { schedule, parked: HashMap::new(), bytes: 0, data: HashMap::new() }),
        changed: Condvar::new(),
        leave,
        shelf,
        fault: Mutex::new(Ok(())),
    };
    let (sender, results) = channel::<(SweepCell, TrainingRecord, usize)>();
    let mut reported = Ok(());
    std::thread::scope(|scope| -> io::Result<()> {
        for (n, leave) in leaves.iter().enumerate() {
            let (shop, crew, sender) = (&shop, Arc::clone(&crew), sender.clone());
            std::thread::Builder::new().name(format!("sweep {n}")).spawn_scoped(scope, move || {
                shop.work(&crew, leave, &mut |cell, record, left| sender.send((cell, record, left)).is_ok());
            })?;
        }
        drop(sender);
        loop {
            let told = match results.recv_timeout(Duration::from_millis(100)) {
                Ok((cell, record, left)) => report(SweepEvent::Done(cell, &record, left)),
                Err(RecvTimeoutError::Timeout) => report(SweepEvent::Idle),
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            };
            if reported.is_ok() && told.is_err() {
                reported = told;
                leave.store(true, Ordering::Relaxed);
            }
            if leave.load(Ordering::Relaxed) {
                for leave in &leaves {
                    leave.want(true);
                }
                shop.changed.notify_all();
            }
        }
    })?;
    reported?;
    shop.put_by();
    shop.fault.into_inner().unwrap_or_else(PoisonError::into_inner)?;
    Ok(shop.state.into_inner().unwrap_or_else(PoisonError::into_inner).schedule.into_records())
}

/// The driver of a training: it runs until it must stop or be saved.
struct TrainingDriver<'a> {
    leave: &'a CancelSignal,
    begun: Instant,
    until: f64,
}

impl Driver for TrainingDriver<'_> {
    fn seconds(&self) -> f64 {
        self.begun.elapsed().as_secs_f64()
    }

    fn stop(&self, now: f64) -> bool {
        self.leave.wanted() || now >= self.until
    }

    fn allow(&self, leave: bool) {
        self.leave.allow(leave);
    }
}

struct SweepState<'a> {
    schedule: TrainingSchedule<'a>,
    /// Trainings that may continue.
    parked: HashMap<SweepCell, Box<CellTraining>>,
    bytes: usize,
    /// Data that a training uses or used.
    data: HashMap<String, Weak<Data>>,
}

/// The crew, the stop signal and the team of one thread.
struct WorkerContext<'a> {
    crew: &'a Crew,
    leave: &'a CancelSignal,
    team: Arc<dyn Team>,
}

struct SharedWork<'a> {
    plan: &'a SweepPlan,
    files: &'a (dyn Files + Send + Sync),
    state: Mutex<SweepState<'a>>,
    changed: Condvar,
    leave: &'a AtomicBool,
    shelf: Option<Arc<Shelf>>,
    /// The error if an interrupted training could not be saved.
    fault: Mutex<io::Result<()>>,
}

impl<'a> SharedWork<'a> {
    fn state(&self) -> MutexGuard<'_, SweepState<'a>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The loop of one thread: takes an order, trains, and reports the result.
    fn work(
        &self,
        crew: &Arc<Crew>,
        leave: &Arc<CancelSignal>,
        report: &mut dyn FnMut(SweepCell, TrainingRecord, usize) -> bool,
    ) {
        let seat = Seat::new(Some(Arc::clone(crew)), Arc::clone(leave));
        let desk = WorkerContext { crew, leave, team: Arc::new(seat) };
        // The data of the last training stay in memory until the next one has its own.
        let mut held = None;
        while let Some((order, parked)) = self.take() {
            let Some((record, course)) = self.train(order, parked, &desk, &mut held) else { return };
            let mut state = self.state();
            if let Some(course) = course.filter(|_| state.schedule.goes_on(order.cell, order.until)) {
                let bytes = course.bytes();
                if state.bytes + bytes <= PARKED {
                    state.bytes += bytes;
                    state.parked.insert(order.cell, course);
                }
            }
            state.schedule.done(order.cell, record.clone());
            let SweepState { schedule, parked, bytes, .. } = &mut *state;
            if !parked.is_empty() {
                parked.retain(|cell, course| {
                    let keeps = !schedule.dropped(cell.setting);
                    *bytes -= if keeps { 0 } else { course.bytes() };
                    keeps
                });
            }
            let left = state.schedule.left();
            drop(state);
            self.changed.notify_all();
            if !report(order.cell, record, left) {
                return;
            }
        }
    }

    /// The next order; waits while the trainings of other threads may add one.
    fn take(&self) -> Option<(ScheduledTraining, Option<Box<CellTraining>>)> {
        let mut state = self.state();
        loop {
            if self.leave.load(Ordering::Relaxed) {
                return None;
            }
            if let Some(order) = state.schedule.take() {
                let parked = state.parked.remove(&order.cell);
                state.bytes -= parked.as_ref().map_or(0, |course| course.bytes());
                return Some((order, parked));
            }
            if state.schedule.over() {
                return None;
            }
            let waited = self.changed.wait_timeout(state, Duration::from_millis(100));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Trains as ordered; `None` if the thread must stop.
    fn train(
        &self,
        order: ScheduledTraining,
        parked: Option<Box<CellTraining>>,
        desk: &WorkerContext<'_>,
        held: &mut Option<Arc<Data>>,
    ) -> Option<(TrainingRecord, Option<Box<CellTraining>>)> {
        let setting = &self.plan.settings[order.cell.setting];
        let seed = self.plan.seeds[order.cell.seed];
        let begun = match parked {
            Some(course) => Ok(course),
            None => self.begin(order, held),
        };
        let mut course = match begun {
            Ok(course) => course,
            Err(why) => {
                let failed =
                    TrainingRecord { until: order.until, ..TrainingRecord::failed(setting.key, seed, &why) };
                return Some((failed, None));
            }
        };
        course.work_with(&desk.team);
        let until = if self.shelf.is_some() { KEPT } else { f64::INFINITY };
        loop {
            let hand = TrainingDriver { leave: desk.leave, begun: Instant::now(), until };
            if let Some(record) = desk.crew.run(|| course.train(order.until, &hand).cloned()) {
                return Some((record, Some(course)));
            }
            self.keep(order.cell, &mut course);
            if desk.leave.wanted() {
                return None;
            }
        }
    }

    fn begin(
        &self,
        order: ScheduledTraining,
        held: &mut Option<Arc<Data>>,
    ) -> Result<Box<CellTraining>, String> {
        let SweepCell { setting, seed } = order.cell;
        let (setting, seed) = (&self.plan.settings[setting], self.plan.seeds[seed]);
        let scenario = self.plan.scenario(setting, seed);
        let data = self.data(&scenario)?;
        let mut course =
            CellTraining::new(&scenario, setting.key, &data).map_err(|fault| fault.to_string())?;
        if let Some(shelf) = &self.shelf {
            shelf.take_up(&mut course, &scenario, order.until);
        }
        *held = Some(data);
        Ok(Box::new(course))
    }

    /// Saves an interrupted training, if it is worth a file. If saving fails, the work ends.
    fn keep(&self, cell: SweepCell, course: &mut CellTraining) {
        let Some(shelf) = self.shelf.as_ref().filter(|_| course.unsaved >= WORTH) else { return };
        let scenario = self.plan.scenario(&self.plan.settings[cell.setting], self.plan.seeds[cell.seed]);
        if let Err(e) = shelf.put(course, scenario.to_ron()) {
            *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = Err(e);
            self.leave.store(true, Ordering::Relaxed);
        }
    }

    /// Saves the trainings that still wait for a decision when the work stops.
    fn put_by(&self) {
        let parked = std::mem::take(&mut self.state().parked);
        for (cell, mut course) in parked {
            self.keep(cell, &mut course);
        }
    }

    /// The data of a training, shared with another one that has the same data.
    fn data(&self, scenario: &Scenario) -> Result<Arc<Data>, String> {
        let wanted = fingerprint(scenario);
        // The lock is held while data are read, so that no data are read twice.
        let mut state = self.state();
        if let Some(data) = state.data.get(&wanted).and_then(Weak::upgrade) {
            return Ok(data);
        }
        let data = Arc::new(experiment::prepare(scenario, self.files).map_err(|fault| fault.to_string())?);
        state.data.retain(|_, data| data.strong_count() > 0);
        state.data.insert(wanted, Arc::downgrade(&data));
        Ok(data)
    }
}

/// The fields of a scenario on which its data depend, including the loss by which lanes are judged.
pub fn fingerprint(s: &Scenario) -> String {
    let parts = [
        s.data.text(),
        s.validation.text(),
        s.split.text(),
        s.train_samples.text(),
        s.classes.text(),
        s.one_against_rest.text(),
        s.scaling.text(),
        s.target_scaling.text(),
        s.loss.text(),
        s.seed.text(),
    ];
    parts.join("\n")
}
