//! `--json`: one object, whose fields scripts rely on.

use crate::desk::{Desk, recorded};
use crate::{FAILING, PASSING};
use serde_json::Value;

/// The fields of design.md 5.1 that scripts rely on.
#[test]
fn with_json_every_command_prints_one_object_with_its_fields() {
    let desk = Desk::new("json");
    desk.write(PASSING, &recorded(PASSING));
    desk.write(FAILING, &recorded(FAILING));
    let run = ["digest", "steps", "ops", "property", "why", "control", "stats"];
    let fuzz = ["schedules", "steps", "failures", "mutants"];
    let explore = ["distinct", "generated", "depth", "complete", "counterexample_states"];
    let measure = ["hot_ratio_window_pct", "heap_mb", "heap_pages", "hot_pct", "seconds"];
    let why = ["model", "mutant", "property", "tails", "steps", "inevitable_from", "decisive"];
    for (line, code, outcome, fields) in [
        ("list", 0, "pass", &["models", "museum", "measures"][..]),
        ("run run_head --seed 1", 0, "pass", &run),
        ("run run_head --mutant no_cas", 1, "fail", &run),
        ("run object_store", 0, "pass", &run),
        ("run cluster", 0, "pass", &run),
        ("replay seed-42.json", 0, "pass", &run),
        ("replay run_head-no_cas.json", 1, "fail", &run),
        ("fuzz object_store --seeds 0..64", 0, "pass", &fuzz),
        ("fuzz run_head --seeds 0..3", 3, "unknown", &fuzz),
        ("fuzz run_head --mutant no_cas --seeds 0..64", 42, "fail", &fuzz),
        ("minimise run_head-no_cas.json", 1, "fail", &run),
        ("minimize run_head-no_cas.json", 1, "fail", &run),
        ("explore spec/lock_cas", 0, "pass", &explore),
        ("explore spec/run_head --mutant fence_at_write", 1, "fail", &explore),
        ("explore spec/lock_cas --states-max 100", 3, "unknown", &explore),
        ("why run_head-no_cas.json", 0, "pass", &why),
        ("measure a0 -p active=900 -p duration=20", 0, "pass", &measure),
        ("doctor --seeds 3", 0, "pass", &["models", "services"]),
        ("run nope", 2, "error", &["why"]),
    ] {
        let command = line.split(' ').next().unwrap_or_default().replace("minimize", "minimise");
        let ran = desk.checker(&format!("{line} --json")).exits(code);
        let object = ran.object(&command, outcome);
        for field in fields {
            assert!(object.get(field).is_some(), "{line}: no '{field}' in {object}");
        }
        assert_eq!(ran.out.lines().count(), 1, "{line}");
    }
}

#[test]
fn json_tells_the_figures_the_failure_and_the_control() {
    let desk = Desk::new("figures");
    let object = desk.checker("run run_head --seed 1 --json").exits(0).object("run", "pass");
    let figures = ["final_seq", "winners", "conflicts", "duplicates", "gaps", "forks"];
    for name in figures.into_iter().chain(["expiries_mid_transition"]) {
        assert!(object["stats"][name].is_u64(), "no '{name}' in {object}");
    }
    assert!(object["control"]["outcome"].is_string(), "{object}");

    let object = desk.checker("run run_head --mutant no_cas --json").exits(1).object("run", "fail");
    assert_eq!(object["property"], "fork");
    assert!(object["why"].as_str().is_some_and(|why| why.contains("both moved run-0 from 0")));
    assert_eq!(object["control"]["outcome"], "pass");

    let object = desk.checker("list --json").exits(0).object("list", "pass");
    for model in object["models"].as_array().expect("models are a list") {
        assert!(model["name"].is_string() && model["params"].is_object(), "{model}");
        for mutant in model["mutants"].as_array().expect("mutants are a list") {
            for field in ["name", "property", "how"] {
                assert!(mutant[field].is_string(), "no '{field}' in {mutant}");
            }
        }
    }
}

/// Several traces: each by itself, and nothing of one of them said of all.
#[test]
fn of_several_traces_each_is_told_by_itself() {
    let desk = Desk::new("several");
    desk.write(PASSING, &recorded(PASSING));
    desk.write(FAILING, &recorded(FAILING));
    let both = format!("{PASSING} {FAILING}");
    let object = desk.checker(&format!("replay --json {both}")).exits(1).object("replay", "fail");
    let of_one = ["digest", "steps", "ops", "property", "why", "control", "stats", "file"];
    for field in of_one {
        assert!(object.get(field).is_none(), "'{field}' is of which trace? {object}");
    }
    for (field, count) in [("passed", 1), ("failed", 1), ("unknown", 0)] {
        assert_eq!(object[field], count, "{field} in {object}");
    }
    let traces = object["traces"].as_array().expect("traces are a list");
    assert_eq!(traces.len(), 2);
    for (trace, (file, outcome)) in traces.iter().zip([(PASSING, "pass"), (FAILING, "fail")]) {
        assert_eq!((&trace["file"], &trace["outcome"]), (&file.into(), &outcome.into()));
        for field in of_one {
            assert!(trace.get(field).is_some(), "no '{field}' in {trace}");
        }
        let alone = desk.checker(&format!("replay --json {file}")).object("replay", outcome);
        for field in of_one {
            assert_eq!(trace[field], alone[field], "{field}");
        }
    }
    desk.checker(&format!("replay -q {both}")).exits(1).tells(&[PASSING, "PASS", FAILING, "FAIL"]);
    let refused = desk.checker(&format!("replay {PASSING} nowhere.json")).exits(2);
    assert_eq!(refused.out, "", "a file that is no trace is said before any is played");
}

/// A field is of the run or of its shortest cause, and both are what the text says.
#[test]
fn a_run_that_fails_is_told_apart_from_its_shortest_cause() {
    let desk = Desk::new("scopes");
    let line = "run run_head --mutant no_cas --seed 0 -p transitions=5 -o short.json";
    let object = desk.checker(&format!("{line} --json")).exits(1).object("run", "fail");
    let short = &object["minimised"];
    assert_eq!(short["file"], "short.json");
    assert!(short["steps"].as_u64() < object["steps"].as_u64(), "{object}");
    assert_ne!(short["digest"], object["digest"]);
    assert_eq!(short["property"], object["property"]);

    let replayed = desk.checker("replay short.json --json").exits(1).object("replay", "fail");
    for field in ["digest", "steps", "ops", "property", "why", "control", "stats", "params"] {
        assert_eq!(short[field], replayed[field], "{field}");
    }
    let forks = &replayed["stats"]["forks"];
    assert_eq!(forks, 1, "a trace that is cut at its fork has one: {replayed}");

    let text = desk.checker(line).exits(1);
    let said = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let counted = |of: &Value, name: &str| format!("{name} {}", of["stats"][name]);
    let taken = format!(", {} steps\n", object["steps"]);
    let minimised = format!("{} steps minimised to {} in ", object["steps"], short["steps"]);
    let verdict = format!("FAIL fork: {}", said(&object["why"]));
    let digest = format!("digest {}", said(&object["digest"]));
    let cause = format!("  fork: {}", said(&short["why"]));
    let winners = counted(&object, "winners");
    text.tells(&[&taken, &verdict, &digest, &winners, &minimised, &cause, "CONTROL"]);
}

#[test]
fn json_names_what_was_missing_on_the_command_line() {
    let desk = Desk::new("missing-json");
    for (line, says) in [
        ("run --json", "not provided: <MODEL>"),
        ("confirm run_head --json", "not provided: --on <SERVICES>"),
        ("run run_head --faults 99 --json", "99 is not in 0..=64"),
    ] {
        let object: Value = serde_json::from_str(&desk.checker(line).exits(2).out).expect("JSON");
        assert_eq!(object["outcome"], "error");
        assert!(object["why"].as_str().is_some_and(|why| why.ends_with(says)), "{object}");
    }
}

#[test]
fn list_says_what_a_seed_draws() {
    let desk = Desk::new("draws");
    let drawn = "drawn by each seed unless given: commit (auto, explicit), conflict (head, plain)";
    desk.checker("list").exits(0).tells(&[drawn]);
    let object = desk.checker("list --json").exits(0).object("list", "pass");
    assert_eq!(object["models"][0]["open"]["commit"], serde_json::json!(["auto", "explicit"]));
}
