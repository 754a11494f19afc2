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
                r#"(data: Surface(Booth, start: (2.0, 4.0)), steps: 2000, lanes: [(name: "a", optimizer: {optimizer})])"#
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
