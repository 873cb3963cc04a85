//! docs/schema.md and the schema say the same.

use crate::fixture::{NOON, Store, exchange, write};
use record::Outcome;
use std::collections::BTreeMap;

/// Tables and views of the document: a heading with a name in backquotes, then a table whose
/// first column holds the columns' names.
fn documented() -> BTreeMap<String, Vec<String>> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/schema.md");
    let text = std::fs::read_to_string(path).unwrap();
    let mut documented: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut table = None;
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("### `") {
            let name = heading.split('`').next().unwrap().to_owned();
            documented.entry(name.clone()).or_default();
            table = Some(name);
        } else if line.starts_with('#') {
            table = None;
        } else if let (Some(table), Some(cell)) = (&table, line.strip_prefix("| `")) {
            let names = cell.split(" |").next().unwrap().replace('`', "");
            let columns = documented.get_mut(table).unwrap();
            columns.extend(names.split(", ").map(|name| name.trim().to_owned()));
        }
    }
    documented
}

#[test]
fn every_table_view_and_column_is_documented_and_nothing_else() {
    let store = Store::new();
    write(&mut store.writer("w1"), &exchange(NOON), Outcome::Ok);
    let mut there: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (file, prefix) in [("2026-11-25.db", ""), ("catalog.db", "catalog.")] {
        let names = "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') \
             AND name NOT LIKE 'sqlite%'";
        for name in store.column(file, names) {
            let columns =
                store.column(file, &format!("SELECT name FROM pragma_table_info('{name}')"));
            there.insert(format!("{prefix}{name}"), columns);
        }
    }
    assert_eq!(documented(), there);
}

#[test]
fn the_example_queries_run() {
    let store = Store::new();
    write(&mut store.writer("w1"), &exchange(NOON), Outcome::Ok);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/schema.md");
    let text = std::fs::read_to_string(path).unwrap();
    let examples: Vec<&str> = text.split("```sql\n").skip(1).collect();
    assert!(examples.len() >= 4, "{}", examples.len());
    let connection = store.read("2026-11-25.db");
    for example in examples {
        let sql = example.split("```").next().unwrap();
        for statement in sql.split(';').filter(|statement| !statement.trim().is_empty()) {
            let mut prepared = connection.prepare(statement).unwrap();
            assert!(prepared.readonly(), "{statement}");
            prepared.query(()).unwrap().next().unwrap();
        }
    }
}
