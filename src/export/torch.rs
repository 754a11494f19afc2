//! PyTorch's layers, losses, optimizers and clips for ours, as Python source: a row of a table or an arm of a match
//! each.

use super::net::ExportedLayer;
use crate::engine::clip::ClipConfig;
use crate::engine::clip::norm::NormType;
use crate::engine::layer::LayerConfig;
use crate::engine::loss::LossConfig;
use crate::engine::loss::cross_entropy::ClassWeights;
use crate::engine::optim::OptimizerConfig;
use crate::engine::shape::Shape;
use crate::registry::{Field, SettingValue as _, Settings};

/// A layer as a module: its constructor, and its call as an expression of `l[i]` and `x`.
pub struct Module {
    /// `nn.Linear(64, 10)`
    pub new: String,
    /// `l[i](x)`
    pub call: String,
}

/// A row: our name, PyTorch's class, and the settings that have another name there.
type TorchClass = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

/// Layers and optimizers whose settings have the same names in PyTorch, or the other names given here.
const LIKE: &[TorchClass] = &[
    ("Sigmoid", "nn.Sigmoid", &[]),
    ("Tanh", "nn.Tanh", &[]),
    ("Relu", "nn.ReLU", &[]),
    ("LeakyRelu", "nn.LeakyReLU", &[]),
    ("Elu", "nn.ELU", &[]),
    ("Selu", "nn.SELU", &[]),
    ("Gelu", "nn.GELU", &[]),
    ("Silu", "nn.SiLU", &[]),
    ("Mish", "nn.Mish", &[]),
    ("Softplus", "nn.Softplus", &[]),
    ("Softsign", "nn.Softsign", &[]),
    ("Hardtanh", "nn.Hardtanh", &[("min", "min_val"), ("max", "max_val")]),
    ("Relu6", "nn.ReLU6", &[]),
    ("HardSigmoid", "nn.Hardsigmoid", &[]),
    ("HardSwish", "nn.Hardswish", &[]),
    ("LogSigmoid", "nn.LogSigmoid", &[]),
    ("Identity", "nn.Identity", &[]),
    ("Dropout", "nn.Dropout", &[]),
    ("Sgd", "torch.optim.SGD", &[]),
    ("Momentum", "torch.optim.SGD", &[]),
    ("Nesterov", "torch.optim.SGD", &[]),
    ("Adagrad", "torch.optim.Adagrad", &[]),
    ("Adadelta", "torch.optim.Adadelta", &[]),
    ("RmsProp", "torch.optim.RMSprop", &[]),
    ("Adam", "torch.optim.Adam", &[]),
    ("AdamW", "torch.optim.AdamW", &[]),
    ("NAdam", "torch.optim.NAdam", &[]),
    ("RAdam", "torch.optim.RAdam", &[]),
    ("Adamax", "torch.optim.Adamax", &[]),
    ("Rprop", "torch.optim.Rprop", &[]),
    ("Mse", "nn.MSELoss", &[]),
    ("Mae", "nn.L1Loss", &[]),
    ("Huber", "nn.HuberLoss", &[]),
    ("SmoothL1", "nn.SmoothL1Loss", &[]),
];

/// A scenario's value in Python syntax.
fn python(value: &str) -> String {
    match value {
        "true" => "True".into(),
        "false" => "False".into(),
        name if name.starts_with(|c: char| c.is_ascii_uppercase()) => {
            format!("\"{}\"", name.trim_end_matches("()").to_ascii_lowercase())
        }
        other => other.into(),
    }
}

/// The class and the keyword arguments of a row of [`LIKE`].
fn like(name: &str, settings: &dyn Settings, more: &str) -> Option<String> {
    let (_, class, other) = LIKE.iter().find(|row| row.0 == name)?;
    let called =
        |f: &Field| other.iter().find(|(ours, _)| *ours == f.name).map_or(f.name, |(_, theirs)| *theirs);
    let given = settings.fields().into_iter().map(|f| format!("{}={}", called(&f), python(&f.value)));
    let all: Vec<String> = given.chain((!more.is_empty()).then(|| more.into())).collect();
    Some(format!("{class}({})", all.join(", ")))
}

fn flag(yes: bool) -> &'static str {
    if yes { "True" } else { "False" }
}

fn recurrent(part: &ExportedLayer<'_>, class: &str, units: usize, more: &str, all: bool) -> Module {
    let (features, x) = match part.node.input {
        // The rows of an image of one channel are its time steps.
        Shape::Image { width, .. } => (width, "x.squeeze(1)"),
        other => (other.rows_of().1, "x"),
    };
    let end = if all { "" } else { "[:, -1]" };
    Module {
        new: format!("nn.{class}({features}, {units}, batch_first=True{more})"),
        call: format!("l[i]({x})[0]{end}"),
    }
}

/// A layer in PyTorch.
///
/// # Errors
/// If it has no counterpart there.
pub fn module(part: &ExportedLayer<'_>) -> Result<Module, String> {
    let image = matches!(part.node.input, Shape::Image { .. });
    let sequence = matches!(part.node.input, Shape::Sequence { .. });
    let n = part.features();
    let of = |new: String, call: &str| Ok(Module { new, call: call.into() });
    let x = if image { "x.flatten(1)" } else { "x" };
    let Some(config) = part.config else { return of("nn.Identity()".into(), "x") };
    let stride = |kernel: usize, stride: Option<usize>| stride.unwrap_or(kernel);
    match config {
        LayerConfig::Dense(d) => {
            of(format!("nn.Linear({n}, {}, bias={})", d.units, flag(d.bias)), &format!("l[i]({x})"))
        }
        LayerConfig::Conv2d(c) => {
            let (k, s, p) = (c.kernel, c.stride, c.padding);
            let channels = part.channels();
            let new = format!(
                "nn.Conv2d({channels}, {}, {k}, stride={s}, padding={p}, bias={})",
                c.filters,
                flag(c.bias)
            );
            of(new, "l[i](x)")
        }
        LayerConfig::MaxPool2d(p) => {
            let new = format!(
                "nn.MaxPool2d({}, stride={}, padding={})",
                p.kernel,
                stride(p.kernel, p.stride),
                p.padding
            );
            of(new, "l[i](x)")
        }
        LayerConfig::AvgPool2d(p) => {
            let (k, s, counted) = (p.kernel, stride(p.kernel, p.stride), flag(p.count_include_pad));
            of(
                format!("nn.AvgPool2d({k}, stride={s}, padding={}, count_include_pad={counted})", p.padding),
                "l[i](x)",
            )
        }
        LayerConfig::GlobalAvgPool(_) => {
            of("nn.Identity()".into(), if image { "x.mean((2, 3))" } else { "x.mean(1)" })
        }
        LayerConfig::BatchNorm(b) => {
            let class = if image { "BatchNorm2d" } else { "BatchNorm1d" };
            let call = if sequence { "l[i](x.transpose(1, 2)).transpose(1, 2)" } else { "l[i](x)" };
            of(format!("nn.{class}({}, eps={:e}, momentum={})", part.channels(), b.eps, b.momentum), call)
        }
        LayerConfig::LayerNorm(l) => {
            let call = if image { "l[i](x.flatten(1)).view_as(x)" } else { "l[i](x)" };
            of(format!("nn.LayerNorm({n}, eps={:e})", l.eps), call)
        }
        LayerConfig::GroupNorm(g) => {
            let call = if sequence { "l[i](x.flatten(0, 1)).view_as(x)" } else { "l[i](x)" };
            of(format!("nn.GroupNorm({}, {}, eps={:e})", g.groups, part.channels(), g.eps), call)
        }
        LayerConfig::Embedding(e) => {
            let new = format!("nn.Embedding({}, {})", e.num_embeddings, e.dim);
            of(new, &format!("l[i]((x.flatten(1) + 0.5).floor().long().clamp(0, {}))", e.num_embeddings - 1))
        }
        LayerConfig::Rnn(r) => {
            let name = format!("{:?}", r.nonlinearity).to_ascii_lowercase();
            Ok(recurrent(part, "RNN", r.units, &format!(", nonlinearity=\"{name}\""), r.all))
        }
        LayerConfig::Lstm(r) => Ok(recurrent(part, "LSTM", r.units, "", r.all)),
        LayerConfig::Gru(r) => Ok(recurrent(part, "GRU", r.units, "", r.all)),
        LayerConfig::Flatten(_) => of("nn.Flatten()".into(), "l[i](x)"),
        LayerConfig::Softmax(_) if !image => of("nn.Softmax(dim=-1)".into(), "l[i](x)"),
        LayerConfig::LogSoftmax(_) if !image => of("nn.LogSoftmax(dim=-1)".into(), "l[i](x)"),
        other => match like(other.name(), other.settings(), "") {
            Some(new) => of(new, "l[i](x)"),
            None => Err(format!("PyTorch has no {}", other.name())),
        },
    }
}

/// An optimizer over `net.parameters()`; its learning rate is set before every step.
///
/// # Errors
/// If the script cannot be written for this optimizer.
pub fn optimizer(config: &OptimizerConfig) -> Result<String, String> {
    let more = if matches!(config, OptimizerConfig::Nesterov(_)) { "nesterov=True" } else { "" };
    let new = like(config.name(), config.settings(), more).ok_or_else(|| {
        format!(
            "{} cannot be exported to PyTorch: its form differs there, or the script does not know it",
            config.name()
        )
    })?;
    Ok(new.replacen('(', "(parameters, ", 1))
}

/// A loss, and the targets in the form that it expects, as an expression of `y`.
///
/// # Errors
/// If PyTorch has no such loss.
pub fn loss(config: &LossConfig, classes: bool, width: usize) -> Result<(String, &'static str), String> {
    match config {
        LossConfig::CrossEntropy(c) => {
            let smoothing = format!("label_smoothing={}", c.label_smoothing);
            let new = match &c.class_weights {
                // PyTorch's mean divides by the sum of the weights, ours by the number of samples.
                ClassWeights::Each(weights) => format!(
                    "lambda z, y: (torch.tensor({weights:?})[y] * nn.functional.cross_entropy(z, y, reduction=\"none\", \
                     {smoothing})).mean()"
                ),
                _ => format!("nn.CrossEntropyLoss({smoothing})"),
            };
            Ok((new, "y"))
        }
        // Two classes are one logit.
        LossConfig::Bce(b) if classes && width == 2 => Ok((
            format!(
                "lambda z, y: nn.functional.binary_cross_entropy_with_logits(z[..., 1] - z[..., 0], y.float(), \
                 pos_weight=torch.tensor({:?}))",
                b.pos_weight
            ),
            "y",
        )),
        LossConfig::Bce(b) => Ok((
            format!("nn.BCEWithLogitsLoss(pos_weight=torch.tensor({:?}))", b.pos_weight),
            if classes { "nn.functional.one_hot(y, z.shape[-1]).float()" } else { "y" },
        )),
        LossConfig::Mse(_) | LossConfig::Mae(_) | LossConfig::Huber(_) | LossConfig::SmoothL1(_) => {
            let new = like(config.name(), config.settings(), "").unwrap_or_default();
            Ok((new, if classes { "nn.functional.one_hot(y, z.shape[-1]).float()" } else { "y" }))
        }
        other => Err(format!("{} over {width} outputs is not written for PyTorch yet", other.name())),
    }
}

/// A clip as a statement; empty without a clip.
///
/// # Errors
/// If PyTorch has no such clip.
pub fn clip(config: &ClipConfig) -> Result<String, String> {
    match config {
        ClipConfig::Off(_) => Ok(String::new()),
        ClipConfig::Norm(c) if c.norm_type == NormType::L2 && c.eps == 1e-6 => {
            Ok(format!("nn.utils.clip_grad_norm_(parameters, {})", c.max_norm))
        }
        ClipConfig::Value(c) => Ok(format!("nn.utils.clip_grad_value_(parameters, {})", c.clip_value)),
        other => Err(format!("PyTorch has no clip like {}", other.text())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weighted_losses_are_those_of_ours() {
        let source =
            |text: &str, classes, width| loss(&LossConfig::parse(text).expect("a loss"), classes, width);
        let (weighted, target) =
            source("CrossEntropy(class_weights: Each([1, 29]))", true, 2).expect("an export");
        assert!(
            weighted.contains("torch.tensor([1.0, 29.0])[y]") && weighted.ends_with(".mean()"),
            "{weighted}"
        );
        assert_eq!(target, "y");
        let (two, target) = source("Bce(pos_weight: 29)", true, 2).expect("an export");
        assert!(
            two.contains("z[..., 1] - z[..., 0]") && two.contains("pos_weight=torch.tensor(29.0)"),
            "{two}"
        );
        assert_eq!(target, "y");
        let (each, target) = source("Bce()", true, 3).expect("an export");
        assert!(each.starts_with("nn.BCEWithLogitsLoss") && target.contains("one_hot"), "{each}");
    }
}
