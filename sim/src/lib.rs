//! One loop, three plugs.
//!
//! A client is a function of what it has been told; a world answers calls; a chooser decides what
//! happens next. Reading order: [`model`] (what a protocol author writes), [`world`] (the other
//! side of every call), [`io`] (the one door between them), [`step`] (all that can happen),
//! [`chooser`] (who decides), [`run`] (the loop), [`scenario`] (what a seed means), [`trace`] (the
//! durable form), [`minimise`](mod@minimise) (the shortest cause), [`registry`] (models as data),
//! [`host`](mod@host) (the same clients on somebody else's runtime).

mod agenda;
pub mod chooser;
mod client;
pub mod hash;
pub mod host;
pub mod io;
pub mod minimise;
pub mod model;
pub mod registry;
pub mod rng;
pub mod run;
pub mod scenario;
pub mod step;
pub mod trace;
pub mod world;

/// What a model's file needs, and nothing else.
pub mod prelude {
    pub use crate::io::{Io, Lost};
    pub use crate::model::{Model, Mutation, Open, Params, within};
    pub use crate::rng::Rng;
    pub use crate::step::{CallId, Move};
    pub use crate::world::{Legible, Marks, Moves, World};
    pub use checker::{ClientId, Property, Spec, Violation};
    pub use serde::{Deserialize, Serialize};
    pub use std::task::Poll;
}
