//! Texts that look alike: with invisible characters, in capitals, or as another form of the same value.

use super::numeral::number;
use crate::text::excerpt;
use std::collections::HashMap;
use std::fmt;

/// Characters without a shape of their own, with their names.
const UNSEEN: &[(char, &str)] = &[
    ('\u{a0}', "a no-break space"),
    ('\u{202f}', "a narrow no-break space"),
    ('\u{3000}', "an ideographic space"),
    ('\u{200b}', "a zero-width space"),
    ('\u{200c}', "a zero-width non-joiner"),
    ('\u{200d}', "a zero-width joiner"),
    ('\u{2060}', "a word joiner"),
    ('\u{feff}', "a byte order mark"),
    ('\u{ad}', "a soft hyphen"),
];

/// The first invisible character of a text, in words.
pub(super) fn unseen(text: &str) -> Option<&'static str> {
    text.chars().find_map(|c| UNSEEN.iter().find(|(other, _)| *other == c)).map(|(_, name)| *name)
}

/// The text as it looks: blanks of every kind are one space, and those at its ends are gone.
pub(super) fn visible(text: &str) -> String {
    let blank = |c: char| c.is_whitespace();
    let shown = |c: &char| blank(*c) || !UNSEEN.iter().any(|(other, _)| other == c);
    let text: String = text.chars().filter(shown).collect();
    text.split(blank).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The number that True and False stand for beside 1 and 0.
pub(super) fn truth(text: &str) -> Option<f64> {
    let is = |word: &str| text.eq_ignore_ascii_case(word);
    if is("true") { Some(1.0) } else { is("false").then_some(0.0) }
}

/// Two texts that look alike.
#[derive(Debug, PartialEq)]
pub(super) struct AlikeTexts {
    one: String,
    other: String,
    unseen: Option<&'static str>,
}

/// The first two texts that are the same number or truth value, look the same, or differ in capitals only.
pub(super) fn alike(texts: &[String], comma: bool) -> Option<AlikeTexts> {
    let key = |text: &str| {
        let text = visible(text);
        match number(text.as_bytes(), comma).or_else(|| truth(&text)) {
            Some(x) => ((x + 0.0).to_bits(), String::new()),
            None => (0, text.to_lowercase()),
        }
    };
    let mut seen: HashMap<_, &String> = HashMap::new();
    let (one, other) = texts.iter().find_map(|text| Some((seen.insert(key(text), text)?, text)))?;
    let hidden = unseen(other).or_else(|| unseen(one));
    Some(AlikeTexts { one: excerpt(one, 40), other: excerpt(other, 40), unseen: hidden })
}

impl AlikeTexts {
    /// The remedy, which ends the sentence of the warning.
    pub(super) fn remedy(&self) -> String {
        match self.unseen {
            Some(name) => format!(", since one holds {name}, which is invisible; delete it in the file"),
            None => "; if they are the same, write them alike in the file".into(),
        }
    }
}

impl fmt::Display for AlikeTexts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} and {}", self.one, self.other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_look_alike_are_found_with_the_reason() {
        let found = |texts: &[&str]| {
            let texts: Vec<String> = texts.iter().map(ToString::to_string).collect();
            alike(&texts, false).map(|pair| format!("{pair}{}", pair.remedy()))
        };
        assert_eq!(
            found(&["a", "b", "a b", "ab", "1", "yes", "true"]),
            Some("1 and true; if they are the same, write them alike in the file".into())
        );
        for (other, name) in [
            ("cat\u{a0}", "a no-break space"),
            ("c\u{200b}at", "a zero-width space"),
            ("\u{feff}cat", "a byte order mark"),
            ("Cat\u{ad}", "a soft hyphen"),
        ] {
            assert!(found(&["cat", "dog", other]).is_some_and(|what| what.contains(name)), "{name}");
        }
        assert!(found(&["red fish", "red\u{a0}fish"]).is_some() && found(&["0", "False"]).is_some());
        assert_eq!(found(&["cat", "dog", "0", "True"]), None);
    }
}
