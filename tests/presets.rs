//! Tests every preset: it runs without a screen, and its `expect` list holds, over five seeds if the seed matters.

use gradtui::engine::data::NoFiles;
use gradtui::lab::experiment::Experiment;
use gradtui::lab::preset;
use gradtui::lab::run::Run;
use gradtui::lab::runner::Runner;
use gradtui::registry::SettingValue as _;
use gradtui::scenario::Scenario;
use gradtui::telemetry::{Command as Order, Data, Event, Phase, ProbeRequest, Sample};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

#[test]
fn every_claim_holds() {
    let (next, broken) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some(preset) = preset::ALL.get(next.fetch_add(1, Ordering::Relaxed)) {
            let mut run = Command::new(env!("CARGO_BIN_EXE_gradtui"));
            let run = run.args(["run", preset.name, "--threads", "1"]).output().expect("a run");
            if !run.status.success() {
                let said = format!("{}: {}", preset.name, String::from_utf8_lossy(&run.stderr));
                broken.lock().expect("no panic").push(said);
            }
        }
    };
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| (0..workers).for_each(|_| drop(scope.spawn(work))));
    let broken = broken.into_inner().expect("no panic");
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
        // Test functions use no random numbers.
        let seeds = scenario.seeds.max(scenario.expect_seeds);
        assert!(seeds >= 5 || scenario.data.problem().is_some(), "{}: {seeds} seeds", preset.name);
    }
}

/// Trains the only lane of a scenario to its end.
fn trained(scenario: Scenario) -> Runner {
    let experiment = Experiment::new(scenario, &NoFiles).expect("an experiment");
    let runner =
        Runner::start(Run::new(experiment, None, Arc::new(NoFiles)), None, None, false).expect("a run");
    runner.send(Order::Run);
    let end = Instant::now() + Duration::from_secs(600);
    let over = |e: &Event| matches!(e, Event::Phase { phase: Phase::Finished | Phase::Stopped(_), .. });
    while !runner.drain().iter().any(over) {
        assert!(Instant::now() < end, "it ends");
        runner.wait(Duration::from_millis(200));
    }
    runner
}

/// Whether the lane classifies a validation sample right and an attack changes its prediction.
fn fooled(runner: &Runner, sample: usize, attack: &str) -> bool {
    let sample = Sample::Number(sample);
    let view = ProbeRequest { sample, attack: attack.into(), ..ProbeRequest::of("adversarial", 0) };
    runner.send(Order::Watch(vec![view]));
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        assert!(Instant::now() < end, "an attack ends");
        runner.wait(Duration::from_millis(200));
        let probe = runner.drain().into_iter().find_map(|event| match event {
            Event::Probed { name: "adversarial", parts, .. } => Some(parts),
            _ => None,
        });
        let Some(parts) = probe else { continue };
        let scalar = |name: &str| match parts.iter().find(|(n, _)| n == name) {
            Some((_, Data::Scalar(x))) => *x,
            _ => f64::NAN,
        };
        if Sample::Number(scalar("sample") as usize) == sample {
            return scalar("before") == scalar("label") && scalar("after") != scalar("before");
        }
    }
}

#[test]
fn the_attacks_on_which_lessons_open_fool_the_lane_in_front() {
    let mut missed = Vec::new();
    let mut lessons = 0;
    for preset in preset::ALL {
        let scenario = preset.scenario();
        let view = scenario.view.clone();
        assert!(scenario.robustness.is_none() || view.attack.is_some(), "{} opens on an attack", preset.name);
        let Some(attack) = view.attack else { continue };
        lessons += 1;
        // A lane does not depend on the lanes beside it.
        let lanes = scenario.lanes.iter().filter(|l| l.name == view.lane).cloned().collect();
        let runner = trained(Scenario { lanes, robustness: None, ..scenario });
        let attack = attack.text();
        if !fooled(&runner, view.sample, &attack) {
            let others: Vec<_> = (0..24).filter(|n| fooled(&runner, *n, &attack)).collect();
            missed.push(format!(
                "{}: sample {} is not fooled; these are: {others:?}",
                preset.name, view.sample
            ));
        }
    }
    assert!(missed.is_empty() && lessons >= 8, "{}", missed.join("\n"));
}
