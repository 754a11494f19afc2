//! The view model: a fold over events in bounded memory, however long the run is. Draws nothing, trains nothing.

pub mod history;

use crate::diagnosis::{Diagnosis, Facts, LaneMeasurements, signals};
use crate::number::{LayerNumber, Number, NumberSource};
use crate::scenario::Edit;
use crate::telemetry::finding::Examination;
use crate::telemetry::{Data, Event, LaneId, LaneInfo, LayerMeasure, Measure, OLDER, Phase, Spread};
use history::{AxisPosition, History, MapColumns};
use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::sync::OnceLock;

/// A probe's newest result.
#[derive(Clone, Debug, PartialEq)]
pub struct ProbeResult {
    /// After this many steps of its lane.
    pub step: u64,
    /// The numbers, part by part.
    pub parts: Vec<(String, Data)>,
}

impl ProbeResult {
    /// The part with this name.
    pub fn part(&self, name: &str) -> Option<&Data> {
        self.parts.iter().find(|(n, _)| n == name).map(|(_, d)| d)
    }
}

/// The numbers of layers that are kept over time.
pub const MAPPED: [LayerNumber; 5] = [
    LayerNumber::GradNorm,
    LayerNumber::SignalNorm,
    LayerNumber::UpdateRatio,
    LayerNumber::WeightNorm,
    LayerNumber::Saturated,
];

/// One number for every layer with parameters, input side first; `None` if a layer has no value. Saturation belongs to
/// layers without parameters; it counts for the last layer with parameters before them.
pub fn by_layer(layers: &[LayerMeasure], number: LayerNumber) -> Vec<Option<f32>> {
    let mut out: Vec<Option<f32>> = Vec::new();
    for layer in layers {
        let value = layer.get(number);
        if layer.get(LayerNumber::GradNorm).is_some() {
            out.push(value);
        } else if number == LayerNumber::Saturated
            && let Some(last) = out.last_mut()
        {
            *last = match (*last, value) {
                (Some(a), Some(b)) => Some(a.max(b)),
                (a, b) => a.or(b),
            };
        }
    }
    out
}

/// A lane at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Moment {
    /// Its description.
    pub info: LaneInfo,
    /// Its phase; a moment of the past is paused.
    pub phase: Phase,
    /// Number of its edits when it diverged; `None` if it has not.
    pub edits_before_end: Option<usize>,
    /// Steps done.
    pub step: u64,
    /// Newest measurement.
    pub last: Measure,
    /// Newest measurement of its layers.
    pub layers: Vec<LayerMeasure>,
    /// Newest validation.
    pub validation: Option<Measure>,
    /// Newest result of every probe.
    pub probes: BTreeMap<&'static str, ProbeResult>,
}

/// The state of one lane. It dereferences to the moment that is shown: the present or an earlier step.
#[derive(Clone, Debug)]
pub struct LaneView {
    /// Its index in the run.
    pub id: LaneId,
    /// A curve for each number, up to the present.
    pub curves: BTreeMap<Number, History>,
    /// Numbers of every layer with parameters over time, up to the present, for the gradient map: one of [`MAPPED`]
    /// each.
    pub maps: BTreeMap<LayerNumber, MapColumns>,
    /// The facts by which it is judged, up to the present.
    pub measurements: LaneMeasurements,
    /// Curves of the steps that were abandoned when the lane went back; kept until the user dismisses them.
    pub ghosts: BTreeMap<Number, History>,
    /// Its examination with its present settings, if the user asked for one.
    pub examination: Option<Examination>,
    /// The findings from its own numbers up to the moment that is shown; computed when they are first asked for.
    signals: OnceLock<Diagnosis>,
    /// The moment that is shown.
    shown: Moment,
    /// The present, while an earlier step is shown.
    aside: Option<Box<Moment>>,
}

impl Deref for LaneView {
    type Target = Moment;

    fn deref(&self) -> &Moment {
        &self.shown
    }
}

impl DerefMut for LaneView {
    fn deref_mut(&mut self) -> &mut Moment {
        &mut self.shown
    }
}

impl LaneView {
    /// The lane's letter: A for lane 0.
    pub fn letter(&self) -> char {
        char::from(b'A' + (self.id % 26) as u8)
    }

    /// Its name, marked if the lane was changed while it trained: `SGD*`, or `was no clip` if the changed setting is in
    /// the name.
    pub fn title(&self) -> String {
        match &self.info.name {
            name if self.belied() => format!("was {name}"),
            name if self.info.edits.iter().any(|e| e.step > 0) => format!("{name}*"),
            name => name.clone(),
        }
    }

    /// Whether its name states a setting that was changed since.
    pub fn belied(&self) -> bool {
        let LaneInfo { name, recipe, edits, .. } = &self.info;
        let stands = |e: &&Edit| recipe.at(&e.field).is_some_and(|now| now != e.from);
        edits.iter().filter(stands).any(|e| e.belies(name))
    }

    /// The curve of a number, if it has values.
    pub fn curve(&self, number: Number) -> Option<&History> {
        self.curves.get(&number)
    }

    /// The newest value of a number, of a step or of a validation.
    pub fn value(&self, number: Number) -> Option<f64> {
        self.last.get(number).or_else(|| self.validation?.get(number))
    }

    /// The range of the newest validation over the seeds, where there are several.
    pub fn spread(&self) -> Option<Spread> {
        self.validation?.spread
    }

    /// Whether it differs from another lane by more than their seeds do; `None` unless both have several seeds.
    pub fn apart(&self, other: &Self) -> Option<bool> {
        Some(self.spread()?.apart(&other.spread()?))
    }

    fn new(id: LaneId, info: LaneInfo, step: u64) -> Self {
        let (last, layers, probes) = (Measure::default(), Vec::new(), BTreeMap::new());
        Self {
            id,
            curves: BTreeMap::new(),
            maps: BTreeMap::new(),
            measurements: LaneMeasurements::default(),
            ghosts: BTreeMap::new(),
            examination: None,
            signals: OnceLock::new(),
            shown: Moment {
                info,
                phase: Phase::Paused,
                edits_before_end: None,
                step,
                last,
                layers,
                validation: None,
                probes,
            },
            aside: None,
        }
    }

    /// The lane at present, whichever step is shown.
    pub fn present(&self) -> &Moment {
        self.aside.as_deref().unwrap_or(&self.shown)
    }

    /// The same, to change it.
    pub fn present_mut(&mut self) -> &mut Moment {
        self.aside.as_deref_mut().unwrap_or(&mut self.shown)
    }

    /// The facts on which a diagnosis is based, up to the moment that is shown.
    pub fn facts(&self) -> Facts {
        let mut facts = self.measurements.facts(&self.info, &self.phase, self.is_past().then_some(self.step));
        // A change that was made after it diverged did not cause that.
        let late = self.info.edits.len() - self.edits().len();
        facts.edits.truncate(facts.edits.len().saturating_sub(late));
        facts
    }

    /// Its edits; those before its end, if it diverged.
    pub fn edits(&self) -> &[Edit] {
        let all = &self.info.edits;
        &all[..self.edits_before_end.map_or(all.len(), |n| n.min(all.len()))]
    }

    /// The findings about it: those of its examination, which covers its whole run; without one, those of its own
    /// numbers.
    pub fn diagnosis(&self) -> &Diagnosis {
        match &self.examination {
            Some(examination) => &examination.diagnosis,
            None => self.signals.get_or_init(|| signals(self.facts())),
        }
    }

    /// Whether a step before the present is shown.
    pub fn is_past(&self) -> bool {
        self.aside.is_some()
    }

    /// Shows an earlier step from the events that were recalled for it.
    fn recalled(&mut self, step: u64, events: Vec<Event>) {
        if step >= self.present().step {
            return;
        }
        let begins = !self.is_past() || self.step != step;
        self.aside.get_or_insert_with(|| Box::new(self.shown.clone()));
        if begins {
            (self.step, self.phase) = (step, Phase::Paused);
            (self.last, self.validation) = (Measure::default(), None);
            self.layers.clear();
        }
        for event in events {
            match event {
                Event::Changed { info, .. } => self.info = *info,
                Event::Measured { measure, layers, .. } => (self.last, self.layers) = (*measure, layers),
                Event::Evaluated { measure, .. } => self.validation = Some(*measure),
                Event::Probed { step, name, parts, .. } => {
                    self.probes.insert(name, ProbeResult { step, parts });
                }
                _ => {}
            }
        }
    }

    /// The lane goes back to a step: the curves of later steps become ghosts.
    fn rewound(&mut self, info: LaneInfo, step: u64) {
        if let Some(now) = self.aside.take() {
            self.shown = *now;
        }
        for (&number, curve) in &mut self.curves {
            let ahead = curve.split(step);
            if ahead.last().is_some() {
                self.ghosts.entry(number).or_default().precede(ahead);
            }
        }
        self.curves.retain(|_, curve| curve.last().is_some());
        self.maps.values_mut().for_each(|map| map.cut(step));
        self.probes.retain(|_, probe| probe.step <= step);
        self.examination = None;
        (self.info, self.step) = (info, step);
        (self.last, self.validation) = (Measure { step, ..Measure::default() }, None);
        self.layers.clear();
    }

    fn point(&mut self, number: Number, at: AxisPosition, min: f32, value: f32, max: f32) {
        self.curves.entry(number).or_default().push(at, min, value, max);
    }

    /// Adds a point to the curve of every measured number.
    ///
    /// With several seeds the curve is their median and the range that of the seeds; otherwise the range is that since
    /// the last measurement.
    fn points(&mut self, at: AxisPosition, m: &Measure) {
        let clips = self.present().info.recipe.clips();
        for (number, value) in m.values.iter().filter(|(n, _)| clips || !n.row().clip) {
            let end = |of: Option<f64>| of.unwrap_or(value) as f32;
            let range = (end(m.least.get(number)), value as f32, end(m.greatest.get(number)));
            let band = m.spread.filter(|_| number.row().band).map(|s| s.band(number));
            match band {
                Some(Some(b)) => self.point(number, at, b.min, b.median, b.max),
                Some(None) => {}
                None => self.point(number, at, range.0, range.1, range.2),
            }
        }
    }

    /// The coordinates of the newest measurement, at this step.
    fn at(&self, step: u64) -> AxisPosition {
        let m = &self.present().last;
        AxisPosition {
            step: step as f64,
            epoch: m.epoch,
            seconds: m.seconds,
            evaluations: m.evaluations as f64,
        }
    }

    fn measured(&mut self, m: &Measure, layers: Vec<LayerMeasure>) {
        self.present_mut().last = *m;
        // After going back, the step itself was already measured.
        if self.curve(Number::Loss).and_then(History::last).is_none_or(|b| (b.at.step as u64) < m.step) {
            self.points(self.at(m.step), m);
        }
        for number in MAPPED {
            let values = by_layer(&layers, number);
            if values.iter().any(Option::is_some) {
                self.maps.entry(number).or_default().push(m.step, &values);
            }
        }
        let now = self.present_mut();
        now.step = m.step;
        // The layers of a diverged step hold no finite numbers; the layers of the step before explain the divergence.
        if !layers.is_empty() {
            now.layers = layers;
        }
    }

    /// Adds the numbers that a probe reports to their curves.
    fn probed(&mut self, step: u64, probe: &str, parts: &[(String, Data)]) {
        for number in Number::ALL {
            let name = match number.row().source {
                NumberSource::Attack(name) if probe == "robustness" => name,
                NumberSource::Probe(of, name) if probe == of => name,
                _ => continue,
            };
            if let Some((_, Data::Scalar(x))) = parts.iter().find(|(n, _)| n == name) {
                let x = *x as f32;
                self.point(number, self.at(step), x, x, x);
            }
        }
    }

    fn evaluated(&mut self, m: &Measure) {
        self.points(self.at(m.step), m);
        let now = self.present_mut();
        now.validation = Some(*m);
        now.step = now.step.max(m.step);
    }
}

/// The state of a run.
#[derive(Clone, Debug, Default)]
pub struct RunView {
    /// The lanes that exist, by index.
    pub lanes: Vec<LaneView>,
    /// The changes that can be undone, in words, the newest last.
    pub made: Vec<String>,
    /// Changes that were undone and can be made again.
    pub undone: Vec<String>,
    /// Removed lanes, the newest last: their curves are kept in case they come back.
    gone: Vec<LaneView>,
}

/// Removed lanes whose curves are kept at most.
const GONE: usize = 8;

impl RunView {
    /// Whether abandoned curves are shown.
    pub fn has_ghosts(&self) -> bool {
        self.lanes.iter().any(|l| !l.ghosts.is_empty())
    }

    /// Removes the abandoned curves.
    pub fn dismiss_ghosts(&mut self) {
        self.lanes.iter_mut().for_each(|l| l.ghosts.clear());
    }

    /// The changes, one per line.
    pub fn changes(&self) -> String {
        if self.made.is_empty() && self.undone.is_empty() {
            let stays = self.lanes.iter().any(|lane| !lane.present().info.edits.is_empty());
            return if stays { format!("nothing to undo; {OLDER}") } else { "nothing was changed".into() };
        }
        let made = self.made.iter().enumerate().map(|(i, words)| format!("{:>3}  {words}\n", i + 1));
        let undone = self.undone.iter().rev().map(|words| format!("undone  {words}\n"));
        made.chain(undone).collect()
    }

    /// A lane by its index.
    pub fn lane(&self, id: LaneId) -> Option<&LaneView> {
        self.lanes.iter().find(|l| l.id == id)
    }

    /// Chooses a step to look at instead of the present, or `None` for the present. Lanes that have not passed that
    /// step show the present.
    pub fn look(&mut self, step: Option<u64>) {
        for lane in &mut self.lanes {
            let reached = step.is_none_or(|s| s >= lane.present().step);
            if let Some(now) = lane.aside.take_if(|_| reached) {
                lane.shown = *now;
                lane.signals = OnceLock::new();
            }
        }
    }

    /// Applies an event.
    pub fn apply(&mut self, event: Event) {
        let lane = match &event {
            Event::Started { lane, .. } | Event::Removed { lane } => {
                if let Some(at) = self.lanes.iter().position(|l| l.id == *lane) {
                    let old = self.lanes.remove(at);
                    if matches!(event, Event::Removed { .. }) {
                        self.gone.push(old);
                        if self.gone.len() > GONE {
                            self.gone.remove(0);
                        }
                    }
                }
                *lane
            }
            other => other.lane().unwrap_or_default(),
        };
        match event {
            Event::Started { lane, info, step } => {
                let place = self.lanes.partition_point(|l| l.id < lane);
                let mut new = LaneView::new(lane, *info, step);
                // A removed lane that comes back at the step where it was removed gets its curves again.
                let back =
                    |l: &LaneView| l.id == lane && l.info.name == new.info.name && l.present().step == step;
                if let Some(at) = self.gone.iter().position(back).filter(|_| step > 0) {
                    let old = self.gone.remove(at);
                    (new.curves, new.maps, new.ghosts) = (old.curves, old.maps, old.ghosts);
                    new.measurements = old.measurements;
                    let now = old.aside.map_or(old.shown, |aside| *aside);
                    (new.shown.last, new.shown.layers) = (now.last, now.layers);
                    new.shown.validation = now.validation;
                }
                self.lanes.insert(place, new);
            }
            Event::Changes { made, undone } => (self.made, self.undone) = (made, undone),
            // The app handles and shows notices.
            Event::Removed { .. } | Event::Rested | Event::Notice(_) | Event::Unsaved(_) => {}
            other => {
                let Some(l) = self.lanes.iter_mut().find(|l| l.id == lane) else { return };
                l.measurements.apply(&other);
                let judged_anew = matches!(
                    other,
                    Event::Marked { .. }
                        | Event::Evaluated { .. }
                        | Event::Phase { .. }
                        | Event::Recalled { .. }
                        | Event::Rewound { .. }
                );
                match other {
                    Event::Changed { info, .. } => {
                        // The screen may show the new recipe already.
                        if l.present().info.edits != info.edits {
                            l.examination = None;
                        }
                        l.present_mut().info = *info;
                    }
                    Event::Examined { examination, .. } => l.examination = Some(*examination),
                    Event::Recalled { step, events, .. } => l.recalled(step, events),
                    Event::Rewound { info, step, .. } => l.rewound(*info, step),
                    Event::Measured { measure, layers, .. } => l.measured(&measure, layers),
                    Event::Evaluated { measure, .. } => l.evaluated(&measure),
                    Event::Probed { step, name, parts, .. } => {
                        l.probed(step, name, &parts);
                        l.present_mut().probes.insert(name, ProbeResult { step, parts });
                    }
                    Event::Phase { step, phase, .. } => {
                        let now = l.present_mut();
                        now.step = now.step.max(step);
                        now.edits_before_end =
                            matches!(phase, Phase::Diverged(_)).then_some(now.info.edits.len());
                        now.phase = phase;
                    }
                    Event::Started { .. }
                    | Event::Removed { .. }
                    | Event::Marked { .. }
                    | Event::Changes { .. }
                    | Event::Rested
                    | Event::Notice(_)
                    | Event::Unsaved(_) => {}
                }
                if judged_anew {
                    l.signals = OnceLock::new();
                }
            }
        }
    }
}
