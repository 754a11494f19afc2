//! Settings of a lane that change while it trains: the field-by-field differences of two recipes, and the journal of
//! such changes. Trains nothing.
//!
//! A scenario with its `edits` identifies a run completely: the recipe as written, changed at the steps in the journal,
//! trains to the same bits again.

use super::{Lane, Recipe, Scenario, fork};
use crate::engine::clip::ClipConfig;
use crate::engine::defence::DefenceConfig;
use crate::engine::init::InitConfig;
use crate::engine::layer::LayerConfig;
use crate::engine::loss::LossConfig;
use crate::engine::optim::OptimizerConfig;
use crate::engine::robust::prediction::PredictionConfig;
use crate::engine::schedule::ScheduleConfig;
use crate::registry::{SettingValue as _, Settings, join, settings};

settings! {
    /// One setting of a lane that changes while the lane trains.
    pub struct Edit {
        /// after this many steps of the lane
        step: u64 = 0;
        /// the name of the lane
        lane: String = String::new();
        /// the setting: `optimizer.lr`, `clip`
        field: String = String::new();
        /// its value before; may be left out in a scenario written by hand
        from: String = String::new();
        /// its value from then on, as a scenario writes it
        to: String = String::new();
    }
}

impl std::fmt::Display for Edit {
    /// The edit in words: `lr 0.01 → 1000`, `layer 2 Sigmoid → Tanh`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(words) = self.of_network() {
            return f.write_str(&words);
        }
        let field = self.field.strip_prefix("optimizer.").unwrap_or(&self.field).replace('.', " ");
        let brief = |text: &str| text.strip_suffix("()").unwrap_or(text).to_owned();
        // A scenario may leave out the value before.
        let before = if self.from.is_empty() { String::new() } else { brief(&self.from) + " " };
        write!(f, "{field} {before}→ {}", brief(&self.to))
    }
}

impl Edit {
    /// The edit of a network in words: the layers that were replaced, if none was added or removed.
    fn of_network(&self) -> Option<String> {
        let read = |text: &str| {
            let mut recipe = Recipe::default();
            recipe.set_at("network", text).ok()?;
            Some(recipe.network)
        };
        let (from, to) = (self.field == "network").then(|| Some((read(&self.from)?, read(&self.to)?)))??;
        let replaced = layers(&from, &to, &mut 1).map(|words| words.join(", "));
        Some(replaced.unwrap_or_else(|| "network → other layers".into()))
    }

    /// The first step whose loss and gradient it can change. A setting of the update changes the weights first.
    pub fn acts_at(&self) -> u64 {
        let of_update =
            ["optimizer", "schedule", "clip"].contains(&self.field.split('.').next().unwrap_or(""));
        self.step + 1 + u64::from(of_update)
    }

    /// Whether the changed setting appears in this name of a lane, so that the name no longer fits: `no clip`, now
    /// clipped.
    pub fn belies(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        let words: Vec<&str> = name.split(|c: char| !(c.is_alphanumeric() || c == '.')).collect();
        let says = |text: &str| words.contains(&text.to_lowercase().as_str());
        let row = |text: &str| text.split('(').next().unwrap_or_default().to_owned();
        let number = self.from.parse::<f64>().ok();
        let same = |w: &&str| number.is_some() && w.parse::<f64>().ok() == number;
        self.field.split('.').any(says) || says(&row(&self.from)) || words.iter().any(same)
    }
}

/// The fields of a recipe that contain settings of their own: rows of tables, and groups.
macro_rules! parts {
    ($recipe:expr, $field:expr, $settings:ident, $ref:tt) => {
        match $field {
            "init" => Some($recipe.init.$settings()),
            "loss" => Some($recipe.loss.$settings()),
            "optimizer" => Some($recipe.optimizer.$settings()),
            "schedule" => Some($recipe.schedule.$settings()),
            "clip" => Some($recipe.clip.$settings()),
            "defence" => Some($recipe.defence.$settings()),
            "prediction" => Some($recipe.prediction.$settings()),
            "regularisation" => Some(parts!(@$ref $recipe.regularisation)),
            "gradient_noise" => Some(parts!(@$ref $recipe.gradient_noise)),
            "weight_average" => Some(parts!(@$ref $recipe.weight_average)),
            "early_stopping" => Some(parts!(@$ref $recipe.early_stopping)),
            _ => None,
        }
    };
    (@shared $place:expr) => { &$place };
    (@mutable $place:expr) => { &mut $place };
}

impl Recipe {
    /// The settings inside a field: those of a table's row, or of a group.
    fn part(&self, field: &str) -> Option<&dyn Settings> {
        parts!(self, field, settings, shared)
    }

    fn part_mut(&mut self, field: &str) -> Option<&mut dyn Settings> {
        parts!(self, field, settings_mut, mutable)
    }

    /// The names of the settings inside a field.
    pub fn inside(&self, field: &str) -> Vec<&'static str> {
        self.part(field).map_or_else(Vec::new, |part| part.fields().iter().map(|f| f.name).collect())
    }

    /// The names of the rows that a field chooses from; none if it is not a choice.
    pub fn rows_of(&self, field: &str) -> &'static [&'static str] {
        match field {
            "init" => InitConfig::NAMES,
            "loss" => LossConfig::NAMES,
            "optimizer" => OptimizerConfig::NAMES,
            "schedule" => ScheduleConfig::NAMES,
            "clip" => ClipConfig::NAMES,
            "defence" => DefenceConfig::NAMES,
            "prediction" => PredictionConfig::NAMES,
            _ => &[],
        }
    }

    /// Sets a field, or a field inside it: `clip`, `optimizer.lr`.
    ///
    /// # Errors
    /// If the text does not fit, with what would be right; the recipe is then unchanged.
    pub fn set_at(&mut self, path: &str, text: &str) -> Result<(), String> {
        let Some((field, inner)) = path.split_once('.') else { return self.set(path, text) };
        match self.part_mut(field) {
            Some(part) => part.set(inner, text),
            None => Err(format!("a lane has no setting {path}")),
        }
    }

    /// The value at a path, as a scenario writes it.
    pub fn at(&self, path: &str) -> Option<String> {
        let value = |fields: Vec<crate::registry::Field>, name: &str| {
            fields.into_iter().find(|f| f.name == name).map(|f| f.value)
        };
        match path.split_once('.') {
            Some((field, inner)) => value(self.part(field)?.fields(), inner),
            None => value(self.fields(), path),
        }
    }

    /// The changes from this recipe to another one: path, old and new value of each difference. A path leads as far
    /// inside as both recipes have the same row of a table.
    pub fn changes(&self, to: &Self) -> Vec<(String, String, String)> {
        let mut out = Vec::new();
        for (a, b) in self.fields().into_iter().zip(to.fields()).filter(|(a, b)| a.value != b.value) {
            match (self.part(a.name), to.part(a.name)) {
                (Some(old), Some(new)) if old.name() == new.name() => {
                    let pairs =
                        old.fields().into_iter().zip(new.fields()).filter(|(x, y)| x.value != y.value);
                    out.extend(pairs.map(|(x, y)| (join(a.name, x.name), x.value, y.value)));
                }
                _ => out.push((a.name.into(), a.value, b.value)),
            }
        }
        out
    }

    /// The same changes in words: `lr 0.01 → 1000`, `layer 2 Sigmoid → Tanh`.
    pub fn changes_in_words(&self, to: &Self) -> Vec<String> {
        let changes = self.changes(to).into_iter();
        changes.map(|(field, from, to)| Edit { field, from, to, ..Edit::default() }.to_string()).collect()
    }

    /// Whether a lane that changes to another recipe has to start anew.
    pub fn restarts(&self, to: &Self) -> bool {
        (&self.network, self.output, &self.init, &self.loss) != (&to.network, to.output, &to.init, &to.loss)
    }
}

/// The layers that were replaced, with their number from `first` on; `None` if the lists do not correspond one to one.
fn layers(a: &[LayerConfig], b: &[LayerConfig], first: &mut usize) -> Option<Vec<String>> {
    let mut out = Vec::new();
    for pair in (a.len() == b.len()).then(|| a.iter().zip(b))? {
        match pair {
            (LayerConfig::Repeat(x), LayerConfig::Repeat(y)) if x.times == y.times => {
                let begin = *first;
                out.extend(layers(&x.layers, &y.layers, first)?);
                *first = begin + x.times * (*first - begin);
            }
            (LayerConfig::Residual(_) | LayerConfig::Repeat(_), _) => return None,
            (x, y) => {
                if x != y {
                    let (from, to) = (x.text(), y.text());
                    let field = format!("layer {first}");
                    out.push(Edit { field, from, to, ..Edit::default() }.to_string());
                }
                *first += 1;
            }
        }
    }
    Some(out)
}

/// Notes in the journal of a lane that it trains with `to` instead of `from` from this step on. Earlier changes at the
/// same step were never trained, so only their combined change is kept.
pub fn note(journal: &mut Vec<Edit>, lane: &str, step: u64, from: &Recipe, to: &Recipe) {
    let (mut before, mut emptied) = (from.clone(), None);
    while let Some(edit) = journal.pop_if(|e| e.step == step) {
        if edit.empties() {
            emptied = Some(edit);
            continue;
        }
        // This program wrote the old value, so it can be read back.
        let _ = before.set_at(&edit.field, &edit.from);
    }
    let edit = |(field, from, to)| Edit { step, lane: lane.into(), field, from, to };
    journal.extend(before.changes(to).into_iter().map(edit));
    journal.extend(emptied);
}

impl Scenario {
    /// The settings inside a field, mutable: those of a table's row, or of a group.
    pub fn part_mut(&mut self, field: &str) -> Option<&mut dyn Settings> {
        match field {
            "data" => Some(self.data.settings_mut()),
            _ => parts!(self, field, settings_mut, mutable),
        }
    }

    /// The changes of a lane, in the order of their steps.
    pub fn journal(&self, lane: &str) -> Vec<Edit> {
        let mut own: Vec<Edit> = self.edits.iter().filter(|e| e.lane == lane).cloned().collect();
        own.sort_by_key(|e| e.step);
        own
    }

    /// The recipe of a lane after this many steps.
    ///
    /// # Errors
    /// The index in [`Scenario::edits`] of the edit that cannot be made, its field at fault, and the reason.
    pub fn recipe_at(&self, lane: &Lane, step: u64) -> Result<Recipe, (usize, &'static str, String)> {
        let mut recipe = self.recipe(lane);
        let mut own: Vec<(usize, &Edit)> =
            self.edits.iter().enumerate().filter(|(_, e)| e.lane == lane.name).collect();
        own.sort_by_key(|(_, e)| e.step);
        for (i, edit) in own.into_iter().filter(|(_, e)| e.step <= step && e.field != fork::CARRY) {
            let Some(now) = recipe.at(&edit.field) else {
                return Err((i, "field", format!("a lane has no setting {}", edit.field)));
            };
            let before = recipe.clone();
            if !edit.from.is_empty() {
                recipe.set_at(&edit.field, &edit.from).map_err(|what| (i, "from", what))?;
                if recipe != before {
                    return Err((i, "from", format!("{} is {now} there, not {}", edit.field, edit.from)));
                }
            }
            recipe.set_at(&edit.field, &edit.to).map_err(|what| (i, "to", what))?;
            if edit.step > 0 && before.restarts(&recipe) {
                let what =
                    "a lane with another network, init or loss starts anew: only step 0 has such a change";
                return Err((i, "field", what.into()));
            }
        }
        Ok(recipe)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::read;

    fn recipe(text: &str) -> Recipe {
        read(&format!("(data: Xor(), {text})")).expect("a scenario").base()
    }

    #[test]
    fn differences_go_as_far_inside_as_the_row_is_the_same() {
        let a = recipe("optimizer: Sgd(0.01), batch: 16");
        let b = recipe("optimizer: Sgd(1000, weight_decay: 0.5), batch: 16, clip: Norm(2)");
        let changes = a.changes(&b);
        let words = |(f, x, y): &(String, String, String)| format!("{f}: {x} -> {y}");
        let mut told: Vec<String> = changes.iter().map(words).collect();
        told.sort();
        assert_eq!(
            told,
            [
                "clip: Off() -> Norm(max_norm: 2)",
                "optimizer.lr: 0.01 -> 1000",
                "optimizer.weight_decay: 0 -> 0.5"
            ]
        );
        let deep = |unit| recipe(&format!("network: [Repeat(3, [Dense(4), {unit}()]), Dense(2)]"));
        assert_eq!(deep("Sigmoid").changes_in_words(&deep("Tanh")), ["layer 2 Sigmoid → Tanh"]);
        let shorter = recipe("network: [Dense(2)]");
        assert_eq!(deep("Sigmoid").changes_in_words(&shorter), ["network → other layers"]);
        assert_eq!(
            a.changes_in_words(&b),
            ["lr 0.01 → 1000", "weight_decay 0 → 0.5", "clip Off → Norm(max_norm: 2)"]
        );
        let mut c = a.clone();
        for (field, _, to) in &changes {
            c.set_at(field, to).expect("settable");
        }
        assert_eq!(c, b, "the changes lead there");
        for (field, from, _) in changes.iter().rev() {
            c.set_at(field, from).expect("settable");
        }
        assert_eq!(c, a, "and back");
        assert!(c.set_at("optimizer.lr", "-1").is_err() && c.set_at("batch.x", "1").is_err());
    }

    #[test]
    fn every_row_of_every_table_is_left_and_come_back_to() {
        let start = recipe("optimizer: Sgd(0.01)");
        let mut others = Vec::new();
        let with = |f: &dyn Fn(&mut Recipe)| {
            let mut r = start.clone();
            f(&mut r);
            r
        };
        others.extend(OptimizerConfig::all().into_iter().map(|o| with(&|r| r.optimizer = o.clone())));
        others.extend(ScheduleConfig::all().into_iter().map(|s| with(&|r| r.schedule = s.clone())));
        others.extend(ClipConfig::all().into_iter().map(|c| with(&|r| r.clip = c.clone())));
        for other in others {
            let mut journal = Vec::new();
            note(&mut journal, "a", 7, &start, &other);
            let mut now = start.clone();
            for e in &journal {
                now.set_at(&e.field, &e.to).expect("settable");
            }
            assert_eq!(now, other);
            note(&mut journal, "a", 7, &other, &start);
            assert!(journal.is_empty(), "back at the same step: {journal:?}");
        }
    }

    #[test]
    fn only_the_whole_change_of_a_step_is_kept() {
        let (a, b, c) =
            (recipe("optimizer: Sgd(0.3)"), recipe("optimizer: Adam(0.1)"), recipe("optimizer: Adam(0.5)"));
        let mut journal = Vec::new();
        note(&mut journal, "x", 3, &a, &b);
        note(&mut journal, "x", 3, &b, &c);
        assert_eq!(journal.len(), 1);
        assert_eq!(journal[0].to_string(), "optimizer Sgd(lr: 0.3) → Adam(lr: 0.5)");
        note(&mut journal, "x", 4, &c, &b);
        assert_eq!(journal.len(), 2);
        assert_eq!(journal[1].to_string(), "lr 0.5 → 0.1");
    }

    #[test]
    fn a_name_that_states_what_was_changed_is_known() {
        let edit =
            |field: &str, from: &str| Edit { field: field.into(), from: from.into(), ..Edit::default() };
        for (field, from, name, belied) in [
            ("clip", "Off()", "no clip", true),
            ("clip", "Norm(max_norm: 1)", "norm 1", true),
            ("optimizer", "Sgd(lr: 0.1)", "SGD", true),
            ("optimizer.lr", "0.1", "lr 0.1", true),
            ("optimizer.lr", "0.1", "0.10", true),
            ("batch", "32", "batch 32", true),
            ("optimizer.lr", "0.1", "Adam", false),
            ("optimizer.lr", "0.1", "depth 10", false),
            ("clip", "Off()", "eclipse", false),
        ] {
            assert_eq!(edit(field, from).belies(name), belied, "{name}: {field}");
        }
    }

    #[test]
    fn edits_of_a_scenario_are_checked_where_they_stand() {
        let faults = |edits: &str| {
            let text =
                format!("(data: Xor(), optimizer: Sgd(0.1), lanes: [(name: \"a\")],\nedits: [{edits}])");
            let all = read(&text).err().unwrap_or_default();
            all.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
        };
        assert_eq!(faults("(step: 5, lane: \"a\", field: \"optimizer.lr\", from: \"0.1\", to: \"0.2\")"), "");
        assert_eq!(faults("(step: 5, lane: \"a\", field: \"clip\", to: \"Norm(1)\")"), "");
        let told = faults("(step: 5, lane: \"b\", field: \"clip\", to: \"Norm(1)\")");
        assert!(told.starts_with("2:25:") && told.contains("no lane b"), "{told}");
        let told = faults("(step: 5, lane: \"a\", field: \"clap\", to: \"Norm(1)\")");
        assert!(told.starts_with("2:37:") && told.contains("clap"), "{told}");
        let told = faults("(step: 5, lane: \"a\", field: \"optimizer.lr\", from: \"0.3\", to: \"0.2\")");
        assert!(told.contains("optimizer.lr is 0.1 there, not 0.3"), "{told}");
        let told = faults("(step: 5, lane: \"a\", field: \"optimizer.lr\", to: \"-2\")");
        assert!(told.contains("out of range"), "{told}");
        let told = faults("(step: 5, lane: \"a\", field: \"network\", to: \"[Dense(3)]\")");
        assert!(told.contains("starts anew"), "{told}");
    }
}
