//! `checker why`: the curve of a failure, its marks, and what has none.

use crate::desk::{CHECKER, Desk, ran, recorded};
use crate::{FAILING, PASSING};
use serde_json::Value;
use std::path::Path;

fn number(of: &Value) -> f64 {
    of.as_f64().unwrap_or_else(|| panic!("{of} is no number"))
}

/// The fork is decided when the second of the two has read the head that both will move.
#[test]
fn why_names_the_step_that_made_a_fork_inevitable() {
    let desk = Desk::new("why");
    desk.write(FAILING, &recorded(FAILING));
    let ran = desk.checker(&format!("why {FAILING}")).exits(0);
    ran.tells(&[
        "(before any step)",
        "    5  apply w1 | select run-0: 0 ",
        "|####################|  100%   98% to 100%  <-- here it became likely, and inevitable",
        "WHY      fork: 17% before any step; it became inevitable at step 5 (apply w1 | select ",
    ]);
    let line = format!("why {FAILING} --json");
    let object = desk.checker(&line).exits(0).object("why", "pass");
    assert_eq!((&object["decisive"], &object["inevitable_from"]), (&5.into(), &5.into()));
    assert_eq!((&object["property"], &object["tails"]), (&"fork".into(), &200.into()));
    assert_eq!(object["steps"][4]["text"], "apply w0 | select run-0: 0; (dull)");
    assert_eq!(desk.checker(&line).out, desk.checker(&line).out, "the walks are fixed");
    let few = desk.checker(&format!("why {FAILING} --tails 5")).exits(0);
    few.tells(&["too few endings to say where it was inevitable"]);
    let quiet = desk.checker(&format!("why -q {FAILING}")).exits(0);
    assert_eq!((quiet.out.lines().count(), &quiet.out[..3]), (1, "WHY"));
}

#[test]
fn every_recorded_failure_has_a_curve_from_before_it_to_its_end() {
    let desk = Desk::new("why-all");
    let traces = Path::new(env!("CARGO_MANIFEST_DIR")).join("../traces");
    let mut asked = 0;
    for file in std::fs::read_dir(traces).expect("there are traces") {
        let name = file.expect("there are traces").file_name().to_string_lossy().into_owned();
        if !name.ends_with(".json") || name == PASSING {
            continue;
        }
        asked += 1;
        desk.write("trace.json", &recorded(&name));
        let trace: Value = serde_json::from_str(&recorded(&name)).expect("a trace is JSON");
        let ran = desk.checker("why trace.json --tails 5 --json").exits(0);
        let object = ran.object("why", "pass");
        assert_eq!(object["property"], trace["verdict"]["property"], "{name}");
        let steps = object["steps"].as_array().expect("steps are a list");
        assert_eq!(steps.len(), trace["steps"].as_array().map_or(0, Vec::len) + 1, "{name}");
        for (index, step) in steps.iter().enumerate() {
            let [low, p, high] = ["low", "p", "high"].map(|name| number(&step[name]));
            assert!(0.0 <= low && low <= p && p <= high && high <= 1.0, "{name}: {step}");
            assert_eq!(step["step"], index, "{name}");
        }
        assert_eq!(steps.last().map(|it| number(&it["p"])), Some(1.0), "{name}");
        assert_eq!(object["inevitable_from"], Value::Null, "five walks prove nothing: {name}");
    }
    assert!(asked > 20, "{asked} failures are recorded");
}

#[test]
fn what_held_has_no_failure_to_explain() {
    let desk = Desk::new("why-not");
    desk.write(PASSING, &recorded(PASSING));
    let ran = desk.checker(&format!("why {PASSING}")).exits(2);
    ran.complains(&["seed-42.json: breaks no promise, so there is no failure to explain"]);
}

/// Blocks are for a terminal that would have colour; everywhere else the bar is plain.
#[test]
fn the_bar_is_plain_where_colour_is_refused() {
    let desk = Desk::new("why-bar");
    desk.write(FAILING, &recorded(FAILING));
    for (forced, refused, blocks) in
        [(false, false, false), (true, false, true), (true, true, false)]
    {
        let mut command = desk.command(CHECKER);
        command.args(["why", FAILING]);
        for (name, wanted) in [("CLICOLOR_FORCE", forced), ("NO_COLOR", refused)] {
            if wanted {
                command.env(name, "1");
            }
        }
        let ran = ran(&mut command).exits(0);
        assert_eq!((ran.out.contains('█'), ran.out.contains('#')), (blocks, !blocks));
    }
}
