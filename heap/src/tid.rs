//! Where a row is: its block and its line pointer, ordered as the index orders them.

/// A row's place. Line pointers are counted from 0 here.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Tid {
    block: u32,
    line: u16,
}

impl Tid {
    #[inline]
    pub(crate) fn new(block: u32, line: u16) -> Self {
        Tid { block, line }
    }

    #[inline]
    pub(crate) fn block(self) -> u32 {
        self.block
    }

    #[inline]
    pub(crate) fn line(self) -> u16 {
        self.line
    }
}
