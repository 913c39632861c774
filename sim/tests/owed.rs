//! A promise that is owed in no state is kept by whoever does nothing: it must not pass.

use checker::Verdict;
use checker::specs::nothing::Nothing;
use sim::explore::Limits;
use sim::prelude::*;
use sim::registry::{AnyModel, Registered};

/// A number that goes up.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Number(u8);

impl World for Number {
    type Call = ();
    type Reply = ();
    const MOVES: &'static [&'static str] = &["up"];

    fn apply(&mut self, _from: CallId, (): &()) -> Poll<()> {
        Poll::Ready(())
    }

    fn moves(&self, moves: &mut Moves) {
        if self.0 < 3 {
            moves.due(0, 0);
        }
    }

    fn advance(&mut self, _chosen: Move) {
        self.0 += 1;
    }
}

impl Legible for Number {}

#[derive(Clone, Default, Serialize, Deserialize)]
struct Sizes {
    /// The number from which a higher one is owed.
    from: u8,
}

impl Params for Sizes {}

#[derive(Clone)]
struct Counts(Sizes);

impl Model for Counts {
    const NAME: &'static str = "counts";
    const ABOUT: &'static str = "a number that goes up";
    const VERSION: u32 = 1;
    type Params = Sizes;
    type Mutant = ();
    const MUTANTS: &'static [Mutation<()>] = &[];
    type World = Number;
    type Spec = Nothing;

    fn new(sizes: Sizes, _mutant: Option<()>) -> Self {
        Counts(sizes)
    }

    fn worlds(&self) -> Vec<Number> {
        vec![Number(0)]
    }

    fn spec(&self) -> Nothing {
        Nothing
    }

    fn comes(&self) -> Vec<Comes<Number>> {
        let from = self.0.from;
        let said = format!("after {from} comes 3");
        let property = Property::named("counts");
        vec![Comes::leads_to(property, said, move |it: &Number| it.0 == from, |it| it.0 == 3)]
    }

    fn fairness(&self) -> Vec<Fair> {
        vec![Fair::of_move("up", 0, 0)]
    }
}

#[test]
fn what_is_owed_in_no_state_is_unknown() {
    let limits = Limits { faults_max: 0, states_max: 100, symmetry: false };
    let live = |from: u8, unfair| {
        let params = [("from".to_owned(), serde_json::Value::from(from))].into_iter().collect();
        let session = Registered::<Counts>::new().session(&params, None);
        let found = session.expect("a size").live(&limits, unfair, &mut |_, _| true);
        found.expect("it promises something").verdict
    };
    assert_eq!(live(1, None), Verdict::Pass);
    assert!(matches!(live(1, Some("up")), Verdict::Fail(_)));
    let Verdict::Unknown { why } = live(7, None) else { panic!("7 is never reached") };
    assert!(why.contains("in no state is it owed that after 7 comes 3"), "{why}");
}
