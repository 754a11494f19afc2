//! Lanes in the form of a scenario. Trains nothing.

use super::{ForkStage, LaneOrigin, Run};
use crate::lab::run::LanePlace;
use crate::scenario::{Edit, Lane, Lineage, Recipe};
use crate::telemetry::LaneId;

impl Run {
    /// A lane in the form of a scenario, with its edits: as a fork of its parent if both still have the same history,
    /// otherwise as a lane that starts at step 0.
    pub(in crate::lab::run) fn as_written(
        &self,
        id: LaneId,
        place: &LanePlace,
        base: &Recipe,
    ) -> (Lane, Vec<Edit>) {
        let name = &place.info.name;
        let own = || place.info.edits.iter().chain(&place.pending).cloned().collect();
        let alone = || (Lane::from_recipe(name, &place.written, base), own());
        let Some(origin) = &place.origin else { return alone() };
        let branch = &origin.branch;
        let whole = |line: Lineage, more: &[Edit]| {
            let named = |e: Edit| Edit { lane: name.clone(), ..e };
            let edits = line.edits.into_iter().map(named).chain(more.iter().cloned());
            (Lane::from_recipe(name, &line.root, base), edits.collect())
        };
        let ground = match &origin.stage {
            ForkStage::Waits => return (self.fork_of(origin, branch.overrides.clone()), own()),
            ForkStage::Retraces(..) => {
                let mut line = branch.line.clone();
                let to = branch.overrides.over(branch.ground.clone());
                line.fork(origin.step(), &branch.ground, &to, branch.overrides.carry);
                return whole(line, &[]);
            }
            ForkStage::Begun(_) => &branch.ground,
            ForkStage::Anew => match self.at(branch.parent) {
                Some(parent) => &parent.written,
                None => return alone(),
            },
        };
        let same = match origin.stage {
            ForkStage::Begun(_) => {
                let now = self.lineage(branch.parent, origin.step());
                now.is_some_and(|now| now == branch.line) && origin.step() < self.scenario.steps as u64
            }
            _ => true,
        };
        if same {
            return (self.fork_of(origin, Lane::from_recipe(name, &place.written, ground)), own());
        }
        match self.lineage(id, u64::MAX) {
            Some(line) => whole(line, &Vec::from(place.pending.clone())),
            None => alone(),
        }
    }

    /// A lane with these overrides, as a fork.
    fn fork_of(&self, origin: &LaneOrigin, overrides: Lane) -> Lane {
        let Lane { from, at, carry, .. } = origin.branch.overrides.clone();
        let parent = self.at(origin.branch.parent).map(|p| p.info.name.clone());
        Lane {
            from: parent.or(from),
            at: if matches!(origin.stage, ForkStage::Anew) { 0 } else { at },
            carry,
            ..overrides
        }
    }
}
