//! The work in a lesson in repeatable form: changes and forks, up to a step. Plain data.

use crate::scenario::{Carry, Edit, Lane, Scenario};
use crate::telemetry::LaneInfo;
use serde::{Deserialize, Serialize};

/// Changes and forks of a run, up to a step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Trace {
    /// The step that was reached.
    pub step: u64,
    /// The changes of lanes before it, in the order of the lanes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub edits: Vec<Edit>,
    /// Lanes that were forked from others.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub forks: Vec<Lane>,
}

impl Trace {
    /// The trace of these lanes at this step; `written`: the scenario with which the run began.
    pub fn of<'a>(lanes: impl IntoIterator<Item = &'a LaneInfo>, written: &Scenario, step: u64) -> Self {
        let mut trace = Self { step, ..Self::default() };
        for info in lanes {
            trace.edits.extend(info.edits.iter().filter(|e| e.step < step.max(1)).cloned());
            if let Some(fork) = &info.fork
                && !written.lanes.iter().any(|l| l.name == info.name)
            {
                let mut first = info.recipe.clone();
                for edit in info.edits.iter().rev().filter(|e| !e.empties()) {
                    // This program wrote the old value, so it can be read back.
                    let _ = first.set_at(&edit.field, &edit.from);
                }
                let own = Lane::from_recipe(&info.name, &first, &fork.recipe);
                let carry = fork.carried.unwrap_or(Carry::All);
                trace.forks.push(Lane { from: Some(fork.from.clone()), at: fork.at as usize, carry, ..own });
            }
        }
        trace
    }

    /// The scenario with these changes and forks.
    pub fn onto(&self, written: &Scenario) -> Scenario {
        let mut out = written.clone();
        // The lanes' edits include those of the scenario itself.
        out.edits.clone_from(&self.edits);
        out.lanes.extend(self.forks.iter().cloned());
        out
    }
}
