//! Runs in SQLite: MLflow's tracking store and Trackio's projects. The original file is never written to: if another
//! program is using it, a copy of the file and its write-ahead log is read.

use super::value::Json;
use super::{LogReader, LogSink};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Rows that are read at once.
const ROWS: i64 = 100_000;

/// The kind of a file, by its tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DatabaseKind {
    Mlflow,
    Trackio,
}

/// One run in a file.
#[derive(Debug)]
pub struct StoredRun {
    path: PathBuf,
    kind: DatabaseKind,
    run: String,
    /// The last row that was read.
    last_sent: i64,
    seen: Option<FileState>,
}

/// Length and modification time of the file and of its write-ahead log.
type FileState = [Option<(u64, SystemTime)>; 2];

fn state(path: &Path) -> FileState {
    let of = |path: &Path| fs::metadata(path).ok().and_then(|m| Some((m.len(), m.modified().ok()?)));
    [of(path), of(&beside(path, "-wal"))]
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// A database opened in such a way that SQLite writes no file beside it.
struct OpenDatabase {
    connection: Connection,
    copy: Option<PathBuf>,
}

impl Drop for OpenDatabase {
    fn drop(&mut self) {
        if let Some(copy) = &self.copy {
            // If this fails, the system cleans the folder of temporary files later.
            let _ = fs::remove_dir_all(copy);
        }
    }
}

fn open(path: &Path) -> Result<OpenDatabase, String> {
    let fault = |e: &dyn std::fmt::Display| e.to_string();
    let wal = beside(path, "-wal");
    if fs::metadata(&wal).is_ok_and(|m| m.len() > 0) {
        // Reading it in place would write an index file beside it, or fail if that is not allowed.
        let copy = copy(path, &wal).map_err(|e| fault(&e))?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(copy.join("copy.db"), flags).map_err(|e| fault(&e))?;
        return Ok(OpenDatabase { connection, copy: Some(copy) });
    }
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let absolute = fs::canonicalize(path).map_err(|e| fault(&e))?;
    let escaped: String = absolute
        .to_string_lossy()
        .chars()
        .map(|c| if "?#%".contains(c) { format!("%{:02x}", c as u32) } else { c.to_string() })
        .collect();
    let connection = Connection::open_with_flags(format!("file:{escaped}?mode=ro&immutable=1"), flags)
        .map_err(|e| fault(&e))?;
    Ok(OpenDatabase { connection, copy: None })
}

/// A temporary folder with a copy of both files.
fn copy(path: &Path, wal: &Path) -> std::io::Result<PathBuf> {
    for n in 0..1000u32 {
        let folder = std::env::temp_dir().join(format!("gradtui-{}-{n}", std::process::id()));
        match fs::create_dir(&folder) {
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => continue,
            other => other?,
        }
        fs::copy(path, folder.join("copy.db"))?;
        fs::copy(wal, folder.join("copy.db-wal"))?;
        return Ok(folder);
    }
    Err(std::io::Error::other("no name for a temporary folder is free"))
}

fn has(connection: &Connection, table: &str, column: &str) -> bool {
    let sql = "select count(*) from pragma_table_info(?1) where name = ?2";
    connection.query_row(sql, [table, column], |row| row.get::<_, i64>(0)).is_ok_and(|n| n > 0)
}

/// The runs of a file, with their names. Deleted runs are left out.
///
/// # Errors
/// If it cannot be read, or holds neither MLflow's nor Trackio's tables.
pub fn runs(path: &Path) -> Result<Vec<(String, StoredRun)>, String> {
    let opened = open(path)?;
    let connection = &opened.connection;
    let kind = if has(connection, "metrics", "is_nan") && has(connection, "runs", "lifecycle_stage") {
        DatabaseKind::Mlflow
    } else if has(connection, "metrics", "metrics") && has(connection, "metrics", "run_name") {
        DatabaseKind::Trackio
    } else {
        return Err("a database without the tables of MLflow or Trackio".into());
    };
    let sql = match kind {
        DatabaseKind::Mlflow => {
            "select run_uuid, coalesce(name, run_uuid) from runs
             where coalesce(lifecycle_stage, 'active') <> 'deleted' order by start_time, rowid"
        }
        // Older versions have no run ids; a run's name identifies it.
        DatabaseKind::Trackio if has(connection, "metrics", "run_id") => {
            "select run_id, run_name from metrics group by run_id order by min(id)"
        }
        DatabaseKind::Trackio => "select run_name, run_name from metrics group by run_name order by min(id)",
    };
    let fault = |e: rusqlite::Error| e.to_string();
    let mut statement = connection.prepare(sql).map_err(fault)?;
    let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)));
    let rows: Vec<(String, String)> = rows.and_then(Iterator::collect).map_err(fault)?;
    let stored = |run: String| StoredRun { path: path.into(), kind, run, last_sent: -1, seen: None };
    Ok(rows.into_iter().map(|(run, name)| (name, stored(run))).collect())
}

impl StoredRun {
    fn send(&mut self, connection: &Connection, out: &mut dyn LogSink) -> rusqlite::Result<bool> {
        let sql = match self.kind {
            DatabaseKind::Mlflow => {
                "select rowid, step, key, value, is_nan from metrics where run_uuid = ?1 and rowid > ?2 order by rowid limit ?3"
            }
            DatabaseKind::Trackio if has(connection, "metrics", "run_id") => {
                "select id, step, metrics from metrics where run_id = ?1 and id > ?2 order by id limit ?3"
            }
            DatabaseKind::Trackio => {
                "select id, step, metrics from metrics where run_name = ?1 and id > ?2 order by id limit ?3"
            }
        };
        let mut statement = connection.prepare(sql)?;
        let mut rows = statement.query(rusqlite::params![self.run, self.last_sent, ROWS])?;
        let mut count = 0;
        while let Some(row) = rows.next()? {
            (self.last_sent, count) = (row.get(0)?, count + 1);
            let step = row.get::<_, i64>(1)? as f64;
            match self.kind {
                DatabaseKind::Mlflow => {
                    let (key, value): (String, f64) = (row.get(2)?, row.get(3)?);
                    // MLflow stores NaN as 0 with a flag, and infinity as the greatest f64.
                    let value = match value {
                        _ if row.get::<_, bool>(4)? => f64::NAN,
                        x if x.abs() == f64::MAX => x.signum() * f64::INFINITY,
                        x => x,
                    };
                    out.point(&key, step, value);
                }
                DatabaseKind::Trackio => {
                    let (ValueRef::Text(text) | ValueRef::Blob(text)) = row.get_ref(2)? else { continue };
                    if let Some(json) = std::str::from_utf8(text).ok().and_then(Json::parse) {
                        json.numbers(&mut String::new(), &mut |name, x| out.value(name, step, x));
                    }
                }
            }
        }
        Ok(count == ROWS)
    }
}

impl LogReader for StoredRun {
    fn read(&mut self, out: &mut dyn LogSink) -> Result<bool, String> {
        let now = state(&self.path);
        if self.seen == Some(now) {
            return Ok(false);
        }
        let opened = open(&self.path)?;
        let more = self.send(&opened.connection, out).map_err(|e| e.to_string())?;
        if !more {
            self.seen = Some(now);
        }
        Ok(more)
    }
}
