//! Reference cases of kind `traces`: whole trainings, step by step, with optimizer and clipping.

use crate::harness::{Check, Report, Tensor, Tol, count, list, measured, number, numbers, text};
use crate::nets::{Loss, Net, sample};
use gradtui::engine::clip::ClipConfig;
use gradtui::engine::kernel::sum_sq_f64;
use gradtui::engine::optim::{OptimizerConfig, Oracle, Update};
use gradtui::engine::team::SingleThread;
use gradtui::registry::SettingValue as _;
use serde_json::Value;

#[test]
fn reference_traces() {
    Report::all("traces", run);
}

/// None of the optimizers of the traces needs the gradient at other parameters.
struct Nowhere;

impl Oracle for Nowhere {
    fn gradient(&mut self, _: &[f32], _: &mut [f32]) -> f32 {
        panic!("an optimizer of a trace asked for a second gradient")
    }
}

fn norm(x: &[f32]) -> f64 {
    sum_sq_f64(x).sqrt()
}

fn run(case: &Value) -> Result<Check, String> {
    let mut check = Check::default();
    let (x, y) = (Tensor::new(&case["X"]), Tensor::new(&case["y"]));
    let (rows, shape) = sample(&x.shape);
    let mut net = Net::new(shape, &case["layers"], &case["initial_params"], &case["initial_state"])?;
    let optimizer = optimizer(case)?;
    let clip = clip(&case["clip"])?;
    let mut state = optimizer.init(&net.params);
    let (size, targets) = (x.data.len() / rows, y.data.len() / rows);
    let inputs = x.f32();

    let losses = numbers(&case["loss"]);
    let norms = numbers(&case["grad_norm"]);
    // A network with such large gradients multiplies every rounding error.
    let exploding = norms.iter().any(|&n| n > 10.0);
    let (tol, tol_tensor) = if exploding { (5e-3, 2e-2) } else { (1e-4, 5e-3) };
    // A gradient that nearly vanishes compared with the neighbouring steps is rounding error in f32, also in the
    // reference.
    let tol_norm = f64::max(tol, 3.0 * measured(text(&case["name"]), "grad_norm_rel"));
    let follows = count(&case["f32_steps_within_1e-3_relative"]).min(losses.len());
    for (step, batch) in list(&case["batches"]).iter().take(losses.len()).enumerate() {
        let batch: Vec<usize> = list(batch).iter().map(count).collect();
        let pick = |n: usize, r: usize| r * n..(r + 1) * n;
        let xs: Vec<f32> = batch.iter().flat_map(|&r| inputs[pick(size, r)].to_vec()).collect();
        let ys: Vec<f64> = batch.iter().flat_map(|&r| y.data[pick(targets, r)].to_vec()).collect();
        let loss = Loss::new(text(&case["loss_function"]), &ys)?;
        let (value, mut grads, ws) = net.gradient(&xs, &loss);
        net.network.update_state(&mut net.state, &ws, batch.len());
        let whole = norm(&grads);
        let tensors: Vec<f64> = net.network.slots().iter().map(|s| norm(&grads[s.range.clone()])).collect();
        if let Some(clip) = &clip {
            clip.clip(&mut grads, whole as f32, &net.params, net.network.slots(), &SingleThread);
        }
        if step < follows {
            check.number(&format!("loss[{step}]"), value, losses[step], tol);
            check.number(&format!("grad_norm[{step}]"), whole, norms[step], tol_norm);
            for (name, found) in net.names.iter().zip(tensors) {
                let want = number(&case["grad_norm_per_tensor"][name][step]);
                // In a network with exploding gradients, a bias gradient that cancels to under a hundredth of the whole
                // is rounding error.
                let size = if exploding { want.max(1e-2 * norms[step]) } else { want };
                let tol = Tol::Absolute(tol_tensor * size);
                check.tensor64(&format!("norm of {name}[{step}]"), &[found], &[want], tol);
            }
            if let Some(want) = case["grad_norm_after_clip"][step].as_f64() {
                check.number(&format!("grad_norm_after_clip[{step}]"), norm(&grads), want, tol);
            }
        }
        optimizer.step(
            &mut state,
            Update {
                step: step as u64 + 1,
                lr: optimizer.lr(),
                params: &mut net.params,
                grads: &mut grads,
                slots: net.network.slots(),
                oracle: &mut Nowhere,
                team: &SingleThread,
            },
        );
    }
    if follows == losses.len() {
        for (slot, name) in net.network.slots().iter().zip(&net.names) {
            let want = Tensor::new(&case["final_params"][name]);
            check.tensor(
                &format!("final {name}"),
                &net.params[slot.range.clone()],
                &want.data,
                Tol::Relative(1e-3),
            );
        }
        let mut found = &net.state[..];
        for name in &net.state_names {
            let want = Tensor::new(&case["final_state"][name]);
            let (tensor, rest) = found.split_at(want.data.len());
            check.tensor(&format!("final {name}"), tensor, &want.data, Tol::Relative(1e-3));
            found = rest;
        }
    }
    Ok(check)
}

/// The optimizer of a case in a scenario's syntax; PyTorch's SGD corresponds to three rows here.
fn optimizer(case: &Value) -> Result<OptimizerConfig, String> {
    let hyper = case["hyper"].as_object().expect("settings");
    let of = |key: &str| hyper.get(key).and_then(Value::as_f64).unwrap_or(0.0);
    let name = match text(&case["optimizer_class"]) {
        "SGD" if hyper.get("nesterov") == Some(&Value::Bool(true)) => "Nesterov",
        "SGD" if of("momentum") != 0.0 => "Momentum",
        "SGD" => "Sgd",
        "RMSprop" => "RmsProp",
        other => other,
    };
    let write = |(key, v): (&String, &Value)| match v {
        Value::Array(pair) => format!("{key}: ({:?}, {:?})", number(&pair[0]), number(&pair[1])),
        Value::Number(_) => format!("{key}: {:?}", number(v)),
        other => format!("{key}: {other}"),
    };
    // A setting that has a row of its own here is not a field.
    let said = |(key, v): &(&String, &Value)| {
        *key != "nesterov"
            && !v.is_null()
            && !(name == "Sgd" && matches!(key.as_str(), "momentum" | "dampening"))
    };
    let fields: Vec<String> = hyper.iter().filter(said).map(write).collect();
    let ron = format!("{name}({})", fields.join(", "));
    OptimizerConfig::parse(&ron).map_err(|e| format!("{ron}: {e}"))
}

fn clip(case: &Value) -> Result<Option<ClipConfig>, String> {
    if case.is_null() {
        return Ok(None);
    }
    let ron = match text(&case["kind"]) {
        "global_norm" => {
            format!("Norm(max_norm: {:?}, eps: {:?})", number(&case["max_norm"]), number(&case["eps"]))
        }
        "value" => format!("Value(clip_value: {:?})", number(&case["clip_value"])),
        other => return Err(format!("no clipping for {other}")),
    };
    ClipConfig::parse(&ron).map(Some).map_err(|e| format!("{ron}: {e}"))
}
