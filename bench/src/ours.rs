//! Our own figures, measured as a peer's are: one a process, about one CPU-second.

use crate::toy::{Rows, Sizes, Toy};
use crate::trips::{Network, Trips};
use checker::workers::Threads;
use cpu_time::ProcessTime;
use serde_json::{Map, Value, json};
use sim::chooser::Random;
use sim::explore::Limits;
use sim::model::Model;
use sim::rng::Rng;
use sim::run::{Bounds, engine};
use sim::scenario::Scenario;
use sim::session::{Plan, Session};
use std::process::ExitCode;

/// What can be measured.
pub(crate) const BENCHES: [&str; 6] = ["steps", "round-trips", "runs", "states", "cores", "heap"];

type Figures = Map<String, Value>;

/// Every figure, as `bench<TAB>name`.
pub(crate) fn list() {
    println!("steps\tunforked, random");
    println!("round-trips\tunforked, 1-10 ms");
    for model in models::ALL {
        println!("runs\tunforked, {}", model.card().name);
    }
    for (name, ..) in SHAPES {
        println!("states\tunforked, {name}\nstates\tunforked + symmetry, {name}");
        println!("cores\tunforked on 1, {name}\ncores\tunforked on 2, {name}");
    }
    for (name, ..) in crate::heap::SHAPES {
        println!("heap\tunforked, {name}");
    }
}

/// Measures one figure and prints it as a line of JSON.
pub(crate) fn measure(bench: &str, name: &str) -> ExitCode {
    let figures = match (bench, name.strip_prefix("unforked, ")) {
        ("steps", Some("random")) => Some(steps()),
        ("round-trips", Some("1-10 ms")) => Some(round_trips()),
        ("runs", Some(model)) => models::find(model).ok().map(runs),
        ("states", Some(shape)) => states(shape, false),
        ("heap", Some(shape)) => crate::heap::ours(shape),
        ("cores", None) => cores(name),
        ("states", None) => {
            name.strip_prefix("unforked + symmetry, ").and_then(|shape| states(shape, true))
        }
        _ => None,
    };
    let Some(figures) = figures else {
        eprintln!("no figure is called '{bench} {name}'");
        return ExitCode::from(2);
    };
    println!("{}", Value::Object(figures));
    ExitCode::SUCCESS
}

/// Repeats `round` for a CPU-second; the sums of what it counts, each per CPU-second.
pub(crate) fn per_cpu_second<const N: usize>(
    names: [&str; N],
    mut round: impl FnMut(u64) -> [u64; N],
) -> Figures {
    let mut sums = [0; N];
    let began = ProcessTime::now();
    for number in 0.. {
        for (sum, count) in sums.iter_mut().zip(round(number)) {
            *sum += count;
        }
        let seconds = began.elapsed().as_secs_f64();
        if seconds >= 1.0 {
            let rates = names.iter().zip(sums);
            let rate = |(name, sum): (&&str, u64)| {
                (format!("{name}_per_cpu_s"), json!((sum as f64 / seconds).round()))
            };
            return rates.map(rate).collect();
        }
    }
    unreachable!("there is no last number")
}

/// Resumes of a client, and completed transitions, on the toy: steps recorded, digest chained.
fn steps() -> Figures {
    let model = Toy::new(Sizes::default(), None);
    let mut engine = engine::<Toy>();
    per_cpu_second(["steps", "transitions"], |seed| {
        let mut world = Rows::default();
        let mut chooser = Random::new(Rng::new(seed));
        let bounds = Bounds { faults_max: 0, steps_max: model.steps_max(), tail_max: 0 };
        engine.run(&model, &mut world, &mut chooser, bounds, &mut ());
        [engine.steps().len() as u64, world.won]
    })
}

/// Calls that were answered over a network, and completed transitions.
fn round_trips() -> Figures {
    let model = Trips::new(Default::default(), None);
    let mut engine = engine::<Trips>();
    per_cpu_second(["round_trips", "transitions"], |seed| {
        let mut world = Network::default();
        let mut chooser = Random::new(Rng::new(seed));
        let bounds = Bounds { faults_max: 0, steps_max: model.steps_max(), tail_max: 0 };
        engine.run(&model, &mut world, &mut chooser, bounds, &mut ());
        [world.trips, world.won]
    })
}

/// Short runs of a model at its defaults by drawn scenarios, each judged.
fn runs(model: &dyn sim::registry::AnyModel) -> Figures {
    const BATCH: u64 = 1_000;
    let mut session = model.session(&Map::new(), None).expect("defaults are in range");
    per_cpu_second(["runs", "steps"], |batch| {
        let mut steps = 0;
        for seed in batch * BATCH..(batch + 1) * BATCH {
            session.play(&Plan::Seed(Scenario::of(seed)));
            steps += session.steps().len() as u64;
        }
        [BATCH, steps]
    })
}

/// Writers, transitions and expiries of LockCas.
const SHAPES: [(&str, [&str; 3]); 3] =
    [("3x2", ["3", "2", "2"]), ("3x3", ["3", "3", "3"]), ("4x2", ["4", "2", "2"])];

fn lock_cas(shape: &str) -> Option<Box<dyn Session>> {
    let (_, sizes) = SHAPES.iter().find(|(name, _)| *name == shape)?;
    let names = ["writers", "transitions", "expiries"];
    let params = names.iter().zip(sizes).map(|(name, size)| ((*name).to_owned(), json!(size)));
    let model = models::find("spec/lock_cas").expect("a model on the list");
    Some(model.session(&params.collect(), None).expect("its parameters"))
}

/// Distinct states of LockCas by so many threads: a second, the best of several rounds.
fn cores(name: &str) -> Option<Figures> {
    let (count, shape) = name.strip_prefix("unforked on ")?.split_once(", ")?;
    let threads = Threads(count.parse().ok()?);
    let mut session = lock_cas(shape)?;
    let limits = Limits { faults_max: 0, states_max: u64::from(u32::MAX), symmetry: false };
    let mut best = 0.0_f64;
    for _ in 0..10 {
        let began = std::time::Instant::now();
        let explored = session.explore_on(&threads, &limits, &mut |_, _| true);
        best = best.max(explored.distinct as f64 / began.elapsed().as_secs_f64());
    }
    Some(Map::from_iter([("distinct_states_per_s".to_owned(), json!(best.round()))]))
}

/// Distinct states of LockCas.
fn states(shape: &str, symmetry: bool) -> Option<Figures> {
    let mut session = lock_cas(shape)?;
    let limits = Limits { faults_max: 0, states_max: u64::from(u32::MAX), symmetry };
    Some(per_cpu_second(["distinct_states"], |_| {
        let explored = session.explore_on(&Threads(1), &limits, &mut |_, _| true);
        [explored.distinct]
    }))
}
