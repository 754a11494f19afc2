//! Tests of recording the screen, and of playing recordings.

use crate::pty::{PROGRAM, Place, code};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

#[test]
fn a_session_is_recorded_with_its_script_and_both_are_played_again() {
    let place = Place::new();
    let mut lab = place.start("s.ron --out run");
    lab.trains();
    lab.press("\x12");
    lab.see(" rec");
    lab.press("]");
    lab.see("lr 0.01 → 0.02");
    lab.press("\x12");
    lab.see("recorded to");
    lab.until("the mark is gone", |text| !text.lines().next().is_some_and(|l| l.contains(" rec")));
    lab.press("qy");
    assert_eq!(code(lab.end()), 0);
    lab.given_back();

    let run = place.0.path().join("run");
    for name in ["recording-1.cast", "recording-1.ron"] {
        let mode = std::fs::metadata(run.join(name)).expect(name).permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let script = std::fs::read_to_string(run.join("recording-1.ron")).expect("a script");
    assert!(script.contains("press: \"]\"") && script.starts_with("// "), "{script}");
    assert!(place.resumes("run"), "a run with recordings in it is still a run");

    let again = Command::new(PROGRAM)
        .args(["record", "s.ron", "--script", "run/recording-1.ron", "--out", "again.cast"])
        .current_dir(place.0.path())
        .stdin(Stdio::null())
        .output()
        .expect("the program starts");
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));

    for cast in ["run/recording-1.cast", "again.cast"] {
        let mut player = place.start(&format!("play {cast} --speed 20"));
        player.see("lr 0.01 → 0.02");
        player.press("q");
        assert_eq!(code(player.end()), 0, "{cast}");
        player.given_back();
    }
}

#[test]
fn a_recording_ends_by_itself_and_leaves_nothing_set() {
    let place = Place::new();
    std::fs::write(
        place.0.path().join("v1.json"),
        r#"{"version":1,"width":40,"height":10,"stdout":[[0.1,"one"],[0.1," two"]]}"#,
    )
    .expect("a file");
    // Insert mode, no wrap, origin mode, a scroll region, line drawing, and leaving the alternate screen.
    let head = r#"{"version":2,"width":40,"height":10}"#;
    let sets = r#"[0.1,"o","\u001b[4h\u001b[?7l\u001b[?6h\u001b[2;5r\u001b(0\u001b[?1049lqq modes"]"#;
    std::fs::write(place.0.path().join("sets.cast"), format!("{head}\n{sets}\n")).expect("a file");
    let gzip = Command::new("gzip").args(["-k", "sets.cast"]).current_dir(place.0.path()).status();
    assert!(gzip.expect("gzip").success());
    for (file, shows) in [("v1.json", "one two"), ("sets.cast", "── "), ("sets.cast.gz", "── ")] {
        let mut player = place.script(&format!("{PROGRAM} play {file} && echo next"));
        player.see(shows);
        player.see("q leaves");
        player.see("next");
        assert_eq!(code(player.end()), 0, "{file}");
        player.given_back();
        let raw = String::from_utf8_lossy(&player.raw).into_owned();
        for mode in ["\x1b[4h", "\x1b[?7l", "\x1b[?6h", "\x1b[2;5r", "\x1b(0"] {
            assert!(!raw.contains(mode), "{mode:?} reaches the terminal");
        }
    }
    // Without a terminal it reports that it needs one.
    let out = Command::new(PROGRAM)
        .args(["play", "v1.json"])
        .current_dir(place.0.path())
        .stdin(Stdio::null())
        .output();
    let out = out.expect("a start");
    let words = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(out.status.code() == Some(2) && words.contains("play needs a terminal"), "{words}");
}

#[test]
fn a_recording_that_is_too_large_or_none_at_all_is_refused_in_words() {
    let place = Place::new();
    std::fs::write(place.0.path().join("wide.cast"), "{\"version\":2,\"width\":300,\"height\":24}\n")
        .expect("a file");
    for (words, said) in
        [("play wide.cast", "300x24"), ("play s.ron", "no asciicast"), ("play none", "no such file")]
    {
        let mut player = place.start(words);
        player.see(said);
        assert_eq!(code(player.end()), 2, "{words}");
    }
}
