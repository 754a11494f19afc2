//! `gradtui gallery`: one page with recordings of all presets and lessons. The player is inlined with its licence, so the page
//! needs no network.

use super::record::{lesson_film, preset_film};
use super::{BadInput, Ended, print, tell};
use crate::lab::files;
use crate::lab::lesson::course::SHIPPED;
use crate::lab::preset;
use crate::limits;
use crate::scenario::read;
use crate::text::xml;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Arguments of `gallery`.
#[derive(Debug, clap::Args)]
pub struct Gallery {
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
struct Shown {
    title: String,
    about: String,
    cast: String,
}

/// A text file of the player.
fn part(dir: &Path, name: &str) -> Result<String, BadInput> {
    let path = dir.join(name);
    let fault = |what: String| {
        let hint = "give --player the folder `package` of the unpacked npm package asciinema-player";
        BadInput::new(format!("{}: {what}; {hint}", path.display()))
    };
    let bytes = files::read(&path, limits::DATA_FILE_BYTES).map_err(fault)?;
    String::from_utf8(bytes).map_err(|_| fault("not UTF-8".into()))
}

impl Gallery {
    /// Makes the page.
    pub fn run(self) -> anyhow::Result<()> {
        let dir = ["package", "node_modules/asciinema-player", "."].map(|inner| self.player.join(inner));
        let dir = dir.into_iter().find(|d| d.join("dist/bundle").is_dir()).unwrap_or(self.player);
        let script = part(&dir, "dist/bundle/asciinema-player.min.js")?;
        let style = part(&dir, "dist/bundle/asciinema-player.css")?;
        let licence = part(&dir, "LICENSE")?;
        let shown = if self.casts.is_empty() { recorded()? } else { given(&self.casts)? };
        let page = page(&shown, &script, &style, &licence)?;
        files::write(&[(&self.out, page.as_bytes())]).map_err(|e| Ended(1, e.to_string()))?;
        print(&format!("{}: {} recordings, {} KiB\n", self.out.display(), shown.len(), page.len() / 1024))
    }
}

/// Recordings that somebody has made.
fn given(casts: &[PathBuf]) -> Result<Vec<Shown>, BadInput> {
    let one = |path: &PathBuf| {
        let fault = |what: String| BadInput::new(format!("{}: {what}", path.display()));
        let bytes = files::read(path, limits::DATA_FILE_BYTES).map_err(fault)?;
        let cast = String::from_utf8(bytes).map_err(|_| fault("not UTF-8".into()))?;
        let title = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Shown { title, about: String::new(), cast })
    };
    casts.iter().map(one).collect()
}

/// Recordings of all lessons and presets.
fn recorded() -> anyhow::Result<Vec<Shown>> {
    let mut out = Vec::new();
    let texts = SHIPPED.iter().map(|(_, name, text)| (true, *name, *text));
    let all: Vec<_> = texts.chain(preset::ALL.iter().map(|p| (false, p.name, p.text))).collect();
    for (i, (lesson, name, text)) in all.iter().enumerate() {
        tell(&format!("{} of {}: {name}\n", i + 1, all.len()));
        let scenario = read(text).map_err(|f| BadInput(f.iter().map(|f| f.in_file(name)).collect()))?;
        let (title, about) = (scenario.title.clone(), scenario.about.clone());
        let bytes = if *lesson { lesson_film(scenario) } else { preset_film(scenario) }?;
        let title = if *lesson { format!("Lesson: {title}") } else { title };
        out.push(Shown { title, about, cast: String::from_utf8_lossy(&bytes).into_owned() });
    }
    Ok(out)
}

/// The page: nothing in it leads out of it.
fn page(shown: &[Shown], script: &str, style: &str, licence: &str) -> anyhow::Result<String> {
    let mut out = String::from(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>gradtui</title>\n",
    );
    // Memory takes all.
    let _ = write!(
        out,
        "<!-- asciinema-player, inlined below, under this licence:\n{}\n-->\n",
        licence.replace("-->", "-- >")
    );
    let own = "body { max-width: 64rem; margin: 2rem auto; padding: 0 1rem; font-family: sans-serif; \
               background: #181a1f; color: #dcdfe4 } summary { cursor: pointer; font-size: 1.1rem; margin: .6rem 0 } \
               p { color: #9aa0aa; margin: .2rem 0 .6rem }";
    let _ = write!(out, "<style>{style}\n{own}</style>\n<h1>gradtui</h1>\n");
    for (i, Shown { title, about, cast }) in shown.iter().enumerate() {
        // A closing tag inside of a text would end the script that holds it.
        let data = serde_json::to_string(cast)?.replace("</", "<\\/");
        let _ = write!(
            out,
            "<details data-cast=\"{i}\"><summary>{}</summary><p>{}</p><div></div>\n\
             <script type=\"application/json\">{data}</script></details>\n",
            xml(title),
            xml(about)
        );
    }
    let start = "document.querySelectorAll('details').forEach(d => d.addEventListener('toggle', () => {\n\
                 const place = d.querySelector('div');\n\
                 if (!d.open || place.firstChild) return;\n\
                 const data = JSON.parse(d.querySelector('script').textContent);\n\
                 AsciinemaPlayer.create({ data }, place, { fit: 'width', preload: true, autoPlay: true });\n\
                 }));";
    let _ = write!(out, "<script>{script}</script>\n<script>{start}</script>\n</html>\n");
    Ok(out)
}
