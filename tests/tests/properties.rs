//! Promises over seeds and sizes: whatever a model is sized by, it holds, and its figures agree.

use checker::Verdict;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use sim::session::Outcome;
use sim::step::Step;
use sim::trace::Trace;
use unforked_tests::{always, play_seed, sized};

/// One run of a model of some size, told.
struct Told {
    outcome: Outcome,
    steps: Vec<Step>,
    stats: Vec<(&'static str, u64)>,
    trace: Trace,
    /// The head of the first run when everybody was done.
    head: Option<u64>,
}

fn run(model: &str, params: Value, seed: u64) -> Told {
    let model = models::find(model).expect("it is listed");
    let Value::Object(params) = params else { panic!("parameters are an object") };
    let mut session = sized(model, &params, None);
    let (run, outcome) = play_seed(session.as_mut(), seed);
    let (trace, scenes) = session.tell(&run.steps, run.steps.len(), &outcome);
    let last = scenes.last().map(|scene| scene.columns.iter());
    let head = last.into_iter().flatten().find(|(name, _)| *name == "head");
    let head = head.map(|(_, head)| head.parse().expect("a head is a number"));
    Told { outcome, steps: run.steps, stats: run.stats, trace, head }
}

impl Told {
    fn stat(&self, name: &str) -> u64 {
        let found = self.stats.iter().find(|(it, _)| *it == name);
        found.unwrap_or_else(|| panic!("there is no figure called {name}")).1
    }

    /// Transitions whose outcome their writer never learnt.
    fn unknown(&self) -> u64 {
        let open = |op: &&Value| op["f"] == "cas" && op.get("return").is_none();
        self.trace.history.iter().filter(open).count() as u64
    }

    fn lost(&self) -> usize {
        self.steps.iter().filter(|step| matches!(step, Step::Lose(_))).count()
    }

    fn crashes(&self) -> usize {
        self.steps.iter().filter(|step| matches!(step, Step::Crash(_))).count()
    }

    /// The figures of a sound run of a head say one thing.
    fn figures_agree(&self) -> Result<(), TestCaseError> {
        prop_assert_eq!(self.stat("forks"), 0);
        prop_assert_eq!(self.stat("duplicates"), 0);
        prop_assert!(self.stat("winners") <= self.stat("final_seq"));
        prop_assert_eq!(self.stat("gaps"), 0, "a number made in silence is no gap");
        let silent = self.stat("final_seq") - self.stat("winners");
        prop_assert!(silent <= self.unknown(), "what nobody won was won in silence");
        prop_assert!(
            self.stat("taken_over_mid_transition") <= self.stat("expiries_mid_transition")
        );
        Ok(())
    }
}

fn one_of(names: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    proptest::sample::select(names)
}

#[test]
fn a_run_head_of_any_size_holds_and_its_figures_agree() {
    let sizes = (1..=6u16, 1..=6u64, 1..=3u16);
    let kinds = (
        one_of(&["none", "redlock"]),
        one_of(&["any", "plain", "head"]),
        one_of(&["any", "auto", "explicit"]),
        1..=10_000u32,
    );
    always((sizes, kinds, any::<u64>()), |(sizes, (lock, conflict, commit, ttl), seed)| {
        let (writers, transitions, runs) = sizes;
        let told = run(
            "run_head",
            json!({
                "writers": writers, "transitions": transitions, "runs": runs, "lock": lock,
                "conflict": conflict, "commit": commit, "ttl": ttl,
            }),
            seed,
        );
        prop_assert_eq!(&told.outcome.verdict, &Verdict::Pass);
        told.figures_agree()?;
        prop_assert!(told.stat("final_seq") <= transitions);
        if told.crashes() == 0 {
            let (runs, first) = (u64::from(runs), u64::from(transitions % u64::from(runs) > 0));
            prop_assert_eq!(told.head, Some(transitions / runs + first));
            let heard = told.unknown() == 0;
            prop_assert!(!heard || told.stat("final_seq") == transitions, "all were heard of");
        }
        if lock == "none" {
            prop_assert_eq!(told.stat("expiries_mid_transition"), 0);
        }
        Ok(())
    });
}

#[test]
fn a_cluster_of_any_size_holds_and_its_figures_agree() {
    let clients = (1..=4u16, 0..=2u16, 0..=2u16);
    always((clients, 1..=5u64, 1..=4u32, any::<u64>()), |(clients, transitions, page, seed)| {
        let (writers, readers, holders) = clients;
        let told = run(
            "cluster",
            json!({
                "writers": writers, "readers": readers, "holders": holders,
                "transitions": transitions, "page": page,
            }),
            seed,
        );
        prop_assert_eq!(&told.outcome.verdict, &Verdict::Pass);
        told.figures_agree()?;
        if told.crashes() == 0 {
            prop_assert_eq!(told.head, Some(transitions));
        }
        Ok(())
    });
}

#[test]
fn an_object_store_of_any_size_holds_and_has_one_winner() {
    let clients = (1..=4u16, 0..=3u16);
    let sizes = (1..=5u32, 1..=4u32, any::<bool>(), 0..=3u32);
    always((clients, sizes, any::<u64>()), |(clients, sizes, seed)| {
        let ((writers, readers), (objects, page, looks, puts_per_second)) = (clients, sizes);
        let told = run(
            "object_store",
            json!({
                "writers": writers, "readers": readers, "objects": objects, "page": page,
                "looks": looks, "puts_per_second": puts_per_second,
            }),
            seed,
        );
        prop_assert_eq!(&told.outcome.verdict, &Verdict::Pass);
        let claims = told.trace.history.iter().filter(|op| op["if_none_match"] == true);
        let won = claims.filter(|op| op["ret"] == true).count();
        prop_assert!(won <= 1, "{won} writers were told that they created one object");
        Ok(())
    });
}

#[test]
fn a_snapshot_log_of_any_design_that_is_offered_holds() {
    let designs = [
        ("none", "cas", "put-unique"),
        ("single", "cas", "put-unique"),
        ("single", "fence-at-read", "put-unique"),
        ("none", "cas-and-if-none-match", "put-by-seq"),
        ("single", "cas-and-if-none-match", "put-by-seq"),
        ("none", "cas-and-if-none-match", "put-unique"),
    ];
    let clients = (1..=4u16, 0..=2u16, 1..=4u32);
    let sizes = (1..=3u64, 1..=12u64, 1..=4u32);
    let design = proptest::sample::select(designs.to_vec());
    always((clients, sizes, design, any::<u64>()), |(clients, sizes, design, seed)| {
        let ((writers, readers, tries), (batch, first, page)) = (clients, sizes);
        let (lock, guard, order) = design;
        let batch = if (guard, order) == ("cas", "put-unique") { batch } else { 1 };
        let told = run(
            "snapshot_log",
            json!({
                "writers": writers, "readers": readers, "tries": tries, "lock": lock,
                "guard": guard, "order": order, "batch": batch, "first": first, "page": page,
            }),
            seed,
        );
        prop_assert_eq!(&told.outcome.verdict, &Verdict::Pass);
        prop_assert_eq!((told.stat("forks"), told.stat("gaps")), (0, 0));
        let made = u64::from(writers) * u64::from(tries) * batch;
        let restarts = told.steps.iter().filter(|it| matches!(it, Step::Restart(_))).count();
        prop_assert!(told.stat("final_seq") <= made * (1 + restarts as u64));
        prop_assert!(told.stat("final_seq") > 0 || told.crashes() > 0 || told.lost() > 0);
        Ok(())
    });
}

#[test]
fn a_redlock_of_any_size_has_one_holder_and_its_figures_agree() {
    let sizes = (1..=4u16, 1..=3u16, 1..=5u8, 10..=20_000u32);
    let tries = (0..=3u16, 0..=3u16);
    let kinds =
        (one_of(&["cas", "token"]), one_of(&["exact", "nodes-fast", "nodes-slow", "mixed"]));
    always((sizes, tries, kinds, any::<u64>()), |(sizes, tries, (guard, clocks), seed)| {
        let (writers, turns, nodes, ttl) = sizes;
        let (retries, extensions) = tries;
        let told = run(
            "redlock",
            json!({
                "writers": writers, "turns": turns, "nodes": nodes, "ttl": ttl,
                "threshold": ttl / 10, "retries": retries, "extensions": extensions,
                "guard": guard, "clocks": clocks,
            }),
            seed,
        );
        prop_assert_eq!(&told.outcome.verdict, &Verdict::Pass);
        told.figures_agree()
    });
}

/// Kleppmann is right that there can be two holders, and antirez that a compare-and-set of what is
/// unique to each is enough: the row is right whatever becomes of the lock that guards it.
#[test]
fn two_holders_of_a_redlock_do_not_fork_the_row() {
    let mutants = models::find("redlock").expect("it is listed").card().mutants;
    let exclusion = mutants.into_iter().filter(|it| it.breaks.name() == "mutual-exclusion");
    let exclusion: Vec<String> = exclusion.map(|it| it.name).collect();
    assert_eq!(exclusion.len(), 8, "{exclusion:?}");
    let sizes = (2..=4u16, 1..=5u8);
    let kinds = (proptest::sample::select(exclusion), one_of(&["cas", "token"]));
    always((sizes, kinds, any::<u64>()), |((writers, nodes), (mutant, guard), seed)| {
        let params = json!({
            "writers": writers, "nodes": nodes, "guard": guard, "clocks": "nodes-fast",
            "exclusive": false,
        });
        let params = params.as_object().expect("it is one").clone();
        let model = models::find("redlock").expect("it is listed");
        let (run, _) = play_seed(sized(model, &params, Some(&mutant)).as_mut(), seed);
        prop_assert_eq!(run.verdict, Verdict::Pass, "{} with {}", mutant, guard);
        Ok(())
    });
}

#[test]
fn a_run_locker_of_any_size_holds_and_its_figures_agree() {
    let sizes = (1..=4u16, 1..=3u16, 10..=20_000u32);
    let tries = (1..=10u16, 0..=3u16);
    let kinds = (one_of(&["unique", "token"]), any::<bool>());
    always((sizes, tries, kinds, any::<u64>()), |(sizes, tries, (guard, nested), seed)| {
        let (writers, turns, ttl) = sizes;
        let (attempts, extensions) = tries;
        let told = run(
            "run_locker",
            json!({
                "writers": writers, "turns": turns, "ttl": ttl, "threshold": ttl / 5,
                "attempts": attempts, "extensions": extensions, "guard": guard, "nested": nested,
            }),
            seed,
        );
        prop_assert_eq!(&told.outcome.verdict, &Verdict::Pass);
        told.figures_agree()
    });
}

/// From wherever it begins and whatever becomes of it: the message that goes first is found, the
/// snapshot that comes late is refused.
#[test]
fn a_run_engine_of_any_size_keeps_its_promises() {
    let clients = (0..=3u16, 1..=3u16, 0..=3u16, 0..=2u16, 0..=2u16, 0..=2u16);
    let sizes = (1..=3u16, 1..=3u8, 0..=3u8, 1..=4u8);
    let kinds = (one_of(&["none", "redis"]), any::<bool>(), any::<bool>());
    always((clients, sizes, kinds, any::<u64>()), |(clients, sizes, kinds, seed)| {
        let (triggers, workers, monitors, operators, cancellers, pollers) = clients;
        let (turns, attempts, restarts, limit) = sizes;
        let (lock, delayed, replica) = kinds;
        let told = run(
            "run_engine",
            json!({
                "triggers": triggers, "workers": workers, "monitors": monitors,
                "operators": operators, "cancellers": cancellers, "pollers": pollers,
                "turns": turns, "attempts": attempts, "restarts": restarts, "limit": limit,
                "lock": lock, "delayed": delayed, "replica": replica,
            }),
            seed,
        );
        prop_assert_eq!(&told.outcome.verdict, &Verdict::Pass);
        prop_assert!(lock == "redis" || told.stat("expiries_mid_transition") == 0);
        Ok(())
    });
}

/// A parameter that is given is not drawn, and one that is not is drawn by the seed alone.
#[test]
fn a_seed_fills_in_only_what_was_left_open() {
    let model = models::find("run_head").expect("it is listed");
    always((any::<u64>(), one_of(&["auto", "explicit"])), |(seed, commit)| {
        let open = play_seed(sized(model, &Map::new(), None).as_mut(), seed).0.params;
        prop_assert!(open.values().all(|value| value != "any"), "{open:?}");
        let given = Map::from_iter([("commit".to_owned(), json!(commit))]);
        let given = play_seed(sized(model, &given, None).as_mut(), seed).0.params;
        prop_assert_eq!(&given["commit"], commit);
        prop_assert_eq!(&given["conflict"], &open["conflict"]);
        Ok(())
    });
}
