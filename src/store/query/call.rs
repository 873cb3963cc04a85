//! Calls as rows become them.

use super::answer::{Call, CallAttack, CallCoverage, Primitive, RpcError};
use super::attacks::DENY;
use super::id::{AttackId, CallId, PartId, Time};
use super::sessions::{software, some};
use crate::part::{CARRIED_CLIENT, CARRIED_PARAMS, CARRIED_REVISION, CARRIED_ROLES, CARRIED_USER};
use rusqlite::types::Value;
use rusqlite::{Connection, Row};
use serde_json::value::RawValue;

/// Bits of `call_rows.flags`.
pub(crate) const ARGUMENTS_TRUNCATED: i64 = 1;
const RESULT_TRUNCATED: i64 = 2;
pub(crate) const PAYLOADS_SHED: i64 = 4;

macro_rules! select_calls {
    ($payloads:literal) => {
        concat!(
            "SELECT c.call, c.part, c.at, k.direction, k.http_method, k.status, c.rpc_id, \
             k.method, k.primitive_kind, k.primitive, c.flags, k.outcome, k.error_code, \
             c.error_message, c.duration_us, c.first_event_us, c.notifications, c.bytes_in, \
             c.bytes_out, c.request_id, p.session_id, p.id_source, s.name, a.user, a.roles, \
             a.verified, a.address, a.client, a.client_version, a.user_agent, \
             k.protocol_version, a.params, a.carried, k.coverage_request, \
             k.coverage_response, c.extra, o.call, o.part, ",
            $payloads,
            ", k.attacks <> '' FROM call_rows c JOIN kinds k ON k.kind = c.kind \
             JOIN actors a ON a.actor = c.actor JOIN parts p ON p.part = c.part \
             JOIN servers s ON s.server = p.server \
             LEFT JOIN call_rows o ON o.call = c.continues WHERE c.call = ?1"
        )
    };
}

const SELECT_WITH_PAYLOADS: &str = select_calls!("c.arguments, c.result");
const SELECT_WITHOUT: &str = select_calls!("NULL, NULL");

/// Some calls of a day, by their numbers, in this order.
pub(crate) fn read_calls(
    connection: &Connection,
    day: i32,
    calls: impl IntoIterator<Item = i64>,
    with_payloads: bool,
) -> rusqlite::Result<Vec<Call>> {
    let sql = if with_payloads { SELECT_WITH_PAYLOADS } else { SELECT_WITHOUT };
    let mut statement = connection.prepare_cached(sql)?;
    let mut found = Vec::new();
    for call in calls {
        let mut rows = statement.query([call])?;
        let Some(row) = rows.next()? else { continue };
        let mut call = read_call(row, day)?;
        if row.get(40)? {
            call.attacks = attacks_of(connection, day, call.id.call)?;
        }
        found.push(call);
    }
    Ok(found)
}

fn read_call(row: &Row<'_>, day: i32) -> rusqlite::Result<Call> {
    let part = PartId { day, part: row.get(1)? };
    let flags: i64 = row.get(10)?;
    let outcome: String = row.get(11)?;
    let duration_ms =
        |index| row.get::<_, Option<i64>>(index).map(|us| us.map(|us| us as f64 / 1_000.0));
    let count = |index| row.get::<_, i64>(index).map(|count| count.max(0).cast_unsigned());
    let mut call = Call {
        id: CallId { day, part: part.part, call: row.get(0)? },
        at: Time(row.get(2)?),
        direction: row.get(3)?,
        http_method: row.get(4)?,
        status: row.get::<_, u16>(5).map(|status| (status != 0).then_some(status))?,
        rpc_id: rpc_id(row.get(6)?),
        method: some(row.get(7)?),
        primitive: primitive(row.get(8)?, row.get(9)?),
        listed: None,
        arguments: row.get::<_, Option<String>>(38)?.map(raw),
        result: row.get::<_, Option<String>>(39)?.map(raw),
        arguments_truncated: flags & ARGUMENTS_TRUNCATED != 0,
        result_truncated: flags & RESULT_TRUNCATED != 0,
        payloads_shed: flags & PAYLOADS_SHED != 0,
        is_error: outcome == record::Outcome::ToolError.as_str(),
        outcome,
        error: error(row.get(12)?, row.get(13)?),
        duration_ms: duration_ms(14)?,
        first_event_ms: duration_ms(15)?,
        notifications: count(16)?,
        bytes_in: count(17)?,
        bytes_out: count(18)?,
        request_id: request_id(row.get(19)?),
        session: part,
        session_id: row.get(20)?,
        id_source: row.get(21)?,
        server: row.get(22)?,
        user: some(row.get(23)?),
        roles: super::selection::roles_of(super::selection::text_of(row, 24)?),
        verified: some(row.get(25)?),
        address: some(row.get(26)?),
        client: software(row.get(27)?, row.get(28)?),
        user_agent: some(row.get(29)?),
        protocol_version: some(row.get(30)?),
        params: raw(row.get(31)?),
        carried: carried(row.get(32)?),
        coverage: CallCoverage { request: row.get(33)?, response: row.get(34)? },
        attacks: Vec::new(),
        continues: match (row.get(36)?, row.get(37)?) {
            (Some(call), Some(part)) => Some(CallId { day, part, call }),
            _ => None,
        },
    };
    if let Some(extra) = row.get::<_, Option<String>>(35)? {
        take_extra(&mut call, &extra);
    }
    Ok(call)
}

/// What the day's dictionaries had no room for.
fn take_extra(call: &mut Call, extra: &str) {
    let extra: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(extra).unwrap_or_default();
    let text = |name: &str| extra.get(name).and_then(|value| value.as_str()).map(str::to_owned);
    call.http_method = text("http_method").unwrap_or(std::mem::take(&mut call.http_method));
    call.method = text("method").or(call.method.take());
    if let (Some(primitive), Some(name)) = (&mut call.primitive, text("primitive")) {
        primitive.name = name;
    }
    call.protocol_version = text("protocol_version").or(call.protocol_version.take());
    if let Some(code) = extra.get("error_code").and_then(serde_json::Value::as_i64) {
        let message = call.error.take().and_then(|error| error.message);
        call.error = Some(RpcError { code: Some(code), message });
    }
    call.user = text("user").or(call.user.take());
    if let Some(roles) = text("roles") {
        call.roles = super::selection::roles_of(&roles);
    }
    call.verified = text("verified").or(call.verified.take());
    if let Some(name) = text("client") {
        call.client = software(name, text("client_version").unwrap_or_default());
    }
    call.address = text("address").or(call.address.take());
    call.user_agent = text("user_agent").or(call.user_agent.take());
}

/// JSON text as JSON. What is stored is always JSON; anything else is shown as a string.
pub(crate) fn raw(text: String) -> Box<RawValue> {
    RawValue::from_string(text).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

fn rpc_id(value: Value) -> Option<Box<RawValue>> {
    match value {
        Value::Integer(number) => Some(raw(number.to_string())),
        Value::Text(text) => Some(raw(serde_json::Value::String(text).to_string())),
        Value::Blob(json) => Some(raw(String::from_utf8_lossy(&json).into_owned())),
        Value::Null | Value::Real(_) => None,
    }
}

/// nginx's `$request_id` from its column.
pub(crate) fn request_id(value: Value) -> Option<String> {
    match value {
        Value::Blob(bytes) => {
            let mut text = String::with_capacity(bytes.len() * 2);
            for byte in bytes {
                for digit in [byte >> 4, byte & 15] {
                    text.extend(char::from_digit(u32::from(digit), 16));
                }
            }
            Some(text)
        }
        Value::Text(text) => some(text),
        Value::Null | Value::Integer(_) | Value::Real(_) => None,
    }
}

fn primitive(kind: Option<String>, name: Option<String>) -> Option<Primitive> {
    kind.zip(name).map(|(kind, name)| Primitive { kind, name })
}

fn error(code: Option<i64>, message: Option<String>) -> Option<RpcError> {
    (code.is_some() || message.is_some()).then_some(RpcError { code, message })
}

fn carried(bits: i64) -> Vec<&'static str> {
    [
        (CARRIED_USER, "user"),
        (CARRIED_ROLES, "roles"),
        (CARRIED_CLIENT, "client"),
        (CARRIED_PARAMS, "params"),
        (CARRIED_REVISION, "protocol_version"),
    ]
    .into_iter()
    .filter(|(bit, _)| bits & bit != 0)
    .map(|(_, name)| name)
    .collect()
}

fn attacks_of(connection: &Connection, day: i32, call: i64) -> rusqlite::Result<Vec<CallAttack>> {
    let mut statement = connection.prepare_cached(
        "SELECT a.attack, c.type, c.title, c.place, a.action, a.detail, a.point, a.expected, \
         a.found, a.count FROM attack_calls m JOIN attack_rows a ON a.attack = m.attack \
         JOIN controls c ON c.control = a.control WHERE m.call = ?1 ORDER BY m.attack",
    )?;
    let rows = statement.query_map([call], |row| {
        Ok(CallAttack {
            id: AttackId { day, attack: row.get(0)? },
            kind: row.get(1)?,
            control: some(row.get(2)?),
            place: some(row.get(3)?),
            verdict: DENY,
            action: row.get(4)?,
            detail: row.get(5)?,
            point: row.get(6)?,
            expected: row.get(7)?,
            found: row.get(8)?,
            count: row.get::<_, i64>(9)?.max(0).cast_unsigned(),
        })
    })?;
    rows.collect()
}
