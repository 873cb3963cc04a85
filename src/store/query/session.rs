//! One session part.

use super::answer::{Found, OtherPart, Session, SessionEvent, SessionPart};
use super::call::{raw, request_id};
use super::facets::facets_of_day;
use super::filter::{Filter, Scope};
use super::id::{PartId, Time};
use super::limits::{DayError, Limits, QueryError};
use super::parts::View;
use super::selection::{Selection, params_of};
use super::sessions::{describe, some};
use super::{EVENTS_MAX, FacetRequest, Reader};
use crate::directory::day_name;
use record::IdSource;
use rusqlite::{Connection, OptionalExtension};

impl Reader {
    /// One session part.
    pub fn session(
        &mut self,
        id: PartId,
        limits: &Limits<'_>,
    ) -> Result<Found<Session>, QueryError> {
        let (mut warnings, scope) = (Vec::new(), self.scope.clone());
        let found = self.files.ask(id.day, limits, &mut warnings, |connection| {
            let server = server_of(connection, id.part, &scope)?;
            let filter = Filter::default();
            let selection = Selection::of(connection, &filter, &scope)?;
            let view = View::new(connection, id.day, &selection, limits);
            let session = read_session(&view, id)?;
            Ok((session, server))
        })?;
        let (mut session, server) = found.ok_or(QueryError::NotFound)?;
        for entry in self.files.days()?.into_iter().rev() {
            let session_id = session.part.session_id.as_str();
            let other = self.files.ask(entry.day, limits, &mut warnings, |connection| {
                Ok(other_part(connection, entry.day, session_id, &server)?)
            })?;
            session.parts.extend(other.flatten());
        }
        Ok(Found { value: session, warnings })
    }
}

/// The name of a part's server, if there is such a part and it may be seen.
pub(crate) fn server_of(
    connection: &Connection,
    part: i64,
    scope: &Scope,
) -> Result<String, DayError> {
    let server: Option<String> = connection
        .prepare_cached(
            "SELECT s.name FROM parts p JOIN servers s ON s.server = p.server WHERE p.part = ?1",
        )?
        .query_row([part], |row| row.get(0))
        .optional()?;
    Ok(server.filter(|server| scope.has(server)).ok_or(QueryError::NotFound)?)
}

fn read_session(view: &View<'_>, id: PartId) -> Result<Session, DayError> {
    let candidate = view.candidate(id.part)?.ok_or(QueryError::NotFound)?;
    let calls = candidate.calls.cast_unsigned();
    let part = describe(view, vec![(candidate, calls)])?.pop().ok_or(QueryError::NotFound)?;
    let (params, user_agent, has_credential): (String, String, bool) = view
        .connection
        .prepare_cached(
            "SELECT a.params, a.user_agent, a.credential <> 0 FROM parts p JOIN actors a ON a.actor = p.actor \
             WHERE p.part = ?1",
        )?
        .query_row([id.part], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let grouped_by = grouped_by(&part, &params, has_credential);
    let facets = facets_of_day(view, vec![candidate], &FacetRequest::default())?;
    let events_total: i64 = view
        .connection
        .prepare_cached("SELECT count(*) FROM events WHERE part = ?1")?
        .query_row([id.part], |row| row.get(0))?;
    let mut statement = view.connection.prepare_cached(
        "SELECT at, kind, count, status, request_id FROM events WHERE part = ?1 \
         ORDER BY event LIMIT ?2",
    )?;
    let rows = statement.query_map((id.part, EVENTS_MAX as i64), |row| {
        Ok(SessionEvent {
            at: Time(row.get(0)?),
            kind: row.get(1)?,
            count: row.get::<_, i64>(2)?.max(0).cast_unsigned(),
            status: row.get::<_, u16>(3).map(|status| (status != 0).then_some(status))?,
            request_id: request_id(row.get(4)?),
        })
    })?;
    let events = rows.collect::<rusqlite::Result<_>>()?;
    Ok(Session {
        part,
        params: raw(params),
        grouped_by,
        user_agent: some(user_agent),
        facets,
        parts: Vec::new(),
        events,
        events_total: events_total.max(0).cast_unsigned(),
    })
}

/// The first revision whose requests each name their client.
const STATELESS: &str = "2026-07-28";

/// What made the calls of a part one session, by the built-in rules (`exchange`, `derived_group`).
fn grouped_by(part: &SessionPart, params: &str, has_credential: bool) -> Vec<String> {
    let source = IdSource::ALL.into_iter().find(|it| it.as_str() == part.id_source);
    let mut found: Vec<String> = match source {
        Some(IdSource::Derived) if part.user.is_some() => vec!["user".to_owned()],
        Some(IdSource::Derived) if has_credential => vec!["credential".to_owned()],
        Some(IdSource::Derived | IdSource::None) => {
            vec!["address".to_owned(), "user_agent".to_owned()]
        }
        _ => {
            let params = params_of(params).into_iter();
            params
                .filter(|(_, value)| *value == part.session_id)
                .map(|(name, _)| format!("param.{name}"))
                .collect()
        }
    };
    let is_stateless = part.protocol_version.as_deref().is_some_and(|it| it >= STATELESS);
    if source == Some(IdSource::Derived) && is_stateless && part.client.is_some() {
        found.push("client".to_owned());
    }
    if found.is_empty() {
        found.push("session_id".to_owned());
    }
    found
}

fn other_part(
    connection: &Connection,
    day: i32,
    session_id: &str,
    server: &str,
) -> rusqlite::Result<Option<OtherPart>> {
    connection
        .prepare_cached(
            "SELECT p.part, p.started_at, p.last_at, p.calls FROM parts p \
             JOIN servers s ON s.server = p.server WHERE p.session_id = ?1 AND s.name = ?2",
        )?
        .query_row((session_id, server), |row| {
            Ok(OtherPart {
                id: PartId { day, part: row.get(0)? },
                day: day_name(day),
                started_at: Time(row.get(1)?),
                last_at: Time(row.get(2)?),
                calls: row.get::<_, i64>(3)?.max(0).cast_unsigned(),
            })
        })
        .optional()
}
