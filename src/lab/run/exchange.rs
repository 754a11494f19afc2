//! Replaces the data of a run, or all of its lanes by those of another experiment.

use super::orders::SeedData;
use super::{LaneId, LanePlace, Run, experiment};
use crate::lab::experiment::{BuildFault, Experiment};
use crate::lab::run_dir::checkpoint::checksum;
use crate::scenario::memory::MemoryNeed;
use crate::scenario::{self, Scenario};
use crate::telemetry::Event;
use std::sync::Arc;

impl Run {
    /// Gives all lanes the data of another scenario. A lane whose loss was derived from the old data gets the loss
    /// derived from the new data.
    pub(super) fn exchange(
        &mut self,
        scenario: Scenario,
        read: Result<SeedData, BuildFault>,
        otherwise: &str,
    ) {
        let old = self.scenario.base();
        let (data, others) = match read {
            Ok(read) => read,
            Err(BuildFault { at, what }) => return self.notice(format!("{at}: {what}; {otherwise}")),
        };
        let build = |(id, place): (LaneId, &LanePlace)| {
            let lane = scenario::Lane::from_recipe(&place.info.name, &place.info.recipe, &old);
            let recipe = scenario.recipe(&lane);
            let lane = scenario::Lane::from_recipe(&place.info.name, &place.written, &old);
            let written = scenario.recipe(&lane);
            match experiment::build(&data, &recipe) {
                Ok(network) => Ok((id, recipe, written, Arc::new(network))),
                Err(BuildFault { at, what }) => Err(format!("lane {}, {at}: {what}", place.info.name)),
            }
        };
        let built = match self.present().map(build).collect::<Result<Vec<_>, _>>() {
            Ok(built) => built,
            Err(what) => return self.notice(format!("{what}; {otherwise}")),
        };
        let needs: Vec<MemoryNeed> =
            built.iter().map(|(_, recipe, _, network)| self.need(recipe, network, &data)).collect();
        if let Err(what) = self.room(needs.iter().copied(), scenario.seeds) {
            return self.notice(format!("{what}; {otherwise}"));
        }
        self.samples = self.log.then(|| checksum(&data.train.inputs));
        (self.scenario, self.data, self.others, self.own) = (scenario, data, others, None);
        self.plan_exams();
        for ((id, recipe, written, network), need) in built.into_iter().zip(needs) {
            // The old lane is freed before the new one allocates its memory.
            if let Some(place) = self.places[id].as_mut() {
                (place.lane, place.need) = (None, need);
            }
            let Some(name) = self.places[id].as_ref().map(|p| p.info.name.clone()) else { continue };
            let info = experiment::info(&name, &recipe, &network, &self.data, self.scenario.steps as u64);
            let lane = self.lane_of(id, name.clone(), recipe, network);
            if let Some(place) = self.places[id].as_mut() {
                (place.info, place.written, place.lane) = (info, written, Some(lane));
            }
            self.forget(Some(id), name);
        }
        for id in 0..self.places.len() {
            self.wait_again(id);
            self.restarted(id);
        }
    }

    pub(super) fn load(&mut self, built: Result<Experiment, Vec<BuildFault>>) {
        match built {
            Ok(built) => {
                self.looking = None;
                self.load_as(built, &[]);
                self.forget_changes();
            }
            Err(faults) => {
                let all: Vec<_> = faults.iter().map(ToString::to_string).collect();
                self.notice(format!("The scenario cannot run: {}", all.join("; ")));
            }
        }
    }

    /// Replaces this experiment by another one: its lanes get the given indices, as far as there are any, and train up
    /// to the given steps.
    pub(super) fn load_as(&mut self, built: Experiment, places: &[(LaneId, u64)]) {
        let Experiment { mut scenario, data, others, lanes } = built;
        scenario.edits.clear();
        let gone: Vec<_> = self.places.drain(..).map(|p| Some(p?.info.name)).collect();
        for (id, name) in gone.into_iter().enumerate() {
            if let Some(name) = name {
                self.events.push(Event::Removed { lane: id });
                self.forget(Some(id), name);
            }
        }
        (self.end, self.solo) = (scenario.steps as u64, None);
        if places.is_empty() {
            self.views.clear();
        }
        self.halt = None;
        self.samples = self.log.then(|| checksum(&data.train.inputs));
        (self.scenario, self.data, self.others, self.sizes, self.own) = (scenario, data, others, None, None);
        self.plan_exams();
        self.lines.clear();
        for (k, contender) in lanes.into_iter().enumerate() {
            self.forget(None, contender.name.clone());
            let id = self.enter_as(places.get(k).map(|p| p.0), contender);
            if let Some(place) = self.places[id].as_mut() {
                place.target = places.get(k).map_or(0, |p| p.1);
            }
        }
    }
}
