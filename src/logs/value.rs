//! Numbers and JSON as other programs write them: NaN and Infinity without quotes, numbers inside strings, keys in
//! order.

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// A number in a cell or after a colon, as Python, C and Rust print it: `nan`, `-inf`, `1e-3`, `-nan(ind)`, `1.#INF`;
/// `None` for other texts.
pub fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    if let Ok(x) = text.parse() {
        return Some(x);
    }
    // Microsoft's C library prints nan(ind) and nan(snan), before 2015 1.#QNAN, 1.#IND and 1.#INF, padded with zeros.
    let size = text.trim_start_matches(['-', '+']).to_ascii_lowercase();
    let word = size.trim_end_matches('0');
    if size.starts_with("nan(") && size.ends_with(')') || ["1.#qnan", "1.#snan", "1.#ind"].contains(&word) {
        return Some(f64::NAN);
    }
    if word == "1.#inf" {
        return Some(if text.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY });
    }
    // Commas that group digits are allowed: 7,123.
    let (whole, rest) = text.split_at(text.find(['.', 'e', 'E']).unwrap_or(text.len()));
    let mut groups = whole.trim_start_matches(['-', '+']).split(',');
    let first = groups.next().is_some_and(|g| (1..=3).contains(&g.len()) && !g.starts_with('0'));
    let rest_fits = groups.clone().count() > 0 && groups.all(|g| g.len() == 3);
    if first && rest_fits { (whole.replace(',', "") + rest).parse().ok() } else { None }
}

/// A JSON value; objects keep the order of their keys.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Flag(bool),
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Json>),
    /// An object.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Reads a document, with NaN and infinities as Python writes them.
    pub fn parse(text: &str) -> Option<Self> {
        match serde_json::from_str(text) {
            Ok(json) => Some(json),
            Err(_) => serde_json::from_str(&quoted(text)).ok(),
        }
    }

    /// The value under this key.
    pub fn get(&self, key: &str) -> Option<&Self> {
        let Self::Object(fields) = self else { return None };
        fields.iter().find(|(k, _)| k == key).map(|(_, v)| v)
    }

    /// The value as a number, also if a string holds it.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Number(x) => Some(*x),
            Self::Text(text) => number(text),
            _ => None,
        }
    }

    /// The value as a string, if it is one.
    pub fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// Every number inside with its path; keys are joined with dots. `None` is a `null`: it may be a missing value, or a
    /// number that is not finite.
    pub fn numbers(&self, path: &mut String, see: &mut dyn FnMut(&str, Option<f64>)) {
        let length = path.len();
        let mut below = |path: &mut String, key: &str, value: &Self| {
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(key);
            value.numbers(path, see);
            path.truncate(length);
        };
        match self {
            Self::Object(fields) => fields.iter().for_each(|(key, value)| below(path, key, value)),
            // A short list may hold one value per layer; a longer one is not part of a curve.
            Self::List(values) if values.len() <= 512 => {
                values.iter().enumerate().for_each(|(i, value)| below(path, &i.to_string(), value));
            }
            _ => {
                let number = self.number();
                if number.is_some() || *self == Self::Null {
                    see(path, number);
                }
            }
        }
    }
}

/// The text with quotes around bare NaN and infinity, as Python, C and others write them.
fn quoted(text: &str) -> String {
    let (mut out, mut rest, mut inside) = (String::with_capacity(text.len() + 16), text, false);
    while let Some(c) = rest.chars().next() {
        let word = if inside { "" } else { &rest[..rest.find(|c: char| !in_word(c)).unwrap_or(rest.len())] };
        if !word.is_empty() {
            let mark = if number(word).is_some_and(|x| !x.is_finite()) { "\"" } else { "" };
            out.extend([mark, word, mark]);
            rest = &rest[word.len()..];
            continue;
        }
        // A quote after a backslash does not end the string.
        let take =
            if inside && c == '\\' { rest.chars().take(2).map(char::len_utf8).sum() } else { c.len_utf8() };
        inside ^= c == '"';
        out.push_str(&rest[..take]);
        rest = &rest[take..];
    }
    out
}

/// Whether a number or a word of JSON may contain this character.
fn in_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || "+-.#()_".contains(c)
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E: de::Error>(self, v: bool) -> Result<Json, E> {
        Ok(Json::Flag(v))
    }

    fn visit_i64<E: de::Error>(self, v: i64) -> Result<Json, E> {
        Ok(Json::Number(v as f64))
    }

    fn visit_u64<E: de::Error>(self, v: u64) -> Result<Json, E> {
        Ok(Json::Number(v as f64))
    }

    fn visit_f64<E: de::Error>(self, v: f64) -> Result<Json, E> {
        Ok(Json::Number(v))
    }

    fn visit_str<E: de::Error>(self, v: &str) -> Result<Json, E> {
        Ok(Json::Text(v.into()))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = seq.next_element()? {
            values.push(value);
        }
        Ok(Json::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Json::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_they_are_printed() {
        for (text, x) in [("1", 1.0), (" -2.5e-3 ", -2.5e-3), ("7,123", 7123.0), ("1,234,567.5", 1_234_567.5)]
        {
            assert_eq!(number(text), Some(x), "{text}");
        }
        assert!(number("NAN").is_some_and(f64::is_nan) && number("-inf") == Some(f64::NEG_INFINITY));
        let nans = ["-nan", "-nan(ind)", "nan(snan)", "1.#QNAN", "-1.#IND", "-1.#IND00"];
        assert!(nans.iter().all(|text| number(text).is_some_and(f64::is_nan)));
        assert_eq!([number("1.#INF"), number("-1.#INF00")], [Some(f64::INFINITY), Some(f64::NEG_INFINITY)]);
        assert_eq!(["", "NA", "1,2", "12,34,567", "0,534"].map(number), [None; 5]);
    }

    #[test]
    fn bare_nan_is_read_and_texts_are_left_alone() {
        let json =
            Json::parse(r#"{"b": NaN, "a": [-Infinity, null], "c": {"d": "NaN \" NaN"}}"#).expect("JSON");
        let mut found = Vec::new();
        json.numbers(&mut String::new(), &mut |path, x| found.push((path.to_string(), x)));
        let names: Vec<&str> = found.iter().map(|f| &f.0[..]).collect();
        assert_eq!(names, ["b", "a.0", "a.1"]);
        assert!(found[0].1.is_some_and(f64::is_nan));
        assert_eq!((found[1].1, found[2].1), (Some(f64::NEG_INFINITY), None));
        let json = Json::parse(r#"{"a": nan, "b": [-inf, -nan(ind), 1e999], "c": true}"#).expect("JSON");
        let mut found = Vec::new();
        json.numbers(&mut String::new(), &mut |_, x| found.push(x.is_some_and(f64::is_finite)));
        assert_eq!(found, [false; 4]);
        assert_eq!(["{\"half\": 0.0", "{\"a\": word}"].map(Json::parse), [None, None]);
    }
}
