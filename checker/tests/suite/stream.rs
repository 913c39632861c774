//! The stream beside the whole: event by event it comes to what the search says of all of it.

use crate::generate::{self, Draw, Heads, Random, Store};
use checker::specs::head::{self, Head};
use checker::specs::objects::Objects;
use checker::stream::{Split, Stream};
use checker::{Budget, ClientId, Operation, Outcome, Spec, Verdict, judge};

/// A spec that has no names for what is wrong, and no monitor.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Unnamed<S>(S);

impl<S: Spec> Spec for Unnamed<S> {
    type Op = S::Op;
    type Ret = S::Ret;

    fn step(&self, op: &S::Op, ret: Option<&S::Ret>) -> impl IntoIterator<Item = Self> {
        self.0.step(op, ret).into_iter().map(Unnamed)
    }

    fn reads(op: &S::Op, ret: Option<&S::Ret>) -> bool {
        S::reads(op, ret)
    }

    fn spent(&self, op: &S::Op) -> bool {
        self.0.spent(op)
    }

    fn key(op: &S::Op) -> Option<u64> {
        S::key(op)
    }
}

fn bytes(bytes_max: usize) -> Budget<'static> {
    Budget { bytes_max, ..Budget::default() }
}

enum Event {
    Call,
    Lost,
    Shut,
}

/// The events of a history; some of what stays open is said to be lost, some of it is not.
fn events<Op, Ret>(
    random: &mut Random,
    history: &[Operation<Op, Ret>],
) -> Vec<(u64, u8, usize, Event)> {
    let mut events = Vec::new();
    for (index, one) in history.iter().enumerate() {
        events.push((one.call, 0, index, Event::Call));
        let later = one.call + random.below(6);
        match one.outcome {
            Outcome::Returned { at, .. } => events.push((at, 1, index, Event::Shut)),
            Outcome::Failed => events.push((later, 1, index, Event::Shut)),
            Outcome::Open if random.one_in(2) => events.push((later, 1, index, Event::Lost)),
            Outcome::Open => {}
        }
    }
    events.sort_by_key(|event| (event.0, event.1, event.2));
    events
}

fn streamed<S: Spec>(
    random: &mut Random,
    init: S,
    split: Split,
    history: &[Operation<S::Op, S::Ret>],
) -> Verdict
where
    S::Op: Clone,
    S::Ret: Clone,
{
    let mut stream = Stream::new(init, split, bytes(1 << 26));
    for (at, _, index, event) in events(random, history) {
        let one = &history[index];
        let id = index as u64;
        let result = match (event, &one.outcome) {
            (Event::Call, _) => {
                stream.call(id, one.client, one.op.clone(), at);
                Ok(())
            }
            (Event::Lost, _) => {
                stream.lost(id);
                Ok(())
            }
            (Event::Shut, Outcome::Returned { ret, .. }) => stream.returned(id, ret.clone(), at),
            (Event::Shut, _) => stream.failed(id, at),
        };
        if result.is_err() {
            break;
        }
    }
    stream.finish()
}

fn agree<D: Draw, S: Spec<Op = D::Op, Ret = D::Ret> + Default>(count: u32, splits: &[Split]) {
    let mut random = Random(31);
    let mut wrong = 0;
    for _ in 0..count {
        let history = generate::history::<D>(&mut random, 11);
        let whole = judge(&Unnamed(S::default()), &history, &Budget::default());
        for &split in splits {
            let verdict = streamed(&mut random, S::default(), split, &history);
            let same = matches!(
                (&whole, &verdict),
                (Verdict::Pass, Verdict::Pass) | (Verdict::Fail(_), Verdict::Fail(_))
            );
            if !same {
                let lines = history
                    .iter()
                    .map(|one| format!("{} {}..{:?}", one.client, one.call, one.returned_at()));
                let lines = lines.collect::<Vec<_>>().join("\n");
                panic!("{split:?}: whole {whole:?}, streamed {verdict:?}\n{lines}");
            }
        }
        wrong += u32::from(whole != Verdict::Pass);
    }
    assert!(wrong > count / 10 && wrong < count * 9 / 10, "{wrong} of {count} are wrong");
}

#[test]
fn a_stream_comes_to_what_the_search_says_of_all_of_it() {
    agree::<Heads, Head<String>>(6000, &[Split::ByKey]);
    agree::<Store, Objects>(4000, &[Split::Whole]);
}

#[test]
fn what_has_returned_is_forgotten() {
    let mut stream = Stream::new(Head::<u32>::default(), Split::ByKey, bytes(4096));
    for seq in 0..50_000 {
        let id = 2 * seq;
        stream.call(id, ClientId(0), head::Op::Cas { key: 7, from: seq }, 10 * seq);
        stream.call(id + 1, ClientId(1), head::Op::Read { key: 7 }, 10 * seq + 1);
        assert_eq!(stream.returned(id + 1, head::Ret::Head(seq), 10 * seq + 2), Ok(()));
        assert_eq!(stream.returned(id, head::Ret::Won { seq: None }, 10 * seq + 3), Ok(()));
    }
    assert_eq!((stream.open(), stream.judged()), (0, 100_000));
    assert_eq!(stream.finish(), Verdict::Pass, "four kilobytes are enough");
}

#[test]
fn a_read_may_be_told_what_was_there_at_any_time_since_its_call() {
    for (told, right) in [(0, false), (1, true), (2, true), (3, true), (4, false)] {
        let mut stream = Stream::new(Head::<u32>::default(), Split::ByKey, bytes(1 << 20));
        let cas = |stream: &mut Stream<'_, Head<u32>>, from: u64, at: u64| {
            stream.call(from, ClientId(0), head::Op::Cas { key: 7, from }, at);
            assert_eq!(stream.returned(from, head::Ret::Won { seq: None }, at + 1), Ok(()));
        };
        cas(&mut stream, 0, 10);
        stream.call(99, ClientId(1), head::Op::Read { key: 7 }, 20);
        cas(&mut stream, 1, 30);
        cas(&mut stream, 2, 40);
        assert_eq!(stream.returned(99, head::Ret::Head(told), 50).is_ok(), right, "{told}");
    }
}

#[test]
fn what_failed_has_had_no_effect() {
    let mut stream = Stream::new(Head::<u32>::default(), Split::ByKey, bytes(1 << 20));
    stream.call(1, ClientId(0), head::Op::Cas { key: 7, from: 0 }, 10);
    stream.call(2, ClientId(1), head::Op::Read { key: 7 }, 11);
    assert_eq!(stream.returned(2, head::Ret::Head(1), 12), Ok(()));
    let found = stream.failed(1, 13).expect_err("somebody saw its effect");
    assert_eq!((found.at, found.operations), (Some(13), vec![0]));
}

#[test]
fn what_is_too_much_is_unknown() {
    let mut stream = Stream::new(Head::<u32>::default(), Split::ByKey, bytes(1000));
    for id in 0..40 {
        stream.call(id, ClientId(0), head::Op::Cas { key: 7, from: id }, id);
    }
    assert_eq!(stream.returned(39, head::Ret::Won { seq: None }, 50), Ok(()));
    assert!(stream.gave_up().is_some());
    assert!(matches!(stream.finish(), Verdict::Unknown { .. }));
}
