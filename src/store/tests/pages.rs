//! Pages while others write, days that cannot be read, confinement, limits.

use crate::fixture::{DAY, NOON, SECOND, Store, call, claim, exchange, place, write};
use crate::queries::pages;
use protocol::RpcId;
use record::{Event, EventKind, Exchange, Outcome, Server, Sink};
use rusqlite::Connection;
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use store::Writer;
use store::query::{
    CallId, DayMark, FacetRequest, Filter, Limits, Mark, PageRequest, PartId, QueryError, Reader,
    Scope, Sort, State,
};

fn limits(stop: &Arc<AtomicBool>) -> Limits<'_> {
    Limits { now: NOON, deadline: Instant::now() + Duration::from_secs(60), cancelled: stop }
}

fn write_to(writer: &mut Writer, session: &str, at: i64) {
    let exchange = Exchange { session: claim(session), ..exchange(at) };
    write(writer, &exchange, Outcome::Ok);
}

#[test]
fn pages_neither_repeat_nor_skip_sessions_that_move_up_meanwhile() {
    let store = Store::new();
    let (mut writer, mut other) = (store.writer("w1"), store.writer("w2"));
    for number in 0..60 {
        write_to(&mut writer, &format!("s{number}"), NOON - DAY + number * SECOND);
        write_to(&mut writer, &format!("s{number}"), NOON + number * SECOND);
    }
    let (stop, filter) = (Arc::default(), Filter::default());
    let mut reader = Reader::open(&store.path(), Scope::all());
    let mut round = 0_i64;
    let found = pages(7, |page| {
        let list = reader.sessions(&filter, page, &limits(&stop));
        // Between two pages some sessions go on, some twice, some without a call; new ones come.
        for number in [round * 5 % 60, 59 - round % 60, 30] {
            let at = NOON + 100 * SECOND + round * SECOND;
            write_to(&mut other, &format!("s{number}"), at);
            write_to(&mut writer, &format!("s{number}"), at + 1);
        }
        let at = NOON + 200 * SECOND + round * SECOND;
        let id = format!("s{}", 57 - round % 50);
        let exchange =
            Exchange { session: claim(&id), http_method: "GET", last_at: at, ..exchange(at) };
        let mut batch = writer.begin(at).unwrap();
        let part = place(&mut batch, &exchange);
        batch.event(part, &exchange, &Event { at, kind: EventKind::StreamOpened, count: 1 });
        batch.commit().unwrap();
        write_to(&mut writer, &format!("new{round}"), at);
        round += 1;
        list
    });
    let shown: Vec<(i32, String)> =
        found.iter().map(|part| (part.id.day, part.session_id.clone())).collect();
    let today = i32::try_from(NOON / DAY).unwrap();
    let wanted: Vec<(i32, String)> = [today, today - 1]
        .into_iter()
        .flat_map(|day| (0..60).rev().map(move |number| (day, format!("s{number}"))))
        .collect();
    assert_eq!(shown, wanted);
    assert!(round > 10, "{round}");
}

#[test]
fn pages_of_calls_neither_repeat_nor_skip_while_calls_come() {
    let store = Store::new();
    let mut writer = store.writer("w1");
    for number in 0..50 {
        write_to(&mut writer, &format!("s{}", number % 3), NOON + number * SECOND);
    }
    let (stop, filter) = (Arc::default(), Filter::default());
    let mut reader = Reader::open(&store.path(), Scope::all());
    let mut later = NOON + 1_000 * SECOND;
    let found = pages(4, |page| {
        let list = reader.calls(&filter, Sort::Newest, page, false, &limits(&stop));
        later += SECOND;
        write_to(&mut writer, "s1", later);
        list
    });
    let times: Vec<i64> = found.iter().map(|call| (call.at.0 - NOON) / SECOND).collect();
    assert_eq!(times, (0..50).rev().collect::<Vec<i64>>());
}

#[test]
fn a_cursor_of_another_list_is_refused() {
    let store = Store::new();
    let mut writer = store.writer("w1");
    for number in 0..3 {
        write_to(&mut writer, &format!("s{number}"), NOON + number);
    }
    let (stop, filter) = (Arc::default(), Filter::default());
    let mut reader = Reader::open(&store.path(), Scope::all());
    let first = PageRequest { limit: 1, cursor: None };
    let next = reader.sessions(&filter, first, &limits(&stop)).unwrap().next.unwrap();
    let other = Filter { method: vec!["ping".into()], ..Filter::default() };
    let long = "9".repeat(5_000);
    for cursor in ["", "x", "0.1.2.3.4", &long, &format!("{next}.1"), &next[..next.len() - 2]] {
        let page = PageRequest { limit: 1, cursor: Some(cursor) };
        // Cutting a digit off a number leaves a cursor that is sound.
        let is_sound = cursor == &next[..next.len() - 2] && !cursor.ends_with('.');
        let found = reader.sessions(&filter, page, &limits(&stop));
        assert!(is_sound || found.err() == Some(QueryError::BadCursor), "{cursor}");
    }
    let page = PageRequest { limit: 1, cursor: Some(&next) };
    assert!(reader.sessions(&filter, page, &limits(&stop)).is_ok());
    assert_eq!(reader.sessions(&other, page, &limits(&stop)).err(), Some(QueryError::BadCursor));
    assert_eq!(
        reader.calls(&filter, Sort::Newest, page, false, &limits(&stop)).err(),
        Some(QueryError::BadCursor)
    );
}

#[test]
fn days_that_cannot_be_read_are_named_and_the_others_shown() {
    let store = Store::new();
    for back in 0..5 {
        // A writer for each, so that the files are closed.
        let mut writer = Writer::open(store.settings("w1"), NOON - back * DAY).unwrap();
        write_to(&mut writer, "a", NOON - back * DAY);
    }
    let (stop, filter) = (Arc::default(), Filter::default());
    let mut reader = Reader::open(&store.path(), Scope::all());
    let page = PageRequest { limit: 50, cursor: None };
    assert_eq!(reader.sessions(&filter, page, &limits(&stop)).unwrap().items.len(), 5);
    std::fs::write(store.file("2026-11-24.db.new"), b"not a database, but long enough").unwrap();
    std::fs::rename(store.file("2026-11-24.db.new"), store.file("2026-11-24.db")).unwrap();
    store.read("2026-11-23.db").execute_batch("PRAGMA user_version = 99").unwrap();
    std::fs::remove_file(store.file("2026-11-22.db")).unwrap();
    std::fs::remove_file(store.file("2026-11-21.db")).unwrap();
    std::os::unix::fs::symlink("2026-11-25.db", store.file("2026-11-21.db")).unwrap();
    let mut fresh = Reader::open(&store.path(), Scope::all());
    for reader in [&mut reader, &mut fresh] {
        let found = reader.sessions(&filter, page, &limits(&stop)).unwrap();
        let days: Vec<&str> = found.items.iter().map(|part| part.day.as_str()).collect();
        assert_eq!(days, ["2026-11-25"]);
        let warned: Vec<(&str, bool)> = found
            .warnings
            .iter()
            .map(|warning| (warning.day.as_deref().unwrap(), warning.message.contains('/')))
            .collect();
        assert!(warned.contains(&("2026-11-24", false)), "{:?}", found.warnings);
    }
    let found = fresh.facets(&filter, &FacetRequest::default(), &limits(&stop)).unwrap();
    let newer = found.warnings.iter().find(|w| w.day.as_deref() == Some("2026-11-23")).unwrap();
    assert!(newer.message.contains("newer version"), "{newer:?}");
    assert_eq!(found.value.calls, 1);
}

#[test]
fn a_store_that_is_not_there_yet_is_empty() {
    let store = Store::new();
    let stop = Arc::default();
    let mut reader = Reader::open(&store.path(), Scope::all());
    let page = PageRequest { limit: 50, cursor: None };
    let found = reader.sessions(&Filter::default(), page, &limits(&stop)).unwrap();
    assert!(found.items.is_empty() && found.warnings.is_empty());
    assert!(!store.path().exists());
    assert_eq!(reader.servers(&Filter::default(), &limits(&stop)).unwrap().items, []);
    assert_eq!(
        reader.timeline(&Filter::default(), 60, &limits(&stop)).unwrap().value.steps.len(),
        1
    );
}

#[test]
fn a_day_of_the_first_schema_is_read() {
    let store = Store::new();
    let mut writer = store.writer("w1");
    for number in 0..5 {
        write_to(&mut writer, &format!("s{}", number % 2), NOON + number * SECOND);
    }
    drop(writer);
    // The same rows in a file as version 1 made it.
    let old = store.file("old.db");
    let connection = Connection::open(&old).unwrap();
    connection.execute_batch(include_str!("../schema/day.sql")).unwrap();
    let day = store.file("2026-11-25.db");
    connection.execute("ATTACH ?1 AS new", [day.to_str().unwrap()]).unwrap();
    let tables = [
        ("meta", "key, value"),
        ("servers", "*"),
        ("actors", "*"),
        (
            "kinds",
            "kind, hash, direction, http_method, status, method, primitive_kind, primitive, \
             outcome, error_code, coverage_request, coverage_response, protocol_version",
        ),
        ("call_rows", "*"),
        ("runs", "part, first_call, last_call"),
        ("tallies", "part, hour, actor, kind, calls, duration_us"),
        (
            "parts",
            "part, server, session_id, id_source, session_group, idle_us, continues_day, \
             started_at, last_at, ended_at, ended_by, actor, protocol_version, server_info, \
             server_version, calls, errors, attacks, blocked, notifications, bytes_in, bytes_out",
        ),
    ];
    for (table, columns) in tables {
        let sql = format!("INSERT INTO main.{table} SELECT {columns} FROM new.{table}");
        connection.execute(&sql, ()).unwrap();
    }
    connection.execute_batch("DELETE FROM main.meta WHERE key = 'changes'; DETACH new").unwrap();
    connection
        .execute_batch("PRAGMA application_id = 0x4d435064; PRAGMA user_version = 1")
        .unwrap();
    drop(connection);
    std::fs::rename(&old, &day).unwrap();
    let stop = Arc::default();
    let filter = Filter { method: vec!["tools/call".into()], ..Filter::default() };
    let asked = || {
        let mut reader = Reader::open(&store.path(), Scope::all());
        let parts = pages(1, |page| reader.sessions(&filter, page, &limits(&stop)));
        let parts: Vec<(String, u64)> =
            parts.into_iter().map(|part| (part.session_id, part.matched)).collect();
        let calls =
            pages(2, |page| reader.calls(&filter, Sort::Duration, page, true, &limits(&stop)));
        let request =
            Filter { request_id: vec![calls[0].request_id.clone().unwrap()], ..filter.clone() };
        let page = PageRequest { limit: 50, cursor: None };
        let same = reader.calls(&request, Sort::Newest, page, true, &limits(&stop)).unwrap();
        let servers = reader.servers(&Filter::default(), &limits(&stop)).unwrap().items;
        let later = Limits { now: NOON + 60 * SECOND, ..limits(&stop) };
        let timeline = reader.timeline(&filter, 60, &later).unwrap().value;
        let charted: u64 = timeline.steps.iter().map(|step| step.calls).sum();
        (parts, calls.len(), same.items.len(), servers[0].calls, charted)
    };
    let wanted = (vec![("s0".to_owned(), 3), ("s1".to_owned(), 2)], 5, 5, 5, 5);
    assert_eq!(asked(), wanted);
    // And the same once it was brought to the newest version.
    let mut writer = store.writer("w2");
    writer.begin(NOON).unwrap().commit().unwrap();
    drop(writer);
    assert_eq!(store.one("PRAGMA user_version"), "3");
    assert_eq!(asked(), wanted);
}

#[test]
fn a_confined_reader_sees_its_servers_only() {
    let store = Store::new();
    let mut writer = store.writer("w1");
    for (session, name) in [("mine", "crm.test/mcp"), ("other", "hr.test/mcp")] {
        let server = Server { name, unproven: "test", is_named: true, is_proven: true };
        let exchange = Exchange { server, session: claim(session), ..exchange(NOON) };
        write(&mut writer, &exchange, Outcome::Ok);
    }
    let stop = Arc::default();
    let limits = limits(&stop);
    let page = PageRequest { limit: 50, cursor: None };
    let all = Filter::default();
    let mut every = Reader::open(&store.path(), Scope::all());
    let parts = every.sessions(&all, page, &limits).unwrap().items;
    let other = parts.iter().find(|part| part.session_id == "other").unwrap().id;
    let calls = every.session_calls(other, &all, page, false, &limits).unwrap().items;
    let hidden = every.servers(&all, &limits).unwrap().items.pop().unwrap();
    assert_eq!(hidden.name, "hr.test/mcp");

    let mut reader = Reader::open(&store.path(), Scope::servers(vec!["crm.*".into()]));
    let text = |value: serde_json::Value| {
        let text = value.to_string();
        assert!(!text.contains("hr.test") && !text.contains("\"other\""), "{text}");
        text
    };
    let json = |value| text(serde_json::to_value(value).unwrap());
    json(reader.sessions(&all, page, &limits).unwrap().items);
    text(
        serde_json::to_value(reader.calls(&all, Sort::Newest, page, true, &limits).unwrap())
            .unwrap(),
    );
    text(
        serde_json::to_value(reader.calls(&all, Sort::Bytes, page, true, &limits).unwrap())
            .unwrap(),
    );
    let facets = reader.facets(&all, &FacetRequest::default(), &limits).unwrap();
    assert_eq!((facets.value.calls, facets.value.sessions), (1, 1));
    text(serde_json::to_value(facets).unwrap());
    text(serde_json::to_value(reader.servers(&all, &limits).unwrap()).unwrap());
    text(serde_json::to_value(reader.agents(&all, &limits).unwrap()).unwrap());
    let days = reader.days(&limits).unwrap().items;
    assert_eq!((days[0].sessions, days[0].calls), (Some(1), Some(1)));
    let charted = reader.timeline(&all, 60, &limits).unwrap().value;
    assert_eq!(charted.steps.iter().map(|step| step.calls).sum::<u64>(), 1);
    let since = Mark { days: vec![DayMark { day: other.day, change: 0, call: 0, attack: 0 }] };
    let changes = reader.changes(&since, &all, 50, &limits).unwrap();
    assert_eq!((changes.sessions.len(), changes.calls.len()), (1, 1));
    let asked = Filter { server: vec!["hr.test/mcp".into()], ..Filter::default() };
    assert!(reader.sessions(&asked, page, &limits).unwrap().items.is_empty());
    let not_found = Some(QueryError::NotFound);
    assert_eq!(reader.session(other, &limits).err(), not_found);
    assert_eq!(reader.session_calls(other, &all, page, false, &limits).err(), not_found);
    assert_eq!(reader.call(calls[0].id, &limits).err(), not_found);
    assert_eq!(reader.server(&hidden.id, &all, &limits).err(), not_found);
    assert_eq!(
        reader
            .primitives(&hidden.id, &all, &[], PageRequest { limit: 50, cursor: None }, &limits)
            .err(),
        not_found
    );
    let mut seen = 0;
    reader
        .each_call(&all, false, &limits, &mut |call| {
            assert_eq!(call.server, "crm.test/mcp");
            seen += 1;
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(seen, 1);
}

#[test]
fn a_query_ends_when_it_is_cancelled_or_too_late() {
    let store = Store::new();
    let mut writer = store.writer("w1");
    let mut batch = writer.begin(NOON).unwrap();
    for number in 0..20_000 {
        let session = format!("s{}", number % 500);
        let exchange = Exchange { session: claim(&session), ..exchange(NOON + number) };
        let part = place(&mut batch, &exchange);
        batch.call(part, &exchange, &call(NOON + number, &RpcId::Integer(1), Outcome::Ok));
    }
    batch.commit().unwrap();
    let stop: Arc<AtomicBool> = Arc::default();
    let filter = Filter { from: Some(NOON + 3), q: Some("nothing".into()), ..Filter::default() };
    let page = PageRequest { limit: 50, cursor: None };
    let mut reader = Reader::open(&store.path(), Scope::all());
    let late = Limits { deadline: Instant::now(), ..limits(&stop) };
    let request = FacetRequest::default();
    assert_eq!(reader.sessions(&filter, page, &late).err(), Some(QueryError::TimedOut));
    assert_eq!(reader.facets(&filter, &request, &late).err(), Some(QueryError::TimedOut));
    // In the middle of its work.
    let all = Filter { from: Some(NOON + 3), ..Filter::default() };
    let soon = Limits { deadline: Instant::now() + Duration::from_micros(300), ..limits(&stop) };
    assert_eq!(reader.facets(&all, &request, &soon).err(), Some(QueryError::TimedOut));
    let flag = Arc::clone(&stop);
    let found = std::thread::scope(|scope| {
        scope.spawn(move || flag.store(true, Ordering::Relaxed));
        std::iter::repeat_with(|| reader.facets(&all, &request, &limits(&stop)))
            .find(Result::is_err)
            .unwrap()
    });
    assert_eq!(found.err(), Some(QueryError::Cancelled));
    stop.store(false, Ordering::Relaxed);
    assert_eq!(reader.facets(&all, &request, &limits(&stop)).unwrap().value.calls, 19_997);
}

#[test]
fn changes_are_told_once() {
    let store = Store::new();
    let mut writer = store.writer("w1");
    write_to(&mut writer, "a", NOON);
    let (stop, all) = (Arc::default(), Filter::default());
    let limits = limits(&stop);
    let mut reader = Reader::open(&store.path(), Scope::all());
    let begin = reader.changes(&Mark::default(), &all, 10, &limits).unwrap();
    assert!(begin.sessions.is_empty() && begin.calls.is_empty());
    write_to(&mut writer, "a", NOON + SECOND);
    write_to(&mut writer, "b", NOON + 2 * SECOND);
    let second = reader.changes(&begin.mark, &all, 10, &limits).unwrap();
    let names: Vec<&str> = second.sessions.iter().map(|part| part.session_id.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(second.calls.len(), 2);
    assert!(!second.is_cut);
    let third = reader.changes(&second.mark, &all, 10, &limits).unwrap();
    assert!(third.sessions.is_empty() && third.calls.is_empty());
    assert_eq!(third.mark, second.mark);
    // More than is asked for is said to be more, and a new day is new from its beginning.
    write_to(&mut writer, "a", NOON + DAY);
    write_to(&mut writer, "c", NOON + DAY);
    let cut = reader.changes(&second.mark, &all, 1, &limits).unwrap();
    assert_eq!((cut.sessions.len(), cut.calls.len(), cut.is_cut), (1, 1, true));
}

#[test]
fn one_call_has_all_that_belongs_to_it() {
    let store = Store::new();
    let mut writer = store.writer("w1");
    let exchange = exchange(NOON);
    let mut batch = writer.begin(NOON).unwrap();
    let part = place(&mut batch, &exchange);
    for id in 1..4 {
        batch.call(part, &exchange, &call(NOON, &RpcId::Integer(id), Outcome::RpcError));
    }
    batch.commit().unwrap();
    let stop = Arc::default();
    let limits = limits(&stop);
    let mut reader = Reader::open(&store.path(), Scope::all());
    let page = PageRequest { limit: 50, cursor: None };
    let part = reader.sessions(&Filter::default(), page, &limits).unwrap().items.remove(0);
    assert_eq!(part.id.to_string(), "2026-11-25.1");
    assert_eq!(part.state, State::Open);
    let id: CallId = "2026-11-25.1.2".parse().unwrap();
    let found = reader.call(id, &limits).unwrap().value;
    assert_eq!(found.call.rpc_id.as_ref().unwrap().get(), "2");
    assert_eq!(found.call.error.as_ref().unwrap().code, Some(-32602));
    assert_eq!(found.batch.iter().map(|id| id.call).collect::<BTreeSet<_>>(), [1, 3].into());
    assert_eq!(found.previous.map(|id| id.call), Some(1));
    assert_eq!(found.following.map(|id| id.call), Some(3));
    let json = serde_json::to_value(&found).unwrap();
    assert_eq!(json["at"], "2026-11-25T10:00:00.000Z");
    assert_eq!(json["arguments"]["q"], "x");
    assert_eq!(json["session"], "2026-11-25.1");
    let other = CallId { part: 2, ..id };
    assert_eq!(reader.call(other, &limits).err(), Some(QueryError::NotFound));
    assert_eq!("2026-11-25.01".parse::<PartId>().ok(), None);
    assert_eq!("2026-13-25.1".parse::<PartId>().ok(), None);
}
