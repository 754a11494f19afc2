//! Turns a sweep as written into the settings to train: every lane with every combination, the same number for each
//! contender. Every planned training can also be read as a scenario of its own.

mod read;

use super::{Random, Sweep, Take, set};
use crate::engine::rng::{Purpose, Stream, hash};
use crate::limits;
use crate::number::{Number, NumberSource};
use crate::registry::{Faults, SettingValue as _, Settings as _};
use crate::scenario::{Lane, Scenario, ScenarioFault, check};
use crate::text::{did_you_mean, escaped, excerpt};
use std::collections::HashSet;

/// One combination of values in one lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The lane, as an index among the trained lanes.
    pub lane: usize,
    /// The contender that it belongs to.
    pub contender: usize,
    /// Identifies lane and values in stored results; it is the same in every sweep that contains this setting.
    pub key: u64,
    /// For each varied field the index of its value; `None` if the field is not varied in this lane.
    values: Vec<Option<u32>>,
}

/// The settings and seeds that a sweep trains.
#[derive(Clone, Debug)]
pub struct SweepPlan {
    /// The sweep as written.
    pub sweep: Sweep,
    /// The varied fields without duplicates.
    pub fields: Vec<String>,
    /// The names of the contenders; each is compared with its own best settings.
    pub contenders: Vec<String>,
    /// The settings, grouped by contender.
    pub settings: Vec<Setting>,
    /// The seeds of every setting.
    pub seeds: Vec<u64>,
    /// The number that is compared.
    pub measure: Number,
    /// The lanes, each as a scenario with this lane alone.
    bases: Vec<Scenario>,
    /// The values of every entry of `vary`.
    values: Vec<Vec<String>>,
    /// The values in words.
    labels: Vec<Vec<String>>,
}

/// Reads a sweep; `open` returns the scenario that it names.
///
/// # Errors
/// All faults, in the order of the text.
pub fn plan(
    text: &str,
    open: &dyn Fn(&str) -> Result<Scenario, String>,
) -> Result<SweepPlan, Vec<ScenarioFault>> {
    if let Err(fault) = check::decode(text.as_bytes()) {
        return Err(vec![fault]);
    }
    let mut planned = None;
    check::document::<Sweep>(text, |sweep, fault| planned = Planner::plan(sweep, open, fault))?;
    // If there is no plan, its faults were reported.
    planned.ok_or_else(Vec::new)
}

/// Receives a combination: the scenario with it, and the indices of its values.
type Leaf<'a> = &'a mut dyn FnMut(&mut Planner<'_>, &Scenario, &mut Vec<Option<u32>>);

struct Planner<'f> {
    plan: SweepPlan,
    fault: Faults<'f>,
    /// Faults already reported: an entry of `vary`, and the index of its value.
    reported: HashSet<(usize, Option<u32>)>,
    by: Vec<usize>,
}

impl Planner<'_> {
    fn plan(
        sweep: &Sweep,
        open: &dyn Fn(&str) -> Result<Scenario, String>,
        fault: Faults<'_>,
    ) -> Option<SweepPlan> {
        let faults = std::cell::Cell::new(0);
        let mut fault = |path: &str, what: String| {
            faults.set(faults.get() + 1);
            fault(path, what);
        };
        sweep.check("", &mut fault);
        let mut sweep_read = sweep.clone();
        sweep_read.title = escaped(&sweep.title).into_owned();
        let base = match sweep.scenario.as_str() {
            "" => Err("scenario: name a preset or a file, such as scenario: \"four-optimizers\"".into()),
            name => open(name).map_err(|what| format!("scenario: {what}")),
        };
        let base = match base {
            Ok(base) => base,
            Err(what) => {
                fault("scenario", what);
                return None;
            }
        };
        let bases = bases(sweep, &base, &mut fault);
        let measure = measure(sweep, &mut fault);
        varied(sweep, &bases, &mut fault);
        if faults.get() > 0 {
            return None;
        }
        let mut fields: Vec<String> = Vec::new();
        for vary in &sweep.vary {
            if !fields.contains(&vary.field) {
                fields.push(vary.field.clone());
            }
        }
        let seeds = (0..sweep.seeds as u64).map(|k| base.seed.wrapping_add(k)).collect();
        let by = by(sweep, &bases, &mut fault);
        let plan = SweepPlan {
            values: vec![Vec::new(); sweep.vary.len()],
            labels: Vec::new(),
            sweep: sweep_read,
            fields,
            contenders: Vec::new(),
            settings: Vec::new(),
            seeds,
            measure,
            bases,
        };
        let mut planner = Planner { plan, fault: &mut fault, reported: HashSet::new(), by };
        planner.values();
        planner.labels();
        planner.settings();
        // Random draws may have added values.
        planner.labels();
        planner.limits();
        planner.losses();
        let mut plan = planner.plan;
        plan.settings.sort_by_key(|s| s.contender);
        (faults.get() == 0).then_some(plan)
    }

    /// The values of every field; values of ranges are rounded if the field takes whole numbers only.
    fn values(&mut self) {
        for i in 0..self.plan.sweep.vary.len() {
            let vary = &self.plan.sweep.vary[i];
            let mut all = vary.values.all();
            if vary.values.computed() {
                let base = &self.plan.bases[self.plan.lanes_of(i).next().unwrap_or(0)];
                for value in &mut all {
                    *value = rounded(base, &vary.field, value);
                }
                all.dedup();
            }
            self.plan.values[i] = all;
        }
    }

    fn labels(&mut self) {
        self.plan.labels = (0..self.plan.values.len()).map(|i| self.plan.labels(i)).collect();
    }

    fn settings(&mut self) {
        let random = self.plan.sweep.random.clone();
        for lane in 0..self.plan.bases.len() {
            let base = self.plan.bases[lane].clone();
            let ground = hash_of(hash([1]), &base.to_ron());
            let (mine, drawn): (Vec<usize>, Vec<usize>) = (0..self.plan.sweep.vary.len())
                .filter(|&i| self.plan.concerns(i, lane))
                .partition(|i| random.is_none() || self.by.contains(i));
            let mut chosen = vec![None; self.plan.sweep.vary.len()];
            match &random {
                None => {
                    let mut add = |planner: &mut Planner<'_>, _: &Scenario, chosen: &mut Vec<Option<u32>>| {
                        planner.add(lane, ground, chosen);
                    };
                    self.walk(&mine, &base, &mut chosen, &mut add);
                }
                Some(random) => {
                    let mut draw =
                        |planner: &mut Planner<'_>, scenario: &Scenario, chosen: &mut Vec<Option<u32>>| {
                            planner.draw(random, &drawn, lane, ground, scenario, chosen);
                        };
                    self.walk(&mine, &base, &mut chosen, &mut draw);
                }
            }
        }
    }

    /// Every combination of the values of these fields, in order.
    fn walk(&mut self, fields: &[usize], scenario: &Scenario, chosen: &mut Vec<Option<u32>>, leaf: Leaf<'_>) {
        let Some((&field, rest)) = fields.split_first() else { return leaf(self, scenario, chosen) };
        for at in 0..self.plan.values[field].len() as u32 {
            if self.plan.settings.len() > limits::SWEEP_SETTINGS {
                return;
            }
            let mut with = scenario.clone();
            if self.put(&mut with, field, at) {
                chosen[field] = Some(at);
                self.walk(rest, &with, chosen, leaf);
            }
        }
        chosen[field] = None;
    }

    /// Sets a field to one of its values; reports a fault once per value.
    fn put(&mut self, scenario: &mut Scenario, field: usize, at: u32) -> bool {
        let vary = &self.plan.sweep.vary[field];
        let value = &self.plan.values[field][at as usize];
        let Err((path, what)) = set(scenario, &vary.field, value) else { return true };
        if self.reported.insert((field, (!path).then_some(at))) {
            let place = match (path, vary.values.computed()) {
                (true, _) => format!("vary[{field}].field"),
                (false, true) => format!("vary[{field}].values"),
                (false, false) => format!("vary[{field}].values.list[{at}]"),
            };
            (self.fault)(&place, format!("{}: {}", excerpt(&vary.field, 80), excerpt(&what, 1000)));
        }
        false
    }

    /// Distinct combinations drawn at random.
    fn draw(
        &mut self,
        random: &Random,
        fields: &[usize],
        lane: usize,
        ground: u64,
        scenario: &Scenario,
        chosen: &mut Vec<Option<u32>>,
    ) {
        let (first, mut attempt) = (self.plan.settings.len(), 0);
        while self.plan.settings.len() < first + random.cells && attempt < 50 * random.cells as u64 {
            let mut with = scenario.clone();
            // The draws do not depend on the contender, so all of them try the same values.
            let whole = fields.iter().all(|&field| {
                let mut stream = Stream::new(random.seed, Purpose::Probe, attempt, field as u64);
                let vary = &self.plan.sweep.vary[field];
                let mut value = vary.values.draw(f64::from(stream.unit()));
                if vary.values.computed() {
                    value = rounded(&with, &vary.field, &value);
                }
                let pool = &mut self.plan.values[field];
                let at = pool.iter().position(|v| *v == value).unwrap_or_else(|| {
                    pool.push(value);
                    pool.len() - 1
                }) as u32;
                chosen[field] = Some(at);
                self.put(&mut with, field, at)
            });
            attempt += 1;
            let new = self.plan.settings[first..].iter().all(|s| s.values != *chosen);
            if whole && new {
                self.add(lane, ground, chosen);
            }
            if !self.reported.is_empty() && self.plan.settings.len() == first && attempt > 100 {
                break;
            }
        }
    }

    fn add(&mut self, lane: usize, ground: u64, chosen: &[Option<u32>]) {
        let plan = &mut self.plan;
        let key = chosen.iter().enumerate().fold(ground, |key, (i, at)| match at {
            Some(at) => hash_of(hash_of(key, &plan.sweep.vary[i].field), &plan.values[i][*at as usize]),
            None => key,
        });
        let mut name = Vec::new();
        if plan.bases.len() > 1 || self.by.is_empty() {
            name.push(plan.bases[lane].lanes[0].name.clone());
        }
        name.extend(self.by.iter().filter_map(|&i| Some(plan.labels[i][chosen[i]? as usize].clone())));
        let name = name.join(" ");
        let contender = plan.contenders.iter().position(|c| *c == name).unwrap_or_else(|| {
            plan.contenders.push(name);
            plan.contenders.len() - 1
        });
        plan.settings.push(Setting { lane, contender, key, values: chosen.to_vec() });
    }

    /// Checks that settings are compared by one loss: a lane of a sweep is a run of its own, and validates with its own.
    fn losses(&mut self) {
        let plan = &self.plan;
        if !matches!(plan.measure, Number::ValLoss | Number::ValOwnLoss) {
            return;
        }
        let loss = |scenario: &Scenario| {
            let loss = scenario.recipe(&scenario.lanes[0]).loss;
            if plan.measure == Number::ValLoss { loss.plain() } else { loss }
        };
        let first = |lane: usize| plan.settings.iter().position(|s| s.lane == lane);
        let varied = plan.sweep.vary.iter().any(|vary| vary.field.split(['.', '[']).next() == Some("loss"));
        let settings: Vec<usize> = if varied {
            (0..plan.settings.len()).collect()
        } else {
            (0..plan.bases.len()).filter_map(first).collect()
        };
        let mut found = Vec::new();
        for setting in settings.into_iter().map(|s| &plan.settings[s]) {
            let loss = loss(&plan.scenario(setting, plan.seeds[0]));
            if found.iter().all(|(known, _)| *known != loss) {
                found.push((loss, plan.words(setting)));
            }
        }
        if found.len() > 1 {
            let words: Vec<String> =
                found.iter().take(4).map(|(loss, words)| format!("{} of {words}", loss.text())).collect();
            let what = format!(
                "{} values of different losses cannot be compared: {}; take measure: \"val_accuracy\" for classes, or \
                 \"val_rmse\" for numbers",
                plan.measure.row().key,
                excerpt(&words.join(", "), 300)
            );
            (self.fault)("measure", what);
        }
    }

    /// Checks that each contender has as many settings, and that nothing exceeds its limit.
    fn limits(&mut self) {
        let plan = &self.plan;
        let at = if plan.sweep.random.is_some() { "random" } else { "vary" };
        let (settings, seeds) = (plan.settings.len(), plan.seeds.len());
        if settings > limits::SWEEP_SETTINGS || settings * seeds > limits::SWEEP_CELLS {
            let what = format!(
                "{settings} settings with {seeds} seeds; a sweep has at most {} settings and {} trainings",
                limits::SWEEP_SETTINGS,
                limits::SWEEP_CELLS
            );
            (self.fault)(at, what);
            return;
        }
        let counts: Vec<usize> = (0..plan.contenders.len())
            .map(|c| plan.settings.iter().filter(|s| s.contender == c).count())
            .collect();
        if let (Some(least), Some(most)) = (counts.iter().min(), counts.iter().max())
            && least < most
        {
            let words: Vec<String> = plan
                .contenders
                .iter()
                .zip(&counts)
                .map(|(c, n)| format!("{} has {n}", excerpt(c, 40)))
                .collect();
            let what = format!(
                "every contender is tuned with the same budget, but of settings {}; give each as many values, or draw \
                 them: random: (cells: {least})",
                words.join(", ")
            );
            (self.fault)(at, what);
        }
        for base in &self.plan.bases {
            let evaluations = base.steps / base.evaluate_every.max(1);
            if evaluations > limits::SWEEP_EVALUATIONS {
                let what = format!(
                    "{evaluations} evaluations of each training; at most {} are kept: evaluate_every: {}",
                    limits::SWEEP_EVALUATIONS,
                    base.steps.div_ceil(limits::SWEEP_EVALUATIONS)
                );
                (self.fault)("evaluate_every", what);
                break;
            }
        }
    }
}

/// The lanes to train, each as a scenario of its own.
fn bases(sweep: &Sweep, base: &Scenario, fault: Faults<'_>) -> Vec<Scenario> {
    let names: Vec<&str> = base.lanes.iter().map(|l| l.name.as_str()).collect();
    for (i, name) in sweep.lanes.iter().enumerate() {
        if !names.contains(&name.as_str()) {
            let near = did_you_mean(name, names.iter().copied())
                .map_or_else(|| format!("it has {}", names.join(", ")), |n| format!("did you mean {n}?"));
            fault(&format!("lanes[{i}]"), format!("the scenario has no lane {}; {near}", excerpt(name, 40)));
        }
    }
    let wanted = |lane: &&Lane| sweep.lanes.is_empty() || sweep.lanes.contains(&lane.name);
    let mut all = Vec::new();
    for lane in base.lanes.iter().filter(wanted) {
        if let Some(parent) = &lane.from {
            let what = format!(
                "lane {} is forked from {parent}; a sweep trains lanes from their beginning: name the others in `lanes`",
                lane.name
            );
            fault("scenario", what);
            continue;
        }
        let scenario = base.clone().with_recipe(base.recipe(lane));
        all.push(Scenario {
            title: String::new(),
            about: String::new(),
            comment: String::new(),
            lesson: crate::scenario::lesson::Lesson::default(),
            seeds: 1,
            expect: Vec::new(),
            expect_seeds: 1,
            robustness: None,
            view: crate::scenario::view::Opening::default(),
            edits: base.edits.iter().filter(|e| e.lane == lane.name).cloned().collect(),
            steps: sweep.steps.unwrap_or(base.steps),
            evaluate_every: sweep.evaluate_every.unwrap_or(base.evaluate_every),
            lanes: vec![Lane { name: lane.name.clone(), ..Lane::default() }],
            ..scenario
        });
    }
    all
}

fn measure(sweep: &Sweep, fault: Faults<'_>) -> Number {
    let evaluated = |n: &Number| matches!(n.row().source, NumberSource::Evaluation);
    if sweep.take == Take::Target && sweep.target.is_none() {
        fault("take", "take: Target needs a target, such as target: 0.9".into());
    }
    Number::of_key(&sweep.measure).filter(evaluated).unwrap_or_else(|| {
        let names: Vec<&str> = Number::ALL.iter().filter(|n| evaluated(n)).map(|n| n.row().key).collect();
        let near = did_you_mean(&sweep.measure, names.iter().copied())
            .map_or_else(|| format!("there are {}", names.join(", ")), |n| format!("did you mean {n}?"));
        fault("measure", format!("no evaluation gives {}; {near}", excerpt(&sweep.measure, 40)));
        Number::ValLoss
    })
}

/// Faults of single entries of `vary`.
fn varied(sweep: &Sweep, bases: &[Scenario], fault: Faults<'_>) {
    if sweep.vary.is_empty() {
        fault("vary", "nothing varies; write vary: [(\"optimizer.lr\", Log(1e-4, 1, 9))]".into());
    }
    if sweep.vary.len() > limits::SWEEP_FIELDS {
        fault(
            "vary",
            format!("{} fields; a sweep varies {} at most", sweep.vary.len(), limits::SWEEP_FIELDS),
        );
    }
    for (i, vary) in sweep.vary.iter().enumerate() {
        if vary.field.is_empty() {
            fault(&format!("vary[{i}]"), "which field? write (\"optimizer.lr\", Log(1e-4, 1, 9))".into());
        }
        if let Err(what) = vary.values.fits() {
            fault(&format!("vary[{i}].values"), format!("{}: {what}", excerpt(&vary.field, 80)));
        }
        if let Some(lane) = vary.lane.as_ref().filter(|l| !bases.iter().any(|b| b.lanes[0].name == **l)) {
            fault(&format!("vary[{i}].lane"), format!("no lane {} is trained", excerpt(lane, 40)));
        }
        let other = |v: &super::Vary| v.lane.is_none() || vary.lane.is_none() || v.lane == vary.lane;
        if sweep.vary[..i].iter().any(|v| v.field == vary.field && other(v)) {
            fault(&format!("vary[{i}].field"), format!("{} is varied twice", excerpt(&vary.field, 80)));
        }
    }
}

/// The entries of `vary` whose values are contenders.
fn by(sweep: &Sweep, bases: &[Scenario], fault: Faults<'_>) -> Vec<usize> {
    let of = |field: &str| -> Vec<usize> {
        (0..sweep.vary.len()).filter(|&i| sweep.vary[i].field == field).collect()
    };
    if let Some(by) = &sweep.by {
        let found = of(by);
        if found.is_empty() {
            let near = did_you_mean(by, sweep.vary.iter().map(|v| v.field.as_str()));
            let near = near.map_or_else(|| "name one of `vary`".into(), |n| format!("did you mean {n}?"));
            fault("by", format!("{} is not varied; {near}", excerpt(by, 40)));
        }
        return found;
    }
    if bases.len() > 1 { Vec::new() } else { of("optimizer") }
}

/// The value that the field accepts: unchanged, or rounded if only that fits.
fn rounded(scenario: &Scenario, field: &str, value: &str) -> String {
    let mut trial = scenario.clone();
    let whole = value.parse::<f64>().ok().map(|x| x.round().text()).filter(|whole| whole != value);
    match (set(&mut trial, field, value), whole) {
        (Err((false, _)), Some(whole)) if set(&mut trial, field, &whole).is_ok() => whole,
        _ => value.into(),
    }
}

fn hash_of(seed: u64, text: &str) -> u64 {
    let word = |bytes: &[u8]| {
        let mut word = [0; 8];
        word[..bytes.len()].copy_from_slice(bytes);
        u64::from_le_bytes(word)
    };
    hash([seed, text.len() as u64].into_iter().chain(text.as_bytes().chunks(8).map(word)))
}

#[cfg(test)]
mod tests;
