//! Memory is a matter of what is there, not of what ever was: keys that are forgotten leave no trace.

use heap::{Key, Op, Row, Step, Table};

const LIVE: usize = 2_000;
const ROW: Row = Row { status: 20, run_status: 7, attempt: true };

/// Rows come, move on and go in a window over the keys; `forget` says whether keys are forgotten.
fn churn(rows: usize, forget: bool) -> (Table, usize) {
    let mut table = Table::new(90, 2);
    let mut live: std::collections::VecDeque<Key> = std::collections::VecDeque::new();
    let mut keys = 0;
    for row in 0..rows {
        // Some keys come behind all others, and some between them.
        let name = if row % 3 == 0 { row.wrapping_mul(7_919) % 10_007 } else { row };
        let key = table.add_key(format!("run-{name:09}-{}-{row}", row % 5).as_bytes());
        let mut apply = |op| table.apply(Step { session: 0, op }).expect("it is simulated");
        apply(Op::Insert { key, row: ROW });
        live.push_back(key);
        for (seen, back) in [(0, 1), (1, 40), (2, 900)] {
            if let Some(key) = live.len().checked_sub(back).map(|at| live[at]) {
                apply(Op::Update { key, seen, row: ROW });
            }
        }
        if row % 700 == 0 {
            apply(Op::Vacuum);
        }
        // A held snapshot now and then, so that versions leave their pages.
        if row % 3_000 == 1_000 {
            let held = |op| Step { session: 1, op };
            table.apply(held(Op::Begin(heap::Isolation::RepeatableRead))).expect("it begins");
            table.apply(held(Op::TakeSnapshot)).expect("it reads");
        } else if row % 3_000 == 2_000 {
            table.apply(Step { session: 1, op: Op::Commit }).expect("it ends");
        }
        if live.len() > LIVE {
            let key = live.pop_front().expect("there are some");
            table.apply(Step { session: 0, op: Op::Delete { key } }).expect("it is simulated");
            if forget {
                table.forget_key(key);
            }
        }
        keys = keys.max(table.keys().len());
    }
    (table, keys)
}

#[test]
fn a_table_whose_keys_are_forgotten_is_the_same_table() {
    let ((whole, all), (forgetful, few)) = (churn(30_000, false), churn(30_000, true));
    assert_eq!(whole.state().differences(&forgetful.state()), []);
    assert_eq!(all, 30_000);
    assert!(few < 3 * LIVE, "{few} numbers for {LIVE} rows");
}
