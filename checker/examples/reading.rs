//! How fast JSON Lines are read: `cargo run --release -p unforked-checker --example reading`.
//!
//! A file is read if one is named; without one, a million lines are made up.

use checker::format::{Collector, Format, Reader, Renames};
use checker::specs::head::Head;
use checker::text::Text;
use std::fmt::Write;

fn lines(count: u64) -> String {
    let mut text = String::from("{\"format\":\"unforked-history/1\",\"spec\":\"head\"}\n");
    for one in 0..count {
        let (client, key, from) = (one % 16, one % 40, one / 40);
        let (call, at) = (1000 * one, 1000 * one + 15_500);
        let ret = if one % 3 == 0 { "true" } else { "false" };
        writeln!(
            text,
            "{{\"client\":{client},\"f\":\"cas\",\"key\":\"run-{key}\",\"from\":{from},\
             \"call\":{call},\"return\":{at},\"ret\":{ret}}}"
        )
        .expect("memory is enough");
    }
    text
}

// A clock is what this is for.
#[allow(clippy::disallowed_types, clippy::disallowed_methods)]
fn main() {
    let text = match std::env::args().nth(1) {
        Some(path) => std::fs::read_to_string(path).expect("the file can be read"),
        None => lines(1_000_000),
    };
    let mut fastest = f64::INFINITY;
    let mut count = 0;
    for _ in 0..7 {
        let start = std::time::Instant::now();
        let mut reader = Reader::new(Format::Jsonl, Renames::default());
        let mut collector: Collector<Head<Text>> = Collector::new(usize::MAX);
        for block in text.as_bytes().chunks(1 << 20) {
            reader.feed(block, &mut collector).expect("it is a history of heads");
        }
        reader.end(&mut collector).expect("it is a history of heads");
        count = collector.len();
        fastest = fastest.min(start.elapsed().as_secs_f64());
    }
    let megabytes = text.len() as f64 / 1e6;
    println!(
        "{count} operations, {megabytes:.1} MB: {:.0} MB/s, {:.1} million operations a second",
        megabytes / fastest,
        count as f64 / fastest / 1e6
    );
}
