//! `gradtui bench --peer`: one workload under the protocol that times several programs side by side.
//!
//! It prints `ready` with the check losses. For every line `go` it resets the workload, trains for a second and prints
//! the number of steps. It trains with the lab's own [`Trainer`], and depends on no other program.

use super::race::side_by_side;
use super::workload::{Workload, WorkloadKind};
use crate::cli::print;
use crate::engine::attack::{
    Attack as _, AttackScratch, AttackTask, RandomKey, ValidRange, Victim, pgd::Pgd,
};
use crate::engine::data::Labels;
use crate::engine::loss::{Loss as _, Targets, cross_entropy::CrossEntropy};
use crate::engine::team::Team;
use crate::lab::runner::crew::Crew;
use crate::lab::trainer::{Snapshot, Trainer};
use crate::number::LayerNumber;
use serde_json::json;
use std::io::BufRead as _;
use std::sync::Arc;
use std::time::Instant;

/// Serves one workload until standard input ends.
///
/// # Errors
/// If standard output is closed.
pub fn serve(workload: &Workload, threads: usize) -> anyhow::Result<()> {
    let crew = Arc::new(Crew::new(threads, || ())?);
    match workload.kind {
        WorkloadKind::Train | WorkloadKind::Watch | WorkloadKind::Sweep => {
            protocol(&mut Race::new(workload, &crew, threads))
        }
        WorkloadKind::Attack => protocol(&mut AttackWork::new(workload, &crew)),
    }
}

/// A workload that can make steps.
trait PeerWorkload {
    /// Resets it to the start.
    fn reset(&mut self);
    /// Makes this many steps for each of [`PeerWorkload::lanes`].
    fn run(&mut self, steps: usize);
    /// The first and the last check loss, from the start on.
    fn check(&mut self) -> (f64, f64);
    /// The number of lanes, each of whose steps counts.
    fn lanes(&self) -> usize;
    /// The measurements of the first step, if steps are measured.
    fn first(&mut self) -> Vec<f64> {
        Vec::new()
    }
}

fn protocol(work: &mut dyn PeerWorkload) -> anyhow::Result<()> {
    work.reset();
    let (first, last) = work.check();
    work.reset();
    let measured = work.first();
    work.reset();
    // Warms up, and finds the number of steps in a quarter of a second.
    let (begun, mut chunk) = (Instant::now(), 1);
    loop {
        let start = Instant::now();
        work.run(chunk);
        let seconds = start.elapsed().as_secs_f64();
        if seconds > 0.2 && begun.elapsed().as_secs_f64() > 0.8 {
            break;
        }
        if seconds < 0.2 {
            chunk = ((0.25 * chunk as f64 / seconds.max(1e-7)) as usize).clamp(chunk + 1, 10 * chunk);
        }
    }
    let versions = format!("gradtui {}", env!("CARGO_PKG_VERSION"));
    let mut ready =
        json!({"ready": 1, "peer": "gradtui", "loss_first": first, "loss_last": last, "versions": versions});
    if !measured.is_empty() {
        ready["first"] = json!(measured);
    }
    print(&format!("{ready}\n"))?;
    for line in std::io::stdin().lock().lines() {
        if line?.trim() != "go" {
            break;
        }
        work.reset();
        work.run((chunk / 8).max(1));
        let (start, mut steps) = (Instant::now(), 0);
        let seconds = loop {
            work.run(chunk);
            steps += chunk * work.lanes();
            let seconds = start.elapsed().as_secs_f64();
            if seconds >= 1.0 {
                break seconds;
            }
        };
        print(&format!("{}\n", json!({"steps": steps, "secs": seconds})))?;
    }
    Ok(())
}

/// Lanes in training; several run side by side.
struct Race {
    lanes: Vec<Trainer>,
    start: Vec<Snapshot>,
    crew: Arc<Crew>,
    threads: usize,
    check_steps: usize,
    kind: WorkloadKind,
    /// The measurements of every step since the start.
    measured: Vec<f32>,
}

impl Race {
    fn new(workload: &Workload, crew: &Arc<Crew>, threads: usize) -> Self {
        let team: Arc<dyn Team> = Arc::<Crew>::clone(crew);
        let mut lanes = workload.lanes();
        if threads > 1 {
            for lane in &mut lanes {
                lane.work_with(&team);
            }
        }
        let start = lanes.iter().map(Trainer::snapshot).collect();
        let (check_steps, kind) = (workload.check_steps, workload.kind);
        Self { lanes, start, crew: Arc::clone(crew), threads, check_steps, kind, measured: Vec::new() }
    }

    /// Makes steps and keeps their numbers: the loss, then ‖g‖ and ‖Δθ‖/‖θ‖ of every layer with parameters, then the
    /// share of silent units of every rectifier.
    fn watch(&mut self, steps: usize) {
        let (lane, measured) = (&mut self.lanes[0], &mut self.measured);
        lane.look_at_all(false);
        for _ in 0..steps {
            let step = lane.step(true).expect("no divergence");
            let (_, layers) = lane.measure();
            measured.push(step.loss);
            let learns = || layers.iter().filter(|l| l.get(LayerNumber::GradNorm).is_some_and(|g| g > 0.0));
            let numbers = |of: LayerNumber| learns().filter_map(move |l| l.get(of));
            measured.extend(numbers(LayerNumber::GradNorm));
            measured.extend(numbers(LayerNumber::UpdateRatio));
            measured.extend(layers.iter().filter_map(|l| l.get(LayerNumber::Silent)));
        }
    }
}

impl PeerWorkload for Race {
    fn reset(&mut self) {
        for (lane, start) in self.lanes.iter_mut().zip(&self.start) {
            lane.restore(start).expect("its own snapshot");
        }
        self.measured.clear();
    }

    fn run(&mut self, steps: usize) {
        if self.kind == WorkloadKind::Watch {
            let crew = Arc::clone(&self.crew);
            return crew.run(|| self.watch(steps));
        }
        side_by_side(&mut self.lanes, steps, self.threads, &self.crew);
    }

    fn check(&mut self) -> (f64, f64) {
        let lanes = self.lanes.len() as f64;
        let mut step = || {
            let loss = |lane: &mut Trainer| f64::from(lane.step(false).expect("no divergence").loss);
            self.lanes.iter_mut().map(loss).sum::<f64>() / lanes
        };
        let first = step();
        (first, (1..self.check_steps).fold(first, |_, _| step()))
    }

    fn lanes(&self) -> usize {
        if self.kind == WorkloadKind::Sweep { 1 } else { self.lanes.len() }
    }

    fn first(&mut self) -> Vec<f64> {
        if self.kind == WorkloadKind::Watch {
            self.watch(1);
        }
        self.measured.iter().map(|&x| f64::from(x)).collect()
    }
}

/// One network under attack, batch after batch.
struct AttackWork {
    lane: Trainer,
    crew: Arc<Crew>,
    rows: usize,
    batches: usize,
    scratch: AttackScratch,
    out: Vec<f32>,
    next: usize,
}

impl AttackWork {
    fn new(workload: &Workload, crew: &Arc<Crew>) -> Self {
        let lane = workload.lanes().swap_remove(0);
        let rows = workload.rows;
        let mut scratch = AttackScratch::new(lane.network(), rows);
        let team: Arc<dyn Team> = Arc::<Crew>::clone(crew);
        scratch.work_with(&team);
        Self {
            crew: Arc::clone(crew),
            rows,
            batches: workload.batches,
            scratch,
            out: vec![0.0; rows * lane.network().input().size()],
            next: 0,
            lane,
        }
    }

    fn attack(&mut self) {
        let samples = &self.lane.data().train;
        let (size, first) = (samples.shape.size(), self.next * self.rows);
        let Labels::Classes { of, .. } = &samples.labels else { unreachable!("attacks are on classifiers") };
        let task = AttackTask {
            x: &samples.inputs[first * size..][..self.rows * size],
            classes: &of[first..][..self.rows],
            targeted: false,
            valid: ValidRange::All(0.0, 1.0),
            key: RandomKey::default(),
        };
        let live = self.lane.live();
        let mut victim = Victim::new(self.lane.network(), &live.params, &live.state, &mut self.scratch)
            .expect("a classifier of whole samples");
        let pgd = Pgd { eps: 0.1, alpha: Some(0.025), steps: 10, random_start: false, restarts: 1 };
        pgd.perturb_batch(&mut victim, &task, &mut self.out);
        self.next = (self.next + 1) % self.batches;
    }

    /// The mean loss of the inputs in `out`, with the labels of the first batch.
    fn loss(&mut self) -> f64 {
        let Labels::Classes { of, .. } = &self.lane.data().train.labels else {
            unreachable!("attacks are on classifiers")
        };
        let live = self.lane.live();
        let mut victim = Victim::new(self.lane.network(), &live.params, &live.state, &mut self.scratch)
            .expect("a classifier of whole samples");
        let width = victim.classes();
        let logits = victim.logits(&self.out);
        let targets = Targets::Classes(&of[..self.rows]);
        CrossEntropy::default().eval(logits, width, targets, 0.0, None, None) / self.rows as f64
    }
}

impl PeerWorkload for AttackWork {
    fn reset(&mut self) {
        self.next = 0;
    }

    fn run(&mut self, steps: usize) {
        let crew = Arc::clone(&self.crew);
        crew.run(|| (0..steps).for_each(|_| self.attack()));
    }

    fn check(&mut self) -> (f64, f64) {
        self.out.copy_from_slice(
            &self.lane.data().train.inputs[..self.rows * self.lane.network().input().size()],
        );
        let clean = self.loss();
        self.reset();
        self.attack();
        (clean, self.loss())
    }

    fn lanes(&self) -> usize {
        1
    }
}
