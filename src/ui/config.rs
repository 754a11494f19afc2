//! Preferences: a small RON document, checked like a scenario. Opens no file.

use super::keymap::Action;
use super::keymap::custom::Keymap;
use super::theme::{Glyphs, Scheme};
use crate::limits;
use crate::scenario::{ScenarioFault, decode, document};
use serde::Deserialize;

/// Whether to use colours, and how many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum ColorChoice {
    /// As the terminal reports.
    #[default]
    Auto,
    /// Always; at least 16.
    Always,
    /// Never.
    Never,
    /// The sixteen colours of the terminal's palette.
    Basic,
    /// 256 colours.
    Indexed,
    /// 24-bit colours.
    True,
}

/// The characters that draw curves and frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum DrawingCharacters {
    /// Braille: eight dots per cell.
    Braille,
    /// Quarter blocks, for fonts without braille.
    Block,
    /// ASCII only.
    Ascii,
}

impl DrawingCharacters {
    /// The characters that panes may use.
    pub fn glyphs(self) -> Glyphs {
        if self == Self::Ascii { Glyphs::Ascii } else { Glyphs::Unicode }
    }
}

/// Preferences; the default of a missing field depends on the terminal.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Colours by meaning.
    pub theme: Option<Scheme>,
    /// How many colours.
    pub color: Option<ColorChoice>,
    /// The characters to draw with.
    pub drawing: Option<DrawingCharacters>,
    /// Most frames a second.
    pub fps: Option<f64>,
    /// Whether to send as few bytes as possible.
    pub low_bandwidth: bool,
    /// Mebibytes of memory for earlier states of the run, with which any step can be shown quickly; 0: none.
    pub look_back: Option<usize>,
    /// Other keys: an action and the names of its keys.
    pub keys: Vec<(Action, Vec<String>)>,
}

/// The allowed range of frames a second.
pub const FPS: std::ops::RangeInclusive<f64> = 0.2..=60.0;

/// Reads preferences, and the keymap that results from them.
///
/// # Errors
/// All faults, in the order of the text.
pub fn read(bytes: &[u8]) -> Result<(Config, Keymap), Vec<ScenarioFault>> {
    let text = decode(bytes).map_err(|fault| vec![fault])?;
    let mut keymap = Keymap::default();
    let config = document(text, |config: &Config, fault| {
        if let Some(fps) = config.fps.filter(|f| !FPS.contains(f)) {
            fault("fps", format!("{fps} is out of range; allowed is {} to {}", FPS.start(), FPS.end()));
        }
        if let Some(mib) = config.look_back.filter(|n| *n > limits::LOOK_BACK_MIB) {
            let most = limits::LOOK_BACK_MIB;
            fault("look_back", format!("{mib} is out of range; allowed is 0 to {most} MiB"));
        }
        for (i, (action, names)) in config.keys.iter().enumerate() {
            let keys: Result<Vec<_>, String> = names.iter().map(|n| n.parse()).collect();
            if let Err(what) = keys.and_then(|keys| keymap.rebind(*action, &keys)) {
                fault(&format!("keys[{i}]"), what);
            }
        }
        if let Some(what) = keymap.conflict() {
            fault("keys", what);
        }
    })?;
    Ok((config, keymap))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::view::Pane;
    use crate::ui::keymap::{KeyPress, pane_scopes};

    #[test]
    fn preferences_are_read_and_keys_follow() {
        let text = "(theme: Light, color: Never, drawing: Block, fps: 5, keys: [(TogglePause, [\"F9\", \"F5\"]), (Lane(0), [\"F2\"])])";
        let (config, keymap) = read(text.as_bytes()).expect("preferences");
        assert_eq!((config.theme, config.drawing), (Some(Scheme::Light), Some(DrawingCharacters::Block)));
        let scopes = pane_scopes(Pane::Curves);
        assert_eq!(keymap.find("F5".parse().expect("a key"), &scopes), Some(Action::TogglePause));
        assert_eq!(keymap.find(KeyPress::of_char(' '), &scopes), None);
    }

    #[test]
    fn faults_have_their_place() {
        let faults = |text: &str| -> Vec<String> {
            read(text.as_bytes()).err().into_iter().flatten().map(|f| f.to_string()).collect()
        };
        assert!(
            faults("(\n  theme: Lihgt\n)")[0].starts_with("2:10: "),
            "{:?}",
            faults("(\n  theme: Lihgt\n)")
        );
        assert!(faults("(fsp: 3)")[0].contains("did you mean fps?"));
        assert!(faults("(fps: 0)")[0].starts_with("1:7: 0 is out of range"));
        assert!(faults("(look_back: 5000)")[0].contains("0 to 4096 MiB"));
        assert!(faults("(keys: [(Quit, [\"Qq\"])])")[0].starts_with("1:9: there is no key"));
        assert!(faults("(keys: [(Quit, [\"z\"])])")[0].contains("two things"));
        assert!(faults("(keys: [(Quti, [\"z\"])])")[0].contains("Quit"));
        assert_eq!(faults("()"), Vec::<String>::new());
    }
}
