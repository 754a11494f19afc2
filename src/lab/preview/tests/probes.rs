//! Properties of every probe, and the sharpness of a loss whose curvature is known.

use super::*;
use crate::lab::preview::{DataShape, PROBES, probe};

/// Booth's function is a quadratic with the Hessian [[10, 8], [8, 10]]: its eigenvalues are 18 and 2.
#[test]
fn the_sharpness_of_a_quadratic_is_its_largest_eigenvalue_and_the_limit_is_where_steps_diverge() {
    let optimizers = |lr: f64| {
        [
            (format!("Sgd({lr})"), 2.0 / lr),
            (format!("Momentum({lr}, momentum: 0.5)"), 3.0 / lr),
            (format!("Nesterov({lr}, momentum: 0.5)"), 1.5 / lr),
        ]
    };
    for (k, (_, of_one)) in optimizers(1.0).into_iter().enumerate() {
        for (share, stays) in [(0.98, true), (1.02, false)] {
            let lr = share * of_one / 18.0;
            let (optimizer, limit) = &optimizers(lr)[k];
            let text = format!(
                r#"(data: Surface(Booth, start: (4.0, -1.0)), steps: 2000, lanes: [(name: "a", optimizer: {optimizer})])"#
            );
            let mut run = stepped(&text);
            let parts = probed(&look(&mut run, vec![ProbeRequest::of("sharpness", 0)], 200), 0, "sharpness");
            assert!((number(&parts, "limit") - limit).abs() < 1e-9 * limit, "{optimizer}: {parts:?}");
            let params = &run.run().lane(0).expect("a lane").trainer.live().params;
            // The minimum is (1, 3); at first it is √2 away.
            let away = (params[0] - 1.0).hypot(params[1] - 3.0);
            assert_eq!(away < 1.5, stays, "{optimizer}: {away} away");
            if stays {
                assert!((number(&parts, "value") - 18.0).abs() < 0.02, "{optimizer}: {parts:?}");
            }
        }
    }
    let adam = r#"(data: Surface(Booth), steps: 9, lanes: [(name: "a", optimizer: Adam(0.01))])"#;
    let parts = probed(&look(&mut stepped(adam), vec![ProbeRequest::of("sharpness", 0)], 2), 0, "sharpness");
    assert!(parts.iter().all(|p| p.0 != "limit"));
    assert!(rows(part(&parts, "why"))[0].0.contains("no limit is known for Adam"), "{parts:?}");
}

/// No view of a lane changes a bit of its training, and the table lists the parts of every probe.
#[test]
fn every_probe_has_a_name_of_its_own_and_changes_no_bit() {
    let names: std::collections::BTreeSet<_> = PROBES.iter().map(|p| p.name).collect();
    assert_eq!(names.len(), PROBES.len());
    let (mut alone, mut watched) = (stepped(DIGITS), stepped(DIGITS));
    let views = PROBES.iter().map(|p| ProbeRequest {
        grid: (8, 8),
        number: 3,
        attack: "Fgsm(eps: 0.1)".into(),
        ..ProbeRequest::of(p.name, 0)
    });
    watched.send(Command::Watch(views.collect()));
    for run in [&mut alone, &mut watched] {
        run.send(Command::Run);
    }
    for _ in 0..10 {
        alone.advance(4);
        watched.advance(4);
        watched.look();
    }
    assert!(alone.run_mut().save() == watched.run_mut().save());
    for event in watched.drain() {
        let Event::Probed { name, parts, .. } = event else { continue };
        let row = probe(name).expect("a row");
        for (part, data) in parts {
            let shape = match data {
                Data::Scalar(_) => DataShape::Scalar,
                Data::Series(_) => DataShape::Series,
                Data::Histogram { .. } => DataShape::Histogram,
                Data::Grid { .. } => DataShape::Grid,
                Data::Points(_) => DataShape::Points,
                Data::Image { .. } => DataShape::Image,
                Data::Table { .. } => DataShape::Table,
            };
            assert!(row.yields.contains(&shape), "{name} does not say that {part} is a {shape:?}");
        }
    }
}

/// With two parameters the plane is the whole space, so its losses are those of the function: for the lanes' own
/// points, and on the grid, where Booth's function is (x + 2y - 7)² + (2x + y - 5)².
/// The start lies off the axes of its contours, so that the two lanes take different ways.
#[test]
fn the_losses_on_a_plane_are_those_of_a_quadratic() {
    let text = r#"(data: Surface(Booth, start: (4.0, -1.0)), steps: 40,
        lanes: [(name: "a", optimizer: Sgd(0.01)), (name: "b", optimizer: Adam(0.05))])"#;
    let mut run = stepped(text);
    let views =
        vec![ProbeRequest::of("plane", 1), ProbeRequest { grid: (33, 21), ..ProbeRequest::of("plane", 0) }];
    let parts = probed(&look(&mut run, views.clone(), 0), 0, "plane");
    assert!(rows(part(&parts, "why"))[0].0.contains("not moved"), "{parts:?}");
    let parts = probed(&look(&mut run, views, 20), 0, "plane");
    let live = |lane| run.run().lane(lane).expect("a lane").trainer.live().params.clone();
    let (start, first, second) = ([4.0f32, -1.0], live(0), live(1));
    assert_eq!(rows(part(&parts, "third")), [("1".to_string(), Vec::new())]);
    for ((_, away), end) in rows(part(&parts, "lanes")).iter().zip([&first, &second]) {
        let way = (end[0] - start[0]).hypot(end[1] - start[1]);
        assert!(away[0] < 1e-6 && (away[1] - way).abs() < 1e-6, "{away:?} {way}");
    }
    // The axes, from the points that span them.
    let e = [(first[0] - start[0]), (first[1] - start[1])].map(f64::from);
    let length = e[0].hypot(e[1]);
    let e = e.map(|v| v / length);
    let side = f64::from(second[0] - start[0]) * -e[1] + f64::from(second[1] - start[1]) * e[0];
    let other = [-e[1] * side.signum(), e[0] * side.signum()];
    let ends = rows(part(&parts, "paths"));
    assert_eq!(ends[0].1[..2], [0.0, 0.0]);
    let last = &ends[1].1[ends[1].1.len() - 2..];
    assert!((f64::from(last[1]) - side.abs()).abs() < 1e-5, "{last:?} {side}");
    let Data::Grid { width, values, extent } = part(&parts, "loss") else { panic!() };
    let rows = values.len() / width;
    let [left, right, bottom, top] = extent.map(f64::from);
    for (i, value) in values.iter().enumerate() {
        let x = left + (right - left) * ((i % width) as f64 + 0.5) / *width as f64;
        let y = top + (bottom - top) * ((i / width) as f64 + 0.5) / rows as f64;
        let at = [0, 1].map(|k| f64::from(start[k]) + x * e[k] + y * other[k]);
        let exact = (at[0] + 2.0 * at[1] - 7.0).powi(2) + (2.0 * at[0] + at[1] - 5.0).powi(2);
        assert!((f64::from(*value) - exact).abs() < 1e-4 * (1.0 + exact), "{value} {exact} at {at:?}");
    }
}
