//! Tests of schedules with made-up results.

use super::*;
use crate::lab::sweep::cell::End;
use crate::scenario::{read, sweep::plan};
use std::collections::{BTreeMap, BTreeSet};

fn planned(rest: &str) -> SweepPlan {
    let base = "(data: Xor(), network: [Dense(2)], optimizer: Sgd(0.1), steps: 900, evaluate_every: 50)";
    let text =
        format!("(scenario: \"base\", vary: [(\"optimizer.lr\", Linear(0.1, 0.9, 9))], seeds: 3, {rest})");
    plan(&text, &|_| read(base).map_err(|f| f[0].to_string())).expect("a sweep")
}

/// A result with a smaller validation loss the nearer the setting is to `best`; setting 8 diverges for one seed.
fn result(plan: &SweepPlan, order: ScheduledTraining, best: usize) -> TrainingRecord {
    let ScheduledTraining { cell, until } = order;
    let loss = cell.setting.abs_diff(best) as f32 + 0.1 * cell.seed as f32;
    let at: Vec<u64> = (1..=until / 50).map(|n| 50 * n).collect();
    let curve = BTreeMap::from([("val_loss".to_string(), vec![Some(loss); at.len()])]);
    let end = if cell.setting == 8 && cell.seed == 0 { End::Diverged } else { End::Finished };
    let key = plan.settings[cell.setting].key;
    TrainingRecord { until, steps: until, at, curve, end, ..TrainingRecord::new(key, plan.seeds[cell.seed]) }
}

/// Completes all trainings of a slice, `flying` at a time, in another order than they began;
/// returns the orders and the results.
fn drive(
    plan: &SweepPlan,
    slice: Slice,
    known: Vec<TrainingRecord>,
    flying: usize,
) -> (Vec<ScheduledTraining>, HashMap<SweepCell, TrainingRecord>) {
    let mut schedule = TrainingSchedule::new(plan, slice, known);
    let (mut orders, mut open) = (Vec::new(), Vec::new());
    loop {
        while let Some(order) = (open.len() < flying).then(|| schedule.take()).flatten() {
            orders.push(order);
            open.push(order);
        }
        let Some(order) = open.pop() else { break };
        schedule.done(order.cell, result(plan, order, 3));
    }
    assert!(schedule.over() && schedule.left() == 0);
    (orders, schedule.into_records())
}

#[test]
fn all_cells_are_trained_once_and_slices_share_them() {
    let plan = planned("");
    let (orders, _) = drive(&plan, Slice::ALL, Vec::new(), 4);
    let cells: BTreeSet<SweepCell> = orders.iter().map(|o| o.cell).collect();
    assert_eq!((orders.len(), cells.len()), (27, 27));
    assert!(orders.iter().all(|o| o.until == 900));
    let mut shared = BTreeSet::new();
    for index in 0..4 {
        let (part, _) = drive(&plan, Slice { index, count: 4 }, Vec::new(), 2);
        assert!((6..=7).contains(&part.len()));
        assert!(part.iter().all(|o| shared.insert(o.cell)), "no cell is in two parts");
    }
    assert_eq!(shared, cells);
}

#[test]
fn what_is_done_is_not_trained_again() {
    let plan = planned("");
    let (_, records) = drive(&plan, Slice::ALL, Vec::new(), 1);
    let half: Vec<TrainingRecord> = records.values().filter(|r| r.seed == 1).cloned().collect();
    assert_eq!(drive(&plan, Slice::ALL, half, 1).0.len(), 18);
    let all: Vec<TrainingRecord> = records.into_values().collect();
    assert!(drive(&plan, Slice::ALL, all, 1).0.is_empty());
}

#[test]
fn halving_keeps_the_best_whatever_the_order_in_which_results_come() {
    let plan = planned("halving: (steps: 100, factor: 3)");
    let (orders, records) = drive(&plan, Slice::ALL, Vec::new(), 1);
    let of = |until: u64| -> BTreeSet<usize> {
        orders.iter().filter(|o| o.until == until).map(|o| o.cell.setting).collect()
    };
    assert_eq!(of(100).len(), 9);
    assert_eq!(of(300), BTreeSet::from([2, 3, 4]));
    assert_eq!(of(900), BTreeSet::from([3]));
    assert_eq!(orders.len(), 27 + 9 + 3);
    for flying in [2, 5, 40] {
        let (_, others) = drive(&plan, Slice::ALL, Vec::new(), flying);
        assert_eq!(others, records, "{flying} at a time");
    }
    // An interruption after any result does not change the final results.
    for cut in [1, 13, 27, 30, 38] {
        let mut schedule = TrainingSchedule::new(&plan, Slice::ALL, []);
        let mut known = Vec::new();
        for _ in 0..cut {
            let order = schedule.take().expect("an order");
            let record = result(&plan, order, 3);
            known.push(record.clone());
            schedule.done(order.cell, record);
        }
        assert_eq!(drive(&plan, Slice::ALL, known, 3).1, records, "cut after {cut}");
    }
}

#[test]
fn brackets_are_decided_each_for_itself() {
    let plan = planned("halving: (steps: 120, factor: 3, bracket: 3)");
    let (orders, records) = drive(&plan, Slice::ALL, Vec::new(), 3);
    let kept: BTreeSet<usize> = orders.iter().filter(|o| o.until == 900).map(|o| o.cell.setting).collect();
    // The rung of 120 steps ends with the evaluation after 150.
    assert!(orders.iter().all(|o| [150, 450, 900].contains(&o.until)));
    assert_eq!(kept, BTreeSet::from([2, 3, 4]));
    assert!(brackets(&plan).iter().any(|b| b.windows(2).any(|w| w[1] > w[0] + 1)), "not only neighbours");
    let mut shared = HashMap::new();
    for index in 0..2 {
        shared.extend(drive(&plan, Slice { index, count: 2 }, Vec::new(), 2).1);
    }
    assert_eq!(shared, records, "two parts decide as one");
}
