//! Answers and the calls they are for, in the day's file.

use crate::calls::direction_word;
use crate::day::Day;
use crate::failure::Failure;
use crate::kind::OpenKind;
use crate::page::{OwnAnswer, RESULT_TRUNCATED, RpcKey};
use record::{Coverage, Direction, Micros, Outcome};
use rusqlite::{OptionalExtension, params};

/// The most answers of a day that wait for their call. Beyond it, they are not kept: the calls
/// stay pending.
const ANSWERS_MAX: i64 = 10_000;

/// A stored call that waits for its answer.
#[derive(Debug)]
pub(crate) struct StoredCall {
    pub(crate) part: i64,
    /// Number of its server.
    pub(crate) server: i64,
    /// Whether it belongs to a `none` session.
    pub(crate) is_probing: bool,
    pub(crate) actor: i64,
    /// The number of its kind.
    pub(crate) number: i64,
    pub(crate) at: Micros,
    pub(crate) bytes_in: i64,
    pub(crate) rpc_id: RpcKey,
    pub(crate) notifications: u32,
    pub(crate) kind: OpenKind,
}

/// An answer that came before its call.
#[derive(Debug)]
pub(crate) struct KeptAnswer {
    at: Micros,
    outcome: Outcome,
    result: Option<String>,
    truncated: bool,
    error_code: Option<i64>,
    error_message: Option<String>,
    first_event_us: Option<i64>,
    notifications: u32,
    bytes_out: i64,
    coverage: Coverage,
    continued_as: Option<i64>,
}

impl KeptAnswer {
    /// As if it came now.
    pub(crate) fn as_answer(&self) -> OwnAnswer<'_> {
        OwnAnswer {
            at: self.at,
            outcome: self.outcome,
            result: self.result.as_deref(),
            truncated: self.truncated,
            error_code: self.error_code,
            error_message: self.error_message.as_deref(),
            duration_us: None,
            first_event_us: self.first_event_us,
            notifications: self.notifications,
            bytes_out: self.bytes_out,
            coverage: self.coverage,
            continued_as: self.continued_as,
        }
    }
}

/// The call that promised to be continued under this fingerprint.
pub(crate) fn round(day: &Day, fingerprint: i64) -> Result<Option<i64>, Failure> {
    day.connection
        .prepare_cached("SELECT call FROM rounds WHERE fingerprint = ?1")
        .and_then(|mut statement| statement.query_row([fingerprint], |row| row.get(0)).optional())
        .map_err(|error| day.failure(&error))
}

/// The pending call of a part with this id; the newest of several.
pub(crate) fn find_pending(
    day: &Day,
    part: i64,
    direction: Direction,
    rpc_id: &RpcKey,
) -> Result<Option<i64>, Failure> {
    day.connection
        .prepare_cached(
            "SELECT max(call) FROM pending WHERE part = ?1 AND direction = ?2 AND rpc_id = ?3",
        )
        .and_then(|mut statement| {
            let row = params![part, direction_word(direction), rpc_id];
            statement.query_row(row, |row| row.get(0))
        })
        .map_err(|error| day.failure(&error))
}

/// A call by its row, if it still waits for its answer.
pub(crate) fn pending_call(day: &Day, row: i64) -> Result<Option<StoredCall>, Failure> {
    day.connection
        .prepare_cached(
            "SELECT c.part, c.actor, c.kind, c.at, c.rpc_id, k.direction, k.http_method, \
             k.status, k.method, k.primitive_kind, k.primitive, k.coverage_request, \
             k.protocol_version, c.bytes_in, p.server, p.id_source = 'none', c.notifications, \
             k.attacks \
             FROM call_rows c JOIN kinds k ON k.kind = c.kind JOIN parts p ON p.part = c.part \
             WHERE c.call = ?1 AND k.outcome = 'pending'",
        )
        .and_then(|mut statement| {
            statement
                .query_row([row], |row| {
                    let direction: String = row.get(5)?;
                    let primitive_kind: Option<String> = row.get(9)?;
                    let primitive: Option<String> = row.get(10)?;
                    let coverage: String = row.get(11)?;
                    let kind = OpenKind {
                        direction: direction_word(if direction == "server" {
                            Direction::Server
                        } else {
                            Direction::Client
                        }),
                        http_method: row.get(6)?,
                        status: row.get(7)?,
                        method: row.get(8)?,
                        primitive: primitive_kind.as_deref().map(primitive_word).zip(primitive),
                        coverage_request: coverage_named(&coverage).as_str(),
                        protocol_version: row.get(12)?,
                        attacks: row.get(17)?,
                    };
                    Ok(StoredCall {
                        part: row.get(0)?,
                        actor: row.get(1)?,
                        number: row.get(2)?,
                        at: row.get(3)?,
                        rpc_id: RpcKey::read(row.get(4)?),
                        bytes_in: row.get(13)?,
                        server: row.get(14)?,
                        is_probing: row.get(15)?,
                        notifications: row.get(16)?,
                        kind,
                    })
                })
                .optional()
        })
        .map_err(|error| day.failure(&error))
}

/// Writes an answer into a stored call.
pub(crate) fn write(
    day: &Day,
    row: i64,
    kind: i64,
    duration_us: i64,
    stored: &StoredCall,
    answer: &OwnAnswer<'_>,
) -> Result<(), Failure> {
    let failure = |error: rusqlite::Error| day.failure(&error);
    day.connection
        .prepare_cached(
            "UPDATE call_rows SET kind = ?2, duration_us = ?3, first_event_us = ?4, \
             notifications = max(notifications, ?5), bytes_out = ?6, flags = flags | ?7, \
             result = ?8, error_message = ?9 WHERE call = ?1",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                row,
                kind,
                duration_us,
                answer.first_event_us,
                answer.notifications,
                answer.bytes_out,
                if answer.truncated { RESULT_TRUNCATED } else { 0 },
                answer.result,
                answer.error_message
            ])
        })
        .map_err(failure)?;
    day.connection
        .prepare_cached(
            "DELETE FROM pending \
             WHERE part = ?1 AND direction = ?2 AND rpc_id = ?3 AND call = ?4",
        )
        .and_then(|mut statement| {
            statement.execute(params![stored.part, stored.kind.direction, stored.rpc_id, row])
        })
        .map_err(failure)?;
    if let Some(fingerprint) = answer.continued_as {
        put_round(day, fingerprint, row)?;
    }
    Ok(())
}

/// Notes under which fingerprint a call will be continued.
pub(crate) fn put_round(day: &Day, fingerprint: i64, row: i64) -> Result<(), Failure> {
    day.connection
        .prepare_cached("INSERT OR REPLACE INTO rounds (fingerprint, call) VALUES (?1, ?2)")
        .and_then(|mut statement| statement.execute((fingerprint, row)))
        .map(|_| ())
        .map_err(|error| day.failure(&error))
}

/// Keeps an answer until its call is stored.
pub(crate) fn keep(
    day: &mut Day,
    part: i64,
    direction: Direction,
    rpc_id: &RpcKey,
    answer: &OwnAnswer<'_>,
) -> Result<(), Failure> {
    let kept = day
        .connection
        .prepare_cached(
            "INSERT INTO answers (part, direction, rpc_id, at, outcome, result, truncated, \
             error_code, error_message, first_event_us, notifications, bytes_out, coverage, \
             continued_as) \
             SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14 \
             WHERE (SELECT count(*) FROM answers) < ?15 \
             ON CONFLICT (part, direction, rpc_id) DO NOTHING",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                part,
                direction_word(direction),
                rpc_id,
                answer.at,
                answer.outcome.as_str(),
                answer.result,
                answer.truncated,
                answer.error_code,
                answer.error_message,
                answer.first_event_us,
                answer.notifications,
                answer.bytes_out,
                answer.coverage.as_str(),
                answer.continued_as,
                ANSWERS_MAX
            ])
        });
    kept.map_err(|error| day.failure(&error))?;
    day.has_answers = Some(true);
    Ok(())
}

/// Takes the answer that came before its call.
pub(crate) fn take(
    day: &mut Day,
    part: i64,
    direction: Direction,
    rpc_id: &RpcKey,
) -> Result<Option<KeptAnswer>, Failure> {
    let has_answers = match day.has_answers {
        Some(has_answers) => has_answers,
        None => day
            .connection
            .prepare_cached("SELECT 1 FROM answers LIMIT 1")
            .and_then(|mut statement| statement.exists(()))
            .map_err(|error| day.failure(&error))?,
    };
    day.has_answers = Some(has_answers);
    if !has_answers {
        return Ok(None);
    }
    let key = params![part, direction_word(direction), rpc_id];
    day.connection
        .prepare_cached(
            "DELETE FROM answers WHERE part = ?1 AND direction = ?2 AND rpc_id = ?3 \
             RETURNING at, outcome, result, truncated, error_code, error_message, \
             first_event_us, notifications, bytes_out, coverage, continued_as",
        )
        .and_then(|mut statement| statement.query_row(key, kept_answer).optional())
        .map_err(|error| day.failure(&error))
}

/// Forgets answers whose call did not come.
pub(crate) fn forget(day: &Day, before: Micros) -> rusqlite::Result<usize> {
    day.connection
        .prepare_cached("DELETE FROM answers WHERE at < ?1")
        .and_then(|mut statement| statement.execute([before]))
}

/// Of a part that continues an earlier day's: that day, the session's id and the server's name.
pub(crate) fn continued(day: &Day, part: i64) -> Result<Option<(i32, String, String)>, Failure> {
    day.connection
        .prepare_cached(
            "SELECT p.continues_day, p.session_id, s.name \
             FROM parts p JOIN servers s ON s.server = p.server \
             WHERE p.part = ?1 AND p.continues_day IS NOT NULL",
        )
        .and_then(|mut statement| {
            statement
                .query_row([part], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                .optional()
        })
        .map_err(|error| day.failure(&error))
}

/// The part of a session by its names.
pub(crate) fn part_named(
    day: &Day,
    session_id: &str,
    server: &str,
) -> Result<Option<i64>, Failure> {
    day.connection
        .prepare_cached(
            "SELECT p.part FROM parts p JOIN servers s ON s.server = p.server \
             WHERE p.session_id = ?1 AND s.name = ?2",
        )
        .and_then(|mut statement| {
            statement.query_row((session_id, server), |row| row.get(0)).optional()
        })
        .map_err(|error| day.failure(&error))
}

fn kept_answer(row: &rusqlite::Row<'_>) -> rusqlite::Result<KeptAnswer> {
    let outcome: String = row.get(1)?;
    let coverage: String = row.get(9)?;
    Ok(KeptAnswer {
        at: row.get(0)?,
        outcome: Outcome::ALL
            .into_iter()
            .find(|known| known.as_str() == outcome)
            .unwrap_or(Outcome::Unobserved),
        result: row.get(2)?,
        truncated: row.get(3)?,
        error_code: row.get(4)?,
        error_message: row.get(5)?,
        first_event_us: row.get(6)?,
        notifications: row.get(7)?,
        bytes_out: row.get(8)?,
        coverage: coverage_named(&coverage),
        continued_as: row.get(10)?,
    })
}

fn coverage_named(word: &str) -> Coverage {
    Coverage::ALL.into_iter().find(|known| known.as_str() == word).unwrap_or(Coverage::Unobserved)
}

fn primitive_word(word: &str) -> &'static str {
    use protocol::PrimitiveKind::{Other, Prompt, Resource, Task, Tool};
    [Tool, Resource, Prompt, Task, Other]
        .into_iter()
        .map(protocol::PrimitiveKind::as_str)
        .find(|known| *known == word)
        .unwrap_or(Other.as_str())
}
