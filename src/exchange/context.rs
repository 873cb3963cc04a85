//! What all records of an exchange have in common, worked out of its facts once.

use crate::arena::{Arena, Text, lossy};
use crate::draft::Work;
use crate::limits::{
    PARAM_BYTES_MAX, SERVER_BYTES_MAX, USER_AGENT_BYTES_MAX, USER_BYTES_MAX, VERSION_BYTES_MAX,
    WORD_BYTES_MAX,
};
use crate::memo::Memo;
use crate::request::window;
use crate::roles::write_roles;
use crate::session::{Rung, push_id, push_shortened};
use crate::{Capture, Derive, Facts, Method, PARAMS_MAX, Rules};
use protocol::Scanner;
use record::{
    Claim, Client, Exchange, HashKey, IdSource, Identity, Micros, Param, Server, Unannounced,
    Verified,
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
    unannounced: Unannounced,
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

/// What values are worked out with.
#[derive(Debug)]
pub(crate) struct Tools<'t> {
    pub(crate) key: &'t HashKey,
    pub(crate) scanner: &'t mut Scanner,
    pub(crate) memo: &'t mut Memo,
}

/// Kinds of values in the memo.
const KIND_TEXT: u64 = 1;
const KIND_URI: u64 = 2;
const KIND_ROLES: u64 = 3;
const KIND_CREDENTIAL: u64 = 4;
const KIND_GROUP: u64 = 5;

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
            unannounced: Unannounced::Kept,
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
        rung: &Rung<'_>,
        client: Option<&str>,
        tools: &mut Tools<'_>,
    ) {
        self.arena.clear();
        let facts = &capture.facts;
        self.at = facts.at;
        self.method = facts.method;
        self.method_text = self.push_lossy(capture.get(facts.method_text), WORD_BYTES_MAX);
        self.version = self.push_lossy(capture.get(facts.protocol_version), VERSION_BYTES_MAX);
        // What is only taken for an id belongs to the path as long as no stream announced it.
        let id = if rung.unannounced == Unannounced::Kept { rung.id.as_ref() } else { &[] };
        self.fill_server(capture, rules, id, tools);
        self.fill_identity(capture, rules, tools);
        self.fill_claim(capture, rules, rung, client, tools);
    }

    /// The facts that the end of an exchange knows better than its beginning.
    pub(crate) fn update(&mut self, capture: &Capture, rules: &Rules, tools: &mut Tools<'_>) {
        self.fill_identity(capture, rules, tools);
    }

    fn fill_identity(&mut self, capture: &Capture, rules: &Rules, tools: &mut Tools<'_>) {
        let facts = &capture.facts;
        self.status = facts.status;
        self.address = self.push_lossy(capture.get(facts.address), WORD_BYTES_MAX);
        self.request_id = self.push_lossy(capture.get(facts.request_id), WORD_BYTES_MAX);
        self.user_agent =
            self.masked(capture.get(facts.user_agent), USER_AGENT_BYTES_MAX, rules, tools);
        let hash_key = rules.hash_key.as_ref().unwrap_or(tools.key).clone();
        let user = capture.get(facts.user);
        self.user = match user {
            [] => Text::default(),
            user if rules.user_hashed => self.arena.push(&hash_key.hex(user)),
            user => self.masked(user, USER_BYTES_MAX, rules, tools),
        };
        self.roles = self.push_roles(capture.get(facts.role), rules, tools);
        self.verified = facts.verified;
        self.credential = match capture.get(facts.authorization) {
            [] => 0,
            credential => {
                let tag = tools.memo.tag(KIND_CREDENTIAL, &[credential]);
                tools.memo.print(tag, || tools.key.fingerprint(&[b"credential", credential]))
            }
        };
        self.params.clear();
        for (index, (rule, span)) in rules.params.iter().zip(facts.params).enumerate() {
            let value = match capture.get(span) {
                [] => continue,
                value if rule.is_hashed => self.arena.push(&hash_key.hex(value)),
                value => self.masked(value, PARAM_BYTES_MAX, rules, tools),
            };
            if let Ok(index) = u16::try_from(index) {
                self.params.push((index, value));
            }
        }
    }

    fn fill_server(&mut self, capture: &Capture, rules: &Rules, id: &[u8], tools: &mut Tools<'_>) {
        let facts = &capture.facts;
        let (host, path) = (capture.get(facts.host), capture.get(facts.path));
        self.unproven = self.push_lossy(host, SERVER_BYTES_MAX);
        self.is_named = rules.server_name.is_some();
        if let Some(name) = &rules.server_name {
            self.server = self.arena.push_capped(name, SERVER_BYTES_MAX);
            return;
        }
        // The id matters only where it is in the path.
        let id = std::str::from_utf8(id).ok().filter(|id| !id.is_empty());
        let id = id.filter(|id| memchr::memmem::find(path, id.as_bytes()).is_some());
        let id = id.unwrap_or_default();
        let tag = tools.memo.tag(KIND_URI, &[host, path, id.as_bytes()]);
        let name = tools.memo.text(tag, |out| {
            let path = lossy(path);
            let path = rules.mask.uri(&normalised(&path, id)).into_owned();
            let whole = format!("{}{path}", lossy(host));
            push_shortened(out, &whole, SERVER_BYTES_MAX, tools.key);
        });
        self.server = self.arena.push(name);
    }

    fn fill_claim(
        &mut self,
        capture: &Capture,
        rules: &Rules,
        rung: &Rung<'_>,
        client: Option<&str>,
        tools: &mut Tools<'_>,
    ) {
        self.source = rung.source;
        self.opens = rung.opens;
        self.joins_stream = rung.joins_stream;
        self.unannounced = rung.unannounced;
        self.id = match rung.id.is_empty() {
            true => Text::default(),
            false => push_id(&mut self.arena, &rung.id, rules, tools.key),
        };
        self.group = match rung.source {
            _ if rung.unannounced == Unannounced::By(IdSource::Derived) => {
                self.derived_group(capture, rules, client, tools)
            }
            IdSource::Derived => self.derived_group(capture, rules, client, tools),
            // An id that no server confirmed is nobody's: its calls go where refused logins go.
            source
                if source == IdSource::None
                    || rung.unannounced == Unannounced::By(IdSource::None)
                    || !rung.opens =>
            {
                let facts = &capture.facts;
                let address = capture.get(facts.address);
                let agent = capture.get(facts.user_agent);
                self.group_of(&[b"none", address, agent], tools)
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
        client: Option<&str>,
        tools: &mut Tools<'_>,
    ) -> u64 {
        let facts = &capture.facts;
        let values = capture.get(facts.derive_value);
        if rules.derive == Derive::Values && values.iter().any(|&byte| byte != b'\n') {
            return self.group_of(&[b"values", values], tools);
        }
        let client = client.unwrap_or_default().as_bytes();
        let (user, credential) = (capture.get(facts.user), capture.get(facts.authorization));
        match (user, credential) {
            ([], []) => {
                let address = capture.get(facts.address);
                let agent = capture.get(facts.user_agent);
                self.group_of(&[b"address", address, agent, client], tools)
            }
            ([], credential) => self.group_of(&[b"credential", credential, client], tools),
            (user, _) => self.group_of(&[b"user", user, client], tools),
        }
    }

    /// The fingerprint of what makes a group, within its MCP server.
    fn group_of(&self, parts: &[&[u8]], tools: &mut Tools<'_>) -> u64 {
        let server = self.arena.get(self.server).as_bytes();
        let mut all: [&[u8]; GROUP_PARTS_MAX] = [&[]; GROUP_PARTS_MAX];
        for (slot, part) in all.iter_mut().zip(std::iter::once(&server).chain(parts)) {
            *slot = part;
        }
        let tag = tools.memo.tag(KIND_GROUP, &all);
        tools.memo.print(tag, || tools.key.fingerprint(&all))
    }

    /// Roles as a JSON array of strings: a JSON array as it came; one value, or the parts of it
    /// where a separator is configured.
    fn push_roles(&mut self, role: &[u8], rules: &Rules, tools: &mut Tools<'_>) -> Text {
        let role = role.trim_ascii();
        if role.is_empty() {
            return Text::default();
        }
        let tag = tools.memo.tag(KIND_ROLES, &[role]);
        let scanner = &mut *tools.scanner;
        let roles = tools.memo.text(tag, |out| write_roles(out, role, rules, scanner));
        self.arena.push(roles)
    }

    fn push_lossy(&mut self, bytes: &[u8], bytes_max: usize) -> Text {
        self.arena.push_capped(&lossy(bytes), bytes_max)
    }

    fn masked(
        &mut self,
        bytes: &[u8],
        bytes_max: usize,
        rules: &Rules,
        tools: &mut Tools<'_>,
    ) -> Text {
        if bytes.is_empty() {
            return Text::default();
        }
        let tag = tools.memo.tag(KIND_TEXT, &[bytes]);
        let masked = tools.memo.text(tag, |out| {
            let text = lossy(bytes);
            out.push_str(&rules.mask.text(window(&text, bytes_max)));
        });
        self.arena.push_capped(masked, bytes_max)
    }

    /// An exchange that ends a session, or tries to, opens none.
    pub(crate) fn forbid_opening(&mut self) {
        self.opens = false;
    }

    /// Whether the session's id is only taken for one, unless a stream announced it.
    pub(crate) fn is_guess(&self) -> bool {
        self.unannounced != Unannounced::Kept
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
                unannounced: self.unannounced,
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

    /// The MCP server's name.
    pub(crate) fn server_name(&self) -> &str {
        self.arena.get(self.server)
    }

    /// The user's name, as it is stored.
    pub(crate) fn user_name(&self) -> &str {
        self.arena.get(self.user)
    }

    /// The client's address.
    pub(crate) fn address_text(&self) -> &str {
        self.arena.get(self.address)
    }

    /// The request's id.
    pub(crate) fn request_id_text(&self) -> &str {
        self.arena.get(self.request_id)
    }

    /// Bytes of memory it holds besides itself.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.arena.memory_bytes() + self.params.capacity() * size_of::<(u16, Text)>()
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

/// The most parts of a group, its server included.
const GROUP_PARTS_MAX: usize = 5;

/// The time `now_us` after the exchange's first byte.
pub(crate) fn time(facts: &Facts, at: Micros) -> Micros {
    at.saturating_add(i64::try_from(facts.now_us).unwrap_or(i64::MAX))
}

/// A path without slashes at its end and without the session id: a segment that is the id, or
/// from the `;` on where a parameter of the segment has it.
fn normalised<'p>(path: &'p str, id: &str) -> Cow<'p, str> {
    let path = path.trim_end_matches('/');
    if id.is_empty() || !path.contains(id) {
        return Cow::Borrowed(path);
    }
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
            assert_eq!(normalised(path, id), expected, "{path}");
        }
    }
}
