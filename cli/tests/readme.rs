//! The README is a promise: its commands run, with the exit status it says, and print what it shows.

use std::io::{Write, stderr};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the command lives in a workspace").into()
}

fn readme() -> String {
    std::fs::read_to_string(root().join("README.md")).expect("there is a README")
}

/// The lines of every fenced block of this kind.
fn fences<'a>(text: &'a str, kind: &'a str) -> Vec<Vec<&'a str>> {
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(found) = line.strip_prefix("```") {
            let block = lines.by_ref().take_while(|line| *line != "```").collect();
            if found == kind {
                blocks.push(block);
            }
        }
    }
    blocks
}

/// `checker ..` lines, as arguments and the exit status that is promised.
fn commands(text: &str) -> Vec<(Vec<String>, i32)> {
    let lines = fences(text, "sh").into_iter().flatten();
    let ours = lines.filter_map(|line| {
        line.strip_prefix("checker ").or(line.strip_prefix("cargo run --release -- "))
    });
    ours.map(|line| {
        let (command, comment) = line.split_once('#').unwrap_or((line, ""));
        let status =
            comment.trim().strip_prefix("exit ").map_or(0, |it| it.parse().expect("a status"));
        (command.split_whitespace().map(str::to_owned).collect(), status)
    })
    .collect()
}

fn run(arguments: &[String]) -> Output {
    let found = Path::new(env!("CARGO_TARGET_TMPDIR")).join("readme-found");
    let mut command = Command::new(env!("CARGO_BIN_EXE_checker"));
    command.args(arguments).current_dir(root()).env("NO_COLOR", "1");
    // As wide as what the README shows.
    command.env("COLUMNS", "100");
    // What a failing campaign writes is not for the repository.
    let has = |word: &str| arguments.iter().any(|it| it == word);
    if arguments[0] == "fuzz" && has("--mutant") || arguments[0] == "confirm" && has("s3s-fs") {
        command.arg("-o").arg(found);
    }
    command.output().expect("the command starts")
}

#[test]
fn every_command_of_the_readme_exits_as_it_says() {
    let (mut ran, mut skipped) = (0, 0);
    for (arguments, status) in commands(&readme()) {
        let output = run(&arguments);
        let missing = output.status.code() == Some(4);
        if missing && std::env::var_os("UNFORKED_REQUIRE_SERVICES").is_none() {
            skipped += 1;
            // Past the test runner's capture: a skip is seen.
            let why = String::from_utf8_lossy(&output.stderr);
            let _ = writeln!(stderr(), "SKIPPED checker {}: {why}", arguments.join(" "));
            continue;
        }
        ran += 1;
        assert_eq!(
            output.status.code(),
            Some(status),
            "checker {}\n{}{}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    eprintln!("{ran} commands of the README ran, {skipped} were skipped");
    assert!(ran >= 5, "the README has commands");
}

/// A model of the museum has its page, which its own test reads row by row.
#[test]
fn the_readme_names_every_model_and_every_mutant() {
    let readme = readme();
    assert!(readme.contains("(docs/museum.md)"), "the README leads to the museum");
    let cards = models::ALL.iter().map(|model| model.card());
    for card in cards.filter(|it| !it.name.starts_with("museum/")) {
        let row = format!("| `{}` |", card.name);
        let row = readme.lines().find(|line| line.starts_with(&row));
        let row = row.unwrap_or_else(|| panic!("the README has no row for {}", card.name));
        let named = row.rsplit(" | ").next().unwrap_or_default().matches('`').count() / 2;
        assert_eq!(named, card.mutants.len(), "{}", card.name);
        for mutant in &card.mutants {
            assert!(row.contains(&format!("`{}`", mutant.name)), "{} {}", card.name, mutant.name);
        }
    }
}

/// What is shown is what is printed; only the time it took may differ.
#[test]
fn every_line_the_readme_shows_is_printed() {
    let readme = readme();
    let shown = fences(&readme, "").into_iter().filter(|block| {
        let shows = ["PASS", "FAIL", "states  pages"];
        block.iter().any(|line| shows.iter().any(|it| line.starts_with(it)))
    });
    let printed: String = [
        vec!["replay", "traces/seed-42.json"],
        vec!["replay", "traces/run_head-no_cas.json"],
        vec!["show", "traces/run_head-no_cas.json"],
        vec!["measure", "cold-reads"],
    ]
    .into_iter()
    .map(|arguments| {
        let arguments: Vec<String> = arguments.into_iter().map(str::to_owned).collect();
        String::from_utf8_lossy(&run(&arguments).stdout).into_owned()
    })
    .collect();
    for line in shown.flatten() {
        assert!(
            printed.contains(line.trim_end()),
            "the README shows a line that is not printed:\n{line}"
        );
    }
}

/// The whole search takes seconds where it is built for speed, and `make test` holds the README to
/// it; here each design gets few states, and what they decide must be what is shown.
#[test]
fn the_readmes_designs_are_what_decide_says() {
    const FEW: &str = "25000";
    let readme = readme();
    let shown = readme.split_once("<!-- checker decide -->\n").expect("the README has the table").1;
    let shown = shown.split_once("<!-- end -->").expect("the table ends").0;
    let arguments = ["decide", "--states-max", FEW].map(str::to_owned);
    let printed = run(&arguments).stdout;
    let printed = String::from_utf8_lossy(&printed);
    assert_eq!(printed.lines().count(), shown.lines().count(), "{printed}");
    let (mut same, mut open) = (0, 0);
    for (shown, printed) in shown.lines().zip(printed.lines()) {
        for (shown, printed) in shown.split(" | ").zip(printed.split(" | ")) {
            if printed.trim_end_matches(" |") == format!("unknown after {FEW} states") {
                open += 1;
                continue;
            }
            same += 1;
            assert_eq!(shown, printed, "the README shows another table than decide prints");
        }
    }
    assert!(open <= 6, "{open} cells need more states than a test has");
    assert!(same >= 50, "{same} cells were compared");
}

/// A line as it is shown: how long something took differs, and a colour is not for paper.
fn timeless(line: &str) -> &str {
    let Some((head, tail)) = line.rsplit_once("   ") else { return line.trim_end() };
    let seconds = tail.strip_suffix(" s").is_some_and(|it| it.parse::<f64>().is_ok());
    if seconds { head.trim_end() } else { line.trim_end() }
}

/// Each block is a command and all that it prints.
#[test]
fn what_the_page_of_the_heap_shows_is_printed() {
    let path = root().join("docs/heap.md");
    let page = std::fs::read_to_string(path).expect("there is a page of the heap");
    let blocks = fences(&page, "console");
    assert!(blocks.len() >= 5, "the three questions are answered by commands");
    for block in blocks {
        let line = block[0].strip_prefix("$ checker ").expect("a block begins with a command");
        let arguments: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        let output = run(&arguments);
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let printed: Vec<&str> = printed.lines().map(timeless).collect();
        let shown: Vec<&str> = block[1..].iter().map(|it| timeless(it)).collect();
        assert_eq!(printed, shown, "{line}");
    }
}
