//! Checks that every fork can begin: its parent exists, reaches the step, and has a state that the fork can take over.

use super::Checker;
use crate::scenario::{Carry, Lane, Scenario};
use crate::text::{did_you_mean, excerpt};

impl Checker<'_> {
    /// Checks every lane that is forked from another one.
    pub(super) fn forks(&self, scenario: &Scenario) {
        for (i, lane) in scenario.lanes.iter().enumerate() {
            if let Err((field, what)) = fork(scenario, lane) {
                self.fault(&format!("lanes[{i}].{field}"), what);
            }
        }
    }
}

/// Checks that a lane can begin at its fork.
///
/// # Errors
/// The field at fault, and a remedy.
fn fork(scenario: &Scenario, lane: &Lane) -> Result<(), (&'static str, String)> {
    let Some(from) = lane.from.as_ref().map(|f| excerpt(f, 40)) else {
        let given = if lane.at > 0 { "at" } else { "carry" };
        return if lane.at > 0 || lane.carry != Carry::All {
            Err((
                given,
                format!(
                    "{given}: a lane that is not forked begins at step 0; say where it comes from, such as from: \"SGD\""
                ),
            ))
        } else {
            Ok(())
        };
    };
    let Some(parent) = scenario.parent(lane) else {
        let names = scenario.lanes.iter().filter(|l| l.name != lane.name).map(|l| l.name.as_str());
        let hint = match did_you_mean(&from, names.clone()) {
            Some(near) => format!("did you mean {near}?"),
            None => format!("there are {}", names.collect::<Vec<_>>().join(", ")),
        };
        return Err(("from", format!("from: there is no lane {from}; {hint}")));
    };
    if let Some(circle) = circle(scenario, lane) {
        return Err(("from", format!("from: these lanes would come from each other: {circle}")));
    }
    if lane.at >= scenario.steps {
        let what = format!(
            "at: {} lies beyond the run of {} steps; a fork needs steps to train",
            lane.at, scenario.steps
        );
        return Err(("at", what));
    }
    let (old, new) = (scenario.ground(lane), scenario.recipe(lane));
    // A lane that takes nothing over starts at step 0, whenever its parent begins.
    let anew = lane.at == 0 && Carry::between(&old, &new, lane.carry).is_none();
    if let Some(begins) = parent.begins().filter(|&b| (lane.at as u64) < b && !anew) {
        return Err((
            "at",
            format!("at: {} is before step {begins}, at which {from} begins itself", lane.at),
        ));
    }
    if lane.at > 0 && lane.carry == Carry::Nothing {
        return Err(("at", format!("at: with carry: Nothing a lane {}; leave it out", Carry::words(None))));
    }
    if lane.at > 0 && Carry::between(&old, &new, lane.carry).is_none() {
        let other = ["network", "output", "init", "loss"];
        let changed =
            old.differences(&new).into_iter().map(|(name, _)| name).find(|name| other.contains(name));
        let field = changed.unwrap_or("from");
        let what = format!(
            "{field}: a lane with another {field} cannot go on from the weights of {from} at step {}; leave `at` out, and it {}",
            lane.at,
            Carry::words(None)
        );
        return Err((field, what));
    }
    Ok(())
}

/// The chain of forks, if a lane descends from itself.
fn circle(scenario: &Scenario, lane: &Lane) -> Option<String> {
    let (mut names, mut now) = (vec![excerpt(&lane.name, 40)], lane);
    while let Some(parent) = scenario.parent(now) {
        names.push(excerpt(&parent.name, 40));
        if parent.name == lane.name {
            return Some(names.join(" from "));
        }
        if names.len() > scenario.lanes.len() {
            // The circle is among its ancestors and is reported there.
            return None;
        }
        now = parent;
    }
    None
}
