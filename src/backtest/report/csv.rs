//! For spreadsheets: a row for each control, each of its rules that objects, and each reason for
//! which calls could not be judged.

use super::notes;
use crate::backtest::Findings;
use crate::conf::Draft;
use crate::tally::Case;
use std::io::{self, Write};

const HEADER: [&str; 13] = [
    "row",
    "kind",
    "title",
    "place",
    "mode",
    "text",
    "covered",
    "allowed",
    "calls",
    "unjudged",
    "sessions",
    "users",
    "primitives",
];

pub(super) fn write(draft: &Draft, findings: &Findings, out: &mut dyn Write) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(HEADER.into_iter().chain(["examples"]))?;
    for (control, tally) in draft.controls.iter().zip(&findings.tallies) {
        let mode = control.own_mode().map_or("", |mode| mode.as_str());
        let names = [control.kind().directive(), control.title(), control.place(), mode];
        let counts = [
            tally.covered,
            tally.allowed,
            tally.denied,
            tally.unjudged.calls(),
            tally.sessions.len() as u64,
            tally.users.len() as u64,
            tally.primitives.len() as u64,
        ];
        let row = record("control", names, "", &counts.map(|count| count.to_string()), "");
        csv.write_record(row)?;
        for (rule, case) in tally.rules.iter() {
            csv.write_record(case_row("denied", names, rule, case))?;
        }
        for (why, case) in tally.unjudged.iter() {
            csv.write_record(case_row("unjudged", names, why, case))?;
        }
    }
    for note in notes(draft, findings) {
        let counts = [const { String::new() }; 7];
        csv.write_record(record("note", [""; 4], &note, &counts, ""))?;
    }
    csv.flush()
}

fn case_row(what: &str, names: [&str; 4], text: &str, case: &Case) -> Vec<String> {
    let examples: Vec<String> = case.examples.iter().map(ToString::to_string).collect();
    let mut counts = [const { String::new() }; 7];
    let [_, _, calls, ..] = &mut counts;
    *calls = case.calls.to_string();
    record(what, names, text, &counts, &examples.join(" "))
}

fn record(
    what: &str,
    names: [&str; 4],
    text: &str,
    counts: &[String; 7],
    examples: &str,
) -> Vec<String> {
    let mut row = vec![what.to_owned()];
    row.extend(names.into_iter().map(harmless));
    row.push(harmless(text));
    row.extend_from_slice(counts);
    row.push(examples.to_owned());
    row
}

/// Text that a spreadsheet would run as a formula begins with an apostrophe.
fn harmless(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}
