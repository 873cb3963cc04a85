//! Findings in words.

mod csv;
mod json;
mod text;

use crate::arguments::Format;
use crate::backtest::Findings;
use crate::conf::Draft;
use std::io::{self, Write};

/// How many users, tools and MCP servers are named for a control.
const TOP: usize = 5;

/// Writes what came of a draft.
pub(crate) fn write(
    format: Format,
    draft: &Draft,
    findings: &Findings,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        Format::Text => text::write(draft, findings, out),
        Format::Csv => csv::write(draft, findings, out),
        Format::Json => json::write(draft, findings, out),
    }
}

/// What the reader should know before believing the numbers.
fn notes(draft: &Draft, findings: &Findings) -> Vec<String> {
    let mut notes: Vec<String> =
        draft.notes.iter().map(|note| format!("{} ({})", note.message, note.place)).collect();
    for warning in &findings.skipped {
        let day = warning.day.as_deref().unwrap_or("the store");
        notes.push(format!("{day} is left out: {}", warning.message));
    }
    notes.extend(findings.missing.iter().map(|day| format!("{day} is left out: it has no file")));
    for (server, calls) in findings.unserved.iter().take(TOP) {
        notes.push(format!("no place of the draft serves {server}: {calls} calls are not judged"));
    }
    if let Some(more) = findings.unserved.len().checked_sub(TOP + 1) {
        notes.push(format!("nor {} other MCP servers", more + 1));
    }
    if !draft.has_servers() {
        notes.push(
            "the draft has no server block: its controls are applied to every MCP server"
                .to_owned(),
        );
    } else if !findings.unsure.is_empty() {
        let named: Vec<&str> = findings.unsure.iter().take(TOP).map(String::as_str).collect();
        let more = findings.unsure.len() - named.len();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        notes.push(format!(
            "the draft does not tell for sure where it serves {}{more}: every control that may be in \
             force there is applied",
            named.join(", ")
        ));
    }
    if findings.refused > 0 {
        notes.push(format!(
            "{} calls are not judged, since nginx refused them before their body was read",
            findings.refused
        ));
    }
    if findings.unread > 0 {
        notes.push(format!(
            "{} requests could not be read when they were recorded, and are not judged: where a \
             control blocks, the protocol check or mcp_fail decides on their like",
            findings.unread
        ));
    }
    notes
}

/// A number with commas.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Text from traffic, without anything that a terminal would take for more than text.
fn visible(text: &str) -> String {
    let is_hidden = |letter: char| {
        letter.is_control()
            || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        if is_hidden(letter) {
            out.extend(letter.escape_unicode());
        } else {
            out.push(letter);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_commas() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1000), "1,000");
        assert_eq!(grouped(1_234_567), "1,234,567");
    }

    #[test]
    fn what_a_terminal_would_obey_is_shown_instead() {
        assert_eq!(visible("a\u{1b}[2Jb\u{202e}"), "a\\u{1b}[2Jb\\u{202e}");
        assert_eq!(visible("löschen"), "löschen");
    }
}
