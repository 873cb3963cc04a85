//! For programs.

use super::notes;
use crate::backtest::Findings;
use crate::conf::Draft;
use crate::tally::{Cases, Counts, Tally};
use control::Control;
use serde_json::{Value, json};
use std::io::{self, Write};

/// Names that are given of users, primitives and MCP servers.
const NAMED: usize = 100;

pub(super) fn write(draft: &Draft, findings: &Findings, out: &mut dyn Write) -> io::Result<()> {
    let controls = draft.controls.iter().zip(&findings.tallies);
    let report = json!({
        "days": findings.days,
        "calls": findings.calls,
        "stopped": findings.stopped,
        "refused": findings.refused,
        "unread": findings.unread,
        "unserved": findings.unserved,
        "unsure": findings.unsure,
        "controls": controls.map(|(control, tally)| control_value(control, tally)).collect::<Vec<_>>(),
        "notes": notes(draft, findings),
    });
    serde_json::to_writer_pretty(&mut *out, &report)?;
    writeln!(out)
}

fn control_value(control: &Control, tally: &Tally) -> Value {
    json!({
        "kind": control.kind().directive(),
        "type": control.kind().attack_kind().as_str(),
        "title": control.title(),
        "place": control.place(),
        "mode": control.own_mode().map(record::Mode::as_str),
        "text": control.text(),
        "covered": tally.covered,
        "allowed": tally.allowed,
        "denied": tally.denied,
        "sessions": tally.sessions.len(),
        "users": counts(&tally.users),
        "primitives": counts(&tally.primitives),
        "servers": counts(&tally.servers),
        "rules": cases(&tally.rules, "rule"),
        "unjudged": cases(&tally.unjudged, "reason"),
    })
}

fn counts(counts: &Counts) -> Value {
    let top = counts.top(NAMED).into_iter();
    let top: Vec<Value> = top.map(|(name, calls)| json!({"name": name, "calls": calls})).collect();
    json!({"total": counts.len(), "top": top})
}

fn cases(cases: &Cases, what: &str) -> Vec<Value> {
    let value = |(text, case): (&str, &crate::tally::Case)| {
        let examples: Vec<String> = case.examples.iter().map(ToString::to_string).collect();
        json!({what: text, "calls": case.calls, "examples": examples})
    };
    cases.iter().into_iter().map(value).collect()
}
