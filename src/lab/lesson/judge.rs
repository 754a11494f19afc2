//! Judges a goal by the events of a run, at its evaluations: at a step that all its lanes have reached, by their
//! numbers of that same step. So the screen, which may be slow, and a repeated run agree on whether and where a goal
//! was reached.

use crate::lab::exam;
use crate::lab::expect::Expectation;
use crate::lab::outcome::{LaneStanding, Standings};
use crate::limits;
use crate::telemetry::{Event, LaneId, Phase};
use std::collections::BTreeMap;

/// A judge of goals.
#[derive(Clone, Debug, Default)]
pub struct Judge {
    every: u64,
    live: Standings,
    /// The standings of lanes after their evaluations, by step.
    stood: BTreeMap<u64, BTreeMap<LaneId, LaneStanding>>,
}

/// Whether a lane will not continue by itself.
fn over(standing: &LaneStanding) -> bool {
    !matches!(standing.phase, Phase::Running | Phase::Paused)
}

impl Judge {
    /// A judge of a run that is evaluated every `every` steps.
    pub fn new(every: usize) -> Self {
        Self { every: every.max(1) as u64, ..Self::default() }
    }

    /// The present standings of the lanes.
    pub fn live(&self) -> &Standings {
        &self.live
    }

    /// Takes an event into account.
    pub fn on_event(&mut self, event: &Event) {
        self.live.apply(event);
        match event {
            Event::Started { lane, .. } | Event::Removed { lane } => {
                self.stood.values_mut().for_each(|lanes| {
                    lanes.remove(lane);
                });
            }
            // A rewound lane trains the later steps again, so their earlier evaluations no longer count.
            Event::Rewound { lane, step, .. } => {
                self.stood.range_mut(step + 1..).for_each(|(_, lanes)| {
                    lanes.remove(lane);
                });
            }
            Event::Evaluated { lane, measure } if measure.step.is_multiple_of(self.every) => {
                self.keep(*lane, measure.step);
            }
            Event::Probed { lane, step, name, .. }
                if *name == exam::PROBE
                    && self.stood.get(step).is_some_and(|lanes| lanes.contains_key(lane)) =>
            {
                self.keep(*lane, *step);
            }
            _ => {}
        }
        // No goal asks for a later one.
        while self.stood.len() > limits::LESSON_EVALUATIONS {
            self.stood.pop_last();
        }
    }

    fn keep(&mut self, lane: LaneId, step: u64) {
        let now = self.live.lanes.iter().find(|l| l.id == lane);
        // If the step's own numbers were lost, it is not judged.
        if let Some(now) = now.filter(|l| l.last.is_some_and(|m| m.step == step)) {
            self.stood.entry(step).or_default().insert(lane, now.clone());
        }
    }

    /// The standings of the lanes with these names at a step; `None` if one of them has not reached it.
    pub fn at(&self, step: u64, names: &[&str]) -> Option<Standings> {
        let mut found = Standings::default();
        for name in names {
            let live = self.live.lanes.iter().find(|l| l.name == *name)?;
            let stood = self.stood.get(&step).and_then(|lanes| lanes.get(&live.id));
            let ended = Some(live).filter(|l| over(l) && l.step <= step);
            let standing = stood.or(ended)?.clone();
            // There may have been an edit since.
            found.lanes.push(LaneStanding { name: live.name.clone(), ..standing });
        }
        Some(found)
    }

    /// The first step up to `within` at which all conditions of a goal hold, as far as known.
    pub fn reached(&self, goal: &[Expectation], within: u64) -> Option<u64> {
        let mut names: Vec<&str> = goal.iter().flat_map(Expectation::lanes).collect();
        names.sort_unstable();
        names.dedup();
        // If all lanes have ended, they are judged at the next evaluation step.
        let ends = names.iter().map(|n| self.live.lanes.iter().find(|l| l.name == *n).filter(|l| over(l)));
        let ends: Option<Vec<u64>> =
            ends.map(|l| l.map(|l| l.step.div_ceil(self.every) * self.every)).collect();
        let last = ends.and_then(|steps| steps.into_iter().max());
        let mut steps: Vec<u64> = self.stood.keys().copied().chain(last).filter(|s| *s <= within).collect();
        steps.sort_unstable();
        let holds = |step: &u64| {
            self.at(*step, &names).is_some_and(|stood| goal.iter().all(|e| e.check(&stood).is_ok()))
        };
        steps.into_iter().find(holds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::data::NoFiles;
    use crate::lab::experiment::{Experiment, info};
    use crate::number::Number;
    use crate::scenario::read;
    use crate::telemetry::Measure;

    #[test]
    fn the_first_step_counts_even_if_many_pass_before_the_question() {
        let mut judge = Judge::new(1);
        let text = "(data: Moons(samples: 50), network: [Dense(2)], lanes: [(name: \"a\")])";
        let experiment = Experiment::new(read(text).expect("a scenario"), &NoFiles).expect("built");
        let lane = &experiment.lanes[0];
        let info = info(&lane.name, &lane.recipe, &lane.network, &experiment.data, 500);
        judge.on_event(&Event::Started { lane: 0, info: Box::new(info.clone()), step: 0 });
        for step in 1..=500 {
            let measure = Measure { step, ..Measure::default() };
            let loss = Box::new(measure.with(Number::Loss, 1.0 / step as f64));
            judge.on_event(&Event::Measured { lane: 0, measure: loss.clone(), layers: Vec::new() });
            judge.on_event(&Event::Evaluated { lane: 0, measure: loss });
        }
        let goal = [Expectation::parse("a.loss < 0.05", &["a"]).expect("an expectation")];
        assert_eq!(judge.reached(&goal, 500), Some(21));
        assert_eq!(judge.reached(&goal, 20), None);
        judge.on_event(&Event::Rewound { lane: 0, info: Box::new(info), step: 10 });
        assert_eq!(judge.reached(&goal, 500), None, "those steps were abandoned");
    }
}
