//! Disks with faults: full for a while, files that may not grow, no place to write at all. Training and the screen
//! continue, and losses are reported.

use crate::pty::{PROGRAM, Place, Session, code, step};
use rustix::process::Signal;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Reads until the lab has trained further.
fn goes_on(lab: &mut Session) {
    let before = step(&lab.text());
    lab.until("more steps", |text| step(text) > before + 20);
}

/// Checks that there are lines, and that every line of a recording except the last is complete.
fn plays(place: &Place, cast: &str) {
    let text = std::fs::read_to_string(place.0.path().join(cast)).expect("a recording");
    let mut lines: Vec<&str> = text.split('\n').collect();
    lines.pop();
    assert!(lines.len() > 1, "{text}");
    for line in lines {
        serde_json::from_str::<serde_json::Value>(line).unwrap_or_else(|e| panic!("{e}: {line}"));
    }
}

#[test]
fn a_lab_lives_on_while_nothing_can_be_saved_and_saves_once_there_is_room() {
    let place = Place::new();
    let mut lab = place.start("s.ron --out run");
    lab.trains();
    lab.limit_files(Some(1));
    lab.see("! not saved");
    goes_on(&mut lab);
    lab.limit_files(None);
    lab.until("the mark is gone", |text| !text.contains("not saved"));
    goes_on(&mut lab);
    lab.press("qq");
    assert_eq!(code(lab.end()), 0);
    lab.given_back();
    assert!(place.resumes("run"));
    // No line is missing.
    let log = std::fs::read_to_string(place.0.path().join("run/metrics.jsonl")).expect("a log");
    let lines = log.lines().map(|l| serde_json::from_str::<serde_json::Value>(l).expect("a line"));
    let steps: Vec<u64> = lines.filter(|l| l["lane"] == "adam").filter_map(|l| l["step"].as_u64()).collect();
    let early: Vec<u64> = steps.iter().copied().filter(|s| *s <= 1024).collect();
    assert_eq!(early, (1..=early.len() as u64).collect::<Vec<_>>());
}

#[test]
fn a_lab_that_cannot_save_at_all_says_so_and_trains() {
    let place = Place::new();
    let nowhere = [("HOME", Some("/proc")), ("XDG_STATE_HOME", Some("/proc/state"))];
    let mut lab = place.start_with("s.ron", (120, 40), &nowhere);
    lab.see("this run is not saved: /proc/state");
    lab.see("! not saved");
    goes_on(&mut lab);
    lab.press("\x12");
    lab.see("has no directory to record to");
    lab.press("qq");
    assert_eq!(code(lab.end()), 0);
    lab.given_back();
}

#[test]
fn a_run_without_a_place_to_write_to_is_refused() {
    let place = Place::new();
    for out in ["/proc/run", "s.ron", "s.ron/run", "/dev/null"] {
        let mut run = Command::new(PROGRAM);
        run.current_dir(place.0.path())
            .args(["run", "s.ron", "--steps", "1", "--out", out])
            .stdin(Stdio::null());
        let ended = run.output().expect("a start");
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(2), "{out}: {said}");
        assert!(said.contains(out), "{out}: {said}");
    }
}

#[test]
fn a_run_whose_files_may_not_grow_fails_in_words_and_loses_nothing() {
    let place = Place::new();
    // In units of 512 bytes; the signal that comes with this limit kills a program without a handler for it.
    let limited = format!("ulimit -f 300; exec '{PROGRAM}' run s.ron --steps 3000 --out cut");
    let mut run = place.script(&limited);
    assert_eq!(code(run.end()), 1);
    assert!(run.text().contains("file-size limit"), "{}", run.text());
    for words in ["resume cut --steps 3000", "run s.ron --steps 3000 --out whole"] {
        let mut command = Command::new(PROGRAM);
        command.current_dir(place.0.path()).args(words.split(' ')).stdin(Stdio::null());
        let ended = command.output().expect("a start");
        assert!(ended.status.success(), "{words}: {}", String::from_utf8_lossy(&ended.stderr));
    }
    let log =
        |run: &str| std::fs::read_to_string(place.0.path().join(run).join("metrics.jsonl")).expect("a log");
    assert!(log("cut") == log("whole"), "the logs differ");
}

/// A lab in training that has recorded this many bytes, and the file.
fn recording(place: &Place, bytes: u64) -> (Session, PathBuf) {
    let mut lab = place.start("s.ron --out run");
    lab.trains();
    lab.press("\x12");
    lab.see(" rec");
    let cast = place.0.path().join("run/recording-1.cast");
    lab.until("some of it on the disk", |_| cast.metadata().is_ok_and(|m| m.len() > bytes));
    (lab, cast)
}

#[test]
fn a_recording_for_which_there_is_no_room_stops_and_the_session_goes_on() {
    let place = Place::new();
    let (mut lab, cast) = recording(&place, 10_000);
    lab.limit_files(Some(cast.metadata().expect("a file").len()));
    lab.see("recording stopped");
    lab.limit_files(None);
    lab.until("the mark is gone", |text| !text.lines().next().is_some_and(|l| l.contains(" rec")));
    goes_on(&mut lab);
    lab.press("qq");
    assert_eq!(code(lab.end()), 0);
    lab.given_back();
    plays(&place, "run/recording-1.cast");
    assert!(place.resumes("run"));
}

#[test]
fn a_recording_whose_lab_is_killed_plays_but_for_its_last_line() {
    let place = Place::new();
    let (mut lab, _) = recording(&place, 20_000);
    lab.signal(Signal::KILL);
    lab.end_unread();
    plays(&place, "run/recording-1.cast");
    assert!(place.resumes("run"));
}
