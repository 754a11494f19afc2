//! Tests of the lab as a job: stopped and continued, by its own key and from outside.

use crate::pty::{PROGRAM, Place, code, settled, step};
use rustix::process::{Signal, kill_process};

#[test]
fn ctrl_z_gives_the_terminal_to_the_shell_and_fg_takes_it_again_ten_times() {
    let place = Place::new();
    let mut shell = place.shell();
    shell.press(format!("'{PROGRAM}' s.ron --out run\n"));
    for n in 0..10 {
        shell.trains();
        shell.until("the whole picture", |t| t.contains("Lanes") && t.contains("help") && t.contains("╰"));
        assert!(shell.raw_mode());
        let before = step(&shell.text());
        shell.press("\x1a");
        shell.until("the shell", |text| text.trim_end().ends_with("ready>"));
        assert!(shell.cursor_visible(), "at stop {n}");
        // Typed text is visible, and line editing works.
        shell.press(format!("echo $((20+{n}))\n"));
        shell.see(&format!("echo $((20+{n}))\n{}\n", 20 + n));
        shell.press("fg\n");
        shell.until("more steps", |text| step(text) > before && !text.contains("ready>"));
    }
    shell.press("qq");
    shell.until("the shell", |text| text.trim_end().ends_with("ready>"));
    shell.press("exit\n");
    assert_eq!(code(shell.end()), 0);
}

#[test]
fn a_stop_from_outside_gives_the_terminal_to_the_shell_as_the_key_does() {
    let place = Place::new();
    let mut shell = place.shell();
    shell.press(format!("'{PROGRAM}' s.ron --out run\n"));
    for _ in 0..3 {
        shell.trains();
        let before = step(&shell.text());
        kill_process(shell.child_of(), Signal::TSTP).expect("a signal");
        shell.until("the shell", |text| text.trim_end().ends_with("ready>"));
        assert!(shell.cursor_visible());
        shell.press("echo $((20+3))\n");
        shell.see("echo $((20+3))\n23\n");
        shell.press("fg\n");
        shell.until("more steps", |text| step(text) > before && !text.contains("ready>"));
        assert!(shell.raw_mode());
    }
    shell.press("qq");
    shell.until("the shell", |text| text.trim_end().ends_with("ready>"));
    shell.press("exit\n");
    assert_eq!(code(shell.end()), 0);
}

#[test]
fn without_a_shell_ctrl_z_stops_nothing() {
    let place = Place::new();
    let mut lab = place.start("s.ron");
    lab.trains();
    let before = step(&lab.text());
    lab.press("\x1a");
    lab.until("more steps", |text| step(text) > before + 500);
    assert!(lab.raw_mode());
    // Neither does the signal stop it, because the terminal would then belong to no process.
    let before = step(&lab.text());
    lab.signal(Signal::TSTP);
    lab.until("more steps", |text| step(text) > before + 500);
    assert!(lab.raw_mode());
    lab.press("qq");
    assert_eq!(code(lab.end()), 0);
    lab.given_back();
}

#[test]
fn a_lab_stopped_from_outside_takes_its_terminal_again_at_the_size_it_then_has() {
    let place = Place::new();
    let mut lab = place.start("s.ron");
    let picture = settled(&lab.rests());
    lab.signal(Signal::STOP);
    lab.stopped();
    // Another program uses the terminal meanwhile.
    lab.set(&lab.before);
    lab.scribble("\x1b[?1049l\x1b[?25h\x1b[2Jready> something else");
    lab.resize(100, 30);
    lab.signal(Signal::CONT);
    lab.until("a picture of that size", |text| text.contains("Lanes") && !text.contains("something else"));
    assert!(lab.raw_mode());
    lab.resize(120, 40);
    lab.until("the picture as it was", |text| settled(text) == picture);
    lab.press("q");
    assert_eq!(code(lab.end()), 0);
    lab.given_back();
}
