//! Tests with logs of other programs: each kind in the forms that its writers produce, complete, growing and damaged.
//! With `GRADTUI_LOGS=DIR`, every run below a folder is read too and compared with its `expected.json`.

mod binary;
mod set;

use gradtui::logs::{self, RunLog};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A separate folder, removed at the end.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(TempDir::with_prefix("gradtui-").expect("a directory"))
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, bytes).expect("written");
        path
    }

    fn append(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let mut file = fs::OpenOptions::new().append(true).open(self.0.path().join(name)).expect("a file");
        file.write_all(bytes.as_ref()).expect("written");
    }
}

/// The only log at a path.
#[track_caller]
fn open(path: &Path) -> RunLog {
    let mut logs = logs::open(path, &[]).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(logs.len(), 1, "{:?}", logs.iter().map(|l| &l.run).collect::<Vec<_>>());
    logs.remove(0)
}

#[track_caller]
fn read(path: &Path) -> RunLog {
    let mut log = open(path);
    log.read_to_end();
    assert_eq!(log.fault, None);
    log
}

/// Steps and values of a series.
#[track_caller]
fn points(log: &RunLog, series: &str) -> Vec<(f64, f64)> {
    let names = || log.content.series.iter().map(|s| &s.name).collect::<Vec<_>>();
    log.content.get(series).unwrap_or_else(|| panic!("{series} in {:?}", names())).points().collect()
}

#[test]
fn json_lines_are_read_as_people_write_them() {
    let place = Place::new();
    let text = "{\"config\": {\"lr\": 0.1}}\r\n\n{\"step\": 0, \"train\": {\"loss\": 2.5}, \"grad\": {\"l.0.weight\": 3, \"l.0.bias\": 4}}\r\n\
        {\"step\": 1, \"train\": {\"loss\": NaN}, \"acc\": \"0.5\", \"note\": \"x\"}\n{\"step\": 2, \"train\": {\"loss\": null}}\n{\"step\": 3, \"tra";
    let log = read(&place.write("metrics.jsonl", text));
    assert_eq!(log.kind, "JSON lines");
    let loss = log.content.get("train.loss").expect("a series");
    assert_eq!((loss.points, loss.nan, loss.first, loss.min), (3, 2, 2.5, 2.5));
    assert_eq!(points(&log, "acc"), [(1.0, 0.5)]);
    assert!(log.content.get("config.lr").is_none(), "settings are no point");
    assert!(log.content.remarks.iter().any(|r| r.contains("half written")), "{:?}", log.content.remarks);
    let layers = log.layers();
    assert_eq!(
        (&layers.names[..], log.content.norms(&layers)),
        (&["l.0".to_string()][..], vec![(0.0, vec![5.0])])
    );
    let counted = read(&place.write("counted.jsonl", "{\"loss\": 3}\n{\"loss\": 2}\n"));
    assert_eq!(points(&counted, "loss"), [(0.0, 3.0), (1.0, 2.0)]);
}

#[test]
fn documents_of_rows_and_of_columns_are_read() {
    let place = Place::new();
    let wanted = [(0.0, 2.5), (1.0, 1.5)];
    for (name, text) in [
        ("rows.json", "[{\"loss\": 2.5, \"val_loss\": null}, {\"loss\": 1.5}]"),
        (
            "pretty.json",
            "[\n  {\n    \"epoch\": 0,\n    \"loss\": 2.5\n  },\n  {\n    \"epoch\": 1,\n    \"loss\": 1.5\n  }\n]\n",
        ),
        ("columns.json", "{\"loss\": [2.5, 1.5], \"val_loss\": [3, NaN]}"),
        ("lines.json", "{\n \"loss\": [\n  2.5,\n  1.5\n ]\n}"),
        (
            "keras.json",
            "{\"history\": {\"loss\": [2.5, 1.5]}, \"params\": {\"epochs\": 2}, \"epoch\": [0, 1]}",
        ),
        ("pandas.json", "{\"loss\": {\"0\": 2.5, \"1\": 1.5}}"),
        ("inside.json", "{\"logs\": [{\"step\": 0, \"loss\": 2.5}, {\"step\": 1, \"loss\": 1.5}]}"),
    ] {
        let path = place.write(name, text);
        let log = read(&path);
        assert_eq!((log.kind, &points(&log, "loss")[..]), ("JSON", &wanted[..]), "{name}");
    }
    let steps = read(&place.write("steps.json", "{\"step\": [10, 20], \"loss\": [2, 1]}"));
    assert_eq!(points(&steps, "loss"), [(10.0, 2.0), (20.0, 1.0)]);
    // A single row is no document, and settings beside a text are no log.
    assert_eq!(
        read(&place.write("one.jsonl", "{\"step\": 3, \"grads\": [1, 2], \"loss\": 2}\n")).kind,
        "JSON lines"
    );
    let folder = Place::new();
    folder.write("config.json", "{\"layers\": [64, 64]}");
    folder.write("a.log", "iter 0: loss 2.5, time 9ms\niter 1: loss 1.5, time 9ms\n");
    assert_eq!(read(folder.0.path()).kind, "text");
}

#[test]
fn a_document_that_is_rewritten_is_read_again() {
    let place = Place::new();
    let path = place.write("history.json", "{\"loss\": [3, 2]}");
    let mut log = open(&path);
    while log.read() {}
    fs::write(&path, "{\"loss\": [3, 2, 1").expect("written");
    while log.read() {}
    assert!(log.fault.is_some() && points(&log, "loss").len() == 2, "half written");
    fs::write(&path, "{\"loss\": [3, 2, 1]}").expect("written");
    while log.read() {}
    assert_eq!((log.fault, points_of(&log.content, "loss")), (None, vec![3.0, 2.0, 1.0]));
}

/// The values of a series.
fn points_of(content: &logs::series::LogContent, series: &str) -> Vec<f64> {
    content.get(series).map(|s| s.points().map(|p| p.1).collect()).unwrap_or_default()
}

#[test]
fn an_epoch_and_a_batch_within_it_make_a_step() {
    let place = Place::new();
    let row = |epoch: u32, batch: u32| format!("{{\"epoch\": {epoch}, \"batch\": {batch}, \"loss\": 1}}\n");
    let mut rows: String = (0..3).flat_map(|e| (0..4).map(move |b| row(e, b))).collect();
    rows += "{\"epoch\": 2, \"val_loss\": 2}\n";
    let log = read(&place.write("m.jsonl", rows));
    let steps: Vec<f64> = points(&log, "loss").iter().map(|p| p.0).collect();
    assert_eq!(steps, (0..12).map(f64::from).collect::<Vec<_>>());
    assert_eq!(points(&log, "val_loss"), [(11.0, 2.0)]);
    assert!(log.content.get("batch").is_none() && log.content.get("epoch").is_some());
    let table = read(&place.write("m.csv", "epoch,step,loss\n0,0,4\n0,50,3\n1,0,2\n1,50,1\n"));
    assert_eq!(points(&table, "loss"), [(0.0, 4.0), (50.0, 3.0), (100.0, 2.0), (150.0, 1.0)]);
}

#[test]
fn a_step_that_comes_after_the_settings_was_looked_at_is_found() {
    let place = Place::new();
    let mut log = open(&place.write("m.jsonl", "{\"lr\": 0.1}\n"));
    while log.read() {}
    place.append("m.jsonl", "{\"step\": 7, \"loss\": 1}\n{\"step\": 8, \"loss\": 0.5}\n");
    while log.read() {}
    assert_eq!(points(&log, "loss"), [(7.0, 1.0), (8.0, 0.5)]);
    assert!(log.content.get("step").is_none() && log.content.get("lr").is_none());
}

#[test]
fn tables_of_every_form_are_read() {
    let place = Place::new();
    let semicolons = read(&place.write("a.csv", "\u{feff}iteration;loss\n0;2,5\n5;1e-3\n"));
    assert_eq!(points(&semicolons, "loss"), [(0.0, 2.5), (5.0, 1e-3)]);
    let restarted =
        "# a remark\nglobal_step,loss,grad_norm\n0,2,1\n3,1,1\nglobal_step,loss,grad_norm\n3,1.5,nan\n6,0.5";
    let restarted = read(&place.write("b.csv", restarted));
    assert_eq!(points(&restarted, "loss"), [(0.0, 2.0), (3.0, 1.0), (3.0, 1.5)]);
    assert_eq!(restarted.content.get("grad_norm").expect("a series").nan, 1);
    let long = read(&place.write("c.csv", "step,metric,value\n0,loss,2\n0,\"acc, top\",0.1\n1,loss,1\n"));
    assert_eq!(points(&long, "loss"), [(0.0, 2.0), (1.0, 1.0)]);
    assert_eq!(points(&long, "acc, top"), [(0.0, 0.1)]);
    let keras = read(&place.write("training.log", "epoch,loss,val_loss\n0,1,NA\n1,0.5,0.75\n"));
    assert_eq!(points(&keras, "val_loss"), [(1.0, 0.75)]);
    // Columns that are sorted by name, as Lightning writes them, do not show the order of layers.
    let sorted = "step,grads/body.0.bias,grads/body.0.weight,grads/encoder.weight,loss\n0,,,,2\n0,1,2,3,\n";
    assert_eq!(read(&place.write("e.csv", sorted)).layers().order, logs::layers::LayerOrder::Natural);
    let own = read(&place.write("f.csv", "step,grads/encoder.weight,grads/body.weight\n0,1,2\n")).layers();
    assert_eq!(
        (own.names, own.order),
        (vec!["encoder".into(), "body".into()], logs::layers::LayerOrder::Appearance)
    );
    let padded = read(&place.write("d.csv", "   epoch,    train/loss\n       0,    2.5\n       1,     2\n"));
    assert_eq!(points(&padded, "train/loss"), [(0.0, 2.5), (1.0, 2.0)]);
}

#[test]
fn a_table_that_grows_and_is_rewritten_with_a_new_column_is_told_once() {
    let place = Place::new();
    let path = place.write("metrics.csv", "epoch,step,train_loss\n0,0,3\n0,10,2\n");
    let mut log = open(place.0.path());
    while log.read() {}
    place.append("metrics.csv", "0,20,1\n0,30");
    while log.read() {}
    assert_eq!(points(&log, "train_loss"), [(0.0, 3.0), (10.0, 2.0), (20.0, 1.0)]);
    // The end of the incomplete row is read, and nothing is reported twice.
    place.append("metrics.csv", ",0.5\n");
    while log.read() {}
    assert_eq!(points(&log, "train_loss").last(), Some(&(30.0, 0.5)));
    let longer = "epoch,step,train_loss,val_loss\n0,0,3,\n0,10,2,\n0,20,1,\n0,30,0.5,\n0,39,,0.75\n";
    fs::write(&path, longer).expect("written");
    while log.read() {}
    assert_eq!(points(&log, "train_loss").len(), 4);
    assert_eq!(points(&log, "val_loss"), [(39.0, 0.75)]);
    // A file with the same name replaces it.
    fs::remove_file(&path).expect("removed");
    place.write("metrics.csv", "epoch,step,train_loss\n0,0,9\n");
    while log.read() {}
    assert_eq!(points(&log, "train_loss"), [(0.0, 9.0)]);
}

#[test]
fn a_rotated_log_goes_on_and_a_replaced_one_begins_anew() {
    let place = Place::new();
    let row = |name: &str, step: u32| match name {
        "log.csv" => format!("{step},0.{step}\n"),
        _ => format!("{{\"step\": {step}, \"loss\": 0.{step}}}\n"),
    };
    for name in ["log.csv", "log.jsonl"] {
        let rows = |steps: std::ops::Range<u32>| steps.map(|step| row(name, step)).collect::<String>();
        let heading = if name == "log.csv" { "step,loss\n" } else { "" };
        let path = place.write(name, heading.to_string() + &rows(1..4));
        let mut log = open(&path);
        while log.read() {}
        let steps = |log: &RunLog| points(log, "loss").iter().map(|p| p.0 as u32).collect::<Vec<_>>();
        // The last rows of the old file were not read when it got another name; the new one has no heading.
        place.append(name, rows(4..6));
        fs::rename(&path, path.with_extension("1")).expect("renamed");
        place.write(name, rows(6..8));
        while log.read() {}
        assert_eq!(steps(&log), [1, 2, 3, 4, 5, 6, 7], "{name} renamed");
        // A copy was made of the file, and the file was emptied.
        fs::write(&path, "").expect("emptied");
        while log.read() {}
        place.append(name, rows(8..9));
        while log.read() {}
        assert_eq!(steps(&log), [1, 2, 3, 4, 5, 6, 7, 8], "{name} emptied");
        // Another run writes to the same name.
        fs::rename(&path, path.with_extension("2")).expect("renamed");
        place.write(name, heading.to_string() + &rows(2..4));
        while log.read() {}
        assert_eq!(steps(&log), [2, 3], "{name} replaced");
    }
}

#[test]
fn the_newest_checkpoint_of_a_trainer_is_that_with_the_highest_number() {
    let place = Place::new();
    let state = |rows: &str| format!("{{\n  \"global_step\": 1,\n  \"log_history\": [{rows}]\n}}");
    place.write("checkpoint-40/trainer_state.json", state("{\"step\": 20, \"loss\": 2.0}"));
    let rows = "{\"step\": 20, \"loss\": 2.0, \"grad_norm\": NaN}, {\"step\": 100, \"eval_loss\": 1.5}";
    place.write("checkpoint-100/trainer_state.json", state(rows));
    let mut log = open(place.0.path());
    while log.read() {}
    assert_eq!(points(&log, "eval_loss"), [(100.0, 1.5)]);
    assert_eq!(log.content.get("grad_norm").expect("a series").nan, 1);
    place.write(
        "checkpoint-120/trainer_state.json",
        state(&format!("{rows}, {{\"step\": 110, \"loss\": 1}}")),
    );
    while log.read() {}
    assert_eq!(points(&log, "loss"), [(20.0, 2.0), (110.0, 1.0)]);
}

#[test]
fn stores_of_files_and_databases_are_read() {
    let place = Place::new();
    let run = "mlruns/1/abc";
    place.write(&format!("{run}/meta.yaml"), "run_id: abc\nrun_name: 'first'\nlifecycle_stage: active\n");
    place.write(&format!("{run}/metrics/grad/l.0.weight"), "17 0.5 0\n18 inf 3\n");
    place.write("mlruns/1/gone/meta.yaml", "run_id: gone\nlifecycle_stage: deleted\n");
    place.write("mlruns/1/gone/metrics/loss", "1 1 1\n");
    let log = read(place.0.path());
    assert_eq!((log.kind, &log.run[..]), ("MLflow files", "first"));
    assert_eq!(points(&log, "grad/l.0.weight"), [(0.0, 0.5), (3.0, f64::INFINITY)]);

    let place = Place::new();
    place.write("dvclive/plots/metrics/train/loss.tsv", "step\tloss\n0\t2.5\n1\tnan\n");
    let loss = read(place.0.path()).content.get("train/loss").cloned().expect("a series");
    assert_eq!((loss.points, loss.nan), (2, 1));

    let place = Place::new();
    let path = place.0.path().join("mlflow.db");
    let database = rusqlite::Connection::open(&path).expect("a database");
    database
        .execute_batch(
            "pragma journal_mode = wal;
             create table runs (run_uuid text, name text, lifecycle_stage text, start_time int);
             create table metrics (key text, value float, timestamp int, run_uuid text, step int, is_nan int);
             insert into runs values ('u1', 'run', 'active', 1), ('u2', 'run', 'active', 2), ('u3', 'x', 'deleted', 3);
             insert into metrics values ('loss', 2.5, 1, 'u1', 0, 0), ('loss', 0, 1, 'u1', 1, 1), ('loss', 1.7976931348623157e308, 1, 'u2', 4, 0);",
        )
        .expect("rows");
    // The rows are in a file beside it, whose writer still runs; none of the files is changed.
    let before: Vec<_> =
        fs::read_dir(place.0.path()).expect("a folder").flatten().map(|e| e.file_name()).collect();
    let mut logs = logs::open(place.0.path(), &[]).expect("runs");
    logs.iter_mut().for_each(RunLog::read_to_end);
    let names: Vec<&str> = logs.iter().map(|l| &l.run[..]).collect();
    assert_eq!(names, ["run", "run (2)"]);
    let loss = logs[0].content.get("loss").expect("a series");
    assert_eq!((loss.points, loss.nan), (2, 1));
    assert_eq!(points(&logs[1], "loss"), [(4.0, f64::INFINITY)]);
    database.execute("insert into metrics values ('loss', 1, 1, 'u1', 2, 0)", []).expect("a row");
    while logs[0].read() {}
    assert_eq!(points(&logs[0], "loss").last(), Some(&(2.0, 1.0)));
    let after: Vec<_> =
        fs::read_dir(place.0.path()).expect("a folder").flatten().map(|e| e.file_name()).collect();
    assert_eq!(before, after);
}

#[test]
fn texts_are_read_by_patterns_and_by_known_forms() {
    let place = Place::new();
    let path = place.write(
        "a.log",
        "hello\n[1/30] loss=1.5e-1 acc=0.5 |g|= NAN\n\x1b[31m[2/60]\x1b[0m loss=7,123.5 acc=1 |g|=2\n",
    );
    let pattern = ["[{epoch}/{step}] loss={loss} acc={acc} |g|={g}".to_string()];
    let mut logs = logs::open(&path, &pattern).expect("a text");
    logs[0].read_to_end();
    assert_eq!(points(&logs[0], "loss"), [(30.0, 0.15), (60.0, 7123.5)]);
    assert_eq!(logs[0].content.get("g").expect("a series").nan, 1);
    let fault = logs::open(&path, &[]).err().expect("no known form");
    assert!(fault.contains("--pattern"), "{fault}");
    let fault = logs::open(&path, &["loss".into()]).err().expect("no number");
    assert!(fault.contains("names no number"), "{fault}");
    let mut text = String::new();
    for i in [0, 10, 20] {
        let _ = writeln!(text, "iter {i}: loss {}.5, time 3ms", 3 - i / 10);
    }
    let log = read(&place.write("b.log", text));
    assert_eq!(points(&log, "loss"), [(0.0, 3.5), (10.0, 2.5), (20.0, 1.5)]);
    let composer = "[hyperparameter]: nodes: 1\n[metric][batch=3]: loss/train/total: 2.5 \n[metric][batch=4]: l2/a: 1e-3\n";
    let composer = read(&place.write("d.log", composer));
    assert_eq!(
        (points(&composer, "loss/train/total"), points(&composer, "l2/a")),
        (vec![(3.0, 2.5)], vec![(4.0, 1e-3)])
    );
    let mmengine = "Epoch(train)  [2][10/20]  lr: 3e-3  eta: 0  grad_norm: 0.5  loss: 2\n";
    assert_eq!(points(&read(&place.write("c.log", mmengine)), "loss"), [(30.0, 2.0)]);
}

#[test]
fn what_is_no_log_is_refused_with_a_reason() {
    let place = Place::new();
    for (name, bytes, words) in [
        ("x.bin", &b"\x00\x01\x02"[..], "neither text nor"),
        ("run/a.swanlab", b"x", "SwanLab"),
        (".aim/meta", b"x", "Aim"),
    ] {
        let path = place.write(name, bytes);
        let path = if name == ".aim/meta" { place.0.path().join(".aim") } else { path };
        let fault = logs::open(&path, &[]).err().expect("no log");
        assert!(fault.contains(words), "{name}: {fault}");
    }
    assert!(
        logs::open(&place.0.path().join("nothing"), &[]).err().expect("nothing").contains("no such file")
    );
}

#[test]
fn a_hole_in_a_log_is_skipped_at_once_with_a_word() {
    let place = Place::new();
    let row = |step: u32| format!("{{\"step\": {step}, \"loss\": {}}}\n", 9 - step);
    let (before, after) = ([row(0), row(1)].concat(), ["\n".to_string(), row(2), row(3)].concat());
    // A hole that the file system knows, and zeros that were written.
    for (name, hole) in [("hole.jsonl", true), ("zeros.jsonl", false)] {
        let path = place.write(name, &before);
        let mut file = fs::OpenOptions::new().append(true).open(&path).expect("a file");
        if hole {
            file.set_len(3 << 30).expect("a hole");
        } else {
            file.write_all(&vec![0; 40 << 20]).expect("zeros");
        }
        file.write_all(after.as_bytes()).expect("written");
        let begun = std::time::Instant::now();
        let log = read(&path);
        assert!(begun.elapsed().as_secs() < 3, "{name} took {:?}", begun.elapsed());
        let steps: Vec<f64> = points(&log, "loss").iter().map(|p| p.0).collect();
        assert_eq!(steps, [0.0, 1.0, 2.0, 3.0], "{name}");
        let remarks = log.content.remarks.join(", ");
        assert!(remarks.contains("MiB of the file hold only zeros"), "{name}: {remarks}");
    }
    // A log whose end was reserved and is not yet written.
    let path = place.write("end.jsonl", &before);
    fs::OpenOptions::new().write(true).open(&path).expect("a file").set_len(3 << 30).expect("a hole");
    let begun = std::time::Instant::now();
    let log = read(&path);
    assert!(begun.elapsed().as_secs() < 3, "{:?}", begun.elapsed());
    assert_eq!(points(&log, "loss").len(), 2);
    assert!(!log.content.remarks.join(", ").contains("half written"), "{:?}", log.content.remarks);
}

#[test]
fn watch_prints_one_object() {
    let place = Place::new();
    let mut rows = String::new();
    for i in 0..5 {
        let _ = writeln!(
            rows,
            "{{\"step\": {i}, \"loss\": {}, \"grads/b.weight\": 1, \"grads/a.weight\": 2}}",
            5 - i
        );
    }
    place.write("one/m.jsonl", &rows);
    place.write("two/m.jsonl", rows.replace("5,", "NaN,"));
    let watch = |paths: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gradtui"));
        let out =
            command.current_dir(place.0.path()).args(["watch", "--json"]).args(paths).output().expect("runs");
        (
            out.status.code(),
            serde_json::from_slice::<Value>(&out.stdout).ok(),
            String::from_utf8_lossy(&out.stderr).into_owned(),
        )
    };
    let (code, one, _) = watch(&["one"]);
    let one = one.expect("an object");
    assert_eq!(code, Some(0));
    assert_eq!((&one["layers"], &one["series"]["loss"]["last"]), (&json!(["b", "a"]), &json!(1.0)));
    assert_eq!(one["gradient"]["end"]["first_to_last"], json!(0.5));
    assert_eq!(one["gradient"]["clipped"], json!("unknown"));
    let (_, told, _) = watch(&["one", "--layers", "reversed", "--norms", "after"]);
    let told = told.expect("an object");
    assert_eq!((&told["layers"], &told["gradient"]["clipped"]), (&json!(["a", "b"]), &json!("after")));
    let (_, both, _) = watch(&["one", "two"]);
    let both = both.expect("an object");
    assert_eq!(both["runs"]["two"]["series"]["loss"]["first"], json!("NaN"));
    let (code, none, words) = watch(&["absent"]);
    assert_eq!((code, none), (Some(2), None));
    assert!(words.contains("absent: there is no such file"), "{words}");
}
