//! Calls on their way into the batch, and answers on their way to calls.

use crate::batch::{Batch, has_row};
use crate::day::{Day, Mode};
use crate::dictionary::{KINDS_MAX, KindFields};
use crate::directory::DAY_US;
use crate::failure::Failure;
use crate::flush::count_row;
use crate::kind::{OpenKind, extra};
use crate::page::{
    ARGUMENTS_TRUNCATED, CallRow, MINUTE_US, OwnAnswer, Page, Placed, RESULT_TRUNCATED, RequestKey,
    RpcKey, Tally, bucket_of, hex_bytes, signed,
};
use crate::place::no_file;
use crate::{answers, attacks, part};
use protocol::RpcId;
use record::{
    Call, CallRef, Coverage, Direction, Event, EventKind, Exchange, Micros, Outcome, PartRef,
};
use rusqlite::params;
use std::borrow::Cow;

impl Batch<'_> {
    /// Takes a new call.
    pub(crate) fn add_call(
        &mut self,
        part: PartRef,
        exchange: &Exchange<'_>,
        call: &Call<'_>,
    ) -> Result<Option<CallRef>, Failure> {
        let Some(placed) = self.placed(part) else { return Ok(None) };
        let Some((day, part)) = self.page.touched.get(placed.touched).map(|t| (t.day, t.part))
        else {
            return Ok(None);
        };
        let answer = OwnAnswer::from(&call.answer);
        let protocol_version = self.revision(day, part, call.protocol_version);
        let (objectors, attacks) = match call.attacks {
            [] => Default::default(),
            attacks => self.objectors(day, attacks)?,
        };
        let fields = KindFields {
            direction: direction_word(call.direction),
            http_method: exchange.http_method,
            status: exchange.status,
            method: call.method,
            primitive: call.primitive.map(|primitive| (primitive.kind.as_str(), primitive.name)),
            outcome: answer.outcome.as_str(),
            error_code: answer.error_code,
            coverage_request: call.coverage.as_str(),
            coverage_response: answer.coverage.as_str(),
            protocol_version: &protocol_version,
            attacks: &attacks,
        };
        let (kind, is_kind_overflow) = self.kind(day, &fields)?;
        let is_stored = answer.outcome != Outcome::Blocked
            || self.takes_blocked(day, part, placed.actor, kind, call.at);
        let extra = (is_stored && (is_kind_overflow || placed.is_overflow))
            .then(|| extra(&fields, exchange, is_kind_overflow, placed.is_overflow));
        let is_pending = answer.outcome == Outcome::Pending;
        let row = self.early_row(day, is_stored && (is_pending || answer.continued_as.is_some()));
        let continues = match call.continues {
            Some(fingerprint) => self.round(day, fingerprint.cast_signed())?,
            None => None,
        };
        let index = self.page.rows.len();
        let mut new = CallRow {
            touched: placed.touched,
            row,
            actor: placed.actor,
            kind,
            at: call.at,
            duration_us: (!is_pending)
                .then(|| answer.duration_us.unwrap_or_else(|| (answer.at - call.at).max(0))),
            first_event_us: answer.first_event_us,
            notifications: answer.notifications,
            bytes_in: signed(call.bytes_in),
            bytes_out: answer.bytes_out,
            flags: 0,
            outcome: answer.outcome,
            rpc_id: RpcKey::from(call.rpc_id),
            request_id: RequestKey::Text(None),
            continues,
            arguments: None,
            result: None,
            error_message: None,
            extra: extra.and_then(|text| self.page.push(&text)),
            direction: call.direction,
            continued_as: answer.continued_as,
            open_kind: is_pending.then(|| Box::new(OpenKind::from(&fields))),
            is_attacked: false,
        };
        if !is_stored {
            self.count_unstored(&new, call, &objectors);
            return Ok(None);
        }
        if !objectors.is_empty() {
            new.is_attacked = true;
            self.add_attacks(&new, Some(index), call, &objectors);
        }
        keep_texts(&mut self.page, &mut new, exchange, call);
        let page = &mut self.page;
        page.rows.push(new);
        if row != 0 {
            page.early.insert((day, row), index);
        }
        if let (Some(fingerprint), true) = (answer.continued_as, row != 0) {
            page.rounds.insert(fingerprint, (day, row));
        }
        if !is_pending {
            return Ok(None);
        }
        self.await_answer(placed, index, day, part)?;
        Ok(Some(CallRef { day, row }))
    }

    /// Whether a blocked call is stored, or only counted.
    fn takes_blocked(&mut self, day: i32, part: i64, actor: i64, kind: i64, at: Micros) -> bool {
        let minute = at.div_euclid(MINUTE_US);
        let open = self.writer.days.open_mut(day);
        open.is_none_or(|open| open.flood.takes_call(minute, part, actor, kind))
    }

    /// Counts a call that is like many before it.
    fn count_unstored(&mut self, row: &CallRow, call: &Call<'_>, objectors: &[i64]) {
        self.add_attacks(row, None, call, objectors);
        let Page { touched, tallies, loads, unstored, .. } = &mut self.page;
        count_row(row, touched, tallies, loads);
        *unstored += 1;
        self.committed.count_call(row.outcome);
    }

    /// The revision of a call: its own, else what its session negotiated.
    fn revision<'t>(&mut self, day: i32, part: i64, said: &'t str) -> Cow<'t, str> {
        if !said.is_empty() {
            return Cow::Borrowed(said);
        }
        let state = self.writer.days.open_mut(day).and_then(|day| day.parts.get_mut(part));
        Cow::Owned(state.map(|state| state.learned.protocol_version.clone()).unwrap_or_default())
    }

    /// The number of a kind of call, and whether the day names no more of them, so that the
    /// call's own words have to stand in the call.
    pub(crate) fn kind(
        &mut self,
        day: i32,
        fields: &KindFields<'_>,
    ) -> Result<(i64, bool), Failure> {
        let keyed = &self.writer.keyed;
        let Some(open) = self.writer.days.open_mut(day) else { return Err(no_file(day)) };
        let Day { kinds, connection, path, .. } = open;
        let failure = |error: rusqlite::Error| Failure::sqlite(&path.display().to_string(), &error);
        if let Some(kind) = fields.number(keyed, kinds, connection, KINDS_MAX).map_err(failure)? {
            return Ok((kind, false));
        }
        // Outcomes alone are few, so this one always finds room.
        let common = KindFields {
            http_method: "",
            method: "",
            primitive: fields.primitive.map(|(kind, _)| (kind, "")),
            // Which of them is a number of the configuration; what combinations there are, traffic
            // decides.
            attacks: fields.attacks.split(',').next().unwrap_or(""),
            error_code: None,
            protocol_version: "",
            ..*fields
        };
        let kind = common.number(keyed, kinds, connection, i64::MAX).map_err(failure)?;
        Ok((kind.unwrap_or_default(), true))
    }

    /// A row for a call that is referred to before the batch is written; else 0.
    fn early_row(&mut self, day: i32, is_wanted: bool) -> i64 {
        match self.writer.days.open_mut(day) {
            Some(open) if is_wanted => {
                let row = open.next_call;
                open.next_call = row.saturating_add(1);
                row
            }
            _ => 0,
        }
    }

    /// The call that a retry continues, on this day; a round on an earlier day has no link.
    fn round(&mut self, day: i32, fingerprint: i64) -> Result<Option<i64>, Failure> {
        if let Some((of, row)) = self.page.rounds.get(&fingerprint) {
            return Ok((*of == day).then_some(*row));
        }
        let Some(open) = self.writer.days.open_mut(day) else { return Ok(None) };
        answers::round(open, fingerprint)
    }

    /// A pending call takes an answer that came before it, or is put where its answer finds it.
    fn await_answer(
        &mut self,
        placed: Placed,
        index: usize,
        day: i32,
        part: i64,
    ) -> Result<(), Failure> {
        let Some(row) = self.page.rows.get(index) else { return Ok(()) };
        let (direction, rpc_id) = (row.direction, row.rpc_id.clone());
        let Some(open) = self.writer.days.open_mut(day) else { return Ok(()) };
        if let Some(early) = answers::take(open, part, direction, &rpc_id)? {
            return self.fill_row(day, index, &early.as_answer());
        }
        self.page.waiting.insert((placed.touched, direction, rpc_id), index);
        Ok(())
    }

    /// Puts an answer into a call of this batch.
    fn fill_row(&mut self, day: i32, index: usize, answer: &OwnAnswer<'_>) -> Result<(), Failure> {
        let open_kind = self.page.rows.get_mut(index).and_then(|row| row.open_kind.take());
        let Some(open_kind) = open_kind else { return Ok(()) };
        let (kind, _) = self.kind(day, &open_kind.answered(answer))?;
        let row = self.page.rows.get(index).map_or(0, |row| row.row);
        self.page.fill(index, kind, answer);
        if let Some(fingerprint) = answer.continued_as {
            self.page.rounds.insert(fingerprint, (day, row));
        }
        Ok(())
    }

    /// Completes a call by its row. `false`: it is not there, or was answered already.
    pub(crate) fn complete_call(
        &mut self,
        day: i32,
        row: i64,
        answer: &OwnAnswer<'_>,
    ) -> Result<bool, Failure> {
        if let Some(index) = self.page.early.get(&(day, row)).copied() {
            let was_open = self.page.rows.get(index).is_some_and(|row| row.open_kind.is_some());
            self.fill_row(day, index, answer)?;
            return Ok(was_open);
        }
        let now = self.now;
        if self.writer.days.open(day, Mode::Existing, now)?.is_none() {
            return Ok(false);
        }
        let Some(open) = self.open_day(day)? else { return Ok(false) };
        let Some(stored) = answers::pending_call(open, row)? else { return Ok(false) };
        let (kind, _) = self.kind(day, &stored.kind.answered(answer))?;
        let duration_us = answer.duration_us.unwrap_or_else(|| (answer.at - stored.at).max(0));
        let Some(open) = self.writer.days.open_mut(day) else { return Ok(false) };
        answers::write(open, row, kind, duration_us, &stored, answer)?;
        if !stored.kind.attacks.is_empty() {
            attacks::answered(open, row, kind)?;
        }
        if let Some(fingerprint) = answer.continued_as {
            self.page.rounds.insert(fingerprint, (day, row));
        }
        let hour = hour_of(stored.at);
        let tally = Tally {
            day,
            part: stored.part,
            hour,
            actor: stored.actor,
            kind: stored.number,
            calls: -1,
            duration_us: 0,
            bytes: 0,
        };
        let bytes = stored.bytes_in.saturating_add(answer.bytes_out);
        let answered = Tally { kind, calls: 1, duration_us, bytes, ..tally };
        self.page.tallies.extend([tally, answered]);
        let (server, loads) = (stored.server, &mut self.page.loads);
        loads.add(&tally, server, stored.at, bucket_of(None, stored.is_probing));
        let bucket = bucket_of(Some(duration_us), stored.is_probing);
        loads.add(&answered, server, stored.at, bucket);
        let is_error = answer.outcome.is_error() && !stored.is_probing;
        loads.add_errors(day, server, stored.at, i64::from(is_error));
        let touched = self.page.touch(day, stored.part);
        if let Some(touched) = self.page.touched.get_mut(touched) {
            touched.server = server;
            touched.is_probing = stored.is_probing;
            touched.started_at = touched.started_at.min(stored.at);
            touched.last_at = touched.last_at.max(answer.at);
            touched.errors += i64::from(answer.outcome.is_error());
            touched.blocked += i64::from(answer.outcome == Outcome::Blocked);
            // What the call had when it was stored is in the sum already.
            let more = answer.notifications.saturating_sub(stored.notifications);
            touched.notifications = touched.notifications.saturating_add(more.into());
        }
        if let Some(count) = self.committed.completed.get_mut(answer.outcome as usize) {
            *count += 1;
        }
        Ok(true)
    }

    /// Completes a call by its id, or keeps the answer until the call is there.
    pub(crate) fn answer_call(
        &mut self,
        part: PartRef,
        direction: Direction,
        rpc_id: &RpcId,
        answer: &OwnAnswer<'_>,
        is_kept: bool,
    ) -> Result<(), Failure> {
        let Some(placed) = self.placed(part) else { return Ok(()) };
        let Some((day, part)) = self.page.touched.get(placed.touched).map(|t| (t.day, t.part))
        else {
            return Ok(());
        };
        let rpc_id = RpcKey::from(rpc_id);
        if rpc_id == RpcKey::None {
            return Ok(());
        }
        let waiting = (placed.touched, direction, rpc_id);
        if let Some(index) = self.page.waiting.remove(&waiting) {
            return self.fill_row(day, index, answer);
        }
        let (_, _, rpc_id) = waiting;
        let Some(open) = self.writer.days.open_mut(day) else { return Ok(()) };
        if let Some(row) = answers::find_pending(open, part, direction, &rpc_id)? {
            return self.complete_call(day, row, answer).map(|_| ());
        }
        if let Some((before, row)) = self.pending_before(day, part, direction, &rpc_id)? {
            return self.complete_call(before, row, answer).map(|_| ());
        }
        let Some(open) = self.writer.days.open_mut(day) else { return Ok(()) };
        if is_kept { answers::keep(open, part, direction, &rpc_id, answer) } else { Ok(()) }
    }

    /// The pending call on the day before that an answer of a continued session is for.
    fn pending_before(
        &mut self,
        day: i32,
        part: i64,
        direction: Direction,
        rpc_id: &RpcKey,
    ) -> Result<Option<(i32, i64)>, Failure> {
        let now = self.now;
        let Some(open) = self.writer.days.open_mut(day) else { return Ok(None) };
        let Some((before, session_id, server)) = answers::continued(open, part)? else {
            return Ok(None);
        };
        let Some(open) = self.writer.days.open(before, Mode::Existing, now)? else {
            return Ok(None);
        };
        let found = answers::part_named(open, &session_id, &server)?;
        let Some(part) = found else { return Ok(None) };
        let row = answers::find_pending(open, part, direction, rpc_id)?;
        Ok(row.map(|row| (before, row)))
    }

    /// The client gave a call up.
    pub(crate) fn cancel_call(
        &mut self,
        part: PartRef,
        rpc_id: &RpcId,
        at: Micros,
    ) -> Result<(), Failure> {
        let answer = OwnAnswer {
            at,
            outcome: Outcome::Cancelled,
            result: None,
            truncated: false,
            error_code: None,
            error_message: None,
            duration_us: None,
            first_event_us: None,
            notifications: 0,
            bytes_out: 0,
            coverage: Coverage::Unobserved,
            continued_as: None,
        };
        self.answer_call(part, Direction::Client, rpc_id, &answer, false)
    }

    /// Takes an event of a session.
    pub(crate) fn add_event(
        &mut self,
        part: PartRef,
        exchange: &Exchange<'_>,
        event: &Event,
    ) -> Result<(), Failure> {
        let Some(placed) = self.placed(part) else { return Ok(()) };
        let Some(touched) = self.page.touched.get_mut(placed.touched) else { return Ok(()) };
        let (day, part) = (touched.day, touched.part);
        touched.last_at = touched.last_at.max(event.at);
        if matches!(event.kind, EventKind::Notifications | EventKind::StreamClosed) {
            touched.notifications = touched.notifications.saturating_add(event.count.into());
        }
        let Some(open) = self.writer.days.open_mut(day) else { return Ok(()) };
        let state = open.parts.get_mut(part);
        let ends = match event.kind {
            EventKind::Deleted => true,
            EventKind::NotFound => {
                state.as_ref().is_some_and(|state| is_same_actor(&state.learned, exchange))
            }
            _ => false,
        };
        if ends {
            if touched.ended.is_none() {
                touched.ended = Some((event.at, event.kind));
            }
            if let Some(state) = state {
                state.is_ended = true;
            }
        }
        if !has_row(event.kind) {
            return Ok(());
        }
        self.committed.events += 1;
        let request: &dyn rusqlite::ToSql = match &hex_bytes(exchange.request_id) {
            Some(bytes) => &bytes.to_vec(),
            None => &exchange.request_id,
        };
        open.connection
            .prepare_cached(
                "INSERT INTO events (part, actor, at, kind, count, status, request_id) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )
            .and_then(|mut statement| {
                statement.execute(params![
                    part,
                    placed.actor,
                    event.at,
                    event.kind.as_str(),
                    event.count,
                    exchange.status,
                    request
                ])
            })
            .map_err(|error| open.failure(&error))?;
        Ok(())
    }
}

/// Keeps the texts of a new call.
fn keep_texts(page: &mut Page, row: &mut CallRow, exchange: &Exchange<'_>, call: &Call<'_>) {
    row.request_id = match hex_bytes(exchange.request_id) {
        Some(bytes) => RequestKey::Bytes(bytes),
        None => RequestKey::Text(page.push(exchange.request_id)),
    };
    row.arguments = page.push_payload(call.arguments);
    row.result = page.push_payload(call.answer.result);
    row.error_message = call.answer.error_message.and_then(|text| page.push(text));
    if call.arguments.is_some_and(|payload| payload.truncated) {
        row.flags |= ARGUMENTS_TRUNCATED;
    }
    if call.answer.result.is_some_and(|payload| payload.truncated) {
        row.flags |= RESULT_TRUNCATED;
    }
}

/// Whether an exchange comes from whom the session belongs to: a stranger's 404 ends nothing.
fn is_same_actor(learned: &part::Learned, exchange: &Exchange<'_>) -> bool {
    let identity = &exchange.identity;
    if learned.user.is_empty() && learned.credential == 0 {
        return identity.user.is_empty() && identity.credential == 0;
    }
    (!learned.user.is_empty() && learned.user == identity.user)
        || (learned.credential != 0 && learned.credential == identity.credential.cast_signed())
}

/// The hour of the day of a time.
pub(crate) fn hour_of(at: Micros) -> i64 {
    at.rem_euclid(DAY_US) / (DAY_US / 24)
}

/// The word of a direction in the database.
pub(crate) const fn direction_word(direction: Direction) -> &'static str {
    match direction {
        Direction::Client => "client",
        Direction::Server => "server",
    }
}
