//! A network as an ONNX model of operator set 17 for single precision, in evaluation mode: without dropout, and batch
//! norm uses its running statistics. <https://onnx.ai/onnx/operators/>
//!
//! Gates of recurrent layers are reordered to ONNX's order: i, o, f, c for an LSTM and z, r, h for a GRU, which is
//! computed in PyTorch's form (`linear_before_reset`).

use super::net::ExportedLayer;
use crate::engine::layer::LayerConfig;
use crate::engine::layer::activation::gated::Approximate;
use crate::engine::network::Network;
use crate::engine::shape::Shape;
use prost::Message;
use proto::{
    Attribute, Dim, Graph, Initializer, Model, OnnxNode, OperatorSet, Property, TensorShape, TensorType,
    Type, ValueInfo,
};

mod proto;

/// The data types of tensors.
const FLOAT: i32 = 1;
const INT64: i32 = 7;

fn float(name: &str, x: f64) -> Attribute {
    Attribute { name: name.into(), f: Some(x as f32), kind: 1, ..Attribute::default() }
}

fn int(name: &str, x: usize) -> Attribute {
    Attribute { name: name.into(), i: Some(x as i64), kind: 2, ..Attribute::default() }
}

fn ints(name: &str, x: &[i64]) -> Attribute {
    Attribute { name: name.into(), ints: x.to_vec(), kind: 7, ..Attribute::default() }
}

fn strings(name: &str, x: &[&str]) -> Attribute {
    let strings = x.iter().map(|s| s.as_bytes().to_vec()).collect();
    Attribute { name: name.into(), strings, kind: 8, ..Attribute::default() }
}

/// The graph while it is built.
#[derive(Default)]
struct Builder {
    nodes: Vec<OnnxNode>,
    initializers: Vec<Initializer>,
    made: usize,
}

impl Builder {
    /// Adds a node with one output, and returns the output's name.
    fn node(&mut self, op: &str, inputs: &[&str], attributes: Vec<Attribute>) -> String {
        self.made += 1;
        let output = format!("v{}", self.made);
        self.nodes.push(OnnxNode {
            input: inputs.iter().map(|s| (*s).into()).collect(),
            output: vec![output.clone()],
            name: format!("{op}_{}", self.made),
            op_type: op.into(),
            attribute: attributes,
        });
        output
    }

    /// Adds constant numbers to the model, and returns their name.
    fn floats(&mut self, name: String, dims: &[usize], values: &[f32]) -> String {
        let raw_data = values.iter().flat_map(|x| x.to_le_bytes()).collect();
        let dims = dims.iter().map(|&d| d as i64).collect();
        self.initializers.push(Initializer { dims, data_type: FLOAT, name: name.clone(), raw_data });
        name
    }

    fn scalar(&mut self, x: f64) -> String {
        self.made += 1;
        self.floats(format!("c{}", self.made), &[], &[x as f32])
    }

    fn whole(&mut self, values: &[i64]) -> String {
        self.made += 1;
        let name = format!("c{}", self.made);
        let raw_data = values.iter().flat_map(|x| x.to_le_bytes()).collect();
        let dims = vec![values.len() as i64];
        self.initializers.push(Initializer { dims, data_type: INT64, name: name.clone(), raw_data });
        name
    }

    /// Adds a transposition of axes.
    fn turned(&mut self, x: &str, axes: &[i64]) -> String {
        self.node("Transpose", &[x], vec![ints("perm", axes)])
    }

    /// ln(1 + e^(βx))/β.
    fn softplus(&mut self, x: &str, beta: f64) -> String {
        if beta == 1.0 {
            return self.node("Softplus", &[x], vec![]);
        }
        let beta = self.scalar(beta);
        let scaled = self.node("Mul", &[x, &beta], vec![]);
        let soft = self.node("Softplus", &[&scaled], vec![]);
        self.node("Div", &[&soft, &beta], vec![])
    }

    /// x Φ(x), or its approximation by tanh.
    fn gelu(&mut self, x: &str, by_tanh: bool) -> String {
        let (half, one) = (self.scalar(0.5), self.scalar(1.0));
        let bent = if by_tanh {
            let (root, cubic, three) =
                (self.scalar(0.797_884_560_802_865_4), self.scalar(0.044_715), self.scalar(3.0));
            let power = self.node("Pow", &[x, &three], vec![]);
            let power = self.node("Mul", &[&power, &cubic], vec![]);
            let sum = self.node("Add", &[x, &power], vec![]);
            let sum = self.node("Mul", &[&sum, &root], vec![]);
            self.node("Tanh", &[&sum], vec![])
        } else {
            let root = self.scalar(std::f64::consts::FRAC_1_SQRT_2);
            let scaled = self.node("Mul", &[x, &root], vec![]);
            self.node("Erf", &[&scaled], vec![])
        };
        let sum = self.node("Add", &[&bent, &one], vec![]);
        let product = self.node("Mul", &[x, &sum], vec![]);
        self.node("Mul", &[&product, &half], vec![])
    }
}

/// The blocks of rows of the gates in another order; `order[k]` is the present position of gate k.
fn gates(values: &[f32], order: &[usize]) -> Vec<f32> {
    let each = values.len() / order.len();
    order.iter().flat_map(|&g| values[g * each..(g + 1) * each].iter().copied()).collect()
}

/// Writes one layer: its part, and its tensors by PyTorch's name within the layer.
struct LayerWriter<'a> {
    b: &'a mut Builder,
    part: &'a ExportedLayer<'a>,
    index: usize,
    slots: Vec<(&'static str, Vec<usize>, &'a [f32])>,
    state: &'a [f32],
}

impl LayerWriter<'_> {
    fn slot(&self, name: &str) -> Option<(Vec<usize>, &[f32])> {
        self.slots.iter().find(|s| s.0 == name).map(|(_, shape, values)| (shape.clone(), *values))
    }

    /// Adds a tensor of the layer unchanged.
    fn tensor(&mut self, name: &str) -> Option<String> {
        let (shape, values) = self.slot(name)?;
        let values = values.to_vec();
        Some(self.b.floats(format!("{}.{name}", self.index), &shape, &values))
    }

    fn dense(&mut self, x: &str) -> String {
        let (shape, values) = self.slot("weight").unwrap_or_default();
        if let Shape::Sequence { .. } = self.part.node.input {
            let (out, inputs) = (shape[0], shape[1]);
            let turned: Vec<f32> =
                (0..inputs).flat_map(|i| (0..out).map(move |o| values[o * inputs + i])).collect();
            let weight = self.b.floats(format!("{}.weight", self.index), &[inputs, out], &turned);
            let product = self.b.node("MatMul", &[x, &weight], vec![]);
            return match self.tensor("bias") {
                Some(bias) => self.b.node("Add", &[&product, &bias], vec![]),
                None => product,
            };
        }
        let x = if let Shape::Flat(_) = self.part.node.input { x.into() } else { self.flatten(x) };
        let weight = self.tensor("weight").unwrap_or_default();
        let bias = self.tensor("bias");
        let inputs: Vec<&str> = [x.as_str(), &weight].into_iter().chain(bias.as_deref()).collect();
        self.b.node("Gemm", &inputs, vec![int("transB", 1)])
    }

    fn flatten(&mut self, x: &str) -> String {
        self.b.node("Flatten", &[x], vec![int("axis", 1)])
    }

    /// Reshapes a value to the shape of another one.
    fn like(&mut self, x: &str, other: &str) -> String {
        let shape = self.b.node("Shape", &[other], vec![]);
        self.b.node("Reshape", &[x, &shape], vec![])
    }

    fn window(
        &mut self,
        op: &str,
        x: &str,
        (kernel, stride, padding): (usize, usize, usize),
        more: Vec<Attribute>,
    ) -> String {
        let two = |n: usize| [n as i64; 2];
        let mut attributes = vec![
            ints("kernel_shape", &two(kernel)),
            ints("strides", &two(stride)),
            ints("pads", &[padding as i64; 4]),
        ];
        attributes.extend(more);
        let (weight, bias) = (self.tensor("weight"), self.tensor("bias"));
        let inputs: Vec<&str> = std::iter::once(x).chain(weight.as_deref()).chain(bias.as_deref()).collect();
        self.b.node(op, &inputs, attributes)
    }

    fn batch_norm(&mut self, x: &str, eps: f64) -> String {
        let n = self.part.channels();
        let (mean, variance) = self.state.split_at(n);
        let (mean, variance) = (mean.to_vec(), variance[..n].to_vec());
        let mean = self.b.floats(format!("{}.running_mean", self.index), &[n], &mean);
        let variance = self.b.floats(format!("{}.running_var", self.index), &[n], &variance);
        let (weight, bias) =
            (self.tensor("weight").unwrap_or_default(), self.tensor("bias").unwrap_or_default());
        let sequence = matches!(self.part.node.input, Shape::Sequence { .. });
        let x = if sequence { self.b.turned(x, &[0, 2, 1]) } else { x.into() };
        let y = self.b.node(
            "BatchNormalization",
            &[&x, &weight, &bias, &mean, &variance],
            vec![float("epsilon", eps)],
        );
        if sequence { self.b.turned(&y, &[0, 2, 1]) } else { y }
    }

    fn layer_norm(&mut self, x: &str, eps: f64) -> String {
        let image = matches!(self.part.node.input, Shape::Image { .. });
        let flat = if image { self.flatten(x) } else { x.into() };
        let (weight, bias) =
            (self.tensor("weight").unwrap_or_default(), self.tensor("bias").unwrap_or_default());
        let y = self.b.node("LayerNormalization", &[&flat, &weight, &bias], vec![float("epsilon", eps)]);
        if image { self.like(&y, x) } else { y }
    }

    fn group_norm(&mut self, x: &str, groups: usize, eps: f64) -> String {
        let n = self.part.channels();
        // The vectors of all time steps are stacked; each group becomes a channel of instance normalisation.
        let (each, last) = match self.part.node.input {
            Shape::Image { height, width, .. } => (n / groups * height * width, vec![n as i64, 1, 1]),
            _ => (n / groups, vec![n as i64]),
        };
        let shape = self.b.whole(&[-1, groups as i64, each as i64]);
        let grouped = self.b.node("Reshape", &[x, &shape], vec![]);
        let one = self.b.floats(format!("{}.ones", self.index), &[groups], &vec![1.0; groups]);
        let zero = self.b.floats(format!("{}.zeros", self.index), &[groups], &vec![0.0; groups]);
        let y = self.b.node("InstanceNormalization", &[&grouped, &one, &zero], vec![float("epsilon", eps)]);
        let y = self.like(&y, x);
        let dims: Vec<usize> = last.iter().map(|&d| d as usize).collect();
        let of = |w: &mut Self, name: &str| {
            let values = w.slot(name).map(|s| s.1.to_vec()).unwrap_or_default();
            w.b.floats(format!("{}.{name}", w.index), &dims, &values)
        };
        let (weight, bias) = (of(self, "weight"), of(self, "bias"));
        let y = self.b.node("Mul", &[&y, &weight], vec![]);
        self.b.node("Add", &[&y, &bias], vec![])
    }

    fn recurrent(
        &mut self,
        op: &str,
        x: &str,
        units: usize,
        order: &[usize],
        all: bool,
        more: Vec<Attribute>,
    ) -> String {
        let x = match self.part.node.input {
            // The rows of an image of one channel are its time steps.
            Shape::Image { channels: 1, .. } => {
                let axes = self.b.whole(&[1]);
                self.b.node("Squeeze", &[x, &axes], vec![])
            }
            _ => x.into(),
        };
        let x = self.b.turned(&x, &[1, 0, 2]);
        let of = |w: &Self, name: &str| w.slot(name).map(|s| gates(s.1, order));
        let rows = order.len() * units;
        let (input, hidden) =
            (of(self, "weight_ih").unwrap_or_default(), of(self, "weight_hh").unwrap_or_default());
        let features = input.len() / rows.max(1);
        let bias = of(self, "bias_ih").unwrap_or_else(|| vec![0.0; rows]);
        let both = [bias, of(self, "bias_hh").unwrap_or_else(|| vec![0.0; rows])].concat();
        let i = self.index;
        let input = self.b.floats(format!("{i}.weight_ih"), &[1, rows, features], &input);
        let hidden = self.b.floats(format!("{i}.weight_hh"), &[1, rows, units], &hidden);
        let bias = self.b.floats(format!("{i}.bias"), &[1, 2 * rows], &both);
        let mut attributes = vec![int("hidden_size", units)];
        attributes.extend(more);
        // The outputs are all states, [steps, 1, batch, units], and the last one, [1, batch, units].
        let states = self.b.node(op, &[&x, &input, &hidden, &bias], attributes);
        let last = format!("{states}_last");
        if let Some(node) = self.b.nodes.last_mut() {
            node.output.push(last.clone());
        }
        let axes = self.b.whole(&[i64::from(all)]);
        let y = self.b.node("Squeeze", &[if all { &states } else { &last }, &axes], vec![]);
        if all { self.b.turned(&y, &[1, 0, 2]) } else { y }
    }

    fn embedding(&mut self, x: &str, rows: usize) -> String {
        let x = if let Shape::Flat(_) = self.part.node.input { x.into() } else { self.flatten(x) };
        let (half, least, most) = (self.b.scalar(0.5), self.b.scalar(0.0), self.b.scalar(rows as f64 - 1.0));
        let x = self.b.node("Add", &[&x, &half], vec![]);
        let x = self.b.node("Floor", &[&x], vec![]);
        let x = self.b.node("Clip", &[&x, &least, &most], vec![]);
        let x = self.b.node("Cast", &[&x], vec![int("to", INT64 as usize)]);
        let table = self.tensor("weight").unwrap_or_default();
        self.b.node("Gather", &[&table, &x], vec![])
    }

    fn clip(&mut self, x: &str, least: f64, most: f64) -> String {
        let (least, most) = (self.b.scalar(least), self.b.scalar(most));
        self.b.node("Clip", &[x, &least, &most], vec![])
    }

    /// The layer's output.
    fn layer(&mut self, config: &LayerConfig, x: &str) -> Result<String, String> {
        let image = matches!(self.part.node.input, Shape::Image { .. });
        let stride = |kernel: usize, stride: Option<usize>| stride.unwrap_or(kernel);
        let last = || vec![Attribute { i: Some(-1), ..int("axis", 0) }];
        let slope = |name: &str, a: f64| vec![float(name, a)];
        Ok(match config {
            LayerConfig::Dense(_) => self.dense(x),
            LayerConfig::Conv2d(c) => self.window("Conv", x, (c.kernel, c.stride, c.padding), vec![]),
            LayerConfig::MaxPool2d(p) => {
                self.window("MaxPool", x, (p.kernel, stride(p.kernel, p.stride), p.padding), vec![])
            }
            LayerConfig::AvgPool2d(p) => {
                let counted = vec![int("count_include_pad", usize::from(p.count_include_pad))];
                self.window("AveragePool", x, (p.kernel, stride(p.kernel, p.stride), p.padding), counted)
            }
            LayerConfig::GlobalAvgPool(_) => {
                let axes: &[i64] = if image { &[2, 3] } else { &[1] };
                self.b.node("ReduceMean", &[x], vec![ints("axes", axes), int("keepdims", 0)])
            }
            LayerConfig::BatchNorm(n) => self.batch_norm(x, n.eps),
            LayerConfig::LayerNorm(n) => self.layer_norm(x, n.eps),
            LayerConfig::GroupNorm(n) => self.group_norm(x, n.groups, n.eps),
            LayerConfig::Embedding(e) => self.embedding(x, e.num_embeddings),
            LayerConfig::Rnn(r) => {
                let kind = format!("{:?}", r.nonlinearity);
                self.recurrent("RNN", x, r.units, &[0], r.all, vec![strings("activations", &[&kind])])
            }
            LayerConfig::Lstm(r) => self.recurrent("LSTM", x, r.units, &[0, 3, 1, 2], r.all, vec![]),
            LayerConfig::Gru(r) => {
                self.recurrent("GRU", x, r.units, &[1, 0, 2], r.all, vec![int("linear_before_reset", 1)])
            }
            LayerConfig::Flatten(_) => self.flatten(x),
            LayerConfig::Dropout(_) | LayerConfig::Identity(_) => x.into(),
            LayerConfig::Sigmoid(_) => self.b.node("Sigmoid", &[x], vec![]),
            LayerConfig::Tanh(_) => self.b.node("Tanh", &[x], vec![]),
            LayerConfig::Relu(_) => self.b.node("Relu", &[x], vec![]),
            LayerConfig::Softsign(_) => self.b.node("Softsign", &[x], vec![]),
            LayerConfig::Selu(_) => self.b.node("Selu", &[x], vec![]),
            LayerConfig::HardSwish(_) => self.b.node("HardSwish", &[x], vec![]),
            LayerConfig::LeakyRelu(a) => self.b.node("LeakyRelu", &[x], slope("alpha", a.negative_slope)),
            LayerConfig::Elu(a) => self.b.node("Elu", &[x], slope("alpha", a.alpha)),
            LayerConfig::HardSigmoid(_) => {
                self.b.node("HardSigmoid", &[x], vec![float("alpha", 1.0 / 6.0), float("beta", 0.5)])
            }
            LayerConfig::Softplus(a) => self.b.softplus(x, a.beta),
            LayerConfig::Gelu(a) => self.b.gelu(x, a.approximate != Approximate::None),
            LayerConfig::Silu(_) => {
                let gate = self.b.node("Sigmoid", &[x], vec![]);
                self.b.node("Mul", &[x, &gate], vec![])
            }
            LayerConfig::Mish(_) => {
                let soft = self.b.softplus(x, 1.0);
                let bent = self.b.node("Tanh", &[&soft], vec![]);
                self.b.node("Mul", &[x, &bent], vec![])
            }
            LayerConfig::LogSigmoid(_) => {
                let turned = self.b.node("Neg", &[x], vec![]);
                let soft = self.b.softplus(&turned, 1.0);
                self.b.node("Neg", &[&soft], vec![])
            }
            LayerConfig::Relu6(_) => self.clip(x, 0.0, 6.0),
            LayerConfig::Hardtanh(a) => self.clip(x, a.min, a.max),
            LayerConfig::Softmax(_) if !image => self.b.node("Softmax", &[x], last()),
            LayerConfig::LogSoftmax(_) if !image => self.b.node("LogSoftmax", &[x], last()),
            other => return Err(format!("ONNX has no counterpart of {}", other.name())),
        })
    }
}

fn value(name: &str, shape: Shape) -> ValueInfo {
    let sizes = match shape {
        Shape::Flat(n) => vec![n],
        Shape::Image { channels, height, width } => vec![channels, height, width],
        Shape::Sequence { steps, features } => vec![steps, features],
    };
    let batch = Dim { value: None, name: Some("batch".into()) };
    let sizes = sizes.into_iter().map(|n| Dim { value: Some(n as i64), name: None });
    let shape = TensorShape { dim: std::iter::once(batch).chain(sizes).collect() };
    let tensor = TensorType { elem_type: FLOAT, shape: Some(shape) };
    ValueInfo { name: name.into(), kind: Some(Type { tensor: Some(tensor) }) }
}

/// The model as a file. Input `x`, output `logits`, both with a free batch; `about` goes into its metadata.
///
/// # Errors
/// If a layer has no counterpart; the message names the first one.
pub fn model(
    title: &str,
    parts: &[ExportedLayer<'_>],
    network: &Network,
    params: &[f32],
    state: &[f32],
    about: &[(&str, String)],
) -> Result<Vec<u8>, String> {
    let mut b = Builder::default();
    // The input of each layer, needed for the sums of residual blocks.
    let mut entered: Vec<String> = Vec::new();
    let mut x = "x".to_string();
    for (index, part) in parts.iter().enumerate() {
        entered.push(x.clone());
        for &from in &part.node.add {
            x = b.node("Add", &[&x, &entered[from]], vec![]);
        }
        let Some(config) = part.config else { continue };
        let slots = network.slots().iter().filter(|s| s.layer == index);
        let slots = slots.map(|s| (s.name, s.shape.clone(), &params[s.range.clone()])).collect();
        let mut writer =
            LayerWriter { b: &mut b, part, index, slots, state: &state[part.node.state.clone()] };
        x = writer.layer(config, &x)?;
    }
    b.nodes.push(OnnxNode {
        input: vec![x],
        output: vec!["logits".into()],
        name: "logits".into(),
        op_type: "Identity".into(),
        attribute: vec![],
    });
    let graph = Graph {
        node: b.nodes,
        name: title.into(),
        initializer: b.initializers,
        input: vec![value("x", network.input())],
        output: vec![value("logits", network.output())],
    };
    let model = Model {
        ir_version: 8,
        producer_name: "gradtui".into(),
        graph: Some(graph),
        opset_import: vec![OperatorSet { domain: String::new(), version: 17 }],
        metadata_props: about
            .iter()
            .map(|(key, value)| Property { key: (*key).into(), value: value.clone() })
            .collect(),
    };
    Ok(model.encode_to_vec())
}
