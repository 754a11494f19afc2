//! Reference cases of kind `losses`: values and gradients with respect to the input, including extreme logits.

use crate::harness::{Check, Report, Tensor, Tol, count, number, text};
use gradtui::engine::loss::{LossConfig, Targets};
use gradtui::registry::SettingValue as _;
use serde_json::Value;

const TOL: Tol = Tol::Relative(3e-6);

#[test]
fn reference_losses() {
    Report::all("losses", run);
}

fn run(case: &Value) -> Result<Check, String> {
    let kind = text(&case["loss"]);
    let a = &case["attrs"];
    let x = |key: &str| number(&a[key]);
    let ron = match kind {
        "softmax_cross_entropy" | "softmax_cross_entropy_soft" => {
            format!("CrossEntropy(label_smoothing: {:?})", x("label_smoothing"))
        }
        "bce_with_logits" => format!("Bce(pos_weight: {:?})", a["pos_weight"].as_f64().unwrap_or(1.0)),
        "mse" => "Mse()".into(),
        "mae" => "Mae()".into(),
        "huber" => format!("Huber(delta: {:?})", x("delta")),
        "smooth_l1" => format!("SmoothL1(beta: {:?})", x("beta")),
        "hinge" => "Hinge()".into(),
        "multi_margin" => format!("MultiMargin(margin: {:?}, p: {})", x("margin"), count(&a["p"])),
        other => return Err(format!("no loss for {other}")),
    };
    let loss = LossConfig::parse(&ron).map_err(|e| format!("{ron}: {e}"))?;
    let (input, target) = (Tensor::new(&case["input"]), Tensor::new(&case["target"]));
    let logits = input.f32();
    let width = *input.shape.last().expect("an axis");
    let classes = target.shape.len() < input.shape.len();
    let (labels, values) = (target.u32(), target.f32());
    let targets = if classes { Targets::Classes(&labels) } else { Targets::Values(&values) };
    let terms = loss.terms(&logits, width);

    let mut check = Check::default();
    let elementwise = Tensor::new(&case["elementwise"]);
    let (mut grad, mut each) = (vec![f32::NAN; logits.len()], vec![f32::NAN; elementwise.data.len()]);
    let sum = loss.eval(&logits, width, targets, 1.0, Some(&mut grad), Some(&mut each));
    check.number("value_sum", sum, number(&case["value_sum"]), 3e-6);
    check.number("value_mean", sum / terms as f64, number(&case["value_mean"]), 3e-6);
    check.tensor("elementwise", &each, &elementwise.data, TOL);
    check.tensor("grad_sum", &grad, &Tensor::new(&case["grad_sum"]).data, TOL);
    let alone = loss.eval(&logits, width, targets, 1.0, None, None);
    check.holds("the loss without a gradient is the same", alone == sum);
    loss.eval(&logits, width, targets, 1.0 / terms as f32, Some(&mut grad), None);
    check.tensor("grad_mean", &grad, &Tensor::new(&case["grad_mean"]).data, TOL);
    check.holds("all finite", grad.iter().chain(&each).all(|v| v.is_finite()) && sum.is_finite());
    Ok(check)
}
