//! pg-boss fetches two jobs that exclude each other, for ever (timgit/pg-boss, issue 535).
//!
//! Of the jobs of one key one may wait, one may wait to be retried, and one may be active: a unique
//! index of state and key says so. A job fails and waits to be retried, while another of its key
//! waits. A fetch of two picks both, to make both active is refused, and the next fetch picks the
//! same two.
//!
//! Put right as in its version 11.0.8: a fetch makes one of each key active. The hard part is that no
//! two clients collide: the table has got where the only way on is refused, and stays there.

use super::AsReported;
use crate::promise::breaks;
use checker::ClientId;
use checker::specs::nothing::Nothing;
use sim::prelude::*;

/// Where it was reported.
pub const LINK: &str = "https://github.com/timgit/pg-boss/issues/535";

const PROMISE: &str = "fetch-fits-itself";

/// The bug.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mutant {
    /// Picks by age alone, as published.
    FetchesBoth,
}

/// The model.
#[derive(Clone)]
pub struct PgBoss {
    mutant: Option<Mutant>,
}

impl Model for PgBoss {
    const NAME: &'static str = "museum/pg_boss_535";
    const ABOUT: &'static str =
        "pg-boss's fetch of several jobs, of which one of a key may be active";
    const VERSION: u32 = 1;

    type Params = AsReported;
    type Mutant = Mutant;
    const MUTANTS: &'static [Mutation<Mutant>] = &[breaks(
        Mutant::FetchesBoth,
        PROMISE,
        "picks a job and the retry of its key, and is refused both, as published",
    )];
    const GUARD: Option<Mutant> = Some(Mutant::FetchesBoth);

    type World = Queue;
    type Spec = Nothing;

    fn new(_sizes: AsReported, mutant: Option<Mutant>) -> Self {
        PgBoss { mutant }
    }

    fn clients(&self) -> u16 {
        2
    }

    fn role(&self, client: ClientId) -> char {
        if client.0 == 0 { 'w' } else { 's' }
    }

    fn worlds(&self) -> Vec<Queue> {
        vec![Queue::default()]
    }

    fn spec(&self) -> Nothing {
        Nothing
    }

    fn invariant(&self, _before: Option<&Queue>, now: &Queue) -> Result<(), Violation> {
        now.fetch_fits_itself().map_err(|why| Violation::new(Property::named(PROMISE), why))
    }

    async fn client(self, io: Io<Self>) {
        // What silence hides expires, which is another's to see.
        let _ = match io.me() {
            ClientId(0) => self.work(&io).await,
            _ => send(&io).await,
        };
    }
}

/// How many jobs are sent.
const SENDS: u8 = 2;
/// How many jobs a fetch picks.
const BATCH: usize = 2;

async fn send(io: &Io<PgBoss>) -> Result<(), Lost> {
    for _ in 0..SENDS {
        io.call(Call::Send).await?;
    }
    Ok(())
}

impl PgBoss {
    /// Fetches, and fails what it is given: it is to be retried.
    async fn work(&self, io: &Io<Self>) -> Result<(), Lost> {
        let one_a_key = self.mutant != Some(Mutant::FetchesBoth);
        for _ in 0..=SENDS {
            if let Reply::Jobs(jobs) = io.call(Call::Fetch { one_a_key }).await? {
                for job in jobs {
                    io.call(Call::Fail { job }).await?;
                }
            }
        }
        Ok(())
    }
}

/// What clients ask, all of one key.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Call {
    /// A new job.
    Send,
    /// Makes the oldest that wait active.
    Fetch {
        /// One of each key.
        one_a_key: bool,
    },
    /// A job that is active waits to be retried.
    Fail {
        /// Its number.
        job: usize,
    },
}

/// What they hear.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Reply {
    /// It was done.
    Done,
    /// The jobs that are active now.
    Jobs(Vec<usize>),
    /// An error: SQLSTATE 23505, the unique index.
    Refused,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum State {
    Created,
    Retry,
    Active,
}

/// The jobs of one key, oldest first.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Queue {
    jobs: Vec<State>,
    /// Whether a fetch was refused what it picked, for nobody else's sake.
    stuck: bool,
}

impl Queue {
    fn has(&self, state: State) -> bool {
        self.jobs.contains(&state)
    }

    fn fetch(&mut self, one_a_key: bool) -> Reply {
        let waiting = (0..self.jobs.len()).filter(|job| self.jobs[*job] != State::Active);
        let picked: Vec<_> = waiting.take(if one_a_key { 1 } else { BATCH }).collect();
        let taken = self.has(State::Active);
        self.stuck |= !taken && picked.len() > 1;
        if taken && !picked.is_empty() || picked.len() > 1 {
            return Reply::Refused;
        }
        picked.iter().for_each(|job| self.jobs[*job] = State::Active);
        Reply::Jobs(picked)
    }

    /// A row gets to `state`, unless another of its key is there.
    fn enter(&self, state: State) -> Result<State, Reply> {
        if self.has(state) { Err(Reply::Refused) } else { Ok(state) }
    }

    fn fetch_fits_itself(&self) -> Result<(), String> {
        match self.stuck {
            true => {
                Err("a fetch picks two jobs that must not both be active, as will the next".into())
            }
            false => Ok(()),
        }
    }
}

impl World for Queue {
    type Call = Call;
    type Reply = Reply;

    fn apply(&mut self, _from: CallId, call: &Call) -> Poll<Reply> {
        let done = match *call {
            Call::Send => self.enter(State::Created).map(|state| self.jobs.push(state)),
            Call::Fetch { one_a_key } => return Poll::Ready(self.fetch(one_a_key)),
            Call::Fail { job } => self.enter(State::Retry).map(|state| self.jobs[job] = state),
        };
        Poll::Ready(done.map_or_else(|refused| refused, |()| Reply::Done))
    }
}

impl Legible for Queue {
    fn ask(call: &Call) -> String {
        match call {
            Call::Send => "send".to_owned(),
            Call::Fetch { one_a_key: true } => format!("fetch {BATCH}, one of each key"),
            Call::Fetch { one_a_key: false } => format!("fetch {BATCH}"),
            Call::Fail { job } => format!("fail job {job}"),
        }
    }

    fn answer(_call: &Call, reply: &Reply) -> String {
        match reply {
            Reply::Done => "done".to_owned(),
            Reply::Jobs(jobs) => format!("jobs {jobs:?}"),
            Reply::Refused => "23505".to_owned(),
        }
    }

    fn columns(&self) -> Vec<(&'static str, String)> {
        let said = |state: &State| format!("{state:?}").to_lowercase();
        vec![("jobs", self.jobs.iter().map(said).collect::<Vec<_>>().join(", "))]
    }
}
