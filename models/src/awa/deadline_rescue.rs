//! Closing receipts whose deadline has passed, by a cursor in the order of deadlines.
//!
//! The cursor beside the one of stale receipts, and not the same rule: a receipt that is healthy today
//! may be stale tomorrow, so that cursor goes round; a deadline is fixed when a job is claimed, so
//! this one may stop at the first that is to come, and never goes back. What is hard is that receipts
//! are not written in the order of their deadlines. A cursor that goes on over one that is closed,
//! though its deadline is to come, leaves behind it the place where a job with a shorter deadline may
//! be claimed a moment later, and nobody will look there again. A cursor that is never ahead of the
//! clock has nothing behind it.
//!
//! The source is awa's deadline rescue (hardbyte/awa, pull request 349:
//! `rescue_expired_receipt_deadlines_tx`). Of no specification; a pass reads and closes few.

use crate::promise::{Promise, breaks, unless};
use checker::specs::nothing::Nothing;
use sim::prelude::*;

const PLACES: usize = 6;

/// How it is sized.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sizes {
    /// How many receipts the oldest slot takes.
    pub receipts: u8,
    /// How many of a slot a pass reads.
    pub window: u16,
    /// How many a pass closes.
    pub batch: u16,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes { receipts: 3, window: 1, batch: 1 }
    }
}

impl Params for Sizes {
    const SIZES: &'static [&'static str] = &["receipts", "window", "batch"];

    fn check(&self) -> Result<(), String> {
        within("receipts", self.receipts, 1..=PLACES as u8)?;
        within("window", self.window, 1..=10_000)?;
        within("batch", self.batch, 1..=500)
    }
}

/// The ways it is broken.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Mutant {
    /// Goes on over what is closed, though its deadline is to come.
    PassesFutureClosed,
    /// Leaves the cursor before what is closed.
    StopsAtClosed,
    /// Serves the slots by their numbers.
    ServesByNumber,
    /// Closes what it reads, whatever its deadline.
    ClosesFuture,
}

const CLAIM: u8 = 0;
const COMPLETE: u8 = 1;
const TICK: u8 = 2;
const FLOOD: u8 = 3;
const PASS: u8 = 4;

#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
enum Receipt {
    /// There is none.
    #[default]
    Free,
    Open,
    Closed,
}

/// The oldest slot in the order of deadlines, and what else a pass has to do.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct State {
    /// The deadline of the one at place `i` is `i + 1`.
    receipts: [Receipt; PLACES],
    now: u8,
    /// The last that the rescue is done with.
    cursor: Option<u8>,
    /// Whether another slot, of a lower number, has as many that expired as a pass may close.
    flooded: bool,
    /// Passes since one of the oldest slot has been left that expired.
    waited: u8,
    /// Whether one was closed whose deadline was to come.
    early: bool,
    sizes: Constant<Sizes>,
    mutant: Constant<Option<Mutant>>,
}

impl State {
    fn is(&self, mutant: Mutant) -> bool {
        self.mutant.0 == Some(mutant)
    }

    fn receipts(&self) -> &[Receipt] {
        &self.receipts[..usize::from(self.sizes.0.receipts)]
    }

    fn has_expired(&self, place: u8) -> bool {
        place < self.now
    }

    fn any_expired(&self) -> bool {
        let expired = |place: &u8| self.has_expired(*place);
        let open = |place: u8| self.receipts()[usize::from(place)] == Receipt::Open;
        (0..self.sizes.0.receipts).filter(expired).any(open)
    }

    /// What a pass reads: the receipts behind the cursor.
    fn window(&self) -> Vec<u8> {
        let behind = |place: &u8| self.cursor.is_none_or(|cursor| *place > cursor);
        let there = |place: &u8| self.receipts()[usize::from(*place)] != Receipt::Free;
        let all = (0..self.sizes.0.receipts).filter(behind).filter(there);
        all.take(self.sizes.0.window.into()).collect()
    }

    /// Closes what has expired, as long as it may, and moves the cursor over what it is done with.
    fn rescue(&mut self, batch: u16) {
        let mut left = batch;
        for place in self.window() {
            let index = usize::from(place);
            let due = self.has_expired(place) || self.is(Mutant::ClosesFuture);
            if self.receipts[index] == Receipt::Open && due && left > 0 {
                left -= 1;
                self.early |= !self.has_expired(place);
                self.receipts[index] = Receipt::Closed;
            } else if self.is(Mutant::StopsAtClosed) {
                return;
            }
            let ahead = !self.has_expired(place) && !self.is(Mutant::PassesFutureClosed);
            if ahead || self.receipts[index] == Receipt::Open {
                return;
            }
            self.cursor = Some(place);
        }
    }

    fn pass(&mut self) {
        let all = self.sizes.0.batch;
        let flood = std::mem::take(&mut self.flooded);
        let spent = if flood && self.is(Mutant::ServesByNumber) { all } else { 0 };
        self.rescue(all - spent);
        // Once it is too long, it does not matter how long.
        let longer = (self.waited + 1).min(self.sizes.0.receipts + 1);
        self.waited = if self.any_expired() { longer } else { 0 };
    }

    fn closed_in_time(&self) -> Result<(), String> {
        let (waited, most) = (self.waited, self.sizes.0.receipts);
        unless(waited <= most, || {
            format!("{waited} passes have left a receipt open whose deadline is over")
        })
    }

    fn none_early(&self) -> Result<(), String> {
        unless(!self.early, || "a receipt was closed before its deadline".to_owned())
    }
}

const PROMISES: &[Promise<State>] = &[
    Promise::new("expired-closed-in-time", State::closed_in_time),
    Promise::new("no-early-close", State::none_early),
];

impl World for State {
    type Call = ();
    type Reply = ();
    const MOVES: &'static [&'static str] = &["claim", "complete", "tick", "flood", "pass"];

    fn apply(&mut self, _from: CallId, (): &()) -> Poll<()> {
        Poll::Ready(())
    }

    fn moves(&self, moves: &mut Moves) {
        for (receipt, place) in self.receipts().iter().zip(0..) {
            match receipt {
                Receipt::Free if !self.has_expired(place) => moves.due(CLAIM, place.into()),
                Receipt::Open => moves.may(COMPLETE, place.into()),
                _ => {}
            }
        }
        if self.now < self.sizes.0.receipts {
            moves.due(TICK, 0);
        }
        if !self.flooded {
            moves.may(FLOOD, 0);
        }
        moves.due(PASS, 0);
    }

    fn advance(&mut self, Move { kind, arg }: Move) {
        match kind {
            CLAIM => self.receipts[usize::from(arg)] = Receipt::Open,
            COMPLETE => self.receipts[usize::from(arg)] = Receipt::Closed,
            TICK => self.now += 1,
            FLOOD => self.flooded = true,
            _ => self.pass(),
        }
    }
}

impl Legible for State {
    fn columns(&self) -> Vec<(&'static str, String)> {
        let words: Vec<_> = self.receipts().iter().map(|it| format!("{it:?}")).collect();
        vec![
            ("now", self.now.to_string()),
            ("by deadline, 1 first", words.join(" ").to_lowercase()),
            ("cursor", self.cursor.map_or("-".to_owned(), |it| (it + 1).to_string())),
            ("another slot", if self.flooded { "expired" } else { "-" }.to_owned()),
        ]
    }
}

/// The model.
#[derive(Clone)]
pub struct DeadlineRescue {
    sizes: Sizes,
    mutant: Option<Mutant>,
}

impl Model for DeadlineRescue {
    const NAME: &'static str = "awa/deadline_rescue";
    const ABOUT: &'static str =
        "receipts closed when their deadline is over, by a cursor that goes on";
    const VERSION: u32 = 1;

    type Params = Sizes;
    type Mutant = Mutant;
    const MUTANTS: &'static [Mutation<Mutant>] = &[
        breaks(
            Mutant::PassesFutureClosed,
            "expired-closed-in-time",
            "goes on over what is closed, past the place of a claim with a shorter deadline",
        ),
        breaks(
            Mutant::StopsAtClosed,
            "expired-closed-in-time",
            "leaves the cursor before what is closed, and never sees beyond its window",
        ),
        breaks(
            Mutant::ServesByNumber,
            "expired-closed-in-time",
            "spends what it may close on a slot of a lower number, which always has more",
        ),
        breaks(
            Mutant::ClosesFuture,
            "no-early-close",
            "closes what it reads, whatever its deadline",
        ),
    ];

    type World = State;
    type Spec = Nothing;

    fn new(sizes: Sizes, mutant: Option<Mutant>) -> Self {
        DeadlineRescue { sizes, mutant }
    }

    fn worlds(&self) -> Vec<State> {
        vec![State {
            receipts: [Receipt::Free; PLACES],
            now: 0,
            cursor: None,
            flooded: false,
            waited: 0,
            early: false,
            sizes: Constant(self.sizes),
            mutant: Constant(self.mutant),
        }]
    }

    fn spec(&self) -> Nothing {
        Nothing
    }

    fn comes(&self) -> Vec<Comes<State>> {
        let property = Property::named("eventually-closed");
        let closed = |place: u8| {
            let said = format!("receipt {}, whose deadline is over, is closed", place + 1);
            let open = move |it: &State| it.receipts[usize::from(place)] == Receipt::Open;
            let expired = move |it: &State| open(it) && it.has_expired(place);
            Comes::leads_to(property.clone(), said, expired, move |it| !open(it))
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
