//! What a search may spare, and what it may not: clients that count, in a world that says what
//! commutes, rightly or wrongly.

use checker::Spec;
use sim::explore::Limits;
use sim::prelude::*;
use sim::registry::{AnyModel, Registered};
use sim::session::Session;

/// A number for each client, and one for all.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
struct Tally {
    own: [u8; 4],
    shared: u8,
    ticks_left: u8,
    ticked: u8,
    /// Who waits for a tick.
    waiting: Vec<CallId>,
    claims: Constant<Claims>,
}

/// What the world says of itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Claims {
    /// That nothing commutes.
    Nothing,
    /// What is true.
    #[default]
    Truth,
    /// That calls to set one number commute.
    TooMuch,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Ask {
    /// The client's own number, which nobody else looks at.
    AddOwn,
    SetShared(u8),
    /// Waits for the next tick.
    Wait,
}

impl World for Tally {
    type Call = Ask;
    type Reply = u8;
    const MOVES: &'static [&'static str] = &["tick"];

    fn apply(&mut self, from: CallId, call: &Ask) -> Poll<u8> {
        let number = match call {
            Ask::AddOwn => &mut self.own[usize::from(from.client.0)],
            Ask::SetShared(_) => &mut self.shared,
            Ask::Wait if self.ticked > 0 => return Poll::Ready(0),
            Ask::Wait => {
                self.waiting.push(from);
                return Poll::Pending;
            }
        };
        match call {
            Ask::SetShared(to) => *number = *to,
            _ => *number += 1,
        }
        Poll::Ready(*number)
    }

    fn freed(&mut self) -> Option<CallId> {
        if self.ticked == 0 || self.waiting.is_empty() {
            return None;
        }
        Some(self.waiting.remove(0))
    }

    fn moves(&self, moves: &mut Moves) {
        if self.ticks_left > 0 {
            moves.due(0, 0);
        }
    }

    fn advance(&mut self, _chosen: Move) {
        self.ticks_left -= 1;
        self.ticked += 1;
    }

    fn commute(&self, one: Act<'_, Ask>, other: Act<'_, Ask>) -> bool {
        match (self.claims.0, one, other) {
            (Claims::Nothing, ..) => false,
            (_, Act::Move(_), Act::Move(_)) => false,
            (_, Act::Call(_, Ask::SetShared(_)), Act::Call(_, Ask::SetShared(_))) => {
                self.claims.0 == Claims::TooMuch
            }
            // Who waits is kept in order, and whether it waits at all depends on the tick.
            (_, Act::Call(_, Ask::Wait), Act::Call(_, Ask::Wait) | Act::Move(_)) => false,
            (_, Act::Move(_), Act::Call(_, Ask::Wait)) => false,
            _ => true,
        }
    }
}

impl Legible for Tally {}

#[derive(Clone, Serialize, Deserialize, Default)]
struct Sizes {
    clients: u16,
    calls: u8,
    ticks: u8,
    /// Whether clients set the number that is everybody's, too.
    shares: bool,
    /// Whether client 0 begins by waiting for a tick.
    waits: bool,
    /// Whether each call is an operation of the history.
    records: bool,
    claims: Claims,
}

impl Params for Sizes {}

#[derive(Clone)]
struct Count(Sizes);

/// Whatever was asked, anything may be answered.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Anything;

impl Spec for Anything {
    type Op = u8;
    type Ret = u8;

    fn step(&self, _op: &u8, _ret: Option<&u8>) -> impl IntoIterator<Item = Self> {
        [Anything]
    }

    fn key(_op: &u8) -> Option<u64> {
        None
    }
}

impl Model for Count {
    const NAME: &'static str = "count";
    const ABOUT: &'static str = "clients that count";
    const VERSION: u32 = 1;
    type Params = Sizes;
    type Mutant = ();
    const MUTANTS: &'static [Mutation<()>] = &[];
    type World = Tally;
    type Spec = Anything;

    fn new(sizes: Sizes, _mutant: Option<()>) -> Self {
        Count(sizes)
    }

    fn clients(&self) -> u16 {
        self.0.clients
    }

    fn worlds(&self) -> Vec<Tally> {
        let Sizes { ticks, claims, .. } = self.0;
        vec![Tally { ticks_left: ticks, claims: Constant(claims), ..Tally::default() }]
    }

    fn spec(&self) -> Anything {
        Anything
    }

    async fn client(self, io: Io<Self>) {
        if self.0.waits && io.me().0 == 0 {
            let _ = io.call(Ask::Wait).await;
            return;
        }
        for number in 0..self.0.calls {
            let asked = self.0.records.then(|| io.begin(number));
            if let Ok(answer) = io.call(Ask::AddOwn).await
                && let Some(asked) = asked
            {
                asked.end(answer);
            }
        }
        if self.0.shares {
            let _ = io.call(Ask::SetShared(io.me().0 as u8 + 1)).await;
        }
    }
}

fn open(sizes: &Sizes) -> Box<dyn Session> {
    let Ok(serde_json::Value::Object(params)) = serde_json::to_value(sizes) else {
        panic!("sizes are one flat object")
    };
    Registered::<Count>::new().session(&params, None).expect("these sizes are right")
}

const LIMITS: Limits = Limits { faults_max: 0, states_max: 1 << 20, symmetry: false };

/// Every size that is enumerated, with the faults a schedule may have.
fn small() -> Vec<(Sizes, u32)> {
    let mut all = Vec::new();
    for (clients, calls, ticks, faults_max) in
        [(2, 2, 1, 0), (3, 1, 1, 0), (2, 1, 1, 1), (2, 1, 0, 2), (1, 1, 2, 2)]
    {
        for (shares, records) in [(false, false), (true, false), (false, true)] {
            for waits in [false, ticks > 0] {
                let claims = Claims::Truth;
                let sizes = Sizes { clients, calls, ticks, shares, waits, records, claims };
                all.push((sizes, faults_max));
            }
        }
    }
    all
}

/// Calls that land late after all is done, clients that come back, and moves that go on: a run may
/// be over with steps still possible, and what sleeps must not be lost there.
#[test]
fn nothing_is_missed_that_enumeration_finds() {
    for (sizes, faults_max) in small() {
        let Sizes { clients, calls, ticks, shares, waits, records, .. } = sizes;
        let what =
            format!("{clients} {calls} {ticks} {shares} {waits} {records}, {faults_max} faults");
        let all = open(&sizes).enumerate(faults_max, 3_000_000);
        assert!(all.schedules.is_some(), "{what}: too many schedules");
        let limits = Limits { faults_max, ..LIMITS };
        let some = open(&sizes).explore(&limits, &mut |_, _| true);
        match some.verdict.broken() {
            None => assert_eq!((some.distinct, some.ends), (all.distinct, all.ends), "{what}"),
            Some(property) => assert!(all.broken.contains(property.name()), "{what}"),
        }
        let tried = open(&sizes).doubt(faults_max, 0..30);
        assert!(tried.is_ok_and(|it| it > 0 || clients == 1 || records), "{what}");
    }
}

#[test]
fn where_all_is_apart_one_order_is_enough() {
    let sizes = Sizes { clients: 4, calls: 3, ..Sizes::default() };
    let all = open(&sizes).explore_unspared(&LIMITS, &mut |_, _| true);
    let some = open(&sizes).explore(&LIMITS, &mut |_, _| true);
    assert_eq!((some.distinct, all.distinct), (256, 256), "each of four is at one of four points");
    assert_eq!(some.generated, some.distinct, "and each state is reached once");
    assert_eq!(some.spared + some.generated, all.generated);
    let silent = Sizes { claims: Claims::Nothing, ..sizes };
    let silent = open(&silent).explore(&LIMITS, &mut |_, _| true);
    assert_eq!((silent.generated, silent.spared), (all.generated, 0), "nothing was said");
}

#[test]
fn what_ends_one_operation_and_begins_another_is_never_spared() {
    let sizes = Sizes { clients: 2, calls: 3, records: true, ..Sizes::default() };
    let all = open(&sizes).explore_unspared(&LIMITS, &mut |_, _| true);
    let some = open(&sizes).explore(&LIMITS, &mut |_, _| true);
    assert_eq!((some.distinct, some.ends), (all.distinct, all.ends));
    assert!(some.spared < all.generated / 4, "only last answers begin nothing: {}", some.spared);
}

#[test]
fn a_claim_that_is_wrong_is_found_out_and_would_hide_states() {
    let right = Sizes { clients: 3, calls: 0, shares: true, ..Sizes::default() };
    let wrong = Sizes { claims: Claims::TooMuch, ..right.clone() };
    let count = |sizes| open(sizes).explore(&LIMITS, &mut |_, _| true).distinct;
    assert!(count(&wrong) < count(&right), "it matters");
    assert!(open(&right).doubt(0, 0..10).is_ok());
    let doubt = open(&wrong).doubt(0, 0..10).expect_err("two orders, two numbers");
    assert!(doubt.to_string().contains("do not"), "{doubt}");
}
