//! Reference cases of kind `layers`: values and gradients of every layer and activation.

use crate::harness::{Check, Report, Tensor, Tol, cases, text};
use crate::nets::{describe, parse, sample};
use gradtui::engine::layer::{Backward, LayerConfig, Pass};
use gradtui::engine::network::{Network, Workspace};
use gradtui::engine::shape::Shape;
use gradtui::engine::team::SingleThread;
use serde_json::{Value, json};

#[test]
fn reference_layers() {
    Report::all("layers", run);
}

fn run(case: &Value) -> Result<Check, String> {
    match text(&case["layer"]) {
        "dropout" => dropout(case),
        "rnn" | "lstm" | "gru" => recurrent(case),
        _ => plain(case),
    }
}

/// One case converted for the engine.
struct Setup {
    network: Network,
    rows: usize,
    params: Vec<f32>,
    /// Names of the slots in the case.
    names: Vec<String>,
    state: Vec<f32>,
    pass: Pass,
    ws: Workspace,
    grads: Vec<f32>,
}

const NO_TENSORS: &Value = &Value::Null;

impl Setup {
    fn new(case: &Value) -> Result<Self, String> {
        let kind = text(&case["layer"]);
        let (layers, names) = configs(kind, case)?;
        let x = input(case);
        let (rows, shape) = match case["attrs"]["normalized_shape"].as_array().map(Vec::len) {
            // Normalised over several last axes: they count as one vector.
            Some(last) if last > 1 => {
                let outer = x.shape.len() - last;
                (x.shape[..outer].iter().product(), Shape::Flat(x.shape[outer..].iter().product()))
            }
            // Indices [n, steps]; a vector of n indices counts as n sequences of one.
            _ if kind == "embedding" => {
                let steps = x.shape[1..].iter().product();
                (x.shape[0], Shape::Sequence { steps, features: 1 })
            }
            _ => sample(&x.shape),
        };
        let network = Network::new(shape, &layers).map_err(|e| format!("{}: {e}", e.at))?;
        let params: Vec<f32> = names.iter().flat_map(|n| Tensor::new(&case["params"][n]).f32()).collect();
        assert_eq!(params.len(), network.param_count(), "parameters of {}", case["name"]);
        let mut state = network.initial_state();
        if kind.starts_with("batch_norm") {
            let tensor = |n: &str| Tensor::new(&case["state_in"][n]).f32();
            state = [tensor("running_mean"), tensor("running_var")].concat();
        }
        let training = case["attrs"]["training"].as_bool().unwrap_or(true);
        let pass = Pass { training, ..Pass::train(rows, 1, 2) };
        // The workspace has room for more rows, as for the last batch of an epoch.
        let mut ws = network.workspace(rows + 3);
        ws.input_mut(rows).copy_from_slice(&x.f32());
        let grads = vec![f32::NAN; params.len()];
        Ok(Self { network, rows, params, names, state, pass, ws, grads })
    }

    fn backward(&mut self, upstream: &[f32]) {
        self.ws.output_and_grad(self.rows).1.copy_from_slice(upstream);
        self.network.backward(
            &self.params,
            &self.state,
            self.pass,
            &mut self.ws,
            Some(&mut self.grads),
            true,
        );
    }

    fn compare_gradients(&self, case: &Value, check: &mut Check) {
        let (tol, tol_x) = tolerances(case, self.network.input(), self.rows);
        if let Some(want) = tensor(&case["grad_inputs"]["x"]) {
            check.tensor("grad x", self.ws.activation_grad(0, self.rows), &want.data, tol_x);
        }
        for (slot, name) in self.network.slots().iter().zip(&self.names) {
            let want = Tensor::new(&case["grad_params"][name]);
            check.tensor(&format!("grad {name}"), &self.grads[slot.range.clone()], &want.data, tol);
        }
    }
}

fn plain(case: &Value) -> Result<Check, String> {
    let mut check = Check::default();
    let mut s = Setup::new(case)?;
    let tol = tolerances(case, s.network.input(), s.rows).0;
    s.network.forward(&s.params, &s.state, s.pass, &mut s.ws);
    check.tensor("y", s.ws.output(s.rows), &Tensor::new(&case["outputs"]["y"]).data, tol);
    s.backward(&Tensor::new(&case["upstream"]["y"]).f32());
    s.compare_gradients(case, &mut check);
    if !s.state.is_empty() {
        if s.pass.training {
            s.network.update_state(&mut s.state, &s.ws, s.rows);
        }
        let (mean, var) = s.state.split_at(s.state.len() / 2);
        check.tensor("running_mean", mean, &Tensor::new(&case["state_out"]["running_mean"]).data, tol);
        check.tensor("running_var", var, &Tensor::new(&case["state_out"]["running_var"]).data, tol);
    }
    Ok(check)
}

/// The same indices in any arrangement give the same rows, and the same sums of gradients.
#[test]
fn reference_embedding_of_a_vector_of_indices() {
    let cases = cases("layers");
    let mut found = cases.into_iter().filter(|case| text(&case["layer"]) == "embedding");
    let mut case = found.next().expect("a case of an embedding");
    let indices = Tensor::new(&case["int_inputs"]["idx"]).data.len();
    for shape in [json!([indices]), json!([1, indices]), json!([indices, 1])] {
        case["int_inputs"]["idx"]["shape"] = shape.clone();
        let check = plain(&case).expect("a case that runs");
        assert!(check.faults().is_empty(), "indices {shape}: {:?}", check.faults());
    }
}

/// Forward draws the mask and keeps it in the cache. Forward and backward are the same linear map, which is tested with
/// the drawn mask; then backward is compared with the mask of the case, on the case's x and upstream.
fn dropout(case: &Value) -> Result<Check, String> {
    let mut check = Check::default();
    let mut s = Setup::new(case)?;
    let tol = Tol::Relative(3e-6);
    s.network.forward(&s.params, &s.state, s.pass, &mut s.ws);
    let x = input(case).f32();
    let drawn = s.ws.cache(0).to_vec();
    let layer = &s.network.nodes()[0].layer;
    let map = |mask: &[f32], v: &[f32]| {
        let (mut cache, mut out) = (mask.to_vec(), vec![f32::NAN; v.len()]);
        layer.backward(Backward {
            pass: s.pass,
            layer: 0,
            params: &[],
            state: &[],
            x: &x,
            y: s.ws.output(s.rows),
            cache: &mut cache,
            grad_output: v,
            grad_input: Some(&mut out),
            grad_params: None,
            totals: (&[], &[]),
            team: &SingleThread,
        });
        out
    };
    check.holds("forward is backward's map", s.ws.output(s.rows) == map(&drawn, &x));
    let mut mask = drawn.clone();
    let given = Tensor::new(&case["state_in"]["mask"]).f32();
    mask[..given.len()].copy_from_slice(&given);
    check.tensor("y", &map(&mask, &x), &Tensor::new(&case["outputs"]["y"]).data, tol);
    let grad = map(&mask, &Tensor::new(&case["upstream"]["y"]).f32());
    check.tensor("grad x", &grad, &Tensor::new(&case["grad_inputs"]["x"]).data, tol);
    Ok(check)
}

/// The initial state and the gradient with respect to it are at the head of the cache, see `layer::recurrent`.
fn recurrent(case: &Value) -> Result<Check, String> {
    let mut check = Check::default();
    let mut s = Setup::new(case)?;
    let tol = Tol::Relative(1e-5);
    let h_n = Tensor::new(&case["outputs"]["h_n"]);
    let (rows, units) = (s.rows, h_n.shape[1]);
    let block = s.ws.rows() * units;
    let head = s.ws.cache_mut(0);
    // h_0, then c_0 and dL/dc_T for an LSTM.
    let mut put = |at: usize, v: &Value| {
        if let Some(t) = tensor(v) {
            head[at * block..at * block + rows * units].copy_from_slice(&t.f32());
        }
    };
    put(0, &case["inputs"]["h0"]);
    put(1, &case["inputs"]["c0"]);
    put(2, &case["upstream"]["c_n"]);
    s.network.forward(&s.params, &s.state, s.pass, &mut s.ws);
    let y = s.ws.output(rows).to_vec();
    check.tensor("y", &y, &Tensor::new(&case["outputs"]["y"]).data, tol);
    let steps = y.len() / (rows * units);
    let last = |r: usize| ((r + 1) * steps - 1) * units..(r + 1) * steps * units;
    let mut upstream = Tensor::new(&case["upstream"]["y"]).f32();
    for (r, extra) in Tensor::new(&case["upstream"]["h_n"]).f32().chunks_exact(units).enumerate() {
        upstream[last(r)].iter_mut().zip(extra).for_each(|(u, e)| *u += e);
    }
    let ends: Vec<f32> = (0..rows).flat_map(|r| y[last(r)].to_vec()).collect();
    check.tensor("h_n", &ends, &h_n.data, tol);
    s.backward(&upstream);
    s.compare_gradients(case, &mut check);
    let lstm = case["layer"] == "lstm";
    let found = |at: usize| s.ws.cache(0)[at * block..at * block + rows * units].to_vec();
    let (grad_h0, rest) = if lstm { (3, 4) } else { (1, 0) };
    check.tensor("grad h0", &found(grad_h0), &Tensor::new(&case["grad_inputs"]["h0"]).data, tol);
    if lstm {
        check.tensor("grad c0", &found(rest), &Tensor::new(&case["grad_inputs"]["c0"]).data, tol);
        check.tensor("c_n", &found(5), &Tensor::new(&case["outputs"]["c_n"]).data, tol);
    }
    Ok(check)
}

/// The layers of a case in a scenario's syntax, and the names of their parameters.
fn configs(kind: &str, case: &Value) -> Result<(Vec<LayerConfig>, Vec<String>), String> {
    let names = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
    if kind == "residual" {
        let width = |p: &str| Tensor::new(&case["params"][p]).data.len();
        let inner = format!("Dense(units: {}), Tanh(), Dense(units: {})", width("b1"), width("b2"));
        let layer = parse(&format!("Residual(layers: [{inner}])"))?;
        return Ok((vec![layer], names(&["w1", "b1", "w2", "b2"])));
    }
    let bias = !case["params"]["bias"].is_null();
    let layer = parse(&describe(kind, &case["attrs"], bias)?)?;
    let order = ["weight", "bias", "weight_ih", "weight_hh", "bias_ih", "bias_hh"];
    let present: Vec<&str> = order.into_iter().filter(|n| !case["params"][n].is_null()).collect();
    Ok((vec![layer], names(&present)))
}

fn input(case: &Value) -> Tensor {
    let x = &case["inputs"]["x"];
    Tensor::new(if x.is_null() { &case["int_inputs"]["idx"] } else { x })
}

fn tensor(v: &Value) -> Option<Tensor> {
    (v != NO_TENSORS).then(|| Tensor::new(v))
}

/// The tolerances in the reference README for this layer: for everything, and for the gradient of x.
fn tolerances(case: &Value, input: Shape, rows: usize) -> (Tol, Tol) {
    let kind = text(&case["layer"]);
    match kind {
        "batch_norm1d" | "batch_norm2d" | "layer_norm" | "group_norm" => {
            let (repeat, features) = input.rows_of();
            let normalised = match (kind, input) {
                ("layer_norm", _) => features,
                ("group_norm", _) => features / case["attrs"]["groups"].as_u64().expect("groups") as usize,
                (_, Shape::Image { height, width, .. }) => rows * height * width,
                _ => rows * repeat,
            };
            let tol = Tol::Relative(1e-5);
            // The gradient of two normalised numbers is pure cancellation: only the effect of eps remains.
            (tol, if normalised <= 2 { Tol::Absolute(1e-5) } else { tol })
        }
        "softmax" => {
            // For large inputs, dx = y (g - Σ g y) cancels to almost nothing, so a relative error has no meaning.
            let size = |t: &Tensor| t.data.iter().fold(0.0, |m: f64, x| m.max(x.abs()));
            let far = tensor(&case["grad_inputs"]["x"]).is_some_and(|t| size(&t) < 1e-6);
            (Tol::Relative(3e-6), if far { Tol::Absolute(1e-7) } else { Tol::Relative(3e-6) })
        }
        "rnn" | "lstm" | "gru" => (Tol::Relative(1e-5), Tol::Relative(1e-5)),
        _ => (Tol::Relative(3e-6), Tol::Relative(3e-6)),
    }
}
