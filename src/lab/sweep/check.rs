//! Checks every setting of a sweep as `run` would check it alone, before any is trained.

use super::work::fingerprint;
use crate::engine::data::{Files, Labels, Prepared};
use crate::number::Number;
use crate::scenario::sweep::SweepPlan;
use crate::scenario::{Scenario, inspect_prepared};

/// Largest number of settings whose faults are reported.
const REPORTED: usize = 10;

/// Checks every setting with the first seed, and that the compared number exists.
///
/// # Errors
/// The settings that `run` would refuse, each with its values and the reason.
pub fn check(plan: &SweepPlan, files: &dyn Files) -> Result<(), Vec<String>> {
    let (mut held, mut faults, mut refused) = (None::<(String, Prepared)>, Vec::new(), 0);
    for setting in &plan.settings {
        let scenario = plan.scenario(setting, plan.seeds[0]);
        let wanted = fingerprint(&scenario);
        // Consecutive settings mostly share their data, so only the latest data are kept.
        let prepared = held.take().filter(|(data, _)| *data == wanted).map(|(_, prepared)| prepared);
        let fault = match inspect_prepared(&scenario.to_ron(), files, prepared) {
            Ok(checked) => {
                let fault = exists(plan.measure, &checked.scenario, &checked.data).err();
                held = Some((wanted, checked.data));
                fault
            }
            Err(found) => Some(found.iter().map(|fault| fault.what.as_str()).collect::<Vec<_>>().join("; ")),
        };
        if let Some(what) = fault {
            refused += 1;
            if faults.len() < REPORTED {
                faults.push(format!("{}: {what}", plan.words(setting)));
            }
        }
    }
    if refused > faults.len() {
        faults.push(format!("and {} more settings cannot be trained", refused - faults.len()));
    }
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

/// Whether an evaluation of this scenario gives a number; else the numbers that it gives.
fn exists(measure: Number, scenario: &Scenario, data: &Prepared) -> Result<(), String> {
    let recipe = scenario.recipe(&scenario.lanes[0]);
    let (classes, surface) =
        (!matches!(data.train.labels, Labels::Values { .. }), scenario.data.problem().is_some());
    // With a vote, predictions differ from the counted outputs.
    let counted = classes && recipe.prediction.smoothing().is_none();
    let errors = !classes && !surface;
    let own = data.judge.as_ref().is_some_and(|judge| *judge != recipe.loss);
    let known = [
        (Number::ValLoss, true),
        (Number::ValOwnLoss, own),
        (Number::ValAccuracy, classes),
        (Number::ValRecall, counted),
        (Number::ValPrecision, counted),
        (Number::ValMae, errors),
        (Number::ValRmse, errors),
        (Number::ValR2, errors),
    ];
    let there = || known.iter().filter(|(_, there)| *there).map(|(number, _)| number.row().key);
    if there().any(|key| key == measure.row().key) {
        return Ok(());
    }
    let names = there().collect::<Vec<_>>().join(", ");
    Err(format!("measure: no evaluation gives {} here; there are {names}", measure.row().key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::data::NoFiles;
    use crate::scenario::{read, sweep::plan};

    fn checked(base: &str, sweep: &str) -> Result<(), Vec<String>> {
        let text = format!("(scenario: \"base\", {sweep})");
        let plan = plan(&text, &|_| read(base).map_err(|f| f[0].to_string())).expect("a sweep");
        check(&plan, &NoFiles)
    }

    #[test]
    fn a_setting_that_run_refuses_is_refused_with_its_values() {
        let base = "(data: Xor(samples: 100), network: [Dense(2)], optimizer: Sgd(0.1), steps: 10)";
        assert_eq!(checked(base, "vary: [(\"batch\", Values([8, 16]))]"), Ok(()));
        let faults = checked(base, "vary: [(\"batch\", Values([8, 4096]))]").unwrap_err();
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].contains("batch 4096") && faults[0].contains("training samples"), "{faults:?}");
        let many: Vec<String> = (0..30).map(|i| (4000 + i).to_string()).collect();
        let faults =
            checked(base, &format!("vary: [(\"batch\", Values([{}]))]", many.join(", "))).unwrap_err();
        assert!(faults.len() == REPORTED + 1 && faults[REPORTED].contains("20 more"), "{faults:?}");
    }

    #[test]
    fn a_measure_that_the_task_does_not_have_is_refused_with_those_it_has() {
        let classes = "(data: Xor(samples: 100), network: [Dense(2)], steps: 10)";
        let numbers = "(data: Adding(samples: 100, length: 8), network: [Rnn(2)], loss: Mse(), steps: 10)";
        let of = |base, measure| {
            checked(base, &format!("vary: [(\"optimizer\", Values([Sgd(0.1)]))], measure: \"{measure}\""))
        };
        for measure in ["val_loss", "val_accuracy", "val_recall", "val_precision"] {
            assert_eq!(of(classes, measure), Ok(()), "{measure}");
        }
        for measure in ["val_loss", "val_mae", "val_rmse", "val_r2"] {
            assert_eq!(of(numbers, measure), Ok(()), "{measure}");
        }
        for (base, measure) in [(classes, "val_r2"), (numbers, "val_accuracy"), (classes, "val_own_loss")] {
            let fault = of(base, measure).unwrap_err().join("\n");
            assert!(fault.contains(&format!("no evaluation gives {measure}")), "{fault}");
            assert!(fault.contains("there are val_loss, "), "{fault}");
        }
    }
}
