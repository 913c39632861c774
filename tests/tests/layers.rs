//! Imports run one way: `checker <- sim <- models <- real <- cli`, and `heap` stands beside the
//! first three, alone. What a crate may lean on is decided here, and only here.

use serde_json::Value;
use std::process::Command;
use unforked_tests::repository;

/// Each crate of the product, lowest first, with the crates of ours it may lean on.
const LAYERS: &[(&str, &[&str])] = &[
    ("unforked-checker", &[]),
    ("unforked-sim", &["unforked-checker"]),
    ("unforked-models", &["unforked-checker", "unforked-sim"]),
    ("unforked-heap", &[]),
    ("unforked-real", &["unforked-checker", "unforked-sim", "unforked-models", "unforked-heap"]),
    (
        "unforked",
        &["unforked-checker", "unforked-sim", "unforked-models", "unforked-heap", "unforked-real"],
    ),
];

/// The crates that depend on nothing but what reads and writes data and draws numbers: a clock, a
/// socket or a runtime cannot get in where none of them is a dependency.
const PURE: &[&str] = &["unforked-checker", "unforked-sim", "unforked-models", "unforked-heap"];
const PURE_MAY_USE: &[&str] = &["serde", "serde_json", "rand_xoshiro"];

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(repository())
        .output()
        .expect("cargo is what runs this test");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo prints JSON")
}

fn packages(metadata: &Value) -> &[Value] {
    metadata["packages"].as_array().expect("there are packages")
}

fn name(of: &Value) -> &str {
    of["name"].as_str().expect("everything here has a name")
}

/// The names of what `package` needs: tests, loom among them, and what nobody gets who does not ask
/// for it, apart.
fn needs(package: &Value) -> Vec<&str> {
    let all = package["dependencies"].as_array().expect("dependencies are a list");
    let is_there =
        |it: &&Value| it["kind"] != "dev" && it["optional"] != true && it["target"] != "cfg(loom)";
    all.iter().filter(is_there).map(name).collect()
}

#[test]
fn imports_run_one_way() {
    let metadata = metadata();
    let ours: Vec<&str> = packages(&metadata).iter().map(name).collect();
    for (layer, allowed) in LAYERS {
        let package = packages(&metadata).iter().find(|it| name(it) == *layer);
        let package = package.unwrap_or_else(|| panic!("{layer} is no package"));
        for need in needs(package).into_iter().filter(|need| ours.contains(need)) {
            assert!(allowed.contains(&need), "{layer} may not lean on {need}");
        }
    }
}

#[test]
fn what_must_be_deterministic_depends_on_nothing_that_is_not() {
    let metadata = metadata();
    let ours: Vec<&str> = packages(&metadata).iter().map(name).collect();
    for package in packages(&metadata).iter().filter(|it| PURE.contains(&name(it))) {
        for need in needs(package) {
            let fine = ours.contains(&need) || PURE_MAY_USE.contains(&need);
            assert!(fine, "{} may not depend on {need}", name(package));
        }
    }
}

#[test]
fn cargo_run_means_the_checker_and_nothing_else() {
    let metadata = metadata();
    let default = metadata["workspace_default_members"].as_array().expect("there are some");
    let binaries = packages(&metadata).iter().filter(|it| default.contains(&it["id"]));
    let binaries = binaries.flat_map(|package| {
        let targets = package["targets"].as_array().expect("targets are a list");
        let is_binary =
            |it: &&Value| it["kind"].as_array().is_some_and(|it| it.contains(&"bin".into()));
        targets.iter().filter(is_binary).map(|target| (name(package), name(target)))
    });
    assert_eq!(binaries.collect::<Vec<_>>(), [("unforked", "checker")]);
}

#[test]
fn every_crate_but_the_bench_and_loom_is_built_and_tested_by_default() {
    let metadata = metadata();
    let default = metadata["workspace_default_members"].as_array().expect("there are some");
    let apart = packages(&metadata).iter().filter(|it| !default.contains(&it["id"])).map(name);
    let mut apart: Vec<_> = apart.collect();
    apart.sort_unstable();
    assert_eq!(apart, ["bench", "unforked-loom"]);
}
