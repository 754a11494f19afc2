//! The results of a sweep: the best setting of each contender, and the certainty of the ranking.
//!
//! The table depends on the plan and the results alone, and not on the order of the trainings or the number of
//! processes. This module uses no files and no output formats; `print` writes the table.

mod print;

pub use print::{Format, print, print_all};

use super::SweepCell;
use super::cell::{End, TrainingRecord};
use super::schedule::{greater_is_better, merit};
use crate::lab::outcome::Standings;
use crate::number::Number;
use crate::scenario::sweep::{SweepPlan, Take};
use crate::telemetry::{Band, Event, Measure};
use std::collections::HashMap;

/// A setting is good if it is worse than the best one by at most this fraction of the best loss, or of
/// the best error if shares are compared.
const GOOD: f32 = 0.1;
/// If shares are compared, a setting is also good if its share is lower by at most this much.
const GOOD_SHARE: f32 = 0.01;

/// The results of a sweep, complete or not.
pub struct Results<'a> {
    plan: &'a SweepPlan,
    records: HashMap<SweepCell, TrainingRecord>,
}

/// The score of a setting over its seeds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SettingScore {
    /// The median over the seeds, in which lost seeds count as the worst; `None` if the median is a lost seed.
    pub median: Option<f32>,
    /// The range over the seeds that are not lost.
    pub band: Option<Band>,
    /// Number of seeds with a result.
    pub seeds: usize,
    /// Number of seeds that diverged, that failed, or that did not reach the target
    /// if steps to the target are compared.
    pub lost: usize,
    /// Number of seeds that diverged.
    pub diverged: usize,
    /// The step up to which all seeds were trained; that of the whole training if they ended earlier by themselves. If
    /// it is less, halving dropped the setting, or it is not done yet.
    pub reach: u64,
    /// Whether all seeds were trained as long as the sweep asks.
    pub whole: bool,
}

/// A row of the table: a contender with its best setting.
#[derive(Clone, Debug, PartialEq)]
pub struct SweepRow {
    /// The contender.
    pub contender: usize,
    /// Its best setting, if any has a result.
    pub best: Option<usize>,
    /// Its score.
    pub score: SettingScore,
    /// The median over the seeds of the step at which the target was reached; `None` if most seeds never reached it.
    pub reached: Option<u64>,
    /// Number of its trainings that diverged, and of those with a result.
    pub diverged: (usize, usize),
    /// Number of its good settings, and of those with a result.
    pub good: (usize, usize),
    /// The range of good values around the best one for each numeric field.
    pub ranges: Vec<GoodRange>,
}

/// The good values of a field around the best one, with all other fields equal.
#[derive(Clone, Debug, PartialEq)]
pub struct GoodRange {
    /// The field.
    pub field: usize,
    /// The least good value.
    pub from: String,
    /// The greatest good value.
    pub to: String,
    /// Its width as a decimal logarithm; 0 if the values are not positive.
    pub decades: f64,
    /// The best value, if it is the least or the greatest that was tried: a better one may lie beyond.
    pub edge: Option<String>,
}

/// The comparison of the best two contenders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopTwo {
    /// Their indices in the plan.
    pub contenders: (usize, usize),
    /// Whether they differ: no seed is lost, and the ranges over at least two seeds do not overlap.
    pub apart: bool,
    /// Number of seeds on which the first is better, and of seeds that both have.
    pub wins: (usize, usize),
}

impl<'a> Results<'a> {
    /// The results of a plan from the records of its trainings.
    pub fn new(plan: &'a SweepPlan, records: HashMap<SweepCell, TrainingRecord>) -> Self {
        Self { plan, records }
    }

    /// The plan.
    pub fn plan(&self) -> &'a SweepPlan {
        self.plan
    }

    /// The result of a training, if it is there.
    pub fn record(&self, setting: usize, seed: usize) -> Option<&TrainingRecord> {
        self.records.get(&SweepCell { setting, seed })
    }

    /// Adds a result; of several results of a training, the most advanced one counts.
    pub fn insert(&mut self, cell: SweepCell, record: TrainingRecord) {
        match self.records.get(&cell) {
            Some(old) if old.until >= record.until => {}
            _ => {
                self.records.insert(cell, record);
            }
        }
    }

    /// Number of trainings with a result.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there are no results.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The number by which settings are compared, in words.
    pub fn compared(&self) -> String {
        let label = self.plan.measure.row().label;
        match self.plan.sweep.take {
            Take::Last => label.into(),
            Take::Best => format!("best {label}"),
            Take::Target => format!("steps to {label} {}", self.plan.sweep.target.unwrap_or_default()),
        }
    }

    /// Whether a smaller number is better.
    pub fn less_is_better(&self) -> bool {
        self.plan.sweep.take == Take::Target || !greater_is_better(self.plan.measure)
    }

    fn merit(&self, value: Option<f32>) -> f32 {
        match value {
            None => f32::NEG_INFINITY,
            Some(x) if self.less_is_better() => -x,
            Some(x) => x,
        }
    }

    /// The number by which a training is compared; `None` if it is lost.
    pub fn value(&self, record: &TrainingRecord) -> Option<f32> {
        let measure = self.plan.measure;
        match self.plan.sweep.take {
            _ if matches!(record.end, End::Diverged | End::Failed) => None,
            Take::Last => record.values(measure).next_back().filter(|x| x.is_finite()),
            Take::Best => {
                let better =
                    |a: f32, b: f32| if merit(measure, Some(b)) > merit(measure, Some(a)) { b } else { a };
                record.values(measure).filter(|x| x.is_finite()).reduce(better)
            }
            Take::Target => self.reached(record).map(|step| step as f32),
        }
    }

    /// The first evaluated step at which a training reached the target.
    pub fn reached(&self, record: &TrainingRecord) -> Option<u64> {
        let target = self.plan.sweep.target? as f32;
        let measure = self.plan.measure;
        let good = |x: f32| if greater_is_better(measure) { x >= target } else { x <= target };
        record.at.iter().zip(record.values(measure)).find(|(_, x)| good(*x)).map(|(at, _)| *at)
    }

    /// The score of a setting.
    pub fn score(&self, setting: usize) -> SettingScore {
        let total = self.plan.steps(&self.plan.settings[setting]);
        let mut score = SettingScore { whole: true, reach: total, ..SettingScore::default() };
        let mut values = Vec::new();
        for seed in 0..self.plan.seeds.len() {
            let Some(record) = self.record(setting, seed) else {
                score.whole = false;
                continue;
            };
            score.whole &= record.done(total);
            score.reach = if record.done(total) { score.reach } else { score.reach.min(record.until) };
            score.seeds += 1;
            score.diverged += usize::from(record.end == End::Diverged);
            let value = self.value(record);
            score.lost += usize::from(value.is_none());
            values.push(value);
        }
        score.median = median(&mut values, |value| self.merit(value));
        score.band = Band::of(values.iter().flatten().copied());
        score
    }

    /// How far the results of a setting go. Only numbers of equally far settings may be compared: others have more
    /// steps, or more seeds.
    pub fn rung(score: &SettingScore) -> (bool, u64, usize) {
        (score.whole, if score.whole { 0 } else { score.reach }, score.seeds)
    }

    /// Whether a median is nearly as good as the best one.
    fn good(&self, median: Option<f32>, best: f32) -> bool {
        let Some(x) = median else { return false };
        let share = self.plan.measure.is_share() && !self.less_is_better();
        if share {
            1.0 - x <= (1.0 + GOOD) * (1.0 - best) || x >= best - GOOD_SHARE
        } else if self.less_is_better() {
            x <= best + GOOD * best.abs()
        } else {
            x >= best - GOOD * best.abs()
        }
    }

    /// When a setting counts as good, in words.
    pub fn good_in_words(&self) -> String {
        let percent = 100.0 * GOOD;
        if self.plan.measure.is_share() && !self.less_is_better() {
            format!(
                "an error at most {percent:.0} % larger than the contender's least, or a share at most {GOOD_SHARE} lower"
            )
        } else {
            format!("at most {percent:.0} % worse than the contender's best setting")
        }
    }

    /// A row for each contender, the best first; those whose results go farther come before the others.
    pub fn rows(&self) -> Vec<SweepRow> {
        let scores: Vec<SettingScore> = (0..self.plan.settings.len()).map(|s| self.score(s)).collect();
        let mut rows: Vec<SweepRow> = (0..self.plan.contenders.len()).map(|c| self.row(c, &scores)).collect();
        rows.sort_by(|a, b| {
            let merit = |r: &SweepRow| self.merit(r.score.median);
            let far = |r: &SweepRow| (r.score.median.is_some(), Self::rung(&r.score));
            far(b).cmp(&far(a)).then(merit(b).total_cmp(&merit(a))).then(a.contender.cmp(&b.contender))
        });
        rows
    }

    fn row(&self, contender: usize, scores: &[SettingScore]) -> SweepRow {
        let mine: Vec<usize> =
            (0..scores.len()).filter(|&s| self.plan.settings[s].contender == contender).collect();
        // Only the settings with the most complete results compete: others have fewer seeds, or halving dropped them. A
        // setting that diverged early is no measure of how far the others are.
        let rank = |s: usize| Self::rung(&scores[s]);
        let known = mine.iter().filter(|&&s| scores[s].median.is_some());
        let fullest = known.map(|&s| rank(s)).max();
        let fullest = fullest.or_else(|| mine.iter().map(|&s| rank(s)).max()).unwrap_or_default();
        let seen = || mine.iter().copied().filter(|&s| scores[s].seeds > 0);
        let best = seen()
            .filter(|&s| rank(s) == fullest)
            .reduce(|a, b| if self.merit(scores[b].median) > self.merit(scores[a].median) { b } else { a });
        let score = best.map(|s| scores[s]).unwrap_or_default();
        let mut row = SweepRow {
            contender,
            best,
            score,
            reached: None,
            diverged: seen().fold((0, 0), |(n, all), s| (n + scores[s].diverged, all + scores[s].seeds)),
            good: (0, seen().count()),
            ranges: Vec::new(),
        };
        let (Some(best), Some(median_of_best)) = (best, score.median) else { return row };
        let is_good = |s: usize| rank(s) == fullest && self.good(scores[s].median, median_of_best);
        row.good.0 = seen().filter(|&s| is_good(s)).count();
        row.ranges =
            (0..self.plan.fields.len()).filter_map(|f| self.range(f, best, &mine, &is_good)).collect();
        if self.plan.sweep.target.is_some() {
            let mut steps: Vec<Option<u64>> = (0..self.plan.seeds.len())
                .filter_map(|seed| Some(self.reached(self.record(best, seed)?)))
                .collect();
            steps.sort_by_key(|s| s.unwrap_or(u64::MAX));
            row.reached = steps.get(steps.len() / 2).copied().flatten();
        }
        row
    }

    /// The good values of a numeric field around the best one, with all other fields equal.
    fn range(
        &self,
        field: usize,
        best: usize,
        mine: &[usize],
        good: &dyn Fn(usize) -> bool,
    ) -> Option<GoodRange> {
        let of = |s: usize, f: usize| self.plan.value(&self.plan.settings[s], f);
        let others = |s: usize| (0..self.plan.fields.len()).all(|f| f == field || of(s, f) == of(best, f));
        let mut line: Vec<(f64, String, usize)> = Vec::new();
        for &s in mine.iter().filter(|&&s| others(s)) {
            let text = of(s, field)?;
            line.push((text.parse().ok()?, text, s));
        }
        if line.len() < 3 {
            return None;
        }
        line.sort_by(|a, b| a.0.total_cmp(&b.0));
        let place = line.iter().position(|l| l.2 == best)?;
        let first = (0..place).rev().take_while(|&i| good(line[i].2)).last().unwrap_or(place);
        let last = (place..line.len()).take_while(|&i| good(line[i].2)).last().unwrap_or(place);
        let (from, to) = (line[first].0, line[last].0);
        let decades = if from > 0.0 { libm::log10(to / from) } else { 0.0 };
        let edge = (place == 0 || place + 1 == line.len()).then(|| line[place].1.clone());
        Some(GoodRange { field, from: line[first].1.clone(), to: line[last].1.clone(), decades, edge })
    }

    /// Compares the best two contenders; they differ if their ranges over the seeds do not overlap.
    pub fn verdict(&self, rows: &[SweepRow]) -> Option<TopTwo> {
        let [first, second, ..] = rows else { return None };
        if Self::rung(&first.score) != Self::rung(&second.score) {
            return None;
        }
        let (a, b) = (first.best?, second.best?);
        let (mine, theirs) = (first.score.band?, second.score.band?);
        let lost = first.score.lost + second.score.lost;
        let merits = |s: usize, seed| Some(self.merit(self.value(self.record(s, seed)?)));
        let pairs: Vec<(f32, f32)> = (0..self.plan.seeds.len())
            .filter_map(|seed| Some((merits(a, seed)?, merits(b, seed)?)))
            .collect();
        Some(TopTwo {
            contenders: (first.contender, second.contender),
            apart: lost == 0 && pairs.len() > 1 && mine.apart(&theirs),
            wins: (pairs.iter().filter(|(x, y)| x > y).count(), pairs.len()),
        })
    }

    /// The best settings on each seed as standings with one lane per contender, which check the sweep's expectations.
    pub fn standings(&self) -> Vec<(u64, Standings)> {
        let rows = self.rows();
        let of_seed = |seed: usize| {
            let mut standings = Standings::default();
            for row in &rows {
                let name = self.plan.contenders[row.contender].clone();
                standings.enter(row.contender, name, 0);
                let Some(record) = row.best.and_then(|s| self.record(s, seed)) else { continue };
                for (i, &step) in record.at.iter().enumerate() {
                    let mut measure = Measure { step, evaluations: record.gradients, ..Measure::default() };
                    for number in Number::ALL {
                        let known = record.curve.contains_key(number.row().key);
                        let value = record.values(number).nth(i).map(f64::from);
                        measure.values.set(number, value.filter(|_| known));
                    }
                    let (lane, measure) = (row.contender, Box::new(measure));
                    standings.apply(&Event::Measured { lane, measure: measure.clone(), layers: Vec::new() });
                    standings.apply(&Event::Evaluated { lane, measure });
                }
            }
            standings
        };
        self.plan.seeds.iter().enumerate().map(|(i, &seed)| (seed, of_seed(i))).collect()
    }
}

/// The median by merit; of an even count, the mean of the two middle values, or `None` if one of them is lost.
fn median(values: &mut [Option<f32>], merit: impl Fn(Option<f32>) -> f32) -> Option<f32> {
    values.sort_by(|a, b| merit(*a).total_cmp(&merit(*b)));
    let n = values.len();
    if n == 0 {
        return None;
    }
    Some(f32::midpoint(values[(n - 1) / 2]?, values[n / 2]?))
}

#[cfg(test)]
mod tests;
