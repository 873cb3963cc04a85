//! Roles as they are stored.

use crate::Rules;
use crate::arena::lossy;
use crate::limits::{ROLE_BYTES_MAX, ROLES_MAX};
use crate::request::window;
use protocol::{Scanner, ValueKind};
use std::borrow::Cow;

/// Writes roles as a JSON array of strings.
pub(crate) fn write_roles(out: &mut String, role: &[u8], rules: &Rules, scanner: &mut Scanner) {
    let text = lossy(role);
    if text.starts_with('[') {
        let document = scanner.scan(text.as_bytes());
        let array = document.root().filter(|root| root.kind() == ValueKind::Array);
        if let Some(array) = array.filter(|_| document.flaws().is_empty()) {
            let roles =
                array.items().map(|role| role.as_str().unwrap_or_else(|| lossy(role.raw())));
            return write_array(out, roles, rules);
        }
    }
    match rules.role_separator.as_deref().filter(|separator| !separator.is_empty()) {
        Some(separator) => write_array(out, text.split(separator).map(Cow::Borrowed), rules),
        None => write_array(out, std::iter::once(Cow::Borrowed(&*text)), rules),
    }
}

/// Nothing at all where no role is left.
fn write_array<'t>(out: &mut String, roles: impl Iterator<Item = Cow<'t, str>>, rules: &Rules) {
    let mut separator = "[";
    for role in roles.take(ROLES_MAX) {
        let role = role.trim();
        if role.is_empty() {
            continue;
        }
        out.push_str(std::mem::replace(&mut separator, ","));
        let masked = rules.mask.text(window(role, ROLE_BYTES_MAX));
        push_json_string(out, crate::arena::capped(&masked, ROLE_BYTES_MAX));
    }
    if separator == "," {
        out.push(']');
    }
}

fn push_json_string(out: &mut String, text: &str) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => {
                out.push('\\');
                out.push(letter);
            }
            '\0'..='\x1f' => {
                use std::fmt::Write as _;
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(letter));
            }
            letter => out.push(letter),
        }
    }
    out.push('"');
}
