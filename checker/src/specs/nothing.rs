//! Nothing is asked: for models whose promises are about states alone.

use crate::spec::Spec;

/// A datatype without operations.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub struct Nothing;

impl Spec for Nothing {
    type Op = ();
    type Ret = ();

    fn step(&self, (): &(), _ret: Option<&()>) -> impl IntoIterator<Item = Self> {
        Some(Nothing)
    }
}
