//! A run driven by its caller, turn by turn, on the caller's thread and without a clock: for recordings and tests.
//!
//! The same orders always give the same events.

use crate::lab::lane::Pace;
use crate::lab::preview::LaneStamp;
use crate::lab::preview::{self, ProbeMemory};
use crate::lab::run::{Reruns, Run, ShownStep};
use crate::telemetry::{Command, Event, LaneId, ProbeRequest};
use std::cell::RefCell;

/// The pace of a turn with a fixed number of steps.
#[derive(Debug)]
struct CountedPace {
    left: u64,
}

impl Pace for CountedPace {
    fn step(&mut self) {
        self.left = self.left.saturating_sub(1);
    }
    /// Every turn measures its last step.
    fn due(&mut self) -> bool {
        self.left == 1
    }
    fn soon(&self) -> bool {
        self.left <= 2
    }
    fn shown(&mut self) {}
    fn over(&self) -> bool {
        self.left == 0
    }
    fn seconds(&self) -> f64 {
        0.0
    }
}

/// Steps a second of a lane without a pace, on the simulated clock.
const FREE: f64 = 2000.0;

/// A run that trains only on request.
#[derive(Debug)]
pub struct SteppedRun {
    run: Run,
    /// Steps a second of the simulated clock.
    rate: f64,
    /// The fraction of a step that has accumulated.
    owed: f64,
    memory: ProbeMemory,
    shown: Vec<(ProbeRequest, LaneStamp)>,
    reruns: Reruns,
    seen: Vec<ShownStep>,
    probes: Vec<Event>,
    /// The last examined lane, and how often it had been changed.
    examined: Option<(LaneId, u64)>,
}

impl SteppedRun {
    /// Wraps this run.
    pub fn new(run: Run) -> Self {
        Self {
            run,
            rate: FREE,
            owed: 0.0,
            memory: ProbeMemory::default(),
            shown: Vec::new(),
            reruns: Reruns::default(),
            seen: Vec::new(),
            probes: Vec::new(),
            examined: None,
        }
    }

    /// Carries out an order at once.
    pub fn send(&mut self, command: Command) {
        match command {
            // The simulated clock sets the pace, not the real one. A script from another user must not write a file.
            Command::Write(_) => {
                self.probes.push(Event::Notice("not saved: this is a recording".into()));
            }
            Command::Pace(rate) => self.rate = rate.filter(|r| r.is_finite() && *r > 0.0).unwrap_or(FREE),
            other => {
                // Steps that were ordered before come first.
                while !self.run.ready(&other) {
                    if !self.turn(u64::MAX) {
                        return;
                    }
                }
                self.run.apply(other);
            }
        }
    }

    /// Makes one turn of at most this many steps; returns false if no lane has steps to make.
    pub fn turn(&mut self, steps: u64) -> bool {
        let Some(mut turn) = self.run.take() else { return false };
        let news = turn.lane.play(&turn.plan, &mut CountedPace { left: steps.max(1) });
        self.run.give_back(turn.lane, news);
        true
    }

    /// Makes at most this many steps in every training lane, in turns; a lane that is behind catches up first.
    pub fn advance(&mut self, steps: u64) {
        let Some(goal) = self.run.hindmost().map(|step| step.saturating_add(steps)) else { return };
        while let Some(step) = self.run.hindmost().filter(|step| *step < goal) {
            if !self.turn(goal - step) {
                break;
            }
        }
    }

    /// Advances the simulated clock by this many seconds, at the set pace. `stop`: a lane, and the step that it may not
    /// exceed.
    pub fn pass(&mut self, seconds: f64, stop: Option<(LaneId, u64)>) {
        if !self.run.running() {
            // Steps that were ordered singly, and lanes that have to catch up.
            while self.turn(u64::MAX) {}
            return;
        }
        self.owed += self.rate * seconds;
        let mut steps = self.owed as u64;
        self.owed -= steps as f64;
        if let Some((lane, last)) = stop
            && let Some(step) = self.run.step_of(lane)
        {
            steps = steps.min(last.saturating_sub(step));
        }
        self.advance(steps);
    }

    /// Computes the watched probes that are not up to date.
    pub fn look(&mut self) {
        let views: Vec<ProbeRequest> = self.run.views().to_vec();
        self.memory.free(&views);
        let before = std::mem::take(&mut self.shown);
        for view in views {
            let Some(seen) = self.run.stamp_of(&view).map(|stamp| (view, stamp)) else { continue };
            if !before.contains(&seen) {
                self.run.want_peeks(vec![seen.0.lane]);
                let peeks = self.run.take_peeks().unwrap_or_default();
                let probe = peeks.first().and_then(|peek| preview::look(peek, &seen.0, &mut self.memory));
                self.probes.extend(probe);
            }
            self.shown.push(seen);
        }
        while let Some(recall) = self.run.recall(&self.seen) {
            if let Ok(Some((peek, events))) =
                recall.make(&mut self.reruns, &mut CountedPace { left: u64::MAX })
            {
                self.probes.push(recall.event(events));
                for view in recall.views() {
                    let event = preview::look(&peek, view, &mut self.memory);
                    self.probes.extend(event.map(|e| recall.event(vec![e])));
                }
            }
            self.seen.retain(|s| s.lane() != recall.seen.lane());
            self.seen.push(recall.seen);
        }
        if let Some(examined) = self.run.lane_to_examine(self.examined) {
            self.examined = Some(examined.stamp);
            let events = RefCell::new(Vec::new());
            examined.examine(&|event| events.borrow_mut().push(event), &|| true);
            // A recording shows only the last result of an examination between two steps.
            self.probes.extend(events.into_inner().pop());
        }
        if self.run.looking().is_none() {
            self.reruns.clear();
            self.seen.clear();
        }
    }

    /// Events since the last call.
    pub fn drain(&mut self) -> Vec<Event> {
        let mut events = self.run.take_events();
        events.append(&mut self.probes);
        events
    }

    /// The run itself.
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// The run itself, mutable.
    pub fn run_mut(&mut self) -> &mut Run {
        &mut self.run
    }
}
