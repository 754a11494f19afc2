//! How the lanes of a run stand, gathered from events, and expectations about it: what a headless run tells at its end.

use crate::lab::exam::{ACCURACIES, Known, PROBE, decimal};
use crate::telemetry::{Band, Event, LaneId, Measure, Phase, Spread};
use crate::text::did_you_mean;

/// How one lane stands.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Its index in the run.
    pub id: LaneId,
    /// Its name.
    pub name: String,
    /// Steps done.
    pub step: u64,
    /// The newest measurement.
    pub last: Option<Measure>,
    /// The newest validation loss.
    pub val_loss: Option<f32>,
    /// The newest share of hits in validation.
    pub val_accuracy: Option<f32>,
    /// The range of the newest validation over the lane's seeds, where there are several.
    pub spread: Option<Spread>,
    /// The best share of hits in validation.
    pub best_val_accuracy: Option<f32>,
    /// The first layer's gradient norm over the last layer's, now.
    pub grad_ratio: Option<f32>,
    /// The same at the first step.
    pub initial_grad_ratio: Option<f32>,
    /// The largest gradient norm that was measured.
    pub max_grad_norm: Option<f32>,
    /// The newest measurement under attack.
    pub robustness: Option<Known>,
    /// What it does.
    pub phase: Phase,
}

/// What an expectation may ask of a lane, each with what it means.
pub const METRICS: [(&str, &str); 32] = [
    ("loss", "training loss of the last step"),
    ("accuracy", "share of hits in the last batch"),
    ("val_loss", "validation loss"),
    ("val_accuracy", "share of hits in validation"),
    ("val_loss_min", "the least validation loss of the lane's seeds; also val_loss_median, val_loss_max"),
    ("val_loss_median", "the median of the seeds' validation losses"),
    ("val_loss_max", "the greatest of the seeds' validation losses"),
    (
        "val_accuracy_min",
        "the least share of hits of the lane's seeds; also val_accuracy_median, val_accuracy_max",
    ),
    ("val_accuracy_median", "the median of the seeds' shares of hits"),
    ("val_accuracy_max", "the greatest of the seeds' shares of hits"),
    ("seeds_lost", "seeds of the lane whose numbers ran away"),
    ("best_val_accuracy", "the best share of hits in validation"),
    ("grad_norm", "gradient norm of the last step before clipping"),
    ("grad_norm_clipped", "gradient norm of the last step after clipping"),
    ("max_grad_norm", "the largest gradient norm measured"),
    ("grad_ratio", "gradient norm of the first layer over that of the last"),
    ("initial_grad_ratio", "the same at the first step"),
    ("update_ratio", "length of the last update over that of the parameters"),
    ("clip_rate", "share of the latest steps that were clipped"),
    ("clip_share", "share of all steps that were clipped"),
    ("clip_angle", "angle between the last gradient before and after clipping, in degrees"),
    ("lr", "learning rate of the last step"),
    ("step", "steps done"),
    ("evaluations", "gradient evaluations done"),
    ("diverged", "1 if its numbers ran away, else 0"),
    ("stopped", "1 if early stopping ended it, else 0"),
    ("clean_accuracy", "share of hits on the samples that are attacked"),
    ("noise_accuracy", "the same under noise; `noise_accuracy@0.1` at that size"),
    ("fgsm_accuracy", "the same under FGSM"),
    ("pgd_accuracy", "the same under PGD"),
    ("distrust", "trust checks of these numbers that fail"),
    ("failed", "1 if a fault of the program stopped it, else 0"),
];

impl Standing {
    fn value(&self, metric: &str, at: Option<f64>) -> Option<f64> {
        let last = self.last.as_ref();
        let float = |x: Option<f32>| x.map(decimal);
        let band = |b: Option<Band>, of: fn(Band) -> f32| b.map(of).map(decimal);
        let accuracy = self.spread.and_then(|s| s.accuracy);
        let flag = |yes: bool| Some(f64::from(u8::from(yes)));
        match metric {
            "loss" => float(last.map(|m| m.loss)),
            "accuracy" => float(last.and_then(|m| m.accuracy)),
            "val_loss" => float(self.val_loss),
            "val_accuracy" => float(self.val_accuracy),
            "val_loss_min" => band(self.spread.map(|s| s.loss), |b| b.min).or(float(self.val_loss)),
            "val_loss_median" => band(self.spread.map(|s| s.loss), |b| b.median).or(float(self.val_loss)),
            "val_loss_max" => band(self.spread.map(|s| s.loss), |b| b.max).or(float(self.val_loss)),
            "val_accuracy_min" => band(accuracy, |b| b.min).or(float(self.val_accuracy)),
            "val_accuracy_median" => band(accuracy, |b| b.median).or(float(self.val_accuracy)),
            "val_accuracy_max" => band(accuracy, |b| b.max).or(float(self.val_accuracy)),
            "seeds_lost" => Some(self.spread.map_or(0.0, |s| f64::from(s.lost))),
            "best_val_accuracy" => float(self.best_val_accuracy),
            "grad_norm" => float(last.map(|m| m.grad_norm)),
            "grad_norm_clipped" => float(last.map(|m| m.grad_norm_clipped)),
            "max_grad_norm" => float(self.max_grad_norm),
            "grad_ratio" => float(self.grad_ratio),
            "initial_grad_ratio" => float(self.initial_grad_ratio),
            "update_ratio" => float(last.map(|m| m.update_ratio)),
            "clip_rate" => float(last.map(|m| m.clip_rate)),
            "clip_share" => float(last.map(|m| m.clip_share)),
            "clip_angle" => float(last.map(|m| m.clip_angle)),
            "lr" => last.map(|m| m.lr),
            "step" => Some(self.step as f64),
            "evaluations" => last.map(|m| m.evaluations as f64),
            "diverged" => flag(matches!(self.phase, Phase::Diverged(_))),
            "stopped" => flag(matches!(self.phase, Phase::Stopped(_))),
            "distrust" => self.robustness.as_ref().map(|r| r.distrust.len() as f64),
            "failed" => flag(matches!(self.phase, Phase::Failed(_))),
            _ => self.robustness.as_ref()?.accuracy(attacked(metric)?, at),
        }
    }
}

/// The accuracy under attack that a metric stands for.
fn attacked(metric: &str) -> Option<&str> {
    metric.strip_suffix("_accuracy").filter(|name| ACCURACIES.contains(name))
}

/// How all lanes stand: a fold over events.
#[derive(Clone, Debug, Default)]
pub struct Standings {
    /// The lanes that exist, by index.
    pub lanes: Vec<Standing>,
}

impl Standings {
    /// Takes in what happened.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Started { lane, info, step } => {
                self.lanes.retain(|l| l.id != *lane);
                let place = self.lanes.partition_point(|l| l.id < *lane);
                let standing = Standing {
                    id: *lane,
                    name: info.name.clone(),
                    step: *step,
                    last: None,
                    val_loss: None,
                    val_accuracy: None,
                    spread: None,
                    best_val_accuracy: None,
                    grad_ratio: None,
                    initial_grad_ratio: None,
                    max_grad_norm: None,
                    robustness: None,
                    phase: Phase::Paused,
                };
                self.lanes.insert(place, standing);
            }
            Event::Changed { lane, info, .. } => self.with(*lane, |l| l.name.clone_from(&info.name)),
            Event::Removed { lane } => self.lanes.retain(|l| l.id != *lane),
            Event::Measured { lane, measure, layers } => self.with(*lane, |l| {
                l.step = measure.step;
                l.last = Some(*measure);
                l.max_grad_norm = Some(l.max_grad_norm.unwrap_or(0.0).max(measure.grad_norm));
                let mut norms = layers.iter().filter_map(|l| l.grad_norm);
                if let Some(first) = norms.next() {
                    let ratio = first / norms.next_back().unwrap_or(first);
                    l.grad_ratio = Some(ratio);
                    if measure.step == 1 {
                        l.initial_grad_ratio = Some(ratio);
                    }
                }
            }),
            Event::Evaluated { lane, loss, accuracy, spread, .. } => self.with(*lane, |l| {
                l.spread = *spread;
                (l.val_loss, l.val_accuracy) = (Some(*loss), *accuracy);
                l.best_val_accuracy = accuracy
                    .map(|a| l.best_val_accuracy.map_or(a, |best| best.max(a)))
                    .or(l.best_val_accuracy);
            }),
            Event::Phase { lane, step, phase } => self.with(*lane, |l| {
                l.phase = phase.clone();
                l.step = l.step.max(*step);
            }),
            Event::Probed { lane, name, parts, .. } if *name == PROBE => {
                self.with(*lane, |l| l.robustness = Some(Known::read(parts)));
            }
            Event::Probed { .. } | Event::Rested | Event::Notice(_) | Event::Unsaved(_) => {}
        }
    }

    fn with(&mut self, lane: LaneId, change: impl FnOnce(&mut Standing)) {
        if let Some(l) = self.lanes.iter_mut().find(|l| l.id == lane) {
            change(l);
        }
    }

    /// Whether every lane came to its end.
    pub fn over(&self) -> bool {
        self.lanes.iter().all(|l| !matches!(l.phase, Phase::Running | Phase::Paused))
    }
}

/// One side of a comparison.
#[derive(Clone, Debug, PartialEq)]
enum Side {
    Number(f64),
    /// `at`: the size of the attack, where it matters.
    Metric {
        lane: String,
        metric: &'static str,
        at: Option<f64>,
    },
}

/// Something that must hold at the end: `adam.val_accuracy > 0.9`, `clip.loss < plain.loss`.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    text: String,
    left: Side,
    sign: &'static str,
    right: Side,
}

impl Expectation {
    /// Reads an expectation about these lanes.
    ///
    /// # Errors
    /// What is wrong with it, and what would be right.
    pub fn parse(text: &str, lanes: &[&str]) -> Result<Self, String> {
        let fault = |what: String| Err(format!("{text}: {what}"));
        let signs = [">=", "<=", "==", "!=", ">", "<"];
        let found = signs.iter().filter_map(|sign| Some((text.find(sign)?, *sign)));
        let Some((at, sign)) = found.min_by_key(|(at, sign)| (*at, std::cmp::Reverse(sign.len()))) else {
            return fault("there is no comparison; write one such as `adam.val_accuracy > 0.9`".into());
        };
        let sides = [&text[..at], &text[at + sign.len()..]].map(|side| side_of(side.trim(), lanes));
        match sides {
            [Ok(left), Ok(right)] => Ok(Self { text: text.trim().into(), left, sign, right }),
            [Err(what), _] | [_, Err(what)] => fault(what),
        }
    }

    /// The sizes of attacks that must be measured to decide it; `None` if it is about no attack.
    pub fn sizes(&self) -> Option<Vec<f64>> {
        let sides = [&self.left, &self.right];
        let asked = sides.into_iter().filter_map(|side| match side {
            Side::Metric { metric, at, .. } if *metric == "distrust" || attacked(metric).is_some() => {
                Some(*at)
            }
            _ => None,
        });
        let asked: Vec<_> = asked.collect();
        (!asked.is_empty()).then(|| asked.into_iter().flatten().collect())
    }

    /// Whether it holds; if not, why not.
    ///
    /// # Errors
    /// The values that were there instead.
    pub fn check(&self, standings: &Standings) -> Result<(), String> {
        let value = |side: &Side| match side {
            Side::Number(x) => Ok(*x),
            Side::Metric { lane, metric, at } => {
                let standing = standings.lanes.iter().find(|l| l.name == *lane);
                standing
                    .and_then(|l| l.value(metric, *at))
                    .ok_or_else(|| format!("{}: {lane} has no {metric}", self.text))
            }
        };
        let (left, right) = (value(&self.left)?, value(&self.right)?);
        let holds = match self.sign {
            ">=" => left >= right,
            "<=" => left <= right,
            "==" => left == right,
            "!=" => left != right && !left.is_nan() && !right.is_nan(),
            ">" => left > right,
            _ => left < right,
        };
        if holds { Ok(()) } else { Err(format!("{} does not hold: {left} against {right}", self.text)) }
    }
}

fn side_of(text: &str, lanes: &[&str]) -> Result<Side, String> {
    if let Ok(number) = text.parse::<f64>() {
        return if number.is_finite() {
            Ok(Side::Number(number))
        } else {
            Err(format!("{number} is not a number to compare with"))
        };
    }
    // A size has a point of its own: `plain.pgd_accuracy@0.1`; but a lane may be called `a@b`.
    let (subject, size) = match text.rsplit_once('@') {
        Some((subject, size)) if subject.contains('.') => (subject, Some(size.trim())),
        _ => (text, None),
    };
    let Some((lane, metric)) = subject.rsplit_once('.') else {
        return Err(format!("`{text}` is neither a number nor `lane.metric`"));
    };
    let (lane, metric) = (lane.trim(), metric.trim());
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
    let names = METRICS.map(|(name, _)| name);
    if at.is_some() && names.contains(&metric) && attacked(metric).is_none() {
        return Err(format!("{metric} has no size; accuracies under attack have: pgd_accuracy@0.1"));
    }
    if let Some(metric) = names.iter().find(|n| **n == metric) {
        return Ok(Side::Metric { lane: lane.into(), metric, at });
    }
    let near = did_you_mean(metric, names.iter().copied());
    let hint =
        near.map_or_else(|| format!("there are {}", names.join(", ")), |n| format!("did you mean {n}?"));
    Err(format!("there is no metric {metric}; {hint}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::{Data, LayerMeasure};

    fn standings() -> Standings {
        let mut standings = Standings::default();
        for (id, name, accuracy) in [(0, "plain", 0.5), (1, "a.b", 0.75)] {
            standings.lanes.push(Standing {
                id,
                name: name.into(),
                step: 0,
                last: None,
                val_loss: None,
                val_accuracy: None,
                spread: None,
                best_val_accuracy: None,
                grad_ratio: None,
                initial_grad_ratio: None,
                max_grad_norm: None,
                robustness: None,
                phase: Phase::Running,
            });
            let layers =
                [1e-3, 2.0].map(|n| LayerMeasure { grad_norm: Some(n), ..LayerMeasure::default() }).to_vec();
            let measure = Measure { step: 1, loss: f32::NAN, ..Measure::default() };
            standings.apply(&Event::Measured { lane: id, measure, layers });
            standings.apply(&Event::Evaluated {
                lane: id,
                step: 1,
                loss: 1.0,
                accuracy: Some(accuracy),
                spread: None,
            });
        }
        standings
    }

    #[test]
    fn expectations_compare_metrics_with_numbers_and_with_each_other() {
        let lanes = ["plain", "a.b"];
        let holds = |text: &str| Expectation::parse(text, &lanes).unwrap().check(&standings());
        assert_eq!(holds("a.b.val_accuracy>0.7"), Ok(()));
        assert_eq!(holds("plain.val_accuracy < a.b.val_accuracy"), Ok(()));
        assert_eq!(holds("plain.grad_ratio <= 1e-3"), Ok(()));
        assert_eq!(holds("plain.diverged == 0"), Ok(()));
        assert_eq!(holds("plain.grad_ratio == 0.0005"), Ok(()));
        assert!(holds("plain.val_accuracy >= 0.51").unwrap_err().contains("0.5 against 0.51"));
        for text in ["plain.loss < 1", "plain.loss > 1", "plain.loss != 1", "plain.loss == plain.loss"] {
            assert!(holds(text).is_err(), "nothing holds of NaN: {text}");
        }
    }

    #[test]
    fn accuracies_under_attack_are_asked_for_by_size() {
        let mut standings = standings();
        let ask = |text: &str| Expectation::parse(text, &["plain", "a.b"]).unwrap();
        assert_eq!(ask("plain.loss < a.b.val_accuracy").sizes(), None);
        assert_eq!(ask("plain.distrust == 0").sizes(), Some(vec![]));
        assert_eq!(ask("plain.pgd_accuracy@0.1 < a.b.fgsm_accuracy @ 2").sizes(), Some(vec![0.1, 2.0]));
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
            assert_eq!(ask(holds).check(&standings), Ok(()));
        }
        assert!(ask("plain.pgd_accuracy@0.3 < 1").check(&standings).is_err(), "nobody measured it");
        let wrong = |text: &str| Expectation::parse(text, &["plain"]).unwrap_err();
        assert!(wrong("plain.pgd_accuracy@much < 1").contains("size of an attack"));
        assert!(wrong("plain.loss@0.1 < 1").contains("has no size"));
        assert!(wrong("plain.pgd_acuracy@0.1 < 1").contains("did you mean pgd_accuracy"));
    }

    #[test]
    fn what_cannot_be_asked_is_said_with_a_hint() {
        let ask = |text: &str| Expectation::parse(text, &["plain", "clip"]).unwrap_err();
        assert!(ask("plain.val_acuracy > 0.9").contains("did you mean val_accuracy"));
        assert!(ask("plian.loss > 0.9").contains("did you mean plain"));
        assert!(ask("plain.loss").contains("comparison"));
        assert!(ask("loss > 1").contains("lane.metric"));
        assert!(ask("plain.loss > NaN").contains("not a number"));
    }
}
