//! One loop, three plugs.
//!
//! A client is a function of what it has been told; a world answers calls; a chooser decides what
//! happens next. Reading order: [`model`] (what a protocol author writes), [`liveness`] (what it
//! promises will come), [`always`] (what holds, part by part), [`world`] (the other side of every
//! call), [`io`] (the one door between them), [`step`] (all that can happen), [`menu`] (what can
//! happen now), [`chooser`] (who decides), [`run`] (the loop), [`scenario`] (what a seed means),
//! [`trace`] (the durable form), [`minimise`](mod@minimise) (the shortest cause), [`why`] (where it
//! became likely), [`explore`](mod@explore) (all schedules), [`session`] (a model set up, run after
//! run), [`determinism`] (whether a seed is one run), [`verdict`] (what its end and its history say),
//! [`registry`] (models as data), [`host`](mod@host) (the same clients on somebody else's runtime).

pub mod model;
pub mod liveness;
pub mod always;
pub mod world;
pub mod io;
pub mod step;
pub mod menu;
pub mod chooser;
pub mod run;
pub mod scenario;
pub mod trace;
pub mod minimise;
pub mod why;
pub mod explore;
pub mod session;
pub mod determinism;
pub mod verdict;
pub mod registry;
pub mod host;

pub mod rng;

mod client;
mod desk;
mod observer;
mod teller;

/// What a model's file needs, and nothing else.
pub mod prelude {
    pub use crate::always::Always;
    pub use crate::io::{Io, Lost};
    pub use crate::liveness::{Comes, Fair};
    pub use crate::model::{Model, Mutation, Open, Params, within};
    pub use crate::rng::Rng;
    pub use crate::step::{CallId, Move};
    pub use crate::world::{Act, Constant, Legible, Marks, Moves, World};
    pub use checker::{ClientId, Property, Spec, Violation};
    pub use serde::{Deserialize, Serialize};
    pub use std::task::Poll;
}
