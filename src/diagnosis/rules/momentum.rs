//! A momentum so high that the lane overshoots, or that it follows new gradients too late.

use super::{Clear, Facts, Fix, Judgement, Level, Suspicion, number, two};

/// A momentum above this value is higher than usual.
const LONG: f64 = 0.95;

pub(super) fn judge(f: &Facts) -> Judgement {
    let betas: Option<(f64, f64)> =
        f.recipe.at("optimizer.betas").and_then(|t| crate::registry::SettingValue::parse(&t).ok());
    let plain = f.setting("optimizer.momentum").or_else(|| f.setting("optimizer.beta"));
    let memory = plain.or(betas.map(|b| b.0)).unwrap_or(0.0);
    if memory <= LONG {
        return Clear;
    }
    let fixes: Vec<Option<Fix>> = match (plain, betas) {
        (Some(_), _) => {
            let path = if f.setting("optimizer.momentum").is_some() {
                "optimizer.momentum"
            } else {
                "optimizer.beta"
            };
            let lr = f.recipe.optimizer.lr() * (1.0 - memory) / 0.1;
            vec![
                Fix::set(f, "momentum 0.9", &[(path, "0.9".into())]),
                Fix::set(
                    f,
                    format!("rate {}: the same step under this momentum as under 0.9", two(lr)),
                    &[("optimizer.lr", two(lr))],
                ),
            ]
        }
        (None, Some((_, second))) => vec![
            Fix::set(f, "a first beta of 0.9", &[("optimizer.betas", format!("(0.9, {second})"))]),
            Fix::set(f, "betas (0.9, 0.999)", &[("optimizer.betas", "(0.9, 0.999)".into())]),
        ],
        _ => Vec::new(),
    };
    let text = format!("a momentum of {} remembers {} steps", number(memory), number(1.0 / (1.0 - memory)));
    Suspicion::new(text)
        .at(Level::Note)
        .with("momentum", memory)
        .with("steps that it remembers", 1.0 / (1.0 - memory))
        .cures(fixes.into_iter().flatten())
        .suspect()
}
