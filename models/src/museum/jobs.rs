//! A table of jobs, as the queues of the museum keep it: rows with a state, updated under a WHERE.
//!
//! Each statement is a transaction of its own, but for [`Call::Pick`], whose row stays locked until
//! its client updates it or is gone. What is hard is to say what went wrong without a word of who is
//! to blame: the table notes what was done to it, and an exhibit says which of that it rules out.

use checker::ClientId;
use sim::prelude::*;

/// What becomes of a job.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum State {
    /// It waits for a worker, for the first time or again.
    Waiting,
    /// A worker is on it.
    Running,
    /// It is done.
    Completed,
    /// It failed for good.
    Discarded,
}

/// Who a row says is on its job.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Owner {
    /// Nobody.
    Nobody,
    /// A process that died before the run began.
    Dead,
    /// A client.
    Client(ClientId),
}

/// A row.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Job {
    /// What becomes of it.
    pub state: State,
    /// How many times it was begun.
    pub attempt: u8,
    /// Who is on it.
    pub owner: Owner,
    /// Whether the lease that its owner took has time left.
    pub leased: bool,
}

impl Job {
    /// A job that nobody has begun.
    pub const NEW: Job =
        Job { state: State::Waiting, attempt: 0, owner: Owner::Nobody, leased: false };
}

/// What an UPDATE asks of a row, beside its number; nothing by default.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Only {
    /// `AND state = ..`
    pub state: Option<State>,
    /// `AND attempt = ..`
    pub attempt: Option<u8>,
    /// `AND owner = ..`
    pub owner: Option<Owner>,
    /// Whether its lease has to stand.
    pub leased: Option<bool>,
    /// Whether no other job may be running: a unique index on the jobs' common lock.
    pub alone: bool,
}

impl Only {
    /// That it is the attempt which `job` was read at, and running.
    pub fn running(job: Job) -> Self {
        Only { state: Some(State::Running), attempt: Some(job.attempt), ..Only::default() }
    }
}

/// What clients ask.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Call {
    /// `SELECT .. WHERE id = job`
    Select {
        /// Its number.
        job: u8,
    },
    /// `UPDATE .. SET state = to WHERE id = job` and `only`. To run a job is to begin an attempt, as
    /// its owner, with a lease; no other state has an owner.
    Update {
        /// Its number.
        job: u8,
        /// What is to become of it.
        to: State,
        /// The rest of the WHERE.
        only: Only,
    },
    /// `SELECT .. FOR UPDATE SKIP LOCKED` of the first job that waits, while no job is running.
    Pick,
    /// The body of a job begins.
    Execute {
        /// Its number.
        job: u8,
    },
}

/// What they hear.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Reply {
    /// The row.
    Row(Job),
    /// The row as an UPDATE left it; nothing: 0 rows.
    Updated(Option<Job>),
    /// The job that was picked and locked.
    Picked(Option<u8>),
    /// It is under way.
    Begun,
}

/// A lease runs out.
const LAPSE: u8 = 0;

/// The table, and what was done to it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Jobs {
    rows: Vec<Job>,
    /// Who has locked which row.
    locked: Vec<Option<ClientId>>,
    /// Whether there are leases at all.
    leases: Constant<bool>,
    /// A job that had ended, how, and what became of it after all.
    undone: Option<(u8, State, State)>,
    /// How many times a job was completed.
    completions: u8,
    /// Who began the body of a job that was not theirs.
    stranger: Option<ClientId>,
}

impl Jobs {
    /// A table of these rows.
    pub fn new(rows: Vec<Job>) -> Self {
        let locked = vec![None; rows.len()];
        let leases = Constant(false);
        Jobs { rows, locked, leases, undone: None, completions: 0, stranger: None }
    }

    /// The same, where leases run out.
    pub fn with_leases(self) -> Self {
        Jobs { leases: Constant(true), ..self }
    }

    fn meets(&self, job: u8, only: Only) -> bool {
        let row = self.rows[usize::from(job)];
        only.state.is_none_or(|it| it == row.state)
            && only.attempt.is_none_or(|it| it == row.attempt)
            && only.owner.is_none_or(|it| it == row.owner)
            && only.leased.is_none_or(|it| it == row.leased)
            && !(only.alone && self.running() > 0)
    }

    fn running(&self) -> usize {
        self.rows.iter().filter(|it| it.state == State::Running).count()
    }

    fn update(&mut self, from: ClientId, job: u8, to: State, only: Only) -> Option<Job> {
        let index = usize::from(job);
        self.locked[index].take_if(|holder| *holder == from);
        if !self.meets(job, only) {
            return None;
        }
        let row = &mut self.rows[index];
        if matches!(row.state, State::Completed | State::Discarded) && to != row.state {
            self.undone = Some((job, row.state, to));
        }
        let begins = to == State::Running;
        row.state = to;
        row.attempt += u8::from(begins);
        row.owner = if begins { Owner::Client(from) } else { Owner::Nobody };
        row.leased = begins && self.leases.0;
        self.completions += u8::from(to == State::Completed);
        Some(*row)
    }

    fn pick(&mut self, from: ClientId) -> Option<u8> {
        let free = |(row, lock): (&Job, &Option<_>)| row.state == State::Waiting && lock.is_none();
        let found = self.rows.iter().zip(&self.locked).position(free);
        let found = found.filter(|_| self.running() == 0)?;
        self.locked[found] = Some(from);
        Some(found as u8)
    }

    /// A job that has ended stays so.
    pub fn ends_once(&self) -> Result<(), String> {
        self.undone.map_or(Ok(()), |(job, was, to)| {
            Err(format!("job {job} had ended, {was:?}, and was made {to:?}"))
        })
    }

    /// The one job is completed once.
    pub fn completed_once(&self) -> Result<(), String> {
        match self.completions {
            0 | 1 => Ok(()),
            times => Err(format!("job 0 was completed {times} times")),
        }
    }

    /// One job runs at a time.
    pub fn one_runs(&self) -> Result<(), String> {
        match self.running() {
            0 | 1 => Ok(()),
            running => Err(format!("{running} jobs of one lock are running")),
        }
    }

    /// Who executes a job is who its row names.
    pub fn executed_by_owner(&self) -> Result<(), String> {
        self.stranger.map_or(Ok(()), |it| Err(format!("c{} executes a job it does not own", it.0)))
    }
}

impl World for Jobs {
    type Call = Call;
    type Reply = Reply;
    const MOVES: &'static [&'static str] = &["lapse"];

    fn apply(&mut self, from: CallId, call: &Call) -> Poll<Reply> {
        Poll::Ready(match *call {
            Call::Select { job } => Reply::Row(self.rows[usize::from(job)]),
            Call::Update { job, to, only } => {
                Reply::Updated(self.update(from.client, job, to, only))
            }
            Call::Pick => Reply::Picked(self.pick(from.client)),
            Call::Execute { job } => {
                if self.rows[usize::from(job)].owner != Owner::Client(from.client) {
                    self.stranger = Some(from.client);
                }
                Reply::Begun
            }
        })
    }

    fn moves(&self, moves: &mut Moves) {
        for (row, number) in self.rows.iter().zip(0..) {
            if row.leased {
                moves.may(LAPSE, number);
            }
        }
    }

    fn advance(&mut self, Move { arg, .. }: Move) {
        self.rows[usize::from(arg)].leased = false;
    }

    fn gone(&mut self, client: ClientId) {
        for lock in &mut self.locked {
            lock.take_if(|holder| *holder == client);
        }
    }
}

impl Legible for Jobs {
    fn ask(call: &Call) -> String {
        match call {
            Call::Select { job } => format!("SELECT job {job}"),
            Call::Update { job, to, only } => format!("UPDATE job {job} to {to:?}{}", asked(only)),
            Call::Pick => "SELECT .. SKIP LOCKED".to_owned(),
            Call::Execute { job } => format!("execute job {job}"),
        }
    }

    fn answer(_call: &Call, reply: &Reply) -> String {
        match reply {
            Reply::Row(row) => format!("{:?}, attempt {}", row.state, row.attempt),
            Reply::Updated(Some(_)) => "1 row".to_owned(),
            Reply::Updated(None) => "0 rows".to_owned(),
            Reply::Picked(Some(job)) => format!("job {job}, locked"),
            Reply::Picked(None) => "none".to_owned(),
            Reply::Begun => "begun".to_owned(),
        }
    }

    fn columns(&self) -> Vec<(&'static str, String)> {
        let said = |row: &Job| format!("{:?} {}", row.state, row.attempt);
        ["job 0", "job 1"].into_iter().zip(self.rows.iter().map(said)).collect()
    }
}

/// What stands behind the row's number in the WHERE.
fn asked(only: &Only) -> String {
    let state = only.state.map(|it| format!(" AND state = {it:?}"));
    let attempt = only.attempt.map(|it| format!(" AND attempt = {it}"));
    let owner = only.owner.map(|it| match it {
        Owner::Client(client) => format!(" AND owner = c{}", client.0),
        other => format!(" AND owner = {other:?}"),
    });
    let leased = only.leased.map(|it| format!(" AND {}leased", if it { "" } else { "not " }));
    let alone = only.alone.then(|| " AND none runs".to_owned());
    [state, attempt, owner, leased, alone].into_iter().flatten().collect()
}

/// A client's side of the table: the statements one would send.
pub struct Door<'a, M: Model<World = Jobs>>(pub &'a Io<M>);

impl<M: Model<World = Jobs>> Door<'_, M> {
    /// The row as it is now.
    pub async fn select(&self, job: u8) -> Result<Job, Lost> {
        match self.0.call(Call::Select { job }).await? {
            Reply::Row(row) => Ok(row),
            other => unreachable!("a SELECT answers a row, not {other:?}"),
        }
    }

    /// The row as it is after it; nothing: 0 rows.
    pub async fn update(&self, job: u8, to: State, only: Only) -> Result<Option<Job>, Lost> {
        match self.0.call(Call::Update { job, to, only }).await? {
            Reply::Updated(row) => Ok(row),
            other => unreachable!("an UPDATE answers rows, not {other:?}"),
        }
    }

    /// Begins the next attempt of a job that waits.
    pub async fn claim(&self, job: u8) -> Result<Option<Job>, Lost> {
        let waits = Only { state: Some(State::Waiting), ..Only::default() };
        self.update(job, State::Running, waits).await
    }

    /// Locks the first job that waits and is not locked.
    pub async fn pick(&self) -> Result<Option<u8>, Lost> {
        match self.0.call(Call::Pick).await? {
            Reply::Picked(job) => Ok(job),
            other => unreachable!("a pick answers a job, not {other:?}"),
        }
    }

    /// Begins the body of a job.
    pub async fn execute(&self, job: u8) -> Result<(), Lost> {
        self.0.call(Call::Execute { job }).await.map(|_| ())
    }
}
