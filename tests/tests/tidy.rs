//! What a reader should not have to ask for: short files, short functions, a sentence at the top
//! of each, and nothing in the deterministic crates that is not.
//!
//! What is over a limit today is listed with its size, and may only shrink.

use std::fs;
use std::path::{Path, PathBuf};
use unforked_tests::repository;

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;
const LINE_CHARS_MAX: usize = 110;

/// Files over [`FILE_LINES_MAX`].
const LONG_FILES: &[(&str, usize)] = &[];

/// Functions over [`FUNCTION_LINES_MAX`].
const LONG_FUNCTIONS: &[(&str, usize)] = &[];

/// How many lines of a file are over [`LINE_CHARS_MAX`].
const WIDE_LINES: &[(&str, usize)] = &[];

/// The crates of the product.
const PRODUCT: &[&str] = &["checker", "sim", "models", "heap", "real", "cli"];
/// Those of them in which nothing may differ from run to run.
const DETERMINISTIC: &[&str] = &["checker", "sim", "models", "heap"];

/// A file of the repository: its path from the root, and its text.
struct Source {
    path: String,
    text: String,
}

/// Every text file there is, build outputs and what git keeps for itself apart.
fn everything() -> Vec<Source> {
    let root = repository();
    let mut all = Vec::new();
    let mut directories = vec![root.clone()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).expect("the repository can be read") {
            let path = entry.expect("the repository can be read").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            match name.as_str() {
                ".git" | "target" | "found" => {}
                _ if path.is_symlink() => {}
                _ if path.is_dir() => directories.push(path),
                _ => all.extend(source(&root, path)),
            }
        }
    }
    all.sort_by(|one, other| one.path.cmp(&other.path));
    all
}

/// Nothing if it is no text.
fn source(root: &Path, path: PathBuf) -> Option<Source> {
    let text = fs::read_to_string(&path).ok()?;
    let path =
        path.strip_prefix(root).expect("it is under the root").to_string_lossy().into_owned();
    Some(Source { path, text })
}

/// The Rust under `src` of these crates.
fn sources(crates: &[&str]) -> Vec<Source> {
    let mut all = everything();
    all.retain(|it| {
        it.path.ends_with(".rs")
            && crates.iter().any(|name| it.path.starts_with(&format!("{name}/src/")))
    });
    assert!(all.len() >= crates.len(), "these crates have sources");
    all
}

fn rust() -> impl Iterator<Item = Source> {
    everything().into_iter().filter(|it| it.path.ends_with(".rs"))
}

/// Holds what was `measured` to `limit`, but for what is listed; what is listed may only shrink.
fn ratchet(what: &str, limit: usize, listed: &[(&str, usize)], measured: &[(String, usize)]) {
    let mut wrong = Vec::new();
    for (name, size) in measured {
        match listed.iter().find(|(it, _)| it == name) {
            Some((_, most)) if size > most => wrong.push(format!("{name}: {size}, was {most}")),
            None if *size > limit => wrong.push(format!("{name}: {size}, may be {limit}")),
            _ => {}
        }
    }
    for (name, _) in listed {
        if !measured.iter().any(|(it, _)| it == name) {
            wrong.push(format!("{name} is no longer there: take it off the list"));
        }
    }
    assert!(wrong.is_empty(), "{what}\n{}", wrong.join("\n"));
}

#[test]
fn a_file_is_read_in_one_sitting() {
    let files = sources(PRODUCT);
    let sizes: Vec<_> = files.iter().map(|it| (it.path.clone(), it.text.lines().count())).collect();
    ratchet("lines of a file", FILE_LINES_MAX, LONG_FILES, &sizes);
}

#[test]
fn a_function_fits_on_a_screen() {
    let files = sources(PRODUCT);
    let sizes: Vec<_> = files.iter().flat_map(functions).collect();
    assert!(sizes.len() > 100, "the product has functions: {}", sizes.len());
    ratchet("lines of a function", FUNCTION_LINES_MAX, LONG_FUNCTIONS, &sizes);
}

#[test]
fn a_line_fits_on_a_page() {
    let wide = |source: &Source| {
        let lines =
            source.text.lines().filter(|line| line.chars().count() > LINE_CHARS_MAX).count();
        (source.path.clone(), lines)
    };
    let sizes: Vec<_> = rust().map(|source| wide(&source)).collect();
    ratchet("lines that are too wide", 0, WIDE_LINES, &sizes);
}

/// The functions of a file, by `path name`, with their lengths. Formatted code closes a function
/// with a brace that stands where its first word does.
fn functions(source: &Source) -> Vec<(String, usize)> {
    let lines: Vec<&str> = source.text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let Some(name) = function(line) else { continue };
        let indent = &line[..line.len() - line.trim_start().len()];
        let (close, declared) = (format!("{indent}}}"), format!("{indent})"));
        let ends = |it: &&str| *it == close || it.starts_with(&declared) && it.ends_with(';');
        let one_line = line.ends_with('}') || line.ends_with(';');
        let length = lines[start..].iter().take_while(|it| !one_line && !ends(it)).count() + 1;
        found.push((format!("{} {name}", source.path), length));
    }
    found
}

/// The name of the function that begins on this line.
fn function(line: &str) -> Option<&str> {
    let mut rest = line.trim_start();
    for word in ["pub", "pub(crate)", "pub(super)", "const", "async"] {
        rest = rest.strip_prefix(word).map_or(rest, |it| it.strip_prefix(' ').unwrap_or(rest));
    }
    let name = rest.strip_prefix("fn ")?;
    Some(&name[..name.find(['(', '<'])?])
}

#[test]
fn a_file_opens_with_what_it_is() {
    for Source { path, text } in rust() {
        assert!(text.starts_with("//! "), "{path} does not say what it is");
        let sentence = text.lines().next().unwrap_or_default();
        assert!(sentence.len() > "//! A sentence.".len(), "{path}: '{sentence}' says nothing");
    }
}

/// Words that are built here, so that this file does not hold them.
fn word(parts: &[&str]) -> String {
    parts.concat()
}

#[test]
fn nothing_is_left_for_later() {
    let later = [
        word(&["TO", "DO"]),
        word(&["FIX", "ME"]),
        word(&["#[ig", "nore"]),
        word(&["db", "g!("]),
        word(&["to", "do!("]),
        word(&["unimple", "mented!("]),
    ];
    for Source { path, text } in rust() {
        for word in &later {
            assert!(!text.contains(word), "{path} has {word}");
        }
    }
}

/// A clock, a thread, a socket, an environment, a hasher with a random key, or a map that is
/// walked in a random order.
#[test]
fn the_deterministic_crates_name_nothing_ambient() {
    let ambient = [
        "std::time",
        "Instant",
        "SystemTime",
        "std::thread",
        "thread_local!",
        "std::net",
        "std::env",
        "std::process",
        "std::fs",
        "RandomState",
        "DefaultHasher",
        "HashMap",
        "HashSet",
    ];
    for Source { path, text } in sources(DETERMINISTIC) {
        for (number, line) in (1..).zip(text.lines()) {
            let code = line.split("//").next().unwrap_or_default();
            for word in ambient.iter().filter(|word| code.contains(**word)) {
                assert!(allowed(&path, word), "{path}:{number} names {word}: {line}");
            }
        }
    }
}

/// Threads that decide nothing: what they say is put in the order of what they were asked.
fn allowed(path: &str, word: &str) -> bool {
    (path, word) == ("checker/src/workers.rs", "std::thread")
}

#[test]
fn no_file_names_the_machine_it_was_written_on() {
    let places = [word(&["/wo", "rk/"]), word(&["/ro", "ot/"]), word(&["arti", "factory"])];
    let registry = word(&["crates", ".io"]);
    for Source { path, text } in everything() {
        for (number, line) in (1..).zip(text.lines()) {
            for place in &places {
                assert!(!line.contains(place), "{path}:{number} names {place}: {line}");
            }
            let lock = path.ends_with("Cargo.lock") && line.trim_start().starts_with("source = ");
            assert!(lock || !line.contains(&registry), "{path}:{number} names {registry}: {line}");
        }
    }
}
