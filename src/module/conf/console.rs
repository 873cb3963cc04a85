//! `mcp_console`.

use super::line::{Line, Wrong, once, wrong};
use super::location::Said;
use crate::console;
use ::console::Console;

/// The most patterns of `servers=`.
const PATTERNS_MAX: usize = 100;
/// The longest of them.
const PATTERN_BYTES_MAX: usize = 2048;

/// `mcp_console [clients=loopback|any] [servers=pattern …]`
pub(super) fn console(line: &Line<'_>, said: &mut Said) -> Result<(), Wrong> {
    if said.status.is_some() {
        return Err(wrong!("stands beside \"mcp_status\": give each a location of its own"));
    }
    let mut clients = None;
    let mut servers = Vec::new();
    let mut is_listing = false;
    for word in line.words() {
        if let Some(who) = word.option("clients") {
            is_listing = false;
            let serves_any = match who.bytes() {
                b"loopback" => false,
                b"any" => true,
                _ => return Err(word.unknown("clients=loopback or clients=any")),
            };
            if clients.replace(serves_any).is_some() {
                return Err(wrong!("has \"{word}\" and another clients=: write it once"));
            }
            continue;
        }
        let first = word.option("servers");
        is_listing |= first.is_some();
        if !is_listing {
            return Err(word.unknown("clients=loopback|any, and servers= before patterns"));
        }
        let pattern = first.unwrap_or(word).text()?;
        if pattern.is_empty() || pattern.len() > PATTERN_BYTES_MAX {
            return Err(wrong!(
                "has an invalid pattern \"{pattern}\": write the name of an MCP server, with \"*\" \
                 for any text in it, as crm.example.com/*"
            ));
        }
        if servers.len() == PATTERNS_MAX {
            return Err(wrong!("has more than {PATTERNS_MAX} patterns: remove some"));
        }
        servers.push(pattern.to_owned());
    }
    once(&mut said.console, Console::new(servers, clients.unwrap_or(false)))?;
    line.handle_content(console::handler);
    Ok(())
}
