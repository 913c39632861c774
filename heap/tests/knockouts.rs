//! Each rule matters: a world without it leaves other pages behind.
//!
//! No server is asked here. That the rules together are the server's is what `real/tests/heap.rs`
//! shows; here each is taken away, and the streams on which that is seen are counted. A rule whose
//! absence changes nothing anywhere would be one that nothing shows to be there.

use heap::{Rule, Rules, Stream, Table, Workload};

/// The first comparison at which a world without `rule` differs, in operations, on a stream.
fn first_difference(how: &Workload, seed: u64, fillfactor: u8, rule: Rule) -> Option<usize> {
    let stream = Stream::new(how, seed);
    let mut whole = stream.table(fillfactor, Rules::default());
    let mut without = stream.table(fillfactor, Rules::default().without(rule));
    let mut checks = stream.checks.iter().copied().peekable();
    for (at, step) in stream.steps.iter().enumerate() {
        let (one, other) = (whole.apply(*step), without.apply(*step));
        let due = checks.next_if_eq(&(at + 1)).is_some();
        if one != other || due && differs(&whole, &without) {
            return Some(at + 1);
        }
    }
    None
}

fn differs(one: &Table, other: &Table) -> bool {
    !one.state().differences(&other.state()).is_empty()
}

/// A rule, and a stream on which it is seen to be there: workload, fillfactor, operations.
const SEEN: [(Rule, &str, u8, u32); 23] = [
    (Rule::FsmNextSlot, "base", 70, 7_000),
    (Rule::PruneInUnique, "uuid", 100, 2_000),
    (Rule::PinStopsPrune, "wide", 90, 1_000),
    (Rule::ScanPastMatch, "aborts", 90, 1_000),
    (Rule::MinFreeFloor, "base", 100, 1_000),
    (Rule::Bypass, "lock", 70, 20_000),
    (Rule::BottomUp, "multi-statement", 90, 3_000),
    (Rule::Dedup, "held-snapshot", 70, 1_500),
    (Rule::UnstableSort, "reconnect", 70, 1_500),
    (Rule::PruneKeepsFsm, "base", 70, 1_000),
    (Rule::VmSkip, "cold", 70, 20_000),
    (Rule::FullHint, "wide", 90, 1_000),
    (Rule::HotIgnoresFillfactor, "base", 70, 1_000),
    (Rule::HorizonLag, "multi-statement", 70, 1_000),
    (Rule::LineTruncation, "aborts", 70, 1_000),
    (Rule::VacuumResetsTarget, "base", 70, 2_000),
    (Rule::VacuumResetsNextSlot, "base", 70, 2_500),
    (Rule::TargetSurvivesIdleVacuum, "vacuum-often", 70, 2_000),
    (Rule::LastPage, "reconnect", 70, 1_000),
    (Rule::KillInUnique, "base", 70, 1_000),
    (Rule::SimpleDeletionWidens, "base", 70, 2_000),
    (Rule::RestartForgetsNextSlot, "restart", 90, 14_000),
    (Rule::RecycleLater, "big-drain", 70, 42_000),
];

#[test]
fn taking_any_rule_away_changes_pages() {
    assert!(Rule::ALL.iter().all(|rule| SEEN.iter().any(|(seen, ..)| seen == rule)));
    for (rule, name, fillfactor, ops) in SEEN {
        let how = Workload::named(name).unwrap_or_else(|| panic!("no workload is called {name}"));
        let how = Workload { ops, ..how };
        let found = first_difference(&how, 1, fillfactor, rule);
        assert!(found.is_some(), "{rule:?} makes no difference on {name} at {fillfactor}");
    }
}
