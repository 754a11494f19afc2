//! The results of a sweep: the best setting of each contender, tuned for itself, and how sure that is.
//!
//! A function of the plan and the results alone: whoever trained them, in which order and in how many processes, the table is
//! the same. Knows no file and no format; `print` writes it.

mod print;

pub use print::{Format, print, print_all};

use super::Cell;
use super::cell::{End, Record};
use super::schedule::{greater_is_better, merit};
use crate::lab::outcome::Standings;
use crate::number::Number;
use crate::scenario::sweep::{Plan, Take};
use crate::telemetry::{Band, Event, Measure};
use std::collections::HashMap;

/// Share of the best loss (of the best error, where shares are compared) by which a setting may be worse and still be good.
const GOOD: f32 = 0.1;
/// The same for shares, in hits.
const GOOD_SHARE: f32 = 0.01;

/// The results of a sweep, or of what is there of it.
pub struct Results<'a> {
    plan: &'a Plan,
    records: HashMap<Cell, Record>,
}

/// A setting over its seeds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Score {
    /// The median over the seeds, lost ones counting as the worst; `None` if that is lost.
    pub median: Option<f32>,
    /// The range over the seeds that are not lost.
    pub band: Option<Band>,
    /// Seeds that were trained to the end.
    pub seeds: usize,
    /// Seeds whose numbers ran away, or that failed, or that did not reach the target where steps to it are compared.
    pub lost: usize,
    /// Seeds whose numbers ran away.
    pub diverged: usize,
    /// Whether all seeds were trained for as long as the sweep asks; if not, it was given up, or is not done yet.
    pub whole: bool,
}

/// A row: a contender at its best.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The contender.
    pub contender: usize,
    /// Its best setting, if any has a result.
    pub best: Option<usize>,
    /// Its score.
    pub score: Score,
    /// The median of the steps after which it was as good as the target; `None` if most seeds never were.
    pub reached: Option<u64>,
    /// Its trainings that ran away, of those that are done.
    pub diverged: (usize, usize),
    /// Its settings that are good, of those with a result.
    pub good: (usize, usize),
    /// The range of good values around the best one for each field of numbers: field, from, to, decades.
    pub ranges: Vec<(usize, String, String, f64)>,
}

/// Whether the best two differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Their numbers.
    pub contenders: (usize, usize),
    /// Whether their ranges over the seeds do not overlap.
    pub apart: bool,
    /// Seeds on which the first is better, of those that both have.
    pub wins: (usize, usize),
}

impl<'a> Results<'a> {
    /// Of these records; those of other settings do not count, and of several of one training the most advanced does.
    pub fn new(plan: &'a Plan, records: HashMap<Cell, Record>) -> Self {
        Self { plan, records }
    }

    /// The plan.
    pub fn plan(&self) -> &'a Plan {
        self.plan
    }

    /// The result of a training, if it is there.
    pub fn record(&self, setting: usize, seed: usize) -> Option<&Record> {
        self.records.get(&Cell { setting, seed })
    }

    /// Takes in a result.
    pub fn insert(&mut self, cell: Cell, record: Record) {
        match self.records.get(&cell) {
            Some(old) if old.until >= record.until => {}
            _ => {
                self.records.insert(cell, record);
            }
        }
    }

    /// Trainings with a result.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// By which number settings are compared, in words.
    pub fn compared(&self) -> String {
        let label = self.plan.measure.row().label;
        match self.plan.sweep.take {
            Take::Last => label.into(),
            Take::Best => format!("best {label}"),
            Take::Target => format!("steps to {label} {}", self.plan.sweep.target.unwrap_or_default()),
        }
    }

    /// Whether less is better.
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
    pub fn value(&self, record: &Record) -> Option<f32> {
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

    /// The first step after which a training was as good as the target.
    pub fn reached(&self, record: &Record) -> Option<u64> {
        let target = self.plan.sweep.target? as f32;
        let measure = self.plan.measure;
        let good = |x: f32| if greater_is_better(measure) { x >= target } else { x <= target };
        record.at.iter().zip(record.values(measure)).find(|(_, x)| good(*x)).map(|(at, _)| *at)
    }

    /// The score of a setting.
    pub fn score(&self, setting: usize) -> Score {
        let total = self.plan.steps(&self.plan.settings[setting]);
        let mut score = Score { whole: true, ..Score::default() };
        let mut values = Vec::new();
        for seed in 0..self.plan.seeds.len() {
            let Some(record) = self.record(setting, seed) else {
                score.whole = false;
                continue;
            };
            score.whole &= record.done(total);
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

    /// A row for each contender, the best first.
    pub fn rows(&self) -> Vec<Row> {
        let scores: Vec<Score> = (0..self.plan.settings.len()).map(|s| self.score(s)).collect();
        let mut rows: Vec<Row> = (0..self.plan.contenders.len()).map(|c| self.row(c, &scores)).collect();
        rows.sort_by(|a, b| {
            let merit = |r: &Row| self.merit(r.score.median);
            merit(b).total_cmp(&merit(a)).then(a.contender.cmp(&b.contender))
        });
        rows
    }

    fn row(&self, contender: usize, scores: &[Score]) -> Row {
        let mine: Vec<usize> =
            (0..scores.len()).filter(|&s| self.plan.settings[s].contender == contender).collect();
        // Settings with fewer seeds than others had better luck or worse; those that were given up stay behind.
        let rank = |s: usize| (scores[s].whole, scores[s].seeds);
        let fullest = mine.iter().map(|&s| rank(s)).max().unwrap_or_default();
        let seen = || mine.iter().copied().filter(|&s| scores[s].seeds > 0);
        let best = seen()
            .filter(|&s| rank(s) == fullest)
            .reduce(|a, b| if self.merit(scores[b].median) > self.merit(scores[a].median) { b } else { a });
        let score = best.map(|s| scores[s]).unwrap_or_default();
        let mut row = Row {
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

    /// The good values of a field of numbers around the best one, everything else being equal.
    fn range(
        &self,
        field: usize,
        best: usize,
        mine: &[usize],
        good: &dyn Fn(usize) -> bool,
    ) -> Option<(usize, String, String, f64)> {
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
        Some((field, line[first].1.clone(), line[last].1.clone(), decades))
    }

    /// Whether the best two contenders differ beyond their seeds.
    pub fn verdict(&self, rows: &[Row]) -> Option<Verdict> {
        let [first, second, ..] = rows else { return None };
        let (a, b) = (first.best?, second.best?);
        let (mine, theirs) = (first.score.band?, second.score.band?);
        let lost = first.score.lost + second.score.lost;
        let merits = |s: usize, seed| Some(self.merit(self.value(self.record(s, seed)?)));
        let pairs: Vec<(f32, f32)> = (0..self.plan.seeds.len())
            .filter_map(|seed| Some((merits(a, seed)?, merits(b, seed)?)))
            .collect();
        Some(Verdict {
            contenders: (first.contender, second.contender),
            apart: lost == 0 && pairs.len() > 1 && mine.apart(&theirs),
            wins: (pairs.iter().filter(|(x, y)| x > y).count(), pairs.len()),
        })
    }

    /// The best settings on each seed, for expectations: a contender is a lane.
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

/// The one in the middle by merit; of an even count, the mean of the two there, or the lost one if one of them is.
fn median(values: &mut [Option<f32>], merit: impl Fn(Option<f32>) -> f32) -> Option<f32> {
    values.sort_by(|a, b| merit(*a).total_cmp(&merit(*b)));
    let n = values.len();
    if n == 0 {
        return None;
    }
    Some(f32::midpoint(values[(n - 1) / 2]?, values[n / 2]?))
}
