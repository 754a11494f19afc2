//! A run driven by its caller, turn by turn, on the caller's thread and without a clock: for recordings and tests.
//!
//! Given the same orders it emits the same events every time.

use crate::lab::lane::Pace;
use crate::lab::preview::{self, Memory, lane_of};
use crate::lab::run::{Run, Stamp};
use crate::telemetry::{Command, Event, View};

/// A turn of a fixed number of steps.
#[derive(Debug)]
struct Counted {
    left: u64,
}

impl Pace for Counted {
    fn step(&mut self) {
        self.left = self.left.saturating_sub(1);
    }
    /// Every turn shows its last step.
    fn due(&mut self) -> bool {
        self.left == 1
    }
    fn shown(&mut self) {}
    fn over(&self) -> bool {
        self.left == 0
    }
    fn seconds(&self) -> f64 {
        0.0
    }
}

/// A run that moves only when told.
#[derive(Debug)]
pub struct Stepped {
    run: Run,
    memory: Memory,
    shown: Vec<(View, Stamp)>,
    probes: Vec<Event>,
}

impl Stepped {
    /// Drives this run.
    pub fn new(run: Run) -> Self {
        Self { run, memory: Memory::default(), shown: Vec::new(), probes: Vec::new() }
    }

    /// Carries out an order at once.
    pub fn send(&mut self, command: Command) {
        if self.run.ready(&command) {
            self.run.apply(command);
        }
    }

    /// One turn of up to so many steps; false if no lane has steps to make.
    pub fn turn(&mut self, steps: u64) -> bool {
        let Some(mut turn) = self.run.take() else { return false };
        let news = turn.lane.play(&turn.plan, &mut Counted { left: steps.max(1) });
        self.run.give_back(turn.lane, news);
        true
    }

    /// Up to so many steps in every lane that trains, the lanes taking turns.
    pub fn advance(&mut self, steps: u64) {
        let goal = self.run.foremost() + steps;
        while self.run.hindmost().is_some_and(|step| step < goal) {
            let left = goal - self.run.hindmost().unwrap_or(goal);
            if !self.turn(left) {
                break;
            }
        }
    }

    /// Computes what is watched, where it is not up to date.
    pub fn look(&mut self) {
        let views: Vec<View> = self.run.views().to_vec();
        let before = std::mem::take(&mut self.shown);
        for view in views {
            let Some(seen) = self.run.stamp_of(&view).map(|stamp| (view, stamp)) else { continue };
            if !before.contains(&seen) {
                self.run.want_peeks(vec![lane_of(&seen.0)]);
                let peeks = self.run.take_peeks().unwrap_or_default();
                let probe = peeks.first().and_then(|peek| preview::look(peek, &seen.0, &mut self.memory));
                self.probes.extend(probe);
            }
            self.shown.push(seen);
        }
    }

    /// Events since the last call.
    pub fn drain(&mut self) -> Vec<Event> {
        let mut events = self.run.take_events();
        events.append(&mut self.probes);
        events
    }

    /// The run itself, to look at.
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// The run itself.
    pub fn run_mut(&mut self) -> &mut Run {
        &mut self.run
    }
}
