//! Tests of the sweep command: its numbers, its files, and how processes share, interrupt and resume a sweep.

use gradtui::engine::rng::{Purpose, Stream};
use rustix::process::Signal;
use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const SCENARIO: &str = r#"(
  data: Moons(samples: 300, noise: 0.2), network: [Dense(16), Tanh(), Dense(16), Tanh()], steps: 200, evaluate_every: 30,
  lanes: [
    (name: "adam", optimizer: Adam(0.01)),
    (name: "sgd", optimizer: Sgd(0.1), schedule: ReduceOnPlateau(), early_stopping: (patience: 2, restore_best: true)),
  ],
  edits: [(step: 70, lane: "adam", field: "batch", to: "16")],
)"#;

const SWEEP: &str = r#"(
  title: "rates", scenario: "s.ron", seeds: 3, target: 0.4,
  vary: [("optimizer.lr", Log(1e-3, 1e3, 5)), ("data.noise", Values([0.1, 0.2]))],
)"#;

/// A directory for one test, with a scenario and a sweep in it.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let dir = TempDir::with_prefix("gradtui-").expect("a directory");
        std::fs::write(dir.path().join("s.ron"), SCENARIO).expect("a file");
        std::fs::write(dir.path().join("w.ron"), SWEEP).expect("a file");
        Self(dir)
    }
    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.path().join(name), text).expect("a file");
    }
    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gradtui"));
        command.current_dir(self.0.path()).args(line.split(' ')).stdin(Stdio::null());
        for name in [
            "SLURM_ARRAY_TASK_ID",
            "PARALLEL_SEQ",
            "JOB_COMPLETION_INDEX",
            "SGE_TASK_ID",
            "PBS_ARRAY_INDEX",
            "HQ_TASK_ID",
        ] {
            command.env_remove(name);
        }
        command
    }
    #[track_caller]
    fn go(&self, line: &str) -> (i32, String, String) {
        let out = self.command(line).output().expect("the program starts");
        let text = |b: Vec<u8>| String::from_utf8(b).expect("UTF-8");
        (out.status.code().expect("no signal"), text(out.stdout), text(out.stderr))
    }
    #[track_caller]
    fn well(&self, line: &str) -> String {
        let (code, out, err) = self.go(line);
        assert_eq!(code, 0, "{line}: {err}");
        out
    }
    fn start(&self, line: &str) -> Child {
        let mut command = self.command(line);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts")
    }
    /// All complete lines of the results files.
    fn lines(&self, dir: &str) -> Vec<String> {
        let mut all = Vec::new();
        for entry in std::fs::read_dir(self.0.path().join(dir)).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with("cells-") {
                let text = std::fs::read_to_string(entry.path()).expect("text");
                let whole = text.rfind('\n').map_or(0, |i| i + 1);
                all.extend(text[..whole].lines().map(String::from));
            }
        }
        all.sort();
        all
    }
    fn files(&self, dir: &str) -> usize {
        std::fs::read_dir(self.0.path().join(dir)).map_or(0, Iterator::count)
    }
}

fn json(line: &str) -> serde_json::Value {
    serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))
}

#[test]
fn a_cell_has_the_numbers_of_a_run_alone_to_the_bit() {
    let place = Place::new();
    let cells = place.well("sweep w.ron --json --threads 2");
    assert_eq!(cells.lines().count(), 60);
    let mut ends = BTreeMap::new();
    for (setting, seed) in [(1, 1), (4, 2), (9, 1), (10, 3), (11, 2), (14, 3), (17, 1), (19, 2), (20, 3)] {
        let text = place.well(&format!("sweep show w.ron {setting} --seed {seed}"));
        place.write("one.ron", &text);
        let log = place.well("run one.ron --json");
        let mut run: BTreeMap<u64, serde_json::Value> = BTreeMap::new();
        let mut last = serde_json::Value::Null;
        for line in log.lines().map(json) {
            if line["end"].is_string() {
                last = line;
            } else if !line["val_loss"].is_null() {
                run.insert(line["step"].as_u64().expect("a step"), line);
            }
        }
        let same = |cell: &serde_json::Value| {
            let at: Vec<u64> =
                cell["at"].as_array().into_iter().flatten().filter_map(serde_json::Value::as_u64).collect();
            let restored = cell["end"] == "stopped";
            at.len() - usize::from(restored) == run.len()
                && at.iter().take(run.len()).enumerate().all(|(i, step)| {
                    ["loss", "val_loss", "val_accuracy"]
                        .iter()
                        .all(|key| run.get(step).is_some_and(|line| line[*key] == cell["curve"][*key][i]))
                })
                && cell["end"] == last["end"]
        };
        let found = cells.lines().map(json).filter(|c| c["seed"] == seed).filter(same).count();
        assert_eq!(found, 1, "setting {setting}, seed {seed}: {text}{last}");
        *ends.entry(last["end"].to_string()).or_insert(0) += 1;
    }
    assert!(ends.len() >= 2, "the cells end in different ways: {ends:?}");
}

#[test]
fn parts_make_the_table_of_one_process_and_nothing_is_done_twice() {
    let place = Place::new();
    let whole = place.well("sweep w.ron --out one --threads 1");
    assert!(
        whole.contains("optimizer.lr") && whole.contains("beyond") | whole.contains("farther"),
        "{whole}"
    );
    for task in ["2/3", "1/3", "3/3"] {
        place.well(&format!("sweep w.ron --out parts --task {task}"));
    }
    for format in ["md", "csv", "tex"] {
        let table = |dir: &str| place.well(&format!("sweep table {dir} --format {format}"));
        assert_eq!(table("one"), table("parts"));
        let all = |dir: &str| place.well(&format!("sweep table {dir} --all --format {format}"));
        assert_eq!(all("one"), all("parts"));
    }
    assert_eq!(place.well("sweep table one"), whole);
    assert_eq!(place.lines("one"), place.lines("parts"), "the same lines in other files");
    // The sweep is done already: no file is made, and the table is printed.
    let before = place.files("parts");
    assert_eq!(place.well("sweep w.ron --out parts"), whole);
    assert_eq!(place.files("parts"), before);
    // Two more seeds add only their own trainings.
    place.write("w.ron", &SWEEP.replace("seeds: 3", "seeds: 5"));
    place.well("sweep w.ron --out one");
    assert_eq!(place.lines("one").len(), 100);
}

#[test]
fn variables_of_engines_tell_the_part() {
    let place = Place::new();
    let run = |variables: &[(&str, &str)], more: &str| {
        let mut command = place.command(&format!("sweep w.ron --out env{more}"));
        command.envs(variables.iter().copied()).output().expect("the program starts").status.code()
    };
    let slurm = |id: &'static str, max: &'static str| {
        [
            ("SLURM_ARRAY_TASK_ID", id),
            ("SLURM_ARRAY_TASK_MIN", "0"),
            ("SLURM_ARRAY_TASK_MAX", max),
            ("SLURM_ARRAY_TASK_STEP", "1"),
            ("SLURM_ARRAY_TASK_COUNT", "2"),
        ]
    };
    assert_eq!(run(&slurm("0", "5"), ""), Some(2), "an uneven list");
    assert_eq!(run(&[("PARALLEL_SEQ", "1")], ""), Some(2), "no count");
    assert_eq!(place.lines("env").len(), 0);
    assert_eq!(run(&slurm("0", "1"), ""), Some(0));
    assert_eq!(place.lines("env").len(), 30);
    assert_eq!(run(&[("PARALLEL_SEQ", "1")], " --tasks 2"), Some(0));
    assert_eq!(place.lines("env").len(), 60);
    let script = place.well("sweep w.ron --out env --tasks 4 --print-slurm");
    assert!(script.contains("#SBATCH --array=0-3\n") && script.contains("\nexec /"), "{script}");
    let line = place.well("sweep w.ron --out env --tasks 4 --print-parallel");
    assert!(line.starts_with("parallel --joblog") && line.contains("--task {}/4"), "{line}");
}

#[test]
fn tasks_with_any_numbers_share_a_sweep_without_gaps() {
    let place = Place::new();
    let run = |job: &str, id: u32, more: &str| {
        let mut command = place.command(&format!("sweep w.ron --out env{more}"));
        command.env("PBS_ARRAY_INDEX", id.to_string()).env("PBS_JOBID", format!("{job}[{id}].server"));
        command.output().expect("the program starts")
    };
    // An array 0-6:2 that tells neither its step nor its length; task 2 starts a second time.
    for (id, lines) in [(0, 15), (2, 30), (2, 30), (6, 45), (4, 60)] {
        let out = run("17", id, " --tasks 4");
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        assert_eq!(place.lines("env").len(), lines, "task {id}");
    }
    let out = run("17", 8, " --tasks 4");
    assert_eq!(out.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&out.stderr).contains("all 4 parts are taken"), "{out:?}");
    assert!(run("18", 100, " --tasks 4").status.success(), "another job begins anew, and finds all done");
    assert_eq!(place.lines("env").len(), 60);
}

#[test]
fn scripts_quote_paths_and_take_lists() {
    let place = Place::new();
    std::fs::create_dir(place.0.path().join("a b")).expect("a folder");
    std::fs::copy(place.0.path().join("w.ron"), place.0.path().join("a b/w.ron")).expect("a copy");
    std::fs::copy(place.0.path().join("s.ron"), place.0.path().join("a b/s.ron")).expect("a copy");
    let print = |arguments: &[&str]| {
        let out = place.command("sweep").args(arguments).output().expect("the program starts");
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        [out.stdout, out.stderr].map(|bytes| String::from_utf8(bytes).expect("UTF-8"))
    };
    let words = |command: &str| {
        let command = format!("for word in {command}; do echo \"$word\"; done");
        let out = Command::new("sh").arg("-c").arg(command).output().expect("a shell");
        String::from_utf8(out.stdout).expect("UTF-8")
    };
    let [line, _] = print(&["a b/w.ron", "--out", "it's here", "--tasks", "4", "--print-parallel"]);
    let command =
        line.split_once("--resume-failed ").and_then(|l| l.1.split_once(" ::: ")).expect("a command").0;
    // GNU parallel joins the words and gives them to a shell once more.
    let inner = words(command).trim_end().replace(char::is_control, " ");
    let read = words(&inner);
    let read: Vec<&str> = read.lines().collect();
    assert!(read[3].ends_with("/a b/w.ron") && read[5].ends_with("/it's here"), "{read:?}");
    let [script, warning] = print(&["a b/w.ron", "--out", "d", "--array", "0-998:2,1200", "--print-slurm"]);
    assert!(script.contains("#SBATCH --array=0-998:2,1200\n"), "{script}");
    assert!(script.contains(" --array 0-998:2,1200\n") && script.contains("in 501 tasks"), "{script}");
    assert!(warning.contains("MaxArraySize"), "{warning}");
    let [_, warning] = print(&["w.ron", "--out", "d", "--tasks", "8", "--print-slurm"]);
    assert_eq!(warning, "");
}

#[test]
fn tasks_without_a_bracket_are_told_why() {
    let place = Place::new();
    place.write("w.ron", &SWEEP.replace("seeds: 3", "seeds: 1, halving: (steps: 60)"));
    let (code, _, told) = place.go("sweep w.ron --out d --task 1/4");
    assert_eq!(code, 0, "{told}");
    assert!(told.contains("2 of 4 tasks have nothing to train") && told.contains("bracket: N"), "{told}");
    let (_, _, told) = place.go("sweep w.ron --out d --task 2/2");
    assert!(!told.contains("nothing to train"), "{told}");
}

#[test]
fn what_run_refuses_a_sweep_refuses_before_it_trains() {
    let place = Place::new();
    place.write(
        "w.ron",
        &SWEEP.replace("(\"data.noise\"", "(\"batch\", Values([16, 9999])), (\"data.noise\""),
    );
    for line in ["check w.ron", "sweep w.ron --out d"] {
        let (code, _, told) = place.go(line);
        assert_eq!(code, 2, "{line}: {told}");
        assert!(told.contains("batch 9999") && told.contains("training samples"), "{line}: {told}");
    }
    assert_eq!(place.files("d"), 0);
    place.write("w.ron", &SWEEP.replace("seeds: 3", "seeds: 1, measure: \"val_r2\""));
    let (code, _, told) = place.go("check w.ron");
    assert!(code == 2 && told.contains("there are val_loss, val_accuracy"), "{told}");
}

#[test]
fn kills_at_random_moments_lose_nothing_that_was_finished() {
    let place = Place::new();
    place.write("w.ron", &SWEEP.replace("seeds: 3", "seeds: 60, steps: 400"));
    let mut draws = Stream::new(19, Purpose::Noise, 0, 0);
    let (mut finished, mut torn) = (Vec::new(), 0);
    for round in 0..50 {
        let mut child = place.start("sweep w.ron --out d --threads 2");
        // Wait for a random time after the first result of this process, or, without one, for a limited time.
        let patience = Duration::from_micros(u64::from(draws.below(40_000)));
        let begun = Instant::now();
        while place.files("d") <= round / 2 && begun.elapsed() < Duration::from_millis(300) {
            std::thread::yield_now();
        }
        std::thread::park_timeout(patience);
        let signal = if round % 4 == 0 { Signal::TERM } else { Signal::KILL };
        let _ = rustix::process::kill_process(rustix::process::Pid::from_child(&child), signal);
        let _ = child.wait();
        let now = place.lines("d");
        assert!(finished.iter().all(|line| now.binary_search(line).is_ok()), "round {round} lost a result");
        torn += usize::from(now.len() > finished.len());
        finished = now;
    }
    let table = place.well("sweep w.ron --out d --threads 2");
    assert_eq!(table, place.well("sweep w.ron --out once --threads 2"));
    let mut lines = place.lines("d");
    lines.dedup();
    assert_eq!(lines.len(), 20 * 60, "every training has one result, whoever made it");
    assert!(torn > 5, "the kills fell into the work: {torn} of 50 rounds made results");
}

/// Trainings that are longer than each period of work still finish, because interrupted trainings are saved.
#[test]
fn a_training_in_flight_goes_on_where_sigterm_left_it() {
    let place = Place::new();
    place.write(
        "s.ron",
        &SCENARIO
            .replace("Dense(16)", "Dense(48)")
            .replace("steps: 200, evaluate_every: 30", "steps: 20000, evaluate_every: 999"),
    );
    place.write(
        "w.ron",
        "(scenario: \"s.ron\", lanes: [\"adam\"], vary: [(\"optimizer.lr\", Values([0.001, 0.01]))])",
    );
    let begun = Instant::now();
    let table = place.well("sweep w.ron --out once --threads 2");
    let mut stretch = begun.elapsed() / 4;
    let mut kept = 0;
    for round in 0.. {
        assert!(round < 60, "it never ends");
        let mut child = place.start("sweep w.ron --out d --threads 2");
        let until = Instant::now() + stretch;
        while Instant::now() < until && child.try_wait().expect("a child").is_none() {
            std::thread::park_timeout(Duration::from_millis(20));
        }
        let asked = Instant::now();
        let _ = rustix::process::kill_process(rustix::process::Pid::from_child(&child), Signal::TERM);
        let code = child.wait().expect("a child").code();
        // The program promises to end within a second; the limit is higher because the test machine may be busy.
        assert!(asked.elapsed() < Duration::from_secs(4), "{:?}", asked.elapsed());
        let left = std::fs::read_dir(place.0.path().join("d")).into_iter().flatten().flatten();
        let left = left.filter(|e| e.file_name().to_string_lossy().starts_with("left-")).count();
        kept += left;
        // The period was measured beside other tests: the machine may be faster or slower now.
        match code {
            Some(0) if kept > 0 => break,
            Some(0) => {
                std::fs::remove_dir_all(place.0.path().join("d")).expect("a directory");
                stretch /= 2;
            }
            _ if left == 0 => stretch *= 2,
            _ => {}
        }
    }
    assert_eq!(place.lines("d"), place.lines("once"), "to the same bits");
    assert_eq!(place.well("sweep table d"), table);
    let names = std::fs::read_dir(place.0.path().join("d")).expect("a directory").flatten();
    assert!(
        names.map(|e| e.file_name()).all(|n| !n.to_string_lossy().starts_with("left-")),
        "nothing is left behind"
    );
}

#[test]
fn halving_gives_up_the_same_settings_in_any_number_of_parts_and_threads() {
    let place = Place::new();
    let halving = SWEEP.replace("seeds: 3,", "seeds: 3, halving: (steps: 30, factor: 2, bracket: 5),");
    place.write("w.ron", &halving);
    let table = place.well("sweep w.ron --out one --threads 1");
    assert_eq!(place.well("sweep w.ron --out two --threads 3"), table);
    for task in ["1/2", "2/2"] {
        place.well(&format!("sweep w.ron --out parts --task {task}"));
    }
    assert_eq!(place.well("sweep table parts"), table);
    let steps = |lines: &[String]| lines.iter().map(|l| json(l)["until"].as_u64().unwrap_or(0)).max();
    assert_eq!(steps(&place.lines("one")), Some(200));
    assert_eq!(place.lines("one"), place.lines("two"));
    let whole = place.lines("one").iter().filter(|l| json(l)["until"] == 200).count();
    assert!((1..60).contains(&whole), "{whole} trainings went to the end");
}

#[test]
fn what_is_no_sweep_is_refused_untouched_and_faults_have_their_place() {
    let place = Place::new();
    std::fs::create_dir(place.0.path().join("mine")).expect("a directory");
    place.write("mine/notes.txt", "mine");
    let (code, _, err) = place.go("sweep w.ron --out mine");
    assert!(code == 2 && err.contains("notes.txt"), "{err}");
    assert_eq!(place.files("mine"), 1);
    place.well("sweep w.ron --out d --task 1/9");
    place.write("other.ron", &SWEEP.replace("1e-3, 1e3, 5", "2e-3, 2e3, 5"));
    let (code, _, err) = place.go("sweep other.ron --out d");
    assert!(code == 2 && err.contains("another sweep"), "{err}");
    place.write("bad.ron", &SWEEP.replace("optimizer.lr", "optimizer.rl"));
    let (code, _, err) = place.go("check bad.ron");
    assert!(
        code == 2 && err.starts_with("bad.ron:3:11: ") && err.contains("did you mean optimizer.lr?"),
        "{err}"
    );
    let said = place.well("check w.ron");
    assert!(said.contains("60 trainings") && said.contains("MiB") && said.contains("steps"), "{said}");
    let (code, _, err) = place.go("sweep w.ron --task 1/2");
    assert!(code == 2 && err.contains("--out"), "{err}");
    let (code, _, err) = place.go("run w.ron");
    assert!(code == 2 && err.contains("this is a sweep"), "{err}");
    let (code, _, err) = place.go("sweep table mine");
    assert!(code == 2 && err.contains("no sweep"), "{err}");
}

#[test]
fn the_sweeps_that_ship_hold_what_they_claim() {
    let place = Place::new();
    for (name, text) in gradtui::lab::sweep::preset::ALL {
        let (code, out, err) = place.go(&format!("sweep {name}"));
        assert_eq!(code, 0, "{name}: {out}{err}");
        assert!(text.starts_with("// "), "{name} begins with its lesson");
        assert_eq!(place.well(&format!("show {name}")), **text);
        assert!(place.well("list").contains(name));
        assert!(err.contains("holds: "), "{name}: {err}");
    }
}

/// This test runs only with `GRADTUI_ENGINES=1`: it installs Slurm and GNU parallel if
/// they are missing, and takes a minute.
#[test]
fn real_engines_share_a_sweep_and_take_up_what_was_killed() {
    if std::env::var_os("GRADTUI_ENGINES").is_none() {
        println!("skipped: GRADTUI_ENGINES=1 runs it, and installs Slurm and GNU parallel from Debian");
        return;
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sweep/engines.sh");
    let out = Command::new("bash").args([script, env!("CARGO_BIN_EXE_gradtui")]).output().expect("bash");
    let said = String::from_utf8_lossy(&out.stdout);
    println!("{said}");
    match out.status.code() {
        Some(0) => {
            assert!(said.contains("parallel: killed") && said.contains("slurm: an array of 8"), "{said}");
        }
        Some(77) => assert!(said.contains("skipped: "), "{said}"),
        _ => panic!("{said}{}", String::from_utf8_lossy(&out.stderr)),
    }
}
