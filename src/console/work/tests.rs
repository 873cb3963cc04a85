//! Answers about attacks and controls, from a store with some.

use super::{Cancel, ConfiguredControl, Next, Reading};
use crate::openapi::description;
use crate::request::{Method, Request};
use crate::route::{Console, Step};
use crate::work::Known;
use record::{
    Action, Answer, Attack, AttackKind, Call, Claim, Client, ControlRef, Coverage, Direction,
    Evidence, Exchange, IdSource, Identity, Judged, Mode, Outcome, Patience, Place, Server, Sink,
    Unannounced,
};
use serde_json::Value;
use store::{Settings, Sync, Writer};
use tempfile::TempDir;

/// 2026-11-25T10:00:00Z.
const NOON: i64 = 1_795_600_800_000_000;
const ACL: ControlRef<'static> = ControlRef {
    kind: AttackKind::AclViolation,
    title: "only admins delete",
    place: "nginx.conf:17",
    text: "deny all;",
    mode: Mode::Block,
};

fn exchange() -> Exchange<'static> {
    Exchange {
        at: NOON,
        last_at: NOON,
        server: Server {
            name: "crm.test/mcp",
            unproven: "crm.test",
            is_named: true,
            is_proven: true,
        },
        session: Claim {
            source: IdSource::Header,
            id: "0f1e",
            group: 0,
            idle_us: 1,
            opens: true,
            joins_stream: false,
            unannounced: Unannounced::Kept,
        },
        identity: Identity::default(),
        client: Client { name: "=cmd", version: "1" },
        server_info: Client::default(),
        protocol_version: "2025-11-25",
        http_method: "POST",
        status: 200,
        address: "10.0.0.7",
        user_agent: "node",
        request_id: "r1",
        bytes_in: 1,
        bytes_out: 1,
    }
}

/// A store with one attack.
fn attacked() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = Settings {
        path: folder.path().join("store"),
        retention_days: 7,
        size_bytes_max: 0,
        free_bytes_min: 0,
        sync: Sync::Normal,
        writer: "w".to_owned(),
    };
    let mut writer = Writer::open(settings, NOON).expect("a store");
    let mut batch = writer.begin(NOON).expect("a batch");
    let exchange = exchange();
    let Place::Part(part) = batch.place(&exchange, Patience::Decide) else { panic!("no place") };
    let attack = Attack {
        at: NOON,
        control: ACL,
        action: Action::Blocked,
        detail: "deny all, line 21",
        point: "",
        expected: "",
        found: "",
        evidence: Some(Evidence {
            line: "POST /mcp HTTP/1.1",
            headers: "[[\"Host\",\"crm.test\"]]",
            body: "{}",
            truncated: false,
        }),
    };
    batch.judged(part, &ACL, Judged::Blocked);
    let call = Call {
        at: NOON,
        direction: Direction::Client,
        rpc_id: &protocol::RpcId::Integer(1),
        method: "tools/call",
        primitive: None,
        arguments: None,
        bytes_in: 1,
        coverage: Coverage::Full,
        continues: None,
        protocol_version: "",
        attacks: &[attack],
        answer: Answer {
            at: NOON,
            outcome: Outcome::Blocked,
            result: None,
            error_code: Some(-32010),
            error_message: None,
            duration_us: Some(9),
            first_event_us: None,
            notifications: 0,
            bytes_out: 1,
            coverage: Coverage::Full,
            continued_as: None,
        },
    };
    batch.call(part, &exchange, &call);
    batch.commit().expect("a commit");
    folder
}

/// The whole answer, with such controls in force.
fn asked(folder: &TempDir, path: &str, query: &str, configured: &[ConfiguredControl]) -> String {
    let path = format!("/c/api/v1/{path}");
    let request = Request {
        method: Method::Get,
        path: path.as_bytes(),
        place: b"/c/",
        query: query.as_bytes(),
        is_local: true,
        host: b"localhost",
        is_host_named: false,
        authority: b"localhost",
        scheme: b"http",
        origin: b"",
        fetch_site: b"",
        fetch_mode: b"",
        fetch_dest: b"",
        accept_encoding: b"",
        last_event_id: b"20782.0.0.0",
        now: NOON,
    };
    let mut work = match Console::new(Vec::new(), false).ask(&request, Known::default) {
        Step::Work(work) => work,
        Step::Answer(answer) => panic!("{answer:?}"),
    };
    let mut reading = Reading::new(folder.path().join("store"));
    let mut body = Vec::new();
    loop {
        if work.wants_controls() {
            work.tell_controls(configured.to_vec());
        }
        let piece = work.step(&mut reading, &Cancel::default());
        body.extend(piece.bytes);
        match piece.next {
            Next::Step => {}
            Next::Break => panic!("broken off"),
            Next::End | Next::Change => return String::from_utf8(body).expect("UTF-8"),
        }
    }
}

/// Where a value departs from a schema of the description.
fn check(value: &Value, schema: &Value, all: &Value, at: &str) {
    if let Some(name) = schema["$ref"].as_str().and_then(|target| target.rsplit('/').next()) {
        return check(value, &all[name], all, at);
    }
    if let Some(either) = schema["oneOf"].as_array() {
        let known = either.iter().find(|it| !it["$ref"].is_null());
        if !value.is_null() {
            check(value, known.expect("one"), all, at);
        }
        return;
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        many => many.as_array().into_iter().flatten().filter_map(Value::as_str).collect(),
    };
    let found = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    assert!(types.is_empty() || types.contains(&found), "{at}: {value} is none of {types:?}");
    if let Some(words) = schema["enum"].as_array() {
        assert!(words.contains(value), "{at}: {value} is none of {words:?}");
    }
    for (number, item) in value.as_array().into_iter().flatten().enumerate() {
        check(item, &schema["items"], all, &format!("{at}/{number}"));
    }
    if let (Some(members), Some(properties)) = (value.as_object(), schema["properties"].as_object())
    {
        for name in schema["required"].as_array().into_iter().flatten() {
            assert!(members.contains_key(name.as_str().expect("a name")), "{at}: no {name}");
        }
        for (name, member) in members {
            let schema = properties.get(name);
            check(
                member,
                schema.unwrap_or_else(|| panic!("{at}/{name}")),
                all,
                &format!("{at}/{name}"),
            );
        }
    }
}

fn checked(text: &str, schema: &str) -> Value {
    let value: Value = serde_json::from_str(text).expect("JSON");
    let all = &description()["components"]["schemas"];
    match value["items"].as_array() {
        Some(items) => items.iter().for_each(|item| check(item, &all[schema], all, schema)),
        None => check(&value, &all[schema], all, schema),
    }
    value
}

#[test]
fn attacks_and_controls_are_what_the_description_says() {
    let folder = attacked();
    let attacks = checked(&asked(&folder, "attacks", "control=only+admins+delete", &[]), "Attack");
    assert_eq!(attacks["items"][0]["action"], "blocked");
    let id = attacks["items"][0]["id"].as_str().expect("an id");
    let one = checked(&asked(&folder, &format!("attacks/{id}"), "", &[]), "AttackDetail");
    assert_eq!((&one["text"], &one["mode"]), (&"deny all;".into(), &"block".into()));
    assert_eq!(one["evidence"]["headers"][0][1], "crm.test");
    let call = attacks["items"][0]["call"].as_str().expect("a call");
    let call = checked(&asked(&folder, &format!("calls/{call}"), "", &[]), "CallDetail");
    assert_eq!(call["attacks"][0]["id"], id);
    let calls = checked(&asked(&folder, "calls", "attack=any", &[]), "Call");
    assert_eq!(calls["items"].as_array().map(Vec::len), Some(1));
    let facets: Value =
        serde_json::from_str(&asked(&folder, "facets", "field=control", &[])).expect("JSON");
    assert_eq!(facets["facets"]["control"]["values"][0]["value"], "only admins delete");

    let before = checked(&asked(&folder, "controls", "", &[]), "Control");
    assert_eq!(
        (&before["items"][0]["blocked"], &before["items"][0]["in_force"]),
        (&1.into(), &false.into())
    );
    let configured = [("only admins delete", AttackKind::AclViolation), ("", AttackKind::External)]
        .map(|(title, kind)| ConfiguredControl {
            kind,
            title: title.to_owned(),
            place: "nginx.conf:18".to_owned(),
            mode: Mode::Monitoring,
            text: "deny user=bob;".to_owned(),
            servers: Vec::new(),
        });
    let after = checked(&asked(&folder, "controls", "", &configured), "Control");
    assert_eq!(after["items"].as_array().map(Vec::len), Some(2));
    let acl = &after["items"][0];
    assert_eq!((&acl["blocked"], &acl["in_force"]), (&1.into(), &true.into()));
    assert_eq!((&acl["mode"], &acl["place"]), (&"monitoring".into(), &"nginx.conf:18".into()));
}

#[test]
fn attacks_are_exported() {
    let folder = attacked();
    let csv = asked(&folder, "attacks", "format=csv", &[]);
    let lines: Vec<&str> = csv.split("\r\n").collect();
    assert_eq!(lines.len(), 3, "{csv}");
    assert!(lines[0].starts_with("id,at,last_at,count,type,control,"), "{csv}");
    assert!(lines[1].contains(",ACL violation,only admins delete,nginx.conf:17,deny,blocked,"));
    // What a spreadsheet would run is text.
    assert!(lines[1].contains(",'=cmd,1,"), "{csv}");
    let lines = asked(&folder, "attacks", "format=ndjson", &[]);
    let list: Value = serde_json::from_str(&asked(&folder, "attacks", "", &[])).expect("JSON");
    let line: Value = serde_json::from_str(lines.trim_end()).expect("JSON");
    assert_eq!(line, list["items"][0]);
}
