//! Properties that every layer of the table must have: its gradient is that of its values, whatever the batch and the
//! workspace.
//!
//! A new row of the table is tested automatically.

use gradtui::engine::init::{InitConfig, uniform::XavierUniform};
use gradtui::engine::layer::{LayerConfig, Pass};
use gradtui::engine::network::{Network, Workspace};
use gradtui::engine::rng::{Purpose, Stream};
use gradtui::engine::shape::Shape;
use gradtui::engine::team::Team;
use gradtui::registry::SettingValue as _;
use std::sync::Arc;

const ROWS: usize = 5;

const IMAGE: Shape = Shape::Image { channels: 4, height: 5, width: 6 };
const SEQUENCE: Shape = Shape::Sequence { steps: 4, features: 8 };
const IDS: Shape = Shape::Sequence { steps: 6, features: 1 };

/// A network from RON, such as `[Dense(units: 4), Tanh()]`.
fn network(input: Shape, ron: &str) -> Network {
    let layers = Vec::<LayerConfig>::parse(ron).unwrap_or_else(|e| panic!("{ron}: {e}"));
    Network::new(input, &layers).unwrap_or_else(|e| panic!("{ron}: {} {e}", e.at))
}

/// A network, a point in its parameter space and a batch that lies on no kink and holds no ties.
struct Bench {
    network: Network,
    params: Vec<f32>,
    state: Vec<f32>,
    x: Vec<f32>,
    pass: Pass,
}

impl Bench {
    fn new(network: Network, training: bool) -> Self {
        let init = InitConfig::from(XavierUniform::default());
        let mut params = network.initial_params(&*init, 3);
        let mut noise = Stream::new(3, Purpose::Noise, 0, 0);
        // Biases and gains are moved away from 0 and 1, where errors could hide.
        for p in &mut params {
            *p += noise.uniform(-0.2, 0.2);
        }
        let mut state = network.initial_state();
        for s in &mut state {
            *s += noise.uniform(0.0, 0.3);
        }
        let n = ROWS * network.input().size();
        let mut x: Vec<f32> = (0..n).map(|i| (i as f32 - n as f32 / 2.0).floor() * 0.05 + 0.025).collect();
        noise.shuffle(&mut x);
        if network.input() == IDS {
            for x in &mut x {
                *x = noise.below(16) as f32;
            }
        }
        Self { network, params, state, x, pass: Pass { training, ..Pass::train(ROWS, 5, 6) } }
    }

    fn forward(&self, params: &[f32], x: &[f32], ws: &mut Workspace) -> Vec<f32> {
        ws.input_mut(ROWS).copy_from_slice(x);
        self.network.forward(params, &self.state, self.pass, ws);
        ws.output(ROWS).to_vec()
    }

    /// The weights u of the scalar L = Σ u y whose gradient is computed.
    fn upstream(&self) -> Vec<f32> {
        let mut noise = Stream::new(9, Purpose::Noise, 1, 0);
        (0..ROWS * self.network.output().size()).map(|_| noise.uniform(-1.0, 1.0)).collect()
    }

    fn loss(&self, params: &[f32], x: &[f32], ws: &mut Workspace) -> f64 {
        let y = self.forward(params, x, ws);
        y.iter().zip(self.upstream()).map(|(&y, u)| f64::from(y) * f64::from(u)).sum()
    }

    /// dL/d(parameters) and dL/dx.
    fn gradients(&self, ws: &mut Workspace) -> (Vec<f32>, Vec<f32>) {
        self.forward(&self.params, &self.x, ws);
        let mut grads = vec![f32::NAN; self.params.len()];
        ws.output_and_grad(ROWS).1.copy_from_slice(&self.upstream());
        self.network.backward(&self.params, &self.state, self.pass, ws, Some(&mut grads), true);
        (grads, ws.activation_grad(0, ROWS).to_vec())
    }

    /// Compares the slope along random directions with the gradient, for the parameters and for the input.
    fn check(&self, name: &str) {
        let mut ws = self.network.workspace(ROWS);
        let (grads, grad_x) = self.gradients(&mut ws);
        let mut noise = Stream::new(4, Purpose::Probe, 0, 0);
        let h = 2e-3;
        for (what, gradient, is_input) in [("parameters", &grads, false), ("input", &grad_x, true)] {
            // Whole numbers that name rows of a table have no gradient.
            if gradient.is_empty() || (is_input && self.network.input() == IDS) {
                continue;
            }
            for _ in 0..3 {
                let v: Vec<f32> = gradient.iter().map(|_| noise.uniform(-1.0, 1.0)).collect();
                let moved =
                    |at: &[f32], h: f32| at.iter().zip(&v).map(|(a, v)| a + h * v).collect::<Vec<_>>();
                let mut at = |h: f32| {
                    if is_input {
                        self.loss(&self.params, &moved(&self.x, h), &mut ws)
                    } else {
                        self.loss(&moved(&self.params, h), &self.x, &mut ws)
                    }
                };
                let slope = (at(h) - at(-h)) / f64::from(2.0 * h);
                let expected: f64 = gradient.iter().zip(&v).map(|(&g, &v)| f64::from(g) * f64::from(v)).sum();
                let size = gradient.iter().map(|&g| f64::from(g).powi(2)).sum::<f64>().sqrt();
                assert!(
                    (slope - expected).abs() <= 5e-3 * size + 1e-4,
                    "{name}, {what}: slope {slope}, gradient says {expected} (size {size})"
                );
            }
        }
    }
}

/// Every row of the table for every shape that it accepts, as small as its defaults allow.
fn every_layer() -> Vec<(String, Network)> {
    let mut found = Vec::new();
    for config in LayerConfig::all() {
        let name = config.name();
        let inputs: &[Shape] = match name {
            "Embedding" => &[IDS],
            // Lists of layers: empty by default, tested below with layers inside.
            "Residual" | "Repeat" => continue,
            _ => &[Shape::Flat(8), SEQUENCE, IMAGE],
        };
        let fitting =
            inputs.iter().filter_map(|&input| Network::new(input, std::slice::from_ref(&config)).ok());
        let before = found.len();
        found.extend(fitting.map(|network| (format!("{name} on {}", network.input()), network)));
        assert!(found.len() > before, "{name} fits no shape of this test");
    }
    found
}

#[test]
fn every_layer_agrees_with_finite_differences() {
    for (name, network) in every_layer() {
        Bench::new(network, true).check(&name);
    }
}

#[test]
fn every_layer_agrees_with_finite_differences_in_evaluation() {
    for (name, network) in every_layer() {
        Bench::new(network, false).check(&name);
    }
}

#[test]
fn settings_beside_the_defaults_agree_with_finite_differences() {
    for (input, ron) in [
        (IMAGE, "[Conv2d(filters: 3, kernel: 3, stride: 2, padding: 2, bias: false)]"),
        (IMAGE, "[MaxPool2d(kernel: 3, stride: 2, padding: 1)]"),
        (IMAGE, "[AvgPool2d(kernel: 3, stride: 2, padding: 1, count_include_pad: false)]"),
        (
            SEQUENCE,
            "[Rnn(units: 5, nonlinearity: Tanh, all: true), Lstm(units: 4, all: true), Gru(units: 3)]",
        ),
        (SEQUENCE, "[Lstm(units: 4), Dense(units: 3)]"),
        (IDS, "[Embedding(num_embeddings: 16, dim: 5), Gru(units: 4, all: true), GlobalAvgPool()]"),
        (Shape::Flat(8), "[Gelu(approximate: Tanh), Softplus(beta: 3.0), Elu(alpha: 0.5)]"),
    ] {
        Bench::new(network(input, ron), true).check(ron);
    }
}

#[test]
fn nests_of_residual_blocks_agree_with_finite_differences() {
    for ron in [
        "[Residual(layers: [Dense(units: 8), Tanh()]), Dense(units: 3)]",
        "[Residual(layers: [Residual(layers: [Dense(units: 8), Tanh()]), Dense(units: 8), Silu()])]",
        "[Dense(units: 6), Residual(layers: [Tanh(), Residual(layers: [Dense(units: 6)])]), Tanh()]",
        "[Repeat(times: 3, layers: [Residual(layers: [LayerNorm(), Dense(units: 8), Gelu(), Dropout(p: 0.3)])])]",
    ] {
        Bench::new(network(Shape::Flat(8), ron), true).check(ron);
    }
}

#[test]
fn backward_can_be_asked_again_and_needs_no_room_to_spare() {
    for (name, network) in every_layer() {
        let bench = Bench::new(network, true);
        let mut own = bench.network.workspace(ROWS);
        let first = bench.gradients(&mut own);
        let mut grads = vec![f32::NAN; bench.params.len()];
        bench.network.backward(&bench.params, &bench.state, bench.pass, &mut own, Some(&mut grads), true);
        assert_eq!(first.0, grads, "{name}: a second backward after one forward");
        let mut wide = bench.network.workspace(ROWS + 4);
        assert_eq!(first, bench.gradients(&mut wide), "{name}: in a workspace for more rows");
        assert_eq!(first, bench.gradients(&mut wide), "{name}: in a workspace that has been used");
    }
}

/// The dropout masks of a network's layers 0 and 2 for a part of a batch.
fn masks(network: &Network, rows: usize, first_row: usize, step: u64) -> [Vec<f32>; 2] {
    let mut ws = network.workspace(rows);
    ws.input_mut(rows).fill(1.0);
    let params = vec![0.5; network.param_count()];
    network.forward(&params, &[], Pass { first_row, ..Pass::train(rows, 1, step) }, &mut ws);
    [ws.cache(0).to_vec(), ws.cache(2).to_vec()]
}

#[test]
fn a_batch_in_two_halves_drops_what_the_whole_batch_drops() {
    let network = network(SEQUENCE, "[Dropout(p: 0.5), Dense(units: 3), Dropout(p: 0.25)]");
    let whole = masks(&network, 7, 0, 2);
    let (first, second) = (masks(&network, 3, 0, 2), masks(&network, 4, 3, 2));
    for layer in 0..2 {
        assert_eq!(whole[layer], [&first[layer][..], &second[layer][..]].concat());
        assert!(whole[layer].contains(&0.0) && whole[layer].contains(&1.0));
    }
    assert_ne!(whole, masks(&network, 7, 0, 3), "another step, another mask");
    let same = whole[0].iter().zip(&whole[1]).filter(|(a, b)| a == b).count();
    assert!(same < whole[1].len(), "another layer, another mask");
}

#[test]
fn dropout_keeps_the_share_and_the_mean() {
    let network = network(Shape::Flat(1000), "[Dropout(p: 0.3)]");
    let mut ws = network.workspace(20);
    ws.input_mut(20).fill(1.0);
    network.forward(&[], &[], Pass::train(20, 1, 1), &mut ws);
    let y = ws.output(20);
    let mean = y.iter().sum::<f32>() / y.len() as f32;
    // Five standard errors of the mean of 20,000 draws.
    assert!((mean - 1.0).abs() < 0.024, "mean {mean}");
    assert!(y.iter().all(|&y| y == 0.0 || (y - 1.0 / 0.7).abs() < 1e-6));
}

#[test]
fn the_gradient_through_time_is_that_of_the_states() {
    for cell in ["Rnn", "Lstm", "Gru"] {
        let bench = Bench::new(network(SEQUENCE, &format!("[{cell}(units: 6)]")), true);
        let mut ws = bench.network.workspace(ROWS + 1);
        bench.gradients(&mut ws);
        let layer = &bench.network.nodes()[0].layer;
        let norms = layer.through_time(ws.cache(0), ROWS).expect("a recurrent layer");
        assert_eq!(norms.len(), 4, "{cell}: one norm a time step");
        let last = bench.upstream().iter().map(|u| u * u).sum::<f32>().sqrt();
        assert!((norms[3] - last).abs() < 1e-5 * last, "{cell}: dL/dh_T is what comes from above");
        assert!(norms.iter().all(|&n| n > 0.0 && n < 10.0 * last), "{cell}: {norms:?}");
    }
    let dense = network(Shape::Flat(3), "[Dense(units: 2)]");
    assert_eq!(dense.nodes()[0].layer.through_time(&[], 1), None);
}

#[test]
fn a_layer_that_does_not_fit_says_what_would() {
    let fault = |input, ron: &str| {
        let layers = Vec::<LayerConfig>::parse(ron).expect("layers");
        Network::new(input, &layers).expect_err("a fault").to_string()
    };
    let flat = Shape::Flat(64);
    assert!(fault(flat, "[Conv2d()]").contains("needs an image"));
    assert!(fault(flat, "[Lstm()]").contains("needs a sequence"));
    assert!(
        fault(IMAGE, "[Conv2d(kernel: 9)]").contains("at most 5, or padding 2"),
        "{}",
        fault(IMAGE, "[Conv2d(kernel: 9)]")
    );
    assert!(fault(IMAGE, "[MaxPool2d(kernel: 3, padding: 2)]").contains("at most 1"));
    assert!(fault(IMAGE, "[GroupNorm(groups: 3)]").contains("1, 2, 4 do"));
    assert!(fault(flat, "[Hardtanh(min: 2.0)]").contains("below max"));
}

/// Fused layers give the same results as the layers one after another: the activations bit for bit, including those in
/// between if they are revealed, and the gradients up to the order of sums.
#[test]
fn layers_done_at_once_are_the_layers_one_after_the_other() {
    let shape = |height, width| Shape::Image { channels: 3, height, width };
    for (input, layers) in [
        (shape(28, 28), &["BatchNorm()", "Relu()", "MaxPool2d()"][..]),
        (shape(14, 6), &["BatchNorm()", "Relu()", "MaxPool2d()"]),
        (shape(7, 9), &["BatchNorm()", "Relu()", "MaxPool2d()"]),
        (shape(5, 70), &["BatchNorm()", "Relu()"]),
        (shape(10, 34), &["Relu()", "MaxPool2d()"]),
    ] {
        let whole = network(input, &format!("[{}]", layers.join(", ")));
        let rows = 5;
        let mut noise = Stream::new(3, Purpose::Noise, 0, 0);
        let mut numbers = |n: usize| (0..n).map(|_| noise.uniform(-1.0, 1.0)).collect::<Vec<f32>>();
        let (params, x) = (numbers(whole.param_count()), numbers(rows * input.size()));
        let upstream = numbers(rows * whole.output().size());
        for pass in [Pass::train(rows, 1, 2), Pass::eval(rows)] {
            let mut state = whole.initial_state();
            for s in &mut state {
                *s += 0.3;
            }
            let mut ws = whole.workspace(rows);
            ws.input_mut(rows).copy_from_slice(&x);
            whole.forward(&params, &state, pass, &mut ws);
            whole.reveal(&params, &state, pass, &mut ws);
            // One network for each layer; all parameters belong to the norm, if there is one.
            let (mut alone, mut at, mut value) = (Vec::new(), input, x.clone());
            for (i, layer) in layers.iter().enumerate() {
                let network = network(at, &format!("[{layer}]"));
                let params = params[..network.param_count()].to_vec();
                let mut single = network.workspace(rows);
                single.input_mut(rows).copy_from_slice(&value);
                let own_state = if network.initial_state().is_empty() { Vec::new() } else { state.clone() };
                network.forward(&params, &own_state, pass, &mut single);
                assert_eq!(
                    single.output(rows),
                    ws.activation(i + 1, rows),
                    "{layer} of {layers:?} on {input}"
                );
                (at, value) = (network.output(), single.output(rows).to_vec());
                alone.push((network, params, own_state, single));
            }
            let mut grads = vec![f32::NAN; params.len()];
            ws.output_and_grad(rows).1.copy_from_slice(&upstream);
            whole.backward(&params, &state, pass, &mut ws, Some(&mut grads), true);
            let (mut slope, mut expected) = (upstream.clone(), Vec::new());
            for (network, params, state, single) in alone.iter_mut().rev() {
                let mut own = vec![f32::NAN; params.len()];
                single.output_and_grad(rows).1.copy_from_slice(&slope);
                network.backward(params, state, pass, single, Some(&mut own), true);
                slope = single.activation_grad(0, rows).to_vec();
                expected.extend(own);
            }
            for (found, expected) in [(&grads[..], &expected[..]), (ws.activation_grad(0, rows), &slope)]
                .iter()
                .flat_map(|(a, b)| {
                    assert_eq!(a.len(), b.len());
                    a.iter().zip(*b)
                })
            {
                assert!(
                    (found - expected).abs() <= 1e-5 * expected.abs().max(0.1),
                    "{found} for {expected}: {layers:?}"
                );
            }
            if pass.training && !state.is_empty() {
                let (mut by_one, mut by_many) = (state.clone(), state.clone());
                whole.update_state(&mut by_many, &ws, rows);
                alone[0].0.update_state(&mut by_one, &alone[0].3, rows);
                assert_eq!(by_many, by_one, "running statistics of {layers:?}");
            }
        }
    }
}

/// A team of two threads.
#[derive(Debug)]
struct Pair;

impl Team for Pair {
    fn join(&self, a: &mut (dyn FnMut() + Send), b: &mut (dyn FnMut() + Send)) {
        std::thread::scope(|scope| {
            scope.spawn(b);
            a();
        });
    }
}

#[test]
fn the_bits_do_not_depend_on_who_shares_the_work() {
    let image = Shape::Image { channels: 3, height: 16, width: 16 };
    let cnn = "[Conv2d(filters: 16, padding: 1), BatchNorm(), Relu(), MaxPool2d(), Dropout(),
        Residual(layers: [Conv2d(filters: 16, padding: 1, bias: false), BatchNorm()]), Flatten(), Dense(units: 3)]";
    let sequence = Shape::Sequence { steps: 20, features: 8 };
    for (input, ron) in [
        (image, cnn),
        (sequence, "[Lstm(units: 48, all: true), BatchNorm(), Gru(units: 40), Dense(units: 3)]"),
        (Shape::Flat(300), "[Dense(units: 200), Tanh(), BatchNorm(), Dense(units: 3)]"),
        (
            Shape::Flat(300),
            "[Dense(units: 200), Relu(), Dropout(), Residual(layers: [Dense(units: 200, bias: false), Tanh()]), Dense(units: 3)]",
        ),
    ] {
        let network = network(input, ron);
        let rows = 23;
        assert!(rows * network.work() > 1 << 20, "{ron}: too little work to be shared");
        let init = InitConfig::from(XavierUniform::default());
        let params = network.initial_params(&*init, 3);
        let mut noise = Stream::new(7, Purpose::Noise, 0, 0);
        let x: Vec<f32> = (0..rows * input.size()).map(|_| noise.uniform(-1.0, 1.0)).collect();
        let pass = |team: Option<Arc<dyn Team>>| {
            let mut ws = network.workspace(rows);
            if let Some(team) = team {
                ws.set_team(&team);
            }
            let mut state = network.initial_state();
            let mut grads = vec![f32::NAN; params.len()];
            let pass = Pass::train(rows, 1, 2);
            ws.input_mut(rows).copy_from_slice(&x);
            network.forward(&params, &state, pass, &mut ws);
            ws.output_and_grad(rows).1.iter_mut().enumerate().for_each(|(i, g)| *g = (i % 5) as f32 - 2.0);
            network.backward(&params, &state, pass, &mut ws, Some(&mut grads), true);
            network.update_state(&mut state, &ws, rows);
            let through = network.through_time(&ws, rows);
            (ws.output(rows).to_vec(), ws.activation_grad(0, rows).to_vec(), grads, state, through)
        };
        let alone = pass(None);
        assert!(alone.2.iter().all(|g| g.is_finite()), "{ron}: every gradient is written");
        assert_eq!(alone, pass(Some(Arc::new(Pair))), "{ron}");
    }
}
