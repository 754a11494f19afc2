//! `gradtui list`: everything that a scenario can name, with a line of explanation.

use super::print;
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
use crate::lab::preset;
use crate::registry::Settings;
use serde_json::{Map, Value, json};

/// Arguments of `list`.
#[derive(Debug, clap::Args)]
pub struct List {
    /// One JSON object instead of text
    #[arg(long)]
    json: bool,
}

/// A name, what it is, and the settings that it takes.
struct Entry {
    name: String,
    about: String,
    fields: Vec<crate::registry::Field>,
}

impl Entry {
    fn of(settings: &dyn Settings) -> Self {
        Self { name: settings.name().into(), about: settings.about().into(), fields: settings.fields() }
    }

    fn json(&self) -> Value {
        let fields = self.fields.iter().map(|f| {
            let bounds = f.bounds.map(|b| b.to_string());
            json!({ "name": f.name, "about": f.about, "default": f.default, "range": bounds })
        });
        json!({ "name": self.name, "about": self.about, "settings": fields.collect::<Vec<_>>() })
    }
}

/// The rows of a table.
macro_rules! rows {
    ($($heading:literal: $table:ident,)*) => {
        vec![ $( ($heading, $table::all().iter().map(|row| Entry::of(row.settings())).collect::<Vec<_>>()), )* ]
    };
}

fn tables() -> Vec<(&'static str, Vec<Entry>)> {
    let preset =
        |p: &preset::Preset| Entry { name: p.name.into(), about: p.scenario().title, fields: Vec::new() };
    let mut tables = vec![("presets", preset::ALL.iter().map(preset).collect())];
    tables.extend(rows! {
        "layers": LayerConfig,
        "inits": InitConfig,
        "losses": LossConfig,
        "optimizers": OptimizerConfig,
        "schedules": ScheduleConfig,
        "clips": ClipConfig,
        "augmentations": AugmentConfig,
        "attacks": AttackConfig,
        "defences": DefenceConfig,
        "predictions": PredictionConfig,
        "data": DataConfig,
    });
    tables
}

impl List {
    /// Prints it.
    pub fn run(self) -> anyhow::Result<()> {
        let tables = tables();
        if self.json {
            let lists = tables.iter().map(|(heading, entries)| {
                ((*heading).to_string(), Value::from(entries.iter().map(Entry::json).collect::<Vec<_>>()))
            });
            return print(&format!("{:#}\n", Value::from(lists.collect::<Map<_, _>>())));
        }
        let width = tables.iter().flat_map(|(_, e)| e).map(|e| e.name.len()).max().unwrap_or(0);
        let mut out = String::new();
        for (heading, entries) in tables {
            out.extend([heading, "\n"]);
            for entry in entries {
                let name = format!("  {:width$}  ", entry.name);
                out.extend([&name, &entry.about, "\n"]);
            }
            out.push('\n');
        }
        print(out.trim_end_matches('\n')).and_then(|()| print("\n"))
    }
}
