//! Reference cases of kind `optimizers`: fifty steps of every method on three problems, weight by weight.

use crate::harness::{Check, Report, Tensor, Tol, count, files, list, number, numbers, text};
use gradtui::engine::layer::Fill;
use gradtui::engine::network::Slot;
use gradtui::engine::optim::{OptimizerConfig, OptimizerState, Oracle, Update};
use gradtui::engine::team::SingleThread;
use gradtui::registry::SettingValue as _;
use serde_json::Value;

#[test]
fn reference_optimizers() {
    let mut report = Report::new("optimizers");
    for file in files("optimizers") {
        let problem = Problem::new(&file["problem"]);
        for case in list(&file["cases"]) {
            let name = format!("{}.{}", text(&file["problem"]["id"]), text(&case["name"]));
            report.case(&name, run(&problem, count(&file["steps"]), case));
        }
    }
    report.finish();
}

/// The source of gradients.
pub enum Problem {
    Rosenbrock { a: f64, b: f64 },
    Quadratic { matrix: Vec<f64>, b: Vec<f64> },
    Recorded(Vec<Vec<f32>>),
    Beale,
    Himmelblau,
}

impl Problem {
    pub fn new(p: &Value) -> Self {
        match text(&p["id"]) {
            "rosenbrock" => Self::Rosenbrock { a: number(&p["a"]), b: number(&p["b"]) },
            "quadratic" => {
                Self::Quadratic { matrix: Tensor::new(&p["A"]).data, b: Tensor::new(&p["b"]).data }
            }
            "recorded" => {
                Self::Recorded(list(&p["gradients"]).iter().map(|g| Tensor::new(g).f32()).collect())
            }
            "beale" => Self::Beale,
            "himmelblau" => Self::Himmelblau,
            other => panic!("no problem {other}"),
        }
    }

    /// Value and gradient; a recorded gradient has no value and depends on the step only.
    pub fn eval(&self, step: usize, p: &[f32]) -> (Option<f64>, Vec<f32>) {
        use gradtui::engine::surface::Surface;
        let x: Vec<f64> = p.iter().map(|&x| f64::from(x)).collect();
        let surface = |s: Surface| {
            let t = s.at(x[0], x[1]);
            (Some(t.value), t.gradient.map(|g| g as f32).to_vec())
        };
        match self {
            Self::Recorded(g) => (None, g[step].clone()),
            Self::Rosenbrock { a, b } => {
                let bend = x[1] - x[0] * x[0];
                let gradient = [-2.0 * (a - x[0]) - 4.0 * b * x[0] * bend, 2.0 * b * bend];
                (Some((a - x[0]).powi(2) + b * bend * bend), gradient.map(|g| g as f32).to_vec())
            }
            Self::Quadratic { matrix, b } => {
                let row = |r: &[f64]| r.iter().zip(&x).map(|(a, x)| a * x).sum::<f64>();
                let product: Vec<f64> = matrix.chunks(x.len()).map(row).collect();
                let value = product.iter().zip(&x).zip(b).map(|((ax, x), b)| 0.5 * ax * x - b * x).sum();
                (Some(value), product.iter().zip(b).map(|(ax, b)| (ax - b) as f32).collect())
            }
            Self::Beale => surface(Surface::Beale),
            Self::Himmelblau => surface(Surface::Himmelblau),
        }
    }

    /// Diagonal of the Hessian, if it is known.
    fn curvature(&self, p: &[f32]) -> Vec<f32> {
        let (x, y) = (f64::from(p[0]), f64::from(p[1]));
        match self {
            Self::Rosenbrock { b, .. } => {
                vec![(2.0 - 4.0 * b * y + 12.0 * b * x * x) as f32, (2.0 * b) as f32]
            }
            Self::Quadratic { matrix, b } => (0..b.len()).map(|i| matrix[i * b.len() + i] as f32).collect(),
            _ => panic!("a curvature from the case expected"),
        }
    }
}

/// An oracle that is never asked.
pub struct Nobody;

impl Oracle for Nobody {
    fn gradient(&mut self, _: &[f32], _: &mut [f32]) -> f32 {
        unreachable!("this method looks nowhere else")
    }
}

/// Tensors one after another.
pub fn slots(shapes: &[Vec<usize>]) -> Vec<Slot> {
    let mut start = 0;
    let slot = |shape: &Vec<usize>| {
        let range = start..start + shape.iter().product::<usize>();
        start = range.end;
        Slot { layer: 0, name: "weight", shape: shape.clone(), range, fill: Fill::Constant(0.0) }
    };
    shapes.iter().map(slot).collect()
}

/// The optimizer of a case in a scenario's syntax.
pub fn config(case: &Value) -> Result<OptimizerConfig, String> {
    let h = &case["hyper"];
    let has = |key: &str| h.get(key).is_some_and(|v| !v.is_null());
    let x = |key: &str| number(&h[key]);
    let or = |key: &str, default: f64| if has(key) { x(key) } else { default };
    let flag = |key: &str| h[key].as_bool().unwrap_or(false);
    let pair = |key: &str| {
        let v = numbers(&h[key]);
        (v[0], v[1])
    };
    let betas = || if has("betas") { pair("betas") } else { (x("b1"), x("b2")) };
    let lr = if has("lr") { x("lr") } else { x("learning_rate") };
    let wd = or("weight_decay", 0.0);
    let common = format!("lr: {lr:?}, weight_decay: {wd:?}");
    let adam =
        |name: &str, more: &str| format!("{name}({common}, betas: {:?}, eps: {:?}{more})", betas(), x("eps"));
    let algorithm = text(&case["algorithm"]);
    let ron = match algorithm {
        "SGD" if flag("nesterov") => format!("Nesterov({common}, momentum: {:?})", x("momentum")),
        "SGD" if or("momentum", 0.0) > 0.0 => {
            format!(
                "Momentum({common}, momentum: {:?}, dampening: {:?})",
                x("momentum"),
                or("dampening", 0.0)
            )
        }
        "SGD" | "sgd" => format!("Sgd({common})"),
        "Adagrad" => format!(
            "Adagrad({common}, lr_decay: {:?}, eps: {:?}, initial_accumulator_value: {:?})",
            x("lr_decay"),
            x("eps"),
            x("initial_accumulator_value")
        ),
        "Adadelta" => format!("Adadelta({common}, rho: {:?}, eps: {:?})", x("rho"), x("eps")),
        "RMSprop" => format!(
            "RmsProp({common}, alpha: {:?}, eps: {:?}, centered: {}, momentum: {:?})",
            x("alpha"),
            x("eps"),
            flag("centered"),
            or("momentum", 0.0)
        ),
        "Adam" | "AdamW" => adam(algorithm, &format!(", amsgrad: {}", flag("amsgrad"))),
        "adam" => adam("Adam", ""),
        "NAdam" => adam("NAdam", &format!(", momentum_decay: {:?}", x("momentum_decay"))),
        "RAdam" | "Adamax" => adam(algorithm, ""),
        "Rprop" => {
            format!("Rprop(lr: {lr:?}, etas: {:?}, step_sizes: {:?})", pair("etas"), pair("step_sizes"))
        }
        "ASGD" => {
            format!("Asgd({common}, lambd: {:?}, alpha: {:?}, t0: {:?})", x("lambd"), x("alpha"), x("t0"))
        }
        "lion" => format!("Lion({common}, betas: {:?})", betas()),
        "lamb" => adam("Lamb", ""),
        "lars" => format!(
            "Lars({common}, trust_coefficient: {:?}, eps: {:?}, momentum: {:?})",
            x("trust_coefficient"),
            or("eps", 0.0),
            x("momentum")
        ),
        "adabelief" => adam("AdaBelief", &format!(", eps_root: {:?}", x("eps_root"))),
        "adan" => format!(
            "Adan({common}, betas: {:?}, eps: {:?}, eps_root: {:?})",
            (x("b1"), x("b2"), x("b3")),
            x("eps"),
            x("eps_root")
        ),
        "muon" => format!(
            "Muon({common}, beta: {:?}, nesterov: {}, ns_steps: {}, ns_coeffs: ({}), eps: {:?})",
            x("beta"),
            flag("nesterov"),
            count(&h["ns_steps"]),
            numbers(&h["ns_coeffs"]).iter().map(|c| format!("{c:?}")).collect::<Vec<_>>().join(", "),
            x("eps")
        ),
        "schedule_free_sgd" | "schedule_free_adamw" => {
            let warmup = or("warmup_steps", 0.0) as usize;
            let tail = format!("warmup_steps: {warmup}, weight_lr_power: {:?}", x("weight_lr_power"));
            if algorithm == "schedule_free_sgd" {
                format!("ScheduleFreeSgd({common}, b1: {:?}, {tail})", x("b1"))
            } else {
                adam("ScheduleFreeAdamW", &format!(", {tail}"))
            }
        }
        "prodigy" => adam(
            "Prodigy",
            &format!(", estim_lr0: {:?}, estim_lr_coef: {:?}", x("estim_lr0"), x("estim_lr_coef")),
        ),
        "sophia" => adam(
            "Sophia",
            &format!(
                ", gamma: {:?}, clip_threshold: {:?}, update_interval: {}",
                x("gamma"),
                x("clip_threshold"),
                count(&h["update_interval"])
            ),
        ),
        "yogi" => format!("Yogi(lr: {lr:?}, betas: {:?}, eps: {:?})", betas(), x("eps")),
        "novograd" => adam("NovoGrad", ""),
        "sign_sgd" => format!("SignSgd(lr: {lr:?})"),
        other => return Err(format!("no optimizer for {other}")),
    };
    OptimizerConfig::parse(&ron).map_err(|e| format!("{ron}: {e}"))
}

/// Rows of one width as one tensor.
fn rows(v: &Value) -> Vec<f64> {
    list(v).iter().flat_map(numbers).collect()
}

fn run(problem: &Problem, steps: usize, case: &Value) -> Result<Check, String> {
    let optimizer = config(case)?;
    let shape: Vec<usize> = list(&case["shape"]).iter().map(count).collect();
    let slots = slots(std::slice::from_ref(&shape));
    let mut p: Vec<f32> = numbers(&list(&case["params"])[0]).iter().map(|&x| x as f32).collect();
    let width = p.len();
    let mut state = optimizer.init(&p);
    let averaged = |state: &OptimizerState, p: &[f32]| optimizer.eval_params(state).unwrap_or(p).to_vec();
    let (mut path, mut average, mut losses) = (p.clone(), averaged(&state, &p), Vec::new());
    for t in 0..steps {
        let (loss, mut grads) = problem.eval(t, &p);
        losses.extend(loss);
        let update = Update {
            step: t as u64 + 1,
            lr: optimizer.lr(),
            params: &mut p,
            grads: &mut grads,
            slots: &slots,
            oracle: &mut Nobody,
            team: &SingleThread,
        };
        match &optimizer {
            OptimizerConfig::Sophia(sophia) => sophia.step_with(&mut state, update, |p, _, out| {
                let given = case.get("hessian_diag").map(|h| numbers(&list(h)[t]));
                let exact = |h: Vec<f64>| h.iter().map(|&h| h as f32).collect();
                out[0].copy_from_slice(&given.map_or_else(|| problem.curvature(p), exact));
            }),
            _ => optimizer.step(&mut state, update),
        }
        path.extend_from_slice(&p);
        average.extend_from_slice(&averaged(&state, &p));
    }
    losses.extend(problem.eval(steps - 1, &p).0);

    // In f32 Prodigy's first estimates determine all later ones, so only the beginning can be compared.
    let algorithm = text(&case["algorithm"]);
    let compared = if algorithm == "prodigy" { steps.min(10) + 1 } else { steps + 1 };
    let tol = Tol::Relative(if algorithm == "sophia" { 1e-4 } else { 1e-5 });
    let mut check = Check::default();
    let want = rows(&case["params"]);
    check.tensor("params", &path[..compared * width], &want[..compared * width], tol);
    if case.get("loss").is_some() {
        check.tensor64("loss", &losses[..compared], &numbers(&case["loss"])[..compared], tol);
    }
    if case.get("eval_params").is_some() {
        check.holds("it is evaluated elsewhere", optimizer.eval_params(&state).is_some());
        check.tensor("eval_params", &average, &rows(&case["eval_params"]), tol);
    }
    Ok(check)
}
