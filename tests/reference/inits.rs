//! Reference cases of kind `inits`: one draw of each tensor lies in its 5-sigma bands; orthogonality; PyTorch's gains.

use crate::harness::{Check, Report, count, files, list, number, text};
use gradtui::engine::init::{InitConfig, gain};
use gradtui::engine::rng::{Purpose, Stream};
use gradtui::registry::SettingValue as _;
use serde_json::Value;

#[test]
fn reference_inits() {
    let mut report = Report::new("inits");
    for file in files("inits") {
        for case in list(&file["cases"]) {
            report.case(text(&case["name"]), draw(case));
        }
        for case in list(&file["orthogonal"]) {
            report.case(text(&case["name"]), orthogonal(case));
        }
        for row in list(&file["gains"]) {
            let name = text(&row["nonlinearity"]);
            let mut check = Check::default();
            let outcome =
                gain(name, row["param"].as_f64()).ok_or_else(|| "no gain".to_string()).map(|found| {
                    check.number("gain", found, number(&row["gain"]), 1e-12);
                    check
                });
            report.case(&format!("gain_{name}"), outcome);
        }
    }
    report.finish();
}

fn config(case: &Value) -> Result<InitConfig, String> {
    let p = &case["params"];
    let x = |key: &str| number(&p[key]);
    let fan = || if text(&p["mode"]) == "fan_in" { "FanIn" } else { "FanOut" };
    let ron = match text(&case["init"]) {
        "zeros" => "Zeros()".into(),
        "normal" => format!("Normal(std: {:?}, mean: {:?})", x("std"), x("mean")),
        "uniform" => format!("Uniform(low: {:?}, high: {:?})", x("a"), x("b")),
        "xavier_uniform" => format!("XavierUniform(gain: {:?})", x("gain")),
        "xavier_normal" => format!("XavierNormal(gain: {:?})", x("gain")),
        "he_uniform" => format!("HeUniform(a: {:?}, mode: {})", x("a"), fan()),
        "he_normal" => format!("HeNormal(a: {:?}, mode: {})", x("a"), fan()),
        "lecun_uniform" => "LecunUniform()".into(),
        "lecun_normal" => "LecunNormal()".into(),
        "lecun_truncated_normal" => "LecunNormal(truncated: true)".into(),
        "torch_linear_default" | "torch_conv_default" | "torch_conv2d_default" => "TorchDefault()".into(),
        "orthogonal" => format!("Orthogonal(gain: {:?})", number(&case["gain"])),
        other => return Err(format!("no initialiser for {other}")),
    };
    InitConfig::parse(&ron).map_err(|e| format!("{ron}: {e}"))
}

fn filled(case: &Value, seed: u64) -> Result<Vec<f32>, String> {
    let shape: Vec<usize> = list(&case["shape"]).iter().map(count).collect();
    let mut out = vec![f32::NAN; shape.iter().product()];
    let receptive: usize = shape[2..].iter().product();
    let (fan_in, fan_out) = (shape[1] * receptive, shape[0] * receptive);
    if !case["fan_in"].is_null() {
        assert_eq!((fan_in, fan_out), (count(&case["fan_in"]), count(&case["fan_out"])), "fans of {shape:?}");
    }
    config(case)?.fill(&mut out, &shape, fan_in, fan_out, &mut Stream::new(seed, Purpose::Init, 0, 0));
    Ok(out)
}

fn draw(case: &Value) -> Result<Check, String> {
    let mut check = Check::default();
    let w: Vec<f64> = filled(case, 1)?.into_iter().map(f64::from).collect();
    let n = w.len() as f64;
    let mean = w.iter().sum::<f64>() / n;
    let std = (w.iter().map(|w| (w - mean) * (w - mean)).sum::<f64>() / n).sqrt();
    let band = |found: f64, key: &str, band: &str| (found - number(&case[key])).abs() <= number(&case[band]);
    check.holds(&format!("mean {mean:.3e} in its band"), band(mean, "mean", "mean_band_5sigma"));
    check.holds(&format!("std {std:.3e} in its band"), band(std, "std", "std_band_5sigma"));
    // The ends are exact numbers in f64; a draw may be rounded up to the next f32.
    let slack = 1.0 + 1e-6;
    if let (Some(low), Some(high)) = (case["low"].as_f64(), case["high"].as_f64()) {
        let reach = low.abs().max(high.abs()) * (slack - 1.0);
        check.holds("between its ends", w.iter().all(|&w| w >= low - reach && w <= high + reach));
        if high > low {
            let largest = w.iter().fold(f64::MIN, |m, &w| m.max(w));
            check.holds("reaches towards its end", largest > low + 0.7 * (high - low));
        }
    } else {
        let beyond = w.iter().filter(|w| (**w - mean).abs() > 2.0 * std).count() as f64 / n;
        check.holds("has tails", (0.02..0.08).contains(&beyond) || n < 500.0);
    }
    Ok(check)
}

fn orthogonal(case: &Value) -> Result<Check, String> {
    let mut check = Check::default();
    let w: Vec<f64> = filled(case, 2)?.into_iter().map(f64::from).collect();
    let matrix: Vec<usize> = list(&case["matrix_shape"]).iter().map(count).collect();
    let (rows, columns) = (matrix[0], matrix[1]);
    let of_rows = match text(&case["property"]) {
        "W W^T = gain^2 I" => true,
        "W^T W = gain^2 I" => false,
        other => return Err(format!("unknown property {other}")),
    };
    let gain = number(&case["gain"]);
    let (vectors, length) = if of_rows { (rows, columns) } else { (columns, rows) };
    let at = |v: usize, k: usize| if of_rows { w[v * columns + k] } else { w[k * columns + v] };
    let mut worst: f64 = 0.0;
    for (a, b) in (0..vectors).flat_map(|a| (0..vectors).map(move |b| (a, b))) {
        let dot: f64 = (0..length).map(|k| at(a, k) * at(b, k)).sum();
        worst = worst.max((dot - if a == b { gain * gain } else { 0.0 }).abs());
    }
    check.holds(&format!("orthogonal up to {worst:.1e}"), worst <= number(&case["tolerance_f32"]));
    let norm = w.iter().map(|w| w * w).sum::<f64>().sqrt();
    check.number("frobenius_norm", norm, number(&case["frobenius_norm"]), 1e-5);
    Ok(check)
}
