//! Turns a scenario into an experiment that can train: data loaded and prepared once, every lane's network built and
//! checked.
//!
//! `check` uses the same rules: a scenario that builds here runs. Opens no file itself.

use crate::engine::data::Files;
pub use crate::engine::data::Prepared as Data;
use crate::engine::network::Network;
use crate::limits;
use crate::scenario::memory::{self, MemoryNeed};
use crate::scenario::{Carry, Edit, Lane, Lineage, Recipe, Scenario};
use crate::telemetry::{ForkOrigin, LaneInfo, LayerInfo};
use std::sync::Arc;

pub mod ground;

/// A fault of a scenario and its place.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{at}: {what}")]
pub struct BuildFault {
    /// Path inside the document: `lanes[1].network[3]`.
    pub at: String,
    /// The fault and its remedy.
    pub what: String,
}

/// One lane whose network was built and checked.
#[derive(Clone, Debug)]
pub struct Contender {
    /// Its name.
    pub name: String,
    /// Its recipe at the start.
    pub recipe: Recipe,
    /// The recipe as written in the scenario, without the edits of step 0.
    pub written: Recipe,
    /// The changes of its recipe, each with its step.
    pub journal: Vec<Edit>,
    /// Its layers, including the output layer.
    pub network: Arc<Network>,
    /// Its origin, if it is forked from another lane.
    pub branch: Option<Branch>,
}

/// A lane that begins at a step of another one.
#[derive(Clone, Debug, PartialEq)]
pub struct Branch {
    /// The index of the other lane.
    pub parent: usize,
    /// The lane as written: its differences from the other one.
    pub overrides: Lane,
    /// The other lane's recipe at that step.
    pub ground: Recipe,
    /// The history of the state with which it begins.
    pub line: Lineage,
}

impl Branch {
    /// A lane of a scenario, if it is forked from another one.
    fn of(scenario: &Scenario, lane: &Lane) -> Option<Self> {
        let parent = scenario.parent(lane)?;
        let line = scenario.lineage(parent, lane.at as u64);
        let parent = scenario.lanes.iter().position(|l| std::ptr::eq(l, parent))?;
        Some(Self { parent, overrides: lane.clone(), ground: scenario.ground(lane), line })
    }

    /// The part of the state that a lane with this recipe takes over.
    pub fn carried(&self, recipe: &Recipe) -> Option<Carry> {
        let Lane { at, carry, .. } = self.overrides;
        Carry::between(&self.ground, recipe, carry).filter(|_| at > 0)
    }

    /// The description of the fork for a lane with this recipe.
    pub fn fork_origin(&self, recipe: &Recipe, begun: bool) -> ForkOrigin {
        let carried = self.carried(recipe);
        ForkOrigin {
            parent: self.parent,
            from: self.overrides.from.clone().unwrap_or_default(),
            at: carried.map_or(0, |_| self.overrides.at as u64),
            carried,
            recipe: Box::new(self.ground.clone()),
            begun,
        }
    }
}

/// A scenario with its data and with lanes that are ready to train.
#[derive(Clone, Debug)]
pub struct Experiment {
    /// The scenario as written.
    pub scenario: Scenario,
    /// The data that all lanes share.
    pub data: Arc<Data>,
    /// The data of the other seeds: seed + 1, seed + 2 ...
    pub others: Vec<Arc<Data>>,
    /// The lanes in order.
    pub lanes: Vec<Contender>,
}

impl Experiment {
    /// Loads the data and builds every lane's network.
    ///
    /// # Errors
    /// All faults, in the order of the document.
    pub fn new(scenario: Scenario, files: &dyn Files) -> Result<Self, Vec<BuildFault>> {
        let data = Arc::new(prepare(&scenario, files).map_err(|f| vec![f])?);
        Self::with_data(scenario, data, files)
    }

    /// Builds every lane's network for data that are already loaded; the data of other seeds are loaded.
    ///
    /// # Errors
    /// All faults, in the order of the document.
    pub fn with_data(
        scenario: Scenario,
        data: Arc<Data>,
        files: &dyn Files,
    ) -> Result<Self, Vec<BuildFault>> {
        let others = prepare_others(&scenario, &data, files).map_err(|f| vec![f])?;
        let (mut lanes, mut faults) = (Vec::new(), Vec::new());
        // A scenario without lanes has one implicit lane with the scenario's own settings.
        let sole = [Lane { name: "all".into(), ..Lane::default() }];
        let written = if scenario.lanes.is_empty() { &sole[..] } else { &scenario.lanes[..] };
        for (i, lane) in written.iter().enumerate() {
            let branch = Branch::of(&scenario, lane);
            let written = scenario.recipe(lane);
            // The edits of a fork come after its start.
            let begun = if branch.is_some() { Ok(written.clone()) } else { scenario.recipe_at(lane, 0) };
            let recipe = match begun {
                Ok(recipe) => recipe,
                Err((n, field, what)) => {
                    faults.push(BuildFault { at: format!("edits[{n}].{field}"), what });
                    continue;
                }
            };
            match build(&data, &recipe) {
                Ok(network) => {
                    let name = lane.name.clone();
                    let (journal, network) = (scenario.journal(&name), Arc::new(network));
                    lanes.push(Contender { name, recipe, written, journal, network, branch });
                }
                Err(e) => {
                    let at = if lane.gives(&e.at) { format!("lanes[{i}].{}", e.at) } else { e.at };
                    let fault = BuildFault { at, what: e.what };
                    if !faults.contains(&fault) {
                        faults.push(fault);
                    }
                }
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let experiment = Self { scenario, data, others, lanes };
        let room = memory::fits(experiment.needs(), experiment.scenario.seeds, 0).and_then(memory::is_there);
        room.map_err(|what| vec![BuildFault { at: "lanes".into(), what }])?;
        Ok(experiment)
    }

    /// Memory of one seed of each lane.
    fn needs(&self) -> impl Iterator<Item = MemoryNeed> {
        let attacked = self.scenario.robustness.is_some();
        self.lanes.iter().map(move |lane| {
            lane.recipe.memory(&lane.network, &self.data, attacked).forked(lane.branch.is_some())
        })
    }

    /// The largest size in bytes of a checkpoint of this experiment.
    pub fn checkpoint_bytes(&self) -> u64 {
        memory::checkpoint(self.needs(), self.scenario.seeds)
    }
}

/// Builds the network of a recipe for these data, and checks that its activations fit into memory.
///
/// # Errors
/// The setting that does not fit, with its path inside the recipe.
pub fn build(data: &Data, recipe: &Recipe) -> Result<Network, BuildFault> {
    recipe.build(data).map_err(|(at, what)| BuildFault { at, what })
}

/// The description of a lane for the screen; `total`: steps of the scenario.
pub fn info(name: &str, recipe: &Recipe, network: &Network, data: &Data, total: u64) -> LaneInfo {
    let layers = network.nodes().iter().enumerate().map(|(i, node)| LayerInfo {
        label: node.label.clone(),
        input: node.input.to_string(),
        output: node.layer.output().to_string(),
        params: node.params.len(),
        keeps: ground::keeps_norm(network, i),
        saturates: node.layer.units() > 0,
    });
    let batch = recipe.batch.clamp(1, data.train.len().max(1));
    LaneInfo {
        name: name.into(),
        recipe: recipe.clone(),
        input: data.train.shape,
        outputs: data.train.outputs(),
        layers: layers.collect(),
        params: network.param_count(),
        steps_per_epoch: (data.train.len() / batch).max(1) as f64 * recipe.defence.replays() as f64,
        cost: recipe.defence.cost(data.train.outputs().size()),
        edits: Vec::new(),
        foreign: None,
        fork: None,
        read: data.reading.all().into(),
        total,
        data: Some(Arc::new(ground::data_facts(data, &recipe.loss))),
    }
}

/// Loads the data set, splits it by the seed, and scales it with statistics of the training samples.
///
/// # Errors
/// The fault in the data.
pub fn prepare(scenario: &Scenario, files: &dyn Files) -> Result<Data, BuildFault> {
    scenario.prepare(files).map_err(|e| BuildFault { at: "data".into(), what: e.to_string() })
}

/// The data of every seed after the first: generated and split as in a run with that seed.
///
/// # Errors
/// The fault in the data of a seed, or that all data together are too large.
pub fn prepare_others(
    scenario: &Scenario,
    first: &Data,
    files: &dyn Files,
) -> Result<Vec<Arc<Data>>, BuildFault> {
    let fault = |what: String| Err(BuildFault { at: "seeds".into(), what });
    let numbers = first.train.inputs.len() + first.validation.inputs.len();
    if numbers.saturating_mul(scenario.seeds) > limits::DATA_NUMBERS {
        let most = limits::DATA_NUMBERS / numbers.max(1);
        return fault(format!(
            "every seed has data of its own; at most {most} seeds of these fit into memory"
        ));
    }
    let mut others = Vec::new();
    for k in 1..scenario.seeds as u64 {
        let seed = scenario.seed.wrapping_add(k);
        let data = prepare(&Scenario { seed, ..scenario.clone() }, files)?;
        if (data.train.shape, data.train.outputs(), data.train.len())
            != (first.train.shape, first.train.outputs(), first.train.len())
        {
            return fault(format!(
                "the data of seed {seed} have other shapes than those of seed {}",
                scenario.seed
            ));
        }
        others.push(Arc::new(data));
    }
    Ok(others)
}
