//! Renaming held to what it is said to be: the same steps under other names, and as many orbits as
//! counting by hand finds.

use checker::hash::Chain;
use models::spec::{lock_cas, run_head};
use serde_json::{Map, Value};
use sim::explore::Limits;
use sim::model::Model;
use sim::registry::{AnyModel, Registered, set_up};
use sim::step::Move;
use sim::world::{Moves, World};
use std::collections::{BTreeMap, BTreeSet};

fn params(given: &[(&str, &str)]) -> Map<String, Value> {
    given.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect()
}

/// Every state, found by a walk that knows nothing of names, by its fingerprint.
fn states<M: Model>(model: &M) -> BTreeMap<u64, M::World> {
    let mut seen = BTreeMap::new();
    let mut left = model.worlds();
    while let Some(world) = left.pop() {
        if seen.insert(Chain::of(&world), world.clone()).is_none() {
            left.extend(successors(&world));
        }
    }
    seen
}

fn successors<W: World + Clone>(world: &W) -> Vec<W> {
    let mut moves = Moves::default();
    world.moves(&mut moves);
    let step = |chosen: Move| {
        let mut world = world.clone();
        world.advance(chosen);
        world
    };
    moves.iter().map(step).collect()
}

/// Every order of `count` names.
fn orders(count: u8) -> Vec<Vec<u8>> {
    let all = (0..u32::from(count).pow(count.into())).map(|number| {
        let digit = |place: u8| (number / u32::from(count).pow(place.into())) % u32::from(count);
        (0..count).map(|place| digit(place) as u8).collect::<Vec<_>>()
    });
    all.filter(|order| order.iter().collect::<BTreeSet<_>>().len() == order.len()).collect()
}

/// Holds the renaming of a model to its steps, and its search to a count by hand.
#[track_caller]
fn symmetric<M: Model>(given: &[(&str, &str)]) {
    let model: M = set_up(&params(given), None).expect("its parameters");
    let all = states(&model);
    let parties = model.worlds()[0].parties();
    let orders = orders(parties);
    let mut orbits = BTreeSet::new();
    for world in all.values() {
        let named: Vec<_> = orders.iter().map(|order| world.renamed(order)).collect();
        let prints: Vec<u64> = named.iter().map(Chain::of).collect();
        assert!(prints.iter().all(|print| all.contains_key(print)), "a name changes what is so");
        orbits.extend(prints.iter().min().copied());
        let next: Vec<_> = successors(world);
        for (order, named) in orders.iter().zip(&named) {
            let there: BTreeSet<u64> = successors(named).iter().map(Chain::of).collect();
            let here: BTreeSet<u64> =
                next.iter().map(|world| Chain::of(&world.renamed(order))).collect();
            assert_eq!(here, there, "a name changes what can happen: {order:?}");
        }
    }
    let mut session = Registered::<M>::new().session(&params(given), None).expect("parameters");
    for (symmetry, wanted) in [(false, all.len()), (true, orbits.len())] {
        let limits = Limits { faults_max: 0, states_max: 1 << 24, symmetry };
        let found = session.explore(&limits, &mut |_, _| true);
        assert_eq!(found.distinct, wanted as u64, "{} {given:?} {symmetry}", M::NAME);
    }
    println!("{} {given:?}: {} states, {} orbits", M::NAME, all.len(), orbits.len());
    assert!(orbits.len() < all.len());
}

#[test]
fn names_mean_nothing_to_run_head() {
    symmetric::<run_head::RunHead>(&[("writers", "2")]);
    symmetric::<run_head::RunHead>(&[("writers", "3"), ("max_seq", "1")]);
    symmetric::<run_head::RunHead>(&[("lock", "false"), ("expire", "false")]);
    symmetric::<run_head::RunHead>(&[("mode", "blind"), ("expire", "false")]);
}

#[test]
fn names_mean_nothing_to_lock_cas() {
    symmetric::<lock_cas::LockCas>(&[("transitions", "1"), ("expiries", "1")]);
}
