//! How many calls a second one writer sustains, records made in memory, nothing else running.
//!
//! `cargo run --release -p store --example writer_alone [-- calls [batch]]`

use protocol::{PrimitiveKind, RpcId};
use record::{
    Answer, Call, Claim, Client, Coverage, Direction, Exchange, IdSource, Identity, Outcome,
    Patience, Payload, Place, Primitive, Server, Sink, Verified,
};
use std::error::Error;
use std::io::Write as _;
use std::time::Instant;
use store::{Settings, Sync, Writer};

/// 2026-11-25T10:00:00Z.
const START: i64 = 1_795_600_800_000_000;
const TOOLS: [&str; 5] = ["search", "get_account", "list_contacts", "update_contact", "delete"];

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let calls: u64 = arguments.next().map_or(Ok(600_000), |text| text.parse())?;
    let batch: u64 = arguments.next().map_or(Ok(10_000), |text| text.parse())?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "sessions  batch  calls/s  µs/call  CPU µs/call  bytes/call")?;
    for sessions in [5_000, 200] {
        let folder = tempfile::tempdir()?;
        let figures = run(folder.path(), sessions, calls, batch)?;
        let Figures { seconds, cpu_seconds, bytes } = figures;
        let each = |total: f64| total * 1e6 / calls as f64;
        writeln!(
            out,
            "{sessions:8}  {batch:5}  {:7.0}  {:7.2}  {:11.2}  {:10}",
            calls as f64 / seconds,
            each(seconds),
            each(cpu_seconds),
            bytes / calls
        )?;
    }
    Ok(())
}

struct Figures {
    seconds: f64,
    cpu_seconds: f64,
    bytes: u64,
}

fn run(
    path: &std::path::Path,
    sessions: u64,
    calls: u64,
    batch_calls: u64,
) -> Result<Figures, Box<dyn Error>> {
    let path = path.join("store");
    let settings = Settings {
        path: path.clone(),
        retention_days: 7,
        size_bytes_max: 0,
        free_bytes_min: 0,
        sync: Sync::Normal,
        writer: "writer_alone".to_owned(),
    };
    let mut writer = Writer::open(settings, START)?;
    let ids: Vec<String> = (0..sessions).map(|n| format!("{n:032x}")).collect();
    let users: Vec<String> =
        (0..sessions).map(|n| format!("user{}@example.com", n % 500)).collect();
    let arguments = format!("{{\"q\":\"{}\"}}", "a".repeat(190));
    let result =
        format!("{{\"content\":[{{\"type\":\"text\",\"text\":\"{}\"}}]}}", "b".repeat(160));
    let (started, cpu_started) = (Instant::now(), cpu_seconds());
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut done = 0;
    while done < calls {
        let now = START + i64::try_from(done)? * 10;
        let mut batch = writer.begin(now)?;
        for n in done..(done + batch_calls).min(calls) {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let session = usize::try_from(random % sessions)?;
            let at = START + i64::try_from(n)? * 10;
            let request_id = format!("{random:016x}{n:016x}");
            let texts = Texts {
                id: ids.get(session).map_or("", |id| id),
                user: users.get(session).map_or("", |user| user),
                arguments: &arguments,
                result: &result,
                request_id: &request_id,
            };
            let tool = TOOLS.get(usize::try_from(random >> 33)? % TOOLS.len()).unwrap_or(&"");
            write(&mut batch, at, i64::try_from(n)?, tool, &texts);
        }
        done += batch_calls;
        batch.commit()?;
    }
    let (seconds, cpu_seconds) = (started.elapsed().as_secs_f64(), cpu_seconds() - cpu_started);
    drop(writer);
    let mut bytes = 0;
    for entry in std::fs::read_dir(&path)? {
        bytes += entry?.metadata()?.len();
    }
    Ok(Figures { seconds, cpu_seconds, bytes })
}

struct Texts<'a> {
    id: &'a str,
    user: &'a str,
    arguments: &'a str,
    result: &'a str,
    request_id: &'a str,
}

fn write(batch: &mut store::Batch<'_>, at: i64, number: i64, tool: &str, texts: &Texts<'_>) {
    let exchange = Exchange {
        at,
        last_at: at + 3_000,
        server: Server {
            name: "crm.example.com/mcp",
            unproven: "crm.example.com",
            is_named: false,
            is_proven: true,
        },
        session: Claim {
            source: IdSource::Header,
            id: texts.id,
            group: 0,
            idle_us: 1_800_000_000,
            opens: true,
            joins_stream: false,
            unannounced: record::Unannounced::Kept,
        },
        identity: Identity {
            user: texts.user,
            roles: "[\"admin\"]",
            verified: Verified::Yes,
            credential: 7,
            params: &[],
        },
        client: Client::default(),
        server_info: Client::default(),
        protocol_version: "2025-11-25",
        http_method: "POST",
        status: 200,
        address: "10.0.0.7",
        user_agent: "python-httpx/0.28.1",
        request_id: texts.request_id,
        bytes_in: 200,
        bytes_out: 300,
    };
    let Place::Part(part) = batch.place(&exchange, Patience::Decide) else { return };
    let call = Call {
        at,
        direction: Direction::Client,
        rpc_id: &RpcId::Integer(number % 1_000),
        method: "tools/call",
        primitive: Some(Primitive { kind: PrimitiveKind::Tool, name: tool }),
        arguments: Some(Payload { json: texts.arguments, truncated: false }),
        bytes_in: 200,
        coverage: Coverage::Full,
        continues: None,
        attacks: &[],
        protocol_version: "2025-11-25",
        answer: Answer {
            at: at + 2_000,
            outcome: Outcome::Ok,
            result: Some(Payload { json: texts.result, truncated: false }),
            error_code: None,
            error_message: None,
            duration_us: Some(2_000),
            first_event_us: None,
            notifications: 0,
            bytes_out: 300,
            coverage: Coverage::Full,
            continued_as: None,
        },
    };
    batch.call(part, &exchange, &call);
    batch.count_exchange();
}

/// CPU time of this process so far.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let ticks =
        |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}
