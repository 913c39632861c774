//! The texts that were there, as a tree: each is the one before it and one value more.

use super::{Appended, Choice, Told};

const NOBODY: u32 = u32::MAX;
/// Ways for the writes of one value before the search is asked.
const WAYS_MAX: usize = 24;

/// A value, and who wrote it.
struct Token<'a> {
    text: &'a str,
    puts: Vec<usize>,
    appends: Vec<usize>,
    /// Of the appends, those that can have found nothing there.
    firsts: Vec<usize>,
    /// The texts that end with it.
    states: Vec<u32>,
}

/// A text: what it is without its last value, and who read it or a longer one first.
#[derive(Clone, Copy)]
struct State {
    before: u32,
    reader: usize,
}

pub(super) struct Texts<'a> {
    tokens: Vec<Token<'a>>,
    /// The empty text is the first.
    states: Vec<State>,
    /// The texts whose last value was written once, and by whom.
    certain: Vec<(u32, usize)>,
    /// Whether one text may have been there twice.
    pub(super) repeats: bool,
    /// A text that was read, and the texts on the way to it, each with its length: most reads see
    /// the beginning of one another, and there is no need to find every value again.
    spelled: &'a str,
    path: Vec<(usize, u32)>,
}

impl<'a> Texts<'a> {
    /// The values that were written. Nothing if one is the beginning of another.
    pub(super) fn new(told: &[(Told<'a>, u64, u64)]) -> Option<Self> {
        let writes = told.iter().enumerate().filter_map(|(position, (what, ..))| match what {
            Told::Put(text) => Some((*text, position, true)),
            Told::Append(text) => Some((*text, position, false)),
            Told::Get(_) | Told::Dropped => None,
        });
        let mut writes: Vec<(&str, usize, bool)> = writes.collect();
        writes.sort_unstable();
        // After the first write that was answered, there is always something.
        let written = writes.iter().map(|it| told[it.1].2).min().unwrap_or(u64::MAX);
        let mut tokens: Vec<Token<'a>> = Vec::new();
        for (text, position, is_put) in writes {
            if tokens.last().is_none_or(|last| last.text != text) {
                if text.is_empty() || tokens.last().is_some_and(|it| text.starts_with(it.text)) {
                    return None;
                }
                let (puts, appends, firsts, states) = Default::default();
                tokens.push(Token { text, puts, appends, firsts, states });
            }
            let token = tokens.last_mut()?;
            if is_put {
                token.puts.push(position);
                continue;
            }
            token.appends.push(position);
            if told[position].1 <= written {
                token.firsts.push(position);
            }
        }
        let states = vec![State { before: NOBODY, reader: 0 }];
        let (certain, path) = (Vec::new(), Vec::new());
        Some(Texts { tokens, states, certain, repeats: false, spelled: "", path })
    }

    /// The number of a text that was read at `position`.
    pub(super) fn read(&mut self, text: &'a str, position: usize) -> Result<u32, Appended> {
        let common = common(self.spelled, text);
        let shared = self.path.partition_point(|(length, _)| *length <= common);
        let (length, mut now) = shared.checked_sub(1).map_or((0, 0), |last| self.path[last]);
        let mut rest = &text[length..];
        if !rest.is_empty() {
            self.spelled = text;
            self.path.truncate(shared);
        }
        while !rest.is_empty() {
            let next = self.tokens.partition_point(|token| token.text <= rest);
            let token = self.tokens[..next].last_mut().filter(|it| rest.starts_with(it.text));
            let Some(token) = token else { return Err(Appended::Garbled(position)) };
            rest = &rest[token.text.len()..];
            let states = &self.states;
            let known = token.states.iter().find(|&&it| states[it as usize].before == now);
            if let Some(&known) = known {
                now = known;
                self.path.push((text.len() - rest.len(), now));
                continue;
            }
            let after = now;
            now = self.states.len() as u32;
            self.states.push(State { before: after, reader: position });
            token.states.push(now);
            self.path.push((text.len() - rest.len(), now));
            let later = token.states.iter().filter(|it| self.states[**it as usize].before != 0);
            let all = token.puts.len() + token.appends.len();
            if later.count() > token.appends.len() || token.states.len() > all {
                if token.states.len() == 1 || token.appends.is_empty() {
                    return Err(Appended::Garbled(position));
                }
                let first = self.states[token.states[0] as usize].reader;
                return Err(Appended::Disorder(first, position));
            }
        }
        Ok(now)
    }

    pub(super) fn count(&self) -> usize {
        self.states.len()
    }

    /// The text without its last value.
    pub(super) fn before(&self, state: u32) -> u32 {
        self.states[state as usize].before
    }

    /// The texts whose last value was written once, and by whom.
    pub(super) fn certain(&self) -> &[(u32, usize)] {
        &self.certain
    }

    /// The values with texts that several writes can have led to, unless there are too many ways, or
    /// none.
    pub(super) fn choices(&mut self) -> Result<Vec<Choice>, Appended> {
        let mut choices = Vec::new();
        for token in self.tokens.iter().filter(|token| !token.states.is_empty()) {
            let writes: Vec<usize> = token.puts.iter().chain(&token.appends).copied().collect();
            let roots = |state: &u32| self.states[*state as usize].before == 0;
            let is_root = token.states.iter().any(roots);
            self.repeats |=
                is_root && !token.puts.is_empty() && token.puts.len() + token.firsts.len() > 1;
            let mut ways = vec![Vec::new()];
            for &state in &token.states {
                let able: Vec<usize> = if roots(&state) {
                    token.puts.iter().chain(&token.firsts).copied().collect()
                } else {
                    token.appends.clone()
                };
                let mut longer = Vec::new();
                for way in &ways {
                    let free = |it: &&usize| way.iter().all(|(_, taken)| taken != *it);
                    for &write in able.iter().filter(free) {
                        let mut way: Vec<(u32, usize)> = way.clone();
                        way.push((state, write));
                        longer.push(way);
                    }
                }
                ways = longer;
                if ways.len() > WAYS_MAX {
                    return Err(Appended::Declined);
                }
            }
            match &ways[..] {
                // Nobody can have written it so.
                [] => {
                    let reader = self.states[token.states[0] as usize].reader;
                    return Err(Appended::Garbled(reader));
                }
                [only] => self.certain.extend(only),
                _ => choices.push(Choice { writes, ways }),
            }
        }
        Ok(choices)
    }
}

/// How many bytes both begin with.
fn common(one: &str, other: &str) -> usize {
    let least = one.len().min(other.len());
    let (one, other) = (&one.as_bytes()[..least], &other.as_bytes()[..least]);
    if one == other {
        return least;
    }
    one.iter().zip(other).take_while(|(a, b)| a == b).count()
}
