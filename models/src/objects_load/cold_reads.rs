//! `cold-reads`: a run of so many states, listed whole and since its middle, and every object got.

use super::figures::{Cell, Table};
use super::load::{Keys, Phase, Work};
use super::params::{ColdReads, Store};
use super::tally::Tally;
use super::{Measure, dollars, grouped, of};

/// The names of the phases of a row.
pub(super) const PRELOAD: &str = "preload";
pub(super) const ALL: &str = "list all";
pub(super) const SINCE: &str = "list since";
pub(super) const GET: &str = "get";

/// The phases that read a run of `states` objects back.
pub(super) fn phases(
    row: usize,
    (states, lists): (u64, u64),
    bytes: u64,
    concurrency: u64,
) -> Vec<Phase> {
    let phase = |name, work, concurrency| Phase {
        name,
        row,
        keys: Keys::of_one(format!("reads/{row}-{states}/")),
        work,
        sizes: vec![bytes],
        concurrency,
    };
    let list = |after| Work::List { after, count: states, times: lists };
    vec![
        phase(PRELOAD, Work::Put { count: states }, concurrency),
        phase(ALL, list(None), 1),
        phase(SINCE, list(Some(states / 2)), 1),
        phase(GET, Work::Get { count: states }, concurrency),
    ]
}

impl ColdReads {
    /// The phases of a row, once all have begun.
    fn row<'a>(&self, tallies: &'a [Tally], row: usize) -> Option<[&'a Tally; 3]> {
        let get = of(tallies, row, GET)?;
        Some([of(tallies, row, ALL)?, of(tallies, row, SINCE)?, get])
    }

    fn rows(
        &self,
        tallies: &[Tally],
        cells: impl Fn(u64, [&Tally; 3]) -> Vec<Cell>,
    ) -> Vec<Vec<Cell>> {
        let rows = self.states.0.iter().enumerate();
        rows.filter_map(|(row, states)| Some(cells(*states, self.row(tallies, row)?))).collect()
    }

    /// What one cold read costs in nanodollars: the pages that list all, and a GET a state.
    fn price(&self, all: &Tally, get: &Tally) -> u128 {
        let (lists, store) = (self.lists.max(1), &self.store);
        u128::from(all.counts.lists / lists) * u128::from(store.put_price)
            + u128::from(get.counts.gets) * u128::from(store.get_price)
    }
}

impl Measure for ColdReads {
    fn phases(&self) -> Vec<Phase> {
        let (lists, bytes, concurrency) = (self.lists, self.size_kib * 1024, self.concurrency);
        let rows = self.states.0.iter().enumerate();
        rows.flat_map(|(row, states)| phases(row, (*states, lists), bytes, concurrency)).collect()
    }

    fn tables(&self, tallies: &[Tally]) -> Vec<Table> {
        let lists = self.lists.max(1);
        let listing = |tally: &Tally| {
            [
                Cell::Whole(tally.counts.lists / lists),
                Cell::Whole(tally.counts.keys / lists),
                Cell::Real(tally.ms(50_000), 1),
                Cell::Real(tally.ms(99_000), 1),
                Cell::Real(tally.ms(99_900), 1),
            ]
        };
        let listed = self.rows(tallies, |states, [all, since, _]| {
            let [pages, keys, p50, p99, _] = listing(since);
            let rate = [Cell::Real(all.per_second(), 1)];
            let since = [pages, keys, p50, p99];
            let whole = [Cell::Whole(states)].into_iter().chain(listing(all)).chain(rate);
            whole.chain(since).collect()
        });
        let got = self.rows(tallies, |states, [all, _, get]| {
            vec![
                Cell::Whole(states),
                Cell::Whole(get.counts.gets),
                Cell::Real(get.seconds(), 3),
                Cell::Real(get.per_second(), 0),
                Cell::Real(get.ms(50_000), 1),
                Cell::Real(get.ms(99_000), 1),
                Cell::Real(get.ms(99_900), 1),
                Cell::Whole(get.slowed),
                Cell::Real(dollars(self.price(all, get)), 6),
            ]
        });
        let columns = [
            "states",
            "pages",
            "keys",
            "list_p50_ms",
            "list_p99_ms",
            "list_p999_ms",
            "list_per_s",
            "since_pages",
            "since_keys",
            "since_p50_ms",
            "since_p99_ms",
        ];
        let fan_out = [
            "states",
            "gets",
            "fan_out_s",
            "get_per_s",
            "get_p50_ms",
            "get_p99_ms",
            "get_p999_ms",
            "slowed",
            "read_usd",
        ];
        vec![
            Table::new("LIST: all, and since the middle", &columns, listed),
            Table::new("GET of all that were listed", &fan_out, got),
        ]
    }

    fn verdict(&self, tallies: &[Tally]) -> Vec<String> {
        let lists = self.lists.max(1);
        let pages = |tally: &Tally| match tally.counts.lists / lists {
            1 => "1 page".to_owned(),
            many => format!("{many} pages"),
        };
        let said = |(row, states): (usize, &u64)| {
            let [all, since, get] = self.row(tallies, row)?;
            let listing = all.ms(50_000) / 1000.0;
            Some(format!(
                "{} states: all in {} ({:.0} ms), since the middle {} keys in {} ({:.0} ms); {} GETs \
                 take {:.2} s with {} in flight, {:.0}% of the cold read",
                grouped(*states),
                pages(all),
                all.ms(50_000),
                grouped(since.counts.keys / lists),
                pages(since),
                since.ms(50_000),
                grouped(get.counts.gets),
                get.seconds(),
                self.concurrency,
                get.seconds() * 100.0 / (get.seconds() + listing).max(1e-9),
            ))
        };
        // The last, which is the longest unless it was asked otherwise, says most.
        self.states.0.iter().enumerate().rev().filter_map(said).collect()
    }

    fn store(&self) -> &Store {
        &self.store
    }
}

#[cfg(test)]
mod tests {
    use super::super::Workload;
    use super::*;

    #[test]
    fn a_thousand_states_are_a_page_and_499_keys_after_the_middle() {
        let workload = Workload::ColdReads(ColdReads::default());
        let load = workload.predicted();
        let tables = workload.tables(load.tallies());
        assert_eq!(tables[0].column("pages"), [1.0, 1.0, 1.0, 5.0]);
        assert_eq!(tables[0].column("keys"), [10.0, 100.0, 1000.0, 5000.0]);
        assert_eq!(tables[0].column("since_pages"), [1.0, 1.0, 1.0, 3.0]);
        assert_eq!(tables[0].column("since_keys"), [4.0, 49.0, 499.0, 2499.0]);
        assert_eq!(tables[1].column("gets"), [10.0, 100.0, 1000.0, 5000.0]);
        // A page is $0.000005, a GET $0.0000004.
        assert_eq!(tables[1].column("read_usd")[2], 0.000405);
    }
}
