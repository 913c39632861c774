//! Moves rows of a simulated table on, for whoever wants to look at it with `time` or a profiler:
//! `cargo run --release -p unforked-heap --example transitions -- ROWS FILLFACTOR TRANSITIONS`.

use heap::{Key, Op, Row, Step, Table};

const AHEAD: usize = 16;

fn main() {
    let mut numbers = std::env::args().skip(1).map(|it| it.parse::<u64>().expect("a number"));
    let mut next = |otherwise| numbers.next().unwrap_or(otherwise);
    let (rows, fillfactor, transitions) = (next(10_000), next(90), next(5_000_000));
    let row = Row { status: 9, run_status: 7, attempt: false };
    let mut table = Table::new(fillfactor as u8, 1);
    let mut rows: Vec<(Key, u32)> =
        (0..rows).map(|row| (table.add_key(format!("r{row}").as_bytes()), 0)).collect();
    let mut apply = |op| table.apply(Step { session: 0, op }).expect("it is simulated");
    for (key, _) in &rows {
        apply(Op::Insert { key: *key, row });
    }
    let mut random = 1_u64;
    for _ in 0..transitions / AHEAD as u64 {
        let places = [(); AHEAD].map(|()| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            ((u128::from(random) * rows.len() as u128) >> 64) as usize
        });
        table.look_ahead(&places.map(|at| rows[at].0));
        for at in places {
            let (key, seen) = &mut rows[at];
            let op = Op::Update { key: *key, seen: *seen, row };
            table.apply(Step { session: 0, op }).expect("it is simulated");
            *seen += 1;
        }
    }
    println!("{} pages, {:?}", table.heap_pages(), table.events());
}
