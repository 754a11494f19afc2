//! Warnings about valid data that look like a mistake, each with its remedy.

use super::reading::{DataWarning, InputKind, Reading, counted, moments, short, target_name};
use super::{Labels, Samples, Scaling, SplitPlan};
use crate::engine::shape::Shape;
use crate::text::excerpt;

/// Absolute value beyond which an input makes training hard, and beyond which a target does.
const LARGE: f64 = 1e5;
const LARGE_TARGET: f64 = 100.0;
/// Largest ratio of the spreads of two inputs without a warning.
const WIDER: f64 = 1e3;
/// A class is rare if it has less than this share of the samples, and less than this share of an even part.
const RARE: f64 = 0.05;
const RARE_OF_FAIR: f64 = 0.2;
/// With fewer validation samples of a class, its recall takes only few values.
const FEW: usize = 10;

/// Notes anything suspicious about the training samples, before they are scaled.
pub(super) fn about(
    train: &Samples,
    validation: &Samples,
    ends: &[(f32, f32)],
    plan: &SplitPlan,
    few: bool,
    reading: &mut Reading,
) {
    let mut doubts = Vec::new();
    if few {
        doubts.push(DataWarning::data(format!(
            "{} samples are too few to keep some back: lanes are validated on what they train on; validation: 0 says so",
            train.len()
        )));
    }
    if let Some((low, _)) = ends.first()
        && ends.iter().all(|end| *end == (*low, *low))
    {
        let all = format!("every input of every sample is {low}, so there is nothing to learn from");
        doubts.push(DataWarning::data(all));
    }
    if plan.scaling == Scaling::None {
        doubts.extend(inputs(train.shape, ends, reading));
    }
    if let Labels::Values { of, shape } = &train.labels
        && let Some(i) = constant(of, shape.size())
        && !reading.targets.is_empty()
    {
        let name = target_name(&reading.targets, i);
        doubts.push(DataWarning::data(format!(
            "{name} is {} in every training sample: nothing to predict",
            of[i]
        )));
    }
    match &train.labels {
        Labels::Values { of, shape: Shape::Flat(n) } if plan.target_scaling == Scaling::None => {
            doubts.extend(target(of, *n, &reading.targets));
        }
        Labels::Classes { of, names } => {
            doubts.extend(rare(of, names, &validation.labels, plan));
            doubts.extend(unseen(of, names, &validation.labels));
            doubts.extend(empty(of, names, &validation.labels));
        }
        _ => {}
    }
    reading.doubts.extend(doubts);
}

/// Whether this many different numbers are probably values to predict rather than classes.
pub(super) fn many_numbers(different: usize, rows: usize, fractions: bool) -> bool {
    different > 10 && (fractions || rows < 3 * different || (different > 30 && rows < 10 * different))
}

fn inputs(shape: Shape, ends: &[(f32, f32)], reading: &Reading) -> Option<DataWarning> {
    let Shape::Flat(width) = shape else { return None };
    let mut names: Vec<Option<String>> = Vec::new();
    for input in &reading.inputs {
        match input.kind {
            InputKind::Number => names.push(Some(excerpt(&input.name, 40))),
            _ => names.extend((0..input.width()).map(|_| None)),
        }
    }
    if reading.inputs.is_empty() {
        names = (0..width).map(|i| Some(format!("input {i}"))).collect();
    }
    let mut widths: Vec<(f64, &str)> = Vec::new();
    for (i, name) in names.iter().enumerate().filter_map(|(i, n)| Some((i, n.as_deref()?))) {
        let (low, high) = (f64::from(ends[i].0), f64::from(ends[i].1));
        if high.abs().max(low.abs()) >= LARGE {
            let (low, high) = (short(low), short(high));
            let what = format!("{name} goes from {low} to {high}, large for a network: scaling: Standard");
            return Some(DataWarning::data(what));
        }
        if high > low {
            widths.push((high - low, name));
        }
    }
    let narrow = widths.iter().min_by(|a, b| a.0.total_cmp(&b.0))?;
    let wide = widths.iter().max_by(|a, b| a.0.total_cmp(&b.0))?;
    (wide.0 >= WIDER * narrow.0).then(|| {
        DataWarning::data(format!(
            "the range of {} is {}, that of {} {}: scaling: Standard brings both to one scale",
            wide.1,
            short(wide.0),
            narrow.1,
            short(narrow.0)
        ))
    })
}

fn target(of: &[f32], n: usize, names: &[String]) -> Option<DataWarning> {
    // The numbers that follow in a series are one target.
    let n = if names.len() == 1 { 1 } else { n };
    let all: Vec<_> = (0..n).map(|i| moments(of.iter().skip(i).step_by(n).copied())).collect();
    let large = |&(mean, spread): &(f64, f64)| mean.abs().max(spread) >= LARGE_TARGET;
    if let Some(i) = all.iter().position(large) {
        let name = if n == 1 { "the target".into() } else { target_name(names, i) };
        return Some(DataWarning::data(format!(
            "{name} is large (mean {}, spread {}), so gradients are too: target_scaling: Standard; predictions and errors \
             stay in its unit",
            short(all[i].0),
            short(all[i].1)
        )));
    }
    let spreads =
        all.iter().enumerate().map(|(i, moments)| (moments.1, i)).filter(|(spread, _)| *spread > 0.0);
    let narrow = spreads.clone().min_by(|a, b| a.0.total_cmp(&b.0))?;
    let wide = spreads.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (wide.0 >= WIDER * narrow.0).then(|| {
        DataWarning::data(format!(
            "the spread of {} is {}, that of {} {}, so the loss hardly sees the latter: target_scaling: Standard",
            target_name(names, wide.1),
            short(wide.0),
            target_name(names, narrow.1),
            short(narrow.0)
        ))
    })
}

fn counts(of: &[u32], classes: usize) -> Vec<usize> {
    let mut counts = vec![0usize; classes];
    for &class in of {
        counts[class as usize] += 1;
    }
    counts
}

fn rare(of: &[u32], names: &[String], held: &Labels, plan: &SplitPlan) -> Option<DataWarning> {
    let counts = counts(of, names.len());
    let (all, fair) = (of.len() as f64, of.len() as f64 / names.len() as f64);
    let (class, &count) = counts.iter().enumerate().min_by_key(|(_, n)| **n)?;
    let (often, &most) = counts.iter().enumerate().max_by_key(|(_, n)| **n)?;
    let n = count as f64;
    let held = match held {
        Labels::Classes { of, .. } => of.iter().filter(|c| **c as usize == class).count(),
        _ => 0,
    };
    // Advice that the scenario follows already is left out.
    let mut advice = Vec::new();
    // The recall of few samples moves in large steps, and one seed may hide a real difference.
    if (1..FEW).contains(&held) && plan.seeds < 2 {
        let step = short(100.0 / held as f64);
        advice.push(format!("{held} of it validate, so its recall moves by {step} %: seeds: 5 tells more"));
    }
    if !plan.weighted {
        advice.push("loss: CrossEntropy(class_weights: Balanced) weighs the rare ones up".into());
    }
    (count > 0 && n < RARE * all && n < RARE_OF_FAIR * fair && !advice.is_empty()).then(|| {
        DataWarning::data(format!(
            "class {} has {count} of {} training samples; always {} would be right in {:.1} %: look at the recall of each \
             class; {}",
            excerpt(&names[class], 40),
            of.len(),
            excerpt(&names[often], 40),
            100.0 * most as f64 / all,
            advice.join("; ")
        ))
    })
}

/// A warning about classes that validate without a training sample. With hardly a sample per class, another warning
/// says so.
fn unseen(of: &[u32], names: &[String], held: &Labels) -> Option<DataWarning> {
    let Labels::Classes { of: held, .. } = held else { return None };
    if of.len() < 2 * names.len() {
        return None;
    }
    let (trained, held) = (counts(of, names.len()), counts(held, names.len()));
    let new: Vec<usize> = (0..names.len()).filter(|&i| trained[i] == 0 && held[i] > 0).collect();
    let (&first, samples) = (new.first()?, new.iter().map(|&i| held[i]).sum());
    let name = excerpt(&names[first], 40);
    let (which, it) = match new.len() {
        1 => (format!("class {name} is"), "it"),
        n => (format!("{n} classes such as {name} are"), "they"),
    };
    Some(DataWarning::data(format!(
        "{which} in no training sample but in {}, so {it} cannot be learned",
        counted(samples, "validation sample")
    )))
}

/// The first target that is the same in every sample.
fn constant(of: &[f32], n: usize) -> Option<usize> {
    let same = |i: &usize| of.iter().skip(*i).step_by(n).all(|x| *x == of[*i]);
    (0..n).find(|i| of.len() > n && same(i))
}

/// A warning about classes of which there is no sample at all.
fn empty(of: &[u32], names: &[String], held: &Labels) -> Option<DataWarning> {
    let Labels::Classes { of: held, .. } = held else { return None };
    let (trained, held) = (counts(of, names.len()), counts(held, names.len()));
    let gone: Vec<usize> = (0..names.len()).filter(|&i| trained[i] + held[i] == 0).collect();
    let name = excerpt(&names[*gone.first()?], 40);
    let which = match gone.len() {
        1 => format!("no sample is of class {name}"),
        n => format!("no sample is of {n} classes, such as {name}"),
    };
    let left = names.len() - gone.len();
    let rest = if left == 1 { "; all samples are of one class, so there is nothing to learn" } else { "" };
    Some(DataWarning::data(format!("{which}{rest}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_nothing_is_told() {
        let names = ["a".to_string(), "b".to_string(), "c".to_string()];
        let held = Labels::Classes { of: vec![0], names: names.to_vec() };
        let told = |of: &[u32]| empty(of, &names, &held).map_or_else(String::new, |d| d.what);
        assert_eq!(told(&[0, 1, 2]), "");
        assert_eq!(told(&[0, 1]), "no sample is of class c");
        assert!(told(&[0]).ends_with("of one class, so there is nothing to learn"));
        assert_eq!(constant(&[1.0, 5.0, 2.0, 5.0], 2), Some(1));
        assert_eq!(constant(&[1.0, 5.0], 1), None);
    }

    #[test]
    fn the_target_that_is_large_or_narrow_is_named() {
        let names: Vec<String> = vec!["heat".into(), "cold".into()];
        let doubt = |of: &[f32], names: &[String]| target(of, 2, names).map_or_else(String::new, |d| d.what);
        assert!(doubt(&[0.0, 1e6, 1.0, 2e6], &names).starts_with("cold is large"));
        let narrow = doubt(&[0.0, 50.0, 0.01, 0.0], &names);
        assert!(narrow.contains("spread of cold is 25, that of heat 0.005"), "{narrow}");
        assert_eq!(doubt(&[0.0, 50.0, 0.01, 0.0], &names[..1]), "", "a series is one target");
        assert_eq!(doubt(&[0.0, 1.0, 1.0, 3.0], &[]), "");
    }

    #[test]
    fn a_rare_class_is_told_with_advice_that_is_not_followed_yet() {
        let names = ["a".to_string(), "b".to_string()];
        let of: Vec<u32> = (0..100).map(|i| u32::from(i < 2)).collect();
        let held = |n: u32| Labels::Classes {
            of: (0..50).map(|i| u32::from(i < n)).collect(),
            names: names.to_vec(),
        };
        let doubt = |n, weighted, seeds| {
            let plan = SplitPlan { weighted, seeds, ..SplitPlan::default() };
            rare(&of, &names, &held(n), &plan).map_or_else(String::new, |d| d.what)
        };
        let plain = doubt(2, false, 1);
        assert!(
            plain.contains("seeds: 5 tells more; loss: CrossEntropy(class_weights: Balanced)"),
            "{plain}"
        );
        assert!(!doubt(2, true, 1).contains("class_weights") && doubt(2, true, 1).contains("seeds: 5"));
        assert!(doubt(2, false, 5).contains("class_weights") && !doubt(2, false, 5).contains("seeds"));
        assert_eq!(doubt(2, true, 5), "");
        assert_eq!(doubt(20, true, 1), "");
    }

    #[test]
    fn a_class_that_only_validates_is_told() {
        let names = ["a".to_string(), "b".to_string(), "c".to_string()];
        let held = |of: Vec<u32>| Labels::Classes { of, names: names.to_vec() };
        let doubt = unseen(&[0, 1, 0, 1, 0, 1], &names, &held(vec![0, 2, 2])).expect("c is new");
        assert!(
            doubt.what.starts_with("class c is in no training sample but in 2 validation samples"),
            "{}",
            doubt.what
        );
        assert_eq!(unseen(&[0, 1, 2, 0, 1, 2], &names, &held(vec![0, 0])), None);
    }

    #[test]
    fn numbers_are_told_from_classes() {
        assert!(many_numbers(229, 506, true) && many_numbers(60, 60, false) && many_numbers(450, 500, false));
        assert!(!many_numbers(10, 1797, false) && !many_numbers(7, 1599, false), "digits, marks of wine");
        assert!(!many_numbers(26, 20_000, false) && !many_numbers(3, 3, true));
    }
}
