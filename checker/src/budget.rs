//! How much a search may do before it says that it does not know.
//!
//! The hard part is asking often enough and not too often: a search asks after each way it tries,
//! also while a datatype lists the states that may follow, and the costly questions only now and
//! then.

use std::fmt;

/// How much a search may do. Whatever runs out, the answer is unknown, never a pass.
#[derive(Clone, Copy)]
pub struct Budget<'a> {
    /// Ways tried, in all parts and rounds together. A history that holds makes about one an
    /// operation.
    pub configurations_max: usize,
    /// Held at one time, in bytes: the ways, and what their states own
    /// ([`Spec::heap`](crate::Spec::heap)).
    pub bytes_max: usize,
    /// Whether to stop now, asked some thousand times a second: this crate knows no clock.
    ///
    /// ```
    /// # use checker::Budget;
    /// let start = std::time::Instant::now();
    /// let is_over = || start.elapsed().as_secs() >= 60;
    /// let budget = Budget { stop: Some(&is_over), ..Budget::default() };
    /// ```
    pub stop: Option<&'a (dyn Fn() -> bool + Sync)>,
}

impl Default for Budget<'_> {
    fn default() -> Self {
        Budget { configurations_max: 4_000_000, bytes_max: 1 << 30, stop: None }
    }
}

impl fmt::Debug for Budget<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Budget { configurations_max, bytes_max, stop } = self;
        f.debug_struct("Budget")
            .field("configurations_max", configurations_max)
            .field("bytes_max", bytes_max)
            .field("stop", &stop.is_some())
            .finish()
    }
}

/// Which budget ran out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// It was told to stop: the time was up, or somebody interrupted it.
    Time,
    /// More would have been held at one time than this many bytes.
    Memory(usize),
    /// More than so many ways were tried.
    Configurations(usize),
    /// More operations were open at one time than the search can tell apart.
    Crowded {
        /// How many it can tell apart.
        most: usize,
        /// When it was.
        at: u64,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Time => write!(f, "the time was not enough"),
            Reason::Memory(bytes) => write!(f, "{bytes} bytes were not enough"),
            Reason::Configurations(most) => write!(f, "{most} configurations were not enough"),
            Reason::Crowded { most, at } => {
                write!(f, "more than {most} operations were open at once at {at}")
            }
        }
    }
}

/// What one part may spend in one turn.
pub(crate) struct Meter<'a> {
    budget: &'a Budget<'a>,
    allowance: usize,
    left: usize,
}

/// Ways tried between two costly questions.
const PATIENCE: usize = 1 << 10;

/// Why a turn ended early.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Out {
    /// It was spent; there may be another.
    Turn,
    /// There will be no other.
    Budget(Reason),
}

impl<'a> Meter<'a> {
    /// A turn of at most `allowance` ways.
    pub(crate) fn new(budget: &'a Budget<'a>, allowance: usize) -> Self {
        Meter { budget, allowance, left: allowance }
    }

    /// The ways tried so far.
    pub(crate) fn spent(&self) -> usize {
        self.allowance - self.left
    }

    /// One more way is tried, while so many `bytes` are held.
    #[inline]
    pub(crate) fn spend(&mut self, bytes: impl FnOnce() -> usize) -> Result<(), Out> {
        if self.left == 0 {
            return Err(Out::Turn);
        }
        self.left -= 1;
        if self.left.is_multiple_of(PATIENCE) { self.ask(bytes()) } else { Ok(()) }
    }

    #[cold]
    fn ask(&self, bytes: usize) -> Result<(), Out> {
        if bytes > self.budget.bytes_max {
            return Err(Out::Budget(Reason::Memory(self.budget.bytes_max)));
        }
        match self.budget.stop {
            Some(stop) if stop() => Err(Out::Budget(Reason::Time)),
            _ => Ok(()),
        }
    }
}
