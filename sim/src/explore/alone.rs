//! One thing looked for by itself, past whatever else is broken on the way.

use super::moves::{self, Judge};
use super::{Explored, Limits, Look, Search};
use crate::always::Always;
use crate::model::Model;
use checker::Violation;
use std::fmt;

/// Why something cannot be looked for by itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NotAlone {
    /// The model has clients.
    Clients,
    /// The model names nothing of that name.
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
}

impl fmt::Display for NotAlone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clients => f.write_str(
                "one property by itself is asked of models of moves alone, and this one has clients",
            ),
            Self::Unknown { name, known } if known.is_empty() => {
                write!(f, "it names nothing that can be looked for by itself, and no '{name}'")
            }
            Self::Unknown { name, known } => {
                write!(f, "nothing it can be asked is called '{name}'; there are: {known}")
            }
        }
    }
}

impl std::error::Error for NotAlone {}

/// Searches all schedules of `model` for a state in which `name` does not hold. Whatever else it
/// promises is not looked at.
pub fn explore_alone<M: Model>(
    model: &M,
    limits: &Limits,
    name: &str,
    look: Look<'_>,
) -> Result<Explored, NotAlone> {
    if model.clients() > 0 {
        return Err(NotAlone::Clients);
    }
    let all = model.always();
    let Some(part) = all.iter().find(|it| it.property.name() == name) else {
        let known: Vec<&str> = all.iter().map(|it| it.property.name()).collect();
        return Err(NotAlone::Unknown { name: name.to_owned(), known: known.join(", ") });
    };
    let mut search = Search::new(limits, look);
    let found = moves::search(model, &mut search, &Alone(part));
    Ok(search.explored(found))
}

struct Alone<'a, W>(&'a Always<W>);

impl<W> Judge<W> for Alone<'_, W> {
    fn step(&self, before: Option<&W>, now: &W) -> Result<(), Violation> {
        self.0.check(before, now)
    }

    fn end(&self, _world: &W) -> Result<(), Violation> {
        Ok(())
    }
}
