//! Tests how the lab ends, by a key or by a signal; the terminal is always restored.

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
