//! Checks that everything exists that a scenario opens on the screen. Knows names and counts, no screen.

use super::Checker;
use crate::limits;
use crate::number::Number;
use crate::scenario::Scenario;
use crate::scenario::view::Opening;
use crate::text::{did_you_mean, excerpt};

impl Checker<'_> {
    /// Checks the opening view of the scenario.
    pub(super) fn view(&self, scenario: &Scenario) {
        self.opening(&scenario.view, "view", scenario);
    }

    /// Checks the view of one page of the lesson, whose path is `at`.
    pub(super) fn opening(&self, view: &Opening, at: &str, scenario: &Scenario) {
        let at = |field: &str| format!("{at}.{field}");
        let names = scenario.lanes.iter().map(|l| l.name.as_str());
        if !view.lane.is_empty() && !names.clone().any(|name| name == view.lane) {
            let what = excerpt(&view.lane, limits::NAME_CHARS);
            let hint = match did_you_mean(&view.lane, names.clone()) {
                Some(near) => format!("did you mean {near}?"),
                None => format!("there are {}", names.collect::<Vec<_>>().join(", ")),
            };
            self.fault(&at("lane"), format!("lane: there is no lane {what}; {hint}"));
        }
        if !view.curve.is_empty() && Number::of_key(&view.curve).is_none() {
            let what = excerpt(&view.curve, limits::NAME_CHARS);
            let hint = match did_you_mean(&view.curve, Number::ALL.iter().map(|n| n.row().key)) {
                Some(near) => format!("did you mean {near}?"),
                None => "`gradtui list metrics` shows them all".into(),
            };
            self.fault(&at("curve"), format!("curve: no number is called {what}; {hint}"));
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
            self.fault(&at("sample"), what + ", counted from 0");
        }
    }
}
