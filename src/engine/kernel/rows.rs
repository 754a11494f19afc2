//! Several tables in one buffer, split by rows so that two threads can fill them at once. Computes nothing.

// A view of some rows of every table is not one slice. Two views never share a row, but the compiler cannot see that;
// therefore the unsafe code.
#![allow(unsafe_code)]

use std::marker::PhantomData;
use std::ops::Range;

/// The positions of tables with equally many rows in a buffer.
#[derive(Clone, Debug)]
pub struct TableRanges {
    /// The start of each table, and the length of its rows.
    tables: Vec<(usize, usize)>,
    rows: usize,
    len: usize,
}

impl TableRanges {
    /// Lays out tables of these widths with `rows` rows each.
    pub fn new(widths: impl Iterator<Item = usize>, rows: usize) -> Self {
        let mut len = 0;
        let place = |width: usize| {
            let start = len;
            // Each table starts at a cache line.
            len += (width * rows).next_multiple_of(16);
            (start, width)
        };
        let tables = widths.map(place).collect();
        Self { tables, rows, len }
    }

    /// Length of the whole buffer.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the buffer is empty.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The number of tables.
    pub fn count(&self) -> usize {
        self.tables.len()
    }

    /// The range of the first `rows` rows of a table.
    pub fn of(&self, table: usize, rows: usize) -> Range<usize> {
        let (start, width) = self.tables[table];
        assert!(rows <= self.rows, "{rows} rows where there is room for {}", self.rows);
        start..start + width * rows
    }
}

/// A mutable view of some rows of every table.
#[derive(Debug)]
pub struct RowsMut<'a> {
    data: *mut f32,
    places: &'a TableRanges,
    range: Range<usize>,
    borrowed: PhantomData<&'a mut [f32]>,
}

// Safety: the view borrows the numbers of its rows exclusively, a shared borrow of it only reads, and f32 is Send and
// Sync.
unsafe impl Send for RowsMut<'_> {}
unsafe impl Sync for RowsMut<'_> {}

impl<'a> RowsMut<'a> {
    /// The first `rows` rows of every table.
    ///
    /// # Panics
    /// If the buffer is too short or has fewer rows.
    pub fn new(data: &'a mut [f32], places: &'a TableRanges, rows: usize) -> Self {
        assert!(data.len() >= places.len && rows <= places.rows, "{rows} rows of tables in {}", data.len());
        Self { data: data.as_mut_ptr(), places, range: 0..rows, borrowed: PhantomData }
    }

    /// The rows before `at` and those from there on.
    pub fn split(self, at: usize) -> (Self, Self) {
        let Range { start, end } = self.range;
        let middle = end.min(start + at);
        (Self { range: start..middle, ..self }, Self { range: middle..end, ..self })
    }

    fn place(&self, table: usize) -> (usize, usize) {
        let (start, width) = self.places.tables[table];
        (start + self.range.start * width, self.range.len() * width)
    }

    /// The rows of one table.
    pub fn get(&self, table: usize) -> &[f32] {
        let (start, len) = self.place(table);
        // Safety: `new` and `TableRanges` keep the range inside the buffer; only this view has these rows, and it is
        // borrowed.
        unsafe { std::slice::from_raw_parts(self.data.add(start), len) }
    }

    /// The rows of one table, mutable.
    pub fn get_mut(&mut self, table: usize) -> &mut [f32] {
        let (start, len) = self.place(table);
        // Safety: as in `table`, and the view is borrowed exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.data.add(start), len) }
    }

    /// The rows of one table, and those of another one as mutable.
    ///
    /// # Panics
    /// If both are the same table.
    pub fn pair(&mut self, from: usize, to: usize) -> (&[f32], &mut [f32]) {
        assert_ne!(from, to, "a table beside itself");
        let ((start, len), (start_to, len_to)) = (self.place(from), self.place(to));
        // Safety: as in `table`; two tables do not overlap.
        unsafe {
            (
                std::slice::from_raw_parts(self.data.add(start), len),
                std::slice::from_raw_parts_mut(self.data.add(start_to), len_to),
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_halves_are_the_whole_and_nothing_is_shared() {
        let places = TableRanges::new([3, 1, 20].into_iter(), 5);
        let mut data = vec![0.0; places.len()];
        let (mut a, mut b) = RowsMut::new(&mut data, &places, 4).split(3);
        std::thread::scope(|scope| {
            for (mark, rows) in [(1.0, &mut a), (2.0, &mut b)] {
                scope.spawn(move || (0..3).for_each(|t| rows.get_mut(t).fill(mark)));
            }
        });
        assert_eq!((a.get(0).len(), b.get(0).len()), (9, 3));
        let (from, to) = a.pair(0, 1);
        to.copy_from_slice(&from[..3]);
        for t in 0..3 {
            let width = [3, 1, 20][t];
            let expected: Vec<f32> = (0..4 * width).map(|i| if i < 3 * width { 1.0 } else { 2.0 }).collect();
            assert_eq!(data[places.of(t, 4)], expected, "table {t}");
        }
        assert_eq!(data.iter().filter(|&&x| x != 0.0).count(), 4 * 24, "nothing beside the four rows");
    }

    #[test]
    #[should_panic(expected = "beside itself")]
    fn a_table_is_not_read_and_written_at_once() {
        let places = TableRanges::new([1, 1].into_iter(), 1);
        let mut data = vec![0.0; places.len()];
        RowsMut::new(&mut data, &places, 1).pair(1, 1);
    }
}
