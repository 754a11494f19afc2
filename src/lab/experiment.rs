//! From a scenario to something that can train: data loaded and prepared once, every lane's network proven.
//!
//! The rules here are the rules of `check` as well: a scenario that builds here runs. Opens no file itself.

use crate::engine::data::{Labels, Samples};
use crate::engine::layer::LayerConfig;
use crate::engine::layer::dense::Dense;
use crate::engine::network::{Network, ShapeError};
use crate::engine::rng::{Purpose, Stream};
use crate::engine::shape::Shape;
use crate::limits;
use crate::scenario::{Lane, Recipe, Scaling, Scenario};
use crate::telemetry::{LaneInfo, LayerInfo};
use std::sync::Arc;

/// Training and validation samples, scaled.
#[derive(Clone, Debug, PartialEq)]
pub struct Data {
    /// What the lanes learn from.
    pub train: Samples,
    /// What they are judged by.
    pub validation: Samples,
    /// The valid range of every number of one input sample, after scaling; attacks clamp to it.
    pub range: Vec<(f32, f32)>,
}

/// What is wrong with a scenario, and where.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{at}: {what}")]
pub struct Fault {
    /// Path inside the document: `lanes[1].network[3]`.
    pub at: String,
    /// What is wrong, and what would be right.
    pub what: String,
}

/// Reads the bytes of a file that a data set names, relative to the scenario.
pub type Open<'a> = &'a dyn Fn(&str) -> Result<Vec<u8>, String>;

/// One lane, proven.
#[derive(Clone, Debug)]
pub struct Contender {
    /// Its name.
    pub name: String,
    /// What it trains with.
    pub recipe: Recipe,
    /// Its layers, the output layer included.
    pub network: Arc<Network>,
}

/// A scenario whose data are there and whose lanes can train.
#[derive(Clone, Debug)]
pub struct Experiment {
    /// As written.
    pub scenario: Scenario,
    /// Shared by all lanes.
    pub data: Arc<Data>,
    /// The lanes in order.
    pub lanes: Vec<Contender>,
}

impl Experiment {
    /// Loads the data and builds every lane's network.
    ///
    /// # Errors
    /// Every fault that was found, in the order of the document.
    pub fn new(scenario: Scenario, open: Open<'_>) -> Result<Self, Vec<Fault>> {
        let data = Arc::new(prepare(&scenario, open).map_err(|f| vec![f])?);
        Self::with_data(scenario, data)
    }

    /// Builds every lane's network for data that are already there.
    ///
    /// # Errors
    /// Every fault that was found, in the order of the document.
    pub fn with_data(scenario: Scenario, data: Arc<Data>) -> Result<Self, Vec<Fault>> {
        let (mut lanes, mut faults) = (Vec::new(), Vec::new());
        // A scenario without lanes is one lane that differs by nothing.
        let sole = [Lane { name: "all".into(), ..Lane::default() }];
        let written = if scenario.lanes.is_empty() { &sole[..] } else { &scenario.lanes[..] };
        for (i, lane) in written.iter().enumerate() {
            let recipe = scenario.recipe(lane);
            match build(&data, &recipe) {
                Ok(network) => {
                    lanes.push(Contender { name: lane.name.clone(), recipe, network: Arc::new(network) });
                }
                Err(e) => {
                    let own = lane.network.is_some() && e.at.starts_with("network");
                    let at = if own { format!("lanes[{i}].{}", e.at) } else { e.at };
                    let fault = Fault { at, what: e.what };
                    if !faults.contains(&fault) {
                        faults.push(fault);
                    }
                }
            }
        }
        if faults.is_empty() { Ok(Self { scenario, data, lanes }) } else { Err(faults) }
    }
}

/// Builds the network of a recipe for these data, and proves that its activations fit into memory.
///
/// # Errors
/// What does not fit, with its path inside the recipe.
pub fn build(data: &Data, recipe: &Recipe) -> Result<Network, Fault> {
    let outputs = data.train.outputs();
    let layers = layers(recipe, outputs);
    let last = layers.len() - 1;
    let network = Network::new(data.train.shape, &layers).map_err(|ShapeError { at, what }| {
        let output_layer = at.starts_with(&format!("[{last}]"));
        let at = if output_layer { "network".to_string() } else { format!("network{at}") };
        let what = if output_layer { format!("the output layer that follows: {what}") } else { what };
        Fault { at, what }
    })?;
    if network.output().size() != outputs.size() {
        let what = format!(
            "the network gives {}, the data want {outputs}; end with a layer that keeps the time steps",
            network.output()
        );
        return Err(Fault { at: "network".into(), what });
    }
    let rows = recipe.batch.min(data.train.len()).max(1);
    let floats = network.workspace_len(rows);
    if floats > limits::ACTIVATIONS {
        let what = format!(
            "a batch of {rows} needs {floats} numbers for activations; at most {} are allowed: take a smaller batch",
            limits::ACTIVATIONS
        );
        return Err(Fault { at: "batch".into(), what });
    }
    Ok(network)
}

/// The hidden layers and the output layer that follows by itself.
fn layers(recipe: &Recipe, outputs: Shape) -> Vec<LayerConfig> {
    let mut layers = recipe.network.clone();
    layers.push(Dense { units: outputs.rows_of().1, ..Dense::default() }.into());
    layers
}

/// What a lane is, for whoever watches.
pub fn info(name: &str, recipe: &Recipe, network: &Network, data: &Data) -> LaneInfo {
    let layers = network.nodes().iter().map(|node| LayerInfo {
        label: node.label.clone(),
        input: node.input.to_string(),
        output: node.layer.output().to_string(),
        params: node.params.len(),
    });
    let batch = recipe.batch.clamp(1, data.train.len().max(1));
    LaneInfo {
        name: name.into(),
        recipe: recipe.clone(),
        input: data.train.shape,
        outputs: data.train.outputs(),
        layers: layers.collect(),
        params: network.param_count(),
        steps_per_epoch: (data.train.len() / batch).max(1) as f64,
    }
}

/// Loads the data set, splits it by the seed, and scales it by numbers of the training samples.
///
/// # Errors
/// What is wrong with the data.
pub fn prepare(scenario: &Scenario, open: Open<'_>) -> Result<Data, Fault> {
    let fault = |what: String| Fault { at: "data".into(), what };
    let files: Result<Vec<_>, _> = scenario.data.files().into_iter().map(open).collect();
    let set = scenario.data.load(&files.map_err(fault)?, scenario.seed).map_err(|e| fault(e.to_string()))?;
    let (mut train, mut validation) = match set.validation {
        Some(validation) => (set.samples, validation),
        None => split(&set.samples, scenario.validation, scenario.seed),
    };
    if let Some(n) = scenario.train_samples {
        train = pick(&train, &(0..train.len().min(n)).collect::<Vec<_>>());
    }
    if train.is_empty() || validation.is_empty() {
        return Err(fault("too few samples to learn from and to be judged by; at least 2 are needed".into()));
    }
    let range = scale(&mut train, &mut validation, scenario.scaling, set.range);
    Ok(Data { train, validation, range })
}

/// The samples of these indices.
fn pick(samples: &Samples, of: &[usize]) -> Samples {
    let inputs = of.iter().flat_map(|&i| samples.input(i).iter().copied()).collect();
    let steps = samples.shape.rows_of().0;
    let labels = match &samples.labels {
        Labels::Classes { of: all, names } => {
            Labels::Classes { of: of.iter().map(|&i| all[i]).collect(), names: names.clone() }
        }
        Labels::StepClasses { of: all, names } => {
            let each = |&i: &usize| all[i * steps..(i + 1) * steps].iter().copied();
            Labels::StepClasses { of: of.iter().flat_map(each).collect(), names: names.clone() }
        }
        Labels::Values { of: all, shape } => {
            let n = shape.size();
            let each = |&i: &usize| all[i * n..(i + 1) * n].iter().copied();
            Labels::Values { of: of.iter().flat_map(each).collect(), shape: *shape }
        }
    };
    Samples { shape: samples.shape, inputs, labels }
}

/// Training and validation samples, `share` of them for validation.
fn split(samples: &Samples, share: f64, seed: u64) -> (Samples, Samples) {
    let mut order: Vec<usize> = (0..samples.len()).collect();
    Stream::new(seed, Purpose::Split, 0, 0).shuffle(&mut order);
    let kept = ((samples.len() as f64 * share).round() as usize).clamp(1, samples.len().max(2) - 1);
    let (validation, train) = order.split_at(kept.min(order.len()));
    (pick(samples, train), pick(samples, validation))
}

/// Brings inputs to a common scale; the range that they may have afterwards.
fn scale(
    train: &mut Samples,
    validation: &mut Samples,
    how: Scaling,
    range: Option<(f32, f32)>,
) -> Vec<(f32, f32)> {
    let width = train.shape.size();
    if how != Scaling::None {
        let rows = train.len() as f64;
        for column in 0..width {
            let values = || train.inputs.iter().skip(column).step_by(width).map(|&x| f64::from(x));
            let (shift, size) = if how == Scaling::Standard {
                let mean = values().sum::<f64>() / rows;
                (mean, (values().map(|x| (x - mean) * (x - mean)).sum::<f64>() / rows).sqrt())
            } else {
                let low = values().fold(f64::INFINITY, f64::min);
                (low, values().fold(f64::NEG_INFINITY, f64::max) - low)
            };
            // A constant feature carries nothing; it becomes 0.
            let factor = if size > 0.0 { 1.0 / size } else { 0.0 };
            for samples in [&mut *train, &mut *validation] {
                for x in samples.inputs.iter_mut().skip(column).step_by(width) {
                    *x = ((f64::from(*x) - shift) * factor) as f32;
                }
            }
        }
    }
    let seen = |column: usize| {
        let values = train.inputs.iter().skip(column).step_by(width);
        values.fold((f32::INFINITY, f32::NEG_INFINITY), |(a, b), &x| (a.min(x), b.max(x)))
    };
    match (how, range) {
        (Scaling::None, Some(range)) => vec![range; width],
        _ => (0..width).map(seen).collect(),
    }
}
