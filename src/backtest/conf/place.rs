//! Which controls are in force for an MCP server, as nginx would find them for its requests.

use super::draft::Draft;
use super::level::{Level, LevelKind, Matcher, Said};
use std::collections::BTreeSet;

/// What is in force for an MCP server.
#[derive(Clone, Debug, Default)]
pub(crate) struct InForce {
    /// Controls, in the order of the draft.
    pub(crate) controls: Vec<usize>,
    /// What the level says where its requests are served.
    pub(crate) said: Said,
    /// Whether that is the only place where they can be served.
    pub(crate) is_sure: bool,
    /// Whether any place was found.
    pub(crate) is_served: bool,
}

/// How well a server block's names fit a host; the larger the better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    /// It has no name, so that it takes what no other takes.
    Any,
    Regex,
    /// `www.example.*`, by its length.
    Tail(usize),
    /// `*.example.com`, by its length.
    Head(usize),
    Exact,
}

impl Draft {
    /// What is in force for the MCP server of this name, which is a configured name, or host and
    /// path.
    pub(crate) fn in_force(&self, server: &str) -> InForce {
        let mut places = self.named(server);
        if places.is_empty() {
            places = self.served(server);
        }
        let mut sets: Vec<Vec<usize>> =
            places.iter().map(|place| self.controls_at(*place)).collect();
        let all: BTreeSet<usize> = sets.iter().flatten().copied().collect();
        sets.dedup();
        InForce {
            controls: all.into_iter().collect(),
            said: places.first().map(|place| self.said_at(*place)).unwrap_or_default(),
            is_sure: sets.len() == 1 && self.has_servers(),
            is_served: !places.is_empty(),
        }
    }

    /// Whether it says for which hosts its controls are.
    pub(crate) fn has_servers(&self) -> bool {
        self.levels.iter().any(|level| matches!(level.kind, LevelKind::Server { .. }))
    }

    fn children(&self, parent: usize) -> impl Iterator<Item = (usize, &Level)> {
        self.levels.iter().enumerate().filter(move |(_, level)| level.parent == Some(parent))
    }

    /// The level and those around it, from the inside out.
    fn around(&self, level: usize) -> impl Iterator<Item = &Level> {
        let mut next = Some(level);
        std::iter::from_fn(move || {
            let level = self.levels.get(next?)?;
            next = level.parent;
            Some(level)
        })
    }

    fn controls_at(&self, level: usize) -> Vec<usize> {
        let mut controls = Vec::new();
        for level in self.around(level) {
            controls.extend(&level.controls);
            if level.said.inherits == Some(false) {
                break;
            }
        }
        controls.sort_unstable();
        controls
    }

    fn said_at(&self, level: usize) -> Said {
        let mut said = Said::default();
        for level in self.around(level) {
            said.inherit(&level.said);
        }
        said
    }

    /// The innermost places that have this `mcp_server_name`.
    fn named(&self, name: &str) -> Vec<usize> {
        let has_name = |level: &usize| self.said_at(*level).server_name.as_deref() == Some(name);
        let is_place = |level: &usize| {
            let kind = self.levels.get(*level).map(|level| &level.kind);
            matches!(kind, Some(LevelKind::Server { .. } | LevelKind::Location(_)))
        };
        let all: Vec<usize> =
            (0..self.levels.len()).filter(|level| is_place(level) && has_name(level)).collect();
        let is_around = |outer: usize| {
            all.iter().any(|inner| {
                self.levels.get(*inner).is_some_and(|level| level.parent == Some(outer))
            })
        };
        all.iter().copied().filter(|level| !is_around(*level)).collect()
    }

    /// The places that serve this host and path, and give it no other name.
    fn served(&self, server: &str) -> Vec<usize> {
        let (host, path) = match server.find('/') {
            Some(at) => server.split_at(at),
            None => (server, "/"),
        };
        let fits: Vec<(Fit, usize)> = self
            .levels
            .iter()
            .enumerate()
            .filter_map(|(index, level)| match &level.kind {
                LevelKind::Server { names } => fit(names, host).map(|fit| (fit, index)),
                _ => None,
            })
            .collect();
        let best = fits.iter().map(|(fit, _)| *fit).max();
        let servers = fits.iter().filter(|(fit, _)| Some(*fit) == best).map(|(_, index)| *index);
        let mut blocks: Vec<usize> = servers.collect();
        if !self.has_servers() {
            blocks.push(0);
        }
        let places = blocks.into_iter().map(|block| self.location(block, path));
        places.filter(|place| self.said_at(*place).server_name.is_none()).collect()
    }

    /// The location of a path. Its final slash is not in the name of an MCP server.
    fn location(&self, block: usize, path: &str) -> usize {
        let (plain, _) = self.locate(block, path);
        let with_slash = format!("{}/", path.trim_end_matches('/'));
        let (slashed, _) = self.locate(block, &with_slash);
        let is_text =
            |level: usize, text: &str| match self.levels.get(level).map(|level| &level.kind) {
                Some(LevelKind::Location(
                    Matcher::Exact(path) | Matcher::Prefix { text: path, .. },
                )) => path == text,
                _ => false,
            };
        if is_text(slashed, &with_slash) && !is_text(plain, path) { slashed } else { plain }
    }

    /// `ngx_http_core_find_location`: the level, and whether nothing may overrule it.
    fn locate(&self, block: usize, path: &str) -> (usize, bool) {
        let mut best: Option<(usize, usize, bool)> = None;
        for (index, level) in self.children(block) {
            match &level.kind {
                LevelKind::Location(Matcher::Exact(text)) if text == path => return (index, true),
                LevelKind::Location(Matcher::Prefix { text, is_final })
                    if path.starts_with(text.as_str())
                        && best.is_none_or(|(_, length, _)| length < text.len()) =>
                {
                    best = Some((index, text.len(), *is_final));
                }
                _ => {}
            }
        }
        let mut found = block;
        if let Some((index, _, is_final)) = best {
            let (inner, is_decided) = self.locate(index, path);
            if is_decided || is_final {
                return (inner, is_decided);
            }
            found = inner;
        }
        for (index, level) in self.children(block) {
            if let LevelKind::Location(Matcher::Regex(Some(regex))) = &level.kind
                && regex.is_match(path)
            {
                return (self.locate(index, path).0, true);
            }
        }
        (found, false)
    }
}

fn fit(names: &[String], host: &str) -> Option<Fit> {
    if names.is_empty() {
        return Some(Fit::Any);
    }
    names.iter().filter_map(|name| fit_of(name, host)).max()
}

fn fit_of(name: &str, host: &str) -> Option<Fit> {
    if name == host {
        return Some(Fit::Exact);
    }
    if let Some(pattern) = name.strip_prefix('~') {
        let regex = regex::Regex::new(pattern).ok()?;
        return regex.is_match(host).then_some(Fit::Regex);
    }
    if let Some(tail) = name.strip_prefix('*') {
        return host.ends_with(tail).then_some(Fit::Head(name.len()));
    }
    // `.example.com` is both `example.com` and `*.example.com`.
    if let Some(bare) = name.strip_prefix('.') {
        if bare == host {
            return Some(Fit::Exact);
        }
        return host.ends_with(name).then_some(Fit::Head(name.len()));
    }
    if let Some(head) = name.strip_suffix('*') {
        return host.starts_with(head).then_some(Fit::Tail(name.len()));
    }
    matches!(name, "_" | "").then_some(Fit::Any)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// The titles of what is in force for each server, and whether that is sure.
    fn in_force(conf: &str, server: &str) -> (Vec<String>, bool, bool) {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("nginx.conf");
        std::fs::write(&file, conf).expect("a file");
        let draft = Draft::read(Path::new(&file)).expect("a draft");
        let found = draft.in_force(server);
        let titles = found.controls.iter().map(|index| draft.controls[*index].title().to_owned());
        (titles.collect(), found.is_sure, found.is_served)
    }

    fn titles(conf: &str, server: &str) -> Vec<String> {
        in_force(conf, server).0
    }

    fn acl(title: &str) -> String {
        format!("mcp_acl {title} {{ deny all; }}")
    }

    #[test]
    fn controls_of_outer_levels_apply_too() {
        let conf = format!(
            "http {{ server {{ server_name a.test; {} location /mcp {{ {} location /mcp/x {{ {} }} }} \
             location /other {{ {} }} }} }}",
            acl("server"),
            acl("mcp"),
            acl("inner"),
            acl("other")
        );
        assert_eq!(titles(&conf, "a.test/mcp"), ["server", "mcp"]);
        assert_eq!(titles(&conf, "a.test/mcp/x"), ["server", "mcp", "inner"]);
        assert_eq!(titles(&conf, "a.test/other"), ["server", "other"]);
        assert_eq!(titles(&conf, "a.test/else"), ["server"]);
        assert_eq!(in_force(&conf, "b.test/mcp"), (vec![], false, false));
    }

    #[test]
    fn inherit_off_drops_the_controls_of_outer_levels() {
        let conf = format!(
            "server {{ server_name a.test; {} location /mcp {{ mcp_controls_inherit off; {} \
             location /mcp/in {{ {} }} }} }}",
            acl("server"),
            acl("mcp"),
            acl("inner")
        );
        assert_eq!(titles(&conf, "a.test/mcp"), ["mcp"]);
        assert_eq!(titles(&conf, "a.test/mcp/in"), ["mcp", "inner"]);
    }

    #[test]
    fn a_configured_name_leads_to_its_place_whatever_the_host() {
        let conf = format!(
            "server {{ server_name a.test; location /mcp {{ mcp_server_name crm; {} }} \
             location /plain {{ {} }} }}",
            acl("named"),
            acl("plain")
        );
        assert_eq!(in_force(&conf, "crm"), (vec!["named".to_owned()], true, true));
        assert_eq!(titles(&conf, "a.test/plain"), ["plain"]);
        assert_eq!(in_force(&conf, "a.test/mcp"), (vec![], false, false), "it has another name");
    }

    #[test]
    fn a_name_of_several_places_is_not_sure() {
        let conf = format!(
            "server {{ mcp_server_name crm; location /a {{ {} }} location /b {{ {} }} }}",
            acl("a"),
            acl("b")
        );
        let (titles, is_sure, _) = in_force(&conf, "crm");
        assert_eq!((titles, is_sure), (vec!["a".to_owned(), "b".to_owned()], false));
    }

    #[test]
    fn locations_are_found_as_nginx_finds_them() {
        let conf = format!(
            "server {{ server_name a.test; location / {{ {} }} location = /mcp {{ {} }} \
             location ^~ /v1 {{ {} }} location ~ ^/(v1|v2)/mcp$ {{ {} }} location /v2/mcp {{ {} }} \
             location /dir/ {{ {} }} location ~* /TOOLS$ {{ {} }} }}",
            acl("root"),
            acl("exact"),
            acl("final"),
            acl("regex"),
            acl("prefix"),
            acl("slash"),
            acl("anycase")
        );
        for (path, title) in [
            ("/", "root"),
            ("/mcp", "exact"),
            ("/mcp2", "root"),
            ("/v1/mcp", "final"),
            ("/v2/mcp", "regex"),
            ("/v2/mcp/x", "prefix"),
            ("/dir", "slash"),
            ("/dir/x", "slash"),
            ("/my/tools", "anycase"),
        ] {
            assert_eq!(titles(&conf, &format!("a.test{path}")), [title], "{path}");
        }
    }

    #[test]
    fn the_server_block_whose_name_fits_best_is_taken() {
        let block = |names: &str, title: &str| format!("server {{ {names} {} }}", acl(title));
        let conf = [
            block("", "none"),
            block("server_name *.example.com;", "head"),
            block("server_name www.example.*;", "tail"),
            block("server_name a.example.com b.test;", "exact"),
            block("server_name ~^api\\d+\\.test$;", "regex"),
            block("server_name .dot.test;", "dot"),
        ]
        .join("\n");
        for (host, title) in [
            ("a.example.com", "exact"),
            ("b.test", "exact"),
            ("x.example.com", "head"),
            ("www.example.org", "tail"),
            ("api7.test", "regex"),
            ("dot.test", "dot"),
            ("x.dot.test", "dot"),
            ("else.test", "none"),
        ] {
            assert_eq!(titles(&conf, &format!("{host}/mcp")), [title], "{host}");
        }
    }

    #[test]
    fn controls_without_a_server_apply_to_all_and_that_is_not_sure() {
        let (titles, is_sure, is_served) = in_force(&acl("bare"), "any.test/mcp");
        assert_eq!((titles, is_sure, is_served), (vec!["bare".to_owned()], false, true));
        let conf = format!("location /mcp {{ {} }}", acl("mcp"));
        assert_eq!(in_force(&conf, "any.test/mcp").0, ["mcp"]);
        assert!(in_force(&conf, "any.test/other").0.is_empty());
    }
}
