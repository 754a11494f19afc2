//! Finds the series of a log that are gradient norms of layers, by the names that libraries and people give them.
//! Determines the order of layers, joins weight and bias, and finds the total norm and whether norms are from before or
//! after clipping.

use regex::Regex;
use std::sync::LazyLock;

/// Layers and the series that belong to them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogLayers {
    /// Names, input side first.
    pub names: Vec<String>,
    /// How their order was determined.
    pub order: LayerOrder,
    /// Pairs of a series, by its index in the given list, and its layer.
    pub members: Vec<(usize, usize)>,
    /// The series of the same norms after clipping, if the log has both.
    pub after: Vec<usize>,
    /// The series of the total norm.
    pub total: Option<usize>,
    /// Whether norms are those after clipping; `None` if the names do not say.
    pub clipped: Option<bool>,
}

/// How the order of layers was determined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LayerOrder {
    /// By first appearance.
    #[default]
    Appearance,
    /// By first appearance, reversed: they were logged in a backward pass.
    Reversed,
    /// By the numbers in their names, which is a guess.
    Natural,
}

/// `[prefix/]marker/PARAMETER`: the marker says that it is a gradient, and perhaps which norm and whether it is after
/// clipping.
static BEFORE: LazyLock<Regex> = LazyLock::new(|| {
    let kind = r"(?:l2|l1|inf|[0-9]+(?:\.[0-9]+)?)";
    // A number is the order of a norm only if the word follows: `grad_0.weight` is the first layer's.
    let norm = format!(r"(?:[-_ ]?norms?|[-_ ]{kind}[-_ ]?norms?|[-_ ](?:l2|l1|inf))?");
    let clip = r"(?:[-_ ](?:before|after|pre|post|unclipped|clipped)(?:[-_ ]?clip(?:ping|ped)?)?)?";
    let marker = format!(r"(?:l2_norm/grad|gnorm|(?:layer_)?grad(?:s|ient|ients)?{norm}{clip})");
    regex(&format!(
        r"(?i)^(?P<prefix>(?:.*?[/. ])??)(?P<marker>{marker})(?P<mark>[-/. _:\[])(?P<rest>.+?)\]?$"
    ))
});
/// `PARAMETER.grad`, `PARAMETER/grad_norm`.
static AFTER: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?i)^(?P<rest>.+?)[/._](?P<marker>grad(?:ient)?(?:[_ ./]?norm)?)$"));
/// The total norm under its usual names.
static TOTAL: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?ix)^(?:.*[/.])?(?:(?:total_|global_)?grad(?:ient|s)?(?:[_\ ](?:l2|inf|[0-9.]+))?[_\ ]?norm(?:[_\ ](?:total|before|pre)\w*)?
            |gnorm|grad_l2_norm/step|l2_norm/grad/global|grad(?:s|ients)?(?:_norm)?[/.](?:total|global|all|norm)(?:_norm)?)$",
    )
});
/// The name of a total norm with a prefix (`rest`), which names a layer of the network or a section of the log.
static PART: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?i)^(?P<rest>.+)[/.](?P<marker>grad(?:s|ient|ients)?[_ ]?norm|gnorm)$"));
/// The last part of a parameter's name.
static PARAMETER: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?x)^(?:weight|bias|kernel|gamma|beta|scale|w|b|embeddings?|recurrent_kernel|pos_embedding|in_proj_weight|in_proj_bias
            |weight_[gv]|(?P<recurrent>(?:weight|bias)_(?:ih|hh|hr)_(?P<layer>l[0-9]+)(?:_reverse)?))$",
    )
});
/// `wandb.watch` puts the number of the model before the names of a second model's parameters, without a separator:
/// `graph_10.weight` is parameter `0.weight` of model 1.
static GRAPH: LazyLock<Regex> = LazyLock::new(|| regex(r"^graph_[0-9]+?(?P<rest>[0-9]+\..+|[^0-9.].*)$"));
/// A number between underscores, and the word before it.
static NUMBER: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?P<word>[A-Za-z0-9]*)_(?P<number>[0-9]+)(?P<end>_|$)"));
/// Words that are one name with the number after them, `hidden_1`; behind others, such as `layers`, a number is a place.
const NUMBERED: [&str; 15] = [
    "hidden", "dense", "ln", "fc", "conv", "conv1d", "conv2d", "linear", "norm", "block", "bn", "lstm",
    "gru", "rnn", "attn",
];
/// Words behind `grad_` that name another quantity than a norm.
const STATISTICS: [&str; 17] = [
    "mean", "max", "min", "std", "var", "avg", "abs", "ratio", "noise", "snr", "ema", "zero", "zeros", "rms",
    "sparsity", "cos", "nan",
];
/// Names that stand in the position of a parameter but are none.
const NO_PARAMETER: [&str; 24] = [
    "norm",
    "total",
    "global",
    "all",
    "mean",
    "avg",
    "max",
    "min",
    "std",
    "var",
    "scale",
    "clip",
    "clipped",
    "step",
    "steps",
    "noise_scale",
    "global_norm",
    "total_norm",
    "cos",
    "angle",
    "accum",
    "accumulation",
    "accumulation_steps",
    "scaler",
];

/// Parts of a log, and networks that are trained together, but no layers of one network.
const WHOLES: [&str; 23] = [
    "train",
    "training",
    "val",
    "valid",
    "validation",
    "eval",
    "test",
    "optim",
    "optimizer",
    "metrics",
    "stats",
    "model",
    "total",
    "global",
    "generator",
    "discriminator",
    "gen",
    "disc",
    "actor",
    "critic",
    "policy",
    "value",
    "teacher",
];

fn regex(text: &str) -> Regex {
    Regex::new(text).expect("a pattern of our own")
}

/// A series that is the gradient norm of a parameter.
struct GradientSeries {
    series: usize,
    /// The prefix of the parameter: all series of one kind have the same.
    kind: String,
    layer: String,
    clipped: Option<bool>,
    /// Whether the name of a layer follows, and not that of a parameter: it counts only beside others of its kind.
    doubted: bool,
    /// Whether its name ends in the last part of a parameter's name.
    parameter: bool,
}

/// A name split into text and numbers, for sorting: 2 comes before 10.
pub fn natural(name: &str) -> Vec<(u128, String)> {
    let (mut parts, mut rest) = (Vec::new(), name);
    while !rest.is_empty() {
        let text = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let after = &rest[text..];
        let digits = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
        parts.push((0, rest[..text].to_string()));
        if digits > 0 {
            parts.push((after[..digits].parse().unwrap_or(u128::MAX), String::new()));
        }
        rest = &after[digits..];
    }
    parts
}

/// The layer of a parameter: its name without the last part.
fn layer(parameter: &str, underscored: bool) -> Option<String> {
    let mut name = parameter.replace('/', ".");
    // `layers_0_weight` instead of `layers.0.weight`; the parameter is the longest end that is one: `weight_ih_l0`.
    if !name.contains('.') {
        let mut splits = name.match_indices('_').map(|(at, _)| (&name[..at], &name[at + 1..]));
        let found = splits.find(|(layer, last)| !layer.is_empty() && PARAMETER.is_match(last));
        match found {
            Some((layer, last)) => {
                let layer = NUMBER.replace_all(layer, |c: &regex::Captures<'_>| {
                    let join = if NUMBERED.contains(&&*c["word"].to_lowercase()) { "_" } else { "." };
                    let (word, join) = (&c["word"], if c["word"].is_empty() { "" } else { join });
                    format!("{word}{join}{}{}", &c["number"], if &c["end"] == "_" { "." } else { "" })
                });
                name = format!("{layer}.{last}");
            }
            None if underscored => return None,
            None => {}
        }
    }
    let Some((layer, last)) = name.rsplit_once('.') else {
        return (!NO_PARAMETER.contains(&&*name.to_lowercase())).then_some(name);
    };
    if let Some(of) = PARAMETER.captures(last) {
        return Some(of.name("layer").map_or_else(|| layer.into(), |l| format!("{layer}.{}", l.as_str())));
    }
    (!NO_PARAMETER.contains(&&*last.to_lowercase())).then_some(name)
}

/// Whether a name ends in the last part of a parameter's name, and not in a word that totals have too.
fn ends_in_parameter(name: &str) -> bool {
    let last = name.rsplit(['.', '/']).next().unwrap_or_default();
    let ends = last.match_indices('_').map(|(at, _)| &last[at + 1..]).chain([last]);
    let mut ends = ends.filter(|end| !["scale", "w", "b"].contains(end));
    ends.any(|end| PARAMETER.is_match(end))
}

/// A total norm by its name, such as `layer0/grad_norm`, that belongs to a layer: no other number has that layer's name,
/// as `run1/loss` would.
fn of_part<'a>(
    series: usize,
    name: &str,
    mut names: impl Iterator<Item = &'a str>,
) -> Option<GradientSeries> {
    let found = PART.captures(name)?;
    let rest = &found["rest"];
    let last = rest.rsplit(['/', '.']).next().unwrap_or_default().to_lowercase();
    let of_whole = |name: &str| {
        let number = name.strip_prefix(rest).and_then(|n| n.strip_prefix(['/', '.']));
        number
            .is_some_and(|n| n.split(['_', '/', '.']).any(|w| ["loss", "acc", "accuracy", "lr"].contains(&w)))
    };
    if ends_in_parameter(rest) || WHOLES.contains(&&*last) || names.any(of_whole) {
        return None;
    }
    let kind = format!(".{}", found["marker"].to_lowercase());
    let layer = rest.replace('/', ".");
    Some(GradientSeries { series, kind, layer, clipped: None, doubted: true, parameter: false })
}

fn find(series: usize, name: &str) -> Option<GradientSeries> {
    let after = AFTER.captures(name).filter(|found| ends_in_parameter(&found["rest"]));
    if after.is_none() && TOTAL.is_match(name) {
        return None;
    }
    let (kind, rest, marker, underscored) = if let Some(found) = after {
        let marker = found["marker"].to_lowercase();
        (format!(".{marker}"), found["rest"].to_string(), marker, false)
    } else if let Some(found) = BEFORE.captures(name) {
        let marker = found["marker"].to_lowercase();
        if &found["mark"] == "-" && !marker.ends_with("norm") {
            return None;
        }
        (
            format!("{}{}{}", &found["prefix"], marker, &found["mark"]),
            found["rest"].to_string(),
            marker,
            &found["mark"] == "_",
        )
    } else {
        let found = AFTER.captures(name)?;
        let marker = found["marker"].to_lowercase();
        (format!(".{marker}"), found["rest"].to_string(), marker, false)
    };
    // OLMo writes `.norm`, `.min`, `.max` and `.avg` for each parameter.
    let last = rest.rsplit_once(['.', '/']).map_or("", |r| r.1);
    let (rest, kind) = match last {
        "norm" | "l2_norm" => (rest[..rest.len() - last.len() - 1].to_string(), kind + "norm"),
        "min" | "max" | "avg" | "mean" | "std" => return None,
        _ => (rest, kind),
    };
    let first = rest.split(['_', '/', '.']).next().unwrap_or_default().to_lowercase();
    if underscored && STATISTICS.contains(&&*first) {
        return None;
    }
    let parameter = ends_in_parameter(&rest);
    let rest = GRAPH.captures(&rest).map_or(rest.clone(), |of| of["rest"].to_string());
    let bare = underscored && !rest.contains(['.', '/']);
    let plain = || {
        let lower = rest.to_lowercase();
        !NO_PARAMETER.contains(&&*lower) && lower.split('_').all(|word| !NO_PARAMETER.contains(&word))
    };
    let (layer, doubted) = match layer(&rest, underscored) {
        Some(layer) => (layer, false),
        // `grad_norm_hidden_1`
        None if bare && plain() => (rest, true),
        None => return None,
    };
    let words: Vec<&str> = marker.split([' ', '_', '/', '-']).collect();
    let has = |of: &[&str]| words.iter().any(|w| of.contains(w));
    let clipped = if has(&["after", "post", "clipped"]) {
        Some(true)
    } else if has(&["before", "pre", "unclipped"]) {
        Some(false)
    } else {
        None
    };
    Some(GradientSeries { series, kind, layer, clipped, doubted, parameter })
}

/// Finds layers among series in the order of their appearance; `order` sets the order of layers instead of determining
/// it.
pub fn of<'a>(names: impl Iterator<Item = &'a str> + Clone, order: Option<LayerOrder>) -> LogLayers {
    let mut found: Vec<GradientSeries> = names
        .clone()
        .enumerate()
        .filter_map(|(i, name)| find(i, name).or_else(|| of_part(i, name, names.clone())))
        .collect();
    let kinds: Vec<String> = found.iter().map(|f| f.kind.clone()).collect();
    found.retain(|f| !f.doubted || kinds.iter().filter(|kind| **kind == f.kind).count() > 1);
    let layered = |i: &usize| found.iter().any(|f| f.series == *i);
    let total = names.clone().enumerate().filter(|(i, name)| TOTAL.is_match(name) && !layered(i));
    let total = total.min_by_key(|(i, name)| (name.matches('/').count(), *i)).map(|(i, _)| i);
    let mut kinds: Vec<(&str, usize, bool)> = Vec::new();
    for f in &found {
        match kinds.iter_mut().find(|k| k.0 == f.kind) {
            Some(kind) => kind.1 += 1,
            None => kinds.push((&f.kind, 1, f.clipped == Some(true))),
        }
    }
    // Norms before clipping are preferred, since clipping hides the true size; then the names of parameters, what is
    // called a norm, and the kind with the most series.
    let norm = |kind: &str| kind.to_lowercase().contains("norm");
    let parameters = |kind: &str| found.iter().filter(|f| f.kind == kind && f.parameter).count() > 1;
    let rank = |k: &&(&str, usize, bool)| (!k.2, parameters(k.0), norm(k.0), k.1);
    let Some(kind) = kinds.iter().rev().max_by_key(rank).map(|k| k.0.to_string()) else {
        return LogLayers { total, ..LogLayers::default() };
    };
    // Beside parameters, `grad_norm/overall` is no layer.
    if found.iter().filter(|f| f.kind == kind && f.parameter).count() > 1 {
        found.retain(|f| f.kind != kind || f.parameter || f.layer.contains('.'));
    }
    let (found, others): (Vec<GradientSeries>, Vec<GradientSeries>) =
        found.into_iter().partition(|f| f.kind == kind);
    let mut after: Vec<&GradientSeries> = others.iter().filter(|f| f.clipped == Some(true)).collect();
    let alike = after.len() == found.len() && after.iter().all(|a| found.iter().any(|f| f.layer == a.layer));
    if !alike {
        after.clear();
    }
    let mut layers: Vec<String> = Vec::new();
    for f in &found {
        if !layers.contains(&f.layer) {
            layers.push(f.layer.clone());
        }
    }
    let order = order.unwrap_or_else(|| direction(&layers));
    match order {
        LayerOrder::Appearance => {}
        LayerOrder::Reversed => layers.reverse(),
        LayerOrder::Natural => layers.sort_by_cached_key(|name| natural(name)),
    }
    let place = |layer: &str| layers.iter().position(|l| l == layer).unwrap_or(0);
    LogLayers {
        members: found.iter().map(|f| (f.series, place(&f.layer))).collect(),
        after: after.iter().map(|f| f.series).collect(),
        names: layers.clone(),
        order,
        total,
        clipped: found[0].clipped,
    }
}

/// Whether the numbers in the names rise or fall in this order.
fn direction(layers: &[String]) -> LayerOrder {
    let (mut rises, mut falls) = (false, false);
    for (i, a) in layers.iter().enumerate() {
        let a = natural(a);
        for b in &layers[i + 1..] {
            let b = natural(b);
            // Two names are compared by their first differing part, if it is a number.
            let Some(at) = a.iter().zip(&b).position(|(x, y)| x != y) else { continue };
            let (x, y) = (&a[at], &b[at]);
            if x.1.is_empty() && y.1.is_empty() {
                (rises, falls) = (rises || x.0 < y.0, falls || x.0 > y.0);
            }
        }
    }
    match (rises, falls) {
        (_, false) => LayerOrder::Appearance,
        (false, true) => LayerOrder::Reversed,
        (true, true) => LayerOrder::Natural,
    }
}

#[cfg(test)]
mod tests;
