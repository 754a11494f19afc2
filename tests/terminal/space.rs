//! Tests of the lab when the system provides no memory.

use crate::pty::{PROGRAM, Place, code};

#[test]
fn a_lab_to_which_the_system_gives_no_memory_gives_the_terminal_back() {
    let place = Place::new();
    let mut lab = place.start("s.ron --out run");
    lab.trains();
    lab.limit_memory();
    // A larger frame needs some memory.
    lab.resize(500, 200);
    let end = lab.end();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&end), Some(6), "{end:?}");
    lab.given_back();
    assert!(lab.text().contains("gradtui was aborted"), "{}", lab.text());
    assert!(place.resumes("run"));
}

#[test]
fn seeds_for_which_there_is_no_room_are_refused_in_words() {
    let place = Place::new();
    let text = r#"(title: "b", data: Gauss(samples: 200), network: [Dense(4096), Relu(), Dense(4096), Relu()], batch: 4,
        steps: 100, optimizer: Adam(0.001), lanes: [(name: "a")])"#;
    std::fs::write(place.0.path().join("b.ron"), text).expect("a file");
    let mut lab = place.script(&format!("ulimit -v 4194304; exec '{PROGRAM}' b.ron"));
    lab.trains();
    lab.press("b");
    lab.see("seeds?");
    lab.press("y");
    lab.see("would take");
    lab.press("qq");
    assert_eq!(code(lab.end()), 0);
    lab.given_back();
}
