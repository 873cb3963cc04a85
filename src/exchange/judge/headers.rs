//! The headers that say something of a body, every occurrence of each.

use std::borrow::Cow;

/// Whether a header is meant by a name as variables have it (`x_tenant` in `$http_x_tenant`): in any
/// case, and with `-` or `_`, which many servers take for the same.
#[must_use]
pub fn header_matches(name: &[u8], variable: &[u8]) -> bool {
    name.len() == variable.len()
        && name.iter().zip(variable).all(|(byte, want)| {
            let byte = if *byte == b'-' { b'_' } else { byte.to_ascii_lowercase() };
            byte == *want
        })
}

/// Whether a text can be the name of a header in a variable.
#[must_use]
pub fn is_variable_name(name: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    !name.is_empty() && name.bytes().all(is_letter)
}

/// What is looked at of a request's headers.
#[derive(Debug, Default)]
pub(super) struct Headers<'a> {
    /// How many there are.
    content_types: usize,
    /// Joined as RFC 9110 §5.3 says.
    pub(super) content_type: Cow<'a, [u8]>,
    /// As above.
    pub(super) content_encoding: Cow<'a, [u8]>,
    pub(super) mcp_method: Vec<&'a [u8]>,
    pub(super) mcp_name: Vec<&'a [u8]>,
    pub(super) protocol_version: Vec<&'a [u8]>,
}

impl<'a> Headers<'a> {
    pub(super) fn of(headers: &[(&'a [u8], &'a [u8])]) -> Self {
        let mut found = Headers::default();
        for (name, value) in headers {
            // Most are ruled out by their length.
            match name.len() {
                8 if header_matches(name, b"mcp_name") => found.mcp_name.push(value),
                10 if header_matches(name, b"mcp_method") => found.mcp_method.push(value),
                12 if header_matches(name, b"content_type") => {
                    join(&mut found.content_type, value, found.content_types == 0);
                    found.content_types += 1;
                }
                16 if header_matches(name, b"content_encoding") => {
                    let is_first = found.content_encoding.is_empty();
                    join(&mut found.content_encoding, value, is_first);
                }
                20 if header_matches(name, b"mcp_protocol_version") => {
                    found.protocol_version.push(value);
                }
                _ => {}
            }
        }
        found
    }

    /// The media type, where there is one and no doubt about it: in lower case, without parameters.
    pub(super) fn media_type(&self) -> Option<String> {
        let only = Some(&self.content_type).filter(|_| self.content_types == 1)?;
        let end = memchr::memchr(b';', only).unwrap_or(only.len());
        let text = std::str::from_utf8(only.get(..end)?).ok()?;
        Some(text.trim().to_ascii_lowercase())
    }
}

fn join<'a>(joined: &mut Cow<'a, [u8]>, value: &'a [u8], is_first: bool) {
    if is_first {
        *joined = Cow::Borrowed(value);
        return;
    }
    let joined = joined.to_mut();
    joined.extend_from_slice(b", ");
    joined.extend_from_slice(value);
}
