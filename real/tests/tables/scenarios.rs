//! Interleavings by name: the anomalies of isolation, and what queues rely on.
//!
//! The anomalies go by the names of Adya's thesis ("Weak Consistency", MIT, 1999), as the Hermitage
//! suite (ept/hermitage) puts them to servers. Each says how many statements wait and which errors
//! come, so that it shows what it is named for; every reply is compared besides.

use models::worlds::tables::{Is, Isolation, Mode, Scan, SqlState, Statement, Term, Test, Wait};

/// A scenario.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) says: Vec<(usize, Statement)>,
    pub(crate) waits: u64,
    pub(crate) errors: &'static [SqlState],
}

const T: usize = 0;
const V: usize = 1;

fn rc(session: usize) -> (usize, Statement) {
    (session, Statement::Begin(Isolation::ReadCommitted))
}

fn rr(session: usize) -> (usize, Statement) {
    (session, Statement::Begin(Isolation::RepeatableRead))
}

fn commit(session: usize) -> (usize, Statement) {
    (session, Statement::Commit)
}

fn rollback(session: usize) -> (usize, Statement) {
    (session, Statement::Rollback)
}

fn scan(only: Vec<Test>, limit: Option<u32>, lock: Option<Wait>) -> Scan {
    Scan { table: T, only, limit, lock }
}

fn id(id: i64) -> Vec<Test> {
    vec![Test::equals(0, id)]
}

fn read(session: usize, row: i64) -> (usize, Statement) {
    (session, Statement::Select(scan(id(row), None, None)))
}

fn read_v(session: usize, v: i64) -> (usize, Statement) {
    (session, Statement::Select(scan(vec![Test::equals(V, v)], None, None)))
}

fn lock(session: usize, row: i64, wait: Wait) -> (usize, Statement) {
    (session, Statement::Select(scan(id(row), None, Some(wait))))
}

fn add(session: usize, row: i64) -> (usize, Statement) {
    let set = vec![(V, Term::Plus(1))];
    (session, Statement::Update { scan: scan(id(row), None, None), set })
}

fn set(session: usize, row: i64, v: i64) -> (usize, Statement) {
    let set = vec![(V, Term::To(v))];
    (session, Statement::Update { scan: scan(id(row), None, None), set })
}

fn add_all(session: usize) -> (usize, Statement) {
    let set = vec![(V, Term::Plus(1))];
    (session, Statement::Update { scan: scan(Vec::new(), None, None), set })
}

fn delete_v(session: usize, v: i64) -> (usize, Statement) {
    (session, Statement::Delete(scan(vec![Test::equals(V, v)], None, None)))
}

fn claim(session: usize) -> (usize, Statement) {
    let ready = vec![Test { column: V, is: Is::Equal, than: Term::To(0) }];
    let set = vec![(V, Term::To(7))];
    (session, Statement::Update { scan: scan(ready, Some(1), Some(Wait::Skips)), set })
}

fn insert(session: usize, row: i64, v: i64, or_nothing: bool) -> (usize, Statement) {
    let row = vec![Term::To(row), Term::To(v), Term::Null, Term::Null, Term::To(0)];
    (session, Statement::Insert { table: T, row, or_nothing })
}

fn advise(session: usize, xact: bool, tries: bool) -> (usize, Statement) {
    (session, Statement::Advise { key: 1, xact, tries })
}

fn it(
    name: &'static str,
    waits: u64,
    errors: &'static [SqlState],
    says: impl IntoIterator<Item = (usize, Statement)>,
) -> Scenario {
    Scenario { name, says: says.into_iter().collect(), waits, errors }
}

const SERIALIZE: &[SqlState] = &[SqlState::SerializationFailure];
const DUPLICATE: &[SqlState] = &[SqlState::UniqueViolation];
const LOCKED: &[SqlState] = &[SqlState::LockNotAvailable];
const DEADLOCK: &[SqlState] = &[SqlState::DeadlockDetected];

/// All of them.
pub(crate) fn all() -> Vec<Scenario> {
    let mut all = anomalies();
    all.extend(of_repeatable_read());
    all.extend(of_queues());
    all.extend(of_locks());
    all
}

fn anomalies() -> Vec<Scenario> {
    let dirty = [rc(0), rc(1), add(0, 1), add(1, 1), add(0, 2), commit(0), add(1, 2), commit(1)];
    let aborted = [rc(0), rc(1), set(0, 1, 9), read(1, 1), rollback(0), read(1, 1), commit(1)];
    let between =
        [rc(0), rc(1), set(0, 1, 9), read(1, 1), set(0, 1, 8), commit(0), read(1, 1), commit(1)];
    let circle = [rc(0), rc(1), add(0, 1), add(1, 2), read(0, 2), read(1, 1), commit(0), commit(1)];
    let vanishes = [
        rc(0),
        rc(1),
        rc(2),
        add(0, 1),
        add(0, 2),
        add(1, 1),
        commit(0),
        read(2, 1),
        add(1, 2),
        read(2, 2),
        commit(1),
        read(2, 1),
        read(2, 2),
        commit(2),
    ];
    let lost = [rc(0), rc(1), read(0, 1), read(1, 1), set(0, 1, 1), set(1, 1, 1), commit(0)];
    let skew = [rc(0), rc(1), read(0, 1), add(1, 1), add(1, 2), commit(1), read(0, 2), commit(0)];
    let second = [rc(0), rc(1), add_all(0), delete_v(1, 0), commit(0), commit(1)];
    let undone = [rc(0), rc(1), add_all(0), delete_v(1, 0), rollback(0), commit(1)];
    let phantom = [rc(0), rc(1), read_v(0, 9), insert(1, 4, 9, false), commit(1), read_v(0, 9)];
    vec![
        it("G0, dirty write", 1, &[], dirty),
        it("G1a, aborted read", 0, &[], aborted),
        it("G1b, intermediate read", 0, &[], between),
        it("G1c, circular information flow", 0, &[], circle),
        it("OTV, observed transaction vanishes", 1, &[], vanishes),
        it("P4, lost update", 1, &[], lost.into_iter().chain([commit(1)])),
        it("G-single, read skew", 0, &[], skew),
        it("a second look finds no row", 1, &[], second),
        it("a second look finds the old row", 1, &[], undone),
        it("PMP, predicate-many-preceders", 0, &[], phantom.into_iter().chain([commit(0)])),
    ]
}

fn of_repeatable_read() -> Vec<Scenario> {
    let lost = [rr(0), rr(1), read(0, 1), read(1, 1), set(0, 1, 1), set(1, 1, 1), commit(0)];
    let won = [rr(0), rr(1), read(0, 1), read(1, 1), set(0, 1, 1), set(1, 1, 1), rollback(0)];
    let skew = [rr(0), rc(1), read(0, 1), add(1, 1), add(1, 2), commit(1), read(0, 2), commit(0)];
    let write_skew = [
        rr(0),
        rr(1),
        read(0, 1),
        read(0, 2),
        read(1, 1),
        read(1, 2),
        set(0, 1, 5),
        set(1, 2, 5),
        commit(0),
        commit(1),
    ];
    let phantoms = [
        rr(0),
        rr(1),
        read_v(0, 9),
        read_v(1, 9),
        insert(0, 4, 9, false),
        insert(1, 5, 9, false),
        commit(0),
        commit(1),
    ];
    let deleted = [rr(0), rc(1), read(0, 1), delete_v(1, 0), commit(1), add(0, 1), rollback(0)];
    let unseen = [rr(0), read(0, 1), insert(1, 4, 0, false), insert(0, 4, 1, true), rollback(0)];
    let skipped = [rr(0), read(0, 1), add(1, 1), lock(0, 1, Wait::Skips), rollback(0)];
    vec![
        it("P4 under REPEATABLE READ", 1, SERIALIZE, lost.into_iter().chain([rollback(1)])),
        it("P4, and the first rolls back", 1, &[], won.into_iter().chain([commit(1)])),
        it("G-single under REPEATABLE READ", 0, &[], skew),
        it("G2-item, write skew", 0, &[], write_skew),
        it("G2, anti-dependency cycle", 0, &[], phantoms),
        it("the row was deleted", 0, SERIALIZE, deleted),
        it("what is in the way cannot be seen", 0, SERIALIZE, unseen),
        it("SKIP LOCKED skips no row that was changed", 0, SERIALIZE, skipped),
    ]
}

fn of_queues() -> Vec<Scenario> {
    let claims = [rc(0), rc(1), claim(0), claim(1), claim(1), commit(0), commit(1), claim(2)];
    let given_back = [rc(0), claim(0), claim(1), rollback(0), claim(1), claim(1)];
    let nowait = [rc(0), add(0, 1), lock(1, 1, Wait::Fails), commit(0), lock(1, 1, Wait::Fails)];
    let kept = [
        rc(0),
        rc(1),
        set(0, 1, 9),
        delete_v(1, 0),
        commit(0),
        lock(2, 1, Wait::Fails),
        commit(1),
        lock(2, 1, Wait::Fails),
    ];
    let both = |end: (usize, Statement), or_nothing| {
        [rc(0), insert(0, 4, 0, false), insert(1, 4, 1, or_nothing), end, read(1, 4)]
    };
    vec![
        it("SKIP LOCKED: no job is claimed twice", 0, &[], claims),
        it("SKIP LOCKED: what was given back is claimed", 0, &[], given_back),
        it("NOWAIT", 0, LOCKED, nowait),
        it("a second look that finds no row locks it", 1, LOCKED, kept),
        it("two insert one key", 1, DUPLICATE, both(commit(0), false)),
        it("two insert one key, and the first rolls back", 1, &[], both(rollback(0), false)),
        it("ON CONFLICT DO NOTHING waits to know", 1, &[], both(commit(0), true)),
        it("ON CONFLICT DO NOTHING, and the first rolls back", 1, &[], both(rollback(0), true)),
    ]
}

fn of_locks() -> Vec<Scenario> {
    let truncate = |session| (session, Statement::Truncate(T));
    let table = |session, mode, nowait| (session, Statement::LockTable { table: T, mode, nowait });
    let unadvise = |session| (session, Statement::Unadvise { key: 1 });
    let crossed =
        [rc(0), rc(1), add(0, 1), add(1, 2), add(0, 2), add(1, 1), rollback(1), commit(0)];
    // Its snapshot is of another table's rows: it holds no lock on this one.
    let other = Scan { table: 1, only: Vec::new(), limit: None, lock: None };
    let snapshot = |session| (session, Statement::Select(other.clone()));
    let old = [rr(0), snapshot(0), truncate(1), read(0, 1), commit(0)];
    let gone = (1, Statement::Delete(scan(id(1), None, None)));
    let aside = [rr(2), snapshot(2), gone, rc(0), truncate(0), commit(2), rollback(0), read(1, 1)];
    let readers = [rc(0), read(0, 1), truncate(1), read(2, 1), commit(0)];
    let undone = [rc(0), truncate(0), insert(0, 4, 0, false), read(1, 1), rollback(0)];
    let share = [
        rc(0),
        table(0, Mode::AccessShare, false),
        rc(1),
        table(1, Mode::AccessExclusive, true),
        rollback(1),
        add(2, 1),
        commit(0),
    ];
    let session = [
        advise(0, false, false),
        advise(1, false, true),
        advise(1, false, false),
        unadvise(0),
        unadvise(1),
        unadvise(1),
    ];
    let xact = [rc(0), advise(0, true, false), advise(1, true, false), commit(0)];
    let advised = [
        rc(0),
        advise(0, true, false),
        rc(1),
        add(1, 1),
        add(0, 1),
        advise(1, true, false),
        rollback(1),
        commit(0),
    ];
    vec![
        it("deadlock", 1, DEADLOCK, crossed),
        it("TRUNCATE is seen by an old snapshot", 0, &[], old),
        it("who waits to TRUNCATE is waited for", 2, &[], readers),
        it("TRUNCATE is undone", 1, &[], undone),
        it("TRUNCATE is undone, and what was deleted before stays so", 0, &[], aside),
        it("LOCK TABLE NOWAIT is in nobody's way", 0, LOCKED, share),
        it("advisory locks of a session", 1, &[], session),
        it("advisory locks of a transaction", 1, &[], xact),
        it("a deadlock of a row and an advisory lock", 1, DEADLOCK, advised),
    ]
}
