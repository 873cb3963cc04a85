//! The command as its users meet it: a store, a draft, and what is printed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use protocol::{PrimitiveKind, RpcId};
use record::{
    Answer, Call, Claim, Client, Coverage, Direction, Exchange, IdSource, Identity, Listed,
    Listing, Outcome, Param, Patience, Payload, Place, Primitive, Server, Sink, Unannounced,
    Verified,
};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};
use store::{Settings, Sync, Writer};
use tempfile::TempDir;

/// 2026-11-25T10:00:00Z.
const NOON: i64 = 1_795_600_800_000_000;
const DAY: i64 = 86_400_000_000;

/// A call as a test wants it.
#[derive(Clone, Copy)]
struct Made<'a> {
    at: i64,
    server: &'a str,
    session: &'a str,
    user: &'a str,
    roles: &'a str,
    tenant: Option<&'a str>,
    tool: &'a str,
    arguments: Option<&'a str>,
    coverage: Coverage,
}

const CALL: Made<'static> = Made {
    at: NOON,
    server: "crm.example.com/mcp",
    session: "s1",
    user: "alice",
    roles: "[\"admin\"]",
    tenant: Some("acme"),
    tool: "delete_account",
    arguments: Some("{\"id\":17}"),
    coverage: Coverage::Full,
};

struct World {
    folder: TempDir,
}

impl World {
    fn of(calls: &[Made<'_>]) -> Self {
        let world = World { folder: tempfile::tempdir().unwrap() };
        let mut days: Vec<i64> = calls.iter().map(|call| call.at.div_euclid(DAY)).collect();
        days.sort_unstable();
        days.dedup();
        for day in days {
            let of_day: Vec<&Made<'_>> =
                calls.iter().filter(|call| call.at.div_euclid(DAY) == day).collect();
            world.write(day * DAY, &of_day);
        }
        world
    }

    fn settings(&self) -> Settings {
        Settings {
            path: self.store(),
            retention_days: 366,
            size_bytes_max: 0,
            free_bytes_min: 0,
            sync: Sync::Normal,
            writer: "test".to_owned(),
        }
    }

    fn write(&self, now: i64, calls: &[&Made<'_>]) {
        let mut writer = Writer::open(self.settings(), now).unwrap();
        let mut batch = writer.begin(now).unwrap();
        for made in calls {
            let params: Vec<Param<'_>> =
                made.tenant.iter().map(|value| Param { name: "tenant", value }).collect();
            let exchange = exchange(made, &params);
            let Place::Part(part) = batch.place(&exchange, Patience::Decide) else {
                panic!("no part")
            };
            batch.call(part, &exchange, &call(made));
            batch.count_exchange();
        }
        batch.commit().unwrap();
    }

    /// The tools that the server of [`CALL`] lists.
    fn list(&self, now: i64, items: &[Listed<'_>]) {
        let mut writer = Writer::open(self.settings(), now).unwrap();
        let mut batch = writer.begin(now).unwrap();
        let made = Made { at: now, ..CALL };
        let exchange = exchange(&made, &[]);
        let Place::Part(_) = batch.place(&exchange, Patience::Decide) else { panic!("no part") };
        let listing = Listing {
            at: now,
            kind: PrimitiveKind::Tool,
            is_templates: false,
            listed_for: 0,
            page: Some(0),
            fingerprint: 7,
            items,
            left_out: 0,
            is_truncated: false,
        };
        batch.listed(&exchange, &listing);
        batch.count_exchange();
        batch.commit().unwrap();
    }

    fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    fn run(&self, conf: &str, more: &[&str]) -> Output {
        let file = self.folder.path().join("draft.conf");
        fs::write(&file, conf).unwrap();
        Command::new(env!("CARGO_BIN_EXE_mcp-sessions"))
            .args(["backtest", "--conf"])
            .arg(file)
            .arg("--store")
            .arg(self.store())
            .args(more)
            .output()
            .unwrap()
    }

    /// What it says as JSON.
    fn report(&self, conf: &str) -> Value {
        let output = self.run(conf, &["--format", "json"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

fn exchange<'a>(made: &Made<'a>, params: &'a [Param<'a>]) -> Exchange<'a> {
    Exchange {
        at: made.at,
        last_at: made.at,
        server: Server {
            name: made.server,
            unproven: "example.com",
            is_named: true,
            is_proven: true,
        },
        session: Claim {
            source: IdSource::Header,
            id: made.session,
            group: 0,
            idle_us: 1_800_000_000,
            opens: true,
            joins_stream: false,
            unannounced: Unannounced::Kept,
        },
        identity: Identity {
            user: made.user,
            roles: made.roles,
            verified: Verified::Yes,
            credential: 1,
            params,
        },
        client: Client { name: "claude-code", version: "2" },
        server_info: Client::default(),
        protocol_version: "2025-11-25",
        http_method: "POST",
        status: 200,
        address: "10.1.2.3",
        user_agent: "node",
        request_id: "00000000000000000000000000000001",
        bytes_in: 100,
        bytes_out: 100,
    }
}

fn call<'a>(made: &Made<'a>) -> Call<'a> {
    Call {
        at: made.at,
        direction: Direction::Client,
        rpc_id: &RpcId::Integer(1),
        method: if made.coverage == Coverage::Full { "tools/call" } else { "" },
        primitive: Some(Primitive { kind: PrimitiveKind::Tool, name: made.tool }),
        arguments: made.arguments.map(|json| Payload { json, truncated: false }),
        bytes_in: 100,
        coverage: made.coverage,
        continues: None,
        attacks: &[],
        protocol_version: "",
        answer: Answer {
            at: made.at,
            outcome: Outcome::Ok,
            result: None,
            error_code: None,
            error_message: None,
            duration_us: Some(1000),
            first_event_us: None,
            notifications: 0,
            bytes_out: 100,
            coverage: Coverage::Full,
            continued_as: None,
        },
    }
}

const ONLY_ADMINS: &str = "server { server_name crm.example.com; location /mcp {
    mcp_acl \"only admins delete\" {
        methods tools/call;
        primitives delete_*;
        allow role=admin ip=10.0.0.0/8;
        deny all;
    }
} }";

#[test]
fn what_a_control_would_have_stopped_is_counted_with_examples() {
    let world = World::of(&[
        CALL,
        Made { user: "bob", roles: "[\"guest\"]", session: "s2", ..CALL },
        Made { user: "bob", roles: "[\"guest\"]", session: "s2", tool: "delete_all", ..CALL },
        Made { user: "eve", roles: "", session: "s3", ..CALL },
        Made { user: "bob", roles: "[\"guest\"]", session: "s2", tool: "search", ..CALL },
    ]);
    let report = world.report(ONLY_ADMINS);
    assert_eq!((&report["calls"], &report["stopped"]), (&5.into(), &3.into()));
    let control = &report["controls"][0];
    assert_eq!(control["kind"], "mcp_acl");
    assert_eq!(control["place"], "draft.conf:2");
    assert_eq!((&control["covered"], &control["denied"]), (&4.into(), &3.into()));
    assert_eq!(control["sessions"], 2);
    assert_eq!(control["users"]["top"][0], serde_json::json!({"name": "bob", "calls": 2}));
    assert_eq!(control["primitives"]["total"], 2);
    assert_eq!(control["rules"][0]["rule"], "deny all, line 6");
    let examples = control["rules"][0]["examples"].as_array().unwrap();
    assert_eq!(examples.len(), 3);
    assert!(examples[0].as_str().unwrap().starts_with("2026-11-25."), "{examples:?}");
}

#[test]
fn a_value_that_was_not_recorded_leaves_calls_unjudged_and_says_which() {
    let world = World::of(&[CALL, Made { tenant: Some("evil"), ..CALL }]);
    let conf = |param: &str| {
        format!("mcp_verify tenants {{ require $mcp_jwt_tenant acme globex; }} {param}")
    };
    let unknown = world.report(&conf(""));
    assert_eq!(unknown["controls"][0]["denied"], 0);
    let why = &unknown["controls"][0]["unjudged"][0];
    assert_eq!(why["calls"], 2);
    assert!(why["reason"].as_str().unwrap().contains("$mcp_jwt_tenant"), "{why}");
    // With the parameter of this text the recorded values are known.
    let known = world.report(&conf("mcp_param tenant $mcp_jwt_tenant;"));
    assert_eq!(known["controls"][0]["denied"], 1);
    assert_eq!(known["controls"][0]["unjudged"], serde_json::json!([]));
    // A parameter that no record has was not configured then: it is not missing, but unknown.
    let new = world
        .report("mcp_verify tenants { require $mcp_jwt_org acme; } mcp_param org $mcp_jwt_org;");
    assert_eq!(new["controls"][0]["unjudged"][0]["calls"], 2);
}

#[test]
fn arguments_are_judged_by_the_schemas_that_were_listed() {
    let world = World::of(&[
        CALL,
        Made { arguments: Some("{\"id\":\"17\"}"), ..CALL },
        Made { arguments: Some("{\"id\":\"••••\"}"), ..CALL },
        Made { arguments: None, ..CALL },
        Made { tool: "ghost", arguments: None, ..CALL },
    ]);
    let schema = "{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"integer\"}},\"required\":[\"id\"]}";
    let conf = "mcp_tool_schema listed { undefined_tools deny; }";
    let before = world.report(conf);
    assert_eq!(before["controls"][0]["denied"], 0);
    assert_eq!(before["controls"][0]["unjudged"][0]["calls"], 5, "no list was seen");
    world.list(
        NOON,
        &[Listed { name: "delete_account", input_schema: schema, ..Listed::default() }],
    );
    let report = world.report(conf);
    let control = &report["controls"][0];
    assert_eq!((&control["covered"], &control["denied"]), (&5.into(), &3.into()));
    let rules = control["rules"].to_string();
    for rule in [
        "inputSchema, type, at /params/arguments/id",
        "inputSchema, required, at /params/arguments",
        "undefined_tools deny, line 1, at /params/name",
    ] {
        assert!(rules.contains(rule), "{rule}\n{rules}");
    }
    assert_eq!(control["unjudged"][0]["reason"], "some of the arguments are masked");
    assert_eq!(control["unjudged"][0]["calls"], 1);
}

#[test]
fn calls_of_other_servers_and_unread_calls_are_told_apart() {
    let world = World::of(&[
        CALL,
        Made { server: "other.example.com/mcp", session: "s2", ..CALL },
        Made { coverage: Coverage::Discarded, session: "s3", ..CALL },
        Made { coverage: Coverage::Undecoded, session: "s4", ..CALL },
    ]);
    let report = world.report(ONLY_ADMINS);
    assert_eq!(report["calls"], 2);
    assert_eq!(report["unserved"]["other.example.com/mcp"], 1);
    assert_eq!((&report["refused"], &report["unread"]), (&1.into(), &1.into()));
    assert_eq!(report["controls"][0]["covered"], 1);
}

#[test]
fn days_are_the_newest_and_a_damaged_or_missing_one_is_named() {
    let days = [0, 1, 2, 4].map(|back| Made { at: NOON - back * DAY, roles: "", ..CALL });
    let world = World::of(&days);
    fs::write(world.store().join("2026-11-24.db"), "no database").unwrap();
    let report = world.report(ONLY_ADMINS);
    assert_eq!(report["days"], serde_json::json!(["2026-11-21", "2026-11-23", "2026-11-25"]));
    let notes = report["notes"].to_string();
    assert!(notes.contains("2026-11-24 is left out"), "{notes}");
    assert!(notes.contains("2026-11-22 is left out: it has no file"), "{notes}");
    let output = world.run(ONLY_ADMINS, &["--days", "1", "--format", "json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["days"], serde_json::json!(["2026-11-25"]));
}

#[test]
fn text_and_csv_say_the_same_without_anything_a_terminal_would_obey() {
    let hostile = "\u{1b}[2Jx\n=cmd()";
    let world =
        World::of(&[Made { user: hostile, roles: "[\"x\"]", tool: "delete_\u{202e}", ..CALL }]);
    let text = String::from_utf8(world.run(ONLY_ADMINS, &[]).stdout).unwrap();
    assert!(text.contains("covers 1 calls, would have stopped 1"), "{text}");
    assert!(text.contains("deny all, line 6   e.g. 2026-11-25."), "{text}");
    assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'), "{text:?}");
    let csv = String::from_utf8(world.run(ONLY_ADMINS, &["--format", "csv"]).stdout).unwrap();
    let row = csv.lines().find(|line| line.starts_with("denied,")).unwrap();
    assert!(row.starts_with("denied,mcp_acl,only admins delete,draft.conf:2,,"), "{row}");
}

#[test]
fn the_store_is_not_changed() {
    let world = World::of(&[CALL]);
    let files = || {
        let mut files: Vec<_> = fs::read_dir(world.store())
            .unwrap()
            .map(|entry| entry.unwrap())
            .filter(|entry| entry.path().extension().is_some_and(|kind| kind == "db"))
            .map(|entry| (entry.path(), fs::read(entry.path()).unwrap()))
            .collect();
        files.sort();
        files
    };
    let before = files();
    assert!(world.run(ONLY_ADMINS, &[]).status.success());
    assert_eq!(files(), before);
}

#[test]
fn errors_are_sentences_with_an_exit_status() {
    let world = World::of(&[CALL]);
    let run = |conf: &str, more: &[&str]| {
        let output = world.run(conf, more);
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, message) = run("mcp_acl x {\n deny everyone;\n}", &[]);
    assert_eq!(code, Some(2));
    assert!(message.contains("unknown condition \"everyone\"") && message.contains("draft.conf:2"));
    let (code, message) = run(ONLY_ADMINS, &["--days", "none"]);
    assert_eq!(code, Some(2));
    assert!(message.contains("write a number"), "{message}");
    fs::remove_dir_all(world.store()).unwrap();
    let (code, message) = run(ONLY_ADMINS, &[]);
    assert_eq!(code, Some(1));
    assert!(message.contains("write the path given in mcp_sessions_store"), "{message}");
}
