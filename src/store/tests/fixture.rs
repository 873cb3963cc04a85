//! A store in a folder of its own, and records to write into it.

use protocol::{PrimitiveKind, RpcId};
use record::{
    Answer, Call, Claim, Client, Coverage, Direction, Exchange, IdSource, Identity, Micros,
    Outcome, PartRef, Patience, Payload, Place, Primitive, Server, Sink, Verified,
};
use rusqlite::{Connection, OpenFlags};
use std::path::PathBuf;
use store::{Batch, Committed, Settings, Sync, Writer};
use tempfile::TempDir;

/// 2026-11-25T10:00:00Z.
pub(crate) const NOON: Micros = 1_795_600_800_000_000;
pub(crate) const SECOND: Micros = 1_000_000;
pub(crate) const HOUR: Micros = 3_600 * SECOND;
pub(crate) const DAY: Micros = 24 * HOUR;
/// 2026-11-25T23:59:58Z, and the days around it.
pub(crate) const LATE: Micros = NOON + 14 * HOUR - 2 * SECOND;

/// Takes away again what version 3 added to a day without attacks.
pub(crate) const TO_VERSION_2: &str = "DROP VIEW attacks; DROP TABLE controls; DROP TABLE control_texts; \
     DROP TABLE control_tallies; DROP TABLE attack_rows; DROP TABLE attack_calls; \
     DROP TABLE attack_minutes; DROP TABLE evidence; ALTER TABLE kinds DROP COLUMN attacks; \
     CREATE TABLE attack_rows (attack INTEGER PRIMARY KEY, at INTEGER NOT NULL, \
     call INTEGER, part INTEGER NOT NULL, type TEXT NOT NULL, control TEXT, place TEXT, \
     verdict TEXT NOT NULL, action TEXT NOT NULL, detail TEXT, point TEXT); \
     CREATE INDEX attack_rows_call ON attack_rows (call); \
     CREATE INDEX attack_rows_part ON attack_rows (part); \
     CREATE VIEW attacks AS SELECT at, call, part, type FROM attack_rows; \
     PRAGMA user_version = 2";

pub(crate) struct Store {
    pub(crate) folder: TempDir,
}

impl Store {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    pub(crate) fn settings(&self, writer: &str) -> Settings {
        Settings {
            path: self.path(),
            retention_days: 7,
            size_bytes_max: 0,
            free_bytes_min: 0,
            sync: Sync::Normal,
            writer: writer.to_owned(),
        }
    }

    pub(crate) fn writer(&self, writer: &str) -> Writer {
        Writer::open(self.settings(writer), NOON).unwrap()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> Connection {
        Connection::open_with_flags(self.file(name), OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap()
    }

    /// One column of a query on a day, every value as text.
    pub(crate) fn column(&self, name: &str, sql: &str) -> Vec<String> {
        let connection = self.read(name);
        let mut statement = connection.prepare(sql).unwrap();
        let rows = statement.query_map((), |row| {
            Ok(match row.get_ref(0)? {
                rusqlite::types::ValueRef::Null => "NULL".to_owned(),
                rusqlite::types::ValueRef::Integer(number) => number.to_string(),
                rusqlite::types::ValueRef::Real(number) => number.to_string(),
                rusqlite::types::ValueRef::Text(text) => String::from_utf8(text.to_vec()).unwrap(),
                rusqlite::types::ValueRef::Blob(bytes) => format!("{bytes:?}"),
            })
        });
        rows.unwrap().map(Result::unwrap).collect()
    }

    /// One value of a query on 2026-11-25.
    pub(crate) fn one(&self, sql: &str) -> String {
        let mut values = self.column("2026-11-25.db", sql);
        assert_eq!(values.len(), 1, "{sql}: {values:?}");
        values.remove(0)
    }
}

pub(crate) fn exchange(at: Micros) -> Exchange<'static> {
    Exchange {
        at,
        last_at: at + 5_000,
        server: Server {
            name: "crm.example.com/mcp",
            unproven: "crm.example.com",
            is_named: false,
            is_proven: true,
        },
        session: claim("0f1e2d3c4b5a6978"),
        identity: Identity::default(),
        client: Client::default(),
        server_info: Client::default(),
        protocol_version: "2025-11-25",
        http_method: "POST",
        status: 200,
        address: "10.0.0.7",
        user_agent: "node",
        request_id: "5b0f00000000000000000000000000aa",
        bytes_in: 210,
        bytes_out: 310,
    }
}

pub(crate) fn claim(id: &str) -> Claim<'_> {
    Claim {
        source: IdSource::Header,
        id,
        group: 0,
        idle_us: 30 * 60 * SECOND,
        opens: true,
        joins_stream: false,
        unannounced: record::Unannounced::Kept,
    }
}

pub(crate) fn grouped(source: IdSource, group: u64) -> Claim<'static> {
    Claim { source, group, ..claim("") }
}

pub(crate) fn alice() -> Identity<'static> {
    Identity {
        user: "alice@example.com",
        roles: "[\"admin\"]",
        verified: Verified::Yes,
        credential: 77,
        params: &[],
    }
}

pub(crate) fn answer(at: Micros, outcome: Outcome) -> Answer<'static> {
    Answer {
        at,
        outcome,
        result: (outcome == Outcome::Ok)
            .then_some(Payload { json: "{\"content\":[]}", truncated: false }),
        error_code: (outcome == Outcome::RpcError).then_some(-32602),
        error_message: (outcome == Outcome::RpcError).then_some("no such thing"),
        duration_us: None,
        first_event_us: None,
        notifications: 0,
        bytes_out: 188,
        coverage: Coverage::Full,
        continued_as: None,
    }
}

pub(crate) fn call(at: Micros, rpc_id: &RpcId, outcome: Outcome) -> Call<'_> {
    Call {
        at,
        direction: Direction::Client,
        rpc_id,
        method: "tools/call",
        primitive: Some(Primitive { kind: PrimitiveKind::Tool, name: "search" }),
        arguments: Some(Payload { json: "{\"q\":\"x\"}", truncated: false }),
        bytes_in: 210,
        coverage: Coverage::Full,
        continues: None,
        attacks: &[],
        protocol_version: "",
        answer: answer(at + 12_400, outcome),
    }
}

pub(crate) fn place(batch: &mut Batch<'_>, exchange: &Exchange<'_>) -> PartRef {
    match batch.place(exchange, Patience::Decide) {
        Place::Part(part) | Place::Stream(part) => part,
        Place::Later | Place::Nowhere => panic!("a sink that has to decide asked for patience"),
    }
}

/// One exchange with one answered call, in a batch of its own.
pub(crate) fn write(writer: &mut Writer, exchange: &Exchange<'_>, outcome: Outcome) -> Committed {
    let now = exchange.last_at;
    let mut batch = writer.begin(now).unwrap();
    let part = place(&mut batch, exchange);
    batch.call(part, exchange, &call(exchange.at, &RpcId::Integer(7), outcome));
    batch.count_exchange();
    batch.commit().unwrap()
}
