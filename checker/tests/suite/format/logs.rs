//! Histories that others recorded, with the verdicts that others gave.
//!
//! Porcupine's test data lie under `tests/data/porcupine` (MIT, with their licence).

use super::read;
use checker::format::{Format, Start, Written};
use checker::specs::kv::Kv;
use checker::specs::register::Register;
use checker::{Budget, Checked, check};
use std::fs;
use std::path::Path;

fn holds<S: Written>(path: &Path) -> bool
where
    S::Op: Clone,
    S::Ret: Clone,
{
    let text = fs::read_to_string(path).expect("it is there");
    let format = Format::detect(text.as_bytes()).expect("it is a history");
    let operations = read::<S>(format, &text).expect("it is right");
    let init = S::start(&Start::Nothing).expect("it begins with nothing");
    match check(&init, &operations, &Budget::default()) {
        Checked::Pass(_) => true,
        Checked::Fail(found) => {
            assert!(!found.minimal.is_empty());
            false
        }
        Checked::Unknown(unknown) => panic!("{}: {unknown}", path.display()),
    }
}

#[test]
fn porcupines_logs_get_porcupines_verdicts() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/porcupine");
    let expected = fs::read_to_string(root.join("expected.txt")).expect("it names the verdicts");
    let mut judged = 0;
    for line in expected.lines() {
        let Some((name, verdict)) = line.split_once(' ') else { continue };
        let holds = match name.starts_with("etcd") {
            true => holds::<Register>(&root.join(format!("{name}.log"))),
            false => holds::<Kv>(&root.join(name)),
        };
        assert_eq!(holds, verdict == "linearizable", "{name}");
        judged += 1;
    }
    assert_eq!(judged, 102 + 6);
}
