//! The keys of rows, each held once and known by a number.
//!
//! An index page has hundreds of entries and there may be tens of thousands of pages, so an entry
//! holds a number of four bytes. What the index needs of a key is its order and its length; the
//! first eight bytes lie beside the length, so that most comparisons end there.

use crate::Tid;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// A key, by its number in [`Keys`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Key(pub(crate) u32);

impl Key {
    /// The key's number, counted from 0 in the order in which keys were added.
    pub fn number(self) -> usize {
        self.0 as usize
    }
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    /// The first bytes, the first of them highest; zeros behind a shorter key.
    head: u64,
    /// Where the bytes begin in the arena.
    at: u32,
    /// How many index entries and high keys name it, and [`FORGOTTEN`].
    names: u32,
}

/// Nobody outside will name the key again.
const FORGOTTEN: u32 = 1 << 31;

/// What every statement asks of a key, as small as it can be: rows are many, and caches are not.
#[derive(Clone, Copy, Debug)]
struct Hot {
    /// Bytes of the key.
    len: u16,
    /// The line pointer of [`Keys::sole`], counted from 1; 0 is none.
    line: u16,
    /// The block of [`Keys::sole`].
    block: u32,
}

/// All keys that are in use.
///
/// A day of work brings more keys than are ever there at once, so a number and its bytes are given
/// to another key when the caller has forgotten the key and nothing in the index names it.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    hot: Vec<Hot>,
    entries: Vec<Entry>,
    bytes: Vec<u8>,
    /// Numbers to be given out again.
    free: Vec<u32>,
    /// Where bytes can be put again, by how many they are.
    holes: BTreeMap<u16, Vec<u32>>,
}

impl Keys {
    /// Adds a key that was not added before, of up to 1,000 bytes. Their order is that of bytes.
    pub fn add(&mut self, key: &[u8]) -> Key {
        assert!(key.len() <= 1000, "a key of {} bytes: up to 1,000 are simulated", key.len());
        let mut head = [0; 8];
        let short = key.len().min(8);
        head[..short].copy_from_slice(&key[..short]);
        let entry = Entry { head: u64::from_be_bytes(head), at: self.put(key), names: 0 };
        let hot = Hot { len: key.len() as u16, line: 0, block: 0 };
        if let Some(number) = self.free.pop() {
            (self.entries[number as usize], self.hot[number as usize]) = (entry, hot);
            return Key(number);
        }
        self.entries.push(entry);
        self.hot.push(hot);
        Key(self.entries.len() as u32 - 1)
    }

    /// Puts bytes into the arena: where.
    fn put(&mut self, key: &[u8]) -> u32 {
        if let Some(at) = self.holes.get_mut(&(key.len() as u16)).and_then(Vec::pop) {
            self.bytes[at as usize..at as usize + key.len()].copy_from_slice(key);
            return at;
        }
        let at = u32::try_from(self.bytes.len()).expect("less than 4 GiB of keys");
        self.bytes.extend_from_slice(key);
        at
    }

    /// Nobody outside will name the key again.
    pub(crate) fn forget(&mut self, key: Key) {
        self.entries[key.number()].names |= FORGOTTEN;
        self.free_if_unused(key);
    }

    /// One more index entry or high key names it.
    pub(crate) fn hold(&mut self, key: Key) {
        self.entries[key.number()].names += 1;
    }

    /// One less does.
    pub(crate) fn release(&mut self, key: Key) {
        self.entries[key.number()].names -= 1;
        self.free_if_unused(key);
    }

    fn free_if_unused(&mut self, key: Key) {
        let Entry { at, names, .. } = self.entries[key.number()];
        if names == FORGOTTEN {
            self.holes.entry(self.hot[key.number()].len).or_default().push(at);
            self.free.push(key.0);
        }
    }

    /// How many numbers there are, those to be given out again included.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The bytes of a key.
    pub fn bytes(&self, key: Key) -> &[u8] {
        let at = self.entries[key.number()].at as usize;
        &self.bytes[at..at + self.len_of(key)]
    }

    /// Bytes of a key.
    #[inline]
    pub(crate) fn len_of(&self, key: Key) -> usize {
        usize::from(self.hot[key.number()].len)
    }

    /// The row that a scan of the index finds an entry of, if that is the only one and known. It
    /// belongs to the index, and lies here because a statement comes here for the length anyway.
    #[inline]
    pub(crate) fn sole(&self, key: Key) -> Option<Tid> {
        let Hot { line, block, .. } = self.hot[key.number()];
        Some(Tid::new(block, line.checked_sub(1)?))
    }

    pub(crate) fn set_sole(&mut self, key: Key, sole: Option<Tid>) {
        let hot = &mut self.hot[key.number()];
        (hot.block, hot.line) = sole.map_or((0, 0), |it| (it.block(), it.line() + 1));
    }

    /// Bytes of an index entry for one row.
    #[inline]
    pub(crate) fn size(&self, key: Key) -> usize {
        crate::layout::index_tuple_len(self.len_of(key))
    }

    #[inline]
    pub(crate) fn cmp(&self, one: Key, other: Key) -> Ordering {
        if one == other {
            return Ordering::Equal;
        }
        let heads = self.entries[one.number()].head.cmp(&self.entries[other.number()].head);
        heads.then_with(|| self.bytes(one).cmp(self.bytes(other)))
    }
}
