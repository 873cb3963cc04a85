//! One session part, and what made its calls one session.

use super::directory::Directive;
use super::one::{by_name, object, whole};
use super::{Next, Piece, Subject, Work};
use serde_json::{Map, Value};
use store::query::{Found, Limits, QueryError, Reader, Session};

/// The names by which a session's facets go, beside the filters they stand for.
const FACETS: [(&str, &str); 6] = [
    ("methods", "method"),
    ("primitives", "primitive"),
    ("users", "user"),
    ("roles", "role"),
    ("outcomes", "outcome"),
    ("attacks", "attack"),
];
/// Variables that are facts of a session under another name.
const FACTS: [(&str, &str); 4] = [
    ("$mcp_user", "user"),
    ("$mcp_client", "client"),
    ("$remote_addr", "address"),
    ("$http_user_agent", "user_agent"),
];
/// What stands in the place of a masked value.
const MASK: &str = "••••";

impl Work {
    /// In one step where the store knows what grouped the calls; else in two, between which who has
    /// read nginx.conf is asked for the directives.
    pub(super) fn session(
        &mut self,
        reader: &mut Reader,
        limits: &Limits<'_>,
    ) -> Result<Piece, QueryError> {
        let Subject::Part(id) = self.subject else { return Err(QueryError::NotFound) };
        if let Some(mut found) = self.progress.session.take() {
            let session = &mut found.value;
            session.grouped_by = grouped_by(session, &self.configuration);
            return whole(&shown(&found)?);
        }
        let found = reader.session(id, limits)?;
        if !matches!(found.value.part.id_source.as_str(), "configured" | "derived") {
            return whole(&shown(&found)?);
        }
        self.progress.session = Some(found);
        Ok(Piece { head: None, bytes: Vec::new(), next: Next::Step })
    }
}

/// A session part, its facets by name and its other days under `days`.
fn shown(found: &Found<Session>) -> Result<Map<String, Value>, QueryError> {
    let mut members = object(found)?;
    let facets = by_name(&found.value.facets)?;
    let mut named = Map::new();
    for (name, filter) in FACETS {
        let values = facets.get(filter).and_then(|facet| facet.get("values")).cloned();
        named.insert(name.to_owned(), values.unwrap_or_else(|| Value::Array(Vec::new())));
    }
    members.insert("facets".to_owned(), Value::Object(named));
    if let Some(parts) = members.remove("parts") {
        members.insert("days".to_owned(), parts);
    }
    Ok(members)
}

/// What grouped the calls, by the directives that are in force now: they may have been others when
/// the calls were recorded.
fn grouped_by(session: &Session, configuration: &[Directive]) -> Vec<String> {
    let params: Map<String, Value> = serde_json::from_str(session.params.get()).unwrap_or_default();
    let found = match session.part.id_source.as_str() {
        "derived" => derived(configuration, &params),
        // A value that is stored as it came is told by itself.
        _ if session.grouped_by.iter().any(|it| it.starts_with("param.")) => None,
        _ => configured(configuration, &params),
    };
    found.unwrap_or_else(|| session.grouped_by.clone())
}

/// The values of `mcp_session_derive`, if it has any.
fn derived(configuration: &[Directive], params: &Map<String, Value>) -> Option<Vec<String>> {
    let mut found = Vec::new();
    for value in words_of(configuration, "mcp_session_derive") {
        let is_setting = value == "off" || value.starts_with("idle=");
        let name = param_of(configuration, value, params).map(|name| format!("param.{name}"));
        let name = name.unwrap_or_else(|| {
            let fact = FACTS.iter().find(|(variable, _)| *variable == value);
            fact.map_or(value, |(_, fact)| fact).to_owned()
        });
        if !is_setting && !found.contains(&name) {
            found.push(name);
        }
    }
    Some(found).filter(|found| !found.is_empty())
}

/// The parameter that is the id: the first of the values that is there. Where both are stored as
/// they came, another value than the id's is not it.
fn configured(configuration: &[Directive], params: &Map<String, Value>) -> Option<Vec<String>> {
    let is_hashed = words_of(configuration, "mcp_session_id").any(|it| it == "stored=hashed");
    words_of(configuration, "mcp_session_id")
        .filter_map(|value| param_of(configuration, value, params))
        .find(|name| {
            let value = params.get(*name).and_then(Value::as_str).unwrap_or_default();
            is_hashed || value.contains(MASK)
        })
        .map(|name| vec![format!("param.{name}")])
}

/// What is said with a directive, word by word.
fn words_of<'c>(
    configuration: &'c [Directive],
    name: &'c str,
) -> impl Iterator<Item = &'c str> + use<'c> {
    let said = configuration.iter().filter(move |it| it.directive == name);
    said.flat_map(|it| it.value.split_whitespace()).map(|word| word.trim_matches(['"', '\'']))
}

/// The name of the parameter that is there and has this value in nginx.conf.
fn param_of<'c>(
    configuration: &'c [Directive],
    value: &str,
    params: &Map<String, Value>,
) -> Option<&'c str> {
    let said = configuration.iter().filter(|it| it.directive == "mcp_param");
    said.filter_map(|it| it.value.split_once(' '))
        .find(|(name, rest)| {
            let of = rest.split_whitespace().next().unwrap_or_default();
            of.trim_matches(['"', '\'']) == value && params.contains_key(*name)
        })
        .map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::{Directive, configured, derived};
    use serde_json::{Map, Value, json};

    fn said(lines: &[(&str, &str)]) -> Vec<Directive> {
        let directive = |(name, value): &(&str, &str)| Directive {
            directive: (*name).to_owned(),
            value: (*value).to_owned(),
            place: "nginx.conf:1".to_owned(),
            location: "/mcp".to_owned(),
        };
        lines.iter().map(directive).collect()
    }

    fn params(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn what_derives_a_session_is_named() {
        let tenant = ("mcp_param", "tenant $mcp_jwt_tenant");
        let there = params(json!({"tenant": "acme"}));
        for (value, there, wanted) in [
            ("idle=5m", &there, None),
            ("off", &there, None),
            ("$mcp_jwt_tenant idle=5m", &there, Some(vec!["param.tenant"])),
            ("$mcp_user \"$mcp_jwt_tenant\"", &there, Some(vec!["user", "param.tenant"])),
            ("$mcp_jwt_tenant", &Map::new(), Some(vec!["$mcp_jwt_tenant"])),
            ("$http_x_chat $http_user_agent", &there, Some(vec!["$http_x_chat", "user_agent"])),
        ] {
            let found = derived(&said(&[tenant, ("mcp_session_derive", value)]), there);
            let wanted = wanted.map(|it| it.into_iter().map(str::to_owned).collect());
            assert_eq!(found, wanted, "{value}");
        }
        assert_eq!(derived(&said(&[tenant]), &there), None);
    }

    #[test]
    fn a_parameter_that_was_stored_otherwise_is_known_by_its_place() {
        let chat = ("mcp_param", "chat $http_x_chat hashed");
        for (value, shown, wanted) in [
            ("$http_x_chat stored=hashed", "17", true),
            ("$cookie_c $http_x_chat stored=hashed", "17", true),
            ("$http_x_chat", "17", false),
            ("$http_x_chat", "sk-••••", true),
            ("$cookie_c stored=hashed", "17", false),
        ] {
            let there = params(json!({"chat": shown}));
            let found = configured(&said(&[chat, ("mcp_session_id", value)]), &there);
            assert_eq!(found, wanted.then(|| vec!["param.chat".to_owned()]), "{value} {shown}");
        }
    }
}
