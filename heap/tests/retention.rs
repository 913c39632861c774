//! Partitions that are dropped beside a bulk DELETE: the same runs go, at another price.

use heap::retention::locks::Mode;
use heap::retention::{Outcome, Params, Retention, Way};

fn run(way: Way, given: &[(&str, &str)]) -> Outcome {
    let mut params = Params { rate: 200, ..Params::default() };
    for (name, value) in given {
        params.set(name, value).expect("it may be that");
    }
    assert_eq!(params.check(), Ok(()));
    let mut retention = Retention::new(&params, way);
    while retention.go_on().expect("it is simulated") {}
    retention.outcome().clone()
}

#[test]
fn every_way_keeps_the_same_runs_and_only_partitions_carry_sleepers() {
    let (dropped, detached, deleted) =
        (run(Way::Drop, &[]), run(Way::Detach, &[]), run(Way::Delete, &[]));
    let but_locks = |it: &Outcome| Outcome { locks: Vec::new(), ..it.clone() };
    assert_eq!(but_locks(&dropped), but_locks(&detached), "nobody is in the way");
    assert_eq!((dropped.runs, dropped.gone), (deleted.runs, deleted.gone));
    assert_eq!(dropped.runs + dropped.gone, 200 * 30);
    assert_eq!((dropped.retired, deleted.moved), (4, 0));
    // 3% of a thousand runs a partition, and those of the partition before last again.
    assert!((120..200).contains(&dropped.moved), "{dropped:?}");
    assert_eq!(run(Way::Drop, &[("sleepers", "0")]).moved, 0);
}

#[test]
fn a_partition_gives_its_space_back_and_a_delete_gives_room() {
    let (dropped, deleted) = (run(Way::Drop, &[]), run(Way::Delete, &[]));
    assert!(dropped.freed > 500_000, "{dropped:?}");
    assert_eq!(deleted.freed, 0, "there is always a run on the last page");
    assert!(dropped.bytes_max < deleted.bytes_max, "{dropped:?} {deleted:?}");
    assert_eq!((dropped.waits, deleted.waits), (0, 0));
}

#[test]
fn a_reader_in_the_way_costs_each_way_something_else() {
    let reader = [("reader", "3")];
    let dropped = run(Way::Drop, &reader);
    assert_eq!((dropped.waits, dropped.longest), (0, 2500), "it waits alone, until he is gone");
    let detached = run(Way::Detach, &reader);
    assert_eq!(detached.waits, 8 * 4, "every connection, at every retirement");
    assert_eq!((detached.wait_max, detached.longest), (2500, 2500));
    assert_eq!(dropped.strongest(), Some(Mode::ShareUpdateExclusive));
    assert_eq!(detached.strongest(), Some(Mode::AccessExclusive));
    let deleted = run(Way::Delete, &reader);
    assert_eq!((deleted.waits, deleted.longest), (0, 5000), "the next VACUUM may");
    // A thousand rows that were deleted, and cannot go before the load ends.
    let alone = run(Way::Delete, &[]);
    assert!(deleted.dead > alone.dead + 800, "{deleted:?} {alone:?}");
}

#[test]
fn what_is_simulated_is_the_same_whenever_it_is() {
    for (_, way) in Way::ALL {
        let reader = [("reader", "2")];
        assert_eq!(run(way, &reader), run(way, &reader));
        assert_ne!(run(way, &[]), run(way, &[("seed", "2")]));
    }
}
