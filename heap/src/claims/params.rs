//! What a measurement of claims is of: how long the queue is, and who holds the horizon back.

use crate::param::{self, Field};
use crate::soak::Hold;

/// A queue and its claims. Nothing here has a time: it is counted in claims.
#[derive(Clone, PartialEq, Debug)]
pub struct Params {
    /// Claims, each after a job was put in, so that the queue stays as long as it is.
    pub claims: u64,
    /// Jobs that wait when it begins.
    pub waiting: u64,
    /// Claims between samples.
    pub sample: u64,
    /// Claims between VACUUMs; 0 is never.
    pub vacuum: u64,
    /// What another session does.
    pub hold: Hold,
    /// After how many claims it begins.
    pub hold_from: u64,
    /// After how many it ends; 0 is never.
    pub hold_until: u64,
    /// Percent of a page that fresh rows fill.
    pub fillfactor: u64,
}

impl Default for Params {
    fn default() -> Self {
        Params {
            claims: 3000,
            waiting: 100,
            sample: 100,
            vacuum: 500,
            hold: Hold::Rr,
            hold_from: 1000,
            hold_until: 2000,
            fillfactor: 100,
        }
    }
}

impl Params {
    /// The names of all parameters.
    pub const NAMES: [&'static str; 8] =
        ["claims", "waiting", "sample", "vacuum", "hold", "hold_from", "hold_until", "fillfactor"];

    fn field(&mut self, name: &str) -> Option<Field<'_>> {
        const MOST: u64 = 1_000_000;
        Some(match name {
            "claims" => Field::Whole(&mut self.claims, 1..=MOST),
            "waiting" => Field::Whole(&mut self.waiting, 0..=MOST),
            "sample" => Field::Whole(&mut self.sample, 1..=MOST),
            "vacuum" => Field::Whole(&mut self.vacuum, 0..=MOST),
            "hold" => Field::Named(&mut self.hold),
            "hold_from" => Field::Whole(&mut self.hold_from, 0..=MOST),
            "hold_until" => Field::Whole(&mut self.hold_until, 0..=MOST),
            "fillfactor" => Field::Whole(&mut self.fillfactor, 10..=100),
            _ => return None,
        })
    }

    /// Sets a parameter as it was typed, or says what was expected.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        match self.field(name) {
            Some(field) => field.set(name, value),
            None => Err(param::unknown(name, &Self::NAMES)),
        }
    }

    /// What is wrong with them together, if anything is.
    pub fn check(&self) -> Result<(), String> {
        let Params { claims, hold, hold_from, hold_until, .. } = *self;
        if hold == Hold::None {
            return Ok(());
        }
        if hold_from >= claims {
            return Err(format!(
                "hold_from={hold_from} claims={claims}: it never begins; expected more claims"
            ));
        }
        if hold_until != 0 && hold_until <= hold_from {
            return Err(format!(
                "hold_from={hold_from} hold_until={hold_until}: expected it to end after it begins"
            ));
        }
        Ok(())
    }

    /// Each parameter, as one would type it.
    pub fn shown(&self) -> Vec<(&'static str, String)> {
        let mut copy = self.clone();
        Self::NAMES.into_iter().filter_map(|name| Some((name, copy.field(name)?.show()))).collect()
    }

    /// From which claim to which the other session's transaction is open; none if it never is.
    pub fn held(&self) -> Option<(u64, u64)> {
        let until = if self.hold_until == 0 { self.claims } else { self.hold_until };
        (self.hold != Hold::None).then_some((self.hold_from, until.min(self.claims)))
    }
}
