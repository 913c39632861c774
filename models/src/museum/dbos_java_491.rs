//! DBOS's recovery adopts a workflow that its own process has just begun (dbos-transact-java, issue 491).
//!
//! When a process starts it recovers what was begun before: all that is pending and was created up to
//! now. The clock shows milliseconds. A workflow that is begun in the same millisecond is pending too
//! and not newer than now, so that recovery runs it beside the caller who began it.
//!
//! Put right as in pull request 493: what this process runs is left alone. The hard part is that a
//! clock that shows the same twice orders nothing, and neither "up to" nor "before" is right for both
//! who comes just before it and who comes just after.

use super::AsReported;
use crate::promise::breaks;
use checker::ClientId;
use checker::specs::nothing::Nothing;
use sim::prelude::*;

/// Where it was reported.
pub const LINK: &str = "https://github.com/dbos-inc/dbos-transact-java/issues/491";

const PROMISE: &str = "one-live-execution";

/// The bug.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mutant {
    /// Recovers all that was created up to now, as published.
    AdoptsByTimeAlone,
}

/// The model.
#[derive(Clone)]
pub struct DbosJava {
    mutant: Option<Mutant>,
}

impl Model for DbosJava {
    const NAME: &'static str = "museum/dbos_java_491";
    const ABOUT: &'static str =
        "DBOS's recovery when a process starts, beside the first workflow that it is given";
    const VERSION: u32 = 1;

    type Params = AsReported;
    type Mutant = Mutant;
    const MUTANTS: &'static [Mutation<Mutant>] = &[breaks(
        Mutant::AdoptsByTimeAlone,
        PROMISE,
        "created in the millisecond that the start ended in, as published: it is running here",
    )];
    const GUARD: Option<Mutant> = Some(Mutant::AdoptsByTimeAlone);

    type World = Process;
    type Spec = Nothing;

    fn new(_sizes: AsReported, mutant: Option<Mutant>) -> Self {
        DbosJava { mutant }
    }

    fn clients(&self) -> u16 {
        2
    }

    fn role(&self, client: ClientId) -> char {
        if client.0 == 0 { 'r' } else { 'c' }
    }

    fn worlds(&self) -> Vec<Process> {
        vec![Process::default()]
    }

    fn spec(&self) -> Nothing {
        Nothing
    }

    fn invariant(&self, _before: Option<&Process>, now: &Process) -> Result<(), Violation> {
        now.one_live_execution().map_err(|why| Violation::new(Property::named(PROMISE), why))
    }

    async fn client(self, io: Io<Self>) {
        // What silence hides is found by the next recovery.
        let _ = match io.me() {
            ClientId(0) => self.recover(&io).await,
            _ => begin(&io).await,
        };
    }
}

/// Asks until the process has started, or for a while.
async fn begin(io: &Io<DbosJava>) -> Result<(), Lost> {
    for _ in 0..3 {
        if io.call(Call::Begin).await? == Reply::Done {
            break;
        }
    }
    Ok(())
}

impl DbosJava {
    async fn recover(&self, io: &Io<Self>) -> Result<(), Lost> {
        let spares_own = self.mutant != Some(Mutant::AdoptsByTimeAlone);
        let Reply::Now(until) = io.call(Call::ReadClock).await? else { return Ok(()) };
        if io.call(Call::Pending { until, spares_own }).await? == Reply::Found(true) {
            io.call(Call::Execute).await?;
        }
        Ok(())
    }
}

/// What is asked.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Call {
    /// The clock, at the end of the start.
    ReadClock,
    /// Begins the workflow, once the process has started.
    Begin,
    /// Whether it is pending.
    Pending {
        /// And was created up to then.
        until: u8,
        /// And is not running in this process.
        spares_own: bool,
    },
    /// Runs it again, as one that was begun before.
    Execute,
}

/// What is answered.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Reply {
    /// In milliseconds.
    Now(u8),
    /// Whether there is one.
    Found(bool),
    /// It runs, or did not have to.
    Done,
    /// The process has yet to start.
    NotStarted,
}

/// A millisecond passes.
const TICK: u8 = 0;
/// Milliseconds that pass.
const LATEST: u8 = 2;

/// One process, its clock and the one workflow.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Process {
    now: u8,
    started: bool,
    created: Option<u8>,
    /// Who runs it.
    running: Vec<ClientId>,
}

impl Process {
    /// A process that is gone runs nothing, whatever it had begun.
    fn run(&mut self, from: CallId) {
        if from.slot < CallId::ADRIFT {
            self.running.push(from.client);
        }
    }

    fn begin(&mut self, from: CallId) -> Reply {
        if !self.started {
            return Reply::NotStarted;
        }
        if self.created.is_none() {
            self.created = Some(self.now);
            self.run(from);
        }
        Reply::Done
    }

    fn one_live_execution(&self) -> Result<(), String> {
        match self.running.len() {
            0 | 1 => Ok(()),
            times => Err(format!("the workflow runs {times} times at once, in one process")),
        }
    }
}

impl World for Process {
    type Call = Call;
    type Reply = Reply;
    const MOVES: &'static [&'static str] = &["tick"];

    fn apply(&mut self, from: CallId, call: &Call) -> Poll<Reply> {
        Poll::Ready(match *call {
            Call::ReadClock => {
                self.started = true;
                Reply::Now(self.now)
            }
            Call::Begin => self.begin(from),
            Call::Pending { until, spares_own } => {
                let spared = spares_own && !self.running.is_empty();
                Reply::Found(self.created.is_some_and(|created| created <= until) && !spared)
            }
            Call::Execute => {
                self.run(from);
                Reply::Done
            }
        })
    }

    fn moves(&self, moves: &mut Moves) {
        if self.now < LATEST {
            moves.due(TICK, 0);
        }
    }

    fn advance(&mut self, _chosen: Move) {
        self.now += 1;
    }

    fn gone(&mut self, client: ClientId) {
        self.running.retain(|it| *it != client);
    }
}

impl Legible for Process {
    fn ask(call: &Call) -> String {
        match call {
            Call::ReadClock => "started; read the clock".to_owned(),
            Call::Begin => "begin the workflow".to_owned(),
            Call::Pending { until, .. } => format!("SELECT pending WHERE created_at <= {until}"),
            Call::Execute => "recover the workflow".to_owned(),
        }
    }

    fn answer(_call: &Call, reply: &Reply) -> String {
        match reply {
            Reply::Now(now) => format!("{now} ms"),
            Reply::Found(found) => if *found { "one" } else { "none" }.to_owned(),
            Reply::Done => "done".to_owned(),
            Reply::NotStarted => "not started".to_owned(),
        }
    }

    fn columns(&self) -> Vec<(&'static str, String)> {
        let running: Vec<_> = self.running.iter().map(|it| format!("c{}", it.0)).collect();
        vec![("ms", self.now.to_string()), ("run by", running.join(", "))]
    }
}
