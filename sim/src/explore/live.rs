//! What must come: every promise of that kind, held to all runs that are fair.
//!
//! A run without end cannot be watched to its end. But there are finitely many states, so one in
//! which something never comes ends in a loop, and whether there is such a loop can be decided.

use super::graph::build;
use super::lasso::lasso;
use super::{Explored, Limits, Look, Search};
use crate::liveness::Fair;
use crate::model::Model;
use checker::{Verdict, Violation};

/// Why it cannot be asked what must come.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NotLive {
    /// The model has clients.
    Clients,
    /// States that are one but for names: what one party is owed, another would be given.
    Symmetry,
    /// The model says nothing of what must come.
    NoPromise,
    /// It counts on no fairness of that name.
    NoFairness {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
}

impl std::fmt::Display for NotLive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Clients => {
                "what must come is asked of models of moves alone, and this one has clients"
            }
            Self::Symmetry => {
                "what must come cannot be asked but for symmetry: a loop that is one only but for \
                 names may be none; leave one of the two out"
            }
            Self::NoPromise => "of these sizes it promises nothing that must come",
            Self::NoFairness { name, known } => {
                return write!(f, "it counts on no fairness called '{name}'; there are: {known}");
            }
        })
    }
}

impl std::error::Error for NotLive {}

/// Holds `model` to what it promises will come, without the fairness called `unfair`. Whatever else
/// it promises is not looked at.
pub fn live<M: Model>(
    model: &M,
    limits: &Limits,
    unfair: Option<&str>,
    look: Look<'_>,
) -> Result<Explored, NotLive> {
    if model.clients() > 0 {
        return Err(NotLive::Clients);
    }
    if limits.symmetry {
        return Err(NotLive::Symmetry);
    }
    let comes = model.comes();
    if comes.is_empty() {
        return Err(NotLive::NoPromise);
    }
    let fair = fairness(model, unfair)?;
    let mut search = Search::new(limits, look);
    let graph = build(model, &comes, &fair, &mut search);
    let mut explored = search.explored(None);
    let Some(graph) = graph else { return Ok(explored) };
    let owed = |index| (0..graph.states()).any(|state| graph.is_owed(state, index));
    let never: Vec<&str> = (comes.iter().enumerate())
        .filter(|(index, _)| !owed(*index))
        .map(|(_, promise)| promise.said.as_str())
        .collect();
    if !never.is_empty() {
        let why = format!("in no state is it owed that {}", never.join(", nor that "));
        explored.verdict = Verdict::Unknown { why };
    }
    for (index, promise) in comes.iter().enumerate() {
        if let Some(lasso) = lasso(&graph, index) {
            let why = format!("it may never come that {}", promise.said);
            explored.verdict = Verdict::Fail(Violation::new(promise.property.clone(), why));
            explored.lasso = Some(lasso);
            break;
        }
    }
    Ok(explored)
}

/// What `model` counts on but for what is taken away.
fn fairness<M: Model>(model: &M, unfair: Option<&str>) -> Result<Vec<Fair>, NotLive> {
    let mut fair = model.fairness();
    if let Some(name) = unfair
        && !fair.iter().any(|it| it.name == name)
    {
        let mut known: Vec<&str> = fair.iter().map(|it| it.name).collect();
        known.dedup();
        return Err(NotLive::NoFairness { name: name.to_owned(), known: known.join(", ") });
    }
    fair.retain(|it| Some(it.name) != unfair);
    Ok(fair)
}
