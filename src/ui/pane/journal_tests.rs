//! Tests that an edit of a lane is visible: a tick with its text in the curves, and a mark at its name.

use crate::registry::SettingValue as _;
use crate::scenario::Edit;
use crate::telemetry::Event;
use crate::ui::app::App;
use crate::ui::fixture;
use crate::ui::message::Message;
use crate::ui::screen::picture;
use crate::ui::theme::{Depth, Glyphs, Theme};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Size;

/// An app whose first lane trained for 300 steps and was changed after 150.
fn changed(name: &str, field: &str, from: &str, to: &str) -> App {
    let theme = Theme::dark(Depth::True, Glyphs::Unicode);
    let mut app = App::new(fixture::scenario(), Box::new(Vec::new), theme, Size::new(120, 40), true);
    for event in fixture::events(300) {
        app.update(Message::Event(event));
    }
    let mut info = app.view.lanes[0].info.clone();
    info.name = name.into();
    info.recipe.set_at(field, to).expect("settable");
    let [lane, field, from, to] = [name, field, from, to].map(String::from);
    info.edits.push(Edit { step: 150, lane, field, from, to });
    app.update(Message::Event(Event::Changed { lane: 0, info: Box::new(info), step: 150 }));
    app
}

fn press(app: &mut App, code: KeyCode) {
    app.update(Message::Key(KeyEvent::new(code, KeyModifiers::NONE)));
}

fn text(app: &App) -> String {
    let buf = picture(app);
    let rows = buf.content.chunks(usize::from(buf.area.width));
    rows.map(|r| r.iter().map(ratatui::buffer::Cell::symbol).collect::<String>() + "\n").collect()
}

#[test]
fn a_change_is_a_tick_in_the_curves_and_tells_its_text_at_the_cursor() {
    let mut app = changed("SGD", "optimizer.lr", "0.1", "1000");
    let ticks = |app: &App| text(app).matches('╎').count();
    assert!(ticks(&app) >= 5, "{}", text(&app));
    assert!(text(&app).contains("SGD*"), "the name says that something was changed\n{}", text(&app));
    press(&mut app, KeyCode::Tab);
    let told = |app: &App| text(app).contains("A lr 0.1 → 1000 at 150");
    let mut seen = false;
    for _ in 0..100 {
        press(&mut app, KeyCode::Left);
        seen |= told(&app);
    }
    assert!(seen, "the cursor comes by: {}", text(&app));
    assert!(!told(&app), "and passes on");
}

#[test]
fn a_name_that_states_what_was_changed_is_flagged() {
    let app = changed("no clip", "clip", "Off()", "Norm(max_norm: 3)");
    assert!(text(&app).contains("was no clip"), "{}", text(&app));
    assert!(text(&app).contains("clip Off → Norm"), "{}", text(&app));
    let mut app = app;
    let lane = &mut app.view.lanes[0];
    lane.info.recipe.clip = crate::engine::clip::ClipConfig::parse("Off()").expect("a clip");
    assert!(!text(&app).contains("was no clip"), "it is again what it is called");
}
