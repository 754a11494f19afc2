//! Whether what a scenario wants on the screen at first is there. Knows names and counts, no screen.

use super::Check;
use crate::limits;
use crate::number::Number;
use crate::scenario::Scenario;
use crate::text::{did_you_mean, excerpt};

impl Check<'_> {
    /// Whether there is what shall be on the screen when the scenario opens.
    pub(super) fn view(&self, scenario: &Scenario) {
        let view = &scenario.view;
        let names = scenario.lanes.iter().map(|l| l.name.as_str());
        if !view.lane.is_empty() && !names.clone().any(|name| name == view.lane) {
            let what = excerpt(&view.lane, limits::NAME_CHARS);
            let hint = match did_you_mean(&view.lane, names.clone()) {
                Some(near) => format!("did you mean {near}?"),
                None => format!("there are {}", names.collect::<Vec<_>>().join(", ")),
            };
            self.fault("view.lane", format!("lane: there is no lane {what}; {hint}"));
        }
        if !view.curve.is_empty() && Number::of_key(&view.curve).is_none() {
            let what = excerpt(&view.curve, limits::NAME_CHARS);
            let hint = match did_you_mean(&view.curve, Number::ALL.iter().map(|n| n.row().key)) {
                Some(near) => format!("did you mean {near}?"),
                None => "`gradtui list metrics` shows them all".into(),
            };
            self.fault("view.curve", format!("curve: no number is called {what}; {hint}"));
        }
        if let Some(data) = &self.data
            && view.sample > 0
            && view.sample >= data.validation.len()
        {
            let what = format!(
                "sample: {}, but there are {} validation samples",
                view.sample,
                data.validation.len()
            );
            self.fault("view.sample", what + ", counted from 0");
        }
    }
}
