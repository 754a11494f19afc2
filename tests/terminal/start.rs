//! Tests where the lab opens and where it does not: sizes, kinds of terminals, locales, missing streams.

use crate::pty::{PROGRAM, Place, code};
use std::process::{Command, Stdio};

#[test]
fn every_size_is_one_to_start_with() {
    for size in [(0, 0), (1, 1), (2, 2), (200, 1), (1, 60), (500, 200)] {
        let place = Place::new();
        let mut lab = place.start_with("s.ron", size, &[]);
        lab.until("a picture", |text| !text.trim().is_empty());
        lab.press("qq");
        assert_eq!(code(lab.end()), 0, "{size:?}");
        lab.given_back();
    }
}

#[test]
fn the_first_screen_of_a_newcomer_has_an_attack_and_a_prediction_below_the_greeting() {
    let place = Place::new();
    let mut lab = place.start_with("", (120, 40), &[]);
    lab.see("New here?");
    // No key is pressed, so nothing but the start asks for what these panes show.
    lab.see("taken for");
    lab.see("attacked");
}

#[test]
fn a_terminal_without_a_size_gets_eighty_by_twenty_four() {
    let place = Place::new();
    let mut lab = place.start_with("s.ron", (0, 0), &[]);
    lab.view(80, 24);
    lab.trains();
    lab.see("Lanes");
}

#[test]
fn terminals_that_cannot_be_drawn_on_are_told_what_to_do_instead() {
    for term in [Some("dumb"), Some(""), Some("unknown"), None] {
        let place = Place::new();
        let mut lab = place.start_with("s.ron", (80, 24), &[("TERM", term)]);
        assert_eq!(code(lab.end()), 2, "{term:?}");
        assert!(lab.text().contains("--plain"), "{}", lab.text());
        assert!(!lab.raw.contains(&0x1b), "{term:?}");
        lab.given_back();
    }
}

#[test]
fn a_locale_whose_name_is_no_text_gets_ascii() {
    let place = Place::new();
    let mut lab = place.script(&format!("LC_ALL=$(printf '\\377') exec '{PROGRAM}' s.ron"));
    lab.trains();
    lab.see("Lanes");
    assert!(lab.text().is_ascii(), "{}", lab.text());
    lab.press("qq");
    assert_eq!(code(lab.end()), 0);
}

#[test]
fn without_a_terminal_there_is_advice_and_nothing_else() {
    let place = Place::new();
    let out = Command::new(PROGRAM)
        .current_dir(place.0.path())
        .arg("s.ron")
        .env("TERM", "xterm-256color")
        .stdin(Stdio::null())
        .output()
        .expect("a start");
    assert_eq!(out.status.code(), Some(2));
    assert!(out.stdout.is_empty());
    assert!(String::from_utf8_lossy(&out.stderr).contains("gradtui run"));
    // A terminal for input alone does not help.
    let mut lab = place.script(&format!("'{PROGRAM}' s.ron >out; echo $?"));
    lab.see("2");
    assert!(lab.text().contains("gradtui run"), "{}", lab.text());
    assert_eq!(std::fs::read(place.0.path().join("out")).expect("a file"), b"");
}

#[test]
fn closed_streams_leave_the_files_of_a_run_alone() {
    let place = Place::new();
    let mut run = place.script(&format!("exec '{PROGRAM}' run s.ron --steps 50 --out run <&- >&- 2>&-"));
    let exit = code(run.end());
    assert!(exit <= 2, "{exit}");
    assert!(
        std::fs::read_to_string(place.0.path().join("run/metrics.jsonl"))
            .expect("a log")
            .lines()
            .all(|l| l.starts_with('{'))
    );
}

#[test]
fn locales_without_utf8_get_ascii_and_nothing_else() {
    for locale in [Some("C"), Some("POSIX"), Some("en_US.ISO-8859-1"), None] {
        let place = Place::new();
        let vars = [("LC_ALL", locale), ("LANG", None)];
        let mut lab = place.start_with("s.ron", (120, 40), &vars);
        lab.trains();
        lab.press("?");
        lab.see("Keys and words");
        lab.press("\x1b");
        lab.until("the help is closed", |text| !text.contains("Keys and words"));
        lab.press("\t\t\t\t\t\tqq");
        assert_eq!(code(lab.end()), 0);
        assert!(lab.raw.is_ascii(), "{locale:?}");
    }
}

#[test]
fn a_terminal_that_answers_nothing_is_served_all_the_same() {
    let place = Place::new();
    let mut lab = place.start("s.ron");
    lab.answers = false;
    lab.trains();
    lab.press("qq");
    assert_eq!(code(lab.end()), 0);
    lab.given_back();
}
