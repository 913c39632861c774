//! Advisory locks: a number that one session has, and others wait for in their order.
//!
//! A session may take one many times, and some of these end with its transaction and the others
//! with an unlock or with the session itself; it is free when all of them have ended.

/// One key.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Held {
    key: i64,
    by: u8,
    /// How often until its transaction ends, and how often until it is given back.
    xact: u32,
    session: u32,
    /// First come, first served, each with whether it is for its transaction.
    queue: Vec<(u8, bool)>,
}

/// All that are held.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Advisory {
    held: Vec<Held>,
}

impl Advisory {
    fn of(&mut self, key: i64) -> Option<&mut Held> {
        self.held.iter_mut().find(|it| it.key == key)
    }

    /// Takes it if nobody else has it; whether it did.
    pub(super) fn take(&mut self, by: u8, key: i64, xact: bool) -> bool {
        match self.of(key) {
            Some(held) if held.by != by => false,
            Some(held) => {
                held.add(xact);
                true
            }
            None => {
                let mut held = Held { key, by, xact: 0, session: 0, queue: Vec::new() };
                held.add(xact);
                let place = self.held.partition_point(|it| it.key < key);
                self.held.insert(place, held);
                true
            }
        }
    }

    /// Waits for one that somebody else has.
    pub(super) fn queue(&mut self, by: u8, key: i64, xact: bool) {
        self.of(key).expect("it is held by somebody").queue.push((by, xact));
    }

    /// Gives one back; whether it was had so.
    pub(super) fn give_back(&mut self, by: u8, key: i64) -> bool {
        let held = self.of(key).filter(|it| it.by == by && it.session > 0);
        let had = held.map(|it| it.session -= 1).is_some();
        self.hand_on();
        had
    }

    /// A transaction ends, and with it what it waits for; `whole`: the session does.
    pub(super) fn end(&mut self, by: u8, whole: bool) {
        for it in &mut self.held {
            it.queue.retain(|(waiter, _)| *waiter != by);
            if it.by == by {
                it.xact = 0;
                it.session = if whole { 0 } else { it.session };
            }
        }
        self.hand_on();
    }

    fn hand_on(&mut self) {
        for it in &mut self.held {
            while it.xact + it.session == 0 && !it.queue.is_empty() {
                let (by, xact) = it.queue.remove(0);
                it.by = by;
                it.add(xact);
            }
        }
        self.held.retain(|it| it.xact + it.session > 0);
    }

    /// Whether the session has some that outlive its transaction.
    pub(super) fn outlives(&self, by: u8) -> bool {
        self.held.iter().any(|it| it.by == by && it.session > 0)
    }

    pub(super) fn waits(&self, by: u8) -> bool {
        self.held.iter().any(|it| it.queue.iter().any(|(waiter, _)| *waiter == by))
    }

    /// Whom a session waits for: who has it, and who asked before.
    pub(super) fn waits_for(&self, by: u8) -> impl Iterator<Item = u8> + '_ {
        self.held.iter().flat_map(move |it| {
            let place = it.queue.iter().position(|(waiter, _)| *waiter == by);
            let before = place.map_or(&[][..], |place| &it.queue[..place]);
            place.map(|_| it.by).into_iter().chain(before.iter().map(|(waiter, _)| *waiter))
        })
    }
}

impl Held {
    fn add(&mut self, xact: bool) {
        if xact {
            self.xact += 1;
        } else {
            self.session += 1;
        }
    }
}
