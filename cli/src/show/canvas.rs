//! Characters on a grid, each with a colour: what a terminal's picture is put together on.
//!
//! A trace's strings are somebody else's. A control character in a key would move the cursor or
//! worse, so none gets on the grid, whoever puts it there.

use anstyle::{AnsiColor, Style};

/// How a character looks where colour is wanted. Nothing is told by colour alone.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) enum Ink {
    #[default]
    Plain,
    Faint,
    Red,
    Amber,
    Client(u16),
}

impl Ink {
    fn style(self) -> Style {
        let bold = |color: AnsiColor| Style::new().bold().fg_color(Some(color.into()));
        let plain = |color: AnsiColor| Style::new().fg_color(Some(color.into()));
        match self {
            Ink::Plain => Style::new(),
            Ink::Faint => Style::new().dimmed(),
            Ink::Red => bold(AnsiColor::Red),
            Ink::Amber => plain(AnsiColor::Yellow),
            // Not red and not yellow: those mean something.
            Ink::Client(client) => plain(match client % 4 {
                0 => AnsiColor::Blue,
                1 => AnsiColor::Green,
                2 => AnsiColor::Magenta,
                _ => AnsiColor::Cyan,
            }),
        }
    }
}

/// Where nothing is written: not the same as a space between two words.
const EMPTY: char = '\0';

/// One line of the grid.
#[derive(Clone)]
pub(super) struct Line(Vec<(char, Ink)>);

impl Line {
    pub(super) fn new(width: usize) -> Self {
        Line(vec![(EMPTY, Ink::Plain); width])
    }

    /// Writes from column `at` on; what does not fit is left out.
    pub(super) fn put(&mut self, at: i64, text: &str, ink: Ink) {
        for (at, character) in (at..).zip(clean(text).chars()) {
            let cell = usize::try_from(at).ok().and_then(|at| self.0.get_mut(at));
            if let Some(cell) = cell {
                *cell = (character, ink);
            }
        }
    }

    /// Fills what is empty in these columns.
    pub(super) fn fill(&mut self, from: i64, to: i64, character: char, ink: Ink) {
        let width = self.0.len();
        let within = |it: i64| usize::try_from(it.max(0)).unwrap_or(0).min(width);
        for cell in &mut self.0[within(from)..within(to.max(from))] {
            if cell.0 == EMPTY {
                *cell = (character, ink);
            }
        }
    }

    /// Forgets what is left of column `from`: it would lie under the names.
    pub(super) fn clear_before(&mut self, from: usize) {
        self.0.iter_mut().take(from).for_each(|cell| *cell = (EMPTY, Ink::Plain));
    }

    /// Whether nothing was written from column `from` on.
    pub(super) fn is_empty_from(&self, from: usize) -> bool {
        self.0.iter().skip(from).all(|cell| cell.0 == EMPTY)
    }

    /// As text, with what colours it.
    pub(super) fn text(&self) -> String {
        let used = self.0.iter().rposition(|cell| cell.0 != EMPTY).map_or(0, |last| last + 1);
        let mut text = String::new();
        for run in self.0[..used].chunk_by(|one, other| one.1 == other.1) {
            let style = run[0].1.style();
            let shown = |cell: &(char, Ink)| if cell.0 == EMPTY { ' ' } else { cell.0 };
            let characters: String = run.iter().map(shown).collect();
            text.push_str(&format!("{style}{characters}{style:#}"));
        }
        text
    }
}

/// Without what a terminal would obey.
pub(super) fn clean(text: &str) -> String {
    text.chars().map(|it| if it.is_control() { '?' } else { it }).collect()
}

/// As much as fits; what is cut ends in two dots.
pub(super) fn fit(text: &str, width: usize) -> String {
    match text.chars().count() <= width {
        true => clean(text),
        false if width < 4 => String::new(),
        false => clean(text).chars().take(width - 2).chain("..".chars()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_control_character_reaches_the_terminal() {
        let mut line = Line::new(12);
        line.put(0, "a\u{1b}[31mb\n", Ink::Plain);
        assert_eq!(line.text(), "a?[31mb?");
        assert_eq!(fit("k\u{7}", 9), "k?");
    }

    #[test]
    fn what_does_not_fit_is_left_out() {
        let mut line = Line::new(5);
        line.put(-2, "abcdefghijk", Ink::Plain);
        assert_eq!(line.text(), "cdefg");
        assert_eq!([fit("abcdef", 5), fit("abcdef", 6), fit("abcdef", 3)], ["abc..", "abcdef", ""]);
    }
}
