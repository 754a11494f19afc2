//! Tests of probes in short runs on several kinds of data.

use crate::engine::data::NoFiles;
use crate::lab::experiment::Experiment;
use crate::lab::run::Run;
use crate::lab::stepped::SteppedRun;
use crate::registry::SettingValue as _;
use crate::scenario::{DataConfig, Scenario, read};
use crate::telemetry::{Command, Data, Event, LaneId, ProbeRequest, Sample};
use std::sync::Arc;

fn stepped(text: &str) -> SteppedRun {
    let scenario: Scenario = read(text).expect("a scenario");
    let mut stepped = SteppedRun::new(Run::new(
        Experiment::new(scenario, &NoFiles).expect("it builds"),
        None,
        Arc::new(NoFiles),
    ));
    stepped.drain();
    stepped
}

fn parse(text: &str) -> DataConfig {
    DataConfig::parse(text).expect("data")
}

/// The parts of a lane's probe among these events.
fn probed(events: &[Event], of: LaneId, what: &str) -> Vec<(String, Data)> {
    let found = events.iter().find_map(|e| match e {
        Event::Probed { lane, name, parts, .. } if *lane == of && *name == what => Some(parts.clone()),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("no {what} of lane {of}"))
}

fn part<'a>(parts: &'a [(String, Data)], name: &str) -> &'a Data {
    &parts.iter().find(|p| p.0 == name).unwrap_or_else(|| panic!("no part {name}")).1
}

fn rows(data: &Data) -> &[(String, Vec<f32>)] {
    let Data::Table { rows, .. } = data else { panic!("{data:?}") };
    rows
}

fn look(stepped: &mut SteppedRun, views: Vec<ProbeRequest>, steps: u64) -> Vec<Event> {
    stepped.send(Command::Watch(views));
    stepped.send(Command::Run);
    stepped.advance(steps);
    stepped.look();
    stepped.drain()
}

const VALLEY: &str = r#"(
    data: Surface(Rosenbrock, start: (-1.0, 1.5)), steps: 1000,
    lanes: [(name: "a", optimizer: Sgd(0.001)), (name: "b", optimizer: Adam(0.01))],
)"#;

#[test]
fn a_path_goes_from_the_start_to_where_the_lane_is() {
    let mut run = stepped(VALLEY);
    let extent = [-2.0, 2.0, -1.0, 3.0];
    let mut views: Vec<ProbeRequest> = (0..2).map(|lane| ProbeRequest::of("path", lane)).collect();
    views.push(ProbeRequest { grid: (40, 20), extent, ..ProbeRequest::of("landscape", 0) });
    let events = look(&mut run, views, 50);
    for lane in 0..2 {
        let parts = probed(&events, lane, "path");
        let Data::Series(points) = part(&parts, "points") else { panic!() };
        let live = &run.run().lane(lane).expect("a lane").trainer.live().params;
        assert_eq!((points.len(), &points[..2], &points[100..]), (102, &[-1.0, 1.5][..], &live[..]));
        let (x, y) = (f64::from(live[0]), f64::from(live[1]));
        let height = (1.0 - x).powi(2) + 100.0 * (y - x * x).powi(2);
        let Data::Scalar(value) = part(&parts, "value") else { panic!() };
        assert!((value - height).abs() < 1e-9 * height, "{value} {height}");
    }
    let parts = probed(&events, 0, "landscape");
    let Data::Grid { width: 40, values, .. } = part(&parts, "heights") else { panic!() };
    // Row 9 and column 29 hold (0.95, 1.1), near the minimum; the corner at the top left is high above it.
    assert!(values[9 * 40 + 29] < 5.0 && values[0] > 10.0, "{} {}", values[9 * 40 + 29], values[0]);
    stepped_on_is_not_computed_again(&mut run);
}

fn stepped_on_is_not_computed_again(run: &mut SteppedRun) {
    run.advance(5);
    run.look();
    let names: Vec<_> = run
        .drain()
        .iter()
        .filter_map(|e| if let Event::Probed { name, .. } = e { Some(*name) } else { None })
        .collect();
    assert_eq!(names, ["path", "path"], "the landscape stands still");
}

#[test]
fn another_start_is_another_run_of_the_same_lanes() {
    let mut run = stepped(VALLEY);
    look(&mut run, vec![ProbeRequest::of("path", 1)], 30);
    let moved = parse("Surface(Sphere, start: (2.0, -0.5), noise: 0.1)");
    run.send(Command::Data(Box::new(moved.clone())));
    let events = run.drain();
    let started: Vec<_> = events
        .iter()
        .filter_map(|e| {
            if let Event::Started { lane, info, step: 0 } = e {
                Some((*lane, info.name.clone()))
            } else {
                None
            }
        })
        .collect();
    assert_eq!(started, [(0, "a".to_string()), (1, "b".to_string())]);
    let saved = run.run().scenario();
    assert_eq!(saved.data, moved, "as saved");
    assert_eq!(saved.lanes.iter().map(|l| l.network.clone()).collect::<Vec<_>>(), [None, None]);
    assert_eq!(read(&saved.to_ron()).map(|s| s.data).ok(), Some(moved));
    run.advance(10);
    run.look();
    let parts = probed(&run.drain(), 1, "path");
    let Data::Series(points) = part(&parts, "points") else { panic!() };
    assert_eq!((points.len(), &points[..2]), (22, &[2.0, -0.5][..]));
}

const MEMORY: &str = r#"(
    data: Adding(samples: 200, length: 20), network: [Rnn(8)], init: Orthogonal(1.5), loss: Mse(), optimizer: Sgd(0.0001), steps: 100,
    lanes: [(name: "rnn"), (name: "lstm", network: [Lstm(8)]), (name: "gru", network: [Gru(8)])],
)"#;

#[test]
fn the_gradient_through_time_has_a_norm_for_every_step_of_the_sequence() {
    let mut run = stepped(MEMORY);
    let views = (0..3).map(|lane| ProbeRequest::of("through_time", lane)).collect();
    let events = look(&mut run, views, 1);
    for (lane, gates) in [(0, 1), (1, 4), (2, 3)] {
        let parts = probed(&events, lane, "through_time");
        let norms = rows(part(&parts, "norms"));
        assert_eq!((norms.len(), norms[0].1.len()), (1, 20));
        assert!(norms[0].1.iter().all(|n| n.is_finite() && *n > 0.0), "{norms:?}");
        let radius = rows(part(&parts, "radius"));
        assert_eq!((radius.len(), radius[0].1.len(), &radius[0].0), (1, gates, &norms[0].0));
        if lane == 0 {
            // The state after one small step from an orthogonal matrix times 1.5.
            assert!((radius[0].1[0] - 1.5).abs() < 0.05, "{radius:?}");
        }
    }
    let data = parse("Adding(samples: 200, length: 35)");
    run.send(Command::Data(Box::new(data)));
    run.advance(2);
    run.look();
    let parts = probed(&run.drain(), 1, "through_time");
    assert_eq!(rows(part(&parts, "norms"))[0].1.len(), 35);
}

#[test]
fn data_that_do_not_fit_change_nothing() {
    let mut run = stepped(MEMORY);
    let before = run.run().scenario();
    run.send(Command::Data(Box::new(parse("Xor()"))));
    let events = run.drain();
    assert!(matches!(&events[..], [Event::Notice(text)] if text.contains("unchanged")), "{events:?}");
    assert_eq!(run.run().scenario(), before);
}

#[test]
fn a_weight_is_seen_as_soon_as_a_step_was_shown() {
    let mut run = stepped(MEMORY);
    let view = |weight| vec![ProbeRequest { number: weight, ..ProbeRequest::of("microscope", 0) }];
    run.send(Command::Watch(view(3)));
    run.look();
    let parts = probed(&run.drain(), 0, "microscope");
    let slots = rows(part(&parts, "slots"));
    let names: Vec<_> = slots.iter().map(|s| &s.0[..]).collect();
    assert_eq!(names[0], "1 Rnn 8 weight_ih");
    assert_eq!(slots[1].1, [64.0, 8.0]);
    assert!(!parts.iter().any(|p| p.0 == "terms"), "no step yet");
    let events = look(&mut run, view(3), 1);
    let parts = probed(&events, 0, "microscope");
    let terms = rows(part(&parts, "terms"));
    let value = |name: &str| terms.iter().find(|t| t.0 == name).map(|t| t.1[0]);
    let (Some(g), Some(lr), Some(step)) = (value("g"), value("lr"), value("Δθ")) else {
        panic!("{terms:?}")
    };
    assert!((step + lr * g).abs() < 1e-3 * (lr * g).abs() + 2e-7, "Sgd: {step} = -{lr} · {g}");
    // Another weight of the same step.
    run.send(Command::Watch(view(70)));
    run.look();
    assert_eq!(part(&probed(&run.drain(), 0, "microscope"), "weight"), &Data::Scalar(70.0));
}

#[test]
fn a_rewound_lane_and_an_undone_edit_show_the_step_before() {
    let views = || {
        vec![
            ProbeRequest { number: 3, ..ProbeRequest::of("microscope", 0) },
            ProbeRequest::of("through_time", 0),
        ]
    };
    let probes = |run: &mut SteppedRun| {
        run.look();
        let events = run.drain();
        ["microscope", "through_time"].map(|name| probed(&events, 0, name))
    };
    let at = |step: u64| {
        let mut run = stepped(MEMORY);
        run.send(Command::Watch(views()));
        run.send(Command::Step(step));
        run.pass(0.0, None);
        run
    };
    let wanted = probes(&mut at(20));
    assert!(wanted[0].iter().any(|p| p.0 == "terms"));
    let mut run = at(30);
    run.drain();
    run.send(Command::Rewind { lane: Some(0), step: 20 });
    assert_eq!(probes(&mut run), wanted, "rewound");
    // The edited optimizer did not make the step that is shown.
    let scenario = run.run().scenario();
    let (name, mut recipe) = (scenario.lanes[0].name.clone(), scenario.recipe(&scenario.lanes[0]));
    recipe.set_at("optimizer", "Adam(0.01)").unwrap();
    run.send(Command::Set { lane: 0, name, recipe: Box::new(recipe) });
    assert_eq!(probes(&mut run), wanted, "edited");
    run.send(Command::Undo);
    assert_eq!(probes(&mut run), wanted, "undone");
}

#[test]
fn a_sample_is_shown_under_the_augmentations_of_its_own_lane() {
    let mut run = stepped(
        r#"(
        data: Digits(), train_samples: 50, network: [Dense(4)], steps: 10,
        lanes: [(name: "plain"), (name: "turned", augment: [Rotation(30), Mixup(1.0)]), (name: "still", augment: [Rotation(0)])],
    )"#,
    );
    let views = (0..3)
        .map(|lane| ProbeRequest {
            sample: Sample::Number(7),
            number: 5,
            ..ProbeRequest::of("augmented", lane)
        })
        .collect::<Vec<_>>();
    let events = look(&mut run, views, 3);
    let [plain, turned, still] = [0, 1, 2].map(|lane| probed(&events, lane, "augmented"));
    let draws = |parts: &[(String, Data)]| parts.iter().filter(|p| p.0.starts_with("draw")).count();
    assert_eq!((draws(&plain), draws(&turned), draws(&still)), (0, 5, 5));
    assert_eq!(part(&turned, "image"), part(&plain, "image"));
    assert_ne!(part(&turned, "draw 0"), part(&turned, "image"));
    assert_ne!(part(&turned, "draw 0"), part(&turned, "draw 1"));
    assert_eq!(part(&still, "draw 4"), part(&plain, "image"));
    assert_eq!(part(&turned, "sample"), &Data::Scalar(7.0));
}

const DIGITS: &str = r#"(
    data: Digits(), train_samples: 500, network: [Flatten(), Dense(16), Tanh()], steps: 400, batch: 50,
    optimizer: Adam(0.005),
    lanes: [(name: "a"), (name: "b", init: HeNormal(), prediction: Smoothing(0.1, draws: 4))],
)"#;

fn number(parts: &[(String, Data)], name: &str) -> f64 {
    let Data::Scalar(x) = part(parts, name) else { panic!("{name}") };
    *x
}

fn attack(lane: LaneId, sample: Sample, attack: &str, target: Option<u32>) -> ProbeRequest {
    ProbeRequest { sample, attack: attack.into(), target, ..ProbeRequest::of("adversarial", lane) }
}

#[test]
fn the_least_size_fools_and_half_of_it_does_not() {
    let mut run = stepped(DIGITS);
    let events = look(&mut run, vec![attack(0, Sample::Hardest, "Fgsm(eps: 0.02)", None)], 200);
    let hardest = probed(&events, 0, "adversarial");
    let least = number(&hardest, "least");
    assert!(least > 0.0 && number(&hardest, "label") == number(&hardest, "before"), "{hardest:?}");
    let sample = Sample::Number(number(&hardest, "sample") as usize);
    for (eps, fooled) in [(least, true), (0.5 * least, false)] {
        let events = look(&mut run, vec![attack(0, sample, &format!("Fgsm(eps: {eps})"), None)], 0);
        let parts = probed(&events, 0, "adversarial");
        assert_eq!(number(&parts, "before") != number(&parts, "after"), fooled, "at {eps} of {least}");
        assert_eq!(number(&parts, "least"), least, "whatever size is looked at");
    }
    // No correctly classified sample has a smaller margin.
    for other in 0..40 {
        let events = look(&mut run, vec![attack(0, Sample::Number(other), "Fgsm(eps: 0.02)", None)], 0);
        let parts = probed(&events, 0, "adversarial");
        let right = number(&parts, "label") == number(&parts, "before");
        assert!(!right || number(&parts, "least") > 0.2 * least, "sample {other}: {parts:?}");
    }
}

#[test]
fn accuracy_against_size_begins_clean_and_falls_under_the_attack() {
    let mut run = stepped(DIGITS);
    let views = [0, 1].map(|lane| ProbeRequest { attack: "Pgd()".into(), ..ProbeRequest::of("sizes", lane) });
    let events = look(&mut run, views.into(), 200);
    for lane in [0, 1] {
        let parts = probed(&events, lane, "sizes");
        let curve = rows(part(&parts, "curve"));
        let (first, last) = (&curve[0].1, &curve[curve.len() - 1].1);
        assert!(first[0] == 0.0 && first[1] == first[2] && first[1] > 0.7, "{curve:?}");
        assert!(last[1] < 0.1 && last[2] > last[1] && (last[0] - 0.5).abs() < 1e-6, "{curve:?}");
    }
    let events =
        look(&mut run, vec![ProbeRequest { attack: "DeepFool()".into(), ..ProbeRequest::of("sizes", 0) }], 1);
    assert!(rows(part(&probed(&events, 0, "sizes"), "curve")).is_empty(), "it has no size");
}

#[test]
fn tables_are_attacked_within_the_range_of_each_feature() {
    for (data, network) in [("Iris()", "[Dense(8), Tanh()]"), ("Wine()", "[Dense(6), Relu()]")] {
        let text = format!("(data: {data}, network: {network}, steps: 50, lanes: [(name: \"a\")])");
        let mut run = stepped(&text);
        let events = look(&mut run, vec![attack(0, Sample::Number(1), "Fgsm(eps: 100)", None)], 20);
        let parts = probed(&events, 0, "adversarial");
        let features = rows(part(&parts, "features"));
        assert!(!features.is_empty(), "{data}");
        let range = &run.run().lane(0).expect("at hand").trainer.data().range;
        for ((_, values), (low, high)) in features.iter().zip(range) {
            assert!(values[1] >= *low && values[1] <= *high, "{data}: {values:?} in {low} to {high}");
        }
    }
}

#[test]
fn a_picture_that_is_none_is_told_and_one_of_ones_own_is_attacked() {
    let mut run = stepped(DIGITS);
    run.send(Command::Picture("/nowhere/cat.png".into()));
    let notice = |events: &[Event]| {
        events.iter().find_map(|e| if let Event::Notice(text) = e { Some(text.clone()) } else { None })
    };
    assert!(notice(&run.drain()).expect("a notice").contains("no such file"));
    let place = tempfile::TempDir::with_prefix("gradtui-").expect("a directory");
    let path = place.path().join("own.png");
    image::GrayImage::from_pixel(20, 20, image::Luma([0])).save(&path).expect("written");
    run.send(Command::Picture(path.to_string_lossy().into_owned()));
    assert!(notice(&run.drain()).expect("a notice").contains("brought to 8x8 grey"));
    let events = look(&mut run, vec![attack(0, Sample::Own, "Fgsm(eps: 0.2)", Some(3))], 50);
    let parts = probed(&events, 0, "adversarial");
    assert!(rows(part(&parts, "how"))[0].0.contains("20x20"), "{parts:?}");
    assert!(parts.iter().all(|(name, _)| name != "label" && name != "sample"));
    assert!((number(&parts, "linf") - 0.2).abs() < 1e-6);
}

/// An NPY file of numbers of 32 bits.
fn npy(sizes: &str, values: &[f32]) -> Vec<u8> {
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({sizes}), }}\n");
    let mut out = b"\x93NUMPY\x01\x00".to_vec();
    out.extend((header.len() as u16).to_le_bytes());
    out.extend(header.as_bytes());
    out.extend(values.iter().flat_map(|x| x.to_le_bytes()));
    out
}

/// 120 sequences of 12 steps of 2 numbers; the class states whether the first feature rises or falls.
struct Waves;

impl crate::engine::data::Files for Waves {
    fn read(&self, path: &str, _: u64) -> Result<Vec<u8>, String> {
        let class = |i: usize| (i % 2) as f32;
        if path == "y.npy" {
            return Ok(npy("120,", &(0..120).map(class).collect::<Vec<_>>()));
        }
        let value = |at: usize| {
            let (i, step, column) = (at / 24, at / 2 % 12, at % 2);
            let slope = if class(i) == 1.0 { 0.1 } else { -0.1 };
            let offset = (i * 7 % 11) as f32 / 20.0;
            if column == 0 { offset + slope * step as f32 } else { offset }
        };
        Ok(npy("120, 12, 2", &(0..120 * 24).map(value).collect::<Vec<_>>()))
    }
    fn list(&self, _: &str) -> Result<Vec<crate::engine::data::DirectoryEntry>, String> {
        Err("no directories".into())
    }
}

#[test]
fn sequences_with_one_class_a_sample_are_attacked_step_by_step() {
    let scenario: Scenario = read(
        r#"(
        data: Npy(path: "x.npy", labels: "y.npy"), network: [Gru(8)], optimizer: Adam(0.02), batch: 20, steps: 200,
        robustness: (eps: 1.2, every: 200, samples: 24),
        lanes: [(name: "gru"), (name: "lstm", network: [Lstm(6)], defence: AdversarialTraining(Fgsm(0.05)))],
    )"#,
    )
    .expect("a scenario");
    let experiment = Experiment::new(scenario, &Waves).expect("it builds");
    let mut run = SteppedRun::new(Run::new(experiment, None, Arc::new(NoFiles)));
    let views = vec![
        attack(0, Sample::Number(1), "Pgd(eps: 0.5)", None),
        ProbeRequest::of("through_time", 0),
        ProbeRequest { attack: "Fgsm()".into(), ..ProbeRequest::of("sizes", 1) },
    ];
    let events = look(&mut run, views, 200);
    let parts = probed(&events, 0, "adversarial");
    assert_eq!(number(&parts, "features"), 24.0, "every number of every step");
    assert_eq!(number(&parts, "label"), number(&parts, "before"), "it has learnt them: {parts:?}");
    assert!(number(&parts, "least") > 0.0 && number(&parts, "linf") > 0.0, "{parts:?}");
    let robust = probed(&events, 0, "robustness");
    assert!(
        number(&robust, "clean") > 0.9 && number(&robust, "pgd") < number(&robust, "clean"),
        "{robust:?}"
    );
    assert_eq!(rows(part(&probed(&events, 0, "through_time"), "norms"))[0].1.len(), 12);
    assert!(!rows(part(&probed(&events, 1, "sizes"), "curve")).is_empty());
}

#[test]
fn sequences_without_a_class_a_sample_are_refused_and_it_is_said_why() {
    for (data, words) in [
        ("Adding(samples: 60, length: 10)", "numbers to predict, no class per sample"),
        ("Parity(samples: 60, length: 10)", "a class for every time step, none per sample"),
        ("DelayedEcho(samples: 60)", "numbers to predict, no class per sample"),
    ] {
        let text = format!(
            r#"(data: {data}, network: [Rnn(4)], loss: Mse(), robustness: (), lanes: [(name: "a")])"#
        );
        let faults = read(&text).expect_err("refused");
        let said = format!("{faults:?}");
        assert!(
            said.contains("robustness needs a classifier of whole samples") && said.contains(words),
            "{said}"
        );
    }
}

#[test]
fn while_a_lane_trains_its_least_size_is_followed_and_where_it_halts_it_is_sought_anew() {
    let view = || attack(0, Sample::Number(3), "Pgd(eps: 0.1, steps: 5)", None);
    let mut run = stepped(DIGITS);
    look(&mut run, vec![view()], 100);
    let mut said = Vec::new();
    for _ in 0..30 {
        run.advance(5);
        run.look();
        said.push(number(&probed(&run.drain(), 0, "adversarial"), "least"));
    }
    run.send(Command::Pause);
    run.look();
    let halted = number(&probed(&run.drain(), 0, "adversarial"), "least");
    run.look();
    assert!(
        run.drain().iter().all(|e| !matches!(e, Event::Probed { name: "adversarial", .. })),
        "once is enough"
    );
    // A first look, without a hint, finds the same size up to the resolution of the search.
    let mut other = stepped(DIGITS);
    other.send(Command::Run);
    other.advance(250);
    let fresh = number(&probed(&look(&mut other, vec![view()], 0), 0, "adversarial"), "least");
    assert!((halted - fresh).abs() <= 2.0 / 512.0, "{halted} {fresh}");
    assert!((said[29] - fresh).abs() <= 6.0 / 512.0, "{said:?} {fresh}");
}

#[test]
fn a_sequence_comes_with_what_is_wanted_and_what_is_answered() {
    let parts_of = |data: &str, loss: &str, all: bool| {
        let text = format!(
            "(data: {data}, network: [Rnn(4, all: {all})], loss: {loss}, steps: 9, lanes: [(name: \"a\")])"
        );
        let view =
            ProbeRequest { sample: Sample::Number(2), grid: (8, 8), ..ProbeRequest::of("prediction", 0) };
        probed(&look(&mut stepped(&text), vec![view], 3), 0, "prediction")
    };
    let series = |parts: &[(String, Data)], name: &str| match part(parts, name) {
        Data::Series(values) => values.clone(),
        other => panic!("{other:?}"),
    };
    let parts = parts_of("Adding(samples: 50, length: 12)", "Mse()", false);
    let inputs = rows(part(&parts, "inputs"));
    let marked: f32 = inputs[0].1.iter().zip(&inputs[1].1).map(|(v, mark)| v * mark).sum();
    assert!((marked - series(&parts, "target")[0]).abs() < 1e-6, "the sum of the marked");
    assert!(inputs[0].1.len() == 12 && series(&parts, "answer").len() == 1);
    let parts = parts_of("Parity(samples: 50, length: 12)", "CrossEntropy()", true);
    let mut odd = 0.0;
    for (bit, target) in rows(part(&parts, "inputs"))[0].1.iter().zip(series(&parts, "target")) {
        odd = (odd + bit) % 2.0;
        assert_eq!(target, odd);
    }
    assert!(series(&parts, "answer").iter().all(|a| *a == 0.0 || *a == 1.0));
    assert_eq!(rows(part(&parts, "names")).len(), 2);
    let parts = parts_of("DelayedEcho(samples: 50, length: 12, delay: 3)", "Mse()", true);
    assert_eq!(series(&parts, "target")[3..], rows(part(&parts, "inputs"))[0].1[..9]);
    assert_eq!(series(&parts, "answer").len(), 12);
}

mod probes;
mod trials;
