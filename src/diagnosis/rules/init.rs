//! The size of each layer's initial weights, relative to the size that keeps the scale of a signal.

use super::{Clear, Facts, Fix, Judgement, Level, Skipped, Suspicion, init_fixes, number, two};

/// Weights below this fraction of the sensible size are small.
const SMALL: f64 = 0.4;
/// An init is also small if less than this fraction of a signal is left after all layers.
const FAINT: f64 = 0.02;
/// Weights above this multiple of the sensible size are large.
const LARGE: f64 = 1.7;

/// The geometric mean of the sizes, the layer that is farthest off, and its size.
fn sizes(f: &Facts, farthest: fn(f64, f64) -> f64) -> Option<(f64, usize, f64)> {
    let logs: Vec<(usize, f64)> = f.initial.iter().map(|(i, s)| (*i, libm::log(s.max(1e-30)))).collect();
    let mean = logs.iter().map(|(_, x)| x).sum::<f64>() / logs.len().max(1) as f64;
    let (layer, size) =
        f.initial.iter().copied().reduce(|a, b| if farthest(a.1, b.1) == b.1 { b } else { a })?;
    Some((libm::exp(mean), layer, size))
}

/// The initial weights times a factor that was measured: in the present init if that has a size, else in Xavier's.
pub(super) fn scaled(f: &Facts, factor: f64, why: &str) -> Option<Fix> {
    let times = |path: &str| Some((path.to_string(), two(f.setting(path)? * factor)));
    let mut changes: Vec<(String, String)> =
        ["init.gain", "init.std", "init.low", "init.high"].iter().filter_map(|path| times(path)).collect();
    if changes.is_empty() {
        // The standard deviation over that of Xavier's init, in a layer with as many inputs as outputs.
        let size = match f.recipe.init.name() {
            "HeNormal" | "HeUniform" => std::f64::consts::SQRT_2,
            "LecunNormal" | "LecunUniform" => 1.0,
            "TorchDefault" => 1.0 / libm::sqrt(3.0),
            _ => return None,
        };
        changes.push(("init".into(), format!("XavierNormal(gain: {})", two(size * factor))));
    }
    let words: Vec<String> = changes.iter().map(|(path, to)| format!("{path} {to}")).collect();
    let changes: Vec<(&str, String)> = changes.iter().map(|(path, to)| (&**path, to.clone())).collect();
    Fix::set(f, format!("{}: {why}", words.join(", ")), &changes)
}

fn suspicion(f: &Facts, words: &str, (mean, layer, size): (f64, usize, f64)) -> Suspicion {
    let text = format!(
        "initial weights are {words}: {} times what keeps a signal's size on average, {} in {}",
        number(mean),
        number(size),
        f.layer(layer)
    );
    let level = if (0.05..=8.0).contains(&mean) { Level::Note } else { Level::Warn };
    Suspicion::new(text)
        .at(level)
        .of_layer(Some(f.layer(layer)))
        .with("weights over those that keep the signal", mean)
        .cures(init_fixes(f, "the signal keeps its size"))
        .cures(scaled(
            f,
            1.0 / mean,
            &format!("the weights were {} times what keeps a signal's size", number(mean)),
        ))
}

pub(super) fn small(f: &Facts) -> Judgement {
    let Some(found) = sizes(f, f64::min) else { return Skipped("the initial weights are not at hand") };
    // A factor that does no harm in one layer makes a deep network's signal vanish.
    let through = libm::pow(found.0, f.initial.len() as f64);
    if found.0 >= SMALL && through >= FAINT { Clear } else { suspicion(f, "small", found).suspect() }
}

pub(super) fn large(f: &Facts) -> Judgement {
    let Some(found) = sizes(f, f64::max) else { return Skipped("the initial weights are not at hand") };
    if found.2 <= LARGE { Clear } else { suspicion(f, "large", found).suspect() }
}
