//! Tests of the range test and of the single batch on trainings with known results.

use super::*;

fn number(parts: &[(String, Data)], name: &str) -> Option<f64> {
    parts.iter().find(|p| p.0 == name).map(|p| match p.1 {
        Data::Scalar(x) => x,
        ref other => panic!("{name}: {other:?}"),
    })
}

fn series<'p>(parts: &'p [(String, Data)], name: &str) -> &'p [f32] {
    match part(parts, name) {
        Data::Series(all) => all,
        other => panic!("{other:?}"),
    }
}

/// Booth's function is a quadratic with the largest eigenvalue 18: gradient descent is stable for rates below 2/18.
#[test]
fn a_range_test_finds_where_a_quadratic_runs_away_and_stays_below_it() {
    let text =
        r#"(data: Surface(Booth, start: (2.0, 4.0)), steps: 9, lanes: [(name: "a", optimizer: Sgd(0.001))])"#;
    let mut run = stepped(text);
    let parts = probed(&look(&mut run, vec![ProbeRequest::of("rates", 0)], 1), 0, "rates");
    let (least, away) = (number(&parts, "least").expect("a rate"), number(&parts, "away").expect("a rate"));
    let suggested = number(&parts, "suggested").expect("a rate");
    assert!(0.111 < away && away < 2.0, "{away}");
    assert!(
        suggested < 0.111 && suggested > 1e-4 && suggested < least && least < away,
        "{suggested} {least}"
    );
    let (rates, losses) = (series(&parts, "rates"), series(&parts, "losses"));
    assert_eq!(rates.len(), losses.len());
    assert!(rates.is_sorted() && (f64::from(rates[0]) - 1e-7).abs() < 1e-12, "{rates:?}");
}

#[test]
fn a_lane_that_hardly_moves_learns_no_batch() {
    let text = r#"(data: Xor(samples: 100), network: [Dense(4), Tanh()], steps: 9, batch: 16,
        lanes: [(name: "a", optimizer: Sgd(1e-9))])"#;
    let mut run = stepped(text);
    let parts = probed(&look(&mut run, vec![ProbeRequest::of("one batch", 0)], 1), 0, "one batch");
    assert_eq!((number(&parts, "samples"), number(&parts, "learnt")), (Some(16.0), None));
    assert_eq!(series(&parts, "losses").len(), 200);
}

#[test]
fn a_network_with_room_enough_learns_its_next_batch_by_heart() {
    let text = r#"(data: Digits(), network: [Dense(64), Relu()], steps: 9, batch: 32, augment: [Rotation(20)],
        lanes: [(name: "a", optimizer: Adam(0.01), schedule: Cosine())])"#;
    let mut run = stepped(text);
    let parts = probed(&look(&mut run, vec![ProbeRequest::of("one batch", 0)], 2), 0, "one batch");
    let learnt = number(&parts, "learnt").expect("by heart") as usize;
    let losses = series(&parts, "losses");
    assert!(losses.len() == learnt && losses[learnt - 1] <= 0.01 * losses[0], "{losses:?}");
    // Requested again after another step, it begins anew from the lane's state at that step.
    run.send(Command::Watch(Vec::new()));
    run.look();
    let again = probed(&look(&mut run, vec![ProbeRequest::of("one batch", 0)], 1), 0, "one batch");
    assert_ne!(series(&again, "losses")[0], losses[0]);
}
