//! `backends`: stores side by side; promises and counts apart from times.
//!
//! A promise is kept or it is not, and a count is as predicted or it is not, wherever it was
//! measured. A time is this machine's, at this moment: two stores are told apart by it only if
//! one was faster in every repeat, in whichever order they had their turn.

use super::cold_reads::{ALL, GET, SINCE, phases};
use super::figures::{Cell, Table};
use super::load::{Keys, Phase, Work};
use super::params::{Backends, Store};
use super::tally::{Counts, Promise, Tally};
use super::{Measure, Workload, differences, of};
use crate::worlds::objects::Profile;

const PUT: &str = "put";
const PROBE: &str = "probe";

impl Measure for Backends {
    fn phases(&self) -> Vec<Phase> {
        let bytes = self.size_kib * 1024;
        let put = Phase {
            name: PUT,
            row: 0,
            keys: Keys { base: "puts/".to_owned(), runs: self.prefixes },
            work: Work::Put { count: self.objects },
            sizes: vec![bytes],
            concurrency: self.concurrency,
        };
        let probe = Phase {
            name: PROBE,
            keys: Keys::of_one("probes/".to_owned()),
            work: Work::Probe { count: self.probes },
            concurrency: 1,
            ..put.clone()
        };
        let mut all = vec![probe, put];
        all.extend(phases(0, (self.states, self.lists), bytes, self.concurrency));
        all
    }

    fn tables(&self, tallies: &[Tally]) -> Vec<Table> {
        let row = || {
            let [put, all, since, get] = [PUT, ALL, SINCE, GET].map(|it| of(tallies, 0, it));
            let (put, all, since, get) = (put?, all?, since?, get?);
            Some(vec![
                Cell::Real(put.per_second(), 0),
                Cell::Real(put.ms(50_000), 1),
                Cell::Real(put.ms(99_000), 1),
                Cell::Real(all.ms(50_000), 1),
                Cell::Real(since.ms(50_000), 1),
                Cell::Real(get.per_second(), 0),
                Cell::Real(get.ms(50_000), 1),
                Cell::Real(get.ms(99_000), 1),
            ])
        };
        let columns = [
            "put_per_s",
            "put_p50_ms",
            "put_p99_ms",
            "list_p50_ms",
            "since_p50_ms",
            "get_per_s",
            "get_p50_ms",
            "get_p99_ms",
        ];
        vec![Table::new("Times", &columns, row().into_iter().collect())]
    }

    fn verdict(&self, _: &[Tally]) -> Vec<String> {
        Vec::new()
    }

    fn store(&self) -> &Store {
        &self.store
    }
}

/// One store's turn.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Turn {
    /// Which store, with its version.
    pub store: String,
    /// Which repeat, from 1.
    pub repeat: u64,
    /// Whether its times are a machine's; those of a simulated store decide nothing.
    pub real: bool,
    /// What came of it.
    pub tallies: Vec<Tally>,
}

/// The stores in the order of their first turns.
fn stores(turns: &[Turn]) -> Vec<&str> {
    let mut all: Vec<&str> = Vec::new();
    for turn in turns {
        if !all.contains(&turn.store.as_str()) {
            all.push(&turn.store);
        }
    }
    all
}

fn of_store<'a>(turns: &'a [Turn], store: &str) -> impl Iterator<Item = &'a Turn> {
    turns.iter().filter(move |it| it.store == store)
}

/// How often each promise was kept, and what was counted: a row a store.
pub fn promises(turns: &[Turn], predicted: &[Tally]) -> Table {
    let row = |store: &str| {
        let kept = |promise: Promise| {
            let all = of_store(turns, store).flat_map(|it| &it.tallies).map(|it| it.kept(promise));
            let (held, tried) = all.fold((0, 0), |(a, b), (held, tried)| (a + held, b + tried));
            Cell::Text(format!("{held}/{tried}"))
        };
        let same = of_store(turns, store).all(|it| differences(predicted, &it.tallies).is_empty());
        let requests = of_store(turns, store).map(|it| Counts::sum(&it.tallies).requests());
        let mut cells = vec![Cell::Text(store.to_owned())];
        cells.extend(Promise::ALL.map(kept));
        cells.push(Cell::Whole(requests.sum()));
        cells.push(Cell::Text(if same { "yes" } else { "NO" }.to_owned()));
        cells
    };
    let mut columns = vec!["store"];
    columns.extend(Promise::ALL.map(Promise::name));
    columns.extend(["requests", "as_predicted"]);
    let rows = stores(turns).into_iter().map(row).collect();
    Table::new("Promises kept, of those put to the test", &columns, rows)
}

/// This machine's times: a row a turn.
pub fn times(params: &Backends, turns: &[Turn]) -> Table {
    let mut all = params.tables(&[]).remove(0);
    all.columns.splice(0..0, ["store", "repeat"].map(str::to_owned));
    for turn in turns {
        for row in params.tables(&turn.tallies).remove(0).rows {
            let mut cells = vec![Cell::Text(turn.store.clone()), Cell::Whole(turn.repeat)];
            cells.extend(row);
            all.rows.push(cells);
        }
    }
    all
}

/// What is to be said of the stores, a sentence a line.
pub fn verdict(params: &Backends, turns: &[Turn], predicted: &[Tally]) -> Vec<String> {
    let mut said = Vec::new();
    for store in stores(turns) {
        let all = of_store(turns, store).flat_map(|it| differences(predicted, &it.tallies));
        let mut apart: Vec<String> = all.collect();
        apart.dedup();
        said.push(match apart.as_slice() {
            [] => {
                format!("{store}: every promise kept; requests, pages, keys and bytes as predicted")
            }
            [first, more @ ..] => match more.len() {
                0 => format!("{store}: {first}"),
                many => format!("{store}: {first}; and {many} differences more"),
            },
        });
    }
    let real: Vec<Turn> = turns.iter().filter(|it| it.real).cloned().collect();
    let table = times(params, &real);
    for (what, column) in [("PUTs a second", "put_per_s"), ("GETs a second", "get_per_s")] {
        said.extend(order(&real, &table.column(column), what));
    }
    said
}

/// Whether the stores come in the same order in every repeat.
fn order(turns: &[Turn], values: &[f64], what: &str) -> Option<String> {
    if stores(turns).len() < 2 || values.len() != turns.len() {
        return None;
    }
    let repeats = turns.iter().map(|it| it.repeat).max()?;
    let ranked = |repeat: u64| {
        let of = turns.iter().zip(values).filter(|(turn, _)| turn.repeat == repeat);
        let mut of: Vec<(&str, f64)> = of.map(|(turn, it)| (turn.store.as_str(), *it)).collect();
        of.sort_by(|one, other| other.1.total_cmp(&one.1));
        of
    };
    let first = ranked(1);
    let names = |of: &[(&str, f64)]| of.iter().map(|it| it.0.to_owned()).collect::<Vec<_>>();
    let same = (2..=repeats).all(|it| names(&ranked(it)) == names(&first));
    let shown: Vec<String> = first.iter().map(|(name, it)| format!("{name} {it:.0}")).collect();
    Some(match (repeats, same) {
        (1, _) => format!("{what}: {}; once, so nothing is decided by it", shown.join(", ")),
        (_, true) => format!(
            "{what}, on this machine: {} first in each of {repeats} repeats ({})",
            first[0].0,
            shown.join(", ")
        ),
        (_, false) => {
            format!("{what}: the order changes from repeat to repeat: nothing is decided")
        }
    })
}

/// Stores that break one promise each, and whether the load says so: that it can fail.
pub fn control(params: &Backends) -> Vec<(Profile, Promise, bool)> {
    const BROKEN: [(Profile, Promise); 4] = [
        (Profile::StaleGet, Promise::Read),
        (Profile::EventualList, Promise::Listed),
        (Profile::SkipsAtBorder, Promise::Since),
        (Profile::IgnoresCondition, Promise::Created),
    ];
    let small = Backends {
        objects: 1,
        probes: 2,
        lists: 1,
        states: params.states.clamp(4, 100),
        ..params.clone()
    };
    let workload = Workload::Backends(small);
    let caught = |(profile, promise): (Profile, Promise)| {
        let load = workload.on(profile);
        let broken = load.tallies().iter().any(|it| it.kept(promise).0 < it.kept(promise).1);
        (profile, promise, broken)
    };
    BROKEN.map(caught).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(store: &str, repeat: u64, params: &Backends) -> Turn {
        let seed = params.store.seed + repeat;
        let store_of = Store { seed, ..params.store.clone() };
        let workload = Workload::Backends(Backends { store: store_of, ..params.clone() });
        let tallies = workload.predicted().tallies().to_vec();
        Turn { store: store.to_owned(), repeat, real: true, tallies }
    }

    #[test]
    fn each_promise_is_seen_to_be_broken_by_a_store_that_breaks_it() {
        for (profile, promise, caught) in control(&Backends::default()) {
            assert!(caught, "{profile:?} breaks {}", promise.name());
        }
    }

    #[test]
    fn a_store_that_breaks_a_promise_is_named_with_it() {
        let params = Backends { states: 20, objects: 50, ..Backends::default() };
        let workload = Workload::Backends(params.clone());
        let predicted = workload.predicted();
        let broken = workload.on(Profile::SkipsAtBorder);
        let turns = vec![
            turn("sound", 1, &params),
            Turn {
                store: "skips".to_owned(),
                repeat: 1,
                real: false,
                tallies: broken.tallies().to_vec(),
            },
        ];
        let said = verdict(&params, &turns, predicted.tallies());
        assert!(said[0].starts_with("sound: every promise kept"), "{said:?}");
        assert!(said[1].contains("skips: list since of row 1: 80 keys, predicted 90"), "{said:?}");
        let table = promises(&turns, predicted.tallies());
        assert_eq!(table.texts()[1][3], "10/20", "{:?}", table.texts());
        assert_eq!(table.texts()[0][6], "yes");
        assert_eq!(table.texts()[1][6], "NO");
    }

    #[test]
    fn an_order_that_changes_decides_nothing() {
        let params = Backends { states: 20, objects: 50, ..Backends::default() };
        let turns: Vec<Turn> =
            [("a", 1), ("b", 1), ("b", 2), ("a", 2)].map(|(it, at)| turn(it, at, &params)).into();
        let said = |values: [f64; 4]| order(&turns, &values, "PUTs a second").unwrap_or_default();
        assert!(said([9.0, 5.0, 4.0, 8.0]).contains("a first in each of 2 repeats (a 9, b 5)"));
        assert!(said([9.0, 5.0, 8.0, 4.0]).contains("nothing is decided"));
        assert!(order(&turns[..1], &[1.0], "PUTs").is_none());
    }
}
