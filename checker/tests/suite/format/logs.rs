//! Histories that others recorded, with the verdicts that others gave.
//!
//! A few of Porcupine's test data lie under `tests/data/porcupine` (MIT, with its licence). All of
//! them are judged where `UNFORKED_PORCUPINE` names the directory of a copy.

use super::read;
use checker::format::{Format, Start, Written};
use checker::specs::kv::Kv;
use checker::specs::register::Register;
use checker::{Budget, Checked, check};
use std::fs;
use std::path::{Path, PathBuf};

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

/// The files of a directory that `expected.txt` names, wherever they lie in it.
fn judge_all(root: &Path) -> usize {
    let expected = fs::read_to_string(root.join("expected.txt")).expect("it names the verdicts");
    let mut judged = 0;
    for line in expected.lines() {
        let Some((name, verdict)) = line.split_once(' ') else { continue };
        let wanted = verdict == "linearizable";
        let is_etcd = name.starts_with("etcd");
        let file = if is_etcd { format!("{name}.log") } else { name.to_owned() };
        let path = ["", "jepsen", "kv"].map(|it| root.join(it).join(&file));
        let path = path.into_iter().find(|it| it.exists()).expect("it is there");
        let holds = if is_etcd { holds::<Register>(&path) } else { holds::<Kv>(&path) };
        assert_eq!(holds, wanted, "{name}");
        judged += 1;
    }
    judged
}

#[test]
fn porcupines_logs_get_porcupines_verdicts() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/porcupine");
    assert!(judge_all(&root) >= 11);
    if let Some(root) = std::env::var_os("UNFORKED_PORCUPINE") {
        assert!(judge_all(&PathBuf::from(root)) >= 100);
    }
}
