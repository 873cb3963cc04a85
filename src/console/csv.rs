//! Rows of CSV (RFC 4180), for people who open them in a spreadsheet.

use crate::work::time_text;
use csv::{QuoteStyle, Terminator, WriterBuilder};
use serde::Serialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use store::query::{Attack, Call, SessionPart, Software};

pub(crate) const MEDIA_TYPE: &str = "text/csv; charset=utf-8; header=present";

/// What can be a row.
pub(crate) trait Row: Serialize {
    /// Names of the columns.
    const COLUMNS: &'static [&'static str];
    /// Its fields, in this order.
    fn fields(&self) -> Vec<String>;
}

/// Puts rows behind what is there, with a header before the first.
pub(crate) fn put<T: Row>(
    into: &mut Vec<u8>,
    with_header: bool,
    rows: &[T],
) -> Result<(), csv::Error> {
    let mut writer = WriterBuilder::new()
        .terminator(Terminator::CRLF)
        .quote_style(QuoteStyle::Necessary)
        .from_writer(into);
    if with_header {
        writer.write_record(T::COLUMNS)?;
    }
    for row in rows {
        writer.write_record(row.fields().iter().map(|field| harmless(field).into_owned()))?;
    }
    writer.flush()?;
    Ok(())
}

/// Text that a spreadsheet would take for a formula gets an apostrophe in front, which
/// spreadsheets take for "this is text" (OWASP, CSV Injection). Numbers are let alone.
fn harmless(field: &str) -> Cow<'_, str> {
    // Spreadsheets skip white space, and take full-width signs for the usual ones.
    let first = field.trim_start().chars().next();
    let is_formula = matches!(
        first,
        Some('=' | '+' | '-' | '@' | '|' | '%' | '\u{ff1d}' | '\u{ff0b}' | '\u{ff0d}' | '\u{ff20}')
    ) || field.starts_with(['\t', '\r', '\n']);
    let is_number = field.strip_prefix('-').unwrap_or(field).bytes().all(|it| it.is_ascii_digit());
    if is_formula && !is_number { Cow::Owned(format!("'{field}")) } else { Cow::Borrowed(field) }
}

fn text(value: Option<&String>) -> String {
    value.cloned().unwrap_or_default()
}

fn number(value: Option<impl ToString>) -> String {
    value.map(|it| it.to_string()).unwrap_or_default()
}

fn json(value: Option<&RawValue>) -> String {
    value.map(|it| it.get().to_owned()).unwrap_or_default()
}

fn software(value: Option<&Software>) -> (String, String) {
    value.map(|it| (it.name.clone(), it.version.clone())).unwrap_or_default()
}

impl Row for SessionPart {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "day",
        "server",
        "session_id",
        "id_source",
        "user",
        "users_total",
        "roles",
        "verified",
        "state",
        "client",
        "client_version",
        "server_info",
        "server_version",
        "protocol_version",
        "address",
        "started_at",
        "last_at",
        "ended",
        "matched",
        "calls",
        "errors",
        "attacks",
        "blocked",
        "notifications",
        "bytes_in",
        "bytes_out",
        "methods",
        "primitives",
    ];

    fn fields(&self) -> Vec<String> {
        let (client, client_version) = software(self.client.as_ref());
        let (server_info, server_version) = software(self.server_info.as_ref());
        let methods = self.methods.iter().map(|it| format!("{} {}", it.count, it.name));
        let primitives =
            self.primitives.iter().map(|it| format!("{} {} {}", it.count, it.kind, it.name));
        vec![
            self.id.to_string(),
            self.day.clone(),
            self.server.clone(),
            self.session_id.clone(),
            self.id_source.clone(),
            text(self.user.as_ref()),
            self.users_total.to_string(),
            self.roles.join("\n"),
            text(self.verified.as_ref()),
            self.state.as_str().to_owned(),
            client,
            client_version,
            server_info,
            server_version,
            text(self.protocol_version.as_ref()),
            text(self.address.as_ref()),
            time_text(self.started_at),
            time_text(self.last_at),
            number(self.ended),
            self.matched.to_string(),
            self.calls.to_string(),
            self.errors.to_string(),
            self.attacks.to_string(),
            self.blocked.to_string(),
            self.notifications.to_string(),
            self.bytes_in.to_string(),
            self.bytes_out.to_string(),
            methods.collect::<Vec<_>>().join("\n"),
            primitives.collect::<Vec<_>>().join("\n"),
        ]
    }
}

impl Row for Call {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "at",
        "server",
        "session",
        "session_id",
        "direction",
        "http_method",
        "status",
        "rpc_id",
        "method",
        "primitive_kind",
        "primitive",
        "listed",
        "outcome",
        "error_code",
        "error_message",
        "is_error",
        "duration_ms",
        "first_event_ms",
        "notifications",
        "bytes_in",
        "bytes_out",
        "user",
        "roles",
        "verified",
        "client",
        "client_version",
        "address",
        "user_agent",
        "params",
        "protocol_version",
        "request_id",
        "coverage_request",
        "coverage_response",
        "attacks",
        "arguments",
        "result",
    ];

    fn fields(&self) -> Vec<String> {
        let (client, client_version) = software(self.client.as_ref());
        let (kind, primitive) = self
            .primitive
            .as_ref()
            .map(|it| (it.kind.clone(), it.name.clone()))
            .unwrap_or_default();
        let error = self.error.as_ref();
        let attacks: Vec<&str> = self.attacks.iter().map(|it| it.kind.as_str()).collect();
        vec![
            self.id.to_string(),
            time_text(self.at),
            self.server.clone(),
            self.session.to_string(),
            self.session_id.clone(),
            self.direction.clone(),
            self.http_method.clone(),
            number(self.status),
            json(self.rpc_id.as_deref()),
            text(self.method.as_ref()),
            kind,
            primitive,
            number(self.listed),
            self.outcome.clone(),
            number(error.and_then(|it| it.code)),
            text(error.and_then(|it| it.message.as_ref())),
            self.is_error.to_string(),
            number(self.duration_ms),
            number(self.first_event_ms),
            self.notifications.to_string(),
            self.bytes_in.to_string(),
            self.bytes_out.to_string(),
            text(self.user.as_ref()),
            self.roles.join("\n"),
            text(self.verified.as_ref()),
            client,
            client_version,
            text(self.address.as_ref()),
            text(self.user_agent.as_ref()),
            self.params.get().to_owned(),
            text(self.protocol_version.as_ref()),
            text(self.request_id.as_ref()),
            self.coverage.request.clone(),
            self.coverage.response.clone(),
            attacks.join("\n"),
            json(self.arguments.as_deref()),
            json(self.result.as_deref()),
        ]
    }
}

impl Row for Attack {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "at",
        "last_at",
        "count",
        "type",
        "control",
        "place",
        "verdict",
        "action",
        "detail",
        "point",
        "expected",
        "found",
        "server",
        "session",
        "session_id",
        "call",
        "user",
        "roles",
        "client",
        "client_version",
        "address",
        "method",
        "primitive_kind",
        "primitive",
    ];

    fn fields(&self) -> Vec<String> {
        let (client, client_version) = software(self.client.as_ref());
        let primitive = self.primitive.as_ref();
        let (kind, primitive) =
            primitive.map(|it| (it.kind.clone(), it.name.clone())).unwrap_or_default();
        vec![
            self.id.to_string(),
            time_text(self.at),
            time_text(self.last_at),
            self.count.to_string(),
            self.kind.clone(),
            text(self.control.as_ref()),
            text(self.place.as_ref()),
            self.verdict.to_owned(),
            self.action.clone(),
            text(self.detail.as_ref()),
            text(self.point.as_ref()),
            text(self.expected.as_ref()),
            text(self.found.as_ref()),
            self.server.clone(),
            self.session.to_string(),
            self.session_id.clone(),
            self.call.to_string(),
            text(self.user.as_ref()),
            self.roles.join("\n"),
            client,
            client_version,
            text(self.address.as_ref()),
            text(self.method.as_ref()),
            kind,
            primitive,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn what_a_spreadsheet_would_run_is_text() {
        for (field, shown) in [
            ("=cmd|'/c calc'!A0", "'=cmd|'/c calc'!A0"),
            ("+1+1", "'+1+1"),
            ("-1+1", "'-1+1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
            ("  =1", "'  =1"),
            ("\r=1", "'\r=1"),
            ("\u{ff1d}1", "'\u{ff1d}1"),
            ("-32010", "-32010"),
            ("12", "12"),
            ("a=1", "a=1"),
            ("", ""),
        ] {
            assert_eq!(harmless(field), shown, "{field:?}");
        }
    }
}
