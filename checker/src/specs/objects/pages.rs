//! Decides a store whose objects are put and never deleted, and are listed in pages.
//!
//! A page tells of each name in its window whether it was there: the put came before the listing,
//! or after it. As names only ever come, each of these is an order of two operations, and so is
//! what a get says of an object that is put once; that there is more after a page is an order after
//! one of several puts. [Precedence] decides such orders exactly. Only puts that overlap a listing
//! need one: with all others the clock agrees, or the history fails.
//!
//! The hard part is an object that is put several times: which put came first is a choice. It is
//! made as the object's own operations suggest ([`super::monitor`]), and if that fails, then what
//! the listings say is judged without regard to values; if that holds, the search must decide.

mod windows;

use super::monitor::{Stored, name, object};
use super::{Objects, Op, Ret};
use crate::monitor::precedence::{NoOrder, Precedence};
use crate::monitor::words;
use crate::monitor::zones::Zoned;
use crate::value::Datum;
use crate::{Monitored, Property, Violation};

const NOBODY: u32 = u32::MAX;

/// A name that was listed is listed ever after.
const MONOTONIC_LISTING: Property = Property::named("monotonic-listing");

/// An object.
struct Object<'a> {
    name: &'a str,
    /// Its operations, by call.
    operations: Vec<u32>,
    /// Those of its puts that wrote it, or may have.
    puts: Vec<u32>,
    /// The earliest call of those.
    first_call: u64,
    /// The earliest return of those that were told they did; 0 if it was there at the start.
    there_at: u64,
    /// Whether it was there at the start.
    is_old: bool,
    /// The put that came first, if an order was chosen.
    first: u32,
}

impl Object<'_> {
    /// Whether nothing but order is left to say of it.
    fn is_simple(&self) -> bool {
        !self.is_old && self.puts.len() <= 1
    }
}

/// What ends the decision early.
enum End {
    Declined,
    Never(u32),
    Wrong(Violation),
}

struct Pages<'a, V: Datum> {
    part: Stored<'a, V>,
    objects: Vec<Object<'a>>,
    order: Precedence,
    /// Whether values are disregarded where an object is put several times.
    relaxed: bool,
    /// Whether an order was chosen that might have been another.
    chose: bool,
}

pub(super) fn monitor<V: Datum>(init: &Objects<V>, part: Stored<'_, V>) -> Monitored {
    if part.iter().any(|(_, it)| matches!(it.op, Op::Delete { .. })) {
        return Monitored::Declined;
    }
    for relaxed in [false, true] {
        let mut pages = Pages::new(init, part, relaxed);
        let decided = match pages.each(init) {
            Ok(()) => pages.all().map_err(|end| if pages.chose { End::Declined } else { end }),
            Err(end) => Err(end),
        };
        match decided {
            Ok(order) if !relaxed => return part.pass(order),
            Ok(_) => return Monitored::Declined,
            Err(End::Declined) => {}
            Err(End::Never(position)) => {
                return words::never::<Objects<V>>(part, position as usize);
            }
            Err(End::Wrong(violation)) => return Monitored::Fail(violation),
        }
    }
    Monitored::Declined
}

impl<'a, V: Datum> Pages<'a, V> {
    fn new(init: &'a Objects<V>, part: Stored<'a, V>, relaxed: bool) -> Self {
        let times = part.iter().map(|(_, it)| (it.call, it.returned_at().unwrap_or(u64::MAX)));
        let times: Vec<(u64, u64)> = times.collect();
        let is_in =
            part.iter().map(|(_, it)| it.ret().is_some() || matches!(it.op, Op::Put { .. }));
        let order = Precedence { is_in: is_in.collect(), times, ..Precedence::default() };
        let objects = objects(init, part);
        Pages { part, objects, order, relaxed, chose: false }
    }

    /// What the objects say by themselves.
    fn each(&mut self, init: &Objects<V>) -> Result<(), End> {
        let mut objects = std::mem::take(&mut self.objects);
        for object in &mut objects {
            if object.is_simple() {
                self.simple(object)?;
            } else if self.relaxed {
                self.relax(object);
            } else {
                self.choose(init, object)?;
            }
        }
        self.objects = objects;
        Ok(())
    }

    /// What the pages say of all of them.
    fn all(&mut self) -> Result<Vec<u32>, End> {
        self.lists()?;
        self.order.order().map_err(|no_order| End::Wrong(self.circle(no_order)))
    }

    /// An object that is put once at most: all its answers are orders.
    fn simple(&mut self, object: &Object<'a>) -> Result<(), End> {
        let put = object.puts.first().copied();
        let written = put.and_then(|put| match &self.at(put).op {
            Op::Put { value, if_match: None, .. } => Some(value),
            _ => None,
        });
        for &position in &object.operations {
            let operation = self.at(position);
            let is_after = match (&operation.op, operation.ret()) {
                _ if Some(position) == put => {
                    // Only what is there can be replaced.
                    if written.is_none() && operation.ret().is_some() {
                        return Err(End::Never(position));
                    }
                    continue;
                }
                (_, None) => continue,
                (Op::Get { .. }, Some(Ret::Value(None))) => false,
                (Op::Get { .. }, Some(Ret::Value(value))) => {
                    if value.as_ref() != written {
                        return Err(self.unwritten(position));
                    }
                    true
                }
                // What is left are puts that were refused.
                (Op::Put { if_none_match: true, if_match: Some(_), .. }, Some(_)) => continue,
                (Op::Put { if_none_match: true, .. }, Some(_)) => match written {
                    Some(_) => true,
                    None => return Err(End::Never(position)),
                },
                (Op::Put { if_match: Some(value), .. }, Some(_)) if Some(value) == written => false,
                (Op::Put { if_match: Some(_), .. }, Some(_)) => continue,
                _ => return Err(End::Never(position)),
            };
            match put.filter(|_| written.is_some()) {
                Some(put) if is_after => self.order.pairs.push((put, position)),
                Some(put) => self.order.pairs.push((position, put)),
                None => {}
            }
        }
        // One that replaces what was never there does nothing.
        if let Some(put) = put
            && written.is_none()
        {
            self.order.is_in[put as usize] = false;
        }
        Ok(())
    }

    /// An object that is put several times, its operations in the one order they suggest.
    fn choose(&mut self, init: &Objects<V>, object: &mut Object<'a>) -> Result<(), End> {
        let order = match self::object(init, self.part, &object.operations).map_err(End::Never)? {
            Zoned::Declined => return Err(End::Declined),
            Zoned::Pass(order) => order,
            // What they contradict among themselves, they contradict in the whole.
            _ => return Err(self.contradiction(init, object)),
        };
        self.chose = true;
        let order: Vec<u32> = order.into_iter().map(|it| object.operations[it as usize]).collect();
        for &put in &object.puts {
            self.order.is_in[put as usize] = false;
        }
        for &position in &order {
            self.order.is_in[position as usize] = true;
        }
        self.order.pairs.extend(order.windows(2).map(|pair| (pair[0], pair[1])));
        object.first = order.iter().copied().find(|it| object.puts.contains(it)).unwrap_or(NOBODY);
        Ok(())
    }

    /// What is wrong with one object alone.
    fn contradiction(&self, init: &Objects<V>, object: &Object<'a>) -> End {
        let members = object.operations.iter().map(|&it| self.part.members()[it as usize]);
        let members: Vec<u32> = members.collect();
        match super::monitor::monitor(init, self.part.of(&members)) {
            Monitored::Fail(violation) => End::Wrong(violation),
            _ => End::Declined,
        }
    }

    /// Only whether it was there, not what.
    fn relax(&mut self, object: &Object<'a>) {
        for &position in &object.operations {
            let operation = self.at(position);
            if let (Op::Get { .. }, Some(Ret::Value(None))) = (&operation.op, operation.ret())
                && !object.is_old
            {
                let puts = object.puts.iter().filter(|&&put| self.at(put).ret().is_some());
                let pairs: Vec<(u32, u32)> = puts.map(|&put| (position, put)).collect();
                self.order.pairs.extend(pairs);
            }
        }
    }

    fn at(&self, position: u32) -> &'a crate::Operation<Op<V>, Ret<V>> {
        words::operation(self.part, position as usize)
    }

    fn unwritten(&self, position: u32) -> End {
        let wrong = Zoned::Unwritten(position as usize);
        End::Wrong(words::zoned::<Objects<V>>(self.part, &wrong))
    }

    fn circle(&self, no_order: NoOrder) -> Violation {
        let (NoOrder::Late(chain) | NoOrder::Circle(chain)) = no_order;
        let kinds: Vec<&Op<V>> = chain.iter().map(|&it| &self.at(it as u32).op).collect();
        if let [Op::List { .. }, Op::Put { key, .. }, Op::List { .. }] = kinds[..] {
            let phrase = |it: usize| words::whose::<Objects<V>>(self.at(it as u32));
            let (later, earlier) = (phrase(chain[0]), phrase(chain[2]));
            let why = format!("{later}, and not {key}, although {earlier} had told of it before");
            return words::violation(self.part, MONOTONIC_LISTING, why, [chain[2], chain[0]]);
        }
        let said: Vec<String> = chain
            .iter()
            .map(|&it| words::whose::<Objects<V>>(words::operation(self.part, it)))
            .collect();
        let why = format!("these must come in this order, and cannot: {}", said.join(", then "));
        words::violation(self.part, Property::LINEARIZABLE, why, chain)
    }
}

/// All objects, by name.
fn objects<'a, V: Datum>(init: &'a Objects<V>, part: Stored<'a, V>) -> Vec<Object<'a>> {
    let mut named: Vec<(&str, u32)> = (0..)
        .zip(part.iter())
        .filter_map(|(position, (_, it))| Some((name(&it.op)?, position)))
        .collect();
    named.extend(init.objects.keys().map(|key| (&**key, NOBODY)));
    named.sort_unstable();
    let mut objects: Vec<Object<'a>> = Vec::new();
    for (name, position) in named {
        if objects.last().is_none_or(|last| last.name != name) {
            let is_old = init.at(name).is_some();
            let there_at = if is_old { 0 } else { u64::MAX };
            let (operations, puts) = (Vec::new(), Vec::new());
            let (first_call, first) = (if is_old { 0 } else { u64::MAX }, NOBODY);
            objects.push(Object { name, operations, puts, first_call, there_at, is_old, first });
        }
        let (Some(object), true) = (objects.last_mut(), position != NOBODY) else { continue };
        object.operations.push(position);
        let operation = words::operation(part, position as usize);
        let Op::Put { .. } = operation.op else { continue };
        let yes = operation.ret().map(Ret::yes);
        if matches!(yes, None | Some(Some(true))) {
            object.puts.push(position);
            object.first_call = object.first_call.min(operation.call);
            if yes.is_some() {
                let at = operation.returned_at().unwrap_or(u64::MAX);
                object.there_at = object.there_at.min(at);
            }
        }
    }
    objects
}
