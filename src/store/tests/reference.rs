//! Random records, written into a store, and the same questions answered from them in plain Rust.

mod asked;

pub(crate) use asked::{Counted, facets, is_on_calls};

use crate::fixture::{DAY, HOUR, NOON, SECOND, Store};
use asked::has;
use protocol::{PrimitiveKind, RpcId};
use record::{
    Action, Answer, Attack, AttackKind, Call, Claim, Client, ControlRef, Coverage, Direction,
    Event, EventKind, Evidence, Exchange, IdSource, Identity, Judged, Mode, Outcome, Param,
    Patience, Payload, Place, Primitive, Server, Sink, Verified,
};
use std::collections::BTreeMap;
use store::query::Filter;

/// When the questions are asked.
pub(crate) const NOW: i64 = NOON + 12 * HOUR;
pub(crate) const SERVERS: [&str; 4] =
    ["crm.test/mcp", "crm.test/mcp2", "files.test/mcp", "search.example.org/a"];
const USERS: [&str; 6] = ["alice@x", "bob@x", "carol@y", "dave@y", "Eve Tool-Lover", "mallory"];
const ROLES: [&str; 4] = ["[\"admin\"]", "[\"dev\",\"admin\"]", "[\"dev\"]", ""];
const TOOLS: [&str; 6] = ["search", "delete_account", "get_account", "list", "Ärger", "alice-tool"];
const METHODS: [&str; 4] = ["tools/call", "tools/list", "ping", "resources/read"];
const CLIENTS: [&str; 3] = ["claude-code", "cursor", ""];
const OUTCOMES: [(Outcome, u16); 6] = [
    (Outcome::Ok, 200),
    (Outcome::ToolError, 200),
    (Outcome::RpcError, 200),
    (Outcome::HttpError, 502),
    (Outcome::Aborted, 0),
    (Outcome::Accepted, 202),
];
/// Attacks by their numbers: type, title of the control, which rule.
const ATTACKS: [(AttackKind, &str, &str); 5] = [
    (AttackKind::AclViolation, "only admins delete", "deny all, line 21"),
    (AttackKind::AclViolation, "only admins delete", "deny user=mallory, line 20"),
    (AttackKind::InvalidToolCall, "as listed", "additionalProperties"),
    (AttackKind::AclViolation, "as listed", "deny all, line 3"),
    (AttackKind::ProtocolViolation, "", "duplicate key"),
];

/// The same numbers everywhere.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub(crate) fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }
}

/// A call as it was made.
#[derive(Clone, Debug)]
pub(crate) struct MadeCall {
    pub(crate) session: usize,
    pub(crate) at: i64,
    pub(crate) duration_us: i64,
    pub(crate) user: &'static str,
    pub(crate) roles: &'static str,
    pub(crate) client: &'static str,
    pub(crate) address: String,
    pub(crate) tenant: Option<&'static str>,
    pub(crate) request_id: String,
    pub(crate) method: &'static str,
    pub(crate) tool: Option<&'static str>,
    pub(crate) outcome: Outcome,
    pub(crate) status: u16,
    pub(crate) bytes: (u64, u64),
    /// Numbers of attacks.
    pub(crate) attacks: Vec<usize>,
}

impl MadeCall {
    /// What was done about its attacks.
    fn action(&self) -> &'static str {
        if self.outcome == Outcome::Blocked { "blocked" } else { "passed" }
    }

    /// The attacks on which the filters hold: type and title.
    pub(crate) fn attacks_of(&self, filter: &Filter) -> Vec<(&'static str, &'static str)> {
        let is_any = filter.attack.iter().any(|wanted| wanted == "any");
        let attacks = self.attacks.iter().map(|number| ATTACKS[*number]);
        attacks
            .map(|(kind, title, _)| (kind.as_str(), title))
            .filter(|(kind, title)| {
                (is_any || has(&filter.attack, kind))
                    && has(&filter.control, title)
                    && has(&filter.action, self.action())
            })
            .collect()
    }
}

/// Attacks that are stored as one.
pub(crate) struct Group {
    /// Of calls, the first first.
    pub(crate) calls: Vec<usize>,
    /// Type and title.
    pub(crate) control: (&'static str, &'static str),
}

/// A session as it was made.
#[derive(Clone, Debug)]
pub(crate) struct MadeSession {
    pub(crate) id: String,
    pub(crate) source: IdSource,
    pub(crate) server: &'static str,
    pub(crate) idle_us: i64,
    pub(crate) ended: Option<i64>,
}

/// A session part: its calls, and what the rest follows from.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) day: i64,
    pub(crate) session: usize,
    pub(crate) started_at: i64,
    pub(crate) last_at: i64,
    pub(crate) is_ended: bool,
    pub(crate) calls: Vec<usize>,
}

/// All of it.
pub(crate) struct Made {
    pub(crate) sessions: Vec<MadeSession>,
    pub(crate) calls: Vec<MadeCall>,
}

/// Writes calls of two days, in random order of servers and sessions, and some ends of sessions.
pub(crate) fn make(store: &Store, random: &mut Random, calls: usize) -> Made {
    let mut sessions: Vec<MadeSession> = (0..calls / 40)
        .map(|number| MadeSession {
            id: format!("{:08x}-{number}", random.next() & 0xffff_ffff),
            source: *random.one(&[
                IdSource::Header,
                IdSource::Header,
                IdSource::Query,
                IdSource::Configured,
                IdSource::None,
            ]),
            server: random.one::<&str>(&SERVERS),
            idle_us: *random.one(&[HOUR, 5 * HOUR, 100 * HOUR]),
            ended: None,
        })
        .collect();
    let mut made: Vec<MadeCall> =
        (0..calls).map(|number| random_call(random, number, sessions.len())).collect();
    made.sort_by_key(|call| call.at);
    let mut writers = [store.writer("w1"), store.writer("w2")];
    let mut rest = made.as_slice();
    while !rest.is_empty() {
        let count = usize::try_from(1 + random.below(40)).unwrap().min(rest.len());
        let (batch_calls, others) = rest.split_at(count);
        rest = others;
        let writer = &mut writers[usize::try_from(random.below(2)).unwrap()];
        let now = batch_calls.last().unwrap().at + SECOND;
        let mut batch = writer.begin(now).unwrap();
        for call in batch_calls {
            write_call(&mut batch, call, &sessions[call.session]);
        }
        if random.below(12) == 0 {
            let number = batch_calls[0].session;
            if sessions[number].ended.is_none() && sessions[number].source != IdSource::None {
                end(&mut batch, &sessions[number], &batch_calls[0], now);
                sessions[number].ended = Some(now);
            }
        }
        batch.commit().unwrap();
    }
    drop(writers);
    learn(store, &mut sessions, &made);
    Made { sessions, calls: made }
}

fn random_call(random: &mut Random, number: usize, sessions: usize) -> MadeCall {
    // A session's calls lie within some hours, so that ranges cut some and miss others.
    let session = usize::try_from(random.below(sessions as u64)).unwrap();
    let start = NOON - DAY - 8 * HOUR + (session as i64 * 37 % 40) * HOUR;
    let spread = (1 + session as u64 % 9) * 3_600_000_000;
    let user = if session % 5 == 4 {
        ""
    } else {
        USERS[(session + usize::from(random.below(6) == 0)) % USERS.len()]
    };
    let method = *random.one(&METHODS);
    let (mut outcome, mut status) = *random.one(&OUTCOMES);
    let mut at = start + i64::try_from(random.below(spread)).unwrap();
    let mut attacks = Vec::new();
    for _ in 0..[0, 0, 0, 0, 0, 0, 0, 0, 1, 3][usize::try_from(random.below(10)).unwrap()] {
        attacks.push(usize::try_from(random.below(ATTACKS.len() as u64)).unwrap());
    }
    if !attacks.is_empty() {
        // Some within a minute of each other.
        if random.below(2) == 0 {
            at = at / HOUR * HOUR + i64::try_from(random.below(60_000_000)).unwrap();
        }
        if random.below(2) == 0 {
            (outcome, status) = (Outcome::Blocked, 200);
        }
    }
    MadeCall {
        session,
        at,
        duration_us: i64::try_from(random.below(3_000_000)).unwrap(),
        user,
        roles: if user.is_empty() { "" } else { ROLES[session % 4] },
        client: CLIENTS[session % 3],
        address: format!("10.0.0.{}", session % 7),
        tenant: (session % 4 != 0).then_some(["acme", "globex"][session % 2]),
        request_id: match number % 10 {
            0 => format!("req-{number}"),
            _ => format!("{:024x}{number:08x}", random.next()),
        },
        method,
        tool: matches!(method, "tools/call" | "resources/read").then(|| *random.one(&TOOLS)),
        outcome,
        status,
        bytes: (random.below(5_000), random.below(9_000)),
        attacks,
    }
}

fn exchange_of<'a>(
    call: &'a MadeCall,
    session: &'a MadeSession,
    params: &'a [Param<'a>],
) -> Exchange<'a> {
    let is_probing = session.source == IdSource::None;
    Exchange {
        at: call.at,
        last_at: call.at + call.duration_us,
        server: Server { name: session.server, unproven: "host", is_named: true, is_proven: true },
        session: Claim {
            source: session.source,
            id: if is_probing { "" } else { &session.id },
            group: if is_probing { call.session as u64 + 1 } else { 0 },
            idle_us: session.idle_us,
            opens: true,
            joins_stream: false,
            unannounced: record::Unannounced::Kept,
        },
        identity: Identity {
            user: call.user,
            roles: call.roles,
            verified: Verified::Yes,
            credential: 5,
            params,
        },
        client: Client { name: call.client, version: "1" },
        server_info: Client::default(),
        protocol_version: "2025-11-25",
        http_method: "POST",
        status: call.status,
        address: &call.address,
        user_agent: "node",
        request_id: &call.request_id,
        bytes_in: call.bytes.0,
        bytes_out: call.bytes.1,
    }
}

fn params_of(call: &MadeCall) -> Vec<Param<'static>> {
    call.tenant.map(|value| Param { name: "tenant", value }).into_iter().collect()
}

fn write_call(batch: &mut store::Batch<'_>, call: &MadeCall, session: &MadeSession) {
    let params = params_of(call);
    let exchange = exchange_of(call, session, &params);
    let Place::Part(part) = batch.place(&exchange, Patience::Decide) else { panic!() };
    let is_resource = call.method == "resources/read";
    let kind = if is_resource { PrimitiveKind::Resource } else { PrimitiveKind::Tool };
    let attacks: Vec<Attack<'_>> =
        call.attacks.iter().map(|number| attack_of(*number, call)).collect();
    for attack in &attacks {
        let judged =
            if call.outcome == Outcome::Blocked { Judged::Blocked } else { Judged::Denied };
        batch.judged(part, &attack.control, judged);
    }
    let record = Call {
        at: call.at,
        direction: Direction::Client,
        rpc_id: &RpcId::Integer(1),
        method: call.method,
        primitive: call.tool.map(|name| Primitive { kind, name }),
        arguments: Some(Payload { json: "{\"q\":[1,{}]}", truncated: false }),
        bytes_in: call.bytes.0,
        coverage: Coverage::Full,
        continues: None,
        attacks: &attacks,
        protocol_version: "",
        answer: Answer {
            at: call.at + call.duration_us,
            outcome: call.outcome,
            result: None,
            error_code: None,
            error_message: None,
            duration_us: Some(call.duration_us.unsigned_abs()),
            first_event_us: None,
            notifications: 0,
            bytes_out: call.bytes.1,
            coverage: Coverage::Full,
            continued_as: None,
        },
    };
    batch.call(part, &exchange, &record);
    batch.count_exchange();
}

fn attack_of(number: usize, call: &MadeCall) -> Attack<'static> {
    let (kind, title, detail) = ATTACKS[number];
    let is_blocked = call.outcome == Outcome::Blocked;
    Attack {
        at: call.at,
        control: ControlRef {
            kind,
            title,
            place: "nginx.conf:17",
            text: "deny all;",
            mode: if is_blocked { Mode::Block } else { Mode::Monitoring },
        },
        action: if is_blocked { Action::Blocked } else { Action::Passed },
        detail,
        point: "/params/name",
        expected: "",
        found: call.tool.unwrap_or(""),
        evidence: Some(Evidence {
            line: "POST /mcp HTTP/1.1",
            headers: "[]",
            body: "{}",
            truncated: false,
        }),
    }
}

/// The client ends a session.
fn end(batch: &mut store::Batch<'_>, session: &MadeSession, like: &MadeCall, at: i64) {
    let params = params_of(like);
    let exchange = Exchange {
        at,
        last_at: at,
        http_method: "DELETE",
        status: 200,
        ..exchange_of(like, session, &params)
    };
    let Place::Part(part) = batch.place(&exchange, Patience::Decide) else { panic!() };
    batch.event(part, &exchange, &Event { at, kind: EventKind::Deleted, count: 1 });
    batch.count_exchange();
}

/// Takes the ids that the store made up for `none` sessions.
fn learn(store: &Store, sessions: &mut [MadeSession], made: &[MadeCall]) {
    for day in ["2026-11-24.db", "2026-11-25.db"] {
        let connection = store.read(day);
        let mut statement = connection.prepare("SELECT request_id, session_id FROM calls").unwrap();
        let rows = statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?)));
        let by_request: BTreeMap<String, String> = rows.unwrap().map(Result::unwrap).collect();
        for call in made {
            let Some(id) = by_request.get(&call.request_id) else { continue };
            if sessions[call.session].source == IdSource::None {
                // Its parts have ids of their own each day; they are told apart by the day.
                let known = &mut sessions[call.session].id;
                if !known.contains(id.as_str()) {
                    *known = format!("{known} {day} {id}");
                }
            }
        }
    }
}
