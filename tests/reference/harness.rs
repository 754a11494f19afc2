//! Parts shared by all kinds of reference cases: loading, tensors, tolerances, counting. Knows no layer and no formula.

use serde_json::Value;
use std::io::Write as _;
use std::path::PathBuf;

/// The folder of the cases: `GRADTUI_REFERENCE`, or the copy beside this file.
pub fn folder() -> PathBuf {
    let here = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/reference/data");
    std::env::var_os("GRADTUI_REFERENCE").map_or_else(here, PathBuf::from)
}

/// Every file of the folder with its name, sorted.
fn documents() -> Vec<(String, Value)> {
    let folder = folder();
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut paths: Vec<PathBuf> = entries
        .map(|e| e.expect("readable folder").path())
        .filter(|p| p.extension().is_some_and(|e| e == "json"))
        .collect();
    paths.sort();
    let read = |path: PathBuf| {
        let name = path.file_name().expect("a file").to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{name}: {e}"));
        (name.clone(), serde_json::from_str(&text).unwrap_or_else(|e| panic!("{name}: {e}")))
    };
    // tolerances.json describes the reference library itself and has no kind.
    paths.into_iter().map(read).filter(|(_, v): &(_, Value)| v["kind"].is_string()).collect()
}

/// The files of one kind.
pub fn files(kind: &str) -> Vec<Value> {
    let found: Vec<Value> = documents().into_iter().map(|(_, v)| v).filter(|v| v["kind"] == kind).collect();
    assert!(!found.is_empty(), "no file of kind {kind} in {}", folder().display());
    found
}

/// The cases of one kind, all files together.
pub fn cases(kind: &str) -> Vec<Value> {
    files(kind).into_iter().flat_map(|f| list(&f["cases"]).to_vec()).collect()
}

/// The error that the reference library itself makes in f32 in one field of a case (0 if not measured).
pub fn measured(case: &str, field: &str) -> f64 {
    let text = std::fs::read_to_string(folder().join("tolerances.json")).unwrap_or_else(|_| "{}".into());
    let files: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("tolerances.json: {e}"));
    let of = files.as_object().into_iter().flat_map(|files| files.values());
    of.filter_map(|file| file[case][field]["abs"].as_f64()).fold(0.0, f64::max)
}

/// Prints the kinds that no module runs, with the number of their cases.
pub fn report_unknown_kinds(known: &[&str]) {
    for (name, file) in documents() {
        let kind = text(&file["kind"]);
        if !known.contains(&kind) {
            let cases = file["cases"].as_array().map_or(0, Vec::len);
            say(&format!("reference {kind}: 0 run, {cases} skipped (nothing runs {name} yet)"));
        }
    }
}

/// Writes a line that the test runner does not capture, so that counts are visible even if all tests pass.
fn say(line: &str) {
    writeln!(std::io::stdout(), "{line}").expect("standard output");
}

/// The value as a list; panics with the actual value otherwise.
pub fn list(v: &Value) -> &[Value] {
    v.as_array().unwrap_or_else(|| panic!("a list expected, not {v}"))
}

/// A text.
pub fn text(v: &Value) -> &str {
    v.as_str().unwrap_or_else(|| panic!("a text expected, not {v}"))
}

/// A number.
pub fn number(v: &Value) -> f64 {
    v.as_f64().unwrap_or_else(|| panic!("a number expected, not {v}"))
}

/// A count.
pub fn count(v: &Value) -> usize {
    v.as_u64().unwrap_or_else(|| panic!("a count expected, not {v}")) as usize
}

/// A list of numbers.
pub fn numbers(v: &Value) -> Vec<f64> {
    list(v).iter().map(number).collect()
}

/// A tensor of a case.
#[derive(Clone, Debug)]
pub struct Tensor {
    pub shape: Vec<usize>,
    pub data: Vec<f64>,
}

impl Tensor {
    pub fn new(v: &Value) -> Self {
        let tensor = Self { shape: list(&v["shape"]).iter().map(count).collect(), data: numbers(&v["data"]) };
        assert_eq!(tensor.shape.iter().product::<usize>(), tensor.data.len(), "shape and data of a tensor");
        tensor
    }

    /// The numbers in f32; inputs and weights are exact in f32.
    pub fn f32(&self) -> Vec<f32> {
        self.data.iter().map(|&x| x as f32).collect()
    }

    /// The numbers as class labels or indices.
    pub fn u32(&self) -> Vec<u32> {
        self.data.iter().map(|&x| x as u32).collect()
    }
}

/// The tolerance of a comparison.
#[derive(Clone, Copy, Debug)]
pub enum Tol {
    /// max|a - b| over max|reference|, so that a gradient of 1e-10 is really tested. If the reference is zero
    /// throughout, 1e-4 absolutely.
    Relative(f64),
    /// max|a - b|.
    Absolute(f64),
}

/// The comparisons of one case.
#[derive(Debug, Default)]
pub struct Check {
    faults: Vec<String>,
    worst: f64,
    worst_field: String,
}

impl Check {
    /// Compares a tensor.
    pub fn tensor(&mut self, field: &str, got: &[f32], want: &[f64], tol: Tol) {
        let got: Vec<f64> = got.iter().map(|&x| f64::from(x)).collect();
        self.tensor64(field, &got, want, tol);
    }

    /// Compares a tensor computed in f64.
    pub fn tensor64(&mut self, field: &str, got: &[f64], want: &[f64], tol: Tol) {
        if got.len() != want.len() {
            return self.faults.push(format!("{field}: {} numbers, not {}", got.len(), want.len()));
        }
        let size = want.iter().fold(0.0, |m: f64, x| m.max(x.abs()));
        let error = got.iter().zip(want).fold(0.0, |m: f64, (a, b)| {
            let e = (a - b).abs();
            if e.is_nan() { f64::INFINITY } else { m.max(e) }
        });
        let (error, allowed) = match tol {
            Tol::Relative(t) if size >= 1e-12 => (error / size, t),
            Tol::Relative(_) => (error, 1e-4),
            Tol::Absolute(t) => (error, t),
        };
        if error / allowed > self.worst {
            (self.worst, self.worst_field) =
                (error / allowed, format!("{field} {error:.1e} of {allowed:.0e}"));
        }
        if error > allowed {
            let at = got.iter().zip(want).position(|(a, b)| (a - b).abs() > allowed * size.min(1.0));
            let at = at.unwrap_or(0);
            let (a, b) = (got[at], want[at]);
            self.faults
                .push(format!("{field}: error {error:.2e} > {allowed:.0e}; [{at}] is {a:e}, not {b:e}"));
        }
    }

    /// Compares one number, relatively.
    pub fn number(&mut self, field: &str, got: f64, want: f64, tol: f64) {
        self.tensor64(field, &[got], &[want], Tol::Relative(tol));
    }

    /// The comparisons that failed.
    pub fn faults(&self) -> &[String] {
        &self.faults
    }

    /// Checks a condition.
    pub fn holds(&mut self, what: &str, yes: bool) {
        if !yes {
            self.faults.push(format!("{what}: does not hold"));
        }
    }
}

/// Counts the cases of one kind.
#[derive(Debug)]
pub struct Report {
    kind: &'static str,
    run: usize,
    skipped: Vec<String>,
    failed: Vec<String>,
    worst: f64,
    worst_case: String,
}

impl Report {
    pub fn new(kind: &'static str) -> Self {
        Self {
            kind,
            run: 0,
            skipped: Vec::new(),
            failed: Vec::new(),
            worst: 0.0,
            worst_case: "nothing off".into(),
        }
    }

    /// Takes the result of one case: its comparisons, or the reason why it cannot run here.
    pub fn case(&mut self, name: &str, outcome: Result<Check, String>) {
        match outcome {
            Err(why) => {
                let short: String = why.chars().take(100).collect();
                self.skipped.push(format!("{name} ({short})"));
            }
            Ok(check) => {
                self.run += 1;
                if check.worst > self.worst {
                    (self.worst, self.worst_case) = (check.worst, format!("{name}.{}", check.worst_field));
                }
                self.failed.extend(check.faults.into_iter().map(|f| format!("{name}.{f}")));
            }
        }
    }

    /// Runs all cases of the kind through one function.
    pub fn all(kind: &'static str, run: impl Fn(&Value) -> Result<Check, String>) {
        let mut report = Self::new(kind);
        for case in cases(kind) {
            report.case(text(&case["name"]), run(&case));
        }
        report.finish();
    }

    /// Prints the counts and fails if a case did.
    pub fn finish(self) {
        let Self { kind, run, skipped, failed, worst_case, .. } = self;
        say(&format!(
            "reference {kind}: {run} run, {} skipped (closest to its limit: {worst_case})",
            skipped.len()
        ));
        for name in &skipped {
            say(&format!("reference {kind}: skipped {name}"));
        }
        assert!(failed.is_empty(), "reference {kind}: {} faults\n{}", failed.len(), failed.join("\n"));
    }
}

#[test]
fn reference_harness_notices_what_is_wrong() {
    let faults = |got: &[f32], want: &[f64], tol| {
        let mut check = Check::default();
        check.tensor("x", got, want, tol);
        check.faults.len()
    };
    let tiny = [1e-10, -2e-10];
    assert_eq!(faults(&[1e-10, -2e-10], &tiny, Tol::Relative(1e-5)), 0);
    assert_eq!(faults(&[0.0, 0.0], &tiny, Tol::Relative(1e-5)), 1, "a zero for a vanishing gradient");
    assert_eq!(faults(&[1.0, f32::NAN], &[1.0, 2.0], Tol::Relative(1e-5)), 1, "NaN");
    assert_eq!(faults(&[1.0], &[1.0, 2.0], Tol::Relative(1e-5)), 1, "a number too few");
    assert_eq!(faults(&[1.0, 2.1], &[1.0, 2.0], Tol::Absolute(0.01)), 1, "absolutely");
    assert_eq!(faults(&[2e-5], &[0.0], Tol::Relative(1e-6)), 0, "nothing to be relative to");
    assert_eq!(faults(&[2e-4], &[0.0], Tol::Relative(1e-6)), 1, "not zero");
    let mut report = Report::new("harness");
    report.case("unknown", Err("no such thing".into()));
    assert_eq!((report.run, report.skipped.len()), (0, 1));
}
