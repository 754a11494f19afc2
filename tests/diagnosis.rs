//! Tests of the diagnosis on runs with known faults: how often it is right, which faults it misses, how often it raises
//! a false alarm, and whether its first cure repairs the run. `sick.txt` and `healthy.txt` beside it are the corpus.
//!
//! By default every second case is judged; `GRADTUI_CORPUS=all` judges all of them, and `GRADTUI_DIAGNOSIS=DIR` another
//! set in the form of files with a `labels.jsonl`.

use gradtui::diagnosis::{Facts, Finding, Level, signals};
use gradtui::engine::data::Files as _;
use gradtui::lab::clinic::course::TrainedLane;
use gradtui::lab::clinic::{Clinic, LaneReport};
use gradtui::lab::files::Disk;
use gradtui::scenario::{Checked, inspect};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// A run with its label.
struct Case {
    name: String,
    labels: Vec<String>,
    also: Vec<String>,
    measure: String,
    /// The text of the run, and the text of its twin, the same run without the fault.
    sick: String,
    twin: Option<String>,
    base: PathBuf,
    repairable: bool,
}

/// The outcome of a case.
struct Told {
    ids: Vec<String>,
    /// Whether the twin is better by as much as the label requires.
    holds: bool,
    /// The fraction of the gap closed by the first cure, and the largest fraction of the first three.
    closed: Option<(f64, f64)>,
}

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnosis")
}

/// The fields of a scenario, split at the commas outside of brackets.
fn fields(text: &str) -> Vec<&str> {
    let (mut depth, mut start, mut out) = (0, 0, Vec::new());
    for (at, c) in text.char_indices() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            ',' if depth == 0 => {
                out.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    out.push(text[start..].trim());
    out.retain(|f| !f.is_empty());
    out
}

/// A scenario of these fields, in which later ones replace earlier ones.
fn scenario(common: &str, own: &str) -> String {
    let name = |field: &str| field.split(':').next().unwrap_or_default().to_string();
    let own = fields(own);
    let mut all = fields(common);
    all.retain(|f| !own.iter().any(|o| name(o) == name(f)));
    all.extend(own);
    format!("({}, lanes: [(name: \"run\")])", all.join(", "))
}

fn corpus() -> Vec<Case> {
    let words = |text: &str| text.split_whitespace().map(String::from).collect::<Vec<_>>();
    let read = |name: &str| std::fs::read_to_string(here().join(name)).expect("a part of the corpus");
    let mut all = Vec::new();
    let lines = |text: &str| -> Vec<String> {
        text.lines().filter(|l| !l.starts_with('#') && !l.trim().is_empty()).map(String::from).collect()
    };
    for (i, line) in lines(&read("sick.txt")).iter().enumerate() {
        let parts: Vec<&str> = line.split('|').map(str::trim).collect();
        let [labels, also, measure, common, sick, twin] = parts[..] else { panic!("six parts: {line}") };
        all.push(Case {
            name: format!("sick {}", i + 1),
            labels: words(labels),
            also: words(also),
            measure: measure.into(),
            sick: scenario(common, sick),
            twin: Some(scenario(common, twin)),
            base: here(),
            repairable: measure != "none",
        });
    }
    for (i, line) in lines(&read("healthy.txt")).iter().enumerate() {
        all.push(Case {
            name: format!("healthy {}", i + 1),
            labels: Vec::new(),
            also: Vec::new(),
            measure: String::new(),
            sick: scenario(line, ""),
            twin: None,
            base: here(),
            repairable: false,
        });
    }
    all
}

/// The cases of a folder with a `labels.jsonl`.
fn folder(dir: &Path) -> Vec<Case> {
    let text = std::fs::read_to_string(dir.join("labels.jsonl")).expect("labels");
    let of = |line: &str| {
        let row: serde_json::Value = serde_json::from_str(line).expect("a row");
        let list = |key: &str| {
            let all = row[key].as_array().cloned().unwrap_or_default();
            all.iter()
                .filter_map(|v| v.as_str().map(String::from))
                .filter(|l| l != "healthy")
                .collect::<Vec<_>>()
        };
        let read = |name: &str| std::fs::read_to_string(dir.join(name)).expect("a scenario");
        let name = row["case"].as_str().unwrap_or_default();
        Case {
            name: name.into(),
            labels: list("labels"),
            also: list("also_ok"),
            measure: row["measure"].as_str().unwrap_or_default().into(),
            sick: read(&format!("{name}.ron")),
            twin: row["repaired"].as_str().map(read),
            base: dir.into(),
            repairable: row["repairable"].as_bool().unwrap_or(true) && row["repaired"].is_string(),
        }
    };
    text.lines().filter(|l| !l.trim().is_empty()).map(of).collect()
}

fn checked(text: &str, disk: &Disk) -> Checked {
    inspect(text, disk).unwrap_or_else(|faults| panic!("{faults:?}\n{text}"))
}

fn examined(text: &str, base: &Path) -> LaneReport {
    let disk = Disk { base: base.into() };
    let Checked { scenario, data, .. } = checked(text, &disk);
    Clinic::new(&scenario, 0, Arc::new(data), &disk, None).examine().expect("a run")
}

fn trained(text: &str, base: &Path) -> Facts {
    let disk = Disk { base: base.into() };
    let Checked { scenario, data, .. } = checked(text, &disk);
    TrainedLane::run(&scenario, 0, Arc::new(data), scenario.steps as u64, &|| true).expect("a run").facts
}

/// The result of a run by the measure of its case; greater is better.
fn reached(facts: &Facts, measure: &str) -> f64 {
    let score = facts.score();
    match measure {
        "pgd_accuracy" => facts.attacked.map_or(f64::NAN, |a| a.pgd),
        "val_loss" => {
            let chance = facts.data.as_ref().map_or(1.0, |d| d.chance.loss);
            -score.map_or(f64::NAN, |s| (s.loss / chance).min(1.0))
        }
        _ => score.and_then(|s| s.accuracy).unwrap_or(f64::NAN),
    }
}

fn judge(case: &Case) -> Told {
    let report = examined(&case.sick, &case.base);
    let told: Vec<_> = report.diagnosis.findings.iter().filter(|f| f.level > Level::Note).collect();
    let ids = told.iter().map(|f| f.id.to_string()).collect();
    let (mut holds, mut closed) = (true, None);
    if let Some(twin) = case.twin.as_ref().filter(|_| case.repairable) {
        let better = reached(&trained(twin, &case.base), &case.measure);
        let sick = reached(&report.facts, &case.measure);
        holds = if case.measure == "val_loss" { -better <= -0.5 * sick } else { better - sick >= 0.1 };
        let mut fixes: Vec<&str> = Vec::new();
        for fix in told.iter().flat_map(|f| &f.fixes) {
            if !fixes.contains(&fix.patch.as_str()) {
                fixes.push(&fix.patch);
            }
        }
        let share = |patch: &&str| {
            let tried = report.tried.iter().find(|t| t.fix.patch == **patch)?;
            Some((reached(&tried.facts, &case.measure) - sick) / (better - sick))
        };
        let shares: Vec<f64> = fixes.iter().take(3).map(|p| share(p).unwrap_or(0.0)).collect();
        let first = shares.first().copied().unwrap_or(0.0);
        closed = Some((first, shares.iter().copied().fold(0.0, f64::max)));
    }
    Told { ids, holds, closed }
}

/// The findings at level warn or bad from a run's events alone, without trying a cure.
fn signalled(case: &Case) -> Vec<Finding> {
    let disk = Disk { base: case.base.clone() };
    let Checked { scenario, data, .. } = checked(&case.sick, &disk);
    let steps = scenario.steps as u64;
    let course = TrainedLane::run(&scenario, 0, Arc::new(data), steps, &|| true).expect("a run");
    let mut found = signals(course.signals.clone()).findings;
    found.retain(|f| f.level > Level::Note);
    found
}

/// Judges all cases on two threads.
fn all<T: Send>(cases: &[Case], judge: impl Fn(&Case) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let out = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let told = judge(case);
                    out.lock().expect("no panic").push((case.name.clone(), told));
                }
            });
        }
    });
    let mut told: BTreeMap<String, T> = out.into_inner().expect("no panic").into_iter().collect();
    cases.iter().map(|c| told.remove(&c.name).expect("judged")).collect()
}

#[derive(Default)]
struct Row {
    labelled: usize,
    found: usize,
    right: usize,
    wrong: usize,
    repaired: usize,
    repairable: usize,
}

/// Prints the table, and checks it against the promised rates.
fn report(cases: &[Case]) {
    let told = all(cases, judge);
    let mut rows: BTreeMap<&str, Row> = BTreeMap::new();
    let (mut right, mut wrong, mut sick, mut found, mut healthy, mut alarms) = (0, 0, 0, 0, 0, 0);
    let (mut first, mut three, mut repairable) = (0, 0, 0);
    let mut faults = Vec::new();
    for (case, told) in cases.iter().zip(&told) {
        let good = |id: &String| case.labels.contains(id) || case.also.contains(id);
        let bad: Vec<_> = told.ids.iter().filter(|id| !good(id)).collect();
        right += told.ids.len() - bad.len();
        wrong += bad.len();
        if case.labels.is_empty() {
            healthy += 1;
            alarms += usize::from(!told.ids.is_empty());
        } else {
            sick += 1;
            let hit = case.labels.iter().any(|l| told.ids.contains(l));
            found += usize::from(hit);
            if !hit {
                faults.push(format!("{}: {:?} not found, but {:?}", case.name, case.labels, told.ids));
            }
        }
        if !bad.is_empty() {
            faults.push(format!("{}: {bad:?} told of {:?}", case.name, case.labels));
        }
        if !told.holds {
            faults.push(format!("{}: its twin is hardly better, so the label does not hold", case.name));
        }
        if let Some((one, best)) = told.closed {
            repairable += 1;
            first += usize::from(one >= 0.5);
            three += usize::from(best >= 0.5);
            if one < 0.5 {
                faults.push(format!(
                    "{}: the first cure closes {one:.2} of the gap, the best of three {best:.2}",
                    case.name
                ));
            }
        }
        for label in &case.labels {
            let row = rows.entry(label).or_default();
            row.labelled += 1;
            row.found += usize::from(told.ids.contains(label));
            if let Some((one, _)) = told.closed {
                row.repairable += 1;
                row.repaired += usize::from(one >= 0.5);
            }
        }
        for id in &told.ids {
            let row = rows.entry(id).or_default();
            *(if good(id) { &mut row.right } else { &mut row.wrong }) += 1;
        }
    }
    println!("{:32} labelled  found  right  wrong  repaired", "id");
    for (id, r) in &rows {
        println!(
            "{id:32} {:8} {:6} {:6} {:6} {:6}/{}",
            r.labelled, r.found, r.right, r.wrong, r.repaired, r.repairable
        );
    }
    for fault in &faults {
        println!("{fault}");
    }
    let share = |a: usize, b: usize| if b == 0 { 1.0 } else { a as f64 / b as f64 };
    let (precision, recall) = (share(right, right + wrong), share(found, sick));
    println!(
        "precision {precision:.3} ({right}/{})   recall {recall:.3} ({found}/{sick})   false alarms {alarms}/{healthy}   \
         repaired by the first cure {first}/{repairable}, by one of three {three}/{repairable}",
        right + wrong
    );
    assert!(precision >= 0.95 && recall >= 0.95, "precision {precision}, recall {recall}");
    assert!(alarms * 50 <= healthy.max(49), "{alarms} false alarms on {healthy} healthy runs");
    assert!(
        share(first, repairable) >= 0.9 && share(three, repairable) >= 0.95,
        "{first}, {three} of {repairable}"
    );
}

#[test]
fn the_corpus_is_judged_as_it_is_labelled() {
    let mut cases = corpus();
    assert!(cases.len() >= 150 && cases.iter().filter(|c| c.labels.is_empty()).count() >= 40);
    if std::env::var("GRADTUI_CORPUS").as_deref() != Ok("all") {
        let mut i = 0;
        cases.retain(|_| {
            i += 1;
            i % 2 == 1
        });
    }
    report(&cases);
}

#[test]
fn another_set_is_judged_as_it_is_labelled() {
    if let Some(dir) = std::env::var_os("GRADTUI_DIAGNOSIS") {
        report(&folder(Path::new(&dir)));
    }
}

/// Prints the results of the signals alone for each id: precision, recall, and the number of healthy runs with a false
/// alarm.
fn report_signals(cases: &[Case]) -> (f64, f64, usize) {
    let told = all(cases, signalled);
    let (mut rows, mut faults) = (BTreeMap::<&str, [usize; 3]>::new(), Vec::new());
    let (mut right, mut wrong, mut sick, mut found, mut alarms) = (0usize, 0usize, 0usize, 0usize, 0usize);
    for (case, told) in cases.iter().zip(&told) {
        let is = |l: &String, f: &Finding| l == f.id;
        for f in told {
            let good = case.labels.iter().chain(&case.also).any(|l| is(l, f));
            rows.entry(f.id).or_default()[if good { 1 } else { 2 }] += 1;
            *(if good { &mut right } else { &mut wrong }) += 1;
            if !good {
                faults
                    .push(format!("{}, {:?}: {}: {} {:?}", case.name, case.labels, f.id, f.text, f.evidence));
            }
        }
        let hit = |l: &String| told.iter().any(|f| is(l, f));
        for label in &case.labels {
            rows.entry(label).or_default()[0] += 1;
            if !hit(label) {
                faults.push(format!("{}: {label} of {:?} not seen", case.name, case.labels));
            }
        }
        sick += usize::from(!case.labels.is_empty());
        found += usize::from(case.labels.iter().any(hit));
        alarms += usize::from(case.labels.is_empty() && !told.is_empty());
    }
    println!("{:32} labelled  right  wrong", "signals alone");
    for (id, [labelled, right, wrong]) in &rows {
        println!("{id:32} {labelled:8} {right:6} {wrong:6}");
    }
    for fault in &faults {
        println!("{fault}");
    }
    let (precision, recall) =
        (right as f64 / (right + wrong).max(1) as f64, found as f64 / sick.max(1) as f64);
    println!(
        "signals alone: precision {precision:.3} ({right}/{})   recall {recall:.3} ({found}/{sick})   \
         false alarms {alarms}/{}",
        right + wrong,
        cases.len() - sick
    );
    (precision, recall, alarms)
}

/// The diagnosis line of the lab tries no cures, so its findings must be right without them.
#[test]
fn signals_alone_seldom_cry_wolf() {
    let (precision, recall, alarms) = report_signals(&corpus());
    assert!(precision >= 0.9 && recall >= 0.5 && alarms <= 1, "{precision} {recall} {alarms}");
    if let Some(dir) = std::env::var_os("GRADTUI_DIAGNOSIS") {
        report_signals(&folder(Path::new(&dir)));
    }
}

/// If a change of a setting makes the lane worse, the finding names the step of the change.
#[test]
fn the_onset_is_the_step_of_the_change() {
    for (k, field, to) in
        [(150, "optimizer.lr", "4"), (300, "optimizer.lr", "4"), (420, "optimizer.weight_decay", "2")]
    {
        let text = format!(
            "(data: Digits(), network: [Dense(32), Relu()], init: HeNormal(), optimizer: Momentum(0.05), steps: 600, seed: 4,
            evaluate_every: 50, lanes: [(name: \"run\")], edits: [(step: {k}, lane: \"run\", field: \"{field}\", to: \"{to}\")])"
        );
        let found = examined(&text, &here()).diagnosis.findings;
        let first =
            found.iter().find(|f| f.level > Level::Note).unwrap_or_else(|| panic!("nothing found: {text}"));
        assert!(first.step.abs_diff(k) <= 30, "{} since {} and not {k}", first.id, first.step);
    }
}

#[test]
fn a_diagnosis_repeats_bit_for_bit() {
    let text = scenario(
        "data: Digits(), network: [Dense(16), Relu()], init: HeNormal(), steps: 200, seed: 4",
        "optimizer: Sgd(0.0005)",
    );
    let words = || {
        let report = examined(&text, &here());
        let found: Vec<_> =
            report.diagnosis.findings.iter().map(|f| (f.id, f.step, f.text.clone())).collect();
        let tried: Vec<_> = report.tried.iter().map(|t| (t.fix.patch.clone(), t.gain.to_bits())).collect();
        (found, tried)
    };
    assert_eq!(words(), words());
    assert!(Disk { base: here() }.list("data").is_ok());
}
