//! A load in simulated time: sizes are the server's to the byte, and what autovacuum and an open
//! transaction make of it stays within the bands that were measured on real servers.

use heap::soak::{Params, Sample, Soak};
use heap::{Kind, Table};

fn params(load: &str, given: &str) -> Params {
    let mut params = Params::of(load).expect("it is a load");
    for given in given.split_whitespace() {
        let (name, value) = given.split_once('=').expect("name=value");
        params.set(name, value).expect("it may be that");
    }
    params
}

fn loaded(given: &str) -> Soak {
    Soak::new(&params("a0", given)).expect("it is simulated")
}

fn run(load: &str, given: &str) -> Soak {
    let mut soak = Soak::new(&params(load, given)).expect("it is simulated");
    while soak.go_on().expect("it is simulated") {}
    soak
}

fn last(soak: &Soak) -> &Sample {
    soak.samples().last().expect("there are samples")
}

fn leaves(table: &Table) -> usize {
    table.state().index.iter().filter(|it| it.kind == Kind::Leaf).count()
}

/// `pg_table_size`, `pg_indexes_size`, `pgstattuple` and `pgstatindex` of PostgreSQL 15.18 after
/// the harness's own INSERTs.
#[test]
fn a_table_that_was_loaded_is_as_large_as_the_servers() {
    let soak = loaded("");
    let sample = soak.loaded();
    assert_eq!((sample.heap_pages, sample.heap_bytes), (1150, 9_453_568));
    assert_eq!((leaves(soak.table()), sample.index_bytes), (473, 3_907_584));
    let percent = |it: f64| format!("{it:.2}");
    assert_eq!(percent(sample.leaf_density), "52.16");
    assert_eq!(percent(sample.fragmentation), "10.57");
    assert_eq!(
        (percent(sample.free_pct), percent(sample.dead_pct)),
        ("10.49".into(), "0.00".into())
    );
    for (given, a_page) in [("active=10000", 87), ("active=10000 fillfactor=70", 67)] {
        assert_eq!(loaded(given).loaded().heap_pages, 10_000_u64.div_ceil(a_page), "{given}");
    }
    assert_eq!(loaded("active=10000").loaded().heap_pages * 8192, 942_080);
    assert_eq!(loaded("fillfactor=70").loaded().heap_bytes / 1000, 12_263);
}

/// The rows of the harness's report, each with what two real servers had of it. What stays on its
/// page hangs on how connections meet, which is a band: three points around the two.
#[test]
fn a_minute_of_load_is_within_the_band_of_two_real_servers() {
    let rows = [
        ("", 96.85, 96.28, (9.5, 9.8), 3.9, 1..=1),
        ("fillfactor=70", 98.32, 99.04, (12.2, 12.5), 3.9, 1..=1),
        ("active=10000 tmin=3 tmax=6 duration=120 rate=675", 99.46, 98.40, (1.2, 1.4), 1.0, 8..=10),
    ];
    for (given, one, other, heap, index, vacuums) in rows {
        let soak = run("a0", given);
        let end = last(&soak);
        let (low, high) = (f64::min(one, other) - 3.0, f64::max(one, other) + 3.0);
        assert!((low..=high).contains(&end.hot), "{given}: HOT {}", end.hot);
        let megabytes = |it: u64| (it as f64 / 1e5).round() / 10.0;
        assert!((heap.0..=heap.1).contains(&megabytes(end.heap_bytes)), "{given}: {end:?}");
        assert!((megabytes(end.index_bytes) - index).abs() < 0.11, "{given}: {end:?}");
        assert!(vacuums.contains(&end.autovacuums), "{given}: {end:?}");
        assert_eq!(end.ops, soak.params().rate * soak.params().duration);
    }
}

const SMALL: &str = "active=5000 rate=3000 concurrency=4";

#[test]
fn what_pins_the_horizon_costs_nine_updates_in_ten_their_page_and_the_heap_grows_steadily() {
    for (hold, by) in [("rr", "snapshot"), ("cursor", "snapshot"), ("rc-xid", "transaction number")]
    {
        let soak = run("held-xmin", &format!("{SMALL} hold={hold}"));
        let all = soak.samples();
        let held: Vec<&Sample> = all.iter().filter(|it| it.t_s <= 40).collect();
        assert_eq!(held.len(), 4);
        for pair in held.windows(2) {
            let hot = pair[1].hot_window;
            assert!((10.0..=12.0).contains(&hot), "{hold}: HOT {hot}");
            let grown = (pair[1].heap_pages - pair[0].heap_pages) as f64;
            // Each update takes 84 bytes of 8,168, but for those that found the old page's reserve.
            let pages = 30_000.0 * 84.0 / 8168.0;
            assert!((grown / pages - 1.0).abs() < 0.15, "{hold}: {grown} pages");
        }
        assert!(held[3].dead_pct > 85.0, "{hold}: {:?}", held[3]);
        let end = last(&soak);
        assert!(end.hot_window > 95.0 && end.dead_pct < 10.0, "{hold}: {end:?}");
        assert_eq!(end.heap_pages, all[4].heap_pages, "{hold}: it no longer grows");
        let said = soak.verdict().join("\n");
        assert!(said.contains(&format!("held by session 6's {by}")), "{said}");
        assert!(said.contains("released, it is well by 00:50"), "{said}");
    }
}

#[test]
fn a_read_committed_select_holds_nothing_back() {
    let none = run("held-xmin", &format!("{SMALL} hold=none"));
    let select = run("held-xmin", &format!("{SMALL} hold=rc-select hold_until=0"));
    let without_holder =
        |soak: &Soak| -> Vec<String> { soak.samples().iter().map(Sample::csv).collect() };
    assert_eq!(without_holder(&none), without_holder(&select));
    let said = select.verdict().join("\n");
    let nothing =
        "HOLD_TXN (READ COMMITTED, SELECT 1) holds nothing back: the horizon went on in each";
    assert!(said.contains(nothing), "{said}");
    assert!(!none.verdict().join("\n").contains("holds nothing"));
}

#[test]
fn a_snapshot_that_is_never_released_is_named_with_what_it_costs() {
    let soak = run("held-xmin", &format!("{SMALL} duration=40 hold_until=0"));
    let said = soak.verdict().join("\n");
    let blame =
        "dead% climbs without bound: vacuum reclaims nothing since 00:10, held by session 6's";
    assert!(said.contains(blame), "{said}");
    assert!(said.contains("heap grows: "), "{said}");
}

#[test]
fn the_index_plateaus_where_reindex_puts_it_and_not_without() {
    let churn = "active=4000 rate=1000 tmin=2 tmax=4 concurrency=4 duration=600";
    let (none, every) = (run("soak", churn), run("soak", &format!("{churn} reindex_every=120")));
    assert!(every.verdict().join("\n").contains("REINDEX ran 5 times"), "{:?}", every.verdict());
    let (fresh, grown) = (last(&every), last(&none));
    assert!(fresh.index_bytes * 2 < grown.index_bytes, "{fresh:?} {grown:?}");
    assert!(fresh.leaf_density > 80.0, "{fresh:?}");
    assert_eq!(fresh.ops, grown.ops);
}

#[test]
fn a_load_is_the_same_whenever_it_is_run() {
    let csv = |given: &str| -> Vec<String> {
        run("soak", given).samples().iter().map(Sample::csv).collect()
    };
    let small = "active=2000 duration=120";
    assert_eq!(csv(small), csv(small));
    assert_ne!(csv(small), csv(&format!("{small} seed=2")));
    assert_eq!(csv(small).len(), 4);
    assert!(csv(small).iter().all(|it| it.split(',').count() == Sample::COLUMNS.len()));
}

#[test]
fn a_load_in_which_every_row_sleeps_ends() {
    let soak = run("soak", "active=1 sleepers=99 duration=90 seed=3");
    assert_eq!(soak.has_work(), last(&soak).ops > 0);
    assert_eq!(soak.samples().len(), 3);
}
