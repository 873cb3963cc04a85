//! Captured conversations are recorded as `records.txt` beside them says.
//!
//! After a change that is meant to change records: `UPDATE_RECORDS=1 cargo test -p exchange`, and
//! read the difference.

use crate::testing::{Exchange, folder_path, folders, recorded, rules, samples};
use std::fs;

/// Characters shown of a line; arguments and results may be long.
const LINE_CHARS_MAX: usize = 400;

fn records(folder: &str) -> String {
    let exchanges: Vec<Exchange> =
        samples(folder).into_iter().map(|sample| sample.exchange).collect();
    let text = recorded(rules(), &exchanges);
    let shorten = |line: &str| match line.chars().count() > LINE_CHARS_MAX {
        true => {
            let end = line.rfind(" [").unwrap_or(line.len());
            let begun: String = line.chars().take(LINE_CHARS_MAX).collect();
            format!("{begun} …{}", &line[end..])
        }
        false => line.to_owned(),
    };
    text.lines().map(|line| shorten(line) + "\n").collect()
}

#[test]
fn captured_conversations_are_recorded_as_expected() {
    for folder in &folders() {
        let path = folder_path(folder).join("records.txt");
        let found = records(folder);
        if std::env::var_os("UPDATE_RECORDS").is_some() {
            fs::write(&path, &found).unwrap();
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        for (number, (found, expected)) in found.lines().zip(expected.lines()).enumerate() {
            assert_eq!(found, expected, "{folder}/records.txt, line {}", number + 1);
        }
        assert_eq!(found.lines().count(), expected.lines().count(), "{folder}/records.txt");
    }
}
