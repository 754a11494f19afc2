//! Tests of forks: however a step is reached, the state there is the same to the bit.

use gradtui::engine::data::NoFiles;
use gradtui::engine::defence::DefenceConfig;
use gradtui::engine::optim::OptimizerConfig;
use gradtui::lab::experiment::Experiment;
use gradtui::lab::run::{Run, SavedLane};
use gradtui::lab::runner::Runner;
use gradtui::lab::stepped::SteppedRun;
use gradtui::lab::trainer::Snapshot;
use gradtui::registry::SettingValue as _;
use gradtui::scenario::{self, Carry, Scenario};
use gradtui::telemetry::{Command, Event, LaneInfo, Phase};
use gradtui::ui::command::{LaneNames, ParsedCommand};
use gradtui::view::RunView;
use std::sync::Arc;
use std::time::Duration;

fn read(text: &str) -> Scenario {
    scenario::read(text).unwrap_or_else(|faults| panic!("{faults:?}\n{text}"))
}

/// A scenario of a small network with these lanes.
fn with(lanes: &str) -> String {
    format!(
        "(data: Moons(samples: 60), network: [Dense(6), Tanh(), BatchNorm(), Dropout(0.1)], optimizer: Adam(0.01), batch: 8, \
         steps: 60, evaluate_every: 7, seeds: 2, lanes: [{lanes}])"
    )
}

fn run(scenario: Scenario) -> Run {
    let experiment = Experiment::new(scenario, &NoFiles).unwrap_or_else(|e| panic!("{e:?}"));
    Run::new(experiment, None, Arc::new(NoFiles))
}

fn stepped(text: &str) -> SteppedRun {
    let mut stepped = SteppedRun::new(run(read(text)));
    stepped.send(Command::Run);
    stepped
}

/// Trains to the end; returns the final states.
fn ended(mut stepped: SteppedRun) -> Vec<SavedLane> {
    stepped.send(Command::Run);
    stepped.advance(u64::MAX);
    saved(&mut stepped)
}

fn saved(stepped: &mut SteppedRun) -> Vec<SavedLane> {
    stepped.run_mut().save()
}

fn of<'a>(saved: &'a [SavedLane], name: &str) -> &'a SavedLane {
    saved.iter().find(|s| s.name == name).unwrap_or_else(|| panic!("no lane {name}"))
}

/// All seeds of a lane.
fn states(saved: &SavedLane) -> Vec<&Snapshot> {
    std::iter::once(&saved.snapshot).chain(saved.seeds.iter().map(|s| &s.snapshot)).collect()
}

fn same(a: &SavedLane, b: &SavedLane) {
    assert_eq!(a.snapshot.step, b.snapshot.step, "{} and {}", a.name, b.name);
    assert!(states(a) == states(b), "{} and {} differ at step {}", a.name, b.name, a.snapshot.step);
}

fn infos(stepped: &mut SteppedRun) -> Vec<LaneInfo> {
    let events = stepped.drain();
    let started = events.into_iter().filter_map(|e| match e {
        Event::Started { info, .. } | Event::Changed { info, .. } => Some(*info),
        _ => None,
    });
    started.collect()
}

#[test]
fn a_fork_of_an_unchanged_lane_equals_its_parent_for_ever() {
    let mut lost = 0;
    for optimizer in OptimizerConfig::all() {
        let own = format!("optimizer: {}", optimizer.text());
        let lanes = format!(
            "(name: \"child\", from: \"parent\", at: 23), (name: \"parent\", {own}), (name: \"grandchild\", from: \"child\", at: 31)"
        );
        let all = ended(stepped(&with(&lanes)));
        if matches!(of(&all, "parent").phase, Phase::Diverged(_)) {
            lost += 1;
            assert!(matches!(of(&all, "child").phase, Phase::Stopped(_)), "{own}");
            continue;
        }
        same(of(&all, "parent"), of(&all, "child"));
        same(of(&all, "parent"), of(&all, "grandchild"));
    }
    assert!(lost < 4, "{lost} optimizers lose this network before step 23");
}

#[test]
fn averages_early_stopping_and_defences_go_on_across_a_fork() {
    let defences = DefenceConfig::all().into_iter().map(|d| format!("defence: {}", d.text()));
    let others = [
        "weight_average: (decay: 0.9)",
        "early_stopping: (patience: 4, min_delta: 10)",
        "early_stopping: (patience: 5, min_delta: 10, restore_best: true), weight_average: (decay: 0.5)",
        "schedule: ReduceOnPlateau(patience: 0, factor: 0.5)",
        "gradient_noise: (eta: 0.1)",
    ];
    let mut stopped = 0;
    for own in defences.chain(others.map(String::from)) {
        let lanes = format!(
            "(name: \"parent\", {own}), (name: \"child\", from: \"parent\", at: 23), (name: \"grandchild\", from: \"child\", at: 25)"
        );
        let all = ended(stepped(&with(&lanes)));
        for lane in ["child", "grandchild"] {
            same(of(&all, "parent"), of(&all, lane));
            assert_eq!(of(&all, "parent").phase, of(&all, lane).phase, "{own}");
        }
        stopped += usize::from(matches!(of(&all, "parent").phase, Phase::Stopped(_)));
    }
    assert!(stopped > 0, "a lane stops early after its forks have begun");
}

#[test]
fn a_fork_equals_a_lane_that_is_edited_at_its_step_and_tells_nothing_of_the_steps_before() {
    let forked =
        with("(name: \"a\"), (name: \"b\", from: \"a\", at: 20, optimizer: Sgd(0.1), clip: Norm(0.5))");
    let edited = with("(name: \"a\"), (name: \"b\")");
    let edits = "[(step: 20, lane: \"b\", field: \"optimizer\", to: \"Sgd(0.1)\"), (step: 20, lane: \"b\", field: \"clip\", to: \"Norm(0.5)\")]";
    let edited = edited.strip_suffix(')').map(|s| format!("{s}, edits: {edits})")).expect("a scenario");
    let (forked, edited) = (ended(stepped(&forked)), ended(stepped(&edited)));
    same(of(&forked, "b"), of(&edited, "b"));
    same(of(&forked, "a"), of(&edited, "a"));
}

#[test]
fn the_lines_of_a_fork_are_the_same_for_any_number_of_threads_and_begin_at_its_step() {
    let text = with(
        "(name: \"a\"), (name: \"b\", from: \"a\", at: 20, clip: Norm(0.5)), (name: \"c\", from: \"b\", at: 33, carry: Weights)",
    );
    let lines = |threads| {
        let runner = Runner::start(run(read(&text)), Some(threads), None, true).expect("threads");
        runner.send(Command::Run);
        let (mut over, mut lines) = (0, Vec::new());
        while over < 3 {
            assert!(runner.wait(Duration::from_secs(60)), "it goes on");
            let ends = |e: &Event| matches!(e, Event::Phase { phase: Phase::Finished, .. });
            over += runner.drain().iter().filter(|e| ends(e)).count();
            lines.extend(runner.take_lines());
        }
        lines.extend(runner.finish(&mut |_, _| {}).1);
        lines
    };
    let one = lines(1);
    assert_eq!(one, lines(2));
    assert_eq!(one, lines(3));
    let steps = |lane: &str| {
        let of = one.iter().filter(|l| l.contains(&format!("\"lane\":\"{lane}\"")));
        of.map(|l| {
            serde_json::from_str::<serde_json::Value>(l).expect("a line")["step"].as_u64().expect("a step")
        })
        .collect::<Vec<_>>()
    };
    assert_eq!(steps("a"), (1..=60).collect::<Vec<_>>());
    assert_eq!(steps("b"), (21..=60).collect::<Vec<_>>());
    assert_eq!(steps("c"), (34..=60).collect::<Vec<_>>());
}

#[test]
fn the_parent_s_edits_of_earlier_steps_count_and_those_of_the_step_itself_do_not() {
    let lanes = "(name: \"a\"), (name: \"b\", from: \"a\", at: 20)";
    let edit = |step| format!("(step: {step}, lane: \"a\", field: \"optimizer.lr\", to: \"0.1\")");
    let text =
        |edits: &str| format!("{}, edits: [{edits}])", with(lanes).strip_suffix(')').expect("a scenario"));
    let all = ended(stepped(&text(&edit(19))));
    same(of(&all, "a"), of(&all, "b"));
    let all = ended(stepped(&text(&edit(20))));
    assert_ne!(states(of(&all, "a")), states(of(&all, "b")));
    same(of(&ended(stepped(&with(lanes))), "a"), of(&all, "b"));
}

#[test]
fn a_run_that_is_saved_and_resumed_at_any_step_ends_with_the_same_bits() {
    let text = with(
        "(name: \"a\"), (name: \"b\", from: \"a\", at: 20, optimizer: Sgd(0.1)), (name: \"c\", from: \"b\", at: 33, carry: Weights)",
    );
    let whole = ended(stepped(&text));
    for at in [0, 5, 20, 27, 33, 50] {
        let mut first = stepped(&text);
        first.advance(at);
        first.send(Command::Pause);
        while first.turn(u64::MAX) {}
        let (kept, scenario) = (saved(&mut first), first.run().scenario());
        let mut again = run(read(&scenario.to_ron()));
        again.restore(&kept).expect("it fits");
        let all = ended(SteppedRun::new(again));
        for lane in ["a", "b", "c"] {
            same(of(&whole, lane), of(&all, lane));
        }
    }
}

#[test]
fn a_live_fork_of_the_present_and_of_an_earlier_step_equal_the_scenario_that_is_saved_of_them() {
    let mut lab = stepped(&with("(name: \"a\")"));
    lab.advance(10);
    lab.send(Command::Pause);
    while lab.turn(u64::MAX) {}
    let base = infos(&mut lab).pop().expect("a lane").recipe;
    let change = |lr: &str| {
        let mut recipe = base.clone();
        recipe.set_at("optimizer.lr", lr).expect("a number");
        Box::new(recipe)
    };
    // An edit, undone and made differently, all at one step; forks at this step are not affected.
    let mut other = base.clone();
    other.set_at("optimizer", "Sgd(0.5)").expect("an optimizer");
    lab.send(Command::Set { lane: 0, name: "a".into(), recipe: Box::new(other) });
    let fork = |name: &str, at, recipe: &scenario::Recipe, carry| Command::Fork {
        parent: 0,
        at,
        name: name.into(),
        recipe: Box::new(recipe.clone()),
        carry,
    };
    lab.send(fork("here", None, &base, Carry::All));
    lab.send(fork("weights", None, &base, Carry::Weights));
    lab.send(fork("anew", None, &base, Carry::Nothing));
    lab.send(fork("earlier", Some(4), &change("0.2"), Carry::All));
    lab.send(Command::Set { lane: 0, name: "a".into(), recipe: change("0.03") });
    lab.send(Command::Run);
    lab.advance(15);
    let at = lab.run().step_of(0).expect("a");
    assert!(at > 10);
    lab.send(fork("late", Some(12), &change("0.4"), Carry::All));
    lab.advance(u64::MAX);
    let scenario = lab.run().scenario();
    let live = saved(&mut lab);
    let again = ended(stepped(&scenario.commented(&[])));
    assert_eq!((live.len(), again.len()), (6, 6));
    for lane in &live {
        assert_eq!(lane.snapshot.step, 60, "{}", lane.name);
        same(lane, of(&again, &lane.name));
    }
    let forks = scenario.lanes.iter().filter(|l| l.from.as_deref() == Some("a"));
    assert_eq!(forks.map(|l| l.at).collect::<Vec<_>>(), [10, 10, 0, 4, 12], "{}", scenario.to_ron());
    let undisturbed = ended(stepped(&with("(name: \"a\")")));
    same(of(&live, "here"), of(&undisturbed, "a"));
    same(of(&live, "anew"), of(&undisturbed, "a"));
    assert_ne!(states(of(&live, "here")), states(of(&live, "weights")));
}

#[test]
fn a_fork_by_command_takes_the_settings_of_its_step() {
    let mut lab = stepped(&with("(name: \"a\")"));
    lab.advance(20);
    lab.send(Command::Pause);
    while lab.turn(u64::MAX) {}
    let info = infos(&mut lab).pop().expect("a lane");
    let mut faster = info.recipe.clone();
    faster.set_at("optimizer.lr", "0.2").expect("a number");
    lab.send(Command::Set { lane: 0, name: "a".into(), recipe: Box::new(faster) });
    let mut view = RunView::default();
    view.apply(Event::Started { lane: 0, info: Box::new(info), step: 0 });
    lab.advance(30);
    lab.drain().into_iter().for_each(|event| view.apply(event));
    assert_eq!(view.lanes[0].info.edits.len(), 1);
    for (line, lr) in [("fork a early 4", 0.01), ("fork a late 25", 0.2), ("fork a now", 0.2)] {
        let Ok(ParsedCommand::Order(Command::Fork { recipe, .. })) =
            (LaneNames { view: &view, front: None }).read(line)
        else {
            panic!("{line}")
        };
        assert!((recipe.optimizer.lr() - lr).abs() < 1e-12, "{line}: {recipe:?}");
    }
}

#[test]
fn a_session_with_forks_and_edits_gives_the_same_bits_as_the_scenario_it_is_saved_as() {
    let mut lab = stepped(&with("(name: \"a\"), (name: \"b\", from: \"a\", at: 30, clip: Norm(1.0))"));
    lab.advance(10);
    lab.send(Command::Pause);
    while lab.turn(u64::MAX) {}
    let base = infos(&mut lab).swap_remove(0).recipe;
    let mut nesterov = base.clone();
    nesterov.set_at("optimizer", "Nesterov(0.05)").expect("an optimizer");
    let (recipe, carry) = (Box::new(nesterov.clone()), Carry::All);
    lab.send(Command::Fork { parent: 0, at: Some(7), name: "c".into(), recipe, carry });
    lab.send(Command::Set { lane: 0, name: "a".into(), recipe: Box::new(nesterov) });
    lab.send(Command::Run);
    lab.advance(30);
    let recipe = Box::new(base);
    lab.send(Command::Fork { parent: 1, at: None, name: "d".into(), recipe, carry: Carry::Weights });
    lab.advance(5);
    // The parent is removed: from now on `b` and `d` are independent lanes.
    lab.send(Command::Remove(0));
    lab.advance(u64::MAX);
    let scenario = lab.run().scenario();
    let live = saved(&mut lab);
    let again = ended(stepped(&scenario.to_ron()));
    assert_eq!(live.len(), 3);
    for lane in &live {
        same(lane, of(&again, &lane.name));
    }
}

/// Such a fork starts at step 0 from its parent's first settings, even if its parent begins later or was edited.
#[test]
fn a_fork_that_starts_anew_is_saved_whatever_became_of_its_parent() {
    let mut lab = stepped(&with("(name: \"a\")"));
    lab.advance(10);
    lab.send(Command::Pause);
    while lab.turn(u64::MAX) {}
    let base = infos(&mut lab).swap_remove(0).recipe;
    let change = |fields: &[(&str, &str)]| {
        let mut recipe = base.clone();
        for (field, to) in fields {
            recipe.set_at(field, to).expect("a setting");
        }
        Box::new(recipe)
    };
    lab.send(Command::Set { lane: 0, name: "a".into(), recipe: change(&[("optimizer.lr", "0.2")]) });
    let fork = |parent, at, name: &str, recipe| Command::Fork {
        parent,
        at,
        name: name.into(),
        recipe,
        carry: Carry::All,
    };
    lab.send(fork(0, Some(7), "c", change(&[("clip", "Norm(0.5)")])));
    lab.send(Command::Run);
    lab.advance(20);
    lab.send(Command::Pause);
    while lab.turn(u64::MAX) {}
    lab.send(fork(1, None, "d", change(&[("network", "[Dense(3), Tanh()]")])));
    lab.send(fork(0, None, "e", change(&[("optimizer.lr", "0.2"), ("init", "HeUniform()")])));
    lab.send(Command::Run);
    lab.advance(u64::MAX);
    let scenario = lab.run().scenario();
    let live = saved(&mut lab);
    let again = ended(stepped(&scenario.to_ron()));
    assert_eq!(live.len(), 4, "{:?}", lab.drain());
    for lane in &live {
        same(lane, of(&again, &lane.name));
    }
    let text = scenario.to_ron();
    assert_eq!(scenario.lanes.iter().map(|l| l.at).collect::<Vec<_>>(), [0, 7, 0, 0], "{text}");
    assert_eq!(scenario.recipe(&scenario.lanes[3]).optimizer.lr(), 0.2, "{text}");
}

#[test]
fn a_fork_whose_parent_diverges_before_its_step_says_so() {
    let lanes = "(name: \"wild\", optimizer: Sgd(1000, weight_decay: 0.5)), (name: \"b\", from: \"wild\", at: 40), (name: \"c\", from: \"b\", at: 50)";
    let mut lab = stepped(&with(lanes));
    lab.advance(u64::MAX);
    let said: Vec<_> = lab
        .drain()
        .into_iter()
        .filter_map(|e| match e {
            Event::Phase { phase: Phase::Stopped(why), .. } => Some(why),
            _ => None,
        })
        .collect();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(
        said[0].contains("wild diverged at step") && said[0].contains("from wild at step 40"),
        "{said:?}"
    );
    assert!(lab.run().over());
}

#[test]
fn faults_of_forks_stand_where_they_are() {
    let faults = |lanes: &str| {
        let all = scenario::read(&format!("(data: Xor(), steps: 100, lanes: [\n{lanes}])"))
            .err()
            .unwrap_or_default();
        all.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    };
    for (lanes, at, says) in [
        ("(name: \"a\"),(name: \"b\", from: \"x\", at: 3)", "\"x\"", "there is no lane x"),
        (
            "(name: \"a\", from: \"b\"),(name: \"b\", from: \"a\")",
            "\"b\"",
            "come from each other: a from b from a",
        ),
        ("(name: \"a\", from: \"a\")", "\"a\")", "a from a"),
        ("(name: \"a\"),(name: \"b\", from: \"a\", at: 100)", "100", "beyond the run of 100 steps"),
        ("(name: \"a\"),(name: \"b\", at: 7)", "7", "not forked"),
        ("(name: \"a\"),(name: \"b\", carry: Weights)", "Weights", "not forked"),
        (
            "(name: \"a\"),(name: \"b\", from: \"a\", at: 9, network: [Dense(3)])",
            "[Dense",
            "starts at step 0 from the same seed",
        ),
        ("(name: \"a\"),(name: \"b\", from: \"a\", at: 9, loss: Mse())", "Mse", "another loss"),
        (
            "(name: \"a\"),(name: \"b\", from: \"a\", at: 9),(name: \"c\", from: \"b\", at: 8)",
            "8",
            "before step 9",
        ),
    ] {
        let told = faults(lanes);
        let at = format!("2:{}:", lanes.find(at).expect("it") + 1);
        assert!(told.starts_with(&at) && told.contains(says), "{lanes}: {at} {told}");
    }
    assert_eq!(faults("(name: \"a\"),(name: \"b\", from: \"a\", network: [Dense(3)])"), "");
}
