//! What was tried to make a failure short, counted: a cause is only as good as what it withstood.

/// A way of making a failure shorter or simpler.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pass {
    /// Up to the step that breaks the promise, and no further.
    Cut,
    /// Smaller and simpler parameters, with fewer clients and keys.
    Params,
    /// Without one party's steps.
    Clients,
    /// Without one kind of fault, or without one fault and what follows from it.
    Faults,
    /// Without some of its steps, fewer and fewer at a time.
    Steps,
    /// Without some steps in a row, everybody's or one client's.
    Runs,
    /// Without any two of its steps.
    Pairs,
    /// With what the world's moves happen to under lower numbers.
    Keys,
    /// As many steps, but duller ones, or with fewer changes of client.
    Order,
}

impl Pass {
    /// All of them.
    pub const ALL: [Pass; 9] = [
        Pass::Cut,
        Pass::Params,
        Pass::Clients,
        Pass::Faults,
        Pass::Steps,
        Pass::Runs,
        Pass::Pairs,
        Pass::Keys,
        Pass::Order,
    ];

    /// As `--json` writes it.
    pub fn name(self) -> &'static str {
        match self {
            Pass::Cut => "cut",
            Pass::Params => "params",
            Pass::Clients => "clients",
            Pass::Faults => "faults",
            Pass::Steps => "steps",
            Pass::Runs => "runs",
            Pass::Pairs => "pairs",
            Pass::Keys => "keys",
            Pass::Order => "order",
        }
    }
}

/// How many schedules were tried, by pass.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Tried([usize; Pass::ALL.len()]);

impl Tried {
    pub(super) fn add(&mut self, pass: Pass) {
        self.0[pass as usize] += 1;
    }

    /// In all.
    pub fn total(&self) -> usize {
        self.0.iter().sum()
    }

    /// Each pass with its count.
    pub fn iter(&self) -> impl Iterator<Item = (Pass, usize)> + '_ {
        Pass::ALL.into_iter().zip(self.0)
    }
}
