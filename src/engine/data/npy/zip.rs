//! The members of a ZIP archive, as `numpy.savez` writes it. Every size is compared with the actual number of bytes.

use crate::engine::data::unpack;
use crate::limits;
use crate::text::excerpt;

/// Most members that are read.
const MEMBERS: usize = 1000;

/// A member as the archive's directory describes it.
pub(super) struct Member<'a> {
    /// Its name.
    pub(super) name: &'a [u8],
    method: usize,
    checksum: u32,
    packed: usize,
    size: u32,
    /// Offset of its local header.
    local: usize,
}

fn u16_at(zip: &[u8], at: usize) -> Result<usize, String> {
    zip.get(at..at + 2).map(|b| usize::from(u16::from_le_bytes([b[0], b[1]]))).ok_or_else(damaged)
}

fn u32_at(zip: &[u8], at: usize) -> Result<u32, String> {
    zip.get(at..at + 4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]])).ok_or_else(damaged)
}

fn damaged() -> String {
    "a damaged archive".into()
}

/// The directory of an archive.
///
/// # Errors
/// If the archive is damaged.
pub(super) fn directory(zip: &[u8]) -> Result<Vec<Member<'_>>, String> {
    // The end record lies within the last 64 KiB: "PK 5 6", counts, then the offset of the directory.
    let tail = zip.len().saturating_sub(65_557);
    let end = zip[tail..].windows(4).rposition(|w| w == b"PK\x05\x06").ok_or_else(damaged)? + tail;
    let mut at = u32_at(zip, end + 16)? as usize;
    let mut members = Vec::new();
    for _ in 0..u16_at(zip, end + 10)?.min(MEMBERS) {
        if zip.get(at..at + 4) != Some(b"PK\x01\x02") {
            return Err(damaged());
        }
        let [name, extra, comment] = [28, 30, 32].map(|o| u16_at(zip, at + o).unwrap_or(0));
        members.push(Member {
            name: zip.get(at + 46..at + 46 + name).ok_or_else(damaged)?,
            method: u16_at(zip, at + 10)?,
            checksum: u32_at(zip, at + 16)?,
            packed: u32_at(zip, at + 20)? as usize,
            size: u32_at(zip, at + 24)?,
            local: u32_at(zip, at + 42)? as usize,
        });
        at += 46 + name + extra + comment;
    }
    // macOS adds them to archives.
    members.retain(|m| !m.name.starts_with(b"__MACOSX/") && !m.name.ends_with(b".DS_Store"));
    Ok(members)
}

impl Member<'_> {
    /// Its bytes, unpacked.
    ///
    /// # Errors
    /// If it is damaged, too large, or compressed by an unknown method.
    pub(super) fn unpack(&self, zip: &[u8]) -> Result<Vec<u8>, String> {
        let start = self.local + 30 + u16_at(zip, self.local + 26)? + u16_at(zip, self.local + 28)?;
        let body = start.checked_add(self.packed).and_then(|end| zip.get(start..end)).ok_or_else(damaged)?;
        let size = u64::from(self.size);
        if size > limits::DATA_BYTES {
            let name = excerpt(&String::from_utf8_lossy(self.name), 40);
            return Err(format!("{name} is larger than {} MiB", limits::DATA_BYTES >> 20));
        }
        let out = match self.method {
            0 => unpack::exactly(&mut &body[..], size)?,
            8 => unpack::exactly(&mut flate2::read::DeflateDecoder::new(body), size)?,
            other => return Err(format!("packed by method {other}; use numpy.savez or savez_compressed")),
        };
        if crc32fast::hash(&out) == self.checksum { Ok(out) } else { Err("damaged: wrong checksum".into()) }
    }
}
