//! Reference cases of kind `diagnostics`: curvature by finite differences, gradient noise, the Jacobian.

use crate::harness::{Check, Report, Tensor, Tol, count, list, number, numbers, text};
use crate::nets::{Loss, Net, sample};
use gradtui::engine::diagnostics::{
    dominant_eigenvalue, hessian_vector, jacobian, noise_scale, singular_values, two_batch_noise_scale,
};
use serde_json::Value;

#[test]
fn reference_diagnostics() {
    Report::all("diagnostics", run);
}

fn run(case: &Value) -> Result<Check, String> {
    match text(&case["test"]) {
        "hessian" => hessian(case),
        "noise_scale" => Ok(noise(case)),
        "input_output_jacobian" => input_output(case),
        other => Err(format!("no diagnostic for {other}")),
    }
}

fn hessian(case: &Value) -> Result<Check, String> {
    let mut check = Check::default();
    let x = Tensor::new(&case["X"]);
    let mut net = Net::new(sample(&x.shape).1, &case["layers"], &case["params"], &Value::Null)?;
    let order: Vec<&str> = list(&case["param_order"]).iter().map(text).collect();
    assert_eq!(net.names, order, "the order of the parameters");
    let loss = Loss::new(text(&case["loss_function"]), &Tensor::new(&case["y"]).data)?;
    let inputs = x.f32();
    let (value, gradient, _) = net.gradient(&inputs, &loss);
    check.number("loss", value, number(&case["loss"]), 1e-5);
    check.tensor("gradient", &gradient, &Tensor::new(&case["gradient"]).data, Tol::Relative(1e-5));

    let params = net.params.clone();
    let mut oracle = |at: &[f32], out: &mut [f32]| {
        net.params.copy_from_slice(at);
        out.copy_from_slice(&net.gradient(&inputs, &loss).1);
    };
    let hv = hessian_vector(&mut oracle, &params, &Tensor::new(&case["probe"]).f32());
    check.tensor("hvp", &hv, &Tensor::new(&case["hvp_of_probe"]).data, Tol::Relative(1e-2));
    let start = Tensor::new(&case["power_start"]).f32();
    let rayleigh = numbers(&case["power_rayleigh_per_iteration"]);
    let (top, vector) = dominant_eigenvalue(&mut oracle, &params, &start, rayleigh.len());
    check.number("power iteration", top, rayleigh[rayleigh.len() - 1], 1e-2);
    check.number("dominant_eigenvalue", top, number(&case["dominant_eigenvalue"]), 1e-2);
    let want = Tensor::new(&case["dominant_eigenvector_up_to_sign"]).data;
    let overlap: f64 = vector.iter().zip(&want).map(|(&v, w)| f64::from(v) * w).sum();
    let size = want.iter().map(|w| w * w).sum::<f64>().sqrt();
    check.number("eigenvector", overlap.abs() / size, 1.0, 1e-2);
    Ok(check)
}

fn noise(case: &Value) -> Check {
    let mut check = Check::default();
    let gradients = Tensor::new(&case["per_sample_gradients"]);
    let parameters = gradients.shape[1];
    let found = noise_scale(&gradients.f32(), parameters);
    let compare = |check: &mut Check, field: &str, found: f64| {
        check.number(field, found, number(&case[field]), 1e-5);
    };
    compare(&mut check, "mean_gradient_sq_norm", found.sq_norm);
    compare(&mut check, "trace_cov_unbiased", found.trace);
    compare(&mut check, "simple_noise_scale", found.simple);
    let batches = (count(&case["small_batch"]), count(&case["big_batch"]));
    let small = number(&case["small_batch_mean_sq_norm"]);
    let two = two_batch_noise_scale((batches.0, small), (batches.1, found.sq_norm));
    compare(&mut check, "two_batch_G2", two.sq_norm);
    compare(&mut check, "two_batch_S", two.trace);
    compare(&mut check, "two_batch_noise_scale", two.simple);
    check
}

fn input_output(case: &Value) -> Result<Check, String> {
    let mut check = Check::default();
    let x = Tensor::new(&case["x"]);
    let net = Net::new(sample(&x.shape).1, &case["layers"], &case["params"], &Value::Null)?;
    let found = jacobian(&net.network, &net.params, &net.state, &x.f32());
    let want = Tensor::new(&case["jacobian"]);
    check.tensor("jacobian", &found, &want.data, Tol::Relative(1e-5));
    let values = singular_values(&found, want.shape[0], want.shape[1]);
    check.tensor64(
        "singular_values",
        &values,
        &Tensor::new(&case["singular_values"]).data,
        Tol::Relative(1e-5),
    );
    Ok(check)
}
