//! What each step means, exactly: tiny clients, a tiny world, and schedules written out.

use checker::{ClientId, Property, Spec, Verdict};
use serde_json::{Map, json};
use sim::chooser::{Chooser, Dull, Random};
use sim::explore::Limits;
use sim::menu::Menu;
use sim::prelude::*;
use sim::registry::{AnyModel, Registered};
use sim::run::{Bounds, Ended, Observer, Stop, engine};
use sim::scenario::Scenario;
use sim::session::{Plan, Session};
use sim::step::{Names, Step};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::{Pin, pin};

/// One number behind one lock, and a clock that ticks a few times.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
struct Room {
    number: u64,
    holder: Option<CallId>,
    queue: VecDeque<CallId>,
    turn: Option<CallId>,
    ticks_left: u16,
    only_jolts: bool,
    /// Clients whose connections were closed.
    gone: Vec<ClientId>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Ask {
    /// Waits until the lock is free.
    Take,
    Give,
    Set(u64),
    Get,
}

impl World for Room {
    type Call = Ask;
    type Reply = u64;
    const MOVES: &'static [&'static str] = &["tick", "jolt"];

    fn apply(&mut self, from: CallId, call: &Ask) -> Poll<u64> {
        match call {
            Ask::Take if self.holder.is_none() || self.turn == Some(from) => {
                self.turn = None;
                self.holder = Some(from);
            }
            Ask::Take => {
                self.queue.push_back(from);
                return Poll::Pending;
            }
            Ask::Give => self.holder = None,
            Ask::Set(number) => self.number = *number,
            Ask::Get => {}
        }
        Poll::Ready(self.number)
    }

    fn freed(&mut self) -> Option<CallId> {
        if self.holder.is_some() {
            return None;
        }
        self.turn = self.queue.pop_front();
        self.turn
    }

    fn moves(&self, moves: &mut Moves) {
        if self.ticks_left > 0 {
            if !self.only_jolts {
                moves.due(0, self.ticks_left);
            }
            moves.may(1, 0);
        }
    }

    fn advance(&mut self, chosen: Move) {
        self.ticks_left -= 1;
        self.number += u64::from(chosen.kind) * 100;
    }

    fn gone(&mut self, client: ClientId) {
        self.gone.push(client);
    }
}

impl Legible for Room {}

/// What clients do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Program {
    /// Takes the lock, sets the number to the client's own, gives the lock back.
    #[default]
    Hold,
    /// Sets the number to an idempotency key, then looks.
    Set,
    /// The same, and says so to the engine.
    SetAt,
    /// Two calls at once, and waits for both.
    Join,
    /// Two calls at once, the first answer wins and the other call is dropped.
    Select,
    /// Asks for ever, unless it is client 0, which asks once.
    Spin,
    /// Asks until the number is a hundred.
    UntilJolted,
    /// Takes the lock and keeps it, then asks for it again.
    Deadlock,
}

#[derive(Clone, Serialize, Deserialize, Default)]
struct Sizes {
    clients: u16,
    ticks: u16,
    settles: bool,
    program: Program,
}

impl Params for Sizes {}

/// A model whose clients do what `Program` says.
#[derive(Clone)]
struct Play<const TRAVEL: bool>(Sizes);

impl<const TRAVEL: bool> Model for Play<TRAVEL> {
    const NAME: &'static str = "play";
    const ABOUT: &'static str = "whatever a test needs";
    const VERSION: u32 = 1;
    const ANSWERS_TRAVEL: bool = TRAVEL;
    type Params = Sizes;
    type Mutant = ();
    const MUTANTS: &'static [Mutation<()>] = &[];
    type World = Room;
    type Spec = Anything;

    fn new(sizes: Sizes, _mutant: Option<()>) -> Self {
        Play(sizes)
    }

    fn clients(&self) -> u16 {
        self.0.clients
    }

    fn worlds(&self) -> Vec<Room> {
        vec![Room { ticks_left: self.0.ticks, ..Room::default() }]
    }

    fn spec(&self) -> Anything {
        Anything
    }

    async fn client(self, io: Io<Self>) {
        let me = u64::from(io.me().0);
        match self.0.program {
            Program::Hold => {
                let _ = io.call(Ask::Take).await;
                let _ = io.call(Ask::Set(10 + me)).await;
                let _ = io.call(Ask::Give).await;
            }
            Program::Set | Program::SetAt => {
                let asked = io.begin(io.unique());
                let told = io.call(Ask::Set(io.unique())).await;
                if self.0.program == Program::SetAt {
                    io.at(&"a loop's head");
                }
                if told.is_ok() {
                    asked.end(0);
                }
                let _ = io.call(Ask::Get).await;
            }
            Program::Join => {
                both(io.call(Ask::Set(1)), io.call(Ask::Set(2))).await;
            }
            Program::Select => {
                let _ = either(io.call(Ask::Set(1)), io.call(Ask::Set(2))).await;
                let _ = io.call(Ask::Get).await;
            }
            Program::Spin => while io.call(Ask::Get).await.is_ok() && me > 0 {},
            Program::UntilJolted => while io.call(Ask::Get).await != Ok(100) {},
            Program::Deadlock => {
                let _ = io.call(Ask::Take).await;
                let _ = io.call(Ask::Take).await;
            }
        }
    }

    fn settled(&self, _world: &Room) -> Result<(), Violation> {
        if self.0.settles {
            return Ok(());
        }
        Err(Violation::new(Property::named("settled"), "it was not to settle"))
    }

    fn steps_max(&self) -> usize {
        100
    }
}

/// Polls both, first one first, until both are done.
async fn both<F: Future>(left: F, right: F) {
    let (mut left, mut right) = (pin!(left), pin!(right));
    let mut done = (false, false);
    poll_fn(|context| {
        done.0 = done.0 || left.as_mut().poll(context).is_ready();
        done.1 = done.1 || right.as_mut().poll(context).is_ready();
        if done == (true, true) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// Polls both, first one first, until one is done; the other is dropped.
async fn either<F: Future>(left: F, right: F) -> F::Output {
    let (mut left, mut right) = (pin!(left), pin!(right));
    poll_fn(|context| {
        let mut polls = |it: &mut Pin<&mut F>| it.as_mut().poll(context);
        match polls(&mut left) {
            Poll::Pending => polls(&mut right),
            ready => ready,
        }
    })
    .await
}

/// A spec that any answer is right for: what is tested here is the engine.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Anything;

impl Spec for Anything {
    type Op = u64;
    type Ret = u64;

    fn step(&self, _op: &u64, _ret: Option<&u64>) -> impl IntoIterator<Item = Self> {
        Some(Anything)
    }
}

const NAMES: Names<'static> = Names { role: &|_| 'c', moves: Room::MOVES };

/// Takes exactly these steps, and notes what else could have happened before each.
struct Script<'a> {
    steps: &'a [&'a str],
    menus: Vec<Vec<String>>,
}

impl Chooser for Script<'_> {
    fn choose(&mut self, menu: &Menu) -> Option<usize> {
        let mut shown: Vec<String> = menu.iter().map(|step| step.text(&NAMES)).collect();
        let wanted = self.steps.get(self.menus.len())?;
        let index = shown.iter().position(|it| it == wanted);
        let index = index.unwrap_or_else(|| panic!("'{wanted}' is not on the menu {shown:?}"));
        shown.sort_unstable();
        self.menus.push(shown);
        Some(index)
    }
}

/// Writes down every effect: `c0 Take: 0`, or `c1 Take waits`.
#[derive(Default)]
struct Told(Vec<String>);

impl<M: Model<World = Room>> Observer<M, Room> for Told {
    fn told(&mut self, from: CallId, call: &Ask, reply: Option<&u64>) {
        let answer = reply.map_or(" waits".to_owned(), |reply| format!(": {reply}"));
        let who = if from.slot >= CallId::ADRIFT { "adrift" } else { "" };
        self.0.push(format!("{who}c{} {call:?}{answer}", from.client.0));
    }
}

struct Played {
    ended: Ended,
    told: Vec<String>,
    menus: Vec<Vec<String>>,
    world: Room,
    ops_open: usize,
}

/// Plays exactly `steps`, and stops there.
fn played<const TRAVEL: bool>(sizes: Sizes, faults_max: u32, steps: &[&str]) -> Played {
    let model = Play::<TRAVEL>(sizes);
    let mut world = model.worlds().remove(0);
    let mut chooser = Script { steps, menus: Vec::new() };
    let mut told = Told::default();
    let bounds = Bounds { faults_max, steps_max: steps.len(), tail_max: 0 };
    let mut engine = engine::<Play<TRAVEL>>();
    let ended = engine.run(&model, &mut world, &mut chooser, bounds, &mut told);
    let open = engine.history().operations().iter().filter(|it| it.ret().is_none()).count();
    Played { ended, told: told.0, menus: chooser.menus, world, ops_open: open }
}

fn sizes(clients: u16, program: Program) -> Sizes {
    Sizes { clients, program, settles: true, ..Sizes::default() }
}

#[test]
fn parked_calls_are_freed_first_come_in_the_holders_step() {
    let steps = [
        "apply c1", // takes
        "apply c2", // waits
        "apply c0", // waits
        "apply c1", // sets
        "apply c1", // gives, and c2 has it there and then
        "apply c2", // sets
        "apply c2", // gives, and c0 has it
    ];
    let run = played::<false>(sizes(3, Program::Hold), 0, &steps);
    let wanted = [
        "c1 Take: 0",
        "c2 Take waits",
        "c0 Take waits",
        "c1 Set(11): 11",
        "c1 Give: 11",
        "c2 Take: 11",
        "c2 Set(12): 12",
        "c2 Give: 12",
        "c0 Take: 12",
    ];
    assert_eq!(run.told, wanted);
    assert_eq!(run.world.holder.map(|it| it.client), Some(ClientId(0)));
}

#[test]
fn a_parked_call_is_not_offered_until_it_is_freed() {
    let run = played::<false>(sizes(2, Program::Hold), 0, &["apply c1", "apply c0", "apply c1"]);
    assert_eq!(run.menus[0], ["apply c0", "apply c1"]);
    assert_eq!(run.menus[1], ["apply c0", "apply c1"]);
    assert_eq!(run.menus[2], ["apply c1"], "c0 waits in the world");
}

#[test]
fn a_call_lost_before_it_is_applied_may_land_late_or_never() {
    let lost = ["lose c0", "apply c0"];
    let never = played::<false>(sizes(1, Program::Set), 1, &lost);
    assert_eq!(never.told, ["c0 Get: 0"]);
    assert_eq!(never.ended, Ended::Done, "a call adrift holds nobody up");
    assert_eq!(never.ops_open, 1, "its client never knew");

    let late = played::<false>(sizes(1, Program::Set), 1, &["lose c0", "late c0", "apply c0"]);
    assert_eq!(late.told, ["adriftc0 Set(2): 2", "c0 Get: 2"]);
    assert_eq!(late.menus[1], ["apply c0", "late c0"], "no fault is left");
}

#[test]
fn a_parked_call_that_is_lost_still_lands_when_it_is_freed() {
    let steps = [
        "apply c1", // takes
        "apply c0", // waits
        "lose c0",  // is told nothing, and goes on to set, while its call stays where it is
        "apply c0.1",
        "apply c1", // sets
        "apply c1", // gives: the lock goes to c0, which does not know
    ];
    let run = played::<false>(sizes(2, Program::Hold), 1, &steps);
    let wanted = [
        "c1 Take: 0",
        "c0 Take waits",
        "c0 Set(10): 10",
        "c1 Set(11): 11",
        "c1 Give: 11",
        "c0 Take: 11",
    ];
    assert_eq!(run.told, wanted);
    assert_eq!(run.world.holder.map(|it| it.client), Some(ClientId(0)));
    assert!(!run.menus[3].contains(&"late c0".to_owned()), "it waits in the world, not on the way");
}

#[test]
fn a_crash_sets_calls_adrift_and_a_restart_begins_anew() {
    let steps = ["crash c0", "restart c0", "late c0", "apply c0", "apply c0"];
    let run = played::<false>(sizes(2, Program::Set), 1, &steps);
    let first = ["apply c0", "apply c1", "crash c0", "crash c1", "lose c0", "lose c1"];
    assert_eq!(run.menus[0], first);
    assert_eq!(run.menus[1], ["apply c1", "late c0", "restart c0"]);
    assert_eq!(run.world.gone, [ClientId(0)]);
    // An idempotency key is never used twice, not by the next life either.
    assert_eq!(run.told, ["adriftc0 Set(2): 2", "c0 Set(4): 4", "c0 Get: 4"]);
}

#[test]
fn when_everybody_crashed_the_run_is_over() {
    let run = played::<false>(sizes(1, Program::Set), 1, &["crash c0"]);
    assert_eq!(run.ended, Ended::Done);
    assert_eq!(run.ops_open, 1);
}

#[test]
fn two_calls_in_flight_apply_in_any_order() {
    let run = played::<false>(sizes(1, Program::Join), 0, &["apply c0", "apply c0.1"]);
    assert_eq!(run.told, ["c0 Set(1): 1", "c0 Set(2): 2"]);
    assert_eq!(run.menus[0], ["apply c0", "apply c0.1"]);
    let run = played::<false>(sizes(1, Program::Join), 0, &["apply c0.1", "apply c0"]);
    assert_eq!(run.told, ["c0 Set(2): 2", "c0 Set(1): 1"]);
    assert_eq!((run.ended, run.world.number), (Ended::Done, 1));
}

#[test]
fn one_of_two_calls_can_be_lost() {
    let steps = ["lose c0.1", "apply c0"];
    let run = played::<false>(sizes(1, Program::Join), 1, &steps);
    assert_eq!((run.ended, run.told), (Ended::Done, vec!["c0 Set(1): 1".to_owned()]));
}

#[test]
fn the_loser_of_a_select_is_adrift_and_costs_no_fault() {
    // The next call takes the slot of the one that was answered.
    for (winner, lands) in [("apply c0", 2), ("apply c0.1", 1)] {
        let run = played::<false>(sizes(1, Program::Select), 0, &[winner, "late c0", winner]);
        assert_eq!((&run.ended, run.world.number), (&Ended::Done, lands), "{:?}", run.told);
        assert_eq!(run.menus[1], [winner, "late c0"]);
    }
}

#[test]
fn where_answers_travel_they_take_a_step_and_can_be_lost_on_the_way() {
    let steps = ["apply c0", "reply c0", "apply c0", "reply c0"];
    let run = played::<true>(sizes(1, Program::Set), 1, &steps);
    assert_eq!((run.ended, run.ops_open), (Ended::Done, 0));
    assert_eq!(run.menus[1], ["crash c0", "lose c0", "reply c0"]);

    let steps = ["apply c0", "lose c0", "apply c0", "reply c0"];
    let run = played::<true>(sizes(1, Program::Set), 1, &steps);
    assert_eq!(run.told, ["c0 Set(2): 2", "c0 Get: 2"], "it took effect all the same");
    assert_eq!(run.ops_open, 1);
    assert!(!run.menus[2].iter().any(|it| it.starts_with("late")), "nothing is adrift");
}

#[test]
fn a_reply_travels_nowhere_else() {
    let run = played::<false>(sizes(2, Program::Set), 1, &["apply c0", "apply c0"]);
    assert!(run.menus.iter().flatten().all(|it| !it.starts_with("reply")));
}

#[test]
fn always_taking_the_dullest_step_starves_nobody() {
    let model = Play::<false>(Sizes { ticks: 5, ..sizes(3, Program::Spin) });
    let mut world = model.worlds().remove(0);
    let bounds = Bounds { faults_max: 0, steps_max: 30, tail_max: 0 };
    let mut engine = engine::<Play<false>>();
    let ended = engine.run(&model, &mut world, &mut Dull, bounds, &mut ());
    assert_eq!(ended, Ended::Livelock, "two of them spin");
    let steps: Vec<String> = engine.steps().iter().map(|step| step.text(&NAMES)).collect();
    let taken = |name: &str| steps.iter().filter(|it| it.starts_with(name)).count();
    assert_eq!((taken("apply c0"), taken("tick"), taken("jolt")), (1, 5, 0), "{steps:?}");
    assert!(taken("apply c1").abs_diff(taken("apply c2")) <= 1, "{steps:?}");
}

#[test]
fn the_menu_has_all_that_can_happen_and_nothing_else() {
    let sizes = Sizes { ticks: 2, ..sizes(2, Program::Set) };
    let run = played::<false>(sizes, 2, &["lose c0", "apply c1"]);
    let steps = [
        "apply c0", "apply c1", "crash c0", "crash c1", "jolt 0", "late c0", "lose c0", "lose c1",
        "tick 2",
    ];
    assert_eq!(run.menus[1], steps);
}

#[test]
fn a_fair_schedule_never_asks_for_faults_or_their_like() {
    let model = Play::<false>(Sizes { ticks: 40, ..sizes(3, Program::Hold) });
    let mut world = model.worlds().remove(0);
    let bounds = Bounds { faults_max: 5, steps_max: 0, tail_max: 100 };
    let mut engine = engine::<Play<false>>();
    assert_eq!(engine.run(&model, &mut world, &mut Dull, bounds, &mut ()), Ended::Done);
    let fair = |step: &Step| matches!(step, Step::Apply(_) | Step::World(Move { kind: 0, .. }));
    assert!(engine.steps().iter().all(fair), "{:?}", engine.steps());
}

#[test]
fn in_a_fair_schedule_time_passes_even_for_those_who_spin() {
    // Client 1 spins until it is jolted, which is a lapse; ticks there are none left.
    let model = Play::<false>(Sizes { ticks: 1, ..sizes(1, Program::UntilJolted) });
    let mut world = Room { only_jolts: true, ..model.worlds().remove(0) };
    let bounds = Bounds { faults_max: 0, steps_max: 10, tail_max: 5_000 };
    let mut engine = engine::<Play<false>>();
    assert_eq!(engine.run(&model, &mut world, &mut Dull, bounds, &mut ()), Ended::Done);
}

#[test]
fn who_crashed_last_may_come_back_if_somebody_chooses_so() {
    let sizes = sizes(1, Program::Set);
    let back = ["crash c0", "restart c0", "apply c0", "apply c0"];
    let run = played::<false>(sizes.clone(), 1, &back);
    assert_eq!((run.ended, run.told.len()), (Ended::Done, 2), "a whole second life");
    let mut seen = [false; 2];
    for seed in 0..500 {
        let mut session = open(&sizes);
        session.play(&Plan::Seed(Scenario { faults_max: Some(1), ..Scenario::of(seed) }));
        let has = |wanted: fn(&Step) -> bool| session.steps().iter().any(wanted);
        if has(|step| matches!(step, Step::Crash(_))) {
            seen[usize::from(has(|step| matches!(step, Step::Restart(_))))] = true;
        }
    }
    assert_eq!(seen, [true, true], "seeds try both: it comes back, and it never does");
}

/// Whatever a client can do with its calls, no state is taken for another and none is missed.
#[test]
fn exhaustive_search_misses_nothing_that_enumeration_finds() {
    for (program, clients, faults_max, ticks) in [
        (Program::Hold, 3, 0, 0),
        (Program::Hold, 2, 1, 0),
        (Program::Set, 2, 1, 0),
        (Program::Join, 1, 1, 1),
        (Program::Join, 2, 0, 0),
        (Program::Select, 1, 1, 0),
        (Program::Select, 2, 0, 0),
        (Program::Deadlock, 2, 0, 1),
        (Program::Deadlock, 2, 1, 1),
    ] {
        let sizes = Sizes { ticks, ..sizes(clients, program) };
        let all = open(&sizes).enumerate(faults_max, 2_000_000);
        let what = format!("{program:?} x{clients}, {faults_max} faults: {all:?}");
        assert!(all.schedules.is_some_and(|it| it > all.ends), "{what}");
        let limits = Limits { faults_max, states_max: 1 << 20, symmetry: false };
        let found = open(&sizes).explore(&limits, &mut |_, _| true);
        match found.verdict.broken() {
            None => assert_eq!((found.distinct, found.ends), (all.distinct, all.ends), "{what}"),
            Some(property) => assert!(all.broken.contains(property.name()), "{what}"),
        }
        assert_eq!(found.verdict.broken().is_some(), !all.broken.is_empty(), "{what}");
    }
}

#[test]
fn a_search_that_runs_out_of_states_passes_nothing() {
    let limits = Limits { faults_max: 1, states_max: 20, symmetry: false };
    let found = open(&sizes(2, Program::Hold)).explore(&limits, &mut |_, _| true);
    assert!(matches!(found.verdict, Verdict::Unknown { .. }), "{:?}", found.verdict);
    assert!(!found.complete);
}

#[test]
fn no_more_faults_happen_than_may() {
    for seed in 0..200 {
        let faults_max = (seed % 4) as u32;
        let model = Play::<false>(sizes(3, Program::Hold));
        let mut world = model.worlds().remove(0);
        let bounds = Bounds { faults_max, steps_max: 100, tail_max: 100 };
        let mut chooser = Random::new(Rng::new(seed));
        let mut engine = engine::<Play<false>>();
        engine.run(&model, &mut world, &mut chooser, bounds, &mut ());
        let faults = engine.steps().iter().filter(|step| step.is_fault()).count();
        assert!(faults <= faults_max as usize, "seed {seed}: {faults} of {faults_max}");
    }
}

fn open(sizes: &Sizes) -> Box<dyn Session> {
    let Ok(serde_json::Value::Object(params)) = serde_json::to_value(sizes) else {
        panic!("sizes are one flat object")
    };
    Registered::<Play<false>>::new().session(&params, None).expect("these sizes are right")
}

/// What the dull schedule comes to.
fn dull(sizes: &Sizes) -> Verdict {
    open(sizes).play(&Plan::Steps { steps: &[], faults_max: 0 }).verdict
}

#[track_caller]
fn assert_broken(verdict: &Verdict, property: &Property, says: &str) {
    let why = verdict.violation().map_or("", |violation| &violation.why);
    assert_eq!(verdict.broken(), Some(property), "{verdict:?}");
    assert!(why.contains(says), "{why}");
}

#[test]
fn nobody_being_able_to_go_on_is_a_failure_that_names_who_waits() {
    let verdict = dull(&sizes(2, Program::Deadlock));
    assert_broken(&verdict, &Property::PROGRESS, "c0, c1 wait for ever");
}

#[test]
fn a_fair_schedule_that_does_not_end_is_a_failure() {
    assert_broken(&dull(&sizes(2, Program::Spin)), &Property::PROGRESS, "does not come to an end");
}

#[test]
fn a_model_of_moves_alone_ends_when_it_is_settled_or_has_no_move_left() {
    let property = Property::named("settled");
    for (settles, broken, steps) in [(true, None, 1), (false, Some(&property), 3)] {
        let sizes = Sizes { ticks: 3, settles, ..Sizes::default() };
        let mut session = open(&sizes);
        let outcome = session.play(&Plan::Steps { steps: &[], faults_max: 0 });
        assert_eq!(outcome.verdict.broken(), broken);
        assert_eq!(session.steps().len(), steps, "every tick, and then nothing is left");
    }
}

#[test]
fn settled_is_asked_when_every_client_is_done() {
    let sizes = Sizes { settles: false, ..sizes(2, Program::Hold) };
    assert_broken(&dull(&sizes), &Property::named("settled"), "was not to settle");
}

#[test]
fn saying_where_a_loop_begins_changes_no_run() {
    for seed in 0..100 {
        let run = |program| {
            let mut session = open(&sizes(2, program));
            let outcome = session.play(&Plan::Seed(Scenario::of(seed)));
            (session.steps().to_vec(), outcome.digest, outcome.verdict)
        };
        assert_eq!(run(Program::Set), run(Program::SetAt), "seed {seed}");
    }
}

#[test]
fn no_two_clients_and_no_two_lives_draw_one_number() {
    let run = played::<false>(
        sizes(2, Program::Set),
        1,
        &["apply c0", "apply c1", "crash c0", "restart c0", "apply c0"],
    );
    let keys = ["c0 Set(2): 2", "c1 Set(4294967298): 4294967298", "c0 Set(4): 4"];
    assert_eq!(run.told, keys);
}

#[test]
fn a_failing_step_ends_the_run_and_is_the_last() {
    struct Refuses;
    impl Observer<Play<false>, Room> for Refuses {
        fn stepped(&mut self, _step: Step, world: &Room) -> Result<(), Stop> {
            let why = || Violation::new(Property::named("eleven"), "it is 11");
            if world.number == 11 { Err(why().into()) } else { Ok(()) }
        }
    }
    let model = Play::<false>(sizes(2, Program::Hold));
    let mut world = model.worlds().remove(0);
    let bounds = Bounds { faults_max: 0, steps_max: 100, tail_max: 0 };
    let mut engine = engine::<Play<false>>();
    let ended = engine.run(&model, &mut world, &mut Dull, bounds, &mut Refuses);
    assert!(matches!(ended, Ended::Broken(_)), "{ended:?}");
    let last = engine.steps().last().map(|step| step.text(&NAMES));
    assert_eq!(last.as_deref(), Some("apply c1"));
}

/// These numbers are a contract: changing one changes what every committed trace means.
#[test]
fn a_seed_has_the_same_digest_for_ever() {
    let digests: Vec<String> = [Program::Hold, Program::Set, Program::Join, Program::Select]
        .map(|program| {
            let sizes = Sizes { ticks: 3, ..sizes(3, program) };
            format!("{:016x}", open(&sizes).play(&Plan::Seed(Scenario::of(7))).digest)
        })
        .to_vec();
    assert_eq!(digests, GOLDEN);
}

const GOLDEN: [&str; 4] =
    ["a7c67d46aba12699", "13b1feaa16853b24", "ff9f18791fdddcd5", "a22d7de76f58ba1d"];

#[test]
fn what_a_model_cannot_be_sized_by_is_refused_by_name() {
    let model = Registered::<Play<false>>::new();
    for (name, value, says) in [
        ("clients", json!("many"), "clients takes a whole number, not 'many'"),
        ("clients", json!("70000"), "clients=\"70000\""),
        ("program", json!("dance"), "program=\"dance\""),
        ("settles", json!("perhaps"), "settles takes true or false, not 'perhaps'"),
        ("room", json!("1"), "play has no parameter 'room'; there are: clients, ticks"),
    ] {
        let params = Map::from_iter([(name.to_owned(), value)]);
        let Err(error) = model.session(&params, None) else { panic!("{name} was taken") };
        assert!(error.to_string().contains(says), "{error}");
    }
}
