//! Bytes that may be compressed, decompressed only as far as needed.

use crate::limits;
use std::io::{self, Read};

/// A reader over the bytes, through gzip if they are compressed; it stops one byte beyond the limit for decoded data.
///
/// # Errors
/// If the first bytes cannot be read.
pub fn open<'a>(mut bytes: impl Read + 'a) -> Result<impl Read + 'a, String> {
    let mut first = Vec::new();
    bytes.by_ref().take(2).read_to_end(&mut first).map_err(|e| damaged(&e))?;
    let gzip = first == [0x1f, 0x8b];
    let bytes = io::Cursor::new(first).chain(bytes);
    let inner: Box<dyn Read + 'a> =
        if gzip { Box::new(flate2::read::MultiGzDecoder::new(bytes)) } else { Box::new(bytes) };
    Ok(inner.take(limits::DATA_BYTES + 1))
}

/// All bytes, decoded, at most `limit`.
///
/// # Errors
/// If there are more, or the compression is damaged.
pub fn all(bytes: Vec<u8>, limit: u64) -> Result<Vec<u8>, String> {
    if !bytes.starts_with(&[0x1f, 0x8b]) && bytes.len() as u64 <= limit {
        return Ok(bytes);
    }
    let mut out = Vec::new();
    open(&bytes[..])?.take(limit + 1).read_to_end(&mut out).map_err(|e| damaged(&e))?;
    if out.len() as u64 > limit {
        return Err(format!("more than {} MiB once decoded", limit >> 20));
    }
    Ok(out)
}

/// Exactly this many bytes, and then the end. Memory grows with the bytes read, not with the size that a header
/// promises.
///
/// # Errors
/// If there are fewer or more bytes, or the compression is damaged.
pub fn exactly(source: &mut dyn Read, wanted: u64) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    source.take(wanted + 1).read_to_end(&mut out).map_err(|e| damaged(&e))?;
    match (out.len() as u64).cmp(&wanted) {
        std::cmp::Ordering::Equal => Ok(out),
        std::cmp::Ordering::Less => Err(format!("{wanted} bytes are promised, {} are there", out.len())),
        std::cmp::Ordering::Greater => Err(format!("more bytes follow than the {wanted} that are promised")),
    }
}

/// This many bytes of a header.
///
/// # Errors
/// If the file ends before.
pub fn header<const N: usize>(source: &mut dyn Read) -> Result<[u8; N], String> {
    let mut out = [0; N];
    source.read_exact(&mut out).map_err(|e| match e.kind() {
        io::ErrorKind::UnexpectedEof => "the file ends within its header".into(),
        _ => damaged(&e),
    })?;
    Ok(out)
}

pub(super) fn damaged(error: &io::Error) -> String {
    format!("damaged: {error}")
}
