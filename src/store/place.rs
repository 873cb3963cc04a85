//! Which session part an exchange belongs to (product.md, point 3: grouping).

use crate::actor::{exchange_actor, identity_hash, learned_actor, overflow_actor};
use crate::batch::Batch;
use crate::day::{Day, Mode};
use crate::dictionary::Keyed;
use crate::directory::day_of;
use crate::failure::Failure;
use crate::page::{Placed, signed};
use crate::part::{Learned, PartState, Wanted, read};
use record::{Exchange, IdSource, Micros, PartRef, Patience, Place, Unannounced};
use rusqlite::{OptionalExtension, params};

/// The most session parts of a day. Further ones are kept together per MCP server.
pub(crate) const PARTS_A_DAY_MAX: i64 = 1_000_000;
/// What a writer remembers of a part that may still grow in other workers is read again after
/// this time, in microseconds.
const READ_AGAIN_US: i64 = 2_000_000;

/// The session that is looked for, or opened.
struct Session<'a> {
    source: IdSource,
    id: &'a str,
    /// 0 for sessions with an id.
    group: i64,
    /// Under which the writer remembers its part.
    key: u64,
    server: &'a str,
}

impl Batch<'_> {
    /// Finds or opens the part, and notes there what the exchange says.
    pub(crate) fn find_place(
        &mut self,
        exchange: &Exchange<'_>,
        patience: Patience,
    ) -> Result<Place, Failure> {
        let day = self.day_of_exchange(exchange);
        let claim = &exchange.session;
        let mut source = claim.source;
        let mut server = None;
        if claim.joins_stream {
            server = self.server_of_stream(day, claim.id)?;
            if server.is_none() && patience == Patience::MayWait {
                return Ok(Place::Later);
            }
            match claim.unannounced {
                _ if server.is_some() => {}
                Unannounced::Kept => {}
                Unannounced::By(rule) => source = rule,
                Unannounced::Dropped => return Ok(Place::Nowhere),
            }
        }
        let is_stream = server.is_some();
        let server = match server {
            Some(server) => server,
            None => match self.server_of(exchange, patience) {
                Some(server) => server.to_owned(),
                None => return Ok(Place::Later),
            },
        };
        let has_id = !claim.id.is_empty()
            && matches!(source, IdSource::Configured | IdSource::Header | IdSource::Query);
        let mut part = None;
        if has_id || source == IdSource::Derived {
            let session = self.session(exchange, source, &server);
            part = self.known_part(day, &session, exchange)?;
            if part.is_none() {
                if source == IdSource::Derived || claim.opens {
                    part = Some(self.new_part(day, &session, exchange, None)?);
                } else if patience == Patience::MayWait {
                    return Ok(Place::Later);
                }
            }
        }
        let part = match part {
            Some(part) => part,
            None => {
                let session = self.session(exchange, IdSource::None, &server);
                match self.known_part(day, &session, exchange)? {
                    Some(part) => part,
                    None => self.new_part(day, &session, exchange, None)?,
                }
            }
        };
        let part = self.note(day, part, exchange)?;
        Ok(if is_stream { Place::Stream(part) } else { Place::Part(part) })
    }

    /// A call stays on the day it began; a stream's bytes and events are of the day they pass.
    fn day_of_exchange(&self, exchange: &Exchange<'_>) -> i32 {
        let at = if exchange.http_method == "GET" { exchange.last_at } else { exchange.at };
        // A clock that jumped must not open files all over the calendar.
        let today = day_of(self.now);
        day_of(at).clamp(today.saturating_sub(1), today.saturating_add(1))
    }

    /// The server by its own proof, by its name, or by what is known of it.
    fn server_of<'a>(&mut self, exchange: &Exchange<'a>, patience: Patience) -> Option<&'a str> {
        let server = &exchange.server;
        let catalog = &mut self.writer.catalog;
        if server.is_named || server.is_proven {
            let is_seen = catalog.see(server.name, self.now);
            return Some(if is_seen { server.name } else { server.unproven });
        }
        if catalog.knows(server.name) {
            return Some(server.name);
        }
        (patience == Patience::Decide).then_some(server.unproven)
    }

    /// The server of the event stream that announced this id.
    fn server_of_stream(&mut self, day: i32, id: &str) -> Result<Option<String>, Failure> {
        let key = self.keyed().begin().text("stream").text(id).finish();
        for day in [day, day.saturating_sub(1)] {
            let now = self.now;
            let Some(open) = self.writer.days.open(day, Mode::Existing, now)? else { continue };
            let remembered = open.parts.find(key).and_then(|part| open.parts.get_mut(part));
            let server = match remembered {
                Some(state) => Some(state.server),
                None => {
                    let found = read(&open.connection, Wanted::Stream(id), now)
                        .map_err(|error| open.failure(&error))?;
                    let server = found.as_ref().map(|state| state.server);
                    if let Some(state) = found {
                        open.parts.put(key, state);
                    }
                    server
                }
            };
            if let Some(server) = server {
                return server_name(open, server).map(Some);
            }
        }
        Ok(None)
    }

    fn keyed(&self) -> &Keyed {
        &self.writer.keyed
    }

    fn session<'a>(
        &self,
        exchange: &Exchange<'a>,
        source: IdSource,
        server: &'a str,
    ) -> Session<'a> {
        let claim = &exchange.session;
        let mut hashing = self.keyed().begin();
        match source {
            IdSource::Configured | IdSource::Header | IdSource::Query => {
                let key = hashing.text("id").text(server).text(claim.id).finish();
                Session { source, id: claim.id, group: 0, key, server }
            }
            IdSource::Derived | IdSource::None => {
                hashing.text(source.as_str()).text(server).number(claim.group.cast_signed());
                if claim.group == 0 {
                    hashing.text(exchange.address).text(exchange.user_agent);
                }
                let key = hashing.finish().max(1);
                Session { source, id: "", group: key.cast_signed(), key, server }
            }
        }
    }

    /// The session's part on this day: remembered, in the file, or continued from the day before.
    fn known_part(
        &mut self,
        day: i32,
        session: &Session<'_>,
        exchange: &Exchange<'_>,
    ) -> Result<Option<i64>, Failure> {
        let now = self.now;
        let keyed = self.writer.keyed.clone();
        if self.open_day_to_write(day)?.is_none() {
            return Ok(None);
        }
        let at = exchange.at;
        if let Some(part) = self.remembered_part(day, session, at)? {
            return Ok(Some(part));
        }
        if session.source == IdSource::None {
            return Ok(None);
        }
        let before = day.saturating_sub(1);
        let Some(yesterday) = self.writer.days.open(before, Mode::Existing, now)? else {
            return Ok(None);
        };
        let Some(server) = server_number(yesterday, &keyed, session.server, false)? else {
            return Ok(None);
        };
        let found = read(&yesterday.connection, session.wanted(server), now)
            .map_err(|error| yesterday.failure(&error))?;
        let Some(found) = found else { return Ok(None) };
        let is_over = match session.source {
            IdSource::Derived => at.saturating_sub(found.last_at) > found.idle_us,
            // A request with the id of a session that ended belongs to it still on the day it
            // ended; later it is a stranger's.
            _ => found.is_ended && !exchange.session.opens,
        };
        if is_over {
            return Ok(None);
        }
        self.new_part(day, session, exchange, Some((before, found))).map(Some)
    }

    /// The day's file with its lock taken; made if it is missing.
    pub(crate) fn open_day_to_write(&mut self, day: i32) -> Result<Option<&mut Day>, Failure> {
        self.writer.days.open(day, Mode::Present, self.now)?;
        self.open_day(day)
    }

    fn remembered_part(
        &mut self,
        day: i32,
        session: &Session<'_>,
        at: Micros,
    ) -> Result<Option<i64>, Failure> {
        let now = self.now;
        let keyed = self.writer.keyed.clone();
        let Some(open) = self.writer.days.open_mut(day) else { return Ok(None) };
        let is_over = |state: &PartState| {
            session.source == IdSource::Derived && at.saturating_sub(state.last_at) > state.idle_us
        };
        let remembered = open.parts.find(session.key);
        if let Some(state) = remembered.and_then(|part| open.parts.get_mut(part)) {
            let is_stale =
                now.saturating_sub(state.read_at) > READ_AGAIN_US && !state.learned.is_complete();
            if !is_over(state) && !is_stale {
                return Ok(Some(state.part));
            }
        }
        let Some(server) = server_number(open, &keyed, session.server, false)? else {
            return Ok(None);
        };
        let found = read(&open.connection, session.wanted(server), now)
            .map_err(|error| open.failure(&error))?;
        let Some(mut found) = found else { return Ok(None) };
        if let Some(state) = open.parts.get_mut(found.part) {
            // What this batch has seen is not in the file yet.
            found.last_at = found.last_at.max(state.last_at);
            if state.learned.is_complete() {
                found.learned = state.learned.clone();
            }
        }
        if is_over(&found) {
            return Ok(None);
        }
        let part = found.part;
        open.parts.put(session.key, found);
        Ok(Some(part))
    }

    /// Opens a part, as the session's first or as its continuation.
    fn new_part(
        &mut self,
        day: i32,
        session: &Session<'_>,
        exchange: &Exchange<'_>,
        before: Option<(i32, PartState)>,
    ) -> Result<i64, Failure> {
        let now = self.now;
        let at = exchange.at.max(i64::from(day) * crate::directory::DAY_US);
        let start_id = format!(
            "{:016x}",
            self.keyed().begin().number(session.group).number(exchange.at).finish()
        );
        let keyed = self.writer.keyed.clone();
        let Some(open) = self.open_day_to_write(day)? else {
            return Err(no_file(day));
        };
        let server = server_number(open, &keyed, session.server, true)?.unwrap_or_default();
        let (continues_day, mut learned, id) = match before {
            Some((day, state)) => (Some(day), state.learned, state.session_id),
            None if session.id.is_empty() => (None, Learned::default(), start_id),
            None => (None, Learned::default(), session.id.to_owned()),
        };
        learned.take(exchange);
        let sqlite =
            |error: rusqlite::Error| Failure::sqlite(&format!("the file of day {day}"), &error);
        let newest: Option<i64> = open
            .connection
            .prepare_cached("SELECT max(part) FROM parts")
            .and_then(|mut statement| statement.query_row((), |row| row.get(0)))
            .map_err(sqlite)?;
        let (id, source) = if newest.unwrap_or(0) >= PARTS_A_DAY_MAX {
            ("overflow".to_owned(), IdSource::None)
        } else {
            (id, session.source)
        };
        let actor = learned_actor(open, &keyed, &learned)?;
        let idle_us = exchange.session.idle_us;
        open.connection
            .prepare_cached(
                "INSERT INTO parts (server, session_id, id_source, session_group, idle_us, \
                 continues_day, started_at, last_at, actor, protocol_version, server_info, \
                 server_version, calls, errors, attacks, blocked, notifications, bytes_in, \
                 bytes_out) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, ?8, ?9, ?10, ?11, \
                 0, 0, 0, 0, 0, 0, 0) ON CONFLICT (session_id, server) DO NOTHING",
            )
            .and_then(|mut statement| {
                statement.execute(params![
                    server,
                    id,
                    source.as_str(),
                    session.group,
                    idle_us,
                    continues_day,
                    at,
                    actor,
                    learned.protocol_version,
                    learned.server_info,
                    learned.server_version
                ])
            })
            .map_err(sqlite)?;
        let mut state = read(&open.connection, Wanted::Session(&id, server), now)
            .map_err(sqlite)?
            .ok_or_else(|| no_file(day))?;
        state.learned = learned;
        let part = state.part;
        open.parts.put(session.key, state);
        self.committed.parts += 1;
        Ok(part)
    }

    /// Notes what the exchange says of its part, and who acts in it.
    fn note(&mut self, day: i32, part: i64, exchange: &Exchange<'_>) -> Result<PartRef, Failure> {
        let touched = self.page.touch(day, part);
        let keyed = self.writer.keyed.clone();
        let Some(open) = self.writer.days.open_mut(day) else { return Err(no_file(day)) };
        if open.parts.get_mut(part).is_none() {
            // The memory was emptied at its bound between finding the part and now.
            let found = read(&open.connection, Wanted::Part(part), self.now)
                .map_err(|error| open.failure(&error))?
                .ok_or_else(|| no_file(day))?;
            let key = keyed.begin().text("part").number(part).finish();
            open.parts.put(key, found);
        }
        let identity = identity_hash(&keyed, exchange);
        let Some(state) = open.parts.get_mut(part) else { return Err(no_file(day)) };
        let last_at = exchange.last_at.max(exchange.at);
        state.last_at = state.last_at.max(last_at);
        let remembered = state.last_actor.filter(|(hash, _)| *hash == identity);
        let (actor, is_overflow) = match remembered {
            Some((_, actor)) => (actor, false),
            None => {
                let mut learned = state.learned.clone();
                if learned.take(exchange) {
                    // Another worker may have learned more meanwhile; the file's lock is held.
                    let found = read(&open.connection, Wanted::Part(part), self.now)
                        .map_err(|error| open.failure(&error))?;
                    if let Some(found) = found {
                        let own = std::mem::replace(&mut learned, found.learned);
                        learned.add(own);
                    }
                    if let Some(state) = open.parts.get_mut(part) {
                        state.learned = learned.clone();
                    }
                    let actor = learned_actor(open, &keyed, &learned)?;
                    if let Some(touched) = self.page.touched.get_mut(touched) {
                        touched.learned = Some(Box::new((actor, learned.clone())));
                    }
                }
                let actor = exchange_actor(open, &keyed, exchange, &learned)?;
                if let (Some(state), Some(actor)) = (open.parts.get_mut(part), actor) {
                    state.last_actor = Some((identity, actor));
                }
                let (actor, is_overflow) = match actor {
                    Some(actor) => (actor, false),
                    None => (overflow_actor(open)?, true),
                };
                self.page.part_actors.push((day, actor, part));
                (actor, is_overflow)
            }
        };
        let (server, is_probing) =
            open.parts.get_mut(part).map_or((0, false), |state| (state.server, state.is_probing));
        if let Some(touched) = self.page.touched.get_mut(touched) {
            touched.server = server;
            touched.is_probing = is_probing;
            let first = i64::from(day) * crate::directory::DAY_US;
            touched.started_at = touched.started_at.min(exchange.at.max(first));
            touched.last_at = touched.last_at.max(last_at);
            touched.bytes_in = touched.bytes_in.saturating_add(signed(exchange.bytes_in));
            touched.bytes_out = touched.bytes_out.saturating_add(signed(exchange.bytes_out));
        }
        self.last_day = day;
        let reference = PartRef(self.page.placed.len() as u64);
        self.page.placed.push(Placed { touched, actor, is_overflow });
        Ok(reference)
    }

    /// Where `place` put an exchange.
    pub(crate) fn placed(&self, part: PartRef) -> Option<Placed> {
        usize::try_from(part.0).ok().and_then(|index| self.page.placed.get(index)).copied()
    }
}

impl Session<'_> {
    fn wanted(&self, server: i64) -> Wanted<'_> {
        match self.source {
            IdSource::Configured | IdSource::Header | IdSource::Query => {
                Wanted::Session(self.id, server)
            }
            IdSource::Derived | IdSource::None => Wanted::Group(self.group, self.source),
        }
    }
}

/// Two steps disagree about a file; nothing but a bug, or a file changed by hand, leads here.
pub(crate) fn no_file(day: i32) -> Failure {
    Failure {
        reason: record::Reason::StoreFailed,
        message: format!("the file of day {day} lost a row"),
        is_busy: false,
        is_damage: false,
    }
}

/// The number of a server in the day; given if `is_wanted`.
fn server_number(
    day: &mut Day,
    keyed: &Keyed,
    name: &str,
    is_wanted: bool,
) -> Result<Option<i64>, Failure> {
    let hash = keyed.begin().text("server").text(name).finish();
    if let Some(number) = day.servers.get(hash) {
        return Ok(Some(number));
    }
    let find = |day: &Day| {
        day.connection
            .prepare_cached("SELECT server FROM servers WHERE name = ?1")
            .and_then(|mut statement| {
                statement.query_row([name], |row| row.get::<_, i64>(0)).optional()
            })
            .map_err(|error| day.failure(&error))
    };
    let number = match find(day)? {
        Some(number) => number,
        None if !is_wanted => return Ok(None),
        None => day
            .connection
            .prepare_cached("INSERT INTO servers (name) VALUES (?1)")
            .and_then(|mut statement| statement.insert([name]))
            .map_err(|error| day.failure(&error))?,
    };
    day.servers.put(hash, number);
    Ok(Some(number))
}

fn server_name(day: &Day, server: i64) -> Result<String, Failure> {
    day.connection
        .prepare_cached("SELECT name FROM servers WHERE server = ?1")
        .and_then(|mut statement| statement.query_row([server], |row| row.get(0)))
        .map_err(|error| day.failure(&error))
}
