//! A cure: a change of one lane, written as RON fields, and the scenario with this change.

use super::facts::Facts;
use crate::scenario::{Lane, Recipe, Scaling, Scenario};
use crate::telemetry::finding::Fix;

impl Fix {
    /// A cure that changes the recipe; `None` if nothing would change.
    pub fn of(facts: &Facts, text: impl Into<String>, change: impl FnOnce(&mut Recipe)) -> Option<Self> {
        if facts.bare {
            return None;
        }
        let mut recipe = facts.recipe.clone();
        change(&mut recipe);
        let fix = Self {
            text: text.into(),
            recipe,
            changes: Vec::new(),
            scaling: facts.scaling,
            target_scaling: facts.target_scaling,
            unedited: false,
            patch: String::new(),
        };
        fix.complete(facts)
    }

    /// A cure that sets fields from text; `None` if a field rejects its text, or if nothing would change.
    pub fn set(facts: &Facts, text: impl Into<String>, fields: &[(&str, String)]) -> Option<Self> {
        if facts.bare {
            return None;
        }
        let mut recipe = facts.recipe.clone();
        for (path, value) in fields {
            recipe.set_at(path, value).ok()?;
        }
        Self::of(facts, text, |r| *r = recipe)
    }

    /// A cure that scales the inputs; `None` if nothing would change.
    pub fn scaled(facts: &Facts, text: &str, scaling: Scaling) -> Option<Self> {
        Self { text: text.into(), scaling, ..Self::bare(facts) }.complete(facts)
    }

    /// A cure that scales the targets; `None` if nothing would change.
    pub fn targets_scaled(facts: &Facts, text: &str, target_scaling: Scaling) -> Option<Self> {
        Self { text: text.into(), target_scaling, ..Self::bare(facts) }.complete(facts)
    }

    /// A cure that leaves out the edits; `None` if there are none.
    pub fn without_edits(facts: &Facts, text: impl Into<String>) -> Option<Self> {
        if facts.edits.is_empty() {
            return None;
        }
        Self { text: text.into(), unedited: true, ..Self::bare(facts) }.complete(facts)
    }

    fn bare(facts: &Facts) -> Self {
        Self {
            text: String::new(),
            recipe: facts.recipe.clone(),
            changes: Vec::new(),
            scaling: facts.scaling,
            target_scaling: facts.target_scaling,
            unedited: false,
            patch: String::new(),
        }
    }

    fn complete(mut self, facts: &Facts) -> Option<Self> {
        if facts.bare {
            return None;
        }
        self.changes = self.recipe.differences(&facts.recipe);
        let mut fields: Vec<String> =
            self.changes.iter().map(|(field, value)| format!("{field}: {value}")).collect();
        if self.scaling != facts.scaling {
            fields.push(format!("scaling: {:?}", self.scaling));
        }
        if self.target_scaling != facts.target_scaling {
            fields.push(format!("target_scaling: {:?}", self.target_scaling));
        }
        if self.unedited {
            fields.push("edits: []".into());
        }
        self.patch = format!("({})", fields.join(", "));
        (!fields.is_empty()).then_some(self)
    }

    /// Whether it changes at most one field of the recipe.
    pub fn single(&self) -> bool {
        self.changes.len() <= 1
    }

    /// Whether it changes the data, which all lanes share.
    pub fn of_data(&self) -> bool {
        self.changes.is_empty() && !self.unedited
    }

    /// The scenario with this change in one lane. Scaling belongs to the data, so it changes for all lanes.
    #[must_use]
    pub fn apply(&self, scenario: &Scenario, lane: usize) -> Scenario {
        let mut out = scenario.clone();
        out.scaling = self.scaling;
        out.target_scaling = self.target_scaling;
        let base = out.base();
        if let Some(place) = out.lanes.get_mut(lane) {
            let name = place.name.clone();
            *place = Lane::from_recipe(&name, &self.recipe, &base);
            if self.unedited {
                out.edits.retain(|e| e.lane != name);
            }
        }
        out
    }
}
