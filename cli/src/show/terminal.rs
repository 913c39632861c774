//! The timeline in a terminal: a lane a client, its calls as intervals, the world's moves below.
//!
//! A terminal is a window of some hundred characters on what may be ten thousand columns, so it is
//! laid where the failure is, and what lies outside of it is counted, never silently missing.

use super::canvas::{Ink, Line, clean, fit};
use super::lanes::{Arrow, End, Ended, Kind, Lane, Lease, Op, Run, Shown, Step};
use super::trace::plural;
use crate::out::paint;
use crate::why::percent;
use anstyle::AnsiColor;
use std::collections::BTreeSet;

/// Characters for the names of lanes.
const GUTTER: usize = 10;
/// A column is no wider, so that few steps still read as a line.
const COLUMN_MAX: usize = 18;
/// Characters of a label that still say something.
const LABEL_MIN: usize = 8;

/// How wide the terminal is.
pub(super) fn width() -> usize {
    let given = std::env::var("COLUMNS").ok().and_then(|it| it.parse().ok());
    let asked = || console::Term::stdout().size_checked().map(|(_, columns)| columns.into());
    given.or_else(asked).unwrap_or(100).clamp(40, 400)
}

/// The verdict, in one line.
pub(super) fn verdict(run: &Run) -> String {
    let (color, label) = match run.outcome {
        "pass" => (AnsiColor::Green, "PASS"),
        "fail" => (AnsiColor::Red, "FAIL"),
        _ => (AnsiColor::Yellow, "UNKNOWN"),
    };
    let property = run.property.as_ref().map_or(String::new(), |it| format!("{it}: "));
    let pad = " ".repeat(9 - label.len());
    format!("{}{pad}{property}{}", paint(color, label), clean(&run.sentence))
}

/// All but the verdict.
pub(super) fn lines(shown: &Shown, width: usize) -> Vec<String> {
    let Some(run) = shown.runs.first() else { return Vec::new() };
    let about: Vec<String> =
        shown.about.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut lines = vec![fit(&about.join(" "), width), String::new()];
    let window = Window::new(shown, run, width);
    lines.extend(window.picture().iter().map(Line::text));
    lines.push(String::new());
    lines.extend(window.left_out(shown.column));
    lines.extend(match shown.kind {
        "trace" => window.steps(),
        _ => window.ways(),
    });
    if let Some(why) = &run.why {
        lines.push(format!("why      {}", clean(why)));
    }
    if let Some(control) = shown.runs.get(1) {
        let label = paint(AnsiColor::Cyan, "CONTROL");
        lines.push(format!("{label}  {}: {}", control.label, clean(&control.sentence)));
    }
    lines
}

/// The columns that are drawn.
struct Window<'a> {
    run: &'a Run,
    width: usize,
    /// How wide a column is.
    column: usize,
    /// The first and the last that are drawn.
    first: usize,
    last: usize,
    name: &'static str,
    /// Whether an operation has to say which key it is about.
    many_keys: bool,
}

impl<'a> Window<'a> {
    fn new(shown: &Shown, run: &'a Run, width: usize) -> Self {
        // An open end is drawn behind the last column.
        let room = width - GUTTER - 1;
        let least = if run.steps.is_empty() { 5 } else { 7 };
        let column = (room / run.columns.max(1)).clamp(least, COLUMN_MAX);
        let count = (room / column).min(run.columns).max(1);
        // What led to the failure is worth more than what came after it.
        let first =
            run.focus.saturating_sub(count * 3 / 4).clamp(1, (run.columns + 1 - count).max(1));
        let last = (first + count - 1).min(run.columns);
        let keys: BTreeSet<&str> = run.ops.iter().map(|it| it.key.as_str()).collect();
        let many_keys = keys.len() > 1;
        Window { run, width, column, first, last, name: shown.column, many_keys }
    }

    /// Where a half column is.
    fn x(&self, half: u64) -> i64 {
        let column = self.column as i64;
        let at = half as i64 - 2 * self.first as i64;
        GUTTER as i64 + column / 2 - 1 + (at * column).div_euclid(2)
    }

    fn sees(&self, from: u64, to: u64) -> bool {
        to + 1 >= 2 * self.first as u64 && from <= 2 * self.last as u64 + 1
    }

    /// Where the picture ends.
    fn end(&self) -> i64 {
        (GUTTER + self.column * (self.last + 1 - self.first)) as i64
    }

    fn client(&self, client: u16) -> String {
        let lane = self.run.lanes.iter().find(|it| it.client == Some(client));
        lane.map_or(format!("c{client}"), |it| it.name.clone())
    }

    fn picture(&self) -> Vec<Line> {
        let mut lines = vec![self.numbers()];
        for lane in &self.run.lanes {
            let drawn = match lane.kind {
                Kind::Client => self.clients(lane),
                Kind::Lock => vec![self.lock(lane)],
                Kind::State => self.state(lane),
                Kind::Moves => vec![self.moves(|step| step.moved && step.verb == lane.name)],
                Kind::Faults => vec![self.moves(is_fault)],
                Kind::Chance => vec![self.chance()],
            };
            let is_state = lane.kind == Kind::State;
            let keep = |(index, line): &(usize, Line)| {
                (*index == 0 && is_state) || !line.is_empty_from(GUTTER)
            };
            let drawn = drawn.into_iter().enumerate().filter(keep).map(|(_, line)| line);
            for (index, mut line) in drawn.enumerate() {
                line.clear_before(GUTTER);
                if index == 0 {
                    let ink = lane.client.map_or(Ink::Plain, Ink::Client);
                    line.put(1, &fit(&lane.name, GUTTER - 2), ink);
                }
                lines.push(line);
            }
        }
        lines
    }

    fn line(&self) -> Line {
        Line::new(self.width.min(self.end() as usize + 1))
    }

    fn numbers(&self) -> Line {
        let mut line = self.line();
        line.put(1, self.name, Ink::Faint);
        for column in self.first..=self.last {
            let broken = self.run.failed_at == Some(column);
            let text = if broken { format!("{column}!") } else { column.to_string() };
            let ink = if broken { Ink::Red } else { Ink::Faint };
            let every = 1 + text.len() / self.column;
            let crowds =
                |it: usize| it != column && it.abs_diff(column) * self.column <= text.len();
            let crowded = self.run.failed_at.is_some_and(crowds);
            if broken || ((column - self.first).is_multiple_of(every) && !crowded) {
                line.put(self.x(2 * column as u64), &text, ink);
            }
        }
        line
    }

    /// A line for each track of operations, one for the steps, one for what was decided too early.
    fn clients(&self, lane: &Lane) -> Vec<Line> {
        let mut lines = vec![self.line(); usize::from(lane.tracks)];
        let own = |client: u16| lane.client == Some(client);
        // An open operation makes way for the next on its track.
        let mut next = vec![None; usize::from(lane.tracks)];
        for op in self.run.ops.iter().rev().filter(|it| own(it.client)) {
            let track = usize::from(op.track);
            let until = op.to.or(next[track]);
            next[track] = Some(op.from);
            if self.sees(op.from, until.unwrap_or(u64::MAX / 2)) {
                self.bar(&mut lines[track], op, until);
            }
        }
        let mut steps = self.marks(|step| {
            let called = step.calls.iter().find(|it| own(it.client));
            let mine = step.client.is_some_and(own);
            (mine || called.is_some()).then(|| mark(step, mine, called))
        });
        for belief in self.run.beliefs.iter().filter(|it| own(it.client)) {
            let (from, to) = (self.x(belief.from), self.x(belief.to).min(self.end()));
            let line = lines.first_mut().unwrap_or(&mut steps);
            line.fill(from.max(GUTTER as i64), to, '~', Ink::Amber);
        }
        let arrows =
            self.run.arrows.iter().filter(|it| own(it.client) && self.sees(it.from, it.to));
        let mut decided = self.line();
        arrows.for_each(|arrow| self.arrow(&mut decided, arrow));
        lines.extend([steps, decided]);
        lines
    }

    /// `|== cas 0->1: won ==|`, `|== put ==>`: an open end goes on to the edge.
    fn bar(&self, line: &mut Line, op: &Op, until: Option<u64>) {
        let ink = if op.guilty { Ink::Red } else { Ink::Client(op.client) };
        let end = until.map_or(self.end(), |to| self.x(to));
        let (from, to) = (self.x(op.from).max(GUTTER as i64 - 1), end.min(self.end()));
        let room = usize::try_from(to - from - 1).unwrap_or(0);
        let sign = match (op.guilty, op.end) {
            (true, _) => "!",
            (_, End::Refused) => "-",
            (_, End::Failed) => "x",
            _ => "=",
        };
        let asked = if self.many_keys { &op.text } else { &op.short };
        let said = match op.answer.is_empty() {
            true => asked.clone(),
            false => format!("{asked}: {}", op.answer),
        };
        let said = [said, asked.clone(), op.answer.clone()];
        let said = said.into_iter().find(|it| it.chars().count() <= room).unwrap_or_default();
        let left = room.saturating_sub(said.chars().count());
        let close = if op.to.is_none() { ">" } else { "|" };
        let text =
            format!("|{}{said}{}{close}", sign.repeat(left / 2), sign.repeat(left - left / 2));
        line.put(from, &text, ink);
    }

    /// One sign a step, and as many words as fit before the next.
    fn marks(&self, of: impl Fn(&Step) -> Option<(char, String, Ink)>) -> Line {
        let mut line = self.line();
        let mut next = self.end();
        for column in (self.first..=self.last).rev() {
            let Some(found) = self.run.steps.get(column - 1).and_then(&of) else { continue };
            let (sign, said, ink) = found;
            let broken = self.run.failed_at == Some(column);
            let at = self.x(2 * column as u64);
            let room = usize::try_from(next - at - 3).unwrap_or(0);
            line.put(at, &sign.to_string(), if broken { Ink::Red } else { ink });
            // A beginning of two letters tells nobody anything.
            let said =
                if room < LABEL_MIN.min(said.len()) { String::new() } else { fit(&said, room) };
            line.put(at + 2, &said, Ink::Faint);
            next = at;
        }
        line
    }

    fn moves(&self, is: impl Fn(&Step) -> bool) -> Line {
        self.marks(|step| {
            let said = if step.moved { String::new() } else { step.text.clone() };
            is(step).then(|| (sign(step), said, Ink::Amber))
        })
    }

    /// How likely the failure was after each step.
    fn chance(&self) -> Line {
        let mut line = self.line();
        for column in self.first..=self.last {
            let Some(risk) = self.run.chances.get(column) else { break };
            let decisive = [self.run.likely_at, self.run.inevitable_from].contains(&Some(column));
            let ink = if decisive { Ink::Red } else { Ink::Faint };
            line.put(self.x(2 * column as u64), &percent(risk.p), ink);
        }
        line
    }

    /// `[w0 5000 ms----x`: it ran out; `)`: it was given back; `>`: it was still held.
    fn lock(&self, lane: &Lane) -> Line {
        let mut line = self.line();
        let seen = |it: &&Lease| it.lock == lane.name && self.sees(it.from, it.to);
        for lease in self.run.leases.iter().filter(seen) {
            let (from, to) = (self.x(lease.from), self.x(lease.to).min(self.end() - 1));
            let room = usize::try_from(to - from.max(GUTTER as i64) - 1).unwrap_or(0);
            let name = self.client(lease.client);
            let long = lease.of_ms.map_or(name.clone(), |ms| format!("{name} {ms} ms"));
            let said = if long.chars().count() <= room { long } else { fit(&name, room) };
            let ink = Ink::Client(lease.client);
            let close = match lease.ended {
                Ended::RanOut => "x",
                Ended::GivenBack => ")",
                Ended::Held => ">",
            };
            line.put(from, "[", ink);
            line.put(from.max(GUTTER as i64 - 1) + 1, &said, ink);
            line.fill(from.max(GUTTER as i64), to, '-', ink);
            line.put(to, close, if close == "x" { Ink::Amber } else { ink });
        }
        line
    }

    /// A value from where on it holds, and a second line for second children.
    fn state(&self, lane: &Lane) -> Vec<Line> {
        let (mut line, mut branches) = (self.line(), self.line());
        let mut ends = lane.values.iter().skip(1).map(|(half, _)| self.x(*half));
        for (half, value) in &lane.values {
            let next = ends.next().unwrap_or(self.end()).min(self.end());
            let at = if *half == 0 { GUTTER as i64 } else { self.x(*half) };
            let at = at.max(GUTTER as i64);
            if next > at {
                let room = usize::try_from(next - at).unwrap_or(0);
                line.put(at, &fit(value, room), Ink::Plain);
            }
        }
        line.fill(GUTTER as i64, self.end(), '.', Ink::Faint);
        let index = self.run.lanes.iter().position(|it| std::ptr::eq(it, lane));
        let seen = self.run.branches.iter().filter(|it| Some(it.lane) == index);
        for branch in seen.filter(|it| self.sees(it.from, it.at)) {
            let (from, at) = (self.x(branch.from - 1), self.x(branch.at));
            let text = format!("! {}", branch.text);
            let begin = at.min(self.end() - text.chars().count() as i64);
            branches.put(from.min(begin - 2), "\\", Ink::Red);
            branches.put(begin, &text, Ink::Red);
            branches.fill(from.min(begin - 2), begin, '_', Ink::Red);
        }
        vec![line, branches]
    }

    fn arrow(&self, line: &mut Line, arrow: &Arrow) {
        let (from, to) = (self.x(arrow.from).max(GUTTER as i64), self.x(arrow.to));
        let room = usize::try_from(to.min(self.end()) - from - 3).unwrap_or(0);
        let ink = if arrow.acted { Ink::Red } else { Ink::Faint };
        line.put(to, "^", ink);
        line.put(from, "'", ink);
        let said = fit(&arrow.text, room);
        line.put(from + 2, &said, ink);
        line.fill(from, to, '.', ink);
    }

    /// What is not drawn.
    fn left_out(&self, name: &str) -> Vec<String> {
        let (before, after) = (self.first - 1, self.run.columns - self.last.min(self.run.columns));
        if before + after == 0 {
            return Vec::new();
        }
        let seen: BTreeSet<u16> = self.seen_clients();
        let all = self.run.lanes.iter().filter_map(|it| it.client);
        let idle = all.filter(|it| !seen.contains(it)).count();
        let clients = format!("; {idle} client{} without any here", plural(idle));
        vec![
            format!(
                "  {before} {name}{} before and {after} after are not drawn here{}",
                plural(before),
                if idle > 0 { clients } else { String::new() }
            ),
            String::new(),
        ]
    }

    fn seen_clients(&self) -> BTreeSet<u16> {
        let ops = self.run.ops.iter();
        let ops = ops.filter(|it| self.sees(it.from, it.to.unwrap_or(u64::MAX / 2)));
        let steps = self.run.steps.iter().skip(self.first - 1).take(self.last + 1 - self.first);
        let called = steps.flat_map(|it| it.calls.iter().map(|call| call.client).chain(it.client));
        ops.map(|it| it.client).chain(called).collect()
    }

    /// The steps of the picture, with what they changed.
    fn steps(&self) -> Vec<String> {
        let steps =
            (1..).zip(&self.run.steps).skip(self.first - 1).take(self.last + 1 - self.first);
        let mut lines: Vec<String> = steps.map(|(number, step)| self.step(number, step)).collect();
        lines.push(String::new());
        lines
    }

    fn step(&self, number: usize, step: &Step) -> String {
        let who = step.client.map_or("--".to_owned(), |it| self.client(it));
        let said = |it: &super::lanes::Call| match step.client == Some(it.client) {
            true => format!("{}: {}", it.asked, it.answer),
            false => format!("{} {}: {}", self.client(it.client), it.asked, it.answer),
        };
        let calls: Vec<String> = step.calls.iter().map(said).collect();
        let bare = step.verb != "apply" || calls.is_empty();
        let verb = if step.moved { &step.text } else { &step.verb };
        let words = bare.then(|| verb.clone()).into_iter().chain(calls);
        let words = words.collect::<Vec<_>>().join("; ");
        let changed = step.changed.iter().map(|(name, was, now)| format!("{name} {was} -> {now}"));
        let changed = changed.collect::<Vec<_>>().join(", ");
        let room = self.width.saturating_sub(12);
        let split = (room * 3 / 5).max(20);
        let line = format!("{:<split$}  {}", fit(&words, split), fit(&changed, room - split));
        let mark = if self.run.failed_at == Some(number) { '>' } else { ' ' };
        format!("{mark}{number:>5}  {who:<4}{}", line.trim_end())
    }

    /// How far the operations that contradict each other can be explained.
    fn ways(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let said = |index: usize| {
            let op = &self.run.ops[index];
            let answer = if op.answer.is_empty() { "nobody heard" } else { &op.answer };
            format!("{} {}: {answer}", self.client(op.client), op.text)
        };
        let half = self.width / 2;
        for (number, way) in (1..).zip(&self.run.ways) {
            lines.push(format!("way {number}    from {}", clean(&way.start)));
            for (place, (index, state)) in (1..).zip(&way.order) {
                lines.push(format!(
                    "{place:>6}  {:<half$}  {}",
                    fit(&said(*index), half),
                    clean(state)
                ));
            }
            for (index, wrong) in &way.stuck {
                let line = format!("     !  {:<half$}  {}", fit(&said(*index), half), clean(wrong));
                lines.push(line);
            }
        }
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines
    }
}

fn is_fault(step: &Step) -> bool {
    !step.moved && matches!(step.verb.as_str(), "lose" | "late" | "crash" | "restart")
}

/// A sign of its own for each kind of step.
fn sign(step: &Step) -> char {
    match step.verb.as_str() {
        _ if step.moved && step.client.is_none() => '*',
        "lose" => 'x',
        "late" => '&',
        "crash" => 'X',
        "restart" => '^',
        _ => 'o',
    }
}

/// A client's step: its sign, and the call. Somebody else's step that lets a call of its through
/// has a ring of its own.
fn mark(step: &Step, mine: bool, call: Option<&super::lanes::Call>) -> (char, String, Ink) {
    let said = call.map_or(step.text.clone(), |it| format!("{}: {}", it.asked, it.answer));
    let ink = if is_fault(step) && mine { Ink::Amber } else { Ink::Plain };
    (if mine { sign(step) } else { '.' }, said, ink)
}
