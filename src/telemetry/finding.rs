//! Findings about a lane: the fault, the numbers that show it, and the changes that may repair it. This module holds
//! plain data; the rules in `diagnosis` make the findings, and `lab::clinic` tries the changes.

use crate::scenario::{Recipe, Scaling};

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The finding is worth knowing, but is no fault by itself.
    Note,
    /// The lane reaches much less than it could.
    Warn,
    /// The lane diverged or does not learn.
    Bad,
}

impl Level {
    /// The level as text.
    pub fn text(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warn => "warn",
            Self::Bad => "bad",
        }
    }
}

/// A change that may repair a lane.
#[derive(Clone, Debug, PartialEq)]
pub struct Fix {
    /// The change in words.
    pub text: String,
    /// The recipe with the cure.
    pub recipe: Recipe,
    /// The fields of the recipe that it changes, with their new values.
    pub changes: Vec<(&'static str, String)>,
    /// The scaling of the inputs with the cure.
    pub scaling: Scaling,
    /// The scaling of the regression targets with the cure.
    pub target_scaling: Scaling,
    /// Whether the cure leaves out the edits that were made to the lane during training.
    pub unedited: bool,
    /// The fields of the lane, as RON: `(clip: Norm(max_norm: 1))`.
    pub patch: String,
}

/// A finding about a lane.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The id of its rule.
    pub id: &'static str,
    /// How much it matters.
    pub level: Level,
    /// The step since which it holds.
    pub step: u64,
    /// The layer, with its number from 1 and its label.
    pub layer: Option<String>,
    /// Numbers that show the fault.
    pub evidence: Vec<(&'static str, f64)>,
    /// The finding in words.
    pub text: String,
    /// Changes that repair it or may repair it, the best first.
    pub fixes: Vec<Fix>,
}

/// The findings of all rules about a lane.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Diagnosis {
    /// The findings, the most important first.
    pub findings: Vec<Finding>,
    /// Rules that examined the lane and found nothing wrong.
    pub checked: Vec<&'static str>,
    /// Rules that could not judge, each with its reason.
    pub skipped: Vec<(&'static str, String)>,
}

impl Diagnosis {
    /// The findings at level warn or bad.
    pub fn reported(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|f| f.level > Level::Note)
    }

    /// The cures that the findings at level warn or bad offer, each once. Their order gives their numbers, from 1.
    pub fn cures(&self) -> Vec<(&Finding, &Fix)> {
        let mut all: Vec<(&Finding, &Fix)> = Vec::new();
        for finding in self.reported() {
            for fix in &finding.fixes {
                if !all.iter().any(|(_, other)| other.patch == fix.patch) {
                    all.push((finding, fix));
                }
            }
        }
        all
    }

    /// The rules that could not judge, grouped by their reason.
    pub fn skipped_by_reason(&self) -> Vec<(Vec<&'static str>, &str)> {
        let mut all: Vec<(Vec<&'static str>, &str)> = Vec::new();
        for (id, why) in &self.skipped {
            match all.iter_mut().find(|(_, reason)| reason == why) {
                Some((ids, _)) => ids.push(id),
                None => all.push((vec![id], why)),
            }
        }
        all
    }

    /// The number under which a cure is offered.
    pub fn number(&self, fix: &Fix) -> Option<usize> {
        self.cures().iter().position(|(_, f)| f.patch == fix.patch).map(|i| i + 1)
    }
}

/// The outcome of a cure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CureOutcome {
    /// The cure does harm.
    Worse,
    /// The cure makes no difference beyond chance.
    Same,
    /// The cure helps.
    Better,
    /// The cure helps so much that little is left to gain.
    Repaired,
}

impl CureOutcome {
    /// The verdict as text.
    pub fn text(self) -> &'static str {
        match self {
            Self::Worse => "worse",
            Self::Same => "no better",
            Self::Better => "better",
            Self::Repaired => "repaired",
        }
    }
}

/// A cure that was tried on a copy of the lane, which trained from step 0 in the same batches.
#[derive(Clone, Debug, PartialEq)]
pub struct TriedCure {
    /// The change, as in [`Fix::patch`].
    pub patch: String,
    /// The outcome of the cure.
    pub verdict: CureOutcome,
    /// The scores without and with it: `val accuracy 0.102 to 0.964`.
    pub words: String,
}

/// An examination of a lane: a copy was trained to the end of the run, and its cures are tried one after the other.
#[derive(Clone, Debug, PartialEq)]
pub struct Examination {
    /// The findings after all cures were tried; before that, the findings from the signals of the copy alone.
    pub diagnosis: Diagnosis,
    /// The cures that were tried, in order.
    pub tried: Vec<TriedCure>,
    /// The cure that is being tried; `None` if the examination is complete.
    pub trying: Option<String>,
    /// Steps that the copy has trained.
    pub steps: u64,
}

impl Examination {
    /// The outcome of a cure, if it was tried.
    pub fn outcome(&self, fix: &Fix) -> Option<&TriedCure> {
        self.tried.iter().find(|t| t.patch == fix.patch)
    }
}
