//! Jobs of a key sent to one partition of a queue, and there to one shard, by hashes of the key.
//!
//! Both are chosen from one hash, and each by what is left of a division. Divide the same number
//! twice and the shard says what the partition has said already: most shards of every partition
//! stay empty for ever. So the partition's number is folded first.

use crate::promise::{Promise, breaks};
use checker::specs::nothing::Nothing;
use sim::prelude::*;

const JOBS: usize = 6;
const PARTITIONS: usize = 8;
const SHARDS: usize = 8;

/// How it is sized.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sizes {
    /// How many partitions.
    pub partitions: u8,
    /// How many shards each of them has.
    pub shards: u8,
    /// The largest hash of a key.
    pub max_hash: u8,
    /// How many jobs are enqueued.
    pub jobs: u8,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes { partitions: 4, shards: 4, max_hash: 15, jobs: 4 }
    }
}

impl Params for Sizes {
    const SIZES: &'static [&'static str] = &["jobs"];

    fn check(&self) -> Result<(), String> {
        within("partitions", self.partitions, 1..=PARTITIONS as u8)?;
        within("shards", self.shards, 1..=SHARDS as u8)?;
        within("max_hash", self.max_hash, 0..=100)?;
        within("jobs", self.jobs, 1..=JOBS as u8)?;
        let hint = "choose max_hash so that each is reached: partitions * shards - 1 is enough";
        self.covered(|hash| self.partition_of(hash)).map_err(|why| format!("{why}; {hint}"))
    }
}

impl Sizes {
    fn hashes(&self) -> impl Iterator<Item = u8> {
        0..=self.max_hash
    }

    fn shard_of(&self, hash: u8) -> u8 {
        hash % self.shards
    }

    /// The hash, folded: what the shard has not used counts too.
    fn partition_of(&self, hash: u8) -> u8 {
        (hash + hash / self.shards) % (self.max_hash + 1) % self.partitions
    }

    /// Whether some key gets from every partition to every shard.
    fn covered(&self, partition_of: impl Fn(u8) -> u8) -> Result<(), String> {
        let mut wanted = (0..self.partitions)
            .flat_map(|partition| (0..self.shards).map(move |shard| (partition, shard)));
        let reached = |hash: u8| (partition_of(hash), self.shard_of(hash));
        match wanted.find(|wanted| self.hashes().all(|hash| reached(hash) != *wanted)) {
            Some((partition, shard)) => {
                Err(format!("no key gets to shard {shard} of partition {partition}"))
            }
            None => Ok(()),
        }
    }
}

/// The ways it is broken.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Mutant {
    /// Chooses the partition from the hash as the shard is chosen.
    SameHash,
    /// Sends a job to the partition whose turn it is.
    PartitionsInTurn,
    /// Sends a job to the shard whose turn it is.
    ShardsInTurn,
    /// Numbers the jobs of each key, and not those of each shard.
    NumbersByKey,
}

const ENQUEUE: u8 = 0;

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Row {
    hash: u8,
    partition: u8,
    shard: u8,
    seq: u8,
}

/// The jobs in the order they were enqueued, and the number each shard gives next.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct State {
    rows: [Option<Row>; JOBS],
    next_seq: [[u8; SHARDS]; PARTITIONS],
    sizes: Constant<Sizes>,
    mutant: Constant<Option<Mutant>>,
}

impl State {
    fn is(&self, mutant: Mutant) -> bool {
        self.mutant.0 == Some(mutant)
    }

    fn rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().flatten()
    }

    /// Where a key's jobs belong.
    fn partition_of(&self, hash: u8) -> u8 {
        let Sizes { partitions, .. } = self.sizes.0;
        if self.is(Mutant::SameHash) { hash % partitions } else { self.sizes.0.partition_of(hash) }
    }

    fn enqueue(&mut self, hash: u8) {
        let sizes = self.sizes.0;
        let turn = self.rows().count();
        let in_turn = |count: u8| turn as u8 % count;
        let partition = match self.is(Mutant::PartitionsInTurn) {
            true => in_turn(sizes.partitions),
            false => self.partition_of(hash),
        };
        let shard = match self.is(Mutant::ShardsInTurn) {
            true => in_turn(sizes.shards),
            false => sizes.shard_of(hash),
        };
        let of_key = self.rows().filter(|row| row.hash == hash).count() as u8;
        let next = &mut self.next_seq[usize::from(partition)][usize::from(shard)];
        let seq = *next;
        *next += 1;
        let seq = if self.is(Mutant::NumbersByKey) { of_key + 1 } else { seq };
        self.rows[turn] = Some(Row { hash, partition, shard, seq });
    }

    fn routed(&self) -> Result<(), String> {
        let of = |row: &Row| (self.partition_of(row.hash), self.sizes.0.shard_of(row.hash));
        match self.rows().find(|row| of(row) != (row.partition, row.shard)) {
            Some(row @ Row { hash, partition, shard, .. }) => {
                let (right, right_shard) = of(row);
                Err(format!(
                    "a job of hash {hash} lies in partition {partition}, shard {shard}, and belongs \
                     in partition {right}, shard {right_shard}"
                ))
            }
            None => Ok(()),
        }
    }

    /// Jobs of one key lie where this says, all in one place.
    fn together(&self, what: &str, place: impl Fn(&Row) -> u8) -> Result<(), String> {
        let split = |row: &&Row| {
            self.rows().any(|other| other.hash == row.hash && place(other) != place(row))
        };
        match self.rows().find(split) {
            Some(row) => Err(format!("jobs of hash {} lie in two {what}", row.hash)),
            None => Ok(()),
        }
    }

    fn numbered(&self) -> Result<(), String> {
        let keys: Vec<_> = self.rows().map(|row| (row.partition, row.shard, row.seq)).collect();
        let twice = keys.iter().enumerate().find(|(index, key)| keys[..*index].contains(key));
        twice.map_or(Ok(()), |(_, (partition, shard, seq))| {
            Err(format!("two jobs of partition {partition}, shard {shard} have the number {seq}"))
        })
    }
}

const PROMISES: &[Promise<State>] = &[
    Promise::new("partition-shard-coverage", |it| it.sizes.0.covered(|hash| it.partition_of(hash))),
    Promise::new("rows-follow-routing", State::routed),
    Promise::new("same-key-same-partition", |it| it.together("partitions", |row| row.partition)),
    Promise::new("same-key-same-shard", |it| it.together("shards", |row| row.shard)),
    Promise::new("seq-unique-within-partition-shard", State::numbered),
];

impl World for State {
    type Call = ();
    type Reply = ();
    const MOVES: &'static [&'static str] = &["enqueue"];

    fn apply(&mut self, _from: CallId, (): &()) -> Poll<()> {
        Poll::Ready(())
    }

    fn moves(&self, moves: &mut Moves) {
        if self.rows().count() < usize::from(self.sizes.0.jobs) {
            self.sizes.0.hashes().for_each(|hash| moves.due(ENQUEUE, hash.into()));
        }
    }

    fn advance(&mut self, Move { arg, .. }: Move) {
        self.enqueue(arg as u8);
    }
}

impl Legible for State {
    fn columns(&self) -> Vec<(&'static str, String)> {
        let place = |row: &Row| format!("{}/{}#{}", row.partition, row.shard, row.seq);
        vec![("jobs", self.rows().map(place).collect::<Vec<_>>().join(" "))]
    }
}

/// The model.
#[derive(Clone)]
pub struct PartitionedRouting {
    sizes: Sizes,
    mutant: Option<Mutant>,
}

impl Model for PartitionedRouting {
    const NAME: &'static str = "awa/partitioned_routing";
    const ABOUT: &'static str = "jobs sent to partitions and shards by hashes of their key";
    const VERSION: u32 = 1;

    type Params = Sizes;
    type Mutant = Mutant;
    const MUTANTS: &'static [Mutation<Mutant>] = &[
        breaks(
            Mutant::SameHash,
            "partition-shard-coverage",
            "chooses partition and shard from the same hash, so that one says the other",
        ),
        breaks(
            Mutant::PartitionsInTurn,
            "rows-follow-routing",
            "sends a job to the partition whose turn it is, whatever its key",
        ),
        breaks(
            Mutant::ShardsInTurn,
            "rows-follow-routing",
            "sends a job to the shard whose turn it is, whatever its key",
        ),
        Mutation::new(
            Mutant::NumbersByKey,
            Property::named("seq-unique-within-partition-shard"),
            // As many hashes as there are shards would give every key a shard of its own.
            &[("max_hash", "31")],
            "numbers the jobs of each key, though keys share shards",
        ),
    ];

    type World = State;
    type Spec = Nothing;

    fn new(sizes: Sizes, mutant: Option<Mutant>) -> Self {
        PartitionedRouting { sizes, mutant }
    }

    fn worlds(&self) -> Vec<State> {
        vec![State {
            rows: [None; JOBS],
            next_seq: [[1; SHARDS]; PARTITIONS],
            sizes: Constant(self.sizes),
            mutant: Constant(self.mutant),
        }]
    }

    fn spec(&self) -> Nothing {
        Nothing
    }

    fn invariant(&self, _before: Option<&State>, now: &State) -> Result<(), Violation> {
        Promise::check(PROMISES, now)
    }

    fn always(&self) -> Vec<Always<State>> {
        Promise::promised(PROMISES).collect()
    }
}
