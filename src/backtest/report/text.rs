//! For people.

use super::{TOP, grouped, notes, visible};
use crate::backtest::Findings;
use crate::conf::Draft;
use crate::tally::{Case, Counts, Tally};
use control::Control;
use record::Mode;
use std::io::{self, Write};

/// Rules that are shown of a control.
const RULES: usize = 20;

pub(super) fn write(draft: &Draft, findings: &Findings, out: &mut dyn Write) -> io::Result<()> {
    match (findings.days.first(), findings.days.last()) {
        (Some(first), Some(last)) => {
            let days = match findings.days.len() {
                1 => format!("1 day, {first}"),
                count => format!("{count} days, {first} to {last}"),
            };
            writeln!(
                out,
                "{} calls of {days}. The draft would have stopped {}{}.",
                grouped(findings.calls),
                grouped(findings.stopped),
                share(findings.stopped, findings.calls)
            )?;
        }
        _ => writeln!(out, "There is no day to judge.")?,
    }
    for (control, tally) in draft.controls.iter().zip(&findings.tallies) {
        writeln!(out)?;
        write_control(control, tally, out)?;
    }
    let notes = notes(draft, findings);
    if !notes.is_empty() {
        writeln!(out, "\nNotes")?;
    }
    for note in notes {
        writeln!(out, "  - {}", visible(&note))?;
    }
    Ok(())
}

fn write_control(control: &Control, tally: &Tally, out: &mut dyn Write) -> io::Result<()> {
    let mode = control.own_mode().map_or(String::new(), |mode| format!(", mode {}", mode.as_str()));
    writeln!(
        out,
        "{} \"{}\" ({}{mode})",
        control.kind().directive(),
        visible(control.title()),
        control.place()
    )?;
    if control.own_mode() == Some(Mode::Off) {
        return writeln!(out, "  is off and judges nothing");
    }
    if tally.covered == 0 {
        return writeln!(out, "  covers none of the calls");
    }
    writeln!(
        out,
        "  covers {} calls, would have stopped {}{}",
        grouped(tally.covered),
        grouped(tally.denied),
        share(tally.denied, tally.covered)
    )?;
    if tally.denied > 0 {
        writeln!(
            out,
            "  in {} sessions, of {} users, to {} tools, resources and prompts",
            grouped(tally.sessions.len() as u64),
            grouped(tally.users.len() as u64),
            grouped(tally.primitives.len() as u64)
        )?;
        let rules = tally.rules.iter();
        for (rule, case) in rules.iter().take(RULES) {
            write_case(rule, case, out)?;
        }
        if rules.len() > RULES {
            writeln!(out, "    and {} more rules", rules.len() - RULES)?;
        }
        write_top("users", &tally.users, out)?;
        write_top("tools", &tally.primitives, out)?;
        write_top("servers", &tally.servers, out)?;
    }
    if tally.unjudged.calls() > 0 {
        writeln!(out, "  could not judge {}", grouped(tally.unjudged.calls()))?;
        for (why, case) in tally.unjudged.iter() {
            write_case(why, case, out)?;
        }
    }
    Ok(())
}

fn write_case(what: &str, case: &Case, out: &mut dyn Write) -> io::Result<()> {
    let examples: Vec<String> = case.examples.iter().take(3).map(ToString::to_string).collect();
    let calls = grouped(case.calls);
    writeln!(out, "    {calls:>9}  {}   e.g. {}", visible(what), examples.join(" "))
}

fn write_top(what: &str, counts: &Counts, out: &mut dyn Write) -> io::Result<()> {
    let top = counts.top(TOP);
    if top.is_empty() {
        return Ok(());
    }
    let named: Vec<String> = top
        .iter()
        .map(|(name, count)| {
            let name = if name.is_empty() { "(none)".to_owned() } else { visible(name) };
            format!("{name} ({})", grouped(*count))
        })
        .collect();
    let more = counts.len() - top.len();
    let more = if more > 0 { format!(" and {} more", grouped(more as u64)) } else { String::new() };
    writeln!(out, "  {what}: {}{more}", named.join(", "))
}

fn share(part: u64, all: u64) -> String {
    if part == 0 || all == 0 {
        return String::new();
    }
    format!(" ({:.2} %)", part as f64 * 100.0 / all as f64)
}
