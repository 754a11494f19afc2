//! Expectations: comparisons of numbers of lanes that must hold at the end of a run, on one seed or over several.
//!
//! ```text
//! expectation = side sign side | flag   sign: > >= < <= == !=
//! side        = number | metric | median(metric) | share(expectation)
//! metric      = lane.name | lane.name@size
//! flag        = a metric that is 1 or 0: deep.finding(vanishing-gradient), cure.healthy; alone it must be 1
//! ```
//! `plain.loss < 1` must hold on every seed. `median(plain.loss) < 1` compares the median over the seeds, and
//! `share(a.loss < b.loss) >= 0.8` the share of the seeds on which `a.loss < b.loss` holds. On a single seed the median
//! is the number itself and a share is 0 or 1.

use crate::lab::outcome::{METRICS, Standings, attacked, is_flag};
use crate::scenario::Scenario;
use crate::text::did_you_mean;

/// A number of a lane.
#[derive(Clone, Debug, PartialEq)]
struct Metric {
    lane: String,
    name: &'static str,
    /// The size of the attack, if the number depends on one.
    at: Option<f64>,
}

/// One side of a comparison.
#[derive(Clone, Debug, PartialEq)]
enum ComparisonSide {
    Number(f64),
    Metric(Metric),
    Median(Metric),
    Share(Box<Comparison>),
}

/// Two sides and the sign between them.
#[derive(Clone, Debug, PartialEq)]
struct Comparison {
    left: ComparisonSide,
    sign: &'static str,
    right: ComparisonSide,
}

/// A condition that must hold at the end: `adam.val_accuracy > 0.9`, `median(clip.loss) < plain.loss`.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    text: String,
    comparison: Comparison,
}

/// The final standings of the lanes in a run with this seed.
pub type SeedStandings<'a> = (u64, &'a Standings);

impl Expectation {
    /// Reads an expectation about the lanes of a scenario, judged over as many seeds as the scenario sets.
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

    /// The text of an expectation after the lane `old` was renamed; `lanes`: the names of all lanes.
    pub fn renamed(text: &str, old: &str, new: &str, lanes: &[&str]) -> String {
        let (mut out, mut rest) = (String::new(), text);
        while let Some(at) = rest.find(&format!("{old}.")) {
            let (before, after) = (&rest[..at], &rest[at + old.len()..]);
            let longer = |lane: &&str| lane.len() > old.len() && rest[..at + old.len()].ends_with(*lane);
            let other = lanes.iter().any(longer) || before.ends_with(char::is_alphanumeric);
            out.extend([before, if other { old } else { new }]);
            rest = after;
        }
        out + rest
    }

    /// The text from which it was read.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it needs several seeds: it contains a median or a share.
    pub fn over_seeds(&self) -> bool {
        let Comparison { left, right, .. } = &self.comparison;
        [left, right].iter().any(|side| matches!(side, ComparisonSide::Median(_) | ComparisonSide::Share(_)))
    }

    /// The lanes that it names.
    pub fn lanes(&self) -> Vec<&str> {
        let mut metrics = Vec::new();
        self.comparison.metrics(&mut metrics);
        metrics.into_iter().map(|m| m.lane.as_str()).collect()
    }

    /// The numbers that it names.
    pub fn names(&self) -> Vec<&'static str> {
        let mut metrics = Vec::new();
        self.comparison.metrics(&mut metrics);
        metrics.into_iter().map(|m| m.name).collect()
    }

    /// The value of its left side at the end of a single run.
    ///
    /// # Errors
    /// If the lane has no such number.
    pub fn left(&self, standings: &Standings) -> Result<f64, String> {
        self.comparison.left.value(standings, &[(0, standings)])
    }

    /// The sizes of attacks that must be measured to decide it; `None` if it concerns no attack.
    pub fn sizes(&self) -> Option<Vec<f64>> {
        let mut metrics = Vec::new();
        self.comparison.metrics(&mut metrics);
        let asked = metrics.into_iter().filter(|m| m.name == "distrust" || attacked(m.name).is_some());
        let asked: Vec<_> = asked.map(|m| m.at).collect();
        (!asked.is_empty()).then(|| asked.into_iter().flatten().collect())
    }

    /// Checks it at the end of a single run; returns the numbers with which it holds.
    ///
    /// # Errors
    /// The actual values, if it does not hold.
    pub fn check(&self, standings: &Standings) -> Result<String, String> {
        self.judge(&[(0, standings)])
    }

    /// Checks it on one seed of several; returns whether it holds there, with the numbers. Of a share, the comparison
    /// inside is checked.
    ///
    /// # Errors
    /// If a lane has no such number.
    pub fn on_one_seed(&self, standings: &Standings) -> Result<(bool, String), String> {
        let comparison = match &self.comparison.left {
            ComparisonSide::Share(inner) => inner,
            _ => &self.comparison,
        };
        let (left, right) = comparison.values(standings, &[(0, standings)])?;
        Ok((comparison.holds(left, right), compared(left, right)))
    }

    /// Checks it over runs with several seeds; returns the numbers with which it holds. If they differ between seeds,
    /// those of the first seed are returned.
    ///
    /// # Errors
    /// The actual values and the seed, if it does not hold.
    pub fn judge(&self, seeds: &[SeedStandings<'_>]) -> Result<String, String> {
        let mut words = None;
        let (mut broken, mut misses) = (None, 0);
        for (seed, standings) in seeds {
            let found = self.comparison.values(standings, seeds);
            let (left, right) = found.map_err(|what| format!("{}: {what}", self.text))?;
            let numbers = compared(left, right);
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

/// The numbers of both sides.
fn compared(left: f64, right: f64) -> String {
    format!("{} against {}", plain(left), plain(right))
}

/// A number in words, with at most six significant digits.
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
                ComparisonSide::Number(_) => {}
                ComparisonSide::Metric(metric) | ComparisonSide::Median(metric) => all.push(metric),
                ComparisonSide::Share(inner) => inner.metrics(all),
            }
        }
    }

    /// The reason why its result does not depend on any run, if it does not.
    fn decided(&self) -> Option<&'static str> {
        match [&self.left, &self.right] {
            [ComparisonSide::Number(_), ComparisonSide::Number(_)] => {
                Some("two numbers are compared; write a metric of a lane, such as `adam.val_accuracy`")
            }
            [ComparisonSide::Share(_), ComparisonSide::Number(x)]
            | [ComparisonSide::Number(x), ComparisonSide::Share(_)]
                if !(0.0..=1.0).contains(x) =>
            {
                Some("a share of the seeds lies between 0 and 1, such as 0.8")
            }
            _ => None,
        }
    }

    /// Whether a side has a separate value for each seed.
    fn each(&self) -> bool {
        [&self.left, &self.right].iter().any(|side| matches!(side, ComparisonSide::Metric(_)))
    }

    /// The values of both sides for one of the seeds.
    fn values(&self, here: &Standings, all: &[SeedStandings<'_>]) -> Result<(f64, f64), String> {
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

impl ComparisonSide {
    fn value(&self, here: &Standings, all: &[SeedStandings<'_>]) -> Result<f64, String> {
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

/// The middle number; for an even count, the mean of the two middle numbers. NaN counts as greater than any number,
/// because a NaN loss means that the lane diverged.
fn median(mut values: Vec<f64>) -> f64 {
    for x in &mut values {
        // Sorting would put a NaN with a sign first.
        *x = if x.is_nan() { f64::NAN } else { *x };
    }
    values.sort_unstable_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        n => f64::midpoint(values[(n - 1) / 2], values[n / 2]),
    }
}

fn comparison(text: &str, lanes: &[&str]) -> Result<Comparison, String> {
    // A sign in parentheses belongs to a share or to the name of a lane, unless there is no other sign.
    let Some((at, sign)) = sign(text, true).or_else(|| sign(text, false)) else {
        let alone = text
            .trim()
            .rsplit_once('.')
            .is_some_and(|(_, name)| is_flag(name) || name.starts_with("finding("));
        if alone {
            return Ok(Comparison {
                left: side_of(text.trim(), lanes)?,
                sign: "==",
                right: ComparisonSide::Number(1.0),
            });
        }
        return Err("there is no comparison; write one such as `adam.val_accuracy > 0.9`".into());
    };
    let [left, right] = [&text[..at], &text[at + sign.len()..]].map(|side| side_of(side.trim(), lanes));
    let comparison = Comparison { left: left?, sign, right: right? };
    match comparison.decided() {
        Some(why) => Err(why.into()),
        None => Ok(comparison),
    }
}

/// The first comparison sign and its position.
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

fn side_of(text: &str, lanes: &[&str]) -> Result<ComparisonSide, String> {
    if let Ok(number) = text.parse::<f64>() {
        return if number.is_finite() {
            Ok(ComparisonSide::Number(number))
        } else {
            Err(format!("{number} is not a number to compare with"))
        };
    }
    let inside = |word: &str| text.strip_prefix(word)?.trim_start().strip_prefix('(')?.strip_suffix(')');
    if let Some(inner) = inside("median") {
        return metric_of(inner.trim(), lanes).map(ComparisonSide::Median);
    }
    if let Some(inner) = inside("share") {
        return comparison(inner, lanes).map(|inner| ComparisonSide::Share(Box::new(inner)));
    }
    metric_of(text, lanes).map(ComparisonSide::Metric)
}

fn metric_of(text: &str, lanes: &[&str]) -> Result<Metric, String> {
    // A size may contain a point: `plain.pgd_accuracy@0.1`; but a lane may also be called `a@b`.
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
mod tests;
