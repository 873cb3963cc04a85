//! What a batch leaves in the day's file.

use crate::fixture::{NOON, Store, alice, call, exchange, place, write};
use protocol::RpcId;
use record::{Client, Exchange, Outcome, Sink};

#[test]
fn a_call_is_found_in_the_views() {
    let store = Store::new();
    let mut writer = store.writer("w1");
    let exchange = Exchange {
        identity: alice(),
        client: Client { name: "claude-code", version: "2.1.0" },
        ..exchange(NOON)
    };
    let committed = write(&mut writer, &exchange, Outcome::Ok);
    assert_eq!((committed.calls, committed.exchanges, committed.parts), (1, 1, 1));
    assert_eq!(committed.by_outcome[Outcome::Ok as usize], 1);
    let session = store.one(
        "SELECT json_array(part, day, server, session_id, id_source, user, roles, verified, \
         client, client_version, protocol_version, address, started_at, last_at, ended, calls, \
         errors, attacks, blocked, bytes_in, bytes_out) FROM sessions",
    );
    assert_eq!(
        session,
        "[1,\"2026-11-25\",\"crm.example.com/mcp\",\"0f1e2d3c4b5a6978\",\"header\",\
         \"alice@example.com\",\"[\\\"admin\\\"]\",\"yes\",\"claude-code\",\"2.1.0\",\
         \"2025-11-25\",\"10.0.0.7\",\"2026-11-25T10:00:00.000Z\",\"2026-11-25T10:00:00.012Z\",\
         null,1,0,0,0,210,310]"
    );
    let call = store.one(
        "SELECT json_array(call, part, at, server, session_id, direction, http_method, status, \
         rpc_id, method, primitive_kind, primitive, arguments, result, outcome, error_code, \
         error_message, duration_ms, first_event_ms, notifications, bytes_in, bytes_out, \
         coverage_request, coverage_response, protocol_version, user, roles, request_id) \
         FROM calls",
    );
    assert_eq!(
        call,
        "[1,1,\"2026-11-25T10:00:00.000Z\",\"crm.example.com/mcp\",\"0f1e2d3c4b5a6978\",\
         \"client\",\"POST\",200,7,\"tools/call\",\"tool\",\"search\",\"{\\\"q\\\":\\\"x\\\"}\",\
         \"{\\\"content\\\":[]}\",\"ok\",null,null,12.4,null,0,210,188,\"full\",\"full\",\
         \"2025-11-25\",\"alice@example.com\",\"[\\\"admin\\\"]\",\
         \"5b0f00000000000000000000000000aa\"]"
    );
}

#[test]
fn sums_and_rollups_agree_with_the_calls() {
    let store = Store::new();
    let mut writer = store.writer("w1");
    for round in 0..3 {
        let mut batch = writer.begin(NOON).unwrap();
        for session in ["a", "b", "c"] {
            let exchange = Exchange { session: crate::fixture::claim(session), ..exchange(NOON) };
            let part = place(&mut batch, &exchange);
            for (id, outcome) in Outcome::ALL.into_iter().enumerate() {
                let id = RpcId::Integer(round * 100 + i64::try_from(id).unwrap());
                batch.call(part, &exchange, &call(NOON, &id, outcome));
            }
        }
        batch.commit().unwrap();
    }
    assert_eq!(store.one("SELECT count(*) FROM calls"), "99");
    assert_eq!(store.one("SELECT sum(calls) FROM sessions"), "99");
    assert_eq!(store.one("SELECT sum(errors) FROM sessions"), "36");
    assert_eq!(store.one("SELECT sum(blocked) FROM sessions"), "9");
    let differing = "SELECT count(*) FROM (SELECT part, actor, kind, count(*) AS calls \
         FROM call_rows GROUP BY part, actor, kind) AS c FULL JOIN tallies AS t \
         ON t.part = c.part AND t.actor = c.actor AND t.kind = c.kind \
         WHERE t.calls IS NOT c.calls";
    assert_eq!(store.one(differing), "0");
}

#[test]
fn a_dropped_batch_leaves_nothing() {
    let store = Store::new();
    let mut writer = store.writer("w1");
    write(&mut writer, &exchange(NOON), Outcome::Ok);
    {
        let mut batch = writer.begin(NOON).unwrap();
        let other = Exchange { session: crate::fixture::claim("other"), ..exchange(NOON) };
        let part = place(&mut batch, &other);
        batch.call(part, &other, &call(NOON, &RpcId::Integer(1), Outcome::Ok));
    }
    assert_eq!(store.one("SELECT count(*) FROM sessions"), "1");
    let other = Exchange { session: crate::fixture::claim("other"), ..exchange(NOON) };
    write(&mut writer, &other, Outcome::Ok);
    assert_eq!(store.one("SELECT group_concat(session_id) FROM calls"), "0f1e2d3c4b5a6978,other");
}
