//! Tests of runs that are resumed in the lab, and of runs that another process trains.

use crate::pty::{PROGRAM, Place, code, step};
use std::process::{Child, Command, Stdio};

/// The program that trains without a terminal. It is killed when this value is dropped, also if a test fails.
struct Trained(Child);

impl Trained {
    fn start(place: &Place, words: &[&str]) -> Self {
        let mut command = Command::new(PROGRAM);
        let quiet =
            command.current_dir(place.0.path()).args(words).stdout(Stdio::null()).stderr(Stdio::null());
        Self(quiet.stdin(Stdio::null()).spawn().expect("a start"))
    }
}

impl Drop for Trained {
    fn drop(&mut self) {
        let _ = self.0.kill().and_then(|()| self.0.wait());
    }
}

#[test]
fn a_run_is_taken_up_in_the_lab_where_it_stopped_bit_for_bit() {
    let place = Place::new();
    let headless = |words: &str| {
        let mut command = Command::new(PROGRAM);
        command.current_dir(place.0.path()).args(words.split_whitespace()).stdin(Stdio::null());
        let out = command.output().expect("a start");
        assert!(out.status.success(), "{words}: {}", String::from_utf8_lossy(&out.stderr));
    };
    headless("run s.ron --out run --steps 700");
    let mut lab = place.start("resume run");
    lab.until("steps after those", |text| step(text) > 720);
    // The log shows the loss of the steps before.
    lab.see("loss");
    lab.press("qq");
    assert_eq!(code(lab.end()), 0);
    lab.given_back();
    assert!(lab.text().contains("gradtui resume run"), "{}", lab.text());
    headless("resume run --steps 3000");
    headless("run s.ron --out whole --steps 3000");
    let log =
        |run: &str| std::fs::read_to_string(place.0.path().join(run).join("metrics.jsonl")).expect("a log");
    assert!(log("run") == log("whole"), "the logs differ");
}

#[test]
fn runs_of_somebody_else_are_watched_side_by_side_and_left_alone() {
    let place = Place::new();
    let mut lab = place.start("watch one two");
    lab.see("waiting for a run");
    let train = |run: &str| Trained::start(&place, &["run", "s.ron", "--steps", "99999999", "--out", run]);
    let one = train("one");
    lab.until("one's lanes", |text| {
        step(text) > 0 && text.contains("one adam") && !text.contains("two adam")
    });
    let two = train("two");
    lab.see("two momentum");
    lab.press(" ");
    lab.see("watching only");
    let before = step(&lab.text());
    lab.until("more steps", |text| step(text) > before + 500);
    // Run `one` is killed and resumed: its log becomes shorter and then grows again.
    drop(one);
    lab.until("one rests", |text| text.contains('‖') && text.contains("one adam"));
    let again = Trained::start(&place, &["resume", "one", "--steps", "99999999"]);
    let before = step(&lab.text());
    lab.until("more steps of one", |text| step(text) > before + 1000);
    drop((again, two));
    // Leaving loses nothing, so the lab asks no question.
    lab.press("q");
    assert_eq!(code(lab.end()), 0);
    lab.given_back();
    assert!(place.resumes("one") && place.resumes("two"));
}

#[test]
fn a_killed_run_is_called_killed_and_a_mixed_one_is_not_watched() {
    let place = Place::new();
    let run = Trained::start(&place, &["run", "s.ron", "--steps", "99999999", "--out", "run"]);
    let mut lab = place.start("watch run");
    lab.until("a run under way", |text| step(text) > 100 && text.contains("running"));
    drop(run);
    lab.until("its end", |text| {
        text.contains("killed") && !text.contains("running") && !text.contains("paused")
    });
    let scenario = place.0.path().join("run/scenario.ron");
    let text = std::fs::read_to_string(&scenario).expect("a scenario");
    std::fs::write(&scenario, text.replace("two lanes", "three lanes")).expect("a file");
    // The message appears while the run is watched, and also when another watcher starts.
    lab.see("not the one of the checkpoint");
    lab.press("q");
    assert_eq!(code(lab.end()), 0);
    let mut other = place.start("watch run");
    assert_eq!(code(other.end()), 2);
    assert!(other.text().contains("not the one of the checkpoint"), "{}", other.text());
}

#[test]
fn there_is_nothing_to_watch_without_a_terminal_or_in_a_file() {
    let place = Place::new();
    let mut lab = place.start("watch s.ron");
    assert_eq!(code(lab.end()), 2);
    let out = Command::new(PROGRAM)
        .current_dir(place.0.path())
        .args(["watch", "run"])
        .stdin(Stdio::null())
        .output();
    assert_eq!(out.expect("a start").status.code(), Some(2));
}
