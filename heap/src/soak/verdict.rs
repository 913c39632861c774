//! The verdict in words: what plateaus, what climbs, and who is to blame, read off the samples.
//!
//! Nothing here knows what load was run. A plateau is a plateau because nothing left it in the
//! second half, and a holder is one because the horizon stood still in sample after sample; so a
//! transaction that holds nothing back is said to hold nothing back.

use crate::soak::hold::{By, Holder};
use crate::soak::params::{Hold, Params};
use crate::soak::sample::{Sample, megabytes};
use crate::soak::{Reindexed, SECOND, Soak};

/// What stays within this share of where it ends has plateaued.
const LEVEL: f64 = 0.05;
/// Samples of which the horizon must have stood still for somebody to be holding it.
const HELD_MIN: usize = 2;

/// The samples between which one session held the horizon.
struct Held<'a> {
    holder: Holder,
    first: &'a Sample,
    last: &'a Sample,
    /// Whether it still held it when the load ended.
    to_the_end: bool,
}

/// What was seen of a load, simulated or real: all that a verdict is made of.
#[derive(Clone, Copy, Debug)]
pub struct Account<'a> {
    /// What was asked for.
    pub params: &'a Params,
    /// What was seen, a window apart.
    pub samples: &'a [Sample],
    /// Each REINDEX there was.
    pub reindexed: &'a [Reindexed],
}

impl Soak {
    /// What is to be said of what was seen so far, a sentence a line.
    pub fn verdict(&self) -> Vec<String> {
        let (params, samples) = (self.params(), self.samples());
        Account { params, samples, reindexed: &self.reindexed }.verdict()
    }
}

impl Account<'_> {
    /// What is to be said of it, a sentence a line.
    pub fn verdict(&self) -> Vec<String> {
        let samples = self.samples;
        let (Some(last), true) = (samples.last(), samples.len() >= 4) else {
            return vec!["too few samples to say what plateaus: at least 4 are needed".to_owned()];
        };
        let mut said = Vec::new();
        let held = longest_hold(samples);
        match &held {
            Some(held) if held.to_the_end => said.push(self.still_held(held)),
            Some(held) => said.extend(self.released(held)),
            None => said.push(self.dead_rows(last)),
        }
        said.extend(self.holds_nothing(held.as_ref()));
        said.push(trend("index", samples, |it| it.index_bytes));
        said.push(trend("heap", samples, |it| it.heap_bytes));
        said.push(self.hot(last));
        said.extend(self.reindexes());
        said
    }

    fn still_held(&self, held: &Held<'_>) -> String {
        let Held { first, last, .. } = held;
        let seconds = (last.t_s - first.t_s).max(1);
        let more = (last.n_dead - first.n_dead) / seconds as i64;
        format!(
            "dead% climbs without bound: vacuum reclaims nothing since {}, held by {}; {} dead \
             rows, {more} more a second, {} vacuums for nothing",
            clock(first.t_s),
            whose(held.holder),
            last.n_dead,
            last.autovacuums - first.autovacuums,
        )
    }

    fn released(&self, held: &Held<'_>) -> Vec<String> {
        let Held { first, last, .. } = held;
        let during = self.samples.iter().filter(|it| (first.t_s..=last.t_s).contains(&it.t_s));
        let (low, high) = range(during.map(|it| it.hot_window));
        let growth = megabytes(last.heap_bytes.saturating_sub(first.heap_bytes))
            / (last.t_s - first.t_s).max(1) as f64;
        let blame = format!(
            "from {} to {} vacuum reclaimed nothing, held by {}",
            clock(first.t_s),
            clock(last.t_s),
            whose(held.holder),
        );
        let cost = format!(
            "held, HOT was {low:.1}-{high:.1}% a window and the heap grew by {growth:.2} MB a second",
        );
        let mut said = vec![blame, cost];
        let after: Vec<&Sample> = self.samples.iter().filter(|it| it.t_s > last.t_s).collect();
        let well =
            after.iter().find(|it| it.hot_window >= 90.0 && it.dead_pct * 2.0 < last.dead_pct);
        said.push(match (well, after.last()) {
            (Some(well), Some(end)) => format!(
                "released, it is well by {}: HOT {:.1}%, dead {:.1}%; the heap stays at {:.1} MB, \
                 {:.0}% of it free",
                clock(well.t_s),
                well.hot_window,
                well.dead_pct,
                megabytes(end.heap_bytes),
                end.free_pct,
            ),
            (None, Some(end)) => format!(
                "released, it has not recovered by {}: HOT {:.1}%, dead {:.1}%",
                clock(end.t_s),
                end.hot_window,
                end.dead_pct,
            ),
            (_, None) => "it ended with the last sample".to_owned(),
        });
        said
    }

    /// Whether dead rows stay within bounds when nobody holds them.
    fn dead_rows(&self, last: &Sample) -> String {
        let half = later_half(self.samples);
        let (third, fourth) = half.split_at(half.len() / 2);
        let (_, before) = range(third.iter().map(|it| it.dead_pct));
        let (low, high) = range(half.iter().map(|it| it.dead_pct));
        let (_, now) = range(fourth.iter().map(|it| it.dead_pct));
        let vacuums = match last.autovacuums {
            0 => "autovacuum never ran".to_owned(),
            1 => "autovacuum ran once".to_owned(),
            many => format!("autovacuum ran {many} times"),
        };
        if now > before * 1.25 && now > before + 1.0 {
            format!("dead% climbs, from {before:.1} to {now:.1} in the last quarter; {vacuums}")
        } else {
            format!("dead% stays between {low:.1} and {high:.1}; {vacuums}")
        }
    }

    /// That the transaction that was left open holds nothing, if that is so.
    fn holds_nothing(&self, held: Option<&Held<'_>>) -> Option<String> {
        let params = self.params;
        let holder = params.concurrency as u16 + 2;
        if params.hold == Hold::None || held.is_some_and(|it| it.holder.session == holder) {
            return None;
        }
        let what = match params.hold {
            Hold::RcSelect => "HOLD_TXN (READ COMMITTED, SELECT 1)".to_owned(),
            other => format!("the open transaction ({})", other.name()),
        };
        let end = if params.hold_until == 0 { params.duration } else { params.hold_until };
        let open = |it: &&Sample| it.t_s > params.hold_from && it.t_s <= end;
        let windows = self.samples.iter().filter(open).count();
        Some(if windows < HELD_MIN {
            format!("{what} was not open long enough to see what it holds back")
        } else {
            format!("{what} holds nothing back: the horizon went on in each of {windows} windows")
        })
    }

    fn hot(&self, last: &Sample) -> String {
        let (low, high) = range(self.samples.iter().map(|it| it.hot_window));
        format!("HOT {:.2}% of all updates, {low:.1}-{high:.1}% a window", last.hot)
    }

    fn reindexes(&self) -> Option<String> {
        let Reindexed { t_s: at, before, after } = *self.reindexed.last()?;
        let many = self.reindexed.len();
        Some(format!(
            "REINDEX ran {many} times; the last, at {}, took the index from {:.1} to {:.1} MB",
            clock(at),
            megabytes(before),
            megabytes(after),
        ))
    }
}

fn whose(holder: Holder) -> String {
    match holder.by {
        By::Snapshot => format!("session {}'s snapshot", holder.session),
        By::Xid => format!("session {}'s transaction number", holder.session),
    }
}

/// The longest time that the horizon stood still.
fn longest_hold(samples: &[Sample]) -> Option<Held<'_>> {
    let horizon = |it: &Sample| it.holder.map(|it| it.horizon);
    let runs = samples.chunk_by(|one, other| horizon(one) == horizon(other));
    let runs = runs.filter(|it| it.len() >= HELD_MIN && it[0].holder.is_some());
    let longest = runs.max_by_key(|it| it.len())?;
    let (first, last) = (longest.first()?, longest.last()?);
    let to_the_end = samples.last().is_some_and(|it| it.t_s == last.t_s);
    Some(Held { holder: first.holder?, first, last, to_the_end })
}

fn later_half(samples: &[Sample]) -> &[Sample] {
    &samples[samples.len() / 2..]
}

/// The least and the largest.
fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::MAX, f64::MIN), |(low, high), it| (low.min(it), high.max(it)))
}

/// Whether a size stays where it ends, and since when, or how it goes on.
fn trend(what: &str, samples: &[Sample], size: impl Fn(&Sample) -> u64) -> String {
    let sizes: Vec<f64> = samples.iter().map(|it| megabytes(size(it))).collect();
    let end = sizes[sizes.len() - 1];
    let level = |it: &f64| (it - end).abs() <= end * LEVEL;
    let half = sizes.len() / 2;
    if sizes[half..].iter().all(level) {
        let to = size_of(end);
        return match sizes.iter().rposition(|it| !level(it)) {
            None => format!("{what} stays at {to} MB, within {:.0}%", LEVEL * 100.0),
            Some(at) => format!("{what} plateaus at {to} MB after {}", time(samples[at + 1].t_s)),
        };
    }
    let (then, seconds) = (sizes[half], samples[sizes.len() - 1].t_s - samples[half].t_s);
    let hourly = size_of((end - then) * 3600.0 / seconds.max(1) as f64);
    let (low, high) = range(sizes[half..].iter().copied());
    let (from, to) = (size_of(then), size_of(end));
    if sizes[half..].is_sorted() {
        format!("{what} grows: {from} to {to} MB in the second half, {hourly} MB an hour")
    } else if sizes[half..].is_sorted_by(|one, other| one >= other) {
        format!("{what} shrinks: {from} to {to} MB in the second half")
    } else {
        let (low, high) = (size_of(low), size_of(high));
        format!("{what} goes up and down between {low} and {high} MB, {to} at the end")
    }
}

/// Megabytes, small ones to two places.
fn size_of(megabytes: f64) -> String {
    if megabytes < 1.0 { format!("{megabytes:.2}") } else { format!("{megabytes:.1}") }
}

/// `14 min`
fn time(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        _ => format!("{:.1} h", seconds as f64 / 3600.0),
    }
}

/// `00:10`, and with hours `1:00:10`.
fn clock(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes:02}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

impl Soak {
    /// How far it is, in words: rows that are loaded, or simulated time, of all there is.
    pub fn progress(&self) -> String {
        if let Some(loading) = &self.loading {
            return format!("{} of {} rows loaded", loading.rows(), self.params().active);
        }
        format!("{} of {} simulated", clock(self.now / SECOND), clock(self.params().duration))
    }
}
