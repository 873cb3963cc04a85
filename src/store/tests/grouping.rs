//! Which session part an exchange goes to.

use crate::fixture::{
    DAY, HOUR, LATE, NOON, SECOND, Store, alice, call, claim, exchange, grouped, place, write,
};
use crate::queries::limits;
use protocol::RpcId;
use record::{
    Client, Event, EventKind, Exchange, IdSource, Identity, Outcome, Param, Patience, Place,
    Server, Sink,
};
use std::sync::Arc;
use store::query::{Filter, PageRequest, Reader, Scope};

const UNPROVEN: Server<'static> = Server {
    name: "crm.example.com/probe",
    unproven: "crm.example.com",
    is_named: false,
    is_proven: false,
};

#[test]
fn an_invented_id_opens_no_session() {
    let store = Store::new();
    let mut writer = store.writer("w1");
    for id in ["x1", "x2", "x3"] {
        let claim = record::Claim { opens: false, ..claim(id) };
        write(
            &mut writer,
            &Exchange { session: claim, status: 404, ..exchange(NOON) },
            Outcome::HttpError,
        );
    }
    let none = "SELECT id_source || ' ' || calls || ' ' || errors FROM sessions";
    assert_eq!(store.one(none), "none 3 0", "probes and refused logins are no errors");
}

#[test]
fn an_unknown_id_waits_while_it_may() {
    let store = Store::new();
    let mut first = store.writer("w1");
    let mut second = store.writer("w2");
    let later = Exchange {
        session: record::Claim { opens: false, ..claim("s") },
        status: 404,
        ..exchange(NOON + SECOND)
    };
    {
        let mut batch = second.begin(NOON).unwrap();
        assert_eq!(batch.place(&later, Patience::MayWait), Place::Later);
        batch.commit().unwrap();
    }
    write(&mut first, &Exchange { session: claim("s"), ..exchange(NOON) }, Outcome::Ok);
    let mut batch = second.begin(NOON).unwrap();
    assert!(matches!(batch.place(&later, Patience::MayWait), Place::Part(_)));
    batch.commit().unwrap();
    assert_eq!(store.one("SELECT session_id FROM sessions"), "s");
}

#[test]
fn a_server_without_proof_is_kept_under_its_host() {
    let store = Store::new();
    let mut writer = store.writer("w1");
    let probe = Exchange { server: UNPROVEN, ..exchange(NOON) };
    {
        let mut batch = writer.begin(NOON).unwrap();
        assert_eq!(batch.place(&probe, Patience::MayWait), Place::Later);
        batch.commit().unwrap();
    }
    write(&mut writer, &probe, Outcome::HttpError);
    assert_eq!(store.one("SELECT server FROM sessions"), "crm.example.com");
    let proof = Exchange { server: Server { is_proven: true, ..UNPROVEN }, ..exchange(NOON) };
    write(&mut writer, &proof, Outcome::Ok);
    write(&mut writer, &probe, Outcome::Ok);
    let calls = "SELECT calls FROM sessions WHERE server = 'crm.example.com/probe'";
    assert_eq!(store.one(calls), "2");
}

#[test]
fn the_same_id_on_two_servers_is_two_sessions() {
    let store = Store::new();
    let mut writer = store.writer("w1");
    write(&mut writer, &exchange(NOON), Outcome::Ok);
    let other = Server { name: "wiki.example.com/mcp", is_named: true, ..UNPROVEN };
    write(&mut writer, &Exchange { server: other, ..exchange(NOON) }, Outcome::Ok);
    assert_eq!(store.one("SELECT count(*) FROM sessions"), "2");
}

#[test]
fn the_post_side_joins_the_server_of_its_stream() {
    let store = Store::new();
    let mut writer = store.writer("w1");
    let mut stream = claim("q1");
    stream.source = IdSource::Query;
    write(&mut writer, &Exchange { session: stream, ..exchange(NOON) }, Outcome::Ok);
    let post = Exchange {
        server: UNPROVEN,
        session: record::Claim { joins_stream: true, opens: false, ..stream },
        ..exchange(NOON + SECOND)
    };
    write(&mut writer, &post, Outcome::Ok);
    assert_eq!(store.one("SELECT server || ' ' || calls FROM sessions"), "crm.example.com/mcp 2");
    let unknown = Exchange { session: record::Claim { id: "q2", ..post.session }, ..post };
    let mut batch = writer.begin(NOON).unwrap();
    assert_eq!(batch.place(&unknown, Patience::MayWait), Place::Later);
    assert!(matches!(batch.place(&post, Patience::MayWait), Place::Stream(_)));
}

#[test]
fn what_was_only_taken_for_a_streams_id_is_placed_without_it() {
    let store = Store::new();
    let mut writer = store.writer("w1");
    write(&mut writer, &exchange(NOON), Outcome::Ok);
    let guess = record::Claim {
        source: IdSource::Query,
        joins_stream: true,
        group: 99,
        unannounced: record::Unannounced::By(IdSource::Derived),
        ..claim("q1")
    };
    let post = Exchange { session: guess, ..exchange(NOON + SECOND) };
    {
        let mut batch = writer.begin(NOON).unwrap();
        assert_eq!(batch.place(&post, Patience::MayWait), Place::Later);
    }
    write(&mut writer, &post, Outcome::Ok);
    write(&mut writer, &post, Outcome::Ok);
    let derived = "SELECT calls FROM sessions WHERE id_source = 'derived'";
    assert_eq!(store.one(derived), "2");
    let unannounced = record::Unannounced::Dropped;
    let sign = Exchange { session: record::Claim { unannounced, ..guess }, ..post };
    let mut batch = writer.begin(NOON).unwrap();
    assert_eq!(batch.place(&sign, Patience::MayWait), Place::Later);
    assert_eq!(batch.place(&sign, Patience::Decide), Place::Nowhere);
}

#[test]
fn a_derived_session_ends_with_a_gap() {
    let store = Store::new();
    let mut writer = store.writer("w1");
    let session = grouped(IdSource::Derived, 99);
    for at in [NOON, NOON + 29 * 60 * SECOND, NOON + 58 * 60 * SECOND, NOON + 2 * HOUR] {
        write(&mut writer, &Exchange { session, ..exchange(at) }, Outcome::Ok);
    }
    let calls = store.column("2026-11-25.db", "SELECT calls FROM sessions ORDER BY part");
    assert_eq!(calls, ["3", "1"]);
    let ids = "SELECT count(DISTINCT session_id) || ' ' || max(length(session_id)) FROM sessions";
    assert_eq!(store.one(ids), "2 16");
}

#[test]
fn two_writers_see_one_derived_session() {
    let store = Store::new();
    let (mut first, mut second) = (store.writer("w1"), store.writer("w2"));
    let session = grouped(IdSource::Derived, 99);
    for round in 0..4 {
        let at = NOON + round * 20 * 60 * SECOND;
        let writer = if round % 2 == 0 { &mut first } else { &mut second };
        write(writer, &Exchange { session, ..exchange(at) }, Outcome::Ok);
    }
    assert_eq!(store.one("SELECT calls FROM sessions"), "4");
}

#[test]
fn a_session_continues_on_the_next_day() {
    let store = Store::new();
    let mut writer = store.writer("w1");
    let derived = grouped(IdSource::Derived, 99);
    for session in [claim("s"), derived] {
        let opened = Exchange {
            session,
            identity: alice(),
            client: Client { name: "claude-code", version: "2.1.0" },
            ..exchange(LATE)
        };
        write(&mut writer, &opened, Outcome::Ok);
        let session = record::Claim { opens: false, ..session };
        let next = Exchange { session, ..exchange(LATE + 10 * SECOND) };
        write(&mut writer, &next, Outcome::Ok);
    }
    let ids = "SELECT group_concat(session_id || user || client) \
         FROM (SELECT * FROM sessions ORDER BY id_source)";
    assert_eq!(store.column("2026-11-26.db", ids), store.column("2026-11-25.db", ids));
    let calls = store.column("2026-11-26.db", "SELECT calls FROM sessions");
    assert_eq!(calls, ["1", "1"]);
}

#[test]
fn an_id_that_ended_yesterday_is_a_strangers_today() {
    let store = Store::new();
    let mut writer = store.writer("w1");
    let opened = exchange(LATE);
    let mut batch = writer.begin(LATE).unwrap();
    let part = place(&mut batch, &opened);
    batch.event(part, &opened, &Event { at: LATE, kind: EventKind::Deleted, count: 0 });
    batch.commit().unwrap();
    let session = record::Claim { opens: false, ..opened.session };
    write(&mut writer, &Exchange { session, ..exchange(LATE + HOUR) }, Outcome::HttpError);
    assert_eq!(store.column("2026-11-26.db", "SELECT id_source FROM sessions"), ["none"]);
}

#[test]
fn what_was_learned_at_the_start_is_carried_over() {
    let store = Store::new();
    let mut first = store.writer("w1");
    let mut second = store.writer("w2");
    let params = [Param { name: "tenant", value: "acme" }];
    let opened = Exchange {
        identity: Identity { params: &params, ..alice() },
        client: Client { name: "claude-code", version: "2.1.0" },
        ..exchange(NOON)
    };
    write(&mut first, &opened, Outcome::Ok);
    let bare = Exchange { protocol_version: "", ..exchange(NOON + SECOND) };
    write(&mut second, &bare, Outcome::Ok);
    let rows = store.column(
        "2026-11-25.db",
        "SELECT a.user || a.client || a.params || k.protocol_version || a.carried \
         FROM call_rows c JOIN actors a USING (actor) JOIN kinds k USING (kind) ORDER BY call",
    );
    let said = "alice@example.comclaude-code{\"tenant\":\"acme\"}2025-11-25";
    assert_eq!(rows, [format!("{said}0"), format!("{said}31")]);
}

#[test]
fn only_its_own_user_ends_a_session_by_a_404() {
    let store = Store::new();
    let mut writer = store.writer("w1");
    let opened = Exchange { identity: alice(), ..exchange(NOON) };
    write(&mut writer, &opened, Outcome::Ok);
    let gone = Event { at: NOON + SECOND, kind: EventKind::NotFound, count: 0 };
    for (identity, ended) in [(Identity::default(), "NULL"), (alice(), "2026-11-25T10:00:01.000Z")]
    {
        let exchange = Exchange { identity, status: 404, ..opened };
        let mut batch = writer.begin(NOON).unwrap();
        let part = place(&mut batch, &exchange);
        batch.event(part, &exchange, &gone);
        batch.commit().unwrap();
        assert_eq!(store.one("SELECT ended FROM sessions"), ended);
    }
}

#[test]
fn a_clock_set_back_over_midnight_writes_the_right_files() {
    let store = Store::new();
    let mut writer = store.writer("w1");
    for at in [LATE, LATE + 5 * SECOND, LATE, LATE + 5 * SECOND, LATE - HOUR] {
        write(&mut writer, &exchange(at), Outcome::Ok);
    }
    assert_eq!(store.column("2026-11-25.db", "SELECT count(*) FROM calls"), ["3"]);
    assert_eq!(store.column("2026-11-26.db", "SELECT count(*) FROM calls"), ["2"]);
    // A record whose time is far off goes into the nearest day that may be written.
    let mut batch = writer.begin(LATE).unwrap();
    let far = exchange(LATE - 400 * DAY);
    let part = place(&mut batch, &far);
    batch.call(part, &far, &call(far.at, &RpcId::None, Outcome::Accepted));
    batch.commit().unwrap();
    assert_eq!(store.column("2026-11-24.db", "SELECT count(*) FROM calls"), ["1"]);
}

#[test]
fn a_session_tells_what_grouped_its_calls() {
    let params = [
        Param { name: "chat", value: "c-17" },
        Param { name: "tenant", value: "acme" },
        Param { name: "same", value: "c-17" },
    ];
    let named = Identity { params: &params, ..alice() };
    let guest = Identity { user: "", credential: 0, ..named };
    let token = Identity { credential: 5, ..guest };
    let configured = record::Claim { source: IdSource::Configured, ..claim("c-17") };
    let derived = |group| grouped(IdSource::Derived, group);
    let stateless = ("2026-07-28", Client { name: "claude-code", version: "2.1" });
    let old = ("2025-11-25", Client { name: "claude-code", version: "2.1" });
    for (session, identity, (protocol_version, client), wanted) in [
        (claim("s"), named, old, vec!["session_id"]),
        (configured, named, old, vec!["param.chat", "param.same"]),
        (derived(1), named, stateless, vec!["user", "client"]),
        (derived(2), named, old, vec!["user"]),
        (derived(3), token, stateless, vec!["credential", "client"]),
        (derived(4), guest, old, vec!["address", "user_agent"]),
        (grouped(IdSource::None, 5), named, stateless, vec!["address", "user_agent"]),
    ] {
        let store = Store::new();
        let mut writer = store.writer("w1");
        let made = Exchange { session, identity, protocol_version, client, ..exchange(NOON) };
        write(&mut writer, &made, Outcome::Ok);
        let (stop, page) = (Arc::default(), PageRequest { limit: 5, cursor: None });
        let mut reader = Reader::open(&store.path(), Scope::all());
        let list = reader.sessions(&Filter::default(), page, &limits(&stop)).unwrap().items;
        let found = reader.session(list[0].id, &limits(&stop)).unwrap().value;
        assert_eq!(found.grouped_by, wanted, "{:?}", found.part);
    }
}
