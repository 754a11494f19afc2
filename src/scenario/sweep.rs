//! The sweep: a second kind of document, which names a scenario and the fields to vary in it. Defines the trainings;
//! trains nothing.

mod path;
mod plan;
pub mod points;

pub use path::set;
pub use plan::{Setting, SweepPlan, plan};

use crate::document::Document;
use crate::document::reader::NodeKind;
use crate::limits;
use crate::registry::{plain_values, settings};
use points::PointsConfig;
use serde::{Deserialize, Serialize};

settings! {
    /// One field that a sweep varies, and the values it takes.
    pub struct Vary {
        /// the field: `optimizer.lr`, `batch`, `data.noise`, `network[0].units`
        field: String = String::new();
        /// its values: Values([..]), Log(from, to, count) or Linear(from, to, count)
        values: PointsConfig = PointsConfig::all().swap_remove(0);
        /// only in this lane; in all, if none is given
        lane: Option<String> = None;
    }
}

settings! {
    /// Combinations drawn at random, the same number for every contender.
    pub struct Random {
        /// combinations of each contender
        cells: usize = 20, 1..=limits::SWEEP_SETTINGS;
        /// seed of the draws
        seed: u64 = 1;
    }
}

settings! {
    /// Successive halving (Jamieson & Talwalkar 2016, arXiv:1502.07943): all settings train a little, the best of them longer.
    pub struct Halving {
        /// steps after which settings are compared for the first time
        steps: usize = 100, 1..=limits::STEPS;
        /// one of this many settings goes on, for this many times as long
        factor: usize = 3, 2..=100;
        /// settings that are compared with each other; all of a contender, if none is given
        bracket: Option<usize> = None, 2..=limits::SWEEP_SETTINGS;
    }
}

/// The evaluation of a training whose number is compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Take {
    /// The last one.
    #[default]
    Last,
    /// The best one.
    Best,
    /// The first one that reaches the target: trainings are compared by its step.
    Target,
}
plain_values!(Take);

settings! {
    /// Many trainings of one scenario with varied settings.
    pub struct Sweep {
        /// one line that names it
        title: String = String::new();
        /// the question it answers
        about: String = String::new();
        /// the scenario: a preset's name, or a path that is relative to this file
        scenario: String = String::new();
        /// the lanes of it that are trained; all, if none is named
        lanes: Vec<String> = Vec::new();
        /// the fields to vary; every lane is trained with every combination
        vary: Vec<Vary> = Vec::new();
        /// draw this many combinations of each contender, in place of training all
        random: Option<Random> = None;
        /// seeds of every combination, from the scenario's own on
        seeds: usize = 1, 1..=limits::SWEEP_SEEDS;
        /// steps of a training; as many as the scenario has, if none are given
        steps: Option<usize> = None, 1..=limits::STEPS;
        /// steps between two evaluations; those of the scenario, if none are given
        evaluate_every: Option<usize> = None, 1..=limits::STEPS;
        /// the number that is compared: val_loss, val_accuracy, val_mae, val_rmse, val_r2, val_recall, val_precision
        measure: String = String::from("val_loss");
        /// the evaluation that counts: Last, Best, or Target (the first one that is as good as the target)
        take: Take = Take::Last;
        /// what counts as reached
        target: Option<f64> = None;
        /// the varied field whose values are compared with each other, each with its own best settings
        by: Option<String> = None;
        /// give up poor settings early
        halving: Option<Halving> = None;
        /// what must hold of the best settings, such as `median(Adam.val_loss) < 0.1`
        expect: Vec<String> = Vec::new();
    }
}

/// Whether a document is a sweep, judged by its outermost names.
pub fn is_sweep(text: &str) -> bool {
    Document::new(text).is_ok_and(|document| is(&document, text))
}

/// The same for a parsed document.
pub(super) fn is(document: &Document<'_>, text: &str) -> bool {
    let NodeKind::Group(items) = &document.root().kind else { return false };
    let named = |name: &str| items.iter().any(|i| i.name.as_ref().is_some_and(|n| &text[n.clone()] == name));
    named("vary") && !named("network")
}
