//! Postgres rows under READ COMMITTED and REPEATABLE READ, as versions.
//!
//! The hard part is an UPDATE that meets a row somebody else is updating. Its WHERE is judged on
//! the statement's snapshot first (no match: 0 rows, at once); a match that is locked by an open
//! transaction waits; and when the holder is done it is judged again, on the newest version after
//! a commit and on the old one after a rollback. That second look is what makes compare-and-swap
//! right, and it is why an UPDATE may change 0 rows although its first look matched. It locks the
//! row before it judges it, so a transaction whose second look changed 0 rows still holds the row
//! until it ends, and whoever waited behind it goes on waiting.
//!
//! An error inside a transaction undoes it at once and lets go of its locks; what is left of it
//! answers 25P02 until the client ends it, by ROLLBACK or by a COMMIT that does nothing.
//!
//! A version that was replaced stays until a vacuum takes it, which must not happen while a
//! snapshot that can see it is held.

use super::Run;
use sim::prelude::*;

pub use super::sql::{Call, Isolation, Reply, Row, Session, Set, Statement, Update};

/// How the dead are buried.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Vacuum {
    /// At once: for models that hold no snapshot.
    AtOnce,
    /// By an autovacuum tick, as a move, and never what a snapshot can see.
    Ticks,
    /// By an autovacuum tick that forgets to ask who is reading.
    IgnoresSnapshots,
}

/// When something happened: in a transaction still open, or with the n-th commit.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Stamp {
    Open(Session),
    At(u64),
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Version {
    row: Row,
    made: Stamp,
    gone: Option<Stamp>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Transaction {
    session: Session,
    isolation: Isolation,
    /// What it sees, once its first statement ran (REPEATABLE READ).
    snapshot: Option<u64>,
    /// Commits before it first wrote: it holds back the dead from then on.
    wrote_at: Option<u64>,
    /// It met an error: nothing of it is left but its end.
    failed: bool,
    /// Its connection was let go; the server has yet to notice.
    orphan: bool,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Chain {
    /// Oldest first.
    versions: Vec<Version>,
    /// An open transaction whose second look left the row as it was, and locked.
    locked: Option<Session>,
    /// Updates that wait for the holder, first come first.
    waiting: Vec<(CallId, Session)>,
}

impl Chain {
    /// Whether somebody waits for a row that nobody holds any more.
    #[inline]
    fn lets_go_on(&self) -> bool {
        let made = |it: &Version| matches!(it.made, Stamp::At(_));
        !self.waiting.is_empty() && self.versions.last().is_some_and(made) && self.locked.is_none()
    }
}

/// The table `run_head` and who works on it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Rows {
    chains: Vec<Chain>,
    open: Vec<Transaction>,
    closed: Vec<Session>,
    commits: u64,
    vacuum: Vacuum,
    vacuum_due: bool,
    second_look: Option<CallId>,
    /// A commit that set a row's number back: the row, from where and to where.
    went_back: Option<(Run, u64, u64)>,
}

impl Rows {
    /// A table with one row for each of `runs`, all at 0.
    pub fn new(runs: u16, vacuum: Vacuum) -> Self {
        // There is room for what a short run does: it is made for every seed.
        let chain = |_| {
            let mut versions = Vec::with_capacity(8);
            versions.push(Version { row: Row::default(), made: Stamp::At(0), gone: None });
            Chain { versions, locked: None, waiting: Vec::new() }
        };
        Rows {
            chains: (0..runs).map(chain).collect(),
            open: Vec::with_capacity(8),
            closed: Vec::new(),
            commits: 0,
            vacuum,
            vacuum_due: false,
            second_look: None,
            went_back: None,
        }
    }

    /// The newest committed row of `run`.
    pub fn head(&self, run: Run) -> Row {
        let versions = self.chains[run.index()].versions.iter().rev();
        let committed = |version: &&Version| matches!(version.made, Stamp::At(_));
        versions.filter(committed).map(|version| version.row).next().unwrap_or_default()
    }

    /// How many rows there are.
    pub fn runs(&self) -> usize {
        self.chains.len()
    }

    /// Whether dead versions stay until a vacuum takes them.
    pub fn keeps_dead(&self) -> bool {
        self.vacuum != Vacuum::AtOnce
    }

    /// How many versions of `run` are stored, dead ones included.
    pub fn versions(&self, run: Run) -> usize {
        self.chains[run.index()].versions.len()
    }

    /// The first commit that set a number back: the row, from where and to where.
    pub fn went_back(&self) -> Option<(Run, u64, u64)> {
        self.went_back
    }

    /// A snapshot that is held, and a row it can no longer see because its version was taken.
    pub fn unreadable(&self) -> Option<(Session, Run)> {
        let held = self.open.iter().filter(|it| it.snapshot.is_some());
        held.flat_map(|it| (0..self.chains.len()).map(move |index| (it, Run(index as u16))))
            .find(|(it, run)| self.visible(*run, it.session, it.snapshot.unwrap_or(0)).is_none())
            .map(|(it, run)| (it.session, run))
    }

    pub(super) fn apply(&mut self, from: CallId, call: &Call) -> Poll<Reply> {
        let session = Session { client: from.client, number: call.session };
        self.let_go(from.client, &call.gave_up);
        if self.closed.contains(&session) {
            return Poll::Ready(Reply::Closed);
        }
        let failed = self.open.iter().any(|it| it.session == session && it.failed);
        match &call.statement {
            Statement::Commit => {
                self.end(session, !failed);
                Poll::Ready(if failed { Reply::RolledBack } else { Reply::Done })
            }
            Statement::Rollback => {
                self.end(session, false);
                Poll::Ready(Reply::Done)
            }
            _ if failed => Poll::Ready(Reply::InFailedTransaction),
            Statement::Begin(isolation) => {
                self.begin(from, session, *isolation);
                Poll::Ready(Reply::Done)
            }
            Statement::Select { run } => {
                let snapshot = self.snapshot(session);
                Poll::Ready(Reply::Row(self.visible(*run, session, snapshot).map(|(_, row)| row)))
            }
            Statement::Update(update) => self.update(from, session, update),
        }
    }

    /// Whether two clients' calls may change places.
    pub(super) fn commute(&self, one: (ClientId, &Call), other: (ClientId, &Call)) -> bool {
        use Statement::{Begin, Select};
        let updated = |it: &Call| match it.statement {
            Statement::Update(update) => Some(update),
            _ => None,
        };
        match (&one.1.statement, &other.1.statement) {
            // Transactions are kept in the order they were begun.
            (Begin(_), Begin(_)) => false,
            (Begin(_), _) | (_, Begin(_)) | (Select { .. }, Select { .. }) => true,
            (Select { .. }, _) => updated(other.1).is_some_and(|it| self.is_unseen(other, it)),
            (_, Select { .. }) => updated(one.1).is_some_and(|it| self.is_unseen(one, it)),
            _ => match (updated(one.1), updated(other.1)) {
                (Some(first), Some(second)) => {
                    first.run != second.run
                        && self.is_unseen(one, first)
                        && self.is_unseen(other, second)
                }
                _ => false,
            },
        }
    }

    /// Whether nobody else sees what comes of this UPDATE: its transaction stays open, and is not
    /// one that an error could end.
    fn is_unseen(&self, (client, call): (ClientId, &Call), update: Update) -> bool {
        let session = Session { client, number: call.session };
        match self.open.iter().find(|it| it.session == session) {
            Some(open) => open.isolation == Isolation::ReadCommitted,
            None => {
                let row = self.visible(update.run, session, self.commits);
                row.is_some_and(|(_, row)| !matches(&update, &row))
            }
        }
    }

    fn begin(&mut self, from: CallId, session: Session, isolation: Isolation) {
        // A call adrift lands on a connection that its client no longer holds: whoever hears
        // nothing lets go. No later statement can say so of a client that crashed.
        let orphan = from.slot >= CallId::ADRIFT;
        let (snapshot, wrote_at, failed) = (None, None, false);
        self.open.push(Transaction { session, isolation, snapshot, wrote_at, failed, orphan });
    }

    /// What `session` sees now: commits up to this number.
    fn snapshot(&mut self, session: Session) -> u64 {
        let commits = self.commits;
        match self.open.iter_mut().find(|it| it.session == session) {
            Some(Transaction { isolation: Isolation::RepeatableRead, snapshot, .. }) => {
                *snapshot.get_or_insert(commits)
            }
            _ => commits,
        }
    }

    /// The version of `run` that `session` sees, and where it is stored.
    fn visible(&self, run: Run, session: Session, snapshot: u64) -> Option<(usize, Row)> {
        let seen = |stamp: Stamp| match stamp {
            Stamp::Open(other) => other == session,
            Stamp::At(commit) => commit <= snapshot,
        };
        let versions = self.chains[run.index()].versions.iter().enumerate().rev();
        versions
            .filter(|(_, it)| seen(it.made) && !it.gone.is_some_and(seen))
            .map(|(index, it)| (index, it.row))
            .next()
    }

    fn update(&mut self, from: CallId, session: Session, update: &Update) -> Poll<Reply> {
        let second = self.second_look.take_if(|id| *id == from).is_some();
        let snapshot = self.snapshot(session);
        let Some((index, row)) = self.visible(update.run, session, snapshot) else {
            return self.changed(session, None);
        };
        if !second && !matches(update, &row) {
            return self.changed(session, None);
        }
        let chain = &mut self.chains[update.run.index()];
        let newest = chain.versions.len() - 1;
        let holder = match chain.versions[newest].made {
            Stamp::Open(holder) => Some(holder),
            Stamp::At(_) => chain.locked,
        };
        if holder.is_some_and(|holder| holder != session) {
            chain.waiting.push((from, session));
            return Poll::Pending;
        }
        // Somebody committed since the snapshot was taken: only REPEATABLE READ gets here.
        if index != newest {
            self.fail(session);
            return Poll::Ready(Reply::SerializationFailure);
        }
        if !matches(update, &row) {
            self.keep_locked(update.run, session);
            return self.changed(session, None);
        }
        let (seq, body) = match update.set {
            Set::Next | Set::NextOf(_) => (row.seq + 1, update.body),
            Set::To(seq) => (seq, update.body),
            Set::Same => (row.seq, update.body),
            Set::Token => (row.seq, row.body),
        };
        let row = Row { seq, body, token: update.token.unwrap_or(row.token) };
        chain.versions[newest].gone = Some(Stamp::Open(session));
        chain.versions.push(Version { row, made: Stamp::Open(session), gone: None });
        self.wrote(session);
        self.changed(session, Some(seq))
    }

    /// Whether `session` is in a transaction; from now on that holds back the dead.
    fn wrote(&mut self, session: Session) -> bool {
        let commits = self.commits;
        let open = self.open.iter_mut().find(|it| it.session == session);
        open.map(|it| it.wrote_at.get_or_insert(commits)).is_some()
    }

    /// A second look changed nothing, and its transaction goes on.
    fn keep_locked(&mut self, run: Run, session: Session) {
        if self.wrote(session) {
            self.chains[run.index()].locked = Some(session);
        }
    }

    /// An UPDATE is over; outside of a transaction that commits it.
    fn changed(&mut self, session: Session, seq: Option<u64>) -> Poll<Reply> {
        if !self.open.iter().any(|it| it.session == session) {
            self.settle(session, true);
        }
        Poll::Ready(Reply::Updated(seq))
    }

    /// Undoes what the transaction of `session` did, and leaves it open for its end to be said.
    fn fail(&mut self, session: Session) {
        self.settle(session, false);
        for it in self.open.iter_mut().filter(|it| it.session == session) {
            (it.snapshot, it.wrote_at, it.failed) = (None, None, true);
        }
    }

    /// Ends the transaction of `session`, if it is in one, and commits or undoes what it did.
    fn end(&mut self, session: Session, commit: bool) {
        self.open.retain(|it| it.session != session);
        self.settle(session, commit);
    }

    /// Commits or undoes what `session` did, and lets go of its locks.
    fn settle(&mut self, session: Session, commit: bool) {
        let mine = Stamp::Open(session);
        let at = Stamp::At(self.commits + 1);
        let mut wrote = false;
        for chain in &mut self.chains {
            chain.locked.take_if(|holder| *holder == session);
            if !chain.versions.iter().rev().any(|it| it.made == mine) {
                continue;
            }
            wrote = true;
            if !commit {
                chain.versions.retain(|it| it.made != mine);
            }
            for version in &mut chain.versions {
                if version.made == mine {
                    version.made = at;
                }
                if version.gone == Some(mine) {
                    version.gone = commit.then_some(at);
                }
            }
        }
        if wrote && commit {
            self.notice_going_back();
            self.commits += 1;
            self.vacuum_due = true;
            if self.vacuum == Vacuum::AtOnce {
                self.bury();
            }
        }
    }

    fn notice_going_back(&mut self) {
        for (index, chain) in self.chains.iter().enumerate() {
            if let [.., before, now] = chain.versions.as_slice()
                && now.row.seq < before.row.seq
            {
                let back = (Run(index as u16), before.row.seq, now.row.seq);
                self.went_back.get_or_insert(back);
            }
        }
    }

    #[inline]
    pub(super) fn freed(&mut self) -> Option<CallId> {
        let index = self.chains.iter().position(Chain::lets_go_on)?;
        Some(self.wake(index))
    }

    /// Whoever came first looks at the row again.
    #[inline(never)]
    fn wake(&mut self, index: usize) -> CallId {
        let (id, _) = self.chains[index].waiting.remove(0);
        self.second_look = Some(id);
        id
    }

    /// The clients whose open transactions the server has yet to roll back, each once.
    pub(super) fn orphans(&self) -> impl Iterator<Item = ClientId> + '_ {
        let next = |it: &&Transaction| self.orphan(it.session.client) == Some(it.session);
        self.open.iter().filter(|it| it.orphan).filter(next).map(|it| it.session.client)
    }

    /// The connection of `client` that the server will close next.
    pub(super) fn orphan(&self, client: ClientId) -> Option<Session> {
        let orphan = |it: &&Transaction| it.orphan && it.session.client == client;
        self.open.iter().find(orphan).map(|it| it.session)
    }

    pub(super) fn gone(&mut self, client: ClientId) {
        for it in self.open.iter_mut().filter(|it| it.session.client == client) {
            it.orphan = true;
        }
    }

    /// `client` holds these connections no longer. Their transactions stay open until the server
    /// notices.
    fn let_go(&mut self, client: ClientId, numbers: &[u64]) {
        for number in numbers.iter().copied() {
            let session = Session { client, number };
            let open = self.open.iter_mut().filter(|it| it.session == session);
            open.for_each(|it| it.orphan = true);
        }
    }

    /// The server notices that a client is gone, and rolls back what it left open.
    pub(super) fn close(&mut self, client: ClientId) {
        let session = self.orphan(client).expect("only a connection that was left can be closed");
        for chain in &mut self.chains {
            chain.waiting.retain(|(_, it)| *it != session);
        }
        self.end(session, false);
        self.closed.push(session);
    }

    /// Whether an autovacuum tick has something to look at.
    pub(super) fn vacuum_due(&self) -> bool {
        self.vacuum_due && self.vacuum != Vacuum::AtOnce
    }

    /// Takes the dead; how many it took, and how many a snapshot kept.
    pub(super) fn bury(&mut self) -> (usize, usize) {
        self.vacuum_due = false;
        let held =
            self.open.iter().filter_map(|it| it.snapshot.into_iter().chain(it.wrote_at).min());
        let horizon = match self.vacuum {
            Vacuum::IgnoresSnapshots => self.commits,
            Vacuum::AtOnce | Vacuum::Ticks => held.min().unwrap_or(self.commits),
        };
        let (mut taken, mut kept) = (0, 0);
        for chain in &mut self.chains {
            chain.versions.retain(|it| match it.gone {
                Some(Stamp::At(commit)) if commit <= horizon => {
                    taken += 1;
                    false
                }
                Some(Stamp::At(_)) => {
                    kept += 1;
                    true
                }
                _ => true,
            });
        }
        (taken, kept)
    }
}

/// Whether the WHERE of `update` is true of `row`.
fn matches(update: &Update, row: &Row) -> bool {
    update.seen.is_none_or(|seen| seen == row.seq)
        && update.token.is_none_or(|token| row.token <= token)
        && !matches!(update.set, Set::NextOf(body) if body != row.body)
}
