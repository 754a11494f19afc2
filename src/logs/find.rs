//! Finds the logs at a path: recognises a file by its first bytes, and a folder by its content, including subfolders.

use super::store::LineFormat;
use super::tail::trimmed;
use super::value::{Json, number};
use super::{
    LogReader, OpenLog, UnreadLog, below, document, jsonl, sqlite, store, table, tensorboard, text,
    trainer_state, wandb as blocks,
};
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Bytes of a file that are read to find its kind.
const HEAD: u64 = 64 * 1024;
/// Levels of subfolders, and number of files, that are searched at most.
const DEPTH: usize = 8;
const FILES: usize = 20_000;

/// A path and the files at or below it.
pub struct LogFiles {
    root: PathBuf,
    files: Vec<PathBuf>,
}

impl LogFiles {
    /// Lists the files at a path.
    ///
    /// # Errors
    /// If there are none.
    pub fn new(path: &Path) -> Result<Self, String> {
        let found = fs::metadata(path).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => "there is no such file or folder".into(),
            _ => e.to_string(),
        })?;
        let mut files = Vec::new();
        if found.is_dir() {
            walk(path, DEPTH, &mut files);
            files.sort_by_cached_key(|path| super::layers::natural(&path.to_string_lossy()));
        } else if found.is_file() {
            files.push(path.into());
        } else {
            return Err("a device or a pipe; a log is a file or a folder".into());
        }
        Ok(Self { root: path.into(), files })
    }

    /// The files that satisfy `is`; each is a run of its own.
    fn files(&self, is: impl Fn(&Path) -> bool) -> impl Iterator<Item = &PathBuf> {
        self.files.iter().filter(move |path| is(path))
    }

    /// A run for each of these files or folders, named by its path relative to the place.
    fn runs(&self, paths: Vec<PathBuf>, open: impl Fn(PathBuf) -> OpenLog) -> Vec<UnreadLog> {
        let alone = paths.len() == 1;
        let root = if alone { Path::new("") } else { &self.root };
        let run = |path: &Path| {
            let name = below(path, root);
            if alone { name.rsplit('/').next().unwrap_or_default().to_string() } else { name }
        };
        paths.into_iter().map(|path| UnreadLog { run: run(&path), open: open(path) }).collect()
    }

    /// The name of a known kind of log that cannot be read, if one lies there.
    pub fn stranger(&self) -> Option<String> {
        let has = |part: &str| {
            let is = |p: &PathBuf| p.components().any(|c| c.as_os_str() == part);
            self.files.iter().any(is) || self.root.join(part).exists()
        };
        if has(".aim") || self.root.ends_with(".aim") {
            return Some("a repository of Aim (RocksDB), which is not read; `aim storage` or its own export gives files".into());
        }
        let swanlab = |p: &&PathBuf| p.extension().is_some_and(|e| e == "swanlab");
        if self.files.iter().any(|p| swanlab(&p)) {
            return Some("a log of SwanLab, which is not read; log to TensorBoard or CSV beside it".into());
        }
        None
    }
}

fn walk(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(kind) = entry.file_type() else { continue };
        if files.len() >= FILES {
            return;
        }
        if kind.is_dir() && depth > 0 {
            walk(&entry.path(), depth - 1, files);
        } else if kind.is_file() || (kind.is_symlink() && entry.path().is_file()) {
            files.push(entry.path());
        }
    }
}

fn head(path: &Path) -> Vec<u8> {
    let mut head = Vec::new();
    // A file that cannot be read has no kind.
    let _ = File::open(path).and_then(|file| file.take(HEAD).read_to_end(&mut head));
    head
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(|n| n.to_str()).unwrap_or_default()
}

fn boxed(reader: impl LogReader + 'static) -> OpenLog {
    Box::new(move || Ok(Box::new(reader)))
}

/// The lanes of a gradtui run, also of its log alone.
pub fn own(place: &LogFiles) -> Vec<UnreadLog> {
    let inside = place.root.join("metrics.jsonl");
    let log = if super::is_own(&place.root) { &inside } else { &place.root };
    if !log.is_file() {
        return Vec::new();
    }
    let mut lanes: Vec<String> = Vec::new();
    for line in lines(&head(log)) {
        let lane = Json::parse(&line).and_then(|row| row.get("lane")?.text().map(String::from));
        lanes.extend(lane.filter(|lane| !lanes.contains(lane)));
    }
    let lane =
        |lane: String| UnreadLog { open: boxed(jsonl::JsonLines::of_lane(log, lane.clone())), run: lane };
    lanes.into_iter().map(lane).collect()
}

/// Runs of W&B.
pub fn wandb(place: &LogFiles) -> Vec<UnreadLog> {
    let named = |path: &Path| path.extension().is_some_and(|e| e == "wandb");
    let is = |path: &Path| named(path) || (place.root.is_file() && head(path).starts_with(b":W&B"));
    let files: Vec<PathBuf> = place.files(is).cloned().collect();
    place.runs(files, |path| boxed(blocks::Wandb::new(&path)))
}

/// All event files together, as one run; its series have the folders in their names.
pub fn events(place: &LogFiles) -> Vec<UnreadLog> {
    let single = place.root.is_file() && tensorboard::begins(&head(&place.root));
    if !single && place.files(|p| tensorboard::is_name(name(p))).next().is_none() {
        return Vec::new();
    }
    place.runs(vec![place.root.clone()], |path| boxed(tensorboard::Events::new(&path)))
}

/// Runs of Hugging Face's Trainer: a folder with its checkpoints is one.
pub fn trainer_state(place: &LogFiles) -> Vec<UnreadLog> {
    if place.root.is_file() {
        let head = head(&place.root);
        let is = head.trim_ascii_start().starts_with(b"{")
            && (name(&place.root) == "trainer_state.json"
                || memchr::memmem::find(&head, b"\"log_history\"").is_some());
        let files = if is { vec![place.root.clone()] } else { Vec::new() };
        return place.runs(files, |path| boxed(trainer_state::TrainerState::new(&path)));
    }
    let mut folders: Vec<PathBuf> = Vec::new();
    for state in place.files(|p| name(p) == "trainer_state.json") {
        let folder = state.parent().unwrap_or(&place.root);
        let checkpoint = name(folder).starts_with("checkpoint-") && folder != place.root;
        let run = if checkpoint { folder.parent().unwrap_or(folder) } else { folder };
        if !folders.contains(&run.to_path_buf()) {
            folders.push(run.into());
        }
    }
    place.runs(folders, |path| boxed(trainer_state::TrainerState::new(&path)))
}

/// Runs of MLflow's file store that are not deleted.
pub fn mlflow(place: &LogFiles) -> Vec<UnreadLog> {
    let mut found = Vec::new();
    for meta in place.files(|p| name(p) == "meta.yaml") {
        let text = fs::read_to_string(meta).unwrap_or_default();
        let field = |key: &str| {
            let line = text.lines().find_map(|l| l.strip_prefix(key)?.strip_prefix(':'));
            line.map(|v| v.trim().trim_matches(['\'', '"']).to_string())
        };
        let Some(id) = field("run_id").or_else(|| field("run_uuid")) else { continue };
        let metrics = meta.with_file_name("metrics");
        if field("lifecycle_stage").is_none_or(|stage| stage == "active") && metrics.is_dir() {
            let run = field("run_name").filter(|n| !n.is_empty()).unwrap_or(id);
            found.push(UnreadLog { run, open: boxed(store::StoreReader::new(&metrics, LineFormat::Mlflow)) });
        }
    }
    unique(found)
}

/// Runs of DVCLive: folders with `plots/metrics`.
pub fn dvclive(place: &LogFiles) -> Vec<UnreadLog> {
    let mut folders: Vec<PathBuf> = Vec::new();
    for file in place.files(|p| p.extension().is_some_and(|e| e == "tsv")) {
        let metrics = file.ancestors().find(|f| f.ends_with("plots/metrics"));
        if let Some(metrics) = metrics.filter(|m| !folders.contains(&m.to_path_buf())) {
            folders.push(metrics.into());
        }
    }
    place.runs(folders, |path| boxed(store::StoreReader::new(&path, LineFormat::Dvclive)))
}

/// Runs in SQLite databases.
pub fn databases(place: &LogFiles) -> Vec<UnreadLog> {
    let is = |path: &Path| !name(path).ends_with("-wal") && head(path).starts_with(b"SQLite format 3\0");
    let mut found = Vec::new();
    for file in place.files(is) {
        if let Ok(runs) = sqlite::runs(file) {
            found.extend(runs.into_iter().map(|(run, stored)| UnreadLog { run, open: boxed(stored) }));
        }
    }
    unique(found)
}

/// Makes equal names of runs different by numbers.
fn unique(mut found: Vec<UnreadLog>) -> Vec<UnreadLog> {
    for i in 1..found.len() {
        let same = |run: &str| found[..i].iter().any(|f| f.run == run);
        if same(&found[i].run) {
            let next =
                (2..found.len() + 2).map(|n| format!("{} ({n})", found[i].run)).find(|name| !same(name));
            found[i].run = next.unwrap_or_default();
        }
    }
    found
}

/// The lines of a file's head; the last one only if it is complete.
fn lines(head: &[u8]) -> Vec<String> {
    let whole = if head.len() as u64 >= HEAD {
        head.rsplitn(2, |b| *b == b'\n').last().unwrap_or(head)
    } else {
        head
    };
    let lines = whole.split(|b| *b == b'\n').map(|l| String::from_utf8_lossy(trimmed(l)).into_owned());
    lines.filter(|l| table::counts(l)).take(200).collect()
}

/// Whether the file extension is one of files that look like logs but are none.
fn other(path: &Path) -> bool {
    let settings = [
        "hparams.yaml",
        "config.yaml",
        "wandb-metadata.json",
        "wandb-summary.json",
        "params.yaml",
        "metrics.json",
    ];
    settings.contains(&name(path)) || name(path).starts_with('.')
}

/// Files of JSON lines, with one object per line.
pub fn json_lines(place: &LogFiles) -> Vec<UnreadLog> {
    let is = |path: &Path| {
        let lines = lines(&head(path));
        let objects = lines.iter().filter(|l| matches!(Json::parse(l), Some(Json::Object(_)))).count();
        // The last line may be incomplete.
        objects > 0
            && objects + 1 >= lines.len()
            && (lines.len() > 1 || place.files.len() == 1 && document(place, path).is_none())
    };
    let files: Vec<PathBuf> = place.files(|p| !other(p) && is(p)).cloned().collect();
    place.runs(files, |path| boxed(jsonl::JsonLines::new(&path)))
}

/// Tables with a header line.
pub fn tables(place: &LogFiles) -> Vec<UnreadLog> {
    let is = |path: &Path| {
        let lines = lines(&head(path));
        let [heading, rows @ ..] = &lines[..] else { return false };
        // Numbers in a JSON document are separated by commas, too.
        let Some(separator) = table::separator(heading)
            .filter(|_| !heading.starts_with(['{', '[']) || document(place, path).is_none())
        else {
            return false;
        };
        let columns = table::cells(heading, separator).len();
        let row = |line: &&String| {
            let cells = table::cells(line, separator);
            cells.len() == columns && cells.iter().any(|c| number(&c.replace(',', ".")).is_some())
        };
        let fitting = rows.iter().filter(row).count();
        fitting > 0 && fitting * 2 >= rows.len()
    };
    let files: Vec<PathBuf> = place.files(|p| !other(p) && is(p)).cloned().collect();
    place.runs(files, |path| boxed(table::TableReader::new(&path)))
}

/// The rows of a JSON document that is a log. In a folder, it must name a step, a loss or an accuracy, since other
/// documents lie there, too.
fn document(place: &LogFiles, path: &Path) -> Option<Vec<Json>> {
    let size = fs::metadata(path).ok()?.len();
    let begins =
        head(path).trim_ascii_start().starts_with(b"{") || head(path).trim_ascii_start().starts_with(b"[");
    if size > document::BYTES || !begins {
        return None;
    }
    let rows = document::rows(&Json::parse(&fs::read_to_string(path).ok()?)?)?;
    (place.root.is_file() || document::measures(&rows)).then_some(rows)
}

/// JSON documents that hold a whole log.
pub fn json_documents(place: &LogFiles) -> Vec<UnreadLog> {
    let files: Vec<PathBuf> = place.files(|p| !other(p) && document(place, p).is_some()).cloned().collect();
    place.runs(files, |path| boxed(document::JsonDocument::new(&path)))
}

/// Text files: with the given patterns, or in a known form.
///
/// # Errors
/// If no file fits, or a pattern is invalid.
pub fn texts(place: &LogFiles, patterns: &[String]) -> Result<Vec<UnreadLog>, String> {
    let opened = |path: &Path| {
        let mut head = head(path);
        // Zeros at the end were not written yet.
        head.truncate(head.iter().rposition(|b| *b != 0).map_or(0, |last| last + 1));
        if head.contains(&0) {
            return Err("no log of a kind that is known: neither text nor any of the binary ones".into());
        }
        text::TextReader::new(path, patterns, &String::from_utf8_lossy(&head))
    };
    let mut fault = None;
    let mut readers = Vec::new();
    for path in &place.files {
        match opened(path) {
            Ok(reader) => readers.push((path.clone(), reader)),
            Err(what) => fault = Some(what),
        }
    }
    if readers.is_empty() {
        return Err(fault.unwrap_or_else(|| "an empty folder".into()));
    }
    let alone = readers.len() == 1;
    let found = |(path, reader): (PathBuf, text::TextReader)| {
        let run = if alone { name(&path).to_string() } else { below(&path, &place.root) };
        UnreadLog { run, open: boxed(reader) }
    };
    Ok(readers.into_iter().map(found).collect())
}
