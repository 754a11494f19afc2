//! Every preset is a lesson with a claim: it runs without a screen, and what its `expect` list says holds at the end.

use gradtui::lab::preset;
use std::process::Command;

#[test]
fn every_claim_holds() {
    let mut broken = Vec::new();
    for preset in preset::ALL {
        assert!(!preset.scenario().expect.is_empty(), "{} claims nothing", preset.name);
        let run =
            Command::new(env!("CARGO_BIN_EXE_gradtui")).args(["run", preset.name]).output().expect("a run");
        if !run.status.success() {
            broken.push(format!("{}: {}", preset.name, String::from_utf8_lossy(&run.stderr)));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
