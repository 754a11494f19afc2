//! Reference cases of kind `testfunctions`: values, gradients and Hessians of the surfaces; and a surface as a problem.

use crate::harness::{Check, Report, Tensor, Tol, files, list, number, numbers, text};
use crate::optimizers::{Nobody, config};
use gradtui::engine::data::{self, NoFiles, Source as _};
use gradtui::engine::init::InitConfig;
use gradtui::engine::layer::Pass;
use gradtui::engine::network::Network;
use gradtui::engine::optim::Update;
use gradtui::engine::surface::Surface;
use gradtui::engine::team::SingleThread;
use serde_json::Value;

#[test]
fn reference_testfunctions() {
    Report::all("testfunctions", run);
}

/// `three_hump_camel` is called `ThreeHumpCamel` here.
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

/// Adam and its variants on the layer `Surface` with the loss `Output`, through the network's own passes: the path
/// equals the reference's.
#[test]
fn reference_surface_as_problem() {
    let mut report = Report::new("surface as a problem");
    for file in files("optimizers") {
        let p = &file["problem"];
        if text(&p["id"]) != "rosenbrock" {
            continue;
        }
        for case in list(&file["cases"]) {
            let known = (number(&p["a"]), number(&p["b"])) == (1.0, 100.0);
            // Sophia needs a curvature, and Prodigy's path differs in f32.
            let alone = !["sophia", "prodigy"].contains(&text(&case["algorithm"]));
            if alone {
                let outcome = if known { descend(case) } else { Err("another a or b".into()) };
                report.case(text(&case["name"]), outcome);
            }
        }
    }
    report.finish();
}

fn descend(case: &Value) -> Result<Check, String> {
    let optimizer = config(case)?;
    let rows = list(&case["params"]);
    let start = numbers(&rows[0]);
    let source = data::surface::Surface { start: (start[0], start[1]), ..Default::default() };
    let (layers, loss) = source.problem().expect("a surface is a problem");
    let samples = source.load(&NoFiles, 1).expect("no file is needed").samples;
    let network = Network::new(samples.shape, &layers).expect("a network");
    let mut params = network.initial_params(&*InitConfig::all()[0], 1);
    let (mut ws, mut grads) = (network.workspace(1), vec![0.0; params.len()]);
    let mut state = optimizer.init(&params);
    let mut path = params.clone();
    for t in 0..rows.len() - 1 {
        let pass = Pass::train(1, 1, t as u64);
        ws.input_mut(1).copy_from_slice(samples.input(0));
        network.forward(&params, &[], pass, &mut ws);
        let (output, grad) = ws.output_and_grad(1);
        let height = loss.eval(output, 1, samples.targets(0..1), 1.0, Some(grad), None);
        assert!(height.is_finite());
        network.backward(&params, &[], pass, &mut ws, Some(&mut grads), false);
        let (lr, slots, oracle) = (optimizer.lr(), network.slots(), &mut Nobody);
        let (params, grads) = (&mut params, &mut grads);
        optimizer.step(
            &mut state,
            Update { step: t as u64 + 1, lr, params, grads, slots, oracle, team: &SingleThread },
        );
        path.extend_from_slice(params);
    }
    let mut check = Check::default();
    let want: Vec<f64> = rows.iter().flat_map(numbers).collect();
    check.tensor("params", &path, &want, Tol::Relative(1e-5));
    Ok(check)
}
