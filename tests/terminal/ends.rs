//! How the lab ends: asked, told by a signal, by a fault of its own; the terminal is always given back.

use crate::pty::{Place, code, step};
use rustix::process::Signal;

#[test]
fn quitting_asks_while_training_and_gives_the_terminal_back() {
    let place = Place::new();
    let mut lab = place.start("s.ron --out run");
    lab.trains();
    assert!(lab.raw_mode());
    for stay in ["n", "\x1b"] {
        lab.press("q");
        lab.see("leave");
        let asked = step(&lab.text());
        lab.press(stay);
        lab.until("training goes on", |text| !text.contains("y leave") && step(text) > asked);
    }
    lab.press("q");
    lab.see("leave");
    lab.press("y");
    assert_eq!(code(lab.end()), 0);
    lab.given_back();
    assert!(place.resumes("run"));
}

#[test]
fn q_twice_leaves_and_one_q_is_enough_where_nothing_trains() {
    let place = Place::new();
    let mut lab = place.start("s.ron");
    lab.trains();
    lab.press("qq");
    assert_eq!(code(lab.end()), 0);
    lab.given_back();
    let mut lab = place.start("s.ron");
    lab.trains();
    lab.press(" ");
    lab.see("paused");
    lab.press("q");
    assert_eq!(code(lab.end()), 0);
    lab.given_back();
}

#[test]
fn signals_to_end_save_and_give_the_terminal_back() {
    for (signal, exit) in [(Signal::TERM, 143), (Signal::INT, 130), (Signal::QUIT, 131), (Signal::HUP, 129)] {
        let place = Place::new();
        let mut lab = place.start("s.ron --out run");
        lab.trains();
        lab.signal(signal);
        assert_eq!(code(lab.end()), exit);
        lab.given_back();
        assert!(place.resumes("run"), "{signal:?}");
    }
}

#[test]
fn a_panic_of_the_screen_is_readable_and_the_run_is_saved() {
    let place = Place::new();
    let vars = [("GRADTUI_FAULT", Some("panic-ui"))];
    let mut lab = place.start_with("s.ron --out run", (120, 40), &vars);
    assert_eq!(code(lab.end()), 101);
    lab.given_back();
    let text = lab.text();
    assert!(text.contains("panicked") && text.contains("on order"), "{text}");
    assert!(place.resumes("run"));
}

#[test]
fn a_panic_of_a_worker_costs_one_lane_and_leaves_the_screen_alone() {
    let place = Place::new();
    let vars = [("GRADTUI_FAULT", Some("panic-worker:0"))];
    let mut lab = place.start_with("s.ron", (120, 40), &vars);
    lab.see("failed");
    let before = step(&lab.text());
    lab.press(".");
    lab.until("the other lane goes on", |text| step(text) > before + 10);
    assert!(!lab.text().contains("panicked"));
    lab.press("qq");
    lab.end();
    lab.given_back();
}
