//! Finding, among very many receipts, those whose workers are gone, a bounded few at a time.
//!
//! A pass may neither read a slot's receipts all nor close all that are stale, so each slot has a
//! cursor: the pass looks at a window behind it, goes round at the end, and moves the cursor over
//! what it is done with. Where the cursor stops decides who is never found. If it stops at a healthy
//! receipt, whatever lies beyond the window is stranded; if the slot that takes new receipts is
//! served first, the one that is waiting to be pruned gets nothing. And a receipt of a job that is
//! done looks stale too: what says that it is closed must not go before it does.
//!
//! The source is awa's receipt rescue (hardbyte/awa, pull request 349: `rescue_stale_receipt_claims_tx`
//! and the commits that mended it). Of no specification. By default a slot has few receipts, of which a
//! pass reads one and closes one; awa's limits are `receipts=10001 window=10000 batch=500`. Deadlines have
//! a cursor of their own ([`super::deadline_rescue`]); the prune that checks before it locks, and the
//! error that is taken for a lock, are mutants of [`super::lock_convoy`].

use crate::promise::{Promise, breaks, unless};
use checker::specs::nothing::Nothing;
use sim::prelude::*;

/// Receipts that the moves of a slot have numbers for.
const RECEIPTS_MAX: u16 = 30_000;
/// The slot that new receipts are written to, and the one that is to be pruned.
const SLOTS: usize = 2;
const CURRENT: usize = 0;
const OLDEST: usize = 1;

/// How it is sized.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sizes {
    /// How many receipts a slot takes.
    pub receipts: u16,
    /// How many of a slot a pass reads.
    pub window: u16,
    /// How many a pass closes.
    pub batch: u16,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes { receipts: 2, window: 1, batch: 1 }
    }
}

impl Params for Sizes {
    const SIZES: &'static [&'static str] = &["receipts", "window", "batch"];

    fn check(&self) -> Result<(), String> {
        within("receipts", self.receipts, 1..=RECEIPTS_MAX)?;
        within("window", self.window, 1..=RECEIPTS_MAX)?;
        within("batch", self.batch, 1..=RECEIPTS_MAX)
    }
}

impl Sizes {
    /// How many passes may leave a stale receipt where it is: those that read all there are, and
    /// those that close all there are, or one for each if that is fewer.
    fn passes(self) -> u16 {
        let reads = self.receipts.div_ceil(self.window);
        self.receipts.min(reads + self.receipts.div_ceil(self.batch))
    }

    /// What the moves of the second slot are numbered from.
    fn stride(self) -> u16 {
        [10, 100, 1_000, 10_000].into_iter().find(|it| self.receipts <= *it).unwrap_or(RECEIPTS_MAX)
    }
}

/// The ways it is broken.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Mutant {
    /// Leaves the cursor before a receipt that is open and healthy.
    StopsAtHealthy,
    /// Looks only at what lies behind the cursor.
    NeverWraps,
    /// Serves the slots by their numbers.
    ServesByNumber,
    /// Takes a receipt for closed only if a closure row says so.
    AsksClosuresOnly,
    /// Removes a terminal row and writes no closure row.
    RemovesEvidence,
    /// Prunes a slot with open receipts in it.
    PrunesOpen,
}

const CLAIM: u8 = 0;
const COMPLETE: u8 = 1;
const LAPSE: u8 = 2;
const REMOVE: u8 = 3;
const PASS: u8 = 4;
const PRUNE: u8 = 5;

#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
enum Receipt {
    /// There is none.
    #[default]
    Free,
    /// Its worker is at work.
    Healthy,
    /// Its worker is gone.
    Stale,
    /// The job is done, and its terminal row says so.
    Done,
    /// A closure row says so.
    Closed,
    /// The job is done, and nothing says so: it looks stale.
    Bare,
}

impl Receipt {
    fn is_open(self) -> bool {
        matches!(self, Receipt::Healthy | Receipt::Stale)
    }
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Slot {
    /// In the order they were written.
    receipts: Vec<Receipt>,
    /// The last that the rescue is done with.
    cursor: Option<u16>,
}

impl Slot {
    fn filled(sizes: Sizes, receipt: Receipt) -> Self {
        Slot { receipts: vec![receipt; usize::from(sizes.receipts)], cursor: None }
    }
}

/// The slots, and what the rescue made of them.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct State {
    slots: [Slot; SLOTS],
    /// Passes since the last receipt of the oldest slot went stale, while it is.
    waited: u16,
    /// Whether a job was run again that was done.
    resurrected: bool,
    /// Whether an open receipt was pruned.
    lost: bool,
    sizes: Constant<Sizes>,
    mutant: Constant<Option<Mutant>>,
}

impl State {
    fn is(&self, mutant: Mutant) -> bool {
        self.mutant.0 == Some(mutant)
    }

    fn receipts(&self, slot: usize) -> &[Receipt] {
        &self.slots[slot].receipts
    }

    /// What the rescue takes for stale and open.
    fn looks_stale(&self, receipt: Receipt) -> bool {
        let unseen = receipt == Receipt::Done && self.is(Mutant::AsksClosuresOnly);
        matches!(receipt, Receipt::Stale | Receipt::Bare) || unseen
    }

    /// The receipts of a slot that a pass looks at: those behind the cursor, and then from the first.
    fn window(&self, slot: usize) -> Vec<u16> {
        let cursor = self.slots[slot].cursor;
        let behind = |index: &u16| cursor.is_none_or(|cursor| *index > cursor);
        let there = |index: &u16| self.receipts(slot)[usize::from(*index)] != Receipt::Free;
        let all = || (0..self.sizes.0.receipts).filter(there);
        let wraps = !self.is(Mutant::NeverWraps);
        let round = all().filter(|index| wraps && !behind(index));
        all().filter(behind).chain(round).take(self.sizes.0.window.into()).collect()
    }

    /// Closes what is stale in the window of a slot, as long as it may; how many it closed.
    fn rescue(&mut self, slot: usize, batch: u16) -> u16 {
        let (window, mut closed) = (self.window(slot), 0);
        let mut moves_on = true;
        for index in window {
            let receipt = self.receipts(slot)[usize::from(index)];
            let stale = self.looks_stale(receipt);
            let closes = stale && closed < batch;
            if closes {
                closed += 1;
                self.resurrected |= receipt != Receipt::Stale;
                self.slots[slot].receipts[usize::from(index)] = Receipt::Closed;
            }
            let healthy = receipt == Receipt::Healthy && self.is(Mutant::StopsAtHealthy);
            moves_on &= !healthy && (!stale || closes);
            if moves_on {
                self.slots[slot].cursor = Some(index);
            }
        }
        closed
    }

    fn pass(&mut self) {
        let order = match self.is(Mutant::ServesByNumber) {
            true => [CURRENT, OLDEST],
            false => [OLDEST, CURRENT],
        };
        let mut batch = self.sizes.0.batch;
        for slot in order {
            batch -= self.rescue(slot, batch);
        }
        // Once it is too long, it does not matter how long.
        let longer = (self.waited + 1).min(self.sizes.0.passes() + 1);
        self.waited = if self.last() == Receipt::Stale { longer } else { 0 };
    }

    /// The last receipt of the oldest slot, the one that is found last.
    fn last(&self) -> Receipt {
        *self.receipts(OLDEST).last().expect("a slot takes a receipt at least")
    }

    fn may_prune(&self) -> bool {
        let receipts = self.receipts(OLDEST);
        let some = receipts.iter().any(|receipt| *receipt != Receipt::Free);
        let closed = receipts.iter().all(|receipt| !receipt.is_open());
        some && (closed || self.is(Mutant::PrunesOpen))
    }

    fn rescued_in_time(&self) -> Result<(), String> {
        let (waited, most) = (self.waited, self.sizes.0.passes());
        unless(waited <= most, || {
            format!("{waited} passes have left a stale receipt in the slot that waits to be pruned")
        })
    }

    fn none_resurrected(&self) -> Result<(), String> {
        unless(!self.resurrected, || "a job that was done is to be run again".to_owned())
    }

    fn none_lost(&self) -> Result<(), String> {
        unless(!self.lost, || "a receipt was pruned that was open".to_owned())
    }
}

const PROMISES: &[Promise<State>] = &[
    Promise::new("stale-rescued-in-time", State::rescued_in_time),
    Promise::new("no-completed-attempt-rescued", State::none_resurrected),
    Promise::new("no-lost-claim", State::none_lost),
];

impl World for State {
    type Call = ();
    type Reply = ();
    const MOVES: &'static [&'static str] =
        &["claim", "complete", "lapse", "remove", "pass", "prune"];

    fn apply(&mut self, _from: CallId, (): &()) -> Poll<()> {
        Poll::Ready(())
    }

    /// A move about a receipt names its slot and its place there in one number.
    fn moves(&self, moves: &mut Moves) {
        for slot in 0..SLOTS {
            for (index, receipt) in self.receipts(slot).iter().enumerate() {
                let arg = slot as u16 * self.sizes.0.stride() + index as u16;
                match receipt {
                    Receipt::Free | Receipt::Closed if slot == CURRENT => moves.due(CLAIM, arg),
                    Receipt::Healthy => {
                        moves.due(COMPLETE, arg);
                        moves.may(LAPSE, arg);
                    }
                    Receipt::Done => moves.may(REMOVE, arg),
                    _ => {}
                }
            }
        }
        moves.due(PASS, 0);
        if self.may_prune() {
            moves.due(PRUNE, 0);
        }
    }

    fn advance(&mut self, Move { kind, arg }: Move) {
        let removed = match self.is(Mutant::RemovesEvidence) {
            true => Receipt::Bare,
            false => Receipt::Closed,
        };
        let stride = self.sizes.0.stride();
        let (slot, index) = (usize::from(arg / stride), usize::from(arg % stride));
        let becomes = match kind {
            PASS => return self.pass(),
            PRUNE => {
                self.lost = self.receipts(OLDEST).iter().any(|receipt| receipt.is_open());
                self.slots[OLDEST] = Slot::filled(self.sizes.0, Receipt::Free);
                self.waited = 0;
                return;
            }
            CLAIM => Receipt::Healthy,
            COMPLETE => Receipt::Done,
            LAPSE => Receipt::Stale,
            _ => removed,
        };
        self.slots[slot].receipts[index] = becomes;
    }
}

/// Receipts alike in a row that are shown as their number.
const MANY: usize = 4;

impl Legible for State {
    fn columns(&self) -> Vec<(&'static str, String)> {
        let words = |slot| {
            let runs = self.receipts(slot).chunk_by(|one, next| one == next);
            let words = runs.map(|run| match run {
                [it] => format!("{it:?}"),
                [it, ..] if run.len() > MANY => format!("{} {it:?}", run.len()),
                _ => run.iter().map(|it| format!("{it:?}")).collect::<Vec<_>>().join(" "),
            });
            words.collect::<Vec<_>>().join(" ").to_lowercase()
        };
        let cursors = [0, 1]
            .map(|slot: usize| self.slots[slot].cursor.map_or("-".to_owned(), |it| it.to_string()));
        vec![
            ("slot 0, current", words(CURRENT)),
            ("slot 1, oldest", words(OLDEST)),
            ("cursors", cursors.join(" ")),
        ]
    }
}

/// The model.
#[derive(Clone)]
pub struct Rescue {
    sizes: Sizes,
    mutant: Option<Mutant>,
}

impl Model for Rescue {
    const NAME: &'static str = "awa/rescue";
    const ABOUT: &'static str = "stale receipts found by cursors, a bounded few at a time";
    const VERSION: u32 = 1;

    type Params = Sizes;
    type Mutant = Mutant;
    const MUTANTS: &'static [Mutation<Mutant>] = &[
        breaks(
            Mutant::StopsAtHealthy,
            "stale-rescued-in-time",
            "leaves the cursor before a healthy receipt, and never sees beyond its window",
        ),
        breaks(
            Mutant::NeverWraps,
            "stale-rescued-in-time",
            "looks only behind the cursor, past a receipt that went stale afterwards",
        ),
        breaks(
            Mutant::ServesByNumber,
            "stale-rescued-in-time",
            "spends what it may close on the slot that always has more",
        ),
        breaks(
            Mutant::AsksClosuresOnly,
            "no-completed-attempt-rescued",
            "takes a receipt for closed only if a closure row says so, and a success writes none",
        ),
        breaks(
            Mutant::RemovesEvidence,
            "no-completed-attempt-rescued",
            "removes a terminal row, which was all that said so, and writes no closure row",
        ),
        breaks(Mutant::PrunesOpen, "no-lost-claim", "prunes a slot with open receipts in it"),
    ];

    type World = State;
    type Spec = Nothing;

    fn new(sizes: Sizes, mutant: Option<Mutant>) -> Self {
        Rescue { sizes, mutant }
    }

    /// The oldest slot is full, and the current one is empty.
    fn worlds(&self) -> Vec<State> {
        let slot = |receipt| Slot::filled(self.sizes, receipt);
        vec![State {
            slots: [slot(Receipt::Free), slot(Receipt::Healthy)],
            waited: 0,
            resurrected: false,
            lost: false,
            sizes: Constant(self.sizes),
            mutant: Constant(self.mutant),
        }]
    }

    fn spec(&self) -> Nothing {
        Nothing
    }

    /// In the slot that waits to be pruned. In the other, one may go stale as soon as it is closed.
    fn comes(&self) -> Vec<Comes<State>> {
        let property = Property::named("eventually-rescued");
        let closed = |index: u16| {
            let at = move |it: &State| it.receipts(OLDEST)[usize::from(index)];
            let said = format!("receipt {index} of the oldest slot, which is stale, is closed");
            let stale = move |it: &State| at(it) == Receipt::Stale;
            Comes::leads_to(property.clone(), said, stale, move |it| !stale(it))
        };
        (0..self.sizes.receipts).map(closed).collect()
    }

    fn fairness(&self) -> Vec<Fair> {
        vec![Fair::of_move("pass", PASS, 0)]
    }

    fn invariant(&self, _before: Option<&State>, now: &State) -> Result<(), Violation> {
        Promise::check(PROMISES, now)
    }

    fn always(&self) -> Vec<Always<State>> {
        Promise::promised(PROMISES).collect()
    }
}
