//! Tests that every machine computes the same bits: a table beside this test holds the hashes of all presets after a
//! few steps.
//!
//! A change of one of them means that scenarios train differently than before. If that is intended,
//! `GRADTUI_HASHES=write cargo test --test hashes` rewrites the table.

use gradtui::engine::data::NoFiles;
use gradtui::lab::experiment::Experiment;
use gradtui::lab::outcome::Standings;
use gradtui::lab::preset;
use gradtui::lab::run::Run;
use gradtui::lab::runner::Runner;
use gradtui::telemetry::{Command, Phase};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Steps after which the parameters are hashed: enough for every part of a step to have an effect.
const STEPS: u64 = 24;

/// A row for each lane of a preset: its name, and the hash of its parameters.
fn rows(preset: &preset::Preset, threads: usize) -> String {
    let mut scenario = preset.scenario();
    // Accuracies under attack affect no parameter and take long.
    (scenario.robustness, scenario.seeds) = (None, 1);
    let experiment = Experiment::new(scenario, &NoFiles).expect("an experiment");
    let run = Run::new(experiment, Some(STEPS), Arc::new(NoFiles));
    let runner = Runner::start(run, Some(threads), None, false).expect("threads");
    runner.send(Command::Run);
    let mut standings = Standings::default();
    while standings.lanes.is_empty() || !standings.over() {
        assert!(runner.wait(Duration::from_secs(60)), "{} goes on", preset.name);
        runner.drain().iter().for_each(|event| standings.apply(event));
    }
    let row = |lane: &gradtui::lab::outcome::LaneStanding| {
        let end = match (&lane.phase, lane.validation.and_then(|v| v.hash)) {
            (Phase::Diverged(account), _) => format!("diverged at {}", account.step),
            (Phase::Stopped(_), _) => "not begun".into(),
            (_, Some(hash)) => hash.to_string(),
            (phase, None) => panic!("{}, {}: {phase:?}", preset.name, lane.name),
        };
        format!("{} | {} | {end}\n", preset.name, lane.name)
    };
    standings.lanes.iter().map(row).collect()
}

#[test]
fn every_preset_trains_to_the_hashes_of_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hashes.txt");
    let head = format!("# preset | lane | hash of its parameters after {STEPS} steps; see tests/hashes.rs\n");
    // One or two threads must give the same bits.
    let all = preset::ALL.iter().enumerate().map(|(i, preset)| rows(preset, 1 + i % 2));
    let table = head + &all.collect::<String>();
    if std::env::var_os("GRADTUI_HASHES").is_some_and(|v| v == "write") {
        std::fs::write(&path, &table).expect("written");
    }
    let kept = std::fs::read_to_string(&path).expect("the table");
    let lost: Vec<&str> = kept.lines().filter(|row| !table.lines().any(|r| r == *row)).collect();
    assert!(
        kept == table,
        "other bits than in tests/hashes.txt; the rows that changed:\n{}",
        lost.join("\n")
    );
}
