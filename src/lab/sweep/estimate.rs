//! Estimates the time of a sweep from a short measured part of it, and its memory.

use super::cell::{CellTraining, Driver};
use super::schedule::TrainingSchedule;
use super::work::fingerprint;
use super::{Slice, SweepCell};
use crate::engine::data::Files;
use crate::lab::experiment::{self, Data};
use crate::scenario::sweep::SweepPlan;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Instant;

/// Largest number of trainings that are measured.
const SAMPLES: usize = 8;
/// Seconds for each measured training.
const TIME: f64 = 0.06;

/// The driver of a measured training, which it never stops.
struct UnlimitedTime(Instant);

impl Driver for UnlimitedTime {
    fn seconds(&self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }
    fn stop(&self, _: f64) -> bool {
        false
    }
    fn allow(&self, _: bool) {}
}

/// Time and memory of a sweep.
#[derive(Clone, Copy, Debug, Default)]
pub struct Estimate {
    /// Seconds on one thread.
    pub seconds: f64,
    /// Bytes of the data and of one training on each thread.
    pub bytes: u64,
    /// Steps of all trainings.
    pub steps: u64,
}

/// Builds every setting, and trains some of them for a short time.
///
/// # Errors
/// The settings that cannot be trained, each with the reason.
pub fn estimate(plan: &SweepPlan, files: &dyn Files, threads: usize) -> Result<Estimate, Vec<String>> {
    let (mut data, mut faults) = (HashMap::<String, Arc<Data>>::new(), Vec::new());
    let (mut largest, mut held) = (0, 0);
    let every = plan.settings.len().div_ceil(SAMPLES).max(1);
    let mut costs = Vec::new();
    for (i, setting) in plan.settings.iter().enumerate() {
        let scenario = plan.scenario(setting, plan.seeds[0]);
        let wanted = fingerprint(&scenario);
        if !data.contains_key(&wanted) {
            // Consecutive settings mostly share their data, so only the latest data are kept.
            data.clear();
            match experiment::prepare(&scenario, files) {
                Ok(made) => data.insert(wanted.clone(), Arc::new(made)),
                Err(fault) => {
                    faults.push(format!("{}: {fault}", plan.words(setting)));
                    continue;
                }
            };
        }
        let data = &data[&wanted];
        let recipe = scenario.recipe(&scenario.lanes[0]);
        let network = match experiment::build(data, &recipe) {
            Ok(network) => network,
            Err(fault) => {
                faults.push(format!("{}: {fault}", plan.words(setting)));
                continue;
            }
        };
        largest = largest.max(recipe.memory(&network, data, false).over(1));
        held = held.max(4 * (data.train.inputs.len() + data.validation.inputs.len()) as u64);
        if i % every == 0 {
            let clock = UnlimitedTime(Instant::now());
            let Ok(mut course) = CellTraining::new(&scenario, setting.key, data) else { continue };
            let (total, mut steps) = (scenario.steps as u64, 1);
            // Train until the time is over, including the evaluations that are due.
            while course.steps() < total && clock.seconds() < TIME {
                let before = course.steps();
                if course.train(before + steps, &clock).is_none() || course.steps() == before {
                    break;
                }
                steps *= 2;
            }
            let done = course.steps().max(1);
            costs.push(clock.seconds() / done as f64);
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let schedule = orders(plan);
    let steps: u64 = schedule.values().sum();
    let mean = costs.iter().sum::<f64>() / costs.len().max(1) as f64;
    Ok(Estimate {
        seconds: mean * steps as f64,
        // The data of two seeds are in memory together while one seed ends and the next one begins.
        bytes: largest * threads as u64 + 2 * held + (16 << 20),
        steps,
    })
}

/// The steps of every training; with halving, this assumes that the settings earlier in the plan are better.
fn orders(plan: &SweepPlan) -> BTreeMap<SweepCell, u64> {
    let mut schedule = TrainingSchedule::new(plan, Slice::ALL, []);
    let mut steps = BTreeMap::new();
    while let Some(order) = schedule.take() {
        let setting = &plan.settings[order.cell.setting];
        let record = super::cell::TrainingRecord {
            until: order.until,
            steps: order.until,
            ..super::cell::TrainingRecord::new(setting.key, plan.seeds[order.cell.seed])
        };
        steps.insert(order.cell, order.until);
        schedule.done(order.cell, record);
    }
    steps
}
