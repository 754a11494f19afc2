//! The settings that a page of a lesson locks.

use super::Guide;
use crate::scenario::Recipe;
use crate::scenario::lesson::{DATA, LANES, PageTask, SEEDS};
use crate::telemetry::Command;

impl Guide {
    /// Whether no lane can be added on this page.
    pub fn locks_lanes(&self) -> bool {
        self.free.is_none() && self.page().is_some_and(|page| !page.allows(LANES))
    }

    /// The reason why an order is refused on this page, if it is; `before`: the settings of the lane that it changes.
    pub fn refuses(&self, command: &Command, before: Option<(&str, &Recipe)>) -> Option<String> {
        if self.free.is_some() {
            return None;
        }
        let page = self.page()?;
        let locked = |what: String| {
            let may = match self.task() {
                PageTask::Goal => format!("you may change {}", page.may_words()),
                _ => "this page changes nothing".into(),
            };
            Some(format!("{what} is locked: {may}; {}: free play", self.called("f", "free")))
        };
        match command {
            Command::Set { name, recipe, .. } => {
                let (old, recipe_before) = before?;
                if old != name && !page.allows(LANES) {
                    return locked("the name".into());
                }
                let paths = page.locked(recipe_before, recipe);
                (!paths.is_empty()).then(|| locked(paths.join(", "))).flatten()
            }
            Command::Together(all) => all.iter().find_map(|command| self.refuses(command, None)),
            Command::Add { .. } | Command::Fork { .. } | Command::Remove(_) if !page.allows(LANES) => {
                locked("the number of lanes".into())
            }
            Command::Data(_) if !page.allows(DATA) => locked("the data".into()),
            Command::Seeds(_) if !page.allows(SEEDS) => locked("the number of seeds".into()),
            Command::Further(_) => locked("the number of steps".into()),
            Command::Reset(_) if !(self.task() == PageTask::Goal && page.anew) => {
                let again = self.called("a", "again");
                Some(format!(
                    "this page goes on with the run of the page before: {again} begins the page again"
                ))
            }
            _ => None,
        }
    }
}
