//! Tests with scenarios that could be misread silently: pictures in every format, a network that is written completely,
//! rare classes, batches too small for batch norm, losses of different kinds. Each is a file in `tests/cases`.

use gradtui::lab::files::Disk;
use gradtui::scenario::{Checked, inspect};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(name)
}

/// The scenario of this name after the check; its faults, if it has any.
fn checked(name: &str) -> Result<Checked, Vec<String>> {
    let path = path(name);
    let text = std::fs::read_to_string(&path).expect("a case");
    inspect(&text, &Disk::beside(&path)).map_err(|faults| faults.iter().map(ToString::to_string).collect())
}

/// Runs it; returns exit code, standard output, standard error.
fn run(name: &str, more: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gradtui"));
    let out = command.arg("run").arg(path(name)).args(more).stdin(Stdio::null()).output().expect("a start");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (out.status.code(), text(out.stdout), text(out.stderr))
}

/// The number after these words in the line of a lane or class.
fn after(text: &str, line: &str, words: &str) -> f64 {
    let line =
        text.lines().find(|l| l.trim_start().starts_with(line)).unwrap_or_else(|| panic!("{line}: {text}"));
    let rest = line.split(words).nth(1).unwrap_or_else(|| panic!("{words}: {line}"));
    rest.split_whitespace().next().and_then(|n| n.parse().ok()).unwrap_or_else(|| panic!("{rest}"))
}

#[test]
fn pictures_in_every_format_are_read() {
    let Checked { data, .. } = checked("formats.ron").expect("a good scenario");
    assert_eq!(data.train.len() + data.validation.len(), 20);
}

#[test]
fn a_network_is_taken_as_it_is_written() {
    let Checked { scenario, data, warnings } = checked("last-layer.ron").expect("a good scenario");
    let layers = |lane: usize| scenario.recipe(&scenario.lanes[lane]).layers(data.train.outputs()).len();
    assert_eq!([0, 1, 2].map(layers), [3, 3, 4], "none gets a Dense layer too many");
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    let (code, out, err) = run("last-layer.ron", &[]);
    assert_eq!(code, Some(0), "{err}");
    let accuracy = |lane| after(&out, lane, "val accuracy ");
    assert!(accuracy("follows") > 0.9 && accuracy("written") > 0.9, "{out}");
    // Hardly any gradient passes through two softmaxes; PyTorch reaches about 0.3 as well.
    assert!((0.1..0.6).contains(&accuracy("softmax")), "{out}");
    assert!(err.contains("leave Softmax() out"), "{err}");
}

#[test]
fn a_rare_class_is_told_by_itself_and_can_be_weighed() {
    // With its own seed both find two of the four rare validation samples, and `check` warns how coarse that is; over
    // several seeds the weighted lane finds more.
    let over = "median(weighted.val_recall) > median(plain.val_recall)";
    let (code, out, err) = run("rare.ron", &["--expect-seeds", "5", "--expect", over]);
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(err.contains("4 of it validate, so its recall moves by 25 %: seeds: 5 tells more"), "{err}");
    let (code, out, err) = run("rare.ron", &["--seed", "2", "--expect", "weighted.val_recall > 0.6"]);
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(out.contains("always 0, the most frequent class: val accuracy 0.9"), "{out}");
    // Every lane reports recall and precision of both classes.
    assert_eq!(out.matches("  recall ").count(), 4, "{out}");
    let recalls: Vec<f64> =
        out.lines().filter(|l| l.trim_start().starts_with("1 ")).map(|l| after(l, "1 ", "recall")).collect();
    assert!(recalls[1] > recalls[0] + 20.0, "{out}");
}

#[test]
fn the_last_lines_of_json_tell_every_number() {
    let last = |name: &str, more: &[&str]| {
        let (_, out, err) = run(name, &[&["--json"], more].concat());
        let lines = out.lines().filter(|l| l.contains("\"end\"") || l.contains("\"baseline\""));
        let read = |l| serde_json::from_str::<serde_json::Value>(l).unwrap_or_else(|e| panic!("{e}: {l}"));
        let all: Vec<_> = lines.map(read).collect();
        assert!(all.len() >= 2, "{out}{err}");
        all
    };
    let rare = last("rare.ron", &["--steps", "50"]);
    assert!(rare[0]["val_recall"].is_number() && rare[0]["val_precision"].is_number(), "{rare:?}");
    let classes = rare[0]["classes"].as_array().expect("a list");
    assert_eq!((classes.len(), &classes[1]["class"], &classes[1]["samples"]), (2, &"1".into(), &4.into()));
    let answered: u64 =
        classes[1]["answered"].as_array().expect("a list").iter().filter_map(serde_json::Value::as_u64).sum();
    assert_eq!(answered, 4, "every sample of the class was answered with something");
    let baseline = rare.last().expect("a line");
    assert!(
        (baseline["val_accuracy"].as_f64().expect("a number") - 116.0 / 120.0).abs() < 1e-9,
        "{baseline}"
    );
    let price = last("price.ron", &["--steps", "50"]);
    assert!(
        price[1]["val_mae"].is_number() && price[1]["val_rmse"].is_number() && price[1]["val_r2"].is_number()
    );
    assert_eq!(price.last().expect("a line")["baseline"], "always the mean");
}

#[test]
fn scaled_targets_are_told_with_the_unit_of_losses_and_errors_in_that_of_the_data() {
    let place = tempfile::TempDir::with_prefix("gradtui-").expect("a directory");
    let place = place.path();
    let text = std::fs::read_to_string(path("price.ron")).expect("a case");
    let text = text.replace("scaling: Standard", "scaling: Standard, target_scaling: Standard");
    std::fs::write(place.join("price.ron"), text).expect("written");
    std::fs::copy(path("price.csv"), place.join("price.csv")).expect("copied");
    let (code, out, err) = run(place.join("price.ron").to_str().expect("a path"), &[]);
    assert_eq!(code, Some(0), "{err}");
    let unit = "losses are those of scaled targets (1 is the spread, 146100)";
    assert!(out.contains(unit) && err.contains(unit), "{out}{err}");
    // The loss is the mean square in that unit, and the error its root in the unit of the data.
    let (loss, error) = (after(&out, "sgd", "val loss "), after(&out, "mean absolute", "root mean squared "));
    assert!((error - loss.sqrt() * 146_100.0).abs() < 0.01 * error, "{out}");
}

#[test]
fn batch_norm_over_one_sample_is_refused_and_over_two_warned_about() {
    let faults = checked("bn-batch-1.ron").expect_err("a batch of 1");
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(faults[0].starts_with("2:") && faults[0].contains("a variance of one value"), "{faults:?}");
    let text = std::fs::read_to_string(path("bn-batch-1.ron")).expect("a case");
    let text = text.replace(", (name: \"1\", batch: 1)", "");
    let warnings = inspect(&text, &gradtui::engine::data::NoFiles).expect("a good scenario").warnings;
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].what.contains("over 2 samples"), "{warnings:?}");
}

#[test]
fn lanes_with_different_losses_are_compared_by_a_common_one() {
    let (_, out, _) = run("two-losses.ron", &[]);
    assert!(out.contains("training losses of different kinds do not compare"), "{out}");
    assert!(out.contains("val loss is CrossEntropy() for every lane"), "{out}");
    // Mean squared errors of one-hot vectors are below 0.1; the cross-entropy of their outputs is not.
    assert!(after(&out, "mse", "loss ") < 0.2, "{out}");
    assert!(after(&out, "mse", "val loss ") > 0.5, "{out}");
}

/// The output of `diagnose` for each lane of this scenario.
fn diagnosed(scenario: &Path) -> Vec<serde_json::Value> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gradtui"));
    let out =
        command.args(["diagnose", "--json"]).arg(scenario).stdin(Stdio::null()).output().expect("a start");
    let text = String::from_utf8(out.stdout).expect("UTF-8");
    text.lines().map(|l| serde_json::from_str(l).expect("JSON")).collect()
}

#[test]
fn a_diagnosis_of_large_targets_names_their_size_and_not_the_rate() {
    let lanes = diagnosed(&path("price.ron"));
    assert_eq!(lanes.len(), 3);
    let lost: Vec<&str> = lanes.iter().filter_map(|lane| lane["divergence"]["what"].as_str()).collect();
    assert!(
        !lost.is_empty() && lost.iter().all(|what| what.contains("target_scaling: Standard")),
        "{lost:?}"
    );
    for lane in lanes {
        let findings = lane["findings"].as_array().expect("a list");
        let level = |id: &str| findings.iter().find(|f| f["id"] == id).map(|f| f["level"].clone());
        assert!(level("unscaled-targets").is_some(), "{lane}");
        assert_eq!(level("lr-too-high"), None, "{lane}");
        assert!(
            findings[0]["text"].as_str().expect("words").contains("the numbers to predict are about"),
            "{lane}"
        );
        assert_eq!(findings[0]["fixes"][0]["text"], "targets scaled to mean 0 and deviation 1", "{lane}");
        let checked = lane["checked"].as_array().expect("a list");
        assert!(!checked.iter().any(|id| id == "unscaled-targets"), "{lane}");
    }
}

#[test]
fn a_diagnosis_of_batch_norm_over_two_samples_names_it() {
    let place = tempfile::TempDir::with_prefix("gradtui-").expect("a directory");
    let place = place.path();
    let text = std::fs::read_to_string(path("bn-batch-1.ron")).expect("a case");
    let scenario = place.join("two.ron");
    std::fs::write(&scenario, text.replace(", (name: \"1\", batch: 1)", "")).expect("written");
    let lanes = diagnosed(&scenario);
    assert_eq!(lanes.len(), 2);
    for lane in lanes {
        let found =
            lane["findings"].as_array().expect("a list").iter().any(|f| f["id"] == "batch-norm-batch");
        assert_eq!(found, lane["lane"] == "2", "{lane}");
    }
}
