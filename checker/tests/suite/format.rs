//! Histories as others write them: what they say, where they are wrong, and that nothing a file
//! holds can do more than be refused.

mod events;
mod fuzz;
mod logs;
mod same;
mod wrong;

use checker::Operation;
use checker::format::{Collector, Format, FormatError, Reader, Renames, Written};
use checker::specs::head::Head;
use checker::specs::objects;
use checker::specs::register::Register;
use checker::text::Text;
use checker::value::Value;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestRunner};

type Heads = Head<Text>;
type Objects = objects::Objects<Value>;
type Read<S> = Vec<Operation<<S as checker::Spec>::Op, <S as checker::Spec>::Ret>>;

/// Reads a file that comes in blocks that end at these places.
fn read_in_blocks<S: Written>(
    format: Format,
    bytes: &[u8],
    cuts: &[usize],
) -> Result<Read<S>, FormatError> {
    let mut reader = Reader::new(format, Renames::default());
    read_with::<S>(&mut reader, bytes, cuts)
}

fn read_with<S: Written>(
    reader: &mut Reader,
    bytes: &[u8],
    cuts: &[usize],
) -> Result<Read<S>, FormatError> {
    let mut collector: Collector<S> = Collector::new(usize::MAX);
    let mut from = 0;
    for &cut in cuts.iter().chain([&bytes.len()]) {
        let cut = cut.clamp(from, bytes.len());
        reader.feed(&bytes[from..cut], &mut collector)?;
        from = cut;
    }
    reader.end(&mut collector)?;
    collector.finish().map_err(|wrong| FormatError {
        line: 0,
        column: 0,
        expected: wrong.expected,
        found: wrong.found,
    })
}

fn read<S: Written>(format: Format, text: &str) -> Result<Read<S>, FormatError> {
    read_in_blocks::<S>(format, text.as_bytes(), &[])
}

/// Holds a property for cases that are the same every time.
fn always<S: Strategy>(
    cases: u32,
    strategy: S,
    property: impl Fn(S::Value) -> Result<(), TestCaseError>,
) {
    let config = Config {
        cases,
        rng_seed: RngSeed::Fixed(42),
        failure_persistence: None,
        ..Config::default()
    };
    if let Err(failure) = TestRunner::new(config).run(&strategy, property) {
        panic!("{failure}");
    }
}

#[test]
fn what_there_was_at_first_is_given_and_written_again() {
    use checker::format::{Raw, Start};
    fn again<S: Written>(text: &str) -> Option<serde_json::Value> {
        let value: serde_json::Value = serde_json::from_str(text).expect("it is JSON");
        S::start(&Start::Given(Raw::from(value))).ok()?.begins()
    }
    use checker::specs::{lock::Lock, log::Log, queue::Queue, redelivery::Redelivery};
    assert_eq!(again::<Log>("[1,\"a\"]").expect("values").to_string(), "[1,\"a\"]");
    assert_eq!(again::<Queue>("[2,1]").expect("values").to_string(), "[2,1]");
    assert_eq!(again::<Redelivery>("[2,1]").expect("values").to_string(), "[1,2]");
    assert_eq!(again::<Lock>("4").expect("a token").to_string(), "4");
    assert_eq!((again::<Log>("3"), again::<Lock>("\"x\"")), (None, None));
}
