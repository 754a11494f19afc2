//! Networks from reference cases: layers in a scenario's syntax, with tensors copied to their slots.

use crate::harness::{Tensor, count, list, number, text};
use gradtui::engine::layer::LayerConfig;
use gradtui::engine::layer::Pass;
use gradtui::engine::loss::{LossConfig, Targets};
use gradtui::engine::network::{Network, Workspace};
use gradtui::engine::shape::Shape;
use gradtui::registry::SettingValue as _;
use serde_json::Value;

/// Rows and shape of a sample in a tensor [batch, ..]; a lone vector is one sample.
pub fn sample(shape: &[usize]) -> (usize, Shape) {
    match *shape {
        [n] => (1, Shape::Flat(n)),
        [rows, n] => (rows, Shape::Flat(n)),
        [rows, steps, features] => (rows, Shape::Sequence { steps, features }),
        [rows, channels, height, width] => (rows, Shape::Image { channels, height, width }),
        _ => panic!("a tensor of shape {shape:?}"),
    }
}

/// Parses a layer in a scenario's syntax; the error is a reason to skip the case.
pub fn parse(ron: &str) -> Result<LayerConfig, String> {
    LayerConfig::parse(ron).map_err(|e| format!("{ron}: {e}"))
}

/// The text of a layer in a scenario for a reference layer of this kind with these attributes.
///
/// `weights` returns the shape of a parameter, `bias` states whether there is a bias.
pub fn describe(kind: &str, a: &Value, bias: bool) -> Result<String, String> {
    let n = |key: &str| count(&a[key]);
    let x = |key: &str| number(&a[key]);
    // One field that has different names in two files.
    let either = |one: &str, two: &str| if a[one].is_null() { n(two) } else { n(one) };
    Ok(match kind {
        "dense" => format!("Dense(units: {}, bias: {bias})", n("out")),
        "conv2d" => format!(
            "Conv2d(filters: {}, kernel: {}, stride: {}, padding: {}, bias: {bias})",
            n("out_channels"),
            n("kernel"),
            n("stride"),
            n("padding")
        ),
        "max_pool2d" => {
            format!("MaxPool2d(kernel: {}, stride: {}, padding: {})", n("kernel"), n("stride"), n("padding"))
        }
        "avg_pool2d" => format!(
            "AvgPool2d(kernel: {}, stride: {}, padding: {}, count_include_pad: {})",
            n("kernel"),
            n("stride"),
            n("padding"),
            a["count_include_pad"].as_bool().expect("a switch")
        ),
        "global_avg_pool" => "GlobalAvgPool()".into(),
        "batch_norm1d" | "batch_norm2d" => {
            format!("BatchNorm(momentum: {:?}, eps: {:?})", x("momentum"), x("eps"))
        }
        "layer_norm" => format!("LayerNorm(eps: {:?})", x("eps")),
        "group_norm" => format!("GroupNorm(groups: {}, eps: {:?})", n("groups"), x("eps")),
        "dropout" => format!("Dropout(p: {:?})", x("p")),
        "flatten" => "Flatten()".into(),
        "embedding" => format!("Embedding(num_embeddings: {}, dim: {})", n("num_embeddings"), n("dim")),
        "rnn" => {
            let f = if text(&a["nonlinearity"]) == "relu" { "Relu" } else { "Tanh" };
            format!("Rnn(units: {}, nonlinearity: {f}, all: {})", either("hidden_size", "hidden"), all(a))
        }
        "lstm" => format!("Lstm(units: {}, all: {})", either("hidden_size", "hidden"), all(a)),
        "gru" => format!("Gru(units: {}, all: {})", either("hidden_size", "hidden"), all(a)),
        "softmax" => "Softmax()".into(),
        "log_softmax" => "LogSoftmax()".into(),
        "identity" => "Identity()".into(),
        "sigmoid" => "Sigmoid()".into(),
        "tanh" => "Tanh()".into(),
        "relu" => "Relu()".into(),
        "leaky_relu" => format!("LeakyRelu(negative_slope: {:?})", x("negative_slope")),
        "elu" => format!("Elu(alpha: {:?})", x("alpha")),
        "selu" => "Selu()".into(),
        "gelu" => "Gelu()".into(),
        "gelu_tanh" => "Gelu(approximate: Tanh)".into(),
        "silu" => "Silu()".into(),
        "softplus" => format!("Softplus(beta: {:?}, threshold: {:?})", x("beta"), x("threshold")),
        "hardtanh" => format!("Hardtanh(min: {:?}, max: {:?})", x("min"), x("max")),
        "mish" => "Mish()".into(),
        "softsign" => "Softsign()".into(),
        "relu6" => "Relu6()".into(),
        "hard_sigmoid" => "HardSigmoid()".into(),
        "hard_swish" => "HardSwish()".into(),
        "log_sigmoid" => "LogSigmoid()".into(),
        other => return Err(format!("no layer for {other}")),
    })
}

/// Whether a recurrent layer returns all its states: always, unless the case needs only the last one.
fn all(a: &Value) -> bool {
    a["output"].as_str() != Some("last hidden state")
}

/// A network of a case with `layers`, its parameters, and the names of its slots in the case.
pub struct Net {
    pub network: Network,
    pub params: Vec<f32>,
    pub state: Vec<f32>,
    /// For each slot, the name of its tensor.
    pub names: Vec<String>,
    /// Names of the running statistics, in the order of the state.
    pub state_names: Vec<String>,
}

impl Net {
    /// Builds `layers` for inputs of this shape and fills them from `params` and `state`.
    pub fn new(input: Shape, layers: &Value, params: &Value, state: &Value) -> Result<Self, String> {
        let mut configs = Vec::new();
        let (mut names, mut state_names) = (Vec::new(), Vec::new());
        for layer in list(layers) {
            let kind = text(&layer["type"]);
            let config = parse(&describe(kind, layer, !layer["bias"].is_null())?)?;
            configs.push(config);
            if matches!(kind, "rnn" | "lstm" | "gru") {
                let cell = text(&layer["name"]);
                let tensors = ["weight_ih", "weight_hh", "bias_ih", "bias_hh"];
                names.extend(tensors.map(|t| format!("{cell}.{t}")));
            } else {
                let given = ["weight", "bias"].into_iter().filter_map(|t| layer[t].as_str());
                names.extend(given.map(String::from));
            }
            if kind.starts_with("batch_norm") {
                let name = text(&layer["name"]);
                state_names.extend([format!("{name}.running_mean"), format!("{name}.running_var")]);
            }
        }
        let network = Network::new(input, &configs).map_err(|e| format!("{}: {e}", e.at))?;
        assert_eq!(names.len(), network.slots().len(), "tensors of the case and slots of the network");
        let filled = names.iter().flat_map(|n| Tensor::new(&params[n]).f32()).collect::<Vec<f32>>();
        assert_eq!(filled.len(), network.param_count(), "numbers in the tensors of the case");
        let state = state_names.iter().flat_map(|n| Tensor::new(&state[n]).f32()).collect();
        Ok(Self { network, params: filled, state, names, state_names })
    }

    /// The mean loss of a training pass over `x`, its gradient, and the workspace with all activations.
    pub fn gradient(&self, x: &[f32], loss: &Loss) -> (f64, Vec<f32>, Workspace) {
        let rows = x.len() / self.network.input().size();
        let (pass, mut ws) = (Pass::train(rows, 0, 0), self.network.workspace(rows));
        let mut grads = vec![f32::NAN; self.params.len()];
        ws.input_mut(rows).copy_from_slice(x);
        self.network.forward(&self.params, &self.state, pass, &mut ws);
        let (output, grad_output) = ws.output_and_grad(rows);
        let value = loss.mean(output, grad_output, self.network.output().size());
        self.network.backward(&self.params, &self.state, pass, &mut ws, Some(&mut grads), true);
        (value, grads, ws)
    }
}

/// A loss of a trace with the targets of a batch.
pub struct Loss {
    config: LossConfig,
    classes: Vec<u32>,
    values: Vec<f32>,
}

impl Loss {
    /// The loss that a case names, for the targets `y`, which become class labels if the loss takes them.
    pub fn new(name: &str, y: &[f64]) -> Result<Self, String> {
        let config = match name {
            "softmax_cross_entropy" => "CrossEntropy()",
            "mse" => "Mse()",
            other => return Err(format!("no loss for {other}")),
        };
        let config = LossConfig::parse(config)?;
        let classes = if config.classifies() { y.iter().map(|&y| y as u32).collect() } else { Vec::new() };
        Ok(Self { config, classes, values: y.iter().map(|&y| y as f32).collect() })
    }

    /// The mean over all terms, and its gradient.
    fn mean(&self, output: &[f32], grad: &mut [f32], width: usize) -> f64 {
        let targets = if self.config.classifies() {
            Targets::Classes(&self.classes)
        } else {
            Targets::Values(&self.values)
        };
        let terms = self.config.terms(output, width);
        self.config.eval(output, width, targets, 1.0 / terms as f32, Some(grad), None) / terms as f64
    }
}
