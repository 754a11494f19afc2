//! Tests of going back in time: however a step is reached, by rewinds, forks, edits, undo and redo, the state there is
//! that of an undisturbed run of the scenario as which the session is saved, bit for bit.

use gradtui::engine::clip::ClipConfig;
use gradtui::engine::data::NoFiles;
use gradtui::engine::defence::DefenceConfig;
use gradtui::engine::optim::OptimizerConfig;
use gradtui::lab::experiment::Experiment;
use gradtui::lab::run::{Run, SavedLane};
use gradtui::lab::stepped::SteppedRun;
use gradtui::lab::trainer::Snapshot;
use gradtui::limits;
use gradtui::registry::SettingValue as _;
use gradtui::scenario::{self, Carry, Recipe, Scenario};
use gradtui::telemetry::{Command, Event, Phase};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use std::cell::Cell;
use std::fmt::Write as _;
use std::sync::Arc;

/// Steps of every scenario here.
const STEPS: u64 = 60;

fn read(text: &str) -> Scenario {
    scenario::read(text).unwrap_or_else(|faults| panic!("{faults:?}\n{text}"))
}

fn run(scenario: Scenario) -> Run {
    let experiment = Experiment::new(scenario, &NoFiles).unwrap_or_else(|e| panic!("{e:?}"));
    let mut run = Run::new(experiment, None, Arc::new(NoFiles));
    run.remember(1 << 20);
    run
}

fn stepped(text: &str) -> SteppedRun {
    let mut stepped = SteppedRun::new(run(read(text)));
    stepped.send(Command::Run);
    stepped
}

/// Pauses all lanes at their present steps.
fn rest(lab: &mut SteppedRun) {
    lab.send(Command::Pause);
    while lab.turn(u64::MAX) {}
}

fn saved(lab: &mut SteppedRun) -> Vec<SavedLane> {
    lab.run_mut().save()
}

/// All seeds of a lane.
fn states(saved: &SavedLane) -> Vec<&Snapshot> {
    std::iter::once(&saved.snapshot).chain(saved.seeds.iter().map(|s| &s.snapshot)).collect()
}

/// The states of lanes at these steps in an undisturbed run of a scenario.
fn undisturbed(scenario: Scenario, at: &[(String, u64)]) -> Vec<SavedLane> {
    let mut run = run(scenario);
    run.capture(at);
    let mut lab = SteppedRun::new(run);
    lab.send(Command::Run);
    lab.advance(u64::MAX);
    lab.run_mut().take_captured()
}

/// Checks that every lane with a state is as in a run of the scenario as which this one is saved.
#[track_caller]
fn proved(lab: &mut SteppedRun, told: &str) {
    let scenario = lab.run().scenario();
    let text = scenario.commented(&[]);
    let again = scenario::read(&text).unwrap_or_else(|faults| panic!("{told}: {faults:?}\n{text}"));
    let now: Vec<SavedLane> = saved(lab).into_iter().filter(|s| !s.snapshot.params.is_empty()).collect();
    let at: Vec<(String, u64)> = now.iter().map(|s| (s.name.clone(), s.snapshot.step)).collect();
    let all = undisturbed(again, &at);
    for lane in &now {
        let other = all.iter().find(|s| s.name == lane.name);
        let other =
            other.unwrap_or_else(|| panic!("{told}\nno {} at {}\n{text}", lane.name, lane.snapshot.step));
        assert!(
            states(lane) == states(other),
            "{told}\n{} differs at step {}\n{text}",
            lane.name,
            lane.snapshot.step
        );
    }
}

/// Random draws for a test, 0 after the last one.
struct Draw(std::vec::IntoIter<u32>);

impl Draw {
    fn below(&mut self, n: usize) -> usize {
        self.0.next().unwrap_or(0) as usize % n.max(1)
    }
    fn of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())].clone()
    }
}

fn optimizer(draw: &mut Draw) -> String {
    draw.of(&OptimizerConfig::all()).text()
}

/// A random scenario: any optimizer, layer kind, defence, clip; averages, early stopping, noise, several seeds, a fork,
/// an edit.
fn random(draw: &mut Draw) -> String {
    let layers = [
        "Dense(5), Tanh()",
        "Dense(6), BatchNorm(), Relu(), Dropout(0.2)",
        "Dense(4), LayerNorm(), Gelu(), Dense(4), Silu()",
        "Residual([Dense(2), Mish()]), Dense(5), Sigmoid()",
    ];
    let defences: Vec<String> =
        DefenceConfig::all().iter().map(gradtui::registry::SettingValue::text).collect();
    let clips: Vec<String> = ClipConfig::all().iter().map(gradtui::registry::SettingValue::text).collect();
    let extras = [
        "",
        "weight_average: (decay: 0.9), ",
        "early_stopping: (patience: 3, restore_best: true), ",
        "schedule: Cosine(), ",
        "schedule: ReduceOnPlateau(patience: 1), ",
        "gradient_noise: (eta: 0.01), ",
        "seeds: 2, ",
    ];
    format!(
        "(data: Moons(samples: 40), network: [{}], batch: 8, steps: {STEPS}, evaluate_every: 6, optimizer: {}, {}\
         lanes: [(name: \"a\", clip: {}), (name: \"b\", defence: {}), (name: \"c\", from: \"a\", at: {}, optimizer: {})], \
         edits: [(step: {}, lane: \"b\", field: \"batch\", to: \"5\")])",
        draw.of(&layers),
        optimizer(draw),
        draw.of(&extras),
        draw.of(&clips),
        draw.of(&defences),
        5 + draw.below(30),
        optimizer(draw),
        5 + draw.below(30),
    )
}

/// A random order.
fn order(draw: &mut Draw, lab: &SteppedRun, forks: &mut usize) -> Command {
    let scenario = lab.run().scenario();
    let lane = draw.below(3);
    let step = lab.run().step_of(lane).unwrap_or(0);
    let recipe = |name: &str| -> Option<Recipe> {
        let of = scenario.lanes.iter().find(|l| l.name == name)?;
        scenario.recipe_at(of, u64::MAX).ok()
    };
    let name = ["a", "b", "c"][lane];
    match draw.below(9) {
        0 | 1 => match recipe(name) {
            Some(mut recipe) => {
                let (field, value) = match draw.below(4) {
                    0 => ("optimizer", optimizer(draw)),
                    1 => ("batch", (4 + draw.below(8)).to_string()),
                    2 => ("clip", draw.of(&ClipConfig::all()).text()),
                    _ => ("optimizer.lr", format!("0.0{}", 1 + draw.below(8))),
                };
                // The rate of Sam is that of the optimizer inside.
                if recipe.set_at(field, &value).is_err() {
                    return Command::Undo;
                }
                Command::Set { lane, name: name.into(), recipe: Box::new(recipe) }
            }
            None => Command::Undo,
        },
        2 | 3 => Command::Undo,
        4 => Command::Redo,
        5 => Command::Rewind { lane: None, step: draw.below(1 + step as usize) as u64 },
        6 => Command::Rewind { lane: Some(lane), step: draw.below(1 + step as usize) as u64 },
        7 => Command::Remove(lane),
        _ => match recipe(name) {
            Some(recipe) if *forks < 3 => {
                *forks += 1;
                let carry = if draw.below(2) == 0 { Carry::All } else { Carry::Weights };
                let name = format!("fork {forks}");
                let at = Some(draw.below(1 + step as usize) as u64);
                Command::Fork { parent: lane, at, name, recipe: Box::new(recipe), carry }
            }
            _ => Command::Undo,
        },
    }
}

#[test]
fn any_session_of_jumps_forks_and_edits_equals_an_undisturbed_run_of_its_scenario() {
    let seed = RngSeed::Fixed(7);
    let config = Config { cases: 40, failure_persistence: None, rng_seed: seed, ..Config::default() };
    let config = Config { max_shrink_iters: 300, ..config };
    let kinds = Cell::new([0; 4]);
    let draws = prop::collection::vec(any::<u32>(), 80);
    let equal = TestRunner::new(config).run(&draws, |draws| {
        let mut kinds_here = kinds.get();
        let mut draw = Draw(draws.into_iter());
        let text = random(&mut draw);
        let mut lab = stepped(&text);
        let (mut session, mut forks) = (text, 0);
        for _ in 0..7 {
            lab.advance(1 + draw.below(12) as u64);
            if draw.below(3) == 0 {
                rest(&mut lab);
            }
            let command = order(&mut draw, &lab, &mut forks);
            kinds_here[0] += usize::from(matches!(command, Command::Undo | Command::Redo));
            kinds_here[1] += usize::from(matches!(command, Command::Rewind { .. }));
            let _ = write!(session, "\n{command:?}");
            lab.send(command);
            lab.send(Command::Run);
        }
        for event in lab.drain() {
            kinds_here[2] += usize::from(matches!(event, Event::Rewound { .. }));
            if let Event::Phase { phase: Phase::Failed(why), .. } = &event {
                panic!("{session}\n{why}");
            }
        }
        rest(&mut lab);
        proved(&mut lab, &session);
        lab.send(Command::Run);
        lab.advance(u64::MAX);
        proved(&mut lab, &session);
        kinds_here[3] += 1;
        kinds.set(kinds_here);
        Ok(())
    });
    equal.unwrap_or_else(|error| panic!("{error}"));
    let kinds = kinds.get();
    assert!(kinds.iter().all(|n| *n >= 20), "the sessions do what they are to test: {kinds:?}");
}

const PLAIN: &str = "(data: Moons(samples: 60), network: [Dense(6), Tanh(), BatchNorm(), Dropout(0.1)], optimizer: Adam(0.01), batch: 8, \
     steps: 60, evaluate_every: 7, lanes: [(name: \"a\"), (name: \"b\", clip: Norm(0.5))])";

/// An order that sets a field of lane `a`.
fn set(lab: &SteppedRun, field: &str, value: &str) -> Command {
    let scenario = lab.run().scenario();
    let mut recipe = scenario.recipe_at(&scenario.lanes[0], u64::MAX).expect("a recipe");
    recipe.set_at(field, value).expect("a setting");
    Command::Set { lane: 0, name: scenario.lanes[0].name.clone(), recipe: Box::new(recipe) }
}

/// The end of an undisturbed run.
fn end_of(text: &str) -> Vec<SavedLane> {
    let mut lab = stepped(text);
    lab.advance(u64::MAX);
    saved(&mut lab)
}

#[track_caller]
fn same(a: &[SavedLane], b: &[SavedLane]) {
    assert_eq!(a.len(), b.len());
    for (x, y) in a.iter().zip(b) {
        assert_eq!((&x.name, x.snapshot.step), (&y.name, y.snapshot.step));
        assert!(states(x) == states(y), "{} differs", x.name);
    }
}

#[test]
fn an_edit_that_is_undone_was_never_made_and_one_made_again_was() {
    let plain = end_of(PLAIN);
    for (field, value) in [
        ("optimizer", "Sgd(0.3)"),
        ("optimizer.lr", "0.2"),
        ("batch", "4"),
        ("clip", "Norm(0.1)"),
        ("network", "[Dense(3)]"),
    ] {
        let edited = |lab: &mut SteppedRun| {
            lab.advance(20);
            let order = set(lab, field, value);
            lab.send(order);
            lab.send(Command::Run);
            lab.advance(15);
        };
        let mut lab = stepped(PLAIN);
        edited(&mut lab);
        lab.send(Command::Undo);
        let steps: Vec<Option<u64>> = [0, 1].map(|id| lab.run().step_of(id)).into();
        assert!(steps[0] <= steps[1], "it makes up for the steps since: {field}: {steps:?}");
        lab.advance(u64::MAX);
        same(&saved(&mut lab), &plain);
        assert!(lab.run().scenario().edits.is_empty(), "{field}");
        // After the redo, it is as if it had never been undone.
        let mut once = stepped(PLAIN);
        edited(&mut once);
        once.advance(u64::MAX);
        let mut lab = stepped(PLAIN);
        edited(&mut lab);
        lab.send(Command::Undo);
        lab.advance(3);
        lab.send(Command::Redo);
        lab.advance(u64::MAX);
        same(&saved(&mut lab), &saved(&mut once));
    }
}

#[test]
fn removing_adding_forking_resetting_and_rewinding_are_undone_one_at_a_time() {
    let plain = end_of(PLAIN);
    let mut lab = stepped(PLAIN);
    lab.advance(20);
    rest(&mut lab);
    let recipe = {
        let scenario = lab.run().scenario();
        Box::new(scenario.recipe(&scenario.lanes[0]))
    };
    let at = lab.run().step_of(1).expect("b");
    lab.send(Command::Remove(1));
    lab.send(Command::Add { name: "new".into(), recipe: recipe.clone() });
    lab.send(Command::Fork { parent: 0, at: Some(10), name: "late".into(), recipe, carry: Carry::All });
    lab.send(Command::Rewind { lane: None, step: 12 });
    lab.send(Command::Reset(Some(0)));
    while lab.turn(u64::MAX) {}
    let changes = |lab: &mut SteppedRun| {
        let told = lab.drain().into_iter().filter_map(|e| match e {
            Event::Changes { made, undone } => Some((made, undone)),
            _ => None,
        });
        told.last().expect("they are told")
    };
    let (made, undone) = changes(&mut lab);
    assert_eq!((made.len(), undone.len()), (5, 0), "{made:?}");
    assert!(made[0] == "lane B b removed" && made[1] == "lane C new added", "{made:?}");
    assert!(made[2] == "lane D late forked at step 10" && made[3].contains("back from step"), "{made:?}");
    for left in (0..5).rev() {
        lab.send(Command::Undo);
        while lab.turn(u64::MAX) {}
        let (made, undone) = changes(&mut lab);
        assert_eq!((made.len(), undone.len()), (left, 5 - left));
    }
    assert_eq!(lab.run().step_of(1), Some(at), "the lane that was removed stands where it left");
    lab.send(Command::Undo);
    assert!(
        lab.drain().iter().any(|e| matches!(e, Event::Notice(text) if text.contains("no change to undo")))
    );
    lab.send(Command::Run);
    lab.advance(u64::MAX);
    same(&saved(&mut lab), &plain);
    proved(&mut lab, "undone");
}

/// A lane that had diverged has diverged again after the undo of a reset, a removal, or an edit.
#[test]
fn a_lane_that_had_diverged_comes_back_as_diverged() {
    let text = r#"(data: Moons(), network: [Dense(8), Relu(), Dense(8), Relu()], steps: 60,
        lanes: [(name: "calm", optimizer: Sgd(0.1)), (name: "wild", optimizer: Sgd(1e6))])"#;
    let mut lab = stepped(text);
    lab.advance(u64::MAX);
    rest(&mut lab);
    let phase = |lab: &mut SteppedRun| saved(lab).into_iter().find(|s| s.name == "wild").map(|s| s.phase);
    let before = phase(&mut lab);
    assert!(matches!(before, Some(Phase::Diverged(_))), "{before:?}");
    let state = saved(&mut lab);
    let mut milder = lab.run().scenario().recipe(&lab.run().scenario().lanes[1]);
    milder.clip = ClipConfig::parse("Norm(1)").expect("a clip");
    let edit = Command::Set { lane: 1, name: "wild".into(), recipe: Box::new(milder) };
    for order in [Command::Reset(None), Command::Reset(Some(1)), Command::Remove(1), edit] {
        let told = format!("{order:?}");
        lab.send(order);
        while lab.turn(u64::MAX) {}
        lab.send(Command::Undo);
        while lab.turn(u64::MAX) {}
        assert_eq!(phase(&mut lab), before, "{told}");
        same(&saved(&mut lab), &state);
    }
}

/// Undo keeps the states of removed lanes within a limit; a lane whose state was dropped trains its way again.
#[test]
fn many_removed_lanes_take_bounded_memory_and_all_can_be_had_back() {
    let mut lab = stepped(
        r#"(title: "wide", data: Digits(), network: [Dense(600), Relu(), Dense(600), Relu()], batch: 4,
        optimizer: Adam(0.001), steps: 60, evaluate_every: 60, lanes: [(name: "a")])"#,
    );
    lab.advance(3);
    rest(&mut lab);
    let recipe = {
        let scenario = lab.run().scenario();
        Box::new(scenario.recipe(&scenario.lanes[0]))
    };
    let count = 20;
    for n in 0..count {
        let name = format!("fork {n}");
        lab.send(Command::Fork { parent: 0, at: None, name, recipe: recipe.clone(), carry: Carry::All });
        while lab.turn(u64::MAX) {}
        let id = lab.run().scenario().lanes.len();
        assert_eq!(id, 2, "the lane and its fork");
        lab.send(Command::Remove(n + 1));
    }
    let before = saved(&mut lab);
    let state = before[0].bytes();
    let kept = lab.run_mut().removed_bytes();
    assert!(state * count > 2 * limits::REMOVED, "{count} states of {state} bytes");
    assert!(kept > state && kept <= limits::REMOVED, "{kept} bytes are kept");
    for _ in 0..count {
        // The removal, and then the fork.
        lab.send(Command::Undo);
        while lab.turn(u64::MAX) {}
        let now = saved(&mut lab);
        assert_eq!(now.len(), 2);
        assert!(now[1].snapshot == before[0].snapshot, "{} has the same state again", now[1].name);
        lab.send(Command::Undo);
    }
    assert!(lab.run_mut().removed_bytes() <= limits::REMOVED);
    same(&saved(&mut lab), &before);
}

#[test]
fn other_seeds_and_several_orders_at_once_are_one_change() {
    let plain = end_of(PLAIN);
    let mut lab = stepped(PLAIN);
    lab.advance(20);
    rest(&mut lab);
    let both = [set(&lab, "network", "[Dense(3)]"), set(&lab, "batch", "5")];
    let mut both: Vec<Command> = both.into();
    if let Command::Set { lane, name, .. } = &mut both[1] {
        (*lane, *name) = (1, "b".into());
    }
    lab.send(Command::Together(both));
    lab.send(Command::Seeds(3));
    while lab.turn(u64::MAX) {}
    assert_eq!(saved(&mut lab)[0].seeds.len(), 2);
    lab.send(Command::Undo);
    while lab.turn(u64::MAX) {}
    assert!(saved(&mut lab)[0].seeds.is_empty());
    lab.send(Command::Undo);
    lab.send(Command::Run);
    lab.advance(u64::MAX);
    same(&saved(&mut lab), &plain);
}

#[test]
fn lanes_go_on_from_a_past_step_as_if_they_had_stood_there() {
    let plain = end_of(PLAIN);
    let mut lab = stepped(PLAIN);
    for (to, on) in [(17, 9), (3, 40), (33, 1), (0, 30), (29, 5)] {
        lab.advance(35);
        lab.send(Command::Rewind { lane: None, step: to });
        let at: Vec<Option<u64>> = [0, 1].map(|id| lab.run().step_of(id)).into();
        assert!(at.iter().all(|s| *s <= Some(to)), "{at:?}");
        lab.advance(on);
    }
    // Changes after the step are not made again; changes before it are kept.
    lab.advance(u64::MAX);
    same(&saved(&mut lab), &plain);
    let mut lab = stepped(PLAIN);
    lab.advance(10);
    let first = set(&lab, "optimizer.lr", "0.05");
    lab.send(first);
    lab.send(Command::Run);
    lab.advance(10);
    let second = set(&lab, "batch", "4");
    lab.send(second);
    lab.send(Command::Run);
    lab.advance(10);
    lab.send(Command::Rewind { lane: None, step: 15 });
    let edits = lab.run().scenario().edits;
    assert_eq!(edits.iter().map(|e| e.field.as_str()).collect::<Vec<_>>(), ["optimizer.lr"]);
    lab.advance(u64::MAX);
    proved(&mut lab, "after the rewind");
}
