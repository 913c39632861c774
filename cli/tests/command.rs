//! The command `checker` as a shell sees it: what it prints where, and how it exits.

#[path = "command/browser.rs"]
mod browser;
#[path = "command/check.rs"]
mod check;
#[path = "command/counted.rs"]
mod counted;
#[path = "command/desk.rs"]
mod desk;
#[path = "command/heap.rs"]
mod heap;
#[path = "command/json.rs"]
mod json;
#[path = "command/measure.rs"]
mod measure;
#[path = "command/objects.rs"]
mod objects;
#[path = "command/page.rs"]
mod page;
#[path = "command/show.rs"]
mod show;
#[path = "../../real/tests/skip/mod.rs"]
mod skip;
#[path = "command/why.rs"]
mod why;

use desk::{CHECKER, Desk, altered, ran, recorded};
use serde_json::Value;
use std::fs;

const PASSING: &str = "seed-42.json";
const FAILING: &str = "run_head-no_cas.json";

#[test]
fn help_says_what_each_exit_status_means() {
    let desk = Desk::new("help");
    for line in ["--help", "-h"] {
        let ran = desk.checker(line).exits(0);
        let meanings = ["Exit status", "0  ", "1  ", "2  ", "3  ", "4  ", "42  ", "130  "];
        ran.tells(&meanings);
    }
    desk.checker("").exits(2).complains(&["Usage: ", "replay ", "Exit status"]);
    desk.checker("dance").exits(2).complains(&["unrecognized subcommand 'dance'"]);
}

#[test]
fn a_seed_is_run_twice_and_schedules_are_counted() {
    let desk = Desk::new("twice");
    let twice = desk.checker("run run_head --seed 3 --twice").exits(0);
    twice.tells(&["both runs of this seed did the same at every step"]);
    let twice = desk.checker("run run_head --seed 3 --twice --json").exits(0);
    assert!(twice.object("run", "pass")["parted"].is_null());
    let run = desk.checker("run run_head --chooser dfs --seed 5 -o fifth.json").exits(0);
    run.tells(&["seed 5, dfs"]);
    desk.checker("replay fifth.json --recorded").exits(0);
    let bare = "-p writers=2 -p transitions=1 -p lock=none --chooser dfs --faults 0";
    let found = format!("fuzz run_head --mutant no_cas {bare} --seeds 0..256");
    desk.checker(&found).exits(42).tells(&["fork"]);
}

#[test]
fn one_property_is_looked_for_past_the_others() {
    let desk = Desk::new("property");
    let explore = "explore spec/run_head -p writers=2 -p mode=blind --property monotone";
    let ran = desk.checker(explore).exits(1);
    let again = format!("checker {explore}");
    let ran = ran.tells(&["shortest 11 steps, 12 states", "FAIL monotone: it went from 2 to"]);
    ran.complains(&[&again]);
    let told = desk.checker(&format!("{explore} --json")).exits(1).object("explore", "fail");
    assert_eq!((&told["counterexample_states"], &told["asked"]), (&12.into(), &"monotone".into()));
    let explore = "explore spec/run_head -p writers=2 --property monotone";
    desk.checker(explore).exits(0).tells(&["monotone holds in every schedule of these sizes"]);
}

/// A schedule of a model that may begin in any of three segments.
#[test]
fn a_trace_begins_where_its_run_did() {
    let desk = Desk::new("start");
    let all = recorded("awa-deferred_materialise-prunes_open.json");
    assert!(!all.contains("start"), "the first is not written down");
    desk.checker("explore awa/deferred_materialise --mutant prunes_ready -o shortest.json")
        .exits(1);
    let shortest = fs::read_to_string(desk.0.join("shortest.json")).expect("it was written");
    let begun = |start: u8, steps: &str| {
        let head = shortest.split("\"steps\"").next().unwrap_or_default();
        format!("{head}\"start\": {start}, \"steps\": [{steps}], \"history\": []}}")
    };
    // Of what is begun in segment 1 the open one is sealed by opening another, and pruned.
    let elsewhere = r#""enqueue 1", "rotate 0", "prune 1""#;
    desk.write("second.json", &begun(1, elsewhere));
    desk.checker("replay second.json").exits(1).tells(&["lies in segment 1, which is pruned"]);
    desk.checker("why second.json --tails 80").exits(0).tells(&["prune 1"]);
    desk.checker("minimise second.json -o small.json").exits(1);
    let small = fs::read_to_string(desk.0.join("small.json")).expect("it was written");
    assert!(small.contains("\"start\": 1"), "{small}");
    desk.checker("replay small.json --recorded").exits(0);
    desk.write("first.json", &altered(&small, "  \"start\": 1,\n", ""));
    desk.checker("replay first.json --recorded").exits(1);
    desk.write("none.json", &begun(3, elsewhere));
    let says = ["none.json: line", "'start' is 3: expected an initial world, 0 to 2"];
    for command in ["replay", "minimise", "why"] {
        desk.checker(&format!("{command} none.json")).exits(2).complains(&says);
    }
    desk.write("word.json", &altered(&small, "\"start\": 1", "\"start\": \"one\""));
    desk.checker("replay word.json").exits(2).complains(&["'start' should be the number of an"]);
}

#[test]
fn what_was_not_put_to_the_test_is_said() {
    let desk = Desk::new("vacuous");
    let quiet = "run run_head -p writers=2 -p commit=auto --faults 0 --chooser random --seed 1";
    desk.checker(quiet).exits(0).tells(&["not put to the test here: late effects"]);
    let told = desk.checker(&format!("{quiet} --json")).exits(0).object("run", "pass");
    assert_eq!(told["never"][0], "late effects");
    let fuzz = "fuzz run_head -p writers=2 --seeds 0..300";
    let until = |jobs: u8| {
        let ran = desk.checker(&format!("{fuzz} --jobs {jobs} --json")).exits(0);
        ran.object("fuzz", "pass")["new_until"].as_u64().expect("a seed")
    };
    let seed = until(1);
    assert!(seed < 300 && seed == until(3), "whoever ran it first");
    desk.checker(fuzz).exits(0).tells(&[&format!("nothing since seed {seed}:")]);
}

#[test]
fn promises_that_can_be_asked_are_listed() {
    let desk = Desk::new("promises");
    let list = desk.checker("list").exits(0);
    list.tells(&[
        "--liveness  eventually-materialised: job 0, which is closed, is materialised; \
         fair: materialise, prune",
        "--property  fork, gap, monotone, mutual-exclusion (not promised)",
    ]);
    let told = desk.checker("list --json").exits(0).object("list", "pass");
    let models = told["models"].as_array().expect("a list");
    let awa =
        models.iter().find(|it| it["name"] == "awa/deferred_materialise").expect("it is there");
    assert_eq!(awa["comes"][0]["property"], "eventually-materialised");
    assert_eq!(awa["fairness"][0], "materialise");
}

#[test]
fn bad_usage_exits_2_and_says_what_there_is() {
    let desk = Desk::new("usage");
    for (line, says) in [
        ("run nope", "no model is called 'nope'; there are: run_head, object_store, cluster"),
        ("fuzz nope", "no model is called 'nope'"),
        ("run run_head -p writers=0", "writers must be 1 to 256, not 0"),
        ("run run_head -p writers=257", "writers must be 1 to 256, not 257"),
        ("run run_head -p writers=x", "writers takes a whole number, not 'x'"),
        ("run run_head -p writers=-1", "writers takes a whole number, not '-1'"),
        ("run run_head -p writers=70000", "writers=\"70000\""),
        ("run run_head -p lock=foo", "unknown variant `foo`, expected `none` or `redlock`"),
        ("run run_head -p commit=foo", "commit=\"foo\""),
        ("run run_head -p room=1", "run_head has no parameter 'room'; there are: writers, "),
        ("run run_head -p writers", "-p writers: expected name=value"),
        ("run run_head -p writers=1 -p writers=2", "-p writers is given twice"),
        ("run run_head --mutant nope", "run_head has no mutant 'nope'; there are: no_cas, "),
        ("fuzz run_head --mutant nope", "run_head has no mutant 'nope'"),
        ("run run_head --chooser nope", "no chooser is called 'nope'; there are: random, swarm"),
        (
            "explore spec/run_head --property forks",
            "--property: spec/run_head: nothing it can be asked is called 'forks'; \
             there are: fork, gap, monotone, mutual-exclusion",
        ),
        ("explore run_head --property fork", "asked of models of moves alone"),
        ("explore spec/run_head --property fork --liveness", "cannot be used with"),
        ("run run_head --seed x", "invalid value 'x' for '--seed"),
        ("fuzz run_head --seeds 5", "expected A..B with A below B, such as 0..1000, not '5'"),
        ("fuzz run_head --seeds 5..5", "expected A..B with A below B"),
        ("fuzz run_head --jobs 0", "0 is not in 1..=65535"),
        ("doctor --seeds 0", "0 is not in 1.."),
        ("why", "<TRACE>"),
        ("why nowhere.json", "nowhere.json: cannot be read: No such file"),
        ("why nowhere.json --tails 0", "0 is not in 1.."),
        ("confirm run_head", "--on <SERVICES>"),
        ("confirm run_head --on mysql", "--on takes postgres, redis, s3, "),
        ("confirm nowhere.json --on postgres", "nowhere.json: cannot be read: No such file"),
        ("fuzz run_head --time 5", "expected a time such as 500ms, 60s, 10m or 1h, not '5'"),
        ("fuzz run_head --mutants --mutant no_cas", "cannot be used with"),
        ("replay", "<TRACE>"),
        ("replay nowhere.json", "nowhere.json: cannot be read: No such file"),
        ("minimise nowhere.json", "nowhere.json: cannot be read: No such file"),
    ] {
        let ran = desk.checker(line).exits(2).complains(&[says]);
        assert_eq!(ran.out, "", "{line}");
    }
    assert_eq!(desk.files(), [] as [&str; 0], "nothing was written");
}

#[test]
fn a_bad_trace_exits_2_naming_file_line_and_what_was_expected() {
    let desk = Desk::new("bad-trace");
    let good = recorded(PASSING);
    let cut = &good[..good.len() / 2];
    let cut_line = format!("line {}, column", cut.lines().count());
    let step = "  \"steps\": [\n";
    let step_line = 2 + good.lines().position(|line| line.contains("\"steps\"")).unwrap_or(0);
    let step_line = format!("line {step_line}: 'hover w0' is no step: expected apply, reply, ");
    let model = "\"model\": \"cluster\"";
    let version = "\"model_version\": 1";
    let cases: &[(String, &[&str])] = &[
        (String::new(), &["line 1, column 0: not a trace: expected JSON"]),
        ("not json".to_owned(), &["line 1, column 2: not a trace: expected JSON"]),
        ("[]".to_owned(), &["should be an object"]),
        ("{}".to_owned(), &["'format' should be \"unforked-trace/1\""]),
        (cut.to_owned(), &[&cut_line, "expected JSON, EOF while parsing"]),
        (
            altered(&good, "unforked-trace/1", "unforked-trace/2"),
            &["the format is 'unforked-trace/2'", "reads 'unforked-trace/1'", "a newer checker"],
        ),
        (
            altered(&good, model, "\"model\": \"dance\""),
            &["no model is called 'dance'; there are: run_head, "],
        ),
        (
            altered(&good, "\"mutant\": null", "\"mutant\": \"dance\""),
            &["cluster has no mutant 'dance'; there are: no_cas, "],
        ),
        (
            altered(&good, "\"page\":", "\"room\":1,\"page\":"),
            &["cluster has no parameter 'room'; there are: writers, "],
        ),
        (altered(&good, "\"ttl\":", "\"ttl\":0,\"tt1\":"), &["no parameter 'tt1'"]),
        (
            altered(&recorded(FAILING), "\"commit\":\"auto\"", "\"commit\":\"any\""),
            &["line 5: 'commit' is \"any\", which leaves it open", "\"auto\" or \"explicit\""],
        ),
        (
            altered(&recorded(FAILING), "\"conflict\":\"plain\"", "\"conflict\":\"any\""),
            &["'conflict' is \"any\", which leaves it open", "\"head\" or \"plain\""],
        ),
        (
            altered(&recorded(FAILING), "\"writers\":2", "\"writers\":0"),
            &["run_head: writers must be 1 to 256, not 0"],
        ),
        (altered(&good, "\"writers\":", "\"writers\":\"x\",\"w\":"), &["writers takes a whole"]),
        (altered(&good, step, "  \"steps\": [\n    \"hover w0\",\n"), &[&step_line]),
        (
            altered(&good, step, "  \"steps\": [\n    7,\n"),
            &["'steps' should be a list of strings"],
        ),
        (altered(&good, version, "\"model_version\": -1"), &["'model_version' should be a whole"]),
        (altered(&good, "\"digest\": \"", "\"digest\": \"x"), &["16 hexadecimal digits"]),
        (altered(&good, "\"outcome\":\"pass\"", "\"outcome\":\"fine\""), &["'verdict' should be"]),
    ];
    for (text, says) in cases {
        desk.write("bad.json", text);
        for command in ["replay", "replay --recorded", "minimise", "why", "confirm --on redis"] {
            let ran = desk.checker(&format!("{command} bad.json")).exits(2);
            assert_eq!(ran.complains(&["bad.json: "]).complains(says).out, "");
        }
        let object = desk.checker("replay bad.json --json").exits(2).object("replay", "error");
        assert!(
            object["why"].as_str().is_some_and(|why| why.starts_with("bad.json: ")),
            "{object}"
        );
        let twice = object["why"].as_str().map_or(0, |why| why.matches("column").count());
        assert!(twice <= 1, "where it is wrong is said once: {object}");
    }
}

#[test]
fn a_committed_trace_recurs_and_its_verdict_is_the_exit() {
    let desk = Desk::new("committed");
    for (name, code, verdict) in [(PASSING, 0, "PASS"), (FAILING, 1, "FAIL fork")] {
        desk.write(name, &recorded(name));
        desk.checker(&format!("replay {name}")).exits(code).tells(&[
            verdict,
            ": identical",
            "CONTROL",
        ]);
        desk.checker(&format!("replay --recorded {name}")).exits(0);
    }
    let both = format!("{PASSING} {FAILING}");
    desk.checker(&format!("replay {both}")).exits(1);
    let object = desk.checker(&format!("replay --recorded --json {both}")).exits(0);
    let object = object.object("replay", "pass");
    assert_eq!(object["traces"].as_array().map(Vec::len), Some(2));
}

#[test]
fn another_digest_from_the_same_model_exits_1_with_the_first_step_that_differs() {
    let desk = Desk::new("digest");
    let good = recorded(PASSING);
    let digest = good.split("\"digest\": \"").nth(1).map_or("", |rest| &rest[..16]);
    let other = altered(&good, digest, "0123456789abcdef");
    desk.write("digest.json", &other);
    let says = ["DIFFERS", "recorded 0123456789abcdef", digest, "no step's note shows where"];
    desk.checker("replay digest.json").exits(1).tells(&says);
    let object = desk.checker("replay --json digest.json").exits(1).object("replay", "fail");
    assert_eq!((&object["recurs"], &object["digest"]), (&false.into(), &digest.into()));

    let noted = other.lines().find(|line| line.contains(" | ")).expect("some step has a note");
    desk.write("note.json", &altered(&other, noted, &noted.replace(" | ", " | otherwise; ")));
    desk.checker("replay note.json").exits(1).tells(&["; step ", "otherwise; ", ", now '"]);
    desk.checker("replay --recorded note.json").exits(1);
}

#[test]
fn a_trace_of_another_version_says_so_and_is_not_recorded_any_more() {
    let desk = Desk::new("version");
    let from = "\"model_version\": 1";
    for (name, code) in [(PASSING, 0), (FAILING, 1)] {
        let text = altered(&recorded(name), from, "\"model_version\": 99");
        desk.write(
            "old.json",
            &altered(&text, "\"digest\": \"", "\"digest\": \"0123456789abcdef\", \"was\": \""),
        );
        let says = ["the model changed since", "version 99, this is 1", "record it again"];
        desk.checker("replay old.json").exits(code).tells(&says);
        desk.checker("replay --recorded old.json").exits(1).tells(&says);
    }
}

#[test]
fn replay_skips_what_is_not_possible_and_recorded_forgives_nothing() {
    let desk = Desk::new("skip");
    let good = recorded(PASSING);
    desk.write(
        "more.json",
        &altered(&good, "  \"steps\": [\n", "  \"steps\": [\n    \"late w0\",\n"),
    );
    desk.checker("replay more.json").exits(0).tells(&["skipped 1 step"]);
    desk.checker("replay --recorded more.json").exits(1);
    let object = desk.checker("replay --json more.json").exits(0).object("replay", "pass");
    assert_eq!((&object["skipped"], &object["recurs"]), (&1.into(), &false.into()));

    let first = good.lines().find(|line| line.trim().starts_with("\"apply")).expect("it applies");
    desk.write("less.json", &altered(&good, &format!("{first}\n"), ""));
    let object = desk.checker("replay --json less.json").exits(1).object("replay", "fail");
    assert_eq!(object["property"], Value::Null, "the promises were kept; the digest differs");
    desk.checker("replay --recorded less.json").exits(1);
}

#[test]
fn what_fuzz_found_is_written_and_its_last_line_reproduces_it() {
    let desk = Desk::new("reproduce");
    for model in ["run_head", "cluster"] {
        let line = format!("fuzz {model} --mutant no_cas --seeds 0..100 -o found");
        let ran = desk.checker(&line).exits(42).tells(&["FAIL fork", "CONTROL", "wrote    found/"]);
        let last = ran.err.lines().last().unwrap_or_default();
        let recipe = last.strip_prefix("REPRODUCE: checker ").expect("the last line is a recipe");
        desk.checker(recipe).exits(1).tells(&["FAIL fork"]);
        let path = recipe.strip_prefix("replay ").expect("the recipe replays what was written");
        desk.checker(&format!("replay --recorded {path}")).exits(0);
    }
}

#[test]
fn the_recipe_of_a_run_reproduces_it() {
    let desk = Desk::new("recipe");
    for line in [
        "run run_head --mutant no_cas -p writers=2 --seed 9 --faults 1 --chooser swarm",
        "run run_head --mutant no_cas --seed 2 -o run.json",
    ] {
        let one = desk.checker(line).exits(1);
        let last = one.err.lines().last().unwrap_or_default();
        let recipe = last.strip_prefix("REPRODUCE: checker ").expect("the last line is a recipe");
        desk.checker(recipe).exits(1).tells(&["FAIL fork"]);
    }
}

#[test]
fn explore_claims_no_more_than_it_searched() {
    let desk = Desk::new("explore");
    desk.checker("explore spec/lock_cas").exits(0).tells(&["27231 distinct, 74256 generated"]);
    desk.checker("explore spec/lock_cas --symmetry").exits(0).tells(&["4831 distinct"]);
    let line = "explore run_head -p lock=none -p writers=2 -p transitions=1 --faults 1";
    desk.checker(line).exits(0).tells(&["every schedule of these sizes with at most 1 fault"]);
    let line = "explore spec/run_head --mutant fence_at_write -o way.json";
    desk.checker(line).exits(1).tells(&["shortest 7 steps, 8 states", "wrote    way.json"]);
    desk.checker("replay --recorded way.json").exits(0);
    let line = "explore spec/lock_cas --states-max 100";
    desk.checker(line).exits(3).tells(&["UNKNOWN", "after 100 states"]);
    let ran = desk.checker("explore run_head --symmetry").exits(2);
    assert!(ran.err.contains("cannot be renamed"), "{}", ran.err);
}

#[test]
fn explore_tells_a_run_in_which_what_must_come_does_not() {
    let desk = Desk::new("liveness");
    let line = "explore awa/deferred_materialise -p jobs=1 -p segments=2 --liveness";
    desk.checker(line).exits(0).tells(&["34 distinct", "that is fair to: materialise, prune"]);
    let ran = desk.checker(&format!("{line} --unfair materialise")).exits(1).tells(&[
        "FAIL eventually-materialised",
        "owed     after step 3",
        "fair to  prune",
        "loop     after step 4 it may stay as it is for ever",
    ]);
    let last = ran.err.lines().last().unwrap_or_default();
    let recipe = last.strip_prefix("REPRODUCE: checker ").expect("the last line is a recipe");
    desk.checker(recipe).exits(1).tells(&["FAIL eventually-materialised"]);
    let object = desk.checker(&format!("{recipe} --json")).exits(1).object("explore", "fail");
    let prefix = ["enqueue 0", "claim 0", "complete 0", "prune 1"];
    assert_eq!(object["lasso"]["prefix"], serde_json::json!(prefix));
    assert_eq!(object["lasso"]["loop"], serde_json::json!([]));
    for (line, why) in [
        ("explore run_head --liveness", "this one has clients"),
        ("explore spec/lock_cas --liveness", "promises nothing that must come"),
        ("explore spec/lock_cas --liveness --symmetry", "leave one of the two out"),
        ("explore spec/lock_cas --liveness -o way.json", "cannot be used with"),
        ("explore awa/deferred_materialise --liveness --unfair sleep", "materialise, prune"),
    ] {
        let ran = desk.checker(line).exits(2);
        assert!(ran.err.contains(why), "{line}: {}", ran.err);
    }
}

#[test]
fn with_mutants_a_sound_model_holds_and_every_mutant_is_caught() {
    let desk = Desk::new("mutants");
    for (model, seeds) in [("object_store", 200), ("run_head", 2000), ("cluster", 400)] {
        let ran = desk.checker(&format!("fuzz {model} --mutants --seeds 0..{seeds} --json"));
        let object = ran.exits(0).object("fuzz", "pass");
        let mutants = object["mutants"].as_array().expect("mutants are a list");
        assert!(!mutants.is_empty());
        for mutant in mutants {
            assert_eq!(mutant["found"], true, "{mutant}");
            assert!(mutant["schedules"].as_u64() > Some(0), "{mutant}");
        }
    }
    assert_eq!(desk.files(), [] as [&str; 0], "without -o nothing is written");
}

#[test]
fn what_never_happened_is_unknown_and_exits_3() {
    let desk = Desk::new("unknown");
    let ran = desk.checker("fuzz run_head --seeds 0..3").exits(3);
    ran.tells(&["UNKNOWN", "never happened", "row lock waits", "give it more seeds"]);
}

#[test]
fn how_many_jobs_there_are_changes_no_byte() {
    let desk = Desk::new("jobs");
    for line in [
        "fuzz run_head --seeds 0..300 --json",
        "fuzz run_head --mutant no_cas --seeds 0..300 --json -o found",
        "fuzz object_store --mutants --seeds 0..300 --json",
        "fuzz cluster --mutant key_by_seq --seeds 0..200 --json -o found",
    ] {
        let jobs = |jobs| desk.checker(&format!("{line} --jobs {jobs}"));
        let one = jobs(1);
        for many in [2, 4, 7] {
            let many = jobs(many);
            assert_eq!((one.code, &one.out), (many.code, &many.out), "{line}");
        }
    }
}

#[test]
fn a_run_is_the_same_bytes_every_time() {
    let desk = Desk::new("bytes");
    for model in ["run_head", "object_store", "cluster"] {
        for seed in 0..5 {
            let once = |name: &str| {
                let line = format!("run {model} --seed {seed} --json -o {name}");
                let out = desk.checker(&line).out;
                (out, fs::read(desk.0.join(name)).expect("it was written"))
            };
            assert_eq!(once("one.json"), once("two.json"), "{model} seed {seed}");
            desk.checker("replay --recorded one.json").exits(0);
        }
    }
}

#[test]
fn what_cannot_be_written_exits_2_and_leaves_nothing_behind() {
    let desk = Desk::new("write");
    desk.write("file", "kept");
    fs::create_dir(desk.0.join("directory")).expect("the desk can be written");
    for path in ["file/trace.json", "directory", "/proc/nowhere/trace.json"] {
        let ran = desk.checker(&format!("run run_head --seed 1 -o {path}")).exits(2);
        ran.complains(&[path, "cannot be written"]);
    }
    assert_eq!(desk.files(), ["directory", "file"]);
    assert_eq!(fs::read_to_string(desk.0.join("file")).ok().as_deref(), Some("kept"));
    assert_eq!(fs::read_dir(desk.0.join("directory")).map(Iterator::count).ok(), Some(0));
}

#[cfg(unix)]
#[test]
fn a_device_is_not_replaced_by_a_file() {
    let desk = Desk::new("device");
    std::os::unix::fs::symlink("/dev/full", desk.0.join("full")).expect("the desk can be written");
    desk.checker("run run_head --seed 1 -o full").exits(2).complains(&["full: cannot be written"]);
    assert_eq!(desk.files(), ["full"]);
    assert!(fs::symlink_metadata(desk.0.join("full")).is_ok_and(|it| it.is_symlink()));
}

/// A file that may not grow stands for a disk that is full.
#[cfg(unix)]
#[test]
fn when_the_disk_is_full_an_old_trace_is_kept_whole() {
    let desk = Desk::new("full");
    desk.write("trace.json", "old");
    let script = "trap '' XFSZ; ulimit -f 0; exec \"$0\" run run_head --seed 1 -o trace.json";
    let ran = ran(desk.command("sh").args(["-c", script, CHECKER])).exits(2);
    ran.complains(&["trace.json: cannot be written"]);
    assert_eq!(desk.files(), ["trace.json"]);
    assert_eq!(fs::read_to_string(desk.0.join("trace.json")).ok().as_deref(), Some("old"));
}

#[test]
fn a_trace_is_written_into_directories_that_were_not_there() {
    let desk = Desk::new("deep");
    desk.checker("run run_head --mutant no_cas -o a/b/trace.json").exits(1);
    desk.checker("minimise a/b/trace.json -o c/short.json").exits(1);
    desk.checker("replay c/short.json").exits(1).tells(&["FAIL fork"]);
}

#[test]
fn what_breaks_no_promise_has_no_cause_to_minimise() {
    let desk = Desk::new("no-cause");
    desk.write(PASSING, &recorded(PASSING));
    desk.checker("minimise seed-42.json")
        .exits(2)
        .complains(&["breaks no promise", "expected a trace"]);
}

#[test]
fn quiet_says_the_verdict_and_nothing_else() {
    let desk = Desk::new("quiet");
    for (line, code, verdict) in [
        ("run run_head --seed 1 --quiet", 0, "PASS"),
        ("run run_head --mutant no_cas -q", 1, "FAIL fork"),
        ("fuzz object_store --seeds 0..64 -q", 0, "PASS"),
    ] {
        let ran = desk.checker(line).exits(code);
        assert_eq!(ran.out.lines().count(), 1, "{line}: {}", ran.out);
        assert!(ran.out.starts_with(verdict), "{line}: {}", ran.out);
    }
}

#[test]
fn colour_is_for_those_who_want_it() {
    let desk = Desk::new("colour");
    for (wanted, refused, coloured) in
        [(false, false, false), (true, false, true), (true, true, false)]
    {
        let mut command = desk.command(CHECKER);
        command.args(["run", "run_head", "--mutant", "no_cas"]);
        if wanted {
            command.env("CLICOLOR_FORCE", "1");
        }
        if refused {
            command.env("NO_COLOR", "1");
        }
        let ran = ran(&mut command).exits(1);
        assert_eq!(ran.out.contains('\u{1b}'), coloured, "forced {wanted}, NO_COLOR {refused}");
    }
    let mut command = desk.command(CHECKER);
    let ran = ran(command.args(["run", "run_head", "--json"]).env("CLICOLOR_FORCE", "1")).exits(0);
    assert!(!ran.out.contains('\u{1b}'), "JSON has no colour");
}

#[test]
fn the_story_says_whose_lock_was_gone() {
    let desk = Desk::new("whose");
    desk.write(FAILING, &recorded(FAILING));
    let lock = "w0's lock was gone at step 2 and step 7 checked nothing";
    desk.checker(&format!("replay {FAILING}")).exits(1).tells(&["  2  --  lapse 0", lock]);
}

/// A reader that has seen enough ends nothing but its own interest.
#[cfg(unix)]
#[test]
fn a_pipe_that_is_closed_changes_no_exit_status() {
    let desk = Desk::new("pipe");
    desk.write(PASSING, &recorded(PASSING));
    for (line, code) in [
        ("list", 0),
        ("run run_head --seed 1 --all", 0),
        ("run run_head --mutant no_cas", 1),
        ("replay --all seed-42.json", 0),
        ("replay --all --json seed-42.json", 0),
        ("fuzz run_head --seeds 0..3", 3),
    ] {
        // The status is the command's, not the reader's.
        let script = format!("{{ \"$0\" {line}; echo $? >status; }} | head -c 1 >first");
        ran(desk.command("sh").args(["-c", &script, CHECKER])).exits(0);
        let status = fs::read_to_string(desk.0.join("status")).expect("it was written");
        assert_eq!(status.trim(), code.to_string(), "{line}");
    }
}

#[test]
fn what_no_service_was_asked_is_no_pass() {
    let desk = Desk::new("unasked");
    let ran = desk.checker("confirm run_head --on s3=embedded").exits(3);
    let ran = ran.tells(&["UNKNOWN  nothing was asked", "INCONCLUSIVE"]);
    assert!(!ran.out.contains("PASS"), "{}", ran.out);
    let object = desk.checker("confirm run_head --on s3=embedded --json").exits(3);
    assert!(object.object("confirm", "unknown")["why"].is_string());
    let ours = desk.checker("confirm object_store -p about=all --on s3=embedded").exits(0);
    assert!(!ours.out.contains("on the real services"), "{}", ours.out);
}

#[test]
fn a_server_that_breaks_a_promise_in_a_race_is_told_with_a_history_that_shows_it_again() {
    let desk = Desk::new("promises");
    let line = "confirm object_store --on s3s-fs --races 15";
    let ran = desk.checker(&format!("{line} -o kept")).exits(1);
    let ran = ran.tells(&[
        "object_store, at speed, 16 clients, s3s-fs 0.14.1 (in this process)",
        "read-after-write           holds              0/15",
        "list-after-write           holds              0/15",
        "15  BROKEN",
        "Both were told they created runs/run-0/",
        "FAIL       s3s-fs breaks 2 of 4 promises",
        "a sound store keeps each;",
        "checks_then_writes breaks one If-None-Match winner at seed",
        "checks_then_writes breaks one If-Match winner at seed",
        "DISAGREES  the sound model never does this: the server's fault",
        "wrote      kept/s3s-fs-create.jsonl",
    ]);
    assert!(
        ran.err.contains("REPRODUCE: checker check kept/s3s-fs-replace.jsonl --spec object-store")
    );
    for file in ["create", "replace"] {
        let again = format!("check kept/s3s-fs-{file}.jsonl --spec object-store");
        desk.checker(&again).exits(1).tells(&["cut to 2", "FAIL "]);
    }
    let ours = desk.checker("confirm object_store --on embedded --races 5 -p writers=4 --json");
    let object = ours.exits(0).object("confirm", "pass");
    let rows = object["rows"].as_array().expect("a row for each promise");
    assert_eq!(rows.len(), 4);
    for row in rows {
        assert_eq!((&row["outcome"], &row["real"]), (&"agrees".into(), &false.into()), "{row}");
        assert_eq!((&row["racing"]["tried"], &row["racing"]["broken"]), (&5.into(), &0.into()));
    }
}
