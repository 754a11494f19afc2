//! Tests with a set of logs that the libraries themselves wrote, if one is available.

use gradtui::lab::foreign;
use gradtui::logs::{self, RunLog};
use serde_json::{Value, json};
use std::fs;

/// The difference of a series from its expected values.
fn differs(log: &RunLog, name: &str, wanted: &Value) -> Option<String> {
    let Some(series) = log.content.get(name) else { return Some(format!("{name} is missing")) };
    let number = |v: &Value| v.as_f64().or_else(|| v.as_str()?.replace("Infinity", "inf").parse().ok());
    let told = [
        ("points", series.points as f64),
        ("first", series.first),
        ("last", series.last),
        ("min", series.min),
        ("max", series.max),
        ("nan", series.nan as f64),
        ("inf", series.inf as f64),
    ];
    let wrong = |(key, is): &(&str, f64)| {
        let wanted = number(&wanted[*key])?;
        let same =
            *is == wanted || (is.is_nan() && wanted.is_nan()) || (is - wanted).abs() <= 1e-6 * wanted.abs();
        (!same).then(|| format!("{name}: {key} is {is}, not {wanted}"))
    };
    told.iter().find_map(wrong)
}

#[test]
fn a_set_of_logs_is_read_as_it_is_expected() {
    let Some(root) = std::env::var_os("GRADTUI_LOGS") else { return };
    let (mut faults, mut read) = (Vec::new(), 0);
    for run in fs::read_dir(root).expect("a folder").flatten().map(|e| e.path()) {
        let Ok(text) = fs::read_to_string(run.join("expected.json")) else { continue };
        let expected: Value = serde_json::from_str(&text).expect("JSON");
        if expected["bar"] == json!(false) {
            continue;
        }
        let strings = |key: &str| -> Vec<String> {
            let list = expected[key].as_array().into_iter().flatten();
            list.filter_map(|v| v.as_str().map(String::from)).collect()
        };
        let opens = expected["open"].as_str().map(String::from).into_iter().chain(strings("same_from"));
        for open in opens {
            let place = run.join(&open);
            read += 1;
            let mut logs = match logs::open(&place, &strings("patterns")) {
                Ok(logs) => logs,
                Err(what) => {
                    faults.push(format!("{}: {what}", place.display()));
                    continue;
                }
            };
            logs.iter_mut().for_each(RunLog::read_to_end);
            let one = json!({ "": expected });
            let runs = expected["runs"].as_object().unwrap_or(one.as_object().expect("an object"));
            for (name, wanted) in runs {
                let Some(log) = logs.iter().find(|l| name.is_empty() || l.run == *name) else {
                    faults.push(format!("{}: no run {name}", place.display()));
                    continue;
                };
                let check = |key: &str| {
                    let mut series = wanted[key].as_object().into_iter().flatten();
                    series.find_map(|(name, wanted)| differs(log, name, wanted))
                };
                let wrong =
                    check("series").filter(|_| wanted["or_series"].is_null() || check("or_series").is_some());
                faults.extend(wrong.map(|what| format!("{}: {what}", place.display())));
                let mut layers =
                    (log.layers().names, wanted["layers"].as_array().cloned().unwrap_or_default());
                if wanted["layer_order_in_log"] == json!(false) {
                    layers.0.sort();
                    layers.1.sort_by_key(ToString::to_string);
                }
                if wanted["layers"].is_array() && json!(layers.0) != json!(layers.1) {
                    faults.push(format!("{}: layers {:?}, not {:?}", place.display(), layers.0, layers.1));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{} of {read}:\n{}", faults.len(), faults.join("\n"));
    assert!(read > 0, "no run with an expected.json is there");
    println!("{read} paths read");
}

/// The ids that are right for a run with this label; none for a healthy one, or for a cause that numbers cannot reveal.
fn right(label: &str) -> &'static [&'static str] {
    match label {
        "vanishing gradients" => &["vanishing-gradient"],
        "exploding gradients" => &["exploding-gradient", "rnn-explodes"],
        "learning rate too high" => &["lr-too-high"],
        "clip threshold too low" => &["clip-dominates", "clip-too-small"],
        "dead units" => &["dead-units"],
        "overfitting" => &["overfitting", "label-noise-or-shuffled-labels"],
        _ => &[],
    }
}

#[test]
fn a_set_of_logs_is_judged_as_it_is_labelled() {
    let Some(root) = std::env::var_os("GRADTUI_LOGS") else { return };
    let (mut good, mut bad, mut sick, mut found, mut healthy, mut alarms) = (0, 0, 0, 0, 0, 0);
    for run in fs::read_dir(root).expect("a folder").flatten().map(|e| e.path()) {
        let Ok(text) = fs::read_to_string(run.join("expected.json")) else { continue };
        let expected: Value = serde_json::from_str(&text).expect("JSON");
        let patterns: Vec<String> = expected["patterns"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|v| v.as_str().map(String::from))
            .collect();
        let Some(label) = expected["diagnosis"]["true"].as_str().filter(|_| expected["bar"] != json!(false))
        else {
            continue;
        };
        let open = run.join(expected["open"].as_str().unwrap_or("log"));
        let Ok(logs) = logs::open(&open, &patterns) else { panic!("{} is not read", open.display()) };
        let (mut hit, mut told) = (false, Vec::new());
        for log in logs {
            let found = foreign::diagnosis(log);
            for finding in found.diagnosis.reported() {
                let is = right(label).contains(&finding.id);
                *(if is { &mut good } else { &mut bad }) += 1;
                hit |= is;
                told.push(finding.line());
            }
        }
        if right(label).is_empty() {
            healthy += 1;
            alarms += usize::from(!told.is_empty());
        } else {
            sick += 1;
            found += usize::from(hit);
        }
        if hit == right(label).is_empty() || !told.is_empty() && right(label).is_empty() {
            println!("{}: {label}: {told:?}", run.display());
        }
    }
    println!(
        "logs: precision {good}/{}   recall {found}/{sick}   false alarms {alarms}/{healthy}",
        good + bad
    );
    assert!(20 * bad <= good + bad && 5 * found >= 4 * sick && 50 * alarms <= healthy.max(49));
}
