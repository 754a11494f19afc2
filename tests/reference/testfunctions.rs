//! Reference cases of kind `testfunctions`: values, gradients and Hessians of the surfaces; and a surface as a problem.

use crate::harness::{Check, Report, Tensor, Tol, list, number, numbers, text};
use gradtui::engine::surface::Surface;
use serde_json::Value;

#[test]
fn reference_testfunctions() {
    Report::all("testfunctions", run);
}

/// three_hump_camel is ThreeHumpCamel here.
fn surface(name: &str) -> Result<Surface, String> {
    let plain = |s: &str| s.replace('_', "").to_lowercase();
    let found = Surface::ALL.into_iter().find(|s| plain(s.name()) == plain(name));
    found.ok_or_else(|| format!("no surface {name}"))
}

fn run(case: &Value) -> Result<Check, String> {
    let surface = surface(text(&case["name"]))?;
    let mut check = Check::default();
    let points: Vec<_> =
        Tensor::new(&case["points"]).data.chunks_exact(2).map(|p| surface.at(p[0], p[1])).collect();
    let values: Vec<f64> = points.iter().map(|t| t.value).collect();
    let gradients: Vec<f64> = points.iter().flat_map(|t| t.gradient).collect();
    let hessians: Vec<f64> = points.iter().flat_map(|t| t.hessian.concat()).collect();
    check.tensor64("values", &values, &numbers(&case["values"]), Tol::Relative(1e-12));
    check.tensor64("gradients", &gradients, &Tensor::new(&case["gradients"]).data, Tol::Relative(1e-12));
    check.tensor64("hessians", &hessians, &Tensor::new(&case["hessians"]).data, Tol::Relative(1e-12));
    for (known, given) in surface.critical_points().iter().zip(list(&case["critical_points"])) {
        check.tensor64("critical_points", &[known.0, known.1], &numbers(given), Tol::Absolute(1e-9));
        let value = number(&case["value_at_critical_points"]);
        check.tensor64("value there", &[surface.value(known.0, known.1)], &[value], Tol::Absolute(1e-10));
    }
    let count = list(&case["critical_points"]).len();
    check.holds("as many critical points", surface.critical_points().len() == count);
    Ok(check)
}
