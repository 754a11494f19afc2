//! Reference cases of kind `optimizers_extra`: L-BFGS, several tensors at once, and the iteration of Newton and Schulz.

use crate::harness::{Check, Report, Tensor, Tol, count, list, number, numbers, text};
use crate::optimizers::{Nobody, Problem, config, slots};
use gradtui::engine::clip::{Clip as _, norm::Norm};
use gradtui::engine::kernel;
use gradtui::engine::optim::lbfgs::{Lbfgs, LineSearch, precondition};
use gradtui::engine::optim::muon::{Form, orthogonalise};
use gradtui::engine::optim::{Optimizer, Oracle, Update};
use gradtui::engine::team::SingleThread;
use serde_json::Value;

const TOL: Tol = Tol::Relative(1e-5);

#[test]
fn reference_optimizers_extra() {
    Report::all("optimizers_extra", |case| match text(&case["test"]) {
        "lbfgs_torch" | "lbfgs_scipy" => Ok(lbfgs(case)),
        "lbfgs_direction" => Ok(direction(case)),
        "newton_schulz" => Ok(newton_schulz(case)),
        "multi_tensor" => multi_tensor(case),
        other => Err(format!("no test {other}")),
    });
}

impl Oracle for &Problem {
    fn gradient(&mut self, params: &[f32], grads: &mut [f32]) -> f32 {
        let (value, gradient) = self.eval(0, params);
        grads.copy_from_slice(&gradient);
        value.expect("a problem with a value") as f32
    }
}

fn norm(g: &[f32]) -> f64 {
    kernel::sum_sq_f64(g).sqrt()
}

fn lbfgs(case: &Value) -> Check {
    let mut check = Check::default();
    let problem = Problem::new(&case["problem"]);
    let h = &case["hyper"];
    let searches = h["line_search"].as_str() != Some("none");
    let optimizer = Lbfgs {
        lr: h["lr"].as_f64().unwrap_or(1.0),
        history_size: h["history_size"].as_u64().unwrap_or(10) as usize,
        line_search: if searches { LineSearch::StrongWolfe } else { LineSearch::None },
        ..Lbfgs::default()
    };
    let said = case.get("iterations").unwrap_or(&case["iterations_to_grad_norm_1e-7"]);
    // The reference may have stopped before its gradient was that small: then the length of its path counts.
    let iterations = if said.is_null() { list(&case["params"]).len() - 1 } else { count(said) };
    let mut p = Tensor::new(&case["x0"]).f32();
    let slots = slots(&[vec![p.len()]]);
    let mut state = optimizer.init(&p);
    let (mut path, mut losses, mut slopes) = (p.clone(), Vec::new(), Vec::new());
    for t in 1..=2 * iterations {
        let (loss, mut grads) = problem.eval(0, &p);
        losses.extend(loss);
        slopes.push(norm(&grads));
        let (lr, oracle) = (optimizer.lr, &mut &problem);
        optimizer.step(
            &mut state,
            Update {
                step: t as u64,
                lr,
                params: &mut p,
                grads: &mut grads,
                slots: &slots,
                oracle,
                team: &SingleThread,
            },
        );
        path.extend_from_slice(&p);
    }
    let (last, gradient) = problem.eval(0, &p);
    losses.extend(last);
    slopes.push(norm(&gradient));
    if searches {
        // In f64 the gradient falls below 1e-7, or as far as the reference's; in f32 as far as the rounding of the
        // weights allows.
        let least = |slopes: &[f64]| slopes.iter().copied().fold(f64::INFINITY, f64::min) / slopes[0];
        let wanted = if said.is_null() { least(&numbers(&case["grad_norm"])) } else { 0.0 };
        let beyond = (least(&slopes) - wanted).max(0.0);
        check.number("1 + least gradient norm over the first", 1.0 + beyond, 1.0, 1e-5);
        let range = losses[0] - losses.iter().copied().fold(f64::INFINITY, f64::min);
        let rise = losses.windows(2).map(|w| w[1] - w[0]).fold(0.0, f64::max);
        check.number("1 + largest rise of the loss", 1.0 + rise / range, 1.0, 1e-6);
    } else {
        let want: Vec<f64> = list(&case["params"]).iter().flat_map(numbers).collect();
        check.tensor("params", &path[..want.len()], &want, TOL);
    }
    if let Some(x) = case.get("x") {
        check.tensor("x", &p, &Tensor::new(x).data, Tol::Relative(1e-3));
    }
    check
}

fn direction(case: &Value) -> Check {
    let mut check = Check::default();
    let tensors = |key: &str| list(&case[key]).iter().map(|v| Tensor::new(v).f32()).collect::<Vec<_>>();
    let (x, g) = (tensors("x"), tensors("grad"));
    let memory = count(&case["hyper"]["memory_size"]);
    let mut ring = (vec![vec![0.0f32; x[0].len()]; memory], vec![vec![0.0f32; x[0].len()]; memory]);
    let mut gamma = (1.0 / norm(&g[0])).min(1.0);
    for k in 0..x.len() {
        if k > 0 {
            let at = (k - 1) % memory;
            kernel::map2(&x[k], &x[k - 1], &mut ring.0[at], |a, b| a - b);
            kernel::map2(&g[k], &g[k - 1], &mut ring.1[at], |a, b| a - b);
            gamma = kernel::dot_f64(&ring.0[at], &ring.1[at]) / kernel::sum_sq_f64(&ring.1[at]);
        }
        let mut d = g[k].clone();
        precondition(&mut d, &ring.0, &ring.1, k.min(memory), k % memory, gamma, &mut vec![0.0; memory]);
        check.tensor(
            &format!("preconditioned[{k}]"),
            &d,
            &Tensor::new(&list(&case["preconditioned"])[k]).data,
            TOL,
        );
    }
    check
}

fn newton_schulz(case: &Value) -> Check {
    let mut check = Check::default();
    let (h, g) = (&case["hyper"], Tensor::new(&case["G"]));
    let c = numbers(&h["coeffs"]);
    let mut x = g.f32();
    let mut scratch = [x.clone(), x.clone(), x.clone()];
    let scratch = scratch.each_mut().map(Vec::as_mut_slice);
    let steps = count(&h["steps"]);
    orthogonalise(
        &mut x,
        (g.shape[0], g.shape[1]),
        (c[0], c[1], c[2]),
        steps,
        number(&h["eps"]),
        Form::Optax,
        scratch,
        &|| false,
    );
    check.tensor("X", &x, &Tensor::new(&case["X"]).data, TOL);
    check
}

fn multi_tensor(case: &Value) -> Result<Check, String> {
    let optimizer = config(case)?;
    let mut check = Check::default();
    let shapes = case["shapes"].as_object().expect("shapes by name");
    let names: Vec<&String> = shapes.keys().collect();
    let slots = slots(&shapes.values().map(|s| list(s).iter().map(count).collect()).collect::<Vec<_>>());
    let joined = |key: &str, t: usize| -> Vec<f32> {
        names.iter().flat_map(|&n| numbers(&list(&case[key][n])[t])).map(|x| x as f32).collect()
    };
    let clip = case.get("clip_by_global_norm").map(|max| Norm {
        max_norm: number(max),
        eps: 0.0,
        ..Norm::default()
    });
    let steps = list(&case["gradients"][names[0]]).len();
    let mut p = joined("params", 0);
    let mut state = optimizer.init(&p);
    let mut path = vec![p.clone()];
    for t in 0..steps {
        let mut grads = joined("gradients", t);
        if let Some(clip) = &clip {
            let norm = norm(&grads) as f32;
            clip.clip(&mut grads, norm, &p, &slots, &SingleThread);
        }
        let (lr, oracle) = (optimizer.lr(), &mut Nobody);
        optimizer.step(
            &mut state,
            Update {
                step: t as u64 + 1,
                lr,
                params: &mut p,
                grads: &mut grads,
                slots: &slots,
                oracle,
                team: &SingleThread,
            },
        );
        path.push(p.clone());
    }
    // In f32 Prodigy's first estimates determine all later ones, so only the beginning can be compared.
    let compared = if text(&case["algorithm"]) == "prodigy" { steps.min(10) + 1 } else { steps + 1 };
    for (name, slot) in names.iter().zip(&slots) {
        let got: Vec<f32> = path[..compared].iter().flat_map(|p| p[slot.range.clone()].to_vec()).collect();
        let want: Vec<f64> = list(&case["params"][*name])[..compared].iter().flat_map(numbers).collect();
        check.tensor(&format!("params.{name}"), &got, &want, TOL);
    }
    Ok(check)
}
