//! What came of a load, in rows and columns: for a terminal, a file, and a page.
//!
//! Every number is written once, with the digits that mean something, and as it is in JSON.

use serde_json::{Map, Value, json};

/// A cell of a table.
#[derive(Clone, PartialEq, Debug)]
pub enum Cell {
    /// A name.
    Text(String),
    /// A count.
    Whole(u64),
    /// A measure, and how many digits of it after the point are shown.
    Real(f64, usize),
}

impl Cell {
    /// As it is shown.
    pub fn text(&self) -> String {
        match self {
            Cell::Text(text) => text.clone(),
            Cell::Whole(count) => count.to_string(),
            Cell::Real(value, digits) => format!("{value:.digits$}"),
        }
    }

    /// As a number where it is one.
    pub fn value(&self) -> f64 {
        match self {
            Cell::Text(_) => f64::NAN,
            Cell::Whole(count) => *count as f64,
            Cell::Real(value, _) => *value,
        }
    }

    fn json(&self) -> Value {
        match self {
            Cell::Text(text) => json!(text),
            Cell::Whole(count) => json!(count),
            Cell::Real(..) => serde_json::from_str(&self.text()).unwrap_or(Value::Null),
        }
    }
}

/// Rows under columns.
#[derive(Clone, PartialEq, Debug)]
pub struct Table {
    /// What it shows.
    pub title: &'static str,
    /// The names of its columns; the first ones say what a row is of.
    pub columns: Vec<String>,
    /// As many cells each as there are columns.
    pub rows: Vec<Vec<Cell>>,
}

impl Table {
    /// Rows under these columns.
    pub fn new(title: &'static str, columns: &[&str], rows: Vec<Vec<Cell>>) -> Self {
        let columns = columns.iter().map(|it| (*it).to_owned()).collect();
        Table { title, columns, rows }
    }

    /// The rows as text.
    pub fn texts(&self) -> Vec<Vec<String>> {
        self.rows.iter().map(|row| row.iter().map(Cell::text).collect()).collect()
    }

    /// The numbers of a column.
    pub fn column(&self, name: &str) -> Vec<f64> {
        let at = self.columns.iter().position(|it| it == name);
        self.rows.iter().filter_map(|row| Some(row.get(at?)?.value())).collect()
    }
}

/// Tables of the same rows side by side: each column once.
pub fn joined(tables: &[Table]) -> Table {
    let mut tables = tables.iter();
    let Some(first) = tables.next() else {
        return Table::new("", &[], Vec::new());
    };
    let mut all = first.clone();
    for table in tables {
        for (at, column) in table.columns.iter().enumerate() {
            if !all.columns.contains(column) {
                all.columns.push(column.clone());
                let cells = all.rows.iter_mut().zip(&table.rows);
                cells.for_each(|(row, other)| row.push(other[at].clone()));
            }
        }
    }
    all
}

impl Table {
    /// A row as an object, a field a column.
    pub fn objects(&self) -> Vec<Map<String, Value>> {
        let field = |(name, cell): (&String, &Cell)| (name.clone(), cell.json());
        let row = |row: &Vec<Cell>| self.columns.iter().zip(row).map(field).collect();
        self.rows.iter().map(row).collect()
    }

    /// The columns' names and the rows, as CSV. No cell of ours has a comma or a quote.
    pub fn csv(&self) -> String {
        let rows = self.texts().into_iter().map(|row| row.join(",") + "\n");
        self.columns.join(",") + "\n" + &rows.collect::<String>()
    }
}
