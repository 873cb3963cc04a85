//! The headers that say something of a body, every occurrence of each.

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
    pub(super) content_type: Vec<&'a [u8]>,
    /// Joined as RFC 9110 §5.3 says.
    pub(super) content_type_joined: Vec<u8>,
    /// As above.
    pub(super) content_encoding: Vec<u8>,
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
                    join(&mut found.content_type_joined, value, found.content_type.is_empty());
                    found.content_type.push(value);
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
        let [only] = self.content_type.as_slice() else { return None };
        let end = memchr::memchr(b';', only).unwrap_or(only.len());
        let text = std::str::from_utf8(only.get(..end)?).ok()?;
        Some(text.trim().to_ascii_lowercase())
    }
}

fn join(joined: &mut Vec<u8>, value: &[u8], is_first: bool) {
    if !is_first {
        joined.extend_from_slice(b", ");
    }
    joined.extend_from_slice(value);
}
