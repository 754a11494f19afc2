//! Reference cases of kind `clipping`: gradients of several tensors before and after each rule.

use crate::harness::{Check, Report, Tensor, Tol, number, text};
use crate::optimizers::slots;
use gradtui::engine::clip::ClipConfig;
use gradtui::engine::kernel;
use gradtui::engine::team::SingleThread;
use gradtui::registry::SettingValue as _;
use serde_json::Value;

const TOL: Tol = Tol::Relative(3e-6);

#[test]
fn reference_clipping() {
    Report::all("clipping", run);
}

fn run(case: &Value) -> Result<Check, String> {
    let h = &case["hyper"];
    let x = |key: &str| number(&h[key]);
    let ron = match text(&case["method"]) {
        "global_norm" => {
            let norm = match (h["norm_type"].as_str(), h["norm_type"].as_f64()) {
                (Some("inf"), _) => "Inf",
                (_, Some(1.0)) => "L1",
                (_, Some(2.0)) => "L2",
                (_, Some(3.0)) => "L3",
                other => return Err(format!("no norm {other:?}")),
            };
            format!("Norm(max_norm: {:?}, norm_type: {norm}, eps: {:?})", x("max_norm"), x("eps"))
        }
        "value" => format!("Value(clip_value: {:?})", x("clip_value")),
        "per_tensor_norm" => format!("PerLayer(max_norm: {:?}, eps: {:?})", x("max_norm"), x("eps")),
        "per_tensor_rms" => format!("PerLayerRms(threshold: {:?})", x("threshold")),
        "adaptive" => format!("Adaptive(clipping: {:?}, eps: {:?})", x("clipping"), x("eps")),
        other => return Err(format!("no clip for {other}")),
    };
    let clip = ClipConfig::parse(&ron).map_err(|e| format!("{ron}: {e}"))?;
    let names: Vec<&String> = case["grads"].as_object().expect("gradients by name").keys().collect();
    let tensors = |key: &str| names.iter().map(|&n| Tensor::new(&case[key][n])).collect::<Vec<_>>();
    let grads = tensors("grads");
    let slots = slots(&grads.iter().map(|t| t.shape.clone()).collect::<Vec<_>>());
    let before: Vec<f32> = grads.iter().flat_map(Tensor::f32).collect();
    let params: Vec<f32> = match case.get("params") {
        Some(_) => tensors("params").iter().flat_map(Tensor::f32).collect(),
        None => vec![0.0; before.len()],
    };
    let mut after = before.clone();
    let norm = kernel::sum_sq_f64(&before).sqrt() as f32;
    let changed = clip.clip(&mut after, norm, &params, &slots, &SingleThread);

    let mut check = Check::default();
    for ((name, slot), want) in names.iter().zip(&slots).zip(tensors("clipped")) {
        check.tensor(&format!("clipped.{name}"), &after[slot.range.clone()], &want.data, TOL);
    }
    check.holds("it says whether it changed anything", changed == (before != after));
    check.holds("all finite", after.iter().all(|g| g.is_finite()));
    Ok(check)
}
