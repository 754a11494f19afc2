//! Tests with input of every kind: sizes, keys, pastes, noise.

use crate::pty::{Place, code, settled};
use std::time::Duration;

/// Numbers as random as a test needs.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

#[test]
fn two_thousand_sizes_leave_the_picture_whole() {
    let place = Place::new();
    let mut lab = place.start("s.ron");
    let picture = settled(&lab.rests());
    let mut dice = Dice(1);
    for n in 0..2000 {
        let size = [(1, 1), (500, 200), (80, 24), (2, 2), (1, 200), (500, 1)];
        let (columns, rows) = match n % 7 {
            k @ 0..6 => size[k],
            _ => (1 + dice.roll(200) as u16, 1 + dice.roll(60) as u16),
        };
        lab.resize(columns, rows);
        lab.press(["?", "q", "zz", "\t\x1b[Z", ".,"][n % 5]);
        lab.pump(Duration::ZERO);
    }
    lab.resize(120, 40);
    lab.until("the picture as it was", |text| {
        settled(text) == picture && text.contains("Data") && text.contains("Adversarial")
    });
    lab.press("q");
    assert_eq!(code(lab.end()), 0);
    lab.given_back();
}

/// Keys with an action.
const KEYS: &[u8] = b" nNzo?123[]}{SrR.,\t\rjkhlmMyx+-wcatdiuKJ:/";

#[test]
fn a_hundred_thousand_random_bytes_are_survived() {
    let place = Place::new();
    let mut lab = place.start("s.ron");
    lab.trains();
    let (mut dice, mut bytes) = (Dice(7), Vec::new());
    while bytes.len() < 100_000 {
        match dice.roll(12) {
            0 => bytes.extend(b"\x1b[<"),
            1 => {
                let mouse =
                    format!("\x1b[<{};{};{}M", dice.roll(70), dice.roll(9) * dice.roll(9999), dice.roll(50));
                bytes.extend(mouse.bytes());
            }
            2 => bytes.extend([b"\x1b[A", b"\x1b[B", b"\x1b[C", b"\x1b[D", b"\x1b[Z"][dice.roll(5) as usize]),
            3 => bytes.extend(
                [&b"\x1b[0;0R"[..], b"\x1b[200~x", b"\x1b[201~", b"\x1b[0n", b"\x1b[?2026;2$y"]
                    [dice.roll(5) as usize],
            ),
            4 => bytes.extend("äλ漢🙂".bytes().skip(dice.roll(4) as usize).take(3)),
            5 => bytes.push(dice.roll(256) as u8),
            _ => bytes.push(*KEYS.get(dice.roll(KEYS.len() as u64) as usize).expect("a key")),
        }
    }
    // Keys that quit, stop or repaint are tested elsewhere.
    bytes.retain(|b| !matches!(b, b'q' | b'Q' | 0x03 | 0x1a));
    let memory = lab.memory();
    for some in bytes.chunks(1000) {
        lab.press(some);
    }
    // The end of a paste, of a sequence, and of two windows.
    lab.press("\x1b[201~");
    let open = |text: &str| text.contains("Esc close") || text.contains("Esc cancel");
    lab.answers_to("\x1b", |text| !open(text) && text.contains("help"));
    assert!(lab.memory() < memory + (64 << 20), "{memory} and then {}", lab.memory());
    lab.answers_to("\x0c?", |text| text.contains("Keys and words"));
    lab.signal(rustix::process::Signal::TERM);
    assert_eq!(code(lab.end()), 143);
    lab.given_back();
}

#[test]
fn a_paste_of_ten_mebibytes_and_one_without_end_are_bounded() {
    let place = Place::new();
    let mut lab = place.start("s.ron");
    lab.trains();
    lab.press(" ");
    lab.see("paused");
    let memory = lab.memory();
    lab.press("\x1b[200~");
    lab.press(vec![b'x'; 10 << 20]);
    lab.press("\x1b[201~?");
    lab.see("Keys and words");
    lab.press("\x1b");
    lab.until("the help is closed", |text| !text.contains("Keys and words"));
    lab.press("\x1b[200~ and no end");
    lab.answers_to("?", |text| text.contains("Keys and words"));
    assert!(lab.memory() < memory + (32 << 20), "{memory} and then {}", lab.memory());
    lab.press("\x1bq");
    lab.answers_to("q", |_| false);
    assert_eq!(code(lab.end()), 0);
    lab.given_back();
}
