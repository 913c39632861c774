//! Loads on an object store: writes, batches, cold reads, and stores side by side.
//!
//! What a load does is decided here, request by request, before anybody sends anything; the
//! simulated store and a real one are put under the same one. So of what comes out:
//!
//! - **Exact**, on every store that keeps its promises: requests, pages, keys, bytes, batches, and
//!   what they cost. The simulated run predicts them, and a real one is compared for equality.
//! - **Drawn**, and a statement about nothing but the parameters: how long a request takes, hence
//!   throughput, and when a prefix is asked for more than it takes in a second (see
//!   [`params::Store`] for where its figures come from).
//! - **Not modelled**: queues in the client, the network or the server (more in flight makes nothing
//!   slower, until a prefix says 503), connections and TLS, time-outs, and that S3 splits a prefix
//!   in two only after a while: every prefix takes its full rate at once, and never more. Storage,
//!   transfer and requests that were answered by 503 are not on the bill.

mod backends;
mod batching;
mod buffer;
mod cold_reads;
mod figures;
mod latency;
mod load;
pub mod params;
mod puts;
mod simulated;
mod tally;

pub use backends::{Turn, control, promises, times, verdict as compared};
pub use figures::{Cell, Table, joined};
pub use load::{Load, Request};
pub use params::Store;
pub use simulated::{Simulated, wait};
pub use tally::{Counts, Promise, Tally};

use crate::worlds::objects::Profile;
use load::Phase;
use params::{Backends, Batching, ColdReads, Puts};
use serde_json::{Map, Value};
use sim::model::Params;
use sim::registry::{SetupError, read, to_map};

/// The loads there are by name, each with what it shows.
pub const LOADS: [(&str, &str); 4] = [
    ("puts", "small objects over many prefixes: how long a PUT takes, how many a second, 503s"),
    ("batching", "snapshots an object: PUTs, the monthly bill, what the wait in the buffer adds"),
    ("cold-reads", "a run read back: pages of all and since the middle, and the GETs after them"),
    ("backends", "one store after the other, in turns: promises, counts, this machine's times"),
];

/// A load with its parameters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Workload {
    /// `puts`
    Puts(Puts),
    /// `batching`
    Batching(Batching),
    /// `cold-reads`
    ColdReads(ColdReads),
    /// `backends`
    Backends(Backends),
}

/// What a load does, and what is said of what came of it.
trait Measure {
    fn phases(&self) -> Vec<Phase>;
    fn tables(&self, tallies: &[Tally]) -> Vec<Table>;
    fn verdict(&self, tallies: &[Tally]) -> Vec<String>;
    fn store(&self) -> &Store;
}

impl Workload {
    /// The load of that name with what was `given`; none if there is none of that name.
    pub fn read(name: &str, given: &Map<String, Value>) -> Option<Result<Workload, SetupError>> {
        fn of<P: Params>(name: &'static str, given: &Map<String, Value>) -> Result<P, SetupError> {
            read(name, to_map(&P::default()), given)
        }
        let (name, _) = LOADS.iter().find(|it| it.0 == name)?;
        Some(match *name {
            "puts" => of(name, given).map(Workload::Puts),
            "batching" => of(name, given).map(Workload::Batching),
            "cold-reads" => of(name, given).map(Workload::ColdReads),
            _ => of(name, given).map(Workload::Backends),
        })
    }

    fn measure(&self) -> &dyn Measure {
        match self {
            Workload::Puts(it) => it,
            Workload::Batching(it) => it,
            Workload::ColdReads(it) => it,
            Workload::Backends(it) => it,
        }
    }

    /// Its parameters, as `-p` has them.
    pub fn params(&self) -> Map<String, Value> {
        match self {
            Workload::Puts(it) => to_map(it),
            Workload::Batching(it) => to_map(it),
            Workload::ColdReads(it) => to_map(it),
            Workload::Backends(it) => to_map(it),
        }
    }

    /// The store, where it is simulated.
    pub fn store(&self) -> &Store {
        self.measure().store()
    }

    /// All its requests, to be sent.
    pub fn load(&self) -> Load {
        Load::new(self.measure().phases())
    }

    /// What so many requests cost, in nanodollars.
    pub fn price(&self, counts: &Counts) -> u64 {
        let store = self.store();
        (counts.puts + counts.lists) * store.put_price + counts.gets * store.get_price
    }

    /// It, from beginning to end, on a simulated store that keeps its promises.
    pub fn predicted(&self) -> Load {
        self.on(Profile::Strong)
    }

    fn on(&self, profile: Profile) -> Load {
        let mut load = self.load();
        let mut store = Simulated::new(self.store(), profile);
        while store.go_on(&mut load) {}
        load
    }

    /// What came of it, a row for each thing it was measured with. Rows that nothing came of yet
    /// are left out.
    pub fn tables(&self, tallies: &[Tally]) -> Vec<Table> {
        self.measure().tables(tallies)
    }

    /// What is to be said of it, a sentence a line.
    pub fn verdict(&self, tallies: &[Tally]) -> Vec<String> {
        self.measure().verdict(tallies)
    }
}

/// In what a load differs from what was predicted of it, a sentence a line: requests, pages, keys
/// or bytes of a phase, or a promise that was not kept.
pub fn differences(predicted: &[Tally], seen: &[Tally]) -> Vec<String> {
    let mut said = Vec::new();
    for (wanted, got) in predicted.iter().zip(seen) {
        let both = wanted.counts.named().into_iter().zip(got.counts.named());
        let apart = both.filter(|(wanted, counted)| wanted != counted);
        said.extend(apart.map(|((what, wanted), (_, counted))| {
            format!("{} of row {}: {counted} {what}, predicted {wanted}", got.name, got.row + 1)
        }));
        for promise in Promise::ALL {
            let (held, tried) = got.kept(promise);
            if held < tried {
                let (name, row) = (promise.name(), got.row + 1);
                said.push(format!(
                    "{} of row {row}: {name} kept {held} times of {tried}",
                    got.name
                ));
            }
        }
    }
    if predicted.len() != seen.len() {
        said.push(format!("{} of {} phases were measured", seen.len(), predicted.len()));
    }
    said
}

/// The phase of that name for that row, if it has begun.
fn of<'a>(tallies: &'a [Tally], row: usize, name: &str) -> Option<&'a Tally> {
    tallies.iter().find(|it| it.row == row && it.name == name)
}

/// `7000000000` as `7,000,000,000`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Nanodollars in dollars.
fn dollars(nanodollars: u128) -> f64 {
    nanodollars as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn workload(name: &str, given: Value) -> Workload {
        let given = given.as_object().expect("an object");
        Workload::read(name, given).expect("it is a load").expect("it is right")
    }

    #[test]
    fn every_load_can_be_read_back_from_what_it_shows() {
        for (name, _) in LOADS {
            let one = workload(name, json!({}));
            let again = Workload::read(name, &one.params()).expect("it is a load");
            assert_eq!(again, Ok(one));
        }
        assert!(Workload::read("gets", &Map::new()).is_none());
    }

    #[test]
    fn what_is_wrong_is_said_with_what_was_expected() {
        let error = |name, given: Value| {
            let given = given.as_object().cloned().expect("an object");
            let read = Workload::read(name, &given).expect("it is a load");
            read.expect_err("it is wrong").to_string()
        };
        let unknown = error("puts", json!({"batch": "1"}));
        assert!(unknown.starts_with("puts has no parameter 'batch'; there are: objects,"));
        assert_eq!(
            error("puts", json!({"objects": "0"})),
            "puts: objects must be 1 to 1000000, not 0"
        );
        assert_eq!(
            error("puts", json!({"objects": "x"})),
            "puts: objects takes a whole number, not 'x'"
        );
        let list = error("cold-reads", json!({"states": "10,x"}));
        assert!(list.contains("states=\"10,x\": expected whole numbers such as 1,10,20"), "{list}");
        let pair = error("puts", json!({"put_p50_ms": "300"}));
        assert_eq!(pair, "puts: put_p99_ms must be 300 to 600000, not 200");
        assert!(error("batching", json!({"size_kib": "1024"})).contains("51200 KiB"));
    }

    #[test]
    fn the_same_seed_measures_the_same_and_another_takes_other_times() {
        for (name, _) in LOADS {
            let one = workload(name, json!({"seed": 5}));
            let first = one.predicted();
            assert!(first.is_over(), "{name}");
            assert_eq!(first.tallies(), one.predicted().tallies(), "{name}");
            let other = workload(name, json!({"seed": 6})).predicted();
            assert_ne!(first.tallies(), other.tallies(), "{name}");
            assert_eq!(differences(first.tallies(), other.tallies()), [""; 0], "{name}");
            assert_eq!(first.progress().0, first.progress().1, "{name}");
        }
    }

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!(
            [0, 999, 1000, 7_000_000_000].map(grouped),
            ["0", "999", "1,000", "7,000,000,000"]
        );
    }
}
