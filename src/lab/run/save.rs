//! Checkpoints of a run: the state of all lanes at one moment, and lanes restored from it. Knows no file.

use super::{Run, terminal};
use crate::lab::lane::SavedReplica;
use crate::lab::trainer::Snapshot;
use crate::scenario::{self, Scenario};
use crate::telemetry::{Event, LaneId, Phase};

/// A lane as a checkpoint keeps it.
#[derive(Clone, Debug, PartialEq)]
pub struct Saved {
    /// Its index, for the order of the log.
    pub id: LaneId,
    /// Its name.
    pub name: String,
    /// Its state.
    pub snapshot: Snapshot,
    /// Its other seeds.
    pub seeds: Vec<SavedReplica>,
    /// Seconds of training.
    pub seconds: f64,
    /// Its phase.
    pub phase: Phase,
}

impl Run {
    /// Puts lanes where a checkpoint left them.
    ///
    /// # Errors
    /// The part that does not fit.
    pub fn restore(&mut self, saved: &[Saved]) -> Result<(), String> {
        let end = self.end;
        for old in saved {
            let place = self.places.iter_mut().flatten().find(|p| p.info.name == old.name);
            let place = place.ok_or_else(|| format!("the scenario has no lane {}", old.name))?;
            let step = old.snapshot.step;
            place.changed_up_to(step).map_err(|e| format!("lane {}: {e}", old.name))?;
            let lane = place.lane.as_mut().ok_or("the run is under way")?;
            if !matches!(old.phase, Phase::Failed(_)) {
                let restored = lane.trainer.restore(&old.snapshot);
                restored
                    .and_then(|()| lane.restore_seeds(&old.seeds))
                    .map_err(|e| format!("lane {}: {e}", old.name))?;
            }
            lane.seconds = old.seconds;
            lane.begin_trail();
            (place.step, place.target) = (old.snapshot.step, old.snapshot.step);
            place.phase = match &old.phase {
                _ if terminal(&old.phase) && old.phase != Phase::Finished => old.phase.clone(),
                _ if place.step >= end => Phase::Finished,
                _ => Phase::Paused,
            };
            let (id, step) = (lane.id, place.step);
            self.events.push(Event::Started { lane: id, info: Box::new(place.info.clone()), step });
            self.events.push(Event::Phase { lane: id, step, phase: place.phase.clone() });
        }
        Ok(())
    }

    /// The scenario of the lanes that there are, with everything that was changed in them.
    pub fn scenario(&self) -> Scenario {
        let base = self.scenario.base();
        let lanes = self.present().map(|(_, p)| scenario::Lane::from_recipe(&p.info.name, &p.written, &base));
        let edits = self.present().flat_map(|(_, p)| p.info.edits.iter().chain(&p.pending).cloned());
        Scenario { lanes: lanes.collect(), edits: edits.collect(), ..self.scenario.clone() }
    }

    /// Whether no lane has a turn, so that [`Run::save`] sees all lanes at one moment.
    pub fn at_rest(&self) -> bool {
        self.present().all(|(_, p)| p.lane.is_some() || terminal(&p.phase))
    }

    /// The state of every lane, all of one moment; lanes are handed out again afterwards.
    ///
    /// # Panics
    /// Unless the run is [at rest](Run::at_rest).
    pub fn save(&mut self) -> Vec<Saved> {
        assert!(self.at_rest(), "a lane is still under way");
        self.save = false;
        let each = self.present().map(|(id, p)| Saved {
            id,
            name: p.info.name.clone(),
            snapshot: p.lane.as_ref().map_or_else(
                // A failed lane has no state left but the number of its steps.
                || Snapshot { step: p.step, ..Snapshot::default() },
                |lane| lane.trainer.snapshot(),
            ),
            seeds: p.lane.as_ref().map_or_else(Vec::new, |lane| lane.save_seeds()),
            seconds: p.lane.as_ref().map_or(0.0, |lane| lane.seconds),
            phase: p.phase.clone(),
        });
        each.collect()
    }
}
