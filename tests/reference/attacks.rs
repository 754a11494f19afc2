//! Reference cases of kind `attacks`, on the fixed networks of `attack_models`: perturbed inputs, verdicts, sizes,
//! sweeps.

use crate::harness::{Check, Report, Tensor, Tol, count, files, list, number, numbers, text};
use crate::nets::{Net, sample};
use gradtui::engine::attack::{
    AttackConfig, AttackScratch, AttackTask, RandomKey, ValidRange, Victim, distance, fooled, predicted,
};
use gradtui::registry::SettingValue as _;
use serde_json::Value;
use std::io::Read as _;

const UNIT: ValidRange<'static> = ValidRange::All(0.0, 1.0);

#[test]
fn reference_attacks() {
    let mut report = Report::new("attacks");
    for file in files("attacks") {
        for case in list(&file["cases"]) {
            let name = format!("{}.{}", text(&case["model"]), text(&case["name"]));
            report.case(&name, run(&file, case));
        }
    }
    report.finish();
}

#[test]
fn reference_attack_sweeps() {
    let mut report = Report::new("attack_models");
    for file in files("attack_models") {
        for case in list(&file["sweeps"]) {
            report.case(&format!("sweep of {}", text(&case["model"])), sweep(case));
        }
    }
    report.finish();
}

/// The fixed network of this name for images of this shape.
fn network(id: &str, shape: &[usize]) -> Result<Net, String> {
    let models: Vec<Value> =
        files("attack_models").iter().flat_map(|f| list(&f["models"]).to_vec()).collect();
    let model = models.iter().find(|m| text(&m["id"]) == id).ok_or(format!("no network {id}"))?;
    Net::new(sample(shape).1, &model["layers"], &model["weights"], &Value::Null)
}

/// An attack in a scenario's syntax.
fn attack(kind: &str, h: &Value) -> Result<AttackConfig, String> {
    let x = |key: &str| number(&h[key]);
    let n = |key: &str| count(&h[key]);
    let steps = || format!("eps: {:?}, alpha: {:?}, steps: {}", x("eps"), x("alpha"), n("steps"));
    let ron = match kind {
        "fgsm" => format!("Fgsm(eps: {:?})", x("eps")),
        "bim" => format!("Bim({})", steps()),
        "pgd_linf" => format!("Pgd({}, random_start: false)", steps()),
        "pgd_l2" => {
            let small = x("eps_for_division");
            format!("PgdL2({}, random_start: false, eps_for_division: {small:?})", steps())
        }
        "mi_fgsm" => format!("MiFgsm({}, decay: {:?})", steps(), x("decay")),
        "deepfool" => format!("DeepFool(steps: {}, overshoot: {:?})", n("steps"), x("overshoot")),
        "cw_l2" => format!(
            "CarliniWagner(c: {:?}, kappa: {:?}, steps: {}, lr: {:?}, abort_early: true)",
            x("c"),
            x("kappa"),
            n("steps"),
            x("lr")
        ),
        other => return Err(format!("no attack for {other}")),
    };
    AttackConfig::parse(&ron).map_err(|e| format!("{ron}: {e}"))
}

/// A list of classes.
fn classes(v: &Value) -> Vec<u32> {
    list(v).iter().map(|c| count(c) as u32).collect()
}

fn run(file: &Value, case: &Value) -> Result<Check, String> {
    let kind = text(&case["attack"]);
    let attack = attack(kind, &case["hyper"])?;
    let images = Tensor::new(&file[text(&case["images"])]);
    let net = network(text(&case["model"]), &images.shape)?;
    let targeted = case["targeted"].as_bool().expect("a switch");
    let labels = if case["labels"].is_null() { &file["labels"] } else { &case["labels"] };
    let goal = classes(if targeted { &case["targets"] } else { labels });
    let (x, rows, size) = (images.f32(), goal.len(), images.data.len() / goal.len());
    let mut scratch = AttackScratch::new(&net.network, rows);
    let mut victim = Victim::new(&net.network, &net.params, &net.state, &mut scratch)?;
    let width = victim.classes();
    let mut check = Check::default();

    if !case["grad_x_of_mean_cross_entropy"].is_null() {
        let want = Tensor::new(&case["grad_x_of_mean_cross_entropy"]).data;
        let (_, grad) = victim.loss_gradient(&x, &goal, 1.0 / rows as f32);
        check.tensor("grad_x_of_mean_cross_entropy", grad, &want, Tol::Relative(1e-5));
    }
    let predictions =
        |logits: &[f32]| -> Vec<Option<u32>> { logits.chunks_exact(width).map(predicted).collect() };
    let clean: Vec<_> = classes(&case["clean_pred"]).into_iter().map(Some).collect();
    check.holds("clean_pred", predictions(victim.logits(&x)) == clean);

    let task = AttackTask { x: &x, classes: &goal, targeted, valid: UNIT, key: RandomKey::default() };
    let mut adv = vec![f32::NAN; x.len()];
    attack.perturb(&mut victim, &task, &mut adv);
    let tol = if kind == "pgd_l2" { 5e-4 } else { 1e-5 };
    let want = Tensor::new(&case["adv"]);
    let stable: Vec<bool> =
        list(&case["f32_stable"]).iter().map(|s| s.as_bool().expect("a switch")).collect();
    let follow = |i: &usize| stable[*i];
    let pick = |data: &[f32]| -> Vec<f32> {
        (0..rows).filter(follow).flat_map(|i| data[i * size..(i + 1) * size].to_vec()).collect()
    };
    let pick64 = |data: &[f64], n: usize| -> Vec<f64> {
        (0..rows).filter(follow).flat_map(|i| data[i * n..(i + 1) * n].to_vec()).collect()
    };
    check.tensor("adv", &pick(&adv), &pick64(&want.data, size), Tol::Relative(tol));
    let sizes: Vec<_> =
        x.chunks_exact(size).zip(adv.chunks_exact(size)).map(|(a, b)| distance(a, b)).collect();
    let linf: Vec<f32> = sizes.iter().enumerate().filter(|(i, _)| stable[*i]).map(|(_, d)| d.linf).collect();
    let l2: Vec<f32> = sizes.iter().enumerate().filter(|(i, _)| stable[*i]).map(|(_, d)| d.l2).collect();
    // A perturbation is a difference of inputs near 1, so rounding matters more the smaller it is.
    check.tensor("linf", &linf, &pick64(&numbers(&case["linf"]), 1), Tol::Absolute(tol));
    check.tensor("l2", &l2, &pick64(&numbers(&case["l2"]), 1), Tol::Absolute(tol));
    check.holds("inputs stay in range", UNIT.excess(&adv, size) == 0.0);

    let margins = numbers(&case["margin"]);
    let verdicts = list(&case["success"]).iter().map(|s| s.as_bool().expect("a switch"));
    let adv_pred = classes(&case["adv_pred"]);
    let logits = victim.logits(&adv);
    for (i, ((z, want), margin)) in logits.chunks_exact(width).zip(verdicts).zip(&margins).enumerate() {
        if margin.abs() > 1e-3 {
            check.holds(&format!("success[{i}]"), fooled(z, goal[i], targeted) == want);
            check.holds(&format!("adv_pred[{i}]"), predicted(z) == Some(adv_pred[i]));
        }
    }
    // The logits of the reference's own result, so that errors do not count twice.
    let logits = victim.logits(&want.f32());
    check.tensor("adv_logits", logits, &Tensor::new(&case["adv_logits"]).data, Tol::Relative(1e-5));
    Ok(check)
}

/// A file of the digits from its gzipped IDX form: the sizes and the bytes.
fn idx(name: &str) -> (Vec<usize>, Vec<u8>) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("assets").join(name);
    let packed = std::fs::read(path).expect("the digits");
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(packed.as_slice()).read_to_end(&mut bytes).expect("gzip");
    let axes = usize::from(bytes[3]);
    let size =
        |i: usize| u32::from_be_bytes(bytes[4 + 4 * i..8 + 4 * i].try_into().expect("four bytes")) as usize;
    ((0..axes).map(size).collect(), bytes[4 + 4 * axes..].to_vec())
}

fn sweep(case: &Value) -> Result<Check, String> {
    let (shape, pixels) = idx("digits-images-idx3-ubyte.gz");
    let (_, all_labels) = idx("digits-labels-idx1-ubyte.gz");
    let size = shape[1] * shape[2];
    let chosen: Vec<usize> = list(&case["digits_indices"]).iter().map(count).collect();
    let image = |&i: &usize| pixels[i * size..(i + 1) * size].iter().map(|&p| f32::from(p) / 16.0);
    let x: Vec<f32> = chosen.iter().flat_map(image).collect();
    let labels: Vec<u32> = chosen.iter().map(|&i| u32::from(all_labels[i])).collect();
    let net = network(text(&case["model"]), &[chosen.len(), 1, shape[1], shape[2]])?;
    let mut scratch = AttackScratch::new(&net.network, chosen.len());
    let mut victim = Victim::new(&net.network, &net.params, &net.state, &mut scratch)?;
    let width = victim.classes();
    let mut adv = vec![0.0; x.len()];
    let mut correct = |attack: &str, step: u64| -> Result<f64, String> {
        let attack = AttackConfig::parse(attack).map_err(|e| format!("{attack}: {e}"))?;
        let key = RandomKey { seed: 1, step, first: 0 };
        attack.perturb(
            &mut victim,
            &AttackTask { x: &x, classes: &labels, targeted: false, valid: UNIT, key },
            &mut adv,
        );
        let rows = victim.logits(&adv).chunks_exact(width).zip(&labels);
        Ok(rows.filter(|(z, label)| predicted(z) == Some(**label)).count() as f64)
    };
    let mut check = Check::default();
    let column = |key: &str| numbers(&case[key]);
    let (fgsm, pgd) = (column("fgsm_correct"), column("pgd_linf_20_steps_alpha_eps_over_8_correct"));
    let (mean, std) = (column("noise_correct_mean"), column("noise_correct_std"));
    let draws = count(&case["noise_draws"]);
    for (i, eps) in column("eps").into_iter().enumerate() {
        let got = correct(&format!("Fgsm(eps: {eps:?})"), 0)?;
        check.tensor64(&format!("fgsm at {eps}"), &[got], &fgsm[i..=i], Tol::Absolute(2.0));
        let got = correct(
            &format!("Pgd(eps: {eps:?}, alpha: {:?}, steps: 20, random_start: false)", eps / 8.0),
            0,
        )?;
        check.tensor64(&format!("pgd at {eps}"), &[got], &pgd[i..=i], Tol::Absolute(2.0));
        let mut sum = 0.0;
        for step in 0..draws {
            sum += correct(&format!("UniformNoise(eps: {eps:?})"), step as u64)?;
        }
        let allowed = 5.0 * std[i] + 1.0;
        check.tensor64(
            &format!("noise at {eps}"),
            &[sum / draws as f64],
            &mean[i..=i],
            Tol::Absolute(allowed),
        );
    }
    Ok(check)
}
