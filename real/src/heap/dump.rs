//! What the server shows of its pages, read as the simulated table shows its own.
//!
//! A heap page's line pointers are read from its bytes: the extension would unpack every row too.

use heap::{HeapPage, IndexPage, Kind, LinePointer, State, Stats};
use sqlx::postgres::PgRow;
use sqlx::{Error, PgConnection, Row as _};

/// The header and all line pointers that a page can have.
const HEAP: &str = "SELECT substr(get_raw_page('run_head', b), 1, 24 + 4 * 291), \
     pg_freespace('run_head', b)::int, v.all_visible, v.all_frozen \
     FROM generate_series(0, pg_relation_size('run_head') / 8192 - 1) b, \
     LATERAL pg_visibility_map('run_head', b) v ORDER BY b";
const INDEX: &str = "SELECT s.type::text, s.live_items, s.dead_items, s.free_size, \
     s.btpo_prev, s.btpo_next, s.btpo_level \
     FROM generate_series(1, pg_relation_size('run_head_pkey') / 8192 - 1) b, \
     LATERAL bt_page_stats('run_head_pkey', b) s ORDER BY b";
const STATS: &str = "SELECT n_tup_ins, n_tup_upd, n_tup_hot_upd, n_tup_del, n_live_tup, \
     n_dead_tup FROM pg_stat_all_tables WHERE relid = 'run_head'::regclass";

pub(super) async fn state(connection: &mut PgConnection) -> Result<State, Error> {
    let heap = sqlx::query(HEAP).fetch_all(&mut *connection).await?;
    let index = sqlx::query(INDEX).fetch_all(&mut *connection).await?;
    let stats = sqlx::query(STATS).fetch_one(&mut *connection).await?;
    Ok(State {
        heap: heap.iter().map(heap_page).collect::<Result<_, _>>()?,
        index: index.iter().map(index_page).collect::<Result<_, _>>()?,
        stats: statistics(&stats)?,
    })
}

fn heap_page(row: &PgRow) -> Result<HeapPage, Error> {
    let bytes: &[u8] = row.try_get(0)?;
    let short = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
    let long =
        |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    let lower = short(12);
    let lines = (24..usize::from(lower)).step_by(4).map(|at| line_pointer(long(at)));
    Ok(HeapPage {
        lower,
        upper: short(14),
        flags: short(10),
        prune: long(20) != 0,
        lines: lines.collect(),
        free_space: row.try_get::<i32, _>(1)? as u16,
        all_visible: row.try_get(2)?,
        all_frozen: row.try_get(3)?,
    })
}

/// From the lowest bit: 15 of offset, 2 of state, 15 of length.
fn line_pointer(word: u32) -> LinePointer {
    let (offset, len) = (word as u16 & 0x7fff, (word >> 17) as u16);
    match word >> 15 & 3 {
        0 => LinePointer::Unused,
        1 => LinePointer::Normal(len),
        2 => LinePointer::Redirect(offset),
        _ => LinePointer::Dead,
    }
}

fn index_page(row: &PgRow) -> Result<IndexPage, Error> {
    let kind: String = row.try_get(0)?;
    let number = |at: usize| row.try_get::<i32, _>(at).map(i32::cast_unsigned);
    let long = |at: usize| row.try_get::<i64, _>(at).map(|it| it as u32);
    let kind = match &*kind {
        "l" => Kind::Leaf,
        "i" => Kind::Inner,
        "r" => Kind::Root,
        _ => return Ok(IndexPage::deleted()),
    };
    Ok(IndexPage {
        kind,
        live: number(1)?,
        dead: number(2)?,
        free: number(3)?,
        left: long(4)?,
        right: long(5)?,
        level: long(6)?,
    })
}

fn statistics(row: &PgRow) -> Result<Stats, Error> {
    let number = |at: usize| row.try_get::<i64, _>(at);
    Ok(Stats {
        inserted: number(0)?.cast_unsigned(),
        updated: number(1)?.cast_unsigned(),
        hot_updated: number(2)?.cast_unsigned(),
        deleted: number(3)?.cast_unsigned(),
        live: number(4)?,
        dead: number(5)?,
    })
}
