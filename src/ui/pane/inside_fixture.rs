//! Made-up views inside lanes for the tests of the panes: paths over a surface, gradients through time, single weights.

use crate::engine::layer::LayerConfig;
use crate::engine::layer::surface::Surface;
use crate::scenario::Shape;
use crate::telemetry::{Data, Event};
use crate::view::RunView;

fn probed(view: &mut RunView, lane: usize, name: &'static str, parts: Vec<(&str, Data)>) {
    let parts = parts.into_iter().map(|(n, d)| (n.to_owned(), d)).collect();
    view.apply(Event::Probed { lane, step: 60, name, parts });
}

fn table(rows: &[(&str, &[f32])]) -> Data {
    let rows = rows.iter().map(|(name, v)| ((*name).to_owned(), v.to_vec())).collect();
    Data::Table { columns: Vec::new(), rows }
}

/// A bowl in this window, with every lane on its path down from (1.5, 1) to its own point.
pub fn add_surface(view: &mut RunView, extent: [f32; 4]) {
    let (width, height) = (60, 40);
    let at = |i: usize| {
        let x = extent[0] + (i % width) as f32 / width as f32 * (extent[1] - extent[0]);
        let y = extent[3] - (i / width) as f32 / height as f32 * (extent[3] - extent[2]);
        x * x + y * y
    };
    let heights = Data::Grid { width, values: (0..width * height).map(at).collect(), extent };
    probed(view, 0, "landscape", vec![("heights", heights)]);
    for lane in 0..view.lanes.len() {
        let settings = Surface { start: (1.5, 1.0), noise: 0.3, ..Surface::default() };
        view.lanes[lane].info.recipe.network = vec![LayerConfig::from(settings)];
        let far = lane as f32 * 0.3;
        let way = (0..50).flat_map(|t| [1.5 - (1.5 - far) * t as f32 / 49.0, 1.0 - t as f32 / 60.0]);
        let mut points: Vec<f32> = way.collect();
        if lane == 3 {
            points.extend([1e30, -1e30, f32::NAN, f32::INFINITY, 0.5, 0.5]);
        }
        let parts = vec![
            ("points", Data::Series(points)),
            ("value", Data::Scalar(0.25)),
            ("slope", Data::Scalar(1e-3)),
        ];
        probed(view, lane, "path", parts);
    }
}

/// Forty time steps: in A the gradient vanishes, in B it explodes, in C it keeps its size, in D it is not finite.
pub fn add_time(view: &mut RunView) {
    for (lane, factor) in [0.7f32, 1.4, 0.99, f32::INFINITY].into_iter().enumerate() {
        view.lanes[lane].info.input = Shape::Sequence { steps: 40, features: 2 };
        let norms: Vec<f32> = (0..40).map(|t| 0.1 * factor.powi(39 - t)).collect();
        let radius: &[f32] = if lane == 2 { &[0.9, 1.1, 0.8, 1.0] } else { &[1.25] };
        let parts = vec![
            ("norms", table(&[("1 Rnn 32", &norms), ("2 Rnn 16", &norms[..20])])),
            ("radius", table(&[("1 Rnn 32", radius), ("2 Rnn 16", &[0.5])])),
        ];
        probed(view, lane, "through_time", parts);
    }
}

/// A weight of two tensors: A and B have the same network, C has another one, D has made no step.
pub fn add_weight(view: &mut RunView, weight: usize) {
    let slots: [&[(&str, &[f32])]; 2] = [
        &[("1 Dense 4 weight", &[12.0, 3.0]), ("1 Dense 4 bias", &[4.0, 4.0])],
        &[("1 Rnn 9 weight_ih", &[90.0, 9.0])],
    ];
    let terms: [&[(&str, &[f32])]; 2] = [
        &[("g", &[0.5]), ("lr", &[0.1]), ("Δθ", &[-0.05])],
        &[
            ("g", &[0.5]),
            ("m", &[0.05]),
            ("m̂", &[0.5]),
            ("√v̂ + eps", &[0.5]),
            ("lr", &[0.003]),
            ("Δθ", &[-0.003]),
        ],
    ];
    for lane in 0..4 {
        let mut parts =
            vec![("slots", table(slots[usize::from(lane == 2)])), ("weight", Data::Scalar(weight as f64))];
        if lane < 3 {
            parts.extend([
                ("terms", table(terms[usize::from(lane == 1)])),
                ("step", Data::Scalar(60.0)),
                ("raw", Data::Scalar(2.5)),
                ("from", Data::Scalar(1.25)),
                ("to", Data::Scalar(1.2)),
                ("largest_gradient", Data::Scalar(7.0)),
                ("largest_step", Data::Scalar(14.0)),
            ]);
        }
        probed(view, lane, "microscope", parts);
    }
}

/// All of the above.
pub fn add_all(view: &mut RunView) {
    add_surface(view, [-2.0, 2.0, -1.0, 3.0]);
    add_time(view);
    add_weight(view, 0);
}
