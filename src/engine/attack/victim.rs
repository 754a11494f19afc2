//! The network under attack: a read-only snapshot, always in evaluation mode, with the memory for its passes.

use super::{RandomKey, predicted};
use crate::engine::layer::Pass;
use crate::engine::loss::{Loss as _, Targets, cross_entropy::CrossEntropy};
use crate::engine::network::{Network, Workspace};
use crate::engine::robust::prediction::PredictionConfig;
use crate::engine::robust::smoothing::Smoothing;
use crate::engine::shape::Shape;

/// Memory for attacks on one network, allocated once and lent to every [`Victim`].
#[derive(Clone, Debug)]
pub struct AttackScratch {
    pub(crate) ws: Workspace,
    /// Gradients of the parameters, which defences need and attacks do not.
    pub(crate) grads: Vec<f32>,
    pub(crate) spare: Vec<f32>,
    answers: Vec<Option<u32>>,
    votes: Vec<u32>,
}

impl AttackScratch {
    /// Shares the work of large batches with this team from now on; the results do not depend on it.
    pub fn work_with(&mut self, team: &std::sync::Arc<dyn crate::engine::team::Team>) {
        self.ws.set_team(team);
    }

    /// Memory for up to `rows` samples at a time.
    pub fn new(network: &Network, rows: usize) -> Self {
        Self {
            ws: network.workspace(rows.max(1)),
            grads: vec![0.0; network.param_count()],
            spare: Vec::new(),
            answers: Vec::new(),
            votes: Vec::new(),
        }
    }
}

/// A classifier to attack: a borrowed snapshot of network, parameters and running statistics.
///
/// Every pass is an evaluation pass: batch norm uses its running statistics, dropout does nothing. So a sample's logits
/// do not depend on its neighbours, and nothing here changes the snapshot.
#[derive(Debug)]
pub struct Victim<'a> {
    network: &'a Network,
    params: &'a [f32],
    state: &'a [f32],
    scratch: &'a mut AttackScratch,
    classes: usize,
    /// The noisy copies whose votes decide its answer, and the key of their random draws.
    looks: Option<(&'a Smoothing, RandomKey)>,
}

impl<'a> Victim<'a> {
    /// A victim whose passes use this memory.
    ///
    /// # Errors
    /// If the network does not give one logit per class for the whole sample.
    pub fn new(
        network: &'a Network,
        params: &'a [f32],
        state: &'a [f32],
        scratch: &'a mut AttackScratch,
    ) -> Result<Self, String> {
        match network.output() {
            Shape::Flat(classes) if classes >= 2 => {
                Ok(Self { network, params, state, scratch, classes, looks: None })
            }
            other => Err(format!(
                "an attack needs a classifier of whole samples, two classes or more; outputs are {other}"
            )),
        }
    }

    /// The same victim with this way to predict; `key` is the key of its noisy copies.
    #[must_use]
    pub fn answering(self, prediction: &'a PredictionConfig, key: RandomKey) -> Self {
        Self { looks: prediction.smoothing().map(|s| (s, key)), ..self }
    }

    /// The most samples of one pass.
    pub fn rows(&self) -> usize {
        self.scratch.ws.rows()
    }

    /// Numbers of one sample.
    pub fn size(&self) -> usize {
        self.network.input().size()
    }

    /// Whether the work was cancelled, so that no result will be used.
    pub fn left(&self) -> bool {
        self.scratch.ws.left()
    }

    /// The number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The logits of up to `rows()` samples, [samples, classes].
    pub fn logits(&mut self, x: &[f32]) -> &[f32] {
        let rows = self.forward(x);
        self.scratch.ws.output(rows)
    }

    /// The predicted class of each of any number of samples, the first of which has number `first`: the class of the
    /// greatest logit, or of most votes; `None` if all logits are NaN.
    pub fn answers(&mut self, x: &[f32], first: u64) -> &[Option<u32>] {
        let (mut answers, mut votes) =
            (std::mem::take(&mut self.scratch.answers), std::mem::take(&mut self.scratch.votes));
        answers.clear();
        if let Some((smoothing, key)) = self.looks {
            let key = RandomKey { first: key.first + first, ..key };
            smoothing.answer(self, x, key, &mut votes, &mut answers);
        } else {
            let width = self.classes;
            for part in x.chunks(self.rows() * self.size()) {
                answers.extend(self.logits(part).chunks_exact(width).map(predicted));
            }
        }
        (self.scratch.answers, self.scratch.votes) = (answers, votes);
        &self.scratch.answers
    }

    /// The logits of up to `rows()` samples and the gradient, with respect to the inputs, of a function of the logits.
    ///
    /// `seed` receives the logits and writes the derivative of the function with respect to each of them.
    pub fn gradient(&mut self, x: &[f32], seed: impl FnOnce(&[f32], &mut [f32])) -> (&[f32], &[f32]) {
        let rows = self.forward(x);
        let ws = &mut self.scratch.ws;
        let (logits, grad) = ws.output_and_grad(rows);
        seed(logits, grad);
        self.network.backward(self.params, self.state, Pass::eval(rows), ws, None, true);
        (ws.output(rows), ws.activation_grad(0, rows))
    }

    /// The logits, and `scale` times the gradient of the summed cross-entropy with respect to the inputs.
    ///
    /// With `scale` 1, a row's gradient is that of its own loss; with 1/samples, it is that of the mean.
    pub fn loss_gradient(&mut self, x: &[f32], classes: &[u32], scale: f32) -> (&[f32], &[f32]) {
        let width = self.classes;
        self.gradient(x, |logits, grad| {
            CrossEntropy::default().eval(logits, width, Targets::Classes(classes), scale, Some(grad), None);
        })
    }

    fn forward(&mut self, x: &[f32]) -> usize {
        let rows = x.len() / self.size();
        assert_eq!(x.len(), rows * self.size(), "whole samples");
        self.scratch.ws.input_mut(rows).copy_from_slice(x);
        self.network.forward(self.params, self.state, Pass::eval(rows), &mut self.scratch.ws);
        rows
    }

    /// Takes a buffer of `len` zeros from the scratch memory; return it with [`Self::restore`].
    pub(crate) fn borrow(&mut self, len: usize) -> Vec<f32> {
        let mut spare = std::mem::take(&mut self.scratch.spare);
        spare.clear();
        spare.resize(len, 0.0);
        spare
    }

    /// Returns a buffer, so that the next attack need not allocate one.
    pub(crate) fn restore(&mut self, spare: Vec<f32>) {
        self.scratch.spare = spare;
    }
}
