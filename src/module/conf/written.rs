//! What nginx.conf says, word by word: the console shows it for each MCP server.
//!
//! A location that records remembers the directives that are in force there. Which location serves
//! an MCP server is found by its name, as nginx finds locations: exact, longest prefix, regular
//! expressions in their order.

use super::line::{Line, Place};
use super::{LocConf, MainConf, ServerNames};
use nginx_sys::{
    ngx_conf_t, ngx_http_conf_ctx_t, ngx_http_core_loc_conf_t, ngx_http_core_module,
    ngx_regex_exec, ngx_regex_t, ngx_str_t,
};
use std::ptr::null_mut;
use std::rc::Rc;

/// A directive as it was written.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    /// Its name.
    pub(crate) name: String,
    /// What follows the name, quoted where nginx needs it.
    pub(crate) words: String,
    /// File and line.
    pub(crate) place: Place,
}

/// A location that records.
pub(crate) struct Recording {
    /// `mcp_server_name`.
    server_name: Option<String>,
    names: Option<Rc<ServerNames>>,
    /// As nginx.conf has it, without modifier; empty for a server block's own level.
    pub(crate) location: String,
    matches: Matches,
    /// The directives in force, those of outer levels first.
    pub(crate) lines: Vec<Written>,
}

/// How nginx finds a location.
enum Matches {
    Exact,
    Prefix,
    /// Before regular expressions are tried (`^~`).
    PrefixAtOnce,
    /// It lives in the configuration's pool, as this structure does.
    Regex(*mut ngx_regex_t),
    /// By its name, from another location.
    Named,
}

impl Line<'_> {
    /// The directive as it was written.
    pub(super) fn written(&self) -> Written {
        let words: Vec<String> = self.words().map(|word| quoted(&word.to_string())).collect();
        Written { name: self.name().to_owned(), words: words.join(" "), place: self.place() }
    }
}

/// As nginx reads it back.
pub(super) fn quoted(word: &str) -> String {
    let is_plain = !word.is_empty()
        && !word.chars().any(|it| it.is_whitespace() || matches!(it, ';' | '{' | '}' | '"' | '\''));
    if is_plain {
        return word.to_owned();
    }
    quoted_always(word)
}

/// As `quoted`, in quotes whatever it is.
pub(super) fn quoted_always(word: &str) -> String {
    format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Puts what the level around says, and this one does not, in front.
pub(super) fn inherit(own: &mut Vec<Written>, around: &[Written]) {
    let drops = |line: &Written| line.name == "mcp_controls_inherit" && line.words == "off";
    let inherits_controls = !own.iter().any(drops);
    let is_inherited = |line: &Written| match line.name.as_str() {
        // Content handlers are of their own location.
        "mcp_status" | "mcp_console" => false,
        // They add up.
        "mcp_mask" => true,
        "mcp_acl" | "mcp_verify" | "mcp_tool_schema" => inherits_controls,
        "mcp_controls_inherit" => false,
        // Each variable, and each parameter, is inherited by itself.
        "mcp_set" => {
            let variable = |it: &Written| it.words.split(' ').next().map(str::to_owned);
            !own.iter().any(|it| it.name == line.name && variable(it) == variable(line))
        }
        "mcp_capture" => true,
        name => !own.iter().any(|it| it.name == name),
    };
    let inherited: Vec<Written> = around.iter().filter(|it| is_inherited(it)).cloned().collect();
    own.splice(0..0, inherited);
}

impl Recording {
    /// The level that nginx is merging. `None` for blocks inside of a location, as `if`.
    ///
    /// # Safety
    /// `cf` is the configuration context nginx passed to merge this level.
    pub(super) unsafe fn of(cf: *mut ngx_conf_t, level: &LocConf) -> Option<Self> {
        // SAFETY: by the caller's promise the context holds the level's configuration; names and
        // regular expressions live in the configuration's pool.
        unsafe {
            let ctx = (*cf).ctx.cast::<ngx_http_conf_ctx_t>();
            let core = (*(*ctx).loc_conf.add(ngx_http_core_module.ctx_index))
                .cast::<ngx_http_core_loc_conf_t>()
                .as_ref()?;
            if core.noname() != 0 {
                return None;
            }
            let matches = match core.regex.as_ref() {
                Some(regex) => Matches::Regex(regex.regex),
                None if core.exact_match() != 0 => Matches::Exact,
                None if core.named() != 0 => Matches::Named,
                None if core.noregex() != 0 => Matches::PrefixAtOnce,
                None => Matches::Prefix,
            };
            Some(Self {
                server_name: level.said.server_name.clone(),
                names: level.names.clone(),
                location: String::from_utf8_lossy(crate::nginx::bytes(&core.name)).into_owned(),
                matches,
                lines: level.said.lines.clone(),
            })
        }
    }

    fn fits(&self, path: &str) -> bool {
        match self.matches {
            Matches::Exact => self.location == path,
            Matches::Prefix | Matches::PrefixAtOnce => path.starts_with(&self.location),
            Matches::Named => false,
            Matches::Regex(regex) => {
                let mut path = ngx_str_t { len: path.len(), data: path.as_ptr().cast_mut() };
                // SAFETY: nginx compiled the regex; without room for captures it only answers.
                unsafe { ngx_regex_exec(regex, &raw mut path, null_mut(), 0) >= 0 }
            }
        }
    }
}

impl MainConf {
    /// The locations that record an MCP server of this name.
    pub(crate) fn recordings_of(&self, server: &str) -> Vec<&Recording> {
        found(self.recordings.iter(), server)
    }

    /// By number of location: those of some MCP servers that are served there.
    pub(crate) fn servers_by_location(&self, servers: Vec<String>) -> Vec<Vec<String>> {
        let mut by_location = vec![Vec::new(); self.locations + 1];
        for server in servers {
            for place in found(self.places.iter().map(|(_, place)| place), &server) {
                let number = self.places.iter().find(|(_, it)| std::ptr::eq(it, place));
                if let Some(here) = number.and_then(|(number, _)| by_location.get_mut(*number)) {
                    here.push(server.clone());
                }
            }
        }
        by_location
    }
}

/// Those locations among `all` that serve an MCP server of this name.
fn found<'r>(all: impl Iterator<Item = &'r Recording> + Clone, server: &str) -> Vec<&'r Recording> {
    let named: Vec<&Recording> =
        all.clone().filter(|it| it.server_name.as_deref() == Some(server)).collect();
    if !named.is_empty() {
        return named;
    }
    let at = server.find('/').unwrap_or(server.len());
    let (host, path) = server.split_at(at);
    let path = if path.is_empty() { "/" } else { path };
    let here = || {
        all.clone().filter(|it| {
            let names = it.names.as_ref();
            it.server_name.is_none() && names.is_some_and(|names| names.name(host))
        })
    };
    let prefix = here()
        .filter(|it| !matches!(it.matches, Matches::Regex(_) | Matches::Exact) && it.fits(path))
        .max_by_key(|it| it.location.len());
    if let Some(exact) = here().find(|it| matches!(it.matches, Matches::Exact) && it.fits(path)) {
        return vec![exact];
    }
    let is_final = prefix.is_some_and(|it| matches!(it.matches, Matches::PrefixAtOnce));
    let regex = here().find(|it| matches!(it.matches, Matches::Regex(_)) && it.fits(path));
    regex.filter(|_| !is_final).or(prefix).into_iter().collect()
}
