//! How a peer's program measures and prints: included by every one of them.
//!
//! `PEER` lists its figures; `PEER BENCH NAME` measures one of them and prints it as a line of
//! JSON.

use cpu_time::ProcessTime;
use std::process::ExitCode;

/// What one round did, by unit: `("steps", 212_000)`.
pub(crate) type Work = Vec<(&'static str, u64)>;

/// One thing that is measured. A round is given its seed and says what it did.
pub(crate) struct Figure {
    bench: &'static str,
    name: String,
    round: Box<dyn Fn(u64) -> Work>,
}

impl Figure {
    pub(crate) fn new(
        bench: &'static str,
        name: impl Into<String>,
        round: impl Fn(u64) -> Work + 'static,
    ) -> Self {
        Figure { bench, name: name.into(), round: Box::new(round) }
    }

    /// Rounds until a CPU-second has gone by: long enough for the clock, short enough to repeat.
    /// One figure a process, so that none inherits the heap of another.
    fn measure(&self) {
        let began = ProcessTime::now();
        let mut totals = Work::new();
        let mut rounds = 0;
        while rounds == 0 || began.elapsed().as_secs_f64() < 1.0 {
            for (unit, count) in (self.round)(rounds) {
                match totals.iter_mut().find(|(known, _)| *known == unit) {
                    Some((_, total)) => *total += count,
                    None => totals.push((unit, count)),
                }
            }
            rounds += 1;
        }
        let seconds = began.elapsed().as_secs_f64();
        let mut line = format!(r#"{{"name":"{}","bench":"{}""#, self.name, self.bench);
        for (unit, total) in totals {
            let rate = total as f64 / seconds;
            line += &format!(r#","{unit}_per_cpu_s":{rate:.0},"{unit}":{}"#, total / rounds);
        }
        println!(r#"{line},"rounds":{rounds},"cpu_s":{seconds:.3}}}"#);
    }
}

/// The whole `main` of a peer.
pub(crate) fn answer(figures: &[Figure]) -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [bench, name] = args.as_slice() else {
        for figure in figures {
            println!("{}\t{}", figure.bench, figure.name);
        }
        return ExitCode::SUCCESS;
    };
    match figures.iter().find(|figure| figure.bench == bench && figure.name == *name) {
        Some(figure) => figure.measure(),
        None => {
            eprintln!("no figure {name} in {bench}");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}
