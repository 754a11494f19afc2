//! All lanes of a run: their places, their progress and their events.
//!
//! Orders change the run, turns train it, checkpoints save it; each has a file of its own. Knows no thread, no clock
//! and no file; no result depends on the order of turns.

use crate::engine::data::Files;
use crate::engine::data::picture::FittedPicture;
use crate::engine::network::Network;
use crate::lab::exam::Exam;
use crate::lab::experiment::{self, Contender, Data, Experiment};
use crate::lab::lane::past::{SharedPast, open};
use crate::lab::lane::{CancelSignal, LogLine, Start, TrainingLane};
use crate::lab::preview::{LaneStamp, ProbeInput};
use crate::lab::trainer::Trainer;
use crate::limits;
use crate::scenario::memory::{self, MemoryNeed};
use crate::scenario::{Edit, Recipe, Scenario};
use crate::telemetry::{Event, LaneId, LaneInfo, Phase, ProbeRequest};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

mod capture;
mod examination;
mod exchange;
mod fork;
pub mod journal;
mod orders;
mod peek;
mod recall;
mod save;
mod story;
mod turn;
mod undo;

pub use examination::{DIAGNOSIS, LaneToExamine};
pub use fork::ForkRequest;
pub use orders::PreparedOrder;
pub use recall::{Reruns, ShowStep, ShownStep};
pub use save::SavedLane;
pub use turn::Turn;

/// A lane's place in the run.
#[derive(Debug)]
struct LanePlace {
    /// The lane; `None` during its turn.
    lane: Option<Box<TrainingLane>>,
    network: Arc<Network>,
    /// Some of its earlier states.
    past: SharedPast,
    info: LaneInfo,
    /// Its recipe before the first edit.
    written: Recipe,
    /// Its origin, if it is forked from another lane.
    origin: Option<fork::LaneOrigin>,
    /// The step of its first change that has not been trained yet, and the lane's state before that change.
    before: Option<(u64, Box<Start>)>,
    /// Changes whose step has not come yet.
    pending: VecDeque<Edit>,
    /// How many of its changes are in the log: those with which it has trained.
    logged: usize,
    /// The memory for one seed of it.
    need: MemoryNeed,
    step: u64,
    cost: f64,
    phase: Phase,
    /// Tells the lane, during its turn, that an order waits for it.
    leave: Arc<CancelSignal>,
    /// The step at which it stops while the run is paused.
    target: u64,
    /// The step of the other lanes, up to which it has to catch up without making them wait.
    follows: u64,
    /// How many orders have changed it.
    changes: u64,
}

/// Lines to remove from the log, or to rename. No lane trains until a checkpoint has recorded the removal, so that log and
/// checkpoints always describe the same lanes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRemovals {
    /// The lane that was restarted; its old lines must not be written any more.
    pub lane: Option<LaneId>,
    /// The name in its lines, which may have been another lane's before.
    pub name: String,
    /// The step up to which its lines are kept; 0: none are kept.
    pub after: u64,
    /// The new name of the lane, if it was renamed: its lines stay, under this name.
    pub to: Option<String>,
    /// Later lines that were not yet on the disk.
    pub lines: Vec<LogLine>,
}

impl LogRemovals {
    /// Removes its lines from those waiting to be written; if the lane went back to a step, they are kept here.
    pub fn take(&mut self, waiting: &mut Vec<LogLine>) {
        if let Some(to) = &self.to {
            for line in waiting.iter_mut().filter(|line| self.lane == Some(line.lane)) {
                line.text = LogLine::relabelled(&line.text, &self.name, to);
            }
            return;
        }
        let (gone, stay) = std::mem::take(waiting).into_iter().partition(|line| self.takes(line));
        *waiting = stay;
        if self.after > 0 {
            self.lines.extend::<Vec<LogLine>>(gone);
        }
    }

    /// Whether it removes this waiting line.
    pub fn takes(&self, line: &LogLine) -> bool {
        self.to.is_none() && self.lane == Some(line.lane) && line.step > self.after
    }
}

/// A run in progress.
pub struct Run {
    scenario: Scenario,
    data: Arc<Data>,
    /// The data of the other seeds.
    others: Vec<Arc<Data>>,
    files: Arc<dyn Files + Send + Sync>,
    places: Vec<Option<LanePlace>>,
    running: bool,
    /// Whether lanes that stopped at different steps still have to reach a common one.
    levelling: bool,
    /// Orders to pause or step that lanes are still carrying out.
    unrested: usize,
    /// The largest lead in steps allowed to a lane so far.
    widest: u64,
    solo: Option<LaneId>,
    /// The step at which training lanes pause by themselves.
    halt: Option<u64>,
    /// The pace in steps a second, if the user set one.
    pace: Option<f64>,
    /// Steps that the pace allows so far.
    allowed: f64,
    end: u64,
    /// The measurement under attack, if there is one.
    exam: Option<Arc<Exam>>,
    /// Sizes of attacks to measure beside the scenario's.
    sizes: Option<Vec<f64>>,
    /// The user's own picture.
    own: Option<Arc<FittedPicture>>,
    show_every: Option<u64>,
    views: Vec<ProbeRequest>,
    /// Bytes for earlier states of all lanes; 0: none are kept.
    budget: usize,
    /// The step that is looked at instead of the present.
    looking: Option<u64>,
    log: bool,
    lines: Vec<LogLine>,
    quit: bool,
    save: bool,
    /// Lanes that get no turn, because an order waits for them.
    held: Vec<LaneId>,
    /// Lines that the log has to remove.
    forgotten: Vec<LogRemovals>,
    /// Checksum of the training samples, if other samples were loaded.
    samples: Option<u32>,
    events: Vec<Event>,
    /// Number of lanes ever added, so that stamps stay distinct after another scenario is loaded.
    entered: u64,
    /// Lanes to snapshot for previews as soon as their turn ends.
    wanted: Vec<LaneId>,
    peeks: Vec<ProbeInput>,
    /// States to capture.
    capture: capture::StateCapture,
    /// The changes made by orders.
    changes: undo::Changes,
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run")
            .field("places", &self.places)
            .field("running", &self.running)
            .finish_non_exhaustive()
    }
}

impl Run {
    /// A paused run at step 0; it ends after `steps`, or after the scenario's own number of steps if `None`.
    pub fn new(experiment: Experiment, steps: Option<u64>, files: Arc<dyn Files + Send + Sync>) -> Self {
        let Experiment { mut scenario, data, others, lanes } = experiment;
        // From here on every lane has its own edits.
        scenario.edits.clear();
        let end = steps.unwrap_or(scenario.steps as u64);
        let mut run = Self {
            scenario,
            data,
            others,
            files,
            places: Vec::new(),
            running: false,
            levelling: false,
            unrested: 0,
            widest: turn::AHEAD_STEPS,
            solo: None,
            halt: None,
            pace: None,
            allowed: 0.0,
            end,
            exam: None,
            sizes: None,
            own: None,
            show_every: None,
            views: Vec::new(),
            budget: 0,
            looking: None,
            log: false,
            lines: Vec::new(),
            quit: false,
            save: false,
            held: Vec::new(),
            forgotten: Vec::new(),
            samples: None,
            events: Vec::new(),
            entered: 0,
            wanted: Vec::new(),
            peeks: Vec::new(),
            capture: capture::StateCapture::default(),
            changes: undo::Changes::default(),
        };
        for contender in lanes {
            run.enter(contender);
        }
        run.plan_exams();
        run
    }

    /// Measures lanes under attacks of these sizes too when they end, even if the scenario does not ask for it.
    pub fn examine_at(&mut self, sizes: &[f64]) {
        self.sizes.get_or_insert_default().extend_from_slice(sizes);
        self.plan_exams();
    }

    fn plan_exams(&mut self) {
        let classes = self.data.train.outputs().size();
        self.exam = Exam::of(&self.scenario, classes, self.sizes.as_deref()).map(Arc::new);
    }

    fn enter(&mut self, contender: Contender) -> LaneId {
        self.enter_as(None, contender)
    }

    /// Adds a lane under this index, which must be free; `None`: a new index.
    fn enter_as(&mut self, id: Option<LaneId>, contender: Contender) -> LaneId {
        let Contender { name, recipe, written, mut journal, network, branch } = contender;
        let at_once = if branch.is_some() { 0 } else { journal.partition_point(|e| e.step == 0) };
        let pending = journal.split_off(at_once);
        let id = id.unwrap_or(self.places.len());
        self.entered += 1;
        let need = self.need(&recipe, &network, &self.data).forked(branch.is_some());
        let mut info = experiment::info(&name, &recipe, &network, &self.data, self.scenario.steps as u64);
        info.edits = journal;
        let origin = branch.map(|branch| fork::LaneOrigin::new(branch, &recipe));
        info.fork = origin.as_ref().map(|origin| origin.fork_origin(&recipe));
        let lane = self.lane_of(id, name, recipe, network);
        let place = LanePlace {
            need,
            network: Arc::clone(lane.trainer.network()),
            past: Arc::clone(&lane.past),
            lane: Some(lane),
            info: info.clone(),
            written,
            origin,
            before: None,
            pending: pending.into(),
            logged: 0,
            step: 0,
            cost: 0.0,
            phase: if self.running { Phase::Running } else { Phase::Paused },
            leave: Arc::default(),
            target: 0,
            follows: self.foremost(),
            changes: self.entered << 32,
        };
        self.events.push(Event::Started { lane: id, info: Box::new(info), step: 0 });
        self.events.push(Event::Phase { lane: id, step: 0, phase: place.phase.clone() });
        if self.places.len() <= id {
            self.places.resize_with(id + 1, || None);
        }
        self.places[id] = Some(place);
        self.share_out();
        id
    }

    /// Memory for one seed of a lane.
    fn need(&self, recipe: &Recipe, network: &Network, data: &Data) -> MemoryNeed {
        recipe.memory(network, data, self.scenario.robustness.is_some() || self.sizes.is_some())
    }

    /// Checks that there is memory for all lanes if this one (`None`: an additional one) needs this much.
    fn room_for(&self, lane: Option<LaneId>, need: MemoryNeed) -> Result<(), String> {
        let others = self.present().filter(|(id, _)| Some(*id) != lane).map(|(_, p)| p.need);
        self.room(others.chain([need]), self.scenario.seeds)
    }

    /// Checks that there is memory for these lanes in place of the present ones.
    fn room(&self, lanes: impl Iterator<Item = MemoryNeed>, seeds: usize) -> Result<(), String> {
        let then = memory::fits(lanes, seeds, self.kept())?;
        memory::is_there(then.saturating_sub(self.declared()))
    }

    /// Bytes for looking back and undoing, which do not depend on the number of lanes.
    fn kept(&self) -> u64 {
        if self.budget == 0 {
            return limits::REMOVED as u64;
        }
        // The thread that looks back has copies of lanes and passes of its own.
        let passes = self.present().map(|(_, p)| p.need.preview).max().unwrap_or(0);
        let probes = 4 * limits::PROBES as u64;
        (self.budget + limits::REMOVED) as u64 + 4 * limits::RERUNS as u64 + probes + passes.max(probes)
    }

    /// The most bytes that the run takes with its present lanes.
    pub fn declared(&self) -> u64 {
        let lanes = self.present().map(|(_, p)| p.need);
        memory::fits(lanes, self.scenario.seeds, self.kept()).unwrap_or(limits::MEMORY)
    }

    /// A lane over all seeds, before its first step.
    fn lane_of(&self, id: LaneId, name: String, recipe: Recipe, network: Arc<Network>) -> Box<TrainingLane> {
        let (seed, total) = (self.scenario.seed, self.scenario.steps as u64);
        let trainer = Trainer::with_network(&self.data, network, recipe, seed, total);
        Box::new(TrainingLane::new(id, name, trainer).with_seeds(&self.others, seed, total))
    }

    /// Makes lanes cancel long steps: those for which an order waits, or all if the run is to end.
    pub fn call_back(&self) {
        for (id, place) in self.present() {
            if place.lane.is_none() && (self.quit || self.held.contains(&id)) {
                place.leave.want(true);
            }
        }
    }

    /// Whether lines for the disk are produced.
    pub fn log(&mut self, wanted: bool) {
        self.log = wanted;
    }

    /// The data of its lanes.
    pub fn data(&self) -> &Data {
        &self.data
    }

    /// Whether the run was ordered to end.
    pub fn quitting(&self) -> bool {
        self.quit
    }

    /// Whether lanes were ordered to train.
    pub fn running(&self) -> bool {
        self.running
    }

    /// Whether no lane will train before another order comes.
    pub fn idle(&self) -> bool {
        self.present().all(|(_, p)| p.lane.is_some()) && !self.present().any(|(id, p)| self.wants(id, p))
    }

    /// Whether every lane has reached the step that the orders so far ask for.
    fn resting(&self) -> bool {
        self.at_rest() && !self.present().any(|(id, p)| self.wants(id, p))
    }

    /// Whether every lane has ended, successfully or not.
    pub fn over(&self) -> bool {
        self.present().all(|(_, p)| terminal(&p.phase))
    }

    /// Steps of the most advanced lane.
    pub fn foremost(&self) -> u64 {
        self.present().map(|(_, p)| p.step).max().unwrap_or(0)
    }

    /// Seconds of training and steps of every lane that is not in a turn.
    pub fn clocks(&self) -> BTreeMap<LaneId, (f64, u64)> {
        self.present().filter_map(|(id, p)| Some((id, (p.lane.as_ref()?.seconds, p.step)))).collect()
    }

    /// Steps of a lane.
    pub fn step_of(&self, id: LaneId) -> Option<u64> {
        Some(self.places.get(id)?.as_ref()?.step)
    }

    /// Steps of the least advanced lane among those that train.
    pub fn hindmost(&self) -> Option<u64> {
        self.present().filter(|(id, p)| self.wants(*id, p)).map(|(_, p)| p.step).min()
    }

    /// The views of the screen.
    pub fn views(&self) -> &[ProbeRequest] {
        &self.views
    }

    /// The step up to which all lanes have produced all their log lines.
    pub fn complete_step(&self) -> u64 {
        // A fork that has not begun has no lines.
        let tells = |p: &LanePlace| (!terminal(&p.phase) || p.lane.is_none()) && p.begun();
        let of = self.present().filter(|(_, p)| tells(p));
        of.map(|(_, p)| p.step).min().unwrap_or(u64::MAX)
    }

    /// Lines for the disk since the last call.
    pub fn take_lines(&mut self) -> Vec<LogLine> {
        std::mem::take(&mut self.lines)
    }

    /// Removals from the log since the last call.
    pub fn take_forgotten(&mut self) -> Vec<LogRemovals> {
        std::mem::take(&mut self.forgotten)
    }

    /// Checksum of the training samples, if another scenario was loaded since the start.
    pub fn samples(&self) -> Option<u32> {
        self.samples
    }

    /// Events since the last call.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Asks for a checkpoint.
    pub fn want_save(&mut self) {
        self.save = true;
    }

    /// Sum of the steps of all lanes, to detect progress.
    pub fn total_steps(&self) -> u64 {
        self.present().map(|(_, p)| p.step).sum()
    }

    /// Whether a checkpoint was ordered. Until [`Run::save`] no lane gets a turn.
    pub fn saving(&self) -> bool {
        self.save
    }

    fn present(&self) -> impl Iterator<Item = (LaneId, &LanePlace)> {
        self.places.iter().enumerate().filter_map(|(id, p)| Some((id, p.as_ref()?)))
    }

    fn notice(&mut self, text: String) {
        self.events.push(Event::Notice(text));
    }

    /// The lane of this index, if it is not in a turn.
    pub fn lane(&self, id: LaneId) -> Option<&TrainingLane> {
        self.places.get(id)?.as_ref()?.lane.as_deref()
    }
}

/// Whether a lane will not continue by itself.
fn terminal(phase: &Phase) -> bool {
    !matches!(phase, Phase::Running | Phase::Paused)
}
