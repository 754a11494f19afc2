//! Reference cases of kind `schedules`: the rate of every step, in f64.

use crate::harness::{Check, Report, Tol, count, number, numbers, text};
use gradtui::engine::schedule::{ScheduleConfig, SchedulePoint};
use gradtui::registry::SettingValue as _;
use serde_json::Value;

#[test]
fn reference_schedules() {
    Report::all("schedules", run);
}

/// The schedule of a case in a scenario's syntax, and the base rate.
fn config(case: &Value) -> Result<(ScheduleConfig, f64), String> {
    let h = &case["hyper"];
    let x = |key: &str| number(&h[key]);
    let n = |key: &str| count(&h[key]);
    // The base rate has several names in the cases.
    let base = ["base_lr", "init_value", "peak_value", "factor"].into_iter();
    let kind = text(&case["schedule"]);
    let base = match kind {
        "warmup_cosine" => x("peak_value"),
        "one_cycle" => x("max_lr"),
        _ => number(base.clone().find_map(|key| h.get(key)).ok_or("no base rate")?),
    };
    let ron = match kind {
        "constant" => "Constant()".into(),
        "step" => format!("Step(step_size: {}, gamma: {:?})", n("step_size"), x("gamma")),
        "multistep" => {
            let milestones: Vec<usize> = numbers(&h["milestones"]).iter().map(|&m| m as usize).collect();
            format!("MultiStep(milestones: {milestones:?}, gamma: {:?})", x("gamma"))
        }
        "exponential" => format!("Exponential(gamma: {:?})", x("gamma")),
        "cosine" => format!("Cosine(t_max: {}, eta_min: {:?})", n("t_max"), x("eta_min")),
        "cosine_decay_clamped" => format!(
            "CosineClamped(decay_steps: {}, alpha: {:?}, exponent: {:?})",
            n("decay_steps"),
            x("alpha"),
            x("exponent")
        ),
        "cosine_warm_restarts" => {
            format!("CosineRestarts(t_0: {}, t_mult: {}, eta_min: {:?})", n("t_0"), n("t_mult"), x("eta_min"))
        }
        "warmup_cosine" => format!(
            "WarmupCosine(init_value: {:?}, warmup_steps: {}, decay_steps: {}, end_value: {:?})",
            x("init_value"),
            n("warmup_steps"),
            n("decay_steps"),
            x("end_value")
        ),
        "one_cycle" => format!(
            "OneCycle(total_steps: {}, pct_start: {:?}, anneal_strategy: {}, div_factor: {:?}, final_div_factor: {:?}, three_phase: {})",
            n("total_steps"),
            x("pct_start"),
            if text(&h["anneal_strategy"]) == "cos" { "Cos" } else { "Linear" },
            x("div_factor"),
            x("final_div_factor"),
            h["three_phase"]
        ),
        "polynomial" => format!("Polynomial(total_iters: {}, power: {:?})", n("total_iters"), x("power")),
        "polynomial_end" => format!(
            "PolynomialEnd(end_value: {:?}, power: {:?}, transition_steps: {}, transition_begin: {})",
            x("end_value"),
            x("power"),
            n("transition_steps"),
            n("transition_begin")
        ),
        "inverse_sqrt" => format!("InverseSqrt(warmup_steps: {})", n("warmup_steps")),
        "noam" => format!("Noam(d_model: {}, warmup_steps: {})", n("d_model"), n("warmup_steps")),
        "linear" => format!(
            "Linear(start_factor: {:?}, end_factor: {:?}, total_iters: {})",
            x("start_factor"),
            x("end_factor"),
            n("total_iters")
        ),
        "cyclical" => format!(
            "Cyclical(max_factor: {:?}, step_size_up: {}, step_size_down: {}, mode: {}, gamma: {:?})",
            x("max_lr") / base,
            n("step_size_up"),
            n("step_size_down"),
            match text(&h["mode"]) {
                "triangular" => "Triangular",
                "triangular2" => "Triangular2",
                _ => "ExpRange",
            },
            h["gamma"].as_f64().unwrap_or(1.0)
        ),
        "reduce_on_plateau" => format!(
            "ReduceOnPlateau(mode: {}, factor: {:?}, patience: {}, threshold: {:?}, threshold_mode: {}, cooldown: {}, min_lr: {:?}, eps: {:?})",
            if text(&h["mode"]) == "min" { "Min" } else { "Max" },
            x("factor"),
            n("patience"),
            x("threshold"),
            if text(&h["threshold_mode"]) == "rel" { "Rel" } else { "Abs" },
            n("cooldown"),
            x("min_lr"),
            x("eps")
        ),
        other => return Err(format!("no schedule for {other}")),
    };
    Ok((ScheduleConfig::parse(&ron).map_err(|e| format!("{ron}: {e}"))?, base))
}

fn run(case: &Value) -> Result<Check, String> {
    let (schedule, base) = config(case)?;
    let want = numbers(&case["lr"]);
    let metrics = case.get("metrics").map(numbers);
    let (mut memory, mut got) = ([0.0; 4], Vec::new());
    for t in 0..want.len() {
        // No case depends on the length of the run; a wrong length here would show if a given length were ignored.
        got.push(schedule.lr(SchedulePoint { base, t: t as u64, total: 7 }, &memory));
        if let Some(metrics) = &metrics {
            schedule.report(base, metrics[t], &mut memory);
        }
    }
    let mut check = Check::default();
    check.tensor64("lr", &got, &want, Tol::Relative(1e-12));
    Ok(check)
}
