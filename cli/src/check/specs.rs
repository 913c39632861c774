//! The datatypes that can be named, one a line.

use super::input::Input;
use super::report::Report;
use super::{Job, follow, judge};
use crate::out::Failure;
use crate::show::history;
use crate::show::lanes::Run;
use checker::format::{Format, Start, Written};
use checker::specs::head::Head;
use checker::specs::kv::Kv;
use checker::specs::lease::Lease;
use checker::specs::lock::Lock;
use checker::specs::log::Log;
use checker::specs::objects::Objects;
use checker::specs::queue::Queue;
use checker::specs::redelivery::Redelivery;
use checker::specs::register::Register;
use checker::text::Text;
use checker::value::Value;

/// A datatype whose type is forgotten.
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    pub(super) judge: fn(Input, &Job) -> Result<Report, Failure>,
    pub(super) follow: fn(Input, &Job) -> Result<Report, Failure>,
    /// Reads a history that is called so, and lays it out as lanes.
    pub(crate) draw: fn(&str, &[u8], Format, &Start) -> Result<Run, Failure>,
}

const fn entry<S: Written + Sync>(name: &'static str) -> Entry
where
    S::Op: Clone + Sync,
    S::Ret: Clone + Sync,
{
    Entry { name, judge: judge::judge::<S>, follow: follow::follow::<S>, draw: history::draw::<S> }
}

const ALL: &[Entry] = &[
    entry::<Register>("register"),
    entry::<Register>("cas-register"),
    entry::<Head<Text>>("head"),
    entry::<Kv>("kv"),
    entry::<Log>("log"),
    entry::<Lock>("lock"),
    entry::<Lease>("lease"),
    entry::<Queue>("queue"),
    entry::<Redelivery>("queue-at-least-once"),
    entry::<Objects<Value>>("object-store"),
];

/// The datatype that was asked for, or the header's.
pub(crate) fn find(
    asked: Option<&str>,
    header: Option<&str>,
    file: &str,
) -> Result<&'static Entry, Failure> {
    let known = || ALL.iter().map(|it| it.name).collect::<Vec<_>>().join(", ");
    let Some(name) = asked.or(header) else {
        return Err(Failure::input(format!(
            "{file}: expected --spec, or a first line such as \
             {{\"format\":\"unforked-history/1\",\"spec\":\"head\"}}; there are: {}",
            known()
        )));
    };
    ALL.iter().find(|it| it.name == name).ok_or_else(|| {
        let place = if asked.is_some() { String::new() } else { format!("{file}: line 1: ") };
        Failure::input(format!("{place}no spec is called '{name}'; there are: {}", known()))
    })
}
