//! The scenario: the RON document as plain data, and the complete settings of every lane. Runs nothing and opens
//! nothing.

pub mod check;
pub mod differences;
pub mod edit;
pub mod fork;
pub mod lesson;
pub mod memory;
pub mod sweep;
pub mod view;
pub mod written;

pub use check::{
    Checked, ScenarioFault, at_paths, decode, document, inspect, inspect_prepared, read, read_with_data,
};
pub use edit::Edit;
pub use fork::{Carry, Lineage};

use crate::engine::augment::AugmentConfig;
use crate::engine::clip::ClipConfig;
pub use crate::engine::data::{DataConfig, Prepared, Scaling, Split};
use crate::engine::data::{Files, Labels, SourceError, SplitPlan, choose, prepare_by};
use crate::engine::defence::DefenceConfig;
use crate::engine::init::{InitConfig, from::Weights};
use crate::engine::layer::{LayerConfig, dense::Dense};
use crate::engine::loss::LossConfig;
use crate::engine::loss::regression::Mse;
use crate::engine::optim::OptimizerConfig;
use crate::engine::regularise::{EarlyStopping, GradientNoise, WeightAverage};
use crate::engine::robust::Robustness;
use crate::engine::robust::prediction::PredictionConfig;
use crate::engine::schedule::ScheduleConfig;
pub use crate::engine::shape::Shape;
use crate::limits;
use crate::registry::{SettingValue, plain_values, settings};
use serde::{Deserialize, Serialize};

/// Whether a Dense layer with one unit per output is added after the layers of a network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OutputLayer {
    /// It is added unless the layers end in an output layer themselves: a Dense layer with as many units as there are
    /// outputs, or a softmax after such a layer.
    #[default]
    Auto,
    /// It is always added.
    Follows,
    /// It is never added: the layers are the whole network.
    Written,
}
plain_values!(OutputLayer);

settings! {
    /// Penalties on the size of the weights (not biases or gains), added to the loss.
    pub struct Regularisation {
        /// factor of Σ|w|
        l1: f64 = 0.0, 0.0..=100.0;
        /// factor of Σw²/2
        l2: f64 = 0.0, 0.0..=100.0;
    }
}

settings! {
    /// One experiment under several settings, side by side.
    pub struct Scenario {
        /// one line that names it
        title: String = String::new();
        /// what to look at, and why
        about: String = String::new();
        /// more about it, in paragraphs; empty: the comment at the head of the file
        comment: String = String::new();
        /// the data set
        data: DataConfig = DataConfig::all().swap_remove(0);
        /// share of the samples to validate on, where the data have no split of their own; 0.2, if none is given; 0 validates on the training samples
        validation: Option<f64> = None, 0.0..=0.9;
        /// which samples are kept: Stratified (drawn from each class), Random, or Time (the last ones)
        split: Split = Split::Stratified;
        /// use only this many training samples
        train_samples: Option<usize> = None, 1..=limits::SAMPLES;
        /// use only the samples of these classes
        classes: Vec<String> = Vec::new();
        /// make two classes of all: this one, and the rest
        one_against_rest: Option<String> = None;
        /// how inputs are scaled
        scaling: Scaling = Scaling::None;
        /// how numbers to predict are scaled; predictions and errors are given in their own unit
        target_scaling: Scaling = Scaling::None;
        /// the layers; a Dense layer to the number of outputs follows by itself where they do not end in one
        network: Vec<LayerConfig> = Vec::new();
        /// whether an output layer follows the layers: Follows, Written, or Auto
        output: OutputLayer = OutputLayer::Auto;
        /// initial weights
        init: InitConfig = InitConfig::all().swap_remove(0);
        /// the loss
        loss: LossConfig = LossConfig::all().swap_remove(0);
        /// the optimizer
        optimizer: OptimizerConfig = OptimizerConfig::all().swap_remove(0);
        /// the learning rate over time
        schedule: ScheduleConfig = ScheduleConfig::all().swap_remove(0);
        /// gradient clipping
        clip: ClipConfig = ClipConfig::all().swap_remove(0);
        /// penalties on the weights
        regularisation: Regularisation = Regularisation::default();
        /// noise added to the gradient
        gradient_noise: GradientNoise = GradientNoise::default();
        /// the averaged weights at which lanes are evaluated
        weight_average: WeightAverage = WeightAverage::default();
        /// when a lane ends before its time
        early_stopping: EarlyStopping = EarlyStopping::default();
        /// random changes of the training samples, one after another
        augment: Vec<AugmentConfig> = Vec::new();
        /// the defence against attacks in training
        defence: DefenceConfig = DefenceConfig::all().swap_remove(0);
        /// how lanes predict in evaluations
        prediction: PredictionConfig = PredictionConfig::all().swap_remove(0);
        /// samples of one step
        batch: usize = 32, 1..=limits::BATCH;
        /// steps of a run
        steps: usize = 2000, 1..=limits::STEPS;
        /// seed of everything random
        seed: u64 = 1;
        /// seeds over which every lane runs, from `seed` on: curves become bands
        seeds: usize = 1, 1..=limits::SEEDS;
        /// steps between two evaluations on the validation samples
        evaluate_every: usize = 100, 1..=limits::STEPS;
        /// accuracy under noise and attacks, measured while the lanes train
        robustness: Option<Robustness> = None;
        /// what must hold at the end, such as `adam.val_accuracy > 0.9`: makes the scenario a test
        expect: Vec<String> = Vec::new();
        /// seeds over which `run` judges `expect`, such as `median(adam.loss) < 1`; it trains once with each
        expect_seeds: usize = 1, 1..=limits::SEEDS;
        /// what is on the screen when it opens
        view: view::Opening = view::Opening::default();
        /// its lesson, for `gradtui learn`: pages with text, questions and goals
        lesson: lesson::Lesson = lesson::Lesson::default();
        /// the contenders
        lanes: Vec<Lane> = Vec::new();
        /// settings of lanes that change while they train
        edits: Vec<Edit> = Vec::new();
    }
}

settings! {
    /// One contender: a name and its differences from the scenario.
    pub struct Lane {
        /// what it is called
        name: String = String::new();
        /// the lane from which it is forked: it begins with that one's state and settings
        from: Option<String> = None;
        /// after how many steps of that lane it begins
        at: usize = 0, 0..=limits::STEPS;
        /// what it takes over from there: All, Weights without the optimizer's memory, or Nothing to start at step 0
        carry: Carry = Carry::All;
        /// its layers
        network: Option<Vec<LayerConfig>> = None;
        /// whether an output layer follows them
        output: Option<OutputLayer> = None;
        /// its initial weights
        init: Option<InitConfig> = None;
        /// its loss
        loss: Option<LossConfig> = None;
        /// its optimizer
        optimizer: Option<OptimizerConfig> = None;
        /// its learning rate over time
        schedule: Option<ScheduleConfig> = None;
        /// its gradient clipping
        clip: Option<ClipConfig> = None;
        /// its penalties on the weights
        regularisation: Option<Regularisation> = None;
        /// noise added to its gradient
        gradient_noise: Option<GradientNoise> = None;
        /// its averaged weights
        weight_average: Option<WeightAverage> = None;
        /// when it ends before its time
        early_stopping: Option<EarlyStopping> = None;
        /// its random changes of the training samples
        augment: Option<Vec<AugmentConfig>> = None;
        /// its defence against attacks in training
        defence: Option<DefenceConfig> = None;
        /// how it predicts in evaluations
        prediction: Option<PredictionConfig> = None;
        /// its samples of one step
        batch: Option<usize> = None, 1..=limits::BATCH;
    }
}

settings! {
    /// Everything that a lane trains with, overrides applied.
    pub struct Recipe {
        /// layers
        network: Vec<LayerConfig> = Vec::new();
        /// whether an output layer follows them
        output: OutputLayer = OutputLayer::Auto;
        /// initial weights
        init: InitConfig = InitConfig::all().swap_remove(0);
        /// loss
        loss: LossConfig = LossConfig::all().swap_remove(0);
        /// optimizer
        optimizer: OptimizerConfig = OptimizerConfig::all().swap_remove(0);
        /// learning rate over time
        schedule: ScheduleConfig = ScheduleConfig::all().swap_remove(0);
        /// gradient clipping
        clip: ClipConfig = ClipConfig::all().swap_remove(0);
        /// penalties on the weights
        regularisation: Regularisation = Regularisation::default();
        /// noise added to the gradient
        gradient_noise: GradientNoise = GradientNoise::default();
        /// the averaged weights at which lanes are evaluated
        weight_average: WeightAverage = WeightAverage::default();
        /// when a lane ends before its time
        early_stopping: EarlyStopping = EarlyStopping::default();
        /// random changes of the training samples, such as [Rotation(10), Shift(2)]
        augment: Vec<AugmentConfig> = Vec::new();
        /// the defence against attacks in training
        defence: DefenceConfig = DefenceConfig::all().swap_remove(0);
        /// how it predicts in evaluations
        prediction: PredictionConfig = PredictionConfig::all().swap_remove(0);
        /// samples of one step
        batch: usize = 32, 1..=limits::BATCH;
    }
}

/// The fields that a scenario sets for every lane and that a lane may override, in the order of [`Recipe`].
macro_rules! shared {
    ($use:ident) => {
        $use! {
            network output init loss optimizer schedule clip regularisation gradient_noise weight_average early_stopping
            augment defence prediction batch
        }
    };
}

impl Scenario {
    /// Loads the data set and prepares it for training.
    ///
    /// # Errors
    /// The fault in the data.
    pub fn prepare(&self, files: &dyn Files) -> Result<Prepared, SourceError> {
        let mut data = self.data.load(files, self.seed)?;
        choose(&mut data, &self.classes, self.one_against_rest.as_deref())?;
        let plan = SplitPlan {
            share: self.validation,
            split: self.split,
            scaling: self.scaling,
            target_scaling: self.target_scaling,
            limit: self.train_samples,
            seed: self.seed,
            weighted: self.lanes.iter().any(|lane| self.recipe(lane).loss.weighs_classes()),
            seeds: self.seeds,
        };
        let prepared = prepare_by(data, &plan, files.team())?;
        let mut weights = Vec::new();
        for (_, path) in self.weights() {
            let fault = |what: String| SourceError::new(format!("init: {path}: {what}"));
            let bytes = files.read(path, limits::WEIGHT_BYTES).map_err(fault)?;
            weights.push(Weights::read(path, &bytes).map_err(fault)?);
        }
        Ok(Prepared { judge: Some(self.judge(&prepared.train.labels)), weights: weights.into(), ..prepared })
    }

    /// The files of weights that it names, each with the path of its setting.
    pub fn weights(&self) -> Vec<(String, &str)> {
        let lanes = self.lanes.iter().enumerate();
        let lanes = lanes.filter_map(|(i, l)| Some((format!("lanes[{i}].init"), l.init.as_ref()?)));
        let all = std::iter::once(("init".to_string(), &self.init)).chain(lanes);
        all.filter_map(
            |(at, init)| {
                if let InitConfig::From(from) = init { Some((at, from.path.as_str())) } else { None }
            },
        )
        .collect()
    }

    /// All files that it reads, as it names them.
    pub fn files(&self) -> Vec<&str> {
        let weights = self.weights().into_iter().map(|(_, path)| path);
        self.data.files().into_iter().chain(weights).collect()
    }

    /// The document as text; `read` gives the same scenario again.
    pub fn to_ron(&self) -> String {
        use ron::extensions::Extensions;
        let style = ron::ser::PrettyConfig::default()
            .indentor("  ")
            .extensions(Extensions::IMPLICIT_SOME | Extensions::UNWRAP_VARIANT_NEWTYPES);
        ron::ser::to_string_pretty(self, style).unwrap_or_default() + "\n"
    }

    /// The recipe of a lane without overrides.
    ///
    /// Test functions and similar problems define network and loss themselves, and have no batches.
    pub fn base(&self) -> Recipe {
        macro_rules! written {
            ($($field:ident)*) => { Recipe { $( $field: self.$field.clone(), )* } };
        }
        let written = shared!(written);
        match self.data.problem() {
            Some((network, loss)) => Recipe { network, loss, batch: 1, ..written },
            None => written,
        }
    }

    /// The same scenario with this recipe as its own. Parts that the data define themselves stay.
    #[must_use]
    pub fn with_recipe(self, recipe: Recipe) -> Self {
        macro_rules! taken {
            ($($field:ident)*) => { Self { $( $field: recipe.$field, )* ..self } };
        }
        if self.data.problem().is_none() {
            return shared!(taken);
        }
        let Self { network, loss, batch, .. } = self.clone();
        Self { network, loss, batch, ..shared!(taken) }
    }

    /// The complete recipe of this lane at its start, without its edits.
    pub fn recipe(&self, lane: &Lane) -> Recipe {
        lane.over(self.ground(lane))
    }

    /// The loss by which all lanes are compared in validation: the lanes' loss without parts that only help training
    /// (smoothing, weights), or the scenario's own loss if the lanes train with different kinds of losses.
    pub fn judge(&self, labels: &Labels) -> LossConfig {
        let base = self.base().loss.plain();
        let mut lanes = self.lanes.iter().map(|lane| self.recipe(lane).loss.plain());
        let first = lanes.next().unwrap_or_else(|| base.clone());
        if lanes.all(|other| other == first) {
            return first;
        }
        match labels {
            Labels::Values { .. } if base.classifies() => Mse::default().into(),
            _ => base,
        }
    }

    /// The lanes whose training losses cannot be compared, in words: the name of each and its loss. `None` if all train
    /// with the same loss.
    pub fn different_losses(&self) -> Option<String> {
        let losses: Vec<_> = self.lanes.iter().map(|lane| (lane, self.recipe(lane).loss)).collect();
        let (_, first) = losses.first()?;
        let each = || losses.iter().map(|(lane, loss)| format!("{} {}", lane.name, loss.text()));
        losses.iter().any(|(_, loss)| loss != first).then(|| each().collect::<Vec<_>>().join(", "))
    }
}

impl Recipe {
    /// Whether gradients are clipped.
    pub fn clips(&self) -> bool {
        !matches!(self.clip, ClipConfig::Off(_))
    }

    /// The layers of the whole network for labels of this shape: the written layers, and the Dense layer that is added
    /// if they do not end in the output layer themselves.
    pub fn layers(&self, outputs: Shape) -> Vec<LayerConfig> {
        let mut layers = self.network.clone();
        if self.output_follows(outputs) {
            layers.push(Dense { units: outputs.rows_of().1, ..Dense::default() }.into());
        }
        layers
    }

    /// Whether a Dense layer is added to the written layers. A surface needs none.
    pub fn output_follows(&self, outputs: Shape) -> bool {
        let surface = matches!(self.network.last(), Some(LayerConfig::Surface(_)));
        !surface
            && match self.output {
                OutputLayer::Follows => true,
                OutputLayer::Written => false,
                OutputLayer::Auto => !self.ends_in_output(outputs),
            }
    }

    /// Whether the last layer that is not a softmax is a Dense layer with as many units as there are outputs.
    pub fn ends_in_output(&self, outputs: Shape) -> bool {
        let softmax = |l: &&LayerConfig| matches!(l, LayerConfig::Softmax(_) | LayerConfig::LogSoftmax(_));
        let last = self.network.iter().rev().find(|l| !softmax(l));
        matches!(last, Some(LayerConfig::Dense(dense)) if dense.units == outputs.rows_of().1)
    }

    /// The fields in which two recipes differ, each with the value here: `optimizer: Adam(lr: 0.003)`.
    pub fn differences(&self, other: &Self) -> Vec<(&'static str, String)> {
        use crate::registry::Settings as _;
        let pairs = self.fields().into_iter().zip(other.fields());
        pairs.filter(|(a, b)| a.value != b.value).map(|(a, _)| (a.name, a.value)).collect()
    }
}

impl Lane {
    /// Whether the lane itself sets the field at the start of a path of its recipe: `network[3]`, `batch`.
    pub fn gives(&self, path: &str) -> bool {
        use crate::registry::Settings as _;
        let field = path.split(['.', '[']).next().unwrap_or(path);
        self.fields().iter().any(|f| f.name == field && f.value != f.default)
    }

    /// The recipe `base` with this lane's own settings.
    pub fn over(&self, base: Recipe) -> Recipe {
        macro_rules! overridden {
            ($($field:ident)*) => { Recipe { $( $field: self.$field.clone().unwrap_or(base.$field), )* } };
        }
        shared!(overridden)
    }

    /// A lane with the settings in which `recipe` differs from `base`, the scenario's recipe or that of its parent.
    pub fn from_recipe(name: &str, recipe: &Recipe, base: &Recipe) -> Self {
        fn differs<T: SettingValue>(a: &T, b: &T) -> Option<T> {
            (a != b).then(|| a.clone())
        }
        macro_rules! overrides {
            ($($field:ident)*) => {
                Self { name: name.into(), $( $field: differs(&recipe.$field, &base.$field), )* ..Self::default() }
            };
        }
        shared!(overrides)
    }
}
