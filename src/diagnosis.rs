//! The diagnosis of a lane: rules that judge its numbers and its settings, and the changes that may repair it.
//!
//! A rule is one file in `rules` and one row of the table here. It reads [`Facts`] and returns a [`Suspicion`]:
//! evidence as numbers, the step since which it holds, and cures in order. From the signals alone, a suspicion has at
//! most the level that its rule sets; `lab::clinic`, which can train, tries the cures and decides.
//! This module neither trains nor draws.

pub mod facts;
pub mod fix;
mod marks;
mod measurements;
pub mod rules;
mod worth;

use crate::engine::layer::LayerConfig;
pub use crate::telemetry::finding::{Diagnosis, Finding, Fix, Level};
pub use facts::{Attacked, DataFacts, Facts, LaneScore, MeasuredStep};
pub use measurements::{LaneMeasurements, off};
pub use rules::RULES;

/// The kind of a rule's evidence, which decides when its cures are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EvidenceKind {
    /// A setting is unusual: the suspicion is true if the run is better without it.
    Setting,
    /// The numbers show a symptom: the suspicion is true if a better run does not show it.
    Symptom,
    /// The numbers of this run prove a mechanism; the outcome of a cure does not change the verdict.
    Measured,
    /// Nothing is unusual; its cures are tried if no other rule explains a run that could be better.
    General,
    /// Its cures are tried if not even another learning rate helps.
    Last,
}

/// A rule of the table.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// The stable id of the rule.
    pub id: &'static str,
    /// Its finding in one line.
    pub about: &'static str,
    /// The kind of its evidence.
    pub kind: EvidenceKind,
    /// The function that judges a lane.
    pub judge: fn(&Facts) -> Judgement,
}

/// A rule's verdict on a lane.
#[derive(Clone, Debug)]
pub enum Judgement {
    /// The rule examined the lane and found nothing wrong.
    Clear,
    /// The rule cannot judge this lane, with the reason.
    Skipped(&'static str),
    /// The rule suspects a fault.
    Suspect(Suspicion),
}

/// A possible fault.
#[derive(Clone, Debug)]
pub struct Suspicion {
    /// The level that the signals alone justify.
    pub level: Level,
    /// The step since which it holds.
    pub step: u64,
    /// The layer, with its number from 1 and its label.
    pub layer: Option<String>,
    /// Numbers that show the fault.
    pub evidence: Vec<(&'static str, f64)>,
    /// The suspicion in words.
    pub text: String,
    /// Changes that may repair it, the most likely first.
    pub fixes: Vec<Fix>,
}

impl Suspicion {
    /// A note from the first step on, without evidence yet.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            level: Level::Note,
            step: 0,
            layer: None,
            evidence: Vec::new(),
            text: text.into(),
            fixes: Vec::new(),
        }
    }

    /// Sets the level that the signals alone justify.
    #[must_use]
    pub fn at(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    /// Sets the step since which it holds.
    #[must_use]
    pub fn since(mut self, step: u64) -> Self {
        self.step = step;
        self
    }

    /// Sets the layer.
    #[must_use]
    pub fn of_layer(mut self, layer: Option<String>) -> Self {
        self.layer = layer;
        self
    }

    /// Adds a number as evidence.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: f64) -> Self {
        self.evidence.push((name, value));
        self
    }

    /// Adds changes that may repair the fault, after those added before.
    #[must_use]
    pub fn cures(mut self, fixes: impl IntoIterator<Item = Fix>) -> Self {
        self.fixes.extend(fixes);
        self
    }

    /// The suspicion as a judgement.
    pub fn suspect(self) -> Judgement {
        Judgement::Suspect(self)
    }
}

impl Finding {
    /// A finding made from a suspicion.
    pub fn new(id: &'static str, level: Level, s: Suspicion) -> Self {
        Self { id, level, step: s.step, layer: s.layer, evidence: s.evidence, text: s.text, fixes: s.fixes }
    }

    /// The finding in one line: `warn vanishing-gradient since step 1: layer 1 Dense 24 gets 3e-4 of the last layer's
    /// gradient`.
    pub fn line(&self) -> String {
        format!("{} {} since step {}: {}", self.level.text(), self.id, self.step, self.text)
    }
}

/// The findings from the signals alone, without trying a cure.
pub fn signals(mut facts: Facts) -> Diagnosis {
    facts.bare = true;
    let mut out = Diagnosis::default();
    let mut found = Vec::new();
    let surface = facts.recipe.network.iter().any(|l| matches!(l, LayerConfig::Surface(_)));
    for rule in RULES {
        if surface && rule.id != "bad-edit" {
            out.skipped.push((rule.id, "a test function has no samples and no units".into()));
            continue;
        }
        // Among the rules that judge settings, only the one on the learning rate works with a log alone.
        if facts.foreign
            && matches!(rule.kind, EvidenceKind::Setting | EvidenceKind::General | EvidenceKind::Last)
            && rule.id != "lr-too-high"
        {
            out.skipped.push((rule.id, "its settings and its data are not known".into()));
            continue;
        }
        match (rule.judge)(&facts) {
            Judgement::Clear => out.checked.push(rule.id),
            Judgement::Skipped(why) => out.skipped.push((rule.id, why.into())),
            Judgement::Suspect(s) => found.push((rule.id, rule.kind, s)),
        }
    }
    let levels = worth::levels(&facts, &found);
    let loud = found.iter().zip(&levels).filter(|(_, l)| **l > Level::Note);
    let named: Vec<&'static str> = loud.map(|((id, ..), _)| *id).collect();
    for ((id, kind, mut s), level) in found.into_iter().zip(levels) {
        // A learning rate or a narrow layer is not a finding while it does no harm.
        if level == Level::Note && matches!(kind, EvidenceKind::General | EvidenceKind::Last) {
            out.checked.push(id);
            continue;
        }
        // A log of another program has no recipe to change.
        facts.bare = facts.foreign;
        let rule = RULES.iter().find(|r| r.id == id);
        if let Some(Judgement::Suspect(whole)) = rule.map(|r| (r.judge)(&facts)) {
            s = whole;
        }
        let beside = facts.foreign || rules::beside(id, &named);
        out.findings.push(Finding::new(id, if beside { level } else { Level::Note }, s));
    }
    out.findings.sort_by_key(|f| std::cmp::Reverse(f.level));
    out
}
