//! Chooses the display settings from command line, preferences and environment, with reasons. Touches no terminal.

use crate::ui::config::{ColorChoice, Config, DrawingCharacters};
use crate::ui::theme::{Depth, Scheme};

/// A choice with its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisplayChoice<T> {
    /// The choice.
    pub what: T,
    /// The reason in a few words.
    pub why: String,
}

fn chosen<T>(what: T, why: impl Into<String>) -> DisplayChoice<T> {
    DisplayChoice { what, why: why.into() }
}

/// The settings given on the command line.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct DisplayOptions {
    /// Colours.
    pub color: Option<ColorChoice>,
    /// Theme.
    pub theme: Option<Scheme>,
    /// Characters.
    pub drawing: Option<DrawingCharacters>,
    /// Most frames a second.
    pub fps: Option<f64>,
    /// Whether to send as few bytes as possible.
    pub low_bandwidth: bool,
}

/// All display settings chosen for a terminal.
#[derive(Clone, Debug, PartialEq)]
pub struct Chosen {
    /// Colours.
    pub depth: DisplayChoice<Depth>,
    /// Characters.
    pub drawing: DisplayChoice<DrawingCharacters>,
    /// Theme.
    pub scheme: DisplayChoice<Scheme>,
    /// Most frames a second.
    pub fps: DisplayChoice<f64>,
}

/// Default frames a second, and those with low bandwidth.
const FPS: (f64, f64) = (10.0, 2.5);

/// Chooses the settings; `var` reads an environment variable.
pub fn choose(options: &DisplayOptions, config: &Config, var: impl Fn(&str) -> Option<String>) -> Chosen {
    let low = options.low_bandwidth || config.low_bandwidth;
    let fps = match (options.fps, config.fps) {
        (Some(fps), _) => chosen(fps, "--fps"),
        (None, _) if low => {
            chosen(FPS.1, if options.low_bandwidth { "--low-bandwidth" } else { "the configuration" })
        }
        (None, Some(fps)) => chosen(fps, "the configuration"),
        (None, None) => chosen(FPS.0, "the default"),
    };
    let scheme = match (options.theme, config.theme) {
        (Some(scheme), _) => chosen(scheme, "--theme"),
        (None, Some(scheme)) => chosen(scheme, "the configuration"),
        (None, None) => scheme(&var),
    };
    let depth = match (options.color, config.color) {
        _ if scheme.what == Scheme::Mono => chosen(Depth::Mono, "the theme"),
        (Some(color), _) => depth(color, "--color", &var),
        (None, Some(color)) => depth(color, "the configuration", &var),
        (None, None) => depth(ColorChoice::Auto, "", &var),
    };
    let drawing = match (options.drawing, config.drawing) {
        (Some(drawing), _) => chosen(drawing, "--drawing"),
        (None, Some(drawing)) => chosen(drawing, "the configuration"),
        (None, None) => drawing(&var),
    };
    Chosen { depth, drawing, scheme, fps }
}

/// Terminals with 24-bit colours that are recognised by their `TERM`; over SSH no other variable of theirs arrives.
const TRUE: [&str; 5] = ["kitty", "alacritty", "ghostty", "foot", "wezterm"];

/// The number of colours, from a choice and the environment.
fn depth(choice: ColorChoice, from: &str, var: &impl Fn(&str) -> Option<String>) -> DisplayChoice<Depth> {
    let set = |name: &str| var(name).is_some_and(|v| !v.is_empty());
    let term = var("TERM").unwrap_or_default();
    let forced =
        choice == ColorChoice::Always || var("CLICOLOR_FORCE").is_some_and(|v| !v.is_empty() && v != "0");
    match choice {
        ColorChoice::Never => return chosen(Depth::Mono, from),
        ColorChoice::Basic => return chosen(Depth::Sixteen, from),
        ColorChoice::Indexed => return chosen(Depth::Indexed, from),
        ColorChoice::True => return chosen(Depth::True, from),
        ColorChoice::Auto if set("NO_COLOR") => return chosen(Depth::Mono, "NO_COLOR is set"),
        ColorChoice::Auto | ColorChoice::Always => {}
    }
    let colorterm = var("COLORTERM").unwrap_or_default();
    if matches!(&colorterm[..], "truecolor" | "24bit") {
        chosen(Depth::True, format!("COLORTERM={colorterm}"))
    } else if let Some(name) = TRUE.iter().find(|name| term.contains(**name)) {
        chosen(Depth::True, format!("TERM={term}: {name} draws 24 bits"))
    } else if term.contains("direct") {
        chosen(Depth::True, format!("TERM={term}"))
    } else if term.contains("256color") {
        chosen(Depth::Indexed, format!("TERM={term}, and COLORTERM promises no more"))
    } else if !forced && (term.starts_with("vt1") || term.starts_with("vt2")) {
        chosen(Depth::Mono, format!("TERM={term}"))
    } else {
        chosen(Depth::Sixteen, format!("TERM={term} promises no more"))
    }
}

/// The characters, from the locale and the kind of terminal.
fn drawing(var: &impl Fn(&str) -> Option<String>) -> DisplayChoice<DrawingCharacters> {
    let names = ["LC_ALL", "LC_CTYPE", "LANG"];
    let locale = names.iter().find_map(|n| var(n).filter(|v| !v.is_empty()).map(|v| (n, v)));
    let term = var("TERM").unwrap_or_default();
    match locale {
        _ if term == "linux" || term.starts_with("vt") => {
            chosen(DrawingCharacters::Ascii, format!("TERM={term}"))
        }
        None => chosen(DrawingCharacters::Ascii, "no locale is set"),
        Some((name, value)) => {
            let lower = value.to_ascii_lowercase();
            let utf8 = lower.contains("utf-8") || lower.contains("utf8");
            chosen(
                if utf8 { DrawingCharacters::Braille } else { DrawingCharacters::Ascii },
                format!("{name}={value}"),
            )
        }
    }
}

/// Light or dark, if the terminal reports its background.
fn scheme(var: &impl Fn(&str) -> Option<String>) -> DisplayChoice<Scheme> {
    let ground = var("COLORFGBG").unwrap_or_default();
    match ground.rsplit(';').next().and_then(|g| g.parse::<u8>().ok()) {
        Some(7 | 9..=15) => chosen(Scheme::Light, format!("COLORFGBG={ground}")),
        Some(_) => chosen(Scheme::Dark, format!("COLORFGBG={ground}")),
        None => chosen(Scheme::Dark, "the default"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env<'a>(pairs: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
        |name| pairs.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_string())
    }

    #[test]
    fn colours_are_chosen_in_the_documented_order() {
        use ColorChoice::{Always, Auto, Basic, Never, True};
        for (choice, vars, want) in [
            (Never, &[("COLORTERM", "truecolor")][..], Depth::Mono),
            (Auto, &[("NO_COLOR", "1"), ("COLORTERM", "truecolor")], Depth::Mono),
            (Auto, &[("NO_COLOR", ""), ("COLORTERM", "truecolor")], Depth::True),
            (Always, &[("NO_COLOR", "1"), ("TERM", "xterm-256color")], Depth::Indexed),
            (Basic, &[("COLORTERM", "truecolor")], Depth::Sixteen),
            (True, &[("TERM", "linux")], Depth::True),
            (Auto, &[("TERM", "xterm-256color")], Depth::Indexed),
            (Auto, &[("TERM", "xterm-direct")], Depth::True),
            (Auto, &[("TERM", "xterm-kitty")], Depth::True),
            (Auto, &[("TERM", "alacritty")], Depth::True),
            (Auto, &[("TERM", "xterm-ghostty")], Depth::True),
            (Auto, &[("TERM", "foot-extra")], Depth::True),
            (Auto, &[("TERM", "wezterm")], Depth::True),
            (Auto, &[("TERM", "xterm-kitty"), ("NO_COLOR", "1")], Depth::Mono),
            (Auto, &[("TERM", "xterm")], Depth::Sixteen),
            (Auto, &[("TERM", "linux")], Depth::Sixteen),
            (Auto, &[("TERM", "vt100")], Depth::Mono),
        ] {
            assert_eq!(depth(choice, "asked", &env(vars)).what, want, "{choice:?} {vars:?}");
        }
    }

    #[test]
    fn only_utf8_locales_get_more_than_ascii() {
        for (vars, want) in [
            (&[("LANG", "de_DE.UTF-8")][..], DrawingCharacters::Braille),
            (&[("LANG", "de_DE.UTF-8"), ("LC_ALL", "C")], DrawingCharacters::Ascii),
            (&[("LC_ALL", ""), ("LANG", "C.utf8")], DrawingCharacters::Braille),
            (&[("LANG", "en_US.ISO-8859-1")], DrawingCharacters::Ascii),
            (&[], DrawingCharacters::Ascii),
            (&[("LANG", "C.UTF-8"), ("TERM", "linux")], DrawingCharacters::Ascii),
            // A value that is not valid text arrives in this form.
            (&[("LC_ALL", "\u{fffd}"), ("LANG", "C.UTF-8")], DrawingCharacters::Ascii),
        ] {
            assert_eq!(drawing(&env(vars)).what, want, "{vars:?}");
        }
    }

    #[test]
    fn the_command_line_comes_before_the_preferences_and_these_before_the_terminal() {
        let vars = [("LANG", "C.UTF-8"), ("TERM", "xterm-256color"), ("COLORFGBG", "0;15")];
        let config = Config { fps: Some(4.0), drawing: Some(DrawingCharacters::Block), ..Config::default() };
        let got = choose(&DisplayOptions::default(), &config, env(&vars));
        assert_eq!(
            (got.scheme.what, got.drawing.what, got.fps.what),
            (Scheme::Light, DrawingCharacters::Block, 4.0)
        );
        let options =
            DisplayOptions { theme: Some(Scheme::Mono), low_bandwidth: true, ..DisplayOptions::default() };
        let got = choose(&options, &config, env(&vars));
        assert_eq!((got.depth.what, got.fps.what), (Depth::Mono, FPS.1));
        assert_eq!(&got.fps.why, "--low-bandwidth");
        let options = DisplayOptions { fps: Some(30.0), ..options };
        assert_eq!(choose(&options, &config, env(&vars)).fps.what, 30.0);
    }
}
