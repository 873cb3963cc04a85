//! What a list is to show: filters, and the servers that a view is confined to.

use record::Micros;

/// The most values all filters of a query may have together.
pub const FILTER_VALUES_MAX: usize = 200;
/// The most bytes of one value.
pub const FILTER_VALUE_BYTES_MAX: usize = 4_096;

/// State of a session part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It was heard of within its idle time.
    Open,
    /// It was ended by DELETE or 404.
    Ended,
    /// It was not heard of for longer than its idle time.
    Idle,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Open, Self::Ended, Self::Idle];

    /// The word used in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Ended => "ended",
            Self::Idle => "idle",
        }
    }

    /// The state of a part at `now`.
    pub(crate) const fn of(ended: bool, last_at: Micros, idle_us: i64, now: Micros) -> Self {
        if ended {
            Self::Ended
        } else if now.saturating_sub(last_at) > idle_us {
            Self::Idle
        } else {
            Self::Open
        }
    }
}

/// All filters. Of one filter any value may hold, of different filters all must. Those on calls
/// (`user`, `role`, `client`, `address`, `param`, `request_id`, `method`, `primitive`, `outcome`,
/// `status`, `attack`, `control`, `action`) must hold on one and the same call. Values are exact.
///
/// Without a filter on calls, `from` and `to` select the parts whose time overlaps; with one, the
/// call itself must have begun in the range.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// From this time on, inclusive.
    pub from: Option<Micros>,
    /// Before this time, exclusive.
    pub to: Option<Micros>,
    /// Names of MCP servers.
    pub server: Vec<String>,
    /// Session ids.
    pub session_id: Vec<String>,
    /// `configured`, `header`, `query`, `derived`, `none`.
    pub id_source: Vec<String>,
    /// States of the session part.
    pub state: Vec<State>,
    /// Users of calls. The empty value stands for calls without a user, `*` for any user.
    pub user: Vec<String>,
    /// Roles; a call has several.
    pub role: Vec<String>,
    /// Names of clients.
    pub client: Vec<String>,
    /// Client addresses.
    pub address: Vec<String>,
    /// Parameters: name, and any of these values.
    pub param: Vec<(String, Vec<String>)>,
    /// nginx's `$request_id`.
    pub request_id: Vec<String>,
    /// JSON-RPC methods.
    pub method: Vec<String>,
    /// Names of tools, resources, prompts and others.
    pub primitive: Vec<String>,
    /// Outcomes.
    pub outcome: Vec<String>,
    /// HTTP statuses.
    pub status: Vec<u16>,
    /// Types of attacks, or `any`.
    pub attack: Vec<String>,
    /// Titles of controls that objected.
    pub control: Vec<String>,
    /// What was done about a call with an attack: `passed`, `blocked`. It is one for all attacks of
    /// a call.
    pub action: Vec<String>,
    /// Text in the primitive, the user or the session id; upper and lower case are the same for
    /// ASCII letters.
    pub q: Option<String>,
}

/// The MCP servers that a view is confined to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    patterns: Vec<String>,
}

impl Scope {
    /// All servers.
    #[must_use]
    pub const fn all() -> Self {
        Self { patterns: Vec::new() }
    }

    /// Only servers whose name is one of these, where `*` stands for any text. No pattern at
    /// all: all servers.
    #[must_use]
    pub const fn servers(patterns: Vec<String>) -> Self {
        Self { patterns }
    }

    /// Whether it lets all servers be seen.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Whether a server may be seen.
    #[must_use]
    pub fn has(&self, server: &str) -> bool {
        self.is_all() || self.patterns.iter().any(|pattern| matches(pattern, server))
    }
}

/// Whether a pattern with `*` fits a whole text. Linear in their product at worst: on a mismatch
/// only the last `*` takes more.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or("");
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part).and_then(|at| rest.get(at + part.len()..)) {
            Some(after) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::Scope;

    #[test]
    fn a_pattern_fits_whole_names_only() {
        let scope = Scope::servers(vec!["crm.example.com/mcp".into(), "*.test/m*p".into()]);
        for (server, is_seen) in [
            ("crm.example.com/mcp", true),
            ("crm.example.com/mcp2", false),
            ("xcrm.example.com/mcp", false),
            ("a.test/mp", true),
            ("a.test/m-x-p", true),
            ("a.test/mp/", false),
            ("a.test/m", false),
            (".test/mp", true),
            ("", false),
        ] {
            assert_eq!(scope.has(server), is_seen, "{server}");
        }
        assert!(Scope::all().has("anything"));
        assert!(Scope::servers(vec!["*".into()]).has(""));
        assert!(!Scope::servers(vec!["aba*ba".into()]).has("aba"));
    }
}
