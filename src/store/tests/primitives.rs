//! Primitives of a server: lists and calls together.

use crate::attacks::{ACL, attack};
use crate::fixture::{DAY, HOUR, NOON, SECOND, Store, answer, call, exchange, place};
use protocol::{PrimitiveKind, RpcId};
use record::{Call, Exchange, Listed, Listing, Micros, Outcome, Primitive, Sink};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::Writer;
use store::query::{
    DayMark, Filter, Limits, Mark, PageRequest, PrimitiveStatus, PrimitiveSummary, QueryError,
    Reader, Scope, Sort,
};

const CRM: &str = "crm.example.com/mcp";
const FIRST: PageRequest<'_> = PageRequest { limit: 500, cursor: None };

/// A store with its writer and a reader.
struct World {
    store: Store,
    writer: Writer,
    reader: Reader,
    stop: Arc<std::sync::atomic::AtomicBool>,
    print: u64,
}

impl World {
    fn new() -> Self {
        let store = Store::new();
        let writer = store.writer("w1");
        let reader = Reader::open(&store.path(), Scope::all());
        Self { store, writer, reader, stop: Arc::default(), print: 0 }
    }

    fn list(&mut self, at: Micros, kind: PrimitiveKind, is_templates: bool, items: &[Listed<'_>]) {
        self.print += 1;
        let listing = Listing {
            at,
            kind,
            is_templates,
            listed_for: 0,
            page: Some(0),
            fingerprint: self.print,
            items,
            left_out: 0,
            is_truncated: false,
        };
        let mut batch = self.writer.begin(at).unwrap();
        batch.listed(&exchange(at), &listing);
        batch.commit().unwrap();
    }

    fn tools(&mut self, at: Micros, items: &[Listed<'_>]) {
        self.list(at, PrimitiveKind::Tool, false, items);
    }

    fn call(&mut self, at: Micros, kind: PrimitiveKind, name: &str, outcome: Outcome) {
        let exchange = Exchange { at, last_at: at, ..exchange(at) };
        let mut batch = self.writer.begin(at).unwrap();
        let part = place(&mut batch, &exchange);
        let id = RpcId::Integer(1);
        let primitive = Some(Primitive { kind, name });
        let answer = record::Answer { duration_us: Some(12_000), ..answer(at, outcome) };
        batch.call(part, &exchange, &Call { primitive, answer, ..call(at, &id, outcome) });
        batch.commit().unwrap();
    }

    fn id(&mut self, now: Micros) -> String {
        let stop = Arc::clone(&self.stop);
        let deadline = Instant::now() + Duration::from_secs(20);
        let limits = Limits { now, deadline, cancelled: &stop };
        let found = self.reader.servers(&Filter::default(), &limits).unwrap().items;
        found.into_iter().find(|server| server.name == CRM).unwrap().id
    }

    fn ask(
        &mut self,
        now: Micros,
        filter: &Filter,
        statuses: &[PrimitiveStatus],
        page: PageRequest<'_>,
    ) -> store::query::List<PrimitiveSummary> {
        let id = self.id(now);
        let stop = Arc::clone(&self.stop);
        let deadline = Instant::now() + Duration::from_secs(20);
        let limits = Limits { now, deadline, cancelled: &stop };
        self.reader.primitives(&id, filter, statuses, page, &limits).unwrap()
    }

    fn all(&mut self, now: Micros) -> Vec<PrimitiveSummary> {
        let list = self.ask(now, &Filter::default(), &[], FIRST);
        assert_eq!(list.warnings, []);
        assert_eq!(list.next, None);
        list.items
    }

    fn status(&mut self, now: Micros, name: &str) -> &'static str {
        self.all(now).into_iter().find(|it| it.name == name).unwrap().status.as_str()
    }
}

fn tool<'a>(name: &'a str, schema: &'a str) -> Listed<'a> {
    Listed { name, input_schema: schema, description: "does it", ..Listed::default() }
}

fn json<T: serde::Serialize>(value: &T) -> serde_json::Value {
    serde_json::to_value(value).unwrap()
}

#[test]
fn lists_and_calls_are_joined() {
    let mut world = World::new();
    let annotated = Listed {
        title: "Search",
        annotations: "{\"readOnlyHint\":true}",
        output_schema: "[1,}",
        ..tool("search", "{\"type\":\"object\",\"b\":1,\"a\":2}")
    };
    world.tools(NOON, &[annotated, tool("idle", "")]);
    for minute in 0..4 {
        let outcome = if minute == 0 { Outcome::RpcError } else { Outcome::Ok };
        world.call(NOON + minute * 60 * SECOND, PrimitiveKind::Tool, "search", outcome);
    }
    world.call(NOON + DAY, PrimitiveKind::Tool, "search", Outcome::Ok);
    let found = world.all(NOON + DAY + HOUR);
    let names: Vec<&str> = found.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["search", "idle"]);
    let shown = json(&found[0]);
    assert_eq!(
        shown,
        serde_json::json!({
            "kind": "tool", "name": "search", "title": "Search", "description": "does it",
            "mime_type": null, "input_schema": {"type": "object", "b": 1, "a": 2},
            "output_schema": "[1,}", "annotations": {"readOnlyHint": true}, "cut": false,
            "listed": true, "status": "new",
            "first_seen": "2026-11-25T10:00:00.000Z", "last_seen": "2026-11-25T10:00:00.000Z",
            "changed_at": null, "calls": 5, "errors": 1, "attacks": 0, "error_rate": 0.2,
            "p50_ms": shown["p50_ms"], "p95_ms": shown["p95_ms"],
            "days": [{"day": "2026-11-25", "calls": 4, "errors": 1},
                     {"day": "2026-11-26", "calls": 1, "errors": 0}],
            "versions": 1, "versions_in_force": 1,
        })
    );
    assert!((shown["p50_ms"].as_f64().unwrap() - 12.0).abs() < 1.5, "{shown}");
    // The order of a schema's members is the server's.
    let text = serde_json::to_string(&found[0]).unwrap();
    assert!(text.contains("{\"type\":\"object\",\"b\":1,\"a\":2}"), "{text}");
    // A range counts calls; what is listed is there all the same.
    let filter = Filter { from: Some(NOON + HOUR), ..Filter::default() };
    let ranged = world.ask(NOON + DAY + HOUR, &filter, &[], FIRST).items;
    assert_eq!(ranged.iter().map(|it| it.calls).collect::<Vec<_>>(), [1, 0]);
}

#[test]
fn attacks_on_a_primitive_are_counted_one_by_one() {
    let mut world = World::new();
    for (second, name) in [(0, "search"), (1, "search"), (2, "search"), (3, "other")] {
        let at = NOON + second * SECOND;
        let exchange = Exchange { at, last_at: at, ..exchange(at) };
        let mut batch = world.writer.begin(at).unwrap();
        let part = place(&mut batch, &exchange);
        let primitive = Some(Primitive { kind: PrimitiveKind::Tool, name });
        let attacks = [attack(at, ACL)];
        let blocked = call(at, &RpcId::Integer(1), Outcome::Blocked);
        batch.call(part, &exchange, &Call { primitive, attacks: &attacks, ..blocked });
        batch.commit().unwrap();
    }
    // Those that are the same within a minute have one row.
    assert_eq!(world.store.one("SELECT count(*) FROM attack_rows"), "2");
    let counts = |found: Vec<PrimitiveSummary>| -> Vec<(String, u64)> {
        found.into_iter().map(|it| (it.name, it.attacks)).collect()
    };
    let named = |name: &str, count| (name.to_owned(), count);
    assert_eq!(counts(world.all(NOON + HOUR)), [named("search", 3), named("other", 1)]);
    let filter = Filter { from: Some(NOON + 2 * SECOND), ..Filter::default() };
    let ranged = world.ask(NOON + HOUR, &filter, &[], FIRST).items;
    assert_eq!(counts(ranged), [named("other", 1), named("search", 1)]);
}

#[test]
fn what_was_called_and_never_listed_is_marked() {
    let mut world = World::new();
    world.tools(NOON, &[tool("listed", "")]);
    world.call(NOON + SECOND, PrimitiveKind::Tool, "secret", Outcome::RpcError);
    world.call(NOON + 5 * HOUR, PrimitiveKind::Tool, "secret", Outcome::RpcError);
    let found = world.all(NOON + 20 * HOUR);
    let shown = json(&found[0]);
    assert_eq!((&shown["name"], &shown["status"]), (&"secret".into(), &"unlisted".into()));
    assert_eq!((&shown["listed"], &shown["versions"]), (&false.into(), &0.into()));
    assert_eq!(shown["first_seen"], "2026-11-25T10:00:00.000Z");
    assert_eq!(shown["last_seen"], "2026-11-25T15:00:00.000Z");
    let only = world.ask(NOON, &Filter::default(), &[PrimitiveStatus::Unlisted], FIRST).items;
    assert_eq!(only.len(), 1);
    let both = [PrimitiveStatus::Unlisted, PrimitiveStatus::New];
    assert_eq!(world.ask(NOON, &Filter::default(), &both, FIRST).items.len(), 2);
}

#[test]
fn a_status_is_one_of_today() {
    let mut world = World::new();
    let later = NOON + 20 * DAY;
    world.tools(NOON, &[tool("a", "1"), tool("b", "1"), tool("failing", "1")]);
    assert_eq!(world.status(NOON + 6 * DAY, "a"), "new");
    assert_eq!(world.status(NOON + 8 * DAY, "a"), "unused");
    world.tools(later, &[tool("a", "2"), tool("b", "1"), tool("failing", "1"), tool("c", "1")]);
    world.call(later, PrimitiveKind::Tool, "b", Outcome::Ok);
    world.call(later, PrimitiveKind::Tool, "failing", Outcome::ToolError);
    let now = later + 2 * DAY;
    assert_eq!(world.status(now, "a"), "changed");
    assert_eq!(world.status(now, "b"), "active");
    assert_eq!(world.status(now, "failing"), "unused");
    assert_eq!(world.status(now, "c"), "new");
    assert_eq!(world.status(later + 9 * DAY, "b"), "unused");
    let changed = json(&world.all(now).into_iter().find(|it| it.name == "a").unwrap());
    assert_eq!(changed["changed_at"], "2026-12-15T10:00:00.000Z");
    assert_eq!(changed["versions"], 2);
    // Whatever range is asked for.
    let filter = Filter { from: Some(now - SECOND), ..Filter::default() };
    let active = world.ask(now, &filter, &[PrimitiveStatus::Active], FIRST).items;
    assert_eq!(active.iter().map(|it| (&*it.name, it.calls)).collect::<Vec<_>>(), [("b", 0)]);
}

#[test]
fn a_call_tells_whether_its_tool_was_ever_listed() {
    let mut world = World::new();
    for (second, kind, name) in [
        (0, PrimitiveKind::Tool, "listed"),
        (1, PrimitiveKind::Tool, "secret"),
        (2, PrimitiveKind::Prompt, "secret"),
        (3, PrimitiveKind::Tool, "'; --\0\u{202e}"),
    ] {
        world.call(NOON + second * SECOND, kind, name, Outcome::Ok);
    }
    let stop = Arc::clone(&world.stop);
    let deadline = Instant::now() + Duration::from_secs(20);
    let limits = Limits { now: NOON + HOUR, deadline, cancelled: &stop };
    let all = Filter::default();
    let told = |reader: &mut Reader| {
        let newest = reader.calls(&all, Sort::Newest, FIRST, false, &limits).unwrap();
        assert_eq!(newest.warnings, []);
        let mut by_call = BTreeMap::new();
        for call in newest.items {
            let one = reader.call(call.id, &limits).unwrap().value.call;
            assert_eq!(one.listed, call.listed);
            let id = call.session;
            let of_part = reader.session_calls(id, &all, FIRST, false, &limits).unwrap().items;
            assert!(of_part.iter().any(|it| it.id == call.id && it.listed == call.listed));
            by_call.insert(call.id, call.listed);
        }
        let sorted = reader.calls(&all, Sort::Bytes, FIRST, false, &limits).unwrap().items;
        assert_eq!(by_call, sorted.into_iter().map(|it| (it.id, it.listed)).collect());
        let since = Mark { days: vec![DayMark { day: 20_782, change: 0, call: 0, attack: 0 }] };
        let live = reader.changes(&since, &all, 50, &limits).unwrap().calls;
        assert_eq!(by_call, live.into_iter().map(|it| (it.id, it.listed)).collect());
        by_call.into_values().collect::<Vec<_>>()
    };
    // Where no tool is listed, nothing can be said.
    world.list(NOON, PrimitiveKind::Prompt, false, &[tool("p", "")]);
    assert_eq!(told(&mut world.reader), [None; 4]);
    world.tools(NOON, &[tool("listed", "")]);
    assert_eq!(told(&mut world.reader), [Some(true), Some(false), None, Some(false)]);
    // A name that another MCP server lists is not listed here.
    let other = Listing {
        at: NOON,
        kind: PrimitiveKind::Tool,
        is_templates: false,
        listed_for: 0,
        page: Some(0),
        fingerprint: 99,
        items: &[tool("secret", "")],
        left_out: 0,
        is_truncated: false,
    };
    let mut batch = world.writer.begin(NOON).unwrap();
    let server = record::Server { name: "other.example.com/mcp", ..exchange(NOON).server };
    batch.listed(&Exchange { server, ..exchange(NOON) }, &other);
    batch.commit().unwrap();
    assert_eq!(told(&mut world.reader), [Some(true), Some(false), None, Some(false)]);
}

#[test]
fn a_resource_that_a_template_covers_is_listed() {
    let mut world = World::new();
    let resource = PrimitiveKind::Resource;
    world.list(NOON, resource, true, &[tool("db://{table}/rows/{id}", "")]);
    world.list(NOON, resource, false, &[tool("file:///a", "")]);
    let later = NOON + 10 * DAY;
    world.call(later, resource, "db://users/rows/7", Outcome::Ok);
    world.call(later, resource, "db://users", Outcome::Ok);
    let found = world.all(later + HOUR);
    let words: Vec<String> = found
        .iter()
        .map(|it| format!("{} {} {} {}", it.kind, it.name, it.listed, it.status.as_str()))
        .collect();
    assert_eq!(
        words,
        [
            "resource db://users false unlisted",
            "resource db://users/rows/7 true active",
            "resource file:///a true unused",
            "template db://{table}/rows/{id} true active",
        ]
    );
}

#[test]
fn pages_hold_every_primitive_once_and_large_schemas_make_them_short() {
    let mut world = World::new();
    let schema = format!("\"{}\"", "x".repeat(200_000));
    let names: Vec<String> = (0..100).map(|n| format!("{n:03}")).collect();
    for (round, names) in names.chunks(20).enumerate() {
        let items: Vec<Listed<'_>> = names.iter().map(|name| tool(name, &schema)).collect();
        world.tools(NOON + round as i64 * SECOND, &items);
    }
    let (mut found, mut pages, mut cursor) = (Vec::new(), 0, None);
    loop {
        let page = PageRequest { limit: 500, cursor: cursor.as_deref() };
        let list = world.ask(NOON, &Filter::default(), &[], page);
        found.extend(list.items.into_iter().map(|it| it.name));
        pages += 1;
        cursor = list.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(found, names);
    assert!((3..10).contains(&pages), "{pages}");
    let page = PageRequest { limit: 7, cursor: None };
    let list = world.ask(NOON, &Filter::default(), &[PrimitiveStatus::New], page);
    assert_eq!(list.items.len(), 7);
    let id = world.id(NOON);
    let stop = Arc::clone(&world.stop);
    let deadline = Instant::now() + Duration::from_secs(20);
    let limits = Limits { now: NOON, deadline, cancelled: &stop };
    let page = PageRequest { limit: 7, cursor: list.next.as_deref() };
    let other = world.reader.primitives(&id, &Filter::default(), &[], page, &limits);
    assert_eq!(other.err(), Some(QueryError::BadCursor));
}

#[test]
fn a_history_says_what_changed() {
    let mut world = World::new();
    world.tools(NOON, &[tool("a", "{\"v\":1}")]);
    world.tools(NOON + HOUR, &[Listed { title: "A", ..tool("a", "{\"v\":2}") }]);
    world.tools(
        NOON + 2 * HOUR,
        &[Listed { title: "A", description: "does more", ..tool("a", "{\"v\":2}") }],
    );
    let id = world.id(NOON);
    let stop = Arc::clone(&world.stop);
    let deadline = Instant::now() + Duration::from_secs(20);
    let limits = Limits { now: NOON, deadline, cancelled: &stop };
    let found = world.reader.history(&id, "tool", "a", &limits).unwrap().items;
    let found = json(&found);
    let column = |name: &str| -> Vec<serde_json::Value> {
        found.as_array().unwrap().iter().map(|it| it[name].clone()).collect()
    };
    assert_eq!(
        json(&column("changed")),
        json(&[&["description"][..], &["title", "input_schema"], &[]])
    );
    assert_eq!(column("input_schema")[2], serde_json::json!({"v": 1}));
    assert_eq!(
        json(&column("replaced_at")),
        json(&[None, Some("2026-11-25T12:00:00.000Z"), Some("2026-11-25T11:00:00.000Z")])
    );
    assert_eq!(column("seen_at")[0], "2026-11-25T12:00:00.000Z");
    for (kind, name) in [("prompt", "a"), ("tool", "b"), ("template", "a")] {
        let missing = world.reader.history(&id, kind, name, &limits).err();
        assert_eq!(missing, Some(QueryError::NotFound));
    }
    let mut confined =
        Reader::open(&world.store.path(), Scope::servers(vec!["other.example.com/*".into()]));
    assert_eq!(confined.history(&id, "tool", "a", &limits).err(), Some(QueryError::NotFound));
    let seen = confined.primitives(&id, &Filter::default(), &[], FIRST, &limits).err();
    assert_eq!(seen, Some(QueryError::NotFound));
}

#[test]
fn servers_tell_what_they_offer() {
    let mut world = World::new();
    world.tools(NOON, &[tool("a", ""), tool("b", "")]);
    world.list(NOON, PrimitiveKind::Prompt, false, &[tool("p", "")]);
    world.list(NOON, PrimitiveKind::Resource, true, &[tool("t://{x}", "")]);
    world.call(NOON, PrimitiveKind::Tool, "a", Outcome::Ok);
    world.call(NOON, PrimitiveKind::Tool, "z", Outcome::Ok);
    let stop = Arc::clone(&world.stop);
    let deadline = Instant::now() + Duration::from_secs(20);
    let limits = Limits { now: NOON, deadline, cancelled: &stop };
    let found = world.reader.servers(&Filter::default(), &limits).unwrap().items.remove(0);
    let counts = (found.primitives, found.tools, found.resources, found.prompts);
    assert_eq!((counts, found.lists_differ), ((5, 2, 1, 1), false));
    let sql = rusqlite::params![NOON];
    let catalog = world.store.read("catalog.db");
    catalog.execute("UPDATE servers SET lists_differ_at = ?1", sql).unwrap();
    let found = world.reader.servers(&Filter::default(), &limits).unwrap().items.remove(0);
    assert!(found.lists_differ);
    let later = Limits { now: NOON + 8 * DAY, ..limits };
    let found = world.reader.servers(&Filter::default(), &later).unwrap().items.remove(0);
    assert!(!found.lists_differ);
    let (summary, warnings) = world.reader.catalog();
    let summary = summary.unwrap();
    assert_eq!((summary.servers, summary.primitives, summary.versions), (1, 4, 4));
    assert!(summary.bytes > 4 * 128 && warnings.is_empty());
}

#[test]
fn a_catalogue_that_is_old_missing_or_damaged_leaves_the_calls() {
    let mut world = World::new();
    world.call(NOON, PrimitiveKind::Tool, "a", Outcome::Ok);
    world.call(NOON, PrimitiveKind::Tool, "b", Outcome::Ok);
    let id = world.id(NOON);
    let stop = Arc::clone(&world.stop);
    let deadline = Instant::now() + Duration::from_secs(20);
    let limits = Limits { now: NOON, deadline, cancelled: &stop };
    let path = world.store.file("catalog.db");
    let mut ask = |warnings: usize| {
        let list = world.reader.primitives(&id, &Filter::default(), &[], FIRST, &limits).unwrap();
        assert_eq!(list.items.len(), 2);
        assert_eq!(list.items[0].status, PrimitiveStatus::Unlisted);
        assert_eq!(list.warnings.len(), warnings);
        assert_eq!(world.reader.servers(&Filter::default(), &limits).unwrap().items.len(), 1);
    };
    drop(world.writer);
    for suffix in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(world.store.file(&format!("catalog.db{suffix}")));
    }
    std::fs::remove_file(&path).unwrap();
    ask(0);
    let old = rusqlite::Connection::open(&path).unwrap();
    old.execute_batch(include_str!("../schema/catalog.sql")).unwrap();
    old.execute_batch("PRAGMA application_id = 0x4d435063; PRAGMA user_version = 1").unwrap();
    drop(old);
    ask(0);
    std::fs::write(&path, "no database at all, but long enough to look at").unwrap();
    ask(1);
}
