//! One MCP server: what was found of its clients, the directives in force, and lines that would find
//! more.

use super::one::{object, whole};
use super::{Next, Piece, Subject, Work};
use serde::Serialize;
use serde_json::Value;
use store::query::{IdentityShares, Limits, QueryError, Reader};

/// Below this share of calls, it is said how more would be found.
const ENOUGH: f64 = 0.95;

/// A directive in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Directive {
    /// Its name.
    pub directive: String,
    /// Its parameters as written.
    pub value: String,
    /// `file:line`
    pub place: String,
    /// The location it is in force in, as nginx.conf has it; empty for a server block's own level.
    pub location: String,
}

/// In which share of the calls something was found.
#[derive(Debug, Serialize)]
struct Share<'a> {
    name: &'static str,
    /// 0 to 1; none without calls.
    share: Option<f64>,
    examples: &'a [String],
}

/// What would help.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Advice {
    reason: String,
    /// To be put into nginx.conf.
    lines: &'static str,
}

impl Work {
    /// In two steps: between them, who has read nginx.conf is asked for the directives.
    pub(super) fn server(
        &mut self,
        reader: &mut Reader,
        limits: &Limits<'_>,
    ) -> Result<Piece, QueryError> {
        let Subject::Server(id) = &self.subject else { return Err(QueryError::NotFound) };
        let Some(found) = self.progress.server.take() else {
            self.progress.server = Some(reader.server(id, &self.parameters.filter, limits)?);
            return Ok(Piece { head: None, bytes: Vec::new(), next: Next::Step });
        };
        let mut members = object(&found)?;
        members.remove("shares");
        let IdentityShares { calls, with_user, with_roles, with_session_id, .. } =
            found.value.shares;
        let shares = &found.value.shares;
        let share = |n: u64| (calls > 0).then(|| to_share(n, calls));
        let found = [
            Share { name: "user", share: share(with_user), examples: &shares.users },
            Share { name: "role", share: share(with_roles), examples: &shares.roles },
            Share {
                name: "session_id",
                share: share(with_session_id),
                examples: &shares.session_ids,
            },
        ];
        for (name, value) in [
            ("found", json(&found)?),
            ("configuration", json(&self.configuration)?),
            ("advice", json(&advice(shares, &self.configuration))?),
        ] {
            members.insert(name.to_owned(), value);
        }
        whole(&members)
    }
}

fn json<T: Serialize>(value: &T) -> Result<Value, QueryError> {
    serde_json::to_value(value)
        .map_err(|error| QueryError::Failed(format!("an answer is no JSON ({error})")))
}

/// To four digits.
#[expect(clippy::cast_precision_loss, reason = "shares are rounded anyway")]
fn to_share(n: u64, of: u64) -> f64 {
    (n as f64 / of as f64 * 1e4).round() / 1e4
}

fn advice(shares: &IdentityShares, configuration: &[Directive]) -> Vec<Advice> {
    let mut advice = Vec::new();
    if shares.calls == 0 {
        return advice;
    }
    let lacks = |n: u64| to_share(n, shares.calls) < ENOUGH;
    let said = |name: &str| configuration.iter().find(|it| it.directive == name);
    let missing = |what: &str, n: u64| {
        let percent = (100.0 - to_share(n, shares.calls) * 100.0).ceil();
        format!("{percent} % of the calls have no {what}")
    };
    let names_user = said("mcp_user").is_some_and(|it| it.value != "off");
    if lacks(shares.with_user) && !names_user {
        advice.push(Advice {
            reason: format!(
                "{}. No directive says where users stand: in a claim of the bearer token, or in what \
                 nginx itself has authenticated.",
                missing("user", shares.with_user)
            ),
            lines: "mcp_user $mcp_jwt_email $mcp_jwt_sub $remote_user;",
        });
    } else if lacks(shares.with_user) {
        advice.push(Advice {
            reason: format!(
                "{}. If those clients send an API key in a header, name them by it.",
                missing("user", shares.with_user)
            ),
            lines: "# in the http block\nmap $http_x_api_key $agent {\n    include \
                    /etc/nginx/agents.map;\n}\n# in the location, behind the values that are there\n\
                    mcp_user $mcp_jwt_email $mcp_jwt_sub $remote_user $agent;",
        });
    }
    if lacks(shares.with_roles) && said("mcp_role").is_none_or(|it| it.value == "off") {
        advice.push(Advice {
            reason: format!(
                "{}. No directive says where roles stand.",
                missing("role", shares.with_roles)
            ),
            lines: "mcp_role $mcp_jwt_roles;",
        });
    }
    let uses_tokens = configuration.iter().any(|it| it.value.contains("$mcp_jwt_"));
    if uses_tokens && said("mcp_jwt_key_file").is_none_or(|it| it.value == "off") {
        advice.push(Advice {
            reason: "Claims are shown, but no keys verify the tokens: anybody can write them."
                .to_owned(),
            lines: "mcp_jwt_key_file /etc/nginx/idp.jwks;\nmcp_jwt_require iss=https://idp.example.com \
                    aud=this-server;",
        });
    }
    if lacks(shares.with_session_id)
        && said("mcp_session_id").is_none_or(|it| it.value == "off")
        && said("mcp_session_derive").is_none()
    {
        advice.push(Advice {
            reason: format!(
                "{} of their own: their sessions are a best guess by user, address and user agent. If \
                 clients send something that tells them apart, group by it.",
                missing("session id", shares.with_session_id)
            ),
            lines: "mcp_session_derive $mcp_user $http_user_agent idle=30m;",
        });
    }
    advice
}

#[cfg(test)]
mod tests {
    use super::{Directive, advice};
    use store::query::IdentityShares;

    fn directive(name: &str, value: &str) -> Directive {
        let text = str::to_owned;
        Directive {
            directive: text(name),
            value: text(value),
            place: text("nginx.conf:1"),
            location: text("/"),
        }
    }

    fn lines(shares: &IdentityShares, configuration: &[Directive]) -> Vec<&'static str> {
        let names = advice(shares, configuration).into_iter();
        names.map(|it| it.lines.split([' ', '\n']).next().unwrap_or("")).collect()
    }

    #[test]
    fn what_is_missing_is_advised() {
        let none = IdentityShares { calls: 100, ..IdentityShares::default() };
        assert_eq!(lines(&none, &[]), ["mcp_user", "mcp_role", "mcp_session_derive"]);
        let user = directive("mcp_user", "$mcp_jwt_sub");
        assert_eq!(
            lines(&none, &[user]),
            ["#", "mcp_role", "mcp_jwt_key_file", "mcp_session_derive"]
        );
        let all = IdentityShares {
            calls: 100,
            with_user: 95,
            with_roles: 100,
            with_session_id: 99,
            ..IdentityShares::default()
        };
        assert_eq!(lines(&all, &[]), [""; 0]);
        assert_eq!(lines(&IdentityShares::default(), &[]), [""; 0]);
    }
}
