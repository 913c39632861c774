//! Kinds of use of a table, each with what it is there to bring about.
//!
//! Rules meet in corners: a uniqueness check prunes beside a held snapshot, a page is emptied and
//! found again. No one mix reaches them all, so there are many, and each is small.

/// What keys look like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyKind {
    /// `r` and 8 to 31 hexadecimal digits.
    Random,
    /// As a UUID is written.
    Uuid,
    /// One behind the other.
    Ascending,
    /// 18 to 308 bytes.
    Long,
}

/// Who holds back the horizon, beside those who write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Holder {
    /// Nobody.
    None,
    /// A REPEATABLE READ snapshot, for stretches.
    Snapshot,
    /// A transaction number, for stretches.
    Xid,
    /// Either, by chance.
    Both,
}

/// How a table is used. Chances are in millionths, an operation.
#[derive(Clone, Copy, Debug)]
pub struct Workload {
    /// The name it is asked for by.
    pub name: &'static str,
    /// Operations.
    pub ops: u32,
    /// Operations from one comparison to the next.
    pub every: u32,
    /// What keys look like.
    pub keys: KeyKind,
    /// Weights of INSERT, CAS update, CAS miss, DELETE, SELECT, ON CONFLICT DO NOTHING, ON
    /// CONFLICT DO UPDATE and SELECT FOR UPDATE.
    pub mix: [u32; 8],
    /// VACUUM.
    pub vacuum: u32,
    /// Whether the VACUUM is another session's.
    pub vacuum_elsewhere: bool,
    /// Who holds back the horizon.
    pub holder: Holder,
    /// For how many operations at most.
    pub hold: u32,
    /// Percent of the rows that nine in ten updates go to; 0 is all alike.
    pub hot: u32,
    /// Rows at most.
    pub live_max: usize,
    /// A session ends and begins anew.
    pub reconnect: u32,
    /// Bytes that a column has more, at most.
    pub wide: u32,
    /// An insert that takes the key of a row that was deleted.
    pub reinsert: u32,
    /// A change that is rolled back.
    pub abort: u32,
    /// Sessions that write, one after another.
    pub writers: u16,
    /// A sequential scan.
    pub seq_scan: u32,
    /// ANALYZE.
    pub analyze: u32,
    /// The server is restarted.
    pub restart: u32,
    /// A transaction of several statements begins; one in five is rolled back.
    pub multi: u32,
    /// Operations of which none inserts, in turn with as many as usual; 0 is never.
    pub drain: u32,
    /// Whether transactions of several sessions are open at once, on different rows.
    pub interleaved: bool,
}

const BASE: Workload = Workload {
    name: "base",
    ops: 20_000,
    every: 500,
    keys: KeyKind::Random,
    mix: [20, 60, 3, 10, 7, 0, 0, 0],
    vacuum: 500,
    vacuum_elsewhere: false,
    holder: Holder::None,
    hold: 1000,
    hot: 0,
    live_max: 4000,
    reconnect: 0,
    wide: 0,
    reinsert: 100_000,
    abort: 0,
    writers: 1,
    seq_scan: 0,
    analyze: 0,
    restart: 0,
    multi: 0,
    drain: 0,
    interleaved: false,
};

const HELD: Workload = Workload { holder: Holder::Both, ..BASE };
const LONG: Workload = Workload { ops: 100_000, every: 1000, ..HELD };

/// Every kind, by name.
pub const WORKLOADS: &[Workload] = &[
    BASE,
    Workload { name: "held-snapshot", holder: Holder::Snapshot, ..BASE },
    Workload { name: "held-xid", holder: Holder::Xid, ..BASE },
    Workload { name: "aborts", abort: 100_000, ..HELD },
    Workload { name: "hot", hot: 10, ..HELD },
    Workload { name: "uuid", keys: KeyKind::Uuid, hot: 2, ..BASE },
    Workload { name: "multi-statement", multi: 50_000, ..HELD },
    Workload { name: "conflict", mix: [20, 35, 3, 10, 7, 15, 20, 0], ..HELD },
    Workload { name: "lock", mix: [15, 30, 3, 10, 7, 6, 6, 23], multi: 30_000, wide: 1200, ..HELD },
    Workload { name: "reconnect", reconnect: 10_000, ..HELD },
    Workload { name: "restart", restart: 700, vacuum: 300, ..BASE },
    Workload { name: "seq-scan", seq_scan: 3000, analyze: 1000, ..HELD },
    Workload { name: "vacuum-often", vacuum: 50_000, live_max: 2500, every: 2000, ..BASE },
    Workload { name: "vacuum-elsewhere", vacuum_elsewhere: true, vacuum: 1000, ..HELD },
    Workload { name: "wide", wide: 1500, ..HELD },
    Workload { name: "long-keys", keys: KeyKind::Long, wide: 600, ..HELD },
    Workload { name: "writers", writers: 3, vacuum: 1000, ..HELD },
    Workload { name: "interleaved", writers: 3, multi: 60_000, interleaved: true, ..HELD },
    Workload { name: "drain", drain: 5000, keys: KeyKind::Ascending, vacuum: 1000, ..BASE },
    Workload {
        name: "cold",
        mix: [30, 60, 2, 4, 4, 0, 0, 0],
        hot: 1,
        live_max: usize::MAX,
        wide: 900,
        vacuum: 1500,
        every: 1000,
        ..HELD
    },
    Workload {
        name: "few-rows",
        keys: KeyKind::Long,
        mix: [2, 1000, 5, 1, 5, 0, 0, 0],
        live_max: 2,
        wide: 1600,
        holder: Holder::Snapshot,
        hold: 200_000,
        vacuum: 100,
        ..BASE
    },
    Workload { name: "base-long", ..LONG },
    Workload {
        name: "big-drain",
        mix: [75, 15, 0, 5, 5, 0, 0, 0],
        drain: 10_000,
        live_max: 20_000,
        holder: Holder::None,
        ..LONG
    },
    Workload {
        name: "long-drain",
        keys: KeyKind::Long,
        mix: [60, 30, 0, 5, 5, 0, 0, 0],
        drain: 10_000,
        vacuum: 1700,
        live_max: 20_000,
        ..LONG
    },
    Workload {
        name: "grow",
        mix: [60, 30, 1, 5, 4, 0, 0, 0],
        live_max: usize::MAX,
        vacuum: 200,
        ..LONG
    },
    Workload {
        name: "held-hot-set",
        mix: [2, 90, 2, 2, 4, 0, 0, 0],
        live_max: 500,
        holder: Holder::Snapshot,
        hold: 12_000,
        vacuum: 100,
        every: 2000,
        ..LONG
    },
    Workload {
        name: "lifecycle",
        keys: KeyKind::Ascending,
        mix: [19, 62, 0, 19, 0, 0, 0, 0],
        holder: Holder::None,
        vacuum: 200,
        ..LONG
    },
    Workload {
        name: "many-pages",
        ops: 60_000,
        every: 6000,
        mix: [70, 15, 1, 10, 4, 0, 0, 0],
        wide: 1800,
        live_max: usize::MAX,
        vacuum: 60,
        ..LONG
    },
];

impl Workload {
    /// The kind of this name.
    pub fn named(name: &str) -> Option<Workload> {
        WORKLOADS.iter().find(|it| it.name == name).copied()
    }
}
