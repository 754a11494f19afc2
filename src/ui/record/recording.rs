//! Reads asciicast files, versions 1, 2 and 3 (docs.asciinema.org/manual/asciicast). Knows no terminal and no clock.

use ratatui::layout::Size;
use serde_json::Value;
use std::time::Duration;

/// An event of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordingEvent {
    /// Text written to the terminal.
    Output(String),
    /// The start of a chapter.
    Marker(String),
    /// A new size of the terminal.
    Resize(Size),
}

/// A recording read from a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// The size of its screen.
    pub size: Size,
    /// Its title; may be empty.
    pub title: String,
    /// The longest pause that its author intended.
    pub idle_time_limit: Option<Duration>,
    /// The events with their times, which never decrease.
    pub events: Vec<(Duration, RecordingEvent)>,
}

/// Longest accepted time in seconds.
const LONGEST: f64 = 1e7;
/// Columns or rows that a screen may have.
const SIDE: std::ops::RangeInclusive<u64> = 1..=1000;

/// The number of a line, and its fault.
type LineFault = (usize, String);

/// Reads a recording. A truncated last line is ignored.
///
/// Events stay in the order of the file: an event with an earlier time than its predecessor happens right after it, as
/// in asciinema.
///
/// # Errors
/// The first faulty line, from 1, and its fault.
pub fn read(text: &str) -> Result<Recording, LineFault> {
    // Version 1 is one JSON document, on one line or on several; the others have one document per line.
    match serde_json::from_str::<Value>(text) {
        Ok(whole) if whole["version"].as_u64() == Some(1) => return first(&whole),
        Err(e) if !e.is_eof() && text.trim_start().starts_with("{\n") => {
            return Err((e.line(), format!("no asciicast: {e}")));
        }
        _ => {}
    }
    let mut lines = text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty() && !l.starts_with('#'));
    let header = lines.next().and_then(|(_, l)| serde_json::from_str::<Value>(l).ok());
    let header = header
        .filter(Value::is_object)
        .ok_or_else(|| (1, "no asciicast: the first line is no header".to_string()))?;
    let (relative, width, height) = match header["version"].as_u64() {
        Some(2) => (false, &header["width"], &header["height"]),
        Some(3) => (true, &header["term"]["cols"], &header["term"]["rows"]),
        _ => return Err((1, "no asciicast of version 1, 2 or 3".into())),
    };
    let mut recording = empty(&header, width, height)?;
    let (mut now, mut lines) = (0.0f64, lines.peekable());
    while let Some((at, line)) = lines.next() {
        let fault = |what: &str| (at + 1, what.to_string());
        let (time, code, data) = match serde_json::from_str::<(f64, String, Value)>(line) {
            Ok(event) => event,
            Err(_) if lines.peek().is_none() && !text.ends_with('\n') => break,
            Err(_) => return Err(fault("no event; one is written [time, \"code\", \"data\"]")),
        };
        now = if relative { now + time.max(0.0) } else { now.max(time) };
        if now > LONGEST {
            return Err(fault("the time is beyond 10,000,000 seconds"));
        }
        let data = data.as_str().unwrap_or_default();
        let what = match &code[..] {
            "o" => RecordingEvent::Output(data.into()),
            "m" => RecordingEvent::Marker(data.into()),
            "r" => RecordingEvent::Resize(
                size(data).ok_or_else(|| fault("a size is written 80x24, from 1x1 to 1000x1000"))?,
            ),
            // Input, exit codes and event types of later versions are not shown.
            _ => continue,
        };
        recording.events.push((Duration::from_secs_f64(now), what));
    }
    Ok(recording)
}

/// A recording of version 1: `stdout` holds pairs of a pause in seconds and a text.
fn first(whole: &Value) -> Result<Recording, LineFault> {
    let mut recording = empty(whole, &whole["width"], &whole["height"])?;
    let fault = |what: String| (1, what);
    let frames = whole["stdout"]
        .as_array()
        .ok_or_else(|| fault("no asciicast of version 1: `stdout` is no list of [pause, \"text\"]".into()))?;
    let mut now = 0.0;
    for (i, frame) in frames.iter().enumerate() {
        let (Some(pause), Some(text), None) = (frame[0].as_f64(), frame[1].as_str(), frame.get(2)) else {
            return Err(fault(format!("stdout[{i}] is no [pause, \"text\"]")));
        };
        now += pause.max(0.0);
        if now > LONGEST {
            return Err(fault(format!("stdout[{i}] is beyond 10,000,000 seconds")));
        }
        recording.events.push((Duration::from_secs_f64(now), RecordingEvent::Output(text.into())));
    }
    Ok(recording)
}

/// A recording with the contents of a header, without events.
fn empty(header: &Value, width: &Value, height: &Value) -> Result<Recording, LineFault> {
    let side = |v: &Value| v.as_u64().filter(|n| SIDE.contains(n)).map(|n| n as u16);
    let (Some(width), Some(height)) = (side(width), side(height)) else {
        return Err((1, "the header has no size from 1x1 to 1000x1000".into()));
    };
    let limit = header["idle_time_limit"].as_f64().filter(|s| (0.0..=LONGEST).contains(s));
    Ok(Recording {
        size: Size::new(width, height),
        title: header["title"].as_str().unwrap_or_default().to_string(),
        idle_time_limit: limit.map(Duration::from_secs_f64),
        events: Vec::new(),
    })
}

/// The size in 80x24.
fn size(text: &str) -> Option<Size> {
    let side = |text: &str| text.parse().ok().filter(|n| SIDE.contains(n)).map(|n| n as u16);
    let (width, height) = text.split_once('x')?;
    Some(Size::new(side(width)?, side(height)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The times in milliseconds and the texts.
    fn outputs(text: &str) -> Vec<(u128, String)> {
        let events = read(text).unwrap_or_else(|e| panic!("{e:?}: {text}")).events;
        let output = |(at, what): (Duration, RecordingEvent)| match what {
            RecordingEvent::Output(text) => Some((at.as_millis(), text)),
            _ => None,
        };
        events.into_iter().filter_map(output).collect()
    }

    #[test]
    fn version_1_is_read_on_one_line_and_on_many() {
        let flat = r#"{"version":1,"width":40,"height":10,"stdout":[[0.1,"one"],[0.2," two"]]}"#;
        let value: Value = serde_json::from_str(flat).expect("JSON");
        let pretty = serde_json::to_string_pretty(&value).expect("JSON");
        for text in [flat, &pretty, &format!("{flat}\n")] {
            assert_eq!(outputs(text), [(100, "one".into()), (300, " two".into())], "{text}");
            assert_eq!(read(text).expect("a recording").size, Size::new(40, 10));
        }
    }

    #[test]
    fn an_event_whose_time_goes_back_happens_right_after_the_one_before() {
        let two = "{\"version\":2,\"width\":80,\"height\":24}\n";
        let text = format!("{two}[1,\"o\",\"a\"]\n[0.5,\"o\",\"b\"]\n[1.5,\"o\",\"c\"]\n");
        let three = "{\"version\":3,\"term\":{\"cols\":80,\"rows\":24}}\n";
        let relative = format!("{three}[1,\"o\",\"a\"]\n[-0.5,\"o\",\"b\"]\n[0.5,\"o\",\"c\"]\n");
        for text in [text, relative] {
            assert_eq!(outputs(&text), [(1000, "a".into()), (1000, "b".into()), (1500, "c".into())]);
        }
    }

    #[test]
    fn the_longest_pause_that_the_author_wants_is_read() {
        let text = "{\"version\":2,\"width\":80,\"height\":24,\"idle_time_limit\":1.5}\n";
        assert_eq!(read(text).expect("a recording").idle_time_limit, Some(Duration::from_millis(1500)));
    }

    #[test]
    fn what_is_no_recording_is_refused_with_its_line() {
        let head = "{\"version\":2,\"width\":80,\"height\":24}\n";
        for (text, line) in [
            (String::new(), 1),
            ("{}\n".into(), 1),
            ("{\"version\":1}\n".into(), 1),
            ("{\"version\":1,\"width\":8,\"height\":2,\"stdout\":[[1]]}\n".into(), 1),
            ("{\n  \"version\": 1,\n  \"width\" 40\n}\n".into(), 3),
            ("{\"version\":4,\"width\":80,\"height\":24}\n".into(), 1),
            (head.replace("80", "0"), 1),
            (format!("{head}[1,\"o\",\"a\"]\nhello\n[2,\"o\",\"b\"]\n"), 3),
            (format!("{head}[1e300,\"o\",\"a\"]\n"), 2),
            (format!("{head}[1,\"r\",\"wide\"]\n"), 2),
            (format!("{head}[1,\"r\",\"60000x60000\"]\n"), 2),
        ] {
            assert_eq!(read(&text).map_err(|e| e.0), Err(line), "{text}");
        }
    }
}
