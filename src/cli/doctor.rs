//! `gradtui doctor`: reports the terminal's abilities, the chosen settings, and the reasons for them.

use super::display::{self, Display};
use super::print;
use crate::text::escaped;
use crate::ui::config::DrawingCharacters;
use crate::ui::terminal::{ask, fit, size};
use crate::ui::theme::{Depth, Scheme};
use std::fmt::Write as _;

/// Arguments of `doctor`.
#[derive(Debug, clap::Args)]
pub struct DoctorArgs {
    #[command(flatten)]
    display: Display,
}

impl DoctorArgs {
    /// Examines the terminal and prints the report.
    pub fn run(self) -> anyhow::Result<()> {
        let shown = self.display.choose()?;
        let chosen = &shown.chosen;
        let mut out = String::new();
        let mut line = |what: &str, is: &str, why: &str| {
            let _ = writeln!(out, "{what:<14} {is:<16} {}", escaped(why));
        };
        match fit() {
            Ok(()) => {
                let (width, height) = size();
                line("lab", "opens", &format!("on {width}x{height}"));
                match ask() {
                    Some(time) => line(
                        "status report",
                        &format!("in {} ms", time.as_millis()),
                        "one picture at a time, each acknowledged",
                    ),
                    None => line("status report", "none", "pictures come at a fixed rate"),
                }
            }
            Err(why) => line("lab", "does not open", &why.to_string()),
        }
        let depth = match chosen.depth.what {
            Depth::Mono => "none",
            Depth::Sixteen => "16",
            Depth::Indexed => "256",
            Depth::True => "16 million",
        };
        line("colours", depth, &chosen.depth.why);
        let drawing = match chosen.drawing.what {
            DrawingCharacters::Braille => "braille",
            DrawingCharacters::Block => "blocks",
            DrawingCharacters::Ascii => "ASCII",
        };
        line("drawing", drawing, &chosen.drawing.why);
        let theme = match chosen.scheme.what {
            Scheme::Dark => "dark",
            Scheme::Light => "light",
            Scheme::HighContrast => "high-contrast",
            Scheme::Mono => "mono",
        };
        line("theme", theme, &chosen.scheme.why);
        line("pictures", &format!("{} a second", chosen.fps.what), &chosen.fps.why);
        let config = display::path();
        let found = if config.as_ref().is_some_and(|p| p.exists()) { "read" } else { "none" };
        line(
            "preferences",
            found,
            &config.map_or_else(|| "no home directory".into(), |p| p.display().to_string()),
        );
        let runs = super::state_dir::runs();
        line("runs", "kept in", &runs.map_or_else(|e| e, |p| p.display().to_string()));
        print(&out)
    }
}
