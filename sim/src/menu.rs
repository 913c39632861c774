//! All that can happen next, kept up to date instead of rebuilt.
//!
//! A step changes little: one call leaves, another comes. So a call is added at the end and the
//! last one fills the place of one that left, both in constant time; and faults are not stored at
//! all, because they are read off what can be lost and who can crash. The price is that the order
//! means nothing, so each entry knows since when it was possible, and the dullest step is asked for
//! by name.

use crate::step::{CallId, Move, Step};
use crate::world::{Moves, World};
use checker::ClientId;

const NO_HOLE: usize = usize::MAX;

/// What can happen next. Choosers see it as a list; the order of the list means nothing.
#[derive(Default)]
pub struct Menu {
    /// Calls to take effect and answers to arrive.
    calls: Vec<Entry<Call>>,
    /// Moves that happen in due course.
    due: Vec<Entry<Move>>,
    /// Moves that may happen: a lease lapses.
    may: Vec<Entry<Move>>,
    /// What may follow a fault: a late call lands, a client comes back.
    after: Vec<Step>,
    /// Calls that wait in the world, and whose clients wait for them: these can be lost too.
    parked: Vec<CallId>,
    /// Clients that can crash.
    running: Vec<ClientId>,
    faults_left: u32,
    now: u32,
    /// Where the call lies that the present step is about: the next one most often takes its place.
    hole: usize,
    offered: Moves,
    spare: Vec<Entry<Move>>,
}

/// A call that is to take effect, or whose answer is to arrive, in one word: a step of the hot
/// path is read and written whole.
#[derive(Clone, Copy, PartialEq)]
struct Call(u32);

impl Call {
    const REPLY: u32 = 1 << 24;

    fn id(self) -> CallId {
        CallId { client: ClientId((self.0 >> 8) as u16), slot: self.0 as u8 }
    }

    fn step(self) -> Step {
        match self.0 & Call::REPLY {
            0 => Step::Apply(self.id()),
            _ => Step::Reply(self.id()),
        }
    }
}

#[derive(Clone, Copy)]
struct Entry<T> {
    it: T,
    /// The step after which it became possible.
    since: u32,
}

impl Menu {
    /// How many steps there are to choose from.
    #[allow(clippy::len_without_is_empty, reason = "whoever chooses is never given an empty one")]
    pub fn len(&self) -> usize {
        self.faults_at() + self.losses() + self.crashes()
    }

    /// The step at `index`, below [`Menu::len`].
    pub fn get(&self, index: usize) -> Step {
        if let Some(call) = self.calls.get(index) {
            return call.it.step();
        }
        let index = index - self.calls.len();
        if let Some(entry) = self.due.get(index) {
            return Step::World(entry.it);
        }
        let index = index - self.due.len();
        if let Some(entry) = self.may.get(index) {
            return Step::World(entry.it);
        }
        let index = index - self.may.len();
        if let Some(step) = self.after.get(index) {
            return *step;
        }
        assert!(self.faults_left > 0, "the menu ends before its faults");
        match self.fault(index - self.after.len()) {
            Fault::Call(at) => Step::Lose(self.calls[at].it.id()),
            Fault::Parked(at) => Step::Lose(self.parked[at]),
            Fault::Crash(at) => Step::Crash(self.running[at]),
        }
    }

    /// All of it: what is no fault, then calls that can be lost, then clients that can crash.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = Step> + '_ {
        let calls = self.calls[..self.calls_lost()].iter().map(|entry| entry.it.id());
        let parked = self.parked[..self.losses() - self.calls_lost()].iter().copied();
        let running = self.running[..self.crashes()].iter();
        let faults = calls.chain(parked).map(Step::Lose);
        self.faultless().chain(faults).chain(running.map(|client| Step::Crash(*client)))
    }

    /// What is no fault.
    #[inline]
    pub(crate) fn faultless(&self) -> impl Iterator<Item = Step> + '_ {
        let calls = self.calls.iter().map(|entry| entry.it.step());
        let moves = self.due.iter().chain(&self.may).map(|entry| Step::World(entry.it));
        calls.chain(moves).chain(self.after.iter().copied())
    }

    fn calls_lost(&self) -> usize {
        if self.faults_left > 0 { self.calls.len() } else { 0 }
    }

    /// How many calls can be lost.
    pub(crate) fn losses(&self) -> usize {
        if self.faults_left > 0 { self.calls.len() + self.parked.len() } else { 0 }
    }

    /// How many clients can crash.
    pub(crate) fn crashes(&self) -> usize {
        if self.faults_left > 0 { self.running.len() } else { 0 }
    }

    /// Where `step` is, if it is possible now.
    pub fn position(&self, step: Step) -> Option<usize> {
        self.iter().position(|it| it == step)
    }

    /// The dullest step: of those that happen in due course, the one that has been possible
    /// longest. Always taking it is a fair schedule in which nothing goes wrong. `None` where only
    /// a lapse, or what follows a fault, can happen.
    pub fn dull(&self) -> Option<usize> {
        let calls = self.calls.iter().map(|it| it.since);
        oldest(calls.chain(self.due.iter().map(|it| it.since)))
    }

    /// The lapse that has been possible longest.
    pub fn oldest_lapse(&self) -> Option<usize> {
        let first = self.calls.len() + self.due.len();
        oldest(self.may.iter().map(|it| it.since)).map(|at| first + at)
    }

    /// What a fair schedule does next, but that now and then it lets a lapse go first. `None` where
    /// it does nothing: only what follows a fault can happen.
    pub(crate) fn fair(&self) -> Option<usize> {
        self.dull().or_else(|| self.oldest_lapse())
    }

    pub(crate) fn has_calls(&self) -> bool {
        !self.calls.is_empty()
    }

    /// Whether nothing is left that must or may happen by itself.
    pub(crate) fn is_stuck(&self) -> bool {
        self.calls.is_empty() && self.due.is_empty() && self.may.is_empty()
    }

    /// Whether a client that crashed may come back.
    pub(crate) fn may_restart(&self) -> bool {
        self.after.iter().any(|step| matches!(step, Step::Restart(_)))
    }

    pub(crate) fn faults_left(&self) -> u32 {
        self.faults_left
    }

    pub(crate) fn running(&self) -> &[ClientId] {
        &self.running
    }

    fn faults_at(&self) -> usize {
        self.calls.len() + self.due.len() + self.may.len() + self.after.len()
    }

    fn fault(&self, index: usize) -> Fault {
        match index.checked_sub(self.calls.len()) {
            None => Fault::Call(index),
            Some(at) if at < self.parked.len() => Fault::Parked(at),
            Some(at) => Fault::Crash(at - self.parked.len()),
        }
    }

    pub(crate) fn clear(&mut self, faults_max: u32) {
        self.calls.clear();
        self.due.clear();
        self.may.clear();
        self.after.clear();
        self.parked.clear();
        self.running.clear();
        self.offered.clear();
        self.faults_left = faults_max;
        self.now = 0;
        self.hole = NO_HOLE;
    }

    /// Takes the step at `index` off, and with it what cannot happen any more: what was lost does
    /// not also take effect.
    #[inline]
    pub(crate) fn take(&mut self, index: usize) -> Step {
        self.now += 1;
        if let Some(call) = self.calls.get(index) {
            self.hole = index;
            return call.it.step();
        }
        self.take_other(index - self.calls.len())
    }

    /// The same, if it is a call that is to take effect.
    #[inline]
    pub(crate) fn take_call(&mut self, index: usize) -> Option<CallId> {
        let call = self.calls.get(index)?.it;
        if call.0 & Call::REPLY != 0 {
            return None;
        }
        self.now += 1;
        self.hole = index;
        Some(call.id())
    }

    fn take_other(&mut self, index: usize) -> Step {
        if index < self.due.len() {
            self.offered.due.forget();
            return Step::World(self.due.swap_remove(index).it);
        }
        let index = index - self.due.len();
        if index < self.may.len() {
            self.offered.may.forget();
            return Step::World(self.may.swap_remove(index).it);
        }
        let index = index - self.may.len();
        if index < self.after.len() {
            return self.after.swap_remove(index);
        }
        assert!(self.faults_left > 0, "the menu ends before its faults");
        self.faults_left -= 1;
        match self.fault(index - self.after.len()) {
            Fault::Call(at) => Step::Lose(self.calls.swap_remove(at).it.id()),
            Fault::Parked(at) => Step::Lose(self.parked.swap_remove(at)),
            Fault::Crash(at) => Step::Crash(self.running.swap_remove(at)),
        }
    }

    /// A call was sent.
    #[inline]
    pub(crate) fn add_call(&mut self, id: CallId) {
        self.add(Call(id.code() as u32));
    }

    /// A call was answered, and its answer is on its way.
    pub(crate) fn add_reply(&mut self, id: CallId) {
        self.add(Call(id.code() as u32 | Call::REPLY));
    }

    #[inline]
    fn add(&mut self, call: Call) {
        let entry = Entry { it: call, since: self.now };
        match self.calls.get_mut(self.hole) {
            Some(hole) => {
                *hole = entry;
                self.hole = NO_HOLE;
            }
            None => self.calls.push(entry),
        }
    }

    /// Nothing took the place of the call that the present step was about.
    #[inline]
    pub(crate) fn close(&mut self) {
        if self.hole != NO_HOLE {
            self.calls.swap_remove(self.hole);
            self.hole = NO_HOLE;
        }
    }

    /// A client gave up its call before it took effect, or before its answer came.
    pub(crate) fn forget_call(&mut self, id: CallId) {
        self.close();
        if let Some(at) = self.calls.iter().position(|entry| entry.it.id() == id) {
            self.calls.swap_remove(at);
        }
    }

    pub(crate) fn park(&mut self, id: CallId) {
        self.parked.push(id);
    }

    pub(crate) fn unpark(&mut self, id: CallId) {
        if let Some(at) = self.parked.iter().position(|it| *it == id) {
            self.parked.swap_remove(at);
        }
    }

    pub(crate) fn add_after(&mut self, step: Step) {
        self.after.push(step);
    }

    pub(crate) fn start(&mut self, client: ClientId) {
        self.running.push(client);
    }

    pub(crate) fn finish(&mut self, client: ClientId) {
        self.running.retain(|it| *it != client);
    }

    /// Asks the world what it may do now. What was offered before keeps its age.
    #[inline(always)]
    pub(crate) fn refresh<W: World>(&mut self, world: &W) {
        self.close();
        if W::MOVES.is_empty() {
            return;
        }
        let Menu { due, may, offered, spare, now, .. } = self;
        offered.begin();
        world.moves(offered);
        if let Some(offered) = offered.due.changes() {
            renew(due, offered, spare, *now);
        }
        if let Some(offered) = offered.may.changes() {
            renew(may, offered, spare, *now);
        }
    }
}

enum Fault {
    Call(usize),
    Parked(usize),
    Crash(usize),
}

/// The first of the least.
fn oldest(since: impl Iterator<Item = u32>) -> Option<usize> {
    since.enumerate().min_by_key(|(_, since)| *since).map(|(at, _)| at)
}

fn renew(old: &mut Vec<Entry<Move>>, offered: &[Move], spare: &mut Vec<Entry<Move>>, now: u32) {
    if offered.is_empty() {
        return old.clear();
    }
    spare.clear();
    for new in offered {
        let since = old.iter().find(|old| old.it == *new).map_or(now, |old| old.since);
        spare.push(Entry { it: *new, since });
    }
    std::mem::swap(old, spare);
}
