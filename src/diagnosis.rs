//! The diagnosis of a lane: rules that judge its numbers and its settings, and the changes that may repair it.
//!
//! A rule is one file in `rules` and one row of the table here. It sees [`Facts`] and answers with a [`Suspicion`]: evidence
//! as numbers, the step since when, and cures in order. A suspicion from signals alone is worth at most what its rule says;
//! whoever can train (`lab::clinic`) tries the cures and knows. Knows scenario, telemetry and numbers; trains and draws
//! nothing.

pub mod facts;
pub mod fix;
mod marks;
pub mod rules;
mod told;
mod worth;

pub use crate::telemetry::finding::{Diagnosis, Finding, Fix, Level};
pub use facts::{Attacked, DataFacts, Facts, Mark, Score};
pub use rules::RULES;
pub use told::{Told, off};

/// How a rule knows, and thereby when its cures are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A setting stands out: true if the run is better without it.
    Setting,
    /// Something is seen in the numbers: true if a run that is better does not show it.
    Symptom,
    /// A mechanism that the numbers of this run show by themselves, whatever a cure does.
    Measured,
    /// Nothing stands out: tried where nothing else explains a run that could do better.
    General,
    /// Tried where not even another rate helps.
    Last,
}

/// A rule of the table.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Its stable id.
    pub id: &'static str,
    /// Its finding, in one line.
    pub about: &'static str,
    /// How it knows.
    pub kind: Kind,
    /// Its judgement.
    pub judge: fn(&Facts) -> Judgement,
}

/// A rule's verdict on a lane.
#[derive(Clone, Debug)]
pub enum Judgement {
    /// Looked at, and in order.
    Clear,
    /// Not to be judged here, and why.
    Skipped(&'static str),
    /// It may be this.
    Suspect(Suspicion),
}

/// Something that stands out.
#[derive(Clone, Debug)]
pub struct Suspicion {
    /// The level that the signals alone justify.
    pub level: Level,
    /// Since which step.
    pub step: u64,
    /// In which layer, from 1 and with its label.
    pub layer: Option<String>,
    /// Numbers that show it.
    pub evidence: Vec<(&'static str, f64)>,
    /// In words.
    pub text: String,
    /// Changes that may repair it, the likeliest first.
    pub fixes: Vec<Fix>,
}

impl Suspicion {
    /// From the first step on, as a note, without evidence yet.
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

    /// With what the signals alone are worth.
    #[must_use]
    pub fn at(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    /// With the step since when.
    #[must_use]
    pub fn since(mut self, step: u64) -> Self {
        self.step = step;
        self
    }

    /// With the layer.
    #[must_use]
    pub fn of_layer(mut self, layer: Option<String>) -> Self {
        self.layer = layer;
        self
    }

    /// With one more number.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: f64) -> Self {
        self.evidence.push((name, value));
        self
    }

    /// With cures.
    #[must_use]
    pub fn cures(mut self, fixes: impl IntoIterator<Item = Fix>) -> Self {
        self.fixes.extend(fixes);
        self
    }

    /// As a judgement.
    pub fn suspect(self) -> Judgement {
        Judgement::Suspect(self)
    }
}

impl Finding {
    /// From a suspicion.
    pub fn new(id: &'static str, level: Level, s: Suspicion) -> Self {
        Self { id, level, step: s.step, layer: s.layer, evidence: s.evidence, text: s.text, fixes: s.fixes }
    }

    /// In a line: `warn vanishing-gradient since step 1: layer 1 Dense 24 gets 3e-4 of the last layer's gradient`.
    pub fn line(&self) -> String {
        format!("{} {} since step {}: {}", self.level.text(), self.id, self.step, self.text)
    }
}

/// The findings of the signals alone, without a cure being tried.
pub fn signals(facts: &Facts) -> Diagnosis {
    let mut out = Diagnosis::default();
    let mut found = Vec::new();
    for rule in RULES {
        // Of the rules that judge settings, that on the rate knows what a log alone shows.
        if facts.foreign
            && matches!(rule.kind, Kind::Setting | Kind::General | Kind::Last)
            && rule.id != "lr-too-high"
        {
            out.skipped.push((rule.id, "its settings and its data are not known".into()));
            continue;
        }
        match (rule.judge)(facts) {
            Judgement::Clear => out.checked.push(rule.id),
            Judgement::Skipped(why) => out.skipped.push((rule.id, why.into())),
            Judgement::Suspect(s) => found.push((rule.id, rule.kind, s)),
        }
    }
    let levels = worth::levels(facts, &found);
    let loud = found.iter().zip(&levels).filter(|(_, l)| **l > Level::Note);
    let named: Vec<&'static str> = loud.map(|((id, ..), _)| *id).collect();
    for ((id, kind, mut s), level) in found.into_iter().zip(levels) {
        // A rate, or a narrow layer, is no finding as long as nothing is wrong with it.
        if level == Level::Note && matches!(kind, Kind::General | Kind::Last) {
            out.checked.push(id);
            continue;
        }
        if facts.foreign {
            s.fixes.clear();
        }
        let beside = facts.foreign || rules::beside(id, &named);
        out.findings.push(Finding::new(id, if beside { level } else { Level::Note }, s));
    }
    out.findings.sort_by_key(|f| std::cmp::Reverse(f.level));
    out
}
