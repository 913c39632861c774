//! The few operations of a failure, one a line, as bars on one clock.
//!
//! The hard part is the clock: nanoseconds would leave most of a line empty. So a column is a
//! moment at which something was called or returned, which keeps what matters: who overlaps whom.

use checker::{Operation, line};
use serde::Serialize;
use serde_json::Value;

/// Bars are at most this wide; what does not fit is drawn closer.
const WIDTH_MAX: usize = 48;

/// One operation, as a line of a history.
pub(super) struct Row {
    pub(super) line: Value,
}

impl Row {
    pub(super) fn of<Op: Serialize, Ret: Serialize>(operation: &Operation<Op, Ret>) -> Self {
        Row { line: line::to_value(operation) }
    }

    /// Who asked what: `c3's put k/1 value=5`.
    pub(super) fn who_asked(&self) -> String {
        format!("c{}'s {}", self.line["client"], self.asked())
    }

    fn time(&self, name: &str) -> Option<u64> {
        self.line[name].as_u64()
    }

    /// What was asked: `put k/1 value=5 if_none_match=true`.
    fn asked(&self) -> String {
        let mut words = vec![plain(&self.line["f"])];
        words.extend(self.line.get("key").map(plain));
        let common = ["client", "f", "key", "call", "return", "ret", "outcome"];
        let fields = self.line.as_object().into_iter().flatten();
        let others = fields.filter(|(name, _)| !common.contains(&name.as_str()));
        words.extend(others.map(|(name, value)| format!("{name}={}", plain(value))));
        words.join(" ")
    }

    fn answer(&self) -> String {
        match self.line.get("ret") {
            Some(ret) => ret.to_string(),
            None => "nobody heard".to_owned(),
        }
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// One operation, as it is shown.
pub(crate) struct Lane {
    pub(crate) who: String,
    pub(crate) asked: String,
    pub(crate) call: u64,
    /// When it was answered, if it was.
    pub(crate) until: Option<u64>,
    pub(crate) answer: String,
}

/// The operations of a history, as it has them.
pub(super) fn lanes(rows: &[Row]) -> Vec<String> {
    let lane = |row: &Row| Lane {
        who: format!("c{}", row.line["client"]),
        asked: row.asked(),
        call: row.time("call").unwrap_or(0),
        until: row.time("return"),
        answer: row.answer(),
    };
    draw(&rows.iter().map(lane).collect::<Vec<_>>())
}

/// The operations, each as who, what, from, a bar, until, and the answer.
pub(crate) fn draw(lanes: &[Lane]) -> Vec<String> {
    let times = lanes.iter().flat_map(|it| [Some(it.call), it.until]);
    let mut moments: Vec<u64> = times.flatten().collect();
    moments.sort_unstable();
    moments.dedup();
    let steps = moments.len().saturating_sub(1).max(1);
    let width = (4 * steps).min(WIDTH_MAX);
    let column = |time: u64| moments.partition_point(|it| *it < time) * width / steps;
    let shown: Vec<[String; 6]> = lanes
        .iter()
        .map(|it| {
            let bar = bar(column(it.call), it.until.map(column), width);
            let until = it.until.map_or(String::new(), |at| at.to_string());
            let (who, asked, answer) = (it.who.clone(), it.asked.clone(), it.answer.clone());
            [who, asked, it.call.to_string(), bar, until, answer]
        })
        .collect();
    let wide = |at: usize| shown.iter().map(|row| row[at].chars().count()).max().unwrap_or(0);
    let (who, asked, call, until) = (wide(0), wide(1), wide(2), wide(4));
    shown
        .iter()
        .map(|[one, what, from, bar, to, answer]| {
            format!("  {one:<who$}  {what:<asked$}  {from:>call$} {bar} {to:<until$}  {answer}")
        })
        .collect()
}

/// From one column to another; to the right edge and open where nobody heard of it again.
fn bar(from: usize, to: Option<usize>, width: usize) -> String {
    let end = to.unwrap_or(width).max(from + 1);
    let middle = "=".repeat(end - from - 1);
    let close = if to.is_some() { '|' } else { '>' };
    let bar = format!("{}|{middle}{close}", " ".repeat(from));
    format!("{bar:<width$}", width = width + 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn bars_overlap_where_operations_do() {
        let row = |line| Row { line };
        let rows = [
            row(json!({"client": 3, "f": "cas", "key": "r", "from": 4, "call": 812,
                       "return": 1904, "ret": true})),
            row(json!({"client": 12, "f": "read", "key": "r", "call": 845, "return": 1951,
                       "ret": {"head": 5}})),
            row(json!({"client": 1, "f": "cas", "key": "r", "from": 5, "call": 2000})),
        ];
        assert_eq!(
            lanes(&rows),
            [
                "  c3   cas r from=4   812 |=======|          1904  true",
                "  c12  read r         845     |=======|      1951  {\"head\":5}",
                "  c1   cas r from=5  2000                 |>       nobody heard",
            ]
        );
    }
}
