//! `puts`: objects over the prefixes of many runs; how long a PUT takes, and when a prefix is full.

use super::figures::{Cell, Table};
use super::load::{Keys, Phase, Work};
use super::params::{Puts, Store};
use super::tally::Tally;
use super::{Measure, grouped, of};

const PUT: &str = "put";

impl Puts {
    /// Size and concurrency of each row.
    fn rows(&self) -> Vec<(u64, u64)> {
        let of = |size: &u64| self.concurrency.0.iter().map(|it| (*size, *it)).collect::<Vec<_>>();
        self.size_kib.0.iter().flat_map(of).collect()
    }
}

impl Measure for Puts {
    fn phases(&self) -> Vec<Phase> {
        let phase = |(row, (size, concurrency)): (usize, (u64, u64))| Phase {
            name: PUT,
            row,
            keys: Keys { base: format!("puts/{row}/"), runs: self.prefixes },
            work: Work::Put { count: self.objects },
            sizes: vec![size * 1024],
            concurrency,
        };
        self.rows().into_iter().enumerate().map(phase).collect()
    }

    fn tables(&self, tallies: &[Tally]) -> Vec<Table> {
        let row = |(row, (size, concurrency)): (usize, (u64, u64))| {
            let put = of(tallies, row, PUT)?;
            let sent = put.counts.puts + put.slowed;
            let slowed = put.slowed as f64 * 100.0 / sent.max(1) as f64;
            Some(vec![
                Cell::Whole(size),
                Cell::Whole(concurrency),
                Cell::Whole(put.counts.puts),
                Cell::Real(put.per_second(), 0),
                Cell::Real(put.counts.bytes as f64 / 1e6 / put.seconds().max(1e-6), 1),
                Cell::Real(put.ms(50_000), 1),
                Cell::Real(put.ms(99_000), 1),
                Cell::Real(put.ms(99_900), 1),
                Cell::Whole(put.slowed),
                Cell::Real(slowed, 2),
            ])
        };
        let columns = [
            "size_kib",
            "concurrency",
            "puts",
            "put_per_s",
            "mb_per_s",
            "put_p50_ms",
            "put_p99_ms",
            "put_p999_ms",
            "slowed",
            "slowed_pct",
        ];
        let rows = self.rows().into_iter().enumerate().filter_map(row).collect();
        vec![Table::new("PUT", &columns, rows)]
    }

    fn verdict(&self, tallies: &[Tally]) -> Vec<String> {
        let rows = self.rows().len();
        let puts: Vec<&Tally> = (0..rows).filter_map(|row| of(tallies, row, PUT)).collect();
        let range = |value: &dyn Fn(&Tally) -> f64, digits: usize| {
            let all = puts.iter().map(|it| value(it));
            let (low, high) = all.fold((f64::MAX, f64::MIN), |(a, b), it| (a.min(it), b.max(it)));
            let (low, high) = (format!("{low:.digits$}"), format!("{high:.digits$}"));
            if low == high { low } else { format!("{low} to {high}") }
        };
        if puts.is_empty() {
            return vec!["no PUT was answered".to_owned()];
        }
        let times = format!(
            "a PUT takes {} ms (p50), {} ms (p99), {} ms (p999); {} a second",
            range(&|it| it.ms(50_000), 1),
            range(&|it| it.ms(99_000), 1),
            range(&|it| it.ms(99_900), 1),
            range(&Tally::per_second, 0),
        );
        let slowed: u64 = puts.iter().map(|it| it.slowed).sum();
        let sent: u64 = slowed + puts.iter().map(|it| it.counts.puts).sum::<u64>();
        let over = match self.prefixes {
            1 => "1 prefix".to_owned(),
            many => format!("{} prefixes", grouped(many)),
        };
        vec![
            times,
            match slowed {
                0 => format!("none of {} PUTs over {over} was asked to slow down", grouped(sent)),
                _ => format!(
                    "{} of {} PUTs over {over} ({:.1}%) were answered by 503 SlowDown and sent again: \
                     more prefixes take more",
                    grouped(slowed),
                    grouped(sent),
                    slowed as f64 * 100.0 / sent as f64,
                ),
            },
        ]
    }

    fn store(&self) -> &Store {
        &self.store
    }
}

#[cfg(test)]
mod tests {
    use super::super::Workload;
    use super::super::params::Numbers;
    use super::*;

    #[test]
    fn a_prefix_that_is_asked_for_more_than_it_takes_says_so_and_takes_no_more() {
        let puts = |prefixes| {
            let store = Store { put_p50_ms: 10, put_p99_ms: 10, ..Store::default() };
            let (size_kib, concurrency) = (Numbers(vec![1]), Numbers(vec![256]));
            Workload::Puts(Puts { objects: 20_000, prefixes, size_kib, concurrency, store })
        };
        // 256 in flight, 7.5 ms each on average: 34,000 a second.
        let one = puts(1).predicted();
        let put = &one.tallies()[0];
        assert!(put.slowed > 0 && put.per_second() <= 3500.0 * 1.2, "{}", put.per_second());
        assert_eq!(put.counts.puts, 20_000);
        let many = puts(100).predicted();
        assert_eq!(many.tallies()[0].slowed, 0);
        assert!(many.tallies()[0].per_second() > 20_000.0);
        let said = puts(1).verdict(one.tallies()).join("\n");
        assert!(said.contains("503 SlowDown"), "{said}");
    }

    #[test]
    fn a_larger_object_takes_the_time_of_its_bytes_more() {
        let store = Store { put_p50_ms: 30, put_p99_ms: 30, mb_per_s: 1, ..Store::default() };
        let workload = Workload::Puts(Puts { store, ..Puts::default() });
        let load = workload.predicted();
        let p50: Vec<f64> = load.tallies().iter().map(|it| it.ms(50_000)).collect();
        // 63 KiB more at 1 MB a second.
        assert!((p50[3] - p50[0] - 64.5).abs() < 0.5, "{p50:?}");
        let table = workload.tables(load.tallies()).remove(0);
        assert_eq!(table.column("size_kib"), [1.0, 4.0, 16.0, 64.0]);
    }
}
