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

/// What is left of a budget.
pub(crate) struct Meter<'a> {
    budget: &'a Budget<'a>,
    left: usize,
    /// Of those, what this round may not touch.
    spared: usize,
}

/// Ways tried between two costly questions.
const PATIENCE: usize = 1 << 10;

impl<'a> Meter<'a> {
    pub(crate) fn new(budget: &'a Budget<'a>) -> Self {
        Meter { budget, left: budget.configurations_max, spared: 0 }
    }

    /// Begins a round of at most `count` ways.
    pub(crate) fn begin(&mut self, count: usize) {
        self.spared = self.left.saturating_sub(count);
    }

    /// One more way is tried, while `bytes` are held. `Err(None)`: the round is over.
    #[inline]
    pub(crate) fn spend(&mut self, bytes: impl FnOnce() -> usize) -> Result<(), Option<Reason>> {
        if self.left == self.spared {
            let most = self.budget.configurations_max;
            return Err((self.left == 0).then_some(Reason::Configurations(most)));
        }
        self.left -= 1;
        if self.left.is_multiple_of(PATIENCE) { self.ask(bytes()) } else { Ok(()) }
    }

    #[cold]
    pub(crate) fn ask(&self, bytes: usize) -> Result<(), Option<Reason>> {
        if bytes > self.budget.bytes_max {
            return Err(Some(Reason::Memory(self.budget.bytes_max)));
        }
        match self.budget.stop {
            Some(stop) if stop() => Err(Some(Reason::Time)),
            _ => Ok(()),
        }
    }
}
