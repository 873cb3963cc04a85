//! A disk that is full and freed again, by the limit that gives SQLite the same error.

use crate::{Settings, Sync, Writer};
use protocol::RpcId;
use record::{
    Answer, Call, Claim, Client, Coverage, Direction, Exchange, IdSource, Identity, Outcome,
    Patience, Payload, Place, Reason, Server, Sink,
};

const NOON: i64 = 1_795_600_800_000_000;

fn write(writer: &mut Writer, calls: i64) -> Result<u64, Reason> {
    let server = Server { name: "a/mcp", unproven: "a", is_named: true, is_proven: true };
    let session = Claim {
        source: IdSource::Header,
        id: "s",
        group: 0,
        idle_us: 1,
        opens: true,
        joins_stream: false,
        unannounced: record::Unannounced::Kept,
    };
    let exchange = Exchange {
        at: NOON,
        last_at: NOON,
        server,
        session,
        identity: Identity::default(),
        client: Client::default(),
        server_info: Client::default(),
        protocol_version: "",
        http_method: "POST",
        status: 200,
        address: "",
        user_agent: "",
        request_id: "",
        bytes_in: 0,
        bytes_out: 0,
    };
    let answer = Answer {
        at: NOON,
        outcome: Outcome::Ok,
        result: None,
        error_code: None,
        error_message: None,
        duration_us: None,
        first_event_us: None,
        notifications: 0,
        bytes_out: 0,
        coverage: Coverage::Full,
        continued_as: None,
    };
    let text = "x".repeat(4_000);
    let mut batch = writer.begin(NOON).map_err(|_| Reason::StoreFailed)?;
    let Place::Part(part) = batch.place(&exchange, Patience::Decide) else { panic!() };
    for _ in 0..calls {
        let call = Call {
            at: NOON,
            direction: Direction::Client,
            rpc_id: &RpcId::Null,
            method: "ping",
            primitive: None,
            arguments: Some(Payload { json: &text, truncated: false }),
            bytes_in: 0,
            coverage: Coverage::Full,
            continues: None,
            attacks: &[],
            protocol_version: "",
            answer,
        };
        batch.call(part, &exchange, &call);
    }
    batch.commit().map(|committed| committed.calls).map_err(|error| error.reason)
}

#[test]
fn a_full_disk_undoes_the_batch_and_heals() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings {
        path: folder.path().join("store"),
        retention_days: 7,
        size_bytes_max: 0,
        free_bytes_min: 0,
        sync: Sync::Full,
        writer: "w".to_owned(),
    };
    let mut writer = Writer::open(settings, NOON).unwrap();
    assert_eq!(write(&mut writer, 10), Ok(10));
    let limit = |writer: &mut Writer, pages: i64| {
        let day = writer.days.iter_mut().next().unwrap();
        let sql = format!("PRAGMA max_page_count = {pages}");
        day.connection.query_row(&sql, (), |_| Ok(())).unwrap();
    };
    limit(&mut writer, 40);
    assert_eq!(write(&mut writer, 500), Err(Reason::DiskFull));
    assert_eq!(write(&mut writer, 500), Err(Reason::DiskFull));
    limit(&mut writer, 100_000);
    assert_eq!(write(&mut writer, 500), Ok(500));
    let day = writer.days.iter_mut().next().unwrap();
    let sums = "SELECT (SELECT count(*) FROM calls) || ' ' || (SELECT calls FROM sessions)";
    let sums: String = day.connection.query_row(sums, (), |row| row.get(0)).unwrap();
    assert_eq!(sums, "510 510");
}
