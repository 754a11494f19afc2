//! Checks whether a recipe can be trained on some data: network, memory, augmentation, defence. Knows nothing of the
//! document.

use crate::engine::data::{Labels, Prepared};
use crate::engine::defence::DefenceConfig;
use crate::engine::init::InitConfig;
use crate::engine::layer::LayerConfig;
use crate::engine::loss::LossConfig;
use crate::engine::loss::cross_entropy::{ClassWeights, CrossEntropy};
use crate::engine::network::Network;
use crate::engine::shape::Shape;
use crate::limits;
use crate::scenario::{OutputLayer, Recipe};

impl Recipe {
    /// Initial parameters and running statistics.
    pub fn start(&self, data: &Prepared, network: &Network, seed: u64) -> (Vec<f32>, Vec<f32>) {
        let drawn = || (network.initial_params(&*self.init, seed), network.initial_state());
        let InitConfig::From(from) = &self.init else { return drawn() };
        let read = data.weights.iter().find(|w| w.path == from.path);
        read.and_then(|w| w.of(network).ok()).unwrap_or_else(drawn)
    }

    /// Builds the network for these data, and checks that its activations fit into memory.
    ///
    /// # Errors
    /// The path inside the recipe, and the reason.
    pub fn build(&self, data: &Prepared) -> Result<Network, (String, String)> {
        let outputs = data.train.outputs();
        let last = format!("[{}]", self.network.len());
        let network = Network::new(data.train.shape, &self.layers(outputs)).map_err(|e| {
            if e.at.starts_with(&last) {
                ("network".into(), format!("the output layer that follows: {}", e.what))
            } else {
                (format!("network{}", e.at), e.what)
            }
        })?;
        if network.output() != outputs {
            let cure = match outputs {
                _ if self.output == OutputLayer::Written => {
                    "with output: Written the last layer gives the outputs itself"
                }
                Shape::Sequence { .. } => "every time step has a label: keep the sequence to the end",
                _ => {
                    "a sample has one label: end with Flatten(), or with the last state of a recurrent layer"
                }
            };
            let what = format!("the network gives {}, the data want {outputs}; {cure}", network.output());
            return Err(("network".into(), what));
        }
        let rows = self.batch.min(data.train.len()).max(1);
        if super::doubts::values_of_batch_norm(&network, rows) == Some(1) {
            let what = "batch: 1 leaves batch norm a variance of one value, which is always 0; take a batch of 16 or \
                        more, or LayerNorm()";
            return Err(("batch".into(), what.into()));
        }
        let floats = network.workspace_len(rows);
        if floats > limits::ACTIVATIONS {
            let what = format!(
                "a batch of {rows} needs {floats} numbers for activations; at most {} are allowed: take a smaller batch",
                limits::ACTIVATIONS
            );
            return Err(("batch".into(), what));
        }
        if let InitConfig::From(from) = &self.init {
            let read = data.weights.iter().find(|w| w.path == from.path);
            let read = read.ok_or_else(|| {
                ("init".into(), format!("{}: read when a run begins; start one with it", from.path))
            })?;
            read.of(&network).map_err(|what| ("init".into(), format!("{}: {what}", from.path)))?;
        }
        self.defends(data)?;
        self.augments(data.train.shape, outputs)?;
        self.weighs(outputs)?;
        Ok(network)
    }

    /// Checks that every augmentation fits the samples, the network and the loss.
    fn augments(&self, shape: Shape, outputs: Shape) -> Result<(), (String, String)> {
        let numbers = !matches!(self.network.first(), Some(LayerConfig::Embedding(_)));
        for (i, augment) in self.augment.iter().enumerate() {
            let fits = match augment.fits(shape) {
                Ok(()) if !numbers => {
                    Err("the samples are whole numbers for Embedding(), which nothing may change".into())
                }
                Ok(()) if augment.mixes() && !self.loss.takes_shares() => Err(format!(
                    "{} takes whole classes only; CrossEntropy() takes mixed ones",
                    self.loss.name()
                )),
                Ok(())
                    if augment.mixes() && matches!(self.loss, LossConfig::Bce(_)) && outputs.size() == 2 =>
                {
                    Err("Bce() of two classes takes whole classes only; CrossEntropy() takes mixed ones"
                        .into())
                }
                Ok(()) if augment.mixes() && matches!(self.defence, DefenceConfig::UnrelatedLabels(_)) => {
                    Err("labels that are drawn anew cannot be mixed; leave UnrelatedLabels() or this out"
                        .into())
                }
                fits => fits,
            };
            fits.map_err(|what| (format!("augment[{i}]"), format!("{}: {what}", augment.name())))?;
        }
        Ok(())
    }
}

impl Recipe {
    /// Checks that there are as many class weights as classes, and that none is negative.
    fn weighs(&self, outputs: Shape) -> Result<(), (String, String)> {
        let LossConfig::CrossEntropy(CrossEntropy { class_weights: ClassWeights::Each(weights), .. }) =
            &self.loss
        else {
            return Ok(());
        };
        let classes = outputs.rows_of().1;
        let fault = |what: String| Err(("loss".into(), format!("class_weights: {what}")));
        if weights.len() != classes {
            return fault(format!("{} numbers for {classes} classes; each class has one", weights.len()));
        }
        match weights.iter().find(|w| !(0.0..=1e6).contains(*w)) {
            Some(w) => fault(format!("{w} is no weight; one lies from 0 to 1000000")),
            None => Ok(()),
        }
    }

    /// Refuses a defence or a vote if the recipe cannot be attacked.
    fn defends(&self, data: &Prepared) -> Result<(), (String, String)> {
        let (at, name) = match self.prediction.smoothing() {
            _ if self.defence.active() => ("defence", self.defence.name()),
            Some(_) => ("prediction", self.prediction.name()),
            None => return Ok(()),
        };
        fools(data, self).map_err(|what| (at.into(), format!("{name} {what}")))
    }
}

/// Checks the needs of attacks, defences and votes: one class for a whole sample, and continuous inputs.
pub(super) fn fools(data: &Prepared, recipe: &Recipe) -> Result<(), &'static str> {
    match data.train.labels {
        Labels::Classes { .. } => {}
        Labels::Values { .. } => {
            return Err(
                "needs a classifier of whole samples; these data have numbers to predict, no class per sample",
            );
        }
        Labels::StepClasses { .. } => {
            return Err(
                "needs a classifier of whole samples; these data have a class for every time step, none per \
                sample (Npy() of arrays [samples, steps, features] and classes has one)",
            );
        }
    }
    if matches!(recipe.network.first(), Some(LayerConfig::Embedding(_))) {
        return Err("changes inputs a little, but these inputs are numbers of words");
    }
    Ok(())
}
