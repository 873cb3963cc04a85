//! The batch's rows, written in the order that touches the fewest pages.
//!
//! Calls are sorted by session part, so that the calls of one part are a run of consecutive rows:
//! `runs` then needs one row a part and batch, where an index would need one a call.

use crate::batch::Batch;
use crate::calls::{direction_word, hour_of};
use crate::day::Day;
use crate::failure::Failure;
use crate::page::{CallRow, Loads, Page, RequestKey, Tally, Touched, bucket_of};
use crate::{attacks, rollup};
use record::{Micros, Outcome};
use rusqlite::{Connection, Statement, params, types::Null};
use rustc_hash::FxHashMap;

const INSERT_CALL: &str = "INSERT INTO call_rows (call, part, actor, kind, step, at, duration_us, \
     first_event_us, notifications, bytes_in, bytes_out, flags, rpc_id, request_id, continues, \
     arguments, result, error_message, extra) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)";
const INSERT_RUN: &str = "INSERT INTO runs (part, first_call, last_call, change, last_at) \
     VALUES (?1, ?2, ?3, ?4, ?5)";
const NEXT_CHANGE: &str = "INSERT INTO meta (key, value) VALUES ('changes', 1) \
     ON CONFLICT (key) DO UPDATE SET value = value + 1 RETURNING value";
const UPSERT_TALLY: &str = "INSERT INTO tallies (part, hour, actor, kind, calls, duration_us, \
     duration_max_us, bytes_max) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO UPDATE SET calls = calls + ?5, \
     duration_us = duration_us + ?6, duration_max_us = max(duration_max_us, ?7), \
     bytes_max = max(bytes_max, ?8)";
const DELETE_TALLY: &str = "DELETE FROM tallies \
     WHERE part = ?1 AND hour = ?2 AND actor = ?3 AND kind = ?4 AND calls <= 0";
/// Failed probes and refused logins count as no errors of their part.
const UPDATE_PART: &str = "UPDATE parts SET started_at = min(started_at, ?2), \
     last_at = max(last_at, ?3), calls = calls + ?4, \
     errors = errors + iif(id_source = 'none', 0, ?5), blocked = blocked + ?6, \
     notifications = notifications + ?7, bytes_in = bytes_in + ?8, bytes_out = bytes_out + ?9, \
     change = ?10, attacks = attacks + ?11 WHERE part = ?1";
const UPDATE_LEARNED: &str = "UPDATE parts SET actor = ?2, protocol_version = ?3, \
     server_info = ?4, server_version = ?5 WHERE part = ?1";
const UPDATE_ENDED: &str = "UPDATE parts SET ended_at = ?2, ended_by = ?3 \
     WHERE part = ?1 AND ended_at IS NULL";
const INSERT_PENDING: &str =
    "INSERT OR REPLACE INTO pending (part, direction, rpc_id, call) VALUES (?1, ?2, ?3, ?4)";
const UPSERT_WRITER: &str = "INSERT INTO writers (writer, exchanges, calls, written_at) \
     VALUES (?1, ?2, ?3, ?4) ON CONFLICT (writer) DO UPDATE SET exchanges = exchanges + ?2, \
     calls = calls + ?3, written_at = max(written_at, ?4)";

impl Batch<'_> {
    /// Writes all rows and commits: other days first, so that what a kill between two commits
    /// leaves behind is counted in the day it is in.
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        let order = self.sorted_rows();
        let now = self.now;
        let present = self.present_day;
        let Self { writer, page, committed, .. } = self;
        let Page { touched, tallies, loads, rows, .. } = page;
        for row in rows.iter() {
            count_row(row, touched, tallies, loads);
            if let Some(touched) = touched.get_mut(row.touched) {
                touched.stored += 1;
            }
            committed.count_call(row.outcome);
        }
        page.tallies.sort_unstable();
        page.part_actors.sort_unstable();
        page.part_actors.dedup();
        let id = writer.settings.writer.as_str();
        for day in writer.days.iter_mut().filter(|day| day.in_transaction) {
            let (attacks, evidence) = write_day(day, page, &order)?;
            committed.attacks_left_out += attacks;
            committed.evidence_left_out += evidence;
            write_totals(day, id, now)?;
        }
        let days = &mut writer.days;
        for is_present in [false, true] {
            for day in days.iter_mut().filter(|day| day.in_transaction) {
                if (day.day == present) == is_present {
                    day.commit()?;
                }
            }
        }
        Ok(())
    }

    /// Rows by part, in the order they came; those that have a row number already come first,
    /// because numbers are given in that order.
    fn sorted_rows(&self) -> Vec<u32> {
        let page = &self.page;
        let mut order: Vec<(bool, i32, i64, u32)> = page
            .rows
            .iter()
            .zip(0_u32..)
            .map(|(row, index)| {
                let (day, part) = page.touched.get(row.touched).map_or((0, 0), |t| (t.day, t.part));
                (row.row == 0, day, if row.row == 0 { part } else { 0 }, index)
            })
            .collect();
        order.sort_unstable();
        order.into_iter().map(|(_, _, _, index)| index).collect()
    }
}

/// Adds a new call to the sums of its part and to the rollup.
pub(crate) fn count_row(
    row: &CallRow,
    touched: &mut [Touched],
    tallies: &mut Vec<Tally>,
    loads: &mut Loads,
) {
    let Some(touched) = touched.get_mut(row.touched) else { return };
    touched.calls += 1;
    touched.errors += i64::from(row.outcome.is_error());
    touched.blocked += i64::from(row.outcome == Outcome::Blocked);
    touched.notifications = touched.notifications.saturating_add(row.notifications.into());
    let last_at = row.at.saturating_add(row.duration_us.unwrap_or(0));
    touched.last_at = touched.last_at.max(last_at);
    let tally = Tally {
        day: touched.day,
        part: touched.part,
        hour: hour_of(row.at),
        actor: row.actor,
        kind: row.kind,
        calls: 1,
        duration_us: row.duration_us.unwrap_or(0),
        bytes: row.bytes_in.saturating_add(row.bytes_out),
    };
    tallies.push(tally);
    let bucket = bucket_of(row.duration_us, touched.is_probing);
    loads.add(&tally, touched.server, row.at, bucket);
    if row.outcome.is_error() && !touched.is_probing {
        loads.add_errors(touched.day, touched.server, row.at, 1);
    }
}

/// Returns how many attacks, and how many requests of attacks, found no room.
fn write_day(day: &mut Day, page: &Page, order: &[u32]) -> Result<(u64, u64), Failure> {
    let mut next_call = day.next_call;
    let mut numbers = FxHashMap::default();
    let written = next_change(&day.connection, day.day, page).and_then(|change| {
        let calls = write_calls(
            &day.connection,
            day.day,
            change,
            page,
            order,
            &mut next_call,
            &mut numbers,
        )?;
        write_parts(&day.connection, day.day, change, page)?;
        write_tallies(&day.connection, day.day, page)?;
        rollup::write_part_actors(&day.connection, day.day, page)?;
        rollup::write_loads(&day.connection, day.day, page)?;
        let left_out = attacks::write(&day.connection, day.day, page, &numbers)?;
        Ok((calls, left_out))
    });
    day.next_call = next_call;
    let (calls, left_out) = written.map_err(|error| day.failure(&error))?;
    day.calls = calls;
    Ok(left_out)
}

/// The number of this commit among those that change session parts.
fn next_change(connection: &Connection, day: i32, page: &Page) -> rusqlite::Result<i64> {
    if !page.touched.iter().any(|touched| touched.day == day) {
        return Ok(0);
    }
    connection.prepare_cached(NEXT_CHANGE)?.query_row((), |row| row.get(0))
}

fn write_calls(
    connection: &Connection,
    day: i32,
    change: i64,
    page: &Page,
    order: &[u32],
    next_call: &mut i64,
    numbers: &mut FxHashMap<usize, i64>,
) -> rusqlite::Result<u64> {
    let mut insert = connection.prepare_cached(INSERT_CALL)?;
    let mut insert_run = connection.prepare_cached(INSERT_RUN)?;
    let mut calls = 0;
    let mut blocks = rollup::Blocks::default();
    // The run being made: part, first and last call, and the part's last sign.
    let mut run: Option<(i64, i64, i64, Micros)> = None;
    let mut end_run =
        |(part, first, last, last_at)| insert_run.execute((part, first, last, change, last_at));
    for index in order {
        let Some(row) = page.rows.get(*index as usize) else { continue };
        let Some(touched) = page.touched.get(row.touched).filter(|t| t.day == day) else {
            continue;
        };
        let call = if row.row == 0 {
            let call = *next_call;
            *next_call = call.saturating_add(1);
            call
        } else {
            row.row
        };
        let first = match run {
            Some((part, first, last, _)) if part == touched.part && last + 1 == call => first,
            _ => {
                run.map(&mut end_run).transpose()?;
                call
            }
        };
        run = Some((touched.part, first, call, touched.last_at));
        blocks.add(page, row, call);
        insert_call(&mut insert, page, row, touched.part, call, call - first)?;
        if row.is_attacked {
            numbers.insert(*index as usize, call);
        }
        if row.row != 0 {
            write_links(connection, row, touched.part, call)?;
        }
        calls += 1;
    }
    run.map(&mut end_run).transpose()?;
    blocks.write(connection)?;
    Ok(calls)
}

fn insert_call(
    insert: &mut Statement<'_>,
    page: &Page,
    row: &CallRow,
    part: i64,
    call: i64,
    step: i64,
) -> rusqlite::Result<()> {
    insert.raw_bind_parameter(1, call)?;
    insert.raw_bind_parameter(2, part)?;
    insert.raw_bind_parameter(3, row.actor)?;
    insert.raw_bind_parameter(4, row.kind)?;
    insert.raw_bind_parameter(5, step)?;
    insert.raw_bind_parameter(6, row.at)?;
    insert.raw_bind_parameter(7, row.duration_us)?;
    insert.raw_bind_parameter(8, row.first_event_us)?;
    insert.raw_bind_parameter(9, row.notifications)?;
    insert.raw_bind_parameter(10, row.bytes_in)?;
    insert.raw_bind_parameter(11, row.bytes_out)?;
    insert.raw_bind_parameter(12, row.flags)?;
    insert.raw_bind_parameter(13, &row.rpc_id)?;
    match &row.request_id {
        RequestKey::Bytes(bytes) => insert.raw_bind_parameter(14, bytes.as_slice())?,
        RequestKey::Text(span) => insert.raw_bind_parameter(14, page.get(*span))?,
    }
    match row.continues {
        Some(call) => insert.raw_bind_parameter(15, call)?,
        None => insert.raw_bind_parameter(15, Null)?,
    }
    insert.raw_bind_parameter(16, page.get(row.arguments))?;
    insert.raw_bind_parameter(17, page.get(row.result))?;
    insert.raw_bind_parameter(18, page.get(row.error_message))?;
    insert.raw_bind_parameter(19, page.get(row.extra))?;
    insert.raw_execute()?;
    Ok(())
}

/// What other exchanges find a call by.
fn write_links(
    connection: &Connection,
    row: &CallRow,
    part: i64,
    call: i64,
) -> rusqlite::Result<()> {
    if row.open_kind.is_some() && row.rpc_id != crate::page::RpcKey::None {
        connection.prepare_cached(INSERT_PENDING)?.execute(params![
            part,
            direction_word(row.direction),
            row.rpc_id,
            call
        ])?;
    }
    if let Some(fingerprint) = row.continued_as {
        connection
            .prepare_cached("INSERT OR REPLACE INTO rounds (fingerprint, call) VALUES (?1, ?2)")?
            .execute((fingerprint, call))?;
    }
    Ok(())
}

fn write_parts(
    connection: &Connection,
    day: i32,
    change: i64,
    page: &Page,
) -> rusqlite::Result<()> {
    let mut update = connection.prepare_cached(UPDATE_PART)?;
    let mut insert_run = connection.prepare_cached(INSERT_RUN)?;
    let mut touched: Vec<&Touched> = page.touched.iter().filter(|t| t.day == day).collect();
    touched.sort_unstable_by_key(|touched| touched.part);
    for touched in touched {
        update.execute((
            touched.part,
            touched.started_at,
            touched.last_at,
            touched.calls,
            touched.errors,
            touched.blocked,
            touched.notifications,
            touched.bytes_in,
            touched.bytes_out,
            change,
            touched.attacks,
        ))?;
        if touched.stored == 0 {
            // An empty run, so that the part's last sign as of any change can be found.
            insert_run.execute((touched.part, -change, -change - 1, change, touched.last_at))?;
        }
        if let Some(learned) = &touched.learned {
            let (actor, learned) = learned.as_ref();
            connection.prepare_cached(UPDATE_LEARNED)?.execute((
                touched.part,
                actor,
                &learned.protocol_version,
                &learned.server_info,
                &learned.server_version,
            ))?;
        }
        if let Some((at, kind)) = touched.ended {
            connection.prepare_cached(UPDATE_ENDED)?.execute((touched.part, at, kind.as_str()))?;
        }
    }
    Ok(())
}

/// Adds the rollup's changes, one statement for all of one row. Sorted by the caller.
fn write_tallies(connection: &Connection, day: i32, page: &Page) -> rusqlite::Result<()> {
    let mut upsert = connection.prepare_cached(UPSERT_TALLY)?;
    let key = |tally: &Tally| (tally.day, tally.part, tally.hour, tally.actor, tally.kind);
    for same in page.tallies.chunk_by(|a, b| key(a) == key(b)) {
        let Some(first) = same.first().filter(|first| first.day == day) else { continue };
        let calls: i64 = same.iter().map(|tally| tally.calls).sum();
        let duration_us: i64 =
            same.iter().fold(0, |sum, tally| sum.saturating_add(tally.duration_us));
        let duration_max_us = same.iter().map(|tally| tally.duration_us).max().unwrap_or(0);
        let bytes_max = same.iter().map(|tally| tally.bytes).max().unwrap_or(0);
        let row = (
            first.part,
            first.hour,
            first.actor,
            first.kind,
            calls,
            duration_us,
            duration_max_us,
            bytes_max,
        );
        upsert.execute(row)?;
        if same.iter().any(|tally| tally.calls < 0) {
            let row = (first.part, first.hour, first.actor, first.kind);
            connection.prepare_cached(DELETE_TALLY)?.execute(row)?;
        }
    }
    Ok(())
}

/// Counts what this transaction settles, for whoever has to know it after a kill.
fn write_totals(day: &Day, id: &str, now: i64) -> Result<(), Failure> {
    if day.exchanges == 0 && day.calls == 0 {
        return Ok(());
    }
    let exchanges = crate::page::signed(day.exchanges);
    let calls = crate::page::signed(day.calls);
    day.connection
        .prepare_cached(UPSERT_WRITER)
        .and_then(|mut statement| statement.execute((id, exchanges, calls, now)))
        .map(|_| ())
        .map_err(|error| day.failure(&error))
}
