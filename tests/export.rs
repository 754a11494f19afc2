//! Tests of exporting a run to files for other programs, and of the lab controlled by requests. If `GRADTUI_PYTHON`
//! names a Python with torch, onnx, onnxruntime and safetensors, the models are loaded and the scripts are run there.

use serde_json::{Value, json};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

const SCENARIO: &str = r#"(title: "a & b", data: Digits(), init: HeNormal(), optimizer: Adam(0.003), batch: 32, steps: 40, evaluate_every: 20,
 expect: ["mlp.val_accuracy > 0.1"],
 lanes: [
  (name: "mlp", network: [Dense(12), Relu()]),
  (name: "cnn", network: [Conv2d(filters: 4, padding: 1, bias: false), BatchNorm(), Relu(), MaxPool2d(2), Conv2d(4), Gelu(), GlobalAvgPool()], optimizer: Nesterov(0.05), clip: Norm(1.0)),
  (name: "residual", network: [Dense(12), LayerNorm(), Residual([Dense(12), Silu(), Dense(12)]), Residual([Dense(12), Mish()]), Elu()], schedule: Cosine(), regularisation: (l2: 0.001)),
  (name: "lstm", network: [Lstm(6)]),
  (name: "gru", network: [Gru(units: 6, all: true), BatchNorm(), Gru(5)]),
  (name: "rnn", network: [Rnn(units: 6, bias_hh: false)], loss: Mse()),
 ])"#;
const LANES: [&str; 6] = ["mlp", "cnn", "residual", "lstm", "gru", "rnn"];

/// A separate folder for this test, removed at its end.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(TempDir::with_prefix("gradtui-").expect("a directory"))
    }

    fn gradtui(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gradtui"));
        command.args(arguments).current_dir(self.0.path()).stdin(Stdio::null()).output().expect("a start")
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.path().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    /// A finished run of the scenario, in `run`.
    fn run(&self) {
        std::fs::write(self.0.path().join("s.ron"), SCENARIO).expect("written");
        let out = self.gradtui(&["run", "s.ron", "--out", "run"]);
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    }

    fn export(&self, arguments: &[&str]) {
        let out = self.gradtui(&[&["export", "run"], arguments].concat());
        assert!(out.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
    }
}

#[test]
fn reports_have_findings_and_hashes_and_tables_say_which_seeds_they_have() {
    let place = Place::new();
    let text =
        "(data: Moons(samples: 100), network: [Dense(4)], steps: 20, evaluate_every: 10, seeds: 3, lanes: [
        (name: \"calm\", optimizer: Sgd(0.1)), (name: \"wild\", optimizer: Sgd(1e6))])";
    std::fs::write(place.0.path().join("s.ron"), text).expect("written");
    let out = place.gradtui(&["run", "s.ron", "--out", "run"]);
    assert!(place.0.path().join("run").exists(), "{}", String::from_utf8_lossy(&out.stderr));
    place.export(&["--md", "r.md", "--html", "r.html"]);
    for (name, heading) in [("r.md", "## "), ("r.html", "<h2>")] {
        let report = place.text(name);
        assert!(report.contains(&format!("{heading}Findings at warn or bad")), "{report}");
        assert!(report.contains("calm: none") && report.contains("wild: bad "), "{report}");
        assert!(report.contains(&format!("{heading}Hashes of the parameters")), "{report}");
    }
    let log = place.text("run/metrics.jsonl");
    let rows = log.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let hash = rows
        .filter(|row| row["lane"] == "calm")
        .filter_map(|row| Some(row["hash"].as_str()?.to_string()))
        .next_back();
    let report = place.text("r.md");
    assert!(report.contains(&format!("calm at step 20: {}", hash.expect("a hash"))), "{report}");
    let out = place.gradtui(&["export", "run", "--csv", "t.csv"]);
    assert!(String::from_utf8_lossy(&out.stderr).contains("the tables have seed 1 only"), "{out:?}");
}

#[test]
fn tables_hold_every_number_of_the_log() {
    let place = Place::new();
    place.run();
    place.export(&["--csv", "tidy.csv", "--wide", "wide.csv", "--npz", "all.npz"]);
    let tidy = place.text("tidy.csv");
    let mut told = 0;
    for line in place.text("run/metrics.jsonl").lines() {
        let row: Value = serde_json::from_str(line).expect("JSON");
        for key in ["loss", "val_loss", "grad_norm", "lr"] {
            let Some(x) = row[key].as_f64() else { continue };
            let head = format!("{},0,{},,{key},", row["lane"].as_str().expect("a lane"), row["step"]);
            let head = head.replacen(",0,", &format!(",{},", seed(&tidy)), 1);
            let found = tidy.lines().find_map(|l| l.strip_prefix(&head)).unwrap_or_else(|| panic!("{head}"));
            assert_eq!(found.parse::<f64>().expect("a number"), x, "{head}");
            told += 1;
        }
        let norms = row["layer_grad_norms"].as_array().map_or(0, Vec::len);
        let of = |l: &&str| l.contains(",grad_norm,") && !l.contains(",,grad_norm,");
        let head = format!("{},{},{},", row["lane"].as_str().expect("a lane"), seed(&tidy), row["step"]);
        assert_eq!(tidy.lines().filter(|l| l.starts_with(&head)).filter(of).count(), norms, "{head}");
    }
    assert!(told > 500, "{told}");
    let wide = place.text("wide.csv");
    let columns = wide.lines().next().expect("a head").split(',').count();
    assert!(wide.lines().all(|l| l.split(',').count() == columns));
    assert_eq!(wide.lines().count(), 1 + place.text("run/metrics.jsonl").lines().count());
}

/// The seed in the second column.
fn seed(tidy: &str) -> &str {
    tidy.lines().nth(1).and_then(|l| l.split(',').nth(1)).expect("a row")
}

#[test]
fn figures_and_reports_are_whole_and_small() {
    let place = Place::new();
    place.run();
    place.export(&["--svg", "curves", "--tex", "run.tex", "--md", "run.md", "--html", "run.html"]);
    place.export(&["--svg", "gradients", "--lane", "residual", "--out", "map.svg"]);
    for name in ["curves.svg", "map.svg"] {
        let svg = place.text(name);
        assert!(svg.len() < 100_000 && svg.contains("<text") && !svg.contains("<script"), "{name}");
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"), "{name}");
        assert!(svg.contains("a &amp; b"), "{name}");
    }
    for lane in LANES {
        assert!(place.text("curves.svg").contains(&format!(">{lane}</text>")), "{lane}");
        assert!(place.text("run.tex").contains(&format!("\\addlegendentry{{{lane}}}")), "{lane}");
        assert!(place.text("run.md").contains(&format!("| {lane} | 40 |")), "{lane}");
    }
    assert!(place.text("run.md").contains("holds: mlp.val_accuracy > 0.1"));
    let html = place.text("run.html");
    assert!(!html.contains("<script") && !html.contains("src="), "nothing is fetched");
    assert!(place.text("run.tex").contains("a \\& b"));
}

/// A PNG file as a picture.
fn picture(place: &Place, name: &str) -> image::RgbImage {
    let bytes = std::fs::read(place.0.path().join(name)).expect("a file");
    image::load_from_memory_with_format(&bytes, image::ImageFormat::Png).expect("a PNG").into_rgb8()
}

/// The share of pixels in a part of a picture (left, top, width, height) that are dark.
fn ink(picture: &image::RgbImage, [x, y, w, h]: [u32; 4]) -> f64 {
    let pixels = (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y)));
    let dark = pixels.filter(|&(x, y)| picture.get_pixel(x, y).0.iter().all(|c| *c < 0x90));
    dark.count() as f64 / f64::from(w * h)
}

#[test]
fn pictures_show_what_the_figures_show() {
    let place = Place::new();
    place.run();
    place.export(&["--png", "curves", "--svg", "curves"]);
    place.export(&["--png", "curves", "--out", "again.png"]);
    place.export(&["--png", "gradients", "--lane", "cnn"]);
    let bytes = |name: &str| std::fs::read(place.0.path().join(name)).expect("a file");
    assert_eq!(bytes("curves.png"), bytes("again.png"), "the same bytes");
    assert!(bytes("curves.png").len() < 300_000);
    let curves = picture(&place, "curves.png");
    assert_eq!(curves.dimensions(), (1440, 840), "two pixels per unit");
    assert_eq!(curves.get_pixel(0, 0).0, [255; 3], "white");
    // The colour of every lane is in the SVG and on the picture, in its curve and in its name.
    let svg = place.text("curves.svg");
    for colour in [[0x0b, 0x62, 0xa8], [0xb0, 0x3a, 0x00], [0x00, 0x71, 0x5a], [0x8a, 0x3a, 0x8f]] {
        let [r, g, b] = colour;
        assert!(svg.contains(&format!("stroke=\"#{r:02x}{g:02x}{b:02x}\"")), "{colour:?}");
        let found = curves.pixels().filter(|p| p.0 == colour).count();
        assert!(found > 300, "{colour:?}: {found}");
    }
    let map = picture(&place, "gradients.png");
    assert!(map.pixels().filter(|p| p.0 != [255; 3]).count() > 400_000, "the map is filled");
    // The title, the name of the horizontal axis, and that of the vertical one, which reads upwards.
    assert!(ink(&curves, [140, 26, 120, 24]) > 0.1, "{}", ink(&curves, [140, 26, 120, 24]));
    assert!(ink(&curves, [760, 798, 60, 24]) > 0.1, "{}", ink(&curves, [760, 798, 60, 24]));
    assert!(ink(&curves, [10, 380, 26, 60]) > 0.1, "{}", ink(&curves, [10, 380, 26, 60]));
    assert!(ink(&map, [140, 26, 300, 24]) > 0.1, "{}", ink(&map, [140, 26, 300, 24]));
    assert_eq!(ink(&curves, [1000, 0, 440, 60]), 0.0, "nothing stands right of the title");
}

#[test]
fn pictures_go_where_they_are_told() {
    let place = Place::new();
    std::fs::write(
        place.0.path().join("s.ron"),
        "(title: \"日\", data: Moons(samples: 50), network: [Dense(2)], steps: 2)",
    )
    .expect("written");
    assert!(place.gradtui(&["run", "s.ron", "--out", "run"]).status.success());
    let refused = |arguments: &[&str], what: &str| {
        let out = place.gradtui(&[&["export", "run"], arguments].concat());
        let err = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(out.status.code() == Some(2) && err.contains(what), "{arguments:?}: {err}");
    };
    refused(&["--png", "curves", "--svg", "curves", "--out", "a"], "--out is the file of one figure");
    refused(&["--csv", "a.csv", "--out", "a.png"], "--out is the file of one figure");
    refused(&["--png", "curves", "--csv", "curves.png"], "two files would be written here");
    refused(&["--png", "curves", "--out", "-"], "this file is no text");
    refused(&["--png", "curves", "--out", "none/a.png"], "its directory is not there");
    std::fs::create_dir(place.0.path().join("dir.png")).expect("a folder");
    std::os::unix::fs::symlink("s.ron", place.0.path().join("link.png")).expect("a link");
    refused(&["--png", "curves", "--out", "dir.png"], "a directory has this name");
    refused(&["--png", "curves", "--out", "link.png"], "a link has this name");
    let out = place.gradtui(&["export", "run", "--png", "curves"]);
    assert!(out.status.success() && String::from_utf8_lossy(&out.stderr).contains("does not have: 日"));
    // LaTeX does not have it either, and would stop there.
    place.export(&["--tex", "run.tex"]);
    assert!(place.text("run.tex").contains("\\DeclareUnicodeCharacter{65E5}"));
}

#[test]
fn a_figure_of_a_very_deep_network_is_small() {
    let place = Place::new();
    let text = "(title: \"A title that is so long that it would not fit above the figure if it were not cut there\", \
                data: Moons(samples: 50), network: [Repeat(times: 100, layers: [Dense(3), Tanh()])], steps: 150)";
    std::fs::write(place.0.path().join("s.ron"), text).expect("written");
    assert!(place.gradtui(&["run", "s.ron", "--out", "run"]).status.success());
    place.export(&["--svg", "gradients"]);
    let svg = place.text("gradients.svg");
    assert!(svg.len() < 100_000, "{}", svg.len());
    assert!(svg.contains("…: gradient norms of "));
}

#[test]
fn weights_have_the_names_and_shapes_of_pytorch() {
    let place = Place::new();
    place.run();
    let tensors = |lane: &str| {
        place.export(&["--lane", lane, "--weights", "w.safetensors", "--onnx", "m.onnx"]);
        let bytes = std::fs::read(place.0.path().join("w.safetensors")).expect("a file");
        let file = safetensors::SafeTensors::deserialize(&bytes).expect("safetensors");
        let mut all: Vec<_> = file.tensors().into_iter().map(|(n, t)| (n, t.shape().to_vec())).collect();
        all.sort();
        all
    };
    let named = |all: &[(&str, &[usize])]| -> Vec<_> {
        all.iter().map(|(n, s)| ((*n).to_string(), s.to_vec())).collect()
    };
    assert_eq!(
        tensors("mlp"),
        named(&[("0.bias", &[12]), ("0.weight", &[12, 64]), ("2.bias", &[10]), ("2.weight", &[10, 12])])
    );
    let rnn = [
        ("0.bias_hh_l0", &[6][..]),
        ("0.bias_ih_l0", &[6]),
        ("0.weight_hh_l0", &[6, 6]),
        ("0.weight_ih_l0", &[6, 8]),
    ];
    assert_eq!(tensors("rnn")[..4], named(&rnn));
    assert_eq!(tensors("lstm")[2], ("0.weight_hh_l0".into(), vec![24, 6]));
    assert!(tensors("cnn").contains(&("1.running_var".into(), vec![4])));
    let out = place.gradtui(&["export", "run", "--weights", "w.pt"]);
    assert_eq!(out.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&out.stderr).contains("end in .safetensors or .npz"));
}

#[test]
fn a_lane_begins_with_the_weights_of_a_file() {
    let place = Place::new();
    place.run();
    for lane in ["cnn", "gru", "rnn"] {
        place.export(&["--lane", lane, "--weights", &format!("{lane}.safetensors")]);
    }
    // The rate is 0 and the running statistics do not change, so the validation is that of the trained lane.
    let text =
        SCENARIO.replace("optimizer: Adam(0.003)", "optimizer: Sgd(0)").replace("Nesterov(0.05)", "Sgd(0)");
    let text = text.replace("steps: 40, evaluate_every: 20", "steps: 1, evaluate_every: 1");
    let text = text.replace("BatchNorm()", "BatchNorm(momentum: 0)");
    let mut text = text.replace("expect: [\"mlp.val_accuracy > 0.1\"],", "");
    for lane in ["cnn", "gru", "rnn"] {
        text = text.replace(
            &format!("name: \"{lane}\","),
            &format!("name: \"{lane}\", init: From(\"{lane}.safetensors\"),"),
        );
    }
    std::fs::write(place.0.path().join("again.ron"), &text).expect("written");
    let last = |run: &[&str], lane: &str| {
        let out = String::from_utf8(place.gradtui(run).stdout).expect("UTF-8");
        let mut rows = out.lines().filter_map(|l| serde_json::from_str::<Value>(l).ok());
        rows.rfind(|r| r["lane"] == lane && r["val_loss"].is_number()).expect("a row")["val_loss"].clone()
    };
    for lane in ["gru", "rnn"] {
        assert_eq!(
            last(&["run", "s.ron", "--json"], lane),
            last(&["run", "again.ron", "--json"], lane),
            "{lane}"
        );
    }
    let refused = |text: &str, what: &str| {
        std::fs::write(place.0.path().join("bad.ron"), text).expect("written");
        let out = place.gradtui(&["check", "bad.ron"]);
        let err = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(out.status.code() == Some(2) && err.starts_with("bad.ron:") && err.contains(what), "{err}");
    };
    refused(&text.replace("cnn.safetensors", "nothing.safetensors"), "there is no such file");
    refused(&text.replace("cnn.safetensors", "again.ron"), "no safetensors file");
    refused(&text.replace("From(\"cnn", "From(\"gru"), "no tensor 0.weight [4, 1, 3, 3]");
}

#[test]
fn a_lane_that_pytorch_cannot_repeat_is_refused_in_words() {
    let place = Place::new();
    let text =
        r"(data: Moons(samples: 100), network: [Dense(4), Dropout(0.5)], steps: 4, optimizer: Lion(0.001))";
    std::fs::write(place.0.path().join("s.ron"), text).expect("written");
    assert!(place.gradtui(&["run", "s.ron", "--out", "run"]).status.success());
    let out = place.gradtui(&["export", "run", "--pytorch", "t.py"]);
    assert_eq!(out.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&out.stderr).contains("cannot repeat the draws of Dropout"));
    assert!(!place.0.path().join("t.py").exists());
}

#[test]
fn other_libraries_get_the_same_numbers() {
    let Some(python) = std::env::var_os("GRADTUI_PYTHON") else { return };
    let place = Place::new();
    place.run();
    let check = r#"
import sys, importlib.util, numpy as np, onnx, onnxruntime, torch
from safetensors.torch import load_file
lane = sys.argv[1]
onnx.checker.check_model(onnx.load("m.onnx"), full_check=True)
x = np.load("t_batches.npz")["x"][:50]
theirs = onnxruntime.InferenceSession("m.onnx").run(None, {"x": x})[0]
spec = importlib.util.spec_from_file_location("t", "t.py"); t = importlib.util.module_from_spec(spec); spec.loader.exec_module(t)
net = t.Net(); net.load_state_dict(load_file("w.safetensors"), strict=False); net.eval()
ours = net(torch.from_numpy(x)).detach().numpy()
off = np.abs(theirs - ours).max() / np.abs(ours).max()
assert off < 1e-6, (lane, off)
sys.exit(t.main())
"#;
    std::fs::write(place.0.path().join("check.py"), check).expect("written");
    for lane in LANES {
        place.export(&[
            "--lane",
            lane,
            "--weights",
            "w.safetensors",
            "--onnx",
            "m.onnx",
            "--pytorch",
            "t.py",
            "--steps",
            "100",
        ]);
        let mut command = Command::new(&python);
        let out = command.args(["check.py", lane]).current_dir(place.0.path()).output().expect("a start");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        println!("{lane}: {}", text(&out.stdout));
        assert!(out.status.success(), "{lane}: {}{}", text(&out.stdout), text(&out.stderr));
    }
}

/// Serves a scenario in this place and returns the lines of output.
fn served(place: &Place, requests: &[Value], raw: &str) -> Vec<Value> {
    std::fs::write(place.0.path().join("s.ron"), SCENARIO).expect("written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_gradtui"));
    command.args(["serve", "s.ron"]).current_dir(place.0.path()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("a start");
    let text = requests.iter().map(|r| r.to_string() + "\n").collect::<String>() + raw;
    child.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("written");
    let out = child.wait_with_output().expect("an end");
    assert!(out.status.success());
    let text = String::from_utf8(out.stdout).expect("UTF-8");
    text.lines().map(|l| serde_json::from_str(l).unwrap_or_else(|e| panic!("{l}: {e}"))).collect()
}

fn answer(lines: &[Value], id: u64) -> &Value {
    lines
        .iter()
        .find(|l| l["id"] == id && l.get("event").is_none())
        .unwrap_or_else(|| panic!("no answer {id}"))
}

#[test]
fn requests_are_answered_in_order_and_bad_ones_cost_nothing() {
    let place = Place::new();
    let requests = [
        json!({ "id": 1, "do": "step", "steps": 10 }),
        json!({ "id": 2, "do": "set", "lane": "mlp", "set": { "optimizer.lr": 0.01 } }),
        json!({ "id": 3, "do": "fork", "lane": "mlp", "name": "twin", "at": 5, "set": { "clip": "Norm(0.5)" } }),
        json!({ "id": 4, "do": "stepp" }),
        json!({ "id": 5, "do": "step", "stps": 3 }),
        json!({ "id": 6, "do": "set", "lane": "nobody", "set": {} }),
        json!({ "id": 7, "do": "set", "lane": "mlp", "set": { "optimizer.lr": "fast" } }),
        json!({ "id": 8, "do": "attack", "lane": "mlp", "attack": "Fgsm(0.1)" }),
        json!({ "id": 15, "do": "attack", "lane": "mlp", "sample": 100_000 }),
        json!({ "id": 9, "do": "rewind", "step": 4 }),
        json!({ "id": 10, "do": "run" }),
        json!({ "id": 11, "do": "state" }),
        json!({ "id": 12, "do": "export", "file": "now.ron" }),
    ];
    let raw = "nonsense\n[1]\n\n{\"id\": 13, \"do\": \"quit\"}\n{\"id\": 14, \"do\": \"state\"}\n";
    let lines = served(&place, &requests, raw);
    assert_eq!(lines, served(&place, &requests, raw), "the same requests, the same lines");
    assert_eq!(lines[0]["event"], "hello");
    assert_eq!(answer(&lines, 1)["ok"]["mlp"], 10);
    let of = |id, what: &str| {
        let error = answer(&lines, id)["error"].as_str().unwrap_or_default().to_string();
        assert!(error.contains(what), "{id}: {error}");
    };
    of(4, "did you mean step?");
    of(5, "step has no field stps; it has steps, every");
    of(6, "there are mlp, cnn");
    of(7, "a number");
    of(15, "samples validate");
    assert!(answer(&lines, 8)["ok"]["adversarial"]["pixels"].as_array().is_some_and(|p| p.len() == 64));
    assert!(lines.iter().any(|l| l["past"] == true && l["step"] == 4));
    assert_eq!(
        answer(&lines, 10)["ok"],
        json!({ "mlp": 40, "cnn": 40, "residual": 40, "lstm": 40, "gru": 40, "rnn": 40, "twin": 40 })
    );
    assert_eq!(lines.iter().filter(|l| l["id"].is_null() && l.get("error").is_some()).count(), 2);
    assert!(lines.iter().all(|l| l["id"] != 14), "nothing is answered after quit");
    // The present scenario gives the same numbers without requests.
    let val_loss = |lane: &str| {
        let lanes = answer(&lines, 11)["ok"].as_array().expect("lanes");
        lanes.iter().find(|l| l["lane"] == lane).expect("a lane")["numbers"]["val_loss"].clone()
    };
    let out = place.gradtui(&["run", "now.ron", "--json"]);
    let text = String::from_utf8(out.stdout).expect("UTF-8");
    let rows: Vec<Value> = text.lines().filter_map(|l| serde_json::from_str(l).ok()).collect();
    for lane in ["mlp", "twin"] {
        let last =
            rows.iter().rev().find(|r| r["lane"] == lane && r["step"] == 40 && r["val_loss"].is_number());
        assert_eq!(last.map(|r| r["val_loss"].clone()), Some(val_loss(lane)), "{lane}");
    }
}

#[test]
fn the_schema_names_every_request() {
    let place = Place::new();
    let out = place.gradtui(&["serve", "--schema"]);
    let schema: Value = serde_json::from_slice(&out.stdout).expect("JSON");
    let requests = schema["$defs"]["request"]["oneOf"].as_array().expect("a list");
    assert_eq!(requests.len(), 13);
    assert!(requests.iter().all(|r| r["description"].is_string() && r["additionalProperties"] == false));
}

#[test]
fn hooks_are_small_and_whole() {
    let place = Place::new();
    for library in ["pytorch", "lightning", "keras", "jax"] {
        let out = place.gradtui(&["hook", library]);
        let text = String::from_utf8(out.stdout).expect("UTF-8");
        assert!(text.lines().count() <= 60 && text.contains("class Watch"), "{library}");
    }
    assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/hooks").is_dir());
}
