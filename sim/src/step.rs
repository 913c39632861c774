//! Everything that can happen next.

use checker::ClientId;
use std::fmt;

/// One call of one client: the slot it occupies, from its sending until nothing more can come of
/// it. A client with one call in flight uses slot 0 only.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CallId {
    /// Who called.
    pub client: ClientId,
    /// Which of its calls. Calls adrift are numbered from [`CallId::ADRIFT`].
    pub slot: u8,
}

impl CallId {
    /// The first slot of calls that nobody waits for any more.
    pub const ADRIFT: u8 = 128;

    /// A number for the digest.
    pub(crate) fn code(self) -> u64 {
        u64::from(self.client.0) << 8 | u64::from(self.slot)
    }
}

/// Something the world does by itself: which of its kinds of move, and to what.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Move {
    /// An index into [`World::MOVES`](crate::world::World::MOVES).
    pub kind: u8,
    /// What it happens to: a key, a session; 0 where there is only one.
    pub arg: u16,
}

/// One decision of a schedule.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(align(8))]
pub enum Step {
    /// The call takes effect in the world, and is answered at once unless answers travel.
    Apply(CallId),
    /// The answer arrives (only where a model lets answers travel).
    Reply(CallId),
    /// The client hears nothing. A call not yet applied is adrift: it may land late, or never.
    Lose(CallId),
    /// A call adrift takes effect after all.
    Late(CallId),
    /// The client stops; its connections are closed.
    Crash(ClientId),
    /// The client begins its program anew, knowing nothing.
    Restart(ClientId),
    /// The world moves by itself.
    World(Move),
}

impl Step {
    /// Faults are budgeted; everything else may happen at any time.
    pub fn is_fault(self) -> bool {
        matches!(self, Step::Lose(_) | Step::Crash(_))
    }

    /// The client it happens to, if it is not the world's own move.
    pub fn client(self) -> Option<ClientId> {
        match self {
            Step::Apply(id) | Step::Reply(id) | Step::Lose(id) | Step::Late(id) => Some(id.client),
            Step::Crash(client) | Step::Restart(client) => Some(client),
            Step::World(_) => None,
        }
    }

    /// The same, of another client.
    pub(crate) fn of_client(self, other: impl Fn(ClientId) -> ClientId) -> Step {
        let of = |id: CallId| CallId { client: other(id.client), ..id };
        match self {
            Step::Apply(id) => Step::Apply(of(id)),
            Step::Reply(id) => Step::Reply(of(id)),
            Step::Lose(id) => Step::Lose(of(id)),
            Step::Late(id) => Step::Late(of(id)),
            Step::Crash(client) => Step::Crash(other(client)),
            Step::Restart(client) => Step::Restart(other(client)),
            Step::World(_) => self,
        }
    }

    /// A number for the digest, the same on every machine.
    pub(crate) fn code(self) -> u64 {
        let of = |verb: u64, id: CallId| verb << 32 | id.code();
        match self {
            Step::Apply(id) => of(1, id),
            Step::Reply(id) => of(2, id),
            Step::Lose(id) => of(3, id),
            Step::Late(id) => of(4, id),
            Step::Crash(client) => of(5, CallId { client, slot: 0 }),
            Step::Restart(client) => of(6, CallId { client, slot: 0 }),
            Step::World(Move { kind, arg }) => 7 << 32 | u64::from(arg) << 8 | u64::from(kind),
        }
    }

    /// The step as a trace records it: `lose w3`, `apply w3.1`, `lapse 0`.
    pub fn text(self, names: &Names<'_>) -> String {
        let call = |verb: &str, id: CallId| {
            let who = names.client(id.client);
            match id.slot % CallId::ADRIFT {
                0 => format!("{verb} {who}"),
                slot => format!("{verb} {who}.{slot}"),
            }
        };
        match self {
            Step::Apply(id) => call("apply", id),
            Step::Reply(id) => call("reply", id),
            Step::Lose(id) => call("lose", id),
            Step::Late(id) => call("late", id),
            Step::Crash(client) => format!("crash {}", names.client(client)),
            Step::Restart(client) => format!("restart {}", names.client(client)),
            Step::World(Move { kind, arg }) => format!("{} {arg}", names.moves[usize::from(kind)]),
        }
    }

    /// Reads what [`Step::text`] wrote; a note after ` | ` is ignored.
    pub fn parse(line: &str, moves: &[&str]) -> Result<Step, StepError> {
        let bare = line.split(" | ").next().unwrap_or_default().trim();
        let error = |wanted| StepError { line: line.to_owned(), wanted };
        let (verb, what) = bare
            .split_once(' ')
            .ok_or_else(|| error("a verb and what it happens to".to_owned()))?;
        let client = || {
            parse_call(what)
                .ok_or_else(|| error(format!("a client after '{verb}', such as w3 or w3.1")))
        };
        let whole = |id: CallId| match id.slot {
            0 => Ok(id.client),
            _ => Err(error(format!("a whole client after '{verb}', such as w3"))),
        };
        Ok(match verb {
            "apply" => Step::Apply(client()?),
            "reply" => Step::Reply(client()?),
            "lose" => Step::Lose(client()?),
            "late" => {
                let id = client()?;
                Step::Late(CallId { slot: id.slot | CallId::ADRIFT, ..id })
            }
            "crash" => Step::Crash(whole(client()?)?),
            "restart" => Step::Restart(whole(client()?)?),
            name => {
                let known = || {
                    format!(
                        "apply, reply, lose, late, crash, restart{}",
                        moves.iter().map(|it| format!(", {it}")).collect::<String>()
                    )
                };
                let kind = moves.iter().position(|it| *it == name).ok_or_else(|| error(known()))?;
                let arg = what.parse().map_err(|_| error(format!("a number after '{name}'")))?;
                Step::World(Move { kind: kind as u8, arg })
            }
        })
    }
}

/// `w3` or `w3.1`: any one letter, a client's number, and the slot of its call.
fn parse_call(text: &str) -> Option<CallId> {
    let mut rest = text.chars();
    rest.next().filter(char::is_ascii_lowercase)?;
    let (client, slot) = match rest.as_str().split_once('.') {
        Some((client, slot)) => (client, slot.parse().ok().filter(|slot| *slot < CallId::ADRIFT)?),
        None => (rest.as_str(), 0),
    };
    Some(CallId { client: ClientId(client.parse().ok()?), slot })
}

/// How a model's clients and moves are called.
#[derive(Clone, Copy)]
pub struct Names<'a> {
    /// The letter of a client's role: `w` for a writer.
    pub role: &'a dyn Fn(ClientId) -> char,
    /// The kinds of move.
    pub moves: &'a [&'a str],
}

impl Names<'_> {
    /// `w3`.
    pub fn client(&self, client: ClientId) -> String {
        format!("{}{}", (self.role)(client), client.0)
    }
}

/// A line that is no step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StepError {
    /// What was read.
    pub line: String,
    /// What would have been right.
    pub wanted: String,
}

impl fmt::Display for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' is no step: expected {}", self.line, self.wanted)
    }
}

impl std::error::Error for StepError {}

#[cfg(test)]
mod tests {
    use super::*;

    const MOVES: &[&str] = &["pass", "lapse"];

    #[test]
    fn what_is_written_is_read_back() {
        let id = CallId { client: ClientId(3), slot: 1 };
        let adrift = CallId { client: ClientId(0), slot: CallId::ADRIFT };
        let names = Names { role: &|_| 'w', moves: MOVES };
        let all = [
            (Step::Apply(id), "apply w3.1"),
            (Step::Reply(id), "reply w3.1"),
            (Step::Lose(id), "lose w3.1"),
            (Step::Late(adrift), "late w0"),
            (Step::Crash(ClientId(12)), "crash w12"),
            (Step::Restart(ClientId(12)), "restart w12"),
            (Step::World(Move { kind: 1, arg: 2 }), "lapse 2"),
        ];
        for (step, text) in all {
            assert_eq!(step.text(&names), text);
            assert_eq!(Step::parse(text, MOVES), Ok(step));
            assert_eq!(Step::parse(&format!("{text} | any note | at all"), MOVES), Ok(step));
        }
    }

    #[test]
    fn what_is_no_step_says_what_was_expected() {
        for line in [
            "",
            "apply",
            "apply 3",
            "apply W3",
            "apply w",
            "apply w3.200",
            "apply w70000",
            "jump w3",
            "lapse x",
            "crash w3.1",
        ] {
            let error = Step::parse(line, MOVES).expect_err(line);
            assert!(error.to_string().contains("expected"), "{error}");
        }
    }
}
