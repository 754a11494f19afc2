//! Checkpoints of a run: the state of all lanes at one moment, and lanes restored from it. Knows no file.

use super::{Run, terminal};
use crate::lab::lane::{SavedReplica, State};
use crate::lab::trainer::Snapshot;
use crate::scenario::Scenario;
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

impl Saved {
    /// Whether it is a fork that has not begun.
    fn waits(&self) -> bool {
        self.snapshot.params.is_empty() && !matches!(self.phase, Phase::Failed(_))
    }
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
            let failed = matches!(old.phase, Phase::Failed(_));
            if place.waits() && old.waits() {
                continue;
            }
            place.begin_at_once();
            let step = old.snapshot.step;
            place.changed_before(step).map_err(|e| format!("lane {}: {e}", old.name))?;
            let lane = place.lane.as_mut().ok_or("the run is under way")?;
            // Where nothing was trained, the lane is what its settings make it.
            if !failed && step > 0 {
                lane.go_to(&State { first: old.snapshot.clone(), others: old.seeds.clone() })
                    .map_err(|e| format!("lane {}: {e}", old.name))?;
            }
            lane.seconds = old.seconds;
            lane.begin_trail();
            (place.step, place.target) = (step, step);
            if !failed {
                place.changed_there().map_err(|e| format!("lane {}: {e}", old.name))?;
            }
            place.phase = match &old.phase {
                _ if terminal(&old.phase) && old.phase != Phase::Finished => old.phase.clone(),
                _ if place.step >= end => Phase::Finished,
                _ => Phase::Paused,
            };
            let Some(id) = place.lane.as_ref().map(|lane| lane.id) else { continue };
            self.events.push(Event::Started { lane: id, info: Box::new(place.info.clone()), step });
            self.events.push(Event::Phase { lane: id, step, phase: place.phase.clone() });
        }
        // A fork may wait for a lane that has come to its end.
        self.settle();
        Ok(())
    }

    /// The scenario of the lanes that there are, with everything that was changed in them.
    pub fn scenario(&self) -> Scenario {
        let base = self.scenario.base();
        let (mut lanes, mut edits) = (Vec::new(), Vec::new());
        for (id, place) in self.present() {
            let (lane, own) = self.as_written(id, place, &base);
            lanes.push(lane);
            edits.extend(own);
        }
        Scenario { lanes, edits, ..self.scenario.clone() }
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
        let each = self.present().map(|(id, p)| {
            // Settings that were changed at this very step are changed again when it is restored. A failed lane has no state
            // left but the number of its steps, a fork that waits has none yet.
            let start = p.untouched().filter(|_| !p.waits());
            let none =
                || State { first: Snapshot { step: p.step, ..Snapshot::default() }, others: Vec::new() };
            let State { first, others } = start.map_or_else(none, |start| start.state);
            Saved {
                id,
                name: p.info.name.clone(),
                snapshot: first,
                seeds: others,
                seconds: p.lane.as_ref().map_or(0.0, |lane| lane.seconds),
                phase: p.phase.clone(),
            }
        });
        each.collect()
    }
}
