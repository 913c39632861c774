//! A program in the middle: what the world may be by now, and the server beside it.
//!
//! There may be several worlds, one for each order in which those whom a step let on may have been
//! served; what the server answers says which of them it was.

use super::program::{Program, SCHEMA};
use super::sql::{Said, Tabular, text};
use super::{Counts, Line};
use crate::exact::Trouble;
use crate::exact::sessions::Sessions;
use models::worlds::tables::{Call, Reply, Session, Statement, Tables};
use sim::prelude::{CallId, ClientId};
use std::collections::BTreeMap;
use std::task::Poll;
use std::time::Duration;
use tokio::time::sleep;

/// Whoever was let on and waits again looks for a deadlock within this time: the next step must
/// not come before that. It decides who finds one, and nothing else.
const SETTLES: Duration = Duration::from_millis(5);

/// What a step may come to: a world, and what was said to whom.
#[derive(Clone, PartialEq)]
struct Branch {
    world: Tables,
    told: BTreeMap<usize, Poll<Reply>>,
}

impl Branch {
    /// What a session was told; who is not in it waits still.
    fn told(&self, session: usize) -> &Poll<Reply> {
        self.told.get(&session).unwrap_or(&Poll::Pending)
    }
}

pub(super) fn call(statement: &Statement) -> Call {
    Call { session: 0, gave_up: Vec::new(), statement: statement.clone() }
}

fn id(session: usize) -> CallId {
    CallId { client: ClientId(session as u16), slot: 0 }
}

/// An answer in words.
pub(super) fn told(reply: &Poll<Reply>) -> String {
    let value = |it: &Option<i64>| it.map_or("-".to_owned(), |it| it.to_string());
    let row = |it: &Vec<Option<i64>>| it.iter().map(value).collect::<Vec<_>>().join(" ");
    match reply {
        Poll::Pending => "waits".to_owned(),
        Poll::Ready(Reply::Rows(rows)) => format!("{:?}", rows.iter().map(row).collect::<Vec<_>>()),
        Poll::Ready(Reply::Failed(state)) => format!("error {}", state.code()),
        Poll::Ready(reply) => format!("{reply:?}"),
    }
}

/// Both sides.
pub(super) struct Pair<'a> {
    worlds: Vec<Tables>,
    sessions: &'a mut Sessions<Tabular>,
    /// What each session waits with.
    said: BTreeMap<usize, Statement>,
    lines: Vec<Line>,
    counts: Counts,
}

impl<'a> Pair<'a> {
    pub(super) fn new(world: Tables, sessions: &'a mut Sessions<Tabular>) -> Self {
        let (said, lines, counts) = (BTreeMap::new(), Vec::new(), Counts::default());
        Pair { worlds: vec![world], sessions, said, lines, counts }
    }

    /// Plays all of it; what was said, if the two differ.
    pub(super) async fn play(mut self, program: &Program) -> (Counts, Option<Vec<Line>>) {
        let mut next = vec![0; program.says.len()];
        let mut turns = program.turns.iter().copied();
        loop {
            let may =
                |it: &usize| !self.said.contains_key(it) && next[*it] < program.says[*it].len();
            let session = match turns.next() {
                Some(session) if may(&session) => session,
                Some(_) => continue,
                None => match (0..program.says.len()).find(may) {
                    Some(session) => session,
                    None => break,
                },
            };
            let statement = program.says[session][next[session]].clone();
            next[session] += 1;
            if !self.step(session, statement).await {
                return (self.counts, Some(self.lines));
            }
        }
        match self.sessions.audit().await {
            Ok(()) => (self.counts, None),
            Err(trouble) => {
                self.lines.last_mut().expect("something was said").real = trouble.why().to_owned();
                (self.counts, Some(self.lines))
            }
        }
    }

    /// What each world may come to when `session` says what it is at.
    fn branches(&self, session: usize) -> Vec<Branch> {
        let mut branches = Vec::new();
        for world in &self.worlds {
            let mut world = world.clone();
            let reply = world.apply(id(session), &call(&self.said[&session]));
            let told = [(session, reply)].into_iter().collect();
            self.go_on(Branch { world, told }, &mut branches);
        }
        branches
    }

    /// Lets on whoever may go on, in every order.
    fn go_on(&self, branch: Branch, branches: &mut Vec<Branch>) {
        let freed: Vec<CallId> = branch.world.may_be_freed().collect();
        for it in &freed {
            let session = usize::from(it.client.0);
            let mut next = branch.clone();
            next.world.wake(*it);
            let reply = next.world.apply(*it, &call(&self.said[&session]));
            next.told.insert(session, reply);
            self.go_on(next, branches);
        }
        if freed.is_empty() && !branches.contains(&branch) {
            branches.push(branch);
        }
    }

    /// Says a statement on both sides; whether the server did what some world does.
    async fn step(&mut self, session: usize, statement: Statement) -> bool {
        let sql = text(SCHEMA, &statement);
        self.said.insert(session, statement);
        let branches = self.branches(session);
        let others = branches.iter().flat_map(|it| it.told.keys()).filter(|it| **it != session);
        let mut sessions: Vec<usize> = others.copied().collect();
        sessions.sort_unstable();
        sessions.dedup();
        sessions.insert(0, session);
        let first = &branches[0];
        let mut real = Vec::new();
        for (index, it) in sessions.iter().enumerate() {
            let sql = if index == 0 { sql.clone() } else { String::new() };
            let simulated = told(first.told(*it));
            let answer = self.ask(*it).await;
            let said = answer.as_ref().map_or_else(|it| it.why().to_owned(), told);
            self.lines.push(Line { session: *it, sql, simulated, real: said });
            let Ok(answer) = answer else { return false };
            self.counts.count(&answer, index > 0);
            real.push(answer);
        }
        let is_it = |it: &Branch| sessions.iter().zip(&real).all(|(at, real)| it.told(*at) == real);
        let in_turn = is_it(first);
        self.worlds = branches.into_iter().filter(is_it).map(|it| it.world).collect();
        self.counts.races += u64::from(!in_turn);
        for (session, _) in sessions.iter().zip(&real).filter(|(_, real)| real.is_ready()) {
            self.said.remove(session);
        }
        if sessions.len() > 1 {
            sleep(SETTLES).await;
        }
        !self.worlds.is_empty()
    }

    async fn ask(&mut self, session: usize) -> Result<Poll<Reply>, Trouble> {
        let id = id(session);
        let said = Said { schema: SCHEMA, statement: self.said[&session].clone() };
        self.sessions.apply(id, Session { client: id.client, number: 0 }, &said).await
    }
}

impl Counts {
    fn count(&mut self, reply: &Poll<Reply>, again: bool) {
        self.replies += 1;
        match reply {
            Poll::Pending if again => self.waits_again += 1,
            Poll::Pending => self.waits += 1,
            Poll::Ready(Reply::Failed(state)) => *self.errors.entry(*state).or_default() += 1,
            Poll::Ready(Reply::Rows(rows)) if again && rows.is_empty() => {
                self.second_looks_missed += 1;
            }
            Poll::Ready(_) => {}
        }
    }
}
