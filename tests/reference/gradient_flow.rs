//! Reference cases of kind `gradient_flow`: how gradients vanish or explode over the depth at initialisation.

use crate::harness::{Check, Report, Tensor, Tol, count, files, list, number, numbers, text};
use crate::nets::{Loss, Net, sample};
use gradtui::engine::kernel::sum_sq_f64;
use serde_json::{Value, json};

const TOL: f64 = 1e-4;

#[test]
fn reference_gradient_flow() {
    let mut report = Report::new("gradient_flow");
    for file in files("gradient_flow") {
        for case in list(&file["cases"]) {
            report.case(text(&case["name"]), run(&file, case));
        }
    }
    report.finish();
}

fn norm(x: &[f32]) -> f64 {
    sum_sq_f64(x).sqrt()
}

fn mean_and_std(x: &[f32]) -> (f64, f64) {
    let n = x.len() as f64;
    let mean = x.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
    (mean, (x.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / n).sqrt())
}

fn run(file: &Value, case: &Value) -> Result<Check, String> {
    let x = Tensor::new(&file["X"]);
    let (rows, shape) = sample(&x.shape);
    let activation = text(&case["activation"]);
    let scales = numbers(&case["scales"]);
    let (mut layers, mut params) = (Vec::new(), json!({}));
    for (l, scale) in scales.iter().enumerate() {
        let name = format!("G{l}");
        let mut weight = Tensor::new(&file["base_weights"][&name]);
        weight.data.iter_mut().for_each(|w| *w *= scale);
        layers.push(json!({"type": "dense", "out": weight.shape[0], "weight": name}));
        if l + 1 < scales.len() {
            let attrs = json!({"type": activation, "alpha": 1.0, "negative_slope": 0.01});
            layers.push(attrs);
        }
        params[&name] = json!({"shape": weight.shape, "data": weight.data});
    }
    assert_eq!(scales.len(), count(&file["depth"]) + 1, "a scale for each of the weights");
    let net = Net::new(shape, &Value::Array(layers), &params, &Value::Null)?;
    let loss = Loss::new("softmax_cross_entropy", &Tensor::new(&file["y"]).data)?;
    let (value, grads, ws) = net.gradient(&x.f32(), &loss);

    let mut check = Check::default();
    check.number("loss", value, number(&case["loss"]), TOL);
    let health = net.network.health(&ws, rows);
    let mut means = Vec::new();
    // Each entry relative to itself: the first layer's 1e-8 must be as accurate as the last layer's 1.
    let mut each = |field: &str, l: usize, found: f64| {
        if let Some(want) = case[field][l].as_f64() {
            check.tensor64(&format!("{field}[{l}]"), &[found], &[want], Tol::Relative(TOL));
        }
    };
    for (l, slot) in net.network.slots().iter().enumerate() {
        each("weight_grad_norm", l, norm(&grads[slot.range.clone()]));
        // Dense l is layer 2l: activation 2l + 1 is its output, the activation function's is 2l + 2.
        each("activation_grad_norm", l, norm(ws.activation_grad(2 * l + 1, rows)));
        each("preactivation_std", l, mean_and_std(ws.activation(2 * l + 1, rows)).1);
        if l + 1 < scales.len() {
            let y = ws.activation(2 * l + 2, rows);
            let (mean, std) = mean_and_std(y);
            each("activation_std", l, std);
            let zeros = y.iter().filter(|&&y| y == 0.0).count() as f64 / y.len() as f64;
            each("zero_fraction", l, zeros);
            if let Some(health) = health[2 * l + 1] {
                each("saturated_fraction", l, f64::from(health.saturated));
            }
            means.push((l, mean, std));
        }
    }
    for (l, mean, std) in means {
        // A mean of cancelling numbers is only as accurate as the size of the numbers allows.
        let want = number(&case["activation_mean"][l]);
        let limit = TOL * std.max(want.abs());
        check.tensor64(&format!("activation_mean[{l}]"), &[mean], &[want], Tol::Absolute(limit));
    }
    Ok(check)
}
