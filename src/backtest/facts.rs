//! What the record of a call says of what controls judge by.

use crate::conf::{Named, Said};
use control::{Control, Subject, Unknown};
use std::collections::BTreeMap;
use std::net::IpAddr;
use store::query::{Recorded, ScannedActor, ScannedKind};

/// What stands in records in place of a masked secret.
pub(crate) const MASKED: &str = "••••";

/// Where the value of a text with `$variables` stands in the record of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    User,
    Roles,
    Param(String),
    Address,
    UserAgent,
    HttpMethod,
    Method,
    Primitive,
    Server,
    Client,
    /// Nowhere.
    None,
}

/// Where the values of a control stand in the records of calls that a level serves.
pub(crate) fn sources(control: &Control, said: &Said) -> Vec<Source> {
    control.values().iter().map(|text| source(text, said)).collect()
}

fn source(text: &str, said: &Said) -> Source {
    let text = plain(text);
    // Of several values the record does not tell which one was taken.
    let is_value = |named: &Named| {
        !named.is_hashed && matches!(named.values.as_slice(), [value] if plain(value) == text)
    };
    if said.user.as_ref().is_some_and(is_value) {
        return Source::User;
    }
    if said.role.as_ref().is_some_and(is_value) {
        return Source::Roles;
    }
    if let Some((name, _)) = said.params.iter().flatten().find(|(_, named)| is_value(named)) {
        return Source::Param(name.clone());
    }
    match text.as_str() {
        "$mcp_user" => Source::User,
        "$mcp_role" => Source::Roles,
        "$remote_addr" => Source::Address,
        "$http_user_agent" => Source::UserAgent,
        "$request_method" => Source::HttpMethod,
        "$mcp_method" => Source::Method,
        "$mcp_primitive" => Source::Primitive,
        "$mcp_server" => Source::Server,
        "$mcp_client" => Source::Client,
        _ => Source::None,
    }
}

/// `${name}` is `$name`, where it is all there is.
fn plain(text: &str) -> String {
    let name = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    name.filter(|name| !name.contains('}'))
        .map_or_else(|| text.to_owned(), |name| format!("${name}"))
}

/// Who calls, as far as the record says it.
#[derive(Debug)]
pub(crate) struct Who<'a> {
    actor: &'a ScannedActor,
    user: &'a str,
    is_user_unknown: bool,
    roles: Vec<String>,
    are_roles_unknown: bool,
    address: Option<IpAddr>,
    client: &'a str,
    params: BTreeMap<String, serde_json::Value>,
    recorded: &'a Recorded,
}

impl<'a> Who<'a> {
    /// Controls use what the request itself says, so what was carried over counts as missing.
    pub(crate) fn of(actor: &'a ScannedActor, said: &Said, recorded: &'a Recorded) -> Self {
        let is_hashed = said.user.as_ref().is_some_and(|user| user.is_hashed);
        let user = if actor.carried.user { "" } else { actor.user.as_str() };
        let mut roles = Vec::new();
        if !actor.carried.roles && !actor.roles.is_empty() {
            roles = serde_json::from_str(&actor.roles).unwrap_or_default();
        }
        Who {
            actor,
            user,
            is_user_unknown: !recorded.users
                || !user.is_empty() && (is_hashed || user.contains(MASKED)),
            are_roles_unknown: !recorded.roles
                || roles.iter().any(|role: &String| role.contains(MASKED)),
            roles,
            address: actor.address.parse().ok(),
            client: if actor.carried.client { "" } else { &actor.client },
            params: serde_json::from_str(&actor.params).unwrap_or_default(),
            recorded,
        }
    }

    /// Has a control judge by it. `judge` gets what is known, and what is not, with the words for
    /// the latter.
    pub(crate) fn tell<T>(
        &self,
        control: &Control,
        sources: &[Source],
        kind: &ScannedKind,
        server: &str,
        judge: impl FnOnce(&Subject<'_>, Unknown<'_>, &dyn Fn() -> String) -> T,
    ) -> T {
        let roles: Vec<&str> = self.roles.iter().map(String::as_str).collect();
        let values: Vec<Option<String>> =
            sources.iter().map(|source| self.value(source, kind, server)).collect();
        let bytes: Vec<[&[u8]; 1]> =
            values.iter().map(|value| [value.as_deref().unwrap_or_default().as_bytes()]).collect();
        let values_of: Vec<&[&[u8]]> = bytes.iter().map(<[&[u8]; 1]>::as_slice).collect();
        let unknown: Vec<bool> = values.iter().map(Option::is_none).collect();
        let subject = Subject {
            user: self.user,
            roles: &roles,
            address: self.address,
            client: self.client,
            values: &values_of,
        };
        let not_known =
            Unknown { user: self.is_user_unknown, roles: self.are_roles_unknown, values: &unknown };
        judge(&subject, not_known, &|| self.missing(control, &unknown))
    }

    /// The words for what is not known of what a control may judge by.
    fn missing(&self, control: &Control, unknown: &[bool]) -> String {
        let texts = control.values().iter().zip(unknown);
        let mut missing: Vec<&str> =
            texts.filter(|(_, is_unknown)| **is_unknown).map(|(text, _)| text.as_str()).collect();
        if self.is_user_unknown {
            missing.push("the user");
        }
        if self.are_roles_unknown {
            missing.push("the roles");
        }
        format!("not recorded as it came: {}", missing.join(", "))
    }

    /// `None`: not known. Empty: missing.
    fn value(&self, source: &Source, kind: &ScannedKind, server: &str) -> Option<String> {
        let text = match source {
            Source::User if self.is_user_unknown => return None,
            Source::User => self.user.to_owned(),
            Source::Roles if self.are_roles_unknown => return None,
            Source::Roles => match self.roles.as_slice() {
                [] => String::new(),
                [role] => role.clone(),
                roles => serde_json::to_string(roles).ok()?,
            },
            Source::Param(name) => return self.param(name),
            Source::Address => self.actor.address.clone(),
            Source::UserAgent => self.actor.user_agent.clone(),
            Source::HttpMethod => kind.http_method.clone(),
            Source::Method => kind.method.clone(),
            Source::Primitive => kind.primitive.clone().unwrap_or_default(),
            Source::Server => server.to_owned(),
            Source::Client => self.client.to_owned(),
            Source::None => return None,
        };
        (!text.contains(MASKED)).then_some(text)
    }

    fn param(&self, name: &str) -> Option<String> {
        match self.params.get(name) {
            // Which of them was carried over is not recorded.
            Some(_) if self.actor.carried.params => None,
            Some(serde_json::Value::String(text)) if !text.contains(MASKED) => Some(text.clone()),
            Some(_) => None,
            None => self.recorded.params.contains(name).then(String::new),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use control::{ControlKind, Line};
    use store::query::Carried;

    fn named(values: &[&str]) -> Option<Named> {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        Some(Named { values, is_hashed: false })
    }

    fn said() -> Said {
        Said {
            user: named(&["$mcp_jwt_sub"]),
            role: named(&["${mcp_jwt_roles}"]),
            params: Some(vec![("tenant".to_owned(), named(&["$mcp_jwt_tenant"]).expect("one"))]),
            ..Said::default()
        }
    }

    fn actor() -> ScannedActor {
        ScannedActor {
            user: "alice".to_owned(),
            roles: "[\"a\",\"b\"]".to_owned(),
            address: "10.0.0.1".to_owned(),
            client: "cursor".to_owned(),
            params: "{\"tenant\":\"acme\"}".to_owned(),
            ..ScannedActor::default()
        }
    }

    fn recorded() -> Recorded {
        Recorded { users: true, roles: true, params: ["tenant".to_owned()].into() }
    }

    /// The values of `$mcp_jwt_sub $mcp_jwt_roles $mcp_jwt_tenant $other $remote_addr`, `?` for one
    /// that is not known; and user, roles and client.
    fn told(actor: &ScannedActor, said: &Said, recorded: &Recorded) -> (String, String) {
        let texts =
            ["${mcp_jwt_sub}", "$mcp_jwt_roles", "$mcp_jwt_tenant", "$other", "$remote_addr"];
        let lines: Vec<Line> = (1..)
            .zip(texts)
            .map(|(number, text)| Line {
                number,
                words: vec!["require".to_owned(), text.to_owned(), "x".to_owned()],
            })
            .collect();
        let (control, _) =
            Control::parse(ControlKind::Verify, "t", "", "", &lines).expect("a control");
        let who = Who::of(actor, said, recorded);
        let kind = ScannedKind::default();
        who.tell(&control, &sources(&control, said), &kind, "s", |subject, unknown, _| {
            let values: Vec<String> = subject
                .values
                .iter()
                .zip(unknown.values)
                .map(|(value, is_unknown)| {
                    let text = String::from_utf8_lossy(value[0]).into_owned();
                    if *is_unknown { "?".to_owned() } else { text }
                })
                .collect();
            let mark = |is_unknown: bool| if is_unknown { "?" } else { "" };
            let who = format!(
                "{}{} {}{} {}",
                subject.user,
                mark(unknown.user),
                subject.roles.join(","),
                mark(unknown.roles),
                subject.client
            );
            (values.join(" "), who)
        })
    }

    #[test]
    fn values_of_the_same_text_are_known_and_others_are_not() {
        let (values, who) = told(&actor(), &said(), &recorded());
        assert_eq!(values, "alice [\"a\",\"b\"] acme ? 10.0.0.1");
        assert_eq!(who, "alice a,b cursor");
    }

    #[test]
    fn of_several_values_it_is_not_known_which_was_taken() {
        let said = Said { user: named(&["$mcp_jwt_sub", "$remote_user"]), ..said() };
        assert!(told(&actor(), &said, &recorded()).0.starts_with("? "));
    }

    #[test]
    fn what_was_carried_over_was_not_said_by_the_request() {
        let carried = Carried { user: true, roles: true, client: true, params: true };
        let (values, who) = told(&ScannedActor { carried, ..actor() }, &said(), &recorded());
        assert_eq!(values, "  ? ? 10.0.0.1", "of parameters it is not known which were carried");
        assert_eq!(who, "  ");
    }

    #[test]
    fn masked_and_hashed_values_are_not_known() {
        let masked = ScannedActor {
            user: "a••••b".to_owned(),
            roles: "[\"••••\"]".to_owned(),
            params: "{\"tenant\":\"••••\"}".to_owned(),
            ..actor()
        };
        let (values, who) = told(&masked, &said(), &recorded());
        assert_eq!((values.as_str(), who.as_str()), ("? ? ? ? 10.0.0.1", "a••••b? ••••? cursor"));
        let mut hashed = said();
        hashed.user.as_mut().expect("a user").is_hashed = true;
        let (values, who) = told(&actor(), &hashed, &recorded());
        assert!(values.starts_with("? ") && who.starts_with("alice? "), "{values} / {who}");
    }

    #[test]
    fn what_no_call_of_the_day_has_was_not_configured_and_is_not_known() {
        let (values, who) = told(&ScannedActor::default(), &said(), &Recorded::default());
        assert_eq!((values.as_str(), who.as_str()), ("? ? ? ? ", "? ? "));
        let (values, who) = told(&ScannedActor::default(), &said(), &recorded());
        assert_eq!((values.as_str(), who.as_str()), ("   ? ", "  "), "missing, and known to be");
    }
}
