//! Tests of sweeps as text: their plans and their error messages.

use super::*;
use crate::scenario::read;

const BASE: &str =
    "(data: Moons(samples: 100), network: [Dense(4), Tanh()], steps: 50, evaluate_every: 10, lanes: [
    (name: \"SGD\", optimizer: Sgd(0.1)), (name: \"Adam\", optimizer: Adam(0.01))])";

fn open(name: &str) -> Result<Scenario, String> {
    if name == "base" { read(BASE).map_err(|f| f[0].to_string()) } else { Err("no such file".into()) }
}

fn planned(text: &str) -> SweepPlan {
    plan(text, &open).unwrap_or_else(|faults| panic!("{text}: {faults:?}"))
}

#[track_caller]
fn told(text: &str, place: &str, what: &str) {
    let faults = plan(text, &open).err().unwrap_or_default();
    let found = faults.iter().map(ToString::to_string).find(|f| f.starts_with(place) && f.contains(what));
    assert!(found.is_some(), "{text}: {faults:?}");
}

#[test]
fn a_grid_has_every_combination_in_every_lane() {
    let p = planned(
        "(scenario: \"base\", vary: [(\"optimizer.lr\", Log(0.01, 1, 3)), (\"batch\", Values([8, 16]))], seeds: 4)",
    );
    assert_eq!((p.settings.len(), p.cells(), p.contenders.len()), (12, 48, 2));
    assert_eq!(p.contenders, ["SGD", "Adam"]);
    let words: Vec<String> = p.settings.iter().map(|s| p.words(s)).collect();
    assert_eq!(words[3], "SGD, optimizer.lr 0.1, batch 16");
    let scenario = p.scenario(&p.settings[9], 3);
    assert_eq!((scenario.optimizer.lr(), scenario.batch, scenario.seed), (0.1, 16, 3));
    assert_eq!(scenario.optimizer.name(), "Adam");
    let keys: HashSet<u64> = p.settings.iter().map(|s| s.key).collect();
    assert_eq!(keys.len(), 12, "no two settings have the same key");
}

#[test]
fn settings_with_different_losses_are_not_compared_by_them() {
    let varied = |values: &str, rest: &str| {
        format!("(scenario: \"base\", lanes: [\"SGD\"], vary: [(\"loss\", Values([{values}]))], {rest})")
    };
    let different = "values of different losses cannot be compared";
    told(&varied("CrossEntropy(), Mse()", ""), "1:", different);
    told(&varied("CrossEntropy(), Mse()", "measure: \"val_own_loss\""), "1:", different);
    // Smoothing and weights only help training: validation takes the plain loss.
    planned(&varied("CrossEntropy(), CrossEntropy(label_smoothing: 0.1)", ""));
    told(
        &varied("CrossEntropy(), CrossEntropy(label_smoothing: 0.1)", "measure: \"val_own_loss\""),
        "1:",
        different,
    );
    planned(&varied("CrossEntropy(), Mse()", "measure: \"val_accuracy\""));
    let lanes = "(data: Moons(samples: 100), network: [Dense(4)], steps: 50, lanes: [(name: \"a\"), (name: \"b\", loss: Mse())])";
    let open = |_: &str| read(lanes).map_err(|f| f[0].to_string());
    let sweep = "(scenario: \"x\", vary: [(\"optimizer.lr\", Values([0.1]))])";
    let faults = plan(sweep, &open).expect_err("lanes with different losses");
    assert!(faults[0].what.contains(different) && faults[0].what.contains("Mse() of b"), "{faults:?}");
}

#[test]
fn the_key_of_a_setting_stays_when_the_sweep_grows() {
    let small = planned("(scenario: \"base\", vary: [(\"optimizer.lr\", Values([0.1]))])");
    let large = planned("(scenario: \"base\", vary: [(\"optimizer.lr\", Values([0.5, 1e-1]))], seeds: 9)");
    assert_eq!(small.settings[0].key, large.settings[1].key);
}

#[test]
fn optimizers_that_are_varied_are_the_contenders() {
    let p = planned(
        "(scenario: \"base\", lanes: [\"SGD\"], vary: [(\"optimizer\", Values([Sgd(0.1), Adam(0.1)])), \
         (\"optimizer.lr\", Log(1e-3, 1, 4))])",
    );
    assert_eq!(p.contenders, ["Sgd", "Adam"]);
    assert_eq!(p.words(&p.settings[5]), "Adam, optimizer.lr 0.01");
}

#[test]
fn draws_are_the_same_for_every_contender_and_none_comes_twice() {
    let p = planned(
        "(scenario: \"base\", vary: [(\"optimizer.lr\", Log(1e-3, 1, 2)), (\"batch\", Linear(4, 9, 2))], \
         random: (cells: 12, seed: 5))",
    );
    assert_eq!(p.settings.len(), 24);
    let of =
        |c: usize| -> Vec<_> { p.settings.iter().filter(|s| s.contender == c).map(|s| &s.values).collect() };
    assert_eq!(of(0), of(1));
    assert!(p.values_of(1).iter().all(|b| b.parse::<usize>().is_ok()), "whole numbers: {:?}", p.values_of(1));
}

#[test]
fn ranges_of_whole_numbers_are_rounded() {
    let p = planned("(scenario: \"base\", lanes: [\"SGD\"], vary: [(\"network[0].units\", Log(1, 8, 7))])");
    assert_eq!(p.values_of(0), ["1", "2", "3", "4", "6", "8"]);
}

#[test]
fn faults_stand_where_they_were_made() {
    told("(vary: [(\"optimizer.lr\", Log(0.1, 1, 2))])", "1:1", "name a preset or a file");
    told("(scenario: \"x.ron\", vary: [])", "1:12", "no such file");
    let with = |rest: &str| format!("(scenario: \"base\",\n{rest})");
    told(&with("vary: []"), "2:7", "nothing varies");
    told(&with("vary: [(\"optimizer.lt\", Log(0.1, 1, 2))]"), "2:9", "did you mean optimizer.lr?");
    told(&with("vary: [(\"optimizer.lr\", Values([0.1, -1]))]"), "2:38", "out of range");
    told(&with("vary: [(\"optimizer\", Values([Sgd(0.1), Adm(0.1)]))]"), "2:40", "did you mean Adam?");
    told(&with("vary: [(\"batch\", Log(1, 1, 2))]"), "2:18", "same number");
    told(&with("vary: [(\"batch\", Lag(1, 2, 2))]"), "2:18", "did you mean Log?");
    told(&with("vary: [(\"batch\", Values([1]), lane: \"B\")]"), "2:37", "no lane B");
    told(&with("vary: [(\"batch\", Values([1, 2]), lane: \"SGD\")]"), "2:7", "SGD has 2, Adam has 1");
    told(&with("lanes: [\"SDG\"], vary: [(\"batch\", Values([1]))]"), "2:9", "did you mean SGD?");
    told(&with("measure: \"val_los\", vary: [(\"batch\", Values([1]))]"), "2:10", "did you mean val_loss?");
    told(&with("by: \"clip\", vary: [(\"batch\", Values([1]))]"), "2:5", "not varied");
    told(&with("take: Target, vary: [(\"batch\", Values([1]))]"), "2:7", "needs a target");
    told(
        &with("steps: 5000, evaluate_every: 1, vary: [(\"batch\", Values([1]))]"),
        "2:30",
        "evaluate_every: 5",
    );
    told(
        &with("vary: [(\"batch\", Linear(1, 999, 999)), (\"steps\", Linear(1, 999, 999))]"),
        "2:7",
        "at most",
    );
    told(&with("vary: [(\"seed\", Values([1]))]"), "2:9", "`seeds`");
    told(&with("varry: []"), "2:1", "did you mean vary?");
}
