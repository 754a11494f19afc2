//! Writes asciicast files, versions 2 and 3 (docs.asciinema.org/manual/asciicast), frame by frame. Knows no clock: the
//! time of every event is an argument.

use super::super::config::DrawingCharacters;
use super::super::terminal::encode::encode;
use ratatui::buffer::Buffer;
use ratatui::layout::Size;
use serde_json::{Value, json};
use std::io::{self, Write};
use std::time::Duration;

/// The first output of a recording: the alternate screen, empty, without a cursor.
const OPENING: &str = "\x1b[?1049h\x1b[?25l";

/// The version of the format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CastVersion {
    /// Times since the beginning: every player, agg and svg-term can read it.
    #[default]
    Two,
    /// Times since the previous event: asciinema 3.
    Three,
}

/// A recording being written. Every event is one line and is written at once, so a truncated file is valid except for
/// its last line.
#[derive(Debug)]
pub struct Cast<W> {
    out: W,
    version: CastVersion,
    last: Duration,
    shown: Option<Buffer>,
    bytes: Vec<u8>,
}

impl<W: Write> Cast<W> {
    /// Begins a recording of a screen of this size; `light` tells players that the background is light.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn begin(mut out: W, version: CastVersion, size: Size, title: &str, light: bool) -> io::Result<Self> {
        let title = crate::text::escaped(title);
        let mut header = match version {
            CastVersion::Two => json!({
                "version": 2, "width": size.width, "height": size.height, "title": title,
                "env": { "TERM": "xterm-256color" },
            }),
            CastVersion::Three => json!({
                "version": 3, "term": { "cols": size.width, "rows": size.height, "type": "xterm-256color" },
                "title": title,
            }),
        };
        if light {
            match version {
                CastVersion::Two => header["theme"] = light_theme(),
                CastVersion::Three => header["term"]["theme"] = light_theme(),
            }
        }
        writeln!(out, "{header}")?;
        let mut cast = Self { out, version, last: Duration::ZERO, shown: None, bytes: OPENING.into() };
        cast.send(Duration::ZERO)?;
        Ok(cast)
    }

    /// Shows a frame; nothing is written if it looks like the previous one.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn show(&mut self, now: Duration, picture: &Buffer) -> io::Result<()> {
        let size = |b: &Buffer| (b.area.width, b.area.height);
        if self.shown.as_ref().is_some_and(|old| size(old) != size(picture)) {
            let (width, height) = size(picture);
            self.event(now, "r", &format!("{width}x{height}"))?;
        }
        encode(self.shown.as_ref(), picture, DrawingCharacters::Braille, &mut self.bytes);
        match &mut self.shown {
            Some(old) => old.clone_from(picture),
            empty => *empty = Some(picture.clone()),
        }
        self.send(now)
    }

    /// Sets a chapter.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn marker(&mut self, now: Duration, label: &str) -> io::Result<()> {
        self.event(now, "m", &crate::text::escaped(label))
    }

    /// Ends the recording at this time: the last frame stays until then.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn end(mut self, now: Duration) -> io::Result<W> {
        if now > self.last {
            // A version 2 file lasts until its last event, so there must be one.
            self.bytes.extend_from_slice(b"\x1b[m");
            self.send(now)?;
        }
        self.out.flush()?;
        Ok(self.out)
    }

    fn send(&mut self, now: Duration) -> io::Result<()> {
        if self.bytes.is_empty() {
            return Ok(());
        }
        let bytes = std::mem::take(&mut self.bytes);
        let result = self.event(now, "o", &String::from_utf8_lossy(&bytes));
        self.bytes = bytes;
        self.bytes.clear();
        result
    }

    fn event(&mut self, now: Duration, code: &str, data: &str) -> io::Result<()> {
        let time = match self.version {
            CastVersion::Two => now,
            CastVersion::Three => now.saturating_sub(self.last),
        };
        self.last = now;
        let data = Value::from(data);
        writeln!(self.out, "[{}.{:06},\"{code}\",{data}]", time.as_secs(), time.subsec_micros())?;
        self.out.flush()
    }
}

/// The colours of a terminal with a light background.
fn light_theme() -> Value {
    json!({ "fg": "#1c1e24", "bg": "#fbfbf8", "palette":
        "#000000:#b00000:#007a3d:#946200:#0050b0:#8a2a8a:#00707a:#a8acb6:\
         #5a5a5a:#d04000:#009a50:#b08000:#2f7fd0:#b050b0:#0095a0:#ffffff" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::record::recording::{RecordingEvent, read};
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    fn picture(text: &str) -> Buffer {
        let mut b = Buffer::empty(Rect::new(0, 0, 20, 3));
        b.set_string(1, 1, text, Style::new());
        b
    }

    fn written(version: CastVersion) -> String {
        let ms = Duration::from_millis;
        let mut cast = Cast::begin(Vec::new(), version, Size::new(20, 3), "a \u{1b}]0;x\u{7} title", true)
            .expect("memory");
        cast.show(ms(0), &picture("loss ‖g‖")).expect("memory");
        cast.show(ms(125), &picture("loss ‖g‖")).expect("memory");
        cast.marker(ms(250), "one\n").expect("memory");
        cast.show(ms(1250), &picture("loss 2")).expect("memory");
        String::from_utf8(cast.end(ms(3000)).expect("memory")).expect("text")
    }

    #[test]
    fn what_is_written_is_read_again_in_both_versions() {
        let (two, three) = (read(&written(CastVersion::Two)), read(&written(CastVersion::Three)));
        assert_eq!(two, three);
        let recording = two.expect("a recording");
        assert_eq!(recording.size, Size::new(20, 3));
        assert!(!recording.title.contains('\u{1b}'), "{}", recording.title);
        let times: Vec<_> = recording.events.iter().map(|(t, _)| t.as_millis()).collect();
        assert_eq!(times, [0, 0, 250, 1250, 3000], "the same picture twice is written once");
        assert_eq!(recording.events[2].1, RecordingEvent::Marker("one\\u{a}".into()));
        let mut vt = avt::Terminal::new(20, 3).expect("a size");
        for (_, what) in recording.events {
            if let RecordingEvent::Output(text) = what {
                vt.feed([text.as_str()]);
            }
        }
        assert_eq!(vt.screen().line(1).expect("a line").text().trim_end(), " loss 2");
    }

    #[test]
    fn a_recording_that_was_cut_off_is_good_but_for_its_last_line() {
        let text = written(CastVersion::Two);
        let whole = read(&text).expect("a recording").events;
        for cut in text.find('\n').expect("a header") + 1..text.len() {
            if text.is_char_boundary(cut) {
                let events = read(&text[..cut]).unwrap_or_else(|e| panic!("{cut}: {e:?}")).events;
                assert!(whole.starts_with(&events), "{cut}");
            }
        }
    }
}
