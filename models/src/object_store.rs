//! `object_store`: writers put objects, readers list them in pages, and what was acknowledged is
//! there at once.
//!
//! The promises are the ones a snapshot log leans on (seed 000, workstream B4): read-after-write,
//! list-after-write, "all since N" complete, and one winner for one `If-None-Match: *`. A listing in
//! pages is no snapshot: keys may appear while it runs. What it must not do is miss a key that was
//! acknowledged before it began.
//!
//! `about` asks for one promise alone, in the shape of a race: every writer at one object. Another
//! of its promises is that one `If-Match` of what an object was has one winner.

use crate::worlds::objects::{Body, Profile, When};
use crate::worlds::rows::Vacuum;
use crate::worlds::slow_down::Rate;
use crate::worlds::{Door, SLOWED, Services};
use checker::specs::objects::{Objects, Op, Ret};
use sim::prelude::*;
use std::ops::Range;

/// How it is sized.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sizes {
    /// How many writers.
    pub writers: u16,
    /// How many readers.
    pub readers: u16,
    /// How many objects each writer puts.
    pub objects: u32,
    /// How many keys a page holds.
    pub page: u32,
    /// Whether writers look whether there is such an object before they put it.
    pub looks: bool,
    /// How many PUTs the store takes in a second, and GETs in proportion; 0: any number.
    pub puts_per_second: u32,
    /// Which promise the clients are about.
    pub about: About,
    /// The number of the first object: more than 0 where a run began elsewhere.
    pub first: u32,
}

/// Which promise the clients are about.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum About {
    /// All: writers put objects of their own, read and list them, then race to create one more.
    All,
    /// Writers put one object, and each reads it.
    ReadAfterWrite,
    /// Writers put an object each, and list what there is.
    ListAfterWrite,
    /// Writers create one object, if it is not there.
    IfNoneMatch,
    /// Writers replace one object, if it is still what it was at first.
    IfMatch,
}

/// The promises that can be asked for alone, by what a reader calls them.
pub const PROMISES: [(About, &str); 4] = [
    (About::ReadAfterWrite, "read-after-write"),
    (About::ListAfterWrite, "list-after-write"),
    (About::IfNoneMatch, "one If-None-Match winner"),
    (About::IfMatch, "one If-Match winner"),
];

impl Default for Sizes {
    fn default() -> Self {
        Sizes {
            writers: 2,
            readers: 1,
            objects: 3,
            page: 2,
            looks: false,
            puts_per_second: 0,
            about: About::All,
            first: 0,
        }
    }
}

impl Sizes {
    fn numbers(&self) -> Range<u32> {
        self.first..self.first + self.objects
    }
}

impl Params for Sizes {
    const SIZES: &'static [&'static str] = &["writers", "readers", "objects"];

    fn check(&self) -> Result<(), String> {
        within("writers", self.writers, 1..=64)?;
        within("readers", self.readers, 0..=64)?;
        within("objects", self.objects, 1..=10_000)?;
        within("first", self.first, 0..=1_000_000)?;
        within("page", self.page, 1..=1000)?;
        within("puts_per_second", self.puts_per_second, 0..=1_000_000)
    }
}

/// The ways the store is broken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mutant {
    /// A key appears in listings some time after its PUT.
    EventualList,
    /// A page that goes on after a key skips one (MinIO #21463).
    SkipsAtBorder,
    /// Listings come from a replica that lags.
    StaleReplica,
    /// Reads come from a replica that lags.
    StaleGet,
    /// A conditional PUT asks a replica that lags.
    SplitCondition,
    /// That there is no such object is remembered beyond its PUT.
    NegativeCache,
    /// A full page says that it is the last.
    EndsEarly,
    /// A page that goes on after a key is empty.
    OnePage,
    /// A page that goes on after a key begins with it.
    RepeatsAtBorder,
    /// Pages that go on come from an earlier listing's cache.
    CachedListing,
    /// Listings leave out what lies on a bad disk.
    FlappingKeys,
    /// A conditional PUT checks first and writes later.
    ChecksThenWrites,
    /// A conditional PUT is a PUT.
    IgnoresCondition,
    /// "503 SlowDown" is taken for done.
    SlowDownIsDone,
}

use Mutant::*;

/// The model.
#[derive(Clone)]
pub struct ObjectStore {
    sizes: Sizes,
    mutant: Option<Mutant>,
}

/// What every key begins with.
const PREFIX: &str = "runs/run-0/";
/// How many names a race lists at most: all of them.
const PAGE: u32 = 1000;
/// What an object of a race by `If-Match` says at first; no client's number is so large.
const AT_FIRST: u64 = 1 << 48;
/// How often a writer looks for that object before it gives up.
const LOOKS: u32 = 100;

/// A conditional PUT found the object there.
const NOT_CREATED: &str = "creations refused";
/// A conditional PUT found that the object was replaced.
const NOT_REPLACED: &str = "replacements refused";

impl Model for ObjectStore {
    const NAME: &'static str = "object_store";
    const ABOUT: &'static str = "objects are readable and listed as soon as their PUT is acknowledged";
    const VERSION: u32 = 1;

    type Params = Sizes;
    type Mutant = Mutant;
    const MUTANTS: &'static [Mutation<Mutant>] = &[
        Mutation {
            mutant: EventualList,
            breaks: Property::LIST_AFTER_WRITE,
            how: "a key appears in listings some time after its PUT, as in S3 before December 2020",
            params: &[],
        },
        Mutation {
            mutant: SkipsAtBorder,
            breaks: Property::SINCE_COMPLETE,
            how: "a page that goes on after a key skips the first one it should name (minio#21463)",
            params: &[],
        },
        Mutation {
            mutant: StaleReplica,
            breaks: Property::LIST_AFTER_WRITE,
            how: "listings come from a replica that lags",
            params: &[],
        },
        Mutation {
            mutant: StaleGet,
            breaks: Property::READ_AFTER_WRITE,
            how: "reads come from a replica that lags, as in S3 before December 2020",
            params: &[],
        },
        Mutation {
            mutant: SplitCondition,
            breaks: Property::ONE_WINNER,
            how: "If-None-Match is checked on a replica that lags: two creators (rustfs#1659)",
            params: &[],
        },
        Mutation {
            mutant: NegativeCache,
            breaks: Property::READ_AFTER_WRITE,
            how: "a 404 from before the PUT is answered again after it, as in S3 before December 2020",
            params: &[("looks", "true")],
        },
        Mutation {
            mutant: EndsEarly,
            breaks: Property::SINCE_COMPLETE,
            how: "IsTruncated=false on a full page (minio#19257, seaweedfs#10652)",
            params: &[],
        },
        Mutation {
            mutant: OnePage,
            breaks: Property::SINCE_COMPLETE,
            how: "the second page is empty: its token is read wrongly (seaweedfs#8287, minio#6032)",
            params: &[],
        },
        Mutation {
            mutant: RepeatsAtBorder,
            breaks: Property::SINCE_COMPLETE,
            how: "a page begins with the key it should go on after (seaweedfs#3166, seaweedfs#3436)",
            params: &[],
        },
        Mutation {
            mutant: CachedListing,
            breaks: Property::SINCE_COMPLETE,
            how: "a page that goes on comes from an older listing's cache (minio#16520, minio#12587)",
            params: &[],
        },
        Mutation {
            mutant: FlappingKeys,
            breaks: Property::LIST_AFTER_WRITE,
            how: "a listing asks too few disks and leaves out what a bad one holds (minio#14635)",
            params: &[],
        },
        Mutation {
            mutant: ChecksThenWrites,
            breaks: Property::ONE_WINNER,
            how: "If-None-Match is checked, and the object written later: two creators",
            params: &[],
        },
        Mutation {
            mutant: IgnoresCondition,
            breaks: Property::ONE_WINNER,
            how: "If-None-Match is accepted and not looked at (mountx#19)",
            params: &[],
        },
        Mutation {
            mutant: SlowDownIsDone,
            breaks: Property::READ_AFTER_WRITE,
            how: "503 SlowDown is taken for done: nothing was written",
            params: &[("puts_per_second", "1")],
        },
    ];

    type World = Services;
    type Spec = Objects;

    fn new(sizes: Sizes, mutant: Option<Mutant>) -> Self {
        ObjectStore { sizes, mutant }
    }

    fn clients(&self) -> u16 {
        match self.sizes.about {
            About::All => self.sizes.writers + self.sizes.readers,
            _ => self.sizes.writers,
        }
    }

    fn role(&self, client: ClientId) -> char {
        if client.0 < self.sizes.writers { 'w' } else { 'r' }
    }

    fn worlds(&self) -> Vec<Services> {
        let mut services = Services::new(0, false, Vacuum::AtOnce, self.profile());
        if self.sizes.puts_per_second > 0 {
            services.objects = services.objects.limited(Rate::of_puts(self.sizes.puts_per_second));
        }
        vec![services]
    }

    fn spec(&self) -> Objects {
        Objects::default()
    }

    async fn client(self, io: Io<Self>) {
        let store = Store { model: &self, io: &io, services: &Door::new(&io) };
        match self.sizes.about {
            About::All if io.me().0 < self.sizes.writers => store.write().await,
            About::All => store.read_since().await,
            about => {
                for n in self.sizes.numbers() {
                    store.race(about, n).await;
                }
            }
        }
    }

    fn sometimes(&self) -> Vec<&'static str> {
        let mut sometimes = vec!["late effects"];
        let about = self.sizes.about;
        if self.sizes.writers > 1 && matches!(about, About::All | About::IfNoneMatch) {
            sometimes.push(NOT_CREATED);
        }
        if self.sizes.writers > 1 && about == About::IfMatch {
            sometimes.push(NOT_REPLACED);
        }
        if self.sizes.readers > 0 && about == About::All {
            sometimes.push("pages after the first");
        }
        if self.sizes.puts_per_second == 1 && self.sizes.objects > 1 {
            sometimes.push(SLOWED);
        }
        sometimes
    }

    fn steps_max(&self) -> usize {
        20_000 + 100 * self.sizes.objects as usize * usize::from(self.clients())
    }
}

impl ObjectStore {
    fn profile(&self) -> Profile {
        match self.mutant {
            None | Some(SlowDownIsDone) => Profile::Strong,
            Some(EventualList) => Profile::EventualList,
            Some(SkipsAtBorder) => Profile::SkipsAtBorder,
            Some(StaleReplica) => Profile::StaleReplica,
            Some(StaleGet) => Profile::StaleGet,
            Some(SplitCondition) => Profile::SplitCondition,
            Some(NegativeCache) => Profile::NegativeCache,
            Some(EndsEarly) => Profile::EndsEarly,
            Some(OnePage) => Profile::OnePage,
            Some(RepeatsAtBorder) => Profile::RepeatsAtBorder,
            Some(CachedListing) => Profile::CachedListing,
            Some(FlappingKeys) => Profile::FlappingKeys,
            Some(ChecksThenWrites) => Profile::ChecksThenWrites,
            Some(IgnoresCondition) => Profile::IgnoresCondition,
        }
    }
}

/// One client's view of the store; every call is an operation of the history.
struct Store<'a> {
    model: &'a ObjectStore,
    io: &'a Io<ObjectStore>,
    services: &'a Door<'a, ObjectStore>,
}

impl Store<'_> {
    /// Puts objects under keys of its own and checks each, then races for one key.
    async fn write(&self) {
        let sizes = &self.model.sizes;
        for n in sizes.numbers() {
            let seq = n * u32::from(sizes.writers) + u32::from(self.io.me().0) + 1;
            let key = format!("{PREFIX}{seq:08}");
            if sizes.looks {
                self.get(&key).await;
            }
            if self.put(&key, When::Always).await.is_some() {
                self.get(&key).await;
                self.list(&key, sizes.page).await;
            }
        }
        self.create(&format!("{PREFIX}claim")).await;
    }

    /// One race, at the object of that number.
    async fn race(&self, about: About, n: u32) {
        let key = format!("{PREFIX}{n:08}");
        match about {
            About::All => unreachable!("it is no race"),
            About::ReadAfterWrite => {
                if self.put(&key, When::Always).await.is_some() {
                    self.get(&key).await;
                }
            }
            About::ListAfterWrite => {
                let own = format!("{key}-{:04}", self.io.me().0);
                if self.put(&own, When::Always).await.is_some() {
                    self.list(&key, PAGE).await;
                }
            }
            About::IfNoneMatch => self.create(&key).await,
            About::IfMatch => self.replace(&key, AT_FIRST + u64::from(n)).await,
        }
    }

    async fn create(&self, key: &str) {
        if self.put(key, When::Absent).await == Some(false) {
            self.io.mark(NOT_CREATED);
        }
    }

    /// The first writer makes what all want to replace. They go off when they have seen it.
    async fn replace(&self, key: &str, first: u64) {
        if self.io.me().0 == 0 {
            self.put_value(key, first, When::Absent).await;
        }
        for _ in 0..LOOKS {
            if self.get(key).await == Some(true) {
                if self.put(key, When::Is(first)).await == Some(false) {
                    self.io.mark(NOT_REPLACED);
                }
                return;
            }
            self.services.sleep(1).await;
        }
    }

    async fn put(&self, key: &str, when: When) -> Option<bool> {
        self.put_value(key, self.io.unique(), when).await
    }

    /// Whether it was written; nothing if nobody answered.
    async fn put_value(&self, key: &str, value: u64, when: When) -> Option<bool> {
        let asked = self.io.begin(Op::Put {
            key: key.to_owned(),
            value,
            if_none_match: when == When::Absent,
            if_match: match when {
                When::Is(old) => Some(old),
                When::Always | When::Absent => None,
            },
        });
        let body = Body { by: value, after: 0 };
        let sent = match self.model.mutant {
            Some(SlowDownIsDone) => self.services.put_hastily(key.to_owned(), body, when).await,
            _ => self.services.put(key.to_owned(), body, when).await,
        };
        let written = sent.ok()?;
        asked.end(if written { Ret::Done } else { Ret::Refused });
        Some(written)
    }

    /// Whether it was there; nothing if nobody answered.
    async fn get(&self, key: &str) -> Option<bool> {
        let asked = self.io.begin(Op::Get { key: key.to_owned() });
        let body = self.services.get(key.to_owned()).await.ok()?;
        asked.end(Ret::Value(body.map(|body| body.by)));
        Some(body.is_some())
    }

    /// Lists what begins like this, one page of it: is it there?
    async fn list(&self, prefix: &str, page: u32) {
        let prefix = prefix.to_owned();
        let op = Op::List { prefix: prefix.clone(), start_after: None, limit: Some(page) };
        let asked = self.io.begin(op);
        if let Ok((keys, truncated)) = self.services.list(prefix, None, page).await {
            asked.end(Ret::Keys { keys, truncated: Some(truncated) });
        }
    }

    /// Reads all there is, and then all since the middle.
    async fn read_since(&self) {
        let page = self.model.sizes.page;
        let mut start_after: Option<String> = None;
        for _ in 0..2 {
            let asked =
                self.io.begin(Op::Since { prefix: PREFIX.to_owned(), start_after: start_after.clone() });
            let Ok(keys) = self.services.list_all(PREFIX, start_after, page).await else { return };
            if keys.len() > page as usize {
                self.io.mark("pages after the first");
            }
            start_after = keys.get(keys.len() / 2).cloned();
            asked.end(Ret::Keys { keys, truncated: None });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use checker::Verdict;
    use serde_json::{Map, json};
    use sim::scenario::Scenario;
    use sim::session::Plan;

    #[test]
    fn each_promise_alone_is_kept_by_a_sound_store_and_broken_by_its_bug() {
        for ((about, promise), mutant) in PROMISES.into_iter().zip([
            "stale_get",
            "eventual_list",
            "checks_then_writes",
            "checks_then_writes",
        ]) {
            let mut params = Map::new();
            params.insert("about".to_owned(), json!(about));
            params.insert("writers".to_owned(), json!(3));
            let broken = |mutant: Option<&str>| {
                let model = crate::find(ObjectStore::NAME).expect("it is on the list");
                let mut session = model.session(&params, mutant).expect("its parameters");
                (0..200).find(|seed| {
                    let verdict = session.play(&Plan::Seed(Scenario::of(*seed))).verdict;
                    matches!(verdict, Verdict::Fail(_))
                })
            };
            assert_eq!(broken(None), None, "{promise}, sound");
            assert!(broken(Some(mutant)).is_some(), "{promise}, {mutant}");
        }
    }
}
