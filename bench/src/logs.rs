//! Histories that others recorded, and that every checker is shown: Porcupine's test data.
//!
//! They lie beside the checker's tests, with their licence. Both sides read them as JSON Lines, so
//! that neither is measured on its parser.

use crate::checker::Case;
use checker::format::{Collector, Format, Reader, Renames, Written};
use checker::line;
use checker::specs::{kv::Kv, register::Register};
use std::fs;
use std::io::{Error, Result};
use std::path::{Path, PathBuf};

/// The logs of etcd under Jepsen together, and the two large ones of texts by key.
pub(crate) fn cases() -> Result<Vec<Case>> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../checker/tests/data/porcupine");
    let into = crate::peers::target().join("histories");
    fs::create_dir_all(&into)?;
    let (mut etcd, mut texts) = (Vec::new(), Vec::new());
    for line in fs::read_to_string(data.join("expected.txt"))?.lines() {
        let Some((name, verdict)) = line.split_once(' ') else { continue };
        let verdict = if verdict == "linearizable" { "pass" } else { "fail" };
        let path = into.join(format!("{name}.jsonl"));
        if name.starts_with("etcd") {
            etcd.push((translated::<Register>(&data.join(format!("{name}.log")), path)?, verdict));
        } else if name.starts_with("c50") {
            let most = if verdict == "pass" { 20.0 } else { 1.0 };
            let files = vec![(translated::<Kv>(&data.join(name), path)?, verdict)];
            let name = format!("Porcupine's {}", name.trim_end_matches(".txt"));
            texts.push(Case { name, spec: "kv", files, most });
        }
    }
    let name = format!("{} logs of etcd, sum", etcd.len());
    let etcd = Case { name, spec: "cas-register-null", files: etcd, most: 5.0 };
    Ok(std::iter::once(etcd).chain(texts).collect())
}

fn translated<S: Written>(from: &Path, to: PathBuf) -> Result<PathBuf>
where
    S::Op: Clone,
    S::Ret: Clone,
{
    let wrong = |why: String| Error::other(format!("{}: {why}", from.display()));
    let text = fs::read(from)?;
    let format = Format::detect(&text).ok_or_else(|| wrong("in no known format".to_owned()))?;
    let mut reader = Reader::new(format, Renames::default());
    let mut collector = Collector::<S>::new(usize::MAX);
    reader.feed(&text, &mut collector).map_err(|error| wrong(error.to_string()))?;
    reader.end(&mut collector).map_err(|error| wrong(error.to_string()))?;
    let operations = collector.finish().map_err(|error| wrong(error.to_string()))?;
    let lines = operations.iter().map(|one| format!("{}\n", line::to_value(one)));
    fs::write(&to, lines.collect::<String>())?;
    Ok(to)
}
