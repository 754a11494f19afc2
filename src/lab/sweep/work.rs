//! The threads of a sweep: each takes the next training of the schedule. Data are shared by all trainings that want the same.

use super::cell::{Course, Record};
use super::schedule::{Order, Schedule};
use super::{Cell, Slice};
use crate::engine::data::Files;
use crate::engine::team::Team;
use crate::lab::experiment::{self, Data};
use crate::lab::runner::crew::Crew;
use crate::registry::Value as _;
use crate::scenario::Scenario;
use crate::scenario::sweep::Plan;
use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

/// Bytes of trainings that wait for the decision whether they go on.
const PARKED: usize = 256 << 20;

/// A part of a sweep to be trained.
pub struct Job<'a> {
    /// The sweep.
    pub plan: &'a Plan,
    /// Where its data come from.
    pub files: &'a (dyn Files + Send + Sync),
    /// The part.
    pub slice: Slice,
    /// Results that are there already.
    pub known: Vec<Record>,
    /// Threads.
    pub threads: usize,
}

/// News of a sweep that trains.
pub enum Told<'r> {
    /// So many trainings are to be done, as far as it is known, before any is.
    Begin(usize),
    /// A training is done, and so many are left.
    Done(Cell, &'r Record, usize),
    /// Nothing happened for a moment.
    Idle,
}

/// Trains until all is done or `leave` is set; all results. `hear` runs on the caller's thread, in the order in which trainings
/// end; an error of it ends the work.
///
/// # Errors
/// That of `hear`, or that the system gives no thread.
pub fn train(
    job: Job<'_>,
    leave: &AtomicBool,
    hear: &mut dyn FnMut(Told<'_>) -> io::Result<()>,
) -> io::Result<HashMap<Cell, Record>> {
    let Job { plan, files, slice, known, threads } = job;
    let schedule = Schedule::new(plan, slice, known);
    hear(Told::Begin(schedule.left()))?;
    if schedule.over() {
        return Ok(schedule.into_records());
    }
    let threads = threads.clamp(1, schedule.left());
    let crew = Arc::new(Crew::new(threads, || ())?);
    let shop = Shop {
        plan,
        files,
        state: Mutex::new(State { schedule, parked: HashMap::new(), bytes: 0, data: HashMap::new() }),
        changed: Condvar::new(),
        leave,
    };
    let (sender, results) = channel::<(Cell, Record, usize)>();
    let mut heard = Ok(());
    std::thread::scope(|scope| -> io::Result<()> {
        for n in 0..threads {
            let (shop, crew, sender) = (&shop, Arc::clone(&crew), sender.clone());
            std::thread::Builder::new().name(format!("sweep {n}")).spawn_scoped(scope, move || {
                shop.work(&crew, &mut |cell, record, left| sender.send((cell, record, left)).is_ok());
            })?;
        }
        drop(sender);
        loop {
            let told = match results.recv_timeout(Duration::from_millis(100)) {
                Ok((cell, record, left)) => hear(Told::Done(cell, &record, left)),
                Err(RecvTimeoutError::Timeout) => hear(Told::Idle),
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            };
            if heard.is_ok() && told.is_err() {
                heard = told;
                leave.store(true, Ordering::Relaxed);
                shop.changed.notify_all();
            }
        }
    })?;
    heard?;
    Ok(shop.state.into_inner().unwrap_or_else(PoisonError::into_inner).schedule.into_records())
}

struct State<'a> {
    schedule: Schedule<'a>,
    /// Trainings that may go on.
    parked: HashMap<Cell, Box<Course>>,
    bytes: usize,
    /// Data that a training has or had.
    data: HashMap<String, Weak<Data>>,
}

struct Shop<'a> {
    plan: &'a Plan,
    files: &'a (dyn Files + Send + Sync),
    state: Mutex<State<'a>>,
    changed: Condvar,
    leave: &'a AtomicBool,
}

impl<'a> Shop<'a> {
    fn state(&self) -> MutexGuard<'_, State<'a>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The loop of a thread.
    fn work(&self, crew: &Arc<Crew>, tell: &mut dyn FnMut(Cell, Record, usize) -> bool) {
        let team: Arc<dyn Team> = Arc::<Crew>::clone(crew);
        // The data of the last training stay until the next one has its own.
        let mut held = None;
        while let Some((order, parked)) = self.take() {
            let Some((record, course)) = self.train(order, parked, crew, &team, &mut held) else { return };
            let mut state = self.state();
            if let Some(course) = course.filter(|_| state.schedule.goes_on(order.cell, order.until)) {
                let bytes = course.bytes();
                if state.bytes + bytes <= PARKED {
                    state.bytes += bytes;
                    state.parked.insert(order.cell, course);
                }
            }
            state.schedule.done(order.cell, record.clone());
            let State { schedule, parked, bytes, .. } = &mut *state;
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
            if !tell(order.cell, record, left) {
                return;
            }
        }
    }

    /// The next order; waits while others may bring one about.
    fn take(&self) -> Option<(Order, Option<Box<Course>>)> {
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

    /// Trains as ordered; `None` if it was told to leave.
    fn train(
        &self,
        order: Order,
        parked: Option<Box<Course>>,
        crew: &Arc<Crew>,
        team: &Arc<dyn Team>,
        held: &mut Option<Arc<Data>>,
    ) -> Option<(Record, Option<Box<Course>>)> {
        let setting = &self.plan.settings[order.cell.setting];
        let seed = self.plan.seeds[order.cell.seed];
        let begun = match parked {
            Some(course) => Ok(course),
            None => self.begin(&self.plan.scenario(setting, seed), setting.key, held),
        };
        let mut course = match begun {
            Ok(course) => course,
            Err(why) => {
                let failed = Record { until: order.until, ..Record::failed(setting.key, seed, &why) };
                return Some((failed, None));
            }
        };
        course.work_with(team);
        let record = crew.run(|| course.train(order.until, self.leave).cloned())?;
        Some((record, Some(course)))
    }

    fn begin(
        &self,
        scenario: &Scenario,
        key: u64,
        held: &mut Option<Arc<Data>>,
    ) -> Result<Box<Course>, String> {
        let data = self.data(scenario)?;
        let course = Course::new(scenario, key, &data).map_err(|fault| fault.to_string())?;
        *held = Some(data);
        Ok(Box::new(course))
    }

    /// The data of a training: those of another one, if it has the same.
    fn data(&self, scenario: &Scenario) -> Result<Arc<Data>, String> {
        let wanted = fingerprint(scenario);
        // The lock is held while data are read, so that nobody reads them twice.
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

/// Everything in a scenario on which its data depend, the loss by which lanes are judged among it.
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
