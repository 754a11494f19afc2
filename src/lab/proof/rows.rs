//! Compares the lines of a log with those of the repeated run. Trains nothing.

use super::{RunDifference, VerificationResult};
use crate::lab::run::journal;
use crate::lab::run_dir::evidence::Evidence;
use crate::telemetry::Phase;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The key by which lines are matched: the lane, the step, and the setting if the line records a change.
type LineKey = (String, u64, String);

/// A line of the log.
#[derive(Debug)]
struct ProofRow {
    text: String,
    file: &'static str,
}

/// The lines that are still to be compared, and the results so far.
#[derive(Debug, Default)]
pub(super) struct RowComparison {
    left: BTreeMap<LineKey, ProofRow>,
    lanes: BTreeMap<String, ComparedLane>,
    /// The last step that is compared.
    steps: u64,
    /// Whether the scenario itself asks for measurements under attack.
    attacked: bool,
    /// Whether some measurements under attack were requested elsewhere.
    asked: bool,
    /// Whether the log is known to be unchanged. Then a line can be missing only because it was never written.
    known: bool,
}

#[derive(Debug, Default)]
struct ComparedLane {
    /// The step of its first line in the log, and of its last line or state.
    first: Option<u64>,
    last: u64,
    /// Whether its lines may begin later than the repeated run: in the log, earlier ones belong to another name or to
    /// its parent.
    late: bool,
    /// The step at which the repeated run resumes it.
    begun: u64,
    lines: usize,
    hashes: usize,
    /// The first difference, and the number of further differing lines.
    different: Option<(RunDifference, usize)>,
}

/// The key of a line; `None` if it belongs to no lane.
fn key(text: &str) -> Option<LineKey> {
    #[derive(serde::Deserialize)]
    struct LogHead {
        step: u64,
        lane: String,
        #[serde(default)]
        field: String,
    }
    let LogHead { step, lane, field } = serde_json::from_str(text).ok()?;
    Some((lane, step, field))
}

impl RowComparison {
    /// The lines of these lanes up to a step.
    pub(super) fn read(
        evidence: &Evidence,
        lanes: &[String],
        scenario: &[(&str, bool)],
        steps: u64,
        attacked: bool,
    ) -> Self {
        let mut all = Self { attacked, steps, known: evidence.known.is_some(), ..Self::default() };
        for name in lanes {
            let forked = scenario.iter().any(|(lane, forked)| lane == name && *forked);
            all.lanes.insert(name.clone(), ComparedLane { late: !forked, ..ComparedLane::default() });
        }
        let mut strangers = false;
        let log = evidence.known.and_then(|n| evidence.log.get(..n)).unwrap_or(&evidence.log);
        let waiting = evidence.checkpoints.first().filter(|f| f.whole).map(|f| &f.checkpoint.lines[..]);
        let waiting = waiting.unwrap_or_default().iter().map(|line| ("checkpoint", line.text.as_str()));
        // A verdict depends on when the user looked, so training does not repeat it.
        let lines = log.lines().map(|text| ("metrics.jsonl", text)).chain(waiting);
        for (file, text) in lines.filter(|(_, text)| journal::read_verdict(text.as_bytes()).is_none()) {
            let Some(key) = key(text) else {
                all.unreadable(file, text);
                continue;
            };
            strangers |= !scenario.is_empty() && scenario.iter().all(|(lane, _)| *lane != key.0);
            let Some(lane) = all.lanes.get_mut(&key.0).filter(|_| key.1 <= steps) else { continue };
            if key.2.is_empty() {
                lane.first = Some(lane.first.map_or(key.1, |first| first.min(key.1)));
                if evidence.checkpoints.is_empty() {
                    lane.last = lane.last.max(key.1);
                }
            }
            all.left.entry(key).or_insert_with(|| ProofRow { text: text.into(), file });
        }
        all.tail(evidence);
        if strangers {
            all.lanes.values_mut().for_each(|lane| lane.late = true);
        }
        all
    }

    /// Checks the lines after those that the checkpoint covers. A killed run has some, of steps after its checkpoint; a run that
    /// came to its end has only those that the checkpoint holds as well, because they were waiting to be written.
    fn tail(&mut self, evidence: &Evidence) {
        let tail = evidence.known.and_then(|n| evidence.log.get(n..)).unwrap_or_default();
        let Some(first) = evidence.checkpoints.first().filter(|f| f.whole) else { return };
        let ended = |p: &Phase| !matches!(p, Phase::Running | Phase::Paused);
        if !first.checkpoint.lanes.iter().all(|lane| ended(&lane.phase)) {
            return;
        }
        let covered = |text: &str| {
            first.checkpoint.lines.iter().any(|line| line.text == text)
                || journal::read_verdict(text.as_bytes()).is_some()
        };
        for text in tail.lines().filter(|text| !covered(text)) {
            let Some((name, step, _)) = key(text) else {
                self.unreadable("metrics.jsonl", text);
                continue;
            };
            let reached = first.checkpoint.lanes.iter().find(|l| l.name == name).map(|l| l.snapshot.step);
            if reached.is_some_and(|reached| step <= reached) {
                let what = "a line of this step stands after the end of the run".into();
                let difference =
                    RunDifference { step: Some(step), lane: Some(name), file: "metrics.jsonl", what };
                self.lanes.entry(String::new()).or_default().differs(difference);
            }
        }
    }

    /// Notes that a lane has a state at this step, so that it was trained up to there.
    pub(super) fn came_to(&mut self, lane: &str, step: u64) {
        if let Some(of) = self.lanes.get_mut(lane) {
            of.last = of.last.max(step);
        }
    }

    /// Notes a line that cannot be parsed.
    fn unreadable(&mut self, file: &'static str, text: &str) {
        let start = crate::text::excerpt(text, 40);
        let what = format!("a line is not JSON of a lane: {start}");
        let difference = RunDifference { step: None, lane: None, file, what };
        self.lanes.entry(String::new()).or_default().differs(difference);
    }

    /// The last step up to which a lane has to be trained again.
    pub(super) fn last(&self) -> u64 {
        self.lanes.values().map(|lane| lane.last).max().unwrap_or(0)
    }

    /// Starts the comparison of a lane at this step; earlier lines are not compared.
    pub(super) fn begin(&mut self, lane: &str, step: u64) {
        if let Some(of) = self.lanes.get_mut(lane) {
            of.begun = step;
        }
        self.left.retain(|(of, at, field), _| of != lane || *at > step || (!field.is_empty() && *at == step));
    }

    /// Compares a line of the repeated run.
    pub(super) fn again(&mut self, text: &str) {
        let Some(key) = key(text) else { return };
        let Some(lane) = self.lanes.get_mut(&key.0).filter(|_| key.1 <= self.steps) else { return };
        let Some(row) = self.left.remove(&key) else {
            // The repeated run may write a lane from its parent's start on, while its log begins at the fork.
            let before = lane.late && self.known && lane.first.is_none_or(|first| key.1 < first);
            let beyond = key.1 > lane.last || key.1 <= lane.begun;
            if !before && !beyond && key.2.is_empty() {
                let what = "the line is missing".to_string();
                lane.differs(RunDifference {
                    step: Some(key.1),
                    lane: Some(key.0),
                    file: "metrics.jsonl",
                    what,
                });
            }
            return;
        };
        lane.lines += 1;
        let change = !key.2.is_empty();
        let (Some(was), Some(now)) = (object(&row.text), object(text)) else { return };
        lane.hashes += usize::from(now.contains_key("hash"));
        if row.text == text {
            return;
        }
        let asked = |name: &str| name == "robustness" && !self.attacked;
        self.asked |= was.keys().any(|name| asked(name));
        if let Some((name, what)) = first_difference(&was, &now, &asked) {
            let what = if change {
                format!("the change of {}: {name}{what}", key.2)
            } else {
                format!("{name}{what}")
            };
            lane.differs(RunDifference { step: Some(key.1), lane: Some(key.0), file: row.file, what });
        }
    }

    /// Ends the comparison: lines without a counterpart are differences.
    pub(super) fn close(&mut self, verdict: &mut VerificationResult) {
        for ((lane, step, field), row) in std::mem::take(&mut self.left) {
            let known = if field.is_empty() { None } else { journal::read(row.text.as_bytes()) };
            let what = match known {
                Some(edit) => format!("the change {edit} is in the log, but not in the scenario"),
                None => "there is a line, but training again does not come to it".into(),
            };
            let of = self.lanes.entry(lane.clone()).or_default();
            of.differs(RunDifference { step: Some(step), lane: Some(lane), file: row.file, what });
        }
        for lane in self.lanes.values_mut() {
            if let Some((mut first, more)) = lane.different.take() {
                if more > 0 {
                    let _ = write!(
                        first.what,
                        "; {more} more {} differ",
                        if more == 1 { "line" } else { "lines" }
                    );
                }
                verdict.differences.push(first);
            }
        }
        if self.asked {
            verdict
                .notes
                .push("accuracies under attack that the command line asked for were not compared".into());
        }
    }

    /// The number of compared lines and hashes of a lane.
    pub(super) fn compared(&self, lane: &str) -> (usize, usize) {
        self.lanes.get(lane).map_or((0, 0), |of| (of.lines, of.hashes))
    }
}

impl ComparedLane {
    fn differs(&mut self, difference: RunDifference) {
        match &mut self.different {
            None => self.different = Some((difference, 0)),
            Some((first, more)) => {
                *more += 1;
                if (difference.step.is_none(), difference.step) < (first.step.is_none(), first.step) {
                    *first = difference;
                }
            }
        }
    }
}

fn object(text: &str) -> Option<Map<String, Value>> {
    serde_json::from_str(text).ok()
}

/// The first number in which two lines differ: its name, and both values.
fn first_difference(
    was: &Map<String, Value>,
    now: &Map<String, Value>,
    skipped: &dyn Fn(&str) -> bool,
) -> Option<(String, String)> {
    let names = now.keys().chain(was.keys().filter(|name| !now.contains_key(*name)));
    for name in names.filter(|name| !skipped(name)) {
        let what = match (was.get(name), now.get(name)) {
            (Some(a), Some(b)) if a == b => continue,
            (Some(Value::Array(a)), Some(Value::Array(b))) if a.len() == b.len() => {
                let at = a.iter().zip(b).position(|(x, y)| x != y)?;
                format!("[{at}] is {} here, and {} when it is trained again", a[at], b[at])
            }
            (Some(a), Some(b)) => format!(" is {a} here, and {b} when it is trained again"),
            (Some(a), None) => format!(" is {a} here, and is not there when it is trained again"),
            (None, Some(b)) => format!(" is not here, and is {b} when it is trained again"),
            (None, None) => continue,
        };
        return Some((name.clone(), what));
    }
    None
}
