//! A lane to examine: everything that the clinic needs, copied from the run so that training can continue. Trains
//! nothing.

use super::{Data, Run};
use crate::engine::data::Files;
use crate::lab::clinic::{Clinic, OnCure, under_way};
use crate::scenario::Scenario;
use crate::telemetry::{Event, LaneId};
use std::sync::Arc;

/// The probe with which a pane requests an examination of a lane. It is not in the table, because it trains for
/// seconds.
pub const DIAGNOSIS: &str = "diagnosis";

/// A lane to examine.
pub struct LaneToExamine {
    /// The index of the lane, and how often it was changed.
    pub stamp: (LaneId, u64),
    scenario: Scenario,
    /// Its index among the lanes of the scenario.
    lane: usize,
    data: Arc<Data>,
    files: Arc<dyn Files + Send + Sync>,
}

impl LaneToExamine {
    /// Examines it as long as `on` returns true, and reports the progress.
    pub fn examine(&self, emit: &dyn Fn(Event), on: &dyn Fn() -> bool) {
        let lane = self.stamp.0;
        let told = |examination| {
            if on() {
                emit(Event::Examined { lane, examination: Box::new(examination) });
            }
        };
        let clinic = Clinic::new(&self.scenario, self.lane, Arc::clone(&self.data), &*self.files, None);
        let say: &OnCure<'_> = &|fix, facts, tried| told(under_way(fix, facts, tried));
        match clinic.on_cure(say).while_so(on).examine() {
            Ok(report) => told(report.examination()),
            Err(fault) if on() => emit(Event::Notice(format!("the lane cannot be examined: {fault}"))),
            Err(_) => {}
        }
    }
}

impl Run {
    /// The lane whose examination is requested, unless `known` is its stamp already.
    pub fn lane_to_examine(&self, known: Option<(LaneId, u64)>) -> Option<LaneToExamine> {
        // A surface has no samples to judge by.
        if self.scenario.data.problem().is_some() {
            return None;
        }
        let id = self.views.iter().find(|v| v.probe == DIAGNOSIS)?.lane;
        let lane = self.present().position(|(other, _)| other == id)?;
        let place = self.places.get(id)?.as_ref().filter(|p| p.begun())?;
        let stamp = (id, place.changes);
        (known != Some(stamp)).then(|| LaneToExamine {
            stamp,
            scenario: self.scenario(),
            lane,
            data: Arc::clone(&self.data),
            files: Arc::clone(&self.files),
        })
    }
}
