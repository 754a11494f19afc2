//! Tests with faulty connections: they drop, with and without a signal, and they stall.

use crate::pty::{PROGRAM, Place, code, ended, owner, step};
use rustix::process::Signal;
use std::time::Duration;

/// A shell prefix that ignores the hang-up signal for the program.
const DEAF: &str = "trap '' HUP; exec";

#[test]
fn a_dropped_line_saves_and_ends_the_lab() {
    let place = Place::new();
    let mut lab = place.start("s.ron --out run");
    lab.trains();
    lab.hang_up();
    assert_eq!(code(lab.end_unread()), 129);
    assert!(place.resumes("run"));
}

#[test]
fn a_dropped_line_of_which_nobody_tells_does_as_well() {
    let place = Place::new();
    let mut lab = place.script(&format!("{DEAF} '{PROGRAM}' s.ron --out run"));
    lab.trains();
    lab.hang_up();
    assert_eq!(code(lab.end_unread()), 129);
    assert!(place.resumes("run"));
}

#[test]
fn a_run_without_a_screen_survives_what_nohup_ignores() {
    let place = Place::new();
    let mut run = place.script(&format!("{DEAF} '{PROGRAM}' run s.ron --steps 99999999 --out run"));
    run.meanwhile("a log", || place.logged("run") > 0);
    let before = place.logged("run");
    run.signal(Signal::HUP);
    run.hang_up();
    run.meanwhile("more steps", || place.logged("run") > before + 1000);
    run.signal(Signal::TERM);
    assert_eq!(code(run.end_unread()), 143);
    assert!(place.resumes("run"));
}

#[test]
fn a_detached_lab_trains_on_to_the_end_without_its_terminal() {
    for begin in ["exec", DEAF] {
        let place = Place::new();
        let mut lab = place.script(&format!("{begin} '{PROGRAM}' s.ron --out run --on-hangup detach"));
        lab.trains();
        lab.hang_up();
        assert_eq!(code(lab.end_unread()), 0);
        assert_eq!(place.logged("run"), 60_000);
        assert!(place.resumes("run"));
    }
}

#[test]
fn a_detached_lab_that_is_paused_has_nothing_to_go_on_with() {
    let place = Place::new();
    let mut lab = place.start("s.ron --out run --on-hangup detach");
    lab.trains();
    lab.press(" ");
    lab.see("paused");
    lab.hang_up();
    assert_eq!(code(lab.end_unread()), 129);
    assert!(place.resumes("run"));
}

#[test]
fn a_terminal_that_takes_nothing_stops_no_training_and_is_up_to_date_afterwards() {
    let place = Place::new();
    let mut lab = place.start("s.ron --out run");
    lab.trains();
    let (memory, bytes) = (lab.memory(), lab.raw.len());
    lab.block(true);
    let before = place.logged("run");
    lab.meanwhile("steps behind a blocked terminal", || place.logged("run") > before + 2000);
    assert!(lab.memory() < memory + (32 << 20), "{memory} and then {}", lab.memory());
    let reached = place.logged("run");
    lab.block(false);
    lab.until("the newest step", |text| step(text) >= reached);
    assert!(lab.raw.len() < bytes + (64 << 10), "{} bytes were waiting", lab.raw.len() - bytes);
    lab.press("qq");
    assert_eq!(code(lab.end()), 0);
    lab.given_back();
}

#[test]
fn signals_end_the_lab_while_its_output_is_blocked() {
    for signal in [Signal::TERM, Signal::HUP] {
        let place = Place::new();
        let mut lab = place.start("s.ron --out run");
        lab.trains();
        lab.block(true);
        let before = place.logged("run");
        lab.meanwhile("steps behind a blocked terminal", || place.logged("run") > before + 1000);
        lab.signal(signal);
        assert_eq!(code(lab.end_unread()), if signal == Signal::TERM { 143 } else { 129 });
        assert!(place.resumes("run"), "{signal:?}");
    }
}

#[test]
fn a_shell_that_hangs_up_takes_its_jobs_along_in_the_foreground_and_stopped() {
    for stopped in [false, true] {
        let place = Place::new();
        let mut shell = place.shell();
        shell.press(format!("'{PROGRAM}' s.ron --out run\n"));
        shell.trains();
        let end = owner(&place.0.path().join("run")).expect("the lab");
        if stopped {
            shell.press("\x1a");
            shell.until("the shell", |text| text.trim_end().ends_with("ready>"));
        }
        shell.hang_up();
        assert!(ended(&end, Duration::from_secs(50)), "the lab outlives its terminal");
        assert!(place.resumes("run"));
    }
}
