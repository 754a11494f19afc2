//! Attacks for the screen: one sample before and after, the least size that fools the lane, accuracy against size.

use super::prediction::{planar, plane};
use super::{DataShape, Probe, ProbeInput, ProbeMemory, ProbeParts, Renewal, class, image, scalar, softmax};
use crate::engine::attack::{
    AttackConfig, AttackTask, RandomKey, ValidRange, Victim, distance, feature_range, margin, noise,
    predicted, verdict,
};
use crate::engine::data::Labels;
use crate::engine::robust::least::{SizeBracket, smallest_eps_near};
use crate::engine::robust::{curve, trust};
use crate::registry::SettingValue as _;
use crate::telemetry::{Data, Sample};

/// Samples among which the hardest one is searched.
const SOUGHT: usize = 128;
/// Samples for a curve of accuracy against size.
const COUNTED: usize = 64;
/// Sizes of that curve, as shares of the widest range of a feature.
const SHARES: [f64; 11] = [0.0, 0.01, 0.02, 0.04, 0.07, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5];
/// Number of parts into which the widest range is divided to find the least size.
const RESOLUTION: f64 = 512.0;

/// The request to which a least size belongs, beside its lane.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LeastSizeRequest {
    attack: String,
    number: usize,
    own: bool,
    target: Option<u32>,
}

/// The valid range of every feature.
fn range(peek: &ProbeInput) -> (Vec<f32>, Vec<f32>) {
    peek.data.range.iter().copied().unzip()
}

/// The correctly classified sample with the least certain prediction; the first sample if there is none.
fn hardest(victim: &mut Victim<'_>, inputs: &[f32], labels: &[u32]) -> usize {
    let (size, width, count) = (victim.size(), victim.classes(), labels.len().min(SOUGHT));
    let (rows, mut best) = (victim.rows(), (f32::NEG_INFINITY, 0));
    for first in (0..count).step_by(rows) {
        let last = count.min(first + rows);
        let logits = victim.logits(&inputs[first * size..last * size]).chunks_exact(width);
        for (i, (logits, &label)) in (first..last).zip(logits.zip(&labels[first..last])) {
            let lead = margin(logits, label, false);
            // A positive margin: wrong without an attack.
            if lead < 0.0 && lead > best.0 {
                best = (lead, i);
            }
        }
    }
    best.1
}

/// An attack on a validation sample.
///
/// Parts: `image`, `perturbation` (signed), `adversarial` for images; `arrow`, a series of x, y before and x, y after,
/// and `boundary` as in `prediction` for 2-D data; `features`, a table (a row for each feature; before, after) for
/// others. For all: `probabilities`, a table (a row for each class name; before, after), and the scalars `label`,
/// `before` and `after` (class numbers), `eps` (NaN if the attack has none), `linf`, `l2` and `l0` of the perturbation,
/// `features` (their number), `least` (the least size that fools the lane; NaN if none does, or the attack has no
/// size), `sample` and `samples`. The user's own picture has no `label` and no `sample`, but `how`, a table with one
/// row whose name lists the changes made to it.
pub(super) const ADVERSARIAL: Probe = Probe {
    renewal: Renewal::Halt,
    ..Probe::new(
        "adversarial",
        "`attack` on `sample`, towards class `target` if there is one, and the least size that fools the lane",
        "the attack, and some ten of them where the least size is sought",
        &[DataShape::Image, DataShape::Series, DataShape::Grid, DataShape::Table, DataShape::Scalar],
        |peek, view, memory| adversarial(peek, view.sample, &view.attack, view.target, memory),
    )
};

/// Accuracy on some validation samples against the size of an attack.
///
/// Its part `curve` is a table, a row for each size: eps, accuracy under the attack, accuracy under noise; empty for an
/// attack without a size. `samples`, a scalar, is the number of attacked samples.
pub(super) const SIZES: Probe = Probe::new(
    "sizes",
    "accuracy under `attack` and under noise against the size",
    "the attack on some samples, once for each size",
    &[DataShape::Table, DataShape::Scalar],
    |peek, view, memory| sizes(peek, &view.attack, memory),
);

fn adversarial(
    peek: &ProbeInput,
    sample: Sample,
    attack: &str,
    target: Option<u32>,
    memory: &mut ProbeMemory,
) -> Option<ProbeParts> {
    let samples = &peek.data.validation;
    let Labels::Classes { of, .. } = &samples.labels else { return None };
    let (_, names) = class(samples, 0)?;
    let config = AttackConfig::parse(attack).ok()?;
    let target = target.filter(|&t| (t as usize) < names.len());
    let (low, high) = range(peek);
    let known = memory.least.iter().find(|(lane, ..)| *lane == peek.id).cloned();
    let (_, scratch) = memory.of(peek);
    let mut victim = Victim::new(&peek.network, &peek.params, &peek.state, scratch).ok()?;
    let number = match sample {
        Sample::Number(n) => n % samples.len().max(1),
        Sample::Hardest => hardest(&mut victim, &samples.inputs, of),
        Sample::Own => 0,
    };
    let own =
        peek.own.as_ref().filter(|own| sample == Sample::Own && own.inputs.len() == samples.shape.size());
    let x = own.map_or_else(|| samples.input(number), |own| &own.inputs[..]);
    let before = victim.logits(x).to_vec();
    // The user's own image has no label: the attack moves away from the predicted class.
    let label = if own.is_some() { predicted(&before) } else { of.get(number).copied() };
    let task = AttackTask {
        x,
        classes: &[target.or(label)?],
        targeted: target.is_some(),
        valid: ValidRange::Each { low: &low, high: &high },
        // The draws are the same every time, so that the picture changes with the network alone.
        key: RandomKey { seed: peek.seed, step: 0, first: number as u64 },
    };
    let mut fooled = vec![0.0; x.len()];
    config.perturb(&mut victim, &task, &mut fooled);
    let after = victim.logits(&fooled).to_vec();
    let blind = verdict::blind(&config, &mut victim, &task);
    let size = distance(x, &fooled);
    let widest = trust::greatest_size(task.valid, x.len());
    let asked = LeastSizeRequest { attack: attack.into(), number, own: own.is_some(), target };
    let known = known.filter(|(_, a, _)| *a == asked).map(|(.., bracket)| bracket);
    let resolution = widest / RESOLUTION;
    let mut least = None;
    if config.eps().is_some() {
        // While the lane trains, each look makes only one attack; a whole search takes ten.
        let bracket = if let Some(mut bracket) = known.filter(|_| peek.moving) {
            least = bracket.follow(&mut victim, &task, &config);
            bracket
        } else {
            let hint = known.and_then(|b| b.least());
            least = smallest_eps_near(&mut victim, &task, &config, widest, resolution, hint);
            SizeBracket::around(least, widest, resolution)
        };
        memory.remember(peek.id, asked, bracket);
    }
    let change: Vec<f32> = fooled.iter().zip(x).map(|(a, b)| a - b).collect();
    let mut parts = ProbeParts::new();
    if let (Some(clean), Some(difference), Some(changed)) =
        (image(peek, x, false), image(peek, &change, true), image(peek, &fooled, false))
    {
        parts.push(("image".into(), clean));
        parts.push(("perturbation".into(), difference));
        parts.push(("adversarial".into(), changed));
    } else if planar(peek) {
        parts = plane(peek, (60, 40), memory);
        parts.retain(|(name, _)| name != "points");
        parts.push(("arrow".into(), Data::Series(vec![x[0], x[1], fooled[0], fooled[1]])));
    } else {
        let rows = x.iter().zip(&fooled).enumerate();
        let rows = rows.map(|(i, (a, b))| (format!("{}", i + 1), vec![*a, *b])).collect();
        parts.push(("features".into(), Data::Table { columns: vec!["before".into(), "after".into()], rows }));
    }
    let chances = softmax(&before).into_iter().zip(softmax(&after)).map(|(a, b)| vec![a, b]);
    let rows = names.iter().cloned().zip(chances).collect();
    let columns = vec!["before".into(), "after".into()];
    parts.push(("probabilities".into(), Data::Table { columns, rows }));
    let answer = |logits: &[f32]| predicted(logits).map_or(f64::NAN, f64::from);
    if let Some(own) = own {
        parts.push((
            "how".into(),
            Data::Table { columns: Vec::new(), rows: vec![(own.how.clone(), Vec::new())] },
        ));
    } else {
        parts.extend([
            scalar("label", label.map_or(f64::NAN, f64::from)),
            scalar("sample", number as f64),
            scalar("samples", samples.len() as f64),
        ]);
    }
    parts.extend([
        scalar("before", answer(&before)),
        scalar("after", answer(&after)),
        scalar("target", target.map_or(f64::NAN, f64::from)),
        scalar("blind", f64::from(u8::from(blind))),
        scalar("eps", config.eps().unwrap_or(f64::NAN)),
        scalar("linf", f64::from(size.linf)),
        scalar("l2", f64::from(size.l2)),
        scalar("l0", size.l0 as f64),
        scalar("features", x.len() as f64),
        scalar("least", least.unwrap_or(f64::NAN)),
    ]);
    Some(parts)
}

/// The share of right answers at every size.
fn sizes(peek: &ProbeInput, attack: &str, memory: &mut ProbeMemory) -> Option<ProbeParts> {
    let samples = &peek.data.validation;
    let Labels::Classes { of, .. } = &samples.labels else { return None };
    let config = AttackConfig::parse(attack).ok()?;
    let (low, high) = range(peek);
    let (_, scratch) = memory.of(peek);
    let key = RandomKey { seed: peek.seed, step: 0, first: 0 };
    let victim = Victim::new(&peek.network, &peek.params, &peek.state, scratch).ok()?;
    let mut victim = victim.answering(&peek.prediction, key);
    let count = COUNTED.min(samples.len());
    let task = AttackTask {
        x: &samples.inputs[..count * samples.shape.size()],
        classes: &of[..count],
        targeted: false,
        valid: ValidRange::Each { low: &low, high: &high },
        key,
    };
    // Features of tables have very different ranges, so their sizes are shares of the usual width of a feature.
    let (least, most) = feature_range(task.x, samples.shape.size());
    let width = most.iter().zip(&least).map(|(a, b)| f64::from(a - b)).fold(0.0, f64::max);
    let at = SHARES.map(|share| share * width);
    let noise = curve(&mut victim, &task, &noise::UniformNoise::default().into(), &at);
    let attacked = curve(&mut victim, &task, &config, &at);
    let rows = attacked.iter().zip(&noise);
    let rows = rows.map(|((eps, left), (_, noise))| {
        (format!("{eps}"), [*eps, *left, *noise].map(|x| x as f32).to_vec())
    });
    let columns = ["eps", "attack", "noise"].map(String::from).into();
    let rows: Vec<_> = if config.eps().is_some() { rows.collect() } else { Vec::new() };
    Some(vec![("curve".into(), Data::Table { columns, rows }), scalar("samples", count as f64)])
}
