//! Tests with data in the forms that users have: every form is loaded and described correctly, or refused with a
//! remedy.

use gradtui::engine::data::{Labels, Prepared};
use gradtui::lab::files::Disk;
use gradtui::scenario::{Checked, inspect};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The scenario of a case.
fn case(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(name).with_extension("ron")
}

/// The same with a part of the text replaced.
fn edited(name: &str, what: &str, instead: &str) -> Result<Checked, String> {
    let path = case(name);
    let text = std::fs::read_to_string(&path).expect("a case");
    assert!(what.is_empty() || text.contains(what), "{name}: {what}");
    let checked = inspect(&text.replacen(what, instead, 1), &Disk::beside(&path));
    checked.map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

#[track_caller]
fn good(name: &str) -> Checked {
    edited(name, "", "").unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn classes(data: &Prepared) -> Vec<String> {
    match &data.train.labels {
        Labels::Classes { names, .. } => names.clone(),
        _ => Vec::new(),
    }
}

fn said(checked: &Checked) -> String {
    checked.data.reading.lines().collect::<Vec<_>>().join("\n")
}

fn warned(checked: &Checked) -> String {
    checked.warnings.iter().map(|w| w.what.as_str()).collect::<Vec<_>>().join("\n")
}

/// Samples in all, numbers of an input, classes.
fn sizes(checked: &Checked) -> (usize, usize, usize) {
    let data = &checked.data;
    (data.train.len() + data.validation.len(), data.train.shape.size(), classes(data).len())
}

#[test]
fn tables_of_every_form_are_read_as_what_they_are() {
    for name in ["semicolon", "tab", "pandas-header", "pandas-header-by-name", "trailing-comma"] {
        assert_eq!(sizes(&good(name)), (60, 4, 3), "{name}");
    }
    assert!(said(&good("semicolon")).contains("`;`"));
    assert!(said(&good("trailing-comma")).contains("every line ends with `,`"));
    assert!(said(&good("trailing-comma")).contains("target kind: 3 classes"));
    assert!(warned(&good("pandas-header")).contains("headings: false"));
    let category = good("category");
    assert_eq!(sizes(&category), (60, 7, 3));
    assert!(said(&category).contains("colour one of blue, green, red"));
    let ordinal = edited("category", "category.csv\"", "category.csv\", texts: Ordinal").expect("fine");
    assert_eq!(sizes(&ordinal), (60, 5, 3));
    assert!(warned(&good("pandas-index")).contains("counts the rows"));
    let dropped =
        edited("pandas-index", "pandas-index.csv\"", "pandas-index.csv\", drop: [0]").expect("fine");
    assert_eq!((sizes(&dropped), warned(&dropped)), ((60, 4, 3), String::new()));
}

#[test]
fn missing_cells_are_counted_and_dealt_with() {
    for (name, is) in
        [("question-mark", "depth: 1 of 60 cells is `?`"), ("empty-cell", "depth: 1 of 60 cells is empty")]
    {
        let fault = edited(name, "", "").expect_err("a missing cell");
        assert!(fault.contains(is) && fault.contains("line 9") && fault.contains("missing: Drop"), "{fault}");
        for (policy, samples) in [("Drop", 59), ("Mean", 60), ("Median", 60), ("MostFrequent", 60)] {
            let with = format!("{name}.csv\", missing: {policy}");
            let checked = edited(name, &format!("{name}.csv\""), &with).expect(policy);
            assert_eq!(sizes(&checked), (samples, 4, 3), "{name} {policy}");
        }
    }
}

#[test]
fn numbers_to_predict_are_told_from_classes() {
    for name in ["rent-500", "rent-60"] {
        assert!(warned(&good(name)).contains("regression: true"), "{name}");
    }
    for name in ["rent-500-regression", "price"] {
        assert!(warned(&good(name)).contains("target_scaling: Standard"), "{name}");
        let scaled =
            edited(name, "scaling: Standard", "scaling: Standard, target_scaling: Standard").expect("fine");
        assert_eq!(warned(&scaled), "", "{name}");
        assert_eq!(scaled.data.targets.len(), 1);
    }
    let stratified =
        edited("price", "scaling: Standard", "split: Stratified, scaling: Standard").expect("fine");
    assert!(warned(&stratified).contains("numbers to predict have none: split: Random, or leave it out"));
}

#[test]
fn arrays_mean_what_tables_with_the_same_labels_mean() {
    for (name, wanted) in [
        ("y-column", &["0", "1", "2"][..]),
        ("y-onehot", &["0", "1", "2"]),
        ("y-plus-minus", &["-1", "1"]),
        ("y-from-one", &["1", "2", "3"]),
        ("y-text", &[]),
    ] {
        let checked = good(name);
        let found = classes(&checked.data);
        assert!(found == wanted || wanted.is_empty(), "{name}: {found:?}");
        assert_eq!(sizes(&checked).0, 60, "{name}");
    }
    assert!(classes(&good("y-text").data).iter().all(|name| name.parse::<f64>().is_err()));
    let (train, held) = (good("train-test").data.train, good("train-test").data.validation);
    assert_eq!((train.len(), held.len()), (40, 20));
    let fortran = good("x-fortran").data;
    let rows = good("y-column").data;
    assert_eq!(fortran.train.inputs, rows.train.inputs, "the same numbers, in whatever order they lie");
}

#[test]
fn pictures_in_train_and_test_are_found() {
    let split = good("split");
    assert_eq!((split.data.train.len(), split.data.validation.len()), (12, 6));
    assert_eq!(classes(&split.data), ["across", "down"]);
    assert!(said(&split).contains("train to train on, test to validate on"));
    let deeper = edited("split", "path: \"split\"", "path: \".\"").expect_err("no classes");
    assert!(deeper.contains("Classes stand directly below"), "{deeper}");
}

#[test]
fn four_points_train_and_validate_on_the_same() {
    let xor = good("xor");
    assert_eq!((xor.data.train.len(), &xor.data.train), (4, &xor.data.validation));
    assert!(warned(&xor).contains("validation: 0"));
    assert_eq!(xor.warnings.len(), 1, "Dense(2) and Sigmoid() are its hidden layer: {}", warned(&xor));
    let asked = edited("xor", "batch: 4", "validation: 0, batch: 4").expect("fine");
    assert!(!warned(&asked).contains("validation: 0"));
    assert!(said(&asked).contains("4 to validate, the same ones"));
}

#[test]
fn a_series_refuses_a_split_that_it_cannot_honour() {
    let place = tempfile::TempDir::with_prefix("gradtui-").expect("a directory");
    let place = place.path();
    let table = "1.5\n2.5\n4.5\n3.5\n".repeat(15);
    std::fs::write(place.join("t.csv"), table).expect("written");
    let check = |split: &str| {
        let text = format!(
            "(data: Series(\"t.csv\", window: 5),\n  {split} loss: Mse(), network: [Flatten(), Dense(4)], lanes: [(name: \"a\")])"
        );
        inspect(&text, &Disk::beside(&place.join("s.ron"))).map_err(|faults| faults[0].to_string())
    };
    for split in ["split: Random,", "split: Stratified,"] {
        let fault = check(split).expect_err(split);
        assert!(fault.starts_with("2:") && fault.contains("split: Time, or leave it out"), "{fault}");
    }
    for split in ["split: Time,", ""] {
        assert!(said(&check(split).expect("fine")).contains("the last in time"), "{split}");
    }
}

#[test]
fn strict_takes_warnings_as_faults() {
    let check = |arguments: &[&str]| {
        let out =
            Command::new(env!("CARGO_BIN_EXE_gradtui")).arg("check").args(arguments).output().expect("runs");
        (out.status.code(), String::from_utf8_lossy(&out.stderr).into_owned())
    };
    let path = case("pandas-index");
    let path = path.to_str().expect("a path");
    let (code, words) = check(&[path]);
    assert_eq!(code, Some(0));
    assert!(words.contains("pandas-index.ron:1:") && words.contains(": warning: "), "{words}");
    assert_eq!(check(&[path, "--strict"]).0, Some(2));
    assert_eq!(check(&[case("semicolon").to_str().expect("a path"), "--strict"]).0, Some(0));
}

/// A stream of numbers in [0, 1) for generated tables.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f64 / f64::from(1 << 24)
    }
    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[(self.next() * of.len() as f64) as usize]
    }
}

/// Writes a table, and trains on it with an expectation for the end.
fn trains(name: &str, table: &str, settings: &str, more: &str, expect: &str) {
    let place = tempfile::TempDir::with_prefix("gradtui-").expect("a directory");
    let place = place.path();
    std::fs::write(place.join("t.csv"), table).expect("written");
    let scenario = format!(
        "(data: Csv(\"t.csv\", {settings}), scaling: Standard, {more} network: [Dense(16), Relu()], init: HeNormal(),
          batch: 32, steps: 600, evaluate_every: 50, lanes: [(name: \"adam\", optimizer: Adam(0.01))], expect: [\"{expect}\"])"
    );
    std::fs::write(place.join("s.ron"), scenario).expect("written");
    let out = Command::new(env!("CARGO_BIN_EXE_gradtui"))
        .arg("run")
        .arg(place.join("s.ron"))
        .output()
        .expect("runs");
    let words = String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned();
    assert_eq!(out.status.code(), Some(0), "{name}: {words}");
}

#[test]
fn passengers_load_with_two_settings_and_train_above_the_majority() {
    let mut draw = Draw(1);
    let mut table =
        "PassengerId,Survived,Pclass,Name,Sex,Age,SibSp,Parch,Ticket,Fare,Cabin,Embarked\r\n".to_string();
    for i in 1..=400 {
        let (sex, class) = (draw.one(&["male", "female", "male"]), draw.one(&["1", "2", "3", "3"]));
        let chance = if sex == "female" { 0.95 } else { 0.1 };
        let survived = u8::from(draw.next() < chance);
        let age = if draw.next() < 0.2 { String::new() } else { format!("{:.1}", draw.next() * 70.0) };
        let cabin = if draw.next() < 0.77 { String::new() } else { format!("C{i}") };
        let (fare, port) = (draw.next() * 80.0, draw.one(&["S", "C", "Q"]));
        let _ = writeln!(
            table,
            "{i},{survived},{class},\"Braund, Mr. {i}\",{sex},{age},0,0,A/5 {},{fare:.4},{cabin},{port}\r",
            i * 7
        );
    }
    trains("passengers", &table, "label: \"Survived\", missing: Median", "", "adam.val_accuracy > 0.8");
}

#[test]
fn birds_load_with_two_settings_and_train_above_the_majority() {
    let mut draw = Draw(2);
    let mut table =
        "species,island,bill_length_mm,bill_depth_mm,flipper_length_mm,body_mass_g,sex\n".to_string();
    for i in 0..300 {
        let kind = i % 3;
        let species = ["Adelie", "Chinstrap", "Gentoo"][kind];
        let island = draw.one(&["Biscoe", "Dream", "Torgersen"]);
        let at = |base: [f64; 3], draw: &mut Draw| base[kind] + 3.0 * draw.next();
        let (length, depth) = (at([38.0, 48.0, 46.0], &mut draw), at([18.0, 18.0, 14.0], &mut draw));
        let sex = if i % 30 == 7 { "NA" } else { draw.one(&["Male", "Female"]) };
        let mass = 3500 + kind * 500 + (draw.next() * 900.0) as usize;
        let _ = writeln!(table, "{species},{island},{length:.1},{depth:.1},{},{mass},{sex}", 190 + 10 * kind);
    }
    trains("birds", &table, "label: \"species\", missing: Drop", "", "adam.val_accuracy > 0.9");
}

#[test]
fn cars_between_blanks_load_with_two_settings_and_beat_the_mean() {
    let mut draw = Draw(3);
    let mut table = String::new();
    for i in 0..300 {
        let weight = 1800.0 + 2500.0 * draw.next();
        let power = if i % 60 == 5 { "?".into() } else { format!("{:.1}", weight / 25.0) };
        let mpg = 50.0 - weight / 110.0 + draw.next();
        let _ = writeln!(
            table,
            "{mpg:.1}   {}   {:.1}      {power}      {weight:.0}.      {:.1}   {}  {}\t\"ford torino {i}\"",
            [4, 6, 8][i % 3],
            100.0 + weight / 15.0,
            10.0 + 8.0 * draw.next(),
            70 + i % 13,
            1 + i % 3
        );
    }
    let more = "target_scaling: Standard, loss: Mse(),";
    trains("cars", &table, "targets: 0, missing: Mean", more, "adam.val_loss < 0.3");
}

#[test]
fn horses_full_of_question_marks_load_with_two_settings_and_train_above_the_majority() {
    let mut draw = Draw(4);
    let mut table = String::new();
    for i in 0..300 {
        let sick = draw.next() < 0.5;
        let mut cell = |low: f64, wide: f64| {
            let x = low + wide * draw.next();
            if draw.next() < 0.3 { "?".to_string() } else { format!("{x:.2}") }
        };
        let (pulse, volume) =
            (cell(if sick { 80.0 } else { 40.0 }, 20.0), cell(if sick { 55.0 } else { 30.0 }, 15.0));
        let pain = cell(if sick { 3.0 } else { 1.0 }, 2.0);
        let other = cell(36.0, 4.0);
        let _ = writeln!(
            table,
            "{} 1 {} {other} {pulse} {pain} {volume} {} 0 ",
            1 + i % 2,
            530_000 + i * 37 % 9973,
            1 + u8::from(sick)
        );
    }
    trains("horses", &table, "label: 7, missing: Median", "", "adam.val_accuracy > 0.7");
}

#[test]
fn wines_with_semicolons_load_with_one_setting_and_beat_the_mean() {
    let mut draw = Draw(5);
    let mut table = "\"fixed acidity\";\"volatile acidity\";\"alcohol\";\"quality\"\n".to_string();
    for _ in 0..400 {
        let (alcohol, acid) = (8.0 + 6.0 * draw.next(), draw.next());
        let quality = (3.0 + (alcohol - 8.0) * 0.6 + (1.0 - acid)).round();
        let _ = writeln!(table, "{:.1};{acid:.2};{alcohol:.1};{quality}", 5.0 + 7.0 * draw.next());
    }
    let more = "target_scaling: Standard, loss: Mse(),";
    trains("wines", &table, "regression: true", more, "adam.val_loss < 0.5");
}

#[test]
fn patients_between_tabs_load_with_one_setting_and_beat_the_mean() {
    let mut draw = Draw(6);
    let mut table = "AGE\tSEX\tBMI\tBP\tY\n".to_string();
    for i in 0..400 {
        let (age, bmi, bp) =
            (20.0 + 60.0 * draw.next(), 18.0 + 24.0 * draw.next(), 62.0 + 70.0 * draw.next());
        let _ = writeln!(table, "{age:.0}\t{}\t{bmi:.1}\t{bp:.2}\t{:.0}", 1 + i % 2, bmi * 7.0 + bp - 120.0);
    }
    let more = "target_scaling: Standard, loss: Mse(),";
    trains("patients", &table, "regression: true", more, "adam.val_loss < 0.3");
}
