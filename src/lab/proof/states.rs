//! Compares the states of a checkpoint with those of the repeated run, tensor by tensor. Trains nothing.

use super::{RunDifference, VerificationResult};
use crate::engine::network::Network;
use crate::lab::run::SavedLane;
use crate::lab::run_dir::evidence::FoundCheckpoint;
use crate::lab::trainer::Snapshot;
use crate::telemetry::Phase;

/// A state of a checkpoint to be compared.
#[derive(Debug)]
pub(super) struct ComparedState<'a> {
    pub(super) saved: &'a SavedLane,
    file: &'static str,
}

/// The states of these lanes in all checkpoints, up to a step.
pub(super) fn wanted<'a>(
    found: &'a [FoundCheckpoint],
    lanes: &[String],
    steps: u64,
    verdict: &mut VerificationResult,
) -> Vec<ComparedState<'a>> {
    let mut all = Vec::new();
    for FoundCheckpoint { name, checkpoint, .. } in found {
        for saved in &*checkpoint.lanes {
            // A waiting fork and a failed lane have no state.
            if saved.snapshot.params.is_empty() || saved.snapshot.step > steps {
                continue;
            }
            if lanes.contains(&saved.name) {
                all.push(ComparedState { saved, file: name });
            } else if steps == u64::MAX && *name == "checkpoint" {
                verdict.notes.push(format!("lane {} of the checkpoint was not compared", saved.name));
            }
        }
    }
    all
}

/// The step up to which a lane has to be trained to reach this state and its end.
pub(super) fn trained_to(saved: &SavedLane) -> u64 {
    if let Phase::Diverged(account) = &saved.phase { account.step } else { saved.snapshot.step }
}

impl ComparedState<'_> {
    /// Compares it with the repeated state of the same step; returns whether there was one.
    pub(super) fn compare(
        &self,
        seen: &[SavedLane],
        phases: &[(String, Phase)],
        network: &Network,
        verdict: &mut VerificationResult,
    ) -> bool {
        let saved = self.saved;
        let mut differs = |what: String| {
            let (step, lane) = (Some(saved.snapshot.step), Some(saved.name.clone()));
            verdict.differences.push(RunDifference { step, lane, file: self.file, what });
        };
        let same = |s: &&SavedLane| s.name == saved.name && s.snapshot.step == saved.snapshot.step;
        let Some(again) = seen.iter().find(same) else {
            let phase = phases.iter().find(|(name, _)| *name == saved.name).map(|(_, phase)| phase);
            let why = match phase {
                Some(Phase::Diverged(account)) => format!("it diverges at step {}", account.step),
                Some(Phase::Stopped(words) | Phase::Failed(words)) => words.clone(),
                _ => "it does not come to this step".into(),
            };
            differs(format!("trained again, {why}"));
            return false;
        };
        if let Some(what) = first_difference(&saved.snapshot, &again.snapshot, network) {
            differs(what);
        }
        if saved.seeds.len() != again.seeds.len() {
            differs(format!("it has {} seeds instead of {}", saved.seeds.len() + 1, again.seeds.len() + 1));
        }
        for (k, (a, b)) in (2..).zip(saved.seeds.iter().zip(&again.seeds)) {
            if let Some(what) = first_difference(&a.snapshot, &b.snapshot, network) {
                differs(format!("seed {k}, {what}"));
            }
        }
        true
    }
}

/// The first tensor or number in which two states differ.
fn first_difference(was: &Snapshot, now: &Snapshot, network: &Network) -> Option<String> {
    let says = |what: &str, a: String, b: String| {
        Some(format!("{what} is {a} here, and {b} when it is trained again"))
    };
    let place = |i: usize| match network.slots().iter().find(|s| s.range.contains(&i)) {
        Some(slot) => {
            let label = network.nodes().get(slot.layer).map_or("", |node| node.label.as_str());
            format!(
                "layer {} {label}, {}[{}]",
                slot.layer + 1,
                slot.name,
                index(i - slot.range.start, &slot.shape)
            )
        }
        None => format!("number {i}"),
    };
    let floats = |name: &str, a: &[f32], b: &[f32], slots: bool| {
        if a.len() != b.len() {
            return says(&format!("the length of the {name}"), a.len().to_string(), b.len().to_string());
        }
        let i = (0..a.len()).find(|&i| a[i].to_bits() != b[i].to_bits())?;
        let at = if slots { place(i) } else { format!("number {i}") };
        says(&format!("{name}, {at},"), a[i].to_string(), b[i].to_string())
    };
    let params = floats("parameters", &was.params, &now.params, true);
    let state = || floats("running statistics", &was.state, &now.state, false);
    let optim = || {
        let pairs = was.optim.vectors.iter().zip(&now.optim.vectors).enumerate();
        let mut pairs = pairs.map(|(k, (a, b))| {
            floats(&format!("optimizer's buffer {}", k + 1), a, b, a.len() == was.params.len())
        });
        pairs.find_map(|difference| difference)
    };
    let scalars = || {
        let pairs = was.optim.scalars.iter().zip(&now.optim.scalars);
        let (a, b) = pairs.into_iter().find(|(a, b)| a.to_bits() != b.to_bits())?;
        says("a number of the optimizer", a.to_string(), b.to_string())
    };
    let others = || {
        floats("memory of the defence", &was.defence, &now.defence, false)
            .or_else(|| floats("averaged parameters", &was.average, &now.average, true))
    };
    let counters = || {
        let all = |s: &Snapshot| {
            [
                ("epoch", s.epoch),
                ("the place in the data", s.position),
                ("gradient evaluations", s.evaluations),
                ("the optimizer's steps", s.optim_step),
                ("clipped steps", s.clipped),
                ("the last gradient norm's bits", s.last_grad_norm.to_bits().into()),
                ("evaluations since the best one", s.best.since),
                ("the best evaluation's step", s.best.at.map_or(0, |b| b.1)),
                ("the best evaluation's bits", s.best.at.map_or(0, |b| b.0.to_bits().into())),
            ]
        };
        let pairs = all(was).into_iter().zip(all(now));
        let ((name, a), (_, b)) = pairs.into_iter().find(|((_, a), (_, b))| a != b)?;
        says(name, a.to_string(), b.to_string())
    };
    let memory = || {
        let pairs = was.memory.iter().zip(&now.memory);
        let (a, b) = pairs.into_iter().find(|(a, b)| a.to_bits() != b.to_bits())?;
        says("the schedule's memory", a.to_string(), b.to_string())
    };
    let kept = || match (&was.kept, &now.kept) {
        (Some(a), Some(b)) => first_difference(a, b, network).map(|what| format!("the best state, {what}")),
        (None, None) => None,
        (a, _) => says("the best state", there(a.is_some()), there(a.is_none())),
    };
    params
        .or_else(state)
        .or_else(optim)
        .or_else(scalars)
        .or_else(others)
        .or_else(counters)
        .or_else(memory)
        .or_else(kept)
}

fn there(yes: bool) -> String {
    if yes { "there".into() } else { "missing".into() }
}

/// The index in a tensor, row-major: `3, 5`.
fn index(mut i: usize, shape: &[usize]) -> String {
    let mut places: Vec<String> = Vec::new();
    for &n in shape.iter().rev() {
        places.insert(0, (i % n.max(1)).to_string());
        i /= n.max(1);
    }
    places.join(", ")
}
