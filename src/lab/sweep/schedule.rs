//! The order of trainings: all of them, or, with successive halving, longer ones for the best settings only. It
//! depends on results alone, and not on threads, files or time.

use super::cell::TrainingRecord;
use super::{Slice, SweepCell};
use crate::engine::rng::hash;
use crate::number::Number;
use crate::scenario::sweep::SweepPlan;
use std::collections::HashMap;

/// A training to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScheduledTraining {
    /// The training.
    pub cell: SweepCell,
    /// The step up to which it trains.
    pub until: u64,
}

/// Settings that are compared with each other, and the rung that they have reached.
#[derive(Clone, Debug)]
struct HalvingBracket {
    /// The settings that were not dropped, in the order of the plan.
    settings: Vec<usize>,
    rung: usize,
    /// Number of trainings of this rung that are not done.
    open: usize,
}

/// The order of all trainings of a slice.
#[derive(Clone, Debug)]
pub struct TrainingSchedule<'a> {
    plan: &'a SweepPlan,
    /// The step up to which each rung trains; the last rung trains all steps.
    rungs: Vec<u64>,
    brackets: Vec<HalvingBracket>,
    /// The bracket of each setting, if it is in this slice.
    of: HashMap<usize, usize>,
    records: HashMap<SweepCell, TrainingRecord>,
    by_key: HashMap<(u64, u64), SweepCell>,
    ready: std::collections::VecDeque<ScheduledTraining>,
    /// Number of trainings that were taken and are not done.
    flying: usize,
    left: usize,
}

/// The merit of a value: a greater merit is better, and a missing value has the lowest.
pub fn merit(number: Number, value: Option<f32>) -> f32 {
    match value {
        None => f32::NEG_INFINITY,
        Some(x) if greater_is_better(number) => x,
        Some(x) => -x,
    }
}

/// Whether a greater value of a number is better.
pub fn greater_is_better(number: Number) -> bool {
    number.is_share() || number == Number::ValR2
}

impl<'a> TrainingSchedule<'a> {
    /// The schedule of a slice; trainings whose results are known already are not ordered again.
    pub fn new(plan: &'a SweepPlan, slice: Slice, records: impl IntoIterator<Item = TrainingRecord>) -> Self {
        let mut by_key = HashMap::new();
        for (setting, s) in plan.settings.iter().enumerate() {
            for (seed, &number) in plan.seeds.iter().enumerate() {
                by_key.entry((s.key, number)).or_insert(SweepCell { setting, seed });
            }
        }
        let mut schedule = Self {
            plan,
            rungs: rungs(plan),
            brackets: Vec::new(),
            of: HashMap::new(),
            records: HashMap::new(),
            by_key,
            ready: std::collections::VecDeque::new(),
            flying: 0,
            left: 0,
        };
        for record in records {
            schedule.know(record);
        }
        if plan.sweep.halving.is_some() {
            for settings in mine(brackets(plan), slice, |b| plan.settings[b[0]].key) {
                let at = schedule.brackets.len();
                schedule.of.extend(settings.iter().map(|&s| (s, at)));
                schedule.brackets.push(HalvingBracket { settings, rung: 0, open: 0 });
                schedule.begin(at);
            }
        } else {
            schedule.all(slice);
        }
        schedule
    }

    /// Orders every training to its end, one seed after the other, so that many trainings share the data of a seed.
    fn all(&mut self, slice: Slice) {
        let seeds = self.plan.seeds.len();
        let cells: Vec<SweepCell> = (0..seeds)
            .flat_map(|seed| (0..self.plan.settings.len()).map(move |setting| SweepCell { setting, seed }))
            .collect();
        let key = |c: &SweepCell| self.plan.settings[c.setting].key ^ self.plan.seeds[c.seed];
        let cells = mine(cells, slice, key);
        for cell in cells {
            let until = self.total(cell.setting);
            if !self.records.get(&cell).is_some_and(|r| r.done(until)) {
                self.left += 1;
                self.ready.push_back(ScheduledTraining { cell, until });
            }
        }
    }

    fn total(&self, setting: usize) -> u64 {
        self.plan.steps(&self.plan.settings[setting])
    }

    /// Orders the open trainings of a bracket's rung; if there are none, it moves on to the next rung.
    fn begin(&mut self, at: usize) {
        loop {
            let bracket = &self.brackets[at];
            let mut orders = Vec::new();
            for &setting in &bracket.settings {
                let until = self.rungs[bracket.rung].min(self.total(setting));
                for seed in 0..self.plan.seeds.len() {
                    let cell = SweepCell { setting, seed };
                    if !self.records.get(&cell).is_some_and(|r| r.done(until)) {
                        orders.push(ScheduledTraining { cell, until });
                    }
                }
            }
            if !orders.is_empty() {
                self.brackets[at].open = orders.len();
                self.left += orders.len();
                self.ready.extend(orders);
                return;
            }
            if bracket.rung + 1 == self.rungs.len() {
                return;
            }
            self.promote(at);
        }
    }

    /// Moves the best settings of a bracket to the next rung; of equal ones, those earlier in the plan.
    fn promote(&mut self, at: usize) {
        let factor = self.plan.sweep.halving.as_ref().map_or(2, |h| h.factor);
        let bracket = &self.brackets[at];
        let step = self.rungs[bracket.rung];
        let mut ranked: Vec<(f32, usize)> =
            bracket.settings.iter().map(|&setting| (self.median(setting, step), setting)).collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        ranked.truncate(ranked.len().div_ceil(factor).max(1));
        let mut settings: Vec<usize> = ranked.into_iter().map(|r| r.1).collect();
        settings.sort_unstable();
        let bracket = &mut self.brackets[at];
        bracket.settings = settings;
        bracket.rung += 1;
    }

    /// The median merit over the seeds at a step.
    fn median(&self, setting: usize, step: u64) -> f32 {
        let merits = (0..self.plan.seeds.len()).map(|seed| {
            let record = self.records.get(&SweepCell { setting, seed });
            merit(self.plan.measure, record.and_then(|r| r.value_at(self.plan.measure, step)))
        });
        let mut merits: Vec<f32> = merits.collect();
        merits.sort_unstable_by(f32::total_cmp);
        merits[merits.len() / 2]
    }

    /// The next training, if one can begin now.
    pub fn take(&mut self) -> Option<ScheduledTraining> {
        let order = self.ready.pop_front()?;
        self.flying += 1;
        Some(order)
    }

    /// Whether nothing can begin, now or later.
    pub fn over(&self) -> bool {
        self.ready.is_empty() && self.flying == 0
    }

    /// Number of trainings that are not done; halving may add more.
    pub fn left(&self) -> usize {
        self.left
    }

    /// Whether a training may go on after step `until`, so that its state is worth keeping.
    pub fn goes_on(&self, cell: SweepCell, until: u64) -> bool {
        until < self.total(cell.setting) && self.of.contains_key(&cell.setting)
    }

    /// Whether halving dropped a setting.
    pub fn dropped(&self, setting: usize) -> bool {
        self.of.get(&setting).is_some_and(|&at| !self.brackets[at].settings.contains(&setting))
    }

    /// Adds the result of an order.
    pub fn done(&mut self, cell: SweepCell, record: TrainingRecord) {
        self.flying -= 1;
        self.left -= 1;
        self.records.insert(cell, record);
        let Some(&at) = self.of.get(&cell.setting) else { return };
        self.brackets[at].open -= 1;
        if self.brackets[at].open == 0 && self.brackets[at].rung + 1 < self.rungs.len() {
            self.promote(at);
            self.begin(at);
        }
    }

    /// Adds a result that was found on disk; of several results of a training, the most advanced one counts.
    fn know(&mut self, record: TrainingRecord) {
        let Some(&cell) = self.by_key.get(&(record.cell, record.seed)) else { return };
        match self.records.get(&cell) {
            Some(old) if old.until >= record.until => {}
            _ => {
                self.records.insert(cell, record);
            }
        }
    }

    /// All results.
    pub fn records(&self) -> &HashMap<SweepCell, TrainingRecord> {
        &self.records
    }

    /// All results; the schedule ends here.
    pub fn into_records(self) -> HashMap<SweepCell, TrainingRecord> {
        self.records
    }
}

/// The units of a slice, chosen in the order of their hashes, so that each slice gets cheap and expensive ones.
fn mine<T>(units: Vec<T>, slice: Slice, key: impl Fn(&T) -> u64) -> Vec<T> {
    if slice.count == 1 {
        return units;
    }
    let mut order: Vec<(u64, usize)> = units.iter().map(key).zip(0..).collect();
    order.sort_unstable();
    let mut taken = vec![false; units.len()];
    order
        .iter()
        .enumerate()
        .filter(|(n, _)| n % slice.count == slice.index)
        .for_each(|(_, o)| taken[o.1] = true);
    units.into_iter().zip(taken).filter(|u| u.1).map(|u| u.0).collect()
}

/// The step up to which each rung trains.
fn rungs(plan: &SweepPlan) -> Vec<u64> {
    let longest = plan.settings.iter().map(|s| plan.steps(s)).max().unwrap_or(1);
    let mut rungs = Vec::new();
    if let Some(halving) = &plan.sweep.halving {
        // A rung ends at a step with an evaluation, so that halving adds no evaluations.
        let every = plan.settings.first().map_or(1, |s| plan.evaluate_every(s)).max(1);
        let mut steps = (halving.steps as u64).next_multiple_of(every);
        while steps < longest {
            rungs.push(steps);
            steps = steps.saturating_mul(halving.factor as u64).next_multiple_of(every);
        }
    }
    rungs.push(longest);
    rungs
}

/// The brackets of every contender. The settings are shuffled, so that a bracket does not consist of neighbours in the
/// grid; the order depends on the seed and the settings alone.
fn brackets(plan: &SweepPlan) -> Vec<Vec<usize>> {
    let size = plan.sweep.halving.as_ref().and_then(|h| h.bracket).unwrap_or(usize::MAX);
    let mut all: Vec<Vec<usize>> = Vec::new();
    for contender in 0..plan.contenders.len() {
        let mut settings: Vec<usize> =
            (0..plan.settings.len()).filter(|&s| plan.settings[s].contender == contender).collect();
        settings.sort_by_cached_key(|&s| (hash([plan.seeds[0], plan.settings[s].key]), s));
        for bracket in settings.chunks(size.min(settings.len().max(1))) {
            let mut bracket = bracket.to_vec();
            bracket.sort_unstable();
            all.push(bracket);
        }
    }
    all
}

/// Number of parts into which a sweep can be divided: trainings, or, with successive halving, brackets, since all
/// settings of one are compared by one process.
pub fn parts(plan: &SweepPlan) -> usize {
    if plan.sweep.halving.is_some() { brackets(plan).len() } else { plan.cells() }
}

#[cfg(test)]
mod tests;
