//! Decides a log whose values are each appended once: its lengths are the stages of a chain.
//!
//! Exact but for holes: a place before the last one that was seen, of which nobody said what went
//! there, while appends are left that did not say where they went.

use super::{Log, Op, Ret};
use crate::monitor::chain::{Mark, Said, Stages, decide};
use crate::monitor::names::Names;
use crate::monitor::words;
use crate::value::Datum;
use crate::{Monitored, Outcome, Part, Property, Violation};

/// All say the same of one place.
const FORK: Property = Property::FORK;
const NOBODY: u32 = u32::MAX;

/// A place: what is in it, who says so, and who put it there.
#[derive(Clone, Copy)]
struct Place {
    value: u32,
    told: u32,
    maker: u32,
}

const UNKNOWN: Place = Place { value: NOBODY, told: NOBODY, maker: NOBODY };

/// What ends the decision early.
enum End {
    Declined,
    Never(usize),
    Wrong(Property, String, Vec<usize>),
}

struct Reading<'a, V: Datum> {
    part: Part<'a, Op<V>, Ret<V>>,
    names: Names<&'a V>,
    /// Who appended each value.
    writers: Vec<u32>,
    places: Vec<Place>,
}

pub(super) fn monitor<V: Datum>(part: Part<'_, Op<V>, Ret<V>>) -> Monitored {
    let names = Names::new();
    let reading = Reading { part, names, writers: Vec::new(), places: Vec::new() };
    let (said, last) = match reading.stages() {
        Ok(stages) => stages,
        Err(End::Declined) => return Monitored::Declined,
        Err(End::Never(position)) => return words::never::<Log<V>>(part, position),
        Err(End::Wrong(property, why, who)) => {
            return Monitored::Fail(words::violation(part, property, why, who));
        }
    };
    match decide(Stages { said, last, must: last }) {
        Ok(order) => part.pass(order),
        Err(broken) => {
            let violation: Violation = words::broken::<Log<V>>(part, broken);
            Monitored::Fail(violation)
        }
    }
}

impl<V: Datum> Reading<'_, V> {
    /// What each operation says of the lengths, and the last of them.
    fn stages(mut self) -> Result<(Vec<Said>, u32), End> {
        self.note_writers()?;
        let mut said = Vec::with_capacity(self.part.len());
        for (position, (_, operation)) in self.part.iter().enumerate() {
            let mark = match (&operation.op, operation.ret()) {
                (Op::Read { .. }, None) => Mark::Dropped,
                (Op::Read { from, .. }, Some(Ret::Values(values))) => {
                    self.read(position, *from, values)?
                }
                (Op::Append { value, .. }, Some(Ret::At(Some(place)))) => {
                    let value = self.names.of(value);
                    self.put(*place, value, position)?;
                    Mark::Dropped
                }
                (Op::Append { .. }, None | Some(Ret::At(None) | Ret::Done(true))) => Mark::Dropped,
                _ => return Err(End::Never(position)),
            };
            said.push(Said::new(mark, operation));
        }
        let last = self.make(&mut said)?;
        Ok((said, last))
    }

    fn note_writers(&mut self) -> Result<(), End> {
        for (position, (_, operation)) in (0..).zip(self.part.iter()) {
            let Op::Append { value, .. } = &operation.op else { continue };
            let value = self.names.of(value) as usize;
            if value < self.writers.len() {
                return Err(End::Declined);
            }
            self.writers.push(position);
        }
        Ok(())
    }

    fn read(&mut self, position: usize, from: u64, values: &'_ [V]) -> Result<Mark, End>
    where
        V: Datum,
    {
        if values.is_empty() && from > 0 {
            let stage = from.saturating_add(1).min(u64::from(NOBODY));
            return Ok(Mark::Before(stage as u32));
        }
        for (place, value) in (from..).zip(values) {
            // A value that nobody appended has no number among those of the writers.
            let Some(value) = self.known(value) else {
                return Err(self.unwritten(position));
            };
            self.put(place, value, position)?;
        }
        Ok(Mark::Sees((from + values.len() as u64) as u32))
    }

    fn known(&self, value: &V) -> Option<u32> {
        self.names.find(&value)
    }

    fn unwritten(&self, position: usize) -> End {
        let what = words::phrase::<Log<V>>(words::operation(self.part, position));
        let property = Property::named("unwritten");
        End::Wrong(property, format!("{what}, one of which nobody appended"), vec![position])
    }

    /// Somebody says that this value is there.
    fn put(&mut self, place: u64, value: u32, position: usize) -> Result<(), End> {
        let phrase = |it: usize| words::phrase::<Log<V>>(words::operation(self.part, it));
        if place >= self.writers.len() as u64 {
            let why = format!("{}, beyond all that was appended", phrase(position));
            return Err(End::Wrong(Property::GAP, why, vec![position]));
        }
        let place = place as usize;
        if self.places.len() <= place {
            self.places.resize(place + 1, UNKNOWN);
        }
        let there = self.places[place];
        if there.value == NOBODY {
            let maker = self.writers[value as usize];
            self.places[place] = Place { value, told: position as u32, maker };
            return Ok(());
        }
        if there.value == value {
            return Ok(());
        }
        let told = there.told as usize;
        let why = format!("{} and {}: not the same at {place}", phrase(told), phrase(position));
        Err(End::Wrong(FORK, why, vec![told, position]))
    }

    /// Marks who began each stage: what was seen, by its place, and the rest after it by call.
    fn make(&self, said: &mut [Said]) -> Result<u32, End> {
        for (stage, place) in (1..).zip(&self.places) {
            let Some(maker) = said.get_mut(place.maker as usize) else { continue };
            if let Mark::Makes(other) = maker.mark {
                let one = self.places[other as usize - 1].told as usize;
                let (what, property) = (place.told as usize, Property::named("duplicate"));
                let phrase = |it| words::phrase::<Log<V>>(words::operation(self.part, it));
                let why = format!("{} and {}: one value twice", phrase(one), phrase(what));
                return Err(End::Wrong(property, why, vec![one, what]));
            }
            maker.mark = Mark::Makes(stage);
        }
        let mut rest = Vec::new();
        let mut left = false;
        for &writer in &self.writers {
            let it = words::operation(self.part, writer as usize);
            if said[writer as usize].mark == Mark::Dropped {
                left = true;
                if !matches!(it.outcome, Outcome::Open) {
                    rest.push(writer);
                }
            }
        }
        if let Some(hole) = self.places.iter().position(|place| place.value == NOBODY) {
            let above = self.places[hole..].iter().find(|place| place.value != NOBODY);
            let (false, Some(above)) = (left, above) else { return Err(End::Declined) };
            let what = words::phrase::<Log<V>>(words::operation(self.part, above.told as usize));
            let why = format!("{what}, but nobody appended what is at {hole}");
            return Err(End::Wrong(Property::GAP, why, vec![above.told as usize]));
        }
        let mut last = self.places.len() as u32;
        for writer in rest {
            last += 1;
            said[writer as usize].mark = Mark::Makes(last);
        }
        Ok(last)
    }
}
