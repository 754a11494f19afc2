//! Expectations: comparisons of numbers of lanes that must hold at the end of a run, on one seed or over several.
//!
//! ```text
//! expectation = side sign side | flag   sign: > >= < <= == !=
//! side        = number | metric | median(metric) | share(expectation)
//! metric      = lane.name | lane.name@size
//! flag        = a metric that is 1 or 0: deep.finding(vanishing-gradient), cure.healthy; alone it must be 1
//! ```
//! `plain.loss < 1` must hold on every seed. `median(plain.loss) < 1` compares the median over the seeds, and
//! `share(a.loss < b.loss) >= 0.8` the share of the seeds on which `a.loss < b.loss` holds. On a single seed the median is
//! the number itself and a share is 0 or 1.

use crate::lab::outcome::{METRICS, Standings, attacked, is_flag};
use crate::scenario::{Fault, Scenario, at_paths};
use crate::text::did_you_mean;

/// A number of a lane.
#[derive(Clone, Debug, PartialEq)]
struct Metric {
    lane: String,
    name: &'static str,
    /// The size of the attack, where it matters.
    at: Option<f64>,
}

/// One side of a comparison.
#[derive(Clone, Debug, PartialEq)]
enum Side {
    Number(f64),
    Metric(Metric),
    Median(Metric),
    Share(Box<Comparison>),
}

/// Two sides and the sign between them.
#[derive(Clone, Debug, PartialEq)]
struct Comparison {
    left: Side,
    sign: &'static str,
    right: Side,
}

/// Something that must hold at the end: `adam.val_accuracy > 0.9`, `median(clip.loss) < plain.loss`.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    text: String,
    comparison: Comparison,
}

/// How lanes stand at the end of a run with this seed.
pub type Seed<'a> = (u64, &'a Standings);

/// Reads what a scenario expects of its lanes; `text` is the document that it was read from.
///
/// # Errors
/// All faults, each at its place in the document.
pub fn of_scenario(text: &str, scenario: &Scenario) -> Result<Vec<Expectation>, Vec<Fault>> {
    let (mut good, mut faults) = (Vec::new(), Vec::new());
    for (i, wanted) in scenario.expect.iter().enumerate() {
        match Expectation::of(wanted, scenario) {
            Ok(expectation) => good.push(expectation),
            Err(what) => faults.push((format!("expect[{i}]"), format!("expect: {what}"))),
        }
    }
    let of_lesson = super::lesson::asked(text, scenario).err().unwrap_or_default();
    let mut faults = at_paths(text, faults);
    faults.extend(of_lesson);
    if faults.is_empty() { Ok(good) } else { Err(faults) }
}

impl Expectation {
    /// Reads an expectation about the lanes of a scenario, over as many seeds as it has for that.
    ///
    /// # Errors
    /// If it cannot be read; the message says what would be right.
    pub fn of(text: &str, scenario: &Scenario) -> Result<Self, String> {
        let lanes: Vec<&str> = scenario.lanes.iter().map(|l| l.name.as_str()).collect();
        let expectation = Self::parse(text, &lanes)?;
        if expectation.over_seeds() && scenario.expect_seeds == 1 {
            let cure = "give the scenario `expect_seeds: 5`, or the run --expect-seeds 5";
            return Err(format!("{text}: a median or a share is taken over seeds; {cure}"));
        }
        Ok(expectation)
    }

    /// Reads an expectation about these lanes.
    ///
    /// # Errors
    /// If it cannot be read; the message says what would be right.
    pub fn parse(text: &str, lanes: &[&str]) -> Result<Self, String> {
        match comparison(text, lanes) {
            Ok(comparison) => Ok(Self { text: text.trim().into(), comparison }),
            Err(what) => Err(format!("{text}: {what}")),
        }
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it speaks of several seeds: it has a median or a share.
    pub fn over_seeds(&self) -> bool {
        let Comparison { left, right, .. } = &self.comparison;
        [left, right].iter().any(|side| matches!(side, Side::Median(_) | Side::Share(_)))
    }

    /// The lanes that it speaks of.
    pub fn lanes(&self) -> Vec<&str> {
        let mut metrics = Vec::new();
        self.comparison.metrics(&mut metrics);
        metrics.into_iter().map(|m| m.lane.as_str()).collect()
    }

    /// The numbers that it speaks of.
    pub fn names(&self) -> Vec<&'static str> {
        let mut metrics = Vec::new();
        self.comparison.metrics(&mut metrics);
        metrics.into_iter().map(|m| m.name).collect()
    }

    /// The value of its left side at the end of a single run.
    ///
    /// # Errors
    /// The lane has no such number.
    pub fn left(&self, standings: &Standings) -> Result<f64, String> {
        self.comparison.left.value(standings, &[(0, standings)])
    }

    /// The sizes of attacks that must be measured to decide it; `None` if it is about no attack.
    pub fn sizes(&self) -> Option<Vec<f64>> {
        let mut metrics = Vec::new();
        self.comparison.metrics(&mut metrics);
        let asked = metrics.into_iter().filter(|m| m.name == "distrust" || attacked(m.name).is_some());
        let asked: Vec<_> = asked.map(|m| m.at).collect();
        (!asked.is_empty()).then(|| asked.into_iter().flatten().collect())
    }

    /// Whether it holds at the end of a single run; if so, with which numbers.
    ///
    /// # Errors
    /// The values that were there instead.
    pub fn check(&self, standings: &Standings) -> Result<String, String> {
        self.judge(&[(0, standings)])
    }

    /// Whether it holds over runs with several seeds; if so, with which numbers: those of the first seed, where they
    /// differ from seed to seed.
    ///
    /// # Errors
    /// The values that were there instead, and the seed.
    pub fn judge(&self, seeds: &[Seed<'_>]) -> Result<String, String> {
        let mut words = None;
        let (mut broken, mut misses) = (None, 0);
        for (seed, standings) in seeds {
            let found = self.comparison.values(standings, seeds);
            let (left, right) = found.map_err(|what| format!("{}: {what}", self.text))?;
            let numbers = format!("{} against {}", plain(left), plain(right));
            if !self.comparison.holds(left, right) {
                misses += 1;
                broken.get_or_insert((*seed, numbers.clone()));
            }
            words.get_or_insert(numbers);
        }
        let Some((seed, numbers)) = broken else { return words.ok_or_else(|| self.text.clone()) };
        let place = if self.comparison.each() && seeds.len() > 1 {
            format!(" on seed {seed} ({} of {} seeds hold)", seeds.len() - misses, seeds.len())
        } else {
            String::new()
        };
        Err(format!("{} does not hold{place}: {numbers}", self.text))
    }
}

/// A number in words, with at most six digits that count.
fn plain(x: f64) -> String {
    if x == 0.0 || (1e-3..1e6).contains(&x.abs()) {
        let digits = (5 - x.abs().max(1e-3).log10().floor() as i32).clamp(0, 8) as usize;
        let text = format!("{x:.digits$}");
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').into() } else { text }
    } else {
        format!("{x:.3e}")
    }
}

impl Comparison {
    fn metrics<'a>(&'a self, all: &mut Vec<&'a Metric>) {
        for side in [&self.left, &self.right] {
            match side {
                Side::Number(_) => {}
                Side::Metric(metric) | Side::Median(metric) => all.push(metric),
                Side::Share(inner) => inner.metrics(all),
            }
        }
    }

    /// Whether a side has a value of its own on each seed.
    fn each(&self) -> bool {
        [&self.left, &self.right].iter().any(|side| matches!(side, Side::Metric(_)))
    }

    /// Both sides on one of the seeds.
    fn values(&self, here: &Standings, all: &[Seed<'_>]) -> Result<(f64, f64), String> {
        Ok((self.left.value(here, all)?, self.right.value(here, all)?))
    }

    fn holds(&self, left: f64, right: f64) -> bool {
        match self.sign {
            ">=" => left >= right,
            "<=" => left <= right,
            "==" => left == right,
            "!=" => left != right && !left.is_nan() && !right.is_nan(),
            ">" => left > right,
            _ => left < right,
        }
    }
}

impl Side {
    fn value(&self, here: &Standings, all: &[Seed<'_>]) -> Result<f64, String> {
        match self {
            Self::Number(x) => Ok(*x),
            Self::Metric(metric) => metric.value(here),
            Self::Median(metric) => {
                let values: Result<Vec<f64>, String> = all.iter().map(|(_, s)| metric.value(s)).collect();
                Ok(median(values?))
            }
            Self::Share(inner) => {
                let mut held = 0;
                for (_, standings) in all {
                    let (left, right) = inner.values(standings, all)?;
                    held += usize::from(inner.holds(left, right));
                }
                Ok(held as f64 / all.len().max(1) as f64)
            }
        }
    }
}

impl Metric {
    fn value(&self, standings: &Standings) -> Result<f64, String> {
        let lane = standings.lanes.iter().find(|l| l.name == self.lane);
        lane.and_then(|l| l.value(self.name, self.at))
            .ok_or_else(|| format!("{} has no {}", self.lane, self.name))
    }
}

/// The number in the middle; of an even count, the mean of the two there. NaN counts as greater than any number: where a
/// loss is NaN, the lane's numbers ran away.
fn median(mut values: Vec<f64>) -> f64 {
    for x in &mut values {
        // A NaN with a sign would come first.
        *x = if x.is_nan() { f64::NAN } else { *x };
    }
    values.sort_unstable_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        n => f64::midpoint(values[(n - 1) / 2], values[n / 2]),
    }
}

fn comparison(text: &str, lanes: &[&str]) -> Result<Comparison, String> {
    // A sign in brackets belongs to a share or to the name of a lane, unless there is no other.
    let Some((at, sign)) = sign(text, true).or_else(|| sign(text, false)) else {
        let alone = text
            .trim()
            .rsplit_once('.')
            .is_some_and(|(_, name)| is_flag(name) || name.starts_with("finding("));
        if alone {
            return Ok(Comparison {
                left: side_of(text.trim(), lanes)?,
                sign: "==",
                right: Side::Number(1.0),
            });
        }
        return Err("there is no comparison; write one such as `adam.val_accuracy > 0.9`".into());
    };
    let [left, right] = [&text[..at], &text[at + sign.len()..]].map(|side| side_of(side.trim(), lanes));
    Ok(Comparison { left: left?, sign, right: right? })
}

/// The first sign of comparison and its place.
fn sign(text: &str, outside_brackets: bool) -> Option<(usize, &'static str)> {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ if depth > 0 && outside_brackets => {}
            _ => {
                let signs = [">=", "<=", "==", "!=", ">", "<"];
                if let Some(sign) = signs.into_iter().find(|s| text[at..].starts_with(s)) {
                    return Some((at, sign));
                }
            }
        }
    }
    None
}

fn side_of(text: &str, lanes: &[&str]) -> Result<Side, String> {
    if let Ok(number) = text.parse::<f64>() {
        return if number.is_finite() {
            Ok(Side::Number(number))
        } else {
            Err(format!("{number} is not a number to compare with"))
        };
    }
    let inside = |word: &str| text.strip_prefix(word)?.trim_start().strip_prefix('(')?.strip_suffix(')');
    if let Some(inner) = inside("median") {
        return metric_of(inner.trim(), lanes).map(Side::Median);
    }
    if let Some(inner) = inside("share") {
        return comparison(inner, lanes).map(|inner| Side::Share(Box::new(inner)));
    }
    metric_of(text, lanes).map(Side::Metric)
}

fn metric_of(text: &str, lanes: &[&str]) -> Result<Metric, String> {
    // A size has a point of its own: `plain.pgd_accuracy@0.1`; but a lane may be called `a@b`.
    let (subject, size) = match text.rsplit_once('@') {
        Some((subject, size)) if subject.contains('.') => (subject, Some(size.trim())),
        _ => (text, None),
    };
    let Some((lane, name)) = subject.rsplit_once('.') else {
        return Err(format!("`{text}` is neither a number nor `lane.metric`"));
    };
    let (lane, name) = (lane.trim(), name.trim());
    if !lanes.contains(&lane) {
        let near = did_you_mean(lane, lanes.iter().copied());
        let hint =
            near.map_or_else(|| format!("there are {}", lanes.join(", ")), |n| format!("did you mean {n}?"));
        return Err(format!("there is no lane {lane}; {hint}"));
    }
    let at = size.map(|size| {
        let number = size.parse::<f64>().ok().filter(|s| (0.0..=1e6).contains(s));
        number.ok_or_else(|| format!("`@{size}`: after @ stands the size of an attack, such as 0.1"))
    });
    let at = at.transpose()?;
    let names: Vec<&'static str> = METRICS.iter().map(|(name, _)| name.as_str()).collect();
    if at.is_some() && names.contains(&name) && attacked(name).is_none() {
        return Err(format!("{name} has no size; accuracies under attack have: pgd_accuracy@0.1"));
    }
    if let Some(name) = names.iter().find(|n| **n == name) {
        return Ok(Metric { lane: lane.into(), name, at });
    }
    let near = did_you_mean(name, names.iter().copied());
    let hint =
        near.map_or_else(|| format!("there are {}", names.join(", ")), |n| format!("did you mean {n}?"));
    Err(format!("there is no metric {name}; {hint}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::exam::PROBE;
    use crate::number::{LayerNumber, Number};
    use crate::telemetry::{Data, Event, LayerMeasure, Measure};

    /// Two lanes after one step: `plain` and `a.b`, with these accuracies, losses NaN.
    fn standings(accuracies: [f32; 2]) -> Standings {
        let mut standings = Standings::default();
        for ((id, name), accuracy) in ["plain", "a.b"].into_iter().enumerate().zip(accuracies) {
            standings.enter(id, name.into(), 0);
            let layers = [1e-3, 2.0].map(|n| LayerMeasure::default().with(LayerNumber::GradNorm, n)).to_vec();
            let measure = Measure { step: 1, ..Measure::default() };
            let stepped = measure.with(Number::Loss, f32::NAN);
            let evaluated = measure.with(Number::ValLoss, 1.0).with(Number::ValAccuracy, accuracy);
            standings.apply(&Event::Measured { lane: id, measure: Box::new(stepped), layers });
            standings.apply(&Event::Evaluated { lane: id, measure: Box::new(evaluated) });
        }
        standings
    }

    const LANES: [&str; 2] = ["plain", "a.b"];

    #[test]
    fn flags_stand_alone_and_findings_are_named() {
        let mut standings = standings([0.5, 0.75]);
        let info = crate::ui::fixture::info("plain", crate::ui::fixture::scenario().base());
        standings.apply(&Event::Started { lane: 0, info: Box::new(info), step: 0 });
        let ask = |text: &str| Expectation::parse(text, &LANES).unwrap().check(&standings);
        assert_eq!(ask("plain.healthy"), Ok("1 against 1".into()));
        assert_eq!(ask("plain.finding(vanishing-gradient) == 0"), Ok("0 against 0".into()));
        assert!(ask("plain.finding(vanishing-gradient)").is_err() && ask("a.b.diverged").is_err());
        assert!(ask("share(plain.healthy) == 1").is_ok());
        let wrong = |text: &str| Expectation::parse(text, &LANES).unwrap_err();
        let hint = wrong("plain.finding(vanishing-gradeint) == 1");
        assert!(hint.contains("did you mean finding(vanishing-gradient)?"), "{hint}");
        let hint = wrong("plain.finding(vanishing-gradeint)");
        assert!(hint.contains("did you mean finding(vanishing-gradient)?"), "{hint}");
        assert!(wrong("plain.loss").contains("no comparison"), "a number does not stand alone");
    }

    #[test]
    fn expectations_compare_metrics_with_numbers_and_with_each_other() {
        let standings = standings([0.5, 0.75]);
        let holds = |text: &str| Expectation::parse(text, &LANES).unwrap().check(&standings);
        assert_eq!(holds("a.b.val_accuracy>0.7"), Ok("0.75 against 0.7".into()));
        assert_eq!(holds("plain.val_accuracy < a.b.val_accuracy"), Ok("0.5 against 0.75".into()));
        assert_eq!(holds("plain.grad_ratio <= 1e-3"), Ok("5.000e-4 against 0.001".into()));
        assert_eq!(holds("plain.diverged == 0"), Ok("0 against 0".into()));
        assert!(holds("plain.grad_ratio == 0.0005").is_ok());
        assert!(holds("median(plain.val_accuracy) == 0.5").is_ok(), "of one seed, the number itself");
        assert!(holds("share(plain.val_accuracy < 1) == 1").is_ok());
        assert!(holds("plain.val_accuracy >= 0.51").unwrap_err().contains("0.5 against 0.51"));
        for text in ["plain.loss < 1", "plain.loss > 1", "plain.loss != 1", "plain.loss == plain.loss"] {
            assert!(holds(text).is_err(), "nothing holds of NaN: {text}");
        }
    }

    #[test]
    fn medians_and_shares_are_taken_over_seeds_and_all_else_holds_on_each() {
        let runs = [[0.5, 0.6], [0.9, 0.7], [0.25, 0.75]].map(standings);
        let seeds: Vec<Seed<'_>> = (7..).zip(&runs).collect();
        let judge = |text: &str| Expectation::parse(text, &LANES).unwrap().judge(&seeds);
        assert_eq!(judge("median(plain.val_accuracy) == 0.5"), Ok("0.5 against 0.5".into()));
        assert!(judge("median( a.b.val_accuracy ) > median(plain.val_accuracy)").is_ok());
        assert!(judge("share(plain.val_accuracy < a.b.val_accuracy) > 0.6").is_ok(), "two of three");
        assert_eq!(
            judge("share(plain.val_accuracy < a.b.val_accuracy) >= 0.8").unwrap_err(),
            "share(plain.val_accuracy < a.b.val_accuracy) >= 0.8 does not hold: 0.666667 against 0.8"
        );
        assert!(judge("a.b.val_accuracy > 0.55").is_ok(), "on every seed");
        assert_eq!(
            judge("plain.val_accuracy < a.b.val_accuracy").unwrap_err(),
            "plain.val_accuracy < a.b.val_accuracy does not hold on seed 8 (2 of 3 seeds hold): 0.9 against 0.7"
        );
        assert!(judge("share(plain.loss < 1) == 0").is_ok(), "nothing holds of NaN");
        assert!(judge("median(plain.loss) > 0").is_err(), "nor of its median");
    }

    #[test]
    fn a_seed_that_ran_away_counts_as_the_greatest() {
        assert_eq!(median(vec![f64::NAN, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![-f64::NAN, 1.0, 2.0, 3.0, 4.0]), 3.0);
        assert_eq!(median(vec![4.0, 1.0]), 2.5);
        assert!(median(vec![f64::NAN, f64::NAN, 0.0]).is_nan());
    }

    #[test]
    fn names_with_brackets_and_signs_are_read_as_far_as_that_is_possible() {
        let lanes = ["N(0, 0.01)", "lr > 3", "median(x)"];
        let read = |text: &str| Expectation::parse(text, &lanes).unwrap();
        assert!(
            matches!(&read("N(0, 0.01).loss < 1").comparison.left, Side::Metric(m) if m.lane == lanes[0])
        );
        let share = read("share(N(0, 0.01).loss < median(x).loss) >= 0.8");
        assert!(matches!(share.comparison.left, Side::Share(_)));
        assert!(share.over_seeds() && !read("N(0, 0.01).loss < 1").over_seeds());
        let median = read("1 > median(N(0, 0.01).loss)").comparison.right;
        assert!(matches!(median, Side::Median(m) if m.lane == lanes[0]));
    }

    #[test]
    fn accuracies_under_attack_are_asked_for_by_size() {
        let mut standings = standings([0.5, 0.75]);
        let ask = |text: &str| Expectation::parse(text, &LANES).unwrap();
        assert_eq!(ask("plain.loss < a.b.val_accuracy").sizes(), None);
        assert_eq!(ask("plain.distrust == 0").sizes(), Some(vec![]));
        assert_eq!(ask("plain.pgd_accuracy@0.1 < a.b.fgsm_accuracy @ 2").sizes(), Some(vec![0.1, 2.0]));
        assert_eq!(ask("share(median(plain.pgd_accuracy@0.1) < 1) > 0").sizes(), Some(vec![0.1]));
        assert!(ask("plain.pgd_accuracy < 1").check(&standings).unwrap_err().contains("has no pgd_accuracy"));
        let scalars = [("eps", 0.1), ("clean", 0.9), ("noise", 0.8), ("fgsm", 0.5), ("pgd", 0.25)];
        let mut parts: Vec<_> = scalars.map(|(n, x)| (n.to_string(), Data::Scalar(x))).into();
        let row = |eps: f32| (String::new(), vec![eps, 0.9, 0.7, 0.3, 0.125]);
        parts.push(("curve".into(), Data::Table { columns: Vec::new(), rows: vec![row(0.2)] }));
        let why = ("masked: all of it".to_string(), vec![0.0]);
        parts.push((
            "checks".into(),
            Data::Table { columns: Vec::new(), rows: vec![why, ("x".into(), vec![1.0])] },
        ));
        standings.apply(&Event::Probed { lane: 0, step: 9, name: PROBE, parts });
        for holds in [
            "plain.pgd_accuracy == 0.25",
            "plain.pgd_accuracy@0.1 == 0.25",
            "plain.pgd_accuracy@0.2 == 0.125",
            "plain.noise_accuracy@0.2 > plain.fgsm_accuracy@0.1",
            "plain.clean_accuracy == 0.9",
            "plain.distrust == 1",
        ] {
            assert!(ask(holds).check(&standings).is_ok(), "{holds}");
        }
        assert!(ask("plain.pgd_accuracy@0.3 < 1").check(&standings).is_err(), "nobody measured it");
        let wrong = |text: &str| Expectation::parse(text, &["plain"]).unwrap_err();
        assert!(wrong("plain.pgd_accuracy@much < 1").contains("size of an attack"));
        assert!(wrong("plain.loss@0.1 < 1").contains("has no size"));
        assert!(wrong("plain.pgd_acuracy@0.1 < 1").contains("did you mean pgd_accuracy"));
    }

    #[test]
    fn a_scenario_s_own_are_refused_at_their_places() {
        let text = "(data: Moons(), lanes: [(name: \"plain\")],\n expect: [\"plain.loss < 1\",\n  \"plian.loss < 1\",
  \"plain.los < 1\", \"plain.loss\", \"median(plain.loss) < 1\"])";
        let scenario = crate::scenario::read(text).unwrap();
        let faults = of_scenario(text, &scenario).unwrap_err();
        let found: Vec<_> = faults.iter().map(|f| (f.line, f.column)).collect();
        assert_eq!(found, [(3, 3), (4, 3), (4, 20), (4, 34)], "{faults:?}");
        assert!(faults[0].what.contains("did you mean plain?") && faults[1].what.contains("mean loss?"));
        assert!(faults[2].what.contains("no comparison") && faults[3].what.contains("expect_seeds"));
    }

    #[test]
    fn wrong_expectations_are_refused_with_a_hint() {
        let ask = |text: &str| Expectation::parse(text, &["plain", "clip"]).unwrap_err();
        assert!(ask("plain.val_acuracy > 0.9").contains("did you mean val_accuracy"));
        assert!(ask("plian.loss > 0.9").contains("did you mean plain"));
        assert!(ask("median(plian.loss) > 0.9").contains("did you mean plain"));
        assert!(ask("share(plain.loss) > 0.9").contains("comparison"));
        assert!(ask("plain.loss").contains("comparison"));
        assert!(ask("loss > 1").contains("lane.metric"));
        assert!(ask("plain.loss > NaN").contains("not a number"));
    }
}
