//! Tests that a step cancelled at any point is as if it had never begun: afterwards the lane does the same as an
//! undisturbed one.

use super::*;
use crate::engine::data::NoFiles;
use crate::lab::exam::Exam;
use crate::lab::experiment::Experiment;
use crate::lab::lane::EndlessTurn;
use crate::lab::lane::{LogLine, TurnLimits};
use crate::lab::trainer::Trainer;
use crate::scenario::read;
use std::sync::atomic::AtomicU64;

/// Requests to cancel the step at the n-th query.
#[derive(Debug)]
struct Impatient {
    leave: Arc<CancelSignal>,
    looks: AtomicU64,
    at: u64,
}

impl Team for Impatient {
    fn join(&self, a: &mut (dyn FnMut() + Send), b: &mut (dyn FnMut() + Send)) {
        a();
        b();
    }
    fn left(&self) -> bool {
        if self.looks.fetch_add(1, Ordering::Relaxed) == self.at {
            self.leave.want(true);
        }
        self.leave.now()
    }
}

const SCENARIO: &str = r#"(
    data: Digits(), train_samples: 60, network: [Conv2d(2, 3), BatchNorm(), Relu(), Flatten(), Dense(6), Tanh(), Dropout(0.1)],
    batch: 20, steps: 6, evaluate_every: 2, optimizer: Adam(0.01), weight_average: (decay: 0.9),
    early_stopping: (patience: 9, restore_best: true), lanes: [(name: "a", SPECIAL)], REST
)"#;

fn lane(special: &str, rest: &str) -> (TrainingLane, Option<Arc<Exam>>) {
    let text = SCENARIO.replace("SPECIAL", special).replace("REST", rest);
    let scenario = read(&text).unwrap_or_else(|faults| panic!("{faults:?}"));
    let Experiment { scenario, data, others, mut lanes } = Experiment::new(scenario, &NoFiles).unwrap();
    let exam = Exam::of(&scenario, 10, None).map(Arc::new);
    let (first, total) = (lanes.remove(0), scenario.steps as u64);
    let trainer = Trainer::with_network(&data, first.network, first.recipe, scenario.seed, total);
    (TrainingLane::new(0, first.name, trainer).with_seeds(&others, scenario.seed, total), exam)
}

/// Trains to the end, with a request to cancel at query `at`; returns how often a step was cancelled, and the log.
fn trained(lane: &mut TrainingLane, exam: Option<Arc<Exam>>, at: u64) -> (u64, Vec<LogLine>) {
    let looks = AtomicU64::new(0);
    lane.work_with(|leave| Arc::new(Impatient { leave, looks, at }));
    let plan =
        TurnLimits { goal: 6, end: 6, total: 6, evaluate_every: 2, exam, log: true, ..TurnLimits::default() };
    let (mut left, mut lines) = (0, Vec::new());
    while lane.trainer.steps() < 6 {
        // Without a clock no step is known to be long, and only long steps can be cancelled.
        lane.long = LongWork::default();
        let before = lane.trainer.steps();
        let news = lane.play(&TurnLimits { until: before + 1, ..plan.clone() }, &mut EndlessTurn);
        lane.leave.want(false);
        if lane.trainer.steps() == before {
            left += 1;
            assert!(news.lines.is_empty() && news.events.is_empty() && news.end.is_none(), "{news:?}");
        }
        lines.extend(news.lines);
    }
    (left, lines)
}

#[test]
fn a_step_that_is_left_anywhere_changes_no_number_of_a_finished_one() {
    for (special, rest) in [
        ("", ""),
        ("optimizer: Sam()", ""),
        ("optimizer: Lbfgs()", ""),
        ("optimizer: Sophia()", ""),
        ("optimizer: Muon(0.01)", ""),
        ("defence: AdversarialTraining(Pgd(0.2, steps: 2))", ""),
        ("defence: FreeAdversarialTraining()", ""),
        (
            "defence: AdversarialTraining(Fgsm(0.2))",
            "seeds: 2, robustness: (samples: 8, every: 3, pgd_steps: 2)",
        ),
        ("prediction: Smoothing(std: 0.1, draws: 4)", ""),
    ] {
        let (mut whole, exam) = lane(special, rest);
        let (never, log) = trained(&mut whole, exam, u64::MAX);
        assert_eq!(never, 0);
        let (mut left, mut at) = (0, 0);
        loop {
            let (mut lane, exam) = lane(special, rest);
            let (once, lines) = trained(&mut lane, exam, at);
            assert_eq!(lines, log, "{special} {rest}, left at look {at}");
            assert!(lane.trainer.snapshot() == whole.trainer.snapshot(), "{special} {rest}, look {at}");
            assert!(lane.save_seeds() == whole.save_seeds(), "{special} {rest}, look {at}");
            left += once;
            if once == 0 {
                break;
            }
            // Every query at first, then fewer and fewer, because there are thousands.
            at += 1 + at / 3;
        }
        assert!(left > 12, "{special}: left {left} times");
    }
}

#[test]
fn a_short_step_is_not_left() {
    let (mut lane, _) = lane("optimizer: Sam()", "");
    lane.work_with(|leave| Arc::new(Impatient { leave, looks: AtomicU64::new(0), at: 0 }));
    lane.took(0.0, Some(0.0));
    let plan = TurnLimits { until: 6, goal: 6, end: 6, total: 6, evaluate_every: 2, ..TurnLimits::default() };
    lane.leave.want(true);
    lane.play(&plan, &mut EndlessTurn);
    assert_eq!(lane.trainer.steps(), 6);
    assert!(lane.back.is_none(), "and no copy of its state is kept");
}
