//! Tests of headless runs from outside: their output, their files, their ends, and resuming.

use gradtui::engine::rng::{Purpose, Stream};
use rustix::process::Signal;
use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use tempfile::TempDir;

const SCENARIO: &str = r#"(
  title: "three lanes", data: Spiral(), network: [Dense(8), Tanh()], steps: 400, evaluate_every: 30,
  schedule: Cosine(), clip: Norm(max_norm: 1.0),
  lanes: [
    (name: "adam", optimizer: Adam(lr: 0.01)),
    (name: "momentum", optimizer: Momentum(lr: 0.1)),
    (name: "wild", optimizer: Sgd(lr: 1e5), loss: Mse(), clip: Off()),
  ],
)"#;

/// A separate directory for this test, with a scenario.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let dir = TempDir::with_prefix("gradtui-").expect("a directory");
        std::fs::write(dir.path().join("s.ron"), SCENARIO).expect("a file");
        Self(dir)
    }
    fn command<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gradtui"));
        command.current_dir(self.0.path()).args(arguments).stdin(Stdio::null());
        command
    }
    #[track_caller]
    fn go(&self, line: &str) -> (i32, String, String) {
        let words: Vec<&str> = line.split(' ').collect();
        let out = self.command(&words).output().expect("the program starts");
        let text = |b: Vec<u8>| String::from_utf8(b).expect("UTF-8");
        (out.status.code().expect("no signal"), text(out.stdout), text(out.stderr))
    }
    fn log(&self, run: &str) -> String {
        std::fs::read_to_string(self.0.path().join(run).join("metrics.jsonl")).expect("a log")
    }
}

#[test]
fn a_run_in_two_parts_leaves_the_log_of_a_whole_one() {
    let place = Place::new();
    assert_eq!(place.go("run s.ron --out whole --threads 1").0, 0);
    assert_eq!(place.go("run s.ron --out parts --steps 137 --threads 3").0, 0);
    assert_ne!(place.log("parts"), place.log("whole"));
    assert_eq!(place.go("resume parts --steps 250").0, 0);
    assert_eq!(place.go("resume parts --steps 400").0, 0);
    assert_eq!(place.log("parts"), place.log("whole"));
    let scenario = |run: &str| {
        std::fs::read_to_string(place.0.path().join(run).join("scenario.ron")).expect("a scenario")
    };
    assert_eq!(scenario("parts"), scenario("whole"));
}

#[test]
fn every_line_is_json_and_what_is_not_finite_is_null() {
    let place = Place::new();
    let (code, out, err) = place.go("run s.ron --json --out run");
    assert_eq!(code, 0, "{err}");
    let lines: Vec<serde_json::Value> =
        out.lines().map(|l| serde_json::from_str(l).unwrap_or_else(|e| panic!("{e}: {l}"))).collect();
    assert!(out.starts_with(&place.log("run")), "standard output has the log, then how each lane ended");
    let ends: Vec<_> = lines.iter().filter(|l| l["end"].is_string()).collect();
    assert_eq!(ends.len(), 3);
    assert_eq!((&ends[2]["lane"], &ends[2]["end"]), (&"wild".into(), &"diverged".into()));
    assert_eq!(ends[0]["step"], 400);
    let last = lines.iter().rfind(|l| l["lane"] == "wild" && l["end"].is_null()).expect("lines of the lane");
    assert!(last["loss"].is_null() || last["grad_norm"].is_null(), "{last}");
    let adam: Vec<_> = lines.iter().filter(|l| l["lane"] == "adam" && l["end"].is_null()).collect();
    assert_eq!(adam.len(), 400);
    assert!(adam.iter().enumerate().all(|(i, l)| l["step"] == i as u64 + 1));
    assert_eq!(
        adam.iter().filter(|l| l["val_loss"].is_number()).count(),
        14,
        "every 30 steps and at the end"
    );
    assert_eq!(adam[0]["layer_grad_norms"].as_array().map(Vec::len), Some(2));
}

#[test]
fn every_evaluation_has_the_hash_of_the_parameters() {
    let place = Place::new();
    let (code, table, err) = place.go("run s.ron --out run --threads 2");
    assert_eq!(code, 0, "{err}");
    let lines: Vec<serde_json::Value> =
        place.log("run").lines().map(|l| serde_json::from_str(l).expect("JSON")).collect();
    assert!(lines.iter().all(|l| l["hash"].is_string() == l["val_loss"].is_number()), "with the evaluation");
    let of = |lane: &str| -> Vec<&str> {
        lines.iter().filter(|l| l["lane"] == lane).filter_map(|l| l["hash"].as_str()).collect()
    };
    let adam = of("adam");
    assert!(adam.len() == 14 && adam.windows(2).all(|w| w[0] != w[1]) && adam[0].len() == 64);
    for lane in ["adam", "momentum"] {
        let last = of(lane).pop().expect("a hash");
        let row = table.lines().find(|l| l.starts_with(lane)).expect("a row");
        assert!(row.ends_with(&format!("hash {}", &last[..12])), "{row}");
    }
    let json = place.go("run s.ron --json --threads 1").1;
    let ends = json.lines().filter_map(|l| serde_json::from_str::<serde_json::Value>(l).ok());
    let end = ends.into_iter().find(|l| l["end"].is_string() && l["lane"] == "adam").expect("an end");
    assert_eq!(end["hash"].as_str(), adam.last().copied());
}

#[test]
fn robustness_is_in_the_log_and_can_be_expected() {
    let place = Place::new();
    let text = SCENARIO.replace("steps: 400", "steps: 200, robustness: (eps: 0.5, samples: 40, every: 50)");
    std::fs::write(place.0.path().join("r.ron"), text).expect("a file");
    assert_eq!(place.go("run r.ron --out whole --threads 1").0, 0);
    assert_eq!(place.go("run r.ron --out parts --steps 120 --threads 3").0, 0);
    assert_eq!(place.go("resume parts --steps 200").0, 0);
    assert_eq!(place.log("parts"), place.log("whole"));
    let lines: Vec<serde_json::Value> =
        place.log("whole").lines().map(|l| serde_json::from_str(l).expect("JSON")).collect();
    let adam = lines.iter().filter(|l| l["lane"] == "adam" && l["robustness"].is_object());
    assert_eq!(adam.clone().map(|l| l["step"].as_u64()).collect::<Vec<_>>(), [50, 100, 150, 200].map(Some));
    for measured in adam.map(|l| &l["robustness"]) {
        let share = |name: &str| measured[name].as_f64().expect("a share");
        assert!(share("eps") == 0.5 && share("pgd") <= share("clean"), "{measured}");
    }
    let expect = |scenario: &str, what: &str| {
        let out =
            place.command(&["run", scenario, "--steps", "60", "--expect", what]).output().expect("a start");
        (out.status.code(), String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned())
    };
    let (code, words) = expect("s.ron", "adam.pgd_accuracy@2.5 <= adam.noise_accuracy@2.5");
    assert!(code == Some(0) && words.contains("eps 2.5: clean "), "{words}");
    let (code, words) = expect("r.ron", "adam.pgd_accuracy@0.25 > 1");
    assert!(code == Some(1) && words.contains("does not hold"), "{words}");
}

#[test]
fn a_scenario_s_expectations_are_checked_where_they_stand_and_judged_at_its_end() {
    let place = Place::new();
    let write = |name: &str, expect: &str| {
        let text = format!(
            "(data: Moons(), network: [Dense(4), Tanh()], steps: 40, lanes: [(name: \"a\")],\n expect: [{expect}])"
        );
        std::fs::write(place.0.path().join(name), text).expect("a file");
    };
    write("bad.ron", "\"a.step == 40\", \"b.loss < 1\", \"a.los < 1\", \"a.loss\"");
    let (checked, run) = (place.go("check bad.ron"), place.go("run bad.ron"));
    assert_eq!((checked.0, run.0), (2, 2));
    for (place, hint) in
        [("bad.ron:2:27:", "no lane b"), ("bad.ron:2:41:", "mean loss?"), ("bad.ron:2:54:", "comparison")]
    {
        for said in [&checked.2, &run.2] {
            assert!(said.lines().any(|l| l.starts_with(place) && l.contains(hint)), "{place} {hint}\n{said}");
        }
    }
    write("good.ron", "\"a.step == 40\", \"a.val_loss < 100\"");
    let (code, out, _) = place.go("run good.ron --out v");
    assert!(code == 0 && out.contains("holds: a.step == 40   40 against 40"), "{out}");
    // Expectations for the whole length are not judged after half of it; those of the command line are.
    let (code, out, err) = place.go("run good.ron --steps 20");
    assert!(code == 0 && err.contains("not judged") && !out.contains("holds"), "{out}{err}");
    let short = place.command(&["run", "good.ron", "--steps", "20", "--expect", "a.step == 40"]).output();
    assert_eq!(short.expect("a start").status.code(), Some(1));
    // A finished run does not train further; its numbers are in its log.
    let (code, _, err) = place.go("resume v");
    assert!(code == 0 && err.contains("finished"), "{err}");
    let asked = place.command(&["resume", "v", "--steps", "40", "--expect", "a.val_loss < 100"]).output();
    let asked = asked.expect("a start");
    assert_eq!(asked.status.code(), Some(0), "{}", String::from_utf8_lossy(&asked.stderr));
    assert_eq!(place.go("resume v --steps 60").0, 1, "a.step == 40 does not hold after 60");
}

#[test]
fn expectations_decide_the_exit_code() {
    let place = Place::new();
    let with = |expectation: &str| {
        let out = place
            .command(&["run", "s.ron", "--steps", "60", "--expect", expectation])
            .output()
            .expect("a start");
        (out.status.code(), String::from_utf8_lossy(&out.stderr).into_owned())
    };
    assert_eq!(with("wild.diverged == 1").0, Some(0));
    assert_eq!(with("adam.step == 60").0, Some(0));
    let (code, words) = with("adam.val_accuracy > 1");
    assert_eq!(code, Some(1));
    assert!(words.contains("does not hold"), "{words}");
    for (wrong, hint) in [("adm.loss < 1", "did you mean adam"), ("adam.los < 1", "did you mean loss")] {
        let (code, words) = with(wrong);
        assert_eq!(code, Some(2), "{words}");
        assert!(words.contains(hint), "{words}");
    }
}

/// Reads the output of a run without an end until this many new checkpoints are on the disk, and then this many lines;
/// then sends it a signal.
fn strike(place: &Place, arguments: &[&str], checkpoints: u32, lines: u32, signal: Signal) -> Option<i32> {
    let mut child =
        place.command(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("a start");
    let mut out = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let newest = || std::fs::read(place.0.path().join("struck/checkpoint")).ok();
    let (mut seen, mut left) = (newest(), checkpoints);
    // Training begins while the first checkpoint is being written.
    while left > 0 || seen.is_none() {
        out.next().expect("a line").expect("UTF-8");
        let now = newest();
        if now.is_some() && now != seen {
            (seen, left) = (now, left.saturating_sub(1));
        }
    }
    for _ in 0..lines {
        out.next().expect("a line").expect("UTF-8");
    }
    let pid = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw).expect("a process");
    rustix::process::kill_process(pid, signal).expect("a signal");
    // The rest is read, so that the program does not wait for a full pipe.
    out.for_each(drop);
    child.wait().expect("an end").code()
}

/// The run is killed again and again, at moments chosen by random numbers: between two checkpoints, while one is
/// written, right after one.
#[test]
fn a_run_that_is_killed_or_told_to_end_goes_on_as_if_nothing_had_been() {
    let place = Place::new();
    let run = ["run", "s.ron", "--json", "--steps", "100000000", "--out", "struck"];
    let resume = |threads| ["resume", "struck", "--json", "--steps", "100000000", "--threads", threads];
    let mut draws = Stream::new(7, Purpose::Noise, 0, 0);
    assert_eq!(strike(&place, &run, 0, draws.below(600), Signal::KILL), None);
    for _ in 0..8 {
        let threads = ["1", "2", "3"][draws.below(3) as usize];
        let (checkpoints, lines) = (draws.below(3) / 2, draws.below(400));
        assert_eq!(strike(&place, &resume(threads), checkpoints, lines, Signal::KILL), None);
    }
    assert_eq!(strike(&place, &resume("2"), 0, 300, Signal::TERM), Some(143));
    let log = place.log("struck");
    assert!(log.ends_with('\n'));
    let steps = log.lines().filter_map(|l| serde_json::from_str::<serde_json::Value>(l).ok());
    let furthest = steps.filter_map(|l| l["step"].as_u64()).max().expect("a step");
    // A lane may be ahead of the log, which waits for the slowest lane, by the steps of some milliseconds.
    let end = (furthest + 20_000).to_string();
    assert_eq!(place.go(&format!("resume struck --steps {end}")).0, 0);
    assert_eq!(place.go(&format!("run s.ron --out whole --steps {end}")).0, 0);
    assert!(place.log("struck") == place.log("whole"), "the logs differ");
}

#[test]
fn a_directory_that_is_not_ours_or_in_use_is_refused_untouched() {
    let place = Place::new();
    let foreign = place.0.path().join("foreign");
    std::fs::create_dir(&foreign).expect("a directory");
    std::fs::write(foreign.join("thesis.tex"), "years").expect("a file");
    let names = |p: &Path| std::fs::read_dir(p).expect("a directory").count();
    assert_eq!(place.go("run s.ron --out foreign").0, 2);
    assert_eq!(place.go("resume foreign").0, 2);
    assert_eq!(names(&foreign), 1);
    assert_eq!(place.go("run s.ron --out s.ron").0, 2);
    assert_eq!(place.go("run s.ron --steps 20 --out once").0, 0);
    let (code, _, words) = place.go("run s.ron --steps 20 --out once");
    assert!(code == 2 && words.contains("resume"), "{code} {words}");
}

#[test]
fn a_run_whose_directory_is_replaced_says_so_and_leaves_the_next_one_alone() {
    let place = Place::new();
    let start = |seed: &str| {
        let words = ["run", "s.ron", "--steps", "1000000000", "--out", "d", "--seed", seed];
        let child = place.command(&words).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let child = child.expect("a start");
        let saved = place.0.path().join("d/checkpoint");
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(50);
        while !saved.exists() {
            assert!(std::time::Instant::now() < deadline, "no checkpoint");
            std::thread::yield_now();
        }
        child
    };
    let first = start("1");
    std::fs::remove_dir_all(place.0.path().join("d")).expect("removed");
    let mut second = start("2");
    let out = first.wait_with_output().expect("an end");
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(out.status.code() == Some(1) && said.contains("was removed or emptied"), "{said}");
    let pid = rustix::process::Pid::from_child(&second);
    rustix::process::kill_process(pid, Signal::TERM).expect("a signal");
    assert_eq!(second.wait().expect("an end").code(), Some(143));
    let scenario = std::fs::read_to_string(place.0.path().join("d/scenario.ron")).expect("a scenario");
    assert!(scenario.contains("seed: 2"), "{scenario}");
    assert_eq!(place.go("resume d --steps 1").0, 0);
}

/// If every thread reserved 64 MiB for itself, there would be no room for the data.
#[test]
fn presets_run_in_half_a_gigabyte_of_address_space() {
    let place = Place::new();
    for preset in ["cnn-fashion", "is-it-a-sneaker"] {
        let script =
            format!("ulimit -v 524288; exec '{}' run {preset} --steps 2", env!("CARGO_BIN_EXE_gradtui"));
        let out = Command::new("/bin/sh")
            .args(["-c", &script])
            .current_dir(place.0.path())
            .output()
            .expect("a start");
        assert_eq!(out.status.code(), Some(0), "{preset}: {}", String::from_utf8_lossy(&out.stderr));
    }
}

#[test]
fn files_of_another_run_and_edited_ones_are_refused_in_words() {
    let place = Place::new();
    assert_eq!(place.go("run s.ron --steps 40 --out d").0, 0);
    assert_eq!(place.go("run s.ron --steps 60 --seed 2 --out e").0, 0);
    let of = |name: &str| std::fs::read(place.0.path().join(name)).expect("a file");
    for (name, other, what) in [
        ("checkpoint", of("e/checkpoint"), "scenario.ron is not the one"),
        ("scenario.ron", of("e/scenario.ron"), "scenario.ron is not the one"),
        ("metrics.jsonl", of("e/metrics.jsonl"), "metrics.jsonl is not the log"),
        ("metrics.jsonl", of("d/metrics.jsonl")[200..].to_vec(), "metrics.jsonl is not the log"),
    ] {
        let path = place.0.path().join("d").join(name);
        let good = std::fs::read(&path).expect("a file");
        std::fs::write(&path, &other).expect("a file");
        let (code, _, said) = place.go("resume d --steps 80");
        assert!(code == 2 && said.contains(what), "{name}: {said}");
        // The same holds for commands that only read the run.
        let (code, _, said) = place.go("attack s.ron --with d");
        assert!(code == 2 && said.contains(what), "{name}: {said}");
        assert!(std::fs::read(&path).expect("a file") == other, "{name} was changed");
        std::fs::write(&path, good).expect("a file");
    }
    assert_eq!(place.go("resume d --steps 80").0, 0);
}

/// A preset whose loss is its output, with expectations for its whole length.
#[test]
fn valley_goes_on_where_it_stopped() {
    let place = Place::new();
    let (code, out, _) = place.go("run valley --out v");
    assert!(code == 0 && out.contains("holds"), "{out}");
    let (code, _, said) = place.go("resume v --steps 120");
    assert_eq!(code, 0, "{said}");
    assert!(place.go("resume v").0 == 0, "a finished run is finished");
}

#[test]
fn the_seed_changes_the_run_and_threads_do_not() {
    let place = Place::new();
    let (_, one, _) = place.go("run s.ron --json --steps 50 --threads 1");
    let (_, three, _) = place.go("run s.ron --json --steps 50 --threads 3");
    let (_, other, _) = place.go("run s.ron --json --steps 50 --seed 2");
    assert_eq!(one, three);
    assert_ne!(one, other);
}

#[test]
fn a_run_over_seeds_in_two_parts_leaves_the_log_of_a_whole_one_and_compares_lanes() {
    let place = Place::new();
    let text = SCENARIO.replace("steps: 400", "steps: 120, seeds: 3");
    std::fs::write(place.0.path().join("seeds.ron"), text).expect("a file");
    let (code, out, err) = place.go("run seeds.ron --out whole --threads 1");
    assert_eq!(code, 0, "{err}");
    assert!(
        out.contains("3 seeds   val loss")
            && (out.contains("of 3 seeds, by ") || out.contains("not farther apart than their seeds, by ")),
        "{out}"
    );
    assert_eq!(place.go("run seeds.ron --out parts --steps 47 --threads 3").0, 0);
    assert_eq!(place.go("resume parts --steps 120").0, 0);
    assert_eq!(place.log("parts"), place.log("whole"));
    let (whole, first) = (place.log("whole"), place.go("run s.ron --steps 20 --json").1);
    let line = |log: &str| -> serde_json::Value {
        let of = |l: &&str| l.contains("\"adam\"") && l.contains("\"step\":20,");
        serde_json::from_str(log.lines().find(of).expect("step 20")).expect("JSON")
    };
    assert_eq!(line(&whole)["seeds"], 3);
    assert!(line(&whole)["loss_spread"]["min"].as_f64() < line(&whole)["loss_spread"]["max"].as_f64());
    assert!(line(&first).get("seeds").is_none(), "one seed says nothing of seeds");
}
