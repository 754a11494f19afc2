//! Tests of the player without a terminal and without a clock.

use super::*;
use crate::ui::record::recording::read;

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn recording(events: &[(u64, &str)]) -> Recording {
    let events = events.iter().map(|(at, text)| (s(*at), RecordingEvent::Output((*text).into()))).collect();
    Recording { size: Size::new(60, 6), title: String::new(), idle_time_limit: None, events }
}

fn lines(player: &mut Playback<'_>, size: (u16, u16)) -> Vec<String> {
    player.changed = true;
    let picture = player.draw(size.into()).expect("a picture");
    let row = |r: &[ratatui::buffer::Cell]| {
        r.iter().map(ratatui::buffer::Cell::symbol).collect::<String>().trim_end().to_string()
    };
    picture.content.chunks(usize::from(size.0)).map(row).collect()
}

fn press(player: &mut Playback<'_>, key: KeyCode) -> bool {
    player.press(KeyEvent::new(key, KeyModifiers::NONE))
}

#[test]
fn it_ends_by_itself_after_the_last_picture_unless_a_key_keeps_it() {
    let recording = recording(&[(1, "one"), (3, " two")]);
    let mut player = Playback::new(&recording, 1.0, None);
    player.pass(s(2));
    assert_eq!(lines(&mut player, (60, 8))[0], "one");
    player.pass(s(1));
    assert!(!player.over(), "the last picture is to be seen");
    assert_eq!(lines(&mut player, (60, 8))[0], "one two");
    assert!(player.rest() <= LAST);
    player.pass(LAST);
    assert!(player.over());
    let mut player = Playback::new(&recording, 1.0, None);
    player.pass(s(3));
    assert!(!press(&mut player, KeyCode::Char('x')));
    player.pass(s(1000));
    assert!(!player.over());
    assert!(press(&mut player, KeyCode::Char('q')));
}

#[test]
fn the_keys_are_told_at_first_after_a_key_and_wherever_there_is_room() {
    let recording = recording(&[(0, "one"), (100, "two")]);
    let mut player = Playback::new(&recording, 1.0, None);
    for words in ["q leaves", "space pause", "arrows 5 s, speed", "x1", "0:00 of 1:40"] {
        assert!(lines(&mut player, (80, 6))[5].contains(words), "{words}");
    }
    player.pass(SHOWN);
    assert_eq!(lines(&mut player, (80, 6))[5], "", "the recording has its last row back");
    assert!(lines(&mut player, (80, 8))[7].contains("q leaves"), "a row below it is free");
    press(&mut player, KeyCode::Char(' '));
    player.pass(s(50));
    assert!(lines(&mut player, (80, 6))[5].contains("paused, q leaves  0:03 of 1:40"));
    press(&mut player, KeyCode::Char(' '));
    press(&mut player, KeyCode::Right);
    press(&mut player, KeyCode::Up);
    player.pass(s(2));
    assert!(
        lines(&mut player, (80, 6))[5].contains("0:11 of 1:40  x1.5"),
        "{:?}",
        lines(&mut player, (80, 6))
    );
}

#[test]
fn pauses_are_shortened_as_the_user_or_the_recording_wants() {
    let mut recording = recording(&[(0, ""), (2, ""), (30, "")]);
    let times = |r: &Recording, idle| {
        Playback::new(r, 1.0, idle).events.iter().map(|(t, _)| t.as_secs()).collect::<Vec<_>>()
    };
    assert_eq!(times(&recording, None), [0, 2, 30]);
    assert_eq!(times(&recording, Some(s(3))), [0, 2, 5]);
    recording.idle_time_limit = Some(s(1));
    assert_eq!(times(&recording, None), [0, 1, 2]);
    assert_eq!(times(&recording, Some(s(3))), [0, 2, 5]);
}

#[test]
fn a_recording_shows_what_its_terminal_showed_whatever_it_does_to_it() {
    for (text, first) in [
        ("old\x1bcnew", "new"),
        ("one\x1b[?1049htwo\x1b[?1049l", "one"),
        ("\x1b[?1049hone", "one"),
        ("ab\x1b[4h\x1b[1Gx", "xab"),
        ("\x1b(0q\x1b(Bq", "─q"),
        ("\x1b]0;title\x07a\x1b[6n\x1b[8;50;50tb", "ab"),
        ("世界", "世 界"),
    ] {
        let recording = recording(&[(0, text)]);
        let mut player = Playback::new(&recording, 1.0, None);
        assert_eq!(lines(&mut player, (60, 8))[0], first, "{text:?}");
    }
}

#[test]
fn going_back_shows_the_picture_of_that_time() {
    let recording = recording(&[(0, "one"), (7, "\x1b[2J\x1b[Htwo"), (20, "")]);
    let mut player = Playback::new(&recording, 1.0, None);
    press(&mut player, KeyCode::Right);
    press(&mut player, KeyCode::Right);
    assert_eq!(lines(&mut player, (60, 8))[0], "two");
    press(&mut player, KeyCode::Left);
    assert_eq!(lines(&mut player, (60, 8))[0], "one");
}

#[test]
fn colours_and_attributes_are_kept_and_the_cursor_is_seen() {
    let recording = read(
        "{\"version\":2,\"width\":20,\"height\":3}\n[0,\"o\",\"\\u001b[1;38;2;1;2;3;44mx\"]\n[9,\"o\",\"\"]\n",
    )
    .expect("a recording");
    let mut player = Playback::new(&recording, 1.0, None);
    let picture = player.draw(Size::new(20, 5)).expect("a picture");
    let cell = &picture[(0, 0)];
    assert_eq!((cell.fg, cell.bg, cell.modifier), (Color::Rgb(1, 2, 3), Color::Indexed(4), Modifier::BOLD));
    assert!(picture[(1, 0)].modifier.contains(Modifier::REVERSED));
    assert!(player.draw(Size::new(20, 5)).is_none(), "nothing has changed");
}
