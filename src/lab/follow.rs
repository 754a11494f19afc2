//! Turns a run directory's log into events, for a lab that resumes a run, and for one that watches a run trained by
//! another process. Only reads; knows no thread and no screen.

use super::exam;
use super::experiment::{Experiment, info};
use super::files::{self, Disk};
use super::lane::{log, mark_event, marked};
use super::run::journal;
use super::run_dir::{self, checkpoint::Checkpoint, checkpoint::checksum};
use super::store::Dir;
use crate::limits;
use crate::logs::data_from;
use crate::scenario::{Edit, Scenario, decode, read_with_data};
use crate::telemetry::{Event, ForkOrigin, LaneId, LaneInfo, Phase};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Bytes of a log that are read at once.
const CHUNK: u64 = 8 << 20;
/// Bytes that no line of a log has.
const LINE: u64 = 16 << 20;
/// Time between two checks whether the run's process is still alive.
const LOOK: Duration = Duration::from_secs(1);

/// Facts about a lane that its log lines do not contain.
#[derive(Clone, Debug)]
pub struct LaneDetails {
    /// Its index on the screen.
    pub id: LaneId,
    /// The layers to which the lists in its log belong.
    lists: log::Lists,
    /// Average seconds per step. The log itself contains no times, because they differ from run to run.
    pace: f64,
}

impl LaneDetails {
    /// For a lane that took `seconds` for this many steps.
    pub fn new(id: LaneId, info: &LaneInfo, seconds: f64, steps: u64) -> Self {
        Self {
            id,
            lists: log::Lists::new(info.layers.iter().map(|l| (l.params > 0, l.saturates))),
            pace: seconds / steps.max(1) as f64,
        }
    }

    /// The events of one line of this lane.
    fn emit(&self, read: &log::ParsedLine, out: &mut Vec<Event>) {
        let (lane, step) = (self.id, read.step);
        let seconds = self.pace * step as f64;
        let measure = Box::new(read.measure(seconds));
        let layers = read.layers(&self.lists);
        if marked(step) || !read.finite() {
            out.push(mark_event(lane, &measure, &layers));
        }
        out.push(Event::Measured { lane, measure, layers });
        if let Some(dead) = read.dead(&self.lists) {
            out.push(Event::Probed { lane, step, name: "health", parts: vec![dead] });
        }
        if let Some(evaluation) = read.evaluation(seconds) {
            out.push(Event::Evaluated { lane, measure: Box::new(evaluation) });
        }
        if let Some(robust) = &read.robustness {
            out.push(Event::Probed { lane, step, name: exam::PROBE, parts: robust.parts() });
        }
    }
}

/// The lines of a log. A line that is longer than any that a run writes ends the reading with an error, because the file
/// is damaged.
fn split(file: File) -> impl Iterator<Item = io::Result<Vec<u8>>> {
    let mut log = BufReader::new(file);
    std::iter::from_fn(move || {
        let mut line = Vec::new();
        match (&mut log).take(LINE).read_until(b'\n', &mut line) {
            Ok(0) => None,
            Ok(n) if n as u64 == LINE => {
                Some(Err(io::Error::other(format!("a line of more than {} MiB", LINE >> 20))))
            }
            Ok(_) => {
                line.pop_if(|end| *end == b'\n');
                Some(Ok(line))
            }
            Err(e) => Some(Err(e)),
        }
    })
}

/// The events of the steps that lanes abandoned when they went back, each with the return to the step from which the
/// lane went on. They come before the events of the log.
pub fn abandoned(run: &Path, lanes: &BTreeMap<String, (LaneDetails, LaneInfo)>) -> Vec<Event> {
    let mut events = Vec::new();
    let Ok(file) = Dir::open(run).and_then(|dir| dir.read("ghosts.jsonl")) else { return events };
    let mut back = None;
    for line in split(file).map_while(Result::ok) {
        if let Some((lane, step)) = run_dir::went_back(&line) {
            events.extend(back.take());
            let known = lanes.get(&lane);
            back = known.map(|(t, info)| Event::Rewound { lane: t.id, info: Box::new(info.clone()), step });
        } else if let (Some(_), Some(row)) = (&back, log::ParsedLine::parse(&line))
            && let Some((details, _)) = lanes.get(&row.lane)
        {
            details.emit(&row, &mut events);
        }
    }
    events.extend(back);
    events
}

/// The events of a whole log for these lanes, which are given by name.
pub fn history(run: &Path, lanes: &BTreeMap<String, LaneDetails>) -> Vec<Event> {
    let mut events = Vec::new();
    let Ok(file) = Dir::open(run).and_then(|dir| dir.read("metrics.jsonl")) else { return events };
    // The log is read piece by piece, because it may be long.
    for line in split(file).map_while(Result::ok) {
        // A resumed run reports its changes itself.
        if journal::read(&line).is_none()
            && let Some(row) = log::ParsedLine::parse(&line)
            && let Some(details) = lanes.get(&row.lane)
        {
            details.emit(&row, &mut events);
        }
    }
    events
}

/// The lines of a run's log with numbers, and the edits.
///
/// # Errors
/// The reason why the log cannot be read.
pub fn lines(run: &Path) -> Result<(Vec<log::ParsedLine>, Vec<Edit>), String> {
    let fault = |e: io::Error| run_dir::plain(&e);
    let file = Dir::open(run).and_then(|dir| dir.read("metrics.jsonl")).map_err(fault)?;
    let (mut rows, mut edits) = (Vec::new(), Vec::new());
    for line in split(file) {
        let line = line.map_err(fault)?;
        if let Some(edit) = journal::read(&line) {
            edits.push(edit);
        } else {
            rows.extend(log::ParsedLine::parse(&line));
        }
    }
    Ok((rows, edits))
}

/// Assigns a separate index to every lane of every followed run.
#[derive(Debug, Default)]
pub struct Numbers(BTreeMap<(PathBuf, String), LaneId>);

impl Numbers {
    /// The index of a lane of a run, the same at each call.
    pub fn of(&mut self, run: &Path, lane: &str) -> LaneId {
        let next = self.0.len();
        *self.0.entry((run.into(), lane.into())).or_insert(next)
    }
}

/// A lane that is followed.
#[derive(Debug)]
struct FollowedLane {
    details: LaneDetails,
    info: LaneInfo,
    step: u64,
    /// Whether its last line was not finite.
    wild: bool,
    phase: Phase,
}

impl FollowedLane {
    /// A setting was changed.
    fn changed(&mut self, edit: Edit) -> Option<Event> {
        if !edit.empties() {
            self.info.recipe.set_at(&edit.field, &edit.to).ok()?;
        }
        self.info.cost = self.info.recipe.defence.cost(self.info.outputs.size());
        let step = edit.step;
        self.info.edits.push(edit);
        Some(Event::Changed { lane: self.details.id, info: Box::new(self.info.clone()), step })
    }
}

/// The version of a file: its inode and the time of its last change.
type FileVersion = (u64, i64, i64);

fn version(file: &std::fs::Metadata) -> FileVersion {
    (file.ino(), file.mtime(), file.mtime_nsec())
}

/// A log that is being read.
#[derive(Debug)]
struct FollowedLog {
    file: File,
    inode: u64,
    read: u64,
    /// An incomplete last line.
    half: Vec<u8>,
    /// Whether it was read to its end.
    whole: bool,
    /// The scenario to which the lanes belong.
    scenario: FileVersion,
    end: u64,
    lanes: BTreeMap<String, FollowedLane>,
}

/// Follows a run in its directory.
#[derive(Debug)]
pub struct Follower {
    path: PathBuf,
    /// Prefix of the lanes' names if several runs share one screen.
    prefix: Option<String>,
    log: Option<FollowedLog>,
    looked: Option<Duration>,
    /// The time of the last failed attempt to open it.
    failed: Option<Duration>,
    /// The status that was reported last.
    said: Option<String>,
}

impl Follower {
    /// A follower of the run in this directory, which may not exist yet. `prefix` is put before the names of its lanes.
    pub fn new(path: PathBuf, prefix: Option<String>) -> Self {
        Self { path, prefix, log: None, looked: None, failed: None, said: None }
    }

    /// Its directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The scenario that is trained there.
    ///
    /// # Errors
    /// The reason in words: there is no run, or it cannot be read.
    pub fn scenario(&self) -> Result<Scenario, String> {
        if !self.path.exists() {
            return Err("no run is there yet".into());
        }
        let bytes = files::read(&self.path.join("scenario.ron"), limits::SCENARIO_BYTES)
            .map_err(|_| "no run of gradtui (yet)".to_string())?;
        let text = decode(&bytes).map_err(|fault| fault.in_file("scenario.ron"))?;
        crate::scenario::read(text).map_err(|faults| {
            faults.first().map_or_else(|| "scenario.ron cannot be read".into(), |f| f.in_file("scenario.ron"))
        })
    }

    /// The reason why scenario or log do not belong to the run's checkpoint, if they do not.
    pub fn misfit(&self) -> Option<String> {
        run_dir::bound(&Dir::open(&self.path).ok()?).ok()?.2
    }

    /// The events since the last call; `now` is the time of any monotonic clock.
    pub fn poll(&mut self, now: Duration, numbers: &mut Numbers) -> Vec<Event> {
        let mut events = Vec::new();
        if let Err(what) = self.follow(now, numbers, &mut events)
            && self.said.as_ref() != Some(&what)
        {
            events.push(Event::Notice(format!("{}: {what}", self.path.display())));
            self.said = Some(what);
        }
        events
    }

    fn follow(
        &mut self,
        now: Duration,
        numbers: &mut Numbers,
        events: &mut Vec<Event>,
    ) -> Result<(), String> {
        let path = self.path.join("metrics.jsonl");
        let found = std::fs::metadata(&path).map(|m| (m.ino(), m.len()));
        let scenario = std::fs::metadata(self.path.join("scenario.ron")).map(|m| version(&m));
        let (Ok((inode, len)), Ok(scenario)) = (found, scenario) else {
            // The lanes stay on the screen with their last numbers.
            return match (&self.log, self.path.exists()) {
                (Some(_), _) => Err("the run is gone".into()),
                (None, true) => Err("no run of gradtui (yet)".into()),
                (None, false) => Err("no run is there yet".into()),
            };
        };
        let same =
            self.log.as_ref().is_some_and(|l| l.inode == inode && l.read <= len && l.scenario == scenario);
        if !same {
            // A log that does not fit may be large, so it is not read at every call.
            if self.failed.is_some_and(|at| (at..at + LOOK).contains(&now)) {
                return Ok(());
            }
            self.failed = Some(now);
            self.open(numbers, events)?;
            (self.failed, self.said) = (None, None);
        }
        let Some(log) = &mut self.log else { return Ok(()) };
        log.read(events)?;
        if self.looked.is_none_or(|at| now.saturating_sub(at) >= LOOK) {
            self.looked = Some(now);
            let trained = run_dir::in_use(&self.path);
            log.emit_phases(&self.path, trained, events);
        }
        Ok(())
    }

    /// Starts reading from the beginning: at first, and whenever a resume or a reset has rewritten the log.
    fn open(&mut self, numbers: &mut Numbers, events: &mut Vec<Event>) -> Result<(), String> {
        let fault = |e: io::Error| run_dir::plain(&e);
        let bytes = files::read(&self.path.join("scenario.ron"), limits::SCENARIO_BYTES)?;
        let seen = version(&std::fs::metadata(self.path.join("scenario.ron")).map_err(fault)?);
        let text = decode(&bytes).map_err(|f| f.in_file("scenario.ron"))?.to_string();
        let dir = Dir::open(&self.path).map_err(fault)?;
        let saved = match run_dir::bound(&dir) {
            Ok((_, _, Some(misfit))) => return Err(misfit),
            Ok((checkpoint, ..)) => Some(checkpoint),
            // The first checkpoint does not exist yet.
            Err(_) => None,
        };
        let base = saved.as_ref().map(|c| PathBuf::from(&c.base)).unwrap_or_default();
        let files = Disk { base };
        let (scenario, data) = read_with_data(&text, &files)
            .map_err(|faults| faults.first().map_or_else(String::new, |f| f.in_file("scenario.ron")))?;
        let end = scenario.steps as u64;
        let other = saved.as_ref().is_some_and(|c| c.data != checksum(&data.train.inputs));
        let experiment = Experiment::with_data(scenario, Arc::new(data), &files)
            .map_err(|faults| faults.first().map_or_else(String::new, ToString::to_string))?;
        let file = File::open(self.path.join("metrics.jsonl")).map_err(fault)?;
        let before: Vec<LaneId> =
            self.log.iter().flat_map(|l| l.lanes.values().map(|lane| lane.details.id)).collect();
        let mut lanes = BTreeMap::new();
        for contender in &experiment.lanes {
            let name = &contender.name;
            let id = numbers.of(&self.path, name);
            let shown = self.prefix.as_ref().map_or_else(|| name.clone(), |p| format!("{p} {name}"));
            let mut info = info(&shown, &contender.recipe, &contender.network, &experiment.data, end);
            // The log contains the other changes.
            let branch = contender.branch.as_ref().filter(|b| b.carried(&contender.recipe).is_some());
            if branch.is_none() {
                info.edits = contender.journal.iter().take_while(|e| e.step == 0).cloned().collect();
            }
            info.fork = contender.branch.as_ref().map(|branch| {
                let fork = branch.fork_origin(&contender.recipe, true);
                let parent = numbers.of(&self.path, &fork.from);
                let from =
                    self.prefix.as_ref().map_or_else(|| fork.from.clone(), |p| format!("{p} {}", fork.from));
                ForkOrigin { parent, from, ..fork }
            });
            let step = branch.map_or(0, |b| b.overrides.at as u64);
            let lane = saved.as_ref().and_then(|c| c.lanes.iter().find(|l| l.name == *name));
            let details = lane.map_or_else(
                || LaneDetails::new(id, &info, 0.0, 0),
                |l| LaneDetails::new(id, &info, l.seconds, l.snapshot.step),
            );
            events.push(Event::Started { lane: id, info: Box::new(info.clone()), step });
            lanes.insert(
                name.clone(),
                FollowedLane { details, info, step, wild: false, phase: Phase::Paused },
            );
        }
        let known = |(name, lane): (&String, &FollowedLane)| {
            (name.clone(), (lane.details.clone(), lane.info.clone()))
        };
        events.extend(abandoned(&self.path, &lanes.iter().map(known).collect()));
        let gone = before.into_iter().filter(|id| lanes.values().all(|l: &FollowedLane| l.details.id != *id));
        events.extend(gone.map(|lane| Event::Removed { lane }));
        if other {
            events.push(Event::Notice(format!("{}: the data are others by now", self.path.display())));
        }
        let log = file.metadata().map_err(fault)?.ino();
        let log = FollowedLog {
            file,
            inode: log,
            read: 0,
            half: Vec::new(),
            whole: false,
            scenario: seen,
            end,
            lanes,
        };
        (self.log, self.looked) = (Some(log), None);
        Ok(())
    }
}

impl FollowedLog {
    fn read(&mut self, events: &mut Vec<Event>) -> Result<(), String> {
        let fault = |e: io::Error| run_dir::plain(&e);
        let mut bytes = Vec::new();
        let len = self.file.metadata().map_err(fault)?.len();
        if data_from(&self.file, self.read, len) >= self.read + CHUNK {
            // A hole that was never written; the line in which it begins is no longer one.
            self.read = data_from(&self.file, self.read, len);
            self.half.push(0);
        }
        self.file.seek(SeekFrom::Start(self.read)).map_err(fault)?;
        let n = (&self.file).take(CHUNK).read_to_end(&mut bytes).map_err(fault)?;
        self.read += n as u64;
        self.whole = (n as u64) < CHUNK;
        self.half.extend(bytes);
        let Some(end) = self.half.iter().rposition(|&b| b == b'\n') else {
            // No line is this long: the file has a hole that was never written.
            if self.half.len() as u64 > CHUNK {
                self.half.clear();
            }
            return Ok(());
        };
        let whole: Vec<u8> = self.half.drain(..=end).collect();
        for line in String::from_utf8_lossy(&whole).lines() {
            if let Some(edit) = journal::read(line.as_bytes()) {
                let lane = self.lanes.get_mut(&edit.lane);
                events.extend(lane.and_then(|lane| lane.changed(edit)));
            } else if let Some(row) = log::ParsedLine::parse(line.as_bytes())
                && let Some(lane) = self.lanes.get_mut(&row.lane)
            {
                lane.details.emit(&row, events);
                lane.step = row.step;
                lane.wild = !row.finite();
            }
        }
        Ok(())
    }

    /// Reports which lanes train and which have ended. `trained`: whether a process holds the run's lock.
    fn emit_phases(&mut self, run: &Path, trained: bool, events: &mut Vec<Event>) {
        let going = |l: &FollowedLane| matches!(l.phase, Phase::Paused | Phase::Running | Phase::Killed);
        // Until the log is read to its end, the last step is not known.
        let killed = !trained && self.whole && !run_dir::was_left(run);
        // Only the checkpoint contains the reason why a lane ended. It is large, so it is read only if a lane may have
        // ended.
        let doubt = self.lanes.values().any(|l| going(l) && (l.wild || !trained || l.step >= self.end));
        let saved = if doubt { checkpoint(run) } else { None };
        for (name, lane) in &mut self.lanes {
            if !going(lane) {
                continue;
            }
            let kept =
                saved.iter().flat_map(|c| &*c.lanes).find(|l| l.name == *name).map(|l| l.phase.clone());
            let phase = match kept {
                Some(ended) if !matches!(ended, Phase::Paused | Phase::Running) => ended,
                _ if trained => Phase::Running,
                None if lane.step >= self.end => Phase::Finished,
                _ if killed => Phase::Killed,
                _ => Phase::Paused,
            };
            if phase != lane.phase {
                lane.phase = phase.clone();
                let step = if let Phase::Diverged(d) = &phase { d.step } else { lane.step };
                events.push(Event::Phase { lane: lane.details.id, step, phase });
            }
        }
    }
}

/// The newest intact checkpoint, if there is one.
fn checkpoint(run: &Path) -> Option<Checkpoint<'static>> {
    run_dir::any(&Dir::open(run).ok()?)
}

#[cfg(test)]
mod tests;
