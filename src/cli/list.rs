//! `gradtui list`: everything that a scenario can name, one line each; or one entry in full.

use super::{BadInput, print};
use crate::engine::attack::AttackConfig;
use crate::engine::augment::AugmentConfig;
use crate::engine::clip::ClipConfig;
use crate::engine::data::DataConfig;
use crate::engine::defence::DefenceConfig;
use crate::engine::init::InitConfig;
use crate::engine::layer::LayerConfig;
use crate::engine::loss::LossConfig;
use crate::engine::optim::OptimizerConfig;
use crate::engine::robust::prediction::PredictionConfig;
use crate::engine::schedule::ScheduleConfig;
use crate::lab::outcome::METRICS;
use crate::lab::preset;
use crate::lab::sweep::preset as sweep;
use crate::registry::{Field, Settings};
use crate::scenario::sweep::points::PointsConfig;
use crate::text::{did_you_mean, escaped, excerpt};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

/// Arguments of `list`.
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    /// One entry with all its settings, such as AdamW; or one list, such as optimizers or metrics
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// JSON instead of text
    #[arg(long)]
    json: bool,
}

/// A list of entries of one kind.
struct ListTable {
    heading: &'static str,
    /// The form in which a scenario uses an entry; `{}` stands for its name.
    usage: &'static str,
    entries: Vec<ListEntry>,
}

/// A name, its description and its settings.
struct ListEntry {
    name: String,
    about: String,
    /// Its formula, if its description contains none.
    formula: String,
    fields: Vec<Field>,
    example: String,
}

impl ListEntry {
    fn of(settings: &dyn Settings, formula: &str) -> Self {
        let fields = settings.fields();
        let name = settings.name();
        // The first setting shows the syntax; it is the one that users change most.
        let first = fields.first().map(|f| match (f.rust, f.value.as_str()) {
            ("String", "\"\"") => format!("{}: \"...\"", f.name),
            _ => format!("{}: {}", f.name, f.value),
        });
        let example = format!("{name}({})", first.unwrap_or_default());
        Self { name: name.into(), about: settings.about().into(), formula: formula.into(), fields, example }
    }

    fn json(&self, table: &ListTable) -> Value {
        let fields = self.fields.iter().map(|f| {
            let bounds = f.bounds.map(|b| b.to_string());
            json!({
                "name": f.name, "about": f.about, "type": f.kind(), "default": f.default, "range": bounds,
                "choices": (f.choices)(),
            })
        });
        json!({
            "name": self.name, "about": self.about, "formula": self.formula,
            "settings": fields.collect::<Vec<_>>(), "example": table.example(self),
        })
    }
}

impl ListTable {
    fn example(&self, entry: &ListEntry) -> String {
        self.usage.replace("{}", &entry.example)
    }

    /// One entry in lines: description, settings, syntax.
    fn whole(&self, entry: &ListEntry) -> String {
        let mut out = format!("{} ({})\n  {}\n", entry.name, self.heading, entry.about);
        if !entry.formula.is_empty() {
            let _ = writeln!(out, "\nformula\n  {}", entry.formula);
        }
        if !entry.fields.is_empty() {
            out.push_str("\nsettings\n");
            let kinds: Vec<_> = entry.fields.iter().map(Field::kind).collect();
            let width = |of: &dyn Fn(usize) -> usize| (0..kinds.len()).map(of).max().unwrap_or(0);
            let name = width(&|i| entry.fields[i].name.len());
            let kind = width(&|i| kinds[i].chars().count());
            let default = width(&|i| entry.fields[i].default.chars().count());
            for (field, words) in entry.fields.iter().zip(&kinds) {
                let choices = (field.choices)();
                // The descriptions of some fields already contain all their choices.
                let said = choices.iter().all(|name| field.about.contains(name.trim_end_matches("(..)")));
                let range = match field.bounds {
                    Some(bounds) => format!("; {bounds}"),
                    None if said => String::new(),
                    None => format!("; {}", choices.join(", ")),
                };
                let _ = writeln!(
                    out,
                    "  {:name$}  {words:kind$}  = {:default$}  {}{range}",
                    field.name, field.default, field.about
                );
            }
        }
        let _ = write!(out, "\nexample\n  {}\n", self.example(entry));
        out
    }

    /// All entries, one per line.
    fn lines(&self, width: usize) -> String {
        let line = |e: &ListEntry| format!("  {:width$}  {}\n", e.name, e.about);
        format!("{}\n{}", self.heading, self.entries.iter().map(line).collect::<String>())
    }

    fn json(&self) -> Value {
        self.entries.iter().map(|e| e.json(self)).collect()
    }
}

/// The rows of a table of settings.
macro_rules! rows {
    ($heading:literal, $usage:literal, $table:ident) => {
        rows!($heading, $usage, $table, |_| "")
    };
    ($heading:literal, $usage:literal, $table:ident, $formula:expr) => {
        ListTable {
            heading: $heading,
            usage: $usage,
            entries: $table::all().iter().map(|row| ListEntry::of(row.settings(), ($formula)(row))).collect(),
        }
    };
}

fn tables() -> Vec<ListTable> {
    let plain = |name: String, about: String, example: String| ListEntry {
        name,
        about,
        formula: String::new(),
        fields: Vec::new(),
        example,
    };
    let preset = |p: &preset::Preset| plain(p.name.into(), p.scenario().title, p.name.into());
    let sweep = |(name, text): &(&str, &str)| plain((*name).into(), sweep::title(text), (*name).into());
    let metric = |(name, about): &(String, String)| plain(name.clone(), about.clone(), name.clone());
    vec![
        ListTable {
            heading: "presets",
            usage: "gradtui {}",
            entries: preset::ALL.iter().map(preset).collect(),
        },
        ListTable {
            heading: "sweeps",
            usage: "gradtui sweep {} --out DIR",
            entries: sweep::ALL.iter().map(sweep).collect(),
        },
        rows!("values", "vary: [(\"optimizer.lr\", {})]", PointsConfig),
        rows!("layers", "network: [{}]", LayerConfig),
        rows!("inits", "init: {}", InitConfig),
        rows!("losses", "loss: {}", LossConfig),
        rows!("optimizers", "optimizer: {}", OptimizerConfig, |row: &OptimizerConfig| row.formula()),
        rows!("schedules", "schedule: {}", ScheduleConfig),
        rows!("clips", "clip: {}", ClipConfig),
        rows!("augmentations", "augment: [{}]", AugmentConfig),
        rows!("attacks", "view: (attack: {})", AttackConfig),
        rows!("defences", "defence: {}", DefenceConfig),
        rows!("predictions", "prediction: {}", PredictionConfig),
        rows!("data", "data: {}", DataConfig),
        ListTable {
            heading: "metrics",
            usage: "expect: [\"LANE.{} > 0\"]",
            entries: METRICS.iter().map(metric).collect(),
        },
    ]
}

impl ListArgs {
    /// Prints it.
    pub fn run(self) -> anyhow::Result<()> {
        let tables = tables();
        let width = tables.iter().flat_map(|t| &t.entries).map(|e| e.name.len()).max().unwrap_or(0);
        let Some(name) = &self.name else {
            let text = if self.json {
                let lists = tables.iter().map(|t| (t.heading.to_string(), t.json()));
                format!("{:#}\n", Value::from(lists.collect::<Map<_, _>>()))
            } else {
                tables.iter().map(|t| t.lines(width)).collect::<Vec<_>>().join("\n")
            };
            return print(&text);
        };
        if let Some(table) = tables.iter().find(|t| t.heading == *name) {
            let text = if self.json { format!("{:#}\n", table.json()) } else { table.lines(width) };
            return print(&text);
        }
        // A name may be in several tables: `Output` is a loss, `accuracy` a number.
        let all = || tables.iter().flat_map(|t| t.entries.iter().map(move |e| (t, e)));
        let mut found: Vec<_> = all().filter(|(_, e)| e.name == *name).collect();
        if found.is_empty() {
            found = all().filter(|(_, e)| e.name.eq_ignore_ascii_case(name)).collect();
        }
        if found.is_empty() {
            let names = all().map(|(_, e)| e.name.as_str()).chain(tables.iter().map(|t| t.heading));
            let near = match did_you_mean(name, names) {
                Some(near) => format!("did you mean {near}?"),
                None => "`gradtui list` shows all names".into(),
            };
            let name = escaped(&excerpt(name, 60)).into_owned();
            return Err(BadInput::new(format!("{name}: there is nothing of this name; {near}")).into());
        }
        if self.json {
            let each = found.iter().map(|(table, entry)| {
                let mut value = entry.json(table);
                value["list"] = table.heading.into();
                format!("{value:#}\n")
            });
            return print(&each.collect::<String>());
        }
        let each: Vec<_> = found.iter().map(|(table, entry)| table.whole(entry)).collect();
        print(&each.join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Recipe, Scenario};

    #[test]
    fn every_example_is_read_as_the_setting_that_it_shows() {
        // The other tables are not settings of a scenario.
        let others = ["presets", "metrics", "sweeps", "values"];
        for table in tables().iter().filter(|t| !others.contains(&t.heading)) {
            for entry in &table.entries {
                let example = table.example(entry);
                let (field, value) = example.split_once(": ").expect("a field and its value");
                let (mut scenario, mut recipe) = (Scenario::default(), Recipe::default());
                let read = scenario.set(field, value).or_else(|_| recipe.set(field, value));
                assert_eq!(read, Ok(()), "{example}");
            }
        }
    }

    #[test]
    fn an_entry_is_shown_with_types_defaults_ranges_and_formula() {
        let tables = tables();
        let table = tables.iter().find(|t| t.heading == "optimizers").expect("optimizers");
        let whole = table.whole(table.entries.iter().find(|e| e.name == "AdamW").expect("AdamW"));
        for words in
            ["arXiv:1711.05101", "betas", "(number, number)", "= (0.9, 0.999)", "0 to below 1", "formula"]
        {
            assert!(whole.contains(words), "{words} in\n{whole}");
        }
        assert!(whole.contains("optimizer: AdamW(lr: 0.001)"), "{whole}");
        let table = tables.iter().find(|t| t.heading == "data").expect("data");
        let whole = table.whole(table.entries.iter().find(|e| e.name == "Csv").expect("Csv"));
        assert!(whole.contains("; Found, Comma, Semicolon, Tab, Bar, Blanks"), "{whole}");
        assert!(!whole.contains("OneHot or Ordinal; "), "told once: {whole}");
        let metrics = tables.iter().find(|t| t.heading == "metrics").expect("metrics");
        assert!(metrics.lines(20).contains("val_accuracy"));
    }
}
