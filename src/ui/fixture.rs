//! Made-up lanes and runs for the tests of the screen. Trains nothing.

use crate::engine::layer::LayerConfig;
use crate::engine::layer::dense::Dense;
use crate::engine::network::Network;
use crate::number::{LayerNumber, Number, NumberValues};
use crate::registry::SettingValue as _;
use crate::scenario::{Lane, Recipe, Scenario, Shape};
use crate::telemetry::{Divergence, Event, LaneInfo, LayerInfo, LayerMeasure, Measure, Phase};
use crate::view::{LaneView, RunView};

/// The events of a lane on 8x8 images of ten classes.
pub fn info(name: &str, recipe: Recipe) -> LaneInfo {
    let (input, outputs) = (Shape::Image { channels: 1, height: 8, width: 8 }, Shape::Flat(10));
    let network = Network::new(input, &recipe.layers(outputs)).expect("a network");
    let layers = network.nodes().iter().map(|n| LayerInfo {
        label: n.label.clone(),
        input: n.input.to_string(),
        output: n.layer.output().to_string(),
        params: n.params.len(),
        keeps: None,
        saturates: n.layer.units() > 0,
    });
    LaneInfo {
        name: name.into(),
        input,
        outputs,
        layers: layers.collect(),
        params: network.param_count(),
        steps_per_epoch: 45.0,
        cost: 1.0,
        edits: Vec::new(),
        foreign: None,
        fork: None,
        read: [].into(),
        total: 5000,
        data: None,
        recipe,
    }
}

/// A scenario with four lanes.
pub fn scenario() -> Scenario {
    let dense = |units| LayerConfig::from(Dense { units, ..Dense::default() });
    let sigmoid = LayerConfig::parse("Sigmoid()").expect("a layer");
    let lane = |name: &str, optimizer: &str| Lane {
        name: name.into(),
        optimizer: Some(crate::engine::optim::OptimizerConfig::parse(optimizer).expect("an optimizer")),
        ..Lane::default()
    };
    Scenario {
        title: "vanishing-sigmoid".into(),
        network: vec![dense(64), sigmoid.clone(), dense(32), sigmoid],
        steps: 5000,
        lanes: vec![
            lane("SGD", "Sgd(lr: 0.1)"),
            lane("Momentum", "Sgd(lr: 0.05)"),
            lane("Adam", "Adam(lr: 0.003)"),
            lane("Too fast", "Sgd(lr: 90)"),
        ],
        ..Scenario::default()
    }
}

/// A lane without steps.
pub fn lane(id: usize, name: &str) -> LaneView {
    let mut view = RunView::default();
    let info = Box::new(info(name, scenario().base()));
    view.apply(Event::Started { lane: id, info, step: 0 });
    view.lanes.remove(0)
}

/// The events of a run of [`scenario`]: `steps` measurements a lane; the last lane diverges half way.
pub fn events(steps: u64) -> Vec<Event> {
    let scenario = scenario();
    let mut out = Vec::new();
    for (lane, l) in scenario.lanes.iter().enumerate() {
        let info = Box::new(info(&l.name, scenario.recipe(l)));
        let layers = info.layers.clone();
        out.push(Event::Started { lane, info, step: 0 });
        out.push(Event::Phase { lane, step: 0, phase: Phase::Running });
        for step in 1..=steps {
            let t = step as f32;
            if lane == 3 && step * 2 > steps {
                let phase = Phase::Diverged(Divergence {
                    step,
                    layer: "layer 1 Dense 64".into(),
                    last_grad_norm: 3.2e8,
                    origin: None,
                    what: "the loss is not a number".into(),
                });
                out.push(Event::Phase { lane, step, phase });
                break;
            }
            let loss = 2.3 / (1.0 + t * 0.01 * (lane as f32 + 1.0));
            let measure = Measure {
                step,
                epoch: step as f64 / 45.0,
                seconds: step as f64 * 1e-3,
                evaluations: step,
                least: NumberValues::default().with(Number::Loss, f64::from(loss * 0.9)),
                greatest: NumberValues::default().with(Number::Loss, f64::from(loss * 1.1)),
                ..Measure::default()
            };
            let measure = measure
                .with(Number::Loss, loss)
                .with(Number::Accuracy, 1.0 - loss / 3.0)
                .with(Number::Lr, 0.1)
                .with(Number::GradNorm, loss * 2.0)
                .with(Number::GradNormClipped, loss)
                .with(Number::ClipRate, 0.25)
                .with(Number::ClipShare, 0.25)
                .with(Number::ClipAngle, 12.0)
                .with(Number::UpdateRatio, 1e-3f32);
            let of = |(layer, info): (usize, &LayerInfo)| {
                let measure = LayerMeasure::of(layer);
                if info.params == 0 {
                    return measure.with(LayerNumber::Saturated, 0.71);
                }
                measure
                    .with(LayerNumber::GradNorm, loss * 0.04f32.powi(4 - layer as i32))
                    .with(LayerNumber::WeightNorm, 4.0)
                    .with(LayerNumber::UpdateRatio, 1e-3)
            };
            let layers = layers.iter().enumerate().map(of).collect();
            out.push(Event::Measured { lane, measure: Box::new(measure), layers });
        }
        out.push(evaluated(lane, steps, 0.4, Some(0.912)));
    }
    out
}

/// An evaluation of the validation samples.
pub fn evaluated(lane: usize, step: u64, loss: f32, accuracy: Option<f32>) -> Event {
    let mut measure = Measure { step, ..Measure::default() }.with(Number::ValLoss, loss);
    measure.values.set(Number::ValAccuracy, accuracy.map(f64::from));
    Event::Evaluated { lane, measure: Box::new(measure) }
}
