//! One training of a sweep, and the line that is kept of it. The numbers are those of `run`; knows no thread and no file.

use crate::engine::team::Team;
use crate::lab::experiment::{Data, Fault};
use crate::lab::trainer::{Change, Evaluation, Trainer};
use crate::number::Number;
use crate::scenario::{Edit, Recipe, Scenario};
use crate::text::excerpt;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The end of a training.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum End {
    /// All its steps are done.
    Finished,
    /// Early stopping ended it.
    Stopped,
    /// Its numbers ran away.
    Diverged,
    /// It could not be trained.
    Failed,
}

/// The results of a training: a line of a results file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The key of its setting.
    #[serde(with = "hexadecimal")]
    pub cell: u64,
    /// Its seed.
    pub seed: u64,
    /// Steps that it was asked for.
    pub until: u64,
    /// Steps done; where it diverged, the step that failed.
    pub steps: u64,
    /// Its end.
    pub end: End,
    /// Why, where that is not plain.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// Gradient evaluations.
    pub gradients: u64,
    /// The steps after which it was evaluated.
    pub at: Vec<u64>,
    /// The training loss and the numbers of the validation at these steps, each under its key.
    pub curve: BTreeMap<String, Vec<Option<f32>>>,
}

/// A key as text: JSON has no whole numbers of 64 bits that every reader keeps.
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

impl Record {
    /// As a line, its end included.
    pub fn line(&self) -> String {
        let mut line = serde_json::to_string(self).unwrap_or_default();
        line.push('\n');
        line
    }

    /// Whether nothing is to be done up to this step.
    pub fn done(&self, until: u64) -> bool {
        self.until >= until || self.end != End::Finished
    }

    /// The values of a number at [`Record::at`]; not finite where it was none.
    pub fn values(&self, number: Number) -> impl DoubleEndedIterator<Item = f32> + '_ {
        let all = self.curve.get(number.row().key).map_or(&[][..], Vec::as_slice);
        all.iter().map(|x| x.unwrap_or(f32::NAN))
    }

    /// The value after the last evaluation up to a step; `None` where there is none that is finite.
    pub fn value_at(&self, number: Number, step: u64) -> Option<f32> {
        if matches!(self.end, End::Diverged | End::Failed) && self.steps <= step {
            return None;
        }
        let place = self.at.partition_point(|&at| at <= step).checked_sub(1)?;
        self.values(number).nth(place).filter(|x| x.is_finite())
    }
}

/// A training under way.
pub struct Course {
    trainer: Trainer,
    now: Recipe,
    journal: Vec<Edit>,
    /// Edits that were made.
    edited: usize,
    every: u64,
    total: u64,
    record: Record,
}

impl Course {
    /// A training before its first step; `scenario` has this lane alone.
    ///
    /// # Errors
    /// Why it cannot train.
    pub fn new(scenario: &Scenario, key: u64, data: &Arc<Data>) -> Result<Self, Fault> {
        let lane = &scenario.lanes[0];
        let edit = |(n, field, what)| Fault { at: format!("edits[{n}].{field}"), what };
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
            record: Record::new(key, scenario.seed),
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

    /// Trains until so many steps are done, or it ends; what came out. `None` if it was told to leave before.
    pub fn train(&mut self, until: u64, leave: &AtomicBool) -> Option<&Record> {
        let until = until.min(self.total);
        self.record.until = until;
        while self.trainer.steps() < until && self.record.end == End::Finished {
            if leave.load(Ordering::Relaxed) {
                return None;
            }
            if let Err(fault) = self.edit() {
                self.record.end = End::Failed;
                self.record.why = excerpt(&fault.to_string(), 400);
                break;
            }
            match self.trainer.step(false) {
                Ok(result) => {
                    let step = self.trainer.steps();
                    if step.is_multiple_of(self.every) || step == self.total {
                        let report = self.trainer.evaluate_and_report();
                        self.record.evaluated(step, result.loss, report.evaluation);
                        if let Some(stop) = report.stop {
                            if let Some(restored) = stop.restored {
                                self.record.evaluated(step, result.loss, restored);
                            }
                            (self.record.end, self.record.why) = (End::Stopped, stop.words);
                        }
                    }
                }
                Err(account) => {
                    self.record.steps = account.step;
                    (self.record.end, self.record.why) = (End::Diverged, excerpt(&account.what, 400));
                }
            }
        }
        if self.record.end != End::Diverged {
            self.record.steps = self.trainer.steps();
        }
        self.record.gradients = self.trainer.live().evaluations;
        Some(&self.record)
    }

    /// Makes the edits whose step has come.
    fn edit(&mut self) -> Result<(), Fault> {
        let (done, before) = (self.trainer.steps(), self.edited);
        while let Some(edit) = self.journal.get(self.edited).filter(|e| e.step <= done) {
            if !edit.empties() {
                let fault = |what| Fault { at: format!("edits: {}", edit.field), what };
                self.now.set_at(&edit.field, &edit.to).map_err(fault)?;
            }
            self.edited += 1;
        }
        if before == self.edited {
            return Ok(());
        }
        if self.trainer.set(self.now.clone())? == Change::Restarted {
            return Err(Fault { at: "edits".into(), what: "an edit makes the lane start anew".into() });
        }
        if self.journal[before..self.edited].iter().any(Edit::empties) {
            self.trainer.empty_memory();
        }
        Ok(())
    }
}

impl Record {
    /// Of a training before its first step.
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

    /// Of a training that could not begin.
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
        // A number that an evaluation lacks keeps its place.
        self.curve.values_mut().for_each(|all| all.resize(before + 1, None));
    }
}
