//! What a load on an object store is sized by, each variable by the name it is given by.
//!
//! What every load needs, the store, is one struct; what a load adds is its own. A list is a
//! parameter like any other, `1,10,20,50`: the load is measured once for each, a row each.

use crate::objects_load::latency::Latency;
use crate::worlds::slow_down::Rate;
use sim::prelude::*;

/// Numbers, as one types them: `1,10,20,50`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Numbers(pub Vec<u64>);

impl TryFrom<String> for Numbers {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let numbers: Result<Vec<u64>, _> = text.split(',').map(|it| it.trim().parse()).collect();
        numbers.map(Numbers).map_err(|_| "expected whole numbers such as 1,10,20".to_owned())
    }
}

impl From<Numbers> for String {
    fn from(numbers: Numbers) -> String {
        let all: Vec<String> = numbers.0.iter().map(u64::to_string).collect();
        all.join(",")
    }
}

impl Numbers {
    fn check(&self, name: &str, least: u64, most: u64) -> Result<(), String> {
        self.0.iter().try_for_each(|it| within(name, *it, least..=most))
    }
}

/// The store: how long a request takes, how many it takes in a second, and what one costs.
///
/// AWS publishes no distribution. Its guides have a median "in the tens of milliseconds" for
/// requests under 512 KB, "roughly 100-200 milliseconds" for small objects, and 85-90 MB/s a
/// connection, so 30 ms at p50, 200 ms at p99 and 85 MB/s are taken until somebody measures theirs.
/// A prefix takes at least 3,500 PUTs and 5,500 GETs a second. (Amazon S3 User Guide, "Performance
/// guidelines" and "Performance design patterns for Amazon S3"; AWS whitepaper "Best Practices Design
/// Patterns: Optimizing Amazon S3 Performance", "Timeouts and Retries for Latency-Sensitive
/// Applications".) Prices are those of S3 Standard in us-east-1 as its price list has them: $0.005
/// for 1,000 PUTs or LISTs, $0.0004 for 1,000 GETs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Store {
    /// Milliseconds that half of all PUTs take at most, their bytes apart.
    pub put_p50_ms: u64,
    /// Milliseconds that 99% of them do.
    pub put_p99_ms: u64,
    /// The same of GETs.
    pub get_p50_ms: u64,
    /// The same of GETs.
    pub get_p99_ms: u64,
    /// The same of pages of a listing.
    pub list_p50_ms: u64,
    /// The same of pages of a listing.
    pub list_p99_ms: u64,
    /// Megabytes (1e6) a second that a connection carries.
    pub mb_per_s: u64,
    /// PUTs a second that a prefix takes; 0: any number.
    pub put_limit: u64,
    /// GETs and LISTs a second that a prefix takes.
    pub get_limit: u64,
    /// Nanodollars a PUT or a LIST costs: $0.005 for 1,000 is 5000.
    pub put_price: u64,
    /// Nanodollars a GET costs: $0.0004 for 1,000 is 400.
    pub get_price: u64,
    /// Fixes everything that is drawn.
    pub seed: u64,
}

impl Default for Store {
    fn default() -> Self {
        Store {
            put_p50_ms: 30,
            put_p99_ms: 200,
            get_p50_ms: 30,
            get_p99_ms: 200,
            list_p50_ms: 30,
            list_p99_ms: 200,
            mb_per_s: 85,
            put_limit: u64::from(Rate::S3.puts),
            get_limit: u64::from(Rate::S3.gets),
            put_price: 5000,
            get_price: 400,
            seed: 1,
        }
    }
}

impl Store {
    fn check(&self) -> Result<(), String> {
        let pairs = [
            ("put", self.put_p50_ms, self.put_p99_ms),
            ("get", self.get_p50_ms, self.get_p99_ms),
            ("list", self.list_p50_ms, self.list_p99_ms),
        ];
        for (name, half, most) in pairs {
            within(&format!("{name}_p50_ms"), half, 1..=60_000)?;
            within(&format!("{name}_p99_ms"), most, half..=600_000)?;
        }
        within("mb_per_s", self.mb_per_s, 1..=100_000)?;
        within("put_limit", self.put_limit, 0..=1_000_000)?;
        within("get_limit", self.get_limit, 0..=1_000_000)?;
        within("put_price", self.put_price, 0..=1_000_000_000)?;
        within("get_price", self.get_price, 0..=1_000_000_000)
    }

    /// What it takes in a second; none if it takes anything.
    pub(super) fn rate(&self) -> Option<Rate> {
        let most = |limit: u64| if limit == 0 { u32::MAX } else { limit as u32 };
        let limited = self.put_limit > 0 || self.get_limit > 0;
        limited.then(|| Rate { puts: most(self.put_limit), gets: most(self.get_limit) })
    }

    /// How long PUTs, GETs and pages take.
    pub(super) fn latencies(&self) -> [Latency; 3] {
        [
            Latency::new(self.put_p50_ms, self.put_p99_ms),
            Latency::new(self.get_p50_ms, self.get_p99_ms),
            Latency::new(self.list_p50_ms, self.list_p99_ms),
        ]
    }
}

/// Most objects that a load has: a run on a real store is to end.
const OBJECTS: u64 = 1_000_000;
/// Most KiB that an object has.
const KIB: u64 = 1024;

/// `puts`: small objects over many prefixes, by more and more clients.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Puts {
    /// Objects of a row.
    pub objects: u64,
    /// Runs that they are of, a prefix each.
    pub prefixes: u64,
    /// KiB of an object.
    pub size_kib: Numbers,
    /// Requests in flight.
    pub concurrency: Numbers,
    /// The store.
    #[serde(flatten)]
    pub store: Store,
}

impl Default for Puts {
    fn default() -> Self {
        Puts {
            objects: 3000,
            prefixes: 300,
            size_kib: Numbers(vec![1, 4, 16, 64]),
            concurrency: Numbers(vec![32]),
            store: Store::default(),
        }
    }
}

impl Params for Puts {
    fn check(&self) -> Result<(), String> {
        within("objects", self.objects, 1..=OBJECTS)?;
        within("prefixes", self.prefixes, 1..=OBJECTS)?;
        self.size_kib.check("size_kib", 1, KIB)?;
        self.concurrency.check("concurrency", 1, 4096)?;
        self.store.check()
    }
}

/// `batching`: the same snapshots, one or many an object.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Batching {
    /// Snapshots of a row.
    pub snapshots: u64,
    /// Snapshots an object.
    pub batch: Numbers,
    /// KiB of a snapshot.
    pub size_kib: u64,
    /// Requests in flight.
    pub concurrency: u64,
    /// Snapshots a second that come to the process that buffers them.
    pub arrivals: u64,
    /// Milliseconds after which a batch is sent although it is not full; 0: never.
    pub linger_ms: u64,
    /// Snapshots a month, for the bill.
    pub monthly: u64,
    /// The store.
    #[serde(flatten)]
    pub store: Store,
}

impl Default for Batching {
    fn default() -> Self {
        Batching {
            snapshots: 2000,
            batch: Numbers(vec![1, 10, 20, 50]),
            size_kib: 4,
            concurrency: 32,
            arrivals: 500,
            linger_ms: 0,
            // A billion runs of seven snapshots each.
            monthly: 7_000_000_000,
            store: Store::default(),
        }
    }
}

impl Params for Batching {
    fn check(&self) -> Result<(), String> {
        within("snapshots", self.snapshots, 1..=OBJECTS)?;
        self.batch.check("batch", 1, 10_000)?;
        within("size_kib", self.size_kib, 1..=KIB)?;
        let most = self.batch.0.iter().max().copied().unwrap_or(1) * self.size_kib;
        if most > 32 * 1024 {
            return Err(format!("batch and size_kib make objects of {most} KiB: at most 32768"));
        }
        within("concurrency", self.concurrency, 1..=4096)?;
        within("arrivals", self.arrivals, 1..=1_000_000)?;
        within("linger_ms", self.linger_ms, 0..=3_600_000)?;
        within("monthly", self.monthly, 1..=1_000_000_000_000_000)?;
        self.store.check()
    }
}

/// `cold-reads`: runs of more and more states, listed and read.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ColdReads {
    /// Objects of the run that is read.
    pub states: Numbers,
    /// How often each listing is made; the p99 of ten is the longest of them.
    pub lists: u64,
    /// KiB of an object.
    pub size_kib: u64,
    /// GETs in flight; a listing's pages come one after the other.
    pub concurrency: u64,
    /// The store.
    #[serde(flatten)]
    pub store: Store,
}

impl Default for ColdReads {
    fn default() -> Self {
        ColdReads {
            states: Numbers(vec![10, 100, 1000, 5000]),
            lists: 10,
            size_kib: 4,
            concurrency: 32,
            store: Store::default(),
        }
    }
}

impl Params for ColdReads {
    fn check(&self) -> Result<(), String> {
        self.states.check("states", 1, 100_000)?;
        within("lists", self.lists, 1..=10_000)?;
        within("size_kib", self.size_kib, 1..=KIB)?;
        within("concurrency", self.concurrency, 1..=4096)?;
        self.store.check()
    }
}

/// `backends`: writes, cold reads and promises on one store after the other.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Backends {
    /// Objects that are written.
    pub objects: u64,
    /// Runs that they are of, a prefix each.
    pub prefixes: u64,
    /// Objects of the run that is read.
    pub states: u64,
    /// How often each promise is put to the test.
    pub probes: u64,
    /// How often each listing is made.
    pub lists: u64,
    /// How often all of it is done, in the other order every second time.
    pub repeats: u64,
    /// KiB of an object.
    pub size_kib: u64,
    /// Requests in flight.
    pub concurrency: u64,
    /// The store, where it is simulated.
    #[serde(flatten)]
    pub store: Store,
}

impl Default for Backends {
    fn default() -> Self {
        Backends {
            objects: 2000,
            prefixes: 200,
            states: 1000,
            probes: 50,
            lists: 10,
            repeats: 2,
            size_kib: 4,
            concurrency: 32,
            store: Store::default(),
        }
    }
}

impl Params for Backends {
    fn check(&self) -> Result<(), String> {
        within("objects", self.objects, 1..=OBJECTS)?;
        within("prefixes", self.prefixes, 1..=OBJECTS)?;
        within("states", self.states, 1..=100_000)?;
        within("probes", self.probes, 1..=100_000)?;
        within("lists", self.lists, 1..=10_000)?;
        within("repeats", self.repeats, 1..=100)?;
        within("size_kib", self.size_kib, 1..=KIB)?;
        within("concurrency", self.concurrency, 1..=4096)?;
        self.store.check()
    }
}
