//! The player of recordings, asciinema-player, embedded in a page: its script, its style and its licence, so that the
//! page needs no network.

use super::BadInput;
use crate::lab::files;
use crate::limits;
use crate::text::xml;
use std::path::{Path, PathBuf};

/// The player in the form of its npm package.
#[derive(Debug)]
pub struct NpmPlayer {
    script: String,
    style: String,
    licence: String,
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

impl NpmPlayer {
    /// Reads the unpacked folder of the npm package.
    ///
    /// # Errors
    /// The file that cannot be read.
    pub fn read(folder: PathBuf) -> Result<Self, BadInput> {
        let dir = ["package", "node_modules/asciinema-player", "."].map(|inner| folder.join(inner));
        let dir = dir.into_iter().find(|d| d.join("dist/bundle").is_dir()).unwrap_or(folder);
        Ok(Self {
            script: part(&dir, "dist/bundle/asciinema-player.min.js")?,
            style: part(&dir, "dist/bundle/asciinema-player.css")?,
            licence: part(&dir, "LICENSE")?,
        })
    }

    /// Its licence and its style, which come before the recordings.
    pub fn head(&self) -> String {
        format!(
            "<!-- asciinema-player, inlined below, under this licence:\n{}\n-->\n<style>{}</style>\n",
            self.licence.replace("-->", "-- >"),
            self.style
        )
    }

    /// Its script, which comes after them: each recording plays when it is unfolded.
    pub fn tail(&self) -> String {
        let start = "document.querySelectorAll('details').forEach(d => d.addEventListener('toggle', () => {\n\
                     const place = d.querySelector('div');\n\
                     if (!d.open || place.firstChild) return;\n\
                     const data = JSON.parse(d.querySelector('script').textContent);\n\
                     AsciinemaPlayer.create({ data }, place, { fit: 'width', preload: true, autoPlay: true });\n\
                     }));";
        format!("<script>{}</script>\n<script>{start}</script>\n", self.script)
    }
}

/// A recording on the page, folded.
///
/// # Errors
/// None is known: every text can be JSON.
pub fn recording(title: &str, about: &str, cast: &str) -> serde_json::Result<String> {
    // A closing tag inside a text would end the surrounding script.
    let data = serde_json::to_string(cast)?.replace("</", "<\\/");
    Ok(format!(
        "<details><summary>{}</summary><p>{}</p><div></div>\n<script type=\"application/json\">{data}</script></details>\n",
        xml(title),
        xml(about)
    ))
}

/// The text of a recording in a file, and its name.
///
/// # Errors
/// The reason why it cannot be read.
pub fn cast(path: &Path) -> Result<(String, String), BadInput> {
    let fault = |what: String| BadInput::new(format!("{}: {what}", path.display()));
    let bytes = files::read(path, limits::DATA_FILE_BYTES).map_err(fault)?;
    let cast = String::from_utf8(bytes).map_err(|_| fault("not UTF-8".into()))?;
    Ok((path.file_stem().unwrap_or_default().to_string_lossy().into_owned(), cast))
}
