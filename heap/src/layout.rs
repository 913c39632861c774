//! Bytes: how long a row, an index entry and a page are.
//!
//! Everything else is decided by whether something fits, so a byte wrong here is a page wrong
//! later. Two lengths of a row matter and differ: what its line pointer says, and what it takes.

/// Bytes of a page.
pub const BLCKSZ: usize = 8192;
/// Bytes of a page's header.
pub const PAGE_HEADER: usize = 24;
/// Bytes of a line pointer.
pub const LINE_POINTER: usize = 4;
/// Line pointers that a heap page may have.
pub const MAX_HEAP_TUPLES: usize = 291;
/// Bytes of the longest row that an empty page takes.
pub const MAX_HEAP_TUPLE: usize = BLCKSZ - PAGE_HEADER - LINE_POINTER - 4;
/// Bytes of the longest row that is stored as it is: longer ones are compressed or moved away.
pub const TOAST_THRESHOLD: usize = 2032;
/// Bytes of an index page for its items, their line pointers included.
pub const INDEX_SPACE: usize = BLCKSZ - PAGE_HEADER - 16;
/// Bytes of a heap row before its data: 23 of header and up to one of null bitmap.
const TUPLE_HEADER: usize = 24;
/// Bytes of an index entry before its key.
const INDEX_TUPLE_HEADER: usize = 8;

/// `bytes`, rounded up to the 8 at which everything on a page begins.
pub const fn maxalign(bytes: usize) -> usize {
    (bytes + 7) & !7
}

const fn align4(bytes: usize) -> usize {
    (bytes + 3) & !3
}

/// Where a text of `len` bytes ends that begins at `at`. Short ones have one byte of header and
/// no alignment.
const fn after_text(at: usize, len: usize) -> usize {
    if len <= 126 { at + 1 + len } else { align4(at) + 4 + len }
}

/// What the columns of a row hold that vary in length: bytes of each.
///
/// The table is `run_head(run_id text, seq bigint, execution_status text, run_status text,
/// attempt_number int, created_at timestamptz, updated_at timestamptz)`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Row {
    /// Bytes of `execution_status`.
    pub status: u16,
    /// Bytes of `run_status`.
    pub run_status: u16,
    /// Whether `attempt_number` is not null.
    pub attempt: bool,
}

impl Row {
    /// Bytes of the row as its line pointer counts them, with a key of `key` bytes.
    pub const fn tuple_len(self, key: usize) -> usize {
        let seq = maxalign(after_text(0, key)) + 8;
        let texts = after_text(after_text(seq, self.status as usize), self.run_status as usize);
        let attempt = if self.attempt { align4(texts) + 4 } else { texts };
        TUPLE_HEADER + maxalign(attempt) + 16
    }
}

/// Bytes of an index entry for one row, with a key of `key` bytes.
pub const fn index_tuple_len(key: usize) -> usize {
    maxalign(INDEX_TUPLE_HEADER + after_text(0, key))
}

/// Bytes of an index entry that names `rows` rows, where one that names one takes `single`.
pub const fn posting_len(single: usize, rows: usize) -> usize {
    if rows == 1 { single } else { maxalign(single + 6 * rows) }
}

/// Bytes of a page that fresh rows leave free, in percent of filling.
pub const fn reserve(fillfactor: u8) -> usize {
    BLCKSZ * (100 - fillfactor as usize) / 100
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_row_takes_eighty_bytes() {
        let row = Row { status: 6, run_status: 6, attempt: false };
        assert_eq!(row.tuple_len(5), 24 + 32 + 16);
        let longer = Row { status: 9, ..row };
        assert_eq!(longer.tuple_len(7), 24 + 40 + 16);
    }

    #[test]
    fn a_text_of_127_bytes_has_a_long_header_and_is_aligned() {
        assert_eq!(after_text(3, 126), 130);
        assert_eq!(after_text(3, 127), 135);
        assert_eq!(index_tuple_len(8), 24);
        assert_eq!(posting_len(24, 1), 24);
        assert_eq!(posting_len(24, 3), 48);
    }

    #[test]
    fn the_reserve_is_what_postgres_computes() {
        assert_eq!([70, 90, 100].map(reserve), [2457, 819, 0]);
        assert_eq!(MAX_HEAP_TUPLE, 8160);
    }
}
