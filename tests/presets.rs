//! Every preset is a lesson with claims: it runs without a screen, and all that its `expect` list says holds, over five
//! seeds where the seed matters.

use gradtui::lab::preset;
use std::process::Command;

#[test]
fn every_claim_holds() {
    let mut broken = Vec::new();
    for preset in preset::ALL {
        let run =
            Command::new(env!("CARGO_BIN_EXE_gradtui")).args(["run", preset.name]).output().expect("a run");
        if !run.status.success() {
            broken.push(format!("{}: {}", preset.name, String::from_utf8_lossy(&run.stderr)));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_lane_has_a_claim_and_luck_proves_none() {
    for preset in preset::ALL {
        let scenario = preset.scenario();
        for lane in &scenario.lanes {
            let claimed = scenario.expect.iter().any(|claim| claim.contains(&format!("{}.", lane.name)));
            assert!(claimed, "{} claims nothing of lane {}", preset.name, lane.name);
        }
        // Test functions have no random numbers at all.
        let seeds = scenario.seeds.max(scenario.expect_seeds);
        assert!(seeds >= 5 || scenario.data.problem().is_some(), "{}: {seeds} seeds", preset.name);
    }
}
