//! Reference cases of kind `toydata`: compares generated points with scikit-learn and TensorFlow Playground, and
//! sequence tasks with their definition.

use crate::harness::{Check, Report, Tensor, Tol, count, number, numbers, text};
use gradtui::engine::data::toy::Xor;
use gradtui::engine::data::{DataConfig, Labels, NoFiles, Samples};
use gradtui::registry::SettingValue as _;
use serde_json::Value;

#[test]
fn reference_toydata() {
    Report::all("toydata", run);
}

fn load(ron: &str) -> Samples {
    let source = DataConfig::parse(ron).unwrap_or_else(|e| panic!("{ron}: {e}"));
    source.load(&NoFiles, 7).unwrap_or_else(|e| panic!("{ron}: {e}")).samples
}

/// Labels as numbers, one after another.
fn labels(samples: &Samples) -> Vec<f64> {
    match &samples.labels {
        Labels::Classes { of, .. } | Labels::StepClasses { of, .. } => {
            of.iter().map(|&c| f64::from(c)).collect()
        }
        Labels::Values { of, .. } => of.iter().map(|&x| f64::from(x)).collect(),
    }
}

fn run(case: &Value) -> Result<Check, String> {
    let mut check = Check::default();
    let exact = Tol::Absolute(0.0);
    match text(&case["task"]) {
        "moons" => points(&mut check, case, &format!("Moons({}, noise: 0)", count(&case["n"])), false),
        "circles" => {
            let ron = format!("Circles({}, {:?}, noise: 0)", count(&case["n"]), number(&case["factor"]));
            points(&mut check, case, &ron, false);
        }
        "spiral" => points(&mut check, case, &format!("Spiral({}, noise: 0)", count(&case["n"])), true),
        "xor" => {
            let raw = Tensor::new(&case["raw"]).f32();
            let padded: Vec<f32> = raw.iter().map(|&x| Xor::padded(x)).collect();
            check.tensor("X", &padded, &Tensor::new(&case["X"]).data, Tol::Relative(1e-6));
            let classes: Vec<f64> =
                padded.chunks_exact(2).map(|p| 1.0 - 2.0 * f64::from(Xor::class(p[0], p[1]))).collect();
            check.tensor64("y", &classes, &numbers(&case["y"]["data"]), exact);
        }
        "adding" => {
            let answer = |steps: &[f64]| -> f64 { steps.chunks_exact(2).map(|s| s[0] * s[1]).sum() };
            let (values, markers) = (numbers(&case["values"]), numbers(&case["markers"]));
            let steps: Vec<f64> = values.iter().zip(&markers).flat_map(|(&v, &m)| [v, m]).collect();
            check.tensor64("target", &[answer(&steps)], &[number(&case["target"])], Tol::Relative(1e-12));
            let ours = load(&format!("Adding(50, {})", values.len()));
            for (i, &label) in labels(&ours).iter().enumerate() {
                let steps: Vec<f64> = ours.input(i).iter().map(|&x| f64::from(x)).collect();
                check.tensor64("sum", &[label], &[answer(&steps)], Tol::Absolute(1e-6));
                let marked: Vec<usize> = (0..values.len()).filter(|t| steps[2 * t + 1] == 1.0).collect();
                let half = values.len() / 2;
                check
                    .holds("a mark in each half", marked.len() == 2 && marked[0] < half && marked[1] >= half);
            }
        }
        "copy" => {
            let delay = count(&case["T"]);
            let answer = |input: &[f64]| -> Vec<f64> {
                let symbols = &input[..10];
                std::iter::repeat_n(0.0, delay + 10).chain(symbols.iter().copied()).collect()
            };
            let input = numbers(&case["input"]);
            check.tensor64("target", &answer(&input), &numbers(&case["target"]), exact);
            let ours = load(&format!("Copy(40, {delay})"));
            for (i, label) in labels(&ours).chunks_exact(input.len()).enumerate() {
                let steps = ours.input(i).chunks_exact(10);
                let symbols: Vec<f64> =
                    steps.map(|s| s.iter().position(|&x| x == 1.0).map_or(-1.0, |k| k as f64)).collect();
                check.tensor64("copy", label, &answer(&symbols), exact);
                check.tensor64("silence and signal", &symbols[10..], &input[10..], exact);
                check.holds("letters", symbols[..10].iter().all(|s| (1.0..=8.0).contains(s)));
            }
        }
        "parity" => {
            let answer = |bits: &[f64]| -> Vec<f64> {
                bits.iter()
                    .scan(0.0, |odd, b| {
                        *odd = f64::from(*odd != *b);
                        Some(*odd)
                    })
                    .collect()
            };
            each(&mut check, case, "Parity(40, {n})", answer);
        }
        "delayed_echo" => {
            let delay = count(&case["delay"]);
            let answer = |x: &[f64]| -> Vec<f64> {
                (0..x.len()).map(|t| if t < delay { 0.0 } else { x[t - delay] }).collect()
            };
            each(&mut check, case, &format!("DelayedEcho(40, {{n}}, {delay})"), answer);
        }
        other => return Err(format!("no task {other}")),
    }
    Ok(check)
}

/// Points of the plane and their classes; Playground's labels 1 and -1 are classes 0 and 1.
fn points(check: &mut Check, case: &Value, ron: &str, signs: bool) {
    let ours = load(ron);
    check.tensor("X", &ours.inputs, &Tensor::new(&case["X"]).data, Tol::Relative(1e-6));
    let sign = |c: f64| if signs { 1.0 - 2.0 * c } else { c };
    let classes: Vec<f64> = labels(&ours).into_iter().map(sign).collect();
    check.tensor64("y", &classes, &numbers(&case["y"]["data"]), Tol::Absolute(0.0));
}

/// One number in and one out at every step: the case's own sequence, and ours of the same length.
fn each(check: &mut Check, case: &Value, ron: &str, answer: impl Fn(&[f64]) -> Vec<f64>) {
    let input = numbers(&case["input"]);
    check.tensor64("target", &answer(&input), &numbers(&case["target"]), Tol::Absolute(0.0));
    let ours = load(&ron.replace("{n}", &input.len().to_string()));
    for (i, label) in labels(&ours).chunks_exact(input.len()).enumerate() {
        let steps: Vec<f64> = ours.input(i).iter().map(|&x| f64::from(x)).collect();
        check.tensor64("ours", label, &answer(&steps), Tol::Absolute(0.0));
    }
}
