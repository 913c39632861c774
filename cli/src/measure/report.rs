//! One page of what was measured: the verdict in words, plots, tables, and what was asked.
//!
//! It has no script and asks no network, so that it can be mailed, kept beside a change, and read
//! in ten years. The same measurement makes the same page, byte for byte, where time is simulated:
//! nothing of the moment or the machine is on it that is not measured.

use super::plot::Plot;
use crate::html::{self, DARK, LIGHT, hash, text};
use crate::out::{Exit, paint};
use anstyle::AnsiColor;
use std::fmt::Write;

const MARKUP: &str = include_str!("report.html");
const STYLE: &str = include_str!("report.css");

/// How it came out, as the badge has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Badge {
    /// To its end.
    Measured,
    /// Stopped on the way.
    Stopped,
    /// Something is not as it was promised or predicted.
    Differs,
}

impl Badge {
    /// Of what came to its end or did not, and is or is not what it should be.
    pub(crate) fn of(whole: bool, same: bool) -> Badge {
        match (same, whole) {
            (false, _) => Badge::Differs,
            (true, true) => Badge::Measured,
            (true, false) => Badge::Stopped,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Badge::Measured => "MEASURED",
            Badge::Stopped => "STOPPED",
            Badge::Differs => "DIFFERS",
        }
    }

    /// As `--json` has it, and the page's colours.
    pub(crate) fn outcome(self) -> &'static str {
        match self {
            Badge::Measured => "pass",
            Badge::Stopped => "unknown",
            Badge::Differs => "fail",
        }
    }

    /// The exit status that it is.
    pub(crate) fn exit(self) -> Exit {
        match self {
            Badge::Measured => Exit::Holds,
            Badge::Stopped => Exit::Unknown,
            Badge::Differs => Exit::Violated,
        }
    }

    /// As a terminal has what was compared with a real server.
    pub(crate) fn painted_beside(self) -> String {
        match self {
            Badge::Measured => paint(AnsiColor::Green, "AGREES"),
            Badge::Stopped => paint(AnsiColor::Yellow, self.word()),
            Badge::Differs => paint(AnsiColor::Red, "DISAGREES"),
        }
    }

    /// As a terminal has it, as wide as its longest.
    pub(crate) fn painted(self) -> String {
        match self {
            Badge::Measured => paint(AnsiColor::Green, self.word()),
            Badge::Stopped => format!("{:8}", self.word()),
            Badge::Differs => paint(AnsiColor::Red, &format!("{:8}", self.word())),
        }
    }
}

impl Table {
    /// Rows of which the first are the columns' titles.
    pub(crate) fn of(title: String, rows: Vec<Vec<String>>, under: &str) -> Self {
        let mut rows = rows.into_iter();
        let head = rows.next().unwrap_or_default();
        Table { title, head, rows: rows.collect(), under: under.to_owned() }
    }
}

/// Rows under a heading. The first column is what the row is of.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Table {
    /// What it shows.
    pub(crate) title: String,
    /// The columns.
    pub(crate) head: Vec<String>,
    /// As many cells each as there are columns.
    pub(crate) rows: Vec<Vec<String>>,
    /// What to know before believing it; may be empty.
    pub(crate) under: String,
}

/// What a page says, from its top to its end.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Report {
    /// What was measured, in a line.
    pub(crate) title: String,
    /// How it came out.
    pub(crate) badge: Badge,
    /// The verdict, a sentence each; the first is the headline.
    pub(crate) said: Vec<String>,
    /// What is drawn.
    pub(crate) plots: Vec<Plot>,
    /// What is told in numbers.
    pub(crate) tables: Vec<Table>,
    /// The command that makes the page again; may be empty.
    pub(crate) command: String,
    /// Every parameter, as one would type it.
    pub(crate) params: Vec<(String, String)>,
    /// What is exact, what is a band, where a figure comes from: a paragraph each.
    pub(crate) notes: Vec<String>,
}

impl Report {
    /// The page.
    pub(crate) fn html(&self) -> String {
        let style = format!(
            ":root {{\n{LIGHT}}}\n@media (prefers-color-scheme: dark) {{\n:root {{\n{DARK}}}\n}}\n{STYLE}"
        );
        let policy = format!(
            "default-src 'none'; style-src {}; base-uri 'none'; form-action 'none'",
            hash(&style)
        );
        let headline = self.said.first().map_or("Nothing was measured.", String::as_str);
        html::filled(MARKUP, |name| match name {
            "policy" => policy.clone(),
            "title" => text(&self.title),
            "style" => style.clone(),
            "badge" => self.badge.word().to_owned(),
            "kind" => self.badge.outcome().to_owned(),
            "headline" => text(headline),
            "said" => self.said(),
            "plots" => self.plots.iter().map(figure).collect(),
            "tables" => self.tables.iter().map(table).collect(),
            "command" => self.command(),
            "params" => self.params(),
            "notes" => self.notes.iter().map(|it| format!("<p>{}</p>\n", text(it))).collect(),
            other => unreachable!("the page has no part '{other}'"),
        })
    }

    fn said(&self) -> String {
        let Some((_, more)) = self.said.split_first().filter(|(_, more)| !more.is_empty()) else {
            return String::new();
        };
        let items: String = more.iter().map(|it| format!("<li>{}</li>\n", text(it))).collect();
        format!("<ul class=\"said\">\n{items}</ul>")
    }

    fn command(&self) -> String {
        match self.command.is_empty() {
            true => String::new(),
            false => format!("<code>{}</code>\n", text(&self.command)),
        }
    }

    fn params(&self) -> String {
        let pair = |(name, value): &(String, String)| {
            format!("<div><dt>{}</dt><dd>{}</dd></div>\n", text(name), text(value))
        };
        self.params.iter().map(pair).collect()
    }
}

fn figure(plot: &Plot) -> String {
    format!("<figure><figcaption>{}</figcaption>\n{}</figure>\n", text(&plot.title), plot.svg())
}

fn table(table: &Table) -> String {
    let row = |cells: &Vec<String>, tag: &str| {
        let cells: String = cells.iter().map(|it| format!("<{tag}>{}</{tag}>", text(it))).collect();
        format!("<tr>{cells}</tr>\n")
    };
    let mut out = format!("<section>\n<h2>{}</h2>\n", text(&table.title));
    let rows: String = table.rows.iter().map(|it| row(it, "td")).collect();
    let head = row(&table.head, "th");
    let _ = writeln!(
        out,
        "<div class=\"table\" tabindex=\"0\"><table>\n<thead>{head}</thead>\n<tbody>\n{rows}</tbody>\n\
         </table></div>"
    );
    if !table.under.is_empty() {
        let _ = writeln!(out, "<p class=\"under\">{}</p>", text(&table.under));
    }
    out + "</section>\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_shown_becomes_markup_and_nothing_is_fetched() {
        let evil = "</style><script>alert(1)</script>\"{{style}}";
        let own = || evil.to_owned();
        let report = Report {
            title: own(),
            badge: Badge::Differs,
            said: vec![own(), own()],
            plots: Vec::new(),
            tables: vec![Table {
                title: own(),
                head: vec![own()],
                rows: vec![vec![own()]],
                under: own(),
            }],
            command: own(),
            params: vec![(own(), own())],
            notes: vec![own()],
        };
        let page = report.html();
        assert!(
            !page.contains("<script") && !page.contains("http://") && !page.contains("https://")
        );
        assert_eq!(page.matches("</style").count(), 1, "the page's own");
        assert!(page.contains("&quot;{{style}}"), "what is shown is not looked at again");
        assert!(page.contains("default-src 'none'; style-src 'sha256-"));
        assert!(page.contains("prefers-color-scheme: dark"));
        assert_eq!(page, report.html());
    }
}
