//! What the lines of a page are, counted as they change, so that nobody has to read them to know.
//!
//! ANALYZE and a sample ask it of a million rows, hundreds of times a day. What a page can count is
//! who was deleted; who of those deleters has not ended is known only when it is asked, and is in
//! the short lists of what open transactions would have to undo.

use crate::heap::Heap;
use crate::line::{Line, State};

/// The lines of one page.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Tally {
    /// Rows, whatever became of them.
    rows: u16,
    /// Those of them that were deleted, replaced or rolled back, if all that was begun is committed.
    gone: u16,
    /// Bytes of those.
    gone_bytes: u16,
    /// Dead line pointers.
    dead: u16,
}

/// All rows of a table.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Counted {
    /// Rows that live.
    pub(crate) live: i64,
    /// Dead rows, and dead line pointers. What a transaction made that has not ended is in neither.
    pub(crate) dead: i64,
    /// Bytes of rows that nobody will see any more, as `pgstattuple` counts them.
    pub(crate) dead_bytes: i64,
}

fn is_gone(line: &Line) -> bool {
    line.xmax != 0 || line.aborted()
}

impl Tally {
    /// A line is now what it is.
    #[inline]
    pub(crate) fn comes(&mut self, line: &Line) {
        if line.is(State::Normal) {
            self.rows += 1;
            if is_gone(line) {
                self.gone += 1;
                self.gone_bytes += line.len() as u16;
            }
        } else if line.is(State::Dead) {
            self.dead += 1;
        }
    }

    /// A line is about to become something else.
    #[inline]
    pub(crate) fn goes(&mut self, line: &Line) {
        if line.is(State::Normal) {
            self.rows -= 1;
            if is_gone(line) {
                self.gone -= 1;
                self.gone_bytes -= line.len() as u16;
            }
        } else if line.is(State::Dead) {
            self.dead -= 1;
        }
    }
}

impl Heap {
    /// All rows as they are now.
    pub(crate) fn counted(&self) -> Counted {
        let mut all = Counted::default();
        for Tally { rows, gone, gone_bytes, dead } in self.pages.iter().map(|it| it.tally) {
            all.live += i64::from(rows - gone);
            all.dead += i64::from(gone) + i64::from(dead);
            all.dead_bytes += i64::from(gone_bytes);
        }
        for session in self.backends.sessions.iter().filter(|it| it.xid != 0) {
            for undo in &session.undo {
                let row = &self.pages[undo.block as usize].lines[usize::from(undo.line)];
                let own = row.xmin == session.xid;
                match undo.made {
                    // One that it made and replaced itself is in both lists.
                    true if row.xmax != 0 => all.dead -= 1,
                    true => all.live -= 1,
                    false => {
                        all.dead_bytes -= row.len() as i64;
                        if !own {
                            (all.live, all.dead) = (all.live + 1, all.dead - 1);
                        }
                    }
                }
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Rules;
    use crate::stream::{Stream, WORKLOADS, Workload};

    /// The same, by reading every line and asking of every transaction whether it has ended.
    fn read(heap: &Heap) -> Counted {
        let mut all = Counted::default();
        let runs = |xid| xid != 0 && heap.backends.sessions.iter().any(|it| it.xid == xid);
        for line in heap.pages.iter().flat_map(|it| &it.lines) {
            let dead_row = line.aborted() || line.xmax != 0 && !runs(line.xmax);
            match line.state() {
                State::Normal if dead_row => {
                    all.dead_bytes += line.len() as i64;
                    all.dead += i64::from(line.aborted() || !runs(line.xmin));
                }
                State::Normal => all.live += i64::from(!runs(line.xmin)),
                State::Dead => all.dead += 1,
                State::Unused | State::Redirect => {}
            }
        }
        all
    }

    #[test]
    fn what_is_counted_is_what_reading_every_line_finds() {
        let (mut dead, mut open) = (0, 0);
        for how in WORKLOADS {
            let stream = Stream::new(&Workload { ops: how.ops.min(3000), ..*how }, 7);
            let mut table = stream.table(90, Rules::default());
            for (at, step) in stream.steps.iter().enumerate() {
                table.apply(*step).expect("it is simulated");
                if at % 37 == 0 {
                    let counted = table.heap.counted();
                    assert_eq!(counted, read(&table.heap), "{} after {at} steps", how.name);
                    dead += counted.dead;
                    open +=
                        table.heap.backends.sessions.iter().map(|it| it.undo.len()).sum::<usize>();
                }
            }
        }
        assert!(dead > 1000 && open > 100, "{dead} dead, {open} to be undone");
    }
}
