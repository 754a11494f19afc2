//! A buffer of f32 aligned to a cache line. An allocator guarantees the alignment of four numbers only; a vector of
//! sixteen that crosses a cache line costs two reads, which makes a product up to a tenth slower. Knows nothing of its
//! contents.

use std::ops::{Deref, DerefMut};

/// Numbers of a cache line, which is also the widest vector.
const LINE: usize = 16;

/// A slice of fixed length whose first number is at the start of a cache line.
#[derive(Debug, Default)]
pub struct Buffer {
    /// The allocation; it is longer than the slice, so that the slice can be aligned.
    room: Vec<f32>,
    len: usize,
}

impl Buffer {
    /// A buffer of `len` zeros.
    pub fn zeros(len: usize) -> Self {
        Self { room: vec![0.0; len + LINE - 1], len }
    }

    fn start(&self) -> usize {
        // `align_offset` may fail; then only speed is lost.
        self.room.as_ptr().align_offset(LINE * size_of::<f32>()).min(self.room.len() - self.len)
    }
}

impl Deref for Buffer {
    type Target = [f32];

    #[inline]
    fn deref(&self) -> &[f32] {
        &self.room[self.start()..][..self.len]
    }
}

impl DerefMut for Buffer {
    #[inline]
    fn deref_mut(&mut self) -> &mut [f32] {
        let start = self.start();
        &mut self.room[start..][..self.len]
    }
}

impl Clone for Buffer {
    // The copy's allocation has another offset from its cache line.
    fn clone(&self) -> Self {
        let mut copy = Self::zeros(self.len);
        copy.copy_from_slice(self);
        copy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_begins_a_line_and_a_copy_does_too() {
        for len in [0, 1, 15, 16, 17, 1000, 100_000] {
            let mut buffer = Buffer::zeros(len);
            buffer.iter_mut().zip((1u8..=250).cycle()).for_each(|(x, i)| *x = i.into());
            let copies = [(); 5].map(|()| buffer.clone());
            for copy in &copies {
                assert_eq!(copy.as_ptr().align_offset(64), 0, "{len} numbers");
                assert_eq!(copy[..], buffer[..]);
            }
            assert_eq!(buffer.len(), len);
        }
        assert!(Buffer::default().is_empty());
    }
}
