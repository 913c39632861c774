//! Jepsen's histories: an event a form, the operation's two halves told together by their process.
//!
//! The hard part is that one field, `:value`, means what is asked in one event and what was heard
//! in the next, and holds a key as well where the workload is lifted over independent keys. What
//! nobody can know is `:info`: the operation stays open, and its process never comes back.

use super::edn::{Edn, EdnError, Forms};
use super::raw::Raw;
use super::record::{Asked, Entry, FormatError, Sink, Wrong, found_at};
use crate::{ClientId, Outcome};
use std::collections::BTreeMap;

/// What an operation that is under way asked.
#[derive(Clone, Debug)]
struct UnderWay {
    /// What it is.
    f: String,
    line: u64,
    /// Whether its answer is what it is told, and not only that it was done.
    wants_value: bool,
    is_keyed: bool,
}

/// Reads events.
#[derive(Clone, Default, Debug)]
pub(super) struct Jepsen {
    clock: u64,
    under_way: BTreeMap<i64, UnderWay>,
    /// Whether all events are elements of one list.
    in_list: bool,
    /// What is not of a client.
    pub(super) skipped: u64,
}

impl Jepsen {
    /// Reads as many whole forms as there are, and says how far it came. `last`: no more will come.
    pub(super) fn forms<K: Sink>(
        &mut self,
        text: &str,
        line: u64,
        last: bool,
        sink: &mut K,
    ) -> Result<usize, FormatError> {
        let mut forms = Forms::new(text);
        loop {
            let (done, in_list) = (forms.at(), self.in_list);
            let read = self.next(&mut forms);
            let within =
                |at, expected: String, found| FormatError::within(text, line, at, expected, found);
            let (form, start) = match read {
                Ok(Some(found)) => found,
                Ok(None) if last && self.in_list => {
                    return Err(within(text.len(), "']' or ')'".into(), "the end".into()));
                }
                Ok(None) => return Ok(forms.at()),
                Err(EdnError::Incomplete { .. }) if !last => {
                    // The bracket before it comes again with it.
                    self.in_list = in_list;
                    return Ok(done);
                }
                Err(EdnError::Incomplete { expected }) => {
                    return Err(within(text.len(), expected.into(), "the end".into()));
                }
                Err(EdnError::Wrong { at, expected }) => {
                    return Err(within(at, expected.into(), found_at(text, at)));
                }
            };
            let here = within(start, String::new(), String::new());
            self.event(form, here.line, sink).map_err(|wrong| FormatError {
                expected: wrong.expected,
                found: wrong.found,
                ..here
            })?;
        }
    }

    /// The next event, in a list or out of it, and where it begins.
    fn next<'a>(&mut self, forms: &mut Forms<'a>) -> Result<Option<(Edn<'a>, usize)>, EdnError> {
        if !self.in_list {
            self.in_list = forms.take(b"[(")?;
        }
        if self.in_list && forms.take(b"])")? {
            self.in_list = false;
        }
        // Blanks are behind it now: this is where the form is.
        forms.take(b"")?;
        let start = forms.at();
        Ok(forms.next_form()?.map(|form| (form, start)))
    }

    fn event<K: Sink>(&mut self, form: Edn<'_>, line: u64, sink: &mut K) -> Result<(), Wrong> {
        let wrong = |expected: &str, found: Option<&Edn<'_>>| Wrong {
            field: None,
            expected: expected.to_owned(),
            found: found.map_or("none".into(), |it| super::raw::quoted(&it.to_string())),
        };
        let mut inner = &form;
        while let Edn::Tagged(_, form) = inner {
            inner = form;
        }
        if !matches!(inner, Edn::Map(_)) {
            let expected = "an event such as {:process 0, :type :invoke, :f :read, :value nil}";
            return Err(wrong(expected, Some(&form)));
        }
        let process = match form.get("process") {
            Some(Edn::Int(process)) => *process,
            Some(Edn::Keyword(_)) => {
                self.skipped += 1;
                return Ok(());
            }
            other => return Err(wrong("a :process, a number or a name such as :nemesis", other)),
        };
        let Some(Edn::Keyword(f)) = form.get("f") else {
            return Err(wrong("an :f such as :read", form.get("f")));
        };
        let kind = match form.get("type") {
            Some(Edn::Keyword(kind @ ("invoke" | "ok" | "fail" | "info"))) => *kind,
            other => return Err(wrong("a :type of :invoke, :ok, :fail or :info", other)),
        };
        let at = self.time(form.get("index")).map_err(|found| Wrong {
            field: None,
            expected: format!("an :index above {}, in the order of events", self.clock),
            found,
        })?;
        let value = form.get("value").cloned().unwrap_or(Edn::Nil);
        let half = Half { process, f, line, at };
        if kind == "invoke" {
            let key = form.get("key").cloned();
            return self.invoke(half, key, value, sink);
        }
        self.complete(half, kind, value, sink)
    }

    /// Events are ordered by their index, or else as they stand.
    fn time(&mut self, index: Option<&Edn<'_>>) -> Result<u64, String> {
        let at = match index {
            Some(Edn::Int(index)) => u64::try_from(*index).map_err(|_| index.to_string())? + 1,
            Some(other) => return Err(other.to_string()),
            None => self.clock + 1,
        };
        if at <= self.clock {
            return Err((at - 1).to_string());
        }
        self.clock = at;
        Ok(at)
    }

    pub(super) fn invoke<K: Sink>(
        &mut self,
        Half { process, f, line, at }: Half<'_>,
        key: Option<Edn<'_>>,
        value: Edn<'_>,
        sink: &mut K,
    ) -> Result<(), Wrong> {
        if let Some(before) = self.under_way.get(&process) {
            return Err(Wrong {
                field: None,
                expected: format!(
                    "the end of process {process}'s operation of line {} before its next",
                    before.line
                ),
                found: format!("an :invoke of :{f}"),
            });
        }
        let (key, value, is_keyed) = match (key, value) {
            (None, Edn::Vector(pair)) if is_keyed(f, &pair) => {
                let mut pair = pair.into_iter();
                (pair.next(), pair.next().unwrap_or(Edn::Nil), true)
            }
            (key, value) => (key, value, false),
        };
        let wants_value = value == Edn::Nil;
        // Which client it is matters to nobody but the reader of a lane.
        let client = ClientId((process.rem_euclid(1 << 16)) as u16);
        let mut asked = Asked::new(client, f);
        if let Some(key) = key {
            asked = asked.with("key", Raw::Text(key.name()));
        }
        asked = match (f, value.elements()) {
            ("cas", Some([from, to])) => {
                asked.with("from", from.clone().into_raw()).with("to", to.clone().into_raw())
            }
            ("cas", _) => {
                return Err(Wrong {
                    field: None,
                    expected: String::from("a :value of [from to] beside :cas"),
                    found: super::raw::quoted(&value.to_string()),
                });
            }
            _ if wants_value => asked,
            _ => asked.with("value", value.into_raw()),
        };
        self.under_way.insert(process, UnderWay { f: f.to_owned(), line, wants_value, is_keyed });
        sink.entry(Entry::Call { id: process as u64, asked: &asked, at })
    }

    pub(super) fn complete<K: Sink>(
        &mut self,
        Half { process, f, at, .. }: Half<'_>,
        kind: &str,
        value: Edn<'_>,
        sink: &mut K,
    ) -> Result<(), Wrong> {
        let Some(under_way) = self.under_way.remove(&process) else {
            return Err(Wrong {
                field: None,
                expected: format!("an :invoke of process {process} before this"),
                found: format!(":{kind}"),
            });
        };
        if under_way.f != f {
            return Err(Wrong {
                field: None,
                expected: format!(
                    "the end of process {process}'s :{} of line {}",
                    under_way.f, under_way.line
                ),
                found: format!(":{f}"),
            });
        }
        let id = process as u64;
        let outcome = match kind {
            "info" => Outcome::Open,
            "fail" => Outcome::Failed,
            "no" => Outcome::Returned { at, ret: Raw::Bool(false) },
            _ if !under_way.wants_value => Outcome::Returned { at, ret: Raw::Bool(true) },
            _ => {
                let value = match value {
                    Edn::Vector(pair) if under_way.is_keyed && pair.len() == 2 => {
                        pair.into_iter().next_back().unwrap_or(Edn::Nil)
                    }
                    value => value,
                };
                Outcome::Returned { at, ret: value.into_raw() }
            }
        };
        sink.entry(Entry::Return { id, outcome })
    }

    /// The next moment of a history that has no index.
    pub(super) fn tick(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }
}

/// Whose half of an operation, on which line, and when.
pub(super) struct Half<'a> {
    pub(super) process: i64,
    pub(super) f: &'a str,
    pub(super) line: u64,
    pub(super) at: u64,
}

/// Whether a value is a key and a value: of a compare-and-set, whose own value has two elements,
/// if the second of them has two.
fn is_keyed(f: &str, pair: &[Edn<'_>]) -> bool {
    match pair {
        [_, second] if f == "cas" => second.elements().is_some(),
        [_, _] => true,
        _ => false,
    }
}
