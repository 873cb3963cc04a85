//! What all records of an exchange have in common, worked out of its facts once.

use crate::arena::{Arena, Text};
use crate::draft::Work;
use crate::limits::{
    PARAM_BYTES_MAX, ROLE_BYTES_MAX, ROLES_MAX, SERVER_BYTES_MAX, USER_AGENT_BYTES_MAX,
    USER_BYTES_MAX, VERSION_BYTES_MAX, WORD_BYTES_MAX,
};
use crate::request::window;
use crate::session::{Rung, push_id, push_shortened};
use crate::{Capture, Derive, Facts, Method, PARAMS_MAX, Rules};
use protocol::{Scanner, ValueKind};
use record::{
    Claim, Client, Exchange, HashKey, IdSource, Identity, Micros, Param, Server, Verified,
};
use std::borrow::Cow;

/// An [`Exchange`] that owns its text, so that open streams can keep it.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    arena: Arena,
    pub(crate) at: Micros,
    method: Method,
    method_text: Text,
    pub(crate) status: u16,
    server: Text,
    unproven: Text,
    is_named: bool,
    pub(crate) source: IdSource,
    id: Text,
    pub(crate) group: u64,
    opens: bool,
    joins_stream: bool,
    user: Text,
    roles: Text,
    verified: Verified,
    credential: u64,
    /// Values, with the index of their name in [`Rules::params`].
    params: Vec<(u16, Text)>,
    version: Text,
    address: Text,
    user_agent: Text,
    request_id: Text,
}

/// What differs from record to record of one exchange.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Moment {
    pub(crate) last_at: Micros,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    pub(crate) is_proven: bool,
}

impl Default for Context {
    fn default() -> Self {
        Context {
            arena: Arena::default(),
            at: 0,
            method: Method::Post,
            method_text: Text::default(),
            status: 0,
            server: Text::default(),
            unproven: Text::default(),
            is_named: false,
            source: IdSource::None,
            id: Text::default(),
            group: 0,
            opens: false,
            joins_stream: false,
            user: Text::default(),
            roles: Text::default(),
            verified: Verified::None,
            credential: 0,
            params: Vec::new(),
            version: Text::default(),
            address: Text::default(),
            user_agent: Text::default(),
            request_id: Text::default(),
        }
    }
}

impl Context {
    /// Works everything out anew.
    pub(crate) fn fill(
        &mut self,
        capture: &Capture,
        rules: &Rules,
        key: &HashKey,
        rung: &Rung<'_>,
        client: Option<&str>,
        scanner: &mut Scanner,
    ) {
        self.arena.clear();
        let facts = &capture.facts;
        self.at = facts.at;
        self.method = facts.method;
        self.method_text = self.lossy(capture.get(facts.method_text), WORD_BYTES_MAX);
        self.version = self.lossy(capture.get(facts.protocol_version), VERSION_BYTES_MAX);
        self.fill_server(capture, rules, key, &rung.id);
        self.fill_identity(capture, rules, key, scanner);
        self.fill_claim(capture, rules, key, rung, client);
    }

    /// The facts that the end of an exchange knows better than its beginning.
    pub(crate) fn update(
        &mut self,
        capture: &Capture,
        rules: &Rules,
        key: &HashKey,
        scanner: &mut Scanner,
    ) {
        self.fill_identity(capture, rules, key, scanner);
    }

    fn fill_identity(
        &mut self,
        capture: &Capture,
        rules: &Rules,
        key: &HashKey,
        scanner: &mut Scanner,
    ) {
        let facts = &capture.facts;
        self.status = facts.status;
        self.address = self.lossy(capture.get(facts.address), WORD_BYTES_MAX);
        self.request_id = self.lossy(capture.get(facts.request_id), WORD_BYTES_MAX);
        self.user_agent = self.masked(capture.get(facts.user_agent), USER_AGENT_BYTES_MAX, rules);
        let hash_key = rules.hash_key.as_ref().unwrap_or(key);
        let user = capture.get(facts.user);
        self.user = match user {
            [] => Text::default(),
            user if rules.user_hashed => self.arena.push(&hash_key.hex(user)),
            user => self.masked(user, USER_BYTES_MAX, rules),
        };
        self.roles = self.push_roles(capture.get(facts.role), rules, scanner);
        self.verified = facts.verified;
        self.credential = match capture.get(facts.authorization) {
            [] => 0,
            credential => key.fingerprint(&[b"credential", credential]),
        };
        self.params.clear();
        for (index, (rule, span)) in rules.params.iter().zip(facts.params).enumerate() {
            let value = match capture.get(span) {
                [] => continue,
                value if rule.is_hashed => self.arena.push(&hash_key.hex(value)),
                value => self.masked(value, PARAM_BYTES_MAX, rules),
            };
            if let Ok(index) = u16::try_from(index) {
                self.params.push((index, value));
            }
        }
    }

    fn fill_server(&mut self, capture: &Capture, rules: &Rules, key: &HashKey, id: &[u8]) {
        let facts = &capture.facts;
        let host = String::from_utf8_lossy(capture.get(facts.host));
        self.unproven = self.arena.push_capped(&host, SERVER_BYTES_MAX);
        self.is_named = rules.server_name.is_some();
        self.server = match &rules.server_name {
            Some(name) => self.arena.push_capped(name, SERVER_BYTES_MAX),
            None => {
                let path = String::from_utf8_lossy(capture.get(facts.path));
                let path = normalised(&path, id);
                let path = rules.mask.uri(&path);
                if host.len() + path.len() <= SERVER_BYTES_MAX {
                    self.arena.append(|out| {
                        out.push_str(&host);
                        out.push_str(&path);
                    })
                } else {
                    let whole = format!("{host}{path}");
                    push_shortened(&mut self.arena, &whole, SERVER_BYTES_MAX, key)
                }
            }
        };
    }

    fn fill_claim(
        &mut self,
        capture: &Capture,
        rules: &Rules,
        key: &HashKey,
        rung: &Rung<'_>,
        client: Option<&str>,
    ) {
        self.source = rung.source;
        self.opens = rung.opens;
        self.joins_stream = rung.joins_stream;
        self.id = match rung.id.is_empty() {
            true => Text::default(),
            false => push_id(&mut self.arena, &rung.id, rules, key),
        };
        self.group = match rung.source {
            IdSource::Derived => self.derived_group(capture, rules, key, client),
            IdSource::None => {
                let facts = &capture.facts;
                let address = capture.get(facts.address);
                let agent = capture.get(facts.user_agent);
                let server = self.arena.get(self.server).as_bytes();
                key.fingerprint(&[b"none", server, address, agent])
            }
            _ => 0,
        };
    }

    /// What derived sessions are grouped by: the configured values; else MCP server, user or
    /// credential or else address and user agent, and the client's name where every request
    /// carries it.
    fn derived_group(
        &self,
        capture: &Capture,
        rules: &Rules,
        key: &HashKey,
        client: Option<&str>,
    ) -> u64 {
        let facts = &capture.facts;
        let server = self.arena.get(self.server).as_bytes();
        let values = capture.get(facts.derive_value);
        if rules.derive == Derive::Values && values.iter().any(|&byte| byte != b'\n') {
            return key.fingerprint(&[b"values", server, values]);
        }
        let client = client.unwrap_or_default().as_bytes();
        let (user, credential) = (capture.get(facts.user), capture.get(facts.authorization));
        match (user, credential) {
            ([], []) => {
                let address = capture.get(facts.address);
                let agent = capture.get(facts.user_agent);
                key.fingerprint(&[b"address", server, address, agent, client])
            }
            ([], credential) => key.fingerprint(&[b"credential", server, credential, client]),
            (user, _) => key.fingerprint(&[b"user", server, user, client]),
        }
    }

    /// Roles as a JSON array of strings: a JSON array as it came; one value, or the parts of it
    /// where a separator is configured.
    fn push_roles(&mut self, role: &[u8], rules: &Rules, scanner: &mut Scanner) -> Text {
        let text = String::from_utf8_lossy(role.trim_ascii());
        if text.is_empty() {
            return Text::default();
        }
        if text.starts_with('[') {
            let document = scanner.scan(text.as_bytes());
            let array = document.root().filter(|root| root.kind() == ValueKind::Array);
            if let Some(array) = array.filter(|_| document.flaws().is_empty()) {
                let roles = array.items().map(|role| {
                    let json = || String::from_utf8_lossy(role.raw());
                    role.as_str().unwrap_or_else(json)
                });
                return self.push_array(roles, rules);
            }
        }
        match rules.role_separator.as_deref().filter(|separator| !separator.is_empty()) {
            Some(separator) => self.push_array(text.split(separator).map(Cow::Borrowed), rules),
            None => self.push_array(std::iter::once(Cow::Borrowed(&*text)), rules),
        }
    }

    fn push_array<'t>(&mut self, roles: impl Iterator<Item = Cow<'t, str>>, rules: &Rules) -> Text {
        let mut is_empty = true;
        let text = self.arena.append(|out| {
            out.push('[');
            for role in roles.take(ROLES_MAX) {
                let role = role.trim();
                if role.is_empty() {
                    continue;
                }
                if !std::mem::take(&mut is_empty) {
                    out.push(',');
                }
                let masked = rules.mask.text(window(role, ROLE_BYTES_MAX));
                push_json_string(out, crate::arena::capped(&masked, ROLE_BYTES_MAX));
            }
            out.push(']');
        });
        if is_empty { Text::default() } else { text }
    }

    fn lossy(&mut self, bytes: &[u8], bytes_max: usize) -> Text {
        self.arena.push_capped(&String::from_utf8_lossy(bytes), bytes_max)
    }

    fn masked(&mut self, bytes: &[u8], bytes_max: usize, rules: &Rules) -> Text {
        let text = String::from_utf8_lossy(bytes);
        let masked = rules.mask.text(window(&text, bytes_max));
        self.arena.push_capped(&masked, bytes_max)
    }

    /// An exchange that ends a session, or tries to, opens none.
    pub(crate) fn forbid_opening(&mut self) {
        self.opens = false;
    }

    /// What tells this session's events and rounds from those of others.
    pub(crate) fn scope(&self) -> u64 {
        match self.arena.get(self.id) {
            "" => self.group,
            id => crate::request::hash(id.as_bytes()),
        }
    }

    /// Fills `out` with the context parameters and returns how many there are.
    pub(crate) fn params<'a>(
        &'a self,
        rules: &'a Rules,
        out: &mut [Param<'a>; PARAMS_MAX],
    ) -> usize {
        let params = self.params.iter().filter_map(|(index, value)| {
            let rule = rules.params.get(usize::from(*index))?;
            Some(Param { name: &rule.name, value: self.arena.get(*value) })
        });
        let mut count = 0;
        for (slot, param) in out.iter_mut().zip(params) {
            *slot = param;
            count += 1;
        }
        count
    }

    /// The exchange as the sink wants it.
    pub(crate) fn exchange<'a>(
        &'a self,
        rules: &'a Rules,
        work: &'a Work,
        moment: &Moment,
        params: &'a [Param<'a>],
    ) -> Exchange<'a> {
        let text = |text| self.arena.get(text);
        let said = |(name, version)| Client {
            name: work.arena.get(name),
            version: work.arena.get(version),
        };
        let version = match work.arena.get(work.said.version) {
            "" => text(self.version),
            version => version,
        };
        Exchange {
            at: self.at,
            last_at: moment.last_at,
            server: Server {
                name: text(self.server),
                unproven: text(self.unproven),
                is_named: self.is_named,
                is_proven: moment.is_proven,
            },
            session: Claim {
                source: self.source,
                id: text(self.id),
                group: self.group,
                idle_us: rules.idle_us,
                opens: self.opens,
                joins_stream: self.joins_stream,
            },
            identity: Identity {
                user: text(self.user),
                roles: text(self.roles),
                verified: self.verified,
                credential: self.credential,
                params,
            },
            client: said(work.said.client),
            server_info: said(work.said.server),
            protocol_version: version,
            http_method: match self.method {
                Method::Post => "POST",
                Method::Get => "GET",
                Method::Delete => "DELETE",
                Method::Other => text(self.method_text),
            },
            status: self.status,
            address: text(self.address),
            user_agent: text(self.user_agent),
            request_id: text(self.request_id),
            bytes_in: moment.bytes_in,
            bytes_out: moment.bytes_out,
        }
    }

    /// A copy to keep with a stream, without spare room. `version` is what was agreed on.
    pub(crate) fn kept(&self, version: &str) -> Self {
        let mut kept = self.clone();
        if !version.is_empty() {
            kept.version = kept.arena.push(version);
        }
        kept.arena.shrink();
        kept.params.shrink_to_fit();
        kept
    }
}

/// The time `now_us` after the exchange's first byte.
pub(crate) fn time(facts: &Facts, at: Micros) -> Micros {
    at.saturating_add(i64::try_from(facts.now_us).unwrap_or(i64::MAX))
}

/// A path without slashes at its end and without the session id: a segment that is the id, or
/// from the `;` on where a parameter of the segment has it.
fn normalised<'p>(path: &'p str, id: &[u8]) -> Cow<'p, str> {
    let path = path.trim_end_matches('/');
    let Some(id) = std::str::from_utf8(id).ok().filter(|id| !id.is_empty() && path.contains(id))
    else {
        return Cow::Borrowed(path);
    };
    let mut out = String::with_capacity(path.len());
    for segment in path.split('/').skip(1) {
        let kept = match segment.find(';') {
            Some(at) if segment.contains(id) => segment.get(..at).unwrap_or_default(),
            _ if segment == id => continue,
            _ => segment,
        };
        out.push('/');
        out.push_str(kept);
    }
    Cow::Owned(out)
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

#[cfg(test)]
mod tests {
    use super::normalised;

    #[test]
    fn a_path_loses_its_last_slashes_and_the_session_in_it() {
        let cases = [
            ("/mcp", "", "/mcp"),
            ("/mcp//", "", "/mcp"),
            ("/", "", ""),
            ("/s/abc/mcp", "abc", "/s/mcp"),
            ("/mcp;session=abc/x", "abc", "/mcp/x"),
            ("/abcd/mcp", "abc", "/abcd/mcp"),
        ];
        for (path, id, expected) in cases {
            assert_eq!(normalised(path, id.as_bytes()), expected, "{path}");
        }
    }
}
