//! The clinic trains a lane, judges it, and tries the cures with the same data and random draws, to
//! find the single change that repairs it.
//!
//! The results repeat bit for bit: the same scenario gives the same findings. The clinic opens no
//! files itself and starts no threads.

pub mod course;
mod trial;

use crate::diagnosis::{
    Diagnosis, EvidenceKind, Facts, Finding, Fix, Judgement, Level, RULES, Suspicion, rules, signals,
};
use crate::engine::data::Files;
use crate::lab::experiment::{BuildFault, Data, prepare};
use crate::lab::range::RangeTest;
use crate::lab::trainer::Trainer;
use crate::scenario::Scenario;
use crate::telemetry::finding::{CureOutcome, Examination, TriedCure};
use course::TrainedLane;
use std::sync::Arc;
pub use trial::{CureTrial, NEAR_BEST, verdict};

/// Most runs for trying cures, and the least number if the lane is expensive to train.
const TRIALS: (usize, usize) = (40, 8);
/// Approximate limit on the multiply-adds of all these runs together.
const WORK: f64 = 6e11;

/// A run of fewer steps has no time to learn, whatever its learning rate and its width.
const SHORT: u64 = 50;

/// Steps of the range test that suggests a learning rate.
const RANGE: usize = 120;

/// Called before a cure is tried, with the facts of the lane and the cures tried before.
pub type OnCure<'a> = dyn Fn(&Fix, &Facts, &[CureTrial]) + 'a;

/// The examination of one lane.
pub struct Clinic<'a> {
    /// The scenario with only this lane.
    scenario: Scenario,
    files: &'a dyn Files,
    data: Arc<Data>,
    /// Steps to train.
    steps: u64,
    /// Number of runs that may still be made.
    left: std::cell::Cell<usize>,
    /// Called before a cure is tried.
    say: &'a OnCure<'a>,
    /// Whether to continue; called before every step.
    on: &'a dyn Fn() -> bool,
}

/// The findings about a lane, and the outcome of each cure that was tried.
#[derive(Debug)]
pub struct LaneReport {
    /// The facts of the run.
    pub facts: Facts,
    /// The findings from the lane's signals alone, before any cure was tried.
    pub signals: Diagnosis,
    /// The findings.
    pub diagnosis: Diagnosis,
    /// The cures that were tried, in order.
    pub tried: Vec<CureTrial>,
}

impl LaneReport {
    /// Whether the lane diverged, or answers no better than a constant.
    pub fn lost(&self) -> bool {
        let judged = self.facts.score().is_some() && self.facts.data.is_some();
        self.facts.divergence().is_some() || judged && self.facts.lost()
    }

    /// The complete examination, for the screen.
    pub fn examination(&self) -> Examination {
        examination(self.diagnosis.clone(), &self.facts, &self.tried, None)
    }
}

/// An examination whose cure `fix` is tried next.
pub fn under_way(fix: &Fix, facts: &Facts, tried: &[CureTrial]) -> Examination {
    examination(signals(facts.clone()), facts, tried, Some(fix.text.clone()))
}

fn examination(
    diagnosis: Diagnosis,
    facts: &Facts,
    tried: &[CureTrial],
    trying: Option<String>,
) -> Examination {
    let told =
        |o: &CureTrial| TriedCure { patch: o.fix.patch.clone(), verdict: o.verdict, words: o.words(facts) };
    let steps = facts.marks.last().map_or(0, |m| m.step);
    Examination { diagnosis, tried: tried.iter().map(told).collect(), trying, steps }
}

/// A suspicion, with the results of its cures.
struct SuspicionCase {
    id: &'static str,
    kind: EvidenceKind,
    suspicion: Suspicion,
    /// The cures that help, as indices into the list of trials.
    helps: Vec<usize>,
}

impl<'a> Clinic<'a> {
    /// An examination of a lane of this scenario.
    pub fn new(
        scenario: &Scenario,
        lane: usize,
        data: Arc<Data>,
        files: &'a dyn Files,
        steps: Option<u64>,
    ) -> Self {
        let steps = steps.unwrap_or(scenario.steps as u64);
        let scenario = scenario.alone(lane);
        Self { scenario, files, data, steps, left: TRIALS.0.into(), say: &|_, _, _| {}, on: &|| true }
    }

    /// Calls `say` before every cure that is tried.
    #[must_use]
    pub fn on_cure(mut self, say: &'a OnCure<'a>) -> Self {
        self.say = say;
        self
    }

    /// Continues only while `on` returns true. Once it returns false, the report is not valid.
    #[must_use]
    pub fn while_so(mut self, on: &'a dyn Fn() -> bool) -> Self {
        self.on = on;
        self
    }

    fn course(&self, scenario: &Scenario) -> Result<TrainedLane, BuildFault> {
        let same = scenario.scaling == self.scenario.scaling
            && scenario.target_scaling == self.scenario.target_scaling
            && scenario.seed == self.scenario.seed;
        let data = if same { Arc::clone(&self.data) } else { Arc::new(prepare(scenario, self.files)?) };
        TrainedLane::run(scenario, 0, data, self.steps, self.on)
    }

    /// Trains and judges the lane.
    ///
    /// # Errors
    /// The reason why it cannot be trained.
    pub fn examine(&self) -> Result<LaneReport, BuildFault> {
        let TrainedLane { facts, signals: told, work } = self.course(&self.scenario)?;
        let signals = signals(told);
        self.left.set(((WORK / work.max(1.0)) as usize).clamp(TRIALS.1, TRIALS.0));
        let mut out = Diagnosis::default();
        let mut cases = Vec::new();
        for rule in RULES {
            match (rule.judge)(&facts) {
                Judgement::Clear => out.checked.push(rule.id),
                Judgement::Skipped(why) => out.skipped.push((rule.id, why.to_string())),
                Judgement::Suspect(_)
                    if self.steps < SHORT
                        && matches!(rule.kind, EvidenceKind::General | EvidenceKind::Last) =>
                {
                    out.skipped.push((rule.id, format!("the run has fewer than {SHORT} steps")));
                }
                Judgement::Suspect(suspicion) => {
                    cases.push(SuspicionCase { id: rule.id, kind: rule.kind, suspicion, helps: Vec::new() });
                }
            }
        }
        let mut tried: Vec<CureTrial> = Vec::new();
        if trial::hopeful(&facts) {
            // A run that has memorised its samples is not held back by its learning rate.
            let memorised =
                |c: &SuspicionCase| c.suspicion.evidence.iter().all(|(what, _)| *what != rules::BEGUN);
            let measured =
                |c: &&SuspicionCase| c.kind == EvidenceKind::Measured && c.suspicion.level > Level::Note;
            let learnt_any = cases.iter().filter(measured).any(memorised);
            for kind in
                [EvidenceKind::Setting, EvidenceKind::Symptom, EvidenceKind::General, EvidenceKind::Last]
            {
                if (kind == EvidenceKind::General && (learnt_any || enough(&tried) && set(&cases)))
                    || (kind == EvidenceKind::Symptom && enough(&tried) && set(&cases))
                    || (kind == EvidenceKind::Last && (learnt_any || enough(&tried)))
                {
                    continue;
                }
                if kind == EvidenceKind::General {
                    self.suggest(&facts, &mut cases);
                }
                for case in cases.iter_mut().filter(|c| c.kind == kind) {
                    self.try_cures(&facts, case, &mut tried, kind);
                }
            }
        }
        for case in
            cases.iter_mut().filter(|c| c.kind == EvidenceKind::Measured && c.suspicion.level > Level::Note)
        {
            self.try_cures(&facts, case, &mut tried, EvidenceKind::Measured);
        }
        Self::conclude(&facts, cases, &tried, &mut out);
        Ok(LaneReport { facts, signals, diagnosis: out, tried })
    }

    /// Offers the learning rate that a range test suggests, before the other cures of a learning rate.
    fn suggest(&self, facts: &Facts, cases: &mut [SuspicionCase]) {
        let test = || {
            let recipe = facts.recipe.clone();
            let total = self.scenario.steps as u64;
            let mut trainer = Trainer::new(&self.data, recipe, self.scenario.seed, total).ok()?;
            RangeTest::test(&mut trainer, RANGE)?.suggested
        };
        let Some(rate) = test() else { return };
        for case in cases {
            if let Some(fix) = rules::tested_rate(case.id, facts, rate, RANGE) {
                case.suspicion.fixes.retain(|f| f.patch != fix.patch);
                case.suspicion.fixes.insert(0, fix);
            }
        }
    }

    /// Tries the cures of a case, until one repairs it.
    fn try_cures(
        &self,
        facts: &Facts,
        case: &mut SuspicionCase,
        tried: &mut Vec<CureTrial>,
        kind: EvidenceKind,
    ) {
        let mut worse = 0;
        for fix in &case.suspicion.fixes {
            let known = tried.iter().position(|t| t.fix.patch == fix.patch);
            let at = known.or_else(|| {
                self.left.set(self.left.get().checked_sub(1)?);
                let outcome = self.trial(facts, fix, tried)?;
                tried.push(outcome);
                Some(tried.len() - 1)
            });
            let Some(at) = at else { continue };
            if tried[at].verdict >= CureOutcome::Better
                && (kind == EvidenceKind::Measured || self.lasts(&mut tried[at]))
            {
                case.helps.push(at);
                if tried[at].near_best() {
                    break;
                }
            } else if tried[at].verdict == CureOutcome::Worse {
                worse += 1;
            }
            // If three learning rates made it worse, the others would do so as well.
            if kind == EvidenceKind::General && worse > 2 {
                break;
            }
        }
        case.helps.sort_by(|a, b| tried[*b].gain.total_cmp(&tried[*a].gain));
    }

    fn trial(&self, facts: &Facts, fix: &Fix, tried: &[CureTrial]) -> Option<CureTrial> {
        (self.say)(fix, facts, tried);
        let course = self.course(&fix.apply(&self.scenario, 0)).ok()?;
        Some(CureTrial::of(facts, fix.clone(), course.facts))
    }

    /// Tries the cures of the findings that were not tried yet.
    pub fn prove(&self, report: &mut LaneReport) {
        let told = report.diagnosis.findings.iter().filter(|f| f.level > Level::Note);
        let fixes: Vec<Fix> = told.flat_map(|f| f.fixes.clone()).collect();
        for fix in fixes {
            if !report.tried.iter().any(|t| t.fix.patch == fix.patch) {
                let outcome = self.trial(&report.facts, &fix, &report.tried);
                report.tried.extend(outcome);
            }
        }
    }

    /// Whether a cure also helps with another seed.
    fn lasts(&self, outcome: &mut CureTrial) -> bool {
        if let Some(lasts) = outcome.lasts {
            return lasts;
        }
        let again = |k: u64| {
            self.left.set(self.left.get().saturating_sub(1));
            let of = |scenario: &Scenario| {
                let scenario = Scenario { seed: scenario.seed.wrapping_add(k), ..scenario.clone() };
                self.course(&scenario).ok().map(|c| c.facts)
            };
            let (sick, cured) = (of(&self.scenario)?, of(&outcome.fix.apply(&self.scenario, 0))?);
            Some(trial::gain(&sick, &cured))
        };
        let first = again(1).unwrap_or(0.0);
        let clear = |g: f64| g >= 2.0 * trial::ENOUGH;
        let lasts = if clear(first) && clear(outcome.gain) {
            true
        } else {
            // The first run was chosen for its gain, so it may have been lucky: the other seeds decide.
            f64::midpoint(first, again(2).unwrap_or(0.0)) >= 0.75 * trial::ENOUGH
        };
        outcome.lasts = Some(lasts);
        lasts
    }

    /// Turns the results of the trials into findings.
    fn conclude(facts: &Facts, cases: Vec<SuspicionCase>, tried: &[CureTrial], out: &mut Diagnosis) {
        let best = tried
            .iter()
            .enumerate()
            .filter(|(_, t)| t.lasts == Some(true))
            .max_by(|a, b| a.1.gain.total_cmp(&b.1.gain))
            .map(|(i, t)| (i, t.gain));
        let strong = |case: &SuspicionCase| {
            let most = best.map_or(0.0, |b| b.1);
            case.helps.first().is_some_and(|i| tried[*i].gain >= 0.5 * most)
        };
        let gain = |case: &SuspicionCase| case.helps.first().map_or(0.0, |i| tried[*i].gain);
        let setting = cases.iter().filter(|c| c.kind == EvidenceKind::Setting).map(gain).fold(0.0, f64::max);
        let better = |case: &SuspicionCase| gain(case) >= setting + 0.5 * trial::ENOUGH;
        let explained = cases.iter().any(|c| c.kind == EvidenceKind::Setting && strong(c));
        let named: Vec<&'static str> = cases.iter().filter(|c| strong(c)).map(|c| c.id).collect();
        // A symptom counts as a cause if the better run does not show it.
        let gone = |id: &str, best: usize| {
            let rule = RULES.iter().find(|r| r.id == id);
            rule.is_some_and(|r| !matches!((r.judge)(&tried[best].facts), Judgement::Suspect(_)))
        };
        // Labels that a better run predicts for other samples are not noise.
        let predicted = tried.iter().any(|t| rules::labels_predicted(&t.facts));
        let labels = "label-noise-or-shuffled-labels";
        let refuted = |id: &str| predicted && id == labels;
        let noisy = !predicted && cases.iter().any(|c| c.id == labels && c.suspicion.level > Level::Note);
        // Rectifiers that are off from the first step on are a fault beside the init that switched them off, and a clip
        // whose threshold is too small dominates also where a larger one still bites.
        let born =
            |c: &SuspicionCase| c.suspicion.evidence.iter().any(|(what, x)| *what == rules::BORN && *x > 0.0);
        let large = ["init-too-large", "underfitting-capacity"];
        let beside = |c: &SuspicionCase| match c.id {
            "dead-units" => born(c) && large.iter().any(|id| named.contains(id)),
            "clip-dominates" => named.contains(&"clip-too-small"),
            _ => false,
        };
        let levels: Vec<Option<Level>> = cases
            .iter()
            .map(|case| {
                let told = match case.kind {
                    EvidenceKind::Setting => strong(case),
                    _ if noisy && matches!(case.kind, EvidenceKind::Last | EvidenceKind::General) => false,
                    // Beside a setting that explains the run, a wider network must gain more.
                    EvidenceKind::Last => strong(case) && (!explained || better(case)),
                    EvidenceKind::General => strong(case) && !explained,
                    EvidenceKind::Measured => case.suspicion.level > Level::Note && !refuted(case.id),
                    EvidenceKind::Symptom => match best {
                        Some((i, _)) => {
                            strong(case) || gone(case.id, i) || case.id == "clip-dominates" && beside(case)
                        }
                        // If no single change repairs a run that is no better than a constant, its own numbers decide.
                        None => case.suspicion.level == Level::Bad && facts.lost(),
                    },
                };
                let alone = case.kind == EvidenceKind::Symptom && best.is_none();
                (told && (alone || beside(case) || rules::beside(case.id, &named))).then_some(Level::Warn)
            })
            .collect();
        // Large targets are a note beside their effects.
        let effects = ["exploding-gradient", "clip-dominates", "clip-too-small"];
        let caused = cases.iter().zip(&levels).any(|(c, l)| effects.contains(&c.id) && l.is_some());
        let size =
            cases.iter().find(|c| c.id == "unscaled-targets" && strong(c)).map(|c| c.suspicion.text.clone());
        let small = cases.iter().zip(&levels).any(|(c, l)| c.id == "init-too-small" && l.is_some());
        for (case, level) in cases.into_iter().zip(levels) {
            let SuspicionCase { id, kind, mut suspicion, helps } = case;
            let gain = helps.first().map(|i| tried[*i].gain);
            // Beside small initial weights, only a gradient that has vanished by itself is a finding.
            let faint = id == "vanishing-gradient" && small && !rules::vanished(&suspicion);
            let level = level.filter(|_| !faint);
            let noted = id == "unscaled-targets" && caused && size.is_some();
            let level = level.filter(|_| !noted);
            if let Some(size) = size.as_ref().filter(|_| id == "exploding-gradient") {
                suspicion.text = format!("{}: {size}", suspicion.text);
            }
            if kind == EvidenceKind::General && level.is_none() && size.is_some() {
                out.skipped.push((id, "the size of the targets explains the run".into()));
                continue;
            }
            let shown = noted
                || matches!(kind, EvidenceKind::Symptom | EvidenceKind::Measured)
                || suspicion.level > Level::Note;
            let level = match level {
                Some(_) if facts.lost() => Level::Bad,
                Some(level) => level,
                None if shown => Level::Note,
                None => {
                    out.checked.push(id);
                    continue;
                }
            };
            // The best cure comes first, even if another rule offered it.
            let mut fixes: Vec<Fix> = Vec::new();
            if level > Level::Note {
                fixes.extend(helps.iter().map(|i| tried[*i].fix.clone()));
                if let Some((i, most)) = best.filter(|_| kind != EvidenceKind::Measured)
                    && gain.is_none_or(|g| g < 0.8 * most)
                {
                    fixes.insert(0, tried[i].fix.clone());
                }
            }
            // Next come the cures that helped less, then those that were not tried,
            // then those that made no difference.
            let verdict = |f: &Fix| tried.iter().find(|t| t.fix.patch == f.patch).map(|t| t.verdict);
            let mut rest: Vec<Fix> = suspicion.fixes.drain(..).collect();
            rest.retain(|f| verdict(f) != Some(CureOutcome::Worse));
            rest.sort_by_key(|f| {
                std::cmp::Reverse(verdict(f).map_or(1, |v| 2 * i32::from(v > CureOutcome::Same)))
            });
            for fix in rest {
                if !fixes.iter().any(|f| f.patch == fix.patch) {
                    fixes.push(fix);
                }
            }
            suspicion.fixes = fixes;
            out.findings.push(Finding::new(id, level, suspicion));
        }
        out.findings.sort_by_key(|f| std::cmp::Reverse(f.level));
    }
}

/// Whether a setting explains the fault.
fn set(cases: &[SuspicionCase]) -> bool {
    cases.iter().any(|c| c.kind == EvidenceKind::Setting && !c.helps.is_empty())
}

/// Whether one of the cures repairs the run completely.
fn enough(tried: &[CureTrial]) -> bool {
    tried.iter().any(|t| t.lasts == Some(true) && t.near_best())
}
