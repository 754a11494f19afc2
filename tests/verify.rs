//! Tests of `verify`: it confirms a run as it was trained, and names the first step and the place of anything that was
//! changed afterwards.

use gradtui::lab::run_dir::checkpoint::{Checkpoint, checksum};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// Lanes with a fork, an edit, a divergence, an early stop, averages, and a defence.
const SCENARIO: &str = r#"(
  title: "ways", data: Moons(samples: 80), network: [Dense(6), Tanh(), BatchNorm(), Dropout(0.1)], optimizer: Adam(0.01),
  batch: 8, steps: 90, evaluate_every: 10,
  lanes: [
    (name: "plain"),
    (name: "late", from: "plain", at: 33, clip: Norm(0.5), weight_average: (decay: 0.9)),
    (name: "wild", optimizer: Sgd(1e6), loss: Mse()),
    (name: "patient", early_stopping: (patience: 2), optimizer: Sgd(1.0)),
    (name: "guarded", defence: InputNoise(std: 0.1)),
  ],
  edits: [(step: 20, lane: "plain", field: "optimizer.lr", to: "0.02")],
)"#;

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let dir = TempDir::with_prefix("gradtui-").expect("a directory");
        std::fs::write(dir.path().join("s.ron"), SCENARIO).expect("a file");
        Self(dir)
    }
    #[track_caller]
    fn go(&self, line: &str) -> (i32, String) {
        let out = Command::new(env!("CARGO_BIN_EXE_gradtui"))
            .current_dir(self.0.path())
            .args(line.split(' '))
            .stdin(Stdio::null())
            .output()
            .expect("the program starts");
        let text = String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned();
        (out.status.code().expect("no signal"), text)
    }
    fn read(&self, file: &str) -> Vec<u8> {
        std::fs::read(self.0.path().join("run").join(file)).expect("a file")
    }
    fn write(&self, file: &str, bytes: &[u8]) {
        std::fs::write(self.0.path().join("run").join(file), bytes).expect("written");
    }
    /// Changes a file, and returns the output of `verify`.
    fn changed(&self, file: &str, change: impl FnOnce(&mut Vec<u8>)) -> String {
        let before = self.read(file);
        let mut bytes = before.clone();
        change(&mut bytes);
        assert_ne!(before, bytes);
        self.write(file, &bytes);
        let (code, words) = self.go("verify run --threads 2");
        self.write(file, &before);
        assert_eq!(code, 1, "{words}");
        assert!(words.ends_with("not verified\n"), "{words}");
        words
    }
}

/// The first reported difference.
fn first(words: &str) -> &str {
    words.lines().find_map(|l| l.strip_prefix("differs: ")).unwrap_or_else(|| panic!("{words}"))
}

fn replaced(bytes: &mut Vec<u8>, from: &str, to: &str) {
    let text = String::from_utf8(bytes.clone()).expect("text");
    assert_eq!(text.matches(from).count(), 1, "{from}");
    *bytes = text.replace(from, to).into_bytes();
}

#[test]
fn a_run_is_verified_with_any_number_of_threads_in_whole_and_in_part() {
    let place = Place::new();
    let (code, words) = place.go("run s.ron --out run --threads 2");
    assert_eq!(code, 0, "{words}");
    for way in
        ["--threads 1", "--threads 2", "--threads 3", "--steps 40", "--lane late", "--lane wild --steps 3"]
    {
        let (code, words) = place.go(&format!("verify run {way}"));
        assert_eq!(code, 0, "{way}: {words}");
        assert!(words.ends_with("verified: every hash and every number is the same\n"), "{words}");
    }
    let (_, words) = place.go("verify run");
    for row in ["plain                91 lines, 9 hashes, ", "late                 57 lines, 6 hashes, "] {
        assert!(words.contains(row), "{words}");
    }
    let (code, words) = place.go("verify run --lane no");
    assert!(code == 2 && words.contains("has no lane no; it has plain, late, wild"), "{words}");
    let (code, words) = place.go("verify nothing");
    assert!(code == 2 && words.contains("no run directory"), "{words}");
}

#[test]
fn one_number_of_the_log_is_found_with_its_step() {
    let place = Place::new();
    assert_eq!(place.go("run s.ron --out run").0, 0);
    let log = String::from_utf8(place.read("metrics.jsonl")).expect("text");
    let line = |lane: &str, step: u64| {
        let head = format!("{{\"step\":{step},\"lane\":\"{lane}\",");
        log.lines().find(|l| l.starts_with(&head)).unwrap_or_else(|| panic!("{lane} at {step}")).to_string()
    };
    let number = |text: &str, key: &str| {
        let value: serde_json::Value = serde_json::from_str(text).expect("JSON");
        value[key].to_string()
    };
    // A loss, one of a layer's norms, a hash.
    let old = line("late", 47);
    let new = old.replacen(&number(&old, "loss"), "0.125", 1);
    let words = place.changed("metrics.jsonl", |b| replaced(b, &old, &new));
    let said = first(&words);
    assert!(said.starts_with("step 47, lane late, metrics.jsonl: loss is 0.125 here, and "), "{said}");
    assert!(words.contains("metrics.jsonl: it is not the log of the checkpoint"), "{words}");
    let old = line("plain", 60);
    let digit = number(&old, "hash").chars().nth(9).expect("a digit");
    let hash = number(&old, "hash");
    let other = hash.replacen(digit, if digit == '0' { "1" } else { "0" }, 1);
    let said = place.changed("metrics.jsonl", |b| replaced(b, &hash, &other));
    assert!(first(&said).starts_with("step 60, lane plain, metrics.jsonl: hash is "), "{said}");
    // Lines after the end: one of a step that was trained, and one that is none.
    let forged = line("plain", 60).replace("\"step\":60", "\"step\":61");
    let said = place.changed("metrics.jsonl", |b| b.extend_from_slice((forged + "\n").as_bytes()));
    assert_eq!(
        first(&said),
        "step 61, lane plain, metrics.jsonl: a line of this step stands after the end of the run"
    );
    let said = place.changed("metrics.jsonl", |b| b.extend_from_slice(b"garbage\n"));
    assert!(said.contains("a line is not JSON of a lane: garbage"), "{said}");
    // A line that is missing, one that was not trained, a change of a setting.
    let old = line("guarded", 12) + "\n";
    let said = place.changed("metrics.jsonl", |b| replaced(b, &old, ""));
    assert_eq!(first(&said), "step 12, lane guarded, metrics.jsonl: the line is missing");
    let new = old.clone() + &old.replace("\"step\":12,", "\"step\":95,");
    let said = place.changed("metrics.jsonl", |b| replaced(b, &old, &new));
    assert!(first(&said).starts_with("step 95, lane guarded, metrics.jsonl: there is a line, but"), "{said}");
    let said = place.changed("metrics.jsonl", |b| replaced(b, "\"to\":\"0.02\"", "\"to\":\"0.03\""));
    assert!(
        first(&said).starts_with("step 20, lane plain, metrics.jsonl: the change of optimizer.lr: to is "),
        "{said}"
    );
}

#[test]
fn one_byte_of_a_checkpoint_is_found_with_its_tensor() {
    let place = Place::new();
    assert_eq!(place.go("run s.ron --out run").0, 0);
    let file = place.read("checkpoint");
    let checkpoint = Checkpoint::decode(&file).expect("a checkpoint");
    let lane = checkpoint.lanes.iter().find(|l| l.name == "late").expect("the lane");
    // The position of its parameters in the file: after their count.
    let bytes = |x: &[f32]| x.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
    let find = |x: &[f32]| {
        let wanted = bytes(x);
        file.windows(wanted.len()).position(|w| w == wanted).expect("they are there")
    };
    let at = find(&lane.snapshot.params) + 4 * 13 + 1;
    let words = place.changed("checkpoint", |b| b[at] ^= 1);
    let said = first(&words);
    assert!(
        said.starts_with("step 90, lane late, checkpoint: parameters, layer 1 Dense 6, bias[1], is "),
        "{said}"
    );
    assert!(words.contains("checkpoint: its checksum is wrong"), "{words}");
    let at = find(&lane.snapshot.optim.vectors[1]);
    let words = place.changed("checkpoint", |b| b[at] ^= 1);
    let said = first(&words);
    assert!(
        said.starts_with(
            "step 90, lane late, checkpoint: optimizer's buffer 2, layer 1 Dense 6, weight[0, 0], is "
        ),
        "{said}"
    );
    let at = find(&lane.snapshot.average) + 3;
    assert!(first(&place.changed("checkpoint", |b| b[at] ^= 1)).contains("averaged parameters, layer 1"));
    // Every change is found: of a byte that training does not determine, and of one of the structure.
    for at in (16..file.len()).step_by(file.len() / 23) {
        let words = place.changed("checkpoint", |b| b[at] ^= 0x40);
        assert!(words.contains("differs: "), "byte {at}: {words}");
    }
}

#[test]
fn one_setting_is_found_with_the_step_at_which_it_counts() {
    let place = Place::new();
    assert_eq!(place.go("run s.ron --out run").0, 0);
    let said = place.changed("scenario.ron", |b| replaced(b, "\"0.02\"", "\"0.03\""));
    assert!(
        first(&said).starts_with("step 20, lane plain, metrics.jsonl: the change of optimizer.lr"),
        "{said}"
    );
    assert!(
        said.contains("scenario.ron: lane plain: from step 20 on optimizer.lr is 0.03 instead of 0.02"),
        "{said}"
    );
    let said = place.changed("scenario.ron", |b| replaced(b, "0.1,\n", "0.2,\n"));
    assert!(first(&said).starts_with("step 1, lane guarded"), "{said}");
    let said = place.changed("scenario.ron", |b| replaced(b, "title: \"ways\"", "title: \"days\""));
    assert!(first(&said).starts_with("scenario.ron: "), "nothing else differs: {said}");
    let said = place.changed("scenario.ron", |b| replaced(b, "at: 33", "at: 32"));
    assert!(first(&said).starts_with("step 33, lane late"), "{said}");
}

#[test]
fn a_killed_run_is_verified_as_far_as_its_checkpoint_knows_and_from_the_older_one_on() {
    let place = Place::new();
    assert_eq!(place.go("run s.ron --out run --steps 40").0, 0);
    assert_eq!(place.go("resume run --steps 70").0, 0);
    assert_eq!(place.go("verify run").0, 0);
    let (code, words) = place.go("verify run --from-checkpoint --threads 3");
    assert!(code == 0 && words.contains("begun at the checkpoint of step "), "{words}");
    // Lines after the checkpoint, as a kill leaves them, and one that is incomplete.
    let log = place.read("metrics.jsonl");
    let more = [&log[..], b"{\"step\":71,\"lane\":\"plain\",\"loss\":1.0}\n{\"step\":72,\"la"].concat();
    place.write("metrics.jsonl", &more);
    let (code, words) = place.go("verify run");
    assert!(code == 0, "{words}");
    std::fs::remove_file(place.0.path().join("run/checkpoint")).expect("removed");
    std::fs::remove_file(place.0.path().join("run/checkpoint.previous")).expect("removed");
    place.write("metrics.jsonl", &log);
    let (code, words) = place.go("verify run");
    assert!(code == 0 && words.contains("note: there is no checkpoint"), "{words}");
}

#[test]
fn a_session_of_rewinds_edits_undoing_and_forks_is_verified_and_loses_nothing() {
    let place = Place::new();
    let mut lab = Command::new(env!("CARGO_BIN_EXE_gradtui"))
        .current_dir(place.0.path())
        .args(["s.ron", "--plain", "--out", "run", "--threads", "2"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let (mut typed, heard) = (lab.stdin.take().expect("a pipe"), lab.stdout.take().expect("a pipe"));
    let mut heard = BufReader::new(heard).lines();
    let mut order = |line: &str, until: &str| {
        writeln!(typed, "{line}").expect("it reads");
        let mut said = String::new();
        while !said.contains(until) {
            let next = heard.next().unwrap_or_else(|| panic!("{line}: no {until} in {said}"));
            said.push_str(&next.expect("text"));
            said.push('\n');
        }
    };
    order("pause", "Paused at step");
    order("step 45", "Paused at step");
    order("rewind 25", "plain goes on from step 25");
    order("set plain batch 5", "batch is 5 now");
    order("step 9", "Paused at step");
    order("set plain lr 0.5", "optimizer is Adam(lr: 0.5) now");
    order("step 9", "Paused at step");
    order("undo", "Undone: lane A: lr 0.02 to 0.5 at step");
    order("remove guarded", "");
    order("undo", "Undone: lane E guarded removed");
    order("fork plain again 30", "");
    order("undo", "Undone: lane F again forked at step 30");
    order("redo", "Made again: lane F again forked at step 30");
    order("undo", "Undone: lane F again forked at step 30");
    order("rewind 31 plain", "plain goes on from step 31");
    order("step 4", "Paused at step");
    order("save late.ron", "saved as late.ron");
    writeln!(typed, "quit").expect("it reads");
    drop(typed);
    heard.for_each(drop);
    assert!(lab.wait().expect("an end").success());
    for threads in [1, 3] {
        let (code, words) = place.go(&format!("verify run --threads {threads}"));
        assert_eq!(code, 0, "{words}");
        assert!(words.contains("guarded "), "it is back: {words}");
    }
    // Lines from before the lanes went back are kept beside the log.
    let ghosts = String::from_utf8(place.read("ghosts.jsonl")).expect("text");
    assert!(ghosts.starts_with("{\"rewound\":"), "{ghosts}");
    let ghost =
        |step: u64| ghosts.lines().any(|l| l.starts_with(&format!("{{\"step\":{step},\"lane\":\"plain\"")));
    assert!([26, 35, 43, 45].into_iter().all(ghost), "{ghosts}");
    // The saved scenario trains to the same bits, and so does the run that continues.
    assert_eq!(place.go("resume run --steps 90").0, 0);
    let (code, words) = place.go("verify run");
    assert_eq!(code, 0, "{words}");
    assert_eq!(place.go("run late.ron --out again").0, 0);
    let hashes = |run: &str| {
        let log = std::fs::read_to_string(place.0.path().join(run).join("metrics.jsonl")).expect("a log");
        let mut lines: Vec<String> = log
            .lines()
            .filter(|l| l.contains("\"step\":90,") && l.contains("hash"))
            .map(String::from)
            .collect();
        lines.sort();
        lines
    };
    assert!(hashes("run").len() >= 3 && hashes("run") == hashes("again"), "{:?}", hashes("run"));
    let (code, words) = place.go("diff s.ron late.ron");
    assert!(code == 1 && words.contains("lane plain: changes at step 25: batch 8 → 5"), "{words}");
    assert_eq!(place.go("diff late.ron run").0, 0);
}

#[test]
fn the_checksum_of_data_is_part_of_the_proof() {
    let place = Place::new();
    let row = |x: f32, i: u8| format!("{},{},{}", x + f32::from(i), i % 5, i % 2);
    let table = |x: f32| (0..30).map(|i| row(x, i)).collect::<Vec<_>>().join("\n");
    let scenario = SCENARIO.replace("Moons(samples: 80)", "Csv(\"t.csv\")");
    std::fs::write(place.0.path().join("s.ron"), scenario).expect("a file");
    std::fs::write(place.0.path().join("t.csv"), table(0.0)).expect("a file");
    assert_eq!(place.go("run s.ron --out run --steps 12").0, 0);
    assert_eq!(place.go("verify run").0, 0);
    std::fs::write(place.0.path().join("t.csv"), table(0.5)).expect("a file");
    let (code, words) = place.go("verify run");
    assert!(code == 1 && words.contains("data: the training samples are others"), "{words}");
    assert!(first(&words).starts_with("step 1, "), "{words}");
    assert_eq!(checksum(&[]), 0);
    assert!(Path::new(place.0.path()).exists());
}
