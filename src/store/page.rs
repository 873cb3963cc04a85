//! What a batch has collected in memory, until its commit writes it in the cheapest order.

use crate::attacks::Attacks;
use crate::kind::OpenKind;
use crate::part::Learned;
use protocol::RpcId;
use record::{Answer, Coverage, Direction, EventKind, Micros, Outcome, Payload};
use rusqlite::types::{Null, ToSql, ToSqlOutput, Value, ValueRef};
use rustc_hash::FxHashMap;

/// Text in the page's arena.
pub(crate) type Span = Option<(usize, u32)>;

/// Bits of `call_rows.flags`.
pub(crate) const ARGUMENTS_TRUNCATED: i64 = 1;
pub(crate) const RESULT_TRUNCATED: i64 = 2;

/// A JSON-RPC id as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum RpcKey {
    /// A notification's.
    None,
    /// A number.
    Integer(i64),
    /// Text.
    Text(String),
    /// Anything else, as JSON text in a blob.
    Json(String),
}

impl From<&RpcId> for RpcKey {
    fn from(id: &RpcId) -> Self {
        match id {
            RpcId::None => Self::None,
            RpcId::Null => Self::Json("null".to_owned()),
            RpcId::Integer(number) => Self::Integer(*number),
            RpcId::Text(text) => Self::Text(text.clone()),
            RpcId::Other(json) => Self::Json(json.clone()),
        }
    }
}

impl RpcKey {
    /// From a column.
    pub(crate) fn read(value: Value) -> Self {
        match value {
            Value::Integer(number) => Self::Integer(number),
            Value::Text(text) => Self::Text(text),
            Value::Blob(json) => Self::Json(String::from_utf8_lossy(&json).into_owned()),
            Value::Null | Value::Real(_) => Self::None,
        }
    }
}

impl ToSql for RpcKey {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::None => Null.into(),
            Self::Integer(number) => (*number).into(),
            Self::Text(text) => text.as_str().into(),
            Self::Json(json) => ToSqlOutput::Borrowed(ValueRef::Blob(json.as_bytes())),
        })
    }
}

/// nginx's `$request_id`: 32 hex digits become 16 bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum RequestKey {
    /// 32 lower-case hex digits.
    Bytes([u8; 16]),
    /// Anything else; in the arena.
    Text(Span),
}

/// The bytes of 32 lower-case hex digits.
pub(crate) fn hex_bytes(text: &str) -> Option<[u8; 16]> {
    let digits: &[u8; 32] = text.as_bytes().try_into().ok()?;
    let mut bytes = [0; 16];
    for (byte, pair) in bytes.iter_mut().zip(digits.as_chunks::<2>().0) {
        let [high, low] = pair.map(|digit| match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => u8::MAX,
        });
        if high > 15 || low > 15 {
            return None;
        }
        *byte = high << 4 | low;
    }
    Some(bytes)
}

/// A new call.
#[derive(Debug)]
pub(crate) struct CallRow {
    /// Where in [`Page::touched`] its part stands.
    pub(crate) touched: usize,
    /// Its row, where it was needed before the commit; else 0.
    pub(crate) row: i64,
    pub(crate) actor: i64,
    pub(crate) kind: i64,
    pub(crate) at: Micros,
    pub(crate) duration_us: Option<i64>,
    pub(crate) first_event_us: Option<i64>,
    pub(crate) notifications: u32,
    pub(crate) bytes_in: i64,
    pub(crate) bytes_out: i64,
    pub(crate) flags: i64,
    pub(crate) outcome: Outcome,
    pub(crate) rpc_id: RpcKey,
    pub(crate) request_id: RequestKey,
    pub(crate) continues: Option<i64>,
    pub(crate) arguments: Span,
    pub(crate) result: Span,
    pub(crate) error_message: Span,
    pub(crate) extra: Span,
    pub(crate) direction: Direction,
    pub(crate) continued_as: Option<i64>,
    /// Of a call that waits for its answer.
    pub(crate) open_kind: Option<Box<OpenKind>>,
    /// Whether a control objects to it.
    pub(crate) is_attacked: bool,
}

/// What a batch adds to a session part.
#[derive(Debug)]
pub(crate) struct Touched {
    /// Days since the epoch.
    pub(crate) day: i32,
    /// Its row.
    pub(crate) part: i64,
    /// Number of its server.
    pub(crate) server: i64,
    /// Whether it is a session of failed probes and refused logins, whose errors are none.
    pub(crate) is_probing: bool,
    pub(crate) started_at: Micros,
    pub(crate) last_at: Micros,
    pub(crate) calls: i64,
    /// Of these, those that have a row.
    pub(crate) stored: i64,
    pub(crate) errors: i64,
    pub(crate) attacks: i64,
    pub(crate) blocked: i64,
    pub(crate) notifications: i64,
    pub(crate) bytes_in: i64,
    pub(crate) bytes_out: i64,
    pub(crate) ended: Option<(Micros, EventKind)>,
    /// What it says of itself, where that grew.
    pub(crate) learned: Option<Box<(i64, Learned)>>,
}

/// A change of the rollup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tally {
    pub(crate) day: i32,
    pub(crate) part: i64,
    pub(crate) hour: i64,
    pub(crate) actor: i64,
    pub(crate) kind: i64,
    pub(crate) calls: i64,
    pub(crate) duration_us: i64,
    /// Of request and answer.
    pub(crate) bytes: i64,
}

/// What a batch adds to the rollups that do not know sessions.
#[derive(Debug, Default)]
pub(crate) struct Loads {
    /// Calls by day, server, kind and bucket of duration.
    pub(crate) by_kind: FxHashMap<(i32, i64, i64, i64), i64>,
    /// Calls and errors by day, minute and server.
    pub(crate) by_minute: FxHashMap<(i32, i64, i64), (i64, i64)>,
}

impl Loads {
    /// Adds one call.
    pub(crate) fn add(&mut self, tally: &Tally, server: i64, at: Micros, bucket: i64) {
        let Tally { day, kind, calls, .. } = *tally;
        *self.by_kind.entry((day, server, kind, bucket)).or_default() += calls;
        let minute = at.div_euclid(MINUTE_US);
        self.by_minute.entry((day, minute, server)).or_default().0 += calls;
    }

    /// Adds to the errors of a minute.
    pub(crate) fn add_errors(&mut self, day: i32, server: i64, at: Micros, errors: i64) {
        let minute = at.div_euclid(MINUTE_US);
        self.by_minute.entry((day, minute, server)).or_default().1 += errors;
    }

    fn clear(&mut self) {
        self.by_kind.clear();
        self.by_minute.clear();
    }
}

/// Microseconds of a minute.
pub(crate) const MINUTE_US: i64 = 60_000_000;

/// The bucket of calls whose duration is not known.
pub(crate) const NO_BUCKET: i64 = -1;
/// The bucket of all calls of `none` sessions: failed probes say nothing of a server's errors and
/// durations.
pub(crate) const PROBING_BUCKET: i64 = -2;

/// The bucket of a duration: four to an octave, so that a bucket's middle is at most 11 % away
/// from any duration in it.
pub(crate) fn bucket_of(duration_us: Option<i64>, is_probing: bool) -> i64 {
    if is_probing {
        return PROBING_BUCKET;
    }
    let Some(duration_us) = duration_us else { return NO_BUCKET };
    let duration_us = duration_us.max(0);
    if duration_us < 4 {
        return duration_us;
    }
    let exponent = i64::from(duration_us.ilog2());
    4 * (exponent - 1) + (duration_us >> (exponent - 2) & 3)
}

/// The shortest duration of a bucket, in microseconds.
pub(crate) fn bucket_floor_us(bucket: i64) -> i64 {
    let bucket = bucket.clamp(0, 4 * 61);
    if bucket < 4 { bucket } else { (4 + bucket % 4) << (bucket / 4 - 1) }
}

/// Where `place` put an exchange.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placed {
    pub(crate) touched: usize,
    pub(crate) actor: i64,
    /// Whether the actor stands for more than the day can name: its words go into the call.
    pub(crate) is_overflow: bool,
}

/// Everything a batch has collected.
#[derive(Debug, Default)]
pub(crate) struct Page {
    text: String,
    pub(crate) rows: Vec<CallRow>,
    pub(crate) touched: Vec<Touched>,
    pub(crate) touched_by_part: FxHashMap<(i32, i64), usize>,
    pub(crate) placed: Vec<Placed>,
    pub(crate) tallies: Vec<Tally>,
    pub(crate) loads: Loads,
    /// Day, actor, part: who was seen in which part, at least all that are new.
    pub(crate) part_actors: Vec<(i32, i64, i64)>,
    /// Calls of this batch that were given a row already, by day and row.
    pub(crate) early: FxHashMap<(i32, i64), usize>,
    /// Calls of this batch that wait for an answer: part, direction, id.
    pub(crate) waiting: FxHashMap<(usize, Direction, RpcKey), usize>,
    /// Rounds of this batch, by fingerprint.
    pub(crate) rounds: FxHashMap<i64, (i32, i64)>,
    pub(crate) attacks: Attacks,
    /// Calls that are counted only.
    pub(crate) unstored: usize,
}

/// The arena's capacity that is kept between batches, in bytes.
const TEXT_KEPT_BYTES_MAX: usize = 16 << 20;

impl Page {
    /// Empties it, keeping its memory.
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.text.shrink_to(TEXT_KEPT_BYTES_MAX);
        self.rows.clear();
        self.touched.clear();
        self.touched_by_part.clear();
        self.placed.clear();
        self.tallies.clear();
        self.loads.clear();
        self.part_actors.clear();
        self.early.clear();
        self.waiting.clear();
        self.rounds.clear();
        self.attacks.clear();
        self.unstored = 0;
    }

    /// Keeps text.
    pub(crate) fn push(&mut self, text: &str) -> Span {
        let len = u32::try_from(text.len()).ok()?;
        let start = self.text.len();
        self.text.push_str(text);
        Some((start, len))
    }

    /// Keeps a payload's text.
    pub(crate) fn push_payload(&mut self, payload: Option<Payload<'_>>) -> Span {
        payload.and_then(|payload| self.push(payload.json))
    }

    /// The text kept.
    pub(crate) fn get(&self, span: Span) -> Option<&str> {
        let (start, len) = span?;
        self.text.get(start..start.saturating_add(len as usize))
    }

    /// The entry of a part, made if it is not there.
    pub(crate) fn touch(&mut self, day: i32, part: i64) -> usize {
        let touched = &mut self.touched;
        *self.touched_by_part.entry((day, part)).or_insert_with(|| {
            touched.push(Touched {
                day,
                part,
                server: 0,
                is_probing: false,
                started_at: Micros::MAX,
                last_at: Micros::MIN,
                calls: 0,
                stored: 0,
                errors: 0,
                attacks: 0,
                blocked: 0,
                notifications: 0,
                bytes_in: 0,
                bytes_out: 0,
                ended: None,
                learned: None,
            });
            touched.len() - 1
        })
    }

    /// Puts an answer into a call of this batch.
    pub(crate) fn fill(&mut self, index: usize, kind: i64, answer: &OwnAnswer<'_>) {
        let result = answer.result.and_then(|text| self.push(text));
        let error_message = answer.error_message.and_then(|text| self.push(text));
        let Some(row) = self.rows.get_mut(index) else { return };
        row.kind = kind;
        row.outcome = answer.outcome;
        row.result = result;
        row.error_message = error_message;
        row.duration_us = Some(answer.duration_us.unwrap_or_else(|| (answer.at - row.at).max(0)));
        row.first_event_us = answer.first_event_us;
        row.notifications = row.notifications.max(answer.notifications);
        row.bytes_out = answer.bytes_out;
        row.continued_as = answer.continued_as;
        if answer.truncated {
            row.flags |= RESULT_TRUNCATED;
        }
        row.open_kind = None;
    }
}

/// An answer in the types that are stored.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OwnAnswer<'a> {
    pub(crate) at: Micros,
    pub(crate) outcome: Outcome,
    pub(crate) result: Option<&'a str>,
    pub(crate) truncated: bool,
    pub(crate) error_code: Option<i64>,
    pub(crate) error_message: Option<&'a str>,
    pub(crate) duration_us: Option<i64>,
    pub(crate) first_event_us: Option<i64>,
    pub(crate) notifications: u32,
    pub(crate) bytes_out: i64,
    pub(crate) coverage: Coverage,
    pub(crate) continued_as: Option<i64>,
}

/// A count as SQLite's signed integer.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl<'a> From<&Answer<'a>> for OwnAnswer<'a> {
    fn from(answer: &Answer<'a>) -> Self {
        Self {
            at: answer.at,
            outcome: answer.outcome,
            result: answer.result.map(|payload| payload.json),
            truncated: answer.result.is_some_and(|payload| payload.truncated),
            error_code: answer.error_code,
            error_message: answer.error_message,
            duration_us: answer.duration_us.map(signed),
            first_event_us: answer.first_event_us.map(signed),
            notifications: answer.notifications,
            bytes_out: signed(answer.bytes_out),
            coverage: answer.coverage,
            continued_as: answer.continued_as.map(u64::cast_signed),
        }
    }
}
