//! Thousands of broken scenarios (with a fixed seed): each must be read, or refused with a message and a place, but
//! never cause a panic.

use gradtui::engine::rng::{Purpose, Stream};
use gradtui::lab::preset;
use gradtui::{limits, scenario};

/// One way to break a text, on characters.
fn mutate(text: &mut Vec<char>, rng: &mut Stream) {
    let n = text.len().max(1) as u32;
    let (i, j) = (rng.below(n) as usize, rng.below(n) as usize);
    let (low, high) = (i.min(j), i.max(j).min(i.min(j) + 40));
    let odd: Vec<char> =
        "()[]{}:,\"'\\/*#-+.0123456789eEnNaAiIrRbB_ \n\r\t\0\u{1b}\u{9b}\u{202e}é😀".chars().collect();
    let words = [
        "NaN",
        "inf",
        "-1",
        "1e999",
        "4294967295",
        "18446744073709551616",
        "None",
        "Some(",
        "Repeat(256, [",
        "Dense(65536),",
        "Adam",
        "()",
        "[]",
        "\"\u{1b}]52;c;x\u{7}\"",
        "r#\"",
        "/*",
        "#![enable(x)]",
        "lr: lr:",
        "true",
        "0x7f",
        "1_000",
        ",,",
    ];
    match rng.below(9) {
        0 => text.truncate(i),
        1 => drop(text.drain(low..high)),
        2 => text.insert(i.min(text.len()), odd[rng.below(odd.len() as u32) as usize]),
        3 if i < text.len() => text[i] = odd[rng.below(odd.len() as u32) as usize],
        4 => {
            let part: Vec<char> = text[low..high].to_vec();
            text.splice(low..low, part);
        }
        5 if i < text.len() && j < text.len() => text.swap(i, j),
        6 => {
            let word = words[rng.below(words.len() as u32) as usize];
            text.splice(low..low, word.chars());
        }
        7 => {
            // Changes a number to another one.
            if let Some(k) = text[low..].iter().position(char::is_ascii_digit) {
                let word = words[rng.below(6) as usize];
                text.splice(low + k..=low + k, word.chars());
            }
        }
        _ => {
            let mut part: Vec<char> = text.drain(low..high).collect();
            part.reverse();
            text.splice(low..low, part);
        }
    }
}

#[test]
fn mutants_are_read_or_refused_with_a_place() {
    let (mut read, mut refused) = (0, 0);
    for round in 0..1500u64 {
        let preset = &preset::ALL[round as usize % preset::ALL.len()];
        let mut rng = Stream::new(20, Purpose::Noise, round, 0);
        // Comments would contain most of the damage.
        let plain: Vec<&str> = preset.text.lines().filter(|l| !l.starts_with("//")).collect();
        let mut text: Vec<char> = plain.join("\n").chars().collect();
        for _ in 0..=rng.below(3) {
            mutate(&mut text, &mut rng);
        }
        let text: String = text.into_iter().collect();
        match scenario::read(&text) {
            Ok(found) => {
                read += 1;
                let again = scenario::read(&found.to_ron());
                assert_eq!(again.as_ref(), Ok(&found), "round {round}: {}", found.to_ron());
            }
            Err(faults) => {
                refused += 1;
                assert!(
                    (1..=limits::FAULTS).contains(&faults.len()),
                    "round {round}: {} faults",
                    faults.len()
                );
                let lines = text.matches('\n').count() + 1;
                for fault in faults {
                    assert!((1..=lines).contains(&fault.line) && fault.column >= 1, "round {round}: {fault}");
                    assert!(!fault.what.is_empty() && fault.what.len() < 3000, "round {round}: {fault}");
                    assert!(!fault.what.contains(gradtui::text::harmful), "round {round}: {fault:?}");
                }
            }
        }
    }
    assert!(read > 100 && refused > 500, "{read} read, {refused} refused: the mutations are one-sided");
}
