//! What a run's end and its history say together.

use crate::model::{Model, Seen};
use crate::run::Ended;
use checker::{Budget, ClientId, Property, Verdict, Violation, judge};

/// The history comes first: a schedule that forked and then got stuck is told as a fork. `steps` is
/// how many were taken, without the fair tail that a livelock shows itself in.
pub(crate) fn verdict<M: Model>(
    model: &M,
    ended: &Ended,
    world: &M::World,
    history: &Seen<M>,
    steps: usize,
) -> Verdict {
    let at_end = |violation: Violation| {
        let at = violation.at.or(Some(2 * steps as u64));
        Verdict::Fail(Violation { at, ..violation })
    };
    let judged = judge_history(model, history);
    match (judged, ended) {
        (Verdict::Pass, _) => {}
        // What was seen to break is broken, whatever a search with a budget says.
        (Verdict::Unknown { .. }, Ended::Broken(_) | Ended::Stuck { .. } | Ended::Livelock) => {}
        (judged, _) => return judged,
    }
    match ended {
        Ended::Done | Ended::Stopped => {
            model.settled(world).map_or_else(at_end, |()| Verdict::Pass)
        }
        Ended::Stuck { waiting } => {
            let who = waiting.iter().map(|it| name_of(model, *it)).collect::<Vec<_>>();
            let why = format!("nobody can go on: {} wait for ever", who.join(", "));
            at_end(Violation::new(Property::PROGRESS, why))
        }
        Ended::Livelock => {
            let why = "it does not come to an end, although from here on every step is fair and \
                       nothing goes wrong any more";
            at_end(Violation::new(Property::PROGRESS, why))
        }
        Ended::Broken(violation) => at_end(violation.clone()),
    }
}

/// Holds a history to the model's spec, and says what is wrong with the model's own names.
pub fn judge_history<M: Model>(model: &M, history: &Seen<M>) -> Verdict {
    match judge(&model.spec(), history, &Budget::default()) {
        Verdict::Fail(it) => {
            let why = rename(&it.why, &|client| name_of(model, client));
            Verdict::Fail(Violation { why, ..it })
        }
        other => other,
    }
}

/// `w3`
pub(crate) fn name_of<M: Model>(model: &M, client: ClientId) -> String {
    format!("{}{}", model.role(client), client.0)
}

/// The checker knows clients by number only; a person knows `c3` as the writer `w3`.
fn rename(why: &str, name: &dyn Fn(ClientId) -> String) -> String {
    let word = |word: &str| {
        let end = word[1..].find(|it: char| !it.is_ascii_digit()).map_or(word.len(), |it| it + 1);
        let client = word[1..end].parse().ok().map(ClientId)?;
        Some(format!("{}{}", name(client), &word[end..]))
    };
    let words = why.split(' ').map(|it| match it.starts_with('c') {
        true => word(it).unwrap_or_else(|| it.to_owned()),
        false => it.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}
