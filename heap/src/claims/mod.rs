//! Claims: what it costs to take the next job off a queue, as dead rows gather before it.
//!
//! A claimed job is deleted, and its row lies where the next claim begins to look. Who looks next
//! marks it, and then it costs nothing, unless somebody may still see it: then every claim walks
//! over every job that was claimed since, and no VACUUM helps. The statements are done one after
//! another, so that each of them is exact, and so is what it reads.

mod params;

pub use params::Params;

use crate::claim::Reads;
use crate::keys::Keys;
use crate::op::{Answer, Op, Refused, Step};
use crate::rules::Rules;
use crate::session::SessionId;
use crate::soak::FRESH;
use crate::stream::Stream;
use crate::table::Table;

/// Who puts jobs in, claims them, and vacuums.
pub const WORKER: SessionId = 0;
/// Who holds the horizon back.
pub const HOLDER: SessionId = 1;

/// What a claim cost, or several on average.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Sample {
    /// Claims until then.
    pub claims: u64,
    /// Pages that a claim read.
    pub pages: f64,
    /// The most that one of them read.
    pub pages_max: u64,
    /// Index entries that a claim followed to the heap, where the server does not say.
    pub entries: f64,
    /// Those of them that led to nothing.
    pub dead: f64,
    /// Dead rows as the collector counts them.
    pub n_dead: i64,
    /// Pages of the heap.
    pub heap_pages: u64,
    /// Pages of the index.
    pub index_pages: u64,
}

impl Sample {
    /// The names of [`Sample::fields`].
    pub const COLUMNS: [&'static str; 8] = [
        "claims",
        "pages_per_claim",
        "pages_max",
        "entries_per_claim",
        "dead_per_claim",
        "n_dead_tup",
        "heap_pages",
        "idx_pages",
    ];

    /// A field a column.
    pub fn fields(&self) -> [String; 8] {
        [
            self.claims.to_string(),
            format!("{:.1}", self.pages),
            self.pages_max.to_string(),
            format!("{:.1}", self.entries),
            format!("{:.1}", self.dead),
            self.n_dead.to_string(),
            self.heap_pages.to_string(),
            self.index_pages.to_string(),
        ]
    }
}

/// The statements of a load, the same for both sides. Before each claim its session looks for a job
/// that never was, so that it knows where the index begins.
pub fn stream(params: &Params) -> Stream {
    let (mut names, mut keys) = (Keys::default(), Vec::new());
    let mut key = |name: String| {
        keys.push(name.clone().into_bytes());
        names.add(name.as_bytes())
    };
    let none = key("never".to_owned());
    let (mut steps, mut checks) = (Vec::new(), Vec::new());
    let mut jobs = 0;
    let mut put_in = |steps: &mut Vec<Step>| {
        jobs += 1;
        let op = Op::Insert { key: key(format!("job-{jobs:08}")), row: FRESH };
        steps.push(Step { session: WORKER, op });
    };
    (0..params.waiting).for_each(|_| put_in(&mut steps));
    let held = params.held();
    let by = |session, op| Step { session, op };
    for claim in 0..params.claims {
        if held.is_some_and(|it| it.0 == claim) {
            steps.extend(params.hold.opens().into_iter().map(|op| by(HOLDER, op)));
        }
        put_in(&mut steps);
        steps.push(by(WORKER, Op::Select { key: none }));
        steps.push(by(WORKER, Op::Claim));
        if held.is_some() && params.hold_until == claim + 1 {
            steps.push(by(HOLDER, Op::Commit));
        }
        if params.vacuum != 0 && (claim + 1) % params.vacuum == 0 {
            steps.extend([by(WORKER, Op::Flush), by(WORKER, Op::Vacuum)]);
        }
        if (claim + 1) % params.sample == 0 || claim + 1 == params.claims {
            steps.push(by(WORKER, Op::Flush));
            checks.push(steps.len());
        }
    }
    Stream { keys, steps, checks, sessions: 2 }
}

/// The simulated side, somewhere between its beginning and its end.
#[derive(Clone, Debug)]
pub struct Claims {
    stream: Stream,
    table: Table,
    /// Steps that are done.
    done: usize,
    reads: Vec<Reads>,
    samples: Vec<Sample>,
}

impl Claims {
    /// Before the first job is put in.
    pub fn new(params: &Params) -> Self {
        let stream = stream(params);
        let table = stream.table(params.fillfactor as u8, Rules::default());
        Claims { stream, table, done: 0, reads: Vec::new(), samples: Vec::new() }
    }

    /// Goes on to the next sample: whether it is not over yet.
    pub fn go_on(&mut self) -> Result<bool, Refused> {
        let Some(check) = self.stream.checks.get(self.samples.len()).copied() else {
            return Ok(false);
        };
        let from = self.reads.len();
        while self.done < check {
            let step = self.stream.steps[self.done];
            let answer = self.table.apply(step)?;
            self.done += 1;
            if step.op == Op::Claim {
                debug_assert_eq!(answer, Answer::Rows(1), "a job was just put in");
                self.reads.push(self.table.reads());
            }
        }
        let window = &self.reads[from..];
        let mean = |of: fn(&Reads) -> u64| mean(window.iter().map(of));
        let sample = Sample {
            claims: self.reads.len() as u64,
            pages: mean(Reads::pages),
            pages_max: window.iter().map(Reads::pages).max().unwrap_or(0),
            entries: mean(|it| it.entries),
            dead: mean(|it| it.dead),
            n_dead: self.table.stats().dead,
            heap_pages: self.table.heap_pages() as u64,
            index_pages: self.table.index_pages() as u64,
        };
        self.samples.push(sample);
        Ok(self.samples.len() < self.stream.checks.len())
    }

    /// What each claim read so far.
    pub fn reads(&self) -> &[Reads] {
        &self.reads
    }

    /// What was seen so far.
    pub fn samples(&self) -> &[Sample] {
        &self.samples
    }

    /// The table as it is now.
    pub fn table(&self) -> &Table {
        &self.table
    }
}

/// The mean of what there is; 0 of nothing.
pub fn mean(values: impl Iterator<Item = u64>) -> f64 {
    let (sum, count) = values.fold((0, 0), |(sum, count), it| (sum + it, count + 1_u64));
    if count == 0 { 0.0 } else { sum as f64 / count as f64 }
}

/// What is to be said of what claims read, in the order in which they were made.
pub fn verdict(params: &Params, reads: &[Reads]) -> Vec<String> {
    let part = |from: u64, to: u64| &reads[(from as usize).min(reads.len())..to as usize];
    let all = reads.len() as u64;
    let (from, until) = params.held().map_or((all, all), |it| (it.0.min(all), it.1.min(all)));
    let most = |part: &[Reads], of: fn(&Reads) -> u64| part.iter().map(of).max().unwrap_or(0);
    let mut said = Vec::new();
    let (before, held, after) = (part(0, from), part(from, until), part(until, all));
    let most_before = most(before, Reads::pages);
    if !before.is_empty() {
        let (rows, then) = (most(before, |it| it.dead), if from < all { " before" } else { "" });
        said.push(format!(
            "a claim reads up to {most_before} pages{then}, and walks over up to {rows} dead rows"
        ));
    }
    let (Some(first), Some(last)) = (held.first(), held.last()) else { return said };
    let name = params.hold.name();
    if last.dead <= first.dead + held.len() as u64 / 2 {
        let pages = most(held, Reads::pages);
        said.push(format!(
            "the open transaction ({name}) costs claims nothing: up to {pages} pages"
        ));
        return said;
    }
    let cost = format!(
        "a claim's cost grows with each claim under the open transaction ({name}): from {} to {} \
         pages, over {} dead rows at the end",
        first.pages(),
        last.pages(),
        last.dead,
    );
    said.insert(0, cost);
    if let Some(last) = after.last() {
        let well = after.iter().position(|it| it.pages() <= most_before.max(first.pages()));
        let (pages, dead) = (last.pages(), last.dead);
        said.push(match well {
            Some(well) => format!(
                "released, claims are well from claim {} on; the last one reads {pages} pages",
                until + well as u64 + 1,
            ),
            None => format!(
                "released, the last claim walks over {dead} dead rows and reads {pages} pages: what \
                 is marked is read until a VACUUM takes it away"
            ),
        });
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::soak::Hold;

    fn played(hold: Hold) -> (Params, Vec<Reads>, Vec<Sample>) {
        let params = Params { hold, ..Params::default() };
        let mut claims = Claims::new(&params);
        while claims.go_on().expect("it is simulated") {}
        (params, claims.reads().to_vec(), claims.samples().to_vec())
    }

    #[test]
    fn a_claim_walks_over_what_somebody_may_still_see_and_over_nothing_else() {
        for hold in [Hold::Rr, Hold::RcXid, Hold::Cursor] {
            let (params, reads, samples) = played(hold);
            let pages = |at: usize| reads[at].pages();
            assert!((0..1000).all(|at| pages(at) < 12 && reads[at].dead < 100));
            assert_eq!(reads[1999].dead, 999, "every job that was claimed since");
            assert!(pages(1999) > pages(1499) + 5 && pages(1499) > pages(1000) + 5);
            assert!(samples[19].dead > 900.0 && samples[29].dead < 10.0, "{samples:?}");
            assert!((2500..3000).all(|at| pages(at) < 12));
            let said = verdict(&params, &reads).join("\n");
            assert!(
                said.contains("a claim's cost grows")
                    && said.contains("are well from claim 2002 on"),
                "{said}"
            );
        }
    }

    #[test]
    fn marked_entries_are_skipped_and_read_until_a_vacuum() {
        let params = Params { vacuum: 0, claims: 9000, hold_until: 6000, ..Params::default() };
        let mut claims = Claims::new(&params);
        while claims.go_on().expect("it is simulated") {}
        let last = claims.reads().last().expect("a claim");
        assert!(last.dead < 10 && last.pages() > 20, "{last:?}");
        let said = verdict(&params, claims.reads()).join("\n");
        assert!(said.contains("is read until a VACUUM takes it away"), "{said}");
    }

    #[test]
    fn what_holds_nothing_back_costs_nothing() {
        let (_, none, _) = played(Hold::None);
        let (params, reads, _) = played(Hold::RcSelect);
        assert_eq!(none, reads);
        let said = verdict(&params, &reads).join("\n");
        assert!(said.contains("the open transaction (rc-select) costs claims nothing"), "{said}");
    }

    #[test]
    fn the_first_job_is_claimed_and_no_other() {
        let (_, _, samples) = played(Hold::None);
        assert_eq!(samples.len(), 30);
        let mut claims = Claims::new(&Params { claims: 7, waiting: 3, ..Params::default() });
        while claims.go_on().expect("it is simulated") {}
        let mut table = claims.table().clone();
        let keys = stream(&Params { claims: 7, waiting: 3, ..Params::default() }).keys;
        let left: Vec<&[u8]> = (0..keys.len())
            .filter(|it| {
                let op = Op::Select { key: crate::Key(*it as u32) };
                table.apply(Step { session: WORKER, op }) == Ok(Answer::Rows(1))
            })
            .map(|it| &keys[it][..])
            .collect();
        assert_eq!(left, [b"job-00000008", b"job-00000009", b"job-00000010"]);
    }
}
