//! `gradtui gallery`: one page with recordings of all presets and lessons. The player is inlined with its licence, so
//! the page needs no network.

use super::player::{NpmPlayer, cast, recording};
use super::record::{lesson_film, preset_film};
use super::{BadInput, CommandEnd, print, print_err};
use crate::lab::files;
use crate::lab::lesson::course::SHIPPED;
use crate::lab::preset;
use crate::scenario::read;
use std::path::PathBuf;

/// Arguments of `gallery`.
#[derive(Debug, clap::Args)]
pub struct GalleryArgs {
    /// The folder of the npm package asciinema-player, unpacked: `npm pack asciinema-player`, then `tar xzf`
    #[arg(long, value_name = "DIR")]
    player: PathBuf,
    /// The page
    #[arg(long, value_name = "X.html")]
    out: PathBuf,
    /// Recordings of your own; without, all presets and lessons are recorded
    #[arg(value_name = "X.cast")]
    casts: Vec<PathBuf>,
}

/// A recording on the page.
struct GalleryRecording {
    title: String,
    about: String,
    cast: String,
}

impl GalleryArgs {
    /// Makes the page.
    pub fn run(self) -> anyhow::Result<()> {
        files::check_outputs([&*self.out], self.casts.iter().map(PathBuf::as_path)).map_err(BadInput::new)?;
        let player = NpmPlayer::read(self.player)?;
        let shown = if self.casts.is_empty() { recorded()? } else { given(&self.casts)? };
        let page = page(&shown, &player)?;
        files::write(&[(&self.out, page.as_bytes())]).map_err(|e| CommandEnd(1, e.to_string()))?;
        print(&format!("{}: {} recordings, {} KiB\n", self.out.display(), shown.len(), page.len() / 1024))
    }
}

/// Recordings given by the user.
fn given(casts: &[PathBuf]) -> Result<Vec<GalleryRecording>, BadInput> {
    let one = |path: &PathBuf| {
        let (title, cast) = cast(path)?;
        Ok(GalleryRecording { title, about: String::new(), cast })
    };
    casts.iter().map(one).collect()
}

/// Recordings of all lessons and presets.
fn recorded() -> anyhow::Result<Vec<GalleryRecording>> {
    let mut out = Vec::new();
    let texts = SHIPPED.iter().map(|(_, name, text)| (true, *name, *text));
    let all: Vec<_> = texts.chain(preset::ALL.iter().map(|p| (false, p.name, p.text))).collect();
    for (i, (lesson, name, text)) in all.iter().enumerate() {
        print_err(&format!("{} of {}: {name}\n", i + 1, all.len()));
        let scenario = read(text).map_err(|f| BadInput(f.iter().map(|f| f.in_file(name)).collect()))?;
        let (title, about) = (scenario.title.clone(), scenario.about.clone());
        let bytes = if *lesson { lesson_film(scenario) } else { preset_film(scenario) }?;
        let title = if *lesson { format!("Lesson: {title}") } else { title };
        out.push(GalleryRecording { title, about, cast: String::from_utf8_lossy(&bytes).into_owned() });
    }
    Ok(out)
}

/// The page; it contains no links to other pages.
fn page(shown: &[GalleryRecording], player: &NpmPlayer) -> anyhow::Result<String> {
    let own = "body { max-width: 64rem; margin: 2rem auto; padding: 0 1rem; font-family: sans-serif; \
               background: #181a1f; color: #dcdfe4 } summary { cursor: pointer; font-size: 1.1rem; margin: .6rem 0 } \
               p { color: #9aa0aa; margin: .2rem 0 .6rem }";
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>gradtui</title>\n{}<style>{own}</style>\n\
         <h1>gradtui</h1>\n",
        player.head()
    );
    for GalleryRecording { title, about, cast } in shown {
        out += &recording(title, about, cast)?;
    }
    out += &player.tail();
    out += "</html>\n";
    Ok(out)
}
