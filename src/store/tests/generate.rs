//! Days as the console meets them: Zipf-distributed servers, tools and users, sessions of 1 to
//! 10,000 calls, some without an id, some with several users. The same seed makes the same days.

use protocol::{PrimitiveKind, RpcId};
use record::{
    Action, Answer, Attack, AttackKind, Call, Claim, Client, ControlRef, Coverage, Direction,
    Exchange, IdSource, Identity, Mode, Outcome, Param, Patience, Payload, Place, Primitive,
    Server, Sink, Verified,
};
use std::error::Error;
use std::path::Path;
use store::{Batch, Settings, Sync, Writer};

/// Microseconds of a day.
const DAY_US: i64 = 86_400_000_000;
/// Calls of a commit.
const BATCH_CALLS: usize = 50;
const SERVERS: u64 = 20;
const USERS: u64 = 5_000;
const TENANTS: u64 = 50;
const ROLES: [&str; 5] =
    ["[\"analyst\"]", "[\"developer\"]", "[\"developer\",\"admin\"]", "[\"support\"]", ""];
const CLIENTS: [(&str, &str); 6] = [
    ("claude-code", "2.1.0"),
    ("cursor", "1.7.3"),
    ("vscode", "1.105.0"),
    ("langgraph", "0.6.1"),
    ("inspector", "0.17.0"),
    ("nightly-report", "3"),
];
/// The tool that somebody will ask for.
const RARE_TOOL: &str = "delete_account";

/// What was written.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Written {
    /// Calls.
    pub(crate) calls: u64,
    /// Sessions.
    pub(crate) sessions: u64,
}

/// xorshift64*: the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// From 0 to 1.
    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// A rank from 0 on, where rank r is about 1 / (r + 1) as frequent as rank 0.
    fn zipf(&mut self, count: u64) -> u64 {
        let rank = ((count as f64 + 1.0).powf(self.share()) - 1.0) as u64;
        rank.min(count - 1)
    }

    /// Evenly distributed in its logarithm.
    fn spread(&mut self, from: f64, to: f64) -> f64 {
        from * (to / from).powf(self.share())
    }

    /// How many calls a session has.
    fn session_calls(&mut self) -> u64 {
        let calls = match self.below(1_000) {
            0..=1 => self.spread(1_000.0, 10_000.0),
            2..=149 => self.spread(10.0, 1_000.0),
            _ => 1.0 / (1.0 - self.share()).max(1e-4),
        };
        calls as u64
    }
}

struct Session {
    id: String,
    source: IdSource,
    server: u64,
    user: u64,
    address: String,
    client: usize,
    done: u64,
}

/// Writes some days, the last one given in days since the epoch. Past days are left without WAL.
pub(crate) fn write_days(
    folder: &Path,
    days: u32,
    calls_a_day: u64,
    last_day: i32,
) -> Result<Written, Box<dyn Error>> {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut written = Written::default();
    for back in (0..i32::try_from(days)?).rev() {
        let day = last_day - back;
        // A writer for each day: it closes its file at the end.
        let mut writer = Writer::open(settings(folder), i64::from(day) * DAY_US)?;
        write_day(&mut writer, day, calls_a_day, &mut random, &mut written)?;
        drop(writer);
        if back > 0 {
            finish(folder, day)?;
        }
    }
    Ok(written)
}

fn settings(folder: &Path) -> Settings {
    Settings {
        path: folder.to_owned(),
        retention_days: 366,
        size_bytes_max: 0,
        free_bytes_min: 0,
        sync: Sync::Normal,
        writer: "days".to_owned(),
    }
}

/// Leaves a day as upkeep leaves past days.
fn finish(folder: &Path, day: i32) -> Result<(), Box<dyn Error>> {
    let date = time::OffsetDateTime::from_unix_timestamp(i64::from(day) * 86_400)?.date();
    let connection = rusqlite::Connection::open(folder.join(format!("{date}.db")))?;
    connection.query_row("PRAGMA journal_mode = DELETE", (), |_| Ok(()))?;
    Ok(())
}

fn write_day(
    writer: &mut Writer,
    day: i32,
    calls: u64,
    random: &mut Random,
    written: &mut Written,
) -> Result<(), Box<dyn Error>> {
    let start = i64::from(day) * DAY_US;
    let mut sessions = Vec::new();
    let mut events: Vec<(i64, u32)> = Vec::new();
    while (events.len() as u64) < calls {
        let number = u32::try_from(sessions.len())?;
        let left = calls - events.len() as u64;
        sessions.push(session(random, day, number));
        // Two thirds between 8 and 18 o'clock.
        let hour =
            if random.below(3) > 0 { 8.0 + random.share() * 10.0 } else { random.share() * 24.0 };
        let mut at = start + (hour * 3_600e6) as i64;
        let pace_us = random.spread(3e5, 2e7);
        for _ in 0..random.session_calls().clamp(1, left) {
            // A session that would go on after midnight goes on at once instead.
            if at >= start + DAY_US - 5_000_000 {
                at = start + i64::try_from(random.below((DAY_US - 5_000_000).unsigned_abs()))?;
            }
            events.push((at, number));
            at += (pace_us * -(1.0 - random.share()).max(1e-9).ln()) as i64;
        }
    }
    events.sort_unstable();
    for chunk in events.chunks(BATCH_CALLS) {
        let now = chunk.last().map_or(start, |(at, _)| at + 1_000_000);
        let mut batch = writer.begin(now)?;
        for (at, number) in chunk {
            if let Some(session) = sessions.get_mut(usize::try_from(*number)?) {
                write_call(&mut batch, *at, session, random);
            }
        }
        written.calls += chunk.len() as u64;
        batch.commit()?;
    }
    written.sessions += sessions.len() as u64;
    Ok(())
}

fn session(random: &mut Random, day: i32, number: u32) -> Session {
    let user = random.zipf(USERS);
    let is_derived = random.below(5) == 0;
    Session {
        id: format!(
            "{:016x}",
            random.next() ^ u64::from(number) ^ u64::from(day.unsigned_abs()) << 32
        ),
        source: if is_derived { IdSource::Derived } else { IdSource::Header },
        server: random.zipf(SERVERS),
        user,
        address: format!("10.{}.{}.{}", user % 7, user / 250, user % 250),
        client: usize::try_from(random.zipf(CLIENTS.len() as u64)).unwrap_or(0),
        done: 0,
    }
}

/// What a call asks for.
fn request(
    random: &mut Random,
    session: &Session,
) -> (&'static str, Option<(PrimitiveKind, String)>) {
    if session.source == IdSource::Header {
        match session.done {
            0 => return ("initialize", None),
            1 => return ("notifications/initialized", None),
            2 => return ("tools/list", None),
            _ => {}
        }
    }
    let server = session.server;
    match random.below(100_000) {
        0..=1 => ("tools/call", Some((PrimitiveKind::Tool, RARE_TOOL.to_owned()))),
        2..=9_999 => {
            let uri = format!("file:///srv{server}/doc{}.md", random.zipf(200));
            ("resources/read", Some((PrimitiveKind::Resource, uri)))
        }
        10_000..=11_999 => {
            let name = format!("prompt_{}", random.zipf(10));
            ("prompts/get", Some((PrimitiveKind::Prompt, name)))
        }
        12_000..=12_999 => ("ping", None),
        _ => {
            let tool = format!("tool_{}_{}", server % 5, random.zipf(30));
            ("tools/call", Some((PrimitiveKind::Tool, tool)))
        }
    }
}

fn write_call(batch: &mut Batch<'_>, at: i64, session: &mut Session, random: &mut Random) {
    let (method, primitive) = request(random, session);
    let (outcome, status) = match random.below(1_000) {
        0..=29 => (Outcome::ToolError, 200),
        30..=44 => (Outcome::RpcError, 200),
        45..=52 => (Outcome::HttpError, 401),
        53..=55 => (Outcome::HttpError, 502),
        56..=57 => (Outcome::Aborted, 200),
        _ if method.starts_with("notifications/") => (Outcome::Accepted, 202),
        _ => (Outcome::Ok, 200),
    };
    let is_first = session.done == 0 || session.source == IdSource::Derived;
    session.done += 1;
    // Now and then a colleague takes over.
    let user = if random.below(2_000) == 0 { (session.user + 1) % USERS } else { session.user };
    let texts = Texts {
        server: format!("srv{}.example.com/mcp", session.server),
        user: if user % 20 == 19 { String::new() } else { format!("user{user}@example.com") },
        tenant: format!("tenant{}", user % TENANTS),
        request_id: format!("{:016x}{:016x}", random.next(), random.next()),
        arguments: format!(
            "{{\"q\":\"{}\"}}",
            "a".repeat(100 + usize::try_from(random.below(180)).unwrap_or(0))
        ),
    };
    let (name, version) = CLIENTS.get(session.client).copied().unwrap_or_default();
    let client = if is_first { Client { name, version } } else { Client::default() };
    // Every primitive has its own usual duration.
    let name_sum: usize =
        primitive.iter().flat_map(|(_, name)| name.bytes()).map(usize::from).sum();
    let usual_us = 2e3 * 1.8_f64.powi(i32::try_from(name_sum % 11).unwrap_or(0));
    let duration_us = (usual_us * random.spread(0.7, 4.0)) as u64;
    let params = [Param { name: "tenant", value: &texts.tenant }];
    let exchange = exchange(at, duration_us, session, &texts, &params, client, status);
    let Place::Part(part) = batch.place(&exchange, Patience::Decide) else { return };
    let is_ok = outcome == Outcome::Ok;
    let attacks: Vec<Attack<'_>> = attack(at).into_iter().collect();
    let call = Call {
        at,
        direction: Direction::Client,
        rpc_id: &RpcId::Integer(i64::try_from(session.done).unwrap_or(0)),
        method,
        primitive: primitive.as_ref().map(|(kind, name)| Primitive { kind: *kind, name }),
        arguments: Some(Payload { json: &texts.arguments, truncated: false }),
        bytes_in: 150 + texts.arguments.len() as u64,
        coverage: Coverage::Full,
        continues: None,
        attacks: &attacks,
        protocol_version: "",
        answer: Answer {
            at: at + duration_us.cast_signed(),
            outcome,
            result: is_ok.then_some(Payload {
                json: "{\"content\":[{\"text\":\"string(840)\",\"type\":\"text\"}]}",
                truncated: false,
            }),
            error_code: (outcome == Outcome::RpcError).then_some(-32602),
            error_message: (!is_ok).then_some("it did not work"),
            duration_us: Some(duration_us),
            first_event_us: None,
            notifications: 0,
            bytes_out: 100 + random.below(2_000),
            coverage: Coverage::Full,
            continued_as: None,
        },
    };
    batch.call(part, &exchange, &call);
    batch.count_exchange();
}

/// A control that only monitors objects to one call in a hundred.
fn attack(at: i64) -> Option<Attack<'static>> {
    if at / 7 % 100 != 0 {
        return None;
    }
    let control = ControlRef {
        kind: AttackKind::AclViolation,
        title: "only admins delete",
        place: "nginx.conf:17",
        text: "deny all;",
        mode: Mode::Monitoring,
    };
    Some(Attack {
        at,
        control,
        action: Action::Passed,
        detail: "deny all, line 21",
        point: "/params/name",
        expected: "",
        found: "",
        evidence: None,
    })
}

struct Texts {
    server: String,
    user: String,
    tenant: String,
    request_id: String,
    arguments: String,
}

fn exchange<'a>(
    at: i64,
    duration_us: u64,
    session: &'a Session,
    texts: &'a Texts,
    params: &'a [Param<'a>],
    client: Client<'a>,
    status: u16,
) -> Exchange<'a> {
    let is_derived = session.source == IdSource::Derived;
    let roles = ROLES.get(usize::try_from(session.user % 5).unwrap_or(0)).copied().unwrap_or("");
    Exchange {
        at,
        last_at: at + duration_us.cast_signed(),
        server: Server {
            name: &texts.server,
            unproven: "example.com",
            is_named: true,
            is_proven: true,
        },
        session: Claim {
            source: session.source,
            id: if is_derived { "" } else { &session.id },
            group: if is_derived {
                u64::from_str_radix(&session.id, 16).unwrap_or(1) | 1
            } else {
                0
            },
            idle_us: 1_800_000_000,
            opens: true,
            joins_stream: false,
            unannounced: record::Unannounced::Kept,
        },
        identity: Identity {
            user: &texts.user,
            roles,
            verified: Verified::Yes,
            credential: session.user + 1,
            params,
        },
        client,
        server_info: Client { name: "example", version: "1.4" },
        protocol_version: "2025-11-25",
        http_method: "POST",
        status,
        address: &session.address,
        user_agent: "node",
        request_id: &texts.request_id,
        bytes_in: 300,
        bytes_out: 900,
    }
}
