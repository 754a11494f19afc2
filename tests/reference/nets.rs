//! Networks out of reference cases: layers written as a scenario writes them, tensors put where the slots are.

use crate::harness::{count, number, text};
use gradtui::engine::layer::LayerConfig;
use gradtui::engine::shape::Shape;
use gradtui::registry::Value as _;
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

/// Reads a layer as a scenario writes it; the error is a reason to skip.
pub fn parse(ron: &str) -> Result<LayerConfig, String> {
    LayerConfig::parse(ron).map_err(|e| format!("{ron}: {e}"))
}

/// The text of a layer in a scenario for a reference layer of this kind with these attributes.
///
/// `weights` gives the shape of a parameter, `bias` says whether there is one.
pub fn describe(kind: &str, a: &Value, bias: bool) -> Result<String, String> {
    let n = |key: &str| count(&a[key]);
    let x = |key: &str| number(&a[key]);
    // What two files call by two names.
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

/// Whether a recurrent layer gives all its states: always, unless the case wants the last one only.
fn all(a: &Value) -> bool {
    a["output"].as_str() != Some("last hidden state")
}
