//! A clip that works at nearly every step: then it, and not the gradient, sets the length of the step.

use super::{Clear, Facts, Fix, Judgement, Level, Suspicion, number, percent, two};
use crate::number::Number;

fn found(f: &Facts) -> Option<Suspicion> {
    if !f.recipe.clips() {
        return None;
    }
    let share = f.median(Number::ClipShare, 0.9)?;
    let shortened: Vec<f64> = f
        .marks
        .iter()
        .filter_map(|m| Some(m.get(Number::GradNormClipped)? / m.get(Number::GradNorm)?))
        .filter(|x| x.is_finite())
        .collect();
    let shortened = super::facts::median(shortened)?;
    if share < 0.5 || shortened > 0.5 {
        return None;
    }
    let mut norms: Vec<f64> = f.series(Number::GradNorm).map(|(_, x)| x).filter(|x| x.is_finite()).collect();
    norms.sort_by(f64::total_cmp);
    let usual = norms.get(norms.len() * 9 / 10).copied().unwrap_or(1.0);
    let text = format!(
        "{} of the steps are clipped, to {} of their length at the median",
        percent(share),
        percent(shortened)
    );
    Some(
        Suspicion::new(text)
            .at(if shortened < 0.1 { Level::Warn } else { Level::Note })
            .since(f.onset(|m| m.get(Number::ClipRate).is_some_and(|r| r > 0.0)).unwrap_or(0))
            .with("clipped", share)
            .with("shortened to", shortened)
            .with("ninth decile of the norms", usual)
            .cures(Fix::set(
                f,
                format!("clip at {}, the ninth decile of the norms", number(usual)),
                &[("clip", format!("Norm({})", two(usual)))],
            ))
            .cures(Fix::set(f, "clip at 1", &[("clip", "Norm(1)".into())]))
            .cures(Fix::set(f, "without the clip", &[("clip", "Off()".into())])),
    )
}

pub(super) fn judge(f: &Facts) -> Judgement {
    found(f).map_or(Clear, Suspicion::suspect)
}

/// The same seen as a symptom: the cures of the threshold are those of the other rule.
pub(super) fn dominates(f: &Facts) -> Judgement {
    found(f).map_or(Clear, |s| Suspicion { fixes: Vec::new(), ..s }.suspect())
}
