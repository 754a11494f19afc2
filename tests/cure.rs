//! Tests of the Diagnosis pane on real runs: the lane in front is examined, a cure becomes a lane beside it, and its
//! verdict is shown.

use crossterm::event::{KeyEvent, KeyModifiers};
use gradtui::engine::data::NoFiles;
use gradtui::lab::experiment::Experiment;
use gradtui::lab::run::Run;
use gradtui::lab::stepped::SteppedRun;
use gradtui::scenario::{Scenario, read};
use gradtui::telemetry::Event;
use gradtui::telemetry::finding::{CureOutcome, Examination};
use gradtui::ui::app::App;
use gradtui::ui::keymap::KeyPress;
use gradtui::ui::message::{Effect, Message};
use gradtui::ui::screen::picture;
use gradtui::ui::theme::{Depth, Glyphs, Theme};
use ratatui::layout::Size;
use std::sync::Arc;

/// Twelve layers with weights 1.6 times too large, which explode within five steps.
const WILD: &str = r#"(
    data: Moons(samples: 300, noise: 0.1), scaling: Standard, network: [Repeat(12, [Dense(16), Relu()])],
    init: Normal(0.6), optimizer: Sgd(0.03), batch: 32, steps: 500, evaluate_every: 50, lanes: [(name: "wild")],
)"#;

/// The lab with a run that trains only on request.
struct Lab {
    app: App,
    run: SteppedRun,
}

impl Lab {
    fn new(text: &str) -> Self {
        let scenario: Scenario = read(text).expect("a scenario");
        let theme = Theme::dark(Depth::True, Glyphs::Unicode);
        let app = App::new(scenario.clone(), Box::new(Vec::new), theme, Size::new(120, 50), false);
        let experiment = Experiment::new(scenario, &NoFiles).expect("an experiment");
        let mut lab = Self { app, run: SteppedRun::new(Run::new(experiment, None, Arc::new(NoFiles))) };
        lab.take_events();
        lab
    }

    fn take_events(&mut self) {
        for event in self.run.drain() {
            self.dispatch(Message::Event(event));
        }
    }

    fn dispatch(&mut self, message: Message) {
        for effect in self.app.update(message) {
            if let Effect::Command(command) = effect {
                self.run.send(command);
                self.take_events();
            }
        }
    }

    fn press(&mut self, keys: &str) {
        for key in keys.split(' ') {
            let key: KeyPress = key.parse().expect("a key");
            self.dispatch(Message::Key(KeyEvent::new(key.code, key.modifiers | KeyModifiers::NONE)));
        }
    }

    /// Trains all lanes to their end, and computes the probes.
    fn train(&mut self) {
        self.run.advance(100_000);
        self.run.look();
        self.take_events();
    }

    fn examined(&mut self) -> Examination {
        self.run.look();
        self.take_events();
        self.app.view.lanes[0].examination.clone().expect("an examination")
    }

    fn text(&self) -> String {
        let buf = picture(&self.app);
        let rows = buf.content.chunks(usize::from(buf.area.width));
        rows.map(|r| r.iter().map(ratatui::buffer::Cell::symbol).collect::<String>() + "\n").collect()
    }
}

#[test]
fn a_cure_is_trained_beside_the_sick_lane_and_its_verdict_told() {
    let mut lab = Lab::new(WILD);
    lab.press("space");
    lab.train();
    lab.press("D z");
    let examination = lab.examined();
    assert!(examination.trying.is_none(), "it is complete");
    let ids: Vec<_> = examination.diagnosis.reported().map(|f| f.id).collect();
    assert!(ids.contains(&"exploding-gradient") || ids.contains(&"init-too-large"), "{ids:?}");
    let first = examination.diagnosis.cures()[0].1.clone();
    assert_eq!(examination.outcome(&first).map(|t| t.verdict), Some(CureOutcome::Repaired), "{first:?}");
    let text = lab.text();
    assert!(text.contains(ids[0]) && text.contains("repaired on a copy"), "{text}");
    assert!(text.contains("Enter trains it beside this lane from step 0"), "{text}");

    lab.press("Enter");
    let [_, cure] = &lab.app.view.lanes[..] else { panic!("a lane beside it: {}", lab.text()) };
    assert_eq!(cure.info.fork.as_ref().map(|f| f.parent), Some(0));
    assert_eq!(cure.info.recipe.differences(&lab.app.view.lanes[0].info.recipe), first.changes);
    assert!(lab.text().contains("B beside it: not evaluated yet"), "{}", lab.text());
    lab.train();
    let text = lab.text();
    assert!(text.contains("B beside it: repaired: val accuracy lost to"), "{text}");
    lab.press("u");
    assert_eq!(lab.app.view.lanes.len(), 1, "the cure is one change, and can be undone");
}

#[test]
fn all_cures_are_one_change_and_none_is_trained_twice() {
    let mut lab = Lab::new(WILD);
    lab.press("space");
    lab.train();
    lab.press("D");
    let offered = lab.examined().diagnosis.cures().iter().filter(|(_, f)| !f.of_data()).count();
    assert!(offered > 1);
    lab.press("A");
    let lanes = lab.app.view.lanes.len();
    assert_eq!(lanes, 1 + offered.min(7));
    lab.press("A");
    assert_eq!(lab.app.view.lanes.len(), lanes, "{:?}", lab.app.notice());
    lab.press("u");
    assert_eq!(lab.app.view.lanes.len(), 1);
}

#[test]
fn a_healthy_lane_is_left_alone_and_a_changed_one_examined_anew() {
    let mut lab = Lab::new(&WILD.replace("Normal(0.6)", "HeNormal()"));
    lab.press("space");
    lab.run.advance(250);
    lab.press("D z");
    let healthy = lab.examined();
    assert_eq!(healthy.diagnosis.reported().count(), 0, "{:?}", healthy.diagnosis);
    assert_eq!(healthy.steps, 500, "its copy went on to the end of the run");
    assert!(lab.text().contains("nothing is wrong"), "{}", lab.text());
    lab.run.look();
    let again = |e: &Event| matches!(e, Event::Examined { .. });
    assert!(!lab.run.drain().iter().any(again), "it is not examined twice");

    // Back to the lanes, and another learning rate in the form of the lane.
    lab.press("D Enter Down 5 Enter");
    assert!(lab.app.view.lanes[0].examination.is_none(), "other settings: {}", lab.text());
    lab.train();
    lab.press("D");
    let sick = lab.examined();
    assert_eq!(sick.diagnosis.reported().next().map(|f| (f.id, f.step)), Some(("bad-edit", 250)));
    lab.press("Enter");
    lab.train();
    assert!(lab.text().contains("B beside it: repaired"), "{}", lab.text());
}
