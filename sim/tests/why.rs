//! The chance of a failure, where it can be worked out by hand.

use checker::specs::nothing::Nothing;
use checker::{ClientId, Property};
use serde_json::Map;
use sim::prelude::*;
use sim::registry::{AnyModel, Registered};
use sim::step::Step;
use sim::why::{Chance, Failure, decisive, inevitable_from};

/// Two clients, one call each. It fails if the second client's lands first.
#[derive(Clone)]
struct Race;

#[derive(Clone, Default, Serialize, Deserialize)]
struct NoParams {}

impl Params for NoParams {}

#[derive(Clone, Hash, Default)]
struct Line {
    first: Option<ClientId>,
}

impl World for Line {
    type Call = ();
    type Reply = ();

    fn apply(&mut self, from: CallId, (): &()) -> Poll<()> {
        self.first.get_or_insert(from.client);
        Poll::Ready(())
    }
}

impl Legible for Line {}

impl Model for Race {
    const NAME: &'static str = "race";
    const ABOUT: &'static str = "who is first";
    const VERSION: u32 = 1;
    const ASKS: bool = true;
    type Params = NoParams;
    type Mutant = ();
    const MUTANTS: &'static [Mutation<()>] = &[];
    type World = Line;
    type Spec = Nothing;

    fn new(_params: NoParams, _mutant: Option<()>) -> Self {
        Race
    }

    fn clients(&self) -> u16 {
        2
    }

    fn worlds(&self) -> Vec<Line> {
        vec![Line::default()]
    }

    fn spec(&self) -> Nothing {
        Nothing
    }

    async fn client(self, io: Io<Self>) {
        let _ = io.call(()).await;
    }

    fn settled(&self, world: &Line) -> Result<(), Violation> {
        match world.first {
            Some(ClientId(1)) => Err(Violation::new(ORDER, "the second was first")),
            _ => Ok(()),
        }
    }
}

const ORDER: Property = Property::named("order");
const TAILS: u64 = 20_000;

fn call(client: u16) -> CallId {
    CallId { client: ClientId(client), slot: 0 }
}

fn chances(steps: &[Step], faults_max: u32) -> Vec<Chance> {
    let mut session = Registered::<Race>::new().session(&Map::new(), None).expect("no setup");
    let failure = Failure { steps, faults_max, property: &ORDER };
    let chance = |count| failure.chance(session.as_mut(), count, TAILS, &|| true);
    (0..=steps.len()).map_while(chance).collect()
}

/// Within a hundredth of `p`: nearly three standard deviations of so many walks. A 95% interval
/// would miss one chance in twenty, and should.
fn is_about(chance: &Chance, p: f64) {
    assert!((chance.p() - p).abs() < 0.01, "{p}: {chance:?}");
}

#[test]
fn a_fair_race_is_lost_half_the_time_until_somebody_is_first() {
    let lost = chances(&[Step::Apply(call(1)), Step::Apply(call(0))], 0);
    is_about(&lost[0], 0.5);
    assert_eq!((lost[1].failed, lost[2].failed), (TAILS, TAILS));
    assert_eq!((decisive(&lost), inevitable_from(&lost)), (Some(1), Some(1)));
    let won = chances(&[Step::Apply(call(0)), Step::Apply(call(1))], 0);
    assert_eq!((won[1].failed, won[2].failed), (0, 0));
    assert_eq!((decisive(&won), inevitable_from(&won)), (None, None));
}

#[test]
fn a_walk_may_spend_the_faults_that_were_left_and_no_others() {
    let spent = chances(&[Step::Lose(call(1))], 1);
    // What is left is the first client's call, and the second's, which may land late: a fair race.
    is_about(&spent[1], 0.5);
    let more = chances(&[Step::Lose(call(1))], 2);
    assert!(more[1].high() < 0.5, "the first client's call may be lost as well: {:?}", more[1]);
}

#[test]
fn whoever_says_no_ends_the_asking() {
    let mut session = Registered::<Race>::new().session(&Map::new(), None).expect("no setup");
    let failure = Failure { steps: &[], faults_max: 0, property: &ORDER };
    assert_eq!(failure.chance(session.as_mut(), 0, TAILS, &|| false), None);
}
