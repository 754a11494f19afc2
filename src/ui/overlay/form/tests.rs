//! Tests of typing into forms, and of the resulting settings.

use super::*;
use crate::engine::attack::AttackConfig;
use crate::engine::init::InitConfig;
use crate::engine::layer::LayerConfig;
use crate::engine::optim::OptimizerConfig;
use crate::registry::SettingValue as _;
use crate::scenario::Recipe;
use crate::ui::theme::{Depth, Glyphs};
use crossterm::event::KeyModifiers;

fn lane() -> SettingsForm {
    SettingsForm::new(FormSubject::Lane { id: 0, name: "A".into(), recipe: Box::new(Recipe::default()) })
}

fn write(form: &mut SettingsForm, text: &str) {
    for c in text.chars() {
        form.typed(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE));
    }
}

/// The settings of an accepted form.
fn taken(form: &mut SettingsForm) -> FormSubject {
    match form.act(Action::Accept) {
        Answer::Changed(subject) => *subject,
        other => panic!("not taken: {other:?}"),
    }
}

fn select(form: &mut SettingsForm, path: &str) {
    form.selected = form.rows.iter().position(|r| r.path == path).expect("a row of this path");
}

#[test]
fn a_number_is_taken_only_when_it_is_in_range() {
    let mut form = lane();
    select(&mut form, "optimizer.lr");
    write(&mut form, "-1");
    assert!(form.fault().is_some_and(|f| f.contains("out of range")));
    assert_eq!(form.act(Action::Accept), Answer::Nothing);
    let here = form.selected;
    form.act(Action::Down);
    assert_eq!(form.selected, here, "what is wrong is not left behind");
    form.fresh = true;
    write(&mut form, "0.25");
    assert_eq!(form.fault(), None, "typing on a number replaces it");
    form.act(Action::Down);
    form.act(Action::Up);
    assert_eq!(form.rows[form.selected].typed(), "0.25");
    let FormSubject::Lane { recipe, .. } = taken(&mut form) else { panic!("another subject") };
    assert_eq!(recipe.optimizer.lr(), 0.25);
}

#[test]
fn a_fork_may_have_another_network_and_says_that_it_starts_anew() {
    let mut recipe = Recipe::default();
    recipe.set_at("network", "[Dense(8), Relu()]").unwrap();
    let recipe = Box::new(recipe);
    let lane = Box::new(FormSubject::Lane { id: 0, name: "A at 3".into(), recipe: recipe.clone() });
    let fork = FormSubject::Fork { from: ('A', 3), ground: recipe, carry: Carry::All, lane };
    let mut form = SettingsForm::new(fork);
    assert_eq!(form.rows[form.selected].path, "optimizer", "the first row to change");
    let area = Rect::new(0, 0, 50, 40);
    let mut buf = Buffer::empty(area);
    form.draw(&Theme::dark(Depth::Mono, Glyphs::Ascii), area, &mut buf);
    let lines = (0..40).map(|y| (0..50).map(|x| buf[(x, y)].symbol()).collect::<String>());
    let network = lines.into_iter().find(|line| line.contains("network")).expect("a row");
    assert!(network.contains("[Dense(units: 8)") && !network.contains("default"), "{network}");
    assert!(form.warning().contains("continue"));
    select(&mut form, "network");
    assert_eq!(form.rows[form.selected].typed(), "[Dense(units: 8), Relu()]");
    write(&mut form, "[Dense(8), Rel()]");
    assert!(form.fault().is_some_and(|f| f.contains("Relu")), "{:?}", form.fault());
    form.fresh = true;
    write(&mut form, "[Dense(8), Tanh()]");
    assert!(form.warning().contains("starts at step 0"), "before the row is left");
    let FormSubject::Fork { lane, .. } = taken(&mut form) else { panic!("another subject") };
    let FormSubject::Lane { recipe, .. } = *lane else { panic!() };
    assert_eq!(recipe.network[1].name(), "Tanh");
    assert!(form.warning().contains("starts at step 0"));
}

#[test]
fn the_answer_to_a_question_is_chosen_by_its_number() {
    let question =
        "(ask: \"Which?\", choices: [(text: \"none\"), (text: \"two\"), (text: \"all 2\")], right: 2)";
    let question = Box::new(crate::scenario::lesson::Predict::parse(question).expect("a question"));
    let mut form = SettingsForm::new(FormSubject::Question { question, guess: None, reason: String::new() });
    write(&mut form, "3");
    let FormSubject::Question { guess, .. } = taken(&mut form) else { panic!("another subject") };
    assert_eq!(guess, Some(3.0));
    write(&mut form, "9");
    let FormSubject::Question { guess, .. } = taken(&mut form) else { panic!("another subject") };
    assert_eq!(guess, Some(3.0), "there is no ninth");
}

#[test]
fn a_long_name_and_its_value_stand_beside_one_another() {
    let optimizer = OptimizerConfig::parse("Adagrad(0.1, initial_accumulator_value: 0.75)").unwrap();
    let recipe = Box::new(Recipe { optimizer, ..Recipe::default() });
    let form = SettingsForm::new(FormSubject::Lane { id: 0, name: "A".into(), recipe });
    let area = Rect::new(0, 0, 80, 60);
    let mut buf = Buffer::empty(area);
    form.draw(&Theme::dark(Depth::Mono, Glyphs::Ascii), area, &mut buf);
    let line = |y| (0..80).map(|x| buf[(x, y)].symbol()).collect::<String>();
    let found = (0..60).map(line).find(|l| l.contains("initial_"));
    assert!(found.as_ref().is_some_and(|l| l.contains("initial_accumulator_value  0.75")), "{found:?}");
}

#[test]
fn another_optimizer_brings_its_own_fields() {
    let mut form = lane();
    select(&mut form, "optimizer");
    form.typed(KeyEvent::new(KeyCode::Char('a'), KeyModifiers::NONE));
    let FormSubject::Lane { recipe, .. } = &form.subject else { panic!() };
    assert!(recipe.optimizer.name().starts_with('A'));
    for _ in 0..OptimizerConfig::NAMES.len() {
        assert_eq!(form.act(Action::Right), Answer::Nothing, "nothing is done before it is taken");
        let FormSubject::Lane { recipe, .. } = &form.subject else { panic!() };
        let want: Vec<_> =
            recipe.optimizer.settings().fields().iter().map(|f| format!("optimizer.{}", f.name)).collect();
        let have: Vec<_> =
            form.rows.iter().filter(|r| r.path.starts_with("optimizer.")).map(|r| r.path.clone()).collect();
        assert_eq!(want, have);
    }
}

#[test]
fn every_field_of_every_table_accepts_its_own_value() {
    let mut subjects = vec![lane().subject];
    subjects.extend(LayerConfig::all().into_iter().map(|layer| FormSubject::Layer { path: vec![0], layer }));
    subjects.extend(InitConfig::all().into_iter().map(FormSubject::Init));
    subjects.extend(AttackConfig::all().into_iter().map(|attack| FormSubject::Attack {
        attack,
        target: Some(1),
        classes: vec!["cat".into(), "dog".into()],
    }));
    for optimizer in OptimizerConfig::all() {
        let recipe = Box::new(Recipe { optimizer, ..Recipe::default() });
        subjects.push(FormSubject::Lane { id: 0, name: "x".into(), recipe });
    }
    for subject in subjects {
        for row in subject.rows() {
            let mut same = subject.clone();
            assert_eq!(same.set(&row.path, &row.value), Ok(()), "{} {}", subject.title(), row.path);
            assert_eq!(same, subject, "{} {}", subject.title(), row.path);
        }
    }
}

#[test]
fn a_choice_is_found_by_the_beginning_of_its_name() {
    let named = |typed: &str| {
        let mut form = lane();
        select(&mut form, "optimizer");
        let answers: Vec<Answer> =
            typed.chars().map(|c| form.typed(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE))).collect();
        let FormSubject::Lane { recipe, .. } = &form.subject else { panic!() };
        (recipe.optimizer.name(), answers.last().cloned())
    };
    for name in OptimizerConfig::NAMES {
        assert_eq!(named(&name.to_lowercase()).0, *name, "typed whole");
    }
    assert_eq!(named("adamw").0, "AdamW");
    assert_eq!(named("mu").0, "Muon");
    assert_eq!(named("adamq").0, "Adam", "a letter that leads nowhere is not kept");
    assert_eq!(named("adamq").1, Some(Answer::Ignored));
}

#[test]
fn an_activation_becomes_another_one_in_place() {
    let sigmoid = LayerConfig::parse("Sigmoid()").expect("a layer");
    let mut form = SettingsForm::new(FormSubject::Layer { path: vec![1], layer: sigmoid });
    form.typed(KeyEvent::new(KeyCode::Char('r'), KeyModifiers::NONE));
    let FormSubject::Layer { layer, path } = taken(&mut form) else { panic!("another subject") };
    assert_eq!((layer.name(), path), ("Relu", vec![1]));
    // A layer with weights cannot be exchanged by mistake.
    let dense = LayerConfig::parse("Dense(8)").expect("a layer");
    let form = SettingsForm::new(FormSubject::Layer { path: vec![0], layer: dense });
    assert!(form.rows.iter().all(|r| r.path != "layer"));
}
