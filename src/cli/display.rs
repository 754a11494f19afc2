//! Display settings: command-line options and the preferences file.

use super::BadInput;
use crate::lab::files;
use crate::limits;
use crate::ui::config::{self, Config};
use crate::ui::config::{ColorChoice, DrawingCharacters};
use crate::ui::keymap::custom::Keymap;
use crate::ui::terminal::choice::{Chosen, DisplayOptions, choose};
use crate::ui::theme::Scheme;
use etcetera::BaseStrategy as _;
use std::path::PathBuf;

/// Options of all commands that draw.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Display {
    /// Colours: as the terminal says (auto), never, 16, 256, truecolor; always: even if NO_COLOR is set
    #[arg(long, value_name = "WHEN", value_parser = parse_color)]
    color: Option<ColorChoice>,
    /// dark, light, high-contrast or mono
    #[arg(long, value_name = "NAME", value_parser = parse_theme)]
    theme: Option<Scheme>,
    /// Characters to draw with: braille, block or ascii
    #[arg(long, value_name = "KIND", value_parser = parse_drawing)]
    drawing: Option<DrawingCharacters>,
    /// Pictures a second at most; a key may cause one more
    #[arg(long, value_name = "N", value_parser = parse_fps)]
    fps: Option<f64>,
    /// Send as few bytes as possible
    #[arg(long)]
    low_bandwidth: bool,
}

/// The chosen settings, and their sources.
#[derive(Clone, Debug)]
pub struct ChosenDisplay {
    /// For the terminal.
    pub chosen: Chosen,
    /// The key bindings.
    pub keymap: Keymap,
    /// Bytes for the states that a run keeps for looking back.
    pub look_back: usize,
}

fn one<T: Copy>(text: &str, names: &[(&str, T)]) -> Result<T, String> {
    let found = names.iter().find(|(name, _)| *name == text).map(|(_, what)| *what);
    let all = || names.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    found.ok_or_else(|| format!("allowed: {}", all()))
}

fn parse_color(text: &str) -> Result<ColorChoice, String> {
    use ColorChoice::{Always, Auto, Basic, Indexed, Never, True};
    let names = [
        ("auto", Auto),
        ("always", Always),
        ("never", Never),
        ("16", Basic),
        ("256", Indexed),
        ("truecolor", True),
    ];
    one(text, &names)
}

/// Reads the name of a theme.
///
/// # Errors
/// The names that exist.
pub fn parse_theme(text: &str) -> Result<Scheme, String> {
    use Scheme::{Dark, HighContrast, Light, Mono};
    one(text, &[("dark", Dark), ("light", Light), ("high-contrast", HighContrast), ("mono", Mono)])
}

fn parse_drawing(text: &str) -> Result<DrawingCharacters, String> {
    one(
        text,
        &[
            ("braille", DrawingCharacters::Braille),
            ("block", DrawingCharacters::Block),
            ("ascii", DrawingCharacters::Ascii),
        ],
    )
}

fn parse_fps(text: &str) -> Result<f64, String> {
    let fps = text.parse().ok().filter(|f| config::FPS.contains(f));
    fps.ok_or_else(|| format!("a number from {} to {}", config::FPS.start(), config::FPS.end()))
}

/// The path of the preferences file, which need not exist.
pub fn path() -> Option<PathBuf> {
    let strategy = etcetera::choose_base_strategy().ok()?;
    Some(strategy.config_dir().join("gradtui").join("config.ron"))
}

impl Display {
    /// Reads the preferences and chooses.
    ///
    /// # Errors
    /// Every fault of the preferences.
    pub fn choose(&self) -> Result<ChosenDisplay, BadInput> {
        let (config, keymap) = match path().filter(|p| p.symlink_metadata().is_ok()) {
            None => (Config::default(), Keymap::default()),
            Some(path) => {
                let name = path.display().to_string();
                let bytes = files::read(&path, limits::SCENARIO_BYTES);
                let bytes = bytes.map_err(|what| BadInput::new(format!("{name}: {what}")))?;
                config::read(&bytes)
                    .map_err(|faults| BadInput(faults.iter().map(|f| f.in_file(&name)).collect()))?
            }
        };
        let Self { color, theme, drawing, fps, low_bandwidth } = *self;
        let asked = DisplayOptions { color, theme, drawing, fps, low_bandwidth };
        let chosen = choose(&asked, &config, variable);
        let look_back = config.look_back.map_or(limits::LOOK_BACK, |mib| mib << 20);
        Ok(ChosenDisplay { chosen, keymap, look_back })
    }
}

/// An environment variable. A value that is not valid text still counts as a value: a locale with such a name is not
/// UTF-8.
fn variable(name: &str) -> Option<String> {
    Some(std::env::var_os(name)?.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_value_that_is_no_text_is_a_value() {
        let vars = std::env::vars_os();
        for (name, value) in vars.filter_map(|(n, v)| Some((n.into_string().ok()?, v))) {
            assert_eq!(super::variable(&name), Some(value.to_string_lossy().into_owned()));
        }
        assert_eq!(super::variable("GRADTUI_NO_SUCH_VARIABLE"), None);
    }
}
