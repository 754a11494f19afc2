//! The script of a recording: cues with a step or condition, and the keys, text and captions that belong to them. A RON
//! document, checked like a scenario. Plays nothing.

use crate::limits;
use crate::registry::Faults;
use crate::scenario::{ScenarioFault, decode, document};
use crate::ui::keymap::KeyPress;
use serde::{Deserialize, Serialize};

/// A recording's script: settings, and cues in order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RecordingScript {
    /// The recording's title; by default the scenario's.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// Columns and rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<(u16, u16)>,
    /// Frames a second.
    #[serde(skip_serializing_if = "is_default_fps")]
    pub fps: u32,
    /// Whether pressed keys are shown below the lab.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub show_keys: bool,
    /// Seconds between the keys of one cue.
    #[serde(skip_serializing_if = "is_default_typing")]
    pub typing: f64,
    /// Whether the lanes are paused at the start.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub paused: bool,
    /// The cues.
    pub cues: Vec<Cue>,
}

const FPS: u32 = 8;
const TYPING: f64 = 0.25;

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_default_fps(fps: &u32) -> bool {
    *fps == FPS
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_default_typing(typing: &f64) -> bool {
    *typing == TYPING
}

impl Default for RecordingScript {
    fn default() -> Self {
        Self {
            title: String::new(),
            size: None,
            fps: FPS,
            show_keys: false,
            typing: TYPING,
            paused: false,
            cues: Vec::new(),
        }
    }
}

/// The time of a cue; by default, the end of the cue before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum CueTime {
    /// When the lane in front has made this many steps, and not one more.
    Step(u64),
    /// When the lane with this name has made this many steps, and not one more.
    Lane(String, u64),
    /// This many seconds after the start.
    Seconds(f64),
}

/// One cue; its parts take effect in the order of the fields.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cue {
    /// The earliest time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<CueTime>,
    /// A condition that must hold first, such as `adam.val_accuracy > 0.9`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// Whether the following part is recorded: `false` hides preparations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub show: Option<bool>,
    /// The name of a chapter that begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub marker: Option<String>,
    /// The caption below the lab from now on; an empty text ends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caption: Option<String>,
    /// The speed of training from now on, as a multiple.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speed: Option<f64>,
    /// The name or letter of the lane that comes to the front.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lane: Option<String>,
    /// The name of the pane that gets the focus.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pane: Option<String>,
    /// The preset that is opened in place of the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open: Option<String>,
    /// A setting of a lane: `lr 0.01`, `B clip Norm(1)`; the arguments of the command `set`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set: Option<String>,
    /// A click of the mouse at this column and row, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub click: Option<(u16, u16)>,
    /// Turns of the wheel at this column and row; below 0: upwards.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scroll: Option<(u16, u16, i8)>,
    /// Keys to press, separated by spaces: `Tab Tab Enter`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub press: Option<String>,
    /// Text to type, character by character.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub typed: Option<String>,
    /// Seconds until the next cue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait: Option<f64>,
}

impl Cue {
    /// The keys to press, including those that type text.
    pub fn keys(&self) -> Vec<KeyPress> {
        let pressed =
            self.press.iter().flat_map(|keys| keys.split_whitespace()).filter_map(|k| k.parse().ok());
        let typed = self.typed.iter().flat_map(|text| text.chars()).map(KeyPress::of_char);
        pressed.chain(typed).collect()
    }
}

/// Limit in seconds on the length of a recording, and on the wait of a cue.
pub const LONGEST: f64 = 3600.0;
/// Most frames a second.
const FASTEST: u32 = 60;
/// Most cues of a script.
const CUES: usize = 10_000;
/// Most characters of a caption or of typed text.
const TEXT: usize = 500;

/// Reads a script; `condition` checks a `when` and returns its fault.
///
/// # Errors
/// All faults, in the order of the text.
pub fn read(
    bytes: &[u8],
    condition: impl Fn(&str) -> Result<(), String>,
) -> Result<RecordingScript, Vec<ScenarioFault>> {
    let text = decode(bytes).map_err(|fault| vec![fault])?;
    document(text, |script: &RecordingScript, fault| check(script, condition, fault))
}

/// The number (from 1) of the line with the cue of this index; `None` if there is no such cue.
pub fn line(bytes: &[u8], cue: usize) -> Option<usize> {
    // A fault at a path is reported with its place, which gives the place of the cue.
    let placed = document(decode(bytes).ok()?, |script: &RecordingScript, fault| {
        if cue < script.cues.len() {
            fault(&format!("cues[{cue}]"), "here".into());
        }
    });
    placed.err()?.first().map(|place| place.line)
}

fn check(script: &RecordingScript, condition: impl Fn(&str) -> Result<(), String>, fault: Faults<'_>) {
    let mut number = |path: &str, x: f64, least: f64, most: f64| {
        if !(x >= least && x <= most) {
            fault(path, format!("{x} is out of range; allowed is {least} to {most}"));
        }
    };
    number("fps", f64::from(script.fps), 1.0, f64::from(FASTEST));
    number("typing", script.typing, 0.0, 10.0);
    for (i, cue) in script.cues.iter().enumerate() {
        let at = |field: &str| format!("cues[{i}].{field}");
        if let Some(CueTime::Seconds(s)) = cue.at {
            number(&at("at"), s, 0.0, LONGEST);
        }
        if let Some(wait) = cue.wait {
            number(&at("wait"), wait, 0.0, LONGEST);
        }
        if let Some(speed) = cue.speed {
            number(&at("speed"), speed, 0.01, 1000.0);
        }
    }
    if let Some((width, height)) = script.size
        && !(fits(width, height))
    {
        fault("size", format!("{width}x{height} is out of range; {SIZES}"));
    }
    if script.cues.len() > CUES {
        fault("cues", format!("{} cues, more than {CUES}", script.cues.len()));
    }
    if script.title.chars().count() > limits::NAME_CHARS {
        fault("title", format!("longer than {} characters", limits::NAME_CHARS));
    }
    for (i, cue) in script.cues.iter().enumerate() {
        let at = |field: &str| format!("cues[{i}].{field}");
        if let Some(Err(what)) = cue.when.as_ref().map(|when| condition(when)) {
            fault(&at("when"), what);
        }
        let texts = [
            ("caption", &cue.caption),
            ("type", &cue.typed),
            ("marker", &cue.marker),
            ("lane", &cue.lane),
            ("pane", &cue.pane),
            ("open", &cue.open),
            ("set", &cue.set),
        ];
        for (field, text) in texts {
            if text.as_ref().is_some_and(|t| t.chars().count() > TEXT) {
                fault(&at(field), format!("longer than {TEXT} characters"));
            }
        }
        if cue.typed.as_ref().is_some_and(|t| t.contains(crate::text::harmful)) {
            fault(&at("type"), "holds a control character; press keys by their names".into());
        }
        for key in cue.press.iter().flat_map(|keys| keys.split_whitespace()) {
            if let Err(what) = key.parse::<KeyPress>() {
                fault(&at("press"), what);
            }
        }
    }
}

/// The allowed sizes, for messages.
pub const SIZES: &str = "allowed is 40x12 to 500x200";

/// Whether a recording may have this size.
pub fn fits(width: u16, height: u16) -> bool {
    (40..=500).contains(&width) && (12..=200).contains(&height)
}

impl RecordingScript {
    /// The script as a document; `note` becomes a comment that describes it.
    pub fn to_ron(&self, note: &str) -> String {
        use ron::extensions::Extensions;
        let style = ron::ser::PrettyConfig::default()
            .indentor("  ")
            .depth_limit(2)
            .extensions(Extensions::IMPLICIT_SOME | Extensions::UNWRAP_VARIANT_NEWTYPES);
        let body = ron::ser::to_string_pretty(self, style).unwrap_or_default();
        // The reader always has both extensions enabled.
        let body: String = body.lines().filter(|l| !l.starts_with("#!")).flat_map(|l| [l, "\n"]).collect();
        let note: String = note.lines().flat_map(|l| ["// ", l, "\n"]).collect();
        note + &body
    }

    /// The number of rows below the lab, for captions or keys.
    pub fn rows_below(&self) -> u16 {
        let captions = self.cues.iter().any(|c| c.caption.as_ref().is_some_and(|t| !t.is_empty()));
        if captions { 2 } else { u16::from(self.show_keys) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> Vec<String> {
        let condition = |w: &str| if w.contains('>') { Ok(()) } else { Err("no comparison".into()) };
        read(text.as_bytes(), condition).err().into_iter().flatten().map(|f| f.to_string()).collect()
    }

    #[test]
    fn a_script_is_read_and_written_again() {
        let text = "(title: \"T\", show_keys: true, cues: [\n\
            (at: Step(200), press: \"space Ctrl-R S-Tab\", caption: \"Look\", wait: 1.5),\n\
            (when: \"adam.val_accuracy > 0.9\", type: \"0.1\", marker: \"M\"),\n\
            (at: Lane(\"B\", 210), press: \"n\"),\n\
            (at: Seconds(3), speed: 4, click: (3, 4), scroll: (1, 2, -1), show: false)])";
        let script = read(text.as_bytes(), |_| Ok(())).expect("a script");
        assert_eq!(script.cues[0].at, Some(CueTime::Step(200)));
        assert_eq!(script.cues[0].keys().len(), 3);
        assert_eq!(
            script.cues[1].keys(),
            [KeyPress::of_char('0'), KeyPress::of_char('.'), KeyPress::of_char('1')]
        );
        let again = script.to_ron("two\nlines");
        assert!(again.starts_with("// two\n// lines\n("), "{again}");
        assert_eq!(read(again.as_bytes(), |_| Ok(())), Ok(script), "{again}");
    }

    #[test]
    fn faults_have_their_line_and_column() {
        assert_eq!(
            faults("(cues: [\n  (press: \"spce\"),\n])"),
            ["2:11: there is no key spce; did you mean space?"]
        );
        assert!(faults("(cues: [(wait: -1)])")[0].starts_with("1:16: -1 is out of range"));
        assert!(faults("(cues: [(when: \"x\")])")[0].ends_with("no comparison"));
        assert!(faults("(cues: [(presss: \"q\")])")[0].contains("did you mean press?"));
        assert!(faults("(fps: 0, size: (10, 10))").len() == 2);
        assert!(faults("(cues: [(at: Step(-1))])")[0].starts_with("1:19"));
        assert!(faults("(cues: [(type: \"a\\u{1b}\")])")[0].contains("control character"));
        assert!(!faults("(cues: [(").is_empty());
        let text = b"(cues: [\n  (wait: 1),\n\n  (pane: \"Curves\")])";
        assert_eq!([0, 1, 2].map(|cue| line(text, cue)), [Some(2), Some(4), None]);
        assert_eq!(faults("()"), Vec::<String>::new());
    }
}
