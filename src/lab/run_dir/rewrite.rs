//! The log of a run rewritten: without the lines of lanes that were restarted or went back, and with the new names of
//! renamed lanes. Opens no file.

use super::checkpoint::LineRemoval;
use crate::lab::lane::LogLine;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};

/// The lane and the step to which a log line belongs: a change belongs to the step that is trained with it.
pub fn place_of(line: &str) -> Option<(String, u64)> {
    #[derive(serde::Deserialize)]
    struct RewrittenRow {
        lane: String,
        step: u64,
        field: Option<serde::de::IgnoredAny>,
    }
    let row = serde_json::from_str::<RewrittenRow>(line).ok()?;
    Some((row.lane, row.step + u64::from(row.field.is_some())))
}

/// The line that precedes the abandoned lines of a lane that went back to a step.
pub fn rewound(lane: &str, after: u64) -> String {
    serde_json::json!({ "rewound": lane, "to": after }).to_string() + "\n"
}

/// The lane and the step to which it went back, if a line of `ghosts.jsonl` says so.
pub fn went_back(line: &[u8]) -> Option<(String, u64)> {
    let line: serde_json::Value = serde_json::from_slice(line).ok()?;
    Some((line.get("rewound")?.as_str()?.into(), line.get("to")?.as_u64()?))
}

/// The first `bytes` of the log without the removed lines and with the new names of lanes; and those of them that a lane
/// made after the step to which it went back, preceded by a line that says so.
pub fn without(mut log: &File, bytes: u64, gone: &[LineRemoval]) -> io::Result<(Vec<u8>, Vec<u8>)> {
    log.seek(SeekFrom::Start(0))?;
    let mut text = String::new();
    log.take(bytes).read_to_string(&mut text)?;
    let (mut kept, mut ghosts) = (String::new(), BTreeMap::<&str, String>::new());
    for line in text.lines() {
        let mut line = line.to_string();
        let mut of: Option<&LineRemoval> = None;
        if let Some((mut name, step)) = place_of(&line) {
            // In order, because a name may have passed from one lane to another.
            for g in gone {
                if g.lane != name {
                    continue;
                }
                if !g.to.is_empty() {
                    line = LogLine::relabelled(&line, &name, &g.to);
                    name.clone_from(&g.to);
                } else if step > g.after && of.is_none_or(|of| g.after < of.after) {
                    of = Some(g);
                }
            }
        }
        match of {
            None => kept.extend([&line, "\n"]),
            Some(g) if g.after > 0 => {
                ghosts.entry(&g.lane).or_insert_with(|| rewound(&g.lane, g.after)).extend([&line, "\n"]);
            }
            Some(_) => {}
        }
    }
    Ok((kept.into_bytes(), ghosts.into_values().collect::<String>().into_bytes()))
}
