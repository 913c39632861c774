//! `batching`: the same snapshots one, ten, twenty or fifty an object; fewer PUTs, a longer wait.

use super::buffer::Buffered;
use super::figures::{Cell, Table};
use super::load::{Keys, Phase, Work};
use super::params::{Batching, Store};
use super::tally::{Tally, quantile};
use super::{Measure, dollars, grouped, of};

const PUT: &str = "put";

impl Batching {
    /// PUTs of a month: full batches where only a full one is sent, else as it was here.
    fn monthly_puts(&self, batch: u64, buffered: &Buffered) -> u64 {
        if self.linger_ms == 0 {
            return self.monthly.div_ceil(batch);
        }
        let (puts, snapshots) = (buffered.batches.len() as u128, u128::from(self.snapshots));
        (u128::from(self.monthly) * puts).div_ceil(snapshots) as u64
    }

    fn monthly_dollars(&self, puts: u64) -> f64 {
        dollars(u128::from(puts) * u128::from(self.store.put_price))
    }

    fn batches(&self) -> impl Iterator<Item = (usize, u64, Buffered)> + '_ {
        let all = self.batch.0.iter().enumerate();
        all.map(|(row, batch)| (row, *batch, Buffered::new(self, *batch)))
    }

    fn row(&self, tallies: &[Tally], row: usize) -> Option<Vec<Cell>> {
        let put = of(tallies, row, PUT)?;
        Some(vec![
            Cell::Whole(self.batch.0[row]),
            Cell::Whole(put.counts.puts),
            Cell::Real(put.counts.bytes as f64 / 1024.0 / put.counts.puts.max(1) as f64, 1),
            Cell::Real(put.seconds(), 2),
            Cell::Real(self.snapshots as f64 / put.seconds().max(1e-6), 0),
            Cell::Real(put.ms(50_000), 1),
            Cell::Real(put.ms(99_000), 1),
            Cell::Real(put.ms(99_900), 1),
            Cell::Whole(put.slowed),
        ])
    }
}

/// Milliseconds that so many of 100,000 snapshots waited at most.
fn waited(buffered: &Buffered, of_100_000: u64) -> f64 {
    quantile(&buffered.waits, of_100_000) as f64 / 1000.0
}

impl Measure for Batching {
    fn phases(&self) -> Vec<Phase> {
        let phase = |(row, batch, buffered): (usize, u64, Buffered)| Phase {
            name: PUT,
            row,
            keys: Keys::of_one(format!("batching/{row}-{batch}/")),
            work: Work::Put { count: buffered.batches.len() as u64 },
            sizes: buffered.batches.iter().map(|it| it * self.size_kib * 1024).collect(),
            concurrency: self.concurrency,
        };
        self.batches().map(phase).collect()
    }

    fn tables(&self, tallies: &[Tally]) -> Vec<Table> {
        let columns = [
            "batch",
            "puts",
            "object_kib",
            "seconds",
            "snapshots_per_s",
            "put_p50_ms",
            "put_p99_ms",
            "put_p999_ms",
            "slowed",
        ];
        let rows = (0..self.batch.0.len()).filter_map(|it| self.row(tallies, it)).collect();
        let puts = Table::new("PUT", &columns, rows);
        let bill = |(row, batch, buffered): (usize, u64, Buffered)| {
            of(tallies, row, PUT)?;
            let monthly = self.monthly_puts(batch, &buffered);
            Some(vec![
                Cell::Whole(batch),
                Cell::Whole(monthly),
                Cell::Real(self.monthly_dollars(monthly), 2),
                Cell::Real(waited(&buffered, 50_000), 1),
                Cell::Real(waited(&buffered, 99_000), 1),
                Cell::Real(waited(&buffered, 100_000), 1),
            ])
        };
        let columns =
            ["batch", "monthly_puts", "monthly_usd", "wait_p50_ms", "wait_p99_ms", "wait_max_ms"];
        let rows = self.batches().filter_map(bill).collect();
        vec![puts, Table::new("The bill, and the wait in the buffer", &columns, rows)]
    }

    fn verdict(&self, tallies: &[Tally]) -> Vec<String> {
        let usd = |puts: u64| grouped(self.monthly_dollars(puts).round() as u64);
        let alone = format!("{} PUTs a month, ${}", grouped(self.monthly), usd(self.monthly));
        let mut said = vec![format!("one snapshot an object is {alone}")];
        said.extend(self.batches().filter(|it| it.1 > 1).filter_map(|(row, batch, buffered)| {
            of(tallies, row, PUT)?;
            let monthly = self.monthly_puts(batch, &buffered);
            Some(format!(
                "{batch} an object: {} PUTs a month, ${}; a snapshot waits {:.1} ms in the buffer \
                 (p50; p99 {:.1} ms) where {} come a second",
                grouped(monthly),
                usd(monthly),
                waited(&buffered, 50_000),
                waited(&buffered, 99_000),
                grouped(self.arrivals),
            ))
        }));
        said
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
    fn twenty_an_object_are_a_twentieth_of_the_puts_and_of_the_bill() {
        let workload = Workload::Batching(Batching::default());
        let load = workload.predicted();
        let tables = workload.tables(load.tallies());
        assert_eq!(tables[0].column("puts"), [2000.0, 200.0, 100.0, 40.0]);
        assert_eq!(tables[0].column("object_kib"), [4.0, 40.0, 80.0, 200.0]);
        assert_eq!(tables[1].column("monthly_puts"), [7e9, 7e8, 3.5e8, 1.4e8]);
        assert_eq!(tables[1].column("monthly_usd"), [35_000.0, 3500.0, 1750.0, 700.0]);
        assert_eq!(tables[1].column("wait_max_ms")[0], 0.0);
        assert!(tables[1].column("wait_p99_ms").is_sorted());
        let said = workload.verdict(load.tallies());
        assert!(said[0].ends_with("7,000,000,000 PUTs a month, $35,000"), "{said:?}");
        assert!(said[2].contains("20 an object: 350,000,000 PUTs a month, $1,750;"), "{said:?}");
    }
}
