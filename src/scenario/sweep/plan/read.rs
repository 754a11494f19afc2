//! Read access to a plan: settings in words, values of fields, and each training as a scenario.

use super::{Setting, SweepPlan};
use crate::scenario::Scenario;
use crate::scenario::sweep::set;
use crate::text::excerpt;
use std::collections::HashSet;

impl SweepPlan {
    /// Trainings in all.
    pub fn cells(&self) -> usize {
        self.settings.len() * self.seeds.len()
    }

    /// Whether an entry of `vary` concerns a lane.
    pub(super) fn concerns(&self, vary: usize, lane: usize) -> bool {
        self.sweep.vary[vary].lane.as_ref().is_none_or(|l| *l == self.bases[lane].lanes[0].name)
    }

    pub(super) fn lanes_of(&self, vary: usize) -> impl Iterator<Item = usize> {
        (0..self.bases.len()).filter(move |&lane| self.concerns(vary, lane))
    }

    /// The values of an entry of `vary` in words; only their names, if all names are different.
    pub(super) fn labels(&self, vary: usize) -> Vec<String> {
        let values = &self.values[vary];
        let name = |v: &'_ str| v.split('(').next().unwrap_or_default().trim().to_owned();
        let names: HashSet<String> = values.iter().map(|v| name(v)).collect();
        let listed = !self.sweep.vary[vary].values.computed() && names.len() == values.len();
        let label = |value: &String| {
            let named = listed && value.ends_with(')') && !name(value).is_empty();
            if named { name(value) } else { excerpt(value, 60) }
        };
        values.iter().map(label).collect()
    }

    /// The value of one of [`SweepPlan::fields`] in a setting, in words; `None` if its lane does not vary it.
    pub fn value(&self, setting: &Setting, field: usize) -> Option<String> {
        let named = |i: &usize| self.sweep.vary[*i].field == self.fields[field];
        let found = (0..self.sweep.vary.len()).filter(named).find_map(|i| Some((i, setting.values[i]?)));
        found.map(|(i, at)| self.labels[i][at as usize].clone())
    }

    /// All values of one of [`SweepPlan::fields`] in words, in the order of the sweep.
    pub fn values_of(&self, field: usize) -> Vec<String> {
        let (mut all, mut seen) = (Vec::new(), HashSet::new());
        for i in (0..self.sweep.vary.len()).filter(|&i| self.sweep.vary[i].field == self.fields[field]) {
            all.extend(self.labels[i].iter().filter(|label| seen.insert(*label)).cloned());
        }
        if all.iter().all(|v| v.parse::<f64>().is_ok()) {
            let number = |v: &String| v.parse().unwrap_or(f64::NAN);
            all.sort_by(|a, b| number(a).total_cmp(&number(b)));
        }
        all
    }

    /// A training as a scenario of its own; running it gives the same numbers.
    pub fn scenario(&self, setting: &Setting, seed: u64) -> Scenario {
        let mut scenario = Scenario { seed, ..self.bases[setting.lane].clone() };
        for (i, at) in setting.values.iter().enumerate() {
            let Some(at) = at else { continue };
            // Every setting was applied in this way when it was planned.
            let _ = set(&mut scenario, &self.sweep.vary[i].field, &self.values[i][*at as usize]);
        }
        scenario
    }

    /// Steps of a training with this setting.
    pub fn steps(&self, setting: &Setting) -> u64 {
        self.number(setting, "steps").unwrap_or(self.bases[setting.lane].steps as u64)
    }

    /// Steps between two evaluations of such a training.
    pub fn evaluate_every(&self, setting: &Setting) -> u64 {
        self.number(setting, "evaluate_every").unwrap_or(self.bases[setting.lane].evaluate_every as u64)
    }

    fn number(&self, setting: &Setting, field: &str) -> Option<u64> {
        let found = (0..self.sweep.vary.len())
            .find(|&i| self.sweep.vary[i].field == field && setting.values[i].is_some())?;
        self.values[found][setting.values[found]? as usize].parse().ok()
    }

    /// A setting in words: `SGD, optimizer.lr 0.01`.
    pub fn words(&self, setting: &Setting) -> String {
        let mut out = vec![self.contenders[setting.contender].clone()];
        for field in 0..self.fields.len() {
            if let Some(value) = self.value(setting, field).filter(|v| *v != out[0]) {
                out.push(format!("{} {value}", self.fields[field]));
            }
        }
        out.join(", ")
    }
}
