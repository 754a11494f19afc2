//! Tests of the table with made-up results.

use super::*;
use crate::scenario::read;
use crate::scenario::sweep::plan;
use std::collections::BTreeMap;

fn planned(rest: &str) -> SweepPlan {
    let base = "(data: Xor(), network: [Dense(2)], steps: 900, evaluate_every: 50, lanes: [
        (name: \"a\", optimizer: Sgd(0.1)), (name: \"b\", optimizer: Adam(0.1))])";
    let text = format!(
        "(scenario: \"base\", vary: [(\"optimizer.lr\", Values([0.1, 0.2, 0.3, 0.4])), (\"batch\", Values([8, 16]))], {rest})"
    );
    plan(&text, &|_| read(base).map_err(|f| f[0].to_string())).expect("a sweep")
}

/// The results of settings: the loss of each, and the step up to which it was trained.
fn results(plan: &SweepPlan, of: impl Fn(usize) -> (f32, u64)) -> Results<'_> {
    let record = |setting: usize| {
        let (loss, until) = of(setting);
        let curve = BTreeMap::from([("val_loss".to_string(), vec![Some(loss)])]);
        let record = TrainingRecord::new(plan.settings[setting].key, plan.seeds[0]);
        (
            SweepCell { setting, seed: 0 },
            TrainingRecord { until, steps: until, at: vec![until], curve, ..record },
        )
    };
    Results::new(plan, (0..plan.settings.len()).map(record).collect())
}

#[test]
fn a_varied_field_keeps_its_column_if_all_contenders_agree() {
    let plan = planned("");
    // Of both contenders, the first setting is the best.
    let results = results(&plan, |s| ((s % 8) as f32 + 1.0, 900));
    for format in [Format::Markdown, Format::Csv, Format::Latex] {
        let text = print(&results, format);
        assert!(text.contains("optimizer.lr") && text.contains("batch"), "{text}");
    }
    let text = print(&results, Format::Markdown);
    assert!(text.contains("a: the best optimizer.lr, 0.1, is the last value tried"), "{text}");
    assert!(text.contains("good: at most 10 % worse"), "{text}");
}

#[test]
fn settings_of_different_rungs_are_not_compared() {
    let plan = planned("halving: (steps: 100, factor: 3)");
    // The first setting of `a` was dropped early, with a smaller loss than the others have after more steps.
    let results = results(&plan, |s| match s {
        0 => (0.1, 100),
        1 => (0.5, 300),
        8 => (0.2, 300),
        _ => (1.0, 100),
    });
    let rows = results.rows();
    assert_eq!(rows.iter().map(|r| (r.contender, r.best)).collect::<Vec<_>>(), [(1, Some(8)), (0, Some(1))]);
    assert!(results.verdict(&rows).is_some(), "both were trained for 300 steps");
    let results = self::results(&plan, |s| if s == 8 { (0.2, 900) } else { (0.1, 100) });
    let rows = results.rows();
    assert_eq!(rows[0].contender, 1, "what went farther comes first");
    assert_eq!(results.verdict(&rows), None);
    let text = print(&results, Format::Markdown);
    assert!(
        text.contains("not comparable with b yet, whose results go farther: a (step 100, 1 seeds)"),
        "{text}"
    );
}

#[test]
fn a_setting_that_diverged_early_does_not_hide_the_others() {
    let plan = planned("halving: (steps: 100, factor: 3)");
    let mut results = results(&plan, |_| (0.5, 100));
    let cell = SweepCell { setting: 0, seed: 0 };
    let diverged = TrainingRecord { end: End::Diverged, ..results.record(0, 0).expect("a result").clone() };
    results.insert(cell, TrainingRecord { until: 101, ..diverged });
    let row = &results.rows()[0];
    assert!(row.best.is_some() && row.score.median == Some(0.5), "{row:?}");
}
