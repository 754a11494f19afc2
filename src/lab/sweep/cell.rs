//! One training of a sweep, and its line in the results file. It gives the same numbers as
//! `run`; it uses no threads or files.

use crate::engine::team::Team;
use crate::lab::experiment::{BuildFault, Data};
use crate::lab::trainer::{Evaluation, RecipeEffect, Snapshot, Trainer};
use crate::number::Number;
use crate::scenario::{Edit, Recipe, Scenario};
use crate::text::excerpt;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The end of a training.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum End {
    /// All its steps are done.
    Finished,
    /// Early stopping ended it.
    Stopped,
    /// It diverged.
    Diverged,
    /// It could not be trained.
    Failed,
}

/// The results of a training: a line of a results file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainingRecord {
    /// The key of its setting.
    #[serde(with = "hexadecimal")]
    pub cell: u64,
    /// Its seed.
    pub seed: u64,
    /// The step up to which it was ordered to train.
    pub until: u64,
    /// Steps done; if it diverged, the step that failed.
    pub steps: u64,
    /// The way in which it ended.
    pub end: End,
    /// The reason why it stopped, diverged or failed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// Number of gradient evaluations.
    pub gradients: u64,
    /// The steps after which it was evaluated.
    pub at: Vec<u64>,
    /// The training loss and the validation numbers at these steps, each under its key.
    pub curve: BTreeMap<String, Vec<Option<f32>>>,
}

/// A key as hexadecimal text, because many JSON readers do not keep whole numbers of 64 bits exactly.
mod hexadecimal {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
    pub fn serialize<S: Serializer>(key: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{key:016x}"))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        u64::from_str_radix(&text, 16).map_err(D::Error::custom)
    }
}

impl TrainingRecord {
    /// The record as a line, including the newline.
    pub fn line(&self) -> String {
        let mut line = serde_json::to_string(self).unwrap_or_default();
        line.push('\n');
        line
    }

    /// Whether no training is left to do up to this step.
    pub fn done(&self, until: u64) -> bool {
        self.until >= until || self.end != End::Finished
    }

    /// The values of a number at [`TrainingRecord::at`]; NaN where there is no finite value.
    pub fn values(&self, number: Number) -> impl DoubleEndedIterator<Item = f32> + '_ {
        let all = self.curve.get(number.row().key).map_or(&[][..], Vec::as_slice);
        all.iter().map(|x| x.unwrap_or(f32::NAN))
    }

    /// The value at the last evaluation up to a step; `None` if it is not finite, or if the
    /// training diverged or failed by then.
    pub fn value_at(&self, number: Number, step: u64) -> Option<f32> {
        if matches!(self.end, End::Diverged | End::Failed) && self.steps <= step {
            return None;
        }
        let place = self.at.partition_point(|&at| at <= step).checked_sub(1)?;
        self.values(number).nth(place).filter(|x| x.is_finite())
    }
}

/// The caller that drives a training: it provides the time, and decides when the training pauses.
pub trait Driver {
    /// Seconds since a fixed moment.
    fn seconds(&self) -> f64;
    /// Whether to stop before the next step; `now`: the time.
    fn stop(&self, now: f64) -> bool;
    /// Sets whether the training's team may abandon the next step midway, see [`Team::left`].
    fn allow(&self, leave: bool);
}

/// A step that takes at least this many seconds may be abandoned midway; a shorter one is completed.
const LONG: f64 = 0.2;

/// A training in progress.
pub struct CellTraining {
    trainer: Trainer,
    now: Recipe,
    journal: Vec<Edit>,
    /// Number of edits that were made.
    edited: usize,
    every: u64,
    total: u64,
    record: TrainingRecord,
    /// Seconds of the last step without and with an evaluation; infinite if unknown, because such a step may be long.
    took: [f64; 2],
    /// The state before a step that changes the state even if it is abandoned.
    back: Snapshot,
    /// Seconds of training that are not saved in a file.
    pub unsaved: f64,
}

impl CellTraining {
    /// A training before its first step; `scenario` must have this lane alone.
    ///
    /// # Errors
    /// The reason why it cannot train.
    pub fn new(scenario: &Scenario, key: u64, data: &Arc<Data>) -> Result<Self, BuildFault> {
        let lane = &scenario.lanes[0];
        let edit = |(n, field, what)| BuildFault { at: format!("edits[{n}].{field}"), what };
        let recipe = scenario.recipe_at(lane, 0).map_err(edit)?;
        let mut journal = scenario.journal(&lane.name);
        journal.retain(|e| e.step > 0);
        let total = scenario.steps as u64;
        Ok(Self {
            trainer: Trainer::new(data, recipe.clone(), scenario.seed, total)?,
            now: recipe,
            journal,
            edited: 0,
            every: scenario.evaluate_every.max(1) as u64,
            total,
            record: TrainingRecord::new(key, scenario.seed),
            took: [f64::INFINITY; 2],
            back: Snapshot::default(),
            unsaved: 0.0,
        })
    }

    /// Shares the work of large batches with these threads.
    pub fn work_with(&mut self, team: &Arc<dyn Team>) {
        self.trainer.work_with(team);
    }

    /// Bytes of its state.
    pub fn bytes(&self) -> usize {
        4 * self.trainer.live().bytes()
    }

    /// Steps done.
    pub fn steps(&self) -> u64 {
        self.trainer.steps()
    }

    /// Its data.
    pub fn data(&self) -> &Data {
        self.trainer.data()
    }

    /// The results so far.
    pub fn record(&self) -> &TrainingRecord {
        &self.record
    }

    /// Number of edits that were made so far.
    pub fn edited(&self) -> usize {
        self.edited
    }

    /// A copy of the trainer's state, the rest of the state that changes.
    pub fn snapshot(&self) -> Snapshot {
        self.trainer.snapshot()
    }

    /// Continues from a saved state; `false` if the state does not fit, and the
    /// training then starts from its beginning.
    pub fn go_to(&mut self, snapshot: &Snapshot, edited: usize, record: TrainingRecord) -> bool {
        let Some(made) = self.journal.get(..edited) else { return false };
        let mut now = self.now.clone();
        for edit in made.iter().filter(|e| !e.empties()) {
            if now.set_at(&edit.field, &edit.to).is_err() {
                return false;
            }
        }
        let before = self.now.clone();
        let there = matches!(self.trainer.set(now.clone()), Ok(RecipeEffect::Live))
            && self.trainer.restore(snapshot).is_ok();
        if there {
            (self.now, self.edited, self.record) = (now, edited, record);
        } else {
            // The trainer may have other settings by now: restore the earlier ones and start from the beginning.
            let _ = self.trainer.set(before);
            self.trainer.reset();
        }
        there
    }

    /// Trains until `until` steps are done or the training ends, and returns the results;
    /// `None` if the driver stopped it before.
    pub fn train(&mut self, until: u64, driver: &dyn Driver) -> Option<&TrainingRecord> {
        let until = until.min(self.total);
        self.record.until = until;
        let mut now = driver.seconds();
        while self.trainer.steps() < until && self.record.end == End::Finished {
            if driver.stop(now) {
                return None;
            }
            if let Err(fault) = self.edit() {
                self.record.end = End::Failed;
                self.record.why = excerpt(&fault.to_string(), 400);
                break;
            }
            let step = self.trainer.steps() + 1;
            let evaluates = step.is_multiple_of(self.every) || step == self.total;
            let long = self.took[0] >= LONG || evaluates && self.took[1] >= LONG;
            // An abandoned gradient does not change the state by itself.
            let keeps = long && (evaluates || self.now.optimizer.leaves_traces());
            if keeps {
                self.back.copy_from(self.trainer.live());
            }
            driver.allow(long);
            let went = self.step(step, evaluates, keeps);
            driver.allow(false);
            if !went {
                return None;
            }
            let took = driver.seconds() - now;
            (now, self.unsaved) = (now + took, self.unsaved + took);
            self.took[usize::from(evaluates)] = took;
        }
        if self.record.end != End::Diverged {
            self.record.steps = self.trainer.steps();
        }
        self.record.gradients = self.trainer.live().evaluations;
        Some(&self.record)
    }

    /// Makes one step and the evaluation after it; `false` if it was abandoned midway,
    /// and then the state is as before it.
    fn step(&mut self, step: u64, evaluates: bool, keeps: bool) -> bool {
        let loss = match self.trainer.step(false) {
            Ok(_) if self.trainer.steps() < step => return false,
            Ok(result) => result.loss,
            Err(account) => {
                self.record.steps = account.step;
                (self.record.end, self.record.why) = (End::Diverged, excerpt(&account.what, 400));
                return true;
            }
        };
        let report = evaluates.then(|| self.trainer.evaluate_and_report());
        if keeps && self.trainer.left() {
            self.trainer.go_back(&self.back);
            return false;
        }
        if let Some(report) = report {
            self.record.evaluated(step, loss, report.evaluation);
            if let Some(stop) = report.stop {
                if let Some(restored) = stop.restored {
                    self.record.evaluated(step, loss, restored);
                }
                (self.record.end, self.record.why) = (End::Stopped, stop.words);
            }
        }
        true
    }

    /// Makes the edits that are due.
    fn edit(&mut self) -> Result<(), BuildFault> {
        let (done, before) = (self.trainer.steps(), self.edited);
        while let Some(edit) = self.journal.get(self.edited).filter(|e| e.step <= done) {
            if !edit.empties() {
                let fault = |what| BuildFault { at: format!("edits: {}", edit.field), what };
                self.now.set_at(&edit.field, &edit.to).map_err(fault)?;
            }
            self.edited += 1;
        }
        if before == self.edited {
            return Ok(());
        }
        if self.trainer.set(self.now.clone())? == RecipeEffect::Restarted {
            return Err(BuildFault { at: "edits".into(), what: "an edit makes the lane start anew".into() });
        }
        if self.journal[before..self.edited].iter().any(Edit::empties) {
            self.trainer.empty_memory();
        }
        Ok(())
    }
}

impl TrainingRecord {
    /// The record of a training before its first step.
    pub fn new(cell: u64, seed: u64) -> Self {
        Self {
            cell,
            seed,
            until: 0,
            steps: 0,
            end: End::Finished,
            why: String::new(),
            gradients: 0,
            at: Vec::new(),
            curve: BTreeMap::new(),
        }
    }

    /// The record of a training that could not begin.
    pub fn failed(cell: u64, seed: u64, why: &str) -> Self {
        Self { end: End::Failed, why: excerpt(why, 400), ..Self::new(cell, seed) }
    }

    fn evaluated(&mut self, step: u64, loss: f32, evaluation: Evaluation) {
        let values = evaluation.values().with(Number::Loss, loss.into());
        let before = self.at.len();
        self.at.push(step);
        for (number, value) in values.iter() {
            let value = Some(value as f32).filter(|x| x.is_finite());
            let key = number.row().key;
            if !self.curve.contains_key(key) {
                self.curve.insert(key.into(), vec![None; before]);
            }
            if let Some(all) = self.curve.get_mut(key) {
                all.push(value);
            }
        }
        // A number that an evaluation lacks gets an empty place, so that all curves have the same length.
        self.curve.values_mut().for_each(|all| all.resize(before + 1, None));
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::engine::data::NoFiles;
    use crate::lab::experiment::prepare;
    use crate::lab::lane::CancelSignal;
    use crate::lab::runner::crew::Seat;
    use std::cell::Cell;

    /// A training before its first step.
    pub fn course(lane: &str, steps: usize, edits: &str) -> (CellTraining, Scenario) {
        let text = format!(
            "(data: Moons(samples: 120, noise: 0.2), network: [Dense(6), Tanh(), Dropout(0.2)], steps: {steps}, \
             evaluate_every: 7, batch: 16, lanes: [(name: \"a\", {lane})], edits: [{edits}])"
        );
        let scenario = crate::scenario::read(&text).expect("a scenario");
        let data = Arc::new(prepare(&scenario, &NoFiles).expect("data"));
        let course = CellTraining::new(&scenario, 19, &data).expect("a network");
        (course, scenario)
    }

    /// A driver whose clock makes every step long, and that asks to stop at one reading of the clock.
    pub struct Fickle {
        pub leave: Arc<CancelSignal>,
        pub readings: Cell<u64>,
        pub at: u64,
        /// Whether it stops between steps; otherwise it stops within a step.
        pub between: bool,
    }

    impl Driver for Fickle {
        fn seconds(&self) -> f64 {
            self.readings.set(self.readings.get() + 1);
            self.leave.want(self.readings.get() == self.at);
            self.readings.get() as f64
        }
        fn stop(&self, _: f64) -> bool {
            self.between && self.leave.wanted()
        }
        fn allow(&self, leave: bool) {
            self.leave.allow(leave);
        }
    }

    /// Interrupts a training at the given reading of the clock, if it is reached, and continues it; returns the record
    /// and the number of interruptions.
    fn trained(lane: &str, at: u64, between: bool) -> (TrainingRecord, u64) {
        let (mut course, _) = course(lane, 30, "(step: 10, lane: \"a\", field: \"batch\", to: \"8\")");
        let leave = Arc::<CancelSignal>::default();
        let team: Arc<dyn Team> = Arc::new(Seat::new(None, Arc::clone(&leave)));
        course.work_with(&team);
        let driver = Fickle { leave, readings: Cell::new(0), at, between };
        let mut left = 0;
        loop {
            match course.train(30, &driver) {
                Some(record) => return (record.clone(), left),
                None => left += 1,
            }
        }
    }

    #[test]
    fn a_training_that_is_left_anywhere_goes_on_to_the_same_bits() {
        for lane in [
            "optimizer: Adam(0.01)",
            "optimizer: Sam(inner: Sgd(0.1)), clip: Norm(1.0)",
            "optimizer: Sgd(0.1), schedule: ReduceOnPlateau(patience: 1), early_stopping: (patience: 3, restore_best: true)",
        ] {
            let (undisturbed, _) = trained(lane, 0, true);
            assert!(undisturbed.steps > 10, "{undisturbed:?}");
            let mut all = 0;
            for at in 1..=31 {
                for between in [true, false] {
                    let (record, left) = trained(lane, at, between);
                    assert_eq!(record, undisturbed, "{lane}: left at {at}");
                    all += left;
                }
            }
            assert!(all > 30, "{lane}: it was left {all} times only");
        }
    }
}
