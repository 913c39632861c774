//! `-p name=value` and `--mutant`: how a model is set up, for every command that takes one.

use crate::out::Failure;
use clap::Args;
use serde_json::{Map, Value};
use sim::registry::AnyModel;
use sim::scenario::Kind;
use sim::session::Session;

/// What is common to commands that run a model.
#[derive(Args, Clone)]
pub(crate) struct Setup {
    /// A parameter, as name=value; `checker list` shows them
    #[arg(short = 'p', long = "param", value_name = "NAME=VALUE")]
    params: Vec<String>,
}

impl Setup {
    /// What was given, still as text: the model knows each one's kind.
    pub(crate) fn params(&self) -> Result<Map<String, Value>, Failure> {
        let mut params = Map::new();
        for given in &self.params {
            let (name, value) = given
                .split_once('=')
                .ok_or_else(|| Failure::input(format!("-p {given}: expected name=value")))?;
            if params.insert(name.to_owned(), Value::from(value)).is_some() {
                return Err(Failure::input(format!("-p {name} is given twice")));
            }
        }
        Ok(params)
    }
}

/// The choosers there are, for clap.
pub(crate) fn chooser(name: &str) -> Result<Kind, String> {
    name.parse()
}

pub(crate) fn model(name: &str) -> Result<&'static dyn AnyModel, Failure> {
    models::find(name).map_err(Failure::input)
}

pub(crate) fn session(
    model: &dyn AnyModel,
    params: &Map<String, Value>,
    mutant: Option<&str>,
) -> Result<Box<dyn Session>, Failure> {
    model.session(params, mutant).map_err(Failure::input)
}

/// `writers=3 lock=redlock`
pub(crate) fn show(params: &Map<String, Value>) -> String {
    if params.is_empty() {
        return "one size".to_owned();
    }
    let all: Vec<String> =
        params.iter().map(|(name, it)| format!("{name}={}", show_value(it))).collect();
    all.join(" ")
}

/// As one would type it.
pub(crate) fn show_value(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

impl Setup {
    /// As it was typed.
    pub(crate) fn as_arguments(&self) -> String {
        self.params.iter().map(|given| format!(" -p {given}")).collect()
    }
}
