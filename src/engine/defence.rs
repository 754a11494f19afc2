//! Defences during training: the table, and the trait of its rows. Adversarial batches, free adversarial training,
//! noise on the input, the input-gradient penalty, unrelated labels. Knows no trainer and has no state between steps.
//!
//! Noise during prediction is [`crate::engine::robust::smoothing`]; softened labels are the loss's `label_smoothing`.

use crate::engine::attack::{
    AttackConfig, AttackScratch, AttackTask, RandomKey, ValidRange, Victim, fgsm, noise, sign,
};
use crate::engine::kernel;
use crate::engine::layer::Pass;
use crate::engine::loss::{Loss, Targets};
use crate::engine::network::Network;
use crate::engine::rng::Purpose;
use crate::registry::{registry, settings};

/// A batch before its step, to be changed in place.
#[derive(Debug)]
pub struct BatchBeforeStep<'a> {
    /// The network.
    pub network: &'a Network,
    /// Its parameters.
    pub params: &'a [f32],
    /// Its running statistics.
    pub state: &'a [f32],
    /// The inputs.
    pub x: &'a mut [f32],
    /// The labels.
    pub labels: &'a mut [u32],
    /// The valid range of the inputs.
    pub valid: ValidRange<'a>,
    /// The key of random draws: the step, and the place in its batch.
    pub key: RandomKey,
    /// The defence's memory from step to step.
    pub memory: &'a [f32],
    /// Memory for passes over the batch.
    pub scratch: &'a mut AttackScratch,
    /// Room for a copy of the inputs.
    pub spare: &'a mut Vec<f32>,
}

/// A batch after the backward pass, when a defence may add to the gradient.
pub struct BackwardBatch<'a> {
    /// The network.
    pub network: &'a Network,
    /// Its parameters.
    pub params: &'a [f32],
    /// Its running statistics.
    pub state: &'a [f32],
    /// Rows, mode and random key of the step.
    pub pass: Pass,
    /// The loss.
    pub loss: &'a dyn Loss,
    /// The inputs.
    pub x: &'a [f32],
    /// The labels.
    pub targets: Targets<'a>,
    /// Memory for passes over the batch.
    pub scratch: &'a mut AttackScratch,
}

/// A change of training that makes the network harder to fool.
pub trait Defence: Send + Sync {
    /// Gradient evaluations of a training step; plain training takes 1.
    fn cost(&self, _classes: usize) -> f64 {
        1.0
    }

    /// The part of that cost that [`Self::expose`] causes, before the step.
    fn exposure(&self, _classes: usize) -> f64 {
        0.0
    }

    /// Consecutive steps that use the same batch.
    fn replays(&self) -> u64 {
        1
    }

    /// Length of its memory between steps, for batches of this many numbers.
    fn memory(&self, _numbers: usize) -> usize {
        0
    }

    /// Whether it acts before or after a step at all.
    fn active(&self) -> bool {
        true
    }

    /// Changes a batch before its step.
    fn expose(&self, _batch: BatchBeforeStep<'_>) {}

    /// Adds to the gradient of a step and returns its addition to the loss; `None` if it adds nothing.
    fn penalise(&self, _slope: BackwardBatch<'_>, _grads: &mut [f32]) -> Option<f64> {
        None
    }

    /// Updates the defence's memory with the input gradient of the step's own backward pass.
    fn learn(&self, _memory: &mut [f32], _input_grad: &[f32]) {}
}

registry! {
    /// Every defence that a lane can train with.
    pub enum DefenceConfig: dyn Defence {
        Off(Off),
        AdversarialTraining(AdversarialTraining),
        FreeAdversarialTraining(FreeAdversarialTraining),
        InputNoise(InputNoise),
        InputGradientPenalty(InputGradientPenalty),
        UnrelatedLabels(UnrelatedLabels),
    }
}

settings! {
    /// No defence: plain training.
    pub struct Off {}
}

impl Defence for Off {
    fn active(&self) -> bool {
        false
    }
}

settings! {
    /// Train on perturbed inputs. Madry et al. 2018, arXiv:1706.06083; with FGSM: Wong et al. 2020, arXiv:2001.03994.
    pub struct AdversarialTraining {
        /// how inputs are perturbed; FGSM from a random start is the cheapest that works
        attack: AttackConfig = fgsm::Fgsm { random_start: true, ..fgsm::Fgsm::default() }.into();
        /// share of each batch that is perturbed
        ratio: f64 = 1.0, 0.0..=1.0;
    }
}

impl AdversarialTraining {
    /// Number of perturbed samples in a batch: its first ones, since batches are shuffled.
    pub fn perturbed_rows(&self, rows: usize) -> usize {
        // `floor` of a positive number plus a half is rounding without the platform's rounding mode.
        ((self.ratio * rows as f64 + 0.5).floor() as usize).min(rows)
    }

    /// Writes the batch of `task` to `out` with its first part perturbed. `task.classes` are the labels.
    ///
    /// The victim is the current network in evaluation mode. After the first batch of this size nothing is allocated.
    pub fn perturb(&self, victim: &mut Victim<'_>, task: &AttackTask<'_>, out: &mut [f32]) {
        let rows = self.perturbed_rows(task.classes.len());
        let (perturbed, rest) = out.split_at_mut(rows * victim.size());
        rest.copy_from_slice(&task.x[perturbed.len()..]);
        self.attack.perturb(victim, &task.part(0..rows, victim.size()), perturbed);
    }
}

impl Defence for AdversarialTraining {
    fn cost(&self, classes: usize) -> f64 {
        1.0 + self.exposure(classes)
    }

    fn exposure(&self, classes: usize) -> f64 {
        self.ratio * self.attack.passes(classes) as f64
    }

    fn expose(&self, batch: BatchBeforeStep<'_>) {
        let BatchBeforeStep { network, params, state, x, labels, valid, key, scratch, spare, .. } = batch;
        let Ok(mut victim) = Victim::new(network, params, state, scratch) else { return };
        spare.clear();
        spare.extend_from_slice(x);
        self.perturb(&mut victim, &AttackTask { x: spare, classes: labels, targeted: false, valid, key }, x);
    }
}

settings! {
    /// Gaussian noise on the inputs of every batch, clamped to their range. Bishop 1995, Neural Computation 7.
    pub struct InputNoise {
        /// standard deviation of the noise, in units of the inputs
        std: f64 = 0.1, 0.0..=1e6;
        /// share of each batch that is noisy
        ratio: f64 = 1.0, 0.0..=1.0;
    }
}

impl Defence for InputNoise {
    fn expose(&self, batch: BatchBeforeStep<'_>) {
        let attack = noise::GaussianNoise { std: self.std }.into();
        AdversarialTraining { attack, ratio: self.ratio }.expose(batch);
    }
}

settings! {
    /// Free adversarial training: each batch several times, the perturbation grows along. Shafahi et al. 2019, arXiv:1904.12843.
    pub struct FreeAdversarialTraining {
        /// L-inf size of the perturbation, in units of the inputs
        eps: f64 = 0.1, 0.0..=1e6;
        /// how often a batch is used, each time for the weights and the perturbation at once
        replays: usize = 4, 1..=100;
    }
}

impl Defence for FreeAdversarialTraining {
    fn replays(&self) -> u64 {
        self.replays as u64
    }

    fn memory(&self, numbers: usize) -> usize {
        numbers
    }

    fn expose(&self, batch: BatchBeforeStep<'_>) {
        let BatchBeforeStep { network, x, valid, memory, spare, .. } = batch;
        spare.clear();
        spare.extend_from_slice(x);
        Self::apply(spare, memory, valid, network.input().size(), x);
    }

    fn learn(&self, memory: &mut [f32], input_grad: &[f32]) {
        self.update(memory, input_grad);
    }
}

impl FreeAdversarialTraining {
    /// Moves the perturbation by the input gradient of the training step's own backward pass: delta ← clip(delta +
    /// eps·sign(∇ₓL), ±eps).
    ///
    /// As in the paper, the perturbation is kept from batch to batch. A trainer stores it, with the length of a batch,
    /// and requests the input gradient from the backward pass.
    pub fn update(&self, delta: &mut [f32], input_grad: &[f32]) {
        let eps = self.eps as f32;
        for (delta, &g) in delta.iter_mut().zip(input_grad) {
            *delta = (*delta + eps * sign(g)).max(-eps).min(eps);
        }
    }

    /// Writes the perturbed batch, clamped to the valid range; samples have `size` numbers.
    pub fn apply(x: &[f32], delta: &[f32], valid: ValidRange<'_>, size: usize, out: &mut [f32]) {
        for (i, (out, (x, delta))) in out.iter_mut().zip(x.iter().zip(delta)).enumerate() {
            *out = valid.clamp(i % size, x + delta);
        }
    }
}

settings! {
    /// Penalty factor·mean‖∇ₓℓ‖² on the loss. Ross & Doshi-Velez 2018, arXiv:1711.09404; Drucker & Le Cun 1992.
    ///
    /// # Notes
    /// Its gradient is a derivative of gradients along a direction: with G = ∇ₓ Σℓ held fixed,
    /// ∂/∂θ Σ‖∇ₓℓ‖² = 2 d/dh ∇θ Σℓ(x + hG) at h = 0, taken as the central difference with h = step/max‖Gᵢ‖. The error is
    /// of the order step² where the network is smooth; kinks (of `Relu`, of max pooling) that lie between the two points enter
    /// as finite jumps, where the exact second derivative would not see them at all.
    pub struct InputGradientPenalty {
        /// weight of the penalty, in loss per squared input gradient
        factor: f64 = 0.1, 0.0..=1e6;
        /// length of the difference's step for the sample of the steepest loss, in units of the inputs
        step: f64 = 0.01, 1e-6..=1.0;
    }
}

impl Defence for InputGradientPenalty {
    fn cost(&self, _: usize) -> f64 {
        4.0
    }

    fn penalise(&self, slope: BackwardBatch<'_>, grads: &mut [f32]) -> Option<f64> {
        let BackwardBatch { network, params, state, pass, loss, x, targets, scratch } = slope;
        Some(self.add_gradient(network, params, state, pass, loss, x, targets, scratch, grads))
    }
}

impl InputGradientPenalty {
    /// Adds the gradient of the penalty to `grads` and returns the penalty itself, factor·mean‖∇ₓℓ‖².
    ///
    /// `pass` sets the mode of the network; in evaluation mode, batch norm does not mix samples. `x` holds `pass.rows`
    /// samples, which must fit into the scratch memory. After the first call with this size nothing is allocated.
    pub fn add_gradient(
        &self,
        network: &Network,
        params: &[f32],
        state: &[f32],
        pass: Pass,
        loss: &dyn Loss,
        x: &[f32],
        targets: Targets<'_>,
        scratch: &mut AttackScratch,
        grads: &mut [f32],
    ) -> f64 {
        let size = network.input().size();
        let width = network.output().rows_of().1;
        let run = |at: &dyn Fn(usize, f32) -> f32, scratch: &mut AttackScratch, input_grad: bool| {
            let AttackScratch { ws, grads, .. } = scratch;
            for (i, (to, &x)) in ws.input_mut(pass.rows).iter_mut().zip(x).enumerate() {
                *to = at(i, x);
            }
            network.forward(params, state, pass, ws);
            let (output, grad) = ws.output_and_grad(pass.rows);
            loss.eval(output, width, targets, 1.0, Some(grad), None);
            // First the gradient with respect to the input, then the change of the parameters' gradient along it.
            network.backward(params, state, pass, ws, (!input_grad).then_some(grads), input_grad);
        };
        run(&|_, x| x, scratch, true);
        let mut direction = std::mem::take(&mut scratch.spare);
        direction.clear();
        direction.extend_from_slice(scratch.ws.activation_grad(0, pass.rows));
        let (mut total, mut steepest) = (0.0, 0.0f64);
        for g in direction.chunks_exact(size) {
            let square: f64 = g.iter().map(|&g| f64::from(g) * f64::from(g)).sum();
            total += square;
            steepest = steepest.max(square);
        }
        if steepest > 0.0 && steepest.is_finite() {
            let h = self.step / steepest.sqrt();
            let weight = (self.factor / (pass.rows as f64 * h)) as f32;
            for side in [1.0, -1.0] {
                let reach = side * h as f32;
                run(&|i, x| x + reach * direction[i], scratch, false);
                kernel::scale(&mut scratch.grads, side * weight);
                kernel::add(&scratch.grads, grads);
            }
        }
        scratch.spare = direction;
        self.factor * total / pass.rows as f64
    }
}

settings! {
    /// Labels without relation to the input, for a share of every batch: a regulariser, a weak defence. Xie et al. 2016, arXiv:1605.00055.
    pub struct UnrelatedLabels {
        /// share of samples whose label is drawn anew, uniformly from all classes
        share: f64 = 0.1, 0.0..=1.0;
    }
}

impl Defence for UnrelatedLabels {
    fn expose(&self, batch: BatchBeforeStep<'_>) {
        let BatchBeforeStep { network, labels, key, .. } = batch;
        self.apply(labels, network.output().size() as u32, key);
    }
}

impl UnrelatedLabels {
    /// Redraws labels in place; the draws of a sample depend on its key alone.
    pub fn apply(&self, labels: &mut [u32], classes: u32, key: RandomKey) {
        for (row, label) in labels.iter_mut().enumerate() {
            let mut draw = key.stream(Purpose::Noise, row);
            if f64::from(draw.unit()) < self.share {
                *label = draw.below(classes);
            }
        }
    }
}

#[cfg(test)]
mod tests;
