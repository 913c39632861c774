//! `checker decide`: every design of a snapshot log, and which of them hold.
//!
//! Each is searched as `explore` does it: what holds, holds in every schedule within the bounds,
//! which stand beside the table; what breaks, breaks after so many steps and never after fewer. A
//! search that ran out of states decides nothing, and says so.

use crate::file;
use crate::interrupt::was_interrupted;
use crate::out::{Exit, Failure, Out, paint};
use crate::report::{self, Control};
use crate::setup::{self, Setup};
use anstyle::AnsiColor;
use checker::Verdict;
use checker::workers::{Threads, each};
use clap::Args as ClapArgs;
use models::snapshot_log::ANY_DESIGN;
use models::snapshot_log::design::{Guard, Lock, NODES, Order};
use serde_json::{Map, Value, json};
use sim::explore::{Explored, Limits};
use sim::run::FAULTS_MAX;
use sim::session::Plan;
use std::fmt::Display;
use std::path::PathBuf;

#[derive(ClapArgs)]
pub(crate) struct Args {
    /// What is to be designed
    #[arg(default_value = "snapshot_log", value_parser = ["snapshot_log"])]
    model: String,
    #[command(flatten)]
    setup: Setup,
    /// How many faults a schedule may have [default: 1, and 0 where the lock is a redlock]
    #[arg(long, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u32).range(..=i64::from(FAULTS_MAX)))]
    faults: Option<u32>,
    /// Gives up on a design after so many distinct states
    #[arg(long, value_name = "N", default_value_t = 5_000_000)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=u64::from(u32::MAX)))]
    states_max: u64,
    /// Writes the shortest failure of each design that breaks as a trace
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
}

impl Args {
    /// Three calls under way at once, twice for each lock, are many schedules without a fault.
    fn faults(&self, lock: Lock) -> u32 {
        self.faults.unwrap_or(u32::from(lock != Lock::Redlock))
    }

    fn limits(&self, lock: Lock) -> Limits {
        Limits { faults_max: self.faults(lock), states_max: self.states_max, symmetry: false }
    }
}

/// What is decided unless `-p` says otherwise: the smallest log that two can write. What readers
/// see follows from what is stored.
const SIZES: [(&str, u64); 3] = [("writers", 2), ("readers", 0), ("tries", 1)];

/// What is said of a design that does not hold where its bounds are too small to show that.
const NONE_FOUND: &str = "no failure";

/// One combination, and what came of it.
struct Design {
    lock: Lock,
    guard: Guard,
    order: Order,
    params: Map<String, Value>,
    /// Whether the model offers it to everybody.
    offered: bool,
    found: Option<Explored>,
}

pub(crate) fn decide(args: &Args, out: &Out) -> Result<Exit, Failure> {
    let mut designs = designs(args.setup.params()?)?;
    let workers = Threads::of_this_machine();
    if out.shows_progress() {
        out.aside(format!("searching {} designs", designs.len()));
    }
    let found = each(&workers, designs.len(), |index| search(args, &designs[index]));
    for (design, found) in designs.iter_mut().zip(found) {
        design.found = found?;
    }
    if let [design] = designs.as_slice() {
        say_one(args, out, design)?;
    } else {
        table(&designs).iter().for_each(|line| out.verdict(line));
    }
    out.verdict(format!("\n{}", bounds(args, &designs)));
    write_traces(args, out, &designs)?;
    let open = designs.iter().filter(|it| it.found.is_some() && it.holds().is_none()).count();
    let broken = parted(&designs, |it| it.holds() == Some(false) && it.offered);
    let too_small = parted(&designs, |it| it.is_open() && !breaks_elsewhere(&designs, it));
    broken.iter().for_each(|it| out.verdict(format!("the model offers {it}, which breaks")));
    too_small.iter().for_each(|it| {
        out.verdict(format!("{it} holds in these bounds and breaks in larger ones"));
    });
    let outcome = match (broken.is_empty(), open + too_small.len()) {
        (false, _) => ("fail", Exit::Violated),
        (true, 0) => ("pass", Exit::Holds),
        (true, _) => ("unknown", Exit::Unknown),
    };
    out.object(outcome.0, object(args, &designs));
    Ok(outcome.1)
}

/// The combinations that `given` leaves.
fn designs(given: Map<String, Value>) -> Result<Vec<Design>, Failure> {
    let sizes = SIZES.map(|(name, size)| (name.to_owned(), Value::from(size)));
    let mut params = Map::from_iter(sizes);
    params.extend(given.clone());
    // What is wrong with them is better said once.
    setup::session(ANY_DESIGN, &params, None)?;
    let asked = |name: &str, value: &dyn Display| {
        given.get(name).is_none_or(|asked| asked.as_str() == Some(&value.to_string()))
    };
    let mut designs = Vec::new();
    for lock in Lock::ALL.into_iter().filter(|it| asked("lock", it)) {
        for guard in Guard::ALL.into_iter().filter(|it| asked("guard", it)) {
            for order in Order::ALL.into_iter().filter(|it| asked("order", it)) {
                let mut params = params.clone();
                params.insert("lock".to_owned(), Value::from(lock.to_string()));
                params.insert("guard".to_owned(), Value::from(guard.to_string()));
                params.insert("order".to_owned(), Value::from(order.to_string()));
                let offered = setup::model("snapshot_log")?.session(&params, None).is_ok();
                designs.push(Design { lock, guard, order, params, offered, found: None });
            }
        }
    }
    Ok(designs)
}

/// Nothing where the combination makes no sense.
fn search(args: &Args, design: &Design) -> Result<Option<Explored>, Failure> {
    if design.guard.fences() && !design.lock.hands_out_tokens() {
        return Ok(None);
    }
    let mut session = setup::session(ANY_DESIGN, &design.params, None)?;
    Ok(Some(session.explore(&args.limits(design.lock), &mut |_, _| !was_interrupted())))
}

impl Design {
    fn holds(&self) -> Option<bool> {
        match self.found.as_ref()?.verdict {
            Verdict::Pass => Some(true),
            Verdict::Fail(_) => Some(false),
            Verdict::Unknown { .. } => None,
        }
    }

    /// How many steps the shortest failure has.
    fn steps(&self) -> Option<usize> {
        Some(self.found.as_ref()?.counterexample.as_ref()?.steps.len())
    }

    /// Whether nothing was found, and the model does not offer it all the same.
    fn is_open(&self) -> bool {
        self.holds() == Some(true) && !self.offered
    }

    fn cell(&self) -> String {
        let Some(found) = &self.found else { return "no token".to_owned() };
        match &found.verdict {
            Verdict::Pass if self.offered => format!("**holds**, {} states", found.distinct),
            Verdict::Pass => format!("{NONE_FOUND} in {} states", found.distinct),
            Verdict::Fail(violation) => {
                format!("{} in {}", violation.property, self.steps().unwrap_or_default())
            }
            Verdict::Unknown { .. } => format!("unknown after {} states", found.distinct),
        }
    }
}

/// The names of those designs.
fn parted(designs: &[Design], such: impl Fn(&Design) -> bool) -> Vec<String> {
    let name = |Design { lock, guard, order, .. }: &Design| {
        format!("lock={lock} guard={guard} order={order}")
    };
    designs.iter().filter(|it| such(it)).map(name).collect()
}

/// Whether the same guard and order were seen to break under another lock.
fn breaks_elsewhere(designs: &[Design], one: &Design) -> bool {
    let same = |it: &&Design| (it.guard, it.order) == (one.guard, one.order);
    designs.iter().filter(same).any(|it| it.holds() == Some(false))
}

/// A row for each lock and guard, a column for each order.
fn table(designs: &[Design]) -> Vec<String> {
    let mut orders: Vec<Order> = Vec::new();
    for design in designs {
        if !orders.contains(&design.order) {
            orders.push(design.order);
        }
    }
    let titles = orders.iter().map(|order| match order {
        Order::PutBySeq => "PUT by number, then head",
        Order::PutUnique => "PUT under a key of its own, then head",
        Order::HeadFirst => "head, then PUT",
    });
    let titles: Vec<&str> = ["lock", "guard"].into_iter().chain(titles).collect();
    let mut rows = vec![row(&titles), format!("|{}", "---|".repeat(titles.len()))];
    for of_one_row in designs.chunks(orders.len()) {
        let Design { lock, guard, .. } = of_one_row[0];
        let cells = of_one_row.iter().map(Design::cell);
        let cells: Vec<String> =
            [lock.to_string(), guard.to_string()].into_iter().chain(cells).collect();
        rows.push(row(&cells));
    }
    rows
}

fn row<T: AsRef<str>>(cells: &[T]) -> String {
    let cells: Vec<&str> = cells.iter().map(AsRef::as_ref).collect();
    format!("| {} |", cells.join(" | "))
}

/// What every word of the table is true of.
fn bounds(args: &Args, designs: &[Design]) -> String {
    let size = |name: &str| designs.first().map_or(0, |it| number(&it.params[name]));
    let tries = if size("tries") == 1 { "once" } else { &format!("{} times", size("tries")) };
    let readers =
        if size("readers") == 0 { "" } else { &format!(", {}", many(size("readers"), "reader")) };
    let has = |lock: Lock| designs.iter().any(|it| it.lock == lock);
    let others = designs.iter().map(|it| it.lock).find(|lock| *lock != Lock::Redlock);
    let faults = many(args.faults(others.unwrap_or(Lock::Redlock)).into(), "fault");
    let redlock = match (has(Lock::Redlock), others) {
        (true, Some(_)) if args.faults.is_none() => format!(
            "\nA redlock is on {NODES} nodes, who does not get it at once gives the try up, and it \
             is searched without faults."
        ),
        (true, _) => {
            format!(
                "\nA redlock is on {NODES} nodes, and who does not get it at once gives the try up."
            )
        }
        (false, _) => String::new(),
    };
    let open = |it: &Design| !it.offered && it.found.is_some() && it.holds() != Some(false);
    let open = match designs.iter().any(|it| open(it) && breaks_elsewhere(designs, it)) {
        true => format!("\n`{NONE_FOUND}`: not in these bounds; under another lock it breaks."),
        false => String::new(),
    };
    format!(
        "Of every schedule in which {}{readers} try {tries} each with at most {faults}, while a lock \
         may run out at any time:\nwhat holds, holds in all of them; what breaks, breaks in no fewer \
         steps.{redlock}{open}",
        many(size("writers"), "writer"),
    )
}

fn many(count: u64, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

/// A size as it was given or typed.
fn number(value: &Value) -> u64 {
    value.as_u64().or_else(|| value.as_str()?.parse().ok()).unwrap_or_default()
}

/// The shortest failure of each design that breaks, as a trace to be replayed.
fn write_traces(args: &Args, out: &Out, designs: &[Design]) -> Result<(), Failure> {
    let Some(directory) = &args.output else { return Ok(()) };
    for design in designs {
        let way = design.found.as_ref().and_then(|it| it.counterexample.as_ref());
        let Some(way) = way else { continue };
        let steps = (way.start, way.steps.as_slice());
        let faults = args.faults(design.lock);
        let ran = report::tell(ANY_DESIGN, &design.params, None, steps, faults)?;
        let Design { lock, guard, order, .. } = design;
        let path = directory.join(format!("decide-{lock}-{guard}-{order}.json"));
        file::write(&path, &ran.trace.to_json())?;
        out.say(format!("wrote    {}", path.display()));
    }
    Ok(())
}

/// One design, told: what was searched, or the shortest way to its failure.
fn say_one(args: &Args, out: &Out, design: &Design) -> Result<(), Failure> {
    out.verdict(format!("{}: {}", args.model, setup::show(&design.params)));
    let Some(way) = design.found.as_ref().and_then(|it| it.counterexample.as_ref()) else {
        out.verdict(design.cell());
        return Ok(());
    };
    let faults_max = args.faults(design.lock);
    let mut ran =
        report::tell(ANY_DESIGN, &design.params, None, (way.start, &way.steps), faults_max)?;
    ran.control = Control::None;
    ran.say_verdict(out, 0.0);
    ran.say_failed(out);
    // The same steps in a design that holds, which is what the others are to be compared with.
    let mut right = design.params.clone();
    right.insert("guard".to_owned(), Value::from(Guard::Cas.to_string()));
    right.insert("order".to_owned(), Value::from(Order::PutUnique.to_string()));
    let mut session = setup::session(setup::model(&args.model)?, &right, None)?;
    let plan = Plan::Steps { steps: &way.steps, faults_max };
    if session.play(&plan).verdict == Verdict::Pass {
        let control = paint(AnsiColor::Cyan, "CONTROL");
        out.say(format!("{control}  same steps with guard=cas order=put-unique: hold"));
    }
    Ok(())
}

fn object(args: &Args, designs: &[Design]) -> Value {
    let all = designs.iter().map(|design| {
        let found = design.found.as_ref();
        let violation = found.and_then(|it| it.verdict.violation());
        json!({
            "lock": design.lock,
            "guard": design.guard,
            "order": design.order,
            "faults_max": args.faults(design.lock),
            "holds": design.holds().filter(|_| !design.is_open()),
            "property": violation.map(|it| &it.property),
            "why": violation.map(|it| &it.why),
            "steps": design.steps(),
            "distinct": found.map(|it| it.distinct),
            "generated": found.map(|it| it.generated),
            "depth": found.map(|it| it.depth),
            "complete": found.map(|it| it.complete),
        })
    });
    let params = designs.first().map(|it| {
        let mut params = it.params.clone();
        params.retain(|name, _| !["lock", "guard", "order"].contains(&name.as_str()));
        params
    });
    json!({
        "model": args.model,
        "params": params,
        "states_max": args.states_max,
        "designs": all.collect::<Vec<_>>(),
    })
}
