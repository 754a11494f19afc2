//! Warnings about a recipe that can run but is probably not meant, each with its remedy.

use crate::engine::data::Prepared;
use crate::engine::layer::LayerConfig;
use crate::engine::loss::LossConfig;
use crate::engine::network::Network;
use crate::engine::shape::Shape;
use crate::scenario::{OutputLayer, Recipe};

/// The least number of values per feature from which batch norm computes its statistics at this batch size; `None`
/// without batch norm.
pub(super) fn values_of_batch_norm(network: &Network, rows: usize) -> Option<usize> {
    let places = |shape: Shape| match shape {
        Shape::Flat(_) => 1,
        Shape::Image { height, width, .. } => height * width,
        Shape::Sequence { steps, .. } => steps,
    };
    let norms = network.nodes().iter().filter(|node| node.layer.totals() > 0);
    norms.map(|node| rows * places(node.input)).min()
}

/// All doubts about a recipe whose network is built for these data, each with its path inside the recipe.
pub(super) fn of(recipe: &Recipe, network: &Network, data: &Prepared) -> Vec<(&'static str, String)> {
    let mut doubts = Vec::new();
    let outputs = data.train.outputs();
    let (follows, last) = (recipe.output_follows(outputs), recipe.network.last());
    let units = outputs.rows_of().1;
    let softmax = matches!(last, Some(LayerConfig::Softmax(_)));
    if !follows && softmax && matches!(recipe.loss, LossConfig::CrossEntropy(_)) {
        doubts.push((
            "network",
            "the network ends in Softmax(), and CrossEntropy() takes a softmax itself: through two of them hardly any \
             gradient passes; leave Softmax() out"
                .into(),
        ));
    } else if recipe.output == OutputLayer::Auto && !follows && recipe.ends_in_output(outputs) {
        doubts.push((
            "network",
            format!(
                "the network ends in Dense({units}), which is taken as its output layer: no other follows; write \
                 output: Written if this is meant, output: Follows if it is a hidden layer"
            ),
        ));
    }
    if follows
        && recipe.output == OutputLayer::Auto
        && let [before @ .., LayerConfig::Dense(dense), LayerConfig::Sigmoid(_)] = &recipe.network[..]
        && dense.units == units
        // If there is nothing before them, both are the hidden layer, as in a network for XOR.
        && before.iter().any(|layer| !matches!(layer, LayerConfig::Flatten(_)))
        && matches!(recipe.loss, LossConfig::Bce(_) | LossConfig::CrossEntropy(_))
    {
        doubts.push((
            "network",
            format!(
                "the network ends in Dense({units}) and Sigmoid(), and the output layer Dense({units}) follows; {} takes \
                 outputs as they are: leave both out",
                recipe.loss.name()
            ),
        ));
    }
    let rows = recipe.batch.min(data.train.len()).max(1);
    if values_of_batch_norm(network, rows) == Some(2) {
        doubts.push((
            "batch",
            "batch norm over 2 samples: each is scaled to +1 or -1 whatever it was, and evaluation, which uses running \
             averages, sees another network than training; take a batch of 16 or more, or LayerNorm()"
                .into(),
        ));
    }
    doubts
}

#[cfg(test)]
mod tests {
    use crate::engine::data::NoFiles;
    use crate::registry::SettingValue as _;
    use crate::scenario::check::{Checked, inspect};

    fn checked(lane: &str) -> Result<Checked, String> {
        let text = format!(
            "(data: Digits(), init: HeNormal(), batch: 32, steps: 9, network: [Dense(32), Relu()], lanes: [(name: \"a\", {lane})])"
        );
        inspect(&text, &NoFiles).map_err(|faults| faults[0].to_string())
    }

    /// The names of the lane's layers, and the warnings.
    fn found(lane: &str) -> (Vec<String>, Vec<String>) {
        let Checked { scenario, data, warnings } = checked(lane).unwrap_or_else(|e| panic!("{lane}: {e}"));
        let network = scenario.recipe(&scenario.lanes[0]).build(&data).expect("it was checked");
        let labels = network.nodes().iter().map(|n| n.label.clone()).collect();
        (labels, warnings.into_iter().map(|w| w.what).collect())
    }

    #[test]
    fn a_network_that_ends_in_its_output_layer_gets_no_other() {
        let (labels, warnings) = found("network: [Dense(32), Relu(), Dense(10)]");
        assert_eq!(labels, ["Dense 32", "Relu", "Dense 10"]);
        assert!(warnings[0].contains("taken as its output layer"), "{warnings:?}");
        let (labels, warnings) = found("network: [Dense(32), Relu(), Dense(10)], output: Written");
        assert_eq!((labels.len(), warnings.len()), (3, 0), "{warnings:?}");
        let (labels, warnings) = found("network: [Dense(32), Relu(), Dense(10)], output: Follows");
        assert_eq!((labels.len(), warnings.len()), (4, 0), "{warnings:?}");
        let (labels, warnings) = found("network: [Dense(32), Relu(), Dense(12)]");
        assert_eq!((labels.len(), warnings.len()), (4, 0), "{warnings:?}");
        let fault = checked("output: Written").unwrap_err();
        assert!(fault.contains("the last layer gives the outputs itself"), "{fault}");
    }

    #[test]
    fn a_softmax_before_cross_entropy_is_kept_and_warned_about() {
        let (labels, warnings) = found("network: [Dense(32), Relu(), Dense(10), Softmax()]");
        assert_eq!(labels.last().map(String::as_str), Some("Softmax"));
        assert!(warnings[0].contains("leave Softmax() out"), "{warnings:?}");
        let (labels, warnings) = found("network: [Dense(32), Relu(), Dense(10), Softmax()], loss: Mse()");
        assert_eq!(labels.last().map(String::as_str), Some("Softmax"));
        assert!(!warnings.iter().any(|w| w.contains("Softmax")), "{warnings:?}");
        let (_, warnings) = found("network: [Dense(32), Relu(), Dense(10), Sigmoid()], loss: Bce()");
        assert!(warnings[0].contains("leave both out"), "{warnings:?}");
        // The only layer with weights is a hidden one.
        let (_, warnings) = found("network: [Dense(10), Sigmoid()], loss: Bce()");
        assert_eq!(warnings.len(), 0, "{warnings:?}");
    }

    #[test]
    fn batch_norm_over_one_sample_is_refused_and_over_two_warned_about() {
        let fault = checked("network: [Dense(8), BatchNorm()], batch: 1").unwrap_err();
        assert!(fault.contains("a variance of one value"), "{fault}");
        let (_, warnings) = found("network: [Dense(8), BatchNorm()], batch: 2");
        assert!(warnings[0].contains("over 2 samples"), "{warnings:?}");
        assert_eq!(found("network: [Dense(8), BatchNorm()], batch: 8").1.len(), 0);
    }

    #[test]
    fn class_weights_are_one_a_class() {
        let fault = checked("loss: CrossEntropy(class_weights: Each([1, 2]))").unwrap_err();
        assert!(fault.contains("2 numbers for 10 classes"), "{fault}");
        let fault = checked("loss: CrossEntropy(class_weights: [1, 29])").unwrap_err();
        assert!(fault.contains("write Each([1, 29])"), "{fault}");
        let fault =
            checked("loss: CrossEntropy(class_weights: Each([1, 2, 3, 4, 5, 6, 7, 8, 9, -1]))").unwrap_err();
        assert!(fault.contains("-1 is no weight"), "{fault}");
        assert!(checked("loss: CrossEntropy(class_weights: Balanced)").is_ok());
    }

    #[test]
    fn lanes_are_judged_by_one_plain_loss() {
        let judged = |lanes: &str| {
            let text = format!("(data: Digits(), steps: 9, lanes: [(name: \"a\"{lanes})])");
            let checked = inspect(&text, &NoFiles).unwrap_or_else(|e| panic!("{e:?}"));
            let judge = checked.data.judge.expect("a loss").text();
            (judge, checked.scenario.different_losses().is_some())
        };
        let cross = "CrossEntropy()".to_string();
        assert_eq!(judged(""), (cross.clone(), false));
        assert_eq!(judged(", loss: CrossEntropy(label_smoothing: 0.1)"), (cross.clone(), false));
        let mixed = "), (name: \"b\", loss: Mse()), (name: \"c\", loss: CrossEntropy(label_smoothing: 0.1)";
        assert_eq!(judged(mixed), (cross, true));
        assert_eq!(judged(", loss: Bce(pos_weight: 3)), (name: \"b\", loss: Bce()").0, "Bce()");
    }
}
