//! The kind of a call while its answer is still to come, and what a day has no room to name.

use crate::dictionary::KindFields;
use crate::page::OwnAnswer;
use record::Exchange;

/// What of a call's kind its answer may still change; kept for calls that wait for one.
#[derive(Clone, Debug)]
pub(crate) struct OpenKind {
    pub(crate) direction: &'static str,
    pub(crate) http_method: String,
    pub(crate) status: u16,
    pub(crate) method: String,
    pub(crate) primitive: Option<(&'static str, String)>,
    pub(crate) coverage_request: &'static str,
    pub(crate) protocol_version: String,
    pub(crate) attacks: String,
}

impl From<&KindFields<'_>> for OpenKind {
    fn from(fields: &KindFields<'_>) -> Self {
        Self {
            direction: fields.direction,
            http_method: fields.http_method.to_owned(),
            status: fields.status,
            method: fields.method.to_owned(),
            primitive: fields.primitive.map(|(kind, name)| (kind, name.to_owned())),
            coverage_request: fields.coverage_request,
            protocol_version: fields.protocol_version.to_owned(),
            attacks: fields.attacks.to_owned(),
        }
    }
}

impl OpenKind {
    /// The kind with an answer.
    pub(crate) fn answered(&self, answer: &OwnAnswer<'_>) -> KindFields<'_> {
        KindFields {
            direction: self.direction,
            http_method: &self.http_method,
            status: self.status,
            method: &self.method,
            primitive: self.primitive.as_ref().map(|(kind, name)| (*kind, name.as_str())),
            outcome: answer.outcome.as_str(),
            error_code: answer.error_code,
            coverage_request: self.coverage_request,
            coverage_response: answer.coverage.as_str(),
            protocol_version: &self.protocol_version,
            attacks: &self.attacks,
        }
    }
}

/// The words of a call that the day's dictionaries have no more room for, as a JSON object.
pub(crate) fn extra(
    fields: &KindFields<'_>,
    exchange: &Exchange<'_>,
    is_kind: bool,
    is_actor: bool,
) -> String {
    let mut extra = serde_json::Map::new();
    let mut put = |name: &str, value: serde_json::Value| {
        if value != "" {
            extra.insert(name.to_owned(), value);
        }
    };
    if is_kind {
        put("http_method", fields.http_method.into());
        put("method", fields.method.into());
        put("primitive", fields.primitive.map_or("", |(_, name)| name).into());
        put("protocol_version", fields.protocol_version.into());
        if let Some(code) = fields.error_code {
            put("error_code", code.into());
        }
    }
    if is_actor {
        put("user", exchange.identity.user.into());
        put("roles", exchange.identity.roles.into());
        put("verified", exchange.identity.verified.as_str().into());
        put("client", exchange.client.name.into());
        put("client_version", exchange.client.version.into());
        put("address", exchange.address.into());
        put("user_agent", exchange.user_agent.into());
    }
    serde_json::Value::Object(extra).to_string()
}
