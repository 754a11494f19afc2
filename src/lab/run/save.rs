//! Checkpoints of a run: the state of all lanes at one moment, and restoring lanes from it. Knows no file.

use super::{LanePlace, Run, terminal};
use crate::lab::expect::Expectation;
use crate::lab::files;
use crate::lab::lane::{LaneState, SavedReplica};
use crate::lab::trainer::Snapshot;
use crate::limits;
use crate::registry::SettingValue as _;
use crate::scenario::{Lane, Scenario};
use crate::telemetry::{Event, LaneId, Phase};
use crate::text::excerpt;
use std::path::Path;

/// A lane as stored in a checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct SavedLane {
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

impl SavedLane {
    /// Bytes of its state.
    pub fn bytes(&self) -> usize {
        self.snapshot.bytes() + self.seeds.iter().map(|s| s.snapshot.bytes()).sum::<usize>()
    }

    /// Whether it is a fork that has not begun.
    fn waits(&self) -> bool {
        self.snapshot.params.is_empty() && !matches!(self.phase, Phase::Failed(_))
    }
}

impl Run {
    /// Restores lanes from a checkpoint.
    ///
    /// # Errors
    /// The part that does not fit.
    pub fn restore(&mut self, saved: &[SavedLane]) -> Result<(), String> {
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
            // If nothing was trained, the settings alone determine the lane.
            if !failed && step > 0 {
                lane.go_to(&LaneState { first: old.snapshot.clone(), others: old.seeds.clone() })
                    .map_err(|e| format!("lane {}: {e}", old.name))?;
            }
            lane.seconds = old.seconds;
            lane.begin_trail();
            (place.step, place.target) = (step, step);
            if !failed {
                place.changed_there().map_err(|e| format!("lane {}: {e}", old.name))?;
            }
            if let Phase::Diverged(account) = &old.phase {
                // The step in which it diverged was begun with them.
                place.logged = place.trained_with(account.step);
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
        // A fork may wait for a lane that has ended.
        self.settle();
        Ok(())
    }

    /// The scenario of the present lanes, with all changes made to them.
    pub fn scenario(&self) -> Scenario {
        let base = self.scenario.base();
        let (mut lanes, mut edits) = (Vec::new(), Vec::new());
        for (id, place) in self.present() {
            let (lane, own) = self.as_written(id, place, &base);
            lanes.push(lane);
            edits.extend(own);
        }
        // Expectations about lanes that were removed fall away.
        let names: Vec<&str> = lanes.iter().map(|lane: &Lane| lane.name.as_str()).collect();
        let mut scenario = self.scenario.clone();
        scenario.expect.retain(|text| Expectation::parse(text, &names).is_ok());
        if !names.contains(&scenario.view.lane.as_str()) {
            scenario.view.lane.clear();
        }
        Scenario { lanes, edits, ..scenario }
    }

    /// Writes the scenario of the present lanes to a new file, or reports why it cannot.
    pub(super) fn write_scenario(&mut self, path: &str) {
        let shown = excerpt(path, limits::NAME_CHARS);
        let target = Path::new(path);
        if target.symlink_metadata().is_ok() {
            return self.notice(format!("{shown} is there already; name another file."));
        }
        let lanes = self.present().map(|(_, p)| format!("{} at step {}", p.info.name, p.step));
        let lanes = lanes.collect::<Vec<_>>().join(", ");
        let head = [
            format!("The experiment as it was with {lanes}."),
            "`gradtui run` trains it to the same bits.".into(),
        ];
        let text = self.scenario().commented(&head);
        if let Err(e) = files::write(&[(target, text.as_bytes())]) {
            return self.notice(format!("not saved: {e}"));
        }
        // Its data files are named relative to the directory of the original scenario.
        let home =
            |path: &Path| std::path::absolute(Path::new(".").join(path)).unwrap_or_else(|_| path.into());
        let elsewhere =
            self.files.base().map(home).filter(|base| {
                !target.parent().is_some_and(|dir| home(dir).components().eq(base.components()))
            });
        let text = self.scenario.data.text();
        let named = elsewhere.filter(|_| text.contains("path") || text.contains('"'));
        let note = named.map_or_else(String::new, |base| {
            format!(
                "; its data are named relative to {}, so move it there",
                excerpt(&base.to_string_lossy(), limits::NAME_CHARS)
            )
        });
        self.notice(format!("saved as {shown}{note}"));
    }

    /// Whether no lane is in a turn, so that [`Run::save`] captures all lanes at one moment.
    pub fn at_rest(&self) -> bool {
        self.present().all(|(_, p)| p.lane.is_some() || terminal(&p.phase))
    }

    /// The state of every lane at one moment; afterwards lanes get turns again.
    ///
    /// # Panics
    /// Unless the run is [at rest](Run::at_rest).
    pub fn save(&mut self) -> Vec<SavedLane> {
        assert!(self.at_rest(), "a lane is still under way");
        self.save = false;
        self.present().map(|(id, place)| Self::saved(id, place)).collect()
    }

    /// The state of a lane.
    pub(super) fn saved(id: LaneId, place: &LanePlace) -> SavedLane {
        // Changes of settings at this very step are made again when the state is restored. A failed lane has no state
        // except its number of steps; a waiting fork has none yet.
        let start = place.untouched().filter(|_| !place.waits());
        let none =
            || LaneState { first: Snapshot { step: place.step, ..Snapshot::default() }, others: Vec::new() };
        let LaneState { first, others } = start.map_or_else(none, |start| start.state);
        SavedLane {
            id,
            name: place.info.name.clone(),
            snapshot: first,
            seeds: others,
            seconds: place.lane.as_ref().map_or(0.0, |lane| lane.seconds),
            phase: place.phase.clone(),
        }
    }
}
