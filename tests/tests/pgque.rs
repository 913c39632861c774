//! What the review of PgQue's metadata rotation found, and the regression tests that it asked for.
//!
//! NikolayS/pgque, pull request 62: four tests of the rotation, one of two calls that unregister, and
//! nine findings, each of which is to be found again by a mutant that has it.

use sim::explore::Limits;
use sim::session::Scene;
use sim::session::{Plan, Session};
use unforked_tests::sized;

const ROTATION: &str = "pgque/rotation";
const ALL: Limits = Limits { faults_max: 0, states_max: 1 << 24, symmetry: false };

fn session(model: &str, params: &[(&str, &str)], mutant: Option<&str>) -> Box<dyn Session> {
    let params = params.iter().map(|(name, value)| ((*name).to_owned(), (*value).into()));
    sized(models::find(model).expect("it is listed"), &params.collect(), mutant)
}

/// Makes the moves, which are all possible and break nothing; the states they lead through.
fn play(model: &str, mutant: Option<&str>, moves: &str) -> Vec<Scene> {
    let (scenes, skipped, verdict) = try_to_play(model, mutant, moves);
    assert_eq!(skipped, 0, "every one of these is possible: {moves}");
    assert_eq!(verdict, checker::Verdict::Pass, "{moves}");
    scenes
}

fn try_to_play(
    model: &str,
    mutant: Option<&str>,
    moves: &str,
) -> (Vec<Scene>, usize, checker::Verdict) {
    let lines: Vec<String> = moves.split_whitespace().map(|it| format!("{it} 0")).collect();
    let steps = models::find(model).expect("it is listed").parse(&lines).expect("these are moves");
    let mut session = session(model, &[], mutant);
    let outcome = session.play(&Plan::Steps { steps: &steps, faults_max: 0 });
    (session.scenes(0, &steps), outcome.skipped, outcome.verdict)
}

fn column(scene: &Scene, name: &str) -> String {
    let found = scene.columns.iter().find(|(it, _)| *it == name);
    found.unwrap_or_else(|| panic!("no column {name}: {:?}", scene.columns)).1.clone()
}

/// The table that counts, and whether it has the consumer's row.
fn counted(scene: &Scene) -> (usize, bool) {
    let current: usize = column(scene, "current").parse().expect("a table's number");
    let rows = column(scene, "subscriptions");
    (current, rows.split(' ').nth(current).expect("three tables") != "-")
}

#[test]
fn three_rotations_go_round_and_show_one_row_all_the_time() {
    let scenes = play(ROTATION, None, "rotate step2 rotate step2 rotate step2");
    let seen: Vec<_> = scenes.iter().map(counted).collect();
    assert_eq!(seen, [(1, true), (1, true), (2, true), (2, true), (0, true), (0, true)]);
}

#[test]
fn between_rotations_what_is_acknowledged_goes_to_the_table_that_counts() {
    let cycle = "tick begin finish rotate step2";
    let scenes = play(ROTATION, None, &[cycle; 3].join(" "));
    for (turn, scene) in scenes.chunks(5).map(|it| &it[2]).enumerate() {
        let (current, there) = counted(scene);
        assert_eq!((current, there), (turn % 3, true));
        let acked = (turn + 2).to_string();
        assert_eq!(column(scene, "acked"), acked);
        let rows = column(scene, "subscriptions");
        assert_eq!(rows.split(' ').nth(current), Some(acked.as_str()));
    }
}

#[test]
fn a_consumer_that_lags_keeps_its_tick_where_it_is_and_still_receives() {
    let moves = "tick rotate step2 rotate step2 rotate step2 begin finish";
    let scenes = play(ROTATION, None, moves);
    let last = scenes.last().expect("they were made");
    assert_eq!(column(last, "ticks in"), "0 0", "both lie where they were written");
    assert_eq!(column(last, "acked"), "2");
    let (_, _, verdict) = try_to_play(ROTATION, Some("ticks_ungated"), moves);
    assert_eq!(verdict.broken().map(|it| it.name()), Some("tick-resolvable"), "and without a gate");
}

#[test]
fn a_second_rotation_without_a_second_step_does_nothing() {
    let (_, skipped, verdict) = try_to_play(ROTATION, None, "rotate rotate");
    assert_eq!((skipped, verdict), (1, checker::Verdict::Pass));
    let (_, skipped, _) = try_to_play(ROTATION, Some("steps_ungated"), "rotate rotate");
    assert_eq!(skipped, 0, "it is the gate that refuses");
}

#[test]
fn two_calls_at_once_unregister_one_registration_once() {
    let mut sound = session("pgque/unregister", &[], None);
    let found = sound.explore(&ALL, &mut |_, _| true);
    assert!(found.complete, "{:?}", found.verdict);
    let mut unlocked = session("pgque/unregister", &[], Some("looks_unlocked"));
    let found = unlocked.explore(&ALL, &mut |_, _| true);
    assert_eq!(found.verdict.broken().map(|it| it.name()), Some("unregisters-what-it-saw"));
}

/// In the order of the findings: a convoy, 40P01, an acknowledgement that is lost, and one that is
/// not, a queue without consumers, a consumer that stands still, an old snapshot, two batches, and
/// two rotations.
#[test]
fn each_finding_is_found_by_a_mutant() {
    for (model, mutant, breaks, states) in [
        (ROTATION, "blocks_in_truncate", "no-convoy", 4),
        (ROTATION, "waits_for_acknowledger", "no-deadlock", 4),
        (ROTATION, "acks_old_snapshot", "no-lost-ack", 5),
        (ROTATION, "gate_sees_consumers_only", "latest-tick-present", 6),
        ("pgque/cadence", "counts_nothing", "deferrals-counted", 7),
        (ROTATION, "reads_old_snapshot", "snapshot-read-stable", 8),
        ("pgque/next_batch", "selects_unlocked", "at-most-one-active-batch", 6),
        ("pgque/cadence", "rotates_ungated", "one-rotation-a-step", 5),
    ] {
        let card = models::find(model).expect("it is listed").card();
        let mutants = card.mutants;
        let mutant = mutants.iter().find(|it| it.name == mutant).expect("it is a mutant");
        let params: Vec<(&str, &str)> = mutant.params.to_vec();
        let mut session = session(model, &params, Some(&mutant.name));
        let found = session.explore(&ALL, &mut |_, _| true);
        assert_eq!(found.verdict.broken().map(|it| it.name()), Some(breaks), "{}", mutant.name);
        let way = found.counterexample.expect("a failure has a shortest way to it");
        assert_eq!(way.steps.len() + 1, states, "{}", mutant.name);
    }
    // Under READ COMMITTED, as it is by default, nothing is lost; under REPEATABLE READ it is.
    let loses = |iso| {
        let mut session = session(ROTATION, &[("iso", iso)], None);
        let found = session.explore_alone(&ALL, "no-lost-ack", &mut |_, _| true);
        !found.expect("it names that").complete
    };
    assert_eq!((loses("rc"), loses("rr")), (false, true));
}
