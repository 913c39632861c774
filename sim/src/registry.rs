//! Models as data: the one place where their types are erased, for everything that means all of
//! them (the command, tests, fuzzing, pages).

use crate::model::{Model, Params};
use crate::session::{self, Session};
use crate::step::{Step, StepError};
use crate::world::World;
use checker::Property;
use serde_json::{Map, Value};
use std::fmt;
use std::marker::PhantomData;

/// What `checker list` says of a model.
#[derive(Clone, Debug)]
pub struct Card {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub about: &'static str,
    /// Its version.
    pub version: u32,
    /// Its parameters with their defaults.
    pub params: Map<String, Value>,
    /// The ways it can be broken on purpose.
    pub mutants: Vec<MutantCard>,
    /// Mutants that must survive, with the reason.
    pub equivalent: Vec<(String, &'static str)>,
    /// The mutant that is the model without its guard.
    pub guard: Option<String>,
    /// Whether it has clients, or is all moves.
    pub clients: bool,
    /// What it promises will come at its default sizes: each promise's name, and it in a sentence.
    pub comes: Vec<(Property, String)>,
    /// The fairness it counts on for that, by name.
    pub fairness: Vec<&'static str>,
    /// What a search can look for by itself, and whether it is promised.
    pub always: Vec<(Property, bool)>,
}

impl Card {
    /// What the file is called that holds the shortest failure of `mutant`.
    pub fn trace_name(&self, mutant: &str) -> String {
        format!("{}-{mutant}", self.name.replace('/', "-"))
    }
}

/// What `checker list` says of a mutant.
#[derive(Clone, Debug)]
pub struct MutantCard {
    /// Its name.
    pub name: String,
    /// The promise it breaks.
    pub breaks: Property,
    /// How.
    pub how: &'static str,
    /// What it fixes, as `name=value`.
    pub params: &'static [(&'static str, &'static str)],
}

/// Why a model cannot be set up as asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SetupError {
    /// No model has that name.
    UnknownModel {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// The model has no such parameter.
    UnknownParam {
        /// The model.
        model: &'static str,
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// A parameter's value is not of its kind, or out of range.
    BadParam {
        /// The model.
        model: &'static str,
        /// What is wrong and what would be right.
        why: String,
    },
    /// The model has no such mutant.
    UnknownMutant {
        /// The model.
        model: &'static str,
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownModel { name, known } => {
                write!(f, "no model is called '{name}'; there are: {known}")
            }
            Self::UnknownParam { model, name, known } => {
                let known = if known.is_empty() { "none" } else { known };
                write!(f, "{model} has no parameter '{name}'; there are: {known}")
            }
            Self::BadParam { model, why } => write!(f, "{model}: {why}"),
            Self::UnknownMutant { model, name, known } => {
                write!(f, "{model} has no mutant '{name}'; there are: {known}")
            }
        }
    }
}

impl std::error::Error for SetupError {}

/// A model whose type is forgotten.
pub trait AnyModel: Sync {
    /// What it is called and can be.
    fn card(&self) -> Card;
    /// Sets it up: `params` override the defaults, and a mutant's own.
    fn session(
        &self,
        params: &Map<String, Value>,
        mutant: Option<&str>,
    ) -> Result<Box<dyn Session>, SetupError>;
    /// Reads a trace's steps; the index of the line that is none.
    fn parse(&self, steps: &[String]) -> Result<Vec<Step>, (usize, StepError)>;
}

/// A model on the list.
pub struct Registered<M>(PhantomData<fn() -> M>);

impl<M: Model> Registered<M> {
    /// Lists it.
    #[allow(clippy::new_without_default, reason = "used in a constant")]
    pub const fn new() -> Self {
        Registered(PhantomData)
    }
}

/// `NoCas` as people type it: `no_cas`.
pub fn snake_case(name: &str) -> String {
    let mut out = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}

pub(crate) fn mutant_name<T: fmt::Debug>(mutant: &T) -> String {
    snake_case(&format!("{mutant:?}"))
}

/// A mutant and the parameters it fixes.
type Found<M> = (<M as Model>::Mutant, &'static [(&'static str, &'static str)]);

/// The mutant of that name. Those that must survive can be set up too: that they do is a claim.
fn find_mutant<M: Model>(name: &str) -> Result<Found<M>, SetupError> {
    let breaks = M::MUTANTS.iter().map(|it| (it.mutant, it.params));
    let survives = M::EQUIVALENT.iter().map(|(mutant, _)| (*mutant, &[][..]));
    let mut all = breaks.chain(survives);
    all.find(|(mutant, _)| mutant_name(mutant) == name).ok_or_else(|| {
        let known = M::MUTANTS.iter().map(|it| mutant_name(&it.mutant)).collect::<Vec<_>>();
        SetupError::UnknownMutant { model: M::NAME, name: name.to_owned(), known: known.join(", ") }
    })
}

/// The defaults as JSON.
fn defaults<M: Model>() -> Map<String, Value> {
    to_map(&M::Params::default())
}

/// Parameters as JSON: names and values, in the order in which they are declared.
pub fn to_map(params: &impl Params) -> Map<String, Value> {
    match serde_json::to_value(params) {
        Ok(Value::Object(map)) => map,
        other => unreachable!("parameters are one flat object, not {other:?}"),
    }
}

/// Reads a parameter's text as the kind of value its default is.
pub fn read_param(default: &Value, text: &str) -> Result<Value, String> {
    match default {
        Value::Number(_) => text
            .parse::<u64>()
            .map(Value::from)
            .map_err(|_| format!("a whole number, not '{text}'")),
        Value::Bool(_) => text
            .parse::<bool>()
            .map(Value::from)
            .map_err(|_| format!("true or false, not '{text}'")),
        _ => Ok(Value::from(text)),
    }
}

/// A model, sized by `params` over its defaults and its mutant's own.
pub fn set_up<M: Model>(
    params: &Map<String, Value>,
    mutant: Option<&str>,
) -> Result<M, SetupError> {
    let found = mutant.map(find_mutant::<M>).transpose()?;
    let params = read_params::<M>(params, found.map_or(&[], |it| it.1))?;
    Ok(M::new(params, found.map(|it| it.0)))
}

fn read_params<M: Model>(
    params: &Map<String, Value>,
    fixed: &[(&str, &str)],
) -> Result<M::Params, SetupError> {
    let mut all = defaults::<M>();
    for (name, text) in fixed {
        let value = read_param(&all[*name], text).map_err(|wanted| SetupError::BadParam {
            model: M::NAME,
            why: format!("{name} takes {wanted}"),
        })?;
        all[*name] = value;
    }
    read(M::NAME, all, params)
}

/// Parameters of `owner`: those in `all`, which are its defaults, with what was `given` over them.
/// What is given as text is read as the kind of value its default is.
pub fn read<P: Params>(
    owner: &'static str,
    all: Map<String, Value>,
    given: &Map<String, Value>,
) -> Result<P, SetupError> {
    let parse = |all| serde_json::from_value::<P>(Value::Object(all)).map_err(|it| it.to_string());
    let all = over(owner, all, given, &|all| parse(all).map(drop))?;
    let bad = |why: String| SetupError::BadParam { model: owner, why };
    let params = parse(all).map_err(bad)?;
    params.check().map_err(bad)?;
    Ok(params)
}

/// `all` with what was `given` over them. `can_be`: what is wrong with them, if they are of the wrong
/// kind.
fn over(
    owner: &'static str,
    mut all: Map<String, Value>,
    given: &Map<String, Value>,
    can_be: &dyn Fn(Map<String, Value>) -> Result<(), String>,
) -> Result<Map<String, Value>, SetupError> {
    let bad = |why: String| SetupError::BadParam { model: owner, why };
    for (name, value) in given {
        let Some(slot) = all.get_mut(name) else {
            let known = all.keys().cloned().collect::<Vec<_>>().join(", ");
            return Err(SetupError::UnknownParam { model: owner, name: name.clone(), known });
        };
        *slot = match value {
            Value::String(text) => {
                read_param(slot, text).map_err(|wanted| bad(format!("{name} takes {wanted}")))?
            }
            other => other.clone(),
        };
        // One at a time, so that the message names the parameter that is wrong.
        can_be(all.clone()).map_err(|error| bad(format!("{name}={value}: {error}")))?;
    }
    Ok(all)
}

impl<M: Model> AnyModel for Registered<M> {
    fn card(&self) -> Card {
        let model = M::new(M::Params::default(), None);
        let mut fairness: Vec<_> = model.fairness().iter().map(|it| it.name).collect();
        fairness.dedup();
        Card {
            name: M::NAME,
            about: M::ABOUT,
            version: M::VERSION,
            params: defaults::<M>(),
            mutants: (M::MUTANTS.iter())
                .map(|it| MutantCard {
                    name: mutant_name(&it.mutant),
                    breaks: it.breaks.clone(),
                    how: it.how,
                    params: it.params,
                })
                .collect(),
            equivalent: M::EQUIVALENT.iter().map(|(it, why)| (mutant_name(it), *why)).collect(),
            guard: M::GUARD.map(|it| mutant_name(&it)),
            clients: model.clients() > 0,
            comes: model.comes().into_iter().map(|it| (it.property, it.said)).collect(),
            fairness,
            always: model.always().into_iter().map(|it| (it.property, it.promised)).collect(),
        }
    }

    fn session(
        &self,
        params: &Map<String, Value>,
        mutant: Option<&str>,
    ) -> Result<Box<dyn Session>, SetupError> {
        let found = mutant.map(find_mutant::<M>).transpose()?;
        let params = read_params::<M>(params, found.map_or(&[], |it| it.1))?;
        Ok(session::open::<M>(params, found.map(|it| it.0)))
    }

    fn parse(&self, steps: &[String]) -> Result<Vec<Step>, (usize, StepError)> {
        let moves = <M::World as World>::MOVES;
        let parse = |(index, line): (usize, &String)| {
            Step::parse(line, moves).map_err(|error| (index, error))
        };
        steps.iter().enumerate().map(parse).collect()
    }
}
