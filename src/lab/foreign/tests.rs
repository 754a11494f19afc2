//! Tests of logs of other programs as lanes: the events for the screen while the logs grow.

use super::*;
use crate::logs;
use crate::telemetry::finding::Finding;
use std::fs;
use std::io::Write as _;

/// The reported steps, with loss and the norms of the first layer.
fn told(events: &[Event]) -> Vec<(u64, Option<f64>, Option<f32>)> {
    let of = |event: &Event| match event {
        Event::Measured { measure, layers, .. } => {
            let first = layers.first().and_then(|l| l.get(LayerNumber::GradNorm));
            Some((measure.step, measure.get(Number::Loss), first))
        }
        _ => None,
    };
    events.iter().filter_map(of).collect()
}

fn phases(events: &[Event]) -> Vec<Phase> {
    let of = |event: &Event| if let Event::Phase { phase, .. } = event { Some(phase.clone()) } else { None };
    events.iter().filter_map(of).collect()
}

/// The findings about a log of this text.
fn judged(name: &str, text: &str) -> LogFindings {
    let dir = tempfile::TempDir::with_prefix("gradtui-").expect("a folder");
    let path = dir.path().join(name);
    fs::write(&path, text).expect("written");
    diagnosis(logs::open(&path, &[]).expect("a log").remove(0))
}

#[test]
fn null_is_no_divergence_unless_it_takes_the_place_of_every_later_number() {
    let rows = |value: &dyn Fn(u32) -> String| -> String {
        (0..40).flat_map(|i| [format!("{{\"step\": {i}, "), value(i), "}\n".into()]).collect()
    };
    let sparse = |i: u32| {
        let checked = if i % 10 == 5 { "1.5" } else { "null" };
        format!("\"loss\": {}, \"val_loss\": {checked}", 40 - i)
    };
    let found = judged("m.jsonl", &rows(&sparse));
    assert_eq!(found.divergence, None);
    let validation_last = |i: u32| {
        if i % 10 == 9 { "\"loss\": null, \"val_loss\": 2".into() } else { format!("\"loss\": {}", 40 - i) }
    };
    let found = judged("m.jsonl", &rows(&validation_last));
    assert_eq!(found.divergence, None);
    let lost = |i: u32| format!("\"loss\": {}", if i < 30 { (40 - i).to_string() } else { "null".into() });
    let found = judged("m.jsonl", &rows(&lost));
    assert_eq!(found.divergence.map(|d| d.step), Some(30), "many programs write NaN so");
}

#[test]
fn rows_of_single_layers_are_judged_as_layers_and_not_as_the_whole_network() {
    let calm = |text: &str| {
        let found = judged("m.jsonl", text);
        let reported: Vec<String> = found.diagnosis.reported().map(Finding::line).collect();
        assert_eq!((reported, found.divergence), (Vec::new(), None), "{text}");
        assert!(found.diagnosis.checked.contains(&"exploding-gradient"), "{:?}", found.diagnosis);
    };
    let each = |row: &dyn Fn(u32, u32) -> String| -> String {
        (0..30).flat_map(|i| (0..3).map(move |k| (i, k))).map(|(i, k)| row(i, k) + "\n").collect()
    };
    calm(&each(&|i, k| {
        format!("{{\"step\": {i}, \"layer\": \"fc{k}\", \"grad_norm\": {}}}", (k + 1) * (i + 9))
    }));
    calm(&each(&|i, k| format!("{{\"step\": {i}, \"layer\": {k}, \"grad_norm\": {}}}", (k + 1) * (i + 9))));
    calm(&each(&|i, k| {
        format!("{{\"step\": {}, \"grad_norm/fc{k}.weight\": {}}}", 3 * i + k, (k + 1) * (i + 9))
    }));
    let wide = |i: u32| {
        format!("{{\"step\": {i}, \"loss\": 1, \"layer0/grad_norm\": {}, \"layer1/grad_norm\": 3}}\n", 2 + i)
    };
    calm(&(0..30).map(wide).collect::<String>());
}

#[test]
fn what_could_not_be_read_is_told_with_the_findings() {
    let rows = |i: u32| format!("{{\"step\": {i}, \"loss\": {}}}\n", 40 - i);
    let whole: String = (0..20).map(rows).collect();
    assert_eq!(judged("m.jsonl", &whole).unread, Vec::<String>::new());
    let damaged = whole.clone() + "x{]\n" + &(20..30).map(rows).collect::<String>();
    assert!(judged("m.jsonl", &damaged).unread[0].contains("1 lines are no JSON objects"));
}

#[test]
fn a_log_is_told_once_as_it_grows_and_anew_where_an_earlier_step_gets_more() {
    let dir = tempfile::TempDir::with_prefix("gradtui-").expect("a folder");
    let path = dir.path().join("m.jsonl");
    fs::write(&path, "{\"step\": 0, \"loss\": 3}\n{\"step\": 10, \"loss\": 2}\n").expect("written");
    let mut lane = Foreign::new(logs::open(&path, &[]).expect("a log").remove(0), 0, "a".into());
    let second = Duration::from_secs(1);
    let events = lane.poll(second);
    assert!(matches!(events[0], Event::Started { .. }));
    assert_eq!(told(&events), [(0, Some(3.0), None), (10, Some(2.0), None)]);
    assert_eq!(phases(&events), [Phase::Paused], "nobody knows yet whether it grows");
    assert_eq!(lane.poll(second * 2), []);
    let mut file = fs::OpenOptions::new().append(true).open(&path).expect("a file");
    file.write_all(b"{\"step\": 20, \"loss\": 1, \"val_loss\": 1.5}\n").expect("written");
    let events = lane.poll(second * 3);
    assert_eq!((told(&events), phases(&events)), (vec![(20, Some(1.0), None)], vec![Phase::Running]));
    assert!(events.iter().any(|e| matches!(e, Event::Evaluated { .. })));
    // Gradient norms arrive for a reported step: the lane is reported again, with its layers.
    file.write_all(b"{\"step\": 20, \"grads/a.weight\": 3, \"grads/a.bias\": 4, \"grads/b.weight\": 1}\n")
        .expect("written");
    let events = lane.poll(second * 4);
    let Event::Started { info, .. } = &events[0] else { panic!("{events:?}") };
    assert_eq!(info.layers.iter().map(|l| &l.label[..]).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(told(&events).last(), Some(&(20, Some(1.0), Some(5.0))));
    // If the log has no total norm, that of the layers replaces it.
    let total = events.iter().find_map(|e| {
        if let Event::Measured { measure, .. } = e { measure.get(Number::GradNorm) } else { None }
    });
    assert!((total.expect("a total") - 26f64.sqrt()).abs() < 1e-12);
    assert_eq!(phases(&lane.poll(second * 60)), [Phase::Paused]);
    file.write_all(b"{\"step\": 30, \"loss\": NaN}\n").expect("written");
    let events = lane.poll(second * 61);
    assert!(matches!(&phases(&events)[..], [Phase::Diverged(d)] if d.step == 30), "{events:?}");
}
