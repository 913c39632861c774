//! A ring of segments: rows are written to the one that is open, those it has left are sealed, and
//! what is pruned is empty and may be opened again.
//!
//! Everything awa stores lies in such rings, so that rows are never deleted one by one: a segment
//! of which nothing is needed any more is truncated. When that is so, each ring says by itself.

use crate::promise::unless;

/// How many segments a ring has at most.
pub(super) const SEGMENTS: usize = 4;

/// What may be done with a segment.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub(super) enum Segment {
    Open,
    Sealed,
    #[default]
    Pruned,
}

/// The segments, and which of them the cursor is on.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Ring {
    segments: [Segment; SEGMENTS],
    count: u8,
    cursor: u8,
}

impl Ring {
    /// The first segment is open, and the others are empty.
    pub(super) fn new(count: u8) -> Self {
        let mut segments = [Segment::Pruned; SEGMENTS];
        segments[0] = Segment::Open;
        Ring { segments, count, cursor: 0 }
    }

    pub(super) fn cursor(&self) -> u8 {
        self.cursor
    }

    pub(super) fn segments(&self) -> &[Segment] {
        &self.segments[..usize::from(self.count)]
    }

    pub(super) fn segment(&self, index: u8) -> Segment {
        self.segments[usize::from(index)]
    }

    /// Whether rows can be written where the cursor is.
    pub(super) fn is_open(&self) -> bool {
        self.segment(self.cursor) == Segment::Open
    }

    /// The segment that is opened next.
    pub(super) fn next(&self) -> u8 {
        (self.cursor + 1) % self.count
    }

    /// Whether the next segment is empty, as it has to be.
    pub(super) fn may_rotate(&self) -> bool {
        self.is_open() && self.segment(self.next()) == Segment::Pruned
    }

    /// Seals what is open and opens the next.
    pub(super) fn rotate(&mut self) {
        self.seal();
        self.open_next();
        self.cursor = self.next();
    }

    pub(super) fn seal(&mut self) {
        self.segments[usize::from(self.cursor)] = Segment::Sealed;
    }

    /// Opens the next segment and leaves the cursor where it is.
    pub(super) fn open_next(&mut self) {
        self.segments[usize::from(self.next())] = Segment::Open;
    }

    pub(super) fn advance(&mut self) {
        self.cursor = self.next();
    }

    /// The segments that are so.
    pub(super) fn those(&self, wanted: Segment) -> impl Iterator<Item = u8> {
        let numbered = self.segments().iter().zip(0..);
        numbered.filter(move |(segment, _)| **segment == wanted).map(|(_, index)| index)
    }

    pub(super) fn prune(&mut self, index: u8) {
        self.segments[usize::from(index)] = Segment::Pruned;
    }

    /// Exactly one segment is open.
    pub(super) fn one_open(&self) -> Result<(), String> {
        let open = self.those(Segment::Open).count();
        unless(open == 1, || format!("{open} segments are open"))
    }

    /// The cursor is on a segment that is open.
    pub(super) fn cursor_is_open(&self) -> Result<(), String> {
        let Ring { cursor, .. } = self;
        unless(self.is_open(), || format!("the cursor is on segment {cursor}, which is not open"))
    }

    /// Nothing is said to lie in a segment that is pruned; `lies` says where each thing lies.
    pub(super) fn pruned_is_empty(
        &self,
        what: &str,
        lies: impl IntoIterator<Item = Option<u8>>,
    ) -> Result<(), String> {
        let mut lies = lies.into_iter().flatten();
        match lies.find(|index| self.segment(*index) == Segment::Pruned) {
            Some(index) => Err(format!("{what} lies in segment {index}, which is pruned")),
            None => Ok(()),
        }
    }

    /// Its segments in a word each.
    pub(super) fn words(&self) -> String {
        let words: Vec<String> = self.segments().iter().map(|it| format!("{it:?}")).collect();
        words.join(" ").to_lowercase()
    }
}
