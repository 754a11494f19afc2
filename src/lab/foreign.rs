//! Turns the log of another program into events, so that the screen shows it as a lane: curves of the numbers that it
//! recognises by name, gradient norms of layers, and a description in words of the rest of the log.

mod names;

use crate::diagnosis::{Diagnosis, LaneMeasurements, signals};
use crate::engine::data::reading::short;
use crate::lab::lane::mark_event;
use crate::logs::RunLog;
use crate::logs::layers::{LayerOrder, LogLayers};
use crate::logs::series::LogSeries;
use crate::number::{LayerNumber, Number};
use crate::scenario::{Recipe, Shape};
use crate::telemetry::{Divergence, Event, LaneId, LaneInfo, LayerInfo, LayerMeasure, Measure, Phase};
use std::collections::BTreeMap;
use std::time::Duration;

/// Pieces of a log that are read between two frames of the screen.
const PIECES: usize = 8;
/// A log counts as growing for this long after its last growth.
const LIVE: Duration = Duration::from_secs(30);
/// Series that are listed by name; the rest is only counted.
const LISTED: usize = 40;

/// A log that is followed while it grows.
pub struct Foreign {
    log: RunLog,
    id: LaneId,
    name: String,
    /// Number of points and of restarts when events were last made.
    seen: (u64, u64),
    layers: LogLayers,
    /// How many numbers each reported step had.
    sent: BTreeMap<u64, usize>,
    grown: Option<Duration>,
    looks: usize,
    phase: Option<Phase>,
    said: usize,
    fault: Option<String>,
}

/// The findings about a log, read to its end.
#[derive(Clone, Debug, Default)]
pub struct LogFindings {
    /// The findings.
    pub diagnosis: Diagnosis,
    /// Where its loss stopped being a number.
    pub divergence: Option<Divergence>,
    /// A sentence for each part of the log that could not be read.
    pub unread: Vec<String>,
}

/// The findings about a log, read to its end.
pub fn diagnosis(mut log: RunLog) -> LogFindings {
    log.read_to_end();
    let (mut measurements, mut info, mut phase) = (LaneMeasurements::default(), None, Phase::Paused);
    let mut foreign = Foreign::new(log, 0, String::new());
    for event in foreign.poll(Duration::ZERO) {
        measurements.apply(&event);
        match event {
            Event::Started { info: new, .. } => info = Some(new),
            Event::Phase { phase: new, .. } => phase = new,
            _ => {}
        }
    }
    let facts = info.map(|info| measurements.facts(&info, &phase, None));
    // Without a number that is known, nothing can be in order.
    let facts = facts.filter(|f| !f.marks.is_empty() || !f.evaluations.is_empty());
    let lost = if let Phase::Diverged(lost) = phase { Some(lost) } else { foreign.gap() };
    let RunLog { content, fault, .. } = foreign.log;
    LogFindings {
        diagnosis: facts.map_or_else(Diagnosis::default, signals),
        divergence: lost,
        unread: content.remarks.into_iter().chain(fault).collect(),
    }
}

/// The numbers of a step.
#[derive(Default)]
struct StepNumbers {
    values: Vec<(Number, f64)>,
    epoch: Option<f64>,
    norms: Vec<f64>,
}

impl StepNumbers {
    fn count(&self) -> usize {
        self.values.len() + self.norms.len()
    }
}

/// Whether a series is fairseq's share of clipped steps, which is in percent.
fn percent(series: &LogSeries) -> bool {
    series.name.rsplit(['/', '.', '_']).next() == Some("clip") && series.max > 1.0
}

impl Foreign {
    /// A follower of a log, as a lane with this index and name.
    pub fn new(log: RunLog, id: LaneId, name: String) -> Self {
        Self {
            log,
            id,
            name,
            seen: (0, 0),
            layers: LogLayers::default(),
            sent: BTreeMap::new(),
            grown: None,
            looks: 0,
            phase: None,
            said: 0,
            fault: None,
        }
    }

    /// Whether it contains gradient norms of layers; known after the first poll.
    pub fn has_layers(&self) -> bool {
        self.layers.names.len() > 1
    }

    /// The events since the last call; `now` is the time of any monotonic clock.
    pub fn poll(&mut self, now: Duration) -> Vec<Event> {
        let mut events = Vec::new();
        let mut pieces = 0;
        while pieces < PIECES && self.log.read() {
            pieces += 1;
        }
        self.looks += 1;
        let seen = (self.log.content.points, self.log.content.restarts);
        if seen != self.seen || self.looks == 1 {
            // The content found at the first poll does not show whether the log is still growing.
            self.grown = (self.looks > 1).then_some(now);
            self.emit(seen.1 != self.seen.1, &mut events);
            self.seen = seen;
        }
        self.emit_phase(now, &mut events);
        let remarks = &self.log.content.remarks;
        events.extend(remarks[self.said.min(remarks.len())..].iter().map(|what| Event::Notice(what.clone())));
        self.said = remarks.len();
        if self.fault != self.log.fault {
            self.fault.clone_from(&self.log.fault);
            events.extend(self.fault.iter().map(|what| Event::Notice(format!("{}: {what}", self.name))));
        }
        events
    }

    /// Makes events for new content, or for all content if an earlier step has changed or layers were found.
    fn emit(&mut self, restarted: bool, events: &mut Vec<Event>) {
        let layers = self.log.layers();
        let rows = self.rows(&layers);
        let newest = self.sent.keys().next_back().copied();
        let changed = |(step, row): (&u64, &StepNumbers)| self.sent.get(step) != Some(&row.count());
        let earlier = newest.is_some_and(|newest| rows.range(..=newest).any(changed));
        let names = |layers: &LogLayers| layers.names.clone();
        if restarted || earlier || self.sent.is_empty() || names(&layers) != names(&self.layers) {
            self.sent.clear();
            self.phase = None;
            let info = Box::new(self.info(&layers));
            events.push(Event::Started { lane: self.id, info, step: 0 });
        }
        let newest = self.sent.keys().next_back().copied();
        for (&step, row) in rows.iter().filter(|(step, _)| newest.is_none_or(|n| **step > n)) {
            self.sent.insert(step, row.count());
            self.emit_row(step, row, events);
        }
        self.layers = layers;
    }

    fn emit_row(&self, step: u64, row: &StepNumbers, events: &mut Vec<Event>) {
        let base =
            Measure { step, epoch: row.epoch.unwrap_or_default(), evaluations: step, ..Measure::default() };
        let of = |validation: bool| {
            let values = row.values.iter().filter(|(n, _)| names::is_validation(*n) == validation);
            values.fold(base, |measure, (number, x)| measure.with(*number, *x))
        };
        let layers = row.norms.iter().enumerate();
        let layers: Vec<LayerMeasure> =
            layers.map(|(i, x)| LayerMeasure::of(i).with(LayerNumber::GradNorm, *x as f32)).collect();
        let measure = of(false);
        if measure.values.iter().next().is_some() || !layers.is_empty() {
            events.push(mark_event(self.id, &measure, &layers));
            events.push(Event::Measured { lane: self.id, measure: Box::new(measure), layers });
        }
        let evaluation = of(true);
        if evaluation.values.iter().next().is_some() {
            events.push(Event::Evaluated { lane: self.id, measure: Box::new(evaluation) });
        }
    }

    /// The numbers that the screen can show, by step; if a step occurs twice, the later values count.
    fn rows(&self, layers: &LogLayers) -> BTreeMap<u64, StepNumbers> {
        let mut rows: BTreeMap<u64, StepNumbers> = BTreeMap::new();
        let place = |step: f64| (0.0..9e15).contains(&step).then_some(step as u64);
        let content = &self.log.content;
        for (number, series) in self.known(layers) {
            let scale = if percent(&content.series[series]) { 0.01 } else { 1.0 };
            for (step, x) in content.series[series].points() {
                let Some(step) = place(step) else { continue };
                let values = &mut rows.entry(step).or_default().values;
                values.retain(|(n, _)| *n != number);
                values.push((number, scale * x));
            }
        }
        for (step, squares) in content.squares(&layers.after) {
            if let Some(row) = place(step).and_then(|step| rows.get_mut(&step)) {
                row.values.push((Number::GradNormClipped, squares.sqrt()));
            }
        }
        if let Some(epochs) = content.get("epoch") {
            for (step, x) in epochs.points() {
                if let Some(row) = place(step).and_then(|step| rows.get_mut(&step)) {
                    row.epoch = Some(x);
                }
            }
        }
        for (step, norms) in content.norms(layers) {
            let Some(step) = place(step) else { continue };
            let row = rows.entry(step).or_default();
            // If the log has no total norm, the norm over all layers is used.
            if layers.total.is_none() {
                let total = norms.iter().map(|x| x * x).sum::<f64>().sqrt();
                row.values.push((Number::GradNorm, total));
            }
            row.norms = norms;
        }
        rows
    }

    /// Numbers of the lab, each with the index of its series.
    fn known(&self, layers: &LogLayers) -> Vec<(Number, usize)> {
        let series = &self.log.content.series;
        let total = layers.total.map(|i| (Number::GradNorm, i));
        let known = names::of(series.iter().map(|s| &s.name[..])).into_iter().chain(total);
        // An accuracy in percent would exceed the axis of shares; it is described in words.
        known.filter(|(n, i)| !n.is_share() || series[*i].max <= 1.0 || percent(&series[*i])).collect()
    }

    fn info(&self, layers: &LogLayers) -> LaneInfo {
        let layer = |name: &String| LayerInfo {
            label: name.clone(),
            input: String::new(),
            output: String::new(),
            params: 1,
            keeps: None,
            saturates: false,
        };
        LaneInfo {
            name: self.name.clone(),
            recipe: Recipe::default(),
            input: Shape::Flat(1),
            outputs: Shape::Flat(1),
            layers: layers.names.iter().map(layer).collect(),
            params: 0,
            steps_per_epoch: 1.0,
            cost: 1.0,
            edits: Vec::new(),
            foreign: Some(self.log.kind),
            fork: None,
            read: self.words(layers).into(),
            total: 0,
            data: None,
        }
    }

    /// The description of the log in words, line by line.
    fn words(&self, layers: &LogLayers) -> Vec<String> {
        let content = &self.log.content;
        let mut words = vec![format!("{}, {} series", self.log.kind, content.series.len())];
        if layers.names.is_empty() {
            words.push(
                "no gradient norms of layers: whether gradients reach the first of them cannot be judged"
                    .into(),
            );
        } else {
            let order = match layers.order {
                LayerOrder::Appearance => "in the order of the log",
                LayerOrder::Reversed => "in the order of the log, turned round",
                LayerOrder::Natural => {
                    "by the numbers in their names: a guess, since the log has lost their order: --layers log, or reversed"
                }
            };
            words.push(format!("{} layers with gradient norms, {order}", layers.names.len()));
            words.push(match layers.clipped {
                Some(true) => {
                    "norms are after clipping: they show no gradient larger than the threshold".into()
                }
                Some(false) => "norms are before clipping".into(),
                None => {
                    "whether norms are before or after clipping is not in the log: --norms before, or after"
                        .into()
                }
            });
        }
        let known = self.known(layers);
        let has = |number| known.iter().any(|k| k.0 == number);
        // As `gradtui hook` names them: `dead/NAME`.
        let written = |what: &str| {
            let of = |name: &str| name.split_once('/').is_some_and(|(number, _)| number == what);
            content.series.iter().any(|series| of(&series.name))
        };
        let missing = [
            (has(Number::Loss), "loss"),
            (has(Number::ValLoss) || has(Number::ValAccuracy), "validation"),
            (has(Number::GradNorm) || !layers.names.is_empty(), "gradient norms"),
            (written("dead"), "dead units"),
            (written("update_ratio"), "sizes of updates"),
        ];
        let missing: Vec<&str> = missing.iter().filter(|m| !m.0).map(|m| m.1).collect();
        if !missing.is_empty() {
            words.push(format!("not in the log, so not judged: {}", missing.join(", ")));
        }
        if written("dead") || written("update_ratio") {
            words.push("dead units and sizes of updates in a log are listed below, but not judged".into());
        }
        for (number, series) in self.known(layers) {
            words.push(format!("{} is {}", number.row().label, content.series[series].name));
        }
        let shown: Vec<usize> = self.known(layers).into_iter().map(|k| k.1).collect();
        let member = |i: &usize| layers.members.iter().any(|m| m.0 == *i);
        let rest: Vec<usize> =
            (0..content.series.len()).filter(|i| !shown.contains(i) && !member(i)).collect();
        if !rest.is_empty() {
            words.push("without a curve here:".into());
        }
        for series in rest.iter().take(LISTED).map(|i| &content.series[*i]) {
            let [least, greatest, last] = [series.min, series.max, series.last].map(short);
            words.push(format!(
                "{}: {} points, {least} to {greatest}, last {last}",
                series.name, series.points
            ));
        }
        if rest.len() > LISTED {
            words.push(format!("and {} more", rest.len() - LISTED));
        }
        words
    }

    /// Reports whether the log grows, has stopped growing, or ends in a loss that is not finite.
    fn emit_phase(&mut self, now: Duration, events: &mut Vec<Event>) {
        let live = self.grown.is_some_and(|at| now.saturating_sub(at) < LIVE);
        let phase = match self.lost() {
            Some(lost) => Phase::Diverged(lost),
            None if live => Phase::Running,
            None => Phase::Paused,
        };
        if self.phase.as_ref() != Some(&phase) && self.looks > 0 && !self.sent.is_empty() {
            let step = self.sent.keys().next_back().copied().unwrap_or(0);
            events.push(Event::Phase { lane: self.id, step, phase: phase.clone() });
            self.phase = Some(phase);
        }
    }

    /// The report of a loss that was not finite at some points, and is finite again.
    fn gap(&self) -> Option<Divergence> {
        let losses = self.known(&self.layers).into_iter();
        let losses = losses.filter(|(n, _)| matches!(n, Number::Loss | Number::ValLoss));
        losses.map(|(_, i)| &self.log.content.series[i]).find_map(|series| {
            let gaps: Vec<f64> = series.points().filter(|p| !p.1.is_finite()).map(|p| p.0).collect();
            let step = gaps.first()?.max(0.0) as u64;
            let (name, all) = (&series.name, series.points().count());
            let what = format!(
                "The log's {name} is no number at {} of {all} points, the first at step {step}.",
                gaps.len()
            );
            Some(Divergence { step, layer: String::new(), last_grad_norm: f32::NAN, what, origin: None })
        })
    }

    /// The report of the end, if the loss is no longer finite.
    fn lost(&self) -> Option<Divergence> {
        let (_, loss) = self.known(&self.layers).into_iter().find(|(n, _)| *n == Number::Loss)?;
        let loss = &self.log.content.series[loss];
        let points: Vec<(f64, f64)> = loss.points().collect();
        if points.last()?.1.is_finite() {
            return None;
        }
        let first = points.iter().rposition(|p| p.1.is_finite()).map_or(0, |i| i + 1);
        let step = points.get(first).map_or(0.0, |p| p.0).max(0.0) as u64;
        let norm = self.layers.total.map(|i| &self.log.content.series[i]);
        let norm = norm.and_then(|s| s.points().filter(|p| p.1.is_finite() && p.0 <= step as f64).last());
        let before =
            norm.map_or_else(String::new, |n| format!("; the gradient before had the norm {:.3e}", n.1));
        Some(Divergence {
            step,
            layer: String::new(),
            last_grad_norm: norm.map_or(f32::NAN, |n| n.1 as f32),
            what: format!("The log's {} is no number from step {step} on{before}.", loss.name),
            origin: None,
        })
    }
}

#[cfg(test)]
mod tests;
