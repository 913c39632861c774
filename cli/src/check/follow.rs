//! A history judged while it is still being written.

use super::Job;
use super::input::Input;
use super::report::Report;
use crate::out::{Failure, Out};
use checker::format::Written;

pub(super) fn follow<S: Written>(_: Input, _: &Job, _: &Out) -> Result<Report, Failure> {
    Err(Failure::input("--follow: not yet"))
}
