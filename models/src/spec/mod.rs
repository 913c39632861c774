//! Textbook models of moves alone, small enough to be counted: `explore` finds the same states as a
//! model checker does.

pub mod lock_cas;
pub mod run_head;
