//! Thousands of broken scenarios (with a fixed seed): each must be read, or refused with a message and a place, but
//! never cause a panic.

use gradtui::lab::preset;
use gradtui::{limits, scenario};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use std::cell::Cell;

/// A change of a text: its kind, two places, and a choice among characters or words.
type Mutation = (u8, Index, Index, Index);

/// Breaks a text in one way.
fn mutate(text: &mut Vec<char>, (kind, one, other, choice): Mutation) {
    let n = text.len().max(1);
    let (i, j) = (one.index(n), other.index(n));
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
    match kind {
        0 => text.truncate(i),
        1 => drop(text.drain(low..high)),
        2 => text.insert(i.min(text.len()), odd[choice.index(odd.len())]),
        3 if i < text.len() => text[i] = odd[choice.index(odd.len())],
        4 => {
            let part: Vec<char> = text[low..high].to_vec();
            text.splice(low..low, part);
        }
        5 if i < text.len() && j < text.len() => text.swap(i, j),
        6 => {
            let word = words[choice.index(words.len())];
            text.splice(low..low, word.chars());
        }
        7 => {
            // Changes a number to another one.
            if let Some(k) = text[low..].iter().position(char::is_ascii_digit) {
                let word = words[choice.index(6)];
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

/// The text of a preset without its comments, which would contain most of the damage.
fn plain(preset: Index) -> Vec<char> {
    let text = preset.get(preset::ALL).text;
    let plain: Vec<&str> = text.lines().filter(|l| !l.starts_with("//")).collect();
    plain.join("\n").chars().collect()
}

#[test]
fn mutants_are_read_or_refused_with_a_place() {
    let seed = RngSeed::Fixed(20);
    let config = Config { cases: 1500, failure_persistence: None, rng_seed: seed, ..Config::default() };
    let mutation = (0..9u8, any::<Index>(), any::<Index>(), any::<Index>());
    let mutants = (any::<Index>(), prop::collection::vec(mutation, 1..=3));
    let (read, refused) = (Cell::new(0), Cell::new(0));
    let tested = TestRunner::new(config).run(&mutants, |(preset, mutations)| {
        let mut text = plain(preset);
        for mutation in mutations {
            mutate(&mut text, mutation);
        }
        let text: String = text.into_iter().collect();
        match scenario::read(&text) {
            Ok(found) => {
                read.set(read.get() + 1);
                let again = scenario::read(&found.to_ron());
                prop_assert_eq!(again.as_ref(), Ok(&found), "{}", found.to_ron());
            }
            Err(faults) => {
                refused.set(refused.get() + 1);
                prop_assert!((1..=limits::FAULTS).contains(&faults.len()), "{} faults", faults.len());
                let lines = text.matches('\n').count() + 1;
                for fault in faults {
                    prop_assert!((1..=lines).contains(&fault.line) && fault.column >= 1, "{fault}\n{text}");
                    prop_assert!(!fault.what.is_empty() && fault.what.len() < 3000, "{fault}\n{text}");
                    prop_assert!(!fault.what.contains(gradtui::text::harmful), "{fault:?}\n{text}");
                }
            }
        }
        Ok(())
    });
    tested.unwrap_or_else(|error| panic!("{error}"));
    let (read, refused) = (read.get(), refused.get());
    assert!(read > 100 && refused > 500, "{read} read, {refused} refused: the mutations are one-sided");
}
