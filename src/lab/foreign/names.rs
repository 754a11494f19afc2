//! Finds the lab's number for a series of a log, by the words in its name.

use crate::number::Number;

const VALIDATION: [&str; 13] = [
    "val",
    "valid",
    "validation",
    "eval",
    "evaluation",
    "test",
    "testing",
    "dev",
    "holdout",
    "heldout",
    "valloss",
    "vloss",
    "testloss",
];
const LOSS: [&str; 3] = ["loss", "mse", "nll"];
/// Names of losses that count if nothing is called a loss.
const LIKE_LOSS: [&str; 9] = ["xent", "ce", "bce", "cost", "objective", "mae", "rmse", "elbo", "entropy"];
const ACCURACY: [&str; 3] = ["acc", "accuracy", "top1"];
/// Words that turn a loss or a learning rate into another quantity.
const OTHER: [&str; 9] = ["scale", "ppl", "grad", "norm", "aux", "best", "min", "time", "runtime"];

/// Words in the names of a total norm after clipping.
const TOTAL: [&str; 14] = [
    "grad", "gradient", "grads", "norm", "total", "global", "after", "post", "clipped", "clip", "clipping",
    "train", "l2", "optim",
];

/// Whether the number is one of validation.
pub(super) fn is_validation(number: Number) -> bool {
    matches!(number, Number::ValLoss | Number::ValAccuracy)
}

/// The number that a name means, and the count of its other words; a name with fewer of them fits better.
fn number(name: &str) -> Option<(Number, usize)> {
    // `valLoss` is two words.
    let mut lower = String::with_capacity(name.len() + 4);
    for (i, c) in name.char_indices() {
        if c.is_uppercase() && name[..i].ends_with(|before: char| before.is_lowercase()) {
            lower.push('_');
        }
        lower.extend(c.to_lowercase());
    }
    let words: Vec<&str> = lower.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).collect();
    let has = |of: &[&str]| words.iter().any(|w| of.contains(w));
    let clipped = has(&["after", "post", "clipped"]) && has(&["norm"]) && has(&["grad", "gradient", "grads"]);
    if clipped && words.iter().all(|w| TOTAL.contains(w)) {
        return Some((Number::GradNormClipped, words.len()));
    }
    if has(&OTHER) || words.iter().any(|w| w.starts_with("grad")) {
        return None;
    }
    if let ["clipped" | "clip"] | ["train" | "inner", "clip"] | ["clip", "rate" | "fraction" | "share"] =
        words[..]
    {
        return Some((Number::ClipRate, words.len()));
    }
    let validation = has(&VALIDATION);
    let number = if words.contains(&"lr") || (words.contains(&"learning") && words.contains(&"rate")) {
        return Some((Number::Lr, words.len()));
    } else if has(&LOSS) || words.iter().any(|w| w.ends_with("loss")) {
        if validation { Number::ValLoss } else { Number::Loss }
    } else if has(&LIKE_LOSS) && (!has(&["entropy"]) || has(&["cross"])) {
        let number = if validation { Number::ValLoss } else { Number::Loss };
        return Some((number, words.len() + 10));
    } else if has(&ACCURACY) {
        if validation { Number::ValAccuracy } else { Number::Accuracy }
    } else {
        return None;
    };
    // `train/loss_step` is the loss of a step, `train/loss_epoch` a mean over one.
    Some((number, words.iter().filter(|w| !["train", "training", "step"].contains(w)).count()))
}

/// Pairs of a number and the index of its series: of several series, the one with the fewest other words, and the first
/// of these.
pub(super) fn of<'a>(names: impl Iterator<Item = &'a str>) -> Vec<(Number, usize)> {
    let mut found: Vec<(Number, usize, usize)> = Vec::new();
    for (i, name) in names.enumerate() {
        let Some((number, words)) = number(name) else { continue };
        match found.iter_mut().find(|f| f.0 == number) {
            Some(known) if known.2 <= words => {}
            Some(known) => (known.1, known.2) = (i, words),
            None => found.push((number, i, words)),
        }
    }
    found.into_iter().map(|(number, i, _)| (number, i)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_known_by_the_names_that_libraries_give_them() {
        for (name, wanted) in [
            ("loss", Number::Loss),
            ("train/loss", Number::Loss),
            ("loss/train", Number::Loss),
            ("train_loss_step", Number::Loss),
            ("lm_loss", Number::Loss),
            ("train/CrossEntropyLoss", Number::Loss),
            ("val/mse", Number::ValLoss),
            ("eval_loss", Number::ValLoss),
            ("validation/epoch_loss", Number::ValLoss),
            ("val_accuracy", Number::ValAccuracy),
            ("train/epoch_accuracy", Number::Accuracy),
            ("lr-Adam", Number::Lr),
            ("learning_rate", Number::Lr),
            ("clipped", Number::ClipRate),
            ("clip_fraction", Number::ClipRate),
            ("train/clip", Number::ClipRate),
            ("valLoss", Number::ValLoss),
            ("vloss", Number::ValLoss),
            ("heldout/loss", Number::ValLoss),
            ("train/cross_entropy", Number::Loss),
            ("val_ce", Number::ValLoss),
            ("grad_norm_after_clip", Number::GradNormClipped),
        ] {
            assert_eq!(number(name).map(|n| n.0), Some(wanted), "{name}");
        }
        for name in [
            "loss scale",
            "grad_norm",
            "epoch",
            "gradients/loss_head.weight",
            "perplexity",
            "losses",
            "grad_norm_post/a.weight",
        ] {
            assert_eq!(number(name), None, "{name}");
        }
    }

    #[test]
    fn of_several_the_plainest_name_counts() {
        let names = ["train_loss_epoch", "train_loss_step", "val_loss", "loss/aux"];
        assert_eq!(of(names.into_iter()), [(Number::Loss, 1), (Number::ValLoss, 2)]);
        assert_eq!(of(["mae", "train/epoch_loss"].into_iter()), [(Number::Loss, 1)], "a loss by name");
    }
}
