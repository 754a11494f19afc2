//! Reports a divergence in plain words: the first tensor of the failed step that is not
//! finite, and the numbers that led to it.

use super::{LOSS_LIMIT, Trainer, norm};
use crate::engine::data::Labels;
use crate::telemetry::{Divergence, DivergenceOrigin, StepStage};

/// Targets of a root mean square above this are large.
const FAR: f64 = 10.0;

/// A tensor of a step.
struct StepTensor<'a> {
    stage: StepStage,
    layer: Option<usize>,
    name: String,
    values: &'a [f32],
    /// The tensors from which it was computed.
    sources: [&'a [f32]; 2],
}

impl Trainer {
    /// Finds in the workspace where the failed step diverged.
    pub(super) fn account(&self) -> Divergence {
        let (step, last) = (self.last.step, self.live.last_grad_norm);
        let label = |i: usize| format!("layer {} {}", i + 1, self.network.nodes()[i].label);
        let when = if step == 1 { "already at the first step".into() } else { format!("at step {step}") };
        let (layer, origin, event) = if let Some((place, origin)) = self.origin() {
            let layer = place.map_or_else(|| origin.tensor.clone(), label);
            let event = words(&origin, place.map(|_| layer.as_str()), &when);
            (layer, Some(origin), event)
        } else {
            let (layer, loss) = (label(self.steepest()), self.last.loss);
            let event = if loss <= LOSS_LIMIT {
                format!("The norm of the gradient overflowed {when}, where that of {layer} is the largest.")
            } else {
                format!("The loss reached {loss:.3e} {when}, where {layer} has the largest gradient.")
            };
            (layer, None, event)
        };
        let history =
            if step == 1 { String::new() } else { format!(" The gradient before had the norm {last:.3e}.") };
        let advice = match step {
            _ if layer == "input" => " The data must be free of such numbers.",
            // The gradient of an error grows with the error, and so with the size of the targets.
            _ if self.aims_far() => " The numbers to predict are large: target_scaling: Standard would help.",
            1 => " Smaller initial weights or scaled inputs would help.",
            _ => " A smaller learning rate or clipping would help.",
        };
        let what = event + &history + advice;
        Divergence { step, layer, last_grad_norm: last, what, origin }
    }

    /// Whether the numbers to predict are so large that their errors blow the gradient up.
    fn aims_far(&self) -> bool {
        let Labels::Values { of, .. } = &self.data.train.labels else { return false };
        let squares: f64 = of.iter().map(|x| f64::from(*x).powi(2)).sum();
        (squares / of.len().max(1) as f64).sqrt() > FAR
    }

    /// The first tensor of the failed step that is not finite, with the index of its layer.
    fn origin(&self) -> Option<(Option<usize>, DivergenceOrigin)> {
        let bad = |t: &StepTensor| t.values.iter().any(|v| !v.is_finite());
        let mut all = self.tensors().into_iter().filter(bad);
        let first = all.next()?;
        let kind = first.values.iter().find(|v| !v.is_finite())?;
        let finite = first.sources.iter().flat_map(|s| s.iter()).filter(|v| v.is_finite());
        let origin = DivergenceOrigin {
            stage: first.stage,
            tensor: first.name,
            nan: kind.is_nan(),
            bad: first.values.iter().filter(|v| !v.is_finite()).count() as u64,
            size: first.values.len() as u64,
            reach: finite.fold(0.0, |most: f32, v| most.max(v.abs())),
            carriers: all.count() as u64,
        };
        Some((first.layer, origin))
    }

    /// The tensors of the failed step in the order in which they are computed.
    fn tensors(&self) -> Vec<StepTensor<'_>> {
        let (network, params, ws, rows) = (&self.network, &self.live.params, &self.ws, self.rows);
        let count = network.nodes().len();
        let mut out = Vec::new();
        let mut report = |stage, layer, name: &str, values, sources| {
            out.push(StepTensor { stage, layer, name: name.into(), values, sources });
        };
        for slot in network.slots() {
            let values = &params[slot.range.clone()];
            report(StepStage::Update, Some(slot.layer), slot.name, values, [values, &[]]);
        }
        let input = ws.activation(0, rows);
        report(StepStage::Forward, None, "input", input, [input, &[]]);
        for (i, node) in network.nodes().iter().enumerate() {
            let sources = [ws.activation(i, rows), &params[node.params.clone()]];
            report(StepStage::Forward, Some(i), "output", ws.activation(i + 1, rows), sources);
        }
        let output = ws.activation(count, rows);
        let loss = std::slice::from_ref(&self.last.loss);
        report(StepStage::Loss, None, "loss", loss, [output, &[]]);
        let slope = ws.activation_grad(count, rows);
        report(StepStage::Backward, Some(count - 1), "gradient of the output", slope, [output, &[]]);
        for i in (0..count).rev() {
            let slope = ws.activation_grad(i + 1, rows);
            for slot in network.slots().iter().filter(|s| s.layer == i) {
                let name = format!("gradient of {}", slot.name);
                let sources = [ws.activation(i, rows), slope];
                report(StepStage::Backward, Some(i), &name, &self.grads[slot.range.clone()], sources);
            }
            if i > 0 && network.has_activation_grad(i) {
                let sources = [slope, &params[network.nodes()[i].params.clone()]];
                report(
                    StepStage::Backward,
                    Some(i),
                    "gradient of the input",
                    ws.activation_grad(i, rows),
                    sources,
                );
            }
        }
        out
    }

    /// The layer with the largest gradient; on ties, the one nearest to the output.
    fn steepest(&self) -> usize {
        let norms = self.network.nodes().iter().map(|n| norm(&self.grads[n.params.clone()])).enumerate();
        norms.rev().fold((0, f32::MIN), |best, one| if one.1 > best.1 { one } else { best }).0
    }
}

/// Describes an origin in whole sentences. `when`: `at step 7`.
fn words(o: &DivergenceOrigin, layer: Option<&str>, when: &str) -> String {
    let kind = if o.nan { "NaN" } else { "infinite" };
    let tensor = layer.map_or_else(|| o.tensor.clone(), |layer| format!("{} of {layer}", o.tensor));
    let share = if o.size == 1 { String::new() } else { format!(" ({} of {} numbers)", o.bad, o.size) };
    let reach = format!("{:.3e}", o.reach);
    let (event, cause) = match o.stage {
        StepStage::Update if when.starts_with("already") => {
            (format!("The {tensor} was {kind} before the first step"), String::new())
        }
        StepStage::Update => (format!("The update before made the {tensor} {kind} {when}"), String::new()),
        StepStage::Forward if layer.is_none() => (format!("The {tensor} was {kind} {when}"), String::new()),
        StepStage::Forward => {
            (format!("The {tensor} became {kind} {when}"), format!(" Its inputs and weights reach {reach}."))
        }
        StepStage::Loss => {
            (format!("The {tensor} became {kind} {when}"), format!(" The outputs reach {reach}."))
        }
        StepStage::Backward => (
            format!("The {tensor} became {kind} {when}"),
            format!(" The numbers from which it was computed reach {reach}."),
        ),
    };
    let carried = match o.carriers {
        0 => String::new(),
        1 => " One tensor after it carries this on.".into(),
        n => format!(" {n} tensors after it carry this on."),
    };
    format!("{event}{share}.{cause}{carried}")
}
