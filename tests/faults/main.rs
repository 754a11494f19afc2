//! Tests of injected faults: a panic of the screen or of a worker. This test program contains gradtui, and is the only
//! one that obeys `GRADTUI_FAULT`: its tests start it again with a fault, and show that gradtui itself ignores the
//! variable.
#![cfg_attr(not(target_os = "linux"), allow(unused))]

#[allow(dead_code, reason = "these tests need less of a terminal than others")]
#[path = "../terminal/pty.rs"]
mod pty;

use pty::{PROGRAM, Place, code, step};
use std::path::PathBuf;
use std::process::{Command, ExitCode, Output};

/// The variable that injects a fault.
const FAULT: &str = "GRADTUI_FAULT";
/// The size of every terminal here.
const SIZE: (u16, u16) = (120, 40);

/// Each test by its name.
const TESTS: [(&str, fn()); 5] = [
    ("a_panic_of_the_screen_is_readable_and_the_run_is_saved", screen),
    ("a_panic_of_a_worker_costs_one_lane_and_leaves_the_screen_alone", worker),
    ("a_worker_that_panics_without_a_screen_costs_one_lane", headless),
    ("a_lab_that_gets_no_memory_gives_the_terminal_back", memory),
    ("gradtui_itself_obeys_no_order", plain),
];

fn main() -> ExitCode {
    if let Ok(fault) = std::env::var(FAULT) {
        gradtui::faults::order(fault);
        return gradtui::cli::main();
    }
    if !cfg!(target_os = "linux") {
        return ExitCode::SUCCESS;
    }
    // As in every test program, a word selects tests, and `--list` only lists them.
    let words: Vec<String> = std::env::args().skip(1).collect();
    let parts: Vec<_> = words.iter().filter(|w| !w.starts_with('-')).collect();
    let chosen = |name: &str| parts.is_empty() || parts.iter().any(|part| name.contains(part.as_str()));
    let list = words.iter().any(|w| w == "--list");
    for (name, test) in TESTS.into_iter().filter(|(name, _)| chosen(name)) {
        if list {
            println!("{name}: test");
        } else {
            test();
            println!("test {name} ... ok");
        }
    }
    ExitCode::SUCCESS
}

/// This program.
fn faulty() -> PathBuf {
    std::env::current_exe().expect("a program")
}

fn screen() {
    let place = Place::new();
    let program = faulty();
    let vars = [(FAULT, Some("panic-ui"))];
    let mut lab = place.start_other(program.to_str().expect("UTF-8"), "s.ron --out run", SIZE, &vars);
    assert_eq!(code(lab.end()), 101);
    lab.given_back();
    let text = lab.text();
    assert!(text.contains("panicked") && text.contains("on order"), "{text}");
    assert!(place.resumes("run"));
}

fn worker() {
    let place = Place::new();
    let program = faulty();
    let vars = [(FAULT, Some("panic-worker:0"))];
    let mut lab = place.start_other(program.to_str().expect("UTF-8"), "s.ron", SIZE, &vars);
    lab.see("failed");
    let before = step(&lab.text());
    lab.press(".");
    lab.until("the other lane goes on", |text| step(text) > before + 10);
    assert!(!lab.text().contains("panicked"));
    lab.press("qq");
    lab.end();
    lab.given_back();
}

fn memory() {
    let place = Place::new();
    let program = faulty();
    let vars = [(FAULT, Some("no-memory"))];
    let mut lab = place.start_other(program.to_str().expect("UTF-8"), "s.ron --out run", SIZE, &vars);
    let end = lab.end();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&end), Some(6), "{end:?}");
    lab.given_back();
    assert!(lab.text().contains("gradtui was aborted"), "{}", lab.text());
    assert!(place.resumes("run"));
}

/// Runs two lanes without a screen, with an injected fault.
fn run(program: PathBuf, fault: &str) -> Output {
    let place = Place::new();
    let mut command = Command::new(program);
    command
        .current_dir(place.0.path())
        .args(["run", "s.ron", "--json", "--steps", "20000"])
        .env(FAULT, fault);
    command.output().expect("a start")
}

fn headless() {
    let out = run(faulty(), "panic-worker:1");
    let (text, words) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert_eq!(out.status.code(), Some(1), "{words}");
    assert!(text.contains(r#""step":20000,"lane":"adam","end":"finished""#), "{text}");
    assert!(words.contains("lane momentum: a fault of the program"), "{words}");
    assert!(!words.contains("panicked"), "{words}");
}

fn plain() {
    let out = run(PROGRAM.into(), "panic-worker:1");
    let (text, words) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.code() == Some(0) && !words.contains("fault of the program"), "{text}{words}");
    let place = Place::new();
    let mut lab = place.start_with("s.ron --out run", SIZE, &[(FAULT, Some("panic-ui"))]);
    lab.trains();
    lab.press("qq");
    assert_eq!(code(lab.end()), 0);
    lab.given_back();
}
