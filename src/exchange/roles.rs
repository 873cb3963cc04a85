//! Roles as they are stored.

use crate::Rules;
use crate::arena::lossy;
use crate::limits::{ROLE_BYTES_MAX, ROLES_JUDGED_MAX, ROLES_MAX};
use crate::request::window;
use protocol::{Scanner, ValueKind};
use std::borrow::Cow;

/// The roles in a value: a JSON array, or text, split where a separator is configured.
pub(crate) fn roles(role: &[u8], separator: Option<&str>, scanner: &mut Scanner) -> Vec<String> {
    let mut roles = Vec::new();
    each_role(role, separator, scanner, ROLES_JUDGED_MAX, |role| roles.push(role.to_owned()));
    roles
}

/// Writes roles as a JSON array of strings. Nothing at all where no role is left.
pub(crate) fn write_roles(out: &mut String, role: &[u8], rules: &Rules, scanner: &mut Scanner) {
    let mut before = "[";
    each_role(role, rules.role_separator.as_deref(), scanner, ROLES_MAX, |role| {
        out.push_str(std::mem::replace(&mut before, ","));
        let masked = rules.mask.text(window(role, ROLE_BYTES_MAX));
        push_json_string(out, crate::arena::capped(&masked, ROLE_BYTES_MAX));
    });
    if before == "," {
        out.push(']');
    }
}

fn each_role(
    role: &[u8],
    separator: Option<&str>,
    scanner: &mut Scanner,
    roles_max: usize,
    mut on: impl FnMut(&str),
) {
    let mut on_kept = |role: Cow<'_, str>| {
        let role = role.trim();
        if !role.is_empty() {
            on(role);
        }
    };
    let text = lossy(role);
    if text.starts_with('[') {
        let document = scanner.scan(text.as_bytes());
        let array = document.root().filter(|root| root.kind() == ValueKind::Array);
        if let Some(array) = array.filter(|_| document.flaws().is_empty()) {
            let roles =
                array.items().map(|role| role.as_str().unwrap_or_else(|| lossy(role.raw())));
            return roles.take(roles_max).for_each(on_kept);
        }
    }
    match separator.filter(|separator| !separator.is_empty()) {
        Some(separator) => {
            let roles = text.split(separator).map(Cow::Borrowed);
            roles.take(roles_max).for_each(on_kept);
        }
        None => on_kept(Cow::Borrowed(&*text)),
    }
}

pub(crate) fn push_json_string(out: &mut String, text: &str) {
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
